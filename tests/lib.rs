//! What tests of several crates share.
//!
//! A test that cannot run here says so with [`skipped`] and returns: it is never ignored, and never
//! fails for what the machine lacks.

use std::io::Write;

/// Says in plain sight that a test could not run here, and why. It writes past the capture of the
/// test harness, so that the line is seen when everything passes.
pub fn skipped(test: &str, why: &str) {
    let line = format!("skipped: {test}: {why}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error can be written");
}
