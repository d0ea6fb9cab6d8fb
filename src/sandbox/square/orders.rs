//! Orders as the server keeps them and as it shows them.

use std::collections::BTreeMap;

use domain::{Sku, Time};
use serde_json::{Value, json};

use super::Square;
use crate::TrueShipment;

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Completed,
    Canceled,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Open => "OPEN",
            State::Completed => "COMPLETED",
            State::Canceled => "CANCELED",
        }
    }
}

/// How far a fulfillment is. The first three may be skipped but not walked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Proposed,
    Reserved,
    Prepared,
    Completed,
    Canceled,
    Failed,
}

impl Stage {
    pub(super) fn word(self) -> &'static str {
        match self {
            Stage::Proposed => "PROPOSED",
            Stage::Reserved => "RESERVED",
            Stage::Prepared => "PREPARED",
            Stage::Completed => "COMPLETED",
            Stage::Canceled => "CANCELED",
            Stage::Failed => "FAILED",
        }
    }

    pub(super) fn of(word: &str) -> Option<Stage> {
        let all = [
            Stage::Proposed,
            Stage::Reserved,
            Stage::Prepared,
            Stage::Completed,
            Stage::Canceled,
            Stage::Failed,
        ];
        all.into_iter().find(|stage| stage.word() == word)
    }

    /// Whether nothing can happen to it any more.
    pub(super) fn is_over(self) -> bool {
        match self {
            Stage::Proposed | Stage::Reserved | Stage::Prepared => false,
            Stage::Completed | Stage::Canceled | Stage::Failed => true,
        }
    }
}

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) closed_at: Option<Time>,
    pub(super) version: i64,
    pub(super) state: State,
    pub(super) source: &'static str,
    pub(super) lines: Vec<Line>,
    /// What was written on it by its field: the reference and the ticket.
    pub(super) words: BTreeMap<&'static str, String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) shipping_minor: i64,
    pub(super) fulfillment: Option<Fulfillment>,
    /// The payments, in order.
    pub(super) tenders: Vec<String>,
    /// What left, as far as the server was told.
    pub(super) parcels: Vec<TrueShipment>,
}

/// A line.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) uid: String,
    pub(super) variation: String,
    pub(super) sku: Sku,
    pub(super) units: u32,
    pub(super) price_minor: i64,
}

/// A shipment of all lines.
#[derive(Debug, Clone)]
pub(super) struct Fulfillment {
    pub(super) uid: String,
    pub(super) stage: Stage,
    /// The writable details, by their names: carrier, tracking_number and so on.
    pub(super) details: BTreeMap<String, String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) recipient: Value,
    /// When it came to a stage, by the name of that time.
    pub(super) times: BTreeMap<&'static str, Time>,
}

impl Fulfillment {
    pub(super) fn enter(&mut self, stage: Stage, now: Time) {
        let name = match stage {
            Stage::Proposed => "placed_at",
            Stage::Reserved => "in_progress_at",
            Stage::Prepared => "packaged_at",
            Stage::Completed => "shipped_at",
            Stage::Canceled => "canceled_at",
            Stage::Failed => "failed_at",
        };
        self.stage = stage;
        self.times.insert(name, now);
    }

    fn card(&self) -> Value {
        let mut details = json!({ "recipient": self.recipient });
        for (key, text) in &self.details {
            details[key] = json!(text);
        }
        for (name, at) in &self.times {
            details[*name] = json!(at.to_string());
        }
        let mut card = json!({
            "uid": self.uid,
            "type": "SHIPMENT",
            "state": self.stage.word(),
            "line_item_application": "ALL",
            "shipment_details": details,
        });
        if !self.metadata.is_empty() {
            card["metadata"] = json!(self.metadata);
        }
        card
    }
}

impl Order {
    /// The street that it goes to.
    pub(super) fn street(&self) -> &str {
        let fulfillment = self.fulfillment.as_ref();
        let street = fulfillment.map(|one| &one.recipient["address"]["address_line_1"]);
        street.and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn total_minor(&self) -> i64 {
        let goods = self.lines.iter();
        let goods: i64 = goods
            .map(|line| line.price_minor * i64::from(line.units))
            .sum();
        goods + self.shipping_minor
    }

    pub(super) fn units(&self) -> Vec<(Sku, u32)> {
        let lines = self.lines.iter();
        lines.map(|line| (line.sku.clone(), line.units)).collect()
    }

    /// Counts a change.
    pub(super) fn touch(&mut self, now: Time) {
        self.version += 1;
        self.updated_at = now;
    }

    pub(super) fn close(&mut self, state: State, now: Time) {
        self.state = state;
        self.closed_at = Some(now);
    }
}

impl Square {
    /// How much of an order is still to be paid.
    pub(super) fn due_minor(&self, order: &Order) -> i64 {
        let paid = order.tenders.iter().filter_map(|id| self.payments.get(id));
        order.total_minor() - paid.map(|payment| payment.minor).sum::<i64>()
    }

    /// How much of what was paid has not been given back.
    pub(super) fn kept_minor(&self, order: &Order) -> i64 {
        let paid = order.tenders.iter().filter_map(|id| self.payments.get(id));
        let paid: i64 = paid.map(|payment| payment.minor).sum();
        let refunds = self.refunds.iter();
        let refunds = refunds.filter(|refund| refund.order == order.id);
        paid - refunds.map(|refund| refund.minor).sum::<i64>()
    }

    /// An order as the API shows it.
    pub(super) fn card(&self, order: &Order) -> Value {
        let zero = self.amount(0);
        let lines: Vec<Value> = order.lines.iter().map(|line| self.line(line)).collect();
        let mut card = json!({
            "id": order.id,
            "location_id": self.location,
            "source": { "name": order.source },
            "state": order.state.word(),
            "version": order.version,
            "created_at": order.created_at.to_string(),
            "updated_at": order.updated_at.to_string(),
            "line_items": lines,
            "total_money": self.amount(order.total_minor()),
            "total_tax_money": zero,
            "total_discount_money": zero,
            "total_tip_money": zero,
            "total_service_charge_money": self.amount(order.shipping_minor),
            "net_amount_due_money": self.amount(self.due_minor(order)),
        });
        if order.shipping_minor > 0 {
            card["service_charges"] = json!([{
                "uid": "shipping",
                "name": "Shipping",
                "type": "CUSTOM",
                "calculation_phase": "SUBTOTAL_PHASE",
                "amount_money": self.amount(order.shipping_minor),
                "applied_money": self.amount(order.shipping_minor),
                "total_money": self.amount(order.shipping_minor),
            }]);
        }
        for (name, word) in &order.words {
            card[*name] = json!(word);
        }
        if !order.metadata.is_empty() {
            card["metadata"] = json!(order.metadata);
        }
        if let Some(fulfillment) = &order.fulfillment {
            card["fulfillments"] = json!([fulfillment.card()]);
        }
        if let Some(at) = order.closed_at {
            card["closed_at"] = json!(at.to_string());
        }
        let tenders = order.tenders.iter().filter_map(|id| self.payments.get(id));
        let tenders: Vec<Value> = tenders.map(|payment| self.tender(payment)).collect();
        if !tenders.is_empty() {
            card["tenders"] = json!(tenders);
        }
        let refunds = self.refunds.iter();
        let refunds = refunds.filter(|refund| refund.order == order.id);
        let refunds: Vec<Value> = refunds.map(|refund| self.order_refund(refund)).collect();
        if !refunds.is_empty() {
            card["refunds"] = json!(refunds);
        }
        card
    }

    fn line(&self, line: &Line) -> Value {
        let zero = self.amount(0);
        let total = self.amount(line.price_minor * i64::from(line.units));
        let variation = self.catalog.by_id(&line.variation);
        json!({
            "uid": line.uid,
            "name": variation.map(|variation| &variation.item_name),
            "variation_name": variation.map(|variation| &variation.name),
            "quantity": line.units.to_string(),
            "catalog_object_id": line.variation,
            "catalog_version": 1,
            "item_type": "ITEM",
            "base_price_money": self.amount(line.price_minor),
            "gross_sales_money": total,
            "variation_total_price_money": total,
            "total_tax_money": zero,
            "total_discount_money": zero,
            "total_money": total,
        })
    }

    /// Tells of a change of an order; of a new one when `is_new`.
    pub(super) fn tell_of_order(&mut self, id: &str, is_new: bool, now: Time) {
        let Some(order) = self.orders.get(id) else {
            return;
        };
        let (kind, name) = if is_new {
            ("order.created", "order_created")
        } else {
            ("order.updated", "order_updated")
        };
        let thin = self.thin(order);
        self.emit(kind, about(name, id, &thin), now);
    }

    /// Tells of a change of the fulfillment of an order.
    pub(super) fn tell_of_fulfillment(&mut self, id: &str, from: Stage, now: Time) {
        let Some(order) = self.orders.get(id) else {
            return;
        };
        let Some(fulfillment) = order.fulfillment.as_ref().filter(|now| now.stage != from) else {
            return;
        };
        let mut thin = self.thin(order);
        thin["fulfillment_update"] = json!([{
            "fulfillment_uid": fulfillment.uid,
            "old_state": from.word(),
            "new_state": fulfillment.stage.word(),
        }]);
        let data = about("order_fulfillment_updated", id, &thin);
        self.emit("order.fulfillment.updated", data, now);
    }

    fn thin(&self, order: &Order) -> Value {
        json!({
            "order_id": order.id,
            "location_id": self.location,
            "version": order.version,
            "state": order.state.word(),
            "created_at": order.created_at.to_string(),
            "updated_at": order.updated_at.to_string(),
        })
    }
}

/// The body of an event about one thing.
pub(super) fn about(name: &str, id: &str, object: &Value) -> Value {
    let mut holder = serde_json::Map::new();
    holder.insert(name.to_owned(), object.clone());
    json!({ "type": name, "id": id, "object": holder })
}
