//! How long to wait before trying again.

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff};
use domain::Time;

use super::Ports;

/// The first pause.
const INITIAL: Duration = Duration::from_millis(500);
/// The longest pause: a channel that was away for a night is found again within minutes.
const MAX: Duration = Duration::from_secs(300);

/// The time of the next try after so many.
pub fn next_try(ports: &Ports, tries: u32) -> Time {
    ports.clock.now().plus(pause(tries, chance(ports)))
}

/// The pause after so many tries: exponential, and somewhere in its upper half, so that accounts
/// that failed together do not come back together.
fn pause(tries: u32, chance: f64) -> Duration {
    let mut backoff: ExponentialBackoff = ExponentialBackoffBuilder::new()
        .with_initial_interval(INITIAL)
        .with_multiplier(2.0)
        .with_randomization_factor(0.0)
        .with_max_interval(MAX)
        .with_max_elapsed_time(None)
        .build();
    let mut pause = INITIAL;
    // Beyond this the pause has long reached its maximum.
    for _ in 0..tries.clamp(1, 16) {
        pause = backoff.next_backoff().unwrap_or(MAX);
    }
    pause.mul_f64(0.5 + chance / 2.0)
}

/// A number from 0 to 1 from our own chance, because the crate's own would differ in a replay.
fn chance(ports: &Ports) -> f64 {
    let [first, ..] = ports.entropy.seed();
    f64::from(first) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause(1, 1.0), INITIAL);
        assert_eq!(pause(2, 1.0), INITIAL * 2);
        assert_eq!(pause(0, 1.0), INITIAL);
        assert_eq!(pause(u32::MAX, 1.0), MAX);
        assert_eq!(pause(u32::MAX, 0.0), MAX / 2);
    }
}
