//! Bringing changed rows from memory to disk, on a thread of its own.
//!
//! It is the only one that writes to the rows of an open store. The batches are small, and only the last
//! of a round says that the rows have come further: a stop in between is harmless, because the journal
//! is replayed from where the rows last said that they are.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
};

use super::{
    committer::{Answer, reply},
    memtable::Memtable,
    options::Options,
    rebuild::remove_dir,
    row::Standing,
    rows::{Rows, RowsError},
    shared::Shared,
    stack::{Frozen, Stack, folder},
    state::State,
};
use crate::{Seq, StoreError};

/// The rows are synced after so many bytes: what lies unsynced in them should stay within one of their
/// segments.
const SYNC_BYTES: usize = 4 * 1024 * 1024;

/// One round.
pub(crate) struct Round {
    /// What has changed,
    pub table: Arc<Memtable>,
    /// and up to which position.
    pub last: Seq,
    /// Who wants the rows as they are then.
    pub frozen: Option<Answer<Frozen>>,
}

/// The thread, for the committer.
pub(crate) struct Drainer {
    rounds: Option<Sender<Round>>,
    done: Receiver<()>,
    is_busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl Drainer {
    /// Starts it, with the rows as they are.
    pub(crate) fn start(
        shared: Arc<Shared>,
        options: Options,
        state: State,
    ) -> io::Result<Drainer> {
        let (rounds, waiting) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        shared.tell_changed(state.standing());
        let worker = Worker {
            shared,
            options,
            state,
        };
        let thread = std::thread::Builder::new().name("store-drainer".into());
        let thread = thread.spawn(move || worker.run(&waiting, &finished))?;
        Ok(Drainer {
            rounds: Some(rounds),
            done,
            is_busy: false,
            thread: Some(thread),
        })
    }

    /// Whether a round is under way.
    pub(crate) fn is_busy(&mut self) -> bool {
        if self.is_busy && self.done.try_recv().is_ok() {
            self.is_busy = false;
        }
        self.is_busy
    }

    /// Waits until none is.
    pub(crate) fn wait(&mut self) -> Result<(), StoreError> {
        if self.is_busy {
            self.done.recv().map_err(|_| ended())?;
            self.is_busy = false;
        }
        Ok(())
    }

    /// Begins a round; none may be under way.
    pub(crate) fn begin(&mut self, round: Round) -> Result<(), StoreError> {
        let rounds = self.rounds.as_ref().ok_or_else(ended)?;
        rounds.send(round).map_err(|_| ended())?;
        self.is_busy = true;
        Ok(())
    }
}

impl Drop for Drainer {
    /// The files are free afterwards.
    fn drop(&mut self) {
        drop(self.rounds.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("The thread that brings rows to disk panicked.");
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable {
        reason: "the thread that brings rows to disk has ended".to_owned(),
    }
}

struct Worker {
    shared: Arc<Shared>,
    options: Options,
    state: State,
}

impl Worker {
    fn run(mut self, rounds: &Receiver<Round>, finished: &Sender<()>) {
        while let Ok(Round {
            table,
            last,
            frozen,
        }) = rounds.recv()
        {
            let done = self.drain(&table, last);
            if let Some(answer) = frozen {
                reply(answer, done.and_then(|()| self.freeze()));
            }
            if finished.send(()).is_err() {
                return;
            }
        }
    }

    fn drain(&mut self, table: &Memtable, last: Seq) -> Result<(), StoreError> {
        self.shared.health()?;
        let disk = self.shared.disk()?;
        let written = self.write(&disk, table, last);
        written.map_err(|error| self.shared.fail_rows(&error))?;
        self.shared.tell_changed(self.state.standing());
        if disk.has_blobs() {
            tracing::error!(
                "The rows have values outside of their data file, which are never synced."
            );
        }
        self.shared.end_drain()
    }

    fn write(&mut self, disk: &Stack, table: &Memtable, last: Seq) -> Result<(), RowsError> {
        let mut unsynced = 0;
        self.state.drain(disk, table, last, |bytes| {
            unsynced += bytes;
            if unsynced < SYNC_BYTES {
                return Ok(());
            }
            unsynced = 0;
            disk.sync()
        })?;
        disk.sync()
    }

    /// The rows as they are at the end of the round. What changes from now on goes above them.
    fn freeze(&mut self) -> Result<Frozen, StoreError> {
        let (frozen, stack) = (self.state.standing(), self.shared.disk()?);
        let applied = frozen.applied;
        let unchanged = if applied.last == Seq(0) {
            Some(Stack::nothing())
        } else {
            // What comes from now on is none of it.
            let is_unchanged = stack.base_is(applied.last);
            is_unchanged.then(|| stack.without_tops())
        };
        if let Some(stack) = unchanged {
            return Ok(Frozen {
                stack: Arc::new(stack),
                standing: frozen,
            });
        }
        let standing = Standing::over(applied);
        let dir = folder(&self.options.rows_dir(), applied.last);
        let above = remove_dir(&dir).map_err(RowsError::from).and_then(|()| {
            let top = Rows::open(&dir, self.options.cache_bytes)?;
            standing.write(&top)?;
            top.sync()?;
            Ok(stack.beneath(top))
        });
        // Nothing was changed yet, so only whoever asked goes without.
        let above = above.map_err(|error| StoreError::Refused {
            reason: format!("no place for changed rows could be made: {error}"),
        })?;
        let frozen = Frozen {
            stack,
            standing: frozen,
        };
        self.shared.freeze(Arc::new(above), frozen.clone())?;
        self.state.begin_over(standing);
        self.shared.tell_changed(standing);
        Ok(frozen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_died_is_an_error_and_not_for_ever_busy() {
        let (rounds, _) = mpsc::channel();
        let (_, done) = mpsc::channel();
        let mut drainer = Drainer {
            rounds: Some(rounds),
            done,
            is_busy: true,
            thread: None,
        };
        let error = drainer.wait().unwrap_err().to_string();
        assert!(error.contains("has ended"), "{error}");
        drainer.is_busy = false;
        let round = Round {
            table: Arc::default(),
            last: Seq(1),
            frozen: None,
        };
        assert!(drainer.begin(round).is_err());
    }
}
