//! What happened, in order: calls, hooks, facts, each with its virtual time. Its hash says whether two
//! runs were the same; its last lines say what led to a failure.

use std::{
    collections::VecDeque,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::Time;
use sha2::{Digest, Sha256};

/// How many lines are kept for people when not all are.
const TAIL: usize = 400;

/// The story of a run, written to by all of its parts.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    hash: Sha256,
    lines: VecDeque<String>,
    count: u64,
    keeps_all: bool,
}

impl Trace {
    /// A trace that keeps every line, to find where two runs part.
    pub fn whole() -> Trace {
        let trace = Trace::default();
        trace.lock().keeps_all = true;
        trace
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line.
    pub fn note(&self, at: Time, what: &str) {
        let line = format!("{} {what}", at.millis());
        let mut inner = self.lock();
        inner.hash.update(line.as_bytes());
        inner.hash.update(b"\n");
        inner.count += 1;
        if !inner.keeps_all && inner.lines.len() >= TAIL {
            inner.lines.pop_front();
        }
        inner.lines.push_back(line);
    }

    /// The hash of all lines so far, in hexadecimal digits.
    pub fn hash(&self) -> String {
        hexadecimal(&self.lock().hash.clone().finalize())
    }

    /// How many lines there were.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// The lines that were kept.
    pub fn lines(&self) -> Vec<String> {
        self.lock().lines.iter().cloned().collect()
    }
}

/// The beginning of the hash of a body: enough to tell two apart.
pub(crate) fn fingerprint(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    hexadecimal(hash.get(..6).unwrap_or_default())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_all_lines_and_their_order() {
        let story = |lines: &[&str]| {
            let trace = Trace::default();
            for line in lines {
                trace.note(Time::from_millis(7), line);
            }
            (trace.hash(), trace.count())
        };
        assert_eq!(story(&["a", "b"]), story(&["a", "b"]));
        assert_ne!(story(&["a", "b"]).0, story(&["b", "a"]).0);
        assert_eq!(story(&["a", "b"]).1, 2);
    }

    #[test]
    fn only_the_end_is_kept_unless_all_is_asked_for() {
        for (trace, kept) in [(Trace::default(), TAIL), (Trace::whole(), TAIL + 5)] {
            for number in 0..TAIL + 5 {
                trace.note(Time::EPOCH, &number.to_string());
            }
            assert_eq!(trace.lines().len(), kept);
        }
    }
}
