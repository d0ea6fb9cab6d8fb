//! Exports, rebuilding, letting go, being set back, and having the store alone.

use std::{fs, path::Path, sync::Arc};

use tokio::task::JoinSet;

use super::{super::*, options};
use crate::INBOX;

const T: Table = Table("t");

fn key(n: u64) -> Vec<u8> {
    (n % 40).to_be_bytes().to_vec()
}

async fn fill(store: &Sled, numbers: std::ops::Range<u64>) {
    for n in numbers {
        let signal = Append {
            body: vec![n as u8; 2000],
            note: vec![],
        };
        let at = store.append(vec![signal]).await.unwrap()[0];
        let batch = Batch {
            puts: vec![(T, key(n), n.to_be_bytes().to_vec())],
            deletes: vec![(INBOX, at.0.to_be_bytes().to_vec()), (T, key(n + 13))],
            facts: vec![n.to_be_bytes().to_vec(), vec![n as u8; 6000]],
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
    }
}

type Everything = (Vec<(Vec<u8>, Row)>, Vec<(Seq, Vec<u8>)>, Seq);

async fn read(store: &Sled) -> Everything {
    let rows = store.scan(T, Range::default(), 1000).await.unwrap();
    let facts = store.facts_after(Seq(0), 1000).await.unwrap();
    (rows, facts, store.stats().await.unwrap().durable)
}

/// The same store, with nothing in memory that is not on disk.
async fn with_all_on_disk(dir: &Path, store: Arc<Sled>) -> Arc<Sled> {
    store.close().await.unwrap();
    drop(store);
    open(options(dir)).unwrap().0
}

fn no_rows(dir: &Path) {
    fs::remove_dir_all(dir.join("rows")).unwrap();
}

#[tokio::test]
async fn rows_come_back_from_the_journal_and_from_an_export() {
    for exports in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let (store, opened) = open(options(dir.path())).unwrap();
        assert_eq!(opened, Opened::default(), "a new store has nothing to tell");
        fill(&store, 0..60).await;
        for n in 0..exports {
            let exported = store.export().await.unwrap();
            assert_eq!(exported.pruned, 0);
            fill(&store, 100 * n + 60..100 * n + 80).await;
        }
        let before = read(&store).await;
        store.close().await.unwrap();
        drop(store);
        no_rows(dir.path());
        let (store, opened) = open(options(dir.path())).unwrap();
        assert!(opened.is_rebuilt && opened.repairs.len() == 1, "{opened:?}");
        assert_eq!(
            opened.repairs[0].contains("export"),
            exports > 0,
            "{opened:?}"
        );
        assert!(read(&store).await == before);
        drop(store);
        let (store, opened) = open(options(dir.path())).unwrap();
        assert_eq!((opened.is_rebuilt, opened.repairs), (false, vec![]));
        assert!(read(&store).await == before);
        drop(store);
        let opened = rebuild(&options(dir.path())).unwrap();
        assert!(opened.is_rebuilt);
        let findings = verify(&options(dir.path())).unwrap();
        assert_eq!(findings.sentences, Vec::<String>::new());
        assert_eq!(findings.differences, 0);
        assert!(findings.records > 100 && findings.rows > 200);
    }
}

#[tokio::test]
async fn rows_that_never_came_to_disk_are_not_missing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        memory_bytes: 1024 * 1024,
        ..options(dir.path())
    };
    let (store, _) = open(options.clone()).unwrap();
    fill(&store, 0..3).await;
    let before = read(&store).await;
    // As if it had been killed.
    drop(store);
    let findings = verify(&options).unwrap();
    assert_eq!((findings.sentences, findings.rows), (vec![], 0));
    let (store, opened) = open(options.clone()).unwrap();
    assert_eq!((opened.is_rebuilt, opened.repairs), (false, vec![]));
    assert!(opened.replayed > 0, "the journal has them");
    assert!(read(&store).await == before);
    drop(store);
    let (_, opened) = open(options).unwrap();
    assert_eq!(opened.replayed, 0, "they are on disk by now");
}

#[tokio::test]
async fn an_export_is_exact_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(options(dir.path())).unwrap();
    fill(&store, 0..100).await;
    let mut tasks = JoinSet::new();
    let writer = Arc::clone(&store);
    tasks.spawn(async move { fill(&writer, 100..200).await });
    let mut lasts = Vec::new();
    for _ in 0..5 {
        lasts.push(store.export().await.unwrap().last);
    }
    tasks.join_all().await;
    assert!(lasts.is_sorted() && lasts[0] < lasts[4], "{lasts:?}");
    let kept = fs::read_dir(dir.path().join("exports")).unwrap().count();
    assert_eq!(kept, 2, "older exports go");
    let before = read(&store).await;
    drop(store);
    no_rows(dir.path());
    let (store, _) = open(options(dir.path())).unwrap();
    assert!(read(&store).await == before);
}

#[tokio::test]
async fn a_damaged_export_is_passed_over_for_an_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(options(dir.path())).unwrap();
    fill(&store, 0..40).await;
    store.export().await.unwrap();
    fill(&store, 40..80).await;
    let newest = store.export().await.unwrap();
    let before = read(&store).await;
    drop(store);
    let mut bytes = fs::read(&newest.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&newest.path, bytes).unwrap();
    let findings = verify(&options(dir.path())).unwrap();
    assert_eq!(
        findings.sentences.len(),
        2,
        "it and the rows over it: {findings:?}"
    );
    no_rows(dir.path());
    let (store, opened) = open(options(dir.path())).unwrap();
    assert_eq!(opened.repairs.len(), 2, "{opened:?}");
    assert!(read(&store).await == before);
}

#[tokio::test]
async fn segments_go_only_behind_an_export_and_without_undecided_signals() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        retain: Retain::Since(std::time::Duration::ZERO),
        ..options(dir.path())
    };
    let (store, _) = open(options.clone()).unwrap();
    fill(&store, 0..50).await;
    let signal = Append {
        body: vec![1; 10],
        note: vec![],
    };
    let undecided = store.append(vec![signal]).await.unwrap()[0];
    fill(&store, 50..75).await;
    assert_eq!(store.export().await.unwrap().pruned, 0, "there is one only");
    fill(&store, 75..100).await;
    assert!(store.export().await.unwrap().pruned > 0);
    assert_eq!(
        store.body(Seq(1)).await.unwrap(),
        None,
        "its segment is gone"
    );
    assert_eq!(store.body(undecided).await.unwrap(), Some(vec![1; 10]));
    let key = undecided.0.to_be_bytes().to_vec();
    let decided = Batch {
        deletes: vec![(INBOX, key)],
        ..Batch::default()
    };
    store.commit(decided).await.unwrap();
    let mut pruned = 0;
    for numbers in [100..105, 105..110] {
        fill(&store, numbers).await;
        pruned += store.export().await.unwrap().pruned;
    }
    assert!(pruned > 0);
    assert_eq!(store.body(undecided).await.unwrap(), None);
    let before = read(&store).await;
    assert_eq!(before.1.len(), 220, "facts stay");
    drop(store);
    let findings = verify(&options).unwrap();
    assert_eq!(findings.sentences, Vec::<String>::new());
    no_rows(dir.path());
    let (store, _) = open(options.clone()).unwrap();
    assert!(read(&store).await == before);
    drop(store);
    no_rows(dir.path());
    fs::remove_dir_all(dir.path().join("exports")).unwrap();
    let error = open(options.clone()).err().unwrap();
    assert!(matches!(error, OpenError::Lost { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("--accept-rollback") && text.contains("exit 74"),
        "{text}"
    );
    let (_, opened) = open(Options {
        accept_rollback: true,
        ..options
    })
    .unwrap();
    assert!(opened.is_rebuilt && opened.is_after_loss);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_that_was_set_back_is_refused_until_that_is_accepted() {
    // What is put back from an older copy, and what is left to tell that it is old.
    for (what, put_back) in [
        ("the journal", &["journal"][..]),
        ("the journal and its witness", &["journal", "witness"]),
        (
            "everything, with the witness elsewhere",
            &["journal", "rows"],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        let (store, _) = open(options.clone()).unwrap();
        fill(&store, 0..30).await;
        store.close().await.unwrap();
        drop(store);
        let old = tempfile::tempdir().unwrap();
        copy(dir.path(), old.path());
        let (store, _) = open(options.clone()).unwrap();
        fill(&store, 30..60).await;
        let before = read(&store).await;
        store.close().await.unwrap();
        drop(store);
        for name in put_back {
            let (from, to) = (old.path().join(name), dir.path().join(name));
            if from.is_dir() {
                fs::remove_dir_all(&to).unwrap();
                copy(&from, &to);
            } else {
                fs::copy(from, to).unwrap();
            }
        }
        let error = open(options.clone()).err().unwrap();
        assert!(matches!(error, OpenError::Damaged(_)), "{what}: {error}");
        let text = StoreError::from(error).to_string();
        for part in ["damaged", "set back", "--accept-rollback", "exit 74"] {
            assert!(text.contains(part), "{what}: {text}");
        }
        let accepting = Options {
            accept_rollback: true,
            ..options.clone()
        };
        let (store, opened) = open(accepting).unwrap();
        assert!(opened.is_after_loss, "{what}");
        let after = read(&store).await;
        assert_eq!(after.2, before.2, "{what}: no position is given twice");
        if !put_back.contains(&"rows") {
            assert!(
                after == before,
                "{what}: the rows were not set back, so they stay"
            );
        }
        fill(&store, 60..70).await;
        let after = read(&store).await;
        store.forget_loss().unwrap();
        drop(store);
        // From now on it is a store like any other, and can be made anew too.
        let (store, opened) = open(options.clone()).unwrap();
        assert_eq!(
            (opened.is_after_loss, opened.repairs),
            (false, vec![]),
            "{what}"
        );
        drop(store);
        no_rows(dir.path());
        let (store, _) = open(options.clone()).unwrap();
        assert!(read(&store).await == after, "{what}");
        drop(store);
        let findings = verify(&options).unwrap();
        assert_eq!(findings.sentences, Vec::<String>::new(), "{what}");
    }
}

#[tokio::test]
async fn rows_of_another_store_are_not_taken() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&one, &two] {
        let (store, _) = open(options(dir.path())).unwrap();
        fill(&store, 0..10).await;
        store.close().await.unwrap();
    }
    no_rows(one.path());
    copy(&two.path().join("rows"), &one.path().join("rows"));
    let (_, opened) = open(options(one.path())).unwrap();
    assert!(opened.repairs[0].contains("another store"), "{opened:?}");
}

#[tokio::test]
async fn one_process_has_the_store_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(options(dir.path())).unwrap();
    let error = open(options(dir.path())).err().unwrap();
    let text = error.to_string();
    let pid = std::process::id();
    assert!(
        text.ends_with(&format!("is in use by process {pid}")),
        "{text}"
    );
    assert!(verify(&options(dir.path())).is_err());
    store.close().await.unwrap();
    let (again, _) = open(options(dir.path())).unwrap();
    assert!(again.pulse().await.is_ok());
}

#[tokio::test]
async fn a_changed_row_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(options(dir.path())).unwrap();
    fill(&store, 0..10).await;
    let key = change::row_key(T, &3_u64.to_be_bytes());
    // Behind the store's back, with everything recomputed: only the journal knows better.
    let store = with_all_on_disk(dir.path(), store).await;
    let rows = store.shared.disk().unwrap();
    let old = rows.get(&key).unwrap().unwrap();
    let new = row::encode(&key, Seq(2), b"forged");
    let standing = rows.get(row::APPLIED_KEY).unwrap().unwrap();
    let mut standing = row::Standing::decode(&standing).unwrap();
    standing.replace(row::Replaced {
        key_length: 0,
        seen: Some(&old),
        old: Some(&old),
        new: Some(&new),
    });
    let standing = standing.encode();
    let changes = [
        (&key[..], Some(&new[..])),
        (row::APPLIED_KEY, Some(&standing)),
    ];
    rows.top().unwrap().apply(&changes).unwrap();
    drop(rows);
    drop(store);
    let findings = verify(&options(dir.path())).unwrap();
    assert_eq!(findings.differences, 1, "{findings:?}");
    assert!(findings.sentences[0].contains("is not what the journal says"));
}

#[tokio::test]
async fn a_lost_an_old_and_a_foreign_row_are_seen_when_the_store_opens() {
    let key = change::row_key(T, &key(3));
    let old = row::encode(&key, Seq(1), b"old");
    let foreign = change::row_key(T, b"foreign");
    for (what, wrong, value) in [
        ("lost", &key, None),
        ("old", &key, Some(old.as_slice())),
        ("foreign", &foreign, Some(old.as_slice())),
        ("no row at all", &key, Some(&b"x"[..])),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(options(dir.path())).unwrap();
        fill(&store, 0..10).await;
        let before = read(&store).await;
        let store = with_all_on_disk(dir.path(), store).await;
        let disk = store.shared.disk().unwrap();
        disk.top()
            .unwrap()
            .apply(&[(wrong.as_slice(), value)])
            .unwrap();
        drop(disk);
        drop(store);
        let findings = verify(&options(dir.path())).unwrap();
        assert_eq!(findings.sentences.len(), 1, "{what}: {findings:?}");
        let (store, opened) = open(options(dir.path())).unwrap();
        assert!(opened.is_rebuilt, "{what}: {opened:?}");
        assert!(read(&store).await == before, "{what}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_stops_the_store_until_it_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(options(dir.path())).unwrap();
    fill(&store, 0..10).await;
    let before = read(&store).await;
    let damaged = change::row_key(T, &key(3));
    let store = with_all_on_disk(dir.path(), store).await;
    let disk = store.shared.disk().unwrap();
    let no_row = Some(&b"no row at all"[..]);
    disk.top()
        .unwrap()
        .apply(&[(damaged.as_slice(), no_row)])
        .unwrap();
    drop(disk);
    let error = store.get(T, &key(3)).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let error = store.commit(Batch::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    drop(store);
    let (store, opened) = open(options(dir.path())).unwrap();
    assert!(opened.is_rebuilt, "{opened:?}");
    assert!(read(&store).await == before);
}
