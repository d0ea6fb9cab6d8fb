//! Taking shops over: matching, levels, opening stock, first writes, arming, and what watching showed.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::{AccountId, Time};
use engine::{
    account::Account,
    adoption::NotArmed,
    views::{self, adoption::first},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Admin,
    accounts::{Nothing, begun, changed},
};
use crate::{
    ask::{Ask, At, moment},
    problem::{self, Problem},
    write::{Write, once},
};

/// Which preview is meant; the last one, when nothing is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arm {
    #[serde(default)]
    previewed_at: Option<Time>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportQuery {
    account: Option<String>,
    since: Option<String>,
}

pub(crate) async fn overview(State(admin): State<Admin>) -> Result<Response, Problem> {
    Ok(Json(views::adoption::overview(&admin.engine).await?).into_response())
}

pub(crate) async fn report(
    State(admin): State<Admin>,
    Ask(ask): Ask<ReportQuery>,
) -> Result<Response, Problem> {
    let now = admin.engine.ports.clock.now();
    let since = ask.since.as_deref().unwrap_or("7d");
    let since = moment("since", since, now)?;
    let account = ask.account.as_deref().map(|id| admin.account(id));
    let account = account.transpose()?;
    let report = views::adoption::report::report(&admin.engine, account.as_deref(), since).await?;
    Ok(Json(report).into_response())
}

pub(crate) async fn opening(
    State(admin): State<Admin>,
    At(account): At<String>,
) -> Result<Response, Problem> {
    let account = admin.account(&account)?;
    Ok(Json(opening_of(&admin, &account).await?).into_response())
}

async fn opening_of(
    admin: &Admin,
    account: &Account,
) -> Result<views::adoption::opening::OpeningView, Problem> {
    let is_under_way = admin.opening.is_under_way(&account.id);
    Ok(views::adoption::opening::preview(&admin.engine, account, is_under_way).await?)
}

/// Begins to take opening stock. Doing so twice is the same as once: what is counted stays.
pub(crate) async fn take_opening(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = write.body;
    let account = admin.account(&account)?;
    let id = account.id.as_str();
    let view = opening_of(&admin, &account).await?;
    if let Some(named) = &view.configured {
        let detail = format!(
            "the configuration names {named} as the source of opening stock ([stock] opening); take it \
             from there, or change that"
        );
        let problem = Problem::new(&problem::OTHER_SOURCE, detail);
        return Err(problem.with("account", id).with("source", named.as_str()));
    }
    if view.to_count == 0 && !view.is_under_way {
        let unread = views::adoption::opening::unread(&admin.engine, &account).await?;
        if !unread.is_empty() || !account.has_polled() && view.already_counted == 0 {
            return Err(unread_levels(&account.id, unread.len()));
        }
        let detail = format!(
            "nothing is left that could be counted by {id}: {} items were counted before, {} cannot be \
             counted by it; correct single ones with `oneshelf stock adjust`",
            view.already_counted, view.left
        );
        let problem = Problem::new(&problem::ALREADY_COUNTED, detail).with("account", id);
        return Err(problem
            .with("already_counted", view.already_counted)
            .with("left", view.left));
    }
    let rung = admin.engine.open_now(&account, &admin.opening);
    begun(&admin, &account, rung)
}

fn unread_levels(account: &AccountId, unread: usize) -> Problem {
    let detail = format!(
        "levels of {account} were never read: run `oneshelf accounts reconcile {account}`, and ask again"
    );
    let problem = Problem::new(&problem::NOT_READ, detail).with("account", account.as_str());
    problem.with("unread", unread)
}

/// Shows the first writes, and notes that they were shown.
pub(crate) async fn preview(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    let Nothing {} = write.body;
    let account = admin.account(&account)?;
    let work = move |engine: std::sync::Arc<engine::Engine>, rows| async move {
        let view = first::preview(&engine, &account).await?;
        engine.keep_shown(&first::shown(&view), rows).await?;
        Ok(json!(view))
    };
    once(&admin, write.ticket, StatusCode::OK, work).await
}

pub(crate) async fn arm(
    State(admin): State<Admin>,
    At(account): At<String>,
    write: Write<Arm>,
) -> Result<Response, Problem> {
    let Arm { previewed_at } = write.body;
    let account = admin.account(&account)?;
    let work = move |engine: std::sync::Arc<engine::Engine>, rows| async move {
        engine.arm(&account, previewed_at).await?;
        // After it: arming twice is the same as once, and never is not.
        engine.keep_rows(rows).await?;
        Ok(changed(&account, engine.ports.clock.now()))
    };
    once(&admin, write.ticket, StatusCode::OK, work).await
}

impl From<NotArmed> for Problem {
    fn from(error: NotArmed) -> Problem {
        let detail = error.to_string();
        match error {
            NotArmed::Off(account) => {
                Problem::new(&problem::ACCOUNT_OFF, detail).with("account", account.as_str())
            }
            NotArmed::Unread { account, unread } => unread_levels(&account, unread),
            NotArmed::NotShown(account) | NotArmed::NotCounted(account) => {
                Problem::new(&problem::NOT_PREVIEWED, detail).with("account", account.as_str())
            }
            NotArmed::Stale {
                account,
                shown_at,
                skus,
                ..
            } => Problem::new(&problem::PREVIEW_STALE, detail)
                .with("account", account.as_str())
                .with("previewed_at", shown_at.to_string())
                .with("skus", json!(skus)),
            NotArmed::Store(error) => error.into(),
        }
    }
}
