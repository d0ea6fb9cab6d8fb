//! What a shop that is only watched shows too much of, because something was sold elsewhere.
//!
//! Nothing is written to such a shop, so each sale elsewhere leaves it showing more than can be sold
//! until somebody else lowers it. [`follow`] adds up these units over time, exactly between two changes.
//! A difference that was there before, or that somebody made in the shop, is none of it: what is late
//! is only what a sale took, and whatever lowers the level counts against that first.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ListingId, Quantity, Sku, Time,
    fact::{Event, Fact},
    ids::OrderId,
    offer::Offer,
};

/// A listing that showed more than it should after a sale elsewhere, from then until it did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// Where.
    pub account: AccountId,
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// The decimals of its quantities.
    pub scale: u8,
    /// The order that began it.
    pub order: Option<OrderId>,
    /// Where that was sold.
    pub sold_on: Option<AccountId>,
    /// When that became known.
    pub began_at: Time,
    /// How many sales came to it until it was over.
    pub sales: u32,
    /// How many units it shows too much because of them, now.
    pub units: Quantity,
    /// How many came to it, one with another.
    pub units_sold: Quantity,
    /// Until when it was added up.
    pub until: Time,
    /// Units in the item's smallest unit times milliseconds.
    pub unit_ms: u128,
    /// When it was over.
    pub ended_at: Option<Time>,
}

/// The sale that a decision was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// Which order.
    pub order: Option<OrderId>,
    /// On which account.
    pub account: Option<AccountId>,
}

impl Late {
    /// Adds up until this time.
    #[must_use]
    pub fn counted(mut self, now: Time) -> Late {
        if self.ended_at.is_none() && now > self.until {
            let units = u128::try_from(self.units.or_zero().units()).unwrap_or(0);
            let more = units.saturating_mul(now.since(self.until).as_millis());
            self.unit_ms = self.unit_ms.saturating_add(more);
            self.until = now;
        }
        self
    }

    /// Ends it: from now on nobody watches, or it is over.
    #[must_use]
    pub fn ended(self, now: Time) -> Late {
        let mut late = self.counted(now);
        late.ended_at = Some(late.ended_at.unwrap_or(now));
        late.units = Quantity::ZERO;
        late
    }

    /// What of it would have been left if the level had been lowered after this delay: the same units for
    /// that long at most.
    pub fn unit_ms_with(&self, lag_ms: u64) -> u128 {
        let units = u128::try_from(self.units_sold.or_zero().units()).unwrap_or(0);
        units.saturating_mul(u128::from(lag_ms)).min(self.unit_ms)
    }
}

/// The sale among what a decision recorded: units were promised.
pub fn sale(facts: &[Fact]) -> Option<Sale> {
    let is_sale = |fact: &&Fact| matches!(fact.event, Event::Claimed { .. });
    let sold = facts.iter().find(is_sale)?;
    Some(Sale {
        order: sold.order,
        account: sold.account.clone(),
    })
}

/// What a decision makes of a listing that is late, or was not until now: nothing when it changes
/// nothing.
pub fn follow(
    known: Option<&Late>,
    before: Option<&Offer>,
    after: &Offer,
    sale: Option<&Sale>,
    now: Time,
) -> Option<Late> {
    let was = before.map(Offer::exposure).unwrap_or_default();
    let is = after.exposure();
    let rise = is.minus(was);
    if rise.is_positive() {
        let sale = sale?;
        let wanted = before.and_then(|before| before.wanted)?;
        let fall = wanted.quantity.minus(after.wanted?.quantity).or_zero();
        let units = rise.min(fall);
        return units.is_positive().then(|| {
            let mut late = match known {
                Some(known) => known.clone().counted(now),
                None => begin(after, sale, now),
            };
            late.sales = late.sales.saturating_add(1);
            late.units = late.units.plus(units);
            late.units_sold = late.units_sold.plus(units);
            late
        });
    }
    let known = known.filter(|_| !rise.is_zero())?;
    let mut late = known.clone().counted(now);
    late.units = late.units.plus(rise).or_zero().min(is);
    Some(if late.units.is_positive() {
        late
    } else {
        late.ended(now)
    })
}

fn begin(offer: &Offer, sale: &Sale, now: Time) -> Late {
    Late {
        account: offer.account.clone(),
        listing: offer.listing.clone(),
        sku: offer.sku.clone(),
        scale: offer.scale,
        order: sale.order,
        sold_on: sale.account.clone(),
        began_at: now,
        sales: 0,
        units: Quantity::ZERO,
        units_sold: Quantity::ZERO,
        until: now,
        unit_ms: 0,
        ended_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer::Told;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(1_000 + seconds)
    }

    fn offer(shown: i32, wanted: i32) -> Offer {
        let sku = Sku::new("MUG").expect("a SKU");
        let mut offer = Offer::new("web".into(), "1".into(), sku, 0);
        let told = |units: i32| {
            Some(Told {
                quantity: Quantity::of(units),
                at: at(0),
            })
        };
        (offer.believed, offer.wanted) = (told(shown), told(wanted));
        offer
    }

    /// Steps: seconds, what it shows, what it should show, whether by a sale. What it comes to: units
    /// that are late, unit-seconds so far, and whether it is over.
    fn run(steps: &[(i64, i32, i32, bool)]) -> Vec<Option<(i64, u128, bool)>> {
        let mut before = offer(10, 10);
        let mut late: Option<Late> = None;
        let sale = Sale {
            order: None,
            account: Some("till".into()),
        };
        let mut seen = Vec::new();
        for (second, shown, wanted, is_sale) in steps {
            let after = offer(*shown, *wanted);
            let sale = is_sale.then_some(&sale);
            let known = late.as_ref().filter(|late| late.ended_at.is_none());
            let next = follow(known, Some(&before), &after, sale, at(*second));
            late = next.or(late);
            seen.push(late.as_ref().map(|late| {
                let late = late.clone().counted(at(*second));
                (
                    late.units.units(),
                    late.unit_ms / 1000,
                    late.ended_at.is_some(),
                )
            }));
            before = after;
        }
        seen
    }

    #[test]
    fn a_sale_elsewhere_is_late_until_the_shop_shows_less() {
        assert_eq!(
            run(&[
                (0, 10, 8, true),
                (5, 10, 7, true),
                (10, 9, 7, false),
                (20, 7, 7, false)
            ]),
            [
                Some((2, 0, false)),
                Some((3, 10, false)),
                Some((2, 25, false)),
                Some((0, 45, true))
            ]
        );
    }

    #[test]
    fn what_no_sale_took_is_not_late() {
        for (why, steps) in [
            ("somebody raised the level", vec![(0, 12, 10, false)]),
            ("a person counted less", vec![(0, 10, 4, false)]),
            ("it sold its own unit", vec![(0, 9, 9, true)]),
            (
                "it shows less than it may",
                vec![(0, 5, 10, false), (1, 5, 9, true)],
            ),
        ] {
            let last = run(&steps).pop().flatten();
            assert_eq!(last, None, "{why}");
        }
    }

    #[test]
    fn what_is_given_back_or_lowered_counts_against_what_is_late_first() {
        // A difference of three was there before; a sale makes it four.
        assert_eq!(
            run(&[
                (0, 13, 10, false),
                (10, 13, 9, true),
                (15, 13, 10, false),
                (30, 13, 10, false)
            ]),
            [
                None,
                Some((1, 0, false)),
                Some((0, 5, true)),
                Some((0, 5, true))
            ]
        );
    }

    #[test]
    fn with_our_writes_it_would_have_lasted_as_long_as_they_take() {
        let mut late = begin(
            &offer(10, 9),
            &Sale {
                order: None,
                account: None,
            },
            at(0),
        );
        (late.units, late.units_sold) = (Quantity::of(2), Quantity::of(2));
        let late = late.counted(at(600));
        assert_eq!(late.unit_ms, 1_200_000);
        for (lag_ms, left) in [(60_000, 120_000), (0, 0), (3_600_000, 1_200_000)] {
            assert_eq!(late.unit_ms_with(lag_ms), left);
        }
    }
}
