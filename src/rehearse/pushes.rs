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
use engine::rows::{self, prefix};
use sandbox::Truth;
use store::Memory;

use crate::{
    findings::{Checker, Findings},
    rows::Rows,
};

/// How long a round of writing takes. What was given back while one was under way is not in it.
const ROUND_LASTS: Duration = Duration::from_secs(1);
/// How long a level may be looked into before what it is to show is written.
const DOUBTS_LAST: Duration = Duration::from_secs(60);

/// Remembers when each account last began to send.
#[derive(Debug, Default)]
pub struct Pushes {
    started: BTreeMap<AccountId, Time>,
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
                    quantity, expected, ..
                },
            ) = (&fact.account, &fact.event)
            {
                let rises = expected.is_some_and(|expected| *quantity > expected);
                let (_, any) = began.entry(account).or_insert((fact.at, false));
                *any |= rises;
            }
        }
        for (account, (at, rises)) in began {
            let before = self.started.insert(account.clone(), at);
            let Some(before) = before.filter(|_| rises) else {
                continue;
            };
            found.look(Checker::FallsFirst, 1);
            let offers = Rows(memory).all::<Offer>(rows::OFFERS, &prefix(&[account.as_str()]));
            let late = offers.iter().find(|offer| waits_to_fall(offer, before));
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

fn waits_to_fall(offer: &Offer, since_before: Time) -> bool {
    let (Some(wanted), Some(believed)) = (offer.wanted, offer.believed) else {
        return false;
    };
    // What showed something else than we believed when it was last read is looked into first, and falls
    // as soon as it can.
    let later = offer.read_back.filter(|read| read.at > believed.at);
    let is_in_doubt = later.is_some_and(|read| read.at.plus(DOUBTS_LAST) > since_before);
    if offer.is_doubted || is_in_doubt {
        return false;
    }
    // It falls since it is wanted, since that is believed to stand there, and since the two differ.
    let since = [Some(wanted.at), Some(believed.at), offer.due_since];
    offer.is_due()
        && offer.attempt.is_none()
        && wanted.quantity < believed.quantity
        && since.into_iter().flatten().max() < Some(since_before.minus(ROUND_LASTS))
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
