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
    /// The levels that channels acknowledged to us.
    pub pushes: Vec<Push>,
    /// What our book knows of each order.
    pub known: BTreeMap<OrderName, Known>,
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
    /// When it lost its stock because nobody paid in time, if it did.
    pub expired_at: Option<Time>,
    /// Whether it has, or had, a right to stock at the end: false while it is unpaid and expired.
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
    /// Those of them that our book does not know.
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
    /// A buyer paid after the deadline, when the stock had been offered again.
    PaidLate,
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

/// An order in time, with what it takes from stock and the SKU that was bought for it.
struct Sale<'a> {
    account: &'a AccountId,
    order: &'a TrueOrder,
    takes: BTreeMap<&'a Sku, (i64, &'a Sku)>,
}

impl Sale<'_> {
    fn name(&self) -> OrderName {
        (self.account.clone(), self.order.external_id.clone())
    }
}

/// Judges.
pub fn judge(evidence: &Evidence) -> Judgment {
    let mut names = BTreeSet::new();
    for (account, truth) in &evidence.shops {
        for order in &truth.orders {
            names.insert((account.clone(), order.external_id.clone()));
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
        unknown: names.difference(&known).cloned().collect(),
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

/// Walks through all sales that still stand in the order of placing; what exceeds the stock is
/// oversold by the order that exceeds it.
fn oversold(evidence: &Evidence) -> Vec<Oversold> {
    let sales = standing_sales(evidence);
    let mut sold: BTreeMap<&Sku, i64> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, sale) in sales.iter().enumerate() {
        for (good, (units, bought)) in &sale.takes {
            let before = sold.get(good).copied().unwrap_or(0);
            sold.insert(*good, before + units);
            let Some(stock) = evidence.stock.get(*good) else {
                continue;
            };
            let excess = (before + units - stock).min(*units);
            if excess > 0 {
                let earlier = sales.get(..at).unwrap_or_default();
                found.push(explain(evidence, earlier, sale, good, bought, excess));
            }
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
            let has_left = !order.shipments.is_empty();
            if (order.is_canceled || order.is_deleted || !counts) && !has_left {
                continue;
            }
            let mut takes: BTreeMap<&Sku, (i64, &Sku)> = BTreeMap::new();
            for (bought, units) in &order.lines {
                let mut take = |good, per_unit: i64| {
                    takes.entry(good).or_insert((0, bought)).0 += per_unit * i64::from(*units);
                };
                match evidence.bills.get(bought) {
                    None => take(bought, 1),
                    Some(bill) => bill
                        .iter()
                        .for_each(|(good, per_unit)| take(good, *per_unit)),
                }
            }
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
    } else {
        Reason::Unexplained
    };
    let told_at = untold.and_then(told);
    let lag = untold
        .zip(told_at)
        .map(|(other, at)| at.since(other.order.placed_at));
    Oversold {
        sku: good.clone(),
        units,
        account: sale.account.clone(),
        external_id: sale.order.external_id.clone(),
        placed_at,
        competing: untold.map(|other| Competing {
            account: other.account.clone(),
            external_id: other.order.external_id.clone(),
            placed_at: other.order.placed_at,
        }),
        told_at,
        lag_ms: lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        reason,
    }
}

/// When an account first acknowledged a level of a SKU that was fixed at this time or later.
fn first_told(evidence: &Evidence, account: &AccountId, sku: &Sku, since: Time) -> Option<Time> {
    let pushes = evidence.pushes.iter();
    pushes
        .filter(|push| push.account == *account && push.sku == *sku && push.started_at >= since)
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
mod tests {
    use super::*;

    fn sku(text: &str) -> Sku {
        Sku::new(text).expect("a SKU")
    }

    /// Reads a world, one thing a line, and says in the same way what is wrong with it.
    fn check(world: &str, expected: &str) {
        let mut evidence = Evidence::default();
        for line in world.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            read(&mut evidence, &words).unwrap_or_else(|| panic!("what is `{line}`?"));
        }
        let expected: Vec<&str> = expected
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert_eq!(say(&judge(&evidence)), expected, "{world}");
    }

    fn read(evidence: &mut Evidence, words: &[&str]) -> Option<()> {
        let number = |at: usize| -> Option<i64> { words.get(at)?.parse().ok() };
        let time = |at: usize| number(at).map(Time::from_millis);
        let account = || Some(AccountId::new(*words.get(1)?));
        match *words.first()? {
            "stock" => drop(evidence.stock.insert(sku(words.get(1)?), number(2)?)),
            "kit" => {
                let bill = words.get(2..)?.iter().map(|good| (sku(good), 1));
                evidence.bills.insert(sku(words.get(1)?), bill.collect());
            }
            // order ACCOUNT ID SKU UNITS PLACED KNOWN [canceled|expired|late|shipped]
            "order" => {
                let id = ExternalId::new(*words.get(2)?);
                let what = words.get(7).copied().unwrap_or_default();
                let truth = evidence.shops.entry(account()?).or_default();
                truth.orders.push(TrueOrder {
                    external_id: id.clone(),
                    placed_at: time(5)?,
                    lines: vec![(sku(words.get(3)?), number(4)?.try_into().ok()?)],
                    is_canceled: what == "canceled",
                    is_deleted: false,
                    shipments: Vec::new(),
                    refunded_minor: 0,
                });
                if let Some(at) = time(6) {
                    let expired_at = ["expired", "late"].contains(&what).then_some(at);
                    let counts = what != "expired";
                    let known = Known {
                        at,
                        expired_at,
                        counts,
                    };
                    evidence.known.insert((account()?, id), known);
                }
            }
            // push ACCOUNT SKU QUANTITY STARTED ACKNOWLEDGED
            "push" => evidence.pushes.push(Push {
                account: account()?,
                sku: sku(words.get(2)?),
                quantity: number(3)?,
                started_at: time(4)?,
                acknowledged_at: time(5)?,
            }),
            "edit" => evidence.edits.push(Edit {
                account: account()?,
                sku: sku(words.get(2)?),
                at: time(3)?,
            }),
            // level ACCOUNT SKU SHOWN WANTED
            "level" => {
                let (account, sku) = (account()?, sku(words.get(2)?));
                let truth = evidence.shops.entry(account.clone()).or_default();
                truth.levels.insert(sku.clone(), number(3)?);
                evidence.wanted.insert((account, sku), number(4)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn say(judgment: &Judgment) -> Vec<String> {
        let mut said = Vec::new();
        for (account, id) in &judgment.unknown {
            said.push(format!("unknown {account} {id}"));
        }
        for one in &judgment.oversold {
            let name = format!(
                "oversold {} {} {} {}",
                one.account, one.external_id, one.sku, one.units
            );
            let why = match (&one.competing, one.lag_ms) {
                (Some(other), Some(lag)) => format!("{} told after {lag}", other.external_id),
                (Some(other), None) => format!("{} never told", other.external_id),
                (None, _) => "all told".to_owned(),
            };
            said.push(format!("{name}: {why}, {:?}", one.reason));
        }
        for wrong in &judgment.levels_wrong {
            said.push(format!(
                "wrong {} {} {:?} for {}",
                wrong.account, wrong.sku, wrong.shown, wrong.wanted
            ));
        }
        said
    }

    #[test]
    fn what_is_there_may_be_sold() {
        check(
            "
            stock MUG 2
            order web 1 MUG 1 100 150
            order till 2 MUG 1 200 260
            level web MUG 0 0
            ",
            "",
        );
    }

    #[test]
    fn a_sale_before_our_news_is_explained_by_the_lag() {
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150
            order till 2 MUG 1 200 260
            push till MUG 0 180 240
            ",
            "oversold till 2 MUG 1: 1 told after 140, PushLag",
        );
        // A level that was fixed before the order was known does not tell of it.
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150
            push till MUG 1 140 170
            order till 2 MUG 1 200 260
            ",
            "oversold till 2 MUG 1: 1 never told, PushLag",
        );
    }

    #[test]
    fn a_sale_after_our_news_is_not_explained() {
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150
            push till MUG 1 160 190
            order till 2 MUG 1 200 260
            ",
            "oversold till 2 MUG 1: all told, Unexplained",
        );
    }

    #[test]
    fn only_what_exceeds_is_oversold() {
        check(
            "
            stock MUG 3
            order web 1 MUG 2 100 150
            order till 2 MUG 2 200 260
            order web 3 MUG 1 300 350
            ",
            "
            oversold till 2 MUG 1: 1 never told, PushLag
            oversold web 3 MUG 1: 1 never told, PushLag
            ",
        );
    }

    #[test]
    fn what_was_canceled_or_expired_takes_nothing() {
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150 canceled
            order web 2 MUG 1 110 160 expired
            order till 3 MUG 1 200 260
            ",
            "",
        );
    }

    #[test]
    fn late_payments_and_edits_are_told_apart() {
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150 late
            push till MUG 0 160 170
            push till MUG 1 180 190
            order till 2 MUG 1 200 260
            ",
            "oversold till 2 MUG 1: all told, PaidLate",
        );
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150
            push till MUG 0 160 170
            edit till MUG 180
            order till 2 MUG 1 200 260
            ",
            "oversold till 2 MUG 1: all told, EditedByStaff",
        );
        // Put right before the sale, the edit explains nothing.
        check(
            "
            stock MUG 1
            order web 1 MUG 1 100 150
            edit till MUG 155
            push till MUG 0 160 170
            order till 2 MUG 1 200 260
            ",
            "oversold till 2 MUG 1: all told, Unexplained",
        );
    }

    #[test]
    fn kits_take_their_components() {
        check(
            "
            stock MUG 1
            stock BOX 5
            kit SET MUG BOX
            kit WRAP
            order web 1 SET 1 100 150
            order till 2 MUG 1 200 260
            order till 3 WRAP 9 300 350
            push till MUG 0 180 240
            ",
            "oversold till 2 MUG 1: 1 told after 140, PushLag",
        );
    }

    #[test]
    fn unknown_orders_and_wrong_levels_are_named() {
        check(
            "
            stock MUG 9
            order web 1 MUG 1 100 -
            level web MUG 7 8
            level till MUG 8 8
            ",
            "
            unknown web 1
            wrong web MUG Some(7) for 8
            ",
        );
    }
}
