//! Stock: movements, positions and claims.
//!
//! A position is the fold of its movements, and what is promised is the sum of open claims. The
//! [`Stock`] row of an item is that fold, kept so that two decisions about one item meet at one row;
//! it is changed by [`Stock::apply`] and [`Stock::reclaim`] only, in the commit that changes a movement
//! or a claim, and `doctor` folds it again.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Quantity, Sku, Time,
    ids::{ClaimChangeId, MovementId, OrderId},
};

/// A warehouse, a shop, a shelf: where stock lies. The admin's own word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocationId(String);

impl LocationId {
    /// Takes the word as it is.
    pub fn new(text: impl Into<String>) -> LocationId {
        LocationId(text.into())
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LocationId {
    /// The one location of a merchant who has named none.
    fn default() -> LocationId {
        LocationId("main".to_owned())
    }
}

impl fmt::Display for LocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What state units are in; only sellable ones are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// They can be sold.
    Sellable,
    /// They are broken.
    Damaged,
    /// They wait for a check.
    Quality,
    /// They came back and nobody has looked.
    ReturnedUnchecked,
}

/// An immutable change of stock, with its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Ours; sorts by time.
    pub id: MovementId,
    /// Of what.
    pub sku: Sku,
    /// Where.
    pub location: LocationId,
    /// In which condition.
    pub condition: Condition,
    /// By how much, in the item's smallest unit.
    pub delta: Quantity,
    /// Why.
    pub cause: Cause,
    /// When it was recorded.
    pub at: Time,
}

/// Why stock changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The first count, taken over from an account.
    Opening {
        /// Which account.
        account: AccountId,
    },
    /// A person counted, corrected, received or threw away.
    Adjustment {
        /// In their words.
        reason: String,
        /// Who.
        by: String,
    },
    /// An order line left.
    Shipped {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u32,
    },
    /// A shipment was recorded by mistake.
    Voided {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u32,
    },
}

/// Units promised to an order line, of one item. Numbers only grow; what is open is their difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// For which order.
    pub order: OrderId,
    /// For which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// On which account it was sold.
    pub account: AccountId,
    /// When the buyer placed the order: the youngest claim gives way.
    pub placed_at: Time,
    /// Promised.
    pub claimed: Quantity,
    /// Given back.
    pub released: Quantity,
    /// Given back because the payment deadline passed.
    pub expired: Quantity,
    /// Left.
    pub consumed: Quantity,
    /// The location that it will leave from; nothing while it is pending.
    pub location: Option<LocationId>,
}

impl Claim {
    /// Units that are promised now.
    pub fn open(&self) -> Quantity {
        self.claimed
            .minus(self.released)
            .minus(self.expired)
            .minus(self.consumed)
    }
}

/// An immutable change of what is promised to an order line, kept so that the past can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimChange {
    /// Ours; sorts by time.
    pub id: ClaimChangeId,
    /// For which order.
    pub order: OrderId,
    /// For which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// Where from; nothing while it is pending.
    pub location: Option<LocationId>,
    /// By how much the open units changed there.
    pub delta: Quantity,
    /// When it was recorded.
    pub at: Time,
}

impl Claim {
    /// What changed of the open units from `before` to this, place by place.
    pub fn changes_since(&self, before: &Claim) -> Vec<(Option<LocationId>, Quantity)> {
        let mut changes = if self.location == before.location {
            vec![(self.location.clone(), self.open().minus(before.open()))]
        } else {
            vec![
                (before.location.clone(), before.open().negated()),
                (self.location.clone(), self.open()),
            ]
        };
        changes.retain(|(_, delta)| !delta.is_zero());
        changes
    }
}

/// What is known of one item's stock: the fold of its movements and of its open claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// Of what.
    pub sku: Sku,
    /// Whether it was ever counted. Until then it is unknown, which is not zero.
    pub is_counted: bool,
    /// What lies where, in which condition.
    pub positions: BTreeMap<LocationId, BTreeMap<Condition, Quantity>>,
    /// Open claims that have a location, by location.
    pub allocated: BTreeMap<LocationId, Quantity>,
    /// Open claims that have none yet.
    pub pending: Quantity,
}

impl Stock {
    /// Nothing is known of it.
    pub fn unknown(sku: Sku) -> Stock {
        Stock {
            sku,
            is_counted: false,
            positions: BTreeMap::new(),
            allocated: BTreeMap::new(),
            pending: Quantity::ZERO,
        }
    }

    /// Takes a movement in.
    pub fn apply(&mut self, movement: &Movement) {
        assert_eq!(self.sku, movement.sku, "a movement belongs to its item");
        self.is_counted |= match movement.cause {
            Cause::Opening { .. } | Cause::Adjustment { .. } => true,
            Cause::Shipped { .. } | Cause::Voided { .. } => false,
        };
        let at_location = self.positions.entry(movement.location.clone()).or_default();
        let position = at_location.entry(movement.condition).or_default();
        *position = position.plus(movement.delta);
    }

    /// Takes a change of a claim in: `before` is nothing for a new one.
    pub fn reclaim(&mut self, before: Option<&Claim>, after: &Claim) {
        assert_eq!(self.sku, after.sku, "a claim belongs to its item");
        if let Some(before) = before {
            self.promise(before.location.as_ref(), before.open().negated());
        }
        self.promise(after.location.as_ref(), after.open());
        assert!(
            self.pending >= Quantity::ZERO,
            "pending claims of {} below zero",
            self.sku
        );
    }

    fn promise(&mut self, location: Option<&LocationId>, delta: Quantity) {
        let Some(location) = location else {
            self.pending = self.pending.plus(delta);
            return;
        };
        let allocated = self.allocated.entry(location.clone()).or_default();
        *allocated = allocated.plus(delta);
        if allocated.is_zero() {
            self.allocated.remove(location);
        }
    }

    /// Takes a movement back out, to tell how it was before. Whether it was counted then, and which
    /// places were known, the caller must know.
    pub fn undo(&mut self, movement: &Movement) {
        let at_location = self.positions.entry(movement.location.clone()).or_default();
        let position = at_location.entry(movement.condition).or_default();
        *position = position.minus(movement.delta);
    }

    /// Takes a change of a claim back out.
    pub fn undo_claim(&mut self, change: &ClaimChange) {
        self.promise(change.location.as_ref(), change.delta.negated());
    }

    /// What lies there in sellable condition, at all locations.
    pub fn on_hand(&self) -> Quantity {
        self.positions
            .values()
            .filter_map(|at| at.get(&Condition::Sellable))
            .copied()
            .sum()
    }

    /// What lies at one location in sellable condition.
    pub fn on_hand_at(&self, location: &LocationId) -> Quantity {
        let position = self
            .positions
            .get(location)
            .and_then(|at| at.get(&Condition::Sellable));
        position.copied().unwrap_or_default()
    }

    /// Open claims with a location.
    pub fn allocated_total(&self) -> Quantity {
        self.allocated.values().copied().sum()
    }

    /// What may still be promised. Below zero when more left than was there.
    pub fn sellable(&self) -> Quantity {
        self.on_hand()
            .minus(self.allocated_total())
            .minus(self.pending)
    }
}
