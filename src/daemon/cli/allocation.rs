//! `oneshelf orders allocate` and `unallocate`: where an order leaves from, and why.

use serde_json::{Value, json};

use super::{
    client::{Client, query},
    freeze,
    orders::{find, told},
    out::{Out, show},
};
use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub(super) struct Allocate {
    /// Our id of it, or its id on its channel.
    order: String,
    /// From this location, also what was to leave from elsewhere; from the best when it is not said.
    #[arg(long, value_name = "LOCATION")]
    at: Option<String>,
    /// Only this line.
    #[arg(long)]
    line: Option<u32>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
    /// Do it; without this, only say what would be done and why.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Unallocate {
    /// Our id of it, or its id on its channel.
    order: String,
    /// Only this line.
    #[arg(long)]
    line: Option<u32>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

pub(super) async fn allocate(
    asked: &Allocate,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let path = format!("/orders/{}/allocation", find(&asked.order, client).await?);
    let line = asked.line.map(|line| line.to_string());
    let ask = query(&[("line", line), ("location", asked.at.clone())]);
    let plan = client.get(&format!("{path}{ask}")).await?;
    if !asked.yes {
        return show_plan(&plan, out);
    }
    let mut body = json!({});
    for (key, value) in [
        ("location", asked.at.as_ref().map(|at| json!(at))),
        ("line", asked.line.map(|line| json!(line))),
        ("by", asked.by.as_ref().map(|by| json!(by))),
    ] {
        if let Some(value) = value {
            body[key] = value;
        }
    }
    let receipt = client.post(&path, &body).await?;
    if !out.is_json() && receipt["effect"] != "nothing_to_do" {
        parts(&list(&plan, "parts"), out)?;
    }
    told(&receipt, "Chosen", out)
}

pub(super) async fn unallocate(
    asked: &Unallocate,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let line = asked.line.map(|line| line.to_string());
    let ask = query(&[("line", line), ("by", asked.by.clone())]);
    let order = find(&asked.order, client).await?;
    let receipt = client
        .delete(&format!("/orders/{order}/allocation{ask}"))
        .await?;
    let done = "Taken back, and no location is chosen by itself until you say `orders allocate`";
    told(&receipt, done, out)
}

fn list(plan: &Value, name: &str) -> Vec<Value> {
    plan[name].as_array().cloned().unwrap_or_default()
}

fn show_plan(plan: &Value, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let would = list(plan, "parts");
    if out.is_json() {
        out.objects([plan])?;
        return match would.is_empty() {
            true => Ok(Exit::Good),
            false => freeze::not_yet(out),
        };
    }
    let of = |path: &str| show(plan, path);
    out.line(&format!(
        "Order {} of {} is {}.",
        of("number"),
        of("account"),
        of("phase")
    ))?;
    if plan["unplaced_by"].is_string() {
        let by = of("unplaced_by");
        out.line(&format!(
            "{by} took its locations back, so none is chosen by itself."
        ))?;
    }
    for (name, title) in [
        ("bound", "It leaves:"),
        ("freed", "No more from there:"),
        ("parts", "It would leave:"),
    ] {
        let listed = list(plan, name);
        if !listed.is_empty() {
            out.line("")?;
            out.line(title)?;
            parts(&listed, out)?;
        }
    }
    let unplaced = list(plan, "unplaced");
    if !unplaced.is_empty() {
        out.line("")?;
        out.line("No location for:")?;
        out.table(
            &unplaced,
            &[
                ("LINE", &|part| show(part, "line")),
                ("SKU", &|part| show(part, "sku")),
                ("UNITS", &|part| show(part, "units")),
            ],
        )?;
    }
    if would.is_empty() && unplaced.is_empty() {
        out.line("")?;
        out.line("Nothing waits for a location.")?;
        return Ok(Exit::Good);
    }
    out.line("")?;
    let places = list(plan, "places");
    let said: Vec<(String, String)> = places
        .iter()
        .map(|place| {
            let reason = format!("{}: {}", show(place, "standing"), show(place, "reason"));
            (show(place, "location"), reason)
        })
        .collect();
    let said: Vec<(&str, String)> = said
        .iter()
        .map(|(location, reason)| (location.as_str(), reason.clone()))
        .collect();
    out.pairs(&said)?;
    if would.is_empty() {
        return Ok(Exit::Good);
    }
    out.line("")?;
    freeze::not_yet(out)
}

fn parts(parts: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.table(
        parts,
        &[
            ("LINE", &|part| show(part, "line")),
            ("SKU", &|part| show(part, "sku")),
            ("UNITS", &|part| show(part, "units")),
            ("FROM", &|part| show(part, "location")),
        ],
    )
}
