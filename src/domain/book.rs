//! The part of all state that one decision needs, and what the decision makes of it.
//!
//! The engine loads a [`Book`], [`crate::decide::decide`] returns a changed one, and the engine writes
//! the rows that differ, expecting the versions that it read. So a decision never speaks of rows.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use crate::incident::Incident;

use crate::{
    AccountId, ExternalId, ListingId, Quantity, Sku, Time,
    breaker::Breaker,
    count::{Count, Entry},
    fact::Fact,
    ids::{CountId, DocumentId, DriftId, IntentId, OrderId, SeriesId},
    intent::Intent,
    issuing::{Issued, Series},
    item::Item,
    mapping::{Mapping, MappingKey},
    offer::{Listing, Offer, Taken, Told},
    order::{Line, Order},
    person::Person,
    stock::{Claim, ClaimChange, LocationId, Movement, Stock},
};

/// Names a claim: one for each order line and item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimKey {
    /// Of what.
    pub sku: Sku,
    /// For which order.
    pub order: OrderId,
    /// For which line.
    pub line: u32,
}

/// The last number before the first one that an account gives by itself.
pub const NUMBERS_BEGIN_AFTER: u64 = 1000;

/// Names a listing.
pub type ListingKey = (AccountId, ListingId);

/// The state that a decision reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// The orders concerned.
    pub orders: BTreeMap<OrderId, Order>,
    /// What those say of people that a signal changes or erases; of the others it is not loaded.
    pub persons: BTreeMap<OrderId, Person>,
    /// Items that are named by lines, listings or kits concerned.
    pub items: BTreeMap<Sku, Item>,
    /// The stock of the goods among them.
    pub stock: BTreeMap<Sku, Stock>,
    /// The claims of the orders.
    pub claims: BTreeMap<ClaimKey, Claim>,
    /// The listings of the items.
    pub listings: BTreeMap<ListingKey, Listing>,
    /// What people said that listings and SKUs of channels are.
    pub mappings: BTreeMap<MappingKey, Mapping>,
    /// What those listings show.
    pub offers: BTreeMap<ListingKey, Offer>,
    /// Open units by account and item.
    pub taken: BTreeMap<(AccountId, Sku), Taken>,
    /// Wishes of the orders that are not done.
    pub intents: BTreeMap<IntentId, Intent>,
    /// Open cases of drift, and the one that the signal names.
    pub drifts: BTreeMap<DriftId, Drift>,
    /// The breakers of the accounts concerned.
    pub breakers: BTreeMap<AccountId, Breaker>,
    /// Open incidents, and those that the decision closed.
    pub incidents: BTreeMap<ClaimKey, Incident>,
    /// Items of which all open claims, with their orders, are in this book.
    pub all_claims_of: BTreeSet<Sku>,
    /// The number after which the next one is free for an order of an account whose orders are entered here.
    pub numbers: BTreeMap<AccountId, u64>,
    /// What was issued for an order under a number, where the decision issues something.
    pub documents: BTreeMap<DocumentId, Issued>,
    /// The series from which a number is taken.
    pub series: BTreeMap<SeriesId, Series>,
    /// Stocktakes that it is about.
    pub counts: BTreeMap<CountId, Count>,
    /// What they say, item by item.
    pub entries: BTreeMap<(CountId, Sku), Entry>,
    /// Movements of before that the decision looks at.
    pub history: BTreeMap<Sku, Vec<Movement>>,
    /// Movements that the decision made.
    pub movements: Vec<Movement>,
    /// Changes of claims that it made.
    pub claim_changes: Vec<ClaimChange>,
    /// Facts that it made, in order.
    pub facts: Vec<Fact>,
}

/// A case of drift: a level that changed, and no order, echo or person that we know of explains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Ours.
    pub id: DriftId,
    /// Where.
    pub account: AccountId,
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// The decimals of its quantities.
    pub scale: u8,
    /// What it should have shown.
    pub expected: Quantity,
    /// What it showed.
    pub observed: Quantity,
    /// By how much our stock would change if the channel were right; nothing where its level does not
    /// say that.
    pub difference: Option<Quantity>,
    /// What the case rests on.
    pub evidence: Evidence,
    /// Whether the breaker had tripped, so that nothing is done before a person looks.
    pub is_held: bool,
    /// Since when.
    pub opened_at: Time,
    /// When it was settled.
    pub closed_at: Option<Time>,
    /// How.
    pub way: Option<Settlement>,
    /// Which person said so.
    pub settled_by: Option<String>,
}

/// What a case of drift rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What we believed that it shows, and since when.
    pub believed: Told,
    /// What it showed, and when that was read.
    pub shown: Told,
    /// When reading its orders again began; the level was read after that.
    pub orders_read_at: Option<Time>,
    /// The orders of this item that were read again one by one.
    pub orders: Vec<ExternalId>,
    /// What we wrote last.
    pub sent: Option<Told>,
    /// What the channel last said that it took.
    pub acknowledged: Option<Told>,
    /// Who changed it, where the channel says so.
    pub author: Option<Author>,
}

/// Who changed a level, as far as a channel says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// What the channel calls them.
    pub name: String,
    /// Whether the channel says that it was a person, and not a program or itself.
    pub is_person: bool,
}

/// How a case of drift was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// Our level was written over theirs.
    Repaired,
    /// It came to agree by itself, or by orders that became known later.
    Agreed,
    /// Theirs became a movement of our stock.
    Theirs,
    /// A person said that ours is right.
    Ours,
}

impl Book {
    /// The open case of a listing.
    pub fn open_drift(&self, key: &ListingKey) -> Option<&Drift> {
        let mut open = self.drifts.values().filter(|drift| {
            drift.closed_at.is_none() && drift.account == key.0 && drift.listing == key.1
        });
        open.next()
    }
}

impl Book {
    /// Whether a line of the order is not covered by claims.
    pub fn is_short(&self, order: &Order) -> bool {
        order
            .lines
            .iter()
            .any(|line| self.missing_units(order, line.number).is_positive())
    }

    /// Units of a line that should be claimed and are not.
    pub fn missing_units(&self, order: &Order, line: u32) -> Quantity {
        let target = order.claim_target(line);
        let claimed = self.claimed_units(order, line);
        target.minus(claimed).or_zero()
    }

    /// Whole units of a line that are covered by open claims on every item of its bill.
    pub fn claimed_units(&self, order: &Order, line: u32) -> Quantity {
        let Some(item) = order.line(line).and_then(|line| line.item.as_ref()) else {
            return Quantity::ZERO;
        };
        let covered = item.bill.iter().map(|(sku, per_unit)| {
            let key = ClaimKey {
                sku: sku.clone(),
                order: order.id,
                line,
            };
            let open = self.claims.get(&key).map(Claim::open).unwrap_or_default();
            open.units().checked_div(per_unit.units()).unwrap_or(0)
        });
        let units = covered
            .min()
            .unwrap_or_else(|| order.claim_target(line).units());
        Quantity::new(units).unwrap_or_default()
    }
}

impl Book {
    /// Where units of an order can be picked that no task has; `None` for units that have no location yet, or
    /// take nothing from stock. Nothing while the order waits for something else.
    pub fn waits_to_be_picked(&self, order: &Order) -> BTreeSet<Option<LocationId>> {
        let is_stopped = order.is_withdrawn()
            || order.closed_at.is_some()
            || order.active_holds().next().is_some()
            || !order.is_payable()
            || order.lines.iter().any(|line| line.item.is_none())
            || self.is_short(order);
        if is_stopped {
            return BTreeSet::new();
        }
        let lines = order.lines.iter();
        lines
            .flat_map(|line| self.line_waits_at(order, line))
            .collect()
    }

    fn line_waits_at(&self, order: &Order, line: &Line) -> BTreeSet<Option<LocationId>> {
        let left = line.counters.to_ship().minus(order.in_tasks(line.number));
        let bill = line.item.iter().flat_map(|item| &item.bill);
        let mut places = BTreeSet::new();
        if !left.is_positive() {
            return places;
        }
        if bill.clone().next().is_none() {
            places.insert(None);
        }
        let in_tasks_at = |at: &LocationId| -> Quantity {
            let tasks = order.tasks.iter();
            let tasks = tasks.filter(|task| task.is_open() && task.location == *at);
            let parts = tasks.filter_map(|task| task.line(line.number));
            parts.map(|part| part.to_leave()).sum()
        };
        for (sku, per_unit) in bill {
            let key = ClaimKey {
                sku: sku.clone(),
                order: order.id,
                line: line.number,
            };
            let Some(claim) = self.claims.get(&key) else {
                continue;
            };
            if claim.pending().is_positive() {
                places.insert(None);
            }
            let waiting = claim.places.iter().filter(|(at, bound)| {
                let worked_on = per_unit.times(in_tasks_at(at).units());
                bound.minus(worked_on).is_positive()
            });
            places.extend(waiting.map(|(at, _)| Some(at.clone())));
        }
        places
    }
}

impl Order {
    /// Units of a line that should be claimed now: what must still leave, unless the order gives its
    /// stock up (withdrawn, expired, or held without its claim), or is not known to be an item.
    pub fn claim_target(&self, line: u32) -> Quantity {
        let gives_up = self.is_withdrawn() || self.is_expired() || self.hold_drops_claim();
        match self.line(line) {
            Some(line) if line.item.is_some() && !gives_up => line.counters.to_ship(),
            Some(_) | None => Quantity::ZERO,
        }
    }
}
