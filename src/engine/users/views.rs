//! Views of lists that somebody saved under a name, to come back to.

use serde::{Deserialize, Serialize};
use store::{Batch, Expect, Range, StoreError, Table};

use crate::{Engine, rows};

/// Saved views, by user and name.
const VIEWS: Table = Table("users_views");
/// The most that one user has.
pub const VIEWS_MAX: usize = 30;
/// The longest name, in characters.
pub const NAME_LENGTH_MAX: usize = 40;
/// The longest query.
const QUERY_LENGTH_MAX: usize = 500;

/// A view of the list of orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedView {
    /// What its owner calls it.
    pub name: String,
    /// The query of the address that shows it.
    pub query: String,
}

/// Why a view is not saved.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Such a name cannot be.
    #[error("a view has a name of 1 to {NAME_LENGTH_MAX} characters")]
    BadName,
    /// There are too many.
    #[error("you have {VIEWS_MAX} views, the most that are kept: take one away first")]
    TooMany,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// The views that a user saved, by name.
    pub async fn saved_views(&self, user: &str) -> Result<Vec<SavedView>, StoreError> {
        let range = Range {
            prefix: rows::prefix(&[user]),
            after: None,
        };
        let found = self.store.scan(VIEWS, range, VIEWS_MAX).await?;
        found
            .iter()
            .map(|(_, row)| rows::decode(VIEWS, &row.value))
            .collect()
    }

    /// Saves a view, or changes the one of that name.
    pub async fn save_view(&self, user: &str, name: &str, query: &str) -> Result<(), ViewError> {
        let name = name.trim();
        let is_plain = !name.chars().any(char::is_control);
        let fits = (1..=NAME_LENGTH_MAX).contains(&name.chars().count());
        if !is_plain || !fits || query.len() > QUERY_LENGTH_MAX {
            return Err(ViewError::BadName);
        }
        let key = rows::key(&[user, name]);
        let before = self.store.get(VIEWS, &key).await?;
        if before.is_none() && self.saved_views(user).await?.len() >= VIEWS_MAX {
            return Err(ViewError::TooMany);
        }
        let view = SavedView {
            name: name.to_owned(),
            query: query.to_owned(),
        };
        let batch = Batch {
            expects: vec![Expect {
                table: VIEWS,
                key: key.clone(),
                version: before.map(|row| row.version),
            }],
            puts: vec![(VIEWS, key, rows::encode(&view))],
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        Ok(())
    }

    /// Takes a saved view away; there need be none.
    pub async fn drop_view(&self, user: &str, name: &str) -> Result<(), StoreError> {
        let batch = Batch {
            deletes: vec![(VIEWS, rows::key(&[user, name.trim()]))],
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        Ok(())
    }
}
