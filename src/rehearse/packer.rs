//! Packers: they work on an order task by task, miss things, and find that it was canceled meanwhile.

use domain::{
    Decimal, Quantity,
    fulfillment::{FulfillmentStep, Missing, NewLabel, Parcel, Task, TaskLine, TaskState},
    order::Order,
    signal::Command,
    stock::LocationId,
};
use engine::rows::{self, key};
use fastrand::Rng;

use crate::{gateways, rows::Rows, slips::pick};

const BY: &str = "packer";

/// Where labels come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    /// They are typed in.
    Typed,
    /// Some are bought.
    Bought,
}

/// The next step of an order: of one of its open tasks, or a new one.
pub(crate) fn step(
    order: &Order,
    place: Option<LocationId>,
    labels: Labels,
    chance: &mut Rng,
) -> Option<Command> {
    let open: Vec<&Task> = order.tasks.iter().filter(|task| task.is_open()).collect();
    let lines = Vec::new();
    let step = match pick(&open, chance) {
        Some(task) if chance.u32(0..10) > 0 => next(order, task, labels, chance)?,
        Some(_) | None => FulfillmentStep::Open {
            location: place,
            lines,
        },
    };
    Some(fulfill(order, step))
}

/// What lies on a packing table though its order is canceled or on hold.
pub(crate) fn stop_sign(rows: &Rows<'_>, labels: Labels, chance: &mut Rng) -> Option<Command> {
    let keys = rows.keys(rows::OPEN_TASKS, b"");
    let chosen = pick(&keys, chance)?;
    let parts: Vec<&[u8]> = chosen.split(|byte| *byte == 0).collect();
    let id = std::str::from_utf8(parts.get(2)?).ok()?;
    let order: Order = rows.get(rows::ORDERS, &key(&[id]))?;
    step(&order, None, labels, chance)
}

fn fulfill(order: &Order, step: FulfillmentStep) -> Command {
    let (order, by) = (order.id, BY.to_owned());
    Command::Fulfill { order, step, by }
}

fn next(order: &Order, task: &Task, labels: Labels, chance: &mut Rng) -> Option<FulfillmentStep> {
    let (id, lines) = (task.id, Vec::new());
    if chance.u32(0..12) == 0 {
        return odd(order, task, chance);
    }
    Some(match task.state() {
        TaskState::Open | TaskState::Picking => pick_some(order, task, chance)?,
        TaskState::Picked => FulfillmentStep::Pack {
            task: id,
            lines: some(task, TaskLine::to_pack, chance),
            weight_g: Some(chance.u32(0..30_000)),
        },
        TaskState::Packed => label(task, labels, chance)?,
        TaskState::Labeled => hand_over(task, chance),
        TaskState::Stopped => match task.parcels_here().next() {
            Some(parcel) if parcel.label().is_some() => FulfillmentStep::VoidLabel {
                task: id,
                parcel: parcel.number,
                by_hand: false,
            },
            Some(parcel) => FulfillmentStep::Unpack {
                task: id,
                parcel: parcel.number,
            },
            None => FulfillmentStep::PutBack { task: id, lines },
        },
        TaskState::Closed => return None,
    })
}

/// One unit of a line now and then, else all.
fn some(task: &Task, has: fn(&TaskLine) -> Quantity, chance: &mut Rng) -> Vec<(u32, Decimal)> {
    let with = task.lines.iter().filter(|part| has(part).is_positive());
    let with: Vec<u32> = with.map(|part| part.line).collect();
    match pick(&with, chance) {
        Some(line) if chance.u32(0..4) == 0 => vec![(line, Decimal::whole(1))],
        Some(_) | None => Vec::new(),
    }
}

fn pick_some(order: &Order, task: &Task, chance: &mut Rng) -> Option<FulfillmentStep> {
    let mut missing = Vec::new();
    if chance.u32(0..8) == 0 {
        let left = task
            .lines
            .iter()
            .filter(|part| part.to_pick().is_positive());
        let line = pick(&left.map(|part| part.line).collect::<Vec<_>>(), chance)?;
        let item = order.line(line).and_then(|line| line.item.as_ref());
        let bill: Vec<_> = item.iter().flat_map(|item| item.bill.keys()).collect();
        missing.push(Missing {
            line,
            units: Decimal::whole(1),
            sku: pick(&bill, chance).cloned(),
        });
    }
    Some(FulfillmentStep::Pick {
        task: task.id,
        lines: some(task, TaskLine::to_pick, chance),
        missing,
        is_empty: false,
    })
}

fn label(task: &Task, labels: Labels, chance: &mut Rng) -> Option<FulfillmentStep> {
    let bare = |parcel: &&Parcel| parcel.label().is_none();
    if chance.u32(0..3) == 0 {
        return Some(hand_over(task, chance));
    }
    let parcel = task.parcels_here().find(bare)?.number;
    if labels == Labels::Bought && chance.bool() {
        return Some(FulfillmentStep::BuyLabel {
            task: task.id,
            parcel,
            provider: gateways::LABELS.to_owned(),
            service: chance.bool().then(|| "express".to_owned()),
        });
    }
    Some(FulfillmentStep::Label {
        task: task.id,
        parcel,
        label: NewLabel {
            carrier: "DHL".to_owned(),
            tracking_number: number(chance),
            tracking_url: None,
            reference: None,
            cost: None,
        },
    })
}

/// What leaves has a number of its own, by which the shop's parcels are told apart.
fn hand_over(task: &Task, chance: &mut Rng) -> FulfillmentStep {
    let bare = task
        .parcels_here()
        .filter(|parcel| parcel.label().is_none());
    let bare: Vec<u32> = bare.map(|parcel| parcel.number).collect();
    let is_packed = task.parcels_here().next().is_some();
    let parcels: Vec<u32> = pick(&bare, chance).into_iter().collect();
    FulfillmentStep::HandOver {
        task: task.id,
        tracking_number: (!bare.is_empty() || !is_packed).then(|| number(chance)),
        parcels,
        carrier: None,
        tracking_url: None,
        is_to_buyer: chance.u32(0..6) == 0,
    }
}

fn number(chance: &mut Rng) -> String {
    format!("PK{:010}{:010}", chance.u32(..), chance.u32(..))
}

/// What is not usual, and mostly refused.
fn odd(order: &Order, task: &Task, chance: &mut Rng) -> Option<FulfillmentStep> {
    let id = task.id;
    Some(match chance.u32(0..6) {
        0 => FulfillmentStep::Close {
            task: id,
            reason: "tomorrow".to_owned(),
        },
        1 => FulfillmentStep::Split {
            task: id,
            lines: vec![(pick(&task.lines, chance)?.line, Decimal::whole(1))],
        },
        2 => FulfillmentStep::Merge {
            task: id,
            into: pick(&order.tasks, chance)?.id,
        },
        3 => FulfillmentStep::PutBack {
            task: id,
            lines: some(task, TaskLine::loose, chance),
        },
        4 => FulfillmentStep::Unpack {
            task: id,
            parcel: chance.u32(1..4),
        },
        _ => FulfillmentStep::HandOver {
            task: id,
            parcels: Vec::new(),
            carrier: Some("DHL".to_owned()),
            tracking_number: Some(number(chance)),
            tracking_url: None,
            is_to_buyer: false,
        },
    })
}
