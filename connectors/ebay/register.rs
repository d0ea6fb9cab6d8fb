//! Subscribing to notifications: one destination for our address, one subscription per topic.
//!
//! eBay lets an application have one subscription per topic. One that goes to another destination
//! belongs to somebody else and is left alone; the report says so.

use async_trait::async_trait;
use channel::{ChannelError, ErrorKind, HookState, RegisterHooks};
use http::Method;
use serde_json::{Value, json};

use crate::ebay::{DESCRIPTOR, Ebay, api, auth::Who, webhook::Hooks, wire};

const OPERATION: &str = "set up the notifications";
/// What our destination is called there.
const DESTINATION_NAME: &str = "Oneshelf";
const ENABLED: &str = "ENABLED";

#[async_trait]
impl RegisterHooks for Ebay {
    async fn ensure(&self, url: &str) -> Result<Vec<HookState>, ChannelError> {
        let Some(hooks) = &self.hooks else {
            return Err(ChannelError::rejected(
                OPERATION,
                "verification_token and endpoint_url are not set",
            ));
        };
        // eBay proves the address by a hash over its own spelling of it.
        if hooks.endpoint() != url {
            return Err(ChannelError::rejected(
                OPERATION,
                format!(
                    "endpoint_url is {}, but hooks come to {url}",
                    hooks.endpoint()
                ),
            ));
        }
        self.ensure_alert_address().await?;
        let destination = self.ensure_destination(hooks).await?;
        let topics = self
            .api
            .notification_list(Who::Application, "topic")
            .await?;
        let mut subscriptions = self
            .api
            .notification_list(Who::Seller, "subscription")
            .await?;
        subscriptions.extend(
            self.api
                .notification_list(Who::Application, "subscription")
                .await?,
        );
        let mut states = Vec::new();
        for name in DESCRIPTOR.hook_topics {
            let topic = topics.iter().find(|topic| is_topic(topic, name));
            let state = match topic {
                Some(topic) => {
                    self.ensure_subscription(name, topic, &subscriptions, &destination)
                        .await?
                }
                None => state(name, "", false, "not offered to this application"),
            };
            states.push(state);
        }
        Ok(states)
    }
}

impl Ebay {
    /// eBay accepts no subscription before it knows where to send its alerts.
    async fn ensure_alert_address(&self) -> Result<(), ChannelError> {
        let known = match self.api.notification_config().await {
            Ok(config) => config.alert_email.filter(|email| !email.is_empty()),
            Err(error) if error.kind == ErrorKind::Gone => None,
            Err(error) => return Err(error),
        };
        match (known, &self.alert_email) {
            (Some(_), _) => Ok(()),
            (None, Some(email)) => {
                let body = json!({ "alertEmail": email });
                self.api
                    .write_notification(Who::Application, Method::PUT, &["config"], body)
                    .await?;
                Ok(())
            }
            (None, None) => Err(ChannelError::rejected(
                OPERATION,
                "eBay wants an address for its alerts; set alert_email",
            )),
        }
    }

    /// Our destination's id, after making or mending it.
    async fn ensure_destination(&self, hooks: &Hooks) -> Result<String, ChannelError> {
        let destinations = self
            .api
            .notification_list(Who::Application, "destination")
            .await?;
        let body = json!({
            "name": DESTINATION_NAME,
            "status": ENABLED,
            "deliveryConfig": {
                "endpoint": hooks.endpoint(),
                "verificationToken": hooks.verification_token(),
            },
        });
        let ours = destinations.iter().find(|destination| {
            let config = destination.delivery_config.as_ref();
            config.and_then(|config| config.endpoint.as_deref()) == Some(hooks.endpoint())
        });
        let Some((ours, id)) = ours.and_then(|ours| Some((ours, ours.destination_id.clone()?)))
        else {
            let answer = self
                .api
                .write_notification(Who::Application, Method::POST, &["destination"], body)
                .await?;
            return api::made(&answer)
                .ok_or_else(|| ChannelError::malformed(OPERATION, "a destination without an id"));
        };
        let token = ours
            .delivery_config
            .as_ref()
            .and_then(|config| config.verification_token.as_deref());
        let is_mended = ours.status.as_deref() == Some(ENABLED)
            && token.is_none_or(|token| token == hooks.verification_token());
        if !is_mended {
            let id = usable(&id.0)?;
            self.api
                .write_notification(Who::Application, Method::PUT, &["destination", id], body)
                .await?;
        }
        Ok(id.0)
    }

    async fn ensure_subscription(
        &self,
        name: &str,
        topic: &wire::NotificationThing,
        subscriptions: &[wire::NotificationThing],
        destination: &str,
    ) -> Result<HookState, ChannelError> {
        let who = match topic.scope.as_deref() {
            Some("USER") => Who::Seller,
            Some(_) | None => Who::Application,
        };
        let known = subscriptions
            .iter()
            .filter(|subscription| is_topic(subscription, name));
        let is_ours = |subscription: &&wire::NotificationThing| {
            let id = subscription.destination_id.as_ref();
            id.is_some_and(|id| id.0 == destination)
        };
        if let Some(ours) = known.clone().find(is_ours) {
            let id = ours.subscription_id.clone().unwrap_or_default().0;
            if ours.status.as_deref() == Some(ENABLED) {
                return Ok(state(name, &id, true, "kept"));
            }
            let path = ["subscription", usable(&id)?, "enable"];
            return self
                .subscribe(name, who, &path, json!({}), "enabled", Some(&id))
                .await;
        }
        if let Some(other) = known.clone().next() {
            let id = other.subscription_id.clone().unwrap_or_default().0;
            return Ok(state(name, &id, false, "goes to another destination"));
        }
        let version = topic
            .supported_payloads
            .iter()
            .filter(|payload| payload.deprecated != Some(true))
            .find_map(|payload| payload.schema_version.clone())
            .map_or_else(|| "1.0".to_owned(), |version| version.0);
        let body = json!({
            "topicId": name,
            "status": ENABLED,
            "destinationId": destination,
            "payload": { "format": "JSON", "schemaVersion": version, "deliveryProtocol": "HTTPS" },
        });
        self.subscribe(name, who, &["subscription"], body, "created", None)
            .await
    }

    /// One subscription. That the application may not have a topic is a fact, not a failure: the
    /// others still work.
    async fn subscribe(
        &self,
        name: &str,
        who: Who,
        path: &[&str],
        body: Value,
        action: &str,
        id: Option<&str>,
    ) -> Result<HookState, ChannelError> {
        let answer = self
            .api
            .write_notification(who, Method::POST, path, body)
            .await;
        match answer {
            Ok(answer) => {
                let made = api::made(&answer).unwrap_or_default();
                Ok(state(name, id.unwrap_or(&made), true, action))
            }
            Err(error) => match &error.kind {
                ErrorKind::Unauthorized { reason } | ErrorKind::Rejected { reason } => {
                    let refused = format!("refused: {reason}");
                    Ok(state(name, id.unwrap_or_default(), false, &refused))
                }
                ErrorKind::Retry { .. }
                | ErrorKind::Throttled { .. }
                | ErrorKind::Gone
                | ErrorKind::Ambiguous { .. }
                | ErrorKind::Malformed { .. } => Err(error),
            },
        }
    }
}

fn is_topic(thing: &wire::NotificationThing, name: &str) -> bool {
    thing.topic_id.as_ref().is_some_and(|topic| topic.0 == name)
}

/// An id that can go into a path.
fn usable(id: &str) -> Result<&str, ChannelError> {
    if api::is_id(id) {
        Ok(id)
    } else {
        Err(ChannelError::malformed(OPERATION, "an id that is none"))
    }
}

fn state(topic: &str, id: &str, active: bool, action: &str) -> HookState {
    HookState {
        topic: topic.to_owned(),
        external_id: id.to_owned(),
        active,
        action: action.to_owned(),
    }
}
