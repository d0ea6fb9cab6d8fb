//! How large a buffer must be, and when it must be held, so that a sale is rarely one too many.
//!
//! While the news of a sale is on its way to a channel, other accounts go on selling. With the sales
//! of an item elsewhere and the time that the news takes, the units sold meanwhile are a compound
//! Poisson number: sales come independently, each of one or more units. The buffer is the least that
//! holds them but for the accepted risk.
//!
//! It is held only while so little is sellable that all accounts together could sell it within one
//! delay: a sale from a full shelf is never one too many, and what is held back there is only hidden.
//! Everything is integer arithmetic, so the same numbers give the same buffer on every machine.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Quantity, Time, rules::Ratio};

/// Probabilities are multiples of this part of one.
const ONE: u128 = 1 << 60;
/// Rates are multiples of this part of one sale.
const RATE: u128 = 1 << 40;
/// More sales than this in one delay, and no buffer is large enough to matter.
const SALES_MAX: u128 = 20;
/// The largest buffer, in whole units, that is ever looked for.
pub const UNITS_MAX: u32 = 1000;
/// For how long the numbers behind an unchanged buffer are good enough to be shown.
const FRESH: Duration = Duration::from_secs(24 * 3600);

/// What was measured: sales of an item on other accounts, and the delay of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// How many units were sold at once on other accounts, and how often. Whole units, rounded up.
    pub lots: BTreeMap<u32, u32>,
    /// The same of the account itself: its channel takes them off its own level at once, but they
    /// empty the shelf as well.
    #[serde(default)]
    pub here: BTreeMap<u32, u32>,
    /// In what time.
    pub over_ms: u64,
    /// How long a level takes to be shown on the account.
    pub lag_ms: u64,
    /// How long it takes before that until we know of a sale elsewhere.
    #[serde(default)]
    pub heard_ms: u64,
    /// Whether too little was measured, and the delay is a cautious guess.
    pub is_lag_assumed: bool,
    /// Whether the last units are kept for this account, so that accounts which hold theirs back do
    /// not count as elsewhere.
    #[serde(default)]
    pub keeps_last: bool,
}

impl Demand {
    /// How long a sale elsewhere goes unseen on the account.
    pub fn delay_ms(&self) -> u64 {
        self.lag_ms.saturating_add(self.heard_ms)
    }

    /// What all accounts sold, as it can be sold within one delay.
    fn everywhere(&self) -> Demand {
        let mut lots = self.lots.clone();
        for (units, times) in &self.here {
            let slot = lots.entry(*units).or_default();
            *slot = slot.saturating_add(*times);
        }
        Demand {
            lots,
            ..self.clone()
        }
    }

    /// The same with a delay that is a quarter longer.
    fn larger(&self) -> Demand {
        let longer = |ms: u64| ms.saturating_add(ms.div_ceil(4));
        Demand {
            lag_ms: longer(self.lag_ms),
            heard_ms: longer(self.heard_ms),
            ..self.clone()
        }
    }
}

/// How a buffer tunes itself: what an admin accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// The least that is held back.
    pub min: Quantity,
    /// The most.
    pub max: Quantity,
    /// How often a sale from a short shelf may be one too many, because more was sold elsewhere
    /// than the buffer holds.
    pub risk: Ratio,
}

impl Tuning {
    /// What holds when nothing is said, for an item with so many decimals.
    pub fn usual(scale: u8) -> Tuning {
        Tuning {
            min: Quantity::ZERO,
            max: Quantity::of(10).times(unit(scale)),
            risk: Ratio {
                numerator: 1,
                denominator: 1000,
            },
        }
    }

    /// A buffer within the bounds; where they contradict each other, the least wins.
    pub fn clamp(&self, buffer: Quantity) -> Quantity {
        buffer.min(self.max).max(self.min)
    }

    /// Whether a demand calls for holding back the last unit at least.
    pub fn holds_back(&self, demand: &Demand, scale: u8) -> bool {
        self.hold(demand, scale).buffer >= Quantity::of(1).times(unit(scale))
    }

    /// What a demand calls for.
    fn hold(&self, demand: &Demand, scale: u8) -> Hold {
        let whole = self.max.units().checked_div(unit(scale)).unwrap_or(0);
        let units_max = u32::try_from(whole).unwrap_or(UNITS_MAX).saturating_add(1);
        let of = |units: u32| {
            Quantity::new(i64::from(units))
                .unwrap_or_default()
                .times(unit(scale))
        };
        let units = needed(demand, self.risk, units_max.min(UNITS_MAX));
        let within = needed(&demand.everywhere(), self.risk, UNITS_MAX);
        Hold {
            buffer: self.clamp(of(units)),
            within: (within < UNITS_MAX).then(|| of(within)),
        }
    }
}

/// How much is held back, and while how much is sellable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hold {
    buffer: Quantity,
    /// At all times where there is nothing.
    within: Option<Quantity>,
}

impl Hold {
    /// The same, where the least is held at all times, and what is held is not more than what is there.
    fn tidy(self, min: Quantity) -> Hold {
        let within = self.within.filter(|_| self.buffer > min);
        Hold {
            within: within.map(|within| within.max(self.buffer)),
            ..self
        }
    }

    /// What it becomes by a demand that calls for another: each of the two rises at once, and falls
    /// only where that of a larger demand falls as well.
    fn settle(self, called: Hold, larger: Hold) -> Hold {
        let reach = |hold: Hold| hold.within.map_or((true, Quantity::ZERO), |w| (false, w));
        let is_buffer_kept = called.buffer < self.buffer && larger.buffer >= self.buffer;
        let is_reach_kept = reach(called) < reach(self) && reach(larger) >= reach(self);
        Hold {
            buffer: if is_buffer_kept {
                self.buffer
            } else {
                called.buffer
            },
            within: if is_reach_kept {
                self.within
            } else {
                called.within
            },
        }
    }
}

/// A buffer that tuned itself, and the numbers that it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuned {
    /// What is held back.
    pub buffer: Quantity,
    /// While no more than this is sellable; at all times where nothing is said.
    #[serde(default)]
    pub within: Option<Quantity>,
    /// What was measured.
    pub demand: Demand,
    /// When.
    pub at: Time,
}

impl Tuned {
    /// What is held back of so much that is sellable.
    pub fn held(&self, sellable: Quantity) -> Quantity {
        match self.within {
            Some(within) if sellable > within => Quantity::ZERO,
            Some(_) | None => self.buffer,
        }
    }
}

/// What becomes of a buffer by a new measurement; nothing when it stays as it is. It rises at once and
/// falls only when a demand that is a quarter larger would let it fall as well, so that it does not go
/// to and fro and spend the writes of a channel. So does the shelf below which it is held.
pub fn retune(
    known: Option<&Tuned>,
    demand: &Demand,
    tuning: Tuning,
    scale: u8,
    now: Time,
) -> Option<Tuned> {
    let called = tuning.hold(demand, scale);
    let tuned = |hold: Hold| Tuned {
        buffer: hold.buffer,
        within: hold.within,
        demand: demand.clone(),
        at: now,
    };
    let Some(known) = known else {
        return Some(tuned(called.tidy(tuning.min)));
    };
    let was = Hold {
        buffer: tuning.clamp(known.buffer),
        within: known.within,
    };
    let next = if called.tidy(tuning.min) == was {
        was
    } else {
        was.settle(called, tuning.hold(&demand.larger(), scale))
            .tidy(tuning.min)
    };
    let is_other = (next.buffer, next.within) != (known.buffer, known.within);
    let is_stale = next == called.tidy(tuning.min)
        && (now.since(known.at) > FRESH || (known.demand.is_lag_assumed && !demand.is_lag_assumed));
    (is_other || is_stale).then(|| tuned(next))
}

/// The least number of units, up to a limit, so that the probability of more being sold elsewhere
/// during one delay is at most the risk.
pub fn needed(demand: &Demand, risk: Ratio, units_max: u32) -> u32 {
    let lots = demand
        .lots
        .iter()
        .filter(|(units, times)| **units > 0 && **times > 0);
    let lots: Vec<(u128, u128)> = lots
        .map(|(units, times)| (u128::from(*units), u128::from(*times)))
        .collect();
    let times: u128 = lots.iter().map(|(_, times)| *times).sum();
    let (lag, over) = (u128::from(demand.delay_ms()), u128::from(demand.over_ms));
    let sales = times.saturating_mul(lag);
    if sales == 0 {
        return 0;
    }
    if sales > SALES_MAX.saturating_mul(over) {
        return units_max;
    }
    // Sales of each lot in one delay. Each is at most SALES_MAX, so nothing overflows from here on.
    let rates: Vec<(u128, u128)> = lots
        .iter()
        .map(|(units, times)| {
            let rate = times.saturating_mul(lag).saturating_mul(RATE);
            (*units, rate.checked_div(over).unwrap_or(0))
        })
        .collect();
    let exponent = sales.saturating_mul(ONE).checked_div(over).unwrap_or(0);
    let accepted = ONE
        .saturating_mul(u128::from(risk.numerator))
        .checked_div(u128::from(risk.denominator))
        .unwrap_or(0);
    // The probability of exactly so many units, by Panjer's recursion:
    // n × p(n) = Σ over lots of j units: j × rate(j) × p(n − j).
    let mut exactly = vec![exp_of_minus(exponent)];
    let mut at_most = exactly.first().copied().unwrap_or(0);
    for units in 0..units_max {
        if ONE.saturating_sub(at_most) <= accepted {
            return units;
        }
        let next = u128::from(units).saturating_add(1);
        let sum: u128 = rates
            .iter()
            .filter_map(|(lot, rate)| {
                let before = usize::try_from(next.checked_sub(*lot)?).ok()?;
                let p = exactly.get(before)?;
                Some(lot.saturating_mul(*rate).saturating_mul(*p))
            })
            .fold(0, u128::saturating_add);
        let p = sum.checked_div(RATE.saturating_mul(next)).unwrap_or(0);
        exactly.push(p);
        at_most = at_most.saturating_add(p);
    }
    units_max
}

/// `e^-x` of a number from 0 to [`SALES_MAX`], both in parts of [`ONE`].
fn exp_of_minus(x: u128) -> u128 {
    const HALVINGS: u32 = 5;
    const TERMS: u128 = 24;
    let times = |a: u128, b: u128| a.saturating_mul(b) >> 60;
    let small = x >> HALVINGS;
    let (mut sum, mut term) = (ONE, ONE);
    for n in 1..=TERMS {
        term = times(term, small).checked_div(n).unwrap_or(0);
        // The signs alternate, and each term is smaller than the one before.
        sum = if n % 2 == 1 {
            sum.saturating_sub(term)
        } else {
            sum.saturating_add(term)
        };
    }
    (0..HALVINGS).fold(sum, |power, _| times(power, power))
}

/// The smallest units in a whole one.
fn unit(scale: u8) -> i64 {
    10_i64.checked_pow(u32::from(scale)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn demand(lots: &[(u32, u32)], lag_ms: u64) -> Demand {
        Demand {
            lots: lots.iter().copied().collect(),
            over_ms: HOUR,
            lag_ms,
            ..Demand::default()
        }
    }

    fn one_in(denominator: u32) -> Ratio {
        Ratio {
            numerator: 1,
            denominator,
        }
    }

    /// By the tables of the Poisson distribution: the least k with P(N > k) ≤ risk.
    #[test]
    fn the_buffer_is_the_quantile_of_the_poisson_distribution() {
        // (mean in thousandths of a sale, one in so many delays, units)
        for (mean, risk, units) in [
            (0, 1000, 0),
            (1, 1000, 0),
            (2, 1000, 1),
            (44, 1000, 1),
            (46, 1000, 2),
            (100, 1000, 2),
            (500, 1000, 4),
            (1000, 100, 4),
            (1000, 1000, 5),
            (1000, 1_000_000, 9),
            (2000, 20, 5),
            (5000, 1000, 13),
            (10_000, 1000, 21),
            (20_000, 100, 31),
            (20_000, 1_000_000, 45),
        ] {
            // One sale in an hour, so that the mean is the delay in hours.
            let demand = demand(&[(1, 1)], mean * HOUR / 1000);
            assert_eq!(needed(&demand, one_in(risk), 500), units, "{mean} {risk}");
        }
        assert_eq!(needed(&demand(&[(1, 21)], HOUR), one_in(100), 500), 500);
    }

    #[test]
    fn sales_of_several_units_need_more() {
        let lag = HOUR / 20;
        assert_eq!(needed(&demand(&[(1, 1)], lag), one_in(1000), 99), 2);
        // The same number of sales, of three units each.
        assert_eq!(needed(&demand(&[(3, 1)], lag), one_in(1000), 99), 6);
        // Half of them of one unit, half of three.
        assert_eq!(
            needed(&demand(&[(1, 1), (3, 1)], lag / 2), one_in(1000), 99),
            3
        );
        // One sale of a hundred is too rare to matter, or too large to be held.
        assert_eq!(
            needed(&demand(&[(100, 1)], HOUR / 2000), one_in(1000), 99),
            0
        );
        assert_eq!(needed(&demand(&[(100, 1)], lag), one_in(1000), 99), 99);
    }

    #[test]
    fn nothing_known_and_hostile_numbers_are_no_panic() {
        assert_eq!(needed(&Demand::default(), one_in(1000), 9), 0);
        let huge = Demand {
            lots: BTreeMap::from([(u32::MAX, u32::MAX), (0, 5)]),
            over_ms: 0,
            lag_ms: u64::MAX,
            heard_ms: u64::MAX,
            is_lag_assumed: true,
            ..Demand::default()
        };
        assert_eq!(
            needed(
                &huge,
                Ratio {
                    numerator: 0,
                    denominator: 0
                },
                9
            ),
            9
        );
        let long = Demand {
            over_ms: u64::MAX,
            lag_ms: 1,
            heard_ms: 0,
            ..huge
        };
        assert_eq!(needed(&long, one_in(1000), 9), 0);
    }

    #[test]
    fn a_buffer_rises_at_once_and_falls_late() {
        let tuning = Tuning {
            min: Quantity::of(1),
            max: Quantity::of(4),
            risk: one_in(1000),
        };
        let at = Time::from_seconds;
        let tune = |known: Option<&Tuned>, thousandths: u64, seconds| {
            let demand = demand(&[(1, 1)], thousandths * HOUR / 1000);
            retune(known, &demand, tuning, 0, at(seconds))
        };
        let first = tune(None, 0, 0).expect("the first one");
        assert_eq!(first.buffer, Quantity::of(1), "not below the least");
        assert_eq!(tune(Some(&first), 40, 60), None, "still one");
        let second = tune(Some(&first), 46, 60).expect("it rises");
        assert_eq!(second.buffer, Quantity::of(2));
        assert_eq!(tune(Some(&second), 44, 120), None, "too little to fall");
        let third = tune(Some(&second), 30, 120).expect("it falls");
        assert_eq!(third.buffer, Quantity::of(1));
        let most = tune(Some(&third), 9000, 180).expect("it rises");
        assert_eq!(most.buffer, Quantity::of(4), "not above the most");
        let next_day = tune(Some(&most), 9000, 100_000).expect("the numbers are renewed");
        assert_eq!(next_day.buffer, Quantity::of(4));
    }

    #[test]
    fn buffers_of_fractions_are_whole_units() {
        let tuning = Tuning::usual(3);
        let demand = demand(&[(1, 1)], HOUR / 20);
        let tuned = retune(None, &demand, tuning, 3, Time::EPOCH).expect("the first one");
        assert_eq!(tuned.buffer, Quantity::of(2_000));
    }

    #[test]
    fn it_is_held_only_while_all_could_be_sold_within_a_delay() {
        // (elsewhere, here: sales an hour of one unit) => buffer, held while no more than
        for (elsewhere, here, held) in [
            (0, 0, (0, None)),
            // Nobody sells it elsewhere, so nothing can be one too many.
            (0, 500, (0, None)),
            (1, 0, (1, Some(1))),
            (10, 0, (2, Some(2))),
            (10, 1, (2, Some(2))),
            (10, 100, (2, Some(5))),
            (100, 100, (5, Some(8))),
            // So much that no shelf is full.
            (9_000, 9_000, (10, None)),
        ] {
            let demand = Demand {
                here: BTreeMap::from([(1, here)]),
                heard_ms: HOUR / 200,
                ..demand(&[(1, elsewhere)], HOUR / 200)
            };
            let tuned = retune(None, &demand, Tuning::usual(0), 0, Time::EPOCH);
            let tuned = tuned.expect("the first one");
            let found = (tuned.buffer.units(), tuned.within.map(Quantity::units));
            assert_eq!(found, held, "{elsewhere} elsewhere, {here} here");
        }
    }

    #[test]
    fn what_was_tuned_before_there_was_a_within_is_held_at_all_times_until_the_next_time() {
        let row = serde_json::json!({
            "buffer": 2, "at": Time::EPOCH,
            "demand": { "lots": { "1": 1 }, "over_ms": HOUR, "lag_ms": HOUR / 20, "is_lag_assumed": false },
        });
        let old: Tuned = serde_json::from_value(row).expect("an old row");
        assert_eq!(old.held(Quantity::of(99)), Quantity::of(2));
        let demand = old.demand.clone();
        let new = retune(Some(&old), &demand, Tuning::usual(0), 0, Time::EPOCH);
        let new = new.expect("it is tuned again");
        assert_eq!(new.held(Quantity::of(99)), Quantity::ZERO);
        assert_eq!(new.held(Quantity::of(2)), Quantity::of(2));
    }

    fn any_lots() -> impl Strategy<Value = BTreeMap<u32, u32>> {
        prop::collection::btree_map(1..6_u32, 1..30_u32, 1..4)
    }

    proptest! {
        /// The longer the delay, the more is sold, the less is risked: never a smaller buffer.
        #[test]
        fn it_grows_with_delay_and_sales_and_falls_with_risk(
            lots in any_lots(),
            lag_ms in 1..HOUR,
            more_ms in 0..HOUR,
            extra in 1..9_u32,
            risk in 2..100_000_u32,
            less in 1..9_u32,
        ) {
            let of = |lots: &BTreeMap<u32, u32>, lag_ms, risk| {
                let demand = Demand { lots: lots.clone(), over_ms: HOUR, lag_ms, ..Demand::default() };
                needed(&demand, one_in(risk), 200)
            };
            let buffer = of(&lots, lag_ms, risk);
            prop_assert!(of(&lots, lag_ms + more_ms, risk) >= buffer);
            let mut more = lots.clone();
            *more.entry(1).or_default() += extra;
            prop_assert!(of(&more, lag_ms, risk) >= buffer);
            prop_assert!(of(&lots, lag_ms, risk * less) >= buffer);
            prop_assert!(buffer <= 200);
        }

        /// A tuned buffer lies within its bounds, and is tuned to the same again.
        #[test]
        fn it_keeps_its_bounds_and_settles(
            lots in any_lots(),
            here in any_lots(),
            lag_ms in 0..HOUR,
            min in 0..6_i32,
            more in 0..20_i32,
        ) {
            let tuning = Tuning {
                min: Quantity::of(min),
                max: Quantity::of(min + more),
                risk: one_in(1000),
            };
            let demand = Demand { lots, here, over_ms: HOUR, lag_ms, ..Demand::default() };
            let tuned = retune(None, &demand, tuning, 0, Time::EPOCH).expect("the first one");
            prop_assert!(tuned.buffer >= tuning.min && tuned.buffer <= tuning.max);
            prop_assert_eq!(retune(Some(&tuned), &demand, tuning, 0, Time::EPOCH), None);
            prop_assert!(tuned.within.is_none_or(|within| within >= tuned.buffer));
            // More on the shelf never shows less.
            let shown = |sellable| Quantity::of(sellable).minus(tuned.held(Quantity::of(sellable)));
            for sellable in 0..60 {
                prop_assert!(shown(sellable + 1) >= shown(sellable));
            }
        }

        /// Whatever it was before, a demand that is larger in everything never lets it fall, and one
        /// that is far smaller lets it go.
        #[test]
        fn it_rises_at_once_and_falls_in_the_end(
            lots in any_lots(),
            here in any_lots(),
            lag_ms in 1..HOUR,
            heard_ms in 0..HOUR,
            more_ms in 0..HOUR,
        ) {
            let tuning = Tuning::usual(0);
            let small = Demand { lots, here, over_ms: HOUR, lag_ms, heard_ms, ..Demand::default() };
            let large = Demand { lag_ms: lag_ms + more_ms, ..small.clone() };
            let before = retune(None, &small, tuning, 0, Time::EPOCH).expect("the first one");
            let after = retune(Some(&before), &large, tuning, 0, Time::EPOCH).unwrap_or(before.clone());
            prop_assert!(after.buffer >= before.buffer);
            let nothing = Demand { over_ms: HOUR, ..Demand::default() };
            let end = retune(Some(&after), &nothing, tuning, 0, Time::EPOCH).unwrap_or(after);
            prop_assert_eq!(end.buffer, Quantity::ZERO);
        }
    }
}
