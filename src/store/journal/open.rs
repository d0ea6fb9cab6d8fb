//! Opening the journal: what is there, whether it is all there, and where to go on.
//!
//! Whatever is not certain is refused with a sentence. The only thing repaired without asking is a torn
//! tail: pieces of a group that nobody was told of.

use std::{path::PathBuf, sync::Arc};

use super::{
    JournalError,
    disk::{Disk, DiskFile, Mode, read_all},
    reader::{Segment, Segments, scan_file},
    scan::{Scanned, Tail, scan},
    segment::{SEGMENT_HEAD_LENGTH, SegmentHead, first_of},
    witness::{Testimony, Witness},
    writer::{Writer, create_segment, fill, random},
};
use crate::Seq;

/// Where a journal is.
#[derive(Clone)]
pub(crate) struct Place {
    pub disk: Arc<dyn Disk>,
    pub dir: PathBuf,
    pub witness: PathBuf,
    pub segment_bytes: u64,
}

/// An open journal.
pub(crate) struct Journal {
    pub writer: Writer,
    pub segments: Arc<Segments>,
    pub store_id: u64,
    pub repairs: Vec<String>,
}

/// A file of the journal as it was found.
pub(super) struct Found {
    pub path: PathBuf,
    pub head: SegmentHead,
    pub length: u64,
}

impl Place {
    /// Opens the journal, or makes one where there is nothing.
    pub(crate) fn open(&self) -> Result<Journal, JournalError> {
        let names = self.names()?;
        let witness = Witness::open(self.disk.as_ref(), &self.witness)
            .map_err(|error| JournalError::io("open", &self.witness, error))?;
        match witness {
            None if names.is_empty() => self.create(),
            None => Err(JournalError::damaged(
                &self.witness,
                "without it nobody can say whether the journal is whole",
            )),
            Some(witness) if !names.is_empty() => self.open_found(witness),
            Some(witness) if witness.said().last == Seq(0) => self.create(),
            Some(witness) => Err(self.set_back(witness.said(), "no segment is left")),
        }
    }

    /// The names of the segments, oldest first. What a crash left half made is removed.
    pub(super) fn names(&self) -> Result<Vec<String>, JournalError> {
        let failed = |error| JournalError::io("list", &self.dir, error);
        self.disk.create_dir(&self.dir).map_err(failed)?;
        let mut names = self.disk.list(&self.dir).map_err(failed)?;
        for name in names.iter().filter(|name| name.ends_with(".new")) {
            self.disk.remove(&self.dir.join(name)).map_err(failed)?;
        }
        names.retain(|name| first_of(name).is_some());
        Ok(names)
    }

    fn create(&self) -> Result<Journal, JournalError> {
        let first = Seq(1);
        let testimony = Testimony {
            store_id: random(),
            last: Seq(0),
            oldest: first,
        };
        let witness = Witness::create(self.disk.as_ref(), &self.witness, testimony)
            .map_err(|error| JournalError::io("create", &self.witness, error))?;
        let head = SegmentHead {
            store_id: testimony.store_id,
            salt: random(),
            first,
            previous: Seq(0),
            previous_end: 0,
            previous_next: first,
            created_ms: self.disk.unix_ms(),
            is_after_loss: false,
        };
        create_segment(self.disk.as_ref(), &self.dir, &head)?;
        self.open_found(witness)
    }

    fn open_found(&self, witness: Witness) -> Result<Journal, JournalError> {
        let said = witness.said();
        let found = self.find()?;
        check_chain(&found, said)?;
        let last = found.last().expect("there is at least one segment");
        let file = self.disk.open(&last.path, Mode::Write);
        let file = file.map_err(|error| JournalError::io("open", &last.path, error))?;
        let bytes = read_all(file.as_ref());
        let bytes = bytes.map_err(|error| JournalError::io("read", &last.path, error))?;
        let scanned = scan(&bytes, &last.head, &mut |_, _| Ok(()))?;
        if scanned.tail == Tail::Damaged {
            return Err(JournalError::damaged(
                &last.path,
                format!(
                    "the record at byte {} is broken, and later ones are not",
                    scanned.end
                ),
            ));
        }
        if scanned.next <= said.last {
            let what = format!("its last position is {}", scanned.next.0 - 1);
            return Err(self.set_back(said, &what));
        }
        let repairs = make_sound(last, file.as_ref(), &bytes, &scanned)?;
        self.sync_names()?;
        let segments = Arc::new(self.known(&found, &scanned));
        let current = segments.all().pop().expect("there is at least one segment");
        let writer = Writer {
            disk: Arc::clone(&self.disk),
            dir: self.dir.clone(),
            segment_bytes: self.segment_bytes,
            segments: Arc::clone(&segments),
            witness,
            current,
            file,
            filled: bytes.len() as u64,
            next: scanned.next,
            is_broken: false,
            buffer: Vec::new(),
        };
        Ok(Journal {
            writer,
            segments,
            store_id: said.store_id,
            repairs,
        })
    }

    /// Looks at a journal that nobody writes to, such as a copy: nothing of it changes, and nothing is
    /// forgiven. It holds what `said` tells and ends with a whole group.
    pub(crate) fn look(&self, said: Testimony) -> Result<Segments, JournalError> {
        let found = self.find()?;
        check_chain(&found, said)?;
        let Some(last) = found.last() else {
            return Err(JournalError::damaged(&self.dir, "it has no segment"));
        };
        let scanned = scan_file(self.disk.as_ref(), &last.path, &last.head, &mut |_, _| {
            Ok(())
        })?;
        if scanned.tail != Tail::Clean || scanned.next.0 != said.last.0 + 1 {
            let what = format!(
                "it is whole up to position {} and should be up to {}",
                scanned.next.0 - 1,
                said.last.0
            );
            return Err(JournalError::damaged(&last.path, what));
        }
        Ok(self.known(&found, &scanned))
    }

    /// Makes every name durable: the process before this one may have died between making a segment
    /// and that, and what is written to it now would go with its name.
    fn sync_names(&self) -> Result<(), JournalError> {
        let above = [self.dir.parent(), self.witness.parent()];
        for dir in above.into_iter().flatten().chain([self.dir.as_path()]) {
            (self.disk.sync_dir(dir)).map_err(|error| JournalError::io("sync", dir, error))?;
        }
        Ok(())
    }

    /// Every segment with its head.
    fn find(&self) -> Result<Vec<Found>, JournalError> {
        let names = self.names()?;
        names.iter().map(|name| self.look_at(name)).collect()
    }

    /// One segment with its head.
    pub(super) fn look_at(&self, name: &str) -> Result<Found, JournalError> {
        let path = self.dir.join(name);
        let read = || {
            let file = self.disk.open(&path, Mode::Read)?;
            let mut bytes = vec![0; SEGMENT_HEAD_LENGTH];
            let read = file.read_at(&mut bytes, 0)?;
            bytes.truncate(read);
            Ok((bytes, file.length()?))
        };
        let (bytes, length) = read().map_err(|error| JournalError::io("read", &path, error))?;
        let head = SegmentHead::decode(&bytes, &path)?;
        if first_of(name) != Some(head.first) {
            return Err(JournalError::damaged(
                &path,
                "it has another segment's name",
            ));
        }
        Ok(Found { path, head, length })
    }

    fn known(&self, found: &[Found], last: &Scanned) -> Segments {
        let mut segments = Vec::new();
        for (n, one) in found.iter().enumerate() {
            let (end, marks) = match found.get(n + 1) {
                Some(next) => (next.head.previous_end, None),
                None => (last.end, Some(last.marks.clone())),
            };
            segments.push(Segment::new(one.head, one.path.clone(), end, marks));
        }
        Segments::new(Arc::clone(&self.disk), segments)
    }

    fn set_back(&self, said: Testimony, what: &str) -> JournalError {
        JournalError::RolledBack {
            dir: self.dir.clone(),
            what: format!("{what}, and the witness has seen position {}", said.last.0),
        }
    }
}

/// Whether the segments follow each other and none is missing or shorter than it was.
fn check_chain(found: &[Found], said: Testimony) -> Result<(), JournalError> {
    let mut before: Option<&Found> = None;
    for one in found {
        let damaged = |what: &str| Err(JournalError::damaged(&one.path, what));
        if one.head.store_id != said.store_id {
            return damaged("it belongs to another store");
        }
        match before {
            None if one.head.first > said.oldest => {
                return damaged("the segments before it are missing");
            }
            None => {}
            Some(before) if one.head.previous != before.head.first => {
                return damaged("the segment before it is missing");
            }
            Some(before) => check_end(before, one)?,
        }
        before = Some(one);
    }
    Ok(())
}

pub(super) fn check_end(before: &Found, one: &Found) -> Result<(), JournalError> {
    if before.length < one.head.previous_end {
        return Err(JournalError::damaged(&before.path, "it is cut off"));
    }
    Ok(())
}

/// Zeros what is torn, and makes durable what is whole.
///
/// The last group is written again before the sync: if a sync of it failed before the last stop, the
/// system holds those pages for clean though the disk never got them.
fn make_sound(
    last: &Found,
    file: &dyn DiskFile,
    bytes: &[u8],
    scanned: &Scanned,
) -> Result<Vec<String>, JournalError> {
    let mut repairs = Vec::new();
    let repair = || {
        if scanned.tail == Tail::Torn {
            fill(file, scanned.end, bytes.len() as u64)?;
        }
        let (from, to) = (scanned.last_group_at as usize, scanned.end as usize);
        if let Some(group) = bytes.get(from..to) {
            file.write_at(group, scanned.last_group_at)?;
        }
        file.sync()
    };
    repair().map_err(|error| JournalError::io("write", &last.path, error))?;
    if scanned.tail == Tail::Torn {
        repairs.push(format!(
            "The journal ended in the middle of a write that nobody was told of; it was cut off after position {}.",
            scanned.next.0 - 1
        ));
    }
    Ok(repairs)
}
