//! What a listing may show beside what we believe.
//!
//! Two things are not known for sure: what came of a write that was not answered, and whether a sale
//! at about the time of our last look is in the level already, because a channel's clock is not ours
//! and its times are often whole seconds. Both leave a range of levels of which each may be right. To
//! find one of them later is to hear ourselves, or a known order, and no edit of somebody else.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Quantity, Time, offer::Told};

/// How long a write without an answer may still take effect, or be told of by an old answer; and how
/// long it may take until a level is read that tells what an order at the same time did.
const LASTS: Duration = Duration::from_secs(3600);
/// How far a channel's times may be from ours: its clock, its seconds, and the time that a call takes.
const CLOCK_SLACK: Duration = Duration::from_secs(120);

/// A range of levels, each of which a listing may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Possible {
    /// The highest.
    pub most: Quantity,
    /// The lowest.
    pub least: Quantity,
    /// When the last reason for it arose.
    pub at: Time,
}

impl Possible {
    /// One level: what a write comes to, if it works.
    pub fn level(quantity: Quantity, at: Time) -> Possible {
        Possible {
            most: quantity,
            least: quantity,
            at,
        }
    }

    /// What a sale of so many units makes possible beside a level that was told at a time: to have it in
    /// already, or not. Nothing where the times are so far apart that there is no doubt.
    pub fn around(
        level: Quantity,
        told_at: Time,
        units: Quantity,
        changed_at: Time,
        now: Time,
    ) -> Option<Possible> {
        let apart = changed_at.since(told_at).max(told_at.since(changed_at));
        let other = level.minus(units);
        (apart <= CLOCK_SLACK).then(|| Possible {
            most: level.max(other),
            least: level.min(other),
            at: now,
        })
    }

    /// What an order makes possible that may have taken units off a level and put them back, neither of
    /// which was seen: to have been told the level while they were off. Nothing where that was surely
    /// before the order or after its end.
    pub fn amid(level: Told, units: Quantity, during: (Time, Time), now: Time) -> Option<Possible> {
        let (from, until) = during;
        let is_amid = level.at.plus(CLOCK_SLACK) >= from && level.at <= until.plus(CLOCK_SLACK);
        is_amid.then(|| Possible {
            most: level.quantity.plus(units),
            least: level.quantity,
            at: now,
        })
    }

    /// Seen as changes, what they make possible beside a level that was asked for before the last of
    /// them was known.
    pub fn beside(self, told: Told) -> Option<Possible> {
        (told.at <= self.at).then(|| Possible {
            most: told.quantity.plus(self.most),
            least: told.quantity.plus(self.least),
            at: self.at.max(told.at),
        })
    }

    /// Whether the last reason for it is so young that no later look tells.
    pub fn is_recent(self, now: Time) -> bool {
        now.since(self.at) <= CLOCK_SLACK
    }

    /// Both of them; one that is too old is over.
    #[must_use]
    pub fn join(one: Option<Possible>, later: Option<Possible>) -> Option<Possible> {
        let (Some(one), Some(later)) = (one, later) else {
            return later.or(one);
        };
        if later.at.since(one.at) > LASTS {
            return Some(later);
        }
        Some(Possible {
            most: one.most.max(later.most),
            least: one.least.min(later.least),
            at: later.at.max(one.at),
        })
    }

    /// Whether a level that was read is one of them.
    pub fn is(&self, shown: Quantity, read_at: Time) -> bool {
        read_at.since(self.at) <= LASTS && shown >= self.least && shown <= self.most
    }

    /// The channel took so many units off its level, or put them back when it is negative: from all of
    /// them, or, where it may have been before them, perhaps from none.
    pub fn take_off(&mut self, units: Quantity, changed_at: Time) {
        let is_later = changed_at.since(self.at) > CLOCK_SLACK;
        if is_later || units.is_positive() {
            self.least = self.least.minus(units);
        }
        if is_later || !units.is_positive() {
            self.most = self.most.minus(units);
        }
    }

    /// What is left of it after a level was read that is what we believe: nothing, if no reason for
    /// it is so young that the level may not tell.
    pub fn after_reading(self, read_at: Time) -> Option<Possible> {
        self.is_recent(read_at).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds)
    }

    fn of(most: i32, least: i32, seconds: i64) -> Possible {
        Possible {
            most: Quantity::of(most),
            least: Quantity::of(least),
            at: at(seconds),
        }
    }

    #[test]
    fn a_sale_at_about_the_same_time_may_be_in_a_level_or_not() {
        let around = |units, changed| {
            let (level, told_at, now) = (Quantity::of(10), at(1000), at(1300));
            Possible::around(level, told_at, Quantity::of(units), at(changed), now)
        };
        assert_eq!(around(2, 1000), Some(of(10, 8, 1300)));
        assert_eq!(around(2, 880), Some(of(10, 8, 1300)));
        assert_eq!(around(-1, 1120), Some(of(11, 10, 1300)));
        assert_eq!(around(2, 879), None);
        assert_eq!(around(2, 1121), None);
    }

    #[test]
    fn what_was_told_while_an_unseen_order_lasted_may_lack_its_units() {
        let amid = |told_at| {
            let quantity = Quantity::of(10);
            let told = Told {
                quantity,
                at: at(told_at),
            };
            Possible::amid(told, Quantity::of(2), (at(1000), at(2000)), at(2300))
        };
        for inside in [880, 1000, 1500, 2120] {
            assert_eq!(amid(inside), Some(of(12, 10, 2300)));
        }
        assert_eq!([amid(879), amid(2121)], [None, None]);
    }

    #[test]
    fn what_is_surely_later_moves_all_and_what_may_be_earlier_widens() {
        let after = |units: i32, changed| {
            let mut possible = of(10, 8, 1000);
            possible.take_off(Quantity::of(units), at(changed));
            (possible.most.units(), possible.least.units())
        };
        assert_eq!(after(3, 1121), (7, 5));
        assert_eq!(after(-3, 1121), (13, 11));
        assert_eq!(after(3, 1120), (10, 5));
        assert_eq!(after(-3, 900), (13, 8));
    }

    #[test]
    fn it_does_not_last() {
        let (old, new) = (of(10, 8, 1000), of(5, 4, 4601));
        assert_eq!(Possible::join(Some(old), Some(new)), Some(new));
        assert_eq!(
            Possible::join(Some(old), Some(of(5, 4, 4600))),
            Some(of(10, 4, 4600))
        );
        assert_eq!(Possible::join(Some(old), None), Some(old));
        assert!(old.is(Quantity::of(9), at(4600)) && !old.is(Quantity::of(9), at(4601)));
        assert!(!old.is(Quantity::of(7), at(1000)) && !old.is(Quantity::of(11), at(1000)));
        assert_eq!(old.after_reading(at(1120)), Some(old));
        assert_eq!(old.after_reading(at(1121)), None);
    }
}
