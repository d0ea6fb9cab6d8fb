//! Settings, to be read: what the daemon was configured with, and where each value came from.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use engine::users::Role;

use super::{
    page::{Chrome, Part, send},
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{Admin, configuration::Configured},
    problem::Problem,
};

/// The least role that sees them.
pub(super) const LEAST: Role = Role::Admin;

/// Values whose keys begin alike.
struct Section {
    /// An anchor.
    id: String,
    title: String,
    values: Vec<Row>,
}

struct Row {
    key: String,
    /// Nothing where it is a secret.
    value: Option<String>,
    from: String,
    is_built_in: bool,
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    chrome: Chrome,
    sections: Vec<Section>,
    set: String,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
) -> Result<Response, Problem> {
    let title = taste.language.words().settings.title;
    let who = (Some(&visitor), taste);
    let chrome = Chrome::new(&admin.engine, who, Part::Settings, title);
    let set = admin
        .configuration
        .iter()
        .filter(|one| one.from != "default");
    let page = Page {
        set: chrome.language.count(set.count()),
        sections: sections(&chrome, &admin.configuration),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

/// The values by the first part of their keys; those of an account by its first two.
fn sections(chrome: &Chrome, configuration: &[Configured]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for one in configuration {
        let parts: Vec<&str> = one.key.split('.').collect();
        let title = match parts.as_slice() {
            ["accounts", account, ..] => format!("accounts.{account}"),
            [only] => (*only).to_owned(),
            [first, ..] => (*first).to_owned(),
            [] => continue,
        };
        let words = chrome.t.settings;
        let from = match (one.from, &one.place, one.line) {
            (_, Some(file), Some(line)) => format!("{file}:{line}"),
            (_, Some(variable), None) => variable.clone(),
            (_, None, _) => words.built_in.to_owned(),
        };
        let row = Row {
            key: one.key.clone(),
            value: one.value.clone(),
            from,
            is_built_in: one.from == "default",
        };
        match sections.last_mut().filter(|last| last.title == title) {
            Some(last) => last.values.push(row),
            None => sections.push(Section {
                id: title.replace('.', "-"),
                title,
                values: vec![row],
            }),
        }
    }
    sections
}
