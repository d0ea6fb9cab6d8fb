//! `oneshelf freeze` and `unfreeze`: the red button, with a look at what it means.

use serde_json::{Value, json};

use super::{
    accounts::changed,
    client::{Client, Connect, encode},
    out::{Out, count, show},
};
use crate::exit::Exit;

/// What happens to levels that wait when an account is written to.
pub(super) const WRITTEN: &str = "would be written";

/// Stops writing to accounts, after showing what would be held back.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// Which accounts.
    #[arg(required_unless_present_any = ["all", "undo"], conflicts_with_all = ["all", "undo"])]
    accounts: Vec<String>,
    /// All accounts.
    #[arg(long, conflicts_with = "undo")]
    all: bool,
    /// Take the last freeze back.
    #[arg(long)]
    undo: bool,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
    /// Do it; without this it is only shown what would happen.
    #[arg(long)]
    yes: bool,
}

/// Lets writing go on, after showing what would be written.
#[derive(Debug, clap::Args)]
pub struct UnfreezeArgs {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// Which accounts.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    accounts: Vec<String>,
    /// All accounts.
    #[arg(long)]
    all: bool,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
    /// Do it; without this it is only shown what would happen.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if args.undo {
        return undo(args, client, out).await;
    }
    let accounts = which(&args.accounts, args.all, client).await?;
    if !args.yes {
        preview(&accounts, "would be held back", client, out).await?;
        return not_yet(out);
    }
    // As one act, so that it can be taken back as one.
    let body = signed(json!({ "accounts": accounts }), args.by.as_ref());
    let frozen = client.post("/freeze", &body).await?;
    tell(&frozen, "Frozen", "they were frozen before", out)
}

pub(super) async fn run_back(
    args: &UnfreezeArgs,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let accounts = which(&args.accounts, args.all, client).await?;
    if !args.yes {
        preview(&accounts, WRITTEN, client, out).await?;
        return not_yet(out);
    }
    for account in &accounts {
        let path = format!("/accounts/{}/unfreeze", encode(account));
        let body = signed(json!({}), args.by.as_ref());
        changed(&client.post(&path, &body).await?, out)?;
    }
    Ok(Exit::Good)
}

/// A body with who says so.
fn signed(mut body: Value, by: Option<&String>) -> Value {
    if let Some(by) = by {
        body["by"] = json!(by);
    }
    body
}

async fn undo(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if args.yes {
        let body = signed(json!({}), args.by.as_ref());
        let undone = client.post("/freeze/undo", &body).await?;
        return tell(
            &undone,
            "Written to again",
            "none of them is configured any more",
            out,
        );
    }
    let last = client.get("/freeze").await?;
    if last["at"].is_null() || !last["undone_at"].is_null() {
        out.line("There is no freeze to take back.")?;
        return Ok(Exit::Finding);
    }
    if !out.is_json() {
        let by = match last["by"].as_str() {
            Some(by) => format!(" by {by}"),
            None => String::new(),
        };
        out.line(&format!(
            "The last freeze was on {}{by}.",
            show(&last, "at")
        ))?;
    }
    preview(&names(&last), WRITTEN, client, out).await?;
    not_yet(out)
}

async fn which(named: &[String], all: bool, client: &Client) -> anyhow::Result<Vec<String>> {
    let mut accounts = named.to_vec();
    if all {
        let all = client.get("/accounts").await?;
        let ids = all["items"].as_array().into_iter().flatten();
        accounts.extend(ids.filter_map(|account| account["id"].as_str().map(str::to_owned)));
    }
    Ok(accounts)
}

async fn preview(
    accounts: &[String],
    fate: &str,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    for account in accounts {
        let path = format!("/accounts/{}/freeze-preview", encode(account));
        plan(&client.get(&path).await?, fate, out)?;
    }
    Ok(())
}

fn names(freeze: &Value) -> Vec<String> {
    let names = freeze["accounts"].as_array().into_iter().flatten();
    names
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

fn tell(freeze: &Value, what: &str, nothing: &str, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let names = names(freeze);
    if out.is_json() {
        out.objects([freeze])?;
    } else if names.is_empty() {
        out.line(&format!("Nothing changed: {nothing}."))?;
    } else {
        out.line(&format!("{what}: {}.", names.join(", ")))?;
    }
    Ok(Exit::Good)
}

/// What waits to be written to an account.
pub(super) fn plan(plan: &Value, fate: &str, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([plan]);
    }
    let of = |path: &str| show(plan, path);
    out.line(&format!(
        "{}: {} and {} {fate}; {} at risk now.",
        of("account"),
        count(&of("pushes_waiting"), "level"),
        count(&of("intents_waiting"), "intent"),
        count(&of("units_at_risk"), "unit")
    ))?;
    breaker(plan, fate, out)?;
    let writes = plan["writes"].as_array().map_or(&[][..], Vec::as_slice);
    if writes.is_empty() {
        return Ok(());
    }
    out.table(
        writes,
        &[
            ("  SKU", &|write| format!("  {}", show(write, "sku"))),
            ("LISTING", &|write| show(write, "listing")),
            ("FROM", &|write| show(write, "from")),
            ("TO", &|write| show(write, "to")),
        ],
    )?;
    let left = plan["pushes_waiting"].as_u64().unwrap_or(0);
    let shown = u64::try_from(writes.len()).unwrap_or(u64::MAX);
    if left > shown {
        out.line(&format!("  and {} more", left - shown))?;
    }
    Ok(())
}

/// What of it the breaker keeps back, or would.
fn breaker(plan: &Value, fate: &str, out: &mut Out<'_>) -> anyhow::Result<()> {
    let account = show(plan, "account");
    if plan["breaker_would_hold"] == true && fate == WRITTEN {
        out.line(&format!(
            "{} of these no order caused: more than the breaker lets pass, so it would hold them until \
             `oneshelf accounts lift {account} --writes --yes`.",
            count(&show(plan, "sudden_zeroes"), "zero level"),
        ))?;
    }
    match plan["held"].as_u64() {
        None | Some(0) => Ok(()),
        Some(held) => out.line(&format!(
            "{} besides are held by the breaker and stay so: `oneshelf accounts breaker {account}`.",
            count(&held.to_string(), "level"),
        )),
    }
}

/// Says that nothing was done. No success, or a script without --yes would take it for done.
pub(super) fn not_yet(out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if !out.is_json() {
        out.line("Nothing was changed. Add --yes to do it.")?;
    }
    Ok(Exit::Finding)
}
