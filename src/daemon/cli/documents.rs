//! `oneshelf orders document` and `pick-list`: documents of orders, written to files.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt, path::Path};

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    client::{Client, encode, query},
    orders::find,
    out::{Out, money, show},
};
use crate::exit::Exit;

/// A document of an order.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["kind", "number"])))]
pub(super) struct Draw {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// What. An invoice is issued once: asked for again, it is the one that stands.
    #[arg(long)]
    kind: Option<Kind>,
    /// One that was issued before, by its number: it is drawn again and says the same.
    #[arg(long, conflicts_with_all = ["kind", "amount", "lines", "refund", "reason", "language", "shipment"])]
    number: Option<String>,
    /// How much a credit note is of, `12.50`; all that is left of the invoice when it is not said.
    #[arg(long, allow_negative_numbers = true)]
    amount: Option<String>,
    /// A line of the order that a credit note takes back, and how many units: `1=2`; may be said several times.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = super::orders::line_units)]
    lines: Vec<(u32, String)>,
    /// The refund that a credit note tells of, by our id of it: its lines and its amount.
    #[arg(long, value_name = "INTENT")]
    refund: Option<String>,
    /// Why, on a credit note.
    #[arg(long)]
    reason: Option<String>,
    /// The parcel of a packing slip, by our id of it; what is to be sent when none is said.
    #[arg(long)]
    shipment: Option<String>,
    /// Who asks for it.
    #[arg(long)]
    by: Option<String>,
    #[command(flatten)]
    form: Form,
}

/// What is to be fetched for some orders.
#[derive(Debug, clap::Args)]
pub(super) struct PickList {
    /// Our ids of the orders, or their ids on their channels.
    #[arg(required = true)]
    orders: Vec<String>,
    /// Order by order instead of along the shelves.
    #[arg(long)]
    by_order: bool,
    #[command(flatten)]
    form: Form,
}

/// How it is drawn, and where to.
#[derive(Debug, clap::Args)]
struct Form {
    /// `en`, `de` or `es`; that of the order when it is not said.
    #[arg(long)]
    language: Option<String>,
    /// The form of the file.
    #[arg(long, default_value = "pdf")]
    format: Format,
    /// The file; one of its own name in this folder when it is not said, and `-` prints it.
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Invoice,
    CreditNote,
    Confirmation,
    PackingSlip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Pdf,
    Html,
}

impl Form {
    fn word(&self) -> Option<String> {
        let word = match self.format {
            Format::Pdf => "pdf",
            Format::Html => "html",
        };
        Some(word.to_owned())
    }
}

pub(super) async fn draw(asked: &Draw, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let form = &asked.form;
    let format = query(&[("format", form.word())]);
    let Some(kind) = asked.kind else {
        let number = asked.number.as_deref().unwrap_or_default();
        let path = format!("/documents/{}{format}", encode(number));
        return write(&path, form, "Drawn again", client, out).await;
    };
    refuse_what_has_no_use(asked, kind)?;
    let order = find(&asked.order, client).await?;
    match kind {
        Kind::Invoice | Kind::CreditNote => {
            let receipt = issue(asked, kind, &order, client).await?;
            let number = show(&receipt, "document.number");
            let said = match receipt["effect"].as_str() {
                Some("nothing_to_do") => format!("{number} was issued before, and stands"),
                _ => format!("{number} is issued"),
            };
            let id = show(&receipt, "document.id");
            let path = format!("/documents/{}{format}", encode(&id));
            write(&path, form, &said, client, out).await
        }
        Kind::Confirmation => {
            let asked = query(&[("format", form.word()), ("language", form.language.clone())]);
            let path = format!("/orders/{order}/confirmation{asked}");
            write(&path, form, "Drawn", client, out).await
        }
        Kind::PackingSlip => {
            let asked = query(&[
                ("format", form.word()),
                ("language", form.language.clone()),
                ("shipment", asked.shipment.clone()),
            ]);
            let path = format!("/orders/{order}/packing-slip{asked}");
            write(&path, form, "Drawn", client, out).await
        }
    }
}

/// What is said and would be passed over is a mistake.
fn refuse_what_has_no_use(asked: &Draw, kind: Kind) -> anyhow::Result<()> {
    let is_credit = kind == Kind::CreditNote;
    let is_said = asked.amount.is_some() || asked.reason.is_some();
    let is_of_part = !asked.lines.is_empty() || asked.refund.is_some();
    if !is_credit && (is_said || is_of_part) {
        anyhow::bail!(
            "--amount, --line, --refund and --reason are for credit notes: leave them out"
        );
    }
    if is_credit && asked.reason.is_none() {
        anyhow::bail!("a credit note says why: add --reason");
    }
    if kind != Kind::PackingSlip && asked.shipment.is_some() {
        anyhow::bail!("--shipment is for packing slips: leave it out");
    }
    Ok(())
}

async fn issue(asked: &Draw, kind: Kind, order: &str, client: &Client) -> anyhow::Result<Value> {
    let kind = match kind {
        Kind::CreditNote => "credit_note",
        Kind::Invoice | Kind::Confirmation | Kind::PackingSlip => "invoice",
    };
    let mut body = json!({ "kind": kind });
    if let Some(amount) = &asked.amount {
        let order = client.get(&format!("/orders/{order}")).await?;
        let currency = show(&order, "total.currency");
        body["amount"] = json!({ "amount": amount, "currency": currency });
    }
    if !asked.lines.is_empty() {
        body["lines"] = super::orders::lines(&asked.lines);
    }
    for (key, value) in [
        ("refund", &asked.refund),
        ("reason", &asked.reason),
        ("language", &asked.form.language),
        ("by", &asked.by),
    ] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    client
        .post(&format!("/orders/{order}/documents"), &body)
        .await
}

pub(super) async fn pick_list(
    asked: &PickList,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let mut orders = Vec::new();
    for order in &asked.orders {
        orders.push(find(order, client).await?);
    }
    let sequence = if asked.by_order {
        "by_order"
    } else {
        "by_location"
    };
    let form = &asked.form;
    let path = query(&[
        ("orders", Some(orders.join(","))),
        ("sequence", Some(sequence.to_owned())),
        ("format", form.word()),
        ("language", form.language.clone()),
    ]);
    write(&format!("/pick-list{path}"), form, "Drawn", client, out).await
}

/// Fetches a document and writes it where it is wanted.
async fn write(
    path: &str,
    form: &Form,
    said: &str,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (name, bytes) = client.fetch(path).await?;
    if form.output.as_deref() == Some("-") {
        out.bytes(&bytes)?;
        return Ok(Exit::Good);
    }
    let file = form.output.clone().unwrap_or(name);
    // Somebody's name and address are in it.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(Path::new(&file))
        .and_then(|mut to| to.write_all(&bytes));
    written.with_context(|| format!("failed to write {file}"))?;
    if out.is_json() {
        out.objects([&json!({ "file": file, "bytes": bytes.len() })])?;
    } else {
        out.line(&format!("{said}: {file}"))?;
    }
    Ok(Exit::Good)
}

/// What was issued for an order, where something was.
pub(super) fn table(documents: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    if documents.is_empty() {
        return Ok(());
    }
    let corrects = |one: &Value| {
        let is_it = |other: &&Value| other["id"] == one["corrects"];
        let invoice = documents.iter().find(is_it);
        invoice.map_or("-".to_owned(), |invoice| show(invoice, "number"))
    };
    out.line("")?;
    out.table(
        documents,
        &[
            ("DOCUMENT", &|one| show(one, "number")),
            ("KIND", &|one| show(one, "kind")),
            ("DATE", &|one| show(one, "on")),
            ("TOTAL", &|one| money(one, "total")),
            ("CORRECTS", &corrects),
        ],
    )
}
