//! What buyers and the seller do on the site, past the API.

use std::collections::BTreeMap;

use domain::{ExternalId, Sku, Time};
use serde_json::json;

use crate::{
    Act, Done, Odd, Refused,
    ebay::{
        Ebay, digits,
        orders::{Cancel, CancelRequest, Line, Order, Parcel, Refund},
        stamp,
    },
    shop::ProductKind,
};

/// What delivery costs, in minor units.
const DELIVERY_MINOR: i64 = 490;

impl Ebay {
    pub(super) fn carry_out(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        match act {
            Act::Buy { basket, paid } => self.buy(basket, *paid, now),
            Act::Pay(id) => self.pay(id, now),
            Act::Cancel(id) => self.cancel(id, now),
            Act::Ship(id) => self.ship_past_us(id, now),
            Act::Refund(id) => self.refund_past_us(id, now),
            Act::SetLevel(sku, level) => self.set_level(sku, *level),
            Act::CancelUnits(..) => Err(Refused::Impossible("eBay cancels whole orders only")),
            Act::Authorize(_) | Act::Lapse(_) => {
                Err(Refused::Impossible("eBay does not reserve money"))
            }
            Act::Suspect(_) => Err(Refused::Impossible("eBay tells of no risk with an order")),
            Act::Readdress(..) => Err(Refused::Impossible(
                "eBay lets nobody change the address of a sale",
            )),
            Act::Delete(_) => Err(Refused::Impossible(
                "eBay keeps its orders for two years and deletes none",
            )),
            Act::Make(sku, Odd::Locked) => self.lock(sku, true),
            Act::Make(sku, Odd::Unlocked) => self.lock(sku, false),
            Act::Make(_, Odd::Nameless) => Err(Refused::Impossible(
                "eBay names every item of its inventory by its SKU",
            )),
        }
    }

    /// A listing that eBay looks into, or that has ended there, is not revised.
    fn lock(&mut self, sku: &Sku, is_locked: bool) -> Result<Done, Refused> {
        let item = self.items.get_mut(sku.as_str());
        let item = item.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
        item.is_locked = is_locked;
        Ok(Done::Level)
    }

    fn position(&self, id: &ExternalId) -> Result<usize, Refused> {
        let found = self.orders.iter().position(|order| order.id == id.as_str());
        found.ok_or_else(|| Refused::Unknown(id.to_string()))
    }

    fn buy(&mut self, basket: &[(Sku, u32)], paid: bool, now: Time) -> Result<Done, Refused> {
        let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
        for (sku, units) in basket {
            let mut products = self.shop.products.iter();
            let is_service =
                products.any(|product| product.sku == *sku && product.kind == ProductKind::Service);
            if is_service {
                return Err(Refused::Impossible("eBay sells goods only"));
            }
            if !self.items.contains_key(sku.as_str()) {
                return Err(Refused::Unknown(sku.to_string()));
            }
            if *units == 0 {
                return Err(Refused::Impossible("nothing cannot be bought"));
            }
            *wanted.entry(sku).or_default() += i64::from(*units);
        }
        if wanted.is_empty() {
            return Err(Refused::Impossible("the basket is empty"));
        }
        for (sku, units) in wanted {
            let shown = self.items.get(sku.as_str()).map_or(0, |item| item.shown());
            if shown < units {
                return Err(Refused::OutOfStock(sku.clone()));
            }
        }
        let mut lines = Vec::new();
        for (sku, units) in basket {
            let id = digits(&mut self.rng, 14);
            if let Some(item) = self.items.get_mut(sku.as_str()) {
                item.sell(*units);
                lines.push(Line {
                    id,
                    sku: sku.clone(),
                    title: item.title().to_owned(),
                    listing: item.listing.clone(),
                    variation: item.variation.clone(),
                    units: *units,
                    unit_minor: item.price().minor(),
                });
            }
        }
        let id = self.new_order_id();
        self.orders.push(Order {
            id: id.clone(),
            legacy_id: format!(
                "{}-{}",
                digits(&mut self.rng, 12),
                digits(&mut self.rng, 13)
            ),
            record: u32::try_from(self.orders.len())
                .unwrap_or(u32::MAX)
                .saturating_add(100),
            buyer: self.rng.u32(1..1_000),
            currency: self.currency,
            delivery_minor: DELIVERY_MINOR,
            placed: now,
            modified: now,
            paid: paid.then_some(now),
            cancel: Cancel::No,
            lines,
            parcels: Vec::new(),
            refunds: Vec::new(),
        });
        if paid {
            self.confirm(self.orders.len() - 1, now);
        }
        Ok(Done::Order(ExternalId::new(id)))
    }

    fn new_order_id(&mut self) -> String {
        loop {
            let rng = &mut self.rng;
            let id = format!("{}-{}-{}", digits(rng, 2), digits(rng, 5), digits(rng, 5));
            if self.orders.iter().all(|order| order.id != id) {
                return id;
            }
        }
    }

    /// A checkout is complete: one notification for each line.
    fn confirm(&mut self, index: usize, now: Time) {
        let order = &self.orders[index];
        for line in &order.lines {
            let data = json!({
                "orderId": order.id,
                "lineItemId": line.id,
                "listingId": line.listing,
                "quantity": line.units,
            });
            self.hooks.notify("ORDER_CONFIRMATION", data, now);
        }
    }

    fn pay(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let index = self.position(id)?;
        let order = &mut self.orders[index];
        if order.paid.is_some() {
            return Err(Refused::Impossible("it is paid already"));
        }
        if order.is_canceled() {
            return Err(Refused::Impossible("it is canceled"));
        }
        order.paid = Some(now);
        order.modified = order.modified.max(now);
        self.confirm(index, now);
        Ok(Done::Order(id.clone()))
    }

    fn cancel(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let index = self.position(id)?;
        let request = digits(&mut self.rng, 10);
        let order = &mut self.orders[index];
        if order.is_canceled() {
            return Err(Refused::Impossible("it is canceled already"));
        }
        if order.is_shipped_in_part() {
            return Err(Refused::Impossible("it has left already"));
        }
        order.cancel = Cancel::Going(CancelRequest {
            id: request,
            by: "Seller",
            reason: "BUYER_ASKED_CANCEL".to_owned(),
            at: now,
        });
        order.modified = order.modified.max(now);
        Ok(Done::Order(id.clone()))
    }

    fn ship_past_us(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let index = self.position(id)?;
        let tracking = digits(&mut self.rng, 22);
        let order = &self.orders[index];
        let lines = order.unshipped();
        if order.is_canceled() || lines.is_empty() {
            return Err(Refused::Impossible("nothing of it can be shipped"));
        }
        let parcel = Parcel {
            id: tracking.clone(),
            carrier: Some("USPS".to_owned()),
            tracking: Some(tracking),
            shipped: stamp(now),
            lines,
        };
        self.add_parcel(index, parcel, now);
        Ok(Done::Order(id.clone()))
    }

    fn refund_past_us(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let index = self.position(id)?;
        let refund_id = digits(&mut self.rng, 10);
        let order = &mut self.orders[index];
        let rest = order.total_minor() - order.refunded_minor();
        if order.paid.is_none() || rest == 0 || order.is_canceled() {
            return Err(Refused::Impossible("there is nothing to give back"));
        }
        order.refunds.push(Refund {
            id: refund_id,
            minor: rest,
            line: None,
            issued: now,
            settled: false,
        });
        order.modified = order.modified.max(now);
        Ok(Done::Order(id.clone()))
    }

    fn set_level(&mut self, sku: &Sku, level: i64) -> Result<Done, Refused> {
        let item = self.items.get_mut(sku.as_str());
        let item = item.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
        if level < 0 {
            return Err(Refused::Impossible("eBay shows no level below zero"));
        }
        item.set(level);
        Ok(Done::Level)
    }
}
