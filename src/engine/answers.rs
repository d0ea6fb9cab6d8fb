//! What was answered to a write, so that sending it again has no effect and gets the same answer.
//!
//! A row for each idempotency key says which request used it. It is written in the commit of the
//! effect itself, so there is no moment at which one is durable without the other; the answer follows.
//! Rows are kept for [`KEPT_FOR`], and every new one takes a few old ones away.

use std::time::Duration;

use domain::Time;
use serde::{Deserialize, Serialize};
use store::{Batch, Range, StoreError, Table};

use crate::{Engine, decider::Alongside, rows};

/// Requests by their key.
const ANSWERS: Table = Table("idempotency");
/// Index: keys by the time of their request.
const ANSWERS_BY_TIME: Table = Table("idempotency_by_time");
/// How long a key is remembered.
pub const KEPT_FOR: Duration = Duration::from_secs(48 * 3600);
/// How many old rows a new one takes away: more than one, so that they become fewer.
const CLEARED: usize = 4;

/// A request that had its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked, as a digest over method, path and body.
    pub request: String,
    /// When.
    pub at: Time,
    /// What was answered; nothing when the process ended between effect and answer.
    pub said: Option<Said>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: serde_json::Value,
}

impl Engine {
    /// The request that used a key, if one did.
    pub async fn recall(&self, key: &str) -> Result<Option<Answer>, StoreError> {
        let row = self.store.get(ANSWERS, &rows::key(&[key])).await?;
        row.map(|row| rows::decode(ANSWERS, &row.value)).transpose()
    }

    /// The rows that say that a key is used, to be committed with the effect.
    pub async fn use_key(&self, key: &str, request: &str) -> Result<Alongside, StoreError> {
        let at = self.ports.clock.now();
        let answer = Answer {
            request: request.to_owned(),
            at,
            said: None,
        };
        let mut rows_alongside = Alongside {
            puts: vec![
                (ANSWERS, rows::key(&[key]), rows::encode(&answer)),
                (ANSWERS_BY_TIME, time_key(at, key), rows::encode(&())),
            ],
            deletes: Vec::new(),
        };
        let before = rows::sortable_time(at.minus(KEPT_FOR));
        let oldest = self
            .store
            .scan(ANSWERS_BY_TIME, Range::default(), CLEARED)
            .await?;
        for (row, _) in oldest {
            if row.as_slice() < before.as_bytes() {
                let old = rows::last_part(&row);
                rows_alongside.deletes.push((ANSWERS_BY_TIME, row));
                if old != key {
                    rows_alongside.deletes.push((ANSWERS, rows::key(&[&old])));
                }
            }
        }
        Ok(rows_alongside)
    }

    /// Keeps what was answered.
    pub async fn keep_answer(
        &self,
        key: &str,
        request: &str,
        said: Said,
    ) -> Result<(), StoreError> {
        let answer = Answer {
            request: request.to_owned(),
            at: self.ports.clock.now(),
            said: Some(said),
        };
        let puts = vec![(ANSWERS, rows::key(&[key]), rows::encode(&answer))];
        self.store
            .commit(Batch {
                puts,
                ..Batch::default()
            })
            .await?;
        Ok(())
    }

    /// Makes rows durable that go with no decision.
    pub async fn keep_rows(&self, rows: Alongside) -> Result<(), StoreError> {
        let Alongside { puts, deletes } = rows;
        if puts.is_empty() && deletes.is_empty() {
            return Ok(());
        }
        self.store
            .commit(Batch {
                puts,
                deletes,
                ..Batch::default()
            })
            .await?;
        Ok(())
    }
}

fn time_key(at: Time, key: &str) -> Vec<u8> {
    rows::key(&[&rows::sortable_time(at), key])
}
