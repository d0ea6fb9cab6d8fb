//! An open load: hooks that are due at fixed times, whatever became of those before them.
//!
//! All times count from when a hook was due. One that is sent late, because all senders wait or the
//! machine is busy, took so much longer; otherwise a slow server would be asked less and look faster.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::load::{COME_AGAIN, Source, now, pause, read_status};

/// On how many connections at most. Each waits for its answer, so this many hooks are under way.
const SENDERS_MAX: u32 = 64;
/// After how long a hook is given up that is told again and again to come later.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);

/// When which hook is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// When the first is.
    pub(super) begins: Instant,
    /// How many are due in a second.
    pub(super) rate: u32,
    /// The number of the first.
    pub(super) from: u64,
    /// How many there are.
    pub(super) count: u64,
}

/// What became of a hook.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// Which.
    pub(super) number: u64,
    /// When it was due.
    pub(super) due: Instant,
    /// How much later it was sent for the first time.
    pub(super) late: Duration,
    /// How long after it was due it was acknowledged, if it ever was.
    pub(super) acknowledged: Option<Duration>,
}

/// What became of a load.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Hook by hook, in the order of their numbers.
    pub(super) told: Vec<Told>,
    /// How often one was told to come again.
    pub(super) put_off: u64,
}

impl Pace {
    /// When a hook is due.
    fn due(&self, number: u64) -> Instant {
        let nth = number.saturating_sub(self.from);
        let nanos = nth.saturating_mul(1_000_000_000) / u64::from(self.rate.max(1));
        self.begins + Duration::from_nanos(nanos)
    }
}

/// Sends all hooks, each when it is due or as soon as somebody is free after that.
pub(super) async fn send(
    address: SocketAddr,
    source: &'static dyn Source,
    pace: Pace,
) -> anyhow::Result<Outcome> {
    let next = Arc::new(AtomicU64::new(pace.from));
    let mut tasks = tokio::task::JoinSet::new();
    // A connection must not be idle for long: the server would close it.
    for _ in 0..pace.rate.clamp(1, SENDERS_MAX) {
        let next = Arc::clone(&next);
        tasks.spawn(async move { one(address, source, &next, pace).await });
    }
    let mut all = Outcome::default();
    while let Some(done) = tasks.join_next().await {
        let done = done.context("a sender failed")??;
        all.told.extend(done.told);
        all.put_off += done.put_off;
    }
    all.told.sort_unstable_by_key(|told| told.number);
    Ok(all)
}

async fn one(
    address: SocketAddr,
    source: &dyn Source,
    next: &AtomicU64,
    pace: Pace,
) -> anyhow::Result<Outcome> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    let mut outcome = Outcome::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= pace.from + pace.count {
            return Ok(outcome);
        }
        request.clear();
        source.write(number, &mut request);
        let due = pace.due(number);
        pause(due.saturating_duration_since(now())).await;
        let late = due.elapsed();
        let acknowledged = loop {
            stream.write_all(&request).await?;
            match read_status(&mut stream, &mut answer).await? {
                200 => break Some(due.elapsed()),
                503 => {
                    outcome.put_off += 1;
                    if due.elapsed() > GIVEN_UP_AFTER {
                        break None;
                    }
                    pause(COME_AGAIN).await;
                }
                status => anyhow::bail!("a hook was answered with {status}"),
            }
        };
        outcome.told.push(Told {
            number,
            due,
            late,
            acknowledged,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_due_at_fixed_times() {
        let begins = now();
        let pace = Pace {
            begins,
            rate: 500,
            from: 1_000,
            count: 5_000,
        };
        let after = |number| pace.due(number).duration_since(begins);
        assert_eq!(after(1_000), Duration::ZERO);
        assert_eq!(after(1_001), Duration::from_millis(2));
        assert_eq!(after(6_000), Duration::from_secs(10));
    }
}
