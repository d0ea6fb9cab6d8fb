//! What the journal must keep, whatever is cut off, and what it must not believe.

mod cuttable;
mod power_cut;
mod refusals;

use std::{path::PathBuf, sync::Arc};

use super::{
    disk::Disk,
    open::{Journal, Place},
    record::{BATCH, Draft, SIGNAL},
};
use crate::{Seq, dice::Dice};

/// A small place for a journal on a disk.
fn place(disk: Arc<dyn Disk>, dir: &str) -> Place {
    Place {
        disk,
        dir: PathBuf::from(dir).join("journal"),
        witness: PathBuf::from(dir).join("witness"),
        segment_bytes: 16 * 1024,
    }
}

/// A record as a test remembers it.
type Kept = (u64, Vec<u8>);

/// A group of records of all sizes, from the next position on.
fn group(next: Seq, dice: &mut Dice) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut seq = next;
    for _ in 0..=dice.roll(6) {
        let length = [0, 1, 50, 700, 5000, 9000][dice.roll(6) as usize] + dice.roll(20);
        let span = 1 + dice.roll(3) as u32;
        let draft = Draft {
            kind: if span == 1 { SIGNAL } else { BATCH },
            seq,
            span,
            payload: payload(length as usize, dice),
        };
        seq = draft.next();
        drafts.push(draft);
    }
    drafts
}

/// Bytes that are nowhere else, and long enough to be torn in several places.
fn payload(length: usize, dice: &mut Dice) -> Vec<u8> {
    let word = dice.roll(u64::MAX).to_le_bytes();
    word.iter().copied().cycle().take(length).collect()
}

fn kept(drafts: &[Draft]) -> Vec<Kept> {
    let one = |draft: &Draft| (draft.seq.0, draft.payload.clone());
    drafts.iter().map(one).collect()
}

/// Everything in a journal, read in both ways.
fn contents(journal: &Journal) -> Vec<Kept> {
    let mut found = Vec::new();
    journal
        .segments
        .replay(Seq(0), &mut |head, payload| {
            found.push((head.seq.0, payload.to_vec()));
            Ok(())
        })
        .unwrap();
    for (seq, payload) in &found {
        let (head, singly) = journal.segments.record(Seq(*seq)).unwrap().unwrap();
        assert!(head.seq.0 == *seq && singly == *payload, "record {seq}");
        for inside in seq + 1..head.next().0 {
            assert_eq!(journal.segments.record(Seq(inside)).unwrap(), None);
        }
    }
    found
}
