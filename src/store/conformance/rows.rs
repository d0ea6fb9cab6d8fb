//! What a batch does to rows, and what an expectation stops.

use super::*;

pub(super) async fn an_empty_store_has_nothing(store: Shared) {
    assert_eq!(get(&store, b"k").await, None);
    assert_eq!(scan(&store, ORDERS, b"", None, 10).await, []);
    assert_eq!(facts(&store, 0, 10).await, []);
    assert_eq!(store.fact(Seq(1)).await.unwrap(), None);
    assert_eq!(store.body(Seq(1)).await.unwrap(), None);
    assert_eq!(store.fact(Seq(u64::MAX)).await.unwrap(), None);
    assert_eq!(store.body(Seq(u64::MAX)).await.unwrap(), None);
    assert_eq!(facts(&store, u64::MAX, 10).await, []);
    assert_eq!(store.stats().await.unwrap().durable, Seq(0));
    assert_eq!(store.append(Vec::new()).await.unwrap(), []);
}

pub(super) async fn rows_are_written_and_deleted(store: Shared) {
    let first = put(&store, b"k", b"one").await;
    assert_eq!(get(&store, b"k").await, Some((first, b"one".to_vec())));
    let second = put(&store, b"k", b"two").await;
    assert!(second > first);
    assert_eq!(get(&store, b"k").await, Some((second, b"two".to_vec())));
    // The same value again is a new version: an expectation of the old one must fail.
    let third = put(&store, b"k", b"two").await;
    assert_eq!(get(&store, b"k").await, Some((third, b"two".to_vec())));
    commit(&store, delete(b"k")).await;
    assert_eq!(get(&store, b"k").await, None);
    commit(&store, delete(b"k")).await;
    let last = commit(&store, Batch::default()).await;
    assert!(last > third, "an empty batch has a position too");
    assert_eq!(store.stats().await.unwrap().durable, last);
}

pub(super) async fn a_batch_happens_whole_or_not_at_all(store: Shared) {
    put(&store, b"gone", b"x").await;
    let seq = commit(
        &store,
        Batch {
            puts: vec![
                (ORDERS, b"a".to_vec(), b"1".to_vec()),
                (CLAIMS, b"a".to_vec(), b"2".to_vec()),
            ],
            deletes: vec![(ORDERS, b"gone".to_vec())],
            facts: vec![b"f1".to_vec(), b"f2".to_vec()],
            expects: Vec::new(),
        },
    )
    .await;
    assert_eq!(get(&store, b"a").await, Some((seq, b"1".to_vec())));
    let claim = store.get(CLAIMS, b"a").await.unwrap().unwrap();
    assert_eq!((claim.version, claim.value), (seq, b"2".to_vec()));
    assert_eq!(get(&store, b"gone").await, None);
    let expected = [(seq.0, b"f1".to_vec()), (seq.0 + 1, b"f2".to_vec())];
    assert_eq!(facts(&store, 0, 10).await, expected);
    let next = put(&store, b"a", b"3").await;
    assert_eq!(
        next.0,
        seq.0 + 2,
        "the next position follows the last fact's"
    );
}

pub(super) async fn expectations_are_exact(store: Shared) {
    let seq = put(&store, b"there", b"x").await;
    for (key, version, is_met) in [
        (&b"there"[..], Some(seq), true),
        (b"there", None, false),
        (b"there", Some(Seq(seq.0 + 1)), false),
        (b"there", Some(Seq(0)), false),
        (b"absent", None, true),
        (b"absent", Some(seq), false),
        (b"absent", Some(Seq(0)), false),
    ] {
        let answer = store.commit(expect(key, version)).await;
        match answer {
            Ok(_) => assert!(is_met, "{key:?} {version:?} was accepted"),
            Err(StoreError::Conflict { table }) => {
                assert!(!is_met, "{key:?} {version:?} was refused");
                assert_eq!(table, ORDERS);
            }
            Err(other) => panic!("{key:?} {version:?}: {other}"),
        }
    }
}

pub(super) async fn expectations_alone_are_a_batch(store: Shared) {
    let before = put(&store, b"k", b"x").await;
    let seq = commit(&store, expect(b"k", Some(before))).await;
    assert!(seq > before);
    assert_eq!(get(&store, b"k").await, Some((before, b"x".to_vec())));
}

pub(super) async fn a_conflict_leaves_nothing(store: Shared) {
    let seq = put(&store, b"k", b"x").await;
    let mut batch = expect(b"k", None);
    batch.expects.push(Expect {
        table: CLAIMS,
        key: b"k".to_vec(),
        version: None,
    });
    batch
        .puts
        .push((ORDERS, b"new".to_vec(), b"value".to_vec()));
    batch.deletes.push((ORDERS, b"k".to_vec()));
    batch.facts.push(b"fact".to_vec());
    for _ in 0..3 {
        let error = store.commit(batch.clone()).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Conflict { table } if table == ORDERS),
            "{error}"
        );
    }
    assert_eq!(get(&store, b"k").await, Some((seq, b"x".to_vec())));
    assert_eq!(get(&store, b"new").await, None);
    assert_eq!(facts(&store, 0, 10).await, []);
    assert_eq!(store.stats().await.unwrap().durable, seq);
}
