//! Whether the Store port fits PostgreSQL, tried on a real server.
//!
//! [`spike`] carries the port out in the plainest way; it passes the suite of every store here. The
//! other tests show the two things that the port must not leave to chance there: the order in which
//! facts become visible, and who wins a row. `ONESHELF_POSTGRES_URL` names a server and a database in
//! which schemas may be made; without it the tests only say that they were skipped.

mod spike;

use std::sync::Arc;

use spike::{Spike, connect};
use store::{Batch, Expect, Seq, Store, StoreError, Table, conformance};
use tokio::task::JoinSet;

const T: Table = Table("t");

/// The server, if there is one.
fn server() -> Option<String> {
    let url = std::env::var_os("ONESHELF_POSTGRES_URL").and_then(|url| url.into_string().ok());
    if url.is_none() {
        tests::skipped("postgres", "ONESHELF_POSTGRES_URL is not set");
    }
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_what_every_store_does() {
    let Some(url) = server() else {
        return;
    };
    conformance::run(async |name| {
        let schema = format!("suite_{}", name.replace("::", "_"));
        Arc::new(Spike::open(&url, &schema, 4).await) as Arc<dyn Store>
    })
    .await;
    let reopened =
        async || Arc::new(Spike::reopen(&url, "suite_reopened", 2).await) as Arc<dyn Store>;
    drop(Spike::open(&url, "suite_reopened", 1).await);
    conformance::run_reopening(reopened).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_of_many_committers_wins_a_row() {
    let Some(url) = server() else { return };
    let store = Arc::new(Spike::open(&url, "one_row", 8).await);
    for round in 0..10_u8 {
        let version = store.get(T, b"k").await.unwrap().map(|row| row.version);
        let mut committers = JoinSet::new();
        for committer in 0..8_u8 {
            let store = Arc::clone(&store);
            let batch = Batch {
                expects: vec![Expect {
                    table: T,
                    key: b"k".to_vec(),
                    version,
                }],
                puts: vec![(T, b"k".to_vec(), vec![round, committer])],
                facts: vec![vec![round, committer]],
                ..Batch::default()
            };
            committers.spawn(async move { store.commit(batch).await });
        }
        let answers = committers.join_all().await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        let lost =
            |answer: &&Result<Seq, StoreError>| matches!(answer, Err(StoreError::Conflict { .. }));
        assert_eq!(
            (won, answers.iter().filter(lost).count()),
            (1, 7),
            "round {round}"
        );
    }
    let facts = store.facts_after(Seq(0), 100).await.unwrap();
    let positions: Vec<u64> = facts.iter().map(|(at, _)| at.0).collect();
    assert_eq!(
        positions,
        (1..=10).collect::<Vec<u64>>(),
        "a conflict leaves no gap"
    );
}

/// Why positions do not come from a sequence: a later one can be seen before an earlier one, and
/// whoever reads on from the later one never sees the earlier one.
#[tokio::test(flavor = "multi_thread")]
async fn a_sequence_would_let_a_reader_skip_a_fact() {
    let Some(url) = server() else {
        return;
    };
    let (slow, fast) = (
        connect(&url, "by_sequence", true).await,
        connect(&url, "by_sequence", false).await,
    );
    let reader = connect(&url, "by_sequence", false).await;
    let table = "CREATE TABLE facts (seq BIGSERIAL PRIMARY KEY, fact TEXT NOT NULL)";
    slow.batch_execute(table).await.unwrap();
    slow.batch_execute("BEGIN; INSERT INTO facts (fact) VALUES ('first')")
        .await
        .unwrap();
    fast.batch_execute("INSERT INTO facts (fact) VALUES ('second')")
        .await
        .unwrap();
    let after = async |cursor: i64| -> Vec<i64> {
        let rows = reader
            .query(
                "SELECT seq FROM facts WHERE seq > $1 ORDER BY seq",
                &[&cursor],
            )
            .await;
        rows.unwrap().iter().map(|row| row.get(0)).collect()
    };
    assert_eq!(after(0).await, [2]);
    slow.batch_execute("COMMIT").await.unwrap();
    assert_eq!(
        after(2).await,
        Vec::<i64>::new(),
        "the first fact is passed over for ever"
    );
    assert_eq!(after(0).await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_follows_sees_every_fact_in_order() {
    let Some(url) = server() else {
        return;
    };
    let store = Arc::new(Spike::open(&url, "following", 6).await);
    let mut committers = JoinSet::new();
    for committer in 0..5_u8 {
        let store = Arc::clone(&store);
        committers.spawn(async move {
            for n in 0..40_u8 {
                let facts = vec![vec![committer, n]; usize::from(n % 3) + 1];
                store
                    .commit(Batch {
                        facts,
                        ..Batch::default()
                    })
                    .await
                    .unwrap();
            }
        });
    }
    let total: usize = 5 * (0..40).map(|n| n % 3 + 1).sum::<usize>();
    let (mut seen, mut cursor) = (Vec::new(), Seq(0));
    while seen.len() < total {
        for (at, fact) in store.facts_after(cursor, 7).await.unwrap() {
            assert_eq!(at.0, cursor.0 + 1, "no gap is ever seen");
            cursor = at;
            seen.push(fact);
        }
    }
    committers.join_all().await;
    assert_eq!(store.facts_after(cursor, 1).await.unwrap(), []);
}

/// A notice is a hint that comes only when there is something to see.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_comes_with_the_commit_and_not_before() {
    let Some(url) = server() else { return };
    let store = Spike::open(&url, "notices", 1).await;
    let mut notices = spike::listen(&url, "notices").await;
    let stale = Batch {
        expects: vec![Expect {
            table: T,
            key: b"k".to_vec(),
            version: Some(Seq(9)),
        }],
        facts: vec![b"never".to_vec()],
        ..Batch::default()
    };
    store.commit(stale).await.unwrap_err();
    let facts = vec![b"fact".to_vec()];
    let at = store
        .commit(Batch {
            facts,
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(
        notices.recv().await,
        Some(at.0.to_string()),
        "the first notice is of the commit"
    );
    assert!(store.fact(at).await.unwrap().is_some());
}
