//! What happens after something left: parcels that arrive or go astray, what is sent again, what comes back.

use super::{world::World, *};
use crate::{
    Decimal,
    delivery::{DeliveryRefusal, DeliveryStep, EVENTS_MAX, Tracking},
    ids::{ReturnId, ShipmentId},
    order::{Counters, Line},
    returns::{
        RETURNS_MAX, ReturnReason, ReturnRefusal, ReturnState, ReturnStep, Verdict as Judged,
    },
    stock::{Condition, LocationId},
};

#[test]
fn what_never_left_after_all_does_not_come_back() {
    let mut world = World::new();
    world.act("count MUG 10");
    world.act("order web #1 v1 MUG:1/shipped1");
    assert_eq!(advise(&mut world, &[]), Ok(Verdict::New));
    world.act("order web #1 v2 MUG:1");
    let refused = ReturnRefusal::TooMany {
        line: 1,
        left: Decimal::ZERO,
        of: "that left and did not come back",
    };
    assert_eq!(receive(&mut world, &[]), Err(refused.into()));
}

#[test]
fn what_came_back_had_left_whatever_its_channel_takes_back() {
    let mut world = World::new();
    for what in [
        "count MUG 10",
        "order web #1 v1 MUG:3/shipped2/returned1",
        "order web #1 v2 MUG:3",
    ] {
        world.act(what);
        world.expect("new");
    }
    let counters = counters(&world);
    assert_eq!(
        (counters.shipped_net(), counters.returned),
        (Quantity::of(1), Quantity::of(1))
    );
}

/// Two mugs that left in one parcel.
fn shipped() -> World {
    let mut world = World::new();
    for what in ["count MUG 10", "order web #1 v1 MUG:2", "ship #1"] {
        world.act(what);
        world.expect("new");
    }
    world
}

fn so(world: &World, all: &str) {
    all.split(", ").for_each(|one| world.expect(one));
}

fn order(world: &World) -> &Order {
    &world.book.orders[&world.id("#1")]
}

fn order_lines(world: &World) -> &[Line] {
    &order(world).lines
}

fn counters(world: &World) -> Counters {
    order(world).lines[0].counters
}

fn parcel(world: &World, at: usize) -> ShipmentId {
    order(world).shipments[at].id
}

fn deliver(world: &mut World, step: DeliveryStep) -> Result<Verdict, Refusal> {
    let (order, by) = (world.id("#1"), "ann".to_owned());
    world.ask(Command::Deliver { order, step, by })
}

fn track(world: &mut World, parcel_at: usize, state: Tracking) -> Result<Verdict, Refusal> {
    let shipment = parcel(world, parcel_at);
    world.act("after 60");
    deliver(
        world,
        DeliveryStep::Track {
            shipment,
            state,
            at: None,
            place: None,
        },
    )
}

fn resend(world: &mut World, lines: &[(u32, i64)]) -> Result<Verdict, Refusal> {
    let shipment = lines.is_empty().then(|| parcel(world, 0));
    let units = |(line, units): &(u32, i64)| (*line, Decimal::whole(*units));
    deliver(
        world,
        DeliveryStep::Resend {
            shipment,
            lines: lines.iter().map(units).collect(),
            reason: "it is lost".to_owned(),
        },
    )
}

fn comes_back(world: &mut World, step: ReturnStep) -> Result<Verdict, Refusal> {
    let (order, by) = (world.id("#1"), "ann".to_owned());
    world.ask(Command::Return { order, step, by })
}

fn advise(world: &mut World, lines: &[(u32, i64)]) -> Result<Verdict, Refusal> {
    let units = |(line, units): &(u32, i64)| (*line, Decimal::whole(*units));
    comes_back(
        world,
        ReturnStep::Open {
            lines: lines.iter().map(units).collect(),
            reason: ReturnReason::DoesNotFit,
            note: None,
            tracking_number: None,
            anyway: false,
        },
    )
}

fn last_return(world: &World) -> ReturnId {
    order(world).returns.last().expect("a return").id
}

fn receive(world: &mut World, units: &[(u32, i64)]) -> Result<Verdict, Refusal> {
    let id = last_return(world);
    let lines = units.iter();
    let lines = lines.map(|(line, units)| (*line, Decimal::whole(*units)));
    let lines = lines.collect();
    comes_back(
        world,
        ReturnStep::Receive {
            id,
            lines,
            location: None,
        },
    )
}

fn inspect(world: &mut World, units: &[(u32, i64)], verdict: Judged) -> Result<Verdict, Refusal> {
    let id = last_return(world);
    let lines = units.iter();
    let lines = lines.map(|(line, units)| (*line, Decimal::whole(*units)));
    let lines = lines.collect();
    comes_back(
        world,
        ReturnStep::Inspect {
            id,
            lines,
            verdict,
            note: "looked at".to_owned(),
        },
    )
}

fn close(world: &mut World) -> Result<Verdict, Refusal> {
    let (id, reason) = (last_return(world), "it never came".to_owned());
    comes_back(world, ReturnStep::Close { id, reason })
}

fn unchecked(world: &World) -> i64 {
    let stock = &world.book.stock[&Sku::new("MUG").expect("a SKU")];
    let lying = stock.lying(&LocationId::default(), Condition::ReturnedUnchecked);
    lying.units()
}

#[test]
fn each_state_of_a_parcel_has_its_phase() {
    let phases = [
        (Tracking::PreTransit, "shipped"),
        (Tracking::InTransit, "in_delivery"),
        (Tracking::OutForDelivery, "in_delivery"),
        (Tracking::ReadyForPickup, "in_delivery"),
        (Tracking::Failed, "exception"),
        (Tracking::Delivered, "delivered"),
        (Tracking::Damaged, "exception"),
        (Tracking::Returning, "exception"),
        (Tracking::Lost, "exception"),
    ];
    assert_eq!(phases.map(|(state, _)| state), Tracking::ALL);
    for (state, phase) in phases {
        let mut world = shipped();
        world.expect("#1 shipped");
        assert_eq!(track(&mut world, 0, state), Ok(Verdict::New));
        world.expect(&format!("#1 {phase}"));
    }
}

#[test]
fn news_of_a_parcel_come_in_any_order_and_more_than_once() {
    let mut world = shipped();
    let shipment = parcel(&world, 0);
    let at = |seconds: i64| Some(Time::from_millis(world.now + seconds * 1000));
    let told = |state, at| DeliveryStep::Track {
        shipment,
        state,
        at,
        place: Some("Hamburg".to_owned()),
    };
    let (arrived, left) = (at(30), at(10));
    let ahead = at(3_600);
    world.act("after 60");
    let tell = |world: &mut World, state, at| deliver(world, told(state, at));
    assert_eq!(
        tell(&mut world, Tracking::Delivered, arrived),
        Ok(Verdict::New)
    );
    assert_eq!(
        tell(&mut world, Tracking::InTransit, left),
        Ok(Verdict::New)
    );
    world.expect("#1 delivered");
    assert_eq!(
        tell(&mut world, Tracking::Delivered, arrived),
        Ok(Verdict::Duplicate)
    );
    assert_eq!(counters(&world).delivered, Quantity::of(2));
    let facts = world.book.facts.len();
    let refused = tell(&mut world, Tracking::Lost, ahead);
    let far = Time::from_millis(ahead.expect("a time").millis());
    assert_eq!(refused, Err(DeliveryRefusal::Ahead(far).into()));
    assert_eq!(world.book.facts.len(), facts, "nothing changes");
}

#[test]
fn what_had_not_arrived_after_all_is_on_its_way_again() {
    let mut world = shipped();
    track(&mut world, 0, Tracking::Delivered).expect("news");
    track(&mut world, 0, Tracking::InTransit).expect("news");
    world.expect("#1 in_delivery");
    let counted = counters(&world);
    assert_eq!(counted.delivered, Quantity::of(2), "counters only grow");
    assert_eq!(counted.undelivered, Quantity::of(2));
    track(&mut world, 0, Tracking::Delivered).expect("news");
    world.expect("#1 delivered");
    assert_eq!(counters(&world).delivered_net(), Quantity::of(2));
}

#[test]
fn one_of_two_parcels_is_on_its_way_until_both_arrived() {
    let mut world = World::new();
    for what in ["count MUG 10", "order web #1 v1 MUG:2", "ship #1 1:1"] {
        world.act(what);
    }
    world.expect("#1 part_shipped");
    track(&mut world, 0, Tracking::Delivered).expect("news");
    world.expect("#1 part_shipped");
    world.act("ship #1");
    world.expect("#1 in_delivery");
    track(&mut world, 1, Tracking::Delivered).expect("news");
    world.expect("#1 delivered");
}

#[test]
fn what_needs_no_parcel_arrives_when_it_leaves() {
    let mut world = World::new();
    world.act("count MUG 10");
    world.act("order web #1 v1 MUG:1 WRAP:1");
    let id = world.id("#1");
    let order = world.book.orders.get_mut(&id).expect("an order");
    order.lines[1].requires_shipping = false;
    world.act("ship #1");
    world.expect("new");
    // The mug left, and nobody told where it is.
    world.expect("#1 shipped");
    let wrap = order_lines(&world)[1].counters;
    assert_eq!(wrap.delivered, Quantity::of(1));
    track(&mut world, 0, Tracking::Delivered).expect("news");
    world.expect("#1 delivered");
    assert_eq!(order_lines(&world)[1].counters.delivered, Quantity::of(1));
}

#[test]
fn a_lost_parcel_is_an_exception_until_somebody_sees_to_it() {
    let mut world = shipped();
    let settle = |world: &mut World| {
        let (shipment, note) = (parcel(world, 0), "the carrier pays".to_owned());
        deliver(world, DeliveryStep::Settle { shipment, note })
    };
    let none = DeliveryRefusal::NoTrouble(parcel(&world, 0));
    assert_eq!(settle(&mut world), Err(none.clone().into()));
    track(&mut world, 0, Tracking::Lost).expect("news");
    world.expect("#1 exception");
    assert_eq!(settle(&mut world), Ok(Verdict::New));
    world.expect("#1 delivered");
    assert_eq!(settle(&mut world), Err(none.into()));
    // It was found after all, and lost once more: that is news.
    track(&mut world, 0, Tracking::InTransit).expect("news");
    world.expect("#1 delivered");
    track(&mut world, 0, Tracking::Lost).expect("news");
    world.expect("#1 exception");
}

#[test]
fn a_lost_parcel_is_sent_again_from_stock_and_the_channel_is_told_of_one() {
    let mut world = shipped();
    so(&world, "MUG 8-0, web.MUG 8, intents 1");
    track(&mut world, 0, Tracking::Lost).expect("news");
    assert_eq!(resend(&mut world, &[]), Ok(Verdict::New));
    so(&world, "#1 part_shipped, MUG 8-2, web.MUG 6");
    world.act("ship #1");
    world.expect("new");
    so(&world, "#1 shipped, MUG 6-0, web.MUG 6, intents 1");
    let again = &order(&world).shipments[1];
    assert!(again.is_again, "{again:?}");
    assert_eq!(counters(&world).shipped, Quantity::of(4));
    // What the channel says of its two units changes nothing, and adds nothing.
    world.act("order web #1 v2 MUG:2/shipped2");
    so(&world, "#1 shipped, MUG 6-0");
    assert_eq!(counters(&world).ordered, Quantity::of(2));
    track(&mut world, 1, Tracking::Delivered).expect("news");
    world.expect("#1 delivered");
    // No more is sent again than ever left.
    let left = DeliveryRefusal::NotOut {
        line: 1,
        left: Decimal::whole(2),
    };
    assert_eq!(resend(&mut world, &[(1, 3)]), Err(left.into()));
}

#[test]
fn what_is_sent_again_leaves_last_and_can_be_given_up() {
    let mut world = World::new();
    for what in ["count MUG 10", "order web #1 v1 MUG:3", "ship #1 1:1"] {
        world.act(what);
    }
    assert_eq!(resend(&mut world, &[(1, 1)]), Ok(Verdict::New));
    so(&world, "#1 part_shipped, MUG 9-3");
    world.act("ship #1 1:3");
    world.expect("new");
    let parcels = &order(&world).shipments;
    let units = |at: usize| (parcels[at].units_of(1), parcels[at].is_again);
    assert_eq!(units(1), (Quantity::of(2), false));
    assert_eq!(units(2), (Quantity::of(1), true));
    assert_eq!(resend(&mut world, &[(1, 2)]), Ok(Verdict::New));
    so(&world, "#1 part_shipped, MUG 6-2");
    assert_eq!(
        deliver(&mut world, DeliveryStep::DropResend),
        Ok(Verdict::New)
    );
    so(&world, "#1 shipped, MUG 6-0");
    assert_eq!(counters(&world).resent_net(), Quantity::of(1));
    let nothing = DeliveryRefusal::NothingToDrop;
    assert_eq!(
        deliver(&mut world, DeliveryStep::DropResend),
        Err(nothing.into())
    );
}

#[test]
fn a_channel_that_cancels_while_something_is_sent_again_cancels_what_did_not_leave() {
    let mut world = World::new();
    for what in ["count MUG 10", "order web #1 v1 MUG:2", "ship #1 1:1"] {
        world.act(what);
    }
    resend(&mut world, &[(1, 1)]).expect("it left");
    so(&world, "MUG 9-2");
    world.act("order web #1 v2 MUG:1/shipped1");
    let counted = counters(&world);
    assert_eq!(counted.wanted(), Quantity::of(1));
    assert_eq!(counted.to_ship(), Quantity::of(1), "it is sent again still");
    world.expect("MUG 9-1");
}

#[test]
fn a_return_is_announced_received_looked_at_and_done() {
    let mut world = shipped();
    track(&mut world, 0, Tracking::Delivered).expect("news");
    assert_eq!(advise(&mut world, &[(1, 2)]), Ok(Verdict::New));
    so(&world, "#1 after_sales, MUG 8-0, web.MUG 8");
    assert_eq!(order(&world).returns[0].state(), ReturnState::Advised);
    assert_eq!(receive(&mut world, &[(1, 1)]), Ok(Verdict::New));
    // Nobody has looked, so it is not sold.
    so(&world, "#1 after_sales, MUG 8-0, web.MUG 8");
    assert_eq!(unchecked(&world), 1);
    assert_eq!(counters(&world).returned, Quantity::of(1));
    assert_eq!(
        inspect(&mut world, &[(1, 1)], Judged::Restock),
        Ok(Verdict::New)
    );
    so(&world, "#1 after_sales, MUG 9-0, web.MUG 9");
    assert_eq!(receive(&mut world, &[]), Ok(Verdict::New));
    assert_eq!(inspect(&mut world, &[], Judged::Scrap), Ok(Verdict::New));
    so(&world, "#1 delivered, MUG 9-0, web.MUG 9");
    assert_eq!(unchecked(&world), 0);
    let done = &order(&world).returns[0];
    assert_eq!(done.state(), ReturnState::Closed);
    assert_eq!(done.lines[0].restocked, Quantity::of(1));
    assert_eq!(done.lines[0].scrapped, Quantity::of(1));
    assert!(done.lines[0].is_lawful(), "{done:?}");
}

#[test]
fn what_came_back_damaged_is_kept_and_not_sold() {
    let mut world = shipped();
    advise(&mut world, &[(1, 1)]).expect("it left");
    receive(&mut world, &[]).expect("it is to come");
    inspect(&mut world, &[], Judged::Damaged).expect("it came");
    so(&world, "#1 shipped, MUG 8-0, web.MUG 8");
    let stock = &world.book.stock[&Sku::new("MUG").expect("a SKU")];
    let damaged = stock.lying(&LocationId::default(), Condition::Damaged);
    assert_eq!(damaged, Quantity::of(1));
}

#[test]
fn what_never_came_is_closed_and_what_came_is_looked_at_first() {
    let mut world = shipped();
    advise(&mut world, &[(1, 2)]).expect("it left");
    receive(&mut world, &[(1, 1)]).expect("it is to come");
    let first = ReturnRefusal::CheckFirst {
        line: 1,
        left: Decimal::whole(1),
    };
    assert_eq!(close(&mut world), Err(first.into()));
    inspect(&mut world, &[], Judged::Restock).expect("it came");
    world.expect("#1 after_sales");
    assert_eq!(close(&mut world), Ok(Verdict::New));
    world.expect("#1 shipped");
    assert_eq!(
        order(&world).returns[0].lines[0].not_returned,
        Quantity::of(1)
    );
    assert_eq!(close(&mut world), Ok(Verdict::Duplicate));
    assert_eq!(receive(&mut world, &[]), Err(ReturnRefusal::Over.into()));
    // It may still be sent back one day.
    assert_eq!(advise(&mut world, &[]), Ok(Verdict::New));
    assert_eq!(order(&world).returns[1].lines[0].advised, Quantity::of(1));
}

#[test]
fn no_more_comes_back_than_left() {
    let mut world = World::new();
    world.act("count MUG 10");
    world.act("order web #1 v1 MUG:3");
    assert_eq!(
        advise(&mut world, &[]),
        Err(ReturnRefusal::NothingOut.into())
    );
    world.act("ship #1 1:2");
    let too_many = |left| {
        Err(Refusal::Return(ReturnRefusal::TooMany {
            line: 1,
            left: Decimal::whole(left),
            of: "with the buyer that do not come back yet",
        }))
    };
    assert_eq!(advise(&mut world, &[(1, 3)]), too_many(2));
    assert_eq!(advise(&mut world, &[(1, 1), (1, 2)]), too_many(2));
    advise(&mut world, &[(1, 1)]).expect("it left");
    assert_eq!(advise(&mut world, &[(1, 2)]), too_many(1));
    let refused = receive(&mut world, &[(1, 2)]);
    assert!(matches!(
        refused,
        Err(Refusal::Return(ReturnRefusal::TooMany { left, .. })) if left == Decimal::whole(1)
    ));
    let refused = inspect(&mut world, &[], Judged::Restock);
    assert_eq!(refused, Err(ReturnRefusal::NothingToCheck.into()));
    // What is still to be sent leaves, though something comes back.
    world.act("ship #1");
    world.expect("new");
    world.act("hold #1 keep");
    world.expect("#1 after_sales");
}

#[test]
fn a_hold_stops_what_is_sent_again_though_something_comes_back() {
    let mut world = shipped();
    advise(&mut world, &[(1, 1)]).expect("it left");
    resend(&mut world, &[(1, 1)]).expect("it left");
    world.act("hold #1 keep");
    world.act("ship #1");
    world.expect("refused: lift the hold first");
    world.act("release #1");
    world.act("ship #1");
    world.expect("new");
}

#[test]
fn what_a_channel_says_came_back_is_a_return_that_waits_for_the_goods() {
    let mut world = shipped();
    world.act("order web #1 v2 MUG:2/shipped2/returned1");
    so(&world, "#1 after_sales, MUG 8-0");
    let told = order(&world).returns[0].clone();
    assert_eq!(
        (told.by.as_str(), told.state()),
        ("web", ReturnState::Advised)
    );
    assert_eq!(counters(&world).returned, Quantity::of(1));
    // The goods that come in are those: they are counted once.
    receive(&mut world, &[]).expect("it is to come");
    assert_eq!(counters(&world).returned, Quantity::of(1));
    inspect(&mut world, &[], Judged::Restock).expect("it came");
    so(&world, "#1 shipped, MUG 9-0, web.MUG 9");
    // The other way around: the channel tells of what came in already.
    advise(&mut world, &[]).expect("it left");
    receive(&mut world, &[]).expect("it is to come");
    world.act("order web #1 v3 MUG:2/shipped2/returned2");
    assert_eq!(order(&world).returns.len(), 2);
    assert_eq!(counters(&world).returned, Quantity::of(2));
}

#[test]
fn what_an_order_keeps_of_parcels_and_returns_is_bounded() {
    let mut world = shipped();
    for _ in 0..EVENTS_MAX {
        assert_eq!(track(&mut world, 0, Tracking::InTransit), Ok(Verdict::New));
    }
    let shipment = parcel(&world, 0);
    let refused = track(&mut world, 0, Tracking::InTransit);
    assert_eq!(refused, Err(DeliveryRefusal::TooMany(shipment).into()));
    for _ in 0..RETURNS_MAX {
        advise(&mut world, &[(1, 1)]).expect("it left");
        close(&mut world).expect("it is open");
    }
    let refused = advise(&mut world, &[(1, 1)]);
    assert_eq!(refused, Err(ReturnRefusal::TooManyReturns.into()));
}
