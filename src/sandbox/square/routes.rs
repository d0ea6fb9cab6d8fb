//! Where a call goes. What Square has and this shop does not is said as such (501), what Square does
//! not have either is not found (404), or not in this way (405).

use domain::Time;
use serde_json::{Value, json};

use super::{
    Square,
    api::{Fail, Query},
    hooks::TOPICS,
    tokens::Bearer,
};
use crate::Request;

/// A call on its way.
struct Call<'a> {
    method: &'a str,
    query: Query,
    request: &'a Request,
    bearer: Bearer,
    now: Time,
}

impl Call<'_> {
    fn body(&self) -> Result<Value, Fail> {
        let body = serde_json::from_slice::<Value>(self.request.body()).ok();
        let body = body.filter(Value::is_object);
        let detail = "The body must be a JSON object.";
        body.ok_or_else(|| Fail::request("EXPECTED_JSON_BODY", detail))
    }

    fn authorization(&self) -> Option<&str> {
        let header = self.request.headers().get("authorization");
        header.and_then(|header| header.to_str().ok())
    }
}

/// What a call came to; nothing if nobody here takes it.
type Taken = Result<Option<Value>, Fail>;

impl Square {
    pub(super) fn route(
        &mut self,
        request: &Request,
        path: &str,
        bearer: Bearer,
        now: Time,
    ) -> Result<Value, Fail> {
        let call = Call {
            method: request.method().as_str(),
            query: Query::of(request),
            request,
            bearer,
            now,
        };
        let segments: Vec<&str> = path.split('/').collect();
        let taken = match segments.as_slice() {
            ["oauth2", rest @ ..] => self.route_tokens(&call, rest),
            ["v2", "locations" | "merchants", ..] => self.route_seller(&call, &segments[1..]),
            ["v2", "catalog", rest @ ..] => self.route_catalog(&call, rest),
            ["v2", "orders", rest @ ..] => self.route_orders(&call, rest),
            ["v2", "inventory", rest @ ..] => self.route_inventory(&call, rest),
            ["v2", "payments" | "refunds", ..] => self.route_money(&call, &segments[1..]),
            ["v2", "webhooks" | "events", ..] => self.route_hooks(&call, &segments[1..]),
            _ => Ok(None),
        };
        taken?.ok_or_else(|| nowhere(call.method, &segments))
    }

    fn route_tokens(&mut self, call: &Call, rest: &[&str]) -> Taken {
        Ok(Some(match (call.method, rest) {
            ("POST", ["token"]) => self.obtain_token(&call.body()?, call.now)?,
            ("POST", ["token", "status"]) => self.token_status(call.authorization(), call.bearer),
            ("POST", ["revoke"]) => self.revoke_token(&call.body()?, call.now)?,
            _ => return Ok(None),
        }))
    }

    fn route_seller(&mut self, call: &Call, rest: &[&str]) -> Taken {
        Ok(Some(match (call.method, rest) {
            ("GET", ["locations"]) => json!({ "locations": [self.location_card()] }),
            ("GET", ["locations", id]) => self.read_location(id)?,
            ("GET", ["merchants"]) => json!({ "merchant": [self.merchant_card()] }),
            ("GET", ["merchants", id]) => self.read_merchant(id)?,
            _ => return Ok(None),
        }))
    }

    fn route_catalog(&mut self, call: &Call, rest: &[&str]) -> Taken {
        Ok(Some(match (call.method, rest) {
            ("GET", ["list"]) => self.list_catalog(&call.query)?,
            ("GET", ["object", id]) => self.read_object(id, &call.query)?,
            ("POST", ["batch-retrieve"]) => self.read_catalog(&call.body()?)?,
            ("POST", ["search"]) => self.search_catalog(&call.body()?)?,
            _ => return Ok(None),
        }))
    }

    fn route_orders(&mut self, call: &Call, rest: &[&str]) -> Taken {
        Ok(Some(match (call.method, rest) {
            ("POST", []) => self.create_order(&call.body()?, call.now)?,
            ("POST", ["search"]) => self.search_orders(&call.body()?)?,
            ("POST", ["batch-retrieve"]) => self.read_orders(&call.body()?)?,
            ("POST", ["calculate" | "clone"]) => return Ok(None),
            ("GET", [id]) => self.read_order(id)?,
            ("PUT", [id]) => self.update_order(id, &call.body()?, call.now)?,
            _ => return Ok(None),
        }))
    }

    fn route_inventory(&mut self, call: &Call, rest: &[&str]) -> Taken {
        Ok(Some(match (call.method, rest) {
            // The second names are the older ones of the same calls.
            ("POST", ["counts", "batch-retrieve"] | ["batch-retrieve-counts"]) => {
                self.read_counts(&call.body()?)?
            }
            ("POST", ["changes", "batch-create"] | ["batch-change"]) => {
                self.change_inventory(&call.body()?, call.now)?
            }
            ("POST", ["changes", "batch-retrieve"] | ["batch-retrieve-changes"]) => {
                self.read_changes(&call.body()?)?
            }
            ("GET", ["adjustments" | "adjustment", id]) => self.read_change("adjustment", id)?,
            ("GET", ["physical-counts" | "physical-count", id]) => {
                self.read_change("physical_count", id)?
            }
            ("GET", [id]) => self.read_counts_of(id, &call.query)?,
            _ => return Ok(None),
        }))
    }

    fn route_money(&mut self, call: &Call, rest: &[&str]) -> Taken {
        Ok(Some(match (call.method, rest) {
            ("GET", ["payments"]) => self.list_payments(&call.query, call.now)?,
            ("POST", ["payments"]) => self.create_payment(&call.body()?, call.now)?,
            ("GET", ["payments", id]) => self.read_payment(id)?,
            ("POST", ["refunds"]) => self.refund_payment(&call.body()?, call.now)?,
            ("GET", ["refunds"]) => self.list_refunds(&call.query, call.now)?,
            ("GET", ["refunds", id]) => self.read_refund(id)?,
            _ => return Ok(None),
        }))
    }

    fn route_hooks(&mut self, call: &Call, rest: &[&str]) -> Taken {
        if call.bearer != Bearer::Application {
            let detail = "Webhook subscriptions need the application's own token.";
            let category = "AUTHENTICATION_ERROR";
            return Err(Fail::new(403, category, "INSUFFICIENT_SCOPES", detail));
        }
        let now = call.now;
        Ok(Some(match (call.method, rest) {
            ("GET", ["events", "types"] | ["webhooks", "event-types"]) => {
                json!({ "event_types": TOPICS.as_slice() })
            }
            ("GET", ["webhooks", "subscriptions"]) => self.list_subscriptions(&call.query)?,
            ("POST", ["webhooks", "subscriptions"]) => {
                self.create_subscription(&call.body()?, now)?
            }
            ("GET", ["webhooks", "subscriptions", id]) => self.read_subscription(id)?,
            ("PUT", ["webhooks", "subscriptions", id]) => {
                self.change_subscription(id, &call.body()?, now)?
            }
            ("DELETE", ["webhooks", "subscriptions", id]) => self.delete_subscription(id)?,
            ("POST", ["webhooks", "subscriptions", id, "test"]) => {
                self.test_subscription(id, &call.body()?, now)?
            }
            ("POST", ["webhooks", "subscriptions", id, "signature-key"]) => {
                self.renew_signature_key(id, now)?
            }
            _ => return Ok(None),
        }))
    }
}

/// Why nobody takes a call.
fn nowhere(method: &str, segments: &[&str]) -> Fail {
    let named = |pattern: &str| {
        let mut pattern = pattern.split('/');
        let mut path = segments.iter();
        loop {
            match (pattern.next(), path.next()) {
                (None, None) => return true,
                (Some("{}"), Some(_)) => {}
                (Some(one), Some(other)) if one == *other => {}
                _ => return false,
            }
        }
    };
    let known = OFFICIAL.iter().filter(|(pattern, _)| named(pattern));
    let methods: Vec<&str> = known.flat_map(|(_, methods)| methods.split(' ')).collect();
    let is_elsewhere = matches!(segments, ["v2", family, ..] if ELSEWHERE.contains(family));
    if methods.contains(&method) || is_elsewhere {
        let path = segments.join("/");
        return Fail::not_here(format!("This sandbox has no {method} /{path}."));
    }
    if methods.is_empty() {
        return Fail::not_found("Resource not found.");
    }
    let detail = format!("{method} is not allowed here.");
    Fail::new(405, "INVALID_REQUEST_ERROR", "METHOD_NOT_ALLOWED", detail)
}

/// What Square has in the families that this shop has, by its official description.
const OFFICIAL: [(&str, &str); 57] = [
    ("oauth2/authorize", "GET"),
    ("oauth2/revoke", "POST"),
    ("oauth2/token", "POST"),
    ("oauth2/token/status", "POST"),
    ("v2/catalog/batch-delete", "POST"),
    ("v2/catalog/batch-retrieve", "POST"),
    ("v2/catalog/batch-upsert", "POST"),
    ("v2/catalog/images", "POST"),
    ("v2/catalog/images/{}", "PUT"),
    ("v2/catalog/info", "GET"),
    ("v2/catalog/list", "GET"),
    ("v2/catalog/object", "POST"),
    ("v2/catalog/object/{}", "DELETE GET"),
    ("v2/catalog/search", "POST"),
    ("v2/catalog/search-catalog-items", "POST"),
    ("v2/catalog/update-item-modifier-lists", "POST"),
    ("v2/catalog/update-item-taxes", "POST"),
    ("v2/events", "POST"),
    ("v2/events/disable", "PUT"),
    ("v2/events/enable", "PUT"),
    ("v2/events/types", "GET"),
    ("v2/inventory/adjustment/{}", "GET"),
    ("v2/inventory/adjustments/{}", "GET"),
    ("v2/inventory/batch-change", "POST"),
    ("v2/inventory/batch-retrieve-changes", "POST"),
    ("v2/inventory/batch-retrieve-counts", "POST"),
    ("v2/inventory/changes/batch-create", "POST"),
    ("v2/inventory/changes/batch-retrieve", "POST"),
    ("v2/inventory/counts/batch-retrieve", "POST"),
    ("v2/inventory/physical-count/{}", "GET"),
    ("v2/inventory/physical-counts/{}", "GET"),
    ("v2/inventory/transfers/{}", "GET"),
    ("v2/inventory/{}", "GET"),
    ("v2/inventory/{}/changes", "GET"),
    ("v2/locations", "GET POST"),
    ("v2/locations/{}", "GET PUT"),
    ("v2/merchants", "GET"),
    ("v2/merchants/{}", "GET"),
    ("v2/orders", "POST"),
    ("v2/orders/batch-retrieve", "POST"),
    ("v2/orders/calculate", "POST"),
    ("v2/orders/clone", "POST"),
    ("v2/orders/search", "POST"),
    ("v2/orders/{}", "GET PUT"),
    ("v2/orders/{}/pay", "POST"),
    ("v2/payments", "GET POST"),
    ("v2/payments/cancel", "POST"),
    ("v2/payments/{}", "GET PUT"),
    ("v2/payments/{}/cancel", "POST"),
    ("v2/payments/{}/complete", "POST"),
    ("v2/refunds", "GET POST"),
    ("v2/refunds/{}", "GET"),
    ("v2/webhooks/event-types", "GET"),
    ("v2/webhooks/subscriptions", "GET POST"),
    ("v2/webhooks/subscriptions/{}", "DELETE GET PUT"),
    ("v2/webhooks/subscriptions/{}/signature-key", "POST"),
    ("v2/webhooks/subscriptions/{}/test", "POST"),
];

/// Families of which this shop has nothing.
const ELSEWHERE: [&str; 24] = [
    "apple-pay",
    "bank-accounts",
    "bookings",
    "cards",
    "cash-drawers",
    "channels",
    "checkout",
    "customers",
    "devices",
    "disputes",
    "employees",
    "gift-cards",
    "invoices",
    "labor",
    "loyalty",
    "mobile",
    "online-checkout",
    "payouts",
    "sites",
    "subscriptions",
    "team-members",
    "terminals",
    "transfer-orders",
    "vendors",
];
