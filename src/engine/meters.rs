//! What was counted since the start, for people and for metrics. Nothing decides by it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use domain::{AccountId, Time, decide::Verdict, fact::Event};

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
    /// Runs of order rules that found it to be so.
    pub rules_matched: AtomicU64,
    /// Runs of order rules of which nobody can say whether it is so.
    pub rules_failed: AtomicU64,
    /// Hooks that were believed.
    pub hooks_accepted: AtomicU64,
    /// Requests to hook addresses that were not.
    pub hooks_refused: AtomicU64,
    /// Raw signals that wait to be decided.
    pub backlog: AtomicUsize,
    delays_ms: Mutex<BTreeMap<AccountId, VecDeque<u64>>>,
    signals: Mutex<Signals>,
    armed_at: Mutex<BTreeMap<AccountId, Time>>,
}

/// How long raw signals took from their arrival until they were decided, durably.
#[derive(Debug, Default)]
struct Signals {
    delays_ms: VecDeque<u64>,
    last_at: Option<Time>,
}

/// Delays, most often from a wish to its acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Percentiles {
    /// Half of them were at most this.
    pub p50: u64,
    /// All but one in a hundred were at most this.
    pub p99: u64,
}

impl Meters {
    /// Counts what a decision did.
    #[expect(
        clippy::too_many_lines,
        reason = "each fact is counted or said not to be"
    )]
    pub(crate) fn count(&self, done: &Done, now: Time) {
        if done.verdict == Verdict::Duplicate || done.verdict == Verdict::Stale {
            add(&self.duplicates_dropped);
        }
        for fact in &done.book.facts {
            match &fact.event {
                Event::OrderAccepted { .. } => add(&self.orders_accepted),
                Event::PushAcknowledged { due_since, .. } => {
                    add(&self.pushes);
                    if let (Some(since), Some(account)) = (due_since, &fact.account) {
                        let since = self.armed_at(account).map_or(*since, |at| at.max(*since));
                        self.note_delay(account, now.since(since).as_millis());
                    }
                }
                Event::PushConflicted { .. } => add(&self.conflicts),
                Event::DriftOpened { .. } => add(&self.drifts),
                Event::RuleMatched { .. } => add(&self.rules_matched),
                Event::RuleFailed { .. } => add(&self.rules_failed),
                Event::OfferChanged { .. }
                | Event::OrderChanged { .. }
                | Event::OrderEntered { .. }
                | Event::OrderReplaced { .. }
                | Event::LooksAlike { .. }
                | Event::PaymentRecorded { .. }
                | Event::LineAdded { .. }
                | Event::LineMapped { .. }
                | Event::Counted { .. }
                | Event::Claimed { .. }
                | Event::Released { .. }
                | Event::Allocated { .. }
                | Event::ArrivalExpected { .. }
                | Event::ArrivalClosed { .. }
                | Event::CountOpened { .. }
                | Event::CountEntered { .. }
                | Event::CountClosed { .. }
                | Event::Unbound { .. }
                | Event::Short { .. }
                | Event::Owed { .. }
                | Event::Covered { .. }
                | Event::IncidentOpened { .. }
                | Event::WayChosen { .. }
                | Event::IncidentClosed { .. }
                | Event::Moved { .. }
                | Event::HoldPlaced { .. }
                | Event::HoldReleased { .. }
                | Event::NoteAdded { .. }
                | Event::EvidenceMade { .. }
                | Event::ErasureAsked { .. }
                | Event::PersonErased { .. }
                | Event::Worked { .. }
                | Event::ShipmentRecorded { .. }
                | Event::Tracked { .. }
                | Event::DeliverySettled { .. }
                | Event::SentAgain { .. }
                | Event::ReturnAdvised { .. }
                | Event::Exchanged { .. }
                | Event::ReturnReceived { .. }
                | Event::ReturnInspected { .. }
                | Event::ReturnClosed { .. }
                | Event::DocumentIssued { .. }
                | Event::ReturnRefunded { .. }
                | Event::IntentMade { .. }
                | Event::IntentDone { .. }
                | Event::IntentDropped { .. }
                | Event::IntentParked { .. }
                | Event::PushStarted { .. }
                | Event::PushParked { .. }
                | Event::DriftClosed { .. }
                | Event::LevelEdited { .. }
                | Event::BreakerTripped { .. }
                | Event::BreakerLifted { .. }
                | Event::BufferTuned { .. }
                | Event::ListingEnded { .. }
                | Event::ListingLifted { .. }
                | Event::ListingMapped { .. }
                | Event::ItemSet { .. } => {}
            }
        }
    }

    /// How long nearly every level of an account took to be shown; nothing while too few were measured.
    pub fn lag_ms(&self, account: &AccountId) -> Option<u64> {
        const DELAYS_MIN: usize = 5;
        let delays = self.delays_ms.lock().expect(LOCK);
        let delays = delays.get(account).filter(|d| d.len() >= DELAYS_MIN)?;
        Some(Percentiles::of(delays.iter().copied().collect()).p99)
    }

    /// Notes that an account is written to from now on: what waited before says nothing of its channel.
    pub(crate) fn note_armed(&self, account: &AccountId, now: Time) {
        let mut armed = self.armed_at.lock().expect(LOCK);
        armed.insert(account.clone(), now);
    }

    fn armed_at(&self, account: &AccountId) -> Option<Time> {
        self.armed_at.lock().expect(LOCK).get(account).copied()
    }

    /// Notes how long a level took from when it was due until its channel took it.
    pub fn note_delay(&self, account: &AccountId, millis: u128) {
        let mut delays = self.delays_ms.lock().expect(LOCK);
        keep(delays.entry(account.clone()).or_default(), millis);
    }

    /// Notes that a raw signal was decided, and that this is durable.
    pub(crate) fn note_signal(&self, received_at: Time, now: Time) {
        let mut signals = self.signals.lock().expect(LOCK);
        keep(&mut signals.delays_ms, now.since(received_at).as_millis());
        signals.last_at = Some(now);
    }

    /// How long the recent raw signals took from their arrival until they were decided.
    pub fn signal_ms(&self) -> Percentiles {
        let signals = self.signals.lock().expect(LOCK);
        Percentiles::of(signals.delays_ms.iter().copied().collect())
    }

    /// When the last raw signal was decided.
    pub fn signal_decided_at(&self) -> Option<Time> {
        self.signals.lock().expect(LOCK).last_at
    }

    /// The delays from wish to acknowledgement of the recent pushes, on all accounts.
    pub fn propagation_ms(&self) -> Percentiles {
        let delays = self.delays_ms.lock().expect(LOCK);
        Percentiles::of(delays.values().flatten().copied().collect())
    }

    /// The same, account by account.
    pub fn propagation_ms_by_account(&self) -> BTreeMap<AccountId, Percentiles> {
        let delays = self.delays_ms.lock().expect(LOCK);
        let of = |(account, delays): (&AccountId, &VecDeque<u64>)| {
            (
                account.clone(),
                Percentiles::of(delays.iter().copied().collect()),
            )
        };
        delays.iter().map(of).collect()
    }
}

impl Percentiles {
    fn of(mut delays: Vec<u64>) -> Percentiles {
        delays.sort_unstable();
        let at = |percent: usize| {
            let last = delays.len().saturating_sub(1);
            delays
                .get((delays.len() * percent / 100).min(last))
                .copied()
                .unwrap_or(0)
        };
        Percentiles {
            p50: at(50),
            p99: at(99),
        }
    }
}

/// Keeps one more delay, and forgets the oldest of too many.
fn keep(delays: &mut VecDeque<u64>, millis: u128) {
    if delays.len() >= DELAYS_MAX {
        delays.pop_front();
    }
    delays.push_back(u64::try_from(millis).unwrap_or(u64::MAX));
}

const LOCK: &str = "no holder of this lock panics";

/// One more.
pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
