//! Seeds of the simulator: engine, connectors and twins under virtual time, judged by the twins' truth.

use rehearse::{Report, Scale, Weather, run, run_many};

/// The sentences of all seeds that failed, with what led there.
fn failures(reports: &[Report]) -> Vec<String> {
    let failed = reports
        .iter()
        .filter(|report| !report.violations.is_empty());
    failed
        .map(|report| format!("seed {}: {:#?}", report.seed, report.violations))
        .collect()
}

#[test]
fn two_runs_of_one_seed_are_the_same_and_two_seeds_are_not() {
    let scale = Scale::small(Weather::Lively);
    let (one, again, other) = (run(1, &scale), run(1, &scale), run(2, &scale));
    assert_eq!(one.trace_hash, again.trace_hash);
    assert_ne!(one.trace_hash, other.trace_hash);
    assert!(one.orders > 0 && one.facts > 0 && one.hooks > 0, "{one:?}");
}

#[test]
fn calm_seeds_are_clean() {
    let reports = run_many(0..8, &Scale::small(Weather::Calm));
    assert!(
        failures(&reports).is_empty(),
        "{}",
        failures(&reports).join("\n")
    );
}
