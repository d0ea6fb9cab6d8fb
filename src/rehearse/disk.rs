//! The disk of the simulated machine: a store in memory that takes a moment, and is looked at after
//! every write.
//!
//! The moment lets other tasks run between two writes, as on a real machine. What a look finds is kept
//! by the [`Watch`], which outlives the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range as Span,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;
use domain::{AccountId, Sku, Time, fact::Fact, locations::Locations, order::Order};
use engine::ports::Clock;
use fastrand::Rng;
use store::{Append, Batch, Memory, Range, Row, Seq, Stats, Store, StoreError, Table};

use crate::{
    checkers,
    findings::{Checker, Findings},
    pushes::Pushes,
    rows::Rows,
    trace::Trace,
};

/// How long a write takes before and after it is durable.
pub const SYNC_MS: Span<u64> = 0..3;
/// The same for a process that is far from the store.
pub const FAR_SYNC_MS: Span<u64> = 0..120;
/// After how many writes everything is computed again.
const WHOLE_EVERY: u64 = 97;

/// Looks at every write: facts go into the trace, and what must hold is checked.
pub struct Watch {
    /// All facts, in order.
    pub facts: Vec<Fact>,
    /// What did not hold, and what was looked at.
    pub found: Findings,
    /// How many facts there were of each kind.
    pub kinds: BTreeMap<String, u64>,
    /// How many writes there were.
    pub writes: u64,
    /// How many raw signals became durable.
    pub appended: u64,
    trace: Trace,
    seen: Seq,
    /// How long an unpaid order keeps its stock, by account.
    unpaid_for: BTreeMap<AccountId, Duration>,
    locations: Locations,
    pushes: Pushes,
    /// Who is not listened to.
    off: BTreeSet<Checker>,
}

/// The most violations that are kept: the first ones tell.
const VIOLATIONS_MAX: usize = 20;

impl Watch {
    /// A watch that has seen nothing.
    pub fn new(
        trace: Trace,
        unpaid_for: BTreeMap<AccountId, Duration>,
        locations: Locations,
        off: BTreeSet<Checker>,
    ) -> Watch {
        Watch {
            locations,
            facts: Vec::new(),
            found: Findings::default(),
            writes: 0,
            appended: 0,
            trace,
            seen: Seq(0),
            unpaid_for,
            pushes: Pushes::default(),
            kinds: BTreeMap::new(),
            off,
        }
    }

    /// Looks at what became durable since the last time.
    pub fn look(&mut self, memory: &Memory, now: Time) {
        let recorded = Rows(memory).facts_after(self.seen);
        self.writes += 1;
        let known = self.facts.len();
        let mut touched: Vec<Sku> = Vec::new();
        for one in recorded {
            self.trace.note(now, &format!("fact {}", one.json));
            *self.kinds.entry(one.kind).or_default() += 1;
            self.seen = one.at;
            touched.extend(checkers::skus_of(&one.fact).cloned());
            self.facts.push(one.fact);
        }
        let fresh: Vec<&Fact> = self.facts.iter().skip(known).collect();
        let mut found = Findings::default();
        self.pushes.look(memory, &fresh, &mut found);
        self.add(now, found);
        touched.sort();
        touched.dedup();
        for sku in &touched {
            let found = checkers::check_item(memory, sku, &self.locations);
            self.add(now, found);
        }
        if self.writes.is_multiple_of(WHOLE_EVERY) {
            self.look_at_all(memory, now);
        }
    }

    /// Computes everything again.
    pub fn look_at_all(&mut self, memory: &Memory, now: Time) {
        let unpaid_for = &self.unpaid_for;
        let deadline = |order: &Order| {
            let waits = !order.is_payable() && !order.is_withdrawn() && order.expired_at.is_none();
            unpaid_for
                .get(&order.account)
                .filter(|_| waits)
                .map(|duration| order.placed_at.plus(*duration))
        };
        let found = checkers::check_all(memory, &deadline, &self.locations);
        self.add(now, found);
    }

    /// Asks what the merchant's own doctor would say: of a shelf on which all is well, nothing. Where a
    /// checker is switched off, the doctor would say in its place what it must not.
    pub fn ask_doctor(&mut self, memory: &Memory, now: Time) {
        if !self.off.is_empty() {
            return;
        }
        let mut looking = std::pin::pin!(engine::doctor::examine(memory));
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(looked) = looking.as_mut().poll(&mut context) else {
            panic!("a store in memory answers at once");
        };
        let sentences = match looked {
            Ok(diagnosis) => diagnosis.sentences,
            Err(error) => vec![error.to_string()],
        };
        for sentence in sentences {
            self.complain(now, Checker::OrderLists, format!("doctor: {sentence}"));
        }
    }

    /// Keeps what did not hold.
    pub fn add(&mut self, now: Time, mut found: Findings) {
        found.wrong.retain(|(by, _)| !self.off.contains(by));
        for (_, sentence) in &found.wrong {
            self.trace.note(now, &format!("violation {sentence}"));
        }
        let room = VIOLATIONS_MAX.saturating_sub(self.found.wrong.len());
        found.wrong.truncate(room);
        self.found.merge(found);
    }

    /// Keeps one sentence of what did not hold.
    pub fn complain(&mut self, now: Time, checker: Checker, sentence: String) {
        let mut found = Findings::default();
        found.add(checker, sentence);
        self.add(now, found);
    }
}

/// A store in memory behind a disk.
pub struct Disk {
    memory: Arc<Memory>,
    watch: Arc<Mutex<Watch>>,
    clock: Arc<dyn Clock>,
    takes_ms: Span<u64>,
    chance: Mutex<Rng>,
}

impl Disk {
    /// A disk over what is durable.
    pub fn new(
        memory: Arc<Memory>,
        watch: Arc<Mutex<Watch>>,
        clock: Arc<dyn Clock>,
        takes_ms: Span<u64>,
        seed: u64,
    ) -> Disk {
        Disk {
            takes_ms,
            memory,
            watch,
            clock,
            chance: Mutex::new(Rng::with_seed(seed)),
        }
    }

    async fn take_a_moment(&self) {
        let millis = lock(&self.chance).u64(self.takes_ms.clone());
        let until = self.clock.now().plus(Duration::from_millis(millis));
        self.clock.sleep_until(until).await;
    }

    fn look<T>(&self, written: &Result<T, StoreError>) {
        if written.is_ok() {
            lock(&self.watch).look(&self.memory, self.clock.now());
        }
    }
}

/// Takes a lock that no panic can leave in disorder: what it guards is only read afterwards.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for Disk {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        self.take_a_moment().await;
        let count = signals.len() as u64;
        let written = self.memory.append(signals).await;
        if written.is_ok() {
            lock(&self.watch).appended += count;
        }
        self.look(&written);
        self.take_a_moment().await;
        written
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError> {
        self.take_a_moment().await;
        let written = self.memory.commit(batch).await;
        self.look(&written);
        self.take_a_moment().await;
        written
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        self.memory.facts_after(after, limit).await
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.fact(at).await
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.body(at).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.memory.get(table, key).await
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.memory.scan(table, range, limit).await
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.memory.scan_back(table, range, limit).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.memory.stats().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.memory.close().await
    }
}
