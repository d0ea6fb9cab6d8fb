//! Rows that lie over an export: nothing shows where one layer ends, however often one is made, fails, or
//! is cut off.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    super::{
        base::{Base, Check},
        blocks::Blocks,
        export_file::{Extent, Writer, list, list_of},
        rows::Rows,
        stack::{Stack, folder},
        *,
    },
    faulty::Faulty,
    options,
};
use crate::{
    dice::Dice,
    journal::{
        disk::{Disk, Mode},
        files::Files,
    },
};

const T: Table = Table("t");

/// Rows by key, and facts in order.
#[derive(Debug, Default, PartialEq)]
struct Everything {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    facts: Vec<Vec<u8>>,
}

/// Changes some rows, and deletes some, of store and model alike.
async fn change(store: &Sled, model: &mut Everything, dice: &mut Dice, commits: u64) {
    for _ in 0..commits {
        let mut batch = Batch::default();
        for _ in 0..=dice.roll(4) {
            let key = format!("key-{:03}", dice.roll(300)).into_bytes();
            if batch.puts.iter().any(|(_, other, _)| *other == key)
                || batch.deletes.iter().any(|(_, other)| *other == key)
            {
                continue;
            }
            if dice.roll(3) == 0 {
                model.rows.remove(&key);
                batch.deletes.push((T, key));
            } else {
                let length = if dice.roll(20) == 0 {
                    9000
                } else {
                    dice.roll(90)
                };
                let value = vec![dice.roll(256) as u8; length as usize];
                model.rows.insert(key.clone(), value.clone());
                batch.puts.push((T, key, value));
            }
        }
        let fact = vec![dice.roll(256) as u8; dice.roll(50) as usize];
        model.facts.push(fact.clone());
        batch.facts.push(fact);
        store.commit(batch).await.unwrap();
    }
}

async fn read(store: &Sled) -> Everything {
    let rows = store.scan(T, Range::default(), 1000).await.unwrap();
    for (key, row) in &rows {
        let got = store.get(T, key).await.unwrap();
        assert_eq!(got.as_ref(), Some(row), "read alone it is the same");
    }
    let mut found = Everything {
        rows: rows
            .into_iter()
            .map(|(key, row)| (key, row.value))
            .collect(),
        ..Everything::default()
    };
    let mut after = Seq(0);
    loop {
        let page = store.facts_after(after, 1000).await.unwrap();
        let Some((last, _)) = page.last() else {
            return found;
        };
        after = *last;
        found.facts.extend(page.into_iter().map(|(_, fact)| fact));
    }
}

fn folders(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("rows")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

#[tokio::test]
async fn nothing_shows_where_an_export_ends() {
    for seed in 0..6 {
        let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(seed));
        let mut model = Everything::default();
        let (mut store, _) = open(options(dir.path())).unwrap();
        for round in 0..12 {
            change(&store, &mut model, &mut dice, 40).await;
            match dice.roll(7).min(4) {
                0 => {
                    store.close().await.unwrap();
                    drop(store);
                    store = open(options(dir.path())).unwrap().0;
                }
                1 => {
                    // As if it had been killed.
                    drop(store);
                    let findings = super::super::verify(&options(dir.path())).unwrap();
                    assert_eq!(findings.sentences, Vec::<String>::new(), "{seed} {round}");
                    store = open(options(dir.path())).unwrap().0;
                }
                what => {
                    let extents = [Extent::Changes, Extent::Whole];
                    let extent = extents[usize::from(what == 3)];
                    let exported = store.export_now(extent).unwrap();
                    let again = store.export_now(extent).unwrap();
                    assert_eq!(exported, again, "nothing has come since");
                    assert_eq!(folders(dir.path()), [format!("{:020}", exported.last.0)]);
                }
            }
            assert_eq!(read(&store).await, model, "seed {seed}, round {round}");
        }
        drop(store);
        fs::remove_dir_all(dir.path().join("rows")).unwrap();
        let (store, opened) = open(options(dir.path())).unwrap();
        assert!(opened.is_rebuilt);
        assert_eq!(read(&store).await, model, "seed {seed}, made anew");
    }
}

#[tokio::test]
async fn an_export_that_fails_or_is_cut_off_leaves_everything_as_it_is() {
    let mut failures = 0;
    for failing in 0..30 {
        let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(failing));
        let disk = Faulty::new();
        let options = Options {
            disk: Arc::new(disk.clone()),
            ..options(dir.path())
        };
        let mut model = Everything::default();
        let (store, _) = open(options.clone()).unwrap();
        change(&store, &mut model, &mut dice, 60).await;
        if failing % 2 == 0 {
            store.export().await.unwrap();
            change(&store, &mut model, &mut dice, 60).await;
        }
        let cut = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().to_owned(), cut.path().to_owned());
        let done = Mutex::new(0);
        disk.rule(move |_, path| {
            if !path.components().any(|part| part.as_os_str() == "exports") {
                return Ok(());
            }
            let mut done = done.lock().unwrap();
            *done += 1;
            if *done != failing / 2 {
                return Ok(());
            }
            copy(&from, &to);
            Err(io::Error::other("input/output error"))
        });
        let extents = [Extent::Changes, Extent::Whole];
        let extent = extents[usize::from(failing % 3 == 0)];
        let has_failed = store.export_now(extent).is_err();
        failures += u64::from(has_failed);
        assert_eq!(read(&store).await, model, "{failing}: reading goes on");
        if fs::read_dir(cut.path()).unwrap().next().is_some() {
            // The machine stopped just then.
            let (cut_off, opened) = open(super::options(cut.path())).unwrap();
            assert!(!opened.is_rebuilt, "{failing}: {opened:?}");
            assert_eq!(read(&cut_off).await, model, "{failing}: cut off");
            assert_eq!(folders(cut.path()).len(), 1, "{failing}");
        }
        change(&store, &mut model, &mut dice, 20).await;
        disk.heal();
        store.export_now(extent).unwrap();
        assert_eq!(folders(dir.path()).len(), 1, "{failing}");
        change(&store, &mut model, &mut dice, 20).await;
        assert_eq!(read(&store).await, model, "{failing}");
        drop(store);
        let (store, opened) = open(options).unwrap();
        assert!(!opened.is_rebuilt, "{failing}: {opened:?}");
        assert_eq!(read(&store).await, model, "{failing}: opened again");
    }
    assert!(failures >= 10, "{failures} failed");
}

#[tokio::test]
async fn of_exports_over_each_other_the_damaged_are_passed_over() {
    for damaged in 0..4 {
        let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(damaged as u64));
        let mut model = Everything::default();
        let (store, _) = open(options(dir.path())).unwrap();
        change(&store, &mut model, &mut dice, 60).await;
        let mut made = vec![store.export().await.unwrap()];
        for _ in 0..3 {
            change(&store, &mut model, &mut dice, 30).await;
            made.push(store.export_now(Extent::Changes).unwrap());
        }
        change(&store, &mut model, &mut dice, 30).await;
        drop(store);
        let mut bytes = fs::read(&made[damaged].path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&made[damaged].path, bytes).unwrap();
        let (store, opened) = open(options(dir.path())).unwrap();
        assert!(opened.is_rebuilt, "{damaged}: {opened:?}");
        let passed_over = opened.repairs.len() - 1;
        assert_eq!(passed_over, made.len() - damaged, "{opened:?}");
        assert_eq!(read(&store).await, model, "{damaged}");
        // An export of all rows lets the others go.
        store.export().await.unwrap();
        let left = fs::read_dir(dir.path().join("exports")).unwrap();
        let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(names.into_iter().all(|name| name.ends_with(".export")));
        assert_eq!(read(&store).await, model, "{damaged}");
    }
}

#[tokio::test]
async fn an_export_is_made_by_itself_and_old_segments_go() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(4));
    let mut model = Everything::default();
    let options = Options {
        export_rows: 200,
        retain: Retain::Since(std::time::Duration::ZERO),
        segment_bytes: 16 * 1024,
        ..options(dir.path())
    };
    let (store, _) = open(options.clone()).unwrap();
    let exports = || fs::read_dir(dir.path().join("exports")).map_or(0, Iterator::count);
    let oldest = || {
        let names = fs::read_dir(dir.path().join("journal")).unwrap();
        names.map(|entry| entry.unwrap().file_name()).min().unwrap()
    };
    let first = oldest();
    for _ in 0..200 {
        change(&store, &mut model, &mut dice, 40).await;
        if exports() >= 2 && oldest() > first {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(exports() >= 2 && oldest() > first);
    assert_eq!(read(&store).await, model);
    let stats = store.stats().await.unwrap();
    assert!(stats.live_bytes > 0 && stats.rows_bytes > stats.live_bytes);
    assert!(!stats.is_bloated, "{stats:?}");
    drop(store);
    let (store, opened) = open(options).unwrap();
    assert_eq!((opened.is_rebuilt, opened.repairs), (false, vec![]));
    assert_eq!(read(&store).await, model);
}

#[tokio::test]
async fn an_export_holds_up_no_end() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(5));
    let mut model = Everything::default();
    let options = Options {
        export_rows: 1,
        ..options(dir.path())
    };
    let (store, _) = open(options.clone()).unwrap();
    // Somebody reads on and on in rows that the export is to replace.
    let read_on = store.shared.disk().unwrap();
    change(&store, &mut model, &mut dice, 60).await;
    let is_there =
        || list(&Files::new(), &options.exports_dir()).is_ok_and(|found| !found.is_empty());
    while !is_there() || store.shared.frozen().unwrap().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let began = options.disk.elapsed();
    store.close().await.unwrap();
    drop(store);
    let took = options.disk.elapsed().checked_sub(began).unwrap();
    assert!(took.as_secs() < 5, "the end took {took:?}");
    drop(read_on);
    let (store, opened) = open(options).unwrap();
    assert!(!opened.is_rebuilt, "{opened:?}");
    assert_eq!(read(&store).await, model);
}

/// A store whose journal goes only as far back as its exports need it.
async fn pruned(dir: &Path, model: &mut Everything, dice: &mut Dice) -> Options {
    let options = Options {
        retain: Retain::Since(std::time::Duration::ZERO),
        segment_bytes: 8 * 1024,
        ..options(dir)
    };
    let (store, _) = open(options.clone()).unwrap();
    let mut has_pruned = false;
    for _ in 0..4 {
        change(&store, model, dice, 60).await;
        has_pruned |= store.export().await.unwrap().pruned > 0;
        change(&store, model, dice, 60).await;
        store.export_now(Extent::Changes).unwrap();
    }
    change(&store, model, dice, 60).await;
    assert!(has_pruned);
    options
}

fn exports_of(dir: &Path, extent: Extent) -> Vec<PathBuf> {
    let found = list_of(extent, &Files::new(), &dir.join("exports")).unwrap();
    found.into_iter().map(|(_, path)| path).collect()
}

#[tokio::test]
async fn with_an_old_journal_gone_any_one_export_may_be_damaged() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(6));
    let mut model = Everything::default();
    let options = pruned(dir.path(), &mut model, &mut dice).await;
    let whole = exports_of(dir.path(), Extent::Whole);
    let changes = exports_of(dir.path(), Extent::Changes);
    assert_eq!((whole.len(), changes.len()), (2, 1));
    for (path, is_needed) in [(&whole[0], false), (&whole[1], true), (&changes[0], true)] {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let path = copied
            .path()
            .join("exports")
            .join(path.file_name().unwrap());
        fs::write(&path, b"ONESHELF").unwrap();
        let options = Options {
            retain: options.retain,
            ..super::options(copied.path())
        };
        let (store, opened) = open(options).unwrap();
        assert_eq!(opened.is_rebuilt, is_needed, "{path:?} {opened:?}");
        assert_eq!(read(&store).await, model, "{path:?}");
        // The next one comes in its place, and nothing goes that is needed beside it.
        store.export().await.unwrap();
        fs::remove_dir_all(copied.path().join("aside")).ok();
        let newest = exports_of(copied.path(), Extent::Whole).pop().unwrap();
        drop(store);
        fs::remove_file(newest).unwrap();
        let (store, opened) = open(super::options(copied.path())).unwrap();
        assert!(opened.is_rebuilt, "{path:?} {opened:?}");
        assert_eq!(read(&store).await, model, "{path:?}");
    }
    // Where all are, there is a sentence.
    for path in whole.iter().chain(&changes) {
        fs::remove_file(path).unwrap();
    }
    let Err(error @ OpenError::Lost { .. }) = open(options) else {
        panic!("it opened without its rows");
    };
    let said = error.to_string();
    assert!(
        said.contains("oneshelf restore") && said.contains("--accept-rollback"),
        "{said}"
    );
}

#[tokio::test]
async fn nothing_of_the_journal_goes_that_only_one_export_has() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(7));
    let mut model = Everything::default();
    let options = Options {
        retain: Retain::Since(std::time::Duration::ZERO),
        segment_bytes: 8 * 1024,
        ..options(dir.path())
    };
    let (store, _) = open(options.clone()).unwrap();
    change(&store, &mut model, &mut dice, 90).await;
    assert_eq!(store.export().await.unwrap().pruned, 0, "there is one");
    // The older of two is damaged while nobody needs it.
    let first = exports_of(dir.path(), Extent::Whole).remove(0);
    let bytes = fs::read(&first).unwrap();
    change(&store, &mut model, &mut dice, 90).await;
    fs::write(&first, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(store.export().await.unwrap().pruned, 0, "one is damaged");
    change(&store, &mut model, &mut dice, 90).await;
    assert!(store.export().await.unwrap().pruned > 0, "there are two");
    drop(store);
    assert!(!exports_of(dir.path(), Extent::Whole).contains(&first));
    let (store, opened) = open(options).unwrap();
    assert!(!opened.is_rebuilt, "{opened:?}");
    assert_eq!(read(&store).await, model);
}

#[tokio::test]
async fn a_damaged_export_that_nobody_needs_now_is_told_and_replaced() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(8));
    let mut model = Everything::default();
    let (store, _) = open(options(dir.path())).unwrap();
    for _ in 0..2 {
        change(&store, &mut model, &mut dice, 60).await;
        store.export().await.unwrap();
    }
    change(&store, &mut model, &mut dice, 60).await;
    drop(store);
    let spare = exports_of(dir.path(), Extent::Whole).remove(0);
    fs::write(&spare, b"").unwrap();
    let findings = verify(&options(dir.path())).unwrap();
    assert_eq!((findings.sentences.len(), findings.spare.len()), (0, 1));
    let (store, opened) = open(options(dir.path())).unwrap();
    assert!(!opened.is_rebuilt, "{opened:?}");
    while spare.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(exports_of(dir.path(), Extent::Whole).len(), 2);
    drop(store);
    let findings = verify(&options(dir.path())).unwrap();
    assert_eq!((findings.sentences.len(), findings.spare.len()), (0, 0));
    let (store, _) = open(options(dir.path())).unwrap();
    assert_eq!(read(&store).await, model);
}

#[tokio::test]
async fn rows_of_earlier_versions_are_taken_over() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(3));
    let mut model = Everything::default();
    let (store, _) = open(options(dir.path())).unwrap();
    change(&store, &mut model, &mut dice, 60).await;
    store.close().await.unwrap();
    drop(store);
    // There was one folder, and it said less of how far its rows were.
    let rows = dir.path().join("rows");
    let top = Rows::open(&folder(&rows, Seq(0)), 1 << 20).unwrap();
    let standing = top.get(row::APPLIED_KEY).unwrap().unwrap();
    let applied = row::Standing::decode(&standing).unwrap().applied;
    top.apply(&[(row::APPLIED_KEY, Some(&applied.encode()))])
        .unwrap();
    top.sync().unwrap();
    let mut early = Vec::new();
    let walked = top.walk(Bound::Excluded(row::APPLIED_KEY), &mut |key, stored| {
        early.push((key.to_vec(), stored.to_vec()));
        Ok(true)
    });
    walked.unwrap();
    drop(top);
    fs::rename(folder(&rows, Seq(0)), dir.path().join("aside")).unwrap();
    fs::remove_dir(&rows).unwrap();
    fs::rename(dir.path().join("aside"), &rows).unwrap();
    let (store, opened) = open(options(dir.path())).unwrap();
    assert_eq!((opened.is_rebuilt, opened.repairs), (false, vec![]));
    assert_eq!(read(&store).await, model);
    change(&store, &mut model, &mut dice, 20).await;
    drop(store);
    // So had exports another form.
    let exports = dir.path().join("exports");
    fs::create_dir_all(&exports).unwrap();
    let path = exports.join(format!("{:020}.export", applied.last.0));
    fs::write(&path, early_export(&early, applied)).unwrap();
    fs::remove_dir_all(&rows).unwrap();
    let (store, opened) = open(options(dir.path())).unwrap();
    assert!(
        opened.repairs[0].contains("export as of position"),
        "{opened:?}"
    );
    assert_eq!(read(&store).await, model);
    store.export().await.unwrap();
    assert_eq!(read(&store).await, model);
}

/// As earlier versions wrote them: the last rows as if they had changed meanwhile.
fn early_export(rows: &[(Vec<u8>, Vec<u8>)], applied: row::Applied) -> Vec<u8> {
    let mut file = b"ONESHELF-EXPORT1".to_vec();
    let mut index = 0_u64;
    let mut block = |block: Vec<u8>| {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&index.to_le_bytes()), &block);
        file.extend((block.len() as u32).to_le_bytes());
        file.extend(crc.to_le_bytes());
        file.extend(block);
        index += 1;
    };
    let texts = |kind: u8, rows: &[(Vec<u8>, Vec<u8>)]| {
        let mut out = vec![kind];
        for text in rows.iter().flat_map(|(key, stored)| [key, stored]) {
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text);
        }
        out
    };
    let (first, last) = rows.split_at(rows.len() / 2);
    let gone = [(b"t\0\xff".to_vec(), vec![])];
    block(texts(
        1,
        &[
            first,
            &[(gone[0].0.clone(), row::encode(&gone[0].0, Seq(1), b"x"))],
        ]
        .concat(),
    ));
    block(texts(2, &[last, &gone].concat()));
    block([vec![3], applied.encode()].concat());
    file
}

fn written(dir: &Path, rows: &BTreeMap<Vec<u8>, Vec<u8>>) -> (PathBuf, row::Applied) {
    let path = dir.join("one.export");
    let mut applied = row::Applied::new(7);
    applied.last = Seq(9);
    let file = Files::new().open(&path, Mode::Create).unwrap();
    let mut writer = Writer::new(file.as_ref()).unwrap();
    for (key, stored) in rows {
        writer.row(key, stored).unwrap();
        applied.add(stored);
    }
    writer.end(row::Standing::whole(applied)).unwrap();
    (path, applied)
}

#[test]
fn an_export_is_read_like_a_map_and_no_byte_of_it_can_change() {
    let mut dice = Dice(11);
    for count in [0, 1, 2, 400] {
        let dir = tempfile::tempdir().unwrap();
        let mut rows = BTreeMap::new();
        for _ in 0..count {
            let key = format!(
                "t\0{:0width$}",
                dice.roll(5000),
                width = 1 + dice.roll(6) as usize
            );
            let value: Vec<u8> = (0..dice.roll(700)).map(|_| dice.roll(256) as u8).collect();
            let stored = row::encode(key.as_bytes(), Seq(dice.roll(1 << 40)), &value);
            rows.insert(key.into_bytes(), stored);
        }
        let (path, applied) = written(dir.path(), &rows);
        let files = Files::new();
        let base = Arc::new(
            Base::open(&files, &path, Check::Everything, &Blocks::within(1 << 17)).unwrap(),
        );
        assert_eq!(
            (base.applied(), base.weigh(&mut |_, _| Ok(())).unwrap()),
            (applied, applied)
        );
        let empty = Rows::open(&dir.path().join("rows"), 1 << 20).unwrap();
        let stack = Stack::new(
            empty,
            vec![Base::open(&files, &path, Check::Index, &Blocks::within(0)).unwrap()],
        );
        for _ in 0..200 {
            let key = format!("t\0{}", dice.roll(6000)).into_bytes();
            assert_eq!(base.get(&key).unwrap().as_ref(), rows.get(&key));
            let from = match dice.roll(3) {
                0 => Bound::Included(&key[..]),
                1 => Bound::Excluded(&key[..]),
                _ => Bound::Unbounded,
            };
            let mut found = Vec::new();
            let walked = stack.walk(from, &mut |key, stored| {
                found.push((key.to_vec(), stored.to_vec()));
                Ok(found.len() < 50)
            });
            walked.unwrap();
            let right = rows.range::<[u8], _>((from, Bound::Unbounded)).take(50);
            let right: Vec<_> = right.map(|(k, v)| (k.clone(), v.clone())).collect();
            assert_eq!(found, right, "from {from:?}");
        }
        for (key, stored) in &rows {
            assert_eq!(base.get(key).unwrap().as_ref(), Some(stored));
        }
        let whole = fs::read(&path).unwrap();
        for _ in 0..300 {
            let mut damaged = whole.clone();
            let at = dice.roll(whole.len() as u64) as usize;
            match dice.roll(3) {
                0 => damaged[at] ^= 1 << dice.roll(8),
                1 => damaged.truncate(at),
                _ => damaged.insert(at, dice.roll(256) as u8),
            }
            fs::write(&path, damaged).unwrap();
            assert!(
                Base::open(&files, &path, Check::Everything, &Blocks::within(0)).is_err(),
                "at {at}"
            );
        }
    }
}

#[test]
fn no_part_of_an_export_is_read_for_a_row_that_is_not_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = |number: u64| format!("t\0{:04}", number).into_bytes();
    let rows = (0..2000).map(|number| {
        let key = key(number * 2);
        let stored = row::encode(&key, Seq(1), &[number as u8; 300]);
        (key, stored)
    });
    let (path, _) = written(dir.path(), &rows.collect());
    let base = Base::open(&Files::new(), &path, Check::Everything, &Blocks::within(0)).unwrap();
    // From now on, whoever reads a part finds nothing.
    fs::write(&path, b"").unwrap();
    let absent = (0..2000).filter(|number| matches!(base.get(&key(number * 2 + 1)), Ok(None)));
    let absent = absent.count();
    assert!(absent > 1900, "{absent} of 2000 were answered unread");
    for number in [0, 700, 1999] {
        assert!(base.get(&key(number * 2)).is_err(), "a row is looked for");
    }
}
