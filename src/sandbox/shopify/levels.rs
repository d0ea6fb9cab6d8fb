//! Setting levels through the API.

use domain::Time;
use serde_json::{Value, json};

use crate::LevelWrite;

use super::{
    mutations::{Arguments, Fault, coded, refusals},
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
    let entries = input["quantities"].as_array();
    let missing = entries
        .into_iter()
        .flatten()
        .any(|entry| entry.get("changeFromQuantity").is_none());
    if missing {
        let message =
            "InventoryQuantityInput must include the following argument: changeFromQuantity.";
        return Err(Fault(message.to_owned(), "INVALID_FIELD_ARGUMENTS"));
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
    let changes = match level_changes(world, name, &entries) {
        Ok(changes) => changes,
        Err(errors) => return refusals(errors),
    };
    let mut has_changed = false;
    for (place, available) in changes {
        let variant = &world.variants[place];
        let from = variant.available;
        if from != available {
            has_changed = true;
            world.level_writes.push(LevelWrite {
                sku: variant.sku.clone(),
                from,
                to: available,
                at: now,
            });
            world.move_level(place, available - from, 0, now);
        }
    }
    world.writes += u64::from(has_changed);
    json!({
        "inventoryAdjustmentGroup": has_changed.then(|| json!({
            "id": gid("InventoryAdjustmentGroup", world.id()),
            "createdAt": to_seconds(now).to_string(),
            "reason": input["reason"],
        })),
        "userErrors": [],
    })
}

/// Places of items and their new available units, or everything that is wrong with the entries.
fn level_changes(
    world: &World,
    name: &str,
    entries: &[Value],
) -> Result<Vec<(usize, i64)>, Vec<Value>> {
    let at = |index: usize, field: &[&str]| {
        let path = ["input", "quantities"].into_iter().map(str::to_owned);
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
