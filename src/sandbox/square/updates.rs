//! Changing an order through the API: a sparse order that states the version it was made for.

use std::collections::BTreeMap;

use domain::Time;
use serde_json::{Map, Value, json};

use super::{
    Square,
    api::{Fail, text},
    orders::{Fulfillment, Order, Stage, State},
};
use crate::TrueShipment;

/// The longest idempotency key here. Source: UpdateOrderRequest.
const KEY_MAX: usize = 192;
/// What may be written of a shipment, and how long. Source: FulfillmentShipmentDetails.
const WRITABLE: [(&str, usize); 7] = [
    ("carrier", 50),
    ("shipping_note", 500),
    ("shipping_type", 50),
    ("tracking_number", 100),
    ("tracking_url", 2000),
    ("cancel_reason", 100),
    ("failure_reason", 100),
];
/// What may be written on the order itself, and how long. Source: Order.
const WORDS: [(&str, usize); 2] = [("reference_id", 40), ("ticket_name", 30)];
/// Metadata: entries, and characters of a key and a value. Source: Fulfillment.metadata.
const METADATA_MAX: usize = 10;
const METADATA_KEY_MAX: usize = 60;
const METADATA_VALUE_MAX: usize = 255;

impl Square {
    pub(super) fn update_order(
        &mut self,
        id: &str,
        body: &Value,
        now: Time,
    ) -> Result<Value, Fail> {
        match text(body, "idempotency_key", KEY_MAX)? {
            Some(key) => self.once(&format!("order {id}"), key, body, |shop| {
                shop.change_order(id, body, now)
            }),
            None => self.change_order(id, body, now),
        }
    }

    fn change_order(&mut self, id: &str, body: &Value, now: Time) -> Result<Value, Fail> {
        let before = self.orders.get(id);
        let before = before.ok_or_else(|| Fail::not_found("Order not found."))?;
        let sparse = body.get("order").and_then(Value::as_object);
        let sparse = sparse.ok_or_else(|| Fail::missing("order"))?;
        self.check_head(before, sparse)?;
        let mut after = before.clone();
        let stage = after
            .fulfillment
            .as_ref()
            .map(|fulfillment| fulfillment.stage);
        self.clear_fields(&mut after, body)?;
        change_words(&mut after, sparse)?;
        if let Some(changes) = sparse.get("fulfillments").filter(|value| !value.is_null()) {
            let changes = changes.as_array().ok_or_else(|| {
                Fail::request("EXPECTED_ARRAY", "Expected an array.").at("order.fulfillments")
            })?;
            for (index, change) in changes.iter().enumerate() {
                change_fulfillment(&mut after, change, now)
                    .map_err(|fail| fail.at(format!("order.fulfillments[{index}]")))?;
            }
        }
        if let Some(state) = sparse.get("state").filter(|value| !value.is_null()) {
            self.change_state(&mut after, state, now)?;
        }
        note_parcel(before, &mut after);
        after.touch(now);
        let card = self.card(&after);
        self.orders.insert(id.to_owned(), after);
        self.writes += 1;
        self.tell_of_order(id, false, now);
        if let Some(stage) = stage {
            self.tell_of_fulfillment(id, stage, now);
        }
        Ok(json!({ "order": card }))
    }

    fn check_head(&self, order: &Order, sparse: &Map<String, Value>) -> Result<(), Fail> {
        let known = [
            "location_id",
            "version",
            "fulfillments",
            "state",
            "reference_id",
            "ticket_name",
            "metadata",
        ];
        if let Some(other) = sparse.keys().find(|key| !known.contains(&key.as_str())) {
            let detail = "This sandbox does not change this field of an order.";
            return Err(Fail::not_here(detail).at(format!("order.{other}")));
        }
        if sparse.get("location_id") != Some(&json!(self.location)) {
            return Err(Fail::value(
                "order.location_id",
                "The order is not at this location.",
            ));
        }
        let version = sparse.get("version").and_then(Value::as_i64);
        let version = version.ok_or_else(|| Fail::missing("order.version"))?;
        if order.state != State::Open {
            let detail = "Orders that are completed or canceled cannot be updated.";
            return Err(Fail::request("BAD_REQUEST", detail).at("order.state"));
        }
        if version != order.version {
            let detail = format!(
                "Version {version} does not match the current version {}.",
                order.version
            );
            let category = "INVALID_REQUEST_ERROR";
            return Err(Fail::new(409, category, "VERSION_MISMATCH", detail).at("order.version"));
        }
        Ok(())
    }

    /// Empties the fields that the body names, such as `fulfillments[uid].shipment_details.carrier`.
    fn clear_fields(&self, order: &mut Order, body: &Value) -> Result<(), Fail> {
        let Some(fields) = body.get("fields_to_clear").filter(|list| !list.is_null()) else {
            return Ok(());
        };
        let fields = fields.as_array();
        let fields = fields.ok_or_else(|| Fail::request("EXPECTED_ARRAY", "Expected an array."))?;
        for field in fields {
            let field = field.as_str().unwrap_or_default();
            let of_shipment = order.fulfillment.as_mut().and_then(|fulfillment| {
                let rest = field.strip_prefix("fulfillments[")?;
                let rest = rest.strip_prefix(fulfillment.uid.as_str())?;
                Some((rest.strip_prefix("].")?, fulfillment))
            });
            let is_cleared = match (field, of_shipment) {
                ("reference_id" | "ticket_name", _) => {
                    order.words.remove(field);
                    true
                }
                ("metadata", _) => {
                    order.metadata.clear();
                    true
                }
                (_, Some(("metadata", fulfillment))) => {
                    fulfillment.metadata.clear();
                    true
                }
                (_, Some((path, fulfillment))) => {
                    let name = path.strip_prefix("shipment_details.").unwrap_or_default();
                    let is_known = WRITABLE.iter().any(|(known, _)| *known == name);
                    fulfillment.details.remove(name);
                    is_known
                }
                (_, None) => false,
            };
            if !is_cleared {
                let detail = format!("This sandbox does not clear `{field}`.");
                return Err(Fail::not_here(detail).at("fields_to_clear"));
            }
        }
        Ok(())
    }

    fn change_state(&self, order: &mut Order, state: &Value, now: Time) -> Result<(), Fail> {
        let refuse = |detail: &str| Err(Fail::request("BAD_REQUEST", detail).at("order.state"));
        let mut stages = order
            .fulfillment
            .iter()
            .map(|fulfillment| fulfillment.stage);
        match state.as_str() {
            Some("OPEN") => Ok(()),
            Some("COMPLETED") => {
                if !stages.all(Stage::is_over) {
                    return refuse("All fulfillments must be over before an order is completed.");
                }
                if self.due_minor(order) > 0 {
                    return refuse("An order that is not paid cannot be completed.");
                }
                order.close(State::Completed, now);
                Ok(())
            }
            Some("CANCELED") => {
                if !stages.all(|stage| matches!(stage, Stage::Canceled | Stage::Failed)) {
                    return refuse("All fulfillments must be canceled before the order is.");
                }
                if self.kept_minor(order) > 0 {
                    return refuse(
                        "An order with a payment that is not refunded cannot be canceled.",
                    );
                }
                order.close(State::Canceled, now);
                Ok(())
            }
            _ => Err(Fail::request("INVALID_ENUM_VALUE", "Unknown state.").at("order.state")),
        }
    }
}

/// Changes the one fulfillment that an order can have.
fn change_fulfillment(order: &mut Order, change: &Value, now: Time) -> Result<(), Fail> {
    let uid = change.get("uid").and_then(Value::as_str);
    let uid = uid.ok_or_else(|| Fail::missing("uid"))?;
    let fulfillment = order.fulfillment.as_mut();
    let fulfillment = fulfillment.filter(|fulfillment| fulfillment.uid == uid);
    let fulfillment = fulfillment.ok_or_else(|| {
        Fail::request(
            "BAD_REQUEST",
            "There is no such fulfillment, and none can be added.",
        )
    })?;
    if fulfillment.stage.is_over() {
        return Err(Fail::request("BAD_REQUEST", "The fulfillment is over."));
    }
    let known = ["uid", "type", "state", "shipment_details", "metadata"];
    let mut keys = change.as_object().into_iter().flat_map(Map::keys);
    if let Some(other) = keys.find(|key| !known.contains(&key.as_str())) {
        let detail = format!("{other} cannot be changed.");
        return Err(Fail::request("UNKNOWN_BODY_PARAMETER", detail));
    }
    if let Some(details) = change.get("shipment_details") {
        change_details(&mut fulfillment.details, details)?;
    }
    if let Some(metadata) = change.get("metadata").and_then(Value::as_object) {
        change_metadata(&mut fulfillment.metadata, metadata)?;
    }
    match change.get("state").and_then(Value::as_str) {
        None => Ok(()),
        Some(word) => {
            let stage = Stage::of(word);
            let stage =
                stage.ok_or_else(|| Fail::request("INVALID_ENUM_VALUE", "Unknown state."))?;
            if stage < fulfillment.stage {
                let detail = "A fulfillment cannot go back to an earlier state.";
                return Err(Fail::request("BAD_REQUEST", detail));
            }
            if stage != fulfillment.stage {
                fulfillment.enter(stage, now);
            }
            Ok(())
        }
    }
}

fn change_details(details: &mut BTreeMap<String, String>, change: &Value) -> Result<(), Fail> {
    let keys = change.as_object().into_iter().flat_map(Map::keys);
    for key in keys {
        let Some((name, length_max)) = WRITABLE.iter().find(|(name, _)| name == key) else {
            return Err(Fail::request("BAD_REQUEST", format!("{key} is read-only.")));
        };
        match text(change, name, *length_max)? {
            Some(text) => details.insert(key.clone(), text.to_owned()),
            None => details.remove(key),
        };
    }
    Ok(())
}

/// Changes what we may write on the order itself.
pub(super) fn change_words(order: &mut Order, sparse: &Map<String, Value>) -> Result<(), Fail> {
    let body = Value::Object(sparse.clone());
    for (name, length_max) in WORDS {
        if let Some(word) = text(&body, name, length_max)? {
            order.words.insert(name, word.to_owned());
        }
    }
    match sparse.get("metadata").and_then(Value::as_object) {
        Some(metadata) => change_metadata(&mut order.metadata, metadata),
        None => Ok(()),
    }
}

fn change_metadata(
    metadata: &mut BTreeMap<String, String>,
    change: &Map<String, Value>,
) -> Result<(), Fail> {
    for (key, value) in change {
        let value = value.as_str();
        let value = value.ok_or_else(|| Fail::request("EXPECTED_STRING", "Expected a string."))?;
        if key.len() > METADATA_KEY_MAX {
            return Err(Fail::request(
                "MAP_KEY_LENGTH_TOO_LONG",
                "The key is too long.",
            ));
        }
        if value.chars().count() > METADATA_VALUE_MAX {
            return Err(Fail::request("VALUE_TOO_LONG", "The value is too long."));
        }
        metadata.insert(key.clone(), value.to_owned());
    }
    if metadata.len() > METADATA_MAX {
        return Err(Fail::request(
            "TOO_MANY_MAP_ENTRIES",
            "There are too many entries.",
        ));
    }
    Ok(())
}

/// A parcel is what a change told of: a new tracking number, or the end of a shipment. What is in it
/// can be said only of one that takes the whole order.
fn note_parcel(before: &Order, after: &mut Order) {
    let (Some(was), Some(is)) = (&before.fulfillment, &after.fulfillment) else {
        return;
    };
    let shown = |fulfillment: &Fulfillment, key: &str| {
        let text = fulfillment.details.get(key);
        text.cloned().unwrap_or_default()
    };
    let number = shown(is, "tracking_number");
    let is_new = !number.is_empty() && number != shown(was, "tracking_number");
    let is_ended = is.stage == Stage::Completed && was.stage != Stage::Completed;
    if !is_new && !is_ended {
        return;
    }
    let is_all = is_ended && before.parcels.is_empty();
    let parcel = TrueShipment {
        carrier: shown(is, "carrier"),
        tracking_number: number,
        lines: if is_all { after.units() } else { Vec::new() },
    };
    after.parcels.push(parcel);
}
