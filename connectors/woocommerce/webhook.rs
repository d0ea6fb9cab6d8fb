//! Hooks: proving them, reading them, and subscribing to them.
//!
//! The signature covers the body and nothing else: the topic comes from a header that anybody may have
//! changed, so a wrong topic must never do more than ask for a look. The delivery id is no identity
//! either, deliveries of one second share it; nothing here reads it.

use channel::{
    ChannelError, HookAnswer, HookRefusal, HookRequest, HookState, Malformed, ReadHooks,
    RegisterHooks, Secret, Verdict, Verified, hook,
};
use domain::{
    ExternalId, ListingId, Time,
    snapshot::{Observation, OrderSnapshot},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    TOPICS, Woo,
    map::{self, Counting},
    wire::{self, Id, Text},
};

#[async_trait::async_trait]
impl ReadHooks for Woo {
    fn verify(&self, request: &HookRequest, _now: Time) -> Verdict {
        if is_ping(request) {
            return Verdict::Answer(HookAnswer {
                status: 200,
                content_type: "text/plain",
                body: String::new(),
            });
        }
        if request.method != "POST" {
            return Verdict::Refused(HookRefusal::Missing);
        }
        let secrets: Vec<&Secret> = self.hook_secrets.iter().collect();
        let signature = request.header("x-wc-webhook-signature");
        match hook::verify_hmac_sha256_base64(request, signature, &secrets, b"") {
            Ok(verified) => Verdict::Verified(verified),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, Malformed> {
        let request = hook.request();
        let topic = request.header("x-wc-webhook-topic").unwrap_or("");
        let observation = match topic {
            "order.created" | "order.updated" | "order.restored" => read_order(request)?,
            "order.deleted" => Observation::LookAtOrder(named(request)?),
            "product.updated" => read_level(request)?,
            "product.created" | "product.restored" | "product.published" => {
                self.read_listing(request)?
            }
            "product.deleted" => {
                named(request)?;
                Observation::LookAtListings
            }
            other => Observation::Nothing(format!(
                "we use no hooks of the topic `{}`",
                other.chars().take(60).collect::<String>()
            )),
        };
        Ok(vec![observation])
    }

    async fn fetch_key(&self, _key_id: &str) -> Result<(), ChannelError> {
        Err(ChannelError::rejected(
            "fetch a key",
            "hooks of WooCommerce are signed with a shared secret, no key is needed",
        ))
    }
}

impl Woo {
    fn read_listing(&self, request: &HookRequest) -> Result<Observation, Malformed> {
        let product: wire::Product = body(request)?;
        // A variation comes without the name of its parent, a parent without its variations.
        if product.kind.as_str() != "simple" {
            return Ok(Observation::LookAtListings);
        }
        match map::listing(&product, None, self.known_currency()) {
            Some(listing) => Ok(Observation::Listing(listing)),
            None => Ok(Observation::LookAtListings),
        }
    }
}

/// The unsigned greeting that WooCommerce sends when a webhook is made or enabled: a form with nothing
/// but `webhook_id=N`. Whatever has any other form must be signed.
fn is_ping(request: &HookRequest) -> bool {
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let has_own_headers = request
        .headers
        .iter()
        .any(|(name, _)| name.starts_with("x-wc-"));
    let id = std::str::from_utf8(&request.body)
        .ok()
        .and_then(|body| body.strip_prefix("webhook_id="))
        .and_then(Id::parse);
    request.method == "POST" && is_form && !has_own_headers && id.is_some()
}

fn read_order(request: &HookRequest) -> Result<Observation, Malformed> {
    if let Ok(refusal) = serde_json::from_slice::<wire::Refusal>(&request.body)
        && refusal.code == "woocommerce_rest_shop_order_invalid_id"
    {
        return Ok(Observation::Nothing(
            "the order was deleted for good before the shop wrote the hook".to_owned(),
        ));
    }
    let order: wire::Order = body(request)?;
    // The order says how much was refunded, but not of which lines: only a read can tell.
    if !order.refunds.is_empty() {
        return Ok(Observation::LookAtOrder(ExternalId::new(order.id.as_str())));
    }
    let snapshot: OrderSnapshot = map::order(&order, &[])
        .map_err(|reason| malformed(request, Some(order.id.as_str()), reason))?;
    Ok(Observation::Order(Box::new(snapshot)))
}

/// A product or variation whose level may have changed. Our own writes come back here too.
fn read_level(request: &HookRequest) -> Result<Observation, Malformed> {
    let product: wire::Product = body(request)?;
    let listing = match product.kind.as_str() {
        "variation" => {
            let parent = Id::parse(product.parent_id.as_str()).ok_or_else(|| {
                let reason = "the variation does not name its parent".to_owned();
                malformed(request, Some(product.id.as_str()), reason)
            })?;
            map::variation_id(&parent, &product.id)
        }
        "simple" => ListingId::new(product.id.as_str()),
        "" => {
            let reason = "the product has no type".to_owned();
            return Err(malformed(request, Some(product.id.as_str()), reason));
        }
        other => {
            return Ok(Observation::Nothing(format!(
                "a product of the type `{}` has no level of its own",
                other.chars().take(60).collect::<String>()
            )));
        }
    };
    let snapshot = map::level_snapshot(listing, &product);
    match (map::counting(&product), snapshot.level) {
        (Counting::Own, Some(level)) if level.to_whole().is_some() => {
            Ok(Observation::Level(snapshot))
        }
        (Counting::Own, _) => Ok(Observation::LookAtLevel(snapshot.listing)),
        (Counting::Parent | Counting::No, _) => Ok(Observation::Nothing(
            "the shop does not count this product".to_owned(),
        )),
    }
}

/// The id in a body that may hold nothing else.
fn named(request: &HookRequest) -> Result<ExternalId, Malformed> {
    let named: wire::Named = body(request)?;
    Ok(ExternalId::new(named.id.as_str()))
}

fn body<T: DeserializeOwned>(request: &HookRequest) -> Result<T, Malformed> {
    let bytes = &request.body;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| malformed(request, None, error.to_string()))
}

fn malformed(request: &HookRequest, id: Option<&str>, reason: String) -> Malformed {
    Malformed {
        external_id: id.map(str::to_owned),
        reason,
        raw: String::from_utf8_lossy(&request.body).into_owned(),
    }
}

/// The key that WooCommerce signs with: it takes its secret for HTML and decodes it first, once.
pub(super) fn signing_secret(secret: &Secret) -> Secret {
    const ENTITIES: [(&str, char); 4] = [("quot", '"'), ("lt", '<'), ("gt", '>'), ("amp", '&')];
    let mut decoded = String::new();
    let mut rest = secret.expose();
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let entity = after.split_once(';').and_then(|(name, behind)| {
            let named = ENTITIES.iter().find(|(entity, _)| *entity == name);
            let character = named.map(|(_, character)| *character);
            Some((character.or_else(|| numbered(name))?, behind))
        });
        match entity {
            Some((character, behind)) => {
                decoded.push(character);
                rest = behind;
            }
            None => {
                decoded.push('&');
                rest = after;
            }
        }
    }
    decoded.push_str(rest);
    Secret::new(decoded)
}

/// The characters that WordPress decodes from their numbers, zeros in front allowed: five in decimal,
/// three in hexadecimal.
fn numbered(name: &str) -> Option<char> {
    let number = name.strip_prefix('#').filter(|rest| !rest.contains('+'))?;
    let (code, known) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (u32::from_str_radix(hex, 16).ok()?, "\"'&"),
        None => (number.parse().ok()?, "\"'&<>"),
    };
    char::from_u32(code).filter(|character| known.contains(*character))
}

#[async_trait::async_trait]
impl RegisterHooks for Woo {
    async fn ensure(&self, url: &str) -> Result<Vec<HookState>, ChannelError> {
        let ours = self.webhooks_to(url).await?;
        let mut states = Vec::new();
        for topic in TOPICS {
            let mut there = ours.iter().filter(|hook| hook.topic.as_str() == *topic);
            let active = there.clone().find(|hook| hook.status.as_str() == "active");
            let state = match active.or_else(|| there.next()) {
                Some(hook) if hook.status.as_str() == "disabled" => {
                    self.enable(topic, hook).await?
                }
                Some(hook) => state(topic, hook, "kept"),
                None => self.subscribe(topic, url).await?,
            };
            states.push(state);
        }
        Ok(states)
    }
}

impl Woo {
    /// The subscriptions that deliver to our address.
    async fn webhooks_to(&self, url: &str) -> Result<Vec<wire::Webhook>, ChannelError> {
        const PAGE_MAX: u64 = 50;
        let operation = "read webhooks";
        let mut ours: Vec<wire::Webhook> = Vec::new();
        for page in 1..=PAGE_MAX {
            let raw = self.api.webhooks(page).await?;
            if raw.items.is_empty() {
                return Ok(ours);
            }
            for item in raw.items {
                let hook: wire::Webhook = serde_json::from_value(item)
                    .map_err(|error| ChannelError::malformed(operation, error.to_string()))?;
                if hook.delivery_url.as_str() == url && ours.iter().all(|known| known.id != hook.id)
                {
                    ours.push(hook);
                }
            }
            if raw.pages.is_some_and(|pages| page >= pages) {
                return Ok(ours);
            }
        }
        Err(ChannelError::malformed(
            operation,
            "the shop has more webhooks than any shop needs",
        ))
    }

    async fn subscribe(&self, topic: &str, url: &str) -> Result<HookState, ChannelError> {
        let body = json!({
            "name": format!("Oneshelf {topic}"),
            "topic": topic,
            "delivery_url": url,
            // Without one, the shop makes a secret of its own and shows it to nobody.
            "secret": self.webhook_secret.expose(),
            "status": "active",
        });
        let made: wire::Webhook = self
            .api
            .add("create a webhook", "wc/v3/webhooks", &body)
            .await?;
        Ok(state(topic, &made, "created"))
    }

    async fn enable(&self, topic: &str, hook: &wire::Webhook) -> Result<HookState, ChannelError> {
        let body = json!({ "status": "active", "secret": self.webhook_secret.expose() });
        let enabled = self.api.update_webhook(&hook.id, &body).await?;
        Ok(state(topic, &enabled, "enabled"))
    }
}

fn state(topic: &str, hook: &wire::Webhook, action: &str) -> HookState {
    HookState {
        topic: topic.to_owned(),
        external_id: hook.id.as_str().to_owned(),
        active: hook.status == Text("active".to_owned()),
        action: action.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_decoded_as_wordpress_decodes_it() {
        for (stored, signs) in [
            ("plain", "plain"),
            ("wc&amp;&quot;secret", "wc&\"secret"),
            ("a&b", "a&b"),
            ("a&b;c", "a&b;c"),
            ("&amp;lt;", "&lt;"),
            ("&#039;&#x27;&#39;&#0039;", "''''"),
            ("&lt;&#060;&gt;&#x3C;", "<<>&#x3C;"),
            ("&#+39;&#38;&#X26;", "&#+39;&&"),
            ("&copy;&#65;", "&copy;&#65;"),
            ("&", "&"),
            ("&#;&#x;&;", "&#;&#x;&;"),
        ] {
            let secret = signing_secret(&Secret::new(stored));
            assert_eq!(secret.expose(), signs, "{stored}");
        }
    }
}
