//! What was decided and is not durable yet.
//!
//! Decisions follow each other without waiting for the disk: each reads what the ones before it changed
//! from here, and all that come while one group is written become the next group, which is one commit. A
//! group that fails takes all later ones with it, because they were built on it. So the store sees the
//! same rows as if every decision had been committed alone, only in larger steps.
//!
//! Start reading at [`Pending::take_in`]; [`Ahead`] is the store as the next decision sees it.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use store::{Append, Batch, Expect, Range, Row, Seq, Stats, Store, StoreError, Table};
use tokio::sync::watch;

use crate::rows;

/// A group of so many decisions is not added to.
const DECISIONS_MAX: usize = 256;
/// Nor one of so many bytes. A single decision may be larger.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// With so many groups on their way, deciding waits.
pub(crate) const GROUPS_MAX: usize = 3;
/// The version of a row that has none yet. No row of a store ever has it.
const UNSETTLED: Seq = Seq(u64::MAX);

/// A row by its place.
type Place = (Table, Vec<u8>);

/// How a group ended; nothing while it is on its way.
pub(crate) type Outcome = Option<Result<(), StoreError>>;

/// Groups that are not durable, the oldest first. That one is being written, if any is.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    groups: VecDeque<Group>,
    next_id: u64,
    is_flying: bool,
}

/// Decisions that are committed together.
#[derive(Debug)]
struct Group {
    id: u64,
    decisions: usize,
    bytes: usize,
    /// Rows as they are after it; nothing for one that it deletes.
    rows: BTreeMap<Place, Option<Vec<u8>>>,
    expects: BTreeMap<Place, Expected>,
    facts: Vec<Vec<u8>>,
    outcome: watch::Sender<Outcome>,
}

/// What a group relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// What the store said.
    Version(Option<Seq>),
    /// A row that an earlier group writes.
    WrittenBy(u64),
}

impl Group {
    fn new(id: u64) -> Group {
        Group {
            id,
            decisions: 0,
            bytes: 0,
            rows: BTreeMap::new(),
            expects: BTreeMap::new(),
            facts: Vec::new(),
            outcome: watch::Sender::new(None),
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.decisions < DECISIONS_MAX && self.bytes + bytes <= BYTES_MAX
    }

    /// The commit that it is. What it expects of earlier groups is known by now.
    fn batch(&mut self) -> Batch {
        let mut batch = Batch {
            facts: std::mem::take(&mut self.facts),
            ..Batch::default()
        };
        for ((table, key), expected) in std::mem::take(&mut self.expects) {
            let Expected::Version(version) = expected else {
                unreachable!("an earlier group has landed before this one is written");
            };
            batch.expects.push(Expect {
                table,
                key,
                version,
            });
        }
        // The rows stay here: whoever decides meanwhile reads them.
        for ((table, key), value) in &self.rows {
            match value {
                Some(value) => batch.puts.push((*table, key.clone(), value.clone())),
                None => batch.deletes.push((*table, key.clone())),
            }
        }
        batch
    }
}

impl Pending {
    /// Whether deciding should wait for the disk.
    pub(crate) fn is_full(&self) -> bool {
        self.groups.len() >= GROUPS_MAX
    }

    /// Whether all is durable.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Adds what a decision changes, which read its rows through [`Ahead`] since the last change here. Tells
    /// how to hear of its end.
    pub(crate) fn take_in(&mut self, batch: Batch) -> watch::Receiver<Outcome> {
        if is_empty(&batch) {
            // It changes nothing, but it was decided by what is pending.
            let last = self.groups.back().map(|group| group.outcome.subscribe());
            return last.unwrap_or_else(|| watch::channel(Some(Ok(()))).1);
        }
        let bytes = bytes_of(&batch);
        let begun = usize::from(self.is_flying);
        let has_room = |group: &Group| group.has_room(bytes);
        if self.groups.len() <= begun || !self.groups.back().is_some_and(has_room) {
            self.groups.push_back(Group::new(self.next_id));
            self.next_id += 1;
        }
        let (open, earlier) = self
            .groups
            .make_contiguous()
            .split_last_mut()
            .expect("one was just there or made");
        for Expect {
            table,
            key,
            version,
        } in batch.expects
        {
            let place = (table, key);
            if open.rows.contains_key(&place) {
                continue;
            }
            let written_by = earlier.iter().rev().find_map(|group| {
                let value = group.rows.get(&place)?;
                Some(match value {
                    Some(_) => Expected::WrittenBy(group.id),
                    None => Expected::Version(None),
                })
            });
            // Where two disagree the store had changed between them, and holds the group to the first.
            let expected = written_by.unwrap_or(Expected::Version(version));
            open.expects.entry(place).or_insert(expected);
        }
        for (table, key, value) in batch.puts {
            let value = rows::behind(table, value, open.facts.len());
            open.rows.insert((table, key), Some(value));
        }
        for (table, key) in batch.deletes {
            open.rows.insert((table, key), None);
        }
        open.facts.extend(batch.facts);
        open.bytes += bytes;
        open.decisions += 1;
        open.outcome.subscribe()
    }

    /// The next commit, unless one is on its way. Until [`Pending::land`] it is.
    pub(crate) fn take_off(&mut self) -> Option<Batch> {
        if self.is_flying {
            return None;
        }
        let batch = self.groups.front_mut()?.batch();
        self.is_flying = true;
        Some(batch)
    }

    /// Takes in how a commit ended. When it failed, so has everything that came after it.
    pub(crate) fn land(&mut self, result: Result<Seq, StoreError>) {
        self.is_flying = false;
        match result {
            Ok(seq) => {
                let Some(group) = self.groups.pop_front() else {
                    return;
                };
                for later in &mut self.groups {
                    for expected in later.expects.values_mut() {
                        if *expected == Expected::WrittenBy(group.id) {
                            *expected = Expected::Version(Some(seq));
                        }
                    }
                }
                group.outcome.send_replace(Some(Ok(())));
            }
            Err(error) => {
                for group in self.groups.drain(..) {
                    group.outcome.send_replace(Some(Err(error.clone())));
                }
            }
        }
    }

    /// Fails whatever is not on its way to the disk: it was built on something that is not so.
    pub(crate) fn give_up(&mut self, error: &StoreError) {
        let begun = usize::from(self.is_flying);
        for group in self.groups.drain(begun..) {
            group.outcome.send_replace(Some(Err(error.clone())));
        }
    }

    fn row(&self, place: &Place) -> Option<&Option<Vec<u8>>> {
        self.groups
            .iter()
            .rev()
            .find_map(|group| group.rows.get(place))
    }

    /// The rows below the prefix of a scan, as far as any group changes them.
    fn rows_in(&self, table: Table, range: &Range) -> BTreeMap<&[u8], Option<&[u8]>> {
        let (first, mut found) = (range.prefix.clone(), BTreeMap::new());
        let is_in = |(of, key): &Place| *of == table && key.starts_with(&range.prefix);
        for group in &self.groups {
            let rows = group.rows.range((table, first.clone())..);
            for ((_, key), value) in rows.take_while(|(place, _)| is_in(place)) {
                found.insert(key.as_slice(), value.as_deref());
            }
        }
        found
    }
}

fn is_empty(batch: &Batch) -> bool {
    batch.puts.is_empty() && batch.deletes.is_empty() && batch.facts.is_empty()
}

fn bytes_of(batch: &Batch) -> usize {
    let puts = batch
        .puts
        .iter()
        .map(|(_, key, value)| key.len() + value.len());
    let deletes = batch.deletes.iter().map(|(_, key)| key.len());
    let facts = batch.facts.iter().map(Vec::len);
    puts.chain(deletes).chain(facts).sum()
}

/// The store as it will be when all that is pending is durable. It is only read.
pub(crate) struct Ahead<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) pending: &'a Pending,
}

fn unsettled(value: &[u8]) -> Row {
    Row {
        version: UNSETTLED,
        value: value.to_vec(),
    }
}

#[async_trait]
impl Store for Ahead<'_> {
    async fn append(&self, signals: Vec<Append>) -> Result<Vec<Seq>, StoreError> {
        self.store.append(signals).await
    }

    async fn commit(&self, batch: Batch) -> Result<Seq, StoreError> {
        self.store.commit(batch).await
    }

    async fn facts_after(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Vec<u8>)>, StoreError> {
        self.store.facts_after(after, limit).await
    }

    async fn fact(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.fact(at).await
    }

    async fn body(&self, at: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.body(at).await
    }

    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        if self.pending.is_empty() {
            return self.store.get(table, key).await;
        }
        match self.pending.row(&(table, key.to_vec())) {
            Some(value) => Ok(value.as_deref().map(unsettled)),
            None => self.store.get(table, key).await,
        }
    }

    async fn scan(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.scan_either(false, table, range, limit).await
    }

    async fn scan_back(
        &self,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        self.scan_either(true, table, range, limit).await
    }

    async fn stats(&self) -> Result<Stats, StoreError> {
        self.store.stats().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.store.close().await
    }
}

impl Ahead<'_> {
    /// A scan in the order of the keys, or back.
    async fn scan_either(
        &self,
        is_back: bool,
        table: Table,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Row)>, StoreError> {
        let is_before = |one: &[u8], other: &[u8]| match is_back {
            true => one > other,
            false => one < other,
        };
        let stored = async |page: Range| match is_back {
            true => self.store.scan_back(table, page, limit).await,
            false => self.store.scan(table, page, limit).await,
        };
        let limit = limit.min(store::SCAN_LIMIT_MAX);
        let mut changed = self.pending.rows_in(table, &range);
        let after = range.after.as_deref();
        changed.retain(|key, _| after.is_none_or(|after| is_before(after, key)));
        if changed.is_empty() || limit == 0 {
            return stored(range).await;
        }
        let (mut rows, mut after) = (Vec::new(), range.after.clone());
        loop {
            let page = Range {
                prefix: range.prefix.clone(),
                after: after.take(),
            };
            let page = stored(page).await?;
            let is_last = page.len() < limit;
            let last = page.last().map(|(key, _)| key.clone());
            // Of what is pending, only what comes before the end of this page is in its turn.
            let is_due = |key: &[u8]| {
                let last = last.as_deref();
                is_last || last.is_some_and(|last| !is_before(last, key))
            };
            let mut merged: BTreeMap<Vec<u8>, Row> = page.into_iter().collect();
            let due = changed.extract_if(.., |key, _| is_due(key));
            for (key, value) in due {
                match value {
                    Some(value) => drop(merged.insert(key.to_vec(), unsettled(value))),
                    None => drop(merged.remove(key)),
                }
            }
            match is_back {
                true => rows.extend(merged.into_iter().rev()),
                false => rows.extend(merged),
            }
            if rows.len() >= limit || is_last {
                rows.truncate(limit);
                return Ok(rows);
            }
            after = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use domain::{
        Time,
        fact::{Event, Fact},
        ids::{IdSource, OrderId},
    };
    use store::Memory;

    const ROWS: Table = Table("rows");
    const OTHERS: Table = Table("others");

    fn put(batch: &mut Batch, key: &str, value: &str) {
        let row = (ROWS, key.as_bytes().to_vec(), value.as_bytes().to_vec());
        batch.puts.push(row);
    }

    fn delete(batch: &mut Batch, key: &str) {
        batch.deletes.push((ROWS, key.as_bytes().to_vec()));
    }

    /// Some rows of a pseudo-random history: the store has the first part, groups the others.
    fn change(chance: &mut fastrand::Rng) -> Batch {
        let mut batch = Batch::default();
        let mut keys: Vec<u32> = (0..chance.u32(1..5)).map(|_| chance.u32(0..24)).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let key = format!("{}{key:02}", if key % 3 == 0 { "a" } else { "b" });
            match chance.bool() {
                true => put(&mut batch, &key, &chance.u32(..).to_string()),
                false => delete(&mut batch, &key),
            }
        }
        batch
    }

    fn plain(rows: Vec<(Vec<u8>, Row)>) -> Vec<(Vec<u8>, Vec<u8>)> {
        rows.into_iter()
            .map(|(key, row)| (key, row.value))
            .collect()
    }

    #[tokio::test]
    async fn what_is_pending_is_read_as_if_it_were_stored() {
        for seed in 0..300 {
            let mut chance = fastrand::Rng::with_seed(seed);
            let (behind, model) = (Memory::new(), Memory::new());
            let mut pending = Pending::default();
            let mut other = Batch::default();
            other.puts.push((OTHERS, b"a01".to_vec(), b"x".to_vec()));
            for store in [&behind, &model] {
                store.commit(other.clone()).await.expect("room");
            }
            for step in 0..40 {
                let batch = change(&mut chance);
                model.commit(batch.clone()).await.expect("room");
                drop(pending.take_in(batch));
                if chance.u32(0..4) == 0
                    && let Some(batch) = pending.take_off()
                {
                    // What comes while it is written goes into the next group.
                    if chance.bool() {
                        let batch = change(&mut chance);
                        model.commit(batch.clone()).await.expect("room");
                        drop(pending.take_in(batch));
                    }
                    pending.land(behind.commit(batch).await);
                }
                let ahead = Ahead {
                    store: &behind,
                    pending: &pending,
                };
                for prefix in ["", "a", "b", "c"] {
                    for after in [None, Some("a05"), Some("b10"), Some("zz")] {
                        let range = Range {
                            prefix: prefix.into(),
                            after: after.map(Into::into),
                        };
                        for limit in [0, 1, 3, 100] {
                            let what = format!("seed {seed}, step {step}, {range:?}, {limit}");
                            let found = ahead.scan(ROWS, range.clone(), limit).await;
                            let expected = model.scan(ROWS, range.clone(), limit).await;
                            let found = plain(found.expect("it is read"));
                            assert_eq!(found, plain(expected.expect("it is read")), "{what}");
                            let found = ahead.scan_back(ROWS, range.clone(), limit).await;
                            let expected = model.scan_back(ROWS, range.clone(), limit).await;
                            let found = plain(found.expect("it is read"));
                            assert_eq!(found, plain(expected.expect("it is read")), "back, {what}");
                        }
                    }
                }
                for key in ["a00", "a03", "b01", "b22"] {
                    let found = ahead.get(ROWS, key.as_bytes()).await.expect("it is read");
                    let expected = model.get(ROWS, key.as_bytes()).await.expect("it is read");
                    assert_eq!(found.map(|row| row.value), expected.map(|row| row.value));
                }
            }
        }
    }

    /// How a group ended, in a word.
    fn said(end: &watch::Receiver<Outcome>) -> &'static str {
        match &*end.borrow() {
            None => "pending",
            Some(Ok(())) => "durable",
            Some(Err(StoreError::Conflict { .. })) => "conflict",
            Some(Err(_)) => "failed",
        }
    }

    fn expecting(key: &str, version: Option<Seq>, value: &str) -> Batch {
        let mut batch = Batch::default();
        put(&mut batch, key, value);
        let key = key.as_bytes().to_vec();
        let table = ROWS;
        batch.expects.push(Expect {
            table,
            key,
            version,
        });
        batch
    }

    fn fact(order: OrderId, number: i64) -> Fact {
        Fact {
            at: Time::from_millis(number),
            order: Some(order),
            account: None,
            event: Event::ItemSet {
                sku: format!("sku-{number}").parse().expect("a SKU"),
            },
        }
    }

    /// What the decider writes for these facts, the first of each order at a place of its timeline.
    fn deciding(facts: &[Fact], orders: &[OrderId], at: u64) -> Batch {
        let mut batch = Batch {
            facts: rows::encode_facts(facts),
            ..Batch::default()
        };
        for order in orders {
            let key = rows::key(&[&order.to_string(), &rows::sortable(at)]);
            let logged = rows::logged(facts, *order).expect("it has facts");
            batch.puts.push((rows::TIMELINE, key, logged.encode()));
        }
        batch
    }

    async fn told(store: &Memory, order: OrderId) -> Vec<Event> {
        let range = Range {
            prefix: rows::prefix(&[&order.to_string()]),
            after: None,
        };
        let page = store.scan(rows::TIMELINE, range, 100).await;
        let mut events = Vec::new();
        for (_, row) in page.expect("it is read") {
            let of_row = rows::events_of(store, order, &row).await;
            events.extend(of_row.expect("they are there").into_iter().map(|(_, e)| e));
        }
        events
    }

    #[tokio::test]
    async fn timelines_find_their_facts_whatever_shares_their_commit() {
        let mut ids = IdSource::new(Time::EPOCH, [7; 16]);
        let (a, b) = (OrderId::next(&mut ids), OrderId::next(&mut ids));
        let (store, mut pending) = (Memory::new(), Pending::default());
        // Facts of two orders in turn, more than one entry of the log takes.
        let long: Vec<Fact> = (0..250)
            .map(|n| fact(if n % 2 == 0 { a } else { b }, n))
            .collect();
        let short = [fact(b, 1000)];
        let last = [fact(a, 1001), fact(b, 1002)];
        drop(pending.take_in(deciding(&long, &[a, b], 0)));
        drop(pending.take_in(deciding(&short, &[b], 125)));
        let first = pending.take_off().expect("two decisions wait");
        drop(pending.take_in(deciding(&last, &[a, b], 126)));
        pending.land(store.commit(first).await);
        let second = pending.take_off().expect("one decision waits");
        pending.land(store.commit(second).await);
        for order in [a, b] {
            let all = long.iter().chain(&short).chain(&last);
            let right: Vec<Event> = all
                .filter(|fact| fact.order == Some(order))
                .map(|fact| fact.event.clone())
                .collect();
            assert_eq!(told(&store, order).await, right);
        }
        // As earlier versions kept them.
        let inline = serde_json::json!({ "at": fact(a, 5).at, "events": [fact(a, 5).event] });
        let row = Row {
            version: Seq(1),
            value: rows::encode(&inline),
        };
        let events = rows::events_of(&store, a, &row).await.expect("it is read");
        assert_eq!(events, [(fact(a, 5).at, fact(a, 5).event)]);
        let nowhere = Row {
            version: Seq(10_000),
            value: rows::logged(&short, b).expect("it has one").encode(),
        };
        let error = rows::events_of(&store, b, &nowhere).await;
        assert!(
            matches!(error, Err(StoreError::Corrupt { .. })),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_group_relies_on_what_the_one_before_it_wrote() {
        let (store, mut pending) = (Memory::new(), Pending::default());
        drop(pending.take_in(expecting("a", None, "1")));
        let first = pending.take_off().expect("it is the first");
        assert!(pending.take_off().is_none(), "one at a time");
        let end = pending.take_in(expecting("a", Some(UNSETTLED), "2"));
        drop(pending.take_in(expecting("a", Some(UNSETTLED), "3")));
        pending.land(store.commit(first).await);
        let second = pending.take_off().expect("two decisions wait");
        assert_eq!(second.puts.len(), 1);
        pending.land(store.commit(second).await);
        assert_eq!(said(&end), "durable");
        assert!(pending.is_empty() && !pending.is_full());
        let row = store.get(ROWS, b"a").await.expect("it is read");
        assert_eq!(row.map(|row| row.value), Some(b"3".to_vec()));
    }

    #[tokio::test]
    async fn what_was_built_on_a_group_that_failed_fails_with_it() {
        let (store, mut pending) = (Memory::new(), Pending::default());
        let first = pending.take_in(expecting("a", None, "1"));
        let batch = pending.take_off().expect("it is the first");
        let second = pending.take_in(expecting("b", None, "2"));
        // Somebody else was there before.
        store.commit(expecting("a", None, "9")).await.expect("room");
        pending.land(store.commit(batch).await);
        assert_eq!([said(&first), said(&second)], ["conflict", "conflict"]);
        assert!(pending.is_empty() && pending.take_off().is_none());
        assert_eq!(store.get(ROWS, b"b").await.expect("it is read"), None);
    }

    #[test]
    fn a_group_has_an_end() {
        let mut pending = Pending::default();
        let end = pending.take_in(Batch::default());
        assert_eq!(said(&end), "durable", "nothing is to be written");
        for _ in 0..DECISIONS_MAX * (GROUPS_MAX - 1) {
            let mut batch = Batch::default();
            delete(&mut batch, "a");
            drop(pending.take_in(batch));
        }
        assert!(!pending.is_full());
        drop(pending.take_in(expecting("a", None, "1")));
        assert!(pending.is_full());
        let end = pending.take_in(Batch::default());
        assert_eq!(said(&end), "pending", "what it was decided by may fail");
        let mut pending = Pending::default();
        for _ in 0..2 {
            let mut large = Batch::default();
            large.facts.push(vec![0; BYTES_MAX]);
            drop(pending.take_in(large));
        }
        assert_eq!(pending.groups.len(), 2, "each is alone in its group");
    }
}
