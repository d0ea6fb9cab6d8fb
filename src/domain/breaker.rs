//! The breaker: what a channel may say, and what we may write, before a person looks at it.
//!
//! It trips when many listings of an account jump or fall to zero at once and no order explains it: a
//! shop that lost its stock table, or a bad file of counts here. While the side of the source is
//! tripped, differences of that account are neither repaired nor taken; while the side of our writes
//! is, zeroes that no order caused are not sent. It never stops what a sale causes, and only a person
//! lifts it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ListingId, Quantity, Time,
    offer::{Offer, Ratio},
};

/// When it trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRule {
    /// At fewer listings than this it never does.
    pub listings_min: u32,
    /// It does when at least this part of an account's listings is concerned.
    pub share: Ratio,
    /// What happens within this time counts as at once.
    pub window: Duration,
}

impl Default for BreakerRule {
    fn default() -> BreakerRule {
        BreakerRule {
            listings_min: 10,
            share: Ratio {
                numerator: 1,
                denominator: 5,
            },
            window: Duration::from_secs(900),
        }
    }
}

impl BreakerRule {
    /// Whether so many of all the listings of an account are too many at once.
    pub fn is_too_many(&self, concerned: usize, all: usize) -> bool {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let above = count(concerned).saturating_mul(u64::from(self.share.denominator));
        let below = count(all).saturating_mul(u64::from(self.share.numerator));
        count(concerned) >= u64::from(self.listings_min) && above >= below
    }
}

/// Which side of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What it shows.
    Source,
    /// What we write to it.
    Writes,
}

impl Side {
    /// Both.
    pub const ALL: [Side; 2] = [Side::Source, Side::Writes];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Writes => "writes",
        }
    }
}

/// That it tripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// When.
    pub at: Time,
    /// How many listings were concerned.
    pub listings: usize,
    /// How many the account has.
    pub of: usize,
}

/// The breaker of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Which account.
    pub account: AccountId,
    /// Since when what it shows is not taken.
    pub source: Option<Trip>,
    /// Since when our zeroes are not written.
    pub writes: Option<Trip>,
    /// Listings whose level jumped lately, each with the last time.
    pub jumps: BTreeMap<ListingId, Time>,
    /// Listings that were lately to be set to zero by no order.
    pub zeroes: BTreeMap<ListingId, Time>,
    /// Zeroes that were wished before this were confirmed by a person.
    pub confirmed_at: Option<Time>,
}

impl Breaker {
    /// One that never tripped.
    pub fn new(account: AccountId) -> Breaker {
        Breaker {
            account,
            source: None,
            writes: None,
            jumps: BTreeMap::new(),
            zeroes: BTreeMap::new(),
            confirmed_at: None,
        }
    }

    /// Since when a side is tripped.
    pub fn trip(&self, side: Side) -> Option<Trip> {
        match side {
            Side::Source => self.source,
            Side::Writes => self.writes,
        }
    }

    /// Counts what happened to these listings, and trips when it was too much. Says whether it did.
    pub fn weigh(
        &mut self,
        side: Side,
        listings: &[ListingId],
        all: usize,
        rule: &BreakerRule,
        now: Time,
    ) -> bool {
        let (trip, recent) = match side {
            Side::Source => (&mut self.source, &mut self.jumps),
            Side::Writes => (&mut self.writes, &mut self.zeroes),
        };
        let since = now.minus(rule.window);
        recent.retain(|_, at| *at >= since);
        recent.extend(listings.iter().map(|listing| (listing.clone(), now)));
        if trip.is_some() || !rule.is_too_many(recent.len(), all) {
            return false;
        }
        *trip = Some(Trip {
            at: now,
            listings: recent.len(),
            of: all,
        });
        true
    }

    /// A person has looked: what is wished by now may be written, and what is shown from now on counts.
    pub fn lift(&mut self, side: Side, now: Time) {
        match side {
            Side::Source => {
                self.source = None;
                self.jumps.clear();
            }
            Side::Writes => {
                self.writes = None;
                self.zeroes.clear();
                self.confirmed_at = Some(now);
            }
        }
    }

    /// Whether a zero of ours is one that a person has not confirmed, and no order caused.
    pub fn minds(&self, offer: &Offer) -> bool {
        let is_zero = offer.wanted.is_some_and(|told| told.quantity.is_zero());
        let shows_some = offer
            .believed
            .is_none_or(|told| told.quantity.is_positive());
        let is_unconfirmed = offer
            .zeroed_at
            .is_some_and(|at| self.confirmed_at.is_none_or(|confirmed| at > confirmed));
        is_zero && shows_some && is_unconfirmed && offer.attempt.is_none()
    }
}

/// Whether a level went to zero, or changed by more than half.
pub fn is_jump(from: Quantity, to: Quantity) -> bool {
    let by = to.minus(from).units().unsigned_abs();
    by > 0 && by.saturating_mul(2) > from.units().unsigned_abs()
}

/// Why nothing is written to a listing until a person says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// By which side.
    pub side: Side,
    /// Since when.
    pub at: Time,
    /// What it should have shown then.
    pub wanted: Option<Quantity>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listings(from: usize, to: usize) -> Vec<ListingId> {
        (from..to).map(|n| ListingId::new(n.to_string())).collect()
    }

    #[test]
    fn few_listings_or_a_small_part_never_trip_it() {
        let rule = BreakerRule::default();
        for (concerned, all, is_too_many) in [
            (9, 9, false),
            (10, 10, true),
            (10, 50, true),
            (10, 51, false),
            (11, 51, true),
            (0, 0, false),
            (1999, 10_000, false),
            (2000, 10_000, true),
        ] {
            assert_eq!(
                rule.is_too_many(concerned, all),
                is_too_many,
                "{concerned} of {all}"
            );
        }
    }

    #[test]
    fn a_jump_is_a_change_by_more_than_half() {
        for (from, to, is) in [
            (10, 0, true),
            (10, 4, true),
            (10, 5, false),
            (10, 15, false),
            (10, 16, true),
            (0, 1, true),
            (1, 0, true),
            (0, 0, false),
        ] {
            assert_eq!(
                is_jump(Quantity::of(from), Quantity::of(to)),
                is,
                "{from} {to}"
            );
        }
    }

    #[test]
    fn what_happens_within_the_window_counts_as_at_once() {
        let rule = BreakerRule::default();
        let mut breaker = Breaker::new(AccountId::new("web"));
        let at = Time::from_seconds;
        assert!(!breaker.weigh(Side::Source, &listings(0, 9), 40, &rule, at(0)));
        // The first nine are forgotten by now.
        assert!(!breaker.weigh(Side::Source, &listings(9, 15), 40, &rule, at(1000)));
        assert!(!breaker.weigh(Side::Source, &listings(12, 17), 40, &rule, at(1800)));
        assert!(breaker.weigh(Side::Source, &listings(17, 20), 40, &rule, at(1850)));
        assert_eq!(
            breaker.source.map(|trip| (trip.listings, trip.of)),
            Some((11, 40))
        );
        assert!(!breaker.weigh(Side::Source, &listings(20, 40), 40, &rule, at(1860)));
        assert_eq!(breaker.writes, None);
        breaker.lift(Side::Source, at(1900));
        assert!(!breaker.weigh(Side::Source, &listings(0, 1), 40, &rule, at(1901)));
    }
}
