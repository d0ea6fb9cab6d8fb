//! Sentences for what happens after something left.

use domain::{
    Money, Quantity,
    fact::Event,
    ids::ReturnId,
    returns::{ReturnReason, Verdict},
};

use crate::views::Units;

/// What happened to a parcel or a return, in a sentence; nothing for other events.
pub(super) fn event(event: &Event, units: &dyn Fn(u32, Quantity) -> Units) -> Option<String> {
    Some(match event {
        Event::Tracked {
            shipment,
            state,
            at,
            place,
            by,
        } => {
            let place = place.as_deref().map(|place| format!(" ({place})"));
            let (words, place) = (state.words(), place.unwrap_or_default());
            format!("Parcel {shipment} {words}{place}, as of {at}, told by {by}.")
        }
        Event::DeliverySettled { shipment, note, by } => {
            format!("{by} saw to parcel {shipment}: {note}.")
        }
        Event::SentAgain { reason, by } => format!("{by} had it sent again: {reason}."),
        _ => return of_return(event, units),
    })
}

/// The same of a return.
fn of_return(event: &Event, units: &dyn Fn(u32, Quantity) -> Units) -> Option<String> {
    Some(match event {
        Event::ReturnAdvised {
            id,
            line,
            units: count,
            reason,
            goodwill,
            by,
        } => {
            let comes = format!("Line {line}: {} come back with {id}", units(*line, *count));
            advised(&comes, *reason, *goodwill, by)
        }
        Event::Exchanged {
            id,
            line,
            sku,
            units: count,
            total,
            by,
        } => {
            let count = units(*line, *count);
            format!(
                "Line {line}: {count} of {sku} leave for what comes back with {id}, for {total}; {by} said so."
            )
        }
        Event::ReturnRefunded {
            id,
            amount,
            lines,
            anyway,
        } => refunded((*id, *amount), lines, *anyway, units),
        Event::ReturnReceived {
            id,
            line,
            units: count,
            location,
            by,
        } => {
            let count = units(*line, *count);
            format!("Line {line}: {count} came back to {location} with {id}, taken in by {by}.")
        }
        Event::ReturnInspected {
            id,
            line,
            units: count,
            verdict,
            note,
            by,
        } => {
            let (count, fate) = (units(*line, *count), return_verdict(*verdict));
            format!("Line {line}: {count} of {id} {fate}: {note}, {by} said.")
        }
        Event::ReturnClosed { id, reason, by } => {
            format!("Return {id} is closed: {reason}, {by} said.")
        }
        _ => return None,
    })
}

/// That units are to come back, and why.
fn advised(comes: &str, reason: ReturnReason, goodwill: bool, by: &str) -> String {
    let reason = return_reason(reason);
    let goodwill = match goodwill {
        true => " Its time was over: it is taken back as goodwill.",
        false => "",
    };
    format!("{comes}, because {reason}; {by} said so.{goodwill}")
}

/// Why something comes back, as it follows "because".
fn return_reason(reason: ReturnReason) -> &'static str {
    match reason {
        ReturnReason::ChangedMind => "it is not wanted any more",
        ReturnReason::DoesNotFit => "it does not fit",
        ReturnReason::WrongItem => "it is another item",
        ReturnReason::NotAsDescribed => "it is not as described",
        ReturnReason::Defective => "it does not work",
        ReturnReason::Damaged => "it was broken on the way",
        ReturnReason::TooLate => "it came too late",
        ReturnReason::Undeliverable => "it could not be delivered",
        ReturnReason::Other => "of something else",
    }
}

/// What becomes of units that came back, after a number of them.
fn return_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Restock => "are sold again",
        Verdict::Damaged => "are kept as damaged",
        Verdict::Scrap => "are thrown away",
    }
}

/// Money that is given back for units of a return.
fn refunded(
    (id, amount): (ReturnId, Money),
    lines: &[(u32, Quantity)],
    anyway: bool,
    units: &dyn Fn(u32, Quantity) -> Units,
) -> String {
    let parts = lines.iter();
    let parts = parts.map(|(line, count)| format!(", {} of line {line}", units(*line, *count)));
    let (parts, anyway) = (
        parts.collect::<String>(),
        if anyway {
            ", also beyond what came"
        } else {
            ""
        },
    );
    format!("{amount} are given back for what came with {id}{parts}{anyway}.")
}
