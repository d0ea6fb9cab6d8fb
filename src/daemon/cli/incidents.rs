//! `oneshelf incidents`: what was sold and is not there, and choosing a way out.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode, query},
    out::{Out, count, show},
};
use crate::exit::Exit;

/// Lists units that were sold and are not there, and chooses ways out.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(flatten)]
    list: List,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Also those that are over.
    #[arg(long)]
    all: bool,
    /// How many at most.
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists incidents, the oldest first.
    List(List),
    /// Shows one: what explains it, who else was promised the units, and the ways out.
    Show {
        /// Its id.
        incident: String,
    },
    /// Shows what the policy would do about each open incident, and when. Nothing is done by looking.
    Policy {
        /// How many at most.
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Chooses a way out.
    Resolve(Resolve),
    /// Exports what led to one, without names, as a case that `oneshelf replay` plays again.
    Export(Export),
}

#[derive(Debug, clap::Args)]
struct Export {
    /// Its id.
    incident: String,
    /// The file to write; standard output where none is named.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Take SKUs out too.
    #[arg(long)]
    hide_skus: bool,
    /// Take the names of accounts out too.
    #[arg(long)]
    hide_accounts: bool,
}

#[derive(Debug, clap::Args)]
struct Resolve {
    /// Its id.
    incident: String,
    /// Which way.
    way: Way,
    /// With take-from: from which order.
    #[arg(long, value_name = "ORDER", required_if_eq("way", "take-from"))]
    from: Option<String>,
    /// With cancel-units: how much money the buyer gets back, with tax (`12.50`).
    #[arg(
        long,
        allow_negative_numbers = true,
        requires = "currency",
        required_if_eq("way", "cancel-units")
    )]
    amount: Option<String>,
    /// With cancel-units: of which currency (`EUR`).
    #[arg(long)]
    currency: Option<String>,
    /// Who chooses.
    #[arg(long)]
    by: Option<String>,
    /// Why, or what was agreed on.
    #[arg(long)]
    note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Ship what is missing when it comes in.
    Wait,
    /// Take the units from a younger order that is not paid.
    TakeFrom,
    /// Bring units from a location that does not serve the account: `oneshelf stock transfer`.
    Transfer,
    /// Look at units that wait for a check: `oneshelf stock sort`.
    Sort,
    /// Ship what is there now, and the rest later: `oneshelf orders ship --line`.
    Split,
    /// Agree on something else with the buyer, and change the order on its channel.
    Substitute,
    /// Give the money for the missing units back.
    CancelUnits,
    /// Cancel the whole order on its channel.
    CancelOrder,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Way::Wait => "wait",
            Way::TakeFrom => "take_from",
            Way::Transfer => "transfer",
            Way::Sort => "sort",
            Way::Split => "split",
            Way::Substitute => "substitute",
            Way::CancelUnits => "cancel_units",
            Way::CancelOrder => "cancel_order",
        }
    }
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match &args.what {
        None => list(&args.list, client, out).await?,
        Some(What::List(asked)) => list(asked, client, out).await?,
        Some(What::Show { incident }) => {
            let found = client
                .get(&format!("/incidents/{}", encode(incident)))
                .await?;
            show_one(&found, out)?;
        }
        Some(What::Policy { limit }) => policy(*limit, client, out).await?,
        Some(What::Resolve(asked)) => resolve(asked, client, out).await?,
        Some(What::Export(asked)) => export(asked, client, out).await?,
    }
    Ok(Exit::Good)
}

async fn list(asked: &List, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let open = (!asked.all).then(|| "true".to_owned());
    let path = format!("/incidents{}", query(&[("open", open)]));
    let incidents = client.list(&path, asked.limit).await?;
    out.table(
        &incidents,
        &[
            ("ID", &|incident| show(incident, "id")),
            ("STATE", &state),
            ("ACCOUNT", &|incident| show(incident, "account")),
            ("ORDER", &|incident| show(incident, "number")),
            ("LINE", &|incident| show(incident, "line")),
            ("SKU", &|incident| show(incident, "sku")),
            ("MISSING", &|incident| show(incident, "missing")),
            ("SINCE", &|incident| show(incident, "opened_at")),
            ("WHY", &|incident| show(incident, "why")),
        ],
    )
}

/// The state, with what was chosen or how it ended.
fn state(incident: &Value) -> String {
    let more = match incident["state"].as_str() {
        Some("decided") => show(incident, "choice.way"),
        Some("closed") => show(incident, "ending"),
        Some(_) | None => return show(incident, "state"),
    };
    format!("{}: {more}", show(incident, "state"))
}

fn show_one(incident: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([incident]);
    }
    let of = |path: &str| show(incident, path);
    out.pairs(&[
        ("incident", of("id")),
        ("state", state(incident)),
        (
            "order",
            format!(
                "{} of {} ({}), {}",
                of("number"),
                of("account"),
                of("order"),
                of("phase")
            ),
        ),
        (
            "missing",
            format!(
                "{} of {} {}, line {}",
                of("missing"),
                of("ordered"),
                of("sku"),
                of("line")
            ),
        ),
        ("since", of("opened_at")),
        ("ship by", of("ship_by")),
    ])?;
    out.line("")?;
    out.line(&of("explanation"))?;
    if let Some(choice) = incident["choice"].as_object() {
        let choice = Value::Object(choice.clone());
        out.line(&format!(
            "{} chose on {} to {}.",
            show(&choice, "by"),
            show(&choice, "at"),
            show(&choice, "text")
        ))?;
    }
    competing_and_ways(incident, out)?;
    if incident["policy"].is_object() {
        out.line("")?;
        out.line(&format!(
            "If nobody chooses before {}, the policy does: {}.",
            of("policy.at"),
            would(incident)
        ))?;
    }
    Ok(())
}

/// What the policy would do now, and by which rule.
fn would(incident: &Value) -> String {
    let rule = show(incident, "policy.rule");
    match incident["policy"]["would"].as_str() {
        Some(way) => format!("{} (rule {rule})", way.replace('_', "-")),
        None => {
            let then = incident["policy"]["then"].as_array().into_iter().flatten();
            let then: Vec<String> = then
                .filter_map(Value::as_str)
                .map(|way| way.replace('_', "-"))
                .collect();
            let then = then.join(" nor ");
            format!("nothing, because neither {then} can be done now (rule {rule})")
        }
    }
}

async fn policy(limit: usize, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let open = query(&[("open", Some("true".to_owned()))]);
    let listed = client.list(&format!("/incidents{open}"), limit).await?;
    let mut incidents = Vec::new();
    for incident in listed {
        let path = format!("/incidents/{}", encode(&show(&incident, "id")));
        incidents.push(client.get(&path).await?);
    }
    let what = |incident: &Value| match incident["policy"].is_object() {
        true => would(incident),
        false => "nothing: no rule is about it, each has acted, or a person chose".to_owned(),
    };
    out.table(
        &incidents,
        &[
            ("ID", &|incident| show(incident, "id")),
            ("STATE", &state),
            ("ACCOUNT", &|incident| show(incident, "account")),
            ("ORDER", &|incident| show(incident, "number")),
            ("SKU", &|incident| show(incident, "sku")),
            ("WHY", &|incident| show(incident, "why")),
            ("NOT BEFORE", &|incident| show(incident, "policy.at")),
            ("THE POLICY WOULD", &what),
        ],
    )
}

fn competing_and_ways(incident: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let list = |key: &str| incident[key].as_array().cloned().unwrap_or_default();
    let competing = list("competing");
    if !competing.is_empty() {
        out.line("")?;
        out.table(
            &competing,
            &[
                ("ALSO PROMISED TO", &|one| show(one, "order")),
                ("NUMBER", &|one| show(one, "number")),
                ("ACCOUNT", &|one| show(one, "account")),
                ("UNITS", &|one| show(one, "units")),
                ("PLACED", &|one| show(one, "placed_at")),
                ("PAID", &|one| show(one, "is_paid")),
            ],
        )?;
    }
    let ways = list("ways");
    if !ways.is_empty() {
        out.line("")?;
        out.line("Ways out, the best first:")?;
    }
    for (number, way) in ways.iter().enumerate() {
        let from = match way["from"].as_str() {
            Some(order) => format!(" --from {order}"),
            None => String::new(),
        };
        let word = show(way, "way").replace('_', "-");
        let because = show(way, "because");
        out.line(&format!("  {}. {word}{from}: {because}", number + 1))?;
    }
    Ok(())
}

async fn export(asked: &Export, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let yes = |is_so: bool| is_so.then(|| "true".to_owned());
    let asks = query(&[
        ("hide_skus", yes(asked.hide_skus)),
        ("hide_accounts", yes(asked.hide_accounts)),
    ]);
    let path = format!("/incidents/{}/export{asks}", encode(&asked.incident));
    let case = client.get(&path).await?;
    let Some(file) = &asked.out else {
        return out.text(&format!("{case:#}"));
    };
    write(file, &format!("{case:#}\n"))?;
    let steps = case["steps"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if out.is_json() {
        let told = json!({ "file": file.display().to_string(), "steps": steps.len() });
        return out.objects([&told]);
    }
    out.line(&format!(
        "{} holds {}. Play them again: oneshelf replay {}",
        file.display(),
        count(&steps.len().to_string(), "decision"),
        file.display()
    ))?;
    let skipped = steps.iter().filter(|step| step["not_compared"].is_string());
    match skipped.count() {
        0 => {}
        skipped => out.line(&format!(
            "{} not compared: without names they are decided otherwise.",
            count(&skipped.to_string(), "decision")
        ))?,
    }
    for left_out in case["left_out"].as_array().into_iter().flatten() {
        out.line(&format!(
            "Not in it: {}",
            left_out.as_str().unwrap_or_default()
        ))?;
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let failed = || format!("failed to write {}", file.display());
    std::fs::write(&part, text).with_context(failed)?;
    std::fs::rename(&part, file).with_context(failed)
}

async fn resolve(asked: &Resolve, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let mut body = json!({ "way": asked.way.word() });
    for (key, value) in [
        ("from", &asked.from),
        ("by", &asked.by),
        ("note", &asked.note),
    ] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    if let Some(amount) = &asked.amount {
        body["amount"] = json!({ "amount": amount, "currency": asked.currency });
    }
    let path = format!("/incidents/{}", encode(&asked.incident));
    let receipt = client.post(&format!("{path}/resolve"), &body).await?;
    if out.is_json() {
        return out.objects([&receipt]);
    }
    let incident = client.get(&path).await?;
    let (missing, sku) = (show(&incident, "missing"), show(&incident, "sku"));
    out.line(&match incident["state"].as_str() {
        Some("closed") => format!("It is over: {}.", show(&incident, "ending")),
        Some(_) | None => {
            format!("It was noted; the incident stays open while {missing} of {sku} are missing.")
        }
    })
}
