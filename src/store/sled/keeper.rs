//! Keeping the store small, without anybody's asking.
//!
//! Rows that changed are in sled, which takes more than twice their size and reads all of them when it
//! opens; what the journal has behind the last export is folded when rows are made anew. So when there is
//! enough of either, or a day has gone by, a thread makes an export, with pauses as long as its work, and with it old
//! segments go. It also says when the rows take far more of the disk than they need.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    Sled,
    export::{Export, start},
    export_file::{Extent, check, list},
    options::Options,
    shared::Shared,
    stack::Stack,
};
use crate::{Seq, StoreError};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it waits after an export that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(600);
/// What changed is exported when it is so large a part of all rows, and large at all.
const PARTS: u64 = 24;
/// So many exports of what changed lie over one of all rows at most,
const OVER_MAX: usize = 12;
/// and when they have so large a part of its rows, the next has all rows again.
const WHOLE_AGAIN_AT: u64 = 2;
/// Rows that take so many times what they need are worth an alarm,
const BLOATED_TIMES: u64 = 8;
/// unless it is less than this: a small store has much that is made ahead.
const BLOATED_BYTES_MIN: u64 = 512 * 1024 * 1024;

/// How much of the disk the rows take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    /// Rows and exports, and what was moved aside.
    pub rows_bytes: u64,
    /// What they need.
    pub live_bytes: u64,
}

impl Size {
    /// Of rows of which so many bytes have changed since the export beneath.
    pub(super) fn of(options: &Options, rows: &Stack, changed_bytes: u64) -> Size {
        let beside = [options.exports_dir(), options.dir.join("aside")];
        let beside: u64 = beside.iter().map(|dir| bytes_below(dir)).sum();
        Size {
            rows_bytes: rows.disk_bytes() + beside,
            live_bytes: rows.base_bytes() + changed_bytes,
        }
    }

    /// What is to be said of it, if anything.
    pub(super) fn sentence(self) -> Option<String> {
        let Size {
            rows_bytes,
            live_bytes,
        } = self;
        self.is_bloated().then(|| {
            format!(
                "The rows take {rows_bytes} bytes of the disk and need {live_bytes}: \
                 `oneshelf doctor --rebuild` makes them anew, and what is in `aside` may go."
            )
        })
    }

    pub(super) fn is_bloated(self) -> bool {
        self.rows_bytes > BLOATED_BYTES_MIN && self.rows_bytes / BLOATED_TIMES > self.live_bytes
    }
}

/// How long all files below a folder are.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        // It went meanwhile.
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(bytes).sum()
}

/// The thread.
pub(super) struct Keeper {
    stop: Option<Sender<()>>,
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn start(sled: &Sled) -> io::Result<Keeper> {
        let (stop, stopped) = mpsc::channel();
        let is_ending = Arc::new(AtomicBool::new(false));
        let export = sled.exporter().map_err(io::Error::other)?;
        let worker = Worker {
            shared: Arc::clone(&sled.shared),
            options: sled.options.clone(),
            export: export.gently(Arc::clone(&is_ending)),
            turn: Arc::clone(&sled.exporting),
            whole_at: sled.options.disk.elapsed(),
            is_spare: None,
            failed_at: None,
            was_bloated: false,
        };
        let thread = start(move || worker.run(&stopped))?;
        Ok(Keeper {
            stop: Some(stop),
            is_ending,
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    /// An export that is under way stops.
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("The thread that keeps the store small panicked.");
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    options: Options,
    export: Export,
    turn: Arc<tokio::sync::Mutex<()>>,
    whole_at: Duration,
    /// Whether the export that the rows do not lie over is whole, too; nothing before it was looked at.
    is_spare: Option<bool>,
    failed_at: Option<Duration>,
    was_bloated: bool,
}

impl Worker {
    fn run(mut self, stopped: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
            match self.look() {
                Ok(()) => {}
                // It is closed, or has failed; whoever uses it hears of that.
                Err(_) => return,
            }
        }
    }

    fn look(&mut self) -> Result<(), StoreError> {
        self.shared.health()?;
        self.tell_size()?;
        if self.is_spare.is_none() {
            // Who makes an export just now removes others.
            let Ok(_turn) = self.turn.try_lock() else {
                return Ok(());
            };
            let is_spare = self.look_at_spare()?;
            self.is_spare = Some(is_spare);
        }
        let now = self.options.disk.elapsed();
        if self.failed_at.is_some_and(|at| now < at + AFTER_FAILURE) {
            return Ok(());
        }
        let Some(extent) = self.is_due(now)? else {
            return Ok(());
        };
        let Ok(_turn) = self.turn.try_lock() else {
            return Ok(());
        };
        match self.export.run(extent) {
            Ok(exported) => {
                self.failed_at = None;
                if extent == Extent::Whole {
                    self.whole_at = self.options.disk.elapsed();
                    self.is_spare = Some(true);
                }
                let (rows, pruned) = (exported.rows, exported.pruned);
                tracing::info!(rows, pruned, "The rows were exported.");
            }
            Err(error) => {
                self.shared.health()?;
                self.failed_at = Some(self.options.disk.elapsed());
                tracing::warn!(%error, "The rows were not exported.");
            }
        }
        Ok(())
    }

    /// What kind of export is due, if any.
    fn is_due(&self, now: Duration) -> Result<Option<Extent>, StoreError> {
        let changed = self.shared.changed_rows();
        let (whole, over, last) = self.shared.read_rows(|rows| {
            let disk = rows.disk();
            let (whole, over) = disk.base_rows();
            Ok((whole, over, disk.base_last()))
        })?;
        let options = &self.options;
        let is_wanted = now >= self.whole_at + options.export_every || self.is_spare == Some(false);
        if changed > 0 && is_wanted {
            return Ok(Some(Extent::Whole));
        }
        let is_much = changed >= options.export_rows.max(whole / PARTS)
            || self.shared.segments.bytes_behind(last) >= options.export_journal_bytes;
        // Where all rows are few, all of them are as quickly written as those that changed.
        let is_whole = last == Seq(0)
            || over.len() >= OVER_MAX
            || over.iter().sum::<u64>() + changed > whole / WHOLE_AGAIN_AT;
        let extent = if is_whole {
            Extent::Whole
        } else {
            Extent::Changes
        };
        Ok(is_much.then_some(extent))
    }

    /// Opening does not read exports that no row lies over. One that is damaged is of no use when it is needed,
    /// so it is told now, and another is made. While there is none, none is damaged.
    fn look_at_spare(&self) -> Result<bool, StoreError> {
        let last = self.shared.disk()?.base_last();
        let disk = self.options.disk.as_ref();
        let Ok(exports) = list(disk, &self.options.exports_dir()) else {
            return Ok(true);
        };
        let others = exports.iter().filter(|(other, _)| *other != last);
        let mut is_whole = true;
        for (_, path) in others {
            if let Err(error) = check(disk, path) {
                tracing::error!(%error, "An export is of no use any more; the next one takes its place.");
                is_whole = false;
            }
        }
        Ok(is_whole)
    }

    fn tell_size(&mut self) -> Result<(), StoreError> {
        let size = self.shared.size(&self.options)?;
        let is_bloated = size.is_bloated();
        if is_bloated && !self.was_bloated {
            let (taken, needed) = (size.rows_bytes, size.live_bytes);
            tracing::error!(taken, needed, "The rows take far more than they need.");
        }
        self.was_bloated = is_bloated;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_rows_that_are_far_too_large_are_an_alarm() {
        let size = |rows_bytes, live_bytes| Size {
            rows_bytes,
            live_bytes,
        };
        let large = 2 * BLOATED_BYTES_MIN;
        assert!(size(large, large / 9).is_bloated());
        assert!(!size(large, large / 8).is_bloated());
        assert!(!size(BLOATED_BYTES_MIN, 0).is_bloated());
    }
}
