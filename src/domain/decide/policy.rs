//! Doing what the policy says of an incident: once for each rule, and nothing that a person has decided.

use crate::{
    ids::{IncidentId, OrderId},
    incident::{Choice, Incident, Rival, Way, gives_all},
    policy::{self, Rule, Step},
};

use super::{Desk, Refusal, Undecided, Verdict, command, incidents};

/// Acts if a rule is due. `can_cancel`: whether the channel of the account lets orders be canceled.
pub(super) fn act(
    desk: &mut Desk<'_>,
    id: IncidentId,
    can_cancel: bool,
) -> Result<Verdict, Undecided> {
    let open = desk.book.incidents.iter();
    let found = open
        .filter(|(_, incident)| incident.id == id && incident.closed_at.is_none())
        .map(|(key, incident)| (key.clone(), incident.clone()))
        .next();
    let Some((key, incident)) = found else {
        return Ok(Verdict::Nothing);
    };
    let (item, order) = (
        desk.book.items.get(&incident.sku),
        desk.order(incident.order)?,
    );
    let next = policy::next(&desk.context.policy.incidents, &incident, item, order);
    let Some(rule) = next
        .filter(|next| next.at <= desk.now())
        .map(|next| next.rule.clone())
    else {
        return Ok(Verdict::Nothing);
    };
    let Some(way) = first_that_can_be(desk, &incident, &rule, can_cancel)? else {
        return Ok(Verdict::Nothing);
    };
    let by = format!("policy {}", rule.name);
    let choice = Choice {
        way,
        by,
        note: None,
        at: desk.now(),
        rule: Some(rule.name),
    };
    incidents::note_choice(desk, &key, id, choice);
    Ok(Verdict::New)
}

/// Does the first way of a rule that can be done, and says which.
fn first_that_can_be(
    desk: &mut Desk<'_>,
    incident: &Incident,
    rule: &Rule,
    can_cancel: bool,
) -> Result<Option<Way>, Undecided> {
    for step in &rule.then {
        let done = match step {
            Step::Wait => Some(Way::Wait),
            Step::TakeFrom => match rival(desk, incident)? {
                Some(order) => unless_refused(incidents::take_from(desk, incident, order))?
                    .map(|()| Way::TakeFrom { order }),
                None => None,
            },
            Step::CancelOrder if can_cancel => {
                let reason = "sold and not there";
                let canceled = command::cancel(desk, incident.order, reason);
                unless_refused(canceled)?.map(|_| Way::CancelOrder)
            }
            Step::CancelOrder => None,
        };
        if done.is_some() {
            return Ok(done);
        }
    }
    Ok(None)
}

/// The order that gives way best, if one can give all that is missing.
fn rival(desk: &Desk<'_>, incident: &Incident) -> Result<Option<OrderId>, Undecided> {
    if !desk.book.all_claims_of.contains(&incident.sku) {
        return Err(Undecided::NeedsClaims(vec![incident.sku.clone()]));
    }
    let order = desk.order(incident.order)?;
    if !order.is_payable() {
        return Ok(None);
    }
    let mut rivals: Vec<Rival> = Vec::new();
    for (key, claim) in &desk.book.claims {
        let Some(other) = desk.book.orders.get(&key.order) else {
            continue;
        };
        if key.sku != incident.sku || key.order == incident.order {
            continue;
        }
        match rivals.iter_mut().find(|rival| rival.order == key.order) {
            Some(rival) => rival.units = rival.units.plus(claim.open()),
            None => rivals.push(Rival {
                order: key.order,
                units: claim.open(),
                placed_at: other.placed_at,
                is_paid: other.is_payable(),
            }),
        }
    }
    Ok(gives_all(&rivals, order.placed_at, incident.missing))
}

/// What is refused changes nothing: then it is another way's turn.
fn unless_refused<T>(done: Result<T, Undecided>) -> Result<Option<T>, Undecided> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(Undecided::Refused(refusal)) => {
            debug_assert!(!matches!(refusal, Refusal::NoOrder(_)));
            Ok(None)
        }
        Err(again @ (Undecided::NeedsClaims(_) | Undecided::Torn(_))) => Err(again),
    }
}
