//! Listings and levels, through the Inventory API.
//!
//! A listing's id here is its SKU: order lines name nothing else that leads to an offer. The offer
//! ids that a push needs are read with the levels and remembered; after a restart they are read again.
//!
//! A push sets both numbers of which buyers see the smaller one, and nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use channel::{
    Ack, ChannelError, ErrorKind, Malformed, Page, PullListings, PushStock, ReadStock, StockTarget,
};
use domain::{
    ListingId,
    snapshot::{LevelSnapshot, ListingSnapshot},
};
use serde_json::{Value, json};

use crate::ebay::{Ebay, api, map, wire};

/// How many listings one call writes or reads.
pub(super) const BATCH_MAX: usize = 25;
/// How many items a page of listings has. eBay allows 200, but each needs a call for its offers, and
/// a page that fails half way begins again.
const ITEMS_PER_PAGE: u32 = 50;
/// No list of items is read further than this many pages.
const PAGES_MAX: u32 = 20_000;
/// How many SKUs' offers are remembered; more than one seller's active listings.
const OFFERS_MAX: usize = 200_000;
/// eBay's error for an offer that is not, or no longer, there.
const NO_OFFER: &str = "25713";
/// The longest SKU that eBay takes, in characters.
const SKU_MAX: usize = 50;

/// The live offers of each SKU, as last read.
#[derive(Default)]
pub(super) struct OfferCache {
    ids: Mutex<BTreeMap<String, Vec<String>>>,
}

impl OfferCache {
    fn get(&self, sku: &str) -> Option<Vec<String>> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.get(sku).cloned()
    }

    fn set(&self, sku: &str, offers: Vec<String>) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() >= OFFERS_MAX && !ids.contains_key(sku) {
            ids.clear();
        }
        ids.insert(sku.to_owned(), offers);
    }
}

#[async_trait]
impl PullListings for Ebay {
    async fn pull(&self, page: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError> {
        let number = match page {
            Some(page) => page
                .parse::<u32>()
                .map_err(|_| ChannelError::malformed("read listings", "the page is no number"))?,
            None => 0,
        };
        let answer = self.api.inventory_items(number, ITEMS_PER_PAGE).await?;
        let next = api::offset_of(answer.next.as_deref())
            .filter(|next| *next > number && *next <= PAGES_MAX);
        let mut page = Page {
            items: Vec::new(),
            malformed: Vec::new(),
            next: next.map(|next| next.to_string()),
        };
        for value in answer.inventory_items {
            match self.listing(&value).await? {
                Ok(listing) => page.items.push(listing),
                Err(reason) => page.malformed.push(Malformed {
                    external_id: value.get("sku").and_then(Value::as_str).map(str::to_owned),
                    reason,
                    raw: value.to_string(),
                }),
            }
        }
        Ok(page)
    }
}

#[async_trait]
impl ReadStock for Ebay {
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let mut levels = Vec::new();
        let skus: Vec<&str> = listings
            .iter()
            .map(ListingId::as_str)
            .filter(|sku| is_sku(sku))
            .collect();
        for chunk in skus.chunks(BATCH_MAX) {
            let answer = self.api.items_by_sku(chunk).await?;
            for item in answer.responses {
                let (Some(sku), Some(found)) = (item.sku, item.inventory_item) else {
                    continue;
                };
                if item.status_code != 200 || !chunk.contains(&sku.0.as_str()) {
                    continue;
                }
                let offers = self.live_offers(&sku.0).await?;
                let level = map::level(found.availability.as_ref(), &offers)
                    .map_err(|reason| ChannelError::malformed("read stock", reason))?;
                levels.push(LevelSnapshot {
                    listing: ListingId::new(sku.0),
                    level,
                    changed_at: None,
                });
            }
        }
        Ok(levels)
    }
}

#[async_trait]
impl PushStock for Ebay {
    async fn push(
        &self,
        targets: &[StockTarget],
        _key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError> {
        if targets.len() > BATCH_MAX {
            return Err(ChannelError::rejected(
                "push stock",
                format!("at most {BATCH_MAX} listings can be written at once"),
            ));
        }
        let mut acks: BTreeMap<String, Ack> = BTreeMap::new();
        let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
        for target in targets {
            let sku = target.listing.as_str().to_owned();
            match quantity(target) {
                Ok(quantity) => {
                    wanted.insert(sku, quantity);
                }
                Err(reason) => {
                    acks.insert(sku, Ack::Rejected { reason });
                }
            }
        }
        let answers = self.update(&wanted).await?;
        // An offer that was ended and made anew has another id: look once, and write to that.
        let stale: BTreeMap<String, i64> = wanted
            .iter()
            .filter(|(sku, _)| answers.get(*sku).is_some_and(|answers| is_stale(answers)))
            .map(|(sku, quantity)| (sku.clone(), *quantity))
            .collect();
        for sku in stale.keys() {
            self.live_offers(sku).await?;
        }
        let again = self.update(&stale).await?;
        for sku in wanted.keys() {
            let answers = again.get(sku).or_else(|| answers.get(sku));
            acks.insert(sku.clone(), ack(answers.map_or(&[], Vec::as_slice)));
        }
        Ok(targets
            .iter()
            .map(|target| {
                let ack = acks.get(target.listing.as_str());
                (
                    target.listing.clone(),
                    ack.cloned().unwrap_or(Ack::Ambiguous),
                )
            })
            .collect())
    }
}

impl Ebay {
    async fn listing(
        &self,
        value: &Value,
    ) -> Result<Result<ListingSnapshot, String>, ChannelError> {
        let item = match serde_json::from_value::<wire::Item>(value.clone()) {
            Ok(item) if is_sku(&item.sku.0) => item,
            Ok(_) => return Ok(Err("the item has no usable SKU".to_owned())),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let offers = self.live_offers(&item.sku.0).await?;
        Ok(map::listing(&item, &offers))
    }

    /// The offers of a SKU, read now; the ids of the live ones are remembered for the next push.
    async fn live_offers(&self, sku: &str) -> Result<Vec<wire::Offer>, ChannelError> {
        let offers = match self.api.offers(sku).await {
            Ok(page) => page.offers,
            // An item that was never offered is no mistake.
            Err(error) if error.kind == ErrorKind::Gone => Vec::new(),
            Err(error) => return Err(error),
        };
        let live = offers.iter().filter(|offer| map::is_live(offer));
        self.offers
            .set(sku, live.map(|offer| offer.offer_id.0.clone()).collect());
        Ok(offers)
    }

    /// Writes these quantities and sorts the answers by SKU.
    async fn update(
        &self,
        wanted: &BTreeMap<String, i64>,
    ) -> Result<BTreeMap<String, Vec<wire::UpdateAnswer>>, ChannelError> {
        let mut answers: BTreeMap<String, Vec<wire::UpdateAnswer>> = BTreeMap::new();
        if wanted.is_empty() {
            return Ok(answers);
        }
        let mut requests = Vec::new();
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for (sku, quantity) in wanted {
            let offers = match self.offers.get(sku) {
                Some(offers) => offers,
                None => {
                    self.live_offers(sku).await?;
                    self.offers.get(sku).unwrap_or_default()
                }
            };
            requests.push(self.update_request(sku, *quantity, &offers));
            owners.extend(offers.into_iter().map(|offer| (offer, sku.as_str())));
        }
        for answer in self.api.update_quantities(requests).await?.responses {
            let named = answer.sku.as_ref().map(|sku| sku.0.as_str());
            let owner = || Some(*owners.get(&answer.offer_id.as_ref()?.0)?);
            if let Some(sku) = named.or_else(owner) {
                answers
                    .entry(sku.to_owned())
                    .or_default()
                    .push(answer.clone());
            }
        }
        Ok(answers)
    }

    fn update_request(&self, sku: &str, quantity: i64, offers: &[String]) -> Value {
        let mut ship_to = json!({ "quantity": quantity });
        if let Some(location) = &self.merchant_location_key {
            ship_to["availabilityDistributions"] =
                json!([{ "merchantLocationKey": location, "quantity": quantity }]);
        }
        let mut request = json!({ "sku": sku, "shipToLocationAvailability": ship_to });
        if !offers.is_empty() {
            request["offers"] = offers
                .iter()
                .map(|offer| json!({ "offerId": offer, "availableQuantity": quantity }))
                .collect();
        }
        request
    }
}

fn is_sku(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= SKU_MAX && !text.chars().any(char::is_control)
}

/// What to write for a target, or why it cannot be.
fn quantity(target: &StockTarget) -> Result<i64, String> {
    if !is_sku(target.listing.as_str()) {
        return Err(format!("eBay takes SKUs of 1 to {SKU_MAX} characters"));
    }
    match target.quantity.to_whole() {
        Some(units @ 0..=2_147_483_647) => Ok(units),
        Some(_) | None => Err(format!(
            "eBay counts whole units from 0, not {}",
            target.quantity
        )),
    }
}

/// Whether nothing but an unknown offer stood in the way.
fn is_stale(answers: &[wire::UpdateAnswer]) -> bool {
    answers
        .iter()
        .any(|answer| answer.errors.iter().any(|error| error.is(NO_OFFER)))
}

/// One acknowledgement for an item and all of its offers.
fn ack(answers: &[wire::UpdateAnswer]) -> Ack {
    let is_done = |answer: &wire::UpdateAnswer| (200..300).contains(&answer.status_code);
    let is_refused = |answer: &wire::UpdateAnswer| (400..500).contains(&answer.status_code);
    if answers.is_empty() {
        return Ack::Ambiguous;
    }
    if answers.iter().all(is_done) {
        return Ack::Applied { reference: None };
    }
    if !answers.iter().all(is_refused) {
        // One number is written and the other may not be, or eBay stumbled: read it back.
        return Ack::Ambiguous;
    }
    let errors: Vec<wire::Error> = answers
        .iter()
        .flat_map(|answer| answer.errors.iter().cloned())
        .collect();
    let seen: BTreeSet<u16> = answers.iter().map(|answer| answer.status_code).collect();
    Ack::Rejected {
        reason: if errors.is_empty() {
            format!("status {seen:?}")
        } else {
            wire::sentence(&errors)
        },
    }
}
