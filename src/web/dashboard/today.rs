//! Today: what needs a person, how far orders are, and how each account is doing.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use domain::{Time, order::Phase};
use engine::views::today::{self, Doing, Today};

use super::{
    format::Moment,
    page::{Badge, Chrome, Part, send},
    visitor::{Taste, Visitor},
};
use crate::{admin::Admin, problem::Problem};

/// Something that needs a person.
struct Cause {
    kind: &'static str,
    title: &'static str,
    text: &'static str,
    count: String,
    href: &'static str,
    button: &'static str,
}

/// One of the five stages.
struct Stage {
    title: &'static str,
    sum: String,
    phases: Vec<InPhase>,
}

struct InPhase {
    text: &'static str,
    count: String,
    href: String,
    is_none: bool,
}

/// One account.
pub(super) struct AccountRow {
    pub(super) id: String,
    pub(super) channel: &'static str,
    pub(super) mode: &'static str,
    pub(super) badge: Badge,
    pub(super) last_success: Option<Moment>,
    pub(super) last_poll: Option<Moment>,
    pub(super) last_compared: Option<Moment>,
    pub(super) error: Option<String>,
}

#[derive(Template)]
#[template(path = "today.html")]
struct Page {
    chrome: Chrome,
    causes: Vec<Cause>,
    stages: Vec<Stage>,
    accounts: Vec<AccountRow>,
    at_risk: String,
    has_risk: bool,
}

/// Where lines without an item are.
const MAPPING: &str = "/orders?phase=needs_mapping";

/// The phases of each stage, in the order of an order's life.
const STAGES: [&[Phase]; 5] = [
    &[Phase::Received, Phase::NeedsMapping, Phase::AwaitingPayment],
    &[Phase::Held, Phase::Short, Phase::Ready],
    &[Phase::Fulfilling, Phase::PartShipped, Phase::Shipped],
    &[Phase::InDelivery, Phase::Exception, Phase::Delivered],
    &[Phase::AfterSales, Phase::Closed, Phase::Canceled],
];

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
) -> Result<Response, Problem> {
    let today = today::today(&admin.engine).await?;
    let title = taste.language.words().common.today;
    let chrome = Chrome::new(&admin.engine, (Some(&visitor), taste), Part::Today, title);
    let page = Page {
        causes: causes(&chrome, &today),
        stages: stages(&chrome, &today),
        accounts: account_rows(&chrome, &today.accounts),
        at_risk: chrome.units(today.at_risk),
        has_risk: today.at_risk != engine::views::Units::default(),
        chrome,
    };
    Ok(send(StatusCode::OK, &page))
}

/// What needs a person, what hurts most first.
fn causes(chrome: &Chrome, today: &Today) -> Vec<Cause> {
    let mut causes: Vec<Cause> = urgent(chrome, today).collect();
    causes.extend(others(chrome, today));
    causes
}

/// How many orders are in a phase.
fn in_phase(today: &Today, phase: Phase) -> usize {
    let count = today.orders_by_phase.get(phase.word());
    count.copied().unwrap_or_default()
}

/// A cause, if there is anything of it.
fn cause(
    chrome: &Chrome,
    kind: &'static str,
    (title, text): (&'static str, &'static str),
    count: usize,
    href: &'static str,
) -> Option<Cause> {
    let desk = chrome.t.desk;
    (count > 0).then(|| Cause {
        kind,
        title,
        text,
        count: chrome.language.count(count),
        href,
        button: match href {
            MAPPING => desk.map_them,
            _ => desk.show_them,
        },
    })
}

/// What costs money or trust by the hour.
fn urgent(chrome: &Chrome, today: &Today) -> impl Iterator<Item = Cause> {
    let desk = chrome.t.desk;
    let bad = |words, count, href| cause(chrome, "bad", words, count, href);
    let accounts = today.accounts.iter();
    let troubled = accounts.filter(|account| account.doing.needs_a_person());
    let account = (desk.cause_account, desk.cause_account_text);
    let incident = (desk.cause_incident, desk.cause_incident_text);
    let late = (desk.cause_late, desk.cause_late_text);
    let exception = (desk.cause_exception, desk.cause_exception_text);
    let in_trouble = in_phase(today, Phase::Exception);
    [
        bad(account, troubled.count(), "/channels"),
        bad(incident, today.incidents_open, "/incidents"),
        bad(late, today.late_to_ship, "/orders?late=ship"),
        bad(exception, in_trouble, "/orders?phase=exception"),
    ]
    .into_iter()
    .flatten()
}

/// What waits.
fn others(chrome: &Chrome, today: &Today) -> impl Iterator<Item = Cause> {
    let desk = chrome.t.desk;
    let act = |words, count, href| cause(chrome, "act", words, count, href);
    let of = |phase| in_phase(today, phase);
    let mapping = (desk.cause_mapping, desk.cause_mapping_text);
    let short = (desk.cause_short, desk.cause_short_text);
    let held = (desk.cause_held, desk.cause_held_text);
    let outbox = (desk.cause_outbox, desk.cause_outbox_text);
    let inbox = (desk.cause_inbox, desk.cause_inbox_text);
    let drift = (desk.cause_drift, desk.cause_drift_text);
    let arrival = (desk.cause_late_arrival, desk.cause_late_arrival_text);
    let no_news = (desk.cause_no_news, desk.cause_no_news_text);
    let pause = (desk.cause_paused, desk.cause_paused_text);
    let accounts = today.accounts.iter();
    let paused = accounts.filter(|account| !account.paused.is_empty());
    [
        act(mapping, of(Phase::NeedsMapping), MAPPING),
        act(short, of(Phase::Short), "/orders?phase=short"),
        act(held, of(Phase::Held), "/orders?phase=held"),
        act(outbox, today.outbox_parked, "/stuck"),
        act(inbox, today.inbox_parked, "/stuck#inbox"),
        act(drift, today.drift_open, "/stuck#drift"),
        act(arrival, today.late_to_deliver, "/orders?late=deliver"),
        act(no_news, today.no_news, "/orders?late=parcel"),
        act(pause, paused.count(), "/channels"),
    ]
    .into_iter()
    .flatten()
}

fn stages(chrome: &Chrome, today: &Today) -> Vec<Stage> {
    let states = chrome.t.states;
    let titles = [
        states.placement,
        states.processing,
        states.fulfillment,
        states.delivery,
        states.aftersales,
    ];
    let of = |phase: Phase| in_phase(today, phase);
    let stages = titles.into_iter().zip(STAGES);
    stages
        .map(|(title, phases)| Stage {
            title,
            sum: chrome.language.count(phases.iter().copied().map(of).sum()),
            phases: phases
                .iter()
                .map(|phase| InPhase {
                    text: states.phase(*phase),
                    count: chrome.language.count(of(*phase)),
                    href: format!("/orders?phase={}", phase.word()),
                    is_none: of(*phase) == 0,
                })
                .collect(),
        })
        .collect()
}

/// What an account's state looks like.
pub(super) fn badge(chrome: &Chrome, doing: Doing) -> Badge {
    let kind = match doing {
        Doing::Well => "ok",
        Doing::Watched | Doing::Starting | Doing::Throttled => "wait",
        Doing::Frozen | Doing::Paused => "act",
        Doing::Tripped | Doing::Failing | Doing::Unauthorized => "bad",
        Doing::Off => "off",
    };
    Badge::new(kind, chrome.t.states.doing(doing))
}

pub(super) fn account_rows(chrome: &Chrome, accounts: &[today::AccountState]) -> Vec<AccountRow> {
    let moment = |at: Option<Time>| at.map(|at| chrome.moment(at));
    let row = |account: &today::AccountState| AccountRow {
        id: account.id.to_string(),
        channel: account.channel_title,
        mode: account.mode,
        badge: badge(chrome, account.doing),
        last_success: moment(account.health.last_success_at),
        last_poll: moment(account.health.last_poll_at),
        last_compared: moment(account.health.last_reconcile_at),
        error: account
            .health
            .last_error
            .clone()
            .filter(|_| account.doing.needs_a_person()),
    };
    accounts.iter().map(row).collect()
}
