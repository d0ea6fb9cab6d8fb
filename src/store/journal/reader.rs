//! Finding one record among all segments.
//!
//! Many readers share this with the one writer. They see a record when the writer has said that it is
//! durable, never before. Of old segments it is learned where records begin when somebody first asks.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    JournalError,
    disk::{Disk, DiskFile, Mode, read_all},
    record::{EachRecord, HEAD_LENGTH, Head},
    scan::{Mark, Scanned, note, scan},
    segment::{SEGMENT_HEAD_LENGTH, SegmentHead},
};
use crate::Seq;

/// How much is read at once to find one record, and to learn a whole segment.
const NEAR_BYTES: usize = 4096;
const FAR_BYTES: usize = 1024 * 1024;

/// All segments that are kept.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    by_first: RwLock<BTreeMap<Seq, Arc<Segment>>>,
}

/// One of them.
pub(crate) struct Segment {
    pub head: SegmentHead,
    pub path: PathBuf,
    /// Where its durable records end.
    end: AtomicU64,
    /// Where to look; nothing until somebody asks.
    marks: Mutex<Option<Vec<Mark>>>,
}

impl Segment {
    pub(crate) fn new(
        head: SegmentHead,
        path: PathBuf,
        end: u64,
        marks: Option<Vec<Mark>>,
    ) -> Segment {
        Segment {
            head,
            path,
            end: AtomicU64::new(end),
            marks: Mutex::new(marks),
        }
    }

    /// Where its durable records end.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// The writer says that a group is durable.
    pub(crate) fn extend(&self, first: Seq, at: u64, end: u64) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        note(marks.get_or_insert_default(), first, at);
        self.end.store(end, Ordering::Release);
    }
}

impl Segments {
    pub(crate) fn new(disk: Arc<dyn Disk>, segments: Vec<Segment>) -> Segments {
        let by_first = segments
            .into_iter()
            .map(|s| (s.head.first, Arc::new(s)))
            .collect();
        Segments {
            disk,
            by_first: RwLock::new(by_first),
        }
    }

    pub(crate) fn add(&self, segment: Arc<Segment>) {
        let mut segments = self
            .by_first
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.insert(segment.head.first, segment);
    }

    pub(crate) fn forget(&self, first: Seq) {
        let mut segments = self
            .by_first
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.remove(&first);
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        let segments = self.by_first.read().unwrap_or_else(PoisonError::into_inner);
        segments.values().cloned().collect()
    }

    /// The position with which the oldest begins.
    pub(crate) fn oldest(&self) -> Seq {
        let segments = self.by_first.read().unwrap_or_else(PoisonError::into_inner);
        segments.keys().next().copied().unwrap_or(Seq(1))
    }

    /// The bytes of all records.
    pub(crate) fn bytes(&self) -> u64 {
        self.all().iter().map(|segment| segment.end()).sum()
    }

    /// About how many bytes records behind a position take: segments count whole.
    pub(crate) fn bytes_behind(&self, last: Seq) -> u64 {
        let segments = self.all();
        let firsts = segments.iter().skip(1).map(|next| next.head.first.0);
        let ends = firsts.chain([u64::MAX]);
        let behind = segments
            .iter()
            .zip(ends)
            .filter(|(_, end)| *end > last.0 + 1);
        behind.map(|(segment, _)| segment.end()).sum()
    }

    /// The record at a position, with its payload checked; nothing where no record begins.
    pub(crate) fn record(&self, at: Seq) -> Result<Option<(Head, Vec<u8>)>, JournalError> {
        let segment = {
            let segments = self.by_first.read().unwrap_or_else(PoisonError::into_inner);
            segments
                .range(..=at)
                .next_back()
                .map(|(_, s)| Arc::clone(s))
        };
        let Some(segment) = segment else {
            return Ok(None);
        };
        let file = match self.disk.open(&segment.path, Mode::Read) {
            Ok(file) => file,
            // Pruned since we looked.
            Err(_) if self.oldest() > at => return Ok(None),
            Err(error) => return Err(JournalError::io("open", &segment.path, error)),
        };
        let from = self.nearest(&segment, file.as_ref(), at)?;
        let mut walk = Walk::new(&segment, file.as_ref(), from, NEAR_BYTES);
        while let Some((place, head)) = walk.next()? {
            if head.seq == at {
                return payload(&segment, file.as_ref(), place, head).map(Some);
            }
            if head.seq > at {
                break;
            }
        }
        Ok(None)
    }

    /// Where to begin to look for a position.
    fn nearest(
        &self,
        segment: &Segment,
        file: &dyn DiskFile,
        wanted: Seq,
    ) -> Result<u64, JournalError> {
        let mut marks = segment.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.is_none() {
            let mut found = Vec::new();
            let mut walk = Walk::new(segment, file, SEGMENT_HEAD_LENGTH as u64, FAR_BYTES);
            while let Some((place, head)) = walk.next()? {
                note(&mut found, head.seq, place);
            }
            *marks = Some(found);
        }
        let marks = marks.as_deref().unwrap_or_default();
        let count = marks.partition_point(|mark| mark.seq <= wanted);
        let mark = count.checked_sub(1).map(|before| marks[before].at);
        Ok(mark.unwrap_or(SEGMENT_HEAD_LENGTH as u64))
    }

    /// Reads every record from a position on, in order. Says where it ended.
    pub(crate) fn replay(&self, after: Seq, each: EachRecord<'_>) -> Result<(), JournalError> {
        let segments = self.all();
        for (n, segment) in segments.iter().enumerate() {
            let next = segments.get(n + 1).map(|next| next.head.previous_next);
            if next.is_some_and(|next| next.0 <= after.0 + 1) {
                continue;
            }
            let scanned = scan_file(
                self.disk.as_ref(),
                &segment.path,
                &segment.head,
                &mut |head, payload| {
                    if head.seq > after {
                        each(head, payload)
                    } else {
                        Ok(())
                    }
                },
            )?;
            if scanned.end < segment.end() {
                return Err(damaged_record(segment, scanned.end));
            }
        }
        Ok(())
    }
}

/// Reads a whole segment.
pub(crate) fn scan_file(
    disk: &dyn Disk,
    path: &Path,
    head: &SegmentHead,
    each: EachRecord<'_>,
) -> Result<Scanned, JournalError> {
    let file = disk.open(path, Mode::Read);
    let file = file.map_err(|error| JournalError::io("open", path, error))?;
    let bytes = read_all(file.as_ref()).map_err(|error| JournalError::io("read", path, error))?;
    scan(&bytes, head, each)
}

fn payload(
    segment: &Segment,
    file: &dyn DiskFile,
    place: u64,
    head: Head,
) -> Result<(Head, Vec<u8>), JournalError> {
    let mut payload = vec![0; head.length as usize];
    let read = file.read_at(&mut payload, place + HEAD_LENGTH as u64);
    let read = read.map_err(|error| JournalError::io("read", &segment.path, error))?;
    payload.truncate(read);
    if head.has_payload(&payload) {
        return Ok((head, payload));
    }
    Err(damaged_record(segment, place))
}

fn damaged_record(segment: &Segment, place: u64) -> JournalError {
    JournalError::damaged(
        &segment.path,
        format!("the record at byte {place} has a wrong checksum"),
    )
}

/// Steps from head to head without reading payloads.
struct Walk<'a> {
    segment: &'a Segment,
    file: &'a dyn DiskFile,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
    step: usize,
}

impl<'a> Walk<'a> {
    fn new(segment: &'a Segment, file: &'a dyn DiskFile, at: u64, step: usize) -> Walk<'a> {
        Walk {
            segment,
            file,
            at,
            end: segment.end(),
            buffer: Vec::new(),
            buffer_at: 0,
            step,
        }
    }

    fn next(&mut self) -> Result<Option<(u64, Head)>, JournalError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let is_buffered = self.at >= self.buffer_at
            && self.at + HEAD_LENGTH as u64 <= self.buffer_at + self.buffer.len() as u64;
        if !is_buffered {
            let rest = usize::try_from(self.end - self.at).unwrap_or(self.step);
            self.buffer.resize(self.step.min(rest), 0);
            let read = self.file.read_at(&mut self.buffer, self.at);
            let read = read.map_err(|error| JournalError::io("read", &self.segment.path, error))?;
            self.buffer.truncate(read);
            self.buffer_at = self.at;
        }
        let start = usize::try_from(self.at - self.buffer_at).unwrap_or(usize::MAX);
        let bytes = self.buffer.get(start..).unwrap_or_default();
        let Some(head) = Head::read(self.segment.head.salt, bytes) else {
            return Err(damaged_record(self.segment, self.at));
        };
        let place = self.at;
        self.at += head.stride() as u64;
        Ok(Some((place, head)))
    }
}
