//! The one file that knows the `sled` crate.
//!
//! Rows are bytes under bytes here, in one tree. The house rules for version 0.34.7, each with a
//! measured reason (docs/adr/0002): segments of 8 MiB; a cache size is set; nothing relies on its
//! background flush; `flush_async` is never called; `flush` alone is not durable, so the data file is
//! synced after it; batches stay small; and since damage makes it panic rather than answer, every call
//! runs under `catch_unwind`.

use std::{
    fs::{self, File},
    io,
    ops::Bound,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::Duration,
};

use ::sled as engine;

use super::way::Way;

/// Smaller ones left 37 of 40 stores broken after a simulated power cut.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// The most rows that go into one of its batches: large ones take memory without bound.
pub(crate) const BATCH_ROWS_MAX: usize = 64;

/// Takes rows, each with its key; says whether it wants more.
pub(crate) type EachRow<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<bool, RowsError>;

/// How often, and how far apart, files that are still locked are tried again.
const LOCK_TRIES: u32 = 500;
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// Why the rows cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowsError {
    /// The disk did not do what it was asked.
    #[error("the disk failed under the rows")]
    Io(#[from] io::Error),
    /// What is there makes no sense.
    #[error("the rows are damaged: {0}")]
    Damaged(String),
}

impl RowsError {
    /// Whether there is no space, and nothing worse.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            RowsError::Io(error) => crate::journal::disk::is_full(error),
            RowsError::Damaged(_) => false,
        }
    }
}

/// All rows.
pub(crate) struct Rows {
    db: engine::Db,
    tree: engine::Tree,
    dir: PathBuf,
}

impl Rows {
    /// Opens the rows, or makes an empty set of them.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Rows, RowsError> {
        let config = engine::Config::default()
            .path(dir)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None);
        let (db, tree) = opened(&config)?;
        let rows = Rows {
            db,
            tree,
            dir: dir.to_owned(),
        };
        rows.sync_files()?;
        Ok(rows)
    }

    /// The value of a row.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        self.look(key, <[u8]>::to_vec)
    }

    /// Something of the value of a row, without a copy of all of it.
    pub(crate) fn look<T>(
        &self,
        key: &[u8],
        look: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, RowsError> {
        let value = guarded(|| self.tree.get(key))?;
        Ok(value.map(|value| look(&value)))
    }

    /// Shows rows in the order of their keys, from a bound on, until told to stop.
    pub(crate) fn walk(&self, from: Bound<&[u8]>, each: EachRow<'_>) -> Result<(), RowsError> {
        self.go(from, Way::Forth, each)
    }

    /// The same, in either order.
    pub(crate) fn go(
        &self,
        from: Bound<&[u8]>,
        way: Way,
        each: EachRow<'_>,
    ) -> Result<(), RowsError> {
        let mut rows = self.iter(from, way)?;
        while let Some(row) = rows.next()? {
            if !each(row.key(), row.stored())? {
                break;
            }
        }
        Ok(())
    }

    /// Rows from a bound on, to be asked for one by one.
    pub(crate) fn iter(&self, from: Bound<&[u8]>, way: Way) -> Result<RowsIter, RowsError> {
        let iter = guarded(|| Ok(self.tree.range::<&[u8], _>(way.range(from))))?;
        Ok(RowsIter(iter, way))
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes and deletes rows, all or none.
    pub(crate) fn apply(&self, changes: &[(&[u8], Option<&[u8]>)]) -> Result<(), RowsError> {
        let mut batch = engine::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(*key, *value),
                None => batch.remove(*key),
            }
        }
        guarded(|| self.tree.apply_batch(batch))
    }

    /// Makes everything written so far durable.
    pub(crate) fn sync(&self) -> Result<(), RowsError> {
        guarded(|| self.db.flush())?;
        File::open(self.dir.join("db"))?.sync_data()?;
        Ok(())
    }

    /// Its files, and whether it has put any value into a file of its own, which it never syncs.
    pub(crate) fn has_blobs(&self) -> bool {
        fs::read_dir(self.dir.join("blobs")).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Bytes on disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let Ok(entries) = fs::read_dir(&self.dir) else {
            return 0;
        };
        entries
            .filter_map(|entry| entry.ok()?.metadata().ok())
            .map(|metadata| metadata.len())
            .sum()
    }

    /// It syncs none of these itself when it is opened; 14 of 40 cuts soon after that were fatal.
    fn sync_files(&self) -> Result<(), RowsError> {
        for name in ["conf", "db", "blobs", "."] {
            match File::open(self.dir.join(name)) {
                Ok(file) => file.sync_all()?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(above) = self.dir.parent() {
            File::open(above)?.sync_all()?;
        }
        Ok(())
    }
}

/// Rows, one after the other.
pub(crate) struct RowsIter(engine::Iter, Way);

impl RowsIter {
    pub(crate) fn next(&mut self) -> Result<Option<StoredRow>, RowsError> {
        let next = guarded(|| self.1.next(&mut self.0).transpose())?;
        Ok(next.map(|(key, stored)| StoredRow { key, stored }))
    }
}

/// One of them.
pub(crate) struct StoredRow {
    key: engine::IVec,
    stored: engine::IVec,
}

impl StoredRow {
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    pub(crate) fn stored(&self) -> &[u8] {
        &self.stored
    }
}

/// Its threads let go of the files some time after the last handle is dropped. The store's own lock is
/// held here, so nobody else can have them, and a little patience is right.
fn opened(config: &engine::Config) -> Result<(engine::Db, engine::Tree), RowsError> {
    let open = || {
        guarded(|| {
            let db = config.open()?;
            let tree = db.open_tree("rows")?;
            Ok((db, tree))
        })
    };
    for _ in 0..LOCK_TRIES {
        match open() {
            Err(RowsError::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(LOCK_WAIT);
            }
            other => return other,
        }
    }
    open()
}

fn guarded<T>(work: impl FnOnce() -> engine::Result<T>) -> Result<T, RowsError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(engine::Error::Io(error))) => Err(error.into()),
        Ok(Err(error)) => Err(RowsError::Damaged(error.to_string())),
        Err(panic) => Err(RowsError::Damaged(sentence(panic.as_ref()))),
    }
}

fn sentence(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").chars().take(200).collect()
}
