//! The part of Post-Order that cancels orders. Older than the other APIs: tokens come in a scheme of
//! their own, and refusals in another form.

use domain::Time;
use serde_json::{Value, json};

use crate::{
    Response,
    ebay::{
        Ebay,
        api::{self, Asked, No},
        digits,
        orders::{Cancel, CancelRequest, Order},
    },
};

const SELLER_REASONS: [&str; 3] = [
    "ADDRESS_ISSUES",
    "BUYER_ASKED_CANCEL",
    "OUT_OF_STOCK_OR_CANNOT_FULFILL",
];

impl Ebay {
    pub(super) fn cancellation(
        &mut self,
        asked: &Asked<'_>,
        path: &[&str],
        now: Time,
    ) -> Result<Response, No> {
        let token = asked
            .header("authorization")
            .and_then(|value| value.strip_prefix("IAF "));
        let grant = token.and_then(|token| self.oauth.grant(token, now));
        if !grant.is_some_and(|grant| grant.is_seller) {
            return Err(refuse(401, 1_001, "Invalid access token"));
        }
        match (asked.method.as_str(), path) {
            ("POST", ["check_eligibility"]) => {
                let body = asked.json()?;
                let order = self.by_legacy_id(&body)?;
                Ok(api::answer(200, &eligibility(&self.orders[order])))
            }
            ("POST", []) => self.create_cancellation(asked, now),
            ("POST", [id, "approve"]) => {
                let is_open = self.orders.iter().any(
                    |order| matches!(&order.cancel, Cancel::Going(request) if request.id == *id),
                );
                if is_open {
                    Ok(api::answer(200, &json!({})))
                } else {
                    Err(refuse(
                        400,
                        1_600,
                        "The cancellation is not waiting for approval",
                    ))
                }
            }
            _ => Err(api::not_found()),
        }
    }

    fn by_legacy_id(&self, body: &Value) -> Result<usize, No> {
        let id = body.get("legacyOrderId").and_then(Value::as_str);
        self.orders
            .iter()
            .position(|order| Some(order.legacy_id.as_str()) == id)
            .ok_or_else(|| refuse(404, 1_601, "The order was not found"))
    }

    fn create_cancellation(&mut self, asked: &Asked<'_>, now: Time) -> Result<Response, No> {
        let body = asked.json()?;
        let index = self.by_legacy_id(&body)?;
        let result = eligibility(&self.orders[index]);
        if result["eligible"] == json!(false) {
            return Ok(api::answer(
                200,
                &json!({ "orderEligibilityResult": result }),
            ));
        }
        let reason = body.get("cancelReason").and_then(Value::as_str);
        let Some(reason) = reason.filter(|reason| SELLER_REASONS.contains(reason)) else {
            return Err(refuse(400, 1_602, "The reason is not one of a seller"));
        };
        let request = CancelRequest {
            id: digits(&mut self.rng, 10),
            by: "Seller",
            reason: reason.to_owned(),
            at: now,
        };
        let id = request.id.clone();
        let order = &mut self.orders[index];
        order.cancel = Cancel::Going(request);
        order.modified = order.modified.max(now);
        self.writes += 1;
        Ok(api::answer(200, &json!({ "cancelId": id })))
    }
}

fn eligibility(order: &Order) -> Value {
    let failure = if order.is_canceled() {
        Some("CANCELLATION_EXIST")
    } else if order.is_shipped_in_part() {
        Some("SHIPPED")
    } else if !order.refunds.is_empty() {
        Some("REFUND_EXIST")
    } else {
        None
    };
    let lines: Vec<Value> = order
        .lines
        .iter()
        .map(|line| {
            json!({
                "eligible": failure.is_none(),
                "itemId": line.listing,
                "transactionId": line.id,
            })
        })
        .collect();
    let mut result = json!({
        "legacyOrderId": order.legacy_id,
        "eligible": failure.is_none(),
        "itemEligibilityResult": lines,
    });
    match failure {
        Some(failure) => result["failureReason"] = json!([failure]),
        None => result["eligibleCancelReason"] = json!(SELLER_REASONS),
    }
    result
}

/// Post-Order's own form of a refusal.
fn refuse(status: u16, error_id: u32, message: &str) -> No {
    let error = json!({
        "errorId": error_id,
        "domain": "CancellationDomain",
        "category": "REQUEST",
        "message": { "value": message, "language": "en-US" },
    });
    Box::new(api::answer(status, &json!({ "error": [error] })))
}
