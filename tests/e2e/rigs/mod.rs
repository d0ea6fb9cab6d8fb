//! Rigs: the real daemon under load loses its process, its power, its syncs, its space or its files, and
//! nothing that it acknowledged. How to run them for long is in CONTRIBUTING.md.
//!
//! `cargo test` takes a share of each. `ONESHELF_RIG_ROUNDS` says how much to do instead, and
//! `ONESHELF_RIG_SEED` what all chance comes from; else that is new each time. What a rig has done is
//! said in a line with its seed. A seed fixes what people do, when something is cut and what of it
//! stays, but not how a machine takes turns: a seed that fails makes the same failure likely.

mod canary;
mod damage;
mod disk;
mod faults;
mod kill;
mod power;
mod recording;

use std::io::Write as _;

/// How much a rig does, and from which seed.
#[derive(Clone, Copy, Debug)]
struct Share {
    rounds: u32,
    seed: u64,
}

impl Share {
    /// What was asked for, or so many rounds.
    fn of(rig: &str, rounds: u32) -> Share {
        let asked = |name: &str| {
            let text = std::env::var_os(name)?.into_string().ok()?;
            let number = text.parse::<u64>();
            Some(number.unwrap_or_else(|_| panic!("{name} is a number, not `{text}`")))
        };
        let share = Share {
            rounds: asked("ONESHELF_RIG_ROUNDS").map_or(rounds, |asked| {
                u32::try_from(asked).expect("a moderate number of rounds")
            }),
            seed: asked("ONESHELF_RIG_SEED").unwrap_or_else(|| u64::from(fastrand::u32(..))),
        };
        say(
            rig,
            &format!("{} rounds from seed {}", share.rounds, share.seed),
        );
        share
    }
}

/// Says something in plain sight, past the capture of the test harness.
fn say(rig: &str, what: &str) {
    let line = format!("rig: {rig}: {what}\n");
    let told = std::io::stderr().write_all(line.as_bytes());
    told.expect("standard error can be written");
}

/// Says in plain sight that a rig could not run here, and why.
fn skipped(rig: &str, why: &str) {
    let line = format!("skipped: {rig}: {why}\n");
    let told = std::io::stderr().write_all(line.as_bytes());
    told.expect("standard error can be written");
}
