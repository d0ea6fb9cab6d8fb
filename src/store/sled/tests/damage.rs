//! Damage to any file of a stopped store: it is repaired or refused, never passed over in silence.

use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use super::{
    super::{export_file::Extent, *},
    options,
};
use crate::{
    INBOX,
    dice::{Dice, is_long, rounds},
};

const T: Table = Table("t");

/// What a store held before it was damaged.
#[derive(Default)]
struct Expected {
    rows: BTreeMap<Vec<u8>, Row>,
    inbox: Vec<(Vec<u8>, Row)>,
    facts: Vec<(Seq, Vec<u8>)>,
    bodies: Vec<(Seq, Vec<u8>)>,
    missing: u64,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// What a store went through before it was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// It was closed.
    Closed,
    /// It was copied while it was open.
    Killed,
    /// It was closed, had many exports, and let go of the journal that they need not have.
    Pruned,
}

const LIVES: [Life; 3] = [Life::Closed, Life::Killed, Life::Pruned];
/// Signals up to here are decided where the journal is to be let go of.
const DECIDED: u64 = 180;

/// Fills a store, with exports in the middle. There is an older copy, too.
fn build(dir: &Path, life: Life) -> Expected {
    let live = dir.join("live");
    let is_pruned = life == Life::Pruned;
    let retain = match is_pruned {
        true => Retain::Since(std::time::Duration::ZERO),
        false => Retain::Everything,
    };
    let (store, _) = open(Options {
        retain,
        ..options(&live)
    })
    .unwrap();
    let mut dice = Dice(5);
    let mut pruned = 0;
    let expected = runtime().block_on(async {
        for n in 0..400_u64 {
            match n {
                150 | 200 if is_pruned => pruned += store.export().await.unwrap().pruned,
                250 if is_pruned => drop(store.export_now(Extent::Changes).unwrap()),
                250 => drop(store.export().await.unwrap()),
                330 if is_pruned => drop(store.export_now(Extent::Changes).unwrap()),
                300 => copy(&live, &dir.join("older")),
                _ => {}
            }
            let signal = Append {
                body: vec![n as u8; dice.roll(900) as usize],
                note: vec![n as u8; 20],
            };
            let at = store.append(vec![signal]).await.unwrap()[0];
            let mut deletes = vec![(T, vec![200 + dice.roll(50) as u8])];
            if is_pruned && n < DECIDED {
                deletes.push((INBOX, at.0.to_be_bytes().to_vec()));
            }
            let batch = Batch {
                puts: vec![(
                    T,
                    vec![dice.roll(200) as u8],
                    vec![n as u8; dice.roll(300) as usize],
                )],
                deletes,
                facts: vec![vec![n as u8; dice.roll(200) as usize]],
                ..Batch::default()
            };
            store.commit(batch).await.unwrap();
        }
        read(&store).await.unwrap()
    });
    assert_eq!(pruned > 0, is_pruned, "{pruned} segments went");
    let still = dir.join("still");
    if life == Life::Killed {
        copy(&live, &still);
    }
    runtime().block_on(store.close()).unwrap();
    drop(store);
    if life != Life::Killed {
        copy(&live, &still);
    }
    expected
}

/// Everything; what cannot be read is an error.
async fn read(store: &Sled) -> Result<Expected, StoreError> {
    let all = |table| store.scan(table, Range::default(), 1000);
    let mut expected = Expected {
        rows: all(T).await?.into_iter().collect(),
        inbox: all(INBOX).await?,
        facts: store.facts_after(Seq(0), 1000).await?,
        bodies: Vec::new(),
        missing: 0,
    };
    for (key, _) in &expected.inbox {
        let at = Seq(u64::from_be_bytes(key.as_slice().try_into().unwrap()));
        // A signal that is damaged says so; the others are still there.
        match store.body(at).await {
            Ok(Some(body)) => expected.bodies.push((at, body)),
            Ok(None) => expected.missing += 1,
            Err(StoreError::Corrupt { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(expected)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if !path.ends_with("lock") {
            found.push(path);
        }
    }
}

/// Damages one file, or sets a part back to an older copy; says how.
fn damage(dir: &Path, older: &Path, dice: &mut Dice) -> String {
    if dice.roll(8) == 0 {
        let part = ["journal", "rows", "witness", "exports"][dice.roll(4) as usize];
        let (from, to) = (older.join(part), dir.join(part));
        if from.is_dir() {
            fs::remove_dir_all(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
        return format!("{part}: as it was before");
    }
    let mut found = Vec::new();
    let parts = ["journal", "rows", "rows", "exports", "exports", "."];
    let part = parts[dice.roll(parts.len() as u64) as usize];
    files(&dir.join(part), &mut found);
    found.sort();
    let path = &found[dice.roll(found.len() as u64) as usize];
    let mut bytes = fs::read(path).unwrap();
    // Most of a preallocated file is zeros: damage there would test nothing.
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(1, |last| last + 1);
    let at = dice.roll(used as u64) as usize;
    let end = (at + 4096).min(bytes.len());
    let how = match dice.roll(5) {
        0 if !bytes.is_empty() => {
            bytes[at] ^= 1 << dice.roll(8);
            "a bit flipped"
        }
        1 if !bytes.is_empty() => {
            bytes[at..end].fill(0);
            "a page zeroed"
        }
        2 if !bytes.is_empty() => {
            bytes[at..end].fill_with(|| dice.roll(256) as u8);
            "a page of noise"
        }
        3 => {
            bytes.truncate(at);
            "cut off"
        }
        _ => {
            fs::remove_file(path).unwrap();
            return format!("{} deleted", path.display());
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{}: {how} at {at}", path.display())
}

#[test]
fn damage_is_never_passed_over() {
    let trials = rounds(if is_long() { 1000 } else { 60 });
    let base = tempfile::tempdir().unwrap();
    let mut outcomes = BTreeMap::new();
    for (number, life) in (0..).zip(LIVES) {
        let dir = base.path().join(format!("{life:?}"));
        let expected = build(&dir, life);
        for trial in trials.clone().filter(|trial| trial % 3 == number) {
            let mut dice = Dice(trial);
            let copied = base.path().join("trial");
            copy(&dir.join("still"), &copied);
            let how = damage(&copied, &dir.join("older"), &mut dice);
            let outcome = catch_unwind(AssertUnwindSafe(|| try_out(&copied, &expected)));
            let outcome = outcome.unwrap_or_else(|_| panic!("trial {trial}: {how}"));
            *outcomes.entry(outcome).or_insert(0) += 1;
            fs::remove_dir_all(copied).unwrap();
        }
    }
    println!("damages of seeds {trials:?}: {outcomes:?}");
    // A few damages may all end alike.
    if trials.count() >= 40 {
        for outcome in ["refused", "made anew", "harmless"] {
            assert!(outcomes.contains_key(outcome), "{outcomes:?}");
        }
    }
}

/// Opens a damaged store. Whatever it answers is right.
fn try_out(dir: &Path, expected: &Expected) -> &'static str {
    let (store, opened) = match open(options(dir)) {
        Ok(opened) => opened,
        Err(OpenError::Damaged(_) | OpenError::Lost { .. }) => {
            accept(dir);
            return "refused";
        }
        Err(other) => panic!("{other}: {other:?}"),
    };
    let found = runtime().block_on(read(&store)).unwrap();
    assert!(found.rows == expected.rows, "rows");
    assert!(found.inbox == expected.inbox, "inbox");
    assert!(found.facts == expected.facts, "facts");
    assert_eq!(found.missing, 0, "signals are gone without a word");
    let mut bodies = found.bodies.iter();
    assert!(bodies.all(|body| expected.bodies.contains(body)), "bodies");
    let is_short = found.bodies.len() < expected.bodies.len();
    runtime().block_on(store.commit(Batch::default())).unwrap();
    drop(store);
    match (opened.is_rebuilt, is_short) {
        (true, _) => "made anew",
        (false, true) => "a signal is damaged and said so",
        (false, false) => "harmless",
    }
}

/// Whatever was refused can be gone on with, once somebody accepts the loss.
fn accept(dir: &Path) {
    let accepting = Options {
        accept_rollback: true,
        ..options(dir)
    };
    let (store, opened) = open(accepting).unwrap();
    assert!(opened.is_after_loss, "{opened:?}");
    runtime().block_on(store.commit(Batch::default())).unwrap();
    drop(store);
    let (store, opened) = open(options(dir)).unwrap();
    assert!(opened.is_after_loss, "nobody said that they know");
    store.forget_loss().unwrap();
    drop(store);
    let (store, opened) = open(options(dir)).unwrap();
    assert!(!opened.is_after_loss, "{opened:?}");
    runtime().block_on(read(&store)).unwrap();
}

/// Two copies of a file as a cut between them leaves it: any pieces of the newer one have landed.
fn cut(old: Option<Vec<u8>>, new: Option<Vec<u8>>, dice: &mut Dice) -> Option<Vec<u8>> {
    let (Some(old), Some(mut new)) = (old.clone(), new.clone()) else {
        // A name that was made or removed meanwhile.
        return if dice.roll(2) == 0 { old } else { new };
    };
    let keeps = dice.roll(4);
    new.resize(new.len().max(old.len()), 0);
    for (n, piece) in new.chunks_mut(4096).enumerate() {
        let at = n * 4096;
        let before = old
            .get(at..(at + piece.len()).min(old.len()))
            .unwrap_or_default();
        if keeps == 0 || (keeps < 3 && dice.roll(2) == 0) {
            piece.fill(0);
            piece[..before.len()].copy_from_slice(before);
        }
    }
    Some(new)
}

#[test]
fn a_power_cut_under_the_rows_costs_a_rebuild_at_most() {
    let trials = rounds(if is_long() { 200 } else { 6 });
    let base = tempfile::tempdir().unwrap();
    let (live, synced) = (base.path().join("live"), base.path().join("synced"));
    drop(open(options(&live)).unwrap());
    // Opening has synced the rows; after that no checkpoint comes until the end.
    let (store, _) = open(options(&live)).unwrap();
    copy(&live, &synced);
    let expected = runtime().block_on(async {
        for n in 0..1500_u64 {
            let row = |k: u64| {
                (
                    T,
                    vec![(n * k % 250) as u8],
                    vec![n as u8; 1000 + (n * k % 1000) as usize],
                )
            };
            let puts = if n % 3 == 0 { vec![row(7)] } else { vec![] };
            let facts = vec![vec![n as u8; 500]];
            store
                .commit(Batch {
                    puts,
                    facts,
                    ..Batch::default()
                })
                .await
                .unwrap();
        }
        read(&store).await.unwrap()
    });
    let newest = base.path().join("newest");
    copy(&live, &newest);
    drop(store);
    let mut rebuilt = 0;
    for trial in trials.clone() {
        let mut dice = Dice(trial);
        let copied = base.path().join("trial");
        copy(&newest, &copied);
        let mut names = Vec::new();
        files(&newest.join("rows"), &mut names);
        files(&synced.join("rows"), &mut names);
        for name in names {
            let name = name
                .strip_prefix(&newest)
                .or_else(|_| name.strip_prefix(&synced))
                .unwrap();
            let (old, new) = (
                fs::read(synced.join(name)).ok(),
                fs::read(newest.join(name)).ok(),
            );
            match cut(old, new, &mut dice) {
                Some(bytes) => fs::write(copied.join(name), bytes).unwrap(),
                None => fs::remove_file(copied.join(name)).unwrap_or_default(),
            }
        }
        let (store, opened) =
            open(options(&copied)).unwrap_or_else(|error| panic!("{trial}: {error}"));
        let found = runtime().block_on(read(&store)).unwrap();
        assert!(
            found.rows == expected.rows && found.facts == expected.facts,
            "trial {trial}"
        );
        rebuilt += u64::from(opened.is_rebuilt);
        drop(store);
        let findings = verify(&options(&copied)).unwrap();
        assert_eq!(findings.sentences, Vec::<String>::new(), "trial {trial}");
        fs::remove_dir_all(copied).unwrap();
    }
    println!("{rebuilt} of seeds {trials:?} were made anew");
}
