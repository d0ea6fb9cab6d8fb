//! Computing again what every listing of the items concerned may show.

use crate::{
    Quantity, Time,
    book::ListingKey,
    breaker::Side,
    fact::Event,
    offer::{self, Listing, Offer, QuantityMeaning, Suppression, Told},
};

use super::Desk;

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
                (false, Some(_)) => offer.due_since = None,
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    fn refresh_offer(&mut self, listing: &Listing, is_caused_by_an_order: bool) {
        let Some(sku) = &listing.sku else { return };
        let Some(item) = self.book.items.get(sku).cloned() else {
            return;
        };
        let key: ListingKey = (listing.account.clone(), listing.listing.clone());
        let now = self.now();
        let result = if listing.tracked {
            offer::sellable(&item, &self.book.stock)
        } else {
            Err(Suppression::Untracked)
        };
        let rule = self.context.rules.find(&listing.account, sku);
        let terms = self.context.accounts.get(&listing.account);
        let meaning = terms.map_or(QuantityMeaning::Available, |terms| terms.meaning);
        let taken = self.book.taken.get(&(listing.account.clone(), sku.clone()));
        let taken = taken.copied().unwrap_or_default();

        let offer = self.book.offers.entry(key).or_insert_with(|| {
            Offer::new(
                listing.account.clone(),
                listing.listing.clone(),
                sku.clone(),
                item.scale,
            )
        });
        let before = (offer.wanted.map(|told| told.quantity), offer.suppressed);
        if offer.sku != *sku {
            // Staff gave the listing another SKU: what it was told is about the old item.
            *offer = Offer::new(
                listing.account.clone(),
                listing.listing.clone(),
                sku.clone(),
                item.scale,
            );
        }
        let shown = result.map(|sellable| offer::offer(sellable, &rule));
        let wanted = shown
            .map(|shown| offer::to_channel(shown, taken, meaning))
            .ok();
        let renew = |told: Option<Told>, quantity| match (told, quantity) {
            (_, None) => None,
            (Some(told), Some(quantity)) if told.quantity == quantity => Some(told),
            (_, Some(quantity)) => Some(Told { quantity, at: now }),
        };
        offer.offer = renew(offer.offer, shown.ok());
        offer.suppressed = shown.err();
        let after = (wanted, offer.suppressed);
        if before == after {
            return;
        }
        if before.0.is_some() && offer.is_due() && offer.attempt.is_none() {
            offer.coalesced = offer.coalesced.saturating_add(1);
        }
        offer.wanted = renew(offer.wanted, wanted);
        note_zero(offer, before.0, is_caused_by_an_order, now);
        // Something changed, so what was refused before may be taken now.
        offer.parked = None;
        let event = Event::OfferChanged {
            listing: listing.listing.clone(),
            sku: sku.clone(),
            wanted,
            suppressed: offer.suppressed,
        };
        self.record(None, Some(&listing.account), event);
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
