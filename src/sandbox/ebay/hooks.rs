//! Notifications on their way: queued, signed, retried, and given up.
//!
//! Each is signed with the shop's own P-256 key over the body as it is sent, by SHA-1 as the key says;
//! eBay's own receivers know no other. A destination that fails too often in a
//! row is marked down and hears nothing until it is registered again.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::Time;
use http::header;
use p256::{
    ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner},
    pkcs8::{EncodePublicKey, LineEnding},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Delivery, Shop,
    ebay::{hex, stamp},
};

/// The shortest time from an event to its notification, and by how much it varies.
const DELAY_MS: u64 = 100;
const DELAY_SPREAD_MS: u64 = 300;
/// When a notification that failed is sent again; after the last of these it is given up.
const RETRY_AFTER_S: [u64; 5] = [1, 5, 30, 120, 600];
/// So many failures in a row, and eBay stops sending.
const FAILURES_MAX: u32 = 100;
/// Everything that an application can subscribe to here, and in whose name.
pub(super) const TOPICS: [(&str, &str); 4] = [
    ("AUTHORIZATION_REVOCATION", "APPLICATION"),
    ("ITEM_MARKED_SHIPPED", "USER"),
    ("MARKETPLACE_ACCOUNT_DELETION", "APPLICATION"),
    ("ORDER_CONFIRMATION", "USER"),
];

pub(super) const ENABLED: &str = "ENABLED";
pub(super) const MARKED_DOWN: &str = "MARKED_DOWN";

/// Where notifications go.
pub(super) struct Destination {
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) token: String,
    pub(super) status: String,
    failures: u32,
}

/// Which notifications go there.
pub(super) struct Subscription {
    pub(super) topic: String,
    pub(super) destination: String,
    pub(super) is_enabled: bool,
}

/// The notifications of one application.
pub(super) struct Hooks {
    pub(super) alert_email: Option<String>,
    pub(super) destinations: BTreeMap<String, Destination>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    token: String,
    key: SigningKey,
    key_id: String,
    queue: BTreeMap<u64, Queued>,
    made: u64,
    rng: fastrand::Rng,
}

struct Queued {
    destination: String,
    due: Time,
    in_flight: bool,
    content: Content,
}

enum Content {
    /// A code that the receiver answers with a hash.
    Challenge(String),
    Notice {
        topic: String,
        id: String,
        event: Time,
        data: Value,
        attempts: usize,
    },
}

impl Hooks {
    /// A shop whose hooks are registered already.
    pub(super) fn new(shop: &Shop) -> Hooks {
        let mut rng = fastrand::Rng::with_seed(shop.seed ^ 0x6562_6179);
        let seed = Sha256::digest(format!("signing key of {} {}", shop.name, shop.seed));
        let key = SigningKey::from_slice(&seed).expect("a hash is a scalar of P-256 but for luck");
        let token = format!("verification_{}", hex(&mut rng, 32));
        let mut hooks = Hooks {
            alert_email: Some("alerts@example.com".to_owned()),
            destinations: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            key_id: format!("{}-{}", hex(&mut rng, 8), hex(&mut rng, 12)),
            token: token.clone(),
            key,
            queue: BTreeMap::new(),
            made: 0,
            rng,
        };
        let id = hooks.add_destination(Destination::new(
            "set up before".to_owned(),
            shop.hook_url.clone(),
            token,
        ));
        for (topic, _) in TOPICS {
            hooks.add_subscription(Subscription {
                topic: topic.to_owned(),
                destination: id.clone(),
                is_enabled: true,
            });
        }
        hooks
    }

    pub(super) fn verification_token(&self) -> &str {
        &self.token
    }

    fn next_id(&mut self) -> String {
        self.made += 1;
        format!("{:08x}-{}", self.made, hex(&mut self.rng, 12))
    }

    pub(super) fn add_destination(&mut self, destination: Destination) -> String {
        let id = self.next_id();
        self.destinations.insert(id.clone(), destination);
        id
    }

    pub(super) fn add_subscription(&mut self, subscription: Subscription) -> String {
        let id = self.next_id();
        self.subscriptions.insert(id.clone(), subscription);
        id
    }

    /// The public half of the key, on a single line as eBay writes it.
    pub(super) fn public_key(&self, key_id: &str) -> Option<String> {
        let pem = self
            .key
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .expect("a public key can be written");
        (key_id == self.key_id).then(|| pem.replace('\n', ""))
    }

    /// Asks a receiver to prove itself.
    pub(super) fn challenge(&mut self, destination: &str, now: Time) {
        let code = hex(&mut self.rng, 32);
        self.enqueue(destination.to_owned(), now, Content::Challenge(code));
    }

    /// Tells whoever subscribed.
    pub(super) fn notify(&mut self, topic: &str, data: Value, now: Time) {
        let receivers: Vec<String> = self
            .subscriptions
            .values()
            .filter(|subscription| subscription.topic == topic && subscription.is_enabled)
            .map(|subscription| subscription.destination.clone())
            .collect();
        for destination in receivers {
            let content = Content::Notice {
                topic: topic.to_owned(),
                id: format!("{}-{}", hex(&mut self.rng, 8), hex(&mut self.rng, 12)),
                event: now,
                data: data.clone(),
                attempts: 0,
            };
            self.enqueue(destination, now, content);
        }
    }

    fn enqueue(&mut self, destination: String, now: Time, content: Content) {
        let delay = DELAY_MS + self.rng.u64(0..=DELAY_SPREAD_MS);
        self.made += 1;
        let queued = Queued {
            destination,
            due: now.plus(Duration::from_millis(delay)),
            in_flight: false,
            content,
        };
        self.queue.insert(self.made, queued);
    }

    pub(super) fn next_at(&self) -> Option<Time> {
        let waiting = self.queue.values().filter(|queued| !queued.in_flight);
        waiting.map(|queued| queued.due).min()
    }

    pub(super) fn take(&mut self, now: Time) -> Vec<Delivery> {
        let mut due: Vec<(Time, u64)> = self
            .queue
            .iter()
            .filter(|(_, queued)| !queued.in_flight && queued.due <= now)
            .map(|(id, queued)| (queued.due, *id))
            .collect();
        due.sort_unstable();
        let mut deliveries = Vec::new();
        for (_, id) in due {
            match self.request(id, now) {
                Some(request) => deliveries.push(Delivery { id, request }),
                None => {
                    self.queue.remove(&id);
                }
            }
        }
        deliveries
    }

    /// The request of a queued notification; nothing if its receiver is gone or down.
    fn request(&mut self, id: u64, now: Time) -> Option<http::Request<Vec<u8>>> {
        let queued = self.queue.get_mut(&id)?;
        let destination = self.destinations.get(&queued.destination)?;
        let body = match &mut queued.content {
            Content::Challenge(code) => {
                queued.in_flight = true;
                let address = format!("{}?challenge_code={code}", destination.endpoint);
                return http::Request::get(address).body(Vec::new()).ok();
            }
            Content::Notice {
                topic,
                id,
                event,
                data,
                attempts,
            } => {
                *attempts += 1;
                json!({
                    "metadata": { "topic": topic, "schemaVersion": "1.0", "deprecated": false },
                    "notification": {
                        "notificationId": id,
                        "eventDate": stamp(*event),
                        "publishDate": stamp(now),
                        "publishAttemptCount": attempts,
                        "data": data,
                    },
                })
            }
        };
        if destination.status != ENABLED {
            return None;
        }
        queued.in_flight = true;
        let endpoint = destination.endpoint.clone();
        let body = body.to_string().into_bytes();
        let signature = self.sign(&body);
        http::Request::post(endpoint)
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-EBAY-SIGNATURE", signature)
            .body(body)
            .ok()
    }

    /// The header that proves a body.
    fn sign(&self, body: &[u8]) -> String {
        let hash = sha1::Sha1::digest(body);
        let signature: Signature = self
            .key
            .sign_prehash(&hash)
            .expect("the hash is long enough for P-256");
        let header = json!({
            "alg": "ecdsa",
            "kid": self.key_id,
            "signature": BASE64_STANDARD.encode(signature.to_der().as_bytes()),
            "digest": "SHA1",
        });
        BASE64_STANDARD.encode(header.to_string())
    }

    pub(super) fn delivered(&mut self, id: u64, status: Option<u16>, now: Time) {
        let is_good = matches!(status, Some(200 | 201 | 202 | 204));
        let Some(queued) = self.queue.get_mut(&id) else {
            return;
        };
        let destination = self.destinations.get_mut(&queued.destination);
        let attempts = match &queued.content {
            Content::Challenge(_) => {
                // Whoever fails the challenge is no receiver.
                if let Some(destination) = destination
                    && !is_good
                {
                    destination.status = MARKED_DOWN.to_owned();
                }
                self.queue.remove(&id);
                return;
            }
            Content::Notice { attempts, .. } => *attempts,
        };
        if let Some(destination) = destination {
            destination.failures = if is_good { 0 } else { destination.failures + 1 };
            if destination.failures >= FAILURES_MAX {
                destination.status = MARKED_DOWN.to_owned();
            }
        }
        match RETRY_AFTER_S.get(attempts.saturating_sub(1)) {
            Some(wait) if !is_good => {
                queued.due = now.plus(Duration::from_secs(*wait));
                queued.in_flight = false;
            }
            Some(_) | None => {
                self.queue.remove(&id);
            }
        }
    }
}

impl Destination {
    pub(super) fn new(name: String, endpoint: String, token: String) -> Destination {
        Destination {
            name,
            endpoint,
            token,
            status: ENABLED.to_owned(),
            failures: 0,
        }
    }
}
