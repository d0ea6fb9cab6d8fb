//! What waits, and what waits for a person: signals, intents and pushes.

use domain::{
    AccountId, ExternalId, ListingId, Sku, Time,
    ids::{IntentId, OrderId},
    intent::{Intent, IntentState, Wish},
    offer::Offer,
};
use serde::Serialize;
use store::{INBOX, Seq};

use super::{Page, StoreError, Units, Walk, read, words};
use crate::{
    Engine,
    inbox::ParkedSignal,
    intake::InboxNote,
    lanes::AttemptNote,
    rows::{self, prefix},
};

/// How many of the last tries are shown with what they were for.
const ATTEMPTS_SHOWN: usize = 10;
/// How far back the tries of a listing are looked for: it may have been written thousands of times.
const ATTEMPTS_SINCE: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Which part of a queue is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// What waits for a person.
    Parked,
    /// What waits for its turn.
    Waiting,
}

/// A signal that is not decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignalView {
    /// `waiting` or `parked`.
    pub state: &'static str,
    /// For which account.
    pub account: AccountId,
    /// When it arrived or was parked.
    pub at: Time,
    /// Why it could not be read.
    pub reason: Option<String>,
    /// Which order or listing, where that much could be read.
    pub external_id: Option<String>,
    /// Where its body lies in the journal.
    pub body_at: Option<Seq>,
    /// How long its body is.
    pub body_bytes: Option<usize>,
}

/// A wish about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntentView {
    /// Ours, and its idempotency key.
    pub id: IntentId,
    /// `waiting`, `done`, `parked` or `dropped`.
    pub state: &'static str,
    /// On which account.
    pub account: AccountId,
    /// For which order.
    pub order: OrderId,
    /// The order's id there.
    pub external_id: ExternalId,
    /// What is wished.
    pub wish: Wish,
    /// The same in words.
    pub text: String,
    /// When it was made.
    pub made_at: Time,
    /// How often it was tried.
    pub tries: u32,
    /// Not tried again before.
    pub next_at: Time,
    /// What the last try brought.
    pub last: String,
    /// Why it waits for a person.
    pub parked: Option<String>,
    /// The channel's id of what it made.
    pub reference: Option<ExternalId>,
}

/// Something that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutboxEntry {
    /// `intent` or `push`.
    pub kind: &'static str,
    /// `waiting` or `parked`.
    pub state: &'static str,
    /// On which account.
    pub account: AccountId,
    /// What is to be done, as a verb phrase.
    pub text: String,
    /// Since when.
    pub since: Option<Time>,
    /// How often it was tried.
    pub tries: u32,
    /// Not tried again before.
    pub next_at: Option<Time>,
    /// Why it waits for a person, or what the last try brought.
    pub reason: Option<String>,
    /// The intent, if it is one.
    pub intent: Option<IntentId>,
    /// Its order.
    pub order: Option<OrderId>,
    /// The listing, if it is a push.
    pub listing: Option<ListingId>,
    /// Its item.
    pub sku: Option<Sku>,
    /// The last tries, the oldest first.
    pub attempts: Vec<AttemptNote>,
}

impl IntentView {
    /// As people see it.
    pub(crate) fn of(intent: &Intent) -> IntentView {
        let (parked, reference) = match &intent.state {
            IntentState::Waiting => (None, None),
            IntentState::Done(reference) => (None, reference.clone()),
            IntentState::Parked(reason) => (Some(reason.clone()), None),
            IntentState::Dropped(_) => (None, None),
        };
        IntentView {
            id: intent.id,
            state: words::intent_state(&intent.state),
            account: intent.account.clone(),
            order: intent.order,
            external_id: intent.external_id.clone(),
            text: words::wish(&intent.wish),
            wish: intent.wish.clone(),
            made_at: intent.made_at,
            tries: intent.tries,
            next_at: intent.next_at,
            last: intent.last.clone(),
            parked,
            reference,
        }
    }
}

/// A page of signals that are not decided: first those that wait for a person, then the others.
pub async fn inbox(
    engine: &Engine,
    state: Option<State>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<SignalView>, StoreError> {
    let mut items = Vec::new();
    let mut at = Place::read(after);
    while let Some(section) = at.section(&[State::Parked, State::Waiting], state) {
        if items.len() >= limit {
            let next = Some(at.next(Vec::new()));
            return Ok(Page { items, next });
        }
        let table = match section {
            State::Parked => rows::PARKED_SIGNALS,
            State::Waiting => INBOX,
        };
        let mut walk = Walk::new(engine, table, Vec::new(), at.after.take());
        while items.len() < limit {
            let Some((_, row)) = walk.next().await? else {
                break;
            };
            items.push(match section {
                State::Parked => parked_signal(rows::decode(table, &row.value)?),
                State::Waiting => waiting_signal(rows::decode(table, &row.value)?),
            });
        }
        if let Some(rest) = walk.rest().await? {
            let next = Some(at.next(rest));
            return Ok(Page { items, next });
        }
        at.advance();
    }
    Ok(Page { items, next: None })
}

fn parked_signal(parked: ParkedSignal) -> SignalView {
    SignalView {
        state: "parked",
        account: parked.account,
        at: parked.parked_at,
        reason: Some(parked.reason),
        external_id: parked.external_id,
        body_at: parked.body_at,
        body_bytes: None,
    }
}

fn waiting_signal(note: InboxNote) -> SignalView {
    SignalView {
        state: "waiting",
        account: note.account,
        at: note.received_at,
        reason: None,
        external_id: None,
        body_at: None,
        body_bytes: Some(note.body_bytes),
    }
}

/// A place in a list that is made of several tables.
struct Place {
    section: u8,
    after: Option<Vec<u8>>,
}

impl Place {
    fn read(cursor: Option<Vec<u8>>) -> Place {
        match cursor.as_deref().and_then(<[u8]>::split_first) {
            Some((section, key)) => Place {
                section: *section,
                after: Some(key.to_vec()),
            },
            None => Place {
                section: 0,
                after: None,
            },
        }
    }

    /// The section that it is in, or the next one that is asked for; nothing at the end.
    fn section(&mut self, sections: &[State], asked: Option<State>) -> Option<State> {
        loop {
            let section = *sections.get(usize::from(self.section))?;
            if asked.is_none_or(|asked| asked == section) {
                return Some(section);
            }
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.section = self.section.saturating_add(1);
        self.after = None;
    }

    fn next(&self, key: Vec<u8>) -> Vec<u8> {
        std::iter::once(self.section).chain(key).collect()
    }
}

/// A page of what is to be sent: what waits for a person first, then intents, then pushes.
pub async fn outbox(
    engine: &Engine,
    state: Option<State>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<OutboxEntry>, StoreError> {
    let sections = [
        State::Parked,
        State::Waiting,
        State::Waiting,
        State::Waiting,
    ];
    let tables = [rows::PARKED, rows::OUTBOX, rows::ERRANDS, rows::DUE_OFFERS];
    let mut items = Vec::new();
    let mut at = Place::read(after);
    while at.section(&sections, state).is_some() {
        let Some(table) = tables.get(usize::from(at.section)).copied() else {
            break;
        };
        if items.len() >= limit {
            let next = Some(at.next(Vec::new()));
            return Ok(Page { items, next });
        }
        let mut walk = Walk::new(engine, table, Vec::new(), at.after.take());
        while items.len() < limit {
            let Some((row_key, _)) = walk.next().await? else {
                break;
            };
            let parts = super::parts(&row_key);
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let entry = match parts.as_slice() {
                ["push", account, listing] => push_entry(engine, account, listing).await?,
                ["intent", id] => intent_entry(engine, id).await?,
                [_, id] if table == rows::OUTBOX || table == rows::ERRANDS => {
                    intent_entry(engine, id).await?
                }
                [account, listing] => push_entry(engine, account, listing).await?,
                _ => None,
            };
            items.extend(entry);
        }
        if let Some(rest) = walk.rest().await? {
            let next = Some(at.next(rest));
            return Ok(Page { items, next });
        }
        at.advance();
    }
    Ok(Page { items, next: None })
}

async fn intent_entry(engine: &Engine, id: &str) -> Result<Option<OutboxEntry>, StoreError> {
    let intent: Option<Intent> = read(engine, rows::INTENTS, &[id]).await?;
    let Some(intent) = intent else {
        return Ok(None);
    };
    let view = IntentView::of(&intent);
    let last = Some(view.last).filter(|last| !last.is_empty());
    Ok(Some(OutboxEntry {
        kind: "intent",
        state: view.state,
        text: view.text,
        since: Some(view.made_at),
        tries: view.tries,
        next_at: Some(view.next_at).filter(|_| view.parked.is_none()),
        reason: view.parked.or(last),
        intent: Some(view.id),
        order: Some(view.order),
        listing: None,
        sku: None,
        attempts: attempts(engine, view.account.as_str(), id, Time::EPOCH).await?,
        account: view.account,
    }))
}

async fn push_entry(
    engine: &Engine,
    account: &str,
    listing: &str,
) -> Result<Option<OutboxEntry>, StoreError> {
    let offer: Option<Offer> = read(engine, rows::OFFERS, &[account, listing]).await?;
    let Some(offer) = offer else { return Ok(None) };
    let wanted = offer.wanted;
    let units = wanted.map(|told| Units::new(told.quantity, offer.scale));
    let to = units.map_or_else(|| "nothing".to_owned(), |units| units.to_string());
    let since = engine.ports.clock.now().minus(ATTEMPTS_SINCE);
    Ok(Some(OutboxEntry {
        kind: "push",
        state: if offer.parked.is_some() {
            "parked"
        } else {
            "waiting"
        },
        text: format!("set {} to {to}", offer.sku),
        since: wanted.map(|told| told.at),
        tries: offer.attempt.as_ref().map_or(0, |attempt| attempt.tries),
        next_at: offer.attempt.as_ref().map(|attempt| attempt.next_at),
        reason: offer.parked,
        intent: None,
        order: None,
        listing: Some(offer.listing),
        sku: Some(offer.sku),
        attempts: attempts(engine, account, listing, since).await?,
        account: offer.account,
    }))
}

/// The last tries of an intent or push since a time, the oldest first.
async fn attempts(
    engine: &Engine,
    account: &str,
    of: &str,
    since: Time,
) -> Result<Vec<AttemptNote>, StoreError> {
    let last = tries(engine, (account, of), None, ATTEMPTS_SHOWN).await?;
    let of_late = last.items.into_iter().take_while(|note| note.at >= since);
    let mut of_late: Vec<AttemptNote> = of_late.collect();
    of_late.reverse();
    Ok(of_late)
}

/// A page of all tries of an intent or of a listing, the newest first.
pub async fn tries(
    engine: &Engine,
    (account, of): (&str, &str),
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<AttemptNote>, StoreError> {
    let below = prefix(&[account, of]);
    let mut walk = Walk::new(engine, rows::ATTEMPTS, below, after).back();
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        items.push(rows::decode(rows::ATTEMPTS, &row.value)?);
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}
