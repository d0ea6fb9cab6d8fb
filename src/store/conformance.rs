//! What every backend must do, in cases that know nothing of any backend.
//!
//! A backend's test hands [`run`] a way to make an empty store; a backend that survives its process
//! hands [`run_reopening`] a way to open the same one again. A case that fails panics, in a function
//! named after the rule. [`model`] has the rules once more, as a few maps, for random operations.
#![expect(clippy::unwrap_used, reason = "these are tests: a panic is the report")]

mod limits;
pub mod model;
mod reading;
mod rows;
mod together;

use std::{future::Future, pin::Pin, sync::Arc};

use tokio::task::JoinSet;

use crate::{
    Append, BATCH_LENGTH_MAX, BODY_LENGTH_MAX, Batch, Expect, FACT_LENGTH_MAX, INBOX,
    KEY_LENGTH_MAX, NOTE_LENGTH_MAX, Range, Row, SCAN_LIMIT_MAX, Seq, Store, StoreError, Table,
    VALUE_LENGTH_MAX,
};

const ORDERS: Table = Table("orders");
const CLAIMS: Table = Table("claims");

type Shared = Arc<dyn Store>;
type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs every case, each on a store of its own.
pub async fn run<F: Future<Output = Shared>>(fresh: impl Fn(&'static str) -> F) {
    for (name, case) in cases() {
        case(fresh(name).await).await;
    }
}

/// Runs the cases that close a store and open it again.
pub async fn run_reopening<F: Future<Output = Shared>>(open: impl Fn() -> F) {
    let before = fill(&open().await).await;
    let store = open().await;
    assert_eq!(
        read_everything(&store).await,
        before,
        "reopened: everything is as it was"
    );
    let next = put(&store, b"later", b"x").await;
    assert!(next > before.last, "reopened: positions only grow");
}

/// Every case by name.
#[expect(
    clippy::type_complexity,
    reason = "a list of functions reads best as one"
)]
pub fn cases() -> Vec<(&'static str, Box<dyn Fn(Shared) -> Running + Send + Sync>)> {
    macro_rules! list {
        ($($name:path),* $(,)?) => {
            vec![$((stringify!($name), Box::new(|store| Box::pin($name(store)) as Running) as _)),*]
        };
    }
    list![
        rows::an_empty_store_has_nothing,
        rows::rows_are_written_and_deleted,
        rows::a_batch_happens_whole_or_not_at_all,
        rows::expectations_are_exact,
        rows::expectations_alone_are_a_batch,
        rows::a_conflict_leaves_nothing,
        reading::signals_get_rows_in_the_inbox,
        reading::facts_come_in_order_and_by_pages,
        reading::scans_follow_the_keys,
        reading::scans_go_back,
        reading::scans_are_bounded,
        reading::tables_do_not_mix,
        reading::anything_may_be_in_a_key_or_value,
        limits::values_up_to_the_limits_are_kept,
        limits::values_grow_and_shrink_and_leave_nothing_behind,
        limits::what_breaks_a_limit_is_refused,
        limits::an_append_that_breaks_a_limit_is_refused,
        together::one_of_many_racing_writers_wins,
        together::many_writers_lose_nothing,
        together::a_scan_sees_whole_batches,
        a_closed_store_answers_nothing,
    ]
}

async fn a_closed_store_answers_nothing(store: Shared) {
    put(&store, b"k", b"v").await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    let range = Range::default;
    for (what, error) in [
        ("append", store.append(vec![signal(b"", b"")]).await.err()),
        ("commit", store.commit(Batch::default()).await.err()),
        ("facts_after", store.facts_after(Seq(0), 1).await.err()),
        ("fact", store.fact(Seq(1)).await.err()),
        ("body", store.body(Seq(1)).await.err()),
        ("get", store.get(ORDERS, b"k").await.err()),
        ("scan", store.scan(ORDERS, range(), 1).await.err()),
        ("back", store.scan_back(ORDERS, range(), 1).await.err()),
        ("stats", store.stats().await.err()),
    ] {
        assert!(
            matches!(error, Some(StoreError::Unavailable { .. })),
            "{what}: {error:?}"
        );
    }
}

#[derive(Debug, PartialEq)]
struct Everything {
    rows: Vec<(Vec<u8>, Seq, Vec<u8>)>,
    inbox: Vec<(Vec<u8>, Seq, Vec<u8>)>,
    facts: Vec<(u64, Vec<u8>)>,
    bodies: Vec<(Seq, Vec<u8>)>,
    last: Seq,
}

async fn fill(store: &Shared) -> Everything {
    for n in 0..50_u8 {
        store
            .append(vec![signal(&[n; 100], &[n]), signal(b"", b"")])
            .await
            .unwrap();
        let batch = Batch {
            puts: vec![(ORDERS, vec![n % 20], vec![n; 30])],
            deletes: vec![(ORDERS, vec![n % 7 + 100])],
            facts: vec![vec![n; 10]; usize::from(n % 3)],
            ..Batch::default()
        };
        commit(store, batch).await;
        put(store, &[n % 11 + 100], b"comes and goes").await;
    }
    let everything = read_everything(store).await;
    store.close().await.unwrap();
    everything
}

async fn read_everything(store: &Shared) -> Everything {
    let inbox = scan(store, INBOX, b"", None, 1000).await;
    let mut bodies = Vec::new();
    for (_, seq, _) in &inbox {
        bodies.push((*seq, store.body(*seq).await.unwrap().unwrap()));
    }
    Everything {
        rows: scan(store, ORDERS, b"", None, 1000).await,
        inbox,
        facts: facts(store, 0, 1000).await,
        bodies,
        last: store.stats().await.unwrap().durable,
    }
}

fn signal(body: &[u8], note: &[u8]) -> Append {
    Append {
        body: body.to_vec(),
        note: note.to_vec(),
    }
}

fn expect(key: &[u8], version: Option<Seq>) -> Batch {
    Batch {
        expects: vec![Expect {
            table: ORDERS,
            key: key.to_vec(),
            version,
        }],
        ..Batch::default()
    }
}

fn delete(key: &[u8]) -> Batch {
    Batch {
        deletes: vec![(ORDERS, key.to_vec())],
        ..Batch::default()
    }
}

async fn commit(store: &Shared, batch: Batch) -> Seq {
    store.commit(batch).await.unwrap()
}

async fn put(store: &Shared, key: &[u8], value: &[u8]) -> Seq {
    let puts = vec![(ORDERS, key.to_vec(), value.to_vec())];
    commit(
        store,
        Batch {
            puts,
            ..Batch::default()
        },
    )
    .await
}

async fn get(store: &Shared, key: &[u8]) -> Option<(Seq, Vec<u8>)> {
    let row = store.get(ORDERS, key).await.unwrap();
    row.map(|Row { version, value }| (version, value))
}

async fn facts(store: &Shared, after: u64, limit: usize) -> Vec<(u64, Vec<u8>)> {
    let page = store.facts_after(Seq(after), limit).await.unwrap();
    page.into_iter().map(|(seq, fact)| (seq.0, fact)).collect()
}

async fn scan(
    store: &Shared,
    table: Table,
    prefix: &[u8],
    after: Option<&[u8]>,
    limit: usize,
) -> Vec<(Vec<u8>, Seq, Vec<u8>)> {
    let range = Range {
        prefix: prefix.to_vec(),
        after: after.map(<[u8]>::to_vec),
    };
    let rows = store.scan(table, range, limit).await.unwrap();
    rows.into_iter()
        .map(|(key, row)| (key, row.version, row.value))
        .collect()
}
