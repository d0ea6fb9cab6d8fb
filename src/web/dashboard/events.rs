//! The stream that tells a page that something changed. What changed it reads again itself, so nothing is lost
//! when the stream is cut: the page catches up by one reading.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use domain::Time;
use engine::Engine;
use futures_core::Stream;
use tokio::sync::watch;

use super::visitor::Visitor;
use crate::admin::Admin;

/// At most so often is it told that something changed.
const NOT_SOONER: Duration = Duration::from_millis(700);
/// So often something is said although nothing changed: that the way is open, and that the session is good.
const STILL_HERE: Duration = Duration::from_secs(15);
/// How soon a browser comes back.
const COMES_BACK: Duration = Duration::from_secs(1);

/// What an event says: one that says nothing is not told to the page.
const SOMETHING: &str = "something";

/// What the stream knows between two events.
struct Watch {
    engine: Arc<Engine>,
    /// To see now and then whether the session is still good.
    headers: HeaderMap,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    last: Option<Time>,
}

type Step = Pin<Box<dyn Future<Output = Option<(Watch, Event)>> + Send>>;

/// Events, one step after another.
struct Events(Option<Step>);

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(step) = self.0.as_mut() else {
            return Poll::Ready(None);
        };
        match step.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.0 = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some((watch, event))) => {
                self.0 = Some(Box::pin(watch.next()));
                Poll::Ready(Some(Ok(event)))
            }
        }
    }
}

impl Watch {
    /// Waits for the next event; nothing when the stream is to end.
    async fn next(mut self) -> Option<(Watch, Event)> {
        let clock = Arc::clone(&self.engine.ports.clock);
        let Some(last) = self.last else {
            self.last = Some(clock.now());
            let first = Event::default().comment("here").retry(COMES_BACK);
            return Some((self, first));
        };
        if *self.stop.borrow_and_update() {
            return None;
        }
        let changed = async {
            let has_sender = self.changes.changed().await.is_ok();
            clock.sleep_until(last.plus(NOT_SOONER)).await;
            has_sender
        };
        let event = tokio::select! {
            biased;
            // Asked to end, or nobody is there to ask.
            _ = self.stop.changed() => return None,
            has_sender = changed => has_sender.then(|| Event::default().event("changed").data(SOMETHING)),
            () = clock.sleep_until(clock.now().plus(STILL_HERE)) => {
                let who = Visitor::of(&self.engine, &self.headers).await;
                let is_good = matches!(who, Ok(Some(_)));
                is_good.then(|| Event::default().comment("still here"))
            }
        }?;
        self.changes.borrow_and_update();
        self.last = Some(clock.now());
        Some((self, event))
    }
}

pub(super) async fn stream(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let watch = Watch {
        changes: admin.engine.watch_changes(),
        stop: admin.engine.watch_stop(),
        engine: admin.engine,
        headers,
        last: None,
    };
    Sse::new(Events(Some(Box::pin(watch.next())))).into_response()
}
