//! The rows of stocktakes: what a decision about one loads and writes.
//!
//! A count is compared with what lay there at its moment, so the movements since the stocktake began are
//! loaded with it, and no older ones.

use domain::{
    Sku, Time,
    book::Book,
    count::{Count, Entry},
    ids::CountId,
    signal::Command,
    stock::{LocationId, Movement},
};
use store::{Range, StoreError};

use crate::{
    rows::{self, key, prefix},
    shelf::{Shelf, Writer},
};

/// How many rows are read at once.
const CHUNK: usize = 500;

impl Shelf<'_> {
    /// What a command about a stocktake names.
    pub(crate) async fn load_stocktake(&mut self, command: &Command) -> Result<(), StoreError> {
        if let Command::OpenCount { location, .. } = command {
            for id in self.open_counts(location).await? {
                self.load_count(id).await?;
            }
        }
        if let Command::EnterCount { count, sku, .. } = command {
            let opened_at = self.load_count(*count).await?;
            self.load_entry(*count, sku).await?;
            if let Some(opened_at) = opened_at {
                self.load_history(sku, opened_at).await?;
            }
        }
        if let Command::CloseCount { count, .. } = command {
            self.load_count(*count).await?;
            let below = prefix(&[&count.to_string()]);
            let mut after = None;
            loop {
                let range = Range {
                    prefix: below.clone(),
                    after,
                };
                let rows = self.store.scan(rows::COUNT_ENTRIES, range, CHUNK).await?;
                for (_, row) in &rows {
                    let entry: Entry = rows::decode(rows::COUNT_ENTRIES, &row.value)?;
                    self.book.entries.insert((*count, entry.sku.clone()), entry);
                }
                after = rows.last().map(|(key, _)| key.clone());
                if rows.len() < CHUNK {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The stocktakes of a location that are open. There are few of them, and none that is closed opens
    /// again; so these are the ones to expect.
    async fn open_counts(&self, location: &LocationId) -> Result<Vec<CountId>, StoreError> {
        let mut open = Vec::new();
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let rows = self.store.scan(rows::COUNTS, range, CHUNK).await?;
            for (_, row) in &rows {
                let count: Count = rows::decode(rows::COUNTS, &row.value)?;
                open.extend(count.is_of(location, &[]).then_some(count.id));
            }
            after = rows.last().map(|(key, _)| key.clone());
            if rows.len() < CHUNK {
                return Ok(open);
            }
        }
    }

    async fn load_count(&mut self, id: CountId) -> Result<Option<Time>, StoreError> {
        let row: Option<Count> = self.row(rows::COUNTS, key(&[&id.to_string()])).await?;
        Ok(row.map(|count| {
            let opened_at = count.opened_at;
            self.book.counts.insert(id, count);
            opened_at
        }))
    }

    async fn load_entry(&mut self, id: CountId, sku: &Sku) -> Result<(), StoreError> {
        let name = key(&[&id.to_string(), sku.as_str()]);
        if let Some(entry) = self.row(rows::COUNT_ENTRIES, name).await? {
            self.book.entries.insert((id, sku.clone()), entry);
        }
        Ok(())
    }

    /// The movements of an item that were recorded since a time. None changes, and one more changes the
    /// stock of the item too, so the commit need not expect them.
    async fn load_history(&mut self, sku: &Sku, since: Time) -> Result<(), StoreError> {
        // Our ids begin with their time in milliseconds, in 12 hexadecimal digits.
        let millis = u64::try_from(since.millis()).unwrap_or(0);
        let mut after = Some(key(&[sku.as_str(), &format!("mov_{millis:012x}")]));
        let mut history: Vec<Movement> = Vec::new();
        loop {
            let range = Range {
                prefix: prefix(&[sku.as_str()]),
                after,
            };
            let rows = self.store.scan(rows::MOVEMENTS, range, CHUNK).await?;
            for (_, row) in &rows {
                history.push(rows::decode(rows::MOVEMENTS, &row.value)?);
            }
            after = rows.last().map(|(key, _)| key.clone());
            if rows.len() < CHUNK {
                break;
            }
        }
        self.book.history.insert(sku.clone(), history);
        Ok(())
    }
}

impl Writer<'_, '_> {
    pub(crate) fn stocktakes(&mut self, book: &Book) {
        for (id, count) in &book.counts {
            self.keep(rows::COUNTS, key(&[&id.to_string()]), Some(count));
        }
        for ((id, sku), entry) in &book.entries {
            let name = key(&[&id.to_string(), sku.as_str()]);
            // Those of a count that is closed were read without being expected, and stay as they are.
            let is_same = |count: &Count| count.closed_at.is_some();
            if !book.counts.get(id).is_some_and(is_same) {
                self.keep(rows::COUNT_ENTRIES, name, Some(entry));
            }
        }
    }
}
