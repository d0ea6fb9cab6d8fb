//! Finding an order by what somebody has at hand: its number, its id, an item, a parcel.
//!
//! What has an index is found among all orders. The rest is looked for among those that may still change and the
//! newest of all, and not without end: it says so when it gave up.

use std::collections::BTreeSet;

use domain::{AccountId, ExternalId, Sku, ids::OrderId, order::Order};

use super::{
    StoreError, Walk,
    orders::{OrderSummary, load},
    read,
};
use crate::{Engine, rows};

/// The most open orders that are looked at.
const LOOKED_AT_MAX: usize = 2000;
/// How many of the newest orders are looked at besides, open or not.
const NEWEST: usize = 1000;
/// The most orders that are found.
const FOUND_MAX: usize = 50;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The orders.
    pub items: Vec<OrderSummary>,
    /// Whether not all open orders were looked at.
    pub is_cut_off: bool,
}

/// Orders that are called so, have such an item, or left with such a parcel.
pub async fn search(engine: &Engine, text: &str) -> Result<Found, StoreError> {
    let text = text.trim();
    let mut found = Found::default();
    if text.is_empty() {
        return Ok(found);
    }
    let mut ids: Vec<OrderId> = text.parse().into_iter().collect();
    for account in engine.accounts.keys() {
        ids.extend(by_reference(engine, account, text).await?);
    }
    if ids.is_empty() {
        (ids, found.is_cut_off) = among(engine, text).await?;
    }
    for id in ids.into_iter().take(FOUND_MAX) {
        let order = load(engine, id).await?;
        found.items.extend(order.map(|order| order.summary()));
    }
    Ok(found)
}

async fn by_reference(
    engine: &Engine,
    account: &AccountId,
    text: &str,
) -> Result<Option<OrderId>, StoreError> {
    let reference = ExternalId::new(text);
    let parts = [account.as_str(), reference.as_str()];
    read(engine, rows::ORDER_REFS, &parts).await
}

/// What somebody may mean by a text.
struct Meant<'t> {
    text: &'t str,
    number: String,
    sku: Option<Sku>,
}

fn bare(number: &str) -> String {
    number.trim_start_matches('#').to_lowercase()
}

impl Meant<'_> {
    fn is(&self, order: &Order) -> bool {
        let has_item = |sku: &Sku| {
            let mut items = order.lines.iter().filter_map(|line| line.item.as_ref());
            items.any(|item| item.sku == *sku || item.bill.contains_key(sku))
        };
        let mut parcels = order.shipments.iter();
        bare(&order.number) == self.number
            || parcels.any(|parcel| parcel.tracking_number.as_deref() == Some(self.text))
            || self.sku.as_ref().is_some_and(has_item)
    }
}

/// Orders that may still change, and the newest of all: what is found, the newest first, and whether it gave up.
async fn among(engine: &Engine, text: &str) -> Result<(Vec<OrderId>, bool), StoreError> {
    let meant = Meant {
        text,
        number: bare(text),
        sku: Sku::new(text).ok(),
    };
    let newest = Walk::new(engine, rows::ORDERS, Vec::new(), None).back();
    let open = Walk::new(engine, rows::OPEN_ORDERS, Vec::new(), None);
    let mut ids = BTreeSet::new();
    let mut is_cut_off = false;
    for (walk, most, is_all) in [(newest, NEWEST, false), (open, LOOKED_AT_MAX, true)] {
        let mut walk = walk.unbounded();
        let mut looked_at = 0;
        while looked_at < most && ids.len() < FOUND_MAX {
            let Some((key, _)) = walk.next().await? else {
                break;
            };
            looked_at += 1;
            let Ok(id) = rows::last_part(&key).parse::<OrderId>() else {
                continue;
            };
            let order: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
            if order.is_some_and(|order| meant.is(&order)) {
                ids.insert(id);
            }
        }
        is_cut_off |= is_all && walk.rest().await?.is_some();
    }
    Ok((ids.into_iter().rev().collect(), is_cut_off))
}
