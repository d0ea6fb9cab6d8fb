//! Looking over what the engine knows, while nobody changes it: every sum and every list, computed again.
//!
//! What lies where follows from movements, what is promised from open claims, and the lists that others
//! read by from orders, listings, offers, intents, incidents and drift. A row that says otherwise is a
//! finding, told in a sentence with what to do; [`mend`] writes what follows. Movements, claims and orders
//! themselves are never touched: nothing else knows them. It keeps about 150 bytes in memory for each
//! row of a list. Start reading at [`examine`].

mod insight;
mod lists;
mod stock;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use store::{Batch, Expect, Range, Row, SCAN_LIMIT_MAX, Seq, Store, StoreError, Table};

use crate::{ports::Work, rows};

/// So many findings of a kind are told in full.
const TOLD_MAX: usize = 20;
/// So many rows are mended at once.
const MENDED_AT_ONCE: usize = 500;
/// What is to be done about what can be computed again.
const MEND: &str = "`oneshelf doctor --rebuild` writes it anew";

/// What looking has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// How many orders there are.
    pub orders: u64,
    /// How many items have stock.
    pub items: u64,
    /// How many rows of lists were compared.
    pub listed: u64,
    /// What is wrong, in sentences with what to do. Empty when all is well.
    pub sentences: Vec<String>,
    told: BTreeMap<&'static str, usize>,
    repairs: Vec<Repair>,
}

/// A row as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Repair {
    table: Table,
    key: Vec<u8>,
    version: Option<Seq>,
    value: Option<Vec<u8>>,
}

impl Diagnosis {
    /// Whether nothing was found.
    pub fn is_well(&self) -> bool {
        self.sentences.is_empty()
    }

    /// How many rows can be written anew.
    pub fn mendable(&self) -> usize {
        self.repairs.len()
    }

    /// Tells a finding; of many of a kind only the first.
    fn tell(&mut self, kind: &'static str, sentence: String) {
        let told = self.told.entry(kind).or_default();
        *told += 1;
        if *told <= TOLD_MAX {
            self.sentences.push(sentence);
        }
    }

    /// Says how many were not told.
    fn finish(&mut self) {
        for (kind, count) in &self.told {
            if let Some(more) = count.checked_sub(TOLD_MAX).filter(|more| *more > 0) {
                self.sentences
                    .push(format!("{more} more of these: {kind}."));
            }
        }
    }

    fn mend(&mut self, table: Table, key: Vec<u8>, is: Option<&Row>, value: Option<Vec<u8>>) {
        self.repairs.push(Repair {
            table,
            key,
            version: is.map(|row| row.version),
            value,
        });
    }
}

/// Looks everything over. Nobody may write meanwhile.
pub fn examine(store: &dyn Store) -> Work<'_, Result<Diagnosis, StoreError>> {
    Box::pin(look_at_all(store))
}

async fn look_at_all(store: &dyn Store) -> Result<Diagnosis, StoreError> {
    let mut found = Diagnosis::default();
    let known = lists::read(store, &mut found).await?;
    stock::examine(store, &known, &mut found).await?;
    lists::compare(store, known, &mut found).await?;
    insight::compare(store, &mut found).await?;
    found.finish();
    Ok(found)
}

/// Writes the rows anew that follow from others. Says how many.
pub async fn mend(store: &dyn Store, found: &Diagnosis) -> Result<usize, StoreError> {
    for some in found.repairs.chunks(MENDED_AT_ONCE) {
        let mut batch = Batch::default();
        for Repair {
            table,
            key,
            version,
            value,
        } in some
        {
            batch.expects.push(Expect {
                table: *table,
                key: key.clone(),
                version: *version,
            });
            match value {
                Some(value) => batch.puts.push((*table, key.clone(), value.clone())),
                None => batch.deletes.push((*table, key.clone())),
            }
        }
        store.commit(batch).await?;
    }
    Ok(found.repairs.len())
}

/// Reads a table from its beginning, page by page.
struct Scan<'a> {
    store: &'a dyn Store,
    table: Table,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
    page: std::vec::IntoIter<(Vec<u8>, Row)>,
    is_over: bool,
}

impl<'a> Scan<'a> {
    fn new(store: &'a dyn Store, table: Table, prefix: Vec<u8>) -> Scan<'a> {
        Scan {
            store,
            table,
            prefix,
            after: None,
            page: Vec::new().into_iter(),
            is_over: false,
        }
    }

    async fn next(&mut self) -> Result<Option<(Vec<u8>, Row)>, StoreError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        if self.is_over {
            return Ok(None);
        }
        let range = Range {
            prefix: self.prefix.clone(),
            after: self.after.take(),
        };
        let page = self.store.scan(self.table, range, SCAN_LIMIT_MAX).await?;
        self.is_over = page.len() < SCAN_LIMIT_MAX;
        self.after = page.last().map(|(key, _)| key.clone());
        self.page = page.into_iter();
        Ok(self.page.next())
    }

    /// The next row that can be read. One that cannot is a finding.
    async fn read<T: DeserializeOwned>(
        &mut self,
        found: &mut Diagnosis,
    ) -> Result<Option<(Vec<u8>, T, Row)>, StoreError> {
        while let Some((key, row)) = self.next().await? {
            match rows::decode(self.table, &row.value) {
                Ok(value) => return Ok(Some((key, value, row))),
                Err(error) => found.tell(
                    "rows that cannot be read",
                    format!(
                        "The row `{}`: {error}. Restore a backup from before it was written, or install \
                         the version that wrote it.",
                        words(&key)
                    ),
                ),
            }
        }
        Ok(None)
    }
}

/// A key as people read it.
fn words(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace('\0', " / ")
}
