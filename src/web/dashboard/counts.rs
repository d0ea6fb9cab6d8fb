//! Stocktakes: one is opened at a location, items are scanned and counted one after the other, and differences
//! that are too large to be believed are counted again before it is closed.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{decide::Refusal, ids::CountId};
use engine::{
    users::Role,
    views::stocktakes::{self, CountView, EntryView},
};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    deeds::note,
    fields::Fields,
    format::Moment,
    page::{Badge, Choice, Chrome, Part, go, send},
    stock::{href, locations},
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{Admin, moves},
    ask::{Ask, At, id},
    problem::Problem,
    write::{Ticket, Write},
};

/// The least role that counting takes.
pub(super) const LEAST: Role = Role::Packer;
/// How many stocktakes are looked at.
const LOOKED_AT: usize = 200;
/// How much of an answer of our own is read.
const ANSWER_LENGTH_MAX: usize = 64 * 1024;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    done: Option<String>,
}

struct Row {
    href: String,
    location: String,
    by: String,
    opened_at: Moment,
    badge: Badge,
}

#[derive(Template)]
#[template(path = "counts.html")]
struct List {
    chrome: Chrome,
    rows: Vec<Row>,
    locations: Vec<Choice>,
}

struct Entry {
    sku: String,
    href: String,
    counted: String,
    expected: String,
    difference: String,
    badge: Badge,
    text: String,
}

#[derive(Template)]
#[template(path = "count.html")]
struct Page {
    chrome: Chrome,
    id: String,
    location: String,
    by: String,
    opened_at: Moment,
    is_open: bool,
    again: usize,
    /// What is to be counted, where that is not everything, and was not yet.
    missing: Vec<String>,
    entries: Vec<Entry>,
}

fn badge(chrome: &Chrome, count: &CountView) -> Badge {
    match count.closed_at {
        None => Badge::new("wait", chrome.t.counts.open),
        Some(_) => Badge::new("off", chrome.t.counts.closed),
    }
}

pub(super) async fn list(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().counts.title;
    let mut chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Stock, title);
    chrome.confirm(asked.done.as_deref());
    let engine = &admin.engine;
    let found = stocktakes::list(engine, None, LOOKED_AT).await?;
    let row = |one: &CountView| Row {
        href: format!("/counts/{}", one.id),
        location: one.location.to_string(),
        by: one.by.clone(),
        opened_at: chrome.moment(one.opened_at),
        badge: badge(&chrome, one),
    };
    let page = List {
        rows: found.items.iter().rev().map(row).collect(),
        locations: locations(engine)
            .iter()
            .map(|id| Choice::new(id.as_str(), id.as_str(), None))
            .collect(),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(count): At<String>,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    draw(&admin, (&visitor, taste), (&count, &asked), None).await
}

async fn draw(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    (name, asked): (&str, &Asked),
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let count: CountId = id("count", name)?;
    let found = stocktakes::detail(&admin.engine, count).await?;
    let found = found.ok_or_else(|| Problem::from(Refusal::NoCount(count)))?;
    let title = taste.language.words().counts.one;
    let mut chrome = Chrome::new(&admin.engine, (Some(visitor), taste), Part::Stock, title);
    chrome.confirm(asked.done.as_deref());
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status);
    if let Some(problem) = &refused {
        chrome.refuse(problem);
    }
    let mut entries: Vec<&EntryView> = found.entries.iter().collect();
    // What is to be counted again first, then what was counted last.
    entries.sort_by_key(|entry| (entry.state != "recount", std::cmp::Reverse(entry.as_of)));
    let is_counted = |sku: &&domain::Sku| found.entries.iter().any(|one| one.sku == **sku);
    let page = Page {
        id: found.id.to_string(),
        location: found.location.to_string(),
        by: found.by.clone(),
        opened_at: chrome.moment(found.opened_at),
        is_open: found.closed_at.is_none(),
        again: entries.iter().filter(|one| one.state == "recount").count(),
        missing: found
            .skus
            .iter()
            .filter(|sku| !is_counted(sku))
            .map(ToString::to_string)
            .collect(),
        entries: entries.iter().map(|one| entry(&chrome, one)).collect(),
        chrome,
    };
    Ok(send(status, &page))
}

fn entry(chrome: &Chrome, one: &EntryView) -> Entry {
    let counts = chrome.t.counts;
    Entry {
        sku: one.sku.to_string(),
        href: href(one.sku.as_str()),
        counted: chrome.units(one.counted),
        expected: chrome.units(one.expected),
        difference: chrome.units(one.difference),
        badge: match one.state {
            "recount" => Badge::new("act", counts.again),
            _ if one.difference.millionths() == 0 => Badge::new("ok", counts.right),
            _ => Badge::new("ok", counts.taken),
        },
        text: one.text.clone(),
    }
}

pub(super) async fn open(
    State(admin): State<Admin>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(fields.get("once"), fields.digest("open count"));
    let mut body: Map<String, Value> = fields.body(&["location"]);
    let skus = fields.get("skus").unwrap_or_default();
    let skus: Vec<&str> = skus.split_whitespace().collect();
    body.insert("skus".to_owned(), json!(skus));
    body.insert("by".to_owned(), json!(visitor.user.name));
    let opened = moves::open_count(State(admin.clone()), Write::of(body, ticket)?).await?;
    let body = http_body_util::Limited::new(opened.into_body(), ANSWER_LENGTH_MAX);
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let opened: Value = bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    note(
        &admin,
        &visitor,
        format!("open stocktake {}", text(&opened)),
    )
    .await;
    Ok(go(&format!("/counts/{}", text(&opened))))
}

fn text(opened: &Value) -> &str {
    opened["id"].as_str().unwrap_or_default()
}

pub(super) async fn enter(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(count): At<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let entered = async {
        let ticket = Ticket::of_form(fields.get("once"), fields.digest(&count));
        let mut body = fields.body(&["sku"]);
        // As people of either custom write it.
        let units = fields.get("units").unwrap_or_default().replace(',', ".");
        body.insert("units".to_owned(), json!(units));
        body.insert("by".to_owned(), json!(visitor.user.name));
        let at = At(count.clone());
        moves::enter(State(admin.clone()), at, Write::of(body, ticket)?).await
    };
    match entered.await {
        Ok(_) => Ok(go(&format!("/counts/{count}?done=done"))),
        Err(problem) => {
            let asked = Asked::default();
            draw(&admin, (&visitor, taste), (&count, &asked), Some(problem)).await
        }
    }
}

pub(super) async fn close(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(count): At<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let closed = async {
        let ticket = Ticket::of_form(fields.get("once"), fields.digest(&count));
        let body = [
            ("discard", json!(fields.get("discard").is_some())),
            ("by", json!(visitor.user.name)),
        ];
        let body = body.map(|(name, value)| (name.to_owned(), value));
        let at = At(count.clone());
        let write = Write::of(body.into_iter().collect(), ticket)?;
        moves::close_count(State(admin.clone()), at, write).await
    };
    match closed.await {
        Ok(_) => {
            note(&admin, &visitor, format!("close stocktake {count}")).await;
            Ok(go("/counts?done=done"))
        }
        Err(problem) => {
            let asked = Asked::default();
            draw(&admin, (&visitor, taste), (&count, &asked), Some(problem)).await
        }
    }
}
