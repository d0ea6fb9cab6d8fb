//! What rules did with an order, and what looks ordered twice.

use domain::fact::Event;

/// In a sentence; nothing where an event is about something else.
pub(super) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::LooksAlike { other } => format!(
            "It looks ordered twice: the same buyer ordered the same for the same sum shortly before, as {other}."
        ),
        Event::RuleMatched { rule, on, saw, did } => {
            let saw: Vec<String> = saw
                .iter()
                .map(|(name, value)| format!("{name} is {value}"))
                .collect();
            let saw = if saw.is_empty() {
                "for every order".to_owned()
            } else {
                saw.join(", ")
            };
            let did = if did.is_empty() {
                "Nothing changed by it.".to_owned()
            } else {
                format!("It was {}.", did.join(", "))
            };
            format!("The rule \"{rule}\" matched at {}: {saw}. {did}", on.word())
        }
        Event::RuleFailed { rule, on, error } => format!(
            "The rule \"{rule}\" failed at {}, and nothing was done: {error}.",
            on.word()
        ),
        _ => return None,
    })
}
