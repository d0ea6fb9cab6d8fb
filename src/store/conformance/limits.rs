//! What is just allowed, and what is not any more.

use super::*;

pub(super) async fn values_up_to_the_limits_are_kept(store: Shared) {
    let key = vec![b'k'; KEY_LENGTH_MAX];
    let value = vec![b'v'; VALUE_LENGTH_MAX];
    let body = vec![b'b'; BODY_LENGTH_MAX];
    let note = vec![b'n'; NOTE_LENGTH_MAX];
    let facts = vec![vec![b'f'; FACT_LENGTH_MAX], vec![b'g'; 5000], Vec::new()];
    let batch = Batch {
        puts: vec![(ORDERS, key.clone(), value.clone())],
        facts: facts.clone(),
        ..Batch::default()
    };
    let seq = commit(&store, batch).await;
    let at = store
        .append(vec![signal(&body, &note)])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(get(&store, &key).await, Some((seq, value.clone())));
    let page = store.facts_after(Seq(0), 10).await.unwrap();
    let kept: Vec<_> = page.into_iter().map(|(_, fact)| fact).collect();
    assert!(kept == facts, "long facts come back whole");
    assert!(
        store.fact(seq).await.unwrap().as_ref() == facts.first(),
        "and singly"
    );
    assert!(store.body(at).await.unwrap() == Some(body));
    let inbox = scan(&store, INBOX, b"", None, 1).await;
    assert!(inbox[0].2 == note);
}

pub(super) async fn values_grow_and_shrink_and_leave_nothing_behind(store: Shared) {
    for length in [
        0, 1, 4_092, 4_093, 4_095, 4_096, 4_097, 9_000, 100_000, 5_000, 4_000, 0,
    ] {
        let byte = u8::try_from(length % 251).expect("a byte");
        let value = vec![byte; length];
        let batch = Batch {
            puts: vec![(ORDERS, b"k".to_vec(), value.clone())],
            ..Batch::default()
        };
        let seq = commit(&store, batch).await;
        assert_eq!(
            get(&store, b"k").await,
            Some((seq, value.clone())),
            "{length}"
        );
        let all = scan(&store, ORDERS, b"", None, 10).await;
        assert!(all.len() == 1 && all[0].2 == value, "{length}");
    }
    let long = Batch {
        puts: vec![(ORDERS, b"k".to_vec(), vec![7; 20_000])],
        ..Batch::default()
    };
    commit(&store, long).await;
    commit(&store, delete(b"k")).await;
    assert_eq!(get(&store, b"k").await, None);
    assert!(scan(&store, ORDERS, b"", None, 10).await.is_empty());
}

pub(super) async fn what_breaks_a_limit_is_refused(store: Shared) {
    let long = |length: usize| vec![b'x'; length];
    let with_put = |table, key, value| Batch {
        puts: vec![(table, key, value)],
        ..Batch::default()
    };
    let row = || (ORDERS, b"k".to_vec(), b"v".to_vec());
    let many = BATCH_LENGTH_MAX / FACT_LENGTH_MAX + 1;
    for (what, batch) in [
        ("a key", with_put(ORDERS, long(KEY_LENGTH_MAX + 1), vec![])),
        (
            "a value",
            with_put(ORDERS, vec![], long(VALUE_LENGTH_MAX + 1)),
        ),
        ("a table", with_put(Table("#applied"), vec![], vec![])),
        (
            "twice put",
            Batch {
                puts: vec![row(), row()],
                ..Batch::default()
            },
        ),
        (
            "put and deleted",
            Batch {
                puts: vec![row()],
                ..delete(b"k")
            },
        ),
        (
            "twice deleted",
            Batch {
                deletes: vec![(ORDERS, b"k".to_vec()), (ORDERS, b"k".to_vec())],
                ..Batch::default()
            },
        ),
        ("an expected key", expect(&long(KEY_LENGTH_MAX + 1), None)),
        (
            "a fact",
            Batch {
                facts: vec![long(FACT_LENGTH_MAX + 1)],
                ..Batch::default()
            },
        ),
        (
            "in all",
            Batch {
                facts: vec![long(FACT_LENGTH_MAX); many],
                ..Batch::default()
            },
        ),
    ] {
        let error = store.commit(batch).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Refused { .. }),
            "{what}: {error}"
        );
    }
    assert_eq!(store.stats().await.unwrap().durable, Seq(0));
    put(&store, b"k", b"still works").await;
}

pub(super) async fn an_append_that_breaks_a_limit_is_refused(store: Shared) {
    let long = |length: usize| vec![b'x'; length];
    for signals in [
        vec![signal(&long(BODY_LENGTH_MAX + 1), b"")],
        vec![signal(b"", &long(NOTE_LENGTH_MAX + 1))],
        vec![
            signal(b"fine", b""),
            signal(&long(BODY_LENGTH_MAX + 1), b""),
        ],
        vec![signal(&long(BODY_LENGTH_MAX), b""); 4],
    ] {
        let error = store.append(signals).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    }
    assert_eq!(store.stats().await.unwrap().durable, Seq(0));
}
