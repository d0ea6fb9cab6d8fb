//! Whether levels are sent as they must be: what falls goes first, and what is replaced is what was
//! believed to stand there.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    AccountId, ListingId, Quantity, Sku, Time,
    fact::{Event, Fact},
    offer::{Listing, Offer, Told},
};
use engine::{
    lanes::RISES_WAIT,
    rows::{self, prefix},
};
use sandbox::Truth;
use store::Memory;

use crate::{
    findings::{Checker, Findings},
    rows::Rows,
};

/// How long a round of writing takes, and how long a shop may hold it up by saying that there were too many
/// calls. What was given back while one was under way is not in it.
const ROUND_LASTS: Duration = Duration::from_secs(1 + 2);
/// How long a level may be looked into before what it is to show is written.
const DOUBTS_LAST: Duration = Duration::from_secs(60);

/// Remembers when each account last began to send, and what was to fall there at that moment.
#[derive(Debug, Default)]
pub struct Pushes {
    started: BTreeMap<AccountId, Start>,
}

#[derive(Debug)]
struct Start {
    at: Time,
    to_fall: BTreeSet<ListingId>,
}

impl Pushes {
    /// Looks at the facts of one commit. A level that was to fall before its account last began to send
    /// was there to be seen when it looked what to send now, and must not stand behind one that rises.
    pub fn look(&mut self, memory: &Memory, facts: &[&Fact], found: &mut Findings) {
        let mut began: BTreeMap<&AccountId, (Time, bool)> = BTreeMap::new();
        for fact in facts {
            if let (
                Some(account),
                Event::PushStarted {
                    listing,
                    quantity,
                    expected,
                    ..
                },
            ) = (&fact.account, &fact.event)
            {
                let rises = expected.is_some_and(|expected| *quantity > expected)
                    && !has_waited(memory, account, listing, fact.at);
                let (_, any) = began.entry(account).or_insert((fact.at, false));
                *any |= rises;
            }
        }
        for (account, (at, rises)) in began {
            let offers = Rows(memory).all::<Offer>(rows::OFFERS, &prefix(&[account.as_str()]));
            // A level is read earlier than its answer arrives: what is known now need not have been
            // known then, whatever its times say. Nor was what was looked into, though it is explained by now.
            let to_fall = offers
                .iter()
                .filter(|offer| is_to_fall(offer) && !is_looked_into(offer, at));
            let to_fall = to_fall.map(|offer| offer.listing.clone()).collect();
            let start = self.started.insert(account.clone(), Start { at, to_fall });
            let Some(Start {
                at: before,
                to_fall,
            }) = start.filter(|_| rises)
            else {
                continue;
            };
            found.look(Checker::FallsFirst, 1);
            let mut known = offers
                .iter()
                .filter(|offer| to_fall.contains(&offer.listing));
            let late = known.find(|offer| waits_to_fall(offer, before));
            if let Some(offer) = late {
                let sku = &offer.sku;
                let told = |told: Option<Told>| {
                    let told = told.map(|told| format!("{} at {}", told.quantity, told.at));
                    told.unwrap_or_default()
                };
                let sentence = format!(
                    "P6: on {account} a level rises at {at}, and that of {sku} waits to fall since before \
                     {before}: wanted {}, believed {}, read {}",
                    told(offer.wanted),
                    told(offer.believed),
                    told(offer.read_back)
                );
                found.add(Checker::FallsFirst, sentence);
            }
        }
    }
}

/// Whether a rise has waited as long as one must for falls.
fn has_waited(memory: &Memory, account: &AccountId, listing: &ListingId, now: Time) -> bool {
    let offers = Rows(memory).all::<Offer>(rows::OFFERS, &prefix(&[account.as_str()]));
    let mut offers = offers.iter();
    let since = offers
        .find(|offer| offer.listing == *listing)
        .and_then(|offer| offer.due_since);
    since.is_some_and(|since| now.since(since) >= RISES_WAIT)
}

fn is_to_fall(offer: &Offer) -> bool {
    let levels = offer.wanted.zip(offer.believed);
    levels.is_some_and(|(wanted, believed)| wanted.quantity < believed.quantity)
        && offer.is_due()
        && offer.attempt.is_none()
}

/// What showed something else than we believed when it was last read is looked into first, and falls as soon
/// as it can.
fn is_looked_into(offer: &Offer, at: Time) -> bool {
    // What was acknowledged and what was read may come in one moment.
    let is_acknowledged = |told: Told| offer.acknowledged.is_some_and(|last| last.at == told.at);
    let differs = |believed: Told| {
        offer.read_back.filter(|read| {
            let is_beside = read.at == believed.at && is_acknowledged(believed);
            read.at > believed.at || is_beside && read.quantity != believed.quantity
        })
    };
    let later = offer.believed.and_then(differs);
    offer.is_doubted || later.is_some_and(|read| read.at.plus(DOUBTS_LAST) > at)
}

fn waits_to_fall(offer: &Offer, since_before: Time) -> bool {
    let (Some(wanted), Some(believed)) = (offer.wanted, offer.believed) else {
        return false;
    };
    if is_looked_into(offer, since_before) {
        return false;
    }
    // It falls since it is wanted, since that is believed to stand there, and since the two differ.
    let since = [Some(wanted.at), Some(believed.at), offer.due_since];
    is_to_fall(offer) && since.into_iter().flatten().max() < Some(since_before.minus(ROUND_LASTS))
}

/// Every level that was written to a shop which compares replaced the one that we believed: somebody
/// else's change is never written over unseen.
pub fn check_replaced(
    memory: &Memory,
    facts: &[Fact],
    truths: &BTreeMap<AccountId, Truth>,
    compares: &BTreeSet<AccountId>,
    found: &mut Findings,
) {
    let sku_of: BTreeMap<(AccountId, ListingId), Sku> = Rows(memory)
        .scan::<Listing>(rows::LISTINGS, b"")
        .into_iter()
        .filter_map(|(_, listing)| Some(((listing.account, listing.listing), listing.sku?)))
        .collect();
    let mut meant: BTreeSet<(&AccountId, &Sku, Quantity, Quantity)> = BTreeSet::new();
    for fact in facts {
        if let (
            Some(account),
            Event::PushStarted {
                listing,
                quantity,
                expected: Some(expected),
                ..
            },
        ) = (&fact.account, &fact.event)
            && let Some(sku) = sku_of.get(&(account.clone(), listing.clone()))
        {
            meant.insert((account, sku, *expected, *quantity));
        }
    }
    for account in compares {
        let writes = truths.get(account).map(|truth| &truth.level_writes);
        for write in writes.into_iter().flatten() {
            found.look(Checker::Replaced, 1);
            let units = |units| Quantity::new(units).unwrap_or_default();
            let (from, to) = (units(write.from), units(write.to));
            if !meant.contains(&(account, &write.sku, from, to)) {
                let sku = &write.sku;
                let sentence = format!(
                    "P6: {account} had {from} of {sku} replaced by {to}, which was never meant"
                );
                found.add(Checker::Replaced, sentence);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_somebody_else_wrote_is_looked_into_even_if_it_was_read_as_ours_was_taken() {
        let at = Time::from_seconds(1_000);
        let told = |units: i64, at: Time| {
            let quantity = Quantity::new(units).expect("a few");
            Some(Told { quantity, at })
        };
        let sku: Sku = "MUG".parse().expect("a SKU");
        let (account, listing) = (AccountId::new("shop"), ListingId::new("1"));
        let mut offer = Offer::new(account, listing, sku, 0);
        (offer.acknowledged, offer.believed) = (told(26, at), told(26, at));
        for (read, is_so) in [
            (told(28, at), true),
            (told(26, at), false),
            (told(28, at.plus(Duration::from_millis(1))), true),
            (told(28, at.minus(Duration::from_millis(1))), false),
            (None, false),
        ] {
            offer.read_back = read;
            assert_eq!(is_looked_into(&offer, at), is_so, "{read:?}");
        }
        // It was read, and then something was sold: nothing to look into.
        (offer.believed, offer.read_back) = (told(26, at), told(28, at));
        offer.acknowledged = told(28, at.minus(DOUBTS_LAST));
        assert!(!is_looked_into(&offer, at));
        // Looking into it takes no longer than that.
        (offer.acknowledged, offer.read_back) = (told(26, at), told(28, at));
        assert!(!is_looked_into(&offer, at.plus(DOUBTS_LAST)));
    }
}
