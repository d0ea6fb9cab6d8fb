//! Orders that people enter: taken in, paid, changed, canceled, shipped, and told to nobody.

use super::{reports::eur as money, world::World, *};
use crate::{
    Decimal,
    payment::{Method, PaymentRefusal, Pays, Step},
    placement::{NewPayment, PlacedLine, Placement, PlacementRefusal},
    snapshot::{Buyer, PaymentState, Standing},
};

fn line(sku: &str, units: i64, price: i64) -> PlacedLine {
    PlacedLine {
        sku: Some(sku.to_owned()),
        title: String::new(),
        units: Decimal::whole(units),
        price: Some(money(price)),
        total: None,
        tax: None,
        requires_shipping: true,
    }
}

fn paid(step: Step, amount: i64) -> NewPayment {
    NewPayment {
        step,
        method: Method::Cash,
        amount: money(amount),
        reference: String::new(),
        at: None,
        by: "ann".to_owned(),
    }
}

/// Two mugs at five euros on the account of phone orders.
fn mugs(reference: Option<&str>) -> Placement {
    Placement {
        account: AccountId::new("phone"),
        reference: reference.map(ExternalId::new),
        placed_at: None,
        lines: vec![line("MUG", 2, 500)],
        shipping: money(0),
        discount: money(0),
        tax: money(0),
        total: None,
        buyer: Buyer {
            name: "Ada Example".to_owned(),
            ..Buyer::default()
        },
        ship_to: None,
        bill_to: None,
        note: String::new(),
        ship_by: None,
        pays: Pays::Before,
        payments: Vec::new(),
        by: "ann".to_owned(),
        replaces: false,
        person_print: None,
        gist: None,
    }
}

fn world() -> World {
    let mut world = World::new();
    world.act("count MUG 10");
    world
}

fn place(world: &mut World, asked: Placement) -> Result<Verdict, Refusal> {
    world.ask(Command::Place(Box::new(asked)))
}

fn pay(world: &mut World, name: &str, payment: NewPayment) -> Result<Verdict, Refusal> {
    let order = world.id(name);
    world.ask(Command::Pay { order, payment })
}

fn order<'a>(world: &'a World, name: &str) -> &'a Order {
    &world.book.orders[&world.id(name)]
}

fn so(world: &World, all: &str) {
    all.split(", ").for_each(|one| world.expect(one));
}

#[test]
fn what_is_sent_again_is_dropped_and_not_canceled() {
    let mut world = world();
    assert_eq!(place(&mut world, mugs(None)), Ok(Verdict::New));
    let all = paid(Step::Paid, 1000);
    assert_eq!(pay(&mut world, "1001", all), Ok(Verdict::New));
    world.act("ship 1001");
    let (order, one) = (world.id("1001"), vec![(1, Decimal::whole(1))]);
    let again = Command::Deliver {
        order,
        step: crate::delivery::DeliveryStep::Resend {
            shipment: None,
            lines: one.clone(),
            reason: "lost".to_owned(),
        },
        by: "ann".to_owned(),
    };
    assert_eq!(world.ask(again), Ok(Verdict::New));
    let cancel = Command::Cancel {
        order,
        lines: one,
        reason: "no".to_owned(),
    };
    let left = Decimal::whole(0);
    assert_eq!(world.ask(cancel), Err(Refusal::NotOpen { line: 1, left }));
    so(&world, "1001 part_shipped, MUG 8-1");
}

#[test]
fn an_order_taken_by_phone_claims_is_paid_in_two_parts_and_leaves() {
    let mut world = world();
    assert_eq!(place(&mut world, mugs(None)), Ok(Verdict::New));
    so(&world, "1001 awaiting_payment, MUG 10-2, web.MUG 8");
    assert_eq!(
        pay(&mut world, "1001", paid(Step::Paid, 400)),
        Ok(Verdict::New)
    );
    assert_eq!(order(&world, "1001").payment, PaymentState::PartPaid);
    world.expect("1001 awaiting_payment");
    assert_eq!(
        pay(&mut world, "1001", paid(Step::Paid, 600)),
        Ok(Verdict::New)
    );
    assert_eq!(order(&world, "1001").payment, PaymentState::Paid);
    world.expect("1001 ready");
    world.act("ship 1001");
    so(&world, "1001 shipped, MUG 8-0");
    assert!(world.book.intents.is_empty(), "nobody is to be told");
}

#[test]
fn numbers_are_given_in_turn_and_references_make_one_order() {
    let mut world = world();
    assert_eq!(place(&mut world, mugs(None)), Ok(Verdict::New));
    assert_eq!(place(&mut world, mugs(None)), Ok(Verdict::New));
    so(
        &world,
        "1001 awaiting_payment, 1002 awaiting_payment, MUG 10-4",
    );
    assert_eq!(place(&mut world, mugs(Some("A-7"))), Ok(Verdict::New));
    assert_eq!(place(&mut world, mugs(Some("A-7"))), Ok(Verdict::Duplicate));
    world.expect("MUG 10-6");
    // Its payments are no part of what was entered.
    pay(&mut world, "A-7", paid(Step::Paid, 1000)).expect("noted");
    assert_eq!(place(&mut world, mugs(Some("A-7"))), Ok(Verdict::Duplicate));
    let mut other = mugs(Some("A-7"));
    other.lines[0].units = Decimal::whole(1);
    let used = place(&mut world, other.clone());
    assert!(
        matches!(used, Err(Refusal::ReferenceUsed { .. })),
        "{used:?}"
    );
    so(&world, "A-7 ready, MUG 10-6");
    other.replaces = true;
    assert_eq!(place(&mut world, other), Ok(Verdict::New));
    // Paid twice what it is now.
    assert_eq!(order(&world, "A-7").payment, PaymentState::Paid);
    assert_eq!(order(&world, "A-7").total, money(500));
    so(&world, "A-7 ready, MUG 10-5");
}

#[test]
fn what_left_stays_when_an_order_is_entered_anew() {
    let mut world = world();
    let mut first = mugs(Some("B"));
    first.payments = vec![paid(Step::Paid, 1000)];
    place(&mut world, first.clone()).expect("entered");
    world.act("ship B 1:1");
    let mut more = first;
    more.lines[0].units = Decimal::whole(3);
    more.lines.push(line("PLATE", 1, 0));
    more.replaces = true;
    assert_eq!(place(&mut world, more.clone()), Ok(Verdict::New));
    let of_first = order(&world, "B").lines[0].counters;
    assert_eq!(of_first.shipped_net(), Quantity::of(1));
    assert_eq!(of_first.to_ship(), Quantity::of(2));
    assert_eq!(order(&world, "B").lines.len(), 2);
    assert_eq!(order(&world, "B").payments.len(), 1, "not paid again");
    more.lines[0].sku = Some("PLATE".to_owned());
    let other = place(&mut world, more);
    let is_other = Refusal::Placement(PlacementRefusal::OtherItem(1));
    assert_eq!(other, Err(is_other));
}

#[test]
fn an_invoice_or_the_carrier_may_be_paid_later() {
    for pays in [Pays::OnDelivery, Pays::OnInvoice] {
        let mut world = world();
        place(&mut world, Placement { pays, ..mugs(None) }).expect("entered");
        world.expect("1001 ready");
        world.act("ship 1001");
        world.expect("1001 shipped");
        assert_eq!(order(&world, "1001").payment, PaymentState::Pending);
    }
}

#[test]
fn it_is_canceled_at_once_in_part_or_whole() {
    let mut world = world();
    place(&mut world, mugs(None)).expect("entered");
    pay(&mut world, "1001", paid(Step::Paid, 1000)).expect("noted");
    let id = world.id("1001");
    let cancel = |units: Option<i64>| Command::Cancel {
        order: id,
        lines: units
            .map(|units| (1, Decimal::whole(units)))
            .into_iter()
            .collect(),
        reason: "changed their mind".to_owned(),
    };
    let too_many = world.ask(cancel(Some(3)));
    let left = Decimal::whole(2);
    assert_eq!(too_many, Err(Refusal::NotOpen { line: 1, left }));
    assert_eq!(world.ask(cancel(Some(1))), Ok(Verdict::New));
    so(&world, "1001 ready, MUG 10-1");
    assert_eq!(world.ask(cancel(None)), Ok(Verdict::New));
    // The money is still with the merchant.
    so(&world, "1001 after_sales, MUG 10-0");
    assert_eq!(order(&world, "1001").standing, Standing::Canceled);
    let refund = |amount| Command::Refund {
        order: id,
        amount: money(amount),
        lines: Vec::new(),
        reason: "canceled".to_owned(),
        of_return: None,
    };
    let beyond = world.ask(refund(1001));
    assert!(
        matches!(beyond, Err(Refusal::RefundTooLarge(_))),
        "{beyond:?}"
    );
    assert_eq!(world.ask(refund(1000)), Ok(Verdict::New));
    world.expect("1001 canceled");
    assert_eq!(order(&world, "1001").refunded, money(1000));
    assert!(world.book.intents.is_empty(), "nobody is to be asked");
}

#[test]
fn what_does_not_add_up_is_refused_and_changes_nothing() {
    let wrong = |change: fn(&mut Placement)| {
        let mut asked = mugs(Some("C"));
        change(&mut asked);
        let mut world = world();
        let before = world.book.clone();
        let refusal = place(&mut world, asked).expect_err("it is refused");
        assert_eq!(world.book, before);
        refusal
    };
    let placement = |refusal| Refusal::Placement(refusal);
    assert_eq!(
        wrong(|asked| asked.lines.clear()),
        placement(PlacementRefusal::NoLines)
    );
    assert_eq!(
        wrong(|asked| asked.lines[0].units = Decimal::ZERO),
        placement(PlacementRefusal::NoUnits(1))
    );
    assert_eq!(
        wrong(|asked| asked.lines[0].price = None),
        placement(PlacementRefusal::NoPrice(1))
    );
    assert_eq!(
        wrong(|asked| asked.lines[0].sku = None),
        placement(PlacementRefusal::Nameless(1))
    );
    assert_eq!(
        wrong(|asked| asked.total = Some(money(999))),
        placement(PlacementRefusal::TotalDiffers {
            sum: money(1000),
            said: money(999),
        })
    );
    assert_eq!(
        wrong(|asked| asked.discount = money(1001)),
        placement(PlacementRefusal::Negative(
            "what is left after the discount"
        ))
    );
    let half = "0.5".parse().expect("a decimal");
    assert_eq!(
        wrong(|asked| {
            asked.lines[0].units = "0.5".parse().expect("a decimal");
            asked.lines[0].price = Some(money(501));
        }),
        placement(PlacementRefusal::Inexact(1, half, money(501)))
    );
    assert_eq!(
        wrong(|asked| asked.account = AccountId::new("web")),
        Refusal::NotByHand(AccountId::new("web"))
    );
    assert_eq!(
        wrong(|asked| asked.payments = vec![paid(Step::Refunded, 1)]),
        Refusal::Payment(PaymentRefusal::BeyondTaken(money(0)))
    );
}

#[test]
fn only_orders_that_were_entered_are_paid_here() {
    let mut world = world();
    world.act("order web #1 MUG:1");
    let web = Refusal::NotByHand(AccountId::new("web"));
    assert_eq!(pay(&mut world, "#1", paid(Step::Paid, 100)), Err(web));
    let order = world.id("#1");
    let some = world.ask(Command::Cancel {
        order,
        lines: vec![(1, Decimal::whole(1))],
        reason: "no".to_owned(),
    });
    assert!(
        matches!(some, Err(Refusal::CannotCancelUnits { .. })),
        "{some:?}"
    );
}

#[test]
fn what_is_unpaid_too_long_loses_its_stock_and_gets_it_again_when_paid() {
    let mut world = world();
    place(&mut world, mugs(None)).expect("entered");
    world.decide(&Signal::Expire {
        order: world.id("1001"),
    });
    world.expect("MUG 10-0");
    pay(&mut world, "1001", paid(Step::Paid, 1000)).expect("noted");
    so(&world, "1001 ready, MUG 10-2");
}

#[test]
fn an_order_without_people_is_decided_about_as_the_whole_one() {
    let whole = mugs(Some("D"));
    let plain = whole.without_people();
    assert_eq!(plain.buyer, Buyer::default());
    let mut world = world();
    place(&mut world, whole).expect("entered");
    assert_eq!(place(&mut world, plain), Ok(Verdict::Duplicate));
}
