//! Time, chance and tasks of a real machine.

use std::time::Duration;

use async_trait::async_trait;
use domain::Time;

use super::{Clock, Entropy, Ports, Spawn, Task};

/// The ports of this machine; needs a tokio runtime around it.
pub fn ports() -> Ports {
    Ports {
        clock: std::sync::Arc::new(SystemClock),
        entropy: std::sync::Arc::new(SystemEntropy),
        spawn: std::sync::Arc::new(TokioSpawn),
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

struct TokioSpawn;

impl Spawn for TokioSpawn {
    fn spawn(&self, name: String, task: Task) {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the port that all others use"
        )]
        let handle = tokio::spawn(task);
        tracing::trace!(name, id = %handle.id(), "Task started.");
    }
}
