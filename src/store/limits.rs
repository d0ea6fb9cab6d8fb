//! What every backend refuses in the same words, before anything is written.
//!
//! A limit that only one backend has would be found by the merchant who changes backends, so all of
//! them are here. Nothing here reads what is stored.

use std::collections::BTreeSet;

use crate::{
    Append, BATCH_LENGTH_MAX, BODY_LENGTH_MAX, Batch, FACT_LENGTH_MAX, KEY_LENGTH_MAX,
    NOTE_LENGTH_MAX, StoreError, TABLE_LENGTH_MAX, Table, VALUE_LENGTH_MAX,
};

/// Whether raw signals may be kept.
pub fn check_append(signals: &[Append]) -> Result<(), StoreError> {
    let mut total = 0;
    for signal in signals {
        at_most("a raw signal", signal.body.len(), BODY_LENGTH_MAX)?;
        at_most("an inbox note", signal.note.len(), NOTE_LENGTH_MAX)?;
        total += signal.body.len() + signal.note.len();
    }
    at_most("an append", total, BATCH_LENGTH_MAX)
}

/// Whether a batch may be carried out, as far as can be told without what is stored.
pub fn check_batch(batch: &Batch) -> Result<(), StoreError> {
    let mut total = 0;
    for expect in &batch.expects {
        check_row(expect.table, &expect.key)?;
    }
    let mut rows = BTreeSet::new();
    for (table, key, value) in &batch.puts {
        check_row(*table, key)?;
        at_most("a value", value.len(), VALUE_LENGTH_MAX)?;
        check_once(&mut rows, *table, key)?;
        total += key.len() + value.len();
    }
    for (table, key) in &batch.deletes {
        check_row(*table, key)?;
        check_once(&mut rows, *table, key)?;
        total += key.len();
    }
    for fact in &batch.facts {
        at_most("a fact", fact.len(), FACT_LENGTH_MAX)?;
        total += fact.len();
    }
    at_most("a batch", total, BATCH_LENGTH_MAX)
}

/// Whether a table and a key can exist; reads ask this too, so that a mistake shows at once.
pub fn check_row(table: Table, key: &[u8]) -> Result<(), StoreError> {
    let name = table.0;
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > TABLE_LENGTH_MAX || !name.bytes().all(is_known) {
        return refuse(format!("`{}` is no name of a table", name.escape_default()));
    }
    at_most("a key", key.len(), KEY_LENGTH_MAX)
}

fn check_once<'a>(
    rows: &mut BTreeSet<(&'static str, &'a [u8])>,
    table: Table,
    key: &'a [u8],
) -> Result<(), StoreError> {
    if rows.insert((table.0, key)) {
        return Ok(());
    }
    refuse(format!("it changes a row of `{}` twice", table.0))
}

fn at_most(what: &str, length: usize, limit: usize) -> Result<(), StoreError> {
    if length <= limit {
        return Ok(());
    }
    refuse(format!(
        "{what} has {length} bytes, and {limit} is the limit"
    ))
}

fn refuse(reason: String) -> Result<(), StoreError> {
    Err(StoreError::Refused { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_are_short_and_plain() {
        for (name, is_allowed) in [
            ("orders", true),
            ("orders_by_due", true),
            ("v2", true),
            ("", false),
            ("Orders", false),
            ("#applied", false),
            ("or ders", false),
            ("nul\0nul", false),
            (
                "a_name_so_long_that_nobody_would_like_to_read_it_in_a_hex_dump_ever",
                false,
            ),
        ] {
            assert_eq!(check_row(Table(name), b"k").is_ok(), is_allowed, "{name:?}");
        }
    }
}
