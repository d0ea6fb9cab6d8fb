//! Hooks: subscriptions, signatures, and a queue that is patient for a day.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::Time;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    Ids, Square, VERSION,
    api::{Fail, OPENED, Query, array, text},
    inventory::page,
};
use crate::Delivery;

/// How long an event waits before it is sent.
const DELAY_MIN_MS: u64 = 50;
const DELAY_MAX_MS: u64 = 500;
/// The first wait after a failed delivery; every further one is twice as long.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// An event that was not taken for this long is given up.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// Subscriptions on a page. Source: ListWebhookSubscriptions.
const SUBSCRIPTIONS_MAX: usize = 100;
/// The longest idempotency key here. Source: CreateWebhookSubscriptionRequest.
const KEY_MAX: usize = 45;
/// What can be subscribed to. Only what happens here is ever sent.
pub(super) const TOPICS: [&str; 54] = [
    "bank_account.created",
    "bank_account.disabled",
    "bank_account.verified",
    "booking.created",
    "booking.updated",
    "card.created",
    "card.disabled",
    "card.forgotten",
    "card.updated",
    "catalog.version.updated",
    "customer.created",
    "customer.deleted",
    "customer.updated",
    "device.code.paired",
    "dispute.created",
    "dispute.state.updated",
    "gift_card.created",
    "gift_card.updated",
    "inventory.count.updated",
    "invoice.canceled",
    "invoice.created",
    "invoice.deleted",
    "invoice.payment_made",
    "invoice.published",
    "invoice.refunded",
    "invoice.scheduled_charge_failed",
    "invoice.updated",
    "labor.timecard.created",
    "labor.timecard.updated",
    "location.created",
    "location.updated",
    "loyalty.account.created",
    "loyalty.account.updated",
    "oauth.authorization.revoked",
    "order.created",
    "order.fulfillment.updated",
    "order.updated",
    "payment.created",
    "payment.updated",
    "payout.failed",
    "payout.paid",
    "payout.sent",
    "refund.created",
    "refund.updated",
    "subscription.created",
    "subscription.updated",
    "team_member.created",
    "team_member.updated",
    "terminal.checkout.created",
    "terminal.checkout.updated",
    "terminal.refund.created",
    "terminal.refund.updated",
    "vendor.created",
    "vendor.updated",
];
/// What a merchant who has set everything up hears of.
const AFTER_SETUP: [&str; 10] = [
    "order.created",
    "order.updated",
    "order.fulfillment.updated",
    "inventory.count.updated",
    "payment.created",
    "payment.updated",
    "refund.created",
    "refund.updated",
    "catalog.version.updated",
    "oauth.authorization.revoked",
];

/// Subscriptions and events on their way.
#[derive(Default)]
pub(super) struct Hooks {
    subscriptions: Vec<Subscription>,
    queue: BTreeMap<u64, Event>,
    made: u64,
}

#[derive(Debug, Clone)]
struct Subscription {
    id: String,
    name: String,
    is_enabled: bool,
    topics: Vec<String>,
    url: String,
    version: String,
    key: String,
    created_at: String,
    updated_at: String,
}

struct Event {
    subscription: String,
    body: String,
    due: Option<Time>,
    first_at: Option<Time>,
    failures: u32,
    reason: &'static str,
}

impl Hooks {
    /// The subscription that a merchant who has set everything up already has.
    pub(super) fn subscribe_as_after_setup(&mut self, url: &str, ids: &mut Ids) {
        let subscription = Subscription {
            id: format!("wbhk_{}", ids.opaque(20)),
            name: "Oneshelf".to_owned(),
            is_enabled: true,
            topics: AFTER_SETUP.map(str::to_owned).to_vec(),
            url: url.to_owned(),
            version: VERSION.to_owned(),
            key: ids.opaque(22),
            created_at: OPENED.to_owned(),
            updated_at: OPENED.to_owned(),
        };
        self.subscriptions.push(subscription);
    }

    /// The key of the subscription at an address.
    pub(super) fn key_at(&self, url: &str) -> Option<&str> {
        let mut subscriptions = self.subscriptions.iter();
        let found = subscriptions.find(|subscription| subscription.url == url);
        found.map(|subscription| subscription.key.as_str())
    }

    /// Queues an event for every subscription that wants it.
    pub(super) fn enqueue(&mut self, kind: &str, event: &Value, now: Time, ids: &mut Ids) {
        let wanting: Vec<String> = self
            .subscriptions
            .iter()
            .filter(|subscription| {
                let mut topics = subscription.topics.iter();
                subscription.is_enabled && topics.any(|topic| topic == kind)
            })
            .map(|subscription| subscription.id.clone())
            .collect();
        for subscription in wanting {
            self.enqueue_for(subscription, event, now, ids);
        }
    }

    fn enqueue_for(&mut self, subscription: String, event: &Value, now: Time, ids: &mut Ids) {
        let delay = Duration::from_millis(ids.0.u64(DELAY_MIN_MS..=DELAY_MAX_MS));
        self.made += 1;
        let event = Event {
            subscription,
            body: event.to_string(),
            due: Some(now.plus(delay)),
            first_at: None,
            failures: 0,
            reason: "",
        };
        self.queue.insert(self.made, event);
    }

    /// The events that are due. One whose subscription is gone or switched off is dropped.
    pub(super) fn take(&mut self, now: Time) -> Vec<Delivery> {
        let due: Vec<u64> = self
            .queue
            .iter()
            .filter(|(_, event)| event.due.is_some_and(|due| due <= now))
            .map(|(id, _)| *id)
            .collect();
        let mut deliveries = Vec::new();
        for id in due {
            let Some(event) = self.queue.get_mut(&id) else {
                continue;
            };
            event.due = None;
            let first_at = *event.first_at.get_or_insert(now);
            let mut subscriptions = self.subscriptions.iter();
            let subscription =
                subscriptions.find(|known| known.id == event.subscription && known.is_enabled);
            match subscription {
                Some(subscription) => deliveries.push(Delivery {
                    id,
                    request: subscription.request(event, first_at),
                }),
                None => {
                    self.queue.remove(&id);
                }
            }
        }
        deliveries
    }

    /// What the receiver answered.
    pub(super) fn delivered(&mut self, id: u64, status: Option<u16>, now: Time) {
        let Some(event) = self.queue.get_mut(&id) else {
            return;
        };
        let is_taken = status.is_some_and(|status| (200..300).contains(&status));
        let doubled = 2_u32.saturating_pow(event.failures.min(16));
        let next = now.plus(RETRY_AFTER.saturating_mul(doubled));
        let until = event.first_at.unwrap_or(now).plus(PATIENCE);
        if is_taken || next > until {
            self.queue.remove(&id);
            return;
        }
        event.failures += 1;
        event.due = Some(next);
        event.reason = match status {
            Some(_) => "http_error",
            None => "http_timeout",
        };
    }

    /// When the next event is due.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.queue.values().filter_map(|event| event.due).min()
    }

    fn find(&self, id: &str) -> Result<usize, Fail> {
        let mut subscriptions = self.subscriptions.iter();
        let place = subscriptions.position(|subscription| subscription.id == id);
        place.ok_or_else(|| Fail::not_found("Webhook subscription not found."))
    }
}

impl Subscription {
    /// An event, signed over the registered address and the body.
    fn request(&self, event: &Event, first_at: Time) -> http::Request<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(self.url.as_bytes());
        mac.update(event.body.as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let mut request = http::Request::builder()
            .method("POST")
            .uri(&self.url)
            .header("content-type", "application/json")
            .header("square-environment", "Sandbox")
            .header("x-square-hmacsha256-signature", signature);
        if event.failures > 0 {
            request = request
                .header("square-retry-number", event.failures.to_string())
                .header("square-retry-reason", event.reason)
                .header("square-initial-delivery-timestamp", first_at.to_string());
        }
        request
            .body(event.body.clone().into_bytes())
            .expect("the address was checked when it was registered")
    }

    fn card(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "enabled": self.is_enabled,
            "event_types": self.topics,
            "notification_url": self.url,
            "api_version": self.version,
            "signature_key": self.key,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }
}

impl Square {
    pub(super) fn list_subscriptions(&self, query: &Query) -> Result<Value, Fail> {
        let wants_all = query.get("include_disabled") == Some("true");
        let subscriptions = self.hooks.subscriptions.iter();
        let mut cards: Vec<Value> = subscriptions
            .filter(|subscription| wants_all || subscription.is_enabled)
            .map(Subscription::card)
            .collect();
        if query.get("sort_order") == Some("DESC") {
            cards.reverse();
        }
        let limit = query.limit(SUBSCRIPTIONS_MAX)?;
        Ok(page("subscriptions", cards, query.first()?, limit))
    }

    pub(super) fn create_subscription(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let wanted = body.get("subscription");
        let wanted = wanted.ok_or_else(|| Fail::missing("subscription"))?;
        match text(body, "idempotency_key", KEY_MAX)? {
            Some(key) => self.once("subscription", key, body, |shop| {
                shop.subscribe(wanted, now)
            }),
            None => self.subscribe(wanted, now),
        }
    }

    /// Sends the sample of an event. What the receiver says of it is not waited for.
    pub(super) fn test_subscription(
        &mut self,
        id: &str,
        body: &Value,
        now: Time,
    ) -> Result<Value, Fail> {
        let place = self.hooks.find(id)?;
        let subscription = &self.hooks.subscriptions[place];
        let kind = match text(body, "event_type", 100)? {
            Some(kind) => kind.to_owned(),
            None => subscription.topics.first().cloned().unwrap_or_default(),
        };
        if !subscription.topics.contains(&kind) {
            let detail = "The subscription does not hear of this.";
            return Err(Fail::value("event_type", detail));
        }
        let subscription = subscription.id.clone();
        let event = json!({
            "merchant_id": self.merchant,
            "type": kind,
            "event_id": self.ids.uuid(),
            "created_at": now.to_string(),
            "data": { "type": "sample", "id": self.ids.uuid(), "object": {} },
        });
        self.hooks
            .enqueue_for(subscription, &event, now, &mut self.ids);
        Ok(json!({ "subscription_test_result": {
            "id": format!("wbht_{}", self.ids.opaque(20)),
            "payload": event.to_string(),
            "created_at": now.to_string(),
            "updated_at": now.to_string(),
        } }))
    }

    /// Makes another key, by which everything is signed from now on.
    pub(super) fn renew_signature_key(&mut self, id: &str, now: Time) -> Result<Value, Fail> {
        let place = self.hooks.find(id)?;
        let key = self.ids.opaque(22);
        let subscription = &mut self.hooks.subscriptions[place];
        subscription.key.clone_from(&key);
        subscription.updated_at = now.to_string();
        Ok(json!({ "signature_key": key }))
    }

    fn subscribe(&mut self, wanted: &Value, now: Time) -> Result<Value, Fail> {
        let url = text(wanted, "notification_url", 2000)?;
        let url = url.ok_or_else(|| Fail::missing("subscription.notification_url"))?;
        let subscription = Subscription {
            id: format!("wbhk_{}", self.ids.opaque(20)),
            name: text(wanted, "name", 64)?.unwrap_or_default().to_owned(),
            is_enabled: wanted.get("enabled") != Some(&json!(false)),
            topics: topics(wanted)?,
            url: checked(url)?,
            version: text(wanted, "api_version", 10)?
                .unwrap_or(VERSION)
                .to_owned(),
            key: self.ids.opaque(22),
            created_at: now.to_string(),
            updated_at: now.to_string(),
        };
        let card = subscription.card();
        self.hooks.subscriptions.push(subscription);
        Ok(json!({ "subscription": card }))
    }

    pub(super) fn read_subscription(&self, id: &str) -> Result<Value, Fail> {
        let place = self.hooks.find(id)?;
        Ok(json!({ "subscription": self.hooks.subscriptions[place].card() }))
    }

    pub(super) fn change_subscription(
        &mut self,
        id: &str,
        body: &Value,
        now: Time,
    ) -> Result<Value, Fail> {
        let place = self.hooks.find(id)?;
        let wanted = body.get("subscription");
        let wanted = wanted.ok_or_else(|| Fail::missing("subscription"))?;
        let mut changed = self.hooks.subscriptions[place].clone();
        if let Some(enabled) = wanted.get("enabled").and_then(Value::as_bool) {
            changed.is_enabled = enabled;
        }
        if wanted.get("event_types").is_some() {
            changed.topics = topics(wanted)?;
        }
        if let Some(url) = text(wanted, "notification_url", 2000)? {
            changed.url = checked(url)?;
        }
        if let Some(name) = text(wanted, "name", 64)? {
            name.clone_into(&mut changed.name);
        }
        if let Some(version) = text(wanted, "api_version", 10)? {
            version.clone_into(&mut changed.version);
        }
        changed.updated_at = now.to_string();
        // The key is told when a subscription is made, read or listed, not here.
        let mut card = changed.card();
        if let Some(card) = card.as_object_mut() {
            card.remove("signature_key");
        }
        self.hooks.subscriptions[place] = changed;
        Ok(json!({ "subscription": card }))
    }

    pub(super) fn delete_subscription(&mut self, id: &str) -> Result<Value, Fail> {
        let place = self.hooks.find(id)?;
        self.hooks.subscriptions.remove(place);
        Ok(json!({}))
    }
}

fn topics(wanted: &Value) -> Result<Vec<String>, Fail> {
    let topics = array(wanted, "event_types")?;
    topics
        .iter()
        .map(|topic| {
            let topic = topic.as_str().filter(|topic| TOPICS.contains(topic));
            let detail = "The event type is not known.";
            let topic = topic.ok_or_else(|| Fail::value("subscription.event_types", detail))?;
            Ok(topic.to_owned())
        })
        .collect()
}

fn checked(url: &str) -> Result<String, Fail> {
    let is_fit = url
        .parse::<http::Uri>()
        .is_ok_and(|uri| uri.host().is_some());
    let detail = "The notification URL must be absolute.";
    if is_fit {
        Ok(url.to_owned())
    } else {
        Err(Fail::value("subscription.notification_url", detail))
    }
}
