//! `oneshelf orders track`, `settle`, `resend` and `return`: what happens after something left.

use clap::{Subcommand, ValueEnum, builder::PossibleValuesParser};
use domain::{delivery::Tracking, returns::ReturnReason};
use serde_json::{Value, json};

use super::{
    client::{Client, encode, query},
    orders::{find, line_units, lines, told},
    out::{Out, money, show},
};
use crate::exit::Exit;

/// Something that happened to a parcel.
#[derive(Debug, clap::Args)]
pub(super) struct Track {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// What happened.
    #[arg(long, value_parser = PossibleValuesParser::new(Tracking::ALL.map(Tracking::word)))]
    state: String,
    /// The parcel, by our id of it or its tracking number; the only one when none is said.
    #[arg(long)]
    parcel: Option<String>,
    /// When it happened (RFC 3339); now when it is not said.
    #[arg(long)]
    at: Option<String>,
    /// Where, in the carrier's words.
    #[arg(long)]
    place: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// Trouble with a parcel that was seen to.
#[derive(Debug, clap::Args)]
pub(super) struct Settle {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// How it was seen to.
    #[arg(long)]
    note: String,
    /// The parcel; the one that went astray when none is said.
    #[arg(long)]
    parcel: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// Units that are sent again.
#[derive(Debug, clap::Args)]
pub(super) struct Resend {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// Why.
    #[arg(long, required_unless_present = "drop")]
    reason: Option<String>,
    /// All that is in this parcel; its trouble is settled by that.
    #[arg(long, conflicts_with = "lines")]
    parcel: Option<String>,
    /// A line and how many units of it, `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Send nothing again that has not left yet.
    #[arg(long, conflicts_with_all = ["parcel", "lines", "reason"])]
    drop: bool,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// Goods that come back, and others that leave instead.
#[derive(Debug, clap::Args)]
pub(super) struct Exchange {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// What leaves instead: an item, how many, and the price of one, `MUG-L=1@11.90`. Without a price, which
    /// only one item can be, it costs what comes back.
    #[arg(long = "send", required = true, value_name = "SKU=UNITS[@PRICE]", value_parser = instead)]
    items: Vec<Value>,
    /// What comes back: a line and how many units of it, `1=2`; all that is with the buyer when none is said.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Why.
    #[arg(long, value_parser = PossibleValuesParser::new(ReturnReason::ALL.map(ReturnReason::word)))]
    reason: String,
    /// What else was said.
    #[arg(long)]
    note: Option<String>,
    /// The carrier's number of the parcel that comes back.
    #[arg(long)]
    tracking_number: Option<String>,
    /// Also when the time to return it is over: as goodwill.
    #[arg(long)]
    anyway: bool,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

fn instead(text: &str) -> Result<Value, String> {
    let (what, price) = match text.rsplit_once('@') {
        Some((what, price)) => (what, Some(price)),
        None => (text, None),
    };
    let (sku, units) = what
        .rsplit_once('=')
        .ok_or("write it as SKU=UNITS, or as SKU=UNITS@PRICE")?;
    Ok(body([
        ("sku", Some(json!(sku))),
        ("units", Some(json!(units))),
        ("price", price.map(|price| json!(price))),
    ]))
}

/// Goods that come back.
#[derive(Debug, Subcommand)]
pub(super) enum Return {
    /// Announces that goods come back: all that is with the buyer when no line is said.
    Open(Open),
    /// Takes in what came: all that is still to come when no line is said. It is not sold before
    /// somebody has looked at it.
    Receive(Receive),
    /// Says what becomes of what came in: all that nobody has looked at when no line is said.
    Inspect(Inspect),
    /// Says that nothing more will come.
    Close {
        /// Our id of the order, or its id on its channel.
        order: String,
        /// Which return; the open one when none is said.
        #[arg(long = "return", value_name = "RETURN")]
        id: Option<String>,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
}

/// Goods that are to come back.
#[derive(Debug, clap::Args)]
pub(super) struct Open {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// Why.
    #[arg(long, value_parser = PossibleValuesParser::new(ReturnReason::ALL.map(ReturnReason::word)))]
    reason: String,
    /// A line and how many units of it, `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// What else was said.
    #[arg(long)]
    note: Option<String>,
    /// The carrier's number of the parcel.
    #[arg(long)]
    tracking_number: Option<String>,
    /// Also when the time to return it is over: as goodwill.
    #[arg(long)]
    anyway: bool,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// Goods that came back.
#[derive(Debug, clap::Args)]
pub(super) struct Receive {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// Which return; the open one when none is said.
    #[arg(long = "return", value_name = "RETURN")]
    id: Option<String>,
    /// A line and how many units of it, `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Where they lie.
    #[arg(long)]
    location: Option<String>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// Goods that somebody looked at.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// Which return; the open one when none is said.
    #[arg(long = "return", value_name = "RETURN")]
    id: Option<String>,
    /// What becomes of them.
    #[arg(long, value_enum)]
    verdict: Verdict,
    /// What was seen.
    #[arg(long)]
    note: String,
    /// A line and how many units of it, `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
}

/// What becomes of goods that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Verdict {
    /// They are as new and are sold again.
    Restock,
    /// They are kept, and not sold.
    Damaged,
    /// They are thrown away.
    Scrap,
}

/// The word that the API has for a choice.
fn word(choice: impl ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// A body of what was said; what was not said is left out.
pub(super) fn body<const N: usize>(said: [(&str, Option<Value>); N]) -> Value {
    let said = said.into_iter();
    let said = said.filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(said.collect())
}

pub(super) fn texted(text: Option<&String>) -> Option<Value> {
    text.map(|text| json!(text))
}

/// An order that was named, and the path of it.
pub(super) async fn load(order: &str, client: &Client) -> anyhow::Result<(String, Value)> {
    let path = format!("/orders/{}", find(order, client).await?);
    let order = client.get(&path).await?;
    Ok((path, order))
}

/// The one of several things of an order that was named, or that is the only one that can be meant.
pub(super) fn choose(
    all: &Value,
    (what, flag): (&str, &str),
    named: Option<&str>,
    is_meant: impl Fn(&Value) -> bool,
) -> anyhow::Result<String> {
    let all: Vec<&Value> = all.as_array().into_iter().flatten().collect();
    let fits = |one: &&&Value| match named {
        Some(name) => one["id"] == name || one["tracking_number"] == name,
        None => is_meant(one),
    };
    let ids: Vec<String> = all.iter().filter(fits).map(|one| show(one, "id")).collect();
    let known = || {
        all.iter()
            .map(|one| show(one, "id"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match ids.as_slice() {
        [id] => Ok(encode(id)),
        [] if all.is_empty() => anyhow::bail!("the order has no {what}"),
        [] => anyhow::bail!(
            "no {what} of the order fits; name one with {flag}: {}",
            known()
        ),
        [_, _, ..] => anyhow::bail!(
            "several {what}s of the order fit; name one with {flag}: {}",
            ids.join(", ")
        ),
    }
}

fn parcel(
    order: &Value,
    named: Option<&str>,
    is_meant: impl Fn(&Value) -> bool,
) -> anyhow::Result<String> {
    choose(&order["shipments"], ("parcel", "--parcel"), named, is_meant)
}

pub(super) async fn track(
    asked: &Track,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (path, order) = load(&asked.order, client).await?;
    let parcel = parcel(&order, asked.parcel.as_deref(), |_| true)?;
    let said = body([
        ("state", Some(json!(asked.state))),
        ("at", texted(asked.at.as_ref())),
        ("place", texted(asked.place.as_ref())),
        ("by", texted(asked.by.as_ref())),
    ]);
    let path = format!("{path}/shipments/{parcel}/events");
    told(&client.post(&path, &said).await?, "Noted", out)
}

pub(super) async fn settle(
    asked: &Settle,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (path, order) = load(&asked.order, client).await?;
    let is_astray = |parcel: &Value| parcel["is_astray"] == true;
    let parcel = parcel(&order, asked.parcel.as_deref(), is_astray)?;
    let said = body([
        ("note", Some(json!(asked.note))),
        ("by", texted(asked.by.as_ref())),
    ]);
    let path = format!("{path}/shipments/{parcel}/settle");
    told(&client.post(&path, &said).await?, "It is seen to", out)
}

pub(super) async fn resend(
    asked: &Resend,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    if asked.drop {
        let by = query(&[("by", asked.by.clone())]);
        let path = format!("/orders/{}/resends{by}", find(&asked.order, client).await?);
        let receipt = client.delete(&path).await?;
        return told(&receipt, "Nothing more is sent again", out);
    }
    let (path, order) = load(&asked.order, client).await?;
    let shipment = match asked.lines.is_empty() {
        true => {
            let is_astray = |parcel: &Value| parcel["is_astray"] == true;
            Some(parcel(&order, asked.parcel.as_deref(), is_astray)?)
        }
        false => None,
    };
    let said = body([
        ("shipment", texted(shipment.as_ref())),
        ("lines", Some(lines(&asked.lines))),
        ("reason", texted(asked.reason.as_ref())),
        ("by", texted(asked.by.as_ref())),
    ]);
    let receipt = client.post(&format!("{path}/resends"), &said).await?;
    told(&receipt, "It is to be sent again", out)
}

pub(super) async fn come_back(
    asked: &Return,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let of = |order: &Value, named: Option<&str>| {
        let is_open = |one: &Value| one["state"] != "closed";
        choose(&order["returns"], ("return", "--return"), named, is_open)
    };
    let (path, said, done) = match asked {
        Return::Open(asked) => return open(asked, client, out).await,
        Return::Receive(asked) => {
            let (path, order) = load(&asked.order, client).await?;
            let said = body([
                ("lines", Some(lines(&asked.lines))),
                ("location", texted(asked.location.as_ref())),
                ("by", texted(asked.by.as_ref())),
            ]);
            let id = of(&order, asked.id.as_deref())?;
            (format!("{path}/returns/{id}/receipts"), said, "Taken in")
        }
        Return::Inspect(asked) => {
            let (path, order) = load(&asked.order, client).await?;
            let said = body([
                ("lines", Some(lines(&asked.lines))),
                ("verdict", Some(json!(word(asked.verdict)))),
                ("note", Some(json!(asked.note))),
                ("by", texted(asked.by.as_ref())),
            ]);
            let id = of(&order, asked.id.as_deref())?;
            (format!("{path}/returns/{id}/inspections"), said, "Noted")
        }
        Return::Close {
            order,
            id,
            reason,
            by,
        } => {
            let (path, order) = load(order, client).await?;
            let said = body([("reason", Some(json!(reason))), ("by", texted(by.as_ref()))]);
            let id = of(&order, id.as_deref())?;
            (format!("{path}/returns/{id}/close"), said, "Closed")
        }
    };
    told(&client.post(&path, &said).await?, done, out)
}

async fn open(asked: &Open, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let path = format!("/orders/{}/returns", find(&asked.order, client).await?);
    let said = body([
        ("lines", Some(lines(&asked.lines))),
        ("reason", Some(json!(asked.reason))),
        ("note", texted(asked.note.as_ref())),
        ("tracking_number", texted(asked.tracking_number.as_ref())),
        ("anyway", asked.anyway.then_some(json!(true))),
        ("by", texted(asked.by.as_ref())),
    ]);
    let receipt = client.post(&path, &said).await?;
    let done = format!("Opened as {}", show(&receipt, "return"));
    told(&receipt, &done, out)
}

pub(super) async fn exchange(
    asked: &Exchange,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let path = format!("/orders/{}", find(&asked.order, client).await?);
    let said = body([
        ("lines", Some(lines(&asked.lines))),
        ("items", Some(json!(asked.items))),
        ("reason", Some(json!(asked.reason))),
        ("note", texted(asked.note.as_ref())),
        ("tracking_number", texted(asked.tracking_number.as_ref())),
        ("anyway", asked.anyway.then_some(json!(true))),
        ("by", texted(asked.by.as_ref())),
    ]);
    let receipt = client.post(&format!("{path}/exchanges"), &said).await?;
    let order = client.get(&path).await?;
    let mut returns = order["returns"].as_array().into_iter().flatten();
    let opened = returns.find(|one| one["id"] == receipt["return"]);
    let owed = opened.map(difference).unwrap_or_default();
    let done = format!("Opened as {}{owed}", show(&receipt, "return"));
    told(&receipt, &done, out)
}

/// What an exchange costs more or less, after a comma; nothing where both are worth the same.
fn difference(one: &Value) -> String {
    let Some(amount) = one["difference"]["amount"].as_str() else {
        return String::new();
    };
    let currency = show(&one["difference"], "currency");
    let is_nothing = amount.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    match amount.strip_prefix('-') {
        Some(less) => format!(", {less} {currency} are owed to the buyer"),
        None if is_nothing => String::new(),
        None => format!(", the buyer owes {amount} {currency}"),
    }
}

/// Parcels with where they are, and what comes back.
pub(super) fn tables(order: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let part = |name: &str| order[name].as_array().cloned().unwrap_or_default();
    let (parcels, returns) = (part("shipments"), part("returns"));
    if !parcels.is_empty() {
        out.line("")?;
        out.table(
            &parcels,
            &[
                ("PARCEL", &|parcel| show(parcel, "id")),
                ("SHIPPED", &|parcel| show(parcel, "shipped_at")),
                ("UNITS", &units),
                ("CARRIER", &|parcel| show(parcel, "carrier")),
                ("TRACKING", &|parcel| show(parcel, "tracking_number")),
                ("STATE", &state),
                ("BY US", &|parcel| show(parcel, "is_ours")),
            ],
        )?;
    }
    for one in &returns {
        out.line("")?;
        let note = one["note"].as_str().map(|note| format!(" ({note})"));
        out.line(&format!(
            "Return {}: {}{}, because of {}{}, by {} on {}",
            show(one, "id"),
            show(one, "state"),
            match one["goodwill"] == true {
                true => " as goodwill",
                false => "",
            },
            show(one, "reason"),
            note.unwrap_or_default(),
            show(one, "by"),
            show(one, "opened_at"),
        ))?;
        out.table(
            &one["lines"].as_array().cloned().unwrap_or_default(),
            &[
                ("LINE", &|part| show(part, "line")),
                ("ADVISED", &|part| show(part, "advised")),
                ("CAME", &|part| show(part, "received")),
                ("TO LOOK AT", &|part| show(part, "to_check")),
                ("RESTOCKED", &|part| show(part, "restocked")),
                ("DAMAGED", &|part| show(part, "damaged")),
                ("SCRAPPED", &|part| show(part, "scrapped")),
                ("NOT RETURNED", &|part| show(part, "not_returned")),
            ],
        )?;
        instead_of(one, out)?;
        for refund in one["refunds"].as_array().into_iter().flatten() {
            let anyway = if refund["anyway"] == true {
                ", also beyond what came"
            } else {
                ""
            };
            out.line(&format!(
                "Refunded {} on {}, {}{anyway}",
                money(refund, "amount"),
                show(refund, "at"),
                show(refund, "state"),
            ))?;
        }
    }
    Ok(())
}

/// What leaves for a return, line by line.
fn instead_of(one: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    for leaves in one["replacements"].as_array().into_iter().flatten() {
        out.line(&format!(
            "Line {} leaves instead: {} of {} for {}{}",
            show(leaves, "line"),
            show(leaves, "units"),
            show(leaves, "sku"),
            money(leaves, "total"),
            difference(one),
        ))?;
    }
    Ok(())
}

/// `1=2, 2=1`: line and units.
fn units(parcel: &Value) -> String {
    let parts = parcel["lines"].as_array().into_iter().flatten();
    let parts = parts.map(|part| format!("{}={}", show(part, "line"), show(part, "units")));
    parts.collect::<Vec<_>>().join(", ")
}

fn state(parcel: &Value) -> String {
    let state = show(parcel, "tracking");
    match (&parcel["is_again"], parcel["settled"].is_null()) {
        (Value::Bool(true), _) => format!("{state} (sent again)"),
        (_, false) if parcel["is_astray"] == false => format!("{state} (seen to)"),
        _ => state,
    }
}
