//! Watching accounts that are only observed: since when, and what they showed too much after sales
//! elsewhere.
//!
//! What is late is added up by [`domain::lateness`] from what decisions change, and its rows go into the
//! commit of the decision. Only those that are not over are kept in memory. No decision reads this.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use domain::{
    AccountId, Time,
    book::{Book, ListingKey},
    lateness::{self, Late},
};
use serde::{Deserialize, Serialize};
use store::{Batch, Range, StoreError, Table};

use crate::{
    Engine,
    account::{Account, Mode},
    rows::{self, key, prefix, sortable_time},
};

/// How long what was late is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(92 * 24 * 3600);
/// How many rows of it are kept for one account; the oldest go first.
const KEPT_MAX: usize = 20_000;
/// How many rows are deleted in one go.
const SWEEP: usize = 200;
/// How many times of watching are kept for one account.
const SPANS_MAX: usize = 50;
/// How many rows are read at once.
const CHUNK: usize = 500;

/// A time in which an account was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Since when.
    pub from: Time,
    /// Until when; nothing while it is.
    pub until: Option<Time>,
}

/// What is watched, and what is late there.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    accounts: BTreeSet<AccountId>,
    open: BTreeMap<ListingKey, Late>,
    kept: BTreeMap<AccountId, usize>,
}

/// A row as it is put.
type Put = (Table, Vec<u8>, Vec<u8>);

impl Watch {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().expect(LOCK)
    }

    /// What a decision makes late, or less so.
    pub(crate) fn look(&self, before: &Book, after: &Book, now: Time) -> Vec<Late> {
        let watched = self.watched();
        if watched.accounts.is_empty() {
            return Vec::new();
        }
        let sale = lateness::sale(&after.facts);
        let offers = after.offers.iter();
        let offers = offers.filter(|((account, _), _)| watched.accounts.contains(account));
        let changed = offers.filter_map(|(at, offer)| {
            let before = before.offers.get(at);
            lateness::follow(watched.open.get(at), before, offer, sale.as_ref(), now)
        });
        changed.collect()
    }

    /// Takes in what was committed.
    pub(crate) fn take(&self, changed: Vec<Late>) {
        let mut watched = self.watched();
        for late in changed {
            let at = (late.account.clone(), late.listing.clone());
            let was = match late.ended_at {
                Some(_) => watched.open.remove(&at),
                None => watched.open.insert(at, late.clone()),
            };
            if was.is_none() {
                *watched.kept.entry(late.account).or_default() += 1;
            }
        }
    }

    fn open_of(&self, account: &AccountId) -> Vec<Late> {
        let watched = self.watched();
        let open = watched.open.values();
        open.filter(|late| late.account == *account)
            .cloned()
            .collect()
    }
}

/// The row of what is late.
pub(crate) fn row(late: &Late) -> Put {
    let at = sortable_time(late.began_at);
    let row_key = key(&[late.account.as_str(), &at, late.listing.as_str()]);
    (rows::LATE, row_key, rows::encode(late))
}

impl Engine {
    /// Takes up what is late, and watches the accounts that are observed.
    pub(crate) async fn load_watch(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::LATE, range, CHUNK).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut watched = self.decider.watch.watched();
            for (_, row) in &page {
                let late: Late = rows::decode(rows::LATE, &row.value)?;
                *watched.kept.entry(late.account.clone()).or_default() += 1;
                if late.ended_at.is_none() {
                    let at = (late.account.clone(), late.listing.clone());
                    watched.open.insert(at, late);
                }
            }
        }
        for account in self.accounts.values() {
            let puts = self.watch_rows(account, account.mode()).await?;
            let batch = Batch {
                puts,
                ..Batch::default()
            };
            if !batch.puts.is_empty() {
                match self.store.commit(batch).await {
                    // Reading goes on without space; the next start notes it.
                    Ok(_) | Err(StoreError::NoSpace { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            self.watch(account, account.mode());
        }
        Ok(())
    }

    /// The rows that say that an account is watched from now on, or no more.
    pub(crate) async fn watch_rows(
        &self,
        account: &Account,
        mode: Mode,
    ) -> Result<Vec<Put>, StoreError> {
        let now = self.ports.clock.now();
        let mut spans = self.watched_spans(&account.id).await?;
        let is_watched = spans.last().is_some_and(|span| span.until.is_none());
        match (is_watched, mode) {
            (false, Mode::Observe) => spans.push(Span {
                from: now,
                until: None,
            }),
            (true, Mode::Off | Mode::Live) => {
                if let Some(last) = spans.last_mut() {
                    last.until = Some(now);
                }
            }
            (true, Mode::Observe) | (false, Mode::Off | Mode::Live) => return Ok(Vec::new()),
        }
        let too_many = spans.len().saturating_sub(SPANS_MAX);
        spans.drain(..too_many);
        let row_key = key(&[SPANS, account.id.as_str()]);
        let mut puts = vec![(rows::ADOPTION, row_key, rows::encode(&spans))];
        if is_watched {
            let open = self.decider.watch.open_of(&account.id).into_iter();
            puts.extend(open.map(|late| row(&late.ended(now))));
        }
        Ok(puts)
    }

    /// Watches an account from now on, or no more; its rows are durable.
    pub(crate) fn watch(&self, account: &Account, mode: Mode) {
        let mut watched = self.decider.watch.watched();
        if mode == Mode::Observe {
            watched.accounts.insert(account.id.clone());
        } else {
            watched.accounts.remove(&account.id);
            watched.open.retain(|(of, _), _| *of != account.id);
        }
    }

    /// When an account was watched, the oldest first.
    pub async fn watched_spans(&self, account: &AccountId) -> Result<Vec<Span>, StoreError> {
        let row_key = key(&[SPANS, account.as_str()]);
        let row = self.store.get(rows::ADOPTION, &row_key).await?;
        let spans = row.map(|row| rows::decode(rows::ADOPTION, &row.value));
        Ok(spans.transpose()?.unwrap_or_default())
    }

    /// Deletes what was late too long ago, and the oldest where there is too much of it.
    pub(crate) async fn sweep_late(&self) -> Result<(), StoreError> {
        let oldest = self.ports.clock.now().minus(KEPT_FOR);
        let kept = self.decider.watch.watched().kept.clone();
        for (account, count) in kept {
            let too_many = count.saturating_sub(KEPT_MAX);
            let range = Range {
                prefix: prefix(&[account.as_str()]),
                after: None,
            };
            let mut deletes = Vec::new();
            for (row_key, row) in self.store.scan(rows::LATE, range, SWEEP).await? {
                let late: Late = rows::decode(rows::LATE, &row.value)?;
                if late.began_at >= oldest && deletes.len() >= too_many {
                    break;
                }
                if late.ended_at.is_some() {
                    deletes.push((rows::LATE, row_key));
                }
            }
            let gone = deletes.len();
            if gone == 0 {
                continue;
            }
            let batch = Batch {
                deletes,
                ..Batch::default()
            };
            self.store.commit(batch).await?;
            if let Some(count) = self.decider.watch.watched().kept.get_mut(&account) {
                *count = count.saturating_sub(gone);
            }
        }
        Ok(())
    }
}

/// The first part of the keys of the rows that say when an account was watched.
const SPANS: &str = "watched";
const LOCK: &str = "no holder of this lock panics";
