//! Reading a whole segment, and telling a torn tail from damage.
//!
//! A group of records is written at once and then synced, and the next group is written only after
//! that. So what a power cut leaves behind are pieces of *one* group at the end: some records of it may
//! even be whole behind one that is not. A whole record of a *later* group behind a broken one proves
//! that the broken one had been synced: that is damage, and nobody may cut it off.

use super::{
    JournalError,
    record::{ALIGNMENT, EachRecord, HEAD_LENGTH, Head},
    segment::{SEGMENT_HEAD_LENGTH, SegmentHead},
};
use crate::Seq;

/// Between two marks there are about so many bytes of records.
const MARK_EVERY: u64 = 32 * 1024;

/// Where a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub seq: Seq,
    pub at: u64,
}

/// Notes where some records begin, so that any can be found with a short walk.
pub(crate) fn note(marks: &mut Vec<Mark>, seq: Seq, at: u64) {
    if marks.last().is_none_or(|last| at >= last.at + MARK_EVERY) {
        marks.push(Mark { seq, at });
    }
}

/// What a segment holds.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// Where its whole records end.
    pub end: u64,
    /// The position after the last whole record.
    pub next: Seq,
    /// Where the records of its last group begin.
    pub last_group_at: u64,
    /// Where to look for a record.
    pub marks: Vec<Mark>,
    /// What comes after the whole records.
    pub tail: Tail,
}

/// What comes after the last whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros only, or nothing.
    Clean,
    /// Pieces of a group that was never synced.
    Torn,
    /// A broken record that had been synced.
    Damaged,
}

/// Reads all records of a segment, in order, as far as they are whole.
pub(crate) fn scan(
    bytes: &[u8],
    segment: &SegmentHead,
    each: EachRecord<'_>,
) -> Result<Scanned, JournalError> {
    let mut at = SEGMENT_HEAD_LENGTH;
    let mut scanned = Scanned {
        end: 0,
        next: segment.first,
        last_group_at: at as u64,
        marks: Vec::new(),
        tail: Tail::Clean,
    };
    let mut group = None;
    while let Some((head, payload)) = record_at(bytes, at, segment.salt) {
        if head.seq != scanned.next {
            break;
        }
        each(&head, payload)?;
        note(&mut scanned.marks, head.seq, at as u64);
        if group.replace(head.group) != Some(head.group) {
            scanned.last_group_at = at as u64;
        }
        scanned.next = head.next();
        at += head.stride();
    }
    scanned.end = at as u64;
    scanned.tail = tail(bytes, at, segment, scanned.next);
    Ok(scanned)
}

fn tail(bytes: &[u8], end: usize, segment: &SegmentHead, next: Seq) -> Tail {
    let rest = bytes.get(end..).unwrap_or_default();
    if rest.iter().all(|byte| *byte == 0) {
        return Tail::Clean;
    }
    let mut at = end;
    while at + HEAD_LENGTH <= bytes.len() {
        match record_at(bytes, at, segment.salt) {
            Some((head, _)) if head.group > next || head.seq < next => return Tail::Damaged,
            Some((head, _)) => at += head.stride(),
            None => at += ALIGNMENT,
        }
    }
    Tail::Torn
}

fn record_at(bytes: &[u8], at: usize, salt: u64) -> Option<(Head, &[u8])> {
    let bytes = bytes.get(at..)?;
    let head = Head::read(salt, bytes)?;
    let payload = bytes.get(HEAD_LENGTH..HEAD_LENGTH + head.length as usize)?;
    head.has_payload(payload).then_some((head, payload))
}
