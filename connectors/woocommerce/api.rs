//! Requests to a shop and its answers. The only file that builds addresses and proves who we are.
//!
//! Over https the key goes as HTTP Basic. Over plain http WooCommerce refuses that and wants every
//! request signed (OAuth 1.0a, one-legged, HMAC-SHA-256, in the query), each with a nonce of its own.
//!
//! A 404 means that something is gone only when WooCommerce itself says so in its own form: a proxy,
//! a maintenance page or switched-off permalinks answer 404 too, and must never make an order vanish.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    ChannelError, ErrorKind, Port, Secret,
    http::{Answer, Effect, Request},
};
use domain::Time;
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;

use super::wire::{self, Id};

/// The most that WooCommerce puts on a page.
pub(super) const PAGE_SIZE: usize = 100;

/// The way to one shop.
pub(super) struct Api {
    pub(super) port: Port,
    /// The address of the shop, without a slash at its end.
    pub(super) base: String,
    pub(super) is_signed: bool,
    pub(super) key: String,
    pub(super) secret: Secret,
}

/// A page of things that are read one by one, because one broken order must not hide the others.
pub(super) struct RawPage {
    pub(super) items: Vec<Value>,
    /// How many pages the shop says there are.
    pub(super) pages: Option<u64>,
}

type Query<'a> = &'a [(&'a str, String)];

impl Api {
    /// The front page of the REST API. It is public, and WordPress takes our key there for a wrong
    /// password of its own.
    pub(super) async fn index(&self) -> Result<wire::Index, ChannelError> {
        let operation = "read the name of the shop";
        let request = http::Request::builder()
            .uri(format!("{}/wp-json/", self.base))
            .header(header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|error| ChannelError::rejected(operation, error.to_string()))?;
        self.send(operation, Effect::None, request).await?.json()
    }

    /// One page of orders changed after an instant, oldest change first.
    pub(super) async fn orders_modified_after(
        &self,
        after: Time,
        page: u64,
    ) -> Result<RawPage, ChannelError> {
        let query = [
            ("modified_after", after.to_naive_utc()),
            ("dates_are_gmt", "true".to_owned()),
            ("orderby", "modified".to_owned()),
            ("order", "asc".to_owned()),
            ("per_page", PAGE_SIZE.to_string()),
            ("page", page.to_string()),
        ];
        self.page("read orders", "wc/v3/orders", &query).await
    }

    /// Orders by their ids, at most a page of them. Those in the bin and drafts are not in the answer.
    pub(super) async fn orders_by_id(&self, ids: &[Id]) -> Result<Vec<Value>, ChannelError> {
        let page = self
            .page("read orders by id", "wc/v3/orders", &including(ids))
            .await?;
        Ok(page.items)
    }

    /// One order, also from the bin.
    pub(super) async fn order<T: DeserializeOwned>(&self, id: &Id) -> Result<T, ChannelError> {
        let route = format!("wc/v3/orders/{}", id.as_str());
        self.get("read an order", &route, &[]).await
    }

    /// The refunds of an order, with their lines.
    pub(super) async fn refunds(&self, order: &Id) -> Result<Vec<wire::Refund>, ChannelError> {
        let route = format!("wc/v3/orders/{}/refunds", order.as_str());
        let query = [("per_page", PAGE_SIZE.to_string())];
        self.get("read the refunds of an order", &route, &query)
            .await
    }

    /// The notes on an order that its buyer sees.
    pub(super) async fn notes(&self, order: &Id) -> Result<Vec<wire::Note>, ChannelError> {
        let route = format!("wc/v3/orders/{}/notes", order.as_str());
        let query = [("type", "customer".to_owned())];
        self.get("read the notes on an order", &route, &query).await
    }

    /// Writes fields of an order; the same fields twice are the same as once.
    pub(super) async fn update_order(
        &self,
        operation: &'static str,
        id: &Id,
        body: &Value,
    ) -> Result<wire::Named, ChannelError> {
        let route = format!("wc/v3/orders/{}", id.as_str());
        self.write(operation, Effect::Idempotent, Method::PUT, &route, body)
            .await
    }

    /// Adds something below an order: a note, a refund, a tracking entry. Twice is twice.
    pub(super) async fn add<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        route: &str,
        body: &Value,
    ) -> Result<T, ChannelError> {
        self.write(operation, Effect::Once, Method::POST, route, body)
            .await
    }

    /// One page of products, by id.
    pub(super) async fn products(&self, page: u64) -> Result<RawPage, ChannelError> {
        self.page("read products", "wc/v3/products", &by_id(page))
            .await
    }

    /// One page of the variations of a product, by id.
    pub(super) async fn variations(&self, parent: &Id, page: u64) -> Result<RawPage, ChannelError> {
        let route = format!("wc/v3/products/{}/variations", parent.as_str());
        self.page("read variations", &route, &by_id(page)).await
    }

    /// Products, or variations of one, by their ids, at most a page of them.
    pub(super) async fn levels(
        &self,
        parent: Option<&Id>,
        ids: &[Id],
    ) -> Result<Vec<wire::Product>, ChannelError> {
        let route = match parent {
            Some(parent) => format!("wc/v3/products/{}/variations", parent.as_str()),
            None => "wc/v3/products".to_owned(),
        };
        self.get("read levels", &route, &including(ids)).await
    }

    /// Writes several products, or variations of one. A 200 says nothing of the single items.
    pub(super) async fn update_products(
        &self,
        parent: Option<&Id>,
        body: &Value,
    ) -> Result<wire::Batch, ChannelError> {
        let route = match parent {
            Some(parent) => format!("wc/v3/products/{}/variations/batch", parent.as_str()),
            None => "wc/v3/products/batch".to_owned(),
        };
        let effect = Effect::Idempotent;
        self.write("set levels", effect, Method::POST, &route, body)
            .await
    }

    /// One page of the subscriptions to hooks.
    pub(super) async fn webhooks(&self, page: u64) -> Result<RawPage, ChannelError> {
        self.page("read webhooks", "wc/v3/webhooks", &by_id(page))
            .await
    }

    /// Switches a subscription on.
    pub(super) async fn update_webhook(
        &self,
        id: &Id,
        body: &Value,
    ) -> Result<wire::Webhook, ChannelError> {
        let route = format!("wc/v3/webhooks/{}", id.as_str());
        let (operation, effect) = ("enable a webhook", Effect::Idempotent);
        self.write(operation, effect, Method::PUT, &route, body)
            .await
    }

    /// A page of things that are read one by one.
    async fn page(
        &self,
        operation: &'static str,
        route: &str,
        query: Query<'_>,
    ) -> Result<RawPage, ChannelError> {
        let answer = self.call(operation, Method::GET, route, query).await?;
        let pages = answer
            .header("x-wp-totalpages")
            .and_then(|text| text.trim().parse().ok());
        let items = answer.json()?;
        Ok(RawPage { items, pages })
    }

    /// Reads one thing.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        route: &str,
        query: Query<'_>,
    ) -> Result<T, ChannelError> {
        self.call(operation, Method::GET, route, query)
            .await?
            .json()
    }

    async fn call(
        &self,
        operation: &'static str,
        method: Method,
        route: &str,
        query: Query<'_>,
    ) -> Result<Answer, ChannelError> {
        let request = self.request(operation, &method, route, query, None)?;
        self.send(operation, Effect::None, request).await
    }

    /// Writes. An answer that cannot be read leaves it open whether the write happened.
    async fn write<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        effect: Effect,
        method: Method,
        route: &str,
        body: &Value,
    ) -> Result<T, ChannelError> {
        let request = self.request(operation, &method, route, &[], Some(body))?;
        let answer = self.send(operation, effect, request).await?;
        answer.json().map_err(|error| {
            let reason = error.kind.to_string();
            ChannelError::new(operation, ErrorKind::Ambiguous { reason })
        })
    }

    async fn send(
        &self,
        operation: &'static str,
        effect: Effect,
        request: Request,
    ) -> Result<Answer, ChannelError> {
        let answer = self.port.call_unjudged(operation, effect, request).await?;
        if let Some(kind) = refusal(&answer) {
            return Err(ChannelError::new(operation, kind));
        }
        answer.judged(effect, self.port.http.now())?.success()
    }

    /// A request that proves who we are.
    fn request(
        &self,
        operation: &'static str,
        method: &Method,
        route: &str,
        query: Query<'_>,
        body: Option<&Value>,
    ) -> Result<Request, ChannelError> {
        let address = format!("{}/wp-json/{route}", self.base);
        let mut pairs: Vec<(String, String)> = query
            .iter()
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        if self.is_signed {
            self.sign(method, &address, &mut pairs);
        }
        let query: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let uri = match query.is_empty() {
            true => address,
            false => format!("{address}?{}", query.join("&")),
        };
        let mut request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(header::ACCEPT, "application/json");
        if !self.is_signed {
            let pair = format!("{}:{}", self.key, self.secret.expose());
            let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
            request = request.header(header::AUTHORIZATION, basic);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        request
            .body(bytes)
            .map_err(|error| ChannelError::rejected(operation, error.to_string()))
    }

    /// Adds an OAuth 1.0a signature (RFC 5849 §3.4) to the encoded pairs of a query.
    fn sign(&self, method: &Method, address: &str, pairs: &mut Vec<(String, String)>) {
        let now = self.port.http.now().seconds().to_string();
        for (name, value) in [
            ("oauth_consumer_key", self.key.as_str()),
            ("oauth_nonce", &self.port.http.nonce()),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", &now),
            ("oauth_version", "1.0"),
        ] {
            pairs.push((name.to_owned(), encode(value)));
        }
        let signature = signature(method, address, pairs, &self.secret);
        pairs.push(("oauth_signature".to_owned(), encode(&signature)));
    }
}

/// The signature of a request: `pairs` are percent-encoded once and in any order.
fn signature(
    method: &Method,
    address: &str,
    pairs: &[(String, String)],
    secret: &Secret,
) -> String {
    let mut sorted = pairs.to_vec();
    sorted.sort();
    let joined: Vec<String> = sorted
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let base = format!("{method}&{}&{}", encode(address), encode(&joined.join("&")));
    // One-legged: there is no token secret behind the ampersand.
    let key = format!("{}&", secret.expose());
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(base.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

/// Percent-encoding by RFC 3986: everything but the unreserved characters.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The query for a page by id.
fn by_id(page: u64) -> [(&'static str, String); 4] {
    [
        ("orderby", "id".to_owned()),
        ("order", "asc".to_owned()),
        ("per_page", PAGE_SIZE.to_string()),
        ("page", page.to_string()),
    ]
}

/// The query for things by their ids.
fn including(ids: &[Id]) -> [(&'static str, String); 2] {
    let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    [
        ("include", ids.join(",")),
        ("per_page", PAGE_SIZE.to_string()),
    ]
}

/// What WooCommerce says in its body where the status alone would mislead.
fn refusal(answer: &Answer) -> Option<ErrorKind> {
    let status = answer.status().as_u16();
    let said = match serde_json::from_slice::<wire::Refusal>(answer.body()) {
        Ok(said) => said,
        Err(_) if status == 404 => {
            return Some(ErrorKind::Malformed {
                reason: "404 without WooCommerce's own words: the address is wrong, or something \
                         before the shop answers for it"
                    .to_owned(),
            });
        }
        Err(_) => return None,
    };
    let reason = said.sentence();
    match (status, said.code.as_str()) {
        // A refund that is larger than what is left, or that the payment provider refuses: nothing
        // was refunded, whatever the status says.
        (500, "woocommerce_rest_cannot_create_order_refund") => {
            Some(ErrorKind::Rejected { reason })
        }
        (404, code) if code.contains("invalid") && code.ends_with("id") => None,
        (404, _) | (400 | 405 | 409 | 413 | 422 | 501, _) => Some(ErrorKind::Rejected { reason }),
        (_, _) => None,
    }
}

impl wire::Refusal {
    /// The refusal in one line, short enough for a log and without control characters.
    pub(super) fn sentence(&self) -> String {
        const LENGTH_MAX: usize = 240;
        format!("{} ({})", self.message.as_str(), self.code)
            .chars()
            .filter(|c| !c.is_control())
            .take(LENGTH_MAX)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay_as_they_are() {
        assert_eq!(encode("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(encode("2026-11-01T10:00:00"), "2026-11-01T10%3A00%3A00");
        assert_eq!(encode("1,2 +&é"), "1%2C2%20%2B%26%C3%A9");
    }

    #[test]
    fn a_signature_covers_method_address_and_every_pair_in_any_order() {
        let secret = Secret::new("cs_secret");
        let pair = |name: &str, value: &str| (name.to_owned(), encode(value));
        let pairs = vec![pair("per_page", "100"), pair("oauth_nonce", "n")];
        let mut turned = pairs.clone();
        turned.reverse();
        let address = "http://shop.example.com/wp-json/wc/v3/orders";
        let sign = |method: &Method, address: &str, pairs: &[(String, String)]| {
            signature(method, address, pairs, &secret)
        };
        let signed = sign(&Method::GET, address, &pairs);
        let mut dated = pairs.clone();
        dated.push(pair("modified_after", "2026-11-01T10:00:00"));
        // Computed once with another program from RFC 5849.
        assert_eq!(
            sign(&Method::GET, address, &dated),
            "+B13sSlA6rWOesbo7+7fVD/8mQB8Rh3OncCHkUl9HCk="
        );
        assert_eq!(signed, sign(&Method::GET, address, &turned));
        assert_ne!(signed, sign(&Method::PUT, address, &pairs));
        assert_ne!(signed, sign(&Method::GET, "http://other", &pairs));
        assert_ne!(signed, sign(&Method::GET, address, &pairs[..1]));
    }
}
