//! By when an order leaves and arrives, until when it may come back, and money for what came back.

use super::{
    reports::{eur, line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    Decimal,
    deadlines::{Due, Promised, Within},
    delivery::{DeliveryStep, Tracking},
    ids::ReturnId,
    returns::{OfReturn, ReturnReason, ReturnRefusal, ReturnStep},
    signal::Source,
    snapshot::{OrderSnapshot, PaymentState, Version},
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn world(promised: Promised) -> World {
    let mut world = World::new();
    world.promised = promised;
    world.act("count MUG 10");
    world
}

fn ships_within(hours: u64) -> Promised {
    Promised {
        ship_within: Some(Within::Clock(Duration::from_secs(hours * HOUR))),
        ..Promised::default()
    }
}

fn returns_within(days: u64) -> Promised {
    Promised {
        return_within: Some(Duration::from_secs(days * DAY)),
        ..Promised::default()
    }
}

fn view(world: &World, revision: i64, line: &str) -> OrderSnapshot {
    let mut snapshot = order_snapshot("#1");
    snapshot.version = Version {
        revision,
        changed_at: Time::from_seconds(world.now),
    };
    snapshot.lines.push(line_snapshot(line, false));
    snapshot
}

fn read(world: &mut World, snapshot: OrderSnapshot) {
    world.decide(&Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    });
}

fn order(world: &World) -> &Order {
    &world.book.orders[&world.id("#1")]
}

fn due(world: &World) -> Vec<(&'static str, Time)> {
    let due = order(world).due();
    due.into_iter()
        .map(|(what, at)| (what.word(), at))
        .collect()
}

#[test]
fn an_order_is_promised_from_when_it_could_be_sent() {
    let mut world = world(ships_within(24));
    let mut placed = view(&world, 1, "MUG:1");
    placed.payment = PaymentState::Pending;
    read(&mut world, placed);
    assert_eq!(due(&world), [], "nobody has paid");
    world.act("after 7200");
    let paid = view(&world, 2, "MUG:1");
    read(&mut world, paid);
    let by = Time::from_seconds(world.now).plus(Duration::from_secs(DAY));
    assert_eq!(due(&world), [("ship", by)]);
    // What is promised stays, whatever is promised of others later.
    world.promised = ships_within(1);
    world.act("after 60");
    let mut again = view(&world, 3, "MUG:1");
    again.words.insert("status".to_owned(), "seen".to_owned());
    read(&mut world, again);
    assert_eq!(due(&world), [("ship", by)]);
    world.act("ship #1");
    assert!(
        due(&world).iter().all(|(what, _)| *what == "parcel"),
        "{:?}",
        due(&world)
    );
}

#[test]
fn what_the_channel_says_goes_before_what_is_promised() {
    let mut world = world(ships_within(24));
    let mut placed = view(&world, 1, "MUG:1");
    let (ship_by, deliver_by) = (Time::from_seconds(5_000), Time::from_seconds(90_000));
    (placed.ship_by, placed.deliver_by) = (Some(ship_by), Some(deliver_by));
    read(&mut world, placed);
    assert_eq!(due(&world), [("ship", ship_by), ("deliver", deliver_by)]);
    world.act("ship #1");
    let shipment = order(&world).shipments[0].id;
    let left = Time::from_seconds(world.now);
    assert_eq!(due(&world), [("deliver", deliver_by), ("parcel", left)]);
    world.act("after 600");
    let track = |state| Command::Deliver {
        order: world.id("#1"),
        step: DeliveryStep::Track {
            shipment,
            state,
            at: None,
            place: None,
        },
        by: "ann".to_owned(),
    };
    let (moving, there) = (track(Tracking::InTransit), track(Tracking::Delivered));
    world.ask(moving).expect("news");
    let heard = Time::from_seconds(world.now);
    assert_eq!(due(&world), [("deliver", deliver_by), ("parcel", heard)]);
    world.ask(there).expect("news");
    assert_eq!(due(&world), []);
}

#[test]
fn an_order_that_nobody_wants_or_that_is_done_has_no_deadline() {
    let mut world = world(ships_within(24));
    let placed = view(&world, 1, "MUG:1");
    read(&mut world, placed);
    assert_eq!(due(&world).len(), 1);
    let mut order = order(&world).clone();
    order.closed_at = Some(Time::EPOCH);
    assert_eq!(order.due(), []);
    world.act("order web #1 v2 canceled MUG:1");
    assert_eq!(due(&world), []);
    assert_eq!(Due::ALL.map(Due::word), ["ship", "deliver", "parcel"]);
}

fn come_back(world: &mut World, step: ReturnStep) -> Result<Verdict, Refusal> {
    let (order, by) = (world.id("#1"), "ann".to_owned());
    world.ask(Command::Return { order, step, by })
}

fn open(world: &mut World, anyway: bool) -> Result<Verdict, Refusal> {
    come_back(
        world,
        ReturnStep::Open {
            lines: Vec::new(),
            reason: ReturnReason::ChangedMind,
            note: None,
            tracking_number: None,
            anyway,
        },
    )
}

/// An order that left, and arrived on the tenth day; with when its time is over.
fn arrived() -> (World, Time) {
    let mut world = world(returns_within(14));
    let placed = view(&world, 1, "MUG:2");
    read(&mut world, placed);
    world.act("ship #1");
    world.act("after 864000");
    let (shipment, order) = (order(&world).shipments[0].id, world.id("#1"));
    let step = DeliveryStep::Track {
        shipment,
        state: Tracking::Delivered,
        at: None,
        place: None,
    };
    let by = "carrier".to_owned();
    world
        .ask(Command::Deliver { order, step, by })
        .expect("news");
    let until = Time::from_seconds(world.now).plus(Duration::from_secs(14 * DAY));
    (world, until)
}

#[test]
fn after_its_time_something_comes_back_as_goodwill_only() {
    let (mut world, _) = arrived();
    world.act("after 1209500");
    assert_eq!(open(&mut world, false), Ok(Verdict::New));
    assert!(!order(&world).returns[0].goodwill);

    let (mut world, until) = arrived();
    world.act("after 1209700");
    let over = ReturnRefusal::WindowOver(until);
    assert_eq!(open(&mut world, false), Err(over.into()));
    assert_eq!(open(&mut world, true), Ok(Verdict::New));
    assert!(order(&world).returns[0].goodwill);
    let facts = serde_json::to_string(&world.book.facts).expect("text keys");
    assert!(facts.contains("\"goodwill\":true"), "{facts}");
}

#[test]
fn what_a_channel_tells_comes_back_whenever_that_is() {
    let (mut world, until) = arrived();
    world.act("after 2000000");
    assert!(Time::from_seconds(world.now) > until);
    let mut told = view(&world, 2, "MUG:2/shipped2/returned1");
    told.version.changed_at = Time::from_seconds(world.now);
    read(&mut world, told);
    let back = &order(&world).returns;
    assert_eq!((back.len(), back[0].goodwill), (1, false));
}

fn refund(
    world: &mut World,
    minor: i64,
    lines: &[(u32, i32)],
    anyway: bool,
) -> Result<Verdict, Refusal> {
    let lines = lines
        .iter()
        .map(|(line, units)| (*line, Quantity::of(*units)));
    let of_return = Some(OfReturn {
        id: last_return(world),
        anyway,
    });
    world.ask(Command::Refund {
        order: world.id("#1"),
        amount: eur(minor),
        lines: lines.collect(),
        reason: "came back".to_owned(),
        of_return,
    })
}

fn last_return(world: &World) -> ReturnId {
    order(world).returns.last().expect("a return").id
}

/// Three mugs at ten euros together, of which two come back.
fn with_a_return() -> World {
    let mut world = world(Promised::default());
    let placed = view(&world, 1, "MUG:3");
    read(&mut world, placed);
    world.act("ship #1");
    assert_eq!(open(&mut world, false), Ok(Verdict::New));
    world
}

fn receive(world: &mut World, units: i64) {
    let id = last_return(world);
    let step = ReturnStep::Receive {
        id,
        lines: vec![(1, Decimal::whole(units))],
        location: None,
    };
    assert_eq!(come_back(world, step), Ok(Verdict::New));
}

#[test]
fn money_is_given_back_for_what_came_back_and_no_more() {
    let mut world = with_a_return();
    assert_eq!(
        refund(&mut world, 100, &[], false),
        Err(ReturnRefusal::NothingToRefund.into())
    );
    receive(&mut world, 2);
    let left = Decimal::whole(2);
    let of = "that came back and no money was given for";
    let too_many = ReturnRefusal::TooMany { line: 1, left, of };
    assert_eq!(
        refund(&mut world, 100, &[(1, 3)], false),
        Err(too_many.into())
    );
    // A third of ten euros, rounded up.
    let one = ReturnRefusal::BeyondWorth("3.34 EUR".to_owned());
    assert_eq!(refund(&mut world, 335, &[(1, 1)], false), Err(one.into()));
    assert_eq!(refund(&mut world, 334, &[(1, 1)], false), Ok(Verdict::New));
    let rest = ReturnRefusal::BeyondWorth("3.33 EUR".to_owned());
    assert_eq!(refund(&mut world, 400, &[], false), Err(rest.into()));
    assert_eq!(refund(&mut world, 333, &[], false), Ok(Verdict::New));
    assert_eq!(
        refund(&mut world, 1, &[], false),
        Err(ReturnRefusal::NothingToRefund.into())
    );
    assert_eq!(
        refund(&mut world, 100, &[], true),
        Ok(Verdict::New),
        "somebody said so"
    );

    let back = &order(&world).returns[0];
    let given: Vec<(i64, bool)> = back
        .refunds
        .iter()
        .map(|one| (one.amount.minor(), one.anyway))
        .collect();
    assert_eq!(given, [(334, false), (333, false), (100, true)]);
    let intents: Vec<_> = back.refunds.iter().filter_map(|one| one.intent).collect();
    assert!(
        intents.len() == 3
            && intents
                .iter()
                .all(|one| world.book.intents.contains_key(one))
    );
    assert!(back.is_open(), "goods are another matter");
}

#[test]
fn a_return_refunds_no_more_than_was_paid() {
    let mut world = with_a_return();
    receive(&mut world, 2);
    let beyond = refund(&mut world, 1001, &[], true);
    assert!(
        matches!(beyond, Err(Refusal::RefundTooLarge(_))),
        "{beyond:?}"
    );
    assert!(order(&world).returns[0].refunds.is_empty());
    let none = world.ask(Command::Refund {
        order: world.id("#1"),
        amount: eur(1),
        lines: Vec::new(),
        reason: "r".to_owned(),
        of_return: Some(OfReturn {
            id: ReturnId::next(&mut IdSource::new(Time::EPOCH, [3; 16])),
            anyway: true,
        }),
    });
    assert!(matches!(none, Err(Refusal::NoReturn { .. })), "{none:?}");
}
