//! Reading an account's orders again from a time on, because something before it was missed.
//!
//! What is asked for is a row, which the poll that has read so far back deletes with its cursor. So a
//! restart in between begins that poll again, and nothing is read twice for longer than that.

use domain::Time;
use serde::Serialize;
use store::{Batch, StoreError};

use super::poll::Cursor;
use crate::{
    Engine,
    account::Account,
    decider::Alongside,
    rows::{self, key},
    views,
};

/// The last part of the key of what is asked for; the first is the account.
const ASKED: &str = "backfill";

/// How far reading back has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Backfill {
    /// From when on, by the channel's clock.
    pub since: Time,
    /// Whether it is over.
    pub is_done: bool,
    /// How many orders were read since this process began.
    pub read: usize,
    /// The latest change among them.
    pub up_to: Option<Time>,
}

impl Engine {
    /// Has an account's orders read again from a time on.
    pub async fn backfill(
        &self,
        account: &Account,
        since: Time,
        rows: Alongside,
    ) -> Result<(), StoreError> {
        let Alongside { mut puts, deletes } = rows;
        let asked = Cursor {
            changed_since: since,
        };
        puts.push((rows::CURSORS, asked_key(account), rows::encode(&asked)));
        let batch = Batch {
            puts,
            deletes,
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        account.put_backfill(Some(Backfill {
            since,
            is_done: false,
            read: 0,
            up_to: None,
        }));
        account.poll_soon();
        self.note_change();
        Ok(())
    }

    /// From when on orders are to be read, if that was asked for.
    pub(super) async fn backfill_asked(
        &self,
        account: &Account,
    ) -> Result<Option<Time>, StoreError> {
        let parts = [account.id.as_str(), ASKED];
        let asked: Option<Cursor> = views::read(self, rows::CURSORS, &parts).await?;
        let since = asked.map(|asked| asked.changed_since);
        if let Some(since) = since
            && account.backfill().is_none_or(|known| known.since != since)
        {
            account.put_backfill(Some(Backfill {
                since,
                is_done: false,
                read: 0,
                up_to: None,
            }));
        }
        Ok(since)
    }

    /// Deletes what was asked for, unless something else is by now.
    pub(super) async fn end_backfill(
        &self,
        account: &Account,
        since: Time,
    ) -> Result<(), StoreError> {
        if self.backfill_asked(account).await? != Some(since) {
            return Ok(());
        }
        let deletes = vec![(rows::CURSORS, asked_key(account))];
        let batch = Batch {
            deletes,
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        account.change_backfill(|backfill| backfill.is_done = true);
        self.note_change();
        Ok(())
    }
}

fn asked_key(account: &Account) -> Vec<u8> {
    key(&[account.id.as_str(), ASKED])
}
