//! The Notification API: the application's alert address, its destinations and subscriptions, the
//! topics there are, and the public key.

use domain::Time;
use http::Method;
use serde_json::{Value, json};

use crate::{
    Response,
    ebay::{
        Ebay,
        api::{self, Asked, No, Refusal},
        hooks::{Destination, ENABLED, Subscription, TOPICS},
        oauth::Grant,
    },
};

const ANYBODY: [&str; 2] = ["", "commerce.notification.subscription"];
const LIMIT_DEFAULT: usize = 20;
const NAME_MAX: usize = 64;

impl Ebay {
    pub(super) fn notifications(
        &mut self,
        asked: &Asked<'_>,
        path: &[&str],
        now: Time,
    ) -> Result<Response, No> {
        let grant = self.granted(asked, &ANYBODY, now)?;
        match (asked.method.as_str(), path) {
            ("GET", ["public_key", id]) => match self.hooks.public_key(id) {
                Some(key) => {
                    let body = json!({ "key": key, "algorithm": "ECDSA", "digest": "SHA1" });
                    Ok(api::answer(200, &body))
                }
                None => Err(refuse(404, 195_001, "The specified key id is invalid.")),
            },
            ("GET", ["topic"]) => list(asked, "topics", TOPICS.iter().map(topic).collect()),
            ("GET", ["topic", id]) => TOPICS
                .iter()
                .find(|(name, _)| name == id)
                .map(|known| api::answer(200, &topic(known)))
                .ok_or_else(api::not_found),
            (_, ["config"]) => self.config(asked),
            (_, ["destination", rest @ ..]) => self.destinations(asked, rest, now),
            (_, ["subscription", rest @ ..]) => self.subscriptions(asked, rest, &grant, now),
            _ => Err(api::not_found()),
        }
    }

    fn config(&mut self, asked: &Asked<'_>) -> Result<Response, No> {
        match *asked.method {
            Method::GET => match &self.hooks.alert_email {
                Some(email) => Ok(api::answer(200, &json!({ "alertEmail": email }))),
                None => Err(refuse(404, 195_026, "Configuration Not Found.")),
            },
            Method::PUT => {
                let body = asked.json()?;
                let email = text(&body, "/alertEmail").filter(|email| email.contains('@'));
                let Some(email) = email else {
                    return Err(refuse(400, 195_025, "Invalid or missing email."));
                };
                self.hooks.alert_email = Some(email.to_owned());
                Ok(api::empty(204))
            }
            _ => Err(api::not_found()),
        }
    }

    fn destinations(
        &mut self,
        asked: &Asked<'_>,
        path: &[&str],
        now: Time,
    ) -> Result<Response, No> {
        let unknown = || refuse(404, 195_022, "Invalid or missing destination id.");
        match (asked.method.as_str(), path) {
            ("GET", []) => {
                let all = self.hooks.destinations.iter();
                let all = all.map(|(id, destination)| destination_json(id, destination));
                list(asked, "destinations", all.collect())
            }
            ("GET", [id]) => {
                let destination = self.hooks.destinations.get(*id).ok_or_else(unknown)?;
                Ok(api::answer(200, &destination_json(id, destination)))
            }
            ("POST", []) => {
                self.need_config()?;
                let destination = read_destination(&asked.json()?)?;
                let mut others = self.hooks.destinations.values();
                if others.any(|other| other.endpoint == destination.endpoint) {
                    return Err(refuse(409, 195_021, "Destination exists for this endpoint"));
                }
                let id = self.hooks.add_destination(destination);
                self.hooks.challenge(&id, now);
                Ok(self.made("destination", &id))
            }
            ("PUT", [id]) => {
                let destination = read_destination(&asked.json()?)?;
                let known = self.hooks.destinations.get_mut(*id).ok_or_else(unknown)?;
                *known = destination;
                self.hooks.challenge(id, now);
                Ok(api::empty(204))
            }
            ("DELETE", [id]) => {
                let known = self.hooks.destinations.get(*id).ok_or_else(unknown)?;
                let mut subscriptions = self.hooks.subscriptions.values();
                let is_used = subscriptions.any(|subscription| subscription.destination == *id);
                if known.status == ENABLED || is_used {
                    let message = "Destination is in use and cannot be deleted.";
                    return Err(refuse(409, 195_024, message));
                }
                self.hooks.destinations.remove(*id);
                Ok(api::empty(204))
            }
            _ => Err(api::not_found()),
        }
    }

    fn subscriptions(
        &mut self,
        asked: &Asked<'_>,
        path: &[&str],
        grant: &Grant,
        now: Time,
    ) -> Result<Response, No> {
        let unknown = || refuse(404, 195_013, "The subscription id does not exist.");
        match (asked.method.as_str(), path) {
            ("GET", []) => {
                let all = self.hooks.subscriptions.iter();
                let all = all
                    .filter(|(_, subscription)| is_for(&subscription.topic, grant))
                    .map(|(id, subscription)| subscription_json(id, subscription));
                list(asked, "subscriptions", all.collect())
            }
            ("GET", [id]) => {
                let subscription = self.hooks.subscriptions.get(*id).ok_or_else(unknown)?;
                Ok(api::answer(200, &subscription_json(id, subscription)))
            }
            ("POST", []) => {
                self.need_config()?;
                let subscription = self.read_subscription(&asked.json()?, grant)?;
                let id = self.hooks.add_subscription(subscription);
                Ok(self.made("subscription", &id))
            }
            ("PUT", [id]) => {
                let mut body = asked.json()?;
                let known = self.hooks.subscriptions.remove(*id).ok_or_else(unknown)?;
                // The topic stays what it was, whatever the body says.
                body["topicId"] = json!(known.topic);
                let (kept, answer) = match self.read_subscription(&body, grant) {
                    Ok(changed) => (changed, Ok(api::empty(204))),
                    Err(no) => (known, Err(no)),
                };
                self.hooks.subscriptions.insert((*id).to_owned(), kept);
                answer
            }
            (_, [_, "filter", ..]) => Err(api::not_here("filters of subscriptions")),
            ("POST", [id, action @ ("enable" | "disable")]) => {
                let subscription = self.hooks.subscriptions.get_mut(*id).ok_or_else(unknown)?;
                subscription.is_enabled = *action == "enable";
                Ok(api::empty(204))
            }
            ("POST", [id, "test"]) => {
                let subscription = self.hooks.subscriptions.get(*id).ok_or_else(unknown)?;
                let topic = subscription.topic.clone();
                self.hooks
                    .notify(&topic, json!({ "username": "test_user" }), now);
                Ok(api::empty(202))
            }
            ("DELETE", [id]) => {
                self.hooks.subscriptions.remove(*id).ok_or_else(unknown)?;
                Ok(api::empty(204))
            }
            _ => Err(api::not_found()),
        }
    }

    fn need_config(&self) -> Result<(), No> {
        if self.hooks.alert_email.is_some() {
            return Ok(());
        }
        let message = "Please provide configurations required for notifications. Refer to /config";
        Err(refuse(409, 195_003, message))
    }

    fn made(&self, kind: &str, id: &str) -> Response {
        let api_url = &self.shop.api_url;
        api::created(&format!("{api_url}/commerce/notification/v1/{kind}/{id}"))
    }

    fn read_subscription(&self, body: &Value, grant: &Grant) -> Result<Subscription, No> {
        let topic = text(body, "/topicId").unwrap_or_default();
        if !TOPICS.iter().any(|(name, _)| *name == topic) {
            return Err(refuse(400, 195_027, "Invalid or missing topic id."));
        }
        if !is_for(topic, grant) {
            return Err(refuse(403, 195_011, "Not authorized for this topic."));
        }
        let id = text(body, "/destinationId").unwrap_or_default();
        let Some(destination) = self.hooks.destinations.get(id) else {
            return Err(refuse(400, 195_007, "Invalid or missing destination id."));
        };
        let is_enabled = match text(body, "/status") {
            Some("ENABLED") => true,
            Some("DISABLED") => false,
            Some(_) | None => {
                let message = "Invalid or missing subscription status.";
                return Err(refuse(400, 195_006, message));
            }
        };
        for (pointer, wanted, error_id) in [
            ("/payload/schemaVersion", "1.0", 195_008),
            ("/payload/format", "JSON", 195_009),
            ("/payload/deliveryProtocol", "HTTPS", 195_010),
        ] {
            if text(body, pointer) != Some(wanted) {
                return Err(refuse(400, error_id, "Invalid or missing payload"));
            }
        }
        if is_enabled && destination.status != ENABLED {
            let message =
                "The subscription cannot be enabled since the destination is not enabled.";
            return Err(refuse(409, 195_015, message));
        }
        let mut others = self.hooks.subscriptions.values();
        if others.any(|other| other.topic == topic) {
            return Err(refuse(409, 195_012, "Subscription already exists"));
        }
        Ok(Subscription {
            topic: topic.to_owned(),
            destination: id.to_owned(),
            is_enabled,
        })
    }
}

fn refuse(status: u16, error_id: u32, message: &str) -> No {
    api::refuse(status, Refusal::notification(error_id, message))
}

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer)?.as_str()
}

/// Whether a topic is the seller's or the application's, and the token is that one's.
fn is_for(topic: &str, grant: &Grant) -> bool {
    let scope = if grant.is_seller {
        "USER"
    } else {
        "APPLICATION"
    };
    TOPICS.contains(&(topic, scope))
}

fn topic((name, scope): &(&str, &str)) -> Value {
    json!({
        "topicId": name,
        "scope": scope,
        "status": "ENABLED",
        "filterable": false,
        "supportedPayloads": [{
            "format": ["JSON"],
            "schemaVersion": "1.0",
            "deliveryProtocol": "HTTPS",
            "deprecated": false,
        }],
    })
}

fn destination_json(id: &str, destination: &Destination) -> Value {
    json!({
        "destinationId": id,
        "name": destination.name,
        "status": destination.status,
        "deliveryConfig": {
            "endpoint": destination.endpoint,
            "verificationToken": destination.token,
        },
    })
}

fn subscription_json(id: &str, subscription: &Subscription) -> Value {
    json!({
        "subscriptionId": id,
        "topicId": subscription.topic,
        "status": if subscription.is_enabled { "ENABLED" } else { "DISABLED" },
        "destinationId": subscription.destination,
        "payload": { "format": "JSON", "schemaVersion": "1.0", "deliveryProtocol": "HTTPS" },
    })
}

/// Checks a destination. eBay demands https; a receiver on this machine is let through as well,
/// because that is where the shop's is.
fn read_destination(body: &Value) -> Result<Destination, No> {
    let name = text(body, "/name").unwrap_or_default();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.contains('<') {
        return Err(refuse(400, 195_016, "Invalid name."));
    }
    let endpoint = text(body, "/deliveryConfig/endpoint").unwrap_or_default();
    let is_reachable =
        endpoint.starts_with("https://") || endpoint.starts_with("http://127.0.0.1:");
    if !is_reachable {
        return Err(refuse(400, 195_017, "Invalid or missing endpoint."));
    }
    let status = text(body, "/status").unwrap_or_default();
    if !matches!(status, "ENABLED" | "DISABLED") {
        let message = "Invalid or missing destination status. Supported values:[ENABLED,DISABLED]";
        return Err(refuse(400, 195_018, message));
    }
    let token = text(body, "/deliveryConfig/verificationToken").unwrap_or_default();
    let is_token = (32..=80).contains(&token.len())
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !is_token {
        let message = "Invalid or missing verification token for this endpoint.";
        return Err(refuse(400, 195_019, message));
    }
    let mut destination = Destination::new(name.to_owned(), endpoint.to_owned(), token.to_owned());
    status.clone_into(&mut destination.status);
    Ok(destination)
}

/// One page of a list; the token that continues it is the number of what came before.
fn list(asked: &Asked<'_>, name: &str, all: Vec<Value>) -> Result<Response, No> {
    let limit = match asked.parameter("limit").map(str::parse) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit @ 10..=100)) => limit,
        Some(_) => {
            let message = "Invalid limit. Supported ranges 10 - 100.";
            return Err(refuse(400, 195_004, message));
        }
    };
    let start: usize = match asked.parameter("continuation_token").map(str::parse) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => return Err(refuse(400, 195_005, "Invalid continuation token.")),
    };
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    let end = start.saturating_add(limit);
    let mut body = json!({ "total": total, "limit": limit });
    body[name] = json!(page);
    if end < total {
        body["next"] = json!(format!("?limit={limit}&continuation_token={end}"));
    }
    Ok(api::answer(200, &body))
}
