//! Channels: how each account is doing, and what a person may do about it.

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};
use engine::{
    users::Role,
    views::{queues, today},
};
use serde::Deserialize;
use serde_json::Map;

use super::{
    deeds::note,
    fields::Fields,
    page::{Chrome, Part, go, send},
    today::{AccountRow, account_rows},
    visitor::{Taste, Visitor},
};
use crate::{
    admin::{Admin, accounts},
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
    shop: Option<String>,
    warnings: Vec<String>,
    waits: String,
    frozen_by: Option<String>,
    is_frozen: bool,
    is_off: bool,
    is_by_hand: bool,
}

#[derive(Template)]
#[template(path = "channels.html")]
struct Page {
    chrome: Chrome,
    cards: Vec<Card>,
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
        cards.push(Card {
            row,
            shop: state.health.shop.clone(),
            warnings: state.health.warnings.clone(),
            waits,
            frozen_by: set.and_then(|set| set.frozen_by),
            is_frozen: state.is_frozen,
            is_off: state.mode == "off",
            is_by_hand: account.is_some_and(|account| account.descriptor().is_by_hand),
        });
    }
    Ok(send(StatusCode::OK, &Page { chrome, cards }))
}

/// Something that is done to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    Freeze,
    Unfreeze,
    Sync,
    Compare,
}

impl Ring {
    pub(super) const ALL: [Ring; 4] = [Ring::Freeze, Ring::Unfreeze, Ring::Sync, Ring::Compare];

    /// Where its form is sent.
    pub(super) fn path(self) -> &'static str {
        match self {
            Ring::Freeze => "/channels/{account}/freeze",
            Ring::Unfreeze => "/channels/{account}/unfreeze",
            Ring::Sync => "/channels/{account}/sync",
            Ring::Compare => "/channels/{account}/compare",
        }
    }

    /// The least role that it takes.
    pub(super) fn least(self) -> Role {
        Role::Operator
    }
}

pub(super) async fn run(
    ring: Ring,
    admin: Admin,
    visitor: Visitor,
    account: String,
    fields: Fields,
) -> Result<Response, Problem> {
    let ticket = Ticket::of_form(
        fields.get("once"),
        fields.digest(&format!("{ring:?} {account}")),
    );
    let signed = || {
        let mut body = Map::new();
        body.insert("by".to_owned(), visitor.user.name.clone().into());
        body
    };
    let (state, at) = (State(admin.clone()), At(account.clone()));
    match ring {
        Ring::Freeze => {
            let dry = Ask(accounts::DryRun::default());
            accounts::freeze(state, at, dry, Write::of(signed(), ticket)?).await?;
        }
        Ring::Unfreeze => {
            let dry = Ask(accounts::DryRun::default());
            accounts::unfreeze(state, at, dry, Write::of(signed(), ticket)?).await?;
        }
        Ring::Sync => {
            accounts::poll(state, at, Write::of(Map::new(), ticket)?).await?;
        }
        Ring::Compare => {
            accounts::reconcile(state, at, Write::of(Map::new(), ticket)?).await?;
        }
    }
    let what = ring.path().rsplit('/').next().unwrap_or_default();
    note(&admin, &visitor, format!("{what} {account}")).await;
    Ok(go("/channels?done=done"))
}
