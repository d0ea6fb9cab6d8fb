//! What leaves: which units, from where, and who is told.

use std::collections::BTreeMap;

use crate::{
    Decimal, Quantity, Sku,
    fact::{Counter, Event},
    ids::{OrderId, ShipmentId},
    intent::Wish,
    order::{Phase, Shipment},
    signal::Command,
    stock::{Condition, LocationId},
};

use super::{
    Desk, Refusal, Undecided, Verdict, capture,
    claims::Leaving,
    command::{named_units, refuse, refuse_unless_ours, wish},
    manual, places, snapshot,
};

pub(super) fn ship(desk: &mut Desk<'_>, command: &Command) -> Result<Verdict, Undecided> {
    let Command::Ship {
        order: id,
        lines,
        carrier,
        tracking_number,
        tracking_url,
        location,
    } = command
    else {
        return Ok(Verdict::Nothing);
    };
    let id = *id;
    refuse_unless_ready(desk, id)?;
    let bound_there = location
        .as_ref()
        .and_then(|at| places::bound_there(desk, id, at));
    let parcel = match bound_there.filter(|_| lines.is_empty()) {
        Some(parcel) => parcel,
        None => read_parcel(desk, id, lines)?,
    };
    let leaving = match location {
        Some(location) => {
            refuse_unless_shippable(desk, id, &parcel, location)?;
            Leaving::From(location)
        }
        None => Leaving::Usual,
    };
    let left: Left<'_> = (
        carrier.as_deref(),
        tracking_number.as_deref(),
        tracking_url.as_deref(),
    );
    for (shipment, lines) in send(desk, id, &parcel, leaving, left)? {
        desk.take_out_of_tasks(id, &lines, shipment)?;
    }
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

type Parts = Vec<(u32, Quantity)>;

/// Carrier, tracking number, and where to follow it.
pub(super) type Left<'l> = (Option<&'l str>, Option<&'l str>, Option<&'l str>);

/// Takes units off the shelf and records what they left as: one parcel, or two where some of them leave again.
pub(super) fn send(
    desk: &mut Desk<'_>,
    id: OrderId,
    parcel: &[(u32, Quantity)],
    leaving: Leaving<'_>,
    left: Left<'_>,
) -> Result<Vec<(ShipmentId, Parts)>, Undecided> {
    let [first, again] = leave(desk, id, parcel, leaving)?;
    let mut sent = Vec::new();
    for (lines, is_again) in [(first, false), (again, true)] {
        if !lines.is_empty() {
            let shipment = record(desk, id, lines.clone(), is_again, left)?;
            sent.push((shipment, lines));
        }
    }
    Ok(sent)
}

/// Takes what leaves off the shelf, and says what of it leaves for the first time and what again.
fn leave(
    desk: &mut Desk<'_>,
    id: OrderId,
    parcel: &[(u32, Quantity)],
    leaving: Leaving<'_>,
) -> Result<[Parts; 2], Undecided> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (line, units) in parcel {
        refuse_unless_covered(desk, id, *line, *units)?;
        let row = snapshot::line_mut(desk, id, *line)?;
        let part = row.counters.to_ship_first().min(*units);
        let needs_parcel = row.requires_shipping;
        first.push((*line, part));
        again.push((*line, units.minus(part)));
        desk.consume(id, *line, *units, leaving)?;
        snapshot::count(desk, id, *line, Counter::Shipped, *units)?;
        // What needs no parcel is with the buyer at once.
        if !needs_parcel {
            snapshot::count(desk, id, *line, Counter::Delivered, *units)?;
        }
    }
    for part in [&mut first, &mut again] {
        part.retain(|(_, units)| units.is_positive());
    }
    Ok([first, again])
}

/// Records a parcel.
fn record(
    desk: &mut Desk<'_>,
    id: OrderId,
    lines: Parts,
    is_again: bool,
    (carrier, tracking_number, tracking_url): Left<'_>,
) -> Result<ShipmentId, Undecided> {
    let (carrier, tracking_number) = (
        carrier.map(str::to_owned),
        tracking_number.map(str::to_owned),
    );
    let shipment = ShipmentId::next(&mut desk.ids);
    let shipped_at = desk.now();
    let order = desk.order_mut(id)?;
    order.shipments.push(Shipment {
        id: shipment,
        carrier: carrier.clone(),
        tracking_number: tracking_number.clone(),
        tracking_url: tracking_url.map(str::to_owned),
        shipped_at,
        lines,
        is_ours: true,
        is_again,
        events: Vec::new(),
        settled: None,
    });
    let mut left = order.lines.iter().map(|line| line.counters.to_ship_first());
    let completes = left.all(Quantity::is_zero);
    let account = order.account.clone();
    let event = Event::ShipmentRecorded {
        shipment,
        carrier,
        tracking_number,
        is_ours: true,
    };
    desk.record_for(id, event);
    // The channel knows what was sent first, and takes no more than was ordered.
    if !is_again && !manual::is_by_hand(desk, &account) {
        let told = Wish::PushShipment {
            shipment,
            completes,
        };
        wish(desk, id, told)?;
    }
    capture::on_leaving(desk, id, completes)?;
    Ok(shipment)
}

/// A parcel that went astray, or a return, keeps nothing else from leaving.
pub(super) fn refuse_unless_ready(desk: &Desk<'_>, id: OrderId) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let phase = order.phase(desk.book.is_short(order));
    let is_left = order
        .lines
        .iter()
        .any(|line| line.counters.to_ship().is_positive());
    let is_held = order.active_holds().next().is_some();
    let hint = match phase {
        Phase::Canceled => "it was canceled, nothing must leave",
        Phase::Exception if order.is_withdrawn() => {
            "it was canceled after part of it left; stop the parcel"
        }
        _ if order.is_withdrawn() => "it was canceled, nothing must leave",
        _ if !is_left => return refuse(Refusal::NothingToShip),
        Phase::AwaitingPayment => "it is not paid yet",
        Phase::NeedsMapping => "say first which items its lines are",
        Phase::Closed | Phase::Shipped | Phase::InDelivery | Phase::Delivered => {
            return refuse(Refusal::NothingToShip);
        }
        _ if is_held => "lift the hold first",
        Phase::Held
        | Phase::Exception
        | Phase::AfterSales
        | Phase::PartShipped
        | Phase::Fulfilling
        | Phase::Short
        | Phase::Ready
        | Phase::Received => return Ok(()),
    };
    refuse(Refusal::Phase {
        phase: phase.word(),
        hint,
    })
}

/// The units to leave, in the items' own unit; all that remains when none are named.
fn read_parcel(
    desk: &Desk<'_>,
    id: OrderId,
    asked: &[(u32, Decimal)],
) -> Result<Vec<(u32, Quantity)>, Undecided> {
    let order = desk.order(id)?;
    let mut parcel = named_units(order, asked)?;
    for (number, units) in &parcel {
        let left = order.line(*number).map(|line| line.counters.to_ship());
        let left = left.unwrap_or_default();
        if *units > left {
            return refuse(Refusal::TooMany {
                line: *number,
                left,
                asked: *units,
            });
        }
    }
    if asked.is_empty() {
        let rest = order
            .lines
            .iter()
            .map(|line| (line.number, line.counters.to_ship()));
        parcel.extend(rest.filter(|(_, units)| units.is_positive()));
    }
    if parcel.is_empty() {
        return refuse(Refusal::NothingToShip);
    }
    Ok(parcel)
}

fn refuse_unless_covered(
    desk: &Desk<'_>,
    id: OrderId,
    line: u32,
    units: Quantity,
) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let missing = units.minus(desk.book.claimed_units(order, line));
    let sku = order
        .line(line)
        .and_then(|line| line.item.as_ref())
        .map(|item| item.sku.clone());
    match sku {
        Some(sku) if missing.is_positive() => refuse(Refusal::NotCovered { line, sku, missing }),
        Some(_) | None => Ok(()),
    }
}

/// A person ships from a location that is ours, serves the order's account, and has the units.
pub(super) fn refuse_unless_shippable(
    desk: &Desk<'_>,
    id: OrderId,
    parcel: &[(u32, Quantity)],
    location: &LocationId,
) -> Result<(), Undecided> {
    refuse_unless_ours(desk, id, location)?;
    let order = desk.order(id)?;
    let mut needed: BTreeMap<&Sku, Quantity> = BTreeMap::new();
    for (number, units) in parcel {
        let item = order.line(*number).and_then(|line| line.item.as_ref());
        for (sku, per_unit) in item.iter().flat_map(|item| &item.bill) {
            let slot = needed.entry(sku).or_default();
            *slot = slot.plus(per_unit.times(units.units()));
        }
    }
    for (sku, asked) in needed {
        let stock = desk.book.stock.get(sku);
        let there = stock.map(|stock| stock.on_hand_at(location));
        let there = there.unwrap_or_default();
        if there < asked {
            return refuse(Refusal::NotThere {
                sku: sku.clone(),
                location: location.clone(),
                condition: Condition::Sellable,
                there: there.or_zero(),
                asked,
            });
        }
    }
    Ok(())
}
