//! `oneshelf stock`: what there is, why, and correcting it.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    client::{Client, Connect, encode, query},
    exposure, moves,
    out::{Out, show},
    stock_sheet,
};
use crate::exit::Exit;

/// Shows, explains and adjusts stock.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists all items with their stock.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Shows the stock of an item, place by place, as it is or as it was.
    Show {
        /// Which item.
        sku: String,
        /// As it was at this time: RFC 3339, or how long ago (`2h ago`).
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Shows the units at risk: what listings show beyond what they should.
    Exposure(exposure::Args),
    /// Says in sentences how the number came to be, and what each channel was told.
    Explain {
        /// Which item.
        sku: String,
    },
    /// Lists every change of an item's stock.
    Movements {
        /// Which item.
        sku: String,
        /// How many at most.
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
    /// Lists where stock can lie, and which accounts each location serves.
    Locations,
    /// Changes what lies somewhere.
    Adjust(Adjust),
    Import(stock_sheet::Import),
    Export(stock_sheet::Export),
    #[command(flatten)]
    Moves(moves::What),
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").required(true))]
struct Adjust {
    /// Which item.
    sku: String,
    /// By how many.
    #[arg(long, allow_negative_numbers = true, group = "change")]
    delta: Option<String>,
    /// To how many: there are so many now.
    #[arg(long, allow_negative_numbers = true, group = "change")]
    to: Option<String>,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Where; the usual place when it is not said.
    #[arg(long)]
    location: Option<String>,
    /// In which condition: sellable, damaged, quality or returned_unchecked.
    #[arg(long)]
    condition: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match args.what.as_ref().unwrap_or(&What::List { limit: 1000 }) {
        What::List { limit } => {
            let items = client.list("/stock", *limit).await?;
            table(&items, out)?;
        }
        What::Show { sku, at } => {
            let at = query(&[("at", at.clone())]);
            let stock = client.get(&format!("/stock/{}{at}", encode(sku))).await?;
            show_one(&stock, out)?;
        }
        What::Import(asked) => return stock_sheet::import(asked, client, out).await,
        What::Export(asked) => return stock_sheet::export(asked, client, out).await,
        What::Exposure(asked) => exposure::run(asked, client, out).await?,
        What::Explain { sku } => {
            let told = client
                .get(&format!("/stock/{}/explain", encode(sku)))
                .await?;
            if out.is_json() {
                out.objects([&told])?;
                return Ok(Exit::Good);
            }
            for sentence in told["sentences"].as_array().into_iter().flatten() {
                out.line(sentence.as_str().unwrap_or_default())?;
            }
        }
        What::Movements { sku, limit } => {
            let path = format!("/stock/{}/movements", encode(sku));
            let movements = client.list(&path, *limit).await?;
            out.table(
                &movements,
                &[
                    ("AT", &|movement| show(movement, "at")),
                    ("DELTA", &|movement| show(movement, "delta")),
                    ("LOCATION", &|movement| show(movement, "location")),
                    ("WHY", &why),
                ],
            )?;
        }
        What::Locations => {
            let places = client.list("/locations", 1000).await?;
            out.table(
                &places,
                &[
                    ("LOCATION", &|at| show(at, "id")),
                    ("NAME", &|at| show(at, "name")),
                    ("KIND", &kind_of),
                    ("COUNTRY", &|at| show(at, "country")),
                    ("PRIORITY", &|at| show(at, "priority")),
                    ("SHIPS", &|at| show(at, "ships")),
                    ("SERVES", &|at| names(&at["serves"])),
                    ("HOME OF", &|at| names(&at["home_of"])),
                ],
            )?;
        }
        What::Adjust(asked) => adjust(asked, client, out).await?,
        What::Moves(what) => moves::run(what, client, out).await?,
    }
    Ok(Exit::Good)
}

fn kind_of(place: &Value) -> String {
    match place["is_declared"].as_bool() {
        Some(true) => show(place, "kind"),
        Some(false) | None => "not declared".to_owned(),
    }
}

/// Names, one after the other.
pub(super) fn names(list: &Value) -> String {
    let names = list.as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(Value::as_str).collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(" ")
    }
}

/// The sentence of a movement without what other columns say.
fn why(movement: &Value) -> String {
    let text = show(movement, "text");
    match text.split_once(", because ") {
        Some((_, why)) => why.trim_end_matches('.').to_owned(),
        None => text,
    }
}

async fn adjust(asked: &Adjust, client: &Client, out: &mut Out<'_>) -> anyhow::Result<()> {
    let mut body = json!({ "sku": asked.sku, "reason": asked.reason });
    for (key, value) in [
        ("delta", &asked.delta),
        ("to", &asked.to),
        ("location", &asked.location),
        ("condition", &asked.condition),
        ("by", &asked.by),
    ] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    let receipt = client.post("/stock/adjustments", &body).await?;
    if out.is_json() {
        return out.objects([&receipt]);
    }
    let stock = client
        .get(&format!("/stock/{}", encode(&asked.sku)))
        .await?;
    table(&[stock], out)
}

/// What lies there in other conditions.
fn unsellable(at: &Value) -> String {
    let conditions = at["unsellable"].as_object();
    let lying = conditions.into_iter().flatten();
    let lying: Vec<String> = lying
        .map(|(condition, units)| format!("{units} {condition}"))
        .collect();
    if lying.is_empty() {
        "-".to_owned()
    } else {
        lying.join(", ")
    }
}

pub(super) fn table(items: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    out.table(
        items,
        &[
            ("SKU", &|item| show(item, "sku")),
            ("KIND", &|item| show(item, "kind")),
            ("ON HAND", &|item| show(item, "on_hand")),
            ("ALLOCATED", &|item| show(item, "allocated")),
            ("PENDING", &|item| show(item, "pending")),
            ("SELLABLE", &|item| show(item, "sellable")),
            ("TITLE", &|item| show(item, "title")),
        ],
    )
}

pub(super) fn show_one(stock: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([stock]);
    }
    if let Some(at) = stock["as_of"].as_str() {
        out.line(&format!("As it was on {at}:"))?;
    }
    table(std::slice::from_ref(stock), out)?;
    if stock["owed"].as_f64().is_some_and(|owed| owed > 0.0) {
        let (owed, sku) = (show(stock, "owed"), show(stock, "sku"));
        out.line("")?;
        out.line(&format!(
            "{owed} are owed: sold before they are there. `oneshelf stock explain {sku}` says to whom, and until when."
        ))?;
    }
    let locations = stock["locations"].as_array().map_or(&[][..], Vec::as_slice);
    if !locations.is_empty() {
        out.line("")?;
        out.table(
            locations,
            &[
                ("LOCATION", &|at| show(at, "location")),
                ("ON HAND", &|at| show(at, "on_hand")),
                ("ALLOCATED", &|at| show(at, "allocated")),
                ("INCOMING", &|at| show(at, "incoming")),
                ("NOT SELLABLE", &unsellable),
            ],
        )?;
    }
    let accounts = stock["accounts"].as_array().map_or(&[][..], Vec::as_slice);
    if !accounts.is_empty() {
        out.line("")?;
        out.table(
            accounts,
            &[
                ("ACCOUNT", &|on| show(on, "account")),
                ("SELLABLE", &|on| show(on, "sellable")),
                ("FROM", &|on| names(&on["locations"])),
            ],
        )?;
    }
    let components = stock["components"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if !components.is_empty() {
        out.line("")?;
        out.table(
            components,
            &[
                ("COMPONENT", &|part| show(part, "sku")),
                ("PER KIT", &|part| show(part, "per_kit")),
                ("SELLABLE", &|part| show(part, "sellable")),
                ("KITS", &|part| show(part, "kits")),
                ("SCARCEST", &|part| show(part, "is_scarcest")),
            ],
        )?;
    }
    Ok(())
}
