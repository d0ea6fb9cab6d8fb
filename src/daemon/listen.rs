//! The two listeners: hooks from outside, and people and scripts on this machine.

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    response::Response,
    routing::any,
};
use channel::HookRequest;
use engine::{Engine, intake::Reply};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Body.
    pub body_bytes: u64,
}
impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 1 << 20,
        }
    }
}

/// Serves.
pub fn spawn(
    engine: &Arc<Engine>,
    public: TcpListener,
    _admin: TcpListener,
    _token: &str,
    _limits: Limits,
) -> watch::Sender<bool> {
    let stop = watch::Sender::new(false);
    let router = Router::new()
        .route("/hooks/{account}", any(hook))
        .with_state(Arc::clone(engine));
    engine.ports.spawn.spawn(
        "public".to_owned(),
        Box::pin(async move {
            drop(axum::serve(public, router).await);
        }),
    );
    stop
}

async fn hook(
    State(engine): State<Arc<Engine>>,
    Path(account): Path<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20)
        .await
        .unwrap_or_default()
        .to_vec();
    let headers = head
        .headers
        .iter()
        .map(|(k, v)| (k.as_str().to_owned(), v.to_str().unwrap_or("").to_owned()))
        .collect();
    let request = HookRequest {
        method: head.method.to_string(),
        topic: String::new(),
        query: head.uri.query().unwrap_or("").to_owned(),
        headers,
        body,
    };
    let status = match engine.receive(&account, request).await {
        Reply::Accepted => 200,
        Reply::Answer(a) => a.status,
        Reply::Unknown => 404,
        Reply::Refused(_) => 401,
        Reply::Busy => 503,
    };
    Response::builder()
        .status(status)
        .body(Body::empty())
        .expect("r")
}
