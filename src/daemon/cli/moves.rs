//! `oneshelf stock transfer`, `expect`, `receive`, `sort`, `count`: stock that moves, and stocktakes.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{
    client::{Client, encode},
    out::{Out, show},
    stock,
};

/// What can be done with stock that moves.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Sends units from one location to another; they are sellable again when they are received there.
    Transfer(Transfer),
    /// Lists what is on its way.
    Arrivals {
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Notes units that are to come in.
    Expect(Expect),
    /// Takes units in: of an arrival, in part or whole, or such that nobody announced.
    Receive(Receive),
    /// Says that the rest of an arrival will not come.
    GiveUp {
        /// Of which item.
        sku: String,
        /// Which arrival.
        arrival: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Finds units to be in another condition.
    Sort(Sort),
    /// Lists stocktakes.
    Counts {
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Counts what lies at a location, while sales go on.
    Count {
        #[command(subcommand)]
        what: Count,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Transfer {
    /// Which item.
    sku: String,
    /// How many.
    #[arg(allow_negative_numbers = true)]
    units: String,
    /// From where.
    #[arg(long)]
    from: String,
    /// To where.
    #[arg(long)]
    to: String,
    /// When it should be there (RFC 3339).
    #[arg(long)]
    due: Option<String>,
    /// It is there already.
    #[arg(long)]
    at_once: bool,
    /// What people call it.
    #[arg(long)]
    reference: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Expect {
    /// Which item.
    sku: String,
    /// How many.
    #[arg(allow_negative_numbers = true)]
    units: String,
    /// Where; the usual place when it is not said.
    #[arg(long)]
    location: Option<String>,
    /// When (RFC 3339).
    #[arg(long)]
    due: Option<String>,
    /// The number of an order, a supplier's name.
    #[arg(long)]
    reference: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Receive {
    /// Which item.
    sku: String,
    /// How many; all that has not come of the arrival when it is not said.
    #[arg(allow_negative_numbers = true, required_unless_present = "arrival")]
    units: Option<String>,
    /// Which arrival it was, if it was announced.
    #[arg(long)]
    arrival: Option<String>,
    /// Where; where it was expected, or at the usual place.
    #[arg(long)]
    location: Option<String>,
    /// In which condition: sellable, damaged, quality or returned_unchecked.
    #[arg(long)]
    condition: Option<String>,
    /// What people call it.
    #[arg(long)]
    reference: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Sort {
    /// Which item.
    sku: String,
    /// How many.
    #[arg(allow_negative_numbers = true)]
    units: String,
    /// In which condition they were.
    #[arg(long)]
    from: String,
    /// In which they are: sellable, damaged, quality or returned_unchecked.
    #[arg(long)]
    to: String,
    /// Where; the usual place when it is not said.
    #[arg(long)]
    location: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Count {
    /// Opens a stocktake. Do this before you begin to count.
    Open {
        /// Where; the usual place when it is not said.
        #[arg(long)]
        location: Option<String>,
        /// Only these items.
        #[arg(long = "sku")]
        skus: Vec<String>,
        /// A difference above so many units is counted again before it is believed; 2 when it is not said.
        #[arg(long)]
        recount_above: Option<String>,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
    /// Says how many of an item were counted.
    Enter {
        /// In which stocktake.
        count: String,
        /// Which item.
        sku: String,
        /// How many.
        #[arg(allow_negative_numbers = true)]
        units: String,
        /// When it was counted (RFC 3339); just now when it is not said.
        #[arg(long)]
        as_of: Option<String>,
        /// Who counted.
        #[arg(long)]
        by: Option<String>,
    },
    /// Shows a stocktake.
    Show {
        /// Which.
        count: String,
    },
    /// Closes a stocktake.
    Close {
        /// Which.
        count: String,
        /// Give up what is to be counted again.
        #[arg(long)]
        discard: bool,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
}

pub(super) async fn run(what: &What, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    match what {
        What::Transfer(asked) => {
            let mut body = said(&[
                ("sku", Some(&asked.sku)),
                ("units", Some(&asked.units)),
                ("from", Some(&asked.from)),
                ("to", Some(&asked.to)),
                ("due", asked.due.as_ref()),
                ("reference", asked.reference.as_ref()),
                ("by", asked.by.as_ref()),
            ]);
            body["at_once"] = json!(asked.at_once);
            write("/transfers", &body, &asked.sku, client, out).await
        }
        What::Arrivals { limit } => arrivals(*limit, client, out).await,
        What::Expect(asked) => {
            let body = said(&[
                ("sku", Some(&asked.sku)),
                ("units", Some(&asked.units)),
                ("location", asked.location.as_ref()),
                ("due", asked.due.as_ref()),
                ("reference", asked.reference.as_ref()),
                ("by", asked.by.as_ref()),
            ]);
            write("/arrivals", &body, &asked.sku, client, out).await
        }
        What::Receive(asked) => {
            let body = said(&[
                ("sku", Some(&asked.sku)),
                ("units", asked.units.as_ref()),
                ("arrival", asked.arrival.as_ref()),
                ("location", asked.location.as_ref()),
                ("condition", asked.condition.as_ref()),
                ("reference", asked.reference.as_ref()),
                ("by", asked.by.as_ref()),
            ]);
            write("/receipts", &body, &asked.sku, client, out).await
        }
        What::GiveUp {
            sku,
            arrival,
            reason,
        } => {
            let path = format!("/arrivals/{}/give-up", encode(arrival));
            let body = json!({ "sku": sku, "reason": reason });
            write(&path, &body, sku, client, out).await
        }
        What::Sort(asked) => {
            let body = said(&[
                ("sku", Some(&asked.sku)),
                ("units", Some(&asked.units)),
                ("from", Some(&asked.from)),
                ("to", Some(&asked.to)),
                ("location", asked.location.as_ref()),
                ("reason", Some(&asked.reason)),
                ("by", asked.by.as_ref()),
            ]);
            write("/conditions", &body, &asked.sku, client, out).await
        }
        What::Counts { limit } => {
            let counts = client.list("/counts", *limit).await?;
            list_counts(&counts, out)
        }
        What::Count { what } => count(what, client, out).await,
    }
}

/// The keys that something was said of.
fn said(pairs: &[(&str, Option<&String>)]) -> Value {
    let told = pairs.iter().filter_map(|(key, value)| {
        let value = value.as_ref()?;
        Some(((*key).to_owned(), json!(value)))
    });
    Value::Object(told.collect::<Map<String, Value>>())
}

/// Writes, and shows the stock of the item after it.
async fn write(
    path: &str,
    body: &Value,
    sku: &str,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<()> {
    let receipt = client.post(path, body).await?;
    if out.is_json() {
        return out.objects([&receipt]);
    }
    if receipt["surplus"].is_number() {
        let surplus = show(&receipt, "surplus");
        out.line(&format!(
            "{surplus} more came in than the arrival announced. All of it is taken in, and the arrival is over."
        ))?;
        out.line("")?;
    }
    let shown = client.get(&format!("/stock/{}", encode(sku))).await?;
    stock::show_one(&shown, out)
}

async fn arrivals(limit: usize, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let arrivals = client.list("/arrivals", limit).await?;
    out.table(
        &arrivals,
        &[
            ("ARRIVAL", &|one| show(one, "id")),
            ("SKU", &|one| show(one, "sku")),
            ("OPEN", &|one| show(one, "open")),
            ("OF", &|one| show(one, "expected")),
            ("TO", &|one| show(one, "location")),
            ("FROM", &|one| show(one, "from")),
            ("DUE", &|one| show(one, "due")),
            ("REFERENCE", &|one| show(one, "reference")),
        ],
    )
}

async fn count(what: &Count, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    match what {
        Count::Open {
            location,
            skus,
            recount_above,
            by,
        } => {
            let mut body = said(&[
                ("location", location.as_ref()),
                ("recount_above", recount_above.as_ref()),
                ("by", by.as_ref()),
            ]);
            body["skus"] = json!(skus);
            let count = client.post("/counts", &body).await?;
            list_counts(std::slice::from_ref(&count), out)
        }
        Count::Enter {
            count,
            sku,
            units,
            as_of,
            by,
        } => {
            let body = said(&[
                ("sku", Some(sku)),
                ("units", Some(units)),
                ("as_of", as_of.as_ref()),
                ("by", by.as_ref()),
            ]);
            let path = format!("/counts/{}/entries", encode(count));
            let entry = client.post(&path, &body).await?;
            if out.is_json() {
                return out.objects([&entry]);
            }
            out.line(&show(&entry, "text"))
        }
        Count::Show { count } => {
            let count = client.get(&format!("/counts/{}", encode(count))).await?;
            if out.is_json() {
                return out.objects([&count]);
            }
            list_counts(std::slice::from_ref(&count), out)?;
            out.line("")?;
            let entries = count["entries"].as_array().map_or(&[][..], Vec::as_slice);
            out.table(
                entries,
                &[
                    ("SKU", &|entry| show(entry, "sku")),
                    ("COUNTED", &|entry| show(entry, "counted")),
                    ("EXPECTED", &|entry| show(entry, "expected")),
                    ("DIFFERENCE", &|entry| show(entry, "difference")),
                    ("AS OF", &|entry| show(entry, "as_of")),
                    ("STATE", &|entry| show(entry, "state")),
                ],
            )
        }
        Count::Close { count, discard, by } => {
            let mut body = said(&[("by", by.as_ref())]);
            body["discard"] = json!(discard);
            let path = format!("/counts/{}/close", encode(count));
            let receipt = client.post(&path, &body).await?;
            if out.is_json() {
                return out.objects([&receipt]);
            }
            out.line("The count is closed.")
        }
    }
}

fn list_counts(counts: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.table(
        counts,
        &[
            ("COUNT", &|count| show(count, "id")),
            ("LOCATION", &|count| show(count, "location")),
            ("OPENED", &|count| show(count, "opened_at")),
            ("BY", &|count| show(count, "by")),
            ("CLOSED", &|count| show(count, "closed_at")),
            ("ITEMS", &|count| match count["skus"].as_array() {
                Some(skus) if !skus.is_empty() => stock::names(&count["skus"]),
                Some(_) | None => "all".to_owned(),
            }),
        ],
    )
}
