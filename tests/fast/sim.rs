//! Seeds of the simulator: engine, connectors and twins under virtual time, judged by the twins' truth.
//!
//! A seed that fails prints itself; `rehearse::run` with the same scale plays it again. With
//! `ONESHELF_LONG=50` in the environment every evening is rehearsed with fifty times as many seeds. The
//! bugs at the end are planted: a simulator that does not find them proves nothing.

use std::{
    ops::Range,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Ack, CancelOrders, Channel, ChannelError, Connector, Descriptor, Port, Probe, PullListings,
    PullOrders, PushShipments, PushStock, ReadHooks, ReadStock, RefundOrders, RegisterHooks,
    SettingsError, ShipmentPush, StockTarget,
};
use domain::{Decimal, ListingId};
use engine::rows::ORDER_REFS;
use rehearse::{
    Coverage, Report, Scale, Weather, run, run_many, run_with,
    trace::Trace,
    world::{Tamper, Untouched},
};
use store::{Append, Batch, Range as Rows, Row, Seq, Stats, Store, StoreError, Table};

/// How many times as many seeds are asked for.
fn times() -> u64 {
    let times = std::env::var_os("ONESHELF_LONG");
    let times = times.and_then(|times| times.to_str()?.parse().ok());
    times.unwrap_or(1)
}

/// Runs seeds that must be clean, and hands back what happened.
fn clean(seeds: Range<u64>, scale: &Scale) -> Vec<Report> {
    let count = (seeds.end - seeds.start) * times();
    let reports = run_many(seeds.start..seeds.start + count, scale);
    let failed: Vec<String> = reports
        .iter()
        .filter(|report| !report.violations.is_empty())
        .map(|report| {
            format!(
                "seed {} of {scale:?}: {:#?}",
                report.seed, report.violations
            )
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    reports
}

#[test]
fn two_runs_of_one_seed_are_the_same_and_two_seeds_are_not() {
    let mut scale = Scale::small(Weather::Harsh);
    (scale.crashes, scale.outages, scale.meddling) = (4, 1, true);
    scale.busy_for *= 2;
    let whole = |seed| run_with(seed, &scale, Trace::whole(), Arc::new(Untouched));
    let (one, again, other) = (whole(1), whole(1), run(2, &scale));
    let parting = one.trace.iter().zip(&again.trace).find(|(a, b)| a != b);
    assert_eq!(parting, None, "where the two runs part");
    assert_eq!(one.trace_hash, again.trace_hash);
    assert_ne!(one.trace_hash, other.trace_hash);
    assert!(one.orders > 0 && one.facts > 0 && one.hooks > 0, "{one:?}");
    assert!(one.crashes > 0 && !one.coverage.faults.is_empty(), "{one:?}");
}

#[test]
fn a_calm_evening_ends_as_it_should() {
    let reports = clean(0..8, &Scale::small(Weather::Calm));
    // A shop is told within seconds; what is sold twice before that is measured, not hidden.
    let lags = reports.iter().flat_map(|report| &report.judgment.oversold);
    let longest = lags.filter_map(|one| one.lag_ms).max();
    assert!(longest.unwrap_or(0) < 60_000, "{longest:?}");
}

#[test]
fn an_evening_with_crashes_ends_as_it_should() {
    let mut scale = Scale::small(Weather::Calm);
    scale.crashes = 3;
    let reports = clean(100..106, &scale);
    assert!(reports.iter().any(|report| report.crashes > 0));
}

#[test]
fn an_evening_with_people_who_meddle_ends_as_it_should() {
    let mut scale = Scale::small(Weather::Lively);
    scale.meddling = true;
    clean(200..206, &scale);
}

#[test]
fn an_evening_on_which_everything_goes_wrong_ends_as_it_should() {
    let mut scale = Scale::small(Weather::Harsh);
    (scale.crashes, scale.outages) = (2, 1);
    let reports = clean(300..308, &scale);
    assert!(reports.iter().any(|report| report.crashes > 0));
    let mut all = Coverage::default();
    for report in &reports {
        all.merge(&report.coverage);
    }
    assert_eq!(all.missed()["faults"], Vec::<&str>::new());
}

#[test]
fn every_channel_is_rehearsed() {
    let mut scale = Scale::small(Weather::Lively);
    scale.shops = 2;
    for (number, (channel, _)) in (4..).zip(sandbox::TWINS) {
        scale.channels = vec![channel];
        let reports = clean(number * 100..number * 100 + 1, &scale);
        assert!(reports[0].orders > 0, "{channel}");
    }
}

/// What the checkers say of a few seeds with a planted bug, until one of them is caught.
fn caught(scale: &Scale, tamper: Arc<dyn Tamper>) -> String {
    let mut said = String::new();
    // What is broken never becomes quiet, and there is no need to wait for it; without the bug these
    // evenings are quiet by then.
    let mut scale = scale.clone();
    (scale.busy_for, scale.quiet_within) = (Duration::from_secs(25), Duration::from_secs(150));
    for seed in 0..6 {
        let sound = run(seed, &scale);
        assert_eq!(sound.violations, Vec::<String>::new(), "without the bug");
        let report = run_with(seed, &scale, Trace::default(), Arc::clone(&tamper));
        said = report.violations.join("\n");
        if !said.is_empty() {
            break;
        }
    }
    said
}

#[test]
fn an_inbox_that_forgets_what_it_acknowledged_is_caught() {
    struct Forgetful;
    impl Tamper for Forgetful {
        fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
            Arc::new(Changed {
                store,
                bug: Bug::DropsSignals,
            })
        }
    }
    let said = caught(&Scale::small(Weather::Calm), Arc::new(Forgetful));
    assert!(said.contains("P1: "), "{said}");
}

#[test]
fn a_book_that_does_not_find_its_orders_again_is_caught() {
    struct Blind;
    impl Tamper for Blind {
        fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
            Arc::new(Changed {
                store,
                bug: Bug::LosesRefs,
            })
        }
    }
    let said = caught(&Scale::small(Weather::Calm), Arc::new(Blind));
    assert!(said.contains("P2: "), "{said}");
}

#[test]
fn levels_that_are_pushed_as_changes_are_caught() {
    let said = caught(
        &Scale::small(Weather::Calm),
        Arc::new(Through(Mistake::PushesChanges)),
    );
    assert!(said.contains("P6: ") || said.contains("excuse"), "{said}");
}

#[test]
fn parcels_that_are_told_twice_are_caught() {
    let said = caught(
        &Scale::small(Weather::Calm),
        Arc::new(Through(Mistake::TellsTwice)),
    );
    assert!(said.contains("P5: ") && said.contains("2 times"), "{said}");
}

#[test]
fn parcels_that_nobody_is_told_of_are_caught() {
    let said = caught(
        &Scale::small(Weather::Calm),
        Arc::new(Through(Mistake::TellsNobody)),
    );
    assert!(said.contains("P5: ") && said.contains("0 times"), "{said}");
}

#[test]
fn levels_that_are_acknowledged_and_not_written_are_caught() {
    let said = caught(
        &Scale::small(Weather::Calm),
        Arc::new(Through(Mistake::WritesNoLevels)),
    );
    assert!(said.contains("P6: ") || said.contains("excuse"), "{said}");
}

#[test]
fn sales_that_are_not_read_are_caught() {
    let said = caught(
        &Scale::small(Weather::Calm),
        Arc::new(Through(Mistake::ReadsNoOrders)),
    );
    assert!(said.contains("is not known"), "{said}");
}

/// What a store does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Bug {
    DropsSignals,
    LosesRefs,
}

struct Changed {
    store: Arc<dyn Store>,
    bug: Bug,
}

#[async_trait]
impl Store for Changed {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        match self.bug {
            Bug::DropsSignals => Ok(signals.iter().map(|_| Seq(1)).collect()),
            Bug::LosesRefs => self.store.append(signals).await,
        }
    }

    async fn commit(&self, mut batch: Batch) -> Result<Seq, StoreError> {
        if self.bug == Bug::LosesRefs {
            batch.expects.retain(|expect| expect.table != ORDER_REFS);
        }
        self.store.commit(batch).await
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        self.store.facts_after(after, limit).await
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.fact(at).await
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.body(at).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        match self.bug {
            Bug::LosesRefs if table == ORDER_REFS => Ok(None),
            Bug::LosesRefs | Bug::DropsSignals => self.store.get(table, key).await,
        }
    }

    async fn scan(
        &self,
        table: Table,
        range: Rows,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.store.scan(table, range, limit).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

/// What a connector does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    PushesChanges,
    WritesNoLevels,
    TellsTwice,
    TellsNobody,
    ReadsNoOrders,
}

/// Opens channels that do it.
struct Through(Mistake);

impl Tamper for Through {
    fn connector(&self, connector: &'static dyn Connector) -> &'static dyn Connector {
        // A registry of connectors lives as long as the program; this one is as long as the test.
        Box::leak(Box::new(Wrong {
            connector,
            mistake: self.0,
        }))
    }
}

struct Wrong {
    connector: &'static dyn Connector,
    mistake: Mistake,
}

impl Connector for Wrong {
    fn descriptor(&self) -> &'static Descriptor {
        self.connector.descriptor()
    }

    fn schema(&self) -> schemars::Schema {
        self.connector.schema()
    }

    fn example(&self) -> &'static str {
        self.connector.example()
    }

    fn open(
        &self,
        settings: serde_json::Value,
        port: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let channel = self.connector.open(settings, port)?;
        Ok(Box::new(WrongChannel {
            channel,
            mistake: self.mistake,
        }))
    }
}

struct WrongChannel {
    channel: Box<dyn Channel>,
    mistake: Mistake,
}

#[async_trait]
impl Channel for WrongChannel {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        self.channel.probe().await
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        match self.mistake {
            Mistake::ReadsNoOrders => None,
            Mistake::PushesChanges
            | Mistake::WritesNoLevels
            | Mistake::TellsTwice
            | Mistake::TellsNobody => self.channel.pull_orders(),
        }
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        match self.mistake {
            Mistake::ReadsNoOrders => None,
            Mistake::PushesChanges
            | Mistake::WritesNoLevels
            | Mistake::TellsTwice
            | Mistake::TellsNobody => self.channel.read_hooks(),
        }
    }

    fn pull_listings(&self) -> Option<&dyn PullListings> {
        self.channel.pull_listings()
    }

    fn read_stock(&self) -> Option<&dyn ReadStock> {
        self.channel.read_stock()
    }

    fn push_stock(&self) -> Option<&dyn PushStock> {
        Some(self)
    }

    fn push_shipments(&self) -> Option<&dyn PushShipments> {
        Some(self)
    }

    fn cancel_orders(&self) -> Option<&dyn CancelOrders> {
        self.channel.cancel_orders()
    }

    fn refund_orders(&self) -> Option<&dyn RefundOrders> {
        self.channel.refund_orders()
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        self.channel.register_hooks()
    }
}

#[async_trait]
impl PushStock for WrongChannel {
    async fn push(
        &self,
        targets: &[StockTarget],
        key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let mut targets = targets.to_vec();
        if self.mistake == Mistake::PushesChanges {
            for target in &mut targets {
                let expected = target.expected.unwrap_or(Decimal::whole(0));
                let by = target.quantity.minus(expected).expect("small numbers");
                let twice = by.to_whole().expect("pieces") * 2;
                let from = expected.to_whole().expect("pieces");
                target.quantity = Decimal::whole((from + twice).max(0));
            }
        }
        if self.mistake == Mistake::WritesNoLevels {
            let applied = Ack::Applied { reference: None };
            let listings = targets.into_iter().map(|target| target.listing);
            return Ok(listings.map(|listing| (listing, applied.clone())).collect());
        }
        let push = self.channel.push_stock().expect("all of ours push");
        push.push(&targets, key).await
    }
}

#[async_trait]
impl PushShipments for WrongChannel {
    async fn find(&self, shipment: &ShipmentPush) -> Result<Option<Ack>, ChannelError> {
        let push = self.channel.push_shipments().expect("all of ours push");
        push.find(shipment).await
    }

    async fn push(&self, shipment: &ShipmentPush) -> Result<Ack, ChannelError> {
        let push = self.channel.push_shipments().expect("all of ours push");
        if self.mistake == Mistake::TellsNobody {
            return Ok(Ack::Applied { reference: None });
        }
        if self.mistake == Mistake::TellsTwice {
            let mut again = shipment.clone();
            again.key.push_str("-again");
            push.push(&again).await?;
        }
        push.push(shipment).await
    }
}
