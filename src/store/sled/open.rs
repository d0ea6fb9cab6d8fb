//! Opening the store: the lock, the journal, the rows, and bringing them together.
//!
//! The journal decides. Rows that are missing, damaged or of another store are moved aside and made
//! anew; rows that are merely behind are brought forward. A journal that is behind its own rows, its
//! exports or its witness was set back, and that only a person may accept.

use std::{
    io,
    sync::{Arc, mpsc},
};

use tokio::sync::Semaphore;

use super::{
    Sled, WAITING_KIB_MAX,
    committer::{Committer, Since},
    compress::Compressor,
    drain::Drainer,
    export_file,
    found::{Found, find_rows, keep_only},
    keeper::Keeper,
    lock::Lock,
    memtable::Layers,
    options::{OpenError, Opened, Options},
    rebuild::{Gaps, Rebuild},
    row::Standing,
    shared::Shared,
    space::{self, Gauge},
    stack::Stack,
    state::{Pace, State},
};
use crate::{
    Seq,
    journal::{
        JournalError,
        disk::Mode,
        open::{Journal, Place},
    },
};

/// Opens a store, or makes one where there is nothing.
pub fn open(options: Options) -> Result<(Arc<Sled>, Opened), OpenError> {
    let dir = options.dir.clone();
    let failed = |source| OpenError::Io {
        dir: dir.clone(),
        source,
    };
    options.disk.create_dir(&dir).map_err(failed)?;
    if let Some(above) = dir.parent() {
        // What is in it is durable, and would be nowhere if its name were not.
        options.disk.sync_dir(above).map_err(failed)?;
    }
    let lock = Lock::take(&dir)?;
    let parts = match Parts::open(&options, None) {
        Err(OpenError::NoSpace { .. }) if space::give_up_reserve(&options) => {
            tracing::error!("The disk is full: the reserve is given up to open the store.");
            Parts::open(&options, None)?
        }
        tried => tried?,
    };
    let mut opened = parts.opened;
    let wants_export = opened.is_after_loss || is_export_missing(&options, &parts.journal)?;
    opened.is_after_loss |= is_loss_noted(&options)?;
    let last = parts.state.applied().last;
    let rows = Layers::new(parts.rows).map_err(|error| OpenError::rows(&options.dir, error))?;
    let shared = Arc::new(Shared::new(
        rows,
        Arc::clone(&parts.journal.segments),
        last,
        opened.repairs.clone(),
    ));
    let mut gauge = Gauge::new(options.clone());
    opened.is_read_only = gauge.check(&shared).is_err();
    if !opened.is_read_only {
        space::keep_reserve(&options);
    }
    let (jobs, waiting) = mpsc::channel();
    let drainer =
        Drainer::start(Arc::clone(&shared), options.clone(), parts.state).map_err(failed)?;
    let committer = Committer {
        shared: Arc::clone(&shared),
        jobs: waiting,
        writer: parts.journal.writer,
        drainer,
        gauge,
        compressor: Compressor::new().map_err(failed)?,
        options: options.clone(),
        lock,
        since: Since::default(),
        append_at: None,
    };
    let thread = std::thread::Builder::new().name("store-committer".into());
    let thread = thread.spawn(move || committer.run()).map_err(failed)?;
    let mut sled = Sled {
        shared,
        options,
        jobs: Some(jobs),
        permits: Arc::new(Semaphore::new(WAITING_KIB_MAX as usize)),
        exporting: Arc::default(),
        committer: Some(thread),
        keeper: None,
    };
    if wants_export {
        // Rows made anew without it would silently lack what a person has accepted as lost before.
        sled.export_now(export_file::Extent::Whole)
            .map_err(|error| failed(io::Error::other(error)))?;
    }
    sled.keeper = Some(Keeper::start(&sled).map_err(failed)?);
    Ok((Arc::new(sled), opened))
}

/// Says that history was lost and that not everybody has heard of it. It stays until
/// [`Sled::forget_loss`], however often the store is opened before that.
const LOSS: &str = "after-loss";

/// Notes a loss, durably, before the rows look as if nothing was missing.
fn note_loss(options: &Options) -> io::Result<()> {
    let disk = options.disk.as_ref();
    disk.open(&options.dir.join(LOSS), Mode::Create)?.sync()?;
    disk.sync_dir(&options.dir)
}

/// Whether a loss was noted.
pub(super) fn is_loss_noted(options: &Options) -> Result<bool, OpenError> {
    match options.disk.open(&options.dir.join(LOSS), Mode::Read) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(OpenError::Io {
            dir: options.dir.clone(),
            source,
        }),
    }
}

impl Sled {
    /// Whoever publishes has durably noted by now that history was lost.
    pub fn forget_loss(&self) -> io::Result<()> {
        let (disk, dir) = (self.options.disk.as_ref(), &self.options.dir);
        match disk.remove(&dir.join(LOSS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| disk.sync_dir(dir)),
        }
    }
}

/// Whether a loss was accepted and no export has been made since.
fn is_export_missing(options: &Options, journal: &Journal) -> Result<bool, OpenError> {
    let exported = last_export(options)?;
    let segments = journal.segments.all();
    let loss = segments.iter().rfind(|segment| segment.head.is_after_loss);
    Ok(loss.is_some_and(|segment| exported.0 + 1 < segment.head.first.0))
}

/// Journal and rows, together.
pub(super) struct Parts {
    pub journal: Journal,
    pub rows: Stack,
    pub state: State,
    pub opened: Opened,
}

impl Parts {
    /// Opens both. With a reason, the rows are made anew whatever they are. A loss ends here, unless
    /// it is accepted.
    pub(super) fn open(options: &Options, anew: Option<&str>) -> Result<Parts, OpenError> {
        match Parts::attempt(options, anew, Opened::default()) {
            Err(OpenError::Damaged(error)) if options.accept_rollback => {
                let place = place(options);
                let seen = seen(options, &find_rows(options)?)?;
                let accepted = place.accept_loss(seen, &options.aside("journal"));
                let accepted = accepted.map_err(|error| OpenError::journal(&options.dir, error))?;
                let mut opened = Opened {
                    repairs: vec![format!("A loss was accepted: {error}.")],
                    is_after_loss: true,
                    ..Opened::default()
                };
                opened.repairs.extend(accepted);
                Parts::attempt(options, anew, opened)
            }
            tried => tried,
        }
    }

    fn attempt(
        options: &Options,
        anew: Option<&str>,
        mut opened: Opened,
    ) -> Result<Parts, OpenError> {
        let found = find_rows(options)?;
        let journal = open_journal(options, &found)?;
        opened.repairs.extend(journal.repairs.iter().cloned());
        let last = Seq(journal.writer.next().0 - 1);
        let ready = match (found, anew) {
            (_, Some(reason)) => Err(reason.to_owned()),
            (Found::Sound(_, standing), None) if standing.applied.store_id != journal.store_id => {
                Err("they belong to another store".to_owned())
            }
            (Found::Sound(rows, standing), None) => Ok((rows, standing)),
            (Found::Empty(rows), None) if last == Seq(0) => {
                let standing = Standing::new(journal.store_id);
                let begun = standing.write(&rows);
                begun.map_err(|error| OpenError::rows(&options.dir, error))?;
                Ok((Stack::new(rows, Vec::new()), standing))
            }
            (Found::Empty(_), None) => Err("they are missing".to_owned()),
            (Found::Unsound(reason), None) => Err(reason),
        };
        let rebuild = Rebuild {
            options,
            segments: &journal.segments,
        };
        let forwarded = match ready {
            Ok((rows, standing)) => rebuild.forward(rows, standing, Gaps::Refused, Pace::Steady)?,
            Err(reason) => Err(reason),
        };
        let (rows, mut state) = match forwarded {
            Ok(ready) => ready,
            Err(reason) => rebuild.make_anew(journal.store_id, &reason, &mut opened)?,
        };
        opened.replayed = state.replayed();
        if state.applied().last < last {
            opened.is_after_loss = true;
        }
        if opened.is_after_loss {
            note_loss(options).map_err(|source| OpenError::Io {
                dir: options.dir.clone(),
                source,
            })?;
        }
        // What is not there by now is lost, and that was accepted: no later replay has to look for it.
        state.reach(last);
        let settled = state.settle(&rows).and_then(|()| rows.sync());
        settled.map_err(|error| OpenError::rows(&options.dir, error))?;
        keep_only(options, state.standing().base);
        Ok(Parts {
            journal,
            rows,
            state,
            opened,
        })
    }
}

/// Opens the journal, and asks the rows and the exports whether it is all there.
fn open_journal(options: &Options, found: &Found) -> Result<Journal, OpenError> {
    let failed = |error| OpenError::journal(&options.dir, error);
    let place = place(options);
    let journal = place.open().map_err(failed)?;
    let (last, seen) = (Seq(journal.writer.next().0 - 1), seen(options, found)?);
    if last >= seen {
        return Ok(journal);
    }
    let what = format!(
        "its last position is {}, and the rows or an export have seen {}",
        last.0, seen.0
    );
    Err(failed(JournalError::RolledBack {
        dir: place.dir,
        what,
    }))
}

/// Where the journal of a store is.
pub(super) fn place(options: &Options) -> Place {
    Place {
        disk: Arc::clone(&options.disk),
        dir: options.dir.join("journal"),
        witness: options.witness.clone(),
        segment_bytes: options.segment_bytes,
    }
}

/// The last position that the rows or an export know of.
fn seen(options: &Options, found: &Found) -> Result<Seq, OpenError> {
    let exported = last_export(options)?;
    Ok(match found {
        Found::Sound(_, standing) => exported.max(standing.applied.last),
        Found::Empty(_) | Found::Unsound(_) => exported,
    })
}

/// As of which position the newest export is.
fn last_export(options: &Options) -> Result<Seq, OpenError> {
    let exports = export_file::positions(options).map_err(|source| OpenError::Io {
        dir: options.dir.clone(),
        source,
    })?;
    Ok(exports.last().copied().unwrap_or(Seq(0)))
}
