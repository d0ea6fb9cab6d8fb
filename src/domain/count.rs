//! Stocktakes: counts of what lies at a location, while sales go on.
//!
//! A count says how many units of an item lay there at a moment. It is compared with what the ledger says
//! of that same moment, so whatever happened since stays as it is. A difference that is larger than the
//! count allows is believed when it was counted twice. See [`difference`] for the arithmetic; nothing here
//! changes anything.

use serde::{Deserialize, Serialize};

use crate::{
    Decimal, Quantity, Sku, Time,
    ids::CountId,
    stock::{Condition, LocationId, Movement, Stock},
};

/// A stocktake of one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Ours.
    pub id: CountId,
    /// Where.
    pub location: LocationId,
    /// What is counted; everything where nothing is named.
    pub skus: Vec<Sku>,
    /// A difference above this, in whole units of the item, is counted again before it is believed.
    pub recount_above: Decimal,
    /// Who opened it.
    pub by: String,
    /// When.
    pub opened_at: Time,
    /// When it was closed.
    pub closed_at: Option<Time>,
}

/// What a count says of one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// In which count.
    pub count: CountId,
    /// Of what.
    pub sku: Sku,
    /// Each time that it was counted, in order.
    pub tries: Vec<Try>,
}

/// One time that an item was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// How many lay there.
    pub counted: Quantity,
    /// When it was counted.
    pub as_of: Time,
    /// How many should have lain there at that moment.
    pub expected: Quantity,
    /// Who counted.
    pub by: String,
    /// When it was entered.
    pub entered_at: Time,
    /// Whether it was taken over into the stock. What was not is to be counted again.
    pub is_applied: bool,
}

impl Count {
    /// Whether it is open and some of these items are counted in it at that location. Nothing named is
    /// everything.
    pub fn is_of(&self, location: &LocationId, skus: &[Sku]) -> bool {
        let is_open = self.closed_at.is_none() && self.location == *location;
        let names_all = self.skus.is_empty() || skus.is_empty();
        is_open && (names_all || self.skus.iter().any(|sku| skus.contains(sku)))
    }
}

impl Try {
    /// By how much the ledger was wrong.
    pub fn difference(&self) -> Quantity {
        self.counted.minus(self.expected)
    }
}

impl Entry {
    /// Whether it is to be counted again.
    pub fn is_doubtful(&self) -> bool {
        self.tries.last().is_some_and(|last| !last.is_applied)
    }

    /// Whether another try may be believed: it differs by little, or just as the last one did.
    pub fn believes(&self, next: &Try, allowed: Quantity) -> bool {
        let difference = next.difference();
        let size = difference.max(difference.negated());
        let is_confirmed = self
            .tries
            .last()
            .is_some_and(|last| !last.is_applied && last.difference() == difference);
        size <= allowed || is_confirmed
    }
}

/// What should have lain at a location at a moment: what lies there now, less what happened since.
pub fn expected<'a>(
    stock: &Stock,
    location: &LocationId,
    as_of: Time,
    since: impl Iterator<Item = &'a Movement>,
) -> Quantity {
    let here = since.filter(|movement| {
        movement.location == *location
            && movement.condition == Condition::Sellable
            && movement.happened() > as_of
    });
    let since: Quantity = here.map(|movement| movement.delta).sum();
    stock.on_hand_at(location).minus(since)
}
