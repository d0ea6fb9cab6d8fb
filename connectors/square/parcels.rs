//! Telling Square what was shipped.
//!
//! Square cannot split a fulfillment that exists. So a parcel that does not complete it sets it to
//! PREPARED with the parcel's tracking number, and the one that completes it sets COMPLETED. A
//! fulfillment holds one tracking number: the newest; earlier ones move to the note for the carrier.
//! What we told is also marked in the fulfillment's metadata, so that a parcel without a number is
//! recognized as well.
//!
//! Changes state the version that they were made for. If the order changed meanwhile it is read and
//! tried once more; after that the engine decides.

use async_trait::async_trait;
use channel::{Ack, ChannelError, ErrorKind, PushShipments, ShipmentPush};
use domain::ExternalId;
use serde_json::{Value, json};

use super::{
    Square,
    api::Reply,
    auth::digest,
    counters,
    map::{self, given},
    wire,
    words::{OrderState, Stage, Way},
};

const OPERATION: &str = "tell of a shipment";
/// The key of our marks in the metadata of a fulfillment.
const MARKS: &str = "oneshelf_parcels";
/// Marks of 12 digits and a space each, within the 255 characters of a metadata value.
const MARKS_MAX: usize = 19;
/// Longest values of a shipment. Source: FulfillmentShipmentDetails.
const CARRIER_MAX: usize = 50;
const TRACKING_NUMBER_MAX: usize = 100;
const TRACKING_URL_MAX: usize = 2000;
const NOTE_MAX: usize = 500;

/// What to do about an order.
enum Plan {
    /// Nothing more: this is the answer.
    Answer(Ack),
    /// Send this change of the order; the reference names what it changes.
    Change { order: Value, reference: ExternalId },
}

#[async_trait]
impl PushShipments for Square {
    async fn find(&self, shipment: &ShipmentPush) -> Result<Option<Ack>, ChannelError> {
        let order = self.api.order(OPERATION, shipment.order.as_str()).await?;
        Ok(known(&order, shipment))
    }

    async fn push(&self, shipment: &ShipmentPush) -> Result<Ack, ChannelError> {
        let id = shipment.order.as_str();
        for is_last in [false, true] {
            let order = self.api.order(OPERATION, id).await?;
            let (change, reference) = match plan(&order, shipment, &self.location)? {
                Plan::Answer(ack) => return Ok(ack),
                Plan::Change { order, reference } => (order, reference),
            };
            let body = json!({
                "idempotency_key": digest(&["shipment", &shipment.key, &change.to_string()]),
                "order": change,
            });
            match self.api.update_order(OPERATION, id, body).await? {
                Reply::Yes(_) => {
                    return Ok(Ack::Applied {
                        reference: Some(reference),
                    });
                }
                Reply::No(refusal) if refusal.is_stale() && !is_last => {}
                Reply::No(refusal) if refusal.is_stale() => break,
                Reply::No(refusal) => {
                    return Ok(Ack::Rejected {
                        reason: refusal.reason(),
                    });
                }
            }
        }
        Err(stale(OPERATION))
    }
}

/// The order changed twice while we were changing it; nothing was written.
pub(super) fn stale(operation: &'static str) -> ChannelError {
    let reason = "the order changed while we were changing it".to_owned();
    ChannelError::new(operation, ErrorKind::Retry { reason })
}

/// Why an order cannot be changed from here at all.
pub(super) fn unchangeable(order: &wire::Order) -> Option<Ack> {
    let reason = match (&order.version, OrderState::of(order)) {
        (_, OrderState::Canceled) => "the order is canceled in Square",
        (_, OrderState::Completed) => "the order is completed in Square and cannot be changed",
        (_, OrderState::Draft) => "the order is only a draft in Square",
        (None, _) => {
            "the order was not made through the API, so Square lets only its own apps change it: do this in the Square dashboard"
        }
        (Some(_), OrderState::Open | OrderState::Unmapped(_)) => return None,
    };
    Some(Ack::Rejected {
        reason: reason.to_owned(),
    })
}

/// Whether the order shows this parcel already.
fn known(order: &wire::Order, shipment: &ShipmentPush) -> Option<Ack> {
    let mark = mark_of(shipment);
    let is_known = |fulfillment: &&wire::Fulfillment| {
        let marks = fulfillment.metadata.get(MARKS).map(String::as_str);
        let mut marks = marks.unwrap_or_default().split(' ');
        marks.any(|known| known == mark) || shows_number(fulfillment, shipment)
    };
    let fulfillment = order.fulfillments.iter().find(is_known)?;
    Some(Ack::Applied {
        reference: given(fulfillment.uid.as_deref()).map(ExternalId::new),
    })
}

fn shows_number(fulfillment: &wire::Fulfillment, shipment: &ShipmentPush) -> bool {
    let Some(number) = given(shipment.tracking_number.as_deref()) else {
        return false;
    };
    let Some(details) = &fulfillment.shipment_details else {
        return false;
    };
    let note = details.shipping_note.as_deref().unwrap_or_default();
    given(details.tracking_number.as_deref()) == Some(number)
        || note.split_whitespace().any(|word| word == number)
}

fn plan(
    order: &wire::Order,
    shipment: &ShipmentPush,
    location: &str,
) -> Result<Plan, ChannelError> {
    if let Some(ack) = known(order, shipment).or_else(|| unchangeable(order)) {
        return Ok(Plan::Answer(ack));
    }
    let live = order.fulfillments.iter();
    let live: Vec<&wire::Fulfillment> = live
        .filter(|fulfillment| Stage::of(fulfillment).is_live() && concerns(fulfillment, shipment))
        .collect();
    let Some(first) = live.first().and_then(|first| first.uid.as_deref()) else {
        return Ok(Plan::Answer(Ack::Rejected {
            reason: "no open fulfillment in Square holds these lines".to_owned(),
        }));
    };
    let changes: Vec<Value> = live
        .iter()
        .map(|fulfillment| change(fulfillment, shipment))
        .collect();
    let mut body = json!({
        "location_id": order.location_id.as_deref().unwrap_or(location),
        "version": order.version,
        "fulfillments": changes,
    });
    let is_over = order.fulfillments.iter().all(|fulfillment| {
        let is_changed = live.iter().any(|changed| changed.uid == fulfillment.uid);
        if is_changed {
            completes(fulfillment, shipment)
        } else {
            !Stage::of(fulfillment).is_live()
        }
    });
    let is_paid = map::is_paid(order).map_err(|why| ChannelError::malformed(OPERATION, why))?;
    if is_over && is_paid {
        body["state"] = json!("COMPLETED");
    }
    Ok(Plan::Change {
        order: body,
        reference: ExternalId::new(first),
    })
}

/// Whether a parcel holds something of a fulfillment.
fn concerns(fulfillment: &wire::Fulfillment, shipment: &ShipmentPush) -> bool {
    let is_listed = fulfillment.line_item_application.as_deref() == Some("ENTRY_LIST");
    let holds = |entry: &wire::Entry| {
        let mut lines = shipment.lines.iter();
        lines.any(|(line, _)| entry.line_item_uid.as_deref() == Some(line.as_str()))
    };
    !is_listed || shipment.lines.is_empty() || fulfillment.entries.iter().any(holds)
}

/// Whether nothing of a fulfillment remains after this parcel.
fn completes(fulfillment: &wire::Fulfillment, shipment: &ShipmentPush) -> bool {
    shipment.completes || counters::is_all_in(fulfillment, &shipment.lines)
}

fn change(fulfillment: &wire::Fulfillment, shipment: &ShipmentPush) -> Value {
    let state = if completes(fulfillment, shipment) {
        "COMPLETED"
    } else {
        "PREPARED"
    };
    let mut change = json!({
        "uid": fulfillment.uid,
        "state": state,
        "metadata": { MARKS: marks(fulfillment, shipment) },
    });
    match Way::of(fulfillment) {
        Way::Shipment => change["shipment_details"] = details(fulfillment, shipment),
        // These have no place for a parcel.
        Way::Delivery | Way::Pickup | Way::Digital | Way::Unmapped(_) => {}
    }
    change
}

fn details(fulfillment: &wire::Fulfillment, shipment: &ShipmentPush) -> Value {
    let before = fulfillment.shipment_details.clone().unwrap_or_default();
    let mut details = serde_json::Map::new();
    let mut put = |key: &str, text: Option<&str>, length_max: usize| {
        if let Some(text) = given(text) {
            details.insert(key.to_owned(), json!(shortened(text, length_max)));
        }
    };
    put("carrier", shipment.carrier.as_deref(), CARRIER_MAX);
    put(
        "tracking_number",
        shipment.tracking_number.as_deref(),
        TRACKING_NUMBER_MAX,
    );
    put(
        "tracking_url",
        shipment.tracking_url.as_deref(),
        TRACKING_URL_MAX,
    );
    let is_new = given(shipment.tracking_number.as_deref()).is_some();
    if let Some(number) = given(before.tracking_number.as_deref()).filter(|_| is_new) {
        let carrier = given(before.carrier.as_deref()).unwrap_or("parcel");
        let earlier = given(before.shipping_note.as_deref())
            .map(|note| format!("{note}\n"))
            .unwrap_or_default();
        let note = format!("{earlier}Earlier: {carrier} {number}");
        put("shipping_note", Some(&note), NOTE_MAX);
    }
    Value::Object(details)
}

fn marks(fulfillment: &wire::Fulfillment, shipment: &ShipmentPush) -> String {
    let before = fulfillment.metadata.get(MARKS).map(String::as_str);
    let mut marks: Vec<&str> = before.unwrap_or_default().split_whitespace().collect();
    let mark = mark_of(shipment);
    marks.push(&mark);
    let first = marks.len().saturating_sub(MARKS_MAX);
    marks[first..].join(" ")
}

fn mark_of(shipment: &ShipmentPush) -> String {
    digest(&["parcel", &shipment.key])[..12].to_owned()
}

/// The beginning of a text.
pub(super) fn shortened(text: &str, length_max: usize) -> String {
    text.chars().take(length_max).collect()
}
