//! What people may read: orders, stock, listings, queues and accounts, as the API and the command
//! line show them.
//!
//! Only reads, never decides, and nothing here is read by a decision. Every list is a page: at most
//! so many items, after looking at at most [`LOOKED_MAX`] rows, with the place where to go on. A page
//! may therefore hold fewer items than asked for; only one without `next` is the last.

pub mod accounts;
pub mod adoption;
pub mod allocation;
pub mod audit;
pub mod documents;
pub mod drift;
pub mod due;
pub mod evidence;
pub mod exposure;
pub mod incidents;
pub mod insight;
pub mod listings;
pub mod locations;
pub mod next;
mod order_lists;
pub mod orders;
pub mod orders_past;
pub mod owed;
pub mod past;
pub mod queues;
pub mod returns;
pub mod rules;
pub mod search;
pub mod stock;
pub mod stocktakes;
mod suggestions;
pub mod tasks;
pub mod timeline;
pub mod today;
pub(crate) mod totals;
pub mod unmapped;
pub mod words;

use std::collections::{BTreeMap, VecDeque};

use domain::{
    AccountId, Decimal, Quantity, Sku, Time,
    item::{Item, ItemKind},
    locations::Locations,
    offer::Told,
    stock::Stock,
};
use serde::{Serialize, Serializer, de::DeserializeOwned};
use store::{KEY_LENGTH_MAX, Range, Row, Table};

pub use store::{Stats, StoreError};

use crate::{Engine, rows};

/// How many rows one page may look at; a filter that matches little must not read a whole table.
pub const LOOKED_MAX: usize = 2000;
/// How many rows are read at once.
const CHUNK: usize = 200;
/// What waits is counted up to here for whoever waits for the answer: from so many on it is "so many or more".
pub const COUNTED_MAX: usize = 10_000;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; nothing on the last one.
    #[serde(skip)]
    pub next: Option<Vec<u8>>,
}

/// A quantity as people write it: in whole units, with decimals when the item has some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    quantity: Quantity,
    scale: u8,
}

/// A level at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// How much.
    pub quantity: Units,
    /// When.
    pub at: Time,
}

impl Units {
    /// A quantity of an item with so many decimals.
    pub fn new(quantity: Quantity, scale: u8) -> Units {
        Units { quantity, scale }
    }

    /// So many millionths of a unit; more than can be written is the most that can.
    pub fn of_millionths(millionths: u128) -> Units {
        const SCALE: u8 = domain::exposure::SCALE;
        const UNIT: u128 = 10_u128.pow(SCALE as u32);
        let new = |units: u128, scale| {
            let quantity = i64::try_from(units).ok().map(Quantity::new)?.ok()?;
            Some(Units::new(quantity, scale))
        };
        let whole = millionths / UNIT;
        let exact = if millionths.is_multiple_of(UNIT) {
            new(whole, 0)
        } else {
            new(millionths, SCALE)
        };
        let most = || new(Quantity::MAX.unsigned_abs().into(), 0).unwrap_or_default();
        exact.or_else(|| new(whole, 0)).unwrap_or_else(most)
    }

    /// In millionths of a unit.
    pub fn millionths(self) -> i128 {
        const SCALE: u8 = domain::exposure::SCALE;
        let by = u32::from(SCALE.saturating_sub(self.scale));
        i128::from(self.quantity.units()) * 10_i128.pow(by)
    }

    /// As a decimal.
    pub fn decimal(self) -> Decimal {
        self.quantity.to_decimal(self.scale)
    }

    /// In the smallest unit of the item.
    pub fn quantity(self) -> Quantity {
        self.quantity
    }

    /// The sum, also of items with other decimals.
    #[must_use]
    pub fn plus(self, other: Units) -> Units {
        let scale = self.scale.max(other.scale);
        let widen = |units: Units| {
            let factor = 10_i64.saturating_pow(u32::from(scale - units.scale));
            units.quantity.times(factor)
        };
        Units::new(widen(self).plus(widen(other)), scale)
    }

    /// What is left of these without others.
    #[must_use]
    pub fn minus(self, other: Units) -> Units {
        self.plus(Units::new(other.quantity.times(-1), other.scale))
    }

    /// Whether there are any.
    pub fn is_positive(self) -> bool {
        self.quantity.is_positive()
    }
}

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.decimal())
    }
}

impl Serialize for Units {
    /// A JSON number. Quantities have at most 13 digits, so their decimal text survives the trip
    /// through a double exactly.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decimal = self.decimal();
        match decimal.to_whole() {
            Some(whole) => serializer.serialize_i64(whole),
            None => {
                let number: f64 = decimal.to_string().parse().unwrap_or_default();
                serializer.serialize_f64(number)
            }
        }
    }
}

pub(crate) fn level(told: Option<Told>, scale: u8) -> Option<Level> {
    told.map(|told| Level {
        quantity: Units::new(told.quantity, scale),
        at: told.at,
    })
}

/// One row, read.
pub(crate) async fn read<T: DeserializeOwned>(
    engine: &Engine,
    table: Table,
    parts: &[&str],
) -> Result<Option<T>, StoreError> {
    let key = rows::key(parts);
    if key.len() > KEY_LENGTH_MAX {
        // Somebody asked for what no row can be called.
        return Ok(None);
    }
    let row = engine.store.get(table, &key).await?;
    row.map(|row| rows::decode(table, &row.value)).transpose()
}

/// Goes through the rows below a prefix, a chunk at a time, and not for ever.
pub(crate) struct Walk<'a> {
    engine: &'a Engine,
    table: Table,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
    given: Option<Vec<u8>>,
    buffer: VecDeque<(Vec<u8>, Row)>,
    looked: usize,
    looked_max: usize,
    is_drained: bool,
    is_back: bool,
}

impl<'a> Walk<'a> {
    /// Begins behind a key.
    pub(crate) fn new(
        engine: &'a Engine,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
    ) -> Walk<'a> {
        Walk {
            engine,
            table,
            prefix,
            given: after.clone(),
            after,
            buffer: VecDeque::new(),
            looked: 0,
            looked_max: LOOKED_MAX,
            is_drained: false,
            is_back: false,
        }
    }

    /// The same from the last row on; `after` is then what the rows come before.
    pub(crate) fn back(mut self) -> Walk<'a> {
        self.is_back = true;
        self
    }

    /// The same, to the last row: a sum of some of them would be none.
    pub(crate) fn summing(engine: &'a Engine, table: Table, prefix: Vec<u8>) -> Walk<'a> {
        Walk::new(engine, table, prefix, None).unbounded()
    }

    /// The same, to the last row: for tables that are kept small.
    pub(crate) fn unbounded(mut self) -> Walk<'a> {
        self.looked_max = usize::MAX;
        self
    }

    /// The next row, or nothing when there is none or enough were looked at.
    pub(crate) async fn next(&mut self) -> Result<Option<(Vec<u8>, Row)>, StoreError> {
        if self.looked >= self.looked_max {
            return Ok(None);
        }
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        let row = self.buffer.pop_front();
        if let Some((key, _)) = &row {
            self.looked += 1;
            self.given = Some(key.clone());
        }
        Ok(row)
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        if self.is_drained {
            return Ok(());
        }
        let range = Range {
            prefix: self.prefix.clone(),
            after: self.after.clone(),
        };
        let store = &self.engine.store;
        let rows = match self.is_back {
            true => store.scan_back(self.table, range, CHUNK).await?,
            false => store.scan(self.table, range, CHUNK).await?,
        };
        self.is_drained = rows.len() < CHUNK;
        if let Some((last, _)) = rows.last() {
            self.after = Some(last.clone());
        }
        self.buffer.extend(rows);
        Ok(())
    }

    /// Where to go on: the last key that was given out, if there is another row behind it.
    pub(crate) async fn rest(mut self) -> Result<Option<Vec<u8>>, StoreError> {
        if self.buffer.is_empty() {
            self.fill().await?;
        }
        Ok(self.given.filter(|_| !self.buffer.is_empty()))
    }
}

/// How many rows there are below a prefix.
pub(crate) async fn count(
    engine: &Engine,
    table: Table,
    prefix: Vec<u8>,
) -> Result<usize, StoreError> {
    count_of(Walk::summing(engine, table, prefix)).await
}

/// The same for whoever waits for the answer: [`COUNTED_MAX`] where there are so many or more.
pub(crate) async fn count_some(
    engine: &Engine,
    table: Table,
    prefix: Vec<u8>,
) -> Result<usize, StoreError> {
    let mut walk = Walk::new(engine, table, prefix, None);
    walk.looked_max = COUNTED_MAX;
    count_of(walk).await
}

async fn count_of(mut walk: Walk<'_>) -> Result<usize, StoreError> {
    let mut count = 0;
    while walk.next().await?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// The parts of a key, as text.
pub(crate) fn parts(key: &[u8]) -> Vec<String> {
    key.split(|byte| *byte == 0)
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

/// Of which time something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// As it is.
    Now,
    /// As it was.
    At(Time),
}

/// What can still be promised of an item, and what limits it; nothing when that is not known.
pub(crate) struct Sellable {
    /// How much of the item itself.
    pub(crate) units: Option<Quantity>,
    /// For a kit: each component with its stock row, if it has one.
    pub(crate) components: Vec<Component>,
    /// For a good: its stock row, if it has one.
    pub(crate) stock: Option<Stock>,
    /// The stock rows of all that it takes.
    pub(crate) stocks: BTreeMap<Sku, Stock>,
}

impl Sellable {
    /// What can still be promised on one account, from the locations that serve it.
    pub(crate) fn on(
        &self,
        item: &Item,
        locations: &Locations,
        account: &AccountId,
    ) -> Option<Quantity> {
        domain::offer::sellable(item, &self.stocks, locations, account).ok()
    }
}

/// One component of a kit.
pub(crate) struct Component {
    pub(crate) sku: Sku,
    pub(crate) scale: u8,
    pub(crate) per_kit: Quantity,
    /// What can still be promised of it, if it was counted.
    pub(crate) sellable: Option<Quantity>,
    /// For how many kits that is enough.
    pub(crate) kits: Option<Quantity>,
}

/// Reads the stock of an item and of what it is made of.
pub(crate) async fn sellable(engine: &Engine, item: &Item) -> Result<Sellable, StoreError> {
    sellable_when(engine, item, When::Now).await
}

/// The same, as it was at a time.
pub(crate) async fn sellable_when(
    engine: &Engine,
    item: &Item,
    when: When,
) -> Result<Sellable, StoreError> {
    let stock = past::stock_when(engine, &item.sku, when).await?;
    let mut components = Vec::new();
    let mut stocks: BTreeMap<Sku, Stock> = BTreeMap::new();
    stocks.extend(stock.clone().map(|stock| (item.sku.clone(), stock)));
    let units = match &item.kind {
        ItemKind::Good => stock
            .as_ref()
            .filter(|stock| stock.is_counted)
            .map(Stock::sellable),
        ItemKind::Service => None,
        ItemKind::Kit(bill) => {
            for (sku, per_kit) in bill {
                let (component, stock) = component(engine, sku, *per_kit, when).await?;
                components.push(component);
                stocks.extend(stock.map(|stock| (sku.clone(), stock)));
            }
            let kits: Option<Vec<Quantity>> = components.iter().map(|c| c.kits).collect();
            kits.and_then(|kits| kits.into_iter().min())
        }
    };
    Ok(Sellable {
        units,
        components,
        stock,
        stocks,
    })
}

async fn component(
    engine: &Engine,
    sku: &Sku,
    per_kit: Quantity,
    when: When,
) -> Result<(Component, Option<Stock>), StoreError> {
    let item = past::item_when(engine, sku, when).await?.ok();
    let stock = past::stock_when(engine, sku, when).await?;
    let sellable = stock
        .as_ref()
        .filter(|stock| stock.is_counted)
        .map(|stock| stock.sellable());
    let kits = sellable.map(|sellable| {
        let kits = sellable.or_zero().units().checked_div(per_kit.units());
        Quantity::new(kits.unwrap_or(0)).unwrap_or_default()
    });
    let component = Component {
        sku: sku.clone(),
        scale: item.map_or(0, |item| item.scale),
        per_kit,
        sellable,
        kits,
    };
    Ok((component, stock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_numbers_with_exactly_the_decimals_that_they_have() {
        for (units, scale, json) in [
            (3, 0, "3"),
            (2500, 3, "2.5"),
            (3000, 3, "3"),
            (-1, 2, "-0.01"),
            (999_999_999_999, 6, "999999.999999"),
        ] {
            let quantity = Quantity::new(units).expect("within bounds");
            let text = serde_json::to_string(&Units::new(quantity, scale));
            assert_eq!(text.ok().as_deref(), Some(json));
        }
        for (millionths, text) in [
            (0, "0"),
            (2_000_000, "2"),
            (2_500_000, "2.5"),
            (3_000_000_000_000_000_001, "1000000000000"),
            (2_000_000_000_001, "2000000"),
            (u128::MAX, "1000000000000"),
        ] {
            assert_eq!(Units::of_millionths(millionths).to_string(), text);
        }
        let sum = Units::new(Quantity::of(5), 1).plus(Units::new(Quantity::of(2), 0));
        assert_eq!(sum.to_string(), "2.5");
    }
}
