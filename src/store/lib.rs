//! The Store port and its backends.
//!
//! A store keeps three things: raw signals and facts in the order in which they became durable (the
//! journal), and the current rows. Everything that changes it is one [`Batch`] with expectations, no
//! closures, so memory, sled and PostgreSQL do the same. An answer means that it is durable.
//!
//! Nothing here knows what an order is. Start reading at [`Store`].

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
#[cfg(test)]
mod dice;
pub mod error;
pub mod journal;
pub mod keys;
pub mod limits;
pub mod memory;
#[cfg(test)]
mod model_steps;
pub mod sled;

use std::ops::Bound;

use async_trait::async_trait;

pub use error::StoreError;
pub use memory::Memory;

/// A position in the journal. Every record and every fact has its own; they only grow.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// A named set of rows. Names are short, lower case, and never reused for another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(pub &'static str);

/// The rows that [`Store::append`] makes: one for each signal, under its [`Seq`] in big-endian. A
/// batch deletes the row when the signal is decided.
pub const INBOX: Table = Table("inbox");

/// A row as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The position of the batch that wrote it; what an expectation names.
    pub version: Seq,
    /// The value.
    pub value: Vec<u8>,
}

/// A raw signal to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The signal itself; at most [`BODY_LENGTH_MAX`]. It lives in the journal only.
    pub body: Vec<u8>,
    /// What the inbox row says of it; at most [`NOTE_LENGTH_MAX`].
    pub note: Vec<u8>,
}

/// Changes that happen together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// What must still be so. A row that is absent is expected with `None`.
    pub expects: Vec<Expect>,
    /// Rows to write. A row is written or deleted at most once in a batch.
    pub puts: Vec<(Table, Vec<u8>, Vec<u8>)>,
    /// Rows to delete; deleting what is not there is no error.
    pub deletes: Vec<(Table, Vec<u8>)>,
    /// Facts to record, in order.
    pub facts: Vec<Vec<u8>>,
}

/// What must be so for a batch to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// In which table.
    pub table: Table,
    /// Under which key.
    pub key: Vec<u8>,
    /// The version that was read; nothing when the row was absent.
    pub version: Option<Seq>,
}

/// Which rows a scan returns: those whose key starts with `prefix` and comes behind `after` in the order of
/// the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// What every key starts with.
    pub prefix: Vec<u8>,
    /// The last key of the page before (a whole key, with the prefix).
    pub after: Option<Vec<u8>>,
}

/// How a store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// The last position that is durable.
    pub durable: Seq,
    /// Bytes on disk, journal and rows; 0 in memory.
    pub disk_bytes: u64,
    /// Of these the rows and their exports, without the journal, which is kept by time.
    pub rows_bytes: u64,
    /// What the rows need: those that changed as they are, the others as an export has them.
    pub live_bytes: u64,
    /// Whether the rows take far more than they need.
    pub is_bloated: bool,
    /// Bytes that the file system still has; nothing in memory.
    pub free_bytes: Option<u64>,
    /// How often the journal was synced since the store was opened.
    pub syncs: u64,
    /// How many records it got since then.
    pub records: u64,
    /// Whether writes are refused at the moment for want of space.
    pub is_read_only: bool,
    /// What opening had to repair, in sentences.
    pub repairs: Vec<String>,
}

/// The longest value of a row: an order of many hundred lines.
pub const VALUE_LENGTH_MAX: usize = 1024 * 1024;
/// The longest note of an inbox row.
pub const NOTE_LENGTH_MAX: usize = 4000;
/// The longest key.
pub const KEY_LENGTH_MAX: usize = 1024;
/// The longest raw signal.
pub const BODY_LENGTH_MAX: usize = 9 * 1024 * 1024;
/// The longest fact.
pub const FACT_LENGTH_MAX: usize = 256 * 1024;
/// The most that one batch, or one append, may bring along in all.
pub const BATCH_LENGTH_MAX: usize = 32 * 1024 * 1024;
/// The longest name of a table; names are made of `a-z`, `0-9` and `_`.
pub const TABLE_LENGTH_MAX: usize = 40;
/// The most rows that one scan returns.
pub const SCAN_LIMIT_MAX: usize = 1000;

/// Where everything is kept.
///
/// A caller that stops waiting does not stop its write: it may happen or not, as after a crash. After
/// [`StoreError::Unavailable`] every later call gets that too, until the store is opened again.
#[async_trait]
pub trait Store: Send + Sync {
    /// Keeps raw signals and their inbox rows; returns when they are durable, with a position for
    /// each. All or none.
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError>;

    /// Carries out a batch; returns when it is durable. The position is the version of the rows
    /// written; the facts have the positions from there on.
    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError>;

    /// The facts after a position, oldest first, at most [`SCAN_LIMIT_MAX`].
    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError>;

    /// The fact at a position.
    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError>;

    /// The raw signal at a position, as long as its segment is kept.
    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError>;

    /// One row.
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError>;

    /// Rows in the order of their keys, at most `limit` and at most [`SCAN_LIMIT_MAX`].
    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError>;

    /// The same in the opposite order, the greatest key first.
    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError>;

    /// How it is doing.
    async fn stats(&self) -> Result<Stats, StoreError>;

    /// Brings the rows to disk, so that the next start is quick, and stops: later calls get
    /// [`StoreError::Unavailable`].
    async fn close(&self) -> Result<(), StoreError>;
}

/// Where a scan begins; it ends with the first key that lacks the prefix.
fn scan_bounds(range: &Range) -> (Bound<&[u8]>, Bound<&[u8]>) {
    let start = match &range.after {
        Some(after) if after.as_slice() >= range.prefix.as_slice() => Bound::Excluded(&after[..]),
        Some(_) | None => Bound::Included(&range.prefix[..]),
    };
    (start, Bound::Unbounded)
}

/// Where a scan that goes back begins; it ends with the first key that lacks the prefix.
fn scan_back_bound(range: &Range) -> Bound<Vec<u8>> {
    let mut end = range.prefix.clone();
    // What comes behind all keys with the prefix; nothing does where it has no byte that can grow.
    while end.pop_if(|byte| *byte == u8::MAX).is_some() {}
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    let ends = [range.after.clone(), (!end.is_empty()).then_some(end)];
    match ends.into_iter().flatten().min() {
        Some(end) => Bound::Excluded(end),
        None => Bound::Unbounded,
    }
}
