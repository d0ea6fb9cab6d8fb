//! The Inventory API: items and offers, read in pages, and levels set in batches.

use domain::{Money, Sku, Time};
use serde_json::{Value, json};

use crate::{
    LevelWrite, Product, Response,
    ebay::{
        Ebay,
        api::{self, Asked, No, Refusal, amount},
        digits,
    },
};

const SCOPES: [&str; 1] = ["sell.inventory"];
const LIMIT_DEFAULT: usize = 25;
const LIMIT_MAX: usize = 200;
const BULK_MAX: usize = 25;
const PLACE: &str = "warehouse";
/// What eBay has below this API, and this seller has not.
const ELSEWHERE: [&str; 9] = [
    "bulk_create_offer",
    "bulk_create_or_replace_inventory_item",
    "bulk_migrate_listing",
    "bulk_publish_offer",
    "inventory_item",
    "inventory_item_group",
    "listing",
    "location",
    "offer",
];
const REVISIONS_PER_DAY: u32 = 250;

/// An inventory item and its one offer, published as a listing of fixed price.
pub(super) struct Item {
    sku: Sku,
    title: String,
    price: Money,
    parent: Option<String>,
    ean: String,
    pub(super) listing: String,
    pub(super) variation: Option<String>,
    /// What the seller has to ship, across all marketplaces.
    quantity: i64,
    offer_id: String,
    /// What the offer may sell.
    available: i64,
    sold: i64,
    /// The day and how often the listing was revised on it.
    revised: (i64, u32),
    /// Whether it cannot be revised at all.
    pub(super) is_locked: bool,
}

impl Item {
    pub(super) fn new(
        product: &Product,
        parent: Option<String>,
        listing: String,
        rng: &mut fastrand::Rng,
    ) -> Item {
        Item {
            sku: product.sku.clone(),
            title: product.title.clone(),
            price: product.price,
            variation: parent.is_some().then(|| digits(rng, 12)),
            parent,
            ean: digits(rng, 13),
            listing,
            quantity: product.level.max(0),
            offer_id: digits(rng, 10),
            available: product.level.max(0),
            sold: 0,
            revised: (0, 0),
            is_locked: false,
        }
    }

    pub(super) fn sku(&self) -> &Sku {
        &self.sku
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn price(&self) -> Money {
        self.price
    }

    /// What buyers see: the smaller of the two numbers.
    pub(super) fn shown(&self) -> i64 {
        self.quantity.min(self.available)
    }

    /// Takes units off both numbers.
    pub(super) fn sell(&mut self, units: u32) {
        self.quantity -= i64::from(units);
        self.available -= i64::from(units);
        self.sold += i64::from(units);
    }

    /// Puts units of a canceled order back.
    pub(super) fn give_back(&mut self, units: u32, now: Time) -> LevelWrite {
        let from = self.shown();
        self.quantity += i64::from(units);
        self.available += i64::from(units);
        self.sold -= i64::from(units);
        LevelWrite {
            sku: self.sku.clone(),
            from,
            to: self.shown(),
            at: now,
        }
    }

    /// Staff set the level on the site.
    pub(super) fn set(&mut self, level: i64) {
        self.quantity = level;
        self.available = level;
    }

    fn to_json(&self) -> Value {
        let mut item = json!({
            "sku": self.sku.as_str(),
            "locale": "en_US",
            "condition": "NEW",
            "product": { "title": self.title, "ean": [self.ean], "imageUrls": [] },
            "availability": { "shipToLocationAvailability": { "quantity": self.quantity } },
        });
        if let Some(parent) = &self.parent {
            item["groupIds"] = json!([parent]);
            item["inventoryItemGroupKeys"] = json!([parent]);
        }
        item
    }

    fn offer(&self) -> Value {
        let status = if self.shown() > 0 {
            "ACTIVE"
        } else {
            "OUT_OF_STOCK"
        };
        json!({
            "sku": self.sku.as_str(),
            "offerId": self.offer_id,
            "marketplaceId": "EBAY_US",
            "format": "FIXED_PRICE",
            "availableQuantity": self.available,
            "pricingSummary": { "price": amount(self.price) },
            "listingDuration": "GTC",
            "status": "PUBLISHED",
            "listing": {
                "listingId": self.listing,
                "listingStatus": status,
                "soldQuantity": self.sold,
            },
        })
    }
}

/// What one element of a batch is to do, after everything in it was checked.
struct Update {
    quantity: Option<i64>,
    offer: Option<(String, Option<i64>)>,
}

impl Ebay {
    pub(super) fn inventory(
        &mut self,
        asked: &Asked<'_>,
        path: &[&str],
        now: Time,
    ) -> Result<Response, No> {
        let grant = self.granted(asked, &SCOPES, now)?;
        if !grant.is_seller {
            return Err(Box::new(api::empty(403)));
        }
        match (asked.method.as_str(), path) {
            ("GET", ["inventory_item"]) => self.list_items(asked),
            ("GET", ["inventory_item", sku]) => match self.items.get(*sku) {
                Some(item) => Ok(api::answer(200, &item.to_json())),
                None => Err(api::refuse(404, unknown_sku(sku))),
            },
            ("POST", ["bulk_get_inventory_item"]) => self.bulk_get(asked),
            ("GET", ["offer"]) => self.list_offers(asked),
            ("GET", ["offer", id]) => {
                let item = self.items.values().find(|item| item.offer_id == *id);
                item.map(|item| api::answer(200, &item.offer()))
                    .ok_or_else(|| api::refuse(404, no_offer(id)))
            }
            ("PUT", ["inventory_item", sku]) => self.replace_item(asked, sku, now),
            ("PUT", ["offer", id]) => self.replace_offer(asked, id, now),
            ("POST", ["bulk_update_price_quantity"]) => self.bulk_update(asked, now),
            ("GET", ["location"]) => {
                let places = [place()];
                let body = json!({ "total": 1, "limit": 100, "offset": 0, "locations": places });
                Ok(api::answer(200, &body))
            }
            ("GET", ["location", PLACE]) => Ok(api::answer(200, &place())),
            ("GET", ["location", key]) => {
                let refusal = Refusal::inventory(25_804, "Input error. The location is unknown.");
                Err(api::refuse(404, refusal.with("merchantLocationKey", key)))
            }
            (_, [family, ..]) if ELSEWHERE.contains(family) => Err(api::not_here(&path.join("/"))),
            _ => Err(api::not_found()),
        }
    }

    /// Here `offset` counts pages.
    fn list_items(&self, asked: &Asked<'_>) -> Result<Response, No> {
        let number = |name: &str, default: usize| {
            let text = asked.parameter(name);
            text.map_or(Ok(default), |text| {
                text.parse::<usize>().map_err(|_| {
                    let refusal =
                        Refusal::inventory(25_706, "You have provided invalid pagination values.");
                    api::refuse(400, refusal.with(name, text))
                })
            })
        };
        let (limit, page) = (number("limit", LIMIT_DEFAULT)?, number("offset", 0)?);
        if !(1..=LIMIT_MAX).contains(&limit) {
            let refusal =
                Refusal::inventory(25_706, "You have provided invalid pagination values.");
            return Err(api::refuse(400, refusal));
        }
        let items: Vec<Value> = self
            .items
            .values()
            .skip(page.saturating_mul(limit))
            .take(limit)
            .map(Item::to_json)
            .collect();
        let link =
            |page: usize| format!("/sell/inventory/v1/inventory_item?limit={limit}&offset={page}");
        let mut body = json!({
            "href": link(page),
            "limit": limit,
            "size": self.items.len().div_ceil(limit),
            "total": self.items.len(),
            "inventoryItems": items,
        });
        if page.saturating_add(1).saturating_mul(limit) < self.items.len() {
            body["next"] = json!(link(page + 1));
        }
        Ok(api::answer(200, &body))
    }

    fn bulk_get(&self, asked: &Asked<'_>) -> Result<Response, No> {
        let body = asked.json()?;
        let requests = batch(&body)?;
        let mut is_mixed = false;
        let mut responses = Vec::new();
        for request in requests {
            let sku = request
                .get("sku")
                .and_then(Value::as_str)
                .unwrap_or_default();
            responses.push(match self.items.get(sku) {
                Some(item) => {
                    json!({ "statusCode": 200, "sku": sku, "inventoryItem": item.to_json() })
                }
                None => {
                    is_mixed = true;
                    json!({ "statusCode": 404, "sku": sku, "errors": [unknown_sku(sku).to_json()] })
                }
            });
        }
        let status = if is_mixed { 207 } else { 200 };
        Ok(api::answer(status, &json!({ "responses": responses })))
    }

    fn list_offers(&self, asked: &Asked<'_>) -> Result<Response, No> {
        let Some(sku) = asked.parameter("sku") else {
            let refusal = Refusal::inventory(25_709, "Invalid value for sku.");
            return Err(api::refuse(400, refusal));
        };
        let item = self
            .items
            .get(sku)
            .ok_or_else(|| api::refuse(404, no_offer(sku)))?;
        let body = json!({ "total": 1, "size": 1, "limit": 100, "offers": [item.offer()] });
        Ok(api::answer(200, &body))
    }

    fn bulk_update(&mut self, asked: &Asked<'_>, now: Time) -> Result<Response, No> {
        let body = asked.json()?;
        let mut responses = Vec::new();
        let mut changed = false;
        let mut refused = false;
        for request in batch(&body)? {
            let named = request.get("sku").and_then(Value::as_str);
            let sku = named.or_else(|| self.owner_of_offer(request));
            let sku = sku.unwrap_or_default().to_owned();
            match self.check_update(request, &sku, now) {
                Ok(update) => {
                    changed |= self.carry_out_update(&sku, &update, now);
                    let mut response = json!({ "statusCode": 200, "sku": sku });
                    if let Some((offer, available)) = &update.offer {
                        response["offerId"] = json!(offer);
                        if *available == Some(0) {
                            let warning = "The listing is out of stock and stays hidden.";
                            let warning = Refusal::inventory(25_402, warning);
                            response["warnings"] = json!([warning.to_json()]);
                        }
                    }
                    responses.push(response);
                }
                Err((status, refusal)) => {
                    refused = true;
                    let mut response =
                        json!({ "statusCode": status, "sku": sku, "errors": [refusal.to_json()] });
                    if let Some(offer) = request.pointer("/offers/0/offerId") {
                        response["offerId"] = offer.clone();
                    }
                    responses.push(response);
                }
            }
        }
        self.writes += u64::from(changed);
        let status = if refused { 207 } else { 200 };
        Ok(api::answer(status, &json!({ "responses": responses })))
    }

    /// Replaces a record whole: what is not in the body is gone, the quantity as well.
    fn replace_item(&mut self, asked: &Asked<'_>, sku: &str, now: Time) -> Result<Response, No> {
        let body = asked.json()?;
        need_language(asked)?;
        if !self.items.contains_key(sku) {
            return Err(api::not_here("way to make an inventory item"));
        }
        let pointer = "/availability/shipToLocationAvailability/quantity";
        let quantity = body.pointer(pointer).cloned().unwrap_or(json!(0));
        let request = json!({ "shipToLocationAvailability": { "quantity": quantity } });
        self.revise(sku, &request, now)?;
        let title = body.pointer("/product/title").and_then(Value::as_str);
        if let (Some(item), Some(title)) = (self.items.get_mut(sku), title) {
            title.clone_into(&mut item.title);
        }
        Ok(api::empty(204))
    }

    /// Replaces an offer whole.
    fn replace_offer(&mut self, asked: &Asked<'_>, id: &str, now: Time) -> Result<Response, No> {
        let body = asked.json()?;
        need_language(asked)?;
        let item = self.items.values().find(|item| item.offer_id == id);
        let item = item.ok_or_else(|| api::refuse(404, no_offer(id)))?;
        let sku = item.sku.as_str().to_owned();
        let offer = json!({ "offerId": id, "availableQuantity": body["availableQuantity"] });
        self.revise(&sku, &json!({ "offers": [offer] }), now)?;
        Ok(api::answer(200, &json!({ "offerId": id })))
    }

    /// Carries out one element of a batch on its own.
    fn revise(&mut self, sku: &str, request: &Value, now: Time) -> Result<(), No> {
        let update = self.check_update(request, sku, now);
        let update = update.map_err(|(status, refusal)| api::refuse(status, refusal))?;
        self.writes += u64::from(self.carry_out_update(sku, &update, now));
        Ok(())
    }

    fn owner_of_offer(&self, request: &Value) -> Option<&str> {
        let offer = request.pointer("/offers/0/offerId")?.as_str()?;
        let item = self.items.values().find(|item| item.offer_id == offer)?;
        Some(item.sku.as_str())
    }

    /// What an element of a batch wants, if all of it is allowed.
    fn check_update(
        &self,
        request: &Value,
        sku: &str,
        now: Time,
    ) -> Result<Update, (u16, Refusal)> {
        let item = self.items.get(sku).ok_or((404, unknown_sku(sku)))?;
        let bad = |field: &str| {
            let message = format!("Invalid value for {field}.");
            (
                400,
                Refusal::inventory(25_709, message).with("field", field),
            )
        };
        let count = |value: &Value, field: &str| {
            let units = value
                .as_i64()
                .filter(|units| (0..=1_000_000).contains(units));
            units.ok_or_else(|| bad(field))
        };
        let quantity = request
            .pointer("/shipToLocationAvailability/quantity")
            .map(|value| count(value, "quantity"))
            .transpose()?;
        let offers = request.get("offers").and_then(Value::as_array);
        let offer = match offers.map(Vec::as_slice) {
            None | Some([]) => None,
            Some([offer]) => {
                let id = offer.get("offerId").and_then(Value::as_str);
                let id = id.ok_or_else(|| bad("offerId"))?;
                if id != item.offer_id {
                    return Err((400, no_offer(id)));
                }
                let available = offer
                    .get("availableQuantity")
                    .map(|value| count(value, "availableQuantity"))
                    .transpose()?;
                if available.is_none() && offer.get("price").is_none() {
                    return Err(bad("availableQuantity"));
                }
                Some((id.to_owned(), available))
            }
            Some(_) => return Err(bad("offers")),
        };
        if quantity.is_none() && offer.is_none() {
            return Err(bad("shipToLocationAvailability"));
        }
        if item.is_locked {
            let message = "Cannot revise the listing. It is under review.";
            return Err((400, Refusal::inventory(25_019, message)));
        }
        if item.revised == (day(now), REVISIONS_PER_DAY) {
            let message = "Cannot revise the listing. It was revised too often today.";
            return Err((400, Refusal::inventory(25_019, message)));
        }
        Ok(Update { quantity, offer })
    }

    /// Sets what was checked; tells whether that changed anything.
    fn carry_out_update(&mut self, sku: &str, update: &Update, now: Time) -> bool {
        let Some(item) = self.items.get_mut(sku) else {
            return false;
        };
        let before = (item.quantity, item.available);
        let from = item.shown();
        if let Some(quantity) = update.quantity {
            item.quantity = quantity;
        }
        if let Some((_, Some(available))) = update.offer {
            item.available = available;
        }
        let today = day(now);
        item.revised = match item.revised {
            (day, times) if day == today => (day, times + 1),
            _ => (today, 1),
        };
        let to = item.shown();
        if from != to {
            self.level_writes.push(LevelWrite {
                sku: item.sku.clone(),
                from,
                to,
                at: now,
            });
        }
        before != (item.quantity, item.available)
    }
}

/// Writing needs the language that is written in.
fn need_language(asked: &Asked<'_>) -> Result<(), No> {
    match asked.header("content-language") {
        Some(language) if !language.is_empty() => Ok(()),
        Some(_) | None => {
            let message = "Invalid value for header Content-Language.";
            Err(api::refuse(400, Refusal::inventory(25_709, message)))
        }
    }
}

/// The one place that the seller ships from.
fn place() -> Value {
    json!({
        "merchantLocationKey": PLACE,
        "name": "Warehouse",
        "merchantLocationStatus": "ENABLED",
        "locationTypes": ["WAREHOUSE"],
        "location": { "address": { "city": "Springfield", "country": "US" } },
    })
}

fn day(now: Time) -> i64 {
    now.seconds().div_euclid(86_400)
}

fn unknown_sku(sku: &str) -> Refusal {
    let message = format!("{sku} could not be found or is not available in the system.");
    Refusal::inventory(25_702, message).with("sku", sku)
}

fn no_offer(id: &str) -> Refusal {
    Refusal::inventory(25_713, "This Offer is not available.").with("additionalInfo", id)
}

/// The elements of a batch, at least one and not too many.
fn batch(body: &Value) -> Result<&Vec<Value>, No> {
    let requests = body.get("requests").and_then(Value::as_array);
    let requests = requests.filter(|requests| (1..=BULK_MAX).contains(&requests.len()));
    requests.ok_or_else(|| {
        let message = "The number of InventoryItems in the request cannot exceed 25.";
        api::refuse(400, Refusal::inventory(25_727, message))
    })
}
