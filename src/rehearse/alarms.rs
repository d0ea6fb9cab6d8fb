//! False alarms: a case of drift says that a level is explained by nothing of ours, so somebody must
//! have edited it. Where nobody did, our own write or a known order was taken for an edit.

use domain::book::Drift;
use engine::rows;
use sandbox::judge::Edit;

use crate::{
    findings::{Checker, Findings},
    rows::Rows,
};

/// Each case of drift has an edit before it, in that shop and of that item.
pub(crate) fn check_alarms(rows: &Rows<'_>, edits: &[Edit], found: &mut Findings) {
    let drifts = rows.scan::<Drift>(rows::DRIFTS, b"");
    found.look(Checker::Alarms, drifts.len());
    for (_, drift) in drifts {
        let read_at = drift.evidence.shown.at;
        let is_its = |edit: &&Edit| {
            edit.account == drift.account && edit.sku == drift.sku && edit.at <= read_at
        };
        if !edits.iter().any(|edit| is_its(&edit)) {
            let sentence = format!("P6: nobody edited what is said to have drifted: {drift:?}");
            found.add(Checker::Alarms, sentence);
        }
    }
}
