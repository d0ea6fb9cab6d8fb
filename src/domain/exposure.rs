//! Units at risk as time goes by: added up exactly between two changes, minute by minute.
//!
//! What is at risk changes only when an [`Offer`] does, and every offer that a decision touched is
//! [noted](Ledger::note). So nothing is sampled and no risk of a few seconds is missed; and nothing is
//! read back from history. What was added up is handed out in [`Slice`]s, which whoever keeps them may
//! join to longer ones. Units are millionths here, so that items with other decimals can be added.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{AccountId, Time, book::ListingKey, offer::Offer};

/// The decimals of all units here.
pub const SCALE: u8 = 6;
/// A minute, in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// How far back is added up at most: a program that was away for longer knows nothing of that time.
const BACK_MAX: Duration = Duration::from_secs(48 * 3600);

/// What was at risk in a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Millionths of a unit times milliseconds.
    pub unit_ms: u128,
    /// The most at one moment, in millionths of a unit.
    pub max: u128,
    /// For how much of the span this is known.
    pub known_ms: u64,
}

impl Tally {
    /// Joins what was at risk in another part of the span.
    pub fn join(&mut self, other: &Tally) {
        self.unit_ms = self.unit_ms.saturating_add(other.unit_ms);
        self.max = self.max.max(other.max);
        self.known_ms = self.known_ms.saturating_add(other.known_ms);
    }

    fn add(&mut self, units: u128, ms: u64) {
        self.join(&Tally {
            unit_ms: units.saturating_mul(u128::from(ms)),
            max: units,
            known_ms: ms,
        });
    }
}

/// What was at risk in (a part of) one minute, on one account or on all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// When the minute begins.
    pub minute: Time,
    /// On which account; nothing for all.
    pub account: Option<AccountId>,
    /// How much.
    pub tally: Tally,
}

/// What is at risk now, and what was since it was last handed out.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    listings: BTreeMap<ListingKey, u128>,
    accounts: BTreeMap<AccountId, u128>,
    total: u128,
    until: Option<Time>,
    slices: BTreeMap<(Time, Option<AccountId>), Tally>,
}

impl Ledger {
    /// Begins to add up at this time.
    pub fn begin(&mut self, at: Time) {
        self.until = Some(at);
    }

    /// Until when it was added up.
    pub fn until(&self) -> Option<Time> {
        self.until
    }

    /// Takes in how an offer is since this time.
    pub fn note(&mut self, offer: &Offer, now: Time) {
        let key: ListingKey = (offer.account.clone(), offer.listing.clone());
        let was = self.listings.get(&key).copied().unwrap_or(0);
        let is = millionths(offer);
        if is == was {
            return;
        }
        self.advance(now);
        if is == 0 {
            self.listings.remove(&key);
        } else {
            self.listings.insert(key, is);
        }
        let change = |sum: u128| sum.saturating_sub(was).saturating_add(is);
        let account = self.accounts.entry(offer.account.clone()).or_default();
        *account = change(*account);
        self.total = change(self.total);
        self.add(now, 0);
    }

    /// Adds up until this time. A clock that went back adds nothing until it has caught up.
    pub fn advance(&mut self, now: Time) {
        let mut at = self.until.unwrap_or(now).max(now.minus(BACK_MAX));
        while at < now {
            let next = minute_of(at).plus(Duration::from_millis(MINUTE_MS.unsigned_abs()));
            let end = next.min(now);
            let ms = u64::try_from(end.since(at).as_millis()).unwrap_or(0);
            self.add(at, ms);
            at = end;
        }
        self.until = Some(self.until.unwrap_or(now).max(now));
    }

    fn add(&mut self, at: Time, ms: u64) {
        let minute = minute_of(at);
        let all = self.slices.entry((minute, None)).or_default();
        all.add(self.total, ms);
        for (account, units) in self.accounts.iter().filter(|(_, units)| **units > 0) {
            let slice = (minute, Some(account.clone()));
            self.slices.entry(slice).or_default().add(*units, ms);
        }
    }

    /// Hands out what was at risk until this time and was not handed out before.
    pub fn take(&mut self, now: Time) -> Vec<Slice> {
        self.advance(now);
        let slices = std::mem::take(&mut self.slices).into_iter();
        let slice = |((minute, account), tally)| Slice {
            minute,
            account,
            tally,
        };
        slices.map(slice).collect()
    }

    /// The same without handing it out.
    pub fn look(&self, now: Time) -> Vec<Slice> {
        self.clone().take(now)
    }

    /// Takes back what could not be kept.
    pub fn put_back(&mut self, slices: Vec<Slice>) {
        for slice in slices {
            let kept = self
                .slices
                .entry((slice.minute, slice.account))
                .or_default();
            kept.join(&slice.tally);
        }
    }

    /// What is at risk now on each account, in millionths of a unit.
    pub fn by_account(&self) -> &BTreeMap<AccountId, u128> {
        &self.accounts
    }
}

/// The beginning of the minute in which a time lies.
fn minute_of(at: Time) -> Time {
    start_of(at, Duration::from_millis(MINUTE_MS.unsigned_abs()))
}

/// The beginning of the span of this length, counted from the epoch, in which a time lies.
pub fn start_of(at: Time, span: Duration) -> Time {
    let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX).max(1);
    let into = at.millis().checked_rem_euclid(span).unwrap_or(0);
    Time::from_millis(at.millis().saturating_sub(into))
}

fn millionths(offer: &Offer) -> u128 {
    let units = u128::try_from(offer.exposure().units()).unwrap_or(0);
    let decimals = u32::from(SCALE.saturating_sub(offer.scale));
    units.saturating_mul(10_u128.saturating_pow(decimals))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Quantity, Sku, offer::Told};

    const UNIT: u128 = 1_000_000;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(6_000 + seconds)
    }

    fn offer(account: &str, at_risk: i32, scale: u8) -> Offer {
        let sku = Sku::new("MUG").expect("a SKU");
        let mut offer = Offer::new(account.into(), "1".into(), sku, scale);
        let told = |units: i32| {
            Some(Told {
                quantity: Quantity::of(units),
                at: Time::EPOCH,
            })
        };
        (offer.wanted, offer.believed) = (told(2), told(2 + at_risk));
        offer
    }

    #[test]
    fn what_is_at_risk_is_added_up_exactly_and_minute_by_minute() {
        let mut ledger = Ledger::default();
        ledger.begin(at(0));
        ledger.note(&offer("web", 3, 0), at(50));
        ledger.note(&offer("till", 25, 1), at(58));
        ledger.note(&offer("till", 0, 1), at(59));
        ledger.note(&offer("web", 0, 0), at(65));
        let slice = |minute, account: Option<&str>, unit_s: u128, max: u128, known_s: u64| Slice {
            minute: at(minute),
            account: account.map(AccountId::new),
            tally: Tally {
                unit_ms: unit_s * 100_000_000,
                max: max * 100_000,
                known_ms: known_s * 1000,
            },
        };
        // Tenths of units and of unit-seconds.
        let expected = [
            slice(0, None, 325, 55, 60),
            slice(0, Some("till"), 25, 25, 1),
            slice(0, Some("web"), 300, 30, 10),
            slice(60, None, 150, 30, 10),
            slice(60, Some("web"), 150, 30, 5),
        ];
        assert_eq!(ledger.look(at(70)), expected);
        let taken = ledger.take(at(70));
        assert_eq!(taken, expected);
        ledger.put_back(taken);
        assert_eq!(ledger.take(at(70)), expected);
        assert_eq!(ledger.take(at(70)), []);
    }

    #[test]
    fn a_risk_of_no_time_is_seen_and_a_clock_that_goes_back_counts_nothing_twice() {
        let mut ledger = Ledger::default();
        ledger.begin(at(10));
        ledger.note(&offer("web", 4, 0), at(20));
        ledger.note(&offer("web", 0, 0), at(20));
        ledger.note(&offer("web", 1, 0), at(12));
        let all = ledger.take(at(21)).into_iter().next().expect("a minute");
        let known_ms = 11_000;
        let (unit_ms, max) = (UNIT * 1000, UNIT * 4);
        assert_eq!(
            all.tally,
            Tally {
                unit_ms,
                max,
                known_ms
            }
        );
    }

    #[test]
    fn a_long_absence_is_not_known() {
        let mut ledger = Ledger::default();
        ledger.begin(Time::EPOCH);
        let slices = ledger.take(Time::from_seconds(1_800_000_000));
        assert_eq!(slices.len(), 48 * 60);
    }
}
