//! Stock as it was at a time: what lies there now, without all that was recorded since.
//!
//! Movements and changes of claims never change, and their keys sort by time, so what is read is what
//! happened since then and not all of history. The stock row and the rows of its history may be read
//! while decisions go on: a row that was written after the stock row was read has a later version, and
//! is left out.

use std::collections::BTreeSet;

use domain::{
    Sku, Time,
    item::Item,
    stock::{ClaimChange, LocationId, Movement, Stock},
};
use serde::de::DeserializeOwned;
use store::{Range, Seq, Table};

use super::{
    StoreError, Walk, When, read, sellable_when,
    stock::{StockView, view},
};
use crate::{
    Engine,
    rows::{self, key, prefix},
};

/// How stock was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Past {
    /// So.
    Known(Box<StockView>),
    /// There is no such item.
    NoItem,
    /// Nothing was recorded of it then.
    Before {
        /// Since when it is known.
        first_at: Time,
    },
}

/// The stock of one item at a time that is not in the future.
pub async fn detail(engine: &Engine, sku: &Sku, at: Time) -> Result<Past, StoreError> {
    let known: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    if known.is_none() {
        return Ok(Past::NoItem);
    }
    let when = When::At(at);
    let item = match item_when(engine, sku, when).await? {
        Ok(item) => item,
        Err(Some(first_at)) => return Ok(Past::Before { first_at }),
        Err(None) => return Ok(Past::NoItem),
    };
    let found = sellable_when(engine, &item, when).await?;
    let mut view = view(engine, &item, &found);
    view.as_of = Some(at);
    // What was owed then was not recorded by time.
    view.owed = None;
    // Which accounts were served from where, and how an arrival was announced, is only known of now.
    view.arrivals.clear();
    view.accounts.clear();
    Ok(Past::Known(Box::new(view)))
}

/// An item as it was. Else since when it is known, if at all.
pub(super) async fn item_when(
    engine: &Engine,
    sku: &Sku,
    when: When,
) -> Result<Result<Item, Option<Time>>, StoreError> {
    let at = match when {
        When::Now => {
            let item = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
            return Ok(item.ok_or(None));
        }
        When::At(at) => at,
    };
    let below = prefix(&[sku.as_str()]);
    let mut walk = Walk::new(engine, rows::ITEM_VERSIONS, below, None).unbounded();
    let mut found = Err(None);
    while let Some((key, row)) = walk.next().await? {
        let since = rows::last_part(&key).parse().unwrap_or_default();
        let since = Time::from_millis(since);
        if since > at {
            return Ok(found.map_err(|_: Option<Time>| Some(since)));
        }
        found = Ok(rows::decode(rows::ITEM_VERSIONS, &row.value)?);
    }
    Ok(found)
}

/// The stock row of an item as it is or was; nothing before anything was recorded of it.
pub(super) async fn stock_when(
    engine: &Engine,
    sku: &Sku,
    when: When,
) -> Result<Option<Stock>, StoreError> {
    let row = engine.store.get(rows::STOCK, &key(&[sku.as_str()])).await?;
    let Some(row) = row else { return Ok(None) };
    let mut stock: Stock = rows::decode(rows::STOCK, &row.value)?;
    let at = match when {
        When::Now => return Ok(Some(stock)),
        When::At(at) => at,
    };
    let mut later = Later::new(engine, rows::MOVEMENTS, sku, ("mov", at), row.version);
    while let Some(movement) = later.next::<Movement>().await? {
        stock.undo(&movement);
    }
    let mut later = Later::new(engine, rows::CLAIM_CHANGES, sku, ("clm", at), row.version);
    while let Some(change) = later.next::<ClaimChange>().await? {
        stock.undo_claim(&change);
    }
    stock.forget_arrivals_after(at);
    let is_known = look_back(engine, &mut stock, at).await?;
    Ok(is_known.then_some(stock))
}

/// What was recorded of an item after a time, up to a version of its stock.
struct Later<'a> {
    walk: Walk<'a>,
    table: Table,
    version: Seq,
}

impl<'a> Later<'a> {
    fn new(
        engine: &'a Engine,
        table: Table,
        sku: &Sku,
        (kind, at): (&str, Time),
        version: Seq,
    ) -> Later<'a> {
        // Our ids begin with their time in milliseconds, in 12 hexadecimal digits.
        let next_ms = u64::try_from(at.millis()).map_or(0, |ms| ms.saturating_add(1));
        let after = key(&[sku.as_str(), &format!("{kind}_{next_ms:012x}")]);
        let below = prefix(&[sku.as_str()]);
        let walk = Walk::new(engine, table, below, Some(after)).unbounded();
        Later {
            walk,
            table,
            version,
        }
    }

    async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, StoreError> {
        while let Some((_, row)) = self.walk.next().await? {
            if row.version <= self.version {
                return rows::decode(self.table, &row.value).map(Some);
            }
        }
        Ok(None)
    }
}

/// Finds out what sums do not tell: whether the item was counted by then, and whether a place at which
/// nothing lay was known. Says whether anything was recorded at all.
async fn look_back(engine: &Engine, stock: &mut Stock, at: Time) -> Result<bool, StoreError> {
    let below = prefix(&[stock.sku.as_str()]);
    let mut doubtful: BTreeSet<LocationId> = stock
        .positions
        .iter()
        .filter(|(_, position)| position.values().all(|units| units.is_zero()))
        .map(|(location, _)| location.clone())
        .collect();
    let mut is_counted = false;
    let mut is_known = false;
    let mut walk = Walk::new(engine, rows::MOVEMENTS, below.clone(), None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let movement: Movement = rows::decode(rows::MOVEMENTS, &row.value)?;
        if movement.at > at {
            break;
        }
        is_known = true;
        is_counted |= movement.cause.says_how_many();
        doubtful.remove(&movement.location);
        if doubtful.is_empty() && (is_counted || !stock.is_counted) {
            break;
        }
    }
    for location in doubtful {
        stock.positions.remove(&location);
    }
    stock.is_counted = is_counted;
    if !is_known {
        let range = Range {
            prefix: below,
            after: None,
        };
        let first = engine.store.scan(rows::CLAIM_CHANGES, range, 1).await?;
        if let Some((_, row)) = first.first() {
            let change: ClaimChange = rows::decode(rows::CLAIM_CHANGES, &row.value)?;
            is_known = change.at <= at;
        }
    }
    Ok(is_known)
}
