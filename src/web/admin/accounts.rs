//! Accounts: their modes, the red button, and looking now.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{AccountId, Time};
use engine::{
    account::{Account, Mode, ModeOverride},
    bells::Rung,
    pausing::Flow,
    views::{self, words},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::Admin;
use crate::{
    ask::{Ask, At},
    problem::{self, Problem},
    write::{Ticket, Write, once, optional_text},
};

/// Who it was when nobody says.
pub(crate) const SOMEBODY: &str = "admin";

/// A mode, or null for the configured one; leaving it out is a mistake.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetMode {
    #[serde(deserialize_with = "said")]
    mode: Option<Mode>,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Mode>, D::Error> {
    Option::deserialize(deserializer)
}

/// A write that says only who wants it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    #[serde(default)]
    by: Option<String>,
}

impl Signed {
    /// Who it was.
    pub(crate) fn name(self) -> Result<String, Problem> {
        Ok(optional_text("by", self.by)?.unwrap_or_else(|| SOMEBODY.to_owned()))
    }
}

/// A write that says nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DryRun {
    #[serde(default)]
    dry_run: bool,
}

impl DryRun {
    /// Whether nothing is to be done.
    pub(crate) fn is_dry(&self) -> bool {
        self.dry_run
    }
}

/// What an account may do after a change.
#[derive(Serialize)]
pub(crate) struct AccountChange {
    at: Time,
    account: AccountId,
    mode: &'static str,
    configured_mode: &'static str,
    set_mode: Option<&'static str>,
    is_frozen: bool,
    frozen_by: Option<String>,
    frozen_at: Option<Time>,
    paused: Vec<Flow>,
    may_write: bool,
}

/// That something begins.
#[derive(Serialize)]
pub(crate) struct Begun {
    at: Time,
    account: AccountId,
    /// `begins`, or `under_way` when it was asked for before.
    status: &'static str,
}

impl Begun {
    /// What is said of an account.
    pub(crate) fn new(account: &Account, at: Time, status: &'static str) -> Begun {
        Begun {
            at,
            account: account.id.clone(),
            status,
        }
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Response, Problem> {
    let accounts = views::accounts::list(&admin.engine).await?;
    Ok(Json(json!({ "items": accounts, "next": null })).into_response())
}

pub(crate) async fn detail(
    State(admin): State<Admin>,
    At(account): At<String>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    Ok(Json(views::accounts::one(&admin.engine, &account).await?).into_response())
}

pub(crate) async fn preview(
    State(admin): State<Admin>,
    At(account): At<String>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    Ok(Json(views::accounts::preview(&admin.engine, &account).await?).into_response())
}

pub(crate) async fn set_mode(
    State(admin): State<Admin>,
    At(account): At<String>,
    Ask(ask): Ask<DryRun>,
    write: Write<SetMode>,
) -> Result<Response, Problem> {
    let SetMode { mode } = write.body;
    change(admin, &account, &ask, write.ticket, move |set| {
        ModeOverride { mode, ..set }
    })
    .await
}

pub(crate) async fn freeze(
    State(admin): State<Admin>,
    At(account): At<String>,
    Ask(ask): Ask<DryRun>,
    write: Write<Signed>,
) -> Result<Response, Problem> {
    let by = write.body.name()?;
    let account = admin.account(&account)?;
    if ask.dry_run {
        return Ok(Json(views::accounts::preview(&admin.engine, &account).await?).into_response());
    }
    once(
        &admin,
        write.ticket,
        StatusCode::OK,
        move |engine, rows| async move {
            engine.freeze(&[Arc::clone(&account)], &by, rows).await?;
            Ok(changed(&account, engine.ports.clock.now()))
        },
    )
    .await
}

pub(crate) async fn unfreeze(
    State(admin): State<Admin>,
    At(account): At<String>,
    Ask(ask): Ask<DryRun>,
    write: Write<Signed>,
) -> Result<Response, Problem> {
    let by = write.body.name()?;
    let name = account.clone();
    change(admin, &account, &ask, write.ticket, move |set| {
        if set.is_frozen {
            tracing::warn!(account = name, by, "Writing to an account goes on.");
        }
        set.thawed()
    })
    .await
}

/// Changes what an account may do, or shows what is at stake.
async fn change(
    admin: Admin,
    account: &str,
    ask: &DryRun,
    ticket: Ticket,
    change: impl FnOnce(ModeOverride) -> ModeOverride + Send + 'static,
) -> Result<Response, Problem> {
    let account = admin.account(account)?;
    if ask.dry_run {
        return Ok(Json(views::accounts::preview(&admin.engine, &account).await?).into_response());
    }
    once(
        &admin,
        ticket,
        StatusCode::OK,
        move |engine, rows| async move {
            engine.set_mode(&account, change(account.set())).await?;
            // After it: setting a mode twice is the same as once, and never is not.
            engine.keep_rows(rows).await?;
            Ok(changed(&account, engine.ports.clock.now()))
        },
    )
    .await
}

pub(crate) fn changed(account: &Account, at: Time) -> AccountChange {
    let set = account.set();
    AccountChange {
        at,
        account: account.id.clone(),
        mode: words::mode(account.mode()),
        configured_mode: words::mode(account.configured),
        set_mode: set.mode.map(words::mode),
        is_frozen: set.is_frozen,
        frozen_by: set.frozen_by,
        frozen_at: set.frozen_at,
        paused: set.paused.into_keys().collect(),
        may_write: account.may_write(),
    }
}

pub(crate) async fn poll(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = write.body;
    let account = admin.account(&account)?;
    let rung = admin.engine.poll_now(&account);
    begun(&admin, &account, rung)
}

pub(crate) async fn reconcile(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = write.body;
    let account = admin.account(&account)?;
    let rung = admin.engine.reconcile_now(&account, &admin.comparing);
    begun(&admin, &account, rung)
}

/// Looking twice is the same as once, so these take no note of an idempotency key.
pub(crate) fn begun(admin: &Admin, account: &Account, rung: Rung) -> Result<Response, Problem> {
    let status = match rung {
        Rung::Begins => "begins",
        Rung::UnderWay => "under_way",
        Rung::Off => {
            let detail = format!("account {} is off; nothing is read there", account.id);
            return Err(
                Problem::new(&problem::ACCOUNT_OFF, detail).with("account", account.id.as_str())
            );
        }
        Rung::Paused => {
            let detail = format!(
                "the orders of {0} are paused, and without them nothing there is understood: `oneshelf \
                 resume {0} orders`",
                account.id
            );
            return Err(
                Problem::new(&problem::ORDERS_PAUSED, detail).with("account", account.id.as_str())
            );
        }
    };
    let begun = Begun::new(account, admin.engine.ports.clock.now(), status);
    Ok((StatusCode::ACCEPTED, Json(begun)).into_response())
}
