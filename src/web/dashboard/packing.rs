//! The packing table: what is being worked on, and what waits to be picked.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::stock::LocationId;
use engine::views::tasks;
use serde::Deserialize;

use super::{
    format::Moment,
    order::task_badge,
    page::{Badge, Choice, Chrome, Part, send},
    stock::locations,
    visitor::{Taste, Visitor},
};
use crate::{admin::Admin, ask::Ask, paging::Place, problem::Problem};

/// How many orders each list shows.
const ROWS: usize = 50;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    location: String,
    /// Where the list of what waits goes on.
    cursor: Option<String>,
}

struct TaskRow {
    href: String,
    number: String,
    account: String,
    location: String,
    badge: Badge,
    ship_by: Option<Moment>,
    lines: Vec<(String, String, String)>,
}

struct WaitingRow {
    href: String,
    number: String,
    account: String,
    location: Option<String>,
    ship_by: Option<Moment>,
    flags: Vec<&'static str>,
    lines: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "packing.html")]
struct Page {
    chrome: Chrome,
    tasks: Vec<TaskRow>,
    has_more_tasks: bool,
    waiting: Vec<WaitingRow>,
    locations: Vec<Choice>,
    next: Option<String>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.packing;
    let chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Packing, title);
    let chosen = Some(asked.location.as_str()).filter(|text| !text.is_empty());
    let location = chosen.map(LocationId::new);
    let engine = &admin.engine;
    let open = tasks::open(engine, location.as_ref(), None, None, ROWS).await?;
    let place = Place::read(
        &("packing page", &location),
        asked.cursor.as_deref(),
        Some(ROWS),
    )?;
    let after = place.after.clone();
    let waiting = tasks::waiting(engine, location.as_ref(), after, place.limit).await?;
    let page = Page {
        tasks: open
            .items
            .iter()
            .map(|one| task_row(&chrome, one))
            .collect(),
        has_more_tasks: open.next.is_some(),
        waiting: waiting
            .items
            .iter()
            .map(|one| waiting_row(&chrome, one))
            .collect(),
        locations: locations(engine)
            .iter()
            .map(|id| Choice::new(id.as_str(), id.as_str(), chosen))
            .collect(),
        next: waiting.next.map(|key| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("location", &asked.location);
            query.append_pair("cursor", &place.cursor(key));
            format!("/packing?{}", query.finish())
        }),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

fn task_row(chrome: &Chrome, one: &tasks::OpenTask) -> TaskRow {
    let line = |line: &tasks::TaskLineView| {
        let sku = line
            .sku
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        (chrome.units(line.units), sku, line.title.clone())
    };
    TaskRow {
        href: format!("/orders/{}#tasks", one.order),
        number: one.number.clone(),
        account: one.account.to_string(),
        location: one.task.location.to_string(),
        badge: task_badge(chrome, one.task.state),
        ship_by: one.ship_by.map(|at| chrome.moment(at)),
        lines: one.task.lines.iter().map(line).collect(),
    }
}

fn waiting_row(chrome: &Chrome, one: &tasks::Waiting) -> WaitingRow {
    let line = |line: &tasks::WaitingLine| {
        let sku = line
            .sku
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        (chrome.units(line.units), sku, line.title.clone())
    };
    WaitingRow {
        href: format!("/orders/{}", one.order.id),
        number: one.order.number.clone(),
        account: one.order.account.to_string(),
        location: one.location.as_ref().map(ToString::to_string),
        ship_by: one.order.ship_by.map(|at| chrome.moment(at)),
        flags: one
            .order
            .flags
            .iter()
            .map(|flag| chrome.t.states.flag(flag))
            .collect(),
        lines: one.lines.iter().map(line).collect(),
    }
}
