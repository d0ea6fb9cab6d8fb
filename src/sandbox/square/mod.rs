//! A Square seller with one location: a till, and a small web shop beside it.
//!
//! Written from Square's official description. Two ways to buy, told apart by one rule: a basket
//! that is paid at once is a counter sale (completed on the spot, no fulfillment, units off the
//! level); a basket that is not yet paid is an online order (open, with a shipment, no units off the
//! level until [`Act::Pay`]). The till refuses a basket when its count is too low. Nothing puts units
//! back: Square asks its staff about that, and ours leave the goods in the box.
//!
//! Levels follow the times at which things happened ([`ledger`]), refunds settle a moment after they
//! are asked for, hooks are signed over the address they are registered at and tried for a day.
//! Orders cannot be deleted. It shares no type with the connector.

mod api;
mod catalog;
mod catalog_search;
mod checkout;
mod hooks;
mod inventory;
mod ledger;
mod money;
mod orders;
mod routes;
mod sales;
mod search;
#[cfg(test)]
mod tests;
mod tokens;
mod updates;

use std::collections::BTreeMap;

use domain::{Currency, ExternalId, Sku, Time};
use serde_json::{Value, json};

use crate::{
    Act, Delivery, Done, LevelWrite, Refused, Request, Response, Shop, TrueOrder, Truth, Twin,
};
use catalog::Catalog;
use hooks::Hooks;
use inventory::Noted;
use money::{Payment, Refund};
use orders::Order;
use tokens::Tokens;

/// What the server answers and speaks when nobody asks for another version.
const VERSION: &str = "2025-08-20";

/// A Square seller with one location.
pub struct Square {
    shop: Shop,
    currency: Currency,
    merchant: String,
    location: String,
    ids: Ids,
    catalog: Catalog,
    orders: BTreeMap<String, Order>,
    placed: Vec<String>,
    payments: BTreeMap<String, Payment>,
    refunds: Vec<Refund>,
    tokens: Tokens,
    hooks: Hooks,
    answered: BTreeMap<(String, String), (Value, Value)>,
    /// What changed the levels through the API.
    changes: Vec<Noted>,
    level_writes: Vec<LevelWrite>,
    writes: u64,
    requests: u64,
}

/// Makes ids and everything else that is left to chance.
struct Ids(fastrand::Rng);

impl Ids {
    /// An opaque id of so many letters and digits.
    fn opaque(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        (0..length)
            .map(|_| char::from(LETTERS[self.0.usize(..LETTERS.len())]))
            .collect()
    }

    /// An id in the form of a UUID.
    fn uuid(&mut self) -> String {
        let bits = self.0.u128(..);
        let hex = format!("{bits:032x}");
        format!(
            "{}-{}-4{}-a{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[13..16],
            &hex[17..20],
            &hex[20..]
        )
    }
}

/// Opens a shop.
pub fn open(shop: Shop) -> Box<dyn Twin> {
    Box::new(Square::new(shop))
}

impl Square {
    /// Opens a shop with its hooks registered.
    pub fn new(shop: Shop) -> Square {
        let mut ids = Ids(fastrand::Rng::with_seed(shop.seed));
        let euro = Currency::new("EUR").expect("EUR is three letters");
        let first = shop.products.first();
        let currency = first.map_or(euro, |product| product.price.currency());
        let (merchant, location) = (ids.opaque(13), ids.opaque(13));
        let catalog = Catalog::new(&shop.products, &mut ids);
        let tokens = Tokens::new(&shop.name, &mut ids);
        let mut hooks = Hooks::default();
        hooks.subscribe_as_after_setup(&shop.hook_url, &mut ids);
        Square {
            shop,
            currency,
            merchant,
            location,
            ids,
            catalog,
            orders: BTreeMap::new(),
            placed: Vec::new(),
            payments: BTreeMap::new(),
            refunds: Vec::new(),
            tokens,
            hooks,
            answered: BTreeMap::new(),
            changes: Vec::new(),
            level_writes: Vec::new(),
            writes: 0,
            requests: 0,
        }
    }

    /// A till that was offline hands in a sale that it made at `sold_at`: the order keeps its old
    /// time of creation, is changed now, and its units went off the level when they were sold.
    pub fn upload_offline_sale(
        &mut self,
        basket: &[(Sku, u32)],
        sold_at: Time,
        now: Time,
    ) -> Result<ExternalId, Refused> {
        self.sell_over_the_counter(basket, sold_at, now)
    }

    /// Tells every subscription of something that happened.
    fn emit(&mut self, kind: &str, data: Value, now: Time) {
        let event = json!({
            "merchant_id": self.merchant,
            "location_id": self.location,
            "type": kind,
            "event_id": self.ids.uuid(),
            "created_at": now.to_string(),
            "data": data,
        });
        self.hooks.enqueue(kind, &event, now, &mut self.ids);
    }

    fn amount(&self, minor: i64) -> Value {
        json!({ "amount": minor, "currency": self.currency.code() })
    }
}

impl Twin for Square {
    fn channel(&self) -> &'static str {
        "square"
    }

    fn settings(&self) -> Value {
        json!({
            "api_url": self.shop.api_url,
            "location_id": self.location,
            "oauth": {
                "client_id": self.tokens.client_id,
                "client_secret": self.tokens.client_secret,
                "refresh_token": self.tokens.refresh,
            },
            "application_token": self.tokens.application,
            "notification_url": self.shop.hook_url,
            "webhook_signature_key": self.hooks.key_at(&self.shop.hook_url),
        })
    }

    fn handle(&mut self, request: &Request, now: Time) -> Response {
        self.requests += 1;
        self.settle_refunds(now);
        self.answer(request, now)
    }

    fn take_deliveries(&mut self, now: Time) -> Vec<Delivery> {
        self.settle_refunds(now);
        self.hooks.take(now)
    }

    fn delivered(&mut self, delivery: u64, status: Option<u16>, now: Time) {
        self.hooks.delivered(delivery, status, now);
    }

    fn next_delivery_at(&self) -> Option<Time> {
        let settling = self.next_settlement_at();
        self.hooks.next_at().into_iter().chain(settling).min()
    }

    fn act(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        self.settle_refunds(now);
        match act {
            Act::Buy { basket, paid: true } => self
                .sell_over_the_counter(basket, now, now)
                .map(Done::Order),
            Act::Buy {
                basket,
                paid: false,
            } => self.order_online(basket, now).map(Done::Order),
            Act::Pay(id) => self.pay(id, now),
            Act::Cancel(id) => self.cancel_by_staff(id, now),
            Act::Ship(id) => self.ship_by_staff(id, now),
            Act::Refund(id) => self.refund_by_staff(id, now),
            Act::SetLevel(sku, level) => self.count_by_staff(sku, *level, now),
            Act::CancelUnits(..) => Err(Refused::Impossible(
                "a paid order's lines do not change on Square",
            )),
            Act::Authorize(_) | Act::Lapse(_) => {
                Err(Refused::Impossible("this till does not reserve money"))
            }
            Act::Suspect(_) => Err(Refused::Impossible("Square tells of no risk with an order")),
            Act::Readdress(id, street) => self.readdress_by_staff(id, street, now),
            Act::Delete(_) => Err(Refused::Impossible("Square keeps every order")),
            Act::Make(..) => Err(Refused::Impossible("nothing on Square is odd")),
        }
    }

    fn levels(&self) -> BTreeMap<Sku, i64> {
        self.catalog.levels()
    }

    fn truth(&self) -> Truth {
        let orders = self.placed.iter().filter_map(|id| self.orders.get(id));
        Truth {
            orders: orders.map(|order| self.true_order(order)).collect(),
            levels: self.levels(),
            level_writes: self.level_writes.clone(),
            // Staff count again what came back.
            restocks: Vec::new(),
            writes: self.writes,
            requests: self.requests,
        }
    }

    fn throttled(&self) -> Response {
        api::Fail::new(
            429,
            "RATE_LIMIT_ERROR",
            "RATE_LIMITED",
            "Too many requests.",
        )
        .response()
    }

    fn expire_tokens(&mut self) {
        self.tokens.expire();
    }
}

impl Square {
    fn true_order(&self, order: &Order) -> TrueOrder {
        let refunded = self.refunds.iter();
        let refunded = refunded.filter(|refund| refund.order == order.id);
        TrueOrder {
            external_id: ExternalId::new(&order.id),
            placed_at: order.created_at,
            lines: order
                .lines
                .iter()
                .map(|line| (line.sku.clone(), line.units))
                .collect(),
            is_canceled: order.state == orders::State::Canceled,
            is_deleted: false,
            shipments: order.parcels.clone(),
            refunded_minor: refunded.map(|refund| refund.minor).sum(),
            captured_minor: 0,
            given_up: Vec::new(),
            street: order.street().to_owned(),
        }
    }
}
