//! Who is asking.
//!
//! Over https a key and its secret are enough, in a header or in the query. Over plain http WooCommerce
//! does not look at them and wants a signature (OAuth 1.0a without a token) whose nonce is new and whose
//! time is within a quarter of an hour.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use url::Url;

use super::Woo;
use crate::Request;

/// Who is asking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// The merchant's key.
    Merchant,
    /// Nobody that the shop knows.
    Nobody,
    /// Somebody who gives a known key and cannot prove it.
    Wrong(&'static str),
}

/// How far a signature's time may be off.
const WINDOW_S: i64 = 15 * 60;

impl Woo {
    pub(super) fn login(&mut self, request: &Request, now: Time) -> Login {
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes())
                .into_owned()
                .collect();
        let value = |name: &str| {
            let mut pairs = query.iter();
            let pair = pairs.find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str())
        };
        if self.shop.api_url.starts_with("https://") {
            if let Some((key, secret)) = basic(request) {
                return self.compare(&key, &secret);
            }
            if let (Some(key), Some(secret)) = (value("consumer_key"), value("consumer_secret")) {
                return self.compare(key, secret);
            }
        }
        match value("oauth_consumer_key") {
            None => Login::Nobody,
            Some(key) if key != self.keys.consumer_key => Login::Nobody,
            Some(_) => self.check_signature(request, &query, now),
        }
    }

    fn compare(&self, key: &str, secret: &str) -> Login {
        if key != self.keys.consumer_key {
            Login::Nobody
        } else if secret != self.keys.consumer_secret {
            Login::Wrong("Consumer secret is invalid.")
        } else {
            Login::Merchant
        }
    }

    fn check_signature(
        &mut self,
        request: &Request,
        query: &[(String, String)],
        now: Time,
    ) -> Login {
        let value = |name: &str| {
            let mut pairs = query.iter();
            let pair = pairs.find(|(key, _)| key == name);
            pair.map(|(_, value)| value.as_str())
        };
        let (Some(signature), Some(nonce), Some(stamp), Some(method)) = (
            value("oauth_signature"),
            value("oauth_nonce"),
            value("oauth_timestamp"),
            value("oauth_signature_method"),
        ) else {
            return Login::Wrong("Missing OAuth parameter.");
        };
        let base = self.signature_base(request, query);
        let key = format!("{}&", self.keys.consumer_secret);
        let fits = match method {
            "HMAC-SHA256" => signature == hmac_sha256(key.as_bytes(), base.as_bytes()),
            "HMAC-SHA1" => signature == hmac_sha1(key.as_bytes(), base.as_bytes()),
            _ => return Login::Wrong("Invalid signature - signature method is invalid."),
        };
        if !fits {
            return Login::Wrong("Invalid signature - provided signature does not match.");
        }
        let now = now.seconds();
        let Ok(stamp) = stamp.parse::<i64>() else {
            return Login::Wrong("Invalid timestamp.");
        };
        if (now - stamp).abs() > WINDOW_S {
            return Login::Wrong("Invalid timestamp.");
        }
        self.nonces.retain(|_, used| now - *used <= 2 * WINDOW_S);
        if self.nonces.insert(nonce.to_owned(), stamp).is_some() {
            return Login::Wrong("Invalid nonce - nonce has already been used.");
        }
        Login::Merchant
    }

    /// What is signed: method, address without query, and all parameters but the signature in order.
    fn signature_base(&self, request: &Request, query: &[(String, String)]) -> String {
        let origin = Url::parse(&self.shop.api_url)
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default();
        let pairs: Vec<String> = php_query(query)
            .iter()
            .filter(|(name, _)| name != "oauth_signature")
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        format!(
            "{}&{}&{}",
            request.method(),
            escape(&format!("{origin}{}", request.uri().path())),
            escape(&pairs.join("&"))
        )
    }
}

/// A query as PHP has it before it is signed: of a name that comes twice the last value counts, which
/// some clients rely on without knowing; lists are numbered; names are in order, what is below one name
/// is as it came.
fn php_query(query: &[(String, String)]) -> Vec<(String, String)> {
    let mut names: BTreeMap<&str, Vec<(String, &str)>> = BTreeMap::new();
    for (name, value) in query {
        let (head, below) = match name.split_once('[') {
            Some((head, below)) if !head.is_empty() => (head, format!("[{below}")),
            Some(_) | None => (name.as_str(), String::new()),
        };
        let entries = names.entry(head).or_default();
        // A plain value replaces a list, and a list a plain value.
        entries.retain(|(known, _)| known.is_empty() == below.is_empty());
        let below = match below.as_str() {
            "[]" => format!("[{}]", entries.len()),
            _ => below,
        };
        match entries.iter_mut().find(|(known, _)| *known == below) {
            Some((_, known)) => *known = value,
            None => entries.push((below, value)),
        }
    }
    let pairs = names.into_iter().flat_map(|(head, entries)| {
        let pairs = entries.into_iter();
        pairs.map(move |(below, value)| (format!("{head}{below}"), value.to_owned()))
    });
    pairs.collect()
}

/// Key and secret from a Basic header.
fn basic(request: &Request) -> Option<(String, String)> {
    let header = request.headers().get("authorization")?.to_str().ok()?;
    let bytes = BASE64_STANDARD
        .decode(header.strip_prefix("Basic ")?)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (key, secret) = text.split_once(':')?;
    Some((key.to_owned(), secret.to_owned()))
}

/// What PHP's `rawurlencode` does.
fn escape(text: &str) -> String {
    text.bytes()
        .map(
            |byte| match byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            },
        )
        .collect()
}

pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

fn hmac_sha1(key: &[u8], text: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_signed_as_php_has_it() {
        let pairs = |text: &str| -> Vec<(String, String)> {
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect()
        };
        let signed = |text: &str| {
            let pairs = php_query(&pairs(text));
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join("&")
        };
        for (query, expected) in [
            ("b=2&a=1", "a=1&b=2"),
            ("page=1&oauth_nonce=n&page=2", "oauth_nonce=n&page=2"),
            ("include[]=9&include[]=7", "include[0]=9&include[1]=7"),
            ("f[b]=1&f[a]=2", "f[b]=1&f[a]=2"),
            ("include=1&include[]=2", "include[0]=2"),
            ("status_a=1&status=2", "status=2&status_a=1"),
        ] {
            assert_eq!(signed(query), expected, "{query}");
        }
    }
}
