//! Arming an account: what a person was shown, and whether that is still what would be written.
//!
//! A preview is kept with its time. What orders changed since then is no news; what anything else
//! changed is, and has to be looked at again before the account is armed.

use std::time::Duration;

use domain::{
    AccountId, Sku, Time,
    offer::{Offer, Suppression},
    signal::{Command, Signal},
};
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};

use crate::{
    Engine,
    account::{Account, Mode, ModeOverride},
    decider::{Alongside, DecideError},
    rows::{self, key, prefix},
    views::Walk,
};

/// How long a preview holds.
const HOLDS_FOR: Duration = Duration::from_secs(24 * 3600);
/// How many changed items are named.
const NAMED_MAX: usize = 5;
/// The first part of the keys of previews.
const PREVIEW: &str = "preview";

/// What a person was shown of the first writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Of which account.
    pub account: AccountId,
    /// When.
    pub at: Time,
    /// How many levels would have been written.
    pub writes: usize,
    /// How many of them to zero.
    pub zeroes: usize,
}

/// Why an account is not armed.
#[derive(Debug, thiserror::Error)]
pub enum NotArmed {
    /// It is off, so nothing is known of it.
    #[error("account {0} is off; set it to observe first")]
    Off(AccountId),
    /// Not all of its levels were read.
    #[error(
        "{unread} levels of {account} were never read: run `oneshelf accounts reconcile {account}`"
    )]
    Unread {
        /// Which account.
        account: AccountId,
        /// How many listings.
        unread: usize,
    },
    /// Nobody looked at what would be written.
    #[error("nobody has looked at the first writes to {0}: run `oneshelf adopt preview {0}`")]
    NotShown(AccountId),
    /// Nothing was counted, so there was nothing to show.
    #[error(
        "nothing that {0} sells was counted when its first writes were shown, so they told nothing: take \
         opening stock (`oneshelf adopt opening`), then look again"
    )]
    NotCounted(AccountId),
    /// What was shown is not what would be written.
    #[error(
        "{reason} since the preview of {shown_at}: run `oneshelf adopt preview {account}` and look again"
    )]
    Stale {
        /// Which account.
        account: AccountId,
        /// When it was shown.
        shown_at: Time,
        /// What changed.
        reason: String,
        /// Items whose level changed, as far as they are named.
        skus: Vec<Sku>,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Keeps that a person was shown what would be written.
    pub async fn keep_shown(&self, shown: &Shown, rows: Alongside) -> Result<(), StoreError> {
        let Alongside { mut puts, deletes } = rows;
        let row_key = key(&[PREVIEW, shown.account.as_str()]);
        puts.push((rows::ADOPTION, row_key, rows::encode(shown)));
        let batch = Batch {
            puts,
            deletes,
            ..Batch::default()
        };
        self.store.commit(batch).await.map(drop)
    }

    /// What a person was shown last of the first writes to an account.
    pub async fn last_shown(&self, account: &AccountId) -> Result<Option<Shown>, StoreError> {
        let row_key = key(&[PREVIEW, account.as_str()]);
        let row = self.store.get(rows::ADOPTION, &row_key).await?;
        row.map(|row| rows::decode(rows::ADOPTION, &row.value))
            .transpose()
    }

    /// Arms an account: what was shown of it is confirmed, and written. `shown_at` is the preview that
    /// is meant; the last one, when nothing is said.
    pub async fn arm(&self, account: &Account, shown_at: Option<Time>) -> Result<(), NotArmed> {
        match account.mode() {
            Mode::Off => return Err(NotArmed::Off(account.id.clone())),
            Mode::Live => return Ok(()),
            Mode::Observe => {}
        }
        let id = account.id.clone();
        let shown = self.last_shown(&account.id).await?;
        let shown = shown.ok_or(NotArmed::NotShown(id))?;
        self.check_shown(account, &shown, shown_at).await?;
        let confirm = Command::ConfirmZeroes {
            account: account.id.clone(),
            shown_at: Some(shown.at),
        };
        match self.decide(Signal::Command(confirm)).await {
            // Nothing there is refused.
            Ok(_) | Err(DecideError::Refused(_)) => {}
            Err(DecideError::Store(error)) => return Err(error.into()),
        }
        let set = ModeOverride {
            mode: Some(Mode::Live),
            ..account.set()
        };
        Ok(self.set_mode(account, set).await?)
    }

    async fn check_shown(
        &self,
        account: &Account,
        shown: &Shown,
        meant: Option<Time>,
    ) -> Result<(), NotArmed> {
        let stale = |reason: String, skus: Vec<Sku>| {
            Err(NotArmed::Stale {
                account: account.id.clone(),
                shown_at: shown.at,
                reason,
                skus,
            })
        };
        if meant.is_some_and(|meant| meant != shown.at) {
            return stale("another preview was made".to_owned(), Vec::new());
        }
        let now = self.ports.clock.now();
        if shown.at.plus(HOLDS_FOR) < now {
            return stale("more than a day has passed".to_owned(), Vec::new());
        }
        let mut changed: Vec<Sku> = Vec::new();
        let (mut unread, mut uncounted, mut told) = (0, 0, 0);
        let below = prefix(&[account.id.as_str()]);
        let mut walk = Walk::new(self, rows::OFFERS, below, None).unbounded();
        while let Some((_, row)) = walk.next().await? {
            let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
            unread += usize::from(is_unread(&offer));
            told += usize::from(offer.wanted.is_some());
            uncounted += usize::from(offer.suppressed == Some(Suppression::Uncounted));
            let is_news = offer.decided_at.is_some_and(|at| at > shown.at);
            if is_news && offer.is_due() {
                changed.push(offer.sku);
            }
        }
        if unread > 0 {
            let account = account.id.clone();
            return Err(NotArmed::Unread { account, unread });
        }
        if told == 0 && uncounted > 0 {
            return Err(NotArmed::NotCounted(account.id.clone()));
        }
        if changed.is_empty() {
            return Ok(());
        }
        let count = changed.len();
        changed.truncate(NAMED_MAX);
        let named: Vec<&str> = changed.iter().map(Sku::as_str).collect();
        let more = if count > named.len() { ", …" } else { "" };
        let reason = format!(
            "something else than orders changed {count} levels ({}{more})",
            named.join(", ")
        );
        stale(reason, changed)
    }
}

/// Whether something is to be written to a listing of which nobody knows what it shows.
pub(crate) fn is_unread(offer: &Offer) -> bool {
    offer.wanted.is_some() && offer.shown().is_none()
}
