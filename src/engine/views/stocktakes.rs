//! Stocktakes, and what is on its way to us, as people read them.

use domain::{
    Sku, Time,
    arrival::Arrival,
    count::{Count, Entry, Try},
    ids::{ArrivalId, CountId},
    item::Item,
    stock::{LocationId, Stock},
};
use serde::Serialize;

use super::{Page, StoreError, Units, Walk, read};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// How many items of a stocktake are shown with it.
const ENTRIES_MAX: usize = 1000;

/// A stocktake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountView {
    /// Ours.
    pub id: CountId,
    /// Where.
    pub location: LocationId,
    /// Of what; everything where nothing is named.
    pub skus: Vec<Sku>,
    /// A difference above this is counted again.
    pub recount_above: Units,
    /// Who opened it.
    pub by: String,
    /// When.
    pub opened_at: Time,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// What was counted.
    pub entries: Vec<EntryView>,
}

/// What a stocktake says of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EntryView {
    /// Of what.
    pub sku: Sku,
    /// `applied`, or `recount` where it is to be counted again.
    pub state: &'static str,
    /// How many were counted at last.
    pub counted: Units,
    /// When.
    pub as_of: Time,
    /// How many should have lain there at that moment.
    pub expected: Units,
    /// By how much the ledger was wrong.
    pub difference: Units,
    /// Who counted.
    pub by: String,
    /// How often it was counted.
    pub tries: usize,
    /// The same in a sentence, with what to do.
    pub text: String,
}

/// Units that are on their way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArrivalView {
    /// Ours.
    pub id: ArrivalId,
    /// Of what.
    pub sku: Sku,
    /// Where to.
    pub location: LocationId,
    /// From which location of ours; nothing for a supplier.
    pub from: Option<LocationId>,
    /// How many were announced.
    pub expected: Units,
    /// How many came.
    pub received: Units,
    /// How many are still to come.
    pub open: Units,
    /// When they should.
    pub due: Option<Time>,
    /// In people's words.
    pub reference: String,
    /// Who announced them.
    pub by: String,
    /// When.
    pub made_at: Time,
}

/// A page of stocktakes, the oldest first, without what was counted.
pub async fn list(
    engine: &Engine,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<CountView>, StoreError> {
    let mut walk = Walk::new(engine, rows::COUNTS, Vec::new(), after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        items.push(view(rows::decode(rows::COUNTS, &row.value)?, Vec::new()));
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// One stocktake with what was counted, if there is such a one.
pub async fn detail(engine: &Engine, id: CountId) -> Result<Option<CountView>, StoreError> {
    let id = id.to_string();
    let count: Option<Count> = read(engine, rows::COUNTS, &[&id]).await?;
    let Some(count) = count else { return Ok(None) };
    let mut walk = Walk::new(engine, rows::COUNT_ENTRIES, prefix(&[&id]), None);
    let mut entries = Vec::new();
    while entries.len() < ENTRIES_MAX {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        let entry: Entry = rows::decode(rows::COUNT_ENTRIES, &row.value)?;
        let item: Option<Item> = read(engine, rows::ITEMS, &[entry.sku.as_str()]).await?;
        let scale = item.map_or(0, |item| item.scale);
        entries.extend(entry_view(&entry, scale));
    }
    Ok(Some(view(count, entries)))
}

fn view(count: Count, entries: Vec<EntryView>) -> CountView {
    let (digits, scale) = count.recount_above.parts();
    let recount_above = domain::Quantity::new(digits).unwrap_or_default();
    CountView {
        id: count.id,
        location: count.location,
        skus: count.skus,
        recount_above: Units::new(recount_above, scale),
        by: count.by,
        opened_at: count.opened_at,
        closed_at: count.closed_at,
        entries,
    }
}

/// What a stocktake says of an item with so many decimals.
pub fn entry_view(entry: &Entry, scale: u8) -> Option<EntryView> {
    let last = entry.tries.last()?;
    let units = |quantity| Units::new(quantity, scale);
    let state = if last.is_applied {
        "applied"
    } else {
        "recount"
    };
    Some(EntryView {
        sku: entry.sku.clone(),
        state,
        counted: units(last.counted),
        as_of: last.as_of,
        expected: units(last.expected),
        difference: units(last.difference()),
        by: last.by.clone(),
        tries: entry.tries.len(),
        text: sentence(&entry.sku, last, scale),
    })
}

fn sentence(sku: &Sku, last: &Try, scale: u8) -> String {
    let units = |quantity| Units::new(quantity, scale);
    let (counted, expected) = (units(last.counted), units(last.expected));
    let as_of = last.as_of;
    let compared =
        format!("{counted} of {sku} were counted as of {as_of}, {expected} should have lain there");
    let difference = last.difference();
    if !last.is_applied {
        format!("{compared}: count it again, and it is believed if the difference is the same.")
    } else if difference.is_zero() {
        format!("{compared}: it is right.")
    } else {
        let sign = if difference.is_positive() { "+" } else { "" };
        format!(
            "{compared}: the stock was corrected by {sign}{}.",
            units(difference)
        )
    }
}

/// What is on its way, item by item.
pub async fn arrivals(
    engine: &Engine,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<ArrivalView>, StoreError> {
    let mut walk = Walk::new(engine, rows::STOCK, Vec::new(), after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        let stock: Stock = rows::decode(rows::STOCK, &row.value)?;
        if stock.incoming.is_empty() {
            continue;
        }
        let item: Option<Item> = read(engine, rows::ITEMS, &[stock.sku.as_str()]).await?;
        items.extend(of_stock(&stock, item.map_or(0, |item| item.scale)));
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// What is on its way of one item.
pub(super) fn of_stock(stock: &Stock, scale: u8) -> Vec<ArrivalView> {
    let units = |quantity| Units::new(quantity, scale);
    let view = |arrival: &Arrival| ArrivalView {
        id: arrival.id,
        sku: stock.sku.clone(),
        location: arrival.location.clone(),
        from: arrival.from.clone(),
        expected: units(arrival.expected),
        received: units(arrival.received),
        open: units(arrival.open()),
        due: arrival.due,
        reference: arrival.reference.clone(),
        by: arrival.by.clone(),
        made_at: arrival.made_at,
    };
    let mut arrivals: Vec<ArrivalView> = stock.incoming.values().map(view).collect();
    arrivals.sort_by_key(|arrival| (arrival.due.unwrap_or(Time::END), arrival.id));
    arrivals
}
