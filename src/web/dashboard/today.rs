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

fn causes(chrome: &Chrome, today: &Today) -> Vec<Cause> {
    let desk = chrome.t.desk;
    let of = |phase: Phase| {
        today
            .orders_by_phase
            .get(phase.word())
            .copied()
            .unwrap_or(0)
    };
    let troubled = today.accounts.iter();
    let troubled = troubled
        .filter(|account| account.doing.needs_a_person())
        .count();
    let show = desk.show_them;
    let rows = [
        (
            "bad",
            desk.cause_account,
            desk.cause_account_text,
            troubled,
            "/channels",
            show,
        ),
        (
            "bad",
            desk.cause_incident,
            desk.cause_incident_text,
            today.incidents_open,
            "/incidents",
            show,
        ),
        (
            "bad",
            desk.cause_late,
            desk.cause_late_text,
            today.late_to_ship,
            "/orders?late=ship",
            show,
        ),
        (
            "bad",
            desk.cause_exception,
            desk.cause_exception_text,
            of(Phase::Exception),
            "/orders?phase=exception",
            show,
        ),
        (
            "act",
            desk.cause_mapping,
            desk.cause_mapping_text,
            of(Phase::NeedsMapping),
            "/orders?phase=needs_mapping",
            desk.map_them,
        ),
        (
            "act",
            desk.cause_short,
            desk.cause_short_text,
            of(Phase::Short),
            "/orders?phase=short",
            show,
        ),
        (
            "act",
            desk.cause_held,
            desk.cause_held_text,
            of(Phase::Held),
            "/orders?phase=held",
            show,
        ),
        (
            "act",
            desk.cause_outbox,
            desk.cause_outbox_text,
            today.outbox_parked,
            "/stuck",
            show,
        ),
        (
            "act",
            desk.cause_inbox,
            desk.cause_inbox_text,
            today.inbox_parked,
            "/stuck#inbox",
            show,
        ),
        (
            "act",
            desk.cause_drift,
            desk.cause_drift_text,
            today.drift_open,
            "/stuck#drift",
            show,
        ),
        (
            "act",
            desk.cause_late_arrival,
            desk.cause_late_arrival_text,
            today.late_to_deliver,
            "/orders?late=deliver",
            show,
        ),
        (
            "act",
            desk.cause_no_news,
            desk.cause_no_news_text,
            today.no_news,
            "/orders?late=parcel",
            show,
        ),
    ];
    let rows = rows.into_iter().filter(|row| row.3 > 0);
    rows.map(|(kind, title, text, count, href, button)| Cause {
        kind,
        title,
        text,
        count: chrome.language.count(count),
        href,
        button,
    })
    .collect()
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
    let of = |phase: Phase| {
        today
            .orders_by_phase
            .get(phase.word())
            .copied()
            .unwrap_or(0)
    };
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
        Doing::Frozen => "act",
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
