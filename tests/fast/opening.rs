//! Opening stock, taken over by the real engine from a shop that sells meanwhile.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, HttpPort, OrderReading,
    OrderWindow, Page, Port, Probe, PullListings, PullOrders, PushShipments, PushStock,
    QuantityMeaning, ReadHooks, ReadStock, RefundOrders, RegisterHooks, SettingsError,
    http::{Request, Response, SendError},
};
use domain::{
    AccountId, Decimal, ExternalId, ListingId, Sku, Time,
    snapshot::{LevelSnapshot, ListingSnapshot, OrderSnapshot, Standing},
    stock::Stock,
};
use engine::{
    AccountConfig, Config, Engine, Outside,
    account::{Mode, Pace},
    decider::Policy,
    rows::{STOCK, key},
};
use rehearse::{
    executor::{Executor, Group, Stopped},
    port::MemoryVault,
    rows::Rows,
};
use store::Memory;

use crate::decider::order;

/// A shop with mugs, in which somebody buys one as soon as we have looked at its level, and cancels as
/// soon as we have looked at the order.
#[derive(Clone)]
struct Kiosk(Arc<Mutex<Counter>>);

struct Counter {
    level: i64,
    order: Option<OrderSnapshot>,
    looks: u32,
}

impl Kiosk {
    fn counter(&self) -> MutexGuard<'_, Counter> {
        self.0.lock().expect("nobody panics")
    }
}

static KIOSK: Descriptor = Descriptor {
    id: "kiosk",
    title: "Kiosk",
    auth: "none",
    quota: channel::Quota {
        per_second: 10,
        burst: 10,
    },
    hook_topics: &[],
    quantity: QuantityMeaning::Available,
    compares: false,
    push_batch_max: 1,
    writes_per_listing_per_day: None,
    poll_overlap_s: 60,
    subtracts_when: "at once",
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

    fn open(&self, _: serde_json::Value, _: Port) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
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
        }]))
    }
}

#[async_trait]
impl ReadStock for Kiosk {
    async fn read(&self, _: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let mut counter = self.counter();
        let level = Some(Decimal::whole(counter.level));
        counter.looks += 1;
        if counter.looks == 1 {
            counter.level -= 1;
            counter.order = Some(order("1", "MUG", 1));
        }
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
        let orders = counter.order.clone().into_iter().collect();
        if let Some(order) = counter
            .order
            .as_mut()
            .filter(|order| order.standing == Standing::Placed)
        {
            order.standing = Standing::Canceled;
            order.version.revision += 1;
            for line in &mut order.lines {
                line.canceled = line.ordered;
                line.subtracted = Decimal::whole(0);
            }
            counter.level += 1;
        }
        Ok(page(orders))
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        let counter = self.counter();
        let order = counter.order.clone().map(Box::new);
        let reading = order.map_or(OrderReading::Gone, OrderReading::Found);
        Ok(ids.iter().map(|id| (id.clone(), reading.clone())).collect())
    }
}

/// There is no network: the shop is in the same room.
struct Room;

impl Outside for Room {
    fn port(&self, _: &AccountId, _: &'static Descriptor) -> Port {
        Port {
            http: Arc::new(Room),
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
        Time::EPOCH
    }

    fn nonce(&self) -> String {
        String::new()
    }
}

fn config(kiosk: &'static Kiosk) -> Config {
    let account = AccountConfig {
        id: AccountId::new("kiosk"),
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
    };
    Config {
        opening: Some(account.id.clone()),
        accounts: vec![account],
        policy: Policy::default(),
        items: Vec::new(),
        backlog_max: 10,
        public_url: None,
        compare_first: false,
    }
}

#[test]
fn a_sale_that_is_canceled_during_the_count_is_not_counted_as_stock() {
    let kiosk: &'static Kiosk = Box::leak(Box::new(Kiosk(Arc::new(Mutex::new(Counter {
        level: 5,
        order: None,
        looks: 0,
    })))));
    let mut executor = Executor::new(1, Time::from_seconds(1_798_000_000));
    let (ports, memory) = (executor.ports(Group(1)), Arc::new(Memory::new()));
    let store = Arc::clone(&memory);
    executor.spawn("start", Group(1), async move {
        let started = Engine::start(config(kiosk), store, ports, &Room).await;
        started.map(drop).expect("it starts");
    });
    let until = executor.now().plus(Duration::from_secs(60));
    let stopped = executor.run_until(until, &mut || ControlFlow::Continue(()));
    assert_eq!(stopped, Stopped::Reached);
    let sku: Sku = "MUG".parse().expect("a SKU");
    let stock: Option<Stock> = Rows(&memory).get(STOCK, &key(&[sku.as_str()]));
    let lying = stock.map(|stock| (stock.is_counted, stock.on_hand().units()));
    assert_eq!(lying, Some((true, 5)));
    assert!(kiosk.counter().looks > 2, "it was counted again");
}
