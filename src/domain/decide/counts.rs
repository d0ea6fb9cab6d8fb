//! Stocktakes: opening one, taking in what was counted, closing it.
//!
//! What was counted is taken over at once, item by item, so a count may go on for days. The difference is
//! that of the moment when it was counted; see [`crate::count`].

use crate::{
    Decimal, Quantity, Sku, Time,
    count::{self, Count, Entry, Try},
    fact::Event,
    ids::CountId,
    signal::Command,
    stock::{Cause, LocationId},
};

use super::{
    Desk, FollowUp, Refusal, Undecided, Verdict,
    claims::Move,
    command::{refuse, refuse_beyond, refuse_unless_known},
    moves::stocked,
};

pub(super) fn carry_out(desk: &mut Desk<'_>, command: &Command) -> Result<Verdict, Undecided> {
    if let Command::OpenCount {
        location,
        skus,
        recount_above,
        by,
    } = command
    {
        return open(desk, location, skus, *recount_above, by);
    }
    if let Command::EnterCount {
        count,
        sku,
        units,
        as_of,
        by,
    } = command
    {
        return enter(desk, *count, sku, *units, (*as_of, by));
    }
    if let Command::CloseCount {
        count,
        discards,
        by,
    } = command
    {
        return close(desk, *count, *discards, by);
    }
    Ok(Verdict::Nothing)
}

fn open(
    desk: &mut Desk<'_>,
    location: &LocationId,
    skus: &[Sku],
    recount_above: Decimal,
    by: &str,
) -> Result<Verdict, Undecided> {
    refuse_unless_known(desk, location)?;
    for sku in skus {
        stocked(desk, sku)?;
    }
    let mut others = desk.book.counts.values();
    if let Some(other) = others.find(|count| count.is_of(location, skus)) {
        return refuse(Refusal::CountOpen {
            count: other.id,
            location: location.clone(),
            by: other.by.clone(),
            opened_at: other.opened_at,
        });
    }
    let id = CountId::next(&mut desk.ids);
    let count = Count {
        id,
        location: location.clone(),
        skus: skus.to_vec(),
        recount_above,
        by: by.to_owned(),
        opened_at: desk.now(),
        closed_at: None,
    };
    desk.book.counts.insert(id, count);
    let (location, by) = (location.clone(), by.to_owned());
    let opened = Event::CountOpened {
        count: id,
        location,
        by,
    };
    desk.record(None, None, opened);
    Ok(Verdict::New)
}

fn enter(
    desk: &mut Desk<'_>,
    id: CountId,
    sku: &Sku,
    units: Decimal,
    (as_of, by): (Option<Time>, &str),
) -> Result<Verdict, Undecided> {
    let count = open_count(desk, id)?;
    let item = stocked(desk, sku)?;
    if !count.skus.is_empty() && !count.skus.contains(sku) {
        return refuse(Refusal::NotInCount(sku.clone()));
    }
    let counted = units
        .to_quantity(item.scale)
        .map_err(|source| Undecided::Refused(Refusal::Quantity { line: 0, source }))?;
    if counted < Quantity::ZERO {
        return refuse(Refusal::NothingMoves(
            "nobody counts less than 0 units: say 0 or more",
        ));
    }
    let as_of = as_of.unwrap_or_else(|| desk.now());
    refuse_unless_countable(desk, &count, sku, as_of)?;
    let recorded = desk.book.history.get(sku).into_iter().flatten();
    let expected = desk.book.stock.get(sku).map_or(Quantity::ZERO, |stock| {
        count::expected(stock, &count.location, as_of, recorded)
    });
    refuse_beyond(desk, &item, counted.minus(expected))?;
    let mut next = Try {
        counted,
        as_of,
        expected,
        by: by.to_owned(),
        entered_at: desk.now(),
        is_applied: false,
    };
    let allowed = count
        .recount_above
        .to_quantity(item.scale)
        .unwrap_or_default();
    let known = desk.book.entries.get(&(id, sku.clone())).cloned();
    let mut entry = known.unwrap_or_else(|| Entry {
        count: id,
        sku: sku.clone(),
        tries: Vec::new(),
    });
    let is_known = desk.book.stock.get(sku).is_some_and(|s| s.is_counted);
    next.is_applied = !is_known || entry.believes(&next, allowed);
    let entered = Event::CountEntered {
        count: id,
        sku: sku.clone(),
        counted,
        expected,
        is_applied: next.is_applied,
    };
    desk.record(None, None, entered);
    let (difference, is_applied) = (next.difference(), next.is_applied);
    entry.tries.push(next);
    desk.book.entries.insert((id, sku.clone()), entry);
    if is_applied {
        apply(desk, &count, sku, (difference, as_of), by)?;
    }
    Ok(Verdict::New)
}

fn apply(
    desk: &mut Desk<'_>,
    count: &Count,
    sku: &Sku,
    (difference, as_of): (Quantity, Time),
    by: &str,
) -> Result<(), Undecided> {
    let cause = Cause::Counted {
        count: count.id,
        as_of,
        by: by.to_owned(),
    };
    // It is recorded even where nothing differs: that it was counted is news by itself.
    let step = Move::new(sku, &count.location, difference, cause);
    desk.move_stock(step.happened(Some(as_of)));
    desk.stock_of(sku)
        .counted_at
        .insert(count.location.clone(), as_of);
    desk.follow_ups.push(FollowUp::OfferToWaiting(sku.clone()));
    desk.give_way(sku)
}

/// A count is of a moment since it was opened, that is not to come, and not before the last one.
fn refuse_unless_countable(
    desk: &Desk<'_>,
    count: &Count,
    sku: &Sku,
    as_of: Time,
) -> Result<(), Undecided> {
    if as_of > desk.now() {
        return refuse(Refusal::AsOf {
            as_of,
            reason: "it is still to come; say when it was counted",
        });
    }
    if as_of < count.opened_at {
        return refuse(Refusal::AsOf {
            as_of,
            reason: "the count was opened later; open a count before you begin to count",
        });
    }
    let stock = desk.book.stock.get(sku);
    let last = stock.and_then(|stock| stock.counted_at.get(&count.location));
    if last.is_some_and(|last| *last > as_of) {
        return refuse(Refusal::AsOf {
            as_of,
            reason: "it was counted there after that already; count it again if you doubt it",
        });
    }
    Ok(())
}

fn close(desk: &mut Desk<'_>, id: CountId, discards: bool, by: &str) -> Result<Verdict, Undecided> {
    let mut count = open_count(desk, id)?;
    let entries = desk.book.entries.values();
    let doubtful: Vec<Sku> = entries
        .filter(|entry| entry.count == id && entry.is_doubtful())
        .map(|entry| entry.sku.clone())
        .collect();
    if !doubtful.is_empty() && !discards {
        return refuse(Refusal::RecountFirst(doubtful));
    }
    count.closed_at = Some(desk.now());
    desk.book.counts.insert(id, count);
    let by = by.to_owned();
    desk.record(None, None, Event::CountClosed { count: id, by });
    Ok(Verdict::New)
}

fn open_count(desk: &Desk<'_>, id: CountId) -> Result<Count, Undecided> {
    match desk.book.counts.get(&id) {
        None => refuse(Refusal::NoCount(id)),
        Some(count) if count.closed_at.is_some() => refuse(Refusal::CountOver(id)),
        Some(count) => Ok(count.clone()),
    }
}
