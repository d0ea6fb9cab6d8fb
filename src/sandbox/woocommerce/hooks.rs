//! Webhooks: the subscriptions, the queue, and what becomes of a delivery.
//!
//! While a delivery for a webhook and a thing waits, more events for the two add nothing; its body is
//! written when it is sent. A delivery that failed is never repeated, and the seventh failure in a row
//! switches the webhook off, silently.

use std::collections::BTreeMap;

use domain::Time;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Woo,
    api::{Answered, Call, Fail, Reply, php_json},
    auth::hmac_sha256,
};
use crate::{Delivery, Request};

/// What a shop is subscribed to after setup.
pub(super) const USUAL_TOPICS: [&str; 8] = [
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "product.created",
    "product.updated",
    "product.deleted",
    "product.restored",
];

/// Failures in a row after which the next one switches a webhook off.
const FAILURES_MAX: u32 = 6;

/// All webhooks of a shop and what waits for them.
#[derive(Default)]
pub(super) struct Hooks {
    webhooks: BTreeMap<u64, Webhook>,
    waiting: Vec<Job>,
    sent: BTreeMap<u64, Sent>,
    webhook_last: u64,
    delivery_last: u64,
}

#[derive(Clone)]
struct Webhook {
    name: String,
    topic: String,
    url: String,
    secret: String,
    status: String,
    failures: u32,
    created_at: Time,
    modified_at: Time,
}

/// A delivery that waits.
struct Job {
    due: Time,
    webhook: u64,
    /// The order or product; nothing for a ping.
    thing: Option<u64>,
}

/// What a delivery was, until its receiver has answered.
enum Sent {
    Hook { webhook: u64 },
    Ping,
}

impl Hooks {
    pub(super) fn subscribe(&mut self, topic: &str, url: &str, secret: &str) -> u64 {
        self.webhook_last += 1;
        let webhook = Webhook {
            name: topic.to_owned(),
            topic: topic.to_owned(),
            url: url.to_owned(),
            secret: secret.to_owned(),
            status: "active".to_owned(),
            failures: 0,
            created_at: Time::EPOCH,
            modified_at: Time::EPOCH,
        };
        self.webhooks.insert(self.webhook_last, webhook);
        self.webhook_last
    }

    pub(super) fn announce(&mut self, topic: &str, thing: u64, due: Time) {
        for (id, webhook) in &self.webhooks {
            let is_waiting = self
                .waiting
                .iter()
                .any(|job| job.webhook == *id && job.thing == Some(thing));
            if webhook.status == "active" && webhook.topic == topic && !is_waiting {
                self.waiting.push(Job {
                    due,
                    webhook: *id,
                    thing: Some(thing),
                });
            }
        }
    }

    fn ping(&mut self, webhook: u64, now: Time) {
        self.waiting.push(Job {
            due: now,
            webhook,
            thing: None,
        });
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.waiting.iter().map(|job| job.due).min()
    }

    pub(super) fn delivered(&mut self, delivery: u64, status: Option<u16>) {
        let Some(Sent::Hook { webhook }) = self.sent.remove(&delivery) else {
            return;
        };
        let Some(webhook) = self.webhooks.get_mut(&webhook) else {
            return;
        };
        match status {
            Some(200..=299 | 301 | 302) => webhook.failures = 0,
            _ if webhook.failures >= FAILURES_MAX => webhook.status = "disabled".to_owned(),
            _ => webhook.failures += 1,
        }
    }
}

impl Woo {
    /// Writes and signs what is due, in the order of the events.
    pub(super) fn send_hooks(&mut self, now: Time) -> Vec<Delivery> {
        let (due, waiting): (Vec<Job>, Vec<Job>) = std::mem::take(&mut self.hooks.waiting)
            .into_iter()
            .partition(|job| job.due <= now);
        self.hooks.waiting = waiting;
        let mut deliveries = Vec::new();
        for job in due {
            let Some(webhook) = self.hooks.webhooks.get(&job.webhook).cloned() else {
                continue;
            };
            let request = match job.thing {
                None => ping(job.webhook, &webhook),
                Some(_) if webhook.status != "active" => continue,
                Some(thing) => match self.payload(&webhook.topic, thing) {
                    Some(body) => self.hook(job.webhook, &webhook, &body, now),
                    // Deleted for good since the event: what a real shop sends then is not known.
                    None => continue,
                },
            };
            self.hooks.delivery_last += 1;
            let sent = match job.thing {
                Some(_) => Sent::Hook {
                    webhook: job.webhook,
                },
                None => Sent::Ping,
            };
            self.hooks.sent.insert(self.hooks.delivery_last, sent);
            deliveries.push(Delivery {
                id: self.hooks.delivery_last,
                request,
            });
        }
        deliveries
    }

    fn payload(&self, topic: &str, thing: u64) -> Option<Value> {
        match topic.split_once('.')? {
            (_, "deleted") => Some(json!({ "id": thing })),
            ("order", _) => {
                let order = self.orders.get(&thing).filter(|order| !order.is_deleted)?;
                Some(self.order_json(order))
            }
            _ => Some(self.product_json(self.products.get(&thing)?, false)),
        }
    }

    fn hook(&self, id: u64, webhook: &Webhook, body: &Value, now: Time) -> Request {
        let body = php_json(body);
        let key = decode_entities(&webhook.secret);
        let (resource, event) = webhook.topic.split_once('.').unwrap_or(("", ""));
        // By webhook and second, so the hooks of one second share it.
        let delivery = Sha256::digest(format!("{id}/{}", now.seconds()).as_bytes());
        let delivery: String = delivery
            .iter()
            .take(16)
            .map(|b| format!("{b:02x}"))
            .collect();
        post(&webhook.url)
            .header("user-agent", agent(self.version()))
            .header("content-type", "application/json")
            .header("x-wc-webhook-source", format!("{}/", self.shop.api_url))
            .header("x-wc-webhook-topic", &webhook.topic)
            .header("x-wc-webhook-resource", resource)
            .header("x-wc-webhook-event", event)
            .header(
                "x-wc-webhook-signature",
                hmac_sha256(key.as_bytes(), body.as_bytes()),
            )
            .header("x-wc-webhook-id", id.to_string())
            .header("x-wc-webhook-delivery-id", delivery)
            .body(body.into_bytes())
            .expect("the address was checked when the webhook was made")
    }

    pub(super) fn webhook_route(&mut self, rest: &[&str], call: &Call) -> Answered {
        match rest {
            [] if call.is_read() => {
                let wanted = call.word("status", &["all", "active", "paused", "disabled"])?;
                let mut hooks: Vec<Value> = self
                    .hooks
                    .webhooks
                    .iter()
                    .filter(|(_, webhook)| wanted == "all" || webhook.status == wanted)
                    .map(|(id, webhook)| self.webhook_json(*id, webhook))
                    .collect();
                if call.word("order", &["desc", "asc"])? == "desc" {
                    hooks.reverse();
                }
                call.page(&hooks)
            }
            [] if call.is_create() => self.create_webhook(call),
            ["batch"] if call.is_edit() => self.batch_of(call, |shop, id, part| match id {
                None => shop.create_webhook(part),
                Some(id) => {
                    shop.check_webhook(id, 400)?;
                    shop.one_webhook(id, part)
                }
            }),
            [id] => {
                let id = id.parse().map_err(|_| Fail::no_route())?;
                self.check_webhook(id, 404)?;
                self.one_webhook(id, call)
            }
            _ => Err(Fail::no_route()),
        }
    }

    fn check_webhook(&self, id: u64, status: u16) -> Result<(), Fail> {
        if self.hooks.webhooks.contains_key(&id) {
            return Ok(());
        }
        let code = "woocommerce_rest_shop_webhook_invalid_id";
        Err(Fail::new(status, code, "Invalid ID."))
    }

    fn create_webhook(&mut self, call: &Call) -> Answered {
        let text = |name: &str| call.body[name].as_str().unwrap_or("").to_owned();
        let (topic, url) = (text("topic"), text("delivery_url"));
        if !is_topic(&topic) {
            let code = "woocommerce_rest_webhook_invalid_topic";
            let message = "Webhook topic is required and must be valid.";
            return Err(Fail::new(400, code, message));
        }
        if !is_address(&url) {
            let code = "woocommerce_rest_webhook_invalid_delivery_url";
            let message =
                "Webhook delivery URL must be a valid URL starting with http:// or https://.";
            return Err(Fail::new(400, code, message));
        }
        let secret = match text("secret") {
            secret if secret.is_empty() => format!("{:032x}", self.chance.u128(..)),
            secret => secret,
        };
        let id = self.hooks.subscribe(&topic, &url, &secret);
        if let Some(webhook) = self.hooks.webhooks.get_mut(&id) {
            webhook.created_at = call.now;
            webhook.modified_at = call.now;
            if let Some(name) = call.body["name"].as_str() {
                name.clone_into(&mut webhook.name);
            }
            if let Some(status @ ("paused" | "disabled")) = call.body["status"].as_str() {
                status.clone_into(&mut webhook.status);
            }
        }
        self.hooks.ping(id, call.now);
        Reply::created(self.webhook_json(id, &self.hooks.webhooks[&id]))
    }

    fn one_webhook(&mut self, id: u64, call: &Call) -> Answered {
        let before = self.webhook_json(id, &self.hooks.webhooks[&id]);
        if call.is_delete() {
            if !call.is_forced() {
                let code = "woocommerce_rest_trash_not_supported";
                let message = "Webhooks do not support trashing.";
                return Err(Fail::new(501, code, message));
            }
            self.hooks.webhooks.remove(&id);
            return Reply::ok(before);
        }
        if call.is_edit() {
            let mut changed = self.hooks.webhooks[&id].clone();
            if let Some(status) = call.body["status"].as_str() {
                if !["active", "paused", "disabled"].contains(&status) {
                    let message = "status is not one of active, paused, and disabled.";
                    return Err(Fail::parameter("status", "rest_not_in_enum", message));
                }
                status.clone_into(&mut changed.status);
            }
            if let Some(topic) = call.body["topic"].as_str() {
                if !is_topic(topic) {
                    let code = "woocommerce_rest_webhook_invalid_topic";
                    let message = "Webhook topic must be valid.";
                    return Err(Fail::new(400, code, message));
                }
                topic.clone_into(&mut changed.topic);
            }
            if let Some(name) = call.body["name"].as_str() {
                name.clone_into(&mut changed.name);
            }
            if let Some(secret) = call.body["secret"].as_str() {
                secret.clone_into(&mut changed.secret);
            }
            if let Some(url) = call.body["delivery_url"].as_str() {
                if !is_address(url) {
                    let code = "woocommerce_rest_webhook_invalid_delivery_url";
                    let message = "Webhook delivery URL must be a valid URL starting with http:// \
                                   or https://.";
                    return Err(Fail::new(400, code, message));
                }
                url.clone_into(&mut changed.url);
            }
            changed.modified_at = call.now;
            let is_active = changed.status == "active";
            self.hooks.webhooks.insert(id, changed);
            if is_active {
                self.hooks.ping(id, call.now);
            }
        }
        Reply::ok(self.webhook_json(id, &self.hooks.webhooks[&id]))
    }

    /// A webhook as the API shows it: never its secret, and never its failures.
    fn webhook_json(&self, id: u64, webhook: &Webhook) -> Value {
        let (resource, event) = webhook.topic.split_once('.').unwrap_or(("", ""));
        json!({
            "id": id,
            "name": webhook.name,
            "status": webhook.status,
            "topic": webhook.topic,
            "resource": resource,
            "event": event,
            "hooks": [],
            "delivery_url": webhook.url,
            "date_created": self.local(webhook.created_at),
            "date_created_gmt": webhook.created_at.to_naive_utc(),
            "date_modified": self.local(webhook.modified_at),
            "date_modified_gmt": webhook.modified_at.to_naive_utc(),
        })
    }
}

/// The unsigned greeting of a new webhook.
fn ping(id: u64, webhook: &Webhook) -> Request {
    post(&webhook.url)
        .header("user-agent", agent("10.9.4"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("webhook_id={id}").into_bytes())
        .expect("the address was checked when the webhook was made")
}

fn post(url: &str) -> http::request::Builder {
    http::Request::builder().method("POST").uri(url)
}

fn agent(version: &str) -> String {
    format!("WooCommerce/{version} Hookshot (WordPress/7.0.4)")
}

fn is_topic(topic: &str) -> bool {
    let Some((resource, event)) = topic.split_once('.') else {
        return false;
    };
    match resource {
        "coupon" | "customer" | "order" | "product" => {
            matches!(event, "created" | "updated" | "deleted" | "restored")
        }
        "action" => !event.is_empty(),
        _ => false,
    }
}

fn is_address(url: &str) -> bool {
    (url.starts_with("http://") || url.starts_with("https://"))
        && url
            .parse::<http::Uri>()
            .is_ok_and(|uri| uri.host().is_some())
}

/// The key of a signature is the secret with its HTML entities decoded.
fn decode_entities(secret: &str) -> String {
    secret
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#039;", "'")
        .replace("&amp;", "&")
}
