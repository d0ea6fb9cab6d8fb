//! What one stored row looks like, and what it weighs.
//!
//! A stored row is a format byte, the version, a checksum over key, version and value, and the value.
//! The weights of all rows together tell whether any was lost, doubled or set back: the sum is kept
//! beside the position that was applied last, and is compared when the store opens.

use super::rows::{Rows, RowsError};
use crate::{Row, Seq, journal::record::array};

const FORMAT: u8 = 1;
/// The format of a mark: the row is gone, although an export beneath still has it.
const GONE: u8 = 2;
/// What stands for the value in the checksum of a mark, so that none can be taken for a row.
const GONE_VALUE: &[u8] = b"gone";
const HEAD_LENGTH: usize = 13;

/// Facts are rows too: the position and a counter of pieces, both big-endian.
pub(crate) const FACT_PREFIX: &[u8] = b"#fact\0";
/// A fact is kept in pieces of so many bytes.
pub(crate) const FACT_PIECE_BYTES: usize = super::pieces::PIECE_BYTES;
/// How far the rows have come, and what they weigh.
pub(crate) const APPLIED_KEY: &[u8] = b"#applied\0";

/// A row as it is stored.
pub(crate) fn encode(key: &[u8], version: Seq, value: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEAD_LENGTH + value.len());
    stored.push(FORMAT);
    stored.extend(version.0.to_be_bytes());
    stored.extend(checksum(key, version, value).to_le_bytes());
    stored.extend(value);
    stored
}

/// A mark that a row is gone.
pub(crate) fn encode_gone(key: &[u8], version: Seq) -> Vec<u8> {
    let mut stored = encode(key, version, GONE_VALUE);
    stored[0] = GONE;
    stored.truncate(HEAD_LENGTH);
    stored
}

/// Whether what is stored is such a mark.
pub(crate) fn is_gone(key: &[u8], stored: &[u8]) -> Result<bool, RowsError> {
    if stored.first() != Some(&GONE) {
        return Ok(false);
    }
    let is_right = stored.len() == HEAD_LENGTH
        && stored == encode_gone(key, Seq(u64::from_be_bytes(array(stored, 1))));
    if is_right {
        return Ok(true);
    }
    let name = key.escape_ascii();
    let reason = format!("the mark that the row `{name}` is gone has a wrong checksum");
    Err(RowsError::Damaged(reason))
}

/// The version that something stored says it has.
pub(crate) fn version_of(stored: &[u8]) -> Seq {
    let version = stored.get(1..HEAD_LENGTH);
    Seq(version.map_or(0, |head| u64::from_be_bytes(array(head, 0))))
}

/// Looks whether a row or a mark is whole.
pub(crate) fn check(key: &[u8], stored: &[u8]) -> Result<(), RowsError> {
    if is_gone(key, stored)? {
        return Ok(());
    }
    inspect(key, stored).map(drop)
}

/// A stored row, if it is whole.
pub(crate) fn decode(key: &[u8], stored: &[u8]) -> Result<Row, RowsError> {
    let (version, value) = inspect(key, stored)?;
    let value = value.to_vec();
    Ok(Row { version, value })
}

/// The same without a copy of the value.
pub(crate) fn inspect<'a>(key: &[u8], stored: &'a [u8]) -> Result<(Seq, &'a [u8]), RowsError> {
    let damaged = |what| {
        let name = key.escape_ascii();
        Err(RowsError::Damaged(format!("the row `{name}` {what}")))
    };
    if stored.len() < HEAD_LENGTH {
        return damaged("is cut off");
    }
    if stored[0] != FORMAT {
        return damaged("has an unknown format");
    }
    let version = Seq(u64::from_be_bytes(array(stored, 1)));
    let value = &stored[HEAD_LENGTH..];
    if u32::from_le_bytes(array(stored, 9)) != checksum(key, version, value) {
        return damaged("has a wrong checksum");
    }
    Ok((version, value))
}

/// What a stored row adds to the sum of all. It depends on the key, the version and the value.
pub(crate) fn weight(stored: &[u8]) -> u64 {
    let Some(head) = stored.get(..HEAD_LENGTH) else {
        return 0;
    };
    let version = u64::from_be_bytes(array(head, 1));
    let crc = u64::from(u32::from_le_bytes(array(head, 9)));
    mix(mix(version) ^ crc)
}

/// The key of a piece of a fact.
pub(crate) fn fact_key(at: Seq, piece: u16) -> Vec<u8> {
    let mut key = FACT_PREFIX.to_vec();
    key.extend(at.0.to_be_bytes());
    key.extend(piece.to_be_bytes());
    key
}

/// The position of the fact that a row is a piece of.
pub(crate) fn fact_of(key: &[u8]) -> Option<Seq> {
    let rest = key.strip_prefix(FACT_PREFIX)?;
    (rest.len() == 10).then(|| Seq(u64::from_be_bytes(array(rest, 0))))
}

/// How far the rows have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The last position whose changes are in the rows.
    pub last: Seq,
    /// How many rows there are, facts and their pieces included.
    pub count: u64,
    /// The sum of their weights.
    pub sum: u64,
    /// Of which store.
    pub store_id: u64,
}

impl Applied {
    /// No rows yet.
    pub(crate) fn new(store_id: u64) -> Applied {
        Applied {
            store_id,
            ..Applied::default()
        }
    }

    /// As earlier versions wrote it.
    #[cfg(test)]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(24);
        for number in [self.count, self.sum, self.store_id] {
            value.extend(number.to_le_bytes());
        }
        encode(APPLIED_KEY, self.last, &value)
    }

    pub(crate) fn decode(stored: &[u8]) -> Result<Applied, RowsError> {
        let Row { version, value } = decode(APPLIED_KEY, stored)?;
        if value.len() != 24 {
            return Err(RowsError::Damaged(
                "it is not known how far they are".into(),
            ));
        }
        let u64_at = |at| u64::from_le_bytes(array(&value, at));
        Ok(Applied {
            last: version,
            count: u64_at(0),
            sum: u64_at(8),
            store_id: u64_at(16),
        })
    }

    /// Counts a row that is written.
    pub(crate) fn add(&mut self, stored: &[u8]) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(weight(stored));
    }

    /// Counts a row that is gone.
    pub(crate) fn take(&mut self, stored: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(weight(stored));
    }
}

/// How far rows in sled have come, alone and with the export beneath.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// All rows, as they are seen.
    pub applied: Applied,
    /// How many rows and marks are in sled,
    pub count: u64,
    /// the sum of their weights,
    pub sum: u64,
    /// and about how many bytes they have.
    pub bytes: u64,
    /// The position of the export beneath; 0 where there is none.
    pub base: Seq,
}

impl Standing {
    /// No rows yet.
    pub(crate) fn new(store_id: u64) -> Standing {
        Standing::over(Applied::new(store_id))
    }

    /// All rows, over nothing.
    pub(crate) fn whole(applied: Applied) -> Standing {
        Standing {
            applied,
            count: applied.count,
            sum: applied.sum,
            ..Standing::default()
        }
    }

    /// Nothing over an export, or over nothing.
    pub(crate) fn over(applied: Applied) -> Standing {
        Standing {
            applied,
            base: applied.last,
            ..Standing::default()
        }
    }

    /// Says so on disk, before there is any row: rows that say nothing are missing.
    pub(crate) fn write(&self, rows: &Rows) -> Result<(), RowsError> {
        rows.apply(&[(APPLIED_KEY, Some(&self.encode()))])
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Applied { count, sum, .. } = self.applied;
        let mut value = Vec::with_capacity(56);
        for number in [count, sum, self.applied.store_id] {
            value.extend(number.to_le_bytes());
        }
        for number in [self.count, self.sum, self.base.0, self.bytes] {
            value.extend(number.to_le_bytes());
        }
        encode(APPLIED_KEY, self.applied.last, &value)
    }

    /// What rows say of themselves. Earlier versions had nothing beneath them.
    pub(crate) fn decode(stored: &[u8]) -> Result<Standing, RowsError> {
        let Row { version, value } = decode(APPLIED_KEY, stored)?;
        let of = |numbers: &[u8]| {
            let mut found = [0; 7];
            for (number, bytes) in found.iter_mut().zip(numbers.chunks_exact(8)) {
                *number = u64::from_le_bytes(array(bytes, 0));
            }
            found
        };
        let [all_count, all_sum, store_id, count, sum, base, bytes] = match value.len() {
            24 => of(&[&value, &value[..16], &[0; 8][..]].concat()),
            56 => of(&value),
            _ => {
                return Err(RowsError::Damaged(
                    "it is not known how far they are".into(),
                ));
            }
        };
        Ok(Standing {
            applied: Applied {
                last: version,
                count: all_count,
                sum: all_sum,
                store_id,
            },
            count,
            sum,
            bytes,
            base: Seq(base),
        })
    }

    /// Counts what is written into sled under a key, and what was there before, alone and beneath.
    pub(crate) fn replace(&mut self, change: Replaced<'_>) {
        if let Some(old) = change.seen {
            self.applied.take(old);
        }
        if let Some(old) = change.old {
            self.count = self.count.saturating_sub(1);
            self.bytes = self
                .bytes
                .saturating_sub(change.key_length + old.len() as u64);
            self.sum = self.sum.wrapping_sub(weight(old));
        }
        if let Some(new) = change.new {
            self.count += 1;
            self.bytes += change.key_length + new.len() as u64;
            self.sum = self.sum.wrapping_add(weight(new));
            if new.first() != Some(&GONE) {
                self.applied.add(new);
            }
        }
    }
}

/// A change of what is stored under a key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Replaced<'a> {
    /// How long the key is.
    pub key_length: u64,
    /// The row that was seen before, wherever it was.
    pub seen: Option<&'a [u8]>,
    /// What was in sled: a row or a mark.
    pub old: Option<&'a [u8]>,
    /// What is there now.
    pub new: Option<&'a [u8]>,
}

fn checksum(key: &[u8], version: Seq, value: &[u8]) -> u32 {
    let crc = crc32c::crc32c(key);
    let crc = crc32c::crc32c_append(crc, &version.0.to_le_bytes());
    crc32c::crc32c_append(crc, value)
}

/// Spreads a number over all bits, so that sums of few rows differ too.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_back_under_its_own_key_only() {
        let stored = encode(b"t\0k", Seq(7), b"value");
        let row = decode(b"t\0k", &stored).unwrap();
        assert_eq!((row.version, row.value), (Seq(7), b"value".to_vec()));
        assert!(decode(b"t\0l", &stored).is_err(), "another row's value");
        for length in 0..stored.len() {
            assert!(
                decode(b"t\0k", &stored[..length]).is_err(),
                "{length} bytes"
            );
        }
        for bit in 0..stored.len() * 8 {
            let mut damaged = stored.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(b"t\0k", &damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn the_sum_tells_lost_doubled_and_old_rows() {
        let (a, old, new) = (
            encode(b"a", Seq(1), b"x"),
            encode(b"b", Seq(2), b"y"),
            encode(b"b", Seq(3), b"y"),
        );
        let sum = |rows: &[&Vec<u8>]| {
            let mut applied = Applied::default();
            rows.iter().for_each(|stored| applied.add(stored));
            (applied.count, applied.sum)
        };
        let right = sum(&[&a, &new]);
        for (wrong, rows) in [
            ("lost", vec![&a]),
            ("doubled", vec![&a, &a]),
            ("old", vec![&a, &old]),
            ("both", vec![&a, &old, &new]),
        ] {
            assert_ne!(sum(&rows), right, "{wrong}");
        }
        let mut applied = Applied::default();
        for stored in [&a, &old, &new] {
            applied.add(stored);
        }
        applied.take(&old);
        assert_eq!((applied.count, applied.sum), right, "in any order");
        assert_eq!(Applied::decode(&applied.encode()).unwrap(), applied);
        // Rows of earlier versions say only this, and have nothing beneath them.
        let standing = Standing::decode(&applied.encode()).unwrap();
        let (count, sum) = (applied.count, applied.sum);
        let right = Standing {
            applied,
            count,
            sum,
            bytes: 0,
            base: Seq(0),
        };
        assert_eq!(standing, right);
        let over = Standing::over(Applied {
            last: Seq(9),
            ..applied
        });
        assert_eq!((over.base, over.count, over.sum), (Seq(9), 0, 0));
        assert_eq!(Standing::decode(&over.encode()).unwrap(), over);
    }

    #[test]
    fn a_mark_is_no_row_and_no_bit_of_it_can_change() {
        let gone = encode_gone(b"t\0k", Seq(7));
        assert!(is_gone(b"t\0k", &gone).unwrap() && decode(b"t\0k", &gone).is_err());
        assert!(is_gone(b"t\0l", &gone).is_err(), "another row's mark");
        assert!(!is_gone(b"t\0k", &encode(b"t\0k", Seq(7), b"")).unwrap());
        for bit in 0..gone.len() * 8 {
            let mut damaged = gone.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(check(b"t\0k", &damaged).is_err(), "bit {bit}");
        }
        let mut standing = Standing::over(Applied::new(1));
        let row = encode(b"t\0k", Seq(3), b"value");
        standing.applied.add(&row);
        let seen = Some(row.as_slice());
        let new = Some(gone.as_slice());
        standing.replace(Replaced {
            seen,
            new,
            ..Replaced::default()
        });
        assert_eq!((standing.applied, standing.count), (Applied::new(1), 1));
        let old = new;
        standing.replace(Replaced {
            old,
            ..Replaced::default()
        });
        assert_eq!(standing, Standing::over(Applied::new(1)));
    }
}
