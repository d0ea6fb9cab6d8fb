//! Exports: all rows and facts as of one position, in one file with checksums.
//!
//! Rows are read page by page while the store goes on working. What changes meanwhile is remembered by
//! the committer and added at the end, so the file is exact for the position at which it ends. It
//! counts only when it was read back and weighs what the rows weighed. A rebuild begins with one, and
//! with it segments of the journal may go.

use std::{
    io,
    ops::Bound,
    path::PathBuf,
    sync::{Arc, mpsc::Sender},
};

use tokio::sync::oneshot;

use super::{
    Sled,
    committer::{Answer, Job},
    export_file::{Writer, list, read},
    options::{Options, Retain},
    row::{APPLIED_KEY, decode},
    shared::Shared,
};
use crate::{
    INBOX, SCAN_LIMIT_MAX, Seq, StoreError,
    journal::{
        change::{RowKey, row_key},
        disk::Mode,
        record::array,
    },
};

/// So many exports are kept; older ones go.
const EXPORTS_KEPT: usize = 3;

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
            let exported = export.run();
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
    pub(super) fn export_now(&self) -> Result<Exported, ExportError> {
        let export = self.exporter()?;
        let started = start(move || export.run()).map_err(|error| self.export_failed(error))?;
        started.join().unwrap_or_else(|_| Err(super::gone().into()))
    }

    pub(super) fn exporter(&self) -> Result<Export, ExportError> {
        Ok(Export {
            shared: Arc::clone(&self.shared),
            options: self.options.clone(),
            jobs: self.jobs.clone().ok_or_else(super::gone)?,
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
}

impl Export {
    pub(super) fn run(&self) -> Result<Exported, ExportError> {
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
        self.ask(|answer| Job::Watch { answer })?;
        self.dump(&mut writer).map_err(|error| match error {
            DumpError::Io(source) => failed(source),
            DumpError::Store(error) => error.into(),
        })?;
        let changes = self.ask(|answer| Job::Watched { answer })?;
        writer.end(&changes).map_err(failed)?;
        file.sync().map_err(failed)?;
        let applied = changes.applied;
        let finished = read(disk, &path, &mut |_, _| Ok(()))?;
        if finished != applied {
            return Err(ExportError::Damaged {
                path,
                what: "it weighs something else",
            });
        }
        let name = dir.join(format!("{:020}.export", applied.last.0));
        disk.rename(&path, &name).map_err(failed)?;
        disk.sync_dir(&dir).map_err(failed)?;
        let oldest = self.drop_old().map_err(failed)?;
        Ok(Exported {
            path: name,
            last: applied.last,
            rows: applied.count,
            pruned: self.prune(oldest)?,
        })
    }

    /// All rows, as they are when they are read.
    fn dump(&self, writer: &mut Writer<'_>) -> Result<(), DumpError> {
        let mut after: Option<RowKey> = None;
        loop {
            let mut page: Vec<(RowKey, Vec<u8>)> = Vec::new();
            let from = match &after {
                Some(key) => Bound::Excluded(key.as_slice()),
                None => Bound::Excluded(APPLIED_KEY),
            };
            self.shared.read_rows(|rows| {
                rows.walk(from, &mut |key, stored| {
                    decode(key, stored)?;
                    page.push((key.to_vec(), stored.to_vec()));
                    Ok(page.len() < SCAN_LIMIT_MAX)
                })
            })?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            writer.rows(&page)?;
        }
    }

    /// Removes the oldest exports. Says as of which position the oldest that stays is.
    fn drop_old(&self) -> io::Result<Seq> {
        let dir = self.options.exports_dir();
        let mut found = list(self.options.disk.as_ref(), &dir)?;
        while found.len() > EXPORTS_KEPT {
            let (_, path) = found.remove(0);
            self.options.disk.remove(&path)?;
        }
        Ok(found.first().map_or(Seq(0), |(last, _)| *last))
    }

    fn prune(&self, exported: Seq) -> Result<u64, ExportError> {
        match self.options.retain {
            Retain::Everything => return Ok(0),
            Retain::SinceExport => {}
        }
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
        Ok(self.ask(|answer| Job::Prune { before, answer })?)
    }

    pub(super) fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).map_err(|_| super::gone())?;
        answered.blocking_recv().map_err(|_| super::gone())?
    }
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
