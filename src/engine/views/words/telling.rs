//! Words for the entries of a timeline.

use domain::{
    fact::Event,
    person::{PersonEdit, PersonPart},
};

use crate::lanes::AttemptNote;

/// A note of staff; its text is erased with what the order says of people.
pub fn note(by: &str, text: Option<&String>) -> String {
    match text {
        Some(text) => format!("{by} noted: {text}"),
        None => format!("{by} wrote a note; what it said was erased."),
    }
}

/// A try of what was wished on a channel or of a gateway.
pub fn attempt(note: &AttemptNote) -> String {
    let AttemptNote {
        request,
        result,
        latency_ms,
        ..
    } = note;
    format!("Tried: {request}. It brought: {result}, after {latency_ms} ms.")
}

/// What a channel changed of people.
pub fn person_edit(edit: &PersonEdit) -> String {
    let part = match edit.part {
        PersonPart::Buyer => "who bought",
        PersonPart::ShipTo => "where it goes",
        PersonPart::BillTo => "where the bill goes",
        PersonPart::Note => "what the buyer wrote",
    };
    let shown = |text: &str| match text {
        "" => "nothing".to_owned(),
        text => format!("\"{text}\""),
    };
    let (from, to) = (shown(&edit.from), shown(&edit.to));
    format!("The channel changed {part} from {from} to {to}.")
}

/// What was changed of an order, in a sentence.
pub(super) fn changed(what: &str, from: &str, to: &str) -> String {
    if what == "words" {
        // Earlier versions did not tell which of them; what they are stands in the fact.
        return "The channel says something else in its own words.".to_owned();
    }
    let (from, to) = (plain(from), plain(to));
    if let Some(word) = what.strip_prefix("word ") {
        return format!("The channel's word `{word}` changed from {from} to {to}.");
    }
    match (what, to.as_str()) {
        ("closed_at", "nothing") => "It was opened again.".to_owned(),
        ("closed_at", _) => "It was closed: nothing more is expected of it.".to_owned(),
        ("standing", _) => format!("On the channel it is {to} now, and was {from}."),
        ("payment", _) => format!("Its payment is {to} now, and was {from}."),
        ("ship_by", _) => format!("It is to be shipped by {to}, no longer by {from}."),
        _ => format!("{what} changed from {from} to {to}."),
    }
}

/// A value as facts write it, for people: `Some(PartPaid)` is `part paid`.
fn plain(value: &str) -> String {
    let inner = value
        .strip_prefix("Some(")
        .and_then(|inner| inner.strip_suffix(')'));
    let value = inner.unwrap_or(value);
    let unmapped = value
        .strip_prefix("Unmapped(")
        .and_then(|inner| inner.strip_suffix(')'));
    let value = unmapped.unwrap_or(value);
    if value == "None" {
        return "nothing".to_owned();
    }
    let is_word = value.chars().all(|c| c.is_ascii_alphabetic());
    if !is_word {
        return value.to_owned();
    }
    let mut text = String::new();
    for letter in value.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// What an event is about, in one word.
pub fn event_kind(event: &Event) -> &'static str {
    match event {
        Event::OrderAccepted { .. }
        | Event::OrderEntered { .. }
        | Event::OrderReplaced { .. }
        | Event::LineAdded { .. }
        | Event::LineMapped { .. }
        | Event::Counted { .. }
        | Event::ListingMapped { .. }
        | Event::ItemSet { .. } => "order",
        Event::OrderChanged { .. } => "change",
        Event::NoteAdded { .. } => "note",
        Event::HoldPlaced { .. } | Event::HoldReleased { .. } => "hold",
        Event::PaymentRecorded { .. } => "money",
        Event::Claimed { .. }
        | Event::Released { .. }
        | Event::Allocated { .. }
        | Event::Unbound { .. }
        | Event::Short { .. }
        | Event::Covered { .. }
        | Event::Owed { .. }
        | Event::Moved { .. } => "stock",
        Event::IncidentOpened { .. } | Event::WayChosen { .. } | Event::IncidentClosed { .. } => {
            "incident"
        }
        Event::ErasureAsked { .. } | Event::PersonErased { .. } | Event::EvidenceMade { .. } => {
            "people"
        }
        Event::ShipmentRecorded { .. }
        | Event::Tracked { .. }
        | Event::DeliverySettled { .. }
        | Event::SentAgain { .. } => "parcel",
        Event::Worked { .. } => "task",
        Event::DocumentIssued { .. } => "document",
        Event::LooksAlike { .. } | Event::RuleMatched { .. } | Event::RuleFailed { .. } => "rule",
        Event::ReturnAdvised { .. }
        | Event::Exchanged { .. }
        | Event::ReturnReceived { .. }
        | Event::ReturnInspected { .. }
        | Event::ReturnClosed { .. }
        | Event::ReturnRefunded { .. } => "return",
        Event::IntentMade { .. }
        | Event::IntentDone { .. }
        | Event::IntentDropped { .. }
        | Event::IntentParked { .. } => "intent",
        // These belong to no order, and so to no timeline.
        Event::ArrivalExpected { .. }
        | Event::ArrivalClosed { .. }
        | Event::CountOpened { .. }
        | Event::CountEntered { .. }
        | Event::CountClosed { .. }
        | Event::OfferChanged { .. }
        | Event::BufferTuned { .. }
        | Event::ListingEnded { .. }
        | Event::ListingLifted { .. }
        | Event::PushStarted { .. }
        | Event::PushAcknowledged { .. }
        | Event::PushConflicted { .. }
        | Event::PushParked { .. }
        | Event::DriftOpened { .. }
        | Event::DriftClosed { .. }
        | Event::LevelEdited { .. }
        | Event::BreakerTripped { .. }
        | Event::BreakerLifted { .. } => "listing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_as_a_sentence() {
        for (what, from, to, sentence) in [
            (
                "payment",
                "Pending",
                "PartPaid",
                "Its payment is part paid now, and was pending.",
            ),
            (
                "word status",
                "None",
                "Some(\"on-hold\")",
                "The channel's word `status` changed from nothing to \"on-hold\".",
            ),
            (
                "total",
                "12.50 EUR",
                "10.00 EUR",
                "total changed from 12.50 EUR to 10.00 EUR.",
            ),
            (
                "standing",
                "Unmapped(\"odd\")",
                "Placed",
                "On the channel it is placed now, and was \"odd\".",
            ),
            (
                "closed_at",
                "Some(2026-05-01T00:00:00Z)",
                "None",
                "It was opened again.",
            ),
        ] {
            assert_eq!(changed(what, from, to), sentence);
        }
    }
}
