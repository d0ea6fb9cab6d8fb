//! Orders: lists, and everything that is done to one.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    ExternalId, Money, Sku, Time, ids::OrderId, order::Phase, returns::OfReturn, signal::Command,
    stock::LocationId,
};
use engine::views::{
    self,
    orders::Filter,
    search::{Sought, search},
};
use serde::Deserialize;

use super::Admin;
use crate::{
    ask::{Amount, Ask, At, bad_parameter, id},
    paging::Place,
    problem::{self, Problem},
    write::{Write, carry_out, optional_text, text},
};

/// Who did it when nobody says.
pub(crate) const SOMEBODY: &str = "api";
/// The most lines of a request.
const LINES_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    account: Option<String>,
    external_id: Option<String>,
    phase: Option<String>,
    since: Option<String>,
    tag: Option<String>,
    #[serde(rename = "q")]
    text: Option<String>,
    #[serde(default)]
    newest_first: bool,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Units of a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineUnits {
    pub(super) line: u32,
    pub(super) units: Amount,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewShipment {
    #[serde(default)]
    lines: Vec<LineUnits>,
    carrier: Option<String>,
    tracking_number: Option<String>,
    tracking_url: Option<String>,
    location: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    #[serde(default)]
    lines: Vec<LineUnits>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRefund {
    /// What the units of the return cost, where one is named and no amount.
    amount: Option<Money>,
    #[serde(default)]
    lines: Vec<LineUnits>,
    reason: String,
    r#return: Option<String>,
    #[serde(default)]
    anyway: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewHold {
    reason: String,
    by: Option<String>,
    until: Option<Time>,
    #[serde(default = "keeps")]
    keeps_claim: bool,
    ask: Option<String>,
}

fn keeps() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Release {
    pub(crate) by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapLine {
    sku: Sku,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    Ask(ask): Ask<ListQuery>,
) -> Result<Response, Problem> {
    let phase = ask.phase.as_deref().map(|word| {
        Phase::from_word(word).ok_or_else(|| {
            let words: Vec<&str> = Phase::ALL.into_iter().map(Phase::word).collect();
            bad_parameter(
                "phase",
                format!("there is no such phase; use one of {}", words.join(", ")),
            )
        })
    });
    let since = ask.since.as_deref().map(|text| {
        text.parse::<Time>()
            .map_err(|error| bad_parameter("since", error))
    });
    let filter = Filter {
        account: admin.narrowed_to(ask.account.as_deref()).await?,
        external_id: ask.external_id.map(ExternalId::new),
        phase: phase.transpose()?,
        since: since.transpose()?,
        tag: ask.tag,
        newest_first: ask.newest_first,
    };
    if let Some(text) = ask.text.as_deref() {
        // By people only in a body: no address of theirs may stand where addresses of pages are logged.
        let sought = Sought {
            text,
            filter: &filter,
            by_people: false,
        };
        let place = Place::read(&("search", &sought), ask.cursor.as_deref(), ask.limit)?;
        let after = place.after.clone();
        let page = search(&admin.engine, &sought, after, place.limit).await?;
        return Ok(Json(place.show(page)).into_response());
    }
    let place = Place::read(&("orders", &filter), ask.cursor.as_deref(), ask.limit)?;
    let page =
        views::orders::list(&admin.engine, &filter, place.after.clone(), place.limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(super) fn no_order(order: OrderId) -> Problem {
    domain::decide::Refusal::NoOrder(order).into()
}

pub(super) fn few(lines: Vec<LineUnits>) -> Result<Vec<LineUnits>, Problem> {
    if lines.len() <= LINES_MAX {
        return Ok(lines);
    }
    let detail = format!("lines: more than {LINES_MAX}");
    Err(Problem::new(&problem::BAD_BODY, detail).with("path", "lines"))
}

pub(crate) async fn ship(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewShipment>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let url = optional_text("tracking_url", asked.tracking_url)?;
    let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    if url.as_ref().is_some_and(|url| !is_web(url)) {
        let detail = "tracking_url: it must start with https:// or http://";
        return Err(Problem::new(&problem::BAD_BODY, detail).with("path", "tracking_url"));
    }
    let lines = few(asked.lines)?.into_iter();
    let command = Command::Ship {
        order: id("order", &order)?,
        lines: lines.map(|part| (part.line, part.units.0)).collect(),
        carrier: optional_text("carrier", asked.carrier)?,
        tracking_number: optional_text("tracking_number", asked.tracking_number)?,
        tracking_url: url,
        location: optional_text("location", asked.location)?.map(LocationId::new),
    };
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn cancel(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<Cancel>,
) -> Result<Response, Problem> {
    let lines = few(write.body.lines)?.into_iter();
    let command = Command::Cancel {
        order: id("order", &order)?,
        lines: lines.map(|part| (part.line, part.units.0)).collect(),
        reason: text("reason", write.body.reason)?,
    };
    carry_out(&admin, write.ticket, StatusCode::ACCEPTED, command).await
}

pub(crate) async fn refund(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewRefund>,
) -> Result<Response, Problem> {
    let order = id("order", &order)?;
    let scales = views::orders::line_scales(&admin.engine, order).await?;
    let scales = scales.ok_or_else(|| no_order(order))?;
    let asked = write.body;
    let mut lines = Vec::new();
    for LineUnits { line, units } in few(asked.lines)? {
        let scale = scales.get(&line).copied().unwrap_or_default();
        let units = units.0.to_quantity(scale);
        let units = units.map_err(|source| domain::decide::Refusal::Quantity { line, source })?;
        lines.push((line, units));
    }
    let of = asked.r#return.as_deref().map(|one| id("return", one));
    let of_return = of.transpose()?.map(|id| OfReturn {
        id,
        anyway: asked.anyway,
    });
    let amount = match (asked.amount, of_return) {
        (Some(amount), _) => amount,
        (None, Some(of)) => views::returns::worth_of_return(&admin.engine, order, of.id, &lines)
            .await?
            .ok_or(domain::decide::Refusal::NoReturn { order, id: of.id })?,
        (None, None) => {
            let detail = "amount: it is missing, and no return is named whose units would tell it";
            return Err(Problem::new(&problem::BAD_BODY, detail).with("path", "amount"));
        }
    };
    let command = Command::Refund {
        order,
        amount,
        lines,
        reason: text("reason", asked.reason)?,
        of_return,
    };
    carry_out(&admin, write.ticket, StatusCode::ACCEPTED, command).await
}

pub(crate) async fn hold(
    State(admin): State<Admin>,
    At(order): At<String>,
    write: Write<NewHold>,
) -> Result<Response, Problem> {
    let asked = write.body;
    let by = optional_text("by", asked.by)?;
    let ask = asked.ask.as_deref();
    let ask = ask.map(|name| super::messages::notice(&admin, name));
    let command = Command::Hold {
        order: id("order", &order)?,
        reason: text("reason", asked.reason)?,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
        until: asked.until,
        keeps_claim: asked.keeps_claim,
        ask: ask.transpose()?,
    };
    carry_out(&admin, write.ticket, StatusCode::CREATED, command).await
}

pub(crate) async fn release(
    State(admin): State<Admin>,
    At(order): At<String>,
    Ask(ask): Ask<Release>,
    write: Write<super::accounts::Nothing>,
) -> Result<Response, Problem> {
    let by = optional_text("by", ask.by)?;
    let command = Command::Release {
        order: id("order", &order)?,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

pub(crate) async fn map_line(
    State(admin): State<Admin>,
    At((order, line)): At<(String, u32)>,
    write: Write<MapLine>,
) -> Result<Response, Problem> {
    let command = Command::MapLine {
        order: id("order", &order)?,
        line,
        sku: write.body.sku,
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}
