//! What our staff do after something left: follow parcels, send again, take goods back.

use domain::{
    Decimal, Quantity,
    delivery::{DeliveryStep, Tracking},
    exchange::Instead,
    item::Item,
    order::{Line, Order, Phase},
    returns::{Return, ReturnReason, ReturnStep, ReturnedLine, Verdict},
    signal::Command,
};
use engine::rows;
use fastrand::Rng;

use crate::{
    rows::Rows,
    slips::{no_sku, order_in, pick},
};

const BY: &str = "aftercare";

/// Something to do for what left, if there is any of what chance wants.
pub(crate) fn errand(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    match chance.u32(0..12) {
        0..4 => track(rows, chance),
        4 | 5 => see_to(rows, chance),
        6 => drop_resend(rows, chance),
        7 | 8 => announce(rows, chance),
        _ => take_back(rows, chance),
    }
}

fn deliver(order: &Order, step: DeliveryStep) -> Command {
    let (order, by) = (order.id, BY.to_owned());
    Command::Deliver { order, step, by }
}

fn returning(order: &Order, step: ReturnStep) -> Command {
    let (order, by) = (order.id, BY.to_owned());
    Command::Return { order, step, by }
}

/// Somebody heard of a parcel, perhaps late.
fn track(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phases = [
        Phase::Shipped,
        Phase::InDelivery,
        Phase::PartShipped,
        Phase::Delivered,
        Phase::Exception,
    ];
    let phase = pick(&phases, chance)?;
    let order = order_in(rows, chance, phase)?;
    let shipment = pick(&order.shipments, chance)?.id;
    Some(deliver(
        &order,
        DeliveryStep::Track {
            shipment,
            state: pick(&Tracking::ALL, chance)?,
            at: None,
            place: None,
        },
    ))
}

/// Somebody sees to a parcel that went astray: it is sent again, or that is that.
fn see_to(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let order = order_in(rows, chance, Phase::Exception)?;
    let parcel = order.shipments.iter().find(|parcel| parcel.is_astray())?;
    let are_goods = |(number, _): &(u32, Quantity)| order.line(*number).is_some_and(is_good);
    let step = if chance.bool() && parcel.lines.iter().all(are_goods) {
        DeliveryStep::Resend {
            shipment: Some(parcel.id),
            lines: Vec::new(),
            reason: "it went astray".to_owned(),
        }
    } else {
        DeliveryStep::Settle {
            shipment: parcel.id,
            note: "the carrier pays".to_owned(),
        }
    };
    Some(deliver(&order, step))
}

/// Whether a line is a good of its own: what kits lack is judged by what was sold alone.
fn is_good(line: &Line) -> bool {
    let item = line.item.as_ref();
    item.is_some_and(|item| item.bill.len() == 1 && item.bill.contains_key(&item.sku))
}

fn drop_resend(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let order = order_in(rows, chance, Phase::PartShipped)?;
    Some(deliver(&order, DeliveryStep::DropResend))
}

/// A buyer wants to send something back: a unit, or all.
fn announce(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phases = [Phase::Shipped, Phase::Delivered, Phase::InDelivery];
    let phase = pick(&phases, chance)?;
    let order = order_in(rows, chance, phase)?;
    let mut lines = Vec::new();
    if chance.bool() {
        lines.push((pick(&order.lines, chance)?.number, Decimal::whole(1)));
    }
    if chance.u32(0..4) == 0 {
        let step = exchange(rows, lines, chance)?;
        return Some(returning(&order, step));
    }
    Some(returning(
        &order,
        ReturnStep::Open {
            lines,
            reason: pick(&ReturnReason::ALL, chance)?,
            note: None,
            tracking_number: None,
            anyway: false,
        },
    ))
}

/// Something else is wanted for it; now and then what nobody sells, or nothing.
fn exchange(rows: &Rows<'_>, lines: Vec<(u32, Decimal)>, chance: &mut Rng) -> Option<ReturnStep> {
    let goods: Vec<Item> = rows
        .scan::<Item>(rows::ITEMS, b"")
        .into_iter()
        .map(|(_, item)| item)
        .filter(Item::is_stocked)
        .collect();
    let instead = Instead {
        sku: match chance.u32(0..8) {
            0 => no_sku(),
            _ => pick(&goods, chance)?.sku,
        },
        units: Decimal::whole(1),
        price: None,
    };
    Some(ReturnStep::Exchange {
        lines,
        items: match chance.u32(0..8) {
            0 => Vec::new(),
            _ => vec![instead],
        },
        reason: pick(&ReturnReason::ALL, chance)?,
        note: None,
        tracking_number: None,
        anyway: false,
    })
}

/// Goods of a return come in, are looked at, or never come.
fn take_back(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let order = order_in(rows, chance, Phase::AfterSales)?;
    let open = order.returns.iter().find(|one| one.is_open())?;
    let has = |count: fn(&ReturnedLine) -> Quantity, one: &Return| {
        one.lines.iter().any(|part| count(part).is_positive())
    };
    let (id, lines) = (open.id, Vec::new());
    let step = if has(ReturnedLine::to_check, open) {
        ReturnStep::Inspect {
            id,
            lines,
            verdict: pick(
                &[Verdict::Restock, Verdict::Damaged, Verdict::Scrap],
                chance,
            )?,
            note: "looked at".to_owned(),
        }
    } else if chance.u32(0..4) > 0 {
        ReturnStep::Receive {
            id,
            lines,
            location: None,
        }
    } else {
        ReturnStep::Close {
            id,
            reason: "it never came".to_owned(),
        }
    };
    Some(returning(&order, step))
}
