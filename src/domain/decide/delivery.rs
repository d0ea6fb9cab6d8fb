//! What becomes of parcels, and what is sent again.

use crate::{
    Decimal, Quantity, Time,
    delivery::{
        DeliveryRefusal, DeliveryStep, EVENTS_MAX, Settled, Tracking, TrackingEvent, is_ahead,
    },
    fact::{Counter, Event},
    ids::{OrderId, ShipmentId},
    order::{Order, Shipment},
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    command::{named_units, refuse},
    edits,
    snapshot::count,
};

pub(super) fn carry_out(
    desk: &mut Desk<'_>,
    id: OrderId,
    step: &DeliveryStep,
    by: &str,
) -> Result<Verdict, Undecided> {
    match step {
        DeliveryStep::Track {
            shipment,
            state,
            at,
            place,
        } => {
            let now = desk.now();
            let event = TrackingEvent {
                state: *state,
                at: at.unwrap_or(now),
                place: place.clone(),
                by: by.to_owned(),
            };
            track(desk, id, *shipment, event)
        }
        DeliveryStep::Settle { shipment, note } => {
            if !parcel(desk.order(id)?, *shipment)?.is_astray() {
                return refuse(DeliveryRefusal::NoTrouble(*shipment).into());
            }
            settle(desk, id, *shipment, note, by)?;
            Ok(Verdict::New)
        }
        DeliveryStep::Resend {
            shipment,
            lines,
            reason,
        } => resend(desk, id, *shipment, lines, (reason, by)),
        DeliveryStep::DropResend => drop_resend(desk, id),
    }
}

fn parcel(order: &Order, id: ShipmentId) -> Result<&Shipment, Undecided> {
    let no_shipment = Refusal::NoShipment {
        order: order.id,
        shipment: id,
    };
    order.shipment(id).ok_or(Undecided::Refused(no_shipment))
}

fn parcel_mut<'d>(
    desk: &'d mut Desk<'_>,
    order: OrderId,
    id: ShipmentId,
) -> Result<&'d mut Shipment, Undecided> {
    let mut parcels = desk.order_mut(order)?.shipments.iter_mut();
    let found = parcels.find(|one| one.id == id);
    found.ok_or(Undecided::Refused(Refusal::NoShipment {
        order,
        shipment: id,
    }))
}

/// Takes in what happened to a parcel. The same news again is no news.
fn track(
    desk: &mut Desk<'_>,
    id: OrderId,
    shipment: ShipmentId,
    event: TrackingEvent,
) -> Result<Verdict, Undecided> {
    if is_ahead(event.at, desk.now()) {
        return refuse(DeliveryRefusal::Ahead(event.at).into());
    }
    let known = parcel(desk.order(id)?, shipment)?;
    let is_same = |one: &TrackingEvent| {
        (one.state, one.at, &one.place) == (event.state, event.at, &event.place)
    };
    if known.events.iter().any(is_same) {
        return Ok(Verdict::Duplicate);
    }
    if known.events.len() >= EVENTS_MAX {
        return refuse(DeliveryRefusal::TooMany(shipment).into());
    }
    let had_arrived = known.has_arrived();
    let parcel = parcel_mut(desk, id, shipment)?;
    parcel.events.push(event.clone());
    let has_arrived = parcel.has_arrived();
    let lines = parcel.lines.clone();
    let TrackingEvent {
        state,
        at,
        place,
        by,
    } = event;
    desk.record_for(
        id,
        Event::Tracked {
            shipment,
            state,
            at,
            place,
            by,
        },
    );
    if had_arrived != has_arrived {
        count_arrival(desk, id, &lines, has_arrived)?;
    }
    // What was closed because it seemed to be done is looked after again.
    if state.is_trouble() {
        edits::reopen(desk, id)?;
    }
    Ok(Verdict::New)
}

/// The buyer has it in their hands.
pub(super) fn arrive(
    desk: &mut Desk<'_>,
    id: OrderId,
    shipment: ShipmentId,
    by: &str,
) -> Result<(), Undecided> {
    let event = TrackingEvent {
        state: Tracking::Delivered,
        at: desk.now(),
        place: None,
        by: by.to_owned(),
    };
    track(desk, id, shipment, event).map(|_| ())
}

/// What is in a parcel arrived, or had not after all. What takes no parcel arrived when it was handed over.
fn count_arrival(
    desk: &mut Desk<'_>,
    id: OrderId,
    lines: &[(u32, Quantity)],
    has_arrived: bool,
) -> Result<(), Undecided> {
    for (number, units) in lines {
        let Some(line) = desk.order(id)?.line(*number) else {
            continue;
        };
        if !line.requires_shipping {
            continue;
        }
        let (counters, left) = (line.counters, line.counters.shipped_net());
        let (counter, most) = match has_arrived {
            true => (Counter::Delivered, left.minus(counters.delivered_net())),
            false => (Counter::Undelivered, counters.delivered_net()),
        };
        count(desk, id, *number, counter, (*units).min(most))?;
    }
    Ok(())
}

fn settle(
    desk: &mut Desk<'_>,
    id: OrderId,
    shipment: ShipmentId,
    note: &str,
    by: &str,
) -> Result<(), Undecided> {
    let at = desk.now();
    let (note, by) = (note.to_owned(), by.to_owned());
    let parcel = parcel_mut(desk, id, shipment)?;
    parcel.settled = Some(Settled {
        at,
        note: note.clone(),
        by: by.clone(),
        events: parcel.events.len(),
    });
    desk.record_for(id, Event::DeliverySettled { shipment, note, by });
    Ok(())
}

/// Units that left are sent again; those that left do not come back, as far as anybody knows.
fn resend(
    desk: &mut Desk<'_>,
    id: OrderId,
    because_of: Option<ShipmentId>,
    asked: &[(u32, Decimal)],
    (reason, by): (&str, &str),
) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    if order.is_withdrawn() {
        return refuse(DeliveryRefusal::Withdrawn.into());
    }
    let lost = because_of.map(|one| parcel(order, one)).transpose()?;
    let is_astray = lost.is_some_and(Shipment::is_astray);
    let units = match lost {
        Some(parcel) if asked.is_empty() => parcel.lines.clone(),
        Some(_) | None => named_units(order, asked)?,
    };
    if units.is_empty() {
        return refuse(DeliveryRefusal::NothingNamed.into());
    }
    for (number, units) in units {
        let no_line = Refusal::NoLine {
            order: id,
            line: number,
        };
        let line = desk.order(id)?.line(number);
        let line = line.ok_or(Undecided::Refused(no_line))?;
        let left = line
            .counters
            .shipped_net()
            .minus(line.counters.resent_net());
        if units > left {
            let left = left.or_zero().to_decimal(line.scale);
            return refuse(DeliveryRefusal::NotOut { line: number, left }.into());
        }
        count(desk, id, number, Counter::Resent, units)?;
    }
    let (reason, by) = (reason.to_owned(), by.to_owned());
    if let Some(shipment) = because_of.filter(|_| is_astray) {
        let note = format!("sent again: {reason}");
        settle(desk, id, shipment, &note, &by)?;
    }
    desk.record_for(id, Event::SentAgain { reason, by });
    edits::reopen(desk, id)?;
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

/// What was to be sent again and has not left stays here.
fn drop_resend(desk: &mut Desk<'_>, id: OrderId) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    let again = order.lines.iter().map(|line| {
        let counters = &line.counters;
        let waiting = counters.to_ship().minus(counters.to_ship_first());
        (line.number, waiting.min(counters.resent_net()))
    });
    let again: Vec<(u32, Quantity)> = again.filter(|(_, units)| units.is_positive()).collect();
    if again.is_empty() {
        return refuse(DeliveryRefusal::NothingToDrop.into());
    }
    for (line, units) in again {
        count(desk, id, line, Counter::ResendDropped, units)?;
    }
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

impl From<DeliveryRefusal> for Refusal {
    fn from(refusal: DeliveryRefusal) -> Refusal {
        Refusal::Delivery(refusal)
    }
}

/// Whether something is known of a parcel that is worth waiting for, at a time.
pub(super) fn last_news(order: &Order) -> Time {
    let events = order.shipments.iter().filter_map(Shipment::last_event);
    let news = events.filter(|event| event.state != Tracking::PreTransit);
    news.map(|event| event.at)
        .max()
        .unwrap_or(Time::EPOCH)
        .max(order.version.changed_at)
}
