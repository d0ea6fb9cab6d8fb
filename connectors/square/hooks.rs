//! Subscribing to hooks: one subscription for all topics, at the address of the settings.
//!
//! Other subscriptions are left alone. The key of the subscription is kept in the vault, so that a
//! subscription made here needs no key in the settings.

use async_trait::async_trait;
use channel::{ChannelError, HookState, RegisterHooks};
use serde_json::json;

use super::{DESCRIPTOR, Square, map::given, orders::next_page, wire};

const OPERATION: &str = "subscribe to hooks";
/// Pages of a hundred subscriptions; an application has a handful.
const PAGES_MAX: usize = 10;

#[async_trait]
impl RegisterHooks for Square {
    /// The address in the settings wins over `url`: it is what signatures are checked against.
    async fn ensure(&self, url: &str) -> Result<Vec<HookState>, ChannelError> {
        let url = self.hooks.as_ref().map_or(url, |hooks| hooks.url());
        let found = self.subscription_at(url).await?;
        let (subscription, action) = match found {
            Some(found) => self.mended(found).await?,
            None => {
                let wanted = json!({
                    "name": "Oneshelf",
                    "enabled": true,
                    "event_types": DESCRIPTOR.hook_topics,
                    "notification_url": url,
                });
                let made = self.api.subscribe(None, wanted).await?.subscription;
                (made.ok_or_else(nothing_there)?, "created")
            }
        };
        if let (Some(hooks), Some(key)) = (&self.hooks, &subscription.signature_key) {
            hooks.learn(&self.api.port().vault, key).await?;
        }
        let id = subscription.id.clone().unwrap_or_default();
        let state = |topic: &&str| HookState {
            topic: (*topic).to_owned(),
            external_id: id.clone(),
            active: subscription.enabled != Some(false)
                && subscription.event_types.iter().any(|event| event == topic),
            action: action.to_owned(),
        };
        Ok(DESCRIPTOR.hook_topics.iter().map(state).collect())
    }
}

impl Square {
    /// The subscription that delivers to an address, byte for byte; one that is switched on first.
    pub(super) async fn subscription_at(
        &self,
        url: &str,
    ) -> Result<Option<wire::Subscription>, ChannelError> {
        let mut disabled = None;
        let mut page: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let found = self.api.subscriptions(page.as_deref()).await?;
            for subscription in found.subscriptions {
                if subscription.notification_url.as_deref() != Some(url) {
                    continue;
                }
                if subscription.enabled != Some(false) {
                    return Ok(Some(subscription));
                }
                disabled = disabled.or(Some(subscription));
            }
            page = next_page(found.cursor, page.as_deref());
            if page.is_none() {
                break;
            }
        }
        Ok(disabled)
    }

    /// The subscription with every topic of ours, switched on; topics of others stay in it.
    async fn mended(
        &self,
        found: wire::Subscription,
    ) -> Result<(wire::Subscription, &'static str), ChannelError> {
        let mut topics = found.event_types.clone();
        for topic in DESCRIPTOR.hook_topics {
            if !topics.iter().any(|known| known == topic) {
                topics.push((*topic).to_owned());
            }
        }
        if found.enabled != Some(false) && topics.len() == found.event_types.len() {
            return Ok((found, "kept"));
        }
        let id = given(found.id.as_deref()).ok_or_else(nothing_there)?;
        let wanted = json!({ "enabled": true, "event_types": topics });
        let changed = self.api.subscribe(Some(id), wanted).await?.subscription;
        let mut changed = changed.ok_or_else(nothing_there)?;
        changed.signature_key = changed.signature_key.or(found.signature_key);
        Ok((changed, "enabled"))
    }
}

fn nothing_there() -> ChannelError {
    ChannelError::malformed(OPERATION, "there is no subscription in the answer")
}
