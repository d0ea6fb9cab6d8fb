//! What lies where, what is promised, owed and missing: the stock rows against what they are folds of.

use std::collections::BTreeMap;

use domain::{
    AccountId, Quantity, Sku,
    stock::{Condition, LocationId, Movement, Stock},
};
use store::{Store, StoreError};

use super::{Diagnosis, MEND, Scan, lists::Known};
use crate::{
    rows::{self, key, prefix},
    views::Units,
};

type Positions = BTreeMap<LocationId, BTreeMap<Condition, Quantity>>;

/// What is promised of an item by its open claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Promised {
    pub(super) allocated: BTreeMap<LocationId, Quantity>,
    pub(super) pending: Quantity,
    pub(super) pending_by: BTreeMap<AccountId, Quantity>,
}

/// Compares every stock row.
pub(super) async fn examine(
    store: &dyn Store,
    known: &Known,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    let mut scan = Scan::new(store, rows::STOCK, Vec::new());
    let mut seen: Vec<Sku> = Vec::new();
    while let Some((row_key, stock, row)) = scan.read::<Stock>(found).await? {
        found.items += 1;
        seen.push(stock.sku.clone());
        let right = fold(store, known, &stock, found).await?;
        if right != stock {
            tell(&stock, &right, known.scale(&stock.sku), found);
            let value = rows::encode(&right);
            found.mend(rows::STOCK, row_key, Some(&row), Some(value));
        }
    }
    for sku in known
        .promised
        .keys()
        .filter(|sku| seen.binary_search(sku).is_err())
    {
        let lacking = Stock::unknown(sku.clone());
        let right = fold(store, known, &lacking, found).await?;
        let sentence = format!("{sku} is promised to orders and has no row of stock; {MEND}.");
        found.tell("items without a row of stock", sentence);
        let value = rows::encode(&right);
        found.mend(rows::STOCK, key(&[sku.as_str()]), None, Some(value));
    }
    Ok(())
}

/// The row as it should be.
async fn fold(
    store: &dyn Store,
    known: &Known,
    stock: &Stock,
    found: &mut Diagnosis,
) -> Result<Stock, StoreError> {
    let mut moved = Stock::unknown(stock.sku.clone());
    let below = prefix(&[stock.sku.as_str()]);
    let mut scan = Scan::new(store, rows::MOVEMENTS, below);
    while let Some((_, movement, _)) = scan.read::<Movement>(found).await? {
        if movement.sku == moved.sku {
            moved.apply(&movement);
        }
    }
    let promised = known.promised.get(&stock.sku).cloned().unwrap_or_default();
    let mut right = stock.clone();
    if lying(&moved.positions) != lying(&stock.positions) {
        right.positions = moved.positions;
    }
    right.is_counted = moved.is_counted;
    right.allocated = promised.allocated;
    right.pending = promised.pending;
    // Rows that were written before there were locations do not say it, and need not.
    if stock.is_attributed() || right.pending != stock.pending {
        right.pending_by = promised.pending_by;
    }
    right.owed = known.owed.get(&stock.sku).copied().unwrap_or_default();
    right.missing = known.missing.get(&stock.sku).copied().unwrap_or_default();
    Ok(right)
}

/// What lies where, without the places where nothing does.
fn lying(positions: &Positions) -> BTreeMap<(&LocationId, Condition), Quantity> {
    let each = positions.iter().flat_map(|(at, conditions)| {
        let units = conditions.iter();
        units.map(move |(condition, units)| ((at, *condition), *units))
    });
    each.filter(|(_, units)| !units.is_zero()).collect()
}

fn tell(is: &Stock, right: &Stock, scale: u8, found: &mut Diagnosis) {
    let sku = &is.sku;
    let units = |quantity: Quantity| Units::new(quantity, scale);
    let (kept, moved) = (lying(&is.positions), lying(&right.positions));
    let places: std::collections::BTreeSet<_> = kept.keys().chain(moved.keys()).collect();
    for place in places {
        let of = |map: &BTreeMap<_, Quantity>| map.get(place).copied().unwrap_or_default();
        let (kept, moved) = (of(&kept), of(&moved));
        if kept != moved {
            let sentence = format!(
                "At `{}` there are {} of {sku} ({}) by its row and {} by its movements; {MEND}. Count it there \
                 afterwards, and see `oneshelf stock explain {sku}`.",
                place.0,
                units(kept),
                place.1.words(),
                units(moved)
            );
            found.tell(
                "positions that are not the sum of their movements",
                sentence,
            );
        }
    }
    if is.is_counted != right.is_counted {
        let (is, right) = match right.is_counted {
            true => ("never counted", "counted"),
            false => ("counted", "never counted"),
        };
        let sentence = format!("{sku} is {is} by its row and {right} by its movements; {MEND}.");
        found.tell("items that are counted or are not", sentence);
    }
    let allocated = |stock: &Stock| stock.allocated_total();
    for (what, is, right, by) in [
        (
            "promised with a location",
            allocated(is),
            allocated(right),
            "open claims",
        ),
        (
            "promised without a location",
            is.pending,
            right.pending,
            "open claims",
        ),
        ("owed", is.owed, right.owed, "orders"),
        ("missing", is.missing, right.missing, "open incidents"),
    ] {
        if is != right {
            let sentence = format!(
                "Of {sku} {} are {what} by its row and {} by its {by}; {MEND}.",
                units(is),
                units(right)
            );
            found.tell(
                "sums that are not those of claims, orders or incidents",
                sentence,
            );
        }
    }
    let is_elsewhere = is.allocated != right.allocated && allocated(is) == allocated(right);
    if is_elsewhere || (is.pending_by != right.pending_by && is.pending == right.pending) {
        let sentence = format!(
            "What is promised of {sku} is spread over locations or accounts in another way than its open \
             claims are; {MEND}."
        );
        found.tell(
            "sums that are not those of claims, orders or incidents",
            sentence,
        );
    }
}
