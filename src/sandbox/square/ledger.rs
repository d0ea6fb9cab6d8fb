//! A level as the sum of what happened, by the time at which it happened and not at which it was
//! told.
//!
//! A physical count says how much was there at a time; what was sold after that time comes off it,
//! whenever the count arrives. So a count that is dated before a sale does not wipe the sale out,
//! and a sale of an offline till that is dated before a count changes nothing any more. What happened
//! at the same instant is ordered by its arrival.

use std::time::Duration;

use domain::Time;

/// Nothing that arrives later is dated further back than this: counts at most 24 hours.
const REMEMBERED: Duration = Duration::from_secs(25 * 3600);

/// When the levels at the beginning were counted: the first of January 2026.
const OPENED_AT_MS: i64 = 1_767_225_600_000;

/// What happened to the level of one variation.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    /// The level by everything that is older than what is remembered.
    base: i64,
    /// The time of the newest count within the base.
    counted_at: Time,
    /// What is remembered, in order of happening.
    recent: Vec<(Time, Change)>,
    changed_at: Time,
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Count(i64),
    Move(i64),
}

impl Ledger {
    /// So many at the beginning.
    pub(super) fn new(level: i64) -> Ledger {
        Ledger {
            base: level,
            counted_at: Time::EPOCH,
            recent: Vec::new(),
            changed_at: Time::from_millis(OPENED_AT_MS),
        }
    }

    /// How many there are now; below nothing when more was sold than was counted.
    pub(super) fn level(&self) -> i64 {
        let changes = self.recent.iter().map(|(_, change)| *change);
        changes.fold(self.base, Ledger::apply)
    }

    /// When the level last changed.
    pub(super) fn changed_at(&self) -> Time {
        self.changed_at
    }

    /// Somebody counted so many.
    pub(super) fn count(&mut self, level: i64, occurred_at: Time, now: Time) {
        self.insert(occurred_at, Change::Count(level), now);
    }

    /// So many came, or went.
    pub(super) fn change(&mut self, by: i64, occurred_at: Time, now: Time) {
        self.insert(occurred_at, Change::Move(by), now);
    }

    fn insert(&mut self, occurred_at: Time, change: Change, now: Time) {
        self.changed_at = now;
        self.forget(now.minus(REMEMBERED));
        if occurred_at < now.minus(REMEMBERED) {
            // Older than the memory: a count has seen it, or it moves the base.
            if occurred_at > self.counted_at {
                self.base = Ledger::apply(self.base, change);
            }
            return;
        }
        let place = self.recent.partition_point(|(at, _)| *at <= occurred_at);
        self.recent.insert(place, (occurred_at, change));
    }

    fn forget(&mut self, until: Time) {
        let old = self.recent.partition_point(|(at, _)| *at < until);
        for (at, change) in self.recent.drain(..old) {
            self.base = Ledger::apply(self.base, change);
            if matches!(change, Change::Count(_)) {
                self.counted_at = at;
            }
        }
    }

    fn apply(level: i64, change: Change) -> i64 {
        match change {
            Change::Count(counted) => counted,
            Change::Move(by) => level.saturating_add(by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Time {
        Time::from_seconds(1_800_000_000 + minutes * 60)
    }

    #[test]
    fn a_count_does_not_wipe_out_what_was_sold_after_it() {
        let mut ledger = Ledger::new(10);
        ledger.change(-2, at(5), at(5));
        assert_eq!(ledger.level(), 8);
        ledger.count(7, at(4), at(6));
        assert_eq!(ledger.level(), 5, "counted before the sale");
        ledger.count(7, at(6), at(7));
        assert_eq!(ledger.level(), 7, "counted after the sale");
        ledger.count(3, at(5), at(8));
        assert_eq!(ledger.level(), 7, "an older count changes nothing");
    }

    #[test]
    fn at_the_same_instant_arrival_decides() {
        let mut ledger = Ledger::new(10);
        ledger.change(-2, at(5), at(5));
        ledger.count(6, at(5), at(5));
        assert_eq!(ledger.level(), 6);
        ledger.change(-1, at(5), at(5));
        assert_eq!(ledger.level(), 5);
    }

    #[test]
    fn a_late_sale_counts_unless_somebody_has_counted_since() {
        let days = 24 * 60;
        let mut ledger = Ledger::new(10);
        ledger.change(-3, at(0), at(2 * days));
        assert_eq!(ledger.level(), 7);
        ledger.count(20, at(2 * days), at(2 * days));
        ledger.change(-1, at(4 * days), at(4 * days));
        ledger.change(-5, at(days), at(4 * days));
        assert_eq!(ledger.level(), 19);
    }
}
