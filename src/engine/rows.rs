//! The rows of the store: tables, keys, and the form of their values.
//!
//! A value is one byte of format and then JSON, so that a row can be read by a person and gain keys
//! without a migration. Index rows hold what lists and filters need; they are written in the same
//! commit as what they point to, and no decision reads them for its content.

use std::cell::RefCell;

use domain::{
    AccountId, Time,
    fact::{Event, Fact},
    ids::{OrderId, SeriesId},
    intent::Intent,
    mapping::Named,
    order::Order,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{Row, Seq, Store, StoreError, Table};

/// Orders, by id.
pub const ORDERS: Table = Table("orders");
/// What orders say of people, by order, sealed.
pub const PERSONS: Table = Table("persons");
/// Index: orders by keyed hashes of what their people can be found by.
pub const ORDERS_BY_CONTACT: Table = Table("orders_by_contact");
/// Index: orders whose people are to be erased as soon as nothing must be sent any more.
pub const TO_ERASE: Table = Table("to_erase");
/// Orders that were erased, with keys that are still to be destroyed.
pub const DOOMED_KEYS: Table = Table("doomed_keys");
/// Index: raw signals that told of an order, by account, the channel's id of it, and position.
pub const SIGNALS_BY_ORDER: Table = Table("signals_by_order");
/// Order ids, by account and the channel's id: what makes a channel order one order.
pub const ORDER_REFS: Table = Table("order_refs");
/// The last number of each account whose orders are entered here.
pub const ORDER_NUMBERS: Table = Table("order_numbers");
/// What was issued under a number, by id.
pub const DOCUMENTS: Table = Table("documents");
/// Index: the ids of issued documents by number.
pub const DOCUMENT_NUMBERS: Table = Table("document_numbers");
/// How far each series of numbers has come.
pub const SERIES: Table = Table("series");
/// Who issued documents are for, by document, sealed.
pub const RECIPIENTS: Table = Table("recipients");
/// Index: orders by phase.
pub const ORDERS_BY_PHASE: Table = Table("orders_by_phase");
/// Index: orders by account, oldest first.
pub const ORDERS_BY_ACCOUNT: Table = Table("orders_by_account");
/// Index: orders by what they are found by: kind, word and order.
pub const ORDERS_BY_WORD: Table = Table("orders_by_word");
/// Index: the channel's ids of orders that may still change, by account.
pub const OPEN_ORDERS: Table = Table("open_orders");
/// Index: orders that wait for stock, by item and time of placing.
pub const SHORT_ORDERS: Table = Table("short_orders");
/// Index: orders that units are owed to, by the first date of these.
pub const OWED_ORDERS: Table = Table("owed_orders");
/// Index: listings that show more than is there, because it may be owed; by item.
pub const OWED_OFFERS: Table = Table("owed_offers");
/// Index: orders with a line that is no item yet.
pub const UNMAPPED_ORDERS: Table = Table("unmapped_orders");
/// Index: orders with units to pick that no task has, by location, the time by which they are to be shipped,
/// and the time of placing.
pub const TO_PICK: Table = Table("to_pick");
/// Index: open tasks, by location and the time since when they are.
pub const OPEN_TASKS: Table = Table("open_tasks");
/// Index: unpaid orders, by the time when they lose their stock.
pub const UNPAID_ORDERS: Table = Table("unpaid_orders");
/// Index: what of orders has a time, by what it is, time and order.
pub const DUE_ORDERS: Table = Table("due_orders");
/// Where the facts of each order are in the log of facts, in order: a row for each decision that added some.
pub const TIMELINE: Table = Table("timeline");
/// Items, by SKU.
pub const ITEMS: Table = Table("items");
/// Index: kits by component.
pub const KITS_BY_COMPONENT: Table = Table("kits_by_component");
/// The stock of each good: the fold of its movements and open claims.
pub const STOCK: Table = Table("stock");
/// Movements, by item.
pub const MOVEMENTS: Table = Table("movements");
/// Stocktakes, by id.
pub const COUNTS: Table = Table("counts");
/// What stocktakes say, by stocktake and item.
pub const COUNT_ENTRIES: Table = Table("count_entries");
/// Changes of claims, by item.
pub const CLAIM_CHANGES: Table = Table("claim_changes");
/// Items as they were, by SKU and the time since when they were so.
pub const ITEM_VERSIONS: Table = Table("item_versions");
/// Open claims, by item.
pub const CLAIMS: Table = Table("claims");
/// Listings, by account and the channel's id.
pub const LISTINGS: Table = Table("listings");
/// Index: listings by item.
pub const LISTINGS_BY_SKU: Table = Table("listings_by_sku");
/// What people said that listings are, by account and the channel's id.
pub const MAPPED_LISTINGS: Table = Table("mapped_listings");
/// What people said that SKUs of channels are, by account and the SKU as the channel writes it.
pub const MAPPED_SKUS: Table = Table("mapped_skus");
/// What each listing should show and was told.
pub const OFFERS: Table = Table("offers");
/// Index: listings that something is to be sent to, by account.
pub const DUE_OFFERS: Table = Table("due_offers");
/// Open units by account and item.
pub const TAKEN: Table = Table("taken");
/// Intents, by id.
pub const INTENTS: Table = Table("intents");
/// Index: intents that wait for something else than a channel, by what carries them out.
pub const ERRANDS: Table = Table("errands");
/// Index: intents that wait, by account.
pub const OUTBOX: Table = Table("outbox");
/// Index: intents by order.
pub const INTENTS_BY_ORDER: Table = Table("intents_by_order");
/// Index: intents and listings that wait for a person.
pub const PARKED: Table = Table("parked");
/// Every try of a push or intent, by account and time.
pub const ATTEMPTS: Table = Table("attempts");
/// Cases of drift, by id, the oldest first.
pub const DRIFTS: Table = Table("drift_cases");
/// Index: the open case of a listing, by account and listing.
pub const OPEN_DRIFTS: Table = Table("open_drifts");
/// The breaker of each account that ever had much to count.
pub const BREAKERS: Table = Table("breakers");
/// Index: listings that a breaker holds, by side, account and listing.
pub const HELD_OFFERS: Table = Table("held_offers");
/// How far the comparison of each account's levels has come.
pub const COMPARISONS: Table = Table("comparisons");
/// Accounts that nothing is written to before their levels were compared, because history was lost.
pub const TO_COMPARE: Table = Table("to_compare");
/// What the last freeze did.
pub const FREEZES: Table = Table("freezes");
/// Incidents, by id.
pub const INCIDENTS: Table = Table("incidents");
/// Index: the ids of open incidents, by order, line and item.
pub const OPEN_INCIDENTS: Table = Table("open_incidents");
/// Units at risk by minute, hour and day, then by account; and until when they are written.
pub const EXPOSURE: Table = Table("exposure");
/// What taking shops over rests on: the source of opening stock, previews, and when each account was
/// watched.
pub const ADOPTION: Table = Table("adoption");
/// Listings of watched accounts that showed too much after a sale elsewhere, by account and time.
pub const LATE: Table = Table("late_changes");
/// How far each account was read.
pub const CURSORS: Table = Table("cursors");
/// Modes that a person set, which win over the configuration.
pub const MODES: Table = Table("modes");
/// Signals that could not be read, by their place in the journal.
pub const PARKED_SIGNALS: Table = Table("parked_signals");
/// What is kept of incidents, so that they can be played again.
pub const RECORDINGS: Table = Table("recordings");
/// The decisions of a recording, in order.
pub const RECORDED_STEPS: Table = Table("recorded_steps");
/// The rules that its decisions went by, in order.
pub const RECORDED_RULES: Table = Table("recorded_rules");
/// Index: the recording of an incident.
pub const RECORDING_OF: Table = Table("recording_of");

/// What one decision added to the timeline of an order; the number of the first fact is in the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// Where its facts are. The log of facts has them already.
    Logged(Logged),
    /// The facts themselves, as earlier versions kept them a second time.
    Inline {
        /// When.
        at: Time,
        /// What happened, in order.
        events: Vec<Event>,
    },
}

/// Entries of the log of facts which were written in the same commit as the row that names them. The first
/// entry of a commit is at the version of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// How many entries of that commit come before.
    pub skip: u32,
    /// How many have facts of the order; others may be between them.
    pub entries: u32,
}

/// The form of a row of a timeline that says where its facts are: two numbers, big-endian.
const LOGGED: u8 = 2;

impl Logged {
    /// As a row.
    pub fn encode(self) -> Vec<u8> {
        let mut bytes = vec![LOGGED];
        bytes.extend(self.skip.to_be_bytes());
        bytes.extend(self.entries.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Logged> {
        let (&LOGGED, numbers) = bytes.split_first()? else {
            return None;
        };
        let (skip, entries) = numbers.split_first_chunk::<4>()?;
        Some(Logged {
            skip: u32::from_be_bytes(*skip),
            entries: u32::from_be_bytes(entries.try_into().ok()?),
        })
    }
}

/// A value that goes into a commit behind so many entries of the log of facts which others have put there:
/// a row of a timeline counts from the first.
pub fn behind(table: Table, value: Vec<u8>, entries: usize) -> Vec<u8> {
    match Logged::decode(&value) {
        Some(logged) if table == TIMELINE => {
            let entries = u32::try_from(entries).unwrap_or(u32::MAX);
            let skip = logged.skip.saturating_add(entries);
            Logged { skip, ..logged }.encode()
        }
        Some(_) | None => value,
    }
}

/// A row of a timeline.
pub fn decode_added(bytes: &[u8]) -> Result<Added, StoreError> {
    #[derive(Deserialize)]
    struct Inline {
        at: Time,
        events: Vec<Event>,
    }
    if let Some(logged) = Logged::decode(bytes) {
        return Ok(Added::Logged(logged));
    }
    let Inline { at, events } = decode(TIMELINE, bytes)?;
    Ok(Added::Inline { at, events })
}

/// What a row of the timeline of an order says, with the time of each event.
pub async fn events_of(
    store: &dyn Store,
    order: OrderId,
    row: &Row,
) -> Result<Vec<(Time, Event)>, StoreError> {
    let Logged { skip, entries } = match decode_added(&row.value)? {
        Added::Logged(logged) => logged,
        Added::Inline { at, events } => {
            return Ok(events.into_iter().map(|event| (at, event)).collect());
        }
    };
    let mut events = Vec::new();
    for entry in (0..u64::from(entries)).map(|number| u64::from(skip) + number) {
        let at = Seq(row.version.0.saturating_add(entry));
        let missing = || StoreError::Corrupt {
            reason: format!(
                "the timeline of {order} names facts at {}, where none are",
                at.0
            ),
        };
        let facts = decode_facts(&store.fact(at).await?.ok_or_else(missing)?)?;
        let of_order = facts.into_iter().filter(|fact| fact.order == Some(order));
        events.extend(of_order.map(|fact| (fact.at, fact.event)));
    }
    Ok(events)
}

/// So many facts are one entry of the log of facts at most. Each costs a row of its own otherwise.
const FACTS_TOGETHER: usize = 100;

/// Where the facts of an order are among those of a decision; nothing if there are none.
pub fn logged(facts: &[Fact], order: OrderId) -> Option<Logged> {
    let is_of = |fact: &Fact| fact.order == Some(order);
    let entry_of = |at: usize| u32::try_from(at / FACTS_TOGETHER).unwrap_or(u32::MAX);
    let first = entry_of(facts.iter().position(is_of)?);
    let last = entry_of(facts.iter().rposition(is_of)?);
    Some(Logged {
        skip: first,
        entries: last - first + 1,
    })
}

/// The facts of a decision, as the log of facts keeps them.
pub fn encode_facts(facts: &[Fact]) -> Vec<Vec<u8>> {
    facts
        .chunks(FACTS_TOGETHER)
        .map(|some| encode(&some))
        .collect()
}

/// The facts of an entry of the log.
pub fn decode_facts(entry: &[u8]) -> Result<Vec<Fact>, StoreError> {
    decode(Table("facts"), entry)
}

/// The form of values that this program writes.
const FORMAT: u8 = 1;

/// What is kept of the memory in which values are written down.
const SCRATCH_MAX: usize = 64 * 1024;

thread_local! {
    /// Where a value is written down before its length is known: growing is dear, and each row would.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Joins the parts of a key. No part contains the separator: ids that come from outside are escaped.
pub fn key(parts: &[&str]) -> Vec<u8> {
    let mut key = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            key.push(0);
        }
        // A zero byte in a hostile id must not reach into the next part.
        key.extend(part.bytes().map(|byte| if byte == 0 { 0xff } else { byte }));
    }
    key
}

/// The beginning of all keys below these parts.
pub fn prefix(parts: &[&str]) -> Vec<u8> {
    let mut prefix = key(parts);
    prefix.push(0);
    prefix
}

/// How far an order may be known before its channel says that it was placed: clocks differ.
const SKEW: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// What the ids of all orders that were placed at this time or later come after: ids begin with the time at which
/// they were made.
pub(crate) fn ids_since(since: Time) -> String {
    let millis = u64::try_from(since.minus(SKEW).millis()).unwrap_or(0);
    format!("ord_{millis:012x}")
}

/// The last part of a key.
pub fn last_part(key: &[u8]) -> String {
    let start = key
        .iter()
        .rposition(|byte| *byte == 0)
        .map_or(0, |zero| zero + 1);
    String::from_utf8_lossy(key.get(start..).unwrap_or_default()).into_owned()
}

/// The key of a series. Its numbers may begin with nothing, and a key may not.
pub fn series_key(series: &SeriesId) -> Vec<u8> {
    key(&["of", series.as_str()])
}

/// Where it stands what a person said of a listing, or of a SKU of a channel.
pub fn mapping_row(account: &AccountId, named: &Named) -> (Table, Vec<u8>) {
    let table = match named {
        Named::Listing(_) => MAPPED_LISTINGS,
        Named::ChannelSku(_) => MAPPED_SKUS,
    };
    (table, key(&[account.as_str(), named.text()]))
}

/// A number as a part of a key: its digits sort like the number.
pub fn sortable(number: u64) -> String {
    format!("{number:020}")
}

/// A time as a part of a key.
pub fn sortable_time(time: domain::Time) -> String {
    sortable(u64::try_from(time.millis()).unwrap_or(0))
}

/// The rows of [`DUE_ORDERS`] of an order.
pub fn due_keys(order: &Order) -> Vec<Vec<u8>> {
    let id = order.id.to_string();
    let due = order.due().into_iter();
    due.map(|(what, at)| key(&[what.word(), &sortable_time(at), &id]))
        .collect()
}

/// Where an intent stands while it waits.
pub fn waits_in(intent: &Intent) -> (Table, Vec<u8>) {
    let id = intent.id.to_string();
    match intent.wish.gateway() {
        Some(gateway) => (ERRANDS, key(&[&gateway.word(), &id])),
        None => (OUTBOX, key(&[intent.account.as_str(), &id])),
    }
}

/// A value as it is stored.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        scratch.push(FORMAT);
        serde_json::to_writer(&mut *scratch, value).expect("rows have only text keys");
        let bytes = scratch.as_slice().to_vec();
        if scratch.capacity() > SCRATCH_MAX {
            *scratch = Vec::new();
        }
        bytes
    })
}

/// A stored value. A form that is newer than this program is damage as far as it can tell.
pub fn decode<T: DeserializeOwned>(table: Table, bytes: &[u8]) -> Result<T, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt {
        reason: format!("a row of `{}` cannot be read: {reason}", table.0),
    };
    match bytes.split_first() {
        Some((&FORMAT, json)) => {
            serde_json::from_slice(json).map_err(|error| corrupt(error.to_string()))
        }
        Some((format, _)) => Err(corrupt(format!(
            "its format {format} is not known; it was written by a newer version of Oneshelf"
        ))),
        None => Err(corrupt("it is empty".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_parts_apart() {
        assert_eq!(key(&["a", "b"]), b"a\0b");
        assert_eq!(key(&["a\0b", "c"]), b"a\xffb\0c");
        assert!(key(&["shop", "9"]).starts_with(&prefix(&["shop"])));
        assert!(!key(&["shop2", "9"]).starts_with(&prefix(&["shop"])));
        assert_eq!(last_part(b"a\0b\0c"), "c");
        assert!(sortable(9) < sortable(10));
    }

    #[test]
    fn a_row_of_a_newer_format_is_not_guessed() {
        let row = encode(&7_u32);
        assert_eq!(decode::<u32>(STOCK, &row).ok(), Some(7));
        let newer: Vec<u8> = std::iter::once(9).chain(row.into_iter().skip(1)).collect();
        let error = decode::<u32>(STOCK, &newer).expect_err("a newer format");
        assert!(error.to_string().contains("newer version"), "{error}");
        assert!(decode::<u32>(STOCK, b"").is_err());
    }
}
