//! Computing again what every listing of the items concerned may show.

use crate::{
    AccountId, ListingId, Quantity, Sku, Time,
    book::ListingKey,
    breaker::Side,
    buffer::{self, Demand},
    fact::Event,
    item::Item,
    offer::{self, Listing, Offer, QuantityMeaning, Suppression, Told, WasDue},
    rules::{self, Buffer, Case},
};

use super::{Desk, Refusal, Undecided, Verdict};

impl Desk<'_> {
    /// Computes the offer of every listing in the book, and makes a wish of each that changed. A wish
    /// that was not sent yet is overwritten: only the newest counts.
    pub(super) fn refresh_offers(&mut self, is_caused_by_an_order: bool) {
        let listings: Vec<Listing> = self.book.listings.values().cloned().collect();
        for listing in listings {
            self.refresh_offer(&listing, is_caused_by_an_order);
        }
    }

    /// Notes since when something is to be sent: a wish that the channel already showed was no delay.
    pub(super) fn note_what_is_due(&mut self) {
        let now = self.now();
        for offer in self.book.offers.values_mut() {
            match (offer.is_due(), offer.due_since) {
                (true, None) => offer.due_since = Some(now),
                (false, Some(since)) => {
                    offer.due_since = None;
                    offer.was_due = Some(WasDue { since, until: now });
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    fn refresh_offer(&mut self, listing: &Listing, is_caused_by_an_order: bool) {
        let Some(sku) = &listing.sku else {
            return self.suppress_unmapped(listing);
        };
        let Some(item) = self.book.items.get(sku).cloned() else {
            return;
        };
        let key: ListingKey = (listing.account.clone(), listing.listing.clone());
        let now = self.now();
        let result = self.sellable(listing, &item);
        let rules = &self.context.policy.rules;
        let rule = rules.find(&listing.account, &item, &listing.categories);
        let terms = self.context.policy.accounts.get(&listing.account);
        let meaning = terms.map_or(QuantityMeaning::Available, |terms| terms.meaning);
        let taken = self.book.taken.get(&(listing.account.clone(), sku.clone()));
        let taken = taken.copied().unwrap_or_default();
        let is_received = self.is_received(&item);
        let room = self.room(&item, &listing.account, &listing.categories);

        let (account, id) = (&listing.account, &listing.listing);
        let fresh = || Offer::new(account.clone(), id.clone(), sku.clone(), item.scale);
        let offer = self.book.offers.entry(key).or_insert_with(fresh);
        let before = (offer.wanted.map(|told| told.quantity), offer.suppressed);
        if offer.sku != *sku {
            // Staff gave the listing another SKU: what it was told is about the old item.
            *offer = fresh();
        }
        let ending = end(offer, result.ok(), rule.end_when, is_received, now);
        let case = Case {
            account: &listing.account,
            tuned: offer.tuned.as_ref(),
            has_ended: offer.ended.is_some(),
            room,
            scale: item.scale,
        };
        let shown = result.and_then(|sellable| rules::show(sellable, &rule, case));
        offer.owed = shown.map(|shown| shown.owed).unwrap_or_default();
        let suppressed = shown.err();
        let shown = fall(shown.map(|shown| shown.quantity), offer.offer, result);
        let wanted = shown
            .map(|shown| offer::to_channel(shown, taken, meaning))
            .ok();
        offer.offer = renew(offer.offer, shown.ok(), now);
        offer.suppressed = suppressed;
        let after = (wanted, offer.suppressed);
        if before == after {
            self.tell_ending(listing, sku, ending);
            return;
        }
        if before.0.is_some() && offer.is_due() && offer.attempt.is_none() {
            offer.coalesced = offer.coalesced.saturating_add(1);
        }
        offer.wanted = renew(offer.wanted, wanted, now);
        note_zero(offer, before.0, is_caused_by_an_order, now);
        if !is_caused_by_an_order {
            offer.decided_at = Some(now);
        }
        // Something changed, so what was refused before may be taken now.
        offer.parked = None;
        let event = Event::OfferChanged {
            listing: listing.listing.clone(),
            sku: sku.clone(),
            wanted,
            suppressed: offer.suppressed,
        };
        self.tell_ending(listing, sku, ending);
        self.record(None, Some(&listing.account), event);
    }

    /// What could be sold through a listing, where that is counted.
    fn sellable(&self, listing: &Listing, item: &Item) -> Result<Quantity, Suppression> {
        if !listing.tracked {
            return Err(Suppression::Untracked);
        }
        let locations = &self.context.policy.locations;
        offer::sellable(item, &self.book.stock, locations, &listing.account)
    }

    /// A listing that is no item any more is told nothing: what it was told is about another one.
    fn suppress_unmapped(&mut self, listing: &Listing) {
        let key: ListingKey = (listing.account.clone(), listing.listing.clone());
        let Some(offer) = self.book.offers.get_mut(&key) else {
            return;
        };
        if offer.suppressed == Some(Suppression::Unmapped) {
            return;
        }
        offer.suppressed = Some(Suppression::Unmapped);
        (offer.offer, offer.wanted, offer.owed) = (None, None, Quantity::ZERO);
        let event = Event::OfferChanged {
            listing: listing.listing.clone(),
            sku: offer.sku.clone(),
            wanted: None,
            suppressed: offer.suppressed,
        };
        self.record(None, Some(&listing.account), event);
    }

    /// Whether this decision brought in units of an item, or counted them.
    fn is_received(&self, item: &Item) -> bool {
        let bill = item.bill();
        self.book.movements.iter().any(|movement| {
            movement.cause.says_how_many()
                && movement.delta.is_positive()
                && bill.contains_key(&movement.sku)
        })
    }

    fn tell_ending(&mut self, listing: &Listing, sku: &Sku, ending: Option<Ending>) {
        let (listing, account) = (listing.listing.clone(), &listing.account);
        let sku = sku.clone();
        let event = match ending {
            None => return,
            Some(Ending::Ended(sellable)) => Event::ListingEnded {
                listing,
                sku,
                sellable,
            },
            Some(Ending::Lifted(reason)) => Event::ListingLifted {
                listing,
                sku,
                reason: reason.to_owned(),
            },
        };
        self.record(None, Some(account), event);
    }
}

/// Without its formula a listing may fall with what is there, and never rise.
fn fall(
    shown: Result<Quantity, Suppression>,
    last: Option<Told>,
    sellable: Result<Quantity, Suppression>,
) -> Result<Quantity, Suppression> {
    match (shown, last, sellable) {
        (Err(Suppression::Formula), Some(last), Ok(sellable)) => {
            Ok(last.quantity.min(sellable.or_zero()))
        }
        _ => shown,
    }
}

/// What became of a listing that may end.
enum Ending {
    Ended(Quantity),
    Lifted(&'static str),
}

/// Ends a listing when so little is sellable, and lifts it when stock came in. In between nothing
/// lifts it: what an order gives back is not worth a listing that comes and goes.
fn end(
    offer: &mut Offer,
    sellable: Option<Quantity>,
    end_when: Option<Quantity>,
    is_received: bool,
    now: Time,
) -> Option<Ending> {
    let Some(end_when) = end_when else {
        let was = offer.ended.take();
        return was.map(|_| Ending::Lifted("no rule ends it any more"));
    };
    let quantity = sellable?;
    match offer.ended {
        None if quantity <= end_when => {
            offer.ended = Some(Told { quantity, at: now });
            Some(Ending::Ended(quantity))
        }
        Some(_) if is_received && quantity > end_when => {
            offer.ended = None;
            Some(Ending::Lifted("stock came in"))
        }
        None | Some(_) => None,
    }
}

/// A person lifts a listing that has ended.
pub(super) fn lift(desk: &mut Desk<'_>, key: &ListingKey, by: &str) -> Result<Verdict, Undecided> {
    let refuse = |refusal| Err(Undecided::Refused(refusal));
    let ended = desk.book.offers.get_mut(key);
    let Some(offer) = ended.filter(|offer| offer.ended.is_some()) else {
        return refuse(Refusal::NotEnded);
    };
    let sku = offer.sku.clone();
    let (listing, item) = (desk.book.listings.get(key), desk.book.items.get(&sku));
    if let (Some(listing), Some(item)) = (listing, item) {
        let rules = &desk.context.policy.rules;
        let rule = rules.find(&key.0, item, &listing.categories);
        let sellable = offer::sellable(
            item,
            &desk.book.stock,
            &desk.context.policy.locations,
            &key.0,
        )
        .unwrap_or_default();
        if let Some(end_when) = rule.end_when.filter(|least| sellable <= *least) {
            return refuse(Refusal::WouldEnd {
                sku,
                sellable: sellable.to_decimal(item.scale),
                end_when: end_when.to_decimal(item.scale),
            });
        }
    }
    offer.ended = None;
    let event = Event::ListingLifted {
        listing: key.1.clone(),
        sku,
        reason: format!("{by} lifted it"),
    };
    desk.record(None, Some(&key.0), event);
    Ok(Verdict::New)
}

/// Tunes the buffers of listings by what was measured. Most often nothing changes.
pub(super) fn tune(
    desk: &mut Desk<'_>,
    account: &AccountId,
    demands: &[(ListingId, Demand)],
) -> Verdict {
    let now = desk.now();
    let mut verdict = Verdict::Duplicate;
    for (id, demand) in demands {
        let key: ListingKey = (account.clone(), id.clone());
        let (Some(listing), Some(offer)) =
            (desk.book.listings.get(&key), desk.book.offers.get_mut(&key))
        else {
            continue;
        };
        let Some(item) = desk.book.items.get(&offer.sku) else {
            continue;
        };
        let rules = &desk.context.policy.rules;
        let rule = rules.find(account, item, &listing.categories);
        if rule.buffer != Buffer::Auto {
            continue;
        }
        let known = offer.tuned.as_ref();
        let Some(tuned) = buffer::retune(known, demand, rule.tuning, item.scale, now) else {
            continue;
        };
        offer.tuned = Some(tuned.clone());
        let event = Event::BufferTuned {
            listing: id.clone(),
            sku: item.sku.clone(),
            tuned,
        };
        desk.record(None, Some(account), event);
        verdict = Verdict::New;
    }
    verdict
}

/// What is said now; since when stays, where it was said already.
fn renew(told: Option<Told>, quantity: Option<Quantity>, now: Time) -> Option<Told> {
    match (told, quantity) {
        (_, None) => None,
        (Some(told), Some(quantity)) if told.quantity == quantity => Some(told),
        (_, Some(quantity)) => Some(Told { quantity, at: now }),
    }
}

/// Notes that a listing came to zero by something else than an order, which the breaker counts.
fn note_zero(offer: &mut Offer, before: Option<Quantity>, is_caused_by_an_order: bool, now: Time) {
    let is_zero = offer.wanted.is_some_and(|told| told.quantity.is_zero());
    if !is_zero {
        offer.zeroed_at = None;
        offer.held = offer.held.filter(|held| held.side != Side::Writes);
    } else if before.is_some_and(Quantity::is_positive) && !is_caused_by_an_order {
        offer.zeroed_at = Some(now);
    }
}
