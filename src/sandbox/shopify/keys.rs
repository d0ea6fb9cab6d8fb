//! Idempotency: what was done under a key is answered again and not done again.

use std::{collections::BTreeMap, time::Duration};

use domain::Time;
use serde_json::{Value, json};

use super::mutations::{Arguments, Fault, refusals, user_error};

/// How long a key is remembered.
const KEY_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Idempotency keys that were used.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<(String, String), Used>);

struct Used {
    at: Time,
    input: String,
    /// Nothing where the first use failed.
    answer: Option<Value>,
}

impl Keys {
    /// Carries something out unless it was carried out under this key before.
    pub(super) fn once(
        &mut self,
        field: &str,
        arguments: &Arguments,
        key: Option<&str>,
        now: Time,
        act: impl FnOnce() -> Value,
    ) -> Result<Value, Fault> {
        let key = key.ok_or_else(|| {
            let message =
                "The @idempotent directive is required for this mutation but was not provided.";
            Fault(message.to_owned(), "BAD_REQUEST")
        })?;
        if key.trim().is_empty() {
            let message = "The idempotency key cannot be an empty string or whitespace only.";
            return Err(Fault(message.to_owned(), "BAD_REQUEST"));
        }
        self.0.retain(|_, used| used.at.plus(KEY_LIFE) > now);
        let input = Value::Object(arguments.clone()).to_string();
        let slot = (field.to_owned(), key.to_owned());
        if let Some(used) = self.0.get(&slot) {
            let refused = |code: &str, message: &str| {
                let mut payload = refusals(vec![user_error(&[], message)]);
                if field.starts_with("inventory") {
                    payload["userErrors"][0]["code"] = json!(code);
                }
                payload
            };
            return Ok(match &used.answer {
                _ if used.input != input => refused(
                    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
                    "The same idempotency key cannot be used with different operation parameters.",
                ),
                Some(answer) => answer.clone(),
                None => refused(
                    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
                    "A previous request with this idempotency key failed. Retry with a new \
                     idempotency key.",
                ),
            });
        }
        let answer = act();
        let is_done = answer["userErrors"].as_array().is_some_and(Vec::is_empty);
        let used = Used {
            at: now,
            input,
            answer: is_done.then(|| answer.clone()),
        };
        self.0.insert(slot, used);
        Ok(answer)
    }
}
