//! A twin of eBay, written from its official descriptions: Fulfillment v1, Inventory v1,
//! Notification v1, OAuth, and the part of Post-Order that cancels.
//!
//! It keeps its own truth. Two numbers stand behind each level, the item's and the offer's, and
//! buyers see the smaller one. What takes eBay a while takes a while here: refunds and cancellations
//! settle a moment after they were accepted. eBay sells goods only, so a shop's services are not
//! offered here.
//!
//! It must never read a clock, and take chance only from the shop's seed.

mod acts;
mod api;
mod cancellation;
mod fulfillment;
mod hooks;
mod inventory;
mod notifications;
mod oauth;
mod orders;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use domain::{Currency, Sku, Time};
use serde_json::json;

use crate::{
    Act, Delivery, Done, LevelWrite, Refused, Request, Response, Shop, Truth, Twin,
    ebay::{hooks::Hooks, inventory::Item, oauth::Oauth, orders::Order},
    shop::ProductKind,
};

/// How long a refund or a cancellation is on its way.
const SETTLES: Duration = Duration::from_millis(1_500);

/// One seller on eBay.
struct Ebay {
    shop: Shop,
    currency: Currency,
    rng: fastrand::Rng,
    oauth: Oauth,
    items: BTreeMap<String, Item>,
    orders: Vec<Order>,
    hooks: Hooks,
    level_writes: Vec<LevelWrite>,
    restocks: Vec<LevelWrite>,
    writes: u64,
    requests: u64,
}

/// Opens a seller whose refresh token lives on, as eBay's do.
pub fn open(shop: Shop) -> Box<dyn Twin> {
    Box::new(Ebay::new(shop, false))
}

/// Opens a seller whose refresh token is replaced with every use; the old one dies when the new one
/// is first used.
pub fn open_rotating(shop: Shop) -> Box<dyn Twin> {
    Box::new(Ebay::new(shop, true))
}

impl Ebay {
    fn new(shop: Shop, rotates: bool) -> Ebay {
        let mut rng = fastrand::Rng::with_seed(shop.seed);
        let currency = shop.products.first().map_or_else(
            || Currency::new("USD").expect("the dollar is a currency"),
            |product| product.price.currency(),
        );
        let mut items = BTreeMap::new();
        let mut listings: BTreeMap<String, String> = BTreeMap::new();
        for product in &shop.products {
            let parent = match &product.kind {
                ProductKind::Simple => None,
                ProductKind::Variation { parent } => Some(parent.clone()),
                ProductKind::Service => continue,
            };
            let group = parent.clone().unwrap_or_else(|| product.sku.to_string());
            let listing = listings
                .entry(group)
                .or_insert_with(|| digits(&mut rng, 12))
                .clone();
            let item = Item::new(product, parent, listing, &mut rng);
            items.insert(product.sku.to_string(), item);
        }
        Ebay {
            oauth: Oauth::new(&shop.name, rotates, &mut rng),
            hooks: Hooks::new(&shop),
            shop,
            currency,
            rng,
            items,
            orders: Vec::new(),
            level_writes: Vec::new(),
            restocks: Vec::new(),
            writes: 0,
            requests: 0,
        }
    }

    /// What had to take its time and is over now.
    fn settle(&mut self, now: Time) {
        for order in &mut self.orders {
            for (sku, units) in order.settle(now) {
                if let Some(item) = self.items.get_mut(&sku) {
                    self.restocks.push(item.give_back(units, now));
                }
            }
        }
    }
}

impl Twin for Ebay {
    fn channel(&self) -> &'static str {
        "ebay"
    }

    fn settings(&self) -> serde_json::Value {
        json!({
            "api_url": self.shop.api_url,
            "client_id": self.oauth.client_id(),
            "client_secret": self.oauth.client_secret(),
            "refresh_token": self.oauth.first_refresh_token(),
            "marketplace_id": "EBAY_US",
            "verification_token": self.hooks.verification_token(),
            "endpoint_url": self.shop.hook_url,
            "alert_email": "alerts@example.com",
        })
    }

    fn handle(&mut self, request: &Request, now: Time) -> Response {
        self.requests += 1;
        self.settle(now);
        self.route(request, now)
    }

    fn take_deliveries(&mut self, now: Time) -> Vec<Delivery> {
        self.settle(now);
        self.hooks.take(now)
    }

    fn delivered(&mut self, delivery: u64, status: Option<u16>, now: Time) {
        self.hooks.delivered(delivery, status, now);
    }

    fn next_delivery_at(&self) -> Option<Time> {
        self.hooks.next_at()
    }

    fn act(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        self.settle(now);
        self.carry_out(act, now)
    }

    fn levels(&self) -> BTreeMap<Sku, i64> {
        let items = self.items.values();
        items
            .map(|item| (item.sku().clone(), item.shown()))
            .collect()
    }

    fn truth(&self) -> Truth {
        Truth {
            orders: self.orders.iter().map(Order::truth).collect(),
            levels: self.levels(),
            level_writes: self.level_writes.clone(),
            restocks: self.restocks.clone(),
            writes: self.writes,
            requests: self.requests,
        }
    }

    fn throttled(&self) -> Response {
        *api::refuse(
            429,
            api::Refusal::new(2001, "ACCESS", "REQUEST", "Too many requests.")
                .with("limit", "5000"),
        )
    }

    fn expire_tokens(&mut self) {
        self.oauth.expire_access_tokens();
    }
}

/// So many random digits, the first of them not zero.
fn digits(rng: &mut fastrand::Rng, length: usize) -> String {
    (0..length)
        .map(|index| char::from(rng.u8(if index == 0 { b'1'..=b'9' } else { b'0'..=b'9' })))
        .collect()
}

/// So many random hexadecimal digits.
fn hex(rng: &mut fastrand::Rng, length: usize) -> String {
    (0..length).map(|_| rng.digit(16)).collect()
}

/// A time as eBay writes it: UTC, always with three digits of milliseconds.
fn stamp(time: Time) -> String {
    let millis = time.millis().rem_euclid(1000);
    format!("{}.{millis:03}Z", time.to_naive_utc())
}
