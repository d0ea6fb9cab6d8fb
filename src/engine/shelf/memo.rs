//! Rows as values, by the bytes that they were read from or written as.
//!
//! The few rows of what sells are read again with every order, several times on their way to a channel, and
//! reading JSON costs more than all else that is done with them. What is kept here is asked with the bytes of
//! the row: other bytes are another value, so nothing here is ever out of date.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use serde::de::DeserializeOwned;
use store::{StoreError, Table};

use crate::rows;

/// Of which tables values are kept: those of which the same rows are read with each order of an item.
const TABLES: [Table; 5] = [
    rows::ITEMS,
    rows::LISTINGS,
    rows::OFFERS,
    rows::STOCK,
    rows::TAKEN,
];
/// How many values are kept of each; then all of them are forgotten.
const VALUES_MAX: usize = 4096;

/// What a row is read to.
pub(crate) trait Value:
    Clone + Debug + PartialEq + DeserializeOwned + Send + Sync + 'static
{
}

impl<T: Clone + Debug + PartialEq + DeserializeOwned + Send + Sync + 'static> Value for T {}

/// Values of rows.
#[derive(Default)]
pub(crate) struct Memo(Mutex<BTreeMap<Table, Kept>>);

type Kept = HashMap<Vec<u8>, Known>;

struct Known {
    bytes: Arc<[u8]>,
    value: Arc<dyn Any + Send + Sync>,
}

impl Memo {
    /// The value of a row.
    pub(crate) fn decode<T: Value>(
        &self,
        table: Table,
        key: &[u8],
        bytes: &[u8],
    ) -> Result<T, StoreError> {
        if let Some(known) = self.known::<T>(table, key, bytes) {
            debug_assert_eq!(rows::decode::<T>(table, bytes).ok().as_ref(), Some(&*known));
            return Ok(known.as_ref().clone());
        }
        let value: T = rows::decode(table, bytes)?;
        self.learn(table, key, bytes, &value);
        Ok(value)
    }

    /// Keeps what is written as these bytes.
    pub(crate) fn learn<T: Value>(&self, table: Table, key: &[u8], bytes: &[u8], value: &T) {
        if !TABLES.contains(&table) {
            return;
        }
        let known = Known {
            bytes: bytes.into(),
            value: Arc::new(value.clone()),
        };
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = tables.entry(table).or_default();
        if let Some(before) = kept.get_mut(key) {
            *before = known;
            return;
        }
        if kept.len() >= VALUES_MAX {
            kept.clear();
        }
        kept.insert(key.to_vec(), known);
    }

    /// Bytes to be held for a while: those that are held here already, where they are the same.
    pub(crate) fn share(&self, table: Table, key: &[u8], bytes: &[u8]) -> Arc<[u8]> {
        let shared = || {
            let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = tables.get(&table)?.get(key)?;
            (*known.bytes == *bytes).then(|| Arc::clone(&known.bytes))
        };
        let shared = TABLES.contains(&table).then(shared).flatten();
        shared.unwrap_or_else(|| bytes.into())
    }

    fn known<T: Value>(&self, table: Table, key: &[u8], bytes: &[u8]) -> Option<Arc<T>> {
        if !TABLES.contains(&table) {
            return None;
        }
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = tables.get(&table)?.get(key)?;
        let is_same = *known.bytes == *bytes;
        let value = is_same.then(|| Arc::clone(&known.value))?;
        value.downcast().ok()
    }
}

#[cfg(test)]
mod tests {
    use domain::offer::Taken;

    use super::*;

    fn taken(open: i32) -> (Taken, Vec<u8>) {
        let taken = Taken {
            open: domain::Quantity::of(open),
            ..Taken::default()
        };
        (taken, rows::encode(&taken))
    }

    #[test]
    fn other_bytes_are_another_value() {
        let (memo, (one, of_one), (two, of_two)) = (Memo::default(), taken(1), taken(2));
        let read = |bytes: &[u8]| memo.decode::<Taken>(rows::TAKEN, b"a", bytes);
        memo.learn(rows::TAKEN, b"a", &of_one, &one);
        assert_eq!(read(&of_one).ok(), Some(one));
        assert_eq!(read(&of_two).ok(), Some(two));
        assert_eq!(read(&of_one).ok(), Some(one));
        assert!(memo.known::<Taken>(rows::TAKEN, b"b", &of_one).is_none());
        let shared = [&of_one, &of_two].map(|bytes| memo.share(rows::TAKEN, b"a", bytes));
        assert_eq!(shared.each_ref().map(|one| one.to_vec()), [of_one, of_two]);
        assert_eq!(shared.map(|one| Arc::strong_count(&one)), [2, 1]);
        assert!(read(b"\x01{").is_err());
    }

    #[test]
    fn only_so_many_are_kept() {
        let (memo, (one, bytes)) = (Memo::default(), taken(1));
        let is_known = |number: usize| {
            let key = number.to_be_bytes();
            memo.known::<Taken>(rows::TAKEN, &key, &bytes).is_some()
        };
        for number in 0..=VALUES_MAX {
            memo.learn(rows::TAKEN, &number.to_be_bytes(), &bytes, &one);
            assert!(is_known(number));
        }
        let kept = (0..=VALUES_MAX).filter(|number| is_known(*number)).count();
        assert_eq!(kept, 1);
        memo.learn(rows::CLAIMS, b"a", &bytes, &one);
        assert!(memo.known::<Taken>(rows::CLAIMS, b"a", &bytes).is_none());
    }
}
