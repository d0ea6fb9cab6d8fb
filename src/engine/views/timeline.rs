//! Everything that happened to an order, in one list: facts, notes of staff, each try of what was wished on its
//! channel, and what the channel changed of people.
//!
//! Facts are in the order in which they were decided. The rest is put between them by its time; what staff wrote
//! and what is said of people is read from where it is sealed, so it is gone from here when it is erased.

use std::collections::BTreeMap;

use domain::{
    Time,
    fact::Event,
    ids::{IntentId, OrderId},
    intent::Intent,
    order::Order,
    person::{Person, PersonEdit},
};
use serde::Serialize;

use super::{Page, StoreError, Walk, orders::intents_of, read, words};
use crate::{
    Engine,
    lanes::AttemptNote,
    persons,
    rows::{self, key, prefix, sortable, sortable_time},
};

/// The most tries of one intent that are told: a channel that is down for days is tried often.
const ATTEMPTS_MAX: usize = 1000;

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// Its place among the facts, from 0; nothing for what is no fact.
    pub number: Option<u64>,
    /// When.
    pub at: Time,
    /// What it is about, in one word.
    pub kind: &'static str,
    /// In a sentence.
    pub text: String,
    /// The fact itself; its quantities are in the item's smallest unit.
    pub event: Option<Event>,
    /// The try of what was wished on the channel.
    pub attempt: Option<Attempt>,
    /// What changed of people.
    pub edit: Option<PersonEdit>,
}

/// A try of what was wished on a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Of which intent.
    pub intent: IntentId,
    /// What was sent and what came of it, without personal data.
    #[serde(flatten)]
    pub note: AttemptNote,
}

/// What happened to an order, the oldest first. Nothing when there is no such order.
pub async fn page(
    engine: &Engine,
    id: OrderId,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Option<Page<TimelineEntry>>, StoreError> {
    let text = id.to_string();
    let order: Option<Order> = read(engine, rows::ORDERS, &[&text]).await?;
    let Some(order) = order else { return Ok(None) };
    let person = persons::read(engine.store.as_ref(), &engine.ports.sealer, id).await?;
    let place = Place::read(after);
    let mut besides = besides(engine, &order, person.as_ref()).await?;
    besides.retain(|one| {
        place
            .after
            .as_ref()
            .is_none_or(|after| one.place() > *after)
    });
    let notes = notes(person.as_ref());
    let mut sheet = Sheet {
        order: &order,
        notes,
        besides: besides.into_iter().peekable(),
        place,
        items: Vec::new(),
        limit,
    };
    let mut walk = Walk::new(engine, rows::TIMELINE, prefix(&[&text]), None).unbounded();
    // A page may end within a row, so it is told by numbers. No order has so many facts that it matters.
    while let Some((row_key, row)) = walk.next().await? {
        let first: u64 = rows::last_part(&row_key).parse().unwrap_or_default();
        let events = rows::events_of(engine.store.as_ref(), id, &row).await?;
        for (number, (at, event)) in (first..).zip(events) {
            if number < sheet.place.facts {
                continue;
            }
            sheet.put_besides(Some((at, &event)));
            if sheet.is_full() {
                return Ok(Some(sheet.turn()));
            }
            sheet.put_fact(number, at, event);
        }
    }
    sheet.put_besides(None);
    let is_over = sheet.besides.peek().is_none();
    let mut page = sheet.turn();
    if is_over {
        page.next = None;
    }
    Ok(Some(page))
}

/// All of it.
pub async fn whole(engine: &Engine, id: OrderId) -> Result<Vec<TimelineEntry>, StoreError> {
    let page = page(engine, id, None, usize::MAX).await?;
    Ok(page.map(|page| page.items).unwrap_or_default())
}

/// Where a page ends: how many facts were told, and the last of what stands between them.
struct Place {
    facts: u64,
    after: Option<(String, String)>,
}

impl Place {
    fn read(cursor: Option<Vec<u8>>) -> Place {
        let parts = cursor
            .map(|cursor| super::parts(&cursor))
            .unwrap_or_default();
        let mut parts = parts.into_iter();
        let facts = parts.next().and_then(|facts| facts.parse().ok());
        Place {
            facts: facts.unwrap_or_default(),
            after: parts.next().zip(parts.next()),
        }
    }

    fn key(&self) -> Vec<u8> {
        let facts = sortable(self.facts);
        match &self.after {
            Some((at, what)) => key(&[&facts, at, what]),
            None => key(&[&facts]),
        }
    }
}

/// What is no fact.
enum Beside {
    Attempt(Attempt),
    Edit(u32, PersonEdit),
}

impl Beside {
    fn at(&self) -> Time {
        match self {
            Beside::Attempt(attempt) => attempt.note.at,
            Beside::Edit(_, edit) => edit.at,
        }
    }

    /// Its place among all that is no fact.
    fn place(&self) -> (String, String) {
        let what = match self {
            Beside::Attempt(attempt) => attempt.intent.to_string(),
            Beside::Edit(number, _) => sortable((*number).into()),
        };
        (sortable_time(self.at()), what)
    }

    /// Whether it was before a fact: a try comes before what it brought, whatever the clock says.
    fn is_before(&self, (at, event): (Time, &Event)) -> bool {
        let brought = match (self, event) {
            (
                Beside::Attempt(attempt),
                Event::IntentDone { intent, .. }
                | Event::IntentParked { intent, .. }
                | Event::IntentDropped { intent, .. },
            ) => attempt.intent == *intent,
            _ => false,
        };
        self.at() < at || (brought && self.at() == at)
    }

    fn entry(self) -> TimelineEntry {
        let at = self.at();
        let (kind, text) = match &self {
            Beside::Attempt(attempt) => ("attempt", words::attempt(&attempt.note)),
            Beside::Edit(_, edit) => ("change", words::person_edit(edit)),
        };
        let (attempt, edit) = match self {
            Beside::Attempt(attempt) => (Some(attempt), None),
            Beside::Edit(_, edit) => (None, Some(edit)),
        };
        TimelineEntry {
            number: None,
            at,
            kind,
            text,
            event: None,
            attempt,
            edit,
        }
    }
}

/// A page that is being filled.
struct Sheet<'a> {
    order: &'a Order,
    notes: BTreeMap<u32, String>,
    besides: std::iter::Peekable<std::vec::IntoIter<Beside>>,
    place: Place,
    items: Vec<TimelineEntry>,
    limit: usize,
}

impl Sheet<'_> {
    fn is_full(&self) -> bool {
        self.items.len() >= self.limit
    }

    /// What is no fact and was before this one; before the end, all that remains.
    fn put_besides(&mut self, fact: Option<(Time, &Event)>) {
        let is_before = |one: &Beside| fact.is_none_or(|fact| one.is_before(fact));
        while !self.is_full() {
            let Some(one) = self.besides.next_if(is_before) else {
                break;
            };
            self.place.after = Some(one.place());
            self.items.push(one.entry());
        }
    }

    fn put_fact(&mut self, number: u64, at: Time, event: Event) {
        let text = match &event {
            Event::NoteAdded { number, by } => words::note(by, self.notes.get(number)),
            event => words::event(event, self.order),
        };
        self.place.facts = number.saturating_add(1);
        self.items.push(TimelineEntry {
            number: Some(number),
            at,
            kind: words::event_kind(&event),
            text,
            event: Some(event),
            attempt: None,
            edit: None,
        });
    }

    fn turn(self) -> Page<TimelineEntry> {
        let next = Some(self.place.key());
        Page {
            items: self.items,
            next,
        }
    }
}

/// What staff wrote, by the number of the note.
fn notes(person: Option<&Person>) -> BTreeMap<u32, String> {
    let notes = person.into_iter().flat_map(|person| &person.notes);
    notes
        .map(|note| (note.number, note.text.0.clone()))
        .collect()
}

/// All that is no fact, the oldest first.
async fn besides(
    engine: &Engine,
    order: &Order,
    person: Option<&Person>,
) -> Result<Vec<Beside>, StoreError> {
    let mut all = Vec::new();
    for intent in intents_of(engine, order.id).await? {
        all.extend(attempts(engine, &intent).await?);
    }
    let edits = person.into_iter().flat_map(|person| &person.edits);
    all.extend(
        (0..)
            .zip(edits.cloned())
            .map(|(number, edit)| Beside::Edit(number, edit)),
    );
    all.sort_by_cached_key(Beside::place);
    Ok(all)
}

async fn attempts(engine: &Engine, intent: &Intent) -> Result<Vec<Beside>, StoreError> {
    let id = intent.id;
    let below = prefix(&[intent.account.as_str(), &id.to_string()]);
    let mut walk = Walk::new(engine, rows::ATTEMPTS, below, None);
    let mut all = Vec::new();
    while all.len() < ATTEMPTS_MAX
        && let Some((_, row)) = walk.next().await?
    {
        let note = rows::decode(rows::ATTEMPTS, &row.value)?;
        all.push(Beside::Attempt(Attempt { intent: id, note }));
    }
    Ok(all)
}
