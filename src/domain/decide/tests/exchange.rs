//! Other goods leave for what comes back.

use super::{
    reports::eur,
    world::{World, sku},
    *,
};
use crate::{
    Decimal, Money,
    delivery::DeliveryStep,
    exchange::{Instead, REPLACEMENTS_MAX},
    returns::{OfReturn, Return, ReturnReason, ReturnRefusal, ReturnStep, Verdict as Judged},
    signal::Command,
};

/// Two mugs at five euros each that left.
fn shipped() -> World {
    let mut world = World::new();
    for what in [
        "count MUG 10",
        "count PLATE 4",
        "order web #1 v1 MUG:2",
        "ship #1",
    ] {
        world.act(what);
        world.expect("new");
    }
    world
}

fn order(world: &World) -> &Order {
    &world.book.orders[&world.id("#1")]
}

fn back(world: &World) -> &Return {
    order(world).returns.last().expect("a return")
}

fn difference(world: &World) -> Option<i64> {
    order(world).difference_of(back(world))
}

fn item(name: &str, units: i64, price: Option<&str>) -> Instead {
    Instead {
        sku: sku(name),
        units: Decimal::whole(units),
        price: price.map(|price| price.parse().expect("a price")),
    }
}

fn exchange(world: &mut World, units: i64, items: Vec<Instead>) -> Result<Verdict, Refusal> {
    step(
        world,
        ReturnStep::Exchange {
            lines: vec![(1, Decimal::whole(units))],
            items,
            reason: ReturnReason::DoesNotFit,
            note: None,
            tracking_number: None,
            anyway: false,
        },
    )
}

fn step(world: &mut World, step: ReturnStep) -> Result<Verdict, Refusal> {
    let (order, by) = (world.id("#1"), "ann".to_owned());
    world.ask(Command::Return { order, step, by })
}

fn comes_back(world: &mut World) {
    let id = back(world).id;
    for one in [
        ReturnStep::Receive {
            id,
            lines: Vec::new(),
            location: None,
        },
        ReturnStep::Inspect {
            id,
            lines: Vec::new(),
            verdict: Judged::Restock,
            note: "as new".to_owned(),
        },
    ] {
        assert_eq!(step(world, one), Ok(Verdict::New));
    }
}

fn refund(world: &mut World, amount: Money, anyway: bool) -> Result<Verdict, Refusal> {
    let (order, id) = (world.id("#1"), back(world).id);
    world.ask(Command::Refund {
        order,
        amount,
        lines: Vec::new(),
        reason: "exchanged".to_owned(),
        of_return: Some(OfReturn { id, anyway }),
    })
}

fn so(world: &World, all: &str) {
    all.split(", ").for_each(|one| world.expect(one));
}

#[test]
fn another_item_leaves_with_a_claim_of_its_own_and_the_channel_hears_nothing() {
    let mut world = shipped();
    world.book.intents.clear();
    let plate = item("PLATE", 1, Some("7"));
    assert_eq!(exchange(&mut world, 1, vec![plate]), Ok(Verdict::New));
    so(
        &world,
        "#1 after_sales, PLATE 4-1, web.PLATE 3, market.PLATE 3",
    );
    assert_eq!(difference(&world), Some(200), "seven for five");
    let line = order(&world).line(2).expect("a line of its own");
    assert!(line.counters.are_lawful());
    assert_eq!(line.counters.ordered, Quantity::ZERO);

    world.act("ship #1");
    so(&world, "new, PLATE 3-0, MUG 8-0, intents 0");
    let parcel = order(&world).shipments.last().expect("a parcel");
    assert_eq!(parcel.lines, [(2, Quantity::of(1))]);
    assert!(parcel.is_again);
    comes_back(&mut world);
    so(&world, "#1 shipped, MUG 9-0");
    assert_eq!(difference(&world), Some(200));

    // The next view of the channel knows nothing of it, and takes nothing away.
    world.act("order web #1 v2 word:x MUG:2/shipped2");
    assert_eq!(
        order(&world).line(2).map(|line| line.counters.shipped),
        Some(Quantity::of(1))
    );
    so(&world, "PLATE 3-0");
}

#[test]
fn only_what_it_costs_less_is_given_back() {
    let mut world = shipped();
    let plate = item("PLATE", 1, Some("3.20"));
    assert_eq!(exchange(&mut world, 1, vec![plate]), Ok(Verdict::New));
    assert_eq!(difference(&world), Some(-180));
    comes_back(&mut world);
    let beyond = ReturnRefusal::BeyondWorth("1.80 EUR".to_owned());
    assert_eq!(refund(&mut world, eur(181), false), Err(beyond.into()));
    assert_eq!(refund(&mut world, eur(180), false), Ok(Verdict::New));
    let nothing = refund(&mut world, eur(1), false);
    assert_eq!(nothing, Err(ReturnRefusal::NothingToRefund.into()));

    // Where both are worth the same, or it costs more, nothing is owed.
    for (price, owed) in [(None, 0), (Some("9"), 400)] {
        let mut world = shipped();
        let plate = item("PLATE", 1, price);
        assert_eq!(exchange(&mut world, 1, vec![plate]), Ok(Verdict::New));
        assert_eq!(difference(&world), Some(owed));
        comes_back(&mut world);
        let none = ReturnRefusal::BeyondWorth("0.00 EUR".to_owned());
        assert_eq!(
            refund(&mut world, eur(100), false),
            Err(none.clone().into())
        );
        assert_eq!(refund(&mut world, eur(0), false), Err(none.into()));
        assert_eq!(refund(&mut world, eur(100), true), Ok(Verdict::New));
    }
}

#[test]
fn what_does_not_come_or_does_not_leave_changes_the_difference() {
    let mut world = shipped();
    let plates = item("PLATE", 2, Some("4"));
    assert_eq!(exchange(&mut world, 2, vec![plates]), Ok(Verdict::New));
    assert_eq!(difference(&world), Some(800 - 1000));
    world.act("ship #1 2:1");
    world.expect("new");
    let (order, by) = (world.id("#1"), "ann".to_owned());
    let step_of = DeliveryStep::DropResend;
    let dropped = world.ask(Command::Deliver {
        order,
        step: step_of,
        by,
    });
    assert_eq!(dropped, Ok(Verdict::New));
    so(&world, "PLATE 3-0");
    assert_eq!(difference(&world), Some(400 - 1000));
    let id = back(&world).id;
    let close = ReturnStep::Close {
        id,
        reason: "it is kept".to_owned(),
    };
    assert_eq!(step(&mut world, close), Ok(Verdict::New));
    assert_eq!(difference(&world), Some(400), "nothing came back");
}

#[test]
fn what_was_exchanged_can_come_back_as_well_and_is_worth_its_price() {
    let mut world = shipped();
    let plate = item("PLATE", 1, Some("7"));
    assert_eq!(exchange(&mut world, 1, vec![plate]), Ok(Verdict::New));
    world.act("ship #1");
    comes_back(&mut world);
    let again = ReturnStep::Open {
        lines: vec![(2, Decimal::whole(1))],
        reason: ReturnReason::ChangedMind,
        note: None,
        tracking_number: None,
        anyway: false,
    };
    assert_eq!(step(&mut world, again), Ok(Verdict::New));
    comes_back(&mut world);
    so(&world, "PLATE 4-0, MUG 9-0");
    assert_eq!(difference(&world), None, "it is no exchange");
    let beyond = ReturnRefusal::BeyondWorth("7.00 EUR".to_owned());
    assert_eq!(refund(&mut world, eur(701), false), Err(beyond.into()));
    assert_eq!(refund(&mut world, eur(700), false), Ok(Verdict::New));
}

#[test]
fn several_items_leave_and_what_is_missing_is_an_incident() {
    let mut world = shipped();
    let items = vec![item("PLATE", 5, Some("1")), item("WRAP", 1, Some("2"))];
    assert_eq!(exchange(&mut world, 2, items), Ok(Verdict::New));
    so(&world, "#1 after_sales, #1 lacks 1, PLATE 4-4");
    assert_eq!(difference(&world), Some(700 - 1000));
    let wrap = order(&world).line(3).expect("a line");
    assert!(!wrap.requires_shipping, "a service takes no parcel");
    world.act("ship #1 2:4 3:1");
    so(&world, "new, PLATE 0-0, #1 lacks 1");
    // The channel sold no plate, so it cannot cancel one.
    world.act("resolve #1 units 100");
    world.expect("refused: the channel sold none of them");
}

#[test]
fn what_cannot_be_exchanged_is_refused() {
    let plate = |price| item("PLATE", 1, price);
    let mut world = shipped();
    let too_many = vec![plate(Some("1")); REPLACEMENTS_MAX + 1];
    for (items, why) in [
        (Vec::new(), ReturnRefusal::NothingInstead),
        (too_many, ReturnRefusal::TooManyItems),
        (vec![plate(Some("1")), plate(None)], ReturnRefusal::NoPrice),
    ] {
        assert_eq!(exchange(&mut world, 1, items), Err(why.into()));
    }
    for items in [
        vec![item("PLATE", 0, None)],
        vec![plate(Some("-1"))],
        vec![plate(Some("1.005"))],
        vec![Instead {
            units: "0.5".parse().expect("a decimal"),
            ..plate(None)
        }],
    ] {
        let refused = exchange(&mut world, 1, items.clone());
        let is_bad = matches!(
            &refused,
            Err(Refusal::Return(ReturnRefusal::BadItem { .. }))
        );
        assert!(is_bad, "{items:?}: {refused:?}");
    }
    let nobody = exchange(&mut world, 1, vec![item("CUP", 1, None)]);
    assert_eq!(nobody, Err(Refusal::NoItem(sku("CUP"))));
    let more = exchange(&mut world, 3, vec![plate(None)]);
    assert!(matches!(
        more,
        Err(Refusal::Return(ReturnRefusal::TooMany { .. }))
    ));
    world.act("order web #1 v2 canceled MUG:2");
    let gone = exchange(&mut world, 1, vec![plate(None)]);
    assert_eq!(gone, Err(ReturnRefusal::Withdrawn.into()));
    assert_eq!(order(&world).lines.len(), 1, "nothing was added");
    assert_eq!(order(&world).returns.len(), 0, "nothing was opened");
}

#[test]
fn an_exchange_is_shown_as_it_was() {
    let mut world = shipped();
    let before = world.now;
    let plate = item("PLATE", 1, Some("7"));
    assert_eq!(exchange(&mut world, 1, vec![plate]), Ok(Verdict::New));
    let agreed = world.now;
    world.act("ship #1");
    comes_back(&mut world);
    let facts: Vec<_> = world
        .told
        .iter()
        .filter(|fact| fact.order == Some(world.id("#1")))
        .map(|fact| (fact.at, fact.event.clone()))
        .collect();
    let then = |at: i64| {
        let then = crate::past::order_at(order(&world), &facts, Time::from_seconds(at));
        then.expect("it was there").order
    };
    assert_eq!(then(before).lines.len(), 1);
    assert!(then(before).returns.is_empty());
    let shown = then(agreed);
    assert_eq!(shown.lines[1].counters.resent, Quantity::of(1));
    assert_eq!(shown.lines[1].counters.shipped, Quantity::ZERO);
    assert_eq!(shown.returns[0].replacements.len(), 1);
    assert_eq!(shown.difference_of(&shown.returns[0]), Some(200));
    assert_eq!(then(world.now).lines, order(&world).lines);
    assert_eq!(then(world.now).returns, order(&world).returns);
}
