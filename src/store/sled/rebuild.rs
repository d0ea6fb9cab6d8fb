//! Bringing rows forward from the journal, and making them anew.
//!
//! New rows are made beside the old ones, which are moved aside only when the new ones are complete: a
//! stop in between changes nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    base::{Base, Check},
    effect::Effect,
    export_file::{self, Extent, positions},
    found::open_bases,
    options::{OpenError, Opened, Options},
    row::{Applied, Standing},
    rows::{Rows, RowsError},
    stack::{Stack, folder},
    state::{Pace, State},
};
use crate::{
    Seq,
    journal::{JournalError, reader::Segments, record::Head},
};

/// So many sets of rows that were moved aside are kept.
const ASIDE_KEPT: usize = 3;

/// What is needed to make rows.
pub(super) struct Rebuild<'a> {
    pub options: &'a Options,
    pub segments: &'a Segments,
}

/// What to do when records that should follow are gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    Refused,
    /// Somebody has accepted that they are lost.
    Accepted,
}

/// Exports that are whole.
enum Usable {
    /// Rows can lie over them.
    Bases(Vec<Base>),
    /// One of an earlier version: its rows are taken over.
    Early(PathBuf, Applied),
}

/// Why rows could not be brought forward.
enum Stop {
    /// The records that follow them are gone.
    Gap(String),
    Rows(RowsError),
    Journal(JournalError),
}

impl Rebuild<'_> {
    /// Brings rows forward to the end of the journal. The inner error says why they are of no use.
    pub(super) fn forward(
        &self,
        rows: Stack,
        standing: Standing,
        gaps: Gaps,
        pace: Pace,
    ) -> Result<Result<(Stack, State), String>, OpenError> {
        let mut state = State::new(standing, pace);
        match self.replay(&rows, &mut state, gaps) {
            Ok(()) => Ok(Ok((rows, state))),
            Err(Stop::Gap(reason) | Stop::Rows(RowsError::Damaged(reason))) => Ok(Err(reason)),
            Err(Stop::Rows(error)) => Err(OpenError::rows(&self.options.dir, error)),
            Err(Stop::Journal(error)) => Err(OpenError::journal(&self.options.dir, error)),
        }
    }

    /// Applies every record that the rows do not have yet.
    fn replay(&self, rows: &Stack, state: &mut State, gaps: Gaps) -> Result<(), Stop> {
        let mut stop = None;
        let after = state.applied().last;
        let mut next = Seq(after.0 + 1);
        let replayed = self.segments.replay(after, &mut |head, payload| {
            let applied = if head.seq != next && gaps == Gaps::Refused {
                let reason = format!("the records from {} to {} are gone", next.0, head.seq.0 - 1);
                Err(Stop::Gap(reason))
            } else {
                apply(rows, state, head, payload)
            };
            next = head.next();
            applied.map_err(|error| {
                stop = Some(error);
                JournalError::damaged(Path::new("rows"), "they do not take what it says")
            })
        });
        match (stop, replayed) {
            (Some(stop), _) => Err(stop),
            (None, Err(error)) => Err(Stop::Journal(error)),
            (None, Ok(())) => {
                state.go_steady();
                state.settle(rows).map_err(Stop::Rows)
            }
        }
    }

    /// Makes rows anew from the last export and the journal.
    pub(super) fn make_anew(
        &self,
        store_id: u64,
        reason: &str,
        opened: &mut Opened,
    ) -> Result<(Stack, State), OpenError> {
        tracing::warn!(reason, "The rows are made anew.");
        let dir = &self.options.dir;
        let failed = |source| OpenError::Io {
            dir: dir.clone(),
            source,
        };
        let new_dir = dir.join("rows-new");
        let mut made = self.make(store_id, &new_dir, Gaps::Refused, opened)?;
        if made.is_err() && self.options.accept_rollback {
            opened.is_after_loss = true;
            made = self.make(store_id, &new_dir, Gaps::Accepted, opened)?;
        }
        let (rows, state, base) = made.map_err(|reason| OpenError::Lost { reason })?;
        rows.sync().map_err(|error| OpenError::rows(dir, error))?;
        drop(rows);
        let aside = self.options.aside("rows");
        self.take_place(&new_dir, &aside).map_err(failed)?;
        opened.is_rebuilt = true;
        let from = match base {
            Seq(0) => String::new(),
            last => format!("the export as of position {} and ", last.0),
        };
        opened.repairs.push(format!(
            "The rows could not be used: {reason}. They were made anew from {from}{} records of the \
             journal; the old ones are in `{}`.",
            state.replayed(),
            aside.display()
        ));
        let rows = self.reopen(state.standing().base)?;
        Ok((rows, state))
    }

    /// The rows that were just made, where they belong.
    fn reopen(&self, base: Seq) -> Result<Stack, OpenError> {
        let rows = self.open_rows(&folder(&self.options.rows_dir(), base))?;
        if base == Seq(0) {
            return Ok(Stack::new(rows, Vec::new()));
        }
        let bases = open_bases(self.options, base, Check::Index)?;
        let bases = bases.map_err(|reason| OpenError::Lost { reason })?;
        Ok(Stack::new(rows, bases))
    }

    fn make(
        &self,
        store_id: u64,
        dir: &Path,
        gaps: Gaps,
        opened: &mut Opened,
    ) -> Result<Result<(Stack, State, Seq), String>, OpenError> {
        remove_dir(dir).map_err(|source| OpenError::Io {
            dir: self.options.dir.clone(),
            source,
        })?;
        let (rows, standing) = self.restore(store_id, dir, opened)?;
        let made = self.forward(rows, standing, gaps, Pace::Bulk)?;
        Ok(made.map(|(rows, state)| (rows, state, standing.applied.last)))
    }

    fn open_rows(&self, dir: &Path) -> Result<Rows, OpenError> {
        let rows = Rows::open(dir, self.options.cache_bytes);
        rows.map_err(|error| OpenError::rows(&self.options.dir, error))
    }

    /// Lays empty rows over the newest exports that are whole.
    fn restore(
        &self,
        store_id: u64,
        dir: &Path,
        opened: &mut Opened,
    ) -> Result<(Stack, Standing), OpenError> {
        let exports = positions(self.options).map_err(|source| OpenError::Io {
            dir: self.options.dir.clone(),
            source,
        })?;
        let failed = |error| OpenError::rows(&self.options.dir, error);
        for last in exports.into_iter().rev() {
            match self.look(last)? {
                Ok(Usable::Bases(mut bases)) if bases[0].applied().store_id == store_id => {
                    let standing = Standing::over(bases[0].applied());
                    let rows = self.open_rows(&folder(dir, standing.base))?;
                    standing.write(&rows).map_err(failed)?;
                    // An empty one has nothing that rows could lie over.
                    bases.retain(|base| base.applied().last > Seq(0));
                    return Ok((Stack::new(rows, bases), standing));
                }
                Ok(Usable::Early(path, applied)) if applied.store_id == store_id => {
                    let rows = self.open_rows(&folder(dir, Seq(0)))?;
                    let rows = Stack::new(rows, Vec::new());
                    let standing = self.load(&rows, &path, applied)?;
                    return Ok((rows, standing));
                }
                Ok(_) => {
                    let text = format!("The export as of position {} is of another store.", last.0);
                    opened.repairs.push(text);
                }
                Err(reason) => opened
                    .repairs
                    .push(format!("An export was passed over: {reason}.")),
            }
        }
        let rows = Stack::new(self.open_rows(&folder(dir, Seq(0)))?, Vec::new());
        Ok((rows, Standing::new(store_id)))
    }

    /// Reads all of an export, and of those that it lies over. The inner error says why it is of no use.
    fn look(&self, last: Seq) -> Result<Result<Usable, String>, OpenError> {
        let disk = self.options.disk.as_ref();
        let path = Extent::Whole.path(self.options, last);
        if export_file::is_early(disk, &path).unwrap_or(false) {
            let read = export_file::read(disk, &path, &mut |_, _| Ok(()));
            let read = read.map_err(|error| error.to_string());
            return Ok(read.map(|applied| Usable::Early(path, applied)));
        }
        let bases = open_bases(self.options, last, Check::Everything)?;
        Ok(bases.map(Usable::Bases))
    }

    /// Takes over the rows of an export of an earlier version.
    fn load(&self, rows: &Stack, path: &Path, base: Applied) -> Result<Standing, OpenError> {
        let mut state = State::new(Standing::new(base.store_id), Pace::Bulk);
        let mut stop = None;
        let loaded = export_file::read(self.options.disk.as_ref(), path, &mut |key, stored| {
            let restored = state.change(rows, key.to_vec(), Some(stored.to_vec()));
            restored.map_err(|error| {
                let text = error.to_string();
                stop = Some(error);
                RowsError::Damaged(text)
            })
        });
        if let Some(error) = stop {
            return Err(OpenError::rows(&self.options.dir, error));
        }
        let lost = |reason: String| OpenError::Lost { reason };
        loaded.map_err(|error| lost(error.to_string()))?;
        state.reach(base.last);
        let settled = state.settle(rows);
        settled.map_err(|error| OpenError::rows(&self.options.dir, error))?;
        if state.applied() != base {
            return Err(lost(format!(
                "`{}` gave other rows than it has",
                path.display()
            )));
        }
        Ok(state.standing())
    }

    /// Moves the old rows aside and puts the new ones where they were.
    fn take_place(&self, new_dir: &Path, aside: &Path) -> io::Result<()> {
        let disk = self.options.disk.as_ref();
        let parent = self.options.dir.join("aside");
        disk.create_dir(&parent)?;
        match disk.rename(&self.options.rows_dir(), aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        disk.rename(new_dir, &self.options.rows_dir())?;
        disk.sync_dir(&parent)?;
        disk.sync_dir(&self.options.dir)?;
        let mut old = disk.list(&parent)?;
        old.retain(|name| name.starts_with("rows-"));
        for name in old.iter().rev().skip(ASIDE_KEPT) {
            remove_dir(&parent.join(name))?;
        }
        Ok(())
    }
}

fn apply(rows: &Stack, state: &mut State, head: &Head, payload: &[u8]) -> Result<(), Stop> {
    match Effect::of(head, payload) {
        Some(effect) => state.apply(rows, effect).map_err(Stop::Rows),
        None => Err(Stop::Journal(JournalError::Newer {
            path: format!("the record at position {}", head.seq.0).into(),
        })),
    }
}

pub(super) fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
