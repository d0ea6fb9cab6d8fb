//! Sixty buyers for the last ten units, on three channels that all still show ten and sell on: what is
//! there is promised once, and whoever goes short has an incident that says so.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    Decimal, Sku, Time,
    incident::{Ending, Incident, Why},
    order::Order,
    signal::{Change, Command, Signal},
    stock::{Claim, LocationId},
};
use engine::{
    Engine, rows,
    views::exposure::{Asked, Span, exposure},
};
use rehearse::{
    checkers,
    executor::{Executor, Group, Stopped},
    rows::Rows,
};
use store::{INBOX, Memory};

use crate::{
    decider::order,
    kiosk::{Kiosk, Room, config_of},
};

const CHANNELS: [&str; 3] = ["web", "market", "app"];
const LEFT: i64 = 10;
const BUYERS_EACH: i64 = 20;

/// The three channels and our program.
struct Rush {
    executor: Executor,
    kiosks: Vec<&'static Kiosk>,
    memory: Arc<Memory>,
    engine: Arc<Mutex<Option<Arc<Engine>>>>,
}

impl Rush {
    fn new(seed: u64) -> Rush {
        let executor = Executor::new(seed, Time::from_seconds(1_798_000_000));
        let kiosks: Vec<&'static Kiosk> = CHANNELS.iter().map(|_| Kiosk::new(LEFT)).collect();
        Rush::over(executor, kiosks, Arc::new(Memory::new()))
    }

    /// Our program begins on what is durable.
    fn over(executor: Executor, kiosks: Vec<&'static Kiosk>, memory: Arc<Memory>) -> Rush {
        let named: Vec<_> = CHANNELS.into_iter().zip(kiosks.iter().copied()).collect();
        let ports = executor.ports(Group(1));
        let (store, config) = (Arc::clone(&memory), config_of(&named));
        let engine: Arc<Mutex<Option<Arc<Engine>>>> = Arc::default();
        let slot = Arc::clone(&engine);
        executor.spawn("start", Group(1), async move {
            let room = Room(Arc::clone(&ports.clock));
            let started = Engine::start(config, store, ports, &room).await;
            *slot.lock().expect("nobody panics") = started.ok();
        });
        Rush {
            executor,
            kiosks,
            memory,
            engine,
        }
    }

    fn pass(&mut self, seconds: u64) {
        let until = self.executor.now().plus(Duration::from_secs(seconds));
        let mut go_on = || ControlFlow::Continue(());
        assert_eq!(self.executor.run_until(until, &mut go_on), Stopped::Reached);
    }

    fn engine(&self) -> Arc<Engine> {
        let engine = self.engine.lock().expect("nobody panics");
        engine.clone().expect("it started")
    }

    /// All buyers buy within three seconds, each one unit.
    fn buy(&mut self) {
        let now = self.executor.now();
        for (shop, kiosk) in (0_i64..).zip(&self.kiosks) {
            let mut counter = kiosk.counter();
            counter.level = LEFT - BUYERS_EACH;
            counter.orders.extend((0..BUYERS_EACH).map(|number| {
                let mut order = order(&format!("{shop}-{number}"), "MUG", 1);
                let after_ms = u64::try_from(number * 140 + shop * 7).expect("a short time");
                order.placed_at = now.plus(Duration::from_millis(after_ms));
                order.version.changed_at = order.placed_at;
                order
            }));
        }
    }

    fn receive(&mut self, units: i64) {
        let engine = self.engine();
        self.executor.spawn("receive", Group(1), async move {
            let change = Command::Adjust {
                sku: mug(),
                location: LocationId::default(),
                condition: domain::stock::Condition::Sellable,
                change: Change::By(Decimal::whole(units)),
                reason: "came in".to_owned(),
                by: "ann".to_owned(),
            };
            let done = engine.decide(Signal::Command(change)).await;
            drop(done.expect("it is decided"));
        });
        self.pass(1);
    }

    /// All levels are compared now.
    fn reconcile(&mut self) {
        let engine = self.engine();
        self.executor.spawn("reconcile", Group(1), async move {
            for account in engine.accounts.values() {
                engine.reconcile(account).await.expect("it is compared");
            }
        });
        self.pass(5);
    }

    /// The exposure ledger, with its history of so many minutes.
    fn exposure(&mut self, minutes: u64) -> serde_json::Value {
        let (engine, now) = (self.engine(), self.executor.now());
        let since = now.minus(Duration::from_secs(minutes * 60));
        let asked = Asked {
            sku: None,
            span: Some(Span::since(since, now)),
        };
        let answer = Arc::new(Mutex::new(serde_json::Value::Null));
        let slot = Arc::clone(&answer);
        self.executor.spawn("exposure", Group(1), async move {
            let exposure = exposure(&engine, &asked).await.expect("a sound store");
            *slot.lock().expect("nobody panics") = serde_json::json!(exposure);
        });
        self.pass(0);
        let answer = answer.lock().expect("nobody panics");
        answer.clone()
    }

    fn kept_minutes(&self) -> usize {
        let rows = Rows(&self.memory).keys(rows::EXPOSURE, b"minute\0");
        // One row for all accounts has no name behind its time.
        rows.iter().filter(|key| key.last() == Some(&0)).count()
    }

    fn incidents(&self) -> Vec<Incident> {
        let rows = Rows(&self.memory).scan(rows::INCIDENTS, b"").into_iter();
        rows.map(|(_, incident)| incident).collect()
    }

    /// How many orders are in each phase; what each says is checked against its claim and its incident.
    fn phases(&self) -> BTreeMap<&'static str, usize> {
        let rows = Rows(&self.memory);
        let claims = rows.scan::<Claim>(rows::CLAIMS, b"");
        let claims: Vec<Claim> = claims.into_iter().map(|(_, claim)| claim).collect();
        let incidents = self.incidents();
        let mut phases = BTreeMap::new();
        for (_, order) in rows.scan::<Order>(rows::ORDERS, b"") {
            let of_order = claims.iter().filter(|claim| claim.order == order.id);
            let promised: i64 = of_order.map(|claim| claim.open().units()).sum();
            let mut open = incidents.iter().filter(|one| one.order == order.id);
            let missing = open.clone().filter(|one| one.closed_at.is_none());
            let missing: i64 = missing.map(|one| one.missing.units()).sum();
            assert_eq!(promised + missing, 1, "{}", order.number);
            assert!(open.clone().count() <= 1, "{}", order.number);
            let is_explained = |one: &Incident| {
                // Nobody is told anything before the first sale is known, and then all at once.
                matches!(one.why, Why::LateNews { .. })
            };
            assert!(open.all(is_explained), "{incidents:?}");
            *phases.entry(order.phase(promised == 0).word()).or_default() += 1;
        }
        phases
    }
}

fn mug() -> Sku {
    "MUG".parse().expect("a SKU")
}

#[test]
fn sixty_buyers_for_the_last_ten_are_ten_promises_and_fifty_incidents() {
    for seed in 0..8 {
        let mut rush = Rush::new(seed);
        rush.pass(25);
        rush.buy();
        rush.pass(60);
        let rows = Rows(&rush.memory);
        assert_eq!(
            rush.phases(),
            BTreeMap::from([("ready", 10), ("short", 50)]),
            "seed {seed}"
        );
        assert_eq!(rows.keys(rows::OPEN_INCIDENTS, b"").len(), 50);
        for table in [INBOX, rows::PARKED_SIGNALS, rows::PARKED] {
            assert_eq!(rows.keys(table, b"").len(), 0, "{table:?}");
        }
        for account in rush.engine().accounts.values() {
            let error = account.health().last_error;
            assert_eq!(error, None, "{} of seed {seed}", account.id);
        }
        let wrong = checkers::check_all(
            &rush.memory,
            &|_| None,
            &domain::locations::Locations::default(),
        );
        assert_eq!(wrong.sentences(), Vec::<String>::new(), "seed {seed}");

        // What comes in goes to those who wait, the oldest first, and nothing is left open.
        rush.receive(49);
        assert_eq!(
            rush.phases(),
            BTreeMap::from([("ready", 59), ("short", 1)]),
            "seed {seed}"
        );
        rush.receive(1);
        assert_eq!(rush.phases(), BTreeMap::from([("ready", 60)]));
        let endings: Vec<_> = rush.incidents().iter().map(|one| one.ending).collect();
        assert_eq!(endings, [Some(Ending::Covered); 50]);
    }
}

#[test]
fn units_at_risk_are_kept_over_time_and_over_a_restart() {
    let mut rush = Rush::new(3);
    rush.pass(25);
    rush.buy();
    rush.pass(100);
    // Nothing can be written to a kiosk: what it shows is below zero, and nothing is at risk there.
    let now = rush.exposure(1);
    assert_eq!(now["units_at_risk"], 0, "{now:#}");
    let begun = rush.kept_minutes();
    assert!(begun >= 2, "{begun}");

    // Somebody writes a level by hand, and it is found out.
    for kiosk in &rush.kiosks {
        kiosk.counter().level = 4;
    }
    rush.reconcile();
    rush.pass(90);
    let before = rush.exposure(60);
    assert_eq!(before["units_at_risk"], 12, "{before:#}");
    let at_risk_before = unit_seconds(&before);
    assert!(at_risk_before > 12.0 * 60.0, "{before:#}");

    // The process dies, and another one takes up where it ended.
    rush.executor.kill(Group(1));
    let memory = Arc::new(rush.memory.fork());
    let mut rush = Rush::over(rush.executor, rush.kiosks, memory);
    rush.pass(120);
    let after = rush.exposure(60);
    let grown = unit_seconds(&after) - at_risk_before;
    assert!((grown - 12.0 * 120.0).abs() < 0.01, "{grown}: {after:#}");
    assert!(rush.kept_minutes() >= begun + 3);
}

#[test]
fn minutes_give_way_to_hours_and_days() {
    let executor = Executor::new(1, Time::from_seconds(1_798_000_000));
    let mut rush = Rush::over(executor, Vec::new(), Arc::new(Memory::new()));
    rush.pass(4 * 24 * 3600);
    let kept = rush.kept_minutes();
    assert!((2 * 24 * 60..=2 * 24 * 60 + 2).contains(&kept), "{kept}");
    let history = rush.exposure(5 * 24 * 60);
    assert_eq!(history["history"]["step_s"], 6 * 3600);
    let steps = history["history"]["steps"].as_array().expect("a history");
    let known: u64 = steps
        .iter()
        .filter_map(|step| step["known_s"].as_u64())
        .sum();
    assert_eq!(known, 4 * 24 * 3600);
}

/// Units times seconds of the whole history.
fn unit_seconds(exposure: &serde_json::Value) -> f64 {
    let steps = exposure["history"]["steps"].as_array().expect("a history");
    steps
        .iter()
        .filter_map(|step| step["unit_seconds"].as_f64())
        .sum()
}
