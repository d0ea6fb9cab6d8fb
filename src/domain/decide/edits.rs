//! What a channel, or a person, changes of an order that is known: each a fact that says what, from what and to
//! what.
//!
//! Of people no fact tells: what changed of them is kept beside them, sealed and erased with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Money, Time,
    fact::Event,
    ids::OrderId,
    order::Order,
    person::{Destination, Person, PersonEdit},
    snapshot::{OrderSnapshot, PaymentState, Standing},
};

use super::{Desk, Undecided, capture, manual, snapshot::line_mut};

/// Takes in all of a newer view but its lines.
pub(super) fn take_head(
    desk: &mut Desk<'_>,
    id: OrderId,
    snapshot: &OrderSnapshot,
    fingerprint: u64,
) -> Result<(), Undecided> {
    let standing = standing(desk.order(id)?, snapshot);
    change(desk, id, "standing", |order| &mut order.standing, standing)?;
    let account = desk.order(id)?.account.clone();
    if !manual::is_by_hand(desk, &account) {
        let (payment, refunded) = (snapshot.payment.clone(), snapshot.refunded);
        change(desk, id, "payment", |order| &mut order.payment, payment)?;
        change(desk, id, "refunded", |order| &mut order.refunded, refunded)?;
        capture::see(desk, id)?;
    }
    take_words(desk, id, &snapshot.words)?;
    let number = snapshot.number.clone();
    change(desk, id, "number", |order| &mut order.number, number)?;
    change(desk, id, "total", |order| &mut order.total, snapshot.total)?;
    take_amounts(desk, id, snapshot)?;
    let ship_by = snapshot.ship_by;
    change(desk, id, "ship_by", |order| &mut order.ship_by, ship_by)?;
    let deliver_by = snapshot.deliver_by;
    change(
        desk,
        id,
        "deliver_by",
        |order| &mut order.deliver_by,
        deliver_by,
    )?;
    let risk = snapshot.risk.clone();
    change(desk, id, "risk", |order| &mut order.risk, risk)?;
    // An order that the channel changes is not closed any more.
    reopen(desk, id)?;
    let order = desk.order_mut(id)?;
    order.version = snapshot.version;
    order.fingerprint = fingerprint;
    order.destination = snapshot.ship_to.as_ref().and_then(Destination::of);
    let is_erased = order.is_erased();
    take_person(desk, id, Person::of(snapshot).filter(|_| !is_erased));
    Ok(())
}

/// What was canceled is no sale again when its money is given back, though some channels then have no other word
/// for it than for a sale whose money was given back.
fn standing(order: &Order, snapshot: &OrderSnapshot) -> Standing {
    match (&order.standing, &snapshot.standing, &snapshot.payment) {
        (Standing::Canceled, Standing::Placed, PaymentState::Refunded) => Standing::Canceled,
        (_, told, _) => told.clone(),
    }
}

/// Each of the channel's words by itself, so that it can be read which changed.
fn take_words(
    desk: &mut Desk<'_>,
    id: OrderId,
    words: &BTreeMap<String, String>,
) -> Result<(), Undecided> {
    let before = std::mem::replace(&mut desk.order_mut(id)?.words, words.clone());
    let names: BTreeSet<&String> = before.keys().chain(words.keys()).collect();
    for name in names {
        let (from, to) = (before.get(name), words.get(name));
        if from != to {
            let what = format!("word {name}");
            let (from, to) = (format!("{from:?}"), format!("{to:?}"));
            desk.record_for(id, Event::OrderChanged { what, from, to });
        }
    }
    Ok(())
}

/// What is in the total besides the lines; of older orders it was not kept.
fn take_amounts(
    desk: &mut Desk<'_>,
    id: OrderId,
    snapshot: &OrderSnapshot,
) -> Result<(), Undecided> {
    let amounts = manual::amounts(snapshot);
    let before = desk.order_mut(id)?.amounts.replace(amounts);
    let Some(before) = before else { return Ok(()) };
    for (what, from, to) in [
        ("shipping", before.shipping, amounts.shipping),
        ("discount", before.discount, amounts.discount),
        ("tax", before.tax, amounts.tax),
    ] {
        if from != to {
            let (what, from, to) = (what.to_owned(), format!("{from:?}"), format!("{to:?}"));
            desk.record_for(id, Event::OrderChanged { what, from, to });
        }
    }
    Ok(())
}

/// Personal data changes without a fact. What was erased does not come back with the next view of the channel.
fn take_person(desk: &mut Desk<'_>, id: OrderId, person: Option<Person>) {
    let now = desk.now();
    let before = desk.book.persons.remove(&id);
    let mut person = person.unwrap_or_default();
    if let Some(before) = before {
        person.take_over(before, now);
    }
    if person != Person::default() {
        desk.book.persons.insert(id, person);
    }
}

impl Person {
    /// Keeps what staff wrote, and what the channel changed of people until now.
    fn take_over(&mut self, before: Person, now: Time) {
        let edits = PersonEdit::between(&before, self, now);
        (self.notes, self.edits) = (before.notes, before.edits);
        self.edits.extend(edits);
        let too_many = self.edits.len().saturating_sub(PersonEdit::KEPT_MAX);
        self.edits.drain(..too_many);
    }
}

/// Promises when an order leaves, once it can: when it is new, or when its payment came.
pub(super) fn promise(
    desk: &mut Desk<'_>,
    id: OrderId,
    could_leave: bool,
) -> Result<(), Undecided> {
    let (now, order) = (desk.now(), desk.order(id)?);
    let is_new = order.accepted_at == now;
    if order.promised_by.is_some() || !order.is_payable() || (could_leave && !is_new) {
        return Ok(());
    }
    let terms = desk.context.policy.accounts.get(&order.account);
    let Some(within) = terms.and_then(|terms| terms.promised.ship_within) else {
        return Ok(());
    };
    let begin = if is_new { order.placed_at } else { now };
    let by = Some(within.after(begin));
    change(desk, id, "promised_by", |order| &mut order.promised_by, by)
}

/// The price of a line that is known.
pub(super) fn reprice(
    desk: &mut Desk<'_>,
    id: OrderId,
    number: u32,
    to: Money,
) -> Result<(), Undecided> {
    let line = line_mut(desk, id, number)?;
    let from = std::mem::replace(&mut line.total, to);
    if from != to {
        let what = format!("line {number} price");
        let (from, to) = (format!("{from:?}"), format!("{to:?}"));
        desk.record_for(id, Event::OrderChanged { what, from, to });
    }
    Ok(())
}

/// What was closed is looked after again.
pub(super) fn reopen(desk: &mut Desk<'_>, id: OrderId) -> Result<(), Undecided> {
    change(desk, id, "closed_at", |order| &mut order.closed_at, None)
}

/// Sets one part of an order, with a fact when it differs.
pub(super) fn change<T: PartialEq + std::fmt::Debug>(
    desk: &mut Desk<'_>,
    id: OrderId,
    what: &str,
    part: impl Fn(&mut Order) -> &mut T,
    to: T,
) -> Result<(), Undecided> {
    let slot = part(desk.order_mut(id)?);
    if *slot == to {
        return Ok(());
    }
    let from = format!("{slot:?}");
    let text = format!("{to:?}");
    *slot = to;
    desk.record_for(
        id,
        Event::OrderChanged {
            what: what.to_owned(),
            from,
            to: text,
        },
    );
    Ok(())
}
