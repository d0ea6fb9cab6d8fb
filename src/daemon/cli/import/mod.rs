//! `oneshelf import`: orders from a CSV file, tried out first.

mod sheet;

use std::path::PathBuf;

use anyhow::Context;
use serde_json::json;

use super::{
    client::{Client, Connect, Failure},
    out::{Out, show},
};
use crate::exit::Exit;
use sheet::{Mistake, Sheet};

/// The largest file.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Enters the orders of a CSV file; says first what would become of them
///
/// Each row is a line of an order, and rows with one reference are one order. Columns: reference, currency, sku
/// (or title), units, price (or `line_total`), and where they are needed `placed_at`, shipping, discount, tax,
/// `line_tax`, total, pays, paid, method, note, `ship_by`, name, email, phone, `ship_name`, street, city,
/// `postal_code`, region and country. Separated by commas, semicolons or tabs. What was entered before changes
/// nothing, so a file can be imported again.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    /// The file.
    file: PathBuf,
    /// On which account; its `kind` is `manual`.
    #[arg(long)]
    account: String,
    /// Who enters them.
    #[arg(long)]
    by: Option<String>,
    /// Enter them; without it is only said what would become of them.
    #[arg(long)]
    yes: bool,
}

/// What became, or would become, of an order of the file.
struct Outcome {
    row: u64,
    reference: String,
    effect: String,
    phase: String,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let file = args.file.display();
    let size = std::fs::metadata(&args.file).with_context(|| format!("{file} cannot be read"))?;
    anyhow::ensure!(
        size.len() <= BYTES_MAX,
        "{file} has more than {} MiB: split it",
        BYTES_MAX / 1024 / 1024
    );
    let bytes = std::fs::read(&args.file).with_context(|| format!("{file} cannot be read"))?;
    let orders = match sheet::read(&bytes) {
        Ok(orders) => orders,
        Err(mistakes) => return tell_mistakes(&mistakes, out),
    };
    // All of them are tried before one is entered: a file is entered whole, or not at all.
    let mut outcomes = Vec::new();
    let mut mistakes = Vec::new();
    for order in &orders {
        match enter(args, order, "/orders/preview", client).await? {
            Ok(outcome) => outcomes.push(outcome),
            Err(what) => mistakes.push(Mistake {
                row: order.row,
                column: "-".to_owned(),
                what: format!("order {}: {what}", order.reference),
            }),
        }
    }
    if !mistakes.is_empty() {
        return tell_mistakes(&mistakes, out);
    }
    if args.yes {
        outcomes.clear();
        for order in &orders {
            let entered = enter(args, order, "/orders", client).await?;
            let (row, reference) = (order.row, &order.reference);
            outcomes.push(entered.map_err(|what| {
                anyhow::anyhow!(
                    "row {row}, order {reference}: {what}. Orders before it are entered; correct it and import \
                     the file again"
                )
            })?);
        }
    }
    tell(args, &outcomes, out)
}

/// Enters an order, or tries it out. What is wrong with it is a sentence; what is wrong with the daemon, an error.
async fn enter(
    args: &Args,
    order: &Sheet,
    path: &str,
    client: &Client,
) -> anyhow::Result<Result<Outcome, String>> {
    let mut body = order.body.clone();
    body["account"] = json!(args.account);
    if let Some(by) = &args.by {
        body["by"] = json!(by);
    }
    let receipt = match client.post(path, &body).await {
        Ok(receipt) => receipt,
        Err(error) => {
            let refused = error
                .downcast_ref::<Failure>()
                .filter(|one| one.is_refusal());
            return match refused {
                Some(refusal) => {
                    let told = refusal.to_string();
                    Ok(Err(told.lines().next().unwrap_or_default().to_owned()))
                }
                None => Err(error),
            };
        }
    };
    Ok(Ok(Outcome {
        row: order.row,
        reference: order.reference.clone(),
        effect: show(&receipt, "effect"),
        phase: show(&receipt, "phase"),
    }))
}

fn tell_mistakes(mistakes: &[Mistake], out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let rows: Vec<_> = mistakes
        .iter()
        .map(|one| json!({ "row": one.row, "column": one.column, "mistake": one.what }))
        .collect();
    if out.is_json() {
        out.objects(&rows)?;
        return Ok(Exit::Data);
    }
    for Mistake { row, column, what } in mistakes {
        match column.as_str() {
            "-" => out.line(&format!("row {row}: {what}"))?,
            column => out.line(&format!("row {row}, {column}: {what}"))?,
        }
    }
    out.line("")?;
    out.line("Nothing was entered.")?;
    Ok(Exit::Data)
}

fn tell(args: &Args, outcomes: &[Outcome], out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let rows: Vec<_> = outcomes
        .iter()
        .map(|one| {
            let what = match (one.effect.as_str(), args.yes) {
                ("done", true) => "entered",
                ("done", false) => "would be entered",
                _ => "entered before",
            };
            json!({ "row": one.row, "reference": one.reference, "what": what, "phase": one.phase })
        })
        .collect();
    out.table(
        &rows,
        &[
            ("ROW", &|row| show(row, "row")),
            ("ORDER", &|row| show(row, "reference")),
            ("WHAT", &|row| show(row, "what")),
            ("PHASE", &|row| show(row, "phase")),
        ],
    )?;
    let is_shown_only = !args.yes && outcomes.iter().any(|one| one.effect == "done");
    if !is_shown_only {
        return Ok(Exit::Good);
    }
    if !out.is_json() {
        out.line("")?;
        out.line("Nothing was entered. Enter them with --yes.")?;
    }
    Ok(Exit::Finding)
}
