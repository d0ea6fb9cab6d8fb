//! Taking the money that a buyer's bank has only reserved, when parcels leave, where an account is set so.
//!
//! It is wished once for an order: what came of it is for a person, who may try again. Nothing is wished where a
//! person takes the money, and nothing of an order whose money is there already.

use crate::{
    Money, Quantity,
    ids::OrderId,
    intent::{IntentState, Wish},
    order::Order,
    payment::CaptureOn,
    snapshot::PaymentState,
};

use super::{Desk, Undecided, command::wish, manual};

/// A parcel left; `completes` says whether nothing remains to leave after it.
pub(super) fn on_leaving(
    desk: &mut Desk<'_>,
    id: OrderId,
    completes: bool,
) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let terms = desk.context.policy.accounts.get(&order.account);
    let is_now = match terms.map(|terms| terms.capture_on).unwrap_or_default() {
        CaptureOn::Never => false,
        CaptureOn::FirstParcel => true,
        CaptureOn::LastParcel => completes,
    };
    let is_reserved = order.payment == PaymentState::Authorized;
    if !is_now || !is_reserved || manual::is_by_hand(desk, &order.account) {
        return Ok(());
    }
    let mut intents = desk.book.intents.values();
    let is_wished =
        intents.any(|intent| intent.order == id && matches!(intent.wish, Wish::Capture { .. }));
    if is_wished {
        return Ok(());
    }
    if let Some(amount) = order.to_capture() {
        wish(desk, id, Wish::Capture { amount })?;
    }
    Ok(())
}

/// The money is there: nobody needs to look after what could not be taken.
pub(super) fn see(desk: &mut Desk<'_>, id: OrderId) -> Result<(), Undecided> {
    if !is_taken(&desk.order(id)?.payment) {
        return Ok(());
    }
    let intents = desk.book.intents.values();
    let parked: Vec<_> = intents
        .filter(|intent| intent.order == id && matches!(intent.wish, Wish::Capture { .. }))
        .filter(|intent| matches!(intent.state, IntentState::Parked(_)))
        .map(|intent| intent.id)
        .collect();
    for intent in parked {
        desk.drop_wish(intent, "the money is taken");
    }
    Ok(())
}

/// Whether the buyer's money came, whatever was given back of it since.
pub fn is_taken(payment: &PaymentState) -> bool {
    match payment {
        PaymentState::Paid | PaymentState::PartRefunded | PaymentState::Refunded => true,
        PaymentState::Pending
        | PaymentState::Authorized
        | PaymentState::PartPaid
        | PaymentState::Voided
        | PaymentState::Unmapped(_) => false,
    }
}

impl Order {
    /// What is to be taken of the money that is reserved for it: all that it costs but what was canceled.
    fn to_capture(&self) -> Option<Money> {
        let canceled: Vec<(u32, Quantity)> = self
            .lines
            .iter()
            .map(|line| (line.number, line.counters.canceled_net()))
            .filter(|(_, units)| units.is_positive())
            .collect();
        let worth = self.worth_of(&canceled);
        let left = self.total.minor().saturating_sub(worth);
        let left = Money::from_minor(left, self.currency).ok()?;
        left.is_positive().then_some(left)
    }
}
