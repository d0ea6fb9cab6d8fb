//! `oneshelf listings`: what each listing should show, was told and shows.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode, query},
    out::{Out, show},
};
use crate::exit::Exit;

/// Lists listings: what each should show, was told, and shows.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// Only of this account.
    #[arg(long)]
    account: Option<String>,
    /// Only of this item.
    #[arg(long)]
    sku: Option<String>,
    /// Only those that wait for a person.
    #[arg(long)]
    parked: bool,
    /// Only those that are told nothing.
    #[arg(long)]
    suppressed: bool,
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Offers a listing again that ended by its rule (`end_when`).
    Lift {
        /// On which account.
        account: String,
        /// The channel's id of it.
        listing: String,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match &args.what {
        None => list(args, client, out).await?,
        Some(What::Lift {
            account,
            listing,
            by,
        }) => {
            let path = format!("/listings/{}/{}/lift", encode(account), encode(listing));
            let receipt = client.post(&path, &json!({ "by": by })).await?;
            if out.is_json() {
                out.objects([&receipt])?;
            } else {
                out.line(&format!("{listing} on {account} is offered again."))?;
            }
        }
    }
    Ok(Exit::Good)
}

async fn list(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let path = query(&[
        ("account", args.account.clone()),
        ("sku", args.sku.clone()),
        ("parked", args.parked.then(|| "true".to_owned())),
        ("suppressed", args.suppressed.then(|| "true".to_owned())),
    ]);
    let listings = client.list(&format!("/listings{path}"), args.limit).await?;
    out.table(
        &listings,
        &[
            ("ACCOUNT", &|listing| show(listing, "account")),
            ("SKU", &|listing| show(listing, "sku")),
            ("LISTING", &|listing| show(listing, "listing")),
            ("WANTED", &|listing| show(listing, "wanted.quantity")),
            ("SENT", &|listing| show(listing, "sent.quantity")),
            ("TAKEN", &|listing| show(listing, "acknowledged.quantity")),
            ("SHOWS", &|listing| show(listing, "believed.quantity")),
            ("LAG MS", &|listing| show(listing, "lag_ms")),
            ("NOTE", &note),
        ],
    )
}

/// What is special about it.
fn note(listing: &Value) -> String {
    if let Some(reason) = listing["parked"].as_str() {
        return format!("parked: {reason}");
    }
    if let Some(reason) = listing["suppressed"]["reason"].as_str() {
        return reason.to_owned();
    }
    if let Some(reason) = listing["held"].as_str() {
        return format!("held: {reason}");
    }
    if listing["would_write"].is_object() {
        let (from, to) = (
            show(listing, "would_write.from"),
            show(listing, "would_write.to"),
        );
        return format!("would write {from} to {to}");
    }
    if let Some(until) = listing["spared_until"].as_str() {
        return format!("written often enough today; again from {until}");
    }
    if listing["is_drifting"] == true {
        return "drifting".to_owned();
    }
    if let Some(reason) = listing["zeroed"]["reason"].as_str() {
        return format!("0 because {reason}");
    }
    if listing["owed"].as_f64().is_some_and(|owed| owed > 0.0) {
        let owed = show(listing, "owed");
        return format!("{owed} of it are not there and may be owed");
    }
    "-".to_owned()
}
