//! Holding an order of which it is not clear what its channel means.

use crate::{
    fact::Event,
    ids::OrderId,
    order::Hold,
    snapshot::{PaymentState, Standing},
};

use super::{Desk, Undecided, snapshot::OURSELVES};

/// How the reason of a hold about an unknown word begins.
const UNKNOWN_STATUS: &str = "the channel says an unknown status";
/// The reason of a hold about money that was given back.
const REFUNDED_BUT_OPEN: &str =
    "it was refunded in full, and not canceled: cancel it, or release it to ship nevertheless";

/// What holds an order by itself: words that the connector does not know, and money that was given
/// back in full while units are still to be sent. It goes on by itself when the reason is gone.
pub(super) fn hold(desk: &mut Desk<'_>, id: OrderId) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let mut unclear = Vec::new();
    if let Standing::Unmapped(word) = &order.standing {
        unclear.push(format!("{UNKNOWN_STATUS} of the order: `{word}`"));
    }
    if let PaymentState::Unmapped(word) = &order.payment {
        unclear.push(format!("{UNKNOWN_STATUS} of the payment: `{word}`"));
    }
    let is_to_ship = order
        .lines
        .iter()
        .any(|line| line.counters.to_ship().is_positive());
    if order.payment == PaymentState::Refunded && is_to_ship && !order.is_withdrawn() {
        unclear.push(REFUNDED_BUT_OPEN.to_owned());
    }
    for reason in &unclear {
        place_hold(desk, id, reason)?;
    }
    let now = desk.now();
    let mut released = Vec::new();
    for hold in &mut desk.order_mut(id)?.holds {
        let is_of_this_kind = hold.owner == OURSELVES
            && (hold.reason.starts_with(UNKNOWN_STATUS) || hold.reason == REFUNDED_BUT_OPEN);
        if hold.released_at.is_none() && is_of_this_kind && !unclear.contains(&hold.reason) {
            hold.released_at = Some(now);
            hold.released_by = Some(OURSELVES.to_owned());
            released.push(hold.reason.clone());
        }
    }
    for reason in released {
        let by = OURSELVES.to_owned();
        desk.record_for(id, Event::HoldReleased { reason, by });
    }
    Ok(())
}

pub(super) fn place_hold(desk: &mut Desk<'_>, id: OrderId, reason: &str) -> Result<(), Undecided> {
    let since = desk.now();
    let order = desk.order_mut(id)?;
    if order.active_holds().any(|hold| hold.reason == reason) {
        return Ok(());
    }
    order.holds.push(Hold {
        reason: reason.to_owned(),
        owner: OURSELVES.to_owned(),
        since,
        until: None,
        keeps_claim: true,
        released_at: None,
        released_by: None,
        asked: None,
    });
    let (reason, owner) = (reason.to_owned(), OURSELVES.to_owned());
    desk.record_for(id, Event::HoldPlaced { reason, owner });
    Ok(())
}
