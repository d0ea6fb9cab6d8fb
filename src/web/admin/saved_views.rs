//! Views of the list of orders that somebody saved under a name, for programs: as the dashboard keeps them.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::users::{UserError, views::SavedView};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Admin, accounts::Nothing};
use crate::{
    ask::{Ask, At},
    dashboard::{not_saved, read_view},
    problem::{self, Problem},
    write::Write,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewView {
    name: String,
    /// The query of the address that shows it.
    query: String,
}

/// A view as programs see it: they need not take its query apart.
#[derive(Serialize)]
struct ViewView {
    name: String,
    query: String,
    filters: BTreeMap<String, String>,
}

impl ViewView {
    fn of(view: SavedView) -> ViewView {
        let filters = url::form_urlencoded::parse(view.query.as_bytes());
        ViewView {
            filters: filters.into_owned().collect(),
            name: view.name,
            query: view.query,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    name: String,
}

/// The name of somebody who may sign in, or once might.
async fn known(admin: &Admin, user: &str) -> Result<String, Problem> {
    let found = admin.engine.user(user).await?;
    let found = found.ok_or_else(|| UserError::NoUser(user.to_owned()))?;
    Ok(found.name)
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    At(user): At<String>,
) -> Result<Response, Problem> {
    let user = known(&admin, &user).await?;
    let views = admin.engine.saved_views(&user).await?;
    let views: Vec<ViewView> = views.into_iter().map(ViewView::of).collect();
    Ok(Json(json!({ "items": views, "next": null })).into_response())
}

/// Saving one twice changes nothing, so this takes no note of an idempotency key.
pub(crate) async fn save(
    State(admin): State<Admin>,
    At(user): At<String>,
    write: Write<NewView>,
) -> Result<Response, Problem> {
    let user = known(&admin, &user).await?;
    let NewView { name, query } = write.body;
    let query = read_view(&query).map_err(|detail| {
        Problem::new(&problem::BAD_BODY, format!("query: {detail}")).with("path", "query")
    })?;
    let saved = admin.engine.save_view(&user, &name, &query).await;
    saved.map_err(not_saved)?;
    let name = name.trim().to_owned();
    let view = ViewView::of(SavedView { name, query });
    Ok((StatusCode::CREATED, Json(view)).into_response())
}

/// Taking one away that is not there is the same; the answer says what is left.
pub(crate) async fn take_away(
    State(admin): State<Admin>,
    At(user): At<String>,
    Ask(ask): Ask<Named>,
    _write: Write<Nothing>,
) -> Result<Response, Problem> {
    let name = known(&admin, &user).await?;
    admin.engine.drop_view(&name, &ask.name).await?;
    list(State(admin), At(user)).await
}
