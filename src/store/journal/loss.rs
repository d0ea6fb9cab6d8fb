//! Going on after a loss that somebody has accepted.
//!
//! What is broken or comes behind something broken is moved aside, never deleted. A new segment then
//! begins behind every position that anybody has ever seen, so that no position is given twice.

use std::{io, path::Path};

use super::{
    JournalError,
    disk::{Mode, read_all},
    open::{Found, Place, check_end},
    reader::scan_file,
    scan::{Scanned, Tail},
    segment::{SEGMENT_HEAD_LENGTH, SegmentHead},
    witness::{Testimony, Witness},
    writer::{create_segment, fill, random},
};
use crate::Seq;

/// The part of the journal that is whole.
struct Whole {
    kept: Vec<Found>,
    end: u64,
    next: Seq,
}

impl Whole {
    /// What a head says of the segment before it. A last segment without records is passed over: the
    /// new one may get its name.
    fn after(&self) -> SegmentHead {
        let new = SegmentHead {
            store_id: 0,
            salt: 0,
            first: self.next,
            previous: Seq(0),
            previous_end: self.end,
            previous_next: self.next,
            created_ms: 0,
            is_after_loss: true,
        };
        match self.kept.last() {
            Some(last) if self.end == SEGMENT_HEAD_LENGTH as u64 => last.head,
            Some(last) => SegmentHead {
                previous: last.head.first,
                ..new
            },
            None => new,
        }
    }
}

impl Place {
    /// Cuts the journal down to its whole part and begins a new segment behind `seen`. What is cut
    /// off goes to `aside`. Says in sentences what it did.
    pub(crate) fn accept_loss(&self, seen: Seq, aside: &Path) -> Result<Vec<String>, JournalError> {
        let failed = |error| JournalError::io("move aside", &self.dir, error);
        self.disk.create_dir(aside).map_err(failed)?;
        let names = self.names()?;
        let witness = Witness::open(self.disk.as_ref(), &self.witness)
            .ok()
            .flatten();
        let said = witness.map(|witness| witness.said());
        let whole = self.keep_whole(&names, aside)?;
        let seen = seen.max(said.map_or(Seq(0), |said| said.last));
        let first = Seq((seen.0 + 1).max(whole.next.0));
        let head = SegmentHead {
            store_id: whole
                .kept
                .last()
                .map_or_else(random, |last| last.head.store_id),
            salt: random(),
            first,
            created_ms: self.disk.unix_ms(),
            is_after_loss: true,
            ..whole.after()
        };
        if let Some(last) = whole.kept.last()
            && whole.end == SEGMENT_HEAD_LENGTH as u64
        {
            (self.disk.remove(&last.path))
                .map_err(|error| JournalError::io("remove", &last.path, error))?;
        }
        create_segment(self.disk.as_ref(), &self.dir, &head)?;
        let testimony = Testimony {
            store_id: head.store_id,
            last: Seq(first.0 - 1),
            oldest: whole
                .kept
                .first()
                .map_or(first, |found| found.head.first.min(first)),
        };
        Witness::create(self.disk.as_ref(), &self.witness, testimony)
            .map_err(|error| JournalError::io("create", &self.witness, error))?;
        Ok(vec![format!(
            "The journal is whole up to position {} and goes on at {}. What was cut off is in `{}`.",
            whole.next.0 - 1,
            first.0,
            aside.display()
        )])
    }

    fn keep_whole(&self, names: &[String], aside: &Path) -> Result<Whole, JournalError> {
        let mut whole = Whole {
            kept: Vec::new(),
            end: 0,
            next: Seq(1),
        };
        let mut is_broken = false;
        for (n, name) in names.iter().enumerate() {
            if !is_broken && let Some((found, scanned)) = self.follows(&whole, name)? {
                let is_last = n + 1 == names.len();
                is_broken =
                    scanned.tail == Tail::Damaged || (scanned.tail == Tail::Torn && !is_last);
                if scanned.tail != Tail::Clean {
                    self.cut(&found, &scanned, &aside.join(name))?;
                }
                whole.end = scanned.end;
                whole.next = scanned.next;
                whole.kept.push(found);
            } else {
                is_broken = true;
                let from = self.dir.join(name);
                self.disk
                    .rename(&from, &aside.join(name))
                    .map_err(|error| JournalError::io("move aside", &from, error))?;
            }
        }
        for dir in [&self.dir, aside] {
            self.disk
                .sync_dir(dir)
                .map_err(|error| JournalError::io("sync", dir, error))?;
        }
        Ok(whole)
    }

    /// The segment of that name, if it continues what is whole so far.
    fn follows(&self, whole: &Whole, name: &str) -> Result<Option<(Found, Scanned)>, JournalError> {
        let looked = self.look_at(name).and_then(|found| {
            let follows = match whole.kept.last() {
                None => true,
                Some(before) => {
                    check_end(before, &found)?;
                    found.head.previous == before.head.first
                        && found.head.store_id == before.head.store_id
                        && found.head.previous_next == whole.next
                }
            };
            let scanned = scan_file(self.disk.as_ref(), &found.path, &found.head, &mut |_, _| {
                Ok(())
            })?;
            Ok(follows.then_some((found, scanned)))
        });
        match looked {
            Ok(follows) => Ok(follows),
            Err(error) if error.is_loss() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a copy of the whole file and zeros it from the first broken record on.
    fn cut(&self, found: &Found, scanned: &Scanned, copy: &Path) -> Result<(), JournalError> {
        let cut = || -> io::Result<()> {
            let file = self.disk.open(&found.path, Mode::Write)?;
            let bytes = read_all(file.as_ref())?;
            let kept = self.disk.open(copy, Mode::Create)?;
            kept.write_at(&bytes, 0)?;
            kept.sync()?;
            fill(file.as_ref(), scanned.end, bytes.len() as u64)?;
            file.sync()
        };
        cut().map_err(|error| JournalError::io("cut", &found.path, error))
    }
}
