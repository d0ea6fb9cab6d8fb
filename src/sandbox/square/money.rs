//! Payments and refunds. A refund is accepted at once and settles a moment later; the list of
//! refunds lags behind, as Square says of itself.

use std::time::Duration;

use domain::Time;
use serde_json::{Value, json};

use super::{
    Square,
    api::{Fail, Query, text},
    inventory::page,
    orders::about,
};

/// The longest idempotency key here, and the longest reason. Source: RefundPayment.
const KEY_MAX: usize = 45;
const REASON_MAX: usize = 192;
/// Refunds on a page. Source: ListPaymentRefunds.
const PAGE: usize = 100;
/// How far back payments are listed when nothing else is asked for. Source: ListPayments.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a refund stays pending.
const SETTLES_AFTER: Duration = Duration::from_secs(3);
/// How long a refund is not yet in the list.
const LISTED_AFTER: Duration = Duration::from_secs(2);

/// A payment of an order.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) order: String,
    pub(super) minor: i64,
    kind: &'static str,
    created_at: Time,
}

/// Money given back.
#[derive(Debug, Clone)]
pub(super) struct Refund {
    id: String,
    pub(super) order: String,
    payment: String,
    pub(super) minor: i64,
    reason: String,
    created_at: Time,
    is_settled: bool,
}

impl Refund {
    fn status(&self) -> &'static str {
        if self.is_settled {
            "COMPLETED"
        } else {
            "PENDING"
        }
    }
}

impl Square {
    /// A buyer pays all that is due.
    pub(super) fn take_payment(&mut self, order: &str, kind: &'static str, now: Time) {
        let id = self.ids.opaque(29);
        let Some(minor) = self.orders.get(order).map(|order| self.due_minor(order)) else {
            return;
        };
        let payment = Payment {
            id: id.clone(),
            order: order.to_owned(),
            minor,
            kind,
            created_at: now,
        };
        let card = self.payment(&payment);
        self.payments.insert(id.clone(), payment);
        if let Some(order) = self.orders.get_mut(order) {
            order.tenders.push(id.clone());
        }
        self.emit("payment.created", about("payment", &id, &card), now);
    }

    /// Everything that was paid for an order and not yet given back is given back.
    pub(super) fn give_all_back(&mut self, order: &str, reason: &str, now: Time) {
        let payments = self.orders.get(order).map(|order| order.tenders.clone());
        for payment in payments.unwrap_or_default() {
            let left = self.left_minor(&payment);
            if left > 0 {
                self.give_back(&payment, left, reason, now);
            }
        }
    }

    /// What is left of a payment.
    fn left_minor(&self, payment: &str) -> i64 {
        let paid = self
            .payments
            .get(payment)
            .map_or(0, |payment| payment.minor);
        let refunds = self.refunds.iter();
        let refunds = refunds.filter(|refund| refund.payment == payment);
        paid - refunds.map(|refund| refund.minor).sum::<i64>()
    }

    fn give_back(&mut self, payment: &str, minor: i64, reason: &str, now: Time) -> Value {
        let id = format!("{payment}_{}", self.ids.opaque(20));
        let order = self
            .payments
            .get(payment)
            .map(|payment| payment.order.clone());
        let refund = Refund {
            id: id.clone(),
            order: order.unwrap_or_default(),
            payment: payment.to_owned(),
            minor,
            reason: reason.to_owned(),
            created_at: now,
            is_settled: false,
        };
        let card = self.refund(&refund);
        if let Some(order) = self.orders.get_mut(&refund.order) {
            order.touch(now);
        }
        self.refunds.push(refund);
        self.emit("refund.created", about("refund", &id, &card), now);
        card
    }

    /// When the next refund settles.
    pub(super) fn next_settlement_at(&self) -> Option<Time> {
        let pending = self.refunds.iter().filter(|refund| !refund.is_settled);
        pending
            .map(|refund| refund.created_at.plus(SETTLES_AFTER))
            .min()
    }

    /// Settles the refunds whose time has come.
    pub(super) fn settle_refunds(&mut self, now: Time) {
        while let Some(place) = self
            .refunds
            .iter()
            .position(|refund| !refund.is_settled && refund.created_at.plus(SETTLES_AFTER) <= now)
        {
            self.refunds[place].is_settled = true;
            let refund = self.refunds[place].clone();
            if let Some(order) = self.orders.get_mut(&refund.order) {
                order.touch(now);
            }
            let card = self.refund(&refund);
            self.emit("refund.updated", about("refund", &refund.id, &card), now);
            self.tell_of_order(&refund.order, false, now);
        }
    }

    pub(super) fn refund_payment(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let key = text(body, "idempotency_key", KEY_MAX)?;
        let key = key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Fail::missing("idempotency_key"))?;
        self.once("refund", key, body, |shop| shop.accept_refund(body, now))
    }

    fn accept_refund(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let payment = text(body, "payment_id", KEY_MAX * 5)?;
        let payment = payment.ok_or_else(|| Fail::missing("payment_id"))?;
        let reason = text(body, "reason", REASON_MAX)?.unwrap_or_default();
        if !self.payments.contains_key(payment) {
            return Err(Fail::not_found("Could not find the payment."));
        }
        let money = body.get("amount_money");
        let money = money.ok_or_else(|| Fail::missing("amount_money"))?;
        if money.get("currency").and_then(Value::as_str) != Some(self.currency.code()) {
            let detail = "The currency is not that of the payment.";
            return Err(Fail::request("CURRENCY_MISMATCH", detail).at("amount_money.currency"));
        }
        let minor = money
            .get("amount")
            .and_then(Value::as_i64)
            .filter(|minor| *minor > 0);
        let minor =
            minor.ok_or_else(|| Fail::value("amount_money.amount", "It must be positive."))?;
        if minor > self.left_minor(payment) {
            let detail = "The amount is more than what is left of the payment.";
            let fail = Fail::new(400, "REFUND_ERROR", "REFUND_AMOUNT_INVALID", detail);
            return Err(fail.at("amount_money.amount"));
        }
        let card = self.give_back(payment, minor, reason, now);
        let order = self
            .payments
            .get(payment)
            .map(|payment| payment.order.clone());
        self.tell_of_order(&order.unwrap_or_default(), false, now);
        self.writes += 1;
        Ok(json!({ "refund": card }))
    }

    pub(super) fn list_refunds(&self, query: &Query, now: Time) -> Result<Value, Fail> {
        let from = query.time("begin_time")?.unwrap_or(Time::EPOCH);
        let until = query.time("end_time")?.unwrap_or(now);
        let is_here = query
            .get("location_id")
            .is_none_or(|location| location == self.location);
        let (first, limit) = (query.first()?, query.limit(PAGE)?);
        let has = |key: &str, word: &str| query.get(key).is_none_or(|asked| asked == word);
        let listed = self.refunds.iter().filter(|refund| {
            let at = refund.created_at;
            let source = self.payments.get(&refund.payment);
            is_here
                && at >= from
                && at <= until
                && at.plus(LISTED_AFTER) <= now
                && has("status", refund.status())
                && has("source_type", source.map_or("", |payment| payment.kind))
        });
        let mut listed: Vec<&Refund> = listed.collect();
        if query.get("sort_order") != Some("ASC") {
            listed.reverse();
        }
        let cards = listed.iter().map(|refund| self.refund(refund)).collect();
        Ok(page("refunds", cards, first, limit))
    }

    pub(super) fn read_refund(&self, id: &str) -> Result<Value, Fail> {
        let mut refunds = self.refunds.iter();
        match refunds.find(|refund| refund.id == id) {
            Some(refund) => Ok(json!({ "refund": self.refund(refund) })),
            None => Err(Fail::not_found("Could not find the refund.")),
        }
    }

    pub(super) fn list_payments(&self, query: &Query, now: Time) -> Result<Value, Fail> {
        let from = query.time("begin_time")?.unwrap_or(now.minus(YEAR));
        let until = query.time("end_time")?.unwrap_or(now);
        let is_here = query
            .get("location_id")
            .is_none_or(|location| location == self.location);
        let total = match query.get("total") {
            Some(total) => Some(
                total
                    .parse::<i64>()
                    .map_err(|_| Fail::value("total", "Expected an integer."))?,
            ),
            None => None,
        };
        let (first, limit) = (query.first()?, query.limit(PAGE)?);
        let mut listed: Vec<&Payment> = self
            .payments
            .values()
            .filter(|payment| {
                let at = payment.created_at;
                let is_asked = total.is_none_or(|total| total == payment.minor);
                is_here && is_asked && at >= from && at <= until
            })
            .collect();
        listed.sort_by_key(|payment| (payment.created_at, &payment.id));
        if query.get("sort_order") != Some("ASC") {
            listed.reverse();
        }
        let cards = listed.iter().map(|payment| self.payment(payment)).collect();
        Ok(page("payments", cards, first, limit))
    }

    pub(super) fn read_payment(&self, id: &str) -> Result<Value, Fail> {
        match self.payments.get(id) {
            Some(payment) => Ok(json!({ "payment": self.payment(payment) })),
            None => Err(Fail::not_found("Could not find the payment.")),
        }
    }

    pub(super) fn payment(&self, payment: &Payment) -> Value {
        let mut card = json!({
            "id": payment.id,
            "order_id": payment.order,
            "location_id": self.location,
            "status": "COMPLETED",
            "source_type": payment.kind,
            "amount_money": self.amount(payment.minor),
            "total_money": self.amount(payment.minor),
            "created_at": payment.created_at.to_string(),
            "updated_at": payment.created_at.to_string(),
        });
        let refunds = self.refunds.iter();
        let refunds: Vec<&Refund> = refunds
            .filter(|refund| refund.payment == payment.id)
            .collect();
        if !refunds.is_empty() {
            let ids: Vec<&str> = refunds.iter().map(|refund| refund.id.as_str()).collect();
            card["refund_ids"] = json!(ids);
            card["refunded_money"] = self.amount(refunds.iter().map(|one| one.minor).sum());
        }
        card
    }

    /// A refund as the API shows it.
    fn refund(&self, refund: &Refund) -> Value {
        json!({
            "id": refund.id,
            "status": refund.status(),
            "location_id": self.location,
            "payment_id": refund.payment,
            "order_id": refund.order,
            "amount_money": self.amount(refund.minor),
            "reason": refund.reason,
            "created_at": refund.created_at.to_string(),
            "updated_at": refund.created_at.to_string(),
        })
    }

    /// A payment as an order shows it.
    pub(super) fn tender(&self, payment: &Payment) -> Value {
        let mut tender = json!({
            "id": payment.id,
            "payment_id": payment.id,
            "location_id": self.location,
            "transaction_id": payment.order,
            "created_at": payment.created_at.to_string(),
            "type": payment.kind,
            "amount_money": self.amount(payment.minor),
        });
        if payment.kind == "CARD" {
            tender["card_details"] = json!({ "status": "CAPTURED" });
        }
        tender
    }

    /// A refund as an order shows it.
    pub(super) fn order_refund(&self, refund: &Refund) -> Value {
        json!({
            "id": refund.id,
            "location_id": self.location,
            "transaction_id": refund.order,
            "tender_id": refund.payment,
            "created_at": refund.created_at.to_string(),
            "reason": refund.reason,
            "amount_money": self.amount(refund.minor),
            "status": if refund.is_settled { "APPROVED" } else { "PENDING" },
        })
    }
}
