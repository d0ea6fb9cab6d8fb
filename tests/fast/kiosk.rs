//! The real engine with a small shop that does what a twin would do once in a thousand evenings.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, ErrorKind, HttpPort, OrderReading,
    OrderWindow, Page, Port, Probe, PullListings, PullOrders, PushShipments, PushStock,
    QuantityMeaning, ReadHooks, ReadStock, RefundOrders, RegisterHooks, SettingsError,
    http::{Request, Response, SendError},
};
use domain::{
    AccountId, Decimal, ExternalId, ListingId, Sku, Time,
    decide::Authority,
    snapshot::{LevelSnapshot, ListingSnapshot, OrderSnapshot, Standing},
    stock::Stock,
};
use engine::{
    AccountConfig, Config, Engine, Outside,
    account::{Mode, Pace},
    backups::{BackupView, KeepBackups, NoBackup},
    decider::Policy,
    erasing::Privacy,
    ports::{Clock, allowance::Meter, quota::urgent},
    rows::{ORDERS_BY_ACCOUNT, STOCK, key},
};
use rehearse::{
    executor::{Executor, Group, Stopped},
    port::MemoryVault,
    rows::Rows,
};
use store::Memory;

use crate::decider::order;

/// A shop with mugs.
#[derive(Clone)]
pub(crate) struct Kiosk(Arc<Mutex<Counter>>);

pub(crate) struct Counter {
    pub(crate) level: i64,
    pub(crate) orders: Vec<OrderSnapshot>,
    fickle: Fickle,
    looks: u32,
    clock: Option<Arc<dyn HttpPort>>,
    allowance: Option<Allowance>,
    read: BTreeSet<ExternalId>,
    /// How often it was asked for what is new.
    polls: u32,
    /// The orders that it told us of, and those of them that were not read yet.
    told: BTreeMap<ExternalId, Time>,
    /// The longest that one of them waited until it was read.
    longest_wait: Duration,
}

/// Whether somebody buys one and cancels while we count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fickle {
    /// Nobody does.
    Not,
    /// Bought as soon as we have looked at the level, and canceled as soon as we have found the order.
    Buys,
    /// Bought before we look at the level, and canceled as soon as we have found the order; another one is
    /// bought as soon as we have read that it is canceled: the level is the same before and after.
    BuysAgain,
}

/// How many orders may be asked for: one more each second.
struct Allowance {
    orders: i64,
    since: Time,
}

/// The most that is allowed after a pause.
const ALLOWED_MAX: i64 = 40;
/// How many orders are read in one call, and what a call to find them costs.
const ORDERS_PER_CALL: usize = 10;

impl Kiosk {
    pub(crate) fn new(level: i64) -> &'static Kiosk {
        Box::leak(Box::new(Kiosk(Arc::new(Mutex::new(Counter {
            level,
            orders: Vec::new(),
            fickle: Fickle::Not,
            looks: 0,
            clock: None,
            allowance: None,
            read: BTreeSet::new(),
            polls: 0,
            told: BTreeMap::new(),
            longest_wait: Duration::ZERO,
        })))))
    }

    pub(crate) fn counter(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().expect("nobody panics")
    }
}

impl Counter {
    /// Pays for a call, or says when it could be paid for.
    fn pay(&mut self, price: usize) -> Result<(), ChannelError> {
        let price = i64::try_from(price).expect("a small number");
        let now = self.clock.as_ref().expect("it is open").now();
        let Some(allowance) = &mut self.allowance else {
            return Ok(());
        };
        let earned = i64::try_from(now.since(allowance.since).as_secs()).expect("a short time");
        allowance.orders = (allowance.orders + earned).min(ALLOWED_MAX);
        allowance.since = allowance
            .since
            .plus(Duration::from_secs(earned.unsigned_abs()));
        if allowance.orders < price {
            let missing = Duration::from_secs((price - allowance.orders).unsigned_abs());
            let until = Some(now.plus(missing));
            return Err(ChannelError::new("pay", ErrorKind::Throttled { until }));
        }
        allowance.orders -= price;
        Ok(())
    }

    fn sell(&mut self, id: &str) {
        self.level -= 1;
        self.orders.push(order(id, "MUG", 1));
    }

    /// Cancels the first order, unless it is canceled, and takes it back onto the level.
    fn cancel_first(&mut self) {
        let Some(order) = self.orders.first_mut() else {
            return;
        };
        if order.standing == Standing::Canceled {
            return;
        }
        self.level += 1;
        order.standing = Standing::Canceled;
        order.version.revision += 1;
        for line in &mut order.lines {
            line.canceled = line.ordered;
            line.subtracted = Decimal::whole(0);
        }
    }
}

static KIOSK: Descriptor = Descriptor {
    id: "kiosk",
    title: "Kiosk",
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
    push_batch_max: 1,
    writes_per_listing_per_day: None,
    poll_overlap_s: 60,
    orders_lag_s: 0,
    subtracts_when: "at once",
    is_by_hand: false,
    quirks: &[],
};

impl Connector for Kiosk {
    fn descriptor(&self) -> &'static Descriptor {
        &KIOSK
    }

    fn schema(&self) -> schemars::Schema {
        schemars::Schema::default()
    }

    fn example(&self) -> &'static str {
        ""
    }

    fn open(
        &self,
        _: serde_json::Value,
        port: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        self.counter().clock = Some(port.http);
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Channel for Kiosk {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        Ok(Probe {
            shop: "Kiosk".to_owned(),
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
        None
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
impl PullListings for Kiosk {
    async fn pull(&self, _: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError> {
        Ok(page(vec![ListingSnapshot {
            listing: ListingId::new("7"),
            sku: Some("MUG".to_owned()),
            title: "Mug".to_owned(),
            price: None,
            barcode: None,
            tracked: true,
            level: None,
            categories: Vec::new(),
        }]))
    }
}

#[async_trait]
impl ReadStock for Kiosk {
    async fn read(&self, _: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let mut counter = self.counter();
        let mut level = Decimal::whole(counter.level);
        counter.looks += 1;
        if counter.looks == 1 && counter.fickle != Fickle::Not {
            counter.sell("told-0");
        }
        if counter.fickle == Fickle::BuysAgain {
            level = Decimal::whole(counter.level);
        }
        let level = Some(level);
        Ok(vec![LevelSnapshot {
            listing: ListingId::new("7"),
            level,
            changed_at: None,
        }])
    }
}

#[async_trait]
impl PullOrders for Kiosk {
    async fn pull(&self, _: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let mut counter = self.counter();
        // Orders are found in one call, and read in another.
        counter.pay(ORDERS_PER_CALL)?;
        counter.pay(ORDERS_PER_CALL)?;
        counter.polls += 1;
        let orders = counter.orders.clone();
        if counter.fickle != Fickle::Not {
            counter.cancel_first();
        }
        Ok(page(orders))
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        let mut counter = self.counter();
        for call in ids.chunks(ORDERS_PER_CALL) {
            counter.pay(call.len())?;
        }
        counter.read.extend(ids.iter().cloned());
        let now = counter.clock.as_ref().expect("it is open").now();
        for id in ids {
            if let Some(told_at) = counter.told.remove(id) {
                counter.longest_wait = counter.longest_wait.max(now.since(told_at));
            }
        }
        let reading = |id: &ExternalId| {
            let mut orders = counter.orders.iter();
            let order = orders.find(|order| order.external_id == *id);
            let found = order
                .cloned()
                .map(|order| OrderReading::Found(Box::new(order)));
            (id.clone(), found.unwrap_or(OrderReading::Gone))
        };
        let readings = ids.iter().map(reading).collect();
        if counter.fickle == Fickle::BuysAgain && counter.orders.len() == 1 {
            counter.sell("2");
        }
        Ok(readings)
    }
}

/// There is no network: the shop is in the same room, on whose wall there is a clock.
#[derive(Clone)]
pub(crate) struct Room(pub(crate) Arc<dyn Clock>);

impl Outside for Room {
    fn port(&self, _: &AccountId, _: &'static Descriptor, _: &Arc<Meter>) -> Port {
        Port {
            http: Arc::new(self.clone()),
            vault: Arc::new(MemoryVault::default()),
        }
    }
}

#[async_trait]
impl HttpPort for Room {
    async fn send(&self, _: Request) -> Result<Response, SendError> {
        Err(SendError::NotSent("there is no network".to_owned()))
    }

    fn now(&self) -> Time {
        self.0.now()
    }

    fn nonce(&self) -> String {
        String::new()
    }
}

fn config(kiosk: &'static Kiosk) -> Config {
    config_of(&[("kiosk", kiosk)])
}

/// A merchant with some of these shops; the first one is counted.
pub(crate) fn config_of(kiosks: &[(&str, &'static Kiosk)]) -> Config {
    let accounts = kiosks.iter().map(|(id, kiosk)| account(id, kiosk));
    Config {
        opening: kiosks.first().map(|(id, _)| AccountId::new(*id)),
        accounts: accounts.collect(),
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

fn account(id: &str, kiosk: &'static Kiosk) -> AccountConfig {
    AccountConfig {
        id: AccountId::new(id),
        connector: kiosk,
        settings: serde_json::Value::Null,
        mode: Mode::Live,
        pace: Pace {
            poll_every: Duration::from_secs(10),
            reread_every: Duration::from_secs(60),
            listings_every: Duration::from_secs(600),
            reconcile: "0 0 * * * *".parse().expect("a schedule"),
            orders_since: Duration::from_secs(3600),
        },
        unpaid_for: None,
        promised: domain::deadlines::Promised::default(),
        capture_on: domain::payment::CaptureOn::default(),
        authority: Authority::Ledger,
    }
}

/// Lets our program run with the shop for a while.
fn run(kiosk: &'static Kiosk, duration: Duration) -> Arc<Memory> {
    run_told(kiosk, duration, None)
}

/// The same, while the shop tells of an order every so often.
fn run_told(
    kiosk: &'static Kiosk,
    duration: Duration,
    tells_every: Option<Duration>,
) -> Arc<Memory> {
    let mut executor = Executor::new(1, Time::from_seconds(1_798_000_000));
    let (ports, memory) = (executor.ports(Group(1)), Arc::new(Memory::new()));
    let store = Arc::clone(&memory);
    executor.spawn("start", Group(1), async move {
        let room = Room(Arc::clone(&ports.clock));
        let clock = Arc::clone(&ports.clock);
        let started = Engine::start(config(kiosk), store, ports, &room).await;
        let engine = started.expect("it starts");
        let Some(pause) = tells_every else {
            return;
        };
        let account = &engine.accounts[&AccountId::new("kiosk")];
        for number in 0.. {
            clock.sleep_until(clock.now().plus(pause)).await;
            let told = order(&format!("told-{number}"), "MUG", 1).external_id;
            account.look_at_order(told.clone());
            kiosk.counter().told.insert(told, clock.now());
        }
    });
    let until = executor.now().plus(duration);
    let stopped = executor.run_until(until, &mut || ControlFlow::Continue(()));
    assert_eq!(stopped, Stopped::Reached);
    memory
}

#[test]
fn a_sale_that_is_canceled_during_the_count_is_not_counted_as_stock() {
    let kiosk = Kiosk::new(5);
    kiosk.counter().fickle = Fickle::Buys;
    let memory = run(kiosk, Duration::from_secs(60));
    assert_eq!(counted(&memory), Some(5));
    assert!(kiosk.counter().looks > 2, "it was counted again");
}

#[test]
fn a_sale_that_is_seen_and_canceled_during_the_count_does_not_hide_another_one() {
    let kiosk = Kiosk::new(5);
    kiosk.counter().fickle = Fickle::BuysAgain;
    let memory = run_told(kiosk, Duration::from_secs(60), Some(Duration::from_secs(1)));
    let standings: Vec<_> = kiosk
        .counter()
        .orders
        .iter()
        .map(|o| o.standing.clone())
        .collect();
    assert_eq!(standings, [Standing::Canceled, Standing::Placed]);
    assert_eq!(counted(&memory), Some(5), "one of them is promised");
    assert!(kiosk.counter().looks > 2, "it was counted again");
}

/// How many mugs lie here by the opening count.
fn counted(memory: &Memory) -> Option<i64> {
    let sku: Sku = "MUG".parse().expect("a SKU");
    let stock: Stock = Rows(memory).get(STOCK, &key(&[sku.as_str()]))?;
    stock.is_counted.then(|| stock.on_hand().units())
}

/// A shop that has sold so many orders, and lets one be read each second.
fn slow(orders: u32) -> &'static Kiosk {
    let kiosk = Kiosk::new(1_000);
    let orders = (0..orders).map(|number| order(&number.to_string(), "MUG", 1));
    kiosk.counter().orders = orders.collect();
    kiosk.counter().allowance = Some(Allowance {
        orders: 0,
        since: Time::from_seconds(1_798_000_000),
    });
    kiosk
}

#[test]
fn a_shop_that_allows_few_calls_is_read_to_the_end() {
    let kiosk = slow(60);
    let memory = run(kiosk, Duration::from_secs(600));
    let known = Rows(&memory).keys(ORDERS_BY_ACCOUNT, b"").len();
    assert_eq!(known, 60, "found by a poll");
    assert_eq!(kiosk.counter().read.len(), 60, "read again by id");
}

#[test]
fn hooks_without_end_keep_no_poll_from_its_turn() {
    let kiosk = Kiosk::new(5);
    drop(run_told(
        kiosk,
        Duration::from_secs(600),
        Some(Duration::from_secs(3)),
    ));
    let polls = kiosk.counter().polls;
    assert!((55..=65).contains(&polls), "every 10 s, not {polls} times");
}

#[test]
fn reading_again_what_is_open_lets_what_is_new_go_first() {
    let kiosk = slow(200);
    let every = Duration::from_secs(100);
    drop(run_told(kiosk, Duration::from_secs(3_000), Some(every)));
    let counter = kiosk.counter();
    let is_open = |id: &&ExternalId| counter.orders.iter().any(|one| one.external_id == **id);
    let reread = counter.read.iter().filter(is_open).count();
    assert_eq!(reread, 200, "those that are open were read again as well");
    assert!(
        counter.told.len() <= 1,
        "all but the last: {:?}",
        counter.told
    );
    // A poll and some open orders may go before it; not all that are open, which takes 200 s.
    let waited = counter.longest_wait.as_secs();
    assert!(waited <= 120, "one waited for {waited} s");
}

#[test]
fn a_reading_that_is_refused_holds_up_no_level() {
    let mut executor = Executor::new(1, Time::from_seconds(1_798_000_000));
    let (ports, store) = (executor.ports(Group(1)), Arc::new(Memory::new()));
    executor.spawn("start", Group(1), async move {
        let (room, now) = (Room(Arc::clone(&ports.clock)), ports.clock.now());
        let started = Engine::start(config(Kiosk::new(5)), store, ports, &room).await;
        let engine = started.expect("it starts");
        let account = &engine.accounts[&AccountId::new("kiosk")];
        let until = Some(now.plus(Duration::from_secs(60)));
        let refused = ChannelError::new("read orders", ErrorKind::Throttled { until });
        let waits = || async { (account.throttled_until(), account.levels_wait_until()) };

        account.note_error(now, &refused);
        assert_eq!(waits().await, (until, None), "readings wait");
        assert_eq!(urgent(waits()).await, (None, None), "levels do not");
        assert_eq!(account.health().throttled_until, until, "and it is shown");

        urgent(async { account.note_error(now, &refused) }).await;
        assert_eq!(urgent(waits()).await, (until, until), "now they do");
        urgent(async { account.note_success(now) }).await;
        assert_eq!(waits().await, (until, None), "only for levels it is over");
        account.note_success(now);
        assert_eq!(waits().await, (None, None), "over for all");
        engine.stop();
    });
    let until = executor.now().plus(Duration::from_secs(1));
    let stopped = executor.run_until(until, &mut || ControlFlow::Continue(()));
    assert_eq!(stopped, Stopped::Reached);
}

/// A place that takes a backup for as long as somebody waits.
#[derive(Default)]
struct SlowDisk {
    begun: AtomicU32,
    waiting: Arc<()>,
}

#[async_trait]
impl KeepBackups for SlowDisk {
    fn place(&self) -> String {
        "/backups".to_owned()
    }

    async fn make(&self, _: Option<&str>) -> Result<BackupView, NoBackup> {
        let waits = Arc::clone(&self.waiting);
        self.begun.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>().await;
        drop(waits);
        Err(NoBackup::Failed("nobody waits for ever".to_owned()))
    }

    async fn list(&self) -> Result<Vec<BackupView>, NoBackup> {
        Ok(Vec::new())
    }

    fn check(&self, _: &str) -> Result<(), NoBackup> {
        Ok(())
    }
}

#[test]
fn a_backup_that_takes_long_does_not_hold_up_the_end() {
    for is_asked_for in [true, false] {
        let mut executor = Executor::new(1, Time::from_seconds(1_798_000_000));
        let (ports, store) = (executor.ports(Group(1)), Arc::new(Memory::new()));
        let disk = Arc::new(SlowDisk::default());
        let seen = Arc::clone(&disk);
        let ended = Arc::new(AtomicU32::new(0));
        let has_ended = Arc::clone(&ended);
        executor.spawn("start", Group(1), async move {
            let clock = Arc::clone(&ports.clock);
            let room = Room(Arc::clone(&ports.clock));
            let started = Engine::start(config(Kiosk::new(5)), store, ports, &room).await;
            let engine = started.expect("it starts");
            let schedule = if is_asked_for {
                "0 3 * * *"
            } else {
                "* * * * *"
            };
            let schedule = schedule.parse().expect("a schedule");
            engine
                .keep_backups(Arc::<SlowDisk>::clone(&disk), schedule)
                .await;
            if is_asked_for {
                engine.begin_backup(None).expect("none is under way");
            }
            clock
                .sleep_until(clock.now().plus(Duration::from_secs(90)))
                .await;
            assert_eq!(disk.begun.load(Ordering::Relaxed), 1, "one is under way");
            assert_eq!(
                Arc::strong_count(&disk.waiting),
                2,
                "and somebody waits for it"
            );
            engine.stop();
            clock
                .sleep_until(clock.now().plus(Duration::from_secs(1)))
                .await;
            has_ended.store(1, Ordering::Relaxed);
        });
        let until = executor.now().plus(Duration::from_secs(100));
        let stopped = executor.run_until(until, &mut || ControlFlow::Continue(()));
        assert_eq!(stopped, Stopped::Reached);
        assert_eq!(ended.load(Ordering::Relaxed), 1);
        assert_eq!(Arc::strong_count(&seen.waiting), 1, "nobody waits any more");
    }
}
