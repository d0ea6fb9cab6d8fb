//! Listings, opening stock, and levels that a channel shows.

use crate::{
    AccountId, ListingId, Time,
    book::ListingKey,
    offer::{Listing, Told, known_sales},
    signal::{Checks, OpeningLevel, Reading},
    snapshot::{LevelSnapshot, ListingSnapshot},
    stock::Cause,
};

use super::{Desk, FollowUp, Undecided, Verdict, claims::Move, drift, mapping};

/// Takes in what an account offers. A SKU that is seen for the first time becomes a good, counted in
/// pieces, of unknown stock: nothing is offered or written before somebody says how many there are.
pub(super) fn take_listings(
    desk: &mut Desk<'_>,
    account: &AccountId,
    seen: &[ListingSnapshot],
) -> Result<Verdict, Undecided> {
    let mut verdict = Verdict::Duplicate;
    for snapshot in seen {
        let (sku, mapped) = mapping::of_listing(desk, account, snapshot);
        mapping::make_known(desk, account, sku.as_ref(), &snapshot.title);
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
            mapped,
        };
        if known != Some(&listing) {
            desk.book.listings.insert(key, listing);
            verdict = Verdict::New;
        }
    }
    mapping::map_waiting_lines(desk)?;
    if verdict == Verdict::New {
        desk.follow_ups.push(FollowUp::MapWaiting);
    }
    Ok(verdict)
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
        let home = desk.context.policy.locations.home_of(account);
        let home = home.unwrap_or(&desk.context.policy.home).clone();
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

/// When and why levels were read.
pub(super) struct Looked<'a> {
    pub(super) read_at: Time,
    pub(super) reading: Reading,
    pub(super) checks: &'a Checks,
}

/// Takes in levels that were read. What agrees closes a drift; what does not is either explained by
/// orders that were read just before, or, when it was confirmed, classified.
pub(super) fn take_levels(
    desk: &mut Desk<'_>,
    account: &AccountId,
    levels: &[LevelSnapshot],
    looked: Looked<'_>,
) -> Result<Verdict, Undecided> {
    let (suspects, is_news) = look(desk, account, levels, looked)?;
    if suspects.is_empty() {
        return Ok(match is_news {
            true => Verdict::New,
            false => Verdict::Duplicate,
        });
    }
    desk.follow_ups.push(FollowUp::Compare {
        account: account.clone(),
        listings: suspects,
    });
    Ok(Verdict::New)
}

/// The same, and says which of them are to be compared again, and whether anything else is news.
pub(super) fn look(
    desk: &mut Desk<'_>,
    account: &AccountId,
    levels: &[LevelSnapshot],
    looked: Looked<'_>,
) -> Result<(Vec<ListingId>, bool), Undecided> {
    let (mut suspects, mut is_news) = (Vec::new(), false);
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
            at: looked.read_at,
        };
        if offer
            .believed
            .is_some_and(|believed| looked.read_at < believed.at)
        {
            // It was asked for before what we know, so it may be older, and it will be asked for again.
            continue;
        }
        offer.read_back = Some(told);
        let is_known = offer.knows(quantity, looked.read_at);
        let believed = match offer.believed {
            Some(believed) if !is_known => believed,
            Some(believed) => {
                // What was possible is what is so, and perhaps not what should be shown.
                is_news |= believed.quantity != quantity;
                if believed.quantity == quantity {
                    let doubt = offer.possible.take();
                    offer.possible = doubt.and_then(|doubt| doubt.after_reading(looked.read_at));
                }
                offer.believed = Some(told);
                offer.is_doubted = false;
                if offer.wanted.map(|told| told.quantity) == Some(quantity) {
                    drift::agree(desk, &key);
                }
                continue;
            }
            // Never seen before: this is what we start from, whatever it is.
            None => {
                offer.start_from(told);
                continue;
            }
        };
        match looked.reading {
            Reading::BeforePush => {
                offer.believed = Some(told);
                offer.is_doubted = false;
                suspects.push(level.listing.clone());
            }
            Reading::Compare => suspects.push(level.listing.clone()),
            Reading::Confirm => {
                drift::take_difference(desk, &key, believed, told, looked.checks)?;
            }
        }
    }
    Ok((suspects, is_news))
}
