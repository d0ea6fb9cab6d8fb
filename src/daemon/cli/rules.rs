//! `oneshelf rules`: the rules of orders, and what they would say of past orders.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use domain::{order_rules::OrderRule, stock::LocationId};
use serde_json::{Value, json};

use super::{
    client::{Client, Connect},
    orders::find,
    out::{Out, count, show},
};
use crate::{
    exit::Exit,
    settings::{self, Place},
};

/// How many accounts and locations are asked for.
const NAMES_MAX: usize = 1000;

/// Lists the rules of orders, and tries rules out on past orders.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists the rules in force, in the order in which they run.
    List,
    /// Says which past orders rules would match, and why. Nothing is changed.
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// Only this order, by our id of it or its id on its channel.
    #[arg(long)]
    order: Option<String>,
    /// Only orders placed at this time or later (RFC 3339).
    #[arg(long, conflicts_with = "order")]
    since: Option<String>,
    /// Only this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Rules that are not in force: a file with [[rules]].
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How many orders at most, the oldest first.
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match &args.what {
        None | Some(What::List) => list(client, out).await,
        Some(What::Test(asked)) => test(asked, client, out).await,
    }
}

async fn list(client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let answer = client.get("/rules").await?;
    let rules = answer["rules"].as_array().cloned().unwrap_or_default();
    if rules.is_empty() && !out.is_json() {
        out.line("There are no rules: write [[rules]] in oneshelf.toml.")?;
        return Ok(Exit::Good);
    }
    out.table(
        &rules,
        &[
            ("RULE", &|rule| show(rule, "name")),
            ("ON", &|rule| show(rule, "on")),
            ("WHEN", &|rule| {
                rule["when"].as_str().unwrap_or("always").to_owned()
            }),
            ("THEN", &does),
        ],
    )?;
    Ok(Exit::Good)
}

/// What a rule does, in a few words.
fn does(rule: &Value) -> String {
    let mut does = Vec::new();
    if let Some(reason) = rule["hold"].as_str() {
        does.push(format!("hold: {reason}"));
    }
    let tags = rule["tag"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    does.extend(tags.map(|tag| format!("tag {tag}")));
    does.extend(rule["route"].as_str().map(|to| format!("route {to}")));
    does.extend(
        rule["priority"]
            .as_i64()
            .map(|priority| format!("priority {priority}")),
    );
    does.extend(rule["ask"].as_str().map(|name| format!("ask `{name}`")));
    let told = rule["notify"].as_array().into_iter().flatten();
    let told = told.filter_map(Value::as_str);
    does.extend(told.map(|name| format!("notify `{name}`")));
    does.join(", ")
}

async fn test(asked: &Test, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let mut body = json!({ "limit": asked.limit });
    if let Some(file) = &asked.file {
        let rules = match read(file, client).await? {
            Ok(rules) => rules,
            Err(told) => {
                out.text(told.trim_end())?;
                return Ok(Exit::Data);
            }
        };
        body["rules"] = rules.iter().map(written).collect();
    }
    if let Some(order) = &asked.order {
        body["order"] = json!(find(order, client).await?);
    }
    for (key, value) in [("since", &asked.since), ("rule", &asked.rule)] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    let trial = client.post("/rules/test", &body).await?;
    if out.is_json() {
        out.objects([&trial])?;
        return Ok(Exit::Good);
    }
    tell(&trial, out)?;
    Ok(Exit::Good)
}

/// The rules of a file; or what is wrong in it.
async fn read(file: &Path, client: &Client) -> anyhow::Result<Result<Vec<OrderRule>, String>> {
    let accounts = client.list("/accounts", NAMES_MAX).await?;
    let accounts: BTreeSet<String> = accounts.iter().map(|account| show(account, "id")).collect();
    let places = client.list("/locations", NAMES_MAX).await?;
    let places = places.iter().map(|place| Place {
        id: LocationId::new(show(place, "id")),
        is_channel: place["kind"] == "channel",
    });
    let places: Vec<Place> = places.collect();
    Ok(settings::load_rules(file, &accounts, &places).map_err(|error| error.render()))
}

/// A rule as the API takes it.
fn written(rule: &OrderRule) -> Value {
    let hold = rule.then.hold.as_ref();
    json!({
        "name": rule.name,
        "on": rule.on.word(),
        "when": rule.when.as_ref().map(|when| when.0.text()),
        "hold": hold.map(|hold| &hold.reason),
        "hold_for_s": hold.and_then(|hold| hold.settle_within).map(|within| within.as_secs()),
        "keeps_claim": hold.is_none_or(|hold| hold.keeps_claim),
        "tag": rule.then.tag,
        "route": rule.then.route,
        "priority": rule.then.priority,
        "ask": hold.and_then(|hold| hold.ask.as_ref()).map(|notice| &notice.message),
        "notify": rule.then.notify.iter().map(|notice| &notice.message).collect::<Vec<_>>(),
    })
}

fn tell(trial: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let part = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    for order in part(trial, "orders") {
        out.line(&format!(
            "{} on {}, placed {} ({})",
            show(&order, "number"),
            show(&order, "account"),
            show(&order, "placed_at"),
            show(&order, "order"),
        ))?;
        for run in part(&order, "runs") {
            out.line(&format!("  {}", sentence(&run, "would be ")))?;
        }
    }
    if !part(trial, "orders").is_empty() {
        out.line("")?;
    }
    for rule in part(trial, "rules") {
        let failed = match show(&rule, "failed").as_str() {
            "0" => String::new(),
            failed => format!("; it would fail for {failed}"),
        };
        out.line(&format!(
            "{}: matches {} of {}{failed}.",
            show(&rule, "rule"),
            show(&rule, "matched"),
            count(&show(trial, "looked_at"), "order"),
        ))?;
    }
    if trial["is_cut_off"] == true {
        out.line("There are more orders: say --since or --limit to look at others.")?;
    }
    out.line("Orders were looked at as they stand now. Nothing was changed.")
}

/// What came, or would come, of a rule for an order.
pub(super) fn sentence(run: &Value, would_be: &str) -> String {
    let saw = run["saw"].as_object().into_iter().flatten();
    let saw = saw.map(|(name, value)| format!("{name} is {}", value.as_str().unwrap_or_default()));
    let saw = saw.collect::<Vec<_>>().join(", ");
    let saw = if saw.is_empty() {
        String::new()
    } else {
        format!(" ({saw})")
    };
    let name = show(run, "rule");
    match run["outcome"].as_str() {
        Some("matched") => {
            let did = run["did"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let did = did.collect::<Vec<_>>().join(", ");
            let did = if did.is_empty() {
                "nothing new".to_owned()
            } else {
                format!("{would_be}{did}")
            };
            format!("{name} matches{saw}: {did}")
        }
        Some("failed") => format!("{name} fails{saw}: {}", show(run, "error")),
        Some(_) | None => format!("{name} does not match{saw}"),
    }
}
