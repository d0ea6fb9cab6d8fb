//! Making a failing seed small: the same seed with fewer shops, buyers, faults and deaths, as long as
//! the same promise is still broken. What is left is what a person reads.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sandbox::faults::Fault;

use crate::{
    findings::Checker,
    plan::{Scale, Weather},
    run::{Report, run_with},
    trace::Trace,
    world::Tamper,
};

/// The most runs that are spent on it.
const RUNS_MAX: u32 = 120;
/// The shortest evening that is tried.
const BUSY_MIN: Duration = Duration::from_secs(4);
/// The longest pause between two baskets that is tried.
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// A smaller case that fails in the same way.
pub struct Shrunk {
    /// How small.
    pub scale: Scale,
    /// What came of it, with the whole trace.
    pub report: Report,
    /// How many runs it took to find it.
    pub runs: u32,
}

/// Looks for the smallest scale at which a seed still breaks a promise that it broke.
pub fn shrink(
    seed: u64,
    scale: &Scale,
    broken: &BTreeSet<Checker>,
    tamper: &Arc<dyn Tamper>,
) -> Shrunk {
    let mut smallest = scale.clone();
    let mut runs = 0;
    let mut fails = |scale: &Scale| {
        runs += 1;
        let report = run_with(seed, scale, Trace::default(), Arc::clone(tamper));
        !report.found_by.is_disjoint(broken)
    };
    let mut tries = 0;
    'again: while tries < RUNS_MAX {
        for smaller in smaller(&smallest) {
            tries += 1;
            if fails(&smaller) {
                smallest = smaller;
                continue 'again;
            }
            if tries >= RUNS_MAX {
                break;
            }
        }
        break;
    }
    let report = run_with(seed, &smallest, Trace::whole(), Arc::clone(tamper));
    Shrunk {
        scale: smallest,
        report,
        runs: runs + 1,
    }
}

/// What to try next: what takes most away comes first.
fn smaller(scale: &Scale) -> Vec<Scale> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Scale)| {
        let mut smaller = scale.clone();
        change(&mut smaller);
        if smaller != *scale {
            all.push(smaller);
        }
    };
    add(&|scale| scale.weather = Weather::Calm);
    add(&|scale| scale.crashes = 0);
    add(&|scale| scale.outages = 0);
    add(&|scale| scale.dead_for = Duration::ZERO);
    add(&|scale| scale.meddling = false);
    add(&|scale| scale.has_office = false);
    add(&|scale| scale.has_places = false);
    add(&|scale| scale.mishaps = 0);
    add(&|scale| scale.rests_a_day = false);
    add(&|scale| scale.orders_min = 0);
    add(&|scale| scale.busy_for = (scale.busy_for / 2).max(BUSY_MIN.min(scale.busy_for)));
    add(&|scale| scale.shops = (scale.shops / 2).max(1));
    add(&|scale| scale.goods = (scale.goods / 2).max(1));
    add(&|scale| {
        scale.basket_every = (scale.basket_every * 2).min(PAUSE_MAX.max(scale.basket_every));
    });
    add(&|scale| scale.crashes /= 2);
    add(&|scale| scale.crashes = scale.crashes.saturating_sub(1));
    add(&|scale| scale.shops = scale.shops.saturating_sub(1).max(1));
    add(&|scale| scale.goods = scale.goods.saturating_sub(1).max(1));
    add(&|scale| scale.busy_for = (scale.busy_for * 4 / 5).max(BUSY_MIN.min(scale.busy_for)));
    if scale.channels.len() != 1 {
        for (channel, _) in sandbox::TWINS {
            add(&|scale| scale.channels = vec![channel]);
        }
    }
    if scale.weather != Weather::Calm {
        for is_of_hooks in [true, false] {
            let kinds = Fault::ALL.into_iter();
            let kinds = kinds.filter(|fault| fault.is_of_hooks() == is_of_hooks);
            add(&|scale| scale.without.extend(kinds.clone()));
        }
        for fault in Fault::ALL {
            add(&|scale| scale.without.extend([fault]));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_try_is_smaller_and_the_smallest_has_none_left() {
        let mut scale = Scale::whole(Weather::Harsh);
        let mut steps = 0;
        while let Some(next) = smaller(&scale).into_iter().next() {
            assert_ne!(next, scale);
            scale = next;
            steps += 1;
            assert!(steps < 100, "{scale:?}");
        }
        assert_eq!((scale.shops, scale.goods, scale.crashes), (1, 1, 0));
        assert_eq!((scale.weather, scale.channels.len()), (Weather::Calm, 1));
    }
}
