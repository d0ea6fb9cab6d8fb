//! Laws of what happens after an order was taken in, under random steps: of units, and of money.

use proptest::prelude::*;

use super::{
    reports::eur,
    world::{World, sku},
    *,
};
use crate::{
    Decimal,
    delivery::{DeliveryStep, Tracking},
    exchange::Instead,
    order::Counters,
    payment::{Method, Step},
    placement::{NewPayment, PlacedLine, Placement},
    returns::{ReturnReason, ReturnStep, Verdict as Judged},
    signal::Command,
    snapshot::Buyer,
};

/// A step of somebody: which, about which thing, how many units.
fn any_step() -> impl Strategy<Value = (u8, usize, i64)> {
    (0..18_u8, 0..3_usize, 1..4_i64)
}

fn order(world: &World) -> &Order {
    &world.book.orders[&world.id("#1")]
}

fn lines(nth: usize, units: i64) -> Vec<(u32, Decimal)> {
    let line = u32::try_from(nth).unwrap_or(0).saturating_add(1);
    vec![(line, Decimal::whole(units))]
}

/// What a step asks for; nothing where it has no object yet.
#[expect(clippy::too_many_lines, reason = "one arm for each step")]
fn command(world: &World, (what, nth, units): (u8, usize, i64)) -> Option<Command> {
    let (found, by) = (order(world), "ann".to_owned());
    let id = found.id;
    let deliver = |step| Command::Deliver {
        order: id,
        step,
        by: "ann".to_owned(),
    };
    let back = |step| Command::Return {
        order: id,
        step,
        by: "ann".to_owned(),
    };
    let parcel = found.shipments.get(nth).map(|one| one.id);
    let returned = found.returns.get(nth).map(|one| one.id);
    Some(match what {
        0..4 => Command::Ship {
            order: id,
            lines: lines(nth, units),
            carrier: None,
            tracking_number: None,
            tracking_url: None,
            location: None,
        },
        4 => Command::Cancel {
            order: id,
            lines: Vec::new(),
            reason: "no".to_owned(),
        },
        5..8 => deliver(DeliveryStep::Track {
            shipment: parcel?,
            state: Tracking::ALL[usize::try_from(units).ok()? + 2 * nth],
            at: None,
            place: None,
        }),
        8 => deliver(DeliveryStep::Resend {
            shipment: None,
            lines: lines(nth, units),
            reason: "lost".to_owned(),
        }),
        9 => deliver(DeliveryStep::DropResend),
        10 | 11 => back(ReturnStep::Open {
            lines: lines(nth, units),
            reason: ReturnReason::Other,
            note: None,
            tracking_number: None,
            anyway: false,
        }),
        12 => back(ReturnStep::Exchange {
            lines: lines(nth, units),
            items: vec![Instead {
                sku: sku("PLATE"),
                units: Decimal::whole(units),
                price: None,
            }],
            reason: ReturnReason::Other,
            note: None,
            tracking_number: None,
            anyway: false,
        }),
        13 | 14 => back(ReturnStep::Receive {
            id: returned?,
            lines: Vec::new(),
            location: None,
        }),
        15 => back(ReturnStep::Inspect {
            id: returned?,
            lines: Vec::new(),
            verdict: [Judged::Restock, Judged::Damaged, Judged::Scrap][nth],
            note: "seen".to_owned(),
        }),
        16 => back(ReturnStep::Close {
            id: returned?,
            reason: "kept".to_owned(),
        }),
        _ => Command::Hold {
            order: id,
            reason: "look".to_owned(),
            by,
            until: None,
            keeps_claim: true,
            ask: None,
        },
    })
}

/// Every number of a line, to see that none becomes less.
fn numbers(counters: &Counters) -> [Quantity; 13] {
    [
        counters.ordered,
        counters.canceled,
        counters.reinstated,
        counters.picked,
        counters.unpicked,
        counters.packed,
        counters.unpacked,
        counters.shipped,
        counters.voided,
        counters.delivered,
        counters.undelivered,
        counters.returned,
        counters.resent,
    ]
}

fn check(before: &Order, after: &Order) {
    for line in &after.lines {
        let counters = &line.counters;
        assert!(counters.are_lawful(), "{line:?}");
        let may_leave = counters.ordered.plus(counters.resent_net());
        assert!(
            counters.canceled_net().plus(counters.shipped_net()) <= may_leave,
            "{line:?}"
        );
        assert!(counters.returned <= counters.shipped_net(), "{line:?}");
        let Some(was) = before.line(line.number) else {
            continue;
        };
        let both = numbers(&was.counters).into_iter().zip(numbers(counters));
        for (was, is) in both {
            assert!(was <= is, "counters only grow: {line:?}");
        }
    }
    for back in &after.returns {
        assert!(
            back.lines
                .iter()
                .all(crate::returns::ReturnedLine::is_lawful),
            "{back:?}"
        );
    }
}

fn phone_order(world: &mut World) {
    let line = PlacedLine {
        sku: Some("MUG".to_owned()),
        title: String::new(),
        units: Decimal::whole(2),
        price: Some(eur(500)),
        total: None,
        tax: None,
        requires_shipping: true,
    };
    let asked = Placement {
        account: AccountId::new("phone"),
        reference: Some(ExternalId::new("P-1")),
        placed_at: None,
        lines: vec![line],
        shipping: eur(0),
        discount: eur(0),
        tax: eur(0),
        total: None,
        buyer: Buyer::default(),
        ship_to: None,
        bill_to: None,
        note: String::new(),
        ship_by: None,
        pays: crate::payment::Pays::Before,
        payments: Vec::new(),
        by: "ann".to_owned(),
        replaces: false,
        person_print: None,
        gist: None,
    };
    let placed = world.ask(Command::Place(Box::new(asked)));
    assert_eq!(placed, Ok(Verdict::New));
}

fn any_payment() -> impl Strategy<Value = (Step, i64)> {
    let step = prop::sample::select(vec![
        Step::Paid,
        Step::Authorized,
        Step::Captured,
        Step::Voided,
        Step::Refunded,
        Step::RefundReversed,
    ]);
    (step, 1..700_i64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever staff, carriers and channel do with an order that was taken in: counters only grow, no more
    /// leaves than was ordered or is to be sent again, and no more comes back than left.
    #[test]
    fn no_sequence_after_placing_breaks_the_laws_of_units(
        steps in prop::collection::vec(any_step(), 1..40),
        views in prop::collection::vec(0..5_usize, 0..4),
    ) {
        let mut world = World::new();
        for act in ["count MUG 9", "count PLATE 5", "order web #1 v1 MUG:3 PLATE:2"] {
            world.act(act);
        }
        let says = [
            "MUG:3 PLATE:2",
            "MUG:3/shipped1 PLATE:2",
            "MUG:3/shipped2/returned1 PLATE:2/canceled1",
            "MUG:2 PLATE:2/shipped2",
            "canceled MUG:3 PLATE:2",
        ];
        let every = steps.len() / (views.len() + 1) + 1;
        for (at, step) in steps.iter().enumerate() {
            let before = order(&world).clone();
            if at % every == every - 1 && let Some(view) = views.get(at / every) {
                world.act(&format!("order web #1 v{} {}", at + 2, says[*view]));
            } else if let Some(command) = command(&world, *step) {
                drop(world.ask(command));
            }
            check(&before, order(&world));
        }
    }

    /// What an order has is what was captured less what was given back, to the minor unit, and a step that is
    /// refused moves nothing.
    #[test]
    fn money_in_is_what_was_captured_less_what_was_given_back(
        steps in prop::collection::vec(any_payment(), 1..30),
    ) {
        let mut world = World::new();
        world.act("count MUG 9");
        phone_order(&mut world);
        let (mut captured, mut given_back) = (0_i64, 0_i64);
        for (step, minor) in steps {
            let order = world.id("P-1");
            let payment = NewPayment {
                step,
                method: Method::Card,
                amount: eur(minor),
                reference: String::new(),
                at: None,
                by: "ann".to_owned(),
            };
            if world.ask(Command::Pay { order, payment }).is_ok() {
                match step {
                    Step::Paid | Step::Captured => captured += minor,
                    Step::Refunded => given_back += minor,
                    Step::RefundReversed => given_back -= minor,
                    Step::Authorized | Step::Voided => {}
                }
            }
            let order = &world.book.orders[&order];
            prop_assert_eq!(order.refunded.minor(), given_back);
            let sums = crate::payment::Sums::of(&order.payments);
            prop_assert_eq!(sums.kept(), captured - given_back, "{:?}", order.payments);
            prop_assert!(sums.kept() >= 0 && given_back >= 0 && given_back <= captured);
        }
    }
}
