//! When copies of everything are made, and how the last ones went.
//!
//! How one is made is another's business: the engine has no file of its own, so it asks the port
//! [`KeepBackups`]. One at a time; whoever asks meanwhile hears that it is under way. That it failed, or
//! that it is late, is said where people look until there is a good one.

use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use domain::Time;
use serde::Serialize;
use tokio::sync::Notify;

use crate::{Engine, ports::schedule::Schedule};

/// How long one may take before it is late.
const GRACE: Duration = Duration::from_secs(3600);
/// How long the task sleeps when nothing is scheduled any more.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// Makes and knows backups.
#[async_trait]
pub trait KeepBackups: Send + Sync {
    /// Where they are, for people.
    fn place(&self) -> String;

    /// Makes one, and returns when it was read back; below the configured directory, whatever is asked.
    async fn make(&self, to: Option<&str>) -> Result<BackupView, NoBackup>;

    /// Those that there are, the oldest first.
    async fn list(&self) -> Result<Vec<BackupView>, NoBackup>;

    /// Whether one may be made there.
    fn check(&self, to: &str) -> Result<(), NoBackup>;
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BackupView {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// When it was made; nothing where that cannot be read.
    pub made_at: Option<Time>,
    /// Everything up to this position is in it.
    pub position: u64,
    /// How many orders are in it.
    pub orders: u64,
    /// How many rows, facts included.
    pub rows: u64,
    /// How long its files are.
    pub bytes: u64,
    /// Why it cannot be used, as far as its manifest tells.
    pub problem: Option<String>,
}

/// Why there is no backup, or no list of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBackup {
    /// None are configured.
    #[error("no backups are configured: set `backup.dir`")]
    NotConfigured,
    /// One is being made.
    #[error("a backup is being made")]
    UnderWay,
    /// That is somewhere else.
    #[error("{0}")]
    Elsewhere(String),
    /// It failed.
    #[error("{0}")]
    Failed(String),
}

/// The port, and how the last ones went.
#[derive(Default)]
pub struct Backups {
    kept: OnceLock<Kept>,
    state: Mutex<State>,
}

struct Kept {
    port: Arc<dyn KeepBackups>,
    schedule: Schedule,
}

#[derive(Clone, Debug, Default)]
struct State {
    is_under_way: bool,
    last: Option<BackupView>,
    failed: Option<(Time, String)>,
}

/// How backups are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackupsView {
    /// Whether they are made at all.
    pub is_configured: bool,
    /// Where they are.
    pub place: Option<String>,
    /// Whether one is being made.
    pub is_under_way: bool,
    /// The last good one.
    pub last: Option<BackupView>,
    /// When making one failed, if none was made since.
    pub failed_at: Option<Time>,
    /// How it failed.
    pub failure: Option<String>,
    /// When the next one is due.
    pub next_at: Option<Time>,
    /// Whether there should be a newer one by now.
    pub is_late: bool,
}

impl Backups {
    fn state(&self) -> State {
        self.state.lock().expect(LOCK).clone()
    }
}

impl Engine {
    /// From now on, backups are made as scheduled and when somebody asks.
    pub async fn keep_backups(self: &Arc<Self>, port: Arc<dyn KeepBackups>, schedule: Schedule) {
        match port.list().await {
            Ok(found) => {
                let good = found.into_iter().rfind(|one| one.problem.is_none());
                self.backups.state.lock().expect(LOCK).last = good;
            }
            Err(error) => self.note_no_backup(&error),
        }
        if self.backups.kept.set(Kept { port, schedule }).is_err() {
            tracing::warn!("Backups were configured twice; the first holds.");
            return;
        }
        let engine = Arc::clone(self);
        let task = Box::pin(async move { engine.run_backups().await });
        self.ports.spawn.spawn("backups".to_owned(), task);
    }

    async fn run_backups(&self) {
        let nothing = Notify::new();
        loop {
            let now = self.ports.clock.now();
            let scheduled = self.backups.kept.get();
            let next = scheduled.and_then(|kept| kept.schedule.next_after(now));
            if !self
                .wait(next.unwrap_or_else(|| now.plus(FAR)), &nothing)
                .await
            {
                return;
            }
            if next.is_some() {
                // What went wrong was noted, and is said until there is a good one. The end does not wait: half
                // a backup is no backup, and the next one removes it.
                drop(self.unless_stopping(self.make_backup(None)).await);
            }
        }
    }

    /// Has one made in a task of its own. Says whether it begins.
    pub fn begin_backup(self: &Arc<Self>, to: Option<String>) -> Result<(), NoBackup> {
        let kept = self.backups.kept.get().ok_or(NoBackup::NotConfigured)?;
        if let Some(to) = &to {
            kept.port.check(to)?;
        }
        self.take_turn()?;
        let engine = Arc::clone(self);
        let task = async move { drop(engine.unless_stopping(engine.make(to.as_deref())).await) };
        let spawn = &self.ports.spawn;
        spawn.spawn("a backup".to_owned(), Box::pin(task));
        Ok(())
    }

    /// Makes one, and returns when it is there.
    pub async fn make_backup(&self, to: Option<&str>) -> Result<BackupView, NoBackup> {
        self.take_turn()?;
        self.make(to).await
    }

    fn take_turn(&self) -> Result<(), NoBackup> {
        let mut state = self.backups.state.lock().expect(LOCK);
        if state.is_under_way {
            return Err(NoBackup::UnderWay);
        }
        state.is_under_way = true;
        Ok(())
    }

    async fn make(&self, to: Option<&str>) -> Result<BackupView, NoBackup> {
        let made = match self.backups.kept.get() {
            Some(kept) => kept.port.make(to).await,
            None => Err(NoBackup::NotConfigured),
        };
        match &made {
            Ok(backup) => {
                tracing::info!(backup = backup.path, "A backup was made and read back.");
                let mut state = self.backups.state.lock().expect(LOCK);
                state.last = Some(backup.clone());
                state.failed = None;
            }
            Err(error) => self.note_no_backup(error),
        }
        self.backups.state.lock().expect(LOCK).is_under_way = false;
        made
    }

    fn note_no_backup(&self, error: &NoBackup) {
        tracing::error!(%error, "No backup was made.");
        let failed = (self.ports.clock.now(), error.to_string());
        self.backups.state.lock().expect(LOCK).failed = Some(failed);
    }

    /// Those that there are, the oldest first.
    pub async fn list_backups(&self) -> Result<Vec<BackupView>, NoBackup> {
        match self.backups.kept.get() {
            Some(kept) => kept.port.list().await,
            None => Ok(Vec::new()),
        }
    }

    /// How backups are doing.
    pub fn backups(&self) -> BackupsView {
        let Some(kept) = self.backups.kept.get() else {
            return BackupsView::default();
        };
        let (now, state) = (self.ports.clock.now(), self.backups.state());
        let last_at = state.last.as_ref().and_then(|last| last.made_at);
        let due = kept.schedule.next_after(last_at.unwrap_or(self.started_at));
        let (failed_at, failure) = state.failed.unzip();
        BackupsView {
            is_configured: true,
            place: Some(kept.port.place()),
            is_under_way: state.is_under_way,
            last: state.last,
            failed_at,
            failure,
            next_at: kept.schedule.next_after(now),
            is_late: due.is_some_and(|due| due.plus(GRACE) < now),
        }
    }
}

const LOCK: &str = "no holder of this lock panics";
