//! Notes of staff, and who was given all that is known. How many notes there are stands in the order, so that a decision about one needs no text.

use crate::{
    fact::Event,
    ids::OrderId,
    notes::{NOTES_MAX, Note, NoteRefusal, NoteText},
};

use super::{Desk, Refusal, Undecided, Verdict, command::refuse};

pub(super) fn add(
    desk: &mut Desk<'_>,
    id: OrderId,
    text: &NoteText,
    by: &str,
) -> Result<Verdict, Undecided> {
    let at = desk.now();
    let order = desk.order_mut(id)?;
    if order.is_erased() {
        return refuse(NoteRefusal::Erased.into());
    }
    if order.notes >= NOTES_MAX {
        return refuse(NoteRefusal::TooMany.into());
    }
    order.notes = order.notes.saturating_add(1);
    let (number, by) = (order.notes, by.to_owned());
    let note = Note {
        number,
        at,
        by: by.clone(),
        text: text.clone(),
    };
    desk.book.persons.entry(id).or_default().notes.push(note);
    desk.record_for(id, Event::NoteAdded { number, by });
    Ok(Verdict::New)
}

/// Whoever gets all that is known of an order, people too, is known.
pub(super) fn witness(desk: &mut Desk<'_>, id: OrderId, by: &str) -> Result<Verdict, Undecided> {
    desk.order(id)?;
    let by = by.to_owned();
    desk.record_for(id, Event::EvidenceMade { by });
    Ok(Verdict::New)
}

impl From<NoteRefusal> for Refusal {
    fn from(refusal: NoteRefusal) -> Refusal {
        Refusal::Note(refusal)
    }
}
