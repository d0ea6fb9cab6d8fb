//! What propagation and backfill are compared with: a small client that writes levels to the same shops
//! over the same HTTP stack, or reads the same pages, and nothing else. It knows beforehand what to write,
//! keeps nothing, decides nothing, reads nothing back and heeds no quota.

use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use channel::HttpPort;
use domain::Sku;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    arrivals::NUMBER,
    load::{now, pause},
};
use crate::sandbox_host::HostedShop;

/// The most that a shop gives at once.
const PAGE: &str = "100";

/// A client of one shop.
pub(super) struct Client {
    http: Arc<dyn HttpPort>,
    url: String,
    key: String,
    secret: String,
}

/// How many writes, of what size, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Likeness {
    /// How many calls.
    pub(super) calls: u64,
    /// How many listings each of them writes.
    pub(super) listings: usize,
    /// From the first to the last.
    pub(super) lasts: Duration,
}

impl Client {
    /// One that may do what the daemon may.
    pub(super) fn new(shop: &HostedShop, http: Arc<dyn HttpPort>) -> anyhow::Result<Client> {
        let settings = shop.settings();
        let text = |name: &str| settings[name].as_str().map(str::to_owned);
        Ok(Client {
            http,
            url: text("url").context("an address")?,
            key: text("consumer_key").context("a key")?,
            secret: text("consumer_secret").context("a secret")?,
        })
    }

    /// The product of each item there.
    pub(super) async fn products(&self, skus: &[Sku]) -> anyhow::Result<Vec<u64>> {
        let request = self.request("GET", "/wp-json/wc/v3/products", &[("per_page", PAGE)]);
        let request = request.body(Vec::new())?;
        let listed = send(self.http.as_ref(), request).await?;
        let listed: Vec<Value> = serde_json::from_slice(&listed)?;
        let id = |sku: &Sku| {
            let mut listed = listed.iter();
            let product = listed.find(|product| product["sku"] == sku.as_str());
            product.and_then(|product| product["id"].as_u64())
        };
        let ids: Option<Vec<u64>> = skus.iter().map(id).collect();
        ids.context("the shop lists all items")
    }

    /// How many orders there are on a page of all of them, read to JSON and thrown away.
    pub(super) async fn read_orders(&self, page: u64) -> anyhow::Result<usize> {
        let page = page.to_string();
        let query = [
            ("order", "asc"),
            ("orderby", "modified"),
            ("page", &page),
            ("per_page", PAGE),
        ];
        let request = self.request("GET", "/wp-json/wc/v3/orders", &query);
        let listed = send(self.http.as_ref(), request.body(Vec::new())?).await?;
        let listed: Vec<Value> = serde_json::from_slice(&listed)?;
        Ok(listed.len())
    }

    /// A write that says which it is, ready to be sent.
    pub(super) fn write(
        &self,
        number: u64,
        levels: &[(u64, i64)],
    ) -> anyhow::Result<http::Request<Vec<u8>>> {
        let update = |(id, level): &(u64, i64)| json!({ "id": id, "manage_stock": true, "stock_quantity": level });
        let updates: Vec<Value> = levels.iter().map(update).collect();
        let body = json!({ "update": updates }).to_string().into_bytes();
        let request = self.request("POST", "/wp-json/wc/v3/products/batch", &[]);
        let request = request.header("content-type", "application/json");
        Ok(request.header(NUMBER, number).body(body)?)
    }

    /// A request with an OAuth 1.0a signature (RFC 5849 §3.4), as the shop wants it over plain http. All
    /// values stand for themselves, so only what is joined of them is escaped.
    fn request(&self, method: &str, path: &str, more: &[(&str, &str)]) -> http::request::Builder {
        let (nonce, stamp) = (self.http.nonce(), self.http.now().seconds().to_string());
        let mut pairs = vec![
            ("oauth_consumer_key", self.key.as_str()),
            ("oauth_nonce", &nonce),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", &stamp),
            ("oauth_version", "1.0"),
        ];
        pairs.extend_from_slice(more);
        pairs.sort_unstable();
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let (address, query) = (format!("{}{path}", self.url), pairs.join("&"));
        let base = format!("{method}&{}&{}", escape(&address), escape(&query));
        let mac = Hmac::<Sha256>::new_from_slice(format!("{}&", self.secret).as_bytes());
        let mut mac = mac.expect("a key of any length will do");
        mac.update(base.as_bytes());
        let signature = escape(&STANDARD.encode(mac.finalize().into_bytes()));
        http::Request::builder()
            .method(method)
            .uri(format!("{address}?{query}&oauth_signature={signature}"))
            .header("accept", "application/json")
    }
}

async fn send(http: &dyn HttpPort, request: http::Request<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let answer = http.send(request).await?;
    let status = answer.status();
    anyhow::ensure!(
        status.is_success(),
        "a plain request was answered with {status}"
    );
    Ok(answer.into_body())
}

/// Percent-encoding by RFC 3986: everything but the unreserved characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes all text");
        }
    }
    escaped
}

/// Sends requests at even distances, each when it is due, and says when each was.
pub(super) async fn send_all(
    http: &Arc<dyn HttpPort>,
    requests: Vec<http::Request<Vec<u8>>>,
    lasts: Duration,
) -> anyhow::Result<Vec<Instant>> {
    let gaps = u32::try_from(requests.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let (begins, every) = (now(), lasts / gaps.max(1));
    let mut dues = Vec::new();
    let mut tasks = tokio::task::JoinSet::new();
    for (request, nth) in requests.into_iter().zip(0..) {
        let (http, due) = (Arc::clone(http), begins + every * nth);
        dues.push(due);
        tasks.spawn(async move {
            pause(due.saturating_duration_since(now())).await;
            send(http.as_ref(), request).await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.context("a plain write failed")??;
    }
    Ok(dues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay_as_they_are() {
        assert_eq!(escape("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(escape("a=b&c+/"), "a%3Db%26c%2B%2F");
    }
}
