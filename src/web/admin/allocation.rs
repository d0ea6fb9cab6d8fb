//! Where orders leave from: a dry run that says why, and choosing it or taking it back.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{signal::Command, stock::LocationId};
use engine::views;
use serde::Deserialize;

use super::Admin;
use crate::{
    ask::{Ask, At, id},
    problem::Problem,
    write::{Write, carry_out, optional_text},
};

/// Who did it when nobody says.
const SOMEBODY: &str = "api";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanQuery {
    line: Option<u32>,
    location: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAllocation {
    line: Option<u32>,
    location: Option<String>,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackQuery {
    line: Option<u32>,
    by: Option<String>,
}

pub(crate) async fn plan(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<PlanQuery>,
) -> Result<Response, Problem> {
    let order = id("order", &order)?;
    let location = optional_text("location", ask.location)?.map(LocationId::new);
    let plan = views::allocation::plan(&admin.engine, order, ask.line, location).await?;
    Ok(Json(plan).into_response())
}

pub(crate) async fn allocate(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewAllocation>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let by = optional_text("by", asked.by)?;
    let command = Command::Allocate {
        order: id("order", &order)?,
        line: asked.line,
        location: optional_text("location", asked.location)?.map(LocationId::new),
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

pub(crate) async fn unallocate(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<BackQuery>,
    write: Write<super::accounts::Nothing>,
) -> Result<Response, Problem> {
    let by = optional_text("by", ask.by)?;
    let command = Command::Unallocate {
        order: id("order", &order)?,
        line: ask.line,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}
