//! Cutting the power at every kind of moment: what was acknowledged is there, and what is there was
//! written.

use std::sync::Arc;

use super::{Kept, contents, cuttable::Cuttable, group, kept, place};
use crate::{
    dice::{Dice, is_long, rounds},
    journal::JournalError,
};

/// What should be on a disk after a cut.
#[derive(Default)]
struct Expected {
    acknowledged: Vec<Kept>,
    /// The group that was being written.
    open: Vec<Kept>,
}

/// Opens, writes some groups and stops when the power is gone.
fn work(disk: &Cuttable, dice: &mut Dice, expected: &mut Expected) -> Result<(), JournalError> {
    let mut journal = place(Arc::new(disk.clone()), "/store").open()?;
    let found = contents_until_cut(disk, &journal);
    let Some(found) = found else { return Ok(()) };
    check(&found, expected);
    expected.acknowledged = found;
    expected.open.clear();
    for _ in 0..30 {
        let drafts = group(journal.writer.next(), dice);
        expected.open = kept(&drafts);
        journal.writer.append(&drafts)?;
        expected.acknowledged.append(&mut expected.open);
        if dice.roll(5) == 0 {
            journal.writer.sync_witness()?;
        }
    }
    Ok(())
}

fn contents_until_cut(
    disk: &Cuttable,
    journal: &crate::journal::open::Journal,
) -> Option<Vec<Kept>> {
    // Reading costs no power here: the cuts belong to opening and writing.
    let left = disk.swap_power(u64::MAX);
    let found = contents(journal);
    disk.swap_power(left);
    (left > 0).then_some(found)
}

fn check(found: &[Kept], expected: &Expected) {
    let count = expected.acknowledged.len();
    assert!(found.len() >= count, "acknowledged records are lost");
    assert!(
        found[..count] == expected.acknowledged,
        "acknowledged records differ"
    );
    let more = &found[count..];
    assert!(
        more.len() <= expected.open.len() && *more == expected.open[..more.len()],
        "there are records that nobody wrote"
    );
}

#[test]
fn a_cut_at_any_moment_loses_nothing_acknowledged() {
    let seeds = rounds(if is_long() { 20_000 } else { 200 });
    let mut cuts = 0;
    for seed in seeds.clone() {
        let mut dice = Dice(seed);
        let mut disk = Cuttable::default();
        let mut expected = Expected::default();
        for _ in 0..4 {
            disk.swap_power(1 + dice.roll(120));
            disk.fail_sync(dice.roll(80));
            let worked = work(&disk, &mut dice, &mut expected);
            assert!(
                !worked.as_ref().is_err_and(JournalError::is_loss),
                "seed {seed}: {}",
                worked.unwrap_err()
            );
            cuts += u64::from(disk.is_cut());
            // A killed process leaves everything; a cut nothing, everything or any part of what was
            // not synced.
            match dice.roll(5) {
                0 | 1 => {}
                keeps => disk = disk.after(|| keeps == 3 || (keeps == 4 && dice.roll(2) == 0)),
            }
        }
        disk.swap_power(u64::MAX);
        disk.fail_sync(0);
        let mut done = Expected::default();
        std::mem::swap(&mut done, &mut expected);
        let journal = place(Arc::new(disk), "/store").open();
        let journal = journal.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        check(&contents(&journal), &done);
    }
    let count = seeds.end - seeds.start;
    assert!(cuts >= count, "only {cuts} cuts in {count} lives");
}
