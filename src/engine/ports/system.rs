//! Time, chance and tasks of a real machine.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Time;
use tokio::sync::watch;

use crate::sealing::Sealer;

use super::{Clock, Entropy, Ports, Spawn, Task};

/// The ports of this machine; needs a tokio runtime around it. What they seal is not secret: who keeps a store
/// gives them a sealer with keys that last.
pub fn ports() -> Ports {
    running().0
}

/// The ports of this machine, and a way to wait for the tasks that were spawned through them.
pub fn running() -> (Ports, Arc<Tasks>) {
    let tasks = Arc::new(Tasks {
        count: watch::Sender::new(0),
        panicked: watch::Sender::new(None),
    });
    let ports = Ports {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        spawn: Arc::new(TokioSpawn {
            tasks: Arc::clone(&tasks),
        }),
        sealer: Arc::new(Sealer::in_memory()),
    };
    (ports, tasks)
}

/// The tasks that run.
pub struct Tasks {
    count: watch::Sender<usize>,
    panicked: watch::Sender<Option<String>>,
}

impl Tasks {
    /// Returns when no task runs any more.
    pub async fn ended(&self) {
        let mut count = self.count.subscribe();
        // The sender lives as long as we do.
        drop(count.wait_for(|count| *count == 0).await);
    }

    /// Tells the name of a task that panicked: a bug, and nothing that a daemon should live with.
    pub fn watch_panics(&self) -> watch::Receiver<Option<String>> {
        self.panicked.subscribe()
    }
}

struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Time {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the clock that all others use"
        )]
        let now = std::time::SystemTime::now();
        let since = now
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: Time) {
        // In steps, because the wall clock may be set while we sleep.
        const STEP_MAX: Duration = Duration::from_secs(60);
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the clock that all others use"
            )]
            tokio::time::sleep(left.min(STEP_MAX)).await;
        }
    }
}

struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn seed(&self) -> [u8; 16] {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).expect("the operating system always has randomness after boot");
        seed
    }
}

struct TokioSpawn {
    tasks: Arc<Tasks>,
}

impl Spawn for TokioSpawn {
    fn spawn(&self, name: String, task: Task) {
        self.tasks.count.send_modify(|count| *count += 1);
        let running = Running {
            name,
            tasks: Arc::clone(&self.tasks),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the port that all others use"
        )]
        let handle = tokio::spawn(async move {
            let running = running;
            task.await;
            drop(running);
        });
        tracing::trace!(id = %handle.id(), "A task was started.");
    }
}

/// Counts a task off when it ends, however it ends.
struct Running {
    name: String,
    tasks: Arc<Tasks>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tasks.panicked.send_replace(Some(self.name.clone()));
        }
        self.tasks.count.send_modify(|count| *count -= 1);
    }
}
