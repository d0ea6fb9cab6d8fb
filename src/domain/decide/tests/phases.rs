//! The phases of an order (DESIGN, "Stages and phases"): one order in each, what is shown when several apply,
//! and which steps are legal in which.

use super::{
    world::{World, sku},
    *,
};
use crate::{
    Decimal,
    delivery::{DeliveryStep, Tracking},
    exchange::Instead,
    ids::{ReturnId, ShipmentId},
    notes::NoteText,
    returns::{ReturnReason, ReturnStep, Verdict as Judged},
    signal::Command,
};

/// What happened to order `#1` until it came to a phase. `track` and `return` are said beside the table.
const ROADS: [(Phase, &[&str]); 15] = [
    (Phase::Received, &["order web #1 v1"]),
    (Phase::NeedsMapping, &["order web #1 v1 NOPE:2"]),
    (Phase::AwaitingPayment, &["order web #1 v1 unpaid MUG:2"]),
    (Phase::Held, &["order web #1 v1 MUG:2", "hold #1 keep"]),
    (Phase::Short, &["count MUG 1", "order web #1 v1 MUG:2"]),
    (Phase::Ready, &["order web #1 v1 MUG:2"]),
    (
        Phase::Fulfilling,
        &["order web #1 v1 MUG:2", "task open #1"],
    ),
    (
        Phase::PartShipped,
        &["order web #1 v1 MUG:2", "ship #1 1:1"],
    ),
    (Phase::Shipped, &["order web #1 v1 MUG:2", "ship #1"]),
    (
        Phase::InDelivery,
        &["order web #1 v1 MUG:2", "ship #1", "track in_transit"],
    ),
    (
        Phase::Exception,
        &["order web #1 v1 MUG:2", "ship #1", "track lost"],
    ),
    (
        Phase::Delivered,
        &["order web #1 v1 MUG:2", "ship #1", "track delivered"],
    ),
    (
        Phase::AfterSales,
        &[
            "order web #1 v1 MUG:2",
            "ship #1",
            "track delivered",
            "return",
        ],
    ),
    (
        Phase::Closed,
        &[
            "order web #1 v1 MUG:2",
            "ship #1",
            "track delivered",
            "told",
            "close #1",
        ],
    ),
    (
        Phase::Canceled,
        &[
            "order web #1 v1 unpaid MUG:2",
            "order web #1 v2 unpaid canceled MUG:2",
        ],
    ),
];

fn travel(world: &mut World, road: &[&str]) {
    for act in road {
        match act.strip_prefix("track ") {
            Some(word) => {
                let state = Tracking::ALL.into_iter().find(|one| one.word() == word);
                let step = track(world, state.expect("a word of a carrier"));
                assert_eq!(world.ask(step), Ok(Verdict::New), "{act}");
            }
            None if *act == "return" => {
                let step = returning(world, open_return());
                assert_eq!(world.ask(step), Ok(Verdict::New));
            }
            // The channel was told what it was to be told.
            None if *act == "told" => world.book.intents.clear(),
            None => world.act(act),
        }
    }
}

fn at(phase: Phase) -> World {
    let mut world = World::new();
    world.act("count MUG 10");
    let road = ROADS.iter().find(|(known, _)| *known == phase);
    travel(&mut world, road.expect("every phase has a road").1);
    world
}

fn order(world: &World) -> &Order {
    &world.book.orders[&world.id("#1")]
}

fn phase(world: &World) -> Phase {
    order(world).phase(world.book.is_short(order(world)))
}

fn track(world: &World, state: Tracking) -> Command {
    let (order, by) = (order(world), "ann".to_owned());
    let unknown = || ShipmentId::next(&mut crate::IdSource::new(Time::EPOCH, [9; 16]));
    let shipment = order.shipments.first().map_or_else(unknown, |one| one.id);
    let step = DeliveryStep::Track {
        shipment,
        state,
        at: None,
        place: None,
    };
    let order = order.id;
    Command::Deliver { order, step, by }
}

fn deliver(world: &World, step: DeliveryStep) -> Command {
    let (order, by) = (order(world).id, "ann".to_owned());
    Command::Deliver { order, step, by }
}

fn returning(world: &World, step: ReturnStep) -> Command {
    let (order, by) = (order(world).id, "ann".to_owned());
    Command::Return { order, step, by }
}

fn open_return() -> ReturnStep {
    ReturnStep::Open {
        lines: Vec::new(),
        reason: ReturnReason::DoesNotFit,
        note: None,
        tracking_number: None,
        anyway: false,
    }
}

fn a_return(world: &World) -> ReturnId {
    let unknown = || ReturnId::next(&mut crate::IdSource::new(Time::EPOCH, [9; 16]));
    order(world)
        .returns
        .first()
        .map_or_else(unknown, |one| one.id)
}

fn check_stage(phases: &[Phase]) {
    for wanted in phases {
        assert_eq!(phase(&at(*wanted)), *wanted);
    }
}

#[test]
fn placement_is_received_needs_mapping_or_awaiting_payment() {
    check_stage(&[Phase::Received, Phase::NeedsMapping, Phase::AwaitingPayment]);
}

#[test]
fn processing_is_held_short_or_ready() {
    check_stage(&[Phase::Held, Phase::Short, Phase::Ready]);
}

#[test]
fn fulfillment_is_fulfilling_part_shipped_or_shipped() {
    check_stage(&[Phase::Fulfilling, Phase::PartShipped, Phase::Shipped]);
    // Picked, packed and labeled are all of it.
    let mut world = at(Phase::Fulfilling);
    for step in ["task pick #1", "task pack #1", "task label #1 p1"] {
        world.act(step);
        world.expect("new");
        assert_eq!(phase(&world), Phase::Fulfilling, "{step}");
    }
}

#[test]
fn delivery_is_in_delivery_exception_or_delivered() {
    check_stage(&[Phase::InDelivery, Phase::Exception, Phase::Delivered]);
}

#[test]
fn after_sales_is_after_sales_or_closed() {
    check_stage(&[Phase::AfterSales, Phase::Closed]);
    // Canceled with money still owed.
    let mut world = at(Phase::Ready);
    world.act("order web #1 v2 canceled MUG:2");
    assert_eq!(phase(&world), Phase::AfterSales);
    world.act("order web #1 v3 canceled refunded MUG:2");
    assert_eq!(phase(&world), Phase::Canceled);
}

#[test]
fn canceled_is_a_phase_of_any_stage_before_something_left() {
    check_stage(&[Phase::Canceled]);
    for before in [
        Phase::Received,
        Phase::NeedsMapping,
        Phase::AwaitingPayment,
        Phase::Held,
        Phase::Short,
        Phase::Ready,
        Phase::Fulfilling,
    ] {
        let mut world = at(before);
        let units = if before == Phase::NeedsMapping {
            "NOPE:2"
        } else {
            "MUG:2"
        };
        world.act(&format!("order web #1 v9 refunded canceled {units}"));
        assert_eq!(phase(&world), Phase::Canceled, "{}", before.word());
    }
    // A cancellation that meets a shipped parcel is an exception.
    for left in [
        Phase::PartShipped,
        Phase::Shipped,
        Phase::InDelivery,
        Phase::Delivered,
    ] {
        let mut world = at(left);
        world.act("order web #1 v9 canceled MUG:2");
        assert_eq!(phase(&world), Phase::Exception, "{}", left.word());
    }
}

#[test]
fn every_phase_is_in_the_table_once() {
    let mut listed: Vec<Phase> = ROADS.iter().map(|(phase, _)| *phase).collect();
    listed.sort();
    assert_eq!(listed, Phase::ALL);
}

/// Of each two neighbors an order to which both apply, and that the first of them is shown.
const SEVERAL: [(&[&str], Phase); 12] = [
    (
        &[
            "order web #1 v1 unpaid MUG:2",
            "order web #1 v2 unpaid canceled MUG:2",
            "close #1",
        ],
        Phase::Canceled,
    ),
    (
        &[
            "order web #1 v1 MUG:2",
            "ship #1",
            "track delivered",
            "told",
            "close #1",
        ],
        Phase::Closed,
    ),
    (
        &["order web #1 v1 MUG:2", "ship #1", "track lost", "return"],
        Phase::Exception,
    ),
    (
        &[
            "order web #1 v1 MUG:2",
            "ship #1",
            "track delivered",
            "return",
        ],
        Phase::AfterSales,
    ),
    (
        &[
            "order web #1 v1 MUG:2",
            "ship #1",
            "track in_transit",
            "track delivered",
        ],
        Phase::Delivered,
    ),
    (
        &[
            "order web #1 v1 MUG:2",
            "ship #1",
            "hold #1 keep",
            "track in_transit",
        ],
        Phase::InDelivery,
    ),
    (
        &["order web #1 v1 MUG:2", "ship #1", "hold #1 keep"],
        Phase::Shipped,
    ),
    (
        &["order web #1 v1 MUG:2", "ship #1 1:1", "hold #1 keep"],
        Phase::Held,
    ),
    (
        &["order web #1 v1 MUG:2", "task open #1 1:1", "ship #1 1:1"],
        Phase::PartShipped,
    ),
    (
        &["order web #1 v1 MUG:2", "task open #1", "count MUG 1"],
        Phase::Fulfilling,
    ),
    (
        &["count MUG 1", "order web #1 v1 unpaid MUG:2"],
        Phase::Short,
    ),
    (
        &["order web #1 v1 unpaid NOPE:1 MUG:1"],
        Phase::AwaitingPayment,
    ),
];

#[test]
fn when_several_phases_apply_the_first_is_shown() {
    for (road, shown) in SEVERAL {
        let mut world = World::new();
        world.act("count MUG 10");
        travel(&mut world, road);
        assert_eq!(phase(&world), shown, "{road:?}");
    }
    let mut world = at(Phase::NeedsMapping);
    world.act("order web #1 v2 NOPE:1 MUG:1");
    assert_eq!(phase(&world), Phase::NeedsMapping, "though a part is ready");
}

/// A step as a person asks for it.
type Step = fn(&World) -> Command;

const STEPS: [(&str, Step); 24] = [
    ("hold", |world| staff(world, "hold")),
    ("release", |world| staff(world, "release")),
    ("map_line", |world| Command::MapLine {
        order: order(world).id,
        line: 1,
        sku: sku("MUG"),
    }),
    ("allocate", |world| Command::Allocate {
        order: order(world).id,
        line: None,
        location: None,
        by: "ann".to_owned(),
    }),
    ("unallocate", |world| Command::Unallocate {
        order: order(world).id,
        line: None,
        by: "ann".to_owned(),
    }),
    ("open_task", |world| task(world, "open")),
    ("pick", |world| task(world, "pick")),
    ("close_task", |world| task(world, "close")),
    ("hand_over", |world| task(world, "hand")),
    ("ship", |world| Command::Ship {
        order: order(world).id,
        lines: Vec::new(),
        carrier: None,
        tracking_number: None,
        tracking_url: None,
        location: None,
    }),
    ("cancel", |world| cancel(world, Vec::new())),
    ("cancel_units", |world| {
        cancel(world, vec![(1, Decimal::whole(1))])
    }),
    ("refund", |world| Command::Refund {
        order: order(world).id,
        amount: reports::eur(100),
        lines: Vec::new(),
        reason: "a scratch".to_owned(),
        of_return: None,
    }),
    ("track", |world| track(world, Tracking::OutForDelivery)),
    ("settle", |world| {
        let Command::Deliver {
            step: DeliveryStep::Track { shipment, .. },
            ..
        } = track(world, Tracking::Lost)
        else {
            panic!("news of a parcel");
        };
        let note = "the carrier pays".to_owned();
        deliver(world, DeliveryStep::Settle { shipment, note })
    }),
    ("resend", |world| {
        let lines = vec![(1, Decimal::whole(1))];
        let reason = "it is lost".to_owned();
        deliver(
            world,
            DeliveryStep::Resend {
                shipment: None,
                lines,
                reason,
            },
        )
    }),
    ("drop_resend", |world| {
        deliver(world, DeliveryStep::DropResend)
    }),
    ("open_return", |world| returning(world, open_return())),
    ("exchange", |world| {
        let items = vec![Instead {
            sku: sku("PLATE"),
            units: Decimal::whole(1),
            price: None,
        }];
        let (reason, lines) = (ReturnReason::DoesNotFit, Vec::new());
        returning(
            world,
            ReturnStep::Exchange {
                lines,
                items,
                reason,
                note: None,
                tracking_number: None,
                anyway: false,
            },
        )
    }),
    ("receive_return", |world| {
        let (id, lines) = (a_return(world), Vec::new());
        returning(
            world,
            ReturnStep::Receive {
                id,
                lines,
                location: None,
            },
        )
    }),
    ("inspect_return", |world| {
        let (id, lines) = (a_return(world), Vec::new());
        let (verdict, note) = (Judged::Restock, "fine".to_owned());
        returning(
            world,
            ReturnStep::Inspect {
                id,
                lines,
                verdict,
                note,
            },
        )
    }),
    ("close_return", |world| {
        let (id, reason) = (a_return(world), "it is kept".to_owned());
        returning(world, ReturnStep::Close { id, reason })
    }),
    ("note", |world| Command::Note {
        order: order(world).id,
        text: NoteText("call".to_owned()),
        by: "ann".to_owned(),
    }),
    ("erase", |world| Command::Erase {
        order: order(world).id,
        by: "ann".to_owned(),
    }),
];

fn staff(world: &World, what: &str) -> Command {
    let (order, by) = (order(world).id, "ann".to_owned());
    match what {
        "hold" => Command::Hold {
            order,
            reason: "look".to_owned(),
            by,
            until: None,
            keeps_claim: true,
            ask: None,
        },
        _ => Command::Release { order, by },
    }
}

fn task(world: &World, what: &str) -> Command {
    let Signal::Command(command) = world.task_signal(what, "#1", &[]) else {
        panic!("a command");
    };
    command
}

fn cancel(world: &World, lines: Vec<(u32, Decimal)>) -> Command {
    Command::Cancel {
        order: order(world).id,
        lines,
        reason: "buyer asked".to_owned(),
    }
}

/// Which steps are legal in which phase: `new`, or `duplicate` when it is so already; else the word of the
/// refusal. What a step is in all phases that are not named stands last.
const LEGAL: [(&str, &str); STEPS.len()] = [
    ("hold", "else new"),
    ("release", "new: held | else not_held"),
    (
        "map_line",
        "new: needs_mapping | no_line: received | else duplicate",
    ),
    (
        "allocate",
        "new: held part_shipped short awaiting_payment ready | fulfillment: fulfilling | else \
         nothing_promised",
    ),
    ("unallocate", "fulfillment: fulfilling | else duplicate"),
    (
        "open_task",
        "new: part_shipped short ready | fulfillment: fulfilling | phase: canceled held \
         awaiting_payment needs_mapping | else nothing_to_ship",
    ),
    ("pick", "new: fulfilling | else no_task"),
    ("close_task", "new: fulfilling | else no_task"),
    ("hand_over", "new: fulfilling | else no_task"),
    (
        "ship",
        "new: part_shipped fulfilling ready | not_covered: short | phase: canceled held \
         awaiting_payment needs_mapping | else nothing_to_ship",
    ),
    (
        "cancel",
        "new: held fulfilling short awaiting_payment needs_mapping ready received | duplicate: \
         canceled | else already_shipped",
    ),
    (
        "cancel_units",
        "duplicate: canceled | else cannot_cancel_units",
    ),
    (
        "refund",
        "refund_too_large: canceled awaiting_payment | else new",
    ),
    (
        "track",
        "new: closed exception after_sales delivered in_delivery shipped part_shipped | else no_shipment",
    ),
    (
        "settle",
        "new: exception | delivery: closed after_sales delivered in_delivery shipped part_shipped | \
         else no_shipment",
    ),
    (
        "resend",
        "new: closed exception after_sales delivered in_delivery shipped part_shipped | no_line: \
         received | else delivery",
    ),
    ("drop_resend", "else delivery"),
    (
        "open_return",
        "new: closed exception delivered in_delivery shipped part_shipped | else return",
    ),
    (
        "exchange",
        "new: closed exception delivered in_delivery shipped part_shipped | else return",
    ),
    ("receive_return", "new: after_sales | else no_return"),
    ("inspect_return", "return: after_sales | else no_return"),
    ("close_return", "new: after_sales | else no_return"),
    ("note", "else new"),
    ("erase", "else new"),
];

/// What the table says of a step in a phase.
fn expected(row: &'static str, phase: Phase) -> &'static str {
    let mut found = Vec::new();
    let mut otherwise = "";
    for part in row.split(" | ") {
        match part.split_once(": ") {
            Some((word, phases)) => {
                let phases: Vec<_> = phases.split(' ').map(Phase::from_word).collect();
                assert!(phases.iter().all(Option::is_some), "{part} names phases");
                found.extend(phases.contains(&Some(phase)).then_some(word));
            }
            None => otherwise = part.strip_prefix("else ").expect("`else` and a word"),
        }
    }
    assert!(
        found.len() <= 1,
        "{} stands in one part of `{row}`",
        phase.word()
    );
    found.pop().unwrap_or(otherwise)
}

#[test]
fn each_step_is_legal_or_refused_in_each_phase_as_the_table_says() {
    for ((name, step), (listed, row)) in STEPS.into_iter().zip(LEGAL) {
        assert_eq!(name, listed);
        for phase in Phase::ALL {
            let mut world = at(phase);
            let before = world.book.clone();
            let command = step(&world);
            let said = match world.ask(command) {
                Ok(verdict) => verdict.word(),
                Err(refusal) => {
                    assert_eq!(world.book, before, "what is refused changes nothing");
                    refusal.word()
                }
            };
            assert_eq!(said, expected(row, phase), "{name} when {}", phase.word());
        }
    }
}
