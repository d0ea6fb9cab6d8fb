//! What was counted since the start, for people and for metrics. Nothing decides by it.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use domain::{Time, decide::Verdict, fact::Event};

use crate::decider::Done;

/// How many recent delays are kept for percentiles.
const DELAYS_MAX: usize = 4096;

/// Counters of this process.
#[derive(Debug, Default)]
pub struct Meters {
    /// Orders that became known.
    pub orders_accepted: AtomicU64,
    /// Views of orders that told nothing new.
    pub duplicates_dropped: AtomicU64,
    /// Levels that a channel took.
    pub pushes: AtomicU64,
    /// Levels that a channel held against us.
    pub conflicts: AtomicU64,
    /// Wishes that were overwritten before they were sent.
    pub coalesced: AtomicU64,
    /// Complete comparisons of an account's levels.
    pub reconciles: AtomicU64,
    /// Cases of drift that were opened.
    pub drifts: AtomicU64,
    /// Hooks that were believed.
    pub hooks_accepted: AtomicU64,
    /// Requests to hook addresses that were not.
    pub hooks_refused: AtomicU64,
    /// Raw signals that wait to be decided.
    pub backlog: AtomicUsize,
    delays_ms: Mutex<VecDeque<u64>>,
}

/// Delays from a wish to its acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Percentiles {
    /// Half of them were at most this.
    pub p50: u64,
    /// All but one in a hundred were at most this.
    pub p99: u64,
}

impl Meters {
    /// Counts what a decision did.
    pub(crate) fn count(&self, done: &Done, now: Time) {
        if done.verdict == Verdict::Duplicate || done.verdict == Verdict::Stale {
            add(&self.duplicates_dropped);
        }
        for fact in &done.book.facts {
            match &fact.event {
                Event::OrderAccepted { .. } => add(&self.orders_accepted),
                Event::PushAcknowledged { wanted_since, .. } => {
                    add(&self.pushes);
                    if let Some(since) = wanted_since {
                        self.note_delay(now.since(*since).as_millis());
                    }
                }
                Event::PushConflicted { .. } => add(&self.conflicts),
                Event::DriftOpened { .. } => add(&self.drifts),
                Event::OfferChanged { .. }
                | Event::OrderChanged { .. }
                | Event::LineAdded { .. }
                | Event::LineMapped { .. }
                | Event::Counted { .. }
                | Event::Claimed { .. }
                | Event::Released { .. }
                | Event::Short { .. }
                | Event::Covered { .. }
                | Event::Moved { .. }
                | Event::HoldPlaced { .. }
                | Event::HoldReleased { .. }
                | Event::ShipmentRecorded { .. }
                | Event::IntentMade { .. }
                | Event::IntentDone { .. }
                | Event::IntentParked { .. }
                | Event::PushStarted { .. }
                | Event::PushParked { .. }
                | Event::DriftClosed { .. }
                | Event::ItemSet { .. } => {}
            }
        }
    }

    fn note_delay(&self, millis: u128) {
        let mut delays = self
            .delays_ms
            .lock()
            .expect("no holder of this lock panics");
        if delays.len() >= DELAYS_MAX {
            delays.pop_front();
        }
        delays.push_back(u64::try_from(millis).unwrap_or(u64::MAX));
    }

    /// The delays from wish to acknowledgement of the recent pushes.
    pub fn propagation_ms(&self) -> Percentiles {
        let delays = self
            .delays_ms
            .lock()
            .expect("no holder of this lock panics");
        let mut sorted: Vec<u64> = delays.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let last = sorted.len().saturating_sub(1);
            sorted
                .get((sorted.len() * percent / 100).min(last))
                .copied()
                .unwrap_or(0)
        };
        Percentiles {
            p50: at(50),
            p99: at(99),
        }
    }
}

/// One more.
pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
