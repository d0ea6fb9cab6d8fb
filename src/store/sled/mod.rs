//! The store on one machine: the journal holds everything, sled holds the rows as they are now.
//!
//! Durability is the journal's alone. The rows are a fold of it that can be thrown away: when they are
//! missing, damaged or behind, they are made anew from the last export and the journal. One thread
//! writes (`committer`); what it changes stays in memory (`memtable`) until another brings it to disk
//! (`drain`); readers ask both. Start reading at `open`.

pub mod backup;
mod base;
mod blocks;
mod committer;
mod compress;
mod doctor;
mod drain;
mod effect;
mod export;
mod export_file;
mod filter;
mod found;
mod group;
mod keeper;
mod lock;
mod memtable;
mod open;
mod options;
mod pieces;
mod rebuild;
mod row;
mod rows;
mod shared;
mod space;
mod stack;
mod state;
mod way;
mod weigh;

#[cfg(test)]
mod tests;

use std::{
    ops::Bound,
    sync::{Arc, atomic::Ordering, mpsc::Sender},
    thread::JoinHandle,
};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

#[cfg(any(test, feature = "testing"))]
pub use compress::unpacked;
pub use doctor::{Findings, rebuild, verify};
pub use export::{ExportError, Exported};
pub use open::open;
pub use options::{OpenError, Opened, Options, Retain};

use crate::{
    Append, Batch, Range, Row, SCAN_LIMIT_MAX, Seq, Stats, Store, StoreError, Table,
    journal::{change, record::SIGNAL},
    limits, scan_back_bound, scan_bounds,
};
use committer::{Answer, Job, Write};
use keeper::Keeper;
use memtable::Layers;
use row::{decode, fact_key, fact_of};
use rows::RowsError;
use shared::Shared;
use way::Way;

/// How many KiB of writes may be on their way before callers wait.
const WAITING_KIB_MAX: u32 = 64 * 1024;
/// What every write counts for at least, so that small ones are bounded too.
const WRITE_KIB_MIN: u32 = 16;

/// An open store.
pub struct Sled {
    shared: Arc<Shared>,
    options: Options,
    jobs: Option<Sender<Job>>,
    permits: Arc<Semaphore>,
    exporting: Arc<tokio::sync::Mutex<()>>,
    committer: Option<JoinHandle<()>>,
    keeper: Option<Keeper>,
}

impl Sled {
    /// Answers when the committer has come round: whether it still works, for a watchdog.
    pub async fn pulse(&self) -> Result<(), StoreError> {
        self.ask(|answer| Job::Pulse { answer }).await
    }

    async fn permit(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        self.shared.health()?;
        let kib = u32::try_from(bytes / 1024).unwrap_or(WAITING_KIB_MAX);
        let kib = kib.saturating_add(WRITE_KIB_MIN).min(WAITING_KIB_MAX);
        let permit = Arc::clone(&self.permits).acquire_many_owned(kib).await;
        permit.map_err(|_| gone())
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        self.shared.health()?;
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job(answer)).map_err(|_| gone())?;
        // A write that was dropped was part of a group that failed, and that is known by now.
        let failed = |_| self.shared.health().err().unwrap_or_else(gone);
        answered.await.map_err(failed)?
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        drop(self.keeper.take());
        drop(self.jobs.take());
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            tracing::error!("The committer of the store panicked.");
        }
    }
}

#[async_trait]
impl Store for Sled {
    async fn append(&self, mut signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        self.shared.health()?;
        limits::check_append(&signals)?;
        if signals.is_empty() {
            return Ok(Vec::new());
        }
        pieces::mark(&mut signals);
        let permit = self.permit(append_bytes(&signals)).await?;
        self.ask(|answer| {
            Job::Write(Write::Append {
                signals,
                answer,
                permit,
            })
        })
        .await
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError> {
        self.shared.health()?;
        limits::check_batch(&batch)?;
        let batch = self.shared.read_rows(|rows| pieces::split(rows, batch))?;
        let permit = self.permit(batch_bytes(&batch)).await?;
        self.ask(|answer| {
            Job::Write(Write::Commit {
                batch,
                answer,
                permit,
            })
        })
        .await
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        let Some(first) = after.0.checked_add(1) else {
            return self.shared.health().map(|()| Vec::new());
        };
        let limit = limit.min(SCAN_LIMIT_MAX);
        self.shared.read_rows(|rows| facts(rows, Seq(first), limit))
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.shared.read_rows(|rows| facts(rows, at, 1))?;
        Ok(found
            .into_iter()
            .find(|(seq, _)| *seq == at)
            .map(|(_, fact)| fact))
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.health()?;
        if at > self.shared.durable() {
            return Ok(None);
        }
        let record = self.shared.segments.record(at);
        let record = record.map_err(|error| match error.is_loss() {
            // One signal that cannot be read is no reason to stop everything else.
            true => StoreError::Corrupt {
                reason: error.to_string(),
            },
            false => self.shared.fail(&error),
        })?;
        let signal = record.filter(|(head, _)| head.kind == SIGNAL);
        Ok(signal.and_then(|(_, payload)| {
            change::decode_signal(&payload).map(|(_, body)| body.to_vec())
        }))
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.shared.health()?;
        limits::check_row(table, key)?;
        let whole_key = change::row_key(table, key);
        self.shared.read_rows(|rows| match rows.get(&whole_key)? {
            Some(stored) => pieces::join(rows, table, key, decode(&whole_key, &stored)?),
            None => Ok(None),
        })
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.shared.health()?;
        limits::check_row(table, &range.prefix)?;
        let limit = limit.min(SCAN_LIMIT_MAX);
        self.shared
            .read_rows(|rows| scan(rows, table, &range, Way::Forth, limit))
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.shared.health()?;
        limits::check_row(table, &range.prefix)?;
        let limit = limit.min(SCAN_LIMIT_MAX);
        self.shared
            .read_rows(|rows| scan(rows, table, &range, Way::Back, limit))
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        let size = self.shared.size(&self.options)?;
        let free_bytes = self.options.disk.space(&self.options.dir).ok();
        Ok(Stats {
            durable: self.shared.durable(),
            disk_bytes: size.rows_bytes + self.shared.segments.bytes(),
            rows_bytes: size.rows_bytes,
            live_bytes: size.live_bytes,
            is_bloated: size.is_bloated(),
            free_bytes: free_bytes.map(|space| space.free),
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            records: self.shared.records.load(Ordering::Relaxed),
            is_read_only: self.shared.is_low.load(Ordering::Relaxed),
            repairs: self.shared.repairs.clone(),
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        if self.shared.health().is_err() {
            return Ok(());
        }
        self.ask(|answer| Job::Close { answer }).await
    }
}

/// Facts from a position on, each put together from its pieces.
fn facts(rows: &Layers, first: Seq, limit: usize) -> Result<Vec<(Seq, Vec<u8>)>, RowsError> {
    let mut facts: Vec<(Seq, Vec<u8>)> = Vec::new();
    let from = fact_key(first, 0);
    rows.walk(Bound::Included(&from), &mut |key, stored| {
        let Some(at) = fact_of(key) else {
            return Ok(false);
        };
        let piece = decode(key, stored)?.value;
        if let Some((last, fact)) = facts.last_mut()
            && *last == at
        {
            fact.extend(piece);
            return Ok(true);
        }
        if facts.len() == limit {
            return Ok(false);
        }
        facts.push((at, piece));
        Ok(true)
    })?;
    Ok(facts)
}

fn scan(
    rows: &Layers,
    table: Table,
    range: &Range,
    way: Way,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Row)>, RowsError> {
    let name = change::row_key(table, b"");
    let prefix = [name.as_slice(), &range.prefix].concat();
    let whole = |key: &[u8]| [name.as_slice(), key].concat();
    let from = match way {
        Way::Forth => scan_bounds(range).0.map(whole),
        Way::Back => scan_back_bound(&Range {
            prefix: prefix.clone(),
            after: range.after.as_deref().map(whole),
        }),
    };
    let mut found = Vec::new();
    if limit == 0 {
        return Ok(found);
    }
    rows.go(from.as_ref().map(Vec::as_slice), way, &mut |key, stored| {
        if !key.starts_with(&prefix) {
            return Ok(false);
        }
        found.push((key[name.len()..].to_vec(), decode(key, stored)?));
        Ok(found.len() < limit)
    })?;
    let mut joined = Vec::with_capacity(found.len());
    for (key, row) in found {
        // A row that is gone meanwhile is not in the answer.
        if let Some(row) = pieces::join(rows, table, &key, row)? {
            joined.push((key, row));
        }
    }
    Ok(joined)
}

fn append_bytes(signals: &[Append]) -> usize {
    let bytes = |signal: &Append| signal.body.len() + signal.note.len();
    signals.iter().map(bytes).sum()
}

fn batch_bytes(batch: &Batch) -> usize {
    let rows = batch
        .puts
        .iter()
        .map(|(_, key, value)| key.len() + value.len());
    let facts = batch.facts.iter().map(Vec::len);
    rows.chain(facts).sum()
}

fn gone() -> StoreError {
    StoreError::Unavailable {
        reason: "it is closed".to_owned(),
    }
}
