//! `oneshelf pause`, `resume` and `sync`: stopping a part of the work with an account, and doing it now.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    accounts::begin,
    client::{Client, Connect, encode},
    out::{Out, count, show},
};
use crate::exit::Exit;

/// A kind of work with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Flow {
    /// Its orders are read.
    Orders,
    /// Levels are written to it.
    Stock,
    /// It is told of parcels.
    Tracking,
}

/// Pauses reading orders, writing levels or telling of parcels. Nothing is lost: what piles up is done on
/// `resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// The account's name.
    account: String,
    /// What is meant; all of it, when nothing is named.
    what: Vec<Flow>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// Lets go on what was paused.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub(super) args: Args,
}

/// Reads an account's orders again that changed since a time; `accounts show` says how far it has come.
#[derive(Debug, clap::Args)]
pub struct BackfillArgs {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// The account's name.
    account: String,
    /// Since when, as `2026-11-01T00:00:00Z`.
    #[arg(long)]
    since: String,
}

/// Reads an account's orders and listings now, and compares its levels.
#[derive(Debug, clap::Args)]
pub struct SyncArgs {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// The account's name.
    account: String,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let change = set(args, "pause", client).await?;
    if out.is_json() {
        out.objects([&change])?;
        return Ok(Exit::Good);
    }
    let account = show(&change, "account");
    out.line(&format!(
        "Paused of {account}: {}. Nothing is lost; `oneshelf resume {account}` lets it go on.",
        paused_of(&change)
    ))?;
    if paused_of(&change).contains("orders") {
        out.line(
            "What it sells meanwhile is not known here, so the same units can be sold elsewhere as well.",
        )?;
    }
    Ok(Exit::Good)
}

pub(super) async fn run_back(
    ResumeArgs { args }: &ResumeArgs,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let change = set(args, "resume", client).await?;
    if out.is_json() {
        out.objects([&change])?;
        return Ok(Exit::Good);
    }
    let account = show(&change, "account");
    out.line(&match paused_of(&change).as_str() {
        "" => format!("Nothing of {account} is paused."),
        left => format!("Still paused of {account}: {left}."),
    })?;
    Ok(Exit::Good)
}

pub(super) async fn sync(
    args: &SyncArgs,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    begin(client, (&args.account, "poll"), &json!({}), out).await?;
    begin(client, (&args.account, "reconcile"), &json!({}), out).await
}

pub(super) async fn backfill(
    args: &BackfillArgs,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let body = json!({ "since": args.since });
    begin(client, (&args.account, "backfill"), &body, out).await
}

async fn set(args: &Args, verb: &str, client: &Client) -> anyhow::Result<Value> {
    let mut body = json!({});
    if !args.what.is_empty() {
        let word = |flow: &Flow| {
            flow.to_possible_value()
                .map(|word| word.get_name().to_owned())
        };
        body["what"] = args.what.iter().filter_map(word).collect();
    }
    if let Some(by) = &args.by {
        body["by"] = json!(by);
    }
    let path = format!("/accounts/{}/{verb}", encode(&args.account));
    client.post(&path, &body).await
}

fn paused_of(change: &Value) -> String {
    let names = change["paused"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(Value::as_str).collect();
    names.join(", ")
}

/// What is paused of an account and what piles up, a line each.
pub(super) fn lines(account: &Value) -> Vec<String> {
    let pauses = account["paused"].as_array().into_iter().flatten();
    let line = |pause: &Value| {
        let waiting = show(pause, "waiting");
        let piled = match pause["what"].as_str() {
            Some("orders") => format!("hooks told of {}", count(&waiting, "order")),
            Some("stock") => format!("{} wait", count(&waiting, "level")),
            _ => format!("{} wait", count(&waiting, "parcel")),
        };
        let of = |path: &str| show(pause, path);
        format!("{} since {} by {}; {piled}", of("what"), of("at"), of("by"))
    };
    pauses.map(line).collect()
}

/// How far reading orders back has come.
pub(super) fn backfill_of(account: &Value) -> Option<String> {
    let back = &account["backfill"];
    let since = back["since"].as_str()?;
    let read = count(&show(back, "read"), "order");
    Some(match (back["is_done"] == true, back["up_to"].as_str()) {
        (true, _) => format!("{read} read since {since}, done"),
        (false, Some(up_to)) => format!("{read} read since {since}, up to {up_to}"),
        (false, None) => format!("orders since {since} are to be read"),
    })
}

/// The words of what is paused, as a list of accounts shows them.
pub(super) fn brief(account: &Value) -> Option<String> {
    let pauses = account["paused"].as_array().into_iter().flatten();
    let names: Vec<&str> = pauses.filter_map(|pause| pause["what"].as_str()).collect();
    (!names.is_empty()).then(|| format!("{} paused", names.join("+")))
}
