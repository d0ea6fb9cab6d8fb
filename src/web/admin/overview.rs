//! An order seen whole: all of it, everything that happened to it, and what staff write beside it.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    Time,
    ids::OrderId,
    notes::{NOTE_LENGTH_MAX, NoteText},
    signal::{Command, Signal},
    time::parse_span,
};
use engine::views::{
    self,
    due::{self, Standing},
    orders_past::PastOrder,
};
use serde::Deserialize;

use super::{
    Admin,
    orders::{SOMEBODY, no_order},
};
use crate::{
    ask::{Ask, At, PageQuery, bad_parameter, id, moment},
    paging::Place,
    problem::{self, Problem},
    write::{Write, carry_out, lines_of_text, optional_text},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Then {
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvidence {
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DueQuery {
    account: Option<String>,
    state: Option<String>,
    within: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNote {
    text: String,
    by: Option<String>,
}

pub(crate) async fn detail(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<Then>,
) -> Result<Response, Problem> {
    let order = id("order", &order)?;
    if let Some(at) = ask.at {
        let at = moment("at", &at, admin.engine.ports.clock.now())?;
        return as_it_was(&admin, order, at).await;
    }
    let found = views::orders::detail(&admin.engine, order).await?;
    found
        .map(|found| Json(found).into_response())
        .ok_or_else(|| no_order(order))
}

async fn as_it_was(admin: &Admin, order: OrderId, at: Time) -> Result<Response, Problem> {
    match views::orders_past::detail(&admin.engine, order, at).await? {
        PastOrder::Known(found) => Ok(Json(*found).into_response()),
        PastOrder::NoOrder => Err(no_order(order)),
        PastOrder::Before { first_at } => {
            let detail = format!("{order} is known since {first_at}, which is after {at}");
            let problem = Problem::new(&problem::BEFORE_RECORDS, detail);
            Err(problem
                .with("order", order.to_string())
                .with("first_at", first_at.to_string()))
        }
    }
}

pub(crate) async fn timeline(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<PageQuery>,
) -> Result<Response, Problem> {
    let order = id("order", &order)?;
    let place = Place::read(&("timeline", order), ask.cursor.as_deref(), ask.limit)?;
    let after = place.after.clone();
    let page = views::timeline::page(&admin.engine, order, after, place.limit).await?;
    let page = page.ok_or_else(|| no_order(order))?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn due(
    State(admin): State<Admin>,
    Ask(ask): Ask<DueQuery>,
) -> Result<Response, Problem> {
    let state = ask.state.as_deref().map(|word| {
        let found = Standing::ALL.into_iter().find(|state| state.word() == word);
        let words = Standing::ALL.map(Standing::word).join(", ");
        found.ok_or_else(|| {
            bad_parameter(
                "state",
                format!("there is no such state; use one of {words}"),
            )
        })
    });
    let within = ask.within.as_deref().map(|text| {
        parse_span(text).ok_or_else(|| bad_parameter("within", "write how long, as `36h` or `7d`"))
    });
    let filter = due::Filter {
        account: admin.narrowed_to(ask.account.as_deref()).await?,
        state: state.transpose()?,
        within: within.transpose()?.unwrap_or(due::WITHIN_USUAL),
    };
    let place = Place::read(&("due", &filter), ask.cursor.as_deref(), ask.limit)?;
    let page = due::list(&admin.engine, &filter, place.after.clone(), place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn note(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewNote>,
) -> Result<Response, Problem> {
    let by = optional_text("by", write.body.by)?;
    let command = Command::Note {
        order: id("order", &order)?,
        text: NoteText(lines_of_text("text", write.body.text, NOTE_LENGTH_MAX)?),
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

/// The answer tells of people, so it is kept for no idempotency key: asked twice, it is made twice, and each is
/// recorded.
pub(crate) async fn evidence(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewEvidence>,
) -> Result<Response, Problem> {
    let order = id("order", &order)?;
    let by = optional_text("by", write.body.by)?;
    let by = by.unwrap_or_else(|| SOMEBODY.to_owned());
    let command = Command::Evidence {
        order,
        by: by.clone(),
    };
    admin.engine.decide(Signal::Command(command)).await?;
    let version = env!("CARGO_PKG_VERSION");
    let pack = views::evidence::pack(&admin.engine, order, by, version).await?;
    let pack = pack.ok_or_else(|| no_order(order))?;
    Ok((StatusCode::CREATED, Json(pack)).into_response())
}
