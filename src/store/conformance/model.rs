//! The rules of the port once more, as a few maps, to compare any backend with.
//!
//! The model is deliberately naive and shares nothing with the memory backend. [`check`] carries out
//! the same steps on both and compares every answer and, at the end, everything that can be read.

use std::{collections::BTreeMap, sync::Arc};

use crate::{Append, Batch, Expect, INBOX, Range, Seq, Store, StoreError, Table};

const TABLES: [Table; 3] = [Table("a"), Table("ab"), INBOX];

/// Something to do to a store. Small numbers name keys, so that steps meet each other.
#[derive(Clone, Debug)]
pub enum Step {
    /// Keep that many signals.
    Append(u8),
    /// Carry out a batch.
    Commit {
        /// Rows to expect, and whether to expect what is so.
        expects: Vec<(u8, bool)>,
        /// Rows to write, with the length of the value.
        puts: Vec<(u8, u16)>,
        /// Rows to delete.
        deletes: Vec<u8>,
        /// The lengths of the facts.
        facts: Vec<u16>,
    },
    /// Close the store and open it again, where it can.
    Reopen,
}

/// Carries out the steps on a store and on the model. `reopen` gives the store back as the next
/// process would find it.
pub async fn check(
    store: Arc<dyn Store>,
    steps: &[Step],
    reopen: impl AsyncFn(Arc<dyn Store>) -> Arc<dyn Store>,
) {
    let mut store = store;
    let mut model = Model::default();
    for (n, step) in steps.iter().enumerate() {
        match step {
            Step::Append(count) => {
                let signals: Vec<Append> = (0..*count).map(|k| signal(n, k)).collect();
                let answer = store.append(signals.clone()).await.unwrap();
                assert_eq!(answer, model.append(signals), "step {n}");
            }
            Step::Commit { .. } => {
                let batch = model.batch(n, step);
                let expected = model.commit(&batch);
                match (store.commit(batch).await, expected) {
                    (Ok(seq), Some(expected)) => assert_eq!(seq, expected, "step {n}"),
                    (Err(StoreError::Conflict { .. }), None) => {}
                    (answer, expected) => panic!("step {n}: {answer:?}, and not {expected:?}"),
                }
            }
            Step::Reopen => store = reopen(store).await,
        }
    }
    model.compare(store.as_ref()).await;
}

type Place = (&'static str, Vec<u8>);

#[derive(Default)]
struct Model {
    last: u64,
    rows: BTreeMap<Place, (u64, Vec<u8>)>,
    facts: Vec<(u64, Vec<u8>)>,
    bodies: Vec<(u64, Vec<u8>)>,
}

impl Model {
    fn append(&mut self, signals: Vec<Append>) -> Vec<Seq> {
        let mut seqs = Vec::new();
        for signal in signals {
            self.last += 1;
            let key = (INBOX.0, self.last.to_be_bytes().to_vec());
            self.rows.insert(key, (self.last, signal.note));
            self.bodies.push((self.last, signal.body));
            seqs.push(Seq(self.last));
        }
        seqs
    }

    fn batch(&self, n: usize, step: &Step) -> Batch {
        let Step::Commit {
            expects,
            puts,
            deletes,
            facts,
        } = step
        else {
            return Batch::default();
        };
        let mut batch = Batch::default();
        for (key, is_right) in expects {
            let (table, key) = self.key(*key);
            let version = self.rows.get(&(table.0, key.clone())).map(|row| row.0);
            let wrong = version.map_or(Some(Seq(self.last + 1)), |_| None);
            batch.expects.push(Expect {
                table,
                key,
                version: if *is_right { version.map(Seq) } else { wrong },
            });
        }
        let mut taken = Vec::new();
        for (key, length) in puts {
            let (table, key) = self.key(*key);
            if !taken.contains(&(table, key.clone())) {
                taken.push((table, key.clone()));
                let value = vec![n as u8; usize::from(*length) % 4097];
                batch.puts.push((table, key, value));
            }
        }
        for key in deletes {
            let row = self.key(*key);
            if !taken.contains(&row) {
                taken.push(row.clone());
                batch.deletes.push(row);
            }
        }
        batch.facts = facts
            .iter()
            .map(|length| vec![n as u8; usize::from(*length)])
            .collect();
        batch
    }

    /// A number as a row; some of them are rows of the inbox.
    fn key(&self, number: u8) -> (Table, Vec<u8>) {
        let table = TABLES[usize::from(number) % TABLES.len()];
        let key = if table == INBOX {
            (u64::from(number) / 3 + 1)
                .min(self.last)
                .to_be_bytes()
                .to_vec()
        } else {
            vec![0; usize::from(number) / 3 % 3]
                .into_iter()
                .chain([number / 9])
                .collect()
        };
        (table, key)
    }

    fn commit(&mut self, batch: &Batch) -> Option<Seq> {
        let is_met = batch.expects.iter().all(|expect| {
            let row = self.rows.get(&(expect.table.0, expect.key.clone()));
            row.map(|row| Seq(row.0)) == expect.version
        });
        if !is_met {
            return None;
        }
        let version = self.last + 1;
        for (table, key, value) in &batch.puts {
            let row = (version, value.clone());
            self.rows.insert((table.0, key.clone()), row);
        }
        for (table, key) in &batch.deletes {
            self.rows.remove(&(table.0, key.clone()));
        }
        for (at, fact) in (version..).zip(&batch.facts) {
            self.facts.push((at, fact.clone()));
        }
        self.last += (batch.facts.len() as u64).max(1);
        Some(Seq(version))
    }

    async fn compare(&self, store: &dyn Store) {
        for table in TABLES {
            let rows = store.scan(table, Range::default(), 1000).await.unwrap();
            let seen: Vec<_> = rows
                .into_iter()
                .map(|(key, row)| (key, row.version.0, row.value))
                .collect();
            let expected: Vec<_> = (self.rows.iter())
                .filter(|((name, _), _)| *name == table.0)
                .map(|((_, key), (version, value))| (key.clone(), *version, value.clone()))
                .take(1000)
                .collect();
            assert!(seen == expected, "the rows of `{}` differ", table.0);
            let back = self.read_back(store, table).await;
            assert!(
                back.iter().eq(expected.iter().rev()),
                "the rows of `{}` differ from behind",
                table.0
            );
            for (key, version, value) in expected.iter().take(20) {
                let row = store.get(table, key).await.unwrap().unwrap();
                assert!((row.version.0, &row.value) == (*version, value));
            }
        }
        let facts = store.facts_after(Seq(0), 1000).await.unwrap();
        let seen: Vec<_> = facts.into_iter().map(|(at, fact)| (at.0, fact)).collect();
        assert!(
            seen[..] == self.facts[..self.facts.len().min(1000)],
            "the facts differ"
        );
        for (at, body) in &self.bodies {
            let kept = store.body(Seq(*at)).await.unwrap();
            assert!(kept.as_ref() == Some(body), "the signal at {at} differs");
        }
        assert_eq!(store.stats().await.unwrap().durable, Seq(self.last));
    }

    /// The rows of a table from the last, by pages of an odd length.
    async fn read_back(&self, store: &dyn Store, table: Table) -> Vec<(Vec<u8>, u64, Vec<u8>)> {
        let mut rows = Vec::new();
        loop {
            let after = rows.last().map(|(key, ..): &(Vec<u8>, _, _)| key.clone());
            let range = Range {
                after,
                ..Range::default()
            };
            let page = store.scan_back(table, range, 7).await.unwrap();
            let is_last = page.len() < 7;
            rows.extend(
                page.into_iter()
                    .map(|(key, row)| (key, row.version.0, row.value)),
            );
            if is_last {
                return rows;
            }
        }
    }
}

fn signal(n: usize, k: u8) -> Append {
    Append {
        body: vec![n as u8; usize::from(k) * 700],
        note: vec![k; usize::from(k)],
    }
}
