//! How to open a store, and why it may not open.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{blocks::Blocks, rows::RowsError};
use crate::{
    StoreError,
    journal::{JournalError, disk::Disk, files::Files},
};

/// Where a store is and how it treats the disk.
#[derive(Clone)]
pub struct Options {
    /// The directory, which belongs to the store alone.
    pub dir: PathBuf,
    /// Where the witness is; another disk than the journal's sees more. By default beside the journal.
    pub witness: PathBuf,
    /// The files. A test hands in a disk that fails.
    pub disk: Arc<dyn Disk>,
    /// How long a segment of the journal gets.
    pub segment_bytes: u64,
    /// How much memory the rows may take as a cache, and blocks of exports as much again.
    pub cache_bytes: u64,
    /// How much memory rows may take that have changed, before they are brought to disk; while they
    /// are, as much again may change.
    pub memory_bytes: usize,
    /// How long commits wait for a signal that may share their sync, while signals come.
    pub linger: Duration,
    /// How long the rows may be behind the journal on disk; a restart replays so much.
    pub checkpoint_every: Duration,
    /// Writes are refused below so many free bytes,
    pub free_bytes_min: u64,
    /// or below this part of the file system, 0 to 1, where that is less: a small disk is not always
    /// full, and a large one does not keep back what nobody needs.
    pub free_ratio_min: f64,
    /// So much is kept back, so that a store can be opened on a disk that others have filled.
    pub reserve_bytes: u64,
    /// An export is made by itself when at least so many rows have changed since the last,
    pub export_rows: u64,
    /// or when the journal has so many bytes behind it;
    pub export_journal_bytes: u64,
    /// and one of all rows so long after the last, if anything has changed.
    pub export_every: Duration,
    /// What may go when an export has it.
    pub retain: Retain,
    /// Open a journal that is damaged or was set back, and go on with what is left.
    pub accept_rollback: bool,
    /// What stays in memory of exports, for whoever opens some of them with these or a copy.
    pub(crate) blocks: Arc<OnceLock<Blocks>>,
}

/// How long the segments of the journal are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retain {
    /// For ever.
    Everything,
    /// Until a verified export has their rows, no signal in them is undecided, and they are so old.
    Since(Duration),
}

impl Options {
    /// The defaults, for a directory.
    pub fn new(dir: impl Into<PathBuf>) -> Options {
        let dir = dir.into();
        Options {
            witness: dir.join("witness"),
            dir,
            disk: Arc::new(Files::new()),
            segment_bytes: 64 * 1024 * 1024,
            cache_bytes: 64 * 1024 * 1024,
            memory_bytes: 16 * 1024 * 1024,
            linger: Duration::from_millis(2),
            checkpoint_every: Duration::from_secs(30),
            free_bytes_min: 512 * 1024 * 1024,
            free_ratio_min: 0.1,
            reserve_bytes: 32 * 1024 * 1024,
            export_rows: 200_000,
            export_journal_bytes: 512 * 1024 * 1024,
            export_every: Duration::from_secs(24 * 3600),
            retain: Retain::Everything,
            accept_rollback: false,
            blocks: Arc::default(),
        }
    }

    pub(crate) fn rows_dir(&self) -> PathBuf {
        self.dir.join("rows")
    }

    pub(crate) fn exports_dir(&self) -> PathBuf {
        self.dir.join("exports")
    }

    pub(crate) fn blocks(&self) -> &Blocks {
        self.blocks.get_or_init(|| Blocks::within(self.cache_bytes))
    }

    pub(crate) fn reserve(&self) -> PathBuf {
        self.dir.join("reserve")
    }

    /// A new place for what is moved out of the way.
    pub(crate) fn aside(&self, what: &str) -> PathBuf {
        let name = format!("{what}-{}", self.disk.unix_ms());
        self.dir.join("aside").join(name)
    }
}

/// What opening found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// What was repaired, in sentences. Whatever is here wants to be told to the admin.
    pub repairs: Vec<String>,
    /// The rows were made anew from the last export and the journal.
    pub is_rebuilt: bool,
    /// A loss was accepted, or the store was restored from a backup, and nobody has said
    /// [`super::Sled::forget_loss`] since: publish nothing before everything is reconciled.
    pub is_after_loss: bool,
    /// There is too little space, so writes are refused until there is more.
    pub is_read_only: bool,
    /// How many records were applied to the rows.
    pub replayed: u64,
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the store in `{}` is in use by {}", dir.display(), holder(*pid))]
    Locked {
        /// Which store.
        dir: PathBuf,
        /// By whom.
        pid: Option<u32>,
    },
    /// Something durable is gone or changed, and only a person may go on. Exit 74.
    #[error(
        "{0}; nothing was changed. Bring back the missing files, or start once with \
         `--accept-rollback`: what is left is used then, and nothing is published before everything \
         is reconciled (exit 74)"
    )]
    Damaged(#[source] JournalError),
    /// The rows are damaged, and there is not enough left to make them anew. Exit 74.
    #[error(
        "the rows cannot be made anew: {reason}. Bring back the exports that are missing or damaged, or put back a \
         backup with `oneshelf restore`. Or start once with `--accept-rollback`: what is left is used then, and \
         nothing is published before everything is reconciled (exit 74)"
    )]
    Lost {
        /// What is missing.
        reason: String,
    },
    /// A later version wrote it. Exit 78.
    #[error("{0}; install that version again")]
    Newer(#[source] JournalError),
    /// There is not even the space to open it. Exit 74.
    #[error("there is no space to open the store in `{}`", dir.display())]
    NoSpace {
        /// Which store.
        dir: PathBuf,
    },
    /// The disk did not do what it was asked. Exit 74.
    #[error("cannot open the store in `{}`", dir.display())]
    Io {
        /// Which store.
        dir: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn journal(dir: &Path, error: JournalError) -> OpenError {
        if error.is_full() {
            let dir = dir.to_owned();
            return OpenError::NoSpace { dir };
        }
        match error {
            JournalError::Damaged { .. } | JournalError::RolledBack { .. } => {
                OpenError::Damaged(error)
            }
            JournalError::Newer { .. } => OpenError::Newer(error),
            JournalError::Io { .. } => OpenError::Io {
                dir: dir.to_owned(),
                source: io::Error::other(error),
            },
        }
    }

    pub(crate) fn rows(dir: &Path, error: RowsError) -> OpenError {
        let dir = dir.to_owned();
        if error.is_full() {
            return OpenError::NoSpace { dir };
        }
        match error {
            RowsError::Io(source) => OpenError::Io { dir, source },
            RowsError::Damaged(reason) => OpenError::Lost { reason },
        }
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> StoreError {
        let reason = error.to_string();
        match error {
            OpenError::Damaged(_) | OpenError::Lost { .. } => StoreError::Corrupt { reason },
            OpenError::NoSpace { .. } => StoreError::NoSpace { free_bytes: 0 },
            OpenError::Locked { .. } | OpenError::Newer(_) | OpenError::Io { .. } => {
                StoreError::Unavailable { reason }
            }
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
