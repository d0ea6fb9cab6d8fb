//! Writing changes to the rows on disk.
//!
//! Changes are collected and written in small batches; each of them carries how far the rows are and
//! what they weigh then, so that a stop between two of them is seen and harmless: applying a record again
//! gives the same rows.

use std::collections::BTreeMap;

use super::{
    effect::Effect,
    memtable::{Memtable, ROW_COST_BYTES},
    row::{APPLIED_KEY, Applied, Replaced, Standing, encode_gone, is_gone},
    rows::{BATCH_ROWS_MAX, RowsError},
    stack::Stack,
};
use crate::{Seq, journal::change::RowKey};

/// How changes are gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    /// In batches that are whole by themselves: a stop at any moment is harmless.
    #[default]
    Steady,
    /// In many batches at once, in the order of their keys, which is much quicker. After a stop the
    /// rows are of no use, so this is for rows that nobody uses yet.
    Bulk,
}

/// How much is gathered before it is written in bulk.
const BULK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The rows as of a position, and changes on their way into them.
#[derive(Default)]
pub(crate) struct State {
    standing: Standing,
    waiting: BTreeMap<RowKey, Option<Vec<u8>>>,
    waiting_bytes: usize,
    waiting_last: Seq,
    pace: Pace,
    replayed: u64,
}

impl State {
    pub(crate) fn new(standing: Standing, pace: Pace) -> State {
        State {
            standing,
            waiting_last: standing.applied.last,
            pace,
            ..State::default()
        }
    }

    /// How far the rows are.
    pub(crate) fn applied(&self) -> Applied {
        self.standing.applied
    }

    /// The same, and what is in sled alone.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// From now on, changes go into empty rows over all that there are.
    pub(crate) fn begin_over(&mut self, standing: Standing) {
        self.standing = standing;
    }

    /// A record is applied.
    pub(crate) fn apply(&mut self, rows: &Stack, effect: Effect) -> Result<(), RowsError> {
        let last = effect.last();
        effect.each(|key, touch| self.change(rows, key, touch.stored()))?;
        self.waiting_last = last;
        self.replayed += 1;
        Ok(())
    }

    /// There is nothing more to apply up to a position.
    pub(crate) fn reach(&mut self, last: Seq) {
        self.waiting_last = self.waiting_last.max(last);
    }

    /// From now on, the rows are in use.
    pub(crate) fn go_steady(&mut self) {
        self.pace = Pace::Steady;
    }

    /// How many records were applied so far.
    pub(crate) fn replayed(&self) -> u64 {
        self.replayed
    }

    /// Writes all of a table, which is how rows are as of a position. Nothing else may be waiting. `pause`
    /// is called after every batch with the bytes that it had.
    pub(crate) fn drain(
        &mut self,
        rows: &Stack,
        table: &Memtable,
        last: Seq,
        mut pause: impl FnMut(usize) -> Result<(), RowsError>,
    ) -> Result<(), RowsError> {
        let mut left = table.iter().peekable();
        loop {
            let mut standing = self.standing;
            let (mut some, mut bytes) = (Vec::with_capacity(BATCH_ROWS_MAX), 0);
            for ((key, stored), is_new) in left.by_ref().take(BATCH_ROWS_MAX - 1) {
                let what = if is_new {
                    Beneath::Nothing
                } else {
                    Beneath::Unknown
                };
                let put = put(rows, &mut standing, key, stored, what, last)?;
                bytes += key.len() + stored.map_or(0, <[u8]>::len);
                some.push((key, put));
            }
            let is_last = left.peek().is_none();
            if is_last {
                standing.applied.last = last;
            }
            let how_far = standing.encode();
            let mut changes = changes(&some);
            changes.push((APPLIED_KEY, Some(&how_far)));
            rows.top()?.apply(&changes)?;
            self.standing = standing;
            pause(bytes)?;
            if is_last {
                self.waiting_last = last;
                return Ok(());
            }
        }
    }

    /// Writes what is waiting.
    pub(crate) fn settle(&mut self, rows: &Stack) -> Result<(), RowsError> {
        if self.waiting.is_empty() && self.waiting_last == self.standing.applied.last {
            return Ok(());
        }
        self.write(rows, self.waiting_last)
    }

    /// A row is stored like this, or gone.
    pub(crate) fn change(
        &mut self,
        rows: &Stack,
        key: RowKey,
        value: Option<Vec<u8>>,
    ) -> Result<(), RowsError> {
        self.waiting_bytes += key.len() + value.as_ref().map_or(0, Vec::len) + ROW_COST_BYTES;
        self.waiting.insert(key, value);
        let is_full = match self.pace {
            Pace::Steady => self.waiting.len() + 1 >= BATCH_ROWS_MAX,
            Pace::Bulk => self.waiting_bytes >= BULK_BYTES_MAX,
        };
        if is_full {
            // In the middle of a record: the position stays before it until the rest is there too.
            self.write(rows, self.waiting_last)?;
        }
        Ok(())
    }

    fn write(&mut self, rows: &Stack, last: Seq) -> Result<(), RowsError> {
        let mut standing = self.standing;
        let mut some = Vec::with_capacity(self.waiting.len());
        for (key, stored) in &self.waiting {
            let stored = stored.as_deref();
            let put = put(rows, &mut standing, key, stored, Beneath::Unknown, last)?;
            some.push((key.as_slice(), put));
        }
        standing.applied.last = last;
        let how_far = standing.encode();
        let mut changes = changes(&some);
        changes.push((APPLIED_KEY, Some(&how_far)));
        for some in changes.chunks(BATCH_ROWS_MAX) {
            rows.top()?.apply(some)?;
        }
        self.standing = standing;
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(())
    }
}

/// What is known of a row before it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beneath {
    /// Nobody has ever written one.
    Nothing,
    Unknown,
}

/// What goes into sled for a row, or for its end.
enum Put<'a> {
    Row(&'a [u8]),
    Mark(Vec<u8>),
    Nothing,
}

fn changes<'a>(some: &'a [(&'a [u8], Put<'a>)]) -> Vec<(&'a [u8], Option<&'a [u8]>)> {
    let change = |(key, put): &'a (&'a [u8], Put<'a>)| match put {
        Put::Row(stored) => (*key, Some(*stored)),
        Put::Mark(mark) => (*key, Some(mark.as_slice())),
        Put::Nothing => (*key, None),
    };
    some.iter().map(change).collect()
}

/// Decides what goes into sled, and counts it.
fn put<'a>(
    rows: &Stack,
    standing: &mut Standing,
    key: &[u8],
    stored: Option<&'a [u8]>,
    what: Beneath,
    at: Seq,
) -> Result<Put<'a>, RowsError> {
    let (mut old, mut beneath) = (None, None);
    if what == Beneath::Unknown {
        old = rows.top()?.get(key)?;
        // Of a row in sled it is only asked what is beneath when a mark may be needed.
        if old.is_none() || stored.is_none() {
            beneath = rows.get_beneath(key)?;
        }
    }
    let seen = match &old {
        Some(old) if is_gone(key, old)? => None,
        Some(old) => Some(old.as_slice()),
        None => beneath.as_deref(),
    };
    let put = match stored {
        Some(stored) => Put::Row(stored),
        None if beneath.is_some() => Put::Mark(encode_gone(key, at)),
        None => Put::Nothing,
    };
    standing.replace(Replaced {
        key_length: key.len() as u64,
        seen,
        old: old.as_deref(),
        new: match &put {
            Put::Row(stored) => Some(stored),
            Put::Mark(mark) => Some(mark),
            Put::Nothing => None,
        },
    });
    Ok(put)
}
