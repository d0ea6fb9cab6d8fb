//! Stock as a CSV file: out, and counts in, tried out first. A file goes the very way of the API.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use engine::users::Role;

use super::{
    deeds::note,
    fields::Fields,
    page::{Chrome, Part, send},
    stock::href,
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::{
        Admin,
        stock_sheet::{Imported, enter as carry_out},
    },
    problem::Problem,
};

/// The least role that enters counts from a file: it changes much at once.
pub(super) const LEAST: Role = Role::Operator;
/// How many changes are shown.
const SHOWN: usize = 200;

struct Change {
    row: u64,
    sku: String,
    href: String,
    place: String,
    from: String,
    to: String,
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct Page {
    chrome: Chrome,
    csv: String,
    /// What came of it, whether that is good, and whether it can be entered now.
    told: Option<(String, bool, bool)>,
    mistakes: Vec<(u64, &'static str, String)>,
    changes: Vec<Change>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
) -> Result<Response, Problem> {
    Ok(draw(&admin, (&visitor, taste), String::new(), None))
}

pub(super) async fn enter(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    fields: Fields,
) -> Result<Response, Problem> {
    let csv = fields.whole("csv").replace("\r\n", "\n");
    let is_dry_run = fields.get("do") != Some("enter");
    let said = ("counted, from a file".to_owned(), visitor.user.name.clone());
    let imported = carry_out(&admin, csv.clone(), said, is_dry_run).await?;
    if imported.done > 0 {
        note(
            &admin,
            &visitor,
            format!("stock sheet {} rows", imported.done),
        )
        .await;
    }
    Ok(draw(&admin, (&visitor, taste), csv, Some(imported)))
}

fn draw(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    csv: String,
    imported: Option<Imported>,
) -> Response {
    let words = taste.language.words().sheet;
    let who = (Some(visitor), taste);
    let chrome = Chrome::new(&admin.engine, who, Part::Stock, words.heading);
    let told = imported.as_ref().map(|imported| told(&chrome, imported));
    let (mistakes, changes) = match imported {
        None => (Vec::new(), Vec::new()),
        Some(imported) => {
            let changes = imported.changes.iter().take(SHOWN).map(|one| Change {
                row: one.row,
                sku: one.sku.to_string(),
                href: href(one.sku.as_str()),
                place: match one.condition {
                    "sellable" => one.location.to_string(),
                    condition => format!("{}, {condition}", one.location),
                },
                from: one.from.map_or("–".to_owned(), |units| chrome.units(units)),
                to: one.to.to_string(),
            });
            let changes = changes.collect();
            let mistakes = imported.mistakes.into_iter();
            let mistakes =
                mistakes.map(|one| (one.row, one.column.unwrap_or_default(), one.mistake));
            (mistakes.collect(), changes)
        }
    };
    let status = match mistakes.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Page {
        csv,
        told,
        mistakes,
        changes,
        chrome,
    };
    send(status, &page)
}

fn told(chrome: &Chrome, imported: &Imported) -> (String, bool, bool) {
    let words = chrome.t.sheet;
    let counts = [
        ("rows", imported.rows),
        ("changes", imported.changes.len()),
        ("done", imported.done),
        ("before", imported.done_before),
        ("count", imported.mistakes.len()),
    ];
    let counts = counts.map(|(name, count)| (name, chrome.language.count(count)));
    let counts = counts.each_ref().map(|(name, text)| (*name, text.as_str()));
    match (imported.mistakes.is_empty(), imported.is_dry_run) {
        (false, _) => (fill(words.mistakes, &counts), false, false),
        (true, true) => (fill(words.would, &counts), true, imported.rows > 0),
        (true, false) => (fill(words.entered, &counts), true, false),
    }
}
