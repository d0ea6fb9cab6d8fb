//! Counts: reading them, and setting them by physical counts. A call is carried out whole or not
//! at all.

use std::{collections::BTreeSet, time::Duration};

use domain::Time;
use serde_json::{Value, json};

use super::{
    Square,
    api::{Fail, array, instant, text},
    catalog::Variation,
};
use crate::LevelWrite;

/// The longest idempotency key here. Source: BatchChangeInventoryRequest.
const KEY_MAX: usize = 128;
/// Changes in one call.
const CHANGES_MAX: usize = 100;
/// How old a count may be. Source: InventoryPhysicalCount.occurred_at.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Counts on a page, and at most. Source: BatchRetrieveInventoryCounts.
const PAGE: usize = 1000;

/// A count, checked.
struct Counted {
    variation: String,
    level: i64,
    occurred_at: Time,
}

impl Square {
    pub(super) fn change_inventory(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let key = text(body, "idempotency_key", KEY_MAX)?;
        let key = key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| Fail::missing("idempotency_key"))?;
        self.once("inventory", key, body, |shop| shop.apply_changes(body, now))
    }

    fn apply_changes(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let changes = array(body, "changes")?;
        if changes.is_empty() || changes.len() > CHANGES_MAX {
            let detail = "1 to 100 changes are allowed.";
            return Err(Fail::request("ARRAY_LENGTH_TOO_LONG", detail).at("changes"));
        }
        let mut checked = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let counted = self.check(change, now);
            checked.push(counted.map_err(|fail| fail.at(format!("changes[{index}]")))?);
        }
        let skips_unchanged = body.get("ignore_unchanged_counts") != Some(&json!(false));
        let mut touched = Vec::new();
        let mut named = BTreeSet::new();
        for counted in checked {
            named.insert(counted.variation.clone());
            let Some(variation) = self.catalog.by_id_mut(&counted.variation) else {
                continue;
            };
            let from = variation.ledger.level();
            if skips_unchanged && from == counted.level {
                continue;
            }
            let Counted {
                level, occurred_at, ..
            } = counted;
            variation.ledger.count(level, occurred_at, now);
            let to = variation.ledger.level();
            if from != to {
                let sku = variation.sku.clone();
                self.level_writes.push(LevelWrite {
                    sku,
                    from,
                    to,
                    at: now,
                });
                touched.push(counted.variation);
            }
        }
        if !touched.is_empty() {
            self.writes += 1;
        }
        self.tell_of_counts(&touched, now);
        let named = named.iter().filter_map(|id| self.catalog.by_id(id));
        let counts: Vec<Value> = named.map(|variation| self.count(variation)).collect();
        Ok(json!({ "counts": counts }))
    }

    fn check(&self, change: &Value, now: Time) -> Result<Counted, Fail> {
        if change.get("type").and_then(Value::as_str) != Some("PHYSICAL_COUNT") {
            let detail = "Only physical counts are kept here.";
            return Err(Fail::request("INVALID_ENUM_VALUE", detail));
        }
        let count = change.get("physical_count");
        let count = count.ok_or_else(|| Fail::missing("physical_count"))?;
        let id = text(count, "catalog_object_id", 100)?;
        let id = id.ok_or_else(|| Fail::missing("catalog_object_id"))?;
        let variation = self
            .catalog
            .by_id(id)
            .ok_or_else(|| Fail::not_found(format!("The catalog has no item variation {id}.")))?;
        if !variation.is_counted {
            let detail = "Inventory tracking is off for this item variation.";
            return Err(Fail::request("BAD_REQUEST", detail));
        }
        if text(count, "location_id", 100)? != Some(self.location.as_str()) {
            return Err(Fail::value("location_id", "The location is not known."));
        }
        if text(count, "state", 40)? != Some("IN_STOCK") {
            return Err(Fail::value("state", "Only IN_STOCK can be counted here."));
        }
        text(count, "reference_id", 255)?;
        let quantity = text(count, "quantity", 26)?.ok_or_else(|| Fail::missing("quantity"))?;
        let level = quantity.parse::<domain::Decimal>().ok();
        let level = level
            .and_then(domain::Decimal::to_whole)
            .filter(|level| *level >= 0);
        let level = level.ok_or_else(|| {
            Fail::value(
                "quantity",
                "This item is counted in whole units, from 0 up.",
            )
        })?;
        let occurred_at = text(count, "occurred_at", 34)?;
        let occurred_at = occurred_at.ok_or_else(|| Fail::missing("occurred_at"))?;
        let occurred_at = instant(occurred_at, "occurred_at")?;
        if occurred_at > now || occurred_at < now.minus(AGE_MAX) {
            let detail = "occurred_at must be within the last 24 hours.";
            return Err(Fail::request("INVALID_TIME", detail));
        }
        Ok(Counted {
            variation: id.to_owned(),
            level,
            occurred_at,
        })
    }

    pub(super) fn read_counts(&self, body: &Value) -> Result<Value, Fail> {
        let list = |key: &str| -> Result<Option<BTreeSet<&str>>, Fail> {
            match body.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(_) => {
                    let list = array(body, key)?;
                    let list: BTreeSet<&str> = list.iter().filter_map(Value::as_str).collect();
                    Ok(Some(list).filter(|list| !list.is_empty()))
                }
            }
        };
        let ids = list("catalog_object_ids")?;
        if ids.as_ref().is_some_and(|ids| ids.len() > PAGE) {
            return Err(Fail::value(
                "catalog_object_ids",
                "At most 1000 ids are allowed.",
            ));
        }
        let is_here = list("location_ids")?.is_none_or(|ids| ids.contains(self.location.as_str()));
        let is_asked = list("states")?.is_none_or(|states| states.contains("IN_STOCK"));
        let first: usize = match body.get("cursor").and_then(Value::as_str) {
            Some(cursor) => cursor.parse().map_err(|_| Fail::cursor())?,
            None => 0,
        };
        let found: Vec<&Variation> = self
            .catalog
            .counted()
            .filter(|variation| {
                is_here && is_asked && {
                    let id = variation.id.as_str();
                    ids.as_ref().is_none_or(|ids| ids.contains(id))
                }
            })
            .collect();
        let page = found.iter().skip(first).take(PAGE);
        let page: Vec<Value> = page.map(|variation| self.count(variation)).collect();
        if page.is_empty() {
            return Ok(json!({}));
        }
        let next = first + page.len();
        let mut answer = json!({ "counts": page });
        if next < found.len() {
            answer["cursor"] = json!(next.to_string());
        }
        Ok(answer)
    }

    fn count(&self, variation: &Variation) -> Value {
        json!({
            "catalog_object_id": variation.id,
            "catalog_object_type": "ITEM_VARIATION",
            "state": "IN_STOCK",
            "location_id": self.location,
            "quantity": variation.ledger.level().to_string(),
            "calculated_at": variation.ledger.changed_at().to_string(),
        })
    }

    /// Tells of new counts.
    pub(super) fn tell_of_counts(&mut self, variations: &[String], now: Time) {
        if variations.is_empty() {
            return;
        }
        let named: BTreeSet<&String> = variations.iter().collect();
        let named = named.into_iter().filter_map(|id| self.catalog.by_id(id));
        let counts: Vec<Value> = named.map(|variation| self.count(variation)).collect();
        let data = json!({
            "type": "inventory_counts",
            "id": self.ids.uuid(),
            "object": { "inventory_counts": counts },
        });
        self.emit("inventory.count.updated", data, now);
    }
}
