//! What is offered, and its levels.
//!
//! A variation lives below its parent and can be read and written only there, so its listing id names
//! both. WooCommerce takes a level as it is given, last writer wins; the engine compares around it.

use std::collections::BTreeMap;

use channel::{
    Ack, ChannelError, ErrorKind, Malformed, Page, PullListings, PushStock, ReadStock, StockTarget,
};
use domain::{
    Currency, Decimal, ListingId,
    snapshot::{LevelSnapshot, ListingSnapshot},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Woo,
    api::PAGE_SIZE,
    map,
    wire::{self, Id},
};

/// Pages of products or of the variations of one: a million.
const PAGES_MAX: u64 = 10_000;

/// Where a page of listings begins: among the products, or among the variations of those parents that
/// the last page of products had.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    products: u64,
    parents: Vec<Parent>,
    variations: u64,
}

/// A product whose variations are still to be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Parent {
    id: String,
    title: String,
    categories: Vec<String>,
}

#[async_trait::async_trait]
impl PullListings for Woo {
    async fn pull(&self, page: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError> {
        let place = match page {
            None => Place {
                products: 1,
                parents: Vec::new(),
                variations: 1,
            },
            Some(token) => serde_json::from_str(token)
                .map_err(|_| ChannelError::rejected("read products", "the page is none of ours"))?,
        };
        if place.products > PAGES_MAX || place.variations > PAGES_MAX {
            let reason = "the shop repeats its pages, or has more products than can be";
            return Err(ChannelError::malformed("read products", reason));
        }
        let currency = self.currency().await?;
        match place.parents.first() {
            None => self.products(place.products, currency).await,
            Some(parent) => {
                let parent = parent.clone();
                self.variations(place, &parent, currency).await
            }
        }
    }
}

impl Woo {
    async fn products(
        &self,
        number: u64,
        currency: Option<Currency>,
    ) -> Result<Page<ListingSnapshot>, ChannelError> {
        let raw = self.api.products(number).await?;
        let is_last = raw.items.is_empty() || raw.pages.is_some_and(|pages| number >= pages);
        let mut page = empty_page();
        let mut parents = Vec::new();
        for item in raw.items {
            let Some(product) = read_product(item, &mut page) else {
                continue;
            };
            if product.kind.as_str() == "variable" {
                let id = product.id.as_str().to_owned();
                parents.push(Parent {
                    id,
                    title: product.name.as_str().to_owned(),
                    categories: map::categories(&product),
                });
            }
            page.items.extend(map::listing(&product, None, currency));
        }
        if !is_last || !parents.is_empty() {
            // The number of a page beyond the last is harmless: the shop answers with an empty one.
            let next = Place {
                products: number + 1,
                parents,
                variations: 1,
            };
            page.next = Some(json!(next).to_string());
        }
        Ok(page)
    }

    async fn variations(
        &self,
        mut place: Place,
        parent: &Parent,
        currency: Option<Currency>,
    ) -> Result<Page<ListingSnapshot>, ChannelError> {
        let Some(id) = Id::parse(&parent.id) else {
            let reason = "the page is none of ours";
            return Err(ChannelError::rejected("read variations", reason));
        };
        let mut page = empty_page();
        let is_last = match self.api.variations(&id, place.variations).await {
            Ok(raw) => {
                let last = raw.items.is_empty()
                    || raw.pages.is_some_and(|pages| place.variations >= pages);
                for item in raw.items {
                    if let Some(variation) = read_product(item, &mut page) {
                        let named = Some((&id, parent.title.as_str()));
                        let listing = map::listing(&variation, named, currency);
                        page.items.extend(listing.map(|listing| ListingSnapshot {
                            categories: parent.categories.clone(),
                            ..listing
                        }));
                    }
                }
                last
            }
            // The parent was deleted while we read.
            Err(error) if error.kind == ErrorKind::Gone => true,
            Err(error) => return Err(error),
        };
        match is_last {
            true => {
                place.parents.remove(0);
                place.variations = 1;
            }
            false => place.variations += 1,
        }
        page.next = Some(json!(place).to_string());
        Ok(page)
    }

    /// The shop's currency, asked for once. A key that may not read settings reads no prices.
    async fn currency(&self) -> Result<Option<Currency>, ChannelError> {
        if let Some(currency) = self.known_currency() {
            return Ok(Some(currency));
        }
        let read: Result<wire::Setting, _> = self
            .api
            .get(
                "read the shop's currency",
                "wc/v3/settings/general/woocommerce_currency",
                &[],
            )
            .await;
        let setting = match read {
            Ok(setting) => setting,
            Err(error) => {
                return match error.kind {
                    ErrorKind::Retry { .. } | ErrorKind::Throttled { .. } => Err(error),
                    ErrorKind::Unauthorized { .. }
                    | ErrorKind::Gone
                    | ErrorKind::Rejected { .. }
                    | ErrorKind::Ambiguous { .. }
                    | ErrorKind::Malformed { .. } => Ok(None),
                };
            }
        };
        let currency = Currency::new(setting.value.as_str()).ok();
        if let Some(currency) = currency {
            self.remember_currency(currency);
        }
        Ok(currency)
    }
}

fn empty_page() -> Page<ListingSnapshot> {
    Page {
        items: Vec::new(),
        malformed: Vec::new(),
        next: None,
    }
}

fn read_product(item: Value, page: &mut Page<ListingSnapshot>) -> Option<wire::Product> {
    match wire::Product::deserialize(&item) {
        Ok(product) => Some(product),
        Err(error) => {
            page.malformed.push(Malformed {
                external_id: item.get("id").map(Value::to_string),
                reason: error.to_string(),
                raw: item.to_string(),
            });
            None
        }
    }
}

#[async_trait::async_trait]
impl ReadStock for Woo {
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let mut groups: BTreeMap<Option<Id>, Vec<Id>> = BTreeMap::new();
        for listing in listings {
            if let Some((parent, id)) = map::split_listing(listing) {
                groups.entry(parent).or_default().push(id);
            }
        }
        let mut levels = Vec::new();
        for (parent, mut ids) in groups {
            ids.sort();
            ids.dedup();
            for chunk in ids.chunks(PAGE_SIZE) {
                let products = match self.api.levels(parent.as_ref(), chunk).await {
                    Ok(products) => products,
                    // The parent is gone, and its variations with it: they are unknown there.
                    Err(error) if error.kind == ErrorKind::Gone => continue,
                    Err(error) => return Err(error),
                };
                for product in products.iter().filter(|p| chunk.contains(&p.id)) {
                    let listing = match &parent {
                        Some(parent) => map::variation_id(parent, &product.id),
                        None => ListingId::new(product.id.as_str()),
                    };
                    levels.push(map::level_snapshot(listing, product));
                }
            }
        }
        Ok(levels)
    }
}

/// The targets of one call: everything below one parent, or everything that has none.
type Group = (Option<Id>, Vec<(ListingId, Id, i64)>);

#[async_trait::async_trait]
impl PushStock for Woo {
    async fn push(
        &self,
        targets: &[StockTarget],
        _key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let (calls, mut acks) = group(targets);
        let is_single = calls.len() == 1;
        let mut is_touched = false;
        let mut is_stopped = false;
        for (parent, items) in calls {
            if is_stopped {
                acks.extend(all(&items, &Ack::Ambiguous));
                continue;
            }
            match self.write_levels(parent.as_ref(), &items).await {
                Ok(written) => acks.extend(written),
                Err(error) => {
                    let (ack, ends_push) = ack_of(&error.kind);
                    // With nothing written before it, the whole push failed, in the shop's own way.
                    let is_whole = is_single && error.kind != ErrorKind::Gone;
                    if is_whole || (ends_push && !is_touched) {
                        return Err(error);
                    }
                    acks.extend(all(&items, &ack));
                    is_stopped = ends_push;
                }
            }
            is_touched = true;
        }
        Ok(acks)
    }
}

impl Woo {
    async fn write_levels(
        &self,
        parent: Option<&Id>,
        items: &[(ListingId, Id, i64)],
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        let updates: Vec<Value> = items
            .iter()
            .map(|(_, id, level)| {
                json!({ "id": id.number(), "manage_stock": true, "stock_quantity": level })
            })
            .collect();
        let body = json!({ "update": updates });
        let batch = self.api.update_products(parent, &body).await?;
        Ok(items
            .iter()
            .map(|(listing, id, level)| {
                let answer = batch.update.iter().find(|product| product.id == *id);
                (listing.clone(), ack(answer, *level))
            })
            .collect())
    }
}

/// What the shop says of one item of a batch.
pub(super) fn ack(answer: Option<&wire::Product>, level: i64) -> Ack {
    let Some(product) = answer else {
        return Ack::Ambiguous;
    };
    if let Some(refusal) = &product.error {
        return Ack::Rejected {
            reason: refusal.sentence(),
        };
    }
    match map::level(product) {
        Some(shown) if shown == Decimal::whole(level) => Ack::Applied { reference: None },
        Some(shown) => Ack::Conflict {
            observed: Some(shown),
        },
        None => Ack::Rejected {
            reason: "the shop counts no stock for it; is stock management switched off in its \
                     settings?"
                .to_owned(),
        },
    }
}

/// Sorts targets into calls; what no call can carry is answered at once.
fn group(targets: &[StockTarget]) -> (Vec<Group>, Vec<(ListingId, Ack)>) {
    let mut groups: BTreeMap<Option<Id>, Vec<(ListingId, Id, i64)>> = BTreeMap::new();
    let mut acks = Vec::new();
    for target in targets {
        let listing = target.listing.clone();
        let reject = |reason: &str| Ack::Rejected {
            reason: reason.to_owned(),
        };
        match (map::split_listing(&listing), target.quantity.to_whole()) {
            (None, _) => acks.push((listing, reject("the shop has no listing by such an id"))),
            (_, None) => acks.push((listing, reject("WooCommerce counts whole units only"))),
            (Some((parent, id)), Some(level)) => {
                groups.entry(parent).or_default().push((listing, id, level));
            }
        }
    }
    let mut calls: Vec<Group> = Vec::new();
    for (parent, items) in groups {
        for chunk in items.chunks(super::BATCH_MAX) {
            calls.push((parent.clone(), chunk.to_vec()));
        }
    }
    (calls, acks)
}

fn all(items: &[(ListingId, Id, i64)], ack: &Ack) -> Vec<(ListingId, Ack)> {
    let each = items.iter();
    each.map(|(listing, _, _)| (listing.clone(), ack.clone()))
        .collect()
}

/// What a failed call means for its items, and whether the calls after it are useless. An item that
/// was not sent is `Ambiguous` too: it is read back before it is tried again.
fn ack_of(kind: &ErrorKind) -> (Ack, bool) {
    match kind {
        ErrorKind::Retry { .. }
        | ErrorKind::Throttled { .. }
        | ErrorKind::Unauthorized { .. }
        | ErrorKind::Malformed { .. } => (Ack::Ambiguous, true),
        ErrorKind::Ambiguous { .. } => (Ack::Ambiguous, false),
        ErrorKind::Gone => {
            let reason = "the shop does not know the parent product any more".to_owned();
            (Ack::Rejected { reason }, false)
        }
        ErrorKind::Rejected { reason } => (
            Ack::Rejected {
                reason: reason.clone(),
            },
            false,
        ),
    }
}
