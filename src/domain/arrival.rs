//! Arrivals: units that are on their way to a location, from a supplier or from another location.
//!
//! They are incoming and not sellable: nobody has seen them here. They come in part or whole, and what
//! does not come is given up.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    Quantity, Time,
    ids::ArrivalId,
    stock::{LocationId, Stock},
};

/// Units of one item that are expected at a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Ours.
    pub id: ArrivalId,
    /// Where they are to come in.
    pub location: LocationId,
    /// How many are expected.
    pub expected: Quantity,
    /// How many have come.
    pub received: Quantity,
    /// When they are expected, where that is known.
    pub due: Option<Time>,
    /// Where they come from; nothing for a supplier.
    pub from: Option<LocationId>,
    /// What people call it: the number of an order, a supplier's name.
    pub reference: String,
    /// Who says so.
    pub by: String,
    /// When it was recorded.
    pub made_at: Time,
}

impl Arrival {
    /// What has not come yet.
    pub fn open(&self) -> Quantity {
        self.expected.minus(self.received).or_zero()
    }

    /// What has come beyond what was expected.
    pub fn surplus(&self) -> Quantity {
        self.received.minus(self.expected).or_zero()
    }
}

impl Stock {
    /// Where something lies, is to leave from, or is on its way to.
    pub fn places(&self) -> BTreeSet<&LocationId> {
        let incoming = self.incoming.values().map(|one| &one.location);
        self.locations().into_iter().chain(incoming).collect()
    }

    /// Units of an arrival that came in are on their way again, to tell how it was before.
    pub(crate) fn await_again(&mut self, id: ArrivalId, location: &LocationId, units: Quantity) {
        let arrival = self.incoming.entry(id).or_insert_with(|| Arrival {
            id,
            location: location.clone(),
            expected: Quantity::ZERO,
            received: Quantity::ZERO,
            due: None,
            from: None,
            reference: String::new(),
            by: String::new(),
            made_at: id.made_at(),
        });
        arrival.received = arrival.received.minus(units);
    }

    /// Leaves out what was announced after a time, to tell how it was then. What was given up since is
    /// not told.
    pub fn forget_arrivals_after(&mut self, at: Time) {
        self.incoming.retain(|id, _| id.made_at() <= at);
    }

    /// What is on its way to a location.
    pub fn incoming_at(&self, location: &LocationId) -> Quantity {
        let to_there = self
            .incoming
            .values()
            .filter(|one| one.location == *location);
        to_there.map(Arrival::open).sum()
    }

    /// What is on its way to any location.
    pub fn incoming_total(&self) -> Quantity {
        self.incoming.values().map(Arrival::open).sum()
    }
}
