//! What becomes of a parcel after it left, in words that are the same for every carrier.
//!
//! Carriers and people tell it out of order and more than once, so events are kept as they came, and where a
//! parcel is follows from the one that happened last. Where it is trouble, somebody has to see to it: the
//! order is an exception until a later event says better, or somebody settles it.

use serde::{Deserialize, Serialize};

use crate::{Decimal, Quantity, Time, ids::ShipmentId, order::Shipment};

/// How far ahead of ours the clock of a carrier may be.
const CLOCK_SKEW_MS: i64 = 10 * 60 * 1000;

/// The most events that are kept of a parcel: each stands in the row of its order.
pub const EVENTS_MAX: usize = 200;

/// Where a parcel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tracking {
    /// The carrier knows of it and does not have it yet.
    PreTransit,
    /// It is on its way.
    InTransit,
    /// It is on the last part of its way.
    OutForDelivery,
    /// The buyer can fetch it.
    ReadyForPickup,
    /// It could not be handed over.
    Failed,
    /// It arrived.
    Delivered,
    /// It arrived, and what is in it is broken or missing.
    Damaged,
    /// It is on its way back to us.
    Returning,
    /// Nobody knows where it is.
    Lost,
}

impl Tracking {
    /// All of them.
    pub const ALL: [Tracking; 9] = [
        Tracking::PreTransit,
        Tracking::InTransit,
        Tracking::OutForDelivery,
        Tracking::ReadyForPickup,
        Tracking::Failed,
        Tracking::Delivered,
        Tracking::Damaged,
        Tracking::Returning,
        Tracking::Lost,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Tracking::PreTransit => "pre_transit",
            Tracking::InTransit => "in_transit",
            Tracking::OutForDelivery => "out_for_delivery",
            Tracking::ReadyForPickup => "ready_for_pickup",
            Tracking::Failed => "failed",
            Tracking::Delivered => "delivered",
            Tracking::Damaged => "damaged",
            Tracking::Returning => "returning",
            Tracking::Lost => "lost",
        }
    }

    /// The same as people say it of a parcel.
    pub fn words(self) -> &'static str {
        match self {
            Tracking::PreTransit => "was announced to its carrier",
            Tracking::InTransit => "is on its way",
            Tracking::OutForDelivery => "is out for delivery",
            Tracking::ReadyForPickup => "is ready to be fetched",
            Tracking::Failed => "could not be delivered",
            Tracking::Delivered => "arrived",
            Tracking::Damaged => "arrived damaged",
            Tracking::Returning => "comes back",
            Tracking::Lost => "is lost",
        }
    }

    /// Whether it is with the buyer.
    pub fn has_arrived(self) -> bool {
        matches!(self, Tracking::Delivered | Tracking::Damaged)
    }

    /// Whether somebody has to see to it.
    pub fn is_trouble(self) -> bool {
        match self {
            Tracking::Failed | Tracking::Damaged | Tracking::Returning | Tracking::Lost => true,
            Tracking::PreTransit
            | Tracking::InTransit
            | Tracking::OutForDelivery
            | Tracking::ReadyForPickup
            | Tracking::Delivered => false,
        }
    }
}

/// Something that happened to a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingEvent {
    /// What.
    pub state: Tracking,
    /// When it happened.
    pub at: Time,
    /// Where, in the carrier's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Who told.
    pub by: String,
}

/// Trouble with a parcel that somebody saw to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// When.
    pub at: Time,
    /// How, in their words.
    pub note: String,
    /// Who.
    pub by: String,
    /// How many events were known by then: what is told later is news.
    pub events: usize,
}

impl Shipment {
    /// What happened to it last; of what happened at once, what was told last.
    pub fn last_event(&self) -> Option<&TrackingEvent> {
        self.events.iter().max_by_key(|event| event.at)
    }

    /// Where it is, as far as anybody told.
    pub fn tracking(&self) -> Option<Tracking> {
        self.last_event().map(|event| event.state)
    }

    /// Whether it is with the buyer.
    pub fn has_arrived(&self) -> bool {
        self.tracking().is_some_and(Tracking::has_arrived)
    }

    /// Whether it is trouble that nobody has seen to.
    pub fn is_astray(&self) -> bool {
        let is_seen_to = self.settled.as_ref();
        let is_seen_to = is_seen_to.is_some_and(|settled| settled.events >= self.events.len());
        self.tracking().is_some_and(Tracking::is_trouble) && !is_seen_to
    }

    /// Whether nobody waits for its arrival any more, though it did not arrive.
    pub fn is_given_up(&self) -> bool {
        self.settled.is_some() && !self.is_astray() && !self.has_arrived()
    }

    /// How many units of a line are in it.
    pub fn units_of(&self, line: u32) -> Quantity {
        let parts = self.lines.iter().filter(|(number, _)| *number == line);
        parts.map(|(_, units)| *units).sum()
    }
}

/// What a person, or whoever watches carriers, says of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStep {
    /// Something happened to a parcel.
    Track {
        /// To which.
        shipment: ShipmentId,
        /// What.
        state: Tracking,
        /// When; just now where nothing is said.
        at: Option<Time>,
        /// Where.
        place: Option<String>,
    },
    /// Its trouble was seen to.
    Settle {
        /// Of which parcel.
        shipment: ShipmentId,
        /// How.
        note: String,
    },
    /// Send units again, though those that left do not come back.
    Resend {
        /// Because of this parcel, whose trouble is settled by it.
        shipment: Option<ShipmentId>,
        /// Line numbers and units; empty for all that is in the parcel.
        lines: Vec<(u32, Decimal)>,
        /// Why.
        reason: String,
    },
    /// Send nothing again that has not left yet.
    DropResend,
}

/// Why something cannot be said of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryRefusal {
    /// It has not happened yet.
    #[error("{0} is in the future: say when it happened, or leave the time out")]
    Ahead(Time),
    /// It has as many events as are kept.
    #[error(
        "{EVENTS_MAX} events of parcel {0} are known already: tell only what changes where it is"
    )]
    TooMany(ShipmentId),
    /// Nothing is wrong with the parcel.
    #[error("parcel {0} has no trouble to be seen to: tell first what happened to it")]
    NoTrouble(ShipmentId),
    /// There is nothing to send again.
    #[error("nothing was named to be sent again: name lines and units, or a parcel")]
    NothingNamed,
    /// More is to be sent again than ever left.
    #[error(
        "line {line} has only {left} that left and are not sent again yet: send that many or fewer"
    )]
    NotOut {
        /// Which line.
        line: u32,
        /// How many.
        left: Decimal,
    },
    /// The order does not stand any more.
    #[error("the order was canceled, nothing more must leave: enter a new one to send goods again")]
    Withdrawn,
    /// Nothing waits to be sent again.
    #[error("nothing of the order waits to be sent again: there is nothing to give up")]
    NothingToDrop,
}

/// Whether something that is said to have happened lies ahead of us by more than clocks differ.
pub(crate) fn is_ahead(at: Time, now: Time) -> bool {
    at.millis() > now.millis().saturating_add(CLOCK_SKEW_MS)
}
