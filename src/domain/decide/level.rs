//! Listings, opening stock, and levels that a channel shows.

use crate::{
    AccountId, Sku, Time,
    book::{Drift, ListingKey},
    fact::Event,
    item::Item,
    offer::{Listing, Told, known_sales},
    signal::{OpeningLevel, Reading},
    snapshot::{LevelSnapshot, ListingSnapshot},
    stock::Cause,
};

use super::{Desk, FollowUp, Undecided, Verdict, claims::Move};

/// Takes in what an account offers. A SKU that is seen for the first time becomes a good, counted in
/// pieces, of unknown stock: nothing is offered or written before somebody says how many there are.
pub(super) fn take_listings(
    desk: &mut Desk<'_>,
    account: &AccountId,
    seen: &[ListingSnapshot],
) -> Result<Verdict, Undecided> {
    let mut verdict = Verdict::Duplicate;
    for snapshot in seen {
        let sku: Option<Sku> = snapshot.sku.as_deref().and_then(|sku| sku.parse().ok());
        if let Some(sku) = &sku
            && !desk.book.items.contains_key(sku)
        {
            desk.book
                .items
                .insert(sku.clone(), Item::good(sku.clone(), &snapshot.title));
            desk.record(None, Some(account), Event::ItemSet { sku: sku.clone() });
        }
        let key: ListingKey = (account.clone(), snapshot.listing.clone());
        let known = desk.book.listings.get(&key);
        let categories = match known {
            // A hook may say less than a list: not to say is not to have none.
            Some(known) if snapshot.categories.is_empty() => known.categories.clone(),
            Some(_) | None => snapshot.categories.clone(),
        };
        let listing = Listing {
            account: account.clone(),
            listing: snapshot.listing.clone(),
            sku,
            channel_sku: snapshot.sku.clone(),
            title: snapshot.title.clone(),
            price: snapshot.price,
            barcode: snapshot.barcode.clone(),
            tracked: snapshot.tracked,
            categories,
        };
        if known != Some(&listing) {
            desk.book.listings.insert(key, listing);
            verdict = Verdict::New;
        }
    }
    map_waiting_lines(desk)?;
    Ok(verdict)
}

/// Lines that waited for an item or listing to become known are mapped now.
pub(super) fn map_waiting_lines(desk: &mut Desk<'_>) -> Result<(), Undecided> {
    let waiting: Vec<_> = desk
        .book
        .orders
        .values()
        .flat_map(|order| order.lines.iter().map(move |line| (order, line)))
        .filter(|(_, line)| line.item.is_none())
        .filter_map(|(order, line)| {
            let key = line
                .listing
                .clone()
                .map(|listing| (order.account.clone(), listing));
            let by_listing = key
                .and_then(|key| desk.book.listings.get(&key))
                .and_then(|listing| listing.sku.clone());
            let sku = by_listing.or_else(|| line.channel_sku.as_deref()?.parse().ok())?;
            Some((order.id, line.number, desk.book.items.get(&sku)?.clone()))
        })
        .collect();
    for (order, line, item) in waiting {
        super::snapshot::set_line_item(desk, order, line, &item)?;
        desk.settle_claims(order)?;
    }
    Ok(())
}

/// Takes over opening stock: what lies there is what the account shows, and what it has taken off for
/// orders that have not left. What left before is history, and not in the level any more.
pub(super) fn open(
    desk: &mut Desk<'_>,
    account: &AccountId,
    levels: &[OpeningLevel],
) -> Result<Verdict, Undecided> {
    let mut verdict = Verdict::Duplicate;
    for level in levels {
        let key = (account.clone(), level.listing.clone());
        let Some(sku) = desk
            .book
            .listings
            .get(&key)
            .and_then(|listing| listing.sku.clone())
        else {
            continue;
        };
        let Some(item) = desk.book.items.get(&sku).filter(|item| item.is_stocked()) else {
            continue;
        };
        let Ok(shown) = level.shown.to_quantity(item.scale) else {
            continue;
        };
        let stock = desk.book.stock.get(&sku);
        let taken = desk.book.taken.get(&(account.clone(), sku.clone()));
        let sold = known_sales(taken.copied().unwrap_or_default(), stock);
        if stock.is_some_and(|stock| stock.is_counted) || sold != level.sold {
            continue;
        }
        let delta = shown.plus(sold);
        let home = desk.context.locations.home_of(account);
        let home = home.unwrap_or(&desk.context.home).clone();
        let cause = Cause::Opening {
            account: account.clone(),
        };
        desk.move_stock(Move::new(&sku, &home, delta, cause));
        // A count of zero is a count, and orders may be waiting to be told so.
        desk.follow_ups.push(FollowUp::OfferToWaiting(sku));
        verdict = Verdict::New;
    }
    Ok(verdict)
}

/// Takes in levels that were read. What agrees closes a drift; what does not is either explained by
/// orders that were read just before, or, when it was confirmed, is drift.
pub(super) fn take_levels(
    desk: &mut Desk<'_>,
    account: &AccountId,
    levels: &[LevelSnapshot],
    read_at: Time,
    reading: Reading,
) -> Verdict {
    let mut suspects = Vec::new();
    for level in levels {
        let key = (account.clone(), level.listing.clone());
        let Some(offer) = desk.book.offers.get_mut(&key) else {
            continue;
        };
        let Some(quantity) = level
            .level
            .and_then(|level| level.to_quantity(offer.scale).ok())
        else {
            continue;
        };
        let told = Told {
            quantity,
            at: read_at,
        };
        offer.read_back = Some(told);
        let believed = offer.believed.map(|told| told.quantity);
        let under_way = offer.attempt.as_ref().map(|attempt| attempt.quantity);
        if believed == Some(quantity) || under_way == Some(quantity) {
            offer.believed = Some(told);
            if offer.wanted.map(|told| told.quantity) == Some(quantity) {
                close_drift(desk, &key);
            }
            continue;
        }
        if believed.is_none() {
            // Never seen before: this is what we start from, whatever it is.
            offer.believed = Some(told);
            continue;
        }
        match reading {
            Reading::BeforePush => {
                offer.believed = Some(told);
                suspects.push(level.listing.clone());
            }
            Reading::Compare => suspects.push(level.listing.clone()),
            Reading::Confirm => {
                offer.believed = Some(told);
                if offer.attempt.is_none() {
                    open_drift(desk, &key, told);
                }
            }
        }
    }
    if suspects.is_empty() {
        return Verdict::Duplicate;
    }
    desk.follow_ups.push(FollowUp::Compare {
        account: account.clone(),
        listings: suspects,
    });
    Verdict::New
}

fn open_drift(desk: &mut Desk<'_>, key: &ListingKey, observed: Told) {
    let Some(offer) = desk.book.offers.get(key) else {
        return;
    };
    let expected = offer.wanted.map(|told| told.quantity);
    if expected == Some(observed.quantity) {
        return;
    }
    let is_open = desk
        .book
        .drifts
        .get(key)
        .is_some_and(|drift| drift.closed_at.is_none());
    if is_open {
        return;
    }
    let drift = Drift {
        account: key.0.clone(),
        listing: key.1.clone(),
        sku: offer.sku.clone(),
        expected,
        observed: observed.quantity,
        opened_at: desk.now(),
        closed_at: None,
    };
    desk.book.drifts.insert(key.clone(), drift);
    let (account, listing) = key.clone();
    let event = Event::DriftOpened {
        listing,
        expected,
        observed: observed.quantity,
    };
    desk.record(None, Some(&account), event);
}

pub(super) fn close_drift(desk: &mut Desk<'_>, key: &ListingKey) {
    let now = desk.now();
    let Some(drift) = desk
        .book
        .drifts
        .get_mut(key)
        .filter(|drift| drift.closed_at.is_none())
    else {
        return;
    };
    drift.closed_at = Some(now);
    let (account, listing) = key.clone();
    desk.record(None, Some(&account), Event::DriftClosed { listing });
}
