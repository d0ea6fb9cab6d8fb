//! Selling through the API: an integration makes an order and takes the money for it, as a shop that
//! is built on Square does.

use std::collections::BTreeMap;

use domain::{ExternalId, Sku, Time};
use serde_json::{Map, Value, json};

use super::{
    Square,
    api::{Fail, array, text},
    orders::{Fulfillment, Stage, State},
    updates::change_words,
};

/// The longest idempotency keys. Source: CreateOrderRequest, CreatePaymentRequest.
const ORDER_KEY_MAX: usize = 192;
const PAYMENT_KEY_MAX: usize = 45;
/// Lines on an order. Source: Order.line_items.
const LINES_MAX: usize = 500;

impl Square {
    pub(super) fn create_order(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        match text(body, "idempotency_key", ORDER_KEY_MAX)? {
            Some(key) => self.once("new order", key, body, |shop| shop.take_order(body, now)),
            None => self.take_order(body, now),
        }
    }

    fn take_order(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let wanted = body.get("order").and_then(Value::as_object);
        let wanted = wanted.ok_or_else(|| Fail::missing("order"))?;
        let known = [
            "location_id",
            "line_items",
            "fulfillments",
            "reference_id",
            "ticket_name",
            "metadata",
        ];
        if let Some(other) = wanted.keys().find(|key| !known.contains(&key.as_str())) {
            let detail = "This sandbox takes no such thing on an order.";
            return Err(Fail::not_here(detail).at(format!("order.{other}")));
        }
        if wanted.get("location_id") != Some(&json!(self.location)) {
            return Err(Fail::value(
                "order.location_id",
                "The location is not known.",
            ));
        }
        let basket = self.basket(wanted)?;
        let fulfillment = self.shipment(wanted, now)?;
        let lines = self
            .lines(&basket)
            .map_err(|_| Fail::value("order.line_items", "There is nothing to be sold."))?;
        let id = self.place("Oneshelf Sandbox", lines, fulfillment, now, now);
        let mut order = self.orders.get(&id).cloned();
        if let Some(order) = &mut order
            && let Err(fail) = change_words(order, wanted)
        {
            self.orders.remove(&id);
            self.placed.pop();
            return Err(fail);
        }
        let Some(order) = order else {
            return Err(Fail::not_found("Order not found."));
        };
        let card = self.card(&order);
        self.orders.insert(id.clone(), order);
        self.writes += 1;
        self.tell_of_order(&id, true, now);
        Ok(json!({ "order": card }))
    }

    fn basket(&self, wanted: &Map<String, Value>) -> Result<Vec<(Sku, u32)>, Fail> {
        let body = Value::Object(wanted.clone());
        let lines = array(&body, "line_items").map_err(|fail| fail.at("order.line_items"))?;
        if lines.is_empty() || lines.len() > LINES_MAX {
            return Err(Fail::value(
                "order.line_items",
                "1 to 500 lines are allowed.",
            ));
        }
        let mut basket = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let field = |name: &str| format!("order.line_items[{index}].{name}");
            let Some(id) = text(line, "catalog_object_id", 192)? else {
                let detail = "This sandbox sells only what is in its catalog.";
                return Err(Fail::not_here(detail).at(field("catalog_object_id")));
            };
            let variation = self.catalog.by_id(id);
            let variation = variation.ok_or_else(|| {
                Fail::not_found(format!(
                    "Item variation with catalog object ID `{id}` not found."
                ))
                .at(field("catalog_object_id"))
            })?;
            let units = text(line, "quantity", 12)?;
            let units = units.ok_or_else(|| Fail::missing(&field("quantity")))?;
            let units = units.parse::<u32>().ok().filter(|units| *units > 0);
            let detail = "The quantity must be a positive whole number.";
            let units = units.ok_or_else(|| Fail::value(&field("quantity"), detail))?;
            basket.push((variation.sku.clone(), units));
        }
        Ok(basket)
    }

    /// The shipment of all lines that an order may have.
    fn shipment(
        &mut self,
        wanted: &Map<String, Value>,
        now: Time,
    ) -> Result<Option<Fulfillment>, Fail> {
        let list = wanted.get("fulfillments").filter(|list| !list.is_null());
        let Some(list) = list else {
            return Ok(None);
        };
        let list = list.as_array().map_or(&[][..], Vec::as_slice);
        let [one] = list else {
            let detail = "This sandbox ships all of an order or nothing of it.";
            return Err(Fail::not_here(detail).at("order.fulfillments"));
        };
        let kind = one.get("type").and_then(Value::as_str);
        let recipient = one.pointer("/shipment_details/recipient");
        match (kind, recipient) {
            (Some("SHIPMENT"), Some(recipient)) => {
                let mut fulfillment = Fulfillment {
                    uid: self.ids.opaque(22),
                    stage: Stage::Proposed,
                    details: BTreeMap::new(),
                    metadata: BTreeMap::new(),
                    recipient: recipient.clone(),
                    times: BTreeMap::new(),
                };
                fulfillment.enter(Stage::Proposed, now);
                Ok(Some(fulfillment))
            }
            (Some("SHIPMENT"), None) => Err(Fail::missing(
                "order.fulfillments[0].shipment_details.recipient",
            )),
            (Some("PICKUP" | "DELIVERY"), _) => {
                let detail = "This sandbox knows shipments only.";
                Err(Fail::not_here(detail).at("order.fulfillments[0].type"))
            }
            (_, _) => Err(Fail::request("INVALID_ENUM_VALUE", "Unknown type.")
                .at("order.fulfillments[0].type")),
        }
    }

    pub(super) fn create_payment(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let key = text(body, "idempotency_key", PAYMENT_KEY_MAX)?;
        let key = key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Fail::missing("idempotency_key"))?;
        self.once("payment", key, body, |shop| shop.accept_payment(body, now))
    }

    fn accept_payment(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let source = text(body, "source_id", 500)?.ok_or_else(|| Fail::missing("source_id"))?;
        let kind = match source {
            "CASH" => "CASH",
            "EXTERNAL" => "EXTERNAL",
            _ => "CARD",
        };
        let Some(id) = text(body, "order_id", 192)? else {
            let detail = "This sandbox takes money for orders only.";
            return Err(Fail::not_here(detail).at("order_id"));
        };
        if body.get("autocomplete") == Some(&json!(false)) {
            let detail = "This sandbox completes every payment at once.";
            return Err(Fail::not_here(detail).at("autocomplete"));
        }
        let order = self.orders.get(id);
        let order = order.ok_or_else(|| Fail::not_found("Order not found.").at("order_id"))?;
        let due = self.due_minor(order);
        if order.state != State::Open || due <= 0 {
            let detail = "The order cannot be paid any more.";
            return Err(Fail::request("BAD_REQUEST", detail).at("order_id"));
        }
        let money = body.get("amount_money");
        let money = money.ok_or_else(|| Fail::missing("amount_money"))?;
        if money.get("currency").and_then(Value::as_str) != Some(self.currency.code()) {
            let detail = "The currency is not that of the location.";
            return Err(Fail::request("CURRENCY_MISMATCH", detail).at("amount_money.currency"));
        }
        if money.get("amount").and_then(Value::as_i64) != Some(due) {
            let detail = "The amount is not what is due for the order.";
            let category = "PAYMENT_METHOD_ERROR";
            return Err(Fail::new(400, category, "PAYMENT_AMOUNT_MISMATCH", detail));
        }
        self.pay_in(&ExternalId::new(id), kind, now);
        self.writes += 1;
        let paid = self.orders.get(id).and_then(|order| order.tenders.last());
        let payment = paid.and_then(|id| self.payments.get(id));
        let payment = payment.ok_or_else(|| Fail::not_found("Could not find the payment."))?;
        Ok(json!({ "payment": self.payment(payment) }))
    }
}
