//! Long values, in pieces.
//!
//! sled puts long values into files that it never syncs, so no stored value is longer than
//! [`PIECE_BYTES`]. A longer one becomes a row with its beginning and further rows beside it, written
//! in the same batch: to the journal, the doctor and an export they are rows like all others. A piece
//! belongs to its row when both have the same version, so a reading that falls between two batches is
//! noticed and done again.

use std::{collections::BTreeSet, ops::Bound};

use super::{memtable::Layers, row::decode, rows::RowsError, stack::Stack};
use crate::{Append, Batch, Row, Table, journal::change::row_key};

/// The longest stored value.
pub(crate) const PIECE_BYTES: usize = 4096;
/// Where the further pieces are; no table of the port can have this name.
const PIECES: Table = Table("#piece");
/// The first byte of a value that is whole.
const WHOLE: u8 = 0;
/// The first byte of a value that goes on in pieces; their number follows in two bytes.
const GOES_ON: u8 = 1;
/// How often a row is read again because it changed while its pieces were read.
const READS_MAX: u32 = 100;

/// Turns the values of a batch into what is stored, and lets no piece of a longer value stay behind.
pub(crate) fn split(rows: &Layers, mut batch: Batch) -> Result<Batch, RowsError> {
    let mut puts = Vec::with_capacity(batch.puts.len());
    for (table, key, value) in std::mem::take(&mut batch.puts) {
        let had = pieces_of(rows, table, &key)?;
        let beginning = value.len().min(PIECE_BYTES - 3);
        let is_whole = value.len() < PIECE_BYTES;
        let further: Vec<&[u8]> = if is_whole {
            Vec::new()
        } else {
            value[beginning..].chunks(PIECE_BYTES).collect()
        };
        let count = u16::try_from(further.len()).expect("a value of the port has few pieces");
        for (number, piece) in (0..count).zip(&further) {
            puts.push((PIECES, piece_key(table, &key, number), piece.to_vec()));
        }
        for number in count..had {
            batch.deletes.push((PIECES, piece_key(table, &key, number)));
        }
        let mut stored = Vec::with_capacity(beginning + 3);
        if is_whole {
            stored.push(WHOLE);
            stored.extend(&value);
        } else {
            stored.push(GOES_ON);
            stored.extend(count.to_be_bytes());
            stored.extend(&value[..beginning]);
        }
        puts.push((table, key, stored));
    }
    for (table, key) in batch.deletes.clone() {
        if table == PIECES {
            continue;
        }
        for number in 0..pieces_of(rows, table, &key)? {
            batch.deletes.push((PIECES, piece_key(table, &key, number)));
        }
    }
    batch.puts = puts;
    Ok(batch)
}

/// Turns the notes of signals into what is stored; they are never long.
pub(crate) fn mark(signals: &mut [Append]) {
    for signal in signals {
        signal.note.insert(0, WHOLE);
    }
}

/// Puts a value together again. Nothing when the row is gone meanwhile.
pub(crate) fn join(
    rows: &Layers,
    table: Table,
    key: &[u8],
    mut row: Row,
) -> Result<Option<Row>, RowsError> {
    let whole_key = row_key(table, key);
    for _ in 0..READS_MAX {
        if let Some(joined) = try_join(rows, table, key, &row)? {
            return Ok(Some(joined));
        }
        match rows.get(&whole_key)? {
            Some(stored) => row = decode(&whole_key, &stored)?,
            None => return Ok(None),
        }
    }
    Err(damaged(&whole_key, "has pieces of another version"))
}

fn try_join(rows: &Layers, table: Table, key: &[u8], row: &Row) -> Result<Option<Row>, RowsError> {
    let Some((count, beginning)) = read_head(&row.value) else {
        return Err(damaged(
            &row_key(table, key),
            "does not say whether it is whole",
        ));
    };
    let mut value = beginning.to_vec();
    for number in 0..count {
        let piece_key = row_key(PIECES, &piece_key(table, key, number));
        let Some(stored) = rows.get(&piece_key)? else {
            return Ok(None);
        };
        let piece = decode(&piece_key, &stored)?;
        if piece.version != row.version {
            return Ok(None);
        }
        value.extend(piece.value);
    }
    Ok(Some(Row {
        version: row.version,
        value,
    }))
}

/// How many pieces a stored value has, and how it begins.
fn read_head(stored: &[u8]) -> Option<(u16, &[u8])> {
    match stored {
        [WHOLE, value @ ..] => Some((0, value)),
        [GOES_ON, high, low, beginning @ ..] => {
            Some((u16::from_be_bytes([*high, *low]), beginning))
        }
        _ => None,
    }
}

/// The table of the row that a row belongs to as a piece, if it is one.
pub(crate) fn table_of(key: &[u8]) -> Option<&[u8]> {
    let of = key.strip_prefix(PIECES.0.as_bytes())?.strip_prefix(&[0])?;
    of.split(|byte| *byte == 0).next()
}

/// The tables that have rows in several pieces on disk.
pub(crate) fn tables(rows: &Stack) -> Result<BTreeSet<Vec<u8>>, RowsError> {
    let mut found = BTreeSet::new();
    let mut from = row_key(PIECES, b"");
    loop {
        let mut next = None;
        rows.walk(Bound::Included(&from), &mut |key, _| {
            next = table_of(key).map(<[u8]>::to_vec);
            Ok(false)
        })?;
        let Some(table) = next else { return Ok(found) };
        // Names end with a zero, so a one is behind all keys of a table.
        from = [row_key(PIECES, &table), vec![1]].concat();
        found.insert(table);
    }
}

fn pieces_of(rows: &Layers, table: Table, key: &[u8]) -> Result<u16, RowsError> {
    if !rows.may_have_pieces(table) {
        return Ok(0);
    }
    let whole_key = row_key(table, key);
    let Some(stored) = rows.get(&whole_key)? else {
        return Ok(0);
    };
    let row = decode(&whole_key, &stored)?;
    Ok(read_head(&row.value).map_or(0, |(count, _)| count))
}

fn piece_key(table: Table, key: &[u8], number: u16) -> Vec<u8> {
    let mut name = row_key(table, key);
    name.extend(number.to_be_bytes());
    name
}

fn damaged(key: &[u8], what: &str) -> RowsError {
    RowsError::Damaged(format!("the row `{}` {what}", key.escape_ascii()))
}
