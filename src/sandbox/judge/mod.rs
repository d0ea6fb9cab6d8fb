//! Judging us by what was true in the shops: was more sold than was there, and could we have known?
//!
//! [`judge`] is a plain function over plain data, for the demo and the simulator alike. It believes the
//! twins about what was sold and what they show, and us only about when we knew of an order and when a
//! channel acknowledged a level. A channel can sell before our news reaches it, so an oversell is no
//! failure by itself; one that our news should have prevented is.

mod book;
mod oversold;

use std::collections::{BTreeMap, BTreeSet};

use domain::{AccountId, ExternalId, Sku, Time};
use serde::Serialize;

use crate::Truth;
pub use book::Book;
use oversold::oversold;

/// Everything that is judged.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The truth of each shop.
    pub shops: BTreeMap<AccountId, Truth>,
    /// What one unit of a SKU takes from stock: components of a kit, nothing for a service. A SKU
    /// that is not named here takes one of itself.
    pub bills: BTreeMap<Sku, BTreeMap<Sku, i64>>,
    /// How many of each good there were to sell in all: the opening stock and what was received.
    pub stock: BTreeMap<Sku, i64>,
    /// How many of each good may be sold beyond those, because they may be owed.
    pub may_owe: BTreeMap<Sku, i64>,
    /// When each good was first counted by us. Until then nobody was told anything of it.
    pub counted_at: BTreeMap<Sku, Time>,
    /// The levels that channels acknowledged to us.
    pub pushes: Vec<Push>,
    /// What our book knows of each order.
    pub known: BTreeMap<OrderName, Known>,
    /// What of each order left the shelf by our book, where something did. Units that left although
    /// the shop canceled the order cannot be sold to anybody else.
    pub left: BTreeMap<OrderName, Vec<(Sku, u32)>>,
    /// Units of a good that the kits of an order should have by our book and have not. A kit that lacks
    /// one component gives the others back, so it takes none of them.
    pub missing: BTreeMap<(OrderName, Sku), i64>,
    /// When an order was without units of a good, which were offered to others meanwhile.
    pub without: BTreeMap<(OrderName, Sku), Vec<Without>>,
    /// Two accounts that are not served by the same locations: what the first is short of may be there
    /// for the second, because it lies elsewhere, or because a location of the first is below zero.
    pub served_apart: BTreeSet<(AccountId, AccountId)>,
    /// Levels that staff edited in a shop.
    pub edits: Vec<Edit>,
    /// Units that were taken off sale past all orders.
    pub taken_off: Vec<TakenOff>,
    /// How far the places that do not serve an account were below zero, from each time on: what was handed
    /// over there lay at another place by our book, which offers it still.
    pub below_zero: BTreeMap<(AccountId, Sku), Vec<(Time, i64)>>,
    /// The level that each shop should show at the end by our book; nothing for what we do not manage.
    pub wanted: BTreeMap<(AccountId, Sku), i64>,
}

/// Names an order of a channel.
pub type OrderName = (AccountId, ExternalId);

/// A level that a channel acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Which account.
    pub account: AccountId,
    /// Of what.
    pub sku: Sku,
    /// What it was told to show.
    pub quantity: i64,
    /// When the value was fixed: orders that were known by then are accounted for.
    pub started_at: Time,
    /// When it said yes.
    pub acknowledged_at: Time,
}

/// What our book knows of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Since when.
    pub at: Time,
    /// When it lost its stock because nobody paid in time, or a person held it without, if it did.
    pub expired_at: Option<Time>,
    /// Whether it has, or had, a right to stock at the end: false while it is unpaid and expired, or
    /// held without its stock.
    pub counts: bool,
}

/// A time in which an order went short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Without {
    /// Which of its lines.
    pub line: u32,
    /// Since when.
    pub since: Time,
    /// Until it was given units, or they were taken for it by whoever shipped it nevertheless.
    pub until: Option<Time>,
}

/// A level that staff edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub account: AccountId,
    /// Of what.
    pub sku: Sku,
    /// When.
    pub at: Time,
}

/// Units that were taken off sale: sent away, broken, found missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOff {
    /// Of what.
    pub sku: Sku,
    /// When our book said so.
    pub at: Time,
    /// How many.
    pub units: i64,
}

/// The judgment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgment {
    /// Orders that were ever placed, in all shops.
    pub orders_placed: u64,
    /// Those of them that our book does not know, although their shop still has them.
    pub unknown: Vec<OrderName>,
    /// Orders of our book that no shop ever had.
    pub invented: Vec<OrderName>,
    /// Units that were sold and are not there, order by order.
    pub oversold: Vec<Oversold>,
    /// How many of those orders we should have prevented.
    pub oversold_unexplained: u64,
    /// Levels that are not what they should be.
    pub levels_wrong: Vec<WrongLevel>,
}

/// An order that took more than was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Oversold {
    /// Of what.
    pub sku: Sku,
    /// How many units.
    pub units: i64,
    /// Where it was sold.
    pub account: AccountId,
    /// The order there.
    pub external_id: ExternalId,
    /// When.
    pub placed_at: Time,
    /// The first order before it that its channel had not been told of.
    pub competing: Option<Competing>,
    /// When its channel acknowledged a level that accounts for that one; nothing when it never did.
    pub told_at: Option<Time>,
    /// How long after the competing order was placed that was.
    pub lag_ms: Option<u64>,
    /// Why it could happen.
    pub reason: Reason,
}

/// An order that took what another one was sold as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Competing {
    /// Where.
    pub account: AccountId,
    /// Which.
    pub external_id: ExternalId,
    /// When.
    pub placed_at: Time,
}

/// Why an oversell could happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The channel sold before our news of the competing order reached it.
    PushLag,
    /// Staff edited the level there, and we had not yet put it right.
    EditedByStaff,
    /// A buyer paid after the deadline, or a hold was lifted, when the stock had been offered again.
    PaidLate,
    /// It, or one before it, was placed before all of its goods were counted and its channel was told.
    NotCounted,
    /// An order was canceled, and the shop put its units back into its level, while we had promised them
    /// to an order that waited, and had not yet put the level right.
    Restocked,
    /// A kit before it lacked a part, so the others were offered again; then it got them after all, and
    /// our news of that was late.
    ShortBefore,
    /// Units were found missing or broken, or went elsewhere, and the channel had not been told by then.
    TakenOff,
    /// Units were handed over at a place where none lay by our book, so that another place, which serves its
    /// account, offered them still, until somebody counts.
    Elsewhere,
    /// One basket took the good twice, by itself and within a kit or within two. Each listing showed what
    /// was there, and a channel does not know that they share it.
    OneBasket,
    /// Our level there accounted for every order before, and it was sold nevertheless.
    Unexplained,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 10] = [
        Reason::PushLag,
        Reason::EditedByStaff,
        Reason::PaidLate,
        Reason::NotCounted,
        Reason::Restocked,
        Reason::ShortBefore,
        Reason::TakenOff,
        Reason::Elsewhere,
        Reason::OneBasket,
        Reason::Unexplained,
    ];

    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Reason::PushLag => "push_lag",
            Reason::EditedByStaff => "edited_by_staff",
            Reason::PaidLate => "paid_late",
            Reason::NotCounted => "not_counted",
            Reason::Restocked => "restocked",
            Reason::ShortBefore => "short_before",
            Reason::TakenOff => "taken_off",
            Reason::Elsewhere => "elsewhere",
            Reason::OneBasket => "one_basket",
            Reason::Unexplained => "unexplained",
        }
    }
}

/// A level that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrongLevel {
    /// Where.
    pub account: AccountId,
    /// Of what.
    pub sku: Sku,
    /// What the shop shows; nothing when it does not have it.
    pub shown: Option<i64>,
    /// What it should show.
    pub wanted: i64,
}

/// Judges.
pub fn judge(evidence: &Evidence) -> Judgment {
    let (mut names, mut findable) = (BTreeSet::new(), BTreeSet::new());
    for (account, truth) in &evidence.shops {
        for order in &truth.orders {
            let name = (account.clone(), order.external_id.clone());
            if !order.is_deleted {
                findable.insert(name.clone());
            }
            names.insert(name);
        }
    }
    let known: BTreeSet<OrderName> = evidence.known.keys().cloned().collect();
    let oversold = oversold(evidence);
    let unexplained = oversold
        .iter()
        .filter(|one| one.reason == Reason::Unexplained)
        .map(|one| (&one.account, &one.external_id))
        .collect::<BTreeSet<_>>()
        .len();
    Judgment {
        orders_placed: names.len() as u64,
        unknown: findable.difference(&known).cloned().collect(),
        invented: known.difference(&names).cloned().collect(),
        oversold_unexplained: unexplained as u64,
        oversold,
        levels_wrong: levels_wrong(evidence),
    }
}

fn levels_wrong(evidence: &Evidence) -> Vec<WrongLevel> {
    let mut wrong = Vec::new();
    for ((account, sku), wanted) in &evidence.wanted {
        let shown = evidence
            .shops
            .get(account)
            .and_then(|truth| truth.levels.get(sku))
            .copied();
        if shown != Some(*wanted) {
            wrong.push(WrongLevel {
                account: account.clone(),
                sku: sku.clone(),
                shown,
                wanted: *wanted,
            });
        }
    }
    wrong
}

#[cfg(test)]
mod tests;
