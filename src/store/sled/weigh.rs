//! Reading every row in sled when the store opens, to see that none is lost, doubled or old.
//!
//! This is most of the time that opening takes, so several threads share it: sums can be added in any
//! order. They take whole tables, and the facts in equal parts.

use std::{
    ops::Bound,
    sync::{Mutex, PoisonError},
};

use super::{
    row::{APPLIED_KEY, Applied, FACT_PREFIX, Standing, check, fact_key},
    rows::{Rows, RowsError},
};
use crate::Seq;

/// How many threads read at once, at most.
const READERS_MAX: usize = 4;
/// Into how many parts the facts are divided.
const FACT_PARTS: u64 = 8;

/// A part of all keys: from the first on, before the second.
type Part = (Vec<u8>, Option<Vec<u8>>);

/// Reads every row. Nothing if there are none; an error if they are not what they should be.
pub(crate) fn weigh(rows: &Rows) -> Result<Option<Standing>, RowsError> {
    let said = rows.get(APPLIED_KEY)?;
    let said = said.map(|stored| Standing::decode(&stored)).transpose()?;
    let expected = said.unwrap_or_default();
    let parts = Mutex::new(parts(rows, expected.applied.last)?);
    let readers = std::thread::available_parallelism().map_or(1, |count| count.get());
    let found = std::thread::scope(|scope| {
        let work = || read(rows, &parts);
        let readers: Vec<_> = (0..readers.min(READERS_MAX))
            .map(|_| scope.spawn(work))
            .collect();
        let mut found = Applied::default();
        for reader in readers {
            let panicked = |_| Err(RowsError::Damaged("a reader panicked".to_owned()));
            let part = reader.join().unwrap_or_else(panicked)?;
            found.count += part.count;
            found.sum = found.sum.wrapping_add(part.sum);
        }
        Ok::<_, RowsError>(found)
    })?;
    if (found.count, found.sum) != (expected.count, expected.sum) {
        let (is, should) = (found.count, expected.count);
        let reason = format!("there are {is} rows and should be {should}, or some are old");
        return Err(RowsError::Damaged(reason));
    }
    Ok(said)
}

/// Takes parts until none is left.
fn read(rows: &Rows, parts: &Mutex<Vec<Part>>) -> Result<Applied, RowsError> {
    let mut found = Applied::default();
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).pop();
    while let Some((from, before)) = next() {
        rows.walk(Bound::Included(&from), &mut |key, stored| {
            if before.as_deref().is_some_and(|before| key >= before) {
                return Ok(false);
            }
            if key != APPLIED_KEY {
                check(key, stored)?;
                found.add(stored);
            }
            Ok(true)
        })?;
    }
    Ok(found)
}

/// Parts that hold every key there can be, each once.
fn parts(rows: &Rows, last: Seq) -> Result<Vec<Part>, RowsError> {
    let mut starts = vec![Vec::new()];
    for part in 0..FACT_PARTS {
        starts.push(fact_key(Seq(last.0 / FACT_PARTS * part), 0));
    }
    // The names of tables end with a zero, so a one is behind all keys of a table.
    let mut from = [&FACT_PREFIX[..FACT_PREFIX.len() - 1], &[1]].concat();
    loop {
        let mut table = None;
        rows.walk(Bound::Included(&from), &mut |key, _| {
            table = key.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
            Ok(false)
        })?;
        starts.push(from);
        let Some(table) = table else { break };
        from = [table.as_slice(), &[1]].concat();
    }
    let ends = starts.iter().skip(1).cloned().map(Some).chain([None]);
    Ok(starts.iter().cloned().zip(ends).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_exactly_one_part() {
        let dir = tempfile::tempdir().unwrap();
        let rows = Rows::open(&dir.path().join("rows"), 1 << 20).unwrap();
        let keys = [
            &b"#applied\0"[..],
            b"a\0",
            b"a\0k",
            b"a\0\xff\xff",
            b"ab\0\0\0",
            b"z\0k",
        ];
        let facts = [0, 1, 99, 100, 800, 801, u64::MAX].map(|at| fact_key(Seq(at), 1));
        for key in keys.into_iter().chain(facts.iter().map(Vec::as_slice)) {
            rows.apply(&[(key, Some(b"x"))]).unwrap();
        }
        for last in [0, 7, 800, u64::MAX] {
            let parts = parts(&rows, Seq(last)).unwrap();
            for key in keys.into_iter().chain(facts.iter().map(Vec::as_slice)) {
                let holds = |(from, before): &&Part| {
                    key >= from.as_slice() && before.as_deref().is_none_or(|before| key < before)
                };
                assert_eq!(parts.iter().filter(holds).count(), 1, "{key:?}, {last}");
            }
        }
    }
}
