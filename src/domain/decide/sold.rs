//! What a channel takes off its levels for the orders that it sold, as far as it says so.

use crate::{
    Quantity, Time, book::ListingKey, ids::OrderId, offer::Offer, order::Line,
    snapshot::OrderSnapshot,
};

use super::{Desk, Undecided, snapshot::line_mut};

/// What the channel has taken off its level for this line. A change of it moves what we believe the
/// channel shows, unless it happened before we last looked.
pub(super) fn set_subtracted(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    subtracted: Quantity,
    snapshot: &OrderSnapshot,
) -> Result<(), Undecided> {
    let line = line_mut(desk, id, number)?;
    let delta = subtracted.minus(line.subtracted);
    line.subtracted = subtracted;
    let line = line.clone();
    let now = desk.now();
    if !delta.is_zero()
        && let Some(offer) = sold_offer(desk, id, &line)?
    {
        offer.take_off(delta, snapshot.version.changed_at, now);
    }
    Ok(())
}

/// The offer of the listing that was sold: the one that is named, else the only one of the item.
fn sold_offer<'d>(
    desk: &'d mut Desk<'_>,
    id: OrderId,
    line: &Line,
) -> Result<Option<&'d mut Offer>, Undecided> {
    let account = desk.order(id)?.account.clone();
    let sku = line.item.as_ref().map(|item| item.sku.clone());
    let named: Option<ListingKey> = line
        .listing
        .clone()
        .map(|listing| (account.clone(), listing));
    let key = named
        .filter(|key| desk.book.offers.contains_key(key))
        .or_else(|| {
            let mut of_item = desk
                .book
                .offers
                .iter()
                .filter(|((on, _), offer)| *on == account && Some(&offer.sku) == sku.as_ref());
            let only = of_item.next().map(|(key, _)| key.clone());
            if of_item.next().is_some() { None } else { only }
        });
    Ok(key.and_then(|key| desk.book.offers.get_mut(&key)))
}

/// Units that came and went between two looks may have been off the level meanwhile.
pub(super) fn doubt_what_passed(
    desk: &mut Desk<'_>,
    id: OrderId,
    before: &Line,
    during: (Time, Time),
) -> Result<(), Undecided> {
    let line = line_mut(desk, id, before.number)?;
    let canceled = line.counters.canceled.minus(before.counters.canceled);
    let seen = before.subtracted.minus(line.subtracted).or_zero();
    // What it still has off its level, or had, did not come back unseen.
    let never_off = line
        .counters
        .ordered
        .minus(line.subtracted.max(before.subtracted));
    let unseen = canceled.minus(seen).min(never_off);
    let line = line.clone();
    let now = desk.now();
    if !unseen.is_positive() {
        return Ok(());
    }
    if let Some(item) = &line.item {
        let key = (desk.order(id)?.account.clone(), item.sku.clone());
        let taken = desk.book.taken.entry(key).or_default();
        taken.passed = taken.passed.plus(unseen);
    }
    if let Some(offer) = sold_offer(desk, id, &line)? {
        offer.doubt(unseen, during, now);
    }
    Ok(())
}

/// An order is gone: whatever it had taken off its level is not coming back by itself, nor taken again. But
/// it may have been canceled before, and nobody saw that its units came back then.
pub(super) fn take_off_no_more(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    shipped: Quantity,
) -> Result<(), Undecided> {
    let now = desk.now();
    let line = line_mut(desk, id, number)?;
    let kept = line.subtracted.min(shipped);
    let units = line.subtracted.minus(kept);
    line.subtracted = kept;
    let line = line.clone();
    if units.is_positive()
        && let Some(offer) = sold_offer(desk, id, &line)?
    {
        // Whenever it was told a level, the units may have been off it then.
        offer.doubt(units, (Time::EPOCH, now), now);
    }
    Ok(())
}
