//! Incidents that are exported without names and played again, and every case of `cases/`: a new case is
//! one file there, as `oneshelf incidents export` wrote it.

use std::{
    collections::BTreeMap,
    fs,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    AccountId, Decimal, ExternalId, ListingId, Sku, Time,
    book::Author,
    decide::{Authority, Terms},
    ids::{IncidentId, OrderId},
    incident::{Incident, Way},
    intent::{Intent, Outcome},
    item::{Item, ItemKind},
    offer::QuantityMeaning,
    signal::{Change, Checks, Command, PushResult, Reading, Signal, Source},
    snapshot::{
        Address, Buyer, LevelSnapshot, ListingSnapshot, OrderSnapshot, PaymentState, Standing,
    },
    stock::LocationId,
};
use engine::{
    Config, Engine,
    cases::{
        export::{Hide, NoCase},
        replay::{CaseFile, Replay},
    },
    decider::Policy,
    erasing::Privacy,
    rows,
};
use rehearse::{
    executor::{Executor, Group, Stopped},
    rows::Rows,
};
use serde_json::Value;
use store::{Batch, Memory, Store};

use crate::decider::{Nowhere, order};

/// Somebody whom no case may name: each text of a signal that says something holds this.
const CANARY: &str = "Canary Quill";

/// A shelf without channels.
struct Shelf {
    executor: Executor,
    memory: Arc<Memory>,
    engine: Arc<Engine>,
}

/// Runs something to its end under virtual time.
fn run<T: Send + 'static>(
    executor: &mut Executor,
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let answer = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&answer);
    executor.spawn("ask", Group(1), async move {
        let value = future.await;
        *slot.lock().expect("nobody panics") = Some(value);
    });
    let until = executor.now().plus(Duration::from_millis(1));
    let mut go_on = || ControlFlow::Continue(());
    assert_eq!(executor.run_until(until, &mut go_on), Stopped::Reached);
    let answer = answer.lock().expect("nobody panics").take();
    answer.expect("it ended")
}

fn sku(name: &str) -> Sku {
    name.parse().expect("a SKU")
}

fn account(name: &str) -> AccountId {
    AccountId::new(name)
}

fn canary(what: &str) -> String {
    format!("{CANARY} {what}")
}

impl Shelf {
    fn new() -> Shelf {
        let executor = Executor::new(1, Time::from_seconds(1_798_000_000));
        Shelf::over(executor, Arc::new(Memory::new()))
    }

    fn over(mut executor: Executor, memory: Arc<Memory>) -> Shelf {
        let (ports, store) = (executor.ports(Group(1)), Arc::clone(&memory));
        let terms = Terms {
            meaning: QuantityMeaning::Available,
            unpaid_for: None,
            authority: Authority::Ledger,
            budget: None,
            is_by_hand: false,
            promised: domain::deadlines::Promised::default(),
            capture_on: domain::payment::CaptureOn::default(),
        };
        let accounts = ["web", "market"].map(|name| (account(name), terms));
        let config = Config {
            accounts: Vec::new(),
            opening: None,
            policy: Policy {
                accounts: BTreeMap::from(accounts),
                ..Policy::default()
            },
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
        }
    }

    /// The process dies, and another one begins on what is durable.
    fn restart(self) -> Shelf {
        let now = self.executor.now();
        let memory = Arc::new(self.memory.fork());
        Shelf::over(Executor::new(2, now), memory)
    }

    fn decide(&mut self, signal: Signal) {
        let engine = Arc::clone(&self.engine);
        let done = run(&mut self.executor, async move {
            engine.decide(signal).await.map(|done| done.verdict)
        });
        done.unwrap_or_else(|error| panic!("it is decided: {error}"));
    }

    fn command(&mut self, command: Command) {
        self.decide(Signal::Command(command));
    }

    fn adjust(&mut self, name: &str, units: i64) {
        self.command(Command::Adjust {
            sku: sku(name),
            location: LocationId::default(),
            condition: domain::stock::Condition::Sellable,
            change: Change::To(Decimal::whole(units)),
            reason: canary("counted it"),
            by: canary("of the stockroom"),
        });
    }

    fn order(&mut self, at: &str, id: &str, name: &str, units: i64) {
        let mut snapshot = named(order(id, name, units));
        snapshot.lines[0].listing = Some(ListingId::new(format!("l-{name}")));
        self.snapshot(at, snapshot);
    }

    fn snapshot(&mut self, at: &str, snapshot: OrderSnapshot) {
        self.decide(Signal::Order {
            account: account(at),
            snapshot: Box::new(snapshot),
            source: Source::Hook,
        });
    }

    fn list(&mut self, at: &str, name: &str) {
        let listing = ListingSnapshot {
            listing: ListingId::new(format!("l-{name}")),
            sku: Some(name.to_owned()),
            title: canary("wrote a book"),
            price: None,
            barcode: Some(canary("barcode")),
            tracked: true,
            level: Some(Decimal::whole(9)),
            categories: vec![canary("things")],
        };
        self.decide(Signal::Listings {
            account: account(at),
            listings: vec![listing],
        });
    }

    fn push(&mut self, at: &str, name: &str, result: PushResult) {
        let listing = ListingId::new(format!("l-{name}"));
        self.decide(Signal::StartPush {
            account: account(at),
            listings: vec![listing.clone()],
            just_read: None,
        });
        self.decide(Signal::PushTried {
            account: account(at),
            results: vec![(listing, result)],
        });
    }

    fn level(&mut self, at: &str, name: &str, level: i64, reading: Reading) {
        let listing = ListingId::new(format!("l-{name}"));
        let author = Author {
            name: canary("the clerk"),
            is_person: true,
        };
        let now = self.executor.now();
        self.decide(Signal::Levels {
            account: account(at),
            levels: vec![LevelSnapshot {
                listing: listing.clone(),
                level: Some(Decimal::whole(level)),
                changed_at: None,
            }],
            read_at: now,
            reading,
            checks: Checks {
                orders_read_at: Some(now),
                orders: BTreeMap::from([(listing.clone(), vec![ExternalId::new(canary("7"))])]),
                authors: BTreeMap::from([(listing, author)]),
            },
        });
    }

    fn pass(&mut self, time: Duration) {
        let until = self.executor.now().plus(time);
        let mut go_on = || ControlFlow::Continue(());
        assert_eq!(self.executor.run_until(until, &mut go_on), Stopped::Reached);
    }

    fn incidents(&self) -> Vec<Incident> {
        let rows = Rows(&self.memory).scan::<Incident>(rows::INCIDENTS, b"");
        rows.into_iter().map(|(_, incident)| incident).collect()
    }

    fn export(&mut self, id: IncidentId, hide: Hide) -> Result<CaseFile, NoCase> {
        let engine = Arc::clone(&self.engine);
        run(&mut self.executor, async move {
            engine.export_case(id, hide).await
        })
    }

    fn intents(&self) -> Vec<Intent> {
        let rows = Rows(&self.memory).scan::<Intent>(rows::INTENTS, b"");
        rows.into_iter().map(|(_, intent)| intent).collect()
    }
}

/// An order with somebody in every text of it.
fn named(mut snapshot: OrderSnapshot) -> OrderSnapshot {
    let id = snapshot.external_id.as_str().to_owned();
    let address = Address {
        name: canary("at home"),
        company: canary("Ltd"),
        street: vec![canary("street"), canary("floor")],
        city: canary("town"),
        region: canary("county"),
        postal_code: canary("CB1"),
        country: "IE".to_owned(),
        phone: canary("+44"),
    };
    snapshot.number = canary(&format!("#{id}"));
    snapshot.external_id = ExternalId::new(canary(&id));
    snapshot.words = BTreeMap::from([(canary("status"), canary("waits"))]);
    snapshot.buyer = Buyer {
        name: canary("buys"),
        email: canary("@example.com"),
        phone: canary("call"),
        handle: String::new(),
    };
    snapshot.ship_to = Some(address.clone());
    snapshot.bill_to = Some(address);
    snapshot.note = canary("writes: {\"token\": \"Canary Quill\"}");
    for line in &mut snapshot.lines {
        line.external_id = ExternalId::new(canary("line"));
        line.title = canary("engraved");
    }
    snapshot
}

/// An incident about mugs, from the first count to its end, with somebody in every text.
fn evening() -> (Shelf, IncidentId) {
    let mut shelf = Shelf::new();
    for name in ["MUG", "PLATE"] {
        let mut item = Item::good(sku(name), &canary("makes it"));
        item.category = Some(canary("collection"));
        shelf.command(Command::SetItem(item));
        shelf.adjust(name, 3);
    }
    let set = BTreeMap::from([(sku("MUG"), 1), (sku("PLATE"), 1)]);
    let set = set
        .into_iter()
        .map(|(sku, n)| (sku, domain::Quantity::of(n)));
    shelf.command(Command::SetItem(Item {
        sku: sku("SET"),
        kind: ItemKind::Kit(set.collect()),
        scale: 0,
        title: canary("set"),
        category: None,
        barcode: None,
        prices: Vec::new(),
    }));
    for at in ["web", "market"] {
        for name in ["MUG", "PLATE", "SET"] {
            shelf.list(at, name);
        }
    }
    // Mugs are pushed, refused, and read; all of it is part of the story.
    let reason = canary("refuses");
    shelf.push("web", "MUG", PushResult::Applied);
    shelf.push("market", "MUG", PushResult::Rejected { reason });
    shelf.level("web", "MUG", 3, Reading::Compare);
    shelf.level("web", "MUG", 7, Reading::Confirm);
    shelf.order("web", "17", "MUG", 2);
    // Plates are of no concern, but the set is made of both.
    shelf.order("web", "18", "PLATE", 1);
    shelf.pass(Duration::from_secs(5));
    let mut unpaid = named(order("19", "MUG", 1));
    unpaid.payment = PaymentState::Pending;
    unpaid.placed_at = shelf.executor.now();
    shelf.snapshot("market", unpaid);
    shelf.adjust("PLATE", 30);
    shelf.order("market", "20", "MUG", 2);
    let incidents = shelf.incidents();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    (shelf, incidents[0].id)
}

fn resolve(shelf: &mut Shelf, incident: IncidentId) {
    let order = shelf.incidents()[0].order;
    shelf.command(Command::Hold {
        order,
        reason: canary("holds"),
        by: canary("holds it"),
        until: None,
        keeps_claim: true,
        ask: None,
    });
    shelf.command(Command::Release {
        order,
        by: canary("lets go"),
    });
    shelf.command(Command::ResolveIncident {
        incident,
        way: Way::Wait,
        by: canary("decides"),
        note: Some(canary("said so on the phone")),
    });
    let mugs: Vec<OrderId> = Rows(&shelf.memory)
        .scan::<domain::order::Order>(rows::ORDERS, b"")
        .into_iter()
        .map(|(_, order)| order)
        .filter(|order| order.external_id.as_str() == canary("17"))
        .map(|order| order.id)
        .collect();
    shelf.command(Command::Ship {
        order: mugs[0],
        lines: Vec::new(),
        carrier: Some(canary("carries")),
        tracking_number: Some(canary("parcel")),
        tracking_url: Some(canary("https://example.com")),
        location: None,
    });
    let intents = shelf.intents();
    shelf.decide(Signal::IntentTried {
        intent: intents[0].id,
        outcome: Outcome::Park {
            reason: canary("is unknown there"),
        },
    });
    shelf.adjust("MUG", 20);
}

fn play(case: &CaseFile) -> Replay {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let replay = runtime.expect("a runtime").block_on(case.replay());
    replay.unwrap_or_else(|error| panic!("it can be played: {error}"))
}

fn expect_same(case: &CaseFile) -> Replay {
    let text = serde_json::to_vec(case).expect("JSON");
    let replay = play(&CaseFile::read(&text).expect("it is read again"));
    assert_eq!(replay.parts, None);
    assert_eq!((replay.differing, replay.not_compared), (0, 0));
    assert_eq!(replay.steps.len(), case.steps.len());
    replay
}

fn kinds(case: &CaseFile) -> Vec<&str> {
    let facts = case.steps.iter().flat_map(|step| &step.facts);
    let events = facts.filter_map(|fact| fact["event"].as_object()?.keys().next());
    events.map(String::as_str).collect()
}

#[test]
fn an_incident_is_exported_whole_and_played_again() {
    let (mut shelf, id) = evening();
    let open = shelf.export(id, Hide::default()).expect("a case");
    assert_eq!(open.incident.ended_at, None);
    assert!(open.left_out.iter().any(|said| said.contains("not over")));
    expect_same(&open);
    resolve(&mut shelf, id);
    shelf.adjust("MUG", 40);
    let case = shelf.export(id, Hide::default()).expect("a case");
    assert!(case.incident.ended_at.is_some());
    let replay = expect_same(&case);
    for kind in [
        "order_accepted",
        "push_started",
        "push_parked",
        "incident_opened",
        "way_chosen",
        "shipment_recorded",
        "intent_parked",
        "incident_closed",
    ] {
        assert!(kinds(&case).contains(&kind), "{kind}: {:?}", kinds(&case));
    }
    // What happened to plates alone is no part of it, and neither is what came after the end.
    let named: Vec<&str> = replay
        .steps
        .iter()
        .map(|step| step.signal.as_str())
        .collect();
    assert_eq!(
        named
            .iter()
            .filter(|word| **word == "order_by_hook")
            .count(),
        3,
        "{named:?}"
    );
    assert_eq!(named.last(), Some(&"reclaim"), "{named:?}");
}

#[test]
fn nobody_is_named_in_a_case() {
    let (mut shelf, id) = evening();
    resolve(&mut shelf, id);
    for (skus, accounts) in [(false, false), (true, true)] {
        let case = shelf.export(id, Hide { skus, accounts }).expect("a case");
        expect_same(&case);
        let text = serde_json::to_string_pretty(&case).expect("JSON");
        let whole = text.to_lowercase();
        for part in ["canary", "quill", "example.com"] {
            assert!(!whole.contains(part), "{part}: {text}");
        }
        for offset in 0..3 {
            // Three of four characters of base64 do not depend on what stands before.
            let shifted = format!("{}{CANARY}", "x".repeat(offset));
            let coded = BASE64_STANDARD.encode(shifted);
            let middle = &coded[4..coded.len() - 4];
            assert!(!text.contains(middle), "{middle}");
        }
        let percent: String = CANARY.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert!(!whole.contains(&percent));
        for (word, is_hidden) in [("MUG", skus), ("SET", skus), ("market", accounts)] {
            assert_eq!(text.contains(word), !is_hidden, "{word}");
        }
        // The fingerprint of a view is made from names, too.
        let seen = shelf.memory.fork();
        let orders = Rows(&seen).scan::<domain::order::Order>(rows::ORDERS, b"");
        for (_, order) in orders {
            assert!(!text.contains(&order.fingerprint.to_string()));
        }
    }
}

#[test]
fn one_number_that_is_changed_is_found() {
    let (mut shelf, id) = evening();
    let case = shelf.export(id, Hide::default()).expect("a case");
    let mut json = serde_json::to_value(&case).expect("JSON");
    let steps = json["steps"].as_array_mut().expect("steps");
    let counted = steps
        .iter_mut()
        .find(|step| step["signal"]["command"]["adjust"].is_object());
    let counted = counted.expect("it was counted");
    counted["signal"]["command"]["adjust"]["change"]["to"] = "4".into();
    let text = serde_json::to_vec(&json).expect("JSON");
    let replay = play(&CaseFile::read(&text).expect("a case"));
    let parts = replay.parts.expect("it parts");
    assert!(
        parts.how.contains("is 4 now, and was recorded as 3"),
        "{}",
        parts.how
    );
    assert!(replay.differing > 1);

    let mut json = serde_json::to_value(&case).expect("JSON");
    json["steps"][0]["rules"] = 9.into();
    let text = serde_json::to_vec(&json).expect("JSON");
    assert!(CaseFile::read(&text).is_ok_and(|case| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let error = runtime.expect("a runtime").block_on(case.replay());
        error
            .expect_err("there are no such rules")
            .to_string()
            .contains("rules 9")
    }));
}

#[test]
fn a_restart_in_between_leaves_out_nothing_that_was_kept() {
    let (mut shelf, id) = evening();
    let begun = shelf.export(id, Hide::default()).expect("a case").steps[0].at;
    let mut shelf = shelf.restart();
    resolve(&mut shelf, id);
    let case = shelf.export(id, Hide::default()).expect("a case");
    expect_same(&case);
    // It had not run for an hour, and says so.
    let said = format!("before {begun}, which is as far back as memory went");
    assert!(case.left_out[0].contains(&said), "{:?}", case.left_out);
    for kind in [
        "push_started",
        "incident_opened",
        "way_chosen",
        "incident_closed",
    ] {
        assert!(kinds(&case).contains(&kind), "{kind}");
    }
    // It was over before the next incident about the same units, which is a case of its own.
    shelf.order("web", "30", "MUG", 99);
    let incidents = shelf.incidents();
    let second = incidents.last().expect("a second").id;
    assert_ne!(second, id);
    let case = shelf.export(second, Hide::default()).expect("a case");
    assert_eq!(case.incident.others, []);
    assert!(
        case.left_out[0].contains("as far back"),
        "{:?}",
        case.left_out
    );
    expect_same(&case);
    shelf.pass(engine::cases::LEAD + Duration::from_secs(60));
    shelf.order("web", "31", "PLATE", 99);
    let third = shelf.incidents().last().expect("a third").id;
    assert_ne!(third, second);
    let case = shelf.export(third, Hide::default()).expect("a case");
    assert!(
        case.left_out[0].contains("60 minutes"),
        "{:?}",
        case.left_out
    );
}

#[test]
fn a_second_incident_about_the_same_units_joins_the_first() {
    let (mut shelf, id) = evening();
    shelf.order("market", "21", "MUG", 1);
    let other = shelf.incidents().into_iter().find(|one| one.id != id);
    let other = other.expect("a second incident").id;
    let case = shelf.export(other, Hide::default()).expect("a case");
    assert_eq!(
        (case.incident.id, case.incident.others.as_slice()),
        (other, &[id][..])
    );
    expect_same(&case);
    // Each is told with its own times.
    let opened = |shelf: &Shelf, id| {
        let all = shelf.incidents();
        let incident = all.into_iter().find(|one| one.id == id);
        incident.expect("an incident").opened_at
    };
    assert!(opened(&shelf, id) < opened(&shelf, other));
    assert_eq!(case.incident.opened_at, opened(&shelf, other));
    let first = shelf.export(id, Hide::default()).expect("a case");
    assert_eq!(first.incident.opened_at, opened(&shelf, id));
    assert_eq!(first.incident.ended_at, None);
}

#[test]
fn a_set_that_lacks_one_part_opens_a_case_for_each() {
    let (mut shelf, id) = evening();
    shelf.order("market", "22", "SET", 2);
    let other = shelf
        .incidents()
        .into_iter()
        .find(|one| one.sku == sku("PLATE"));
    let other = other.expect("a set is missed by its parts").id;
    // The one about plates is no part of what mugs went through, but for the set.
    for (incident, name) in [(id, "MUG"), (other, "PLATE")] {
        let case = shelf.export(incident, Hide::default()).expect("a case");
        assert_eq!(case.incident.id, incident);
        let skus: Vec<&str> = case.incident.skus.iter().map(Sku::as_str).collect();
        assert_eq!(skus, [name, "SET"]);
        let replay = expect_same(&case);
        let opened = replay
            .happened
            .iter()
            .filter(|one| one.said.contains("Incident"));
        assert!(opened.count() >= 2, "{:?}", replay.happened);
    }
}

#[test]
fn a_row_that_many_decisions_read_takes_room_once() {
    let mut shelf = Shelf::new();
    // Read by each decision about mugs, and the same each time.
    let title = "Mug ".repeat(2000);
    shelf.command(Command::SetItem(Item::good(sku("MUG"), &title)));
    let counts = 800;
    for units in 1..=counts {
        shelf.adjust("MUG", units);
    }
    assert!(title.len() * counts as usize > engine::cases::LEAD_BYTES_MAX);
    shelf.order("web", "1", "MUG", counts + 1);
    let id = shelf.incidents()[0].id;
    let case = shelf.export(id, Hide::default()).expect("a case");
    // The item, the counts, and the order.
    assert_eq!(case.steps.len(), counts as usize + 2, "{:?}", case.left_out);
    assert!(serde_json::to_vec(&case).expect("JSON").len() < engine::cases::LEAD_BYTES_MAX);
    expect_same(&case);
}

#[test]
fn a_case_is_told_in_sentences() {
    let (mut shelf, id) = evening();
    let order = shelf.incidents()[0].order;
    resolve(&mut shelf, id);
    let case = shelf.export(id, Hide::default()).expect("a case");
    let replay = expect_same(&case);
    let told: Vec<&str> = replay
        .steps
        .iter()
        .flat_map(|step| [&step.said].into_iter().chain(&step.decided))
        .map(String::as_str)
        .collect();
    for says in [
        "A hook told of an order on market.",
        "Somebody asked to resolve incident.",
        "A push was refused on market.",
        "MUG on web (listing-000001) should show 3.",
        "MUG on web (listing-000001) shows 3 now: the channel took the push.",
    ] {
        assert!(told.contains(&says), "{says}: {told:#?}");
    }
    assert!(!told.iter().any(|said| said.contains('{')), "{told:#?}");
    let happened: Vec<&str> = replay
        .happened
        .iter()
        .map(|one| one.said.as_str())
        .collect();
    let name = format!("Order 3 ({order}, on market): ");
    assert!(
        happened.iter().all(|said| said.starts_with(&name)),
        "{happened:#?}"
    );
    assert!(
        happened[0].contains("2 of MUG for line 1 were sold and are not there"),
        "{happened:#?}"
    );
    assert!(
        happened[1].contains("to wait until the units come in"),
        "{happened:#?}"
    );
    assert!(
        happened[2].contains("is over: the line is covered by stock"),
        "{happened:#?}"
    );
    assert_eq!(happened.len(), 3, "{happened:#?}");
}

#[test]
fn what_was_never_kept_is_said_and_old_journals_are_read() {
    let (shelf, id) = evening();
    // As a version left it that kept nothing.
    let memory = shelf.memory.fork();
    let mut deletes = Vec::new();
    for table in [
        rows::RECORDINGS,
        rows::RECORDING_OF,
        rows::RECORDED_STEPS,
        rows::RECORDED_RULES,
    ] {
        deletes.extend(
            Rows(&memory)
                .keys(table, b"")
                .into_iter()
                .map(|key| (table, key)),
        );
    }
    assert!(deletes.len() > 10);
    let mut executor = Executor::new(3, shelf.executor.now());
    let memory = Arc::new(memory);
    let store = Arc::clone(&memory);
    run(&mut executor, async move {
        let batch = Batch {
            deletes,
            ..Batch::default()
        };
        store.commit(batch).await.map(drop)
    })
    .expect("they are deleted");
    let mut shelf = Shelf::over(executor, memory);
    let error = shelf
        .export(id, Hide::default())
        .expect_err("nothing was kept");
    assert!(matches!(error, NoCase::NotKept(_)), "{error}");
    let none = format!("inc_{}", "0".repeat(32)).parse().expect("an id");
    let error = shelf
        .export(none, Hide::default())
        .expect_err("there is none");
    assert!(matches!(error, NoCase::NoIncident(_)), "{error}");
    resolve(&mut shelf, id);
}

#[test]
fn what_is_kept_is_deleted_a_month_after_the_end() {
    let (mut shelf, id) = evening();
    resolve(&mut shelf, id);
    let kept = |shelf: &Shelf| Rows(&shelf.memory).keys(rows::RECORDED_STEPS, b"").len();
    assert!(kept(&shelf) > 5);
    shelf.pass(engine::cases::KEPT_FOR + Duration::from_secs(3600));
    assert_eq!(kept(&shelf), 0);
    for table in [rows::RECORDINGS, rows::RECORDING_OF, rows::RECORDED_RULES] {
        assert!(
            Rows(&shelf.memory).keys(table, b"").is_empty(),
            "{}",
            table.0
        );
    }
}

#[test]
fn every_case_comes_out_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fast/cases");
    let mut played = 0;
    for entry in fs::read_dir(&folder).expect("the folder of cases") {
        let path = entry.expect("an entry").path();
        let text = fs::read(&path).expect("a case");
        let case = CaseFile::read(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let replay = play(&case);
        assert_eq!(replay.parts, None, "{path:?}");
        assert!(replay.steps.len() > 3, "{path:?} holds next to nothing");
        let opened = case.steps.iter().any(|step| {
            step.facts
                .iter()
                .any(|fact: &Value| fact["event"]["incident_opened"].is_object())
        });
        assert!(opened, "{path:?} is about no incident");
        played += 1;
    }
    assert!(played >= 2, "there are {played} cases");
}

#[test]
fn a_shop_that_is_canceled_and_bought_from_again_plays_too() {
    let mut shelf = Shelf::new();
    shelf.command(Command::SetItem(Item::good(sku("MUG"), "Mug")));
    shelf.adjust("MUG", 1);
    shelf.list("web", "MUG");
    shelf.order("web", "1", "MUG", 1);
    shelf.order("web", "2", "MUG", 5);
    let id = shelf.incidents()[0].id;
    let mut gone = named(order("1", "MUG", 1));
    gone.version.revision = 1;
    gone.standing = Standing::Canceled;
    // The same view once more, at a newer version: nothing is news but that. By then the order is a row
    // that is given, and it must be known as the same without its names.
    let mut again = gone.clone();
    again.version.revision = 2;
    shelf.snapshot("web", gone);
    let mut shelf = shelf.restart();
    shelf.snapshot("web", again);
    let case = shelf.export(id, Hide::default()).expect("a case");
    let last = case.steps.last().expect("a step");
    assert_eq!(last.verdict, "duplicate");
    assert!(last.given.iter().any(|row| row.table == "orders"));
    expect_same(&case);
}
