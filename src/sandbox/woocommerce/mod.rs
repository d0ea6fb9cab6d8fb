//! A WooCommerce shop, version 10.9 or 11.0, as measured on the running software.
//!
//! It keeps to the shop's own time: local times without an offset beside `_gmt` ones, and a poll that
//! mixes the two up misses orders, as in a real shop. Its hooks are signed, wait in a queue, are merged
//! while they wait, are written when they are sent, and are never sent again.
//!
//! What the shop knows of parcels it reads from what staff would see: a customer note that begins with
//! `Shipped`, names the carrier behind `with`, the number behind `tracking number` and the contents as
//! `2 x SKU`; an entry of the tracking extension; a fulfillment; or, without any of these, an order that
//! is completed.
//!
//! It never looks at anything of the connector, and never asks the outside for time or chance.

mod act;
mod api;
mod auth;
mod hooks;
mod order_api;
mod orders;
mod parcels;
mod product_api;
mod refunds;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{Currency, ExternalId, Money, Sku, Time};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Act, Delivery, Done, LevelWrite, ProductKind, Refused, Request, Response, Shop, TrueOrder,
    Truth, Twin,
};
use hooks::Hooks;
use orders::Order;

/// How long a hook waits before it is sent. A real shop's queue is started by WP-Cron once a minute, so
/// there it is up to a minute in a healthy shop; here it is short, so that a demo is worth watching.
pub const HOOK_DELAY: Duration = Duration::from_millis(300);

/// What differs between shops.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which version of WooCommerce runs there.
    pub version: Version,
    /// The shop's own time: minutes east of Greenwich.
    pub zone_minutes: i64,
    /// Tax on top of every price, in percent.
    pub tax_percent: i64,
    /// What becomes of an order that is not paid at once.
    pub unpaid: Unpaid,
    /// Whether buyers who come within one second are all sold the same units, which real shops do when
    /// there is a rush.
    pub oversells: bool,
    /// How long a hook waits before it is sent.
    pub hook_delay: Duration,
    /// Whether the Shipment Tracking extension is installed.
    pub has_shipment_tracking: bool,
    /// Whether the fulfillments feature is switched on.
    pub has_fulfillments: bool,
    /// Whether a plugin writes stock quantities as texts.
    pub writes_stock_as_text: bool,
}

/// Which version of WooCommerce runs in a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 10.9.4: an order that failed keeps its units.
    V10_9,
    /// 11.0.1: an order that failed gives its units back.
    V11_0,
}

/// What becomes of an order that is not paid at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpaid {
    /// It waits for a bank transfer, and its units are taken.
    OnHold,
    /// It waits at the payment page; its units are only held back from other buyers for an hour, which
    /// the level does not show.
    Pending,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            version: Version::V10_9,
            zone_minutes: -300,
            tax_percent: 0,
            unpaid: Unpaid::OnHold,
            oversells: false,
            hook_delay: HOOK_DELAY,
            has_shipment_tracking: false,
            has_fulfillments: false,
            writes_stock_as_text: false,
        }
    }
}

/// A shop.
pub struct Woo {
    shop: Shop,
    options: Options,
    keys: Keys,
    currency: Currency,
    products: BTreeMap<u64, Product>,
    orders: BTreeMap<u64, Order>,
    hooks: Hooks,
    /// Nonces of signed requests, with their time stamps.
    nonces: BTreeMap<String, i64>,
    id_last: u64,
    chance: fastrand::Rng,
    level_writes: Vec<LevelWrite>,
    restocks: Vec<LevelWrite>,
    writes: u64,
    requests: u64,
    /// The SKUs by which we know products that have none in the shop.
    nameless: BTreeSet<String>,
}

/// The secrets of a shop.
struct Keys {
    consumer_key: String,
    consumer_secret: String,
    webhook_secret: String,
}

/// When everything was put on sale: the first of January 2026.
const OPENED_S: i64 = 1_767_225_600;

/// A product, a parent of variations, or a variation.
#[derive(Debug, Clone)]
struct Product {
    id: u64,
    kind: Kind,
    sku: String,
    name: String,
    price: Money,
    is_virtual: bool,
    is_counted: bool,
    stock: i64,
    status: String,
    created_at: Time,
    modified_at: Time,
    /// The second of the last sale, and the level before the first sale in it.
    rush: Option<(i64, i64)>,
}

/// What a product is in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Simple,
    Variable,
    Variation { parent: u64 },
}

/// Opens a shop with everything as usual.
pub fn open(shop: Shop) -> Box<dyn Twin> {
    Box::new(Woo::new(shop, Options::default()))
}

impl Woo {
    /// Opens a shop. Its hooks are registered, as after setup.
    pub fn new(shop: Shop, options: Options) -> Woo {
        let currency = shop.products.first().map_or_else(
            || Currency::new("EUR").expect("EUR is a currency"),
            |product| product.price.currency(),
        );
        let secret = |purpose: &str| {
            let text = format!("{}/{}/{purpose}", shop.name, shop.seed);
            let hash = Sha256::digest(text.as_bytes());
            hash.iter()
                .take(20)
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let mut woo = Woo {
            keys: Keys {
                consumer_key: format!("ck_{}", secret("key")),
                consumer_secret: format!("cs_{}", secret("secret")),
                webhook_secret: secret("hooks"),
            },
            currency,
            products: BTreeMap::new(),
            orders: BTreeMap::new(),
            hooks: Hooks::default(),
            nonces: BTreeMap::new(),
            id_last: 9,
            chance: fastrand::Rng::with_seed(shop.seed),
            level_writes: Vec::new(),
            restocks: Vec::new(),
            writes: 0,
            requests: 0,
            nameless: BTreeSet::new(),
            shop,
            options,
        };
        woo.stock_the_shelves();
        for topic in hooks::USUAL_TOPICS {
            let (url, secret) = (woo.shop.hook_url.clone(), woo.keys.webhook_secret.clone());
            woo.hooks.subscribe(topic, &url, &secret);
        }
        woo
    }

    fn stock_the_shelves(&mut self) {
        let mut parents: BTreeMap<String, u64> = BTreeMap::new();
        for product in self.shop.products.clone() {
            let kind = match &product.kind {
                ProductKind::Simple | ProductKind::Service => Kind::Simple,
                ProductKind::Variation { parent } => {
                    let known = parents.get(parent).copied();
                    let parent_id = known.unwrap_or_else(|| {
                        let mut above = self.product(&product, Kind::Variable);
                        above.name.clone_from(parent);
                        above.sku = format!("{parent} (all)");
                        above.is_counted = false;
                        let id = above.id;
                        self.products.insert(id, above);
                        id
                    });
                    parents.insert(parent.clone(), parent_id);
                    Kind::Variation { parent: parent_id }
                }
            };
            let product = self.product(&product, kind);
            self.products.insert(product.id, product);
        }
    }

    fn product(&mut self, product: &crate::Product, kind: Kind) -> Product {
        let is_service = product.kind == ProductKind::Service;
        Product {
            id: self.id_next(),
            kind,
            sku: product.sku.as_str().to_owned(),
            name: product.title.clone(),
            price: product.price,
            is_virtual: is_service,
            is_counted: !is_service,
            stock: product.level,
            status: "publish".to_owned(),
            created_at: Time::from_seconds(OPENED_S),
            modified_at: Time::from_seconds(OPENED_S),
            rush: None,
        }
    }

    /// WordPress numbers everything in one row, so the ids of one thing have gaps.
    fn id_next(&mut self) -> u64 {
        self.id_last += 1 + self.chance.u64(0..3);
        self.id_last
    }

    /// Something happened to a product: its time moves, and so does its parent's.
    fn touch_product(&mut self, id: u64, now: Time) {
        let parent = match self.products.get_mut(&id) {
            Some(product) => {
                product.modified_at = now;
                match product.kind {
                    Kind::Variation { parent } => Some(parent),
                    Kind::Simple | Kind::Variable => None,
                }
            }
            None => None,
        };
        if let Some(parent) = parent.and_then(|parent| self.products.get_mut(&parent)) {
            parent.modified_at = now;
        }
        self.announce("product.updated", id, now);
    }

    /// Queues a hook for every webhook of a topic.
    fn announce(&mut self, topic: &str, id: u64, now: Time) {
        let due = now.plus(self.options.hook_delay);
        self.hooks.announce(topic, id, due);
    }

    /// The product that a SKU names and that can be sold.
    /// A SKU as the shop tells it.
    fn told<'s>(&self, sku: &'s str) -> &'s str {
        match self.nameless.contains(sku) {
            true => "",
            false => sku,
        }
    }

    fn by_sku(&self, sku: &str) -> Option<&Product> {
        self.products
            .values()
            .find(|product| product.sku == sku && product.kind != Kind::Variable)
    }

    /// An instant in the shop's own time, as it writes it.
    fn local(&self, time: Time) -> String {
        let moved = time.millis() + self.options.zone_minutes * 60_000;
        Time::from_millis(moved).to_naive_utc()
    }

    fn version(&self) -> &'static str {
        match self.options.version {
            Version::V10_9 => "10.9.4",
            Version::V11_0 => "11.0.1",
        }
    }

    /// Minor units as the shop writes them.
    fn money(&self, minor: i64) -> String {
        Money::from_minor(minor, self.currency).map_or_else(|_| minor.to_string(), Money::amount)
    }
}

impl Twin for Woo {
    fn channel(&self) -> &'static str {
        "woocommerce"
    }

    fn settings(&self) -> Value {
        json!({
            "url": self.shop.api_url,
            "consumer_key": self.keys.consumer_key,
            "consumer_secret": self.keys.consumer_secret,
            "webhook_secret": self.keys.webhook_secret,
        })
    }

    fn handle(&mut self, request: &Request, now: Time) -> Response {
        self.requests += 1;
        self.answer(request, now)
    }

    fn take_deliveries(&mut self, now: Time) -> Vec<Delivery> {
        self.send_hooks(now)
    }

    fn delivered(&mut self, delivery: u64, status: Option<u16>, _now: Time) {
        self.hooks.delivered(delivery, status);
    }

    fn next_delivery_at(&self) -> Option<Time> {
        self.hooks.next_due()
    }

    fn act(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        self.carry_out(act, now)
    }

    fn levels(&self) -> BTreeMap<Sku, i64> {
        let counted = self.products.values().filter(|product| product.is_counted);
        counted
            .filter_map(|product| Some((Sku::new(&product.sku).ok()?, product.stock)))
            .collect()
    }

    fn truth(&self) -> Truth {
        Truth {
            orders: self
                .orders
                .values()
                .filter(|order| order.was_sale)
                .map(|order| self.true_order(order))
                .collect(),
            levels: self.levels(),
            level_writes: self.level_writes.clone(),
            restocks: self.restocks.clone(),
            writes: self.writes,
            requests: self.requests,
        }
    }

    /// WooCommerce itself never says this; the host before it does.
    fn throttled(&self) -> Response {
        http::Response::builder()
            .status(429)
            .header("content-type", "text/html")
            .header("retry-after", "5")
            .body(b"<html><head><title>429 Too Many Requests</title></head></html>".to_vec())
            .expect("a response of constants")
    }

    /// A consumer key never expires and is no token that was handed out, so nothing happens.
    fn expire_tokens(&mut self) {}
}

impl Woo {
    fn true_order(&self, order: &Order) -> TrueOrder {
        let lines = order.lines.iter().filter_map(|line| {
            let sku = Sku::new(line.sku.as_deref()?).ok()?;
            Some((sku, u32::try_from(line.units).ok()?))
        });
        TrueOrder {
            external_id: ExternalId::new(order.id.to_string()),
            placed_at: order.created_at,
            lines: lines.collect(),
            is_canceled: order.is_canceled(),
            is_deleted: order.is_deleted || order.status == "trash",
            shipments: parcels::of(order),
            refunded_minor: order.refunded_minor(),
            captured_minor: 0,
            given_up: order.given_up(),
            street: order.shipping["address_1"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    }
}
