//! Levels in doubt: what a channel shows is neither what we believe nor what we may have written, so it
//! sold, or somebody edited, what we have not seen.
//!
//! Finding out means reading orders, which takes calls that other levels must not wait for. So the lane of
//! levels leaves such listings to this one, and gets them back once they are explained. A listing is with
//! one of the two at any time. What is left here is not kept over a restart: it is read again then.
//!
//! An order may be placed and not listed yet. Until it must be, a level that stays the same is neither
//! drift nor written over: that could offer once more what was just sold. Only a fall does not wait, and
//! is written from here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use domain::{
    Decimal, ListingId, Time,
    decide::Authority,
    offer::Offer,
    signal::{Checks, Reading, Signal},
    snapshot::LevelSnapshot,
};
use store::StoreError;

use super::{Round, after_idle};
use crate::{
    Engine,
    account::Account,
    decider::DecideError,
    ports::quota::{urgent, usual},
    reading::{
        poll::PollError,
        reconcile::{Doubt, Doubted, Suspects, Unexplained, doubted},
    },
};

/// How often a level is read again while its order may not be listed yet.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The listings of an account that are in doubt.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: BTreeMap<ListingId, Waiting>,
    /// What is being explained, with what it showed.
    in_hand: BTreeMap<ListingId, Option<Decimal>>,
    /// What is being written from here.
    written: BTreeSet<ListingId>,
}

impl State {
    fn is_busy(&self, listing: &ListingId) -> bool {
        self.in_hand.contains_key(listing) || self.written.contains(listing)
    }
}

/// A doubt that is still to be explained.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    doubt: Doubt,
    /// Not before this time.
    at: Time,
    /// Whether orders were read for it and explained nothing.
    is_early: bool,
}

impl Waiting {
    fn fresh(doubt: Doubt) -> Waiting {
        Waiting {
            doubt,
            at: doubt.since,
            is_early: false,
        }
    }
}

/// Listings that are being explained, until this is dropped.
struct InHand<'a> {
    doubts: &'a Doubts,
    waited: BTreeMap<ListingId, Waiting>,
}

/// Listings that must fall.
#[derive(Debug, Default)]
pub(super) struct Falls {
    /// They show less than we believe: most likely some were sold. They are written at once.
    pub(super) after_sales: Suspects,
    /// They show more, which no sale does: why is found out first, as fast as can be.
    others: Suspects,
}

/// Whether a listing shows what is believed by now: somebody else explained it since it was left here.
pub(super) fn is_as_believed(offer: &Offer, shown: Option<Decimal>) -> bool {
    let shown = shown.and_then(|shown| shown.to_quantity(offer.scale).ok());
    let believed = offer.believed.map(|believed| believed.quantity);
    !offer.is_doubted && shown.is_some() && shown == believed
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fall {
    AfterSale,
    Other,
}

/// How a listing must fall that shows this, if it must.
fn fall_of(offer: &Offer, shown: Option<Decimal>) -> Option<Fall> {
    let shown = shown?.to_quantity(offer.scale).ok()?;
    if !offer.is_due() || offer.wanted?.quantity >= shown {
        return None;
    }
    let was_sold = offer
        .believed
        .is_some_and(|believed| shown < believed.quantity);
    Some(if was_sold {
        Fall::AfterSale
    } else {
        Fall::Other
    })
}

impl Doubts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// Leaves listings to be explained.
    pub(crate) fn leave(&self, doubted: Doubted) {
        let mut state = self.state();
        for (listing, doubt) in doubted {
            state.waiting.insert(listing, Waiting::fresh(doubt));
        }
    }

    /// Leaves listings to be looked at again.
    fn leave_early(&self, doubted: Doubted, at: Time) {
        let mut state = self.state();
        for (listing, doubt) in doubted {
            let fresh = Waiting::fresh(doubt);
            let is_early = true;
            let early = Waiting {
                at,
                is_early,
                ..fresh
            };
            state.waiting.insert(listing, early);
        }
    }

    /// Forgets those that turned out to be as we believe, whoever read that.
    pub(crate) fn dismiss<'a>(&self, listings: impl Iterator<Item = &'a ListingId>) {
        let mut state = self.state();
        for listing in listings {
            state.waiting.remove(listing);
            state.in_hand.remove(listing);
        }
    }

    /// Whether the lane of levels must leave a listing alone. One that is to be explained and was since, or
    /// came to fall after a sale, is given back; the latter where falls need no explanation.
    pub(super) fn keep(&self, offer: &Offer, may_fall: bool) -> bool {
        let mut state = self.state();
        if state.written.contains(&offer.listing) {
            return true;
        }
        if let Some(shown) = state.in_hand.get(&offer.listing) {
            if !is_as_believed(offer, *shown) {
                return true;
            }
            state.in_hand.remove(&offer.listing);
        }
        let Some(waiting) = state.waiting.get(&offer.listing) else {
            return false;
        };
        let shown = waiting.doubt.shown;
        let falls = may_fall && fall_of(offer, shown) == Some(Fall::AfterSale);
        let is_over = falls || is_as_believed(offer, shown);
        if is_over {
            state.waiting.remove(&offer.listing);
        }
        !is_over
    }

    /// Whether a listing is to be explained, or is just being.
    pub(crate) fn has(&self, listing: &ListingId) -> bool {
        let state = self.state();
        state.waiting.contains_key(listing) || state.is_busy(listing)
    }

    /// Gives listings back to the lane of levels, unless they are just being written.
    fn let_go<'a>(&self, listings: impl IntoIterator<Item = &'a ListingId>) {
        let mut state = self.state();
        for listing in listings {
            state.in_hand.remove(listing);
        }
    }

    /// Keeps those that are still in hand for writing, until they are let go of as well.
    fn begin_writing(&self, listings: &mut Suspects) {
        let mut state = self.state();
        listings.retain(|listing, _| state.in_hand.contains_key(listing));
        state.written.extend(listings.keys().cloned());
    }

    /// Gives back what was written.
    fn end_writing(&self, listings: &[ListingId]) {
        let mut state = self.state();
        for listing in listings {
            state.written.remove(listing);
            state.in_hand.remove(listing);
        }
    }

    /// Those that are still in hand.
    fn still_in_hand(&self, listings: &mut Doubted) {
        let state = self.state();
        listings.retain(|listing, _| state.in_hand.contains_key(listing));
    }

    /// Takes some in hand whose time has come; otherwise says when that is.
    fn take(&self, limit: usize, now: Time) -> Result<InHand<'_>, Option<Time>> {
        let mut state = self.state();
        let ready = state
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.at <= now);
        let ready: Vec<ListingId> = ready.map(|(id, _)| id.clone()).take(limit).collect();
        if ready.is_empty() {
            return Err(state.waiting.values().map(|waiting| waiting.at).min());
        }
        let mut waited = BTreeMap::new();
        for listing in ready {
            if let Some(waiting) = state.waiting.remove(&listing) {
                let shown = waiting.doubt.shown;
                state.in_hand.insert(listing.clone(), shown);
                waited.insert(listing, waiting);
            }
        }
        let doubts = self;
        Ok(InHand { doubts, waited })
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        let mut state = self.doubts.state();
        state.written.clear();
        for listing in self.waited.keys() {
            state.in_hand.remove(listing);
        }
    }
}

impl Engine {
    /// Explains listings that the lane of levels left. Only writing is urgent: who asks for orders waits
    /// for the levels of others.
    pub(super) async fn settle_doubts(&self, account: &Account) -> Result<Round, PollError> {
        let now = self.ports.clock.now();
        let in_hand = match account
            .doubts
            .take(account.descriptor().push_batch_max, now)
        {
            Ok(in_hand) => in_hand,
            Err(next_at) => return Ok(Round::Rest(next_at.unwrap_or(after_idle(&self.ports)))),
        };
        let result = self.settle_in_hand(account, &in_hand.waited).await;
        drop(in_hand);
        account.wake_levels.notify_one();
        result.map(|()| Round::More)
    }

    async fn settle_in_hand(
        &self,
        account: &Account,
        waited: &BTreeMap<ListingId, Waiting>,
    ) -> Result<(), PollError> {
        let doubts = waited.iter();
        let doubts = doubts.map(|(listing, waiting)| (listing.clone(), waiting.doubt));
        let mut doubts: Doubted = doubts.collect();
        let offers = doubts.keys().cloned().collect::<Vec<_>>();
        let known = self.offers_of(account, &offers).await?.into_iter();
        let known = known.filter(|offer| {
            let doubt = doubts.get(&offer.listing);
            doubt.is_some_and(|doubt| is_as_believed(offer, doubt.shown))
        });
        let known: Vec<ListingId> = known.map(|offer| offer.listing).collect();
        self.give_back(account, &known);
        doubts.retain(|listing, _| !known.contains(listing));
        let falls = self.falls_of(account, &doubts).await?;
        self.write(account, falls.after_sales).await?;
        let mut open: Doubted = doubts;
        account.doubts.still_in_hand(&mut open);
        let open = waited
            .iter()
            .filter(|(listing, _)| open.contains_key(*listing));
        let open: BTreeMap<&ListingId, &Waiting> = open.collect();
        let explaining = self.explain_again(account, &open);
        let Unexplained { moving, early } = if falls.others.is_empty() {
            usual(explaining).await?
        } else {
            urgent(explaining).await?
        };
        // It will not stay the same, or must fall, and what it must show cannot wait for that.
        let falls = self.falls_of(account, &early).await?;
        let mut shown = falls.others;
        shown.extend(falls.after_sales);
        let mut early = early;
        early.retain(|listing, _| !shown.contains_key(listing));
        account.doubts.still_in_hand(&mut early);
        let at = self.ports.clock.now().plus(LOOK_EVERY);
        account.doubts.leave_early(early, at);
        shown.extend(moving);
        self.write(account, shown).await
    }

    /// Starts from what listings show: those that must fall are written, the others are given back.
    async fn write(&self, account: &Account, shown: Suspects) -> Result<(), PollError> {
        let mut shown = shown;
        account.doubts.begin_writing(&mut shown);
        if shown.is_empty() {
            return Ok(());
        }
        let listings: Vec<ListingId> = shown.keys().cloned().collect();
        self.start_from(account, shown).await?;
        let falls = self.offers_of(account, &listings).await?.into_iter();
        let falls = falls.filter(|offer| {
            let both = offer.wanted.zip(offer.believed);
            both.is_some_and(|(wanted, believed)| wanted.quantity < believed.quantity)
        });
        let falls = falls.map(|offer| offer.listing).collect();
        urgent(self.push_ready(account, falls, None)).await?;
        account.doubts.end_writing(&listings);
        account.wake_levels.notify_one();
        Ok(())
    }

    /// Explains levels. For those whose orders were read already, only the level is read until all that
    /// was placed before must be listed.
    async fn explain_again(
        &self,
        account: &Account,
        waited: &BTreeMap<&ListingId, &Waiting>,
    ) -> Result<Unexplained, PollError> {
        let now = self.ports.clock.now();
        let is_early = |waiting: &Waiting| {
            waiting.is_early && waiting.doubt.since.plus(account.orders_lag()) > now
        };
        let (to_look, to_explain): (Vec<_>, Vec<_>) =
            waited.iter().partition(|(_, waiting)| is_early(waiting));
        let mut open: Doubted = to_explain
            .into_iter()
            .map(|(listing, waiting)| ((*listing).clone(), waiting.doubt))
            .collect();
        let mut early = Doubted::new();
        if !to_look.is_empty() {
            let listings: Vec<ListingId> = to_look.iter().map(|(id, _)| (**id).clone()).collect();
            let differing = self.look(account, &listings).await?;
            let is_known = |listing: &&ListingId| !differing.contains_key(*listing);
            let known: Vec<ListingId> = listings.iter().filter(is_known).cloned().collect();
            self.give_back(account, &known);
            for (listing, shown) in differing {
                let known = waited.get(&listing).map(|waiting| waiting.doubt);
                match known.filter(|doubt| doubt.shown == shown) {
                    Some(doubt) => drop(early.insert(listing, doubt)),
                    None => open.extend(doubted(Suspects::from([(listing, shown)]), now)),
                }
            }
        }
        let give_back = |listings: &[ListingId]| self.give_back(account, listings);
        let mut unexplained = self.explain_levels(account, open, &give_back).await?;
        unexplained.early.extend(early);
        Ok(unexplained)
    }

    /// Lets the lane of levels have what is explained, without waiting for what is not.
    fn give_back(&self, account: &Account, listings: &[ListingId]) {
        if !listings.is_empty() {
            account.doubts.let_go(listings);
            account.wake_levels.notify_one();
        }
    }

    /// Those that must fall by our book, whatever explains what they show: a fall offers nothing once
    /// more. None where the shop decides about stock, because there what it shows must be understood.
    pub(super) async fn falls_of(
        &self,
        account: &Account,
        doubts: &Doubted,
    ) -> Result<Falls, StoreError> {
        let mut falls = Falls::default();
        if !self.may_fall(account) {
            return Ok(falls);
        }
        let listings: Vec<ListingId> = doubts.keys().cloned().collect();
        for offer in self.offers_of(account, &listings).await? {
            let shown = doubts.get(&offer.listing).and_then(|doubt| doubt.shown);
            match fall_of(&offer, shown) {
                Some(Fall::AfterSale) => drop(falls.after_sales.insert(offer.listing, shown)),
                Some(Fall::Other) => drop(falls.others.insert(offer.listing, shown)),
                None => {}
            }
        }
        Ok(falls)
    }

    /// Whether what must fall by our book may be written before what it shows is explained.
    pub(super) fn may_fall(&self, account: &Account) -> bool {
        let policy = self.decider.policy();
        let terms = policy.accounts.get(&account.id);
        terms.is_some_and(|terms| terms.authority == Authority::Ledger)
    }

    pub(super) async fn start_from(
        &self,
        account: &Account,
        shown: Suspects,
    ) -> Result<(), DecideError> {
        let level = |(listing, level)| LevelSnapshot {
            listing,
            level,
            changed_at: None,
        };
        let signal = Signal::Levels {
            account: account.id.clone(),
            levels: shown.into_iter().map(level).collect(),
            read_at: self.ports.clock.now(),
            reading: Reading::BeforePush,
            checks: Checks::default(),
        };
        self.decide(signal).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(text: &str) -> ListingId {
        ListingId::new(text)
    }

    fn seen(ids: &[&str], at: i64) -> Doubted {
        let suspects = ids.iter().map(|id| (listing(id), None)).collect();
        doubted(suspects, Time::from_seconds(at))
    }

    #[test]
    fn a_listing_stays_in_doubt_until_it_is_let_go() {
        let (doubts, now) = (Doubts::default(), Time::from_seconds(9));
        assert_eq!(doubts.take(9, now).err(), Some(None));
        doubts.leave(seen(&["a", "b", "c"], 9));
        let in_hand = doubts.take(2, now).expect("two of three");
        assert_eq!(in_hand.waited.len(), 2);
        assert!(["a", "b", "c"].iter().all(|id| doubts.has(&listing(id))));
        // Left once more while it is in hand, it is looked at once more.
        doubts.leave(seen(&["a"], 9));
        doubts.dismiss([listing("b")].iter());
        let mut still = seen(&["a", "b"], 9);
        doubts.still_in_hand(&mut still);
        assert_eq!(still, seen(&["a"], 9));
        drop(in_hand);
        let is_in_doubt = ["a", "b", "c"].map(|id| doubts.has(&listing(id)));
        assert_eq!(is_in_doubt, [true, false, true]);
        drop(doubts.take(9, now));
        assert!(!doubts.has(&listing("a")) && !doubts.has(&listing("c")));
    }

    #[test]
    fn what_is_being_written_is_not_let_go() {
        let (doubts, now) = (Doubts::default(), Time::from_seconds(9));
        doubts.leave(seen(&["a", "b"], 9));
        let in_hand = doubts.take(9, now).expect("both");
        doubts.dismiss([listing("b")].iter());
        let mut to_write: Suspects = ["a", "b"].map(|id| (listing(id), None)).into();
        doubts.begin_writing(&mut to_write);
        assert_eq!(to_write.into_keys().collect::<Vec<_>>(), [listing("a")]);
        doubts.dismiss([listing("a")].iter());
        assert!(doubts.has(&listing("a")), "two would write it");
        doubts.end_writing(&[listing("a")]);
        assert!(!doubts.has(&listing("a")));
        drop(in_hand);
    }

    #[test]
    fn what_was_explained_elsewhere_is_given_back() {
        let (doubts, now) = (Doubts::default(), Time::from_seconds(9));
        let sku = domain::Sku::new("MUG").expect("a SKU");
        let mut offer = Offer::new("web".into(), listing("a"), sku, 0);
        let shown = |units| Suspects::from([(listing("a"), Some(Decimal::whole(units)))]);
        let believe = |offer: &mut Offer, units| {
            let quantity = domain::Quantity::of(units);
            offer.believed = Some(domain::offer::Told { quantity, at: now });
        };
        doubts.leave(doubted(shown(1), now));
        assert!(doubts.keep(&offer, true), "nothing is believed of it");
        let in_hand = doubts.take(9, now).expect("one");
        believe(&mut offer, 0);
        assert!(doubts.keep(&offer, true), "it showed something else");
        believe(&mut offer, 1);
        offer.is_doubted = true;
        assert!(doubts.keep(&offer, true), "who knows");
        offer.is_doubted = false;
        assert!(!doubts.keep(&offer, true));
        let mut still = doubted(shown(1), now);
        doubts.still_in_hand(&mut still);
        assert!(still.is_empty(), "two would write it");
        drop(in_hand);
    }

    #[test]
    fn what_is_early_waits_for_its_time() {
        let doubts = Doubts::default();
        let [early, late] = [9, 20].map(Time::from_seconds);
        doubts.leave_early(seen(&["a"], 9), late);
        assert_eq!(doubts.take(9, early).err(), Some(Some(late)));
        assert!(doubts.has(&listing("a")));
        let in_hand = doubts.take(9, late).expect("its time has come");
        assert!(in_hand.waited[&listing("a")].is_early);
    }
}
