//! `oneshelf orders`: the order book, and everything that is done to an order.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    aftersales::{self, Exchange, Resend, Return, Settle, Track},
    allocation::{self, Allocate, Unallocate},
    client::{Client, Connect, encode, query},
    documents,
    due::{self, Due},
    evidence::{self, Evidence},
    fulfillment::{self, Step, Tasks},
    out::{Column, Out, money, show},
    overview::{self, Note, Show},
    placing::{self, Add, Pay},
};
use crate::exit::Exit;

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
    /// Shows one order: its lines, parcels, everything that happened to it, and what to do next.
    Show(Show),
    /// Writes a note beside an order, for staff.
    Note(Note),
    /// Writes down all that is known of an order, people too, for a dispute: one ZIP file.
    Evidence(Evidence),
    /// Lists what must leave or arrive soon or is late, and parcels that nobody heard of.
    Due(Due),
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
    /// Sends one of the configured messages about an order.
    Tell {
        /// Our id of it, or its id on its channel.
        order: String,
        /// The name of the message.
        message: String,
    },
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
    /// Lists what is being picked and packed, or waits for it.
    Tasks(Tasks),
    /// Picks, packs, labels and hands over.
    #[command(subcommand)]
    Task(Step),
    /// Notes what happened to a parcel.
    Track(Track),
    /// Says that somebody saw to a parcel that went astray.
    Settle(Settle),
    /// Sends units again that left and do not come back.
    Resend(Resend),
    /// Sends other goods for those that come back.
    Exchange(Exchange),
    /// Takes goods back: announces them, takes them in, and says what becomes of them.
    #[command(subcommand)]
    Return(Return),
    /// Draws a document of an order, and issues it first if it is an invoice or a credit note.
    Document(Box<documents::Draw>),
    /// Draws what is to be fetched for some orders.
    PickList(documents::PickList),
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
    /// Only with this number, id, SKU or tracking number, or what begins so.
    #[arg(long)]
    find: Option<String>,
    /// Those that a saved view of the dashboard shows; what is said besides goes before it.
    #[arg(long, requires = "of", value_name = "NAME")]
    view: Option<String>,
    /// Whose view.
    #[arg(long, requires = "view", value_name = "USER")]
    of: Option<String>,
    /// The newest first.
    #[arg(long)]
    newest: bool,
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
    /// The message that asks the buyer for what is missing.
    #[arg(long)]
    ask: Option<String>,
}

#[derive(Debug, clap::Args)]
struct Refund {
    /// Our id of it, or its id on its channel.
    order: String,
    /// How much, `12.50`; what the units of the return cost when one is named and no amount.
    #[arg(
        long,
        allow_negative_numbers = true,
        required_unless_present = "of_return"
    )]
    amount: Option<String>,
    /// In which currency; that of the order when it is not said.
    #[arg(long)]
    currency: Option<String>,
    /// For which line, and how many units of it: `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// Why, for the buyer.
    #[arg(long)]
    reason: String,
    /// For what came back with this return: all of it that no money was given for, when no line is said.
    #[arg(long = "return", value_name = "RETURN")]
    of_return: Option<String>,
    /// Also for more than came back with it.
    #[arg(long, requires = "of_return")]
    anyway: bool,
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
        Some(What::Show(asked)) => overview::show_one(asked, client, out).await,
        Some(What::Note(asked)) => overview::note(asked, client, out).await,
        Some(What::Due(asked)) => due::run(asked, client, out).await,
        Some(What::Evidence(asked)) => evidence::make(asked, client, out).await,
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
        Some(What::Tell { order, message }) => {
            let path = format!("/orders/{}/messages", find(order, client).await?);
            let receipt = client.post(&path, &json!({ "message": message })).await?;
            told(&receipt, "It is to be sent", out)
        }
        Some(What::Release { order, by }) => {
            let by = query(&[("by", by.clone())]);
            let path = format!("/orders/{}/holds{by}", find(order, client).await?);
            told(&client.delete(&path).await?, "It goes on", out)
        }
        Some(What::Refund(asked)) => refund(asked, client, out).await,
        Some(What::Tasks(asked)) => fulfillment::list(asked, client, out).await,
        Some(What::Task(asked)) => fulfillment::step(asked, client, out).await,
        Some(What::Track(asked)) => aftersales::track(asked, client, out).await,
        Some(What::Settle(asked)) => aftersales::settle(asked, client, out).await,
        Some(What::Resend(asked)) => aftersales::resend(asked, client, out).await,
        Some(What::Exchange(asked)) => aftersales::exchange(asked, client, out).await,
        Some(What::Return(asked)) => aftersales::come_back(asked, client, out).await,
        Some(What::Document(asked)) => documents::draw(asked, client, out).await,
        Some(What::PickList(asked)) => documents::pick_list(asked, client, out).await,
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

/// What rules called it.
pub(super) fn tags(order: &Value) -> String {
    let tags = order["tags"].as_array().into_iter().flatten();
    let tags: Vec<&str> = tags.filter_map(Value::as_str).collect();
    match tags.is_empty() {
        true => "-".to_owned(),
        false => tags.join(", "),
    }
}

/// What of an order is too late.
pub(super) fn flags(order: &Value) -> String {
    let flags = order["flags"].as_array().into_iter().flatten();
    let flags: Vec<&str> = flags.filter_map(Value::as_str).collect();
    match flags.is_empty() {
        true => "-".to_owned(),
        false => flags.join(", "),
    }
}

/// What a saved view of somebody shows, by the names of its filters.
async fn saved(asked: &List, client: &Client) -> anyhow::Result<BTreeMap<String, String>> {
    let (Some(name), Some(user)) = (&asked.view, &asked.of) else {
        return Ok(BTreeMap::new());
    };
    let path = format!("/users/{}/views", encode(user));
    let views = client.get(&path).await?["items"].take();
    let views = views.as_array().cloned().unwrap_or_default();
    let view = views.iter().find(|view| view["name"] == **name);
    let Some(view) = view else {
        let names: Vec<String> = views.iter().map(|view| show(view, "name")).collect();
        anyhow::bail!(
            "{user} has no view called {name}; there are: {}",
            names.join(", ")
        );
    };
    let filters = view["filters"].as_object().into_iter().flatten();
    let text = |(name, text): (&String, &Value)| Some((name.clone(), text.as_str()?.to_owned()));
    let filters: BTreeMap<String, String> = filters.filter_map(text).collect();
    anyhow::ensure!(
        !filters.contains_key("late"),
        "the view {name} shows what is late: use `oneshelf orders due --state late`"
    );
    Ok(filters)
}

async fn list(asked: &List, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let saved = saved(asked, client).await?;
    let or_saved = |said: &Option<String>, name: &str| {
        let saved = saved.get(name).cloned();
        said.clone().or(saved)
    };
    // The dashboard shows the newest first, unless its view says otherwise.
    let is_newest = asked.view.is_some() && !saved.contains_key("sort");
    let newest = (asked.newest || is_newest).then(|| true.to_string());
    let filters = query(&[
        ("account", or_saved(&asked.account, "account")),
        ("external_id", asked.external_id.clone()),
        ("phase", or_saved(&asked.phase, "phase")),
        ("since", asked.since.clone()),
        ("tag", or_saved(&asked.tag, "tag")),
        ("q", asked.find.clone()),
        ("newest_first", newest),
    ]);
    let limit = asked.limit.unwrap_or(1000);
    let mut orders = client.list(&format!("/orders{filters}"), limit).await?;
    if asked.by_priority {
        let priority = |order: &Value| order["priority"].as_i64().unwrap_or_default();
        orders.sort_by_key(|order| std::cmp::Reverse(priority(order)));
    }
    let columns: [Column<'_>; 10] = [
        ("ORDER", &|order| show(order, "id")),
        ("NUMBER", &|order| show(order, "number")),
        ("ACCOUNT", &|order| show(order, "account")),
        ("PHASE", &|order| show(order, "phase")),
        ("PLACED", &|order| show(order, "placed_at")),
        ("SHIP BY", &|order| show(order, "ship_by")),
        ("TOTAL", &|order| money(order, "total")),
        ("LINES", &|order| show(order, "line_count")),
        ("FLAGS", &flags),
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
    for (key, value) in [
        ("by", &asked.by),
        ("until", &asked.until),
        ("ask", &asked.ask),
    ] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    let path = format!("/orders/{}/holds", find(&asked.order, client).await?);
    told(&client.post(&path, &body).await?, "It is on hold", out)
}

async fn refund(asked: &Refund, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let id = find(&asked.order, client).await?;
    let mut body = json!({ "lines": lines(&asked.lines), "reason": asked.reason });
    let mut said = "What came back is to be paid back".to_owned();
    if let Some(amount) = &asked.amount {
        let currency = match &asked.currency {
            Some(currency) => currency.clone(),
            None => {
                let order = client.get(&format!("/orders/{id}")).await?;
                show(&order, "total.currency")
            }
        };
        body["amount"] = json!({ "amount": amount, "currency": currency });
        said = format!("{amount} {currency} are to be given back");
    }
    if let Some(of) = &asked.of_return {
        body["return"] = json!(of);
        body["anyway"] = json!(asked.anyway);
    }
    let receipt = client.post(&format!("/orders/{id}/refunds"), &body).await?;
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
