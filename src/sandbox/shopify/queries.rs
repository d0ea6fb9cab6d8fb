//! What can be asked for at the root.

use domain::Time;
use serde_json::{Map, Value, json};

use super::{
    answer::{connection, cursor, page_size, uncursor},
    hooks::Subscription,
    views::{gid, number_of},
    world::World,
};

type Arguments = Map<String, Value>;

/// Answers one root field of a query, in whole.
pub(super) fn resolve(
    world: &World,
    field: &str,
    arguments: &Arguments,
    now: Time,
) -> Result<Value, String> {
    let id = &arguments.get("id").cloned().unwrap_or(Value::Null);
    match field {
        "shop" => Ok(world.shop_view()),
        "currentAppInstallation" => Ok(world.installation_view()),
        "location" if id.is_null() => Ok(world.location_view()),
        "location" => Ok(of_kind(world, "Location", id)),
        "order" => Ok(of_kind(world, "Order", id)),
        "inventoryItem" => Ok(of_kind(world, "InventoryItem", id)),
        "node" => Ok(world.node_view(id)),
        "nodes" => {
            let ids = arguments["ids"].as_array();
            Ok(ids
                .into_iter()
                .flatten()
                .map(|id| world.node_view(id))
                .collect())
        }
        "orders" => orders(world, arguments, now),
        "productVariants" => variants(world, arguments),
        "webhookSubscriptions" => subscriptions(world, arguments),
        _ => Err(format!("Field '{field}' is not served")),
    }
}

fn of_kind(world: &World, kind: &str, id: &Value) -> Value {
    match number_of(kind, id) {
        Some(_) => world.node_view(id),
        None => Value::Null,
    }
}

/// One page of things that are sorted by a key and an id. The cursor says where a page ended, so
/// what moves behind it meanwhile is seen again.
fn paged(
    mut found: Vec<(i64, u64)>,
    arguments: &Arguments,
    view: impl Fn(u64) -> Value,
) -> Result<Value, String> {
    found.sort_unstable();
    let is_reversed = arguments.get("reverse") == Some(&json!(true));
    if is_reversed {
        found.reverse();
    }
    if let Some(after) = arguments.get("after").and_then(Value::as_str) {
        let end = uncursor(after)
            .and_then(|text| {
                let (key, id) = text.split_once(' ')?;
                Some((key.parse().ok()?, id.parse().ok()?))
            })
            .ok_or_else(|| "Invalid cursor for current pagination sort.".to_owned())?;
        found.retain(|entry| {
            if is_reversed {
                *entry < end
            } else {
                *entry > end
            }
        });
    }
    let size = page_size(arguments)?.unwrap_or(0);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let has_next = found.len() > size;
    found.truncate(size);
    let nodes: Vec<(String, Value)> = found
        .into_iter()
        .map(|(key, id)| (cursor(&format!("{key} {id}")), view(id)))
        .collect();
    Ok(connection(&nodes, has_next))
}

fn orders(world: &World, arguments: &Arguments, now: Time) -> Result<Value, String> {
    let filter = Filter::read(arguments.get("query").and_then(Value::as_str).unwrap_or(""))?;
    let sort = arguments.get("sortKey").and_then(Value::as_str);
    let found = world
        .orders
        .values()
        .filter(|order| !order.is_deleted)
        .filter_map(|order| {
            // What the index does not know yet is not found, however old the order is.
            let indexed_at = order.indexed_at(now)?;
            let is_found = filter.bounds.iter().all(|bound| {
                bound.holds(match bound.field {
                    Dated::Updated => indexed_at,
                    Dated::Created => order.placed_at,
                })
            });
            let key = match sort {
                Some("UPDATED_AT") => indexed_at.millis(),
                Some("ID") => 0,
                _ => order.placed_at.millis(),
            };
            is_found.then_some((key, order.id))
        })
        .collect();
    paged(found, arguments, |id| match world.live(id) {
        Some(order) => world.order_view(order),
        None => Value::Null,
    })
}

/// The part of the search language that is understood: bounds on times, joined by AND. Like in the
/// real shop, what is not understood narrows nothing.
struct Filter {
    bounds: Vec<Bound>,
}

struct Bound {
    field: Dated,
    is_lower: bool,
    is_open: bool,
    at: Time,
}

enum Dated {
    Updated,
    Created,
}

impl Bound {
    fn holds(&self, time: Time) -> bool {
        match (self.is_lower, self.is_open) {
            (true, true) => time > self.at,
            (true, false) => time >= self.at,
            (false, true) => time < self.at,
            (false, false) => time <= self.at,
        }
    }
}

impl Filter {
    fn read(query: &str) -> Result<Filter, String> {
        let mut bounds = Vec::new();
        for term in query.split_whitespace().filter(|term| *term != "AND") {
            let Some((field, rest)) = term.split_once(':') else {
                continue;
            };
            let field = match field {
                "updated_at" => Dated::Updated,
                "created_at" | "processed_at" => Dated::Created,
                _ => continue,
            };
            let is_lower = rest.starts_with('>');
            if !is_lower && !rest.starts_with('<') {
                continue;
            }
            let is_open = !rest[1..].starts_with('=');
            let text = rest[1..].trim_start_matches('=').trim_matches(['\'', '"']);
            let at = Time::parse_utc(text).map_err(|error| error.to_string())?;
            bounds.push(Bound {
                field,
                is_lower,
                is_open,
                at,
            });
        }
        Ok(Filter { bounds })
    }
}

fn variants(world: &World, arguments: &Arguments) -> Result<Value, String> {
    let query = arguments.get("query").and_then(Value::as_str).unwrap_or("");
    let sku = query
        .strip_prefix("sku:")
        .map(|sku| sku.trim_matches(['\'', '"']));
    let variants = world.variants.iter();
    let found = variants
        .filter(|variant| sku.is_none_or(|sku| variant.sku.as_str() == sku))
        .map(|variant| (0, variant.id))
        .collect();
    paged(found, arguments, |id| {
        world.node_view(&json!(gid("ProductVariant", id)))
    })
}

pub(super) fn subscription_view(subscription: &Subscription) -> Value {
    json!({
        "__typename": "WebhookSubscription",
        "id": gid("WebhookSubscription", subscription.id),
        "legacyResourceId": subscription.id.to_string(),
        "topic": subscription.topic,
        "uri": subscription.uri,
        "format": "JSON",
    })
}

fn subscriptions(world: &World, arguments: &Arguments) -> Result<Value, String> {
    let topics = arguments.get("topics").and_then(Value::as_array);
    let uri = arguments.get("uri").and_then(Value::as_str);
    let all = &world.hooks.subscriptions;
    let found = all
        .iter()
        .filter(|one| topics.is_none_or(|topics| topics.contains(&json!(one.topic))))
        .filter(|one| uri.is_none_or(|uri| one.uri == uri))
        .map(|one| (0, one.id))
        .collect();
    paged(found, arguments, |id| {
        let one = all.iter().find(|one| one.id == id);
        one.map_or(Value::Null, subscription_view)
    })
}
