//! One account: how it is doing, what it may do, its breaker, and what waits to be written to it.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::breaker::Trip;
use engine::{
    pausing::{Flow, PauseView},
    ports::allowance::Left,
    reading::backfill::Backfill,
    users::Role,
    views::{
        self,
        accounts::AccountView,
        drift::{self, HeldListing},
        queues, today,
    },
};
use serde::Deserialize;

use super::{
    channels::mode_badge,
    format::Moment,
    page::{Badge, Chrome, Part, send},
    stuck::{Sending, sending},
    today::{AccountRow, account_rows},
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::Admin,
    ask::{Ask, At},
    problem::Problem,
};

/// How much that waits is looked at.
const LOOKED_AT: usize = 200;
/// How much of it is shown.
const SHOWN: usize = 50;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    done: Option<String>,
}

/// A line of the state of an account.
enum Said {
    Text(String),
    At(Moment),
}

struct Held {
    sku: String,
    listing: String,
    shows: String,
    wanted: String,
}

#[derive(Template)]
#[template(path = "shop.html")]
struct Page {
    chrome: Chrome,
    row: AccountRow,
    facts: Vec<(&'static str, Said)>,
    warnings: Vec<String>,
    mode: String,
    mode_badge: Badge,
    is_live: bool,
    is_off: bool,
    is_frozen: bool,
    is_by_hand: bool,
    /// What the breaker has stopped: which side, and in words.
    trips: Vec<(&'static str, String, Moment)>,
    held: Vec<Held>,
    waits: Vec<Sending>,
    flows: Vec<Row>,
    /// How far reading its orders back has come.
    backfill: Option<String>,
}

/// A kind of work with it, which can be paused.
struct Row {
    word: &'static str,
    title: &'static str,
    text: &'static str,
    badge: Badge,
    /// By whom, since when, and what piles up.
    paused: Option<(String, Moment, String)>,
}

impl Page {
    fn may_admin(&self) -> bool {
        self.chrome.may(Role::Admin)
    }
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    At(account): At<String>,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    draw(&admin, (&visitor, taste), (&account, &asked), None).await
}

pub(super) async fn draw(
    admin: &Admin,
    (visitor, taste): (&Visitor, Taste),
    (account, asked): (&str, &Asked),
    refused: Option<Problem>,
) -> Result<Response, Problem> {
    let engine = &admin.engine;
    let account = admin.account(account)?;
    let who = (Some(visitor), taste);
    let mut chrome = Chrome::new(engine, who, Part::Channels, account.id.to_string());
    chrome.confirm(asked.done.as_deref());
    let status = refused.as_ref().map_or(StatusCode::OK, Problem::status);
    if let Some(problem) = &refused {
        chrome.refuse(problem);
    }
    let states = today::accounts(engine).await?;
    let states: Vec<_> = states
        .into_iter()
        .filter(|state| state.id == account.id)
        .collect();
    let rows = account_rows(&chrome, &states);
    let row = rows.into_iter().next();
    let row = row.ok_or_else(|| Problem::new(&crate::problem::NOT_FOUND, "no such account"))?;
    let view = views::accounts::brief(engine, &account).await?;
    let breaker = drift::breaker(engine, &account).await?;
    let outbox = queues::outbox(engine, None, None, LOOKED_AT).await?;
    let of_it = outbox.items.into_iter();
    let of_it = of_it.filter(|one| one.account == account.id);
    let mut waits = Vec::new();
    for one in of_it.take(SHOWN) {
        waits.push(sending(engine, &chrome, one).await?);
    }
    let mode = [("mode", view.mode), ("configured", view.configured_mode)];
    let page = Page {
        facts: facts(&chrome, &view),
        warnings: view.health.warnings.clone(),
        mode: fill(chrome.t.shops.mode_text, &mode),
        mode_badge: mode_badge(&chrome, view.mode),
        is_live: view.mode == "live",
        is_off: view.mode == "off",
        is_frozen: view.is_frozen,
        is_by_hand: account.descriptor().is_by_hand,
        trips: trips(&chrome, (breaker.source, breaker.writes)),
        held: breaker.held.iter().map(|one| held(&chrome, one)).collect(),
        waits,
        backfill: view.backfill.map(|back| backfill(&chrome, &back)),
        flows: match account.descriptor().is_by_hand {
            true => Vec::new(),
            false => flows(&chrome, &view.paused),
        },
        row,
        chrome,
    };
    Ok(send(status, &page))
}

/// What a kind of work is called.
pub(super) fn flow(chrome: &Chrome, flow: Flow) -> &'static str {
    let shops = chrome.t.shops;
    match flow {
        Flow::Orders => shops.flow_orders,
        Flow::Stock => shops.flow_stock,
        Flow::Tracking => shops.flow_tracking,
    }
}

fn backfill(chrome: &Chrome, back: &Backfill) -> String {
    let shops = chrome.t.shops;
    let count = chrome.language.count(back.read);
    let since = chrome.moment(back.since).text;
    let up_to = back
        .up_to
        .map_or_else(String::new, |at| chrome.moment(at).text);
    let said = [
        ("count", count.as_str()),
        ("since", since.as_str()),
        ("up_to", up_to.as_str()),
    ];
    let text = match (back.is_done, back.up_to) {
        (true, _) => shops.backfill_done,
        (false, Some(_)) => shops.backfill_runs,
        (false, None) => shops.backfill_asked,
    };
    fill(text, &said)
}

fn flows(chrome: &Chrome, paused: &[PauseView]) -> Vec<Row> {
    let shops = chrome.t.shops;
    let row = |of: Flow| {
        let (text, waiting) = match of {
            Flow::Orders => (shops.flow_orders_text, shops.flow_orders_waiting),
            Flow::Stock => (shops.flow_stock_text, shops.flow_stock_waiting),
            Flow::Tracking => (shops.flow_tracking_text, shops.flow_tracking_waiting),
        };
        let pause = paused.iter().find(|pause| pause.what == of);
        Row {
            word: of.word(),
            title: flow(chrome, of),
            text,
            badge: match pause {
                Some(_) => Badge::new("act", chrome.t.states.paused),
                None => Badge::new("ok", shops.runs),
            },
            paused: pause.map(|pause| {
                let count = chrome.language.count(pause.waiting);
                let by = fill(shops.paused_by, &[("by", pause.by.as_str())]);
                let piled = fill(waiting, &[("count", count.as_str())]);
                (by, chrome.moment(pause.at), piled)
            }),
        }
    };
    Flow::ALL.map(row).into()
}

fn facts(chrome: &Chrome, view: &AccountView) -> Vec<(&'static str, Said)> {
    let (shops, desk) = (chrome.t.shops, chrome.t.desk);
    let health = &view.health;
    let text = |name, text: &str| (name, Said::Text(text.to_owned()));
    let count = |name, count| (name, Said::Text(chrome.language.count(count)));
    let mut facts = Vec::new();
    let times = [
        (desk.last_success, health.last_success_at),
        (shops.lag, health.last_poll_at),
        (desk.last_compared, health.last_reconcile_at),
        (shops.asked_to_wait, health.throttled_until),
    ];
    for (name, at) in times {
        facts.extend(at.map(|at| (name, Said::At(chrome.moment(at)))));
    }
    if let (Some(error), Some(at)) = (&health.last_error, health.last_error_at) {
        facts.push(text(shops.last_error, error));
        facts.push((chrome.t.common.when, Said::At(chrome.moment(at))));
    }
    facts.extend(health.version.iter().map(|one| text(shops.software, one)));
    let calls = usize::try_from(view.calls_per_second).unwrap_or(usize::MAX);
    facts.push(count(shops.calls_per_second, calls));
    facts.push(text(shops.calls_left, &calls_left(chrome, view.quota)));
    facts.push(text(shops.said_left, &said_left(chrome, view.quota)));
    let said_at = view.quota.said.map(|said| said.at);
    facts.extend(said_at.map(|at| (shops.said_at, Said::At(chrome.moment(at)))));
    facts.push(text(shops.quantity_means, view.quantity_means));
    facts.push(text(shops.authority, view.stock_authority));
    facts.push(count(chrome.t.stock.waits, view.counts.pushes_waiting));
    facts.push(count(shops.intents, view.counts.intents_waiting));
    facts.push(count(shops.held, view.counts.held));
    if let Some(run) = &view.comparison {
        let counts = [
            ("compared", run.compared),
            ("all", run.all),
            ("differing", run.differing),
        ];
        let counts = counts.map(|(name, count)| (name, chrome.language.count(count)));
        let counts = counts.each_ref().map(|(name, text)| (*name, text.as_str()));
        facts.push(text(shops.comparison, &fill(shops.compared_of, &counts)));
    }
    facts
}

/// What our own pace still lets through.
pub(super) fn calls_left(chrome: &Chrome, quota: Left) -> String {
    let count = |number: u32| {
        chrome
            .language
            .count(usize::try_from(number).unwrap_or(usize::MAX))
    };
    match (quota.calls, quota.calls_most) {
        (Some(calls), Some(most)) => {
            let said = [("left", count(calls)), ("of", count(most))];
            let said = said.each_ref().map(|(name, text)| (*name, text.as_str()));
            fill(chrome.t.shops.left_of, &said)
        }
        _ => chrome.t.shops.left_unknown.to_owned(),
    }
}

/// What the channel said last that is left.
pub(super) fn said_left(chrome: &Chrome, quota: Left) -> String {
    let Some(said) = quota.said else {
        return chrome.t.shops.not_said.to_owned();
    };
    let count = |number: u64| {
        chrome
            .language
            .count(usize::try_from(number).unwrap_or(usize::MAX))
    };
    let left = count(said.left);
    let text = match said.of.map(count) {
        Some(of) => fill(chrome.t.shops.left_of, &[("left", &left), ("of", &of)]),
        None => left,
    };
    match said.unit {
        "points" => format!("{text} {}", chrome.t.shops.points),
        _ => text,
    }
}

/// Which sides of the breaker have tripped.
fn trips(
    chrome: &Chrome,
    (source, writes): (Option<Trip>, Option<Trip>),
) -> Vec<(&'static str, String, Moment)> {
    let shops = chrome.t.shops;
    let sides = [
        ("source", shops.source_tripped, source),
        ("writes", shops.writes_tripped, writes),
    ];
    let trip = |(side, text, trip): (&'static str, &str, Option<Trip>)| {
        let trip = trip?;
        let counts = [("listings", trip.listings), ("of", trip.of)];
        let counts = counts.map(|(name, count)| (name, chrome.language.count(count)));
        let counts = counts.each_ref().map(|(name, text)| (*name, text.as_str()));
        Some((side, fill(text, &counts), chrome.moment(trip.at)))
    };
    sides.into_iter().filter_map(trip).collect()
}

fn held(chrome: &Chrome, one: &HeldListing) -> Held {
    let units = |units: Option<views::Units>| {
        units.map_or_else(|| "–".to_owned(), |units| chrome.units(units))
    };
    Held {
        sku: one.sku.to_string(),
        listing: one.listing.to_string(),
        shows: units(one.shows),
        wanted: units(one.wanted),
    }
}
