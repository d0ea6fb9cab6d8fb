//! A shop with many goods, and our own program: what happens when its levels change without orders,
//! when many change at once, when we would empty it by mistake, and when we are cut off while comparing.

mod paused;

use std::{
    collections::BTreeMap,
    future::Future,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Ack, CancelOrders, Channel, ChannelError, Connector, Descriptor, OrderReading, OrderWindow,
    Page, Port, Probe, PullListings, PullOrders, PushShipments, PushStock, ReadHooks, ReadStock,
    RefundOrders, RegisterHooks, SettingsError, StockTarget,
};
use domain::{
    AccountId, Decimal, ExternalId, ListingId, Sku, Time,
    book::{Drift, Settlement},
    breaker::{Breaker, Side},
    decide::Authority,
    offer::QuantityMeaning,
    signal::{Change, Command, Signal, Whose},
    snapshot::{LevelSnapshot, ListingSnapshot, OrderSnapshot},
    stock::{LocationId, Stock},
};
use engine::{
    AccountConfig, Config, Engine,
    account::{Mode, ModeOverride, Pace},
    decider::{Alongside, Policy},
    erasing::Privacy,
    reading::reconcile::Comparison,
    rows::{BREAKERS, COMPARISONS, DRIFTS, STOCK, key},
};
use rehearse::{
    executor::{Executor, Group, Stopped},
    rows::Rows,
};
use store::Memory;

use crate::kiosk::Room;

/// A shop that sells nothing while we look.
#[derive(Clone)]
struct Stand(Arc<Mutex<Shelf>>, &'static Descriptor);

struct Shelf {
    levels: BTreeMap<String, i64>,
    /// So many readings are answered, and the next never.
    readings_left: Option<u32>,
    written: Vec<(String, i64)>,
    /// How often its orders were asked for, since when the last time, and since when at the earliest.
    polls: u32,
    since: Option<Time>,
    earliest: Option<Time>,
    /// Who holds it keeps orders from being read.
    orders: Arc<tokio::sync::Mutex<()>>,
}

impl Stand {
    fn new(goods: usize) -> &'static Stand {
        Stand::of(&STAND, goods)
    }

    fn of(descriptor: &'static Descriptor, goods: usize) -> &'static Stand {
        let levels = (0..goods).map(|number| (format!("G-{number:03}"), 5));
        Box::leak(Box::new(Stand(
            Arc::new(Mutex::new(Shelf {
                levels: levels.collect(),
                readings_left: None,
                written: Vec::new(),
                polls: 0,
                since: None,
                earliest: None,
                orders: Arc::default(),
            })),
            descriptor,
        )))
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().expect("nobody panics")
    }

    fn set_all(&self, level: i64) {
        self.shelf().levels.values_mut().for_each(|at| *at = level);
    }

    fn at_zero(&self) -> usize {
        self.shelf().levels.values().filter(|at| **at == 0).count()
    }
}

/// Its orders are listed late.
static LATE: Descriptor = Descriptor {
    orders_lag_s: 60,
    ..STAND_IS
};

static STAND: Descriptor = STAND_IS;

const STAND_IS: Descriptor = Descriptor {
    id: "stand",
    title: "Stand",
    auth: "none",
    quota: channel::Quota {
        per_second: 10,
        burst: 10,
        rest: None,
        said: None,
    },
    hook_topics: &[],
    quantity: QuantityMeaning::Available,
    compares: false,
    push_batch_max: 4,
    writes_per_listing_per_day: None,
    poll_overlap_s: 60,
    orders_lag_s: 0,
    subtracts_when: "at once",
    is_by_hand: false,
    quirks: &[],
};

impl Connector for Stand {
    fn descriptor(&self) -> &'static Descriptor {
        self.1
    }

    fn schema(&self) -> schemars::Schema {
        schemars::Schema::default()
    }

    fn example(&self) -> &'static str {
        ""
    }

    fn open(&self, _: serde_json::Value, _: Port) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Channel for Stand {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        Ok(Probe {
            shop: "Stand".to_owned(),
            version: "1".to_owned(),
            warnings: Vec::new(),
        })
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        Some(self)
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        None
    }

    fn pull_listings(&self) -> Option<&dyn PullListings> {
        Some(self)
    }

    fn read_stock(&self) -> Option<&dyn ReadStock> {
        Some(self)
    }

    fn push_stock(&self) -> Option<&dyn PushStock> {
        Some(self)
    }

    fn push_shipments(&self) -> Option<&dyn PushShipments> {
        None
    }

    fn cancel_orders(&self) -> Option<&dyn CancelOrders> {
        None
    }

    fn refund_orders(&self) -> Option<&dyn RefundOrders> {
        None
    }

    fn capture_payments(&self) -> Option<&dyn channel::CapturePayments> {
        None
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        None
    }
}

fn page<T>(items: Vec<T>) -> Page<T> {
    Page {
        items,
        malformed: Vec::new(),
        next: None,
    }
}

#[async_trait]
impl PullListings for Stand {
    async fn pull(&self, _: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError> {
        let shelf = self.shelf();
        let listing = |sku: &String| ListingSnapshot {
            categories: Vec::new(),
            listing: ListingId::new(sku.clone()),
            sku: Some(sku.clone()),
            title: sku.clone(),
            price: None,
            barcode: None,
            tracked: true,
            level: None,
        };
        Ok(page(shelf.levels.keys().map(listing).collect()))
    }
}

#[async_trait]
impl ReadStock for Stand {
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let is_answered = match &mut self.shelf().readings_left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        };
        if !is_answered {
            std::future::pending::<()>().await;
        }
        let shelf = self.shelf();
        let level = |listing: &ListingId| LevelSnapshot {
            listing: listing.clone(),
            level: shelf
                .levels
                .get(listing.as_str())
                .copied()
                .map(Decimal::whole),
            changed_at: None,
        };
        Ok(listings.iter().map(level).collect())
    }
}

#[async_trait]
impl PushStock for Stand {
    async fn push(
        &self,
        targets: &[StockTarget],
        _: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let mut shelf = self.shelf();
        let mut answers = Vec::new();
        for target in targets {
            let name = target.listing.to_string();
            let level = target.quantity.to_whole().expect("whole mugs");
            shelf.levels.insert(name.clone(), level);
            shelf.written.push((name, level));
            answers.push((target.listing.clone(), Ack::Applied { reference: None }));
        }
        Ok(answers)
    }
}

#[async_trait]
impl PullOrders for Stand {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let since = window.changed_since;
        let orders = {
            let mut shelf = self.shelf();
            shelf.polls += 1;
            shelf.since = Some(since);
            shelf.earliest = Some(shelf.earliest.map_or(since, |earliest| earliest.min(since)));
            Arc::clone(&shelf.orders)
        };
        drop(orders.lock().await);
        Ok(page(Vec::new()))
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        Ok(ids
            .iter()
            .map(|id| (id.clone(), OrderReading::Gone))
            .collect())
    }
}

/// Our program on what is durable, and the shop; it can be killed and started again.
struct Street {
    stand: &'static Stand,
    authority: Authority,
    executor: Executor,
    memory: Arc<Memory>,
    lives: u64,
    engine: Arc<Mutex<Option<Arc<Engine>>>>,
}

impl Street {
    fn new(stand: &'static Stand, authority: Authority) -> Street {
        let mut street = Street {
            stand,
            authority,
            executor: Executor::new(1, Time::from_seconds(1_798_000_000)),
            memory: Arc::new(Memory::new()),
            lives: 0,
            engine: Arc::default(),
        };
        street.start();
        street.pass(90);
        assert_eq!(
            street.on_hand("G-000"),
            Some(5),
            "the opening stock is taken over"
        );
        street
    }

    fn config(&self) -> Config {
        let account = AccountConfig {
            id: AccountId::new("stand"),
            connector: self.stand,
            settings: serde_json::Value::Null,
            mode: Mode::Live,
            pace: Pace {
                poll_every: Duration::from_secs(10),
                reread_every: Duration::from_secs(60),
                listings_every: Duration::from_secs(600),
                reconcile: "0 */5 * * * *".parse().expect("a schedule"),
                orders_since: Duration::from_secs(3600),
            },
            unpaid_for: None,
            promised: domain::deadlines::Promised::default(),
            capture_on: domain::payment::CaptureOn::default(),
            authority: self.authority,
        };
        Config {
            opening: Some(account.id.clone()),
            accounts: vec![account],
            policy: Policy::default(),
            items: Vec::new(),
            backlog_max: 10,
            public_url: None,
            privacy: Privacy::default(),
            sellers: engine::issuing::Sellers::default(),
            gateways: engine::gateways::Gateways::default(),
            compare_first: false,
        }
    }

    fn start(&mut self) {
        self.lives += 1;
        let group = Group(self.lives);
        let (ports, store) = (self.executor.ports(group), Arc::clone(&self.memory));
        let (config, slot) = (self.config(), Arc::clone(&self.engine));
        self.executor.spawn("start", group, async move {
            let room = Room(Arc::clone(&ports.clock));
            let started = Engine::start(config, store, ports, &room).await;
            *slot.lock().expect("whole") = Some(started.expect("it starts"));
        });
    }

    fn kill(&mut self) {
        self.executor.kill(Group(self.lives));
    }

    fn pass(&mut self, seconds: u64) {
        self.pass_for(Duration::from_secs(seconds));
    }

    fn pass_for(&mut self, time: Duration) {
        let until = self.executor.now().plus(time);
        let stopped = self
            .executor
            .run_until(until, &mut || ControlFlow::Continue(()));
        assert_eq!(stopped, Stopped::Reached);
    }

    /// Has something done with the engine, and lets it settle.
    fn have<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        work: impl FnOnce(Arc<Engine>) -> F,
    ) {
        let engine = self.engine.lock().expect("whole").clone().expect("it runs");
        self.executor.spawn("have", Group(self.lives), work(engine));
        self.pass(20);
    }

    fn count(&mut self, units: i64, goods: usize) {
        self.have(move |engine| async move {
            for number in 0..goods {
                let adjust = Command::Adjust {
                    sku: sku(&format!("G-{number:03}")),
                    location: LocationId::default(),
                    condition: domain::stock::Condition::Sellable,
                    change: Change::To(Decimal::whole(units)),
                    reason: "a file of counts".to_owned(),
                    by: "ann".to_owned(),
                };
                engine.decide(Signal::Command(adjust)).await.expect("done");
            }
        });
    }

    /// Takes so many units away, one every so often, while we look.
    fn sell(&mut self, name: &'static str, units: u64, every: Duration) {
        let engine = self.engine.lock().expect("whole").clone().expect("it runs");
        let begins = self.executor.now();
        let work = async move {
            for number in 0..units {
                let at = begins.plus(every * u32::try_from(number).expect("a few"));
                engine.ports.clock.sleep_until(at).await;
                let adjust = Command::Adjust {
                    sku: sku(name),
                    location: LocationId::default(),
                    condition: domain::stock::Condition::Sellable,
                    change: Change::By(Decimal::whole(-1)),
                    reason: "sold".to_owned(),
                    by: "ann".to_owned(),
                };
                engine.decide(Signal::Command(adjust)).await.expect("done");
            }
        };
        self.executor.spawn("sell", Group(self.lives), work);
    }

    fn set_mode(&mut self, mode: Mode) {
        self.have(move |engine| async move {
            let account = Arc::clone(engine.accounts.values().next().expect("one"));
            let set = ModeOverride {
                mode: Some(mode),
                ..account.set()
            };
            engine.set_mode(&account, set).await.expect("set");
        });
    }

    fn lift(&mut self, side: Side, right: Whose) {
        self.have(move |engine| async move {
            let account = Arc::clone(engine.accounts.values().next().expect("one"));
            let said = (right, "ann".to_owned());
            let lifted = engine
                .lift_breaker(&account, side, said, Alongside::default())
                .await;
            lifted.map(drop).expect("lifted");
        });
    }

    fn on_hand(&self, name: &str) -> Option<i64> {
        let stock: Option<Stock> = Rows(&self.memory).get(STOCK, &key(&[name]));
        stock.map(|stock| stock.on_hand().units())
    }

    fn breaker(&self) -> Option<Breaker> {
        Rows(&self.memory).get(BREAKERS, &key(&["stand"]))
    }

    fn has_tripped(&self, side: Side) -> bool {
        self.breaker()
            .is_some_and(|breaker| breaker.trip(side).is_some())
    }

    fn cases(&self) -> Vec<Drift> {
        let rows = Rows(&self.memory).scan(DRIFTS, b"");
        rows.into_iter().map(|(_, drift)| drift).collect()
    }

    fn comparison(&self) -> Comparison {
        let run = Rows(&self.memory).get(COMPARISONS, &key(&["stand"]));
        run.expect("it was compared")
    }
}

fn sku(name: &str) -> Sku {
    name.parse().expect("a SKU")
}

#[test]
fn a_level_that_nothing_explains_is_a_case_and_ours_is_written_again() {
    let stand = Stand::new(3);
    let mut street = Street::new(stand, Authority::Ledger);
    stand.shelf().levels.insert("G-001".to_owned(), 3);
    street.pass(400);
    let cases = street.cases();
    let [case] = cases.as_slice() else {
        panic!("one case, not {cases:?}");
    };
    assert_eq!((case.expected.units(), case.observed.units()), (5, 3));
    assert_eq!(case.way, Some(Settlement::Repaired));
    let reread = case
        .evidence
        .orders_read_at
        .expect("orders were read again");
    assert!(case.evidence.believed.at < reread && reread <= case.evidence.shown.at);
    assert_eq!(stand.shelf().written, [("G-001".to_owned(), 5)]);
    assert_eq!(street.on_hand("G-001"), Some(5));
}

#[test]
fn a_level_in_doubt_keeps_no_other_waiting() {
    let stand = Stand::new(3);
    let mut street = Street::new(stand, Authority::Ledger);
    let orders = Arc::clone(&stand.shelf().orders);
    let held = orders
        .try_lock_owned()
        .expect("nobody reads orders just now");
    // Somebody edited the first, and what an order explains of that is not to be had for a while.
    stand.shelf().levels.insert("G-000".to_owned(), 3);
    street.count(6, 3);
    let level = |name: &str| stand.shelf().levels[name];
    let levels = || ["G-000", "G-001", "G-002"].map(level);
    assert_eq!(levels(), [3, 6, 6], "only what is in doubt waits");
    street.count(4, 3);
    assert_eq!(levels(), [3, 4, 4], "and what is wanted meanwhile does not");
    drop(held);
    street.pass(60);
    assert_eq!(levels(), [4, 4, 4]);
    let cases = street.cases();
    let [case] = cases.as_slice() else {
        panic!("one case, not {cases:?}");
    };
    assert_eq!((case.expected.units(), case.observed.units()), (4, 3));
}

#[test]
fn a_level_that_falls_all_the_time_is_written_twenty_times_a_second() {
    let stand = Stand::new(2);
    let mut street = Street::new(stand, Authority::Ledger);
    street.count(500, 2);
    stand.shelf().written.clear();
    street.sell("G-000", 100, Duration::from_millis(10));
    let mut seen: Vec<(u64, String, i64)> = Vec::new();
    for ms in 0..=1_500 {
        if ms > 0 {
            street.pass_for(Duration::from_millis(1));
        }
        if ms == 333 {
            street.sell("G-001", 1, Duration::ZERO);
        }
        street.pass_for(Duration::ZERO);
        let written = std::mem::take(&mut stand.shelf().written);
        seen.extend(written.into_iter().map(|(name, level)| (ms, name, level)));
    }
    let (hot, other): (Vec<_>, Vec<_>) = seen.iter().partition(|(_, name, _)| name == "G-000");
    let first = hot.first().map(|(ms, _, level)| (*ms, *level));
    assert_eq!(first, Some((0, 499)), "what was quiet waits for nothing");
    for pair in hot.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        assert!(before.2 > after.2, "{pair:?}");
        let apart = Duration::from_millis(after.0 - before.0);
        assert!(apart >= engine::lanes::REPEATS_WAIT, "{pair:?}");
    }
    assert!((19..=22).contains(&hot.len()), "{hot:?}");
    assert_eq!(
        hot.last().map(|(_, _, level)| *level),
        Some(400),
        "the last is right"
    );
    let apart: Vec<_> = other.iter().map(|(ms, _, level)| (*ms, *level)).collect();
    assert_eq!(apart, [(333, 499)], "and no other waits for it");
}

#[test]
fn a_level_whose_order_may_not_be_listed_yet_is_neither_drift_nor_raised() {
    let stand = Stand::of(&LATE, 3);
    let mut street = Street::new(stand, Authority::Ledger);
    let level = |name: &str| stand.shelf().levels[name];
    let levels = || ["G-000", "G-001", "G-002"].map(level);
    stand.shelf().levels.insert("G-000".to_owned(), 3);
    street.count(6, 3);
    assert_eq!(levels(), [3, 6, 6], "a unit may just have been sold");
    street.count(2, 3);
    assert_eq!(levels(), [2, 2, 2], "but what falls sells nothing twice");
    assert_eq!(street.cases(), []);
    stand.shelf().levels.insert("G-001".to_owned(), 1);
    street.count(6, 3);
    assert_eq!(levels(), [6, 1, 6]);
    street.pass(90);
    assert_eq!(levels(), [6, 6, 6], "all orders must be listed by now");
    let cases = street.cases();
    let [case] = cases.as_slice() else {
        panic!("one case, not {cases:?}");
    };
    assert_eq!((case.expected.units(), case.observed.units()), (6, 1));
}

#[test]
fn orders_that_may_not_be_read_now_keep_no_level_waiting() {
    let stand = Stand::new(2);
    let mut street = Street::new(stand, Authority::Ledger);
    street.have(|engine| async move {
        let account = engine.accounts.values().next().expect("one");
        let now = engine.ports.clock.now();
        let until = Some(now.plus(Duration::from_secs(300)));
        let refused = ChannelError::new("read orders", channel::ErrorKind::Throttled { until });
        account.note_error(now, &refused);
    });
    street.count(6, 2);
    assert!(stand.shelf().levels.values().all(|level| *level == 6));
}

#[test]
fn a_shop_that_decides_about_stock_is_followed() {
    let stand = Stand::new(3);
    let mut street = Street::new(stand, Authority::Channel);
    stand.shelf().levels.insert("G-001".to_owned(), 3);
    street.pass(400);
    assert_eq!(street.on_hand("G-001"), Some(3));
    assert_eq!(street.cases(), []);
    assert_eq!(stand.shelf().written, []);
}

#[test]
fn a_shop_that_says_zero_everywhere_is_not_believed_until_a_person_looks() {
    for authority in [Authority::Ledger, Authority::Channel] {
        let stand = Stand::new(25);
        let mut street = Street::new(stand, authority);
        stand.set_all(0);
        street.pass(400);
        assert!(street.has_tripped(Side::Source), "{authority:?}");
        assert_eq!(street.on_hand("G-007"), Some(5));
        assert_eq!(stand.shelf().written, [], "nothing is repaired");
        assert_eq!(
            street.cases().iter().filter(|case| case.is_held).count(),
            25
        );

        street.kill();
        street.start();
        street.pass(700);
        assert!(street.has_tripped(Side::Source), "it outlives us");
        assert_eq!(street.cases().len(), 25, "compared again, and no news");
        assert_eq!(stand.shelf().written, []);

        match authority {
            Authority::Ledger => {
                street.lift(Side::Source, Whose::Ours);
                street.pass(60);
                assert_eq!((stand.at_zero(), street.on_hand("G-007")), (0, Some(5)));
            }
            Authority::Channel => {
                street.lift(Side::Source, Whose::Theirs);
                street.pass(60);
                assert_eq!((stand.at_zero(), street.on_hand("G-007")), (25, Some(0)));
            }
        }
        assert!(!street.has_tripped(Side::Source));
        assert!(street.cases().iter().all(|case| case.closed_at.is_some()));
        street.pass(400);
        assert!(!street.has_tripped(Side::Writes), "a person said so");
    }
}

#[test]
fn a_file_of_zeroes_does_not_empty_a_shop_before_a_person_confirms_it() {
    let stand = Stand::new(25);
    let mut street = Street::new(stand, Authority::Ledger);
    street.count(0, 3);
    assert_eq!(stand.at_zero(), 3, "a few are nothing to stop");
    street.count(0, 25);
    assert!(street.has_tripped(Side::Writes));
    let before = stand.at_zero();
    assert!(before < 10, "{before} were set to zero before it tripped");

    street.kill();
    street.start();
    street.pass(400);
    assert_eq!(stand.at_zero(), before, "it outlives us");
    assert!(street.cases().is_empty());

    // One of them was a mistake: it is counted again, and needs nobody's leave.
    street.count(4, 1);
    assert_eq!(stand.shelf().levels["G-000"], 4);

    street.lift(Side::Writes, Whose::Ours);
    assert_eq!(stand.at_zero(), 24);
    assert!(!street.has_tripped(Side::Writes));
}

#[test]
fn who_sets_an_account_live_has_confirmed_nothing() {
    let stand = Stand::new(25);
    let mut street = Street::new(stand, Authority::Ledger);
    street.set_mode(Mode::Observe);
    street.count(0, 25);
    assert!(
        !street.has_tripped(Side::Writes),
        "nothing is written there"
    );
    street.set_mode(Mode::Live);
    street.pass(60);
    assert!(street.has_tripped(Side::Writes));
    assert!(stand.at_zero() < 10, "{} are at zero", stand.at_zero());
    street.lift(Side::Writes, Whose::Ours);
    assert_eq!(stand.at_zero(), 25);
}

#[test]
fn a_comparison_that_was_cut_off_goes_on_where_it_was() {
    let stand = Stand::new(450);
    let mut street = Street::new(stand, Authority::Ledger);
    street.pass(400);
    let first = street.comparison();
    assert_eq!((first.compared, first.all), (450, 450));
    assert!(first.finished_at.is_some());

    // Six readings of fifty listings each are answered: one chunk is done, and the second begun.
    stand.shelf().levels.insert("G-003".to_owned(), 2);
    stand.shelf().readings_left = Some(6);
    street.pass(400);
    let cut = street.comparison();
    assert_eq!((cut.compared, cut.finished_at), (200, None));
    assert_eq!(cut.suspects.len(), 1);

    street.kill();
    stand.shelf().readings_left = None;
    street.start();
    street.pass(30);
    let resumed = street.comparison();
    assert_eq!(resumed.began_at, cut.began_at);
    assert_eq!(resumed.compared, 450);
    assert!(resumed.finished_at.is_some());
    assert_eq!(street.cases().len(), 1, "what was found before is not lost");
}
