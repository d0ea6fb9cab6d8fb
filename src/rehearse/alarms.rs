//! False alarms: a case of drift says that a level is explained by nothing of ours, so somebody must
//! have edited it. Where nobody did, our own write or a known order was taken for an edit.
//!
//! They are counted and shown, and no violation: when the program dies at the worst moment, what it
//! knew of a level is old, and some sales cannot be told from an edit.

use domain::{book::Drift, offer::Told};
use engine::rows;
use sandbox::judge::Edit;
use store::Memory;

use crate::rows::Rows;

/// The cases of drift that have no edit before them, in that shop and of that item, in sentences.
pub(crate) fn find_false(memory: &Memory, edits: &[Edit]) -> Vec<String> {
    let drifts = Rows(memory).scan::<Drift>(rows::DRIFTS, b"");
    let is_false = |drift: &Drift| {
        let read_at = drift.evidence.shown.at;
        let is_of = |edit: &Edit| edit.account == drift.account && edit.sku == drift.sku;
        !edits.iter().any(|edit| is_of(edit) && edit.at <= read_at)
    };
    let found = drifts.iter().map(|(_, drift)| drift);
    found.filter(|drift| is_false(drift)).map(tell).collect()
}

fn tell(drift: &Drift) -> String {
    let Drift {
        account,
        listing,
        sku,
        evidence,
        expected,
        opened_at,
        ..
    } = drift;
    let told = |told: Option<Told>| match told {
        Some(told) => format!("{} at {}", told.quantity, told.at),
        None => "nothing".to_owned(),
    };
    format!(
        "{opened_at}: listing {listing} of {account} ({sku}) showed {}, and nobody edited it: believed {}, \
         wanted {expected}, sent {}, acknowledged {}, orders read at {:?}",
        told(Some(evidence.shown)),
        told(Some(evidence.believed)),
        told(evidence.sent),
        told(evidence.acknowledged),
        evidence.orders_read_at.map(|at| at.to_string()),
    )
}
