//! `[privacy]`: how long what tells of people is kept, and what it is sealed with.

use std::time::Duration;

use channel::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{self, DurationText};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long what tells of people is kept, and what it is sealed with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Privacy {
    /// The master key, without which nobody reads what orders say of people, nor the tokens that channels rotate:
    /// at least 32 characters, best from a systemd credential. Unset: the file `master.key` in `store.dir`, made
    /// at the first start.
    pub key: Option<Secret>,
    /// How long after an order came its names, addresses and contacts are erased by themselves. What must still
    /// be sent waits. Unset: never.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub forget_after: Option<Duration>,
    /// How long the hooks that channels sent can be read.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub keep_signals: Duration,
    /// How long it is kept who an invoice or a credit note was for, also when its order is forgotten: as long as tax
    /// law wants. Unset: for ever.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub keep_documents: Option<Duration>,
}

impl Default for Privacy {
    fn default() -> Privacy {
        Privacy {
            key: None,
            forget_after: None,
            keep_signals: DAY * 30,
            keep_documents: None,
        }
    }
}

impl Privacy {
    /// What is wrong with it: the key, and a sentence.
    pub(super) fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let is_short = |key: &Secret| key.expose().trim().len() < 32;
        let is_less = |duration: Duration| duration < DAY;
        let mut mistakes = Vec::new();
        if self.key.as_ref().is_some_and(is_short) {
            let problem = "a master key that can be guessed protects nobody: at least 32 characters, such as \
                           `openssl rand -hex 32` prints";
            mistakes.push(("privacy/key", problem));
        }
        if self.forget_after.is_some_and(is_less) {
            mistakes.push(("privacy/forget_after", "the least is \"1d\""));
        }
        if self.keep_documents.is_some_and(is_less) {
            mistakes.push(("privacy/keep_documents", "the least is \"1d\""));
        }
        if is_less(self.keep_signals) {
            let problem =
                "the least is \"1d\": what arrives must be readable until it is decided about";
            mistakes.push(("privacy/keep_signals", problem));
        }
        mistakes
    }
}
