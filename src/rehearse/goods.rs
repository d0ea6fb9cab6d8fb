//! How many of each good there are, as our staff know it: what was there at first, what they took in, sent
//! away, found missing and found broken. Every act counts once, however often it was booked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    AccountId, Quantity, Sku, Time,
    count::{Count, Entry, Try},
    fact::{Counter, Event, Fact},
    fulfillment::NOT_FOUND,
    ids::ArrivalId,
    locations::Locations,
    order::Order,
    stock::{Cause, Condition, LocationId, Movement},
};
use engine::rows::{self, prefix};
use sandbox::judge::TakenOff;

use crate::{
    findings::{Checker, Findings},
    mishaps, office,
    rows::Rows,
};

/// Units by good.
pub(crate) type Units = BTreeMap<Sku, i64>;

/// What lies in our places, but for what orders took.
pub(crate) fn there(opening: &Units, facts: &[Fact]) -> Units {
    let mut sums = opening.clone();
    let mut booked: BTreeSet<(&Sku, &str)> = BTreeSet::new();
    let mut sent: BTreeSet<ArrivalId> = BTreeSet::new();
    for fact in facts {
        if let Event::CountEntered {
            sku,
            counted,
            expected,
            is_applied: true,
            ..
        } = &fact.event
        {
            *sums.entry(sku.clone()).or_default() += counted.minus(*expected).units();
        }
        let Event::Moved {
            sku, delta, cause, ..
        } = &fact.event
        else {
            continue;
        };
        let counts = match cause {
            // Whoever looked for it is believed.
            Cause::Adjustment { reason, .. } if reason == NOT_FOUND => true,
            Cause::Adjustment { reason, .. } => {
                let is_known = [office::RECEIVED, mishaps::FILE]
                    .iter()
                    .any(|word| reason.starts_with(word));
                is_known && booked.insert((sku, reason.as_str()))
            }
            // What came from another location was sent from there.
            Cause::Received { reference, .. } => booked.insert((sku, reference.as_str())),
            Cause::Transferred {
                arrival: Some(id), ..
            } => sent.insert(*id),
            Cause::Returned { .. } | Cause::Scrapped { .. } => true,
            // Who counted did not find it, so it is not missing twice.
            Cause::LeftBeforeCount { .. } => true,
            Cause::Opening { .. }
            | Cause::Shipped { .. }
            | Cause::Voided { .. }
            | Cause::Transferred { arrival: None, .. }
            | Cause::Sorted { .. }
            | Cause::Counted { .. } => false,
        };
        if counts {
            *sums.entry(sku.clone()).or_default() += delta.units();
        }
    }
    sums
}

/// What is sent a second time, so that nobody can buy it.
pub(crate) fn sent_again(orders: &[Order]) -> Units {
    let mut sums = Units::new();
    for line in orders.iter().flat_map(|order| &order.lines) {
        let again = line.counters.resent_net().units();
        for (sku, per_unit) in line.item.iter().flat_map(|item| &item.bill) {
            *sums.entry(sku.clone()).or_default() += again * per_unit.units();
        }
    }
    sums
}

/// What was taken off sale, and when: sent on its way or again, broken, found missing.
pub(crate) fn taken_off(facts: &[Fact], orders: &[Order]) -> Vec<TakenOff> {
    let mut found = Vec::new();
    for fact in facts {
        if let Event::Counted {
            line,
            counter: Counter::Resent,
            units,
        } = &fact.event
        {
            let mut orders = orders.iter().filter(|order| Some(order.id) == fact.order);
            let line = orders.next().and_then(|order| order.line(*line));
            let item = line.and_then(|line| line.item.as_ref());
            let bill = item.iter().flat_map(|item| &item.bill);
            found.extend(bill.map(|(sku, per_unit)| TakenOff {
                sku: sku.clone(),
                at: fact.at,
                units: units.units() * per_unit.units(),
            }));
        }
        let Event::Moved {
            sku,
            condition: Condition::Sellable,
            delta,
            cause,
            ..
        } = &fact.event
        else {
            continue;
        };
        let is_taken_off = match cause {
            // What goes to another place may be out of the reach of an account there.
            Cause::Adjustment { .. }
            | Cause::Sorted { .. }
            | Cause::Counted { .. }
            | Cause::Transferred { .. } => true,
            Cause::Opening { .. }
            | Cause::Shipped { .. }
            | Cause::Returned { .. }
            | Cause::Scrapped { .. }
            | Cause::Voided { .. }
            | Cause::Received { .. }
            | Cause::LeftBeforeCount { .. } => false,
        };
        if is_taken_off && *delta < Quantity::ZERO {
            found.push(TakenOff {
                sku: sku.clone(),
                at: fact.at,
                units: delta.negated().units(),
            });
        }
    }
    found
}

/// How far the places that do not serve an account were below zero, from each time on.
pub(crate) fn below_zero(
    facts: &[Fact],
    locations: &Locations,
    account: &AccountId,
) -> BTreeMap<Sku, Vec<(Time, i64)>> {
    let mut lying: BTreeMap<&Sku, BTreeMap<&LocationId, Quantity>> = BTreeMap::new();
    let mut times: BTreeMap<Sku, Vec<(Time, i64)>> = BTreeMap::new();
    for fact in facts {
        let Event::Moved {
            sku,
            location,
            condition: Condition::Sellable,
            delta,
            ..
        } = &fact.event
        else {
            continue;
        };
        if locations.serves(location, account) {
            continue;
        }
        let places = lying.entry(sku).or_default();
        let units = places.entry(location).or_default();
        *units = units.plus(*delta);
        let below = places.values().map(|units| units.negated().or_zero());
        let below: Quantity = below.sum();
        let times = times.entry(sku.clone()).or_default();
        times.push((fact.at, below.units()));
    }
    times
}

/// What lies there and cannot be sold.
pub(crate) fn unsellable(rows: &Rows<'_>) -> Units {
    let mut sums = Units::new();
    rows.each(rows::MOVEMENTS, b"", |_, movement: &Arc<Movement>| {
        if movement.condition != Condition::Sellable {
            *sums.entry(movement.sku.clone()).or_default() += movement.delta.units();
        }
    });
    sums
}

/// The movements of a good at a place, sellable, up to a moment: what lay there then; and whether
/// anything else happened in that very moment, so that nobody can say.
fn lay(rows: &Rows<'_>, (sku, at): (&Sku, &LocationId), as_of: Time) -> (Quantity, bool) {
    let (mut sum, mut is_doubtful) = (Quantity::ZERO, false);
    let below = prefix(&[sku.as_str()]);
    rows.each(rows::MOVEMENTS, &below, |_, one: &Arc<Movement>| {
        if one.location != *at || one.condition != Condition::Sellable || one.happened() > as_of {
            return;
        }
        sum = sum.plus(one.delta);
        let is_count = matches!(one.cause, Cause::Counted { .. });
        is_doubtful |= one.happened() == as_of && !is_count;
    });
    (sum, is_doubtful)
}

/// P4: by all that became known since, what lay somewhere when it was last counted is what was counted.
pub(crate) fn check_counts(rows: &Rows<'_>, found: &mut Findings) {
    let counts: BTreeMap<_, _> = rows
        .all::<Count>(rows::COUNTS, b"")
        .into_iter()
        .map(|count| (count.id, count))
        .collect();
    let mut last: BTreeMap<(LocationId, Sku), Try> = BTreeMap::new();
    for entry in rows.all::<Entry>(rows::COUNT_ENTRIES, b"") {
        let Some(count) = counts.get(&entry.count) else {
            continue;
        };
        for one in entry.tries.iter().filter(|one| one.is_applied) {
            let place = (count.location.clone(), entry.sku.clone());
            let when = |one: &Try| (one.as_of, one.entered_at);
            let newest = last.get(&place).is_none_or(|known| when(known) < when(one));
            if newest {
                last.insert(place, one.clone());
            }
        }
    }
    for ((at, sku), one) in &last {
        let (lay, is_doubtful) = lay(rows, (sku, at), one.as_of);
        if is_doubtful {
            continue;
        }
        found.look(Checker::Counted, 1);
        if lay != one.counted {
            let (counted, as_of) = (one.counted, one.as_of);
            let sentence =
                format!("P4: {counted} of {sku} were counted at {at} as of {as_of}, not {lay}");
            found.add(Checker::Counted, sentence);
        }
    }
}
