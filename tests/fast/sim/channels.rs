//! Connectors with a planted bug.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Ack, CancelOrders, Cancellation, Channel, ChannelError, Connector, Descriptor, ErrorKind,
    HookRefusal, HookRequest, OrderReading, OrderWindow, Page, Port, Probe, PullListings,
    PullOrders, PushShipments, PushStock, ReadHooks, ReadStock, RefundOrders, RegisterHooks,
    SettingsError, ShipmentPush, StockTarget, Verdict, Verified,
};
use domain::{
    Decimal, ExternalId, ListingId, Time,
    snapshot::{LevelSnapshot, Observation, OrderSnapshot},
};
use rehearse::world::Tamper;

/// What a connector does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    LosesTheOverlap,
    PushesBlindly,
    IgnoresAmbiguous,
    ReusesKeys,
    PushesChanges,
    WritesNoLevels,
    ShowsFiveMore,
    TellsTwice,
    TellsNobody,
    NeverTells,
    ReadsNoOrders,
    BelievesNoHook,
    CancelsNothing,
    Panics,
}

/// Gives the engine connectors with a mistake.
pub(super) struct InChannel(pub(super) Mistake);

impl Tamper for InChannel {
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
            overlap: Duration::from_secs(self.descriptor().poll_overlap_s.into()),
            mistake: self.mistake,
            windows: Mutex::default(),
            keys: Mutex::default(),
        }))
    }
}

struct WrongChannel {
    channel: Box<dyn Channel>,
    overlap: Duration,
    mistake: Mistake,
    /// Where the windows that were asked for begin, and where they should.
    windows: Mutex<Option<Time>>,
    /// The first key for each listing.
    keys: Mutex<BTreeMap<ListingId, String>>,
}

impl WrongChannel {
    fn does(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn orders(&self) -> &dyn PullOrders {
        self.channel.pull_orders().expect("all of ours are polled")
    }

    fn hooks(&self) -> &dyn ReadHooks {
        self.channel.read_hooks().expect("all of ours send hooks")
    }
}

#[async_trait]
impl Channel for WrongChannel {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        self.channel.probe().await
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        (!self.does(Mistake::ReadsNoOrders)).then_some(self)
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        // Where hooks come, what a poll misses comes with them nearly always.
        let is_deaf = self.does(Mistake::ReadsNoOrders) || self.does(Mistake::LosesTheOverlap);
        (!is_deaf).then_some(self)
    }

    fn pull_listings(&self) -> Option<&dyn PullListings> {
        self.channel.pull_listings()
    }

    fn read_stock(&self) -> Option<&dyn ReadStock> {
        Some(self)
    }

    fn push_stock(&self) -> Option<&dyn PushStock> {
        Some(self)
    }

    fn push_shipments(&self) -> Option<&dyn PushShipments> {
        Some(self)
    }

    fn cancel_orders(&self) -> Option<&dyn CancelOrders> {
        Some(self)
    }

    fn refund_orders(&self) -> Option<&dyn RefundOrders> {
        self.channel.refund_orders()
    }

    fn capture_payments(&self) -> Option<&dyn channel::CapturePayments> {
        self.channel.capture_payments()
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        self.channel.register_hooks()
    }
}

#[async_trait]
impl PullOrders for WrongChannel {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let mut window = window.clone();
        if self.does(Mistake::LosesTheOverlap) {
            let lock = self.windows.lock();
            let mut last = lock.unwrap_or_else(PoisonError::into_inner);
            // As if it had been noted when a poll ended, not when it began.
            let late = window.changed_since.plus(self.overlap + END);
            match *last {
                None => *last = Some(window.changed_since),
                Some(first) if first == window.changed_since => {}
                Some(_) => window.changed_since = late,
            }
        }
        self.orders().pull(&window).await
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        self.orders().read(ids).await
    }
}

/// How long a poll takes that is noted when it ends.
const END: Duration = Duration::from_secs(4);

#[async_trait]
impl ReadHooks for WrongChannel {
    fn verify(&self, request: &HookRequest, now: Time) -> Verdict {
        if self.does(Mistake::BelievesNoHook) {
            return Verdict::Refused(HookRefusal::Wrong);
        }
        self.hooks().verify(request, now)
    }

    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, channel::Malformed> {
        self.hooks().read(hook)
    }

    async fn fetch_key(&self, key_id: &str) -> Result<(), ChannelError> {
        self.hooks().fetch_key(key_id).await
    }
}

#[async_trait]
impl ReadStock for WrongChannel {
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let read = self.channel.read_stock().expect("all of ours show levels");
        let mut levels = read.read(listings).await?;
        if self.does(Mistake::ShowsFiveMore) {
            for level in levels.iter_mut().filter_map(|level| level.level.as_mut()) {
                *level = level.minus(Decimal::whole(5)).expect("small numbers");
            }
        }
        Ok(levels)
    }
}

#[async_trait]
impl PushStock for WrongChannel {
    async fn push(
        &self,
        targets: &[StockTarget],
        key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let (mut targets, mut key) = (targets.to_vec(), key.to_owned());
        let applied = |targets: &[StockTarget]| {
            let done = targets
                .iter()
                .map(|target| (target.listing.clone(), Ack::Applied { reference: None }));
            Ok(done.collect())
        };
        for target in &mut targets {
            let whole = |decimal: Decimal| decimal.to_whole().expect("pieces");
            let expected = target.expected.map_or(0, whole);
            if self.does(Mistake::PushesChanges) {
                let twice = (whole(target.quantity) - expected) * 2;
                target.quantity = Decimal::whole((expected + twice).max(0));
            } else if self.does(Mistake::ShowsFiveMore) {
                target.quantity = Decimal::whole(whole(target.quantity) + 5);
                target.expected = Some(Decimal::whole(expected + 5));
            } else if self.does(Mistake::PushesBlindly) {
                let read = self.channel.read_stock().expect("all of ours show levels");
                let levels = read.read(std::slice::from_ref(&target.listing)).await?;
                target.expected = levels.first().and_then(|level| level.level);
            } else if self.does(Mistake::ReusesKeys) {
                let lock = self.keys.lock();
                let mut keys = lock.unwrap_or_else(PoisonError::into_inner);
                let first = keys.entry(target.listing.clone());
                key.clone_from(first.or_insert_with(|| key.clone()));
            }
        }
        if self.does(Mistake::WritesNoLevels) {
            return applied(&targets);
        }
        assert!(!self.does(Mistake::Panics), "planted");
        let push = self.channel.push_stock().expect("all of ours push");
        match push.push(&targets, &key).await {
            Err(error) if self.ignores(&error) => applied(&targets),
            answer => answer,
        }
    }
}

impl WrongChannel {
    fn ignores(&self, error: &ChannelError) -> bool {
        self.does(Mistake::IgnoresAmbiguous) && matches!(error.kind, ErrorKind::Ambiguous { .. })
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
        if self.does(Mistake::NeverTells) {
            let reason = "not today".to_owned();
            return Err(ChannelError::new("push", ErrorKind::Retry { reason }));
        }
        if self.does(Mistake::TellsNobody) {
            return Ok(Ack::Applied { reference: None });
        }
        if self.does(Mistake::TellsTwice) {
            let mut again = shipment.clone();
            again.key.push_str("-again");
            push.push(&again).await?;
        }
        match push.push(shipment).await {
            Err(error) if self.ignores(&error) => Ok(Ack::Applied { reference: None }),
            answer => answer,
        }
    }
}

#[async_trait]
impl CancelOrders for WrongChannel {
    async fn cancel(&self, cancellation: &Cancellation) -> Result<Ack, ChannelError> {
        if self.does(Mistake::CancelsNothing) {
            return Ok(Ack::Applied { reference: None });
        }
        let cancel = self.channel.cancel_orders().expect("all of ours cancel");
        cancel.cancel(cancellation).await
    }
}
