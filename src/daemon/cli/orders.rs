//! `oneshelf orders`: the order book, and everything that is done to an order.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    aftersales::{self, Resend, Return, Settle, Track},
    allocation::{self, Allocate, Unallocate},
    client::{Client, Connect, encode, query},
    out::{Column, Out, money, show},
    placing::{self, Add, Pay},
    rules,
};
use crate::exit::Exit;

/// How many entries of a timeline are shown.
const TIMELINE_MAX: usize = 1000;

/// Lists orders, and ships, cancels, holds or refunds one.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists orders, the oldest first.
    List(List),
    /// Shows one order with its lines, parcels and timeline.
    Show {
        /// Our id of it, or its id on its channel.
        order: String,
    },
    /// Enters an order of an account whose orders are entered by hand.
    Add(Box<Add>),
    /// Notes what happened to the money of such an order.
    Pay(Pay),
    /// Records that something left, and tells the channel.
    Ship(Ship),
    /// Says where an order would leave from, and why; with --yes it does then.
    Allocate(Allocate),
    /// Takes back where an order leaves from.
    Unallocate(Unallocate),
    /// Cancels an order on its channel, or some units of one that was entered by hand.
    Cancel {
        /// Our id of it, or its id on its channel.
        order: String,
        /// A line and how many units of it, `1=2`; all of the order when none is said.
        #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
        lines: Vec<(u32, String)>,
        /// Why, for buyer and channel.
        #[arg(long)]
        reason: String,
    },
    /// Stops an order.
    Hold(Hold),
    /// Lets an order go on.
    Release {
        /// Our id of it, or its id on its channel.
        order: String,
        /// Who says so.
        #[arg(long)]
        by: Option<String>,
    },
    /// Gives money back on the channel.
    Refund(Refund),
    /// Notes what happened to a parcel.
    Track(Track),
    /// Says that somebody saw to a parcel that went astray.
    Settle(Settle),
    /// Sends units again that left and do not come back.
    Resend(Resend),
    /// Takes goods back: announces them, takes them in, and says what becomes of them.
    #[command(subcommand)]
    Return(Return),
    /// Says which item a line is.
    Map {
        /// Our id of it, or its id on its channel.
        order: String,
        /// The number of the line.
        line: u32,
        /// The item.
        sku: String,
    },
}

#[derive(Debug, Default, clap::Args)]
struct List {
    /// Only of this account.
    #[arg(long)]
    account: Option<String>,
    /// Only with this id on its channel.
    #[arg(long)]
    external_id: Option<String>,
    /// Only in this phase.
    #[arg(long)]
    phase: Option<String>,
    /// Only placed at this time or later (RFC 3339).
    #[arg(long)]
    since: Option<String>,
    /// Only with this tag, which a rule gave it.
    #[arg(long)]
    tag: Option<String>,
    /// Those with the highest priority first.
    #[arg(long)]
    by_priority: bool,
    /// How many at most.
    #[arg(long)]
    limit: Option<usize>,
}

#[derive(Debug, clap::Args)]
struct Ship {
    /// Our id of it, or its id on its channel.
    order: String,
    /// A line and how many units of it, `1=2`; all that remains when none is said.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Who carries it.
    #[arg(long)]
    carrier: Option<String>,
    /// Its number there.
    #[arg(long)]
    tracking_number: Option<String>,
    /// Where to follow it.
    #[arg(long)]
    tracking_url: Option<String>,
    /// Where it leaves from.
    #[arg(long)]
    location: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Hold {
    /// Our id of it, or its id on its channel.
    order: String,
    /// Why.
    #[arg(long)]
    reason: String,
    /// Who says so.
    #[arg(long)]
    by: Option<String>,
    /// By when it is to be settled (RFC 3339).
    #[arg(long)]
    until: Option<String>,
    /// Give its stock to others meanwhile.
    #[arg(long)]
    give_up_stock: bool,
}

#[derive(Debug, clap::Args)]
struct Refund {
    /// Our id of it, or its id on its channel.
    order: String,
    /// How much, `12.50`.
    #[arg(long, allow_negative_numbers = true)]
    amount: String,
    /// In which currency; that of the order when it is not said.
    #[arg(long)]
    currency: Option<String>,
    /// For which line, and how many units of it: `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Why, for the buyer.
    #[arg(long)]
    reason: String,
}

pub(super) fn line_units(text: &str) -> Result<(u32, String), String> {
    let (line, units) = text.split_once('=').ok_or("write it as LINE=UNITS")?;
    let line = line
        .parse()
        .map_err(|_| "write it as LINE=UNITS, as 1=2: the line is a whole number")?;
    Ok((line, units.to_owned()))
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match &args.what {
        None => list(&List::default(), client, out).await,
        Some(What::List(asked)) => list(asked, client, out).await,
        Some(What::Show { order }) => {
            let id = find(order, client).await?;
            show_one(&id, client, out).await
        }
        Some(What::Ship(asked)) => ship(asked, client, out).await,
        Some(What::Allocate(asked)) => allocation::allocate(asked, client, out).await,
        Some(What::Unallocate(asked)) => allocation::unallocate(asked, client, out).await,
        Some(What::Add(asked)) => placing::add(asked, client, out).await,
        Some(What::Pay(asked)) => placing::pay(asked, client, out).await,
        Some(What::Cancel {
            order,
            lines: some,
            reason,
        }) => {
            let path = format!("/orders/{}/cancel", find(order, client).await?);
            let body = json!({ "reason": reason, "lines": lines(some) });
            let receipt = client.post(&path, &body).await?;
            let done = match receipt["intent"].is_null() {
                true => "Canceled",
                false => "It is to be canceled on its channel",
            };
            told(&receipt, done, out)
        }
        Some(What::Hold(asked)) => hold(asked, client, out).await,
        Some(What::Release { order, by }) => {
            let by = query(&[("by", by.clone())]);
            let path = format!("/orders/{}/holds{by}", find(order, client).await?);
            told(&client.delete(&path).await?, "It goes on", out)
        }
        Some(What::Refund(asked)) => refund(asked, client, out).await,
        Some(What::Track(asked)) => aftersales::track(asked, client, out).await,
        Some(What::Settle(asked)) => aftersales::settle(asked, client, out).await,
        Some(What::Resend(asked)) => aftersales::resend(asked, client, out).await,
        Some(What::Return(asked)) => aftersales::come_back(asked, client, out).await,
        Some(What::Map { order, line, sku }) => {
            let path = format!("/orders/{}/lines/{line}/map", find(order, client).await?);
            let receipt = client.post(&path, &json!({ "sku": sku })).await?;
            told(&receipt, &format!("Line {line} is {sku}"), out)
        }
    }
}

/// Our id of an order that was named by it, or by its id on a channel.
pub(super) async fn find(order: &str, client: &Client) -> anyhow::Result<String> {
    if order.starts_with("ord_") {
        return Ok(encode(order));
    }
    let path = format!("/orders?external_id={}", encode(order));
    let found = client.list(&path, 10).await?;
    let ids: Vec<String> = found.iter().map(|order| show(order, "id")).collect();
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => anyhow::bail!(
            "no channel has an order with the id {order}; `oneshelf orders list` shows ours, which always \
             works (the number that buyers see is no id: others may have the same)"
        ),
        [_, _, ..] => anyhow::bail!(
            "several accounts have an order with the id {order}; use one of {}",
            ids.join(", ")
        ),
    }
}

async fn list(asked: &List, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let filters = query(&[
        ("account", asked.account.clone()),
        ("external_id", asked.external_id.clone()),
        ("phase", asked.phase.clone()),
        ("since", asked.since.clone()),
        ("tag", asked.tag.clone()),
    ]);
    let limit = asked.limit.unwrap_or(1000);
    let mut orders = client.list(&format!("/orders{filters}"), limit).await?;
    if asked.by_priority {
        let priority = |order: &Value| order["priority"].as_i64().unwrap_or_default();
        orders.sort_by_key(|order| std::cmp::Reverse(priority(order)));
    }
    let columns: [Column<'_>; 9] = [
        ("ORDER", &|order| show(order, "id")),
        ("NUMBER", &|order| show(order, "number")),
        ("ACCOUNT", &|order| show(order, "account")),
        ("PHASE", &|order| show(order, "phase")),
        ("PLACED", &|order| show(order, "placed_at")),
        ("SHIP BY", &|order| show(order, "ship_by")),
        ("TOTAL", &|order| money(order, "total")),
        ("LINES", &|order| show(order, "line_count")),
        ("TAGS", &tags),
    ];
    let is_tagged = |order: &Value| {
        order["tags"]
            .as_array()
            .is_some_and(|tags| !tags.is_empty())
    };
    // Who has no rules sees nothing of them.
    let shown = if orders.iter().any(is_tagged) {
        columns.len()
    } else {
        columns.len() - 1
    };
    out.table(&orders, columns.get(..shown).unwrap_or_default())?;
    Ok(Exit::Good)
}

/// How rules marked it, where they did.
fn marks(order: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let marks = [
        ("tags", tags(order)),
        ("priority", show(order, "priority")),
        ("route", show(order, "route.location")),
    ];
    let is_said = |(_, value): &&(&str, String)| value != "-" && value != "0";
    let marks: Vec<_> = marks.iter().filter(is_said).cloned().collect();
    out.pairs(&marks)
}

/// Which items lines may be that are not known to be any.
fn suggested(id: &str, lines: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    let mut is_first = true;
    for line in lines {
        let number = show(line, "number");
        for one in line["suggestions"].as_array().into_iter().flatten() {
            if is_first {
                out.line("")?;
            }
            is_first = false;
            let (sku, title, because) =
                (show(one, "sku"), show(one, "title"), show(one, "because"));
            out.line(&format!(
                "Line {number} may be {sku}, {title} ({because}): `oneshelf orders map {id} {number} {sku}` says so."
            ))?;
        }
    }
    Ok(())
}

/// What rules called it.
fn tags(order: &Value) -> String {
    let tags = order["tags"].as_array().into_iter().flatten();
    let tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
    match tags.is_empty() {
        true => "-".to_owned(),
        false => tags.join(", "),
    }
}

/// What rules made of it, and what looks ordered twice.
fn ruled(order: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let part = |name: &str| order[name].as_array().cloned().unwrap_or_default();
    let twins: Vec<String> = part("duplicates")
        .iter()
        .map(|id| id.as_str().unwrap_or_default().to_owned())
        .collect();
    if !twins.is_empty() {
        out.line("")?;
        out.line(&format!(
            "It looks ordered twice: the same buyer ordered the same shortly before, as {}.",
            twins.join(", ")
        ))?;
    }
    let runs = part("rules");
    if !runs.is_empty() {
        out.line("")?;
    }
    for run in runs {
        let (on, text) = (show(&run, "on"), rules::sentence(&run, ""));
        out.line(&format!("{on}: {text}"))?;
    }
    Ok(())
}

/// Until when an unpaid order keeps its stock.
fn unpaid(order: &Value) -> Option<String> {
    if let Some(by) = order["pay_by"].as_str() {
        return Some(format!(
            "It is not paid. If it is not before {by}, it loses its stock."
        ));
    }
    let waits = order["phase"] == "awaiting_payment";
    let at = order["expired_at"].as_str().filter(|_| waits)?;
    Some(format!(
        "It is not paid, and lost its stock on {at}. When it is paid, it takes again what is there then."
    ))
}

async fn show_one(id: &str, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let mut order = client.get(&format!("/orders/{id}")).await?;
    let timeline = format!("/orders/{id}/timeline");
    let timeline = client.list(&timeline, TIMELINE_MAX).await?;
    if out.is_json() {
        order["timeline"] = Value::Array(timeline);
        out.objects([&order])?;
        return Ok(Exit::Good);
    }
    let of = |path: &str| show(&order, path);
    out.pairs(&[
        ("order", of("id")),
        ("number", format!("{} on {}", of("number"), of("account"))),
        ("phase", of("phase")),
        ("payment", payment(&order)),
        ("placed", of("placed_at")),
        ("ship by", of("ship_by")),
        ("total", money(&order, "total")),
        ("refunded", money(&order, "refunded")),
        ("buyer", of("buyer.name")),
        ("ships to", address(&order["ship_to"])),
        ("note", of("note")),
        ("people", people(&order)),
    ])?;
    marks(&order, out)?;
    if let Some(sentence) = unpaid(&order) {
        out.line("")?;
        out.line(&sentence)?;
    }
    let part = |name: &str| order[name].as_array().cloned().unwrap_or_default();
    out.line("")?;
    out.table(
        &part("lines"),
        &[
            ("LINE", &|line| show(line, "number")),
            ("SKU", &sku),
            ("ORDERED", &|line| show(line, "counters.ordered")),
            ("TO SHIP", &|line| show(line, "to_ship")),
            ("PROMISED", &|line| show(line, "claimed")),
            ("MISSING", &|line| show(line, "missing")),
            ("LEAVES FROM", &leaves_from),
            ("TITLE", &|line| show(line, "title")),
        ],
    )?;
    let owed: Vec<String> = part("lines").iter().filter_map(owed).collect();
    if !owed.is_empty() {
        out.line("")?;
    }
    for sentence in owed {
        out.line(&sentence)?;
    }
    suggested(&of("id"), &part("lines"), out)?;
    payments(&part("payments"), out)?;
    if let Some(sentence) = to_pay(&order) {
        out.line(&sentence)?;
    }
    parts(&part("holds"), &part("intents"), out)?;
    ruled(&order, out)?;
    aftersales::tables(&order, out)?;
    out.line("")?;
    for entry in timeline {
        out.line(&format!("{}  {}", show(&entry, "at"), show(&entry, "text")))?;
    }
    Ok(Exit::Good)
}

/// How it stands with the money, and whether it leaves nevertheless.
fn payment(order: &Value) -> String {
    let state = show(order, "payment");
    match order["pays"].as_str() {
        Some("on_delivery") => format!("{state}; it is paid on delivery"),
        Some("on_invoice") => format!("{state}; it is paid by invoice"),
        _ => state,
    }
}

/// What is still to be paid of an order whose payments are kept here.
fn to_pay(order: &Value) -> Option<String> {
    let minor = |amount: &Value| -> Option<domain::Money> {
        let currency = domain::Currency::new(amount["currency"].as_str()?).ok()?;
        domain::Money::parse(amount["amount"].as_str()?, currency).ok()
    };
    let payments = order["payments"].as_array().filter(|all| !all.is_empty())?;
    let mut left = minor(&order["total"])?;
    for payment in payments {
        let amount = minor(&payment["amount"])?;
        left = match payment["step"].as_str()? {
            "paid" | "captured" => left.minus(amount).ok()?,
            _ => left,
        };
    }
    left.is_positive()
        .then(|| format!("{left} are still to be paid."))
}

/// What happened to the money, where no channel keeps that.
fn payments(payments: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    if payments.is_empty() {
        return Ok(());
    }
    out.line("")?;
    out.table(
        payments,
        &[
            ("MONEY", &|payment| show(payment, "step")),
            ("AMOUNT", &|payment| money(payment, "amount")),
            ("METHOD", &|payment| show(payment, "method")),
            ("REFERENCE", &|payment| show(payment, "reference")),
            ("AT", &|payment| show(payment, "at")),
            ("BY", &|payment| show(payment, "by")),
        ],
    )
}

/// Whether what it says of people is kept.
fn people(order: &Value) -> String {
    let by = show(order, "erasure.by");
    match (&order["erasure"], &order["erasure"]["done_at"]) {
        (Value::Null, _) => "kept".to_owned(),
        (_, Value::Null) => {
            format!("to be erased when nothing must be sent any more, as {by} asked")
        }
        (_, _) => format!(
            "erased at {}, as {by} asked",
            show(order, "erasure.done_at")
        ),
    }
}

/// What is owed of a line, and until when.
fn owed(line: &Value) -> Option<String> {
    let kind = match line["owed"]["kind"].as_str()? {
        "preorder" => "as a preorder",
        _ => "on backorder",
    };
    let (number, units) = (show(line, "number"), show(line, "owed.units"));
    let until = show(line, "owed.until");
    Some(format!(
        "Line {number}: {units} are owed {kind}; it waits until {until} and is no incident before."
    ))
}

fn sku(line: &Value) -> String {
    match line["sku"].as_str() {
        Some(sku) => sku.to_owned(),
        None => format!("? ({})", show(line, "channel_sku")),
    }
}

/// `berlin`, or `berlin 2, paris 1` where it is several, or a kit's parts.
fn leaves_from(line: &Value) -> String {
    let parts = line["leaves_from"].as_array().into_iter().flatten();
    let parts: Vec<(String, &Value)> = parts.map(|part| (show(part, "location"), part)).collect();
    let first = parts.first().map(|(at, _)| at);
    match first {
        None => "-".to_owned(),
        Some(only) if parts.iter().all(|(at, _)| at == only) => only.clone(),
        Some(_) => {
            let named = parts.iter().map(|(at, part)| {
                let (units, sku) = (show(part, "units"), show(part, "sku"));
                if part["sku"] == line["sku"] {
                    format!("{at} {units}")
                } else {
                    format!("{at} {units} {sku}")
                }
            });
            named.collect::<Vec<_>>().join(", ")
        }
    }
}

fn address(address: &Value) -> String {
    if address.is_null() {
        return "-".to_owned();
    }
    let street = address["street"].as_array().into_iter().flatten();
    let street = street.filter_map(|line| line.as_str().map(str::to_owned));
    let mut parts = vec![show(address, "name"), show(address, "company")];
    parts.extend(street);
    let town = ["postal_code", "city"].map(|part| address[part].as_str().unwrap_or_default());
    let town = town.join(" ").trim().to_owned();
    parts.extend([town, show(address, "country")]);
    parts.retain(|part| part != "-" && !part.is_empty());
    parts.join(", ")
}

/// Holds and intents, where there are some.
fn parts(holds: &[Value], intents: &[Value], out: &mut Out<'_>) -> anyhow::Result<()> {
    if !holds.is_empty() {
        out.line("")?;
        out.table(
            holds,
            &[
                ("HELD BECAUSE", &|hold| show(hold, "reason")),
                ("BY", &|hold| show(hold, "owner")),
                ("SINCE", &|hold| show(hold, "since")),
                ("LIFTED", &|hold| show(hold, "released_at")),
            ],
        )?;
    }
    if !intents.is_empty() {
        out.line("")?;
        out.table(
            intents,
            &[
                ("TO DO", &|intent| show(intent, "text")),
                ("STATE", &|intent| show(intent, "state")),
                ("TRIES", &|intent| show(intent, "tries")),
                ("LAST", &|intent| show(intent, "last")),
                ("ID", &|intent| show(intent, "id")),
            ],
        )?;
    }
    Ok(())
}

pub(super) fn lines(asked: &[(u32, String)]) -> Value {
    let part = |(line, units): &(u32, String)| json!({ "line": line, "units": units });
    asked.iter().map(part).collect()
}

async fn ship(asked: &Ship, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let mut body = json!({ "lines": lines(&asked.lines) });
    for (key, value) in [
        ("carrier", &asked.carrier),
        ("tracking_number", &asked.tracking_number),
        ("tracking_url", &asked.tracking_url),
        ("location", &asked.location),
    ] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    let path = format!("/orders/{}/shipments", find(&asked.order, client).await?);
    let receipt = client.post(&path, &body).await?;
    let said = format!("Recorded as {}", show(&receipt, "shipment"));
    told(&receipt, &said, out)
}

async fn hold(asked: &Hold, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let mut body = json!({ "reason": asked.reason, "keeps_claim": !asked.give_up_stock });
    for (key, value) in [("by", &asked.by), ("until", &asked.until)] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    let path = format!("/orders/{}/holds", find(&asked.order, client).await?);
    told(&client.post(&path, &body).await?, "It is on hold", out)
}

async fn refund(asked: &Refund, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let id = find(&asked.order, client).await?;
    let currency = match &asked.currency {
        Some(currency) => currency.clone(),
        None => {
            let order = client.get(&format!("/orders/{id}")).await?;
            show(&order, "total.currency")
        }
    };
    let body = json!({
        "amount": { "amount": asked.amount, "currency": currency },
        "lines": lines(&asked.lines),
        "reason": asked.reason,
    });
    let receipt = client.post(&format!("/orders/{id}/refunds"), &body).await?;
    let said = format!("{} {currency} are to be given back", asked.amount);
    told(&receipt, &said, out)
}

/// What a write did.
pub(super) fn told(receipt: &Value, done: &str, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    if out.is_json() {
        out.objects([receipt])?;
        return Ok(Exit::Good);
    }
    let phase = show(receipt, "phase");
    if receipt["effect"] == "nothing_to_do" {
        out.line(&format!("It was so already; the order is {phase}."))?;
    } else {
        out.line(&format!("{done}; the order is {phase}."))?;
    }
    Ok(Exit::Good)
}
