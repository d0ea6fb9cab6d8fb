//! `oneshelf accounts`: what each account is and does, and what it may do.

use clap::{Subcommand, ValueEnum};
use engine::views::COUNTED_MAX;
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode},
    freeze,
    out::{Out, show},
    pausing,
};
use crate::exit::Exit;

/// Lists accounts, and sets what they may do.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists all accounts.
    List,
    /// Shows one account.
    Show {
        /// Its name.
        account: String,
    },
    /// Sets what an account may do, after showing what would be written.
    Mode {
        /// Its name.
        account: String,
        /// What it may do.
        mode: Mode,
        /// Do it; without this it is only shown what would happen.
        #[arg(long)]
        yes: bool,
    },
    /// Shows whether too much happened at once on an account, and what is held because of it.
    Breaker {
        /// Its name.
        account: String,
    },
    /// Lifts the breaker of an account, after showing what it holds.
    Lift {
        /// Its name.
        account: String,
        #[command(flatten)]
        side: Sides,
        /// The shop is right: what it shows is taken into the stock.
        #[arg(long, group = "right", conflicts_with = "writes")]
        take_theirs: bool,
        /// We are right: our levels are written again.
        #[arg(long, group = "right")]
        keep_ours: bool,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
        /// Do it; without this it is only shown what is held.
        #[arg(long)]
        yes: bool,
    },
    /// Reads orders and listings now.
    Poll {
        /// Its name.
        account: String,
    },
    /// Compares all levels now.
    Reconcile {
        /// Its name.
        account: String,
    },
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Sides {
    /// On the side of what the shop shows.
    #[arg(long, requires = "right")]
    source: bool,
    /// On the side of the zeroes that we were about to write.
    #[arg(long)]
    writes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Nothing at all.
    Off,
    /// Read, match and compare; write nothing outside.
    Observe,
    /// Everything.
    Live,
    /// What the configuration says.
    Configured,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match args.what.as_ref().unwrap_or(&What::List) {
        What::List => {
            let accounts = client.get("/accounts").await?["items"].take();
            table(accounts.as_array().map_or(&[], Vec::as_slice), out)?;
            Ok(Exit::Good)
        }
        What::Show { account } => {
            let account = client
                .get(&format!("/accounts/{}", encode(account)))
                .await?;
            show_one(&account, out)?;
            Ok(Exit::Good)
        }
        What::Mode { account, mode, yes } => {
            let word = match mode {
                Mode::Off => json!("off"),
                Mode::Observe => json!("observe"),
                Mode::Live => json!("live"),
                Mode::Configured => Value::Null,
            };
            let path = format!("/accounts/{}/mode", encode(account));
            let body = json!({ "mode": word });
            if !yes {
                let plan = client.post(&format!("{path}?dry_run=true"), &body).await?;
                let fate = match mode {
                    Mode::Live => freeze::WRITTEN,
                    Mode::Off | Mode::Observe => "would be held back",
                    Mode::Configured => "wait",
                };
                freeze::plan(&plan, fate, out)?;
                return freeze::not_yet(out);
            }
            changed(&client.post(&path, &body).await?, out)
        }
        What::Breaker { account } => {
            let path = format!("/accounts/{}/breaker", encode(account));
            breaker(&client.get(&path).await?, None, out)?;
            Ok(Exit::Good)
        }
        What::Lift { .. } => lift(args, client, out).await,
        What::Poll { account } => begin(client, (account, "poll"), &json!({}), out).await,
        What::Reconcile { account } => begin(client, (account, "reconcile"), &json!({}), out).await,
    }
}

async fn lift(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let Some(What::Lift {
        account,
        side,
        take_theirs,
        keep_ours: _,
        by,
        yes,
    }) = &args.what
    else {
        return Ok(Exit::Good);
    };
    let side = if side.writes { "writes" } else { "source" };
    let path = format!("/accounts/{}/breaker", encode(account));
    if !yes {
        let shown = client.get(&path).await?;
        breaker(&shown, Some(side), out)?;
        if shown[side].is_null() {
            return Ok(Exit::Good);
        }
        if *take_theirs && !out.is_json() {
            out.line(
                "A level that does not tell how many there are (of a kit, or behind a share or a maximum) \
                 cannot be taken: it stays held until you settle it by itself.",
            )?;
        }
        return freeze::not_yet(out);
    }
    let right = if *take_theirs { "theirs" } else { "ours" };
    let mut body = json!({ "side": side, "right": right });
    if let Some(by) = by {
        body["by"] = json!(by);
    }
    let receipt = client.post(&format!("{path}/lift"), &body).await?;
    if out.is_json() {
        out.objects([&receipt])?;
    } else {
        out.line(&format!("The breaker of {account} is lifted ({side})."))?;
        let shown = client.get(&path).await?;
        let held = shown["held"].as_array().into_iter().flatten();
        let left = held.filter(|held| held["side"] == side).count();
        if left > 0 {
            out.line(&format!(
                "{left} levels could not be taken and stay held: settle each \
                 (oneshelf drift list --account {account})."
            ))?;
        }
    }
    Ok(Exit::Good)
}

/// Whether too much happened at once on an account, and what is held on one side or both.
fn breaker(breaker: &Value, side: Option<&str>, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([breaker]);
    }
    let account = show(breaker, "account");
    for (of, what) in [
        (
            "source",
            "jumped or went to zero in the shop, and no order explains it",
        ),
        ("writes", "were to be set to zero here by no order"),
    ] {
        if side.is_some_and(|side| side != of) {
            continue;
        }
        let trip = &breaker[of];
        out.line(&if trip.is_null() {
            format!("{account}: has not tripped ({of}).")
        } else {
            let (listings, all, at) = (show(trip, "listings"), show(trip, "of"), show(trip, "at"));
            format!("{account}: {listings} of {all} listings {what}; since {at} ({of}).")
        })?;
    }
    let held = breaker["held"].as_array().into_iter().flatten();
    let held: Vec<Value> = held
        .filter(|held| side.is_none_or(|side| held["side"] == side))
        .cloned()
        .collect();
    out.table(
        &held,
        &[
            ("SKU", &|held| show(held, "sku")),
            ("LISTING", &|held| show(held, "listing")),
            ("SIDE", &|held| show(held, "side")),
            ("SHOWS", &|held| show(held, "shows")),
            ("SHOULD", &|held| show(held, "wanted")),
            ("HELD SINCE", &|held| show(held, "since")),
        ],
    )?;
    let (count, shown) = (breaker["held_count"].as_u64(), held.len());
    let more = count
        .unwrap_or(0)
        .saturating_sub(u64::try_from(shown).unwrap_or(0));
    if side.is_none() && more > 0 {
        out.line(&format!("and {more} more"))?;
    }
    Ok(())
}

/// How far the comparison of its levels has come.
pub(super) fn comparison(account: &Value) -> String {
    let run = &account["comparison"];
    if run.is_null() {
        return "-".to_owned();
    }
    let of = |path: &str| show(run, path);
    match run["finished_at"].as_str() {
        Some(at) => format!("all {} until {at}", of("compared")),
        None => format!(
            "{} of {} since {}",
            of("compared"),
            of("all"),
            of("began_at")
        ),
    }
}

pub(super) async fn begin(
    client: &Client,
    (account, what): (&str, &str),
    body: &Value,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let path = format!("/accounts/{}/{what}", encode(account));
    let begun = client.post(&path, body).await?;
    if out.is_json() {
        out.objects([&begun])?;
    } else {
        let status = match begun["status"].as_str() {
            Some("under_way") => "is under way already",
            Some(_) | None => "begins",
        };
        out.line(&format!("{account}: {what} {status}."))?;
    }
    Ok(Exit::Good)
}

/// What waits, which is counted up to a limit.
fn waiting(account: &Value, path: &str) -> String {
    let said = show(account, path);
    match said.parse::<usize>() {
        Ok(number) if number >= COUNTED_MAX => format!("{COUNTED_MAX} or more"),
        Ok(_) | Err(_) => said,
    }
}

/// All accounts, a line each.
pub(super) fn table(accounts: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.table(
        accounts,
        &[
            ("ACCOUNT", &|account| show(account, "id")),
            ("CHANNEL", &|account| show(account, "channel")),
            ("MODE", &mode),
            ("ORDERS", &|account| show(account, "counts.orders")),
            ("LISTINGS", &|account| show(account, "counts.listings")),
            ("WAITING", &|account| {
                waiting(account, "counts.pushes_waiting")
            }),
            ("COMPARED", &compared),
            ("LAST POLL", &|account| show(account, "health.last_poll_at")),
            ("TROUBLE", &trouble),
        ],
    )
}

/// How many of its listings the last comparison has looked at.
fn compared(account: &Value) -> String {
    if account["comparison"].is_null() {
        return "-".to_owned();
    }
    let of = |path: &str| show(account, path);
    format!("{}/{}", of("comparison.compared"), of("comparison.all"))
}

fn mode(account: &Value) -> String {
    let mode = show(account, "mode");
    let frozen = (account["is_frozen"] == true).then(|| "frozen".to_owned());
    let words = [Some(mode), frozen, pausing::brief(account)];
    let words: Vec<String> = words.into_iter().flatten().collect();
    words.join(", ")
}

/// Who stopped writing, and since when.
fn frozen(account: &Value) -> String {
    match (account["is_frozen"] == true, account["frozen_by"].as_str()) {
        (false, _) => "-".to_owned(),
        (true, None) => "yes".to_owned(),
        (true, Some(by)) => format!("by {by} since {}", show(account, "frozen_at")),
    }
}

/// What is wrong now: a tripped breaker, or an error that no success followed.
fn trouble(account: &Value) -> String {
    let health = &account["health"];
    if !account["source_tripped"].is_null() {
        return "breaker: the shop jumped (accounts breaker)".to_owned();
    }
    if !account["writes_tripped"].is_null() {
        return "breaker: zeroes wait (accounts breaker)".to_owned();
    }
    if health["is_unauthorized"] == true {
        return "its credentials are refused".to_owned();
    }
    let at = |key: &str| health[key].as_str().unwrap_or_default().to_owned();
    if at("last_error_at") > at("last_success_at") {
        show(health, "last_error")
    } else {
        "-".to_owned()
    }
}

/// What our own pace lets through now.
fn calls_left(account: &Value) -> String {
    match account["quota"]["calls"].as_u64() {
        Some(calls) => format!("{calls} of {}", show(account, "quota.calls_most")),
        None => "unknown".to_owned(),
    }
}

/// What the channel said last that is left.
fn said_left(account: &Value) -> String {
    let of = |path: &str| show(account, path);
    match account["quota"]["said"].as_object() {
        Some(said) => {
            let most = said["of"].as_u64().map(|most| format!(" of {most}"));
            let most = most.unwrap_or_default();
            let (left, unit) = (of("quota.said.left"), of("quota.said.unit"));
            format!("{left}{most} {unit}, at {}", of("quota.said.at"))
        }
        None => "-".to_owned(),
    }
}

fn show_one(account: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([account]);
    }
    let of = |path: &str| show(account, path);
    out.pairs(&[
        ("account", of("id")),
        ("channel", of("channel_title")),
        ("shop", of("health.shop")),
        ("version", of("health.version")),
        ("mode", mode(account)),
        ("frozen", frozen(account)),
        ("configured", of("configured_mode")),
        ("writes", of("may_write")),
        ("its number means", of("quantity_means")),
        (
            "orders",
            format!("{}, {} open", of("counts.orders"), of("counts.orders_open")),
        ),
        ("listings", of("counts.listings")),
        ("calls left", calls_left(account)),
        ("left, it said", said_left(account)),
        (
            "waiting",
            format!(
                "{} pushes, {} intents",
                waiting(account, "counts.pushes_waiting"),
                waiting(account, "counts.intents_waiting")
            ),
        ),
        ("unreadable", waiting(account, "counts.signals_parked")),
        ("last poll", of("health.last_poll_at")),
        ("stock is decided by", of("stock_authority")),
        ("held by the breaker", waiting(account, "counts.held")),
        ("comparison", comparison(account)),
        ("last comparison", of("health.last_reconcile_at")),
        ("last success", of("health.last_success_at")),
        ("trouble", trouble(account)),
    ])?;
    if let Some(back) = pausing::backfill_of(account) {
        out.line(&format!("backfill: {back}"))?;
    }
    for pause in pausing::lines(account) {
        out.line(&format!("paused: {pause}"))?;
    }
    for warning in account["health"]["warnings"]
        .as_array()
        .into_iter()
        .flatten()
    {
        out.line(&format!(
            "warning: {}",
            warning.as_str().unwrap_or_default()
        ))?;
    }
    Ok(())
}

/// What an account may do after a change.
pub(super) fn changed(change: &Value, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if out.is_json() {
        out.objects([change])?;
    } else {
        let writes = if change["may_write"] == true {
            "is written to"
        } else {
            "is not written to"
        };
        let account = show(change, "account");
        out.line(&format!("{account} is {} and {writes}.", mode(change)))?;
    }
    Ok(Exit::Good)
}
