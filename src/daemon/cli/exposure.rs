//! `oneshelf stock exposure`: units at risk, now and as they developed.

use std::fmt::Write;

use serde_json::Value;

use super::{
    client::{Client, query},
    out::{Out, count, show},
};

/// How wide the longest bar is, in characters.
const BAR_MAX: u32 = 24;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also how it developed: since this time (RFC 3339), or for so long (`24h`).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// In steps of this length: `15m`, `1h`, `1d`.
    #[arg(long)]
    step: Option<String>,
    /// Only of this item, and of it every listing.
    #[arg(long)]
    sku: Option<String>,
}

pub(super) async fn run(asked: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let path = query(&[
        ("sku", asked.sku.clone()),
        ("since", asked.since.clone()),
        ("step", asked.step.clone()),
    ]);
    let exposure = client.get(&format!("/exposure{path}")).await?;
    if out.is_json() {
        return out.objects([&exposure]);
    }
    out.line(&format!(
        "{} at risk now, on {}.",
        count(&show(&exposure, "units_at_risk"), "unit"),
        count(&show(&exposure, "listings_at_risk"), "listing"),
    ))?;
    out.line(&format!(
        "Overhang: {}; that is normal where one stock is shown on several accounts.",
        count(&show(&exposure, "overhang"), "unit"),
    ))?;
    accounts_and_items(&exposure, out)?;
    listings(&exposure, out)?;
    history(&exposure["history"], out)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn accounts_and_items(exposure: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let accounts = list(exposure, "accounts");
    if !accounts.is_empty() {
        out.line("")?;
        out.table(
            accounts,
            &[
                ("ACCOUNT", &|line| show(line, "account")),
                ("AT RISK", &|line| show(line, "units_at_risk")),
                ("LISTINGS", &|line| show(line, "listings_at_risk")),
                ("SINCE", &|line| show(line, "since")),
            ],
        )?;
    }
    let items = list(exposure, "items");
    if !items.is_empty() {
        out.line("")?;
        out.table(
            items,
            &[
                ("SKU", &|line| show(line, "sku")),
                ("AT RISK", &|line| show(line, "units_at_risk")),
                ("SHOWN", &|line| show(line, "shown")),
                ("SELLABLE", &|line| show(line, "sellable")),
                ("OVERHANG", &|line| show(line, "overhang")),
                ("LISTINGS", &|line| show(line, "listing_count")),
            ],
        )?;
    }
    Ok(())
}

fn listings(exposure: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let listings = list(exposure, "listings");
    if listings.is_empty() {
        return Ok(());
    }
    let sent = |line: &Value| match line["is_unanswered"].as_bool() {
        Some(true) => format!("{}?", aged(line, "sent")),
        Some(false) | None => aged(line, "sent"),
    };
    out.line("")?;
    out.table(
        listings,
        &[
            ("ACCOUNT", &|line| show(line, "account")),
            ("SKU", &|line| show(line, "sku")),
            ("LISTING", &|line| show(line, "listing")),
            ("AT RISK", &|line| show(line, "units_at_risk")),
            ("SHOWN", &|line| show(line, "shown")),
            ("WANTED", &|line| aged(line, "wanted")),
            ("SENT", &sent),
            ("TAKEN", &|line| aged(line, "acknowledged")),
            ("READ BACK", &|line| aged(line, "read_back")),
        ],
    )
}

/// A level and how old it is.
fn aged(line: &Value, key: &str) -> String {
    let Some(age_ms) = line[key]["age_ms"].as_u64() else {
        return "-".to_owned();
    };
    format!(
        "{} ({} ago)",
        show(line, &format!("{key}.quantity")),
        span(age_ms)
    )
}

/// A span of time in its two largest units at most.
fn span(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m {}s", s / 60, s % 60),
        3600..86_400 => format!("{}h {}m", s / 3600, s % 3600 / 60),
        86_400.. => format!("{}d {}h", s / 86_400, s % 86_400 / 3600),
    }
}

fn history(history: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let steps = list(history, "steps");
    if steps.is_empty() {
        return Ok(());
    }
    let most = |step: &Value| step["max"].as_f64().unwrap_or(0.0);
    let highest = steps.iter().map(most).fold(0.0, f64::max);
    let bar = |step: &Value| {
        let mut bar = String::new();
        let length = match highest > 0.0 {
            true => (most(step) / highest * f64::from(BAR_MAX)).ceil(),
            false => 0.0,
        };
        let mut at = 0.0;
        while at < length {
            bar.push('#');
            at += 1.0;
        }
        bar
    };
    let unknown = |step: &Value| -> bool { step["known_s"].as_u64() == Some(0) };
    let known = |step: &Value, key: &str| match unknown(step) {
        true => "-".to_owned(),
        false => show(step, key),
    };
    out.line("")?;
    out.table(
        steps,
        &[
            ("FROM", &|step| show(step, "from")),
            ("UNIT-SECONDS", &|step| known(step, "unit_seconds")),
            ("MOST", &|step| known(step, "max")),
            ("", &bar),
            ("BY ACCOUNT", &by_account),
        ],
    )
}

/// The accounts that had anything at risk, with the most at one moment.
fn by_account(step: &Value) -> String {
    let mut text = String::new();
    for (account, risk) in step["accounts"].as_object().into_iter().flatten() {
        let comma = if text.is_empty() { "" } else { ", " };
        let most = show(risk, "max");
        write!(text, "{comma}{account} {most}").expect("a text takes everything");
    }
    text
}
