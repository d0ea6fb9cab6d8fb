//! People who may sign in to the dashboard.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use domain::Time;
use engine::users::{Entry, Role, User};
use serde::{Deserialize, Serialize};

use super::{Admin, accounts::Signed};
use crate::{
    ask::{Ask, At, OrderedQuery},
    dashboard::{digest, secret},
    paging::Place,
    problem::Problem,
    write::{Write, optional_text},
};

/// Who it was when nobody says.
const SOMEBODY: &str = "admin";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    name: String,
    role: Role,
    by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetRole {
    role: Role,
    by: Option<String>,
}

/// A user, without their password.
#[derive(Serialize)]
struct UserView {
    name: String,
    role: Role,
    added_at: Time,
    disabled_at: Option<Time>,
    has_password: bool,
    signed_in_at: Option<Time>,
    sessions: usize,
}

/// A way in for once. It is told here and nowhere else.
#[derive(Serialize)]
struct LinkView {
    user: String,
    path: String,
    until: Time,
}

/// An entry of the log.
#[derive(Serialize)]
struct EntryView {
    at: Time,
    user: String,
    by: String,
    text: String,
}

async fn view(admin: &Admin, user: User) -> Result<UserView, Problem> {
    Ok(UserView {
        sessions: admin.engine.sessions_of(&user.name).await?,
        name: user.name,
        role: user.role,
        added_at: user.added_at,
        disabled_at: user.disabled_at,
        has_password: user.password.is_some(),
        signed_in_at: user.signed_in_at,
    })
}

fn who(by: Option<String>) -> Result<String, Problem> {
    Ok(optional_text("by", by)?.unwrap_or_else(|| SOMEBODY.to_owned()))
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Response, Problem> {
    let mut items = Vec::new();
    for user in admin.engine.users().await? {
        items.push(view(&admin, user).await?);
    }
    Ok(Json(serde_json::json!({ "items": items, "next": null })).into_response())
}

/// Adding somebody twice is refused, so this takes no note of an idempotency key.
pub(crate) async fn add(
    State(admin): State<Admin>,
    write: Write<NewUser>,
) -> Result<Response, Problem> {
    let NewUser { name, role, by } = write.body;
    let user = admin.engine.add_user(&name, role, &who(by)?).await?;
    let view = view(&admin, user).await?;
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

pub(crate) async fn set_role(
    State(admin): State<Admin>,
    At(user): At<String>,
    write: Write<SetRole>,
) -> Result<Response, Problem> {
    let SetRole { role, by } = write.body;
    let user = admin.engine.set_role(&user, role, &who(by)?).await?;
    Ok(Json(view(&admin, user).await?).into_response())
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    At(user): At<String>,
    write: Write<Signed>,
) -> Result<Response, Problem> {
    let by = write.body.name()?;
    let user = admin.engine.disable_user(&user, true, &by).await?;
    Ok(Json(view(&admin, user).await?).into_response())
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    At(user): At<String>,
    write: Write<Signed>,
) -> Result<Response, Problem> {
    let by = write.body.name()?;
    let user = admin.engine.disable_user(&user, false, &by).await?;
    Ok(Json(view(&admin, user).await?).into_response())
}

/// The answer is a secret, so it is kept for no idempotency key: asked twice, the first link is good no more.
pub(crate) async fn link(
    State(admin): State<Admin>,
    At(user): At<String>,
    write: Write<Signed>,
) -> Result<Response, Problem> {
    let by = write.body.name()?;
    let secret = secret(&admin.engine);
    let link = admin.engine.link_user(&user, &digest(&secret), &by).await?;
    let view = LinkView {
        user: link.user,
        path: format!("/welcome/{secret}"),
        until: link.until,
    };
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

pub(crate) async fn log(
    State(admin): State<Admin>,
    Ask(ask): Ask<OrderedQuery>,
) -> Result<Response, Problem> {
    let place = Place::read(
        &("audit", ask.newest_first),
        ask.cursor.as_deref(),
        ask.limit,
    )?;
    let after = place.after.clone();
    let log = admin.engine.users_log(ask.newest_first, after, place.limit);
    let (entries, next) = log.await?;
    let entry = |entry: Entry| EntryView {
        at: entry.at,
        text: entry.change.text(),
        user: entry.user,
        by: entry.by,
    };
    let items = entries.into_iter().map(entry).collect();
    Ok(Json(place.show(engine::views::Page { items, next })).into_response())
}
