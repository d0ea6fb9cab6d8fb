//! Stock that moves: from one location to another, in from outside, from one condition to another.
//!
//! What leaves a location for another is nowhere sellable until it has arrived. Nothing that is promised is
//! sent away; what breaks, breaks, and then the youngest promise gives way.

use crate::{
    Decimal, Quantity, Sku, Time,
    arrival::Arrival,
    fact::Event,
    ids::ArrivalId,
    item::Item,
    signal::{Receipt, Sorting, Transfer},
    stock::{Cause, Condition, LocationId},
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    claims::Move,
    command::{known_item, refuse, refuse_beyond, refuse_unless_known},
};

/// Sends units from one location to another.
pub(super) fn transfer(desk: &mut Desk<'_>, asked: &Transfer) -> Result<Verdict, Undecided> {
    let Transfer { sku, from, to, .. } = asked;
    let item = stocked(desk, sku)?;
    let units = positive(&item, asked.units)?;
    refuse_unless_known(desk, from)?;
    refuse_unless_known(desk, to)?;
    if from == to {
        return refuse(Refusal::NothingMoves(
            "it goes from a location to the same one: name another",
        ));
    }
    refuse_unless_there(desk, sku, from, Condition::Sellable, units)?;
    let to_at_once = asked.is_at_once.then_some(to);
    let stock = desk.book.stock.get(sku);
    let movable = stock.map(|stock| {
        desk.context
            .policy
            .locations
            .movable(stock, from, to_at_once)
    });
    let free = movable.unwrap_or_default();
    if free < units {
        return refuse(Refusal::Promised {
            sku: sku.clone(),
            location: from.clone(),
            free: free.to_decimal(item.scale),
            asked: asked.units,
        });
    }
    let arrival = (!asked.is_at_once).then(|| ArrivalId::next(&mut desk.ids));
    let cause = Cause::Transferred {
        from: from.clone(),
        to: to.clone(),
        arrival,
        by: asked.by.clone(),
    };
    desk.move_stock(Move::new(sku, from, units.negated(), cause.clone()));
    match arrival {
        Some(id) => await_units(
            desk,
            sku,
            Arrival {
                id,
                location: to.clone(),
                expected: units,
                received: Quantity::ZERO,
                due: asked.due,
                from: Some(from.clone()),
                reference: asked.reference.clone(),
                by: asked.by.clone(),
                made_at: desk.now(),
            },
        ),
        None => desk.move_stock(Move::new(sku, to, units, cause)),
    }
    desk.give_way(sku)?;
    Ok(Verdict::New)
}

/// Notes units that are to come in.
pub(super) fn expect(
    desk: &mut Desk<'_>,
    (sku, units): (&Sku, Decimal),
    location: &LocationId,
    due: Option<Time>,
    (reference, by): (&str, &str),
) -> Result<Verdict, Undecided> {
    let item = stocked(desk, sku)?;
    let expected = positive(&item, units)?;
    refuse_unless_known(desk, location)?;
    refuse_beyond(desk, &item, expected)?;
    let arrival = Arrival {
        id: ArrivalId::next(&mut desk.ids),
        location: location.clone(),
        expected,
        received: Quantity::ZERO,
        due,
        from: None,
        reference: reference.to_owned(),
        by: by.to_owned(),
        made_at: desk.now(),
    };
    await_units(desk, sku, arrival);
    Ok(Verdict::New)
}

fn await_units(desk: &mut Desk<'_>, sku: &Sku, arrival: Arrival) {
    let event = Event::ArrivalExpected {
        arrival: arrival.id,
        sku: sku.clone(),
        location: arrival.location.clone(),
        units: arrival.expected,
        due: arrival.due,
    };
    desk.record(None, None, event);
    desk.stock_of(sku).incoming.insert(arrival.id, arrival);
}

/// Takes units in: those of an arrival, in part or whole, or such that nobody announced.
pub(super) fn receive(desk: &mut Desk<'_>, asked: &Receipt) -> Result<Verdict, Undecided> {
    let sku = &asked.sku;
    let item = stocked(desk, sku)?;
    let announced = match asked.arrival {
        Some(id) => Some(known_arrival(desk, sku, id)?),
        None => None,
    };
    let units = match (asked.units, &announced) {
        (Some(units), _) => positive(&item, units)?,
        (None, Some(arrival)) => arrival.open(),
        (None, None) => {
            return refuse(Refusal::NothingMoves(
                "say how many came in, or which arrival it was",
            ));
        }
    };
    let expected_at = announced.as_ref().map(|arrival| arrival.location.clone());
    let location = asked.location.clone().or(expected_at);
    let location = location.unwrap_or_else(|| desk.context.policy.home.clone());
    refuse_unless_known(desk, &location)?;
    let due = announced.as_ref().map(Arrival::open).unwrap_or_default();
    refuse_beyond(desk, &item, units.minus(due).or_zero())?;
    let cause = Cause::Received {
        arrival: asked.arrival,
        reference: asked.reference.clone(),
        by: asked.by.clone(),
    };
    desk.move_stock(Move::new(sku, &location, units, cause).in_condition(asked.condition));
    if let Some(mut arrival) = announced {
        arrival.received = arrival.received.plus(units);
        if arrival.open().is_zero() {
            close(desk, sku, &arrival, "all of it came in");
        } else {
            desk.stock_of(sku).incoming.insert(arrival.id, arrival);
        }
    }
    desk.follow_ups
        .push(super::FollowUp::OfferToWaiting(sku.clone()));
    Ok(Verdict::New)
}

/// What has not come of an arrival will not come.
pub(super) fn give_up(
    desk: &mut Desk<'_>,
    sku: &Sku,
    id: ArrivalId,
    reason: &str,
) -> Result<Verdict, Undecided> {
    let arrival = known_arrival(desk, sku, id)?;
    close(desk, sku, &arrival, reason);
    Ok(Verdict::New)
}

fn close(desk: &mut Desk<'_>, sku: &Sku, arrival: &Arrival, reason: &str) {
    desk.stock_of(sku).incoming.remove(&arrival.id);
    let event = Event::ArrivalClosed {
        arrival: arrival.id,
        sku: sku.clone(),
        missing: arrival.open(),
        surplus: arrival.surplus(),
        reason: reason.to_owned(),
    };
    desk.record(None, None, event);
}

/// Finds units to be in another condition.
pub(super) fn sort(desk: &mut Desk<'_>, asked: &Sorting) -> Result<Verdict, Undecided> {
    let Sorting {
        sku,
        location,
        from,
        to,
        ..
    } = asked;
    let item = stocked(desk, sku)?;
    let units = positive(&item, asked.units)?;
    refuse_unless_known(desk, location)?;
    if from == to {
        return refuse(Refusal::NothingMoves(
            "both conditions are the same: name the one that they are found to be in",
        ));
    }
    refuse_unless_there(desk, sku, location, *from, units)?;
    let cause = Cause::Sorted {
        from: *from,
        to: *to,
        reason: asked.reason.clone(),
        by: asked.by.clone(),
    };
    let leaves = Move::new(sku, location, units.negated(), cause.clone());
    desk.move_stock(leaves.in_condition(*from));
    desk.move_stock(Move::new(sku, location, units, cause).in_condition(*to));
    desk.give_way(sku)?;
    Ok(Verdict::New)
}

fn known_arrival(desk: &Desk<'_>, sku: &Sku, id: ArrivalId) -> Result<Arrival, Undecided> {
    let stock = desk.book.stock.get(sku);
    let arrival = stock.and_then(|stock| stock.incoming.get(&id)).cloned();
    arrival.ok_or_else(|| {
        Undecided::Refused(Refusal::NoArrival {
            sku: sku.clone(),
            arrival: id,
        })
    })
}

pub(super) fn stocked(desk: &Desk<'_>, sku: &Sku) -> Result<Item, Undecided> {
    let item = known_item(desk, sku)?;
    if item.is_stocked() {
        return Ok(item);
    }
    refuse(Refusal::NotStocked(sku.clone()))
}

fn positive(item: &Item, units: Decimal) -> Result<Quantity, Undecided> {
    let units = units
        .to_quantity(item.scale)
        .map_err(|source| Undecided::Refused(Refusal::Quantity { line: 0, source }))?;
    if units.is_positive() {
        return Ok(units);
    }
    refuse(Refusal::NothingMoves("say more than 0 units"))
}

pub(super) fn refuse_unless_there(
    desk: &Desk<'_>,
    sku: &Sku,
    location: &LocationId,
    condition: Condition,
    asked: Quantity,
) -> Result<(), Undecided> {
    let stock = desk.book.stock.get(sku);
    let there = stock.map(|stock| stock.lying(location, condition));
    let there = there.unwrap_or_default().or_zero();
    if there >= asked {
        return Ok(());
    }
    refuse(Refusal::NotThere {
        sku: sku.clone(),
        location: location.clone(),
        condition,
        there,
        asked,
    })
}
