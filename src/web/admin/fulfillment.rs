//! Tasks: what is picked, packed and handed over, and what waits for it.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Money, Sku,
    fulfillment::{FulfillmentStep, Missing, NewLabel, TaskState},
    signal::Command,
    stock::LocationId,
};
use engine::views::tasks;
use serde::Deserialize;

use super::{
    Admin,
    accounts::Nothing,
    aftersales::{Ending, Signed, units, who},
    orders::LineUnits,
};
use crate::{
    ask::{Amount, Ask, At, bad_parameter, id},
    paging::Place,
    problem::{self, Problem},
    write::{Ticket, Write, carry_out, optional_text, text},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksQuery {
    location: Option<String>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitingQuery {
    location: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTask {
    location: Option<String>,
    #[serde(default)]
    lines: Vec<LineUnits>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pick {
    #[serde(default)]
    lines: Vec<LineUnits>,
    #[serde(default)]
    missing: Vec<MissingUnits>,
    #[serde(default)]
    is_empty: bool,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MissingUnits {
    line: u32,
    units: Amount,
    sku: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SomeLines {
    #[serde(default)]
    lines: Vec<LineUnits>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewParcel {
    #[serde(default)]
    lines: Vec<LineUnits>,
    weight_g: Option<u32>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelOf {
    carrier: String,
    tracking_number: String,
    tracking_url: Option<String>,
    reference: Option<String>,
    cost: Option<Money>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HandOver {
    #[serde(default)]
    parcels: Vec<u32>,
    carrier: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
    #[serde(default)]
    is_to_buyer: bool,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    into: String,
    by: Option<String>,
}

/// How a label was given back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Voided {
    by: Option<String>,
    by_hand: Option<bool>,
}

pub(super) async fn fulfill(
    admin: &Admin,
    ticket: Ticket,
    order: &str,
    step: FulfillmentStep,
    by: Option<String>,
) -> Result<Response, Problem> {
    let command = Command::Fulfill {
        order: id("order", order)?,
        step,
        by: who(by)?,
    };
    carry_out(admin, ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn open_tasks(
    State(admin): State<Admin>,
    Ask(ask): Ask<TasksQuery>,
) -> Result<Response, Problem> {
    let words = TaskState::ALL.map(TaskState::word);
    let state = ask.state.as_deref().map(|word| {
        let known = TaskState::from_word(word);
        known.ok_or_else(|| bad_parameter("state", format!("use one of {}", words.join(", "))))
    });
    let state = state.transpose()?;
    let location = ask.location.map(LocationId::new);
    let of = ("tasks", &location, state);
    let place = Place::read(&of, ask.cursor.as_deref(), ask.limit)?;
    let (after, limit) = (place.after.clone(), place.limit);
    let page = tasks::open(&admin.engine, location.as_ref(), state, after, limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn waiting(
    State(admin): State<Admin>,
    Ask(ask): Ask<WaitingQuery>,
) -> Result<Response, Problem> {
    let location = ask.location.map(LocationId::new);
    let place = Place::read(&("waiting", &location), ask.cursor.as_deref(), ask.limit)?;
    let (after, limit) = (place.after.clone(), place.limit);
    let page = tasks::waiting(&admin.engine, location.as_ref(), after, limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn open(
    State(admin): State<Admin>,
    At(order): At<String>,
    Write { body, ticket }: Write<NewTask>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Open {
        location: optional_text("location", body.location)?.map(LocationId::new),
        lines: units(body.lines)?,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn pick(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<Pick>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Pick {
        task: id("task", &task)?,
        lines: units(body.lines)?,
        missing: missing(body.missing)?,
        is_empty: body.is_empty,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

fn missing(missing: Vec<MissingUnits>) -> Result<Vec<Missing>, Problem> {
    let parts = missing.iter().map(|one| LineUnits {
        line: one.line,
        units: one.units,
    });
    units(parts.collect())?;
    let read = missing.into_iter().map(|one| {
        let sku = one.sku.map(|sku| sku.parse::<Sku>()).transpose();
        let sku = sku.map_err(|error| {
            Problem::new(&problem::BAD_BODY, format!("missing: {error}")).with("path", "missing")
        })?;
        Ok(Missing {
            line: one.line,
            units: one.units.0,
            sku,
        })
    });
    read.collect()
}

pub(crate) async fn put_back(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<SomeLines>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::PutBack {
        task: id("task", &task)?,
        lines: units(body.lines)?,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn pack(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<NewParcel>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Pack {
        task: id("task", &task)?,
        lines: units(body.lines)?,
        weight_g: body.weight_g,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn unpack(
    State(admin): State<Admin>,
    At((order, task, parcel)): At<(String, String, u32)>,
    Ask(ask): Ask<Signed>,
    Write { ticket, .. }: Write<Nothing>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Unpack {
        task: id("task", &task)?,
        parcel,
    };
    fulfill(&admin, ticket, &order, step, ask.by).await
}

pub(crate) async fn label(
    State(admin): State<Admin>,
    At((order, task, parcel)): At<(String, String, u32)>,
    Write { body, ticket }: Write<LabelOf>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Label {
        task: id("task", &task)?,
        parcel,
        label: NewLabel {
            carrier: text("carrier", body.carrier)?,
            tracking_number: text("tracking_number", body.tracking_number)?,
            tracking_url: optional_text("tracking_url", body.tracking_url)?,
            reference: optional_text("reference", body.reference)?,
            cost: body.cost,
        },
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn void_label(
    State(admin): State<Admin>,
    At((order, task, parcel)): At<(String, String, u32)>,
    Ask(ask): Ask<Voided>,
    Write { ticket, .. }: Write<Nothing>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::VoidLabel {
        task: id("task", &task)?,
        parcel,
        by_hand: ask.by_hand.unwrap_or_default(),
    };
    fulfill(&admin, ticket, &order, step, ask.by).await
}

pub(crate) async fn hand_over(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<HandOver>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::HandOver {
        task: id("task", &task)?,
        parcels: body.parcels,
        carrier: optional_text("carrier", body.carrier)?,
        tracking_number: optional_text("tracking_number", body.tracking_number)?,
        tracking_url: optional_text("tracking_url", body.tracking_url)?,
        is_to_buyer: body.is_to_buyer,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn split(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<SomeLines>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Split {
        task: id("task", &task)?,
        lines: units(body.lines)?,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn merge(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<Merge>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Merge {
        task: id("task", &task)?,
        into: id("into", &body.into)?,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn close(
    State(admin): State<Admin>,
    At((order, task)): At<(String, String)>,
    Write { body, ticket }: Write<Ending>,
) -> Result<Response, Problem> {
    let step = FulfillmentStep::Close {
        task: id("task", &task)?,
        reason: text("reason", body.reason)?,
    };
    fulfill(&admin, ticket, &order, step, body.by).await
}
