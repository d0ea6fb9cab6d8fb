//! Requests and answers. The only file that builds addresses.
//!
//! It must never follow an address that eBay sent: of a `next` link only the number in it is taken,
//! so every call stays on the configured origin.

use std::fmt::Write as _;

use channel::{
    ChannelError, Port,
    http::{Answer, Effect, Request},
};
use domain::Time;
use http::{Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::ebay::{
    auth::{Tokens, Who},
    wire,
};

/// How many orders one call lists; more is refused.
pub(super) const ORDERS_PER_PAGE: u32 = 200;
/// How many orders one call reads by their ids.
pub(super) const ORDERS_PER_READ: usize = 50;
/// How many destinations, subscriptions or topics one call lists, at most.
const NOTIFICATIONS_PER_PAGE: &str = "100";
/// How many such pages are read: more than any application has.
const NOTIFICATION_PAGES_MAX: usize = 20;

const FULFILLMENT: [&str; 3] = ["sell", "fulfillment", "v1"];
const INVENTORY: [&str; 3] = ["sell", "inventory", "v1"];
const NOTIFICATION: [&str; 3] = ["commerce", "notification", "v1"];
const POST_ORDER: [&str; 2] = ["post-order", "v2"];

/// The way to one account.
pub(super) struct Api {
    port: Port,
    base: String,
    marketplace: String,
    tokens: Tokens,
}

/// One call.
struct Call<'a> {
    operation: &'static str,
    effect: Effect,
    who: Who,
    method: Method,
    /// The API, by the beginning of its path.
    api: &'a [&'a str],
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    body: Option<Value>,
}

/// An address on the configured origin, everything in it percent-encoded.
pub(super) fn address(base: &str, path: &[&str], query: &[(&str, &str)]) -> String {
    let mut address = base.to_owned();
    for segment in path {
        address.push('/');
        encode(&mut address, segment);
    }
    for (index, (name, value)) in query.iter().enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        encode(&mut address, name);
        address.push('=');
        encode(&mut address, value);
    }
    address
}

/// Percent-encoding of everything but what RFC 3986 calls unreserved; a space is `%20`.
fn encode(address: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            address.push(char::from(byte));
        } else {
            write!(address, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
}

/// The value of a parameter in a link that eBay sent.
fn parameter(link: &str, name: &str) -> Option<String> {
    let (_, query) = link.split_once('?')?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The offset in a `next` link.
pub(super) fn offset_of(next: Option<&str>) -> Option<u32> {
    parameter(next?, "offset")?.parse().ok()
}

/// A time as eBay writes it: UTC with milliseconds, always three digits.
pub(super) fn stamp(time: Time) -> String {
    format!(
        "{}.{:03}Z",
        time.to_naive_utc(),
        time.millis().rem_euclid(1000)
    )
}

/// Whether a text can be an id of eBay's. It goes into paths, so nothing else is let through.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'!')
}

/// This answer if it is a 2xx; else eBay's refusal, in its words.
fn accepted(operation: &'static str, answer: Answer) -> Result<Answer, ChannelError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(ChannelError::rejected(
        operation,
        wire::refusal(answer.body()),
    ))
}

/// The id of something that was just made: the last part of its `Location`.
pub(super) fn made(answer: &Answer) -> Option<String> {
    let location = answer.header("location")?;
    let path = location.split(['?', '#']).next()?;
    let id = path.trim_end_matches('/').rsplit('/').next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

impl Api {
    pub(super) fn new(port: Port, base: String, marketplace: String, tokens: Tokens) -> Api {
        Api {
            port,
            base,
            marketplace,
            tokens,
        }
    }

    pub(super) fn now(&self) -> Time {
        self.port.http.now()
    }

    /// Sends a call, and once more with another token if eBay refuses the first one.
    async fn send(&self, call: Call<'_>) -> Result<Answer, ChannelError> {
        let token = self.tokens.get(call.who).await?;
        let answer = self.send_with(&call, token.expose()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return answer.judged(call.effect, self.now());
        }
        let token = self.tokens.renew(call.who, &token).await?;
        let answer = self.send_with(&call, token.expose()).await?;
        answer.judged(call.effect, self.now())
    }

    async fn send_with(&self, call: &Call<'_>, token: &str) -> Result<Answer, ChannelError> {
        let request = self.request(call, token)?;
        self.port
            .call_unjudged(call.operation, call.effect, request)
            .await
    }

    fn request(&self, call: &Call<'_>, token: &str) -> Result<Request, ChannelError> {
        let path: Vec<&str> = call.api.iter().chain(call.path).copied().collect();
        // Post-Order is older than the other APIs and has a scheme of its own.
        let scheme = if call.api == POST_ORDER {
            "IAF"
        } else {
            "Bearer"
        };
        let mut request = http::Request::builder()
            .method(call.method.clone())
            .uri(address(&self.base, &path, call.query))
            .header(header::AUTHORIZATION, format!("{scheme} {token}"))
            .header(header::ACCEPT, "application/json")
            .header("X-EBAY-C-MARKETPLACE-ID", &self.marketplace);
        let body = match &call.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        request
            .body(body)
            .map_err(|error| ChannelError::rejected(call.operation, error.to_string()))
    }

    async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        who: Who,
        api: &[&str],
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, ChannelError> {
        let answer = self
            .send(Call {
                operation,
                effect: Effect::None,
                who,
                method: Method::GET,
                api,
                path,
                query,
                body: None,
            })
            .await?;
        accepted(operation, answer)?.json()
    }

    async fn write(
        &self,
        operation: &'static str,
        effect: Effect,
        who: Who,
        method: Method,
        path: (&[&str], &[&str]),
        body: Value,
    ) -> Result<Answer, ChannelError> {
        self.send(Call {
            operation,
            effect,
            who,
            method,
            api: path.0,
            path: path.1,
            query: &[],
            body: Some(body),
        })
        .await
    }

    // Orders.

    pub(super) async fn orders(
        &self,
        changed_since: Time,
        offset: u32,
    ) -> Result<wire::OrderPage, ChannelError> {
        let filter = format!("lastmodifieddate:[{}..]", stamp(changed_since));
        self.get(
            "read orders",
            Who::Seller,
            &FULFILLMENT,
            &["order"],
            &[
                ("filter", &filter),
                ("limit", &ORDERS_PER_PAGE.to_string()),
                ("offset", &offset.to_string()),
            ],
        )
        .await
    }

    pub(super) async fn newest_order(&self) -> Result<wire::OrderPage, ChannelError> {
        self.get(
            "read orders",
            Who::Seller,
            &FULFILLMENT,
            &["order"],
            &[("limit", "1")],
        )
        .await
    }

    pub(super) async fn orders_by_id(&self, ids: &[&str]) -> Result<wire::OrderPage, ChannelError> {
        self.get(
            "read orders by id",
            Who::Seller,
            &FULFILLMENT,
            &["order"],
            &[("orderIds", &ids.join(","))],
        )
        .await
    }

    pub(super) async fn order(&self, id: &str) -> Result<Value, ChannelError> {
        self.get(
            "read an order",
            Who::Seller,
            &FULFILLMENT,
            &["order", id],
            &[],
        )
        .await
    }

    pub(super) async fn parcels(&self, order: &str) -> Result<Vec<wire::Parcel>, ChannelError> {
        let page: wire::ParcelPage = self
            .get(
                "read the parcels of an order",
                Who::Seller,
                &FULFILLMENT,
                &["order", order, "shipping_fulfillment"],
                &[],
            )
            .await?;
        Ok(page.fulfillments)
    }

    pub(super) async fn create_parcel(
        &self,
        order: &str,
        body: Value,
    ) -> Result<Answer, ChannelError> {
        let path = ["order", order, "shipping_fulfillment"];
        self.write(
            "tell of a shipment",
            Effect::Once,
            Who::Seller,
            Method::POST,
            (&FULFILLMENT, &path),
            body,
        )
        .await
    }

    pub(super) async fn issue_refund(
        &self,
        order: &str,
        body: Value,
    ) -> Result<Answer, ChannelError> {
        let path = ["order", order, "issue_refund"];
        self.write(
            "refund an order",
            Effect::Once,
            Who::Seller,
            Method::POST,
            (&FULFILLMENT, &path),
            body,
        )
        .await
    }

    // Cancellation.

    pub(super) async fn check_cancellation(
        &self,
        legacy_order_id: &str,
    ) -> Result<wire::Eligibility, ChannelError> {
        let operation = "ask whether an order can be canceled";
        let path = ["cancellation", "check_eligibility"];
        let answer = self
            .write(
                operation,
                Effect::None,
                Who::Seller,
                Method::POST,
                (&POST_ORDER, &path),
                json!({ "legacyOrderId": legacy_order_id }),
            )
            .await?;
        accepted(operation, answer)?.json()
    }

    pub(super) async fn create_cancellation(&self, body: Value) -> Result<Answer, ChannelError> {
        self.write(
            "cancel an order",
            Effect::Once,
            Who::Seller,
            Method::POST,
            (&POST_ORDER, &["cancellation"]),
            body,
        )
        .await
    }

    pub(super) async fn approve_cancellation(&self, id: &str) -> Result<Answer, ChannelError> {
        let path = ["cancellation", id, "approve"];
        self.write(
            "approve a cancellation",
            Effect::Once,
            Who::Seller,
            Method::POST,
            (&POST_ORDER, &path),
            json!({}),
        )
        .await
    }

    // Stock.

    /// `page` counts pages, not items: this list differs from that of the orders.
    pub(super) async fn inventory_items(
        &self,
        page: u32,
        limit: u32,
    ) -> Result<wire::ItemPage, ChannelError> {
        self.get(
            "read listings",
            Who::Seller,
            &INVENTORY,
            &["inventory_item"],
            &[("limit", &limit.to_string()), ("offset", &page.to_string())],
        )
        .await
    }

    pub(super) async fn items_by_sku(&self, skus: &[&str]) -> Result<wire::ItemBulk, ChannelError> {
        let operation = "read stock";
        let requests: Vec<Value> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
        let answer = self
            .write(
                operation,
                Effect::None,
                Who::Seller,
                Method::POST,
                (&INVENTORY, &["bulk_get_inventory_item"]),
                json!({ "requests": requests }),
            )
            .await?;
        accepted(operation, answer)?.json()
    }

    pub(super) async fn offers(&self, sku: &str) -> Result<wire::OfferPage, ChannelError> {
        self.get(
            "read offers",
            Who::Seller,
            &INVENTORY,
            &["offer"],
            &[("sku", sku)],
        )
        .await
    }

    pub(super) async fn update_quantities(
        &self,
        requests: Vec<Value>,
    ) -> Result<wire::UpdateBulk, ChannelError> {
        let operation = "push stock";
        let answer = self
            .write(
                operation,
                Effect::Idempotent,
                Who::Seller,
                Method::POST,
                (&INVENTORY, &["bulk_update_price_quantity"]),
                json!({ "requests": requests }),
            )
            .await?;
        accepted(operation, answer)?.json()
    }

    // Notifications.

    pub(super) async fn public_key(&self, key_id: &str) -> Result<wire::PublicKey, ChannelError> {
        self.get(
            "fetch a public key",
            Who::Application,
            &NOTIFICATION,
            &["public_key", key_id],
            &[],
        )
        .await
    }

    pub(super) async fn notification_config(&self) -> Result<wire::AlertConfig, ChannelError> {
        self.get(
            "read the notification settings",
            Who::Application,
            &NOTIFICATION,
            &["config"],
            &[],
        )
        .await
    }

    /// Everything of one kind: `destination`, `subscription` or `topic`.
    pub(super) async fn notification_list(
        &self,
        who: Who,
        kind: &str,
    ) -> Result<Vec<wire::NotificationThing>, ChannelError> {
        let mut things = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..NOTIFICATION_PAGES_MAX {
            let mut query = vec![("limit", NOTIFICATIONS_PER_PAGE)];
            if let Some(token) = &token {
                query.push(("continuation_token", token));
            }
            let page: wire::NotificationPage = self
                .get(
                    "read the notifications' set-up",
                    who,
                    &NOTIFICATION,
                    &[kind],
                    &query,
                )
                .await?;
            let next = page
                .next
                .as_deref()
                .and_then(|next| parameter(next, "continuation_token"));
            things.extend(page.things());
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        Ok(things)
    }

    /// Writes something of the notifications' set-up, by its path below `/commerce/notification/v1`.
    /// All of these can be sent twice: eBay refuses a second one of a kind.
    pub(super) async fn write_notification(
        &self,
        who: Who,
        method: Method,
        path: &[&str],
        body: Value,
    ) -> Result<Answer, ChannelError> {
        let operation = "set up the notifications";
        let answer = self
            .write(
                operation,
                Effect::Idempotent,
                who,
                method,
                (&NOTIFICATION, path),
                body,
            )
            .await?;
        accepted(operation, answer)
    }
}
