//! `oneshelf drift`: levels that changed and that no order explains, and whose number is right.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode, query},
    out::{Out, show},
};
use crate::exit::Exit;

/// Lists levels that no order explains, shows the evidence, and settles them.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists cases: the open ones, or all.
    List {
        /// Only of this account.
        #[arg(long)]
        account: Option<String>,
        /// Also those that are settled.
        #[arg(long)]
        all: bool,
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Shows a case with its evidence.
    Show {
        /// Which case.
        drift: String,
    },
    /// Says whose number is right; it can be said anew.
    Settle {
        /// Which case.
        drift: String,
        #[command(flatten)]
        right: Right,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
}

/// Whose number is right.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Right {
    /// The shop is right: the difference becomes a movement of the stock.
    #[arg(long)]
    take_theirs: bool,
    /// We are right: our level is written again.
    #[arg(long)]
    keep_ours: bool,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let open = What::List {
        account: None,
        all: false,
        limit: 1000,
    };
    match args.what.as_ref().unwrap_or(&open) {
        What::List {
            account,
            all,
            limit,
        } => {
            let path = query(&[
                ("account", account.clone()),
                ("open", (!all).then(|| "true".to_owned())),
            ]);
            let cases = client.list(&format!("/drift{path}"), *limit).await?;
            table(&cases, out)?;
        }
        What::Show { drift } => show_one(client, drift, out).await?,
        What::Settle { drift, right, by } => {
            let right = if right.take_theirs { "theirs" } else { "ours" };
            let mut body = json!({ "right": right });
            if let Some(by) = by {
                body["by"] = json!(by);
            }
            let path = format!("/drift/{}/settle", encode(drift));
            let receipt = client.post(&path, &body).await?;
            if out.is_json() {
                out.objects([&receipt])?;
            } else {
                show_one(client, drift, out).await?;
            }
        }
    }
    Ok(Exit::Good)
}

fn table(cases: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.table(
        cases,
        &[
            ("CASE", &|case| show(case, "id")),
            ("ACCOUNT", &|case| show(case, "account")),
            ("SKU", &|case| show(case, "sku")),
            ("SHOULD", &|case| show(case, "expected")),
            ("SHOWED", &|case| show(case, "observed")),
            ("SINCE", &|case| show(case, "opened_at")),
            ("STATE", &state),
        ],
    )
}

fn state(case: &Value) -> String {
    match (case["closed_at"].is_null(), case["is_held"] == true) {
        (true, true) => "held by the breaker".to_owned(),
        (true, false) => "open".to_owned(),
        (false, _) => show(case, "way"),
    }
}

async fn show_one(client: &Client, drift: &str, out: &mut Out<'_>) -> anyhow::Result<()> {
    let case = client.get(&format!("/drift/{}", encode(drift))).await?;
    if out.is_json() {
        return out.objects([&case]);
    }
    let of = |path: &str| show(&case, path);
    let level = |path: &str| match case["evidence"][path].is_null() {
        true => "never".to_owned(),
        false => format!(
            "{} on {}",
            show(&case["evidence"][path], "quantity"),
            show(&case["evidence"][path], "at")
        ),
    };
    let orders: Vec<&str> = case["evidence"]["orders"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let one_by_one = if orders.is_empty() {
        "no open order of it".to_owned()
    } else {
        format!("one by one {}", orders.join(", "))
    };
    let by = match case["evidence"]["author"]["name"].as_str() {
        Some(name) => name.to_owned(),
        None => "the channel does not say".to_owned(),
    };
    out.pairs(&[
        ("case", of("id")),
        (
            "listing",
            format!("{} of {} on {}", of("listing"), of("sku"), of("account")),
        ),
        ("should have shown", of("expected")),
        ("we believed", level("believed")),
        ("it showed", level("shown")),
        ("changed by", by),
        (
            "orders read again",
            format!("since {}; {one_by_one}", of("evidence.orders_read_at")),
        ),
        ("we last wrote", level("sent")),
        ("it last took", level("acknowledged")),
        ("taking it would change the stock by", of("difference")),
        ("state", state(&case)),
        ("settled by", of("settled_by")),
    ])?;
    out.line(&of("text"))
}
