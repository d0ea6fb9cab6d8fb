//! What a case says to a person: each decision and what came of it, in sentences.
//!
//! It compares nothing and decides nothing. Start reading at [`Teller::tell`].

use std::collections::BTreeMap;

use domain::{
    AccountId, ListingId, Quantity, Sku,
    book::{ListingKey, Settlement},
    breaker::Side,
    fact::{Event, Fact},
    ids::OrderId,
    intent::Outcome,
    order::Order,
    signal::{PushResult, Reading, Signal, Source},
    stock::Condition,
};
use serde_json::Value;

use super::{
    play::Played,
    replay::{About, CaseStep, Happened, Told},
};
use crate::{
    decider::explain_suppression,
    views::{Units, words},
};

/// How much of a value a sentence shows.
const SHOWN_MAX: usize = 80;

/// Says a quantity in units of the item that a sentence is about.
type InUnits<'a> = dyn Fn(Quantity) -> Units + 'a;

/// Tells one case, step by step, and remembers what was said before.
pub(super) struct Teller<'a> {
    about: &'a About,
    /// Numbers for orders, whose ids nobody can tell apart at a glance.
    orders: BTreeMap<OrderId, usize>,
    /// The decimals of items.
    scales: BTreeMap<Sku, u8>,
    /// Which items listings are.
    skus: BTreeMap<ListingKey, Sku>,
    happened: Vec<Happened>,
}

/// A fact that belongs to no order.
struct Shelf {
    /// What it is about, where that is known.
    sku: Option<Sku>,
    said: String,
}

impl<'a> Teller<'a> {
    pub(super) fn new(about: &'a About) -> Teller<'a> {
        Teller {
            about,
            orders: BTreeMap::new(),
            scales: BTreeMap::new(),
            skus: BTreeMap::new(),
            happened: Vec::new(),
        }
    }

    /// What became of incidents, in all that was told.
    pub(super) fn happened(self) -> Vec<Happened> {
        self.happened
    }

    /// One step in sentences; whether it is as recorded is not known here.
    pub(super) fn tell(
        &mut self,
        number: usize,
        signal: &Signal,
        step: &CaseStep,
        played: &Played,
    ) -> Told {
        let items = played.scales.iter();
        self.scales
            .extend(items.map(|(sku, scale)| (sku.clone(), *scale)));
        let listings = played.listings.iter();
        self.skus
            .extend(listings.map(|(key, sku)| (key.clone(), sku.clone())));
        let inner = step
            .signal
            .as_object()
            .and_then(|signal| signal.values().next());
        let account = inner.and_then(|inner| inner["account"].as_str());
        let mut told = Told {
            step: number,
            at: step.at,
            signal: signal_words(signal),
            said: said(signal, account, &played.verdict),
            account: account.map(str::to_owned),
            verdict: played.verdict.clone(),
            decided: Vec::new(),
            elsewhere: 0,
            is_same: None,
        };
        for fact in &played.facts {
            match self.sentence(number, fact, played) {
                Some(sentence) => told.decided.push(sentence),
                None => told.elsewhere += 1,
            }
        }
        told
    }

    /// A fact in a sentence; nothing where it is about items that the case is not about.
    fn sentence(&mut self, step: usize, fact: &Fact, played: &Played) -> Option<String> {
        let order = fact
            .order
            .and_then(|id| played.orders.iter().find(|order| order.id == id));
        let Some(order) = order else {
            let shelf = self.shelf(fact);
            let is_ours = shelf.sku.is_none_or(|sku| self.about.skus.contains(&sku));
            return is_ours.then_some(shelf.said);
        };
        let is_known = self.orders.contains_key(&order.id);
        let number = self.number(order);
        let long = format!("Order {number} ({}, on {})", order.id, order.account);
        let name = if is_known {
            format!("Order {number}")
        } else {
            long.clone()
        };
        if matches!(fact.event, Event::OrderAccepted { .. }) {
            // Its number on the channel was taken out, and what replaces it says nothing.
            return Some(format!("{name} was accepted."));
        }
        let text = words::event(&fact.event, order);
        if is_of_incident(&fact.event) {
            self.happened.push(Happened {
                step,
                at: fact.at,
                said: format!("{long}: {text}"),
            });
        }
        Some(format!("{name}: {text}"))
    }

    fn number(&mut self, order: &Order) -> usize {
        let next = self.orders.len() + 1;
        *self.orders.entry(order.id).or_insert(next)
    }

    fn units(&self, sku: Option<&Sku>, quantity: Quantity) -> Units {
        let scale = sku.and_then(|sku| self.scales.get(sku));
        Units::new(quantity, scale.copied().unwrap_or_default())
    }

    /// What a listing is called in a sentence: by its item where that is known.
    fn listing(&self, fact: &Fact, listing: &ListingId) -> (Option<&Sku>, String) {
        let key = fact
            .account
            .clone()
            .map(|account| (account, listing.clone()));
        let sku = key.and_then(|key| self.skus.get(&key));
        let on = on(fact.account.as_ref());
        let name = match sku {
            Some(sku) => format!("{sku}{on} ({listing})"),
            None => format!("{listing}{on}"),
        };
        (sku, name)
    }

    #[expect(clippy::too_many_lines, reason = "one sentence for each event")]
    fn shelf(&self, fact: &Fact) -> Shelf {
        let on = on(fact.account.as_ref());
        let about = |sku: &Sku, said: String| Shelf {
            sku: Some(sku.clone()),
            said,
        };
        let of_none = |said: String| Shelf { sku: None, said };
        let of_listing = |listing: &ListingId, says: &dyn Fn(&InUnits<'_>) -> String| {
            let (sku, name) = self.listing(fact, listing);
            let units = |quantity| self.units(sku, quantity);
            Shelf {
                sku: sku.cloned(),
                said: format!("{name} {}.", says(&units)),
            }
        };
        match &fact.event {
            Event::Moved {
                sku,
                location,
                condition,
                delta,
                cause,
                ..
            } => {
                let (delta, why) = (self.units(Some(sku), *delta), words::cause(cause));
                let state = match condition {
                    Condition::Sellable => String::new(),
                    Condition::Damaged | Condition::Quality | Condition::ReturnedUnchecked => {
                        format!(" ({})", condition.words())
                    }
                };
                let said = format!(
                    "Stock of {sku} at {location}{state} changed by {delta}, because {why}."
                );
                about(sku, said)
            }
            Event::ListingMapped { named, sku, by } => {
                let said = words::mapped(named, sku.as_ref(), by);
                Shelf {
                    sku: sku.clone(),
                    said: format!("{said}."),
                }
            }
            Event::ItemSet { sku } => about(sku, format!("Item {sku} was set.")),
            Event::ArrivalExpected {
                sku,
                location,
                units,
                ..
            } => {
                let units = self.units(Some(sku), *units);
                about(
                    sku,
                    format!("{units} of {sku} are to come in at {location}."),
                )
            }
            Event::ArrivalClosed {
                sku,
                reason,
                surplus,
                ..
            } => {
                let more = match surplus.is_positive() {
                    true => {
                        let surplus = self.units(Some(sku), *surplus);
                        format!(", and {surplus} more than were announced")
                    }
                    false => String::new(),
                };
                let text =
                    format!("Nothing more of an arrival of {sku} will come: {reason}{more}.");
                about(sku, text)
            }
            Event::CountOpened { location, by, .. } => {
                of_none(format!("{by} began a stocktake at {location}."))
            }
            Event::CountEntered {
                sku,
                counted,
                expected,
                is_applied,
                ..
            } => {
                let units = |quantity| self.units(Some(sku), quantity);
                let (counted, expected) = (units(*counted), units(*expected));
                let then = match is_applied {
                    true => "that was believed",
                    false => "it is to be counted again",
                };
                let said = format!(
                    "{counted} of {sku} were counted where {expected} were expected; {then}."
                );
                about(sku, said)
            }
            Event::CountClosed { by, .. } => of_none(format!("{by} ended a stocktake.")),
            Event::OfferChanged {
                listing,
                wanted,
                suppressed,
                ..
            } => of_listing(listing, &|units| match (wanted, suppressed) {
                (Some(wanted), _) => format!("should show {}", units(*wanted)),
                (None, Some(why)) => {
                    format!("is not written: {}", explain_suppression(*why))
                }
                (None, None) => "is not written".to_owned(),
            }),
            Event::BufferTuned { listing, tuned, .. } => of_listing(listing, &|units| {
                let buffer = units(tuned.buffer);
                format!("holds {buffer} back now: its buffer tuned itself")
            }),
            Event::ListingEnded {
                listing, sellable, ..
            } => of_listing(listing, &|units| {
                format!("ended by its rule, with {} to be sold", units(*sellable))
            }),
            Event::ListingLifted {
                listing, reason, ..
            } => of_listing(listing, &|_| format!("is offered again: {reason}")),
            Event::PushStarted {
                listing,
                quantity,
                expected,
                ..
            } => of_listing(listing, &|units| {
                let (quantity, expected) = (units(*quantity), level(*expected, units));
                format!("is to be set from {expected} to {quantity}: a push began")
            }),
            Event::PushAcknowledged {
                listing, quantity, ..
            } => of_listing(listing, &|units| {
                format!("shows {} now: the channel took the push", units(*quantity))
            }),
            Event::PushConflicted {
                listing,
                expected,
                observed,
            } => of_listing(listing, &|units| {
                let (observed, expected) = (level(*observed, units), level(*expected, units));
                format!(
                    "shows {observed} and not {expected}; nothing was written, orders come first"
                )
            }),
            Event::PushParked { listing, reason } => {
                of_listing(listing, &|_| format!("waits for a person: {reason}"))
            }
            Event::DriftOpened {
                listing,
                drift,
                expected,
                observed,
                ..
            } => of_listing(listing, &|units| {
                let (observed, expected) = (units(*observed), units(*expected));
                format!(
                    "shows {observed} instead of {expected}, and no order explains it ({drift})"
                )
            }),
            Event::DriftClosed {
                listing,
                drift,
                way,
                ..
            } => of_listing(listing, &|_| {
                format!("is settled: {} ({drift})", settled(*way))
            }),
            Event::LevelEdited { listing, edit } => of_listing(listing, &|units| {
                let by = edit.by.as_deref().unwrap_or("somebody");
                let (from, to) = (units(edit.from), units(edit.to));
                format!("was changed from {from} to {to} on the channel, by {by}")
            }),
            Event::BreakerTripped { side, listings, of } => {
                let what = match side {
                    Side::Source => "jumped",
                    Side::Writes => "were to be set to zero",
                };
                let said = format!("The breaker{on} tripped: {listings} of {of} listings {what}.");
                of_none(said)
            }
            Event::BreakerLifted { by, .. } => of_none(format!("{by} lifted the breaker{on}.")),
            // Their order is not among what the decision read, so nothing can be said of its lines.
            Event::OrderAccepted { .. }
            | Event::OrderEntered { .. }
            | Event::OrderReplaced { .. }
            | Event::LooksAlike { .. }
            | Event::RuleMatched { .. }
            | Event::RuleFailed { .. }
            | Event::PaymentRecorded { .. }
            | Event::OrderChanged { .. }
            | Event::LineAdded { .. }
            | Event::LineMapped { .. }
            | Event::Counted { .. }
            | Event::Claimed { .. }
            | Event::Released { .. }
            | Event::Allocated { .. }
            | Event::Unbound { .. }
            | Event::Short { .. }
            | Event::Covered { .. }
            | Event::Owed { .. }
            | Event::IncidentOpened { .. }
            | Event::WayChosen { .. }
            | Event::IncidentClosed { .. }
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::NoteAdded { .. }
            | Event::EvidenceMade { .. }
            | Event::ErasureAsked { .. }
            | Event::PersonErased { .. }
            | Event::Worked { .. }
            | Event::ShipmentRecorded { .. }
            | Event::Tracked { .. }
            | Event::DeliverySettled { .. }
            | Event::SentAgain { .. }
            | Event::ReturnAdvised { .. }
            | Event::Exchanged { .. }
            | Event::ReturnReceived { .. }
            | Event::ReturnInspected { .. }
            | Event::ReturnClosed { .. }
            | Event::DocumentIssued { .. }
            | Event::ReturnRefunded { .. }
            | Event::IntentMade { .. }
            | Event::IntentDone { .. }
            | Event::IntentDropped { .. }
            | Event::IntentParked { .. } => {
                let kind = event(fact).0.replace('_', " ");
                of_none(format!("Of an order{on}: {kind}."))
            }
        }
    }
}

fn on(account: Option<&AccountId>) -> String {
    account.map_or_else(String::new, |account| format!(" on {account}"))
}

fn level(quantity: Option<Quantity>, units: &InUnits<'_>) -> String {
    quantity.map_or_else(
        || "what nobody knows".to_owned(),
        |quantity| units(quantity).to_string(),
    )
}

fn settled(way: Settlement) -> &'static str {
    match way {
        Settlement::Repaired => "ours was written",
        Settlement::Agreed => "it agreed again",
        Settlement::Theirs => "theirs became a movement of the stock",
        Settlement::Ours => "a person said that ours is right",
    }
}

/// What was decided about and what it turned out to be, in a sentence.
fn said(signal: &Signal, account: Option<&str>, verdict: &str) -> String {
    let what = match signal {
        Signal::Order { source, .. } => match source {
            Source::Hook => "A hook told of an order".to_owned(),
            Source::List => "A list of orders told of one".to_owned(),
            Source::Read => "An order was read".to_owned(),
        },
        Signal::OrderGone { .. } => "An order was not found any more".to_owned(),
        Signal::Listings { .. } => "Listings were read".to_owned(),
        Signal::Opening { .. } => "Opening stock was taken".to_owned(),
        Signal::Levels { reading, .. } => match reading {
            Reading::BeforePush => "Levels were read before a push".to_owned(),
            Reading::Compare => "Levels were compared".to_owned(),
            Reading::Confirm => "Levels were compared once more".to_owned(),
        },
        Signal::Weigh { .. } => "Many changes at once were weighed".to_owned(),
        Signal::StartPush { .. } => "There was time for a push".to_owned(),
        Signal::PushTried { results, .. } => pushed(results),
        Signal::IntentTried { outcome, .. } => match outcome {
            Outcome::Applied { .. } => "The channel did what was wished".to_owned(),
            Outcome::Retry { .. } => "A wish is to be sent again".to_owned(),
            Outcome::Park { .. } => "The channel refused a wish".to_owned(),
            Outcome::Drop { .. } => "A wish was not wanted any more".to_owned(),
            Outcome::Labeled { .. } => "A label was bought".to_owned(),
        },
        Signal::IntentStarted { .. } => "An errand was about to be run".to_owned(),
        Signal::Measured { .. } => "Sales and delays were measured".to_owned(),
        Signal::Reclaim { .. } => "Stock was looked for, for an order".to_owned(),
        Signal::MapWaiting { .. } => "It was looked up what the lines of an order are".to_owned(),
        Signal::Promises { .. } => "What is owed was looked at".to_owned(),
        Signal::FollowPolicy { .. } => "The policy looked at an incident".to_owned(),
        Signal::Expire { .. } => "A payment deadline passed".to_owned(),
        Signal::Close { .. } => "An order was done".to_owned(),
        Signal::Forget { .. } => "People were to be forgotten".to_owned(),
        Signal::Command(_) => {
            let asked = signal_words(signal).replace('_', " ");
            format!("Somebody asked to {asked}")
        }
    };
    let on = account.map_or_else(String::new, |account| format!(" on {account}"));
    let came = match verdict {
        "new" => String::new(),
        "duplicate" => "; nothing of it was new".to_owned(),
        "stale" => "; it is older than what is known".to_owned(),
        "nothing" => "; it is of no concern".to_owned(),
        refused => format!("; it was {refused}"),
    };
    format!("{what}{on}{came}.")
}

fn pushed(results: &[(ListingId, PushResult)]) -> String {
    let mut said: Vec<&str> = results
        .iter()
        .map(|(_, result)| match result {
            PushResult::Applied => "was taken",
            PushResult::Found { .. } => "was found to be taken",
            PushResult::Conflict { .. } => "met another level",
            PushResult::Rejected { .. } => "was refused",
            PushResult::NotDone => "was found not to be taken",
            PushResult::Ambiguous { .. } => "had no clear answer",
            PushResult::Retry { .. } => "is to be tried again",
        })
        .collect();
    said.dedup();
    let subject = if results.len() == 1 {
        "A push"
    } else {
        "Each push"
    };
    match said.as_slice() {
        [one] => format!("{subject} {one}"),
        several => format!("Of several pushes, in turn, each {}", several.join(", ")),
    }
}

/// The words for a signal, as figures have them.
pub(super) fn signal_words(signal: &Signal) -> String {
    let mut words = signal.words();
    words.dedup();
    words.join(", ")
}

fn is_of_incident(event: &Event) -> bool {
    matches!(
        event,
        Event::IncidentOpened { .. } | Event::WayChosen { .. } | Event::IncidentClosed { .. }
    )
}

/// The name of an event, and what is in it.
pub(super) fn event(fact: &Fact) -> (String, Value) {
    let event = serde_json::to_value(&fact.event).unwrap_or_default();
    match event {
        Value::Object(map) => map.into_iter().next().unwrap_or_default(),
        Value::String(word) => (word, Value::Null),
        other => (String::new(), other),
    }
}

/// A value in a sentence, shortened.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    let short: String = text.chars().take(SHOWN_MAX).collect();
    format!("{short}…")
}
