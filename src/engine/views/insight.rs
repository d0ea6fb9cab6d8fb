//! What sold and how long it took: sums of days that are kept, and rankings of items.

use std::collections::BTreeMap;

use domain::{
    AccountId, Money, Sku, Time,
    insight::{DAY, Day, Stretch, Takings, Times, day_of},
};
use serde::Serialize;

use super::{StoreError, Units};
use crate::{
    Engine,
    insight::{self, Ranked},
};

pub use crate::insight::{Folded, SPANS};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Of so many days, today included: one of [`SPANS`].
    pub days: u16,
}

/// What sold, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Insight {
    /// When this was so.
    pub at: Time,
    /// The first day.
    pub from: Time,
    /// Whether the past is still being summed, so that there may be more.
    pub is_summing: bool,
    /// Each day of each account on which something was sold, the oldest first.
    pub days: Vec<DayView>,
    /// All of it, by currency.
    pub takings: Vec<TakingsView>,
    /// How long each stretch took, of the orders that were placed in that time.
    pub times: Vec<TimesView>,
    /// When items were ranked.
    pub ranked_at: Option<Time>,
    /// Items of which most was sold.
    pub best: Vec<RankedView>,
    /// Items that lie there and of which least was sold; only over all accounts.
    pub slow: Vec<RankedView>,
    /// Items that sell and run out first; only over all accounts.
    pub low: Vec<RankedView>,
}

/// A day of an account (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayView {
    /// When it begins.
    pub day: Time,
    /// Of which account.
    pub account: AccountId,
    /// How many orders were placed on it.
    pub orders: u64,
    /// How many of them were canceled whole.
    pub canceled: u64,
    /// What the others are worth, by currency.
    pub takings: Vec<TakingsView>,
}

/// What orders in one currency are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TakingsView {
    /// How many orders.
    pub orders: u64,
    /// Their totals.
    pub total: Money,
    /// What was given back.
    pub refunded: Money,
}

/// How long a stretch of an order's life took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimesView {
    /// Which: until we knew of it, until picking began, until it left, until it arrived.
    pub stretch: &'static str,
    /// Of how many orders.
    pub orders: u64,
    /// Half of them took at most so many seconds.
    pub p50_s: Option<u64>,
    /// 95 of a hundred took at most so many.
    pub p95_s: Option<u64>,
}

/// An item in a ranking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RankedView {
    /// Which.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// How much was sold.
    pub units: Units,
    /// By how many orders.
    pub orders: u64,
    /// How much lies there, if it is a good.
    pub on_hand: Option<Units>,
    /// For how many days that lasts, if it sells on as it did.
    pub days_left: Option<u64>,
}

/// What sold, and how long it took.
pub async fn insight(engine: &Engine, asked: &Asked) -> Result<Insight, StoreError> {
    let at = engine.ports.clock.now();
    let back = u32::from(asked.days.max(1)) - 1;
    let from = day_of(at).minus(DAY * back);
    let place = insight::place(engine.store.as_ref()).await?;
    let accounts = engine.accounts.keys();
    let accounts = accounts.filter(|id| asked.account.as_ref().is_none_or(|only| only == *id));
    let mut days = BTreeMap::new();
    let mut all = Day::default();
    for account in accounts {
        for (day, sums) in engine.days(account, from).await? {
            all.join(&sums);
            days.insert((day, account.clone()), sums);
        }
    }
    let ranking = engine.ranked(asked.days, asked.account.as_ref()).await?;
    let ranked = |items: &[Ranked]| {
        let items = items.iter();
        items.map(|one| ranked_view(one, asked.days)).collect()
    };
    Ok(Insight {
        at,
        from,
        is_summing: place.is_none_or(|place| place.past.is_some()),
        takings: takings(&all),
        times: Stretch::ALL
            .into_iter()
            .map(|stretch| times_view(stretch, all.times.get(&stretch)))
            .collect(),
        days: days
            .into_iter()
            .map(|((day, account), sums)| DayView {
                day,
                account,
                orders: sums.orders,
                canceled: sums.canceled,
                takings: takings(&sums),
            })
            .collect(),
        ranked_at: ranking.as_ref().map(|ranking| ranking.at),
        best: ranking
            .as_ref()
            .map_or_else(Vec::new, |one| ranked(&one.best)),
        slow: ranking
            .as_ref()
            .map_or_else(Vec::new, |one| ranked(&one.slow)),
        low: ranking
            .as_ref()
            .map_or_else(Vec::new, |one| ranked(&one.low)),
    })
}

/// What sells and runs out first, as it sold in the last thirty days, and when that was ranked.
pub async fn running_out(engine: &Engine) -> Result<Option<(Time, Vec<RankedView>)>, StoreError> {
    const DAYS: u16 = 30;
    let ranking = engine.ranked(DAYS, None).await?;
    Ok(ranking.map(|ranking| {
        let low = ranking.low.iter().map(|one| ranked_view(one, DAYS));
        (ranking.at, low.collect())
    }))
}

/// By currency. Sums that no order could have are cut off at the most that one could.
fn takings(day: &Day) -> Vec<TakingsView> {
    let view = |(currency, takings): (&domain::Currency, &Takings)| {
        let money = |minor: i64| {
            let most = Money::from_minor(minor.clamp(-MOST, MOST), *currency);
            most.unwrap_or(Money::zero(*currency))
        };
        TakingsView {
            orders: takings.orders,
            total: money(takings.total),
            refunded: money(takings.refunded),
        }
    };
    day.takings.iter().map(view).collect()
}

/// The most minor units that an amount has.
const MOST: i64 = 1_000_000_000_000_000;

fn times_view(stretch: Stretch, times: Option<&Times>) -> TimesView {
    let percentile = |percent| {
        let found = times?.percentile(percent)?;
        Some(found.as_secs())
    };
    TimesView {
        stretch: stretch.word(),
        orders: times.map_or(0, Times::count),
        p50_s: percentile(50),
        p95_s: percentile(95),
    }
}

fn ranked_view(one: &Ranked, days: u16) -> RankedView {
    let units = Units::new(one.sold.units, one.sold.scale);
    let on_hand = one.on_hand.map(|lies| Units::new(lies, one.scale));
    let days_left = on_hand.filter(|_| units.is_positive()).map(|lies| {
        let left = lies.millionths().max(0) * i128::from(days) / units.millionths().max(1);
        u64::try_from(left).unwrap_or(u64::MAX)
    });
    RankedView {
        sku: one.sku.clone(),
        title: one.title.clone(),
        units,
        orders: one.sold.orders,
        on_hand,
        days_left,
    }
}
