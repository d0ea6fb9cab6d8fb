//! Canceling orders: all open fulfillments and the order in one change.
//!
//! An order that was paid is not canceled while the money is kept: the refund comes first.

use async_trait::async_trait;
use channel::{Ack, CancelOrders, CancelReason, Cancellation, ChannelError};
use serde_json::{Value, json};

use super::{
    Square,
    api::Reply,
    auth::digest,
    map,
    parcels::{stale, unchangeable},
    wire,
    words::{OrderState, Stage, Way},
};

const OPERATION: &str = "cancel an order";

#[async_trait]
impl CancelOrders for Square {
    async fn cancel(&self, cancellation: &Cancellation) -> Result<Ack, ChannelError> {
        let id = cancellation.order.as_str();
        for is_last in [false, true] {
            let order = self.api.order(OPERATION, id).await?;
            if let Some(ack) = settled(&order)? {
                return Ok(ack);
            }
            let change = change(&order, cancellation.reason, &self.location);
            let body = json!({
                "idempotency_key": digest(&["cancel", &cancellation.key, &change.to_string()]),
                "order": change,
            });
            match self.api.update_order(OPERATION, id, body).await? {
                Reply::Yes(_) => return Ok(Ack::Applied { reference: None }),
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

/// The answer that needs no call.
fn settled(order: &wire::Order) -> Result<Option<Ack>, ChannelError> {
    if OrderState::of(order) == OrderState::Canceled {
        return Ok(Some(Ack::Applied { reference: None }));
    }
    if let Some(ack) = unchangeable(order) {
        return Ok(Some(ack));
    }
    let kept = map::kept(order).map_err(|why| ChannelError::malformed(OPERATION, why))?;
    if kept.is_positive() {
        return Ok(Some(Ack::Rejected {
            reason: format!("the order is paid: refund {kept} first, then cancel it"),
        }));
    }
    Ok(None)
}

fn change(order: &wire::Order, reason: CancelReason, location: &str) -> Value {
    let reason = match reason {
        CancelReason::BuyerRequest => "The buyer asked for it",
        CancelReason::OutOfStock => "Out of stock",
        CancelReason::Address => "The address cannot be served",
        CancelReason::Fraud => "It looks like fraud",
        CancelReason::Other => "Canceled by the shop",
    };
    let canceled = |fulfillment: &wire::Fulfillment| {
        let mut change = json!({ "uid": fulfillment.uid, "state": "CANCELED" });
        let details = match Way::of(fulfillment) {
            Way::Shipment => "shipment_details",
            Way::Delivery => "delivery_details",
            Way::Pickup => "pickup_details",
            Way::Digital | Way::Unmapped(_) => return change,
        };
        change[details] = json!({ "cancel_reason": reason });
        change
    };
    let live = order.fulfillments.iter();
    let live = live.filter(|fulfillment| Stage::of(fulfillment).is_live());
    json!({
        "location_id": order.location_id.as_deref().unwrap_or(location),
        "version": order.version,
        "fulfillments": live.map(canceled).collect::<Vec<_>>(),
        "state": "CANCELED",
    })
}
