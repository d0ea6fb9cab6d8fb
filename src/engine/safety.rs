//! What a person does when too much happens at once: lift a breaker, freeze accounts, and take the last
//! freeze back.

use std::sync::Arc;

use domain::{
    AccountId, ListingId, Time,
    breaker::Side,
    decide::Refusal,
    signal::{Command, Signal, Whose},
};
use serde::{Deserialize, Serialize};
use store::{Batch, Range, StoreError};

use crate::{
    Engine,
    account::{Account, ModeOverride},
    decider::{Alongside, DecideError, Done},
    rows::{self, key, prefix},
};

/// How many listings are let go in one decision.
const LET_GO_AT_ONCE: usize = 50;
/// The one row of the table of freezes.
const LAST: &str = "last";

/// What the last freeze did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// When.
    pub at: Time,
    /// Who did it; nothing in those that are older than this key.
    #[serde(default)]
    pub by: Option<String>,
    /// The accounts that it froze; those that were frozen before are not its doing.
    pub accounts: Vec<AccountId>,
    /// When it was taken back.
    pub undone_at: Option<Time>,
    /// Who took it back.
    #[serde(default)]
    pub undone_by: Option<String>,
}

impl Engine {
    /// Lets everything go that a side of an account's breaker holds, and lifts it then: when this is cut
    /// off, it is still tripped, and can be lifted again.
    pub async fn lift_breaker(
        &self,
        account: &Account,
        side: Side,
        (right, by): (Whose, String),
        rows: Alongside,
    ) -> Result<Done, DecideError> {
        if self.breaker(account).await?.trip(side).is_none() {
            return Err(Refusal::NotTripped(account.id.clone()).into());
        }
        let mut after = None;
        loop {
            let range = Range {
                prefix: prefix(&[side.word(), account.id.as_str()]),
                after,
            };
            let held = self
                .store
                .scan(rows::HELD_OFFERS, range, LET_GO_AT_ONCE)
                .await?;
            let Some((last, _)) = held.last() else {
                break;
            };
            // What cannot be let go stays, so this does not wait for it.
            after = Some(last.clone());
            let listings = held
                .iter()
                .map(|(row_key, _)| ListingId::new(rows::last_part(row_key)));
            let let_go = Command::LetGo {
                account: account.id.clone(),
                side,
                listings: listings.collect(),
                right,
                by: by.clone(),
            };
            self.decide(Signal::Command(let_go)).await?;
        }
        let account_id = account.id.clone();
        let lift = Command::LiftBreaker {
            account: account_id,
            side,
            by,
        };
        let done = self.decide_alongside(Signal::Command(lift), rows).await?;
        account.wake_lanes();
        Ok(done)
    }

    /// Stops writing to accounts, as one act that can be taken back.
    pub async fn freeze(
        &self,
        accounts: &[Arc<Account>],
        by: &str,
        rows: Alongside,
    ) -> Result<Freeze, StoreError> {
        let thawed: Vec<Arc<Account>> = accounts
            .iter()
            .filter(|account| !account.is_frozen())
            .cloned()
            .collect();
        let freeze = Freeze {
            at: self.ports.clock.now(),
            by: Some(by.to_owned()),
            accounts: thawed.iter().map(|account| account.id.clone()).collect(),
            undone_at: None,
            undone_by: None,
        };
        // Freezing what is frozen changes nothing, and must not hide what froze it.
        if !thawed.is_empty() {
            let at = freeze.at;
            let set = move |set: ModeOverride| set.frozen(by, at);
            self.set_frozen(&thawed, &set, &freeze, rows).await?;
            for account in &thawed {
                tracing::warn!(account = %account.id, by, "Writing to an account was stopped.");
            }
        }
        Ok(freeze)
    }

    /// Takes the last freeze back: the accounts that it froze are written to again. Nothing when there
    /// is none, or it was taken back.
    pub async fn undo_freeze(
        &self,
        by: &str,
        rows: Alongside,
    ) -> Result<Option<Freeze>, StoreError> {
        let last = self.last_freeze().await?;
        let Some(mut freeze) = last.filter(|freeze| freeze.undone_at.is_none()) else {
            return Ok(None);
        };
        let frozen: Vec<Arc<Account>> = freeze
            .accounts
            .iter()
            .filter_map(|id| self.accounts.get(id).cloned())
            .collect();
        freeze.undone_at = Some(self.ports.clock.now());
        freeze.undone_by = Some(by.to_owned());
        self.set_frozen(&frozen, &ModeOverride::thawed, &freeze, rows)
            .await?;
        for account in &frozen {
            tracing::warn!(account = %account.id, by, "Writing to an account goes on.");
        }
        Ok(Some(freeze))
    }

    /// What the last freeze did.
    pub async fn last_freeze(&self) -> Result<Option<Freeze>, StoreError> {
        let row = self.store.get(rows::FREEZES, &key(&[LAST])).await?;
        row.map(|row| rows::decode(rows::FREEZES, &row.value))
            .transpose()
    }

    async fn set_frozen(
        &self,
        accounts: &[Arc<Account>],
        change: &(dyn Fn(ModeOverride) -> ModeOverride + Sync),
        freeze: &Freeze,
        rows: Alongside,
    ) -> Result<(), StoreError> {
        let set = |account: &Arc<Account>| change(account.set());
        let Alongside { mut puts, deletes } = rows;
        puts.push((rows::FREEZES, key(&[LAST]), rows::encode(freeze)));
        for account in accounts {
            let row_key = key(&[account.id.as_str()]);
            puts.push((rows::MODES, row_key, rows::encode(&set(account))));
        }
        self.store
            .commit(Batch {
                puts,
                deletes,
                ..Batch::default()
            })
            .await?;
        for account in accounts {
            let set = set(account);
            if !set.is_frozen {
                self.meters.note_armed(&account.id, self.ports.clock.now());
            }
            account.put_set(set);
        }
        Ok(())
    }
}
