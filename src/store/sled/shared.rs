//! What readers and the committer share: the rows, the journal's segments, and whether all is well.
//!
//! The lock around the rows is held for writing while a group is applied in memory, so that a reader sees
//! whole groups; a reader holds it only as long as it reads.

use std::{
    error::Error,
    fmt::Write,
    sync::{
        Arc, OnceLock, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    base::Base,
    keeper::Size,
    memtable::{Layers, Memtable},
    options::Options,
    row::Standing,
    rows::{Rows, RowsError},
    stack::{Frozen, Stack},
};
use crate::{Seq, StoreError, journal::reader::Segments};

pub(crate) struct Shared {
    rows: RwLock<Option<Layers>>,
    pub segments: Arc<Segments>,
    pub repairs: Vec<String>,
    /// The last position that can be read.
    durable: AtomicU64,
    pub syncs: AtomicU64,
    pub records: AtomicU64,
    pub free_bytes: AtomicU64,
    pub is_low: AtomicBool,
    /// How many rows and marks are in sled, and what they need.
    changed_rows: AtomicU64,
    changed_bytes: AtomicU64,
    broken: OnceLock<String>,
    is_closed: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        rows: Layers,
        segments: Arc<Segments>,
        last: Seq,
        repairs: Vec<String>,
    ) -> Shared {
        Shared {
            rows: RwLock::new(Some(rows)),
            segments,
            repairs,
            durable: AtomicU64::new(last.0),
            syncs: AtomicU64::new(0),
            records: AtomicU64::new(0),
            free_bytes: AtomicU64::new(0),
            is_low: AtomicBool::new(false),
            changed_rows: AtomicU64::new(0),
            changed_bytes: AtomicU64::new(0),
            broken: OnceLock::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Whether anything may be asked at all.
    pub(crate) fn health(&self) -> Result<(), StoreError> {
        let reason = match self.broken.get() {
            Some(reason) => reason.clone(),
            None if self.is_closed.load(Ordering::Acquire) => "it is closed".to_owned(),
            None => return Ok(()),
        };
        Err(StoreError::Unavailable { reason })
    }

    /// Something failed that nothing can be built on. Everybody hears of it from now on.
    pub(crate) fn fail(&self, error: &(dyn Error + 'static)) -> StoreError {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            // Writing to a String cannot fail.
            let (Ok(()) | Err(_)) = write!(reason, ": {error}");
            cause = error.source();
        }
        let reason = self.broken.get_or_init(|| {
            tracing::error!(reason, "The store stops: nothing is acknowledged any more.");
            reason
        });
        StoreError::Unavailable {
            reason: reason.clone(),
        }
    }

    /// The same for the rows: damage is named as such, once.
    pub(crate) fn fail_rows(&self, error: &RowsError) -> StoreError {
        let failed = self.fail(error);
        match error {
            RowsError::Io(_) => failed,
            RowsError::Damaged(reason) => StoreError::Corrupt {
                reason: format!("{reason}; the next start makes them anew"),
            },
        }
    }

    /// Reads rows; no group is applied meanwhile.
    pub(crate) fn read_rows<T>(
        &self,
        read: impl FnOnce(&Layers) -> Result<T, RowsError>,
    ) -> Result<T, StoreError> {
        self.health()?;
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let Some(rows) = rows.as_ref() else {
            return Err(closed());
        };
        read(rows).map_err(|error| self.fail_rows(&error))
    }

    /// Changes rows; nobody reads meanwhile. Then everything up to `last` can be read. Says about how
    /// much memory the rows take that are not on their way to disk.
    pub(crate) fn change_rows(
        &self,
        last: Seq,
        change: impl FnOnce(&mut Layers),
    ) -> Result<usize, StoreError> {
        self.with_rows(|rows| {
            change(rows);
            self.durable.store(last.0, Ordering::Release);
            rows.fresh_bytes()
        })
    }

    /// What changes goes to a new place from now on, above rows that do not change any more.
    pub(crate) fn freeze(&self, above: Arc<Stack>, frozen: Frozen) -> Result<(), StoreError> {
        self.with_rows(|rows| rows.freeze(above, frozen))
    }

    /// Rows that do not change any more and have no export yet.
    pub(crate) fn frozen(&self) -> Result<Option<Frozen>, StoreError> {
        self.with_rows(|rows| rows.frozen())
    }

    /// There is an export of these. Gives back what is not needed any more.
    pub(crate) fn rebase(&self, base: Arc<Base>) -> Result<Vec<Arc<Rows>>, StoreError> {
        self.with_rows(|rows| rows.rebase(base))
    }

    /// What is to go to disk now; it can be read all the while.
    pub(crate) fn begin_drain(&self) -> Result<Arc<Memtable>, StoreError> {
        self.with_rows(Layers::begin_drain)
    }

    /// The disk has all of it.
    pub(crate) fn end_drain(&self) -> Result<(), StoreError> {
        self.with_rows(Layers::end_drain)
    }

    /// The rows on disk alone.
    pub(crate) fn disk(&self) -> Result<Arc<Stack>, StoreError> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.as_ref().map(Layers::disk).ok_or_else(closed)
    }

    fn with_rows<T>(&self, change: impl FnOnce(&mut Layers) -> T) -> Result<T, StoreError> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        rows.as_mut().map(change).ok_or_else(closed)
    }

    /// The last position that can be read.
    pub(crate) fn durable(&self) -> Seq {
        Seq(self.durable.load(Ordering::Acquire))
    }

    /// What is in sled now.
    pub(crate) fn tell_changed(&self, standing: Standing) {
        self.changed_rows.store(standing.count, Ordering::Relaxed);
        self.changed_bytes.store(standing.bytes, Ordering::Relaxed);
    }

    /// How many rows and marks are in sled.
    pub(crate) fn changed_rows(&self) -> u64 {
        self.changed_rows.load(Ordering::Relaxed)
    }

    /// How much of the disk the rows take.
    pub(super) fn size(&self, options: &Options) -> Result<Size, StoreError> {
        let changed = self.changed_bytes.load(Ordering::Relaxed);
        Ok(Size::of(options, self.disk()?.as_ref(), changed))
    }

    /// One more sync with so many records.
    pub(crate) fn count(&self, records: u64) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// Lets go of the files.
    pub(crate) fn shut(&self) {
        self.is_closed.store(true, Ordering::Release);
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        *rows = None;
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable {
        reason: "it is closed".to_owned(),
    }
}
