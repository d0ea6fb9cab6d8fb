//! Judging us by what was true in the shops: was more sold than was there, and could we have known?
//!
//! [`judge`] is a plain function over plain data, for the demo and the simulator alike. It believes the
//! twins about what was sold and what they show, and us only about when we knew of an order and when a
//! channel acknowledged a level. A channel can sell before our news reaches it, so an oversell is no
//! failure by itself; one that our news should have prevented is.

use std::collections::{BTreeMap, BTreeSet};

use domain::{AccountId, ExternalId, Sku, Time};
use serde::Serialize;

use crate::{TrueOrder, Truth};

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
    /// When each good was first counted by us. Until then nobody was told anything of it.
    pub counted_at: BTreeMap<Sku, Time>,
    /// The levels that channels acknowledged to us.
    pub pushes: Vec<Push>,
    /// What our book knows of each order.
    pub known: BTreeMap<OrderName, Known>,
    /// Units of a good that an order should have by our book and has not. A kit that lacks one
    /// component gives the others back, so it takes none of them.
    pub missing: BTreeMap<(OrderName, Sku), i64>,
    /// Levels that staff edited in a shop.
    pub edits: Vec<Edit>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The channel sold before our news of the competing order reached it.
    PushLag,
    /// Staff edited the level there, and we had not yet put it right.
    EditedByStaff,
    /// A buyer paid after the deadline, or a hold was lifted, when the stock had been offered again.
    PaidLate,
    /// It, or one before it, was placed before all of its goods were counted.
    NotCounted,
    /// Our level there accounted for every order before, and it was sold nevertheless.
    Unexplained,
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

/// An order in time, with what it takes from stock.
struct Sale<'a> {
    account: &'a AccountId,
    order: &'a TrueOrder,
    takes: BTreeMap<&'a Sku, Take<'a>>,
}

/// What an order takes of one good.
struct Take<'a> {
    /// The SKU that was bought for it.
    bought: &'a Sku,
    /// Units of the good, when all of the order can be had.
    wished: i64,
    /// How many of them kits do without, because something is missing.
    kits_missing: i64,
}

impl Sale<'_> {
    fn name(&self) -> OrderName {
        (self.account.clone(), self.order.external_id.clone())
    }
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

/// What exceeds the stock is oversold by the order that exceeds it. A kit that stays without one
/// component is oversold too, and excused by whoever exceeded that component.
fn oversold(evidence: &Evidence) -> Vec<Oversold> {
    let sales = standing_sales(evidence);
    let mut found: Vec<Oversold> = evidence
        .stock
        .keys()
        .flat_map(|good| {
            excess(evidence, &sales, good, |take| {
                take.wished - take.kits_missing
            })
        })
        .collect();
    for sale in &sales {
        let lacking = sale.takes.iter().filter(|(_, take)| take.kits_missing > 0);
        let mut entries: Vec<Oversold> = lacking
            .map(|(good, take)| {
                let first = excess(evidence, &sales, good, |take| take.wished);
                let excuse = first.into_iter().next();
                let none = || {
                    let mut entry = unexplained(sale, good, take.kits_missing);
                    if is_early(evidence, sale) {
                        entry.reason = Reason::NotCounted;
                    }
                    entry
                };
                excuse.map_or_else(none, |excuse| Oversold {
                    units: take.kits_missing,
                    ..excuse.of(sale)
                })
            })
            .collect();
        // The components that are not scarce are missing only because another one is.
        entries.sort_by_key(|entry| entry.reason == Reason::Unexplained);
        let has_excuse = entries
            .first()
            .is_some_and(|e| e.reason != Reason::Unexplained);
        entries.retain(|entry| !has_excuse || entry.reason != Reason::Unexplained);
        found.extend(entries);
    }
    found.sort_by(|one, other| {
        (one.placed_at, &one.external_id, &one.sku).cmp(&(
            other.placed_at,
            &other.external_id,
            &other.sku,
        ))
    });
    found
}

/// Walks through all sales of a good in the order of placing: those that exceed the stock.
fn excess(
    evidence: &Evidence,
    sales: &[Sale<'_>],
    good: &Sku,
    units: impl Fn(&Take<'_>) -> i64,
) -> Vec<Oversold> {
    let stock = evidence.stock.get(good).copied().unwrap_or(0);
    let (mut sold, mut found) = (0, Vec::new());
    for (at, sale) in sales.iter().enumerate() {
        let Some(take) = sale.takes.get(good) else {
            continue;
        };
        let units = units(take);
        sold += units;
        let excess = (sold - stock).min(units);
        if excess > 0 {
            let earlier = sales.get(..at).unwrap_or_default();
            found.push(explain(evidence, earlier, sale, good, take.bought, excess));
        }
    }
    found
}

fn standing_sales(evidence: &Evidence) -> Vec<Sale<'_>> {
    let mut sales = Vec::new();
    for (account, truth) in &evidence.shops {
        for order in &truth.orders {
            let name = (account.clone(), order.external_id.clone());
            let counts = evidence.known.get(&name).is_none_or(|known| known.counts);
            let stands = !order.is_canceled && !order.is_deleted && counts;
            let lines = if stands {
                order.lines.iter().collect()
            } else {
                left(order)
            };
            let takes = takes(evidence, &name, &lines);
            sales.push(Sale {
                account,
                order,
                takes,
            });
        }
    }
    sales.sort_by_key(|sale| (sale.order.placed_at, sale.name()));
    sales
}

/// What has left of an order that does not stand any more; all of it where the shop cannot say.
fn left(order: &TrueOrder) -> Vec<&(Sku, u32)> {
    match order.shipments.iter().any(|parcel| parcel.lines.is_empty()) {
        true => order.lines.iter().collect(),
        false => order
            .shipments
            .iter()
            .flat_map(|parcel| &parcel.lines)
            .collect(),
    }
}

fn takes<'a>(
    evidence: &'a Evidence,
    name: &OrderName,
    lines: &[&'a (Sku, u32)],
) -> BTreeMap<&'a Sku, Take<'a>> {
    let mut takes: BTreeMap<&Sku, Take<'_>> = BTreeMap::new();
    for (bought, units) in lines {
        let units = i64::from(*units);
        let bill: Vec<(&Sku, i64)> = match evidence.bills.get(bought) {
            None => vec![(bought, 1)],
            Some(bill) => bill
                .iter()
                .map(|(good, per_unit)| (good, *per_unit))
                .collect(),
        };
        for (good, per_unit) in bill {
            let take = takes.entry(good).or_insert(Take {
                bought,
                wished: 0,
                kits_missing: 0,
            });
            take.wished += per_unit * units;
            if good != bought {
                let missing = evidence.missing.get(&(name.clone(), good.clone()));
                take.kits_missing = missing.copied().unwrap_or(0).min(per_unit * units);
            }
        }
    }
    takes
}

fn unexplained(sale: &Sale<'_>, good: &Sku, units: i64) -> Oversold {
    Oversold {
        sku: good.clone(),
        units,
        account: sale.account.clone(),
        external_id: sale.order.external_id.clone(),
        placed_at: sale.order.placed_at,
        competing: None,
        told_at: None,
        lag_ms: None,
        reason: Reason::Unexplained,
    }
}

impl Oversold {
    /// The same story, with another order to suffer from it.
    fn of(self, sale: &Sale<'_>) -> Oversold {
        Oversold {
            account: sale.account.clone(),
            external_id: sale.order.external_id.clone(),
            placed_at: sale.order.placed_at,
            ..self
        }
    }
}

fn explain(
    evidence: &Evidence,
    earlier: &[Sale<'_>],
    sale: &Sale<'_>,
    good: &Sku,
    bought: &Sku,
    units: i64,
) -> Oversold {
    let placed_at = sale.order.placed_at;
    let known = |sale: &Sale<'_>| evidence.known.get(&sale.name()).copied();
    let told = |other: &Sale<'_>| first_told(evidence, sale.account, bought, known(other)?.at);
    let rivals = || {
        earlier
            .iter()
            .filter(|other| other.takes.contains_key(good))
    };
    let untold = rivals().find(|other| told(other).is_none_or(|at| at > placed_at));
    let is_late = |sale: &Sale<'_>| known(sale).is_some_and(|known| known.expired_at.is_some());
    let reason = if untold.is_some() {
        Reason::PushLag
    } else if was_edited(evidence, sale.account, bought, placed_at) {
        Reason::EditedByStaff
    } else if is_late(sale) || rivals().any(is_late) {
        Reason::PaidLate
    } else if is_early(evidence, sale) || rivals().any(|rival| is_early(evidence, rival)) {
        Reason::NotCounted
    } else {
        Reason::Unexplained
    };
    let told_at = untold.and_then(told);
    let lag = untold
        .zip(told_at)
        .map(|(other, at)| at.since(other.order.placed_at));
    Oversold {
        competing: untold.map(|other| Competing {
            account: other.account.clone(),
            external_id: other.order.external_id.clone(),
            placed_at: other.order.placed_at,
        }),
        told_at,
        lag_ms: lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        reason,
        ..unexplained(sale, good, units)
    }
}

/// Whether it was placed before all of its goods were counted.
fn is_early(evidence: &Evidence, sale: &Sale<'_>) -> bool {
    let counted = sale
        .takes
        .keys()
        .filter_map(|good| evidence.counted_at.get(*good));
    counted.max().is_some_and(|at| sale.order.placed_at < *at)
}

/// When an account first acknowledged a level of a SKU that was fixed after this time. What is known in
/// the very millisecond may have come too late for it.
fn first_told(evidence: &Evidence, account: &AccountId, sku: &Sku, since: Time) -> Option<Time> {
    let pushes = evidence.pushes.iter();
    pushes
        .filter(|push| push.account == *account && push.sku == *sku && push.started_at > since)
        .map(|push| push.acknowledged_at)
        .min()
}

/// Whether staff edited a level before a time, and no level was fixed by us between the two.
fn was_edited(evidence: &Evidence, account: &AccountId, sku: &Sku, before: Time) -> bool {
    let edits = evidence.edits.iter();
    edits
        .filter(|edit| edit.account == *account && edit.sku == *sku && edit.at <= before)
        .any(|edit| first_told(evidence, account, sku, edit.at).is_none_or(|at| at > before))
}

#[cfg(test)]
mod tests;
