//! Backups: a copy of everything as of one position, made while the store goes on working.
//!
//! A backup is a directory: an export, the journal up to a mark, the folders that belong beside the
//! store, and a manifest with a checksum of each. The rows are not in it; they are made anew. It is put
//! together under another name and read back before it gets its own ([`make`]), so whatever has the name
//! of a backup is whole. [`check`] reads one again, [`restore`] makes a state folder of it.

mod check;
mod files;
mod make;
mod manifest;
mod restore;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use check::verify;
pub use files::{Listed, list};
pub use manifest::Manifest;
#[cfg(test)]
pub(super) use restore::restore_on;
pub use restore::{Restored, is_unfinished, restore};

use super::export::ExportError;
use crate::{
    StoreError,
    journal::{JournalError, disk},
};

/// Where the store itself is in a backup and in a state folder.
const STORE: &str = "store";
/// What a backup is called while it is made, and what is on its way out.
const UNFINISHED: &str = ".unfinished";

/// What to make a backup of, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The directory that has all backups.
    pub dir: PathBuf,
    /// Folders that belong to the backup and not to the store, each with its name in a state folder:
    /// tokens that channels rotate. They may be missing.
    pub beside: Vec<(String, PathBuf)>,
    /// The program and its version, for people.
    pub program: String,
    /// So many of the newest are kept; nothing is removed when this is 0.
    pub keep: usize,
}

/// A backup that was read and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// Why there is no backup, or why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The disk did not do what it was asked.
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// What it was asked.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// There is too little space for it.
    #[error(
        "it takes {needed} bytes and {free} are free in `{}`, of which some must stay free",
        dir.display()
    )]
    NoSpace {
        /// Where.
        dir: PathBuf,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
    /// Another process makes one there.
    #[error("another backup is being made in `{}`", dir.display())]
    Busy {
        /// Where.
        dir: PathBuf,
    },
    /// This is no backup.
    #[error("`{}` is no backup: {reason}", path.display())]
    NoBackup {
        /// What was looked at.
        path: PathBuf,
        /// Why it is none.
        reason: String,
    },
    /// A later version made it.
    #[error("`{}` was made by a newer version of Oneshelf; install that version", path.display())]
    Newer {
        /// Which backup.
        path: PathBuf,
    },
    /// It is not what was written.
    #[error("the backup `{}` is damaged: {}", path.display(), problems.join("; "))]
    Damaged {
        /// Which backup.
        path: PathBuf,
        /// Everything that is wrong with it.
        problems: Vec<String>,
    },
    /// There is something already where it is to be restored.
    #[error("`{}` is not empty: nothing was restored", dir.display())]
    NotEmpty {
        /// Where.
        dir: PathBuf,
    },
    /// The rows that were made of it are not those that it had.
    #[error("the store that was made of it is not what it should be: {reason}")]
    Unlike {
        /// What is different.
        reason: String,
    },
    /// The export failed that it begins with.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    fn io(doing: &'static str, path: &Path, source: io::Error) -> BackupError {
        BackupError::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    fn damaged(path: &Path, problem: impl Into<String>) -> BackupError {
        BackupError::Damaged {
            path: path.to_owned(),
            problems: vec![problem.into()],
        }
    }

    fn journal(backup: &Path, error: JournalError) -> BackupError {
        match error {
            JournalError::Newer { .. } => BackupError::Newer {
                path: backup.to_owned(),
            },
            JournalError::Io {
                doing,
                path,
                source,
            } => BackupError::io(doing, &path, source),
            JournalError::Damaged { .. } | JournalError::RolledBack { .. } => {
                BackupError::damaged(backup, error.to_string())
            }
        }
    }

    fn export(backup: &Path, error: ExportError) -> BackupError {
        match error {
            ExportError::Io { path, source } => BackupError::io("read", &path, source),
            ExportError::Damaged { .. } | ExportError::Store(_) => {
                BackupError::damaged(backup, error.to_string())
            }
        }
    }

    /// Whether there was no space, and nothing worse.
    pub fn is_full(&self) -> bool {
        match self {
            BackupError::NoSpace { .. } => true,
            BackupError::Io { source, .. }
            | BackupError::Export(ExportError::Io { source, .. }) => disk::is_full(source),
            BackupError::Busy { .. }
            | BackupError::NoBackup { .. }
            | BackupError::Newer { .. }
            | BackupError::Damaged { .. }
            | BackupError::NotEmpty { .. }
            | BackupError::Unlike { .. }
            | BackupError::Export(_)
            | BackupError::Store(_) => false,
        }
    }
}
