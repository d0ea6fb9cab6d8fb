//! Taking an account over, step by step; and stopping it, with a look at what that means before.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use engine::{
    users::Role,
    views::{self, adoption::AccountStep},
};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use super::{
    fields::Fields,
    page::{Badge, Chrome, Part, send},
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::{self, Admin},
    ask::At,
    problem::{self, Problem},
    write::{Ticket, Write},
};

/// How many listings with something to mend are shown.
const PROBLEMS: usize = 50;
/// How much of an answer of our own is read: five hundred writes.
const ANSWER_LENGTH_MAX: usize = 2 * 1024 * 1024;

/// One step.
struct Step {
    badge: Badge,
    title: &'static str,
    text: String,
    /// What does it: the last part of the address of its form, and its button.
    button: Option<(&'static str, &'static str)>,
}

struct ProblemRow {
    listing: String,
    channel_sku: String,
    title: String,
    text: String,
    mend: String,
    suggestions: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "walk.html")]
struct Page {
    chrome: Chrome,
    id: String,
    steps: Vec<Step>,
    problems: Vec<ProblemRow>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(account): At<String>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    let who = (Some(&visitor), taste);
    let title = taste.language.words().shops.walk;
    let chrome = Chrome::new(&admin.engine, who, Part::Channels, title);
    let view = views::adoption::overview(&admin.engine).await?;
    let step = view.accounts.iter().find(|step| step.account == account.id);
    let step = step.ok_or_else(|| Problem::new(&problem::NOT_FOUND, "no such account"))?;
    let problems = view.problems.iter();
    let problems = problems.filter(|one| one.account == account.id);
    let page = Page {
        id: account.id.to_string(),
        steps: steps(&chrome, step),
        problems: problems.take(PROBLEMS).map(problem_row).collect(),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

fn steps(chrome: &Chrome, step: &AccountStep) -> Vec<Step> {
    let shops = chrome.t.shops;
    let is_watched = step.mode != "off";
    let left = |text: &str, count: usize| fill(text, &[("count", &chrome.language.count(count))]);
    let row = |is_done: bool, title, text: String, button| Step {
        badge: match is_done {
            true => Badge::new("ok", shops.is_done),
            false => Badge::new("act", shops.is_open),
        },
        title,
        text: if is_done { String::new() } else { text },
        button: if is_done { None } else { button },
    };
    let has_seen = step.previewed_at.is_some();
    let is_live = step.mode == "live";
    vec![
        row(
            is_watched,
            shops.step_watch,
            shops.step_watch_do.to_owned(),
            None,
        ),
        row(
            step.has_polled,
            shops.step_orders,
            String::new(),
            Some(("sync", chrome.t.stock.sync)),
        ),
        row(
            step.compared_at.is_some() && step.unread == 0,
            shops.step_levels,
            left(shops.step_levels_do, step.unread),
            Some(("compare", chrome.t.stock.compare)),
        ),
        row(
            step.problems == 0,
            shops.step_match,
            left(shops.step_match_do, step.problems),
            None,
        ),
        row(
            step.uncounted == 0,
            shops.step_count,
            format!(
                "{} {}",
                left(shops.step_count_do, step.uncounted),
                shops.take_opening_text
            ),
            Some(("opening", shops.take_opening)),
        ),
        row(
            has_seen || is_live,
            shops.step_preview,
            left(shops.step_preview_do, step.writes),
            Some(("preview", shops.look_at_writes)),
        ),
        row(
            is_live,
            shops.step_live,
            String::new(),
            has_seen.then_some(("preview", shops.look_at_writes)),
        ),
    ]
}

fn problem_row(one: &views::adoption::Problem) -> ProblemRow {
    ProblemRow {
        listing: one.listing.to_string(),
        channel_sku: one.channel_sku.clone().unwrap_or_default(),
        title: one.title.clone(),
        text: one.text.clone(),
        mend: one.mend.clone(),
        suggestions: one
            .suggestions
            .iter()
            .map(|one| (one.sku.to_string(), one.because.clone()))
            .collect(),
    }
}

struct WriteRow {
    sku: String,
    title: String,
    shows: String,
    to: String,
    why: String,
    is_held: bool,
}

#[derive(Template)]
#[template(path = "writes.html")]
struct Writes {
    chrome: Chrome,
    id: String,
    at: String,
    summary: String,
    is_too_much: bool,
    rows: Vec<WriteRow>,
}

/// Shows the first writes, and notes that they were shown: what goes live is what somebody saw.
pub(super) async fn preview(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(account): At<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(
        fields.get("once"),
        fields.digest(&format!("preview {account}")),
    );
    let write = Write::of(Map::new(), ticket)?;
    let shown = admin::adoption::preview(State(admin.clone()), At(account.clone()), write).await?;
    let body = http_body_util::Limited::new(shown.into_body(), ANSWER_LENGTH_MAX);
    let bytes = body.collect().await;
    let bytes = bytes.map_err(|error| Problem::new(&problem::STORAGE, error.to_string()))?;
    let view: Value = serde_json::from_slice(&bytes.to_bytes()).unwrap_or_default();
    let shops = taste.language.words().shops;
    let title = fill(shops.first_writes, &[("account", &account)]);
    let chrome = Chrome::new(
        &admin.engine,
        (Some(&visitor), taste),
        Part::Channels,
        title,
    );
    let count = |name: &str| {
        let count = view[name].as_u64().and_then(|count| count.try_into().ok());
        chrome.language.count(count.unwrap_or_default())
    };
    let counts = [
        ("count", count("writes_count")),
        ("rises", count("rises")),
        ("falls", count("falls")),
        ("zeroes", count("zeroes")),
        ("agreeing", count("agreeing")),
    ];
    let counts = counts.each_ref().map(|(name, text)| (*name, text.as_str()));
    let writes = view["writes"].as_array();
    let page = Writes {
        at: text(&view["at"]),
        summary: fill(shops.writes_summary, &counts),
        is_too_much: view["breaker_would_hold"] == true,
        rows: writes.into_iter().flatten().map(write_row).collect(),
        id: account,
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

/// A text or number of our own answers.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        value => value.to_string(),
    }
}

fn write_row(one: &Value) -> WriteRow {
    WriteRow {
        sku: text(&one["sku"]),
        title: text(&one["title"]),
        shows: text(&one["shows"]),
        to: text(&one["to"]),
        why: text(&one["why"]),
        is_held: one["is_held"] == true,
    }
}

/// The least role that taking over takes.
pub(super) const LEAST: Role = Role::Admin;

#[derive(Template)]
#[template(path = "freeze.html")]
struct Freeze {
    chrome: Chrome,
    action: String,
    back: String,
    lines: Vec<(String, String, String)>,
}

/// What freezing an account, or all, would leave waiting.
pub(super) async fn ask_freeze(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(account): At<String>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    let shops = taste.language.words().shops;
    let title = fill(shops.freeze_title, &[("account", account.id.as_str())]);
    let one = format!("/channels/{}", account.id);
    let to = (title, format!("{one}/freeze"), one);
    freeze_page(&admin, (&visitor, taste), &[account], to).await
}

pub(super) async fn ask_freeze_all(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
) -> Result<Response, Problem> {
    let all: Vec<_> = admin.engine.accounts.values().cloned().collect();
    let title = taste.language.words().shops.freeze_all.to_owned();
    let to = (title, "/freeze".to_owned(), "/channels".to_owned());
    freeze_page(&admin, (&visitor, taste), &all, to).await
}

async fn freeze_page(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    accounts: &[std::sync::Arc<engine::account::Account>],
    (title, action, back): (String, String, String),
) -> Result<Response, Problem> {
    let who = (Some(visitor), taste);
    let chrome = Chrome::new(&admin.engine, who, Part::Channels, title);
    let shops = chrome.t.shops;
    let mut lines = Vec::new();
    for account in accounts {
        let view = views::accounts::preview(&admin.engine, account).await?;
        let pushes = chrome.language.count(view.pushes_waiting);
        let intents = chrome.language.count(view.intents_waiting);
        let waiting = [("pushes", pushes.as_str()), ("intents", intents.as_str())];
        let units = chrome.units(view.units_at_risk);
        lines.push((
            account.id.to_string(),
            fill(shops.freeze_waiting, &waiting),
            fill(shops.freeze_risk, &[("units", &units)]),
        ));
    }
    let page = Freeze {
        chrome,
        action,
        back,
        lines,
    };
    Ok(send(StatusCode::OK, &page))
}
