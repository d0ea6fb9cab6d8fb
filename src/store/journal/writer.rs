//! The one writer of the journal.
//!
//! A group of records is one write and one sync. Space is filled with zeros ahead of the records, so
//! that a sync has no new blocks to record. After an error nothing more is ever written: what a failed
//! sync left behind cannot be known, and asking again would only hide it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    JournalError,
    disk::{Disk, DiskFile, Mode},
    reader::{Segment, Segments},
    record::Draft,
    segment::{SEGMENT_HEAD_LENGTH, SegmentHead, segment_path},
    witness::{Testimony, Witness},
};
use crate::Seq;

/// How far ahead space is filled with zeros.
const FILL_BYTES: u64 = 4 * 1024 * 1024;

/// Where the next group goes.
pub(crate) struct Writer {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) segment_bytes: u64,
    pub(super) segments: Arc<Segments>,
    pub(super) witness: Witness,
    pub(super) current: Arc<Segment>,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) filled: u64,
    pub(super) next: Seq,
    pub(super) is_broken: bool,
    pub(super) buffer: Vec<u8>,
}

impl Writer {
    /// The position that the next record gets.
    pub(crate) fn next(&self) -> Seq {
        self.next
    }

    /// Writes a group and makes it durable. The drafts have the positions from [`Writer::next`] on.
    ///
    /// Without space, nothing was written and the next call may succeed. After any other error none
    /// will.
    pub(crate) fn append(&mut self, group: &[Draft]) -> Result<(), JournalError> {
        let Some(first) = group.first() else {
            return Ok(());
        };
        if self.is_broken {
            return Err(JournalError::io(
                "write",
                &self.current.path,
                io::Error::other("a write failed before"),
            ));
        }
        assert_eq!(first.seq, self.next, "positions are given in order");
        let length: usize = group.iter().map(Draft::stride).sum();
        self.make_room(length as u64).inspect_err(|error| {
            self.is_broken = !error.is_full();
        })?;
        let at = self.current.end();
        self.buffer.clear();
        self.buffer.reserve(length);
        for draft in group {
            draft.write(self.current.head.salt, first.seq, &mut self.buffer);
        }
        let written = self
            .file
            .write_at(&self.buffer, at)
            .and_then(|()| self.file.sync());
        if let Err(error) = written {
            self.is_broken = true;
            return Err(JournalError::io("write", &self.current.path, error));
        }
        self.next = group.last().unwrap_or(first).next();
        self.filled = self.filled.max(at + self.buffer.len() as u64);
        self.current
            .extend(first.seq, at, at + self.buffer.len() as u64);
        let testimony = self.testimony();
        self.witness.write(testimony).map_err(|error| {
            self.is_broken = true;
            JournalError::io("write the witness of", &self.dir, error)
        })
    }

    /// Makes the witness durable.
    pub(crate) fn sync_witness(&mut self) -> Result<(), JournalError> {
        self.witness
            .sync()
            .map_err(|error| JournalError::io("sync the witness of", &self.dir, error))
    }

    /// Removes the segments whose records all come before a position, and were written before a time.
    pub(crate) fn prune(
        &mut self,
        before: Seq,
        written_before_ms: u64,
    ) -> Result<u64, JournalError> {
        let segments = self.segments.all();
        let is_before = |next: &Arc<Segment>| {
            next.head.previous_next <= before && next.head.created_ms <= written_before_ms
        };
        let count = segments
            .iter()
            .skip(1)
            .take_while(|next| is_before(next))
            .count();
        let Some(kept) = segments.get(count) else {
            return Ok(0);
        };
        let failed = |error| JournalError::io("prune", &self.dir, error);
        // The witness goes first: with files missing that it still names, the store would not open.
        let testimony = Testimony {
            oldest: kept.head.first,
            ..self.testimony()
        };
        self.witness.write(testimony).map_err(failed)?;
        self.witness.sync().map_err(failed)?;
        for segment in &segments[..count] {
            self.segments.forget(segment.head.first);
            self.disk.remove(&segment.path).map_err(failed)?;
        }
        self.disk.sync_dir(&self.dir).map_err(failed)?;
        Ok(count as u64)
    }

    fn testimony(&self) -> Testimony {
        Testimony {
            store_id: self.current.head.store_id,
            last: Seq(self.next.0 - 1),
            oldest: self.segments.oldest(),
        }
    }

    fn make_room(&mut self, length: u64) -> Result<(), JournalError> {
        let at = self.current.end();
        let is_empty = at == SEGMENT_HEAD_LENGTH as u64;
        if !is_empty && at + length > self.segment_bytes {
            self.begin_segment()?;
        }
        let end = self.current.end() + length;
        if end > self.filled {
            let ahead = end.next_multiple_of(FILL_BYTES.min(self.segment_bytes));
            fill(self.file.as_ref(), self.filled, ahead)
                .map_err(|error| JournalError::io("write", &self.current.path, error))?;
            self.filled = ahead;
        }
        Ok(())
    }

    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let before = &self.current;
        let head = SegmentHead {
            store_id: before.head.store_id,
            salt: random(),
            first: self.next,
            previous: before.head.first,
            previous_end: before.end(),
            previous_next: self.next,
            created_ms: self.disk.unix_ms(),
            is_after_loss: false,
        };
        let file = create_segment(self.disk.as_ref(), &self.dir, &head)?;
        let path = segment_path(&self.dir, head.first);
        let end = SEGMENT_HEAD_LENGTH as u64;
        self.current = Arc::new(Segment::new(head, path, end, Some(Vec::new())));
        self.segments.add(Arc::clone(&self.current));
        self.file = file;
        self.filled = SEGMENT_HEAD_LENGTH as u64;
        Ok(())
    }
}

/// Makes the file of a segment: under its name there is always a whole head.
pub(crate) fn create_segment(
    disk: &dyn Disk,
    dir: &Path,
    head: &SegmentHead,
) -> Result<Box<dyn DiskFile>, JournalError> {
    let path = segment_path(dir, head.first);
    let new = path.with_extension("new");
    let create = || {
        let file = disk.open(&new, Mode::Create)?;
        file.write_at(&head.encode(), 0)?;
        file.sync()?;
        disk.rename(&new, &path)?;
        disk.sync_dir(dir)?;
        Ok(file)
    };
    create().map_err(|error| JournalError::io("create", &path, error))
}

/// Overwrites with zeros.
pub(crate) fn fill(file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    let mut at = from;
    while at < to {
        let step = (to - at).min(ZEROS.len() as u64);
        file.write_at(&ZEROS[..step as usize], at)?;
        at += step;
    }
    Ok(())
}

/// A number that nobody outside can know.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
