//! Subscriptions and deliveries: signing, delay, doubles, retries, giving up.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Delivery;

/// A delivery leaves so many milliseconds after the event; chance also reorders deliveries that way.
const DELAY_MS: std::ops::RangeInclusive<u64> = 50..=500;
/// One delivery in so many is sent twice, under one webhook id.
const DOUBLED_ONE_IN: u32 = 12;
/// Eight retries over four hours, further and further apart.
const RETRIES_S: [u64; 8] = [10, 30, 120, 360, 900, 2220, 3600, 7160];
/// What an app for orders and stock has subscribed to once it is set up.
const TOPICS: &[&str] = &[
    "APP_UNINSTALLED",
    "FULFILLMENTS_CREATE",
    "FULFILLMENTS_UPDATE",
    "INVENTORY_LEVELS_UPDATE",
    "ORDERS_CANCELLED",
    "ORDERS_CREATE",
    "ORDERS_EDITED",
    "ORDERS_PAID",
    "ORDERS_UPDATED",
    "PRODUCTS_CREATE",
    "PRODUCTS_DELETE",
    "PRODUCTS_UPDATE",
    "REFUNDS_CREATE",
];

pub(super) struct Hooks {
    pub(super) subscriptions: Vec<Subscription>,
    /// The client secret of the app.
    pub(super) secret: String,
    domain: String,
    waiting: Vec<Queued>,
    sent: BTreeMap<u64, Queued>,
    chance: fastrand::Rng,
    last_delivery: u64,
}

pub(super) struct Subscription {
    pub(super) id: u64,
    /// As the schema writes it: `ORDERS_CREATE`.
    pub(super) topic: String,
    pub(super) uri: String,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
}

#[derive(Clone)]
struct Queued {
    delivery: u64,
    due: Time,
    failures: usize,
    subscription: u64,
    /// As the header writes it: `orders/create`.
    topic: String,
    uri: String,
    webhook_id: String,
    event_id: String,
    triggered_at: Time,
    body: String,
}

/// When the app was set up: the first of January 2026.
fn opened_at() -> Time {
    Time::from_seconds(1_767_225_600)
}

impl Hooks {
    pub(super) fn new(url: &str, domain: &str, seed: u64) -> Hooks {
        let subscriptions = TOPICS
            .iter()
            .zip(1_800_000_001..)
            .map(|(topic, id)| Subscription {
                id,
                topic: (*topic).to_owned(),
                uri: url.to_owned(),
                created_at: opened_at(),
                updated_at: opened_at(),
            });
        Hooks {
            subscriptions: subscriptions.collect(),
            secret: format!("client secret of {domain}"),
            domain: domain.to_owned(),
            waiting: Vec::new(),
            sent: BTreeMap::new(),
            chance: fastrand::Rng::with_seed(seed ^ 0x5f0f_5f0f),
            last_delivery: 0,
        }
    }

    /// A random id in the form of a UUID.
    pub(super) fn uuid(&mut self) -> String {
        let bits = self.chance.u128(..);
        let hex = format!("{bits:032x}");
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        parts.join("-")
    }

    /// Something happened: every subscription of the topic is told. `event` is the same for all
    /// topics of one event.
    pub(super) fn emit(&mut self, topic: &str, event: &str, body: &serde_json::Value, now: Time) {
        let name = topic.replace('/', "_").to_ascii_uppercase();
        let listening: Vec<(u64, String)> = self
            .subscriptions
            .iter()
            .filter(|subscription| subscription.topic == name)
            .map(|subscription| (subscription.id, subscription.uri.clone()))
            .collect();
        for (subscription, uri) in listening {
            let queued = Queued {
                delivery: 0,
                due: now,
                failures: 0,
                subscription,
                topic: topic.to_owned(),
                uri,
                webhook_id: self.uuid(),
                event_id: event.to_owned(),
                triggered_at: now,
                body: body.to_string(),
            };
            if self.chance.u32(0..DOUBLED_ONE_IN) == 0 {
                self.queue(queued.clone(), now);
            }
            self.queue(queued, now);
        }
    }

    fn queue(&mut self, mut queued: Queued, now: Time) {
        self.last_delivery += 1;
        queued.delivery = self.last_delivery;
        queued.due = now.plus(Duration::from_millis(self.chance.u64(DELAY_MS)));
        self.waiting.push(queued);
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.waiting.iter().map(|queued| queued.due).min()
    }

    pub(super) fn take(&mut self, now: Time) -> Vec<Delivery> {
        let (mut due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|queued| queued.due <= now);
        self.waiting = waiting;
        due.sort_by_key(|queued| (queued.due, queued.delivery));
        due.into_iter()
            .filter_map(|queued| {
                let request = self.request(&queued)?;
                let id = queued.delivery;
                self.sent.insert(id, queued);
                Some(Delivery { id, request })
            })
            .collect()
    }

    /// The whole request; nothing for an address that cannot be one.
    fn request(&self, queued: &Queued) -> Option<http::Request<Vec<u8>>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(queued.body.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        http::Request::post(&queued.uri)
            .header("content-type", "application/json")
            .header("x-shopify-topic", &queued.topic)
            .header("x-shopify-hmac-sha256", signature)
            .header("x-shopify-shop-domain", &self.domain)
            .header("x-shopify-api-version", super::VERSION)
            .header("x-shopify-webhook-id", &queued.webhook_id)
            .header("x-shopify-event-id", &queued.event_id)
            .header("x-shopify-triggered-at", queued.triggered_at.to_string())
            .body(queued.body.clone().into_bytes())
            .ok()
    }

    /// The receiver's answer. After the last retry the subscription is deleted.
    pub(super) fn delivered(&mut self, delivery: u64, status: Option<u16>, now: Time) {
        let Some(mut queued) = self.sent.remove(&delivery) else {
            return;
        };
        if status.is_some_and(|status| (200..300).contains(&status)) {
            return;
        }
        match RETRIES_S.get(queued.failures) {
            Some(seconds) => {
                queued.failures += 1;
                queued.due = now.plus(Duration::from_secs(*seconds));
                self.waiting.push(queued);
            }
            None => {
                let id = queued.subscription;
                self.subscriptions
                    .retain(|subscription| subscription.id != id);
            }
        }
    }
}
