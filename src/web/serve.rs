//! Serving a router on a listener, with bounds on everything that a stranger could hold open.

use std::{
    convert::Infallible, future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use crate::limits::Limits;

/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// How much of a connection is buffered; a head that is longer is refused.
const BUFFER_MAX: usize = 64 * 1024;
/// How long to wait when the listener gives no connection.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How long requests under way may take to end after the listener closed.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// From where a connection came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Serves until `shutdown` is ready; then no connection is taken any more, and those that are open
/// end after the request under way, or are cut off after [`DRAIN_MAX`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                // The set owns every connection, and none outlives this function.
                connections.spawn(async move {
                    converse((stream, peer), router, limits.read_timeout, stopped).await;
                    drop(place);
                });
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "No connection can be taken at the moment.");
                pause().await;
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let drained = tokio::time::timeout(DRAIN_MAX, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(left = connections.len(), "Connections were cut off.");
        connections.shutdown().await;
    }
}

/// Waits a little: there may be too many open files, and that passes.
async fn pause() {
    // Nothing ends this but the time.
    drop(tokio::time::timeout(ACCEPT_PAUSE, std::future::pending::<()>()).await);
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, Peer(peer), place))
}

/// Whether an error is about one connection that never came to be, and not about the listener.
fn is_of_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

async fn converse(
    (stream, peer): (TcpStream, Peer),
    router: Router,
    head_timeout: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let mut router = router.clone();
        async move {
            let answer = tower::Service::call(&mut router, request.map(Body::new)).await;
            answer.map_err(|never: Infallible| never)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Also for the next request on an idle connection.
        .header_read_timeout(head_timeout)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = async { drop(stopped.wait_for(|is_stopped| *is_stopped).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "A connection ended early.");
    }
}
