//! The one thread that writes.
//!
//! It takes what is waiting, makes a group of it ([`super::group`]), writes the group to the journal
//! with one sync, applies it to the rows in memory, and then answers. So nothing is answered, and nothing
//! can be read, that is not durable. After an error it answers nothing but that error: what is on the
//! disk then is for the next start to find out. Now and then it has the changed rows brought to disk
//! ([`super::drain`]).

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    compress::Compressor,
    drain::{Drainer, Round},
    group::Group,
    lock::Lock,
    options::Options,
    shared::Shared,
    space::Gauge,
    stack::Frozen,
};
use crate::{
    Append, Batch, Seq, StoreError,
    journal::{reader::Segment, writer::Writer},
};

/// The most jobs that are synced together,
const GROUP_JOBS_MAX: usize = 64;
/// and the most bytes, except that one job always goes.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Commits wait for a signal that may share their sync while one came so short a time ago. Whoever sends
/// the next waits for one sync then, not for two.
const LINGER_AFTER: Duration = Duration::from_millis(50);
/// A checkpoint comes early after so many records: a restart replays them.
const CHECKPOINT_RECORDS: u64 = 100_000;
/// When rows change faster than they come to disk, writing waits for it at so many times
/// [`Options::memory_bytes`].
const MEMORY_FACTOR_MAX: usize = 2;

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// Something for the committer to do.
pub(crate) enum Job {
    /// Something to write.
    Write(Write),
    /// Nothing: the answer shows that it works.
    Pulse { answer: Answer<()> },
    /// The rows as they are now, not to change any more.
    Freeze { answer: Answer<Frozen> },
    /// The segments, and exactly where the journal ends now.
    Mark { answer: Answer<Mark> },
    /// Let go of segments whose records come before a position and are older than a time.
    Prune {
        before: Seq,
        written_before_ms: u64,
        answer: Answer<u64>,
    },
    /// Bring everything to disk and stop.
    Close { answer: Answer<()> },
}

/// Something to write. The permit bounds what is on its way.
pub(crate) enum Write {
    Append {
        signals: Vec<Append>,
        answer: Answer<Vec<Seq>>,
        permit: OwnedSemaphorePermit,
    },
    Commit {
        batch: Batch,
        answer: Answer<Seq>,
        permit: OwnedSemaphorePermit,
    },
}

/// What the journal holds at one moment. Nothing behind it may be copied: a group that is being written
/// looks like damage once a later one is there.
pub(crate) struct Mark {
    /// Every segment, and where its durable records end.
    pub segments: Vec<(Arc<Segment>, u64)>,
    /// The last position.
    pub last: Seq,
}

/// The committer and what it alone holds.
pub(crate) struct Committer {
    pub shared: Arc<Shared>,
    pub jobs: Receiver<Job>,
    pub writer: Writer,
    pub drainer: Drainer,
    pub gauge: Gauge,
    pub compressor: Compressor,
    pub options: Options,
    pub lock: Lock,
    pub since: Since,
    /// When the last signal came in.
    pub append_at: Option<Duration>,
}

/// What has happened since the last checkpoint.
#[derive(Default)]
pub(crate) struct Since {
    records: u64,
    /// Of memory that changed rows take.
    bytes: usize,
    at: Duration,
}

impl Committer {
    /// Works until the store is closed or dropped.
    pub(crate) fn run(mut self) {
        let mut kept_back = None;
        loop {
            let job = match kept_back.take() {
                Some(job) => job,
                None => match self.jobs.recv_timeout(self.until_checkpoint()) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => {
                        self.checkpoint_if_due();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                },
            };
            match job {
                Job::Write(write) => kept_back = self.write(write),
                Job::Pulse { answer } => reply(answer, self.shared.health()),
                // It has failed for good otherwise; the answer is dropped, which says so.
                Job::Freeze { answer } => {
                    let (Ok(()) | Err(_)) = self.checkpoint(Some(answer));
                }
                Job::Mark { answer } => {
                    let mark = self.shared.health().map(|()| self.mark());
                    reply(answer, mark);
                }
                Job::Prune {
                    before,
                    written_before_ms,
                    answer,
                } => {
                    let pruned = self.writer.prune(before, written_before_ms);
                    reply(answer, pruned.map_err(|error| self.shared.fail(&error)));
                }
                Job::Close { answer } => return self.close(answer),
            }
        }
        self.stop();
    }

    /// Writes this and what waits behind it. Gives back the first job that is of another kind.
    fn write(&mut self, first: Write) -> Option<Job> {
        let mut bytes = first.bytes();
        let mut lingers_until = self.lingers_until();
        let mut writes = vec![first];
        let mut kept_back = None;
        while writes.len() < GROUP_JOBS_MAX && bytes < GROUP_BYTES_MAX {
            if let Some(Write::Append { .. }) = writes.last() {
                lingers_until = Duration::ZERO;
                self.append_at = Some(self.options.disk.elapsed());
            }
            match self.next(lingers_until) {
                Some(Job::Write(write)) => {
                    bytes += write.bytes();
                    writes.push(write);
                }
                Some(other) => {
                    kept_back = Some(other);
                    break;
                }
                None => break,
            }
        }
        let mut group = Group::new(self.writer.next());
        let done = self.carry_out(writes, &mut group);
        group.answer(done);
        self.checkpoint_if_due();
        kept_back
    }

    /// Until when a group without a signal waits for one.
    fn lingers_until(&self) -> Duration {
        let now = self.options.disk.elapsed();
        let is_lively = |at: Duration| now <= at + LINGER_AFTER;
        match self.append_at.is_some_and(is_lively) {
            true => now + self.options.linger,
            false => Duration::ZERO,
        }
    }

    /// The next job, if it is there by then.
    fn next(&self, until: Duration) -> Option<Job> {
        match until.checked_sub(self.options.disk.elapsed()) {
            Some(wait) if !wait.is_zero() => self.jobs.recv_timeout(wait).ok(),
            Some(_) | None => self.jobs.try_recv().ok(),
        }
    }

    fn carry_out(&mut self, writes: Vec<Write>, group: &mut Group) -> Result<(), StoreError> {
        let allowed = self
            .shared
            .health()
            .and_then(|()| self.gauge.check(&self.shared));
        for write in writes {
            match &allowed {
                Ok(()) => group.plan(&self.shared, write, &mut self.compressor)?,
                Err(error) => write.refuse(error.clone()),
            }
        }
        if group.drafts.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.writer.append(&group.drafts) {
            if error.is_full() {
                return Err(self.gauge.is_full(&self.shared));
            }
            return Err(self.shared.fail(&error));
        }
        self.since.records += group.drafts.len() as u64;
        self.shared.count(group.drafts.len() as u64);
        let last = Seq(self.writer.next().0 - 1);
        self.since.bytes = self.shared.change_rows(last, |rows| group.apply(rows))?;
        Ok(())
    }

    fn mark(&self) -> Mark {
        let segments = self.shared.segments.all().into_iter();
        Mark {
            segments: segments
                .map(|segment| {
                    let end = segment.end();
                    (segment, end)
                })
                .collect(),
            last: Seq(self.writer.next().0 - 1),
        }
    }

    fn until_checkpoint(&self) -> Duration {
        let elapsed = self.options.disk.elapsed();
        let due = self.since.at + self.options.checkpoint_every;
        due.saturating_sub(elapsed).max(Duration::from_millis(1))
    }

    fn checkpoint_if_due(&mut self) {
        let is_time = self.options.disk.elapsed() >= self.since.at + self.options.checkpoint_every;
        let is_much = self.since.records >= CHECKPOINT_RECORDS
            || self.since.bytes >= self.options.memory_bytes;
        if !is_time && !is_much {
            return;
        }
        let is_too_much = self.since.bytes / MEMORY_FACTOR_MAX >= self.options.memory_bytes;
        if !is_too_much && self.drainer.is_busy() {
            return;
        }
        if self.since.records > 0 && self.shared.health().is_ok() {
            // It has failed for good then, and every later call will hear of it.
            let (Ok(()) | Err(_)) = self.checkpoint(None);
        } else {
            self.since.at = self.options.disk.elapsed();
        }
    }

    /// Has everything that has changed brought to disk, when what is on its way is there. Somebody may
    /// want the rows as they are now.
    fn checkpoint(&mut self, frozen: Option<Answer<Frozen>>) -> Result<(), StoreError> {
        // Without that thread memory would grow with every write, so nothing is acknowledged any more.
        let waited = self.drainer.wait();
        waited.map_err(|error| self.shared.fail(&error))?;
        self.shared.health()?;
        let round = Round {
            table: self.shared.begin_drain()?,
            last: self.shared.durable(),
            frozen,
        };
        let begun = self.drainer.begin(round);
        begun.map_err(|error| self.shared.fail(&error))?;
        self.since = Since {
            at: self.options.disk.elapsed(),
            ..Since::default()
        };
        let synced = self.writer.sync_witness();
        synced.map_err(|error| self.shared.fail(&error))
    }

    fn close(mut self, answer: Answer<()>) {
        let checkpointed = match self.shared.health() {
            Ok(()) => self.checkpoint(None).and_then(|()| self.drainer.wait()),
            Err(_) => Ok(()),
        };
        // What went wrong on the way to disk is known by now.
        let checkpointed = checkpointed.and_then(|()| self.shared.health());
        self.stop();
        reply(answer, checkpointed);
    }

    /// Lets go of the files.
    fn stop(self) {
        drop(self.drainer);
        self.shared.shut();
        drop(self.lock);
    }
}

impl Write {
    fn bytes(&self) -> usize {
        match self {
            Write::Append { signals, .. } => super::append_bytes(signals),
            Write::Commit { batch, .. } => super::batch_bytes(batch),
        }
    }

    fn refuse(self, error: StoreError) {
        match self {
            Write::Append { answer, .. } => reply(answer, Err(error)),
            Write::Commit { answer, .. } => reply(answer, Err(error)),
        }
    }
}

/// Answers. Whoever asked may have gone; what was written stays written.
pub(crate) fn reply<T>(answer: Answer<T>, what: Result<T, StoreError>) {
    if answer.send(what).is_err() {
        tracing::debug!("Nobody waits for the answer of a write any more.");
    }
}
