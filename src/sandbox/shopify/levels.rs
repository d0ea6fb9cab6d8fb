//! Setting levels through the API.

use domain::Time;
use serde_json::{Value, json};

use crate::LevelWrite;

use super::{
    answer::later,
    mutations::{Arguments, Fault, coded, refusals, user_error},
    views::{gid, number_of},
    world::{World, to_seconds},
};

const LEVEL_MAX: i64 = 1_000_000_000;
const REASONS: &[&str] = &[
    "correction",
    "cycle_count_available",
    "damaged",
    "other",
    "promotion",
    "received",
    "restock",
    "shrinkage",
];

/// Required from 2026-04 on, although the schema does not say so.
pub(super) fn require_compare(input: &Value) -> Result<(), Fault> {
    let lists = [
        ("quantities", "InventoryQuantityInput"),
        ("changes", "InventoryChangeInput"),
    ];
    for (list, name) in lists {
        let mut entries = input[list].as_array().into_iter().flatten();
        if entries.any(|entry| entry.get("changeFromQuantity").is_none()) {
            let message =
                format!("{name} must include the following argument: changeFromQuantity.");
            return Err(Fault(message, "INVALID_FIELD_ARGUMENTS"));
        }
    }
    Ok(())
}

/// Sets levels: all entries of a call, or none of them.
pub(super) fn set_levels(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let input = &arguments["input"];
    let name = input["name"].as_str().unwrap_or_default();
    let at = |path: &[&str]| {
        path.iter()
            .map(|step| (*step).to_owned())
            .collect::<Vec<_>>()
    };
    if !matches!(name, "available" | "on_hand") {
        let message = "The quantity name must be either 'available' or 'on_hand'.";
        return refusals(vec![coded(
            &at(&["input", "name"]),
            "INVALID_NAME",
            message,
        )]);
    }
    if !input["reason"]
        .as_str()
        .is_some_and(|reason| REASONS.contains(&reason))
    {
        let message = "The specified reason is invalid.";
        return refusals(vec![coded(
            &at(&["input", "reason"]),
            "INVALID_REASON",
            message,
        )]);
    }
    let entries = input["quantities"].as_array().cloned().unwrap_or_default();
    match level_changes(world, name, &entries, "quantities") {
        Ok(changes) => write_levels(world, input, &changes, now),
        Err(errors) => refusals(errors),
    }
}

/// Moves levels by so many: all entries of a call, or none of them.
pub(super) fn adjust_levels(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    let input = &arguments["input"];
    let refuse = |field: &str, code: &str, message: &str| {
        let path = ["input".to_owned(), field.to_owned()];
        refusals(vec![coded(&path, code, message)])
    };
    if input["name"] != json!("available") {
        let message = "This sandbox adjusts available units only.";
        return refuse("name", "INVALID_QUANTITY_NAME", message);
    }
    let reason = input["reason"].as_str();
    if !reason.is_some_and(|reason| REASONS.contains(&reason)) {
        let message = "The specified reason is invalid.";
        return refuse("reason", "INVALID_REASON", message);
    }
    let mut entries = input["changes"].as_array().cloned().unwrap_or_default();
    for entry in &mut entries {
        if entry["ledgerDocumentUri"].is_string() {
            let message = "A ledger document URI is not allowed when adjusting available.";
            return refuse("changes", "INVALID_AVAILABLE_DOCUMENT", message);
        }
        let item = number_of("InventoryItem", &entry["inventoryItemId"]);
        let mut variants = world.variants.iter();
        let held = variants.find(|variant| Some(variant.item) == item);
        let held = held.map_or(0, |variant| variant.available);
        entry["quantity"] = json!(held + entry["delta"].as_i64().unwrap_or(0));
    }
    match level_changes(world, "available", &entries, "changes") {
        Ok(changes) => write_levels(world, input, &changes, now),
        Err(errors) => refusals(errors),
    }
}

/// Everything that is counted is stocked at the one location already.
pub(super) fn activate(world: &mut World, arguments: &Arguments) -> Value {
    let refuse =
        |field: &str, message: &str| refusals(vec![user_error(&[field.to_owned()], message)]);
    let item = number_of("InventoryItem", &arguments["inventoryItemId"]);
    let mut variants = world.variants.iter();
    let place = variants.position(|variant| Some(variant.item) == item);
    let Some(place) = place else {
        return refuse("inventoryItemId", "The product couldn't be found.");
    };
    if number_of("Location", &arguments["locationId"]) != Some(world.location) {
        return refuse("locationId", "The location couldn't be found.");
    }
    if !world.variants[place].is_tracked {
        return refuse(
            "inventoryItemId",
            "This sandbox does not begin to count a service.",
        );
    }
    let is_set = |key: &str| arguments.get(key).is_some_and(|value| !value.is_null());
    if is_set("available") || is_set("onHand") {
        let message = "Not allowed to set available quantity when the item is already active at \
                       the location.";
        return refuse("available", message);
    }
    json!({ "inventoryLevel": world.level_view(place), "userErrors": [] })
}

/// Writes new available units, and says what changed.
fn write_levels(world: &mut World, input: &Value, changes: &[(usize, i64)], now: Time) -> Value {
    let mut told = Vec::new();
    for (place, available) in changes {
        let variant = &world.variants[*place];
        let (from, delta) = (variant.available, available - variant.available);
        if delta == 0 {
            continue;
        }
        let item = later(&gid("InventoryItem", variant.item));
        let location = later(&gid("Location", world.location));
        for (name, after) in [
            ("available", *available),
            ("on_hand", available + variant.committed),
        ] {
            told.push(json!({
                "name": name,
                "delta": delta,
                "quantityAfterChange": after,
                "ledgerDocumentUri": null,
                "item": item,
                "location": location,
            }));
        }
        world.level_writes.push(LevelWrite {
            sku: variant.sku.clone(),
            from,
            to: *available,
            at: now,
        });
        world.move_level(*place, delta, 0, now);
    }
    let has_changed = !told.is_empty();
    world.writes += u64::from(has_changed);
    json!({
        "inventoryAdjustmentGroup": has_changed.then(|| json!({
            "id": gid("InventoryAdjustmentGroup", world.id()),
            "createdAt": to_seconds(now).to_string(),
            "reason": input["reason"],
            "referenceDocumentUri": input["referenceDocumentUri"],
            "changes": told,
        })),
        "userErrors": [],
    })
}

/// Places of items and their new available units, or everything that is wrong with the entries.
fn level_changes(
    world: &World,
    name: &str,
    entries: &[Value],
    list: &str,
) -> Result<Vec<(usize, i64)>, Vec<Value>> {
    let at = |index: usize, field: &[&str]| {
        let path = ["input", list].into_iter().map(str::to_owned);
        let path = path.chain([index.to_string()]);
        path.chain(field.iter().map(|step| (*step).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut errors = Vec::new();
    let mut changes: Vec<(usize, i64)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match level_change(world, name, entry) {
            Ok((place, _)) if changes.iter().any(|(other, _)| *other == place) => {
                errors.push(coded(
                    &at(index, &[]),
                    "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR",
                    "The combination of inventoryItemId and locationId must be unique.",
                ));
            }
            Ok(change) => changes.push(change),
            Err((field, code, message)) => {
                errors.push(coded(&at(index, &[field]), code, message));
            }
        }
    }
    if errors.is_empty() {
        Ok(changes)
    } else {
        Err(errors)
    }
}

/// The place of what an entry changes and its new available units; or the field, the code and the
/// message of what is wrong with it.
fn level_change(
    world: &World,
    name: &str,
    entry: &Value,
) -> Result<(usize, i64), (&'static str, &'static str, &'static str)> {
    let item = number_of("InventoryItem", &entry["inventoryItemId"]);
    let place = world
        .variants
        .iter()
        .position(|variant| Some(variant.item) == item);
    let place = place.ok_or((
        "inventoryItemId",
        "INVALID_INVENTORY_ITEM",
        "The specified inventory item could not be found.",
    ))?;
    if number_of("Location", &entry["locationId"]) != Some(world.location) {
        return Err((
            "locationId",
            "INVALID_LOCATION",
            "The specified location could not be found.",
        ));
    }
    let variant = &world.variants[place];
    if !variant.is_tracked {
        return Err((
            "inventoryItemId",
            "ITEM_NOT_STOCKED_AT_LOCATION",
            "The specified inventory item is not stocked at the location.",
        ));
    }
    let quantity = entry["quantity"].as_i64().unwrap_or(0);
    if quantity > LEVEL_MAX {
        return Err((
            "quantity",
            "INVALID_QUANTITY_TOO_HIGH",
            "The total quantity can't be higher than 1,000,000,000.",
        ));
    }
    if quantity < -LEVEL_MAX {
        return Err((
            "quantity",
            "INVALID_QUANTITY_TOO_LOW",
            "The total quantity can't be lower than -1,000,000,000.",
        ));
    }
    let (held, available) = match name {
        "available" => (variant.available, quantity),
        _ => (
            variant.available + variant.committed,
            quantity - variant.committed,
        ),
    };
    match entry["changeFromQuantity"].as_i64() {
        Some(expected) if expected != held => Err((
            "changeFromQuantity",
            "CHANGE_FROM_QUANTITY_STALE",
            "The changeFromQuantity argument no longer matches the persisted quantity.",
        )),
        Some(_) | None => Ok((place, available)),
    }
}
