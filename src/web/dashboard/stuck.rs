//! What is stuck: what could not be sent or read, and stock changes that nobody explained.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::order::Phase;
use engine::{
    lanes::AttemptNote,
    users::Role,
    views::{
        StoreError, drift, orders,
        queues::{self, State as Waits},
    },
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{
    deeds::note,
    fields::Fields,
    format::Moment,
    page::{Chrome, Part, go, send},
    stock::href,
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{self, Admin, safety},
    ask::{Ask, At},
    problem::Problem,
    write::{Ticket, Write},
};

/// How many of each a page shows.
const ROWS: usize = 50;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    done: Option<String>,
}

pub(super) struct Attempt {
    pub(super) at: Moment,
    pub(super) latency_ms: u64,
    pub(super) request: String,
    pub(super) result: String,
}

/// What is to be sent, and waits.
pub(super) struct Sending {
    pub(super) account: String,
    pub(super) text: String,
    pub(super) since: Option<Moment>,
    pub(super) tries: u32,
    pub(super) reason: String,
    pub(super) order: Option<String>,
    pub(super) sku: Option<String>,
    /// What its form says: an intent, or an account and a listing.
    pub(super) intent: Option<String>,
    pub(super) listing: Option<String>,
    pub(super) attempts: Vec<Attempt>,
    /// Whether it waits for a person.
    pub(super) is_parked: bool,
    /// Where it is mended, and what that is called: sent again as it is, it would be refused again.
    pub(super) fix: Option<(String, &'static str)>,
}

struct Reading {
    account: String,
    at: Moment,
    reason: String,
    what: String,
}

struct Drifting {
    id: String,
    account: String,
    sku: String,
    listing: String,
    expected: String,
    observed: String,
    opened_at: Moment,
    text: String,
}

#[derive(Template)]
#[template(path = "stuck.html")]
struct Page {
    chrome: Chrome,
    outbox: Vec<Sending>,
    inbox: Vec<Reading>,
    drifts: Vec<Drifting>,
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.waiting;
    let who = (Some(&visitor), taste);
    let mut chrome = Chrome::new(&admin.engine, who, Part::Waiting, title);
    chrome.confirm(asked.done.as_deref());
    let (engine, parked) = (&admin.engine, Some(Waits::Parked));
    let outbox = queues::outbox(engine, parked, None, ROWS).await?;
    let inbox = queues::inbox(engine, parked, None, ROWS).await?;
    let drifts = drift::list(engine, Some(true), None, None, ROWS).await?;
    let mut waits = Vec::new();
    for one in outbox.items {
        waits.push(sending(engine, &chrome, one).await?);
    }
    let page = Page {
        outbox: waits,
        inbox: inbox
            .items
            .into_iter()
            .map(|one| reading(&chrome, one))
            .collect(),
        drifts: drifts
            .items
            .into_iter()
            .map(|one| drifting(&chrome, one))
            .collect(),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

pub(super) async fn sending(
    engine: &engine::Engine,
    chrome: &Chrome,
    one: queues::OutboxEntry,
) -> Result<Sending, StoreError> {
    let is_parked = one.state == "parked";
    let order = match one.order {
        Some(order) => orders::summary(engine, order).await?,
        None => None,
    };
    let is_in_trouble =
        order.is_some_and(|order| matches!(order.phase, Phase::Canceled | Phase::Exception));
    // What was tried so often met nothing but passing errors, and may go through by now.
    let is_refused = is_parked && one.tries < engine::lanes::TRIES_MAX;
    let shops = chrome.t.shops;
    let fix = match (&one.order, &one.sku) {
        _ if !is_refused && !is_in_trouble => None,
        (Some(order), _) => Some((format!("/orders/{order}"), shops.open_order)),
        (None, Some(sku)) => Some((href(sku.as_str()), shops.open_item)),
        (None, None) => None,
    };
    Ok(Sending {
        is_parked,
        fix,
        account: one.account.to_string(),
        text: one.text,
        since: one.since.map(|at| chrome.moment(at)),
        tries: one.tries,
        reason: chrome.on_page(&one.reason.unwrap_or_default()),
        order: one.order.map(|order| order.to_string()),
        sku: one.sku.map(|sku| sku.to_string()),
        intent: one.intent.map(|intent| intent.to_string()),
        listing: one.listing.map(|listing| listing.to_string()),
        attempts: attempts(chrome, one.attempts),
    })
}

/// Tries as a page shows them.
pub(super) fn attempts(chrome: &Chrome, notes: Vec<AttemptNote>) -> Vec<Attempt> {
    let attempt = |note: AttemptNote| Attempt {
        at: chrome.moment(note.at),
        latency_ms: note.latency_ms,
        request: note.request,
        result: note.result,
    };
    notes.into_iter().map(attempt).collect()
}

fn reading(chrome: &Chrome, one: queues::SignalView) -> Reading {
    Reading {
        account: one.account.to_string(),
        at: chrome.moment(one.at),
        reason: one.reason.unwrap_or_default(),
        what: one.external_id.unwrap_or_default(),
    }
}

fn drifting(chrome: &Chrome, one: drift::DriftView) -> Drifting {
    Drifting {
        id: one.id.to_string(),
        account: one.account.to_string(),
        sku: one.sku.to_string(),
        listing: one.listing.to_string(),
        expected: chrome.units(one.expected),
        observed: chrome.units(one.observed),
        opened_at: chrome.moment(one.opened_at),
        text: one.text,
    }
}

/// How something goes on that was stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    /// What was to be sent is sent again.
    Send,
    /// It is said whose number is right.
    Settle,
}

impl Push {
    pub(super) const ALL: [Push; 2] = [Push::Send, Push::Settle];

    /// Where its form is sent.
    pub(super) fn path(self) -> &'static str {
        match self {
            Push::Send => "/stuck/send",
            Push::Settle => "/stuck/settle",
        }
    }

    /// The least role that it takes.
    pub(super) fn least(self) -> Role {
        Role::Operator
    }
}

pub(super) async fn run(
    push: Push,
    admin: Admin,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(fields.get("once"), fields.digest(push.path()));
    let state = State(admin.clone());
    let what = match (push, fields.get("intent"), fields.get("listing")) {
        (Push::Send, Some(intent), _) => {
            let at = At(intent.to_owned());
            admin::queues::retry_intent(state, at, Write::of(Map::new(), ticket)?).await?;
            format!("send {intent}")
        }
        (Push::Send, None, listing) => {
            let listing = listing.unwrap_or_default();
            let account = fields.whole("account");
            let at = At((account.to_owned(), listing.to_owned()));
            admin::stock::retry_push(state, at, Write::of(Map::new(), ticket)?).await?;
            format!("send {account} {listing}")
        }
        (Push::Settle, ..) => {
            let drift = fields.whole("drift");
            let mut body = fields.body(&["right"]);
            body.insert("by".to_owned(), json!(visitor.user.name));
            safety::settle(state, At(drift.to_owned()), Write::of(body, ticket)?).await?;
            format!("settle {drift}")
        }
    };
    note(&admin, &visitor, what).await;
    Ok(go(&match fields.get("sku") {
        Some(sku) => format!("{}?done=done#listings", href(sku)),
        None => "/stuck?done=done".to_owned(),
    }))
}
