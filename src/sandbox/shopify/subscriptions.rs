//! Subscriptions to hooks: listing, making, changing and deleting them.

use domain::Time;
use serde_json::{Value, json};

use super::{
    hooks::Subscription,
    mutations::{Arguments, refusals, user_error},
    views::{gid, number_of},
    world::{World, to_seconds},
};

/// A subscription as the graph has it.
pub(super) fn view(subscription: &Subscription) -> Value {
    json!({
        "__typename": "WebhookSubscription",
        "id": gid("WebhookSubscription", subscription.id),
        "legacyResourceId": subscription.id.to_string(),
        "topic": subscription.topic,
        "uri": subscription.uri,
        "callbackUrl": subscription.uri,
        "format": "JSON",
        "filter": null,
        "includeFields": [],
        "metafieldNamespaces": [],
        "createdAt": to_seconds(subscription.created_at).to_string(),
        "updatedAt": to_seconds(subscription.updated_at).to_string(),
    })
}

/// The address that is asked for, or what is wrong with what is asked.
fn address(input: &Value) -> Result<Option<String>, Value> {
    let refuse = |field: &str, message: &str| {
        let field = ["webhookSubscription".to_owned(), field.to_owned()];
        Err(refusals(vec![user_error(&field, message)]))
    };
    if input["filter"]
        .as_str()
        .is_some_and(|filter| !filter.is_empty())
    {
        return refuse(
            "filter",
            "This sandbox sends everything and filters nothing",
        );
    }
    if input["format"] == json!("XML") {
        return refuse("format", "This sandbox writes JSON only");
    }
    let uri = input["uri"].as_str().or(input["callbackUrl"].as_str());
    match uri {
        None => Ok(None),
        Some(uri) if uri.starts_with("http://") || uri.starts_with("https://") => {
            Ok(Some(uri.to_owned()))
        }
        Some(_) => refuse("uri", "Address is invalid"),
    }
}

fn taken() -> Value {
    let field = ["webhookSubscription".to_owned(), "uri".to_owned()];
    let message = "Address for this topic has already been taken";
    refusals(vec![user_error(&field, message)])
}

pub(super) fn create(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let topic = arguments["topic"].as_str().unwrap_or_default().to_owned();
    let uri = match address(&arguments["webhookSubscription"]) {
        Ok(uri) => uri.unwrap_or_default(),
        Err(refusal) => return refusal,
    };
    if uri.is_empty() {
        let field = ["webhookSubscription".to_owned(), "uri".to_owned()];
        return refusals(vec![user_error(&field, "Address can't be blank")]);
    }
    let hooks = &mut world.hooks.subscriptions;
    if hooks.iter().any(|one| one.topic == topic && one.uri == uri) {
        return taken();
    }
    let newest = hooks.iter().map(|one| one.id).max();
    let made = Subscription {
        id: newest.unwrap_or(1_800_000_000) + 1,
        topic,
        uri,
        created_at: now,
        updated_at: now,
    };
    let view = view(&made);
    hooks.push(made);
    json!({ "webhookSubscription": view, "userErrors": [] })
}

pub(super) fn update(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let uri = match address(&arguments["webhookSubscription"]) {
        Ok(uri) => uri,
        Err(refusal) => return refusal,
    };
    let id = number_of("WebhookSubscription", &arguments["id"]);
    let hooks = &mut world.hooks.subscriptions;
    let Some(place) = hooks.iter().position(|one| Some(one.id) == id) else {
        return unknown();
    };
    let topic = &hooks[place].topic;
    let mut others = hooks.iter().filter(|one| Some(one.id) != id);
    if others.any(|one| one.topic == *topic && Some(&one.uri) == uri.as_ref()) {
        return taken();
    }
    let found = &mut hooks[place];
    if let Some(uri) = uri {
        found.uri = uri;
    }
    found.updated_at = now;
    json!({ "webhookSubscription": view(found), "userErrors": [] })
}

pub(super) fn delete(world: &mut World, arguments: &Arguments) -> Value {
    let id = number_of("WebhookSubscription", &arguments["id"]);
    let hooks = &mut world.hooks.subscriptions;
    match hooks.iter().position(|one| Some(one.id) == id) {
        Some(place) => {
            hooks.remove(place);
            json!({ "deletedWebhookSubscriptionId": arguments["id"], "userErrors": [] })
        }
        None => unknown(),
    }
}

fn unknown() -> Value {
    let message = "Webhook subscription does not exist";
    refusals(vec![user_error(&["id".to_owned()], message)])
}
