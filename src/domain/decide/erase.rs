//! Forgetting people: what an order says of them goes, the order stays.

use crate::{fact::Event, ids::OrderId, person::Erasure};

use super::{Desk, Undecided, Verdict};

/// Who erases what nobody asked to be erased, when its time is over.
const OURSELVES: &str = "oneshelf";

/// Somebody asked for it. What must still be sent needs its address, so it waits for that.
pub(super) fn ask(desk: &mut Desk<'_>, id: OrderId, by: &str) -> Result<Verdict, Undecided> {
    let asked_at = desk.now();
    let order = desk.order_mut(id)?;
    if order.erasure.is_some() {
        return Ok(Verdict::Duplicate);
    }
    order.erasure = Some(Erasure {
        asked_at,
        by: by.to_owned(),
        done_at: None,
    });
    let by = by.to_owned();
    desk.record_for(id, Event::ErasureAsked { by });
    forget(desk, id)?;
    Ok(Verdict::New)
}

/// It was asked for, or its time is over.
pub(super) fn forget(desk: &mut Desk<'_>, id: OrderId) -> Result<Verdict, Undecided> {
    let now = desk.now();
    let order = desk.order_mut(id)?;
    if order.needs_person() || order.is_erased() {
        return Ok(Verdict::Nothing);
    }
    let erasure = order.erasure.get_or_insert_with(|| Erasure {
        asked_at: now,
        by: OURSELVES.to_owned(),
        done_at: None,
    });
    erasure.done_at = Some(now);
    let by = erasure.by.clone();
    desk.book.persons.remove(&id);
    desk.drop_messages(id);
    desk.record_for(id, Event::PersonErased { by });
    Ok(Verdict::New)
}
