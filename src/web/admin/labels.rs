//! Labels of a provider: bought, asked the price of, and fetched for printing.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    decide::Refusal,
    fulfillment::{FulfillmentRefusal, FulfillmentStep, Parcel, Task},
    ids::{OrderId, TaskId},
    order::Order,
    signal::Command,
};
use engine::gateways::labels::{LabelProvider, NotHad, Rate};
use serde::{Deserialize, Serialize};

use super::{Admin, aftersales::who};
use crate::{
    ask::{Ask, At, id},
    problem::{self, Problem},
    write::{Write, carry_out, optional_text},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelOrder {
    provider: Option<String>,
    service: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RatesQuery {
    provider: Option<String>,
}

#[derive(Serialize)]
struct Rates {
    provider: String,
    rates: Vec<Rate>,
}

#[derive(Serialize)]
struct LabelFile {
    reference: String,
    pdf_base64: String,
}

/// The provider that is named, or the only one.
fn provider<'a>(admin: &'a Admin, name: Option<&str>) -> Result<&'a LabelProvider, Problem> {
    let all = &admin.engine.gateways.labels;
    let found = match name {
        Some(name) => all.get(name),
        None if all.len() == 1 => all.values().next(),
        None => None,
    };
    found.map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<&str> = all.keys().map(String::as_str).collect();
        let known = match known.is_empty() {
            true => "none is configured".to_owned(),
            false => format!("name one of: {}", known.join(", ")),
        };
        let detail = match name {
            Some(name) => format!("there is no provider of labels `{name}`: {known}"),
            None => format!("which provider of labels is not said: {known}"),
        };
        Problem::new(&problem::NO_LABEL_PROVIDER, detail)
    })
}

pub(crate) async fn buy(
    State(admin): State<Admin>,
    At((order, task, parcel)): At<(String, String, u32)>,
    Write { body, ticket }: Write<LabelOrder>,
) -> Result<Response, Problem> {
    let provider = provider(&admin, body.provider.as_deref())?;
    let service = optional_text("service", body.service)?;
    let command = Command::Fulfill {
        order: id("order", &order)?,
        step: FulfillmentStep::BuyLabel {
            task: id("task", &task)?,
            parcel,
            provider: provider.name.clone(),
            service: service.or_else(|| provider.service.clone()),
        },
        by: who(body.by)?,
    };
    carry_out(&admin, ticket, StatusCode::ACCEPTED, command).await
}

/// An order, with the task and the parcel that are named.
async fn find(
    admin: &Admin,
    (order, task, parcel): (String, String, u32),
) -> Result<(Order, Task, Parcel), Problem> {
    let (id, task): (OrderId, TaskId) = (id("order", &order)?, id("task", &task)?);
    let order = admin.engine.order_of(id).await?;
    let order = order.ok_or(Refusal::NoOrder(id))?;
    let found = order.task(task).cloned();
    let found = found.ok_or(Refusal::NoTask { order: id, task })?;
    let parcel = found
        .parcel(parcel)
        .cloned()
        .ok_or(Refusal::Fulfillment(FulfillmentRefusal::NoParcel(parcel)))?;
    Ok((order, found, parcel))
}

pub(crate) async fn rates(
    State(admin): State<Admin>,
    At(named): At<(String, String, u32)>,
    Ask(ask): Ask<RatesQuery>,
) -> Result<Response, Problem> {
    let (order, task, parcel) = find(&admin, named).await?;
    let provider = provider(&admin, ask.provider.as_deref())?;
    let rates = admin.engine.rates(&order, (&task, &parcel), provider).await;
    let (rates, provider) = (rates.map_err(not_had)?, provider.name.clone());
    Ok(Json(Rates { provider, rates }).into_response())
}

pub(crate) async fn file(
    State(admin): State<Admin>,
    At(named): At<(String, String, u32)>,
) -> Result<Response, Problem> {
    let (_, _, parcel) = find(&admin, named).await?;
    let label = parcel.label();
    let sold = label.and_then(|label| Some((label.provider.clone()?, label.reference.clone()?)));
    let (name, reference) = sold.ok_or_else(|| {
        let detail = format!("parcel {} has no label that a provider sold", parcel.number);
        Problem::new(&problem::LABEL_NOT_HAD, detail)
    })?;
    let provider = provider(&admin, Some(&name))?;
    let file = admin.engine.label_file(provider, &reference).await;
    let pdf_base64 = BASE64_STANDARD.encode(file.map_err(not_had)?);
    Ok(Json(LabelFile {
        reference,
        pdf_base64,
    })
    .into_response())
}

fn not_had(error: NotHad) -> Problem {
    match error {
        NotHad::Store(error) => error.into(),
        NotHad::Nothing(_) | NotHad::Provider(_) => {
            Problem::new(&problem::LABEL_NOT_HAD, error.to_string())
        }
    }
}
