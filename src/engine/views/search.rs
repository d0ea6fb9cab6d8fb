//! Finding an order by what somebody has at hand: its number, its id, an item, a parcel.
//!
//! What has an index is found among all orders. The rest is looked for among those that may still change, and
//! not without end: it says so when it gave up.

use domain::{AccountId, ExternalId, Sku, ids::OrderId, order::Order};

use super::{
    StoreError, Walk,
    orders::{OrderSummary, load},
    read,
};
use crate::{Engine, rows};

/// The most open orders that are looked at.
const LOOKED_AT_MAX: usize = 2000;
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
        let (more, is_cut_off) = among_open(engine, text).await?;
        ids.extend(more);
        found.is_cut_off = is_cut_off;
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

async fn among_open(engine: &Engine, text: &str) -> Result<(Vec<OrderId>, bool), StoreError> {
    let sku = Sku::new(text).ok();
    let bare = |number: &str| number.trim_start_matches('#').to_lowercase();
    let number = bare(text);
    let fits = |order: &Order| {
        let has_item = |sku: &Sku| {
            let mut items = order.lines.iter().filter_map(|line| line.item.as_ref());
            items.any(|item| item.sku == *sku || item.bill.contains_key(sku))
        };
        let mut parcels = order.shipments.iter();
        bare(&order.number) == number
            || parcels.any(|parcel| parcel.tracking_number.as_deref() == Some(text))
            || sku.as_ref().is_some_and(has_item)
    };
    let mut ids = Vec::new();
    let mut walk = Walk::new(engine, rows::OPEN_ORDERS, Vec::new(), None).unbounded();
    for _ in 0..LOOKED_AT_MAX {
        let Some((key, _)) = walk.next().await? else {
            return Ok((ids, false));
        };
        let Ok(id) = rows::last_part(&key).parse::<OrderId>() else {
            continue;
        };
        let order: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
        if order.is_some_and(|order| fits(&order)) {
            ids.push(id);
            if ids.len() == FOUND_MAX {
                return Ok((ids, true));
            }
        }
    }
    Ok((ids, walk.rest().await?.is_some()))
}
