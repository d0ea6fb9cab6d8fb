//! What a changed level is, whose number is right, and when too many changed at once.
//!
//! A level that was read differs from what we believed. It is our own echo or a known order (seen
//! before this is asked), a change by the account that decides about stock or by a person that the
//! channel names, or it is explained by nothing: only that opens a case, with its evidence. Nothing
//! here writes to a channel; what is to be repaired becomes due by itself.

use crate::{
    AccountId, ListingId, Quantity, Time,
    book::{Author, Drift, Evidence, ListingKey, Settlement},
    breaker::{Breaker, Held, Side},
    fact::Event,
    ids::DriftId,
    item::Item,
    offer::{self, Edit, Offer, QuantityMeaning, Told},
    rules::{self, Case, Shown},
    signal::{Checks, Whose},
    stock::Cause,
};

use super::{Authority, Desk, FollowUp, Refusal, Undecided, Verdict, claims::Move};

/// Classifies a level that its account's orders do not explain. `before` is what we believed.
pub(super) fn take_difference(
    desk: &mut Desk<'_>,
    key: &ListingKey,
    before: Told,
    shown: Told,
    checks: &Checks,
) -> Result<(), Undecided> {
    let Some(offer) = desk.book.offers.get_mut(key) else {
        return Ok(());
    };
    offer.believed = Some(shown);
    offer.is_doubted = false;
    let wanted = offer.wanted.map(|told| told.quantity);
    let (Some(wanted), true) = (wanted, offer.attempt.is_none()) else {
        // Nothing is expected of it, or a push of ours is under way and settles it.
        return Ok(());
    };
    if wanted == shown.quantity {
        agree(desk, key);
        return Ok(());
    }
    let offer = offer.clone();
    let author = checks.authors.get(&key.1);
    let by_person = author.filter(|author| author.is_person);
    let breaker = desk.book.breakers.get(&key.0);
    let is_tripped = breaker.is_some_and(|breaker| breaker.source.is_some());
    let authority = desk.context.policy.accounts.get(&key.0);
    let authority = authority.map_or(Authority::Ledger, |terms| terms.authority);
    let difference = difference(desk, &offer, before.quantity, shown.quantity).ok();
    let is_new = desk.book.open_drift(key).is_none();
    let takes = authority == Authority::Channel && !is_tripped && is_new;
    if let (true, Some(delta)) = (takes, difference) {
        note_edit(desk, key, (before, shown), author, true);
        let by = author.map_or_else(|| key.0.to_string(), |author| author.name.clone());
        return take(desk, &offer, delta, before.quantity, shown.quantity, &by);
    }
    if by_person.is_some() && !is_tripped && is_new {
        note_edit(desk, key, (before, shown), author, false);
        return Ok(());
    }
    let evidence = Evidence {
        believed: before,
        shown,
        orders_read_at: checks.orders_read_at,
        orders: checks.orders.get(&key.1).cloned().unwrap_or_default(),
        sent: offer.sent,
        acknowledged: offer.acknowledged,
        author: author.cloned(),
    };
    open_case(
        desk,
        key,
        &offer,
        (wanted, difference),
        evidence,
        is_tripped,
    );
    Ok(())
}

fn note_edit(
    desk: &mut Desk<'_>,
    key: &ListingKey,
    (before, shown): (Told, Told),
    author: Option<&Author>,
    is_taken: bool,
) {
    let edit = Edit {
        by: author.map(|author| author.name.clone()),
        from: before.quantity,
        to: shown.quantity,
        at: shown.at,
        is_taken,
    };
    if let Some(offer) = desk.book.offers.get_mut(key) {
        offer.edit = Some(edit.clone());
    }
    let (account, listing) = key.clone();
    desk.record(None, Some(&account), Event::LevelEdited { listing, edit });
}

fn open_case(
    desk: &mut Desk<'_>,
    key: &ListingKey,
    offer: &Offer,
    (wanted, difference): (Quantity, Option<Quantity>),
    evidence: Evidence,
    is_held: bool,
) {
    let now = desk.now();
    let observed = evidence.shown.quantity;
    if is_held && let Some(offer) = desk.book.offers.get_mut(key) {
        offer.held = Some(Held {
            side: Side::Source,
            at: now,
            wanted: Some(wanted),
        });
    }
    if let Some(open) = desk.book.open_drift(key).map(|drift| drift.id)
        && let Some(drift) = desk.book.drifts.get_mut(&open)
    {
        // It changed again before the case was settled: the whole difference counts.
        let more = observed.minus(drift.observed);
        drift.difference = drift.difference.map(|known| known.plus(more));
        drift.observed = observed;
        drift.evidence.shown = evidence.shown;
        drift.evidence.author = evidence.author;
        drift.is_held |= is_held;
        return;
    }
    let drift = Drift {
        id: DriftId::next(&mut desk.ids),
        account: key.0.clone(),
        listing: key.1.clone(),
        sku: offer.sku.clone(),
        scale: offer.scale,
        expected: wanted,
        observed,
        difference,
        evidence,
        is_held,
        opened_at: now,
        closed_at: None,
        way: None,
        settled_by: None,
    };
    let event = Event::DriftOpened {
        listing: key.1.clone(),
        drift: drift.id,
        expected: wanted,
        observed,
        is_held,
    };
    desk.book.drifts.insert(drift.id, drift);
    desk.record(None, Some(&key.0), event);
}

/// A listing shows what it should: its case is over, and nothing of it is held.
pub(super) fn agree(desk: &mut Desk<'_>, key: &ListingKey) {
    if let Some(offer) = desk.book.offers.get_mut(key) {
        offer.held = offer.held.filter(|held| held.side != Side::Source);
    }
    close_drift(desk, key, Settlement::Agreed);
}

/// Closes the open case of a listing, if there is one. What a person said stays as they said it.
pub(super) fn close_drift(desk: &mut Desk<'_>, key: &ListingKey, way: Settlement) {
    let now = desk.now();
    let Some(id) = desk.book.open_drift(key).map(|drift| drift.id) else {
        return;
    };
    let Some(drift) = desk.book.drifts.get_mut(&id) else {
        return;
    };
    drift.closed_at = Some(now);
    drift.way = Some(drift.way.unwrap_or(way));
    let event = Event::DriftClosed {
        listing: key.1.clone(),
        drift: id,
        way: drift.way.unwrap_or(way),
        by: drift.settled_by.clone(),
    };
    desk.record(None, Some(&key.0), event);
}

/// By how much our stock would change if what the channel shows were right. The refusal says why its
/// number does not tell.
fn difference(
    desk: &Desk<'_>,
    offer: &Offer,
    believed: Quantity,
    shown: Quantity,
) -> Result<Quantity, &'static str> {
    let item: Option<&Item> = desk.book.items.get(&offer.sku);
    let Some(item) = item.filter(|item| item.is_stocked()) else {
        return Err("a kit does not say which of its components changed; adjust those");
    };
    let stock = desk.book.stock.get(&offer.sku);
    let Some(stock) = stock.filter(|stock| stock.is_counted) else {
        return Err("the item was never counted; adjust it");
    };
    let wanted = offer.wanted.map_or(believed, |told| told.quantity);
    let taken = desk
        .book
        .taken
        .get(&(offer.account.clone(), offer.sku.clone()));
    let taken = taken.copied().unwrap_or_default();
    let terms = desk.context.policy.accounts.get(&offer.account);
    let meaning = terms.map_or(QuantityMeaning::Available, |terms| terms.meaning);
    let added = offer::to_channel(Quantity::ZERO, taken, meaning);
    // What it would show if what we are about to write had been written before it changed.
    let offered = shown.plus(wanted.minus(believed)).minus(added);
    let key: ListingKey = (offer.account.clone(), offer.listing.clone());
    let listing = desk.book.listings.get(&key);
    let listed_in = listing.map_or(&[][..], |listing| &listing.categories);
    let rule = desk
        .context
        .policy
        .rules
        .find(&offer.account, item, listed_in);
    let case = Case {
        account: &offer.account,
        tuned: offer.tuned.as_ref(),
        has_ended: offer.ended.is_some(),
        room: desk.room(item, &offer.account, listed_in),
        scale: item.scale,
    };
    // What its level was computed from: an account may be served from some locations only.
    let locations = &desk.context.policy.locations;
    let sellable = locations.sellable(stock, &offer.account);
    let buffer = rule.held(sellable, case.tuned);
    let is_plain = |sellable: Quantity, offered: Quantity| {
        let plain = Shown {
            // Nothing shows less than nothing: there is less then than unpaid orders have asked for.
            quantity: offered.or_zero(),
            owed: Quantity::ZERO,
            zeroed: None,
        };
        rule.formula.is_none() && rules::show(sellable, &rule, case) == Ok(plain)
    };
    let would_be = offered.plus(buffer);
    if !is_plain(sellable, sellable.minus(buffer).or_zero()) || !is_plain(would_be, offered) {
        return Err(
            "a share, a maximum or another rule stands between the stock and the level; adjust the stock",
        );
    }
    Ok(would_be.minus(sellable))
}

/// Makes a movement of a difference, and has claims and offers follow.
fn take(
    desk: &mut Desk<'_>,
    offer: &Offer,
    delta: Quantity,
    from: Quantity,
    to: Quantity,
    by: &str,
) -> Result<(), Undecided> {
    let (from, to) = (from.to_decimal(offer.scale), to.to_decimal(offer.scale));
    let (account, sku) = (&offer.account, offer.sku.clone());
    let reason = format!("its level on {account} was changed from {from} to {to}");
    let cause = Cause::Adjustment {
        reason,
        by: by.to_owned(),
    };
    let home = desk.context.policy.locations.home_of(account);
    let home = home.unwrap_or(&desk.context.policy.home).clone();
    desk.move_stock(Move::new(&sku, &home, delta, cause));
    desk.follow_ups.push(FollowUp::OfferToWaiting(sku.clone()));
    desk.give_way(&sku)
}

/// A person says whose number of a case is right. They may change their mind.
pub(super) fn settle(
    desk: &mut Desk<'_>,
    id: DriftId,
    right: Whose,
    by: &str,
) -> Result<Verdict, Undecided> {
    let Some(drift) = desk.book.drifts.get(&id).cloned() else {
        return Err(Undecided::Refused(Refusal::NoDrift(id)));
    };
    let way = match right {
        Whose::Theirs => Settlement::Theirs,
        Whose::Ours => Settlement::Ours,
    };
    if drift.settled_by.is_some() && drift.way == Some(way) {
        return Ok(Verdict::Duplicate);
    }
    let key: ListingKey = (drift.account.clone(), drift.listing.clone());
    let was_taken = drift.way == Some(Settlement::Theirs);
    let offer = desk.book.offers.get(&key).cloned();
    if was_taken != (right == Whose::Theirs)
        && let Some(offer) = offer
    {
        let Some(difference) = drift.difference else {
            let believed = drift.evidence.believed.quantity;
            let why = self::difference(desk, &offer, believed, drift.observed).err();
            return Err(Undecided::Refused(Refusal::CannotTake {
                listing: drift.listing,
                reason: why.unwrap_or(
                    "when it was found, its number did not tell how many there are; adjust the stock, \
                     and keep ours here",
                ),
            }));
        };
        let (delta, from, to) = match right {
            Whose::Theirs => (difference, drift.evidence.believed.quantity, drift.observed),
            Whose::Ours => (
                difference.negated(),
                drift.observed,
                drift.evidence.believed.quantity,
            ),
        };
        take(desk, &offer, delta, from, to, by)?;
    }
    let is_open = drift.closed_at.is_none();
    if let Some(drift) = desk.book.drifts.get_mut(&id) {
        drift.way = Some(way);
        drift.settled_by = Some(by.to_owned());
    }
    if let Some(offer) = desk.book.offers.get_mut(&key)
        && is_open
    {
        offer.held = offer.held.filter(|held| held.side != Side::Source);
    }
    // Ours is over when it was written, theirs at once.
    if is_open && right == Whose::Theirs {
        close_drift(desk, &key, way);
    }
    Ok(Verdict::New)
}

/// Counts what is about to happen, and trips the breaker when it is too much.
pub(super) fn weigh(
    desk: &mut Desk<'_>,
    account: &AccountId,
    side: Side,
    listings: &[ListingId],
    of: usize,
) -> Verdict {
    let now = desk.now();
    let rule = desk.context.policy.breaker;
    let breaker = desk
        .book
        .breakers
        .entry(account.clone())
        .or_insert_with(|| Breaker::new(account.clone()));
    let has_tripped = breaker.weigh(side, listings, of, &rule, now);
    if let Some(trip) = breaker.trip(side).filter(|_| has_tripped) {
        let event = Event::BreakerTripped {
            side,
            listings: trip.listings,
            of,
        };
        desk.record(None, Some(account), event);
    }
    Verdict::New
}

/// Lets held listings go. What a person said is right and cannot be taken over stays held, with its
/// case: nothing is written that they did not want.
pub(super) fn let_go(
    desk: &mut Desk<'_>,
    account: &AccountId,
    side: Side,
    listings: &[ListingId],
    (right, by): (Whose, &str),
) -> Result<Verdict, Undecided> {
    for listing in listings {
        let key: ListingKey = (account.clone(), listing.clone());
        let drift = desk.book.open_drift(&key).filter(|drift| drift.is_held);
        let drift = drift.filter(|_| side == Side::Source).cloned();
        let can_take = drift
            .as_ref()
            .is_none_or(|drift| drift.difference.is_some());
        if right == Whose::Theirs && !can_take {
            continue;
        }
        if let Some(offer) = desk.book.offers.get_mut(&key) {
            offer.held = offer.held.filter(|held| held.side != side);
        }
        if let Some(drift) = drift {
            settle(desk, drift.id, right, by)?;
        }
    }
    Ok(Verdict::New)
}

/// Takes the zeroes that were wished when they were shown as confirmed, unless they wait for a person
/// already.
pub(super) fn confirm_zeroes(
    desk: &mut Desk<'_>,
    account: &AccountId,
    shown_at: Option<Time>,
) -> Verdict {
    let now = shown_at.unwrap_or(desk.now());
    let breaker = desk
        .book
        .breakers
        .entry(account.clone())
        .or_insert_with(|| Breaker::new(account.clone()));
    if breaker.writes.is_none() {
        // What was confirmed later stays so.
        let at = breaker.confirmed_at.map_or(now, |known| known.max(now));
        breaker.lift(Side::Writes, at);
    }
    Verdict::New
}

/// Lifts a breaker that tripped.
pub(super) fn lift(
    desk: &mut Desk<'_>,
    account: &AccountId,
    side: Side,
    by: &str,
) -> Result<Verdict, Undecided> {
    let now = desk.now();
    let known = desk.book.breakers.get_mut(account);
    let Some(breaker) = known.filter(|breaker| breaker.trip(side).is_some()) else {
        return Err(Undecided::Refused(Refusal::NotTripped(account.clone())));
    };
    breaker.lift(side, now);
    let by = by.to_owned();
    desk.record(None, Some(account), Event::BreakerLifted { side, by });
    Ok(Verdict::New)
}
