//! What pages are made of besides HTML: one style sheet, one script, one icon, in the binary.
//!
//! Their names hold a digest of their content, so a browser keeps them for ever and still never has an old one.

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use crate::{
    ask::At,
    problem::{self, Problem},
};

/// One file.
pub(super) struct Asset {
    /// Where it is served.
    pub(super) href: String,
    kind: &'static str,
    pub(super) content: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, kind: &'static str, content: &'static str) -> Asset {
        let digest = Sha256::digest(content);
        let digest: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        Asset {
            href: format!("/assets/{name}-{digest}.{extension}"),
            kind,
            content,
        }
    }
}

/// The style sheet.
pub(super) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/dashboard.css");
    Asset::new("dashboard", "css", "text/css; charset=utf-8", content)
});

/// The script.
pub(super) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/dashboard.js");
    Asset::new("dashboard", "js", "text/javascript; charset=utf-8", content)
});

/// The icon.
pub(super) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/icon.svg");
    Asset::new("icon", "svg", "image/svg+xml", content)
});

pub(super) async fn serve(At(name): At<String>) -> Response {
    let found = [&STYLE, &SCRIPT, &ICON]
        .into_iter()
        .find(|asset| asset.href.strip_prefix("/assets/") == Some(name.as_str()));
    let Some(asset) = found else {
        return Problem::new(&problem::NOT_FOUND, "there is no such file").into_response();
    };
    let for_ever = HeaderValue::from_static("public, max-age=31536000, immutable");
    let kind = HeaderValue::from_static(asset.kind);
    let headers = [
        (header::CACHE_CONTROL, for_ever),
        (header::CONTENT_TYPE, kind),
    ];
    (headers, asset.content).into_response()
}
