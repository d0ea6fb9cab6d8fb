//! What a store says when it does not do what was asked.

use crate::Table;

/// Why nothing was written, or nothing could be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A row is not as expected: load and decide again.
    #[error("a row of `{}` changed meanwhile", table.0)]
    Conflict {
        /// The table of the first row that differs.
        table: Table,
    },
    /// The batch breaks a limit of the port: a mistake of ours, nothing was written.
    #[error("the batch cannot be stored: {reason}")]
    Refused {
        /// Which limit.
        reason: String,
    },
    /// There is too little space: reads go on, writes wait until there is more.
    #[error("there is too little disk space: {free_bytes} bytes are free")]
    NoSpace {
        /// How much is left.
        free_bytes: u64,
    },
    /// A write or sync failed, or the store is closed: no further acknowledgement; stop, exit 74.
    #[error("the store is out of order: {reason}")]
    Unavailable {
        /// What failed.
        reason: String,
    },
    /// What is stored is damaged: stop, never guess.
    #[error("the store is damaged: {reason}")]
    Corrupt {
        /// Where, and what to do.
        reason: String,
    },
}
