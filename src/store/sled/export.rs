//! Exports: all rows and facts as of one position, in one file with checksums.
//!
//! When all that has changed is on disk, the rows are frozen: what changes from then on goes to a new place
//! above them. So the file is exact for one position although the store goes on working, and it is read
//! in peace. It counts only when it was read back and weighs what the rows weighed. Then the rows lie over
//! it, those beneath go, a rebuild begins with it, and segments of the journal may go.

use std::{
    io,
    ops::Bound,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Sled,
    base::{Base, Check},
    committer::{Answer, Job},
    export_file::{Extent, Writer, check, list, list_of},
    options::{Options, Retain},
    rebuild::remove_dir,
    row::{APPLIED_KEY, Standing},
    rows::{EachRow, Rows, RowsError},
    shared::Shared,
    stack::{Frozen, Stack},
};
use crate::{
    INBOX, Seq, StoreError,
    journal::{change::row_key, disk::Mode, record::array},
};

/// How often, and how far apart, it is asked whether rows that are not needed are still read.
const RETIRE_WAITS_MAX: u32 = 1500;
/// A gentle export pauses after so many rows, and never for longer than this.
const PAUSE_ROWS: u64 = 1000;
const PAUSE_MAX: Duration = Duration::from_millis(50);
const RETIRE_WAIT: Duration = Duration::from_millis(20);

/// A finished export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Where it is.
    pub path: PathBuf,
    /// As of which position.
    pub last: Seq,
    /// How many rows it has, facts included.
    pub rows: u64,
    /// How many segments of the journal went after it.
    pub pruned: u64,
}

/// Why there is no new export. The store itself goes on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The disk did not do what it was asked.
    #[error("cannot write or read `{}`", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// What was read back is not what was written.
    #[error("the export `{}` is damaged: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sled {
    /// Writes an export and reads it back. Then, if so set, lets go of what the journal need not
    /// keep any more.
    pub async fn export(&self) -> Result<Exported, ExportError> {
        let turn = Arc::clone(&self.exporting).lock_owned().await;
        let (answer, answered) = oneshot::channel();
        let export = self.exporter()?;
        let started = start(move || {
            let exported = export.run(Extent::Whole);
            // Whoever asked may have gone; the next one comes when this is over all the same.
            drop(turn);
            if answer.send(exported).is_err() {
                tracing::debug!("Nobody waits for the export any more.");
            }
        });
        started.map_err(|error| self.export_failed(error))?;
        answered.await.map_err(|_| super::gone())?
    }

    /// The same for somebody who has nothing else to do. It has its own thread all the same: the
    /// caller's may belong to a runtime, where nobody may wait for an answer.
    pub(super) fn export_now(&self, extent: Extent) -> Result<Exported, ExportError> {
        let export = self.exporter()?;
        let started =
            start(move || export.run(extent)).map_err(|error| self.export_failed(error))?;
        started.join().unwrap_or_else(|_| Err(super::gone().into()))
    }

    pub(super) fn exporter(&self) -> Result<Export, ExportError> {
        Ok(Export {
            shared: Arc::clone(&self.shared),
            options: self.options.clone(),
            jobs: self.jobs.clone().ok_or_else(super::gone)?,
            gently: None,
        })
    }

    fn export_failed(&self, source: io::Error) -> ExportError {
        let path = self.options.exports_dir();
        ExportError::Io { path, source }
    }
}

pub(super) fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<std::thread::JoinHandle<T>> {
    let thread = std::thread::Builder::new().name("store-export".into());
    thread.spawn(work)
}

pub(super) struct Export {
    shared: Arc<Shared>,
    pub(super) options: Options,
    jobs: Sender<Job>,
    /// With pauses as long as the work, until somebody says that it should end.
    gently: Option<Arc<AtomicBool>>,
}

impl Export {
    /// One that nobody waits for.
    pub(super) fn gently(self, is_ending: Arc<AtomicBool>) -> Export {
        let gently = Some(is_ending);
        Export { gently, ..self }
    }

    /// Asked after each row: whether to go on.
    fn go_on(&self, pace: &mut Pace) -> Result<(), StoreError> {
        self.shared.health()?;
        let Some(is_ending) = &self.gently else {
            return Ok(());
        };
        if is_ending.load(Ordering::Acquire) {
            return Err(super::gone());
        }
        pace.rows += 1;
        if pace.rows.is_multiple_of(PAUSE_ROWS) {
            let worked = self.options.disk.elapsed().saturating_sub(pace.since);
            std::thread::sleep(worked.min(PAUSE_MAX));
            pace.since = self.options.disk.elapsed();
        }
        Ok(())
    }

    fn pace(&self) -> Pace {
        let since = self.options.disk.elapsed();
        Pace { since, rows: 0 }
    }

    /// Makes one as of now.
    pub(super) fn run(&self, extent: Extent) -> Result<Exported, ExportError> {
        // One that was begun and did not come to its end comes first: its rows are still held.
        if let Some(frozen) = self.shared.frozen()? {
            self.write(frozen, extent)?;
        }
        let frozen = self.ask(|answer| Job::Freeze { answer })?;
        let applied = frozen.standing.applied;
        let path = extent.path(&self.options, applied.last);
        let is_there = {
            let disk = self.shared.disk()?;
            match extent {
                Extent::Whole => disk.is_whole_as_of(applied.last),
                Extent::Changes => disk.base_is(applied.last),
            }
        };
        if !is_there {
            self.write(frozen, extent)?;
        }
        let older = match extent {
            Extent::Whole => self.drop_old(),
            Extent::Changes => Ok(None),
        };
        let older = older.map_err(|source| ExportError::Io {
            path: path.clone(),
            source,
        })?;
        let pruned = older.map_or(Ok(0), |older| self.prune(older))?;
        Ok(Exported {
            path,
            last: applied.last,
            rows: applied.count,
            pruned,
        })
    }

    /// Writes what does not change any more, reads it back, and lets the rows lie over it.
    fn write(&self, frozen: Frozen, extent: Extent) -> Result<(), ExportError> {
        let dir = self.options.exports_dir();
        let disk = self.options.disk.as_ref();
        let path = dir.join("unfinished");
        let failed = |source| ExportError::Io {
            path: path.clone(),
            source,
        };
        disk.create_dir(&dir).map_err(failed)?;
        let file = disk.open(&path, Mode::Create).map_err(failed)?;
        let mut writer = Writer::new(file.as_ref()).map_err(failed)?;
        self.dump(&frozen.stack, extent, &mut writer)
            .map_err(|error| match error {
                DumpError::Io(source) => failed(source),
                DumpError::Store(error) => error.into(),
            })?;
        let standing = match extent {
            Extent::Whole => Standing::whole(frozen.standing.applied),
            Extent::Changes => frozen.standing,
        };
        drop(frozen);
        writer.end(standing).map_err(failed)?;
        file.sync().map_err(failed)?;
        drop(file);
        let last = standing.applied.last;
        let name = extent.path(&self.options, last);
        let blocks = self.options.blocks();
        let read_back = Base::open(disk, &path, Check::Index, blocks).map(Arc::new)?;
        let mut pace = self.pace();
        let weighed = read_back.weigh(&mut |_, _| self.go_on(&mut pace).map_err(stopped));
        if weighed.is_err() || read_back.standing() != standing {
            self.go_on(&mut pace)?;
            return Err(ExportError::Damaged {
                path,
                what: "it weighs something else",
            });
        }
        disk.rename(&path, &name).map_err(failed)?;
        disk.sync_dir(&dir).map_err(failed)?;
        if last > Seq(0) {
            self.retire(self.shared.rebase(read_back)?);
        }
        Ok(())
    }

    fn dump(
        &self,
        stack: &Stack,
        extent: Extent,
        writer: &mut Writer<'_>,
    ) -> Result<(), DumpError> {
        let (mut stop, mut pace) = (None, self.pace());
        let from = Bound::Excluded(APPLIED_KEY);
        let each: EachRow<'_> = &mut |key, stored| {
            let written = match writer.row(key, stored) {
                Ok(()) => self.go_on(&mut pace).map_err(DumpError::Store),
                Err(RowsError::Io(error)) => Err(DumpError::Io(error)),
                Err(damaged) => return Err(damaged),
            };
            stop = written.err();
            Ok(stop.is_none())
        };
        let walked = match extent {
            Extent::Whole => stack.walk(from, each),
            Extent::Changes => stack.walk_changes(from, each),
        };
        match (stop, walked) {
            (Some(error), _) => Err(error),
            (None, walked) => Ok(walked.map_err(|error| self.shared.fail_rows(&error))?),
        }
    }

    /// Removes exports that are not needed any more. Says as of where the older of the two is that stay:
    /// whatever happens to one export, another and the journal behind it must have everything. So while there is
    /// no older one that is whole to this day, nothing goes.
    fn drop_old(&self) -> io::Result<Option<Seq>> {
        let (disk, dir) = (self.options.disk.as_ref(), self.options.exports_dir());
        let mut found = list(disk, &dir)?;
        let Some((newest, _)) = found.pop() else {
            return Ok(None);
        };
        // It has what those between it and the one before it had.
        for (last, path) in list_of(Extent::Changes, disk, &dir)? {
            if last <= newest {
                disk.remove(&path)?;
            }
        }
        let whole = found.iter().rposition(|(_, path)| match check(disk, path) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "An export is of no use any more; the next ones take its place.");
                false
            }
        });
        let Some(whole) = whole else { return Ok(None) };
        let (older, _) = found.remove(whole);
        for (_, path) in found {
            disk.remove(&path)?;
        }
        Ok(Some(older))
    }

    fn prune(&self, exported: Seq) -> Result<u64, ExportError> {
        let Retain::Since(age) = self.options.retain else {
            return Ok(0);
        };
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let written_before_ms = self.options.disk.unix_ms().saturating_sub(age_ms);
        // A signal that is not decided yet will be asked for.
        let inbox = row_key(INBOX, b"");
        let mut undecided = None;
        self.shared.read_rows(|rows| {
            rows.walk(Bound::Included(&inbox), &mut |key, _| {
                let place = key.strip_prefix(inbox.as_slice());
                undecided = place
                    .filter(|key| key.len() == 8)
                    .map(|key| u64::from_be_bytes(array(key, 0)));
                Ok(false)
            })
        })?;
        let before = Seq(undecided.unwrap_or(u64::MAX).min(exported.0 + 1));
        Ok(self.ask(|answer| Job::Prune {
            before,
            written_before_ms,
            answer,
        })?)
    }

    /// Removes folders of rows that an export has, when nobody reads them any more. The next start finds what
    /// stays.
    fn retire(&self, retired: Vec<Arc<Rows>>) {
        for rows in retired {
            let dir = rows.dir().to_owned();
            let mut waits = 0;
            while Arc::strong_count(&rows) > 1 && waits < RETIRE_WAITS_MAX && !self.is_over() {
                waits += 1;
                std::thread::sleep(RETIRE_WAIT);
            }
            let is_alone = Arc::strong_count(&rows) == 1;
            drop(rows);
            if is_alone && let Err(error) = remove_dir(&dir) {
                tracing::warn!(%error, "Rows that are not needed any more could not be removed.");
            }
        }
    }

    /// Whether the store ends, or has ended.
    fn is_over(&self) -> bool {
        let is_ending = self.gently.as_ref();
        is_ending.is_some_and(|is_ending| is_ending.load(Ordering::Acquire))
            || self.shared.health().is_err()
    }

    pub(super) fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).map_err(|_| super::gone())?;
        answered.blocking_recv().map_err(|_| super::gone())?
    }
}

/// How far an export has come since its last pause.
struct Pace {
    since: Duration,
    rows: u64,
}

/// Reading back stops with the store.
fn stopped(error: StoreError) -> RowsError {
    RowsError::Io(io::Error::other(error))
}

enum DumpError {
    Io(io::Error),
    Store(StoreError),
}

impl From<io::Error> for DumpError {
    fn from(error: io::Error) -> DumpError {
        DumpError::Io(error)
    }
}

impl From<StoreError> for DumpError {
    fn from(error: StoreError) -> DumpError {
        DumpError::Store(error)
    }
}
