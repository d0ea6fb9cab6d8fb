//! How often a listing may be written, where its channel limits that for a day.
//!
//! A limit for a calendar day says nothing of when that day begins there. So it is kept for every span
//! of 24 hours: half of it may be used at once, the other half comes back evenly over a day. The last of
//! what is left is kept for what cannot wait: a rise that comes late sells nothing twice, a fall may.

use serde::{Deserialize, Serialize};

use crate::Time;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How often a listing may be written in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBudget {
    at_once: u64,
    cost_ms: u64,
}

/// What a write does to the level that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// More.
    Rise,
    /// Less, but not zero; or what it shows is unknown.
    Fall,
    /// Nothing may be sold any more.
    Zero,
}

/// What was used of a budget: by this time all of it will have come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    restored_at: Option<Time>,
}

impl WriteBudget {
    /// A budget of so many writes a day; at least four, because less cannot be divided.
    pub fn per_day(writes: u32) -> WriteBudget {
        let writes = u64::from(writes.max(4));
        let at_once = writes / 2;
        WriteBudget {
            at_once,
            // One less than half comes back, so that no span of a day holds one too many.
            cost_ms: DAY_MS.div_ceil(writes - at_once - 1),
        }
    }

    /// Before when such a write must wait, if it must.
    pub fn wait_until(self, spent: Spent, urgency: Urgency, now: Time) -> Option<Time> {
        let kept = match urgency {
            Urgency::Rise => self.at_once / 4,
            Urgency::Fall => self.at_once / 20,
            Urgency::Zero => 0,
        };
        let room = (self.at_once - 1 - kept.min(self.at_once - 1)).saturating_mul(self.cost_ms);
        let restored_at = spent.restored_at.filter(|restored| *restored > now)?;
        let left = restored_at.since(now).as_millis();
        let over = u64::try_from(left).unwrap_or(u64::MAX).checked_sub(room)?;
        (over > 0).then(|| now.plus(std::time::Duration::from_millis(over)))
    }

    /// What is spent after one more write.
    pub fn spend(self, spent: Spent, now: Time) -> Spent {
        let from = spent.restored_at.map_or(now, |restored| restored.max(now));
        Spent {
            restored_at: Some(from.plus(std::time::Duration::from_millis(self.cost_ms))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_seconds(1_800_000_000).plus(Duration::from_millis(ms))
    }

    #[test]
    fn what_cannot_wait_finds_something_left() {
        let (budget, mut spent) = (WriteBudget::per_day(250), Spent::default());
        let mut done = |urgency| {
            let mut writes = 0;
            while budget.wait_until(spent, urgency, at(0)).is_none() {
                spent = budget.spend(spent, at(0));
                writes += 1;
            }
            writes
        };
        assert_eq!(
            (
                done(Urgency::Rise),
                done(Urgency::Fall),
                done(Urgency::Zero)
            ),
            (94, 25, 6)
        );
        let next = |urgency| budget.wait_until(spent, urgency, at(0)).expect("it waits");
        assert_eq!(next(Urgency::Zero), at(DAY_MS.div_ceil(124)));
        assert!(next(Urgency::Zero) < next(Urgency::Fall));
        assert!(next(Urgency::Fall) < next(Urgency::Rise));
    }

    proptest! {
        #[test]
        fn no_day_ever_holds_more_than_the_limit(
            limit in 4_u32..400,
            steps in prop::collection::vec((0_u64..4_000_000, 0_u8..3), 1..600),
        ) {
            let (budget, mut spent) = (WriteBudget::per_day(limit), Spent::default());
            let (mut now, mut writes) = (0, Vec::new());
            for (step, urgency) in steps {
                now += step;
                let urgency = [Urgency::Rise, Urgency::Fall, Urgency::Zero][usize::from(urgency)];
                match budget.wait_until(spent, urgency, at(now)) {
                    None => {
                        spent = budget.spend(spent, at(now));
                        writes.push(now);
                    }
                    Some(until) => {
                        prop_assert!(until > at(now));
                        prop_assert_eq!(budget.wait_until(spent, urgency, until), None);
                    }
                }
            }
            for (first, start) in writes.iter().enumerate() {
                let within = writes[first..].iter().filter(|write| **write < start + DAY_MS);
                prop_assert!(within.count() <= limit as usize);
            }
        }
    }
}
