//! Messages to buyers and programs: which there are, sending one, and giving one up.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{ids::IntentId, message::Notice, signal::Command};
use engine::views;
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::{
    ask::{At, id},
    problem::{self, Problem},
    write::{Write, carry_out, optional_text},
};

/// Who it was, when nobody says.
const SOMEBODY: &str = "api";

/// All that can be sent.
#[derive(Serialize)]
struct Messages {
    messages: Vec<MessageView>,
}

/// A message that can be sent.
#[derive(Serialize)]
struct MessageView {
    name: String,
    way: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMessage {
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dropped {
    by: Option<String>,
}

pub(crate) async fn list(State(admin): State<Admin>) -> Response {
    let messages = admin.engine.gateways.messages.values();
    let messages = messages.map(|message| MessageView {
        name: message.name.clone(),
        way: message.notice().way.word(),
    });
    let messages = messages.collect();
    Json(Messages { messages }).into_response()
}

pub(crate) async fn tell(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewMessage>,
) -> Result<Response, Problem> {
    let command = Command::Tell {
        order: id("order", &order)?,
        notice: notice(&admin, &write.body.message)?,
    };
    carry_out(&admin, write.ticket, StatusCode::ACCEPTED, command).await
}

pub(crate) async fn drop_intent(
    State(admin): State<Admin>,
    At(intent): At<String>,
    write: Write<Dropped>,
) -> Result<Response, Problem> {
    let intent: IntentId = id("intent", &intent)?;
    if !views::orders::has_intent(&admin.engine, intent).await? {
        let detail = format!("there is no intent {intent}");
        return Err(Problem::new(&problem::NO_INTENT, detail).with("intent", intent.to_string()));
    }
    let by = optional_text("by", write.body.by)?;
    let command = Command::DropIntent {
        intent,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

/// One of the configured messages.
pub(crate) fn notice(admin: &Admin, name: &str) -> Result<Notice, Problem> {
    let gateways = &admin.engine.gateways;
    gateways.notice(name).ok_or_else(|| {
        let known: Vec<&str> = gateways.messages.keys().map(String::as_str).collect();
        let known = match known.is_empty() {
            true => "none is configured".to_owned(),
            false => format!("there are: {}", known.join(", ")),
        };
        let detail = format!("there is no message `{name}`: {known}");
        Problem::new(&problem::NO_MESSAGE, detail).with("message", name)
    })
}
