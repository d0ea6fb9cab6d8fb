//! How much is taken in at once, and how long it may take; and one line in the log for each request.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use engine::Engine;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::problem::{self, Problem};

/// The longest headers of a request, names and values together.
const HEADERS_LENGTH_MAX: usize = 16 * 1024;

/// What a listener takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body in bytes.
    pub body_bytes_max: usize,
    /// How many connections are open at once; more wait in the listener's queue.
    pub connections_max: usize,
    /// How many requests are answered at once; more are refused.
    pub requests_max: usize,
    /// How long the head of a request may take to arrive, and how long its body.
    pub read_timeout: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes_max: 1024 * 1024,
            connections_max: 512,
            requests_max: 256,
            read_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// It did not arrive in time, or not at all.
    TooSlow,
}

/// Reads a body up to the limit. One that says that it is longer is not read at all.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Vec<u8>, BodyError> {
    let limit = limits.body_bytes_max;
    let said = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    let is_longer = |length: u64| usize::try_from(length).map_or(true, |length| length > limit);
    if said.is_some_and(is_longer) {
        return Err(BodyError::TooLarge);
    }
    let read = tokio::time::timeout(limits.read_timeout, gather(body, limit)).await;
    read.unwrap_or(Err(BodyError::TooSlow))
}

async fn gather(mut body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::TooSlow)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match error {
            BodyError::TooLarge => Problem::new(
                &problem::BODY_TOO_LARGE,
                "the body is longer than the limit",
            ),
            BodyError::TooSlow => {
                Problem::new(&problem::TOO_SLOW, "the body did not arrive in time")
            }
        }
    }
}

/// Holds the limits of one listener.
#[derive(Clone)]
pub(crate) struct Gate {
    engine: Arc<Engine>,
    limits: Limits,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new(engine: Arc<Engine>, limits: Limits) -> Gate {
        Gate {
            engine,
            limits,
            places: Arc::new(Semaphore::new(limits.requests_max)),
        }
    }

    /// Lets a request through, if there is a place for it, and sees that it ends. `route` is its
    /// address without what varies in it: that, and never the address itself, goes to the log.
    pub(crate) async fn pass(&self, route: &'static str, request: Request, next: Next) -> Response {
        let since = self.engine.ports.clock.now();
        let method = request.method().clone();
        let mut response = match self.answer(request, next).await {
            Ok(response) => response,
            Err(problem) => axum::response::IntoResponse::into_response(problem),
        };
        let headers = response.headers_mut();
        let no_store = HeaderValue::from_static("no-store");
        headers.entry(header::CACHE_CONTROL).or_insert(no_store);
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        let ms = self.engine.ports.clock.now().since(since).as_millis();
        let status = response.status().as_u16();
        tracing::debug!(%method, route, status, ms, "A request was answered.");
        response
    }

    async fn answer(&self, request: Request, next: Next) -> Result<Response, Problem> {
        let headers = request.headers().iter();
        let length: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if length > HEADERS_LENGTH_MAX {
            let detail =
                format!("the headers have {length} bytes, {HEADERS_LENGTH_MAX} is the limit");
            return Err(Problem::new(&problem::HEADERS_TOO_LARGE, detail));
        }
        let Ok(_place) = self.places.try_acquire() else {
            let detail = "as many requests are being answered as are allowed at once";
            return Err(Problem::new(&problem::BUSY, detail));
        };
        match tokio::time::timeout(self.limits.timeout, next.run(request)).await {
            Ok(response) => Ok(response),
            Err(_) => Err(Problem::new(
                &problem::TIMED_OUT,
                "the answer was not ready in time; what was asked may still be done",
            )),
        }
    }
}

/// Runs something to its end, even when whoever asked goes away: a decision that is cut off between
/// commit and follow-up would leave others waiting for stock that is free. Nothing if it panicked.
pub(crate) async fn see_through<T: Send + 'static>(
    engine: &Engine,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let task = Box::pin(async move {
        // Whoever asked may have gone; then nobody wants the answer.
        drop(tell.send(work.await));
    });
    engine.ports.spawn.spawn("web request".to_owned(), task);
    told.await.ok()
}
