//! Channels: how each account is doing, and what a person may do about it.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use engine::{
    pausing::Flow,
    users::Role,
    views::{queues, today},
};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{
    deeds::note,
    fields::Fields,
    format::Moment,
    page::{Badge, Chrome, Part, go, send},
    shop,
    today::{AccountRow, account_rows},
    visitor::{Taste, Visitor},
    words::fill,
};
use crate::{
    admin::{Admin, accounts, adoption, pausing, safety},
    ask::{Ask, At},
    problem::Problem,
    write::{Ticket, Write},
};

/// How much that waits for one account is looked for.
const WAITING_LOOKED_AT: usize = 200;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    done: Option<String>,
}

struct Card {
    row: AccountRow,
    mode: Badge,
    shop: Option<String>,
    warnings: Vec<String>,
    waits: String,
    frozen_by: Option<String>,
    /// What is paused of it, in words.
    paused: String,
    is_frozen: bool,
    is_off: bool,
    is_by_hand: bool,
    /// What our own pace lets through, and what the channel said last, of one that is asked.
    calls_left: Option<String>,
    said_left: Option<String>,
}

#[derive(Template)]
#[template(path = "channels.html")]
struct Page {
    chrome: Chrome,
    cards: Vec<Card>,
    /// What the last freeze did, and when, while it can be taken back.
    frozen: Option<(String, Moment)>,
}

/// What an account may do, as a badge.
pub(super) fn mode_badge(chrome: &Chrome, mode: &str) -> Badge {
    let shops = chrome.t.shops;
    match mode {
        "live" => Badge::new("ok", shops.live),
        "observe" => Badge::new("wait", shops.observe),
        _ => Badge::new("off", shops.off),
    }
}

pub(super) async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    taste: Taste,
    Ask(asked): Ask<Asked>,
) -> Result<Response, Problem> {
    let title = taste.language.words().common.channels;
    let who = (Some(&visitor), taste);
    let mut chrome = Chrome::new(&admin.engine, who, Part::Channels, title);
    chrome.confirm(asked.done.as_deref());
    let engine = &admin.engine;
    let states = today::accounts(engine).await?;
    let rows = account_rows(&chrome, &states);
    let waiting = Some(queues::State::Waiting);
    let outbox = queues::outbox(engine, waiting, None, WAITING_LOOKED_AT).await?;
    let mut cards = Vec::new();
    for (row, state) in rows.into_iter().zip(&states) {
        let waits = outbox.items.iter().filter(|one| one.account == state.id);
        let mut waits = chrome.language.count(waits.count());
        if outbox.next.is_some() {
            waits.push('+');
        }
        let account = engine.accounts.get(&state.id);
        let set = account.map(|account| account.set());
        let asked = account.filter(|account| !account.descriptor().is_by_hand);
        let left = asked.map(|account| account.meter.left(engine.ports.clock.now()));
        cards.push(Card {
            mode: mode_badge(&chrome, state.mode),
            row,
            shop: state.health.shop.clone(),
            warnings: state.health.warnings.clone(),
            waits,
            paused: paused(&chrome, &state.paused),
            frozen_by: set.and_then(|set| set.frozen_by),
            is_frozen: state.is_frozen,
            is_off: state.mode == "off",
            calls_left: left.map(|left| shop::calls_left(&chrome, left)),
            said_left: left
                .filter(|left| left.said.is_some())
                .map(|left| shop::said_left(&chrome, left)),
            is_by_hand: account.is_some_and(|account| account.descriptor().is_by_hand),
        });
    }
    let frozen = engine.last_freeze().await?;
    let frozen = frozen.filter(|last| last.undone_at.is_none() && !last.accounts.is_empty());
    let page = Page {
        frozen: frozen.map(|last| {
            let accounts = last.accounts.iter().map(ToString::to_string);
            let accounts = accounts.collect::<Vec<_>>().join(", ");
            let by = last.by.unwrap_or_default();
            let said = [("accounts", accounts.as_str()), ("by", by.as_str())];
            let text = fill(chrome.t.shops.frozen_last, &said);
            (text, chrome.moment(last.at))
        }),
        chrome,
        cards,
    };
    Ok(send(StatusCode::OK, &page))
}

fn paused(chrome: &Chrome, flows: &[Flow]) -> String {
    let names: Vec<&str> = flows.iter().map(|flow| shop::flow(chrome, *flow)).collect();
    names.join(", ")
}

/// Something that is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    Freeze,
    Unfreeze,
    Sync,
    Compare,
    Lift,
    Mode,
    Opening,
    Arm,
    Pause,
    Resume,
    Backfill,
}

impl Ring {
    pub(super) const ALL: [Ring; 11] = [
        Ring::Freeze,
        Ring::Unfreeze,
        Ring::Sync,
        Ring::Compare,
        Ring::Lift,
        Ring::Mode,
        Ring::Opening,
        Ring::Arm,
        Ring::Pause,
        Ring::Resume,
        Ring::Backfill,
    ];

    /// Where its form is sent.
    pub(super) fn path(self) -> &'static str {
        match self {
            Ring::Freeze => "/channels/{account}/freeze",
            Ring::Unfreeze => "/channels/{account}/unfreeze",
            Ring::Sync => "/channels/{account}/sync",
            Ring::Compare => "/channels/{account}/compare",
            Ring::Lift => "/channels/{account}/lift",
            Ring::Mode => "/channels/{account}/mode",
            Ring::Opening => "/channels/{account}/opening",
            Ring::Arm => "/channels/{account}/arm",
            Ring::Pause => "/channels/{account}/pause",
            Ring::Resume => "/channels/{account}/resume",
            Ring::Backfill => "/channels/{account}/backfill",
        }
    }

    /// The least role that it takes.
    pub(super) fn least(self) -> Role {
        match self {
            Ring::Freeze
            | Ring::Unfreeze
            | Ring::Sync
            | Ring::Compare
            | Ring::Lift
            | Ring::Pause
            | Ring::Resume
            | Ring::Backfill => Role::Operator,
            Ring::Mode | Ring::Opening | Ring::Arm => Role::Admin,
        }
    }
}

/// Does it and shows where it was asked, or the account with why it was not done.
pub(super) async fn run(
    ring: Ring,
    admin: Admin,
    (visitor, taste): (Visitor, Taste),
    account: String,
    fields: Fields,
) -> Result<Response, Problem> {
    if let Err(problem) = act(ring, &admin, &visitor, &account, &fields).await {
        let asked = shop::Asked::default();
        return shop::draw(&admin, (&visitor, taste), (&account, &asked), Some(problem)).await;
    }
    let what = ring.path().rsplit('/').next().unwrap_or_default();
    let of = match fields.get("what") {
        Some(of) => format!(" {of}"),
        None => String::new(),
    };
    note(&admin, &visitor, format!("{what} {account}{of}")).await;
    Ok(go(&match fields.get("back") {
        Some("list") => "/channels?done=done".to_owned(),
        Some("walk") => format!("/channels/{account}/walk"),
        _ => format!("/channels/{account}?done=done"),
    }))
}

async fn act(
    ring: Ring,
    admin: &Admin,
    visitor: &Visitor,
    account: &str,
    fields: &Fields,
) -> Result<(), Problem> {
    let ticket = Ticket::of_form(
        fields.get("once"),
        fields.digest(&format!("{ring:?} {account}")),
    );
    let mut body = Map::new();
    let by = json!(visitor.user.name);
    let (state, at) = (State(admin.clone()), At(account.to_owned()));
    let dry = || Ask(accounts::DryRun::default());
    match ring {
        Ring::Freeze => {
            body.insert("by".to_owned(), by);
            accounts::freeze(state, at, dry(), Write::of(body, ticket)?).await?
        }
        Ring::Unfreeze => {
            body.insert("by".to_owned(), by);
            accounts::unfreeze(state, at, dry(), Write::of(body, ticket)?).await?
        }
        Ring::Pause | Ring::Resume => {
            body.insert("by".to_owned(), by);
            let what = fields.get("what").map(|what| json!([what]));
            body.insert("what".to_owned(), json!(what));
            let write = Write::of(body, ticket)?;
            match ring {
                Ring::Pause => pausing::pause(state, at, write).await?,
                _ => pausing::resume(state, at, write).await?,
            }
        }
        Ring::Backfill => {
            // A day, which begins where the daemon counts its days.
            let day = fields.get("since").map(|day| format!("{day}T00:00:00Z"));
            body.insert("since".to_owned(), json!(day));
            pausing::backfill(state, at, Write::of(body, ticket)?).await?
        }
        Ring::Sync => accounts::poll(state, at, Write::of(body, ticket)?).await?,
        Ring::Compare => accounts::reconcile(state, at, Write::of(body, ticket)?).await?,
        Ring::Lift => {
            let mut body = fields.body(&["side", "right"]);
            body.insert("by".to_owned(), by);
            safety::lift(state, at, Write::of(body, ticket)?).await?
        }
        Ring::Mode => {
            let mode = fields.get("mode").filter(|mode| *mode != "configured");
            body.insert("mode".to_owned(), json!(mode));
            accounts::set_mode(state, at, dry(), Write::of(body, ticket)?).await?
        }
        Ring::Opening => adoption::take_opening(state, at, Write::of(body, ticket)?).await?,
        Ring::Arm => {
            let body = fields.body(&["previewed_at"]);
            adoption::arm(state, at, Write::of(body, ticket)?).await?
        }
    };
    Ok(())
}

pub(super) async fn freeze_all(
    State(admin): State<Admin>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(fields.get("once"), fields.digest("freeze all"));
    let mut body = Map::new();
    body.insert("by".to_owned(), json!(visitor.user.name));
    safety::freeze(State(admin.clone()), Write::of(body, ticket)?).await?;
    note(&admin, &visitor, "freeze all accounts".to_owned()).await;
    Ok(go("/channels?done=done"))
}

pub(super) async fn undo_freeze(
    State(admin): State<Admin>,
    visitor: Visitor,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(fields.get("once"), fields.digest("undo freeze"));
    let mut body = Map::new();
    body.insert("by".to_owned(), json!(visitor.user.name));
    safety::undo_freeze(State(admin.clone()), Write::of(body, ticket)?).await?;
    note(&admin, &visitor, "undo freeze".to_owned()).await;
    Ok(go("/channels?done=done"))
}
