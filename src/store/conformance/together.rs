//! Many callers at once.

use super::*;

pub(super) async fn one_of_many_racing_writers_wins(store: Shared) {
    let mut version = put(&store, b"k", b"0").await;
    for round in 0..10_u8 {
        let mut writers = JoinSet::new();
        for writer in 0..16_u8 {
            let store = Arc::clone(&store);
            let mut batch = expect(b"k", Some(version));
            batch
                .puts
                .push((ORDERS, b"k".to_vec(), vec![round, writer]));
            batch.facts.push(vec![round, writer]);
            writers.spawn(async move { (writer, store.commit(batch).await) });
        }
        let mut winners = Vec::new();
        for (writer, answer) in writers.join_all().await {
            match answer {
                Ok(seq) => winners.push((writer, seq)),
                Err(StoreError::Conflict { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
        let (writer, seq) = winners[0];
        assert_eq!(get(&store, b"k").await, Some((seq, vec![round, writer])));
        version = seq;
    }
    assert_eq!(facts(&store, 0, 100).await.len(), 10);
}

pub(super) async fn many_writers_lose_nothing(store: Shared) {
    let mut writers = JoinSet::new();
    for writer in 0..8_u8 {
        let store = Arc::clone(&store);
        writers.spawn(async move { increment(&store, writer).await });
    }
    let mut seqs: Vec<Seq> = writers.join_all().await.into_iter().flatten().collect();
    let total = seqs.len() as u64;
    seqs.sort();
    seqs.dedup();
    assert_eq!(seqs.len() as u64, total, "every write has its own position");
    let counter = get(&store, b"counter").await.unwrap().1;
    assert_eq!(counter, total.to_be_bytes());
    let recorded = facts(&store, 0, 1000).await;
    let counts: Vec<Vec<u8>> = (1..=total).map(|n| n.to_be_bytes().to_vec()).collect();
    let seen: Vec<Vec<u8>> = recorded.into_iter().map(|(_, fact)| fact).collect();
    assert_eq!(
        seen, counts,
        "the order of the facts is the order of the commits"
    );
}

/// Adds one to a shared counter ten times, again after each conflict, as the engine does.
async fn increment(store: &Shared, writer: u8) -> Vec<Seq> {
    let mut seqs = Vec::new();
    while seqs.len() < 10 {
        let row = store.get(ORDERS, b"counter").await.unwrap();
        let count = row.as_ref().map_or(0, |row| {
            u64::from_be_bytes(row.value.as_slice().try_into().unwrap())
        });
        let next = (count + 1).to_be_bytes().to_vec();
        let mut batch = expect(b"counter", row.map(|row| row.version));
        batch.puts.push((ORDERS, b"counter".to_vec(), next.clone()));
        batch.facts.push(next);
        match store.commit(batch).await {
            Ok(seq) => seqs.push(seq),
            Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
            Err(other) => panic!("writer {writer}: {other}"),
        }
        store.append(vec![signal(&[writer], b"")]).await.unwrap();
    }
    seqs
}

pub(super) async fn a_scan_sees_whole_batches(store: Shared) {
    let both = |value: u8| Batch {
        puts: (0..40).map(|n| (ORDERS, vec![n], vec![value])).collect(),
        ..Batch::default()
    };
    commit(&store, both(0)).await;
    let mut tasks = JoinSet::new();
    let writer = Arc::clone(&store);
    tasks.spawn(async move {
        for value in 1..60 {
            commit(&writer, both(value)).await;
        }
    });
    for _ in 0..3 {
        let reader = Arc::clone(&store);
        tasks.spawn(async move {
            for _ in 0..60 {
                let rows = scan(&reader, ORDERS, b"", None, 100).await;
                assert!(
                    rows.iter().all(|(_, seq, _)| *seq == rows[0].1),
                    "a scan saw half of a batch"
                );
                tokio::task::yield_now().await;
            }
        });
    }
    tasks.join_all().await;
}
