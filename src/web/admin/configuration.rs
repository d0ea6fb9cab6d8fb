//! What the daemon was configured with, and where each value came from. It is read at the start, and no
//! secret is in it.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

use super::Admin;

/// One value that holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// Its dotted key.
    pub key: String,
    /// How it reads; nothing where it is a secret.
    pub value: Option<String>,
    /// Whether it is one.
    pub is_secret: bool,
    /// `default`, `file` or `environment`.
    pub from: &'static str,
    /// The file or the variable.
    pub place: Option<String>,
    /// The line of the file.
    pub line: Option<usize>,
}

pub(crate) async fn list(State(admin): State<Admin>) -> Response {
    Json(json!({ "items": *admin.configuration, "next": null })).into_response()
}
