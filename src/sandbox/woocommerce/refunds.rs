//! Giving money back, and units with it.

use domain::{Money, Time};
use serde_json::{Value, json};

use super::{
    Woo,
    api::{Answered, Call, Fail, Reply},
    order_api::UNITS_MAX,
    orders::{Refund, RefundLine},
};

/// A refund that is asked for.
pub(super) struct Wanted {
    pub(super) amount_minor: i64,
    pub(super) reason: String,
    /// Line, units, amount without tax, tax.
    pub(super) lines: Vec<(u64, i64, i64, i64)>,
    pub(super) restocks: bool,
    pub(super) is_paid_back: bool,
}

impl Woo {
    pub(super) fn refund_route(&mut self, id: u64, rest: &[&str], call: &Call) -> Answered {
        match rest {
            [] if call.is_read() => {
                let refunds: Vec<Value> = self.orders[&id]
                    .refunds
                    .iter()
                    .map(|refund| self.refund_json(id, refund))
                    .collect();
                call.page(&refunds)
            }
            [] if call.is_create() => {
                let wanted = self.wanted(id, &call.body)?;
                let refund = self.refund(id, wanted, call.now)?;
                self.announce("order.updated", id, call.now);
                Reply::created(self.refund_json(id, &refund))
            }
            [refund] if call.is_read() || call.is_delete() => {
                let refund: Option<u64> = refund.parse().ok();
                let mut refunds = self.orders[&id].refunds.iter();
                let Some(place) = refunds.position(|known| Some(known.id) == refund) else {
                    let code = "woocommerce_rest_shop_order_refund_invalid_id";
                    return Err(Fail::new(404, code, "Invalid ID."));
                };
                let shown = self.refund_json(id, &self.orders[&id].refunds[place]);
                if call.is_delete() {
                    if !call.is_forced() {
                        let code = "woocommerce_rest_trash_not_supported";
                        let message = "The shop_order_refund does not support trashing.";
                        return Err(Fail::new(501, code, message));
                    }
                    if let Some(order) = self.orders.get_mut(&id) {
                        order.refunds.remove(place);
                        order.modified_at = call.now;
                    }
                    self.announce("order.updated", id, call.now);
                }
                Reply::ok(shown)
            }
            _ => Err(Fail::no_route()),
        }
    }

    fn wanted(&self, id: u64, body: &Value) -> Result<Wanted, Fail> {
        let mut lines = Vec::new();
        for line in body["line_items"].as_array().into_iter().flatten() {
            let Some(line_id) = line["id"].as_u64() else {
                let message = "Line item ID is required.";
                return Err(Fail::new(400, "invalid_line_item", message));
            };
            let taxes = line["refund_tax"].as_array().into_iter().flatten();
            let tax = taxes.map(|tax| self.minor(&tax["refund_total"])).sum();
            let units = line["quantity"].as_i64().unwrap_or(0).clamp(0, UNITS_MAX);
            lines.push((line_id, units, self.minor(&line["refund_total"]), tax));
        }
        let amount_minor = match &body["amount"] {
            Value::Null => lines.iter().map(|(_, _, total, tax)| total + tax).sum(),
            amount => self.minor(amount),
        };
        // Only a payment provider that knows how can pay back.
        let is_paid_back = body["api_refund"] != false;
        if is_paid_back && self.orders[&id].payment_method != "stripe" {
            let message = "The payment gateway for this order does not support automatic refunds.";
            return Err(cannot_refund(message));
        }
        Ok(Wanted {
            amount_minor,
            reason: body["reason"].as_str().unwrap_or("").to_owned(),
            lines,
            restocks: body["api_restock"] != false,
            is_paid_back,
        })
    }

    /// Refunds; the order becomes refunded when nothing is left.
    pub(super) fn refund(&mut self, id: u64, wanted: Wanted, now: Time) -> Result<Refund, Fail> {
        let order = &self.orders[&id];
        let rest = order.total_minor() - order.refunded_minor();
        if wanted.amount_minor < 0 || wanted.amount_minor > rest {
            return Err(cannot_refund("Invalid refund amount."));
        }
        let refund = Refund {
            id: self.id_next(),
            created_at: now,
            amount_minor: wanted.amount_minor,
            reason: wanted.reason,
            is_paid_back: wanted.is_paid_back,
            lines: wanted
                .lines
                .iter()
                .map(|(of, units, total_minor, tax_minor)| RefundLine {
                    id: self.id_next(),
                    of: *of,
                    units: *units,
                    total_minor: *total_minor,
                    tax_minor: *tax_minor,
                })
                .collect(),
        };
        if wanted.restocks {
            for line in &refund.lines {
                self.restock(id, line.of, line.units, now);
            }
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.refunds.push(refund.clone());
            order.modified_at = now;
            if wanted.amount_minor == rest {
                order.status = "refunded".to_owned();
            }
        }
        Ok(refund)
    }

    /// Staff set the status to refunded: the rest is refunded by amount only, and no unit comes back.
    pub(super) fn refund_rest(&mut self, id: u64, now: Time) {
        let refund_id = self.id_next();
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        let rest = order.total_minor() - order.refunded_minor();
        if rest > 0 {
            order.refunds.push(Refund {
                id: refund_id,
                created_at: now,
                amount_minor: rest,
                reason: "Order fully refunded.".to_owned(),
                is_paid_back: false,
                lines: Vec::new(),
            });
        }
    }

    /// Puts refunded units back, of a line for which any were taken.
    fn restock(&mut self, order: u64, line: u64, units: i64, now: Time) {
        let Some(order) = self.orders.get_mut(&order) else {
            return;
        };
        let Some(line) = order.lines.iter_mut().find(|known| known.id == line) else {
            return;
        };
        let Some(reduced) = line
            .reduced
            .as_mut()
            .filter(|taken| **taken > 0 && units > 0)
        else {
            return;
        };
        *reduced -= units;
        line.restocked += units;
        let stocked = line.stocked();
        self.put_back(stocked, units, now);
    }

    fn refund_json(&self, order: u64, refund: &Refund) -> Value {
        let order = &self.orders[&order];
        let lines = refund.lines.iter().map(|line| {
            let of = order.lines.iter().find(|known| known.id == line.of);
            json!({
                "id": line.id,
                "name": of.map_or("", |of| &of.name),
                "product_id": of.map_or(0, |of| of.product),
                "variation_id": of.map_or(0, |of| of.variation),
                "quantity": -line.units,
                "subtotal": self.money(-line.total_minor),
                "total": self.money(-line.total_minor),
                "total_tax": self.money(-line.tax_minor),
                "meta_data": [{ "id": line.id, "key": "_refunded_item_id",
                                "value": line.of.to_string() }],
                "sku": of.map(|of| of.sku.as_deref().map(|sku| self.told(sku))),
            })
        });
        json!({
            "id": refund.id,
            "date_created": self.local(refund.created_at),
            "date_created_gmt": refund.created_at.to_naive_utc(),
            "amount": self.money(refund.amount_minor),
            "reason": refund.reason,
            "refunded_by": 1,
            "refunded_payment": refund.is_paid_back,
            "meta_data": [],
            "line_items": lines.collect::<Vec<_>>(),
            "shipping_lines": [],
            "tax_lines": [],
            "fee_lines": [],
        })
    }

    /// An amount that may be a text or a number.
    fn minor(&self, value: &Value) -> i64 {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Money::parse(&text, self.currency).map_or(0, Money::minor)
    }
}

/// WooCommerce answers this with 500, and with a bare number as its data.
fn cannot_refund(message: &str) -> Fail {
    Fail {
        data: json!(500),
        ..Fail::new(500, "woocommerce_rest_cannot_create_order_refund", message)
    }
}
