//! What waits: signals, intents and pushes.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{ids::IntentId, signal::Command};
use engine::views::{self, queues::State as Waits};
use serde::Deserialize;

use super::{Admin, accounts::Nothing};
use crate::{
    ask::{Ask, At, bad_parameter, id},
    paging::Place,
    problem::{self, Problem},
    write::{Write, carry_out},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StateQuery {
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenQuery {
    pub(crate) open: Option<bool>,
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<usize>,
}

fn state(word: Option<&str>) -> Result<Option<Waits>, Problem> {
    match word {
        None => Ok(None),
        Some("parked") => Ok(Some(Waits::Parked)),
        Some("waiting") => Ok(Some(Waits::Waiting)),
        Some(_) => Err(bad_parameter("state", "use `parked` or `waiting`")),
    }
}

pub(crate) async fn inbox(
    State(admin): State<Admin>,
    Ask(ask): Ask<StateQuery>,
) -> Result<Response, Problem> {
    let state = state(ask.state.as_deref())?;
    let place = Place::read(&("inbox", state), ask.cursor.as_deref(), ask.limit)?;
    let after = place.after.clone();
    let page = views::queues::inbox(&admin.engine, state, after, place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn outbox(
    State(admin): State<Admin>,
    Ask(ask): Ask<StateQuery>,
) -> Result<Response, Problem> {
    let state = state(ask.state.as_deref())?;
    let place = Place::read(&("outbox", state), ask.cursor.as_deref(), ask.limit)?;
    let after = place.after.clone();
    let page = views::queues::outbox(&admin.engine, state, after, place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn retry_intent(
    State(admin): State<Admin>,
    At(intent): At<String>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = write.body;
    let intent: IntentId = id("intent", &intent)?;
    if !views::orders::has_intent(&admin.engine, intent).await? {
        let detail = format!("there is no intent {intent}");
        return Err(Problem::new(&problem::NO_INTENT, detail).with("intent", intent.to_string()));
    }
    let command = Command::RetryIntent { intent };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}
