//! Copies of everything: which there are, how the last ones went, and one more now.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::backups::{BackupView, BackupsView, NoBackup};
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::{
    problem::{self, Problem},
    write::{Write, once, optional_text},
};

/// Where to; the configured directory when nothing is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBackup {
    #[serde(default)]
    to: Option<String>,
}

/// How backups are doing, and which there are.
#[derive(Serialize)]
struct Kept {
    #[serde(flatten)]
    state: BackupsView,
    items: Vec<BackupView>,
}

#[derive(Serialize)]
struct Begun {
    at: domain::Time,
    status: &'static str,
}

impl From<NoBackup> for Problem {
    fn from(error: NoBackup) -> Problem {
        let detail = error.to_string();
        match error {
            NoBackup::NotConfigured => Problem::new(&problem::NO_BACKUPS, detail),
            NoBackup::UnderWay => Problem::new(&problem::UNDER_WAY, detail),
            NoBackup::Elsewhere(_) => Problem::new(&problem::BAD_BODY, detail).with("path", "to"),
            NoBackup::Failed(_) => Problem::new(&problem::BACKUP_FAILED, detail),
        }
    }
}

pub(crate) async fn list(State(admin): State<Admin>) -> Result<Response, Problem> {
    let items = admin.engine.list_backups().await?;
    let state = admin.engine.backups();
    Ok(Json(Kept { state, items }).into_response())
}

pub(crate) async fn make(
    State(admin): State<Admin>,
    write: Write<NewBackup>,
) -> Result<Response, Problem> {
    let to = optional_text("to", write.body.to)?;
    // It may take minutes, so it is begun here and looked for in the list.
    let work = move |engine: std::sync::Arc<engine::Engine>, _| async move {
        let status = match engine.begin_backup(to) {
            Ok(()) => "begins",
            Err(NoBackup::UnderWay) => "under_way",
            Err(error) => return Err(error.into()),
        };
        let at = engine.ports.clock.now();
        Ok(Begun { at, status })
    };
    once(&admin, write.ticket, StatusCode::ACCEPTED, work).await
}
