//! What the shop knows of parcels: from customer notes, the tracking extension, fulfillments.

use domain::Sku;
use serde_json::{Value, json};

use super::{
    Woo,
    api::{Answered, Call, Fail, Reply},
    orders::Order,
};
use crate::TrueShipment;

/// The parcels of an order, as somebody who looks at it would count them.
pub(super) fn of(order: &Order) -> Vec<TrueShipment> {
    let notes = order
        .notes
        .iter()
        .filter(|note| note.is_for_customer)
        .filter_map(|note| from_note(&note.text, order));
    let trackings = order.trackings.iter().map(|entry| TrueShipment {
        carrier: text(&entry["custom_tracking_provider"]),
        tracking_number: text(&entry["tracking_number"]),
        lines: Vec::new(),
    });
    let fulfillments = order.fulfillments.iter().map(|entry| TrueShipment {
        carrier: text(meta(entry, "_shipment_provider")),
        tracking_number: text(meta(entry, "_tracking_number")),
        lines: meta(entry, "_items")
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| {
                let line = order.lines.iter().find(|line| item["item_id"] == line.id)?;
                let units = u32::try_from(item["qty"].as_i64()?).ok()?;
                Some((Sku::new(line.sku.as_deref()?).ok()?, units))
            })
            .collect(),
    });
    let parcels: Vec<TrueShipment> = notes.chain(trackings).chain(fulfillments).collect();
    if parcels.is_empty() && order.status == "completed" {
        let lines = order.lines.iter().filter_map(|line| {
            let sku = Sku::new(line.sku.as_deref()?).ok()?;
            Some((sku, u32::try_from(line.units).ok()?))
        });
        return vec![TrueShipment {
            carrier: String::new(),
            tracking_number: String::new(),
            lines: lines.collect(),
        }];
    }
    parcels
}

/// Reads `Shipped with DHL, tracking number 0034…: 2 x MUG-1, 1 x MUG-2.`
fn from_note(note: &str, order: &Order) -> Option<TrueShipment> {
    let rest = note.strip_prefix("Shipped")?;
    let carrier = rest
        .strip_prefix(" with ")
        .and_then(|rest| rest.split([',', ':', '.']).next())
        .unwrap_or("");
    let number = rest
        .split_once("tracking number ")
        .and_then(|(_, number)| number.split_whitespace().next())
        .unwrap_or("");
    let lines = order.lines.iter().filter_map(|line| {
        let sku = line.sku.as_deref()?;
        // What is told without its SKU goes by its name.
        let names = [sku, line.name.as_str()].into_iter();
        let mut named = names.filter_map(|name| rest.split_once(&format!(" x {name}")));
        let (before, _) = named.next()?;
        let units = before.rsplit([' ', ':']).next()?.parse().ok()?;
        Some((Sku::new(sku).ok()?, units))
    });
    Some(TrueShipment {
        carrier: carrier.trim().to_owned(),
        tracking_number: number.trim_end_matches([',', '.', ':']).to_owned(),
        lines: lines.collect(),
    })
}

fn meta<'a>(entry: &'a Value, key: &str) -> &'a Value {
    let mut entries = entry["meta_data"].as_array().into_iter().flatten();
    let found = entries.find(|meta| meta["key"] == key);
    found.map_or(&Value::Null, |meta| &meta["value"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

impl Woo {
    /// The route of the Shipment Tracking extension.
    pub(super) fn tracking_route(&mut self, id: &str, call: &Call) -> Answered {
        let id: u64 = id.parse().map_err(|_| Fail::no_route())?;
        let tracking_id = format!("{:032x}", self.chance.u128(..));
        let Some(order) = self.orders.get_mut(&id).filter(|order| !order.is_deleted) else {
            let code = "woocommerce_rest_order_invalid_id";
            return Err(Fail::new(404, code, "Invalid ID."));
        };
        if call.is_read() {
            return Reply::ok(order.trackings.clone().into());
        }
        if call.body["tracking_number"]
            .as_str()
            .unwrap_or("")
            .is_empty()
        {
            let message = "Missing parameter(s): tracking_number";
            return Err(Fail::new(400, "rest_missing_callback_param", message));
        }
        let mut entry = call.body.clone();
        entry["tracking_id"] = tracking_id.into();
        order.trackings.push(entry.clone());
        Reply::created(entry)
    }

    /// The route of the fulfillments feature.
    pub(super) fn fulfillment_route(&mut self, id: u64, call: &Call) -> Answered {
        let fulfillment_id = self.id_next();
        let Some(order) = self.orders.get_mut(&id) else {
            return Err(Fail::no_route());
        };
        if call.is_read() {
            return Reply::ok(json!({ "fulfillments": order.fulfillments }));
        }
        if meta(&call.body, "_items")
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            let message = "The fulfillment should contain at least one item.";
            return Err(Fail::new(
                400,
                "woocommerce_rest_invalid_fulfillment",
                message,
            ));
        }
        let mut entry = call.body.clone();
        entry["id"] = fulfillment_id.into();
        order.fulfillments.push(entry.clone());
        Reply::created(json!({ "fulfillment": entry }))
    }
}
