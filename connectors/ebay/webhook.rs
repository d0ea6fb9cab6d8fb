//! Notifications: believing them, and reading what they name.
//!
//! eBay signs with a key that the notification names and that we fetch. The name comes from a
//! stranger, so keys are few, short-lived and fetched at a bounded rate: when a flood of invented
//! names uses that up, notifications wait, and polling goes on.
//!
//! A notification is never more than a hint at an order, so one that comes twice does no harm.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    ChannelError, ErrorKind, HookAnswer, HookRefusal, HookRequest, Malformed, ReadHooks, Secret,
    Verdict, Verified,
    hook::{EcdsaDigest, verify_ecdsa_p256_der},
};
use domain::{ExternalId, Time, snapshot::Observation};
use p256::{ecdsa::VerifyingKey, pkcs8::DecodePublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::ebay::{Ebay, api, wire};

/// How long a key is believed, as eBay recommends.
const KEY_LIFE: Duration = Duration::from_secs(3600);
/// How long a name that eBay does not know stays refused without asking again.
const STRANGER_LIFE: Duration = Duration::from_secs(600);
/// How many keys are kept; eBay uses one or two at a time.
const KEYS_MAX: usize = 16;
/// How many unknown names are remembered.
const STRANGERS_MAX: usize = 64;
/// How many keys are fetched within [`STRANGER_LIFE`].
const FETCHES_MAX: usize = 20;
/// The longest signature header and the longest challenge that are looked at, in bytes.
const HEADER_MAX: usize = 4096;
const CHALLENGE_MAX: usize = 512;
/// How much of an unknown topic is kept.
const TOPIC_MAX: usize = 80;
const FETCH: &str = "fetch a public key";

/// What this account knows of notifications.
pub(super) struct Hooks {
    verification_token: Secret,
    endpoint: String,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    known: BTreeMap<String, (VerifyingKey, Time)>,
    strangers: BTreeMap<String, Time>,
    fetches: VecDeque<Time>,
}

/// What is known of a key's name.
enum Known {
    Key(Box<VerifyingKey>),
    Stranger,
    Nothing,
}

impl Hooks {
    pub(super) fn new(verification_token: Secret, endpoint: String) -> Hooks {
        Hooks {
            verification_token,
            endpoint,
            keys: Mutex::new(Keys::default()),
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn verification_token(&self) -> &str {
        self.verification_token.expose()
    }

    /// The answer by which we prove to eBay that the address is ours.
    pub(super) fn challenge_response(&self, code: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(code.as_bytes());
        hash.update(self.verification_token.expose().as_bytes());
        hash.update(self.endpoint.as_bytes());
        let digest = hash.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn verify(&self, request: &HookRequest, now: Time) -> Verdict {
        if request.method.eq_ignore_ascii_case("GET") {
            return self.challenge(request);
        }
        match self.check(request, now) {
            Ok(verdict) => verdict,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn challenge(&self, request: &HookRequest) -> Verdict {
        let code = form_urlencoded::parse(request.query.as_bytes())
            .find(|(name, _)| name == "challenge_code")
            .map(|(_, code)| code.into_owned());
        match code {
            Some(code) if code.is_empty() || code.len() > CHALLENGE_MAX => {
                Verdict::Refused(HookRefusal::Malformed)
            }
            Some(code) => Verdict::Answer(HookAnswer {
                status: 200,
                content_type: "application/json",
                body: json!({ "challengeResponse": self.challenge_response(&code) }).to_string(),
            }),
            None => Verdict::Refused(HookRefusal::Missing),
        }
    }

    fn check(&self, request: &HookRequest, now: Time) -> Result<Verdict, HookRefusal> {
        let header = request
            .header("x-ebay-signature")
            .ok_or(HookRefusal::Missing)?;
        if header.len() > HEADER_MAX {
            return Err(HookRefusal::Malformed);
        }
        let decode = |text: &str| {
            BASE64_STANDARD
                .decode(text.trim())
                .map_err(|_| HookRefusal::Malformed)
        };
        let header: wire::Signature =
            serde_json::from_slice(&decode(header)?).map_err(|_| HookRefusal::Malformed)?;
        let is_ecdsa = header
            .alg
            .as_deref()
            .is_none_or(|alg| alg.eq_ignore_ascii_case("ecdsa"));
        let digest = match header.digest.as_deref() {
            None | Some("SHA1") => EcdsaDigest::Sha1,
            Some("SHA256") => EcdsaDigest::Sha256,
            Some(_) => return Err(HookRefusal::Malformed),
        };
        if !is_ecdsa || !is_key_id(&header.kid) {
            return Err(HookRefusal::Malformed);
        }
        let signature = decode(&header.signature)?;
        let key = match self.known(&header.kid, now) {
            Known::Key(key) => key,
            Known::Stranger => return Err(HookRefusal::Wrong),
            Known::Nothing => return Ok(Verdict::KeyNeeded(header.kid)),
        };
        let raw = verify_ecdsa_p256_der(request, &signature, &key, digest, &request.body);
        let verified = match raw {
            Ok(verified) => verified,
            Err(HookRefusal::Wrong) => {
                // eBay's own kits sign the JSON as they write it anew, without white space.
                let compact = compact(&request.body).ok_or(HookRefusal::Wrong)?;
                verify_ecdsa_p256_der(request, &signature, &key, digest, &compact)?
            }
            Err(refusal @ (HookRefusal::Missing | HookRefusal::Malformed | HookRefusal::Stale)) => {
                return Err(refusal);
            }
        };
        Ok(Verdict::Verified(verified))
    }

    fn known(&self, key_id: &str, now: Time) -> Known {
        let keys = self.lock();
        if let Some((key, fetched)) = keys.known.get(key_id)
            && now.since(*fetched) < KEY_LIFE
        {
            return Known::Key(Box::new(*key));
        }
        match keys.strangers.get(key_id) {
            Some(asked) if now.since(*asked) < STRANGER_LIFE => Known::Stranger,
            Some(_) | None => Known::Nothing,
        }
    }

    /// Counts a fetch, if there is one left.
    fn begin_fetch(&self, now: Time) -> bool {
        let mut keys = self.lock();
        while keys
            .fetches
            .front()
            .is_some_and(|first| now.since(*first) >= STRANGER_LIFE)
        {
            keys.fetches.pop_front();
        }
        let is_allowed = keys.fetches.len() < FETCHES_MAX;
        if is_allowed {
            keys.fetches.push_back(now);
        }
        is_allowed
    }

    fn keep(&self, key_id: &str, key: VerifyingKey, now: Time) {
        let mut keys = self.lock();
        keys.strangers.remove(key_id);
        keys.known.insert(key_id.to_owned(), (key, now));
        while keys.known.len() > KEYS_MAX {
            let oldest = keys.known.iter().min_by_key(|(_, (_, fetched))| *fetched);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            keys.known.remove(&oldest);
        }
    }

    fn remember_stranger(&self, key_id: &str, now: Time) {
        let mut keys = self.lock();
        keys.known.remove(key_id);
        keys.strangers.insert(key_id.to_owned(), now);
        while keys.strangers.len() > STRANGERS_MAX {
            let oldest = keys.strangers.iter().min_by_key(|(_, asked)| **asked);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            keys.strangers.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ReadHooks for Ebay {
    fn verify(&self, request: &HookRequest, now: Time) -> Verdict {
        match &self.hooks {
            Some(hooks) => hooks.verify(request, now),
            None => Verdict::Refused(HookRefusal::Missing),
        }
    }

    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, Malformed> {
        read(&hook.request().body)
    }

    async fn fetch_key(&self, key_id: &str) -> Result<(), ChannelError> {
        let Some(hooks) = &self.hooks else {
            return Err(ChannelError::rejected(FETCH, "there are no notifications"));
        };
        if !is_key_id(key_id) {
            return Err(ChannelError::rejected(FETCH, "the key has no usable name"));
        }
        let now = self.api.now();
        if !hooks.begin_fetch(now) {
            // Not `Throttled`: strangers must not be able to stop the account's other calls.
            let reason = "too many unknown keys were asked for".to_owned();
            return Err(ChannelError::new(FETCH, ErrorKind::Retry { reason }));
        }
        match self.api.public_key(key_id).await {
            Ok(answer) => {
                let key = public_key(&answer.key)
                    .ok_or_else(|| ChannelError::malformed(FETCH, "the key cannot be read"))?;
                hooks.keep(key_id, key, now);
                Ok(())
            }
            Err(error) => {
                if matches!(error.kind, ErrorKind::Gone | ErrorKind::Rejected { .. }) {
                    hooks.remember_stranger(key_id, now);
                }
                Err(error)
            }
        }
    }
}

/// Whether a text can name a key. It goes into a path.
fn is_key_id(text: &str) -> bool {
    const LENGTH_MAX: usize = 64;
    (1..=LENGTH_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A key in PEM. eBay writes it on a single line, which strict readers refuse.
fn public_key(pem: &str) -> Option<VerifyingKey> {
    let base64: String = pem
        .replace("-----BEGIN PUBLIC KEY-----", "")
        .replace("-----END PUBLIC KEY-----", "")
        .split_ascii_whitespace()
        .collect();
    let der = BASE64_STANDARD.decode(base64).ok()?;
    VerifyingKey::from_public_key_der(&der).ok()
}

/// A JSON text as it would be written anew: the same members in the same order, no white space
/// between them. Nothing if it is no JSON.
fn compact(body: &[u8]) -> Option<Vec<u8>> {
    let value: Ordered = serde_json::from_slice(body).ok()?;
    serde_json::to_vec(&value).ok()
}

/// JSON that keeps the order of its members.
enum Ordered {
    Leaf(Value),
    List(Vec<Ordered>),
    Object(Vec<(String, Ordered)>),
}

impl<'de> serde::Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Ordered, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Ordered;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
                Ok(Ordered::Leaf(value.into()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Ordered, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Ordered::List(list))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut entries: A,
            ) -> Result<Ordered, A::Error> {
                let mut members = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    members.push(entry);
                }
                Ok(Ordered::Object(members))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl serde::Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Ordered::Leaf(value) => value.serialize(serializer),
            Ordered::List(items) => serializer.collect_seq(items),
            Ordered::Object(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

/// What a notification tells.
fn read(body: &[u8]) -> Result<Vec<Observation>, Malformed> {
    let malformed = |reason: String| Malformed {
        external_id: None,
        reason,
        raw: String::from_utf8_lossy(body).into_owned(),
    };
    let notice: wire::Notice =
        serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let data = &notice.notification.data;
    let observation = match notice.metadata.topic.as_str() {
        topic @ ("ORDER_CONFIRMATION" | "ITEM_MARKED_SHIPPED") => match order_id(data) {
            Some(id) if api::is_id(id) => Observation::LookAtOrder(ExternalId::new(id)),
            Some(_) => return Err(malformed("the order id is none".to_owned())),
            None => Observation::Nothing(format!("{topic} names no order; polling finds it")),
        },
        "MARKETPLACE_ACCOUNT_DELETION" => match data.get("username").and_then(Value::as_str) {
            Some(username) if !username.is_empty() => Observation::ForgetBuyer(username.to_owned()),
            Some(_) | None => Observation::Nothing(
                "a person's eBay account was deleted, without its name".to_owned(),
            ),
        },
        "AUTHORIZATION_REVOCATION" => Observation::Revoked,
        topic => {
            let topic: String = topic.chars().take(TOPIC_MAX).collect();
            Observation::Nothing(format!("the topic {topic} is not used"))
        }
    };
    Ok(vec![observation])
}

/// The order that a notification names, at the top of its data or in the order within it.
fn order_id(data: &Value) -> Option<&str> {
    let named = data
        .get("orderId")
        .or_else(|| data.get("order")?.get("orderId"))?;
    named.as_str().filter(|id| !id.is_empty())
}
