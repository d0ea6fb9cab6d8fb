//! What was sold where, how often and how many at once, and how late we heard of it: what a buffer
//! that tunes itself is reckoned from.
//!
//! Whoever has the orders notes them here, in any order; nothing here reads a clock or a store.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    AccountId, Quantity, Sku, Time,
    buffer::{Demand, Tuning},
};

/// How often it is measured.
pub const MEASURE_EVERY: Duration = Duration::from_secs(60);
/// How far back sales count.
pub const WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);
/// The least time that sales are spread over: the first sale of a new shop is no flood.
const OVER_MIN: Duration = Duration::from_secs(3600);
/// How long a level is taken to need where too few pushes were measured.
const LAG_ASSUMED_MS: u64 = 60_000;
/// What we heard of later than this was no news, but was caught up with.
const HEARD_MAX: Duration = Duration::from_secs(3600);
/// Of so many hundredths of the sales we know within what is taken for the time that news takes.
const HEARD_PERCENT: u64 = 90;
/// How many sales of an account must have been heard of before that says anything.
const HEARD_MIN: u64 = 5;

/// Who keeps the last units goes on keeping them until another one sells this much more, as a ratio.
const KEEPER_LEAD: (u128, u128) = (5, 4);

/// An account on which the buffer of an item tunes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuner {
    /// How long a level takes to be shown there; nothing while that is not known.
    pub lag_ms: Option<u64>,
    /// What an admin accepts there.
    pub tuning: Tuning,
    /// Whether the last units were kept for it so far.
    pub keeps_last: bool,
}

/// What was sold at once and how often, by item and account.
#[derive(Clone, Debug, Default)]
pub struct Sales {
    lots: BTreeMap<(Sku, AccountId), BTreeMap<u32, u32>>,
    since: Option<Time>,
    /// How late we heard of orders, in milliseconds rounded up, and how often.
    heard: BTreeMap<AccountId, BTreeMap<u64, u64>>,
}

impl Sales {
    /// Notes an order: when it was placed, and since when we know of it.
    pub fn note_order(&mut self, account: &AccountId, placed_at: Time, known_at: Time) {
        self.since = Some(self.since.map_or(placed_at, |since| since.min(placed_at)));
        let late = known_at.since(placed_at);
        if late <= HEARD_MAX {
            let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            let times = self.heard.entry(account.clone()).or_default();
            *times.entry(round_up(millis)).or_default() += 1;
        }
    }

    /// Notes that an order took so many whole units of an item.
    pub fn note_units(&mut self, sku: &Sku, account: &AccountId, units: u32) {
        if units > 0 {
            let lots = self.lots.entry((sku.clone(), account.clone()));
            let times = lots.or_default().entry(units).or_default();
            *times = times.saturating_add(1);
        }
    }

    /// For how long sales were watched: the window, or since the oldest order in it.
    fn over(&self, now: Time) -> Duration {
        let watched = self.since.map_or(Duration::ZERO, |since| now.since(since));
        watched.clamp(OVER_MIN, WINDOW)
    }

    /// What was measured for an account, where a unit of what it offers takes so many whole units of
    /// each good; of several goods that which sells fastest elsewhere counts.
    ///
    /// The last units of an item are kept for the account that sells it most: where others hold theirs
    /// back they show none, so what they sell is no danger to it. If nobody were to show them, they
    /// would never be sold.
    pub fn demand(
        &self,
        bill: &[(Sku, u32)],
        account: &AccountId,
        tuners: &BTreeMap<AccountId, Tuner>,
        scale: u8,
        now: Time,
    ) -> Demand {
        let all = self.of_all(bill, account, tuners, now, &|_| true);
        if self.keeper(bill, tuners) != Some(account) {
            return all;
        }
        let holds_back = |other: &AccountId| {
            let theirs = self.of_all(bill, other, tuners, now, &|_| true);
            let tuner = tuners.get(other);
            tuner.is_some_and(|tuner| tuner.tuning.holds_back(&theirs, scale))
        };
        Demand {
            keeps_last: true,
            ..self.of_all(bill, account, tuners, now, &|other| !holds_back(other))
        }
    }

    /// The account that the last units are kept for, among those whose buffers tune themselves.
    fn keeper<'a>(
        &self,
        bill: &[(Sku, u32)],
        tuners: &'a BTreeMap<AccountId, Tuner>,
    ) -> Option<&'a AccountId> {
        let mut best: Option<(&AccountId, u128)> = None;
        for (account, tuner) in tuners {
            let lots = bill
                .iter()
                .filter_map(|(sku, _)| self.lots.get(&(sku.clone(), account.clone())));
            let units: u128 = lots.map(|lots| u128::from(sold(lots))).sum();
            let (more, than) = KEEPER_LEAD;
            let weight = if tuner.keeps_last { more } else { than };
            let weighed = units.saturating_mul(weight);
            if best.is_none_or(|(_, most)| weighed > most) {
                best = Some((account, weighed));
            }
        }
        best.map(|(account, _)| account)
    }

    /// What was measured for an account, of those elsewhere that count.
    fn of_all(
        &self,
        bill: &[(Sku, u32)],
        account: &AccountId,
        tuners: &BTreeMap<AccountId, Tuner>,
        now: Time,
        counts: &dyn Fn(&AccountId) -> bool,
    ) -> Demand {
        let lag_ms = tuners.get(account).and_then(|tuner| tuner.lag_ms);
        let mut demand = Demand {
            over_ms: u64::try_from(self.over(now).as_millis()).unwrap_or(u64::MAX),
            lag_ms: lag_ms.unwrap_or(LAG_ASSUMED_MS),
            is_lag_assumed: lag_ms.is_none(),
            ..Demand::default()
        };
        for (sku, at_once) in bill {
            let (lots, here, heard_ms) = self.of_good(sku, account, (*at_once).max(1), counts);
            if demand.lots.is_empty() || sold(&lots) > sold(&demand.lots) {
                (demand.lots, demand.here, demand.heard_ms) = (lots, here, heard_ms);
            }
        }
        demand
    }

    /// What other accounts sold of a good, and this one, counted in so many at once; and how late we
    /// heard of the others, on average over their units.
    fn of_good(
        &self,
        sku: &Sku,
        account: &AccountId,
        at_once: u32,
        counts: &dyn Fn(&AccountId) -> bool,
    ) -> (BTreeMap<u32, u32>, BTreeMap<u32, u32>, u64) {
        let (mut elsewhere, mut here) = (BTreeMap::new(), BTreeMap::new());
        let (mut units_sold, mut late) = (0_u128, 0_u128);
        let from = (sku.clone(), AccountId::new(""));
        let of_sku = self.lots.range(from..).take_while(|((of, _), _)| of == sku);
        for ((_, seller), lots) in of_sku {
            if seller != account && !counts(seller) {
                continue;
            }
            let all: &mut BTreeMap<u32, u32> = match seller == account {
                true => &mut here,
                false => &mut elsewhere,
            };
            for (units, times) in lots {
                let slot = all.entry(units.div_ceil(at_once)).or_default();
                *slot = slot.saturating_add(*times);
            }
            if seller != account {
                let units = u128::from(sold(lots));
                units_sold = units_sold.saturating_add(units);
                let heard = u128::from(self.heard_ms(seller));
                late = late.saturating_add(units.saturating_mul(heard));
            }
        }
        let late = late.checked_div(units_sold).unwrap_or(0);
        (elsewhere, here, u64::try_from(late).unwrap_or(u64::MAX))
    }

    /// How late we hear of nearly every sale of an account; nothing is added while too few are known.
    fn heard_ms(&self, account: &AccountId) -> u64 {
        let Some(times) = self.heard.get(account) else {
            return 0;
        };
        let all: u64 = times.values().sum();
        if all < HEARD_MIN {
            return 0;
        }
        let rank = all.saturating_mul(HEARD_PERCENT).div_ceil(100);
        let mut seen = 0_u64;
        for (millis, count) in times {
            seen = seen.saturating_add(*count);
            if seen >= rank {
                return *millis;
            }
        }
        0
    }
}

/// Rounded up by an eighth at most, so that few different numbers are kept.
fn round_up(millis: u64) -> u64 {
    let step = 1_u64 << millis.max(8).ilog2().saturating_sub(3);
    millis.div_ceil(step).saturating_mul(step)
}

fn sold(lots: &BTreeMap<u32, u32>) -> u64 {
    lots.iter()
        .map(|(units, times)| u64::from(*units).saturating_mul((*times).into()))
        .fold(0, u64::saturating_add)
}

/// Whole units, rounded up.
pub fn whole_units(quantity: Quantity, scale: u8) -> u32 {
    let unit = 10_i64.checked_pow(u32::from(scale)).unwrap_or(1);
    let units = quantity.or_zero().units();
    let whole = units / unit + i64::from(units % unit > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(text: &str) -> Sku {
        Sku::new(text).expect("a SKU")
    }

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    /// These accounts, with these delays, and whether the last units were kept for them.
    fn tuners(of: &[(&str, Option<u64>, bool)]) -> BTreeMap<AccountId, Tuner> {
        of.iter()
            .map(|(id, lag_ms, keeps_last)| {
                let tuner = Tuner {
                    lag_ms: *lag_ms,
                    tuning: Tuning::usual(0),
                    keeps_last: *keeps_last,
                };
                (AccountId::new(*id), tuner)
            })
            .collect()
    }

    #[test]
    fn the_last_units_are_kept_for_who_sells_most() {
        let (web, till, fair) = ("web".into(), "till".into(), "fair".into());
        let mut sales = Sales::default();
        for (account, times) in [(&web, 20), (&till, 18), (&fair, 2)] {
            for _ in 0..times {
                sales.note_units(&sku("MUG"), account, 1);
            }
        }
        let mug = [(sku("MUG"), 1)];
        let slow = Some(60_000);
        let keeps = |account: &AccountId, of: &[(&str, Option<u64>, bool)]| {
            let demand = sales.demand(&mug, account, &tuners(of), 0, at(0));
            (demand.keeps_last, sold(&demand.lots))
        };
        let all = [
            ("web", slow, false),
            ("till", slow, false),
            ("fair", slow, false),
        ];
        assert_eq!(keeps(&web, &all), (true, 0));
        assert_eq!(keeps(&till, &all), (false, 22));
        // Whoever had them keeps them until another one sells a quarter more.
        let till_had = [
            ("web", slow, false),
            ("till", slow, true),
            ("fair", slow, false),
        ];
        assert_eq!(keeps(&web, &till_had), (false, 20));
        assert_eq!(keeps(&till, &till_had), (true, 0));
        // The fair hears so fast that it holds none back, and the till has a buffer of its own.
        let fast = [
            ("web", slow, false),
            ("till", slow, false),
            ("fair", Some(1), false),
        ];
        assert_eq!(keeps(&web, &fast), (true, 2));
        assert_eq!(
            keeps(&web, &[("web", slow, false), ("fair", slow, false)]),
            (true, 18)
        );
        assert_eq!(keeps(&web, &[]), (false, 20));
    }

    #[test]
    fn other_accounts_are_elsewhere_and_their_news_is_late() {
        let (web, till, fair) = ("web".into(), "till".into(), "fair".into());
        let mut sales = Sales::default();
        for number in 0..10 {
            // The web shop is heard of after two seconds, once after twenty.
            let late = if number == 9 { 20 } else { 2 };
            sales.note_order(&web, at(number), at(number + late));
            sales.note_units(&sku("MUG"), &web, 1);
            sales.note_order(&till, at(number), at(number));
            sales.note_units(&sku("MUG"), &till, 2);
        }
        let mug = [(sku("MUG"), 1)];
        let now = at(100);
        let lags = tuners(&[("fair", Some(500), false), ("web", None, true)]);
        let demand = sales.demand(&mug, &fair, &lags, 0, now);
        assert_eq!(demand.lots, BTreeMap::from([(1, 10), (2, 10)]));
        assert!(demand.here.is_empty());
        // Ten units after two seconds, twenty at once.
        assert_eq!((demand.heard_ms, demand.lag_ms), (682, 500));
        assert_eq!(demand.delay_ms(), 1182);
        assert_eq!(demand.over_ms, 3_600_000, "at least an hour");
        let demand = sales.demand(&mug, &till, &lags, 0, now);
        assert_eq!(demand.lots, BTreeMap::from([(1, 10)]));
        assert_eq!(demand.here, BTreeMap::from([(2, 10)]));
        assert_eq!((demand.heard_ms, demand.lag_ms), (2048, 60_000));
        assert!(demand.is_lag_assumed);
        // What is sold two at a time takes half as many at once.
        let pairs = sales.demand(&[(sku("MUG"), 2)], &fair, &lags, 0, now);
        assert_eq!(pairs.lots, BTreeMap::from([(1, 20)]));
        assert!(sales.demand(&[], &fair, &lags, 0, now).lots.is_empty());
    }

    #[test]
    fn delays_are_rounded_up_a_little() {
        for millis in (0..70_000).chain([u64::MAX / 2]) {
            let rounded = round_up(millis);
            assert!(
                rounded >= millis && rounded <= millis + millis / 8,
                "{millis} {rounded}"
            );
        }
    }

    #[test]
    fn what_was_caught_up_with_is_no_news() {
        let (web, till) = ("web".into(), "till".into());
        let mut sales = Sales::default();
        for number in 0..20 {
            // Orders of last week, found at the first reading; and some from a clock that is ahead.
            sales.note_order(&web, at(number), at(600_000));
            sales.note_order(&web, at(600_000 + number), at(600_000));
            sales.note_units(&sku("MUG"), &web, 1);
        }
        let demand = sales.demand(&[(sku("MUG"), 1)], &till, &BTreeMap::new(), 0, at(600_100));
        assert_eq!(demand.heard_ms, 0);
        assert_eq!(demand.over_ms, 600_100_000);
        let later = sales.demand(
            &[(sku("MUG"), 1)],
            &till,
            &BTreeMap::new(),
            0,
            at(9_000_000),
        );
        assert_eq!(
            u128::from(later.over_ms),
            WINDOW.as_millis(),
            "at most the window"
        );
    }

    #[test]
    fn of_a_kit_the_good_that_sells_fastest_counts() {
        let (web, till) = ("web".into(), "till".into());
        let mut sales = Sales::default();
        sales.note_units(&sku("CUP"), &web, 6);
        sales.note_units(&sku("POT"), &web, 1);
        let kit = [(sku("CUP"), 2), (sku("POT"), 1), (sku("BOX"), 1)];
        let demand = sales.demand(&kit, &till, &BTreeMap::new(), 0, at(0));
        assert_eq!(demand.lots, BTreeMap::from([(3, 1)]));
        assert_eq!(whole_units(Quantity::of(2_001), 3), 3);
        assert_eq!(whole_units(Quantity::of(-5), 0), 0);
    }
}
