//! Users and the log of what was done to them and by them, for admins.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Deserialize;

use super::{
    format::Moment,
    page::{Badge, Chrome, Part, send},
    visitor::{Taste, Visitor},
};
use crate::{admin::Admin, ask::Ask, paging::Place, problem::Problem};

/// How many entries of the log a page shows.
const ENTRIES: usize = 100;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    cursor: Option<String>,
}

struct Row {
    name: String,
    role: &'static str,
    badge: Badge,
    signed_in_at: Option<Moment>,
}

struct Entry {
    at: Moment,
    user: String,
    by: String,
    text: String,
}

#[derive(Template)]
#[template(path = "users.html")]
struct Page {
    chrome: Chrome,
    users: Vec<Row>,
    entries: Vec<Entry>,
    next: Option<String>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.users;
    let chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Users, title);
    let desk = chrome.t.desk;
    let row = |user: engine::users::User| Row {
        role: chrome.t.states.role(user.role),
        badge: match (user.disabled_at, &user.password) {
            (Some(_), _) => Badge::new("off", desk.disabled),
            (None, None) => Badge::new("wait", desk.no_password),
            (None, Some(_)) => Badge::new("ok", desk.may_sign_in),
        },
        signed_in_at: user.signed_in_at.map(|at| chrome.moment(at)),
        name: user.name,
    };
    let users = admin.engine.users().await?.into_iter().map(row).collect();
    let place = Place::read(&"users log", asked.cursor.as_deref(), Some(ENTRIES))?;
    let (log, next) = admin
        .engine
        .users_log(true, place.after.clone(), place.limit)
        .await?;
    let entry = |entry: engine::users::Entry| Entry {
        at: chrome.moment(entry.at),
        text: entry.change.text(),
        user: entry.user,
        by: entry.by,
    };
    let page = Page {
        users,
        entries: log.into_iter().map(entry).collect(),
        next: next.map(|key| format!("/users?cursor={}#log", place.cursor(key))),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}
