//! Wrong passwords, counted by user and by address, so that nobody can try many.
//!
//! The counts are in memory: whoever guesses cannot start the daemon anew.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use domain::Time;

/// How many wrong passwords are free.
const FREE: u32 = 10;
/// How long it is locked after these; each further one doubles it.
const LOCKED_FOR: Duration = Duration::from_secs(60);
/// The longest that it is locked.
const LOCKED_FOR_MAX: Duration = Duration::from_secs(15 * 60);
/// After how long a count begins again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// How many counts are kept; the oldest go first.
const KEPT_MAX: usize = 10_000;

#[derive(Clone, Copy)]
struct Count {
    wrong: u32,
    last: Time,
}

impl Count {
    fn locked_until(self) -> Option<Time> {
        let over = self.wrong.checked_sub(FREE)?;
        let factor = 1_u32.checked_shl(over.min(16)).unwrap_or(u32::MAX);
        let lasts = LOCKED_FOR.saturating_mul(factor).min(LOCKED_FOR_MAX);
        Some(self.last.plus(lasts))
    }
}

/// The counts.
#[derive(Default)]
pub(crate) struct Guessing(Mutex<BTreeMap<String, Count>>);

/// What a wrong password did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// It may be tried again.
    Free,
    /// It was one too many just now.
    LocksNow,
}

impl Guessing {
    fn counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Count>> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// For how long nobody may try with any of these names.
    pub(super) fn locked_for(&self, names: &[String], now: Time) -> Option<Duration> {
        let counts = self.counts();
        let until = names
            .iter()
            .filter_map(|name| counts.get(name)?.locked_until())
            .max()?;
        (until > now).then(|| until.since(now))
    }

    /// Counts a wrong password under all of these names.
    pub(super) fn wrong(&self, names: &[String], now: Time) -> Counted {
        let mut counts = self.counts();
        let mut counted = Counted::Free;
        for name in names {
            let count = counts.entry(name.clone()).or_insert(Count {
                wrong: 0,
                last: now,
            });
            if now.since(count.last) >= FORGOTTEN_AFTER {
                count.wrong = 0;
            }
            count.wrong = count.wrong.saturating_add(1);
            count.last = now;
            if count.wrong == FREE {
                counted = Counted::LocksNow;
            }
        }
        while counts.len() > KEPT_MAX {
            let oldest = counts.iter().min_by_key(|(_, count)| count.last);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                break;
            };
            counts.remove(&oldest);
        }
        counted
    }

    /// Begins again for a name that came in. What its address did stays.
    pub(super) fn right(&self, name: &str) {
        self.counts().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_passwords_lock_a_user_and_an_address_each_by_itself() {
        let guessing = Guessing::default();
        let names = |user: &str, address: &str| [format!("u {user}"), format!("a {address}")];
        let mut now = Time::from_seconds(1_000_000);
        for attempt in 1..=10 {
            assert_eq!(guessing.locked_for(&names("ann", "1"), now), None);
            let counted = guessing.wrong(&names("ann", "1"), now);
            assert_eq!(counted == Counted::LocksNow, attempt == 10, "{attempt}");
        }
        let minute = Some(Duration::from_secs(60));
        assert_eq!(guessing.locked_for(&names("ann", "1"), now), minute);
        assert_eq!(guessing.locked_for(&names("ann", "2"), now), minute);
        assert_eq!(guessing.locked_for(&names("bob", "1"), now), minute);
        assert_eq!(guessing.locked_for(&names("bob", "2"), now), None);
        now = now.plus(Duration::from_secs(60));
        assert_eq!(guessing.locked_for(&names("ann", "1"), now), None);
        guessing.wrong(&names("ann", "3"), now);
        let two = Some(Duration::from_secs(120));
        assert_eq!(guessing.locked_for(&names("ann", "1"), now), two);
        for _ in 0..50 {
            guessing.wrong(&names("ann", "3"), now);
        }
        let longest = Some(LOCKED_FOR_MAX);
        assert_eq!(guessing.locked_for(&names("ann", "1"), now), longest);
        guessing.right("u ann");
        assert_eq!(guessing.locked_for(&names("ann", "9"), now), None);
        let later = now.plus(FORGOTTEN_AFTER);
        guessing.wrong(&names("cid", "3"), later);
        assert_eq!(guessing.locked_for(&names("cid", "3"), later), None);
    }

    #[test]
    fn not_more_is_kept_than_there_is_room_for() {
        let guessing = Guessing::default();
        for second in 0..10_050 {
            let now = Time::from_seconds(second);
            guessing.wrong(&[format!("a {second}")], now);
        }
        assert_eq!(guessing.counts().len(), KEPT_MAX);
        assert!(!guessing.counts().contains_key("a 0"));
    }
}
