//! Pushes of levels and tries of intents: what is made durable before sending, and what came of it.

use crate::{
    AccountId, Decimal, ListingId, Quantity, Time,
    book::{ListingKey, Settlement},
    breaker::{Held, Side},
    fact::Event,
    ids::IntentId,
    intent::{IntentState, Outcome, Wish},
    message::Way,
    offer::{Attempt, Told},
    possible::Possible,
    signal::{Checks, JustRead, PushResult, Reading},
};

use super::{
    Desk, FollowUp, Refusal, Undecided, Verdict,
    drift::close_drift,
    fulfill,
    level::{self, Looked},
};

/// Makes an attempt of every due listing that is named and has none, and counts one more try of
/// those that have. What is committed here is what is sent. One that was just read and is not what we
/// believe is compared again instead.
pub(super) fn start(
    desk: &mut Desk<'_>,
    account: &AccountId,
    listings: &[ListingId],
    just_read: Option<&JustRead>,
) -> Result<Verdict, Undecided> {
    let mut suspects = Vec::new();
    if let Some(JustRead { levels, read_at }) = just_read {
        let looked = Looked {
            read_at: *read_at,
            reading: Reading::Compare,
            checks: &Checks::default(),
        };
        (suspects, _) = level::look(desk, account, levels, looked)?;
    }
    let may_start = |listing: &&ListingId| !suspects.contains(listing);
    let verdict = make_attempts(desk, account, listings.iter().filter(may_start));
    if suspects.is_empty() {
        return Ok(verdict);
    }
    desk.follow_ups.push(FollowUp::Compare {
        account: account.clone(),
        listings: suspects,
    });
    Ok(Verdict::New)
}

fn make_attempts<'a>(
    desk: &mut Desk<'_>,
    account: &AccountId,
    listings: impl Iterator<Item = &'a ListingId>,
) -> Verdict {
    let now = desk.now();
    let mut verdict = Verdict::Duplicate;
    let terms = desk.context.policy.accounts.get(account);
    let budget = terms.and_then(|terms| terms.budget);
    let tripped = desk.book.breakers.get(account).cloned();
    let tripped = tripped.filter(|breaker| breaker.writes.is_some());
    for listing in listings {
        let key: ListingKey = (account.clone(), listing.clone());
        let fresh_key = IntentId::next(&mut desk.ids);
        let Some(offer) = desk.book.offers.get_mut(&key) else {
            continue;
        };
        if tripped.as_ref().is_some_and(|breaker| breaker.minds(offer)) {
            offer.held = Some(Held {
                side: Side::Writes,
                at: now,
                wanted: offer.wanted.map(|told| told.quantity),
            });
            verdict = Verdict::New;
            continue;
        }
        let Some(wanted) = offer.wanted.filter(|_| offer.is_due()) else {
            continue;
        };
        if offer
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.next_at > now)
        {
            continue;
        }
        if offer.spared_until(budget, now).is_some() {
            continue;
        }
        verdict = Verdict::New;
        // A try that surely did nothing may be overtaken by a newer wish; one that may have worked
        // must be settled first, so it is sent again as it was.
        let stale = offer
            .attempt
            .as_ref()
            .is_some_and(|attempt| !attempt.is_ambiguous && attempt.quantity != wanted.quantity);
        if stale {
            offer.attempt = None;
        }
        let (believed, doubt) = (offer.believed, offer.possible);
        if offer.attempt.is_none() && believed.map(|told| told.quantity) == Some(wanted.quantity) {
            continue;
        }
        let fresh = || Attempt::new(fresh_key, wanted.quantity, believed, now);
        let attempt = offer.attempt.get_or_insert_with(fresh);
        attempt.send(doubt, now);
        // The channel may count a try that it did not carry out, so each of them is counted here.
        if let Some(budget) = budget {
            offer.spent = budget.spend(offer.spent, now);
        }
        let (quantity, expected, key) = (attempt.quantity, attempt.expected, attempt.key);
        offer.sent = Some(Told { quantity, at: now });
        let event = Event::PushStarted {
            listing: listing.clone(),
            key,
            quantity,
            expected,
        };
        desk.record(None, Some(account), event);
    }
    verdict
}

pub(super) fn settle(
    desk: &mut Desk<'_>,
    account: &AccountId,
    results: &[(ListingId, PushResult)],
) -> Verdict {
    let mut to_compare = Vec::new();
    for (listing, result) in results {
        let key: ListingKey = (account.clone(), listing.clone());
        let Some(attempt) = desk
            .book
            .offers
            .get(&key)
            .and_then(|offer| offer.attempt.clone())
        else {
            continue;
        };
        match result {
            PushResult::Applied => acknowledge(desk, &key, &attempt, attempt.quantity),
            PushResult::Found { shown } => acknowledge(desk, &key, &attempt, *shown),
            PushResult::Conflict {
                observed,
                is_certain,
            } => {
                conflict(desk, &key, &attempt, (*observed, *is_certain));
                to_compare.push(listing.clone());
            }
            PushResult::Rejected { reason } => park(desk, &key, reason),
            PushResult::NotDone => postpone(desk, &key, desk.now(), false),
            PushResult::Ambiguous { at } => postpone(desk, &key, *at, true),
            PushResult::Retry { at } => postpone(desk, &key, *at, attempt.was_ambiguous),
        }
    }
    if !to_compare.is_empty() {
        let (account, listings) = (account.clone(), to_compare);
        desk.follow_ups
            .push(FollowUp::Compare { account, listings });
    }
    Verdict::New
}

/// A level was taken, and shows so much since.
fn acknowledge(desk: &mut Desk<'_>, key: &ListingKey, attempt: &Attempt, shown: Quantity) {
    let now = desk.now();
    let Some(offer) = desk.book.offers.get_mut(key) else {
        return;
    };
    let told = Told {
        quantity: attempt.quantity,
        at: now,
    };
    let due_since = offer.due_since;
    offer.attempt = None;
    offer.acknowledged = Some(told);
    offer.believed = Some(Told {
        quantity: shown,
        at: now,
    });
    offer.is_doubted = false;
    // What it sold while we waited for the answer, it may have sold before or after it took the level.
    let exactly = |possible: &Possible| *possible == Possible::level(attempt.quantity, possible.at);
    offer.possible = attempt.possible.filter(|possible| !exactly(possible));
    let fulfilled = offer
        .wanted
        .filter(|wanted| wanted.quantity == attempt.quantity);
    let event = Event::PushAcknowledged {
        listing: key.1.clone(),
        quantity: attempt.quantity,
        due_since: fulfilled.map(|wanted| due_since.unwrap_or(wanted.at).max(wanted.at)),
    };
    desk.record(None, Some(&key.0), event);
    if fulfilled.is_some() {
        close_drift(desk, key, Settlement::Repaired);
    }
}

fn conflict(
    desk: &mut Desk<'_>,
    key: &ListingKey,
    attempt: &Attempt,
    (observed, is_certain): (Option<Decimal>, bool),
) {
    let Some(offer) = desk.book.offers.get_mut(key) else {
        return;
    };
    let observed = observed.and_then(|observed| observed.to_quantity(offer.scale).ok());
    // A channel without a comparison of its own may say so of a level that was written, and sold from;
    // and an earlier try may have been carried out.
    if !is_certain || attempt.was_ambiguous {
        offer.lose_track();
    }
    offer.attempt = None;
    // What we believed stays, so that what is read next can be explained: by orders, or as drift.
    offer.is_doubted = true;
    let (listing, expected) = (key.1.clone(), attempt.expected);
    desk.record(
        None,
        Some(&key.0),
        Event::PushConflicted {
            listing,
            expected,
            observed,
        },
    );
}

fn park(desk: &mut Desk<'_>, key: &ListingKey, reason: &str) {
    let Some(offer) = desk.book.offers.get_mut(key) else {
        return;
    };
    offer.attempt = None;
    offer.parked = Some(reason.to_owned());
    let event = Event::PushParked {
        listing: key.1.clone(),
        reason: reason.to_owned(),
    };
    desk.record(None, Some(&key.0), event);
}

fn postpone(desk: &mut Desk<'_>, key: &ListingKey, at: Time, is_ambiguous: bool) {
    let Some(offer) = desk.book.offers.get_mut(key) else {
        return;
    };
    let Some(attempt) = &mut offer.attempt else {
        return;
    };
    attempt.next_at = at;
    attempt.is_ambiguous = is_ambiguous;
    if is_ambiguous {
        offer.lose_track();
    }
}

pub(super) fn settle_intent(
    desk: &mut Desk<'_>,
    id: IntentId,
    outcome: &Outcome,
) -> Result<Verdict, Undecided> {
    let Some(intent) = desk.book.intents.get_mut(&id) else {
        return Ok(Verdict::Nothing);
    };
    intent.tries = intent.tries.saturating_add(1);
    intent.sent_at = None;
    let (order, is_elsewhere) = (intent.order, intent.wish.gateway().is_some());
    let tried = intent.clone();
    match outcome {
        Outcome::Applied { reference } => {
            intent.state = IntentState::Done(reference.clone());
            intent.last = "done".to_owned();
            if !is_elsewhere {
                let follow_up = FollowUp::ReadOrder {
                    account: intent.account.clone(),
                    external_id: intent.external_id.clone(),
                };
                desk.follow_ups.push(follow_up);
            }
            let event = Event::IntentDone {
                intent: id,
                is_elsewhere,
            };
            desk.record_for(order, event);
            fulfill::drop_label(desk, &tried)?;
        }
        Outcome::Retry {
            at,
            reason,
            is_ambiguous,
        } => {
            intent.next_at = *at;
            intent.is_ambiguous |= *is_ambiguous;
            intent.last.clone_from(reason);
        }
        Outcome::Park { reason } => {
            intent.state = IntentState::Parked(reason.clone());
            intent.last.clone_from(reason);
            desk.record_for(
                order,
                Event::IntentParked {
                    intent: id,
                    reason: reason.clone(),
                },
            );
        }
        Outcome::Labeled { label } => {
            intent.state = IntentState::Done(fulfill::reference(label));
            intent.last = "done".to_owned();
            let event = Event::IntentDone {
                intent: id,
                is_elsewhere,
            };
            desk.record_for(order, event);
            fulfill::take_label(desk, &tried, label)?;
        }
        Outcome::Drop { reason } => desk.drop_wish(id, reason),
    }
    Ok(Verdict::New)
}

/// A parked wish is tried again, with the same key, after reading back.
pub(super) fn retry_intent(desk: &mut Desk<'_>, id: IntentId) -> Result<Verdict, Undecided> {
    let now = desk.now();
    let parked = desk
        .book
        .intents
        .get_mut(&id)
        .filter(|intent| matches!(intent.state, IntentState::Parked(_)));
    let Some(intent) = parked else {
        return Err(Undecided::Refused(Refusal::NotParked));
    };
    intent.state = IntentState::Waiting;
    // A provider that refused a label has surely not sold it.
    let is_label = matches!(intent.wish, Wish::BuyLabel { .. } | Wish::VoidLabel { .. });
    intent.is_ambiguous |= !is_label;
    intent.next_at = now;
    Ok(Verdict::New)
}

pub(super) fn retry_push(desk: &mut Desk<'_>, key: &ListingKey) -> Result<Verdict, Undecided> {
    let parked = desk
        .book
        .offers
        .get_mut(key)
        .filter(|offer| offer.parked.is_some());
    let Some(offer) = parked else {
        return Err(Undecided::Refused(Refusal::NotParked));
    };
    offer.parked = None;
    Ok(Verdict::New)
}

/// What a wish is, for the timeline.
pub(super) fn describe(wish: &Wish) -> String {
    match wish {
        Wish::PushShipment { shipment, .. } => format!("tell the channel of shipment {shipment}"),
        Wish::CancelOrder { reason } => format!("cancel the order on its channel: {reason}"),
        Wish::Refund { amount, reason, .. } => format!("refund {amount}: {reason}"),
        Wish::Capture { amount } => format!("take {amount}, which are reserved for it"),
        Wish::Message { message, way } => match way {
            Way::Mail => format!("send the message `{message}`"),
            Way::Webhook => format!("tell the webhook `{message}`"),
        },
        Wish::BuyLabel {
            provider, parcel, ..
        } => {
            format!("buy a label of {provider} for parcel {parcel}")
        }
        Wish::VoidLabel {
            provider,
            reference,
            ..
        } => format!("give label {reference} back to {provider}"),
    }
}
