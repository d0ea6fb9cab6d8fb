//! `oneshelf freeze` and `unfreeze`: the red button, with a look at what it means.

use serde_json::{Value, json};

use super::{
    accounts::changed,
    client::{Client, Connect, encode},
    out::{Out, count, show},
};
use crate::exit::Exit;

/// Stops writing to accounts, after showing what would be held back.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(flatten)]
    which: Which,
}

/// Lets writing go on, after showing what would be written.
#[derive(Debug, clap::Args)]
pub struct UnfreezeArgs {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Which accounts.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    accounts: Vec<String>,
    /// All accounts.
    #[arg(long)]
    all: bool,
    /// Do it; without this it is only shown what would happen.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    each(&args.which, "freeze", "would be held back", client, out).await
}

pub(super) async fn run_back(
    args: &UnfreezeArgs,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    each(&args.which, "unfreeze", "would be written", client, out).await
}

async fn each(
    which: &Which,
    verb: &str,
    fate: &str,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let mut accounts = which.accounts.clone();
    if which.all {
        let all = client.get("/accounts").await?;
        let ids = all["items"].as_array().into_iter().flatten();
        accounts.extend(ids.filter_map(|account| account["id"].as_str().map(str::to_owned)));
    }
    for account in &accounts {
        let path = format!("/accounts/{}/{verb}", encode(account));
        if which.yes {
            changed(&client.post(&path, &json!({})).await?, out)?;
        } else {
            let dry = format!("{path}?dry_run=true");
            plan(&client.post(&dry, &json!({})).await?, fate, out)?;
        }
    }
    if which.yes {
        Ok(Exit::Good)
    } else {
        not_yet(out)
    }
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

/// Says that nothing was done.
pub(super) fn not_yet(out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if !out.is_json() {
        out.line("Nothing was changed. Add --yes to do it.")?;
    }
    Ok(Exit::Finding)
}
