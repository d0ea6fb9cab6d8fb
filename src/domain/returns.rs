//! Goods that come back: advised, received, looked at, and put where they belong. Money is another matter, and
//! is given back by a refund.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Decimal, Money, Quantity, Sku, Time,
    exchange::{Instead, REPLACEMENTS_MAX, Replacement},
    ids::{IntentId, ReturnId},
    stock::LocationId,
};

/// The most returns of an order that people can open: each stands in its row.
pub const RETURNS_MAX: usize = 100;

/// The most refunds of a return: each stands in the row of its order.
pub const RETURN_REFUNDS_MAX: usize = 100;

/// Why a buyer sends something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReason {
    /// They do not want it any more.
    ChangedMind,
    /// It does not fit.
    DoesNotFit,
    /// It is another item than they bought.
    WrongItem,
    /// It is not as it was described.
    NotAsDescribed,
    /// It does not work.
    Defective,
    /// It was broken on the way.
    Damaged,
    /// It came too late.
    TooLate,
    /// It could not be delivered.
    Undeliverable,
    /// Something else, or nobody said why.
    Other,
}

impl ReturnReason {
    /// All of them.
    pub const ALL: [ReturnReason; 9] = [
        ReturnReason::ChangedMind,
        ReturnReason::DoesNotFit,
        ReturnReason::WrongItem,
        ReturnReason::NotAsDescribed,
        ReturnReason::Defective,
        ReturnReason::Damaged,
        ReturnReason::TooLate,
        ReturnReason::Undeliverable,
        ReturnReason::Other,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            ReturnReason::ChangedMind => "changed_mind",
            ReturnReason::DoesNotFit => "does_not_fit",
            ReturnReason::WrongItem => "wrong_item",
            ReturnReason::NotAsDescribed => "not_as_described",
            ReturnReason::Defective => "defective",
            ReturnReason::Damaged => "damaged",
            ReturnReason::TooLate => "too_late",
            ReturnReason::Undeliverable => "undeliverable",
            ReturnReason::Other => "other",
        }
    }
}

/// What becomes of units that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They are as new and are sold again.
    Restock,
    /// They are kept, and not sold.
    Damaged,
    /// They are thrown away.
    Scrap,
}

/// Goods of an order that come back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Ours.
    pub id: ReturnId,
    /// When it became known.
    pub opened_at: Time,
    /// Who said so: a person, or the account whose channel told of it.
    pub by: String,
    /// Why.
    pub reason: ReturnReason,
    /// What else was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The carrier's number of the parcel, once it is on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// What comes back.
    pub lines: Vec<ReturnedLine>,
    /// When nothing more was expected of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
    /// Whether it was opened though its time was over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub goodwill: bool,
    /// What money was given back for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<ReturnRefund>,
    /// What leaves instead of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replacements: Vec<Replacement>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Money that was given back for units of a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnRefund {
    /// When it was asked for.
    pub at: Time,
    /// How much.
    pub amount: Money,
    /// For which units: line numbers and units.
    pub lines: Vec<(u32, Quantity)>,
    /// What was wished on the channel; nothing where no channel keeps the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentId>,
    /// Whether it may be more than came back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anyway: bool,
}

/// For which return money is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfReturn {
    /// Which.
    pub id: ReturnId,
    /// Whether also for more than came back.
    pub anyway: bool,
}

/// A part of a return. Every number only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedLine {
    /// Of which line.
    pub line: u32,
    /// Announced.
    pub advised: Quantity,
    /// Came in.
    pub received: Quantity,
    /// Of these, put on sale again.
    pub restocked: Quantity,
    /// Of these, kept as damaged.
    pub damaged: Quantity,
    /// Of these, thrown away.
    pub scrapped: Quantity,
    /// Never came.
    pub not_returned: Quantity,
    /// Where what came in lies until somebody has looked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unchecked: BTreeMap<LocationId, Quantity>,
}

impl ReturnedLine {
    /// What is still to come.
    pub fn outstanding(&self) -> Quantity {
        self.advised.minus(self.received).minus(self.not_returned)
    }

    /// What came in and nobody has looked at.
    pub fn to_check(&self) -> Quantity {
        let checked = self.restocked.plus(self.damaged).plus(self.scrapped);
        self.received.minus(checked)
    }

    /// The laws: nothing came that was not announced, nothing was judged that did not come.
    pub fn is_lawful(&self) -> bool {
        let lying: Quantity = self.unchecked.values().copied().sum();
        self.outstanding() >= Quantity::ZERO
            && self.to_check() >= Quantity::ZERO
            && lying == self.to_check()
    }
}

/// Where a return is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnState {
    /// It was announced.
    Advised,
    /// It is on its way.
    InTransit,
    /// Some of it came in and was not looked at, or the rest is still to come.
    Received,
    /// Nothing more is expected of it.
    Closed,
}

impl Return {
    /// Where it is.
    pub fn state(&self) -> ReturnState {
        let has_come = self.lines.iter().any(|line| line.received.is_positive());
        if self.closed_at.is_some() {
            ReturnState::Closed
        } else if has_come {
            ReturnState::Received
        } else if self.tracking_number.is_some() {
            ReturnState::InTransit
        } else {
            ReturnState::Advised
        }
    }

    /// Whether somebody still has something to do with it.
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// Whether all of it came or is given up, and somebody looked at all that came.
    pub fn is_done(&self) -> bool {
        self.lines
            .iter()
            .all(|line| line.outstanding().is_zero() && line.to_check().is_zero())
    }
}

/// What a person says of a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStep {
    /// Something is to come back.
    Open {
        /// Line numbers and units; empty for all that left and does not come back yet.
        lines: Vec<(u32, Decimal)>,
        /// Why.
        reason: ReturnReason,
        /// What else was said.
        note: Option<String>,
        /// The carrier's number of the parcel.
        tracking_number: Option<String>,
        /// Whether also when its time is over.
        #[serde(default)]
        anyway: bool,
    },
    /// Something is to come back, and something else leaves instead.
    Exchange {
        /// Line numbers and units; empty for all that left and does not come back yet.
        lines: Vec<(u32, Decimal)>,
        /// What leaves instead.
        items: Vec<Instead>,
        /// Why.
        reason: ReturnReason,
        /// What else was said.
        note: Option<String>,
        /// The carrier's number of the parcel that comes back.
        tracking_number: Option<String>,
        /// Whether also when its time is over.
        #[serde(default)]
        anyway: bool,
    },
    /// Some of it came in.
    Receive {
        /// Of which return.
        id: ReturnId,
        /// Line numbers and units; empty for all that is still to come.
        lines: Vec<(u32, Decimal)>,
        /// Where; where the order's account takes things back where nothing is said.
        location: Option<LocationId>,
    },
    /// Somebody looked at what came in.
    Inspect {
        /// Of which return.
        id: ReturnId,
        /// Line numbers and units; empty for all that was not looked at.
        lines: Vec<(u32, Decimal)>,
        /// What becomes of it.
        verdict: Verdict,
        /// What they saw.
        note: String,
    },
    /// What did not come will not come.
    Close {
        /// Which.
        id: ReturnId,
        /// Why.
        reason: String,
    },
}

/// Why something cannot be said of a return.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReturnRefusal {
    /// Nothing is with the buyer.
    #[error(
        "nothing of the order is with the buyer that does not come back already: there is nothing to return"
    )]
    NothingOut,
    /// The order has as many as are kept.
    #[error("the order has {RETURNS_MAX} returns already: use one that is open")]
    TooManyReturns,
    /// Its time is over.
    #[error(
        "what is returned had to be announced by {0}: take it back nevertheless, as goodwill, by saying `anyway`"
    )]
    WindowOver(Time),
    /// No units are named, and none came that no money was given for.
    #[error(
        "nothing came back with the return that no money was given for: receive it first, or say `anyway`"
    )]
    NothingToRefund,
    /// It has as many refunds as are kept.
    #[error(
        "the return has {RETURN_REFUNDS_MAX} refunds already: refund the order without naming it"
    )]
    TooManyRefunds,
    /// More money than what came back is worth.
    #[error("what came back is worth {0} more: give that or less, or say `anyway`")]
    BeyondWorth(String),
    /// Nothing of it is still to come.
    #[error("nothing of the return is still to come: open another one for what came besides")]
    NothingToCome,
    /// Nothing of it waits to be looked at.
    #[error("nothing of the return waits to be looked at: receive it first")]
    NothingToCheck,
    /// More than there is.
    #[error("line {line} has only {left} {of}: name that many or fewer")]
    TooMany {
        /// Which line.
        line: u32,
        /// How many.
        left: Decimal,
        /// Of what.
        of: &'static str,
    },
    /// Nothing leaves instead.
    #[error("an exchange needs what leaves instead: name an item and how many of it")]
    NothingInstead,
    /// More leaves instead than is kept.
    #[error("at most {REPLACEMENTS_MAX} items leave for one return: open another one for the rest")]
    TooManyItems,
    /// It is not said what each costs.
    #[error("more than one item is to leave: say the price of one of each")]
    NoPrice,
    /// An item cannot leave so.
    #[error("{sku}: {reason}: correct its units or its price")]
    BadItem {
        /// Which.
        sku: Sku,
        /// Why.
        reason: String,
    },
    /// Nothing more leaves.
    #[error("the order was canceled, nothing more leaves of it: take back what comes as a return")]
    Withdrawn,
    /// It is over.
    #[error("the return is closed: open another one for what comes besides")]
    Over,
    /// Somebody has to look first.
    #[error(
        "line {line} has {left} that came in and nobody has looked at: say first what becomes of them"
    )]
    CheckFirst {
        /// Which line.
        line: u32,
        /// How many.
        left: Decimal,
    },
}
