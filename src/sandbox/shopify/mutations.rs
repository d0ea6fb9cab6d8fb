//! What can be changed through the API, and the shop's rules about it.

use std::time::Duration;

use domain::{Money, Time};
use serde_json::{Map, Value, json};

use super::{
    answer::later,
    captures,
    effects::Picked,
    keys::Keys,
    levels::{activate, adjust_levels, require_compare, set_levels},
    order::Tracking,
    subscriptions,
    views::{gid, number_of},
    world::{CancelJob, World},
};

/// How long canceling takes once it was accepted.
const JOB: Duration = Duration::from_millis(300);

/// The arguments of a root field.
pub(super) type Arguments = Map<String, Value>;

/// A fault of the request as a whole: message and code.
pub(super) struct Fault(pub(super) String, pub(super) &'static str);

/// Carries out one root field of a mutation; `key` is that of its `@idempotent`.
pub(super) fn resolve(
    world: &mut World,
    keys: &mut Keys,
    field: &str,
    arguments: &Arguments,
    key: Option<&str>,
    now: Time,
) -> Result<Value, Fault> {
    match field {
        "inventorySetQuantities" => {
            require_compare(&arguments["input"])?;
            keys.once(field, arguments, key, now, || {
                set_levels(world, arguments, now)
            })
        }
        "inventoryAdjustQuantities" => {
            require_compare(&arguments["input"])?;
            keys.once(field, arguments, key, now, || {
                adjust_levels(world, arguments, now)
            })
        }
        "inventoryActivate" => Ok(activate(world, arguments)),
        "refundCreate" => keys.once(field, arguments, key, now, || refund(world, arguments, now)),
        "fulfillmentCreate" => Ok(fulfill(world, &arguments["fulfillment"], now)),
        "orderCapture" => Ok(captures::capture(world, arguments, now)),
        "orderCancel" => Ok(cancel(world, arguments, now)),
        "fulfillmentTrackingInfoUpdate" => Ok(track(world, arguments, now)),
        "fulfillmentCancel" => Ok(unship(world, arguments, now)),
        "orderMarkAsPaid" => Ok(mark_as_paid(world, arguments, now)),
        "webhookSubscriptionCreate" => Ok(subscriptions::create(world, arguments, now)),
        "webhookSubscriptionUpdate" => Ok(subscriptions::update(world, arguments, now)),
        "webhookSubscriptionDelete" => Ok(subscriptions::delete(world, arguments)),
        _ => Err(Fault(
            format!("Field '{field}' is not served"),
            "undefinedField",
        )),
    }
}

/// A refusal by a rule of the shop.
pub(super) fn user_error(field: &[String], message: &str) -> Value {
    let field = (!field.is_empty()).then_some(field);
    json!({ "field": field, "message": message, "code": null })
}

/// A refusal that has a code.
pub(super) fn coded(field: &[String], code: &str, message: &str) -> Value {
    json!({ "field": field, "message": message, "code": code })
}

/// A payload that refuses.
pub(super) fn refusals(errors: Vec<Value>) -> Value {
    json!({ "userErrors": errors })
}

fn fulfill(world: &mut World, input: &Value, now: Time) -> Value {
    match picked(world, input) {
        Ok((order, picked)) => {
            let made = world.ship(order, &picked, tracking(&input["trackingInfo"]), now);
            world.writes += 1;
            let view = world.node_view(&json!(gid("Fulfillment", made)));
            json!({ "fulfillment": view, "userErrors": [] })
        }
        Err(message) => refusals(vec![user_error(&["fulfillment".to_owned()], &message)]),
    }
}

/// Tracking: one number or several, with as many addresses.
fn tracking(input: &Value) -> Tracking {
    let texts = |one: &str, many: &str| {
        let many = input[many].as_array().into_iter().flatten();
        let all = input[one].as_str().into_iter();
        let all = all.chain(many.filter_map(Value::as_str));
        all.map(str::to_owned).collect()
    };
    Tracking {
        company: input["company"].as_str().map(str::to_owned),
        numbers: texts("number", "numbers"),
        urls: texts("url", "urls"),
    }
}

/// The order of a fulfillment that is not canceled.
fn shipment(world: &World, id: &Value) -> Option<(u64, u64)> {
    let id = number_of("Fulfillment", id)?;
    let mut orders = world.orders.values().filter(|order| !order.is_deleted);
    let order = orders.find(|order| order.shipments().any(|made| made.id == id))?;
    Some((order.id, id))
}

fn track(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let Some((order, made)) = shipment(world, &arguments["fulfillmentId"]) else {
        let message = "Fulfillment does not exist.";
        return refusals(vec![user_error(&["fulfillmentId".to_owned()], message)]);
    };
    world.track(order, made, tracking(&arguments["trackingInfoInput"]), now);
    world.writes += 1;
    json!({ "fulfillment": later(&gid("Fulfillment", made)), "userErrors": [] })
}

fn unship(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let Some((order, made)) = shipment(world, &arguments["id"]) else {
        return refusals(vec![user_error(
            &["id".to_owned()],
            "Fulfillment not found.",
        )]);
    };
    world.unship(order, made, now);
    world.writes += 1;
    json!({ "fulfillment": later(&gid("Fulfillment", made)), "userErrors": [] })
}

fn mark_as_paid(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let id = number_of("Order", &arguments["input"]["id"]).filter(|id| world.live(*id).is_some());
    let field = ["id".to_owned()];
    let Some(id) = id else {
        return refusals(vec![user_error(&field, "Order does not exist")]);
    };
    match world.pay(id, now) {
        Ok(()) => {
            world.writes += 1;
            json!({ "order": later(&gid("Order", id)), "userErrors": [] })
        }
        Err(_) => refusals(vec![user_error(&field, "Order cannot be marked as paid.")]),
    }
}

/// The order and the units that a fulfillment is to cover.
fn picked(world: &World, input: &Value) -> Result<(u64, Picked), String> {
    let mut order = None;
    let mut picked = Picked::new();
    for entry in input["lineItemsByFulfillmentOrder"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let id = number_of("FulfillmentOrder", &entry["fulfillmentOrderId"]);
        let found = world
            .orders
            .values()
            .filter(|order| !order.is_deleted)
            .find_map(|order| {
                let at = order.parts.iter().position(|part| Some(part.id) == id)?;
                Some((order.id, at, &order.parts[at]))
            });
        let (of, at, part) = found.ok_or("Fulfillment order does not exist.")?;
        if *order.get_or_insert(of) != of {
            return Err("All fulfillment orders must belong to the same order.".to_owned());
        }
        if !matches!(part.status, "OPEN" | "IN_PROGRESS") {
            return Err(format!(
                "Fulfillment order {} has an unfulfillable status= {}.",
                part.id,
                part.status.to_ascii_lowercase()
            ));
        }
        match entry["fulfillmentOrderLineItems"]
            .as_array()
            .filter(|lines| !lines.is_empty())
        {
            None => {
                let open = part.lines.iter().enumerate();
                let open = open.filter(|(_, line)| line.remaining > 0);
                picked.extend(open.map(|(line, open)| (at, line, open.remaining)));
            }
            Some(lines) => {
                for line in lines {
                    let id = number_of("FulfillmentOrderLineItem", &line["id"]);
                    let place = part.lines.iter().position(|open| Some(open.id) == id);
                    let place = place.ok_or("Fulfillment order line item does not exist.")?;
                    let units = line["quantity"].as_i64().unwrap_or(0);
                    let taken = picked.iter().filter(|(p, l, _)| (*p, *l) == (at, place));
                    let taken: i64 = taken.map(|(_, _, units)| units).sum();
                    if units < 1 || units + taken > part.lines[place].remaining {
                        let message = "Invalid fulfillment order line item quantity requested.";
                        return Err(message.to_owned());
                    }
                    picked.push((at, place, units));
                }
            }
        }
    }
    match order {
        Some(order) if !picked.is_empty() => Ok((order, picked)),
        Some(_) | None => Err("There is nothing to fulfill.".to_owned()),
    }
}

fn cancel(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let refused = |code: &str, message: &str| json!({ "orderCancelUserErrors": [coded(&["orderId".to_owned()], code, message)] });
    let id = number_of("Order", &arguments["orderId"]);
    let Some(order) = id.and_then(|id| world.live(id)) else {
        return refused("NOT_FOUND", "Order does not exist");
    };
    if order.canceled.is_some() {
        return refused(
            "INVALID",
            "Cannot cancel an order that has already been canceled",
        );
    }
    if order.shipments().next().is_some() {
        return refused(
            "INVALID",
            "Cannot cancel an order with fulfillments that are not canceled",
        );
    }
    let note = arguments
        .get("staffNote")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if note.chars().count() > 255 {
        return refused(
            "INVALID",
            "Staff note is too long (maximum is 255 characters)",
        );
    }
    let refund = arguments
        .get("refundMethod")
        .is_some_and(|method| method["originalPaymentMethodsRefund"] == json!(true));
    let order = order.id;
    let id = format!("gid://shopify/Job/{}", world.hooks.uuid());
    let job = CancelJob {
        id: id.clone(),
        due: now.plus(JOB),
        order,
        reason: arguments["reason"].as_str().unwrap_or("OTHER").to_owned(),
        restock: arguments["restock"] == json!(true),
        refund,
    };
    world.jobs.push(job);
    world.writes += 1;
    json!({
        "job": { "id": id, "done": false },
        "orderCancelUserErrors": [],
    })
}

fn refund(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let input = &arguments["input"];
    let id = number_of("Order", &input["orderId"]);
    let Some(id) = id.filter(|id| world.live(*id).is_some()) else {
        return refusals(vec![user_error(
            &["orderId".to_owned()],
            "Order does not exist",
        )]);
    };
    let read = refund_lines(world, id, input)
        .and_then(|lines| Ok((lines, refund_payments(world, id, input)?)));
    match read {
        Ok((lines, payments)) => {
            let note = input["note"].as_str().map(str::to_owned);
            let made = world.refund(id, lines, payments, note, now);
            world.writes += 1;
            json!({
                "refund": world.node_view(&json!(gid("Refund", made))),
                "order": world.node_view(&json!(gid("Order", id))),
                "userErrors": [],
            })
        }
        Err((field, message)) => refusals(vec![user_error(&[field.to_owned()], message)]),
    }
}

type FieldError = (&'static str, &'static str);

/// Places of lines, units, and what becomes of the goods.
fn refund_lines(
    world: &World,
    id: u64,
    input: &Value,
) -> Result<Vec<(usize, i64, String)>, FieldError> {
    let order = &world.orders[&id];
    let mut lines: Vec<(usize, i64, String)> = Vec::new();
    for entry in input["refundLineItems"].as_array().into_iter().flatten() {
        let line = number_of("LineItem", &entry["lineItemId"]);
        let place = order.lines.iter().position(|of| Some(of.id) == line);
        let place = place.ok_or(("refundLineItems", "Line item does not exist"))?;
        let units = entry["quantity"].as_i64().unwrap_or(0);
        let restock_type = entry["restockType"].as_str().unwrap_or("NO_RESTOCK");
        if restock_type == "LEGACY_RESTOCK" {
            return Err((
                "refundLineItems",
                "Restock type legacy_restock is not accepted",
            ));
        }
        if restock_type != "NO_RESTOCK"
            && number_of("Location", &entry["locationId"]) != Some(world.location)
        {
            return Err(("refundLineItems", "Location is required to restock"));
        }
        let before = lines.iter().filter(|(at, _, _)| *at == place);
        let before: i64 = before.map(|(_, units, _)| units).sum();
        let of = &order.lines[place];
        if units < 1 || units + before > of.quantity - of.removed {
            let message = "Quantity cannot refund more items than were purchased";
            return Err(("refundLineItems", message));
        }
        let room = match restock_type {
            "CANCEL" => order.unfulfilled(place),
            "RETURN" => order.shipped(place),
            _ => of.quantity,
        };
        if units > room {
            return Err(("refundLineItems", "Quantity does not fit the restock type"));
        }
        lines.push((place, units, restock_type.to_owned()));
    }
    Ok(lines)
}

/// Payments to give back from, with minor units.
fn refund_payments(world: &World, id: u64, input: &Value) -> Result<Vec<(u64, i64)>, FieldError> {
    let refundable = world.refundable(id);
    let mut payments: Vec<(u64, i64)> = Vec::new();
    for entry in input["transactions"].as_array().into_iter().flatten() {
        if entry["kind"] != json!("REFUND") || number_of("Order", &entry["orderId"]) != Some(id) {
            return Err(("transactions", "Transaction is not a refund of this order"));
        }
        let amount = match &entry["amount"] {
            Value::String(text) => Money::parse(text, world.currency).ok(),
            Value::Number(number) => Money::parse(&number.to_string(), world.currency).ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let amount = amount.filter(|amount| amount.is_positive());
        let amount = amount.ok_or(("transactions", "Amount is invalid"))?;
        let parent = number_of("OrderTransaction", &entry["parentId"]);
        let left = refundable.iter().find(|(sale, _)| Some(*sale) == parent);
        let (parent, left) = left.ok_or(("transactions", "Parent transaction is invalid"))?;
        let before = payments.iter().filter(|(sale, _)| sale == parent);
        let before: i64 = before.map(|(_, minor)| minor).sum();
        if before + amount.minor() > *left {
            return Err(("transactions", "Refund amount cannot exceed what was paid"));
        }
        payments.push((*parent, amount.minor()));
    }
    Ok(payments)
}
