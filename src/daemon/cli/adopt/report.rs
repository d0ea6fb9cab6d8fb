//! The shadow report, for people.

use serde_json::Value;

use super::list;
use crate::cli::out::{Out, count, show};

/// How many cases of each kind are printed.
const CASES_MAX: usize = 10;

pub(super) fn show_all(report: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([report]);
    }
    let accounts = list(report, "accounts");
    if accounts.is_empty() {
        return out.line(&format!(
            "No account was watched since {}. `oneshelf adopt observe ACCOUNT --yes` begins.",
            show(report, "since")
        ));
    }
    for account in accounts {
        one(account, out)?;
    }
    Ok(())
}

fn one(account: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let of = |path: &str| show(account, path);
    out.line(&format!(
        "{}, watched for {}:",
        of("account"),
        lasted(&account["watched_ms"])
    ))?;
    let [sold, missing, prevented, spared] = ["count", "units", "prevented", "prevented_units"]
        .map(|key| of(&format!("oversells.{key}")));
    out.line(&format!(
        "  oversells: {} with {} that were not there. Written to, {prevented} of them with {} would not have \
         been; {} came too soon for that, {} were sold before the others were known, {} have other reasons.",
        count(&sold, "sale"),
        count(&missing, "unit"),
        count(&spared, "unit"),
        of("oversells.too_soon"),
        of("oversells.unknown"),
        of("oversells.other"),
    ))?;
    out.line(&format!(
        "  late: after {} elsewhere it showed {} too much, {} unit-seconds in all, the longest for {}; {} \
         not over. Written to, at most {} unit-seconds.",
        count(&of("late.sales"), "sale"),
        count(&of("late.units"), "unit"),
        of("late.unit_seconds"),
        lasted(&account["late"]["longest_ms"]),
        match of("late.open").as_str() {
            "1" => "1 is".to_owned(),
            open => format!("{open} are"),
        },
        of("late.unit_seconds_with_writes"),
    ))?;
    out.line(&format!(
        "  drift: {} that no order explains, {} open; {} units too many, {} too few.",
        count(&of("drift.count"), "level"),
        of("drift.open"),
        of("drift.units_more"),
        of("drift.units_less"),
    ))?;
    for note in list(account, "notes") {
        out.line(&format!("  note: {}", note.as_str().unwrap_or_default()))?;
    }
    cases(account, out)
}

fn cases(account: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let last = |cases: &[Value]| {
        cases
            .iter()
            .rev()
            .take(CASES_MAX)
            .cloned()
            .collect::<Vec<_>>()
    };
    let oversells = last(list(&account["oversells"], "cases"));
    if !oversells.is_empty() {
        out.line("")?;
        out.table(
            &oversells,
            &[
                ("  OVERSOLD", &|case| format!("  {}", show(case, "sku"))),
                ("ORDER", &|case| show(case, "number")),
                ("MISSING", &|case| show(case, "missing")),
                ("WRITTEN TO", &verdict),
                ("KNOWN SINCE", &|case| show(case, "at")),
            ],
        )?;
    }
    let late: Vec<Value> = list(&account["late"], "cases")
        .iter()
        .take(CASES_MAX)
        .cloned()
        .collect();
    if !late.is_empty() {
        out.line("")?;
        out.table(
            &late,
            &[
                ("  LATE", &|case| format!("  {}", show(case, "sku"))),
                ("SOLD ON", &|case| show(case, "sold_on")),
                ("UNITS", &|case| show(case, "units")),
                ("UNIT-SECONDS", &|case| show(case, "unit_seconds")),
                ("FROM", &|case| show(case, "from")),
                ("UNTIL", &|case| show(case, "until")),
            ],
        )?;
    }
    let drifts = last(list(&account["drift"], "cases"));
    if !drifts.is_empty() {
        out.line("")?;
        out.table(
            &drifts,
            &[
                ("  DRIFT", &|case| format!("  {}", show(case, "sku"))),
                ("SHOULD", &|case| show(case, "expected")),
                ("SHOWED", &|case| show(case, "observed")),
                ("SEEN", &|case| show(case, "at")),
                ("CASE", &|case| show(case, "drift")),
            ],
        )?;
    }
    out.line("")
}

fn verdict(case: &Value) -> String {
    let word = match case["verdict"].as_str() {
        Some("prevented") => format!("prevented {}", show(case, "prevented")),
        Some("too_soon") => "too soon".to_owned(),
        Some("unknown") => "not known yet".to_owned(),
        Some(_) | None => "another reason".to_owned(),
    };
    if case["is_doubtful"] == true {
        format!("{word}, doubtful")
    } else {
        word
    }
}

/// A length of time, coarsely.
fn lasted(ms: &Value) -> String {
    let seconds = ms.as_u64().unwrap_or(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}
