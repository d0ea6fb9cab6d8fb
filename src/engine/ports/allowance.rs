//! How many calls an account has left: by our own pace, and as its channel said last.
//!
//! Only for people: nothing is decided by it. What nobody told is unknown, and never a number.

use std::sync::Mutex;

use channel::{Allowance, Quota};
use domain::Time;
use serde::Serialize;

/// What is known of an account, kept by who makes its calls.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Known>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    pace: Option<Pace>,
    said: Option<(Allowance, Time)>,
}

/// Our own pace.
#[derive(Clone, Copy, Debug)]
struct Pace {
    per_second: u32,
    burst: u32,
    /// How many calls could be made at a time.
    left: u32,
    at: Time,
    /// Nothing is sent before, because the channel asked for that.
    blocked_until: Time,
}

/// What is left of an account's quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// How many calls our own pace lets through at once now. Nothing where nobody paces it.
    pub calls: Option<u32>,
    /// How many it lets through after a pause.
    pub calls_most: Option<u32>,
    /// Until when the channel asked us to wait.
    pub waits_until: Option<Time>,
    /// What the channel said last. Nothing where it does not say.
    pub said: Option<Said>,
}

/// What a channel said of what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// How much was left.
    pub left: u64,
    /// Of how much, where it says so.
    pub of: Option<u64>,
    /// Of what: `points` or `calls`.
    pub unit: &'static str,
    /// How much comes back each second, where it says so.
    pub restored_per_second: Option<u64>,
    /// When.
    pub at: Time,
}

impl Meter {
    /// Begins with all that a quota lets through.
    pub(super) fn begin(&self, quota: Quota, now: Time) {
        self.0.lock().expect(LOCK).pace = Some(Pace {
            per_second: quota.per_second.max(1),
            burst: quota.burst.max(1),
            left: quota.burst.max(1),
            at: now,
            blocked_until: Time::EPOCH,
        });
    }

    /// A call was let through, or none is.
    pub(super) fn count(&self, left: u32, now: Time) {
        if let Some(pace) = &mut self.0.lock().expect(LOCK).pace {
            (pace.left, pace.at) = (left, now);
        }
    }

    /// The channel asked us to wait.
    pub(super) fn block(&self, until: Time) {
        if let Some(pace) = &mut self.0.lock().expect(LOCK).pace {
            pace.blocked_until = pace.blocked_until.max(until);
        }
    }

    /// The channel said what is left.
    pub(super) fn hear(&self, said: Allowance, now: Time) {
        self.0.lock().expect(LOCK).said = Some((said, now));
    }

    /// How many calls a second our own pace lets through for long; nothing where nobody paces it.
    pub fn per_second(&self) -> Option<u32> {
        let known = self.0.lock().expect(LOCK);
        known.pace.map(|pace| pace.per_second)
    }

    /// What is left now.
    pub fn left(&self, now: Time) -> Left {
        let known = *self.0.lock().expect(LOCK);
        let waits_until = known.pace.map(|pace| pace.blocked_until);
        let waits_until = waits_until.filter(|until| *until > now);
        let calls = known.pace.map(|pace| match waits_until {
            Some(_) => 0,
            None => pace.left_at(now),
        });
        Left {
            calls,
            calls_most: known.pace.map(|pace| pace.burst),
            waits_until,
            said: known.said.map(|(said, at)| Said {
                left: said.left,
                of: said.of,
                unit: said.unit,
                restored_per_second: said.restored_per_second,
                at,
            }),
        }
    }
}

impl Pace {
    fn left_at(self, now: Time) -> u32 {
        let passed_ms = now.since(self.at).as_millis();
        let back = passed_ms.saturating_mul(self.per_second.into()) / 1000;
        let back = u32::try_from(back).unwrap_or(u32::MAX);
        self.left.saturating_add(back).min(self.burst)
    }
}

const LOCK: &str = "no holder of this lock panics";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_left_comes_back_and_what_nobody_said_is_unknown() {
        let at = |seconds: u64| Time::from_millis(1_000_000).plus(Duration::from_secs(seconds));
        let meter = Meter::default();
        let none = Left {
            calls: None,
            calls_most: None,
            waits_until: None,
            said: None,
        };
        assert_eq!(meter.left(at(0)), none);
        let quota = Quota {
            per_second: 2,
            burst: 10,
            rest: None,
            said: None,
        };
        meter.begin(quota, at(0));
        assert_eq!(meter.left(at(0)).calls, Some(10));
        meter.count(3, at(1));
        for (when, calls) in [(1, 3), (2, 5), (4, 9), (5, 10), (90, 10)] {
            assert_eq!(meter.left(at(when)).calls, Some(calls), "{when}");
        }
        meter.block(at(60));
        let left = meter.left(at(30));
        assert_eq!((left.calls, left.waits_until), (Some(0), Some(at(60))));
        assert_eq!(meter.left(at(60)).calls, Some(10));
        assert_eq!(left.said, None);
        let said = Allowance {
            left: 1500,
            of: Some(2000),
            unit: "points",
            restored_per_second: Some(100),
        };
        meter.hear(said, at(61));
        let said = meter.left(at(62)).said.expect("it was said");
        assert_eq!((said.left, said.at), (1500, at(61)));
    }
}
