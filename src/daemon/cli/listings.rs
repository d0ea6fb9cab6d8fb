//! `oneshelf listings`: what each listing should show, was told and shows.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    audit,
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
    /// Lists what waits because nobody knows which item it is, with what may be meant.
    Unmapped {
        /// Only of this account.
        #[arg(long)]
        account: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Compares price, title and barcode that each channel shows with the items; nothing is written.
    Audit {
        /// Only of this account.
        #[arg(long)]
        account: Option<String>,
        /// Only one of `price`, `title` and `barcode`.
        #[arg(long, value_parser = ["price", "title", "barcode"])]
        what: Option<String>,
    },
    /// Says which item a listing is: all orders that wait for it go on, and later ones are mapped when they
    /// come.
    Map {
        /// On which account.
        account: String,
        /// The channel's id of it, or the SKU that it has there.
        listing: String,
        /// The item.
        #[arg(required_unless_present = "remove")]
        sku: Option<String>,
        /// Takes back what was said. Lines that were mapped stay so.
        #[arg(long, conflicts_with = "sku")]
        remove: bool,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
    /// Lists the last tries to write a listing, with what was sent and what the channel answered.
    Attempts {
        /// On which account.
        account: String,
        /// The channel's id of it.
        listing: String,
        /// How many at most.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
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
        Some(What::Unmapped { account, limit }) => {
            unmapped(account.as_deref(), *limit, client, out).await?;
        }
        Some(What::Audit { account, what }) => {
            audit::run(account.as_deref(), what.as_deref(), client, out).await?;
        }
        Some(What::Map {
            account,
            listing,
            sku,
            by,
            ..
        }) => map((account, listing), sku.as_deref(), by, client, out).await?,
        Some(What::Attempts {
            account,
            listing,
            limit,
        }) => attempts((account, listing), *limit, client, out).await?,
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

async fn attempts(
    (account, listing): (&str, &str),
    limit: usize,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let path = format!("/listings/{}/{}/attempts", encode(account), encode(listing));
    let tries = client.list(&path, limit).await?;
    if tries.is_empty() && !out.is_json() {
        return out.line(&format!("{listing} on {account} was never written."));
    }
    out.table(
        &tries,
        &[
            ("AT", &|one| show(one, "at")),
            ("MS", &|one| show(one, "latency_ms")),
            ("REQUEST", &|one| show(one, "request")),
            ("RESULT", &|one| show(one, "result")),
        ],
    )
}

async fn map(
    (account, listing): (&str, &str),
    sku: Option<&str>,
    by: &Option<String>,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let mut body = json!({ "account": account, "listing": listing, "by": by });
    let path = match sku {
        Some(sku) => {
            body["sku"] = json!(sku);
            "/listings/map"
        }
        None => "/listings/unmap",
    };
    let receipt = client.post(path, &body).await?;
    if out.is_json() {
        return out.objects([&receipt]);
    }
    let said = match (sku, receipt["effect"] == "done") {
        (Some(sku), true) => format!(
            "{listing} on {account} is {sku} from now on. Orders that wait for it go on by themselves; `oneshelf \
             listings unmapped` lists what still waits."
        ),
        (Some(sku), false) => format!("{listing} on {account} was {sku} already."),
        (None, true) => format!(
            "{listing} on {account} is again what its channel says. Lines of orders that were mapped stay what they \
             are."
        ),
        (None, false) => format!("Nobody has said which item {listing} on {account} is."),
    };
    out.line(&said)
}

async fn unmapped(
    account: Option<&str>,
    limit: usize,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let path = query(&[("account", account.map(str::to_owned))]);
    let waiting = client
        .list(&format!("/listings/unmapped{path}"), limit)
        .await?;
    if !out.is_json() && waiting.is_empty() {
        return out.line("Nothing waits: of each listing and line it is known which item it is.");
    }
    out.table(
        &waiting,
        &[
            ("ACCOUNT", &|one| show(one, "account")),
            ("LISTING", &|one| show(one, "listing")),
            ("CHANNEL SKU", &|one| show(one, "channel_sku")),
            ("TITLE", &|one| show(one, "title")),
            ("ORDERS", &|one| show(one, "orders")),
            ("UNITS", &|one| show(one, "units")),
        ],
    )?;
    if out.is_json() {
        return Ok(());
    }
    for one in &waiting {
        for suggested in one["suggestions"].as_array().into_iter().flatten() {
            out.line(&may_be(one, suggested))?;
        }
    }
    out.line("Say what one is with `oneshelf listings map ACCOUNT LISTING SKU`.")
}

/// What may be meant, and why.
fn may_be(waiting: &Value, suggested: &Value) -> String {
    let what = match &waiting["name"] {
        Value::String(name) => name.clone(),
        _ => show(waiting, "title"),
    };
    format!(
        "{what} on {} may be {}, {} ({}).",
        show(waiting, "account"),
        show(suggested, "sku"),
        show(suggested, "title"),
        show(suggested, "because")
    )
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
