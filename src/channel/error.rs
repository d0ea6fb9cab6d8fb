//! What went wrong in a call to a channel, named by what to do next.

use domain::Time;

/// A call to a channel that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation}: {kind}")]
pub struct ChannelError {
    /// What to do next.
    pub kind: ErrorKind,
    /// What was tried, as a verb phrase: `read orders`.
    pub operation: &'static str,
}

/// What to do next. The engine decides by nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// Nothing happened there; try again later.
    #[error("{reason}; it will be tried again")]
    Retry {
        /// What was seen.
        reason: String,
    },
    /// We ask too often; not before `until`, where the channel says so.
    #[error("the channel asks for fewer calls")]
    Throttled {
        /// The earliest time of the next call.
        until: Option<Time>,
    },
    /// The credentials do not work; a person must look.
    #[error("the channel refuses our credentials: {reason}")]
    Unauthorized {
        /// In its words.
        reason: String,
    },
    /// What we spoke of does not exist there.
    #[error("the channel does not know it any more")]
    Gone,
    /// It will not do this, and trying again is useless.
    #[error("the channel refuses: {reason}")]
    Rejected {
        /// In its words.
        reason: String,
    },
    /// It may or may not have happened; read back before trying again.
    #[error("the outcome is unknown: {reason}")]
    Ambiguous {
        /// What was seen.
        reason: String,
    },
    /// It answered with something that we cannot read.
    #[error("the channel's answer cannot be read: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

impl ChannelError {
    /// An error of a kind, in an operation.
    pub fn new(operation: &'static str, kind: ErrorKind) -> ChannelError {
        ChannelError { kind, operation }
    }

    /// The answer cannot be read.
    pub fn malformed(operation: &'static str, reason: impl Into<String>) -> ChannelError {
        ChannelError::new(
            operation,
            ErrorKind::Malformed {
                reason: reason.into(),
            },
        )
    }

    /// The channel will not do it.
    pub fn rejected(operation: &'static str, reason: impl Into<String>) -> ChannelError {
        ChannelError::new(
            operation,
            ErrorKind::Rejected {
                reason: reason.into(),
            },
        )
    }

    /// The credentials do not work.
    pub fn unauthorized(operation: &'static str, reason: impl Into<String>) -> ChannelError {
        ChannelError::new(
            operation,
            ErrorKind::Unauthorized {
                reason: reason.into(),
            },
        )
    }
}
