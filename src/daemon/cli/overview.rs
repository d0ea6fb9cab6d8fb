//! `oneshelf orders show` and `note`: an order seen whole.

use domain::Time;
use serde_json::{Value, json};

use super::{
    aftersales,
    client::{Client, query},
    documents, fulfillment,
    orders::{find, flags, tags, told},
    out::{Out, money, show},
    rules,
};
use crate::exit::Exit;

/// How many entries of a timeline are shown.
const TIMELINE_MAX: usize = 1000;

/// Which order is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Our id of it, or its id on its channel.
    order: String,
    /// As it was at this time: RFC 3339, or how long ago (`2h ago`).
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// What is written beside an order.
#[derive(Debug, clap::Args)]
pub(super) struct Note {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// What.
    text: String,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

pub(super) async fn note(asked: &Note, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let mut body = json!({ "text": asked.text });
    if let Some(by) = &asked.by {
        body["by"] = json!(by);
    }
    let path = format!("/orders/{}/notes", find(&asked.order, client).await?);
    told(&client.post(&path, &body).await?, "Noted", out)
}

pub(super) async fn show_one(
    asked: &Show,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let id = find(&asked.order, client).await?;
    let at = query(&[("at", asked.at.clone())]);
    let mut order = client.get(&format!("/orders/{id}{at}")).await?;
    let timeline = format!("/orders/{id}/timeline");
    let mut timeline = client.list(&timeline, TIMELINE_MAX).await?;
    if let Some(as_of) = moment(&order, "as_of") {
        timeline.retain(|entry| moment(entry, "at").is_none_or(|at| at <= as_of));
    }
    if out.is_json() {
        order["timeline"] = Value::Array(timeline);
        out.objects([&order])?;
        return Ok(Exit::Good);
    }
    let of = |path: &str| show(&order, path);
    if let Some(as_of) = order["as_of"].as_str() {
        out.line(&format!("As it was at {as_of}."))?;
    }
    out.pairs(&[
        ("order", of("id")),
        ("number", format!("{} on {}", of("number"), of("account"))),
        ("phase", of("phase")),
        ("payment", payment(&order)),
        ("placed", of("placed_at")),
        ("ship by", of("ship_by")),
        ("deliver by", of("deliver_by")),
        ("late", flags(&order)),
        ("total", money(&order, "total")),
        ("refunded", money(&order, "refunded")),
        ("buyer", of("buyer.name")),
        ("ships to", address(&order["ship_to"])),
        ("note", of("note")),
        ("people", people(&order)),
    ])?;
    marks(&order, out)?;
    let part = |name: &str| order[name].as_array().cloned().unwrap_or_default();
    out.line("")?;
    out.table(
        &part("lines"),
        &[
            ("LINE", &|line| show(line, "number")),
            ("SKU", &sku),
            ("ORDERED", &|line| show(line, "counters.ordered")),
            ("TO SHIP", &|line| show(line, "to_ship")),
            ("PROMISED", &|line| show(line, "claimed")),
            ("MISSING", &|line| show(line, "missing")),
            ("LEAVES FROM", &leaves_from),
            ("TITLE", &|line| show(line, "title")),
        ],
    )?;
    suggested(&of("id"), &part("lines"), out)?;
    payments(&part("payments"), out)?;
    parts(&part("holds"), &part("intents"), out)?;
    fulfillment::tables(&order, out)?;
    ruled(&order, out)?;
    aftersales::tables(&order, out)?;
    documents::table(&part("documents"), out)?;
    happened(&timeline, out)?;
    if order["as_of"].is_null() {
        return next(&part("next"), out).map(|()| Exit::Good);
    }
    out.line("")?;
    out.line("What is not known of then:")?;
    for sentence in part("unknown") {
        out.line(&format!("  {}", sentence.as_str().unwrap_or_default()))?;
    }
    Ok(Exit::Good)
}

/// What rules made of it.
fn marks(order: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let marks = [
        ("tags", tags(order)),
        ("risk", show(order, "risk")),
        ("priority", show(order, "priority")),
        ("route", show(order, "route.location")),
        ("pay at", show(order, "pay_link")),
    ];
    let is_said = |(_, value): &&(&str, String)| value != "-" && value != "0";
    let marks: Vec<_> = marks.iter().filter(is_said).cloned().collect();
    out.pairs(&marks)
}

/// Which items lines may be that are not known to be any.
fn suggested(id: &str, lines: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    let mut is_first = true;
    for line in lines {
        let number = show(line, "number");
        for one in line["suggestions"].as_array().into_iter().flatten() {
            if is_first {
                out.line("")?;
            }
            is_first = false;
            let (sku, title, because) =
                (show(one, "sku"), show(one, "title"), show(one, "because"));
            out.line(&format!(
                "Line {number} may be {sku}, {title} ({because}): `oneshelf orders map {id} {number} {sku}` says so."
            ))?;
        }
    }
    Ok(())
}

/// What rules made of it, and what looks ordered twice.
fn ruled(order: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let part = |name: &str| order[name].as_array().cloned().unwrap_or_default();
    let twins: Vec<String> = part("duplicates")
        .iter()
        .map(|id| id.as_str().unwrap_or_default().to_owned())
        .collect();
    if !twins.is_empty() {
        out.line("")?;
        out.line(&format!(
            "It looks ordered twice: the same buyer ordered the same shortly before, as {}.",
            twins.join(", ")
        ))?;
    }
    let runs = part("rules");
    if !runs.is_empty() {
        out.line("")?;
    }
    for run in runs {
        let (on, text) = (show(&run, "on"), rules::sentence(&run, ""));
        out.line(&format!("{on}: {text}"))?;
    }
    Ok(())
}

/// A time of an answer.
fn moment(value: &Value, name: &str) -> Option<Time> {
    value[name].as_str()?.parse().ok()
}

/// Everything that happened, the oldest first; a note may have several lines.
fn happened(timeline: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.line("")?;
    out.line("What happened:")?;
    for entry in timeline {
        let (mut at, text) = (show(entry, "at"), show(entry, "text"));
        for line in text.lines() {
            out.line(&format!("  {at}  {line}"))?;
            at = " ".repeat(at.chars().count());
        }
    }
    Ok(())
}

/// What is to be done, with an arrow, and what goes on by itself.
fn next(steps: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.line("")?;
    out.line("What to do next:")?;
    for step in steps {
        let mark = if step["is_to_do"] == true { "->" } else { "  " };
        out.line(&format!("  {mark} {}", show(step, "text")))?;
    }
    Ok(())
}

/// How it stands with the money, and whether it leaves nevertheless.
fn payment(order: &Value) -> String {
    let state = show(order, "payment");
    match order["pays"].as_str() {
        Some("on_delivery") => format!("{state}; it is paid on delivery"),
        Some("on_invoice") => format!("{state}; it is paid by invoice"),
        _ => state,
    }
}

/// What happened to the money, where no channel keeps that.
fn payments(payments: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    if payments.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.table(
        payments,
        &[
            ("MONEY", &|payment| show(payment, "step")),
            ("AMOUNT", &|payment| money(payment, "amount")),
            ("METHOD", &|payment| show(payment, "method")),
            ("REFERENCE", &|payment| show(payment, "reference")),
            ("AT", &|payment| show(payment, "at")),
            ("BY", &|payment| show(payment, "by")),
        ],
    )
}

/// Whether what it says of people is kept.
fn people(order: &Value) -> String {
    let by = show(order, "erasure.by");
    match (&order["erasure"], &order["erasure"]["done_at"]) {
        (Value::Null, _) => "kept".to_owned(),
        (_, Value::Null) => {
            format!("to be erased when nothing must be sent any more, as {by} asked")
        }
        (_, _) => format!(
            "erased at {}, as {by} asked",
            show(order, "erasure.done_at")
        ),
    }
}

fn sku(line: &Value) -> String {
    match line["sku"].as_str() {
        Some(sku) => sku.to_owned(),
        None => format!("? ({})", show(line, "channel_sku")),
    }
}

/// `berlin`, or `berlin 2, paris 1` where it is several, or a kit's parts.
fn leaves_from(line: &Value) -> String {
    let parts = line["leaves_from"].as_array().into_iter().flatten();
    let parts: Vec<(String, &Value)> = parts.map(|part| (show(part, "location"), part)).collect();
    let first = parts.first().map(|(at, _)| at);
    match first {
        None => "-".to_owned(),
        Some(only) if parts.iter().all(|(at, _)| at == only) => only.clone(),
        Some(_) => {
            let named = parts.iter().map(|(at, part)| {
                let (units, sku) = (show(part, "units"), show(part, "sku"));
                if part["sku"] == line["sku"] {
                    format!("{at} {units}")
                } else {
                    format!("{at} {units} {sku}")
                }
            });
            named.collect::<Vec<_>>().join(", ")
        }
    }
}

fn address(address: &Value) -> String {
    if address.is_null() {
        return "-".to_owned();
    }
    let street = address["street"].as_array().into_iter().flatten();
    let street = street.filter_map(|line| line.as_str().map(str::to_owned));
    let mut parts = vec![show(address, "name"), show(address, "company")];
    parts.extend(street);
    let town = ["postal_code", "city"].map(|part| address[part].as_str().unwrap_or_default());
    let town = town.join(" ").trim().to_owned();
    parts.extend([town, show(address, "country")]);
    parts.retain(|part| part != "-" && !part.is_empty());
    parts.join(", ")
}

/// Holds and intents, where there are some.
fn parts(holds: &[Value], intents: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    if !holds.is_empty() {
        out.line("")?;
        out.table(
            holds,
            &[
                ("HELD BECAUSE", &|hold| show(hold, "reason")),
                ("BY", &|hold| show(hold, "owner")),
                ("SINCE", &|hold| show(hold, "since")),
                ("LIFTED", &|hold| show(hold, "released_at")),
            ],
        )?;
    }
    if !intents.is_empty() {
        out.line("")?;
        out.table(
            intents,
            &[
                ("TO DO", &|intent| show(intent, "text")),
                ("STATE", &|intent| show(intent, "state")),
                ("TRIES", &|intent| show(intent, "tries")),
                ("LAST", &|intent| show(intent, "last")),
                ("ID", &|intent| show(intent, "id")),
            ],
        )?;
    }
    Ok(())
}
