//! The store without a disk: for tests, for the simulator, and to try things out.
//!
//! It does what the others do, with the same limits and errors, and it is deterministic: what it
//! answers depends on what was asked, in that order, and on nothing else. "Durable" means here that
//! [`Memory::fork`] has it. A [`BeforeCommit`] can make it fail or die at any write; a store that died
//! answers nothing any more, and its fork is what the next start would find.

use std::{
    any::Any,
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use async_trait::async_trait;

use crate::{
    Append, Batch, Expect, INBOX, Range, Row, SCAN_LIMIT_MAX, Seq, Stats, Store, StoreError, Table,
    limits, scan_back_bound, scan_bounds,
};

/// What shall become of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is carried out.
    Go,
    /// There is no space for it; later ones may succeed.
    NoSpace,
    /// The process dies before it is durable.
    DieBefore,
    /// The process dies when it is durable, and before anybody hears of it.
    DieAfter,
}

/// Decides about each write, just before it. Conflicts and refusals are decided earlier.
pub trait BeforeCommit: Send + Sync {
    /// The fate of the write that would get position `at`.
    fn fate(&self, at: Seq) -> Fate;
}

impl<F: Fn(Seq) -> Fate + Send + Sync> BeforeCommit for F {
    fn fate(&self, at: Seq) -> Fate {
        self(at)
    }
}

/// A store in memory.
#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    hook: Option<Arc<dyn BeforeCommit>>,
}

#[derive(Default)]
struct State {
    kept: Kept,
    is_closed: bool,
    died: Option<&'static str>,
    writes: u64,
    records: u64,
}

/// What survives.
#[derive(Clone, Default)]
struct Kept {
    last: Seq,
    rows: BTreeMap<&'static str, BTreeMap<Vec<u8>, Slot>>,
    facts: BTreeMap<Seq, Vec<u8>>,
    bodies: BTreeMap<Seq, Vec<u8>>,
}

/// A row, with what it was last read as.
#[derive(Clone)]
struct Slot {
    row: Row,
    read: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl From<Row> for Slot {
    fn from(row: Row) -> Slot {
        let read = OnceLock::new();
        Slot { row, read }
    }
}

/// A row as [`Memory::look`] shows it.
pub struct Seen<'r>(&'r Slot);

impl Seen<'_> {
    /// What the row says. It is read once, however often it is looked at: what looks at everything after
    /// every write would do little else. A row that is written again is read again.
    pub fn read_as<T: Any + Send + Sync>(&self, read: impl FnOnce(&[u8]) -> T) -> Arc<T> {
        let mut read = Some(read);
        let mut fresh = || {
            let read = read.take().expect("it is read once");
            Arc::new(read(&self.0.row.value))
        };
        let kept: Arc<dyn Any + Send + Sync> = match self.0.read.get() {
            Some(kept) => Arc::clone(kept),
            None => {
                let kept = fresh();
                // Another look may have been quicker; both say the same.
                drop(self.0.read.set(Arc::<T>::clone(&kept)));
                return kept;
            }
        };
        // Somebody reads it as something else than the first one did.
        kept.downcast().unwrap_or_else(|_| fresh())
    }
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// The same store, with a say about each write.
    #[must_use]
    pub fn with_hook(mut self, hook: Arc<dyn BeforeCommit>) -> Memory {
        self.hook = Some(hook);
        self
    }

    /// What the next start would find: everything that is durable, open, without a hook.
    #[must_use]
    pub fn fork(&self) -> Memory {
        let kept = self.lock().kept.clone();
        Memory {
            state: Mutex::new(State {
                kept,
                ..State::default()
            }),
            hook: None,
        }
    }

    /// Shows all rows below a prefix, in order, without taking copies.
    pub fn look(
        &self,
        table: Table,
        prefix: &[u8],
        look: &mut dyn FnMut(&[u8], Seen<'_>),
    ) -> Result<(), StoreError> {
        let state = self.open()?;
        let Some(rows) = state.kept.rows.get(table.0) else {
            return Ok(());
        };
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let below = rows
            .range::<[u8], _>(from)
            .take_while(|(key, _)| key.starts_with(prefix));
        for (key, slot) in below {
            look(key, Seen(slot));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while the lock is held can only be ours, and no change is made of two steps that
        // a reader could see half of.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.lock();
        let reason = match state.died {
            Some(reason) => reason,
            None if state.is_closed => "it is closed",
            None => return Ok(state),
        };
        Err(StoreError::Unavailable {
            reason: reason.to_owned(),
        })
    }

    fn write<T>(
        &self,
        state: &mut State,
        change: impl FnOnce(&mut Kept) -> T,
    ) -> Result<T, StoreError> {
        let at = Seq(state.kept.last.0 + 1);
        let fate = self.hook.as_ref().map_or(Fate::Go, |hook| hook.fate(at));
        match fate {
            Fate::NoSpace => return Err(StoreError::NoSpace { free_bytes: 0 }),
            Fate::DieBefore => return Err(state.die("it died before a write was durable")),
            Fate::Go | Fate::DieAfter => {}
        }
        let answer = change(&mut state.kept);
        state.writes += 1;
        if fate == Fate::DieAfter {
            return Err(state.die("it died after a write was durable"));
        }
        Ok(answer)
    }
}

impl State {
    fn die(&mut self, reason: &'static str) -> StoreError {
        self.died = Some(reason);
        StoreError::Unavailable {
            reason: reason.to_owned(),
        }
    }
}

impl Kept {
    fn append(&mut self, signals: Vec<Append>) -> Vec<Seq> {
        let mut seqs = Vec::with_capacity(signals.len());
        for Append { body, note } in signals {
            self.last.0 += 1;
            let version = self.last;
            self.bodies.insert(version, body);
            let row = Row {
                version,
                value: note,
            };
            self.table(INBOX)
                .insert(version.0.to_be_bytes().to_vec(), row.into());
            seqs.push(version);
        }
        seqs
    }

    fn commit(&mut self, batch: Batch) -> Seq {
        let version = Seq(self.last.0 + 1);
        for (table, key, value) in batch.puts {
            self.table(table).insert(key, Row { version, value }.into());
        }
        for (table, key) in batch.deletes {
            self.table(table).remove(&key);
        }
        let mut at = version;
        for fact in batch.facts {
            self.last = at;
            self.facts.insert(at, fact);
            at.0 += 1;
        }
        self.last = self.last.max(version);
        version
    }

    fn table(&mut self, table: Table) -> &mut BTreeMap<Vec<u8>, Slot> {
        self.rows.entry(table.0).or_default()
    }

    fn row(&self, table: Table, key: &[u8]) -> Option<&Row> {
        let slot = self.rows.get(table.0)?.get(key)?;
        Some(&slot.row)
    }

    fn meets(&self, expects: &[Expect]) -> Result<(), StoreError> {
        for expect in expects {
            let version = self.row(expect.table, &expect.key).map(|row| row.version);
            if version != expect.version {
                return Err(StoreError::Conflict {
                    table: expect.table,
                });
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Memory {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        let mut state = self.open()?;
        limits::check_append(&signals)?;
        if signals.is_empty() {
            return Ok(Vec::new());
        }
        let count = signals.len() as u64;
        let seqs = self.write(&mut state, |kept| kept.append(signals))?;
        state.records += count;
        Ok(seqs)
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError> {
        let mut state = self.open()?;
        limits::check_batch(&batch)?;
        state.kept.meets(&batch.expects)?;
        let seq = self.write(&mut state, |kept| kept.commit(batch))?;
        state.records += 1;
        Ok(seq)
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        let state = self.open()?;
        let facts = state
            .kept
            .facts
            .range((Bound::Excluded(after), Bound::Unbounded));
        Ok(facts
            .take(limit.min(SCAN_LIMIT_MAX))
            .map(|(seq, fact)| (*seq, fact.clone()))
            .collect())
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.open()?.kept.facts.get(&at).cloned())
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.open()?.kept.bodies.get(&at).cloned())
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let state = self.open()?;
        limits::check_row(table, key)?;
        Ok(state.kept.row(table, key).cloned())
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let state = self.open()?;
        limits::check_row(table, &range.prefix)?;
        let Some(rows) = state.kept.rows.get(table.0) else {
            return Ok(Vec::new());
        };
        Ok(rows
            .range::<[u8], _>(scan_bounds(&range))
            .take_while(|(key, _)| key.starts_with(&range.prefix))
            .take(limit.min(SCAN_LIMIT_MAX))
            .map(|(key, slot)| (key.clone(), slot.row.clone()))
            .collect())
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let state = self.open()?;
        limits::check_row(table, &range.prefix)?;
        let Some(rows) = state.kept.rows.get(table.0) else {
            return Ok(Vec::new());
        };
        let from = scan_back_bound(&range);
        let below = (Bound::Unbounded, from.as_ref().map(Vec::as_slice));
        Ok(rows
            .range::<[u8], _>(below)
            .rev()
            .take_while(|(key, _)| key.starts_with(&range.prefix))
            .take(limit.min(SCAN_LIMIT_MAX))
            .map(|(key, slot)| (key.clone(), slot.row.clone()))
            .collect())
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        let state = self.open()?;
        Ok(Stats {
            durable: state.kept.last,
            syncs: state.writes,
            records: state.records,
            ..Stats::default()
        })
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.is_closed = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{self, model};
    use proptest::prelude::*;

    #[tokio::test]
    async fn it_does_what_every_store_does() {
        conformance::run(async |_| Arc::new(Memory::new()) as Arc<dyn Store>).await;
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]
        #[test]
        fn it_does_what_the_model_does(steps in crate::model_steps::steps(40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(model::check(Arc::new(Memory::new()), &steps, async |store| store));
        }
    }

    #[tokio::test]
    async fn each_fate_leaves_what_its_name_says() {
        for (fate, answer, is_kept, is_alive) in [
            (Fate::Go, "", true, true),
            (Fate::NoSpace, "too little disk space", false, true),
            (Fate::DieBefore, "died before", false, false),
            (Fate::DieAfter, "died after", true, false),
        ] {
            let hook = move |at: Seq| if at == Seq(2) { fate } else { Fate::Go };
            let store = Memory::new().with_hook(Arc::new(hook));
            store.commit(Batch::default()).await.unwrap();
            let batch = Batch {
                facts: vec![b"fact".to_vec()],
                ..Batch::default()
            };
            let text = match store.commit(batch).await {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            };
            assert!(text.contains(answer), "{fate:?}: {text}");
            assert_eq!(store.stats().await.is_ok(), is_alive, "{fate:?}");
            let next = store.fork();
            let facts = next.facts_after(Seq(0), 9).await.unwrap();
            assert_eq!(facts.len(), usize::from(is_kept), "{fate:?}");
            next.commit(Batch::default()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_row_is_read_once_until_it_is_written_again() {
        const ROWS: Table = Table("rows");
        let store = Memory::new();
        let write = async |key: &[u8], value: &[u8]| {
            let batch = Batch {
                puts: vec![(ROWS, key.to_vec(), value.to_vec())],
                ..Batch::default()
            };
            store.commit(batch).await.unwrap();
        };
        let mut reads = 0;
        let mut look = |prefix: &[u8]| {
            let mut seen = Vec::new();
            let show = &mut |key: &[u8], row: Seen<'_>| {
                let value = row.read_as(|value| {
                    reads += 1;
                    value.to_vec()
                });
                seen.push((key.to_vec(), value.to_vec()));
            };
            store.look(ROWS, prefix, show).unwrap();
            (seen, reads)
        };
        for (key, value) in [(b"a1", b"x"), (b"a2", b"y"), (b"b1", b"z")] {
            write(key, value).await;
        }
        let pair = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
        let both = vec![pair(b"a1", b"x"), pair(b"a2", b"y")];
        assert_eq!(look(b"a"), (both.clone(), 2));
        assert_eq!(look(b"a"), (both, 2));
        write(b"a2", b"new").await;
        assert_eq!(look(b"a2"), (vec![pair(b"a2", b"new")], 3));
        assert_eq!(look(b"").0.len(), 3);
        let mut lengths = Vec::new();
        let other = &mut |_: &[u8], row: Seen<'_>| lengths.push(*row.read_as(|v| v.len()));
        store.look(ROWS, b"a", other).unwrap();
        assert_eq!(lengths, [1, 3], "what it is read as may differ");
    }

    #[tokio::test]
    async fn a_fork_goes_its_own_way() {
        let store = Memory::new();
        store.commit(Batch::default()).await.unwrap();
        let fork = store.fork();
        fork.commit(Batch::default()).await.unwrap();
        assert_eq!(store.stats().await.unwrap().durable, Seq(1));
        assert_eq!(fork.stats().await.unwrap().durable, Seq(2));
    }
}
