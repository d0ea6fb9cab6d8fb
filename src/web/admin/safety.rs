//! When shops and we disagree: cases of drift, breakers, and the red button for several accounts.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{
    AccountId, Time,
    breaker::Side,
    ids::DriftId,
    signal::{Command, Whose},
};
use engine::{account::Account, safety::Freeze, views};
use serde::{Deserialize, Serialize};

use super::{Admin, accounts::Signed};
use crate::{
    ask::{Ask, At, id},
    paging::Place,
    problem::{self, Problem},
    write::{Receipt, Write, carry_out, once, optional_text},
};

/// Who it was when nobody says.
const SOMEBODY: &str = "admin";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriftQuery {
    open: Option<bool>,
    account: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Whose number is right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settle {
    right: Whose,
    #[serde(default)]
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lift {
    side: Side,
    #[serde(default)]
    right: Option<Whose>,
    #[serde(default)]
    by: Option<String>,
}

/// Which accounts to freeze; all when none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    #[serde(default)]
    accounts: Option<Vec<String>>,
    #[serde(default)]
    by: Option<String>,
}

/// What the last freeze did, or that there was none.
#[derive(Default, Serialize)]
struct LastFreeze {
    at: Option<Time>,
    by: Option<String>,
    accounts: Vec<AccountId>,
    undone_at: Option<Time>,
    undone_by: Option<String>,
}

impl From<Freeze> for LastFreeze {
    fn from(freeze: Freeze) -> LastFreeze {
        LastFreeze {
            at: Some(freeze.at),
            by: freeze.by,
            accounts: freeze.accounts,
            undone_at: freeze.undone_at,
            undone_by: freeze.undone_by,
        }
    }
}

pub(crate) async fn drifts(
    State(admin): State<Admin>,
    Ask(ask): Ask<DriftQuery>,
) -> Result<Response, Problem> {
    let list = ("drift", ask.open, &ask.account);
    let place = Place::read(&list, ask.cursor.as_deref(), ask.limit)?;
    let account = admin.narrowed_to(ask.account.as_deref()).await?;
    let after = place.after.clone();
    let limit = place.limit;
    let page = views::drift::list(&admin.engine, ask.open, account.as_ref(), after, limit).await?;
    Ok(Json(place.show(page)).into_response())
}

pub(crate) async fn drift(
    State(admin): State<Admin>,
    At(drift): At<String>,
) -> Result<Response, Problem> {
    let drift: DriftId = id("drift", &drift)?;
    let found = views::drift::one(&admin.engine, drift).await?;
    match found {
        Some(found) => Ok(Json(found).into_response()),
        None => Err(domain::decide::Refusal::NoDrift(drift).into()),
    }
}

pub(crate) async fn settle(
    State(admin): State<Admin>,
    At(drift): At<String>,
    write: Write<Settle>,
) -> Result<Response, Problem> {
    let drift: DriftId = id("drift", &drift)?;
    let by = optional_text("by", write.body.by)?;
    let command = Command::SettleDrift {
        drift,
        right: write.body.right,
        by: by.unwrap_or_else(|| SOMEBODY.to_owned()),
    };
    carry_out(&admin, write.ticket, StatusCode::OK, command).await
}

pub(crate) async fn breaker(
    State(admin): State<Admin>,
    At(account): At<String>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    Ok(Json(views::drift::breaker(&admin.engine, &account).await?).into_response())
}

pub(crate) async fn lift(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Lift>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    let Lift { side, right, by } = write.body;
    let by = optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned());
    let right = match (side, right) {
        (_, Some(right)) => right,
        (Side::Writes, None) => Whose::Ours,
        (Side::Source, None) => {
            let detail = "right: say whose numbers are right, `theirs` or `ours`";
            return Err(Problem::new(&problem::BAD_BODY, detail).with("path", "right"));
        }
    };
    let work = move |engine: Arc<engine::Engine>, rows| async move {
        engine
            .lift_breaker(&account, side, (right, by), rows)
            .await?;
        Ok(Receipt::plain("done", engine.ports.clock.now()))
    };
    once(&admin, write.ticket, StatusCode::OK, work).await
}

pub(crate) async fn last_freeze(State(admin): State<Admin>) -> Result<Response, Problem> {
    let last = admin.engine.last_freeze().await?;
    let last = last.map(LastFreeze::from).unwrap_or_default();
    Ok(Json(last).into_response())
}

pub(crate) async fn freeze(
    State(admin): State<Admin>,
    write: Write<Which>,
) -> Result<Response, Problem> {
    let Which { accounts, by } = write.body;
    let by = optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned());
    let accounts: Vec<Arc<Account>> = match accounts {
        Some(named) => {
            let known = named.iter().map(|id| admin.account(id));
            known.collect::<Result<_, _>>()?
        }
        None => admin.engine.accounts.values().cloned().collect(),
    };
    let work = move |engine: Arc<engine::Engine>, rows| async move {
        Ok(LastFreeze::from(engine.freeze(&accounts, &by, rows).await?))
    };
    once(&admin, write.ticket, StatusCode::OK, work).await
}

pub(crate) async fn undo_freeze(
    State(admin): State<Admin>,
    write: Write<Signed>,
) -> Result<Response, Problem> {
    let by = write.body.name()?;
    let work = move |engine: Arc<engine::Engine>, rows| async move {
        match engine.undo_freeze(&by, rows).await? {
            Some(freeze) => Ok(LastFreeze::from(freeze)),
            None => Err(Problem::new(
                &problem::NOTHING_TO_UNDO,
                "there is no freeze to take back, or it was taken back already",
            )),
        }
    };
    once(&admin, write.ticket, StatusCode::OK, work).await
}
