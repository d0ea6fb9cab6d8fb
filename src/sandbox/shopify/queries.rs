//! What can be asked for at the root.

use domain::Time;
use serde_json::{Map, Value, json};

use super::{
    answer::{connection, cursor, page_size, uncursor},
    search::{Held, ITEM_FIELDS, ORDER_FIELDS, PRODUCT_FIELDS, Search, VARIANT_FIELDS},
    views::{count, email, gid, number_of},
    world::{Variant, World},
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
        "inventoryLevel" => Ok(of_kind(world, "InventoryLevel", id)),
        "product" => Ok(of_kind(world, "Product", id)),
        "productVariant" => Ok(of_kind(world, "ProductVariant", id)),
        "fulfillment" => Ok(of_kind(world, "Fulfillment", id)),
        "fulfillmentOrder" => Ok(of_kind(world, "FulfillmentOrder", id)),
        "refund" => Ok(of_kind(world, "Refund", id)),
        "webhookSubscription" => Ok(of_kind(world, "WebhookSubscription", id)),
        "job" => Ok(world.job_view(id)),
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
        "ordersCount" => {
            let found = found_orders(world, arguments, now)?.len();
            let limit = arguments.get("limit").and_then(Value::as_u64);
            let limit = limit.and_then(|limit| usize::try_from(limit).ok());
            Ok(match limit {
                Some(limit) if limit < found => json!({ "count": limit, "precision": "AT_LEAST" }),
                Some(_) | None => count(found),
            })
        }
        "products" => products(world, arguments),
        "productVariants" => variants(world, arguments),
        "inventoryItems" => items(world, arguments),
        "locations" => locations(world, arguments),
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
    Ok(connection(nodes, has_next))
}

fn text<'a>(arguments: &'a Arguments, name: &str) -> &'a str {
    let text = arguments.get(name).and_then(Value::as_str);
    text.unwrap_or_default()
}

fn orders(world: &World, arguments: &Arguments, now: Time) -> Result<Value, String> {
    let found = found_orders(world, arguments, now)?;
    paged(found, arguments, |id| match world.live(id) {
        Some(order) => world.order_view(order),
        None => Value::Null,
    })
}

/// Sort keys and ids of the orders that a search finds.
fn found_orders(
    world: &World,
    arguments: &Arguments,
    now: Time,
) -> Result<Vec<(i64, u64)>, String> {
    let search = Search::read(text(arguments, "query"), &ORDER_FIELDS)?;
    let sort = text(arguments, "sortKey");
    let mut found = Vec::new();
    for order in world.orders.values().filter(|order| !order.is_deleted) {
        // What the index does not know yet is not found, however old the order is.
        let Some(indexed_at) = order.indexed_at(now) else {
            continue;
        };
        let is_found = search.takes(|field| match field {
            "updated_at" => Held::Time(indexed_at),
            "created_at" | "processed_at" => Held::Time(order.placed_at),
            "id" => Held::Words(vec![order.id.to_string()]),
            "name" => Held::Words(vec![format!("#{}", order.number), order.number.to_string()]),
            "status" if order.canceled.is_some() => {
                Held::Words(["cancelled", "not_closed"].map(str::to_owned).to_vec())
            }
            "status" => Held::Words(["open", "not_closed"].map(str::to_owned).to_vec()),
            "financial_status" => Held::Words(vec![order.financial_status().to_owned()]),
            "fulfillment_status" => Held::Words(fulfillment_words(order.fulfillment_status())),
            "return_status" => Held::Words(vec!["no_return".to_owned()]),
            "test" => Held::Words(vec!["false".to_owned()]),
            "source_name" => Held::Words(vec!["web".to_owned()]),
            "email" => Held::Words(vec![email(order)]),
            "sku" => {
                let lines = order.lines.iter();
                let skus = lines.map(|line| world.variants[line.variant].sku.to_string());
                Held::Words(skus.collect())
            }
            // A word without a field may be a name or an address.
            _ => Held::Words(vec![
                format!("#{}", order.number),
                order.number.to_string(),
                email(order),
            ]),
        });
        let key = match sort {
            "UPDATED_AT" => indexed_at.millis(),
            "ID" => 0,
            _ => order.placed_at.millis(),
        };
        if is_found? {
            found.push((key, order.id));
        }
    }
    Ok(found)
}

/// What is searched for is said in other words than what is shown.
fn fulfillment_words(status: &str) -> Vec<String> {
    let other: &[&str] = match status {
        "FULFILLED" => &["shipped"],
        "PARTIALLY_FULFILLED" => &["partial", "unfulfilled"],
        "UNFULFILLED" => &["unshipped"],
        _ => &[],
    };
    let words = [status].into_iter().chain(other.iter().copied());
    words.map(str::to_owned).collect()
}

fn products(world: &World, arguments: &Arguments) -> Result<Value, String> {
    let search = Search::read(text(arguments, "query"), &PRODUCT_FIELDS)?;
    let mut found: Vec<(i64, u64)> = Vec::new();
    for variant in &world.variants {
        let forms = world.variants.iter();
        let forms = forms.filter(|form| form.product == variant.product);
        let is_found = search.takes(|field| match field {
            "updated_at" => Held::Time(variant.changed_at),
            "id" => Held::Words(vec![variant.product.to_string()]),
            "sku" => Held::Words(forms.clone().map(|form| form.sku.to_string()).collect()),
            "status" => Held::Words(vec!["active".to_owned()]),
            "vendor" => Held::Words(vec![world.shop.clone()]),
            _ => Held::Words(words_of(&variant.title)),
        });
        let entry = (0, variant.product);
        if is_found? && !found.contains(&entry) {
            found.push(entry);
        }
    }
    paged(found, arguments, |id| {
        world.product_view(id).unwrap_or(Value::Null)
    })
}

fn words_of(title: &str) -> Vec<String> {
    let words = title.split_whitespace().map(str::to_owned);
    words.chain([title.to_owned()]).collect()
}

/// The variants that a search finds, by what is said of them.
fn found_variants(
    world: &World,
    search: &Search,
    number: impl Fn(&Variant) -> u64,
) -> Result<Vec<(i64, u64)>, String> {
    let mut found = Vec::new();
    for variant in &world.variants {
        let is_found = search.takes(|field| match field {
            "updated_at" => Held::Time(variant.changed_at),
            "id" => Held::Words(vec![number(variant).to_string()]),
            "sku" => Held::Words(vec![variant.sku.to_string()]),
            "product_id" => Held::Words(vec![variant.product.to_string()]),
            "title" => Held::Words(words_of(variant.variation.as_deref().unwrap_or_default())),
            _ => {
                let mut words = words_of(&variant.title);
                words.push(variant.sku.to_string());
                Held::Words(words)
            }
        });
        if is_found? {
            found.push((0, number(variant)));
        }
    }
    Ok(found)
}

fn variants(world: &World, arguments: &Arguments) -> Result<Value, String> {
    let search = Search::read(text(arguments, "query"), &VARIANT_FIELDS)?;
    let found = found_variants(world, &search, |variant| variant.id)?;
    paged(found, arguments, |id| {
        world.node_view(&json!(gid("ProductVariant", id)))
    })
}

fn items(world: &World, arguments: &Arguments) -> Result<Value, String> {
    let search = Search::read(text(arguments, "query"), &ITEM_FIELDS)?;
    let found = found_variants(world, &search, |variant| variant.item)?;
    paged(found, arguments, |id| {
        world.node_view(&json!(gid("InventoryItem", id)))
    })
}

fn locations(world: &World, arguments: &Arguments) -> Result<Value, String> {
    if !text(arguments, "query").is_empty() {
        return Err("This sandbox has one location and searches for none.".to_owned());
    }
    paged(vec![(0, world.location)], arguments, |_| {
        world.location_view()
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
        one.map_or(Value::Null, super::subscriptions::view)
    })
}
