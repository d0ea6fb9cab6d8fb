//! Keeping the exposure ledger: what was at risk, minute by minute, joined to hours and days.
//!
//! The [`Ledger`] adds up exactly from what decisions change; here it is brought to rows on a schedule,
//! and rows that are too old are deleted. Nothing is counted from history, and no decision reads this.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use domain::{
    AccountId, Time,
    exposure::{self, Ledger, Slice, Tally},
    offer::Offer,
};
use serde::{Deserialize, Serialize};
use store::{Batch, Expect, Range, Row, StoreError};
use tokio::sync::Notify;

use crate::{
    Engine,
    rows::{self, key, prefix, sortable_time},
    views::Units,
};

/// How often it is brought to rows.
const EVERY: Duration = Duration::from_secs(60);
/// How many rows that are too old are deleted at once, of each grain.
const SWEEP: usize = 100;
/// How many listings are read at once.
const CHUNK: usize = 200;

/// How finely a row adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// A minute; kept for two days.
    Minute,
    /// An hour; kept for a quarter of a year.
    Hour,
    /// A day (UTC); kept for three years.
    Day,
}

impl Grain {
    /// All of them, the finest first.
    pub const ALL: [Grain; 3] = [Grain::Minute, Grain::Hour, Grain::Day];

    /// How long a row spans.
    pub fn span(self) -> Duration {
        match self {
            Grain::Minute => Duration::from_secs(60),
            Grain::Hour => Duration::from_secs(3600),
            Grain::Day => Duration::from_secs(24 * 3600),
        }
    }

    /// How long a row is kept.
    pub fn kept_for(self) -> Duration {
        const DAY_S: u64 = 24 * 3600;
        match self {
            Grain::Minute => Duration::from_secs(2 * DAY_S),
            Grain::Hour => Duration::from_secs(92 * DAY_S),
            Grain::Day => Duration::from_secs(3 * 366 * DAY_S),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Grain::Minute => "minute",
            Grain::Hour => "hour",
            Grain::Day => "day",
        }
    }

    /// The beginning of the keys of its rows.
    pub(crate) fn prefix(self) -> Vec<u8> {
        prefix(&[self.word()])
    }

    /// The key of a row; the one of all accounts together has no name.
    pub(crate) fn key(self, start: Time, account: Option<&AccountId>) -> Vec<u8> {
        let account = account.map_or("", AccountId::as_str);
        key(&[self.word(), &sortable_time(start), account])
    }
}

/// Until when rows are written. Kept under a key of its own in the same table.
#[derive(Serialize, Deserialize)]
struct Until {
    at: Time,
}

/// The ledger of this process, and the last overhang that was computed.
#[derive(Debug, Default)]
pub struct Exposures {
    ledger: Mutex<Ledger>,
    overhang: Mutex<Option<(Time, Units)>>,
}

impl Exposures {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect(LOCK)
    }

    /// Takes in the offers of a decision.
    pub(crate) fn note<'o>(&self, offers: impl IntoIterator<Item = &'o Offer>, now: Time) {
        let mut ledger = self.ledger();
        for offer in offers {
            ledger.note(offer, now);
        }
    }

    /// What is not in rows yet.
    pub(crate) fn pending(&self, now: Time) -> Vec<Slice> {
        self.ledger().look(now)
    }

    /// Units at risk now, by account.
    pub fn by_account(&self) -> BTreeMap<AccountId, Units> {
        let ledger = self.ledger();
        let accounts = ledger.by_account().iter();
        accounts
            .map(|(account, millionths)| (account.clone(), Units::of_millionths(*millionths)))
            .collect()
    }

    /// The overhang, if it was computed at this time or later.
    pub(crate) fn overhang_since(&self, at: Time) -> Option<Units> {
        let kept = *self.overhang.lock().expect(LOCK);
        kept.filter(|(computed_at, _)| *computed_at >= at)
            .map(|(_, units)| units)
    }

    pub(crate) fn keep_overhang(&self, at: Time, units: Units) {
        *self.overhang.lock().expect(LOCK) = Some((at, units));
    }
}

impl Engine {
    /// Takes in what is at risk when this process begins, and adds up from where the last one ended:
    /// while nobody was there, nobody changed anything.
    pub(crate) async fn load_exposure(&self) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let until = self.store.get(rows::EXPOSURE, &key(&[UNTIL])).await?;
        let until: Option<Until> = until
            .map(|row| rows::decode(rows::EXPOSURE, &row.value))
            .transpose()?;
        let begin = until.map_or(now, |until| until.at.min(now));
        self.decider.exposures.ledger().begin(begin);
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::OFFERS, range, CHUNK).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (_, row) in &page {
                let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
                self.decider.exposures.note([&offer], begin);
            }
        }
    }

    pub(crate) async fn run_exposure(&self) {
        let nothing = Notify::new();
        loop {
            let now = self.ports.clock.now();
            let next = exposure::start_of(now, EVERY).plus(EVERY);
            let goes_on = self.wait(next, &nothing).await;
            let kept = self.keep_exposure().await;
            if !goes_on {
                // What is lost here is added up again from the last row on.
                if let Err(error) = kept {
                    tracing::debug!(%error, "The last minute at risk was not kept.");
                }
                return;
            }
            if let Err(error) = kept {
                self.note_store_error(&error);
            }
        }
    }

    /// Brings what was added up to rows. What cannot be written now is kept for the next time.
    async fn keep_exposure(&self) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let slices = self.decider.exposures.ledger().take(now);
        let result = match self.exposure_batch(&slices, now).await {
            Ok(batch) => self.store.commit(batch).await.map(drop),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.decider.exposures.ledger().put_back(slices);
        }
        match result {
            // Another process was quicker; there is a next time.
            Err(StoreError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    async fn exposure_batch(&self, slices: &[Slice], now: Time) -> Result<Batch, StoreError> {
        let mut sums: BTreeMap<Vec<u8>, Tally> = BTreeMap::new();
        for slice in slices {
            for grain in Grain::ALL {
                let start = exposure::start_of(slice.minute, grain.span());
                let sum = sums
                    .entry(grain.key(start, slice.account.as_ref()))
                    .or_default();
                sum.join(&slice.tally);
            }
        }
        let mut batch = Batch::default();
        for (row_key, mut sum) in sums {
            let row = self.store.get(rows::EXPOSURE, &row_key).await?;
            batch.expects.push(Expect {
                table: rows::EXPOSURE,
                key: row_key.clone(),
                version: row.as_ref().map(|row| row.version),
            });
            if let Some(row) = row {
                sum.join(&decode(&row)?);
            }
            batch
                .puts
                .push((rows::EXPOSURE, row_key, rows::encode(&sum)));
        }
        let until = rows::encode(&Until { at: now });
        batch.puts.push((rows::EXPOSURE, key(&[UNTIL]), until));
        for grain in Grain::ALL {
            let oldest = grain.key(now.minus(grain.kept_for()), None);
            let range = Range {
                prefix: grain.prefix(),
                after: None,
            };
            let found = self.store.scan(rows::EXPOSURE, range, SWEEP).await?;
            let old = found.into_iter().filter(|(row_key, _)| *row_key < oldest);
            let kept: Vec<&Vec<u8>> = batch.puts.iter().map(|(_, row_key, _)| row_key).collect();
            let old: Vec<_> = old
                .filter(|(row_key, _)| !kept.contains(&row_key))
                .map(|(row_key, _)| (rows::EXPOSURE, row_key))
                .collect();
            batch.deletes.extend(old);
        }
        Ok(batch)
    }
}

/// A row as it is kept.
pub(crate) fn decode(row: &Row) -> Result<Tally, StoreError> {
    rows::decode(rows::EXPOSURE, &row.value)
}

/// The key that says until when rows are written; it sorts behind no grain.
const UNTIL: &str = "until";
const LOCK: &str = "no holder of this lock panics";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_sums_survive_the_trip_through_a_row() {
        let sum = Tally {
            unit_ms: u128::from(u64::MAX) * 1000,
            max: u128::from(u64::MAX) + 1,
            known_ms: 60_000,
        };
        let row = Row {
            version: store::Seq(1),
            value: rows::encode(&sum),
        };
        assert_eq!(decode(&row).ok(), Some(sum));
    }
}
