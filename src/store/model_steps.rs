//! Random steps for the model test, of the kind that finds disagreements.

use proptest::{collection::vec, prelude::*};

use crate::conformance::model::Step;

/// Up to so many steps: mostly batches over few keys, some signals, now and then a restart.
pub(crate) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let key = 0..40_u8;
    let commit = (
        vec((key.clone(), prop::bool::weighted(0.9)), 0..3),
        vec(
            (
                key.clone(),
                prop_oneof![9 => 0..64_u16, 1 => 4000..4097_u16],
            ),
            0..5,
        ),
        vec(key, 0..4),
        vec(prop_oneof![9 => 0..64_u16, 1 => 4000..9000_u16], 0..4),
    )
        .prop_map(|(expects, puts, deletes, facts)| Step::Commit {
            expects,
            puts,
            deletes,
            facts,
        });
    let step = prop_oneof![
        3 => (0..4_u8).prop_map(Step::Append),
        8 => commit,
        1 => Just(Step::Reopen),
    ];
    vec(step, 1..count)
}
