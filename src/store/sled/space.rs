//! How much space is left, asked at most once a second.
//!
//! Writes stop while there is still enough for everything else on the machine, and for opening the
//! store again. For that there is a reserve, too: a file of zeros that is given up when others have
//! filled the disk, because without any space not even the rows can be opened.

use std::{io, sync::atomic::Ordering, time::Duration};

use super::{options::Options, shared::Shared};
use crate::{
    StoreError,
    journal::{
        disk::{self, Mode},
        writer::fill,
    },
};

const ASK_EVERY: Duration = Duration::from_secs(1);

/// Knows whether there is enough space to write.
pub(crate) struct Gauge {
    options: Options,
    asked_at: Option<Duration>,
    space: Option<disk::Space>,
}

impl Gauge {
    pub(crate) fn new(options: Options) -> Gauge {
        Gauge {
            options,
            asked_at: None,
            space: None,
        }
    }

    /// Whether something may be written.
    pub(crate) fn check(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let now = self.options.disk.elapsed();
        if self.asked_at.is_none_or(|at| now >= at + ASK_EVERY) {
            self.asked_at = Some(now);
            self.ask(shared);
        }
        if shared.is_low.load(Ordering::Relaxed) {
            return Err(self.refusal());
        }
        Ok(())
    }

    /// A write has found no space; the next check asks again.
    pub(crate) fn is_full(&mut self, shared: &Shared) -> StoreError {
        self.ask(shared);
        self.asked_at = None;
        self.refusal()
    }

    fn refusal(&self) -> StoreError {
        StoreError::NoSpace {
            free_bytes: self.space.map_or(0, |space| space.free),
        }
    }

    fn ask(&mut self, shared: &Shared) {
        match self.options.disk.space(&self.options.dir) {
            Ok(space) => self.space = Some(space),
            // What was true a second ago is the best that is known.
            Err(error) => tracing::warn!(%error, "Cannot tell how much disk space is left."),
        }
        let Some(space) = self.space else { return };
        let ratio_min = (space.total as f64 * self.options.free_ratio_min) as u64;
        let is_low = space.free < self.options.free_bytes_min.min(ratio_min);
        shared.free_bytes.store(space.free, Ordering::Relaxed);
        if shared.is_low.swap(is_low, Ordering::Relaxed) != is_low {
            if is_low {
                tracing::error!(
                    free_bytes = space.free,
                    "Writes stop for want of disk space."
                );
            } else {
                tracing::info!(free_bytes = space.free, "There is enough disk space again.");
            }
        }
    }
}

/// Makes the reserve, where there is none. Without one the store is no worse than others.
pub(crate) fn keep_reserve(options: &Options) {
    let path = options.reserve();
    if options.reserve_bytes == 0 {
        return;
    }
    let keep = || -> io::Result<()> {
        let disk = options.disk.as_ref();
        match disk.open(&path, Mode::Read) {
            Ok(file) if file.length()? >= options.reserve_bytes => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = disk.open(&path, Mode::Create)?;
        fill(file.as_ref(), 0, options.reserve_bytes)?;
        file.sync()
    };
    if let Err(error) = keep() {
        tracing::warn!(%error, "No disk space could be reserved.");
    }
}

/// Gives the reserve up. Says whether there was one.
pub(crate) fn give_up_reserve(options: &Options) -> bool {
    let removed = options.disk.remove(&options.reserve());
    removed.is_ok() && options.disk.sync_dir(&options.dir).is_ok()
}
