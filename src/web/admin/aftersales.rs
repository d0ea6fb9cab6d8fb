//! What becomes of parcels, and goods that come back.

use axum::{extract::State, http::StatusCode, response::Response};
use domain::{
    Sku, Time,
    delivery::{DeliveryStep, Tracking},
    exchange::Instead,
    returns::{ReturnReason, ReturnStep, Verdict},
    signal::Command,
    stock::LocationId,
};
use serde::Deserialize;

use super::{
    Admin,
    accounts::Nothing,
    orders::{LineUnits, SOMEBODY, few},
};
use crate::{
    ask::{Amount, Ask, At, id},
    problem::Problem,
    write::{Ticket, Write, carry_out, optional_text, text},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    state: Tracking,
    at: Option<Time>,
    place: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settlement {
    note: String,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewResend {
    shipment: Option<String>,
    #[serde(default)]
    lines: Vec<LineUnits>,
    reason: String,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    pub(super) by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReturn {
    #[serde(default)]
    lines: Vec<LineUnits>,
    reason: ReturnReason,
    note: Option<String>,
    tracking_number: Option<String>,
    #[serde(default)]
    anyway: bool,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewExchange {
    #[serde(default)]
    lines: Vec<LineUnits>,
    items: Vec<NewItem>,
    reason: ReturnReason,
    note: Option<String>,
    tracking_number: Option<String>,
    #[serde(default)]
    anyway: bool,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewItem {
    sku: Sku,
    units: Amount,
    price: Option<Amount>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReceipt {
    #[serde(default)]
    lines: Vec<LineUnits>,
    location: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInspection {
    #[serde(default)]
    lines: Vec<LineUnits>,
    verdict: Verdict,
    note: String,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    pub(super) reason: String,
    pub(super) by: Option<String>,
}

/// Who says it.
pub(super) fn who(by: Option<String>) -> Result<String, Problem> {
    Ok(optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned()))
}

pub(super) fn units(lines: Vec<LineUnits>) -> Result<Vec<(u32, domain::Decimal)>, Problem> {
    let lines = few(lines)?.into_iter();
    Ok(lines.map(|part| (part.line, part.units.0)).collect())
}

async fn deliver(
    admin: &Admin,
    ticket: Ticket,
    order: &str,
    step: DeliveryStep,
    by: Option<String>,
) -> Result<Response, Problem> {
    let command = Command::Deliver {
        order: id("order", order)?,
        step,
        by: who(by)?,
    };
    carry_out(admin, ticket, StatusCode::CREATED, command).await
}

async fn come_back(
    admin: &Admin,
    ticket: Ticket,
    order: &str,
    step: ReturnStep,
    by: Option<String>,
) -> Result<Response, Problem> {
    let command = Command::Return {
        order: id("order", order)?,
        step,
        by: who(by)?,
    };
    carry_out(admin, ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn track(
    State(admin): State<Admin>,
    At((order, shipment)): At<(String, String)>,
    Write { body, ticket }: Write<NewEvent>,
) -> Result<Response, Problem> {
    let step = DeliveryStep::Track {
        shipment: id("shipment", &shipment)?,
        state: body.state,
        at: body.at,
        place: optional_text("place", body.place)?,
    };
    deliver(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn settle(
    State(admin): State<Admin>,
    At((order, shipment)): At<(String, String)>,
    Write { body, ticket }: Write<Settlement>,
) -> Result<Response, Problem> {
    let step = DeliveryStep::Settle {
        shipment: id("shipment", &shipment)?,
        note: text("note", body.note)?,
    };
    deliver(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn resend(
    State(admin): State<Admin>,
    At(order): At<String>,
    Write { body, ticket }: Write<NewResend>,
) -> Result<Response, Problem> {
    let shipment = body.shipment.as_deref();
    let step = DeliveryStep::Resend {
        shipment: shipment.map(|one| id("shipment", one)).transpose()?,
        lines: units(body.lines)?,
        reason: text("reason", body.reason)?,
    };
    deliver(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn drop_resend(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<Signed>,
    Write { ticket, .. }: Write<Nothing>,
) -> Result<Response, Problem> {
    let command = Command::Deliver {
        order: id("order", &order)?,
        step: DeliveryStep::DropResend,
        by: who(ask.by)?,
    };
    carry_out(&admin, ticket, StatusCode::OK, command).await
}

pub(crate) async fn open_return(
    State(admin): State<Admin>,
    At(order): At<String>,
    Write { body, ticket }: Write<NewReturn>,
) -> Result<Response, Problem> {
    let step = ReturnStep::Open {
        lines: units(body.lines)?,
        reason: body.reason,
        note: optional_text("note", body.note)?,
        tracking_number: optional_text("tracking_number", body.tracking_number)?,
        anyway: body.anyway,
    };
    come_back(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn exchange(
    State(admin): State<Admin>,
    At(order): At<String>,
    Write { body, ticket }: Write<NewExchange>,
) -> Result<Response, Problem> {
    let items = body.items.into_iter().map(|one| Instead {
        sku: one.sku,
        units: one.units.0,
        price: one.price.map(|price| price.0),
    });
    let step = ReturnStep::Exchange {
        lines: units(body.lines)?,
        items: items.collect(),
        reason: body.reason,
        note: optional_text("note", body.note)?,
        tracking_number: optional_text("tracking_number", body.tracking_number)?,
        anyway: body.anyway,
    };
    come_back(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn receive(
    State(admin): State<Admin>,
    At((order, returned)): At<(String, String)>,
    Write { body, ticket }: Write<NewReceipt>,
) -> Result<Response, Problem> {
    let step = ReturnStep::Receive {
        id: id("return", &returned)?,
        lines: units(body.lines)?,
        location: optional_text("location", body.location)?.map(LocationId::new),
    };
    come_back(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn inspect(
    State(admin): State<Admin>,
    At((order, returned)): At<(String, String)>,
    Write { body, ticket }: Write<NewInspection>,
) -> Result<Response, Problem> {
    let step = ReturnStep::Inspect {
        id: id("return", &returned)?,
        lines: units(body.lines)?,
        verdict: body.verdict,
        note: text("note", body.note)?,
    };
    come_back(&admin, ticket, &order, step, body.by).await
}

pub(crate) async fn close(
    State(admin): State<Admin>,
    At((order, returned)): At<(String, String)>,
    Write { body, ticket }: Write<Ending>,
) -> Result<Response, Problem> {
    let step = ReturnStep::Close {
        id: id("return", &returned)?,
        reason: text("reason", body.reason)?,
    };
    come_back(&admin, ticket, &order, step, body.by).await
}
