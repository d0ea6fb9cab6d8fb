//! What the simulator shows on a terminal.

use std::{collections::BTreeMap, io::Write};

use rehearse::{Report, Scale, coverage::UNREACHED, shrink::Shrunk};

use super::{Args, Sums, options::word};

/// How many lines of the trace are shown before the first thing that did not hold.
const BEFORE: usize = 40;
/// How many after it.
const AFTER: usize = 5;

/// What is about to be rehearsed.
pub(super) fn greet(out: &mut dyn Write, args: &Args, scale: &Scale) -> std::io::Result<()> {
    writeln!(
        out,
        "Rehearsing {} seeds from {}: {} shops, {} goods, {} s, {} weather, at most {} crashes.",
        args.seeds,
        args.from,
        scale.shops,
        scale.goods,
        scale.busy_for.as_secs(),
        word(scale.weather),
        scale.crashes
    )?;
    out.flush()
}

/// How far it is.
pub(super) fn tell_progress(out: &mut dyn Write, sums: &Sums, seeds: u64) -> std::io::Result<()> {
    writeln!(
        out,
        "{:>7} of {seeds} seeds, {} a second, {} failed",
        sums.seeds,
        sums.seeds_per_second,
        sums.failed.len()
    )?;
    out.flush()
}

/// A seed that failed.
pub(super) fn tell_failure(
    out: &mut dyn Write,
    report: &Report,
    replay: &str,
) -> std::io::Result<()> {
    writeln!(out, "\nseed {} FAILED: {replay}", report.seed)?;
    for violation in &report.violations {
        writeln!(out, "  {violation}")?;
    }
    out.flush()
}

/// The smallest case that was found, with what led to it.
pub(super) fn tell_smallest(
    out: &mut dyn Write,
    shrunk: &Shrunk,
    replay: &str,
) -> std::io::Result<()> {
    let trace = &shrunk.report.trace;
    let is_violation = |line: &String| line.contains(" violation ");
    let at = trace.iter().position(is_violation).unwrap_or(trace.len());
    let from = at.saturating_sub(BEFORE);
    let until = (at + AFTER).min(trace.len());
    writeln!(
        out,
        "\nLines {from} to {until} of its trace, after {} runs:",
        shrunk.runs
    )?;
    for line in trace.get(from..until).unwrap_or_default() {
        writeln!(out, "  {line}")?;
    }
    for violation in &shrunk.report.violations {
        writeln!(out, "  {violation}")?;
    }
    writeln!(out, "\nThe smallest case that fails: {replay}")
}

/// All that happened in one seed.
pub(super) fn tell_all(out: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    for line in &report.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "\nseed {}, trace {}", report.seed, report.trace_hash)?;
    for violation in &report.violations {
        writeln!(out, "  {violation}")?;
    }
    for alarm in &report.false_alarms {
        writeln!(out, "  False alarm: {alarm}.")?;
    }
    Ok(())
}

/// The sums, and what happened how often.
pub(super) fn show(out: &mut dyn Write, sums: &Sums) -> std::io::Result<()> {
    let (seeds, seconds) = (sums.seeds, sums.took_ms / 1000);
    let least = sums.least;
    writeln!(
        out,
        "\n{seeds} seeds in {seconds} s: {} a second, {} failed.",
        sums.seeds_per_second,
        sums.failed.len()
    )?;
    writeln!(
        out,
        "{} orders. Each seed has at least {} orders, {} accounts on {} channels, {} kinds of faults, \
         {} crashes.",
        sums.orders, least.orders, least.accounts, least.channels, least.fault_kinds, least.crashes
    )?;
    if sums.false_alarms > 0 {
        writeln!(
            out,
            "{} cases of drift that nobody's edit explains.",
            sums.false_alarms
        )?;
    }
    let coverage = &sums.coverage;
    show_counts(out, "Faults", &coverage.faults)?;
    show_counts(out, "Looked at by checkers", &coverage.checkers)?;
    show_counts(out, "Oversold, by excuse", &coverage.reasons)?;
    writeln!(out, "\nDecided")?;
    for (signal, verdicts) in &coverage.decisions {
        let verdicts: Vec<String> = verdicts
            .iter()
            .map(|(verdict, count)| format!("{verdict} {count}"))
            .collect();
        writeln!(out, "  {signal:<20} {}", verdicts.join(", "))?;
    }
    show_counts(out, "Recorded", &coverage.facts)?;
    for (what, words) in coverage.missed() {
        if !words.is_empty() {
            writeln!(out, "\nNever happened, of {what}: {}", words.join(", "))?;
        }
    }
    writeln!(out, "\nCannot happen here")?;
    for (arm, what, reason) in UNREACHED {
        writeln!(out, "  {arm}: {what}, because {reason}")?;
    }
    for (seed, lacks) in &sums.lacking {
        writeln!(
            out,
            "\nToo little happened in seed {seed}: {}.",
            lacks.join("; ")
        )?;
    }
    if !sums.failed.is_empty() {
        writeln!(out, "\nFAILED: {:?}", sums.failed)?;
    }
    if let Some(replay) = &sums.replay {
        writeln!(out, "Play it again: {replay}")?;
    }
    out.flush()
}

fn show_counts(
    out: &mut dyn Write,
    title: &str,
    counts: &BTreeMap<impl std::fmt::Display, u64>,
) -> std::io::Result<()> {
    writeln!(out, "\n{title}")?;
    for (word, count) in counts {
        let word = word.to_string();
        writeln!(out, "  {word:<20} {count:>9}")?;
    }
    Ok(())
}
