//! Stock: what lies where, what is promised, what can still be sold, and every movement.

use std::collections::BTreeMap;

use domain::{
    AccountId, Money, Sku, Time,
    ids::MovementId,
    item::{Item, ItemKind},
    stock::{Cause, Condition, LocationId, Movement, Stock},
};
use serde::Serialize;

use super::{
    Page, Sellable, StoreError, Units, Walk, read, sellable,
    stocktakes::{ArrivalView, of_stock},
    words,
};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// The stock of an item. Numbers that were never counted are nothing, which is not zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StockView {
    /// Of what.
    pub sku: Sku,
    /// What staff call it.
    pub title: String,
    /// `good`, `kit` or `service`.
    pub kind: &'static str,
    /// How many decimals its quantities have.
    pub scale: u8,
    /// Whether it, or each of its components, was ever counted.
    pub is_counted: bool,
    /// What lies there in sellable condition. Only goods lie anywhere.
    pub on_hand: Option<Units>,
    /// Open claims with a location.
    pub allocated: Option<Units>,
    /// Open claims without one.
    pub pending: Option<Units>,
    /// What may still be promised; of a kit, as many as its scarcest component allows.
    pub sellable: Option<Units>,
    /// What is owed: sold before it is there, and no incident before its date.
    pub owed: Option<Units>,
    /// What is on its way to us.
    pub incoming: Option<Units>,
    /// Per location.
    pub locations: Vec<LocationView>,
    /// What is on its way.
    pub arrivals: Vec<ArrivalView>,
    /// What can be sold on each account, where locations are declared.
    pub accounts: Vec<AccountSellable>,
    /// What a kit is made of.
    pub components: Vec<ComponentView>,
    /// At which time it was so; nothing if it is so now.
    pub as_of: Option<Time>,
}

/// What can be sold on one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountSellable {
    /// Which.
    pub account: AccountId,
    /// How much; nothing if that is not known.
    pub sellable: Option<Units>,
    /// From where.
    pub locations: Vec<LocationId>,
}

/// What lies at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocationView {
    /// Where.
    pub location: LocationId,
    /// In sellable condition.
    pub on_hand: Units,
    /// Promised, to leave from here.
    pub allocated: Units,
    /// On its way to here.
    pub incoming: Units,
    /// In every other condition.
    pub unsellable: BTreeMap<&'static str, Units>,
}

/// One component of a kit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComponentView {
    /// Which.
    pub sku: Sku,
    /// How much is in one kit.
    pub per_kit: Units,
    /// What may still be promised of it.
    pub sellable: Option<Units>,
    /// For how many kits that is enough.
    pub kits: Option<Units>,
    /// Whether no other component allows fewer.
    pub is_scarcest: bool,
}

/// A change of stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovementView {
    /// Ours.
    pub id: MovementId,
    /// When it was recorded.
    pub at: Time,
    /// Where.
    pub location: LocationId,
    /// In which condition.
    pub condition: &'static str,
    /// By how much.
    pub delta: Units,
    /// Why.
    pub cause: Cause,
    /// Why, in a sentence.
    pub text: String,
}

/// An item as an admin sees and writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemView {
    /// Its key.
    pub sku: Sku,
    /// `good`, `kit` or `service`.
    pub kind: &'static str,
    /// How many decimals its quantities have.
    pub scale: u8,
    /// What staff call it.
    pub title: String,
    /// The merchant's word for what sort of thing it is.
    pub category: Option<String>,
    /// EAN, UPC or ISBN.
    pub barcode: Option<String>,
    /// What one is to cost, by currency.
    pub prices: Vec<Money>,
    /// What is in one kit.
    pub components: BTreeMap<Sku, Units>,
}

/// A page of all items with their stock, by SKU.
pub async fn list(
    engine: &Engine,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<StockView>, StoreError> {
    let mut walk = Walk::new(engine, rows::ITEMS, Vec::new(), after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        let item: Item = rows::decode(rows::ITEMS, &row.value)?;
        items.push(view(engine, &item, &sellable(engine, &item).await?));
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// The stock of one item, if there is such an item.
pub async fn detail(engine: &Engine, sku: &Sku) -> Result<Option<StockView>, StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    let Some(item) = item else { return Ok(None) };
    Ok(Some(view(engine, &item, &sellable(engine, &item).await?)))
}

pub(super) fn view(engine: &Engine, item: &Item, found: &Sellable) -> StockView {
    let units = |quantity| Units::new(quantity, item.scale);
    let stock = found.stock.as_ref().filter(|_| item.is_stocked());
    // Open claims are known even where nobody has counted.
    let counted = stock.filter(|stock| stock.is_counted);
    StockView {
        sku: item.sku.clone(),
        title: item.title.clone(),
        kind: words::kind(&item.kind),
        scale: item.scale,
        is_counted: found.units.is_some(),
        on_hand: counted.map(|stock| units(stock.on_hand())),
        allocated: stock.map(|stock| units(stock.allocated_total())),
        pending: stock.map(|stock| units(stock.pending)),
        sellable: found.units.map(units),
        owed: stock.map(|stock| units(stock.owed)),
        incoming: item
            .is_stocked()
            .then(|| units(stock.map(Stock::incoming_total).unwrap_or_default())),
        locations: stock
            .map(|stock| locations(stock, item.scale))
            .unwrap_or_default(),
        arrivals: stock
            .map(|stock| of_stock(stock, item.scale))
            .unwrap_or_default(),
        accounts: accounts(engine, item, found),
        components: components(found),
        as_of: None,
    }
}

fn accounts(engine: &Engine, item: &Item, found: &Sellable) -> Vec<AccountSellable> {
    let policy = engine.decider.policy();
    let declared = policy.locations.declared();
    if declared.is_empty() || item.kind == ItemKind::Service {
        return Vec::new();
    }
    let view = |account: &AccountId| AccountSellable {
        account: account.clone(),
        sellable: found
            .on(item, &policy.locations, account)
            .map(|quantity| Units::new(quantity, item.scale)),
        locations: declared
            .iter()
            .filter(|location| location.serves(account))
            .map(|location| location.id.clone())
            .collect(),
    };
    engine.accounts.keys().map(view).collect()
}

fn locations(stock: &Stock, scale: u8) -> Vec<LocationView> {
    let units = |quantity| Units::new(quantity, scale);
    let unsellable = |location: &LocationId| {
        let at = stock.positions.get(location);
        at.into_iter()
            .flatten()
            .filter(|(condition, quantity)| {
                **condition != Condition::Sellable && !quantity.is_zero()
            })
            .map(|(condition, quantity)| (words::condition(*condition), units(*quantity)))
            .collect()
    };
    let view = |location: &LocationId| LocationView {
        location: location.clone(),
        on_hand: units(stock.on_hand_at(location)),
        allocated: units(stock.allocated.get(location).copied().unwrap_or_default()),
        incoming: units(stock.incoming_at(location)),
        unsellable: unsellable(location),
    };
    stock.places().into_iter().map(view).collect()
}

fn components(found: &Sellable) -> Vec<ComponentView> {
    let least = found.components.iter().filter_map(|part| part.kits).min();
    let view = |part: &super::Component| ComponentView {
        sku: part.sku.clone(),
        per_kit: Units::new(part.per_kit, part.scale),
        sellable: part.sellable.map(|units| Units::new(units, part.scale)),
        kits: part.kits.map(|kits| Units::new(kits, 0)),
        is_scarcest: part.kits.is_some() && part.kits == least,
    };
    found.components.iter().map(view).collect()
}

/// The movements of an item, the oldest first. Nothing when there is no such item.
pub async fn movements(
    engine: &Engine,
    (sku, newest_first): (&Sku, bool),
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Option<Page<MovementView>>, StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    let Some(item) = item else { return Ok(None) };
    let mut walk = Walk::new(engine, rows::MOVEMENTS, prefix(&[sku.as_str()]), after);
    if newest_first {
        walk = walk.back();
    }
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        let movement: Movement = rows::decode(rows::MOVEMENTS, &row.value)?;
        let delta = Units::new(movement.delta, item.scale);
        let sign = if movement.delta.is_positive() {
            "+"
        } else {
            ""
        };
        items.push(MovementView {
            id: movement.id,
            at: movement.at,
            text: format!(
                "{sign}{delta} at {}, because {}.",
                movement.location,
                words::cause(&movement.cause)
            ),
            location: movement.location,
            condition: words::condition(movement.condition),
            delta,
            cause: movement.cause,
        });
    }
    let next = walk.rest().await?;
    Ok(Some(Page { items, next }))
}

/// An item, if there is such a one.
pub async fn item(engine: &Engine, sku: &Sku) -> Result<Option<ItemView>, StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    let Some(item) = item else { return Ok(None) };
    let found = sellable(engine, &item).await?;
    let parts = found.components.iter();
    let components = parts
        .map(|part| (part.sku.clone(), Units::new(part.per_kit, part.scale)))
        .collect();
    Ok(Some(ItemView {
        kind: words::kind(&item.kind),
        sku: item.sku,
        scale: item.scale,
        title: item.title,
        category: item.category,
        barcode: item.barcode,
        prices: item.prices,
        components,
    }))
}

/// The decimals of an item; 0 for one that is not known.
pub async fn scale(engine: &Engine, sku: &Sku) -> Result<u8, StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    Ok(item.map_or(0, |item| item.scale))
}
