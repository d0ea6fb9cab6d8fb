//! Hooks: proving that Square sent them, and reading what they tell.
//!
//! Square signs the address that was registered followed by the body, so the address comes from the
//! settings and never from the request. Events about orders are thin and arrive in any order: they
//! only say which order to look at. Counts are told whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use channel::{
    ChannelError, HookRefusal, HookRequest, Malformed, ReadHooks, Secret, Vault, Verdict, Verified,
    hook,
};
use domain::{ExternalId, Time, snapshot::Observation};
use serde_json::Value;

use super::{Square, auth::of_vault, map, wire};

/// Where the key of a subscription that was made from here is kept.
const VAULT_NAME: &str = "webhook_signature_key";
/// How a missing key is named, since Square's signatures name none.
const KEY_ID: &str = "signature key";

/// What hooks are checked against.
pub(super) struct Hooks {
    url: String,
    keys: Vec<Secret>,
    learned: Mutex<Learned>,
}

/// The key of a subscription that was made from here.
#[derive(Clone)]
enum Learned {
    NotLookedYet,
    None,
    Key(Secret),
}

impl Hooks {
    pub(super) fn new(url: String, keys: Vec<Secret>) -> Hooks {
        Hooks {
            url,
            keys,
            learned: Mutex::new(Learned::NotLookedYet),
        }
    }

    /// The address that hooks are delivered to, as it is registered.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Takes the key that was kept in the vault, if any.
    pub(super) async fn recall(&self, vault: &Arc<dyn Vault>) -> Result<(), ChannelError> {
        let kept = vault.load(VAULT_NAME).await.map_err(of_vault)?;
        if let Some(key) = kept {
            *self.learned() = Learned::Key(key);
        }
        Ok(())
    }

    /// Keeps the key of a subscription, in the vault first.
    pub(super) async fn learn(
        &self,
        vault: &Arc<dyn Vault>,
        key: &str,
    ) -> Result<(), ChannelError> {
        let key = Secret::new(key);
        let known = match &*self.learned() {
            Learned::Key(known) => *known == key,
            Learned::NotLookedYet | Learned::None => false,
        };
        if known || key.expose().is_empty() {
            return Ok(());
        }
        let stored = vault.store(VAULT_NAME, key.clone()).await;
        stored.map_err(of_vault)?;
        *self.learned() = Learned::Key(key);
        Ok(())
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verify(&self, request: &HookRequest) -> Verdict {
        let signature = request.header("x-square-hmacsha256-signature");
        if request.method != "POST" || signature.is_none() {
            return Verdict::Refused(HookRefusal::Missing);
        }
        let learned = self.learned().clone();
        let mut keys: Vec<&Secret> = self.keys.iter().collect();
        match &learned {
            Learned::Key(key) => keys.push(key),
            Learned::NotLookedYet if keys.is_empty() => {
                return Verdict::KeyNeeded(KEY_ID.to_owned());
            }
            Learned::NotLookedYet | Learned::None => {}
        }
        let prefix = self.url.as_bytes();
        match hook::verify_hmac_sha256_base64(request, signature, &keys, prefix) {
            Ok(verified) => Verdict::Verified(verified),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }
}

#[async_trait]
impl ReadHooks for Square {
    fn verify(&self, request: &HookRequest, _now: Time) -> Verdict {
        match &self.hooks {
            Some(hooks) => hooks.verify(request),
            None => Verdict::Refused(HookRefusal::Missing),
        }
    }

    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, Malformed> {
        let body = &hook.request().body;
        observations(body, &self.location).map_err(|reason| Malformed {
            external_id: None,
            reason,
            raw: String::from_utf8_lossy(body).into_owned(),
        })
    }

    /// The key of the subscription at our address: from the vault, else from Square. Only a
    /// personal token may ask for it.
    async fn fetch_key(&self, _key_id: &str) -> Result<(), ChannelError> {
        const OPERATION: &str = "find the signature key";
        let Some(hooks) = &self.hooks else {
            return Err(ChannelError::rejected(OPERATION, "no hooks are taken"));
        };
        let vault = &self.api.port().vault;
        hooks.recall(vault).await?;
        if matches!(*hooks.learned(), Learned::Key(_)) {
            return Ok(());
        }
        if self.api.can_subscribe() {
            let found = self.subscription_at(hooks.url()).await?;
            if let Some(key) = found.and_then(|found| found.signature_key) {
                return hooks.learn(vault, &key).await;
            }
        }
        *hooks.learned() = Learned::None;
        let reason = "set webhook_signature_key, or let the hooks be registered from here";
        Err(ChannelError::rejected(OPERATION, reason))
    }
}

/// What an event tells an account at a location.
fn observations(body: &[u8], location: &str) -> Result<Vec<Observation>, String> {
    let event: wire::Event = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let object = event.data.and_then(|data| data.object);
    let object = object.as_ref();
    let observed = match event.kind.as_str() {
        "order.created" => about_order(object, "order_created", location)?,
        "order.updated" => about_order(object, "order_updated", location)?,
        "order.fulfillment.updated" => about_order(object, "order_fulfillment_updated", location)?,
        "payment.created" | "payment.updated" => about_order(object, "payment", location)?,
        "refund.created" | "refund.updated" => about_order(object, "refund", location)?,
        "inventory.count.updated" => return levels(object, location),
        "catalog.version.updated" => Observation::LookAtListings,
        "oauth.authorization.revoked" => Observation::Revoked,
        other => {
            let other: String = other.chars().filter(|c| !c.is_control()).take(80).collect();
            Observation::Nothing(format!("an event of type {other}"))
        }
    };
    Ok(vec![observed])
}

/// The order that an event is about, if it belongs to our location.
fn about_order(object: Option<&Value>, key: &str, location: &str) -> Result<Observation, String> {
    let about = object.and_then(|object| object.get(key));
    let about = about.ok_or_else(|| format!("there is no {key} in it"))?;
    let about: wire::AboutOrder = serde::Deserialize::deserialize(about)
        .map_err(|error: serde_json::Error| error.to_string())?;
    if about.location_id.is_some_and(|other| other != location) {
        return Ok(Observation::Nothing(
            "it is about another location".to_owned(),
        ));
    }
    match map::given(about.order_id.as_deref()) {
        Some(order) => Ok(Observation::LookAtOrder(ExternalId::new(order))),
        // A payment on its own account is not a sale of goods.
        None if matches!(key, "payment" | "refund") => {
            Ok(Observation::Nothing(format!("a {key} without an order")))
        }
        None => Err("order_id is missing".to_owned()),
    }
}

/// The counts of what can be sold at our location; other states and locations tell us nothing.
fn levels(object: Option<&Value>, location: &str) -> Result<Vec<Observation>, String> {
    let counts = object.and_then(|object| object.get("inventory_counts"));
    let counts = counts.ok_or("there is no inventory_counts in it")?;
    let counts: Vec<wire::Count> = serde::Deserialize::deserialize(counts)
        .map_err(|error: serde_json::Error| error.to_string())?;
    let mut levels: Vec<Observation> = counts
        .iter()
        .filter_map(|count| map::level(count, location))
        .map(Observation::Level)
        .collect();
    if levels.is_empty() {
        levels.push(Observation::Nothing(
            "counts of another state or location".to_owned(),
        ));
    }
    Ok(levels)
}
