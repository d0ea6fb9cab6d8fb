//! The path from a signal to a commit, through the real decider over a store in memory.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use domain::{
    AccountId, Currency, Decimal, ExternalId, Money, Sku, Time,
    decide::Verdict,
    item::Item,
    locations::{Kind, Location, Locations, Ships},
    signal::{Change, Checks, Command, Reading, Signal, Source},
    snapshot::{
        Buyer, LevelSnapshot, LineSnapshot, ListingSnapshot, OrderSnapshot, PaymentState, Standing,
        Version,
    },
    stock::LocationId,
};
use engine::{
    Config, Engine, Outside,
    decider::{Alongside, DecideError, Decider, Policy},
    erasing::Privacy,
    rows::{self, SHORT_ORDERS},
    views::{self, Units},
};
use rehearse::{
    checkers,
    executor::{Executor, Group, Stopped},
    rows::Rows,
};
use store::{
    Batch, Memory, Range, SCAN_LIMIT_MAX, Seq, Store as _, StoreError, Table, VALUE_LENGTH_MAX,
};

/// A decider, its store, and a time that stands still.
struct Desk {
    executor: Executor,
    decider: Arc<Decider>,
    memory: Arc<Memory>,
}

impl Desk {
    fn new() -> Desk {
        Desk::over(Memory::new())
    }

    fn over(memory: Memory) -> Desk {
        Desk::at(Arc::new(memory))
    }

    /// Another process on the same store.
    fn beside(desk: &Desk) -> Desk {
        Desk::at(Arc::clone(&desk.memory))
    }

    fn at(memory: Arc<Memory>) -> Desk {
        let executor = Executor::new(1, Time::from_seconds(1_798_000_000));
        let ports = executor.ports(Group(1));
        let decider = Decider::new(memory.clone(), ports, Policy::default());
        Desk {
            executor,
            decider: Arc::new(decider),
            memory,
        }
    }

    fn decide(&mut self, signal: Signal) -> Verdict {
        self.try_to_decide(signal).expect("it is decided")
    }

    fn try_to_decide(&mut self, signal: Signal) -> Option<Verdict> {
        let (decider, answer) = (Arc::clone(&self.decider), Arc::new(Mutex::new(None)));
        let slot = Arc::clone(&answer);
        self.executor.spawn("decide", Group(1), async move {
            let done = decider.decide(signal).await;
            *slot.lock().expect("nobody panics") = done.ok().map(|done| done.verdict);
        });
        self.run_for(Duration::ZERO);
        answer.lock().expect("nobody panics").take()
    }

    fn run_for(&mut self, duration: Duration) {
        let until = self.executor.now().plus(duration);
        let mut go_on = || ControlFlow::Continue(());
        assert_eq!(self.executor.run_until(until, &mut go_on), Stopped::Reached);
    }

    /// Writes what another desk has in some tables, past all decisions.
    fn take_rows(&mut self, other: &Desk, tables: &'static [Table]) {
        let (from, to) = (Arc::clone(&other.memory), Arc::clone(&self.memory));
        self.executor.spawn("copy", Group(1), async move {
            let mut batch = Batch::default();
            for table in tables {
                let rows = from.scan(*table, Range::default(), SCAN_LIMIT_MAX).await;
                let rows = rows.expect("it is read").into_iter();
                batch
                    .puts
                    .extend(rows.map(|(key, row)| (*table, key, row.value)));
            }
            to.commit(batch).await.expect("it is written");
        });
        self.run_for(Duration::ZERO);
    }

    fn is_short(&self) -> bool {
        !Rows(&self.memory).keys(SHORT_ORDERS, b"").is_empty()
    }
}

/// There are no channels here.
pub(crate) struct Nowhere;

impl Outside for Nowhere {
    fn port(
        &self,
        account: &AccountId,
        _: &'static channel::Descriptor,
        _: &Arc<engine::ports::allowance::Meter>,
    ) -> channel::Port {
        panic!("{account} is not configured")
    }
}

pub(crate) fn order(id: &str, sku: &str, units: i64) -> OrderSnapshot {
    let euro = Currency::new("EUR").expect("a currency");
    let zero = Money::zero(euro);
    let at = Time::from_seconds(1_797_999_000);
    OrderSnapshot {
        external_id: ExternalId::new(id),
        number: id.to_owned(),
        version: Version {
            revision: 0,
            changed_at: at,
        },
        placed_at: at,
        standing: Standing::Placed,
        payment: PaymentState::Paid,
        words: BTreeMap::new(),
        currency: euro,
        total: zero,
        tax: zero,
        shipping: zero,
        discount: zero,
        refunded: zero,
        buyer: Buyer::default(),
        ship_to: None,
        bill_to: None,
        lines: vec![LineSnapshot {
            external_id: ExternalId::new("1"),
            sku: Some(sku.to_owned()),
            listing: None,
            title: sku.to_lowercase(),
            ordered: Decimal::whole(units),
            canceled: Decimal::whole(0),
            shipped: Decimal::whole(0),
            returned: Decimal::whole(0),
            subtracted: Decimal::whole(units),
            unit_price: None,
            total: zero,
            tax: zero,
            requires_shipping: true,
        }],
        note: String::new(),
        ship_by: None,
        deliver_by: None,
        risk: None,
        person_print: None,
        extra: None,
        gist: None,
    }
}

#[test]
fn open_units_are_summed_before_the_listings_of_an_account_are_known() {
    let mut desk = Desk::new();
    let sku: Sku = "MUG".parse().expect("a SKU");
    let item = Item::good(sku, "Mug");
    desk.decide(Signal::Command(Command::SetItem(item)));
    for id in ["1", "2", "3"] {
        let verdict = desk.decide(Signal::Order {
            account: AccountId::new("web"),
            snapshot: Box::new(order(id, "MUG", 2)),
            source: Source::Read,
        });
        assert_eq!(verdict, Verdict::New);
        assert_eq!(
            checkers::check_all(&desk.memory, &|_| None, &Locations::default()).sentences(),
            Vec::<String>::new()
        );
    }
}

/// Everything that a decision writes of an item itself.
const OF_ITEMS: [Table; 2] = [rows::STOCK, rows::MOVEMENTS];

#[test]
fn an_order_that_waits_gets_what_was_left_when_the_process_died() {
    let sku: Sku = "MUG".parse().expect("a SKU");
    let item = Signal::Command(Command::SetItem(Item::good(sku.clone(), "Mug")));
    let mut desk = Desk::new();
    desk.decide(item.clone());
    desk.decide(Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(order("1", "MUG", 2)),
        source: Source::Read,
    });
    assert!(desk.is_short());
    // Where the order is not known, five are counted. The process dies when that has become durable, in one
    // group of decisions, and before the next one, in which the order is given its units.
    let mut counted = Desk::new();
    counted.decide(item);
    counted.decide(Signal::Command(Command::Adjust {
        sku,
        location: LocationId::default(),
        condition: domain::stock::Condition::Sellable,
        change: Change::To(Decimal::whole(5)),
        reason: "count".to_owned(),
        by: "ann".to_owned(),
    }));
    desk.take_rows(&counted, &OF_ITEMS);

    let mut desk = Desk::over(desk.memory.fork());
    assert!(desk.is_short());
    start_over(&mut desk, Policy::default());
    assert!(!desk.is_short());
}

/// A shop that shows five of an item, after two orders elsewhere of which the callers hear in this order
/// that they are durable. Says how many are at risk there.
fn at_risk_after(hears_first: usize) -> Option<Units> {
    let mut desk = Desk::new();
    let web = AccountId::new("web");
    let sku: Sku = "MUG".parse().expect("a SKU");
    desk.decide(Signal::Command(Command::SetItem(Item::good(
        sku.clone(),
        "Mug",
    ))));
    desk.decide(Signal::Listings {
        account: web.clone(),
        listings: vec![ListingSnapshot {
            listing: "1".into(),
            sku: Some("MUG".to_owned()),
            title: "Mug".to_owned(),
            price: None,
            barcode: None,
            tracked: true,
            level: None,
            categories: Vec::new(),
        }],
    });
    desk.decide(Signal::Command(Command::Adjust {
        sku,
        location: LocationId::default(),
        condition: domain::stock::Condition::Sellable,
        change: Change::To(Decimal::whole(5)),
        reason: "count".to_owned(),
        by: "ann".to_owned(),
    }));
    desk.decide(Signal::Levels {
        account: web.clone(),
        levels: vec![LevelSnapshot {
            listing: "1".into(),
            level: Some(Decimal::whole(5)),
            changed_at: None,
        }],
        read_at: desk.executor.now(),
        reading: Reading::BeforePush,
        checks: Checks::default(),
    });
    let decider = Arc::clone(&desk.decider);
    desk.executor.spawn("decide", Group(1), async move {
        let mut staged = Vec::new();
        for id in ["1", "2"] {
            let sold = Arc::new(Signal::Order {
                account: AccountId::new("market"),
                snapshot: Box::new(order(id, "MUG", 2)),
                source: Source::Read,
            });
            let one = decider.stage(&sold, Alongside::default()).await;
            staged.push(one.expect("it is decided"));
        }
        let first = staged.remove(hears_first);
        for one in std::iter::once(first).chain(staged) {
            decider.settle(one).await.expect("it is durable");
        }
    });
    desk.run_for(Duration::from_secs(1));
    desk.decider.exposures.by_account().get(&web).copied()
}

#[test]
fn what_is_at_risk_follows_the_decisions_and_not_who_hears_of_them_first() {
    let in_order = at_risk_after(0);
    assert!(in_order.is_some());
    assert_eq!(at_risk_after(1), in_order);
}

#[test]
fn what_the_store_refuses_takes_no_other_decision_with_it() {
    let mut desk = Desk::new();
    let item = |name: &str| {
        let sku: Sku = name.parse().expect("a SKU");
        Arc::new(Signal::Command(Command::SetItem(Item::good(sku, name))))
    };
    let (decider, ended) = (Arc::clone(&desk.decider), Arc::new(Mutex::new(false)));
    let end = Arc::clone(&ended);
    desk.executor.spawn("decide", Group(1), async move {
        let first = decider.stage(&item("MUG"), Alongside::default()).await;
        let first = first.expect("it is decided");
        let value = vec![0; VALUE_LENGTH_MAX + 1];
        let large = Alongside {
            puts: vec![(rows::CURSORS, b"web".to_vec(), value)],
            deletes: Vec::new(),
        };
        let refused = decider.stage(&item("CUP"), large).await.err();
        let is_refused = matches!(
            refused,
            Some(DecideError::Store(StoreError::Refused { .. }))
        );
        assert!(is_refused, "{refused:?}");
        decider.settle(first).await.expect("it is durable");
        *end.lock().expect("nobody panics") = true;
    });
    desk.run_for(Duration::from_secs(1));
    assert!(*ended.lock().expect("nobody panics"));
    assert_eq!(Rows(&desk.memory).keys(rows::ITEMS, b"").len(), 1);
}

/// A desk at which five mugs were counted.
fn desk_with_mugs() -> Desk {
    let mut desk = Desk::new();
    let sku: Sku = "MUG".parse().expect("a SKU");
    let item = Item::good(sku.clone(), "Mug");
    desk.decide(Signal::Command(Command::SetItem(item)));
    desk.decide(Signal::Command(Command::Adjust {
        sku,
        location: LocationId::default(),
        condition: domain::stock::Condition::Sellable,
        change: Change::To(Decimal::whole(5)),
        reason: "count".to_owned(),
        by: "ann".to_owned(),
    }));
    desk
}

/// An order for two mugs, or the news that it is canceled.
fn sale(id: &str, is_canceled: bool) -> Signal {
    let mut snapshot = order(id, "MUG", 2);
    if is_canceled {
        snapshot.standing = Standing::Canceled;
        snapshot.version.revision = 1;
    }
    Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    }
}

#[test]
fn rows_that_contradict_each_other_are_named_and_left_alone() {
    let mut desk = desk_with_mugs();
    let never_sold = Desk::over(desk.memory.fork());
    desk.decide(sale("1", false));
    desk.take_rows(&never_sold, &OF_ITEMS);
    let before = Rows(&desk.memory).facts_after(Seq(0)).len();
    let (decider, slot) = (Arc::clone(&desk.decider), Arc::new(Mutex::new(None)));
    let answer = Arc::clone(&slot);
    desk.executor.spawn("decide", Group(1), async move {
        let refused = decider.decide(sale("1", true)).await.err();
        *answer.lock().expect("nobody panics") = refused;
    });
    desk.run_for(Duration::from_secs(1));
    let answer = slot.lock().expect("nobody panics").take();
    let Some(DecideError::Store(StoreError::Corrupt { reason })) = answer else {
        panic!("{answer:?}");
    };
    let named = "the pending claims of MUG are below zero; `oneshelf doctor`";
    assert!(reason.starts_with(named), "{reason}");
    assert_eq!(Rows(&desk.memory).facts_after(Seq(0)).len(), before);
}

#[test]
fn what_is_built_on_rows_that_another_process_wrote_since_is_decided_again() {
    let mut desk = desk_with_mugs();
    desk.decide(sale("1", false));
    let first = Arc::new(sale("1", true));
    let first = at_once(desk.decider.stage(&first, Alongside::default()));
    let first = first.expect("it is decided");
    // Before that is durable, another process sells two more.
    let mut other = Desk::beside(&desk);
    other.decide(sale("2", false));
    assert_eq!(desk.decide(sale("2", true)), Verdict::New);
    let first = at_once(desk.decider.settle(first)).err();
    let is_conflict = matches!(first, Some(StoreError::Conflict { .. }));
    assert!(is_conflict, "{first:?}");
    desk.decide(sale("1", true));
    let wrong = checkers::check_all(&desk.memory, &|_| None, &Locations::default());
    assert_eq!(wrong.sentences(), Vec::<String>::new());
}

/// What needs no waiting.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(work).poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

/// A warehouse for all, and a counter from which only a till hands over.
fn with_a_counter(till: &AccountId) -> Locations {
    let place = |id: &str, kind, only: Option<&AccountId>| Location {
        id: LocationId::new(id),
        name: id.to_owned(),
        kind,
        country: None,
        region: None,
        near: Vec::new(),
        priority: 0,
        serves: only.map(|only| [only.clone()].into()),
        ships: Ships::Yes,
        home_of: only.cloned().into_iter().collect(),
    };
    Locations::new(vec![
        place("main", Kind::Warehouse, None),
        place("counter", Kind::Store, Some(till)),
    ])
}

/// Starts the engine over what a desk has, and lets it look around.
fn start_over(desk: &mut Desk, policy: Policy) -> Arc<Engine> {
    let (ports, store) = (desk.executor.ports(Group(1)), Arc::clone(&desk.memory));
    let slot = Arc::new(Mutex::new(None));
    let engine = Arc::clone(&slot);
    desk.executor.spawn("start", Group(1), async move {
        let config = Config {
            accounts: Vec::new(),
            opening: None,
            policy,
            items: Vec::new(),
            backlog_max: 1,
            public_url: None,
            privacy: Privacy::default(),
            sellers: engine::issuing::Sellers::default(),
            gateways: engine::gateways::Gateways::default(),
            compare_first: false,
        };
        let started = Engine::start(config, store, ports, &Nowhere).await;
        *slot.lock().expect("nobody panics") = Some(started.expect("it starts"));
    });
    desk.run_for(Duration::from_secs(1));
    let engine = engine.lock().expect("nobody panics").take();
    engine.expect("it has started")
}

#[test]
fn what_is_summed_of_a_large_store_is_all_of_it() {
    const ORDERS: usize = 200_001;
    let mut desk = Desk::new();
    let memory = Arc::clone(&desk.memory);
    desk.executor.spawn("fill", Group(1), async move {
        let rows: Vec<_> = (0..ORDERS)
            .map(|number| {
                let key = rows::key(&["ready", &format!("{number:06}")]);
                (rows::ORDERS_BY_PHASE, key, rows::encode(&()))
            })
            .collect();
        for some in rows.chunks(1_000) {
            let batch = Batch {
                puts: some.to_vec(),
                ..Batch::default()
            };
            memory.commit(batch).await.expect("it is written");
        }
    });
    desk.run_for(Duration::ZERO);
    let engine = start_over(&mut desk, Policy::default());
    let summary = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&summary);
    desk.executor.spawn("sum", Group(1), async move {
        let summed = views::accounts::summary(&engine).await;
        *slot.lock().expect("nobody panics") = Some(summed.expect("it is summed"));
    });
    desk.run_for(Duration::from_secs(60));
    let summary = summary.lock().expect("nobody panics").take();
    let summary = summary.expect("it was asked for");
    assert_eq!(summary.orders_by_phase.get("ready"), Some(&ORDERS));
}

#[test]
fn what_a_counter_owes_keeps_nobody_waiting_who_is_served_from_elsewhere() {
    let till = AccountId::new("till");
    let locations = with_a_counter(&till);
    let mut desk = Desk::new();
    desk.decider.set_policy(Policy {
        locations: locations.clone(),
        ..Policy::default()
    });
    let sku: Sku = "MUG".parse().expect("a SKU");
    let item = Item::good(sku.clone(), "Mug");
    desk.decide(Signal::Command(Command::SetItem(item)));
    let count = |at: &str, units: i64| {
        Signal::Command(Command::Adjust {
            sku: sku.clone(),
            location: LocationId::new(at),
            condition: domain::stock::Condition::Sellable,
            change: Change::To(Decimal::whole(units)),
            reason: "count".to_owned(),
            by: "ann".to_owned(),
        })
    };
    let ordered = |account: &AccountId, snapshot: OrderSnapshot| Signal::Order {
        account: account.clone(),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    };
    desk.decide(count("main", 0));
    desk.decide(count("counter", 0));
    // The till hands over three that nobody counted, and two orders wait for what comes to the warehouse.
    let mut sold = order("1", "MUG", 3);
    sold.lines[0].shipped = Decimal::whole(3);
    desk.decide(ordered(&till, sold));
    let web = AccountId::new("web");
    desk.decide(ordered(&web, order("2", "MUG", 2)));
    desk.decide(ordered(&web, order("3", "MUG", 1)));
    assert!(desk.is_short());
    desk.decide(count("main", 3));
    assert!(!desk.is_short());
    let wrong = checkers::check_all(&desk.memory, &|_| None, &locations);
    assert_eq!(wrong.sentences(), Vec::<String>::new());
}

#[test]
fn what_a_counter_owes_hides_nothing_from_who_looks_after_those_that_wait() {
    let till = AccountId::new("till");
    let locations = with_a_counter(&till);
    let policy = || Policy {
        locations: locations.clone(),
        ..Policy::default()
    };
    let sku: Sku = "MUG".parse().expect("a SKU");
    let item = Signal::Command(Command::SetItem(Item::good(sku.clone(), "Mug")));
    let count = |at: &str, units: i64| {
        Signal::Command(Command::Adjust {
            sku: sku.clone(),
            location: LocationId::new(at),
            condition: domain::stock::Condition::Sellable,
            change: Change::By(Decimal::whole(units)),
            reason: "count".to_owned(),
            by: "ann".to_owned(),
        })
    };
    // Two wait on the web, and nobody told them that two came while the counter was three short.
    let mut desk = Desk::new();
    desk.decider.set_policy(policy());
    desk.decide(item.clone());
    desk.decide(Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(order("1", "MUG", 2)),
        source: Source::Read,
    });
    let mut counted = Desk::new();
    counted.decider.set_policy(policy());
    counted.decide(item);
    counted.decide(count("counter", -3));
    counted.decide(count("main", 2));
    desk.take_rows(&counted, &OF_ITEMS);
    let mut desk = Desk::over(desk.memory.fork());
    assert!(desk.is_short());
    start_over(&mut desk, policy());
    assert!(!desk.is_short());
}
