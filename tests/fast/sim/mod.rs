//! Seeds of the simulator: engine, connectors and twins under virtual time, judged by the twins' truth.
//!
//! A seed that fails prints itself; `rehearse::run` with the same scale plays it again. With
//! `ONESHELF_LONG=50` in the environment every evening is rehearsed with fifty times as many seeds. Bugs
//! are in [`planted`].

mod channels;
mod planted;
mod stores;

use std::{ops::Range, sync::Arc};

use rehearse::{
    Coverage, Report, Scale, Weather, run, run_many, run_with, trace::Trace, world::Untouched,
};

/// How many times as many seeds are asked for.
fn times() -> u64 {
    let times = std::env::var_os("ONESHELF_LONG");
    let times = times.and_then(|times| times.to_str()?.parse().ok());
    times.unwrap_or(1)
}

/// Runs seeds that must be clean, and hands back what happened.
fn clean(seeds: Range<u64>, scale: &Scale) -> Vec<Report> {
    let count = (seeds.end - seeds.start) * times();
    let reports = run_many(seeds.start..seeds.start + count, scale);
    let failed: Vec<String> = reports
        .iter()
        .filter(|report| !report.violations.is_empty())
        .map(|report| {
            format!(
                "seed {} of {scale:?}: {:#?}",
                report.seed, report.violations
            )
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    reports
}

#[test]
fn two_runs_of_one_seed_are_the_same_and_two_seeds_are_not() {
    let mut scale = Scale::small(Weather::Harsh);
    (scale.crashes, scale.outages, scale.meddling) = (4, 1, true);
    scale.busy_for *= 2;
    let whole = |seed| run_with(seed, &scale, Trace::whole(), Arc::new(Untouched));
    let (one, again, other) = (whole(1), whole(1), run(2, &scale));
    let parting = one.trace.iter().zip(&again.trace).find(|(a, b)| a != b);
    assert_eq!(parting, None, "where the two runs part");
    assert_eq!(one.trace_hash, again.trace_hash);
    assert_ne!(one.trace_hash, other.trace_hash);
    assert!(one.orders > 0 && one.facts > 0 && one.hooks > 0, "{one:?}");
    assert!(
        one.crashes > 0 && !one.coverage.faults.is_empty(),
        "{one:?}"
    );
}

#[test]
fn a_calm_evening_ends_as_it_should() {
    let reports = clean(0..8, &Scale::small(Weather::Calm));
    // A shop is told within seconds; what is sold twice before that is measured, not hidden.
    let lags = reports.iter().flat_map(|report| &report.judgment.oversold);
    let longest = lags.filter_map(|one| one.lag_ms).max();
    assert!(longest.unwrap_or(0) < 60_000, "{longest:?}");
}

#[test]
fn an_evening_with_crashes_ends_as_it_should() {
    let mut scale = Scale::small(Weather::Calm);
    scale.crashes = 3;
    let reports = clean(100..106, &scale);
    assert!(reports.iter().any(|report| report.crashes > 0));
}

#[test]
fn an_evening_with_people_who_meddle_ends_as_it_should() {
    let mut scale = Scale::small(Weather::Lively);
    scale.meddling = true;
    clean(200..206, &scale);
}

#[test]
fn an_evening_on_which_everything_goes_wrong_ends_as_it_should() {
    let mut scale = Scale::small(Weather::Harsh);
    (scale.crashes, scale.outages) = (2, 1);
    let reports = clean(300..308, &scale);
    assert!(reports.iter().any(|report| report.crashes > 0));
    let mut all = Coverage::default();
    for report in &reports {
        all.merge(&report.coverage);
    }
    assert_eq!(all.missed()["faults"], Vec::<&str>::new());
}

#[test]
fn a_whole_evening_has_everything_and_ends_as_it_should() {
    for report in clean(500..504, &Scale::whole(Weather::Lively)) {
        let kinds = report.coverage.faults.len();
        assert!(report.orders >= 200, "{} orders", report.orders);
        assert!(report.accounts >= 3 && report.channels >= 2);
        assert!(kinds >= 5 && report.crashes >= 1, "{kinds} faults");
    }
}

#[test]
fn every_channel_is_rehearsed() {
    let mut scale = Scale::small(Weather::Lively);
    scale.shops = 2;
    for (number, (channel, _)) in (4..).zip(sandbox::TWINS) {
        scale.channels = vec![channel];
        let reports = clean(number * 100..number * 100 + 1, &scale);
        assert!(reports[0].orders > 0, "{channel}");
    }
}
