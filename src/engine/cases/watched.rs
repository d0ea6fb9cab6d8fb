//! A store that remembers what was read from it, for the time of one decision. It changes nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use store::{Append, Batch, Range, Row, Seq, Stats, Store, StoreError, Table};

use crate::shelf::Memo;

/// A row by its place.
pub(crate) type Place = (Table, Vec<u8>);

/// The value of a row, held at several places.
pub(crate) type Content = Arc<[u8]>;

/// What a scan asked, and which keys it found.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) table: Table,
    pub(crate) range: Range,
    /// Whether from the last key on.
    pub(crate) is_back: bool,
    pub(crate) keys: Vec<Vec<u8>>,
    /// Whether it found as many as it asked for, and there may be more.
    pub(crate) is_full: bool,
}

impl Scanned {
    fn new(
        table: Table,
        range: Range,
        is_back: bool,
        rows: &[(Vec<u8>, Row)],
        limit: usize,
    ) -> Scanned {
        Scanned {
            table,
            range,
            is_back,
            keys: rows.iter().map(|(key, _)| key.clone()).collect(),
            is_full: rows.len() >= limit.min(store::SCAN_LIMIT_MAX),
        }
    }

    /// Whether a key is where it looked.
    pub(crate) fn covers(&self, key: &[u8]) -> bool {
        let last = self.keys.last().filter(|_| self.is_full);
        let is_before = |one: &[u8], other: &[u8]| match self.is_back {
            true => one > other,
            false => one < other,
        };
        let after = self.range.after.as_deref();
        key.starts_with(&self.range.prefix)
            && after.is_none_or(|after| is_before(after, key))
            && last.is_none_or(|last| !is_before(last, key))
    }
}

/// What a decision read.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) rows: BTreeMap<Place, Option<Content>>,
    pub(crate) scans: Vec<Scanned>,
}

/// The store, and what was read.
pub(crate) struct Watched<'a> {
    store: &'a dyn Store,
    memo: &'a Memo,
    seen: Mutex<Seen>,
}

impl<'a> Watched<'a> {
    pub(crate) fn new(store: &'a dyn Store, memo: &'a Memo) -> Watched<'a> {
        Watched {
            store,
            memo,
            seen: Mutex::default(),
        }
    }

    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, write: impl FnOnce(&mut Seen)) {
        write(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn note_scan(&self, scanned: Scanned, rows: &[(Vec<u8>, Row)]) {
        self.note(|seen| {
            for (key, row) in rows {
                let place = (scanned.table, key.clone());
                let value = || Some(row.value.as_slice().into());
                seen.rows.entry(place).or_insert_with(value);
            }
            seen.scans.push(scanned);
        });
    }
}

#[async_trait]
impl Store for Watched<'_> {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        self.store.append(signals).await
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError> {
        self.store.commit(batch).await
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        self.store.facts_after(after, limit).await
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.fact(at).await
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.body(at).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let row = self.store.get(table, key).await?;
        let share = |row: &Row| self.memo.share(table, key, &row.value);
        let value = row.as_ref().map(share);
        self.note(|seen| {
            seen.rows.entry((table, key.to_vec())).or_insert(value);
        });
        Ok(row)
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let rows = self.store.scan(table, range.clone(), limit).await?;
        self.note_scan(Scanned::new(table, range, false, &rows, limit), &rows);
        Ok(rows)
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let rows = self.store.scan_back(table, range.clone(), limit).await?;
        self.note_scan(Scanned::new(table, range, true, &rows, limit), &rows);
        Ok(rows)
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}
