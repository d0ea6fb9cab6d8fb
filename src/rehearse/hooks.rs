//! Hooks on their way from a shop to our door.

use std::sync::atomic::AtomicU64;

use channel::HookRequest;
use engine::intake::Reply;

/// Counts what became of hooks.
#[derive(Default)]
pub struct Hooks {
    /// Those that were brought to our door.
    pub posted: AtomicU64,
    /// Those that we said to have kept.
    pub accepted: AtomicU64,
    /// Those that we did not believe.
    pub refused: AtomicU64,
}

/// What a sender is answered.
pub(crate) fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Accepted => 200,
        Reply::Answer(answer) => answer.status,
        Reply::Unknown => 404,
        Reply::Refused(_) => 401,
        Reply::Busy => 503,
    }
}

/// A delivery as a receiver hands it on.
pub fn hook_request(request: &http::Request<Vec<u8>>, hook_url: &str) -> HookRequest {
    let uri = request.uri().to_string();
    let rest = uri.strip_prefix(hook_url).unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = request.headers().iter();
    HookRequest {
        method: request.method().to_string(),
        topic: path.trim_matches('/').to_owned(),
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body: request.body().clone(),
    }
}
