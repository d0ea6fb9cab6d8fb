//! Telling the shop what was shipped.
//!
//! The shop ships fulfillment orders, one or more per order and each from one location, and a
//! fulfillment covers some of them at one location. So our lines are laid onto what is still open
//! there, our own location first. Fulfillments have no idempotency key: what is already under the
//! same tracking number is never told again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use channel::{Ack, ChannelError, ErrorKind, PushShipments, ShipmentPush, http::Effect};
use domain::{ExternalId, Time};
use serde_json::{Value, json};

use super::{
    Shopify,
    api::{Call, gid, refusals},
    map, orders, wire,
};

const FIND: &str = "look for a shipment";
const PUSH: &str = "tell a shipment";
/// How far the shop's clock may be behind ours when we look for a shipment without a number.
const CLOCK_SKEW: std::time::Duration = std::time::Duration::from_secs(600);

pub(super) const OPEN: &str = concat!(
    include_str!("queries/open_fulfillment_orders.graphql"),
    include_str!("queries/fields_of_fulfillment.graphql"),
);
pub(super) const SHIP: &str = include_str!("queries/ship.graphql");

/// Units by line, both as the numbers that are ids and counts there.
type Units = BTreeMap<String, i64>;

#[async_trait]
impl PushShipments for Shopify {
    async fn find(&self, shipment: &ShipmentPush) -> Result<Option<Ack>, ChannelError> {
        let order = self.open_order(FIND, shipment).await?;
        let wanted = units(FIND, shipment)?;
        let found = same_parcel(&order, shipment, &wanted);
        let is_covered = wanted
            .iter()
            .all(|(line, count)| found.units.get(line).unwrap_or(&0) >= count);
        Ok((is_covered && !found.units.is_empty()).then(|| applied(found.last)))
    }

    async fn push(&self, shipment: &ShipmentPush) -> Result<Ack, ChannelError> {
        let order = self.open_order(PUSH, shipment).await?;
        let mut wanted = units(PUSH, shipment)?;
        let mut last = None;
        if shipment.tracking_number.is_some() {
            // An earlier try may have told a part of it before it broke off.
            let told = same_parcel(&order, shipment, &wanted);
            for (line, count) in &told.units {
                if let Some(open) = wanted.get_mut(line) {
                    *open = (*open - count).max(0);
                }
            }
            wanted.retain(|_, count| *count > 0);
            last = told.last;
            if wanted.is_empty() {
                return Ok(applied(last));
            }
        }
        let plan = match plan(&order, wanted, &self.location) {
            Ok(plan) => plan,
            Err(reason) => return Ok(Ack::Rejected { reason }),
        };
        for (told, parts) in plan.into_iter().enumerate() {
            match self.ship(shipment, parts).await {
                Ok(Ok(reference)) => last = Some(reference),
                // What the first location sent is told and stays so; reading back shows how much.
                Ok(Err(_)) | Err(_) if told > 0 => return Ok(Ack::Ambiguous),
                Ok(Err(reason)) => return Ok(Ack::Rejected { reason }),
                Err(error) => return Err(error),
            }
        }
        Ok(applied(last))
    }
}

fn applied(reference: Option<String>) -> Ack {
    Ack::Applied {
        reference: reference.map(ExternalId::new),
    }
}

impl Shopify {
    async fn open_order(
        &self,
        operation: &'static str,
        shipment: &ShipmentPush,
    ) -> Result<wire::OpenOrder, ChannelError> {
        let id = gid("Order", shipment.order.as_str());
        let answer: wire::OpenFulfillmentOrders = self
            .api
            .call(Call {
                operation,
                effect: Effect::None,
                document: OPEN,
                variables: json!({ "id": id }),
            })
            .await?;
        let mut order = answer
            .order
            .ok_or_else(|| ChannelError::new(operation, ErrorKind::Gone))?;
        orders::complete_fulfillments(
            &self.api,
            operation,
            &mut order.fulfillment_orders.nodes,
            &mut order.fulfillments,
        )
        .await?;
        Ok(order)
    }

    /// Tells one fulfillment: its id, or why the shop refuses it.
    async fn ship(
        &self,
        shipment: &ShipmentPush,
        parts: Vec<Value>,
    ) -> Result<Result<String, String>, ChannelError> {
        let mut tracking = serde_json::Map::new();
        for (key, value) in [
            ("company", &shipment.carrier),
            ("number", &shipment.tracking_number),
            ("url", &shipment.tracking_url),
        ] {
            if let Some(value) = value {
                tracking.insert(key.to_owned(), json!(value));
            }
        }
        let mut fulfillment = json!({
            "lineItemsByFulfillmentOrder": parts,
            "notifyCustomer": self.notify_buyer,
        });
        if !tracking.is_empty() {
            fulfillment["trackingInfo"] = Value::Object(tracking);
        }
        let answer: wire::Ship = self
            .api
            .call(Call {
                operation: PUSH,
                effect: Effect::Once,
                document: SHIP,
                variables: json!({ "fulfillment": fulfillment }),
            })
            .await?;
        let payload = answer.fulfillment_create.ok_or_else(|| empty(PUSH))?;
        match payload.fulfillment {
            Some(made) => Ok(Ok(made.legacy_resource_id)),
            None if payload.user_errors.is_empty() => Err(empty(PUSH)),
            None => Ok(Err(refusals(&payload.user_errors))),
        }
    }
}

/// A write that answered with nothing may have happened.
pub(super) fn empty(operation: &'static str) -> ChannelError {
    ChannelError::new(
        operation,
        ErrorKind::Ambiguous {
            reason: "the answer is empty".to_owned(),
        },
    )
}

fn units(operation: &'static str, shipment: &ShipmentPush) -> Result<Units, ChannelError> {
    let mut units = Units::new();
    for (line, quantity) in &shipment.lines {
        let count = quantity.to_whole().filter(|count| *count > 0);
        let count = count.ok_or_else(|| {
            ChannelError::rejected(operation, format!("{quantity} is not a number of units"))
        })?;
        let sum = units.entry(line.as_str().to_owned()).or_default();
        *sum = sum.saturating_add(count);
    }
    Ok(units)
}

/// What the shop already has of a parcel.
struct Told {
    units: Units,
    last: Option<String>,
}

/// Fulfillments with the parcel's tracking number; for a parcel without one, a fulfillment without
/// one that has exactly its units and was not made before the parcel left.
fn same_parcel(order: &wire::OpenOrder, shipment: &ShipmentPush, wanted: &Units) -> Told {
    let mut told = Told {
        units: Units::new(),
        last: None,
    };
    for fulfillment in order.fulfillments.iter().filter(|made| map::has_left(made)) {
        let mut units = Units::new();
        for line in &fulfillment.fulfillment_line_items.nodes {
            if let Ok(number) = map::number_of(&line.line_item.id) {
                let sum = units.entry(number.to_owned()).or_default();
                *sum = sum.saturating_add(line.quantity.unwrap_or(0));
            }
        }
        let mut numbers = fulfillment
            .tracking_info
            .iter()
            .filter_map(|info| info.number.as_deref())
            .filter(|number| !number.is_empty());
        let is_same = match shipment.tracking_number.as_deref() {
            Some(wanted_number) => numbers.any(|number| number == wanted_number),
            None => {
                let made_at = Time::parse_utc(&fulfillment.created_at);
                numbers.next().is_none()
                    && units == *wanted
                    && made_at.is_ok_and(|at| at >= shipment.shipped_at.minus(CLOCK_SKEW))
            }
        };
        if is_same {
            for (line, count) in units {
                let sum = told.units.entry(line).or_default();
                *sum = sum.saturating_add(count);
            }
            told.last = Some(fulfillment.legacy_resource_id.clone());
        }
    }
    told
}

/// Lays units onto open fulfillment orders: for each location that is needed, the parts of one
/// fulfillment. Our location comes first, because that is where we ship from.
fn plan(
    order: &wire::OpenOrder,
    mut wanted: Units,
    location: &str,
) -> Result<Vec<Vec<Value>>, String> {
    let mut by_location: BTreeMap<(bool, &str), Vec<Value>> = BTreeMap::new();
    let mut open: Vec<(bool, &str, &wire::FulfillmentOrder)> = order
        .fulfillment_orders
        .nodes
        .iter()
        .filter(|part| {
            let mut actions = part.supported_actions.iter();
            actions.any(|supported| supported.action == "CREATE_FULFILLMENT")
        })
        .map(|part| {
            let assigned = part.assigned_location.as_ref();
            let at = assigned.and_then(|assigned| assigned.location.as_ref());
            let at = at.map_or("", |at| at.id.as_str());
            (at != location, at, part)
        })
        .collect();
    open.sort_by_key(|(is_elsewhere, at, _)| (*is_elsewhere, *at));
    for (is_elsewhere, at, part) in open {
        let mut lines = Vec::new();
        for line in &part.line_items.nodes {
            let Ok(number) = map::number_of(&line.line_item.id) else {
                continue;
            };
            let Some(needed) = wanted.get_mut(number) else {
                continue;
            };
            let taken = (*needed).min(line.remaining_quantity).max(0);
            if taken > 0 {
                *needed -= taken;
                lines.push(json!({ "id": line.id, "quantity": taken }));
            }
        }
        if !lines.is_empty() {
            by_location
                .entry((is_elsewhere, at))
                .or_default()
                .push(json!({
                    "fulfillmentOrderId": part.id,
                    "fulfillmentOrderLineItems": lines,
                }));
        }
    }
    wanted.retain(|_, count| *count > 0);
    if wanted.is_empty() {
        return Ok(by_location.into_values().collect());
    }
    let missing: Vec<String> = wanted
        .iter()
        .map(|(line, count)| format!("{count} of line {line}"))
        .collect();
    Err(format!(
        "the shop has nothing open to ship for {}",
        missing.join(", ")
    ))
}
