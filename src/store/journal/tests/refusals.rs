//! What opening refuses, what it repairs, and going on after a loss that somebody accepts.

use std::{fs, path::Path, sync::Arc};

use super::{Kept, contents, group, kept, place};
use crate::{
    Seq,
    dice::Dice,
    journal::{
        JournalError,
        files::Files,
        open::{Journal, Place},
        record::{Draft, SIGNAL},
        segment::{SEGMENT_HEAD_LENGTH, segment_path},
    },
};

struct Bench {
    dir: tempfile::TempDir,
    place: Place,
    kept: Vec<Kept>,
}

impl Bench {
    /// A closed journal of several segments.
    fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let place = place(Arc::new(Files::new()), dir.path().to_str().unwrap());
        let mut bench = Bench {
            dir,
            place,
            kept: Vec::new(),
        };
        let mut journal = bench.place.open().unwrap();
        let mut dice = Dice(7);
        for _ in 0..25 {
            let drafts = group(journal.writer.next(), &mut dice);
            journal.writer.append(&drafts).unwrap();
            bench.kept.extend(kept(&drafts));
        }
        for _ in 0..3 {
            let last = [Draft {
                kind: SIGNAL,
                seq: journal.writer.next(),
                span: 1,
                payload: vec![7; 100],
            }];
            journal.writer.append(&last).unwrap();
            bench.kept.extend(kept(&last));
        }
        assert!(journal.segments.all().len() > 4);
        bench
    }

    fn segments(&self) -> Vec<String> {
        self.place.names().unwrap()
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let path = self.place.dir.join(name);
        let mut bytes = fs::read(&path).unwrap();
        edit(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    fn refusal(&self) -> String {
        match self.place.open() {
            Ok(_) => "none".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Opens with a loss accepted; says how far the journal is whole, and where it goes on.
    fn accept(&self, seen: u64) -> Journal {
        let aside = self.dir.path().join("aside");
        self.place.accept_loss(Seq(seen), &aside).unwrap();
        self.place.open().unwrap()
    }

    fn last(&self) -> u64 {
        self.kept.last().unwrap().0
    }
}

/// Where the records of a segment's bytes end.
fn end_of(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    (last + 1).next_multiple_of(8)
}

type Edit = fn(&Bench, &[String]);

/// What is done to the files, and what opening says to that.
const CASES: &[(&str, Edit, &str)] = &[
    ("nothing", |_, _| {}, "none"),
    (
        "a bit in the last segment, with later records behind it",
        |bench, names| {
            bench.edit(&names[names.len() - 1], |b| {
                b[SEGMENT_HEAD_LENGTH + 50] ^= 1
            })
        },
        "broken, and later ones are not",
    ),
    (
        "a bit in the very last record",
        |bench, names| {
            bench.edit(&names[names.len() - 1], |b| {
                let at = end_of(b) - 20;
                b[at] ^= 1;
            })
        },
        "was set back",
    ),
    (
        "the end cut off",
        |bench, names| bench.edit(&names[names.len() - 1], |b| b.truncate(end_of(b) - 10)),
        "was set back",
    ),
    (
        "everything after the head cut off",
        |bench, names| bench.edit(&names[names.len() - 1], |b| b.truncate(SEGMENT_HEAD_LENGTH)),
        "was set back",
    ),
    (
        "half a head",
        |bench, names| bench.edit(&names[2], |b| b.truncate(50)),
        "its head is cut off",
    ),
    (
        "a bit in a head",
        |bench, names| bench.edit(&names[0], |b| b[30] ^= 1),
        "its head has a wrong checksum",
    ),
    (
        "an older segment cut off",
        |bench, names| bench.edit(&names[1], |b| b.truncate(end_of(b) - 100)),
        "it is cut off",
    ),
    (
        "the first segment gone",
        |bench, names| fs::remove_file(bench.place.dir.join(&names[0])).unwrap(),
        "the segments before it are missing",
    ),
    (
        "a middle segment gone",
        |bench, names| fs::remove_file(bench.place.dir.join(&names[2])).unwrap(),
        "the segment before it is missing",
    ),
    (
        "the last segment gone",
        |bench, names| fs::remove_file(bench.place.dir.join(&names[names.len() - 1])).unwrap(),
        "was set back",
    ),
    (
        "all segments gone",
        |bench, names| {
            names
                .iter()
                .for_each(|n| fs::remove_file(bench.place.dir.join(n)).unwrap())
        },
        "no segment is left",
    ),
    (
        "the witness gone",
        |bench, _| fs::remove_file(&bench.place.witness).unwrap(),
        "without it nobody can say",
    ),
    (
        "the witness zeroed",
        |bench, _| fs::write(&bench.place.witness, vec![0; 8192]).unwrap(),
        "without it nobody can say",
    ),
    (
        "a segment under another's name",
        |bench, names| {
            let (from, to) = (
                &names[names.len() - 1],
                segment_path(&bench.place.dir, Seq(999_999)),
            );
            fs::rename(bench.place.dir.join(from), to).unwrap();
        },
        "another segment's name",
    ),
    (
        "a segment of another store",
        |bench, names| {
            let other = Bench::new();
            let name = &names[0];
            fs::copy(other.place.dir.join(name), bench.place.dir.join(name)).unwrap();
        },
        "belongs to another store",
    ),
];

#[test]
fn damage_and_loss_are_refused_with_a_sentence() {
    for (what, edit, expected) in CASES {
        let bench = Bench::new();
        edit(&bench, &bench.segments());
        let refusal = bench.refusal();
        assert!(refusal.contains(expected), "{what}: {refusal}");
        // Refusing changes nothing, so the second try says the same.
        assert_eq!(bench.refusal(), refusal, "{what}");
        let journal = bench.accept(0);
        let whole = contents(&journal);
        assert!(
            *whole == bench.kept[..whole.len()]
                || *expected == "the segments before it are missing",
            "{what}"
        );
        assert!(
            journal.writer.next().0 > bench.last() || what.contains("witness"),
            "{what}: a position would be given twice"
        );
    }
}

#[test]
fn an_older_copy_of_the_journal_is_refused() {
    let bench = Bench::new();
    let copy = bench.dir.path().join("copy");
    fs::create_dir(&copy).unwrap();
    for name in bench.segments() {
        fs::copy(bench.place.dir.join(&name), copy.join(&name)).unwrap();
    }
    let mut journal = bench.place.open().unwrap();
    let drafts = group(journal.writer.next(), &mut Dice(1));
    journal.writer.append(&drafts).unwrap();
    let next = journal.writer.next();
    drop(journal);
    fs::remove_dir_all(&bench.place.dir).unwrap();
    fs::rename(&copy, &bench.place.dir).unwrap();
    let error = bench.place.open().err().unwrap();
    assert!(matches!(error, JournalError::RolledBack { .. }), "{error}");
    let mut journal = bench.accept(0);
    assert_eq!(contents(&journal), bench.kept);
    assert_eq!(journal.writer.next(), next, "no position is given twice");
    let drafts = group(journal.writer.next(), &mut Dice(2));
    journal.writer.append(&drafts).unwrap();
    drop(journal);
    let journal = bench.place.open().unwrap();
    assert_eq!(contents(&journal).len(), bench.kept.len() + drafts.len());
}

#[test]
fn accepting_a_loss_begins_behind_everything_that_anybody_saw() {
    for seen in [0, 5000] {
        let bench = Bench::new();
        fs::remove_file(&bench.place.witness).unwrap();
        let journal = bench.accept(seen);
        assert_eq!(contents(&journal), bench.kept);
        assert_eq!(journal.writer.next().0, seen.max(bench.last()) + 1);
        drop(journal);
        // And again, with nothing written in between.
        fs::remove_file(&bench.place.witness).unwrap();
        let mut journal = bench.accept(seen);
        assert_eq!(journal.writer.next().0, seen.max(bench.last()) + 1);
        let drafts = group(journal.writer.next(), &mut Dice(3));
        journal.writer.append(&drafts).unwrap();
        drop(journal);
        assert!(bench.refusal() == "none");
    }
}

#[test]
fn a_torn_group_is_cut_off_and_never_comes_back() {
    // The last group is three records; any of them may be missing behind or before another.
    for torn in 0..7_u8 {
        let bench = Bench::new();
        let mut journal = bench.place.open().unwrap();
        let whole = journal.writer.next();
        let drafts: Vec<Draft> = (0..3)
            .map(|n| Draft {
                kind: SIGNAL,
                seq: Seq(whole.0 + n),
                span: 1,
                payload: vec![9; 900],
            })
            .collect();
        // The witness never saw it: so it looks when the power goes during the write.
        let witness = fs::read(&bench.place.witness).unwrap();
        journal.writer.append(&drafts).unwrap();
        drop(journal);
        fs::write(&bench.place.witness, witness).unwrap();
        let name = bench.segments().pop().unwrap();
        let stride = drafts[0].stride();
        bench.edit(&name, |bytes| {
            let start = end_of(bytes) - 3 * stride;
            for n in 0..3 {
                if torn >> n & 1 == 0 {
                    bytes[start + n * stride..][..stride].fill(0);
                }
            }
        });
        let journal = bench.place.open().unwrap();
        let count = (!torn).trailing_zeros() as usize;
        assert_eq!(
            contents(&journal).len(),
            bench.kept.len() + count,
            "torn {torn:03b}"
        );
        let is_repaired = torn >> count != 0;
        assert_eq!(
            journal.repairs.len(),
            usize::from(is_repaired),
            "torn {torn:03b}"
        );
        drop(journal);
        let journal = bench.place.open().unwrap();
        assert_eq!(journal.repairs.len(), 0, "torn {torn:03b}: repaired once");
    }
}

#[test]
fn a_strangers_bytes_are_never_taken_for_a_record() {
    let bench = Bench::new();
    let mut journal = bench.place.open().unwrap();
    let next = journal.writer.next();
    // A signal whose body is a perfect record of a later group, but for the salt.
    let mut forged = Vec::new();
    let inner = Draft {
        kind: SIGNAL,
        seq: Seq(next.0 + 50),
        span: 1,
        payload: vec![1; 64],
    };
    for _ in 0..8 {
        inner.write(0, inner.seq, &mut forged);
    }
    let witness = fs::read(&bench.place.witness).unwrap();
    let outer = Draft {
        seq: next,
        payload: forged,
        ..inner
    };
    journal.writer.append(&[outer]).unwrap();
    drop(journal);
    fs::write(&bench.place.witness, witness).unwrap();
    let name = bench.segments().pop().unwrap();
    bench.edit(&name, |bytes| {
        let at = end_of(bytes) - 8 * 104 - 20;
        bytes[at] ^= 1;
    });
    let journal = bench.place.open().unwrap();
    assert_eq!(contents(&journal), bench.kept);
    assert_eq!(journal.repairs.len(), 1);
}

#[test]
fn segments_that_are_let_go_stay_gone() {
    let bench = Bench::new();
    let mut journal = bench.place.open().unwrap();
    let names = bench.segments();
    assert_eq!(journal.writer.prune(Seq(1), u64::MAX).unwrap(), 0);
    let third: u64 = names[2][..20].parse().unwrap();
    // They are too young.
    assert_eq!(journal.writer.prune(Seq(third), 0).unwrap(), 0);
    assert_eq!(journal.writer.prune(Seq(third), u64::MAX).unwrap(), 2);
    assert_eq!(journal.segments.oldest(), Seq(third));
    assert!(journal.segments.record(Seq(1)).unwrap().is_none());
    assert_eq!(
        journal.writer.prune(Seq(u64::MAX), u64::MAX).unwrap(),
        names.len() as u64 - 3
    );
    drop(journal);
    let journal = bench.place.open().unwrap();
    assert_eq!(journal.segments.all().len(), 1, "the last one always stays");
    assert!(Path::exists(&bench.place.dir.join(names.last().unwrap())));
}
