//! What is owed: of an order line, and how much more of an item may be.

use std::collections::BTreeMap;

use domain::{
    AccountId, Quantity, Sku, Time,
    item::Item,
    offer::Listing,
    owed::{Lookup, Promise},
};
use serde::Serialize;

use super::{Sellable, StoreError, Units, Walk, parts, read};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// What is owed of an order line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OwedView {
    /// How many units.
    pub units: Units,
    /// `backorder` or `preorder`.
    pub kind: &'static str,
    /// By when they ship; not there by then, they are an incident.
    pub until: Time,
    /// Since when they are owed.
    pub since: Time,
}

impl OwedView {
    pub(crate) fn of(promise: Promise, scale: u8) -> OwedView {
        OwedView {
            units: Units::new(promise.units, scale),
            kind: promise.kind.word(),
            until: promise.until,
            since: promise.since,
        }
    }
}

/// How many units of an item may be sold on an account beyond what is sellable.
pub(crate) async fn room(
    engine: &Engine,
    item: &Item,
    account: &AccountId,
    listed_in: &[String],
    found: &Sellable,
) -> Result<Quantity, StoreError> {
    let policy = engine.decider.policy();
    if !policy.rules.owe() {
        return Ok(Quantity::ZERO);
    }
    let mut items = BTreeMap::from([(item.sku.clone(), item.clone())]);
    let mut categories = BTreeMap::from([(item.sku.clone(), listed_in.to_vec())]);
    for sku in item.bill().into_keys().filter(|sku| *sku != item.sku) {
        let component: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
        items.extend(component.map(|component| (sku.clone(), component)));
        let listed_in = categories_of(engine, &sku, account).await?;
        categories.insert(sku, listed_in);
    }
    let lookup = Lookup {
        rules: &policy.rules,
        items: &items,
        stock: &found.stocks,
        locations: &policy.locations,
    };
    let listed_in = |sku: &Sku| categories.get(sku).cloned().unwrap_or_default();
    Ok(lookup.room(item, account, listed_in, engine.ports.clock.now()))
}

/// The categories that an account has an item in, over all its listings of it.
async fn categories_of(
    engine: &Engine,
    sku: &Sku,
    account: &AccountId,
) -> Result<Vec<String>, StoreError> {
    let below = prefix(&[sku.as_str(), account.as_str()]);
    let mut walk = Walk::new(engine, rows::LISTINGS_BY_SKU, below, None);
    let mut categories = Vec::new();
    while let Some((key, _)) = walk.next().await? {
        let at = parts(&key);
        let [_, account, listing] = at.as_slice() else {
            continue;
        };
        let row: Option<Listing> = read(engine, rows::LISTINGS, &[account, listing]).await?;
        categories.extend(row.into_iter().flat_map(|listing| listing.categories));
    }
    Ok(categories)
}
