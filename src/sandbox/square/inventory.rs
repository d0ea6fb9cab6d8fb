//! Counts: reading them, and changing them by physical counts and by adjustments. A call is carried
//! out whole or not at all.

use std::{collections::BTreeSet, time::Duration};

use domain::Time;
use serde_json::{Value, json};

use super::{
    Square,
    api::{Fail, Query, array, instant, text},
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

/// A change, checked.
struct Change {
    variation: String,
    level: i64,
    occurred_at: Time,
    reference: Option<String>,
    /// From which state to which; nothing for a count.
    moved: Option<(&'static str, &'static str)>,
}

/// What adjustments can move here, and in which direction the level goes. Source:
/// InventoryAdjustment, and the guide to what transitions are allowed.
const MOVES: [(&str, &str, i64); 6] = [
    ("NONE", "IN_STOCK", 1),
    ("UNLINKED_RETURN", "IN_STOCK", 1),
    ("RETURNED_BY_CUSTOMER", "IN_STOCK", 1),
    ("IN_STOCK", "SOLD", -1),
    ("IN_STOCK", "WASTE", -1),
    ("UNLINKED_RETURN", "WASTE", 0),
];

/// A change of a level, as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    id: String,
    variation: String,
    quantity: i64,
    occurred_at: Time,
    created_at: Time,
    reference: Option<String>,
    moved: Option<(&'static str, &'static str)>,
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
            let change = self.check(change, now);
            checked.push(change.map_err(|fail| fail.at(format!("changes[{index}]")))?);
        }
        let skips_unchanged = body.get("ignore_unchanged_counts") != Some(&json!(false));
        let mut touched = Vec::new();
        let mut named = BTreeSet::new();
        let mut made = Vec::new();
        for change in checked {
            named.insert(change.variation.clone());
            let level = self.catalog.by_id(&change.variation);
            let level = level.map_or(0, |variation| variation.ledger.level());
            if change.moved.is_none() && skips_unchanged && level == change.level {
                continue;
            }
            if self.apply(&change, now) {
                touched.push(change.variation.clone());
            }
            made.push(self.note(change, now));
        }
        if !touched.is_empty() {
            self.writes += 1;
        }
        self.tell_of_counts(&touched, now);
        let named = named.iter().filter_map(|id| self.catalog.by_id(id));
        let counts: Vec<Value> = named.map(|variation| self.count(variation)).collect();
        let changes: Vec<Value> = made.iter().map(|noted| self.change_card(noted)).collect();
        let mut answer = json!({ "counts": counts });
        if !changes.is_empty() {
            answer["changes"] = json!(changes);
        }
        Ok(answer)
    }

    /// Carries out one change; says whether the level is another one now.
    fn apply(&mut self, change: &Change, now: Time) -> bool {
        let Some(variation) = self.catalog.by_id_mut(&change.variation) else {
            return false;
        };
        let from = variation.ledger.level();
        match change.moved {
            None => variation
                .ledger
                .count(change.level, change.occurred_at, now),
            Some((source, target)) => {
                let mut moves = MOVES.iter();
                let by = moves.find(|(one, other, _)| *one == source && *other == target);
                let by = by.map_or(0, |(_, _, sign)| sign * change.level);
                variation.ledger.change(by, change.occurred_at, now);
            }
        }
        let shows = variation.ledger.level();
        if from != shows {
            let sku = variation.sku.clone();
            self.level_writes.push(LevelWrite {
                sku,
                from,
                // What was sold since it was counted is taken off, and nobody wrote that.
                to: change.moved.map_or(change.level, |_| shows),
                at: now,
            });
        }
        from != shows
    }

    fn note(&mut self, change: Change, now: Time) -> Noted {
        let noted = Noted {
            id: self.ids.opaque(24),
            variation: change.variation,
            quantity: change.level,
            occurred_at: change.occurred_at,
            created_at: now,
            reference: change.reference,
            moved: change.moved,
        };
        self.changes.push(noted.clone());
        noted
    }

    fn check(&self, change: &Value, now: Time) -> Result<Change, Fail> {
        let key = match change.get("type").and_then(Value::as_str) {
            Some("PHYSICAL_COUNT") => "physical_count",
            Some("ADJUSTMENT") => "adjustment",
            Some("TRANSFER") => {
                return Err(Fail::not_here("This seller has one location."));
            }
            Some(_) => {
                let detail = "The type of the change is not known.";
                return Err(Fail::request("INVALID_ENUM_VALUE", detail));
            }
            None => return Err(Fail::missing("type")),
        };
        let body = change.get(key).ok_or_else(|| Fail::missing(key))?;
        let id = text(body, "catalog_object_id", 100)?;
        let id = id.ok_or_else(|| Fail::missing("catalog_object_id"))?;
        let variation = self
            .catalog
            .by_id(id)
            .ok_or_else(|| Fail::not_found(format!("The catalog has no item variation {id}.")))?;
        if !variation.is_counted {
            let detail = "Inventory tracking is off for this item variation.";
            return Err(Fail::request("BAD_REQUEST", detail));
        }
        if text(body, "location_id", 100)? != Some(self.location.as_str()) {
            return Err(Fail::value("location_id", "The location is not known."));
        }
        let moved = match key {
            "adjustment" => Some(moved(body)?),
            _ if text(body, "state", 40)? == Some("IN_STOCK") => None,
            _ => return Err(Fail::value("state", "Only IN_STOCK can be counted here.")),
        };
        let reference = text(body, "reference_id", 255)?;
        Ok(Change {
            variation: id.to_owned(),
            level: quantity(body)?,
            occurred_at: occurred_at(body, now)?,
            reference: reference.map(str::to_owned),
            moved,
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
        let after = match text(body, "updated_after", 34)? {
            Some(after) => Some(instant(after, "updated_after")?),
            None => None,
        };
        let (first, limit) = paging(body)?;
        let found: Vec<&Variation> = self
            .catalog
            .counted()
            .filter(|variation| {
                is_here && is_asked && {
                    let id = variation.id.as_str();
                    ids.as_ref().is_none_or(|ids| ids.contains(id))
                        && after.is_none_or(|after| variation.ledger.changed_at() > after)
                }
            })
            .collect();
        let counts = found.iter().map(|variation| self.count(variation));
        Ok(page("counts", counts.collect(), first, limit))
    }

    /// The counts of one variation.
    pub(super) fn read_counts_of(&self, id: &str, query: &Query) -> Result<Value, Fail> {
        let variation = self.catalog.by_id(id);
        let variation = variation
            .ok_or_else(|| Fail::not_found(format!("Catalog object with ID `{id}` not found.")))?;
        let locations = query.get("location_ids").filter(|ids| !ids.is_empty());
        let is_here = locations.is_none_or(|ids| ids.split(',').any(|id| id == self.location));
        let is_shown = variation.is_counted && is_here;
        let counts = is_shown.then(|| self.count(variation));
        Ok(page("counts", counts.into_iter().collect(), 0, PAGE))
    }

    /// What changed the counts through the API.
    pub(super) fn read_changes(&self, body: &Value) -> Result<Value, Fail> {
        let list = |key: &str| match body.get(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(_) => array(body, key).map(<[Value]>::to_vec),
        };
        let (ids, types) = (list("catalog_object_ids")?, list("types")?);
        let (states, locations) = (list("states")?, list("location_ids")?);
        let bound = |key: &str| match text(body, key, 34)? {
            Some(bound) => instant(bound, key).map(Some),
            None => Ok(None),
        };
        let (after, before) = (bound("updated_after")?, bound("updated_before")?);
        let is_here = locations.is_empty() || locations.contains(&json!(self.location));
        let has = |asked: &[Value], word: &str| asked.is_empty() || asked.contains(&json!(word));
        let found = self.changes.iter().filter(|noted| {
            is_here
                && has(&ids, &noted.variation)
                && has(&types, noted.kind())
                && has(&states, noted.moved.map_or("IN_STOCK", |(_, to)| to))
                && after.is_none_or(|after| noted.created_at > after)
                && before.is_none_or(|before| noted.created_at < before)
        });
        let found = found.map(|noted| self.change_card(noted)).collect();
        let (first, limit) = paging(body)?;
        Ok(page("changes", found, first, limit))
    }

    /// One change, by its kind.
    pub(super) fn read_change(&self, key: &str, id: &str) -> Result<Value, Fail> {
        let mut changes = self.changes.iter();
        let noted = changes.find(|noted| noted.id == id && noted.key() == key);
        let noted = noted.ok_or_else(|| Fail::not_found("There is no such change."))?;
        let mut answer = json!({});
        answer[key] = self.change_body(noted);
        Ok(answer)
    }

    fn change_card(&self, noted: &Noted) -> Value {
        let mut card = json!({ "type": noted.kind() });
        card[noted.key()] = self.change_body(noted);
        card
    }

    fn change_body(&self, noted: &Noted) -> Value {
        let mut body = json!({
            "id": noted.id,
            "catalog_object_id": noted.variation,
            "catalog_object_type": "ITEM_VARIATION",
            "location_id": self.location,
            "quantity": noted.quantity.to_string(),
            "occurred_at": noted.occurred_at.to_string(),
            "created_at": noted.created_at.to_string(),
        });
        match noted.moved {
            Some((from, to)) => {
                body["from_state"] = json!(from);
                body["to_state"] = json!(to);
            }
            None => body["state"] = json!("IN_STOCK"),
        }
        if let Some(reference) = &noted.reference {
            body["reference_id"] = json!(reference);
        }
        body
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

impl Noted {
    fn kind(&self) -> &'static str {
        match self.moved {
            Some(_) => "ADJUSTMENT",
            None => "PHYSICAL_COUNT",
        }
    }

    fn key(&self) -> &'static str {
        match self.moved {
            Some(_) => "adjustment",
            None => "physical_count",
        }
    }
}

/// From which state to which an adjustment moves.
fn moved(body: &Value) -> Result<(&'static str, &'static str), Fail> {
    let state = |key: &str| text(body, key, 40)?.ok_or_else(|| Fail::missing(key));
    let (from, to) = (state("from_state")?, state("to_state")?);
    let mut moves = MOVES.iter();
    let known = moves.find(|(one, other, _)| *one == from && *other == to);
    let known = known.map(|(from, to, _)| (*from, *to));
    known.ok_or_else(|| {
        let detail = format!("Moving from {from} to {to} is not allowed.");
        Fail::value("to_state", detail)
    })
}

fn quantity(body: &Value) -> Result<i64, Fail> {
    let quantity = text(body, "quantity", 26)?.ok_or_else(|| Fail::missing("quantity"))?;
    let units = quantity.parse::<domain::Decimal>().ok();
    let units = units
        .and_then(domain::Decimal::to_whole)
        .filter(|units| *units >= 0);
    let detail = "This item is counted in whole units, from 0 up.";
    units.ok_or_else(|| Fail::value("quantity", detail))
}

fn occurred_at(body: &Value, now: Time) -> Result<Time, Fail> {
    let at = text(body, "occurred_at", 34)?;
    let at = at.ok_or_else(|| Fail::missing("occurred_at"))?;
    let at = instant(at, "occurred_at")?;
    if at > now || at < now.minus(AGE_MAX) {
        let detail = "occurred_at must be within the last 24 hours.";
        return Err(Fail::request("INVALID_TIME", detail));
    }
    Ok(at)
}

/// Where a page begins, and how many are on it.
fn paging(body: &Value) -> Result<(usize, usize), Fail> {
    let first = match text(body, "cursor", 100)? {
        Some(cursor) => cursor.parse().map_err(|_| Fail::cursor())?,
        None => 0,
    };
    let limit = match body.get("limit") {
        None | Some(Value::Null) => PAGE,
        Some(limit) => limit
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| (1..=PAGE).contains(limit))
            .ok_or_else(|| Fail::value("limit", "The limit must be from 1 to 1000."))?,
    };
    Ok((first, limit))
}

/// A page of a list; an empty list is left out.
pub(super) fn page(name: &str, all: Vec<Value>, first: usize, limit: usize) -> Value {
    let next = first.saturating_add(limit);
    let has_more = next < all.len();
    let page: Vec<Value> = all.into_iter().skip(first).take(limit).collect();
    let mut answer = json!({});
    if !page.is_empty() {
        answer[name] = json!(page);
    }
    if has_more {
        answer["cursor"] = json!(next.to_string());
    }
    answer
}
