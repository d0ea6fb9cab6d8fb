//! A merchant on this machine: twins of the channels in this process, and the real `oneshelf run` beside
//! it, on a store and a configuration of its own.
//!
//! Nothing here judges. Tests wait for what they expect with [`until`], which fails in a bounded time
//! with what was seen last.

pub(crate) mod api;
pub(crate) mod book;
pub(crate) mod bytes;
pub(crate) mod daemon;
pub(crate) mod goods;
pub(crate) mod hooks;
pub(crate) mod people;
pub(crate) mod sinks;
pub(crate) mod world;

use std::time::Duration;

use engine::ports::Ports;

/// How long something may take that should happen soon, on a machine that is busy with other things.
/// Nothing waits longer than it must.
pub(crate) const SOON: Duration = Duration::from_secs(120);
/// How often conditions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits until something is so, and gives what it found; fails with what was seen last.
pub(crate) async fn until<T>(
    ports: &Ports,
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = ports.clock.now().plus(within);
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => {
                let now = ports.clock.now();
                assert!(
                    now < end,
                    "{what}: not within {within:?}; last seen: {seen}"
                );
                ports.clock.sleep_until(now.plus(LOOK_EVERY)).await;
            }
        }
    }
}

/// Lets time pass in which nothing is asserted.
pub(crate) async fn pass(ports: &Ports, time: Duration) {
    ports.clock.sleep_until(ports.clock.now().plus(time)).await;
}
