//! What sold and how long it took.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use engine::views::insight::{self, Asked, SPANS};
use serde::Deserialize;

use super::Admin;
use crate::{
    ask::{Ask, bad_parameter},
    problem::Problem,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InsightQuery {
    account: Option<String>,
    days: Option<u16>,
}

/// For how many days something is asked.
pub(crate) fn days(asked: Option<u16>) -> Result<u16, Problem> {
    let days = asked.unwrap_or(SPANS[1]);
    if SPANS.contains(&days) {
        return Ok(days);
    }
    let spans = SPANS.map(|span| span.to_string()).join(", ");
    Err(bad_parameter("days", format!("use one of {spans}")))
}

async fn found(admin: &Admin, ask: InsightQuery) -> Result<insight::Insight, Problem> {
    let asked = Asked {
        account: admin.narrowed_to(ask.account.as_deref()).await?,
        days: days(ask.days)?,
    };
    Ok(insight::insight(&admin.engine, &asked).await?)
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    Ask(ask): Ask<InsightQuery>,
) -> Result<Response, Problem> {
    Ok(Json(found(&admin, ask).await?).into_response())
}

/// A row for each day, account and currency. What is counted of the day stands in the first of them.
pub(crate) async fn table(
    State(admin): State<Admin>,
    Ask(ask): Ask<InsightQuery>,
) -> Result<Response, Problem> {
    let found = found(&admin, ask).await?;
    let mut csv = "day,account,placed,canceled,currency,orders,total,refunded\n".to_owned();
    for day in &found.days {
        let date: String = day.day.to_string().chars().take(10).collect();
        let mut counts = format!("{},{}", day.orders, day.canceled);
        for takings in &day.takings {
            let line = format!(
                "{date},{},{counts},{},{},{},{}\n",
                day.account,
                takings.total.currency().code(),
                takings.orders,
                takings.total.amount(),
                takings.refunded.amount(),
            );
            csv.push_str(&line);
            counts = ",".to_owned();
        }
    }
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}
