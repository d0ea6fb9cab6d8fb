//! The head of a segment, and the names of segments.
//!
//! A segment is a file named after its first position. Its head says which store it belongs to, which
//! segment comes before it and where that one ends, so that a file that is missing, cut off or from
//! another store is noticed without reading everything.

use std::path::{Path, PathBuf};

use super::{JournalError, record::array};
use crate::Seq;

/// Records begin after so many bytes: a head shares no piece of disk with a record.
pub(crate) const SEGMENT_HEAD_LENGTH: usize = 4096;

const MAGIC: [u8; 8] = *b"ONESHELF";
const FORMAT: u32 = 1;
const AFTER_LOSS: u32 = 1;
const USED: usize = 76;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    /// Which store wrote it.
    pub store_id: u64,
    /// Where the checksums of its records start from.
    pub salt: u64,
    /// The position of its first record.
    pub first: Seq,
    /// The first position of the segment before; 0 if there never was one.
    pub previous: Seq,
    /// Where the records of the segment before end.
    pub previous_end: u64,
    /// The position after the last record of the segment before.
    pub previous_next: Seq,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// Positions before this segment are lost, and somebody has accepted that.
    pub is_after_loss: bool,
}

impl SegmentHead {
    /// The whole first piece of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEAD_LENGTH);
        out.extend(MAGIC);
        out.extend(FORMAT.to_le_bytes());
        out.extend((if self.is_after_loss { AFTER_LOSS } else { 0 }).to_le_bytes());
        for number in [
            self.store_id,
            self.salt,
            self.first.0,
            self.previous.0,
            self.previous_end,
            self.previous_next.0,
            self.created_ms,
        ] {
            out.extend(number.to_le_bytes());
        }
        out.extend(crc32c::crc32c(&out).to_le_bytes());
        debug_assert_eq!(out.len(), USED);
        out.resize(SEGMENT_HEAD_LENGTH, 0);
        out
    }

    /// Reads a head.
    pub(crate) fn decode(bytes: &[u8], path: &Path) -> Result<SegmentHead, JournalError> {
        let damaged = |what: &str| JournalError::damaged(path, format!("its head {what}"));
        if bytes.len() < SEGMENT_HEAD_LENGTH {
            return Err(damaged("is cut off"));
        }
        let u32_at = |at| u32::from_le_bytes(array(bytes, at));
        let u64_at = |at| u64::from_le_bytes(array(bytes, at));
        if u32_at(USED - 4) != crc32c::crc32c(&bytes[..USED - 4]) || bytes[..8] != MAGIC {
            return Err(damaged("has a wrong checksum"));
        }
        let (format, flags) = (u32_at(8), u32_at(12));
        if format > FORMAT || flags > AFTER_LOSS {
            return Err(JournalError::Newer {
                path: path.to_owned(),
            });
        }
        Ok(SegmentHead {
            store_id: u64_at(16),
            salt: u64_at(24),
            first: Seq(u64_at(32)),
            previous: Seq(u64_at(40)),
            previous_end: u64_at(48),
            previous_next: Seq(u64_at(56)),
            created_ms: u64_at(64),
            is_after_loss: flags & AFTER_LOSS != 0,
        })
    }
}

/// The path of the segment that begins with a position.
pub(crate) fn segment_path(dir: &Path, first: Seq) -> PathBuf {
    dir.join(format!("{:020}.journal", first.0))
}

/// The first position that a name speaks of, if it is a segment's.
pub(crate) fn first_of(name: &str) -> Option<Seq> {
    let digits = name.strip_suffix(".journal")?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_ours {
        digits.parse().ok().map(Seq)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_and_no_bit_of_it_can_change() {
        let head = SegmentHead {
            store_id: 1,
            salt: 2,
            first: Seq(3),
            previous: Seq(1),
            previous_end: 5,
            previous_next: Seq(3),
            created_ms: 6,
            is_after_loss: true,
        };
        let bytes = head.encode();
        let path = Path::new("p");
        assert_eq!(SegmentHead::decode(&bytes, path).unwrap(), head);
        assert!(SegmentHead::decode(&bytes[..80], path).is_err());
        for bit in 0..USED * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHead::decode(&damaged, path).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_newer_format_is_named_as_such() {
        let mut bytes = SegmentHead {
            store_id: 1,
            salt: 2,
            first: Seq(1),
            previous: Seq(0),
            previous_end: 0,
            previous_next: Seq(1),
            created_ms: 6,
            is_after_loss: false,
        }
        .encode();
        bytes[8] = 2;
        let crc = crc32c::crc32c(&bytes[..USED - 4]);
        bytes[USED - 4..USED].copy_from_slice(&crc.to_le_bytes());
        let error = SegmentHead::decode(&bytes, Path::new("p")).unwrap_err();
        assert!(matches!(error, JournalError::Newer { .. }), "{error}");
    }

    #[test]
    fn only_names_of_segments_are_segments() {
        let name = "00000000000000000042.journal";
        assert_eq!(first_of(name), Some(Seq(42)));
        assert_eq!(
            segment_path(Path::new("d"), Seq(42)),
            Path::new("d").join(name)
        );
        for name in [
            "42.journal",
            "witness",
            "0000000000000000004x.journal",
            "00000000000000000042.new",
            "99999999999999999999.journal",
        ] {
            assert_eq!(first_of(name), None, "{name}");
        }
    }
}
