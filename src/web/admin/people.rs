//! People: which orders somebody has, and forgetting them.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{person::Contact, signal::Command};
use engine::views;
use serde::Deserialize;
use serde_json::json;

use super::Admin;
use crate::{
    ask::{At, id},
    problem::{self, Problem},
    write::{Write, carry_out, optional_text},
};

/// Who did it when nobody says.
const SOMEBODY: &str = "api";

/// In the body, so that no address stands where addresses of pages are logged.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Somebody {
    contact: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewErasure {
    by: Option<String>,
}

pub(crate) async fn orders(
    State(admin): State<Admin>,
    write: Write<Somebody>,
) -> Result<Response, Problem> {
    let contact = Contact::parse(&write.body.contact).ok_or_else(|| {
        let detail = "contact: write an e-mail address, or a phone number with at least 6 digits";
        Problem::new(&problem::BAD_BODY, detail).with("path", "contact")
    })?;
    let mut items = Vec::new();
    for order in admin.engine.orders_of(&contact).await? {
        items.extend(views::orders::summary(&admin.engine, order).await?);
    }
    Ok(Json(json!({ "items": items, "next": null })).into_response())
}

pub(crate) async fn erase(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewErasure>,
) -> Result<Response, Problem> {
    let by = optional_text("by", write.body.by)?;
    let command = Command::Erase {
        order: id("order", &order)?,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::ACCEPTED, command).await
}
