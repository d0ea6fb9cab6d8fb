//! What buyers and other people are told, by a rule, with a hold, or because a person wants it.
//!
//! A decision only says that one of the admin's messages is to be sent, and which way. What stands in it, and
//! to whom it goes, is read when it is sent: nothing of people is in a wish, and who was forgotten meanwhile is
//! not written to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The most messages about an order: a rule that is run over and over fills no mailbox.
pub const MESSAGES_MAX: usize = 50;
/// What happened to an order that was placed so long before it became known is no news to anybody.
pub const NEWS_WITHIN: Duration = Duration::from_secs(3 * 24 * 3600);

/// One of the admin's messages, and how it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What the admin calls it.
    pub message: String,
    /// Which way it goes.
    pub way: Way,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By e-mail.
    Mail,
    /// To a program, by HTTP.
    Webhook,
}

impl Way {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Way::Mail => "mail",
            Way::Webhook => "webhook",
        }
    }
}
