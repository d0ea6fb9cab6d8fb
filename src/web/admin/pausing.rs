//! Pausing work with an account, letting it go on, and reading orders from a time on.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use domain::Time;
use engine::{account::Account, bells::Rung, pausing::Flow};
use serde::Deserialize;

use super::{
    Admin,
    accounts::{Begun, SOMEBODY, begun, changed},
};
use crate::{
    ask::At,
    problem::{self, Problem},
    write::{Write, once, optional_text},
};

/// What is meant; all of it, when nothing is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flows {
    #[serde(default)]
    what: Option<Vec<Flow>>,
    #[serde(default)]
    by: Option<String>,
}

pub(crate) async fn pause(
    state: State<Admin>,
    account: At<String>,
    write: Write<Flows>,
) -> Result<Response, Problem> {
    set(state, account, write, true).await
}

pub(crate) async fn resume(
    state: State<Admin>,
    account: At<String>,
    write: Write<Flows>,
) -> Result<Response, Problem> {
    set(state, account, write, false).await
}

/// From when on orders are to be read again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadBack {
    since: Time,
}

pub(crate) async fn backfill(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<ReadBack>,
) -> Result<Response, Problem> {
    let ReadBack { since } = write.body;
    let account = admin.account(&account)?;
    with_channel(&account)?;
    let now = admin.engine.ports.clock.now();
    if since > now {
        let detail = format!("since: {since} has not come yet; it is {now} now");
        return Err(Problem::new(&problem::TIME_AHEAD, detail).with("path", "since"));
    }
    // Refused where it cannot begin, before it is asked for.
    let rung = admin.engine.poll_now(&account);
    if rung != Rung::Begins {
        return begun(&admin, &account, rung);
    }
    let work = move |engine: Arc<engine::Engine>, rows| async move {
        engine.backfill(&account, since, rows).await?;
        Ok(Begun::new(&account, engine.ports.clock.now(), "begins"))
    };
    once(&admin, write.ticket, StatusCode::ACCEPTED, work).await
}

/// Refuses what needs a channel where there is none.
fn with_channel(account: &Account) -> Result<(), Problem> {
    if !account.descriptor().is_by_hand {
        return Ok(());
    }
    let detail = format!(
        "{}: its orders are entered here, and no channel is behind it",
        account.id
    );
    Err(Problem::new(&problem::NO_CHANNEL, detail).with("account", account.id.as_str()))
}

async fn set(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Flows>,
    is_paused: bool,
) -> Result<Response, Problem> {
    let Flows { what, by } = write.body;
    let by = optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned());
    let account = admin.account(&account)?;
    with_channel(&account)?;
    let what = what.unwrap_or_else(|| Flow::ALL.to_vec());
    let work = move |engine: Arc<engine::Engine>, rows| async move {
        let flows = (what.as_slice(), is_paused);
        engine.set_paused(&account, flows, &by, rows).await?;
        Ok(changed(&account, engine.ports.clock.now()))
    };
    once(&admin, write.ticket, StatusCode::OK, work).await
}
