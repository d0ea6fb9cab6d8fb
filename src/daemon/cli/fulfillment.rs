//! `oneshelf orders task` and `tasks`: what is picked, packed and handed over.

use std::path::PathBuf;

use clap::{Subcommand, builder::PossibleValuesParser};
use domain::fulfillment::TaskState;
use serde_json::{Value, json};

use super::{
    aftersales::{body, choose, load, texted},
    client::{Client, query},
    labels,
    orders::{find, line_units, lines, told},
    out::{Out, money, show},
};
use crate::exit::Exit;

/// What is being worked on.
#[derive(Debug, clap::Args)]
pub(super) struct Tasks {
    /// Only at this location.
    #[arg(long)]
    location: Option<String>,
    /// Only those that are so far.
    #[arg(long, value_parser = PossibleValuesParser::new(TaskState::ALL.map(TaskState::word)))]
    state: Option<String>,
    /// What nobody picks yet instead: the most urgent first.
    #[arg(long, conflicts_with = "state")]
    waiting: bool,
    /// How many at most.
    #[arg(long, default_value_t = 1000)]
    limit: usize,
}

/// A step of a task. Without --task the only open one of the order is meant.
#[derive(Debug, Subcommand)]
pub(super) enum Step {
    /// Begins to pick: at one location, or at each that units leave from.
    Open {
        /// Our id of the order, or its id on its channel.
        order: String,
        /// Where.
        #[arg(long)]
        location: Option<String>,
        /// A line and how many units of it, `1=2`; all that no task has when none is said.
        #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
        lines: Vec<(u32, String)>,
        /// Who.
        #[arg(long)]
        by: Option<String>,
    },
    /// Says what was fetched: all that is left when no line is said, less what was not found.
    Pick(Pick),
    /// Says what lies again where it lay: all that must not leave any more when no line is said.
    PutBack {
        #[command(flatten)]
        of: Of,
        /// A line and how many units of it, `1=2`.
        #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
        lines: Vec<(u32, String)>,
    },
    /// Packs a parcel: all that lies loose when no line is said.
    Pack {
        #[command(flatten)]
        of: Of,
        /// A line and how many units of it, `1=2`.
        #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
        lines: Vec<(u32, String)>,
        /// What the parcel weighs, in grams.
        #[arg(long)]
        weight_g: Option<u32>,
    },
    /// Unpacks a parcel.
    Unpack {
        #[command(flatten)]
        of: Of,
        /// Which parcel, by its number within the task.
        #[arg(long)]
        parcel: u32,
    },
    /// Notes the label of a parcel.
    Label(Label),
    /// Notes that the label of a parcel was given back.
    VoidLabel {
        #[command(flatten)]
        of: Of,
        /// Which parcel, by its number within the task.
        #[arg(long)]
        parcel: u32,
        /// It was given back at the provider already.
        #[arg(long)]
        by_hand: bool,
    },
    /// Asks a provider what sending a parcel would cost.
    Rates {
        #[command(flatten)]
        of: Of,
        /// Which parcel, by its number within the task.
        #[arg(long)]
        parcel: u32,
        /// Of which provider, where there are several.
        #[arg(long)]
        provider: Option<String>,
    },
    /// Fetches a label that a provider sold, to be printed.
    PrintLabel {
        #[command(flatten)]
        of: Of,
        /// Which parcel, by its number within the task.
        #[arg(long)]
        parcel: u32,
        /// Where to write the PDF.
        #[arg(long, short)]
        output: PathBuf,
    },
    /// Hands parcels over; they leave the shelf, and the channel is told.
    HandOver(HandOver),
    /// Lets units that nobody has picked go on as a task of their own.
    Split {
        #[command(flatten)]
        of: Of,
        /// A line and how many units of it, `1=2`.
        #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units, required = true)]
        lines: Vec<(u32, String)>,
    },
    /// Lets a task go on as part of another at the same location.
    Merge {
        #[command(flatten)]
        of: Of,
        /// Into which.
        #[arg(long)]
        into: String,
    },
    /// Does nothing more of a task: what was packed is unpacked, what was picked is put back.
    Close {
        #[command(flatten)]
        of: Of,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Which task.
#[derive(Debug, clap::Args)]
pub(super) struct Of {
    /// Our id of the order, or its id on its channel.
    order: String,
    /// Which task; the open one when none is said.
    #[arg(long)]
    task: Option<String>,
    /// Who.
    #[arg(long)]
    pub(super) by: Option<String>,
}

/// What was fetched, and what was not found.
#[derive(Debug, clap::Args)]
pub(super) struct Pick {
    #[command(flatten)]
    of: Of,
    /// A line and how many units of it, `1=2`.
    #[arg(long = "line", value_name = "LINE=UNITS", value_parser = line_units)]
    lines: Vec<(u32, String)>,
    /// A line and how many units of it were not found, `1=2`: they are written off there, and leave from
    /// elsewhere where they can.
    #[arg(long = "missing", value_name = "LINE=UNITS", value_parser = line_units)]
    missing: Vec<(u32, String)>,
    /// Which item of a kit was not found.
    #[arg(long, requires = "missing")]
    sku: Option<String>,
    /// Nothing more of it lies there than what is in hand.
    #[arg(long, requires = "missing")]
    empty: bool,
}

/// The label of a parcel.
#[derive(Debug, clap::Args)]
pub(super) struct Label {
    #[command(flatten)]
    of: Of,
    /// Which parcel, by its number within the task.
    #[arg(long)]
    parcel: u32,
    /// Buy it of a provider.
    #[arg(long, conflicts_with_all = ["carrier", "tracking_number", "tracking_url", "reference", "cost"])]
    buy: bool,
    /// Of which provider, where there are several.
    #[arg(long, requires = "buy")]
    provider: Option<String>,
    /// The provider's word for how it goes; its usual one when it is not said.
    #[arg(long, requires = "buy")]
    service: Option<String>,
    /// Who carries it.
    #[arg(long, required_unless_present = "buy")]
    carrier: Option<String>,
    /// Its number there.
    #[arg(long, required_unless_present = "buy")]
    tracking_number: Option<String>,
    /// Where to follow it.
    #[arg(long)]
    tracking_url: Option<String>,
    /// What whoever sold the label calls it.
    #[arg(long)]
    reference: Option<String>,
    /// What it cost, `4.90`.
    #[arg(long)]
    cost: Option<String>,
    /// In which currency; that of the order when it is not said.
    #[arg(long, requires = "cost")]
    currency: Option<String>,
}

/// Parcels that leave.
#[derive(Debug, clap::Args)]
pub(super) struct HandOver {
    #[command(flatten)]
    of: Of,
    /// Which parcels, by their numbers within the task; all when none is said. Where nothing is packed, all of
    /// the task leaves as one.
    #[arg(long = "parcel", value_name = "NUMBER")]
    parcels: Vec<u32>,
    /// Who carries it; as on the label when nobody says.
    #[arg(long)]
    carrier: Option<String>,
    /// Its number there.
    #[arg(long)]
    tracking_number: Option<String>,
    /// Where to follow it.
    #[arg(long)]
    tracking_url: Option<String>,
    /// The buyer has it: it was picked up, brought, or done.
    #[arg(long)]
    to_buyer: bool,
}

pub(super) async fn list(
    asked: &Tasks,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let filters = query(&[
        ("location", asked.location.clone()),
        ("state", asked.state.clone()),
    ]);
    if asked.waiting {
        let path = format!("/tasks/waiting{filters}");
        return waiting(&client.list(&path, asked.limit).await?, out);
    }
    let tasks = client
        .list(&format!("/tasks{filters}"), asked.limit)
        .await?;
    out.table(
        &tasks,
        &[
            ("TASK", &|task| show(task, "id")),
            ("LOCATION", &|task| show(task, "location")),
            ("STATE", &state),
            ("ORDER", &|task| show(task, "order")),
            ("NUMBER", &|task| show(task, "number")),
            ("ACCOUNT", &|task| show(task, "account")),
            ("SHIP BY", &|task| show(task, "ship_by")),
            ("UNITS", &to_do),
            ("SINCE", &|task| show(task, "opened_at")),
        ],
    )?;
    Ok(Exit::Good)
}

/// A stop sign stands before everything else.
fn state(task: &Value) -> String {
    match task["is_stopped"] == true {
        true => format!("STOP ({})", show(task, "state")),
        false => show(task, "state"),
    }
}

/// `2 MUG, 1 PLATE`: what is to leave with a task.
fn to_do(task: &Value) -> String {
    let parts = task["lines"].as_array().into_iter().flatten();
    let parts = parts.map(|part| format!("{} {}", show(part, "units"), named(part)));
    parts.collect::<Vec<_>>().join(", ")
}

fn named(part: &Value) -> String {
    match part["sku"].as_str() {
        Some(sku) => sku.to_owned(),
        None => show(part, "title"),
    }
}

fn waiting(orders: &[Value], out: &mut Out<'_>) -> anyhow::Result<Exit> {
    out.table(
        orders,
        &[
            ("LOCATION", &|order| show(order, "location")),
            ("ORDER", &|order| show(order, "id")),
            ("NUMBER", &|order| show(order, "number")),
            ("ACCOUNT", &|order| show(order, "account")),
            ("SHIP BY", &|order| show(order, "ship_by")),
            ("PLACED", &|order| show(order, "placed_at")),
            ("TO PICK", &to_do),
        ],
    )?;
    Ok(Exit::Good)
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each step, and most of them are a call"
)]
pub(super) async fn step(asked: &Step, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    match asked {
        Step::Open {
            order,
            location,
            lines: some,
            by,
        } => {
            let path = format!("/orders/{}/tasks", find(order, client).await?);
            let said = body([
                ("location", texted(location.as_ref())),
                ("lines", Some(lines(some))),
                ("by", texted(by.as_ref())),
            ]);
            let receipt = client.post(&path, &said).await?;
            let tasks = receipt["tasks"].as_array().into_iter().flatten();
            let tasks: Vec<&str> = tasks.filter_map(Value::as_str).collect();
            told(&receipt, &format!("Opened as {}", tasks.join(", ")), out)
        }
        Step::Pick(asked) => pick(asked, client, out).await,
        Step::PutBack { of, lines: some } => {
            let said = [("lines", Some(lines(some)))];
            post(of, "put-backs", said, "Put back", client, out).await
        }
        Step::Pack {
            of,
            lines: some,
            weight_g,
        } => {
            let (path, _) = path(of, client).await?;
            let said = body([
                ("lines", Some(lines(some))),
                ("weight_g", weight_g.map(|g| json!(g))),
                ("by", texted(of.by.as_ref())),
            ]);
            let receipt = client.post(&format!("{path}/parcels"), &said).await?;
            let done = format!("Packed as parcel {}", show(&receipt, "parcel"));
            told(&receipt, &done, out)
        }
        Step::Unpack { of, parcel } => {
            delete(of, &format!("parcels/{parcel}"), "Unpacked", client, out).await
        }
        Step::Label(asked) => label(asked, client, out).await,
        Step::VoidLabel {
            of,
            parcel,
            by_hand,
        } => labels::give_back(of, *parcel, *by_hand, client, out).await,
        Step::Rates {
            of,
            parcel,
            provider,
        } => labels::rates(of, *parcel, provider.as_ref(), client, out).await,
        Step::PrintLabel { of, parcel, output } => {
            labels::print(of, *parcel, output, client, out).await
        }
        Step::HandOver(asked) => hand_over(asked, client, out).await,
        Step::Split { of, lines: some } => {
            let said = [("lines", Some(lines(some)))];
            post(of, "split", said, "Split", client, out).await
        }
        Step::Merge { of, into } => {
            let said = [("into", Some(json!(into)))];
            post(of, "merge", said, "Merged", client, out).await
        }
        Step::Close { of, reason } => {
            let said = [("reason", Some(json!(reason)))];
            post(of, "close", said, "Closed", client, out).await
        }
    }
}

/// The path of the task that is meant, and its order.
pub(super) async fn path(of: &Of, client: &Client) -> anyhow::Result<(String, Value)> {
    let (path, order) = load(&of.order, client).await?;
    let is_open = |task: &Value| task["state"] != "closed";
    let task = choose(
        &order["tasks"],
        ("task", "--task"),
        of.task.as_deref(),
        is_open,
    )?;
    Ok((format!("{path}/tasks/{task}"), order))
}

async fn post<const N: usize>(
    of: &Of,
    step: &str,
    said: [(&str, Option<Value>); N],
    done: &str,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (path, _) = path(of, client).await?;
    let mut said = body(said);
    if let Some(by) = &of.by {
        said["by"] = json!(by);
    }
    told(
        &client.post(&format!("{path}/{step}"), &said).await?,
        done,
        out,
    )
}

async fn delete(
    of: &Of,
    what: &str,
    done: &str,
    client: &Client,
    out: &mut Out<'_>,
) -> anyhow::Result<Exit> {
    let (path, _) = path(of, client).await?;
    let by = query(&[("by", of.by.clone())]);
    told(
        &client.delete(&format!("{path}/{what}{by}")).await?,
        done,
        out,
    )
}

async fn pick(asked: &Pick, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let missing = asked.missing.iter().map(|(line, units)| {
        body([
            ("line", Some(json!(line))),
            ("units", Some(json!(units))),
            ("sku", texted(asked.sku.as_ref())),
        ])
    });
    let said = [
        ("lines", Some(lines(&asked.lines))),
        ("missing", Some(missing.collect())),
        ("is_empty", Some(json!(asked.empty))),
    ];
    post(&asked.of, "picks", said, "Picked", client, out).await
}

async fn label(asked: &Label, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let (path, order) = path(&asked.of, client).await?;
    if asked.buy {
        let said = body([
            ("provider", texted(asked.provider.as_ref())),
            ("service", texted(asked.service.as_ref())),
            ("by", texted(asked.of.by.as_ref())),
        ]);
        let path = format!("{path}/parcels/{}/label/buy", asked.parcel);
        return told(
            &client.post(&path, &said).await?,
            "A label is to be bought",
            out,
        );
    }
    let currency = asked.currency.clone();
    let currency = currency.unwrap_or_else(|| show(&order, "total.currency"));
    let cost = asked.cost.as_ref();
    let said = body([
        ("carrier", texted(asked.carrier.as_ref())),
        ("tracking_number", texted(asked.tracking_number.as_ref())),
        ("tracking_url", texted(asked.tracking_url.as_ref())),
        ("reference", texted(asked.reference.as_ref())),
        (
            "cost",
            cost.map(|amount| json!({ "amount": amount, "currency": currency })),
        ),
        ("by", texted(asked.of.by.as_ref())),
    ]);
    let path = format!("{path}/parcels/{}/label", asked.parcel);
    told(&client.post(&path, &said).await?, "Labeled", out)
}

async fn hand_over(asked: &HandOver, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let said = [
        ("parcels", Some(json!(asked.parcels))),
        ("carrier", texted(asked.carrier.as_ref())),
        ("tracking_number", texted(asked.tracking_number.as_ref())),
        ("tracking_url", texted(asked.tracking_url.as_ref())),
        ("is_to_buyer", Some(json!(asked.to_buyer))),
    ];
    post(&asked.of, "hand-over", said, "Handed over", client, out).await
}

/// What is and was worked on, with parcels that are still here.
pub(super) fn tables(order: &Value, out: &mut Out<'_>) -> anyhow::Result<()> {
    let tasks = order["tasks"].as_array().into_iter().flatten();
    for task in tasks {
        out.line("")?;
        out.line(&format!(
            "Task {} at {}: {}, opened by {} on {}",
            show(task, "id"),
            show(task, "location"),
            show(task, "state"),
            show(task, "by"),
            show(task, "opened_at"),
        ))?;
        out.table(
            &task["lines"].as_array().cloned().unwrap_or_default(),
            &[
                ("LINE", &|part| show(part, "line")),
                ("ITEM", &named),
                ("UNITS", &|part| show(part, "units")),
                ("PICKED", &|part| show(part, "picked")),
                ("PACKED", &|part| show(part, "packed")),
                ("LEFT", &|part| show(part, "left")),
                ("TO PUT BACK", &|part| show(part, "to_put_back")),
            ],
        )?;
        let parcels = task["parcels"].as_array().into_iter().flatten();
        for parcel in parcels.filter(|parcel| parcel["left_as"].is_null()) {
            out.line(&parcel_line(parcel))?;
        }
    }
    Ok(())
}

fn parcel_line(parcel: &Value) -> String {
    let parts = parcel["lines"].as_array().into_iter().flatten();
    let parts = parts.map(|part| format!("line {}: {}", show(part, "line"), show(part, "units")));
    let parts = parts.collect::<Vec<_>>().join(", ");
    let weight = parcel["weight_g"].as_u64();
    let weight = weight.map_or_else(String::new, |g| format!(", {g} g"));
    let label = match parcel["label"].is_null() {
        true => "no label".to_owned(),
        false => {
            let cost = match parcel["label"]["cost"].is_null() {
                true => String::new(),
                false => format!(" for {}", money(parcel, "label.cost")),
            };
            let (carrier, number) = (
                show(parcel, "label.carrier"),
                show(parcel, "label.tracking_number"),
            );
            format!("{carrier} {number}{cost}")
        }
    };
    format!(
        "Parcel {} ({parts}{weight}): {label}",
        show(parcel, "number")
    )
}
