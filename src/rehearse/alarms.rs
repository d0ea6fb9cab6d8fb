//! False alarms: a case of drift says that a level is explained by nothing of ours, so somebody must
//! have edited it. Where nobody did, our own write or a known order was taken for an edit.
//!
//! They are counted and shown, and no violation: when the program dies at the worst moment, what it
//! knew of a level is old, and some sales cannot be told from an edit.

use domain::book::Drift;
use engine::rows;
use sandbox::judge::Edit;
use store::Memory;

use crate::rows::Rows;

/// How many cases of drift have no edit before them, in that shop and of that item.
pub(crate) fn count_false(memory: &Memory, edits: &[Edit]) -> u64 {
    let drifts = Rows(memory).scan::<Drift>(rows::DRIFTS, b"");
    let is_false = |drift: &Drift| {
        let read_at = drift.evidence.shown.at;
        let is_of = |edit: &Edit| edit.account == drift.account && edit.sku == drift.sku;
        !edits.iter().any(|edit| is_of(edit) && edit.at <= read_at)
    };
    let found = drifts.iter().filter(|(_, drift)| is_false(drift));
    found.count() as u64
}
