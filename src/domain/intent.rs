//! Durable wishes to change the outside world.
//!
//! A stock level is not an intent: it has a row of its own ([`crate::offer::Offer`]), because only the
//! newest wish counts. Everything here must happen once, in order, or be parked where a person sees it.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ExternalId, Money, Quantity, Time,
    fulfillment::NewLabel,
    ids::{IntentId, OrderId, RefundId, ShipmentId, TaskId},
    message::Way,
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
    /// When a try began that nobody heard the end of; only of what goes through a [`Gateway`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Time>,
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
    /// Take money there that is reserved for the order.
    Capture {
        /// How much.
        amount: Money,
    },
    /// Send one of the admin's messages about it.
    Message {
        /// Which.
        message: String,
        /// Which way.
        way: Way,
    },
    /// Buy a label for a parcel.
    BuyLabel {
        /// Of whom.
        provider: String,
        /// Of which task.
        task: TaskId,
        /// Which parcel.
        parcel: u32,
        /// The provider's word for how it goes; its usual one where nothing is said.
        service: Option<String>,
    },
    /// Give a label back.
    VoidLabel {
        /// To whom.
        provider: String,
        /// Of which task.
        task: TaskId,
        /// Of which parcel.
        parcel: u32,
        /// What the provider calls it.
        reference: String,
    },
}

/// What carries out a wish that is not a channel's matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gateway {
    /// What sends messages.
    Messages(Way),
    /// Who sells labels.
    Labels(String),
}

impl Gateway {
    /// The word by which its queue is kept.
    pub fn word(&self) -> String {
        match self {
            Gateway::Messages(way) => way.word().to_owned(),
            Gateway::Labels(provider) => format!("labels:{provider}"),
        }
    }
}

impl Gateway {
    /// The gateway that a word names.
    pub fn from_word(word: &str) -> Option<Gateway> {
        match word.split_once(':') {
            Some(("labels", provider)) => Some(Gateway::Labels(provider.to_owned())),
            Some(_) => None,
            None => [Way::Mail, Way::Webhook]
                .into_iter()
                .find(|way| way.word() == word)
                .map(Gateway::Messages),
        }
    }
}

impl Wish {
    /// What carries it out, where that is not the channel of its order.
    pub fn gateway(&self) -> Option<Gateway> {
        match self {
            Wish::Message { way, .. } => Some(Gateway::Messages(*way)),
            Wish::BuyLabel { provider, .. } | Wish::VoidLabel { provider, .. } => {
                Some(Gateway::Labels(provider.clone()))
            }
            Wish::PushShipment { .. }
            | Wish::CancelOrder { .. }
            | Wish::Refund { .. }
            | Wish::Capture { .. } => None,
        }
    }
}

impl Intent {
    /// Whether it is to be done, or waits for a person.
    pub fn is_open(&self) -> bool {
        match self.state {
            IntentState::Waiting | IntentState::Parked(_) => true,
            IntentState::Done(_) | IntentState::Dropped(_) => false,
        }
    }
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
    /// It will not be done, and nobody need look: why.
    Dropped(String),
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
    /// A label was bought.
    Labeled {
        /// What is on it.
        label: NewLabel,
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
    /// It is not to be done any more.
    Drop {
        /// Why.
        reason: String,
    },
}
