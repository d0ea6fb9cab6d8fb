//! Reading the rows of a store in memory at once, between two polls. It never writes.

use std::{
    any::Any,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use domain::{fact::Fact, ids::OrderId};
use engine::rows;
use serde::de::DeserializeOwned;
use store::{Memory, Range, SCAN_LIMIT_MAX, Seq, Store, StoreError, Table, memory::Seen};

/// What stands before the word of an event in the text of a fact.
const EVENT: &str = "\"event\":{\"";

/// A look at what is durable.
#[derive(Clone, Copy)]
pub struct Rows<'a>(pub &'a Memory);

/// A fact as the journal has it.
pub struct Recorded {
    /// Its place.
    pub at: Seq,
    /// Its text.
    pub json: String,
    /// The word for what happened.
    pub kind: String,
    /// What it says.
    pub fact: Fact,
}

/// The memory store answers at once: it has nothing to wait for.
fn at_once<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the memory store never waits"),
    }
}

fn sound<T>(result: Result<T, StoreError>) -> T {
    result.unwrap_or_else(|error| panic!("a store in memory that lives is sound: {error}"))
}

impl Rows<'_> {
    /// The last position that is durable; nothing when the store has died.
    pub fn durable(&self) -> Option<Seq> {
        at_once(self.0.stats()).ok().map(|stats| stats.durable)
    }

    /// One row.
    pub fn get<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Option<T> {
        let row = sound(at_once(self.0.get(table, key)))?;
        Some(sound(rows::decode(table, &row.value)))
    }

    /// The keys of all rows below a prefix.
    pub fn keys(&self, table: Table, prefix: &[u8]) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let look = &mut |key: &[u8], _: Seen<'_>| keys.push(key.to_vec());
        sound(self.0.look(table, prefix, look));
        keys
    }

    /// All rows below a prefix, with their keys.
    pub fn scan<T: DeserializeOwned + Any + Send + Sync + Clone>(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> Vec<(Vec<u8>, T)> {
        let mut found = Vec::new();
        self.each(table, prefix, |key, row: &Arc<T>| {
            found.push((key.to_vec(), T::clone(row)));
        });
        found
    }

    /// What all rows below a prefix say.
    pub fn all<T: DeserializeOwned + Any + Send + Sync>(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> Vec<Arc<T>> {
        let mut found = Vec::new();
        self.each(table, prefix, |_, row: &Arc<T>| found.push(Arc::clone(row)));
        found
    }

    /// Looks at all rows below a prefix, without taking copies.
    pub fn each<T: DeserializeOwned + Any + Send + Sync>(
        &self,
        table: Table,
        prefix: &[u8],
        mut look: impl FnMut(&[u8], &Arc<T>),
    ) {
        let look = &mut |key: &[u8], row: Seen<'_>| {
            let row = row.read_as::<T>(|value| sound(rows::decode(table, value)));
            look(key, &row);
        };
        sound(self.0.look(table, prefix, look));
    }

    /// How many facts the timeline of an order has.
    pub fn timeline_length(&self, order: OrderId) -> usize {
        let range = Range {
            prefix: rows::prefix(&[&order.to_string()]),
            after: None,
        };
        let length = async {
            let (mut length, mut range) = (0, range);
            loop {
                let page = self.0.scan(rows::TIMELINE, range.clone(), SCAN_LIMIT_MAX);
                let page = page.await?;
                let Some((last, _)) = page.last() else {
                    return Ok(length);
                };
                range.after = Some(last.clone());
                for (_, row) in &page {
                    length += rows::events_of(self.0, order, row).await?.len();
                }
            }
        };
        sound(at_once(length))
    }

    /// The facts after a position.
    pub fn facts_after(&self, mut after: Seq) -> Vec<Recorded> {
        let mut found = Vec::new();
        loop {
            let page = sound(at_once(self.0.facts_after(after, SCAN_LIMIT_MAX)));
            let Some((last, _)) = page.last() else {
                return found;
            };
            after = *last;
            for (at, bytes) in page {
                for fact in sound(rows::decode_facts(&bytes)) {
                    let json = serde_json::to_string(&fact).expect("facts have only text keys");
                    let (_, event) = json.split_once(EVENT).unwrap_or_default();
                    let kind = event.split('"').next().unwrap_or_default().to_owned();
                    found.push(Recorded {
                        at,
                        json,
                        kind,
                        fact,
                    });
                }
            }
        }
    }
}
