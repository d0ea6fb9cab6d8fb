//! Durable wishes to change the outside world.
//!
//! A stock level is not an intent: it has a row of its own ([`crate::offer::Offer`]), because only the
//! newest wish counts. Everything here must happen once, in order, or be parked where a person sees it.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ExternalId, Money, Quantity, Time,
    ids::{IntentId, OrderId, RefundId, ShipmentId},
};

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id, which is also its idempotency key.
    pub id: IntentId,
    /// On which account.
    pub account: AccountId,
    /// For which order.
    pub order: OrderId,
    /// The order's id there.
    pub external_id: ExternalId,
    /// What is wished.
    pub wish: Wish,
    /// When it was made.
    pub made_at: Time,
    /// How often it was tried.
    pub tries: u32,
    /// Not tried again before.
    pub next_at: Time,
    /// Whether the last try may have worked.
    pub is_ambiguous: bool,
    /// What the last try brought.
    pub last: String,
    /// What became of it.
    pub state: IntentState,
}

/// What is wished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Tell the channel of a shipment.
    PushShipment {
        /// Which.
        shipment: ShipmentId,
        /// Whether nothing remains to be shipped after it.
        completes: bool,
    },
    /// Cancel the order there.
    CancelOrder {
        /// For buyer and channel.
        reason: String,
    },
    /// Give money back there.
    Refund {
        /// Ours.
        refund: RefundId,
        /// How much.
        amount: Money,
        /// For which lines: number and units.
        lines: Vec<(u32, Quantity)>,
        /// For the buyer.
        reason: String,
    },
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// It is to be done.
    Waiting,
    /// It is done; the channel's id of what it made, if any.
    Done(Option<ExternalId>),
    /// A person must look.
    Parked(String),
}

/// What a try brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Applied {
        /// The channel's id of what it made.
        reference: Option<ExternalId>,
    },
    /// It was not done; again at this time.
    Retry {
        /// When.
        at: Time,
        /// Why.
        reason: String,
        /// Whether it may have been done after all.
        is_ambiguous: bool,
    },
    /// It will not be done without a person.
    Park {
        /// Why.
        reason: String,
    },
}
