//! How the daemon is doing: for supervisors without data, for people with figures.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{account::Mode, views};

use super::Admin;
use crate::{metrics::CONTENT_TYPE, problem::Problem};

fn say(is_well: bool, well: &'static str, unwell: &'static str) -> Response {
    let (status, text) = if is_well {
        (StatusCode::OK, well)
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, unwell)
    };
    (status, text).into_response()
}

pub(crate) async fn livez() -> Response {
    say(true, "alive\n", "")
}

pub(crate) async fn readyz(State(admin): State<Admin>) -> Response {
    say(is_ready(&admin).await, "ready\n", "not ready\n")
}

pub(crate) async fn healthz(State(admin): State<Admin>) -> Response {
    let accounts = admin.engine.accounts.values();
    let mut working = accounts.filter(|account| account.mode() != Mode::Off);
    let are_well = working.all(|account| {
        // Nobody is asked for orders that are entered by hand.
        let is_read = account.has_polled() || account.descriptor().is_by_hand;
        is_read && !account.health().is_unauthorized
    });
    let is_sound = no_breaker_tripped(&admin).await;
    say(
        are_well && is_sound && is_ready(&admin).await,
        "healthy\n",
        "degraded\n",
    )
}

/// Whether no account waits for a person because too much happened to it at once.
async fn no_breaker_tripped(admin: &Admin) -> bool {
    for account in admin.engine.accounts.values() {
        let breaker = admin.engine.breaker(account).await;
        if !breaker.is_ok_and(|it| it.source.is_none() && it.writes.is_none()) {
            return false;
        }
    }
    true
}

/// Whether hooks and writes can be taken.
async fn is_ready(admin: &Admin) -> bool {
    let stats = admin.engine.store.stats().await;
    !admin.engine.is_stopping() && stats.is_ok_and(|stats| !stats.is_read_only)
}

pub(crate) async fn metrics(State(admin): State<Admin>) -> Result<Response, Problem> {
    let text = crate::metrics::text(&admin.engine).await?;
    let kind = HeaderValue::from_static(CONTENT_TYPE);
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

pub(crate) async fn summary(State(admin): State<Admin>) -> Result<Response, Problem> {
    Ok(Json(views::accounts::summary(&admin.engine).await?).into_response())
}
