//! The public listener: hooks, and nothing else.
//!
//! What arrives is hostile until the engine has verified it. Answers tell the sender only what it
//! must know to do the right thing: 200, 401, 404, 413, or 503 and come again.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use channel::HookRequest;
use engine::{Engine, intake::Reply};

use crate::limits::{BodyError, Gate, Limits, read_body, see_through};

/// How long a channel should wait before it sends a hook again, in seconds.
const RETRY_AFTER_S: &str = "5";

#[derive(Clone)]
struct Hooks {
    engine: Arc<Engine>,
    limits: Limits,
}

/// The router of the public listener.
pub fn public(engine: Arc<Engine>, limits: Limits) -> Router {
    let gate = Gate::new(Arc::clone(&engine), limits);
    let take = get(take_hook).post(take_hook).fallback(nothing_here);
    Router::new()
        .route("/hooks/{account}", take.clone())
        .route("/hooks/{account}/", take.clone())
        .route("/hooks/{account}/{*topic}", take)
        .fallback(nothing_here)
        .with_state(Hooks { engine, limits })
        .layer(middleware::from_fn(move |request: Request, next| {
            let gate = gate.clone();
            async move { plain(gate.pass("/hooks", request, next).await) }
        }))
}

/// The account, and the topic where there is one.
#[derive(serde::Deserialize)]
struct Address {
    account: String,
    #[serde(default)]
    topic: String,
}

async fn take_hook(
    State(hooks): State<Hooks>,
    address: Result<Path<Address>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(Address { account, topic })) = address else {
        return nothing_here().await;
    };
    let (head, body) = request.into_parts();
    let body = match read_body(&head.headers, body, &hooks.limits).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return say(StatusCode::PAYLOAD_TOO_LARGE),
        Err(BodyError::TooSlow) => return say(StatusCode::REQUEST_TIMEOUT),
    };
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let request = HookRequest {
        method: head.method.as_str().to_owned(),
        topic: topic.trim_matches('/').to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body,
    };
    let engine = Arc::clone(&hooks.engine);
    let taken = see_through(&hooks.engine, async move {
        engine.receive(&account, request).await
    });
    answer(taken.await.unwrap_or(Reply::Busy))
}

fn answer(reply: Reply) -> Response {
    match reply {
        Reply::Accepted => StatusCode::OK.into_response(),
        Reply::Answer(answer) => {
            let status =
                StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let kind = HeaderValue::from_static(answer.content_type);
            (status, [(header::CONTENT_TYPE, kind)], answer.body).into_response()
        }
        Reply::Unknown => say(StatusCode::NOT_FOUND),
        Reply::Refused(_) => say(StatusCode::UNAUTHORIZED),
        Reply::Busy => say(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn nothing_here() -> Response {
    say(StatusCode::NOT_FOUND)
}

/// A status with nothing but its own name.
fn say(status: StatusCode) -> Response {
    let text = format!("{}\n", status.canonical_reason().unwrap_or_default());
    let mut response = (status, text).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let wait = HeaderValue::from_static(RETRY_AFTER_S);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// The gate speaks to people; channels are told the status alone.
fn plain(response: Response) -> Response {
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == crate::problem::CONTENT_TYPE);
    if !is_problem {
        return response;
    }
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_TYPE);
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::empty())
}
