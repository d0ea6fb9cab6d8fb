//! Exchanges: other goods that leave for what comes back.
//!
//! An exchange is a return with a line for each item that leaves instead. These lines were never ordered, and
//! the channel does not know them: their units leave as units that are sent again do. What they cost more or
//! less than what comes back is told and never moves by itself, because no channel here lets us ask for money,
//! and whether a difference is waived is for people to say.

use serde::{Deserialize, Serialize};

use crate::{Decimal, Money, Quantity, Sku, order::Order, returns::Return};

/// The most items that leave for one return: each is a line in the row of its order.
pub const REPLACEMENTS_MAX: usize = 20;

/// Units that leave for what comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// Our number of their line.
    pub line: u32,
    /// How many.
    pub units: Quantity,
    /// What they cost together.
    pub total: Money,
}

/// An item that is to leave instead, as a person says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instead {
    /// Which.
    pub sku: Sku,
    /// How many of it.
    pub units: Decimal,
    /// The price of one, in the currency of the order; what comes back where nothing is said, which only one
    /// item can.
    pub price: Option<Decimal>,
}

impl Order {
    /// What was agreed to leave as a line, where it is no line that the buyer ordered.
    pub fn replacement(&self, line: u32) -> Option<&Replacement> {
        let mut all = self.returns.iter().flat_map(|one| &one.replacements);
        all.find(|one| one.line == line)
    }

    /// By how many minor units what leaves for a return costs more than what comes back with it: above zero the
    /// buyer owes it, below zero it is owed to the buyer. Nothing for a return without an exchange.
    ///
    /// It is counted anew each time: what is not sent after all, and what does not come back, changes it.
    pub fn difference_of(&self, back: &Return) -> Option<i64> {
        if back.replacements.is_empty() {
            return None;
        }
        let leaves = back.replacements.iter().map(|one| {
            let line = self.line(one.line);
            let leaves = line.map(|line| line.counters.resent_net());
            one.worth_of(leaves.unwrap_or_default().min(one.units))
        });
        let leaves = leaves.fold(0, i64::saturating_add);
        let comes = back.lines.iter().map(|part| {
            let comes = part.advised.minus(part.not_returned);
            (part.line, comes)
        });
        let comes: Vec<_> = comes.collect();
        Some(leaves.saturating_sub(self.worth_of(&comes)))
    }
}

impl Replacement {
    /// What so many of its units cost, in minor units, rounded up.
    pub fn worth_of(&self, units: Quantity) -> i64 {
        let all = i128::from(self.units.units());
        let cost = i128::from(self.total.minor()).saturating_mul(i128::from(units.units()));
        let whole = cost.checked_div_euclid(all).unwrap_or(0);
        let rest = cost.checked_rem_euclid(all).unwrap_or(0);
        let cost = whole.saturating_add(i128::from(rest > 0));
        i64::try_from(cost).unwrap_or(i64::MAX)
    }
}
