//! A disk that fails or is full: nothing is acknowledged that is not durable, and nothing that was
//! acknowledged is lost.

use std::{
    io,
    sync::{Arc, mpsc},
};

use tokio::task::JoinSet;

use super::{
    super::*,
    faulty::{Doing, Faulty, full},
    options,
};

use crate::Expect;

const T: Table = Table("t");

fn put(n: u64) -> Batch {
    Batch {
        puts: vec![(T, n.to_be_bytes().to_vec(), vec![7; 200])],
        facts: vec![n.to_be_bytes().to_vec()],
        ..Batch::default()
    }
}

/// The numbers of the rows and of the facts; they must be the same.
async fn numbers(store: &Sled) -> Vec<u64> {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    let rows = store.scan(T, Range::default(), 1000).await.unwrap();
    let rows: Vec<u64> = rows.iter().map(|(key, _)| number(key)).collect();
    let facts = store.facts_after(Seq(0), 1000).await.unwrap();
    let facts: Vec<u64> = facts.iter().map(|(_, fact)| number(fact)).collect();
    assert_eq!(rows, facts);
    rows
}

#[tokio::test]
async fn after_an_error_nothing_is_acknowledged_and_nothing_is_lost() {
    // The n-th operation on the journal fails, for many n.
    for failing in 0..36 {
        let dir = tempfile::tempdir().unwrap();
        let disk = Faulty::new();
        let options = Options {
            disk: Arc::new(disk.clone()),
            segment_bytes: 16 * 1024,
            ..options(dir.path())
        };
        let (store, _) = open(options.clone()).unwrap();
        let mut done = 0;
        disk.rule(move |_, _| {
            done += 1;
            if done == failing {
                Err(io::Error::other("input/output error"))
            } else {
                Ok(())
            }
        });
        let mut acknowledged = Vec::new();
        let mut error = None;
        for n in 0..100 {
            match store.commit(put(n)).await {
                Ok(_) if error.is_none() => acknowledged.push(n),
                Ok(_) => panic!("{failing}: an acknowledgement after {error:?}"),
                Err(failed) => error = Some(failed),
            }
        }
        if let Some(error) = error {
            let is_out_of_order = matches!(error, StoreError::Unavailable { .. });
            assert!(is_out_of_order, "{failing}: {error}");
            assert!(store.get(T, b"k").await.is_err(), "{failing}");
            assert!(store.pulse().await.is_err(), "{failing}");
        }
        disk.heal();
        drop(store);
        let (store, _) = open(options).unwrap();
        let found = numbers(&store).await;
        let count = acknowledged.len();
        assert!(
            found.len() >= count && found.len() <= count + 1,
            "{failing}"
        );
        assert_eq!(found[..count], acknowledged, "{failing}");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        segment_bytes: 16 * 1024,
        ..options(dir.path())
    };
    let (store, _) = open(options.clone()).unwrap();
    // There is no space for another piece of a segment, nor for another segment.
    for refused in [Doing::Write, Doing::Create] {
        disk.rule(move |doing, path| {
            let is_journal = path.components().any(|part| part.as_os_str() == "journal");
            if doing == refused && is_journal {
                Err(full())
            } else {
                Ok(())
            }
        });
        let mut kept = numbers(&store).await;
        let refusal = loop {
            let n = kept.len() as u64;
            match store.commit(put(n)).await {
                Ok(_) => kept.push(n),
                Err(error) => break error,
            }
        };
        assert!(matches!(refusal, StoreError::NoSpace { .. }), "{refusal}");
        assert_eq!(numbers(&store).await, kept, "reads go on");
        disk.heal();
        let n = kept.len() as u64;
        store.commit(put(n)).await.unwrap();
        let now = store.stats().await.unwrap().durable.0;
        assert_eq!(now, n + 1, "no position was skipped");
    }
    let kept = numbers(&store).await;
    drop(store);
    let (store, opened) = open(options).unwrap();
    assert_eq!((numbers(&store).await, opened.repairs), (kept, vec![]));
}

#[tokio::test]
async fn below_the_watermark_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        free_bytes_min: 1000,
        free_ratio_min: 1.0,
        ..options(dir.path())
    };
    let (store, opened) = open(options.clone()).unwrap();
    assert!(!opened.is_read_only);
    store.commit(put(0)).await.unwrap();
    disk.free(999);
    for _ in 0..3 {
        let commit = store.commit(put(1)).await.unwrap_err();
        assert!(
            matches!(commit, StoreError::NoSpace { free_bytes: 999 }),
            "{commit}"
        );
    }
    let signal = Append {
        body: vec![1],
        note: vec![],
    };
    assert!(store.append(vec![signal]).await.is_err());
    let stats = store.stats().await.unwrap();
    assert!(stats.is_read_only);
    assert_eq!(stats.free_bytes, Some(999));
    assert_eq!(numbers(&store).await, [0]);
    drop(store);

    let (store, opened) = open(options.clone()).unwrap();
    assert!(opened.is_read_only, "started without space it is read-only");
    assert_eq!(numbers(&store).await, [0]);
    assert!(matches!(
        store.commit(put(1)).await,
        Err(StoreError::NoSpace { .. })
    ));
    disk.free(1000);
    store.commit(put(1)).await.unwrap();
    assert_eq!(numbers(&store).await, [0, 1]);
    drop(store);

    // Of a disk of 1 TiB the bytes decide, and of a small one its part.
    let options = Options {
        free_ratio_min: 0.1,
        ..options
    };
    let (store, opened) = open(options.clone()).unwrap();
    assert!(!opened.is_read_only);
    drop(store);
    let options = Options {
        free_bytes_min: u64::MAX,
        ..options
    };
    let (store, opened) = open(options).unwrap();
    assert!(opened.is_read_only);
    disk.free((1 << 40) / 10 + 1);
    store.commit(put(2)).await.unwrap();
}

/// From now on each sync of the journal says that it is there, and waits until it may go on.
fn hold_syncs(disk: &Faulty) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (arrived, has_arrived) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    disk.rule(move |doing, path| {
        if doing == Doing::Sync && path.extension().is_some_and(|name| name == "journal") {
            arrived.send(()).unwrap();
            released.recv().unwrap();
        }
        Ok(())
    });
    (has_arrived, release)
}

#[tokio::test]
async fn what_waits_for_a_sync_cannot_be_read_and_shares_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        ..options(dir.path())
    };
    let (store, _) = open(options).unwrap();
    let (has_arrived, release) = hold_syncs(&disk);
    let syncs = store.stats().await.unwrap().syncs;
    let mut writers = JoinSet::new();
    let first = Arc::clone(&store);
    writers.spawn(async move { first.commit(put(0)).await });
    tokio::task::yield_now().await;
    has_arrived.recv().unwrap();
    for n in 1..50 {
        let store = Arc::clone(&store);
        writers.spawn(async move { store.commit(put(n)).await });
    }
    // All of them are on their way now, and the first is written but not synced.
    tokio::task::yield_now().await;
    assert_eq!(
        numbers(&store).await,
        Vec::<u64>::new(),
        "nothing can be read before it is durable"
    );
    assert_eq!(store.stats().await.unwrap().durable, Seq(0));
    release.send(()).unwrap();
    has_arrived.recv().unwrap();
    release.send(()).unwrap();
    while let Some(done) = writers.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(numbers(&store).await.len(), 50);
    let stats = store.stats().await.unwrap();
    assert_eq!(
        (stats.syncs - syncs, stats.records),
        (2, 50),
        "49 shared one sync"
    );
}

#[tokio::test]
async fn on_a_full_disk_the_reserve_is_given_up_to_open() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        free_bytes_min: 1000,
        free_ratio_min: 1.0,
        reserve_bytes: 100_000,
        ..options(dir.path())
    };
    let reserve = dir.path().join("reserve");
    let (store, _) = open(options.clone()).unwrap();
    store.commit(put(0)).await.unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), 100_000);
    drop(store);
    // Nothing can be written as long as the reserve takes the space.
    disk.free(0);
    let watched = reserve.clone();
    disk.rule(move |doing, _| {
        if doing == Doing::Write && watched.exists() {
            Err(full())
        } else {
            Ok(())
        }
    });
    let (store, opened) = open(options.clone()).unwrap();
    assert!(opened.is_read_only && !reserve.exists());
    assert_eq!(numbers(&store).await, [0]);
    drop(store);
    disk.rule(|doing, _| {
        if doing == Doing::Write {
            Err(full())
        } else {
            Ok(())
        }
    });
    let error = open(options.clone()).err().unwrap();
    assert!(matches!(error, OpenError::NoSpace { .. }), "{error}");
    disk.heal();
    disk.free(1000);
    drop(open(options).unwrap());
    assert!(reserve.exists(), "it comes back with the space");
}

#[tokio::test]
async fn while_signals_come_a_commit_shares_the_sync_of_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        linger: std::time::Duration::from_secs(600),
        ..options(dir.path())
    };
    let (store, _) = open(options).unwrap();
    let signal = || Append {
        body: b"body".to_vec(),
        note: Vec::new(),
    };
    // Nothing comes yet, so nobody waits for it.
    store.commit(put(0)).await.unwrap();
    store.append(vec![signal()]).await.unwrap();
    let syncs = store.stats().await.unwrap().syncs;
    let other = Arc::clone(&store);
    let mut commit = JoinSet::new();
    commit.spawn(async move { other.commit(put(1)).await });
    tokio::task::yield_now().await;
    store.append(vec![signal()]).await.unwrap();
    commit.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(store.stats().await.unwrap().syncs, syncs + 1);
}

#[tokio::test]
async fn what_shares_a_sync_is_decided_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        ..options(dir.path())
    };
    let (store, _) = open(options).unwrap();
    let version = store.commit(put(0)).await.unwrap();
    let expecting = |version: Option<Seq>| Expect {
        table: T,
        key: 0_u64.to_be_bytes().to_vec(),
        version,
    };
    let delete = Batch {
        expects: vec![expecting(Some(version))],
        deletes: vec![(T, 0_u64.to_be_bytes().to_vec())],
        ..Batch::default()
    };
    let again = Batch {
        expects: vec![expecting(None)],
        ..put(0)
    };
    // Each wants the row as the one before leaves it, or as it was at first.
    let batches = [delete.clone(), delete.clone(), again.clone(), again, delete];
    let (has_arrived, release) = hold_syncs(&disk);
    let mut answers = Vec::new();
    let first = Arc::clone(&store);
    let mut writers = JoinSet::new();
    writers.spawn(async move { first.commit(Batch::default()).await });
    tokio::task::yield_now().await;
    has_arrived.recv().unwrap();
    for batch in batches {
        let store = Arc::clone(&store);
        let (tell, told) = tokio::sync::oneshot::channel();
        writers.spawn(async move {
            let answer = store.commit(batch).await;
            tell.send(answer.is_ok()).unwrap();
            answer
        });
        answers.push(told);
    }
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    has_arrived.recv().unwrap();
    release.send(()).unwrap();
    let mut carried_out = Vec::new();
    for answer in answers {
        carried_out.push(answer.await.unwrap());
    }
    assert_eq!(carried_out, [true, false, true, false, false]);
    let row = store.get(T, &0_u64.to_be_bytes()).await.unwrap();
    assert!(row.is_some_and(|row| row.version > version));
}
