//! How one record looks on disk.
//!
//! A record is a head of [`HEAD_LENGTH`] bytes and a payload, padded with zeros to eight bytes. The
//! head has its own checksum, so that records can be walked without reading their payloads; both
//! checksums together cover everything. The head's checksum starts from the segment's salt: what a
//! stranger puts into a signal can never pass for a record. Eight zero bytes where a record should
//! begin are the end. Nothing here reads a file.

use super::JournalError;
use crate::Seq;

/// The length of a head.
pub(crate) const HEAD_LENGTH: usize = 40;
/// Records begin at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;
/// The longest payload that a head may announce; more is damage. A batch's limit and its framing.
pub(crate) const PAYLOAD_LENGTH_MAX: usize = crate::BATCH_LENGTH_MAX * 2;

/// A raw signal with its inbox note.
pub(crate) const SIGNAL: u8 = 1;
/// A batch: rows and facts.
pub(crate) const BATCH: u8 = 2;
/// The same, compressed.
pub(crate) const PACKED_BATCH: u8 = 3;

/// Takes records, each with its payload.
pub(crate) type EachRecord<'a> = &'a mut dyn FnMut(&Head, &[u8]) -> Result<(), JournalError>;

/// What a record says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Bytes of payload.
    pub length: u32,
    /// [`SIGNAL`], [`BATCH`] or [`PACKED_BATCH`]; others belong to later versions.
    pub kind: u8,
    /// Under which key the payload is encrypted; 0 means that it is not. Reserved.
    pub key_id: u16,
    /// Its position.
    pub seq: Seq,
    /// The position of the first record that was synced together with it.
    pub group: Seq,
    /// How many positions it takes: one, or one for each fact.
    pub span: u32,
    /// The checksum of the payload.
    pub payload_crc: u32,
}

impl Head {
    /// The position after this record's.
    pub(crate) fn next(&self) -> Seq {
        Seq(self.seq.0.saturating_add(u64::from(self.span)))
    }

    /// How far the next record is.
    pub(crate) fn stride(&self) -> usize {
        (HEAD_LENGTH + self.length as usize).next_multiple_of(ALIGNMENT)
    }

    fn write(&self, salt: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(self.length.to_le_bytes());
        out.push(self.kind);
        out.push(0);
        out.extend(self.key_id.to_le_bytes());
        out.extend(self.seq.0.to_le_bytes());
        out.extend(self.group.0.to_le_bytes());
        out.extend(self.span.to_le_bytes());
        out.extend(self.payload_crc.to_le_bytes());
        let crc = salted(salt, &out[start..]);
        out.extend(crc.to_le_bytes());
        out.extend([0; 4]);
    }

    /// Reads a head, if the bytes are one. The payload is not looked at.
    pub(crate) fn read(salt: u64, bytes: &[u8]) -> Option<Head> {
        let bytes: &[u8; HEAD_LENGTH] = bytes.get(..HEAD_LENGTH)?.try_into().ok()?;
        let u32_at = |at: usize| u32::from_le_bytes(array(bytes, at));
        let u64_at = |at: usize| u64::from_le_bytes(array(bytes, at));
        let head = Head {
            length: u32_at(0),
            kind: bytes[4],
            key_id: u16::from_le_bytes(array(bytes, 6)),
            seq: Seq(u64_at(8)),
            group: Seq(u64_at(16)),
            span: u32_at(24),
            payload_crc: u32_at(28),
        };
        // The cheap questions first: a scan over a damaged region asks millions of times.
        let is_plausible = head.kind != 0
            && head.length as usize <= PAYLOAD_LENGTH_MAX
            && head.span > 0
            && head.group <= head.seq
            && bytes[36..] == [0; 4];
        (is_plausible && u32_at(32) == salted(salt, &bytes[..32])).then_some(head)
    }

    /// Whether these bytes are this record's payload.
    pub(crate) fn has_payload(&self, payload: &[u8]) -> bool {
        payload.len() == self.length as usize && crc32c::crc32c(payload) == self.payload_crc
    }
}

/// A record that is not written yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub kind: u8,
    pub seq: Seq,
    pub span: u32,
    pub payload: Vec<u8>,
}

impl Draft {
    /// The position after this record's.
    pub(crate) fn next(&self) -> Seq {
        Seq(self.seq.0 + u64::from(self.span))
    }

    /// How many bytes it takes in a segment.
    pub(crate) fn stride(&self) -> usize {
        (HEAD_LENGTH + self.payload.len()).next_multiple_of(ALIGNMENT)
    }

    /// Writes it as part of a group.
    pub(crate) fn write(&self, salt: u64, group: Seq, out: &mut Vec<u8>) {
        let head = Head {
            length: u32::try_from(self.payload.len()).expect("the port's limits keep it far below"),
            kind: self.kind,
            key_id: 0,
            seq: self.seq,
            group,
            span: self.span,
            payload_crc: crc32c::crc32c(&self.payload),
        };
        head.write(salt, out);
        out.extend(&self.payload);
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
    }
}

fn salted(salt: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), bytes)
}

/// Bytes at a place that is known to exist.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("a slice of N bytes is an array of N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_back_and_no_bit_of_it_can_change() {
        let draft = Draft {
            kind: BATCH,
            seq: Seq(7),
            span: 3,
            payload: b"hello".to_vec(),
        };
        let mut bytes = Vec::new();
        draft.write(99, Seq(5), &mut bytes);
        assert_eq!(bytes.len(), draft.stride());
        let head = Head::read(99, &bytes).unwrap();
        assert_eq!((head.next(), head.stride()), (Seq(10), draft.stride()));
        assert!(head.has_payload(b"hello"));
        assert!(!head.has_payload(b"hellp"));
        assert!(Head::read(98, &bytes).is_none(), "another segment's salt");
        assert!(Head::read(99, &bytes[..39]).is_none());
        for bit in 0..HEAD_LENGTH * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Head::read(99, &damaged).is_none(), "bit {bit}");
        }
    }
}
