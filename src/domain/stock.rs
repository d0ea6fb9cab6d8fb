//! Stock: movements, positions and claims.
//!
//! A position is the fold of its movements, and what is promised is the sum of open claims. The
//! [`Stock`] row of an item is that fold, kept so that two decisions about one item meet at one row;
//! it is changed by [`Stock::apply`] and [`Stock::reclaim`] only, in the commit that changes a movement
//! or a claim, and `doctor` folds it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Quantity, Sku, Time,
    arrival::Arrival,
    ids::{ArrivalId, ClaimChangeId, CountId, MovementId, OrderId},
};

/// A warehouse, a shop, a shelf: where stock lies. The admin's own word.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// They can be sold.
    #[default]
    Sellable,
    /// They are broken.
    Damaged,
    /// They wait for a check.
    Quality,
    /// They came back and nobody has looked.
    ReturnedUnchecked,
}

impl Condition {
    /// The same as people say it.
    pub fn words(self) -> &'static str {
        match self {
            Condition::Sellable => "sellable",
            Condition::Damaged => "damaged",
            Condition::Quality => "waiting for a check of their quality",
            Condition::ReturnedUnchecked => "returned and not checked",
        }
    }
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
    /// When it happened, where that is known to be earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<Time>,
}

impl Movement {
    /// When it happened, as far as is known.
    pub fn happened(&self) -> Time {
        self.happened_at.unwrap_or(self.at).min(self.at)
    }
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
    /// Units of an order line came back from the buyer.
    Returned {
        /// Of which order.
        order: OrderId,
        /// Of which line.
        line: u32,
    },
    /// Units that came back were thrown away.
    Scrapped {
        /// Of which order.
        order: OrderId,
        /// Of which line.
        line: u32,
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// A shipment was recorded by mistake.
    Voided {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u32,
    },
    /// It went from one location to another.
    Transferred {
        /// From where.
        from: LocationId,
        /// To where.
        to: LocationId,
        /// As what it is awaited there; nothing where it arrived at once.
        arrival: Option<ArrivalId>,
        /// Who sent it.
        by: String,
    },
    /// It came in.
    Received {
        /// What was announced, if it was.
        arrival: Option<ArrivalId>,
        /// In people's words: the number of an order, a supplier's name.
        reference: String,
        /// Who took it in.
        by: String,
    },
    /// It was found to be in another condition.
    Sorted {
        /// In which it was.
        from: Condition,
        /// In which it is.
        to: Condition,
        /// In their words.
        reason: String,
        /// Who.
        by: String,
    },
    /// It was counted.
    Counted {
        /// In which stocktake.
        count: CountId,
        /// As of when.
        as_of: Time,
        /// Who counted.
        by: String,
    },
    /// It had left before it was counted, so the count did not find it: what left is not taken off twice.
    LeftBeforeCount {
        /// Which order.
        order: OrderId,
        /// As of when it was counted.
        as_of: Time,
    },
}

impl Cause {
    /// Whether it makes known how many there are.
    pub fn says_how_many(&self) -> bool {
        match self {
            Cause::Opening { .. }
            | Cause::Adjustment { .. }
            | Cause::Received { .. }
            | Cause::Counted { .. } => true,
            Cause::Shipped { .. }
            | Cause::Returned { .. }
            | Cause::Scrapped { .. }
            | Cause::Voided { .. }
            | Cause::Transferred { .. }
            | Cause::Sorted { .. }
            | Cause::LeftBeforeCount { .. } => false,
        }
    }
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
    /// The open units that have a location to leave from, by location; the rest of them is pending.
    #[serde(default)]
    pub places: BTreeMap<LocationId, Quantity>,
}

impl Claim {
    /// Units that are promised now.
    pub fn open(&self) -> Quantity {
        self.claimed
            .minus(self.released)
            .minus(self.expired)
            .minus(self.consumed)
    }

    /// Open units with a location.
    pub fn allocated(&self) -> Quantity {
        self.places.values().copied().sum()
    }

    /// Open units without one.
    pub fn pending(&self) -> Quantity {
        self.open().minus(self.allocated())
    }

    /// Binds pending units to a location.
    pub fn allocate(&mut self, units: Quantity, at: &LocationId) {
        let slot = self.places.entry(at.clone()).or_default();
        *slot = slot.plus(units);
        self.places.retain(|_, units| units.is_positive());
    }

    /// Makes units pending again that were bound to a location, and says how many.
    pub fn unbind(&mut self, units: Quantity, from: &LocationId) -> Quantity {
        let bound = self.places.get(from).copied().unwrap_or_default();
        let freed = bound.min(units).or_zero();
        self.places.insert(from.clone(), bound.minus(freed));
        self.places.retain(|_, units| units.is_positive());
        freed
    }

    /// Units leave from a location: those that are bound to it first, then pending ones, then those that
    /// were to leave from elsewhere, and then such that nobody had claimed.
    pub fn leave(&mut self, units: Quantity, from: &LocationId) {
        let unclaimed = units.minus(self.open()).or_zero();
        self.unbind(units, from);
        self.claimed = self.claimed.plus(unclaimed);
        self.consumed = self.consumed.plus(units);
        self.trim();
    }

    /// No more units are bound to locations than are open.
    pub fn trim(&mut self) {
        while self.pending() < Quantity::ZERO
            && let Some(last) = self.places.keys().next_back().cloned()
        {
            let too_many = self.pending().negated();
            self.unbind(too_many, &last);
        }
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
    /// On which account it was sold.
    #[serde(default)]
    pub account: Option<AccountId>,
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
        let bound = |claim: &Claim, at: &LocationId| -> Quantity {
            claim.places.get(at).copied().unwrap_or_default()
        };
        let places: BTreeSet<&LocationId> =
            before.places.keys().chain(self.places.keys()).collect();
        let mut changes = vec![(None, self.pending().minus(before.pending()))];
        changes.extend(places.into_iter().map(|at| {
            let delta = bound(self, at).minus(bound(before, at));
            (Some(at.clone()), delta)
        }));
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
    /// The same by account.
    #[serde(default)]
    pub pending_by: BTreeMap<AccountId, Quantity>,
    /// What is on its way to us.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub incoming: BTreeMap<ArrivalId, Arrival>,
    /// As of when it was last counted at a location, in sellable condition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counted_at: BTreeMap<LocationId, Time>,
    /// What is owed of it on all accounts: the sum over the lines of all orders.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub owed: Quantity,
    /// What is missing of it and is not owed: the sum over all open incidents.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub missing: Quantity,
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
            pending_by: BTreeMap::new(),
            incoming: BTreeMap::new(),
            counted_at: BTreeMap::new(),
            owed: Quantity::ZERO,
            missing: Quantity::ZERO,
        }
    }

    /// Whether it says of every pending unit on which account it was sold. Rows that were written before
    /// there were locations do not.
    pub fn is_attributed(&self) -> bool {
        self.pending == self.pending_by.values().copied().sum()
    }

    /// Says again on which accounts the pending units were sold, from all open claims.
    pub fn attribute<'a>(&mut self, open: impl Iterator<Item = &'a Claim>) {
        self.pending_by.clear();
        for claim in open {
            let slot = self.pending_by.entry(claim.account.clone()).or_default();
            *slot = slot.plus(claim.pending());
        }
        self.pending_by.retain(|_, units| !units.is_zero());
    }

    /// Takes a movement in.
    pub fn apply(&mut self, movement: &Movement) {
        assert_eq!(self.sku, movement.sku, "a movement belongs to its item");
        self.is_counted |= movement.cause.says_how_many();
        let at_location = self.positions.entry(movement.location.clone()).or_default();
        let position = at_location.entry(movement.condition).or_default();
        *position = position.plus(movement.delta);
    }

    /// Takes a change of a claim in: `before` is nothing for a new one.
    pub fn reclaim(&mut self, before: Option<&Claim>, after: &Claim) {
        assert_eq!(self.sku, after.sku, "a claim belongs to its item");
        if let Some(before) = before {
            self.promise(before, -1);
        }
        self.promise(after, 1);
    }

    fn promise(&mut self, claim: &Claim, sign: i64) {
        for (location, units) in &claim.places {
            self.bind(location, units.times(sign));
        }
        self.await_place(Some(&claim.account), claim.pending().times(sign));
    }

    /// Gives pending units of an account a location, or takes it back from so many below zero: to see how
    /// it would go, when no claim changes.
    pub(crate) fn allocate(&mut self, account: &AccountId, units: Quantity, at: &LocationId) {
        self.bind(at, units);
        self.await_place(Some(account), units.negated());
    }

    fn bind(&mut self, location: &LocationId, delta: Quantity) {
        let allocated = self.allocated.entry(location.clone()).or_default();
        *allocated = allocated.plus(delta);
        if allocated.is_zero() {
            self.allocated.remove(location);
        }
    }

    fn await_place(&mut self, account: Option<&AccountId>, delta: Quantity) {
        self.pending = self.pending.plus(delta);
        let Some(account) = account else { return };
        let by_account = self.pending_by.entry(account.clone()).or_default();
        *by_account = by_account.plus(delta);
        if by_account.is_zero() {
            self.pending_by.remove(account);
        }
    }

    /// Where something lies or is to leave from.
    pub fn locations(&self) -> BTreeSet<&LocationId> {
        self.positions.keys().chain(self.allocated.keys()).collect()
    }

    /// What lies at one location in sellable condition and is not bound to leave from there.
    pub fn free_at(&self, location: &LocationId) -> Quantity {
        let allocated = self.allocated.get(location).copied().unwrap_or_default();
        self.on_hand_at(location).minus(allocated)
    }

    /// What lies at one location in one condition.
    pub fn lying(&self, location: &LocationId, condition: Condition) -> Quantity {
        let position = self
            .positions
            .get(location)
            .and_then(|at| at.get(&condition));
        position.copied().unwrap_or_default()
    }

    /// Takes a movement back out, to tell how it was before. Whether it was counted then, and which
    /// places were known, the caller must know.
    pub fn undo(&mut self, movement: &Movement) {
        let at_location = self.positions.entry(movement.location.clone()).or_default();
        let position = at_location.entry(movement.condition).or_default();
        *position = position.minus(movement.delta);
        if let Cause::Received {
            arrival: Some(id), ..
        } = movement.cause
        {
            self.await_again(id, &movement.location, movement.delta);
        }
    }

    /// Takes a change of a claim back out.
    pub fn undo_claim(&mut self, change: &ClaimChange) {
        let delta = change.delta.negated();
        match (&change.location, &change.account) {
            (Some(location), _) => self.bind(location, delta),
            (None, account) => self.await_place(account.as_ref(), delta),
        }
    }

    /// What lies anywhere in any condition, and what is on its way.
    pub fn everything(&self) -> Quantity {
        let lying = self.positions.values().flat_map(BTreeMap::values);
        let lying: Quantity = lying.map(|units| units.or_zero()).sum();
        lying.plus(self.incoming_total())
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
        self.lying(location, Condition::Sellable)
    }

    /// Open claims with a location.
    pub fn allocated_total(&self) -> Quantity {
        self.allocated.values().copied().sum()
    }

    /// What may still be promised on all accounts together; one of them may be served from fewer
    /// locations, see [`crate::locations`]. Below zero when more left than was there.
    pub fn sellable(&self) -> Quantity {
        self.on_hand()
            .minus(self.allocated_total())
            .minus(self.pending)
    }
}
