//! The journal: every raw signal and every batch, in the order in which they became durable.
//!
//! It is a chain of segments (`segment`), each a file of records (`record`) that is only ever
//! written at its end (`writer`). What is in it has happened; what is missing at its end never did,
//! and where that cannot be said for sure, opening refuses (`open`, `scan`, `witness`). It knows
//! nothing of rows being current: that is for whoever replays it.

pub(crate) mod change;
pub mod disk;
pub mod files;
pub(crate) mod loss;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod scan;
pub(crate) mod segment;
pub(crate) mod witness;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the journal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file does not hold what was written to it.
    #[error("`{}` is damaged: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// What is there is older than what was there.
    #[error("the journal in `{}` was set back: {what}", dir.display())]
    RolledBack {
        /// Where it is.
        dir: PathBuf,
        /// Who says so.
        what: String,
    },
    /// A later version of Oneshelf wrote it.
    #[error("`{}` was written by a newer version of Oneshelf", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
    },
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
}

impl JournalError {
    pub(crate) fn damaged(path: &Path, what: impl Into<String>) -> JournalError {
        JournalError::Damaged {
            path: path.to_owned(),
            what: what.into(),
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> JournalError {
        JournalError::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether there is no space, and nothing worse.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            JournalError::Io { source, .. } => disk::is_full(source),
            JournalError::Damaged { .. }
            | JournalError::RolledBack { .. }
            | JournalError::Newer { .. } => false,
        }
    }

    /// Whether this is about what is stored, so that only a person may go on.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            JournalError::Damaged { .. } | JournalError::RolledBack { .. }
        )
    }
}
