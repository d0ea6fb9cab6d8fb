//! Writing changes to the rows on disk.
//!
//! Changes are collected and written in small batches; each of them carries how far the rows are and
//! what they weigh then, so that a stop between two of them is seen and harmless: applying a record again
//! gives the same rows.

use std::collections::BTreeMap;

use super::{
    effect::Effect,
    memtable::{Memtable, ROW_COST_BYTES},
    row::{APPLIED_KEY, Applied},
    rows::{BATCH_ROWS_MAX, Rows, RowsError},
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
    applied: Applied,
    waiting: BTreeMap<RowKey, Option<Vec<u8>>>,
    waiting_bytes: usize,
    waiting_last: Seq,
    pace: Pace,
    replayed: u64,
}

impl State {
    pub(crate) fn new(applied: Applied, pace: Pace) -> State {
        State {
            applied,
            waiting_last: applied.last,
            pace,
            ..State::default()
        }
    }

    /// How far the rows are.
    pub(crate) fn applied(&self) -> Applied {
        self.applied
    }

    /// A record is applied.
    pub(crate) fn apply(&mut self, rows: &Rows, effect: Effect) -> Result<(), RowsError> {
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
        rows: &Rows,
        table: &Memtable,
        last: Seq,
        mut pause: impl FnMut(usize) -> Result<(), RowsError>,
    ) -> Result<(), RowsError> {
        let mut left = table.iter().peekable();
        loop {
            let mut applied = self.applied;
            let (mut some, mut bytes) = (Vec::with_capacity(BATCH_ROWS_MAX), 0);
            for ((key, stored), is_new) in left.by_ref().take(BATCH_ROWS_MAX - 1) {
                if !is_new {
                    rows.look(key, |old| applied.take(old))?;
                }
                if let Some(stored) = stored {
                    applied.add(stored);
                    bytes += stored.len();
                }
                bytes += key.len();
                some.push((key, stored));
            }
            let is_last = left.peek().is_none();
            if is_last {
                applied.last = last;
            }
            let how_far = applied.encode();
            some.push((APPLIED_KEY, Some(&how_far)));
            rows.apply(&some)?;
            self.applied = applied;
            pause(bytes)?;
            if is_last {
                self.waiting_last = last;
                return Ok(());
            }
        }
    }

    /// Writes what is waiting.
    pub(crate) fn settle(&mut self, rows: &Rows) -> Result<(), RowsError> {
        if self.waiting.is_empty() && self.waiting_last == self.applied.last {
            return Ok(());
        }
        self.write(rows, self.waiting_last)
    }

    /// A row is stored like this, or gone.
    pub(crate) fn change(
        &mut self,
        rows: &Rows,
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

    fn write(&mut self, rows: &Rows, last: Seq) -> Result<(), RowsError> {
        let mut applied = Applied {
            last,
            ..self.applied
        };
        for (key, stored) in &self.waiting {
            if let Some(old) = rows.get(key)? {
                applied.take(&old);
            }
            if let Some(stored) = stored {
                applied.add(stored);
            }
        }
        let how_far = applied.encode();
        let mut changes: Vec<(&[u8], Option<&[u8]>)> = (self.waiting.iter())
            .map(|(key, stored)| (key.as_slice(), stored.as_deref()))
            .collect();
        changes.push((APPLIED_KEY, Some(&how_far)));
        for some in changes.chunks(BATCH_ROWS_MAX) {
            rows.apply(some)?;
        }
        self.applied = applied;
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(())
    }
}
