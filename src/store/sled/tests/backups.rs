//! Backups: exact while others write, whole or not there, and never restored when a byte of them changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use tokio::task::JoinSet;

use super::{
    super::{
        backup::{Backup, BackupError, Plan, is_unfinished, list, restore, restore_on, verify},
        *,
    },
    faulty::{Doing, Faulty},
    options,
};
use crate::{Expect, INBOX, journal::disk::Disk};

const T: Table = Table("t");

/// A signal, and what it told.
type Told = Arc<Mutex<BTreeMap<Seq, u64>>>;

fn key(n: u64) -> Vec<u8> {
    (n % 50).to_be_bytes().to_vec()
}

/// Some are longer than a piece.
fn value(n: u64) -> Vec<u8> {
    let length = if n.is_multiple_of(11) { 9000 } else { 20 };
    let mut value = n.to_be_bytes().to_vec();
    value.resize(length, n as u8);
    value
}

/// Takes signals in, and decides all but each third.
async fn fill(store: &Sled, numbers: std::ops::Range<u64>, told: &Told) {
    for n in numbers {
        let signal = Append {
            body: value(n),
            note: vec![7],
        };
        let at = store.append(vec![signal]).await.unwrap()[0];
        told.lock().unwrap().insert(at, n);
        if !n.is_multiple_of(3) {
            store.commit(decision(n, at)).await.unwrap();
        }
    }
}

fn decision(n: u64, at: Seq) -> Batch {
    let inbox = at.0.to_be_bytes().to_vec();
    Batch {
        expects: vec![Expect {
            table: INBOX,
            key: inbox.clone(),
            version: Some(at),
        }],
        puts: vec![(T, key(n), value(n))],
        deletes: vec![(INBOX, inbox)],
        facts: vec![[n.to_be_bytes(), at.0.to_be_bytes()].concat()],
    }
}

/// What a fact says: the number, and the signal that was decided.
fn said(fact: &[u8]) -> (u64, Seq) {
    let number = |at: usize| u64::from_be_bytes(fact[at..at + 8].try_into().unwrap());
    (number(0), Seq(number(8)))
}

async fn facts(store: &Sled, until: Seq) -> Vec<(Seq, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(Seq(0), |(at, _): &(Seq, Vec<u8>)| *at);
        let page = store.facts_after(after, 1000).await.unwrap();
        if page.is_empty() {
            all.retain(|(at, _)| *at <= until);
            return all;
        }
        all.extend(page);
    }
}

fn plan(dir: &Path) -> Plan {
    Plan {
        dir: dir.join("backups"),
        beside: vec![("secrets".to_owned(), dir.join("secrets"))],
        program: "oneshelf 0.0.0".to_owned(),
        keep: 0,
    }
}

fn store_in(dir: &Path) -> Options {
    options(&dir.join("store"))
}

/// Holds a restored store against what the first one had at the position of the backup.
async fn compare(first: &Sled, backup: &Backup, restored: &Path, told: &Told) {
    let position = backup.manifest.position;
    let (store, opened) = open(store_in(restored)).unwrap();
    assert!(opened.is_after_loss && !opened.is_rebuilt, "{opened:?}");
    let had = facts(first, position).await;
    assert!(facts(&store, Seq(u64::MAX)).await == had, "other facts");
    let mut rows = BTreeMap::new();
    let mut decided = BTreeSet::new();
    for (version, fact) in &had {
        let (n, at) = said(fact);
        let (version, value) = (*version, value(n));
        rows.insert(key(n), Row { version, value });
        decided.insert(at);
    }
    let found = store.scan(T, Range::default(), 1000).await.unwrap();
    assert!(found == rows.into_iter().collect::<Vec<_>>(), "other rows");
    let undecided: Vec<(Seq, u64)> = {
        let told = told.lock().unwrap();
        let of = |(at, n): (&Seq, &u64)| (*at, *n);
        let waits = |(at, _): &(Seq, u64)| *at <= position && !decided.contains(at);
        told.iter().map(of).filter(waits).collect()
    };
    let inbox = store.scan(INBOX, Range::default(), 1000).await.unwrap();
    assert_eq!(inbox.len(), undecided.len(), "other signals wait");
    for (at, n) in undecided {
        let body = store.body(at).await.unwrap();
        assert_eq!(body, Some(value(n)), "the signal at {}", at.0);
        let decided = store.commit(decision(n, at)).await.unwrap();
        assert!(decided > position, "positions are never given twice");
    }
    store.close().await.unwrap();
    drop(store);
    let findings = super::super::verify(&store_in(restored)).unwrap();
    assert_eq!(findings.sentences, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_exact_while_others_write() {
    for retain in [Retain::Everything, Retain::Since(std::time::Duration::ZERO)] {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            retain,
            ..store_in(dir.path())
        };
        let (store, _) = open(options).unwrap();
        let told = Told::default();
        fill(&store, 0..150, &told).await;
        let mut writers = JoinSet::new();
        for writer in 1..3 {
            let (store, told) = (Arc::clone(&store), Arc::clone(&told));
            let first = writer * 1000;
            writers.spawn(async move { fill(&store, first..first + 120, &told).await });
        }
        let mut backups = Vec::new();
        for _ in 0..3 {
            backups.push(store.backup(plan(dir.path())).await.unwrap());
        }
        writers.join_all().await;
        backups.push(store.backup(plan(dir.path())).await.unwrap());
        let last = backups.last().unwrap();
        assert_eq!(last.manifest.position, store.stats().await.unwrap().durable);
        for (n, backup) in backups.iter().enumerate() {
            assert_eq!(verify(&backup.path).unwrap(), *backup);
            let to = dir.path().join(format!("restored-{n}"));
            let restored = restore(&backup.path, &to).unwrap();
            assert_eq!(restored.backup, *backup);
            compare(&store, backup, &to, &told).await;
        }
        let listed = list(&plan(dir.path()).dir).unwrap();
        let listed: Vec<PathBuf> = listed.into_iter().map(|one| one.path).collect();
        let made: Vec<PathBuf> = backups.iter().map(|one| one.path.clone()).collect();
        assert_eq!(listed, made, "the oldest first");
    }
}

/// A small store with two tokens, and a backup of it.
async fn small(dir: &Path) -> (Arc<Sled>, Backup) {
    let (store, _) = open(store_in(dir)).unwrap();
    fill(&store, 1..4, &Told::default()).await;
    for (name, text) in [("shop/refresh", "token"), ("other/key", "")] {
        let path = dir.join("secrets").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(dir.join("secrets/shop/refresh.new"), "half").unwrap();
    let backup = store.backup(plan(dir)).await.unwrap();
    (store, backup)
}

fn files_of(backup: &Backup) -> Vec<PathBuf> {
    let named = backup.manifest.files.keys().map(String::as_str);
    let all = named.chain(["manifest.json", "SHA256SUMS"]);
    all.map(|name| backup.path.join(name)).collect()
}

#[tokio::test]
async fn no_byte_of_a_backup_can_change_and_no_file_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, backup) = small(dir.path()).await;
    let files = files_of(&backup);
    assert_eq!(files.len(), 6, "{files:?}");
    let to = dir.path().join("restored");
    for path in &files {
        let whole = fs::read(path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(path, bytes).unwrap();
            let error = verify(&backup.path).expect_err("it is damaged");
            if at % 97 == 0 {
                let name = path.file_name().unwrap().to_string_lossy();
                assert!(restore(&backup.path, &to).is_err(), "{name} {at}");
                assert!(!to.exists(), "nothing is made of it: {error}");
            }
        }
        for other in [
            &whole[..whole.len().saturating_sub(1)],
            &[&whole[..], b"x"].concat(),
        ] {
            if other != whole {
                fs::write(path, other).unwrap();
                assert!(
                    verify(&backup.path).is_err(),
                    "{path:?} is longer or shorter"
                );
            }
        }
        fs::remove_file(path).unwrap();
        assert!(verify(&backup.path).is_err(), "{path:?} is missing");
        assert!(restore(&backup.path, &to).is_err(), "{path:?} is missing");
        fs::write(path, whole).unwrap();
    }
    let extra = backup
        .path
        .join("store/journal/00000000000000000099.journal");
    fs::write(&extra, "").unwrap();
    let error = verify(&backup.path).unwrap_err().to_string();
    assert!(error.contains("does not belong to it"), "{error}");
    fs::remove_file(&extra).unwrap();
    assert_eq!(verify(&backup.path).unwrap(), backup);
}

#[tokio::test]
async fn every_damaged_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, backup) = small(dir.path()).await;
    for name in backup.manifest.files.keys() {
        fs::remove_file(backup.path.join(name)).unwrap();
    }
    let Err(BackupError::Damaged { problems, .. }) = verify(&backup.path) else {
        panic!("it is damaged");
    };
    assert_eq!(problems.len(), backup.manifest.files.len(), "{problems:?}");
}

#[tokio::test]
async fn what_is_no_backup_or_newer_is_said_to_be_so() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, backup) = small(dir.path()).await;
    for other in [dir.path().to_owned(), dir.path().join("nothing")] {
        let error = verify(&other).unwrap_err();
        assert!(matches!(error, BackupError::NoBackup { .. }), "{error}");
    }
    let path = backup.path.join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let error = verify(&backup.path).unwrap_err();
    assert!(matches!(error, BackupError::Newer { .. }), "{error}");
}

/// Fails the `nth` thing that is asked about a path below `dir`, and everything after it.
fn fail_from(disk: &Faulty, dir: &Path, nth: usize) -> Arc<Mutex<usize>> {
    let asked = Arc::new(Mutex::new(0));
    let (count, dir) = (Arc::clone(&asked), dir.to_owned());
    disk.rule(move |_: Doing, path| {
        if !path.starts_with(&dir) {
            return Ok(());
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count > nth {
            return Err(io::Error::other("the machine stops here"));
        }
        Ok(())
    });
    asked
}

#[tokio::test]
async fn stopped_at_any_step_there_is_a_whole_backup_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        ..store_in(dir.path())
    };
    let (store, _) = open(options).unwrap();
    let told = Told::default();
    fill(&store, 0..20, &told).await;
    let plan = Plan {
        keep: 2,
        ..plan(dir.path())
    };
    let mut failed = 0;
    for step in 0.. {
        let asked = fail_from(&disk, &plan.dir, step);
        let made = store.backup(plan.clone()).await;
        disk.heal();
        let is_over = *asked.lock().unwrap() <= step;
        failed += usize::from(made.is_err());
        for listed in list(&plan.dir).unwrap() {
            verify(&listed.path).unwrap_or_else(|error| panic!("step {step}: {error}"));
        }
        fill(&store, 100 + step as u64..101 + step as u64, &told).await;
        if is_over {
            made.unwrap();
            break;
        }
    }
    assert!(failed > 15, "{failed} steps");
    for _ in 0..2 {
        store.backup(plan.clone()).await.unwrap();
    }
    let left: Vec<String> = disk.list(&plan.dir).unwrap();
    let left: Vec<&String> = left.iter().filter(|name| *name != ".lock").collect();
    assert_eq!(
        left.len(),
        2,
        "no more are kept, and nothing unfinished: {left:?}"
    );
}

#[tokio::test]
async fn a_restore_that_was_cut_off_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, backup) = small(dir.path()).await;
    let disk = Faulty::new();
    let disk_of_it: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut failed = 0;
    // Each step takes a store of its own to be made, so not every one of them is tried.
    for step in (0..).step_by(5) {
        let to = dir.path().join(format!("restored-{step}"));
        let asked = fail_from(&disk, &to, step);
        let restored = restore_on(&disk_of_it, &backup.path, &to);
        disk.heal();
        let is_over = *asked.lock().unwrap() <= step;
        failed += usize::from(restored.is_err());
        if restored.is_err() && !to.join("store").exists() {
            assert!(is_unfinished(&to) || !to.exists(), "step {step}");
            restore_on(&disk_of_it, &backup.path, &to).unwrap();
        }
        assert!(!is_unfinished(&to));
        let (store, opened) = open(store_in(&to)).unwrap();
        assert!(opened.is_after_loss, "step {step}");
        assert_eq!(facts(&store, Seq(u64::MAX)).await.len(), 2);
        let token = fs::read_to_string(to.join("secrets/shop/refresh")).unwrap();
        assert_eq!(token, "token");
        if is_over {
            break;
        }
    }
    assert!(failed > 5, "{failed} steps");
}

#[tokio::test]
async fn a_restored_store_stays_careful_until_somebody_says_that_they_know() {
    let dir = tempfile::tempdir().unwrap();
    let (first, backup) = small(dir.path()).await;
    let to = dir.path().join("restored");
    let restored = restore(&backup.path, &to).unwrap();
    assert!(restored.next > backup.manifest.position);
    for _ in 0..2 {
        let (store, opened) = open(store_in(&to)).unwrap();
        assert!(opened.is_after_loss);
        assert_eq!(opened.repairs, Vec::<String>::new());
        store.close().await.unwrap();
    }
    assert!(
        rebuild(&store_in(&to)).unwrap().is_after_loss,
        "nor does that"
    );
    let (store, opened) = open(store_in(&to)).unwrap();
    assert!(opened.is_after_loss);
    store.forget_loss().unwrap();
    // It is a store like others, also for a backup.
    fill(&store, 10..30, &Told::default()).await;
    let again = store.backup(plan(&to)).await.unwrap();
    assert!(again.manifest.position > restored.next);
    drop(store);
    let (store, opened) = open(store_in(&to)).unwrap();
    assert!(!opened.is_after_loss);
    drop((store, first));
    let twice = dir.path().join("twice");
    restore(&again.path, &twice).unwrap();
    let (store, _) = open(store_in(&twice)).unwrap();
    assert!(facts(&store, Seq(u64::MAX)).await.len() > 10);
}

#[tokio::test]
async fn nothing_is_restored_over_something() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, backup) = small(dir.path()).await;
    let to = dir.path().join("taken");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("file"), "mine").unwrap();
    let error = restore(&backup.path, &to).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty { .. }), "{error}");
    assert_eq!(fs::read_to_string(to.join("file")).unwrap(), "mine");
    let error = restore(&backup.path, dir.path()).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty { .. }), "{error}");
    // What was cut off is cleared away, and nothing else with it.
    fs::create_dir(to.join("restore.unfinished")).unwrap();
    restore(&backup.path, &to).unwrap_err();
    assert_eq!(fs::read_to_string(to.join("file")).unwrap(), "mine");
    fs::remove_file(to.join("file")).unwrap();
    restore(&backup.path, &to).unwrap();
}

#[tokio::test]
async fn only_the_backups_of_this_store_give_way() {
    let dir = tempfile::tempdir().unwrap();
    let (store, first) = small(dir.path()).await;
    let other = tempfile::tempdir().unwrap();
    let plan = Plan {
        keep: 1,
        ..plan(dir.path())
    };
    let (of_another, _) = open(store_in(other.path())).unwrap();
    let theirs = of_another.backup(plan.clone()).await.unwrap();
    fs::create_dir(plan.dir.join("oneshelf-notes")).unwrap();
    let second = store.backup(plan.clone()).await.unwrap();
    let there: Vec<PathBuf> = list(&plan.dir)
        .unwrap()
        .into_iter()
        .map(|it| it.path)
        .collect();
    assert!(!first.path.exists(), "it gave way");
    assert_eq!(
        there,
        [theirs.path, second.path, plan.dir.join("oneshelf-notes")]
    );
}

#[tokio::test]
async fn a_backup_leaves_space_for_writing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let options = Options {
        disk: Arc::new(disk.clone()),
        free_bytes_min: 1 << 20,
        free_ratio_min: 1.0,
        ..store_in(dir.path())
    };
    let (store, _) = open(options).unwrap();
    fill(&store, 0..5, &Told::default()).await;
    disk.free((1 << 20) + 100);
    let error = store.backup(plan(dir.path())).await.unwrap_err();
    assert!(error.is_full(), "{error}");
    disk.free(1 << 30);
    store.backup(plan(dir.path())).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_a_backup_or_what_is_restored() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (_store, backup) = small(dir.path()).await;
    let to = dir.path().join("restored");
    restore(&backup.path, &to).unwrap();
    let mut paths = vec![backup.path.clone(), plan(dir.path()).dir, to.clone()];
    paths.extend(files_of(&backup));
    paths.extend(["store", "secrets", "secrets/shop/refresh"].map(|name| to.join(name)));
    for path in paths {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{path:?} {mode:o}");
    }
}
