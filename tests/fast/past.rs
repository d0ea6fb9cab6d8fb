//! Time travel: at every moment of a random life of the shelf it is noted what is there, and at the end
//! each of those moments is asked for again.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    AccountId, Decimal, Quantity, Sku, Time,
    ids::OrderId,
    item::{Item, ItemKind},
    signal::{Change, Command, Signal, Source},
    snapshot::{PaymentState, Standing},
    stock::LocationId,
};
use engine::{
    Config, Engine,
    decider::Policy,
    erasing::Privacy,
    rows::ORDER_REFS,
    views::{
        past::{self, Past},
        stock::{self, StockView},
    },
};
use rehearse::{
    executor::{Executor, Group, Stopped},
    rows::Rows,
};
use store::Memory;

use crate::decider::{Nowhere, order};

const SKUS: [&str; 3] = ["MUG", "PLATE", "SET"];
const ACTS: usize = 70;

fn sku(name: &str) -> Sku {
    name.parse().expect("a SKU")
}

/// Chance: SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % sides
    }

    fn number(&mut self, sides: u64) -> i64 {
        i64::try_from(self.roll(sides)).expect("a small number")
    }
}

/// A shelf without channels.
struct Shelf {
    executor: Executor,
    memory: Arc<Memory>,
    engine: Arc<Engine>,
    versions: BTreeMap<String, i64>,
}

impl Shelf {
    fn new() -> Shelf {
        let mut executor = Executor::new(1, Time::from_seconds(1_798_000_000));
        let memory = Arc::new(Memory::new());
        let (ports, store) = (executor.ports(Group(1)), Arc::clone(&memory));
        let config = Config {
            accounts: Vec::new(),
            opening: None,
            policy: Policy::default(),
            items: Vec::new(),
            backlog_max: 1,
            public_url: None,
            privacy: Privacy::default(),
            sellers: engine::issuing::Sellers::default(),
            gateways: engine::gateways::Gateways::default(),
            compare_first: false,
        };
        let engine = run(&mut executor, async move {
            Engine::start(config, store, ports, &Nowhere).await
        });
        Shelf {
            executor,
            memory,
            engine: engine.unwrap_or_else(|error| panic!("it starts: {error}")),
            versions: BTreeMap::new(),
        }
    }

    /// Decides; what is refused changes nothing.
    fn decide(&mut self, signal: Signal) {
        let engine = Arc::clone(&self.engine);
        let done = run(
            &mut self.executor,
            async move { engine.decide(signal).await },
        );
        drop(done);
    }

    fn pass(&mut self, millis: u64) {
        let until = self.executor.now().plus(Duration::from_millis(millis));
        let mut go_on = || ControlFlow::Continue(());
        assert_eq!(self.executor.run_until(until, &mut go_on), Stopped::Reached);
    }

    fn now(&mut self, name: &str) -> Option<StockView> {
        let (engine, name) = (Arc::clone(&self.engine), sku(name));
        run(&mut self.executor, async move {
            stock::detail(&engine, &name).await.expect("a sound store")
        })
    }

    fn then(&mut self, name: &str, at: Time) -> Past {
        let (engine, name) = (Arc::clone(&self.engine), sku(name));
        run(&mut self.executor, async move {
            past::detail(&engine, &name, at)
                .await
                .expect("a sound store")
        })
    }

    fn known_order(&self, dice: &mut Dice) -> Option<OrderId> {
        let refs = Rows(&self.memory).scan::<OrderId>(ORDER_REFS, b"");
        let count = u64::try_from(refs.len()).expect("a few");
        let place = usize::try_from(dice.roll(count.max(1))).expect("a few");
        refs.get(place).map(|(_, id)| *id)
    }

    fn act(&mut self, dice: &mut Dice) {
        let good = SKUS[usize::try_from(dice.roll(2)).expect("small")];
        let signal = match dice.roll(12) {
            0 => Some(Signal::Command(Command::SetItem(set(dice.number(2) + 1)))),
            1 => Some(Signal::Command(Command::SetItem(Item::good(
                sku(good),
                good,
            )))),
            2..=4 => {
                let units = Decimal::whole(dice.number(12));
                let change = match dice.roll(3) {
                    0 => Change::To(units),
                    _ => Change::By(units.minus(Decimal::whole(5)).expect("small")),
                };
                let place = ["main", "attic"][usize::try_from(dice.roll(2)).expect("small")];
                Some(Signal::Command(Command::Adjust {
                    sku: sku(good),
                    location: LocationId::new(place),
                    condition: domain::stock::Condition::Sellable,
                    change,
                    reason: "count".to_owned(),
                    by: "ann".to_owned(),
                }))
            }
            5..=8 => Some(self.view_of_an_order(dice)),
            kind => self.known_order(dice).map(|order| later(kind, order)),
        };
        if let Some(signal) = signal {
            self.decide(signal);
        }
    }

    fn view_of_an_order(&mut self, dice: &mut Dice) -> Signal {
        let id = format!("{}", dice.roll(6));
        let name = SKUS[usize::try_from(dice.roll(3)).expect("small")];
        let units = dice.number(4) + 1;
        let mut snapshot = order(&id, name, units);
        let version = self.versions.entry(id).or_default();
        *version += 1;
        snapshot.version.revision = *version;
        let line = &mut snapshot.lines[0];
        line.canceled = Decimal::whole(dice.number(2));
        match dice.roll(6) {
            0 => snapshot.standing = Standing::Canceled,
            1 => snapshot.payment = PaymentState::Pending,
            2 => line.shipped = Decimal::whole(dice.number(3)),
            _ => {}
        }
        Signal::Order {
            account: AccountId::new("web"),
            snapshot: Box::new(snapshot),
            source: Source::Read,
        }
    }
}

fn later(kind: u64, order: OrderId) -> Signal {
    match kind {
        9 => Signal::Expire { order },
        10 => Signal::Command(Command::Hold {
            order,
            reason: "look".to_owned(),
            by: "ann".to_owned(),
            until: None,
            keeps_claim: false,
            ask: None,
        }),
        _ => Signal::Command(Command::Ship {
            order,
            lines: Vec::new(),
            carrier: None,
            tracking_number: None,
            tracking_url: None,
            location: None,
        }),
    }
}

fn set(mugs: i64) -> Item {
    let mugs = Quantity::new(mugs).expect("small");
    let bill = BTreeMap::from([(sku("MUG"), mugs), (sku("PLATE"), Quantity::of(1))]);
    Item {
        sku: sku("SET"),
        kind: ItemKind::Kit(bill),
        scale: 0,
        title: "Set".to_owned(),
        category: None,
        barcode: None,
        prices: Vec::new(),
    }
}

/// Runs one thing to its end without letting time pass.
fn run<T: Send + 'static>(
    executor: &mut Executor,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let answer = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&answer);
    executor.spawn("work", Group(1), async move {
        let done = work.await;
        *slot.lock().expect("nobody panics") = Some(done);
    });
    let (now, mut go_on) = (executor.now(), || ControlFlow::Continue(()));
    assert_eq!(executor.run_until(now, &mut go_on), Stopped::Reached);
    let done = answer.lock().expect("nobody panics").take();
    done.expect("it came to its end")
}

#[test]
fn every_moment_is_told_as_it_was() {
    let mut told = 0;
    for seed in 0..40 {
        let (mut shelf, mut dice) = (Shelf::new(), Dice(seed));
        let mut seen: Vec<(Time, &str, Option<StockView>)> = Vec::new();
        for _ in 0..ACTS {
            // Some things happen within one millisecond.
            for _ in 0..=dice.roll(2) {
                shelf.act(&mut dice);
            }
            let now = shelf.executor.now();
            for name in SKUS {
                seen.push((now, name, shelf.now(name)));
            }
            shelf.pass(dice.roll(4_000) + 1);
        }
        for (at, name, was) in seen {
            match (was, shelf.then(name, at)) {
                (Some(was), Past::Known(mut then)) => {
                    assert_eq!(then.as_of.take(), Some(at));
                    // What was owed then is not recorded by time, so it is not told.
                    assert_eq!(then.owed, None);
                    then.owed = was.owed;
                    assert_eq!(*then, was, "{name} at {at}, seed {seed}");
                    told += 1;
                }
                (None, Past::Before { first_at }) => assert!(first_at > at, "{name} at {at}"),
                (None, Past::NoItem) => {}
                (was, then) => panic!("{name} at {at}, seed {seed}: {was:?}, told as {then:?}"),
            }
        }
        let memory = Arc::clone(&shelf.memory);
        let diagnosis = run(&mut shelf.executor, async move {
            engine::doctor::examine(memory.as_ref()).await
        });
        let said = diagnosis.expect("a sound store").sentences;
        assert_eq!(said, Vec::<String>::new(), "seed {seed}");
    }
    assert!(told > 5_000, "{told}");
}
