//! `oneshelf status`: how the daemon and its accounts are doing, on one page.

use serde_json::{Value, json};

use super::{
    client::{Client, Connect},
    out::{Out, count, show},
};
use crate::exit::Exit;

/// Shows how the daemon and its accounts are doing.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
}

pub(super) async fn run(_: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let summary = client.get("/metrics/summary").await?;
    let exposure = client.get("/exposure").await?;
    let accounts = client.get("/accounts").await?["items"].take();
    if out.is_json() {
        let status = json!({ "summary": summary, "accounts": accounts, "exposure": exposure });
        out.objects([&status])?;
        return Ok(Exit::Good);
    }
    let of = |path: &str| show(&summary, path);
    let phases = summary["orders_by_phase"].as_object();
    let phases: Vec<String> = phases
        .into_iter()
        .flatten()
        .map(|(phase, orders)| format!("{orders} {phase}"))
        .collect();
    out.pairs(&[
        ("orders", or_none(&phases.join(", "))),
        (
            "promised",
            format!(
                "{} in {}",
                count(&of("claims_open_units"), "unit"),
                count(&of("claims_open"), "claim")
            ),
        ),
        (
            "pushes",
            format!(
                "{} taken, {} waiting; half within {} ms, all but one in a hundred within {} ms",
                of("pushes"),
                of("pushes_waiting"),
                of("propagation_ms.p50"),
                of("propagation_ms.p99")
            ),
        ),
        (
            "waiting",
            format!(
                "{}, {}",
                count(&of("inbox_waiting"), "signal"),
                count(&of("intents_waiting"), "intent")
            ),
        ),
        (
            "at risk",
            format!("{} now", count(&show(&exposure, "units_at_risk"), "unit")),
        ),
        ("backup", backup(&summary)),
        ("attention", attention(&summary)),
    ])?;
    out.line("")?;
    let accounts = accounts.as_array().cloned().unwrap_or_default();
    super::accounts::table(&accounts, out)?;
    Ok(Exit::Good)
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.to_owned()
    }
}

/// When there was a good one last.
fn backup(summary: &Value) -> String {
    let backups = &summary["backups"];
    match (backups["is_configured"] == true, &backups["last"]) {
        (false, _) => "not configured".to_owned(),
        (true, Value::Null) => "none yet".to_owned(),
        (true, last) => format!("{} in {}", show(last, "made_at"), show(last, "path")),
    }
}

/// What a person should look at.
fn attention(summary: &Value) -> String {
    let mut said = Vec::new();
    for (key, text) in [
        ("parked", "parked (oneshelf outbox --state parked)"),
        ("incidents_open", "sold and not there (oneshelf incidents)"),
        (
            "drift_open",
            "shown and explained by no order (oneshelf drift list)",
        ),
        (
            "breakers_tripped",
            "too much at once (oneshelf accounts breaker ACCOUNT)",
        ),
        (
            "formulas_failing",
            "whose formula gives no number (oneshelf listings --suppressed)",
        ),
    ] {
        if summary[key].as_u64().is_some_and(|count| count > 0) {
            said.push(format!("{} {text}", summary[key]));
        }
    }
    let backups = &summary["backups"];
    if !backups["failure"].is_null() {
        let failure = show(backups, "failure");
        said.push(format!("the last backup failed: {failure}"));
    } else if backups["is_late"] == true {
        said.push("there should be a newer backup (oneshelf backup list)".to_owned());
    }
    if summary["store"]["is_read_only"] == true {
        said.push("the store has too little space to write".to_owned());
    }
    if summary["store"]["is_bloated"] == true {
        let text = "the rows take far more of the disk than they need (oneshelf doctor)";
        said.push(text.to_owned());
    }
    or_none(&said.join("; "))
}
