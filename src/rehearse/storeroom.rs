//! What our staff do in the storerooms: goods go from one location to another, are announced, come in whole
//! or in part, break, and are counted while they are sold. Now and then they get it wrong, and must be
//! refused by name.

use domain::{
    Decimal, Quantity, Sku, Time,
    arrival::Arrival,
    count::{Count, Entry},
    ids::CountId,
    item::Item,
    signal::{Command, Receipt, Sorting, Transfer},
    stock::{Condition, LocationId, Movement, Stock},
};
use engine::rows::{self, key, prefix};
use fastrand::Rng;

use crate::{
    rows::Rows,
    slips::{half, no_sku, pick},
};

const BY: &str = "storeroom";
/// How staff call goods that came in; each delivery has a number.
pub(crate) const DELIVERY: &str = "delivery";
/// A count that nobody opened.
const NO_COUNT: &str = "cnt_00000000000070008000000000000000";
/// How long ago something may have been counted that is entered now.
const COUNTED_AGO_MS: std::ops::Range<i64> = 0..25_000;
/// By how much the ledger may be wrong, in units. More than two are counted again.
const WRONG_BY: [i64; 10] = [0, 0, 0, 0, -1, -2, 1, 2, 6, -5];
/// A difference above this is counted again.
const RECOUNT_ABOVE: i64 = 2;

/// What staff see of the storerooms.
pub(crate) struct Floor<'a> {
    /// What is durable.
    pub rows: Rows<'a>,
    /// Where stock can lie, the usual place first.
    pub places: &'a [LocationId],
    /// The time.
    pub now: Time,
}

/// Something for them to do, if there is any of what chance wants.
pub(crate) fn errand(floor: &Floor<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    match chance.u32(0..20) {
        0..4 => transfer(floor, chance, number),
        4 | 5 => announce(floor, chance, number),
        6..9 => receive(floor, chance, number),
        9 => give_up(floor, chance),
        10 => sort(floor, chance),
        11 => open_count(floor, chance),
        12..15 => enter_count(floor, chance),
        15 => close_count(floor, chance),
        _ => slip(floor, chance),
    }
}

impl Floor<'_> {
    fn item(&self, chance: &mut Rng) -> Option<Item> {
        let items = self.rows.all::<Item>(rows::ITEMS, b"");
        let goods: Vec<_> = items.iter().filter(|item| item.is_stocked()).collect();
        pick(&goods, chance).map(|item| Item::clone(item))
    }

    fn place(&self, chance: &mut Rng) -> LocationId {
        pick(self.places, chance).unwrap_or_default()
    }

    fn stock(&self, sku: &Sku) -> Option<Stock> {
        self.rows.get(rows::STOCK, &key(&[sku.as_str()]))
    }

    fn arrival(&self, chance: &mut Rng) -> Option<(Sku, Arrival)> {
        let all = self.rows.all::<Stock>(rows::STOCK, b"");
        let open: Vec<(Sku, Arrival)> = all
            .iter()
            .flat_map(|stock| {
                let arrivals = stock.incoming.values();
                arrivals.map(|arrival| (stock.sku.clone(), arrival.clone()))
            })
            .collect();
        pick(&open, chance)
    }

    fn count(&self, chance: &mut Rng, is_open: bool) -> Option<Count> {
        let all = self.rows.all::<Count>(rows::COUNTS, b"");
        let fit: Vec<_> = all
            .iter()
            .filter(|count| count.closed_at.is_none() == is_open)
            .collect();
        pick(&fit, chance).map(|count| Count::clone(count))
    }
}

fn transfer(floor: &Floor<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    Some(Command::Transfer(Transfer {
        sku: floor.item(chance)?.sku,
        units: Decimal::whole(chance.i64(1..8)),
        from: floor.place(chance),
        to: floor.place(chance),
        due: None,
        is_at_once: chance.bool(),
        reference: format!("cart {number}"),
        by: BY.to_owned(),
    }))
}

fn announce(floor: &Floor<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    Some(Command::Expect {
        sku: floor.item(chance)?.sku,
        units: Decimal::whole(chance.i64(1..9)),
        location: floor.place(chance),
        due: chance.bool().then_some(floor.now),
        reference: format!("order {number}"),
        by: BY.to_owned(),
    })
}

/// Something comes in: in part, whole, or unannounced; now and then some of it is broken.
fn receive(floor: &Floor<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    let announced = floor.arrival(chance).filter(|_| chance.u32(0..4) > 0);
    let condition = match chance.u32(0..8) {
        0 => Condition::Quality,
        1 => Condition::Damaged,
        _ => Condition::Sellable,
    };
    let (sku, units, location, arrival) = match announced {
        Some((sku, arrival)) => {
            let part = chance.i64(1..=arrival.open().units().max(1));
            let units = chance.bool().then(|| Decimal::whole(part));
            (sku, units, None, Some(arrival.id))
        }
        None => {
            let units = Decimal::whole(chance.i64(1..4));
            let sku = floor.item(chance)?.sku;
            (sku, Some(units), Some(floor.place(chance)), None)
        }
    };
    Some(Command::Receive(Receipt {
        sku,
        units,
        location,
        condition,
        arrival,
        reference: format!("{DELIVERY} {number}"),
        by: BY.to_owned(),
    }))
}

fn give_up(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let (sku, arrival) = floor.arrival(chance)?;
    Some(Command::GiveUp {
        sku,
        arrival: arrival.id,
        reason: "it never came".to_owned(),
    })
}

/// Something breaks, or is found to be good after all.
fn sort(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let ways = [
        (Condition::Sellable, Condition::Damaged),
        (Condition::Quality, Condition::Sellable),
        (Condition::Damaged, Condition::Sellable),
    ];
    let (from, to) = pick(&ways, chance)?;
    Some(Command::Sort(Sorting {
        sku: floor.item(chance)?.sku,
        location: floor.place(chance),
        units: Decimal::whole(1),
        from,
        to,
        reason: "somebody looked".to_owned(),
        by: BY.to_owned(),
    }))
}

fn open_count(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let mut skus = Vec::new();
    for _ in 0..chance.usize(0..4) {
        skus.push(floor.item(chance)?.sku);
    }
    skus.sort();
    skus.dedup();
    Some(Command::OpenCount {
        location: floor.place(chance),
        skus,
        recount_above: Decimal::whole(RECOUNT_ABOVE),
        by: BY.to_owned(),
    })
}

/// Enters what lay there some time ago: what the ledger says of that moment, and what it was wrong by.
/// What has left since, and what is not known yet, is for the engine to reckon with.
fn enter_count(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let count = floor.count(chance, true)?;
    let sku = match pick(&count.skus, chance) {
        Some(sku) => sku,
        None => floor.item(chance)?.sku,
    };
    let last = floor.stock(&sku)?.counted_at.get(&count.location).copied();
    let earliest = last.unwrap_or(count.opened_at).max(count.opened_at);
    let ago = Time::from_millis(floor.now.millis() - chance.i64(COUNTED_AGO_MS));
    let as_of = ago.max(earliest);
    let mut lay = Quantity::ZERO;
    let below = prefix(&[sku.as_str()]);
    floor.rows.each(
        rows::MOVEMENTS,
        &below,
        |_, one: &std::sync::Arc<Movement>| {
            let is_here = one.location == count.location && one.condition == Condition::Sellable;
            if is_here && one.happened() <= as_of {
                lay = lay.plus(one.delta);
            }
        },
    );
    let name = key(&[&count.id.to_string(), sku.as_str()]);
    let entry: Option<Entry> = floor.rows.get(rows::COUNT_ENTRIES, &name);
    let doubted = entry.filter(Entry::is_doubtful);
    let doubted = doubted.and_then(|entry| Some(entry.tries.last()?.difference().units()));
    // Who counts again finds the same, more often than not.
    let wrong_by = match doubted.filter(|_| chance.u32(0..4) > 0) {
        Some(again) => again,
        None => pick(&WRONG_BY, chance)?,
    };
    Some(Command::EnterCount {
        count: count.id,
        sku,
        units: Decimal::whole((lay.units() + wrong_by).max(0)),
        as_of: Some(as_of),
        by: BY.to_owned(),
    })
}

fn close_count(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    Some(Command::CloseCount {
        count: floor.count(chance, true)?.id,
        discards: chance.bool(),
        by: BY.to_owned(),
    })
}

/// What staff get wrong.
fn slip(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    match chance.u32(0..10) {
        0 | 1 => wrong_transfer(floor, chance),
        2 => wrong_announcement(floor, chance),
        3 | 4 => wrong_receipt(floor, chance),
        5 | 6 => wrong_sorting(floor, chance),
        7 => wrong_opening(floor, chance),
        _ => wrong_count(floor, chance),
    }
}

/// A SKU that cannot be moved: nobody sells it, or it has no stock of its own.
fn unstocked(floor: &Floor<'_>, chance: &mut Rng) -> Option<Sku> {
    if chance.bool() {
        return Some(no_sku());
    }
    let items = floor.rows.all::<Item>(rows::ITEMS, b"");
    let made_up: Vec<_> = items.iter().filter(|item| !item.is_stocked()).collect();
    pick(&made_up, chance).map(|item| item.sku.clone())
}

fn nowhere() -> LocationId {
    LocationId::new("the attic")
}

/// A mistake in one of what every act of the storeroom says: of what, how many, where.
fn muddle(
    floor: &Floor<'_>,
    chance: &mut Rng,
    (sku, units, at): (&mut Sku, &mut Decimal, &mut LocationId),
) -> Option<()> {
    match chance.u32(0..4) {
        0 => *sku = unstocked(floor, chance)?,
        1 => *units = half(),
        2 => *units = Decimal::whole(0),
        _ => *at = nowhere(),
    }
    Some(())
}

fn wrong_transfer(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let mut command = transfer(floor, chance, 0)?;
    if let Command::Transfer(asked) = &mut command {
        match chance.u32(0..3) {
            0 => asked.to = asked.from.clone(),
            1 => asked.units = Decimal::whole(1_000),
            _ => muddle(
                floor,
                chance,
                (&mut asked.sku, &mut asked.units, &mut asked.to),
            )?,
        }
    }
    Some(command)
}

fn wrong_announcement(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let mut command = announce(floor, chance, 0)?;
    if let Command::Expect {
        sku,
        units,
        location,
        ..
    } = &mut command
    {
        muddle(floor, chance, (sku, units, location))?;
    }
    Some(command)
}

/// Comes with a delivery that came already, or that says nothing; or is given up twice.
fn wrong_receipt(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let gone = "arr_00000000000070008000000000000000".parse().ok()?;
    if chance.u32(0..4) == 0 {
        return Some(Command::GiveUp {
            sku: floor.item(chance)?.sku,
            arrival: gone,
            reason: "a slip".to_owned(),
        });
    }
    let mut asked = Receipt {
        sku: floor.item(chance)?.sku,
        units: Some(Decimal::whole(1)),
        location: Some(floor.place(chance)),
        condition: Condition::Sellable,
        arrival: None,
        reference: "a slip".to_owned(),
        by: BY.to_owned(),
    };
    match chance.u32(0..3) {
        0 => asked.arrival = Some(gone),
        1 => asked.units = None,
        _ => {
            let (mut units, mut at) = (Decimal::whole(1), floor.place(chance));
            muddle(floor, chance, (&mut asked.sku, &mut units, &mut at))?;
            (asked.units, asked.location) = (Some(units), Some(at));
        }
    }
    Some(Command::Receive(asked))
}

fn wrong_sorting(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let mut command = sort(floor, chance)?;
    if let Command::Sort(asked) = &mut command {
        match chance.u32(0..3) {
            0 => asked.to = asked.from,
            1 => asked.units = Decimal::whole(1_000),
            _ => {
                let Sorting {
                    sku,
                    units,
                    location,
                    ..
                } = asked;
                muddle(floor, chance, (sku, units, location))?;
            }
        }
    }
    Some(command)
}

fn wrong_opening(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let (location, skus) = match chance.u32(0..2) {
        0 => (nowhere(), Vec::new()),
        _ => (floor.place(chance), vec![unstocked(floor, chance)?]),
    };
    Some(Command::OpenCount {
        location,
        skus,
        recount_above: Decimal::whole(RECOUNT_ABOVE),
        by: BY.to_owned(),
    })
}

/// Counts what is not there to be counted, or when nobody could have.
fn wrong_count(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let unknown: CountId = NO_COUNT.parse().ok()?;
    let is_closing = chance.u32(0..4) == 0;
    let count = match chance.u32(0..3) {
        0 => Some(unknown),
        1 => floor.count(chance, false).map(|count| count.id),
        _ => None,
    };
    if let (true, Some(count)) = (is_closing, count) {
        return Some(Command::CloseCount {
            count,
            discards: true,
            by: BY.to_owned(),
        });
    }
    let open = floor.count(chance, true);
    let (mut sku, mut units) = (floor.item(chance)?.sku, Decimal::whole(3));
    let mut as_of = Some(floor.now);
    match chance.u32(0..5) {
        // Perhaps one that is not in the count.
        0 => {}
        1 => sku = unstocked(floor, chance)?,
        2 => units = half(),
        3 => units = Decimal::whole(-1),
        _ => as_of = Some(Time::from_millis(floor.now.millis() - 3_600_000)),
    }
    Some(Command::EnterCount {
        count: count.or(open.map(|count| count.id))?,
        sku,
        units,
        as_of,
        by: BY.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{ArrivalId, CountId};

    use super::*;

    #[test]
    fn what_nobody_announced_or_opened_has_an_id_all_the_same() {
        assert!(NO_COUNT.parse::<CountId>().is_ok());
        let arrival = "arr_00000000000070008000000000000000".parse::<ArrivalId>();
        assert!(arrival.is_ok());
        assert!(nowhere() != LocationId::default());
    }
}
