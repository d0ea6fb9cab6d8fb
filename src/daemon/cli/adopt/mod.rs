//! `oneshelf adopt`: takes shops over, step by step. Each step shows first, and says what comes next.

mod report;

use std::time::Duration;

use clap::Subcommand;
use engine::ports::system;
use serde_json::{Value, json};

use super::{
    accounts::changed,
    client::{Client, Connect, encode, query},
    freeze,
    out::{Out, count, show},
};
use crate::exit::Exit;

/// How often is asked whether opening stock was taken.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often at most, before the rest is left to the daemon.
const ASKED_MAX: usize = 120;

/// Takes shops over: matching, levels, opening stock, first writes, arming.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows how far it has come, and what to do next.
    Show,
    /// Takes opening stock from an account, after showing what would be counted.
    Opening {
        /// The account whose levels are right.
        account: String,
        /// Do it; without this it is only shown.
        #[arg(long)]
        yes: bool,
    },
    /// Shows every first write to an account, and notes that you have seen them.
    Preview {
        /// Its name.
        account: String,
    },
    /// Arms an account: what the last preview showed is confirmed, and written.
    Arm {
        /// Its name.
        account: String,
        /// Do it; without this the first writes are shown again.
        #[arg(long)]
        yes: bool,
    },
    /// Only watches an account (again): nothing is written to it.
    Observe {
        /// Its name.
        account: String,
        /// Do it; without this it is only shown what would be held back.
        #[arg(long)]
        yes: bool,
    },
    /// Says what watching has shown that writing would have prevented.
    Report {
        /// Only of this account.
        account: Option<String>,
        /// Since this time (RFC 3339), or for so long.
        #[arg(long, value_name = "TIME", default_value = "7d")]
        since: String,
    },
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match args.what.as_ref().unwrap_or(&What::Show) {
        What::Show => {
            overview(&client.get("/adoption").await?, out)?;
            Ok(Exit::Good)
        }
        What::Opening { account, yes } => opening(client, account, *yes, out).await,
        What::Preview { account } => {
            let shown = preview(client, account, out).await?;
            if !out.is_json() && shown["mode"] != "live" {
                out.line(&format!(
                    "Next: `oneshelf adopt arm {account} --yes` writes this."
                ))?;
            }
            Ok(Exit::Good)
        }
        What::Arm { account, yes } => arm(client, account, *yes, out).await,
        What::Observe { account, yes } => observe(client, account, *yes, out).await,
        What::Report { account, since } => {
            let asked = query(&[("account", account.clone()), ("since", Some(since.clone()))]);
            let report = client.get(&format!("/adoption/report{asked}")).await?;
            report::show_all(&report, out)?;
            Ok(Exit::Good)
        }
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Levels by account, in one cell.
fn levels(value: &Value, key: &str) -> String {
    let levels = value[key].as_object().into_iter().flatten();
    let levels: Vec<String> = levels
        .map(|(account, level)| format!("{account} {}", show(&json!({ "level": level }), "level")))
        .collect();
    if levels.is_empty() {
        "-".to_owned()
    } else {
        levels.join(", ")
    }
}

fn overview(adoption: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([adoption]);
    }
    matching(adoption, out)?;
    differences(adoption, out)?;
    let of = |path: &str| show(adoption, path);
    out.line("")?;
    out.line(&format!(
        "3. Opening stock: {} of {} counted, source {}.",
        of("counted"),
        count(&of("goods"), "good"),
        match (
            adoption["source"].as_str(),
            adoption["is_source_configured"] == true
        ) {
            (Some(source), true) => format!("{source} (configured)"),
            (Some(source), false) => source.to_owned(),
            (None, _) => "not named".to_owned(),
        }
    ))?;
    out.line("")?;
    out.line("4. First writes and arming:")?;
    out.table(
        list(adoption, "accounts"),
        &[
            ("ACCOUNT", &|step| show(step, "account")),
            ("MODE", &|step| show(step, "mode")),
            ("WOULD WRITE", &|step| show(step, "writes")),
            ("WATCHED SINCE", &|step| show(step, "watched_since")),
            ("PREVIEWED", &|step| show(step, "previewed_at")),
        ],
    )?;
    out.line("")?;
    out.line(&format!("Next: {}", of("next")))?;
    match adoption["next_command"].as_str() {
        Some(command) => out.line(&format!("  {command}")),
        None => Ok(()),
    }
}

fn matching(adoption: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    out.line("1. Matching: listings with the same SKU are one item.")?;
    out.table(
        list(adoption, "accounts"),
        &[
            ("ACCOUNT", &|step| show(step, "account")),
            ("CHANNEL", &|step| show(step, "channel")),
            ("LISTINGS", &|step| show(step, "listings")),
            ("MATCHED", &|step| show(step, "matched")),
            ("TO MEND", &|step| show(step, "problems")),
            ("NOT READ", &|step| match step["has_polled"].as_bool() {
                Some(false) => "all".to_owned(),
                Some(true) | None => show(step, "unread"),
            }),
            ("NOT COUNTED", &|step| show(step, "uncounted")),
            ("COMPARED", &|step| show(step, "compared_at")),
        ],
    )?;
    for problem in list(adoption, "problems") {
        let of = |path: &str| show(problem, path);
        out.line("")?;
        out.line(&format!(
            "{} {} \"{}\": {}.",
            of("account"),
            of("listing"),
            of("title"),
            of("text")
        ))?;
        for suggestion in list(problem, "suggestions") {
            let (sku, title) = (show(suggestion, "sku"), show(suggestion, "title"));
            let because = show(suggestion, "because");
            out.line(&format!("  perhaps {sku} \"{title}\" ({because})"))?;
        }
        out.line(&format!("  mend: {}", of("mend")))?;
    }
    Ok(())
}

fn differences(adoption: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let differing = show(adoption, "differing");
    out.line("")?;
    out.line(&format!(
        "2. Levels: {} on different accounts.",
        match differing.as_str() {
            "1" => "1 item shows different levels".to_owned(),
            count => format!("{count} items show different levels"),
        }
    ))?;
    let shown = list(adoption, "differences");
    if shown.is_empty() {
        return Ok(());
    }
    let head = list(adoption, "accounts").iter();
    let names: Vec<String> = head.map(|step| show(step, "account")).collect();
    let level = |name: &str| {
        let name = name.to_owned();
        move |line: &Value| show(&line["levels"], &name)
    };
    let by_account: Vec<_> = names.iter().map(|name| level(name)).collect();
    let (sku, spread) = (
        |line: &Value| show(line, "sku"),
        |line: &Value| show(line, "spread"),
    );
    let mut columns: Vec<super::out::Column<'_>> = vec![("SKU", &sku), ("SPREAD", &spread)];
    for (name, level) in names.iter().zip(&by_account) {
        columns.push((name, level));
    }
    out.table(shown, &columns)
}

async fn opening(
    client: &Client,
    account: &str,
    yes: bool,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let path = format!("/adoption/{}/opening", encode(account));
    if !yes {
        opening_shown(&client.get(&path).await?, out)?;
        return freeze::not_yet(out);
    }
    let counted = |view: &Value| view["already_counted"].as_u64().unwrap_or_default();
    let before = counted(&client.get(&path).await?);
    client.post(&path, &json!({})).await?;
    let clock = system::ports().clock;
    let mut view = client.get(&path).await?;
    for _ in 0..ASKED_MAX {
        if view["is_under_way"] != true {
            break;
        }
        clock.sleep_until(clock.now().plus(ASK_EVERY)).await;
        view = client.get(&path).await?;
    }
    if out.is_json() {
        out.objects([&view])?;
        return Ok(Exit::Good);
    }
    let of = |path: &str| show(&view, path);
    out.line(&format!(
        "{} of {account} counted.",
        count(&counted(&view).saturating_sub(before).to_string(), "item")
    ))?;
    if view["is_under_way"] == true {
        out.line("The rest is still being read; `oneshelf adopt` says when it is done.")?;
    } else if view["to_count"] != 0 {
        out.line(&format!(
            "{} changed while they were read; say it once more to count them.",
            count(&of("to_count"), "item")
        ))?;
    }
    left_out(&view, out)?;
    out.line(
        "Next: `oneshelf adopt report` while you watch, then `oneshelf adopt preview ACCOUNT`.",
    )?;
    Ok(Exit::Good)
}

fn opening_shown(view: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([view]);
    }
    let of = |path: &str| show(view, path);
    if let Some(named) = view["configured"].as_str() {
        out.line(&format!(
            "The configuration names {named} as the source, not this account."
        ))?;
    }
    out.line(&format!(
        "{}: {} would be counted, {} in all; {} counted before.",
        of("account"),
        count(&of("to_count"), "item"),
        count(&of("units"), "unit"),
        count(&of("already_counted"), "item"),
    ))?;
    let items = list(view, "items");
    if !items.is_empty() {
        out.table(
            items,
            &[
                ("SKU", &|item| show(item, "sku")),
                ("SHOWS", &|item| show(item, "shows")),
                ("SOLD, NOT LEFT", &|item| show(item, "sold")),
                ("WOULD LIE THERE", &|item| show(item, "lies")),
                ("OTHERS SHOW", &|item| levels(item, "elsewhere")),
            ],
        )?;
    }
    left_out(view, out)
}

/// What the source cannot count, and what it does not have.
fn left_out(view: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    for left in list(view, "left_items") {
        let (sku, reason) = (show(left, "sku"), show(left, "reason"));
        out.line(&format!(
            "{sku} is not counted: {reason}. Mend: {}",
            show(left, "mend")
        ))?;
    }
    let missing = list(view, "not_listed_items");
    if missing.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.line(&format!(
        "{} not listed there; count each with `oneshelf stock adjust SKU --to UNITS --reason counted`:",
        match show(view, "not_listed").as_str() {
            "1" => "1 item is".to_owned(),
            count => format!("{count} items are"),
        }
    ))?;
    out.table(
        missing,
        &[
            ("SKU", &|item| show(item, "sku")),
            ("TITLE", &|item| show(item, "title")),
            ("OTHERS SHOW", &|item| levels(item, "elsewhere")),
        ],
    )
}

async fn preview(client: &Client, account: &str, out: &mut Out<'_>) -> anyhow::Result<Value> {
    let path = format!("/adoption/{}/preview", encode(account));
    let view = client.post(&path, &json!({})).await?;
    if out.is_json() {
        out.objects([&view])?;
        return Ok(view);
    }
    let of = |path: &str| show(&view, path);
    out.line(&format!(
        "{} is {}: {} of {} would be written, {} to more ({} units), {} to less, {} to zero ({} units less).",
        of("account"),
        of("mode"),
        of("writes_count"),
        count(&of("listings"), "level"),
        of("rises"),
        of("units_more"),
        of("falls"),
        of("zeroes"),
        of("units_less"),
    ))?;
    let waits = match of("intents_waiting").as_str() {
        "1" => "1 intent waits".to_owned(),
        intents => format!("{intents} intents wait"),
    };
    out.line(&format!(
        "{} agree already; {} are told nothing; {} were never read; {waits} to be told.",
        of("agreeing"),
        of("suppressed"),
        of("unread"),
    ))?;
    if view["sudden_zeroes"] != 0 {
        let fate = if view["breaker_would_hold"] == true {
            "more than the breaker lets pass; arming after this preview confirms them"
        } else {
            "fewer than the breaker stops"
        };
        out.line(&format!(
            "{} of the zeroes no order caused: {fate}.",
            of("sudden_zeroes")
        ))?;
    }
    if view["held"] != 0 {
        out.line(&format!(
            "{} are held by the breaker, also after arming: `oneshelf accounts breaker {account}`.",
            of("held")
        ))?;
    }
    out.line("")?;
    first_writes(list(&view, "writes"), out)?;
    Ok(view)
}

fn first_writes(writes: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    let held = |write: &Value| match write["is_held"] == true {
        true => format!("{} (held)", show(write, "to")),
        false => show(write, "to"),
    };
    out.table(
        writes,
        &[
            ("SKU", &|write| show(write, "sku")),
            ("LISTING", &|write| show(write, "listing")),
            ("SHOWS", &|write| show(write, "shows")),
            ("WOULD BE", &held),
            ("WHY", &|write| show(write, "why")),
        ],
    )
}

async fn arm(client: &Client, account: &str, yes: bool, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if !yes {
        preview(client, account, out).await?;
        return freeze::not_yet(out);
    }
    let path = format!("/adoption/{}/arm", encode(account));
    let change = client.post(&path, &json!({})).await?;
    let exit = changed(&change, out)?;
    if !out.is_json() {
        out.line(&format!(
            "Next: `oneshelf adopt` for the other accounts. Back again: `oneshelf adopt observe {account} --yes`."
        ))?;
    }
    Ok(exit)
}

async fn observe(
    client: &Client,
    account: &str,
    yes: bool,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let path = format!("/accounts/{}/mode", encode(account));
    let body = json!({ "mode": "observe" });
    if !yes {
        let plan = client.post(&format!("{path}?dry_run=true"), &body).await?;
        freeze::plan(&plan, "would be held back", out)?;
        return freeze::not_yet(out);
    }
    let exit = changed(&client.post(&path, &body).await?, out)?;
    if !out.is_json() {
        out.line("Next: `oneshelf adopt report` says what watching shows.")?;
    }
    Ok(exit)
}
