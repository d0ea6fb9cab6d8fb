//! `oneshelf insight`: what sold by day, how long it took, and what sells best and worst.

use serde_json::Value;

use super::{
    client::{Client, Connect, query},
    out::{Out, money, show},
};
use crate::exit::Exit;

/// Shows what sold, how long it took, and what sells best and worst.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// Of so many days, today included: 7, 30 or 90.
    #[arg(long, default_value_t = 30)]
    days: u16,
    /// Only of this account.
    #[arg(long)]
    account: Option<String>,
    /// The sums of each day as CSV, and nothing else.
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(asked: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let filters = query(&[
        ("account", asked.account.clone()),
        ("days", Some(asked.days.to_string())),
    ]);
    if asked.csv {
        let (_, csv) = client.fetch(&format!("/insight/days{filters}")).await?;
        out.bytes(&csv)?;
        return Ok(Exit::Good);
    }
    let found = client.get(&format!("/insight{filters}")).await?;
    if out.is_json() {
        out.objects([&found])?;
        return Ok(Exit::Good);
    }
    days(&found, out)?;
    out.line("")?;
    out.table(
        list(&found, "times"),
        &[
            ("UNTIL", &|one| show(one, "stretch")),
            ("ORDERS", &|one| show(one, "orders")),
            ("HALF WITHIN S", &|one| show(one, "p50_s")),
            ("95 OF 100 WITHIN S", &|one| show(one, "p95_s")),
        ],
    )?;
    for (name, title) in [
        ("best", "Sells best:"),
        ("slow", "Lies there and sells least:"),
        ("low", "Sells and runs out first:"),
    ] {
        out.line("")?;
        out.line(title)?;
        out.table(
            list(&found, name),
            &[
                ("SKU", &|one| show(one, "sku")),
                ("SOLD", &|one| show(one, "units")),
                ("ORDERS", &|one| show(one, "orders")),
                ("ON HAND", &|one| show(one, "on_hand")),
                ("DAYS LEFT", &|one| show(one, "days_left")),
                ("TITLE", &|one| show(one, "title")),
            ],
        )?;
    }
    if found["is_summing"] == true {
        out.line("")?;
        out.line("Orders of before are still being summed: there will be more.")?;
    }
    Ok(Exit::Good)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// A day of an account, with a currency after the other.
fn days(found: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let takings = |day: &Value| {
        let takings = list(day, "takings").iter();
        let takings: Vec<String> = takings.map(|one| money(one, "total")).collect();
        takings.join(", ")
    };
    out.table(
        list(found, "days"),
        &[
            ("DAY", &|day| show(day, "day").chars().take(10).collect()),
            ("ACCOUNT", &|day| show(day, "account")),
            ("ORDERS", &|day| show(day, "orders")),
            ("CANCELED", &|day| show(day, "canceled")),
            ("REVENUE", &takings),
        ],
    )
}
