//! Hooks: whether they come from the shop, what they tell, and subscribing to them.
//!
//! Bodies have the shape of the older REST API and lack what a snapshot needs, so a hook about an
//! order only names it. Only the body is signed: the topic is a header that anybody could change on
//! a recorded hook, so nothing that does harm is believed from the topic alone.

use std::collections::BTreeSet;

use async_trait::async_trait;
use channel::{
    ChannelError, HookRefusal, HookRequest, HookState, Malformed, ReadHooks, RegisterHooks,
    Verdict, Verified, hook::verify_hmac_sha256_base64, http::Effect,
};
use domain::{
    Decimal, ExternalId, ListingId, Time,
    snapshot::{LevelSnapshot, Observation},
};
use serde_json::json;

use super::{
    Shopify,
    api::{Call, refusals},
    map, shipments, wire,
};

const OPERATION: &str = "subscribe to hooks";
/// More pages of subscriptions than an app may have.
const PAGES_MAX: usize = 50;
pub(super) const HOOKS: &str = include_str!("queries/hooks.graphql");
pub(super) const CREATE_HOOK: &str = include_str!("queries/create_hook.graphql");

/// What we subscribe to.
pub(super) const TOPICS: &[&str] = &[
    "orders/create",
    "orders/updated",
    "orders/paid",
    "orders/cancelled",
    "orders/edited",
    "orders/delete",
    "refunds/create",
    "fulfillments/create",
    "fulfillments/update",
    "inventory_levels/update",
    "products/create",
    "products/update",
    "products/delete",
    "app/uninstalled",
];

#[async_trait]
impl ReadHooks for Shopify {
    fn verify(&self, request: &HookRequest, _now: Time) -> Verdict {
        if request.method != "POST" {
            return Verdict::Refused(HookRefusal::Missing);
        }
        let secrets: Vec<_> = self.hook_secrets.iter().collect();
        let signature = request.header("x-shopify-hmac-sha256");
        match verify_hmac_sha256_base64(request, signature, &secrets, b"") {
            Ok(verified) => Verdict::Verified(verified),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, Malformed> {
        let request = hook.request();
        let topic = request.header("x-shopify-topic").unwrap_or_default();
        let shop = request.header("x-shopify-shop-domain");
        if let (Some(ours), Some(theirs)) = (&self.domain, shop)
            && !ours.eq_ignore_ascii_case(theirs.trim())
        {
            // Two shops with one app share its secret.
            let reason = "the hook is from another shop that uses the same app".to_owned();
            return Ok(vec![Observation::Nothing(reason)]);
        }
        let body = serde_json::from_slice::<wire::HookBody>(&request.body)
            .map_err(|error| malformed(request, None, error.to_string()))?;
        let observation = self.observe(topic, &body).map_err(|reason| {
            let id = body.id.as_ref().map(ToString::to_string);
            malformed(request, id, reason)
        })?;
        Ok(vec![observation])
    }

    async fn fetch_key(&self, _key_id: &str) -> Result<(), ChannelError> {
        Err(ChannelError::rejected(
            "fetch a hook key",
            "hooks of this channel are signed with the app's own secret",
        ))
    }
}

fn malformed(request: &HookRequest, external_id: Option<String>, reason: String) -> Malformed {
    Malformed {
        external_id,
        reason,
        raw: String::from_utf8_lossy(&request.body).into_owned(),
    }
}

impl Shopify {
    fn observe(&self, topic: &str, body: &wire::HookBody) -> Result<Observation, String> {
        let nothing = |reason: &str| Ok(Observation::Nothing(reason.to_owned()));
        let (family, event) = topic.split_once('/').unwrap_or((topic, ""));
        match family {
            "orders" if event == "edited" => {
                let edit = body.order_edit.as_ref().ok_or("there is no `order_edit`")?;
                look_at(&edit.order_id)
            }
            "orders" => match body.admin_graphql_api_id.as_deref() {
                Some(id) if !id.contains("/Order/") => Err(format!("`{id}` is not an order")),
                Some(_) | None => look_at(&body.id),
            },
            "refunds" | "fulfillments" | "fulfillment_events" | "order_transactions" => {
                look_at(&body.order_id)
            }
            "returns" => match &body.order {
                Some(order) => look_at(&order.id),
                None => nothing("a return that does not name its order; the next poll sees it"),
            },
            "inventory_levels" => self.level(event, body),
            "inventory_items" | "products" | "variants" => Ok(Observation::LookAtListings),
            "app" if event == "uninstalled" => self.uninstalled(body),
            "customers" if event == "redact" => forget(&body.orders_to_redact),
            // The admin API answers the one; a shop that is to be forgotten has uninstalled the app before.
            "customers" | "shop" => nothing("a request about personal data or the shop itself"),
            _ => Ok(Observation::Nothing(format!(
                "the topic `{}` is not one of ours",
                topic.chars().take(80).collect::<String>()
            ))),
        }
    }

    fn level(&self, event: &str, body: &wire::HookBody) -> Result<Observation, String> {
        let item = body.inventory_item_id.as_ref();
        let item = item.ok_or("there is no `inventory_item_id`")?;
        let at = body
            .location_id
            .as_ref()
            .ok_or("there is no `location_id`")?;
        let ours = map::number_of(&self.location).map_err(|error| error.to_string())?;
        if at.to_string() != ours {
            return Ok(Observation::Nothing(format!("a level at location {at}")));
        }
        let listing = ListingId::new(item.to_string());
        if event != "update" {
            return Ok(Observation::LookAtLevel(listing));
        }
        let changed_at = body.updated_at.as_deref().map(Time::parse_utc);
        Ok(Observation::Level(LevelSnapshot {
            listing,
            level: body.available.map(Decimal::whole),
            changed_at: changed_at.transpose().map_err(|error| error.to_string())?,
        }))
    }

    /// The one hook that stops an account: its body must be a shop, and ours.
    fn uninstalled(&self, body: &wire::HookBody) -> Result<Observation, String> {
        match (&body.myshopify_domain, &self.domain) {
            (None, _) => Err("the body is not a shop".to_owned()),
            (Some(theirs), Some(ours)) if !ours.eq_ignore_ascii_case(theirs) => Ok(
                Observation::Nothing("another shop removed the app".to_owned()),
            ),
            (Some(_), _) => Ok(Observation::Revoked),
        }
    }
}

fn look_at(id: &Option<serde_json::Number>) -> Result<Observation, String> {
    let id = id.as_ref().ok_or("the order has no id")?.to_string();
    if !super::api::is_number(&id) {
        return Err(format!("`{id}` is not the id of an order"));
    }
    Ok(Observation::LookAtOrder(ExternalId::new(id)))
}

fn forget(orders: &[serde_json::Number]) -> Result<Observation, String> {
    let ids = orders.iter().map(|id| match id.to_string() {
        id if super::api::is_number(&id) => Ok(ExternalId::new(id)),
        id => Err(format!("`{id}` is not the id of an order")),
    });
    Ok(Observation::Forget(ids.collect::<Result<_, _>>()?))
}

#[async_trait]
impl RegisterHooks for Shopify {
    async fn ensure(&self, url: &str) -> Result<Vec<HookState>, ChannelError> {
        let existing = self.subscriptions().await?;
        let mut states = Vec::with_capacity(TOPICS.len());
        for topic in TOPICS {
            let name = topic.replace('/', "_").to_ascii_uppercase();
            let kept = existing
                .iter()
                .find(|hook| hook.topic == name && hook.uri.as_deref() == Some(url));
            let (external_id, action) = match kept {
                Some(hook) => (hook.id.clone(), "kept"),
                None => (self.subscribe(&name, url).await?, "created"),
            };
            states.push(HookState {
                topic: (*topic).to_owned(),
                external_id,
                // The shop deletes a subscription that fails; it knows none that is switched off.
                active: true,
                action: action.to_owned(),
            });
        }
        Ok(states)
    }
}

impl Shopify {
    async fn subscriptions(&self) -> Result<Vec<wire::Subscription>, ChannelError> {
        let mut hooks = Vec::new();
        let mut seen = BTreeSet::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page: wire::HooksPage = self
                .api
                .call(Call {
                    operation: OPERATION,
                    effect: Effect::None,
                    document: HOOKS,
                    variables: json!({ "after": after }),
                })
                .await?;
            let wire::Connection { page_info, nodes } = page.webhook_subscriptions;
            hooks.extend(nodes);
            after = page_info.next().filter(|next| seen.insert(next.clone()));
            if after.is_none() {
                break;
            }
        }
        Ok(hooks)
    }

    async fn subscribe(&self, topic: &str, url: &str) -> Result<String, ChannelError> {
        let answer: wire::CreateHook = self
            .api
            .call(Call {
                operation: OPERATION,
                // The shop refuses a second subscription of the same topic to the same address.
                effect: Effect::Idempotent,
                document: CREATE_HOOK,
                variables: json!({ "topic": topic, "uri": url }),
            })
            .await?;
        let payload = answer
            .webhook_subscription_create
            .ok_or_else(|| shipments::empty(OPERATION))?;
        match payload.webhook_subscription {
            Some(hook) => Ok(hook.id),
            None => Err(ChannelError::rejected(
                OPERATION,
                format!("{topic}: {}", refusals(&payload.user_errors)),
            )),
        }
    }
}
