//! What reading gives back, and in which order.

use super::*;

pub(super) async fn signals_get_rows_in_the_inbox(store: Shared) {
    let seqs = store
        .append(vec![signal(b"body 1", b"note 1"), signal(b"", b"")])
        .await
        .unwrap();
    assert_eq!(seqs.len(), 2);
    assert!(seqs[0] < seqs[1]);
    assert_eq!(
        store.body(seqs[0]).await.unwrap().as_deref(),
        Some(&b"body 1"[..])
    );
    assert_eq!(
        store.body(seqs[1]).await.unwrap().as_deref(),
        Some(&b""[..])
    );
    let rows = scan(&store, INBOX, b"", None, 10).await;
    let expected = [
        (
            seqs[0].0.to_be_bytes().to_vec(),
            seqs[0],
            b"note 1".to_vec(),
        ),
        (seqs[1].0.to_be_bytes().to_vec(), seqs[1], Vec::new()),
    ];
    assert_eq!(rows, expected);
    let decided = Batch {
        expects: vec![Expect {
            table: INBOX,
            key: seqs[0].0.to_be_bytes().to_vec(),
            version: Some(seqs[0]),
        }],
        deletes: vec![(INBOX, seqs[0].0.to_be_bytes().to_vec())],
        facts: vec![b"decided".to_vec()],
        puts: Vec::new(),
    };
    let at = commit(&store, decided.clone()).await;
    assert_eq!(scan(&store, INBOX, b"", None, 10).await, expected[1..]);
    assert!(
        store.commit(decided).await.is_err(),
        "a signal is decided once"
    );
    // A signal is no fact and a fact is no signal, though both have positions.
    assert_eq!(store.fact(seqs[0]).await.unwrap(), None);
    assert_eq!(store.body(at).await.unwrap(), None);
    assert_eq!(
        store.body(seqs[0]).await.unwrap().as_deref(),
        Some(&b"body 1"[..])
    );
}

pub(super) async fn facts_come_in_order_and_by_pages(store: Shared) {
    let mut expected = Vec::new();
    for round in 0..20_u8 {
        let count = usize::from(round % 4);
        let batch = Batch {
            facts: (0..count).map(|n| vec![round, n as u8]).collect(),
            ..Batch::default()
        };
        let seq = commit(&store, batch.clone()).await;
        for (n, fact) in batch.facts.into_iter().enumerate() {
            expected.push((seq.0 + n as u64, fact));
        }
        store.append(vec![signal(b"between", b"")]).await.unwrap();
    }
    assert_eq!(facts(&store, 0, 1000).await, expected);
    for limit in [1, 2, 7] {
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = facts(&store, after, limit).await;
            assert!(page.len() <= limit);
            let Some((last, _)) = page.last() else { break };
            after = *last;
            seen.extend(page);
        }
        assert_eq!(seen, expected, "in pages of {limit}");
    }
    assert_eq!(facts(&store, 0, 0).await, []);
    for (at, fact) in expected {
        assert_eq!(store.fact(Seq(at)).await.unwrap(), Some(fact));
    }
}

pub(super) async fn scans_follow_the_keys(store: Shared) {
    for key in [
        &b""[..],
        b"a",
        b"a\0",
        b"a\0b",
        b"aa",
        b"ab",
        b"a\xff",
        b"a\xff\xff",
        b"b",
        b"\xff",
    ] {
        put(&store, key, key).await;
    }
    let keys = |rows: Vec<(Vec<u8>, Seq, Vec<u8>)>| -> Vec<String> {
        rows.into_iter()
            .map(|(key, _, _)| key.escape_ascii().to_string())
            .collect()
    };
    for (prefix, after, limit, expected) in [
        (
            &b""[..],
            None,
            99,
            r" a a\x00 a\x00b aa ab a\xff a\xff\xff b \xff",
        ),
        (b"a", None, 99, r"a a\x00 a\x00b aa ab a\xff a\xff\xff"),
        (b"a\xff", None, 99, r"a\xff a\xff\xff"),
        (b"\xff", None, 99, r"\xff"),
        (b"c", None, 99, ""),
        (b"a", None, 3, r"a a\x00 a\x00b"),
        (b"a", Some(&b"a\0b"[..]), 99, r"aa ab a\xff a\xff\xff"),
        (b"a", Some(b"a\0c"), 99, r"aa ab a\xff a\xff\xff"),
        (b"a", Some(b"a\xff\xff"), 99, ""),
        (b"a", Some(b"b"), 99, ""),
        (b"b", Some(b"a"), 99, "b"),
        (b"b", Some(b""), 99, "b"),
        (b"", Some(b""), 2, r"a a\x00"),
        (b"", None, 0, ""),
    ] {
        let rows = scan(&store, ORDERS, prefix, after, limit).await;
        let shown = keys(rows).join(" ");
        assert_eq!(
            shown,
            expected,
            "prefix {}, after {after:?}, limit {limit}",
            prefix.escape_ascii()
        );
    }
}

pub(super) async fn scans_go_back(store: Shared) {
    for key in [
        &b""[..],
        b"a",
        b"a\0",
        b"aa",
        b"ab",
        b"a\xff",
        b"b",
        b"\xff",
        b"\xff\xff",
    ] {
        put(&store, key, key).await;
    }
    let beside = Batch {
        puts: [Table("order"), Table("orders0")]
            .map(|table| (table, b"a".to_vec(), Vec::new()))
            .into(),
        ..Batch::default()
    };
    commit(&store, beside).await;
    for (prefix, after, limit, expected) in [
        (&b""[..], None, 99, r"\xff\xff \xff b a\xff ab aa a\x00 a "),
        (b"a", None, 99, r"a\xff ab aa a\x00 a"),
        (b"a\xff", None, 99, r"a\xff"),
        (b"\xff", None, 99, r"\xff\xff \xff"),
        (b"c", None, 99, ""),
        (b"a", None, 2, r"a\xff ab"),
        (b"a", Some(&b"ab"[..]), 99, r"aa a\x00 a"),
        (b"a", Some(b"ac"), 99, r"ab aa a\x00 a"),
        (b"a", Some(b"a"), 99, ""),
        (b"a", Some(b"b"), 2, r"a\xff ab"),
        (b"b", Some(b"a"), 99, ""),
        (b"", Some(b"aa"), 2, r"a\x00 a"),
        (b"", Some(b""), 99, ""),
        (b"", None, 0, ""),
    ] {
        let range = Range {
            prefix: prefix.to_vec(),
            after: after.map(<[u8]>::to_vec),
        };
        let rows = store.scan_back(ORDERS, range, limit).await.unwrap();
        let keys = rows.iter().map(|(key, row)| {
            assert_eq!(*key, row.value);
            key.escape_ascii().to_string()
        });
        assert_eq!(
            keys.collect::<Vec<_>>().join(" "),
            expected,
            "prefix {}, after {after:?}, limit {limit}",
            prefix.escape_ascii()
        );
    }
}

pub(super) async fn scans_are_bounded(store: Shared) {
    let count = SCAN_LIMIT_MAX + 5;
    for start in (0..count).step_by(100) {
        let puts = (start..(start + 100).min(count))
            .map(|n| (ORDERS, format!("{n:08}").into_bytes(), Vec::new()))
            .collect();
        let facts = vec![b"f".to_vec(); 110];
        commit(
            &store,
            Batch {
                puts,
                facts,
                ..Batch::default()
            },
        )
        .await;
    }
    let page = scan(&store, ORDERS, b"", None, usize::MAX).await;
    assert_eq!(page.len(), SCAN_LIMIT_MAX);
    let after = page.last().map(|(key, _, _)| key.as_slice());
    let rest = scan(&store, ORDERS, b"", after, usize::MAX).await;
    assert_eq!(rest.len(), 5);
    assert_eq!(facts(&store, 0, usize::MAX).await.len(), SCAN_LIMIT_MAX);
}

pub(super) async fn tables_do_not_mix(store: Shared) {
    // Names that are prefixes of each other, and keys that could be taken for the end of a name.
    for (table, key) in [
        (Table("a"), &b"b"[..]),
        (Table("ab"), b""),
        (Table("a"), b"\0"),
    ] {
        let batch = Batch {
            puts: vec![(table, key.to_vec(), table.0.as_bytes().to_vec())],
            ..Batch::default()
        };
        commit(&store, batch).await;
    }
    assert_eq!(scan(&store, Table("a"), b"", None, 9).await.len(), 2);
    assert_eq!(scan(&store, Table("ab"), b"", None, 9).await.len(), 1);
    assert_eq!(store.get(Table("a"), b"").await.unwrap(), None);
    assert_eq!(scan(&store, Table("b"), b"", None, 9).await, []);
}

pub(super) async fn anything_may_be_in_a_key_or_value(store: Shared) {
    let bytes: Vec<u8> = (0..=255).collect();
    put(&store, &bytes, &bytes).await;
    put(&store, b"", b"").await;
    assert_eq!(get(&store, &bytes).await.unwrap().1, bytes);
    assert_eq!(get(&store, b"").await.unwrap().1, b"");
}
