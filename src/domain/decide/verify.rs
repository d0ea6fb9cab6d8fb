//! Holding what cannot be sent, does not add up or may be fraud, and noting what looks ordered twice.
//!
//! These holds lift by themselves when the channel's next view, or what a person entered anew, mends what they
//! are about. One that a person lifted is not placed again for the same reason.

use crate::{
    fact::Event,
    ids::OrderId,
    order::Order,
    postal::Flaw,
    risk::Risk,
    snapshot::OrderSnapshot,
    verify::{ALIKE_MAX, Sum, add_up},
};

use super::{Desk, Undecided, snapshot::OURSELVES, unclear::place_hold};

/// How the reason of a hold about an address begins.
const ADDRESS: &str = "it cannot be sent there: the address has ";
/// The reason of a hold about an address that is missing.
const NO_ADDRESS: &str = "it cannot be sent: shipping is paid, and there is no address";
/// How the reason of a hold about sums begins.
const SUM: &str = "its sums do not fit: ";
/// What follows the reason, so that whoever reads it knows what to do.
const MEND: &str = "; correct it on the channel, or release it";
/// How the reason of a hold about fraud begins.
const RISK: &str = "its channel fears fraud";
/// What follows that reason.
const TRUST: &str = "; ask the buyer, then release it or cancel it";

/// Looks at a view that was just taken in.
pub(super) fn look_at(
    desk: &mut Desk<'_>,
    id: OrderId,
    view: &OrderSnapshot,
    is_new: bool,
) -> Result<(), Undecided> {
    let account = desk.order(id)?.account.clone();
    let checks = desk.context.policy.verify.of(&account);
    let gist = view.gist();
    let order = desk.order_mut(id)?;
    order.bill_country.clone_from(&gist.bill_country);
    if is_new && checks.duplicates.is_some() {
        order.alike = gist.alike.iter().copied().take(ALIKE_MAX).collect();
        for other in order.alike.clone() {
            desk.record_for(id, Event::LooksAlike { other });
        }
    }
    let order = desk.order(id)?;
    let address = checks
        .address
        .then(|| address(order, view, &gist.flaws))
        .flatten();
    let was_held = is_held(desk.order(id)?, address.as_deref());
    settle(desk, id, &[ADDRESS, NO_ADDRESS], address.clone())?;
    let ask = desk.context.policy.verify.ask.clone();
    if let (Some(reason), Some(notice)) = (address, ask)
        && !was_held
        && is_held(desk.order(id)?, Some(&reason))
    {
        desk.ask(id, &reason, &notice)?;
    }
    let risk = risk(desk.order(id)?).filter(|_| checks.risk);
    settle(desk, id, &[RISK], risk)?;
    let sum = match (checks.arithmetic, add_up(view)) {
        (true, Sum::Differs(difference)) if desk.order(id)?.needs_person() => {
            Some(format!("{SUM}{difference}{MEND}"))
        }
        // What somebody changed meanwhile cannot be added up, which proves nothing.
        (true, Sum::Unknown) if !desk.order(id)?.is_withdrawn() => return Ok(()),
        (true, _) | (false, _) => None,
    };
    settle(desk, id, &[SUM], sum)
}

/// Whether it is on hold for this.
fn is_held(order: &Order, reason: Option<&str>) -> bool {
    let mut holds = order.active_holds();
    reason.is_some_and(|reason| holds.any(|hold| hold.reason == reason))
}

/// What keeps it from being sent where it goes.
fn address(order: &Order, view: &OrderSnapshot, flaws: &[Flaw]) -> Option<String> {
    let must_be_sent = order
        .lines
        .iter()
        .any(|line| line.requires_shipping && line.counters.to_ship().is_positive());
    if !must_be_sent || order.is_withdrawn() || order.is_erased() {
        return None;
    }
    if view.ship_to.is_none() {
        // Without an address it may be picked up, but nobody pays for that.
        return view
            .shipping
            .is_positive()
            .then(|| format!("{NO_ADDRESS}{MEND}"));
    }
    let texts: Vec<&str> = flaws.iter().map(|flaw| flaw.text()).collect();
    (!texts.is_empty()).then(|| format!("{ADDRESS}{}{MEND}", texts.join(", ")))
}

/// What its channel says against it, while some of it may still be kept back. That it is still looking is none.
fn risk(order: &Order) -> Option<String> {
    let said = match order.risk.as_ref()? {
        Risk::High => ": it would cancel the order".to_owned(),
        Risk::Medium => ": it would look at the order".to_owned(),
        Risk::Unmapped(word) => format!(": \"{word}\", which we do not know"),
        Risk::Pending | Risk::Low => return None,
    };
    order.needs_person().then(|| format!("{RISK}{said}{TRUST}"))
}

/// Places the hold that a reason asks for, and lifts those of its kind that nothing asks for any more.
fn settle(
    desk: &mut Desk<'_>,
    id: OrderId,
    kinds: &[&str],
    reason: Option<String>,
) -> Result<(), Undecided> {
    let now = desk.now();
    let is_of_kind = |text: &str| kinds.iter().any(|kind| text.starts_with(kind));
    let mut lifted = Vec::new();
    let mut is_known = false;
    for hold in &mut desk.order_mut(id)?.holds {
        if hold.owner != OURSELVES || !is_of_kind(&hold.reason) {
            continue;
        }
        let is_asked_for = reason.as_ref() == Some(&hold.reason);
        let by_person = hold
            .released_by
            .as_deref()
            .is_some_and(|by| by != OURSELVES);
        is_known |= is_asked_for && (hold.released_at.is_none() || by_person);
        if hold.released_at.is_none() && !is_asked_for {
            hold.released_at = Some(now);
            hold.released_by = Some(OURSELVES.to_owned());
            lifted.push(hold.reason.clone());
        }
    }
    if let Some(reason) = reason.filter(|_| !is_known) {
        place_hold(desk, id, &reason)?;
    }
    for reason in lifted {
        let by = OURSELVES.to_owned();
        desk.record_for(id, Event::HoldReleased { reason, by });
    }
    Ok(())
}
