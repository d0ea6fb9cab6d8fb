//! The two listeners: hooks from outside, and people and scripts on this machine.

use std::{future::Future, sync::Arc};

use engine::Engine;
use tokio::{net::TcpListener, sync::watch};
use web::{Configured, Limits, Tokens};

/// Serves both listeners in tasks of the engine's kind, until the returned sender says `true`.
pub(crate) fn spawn(
    engine: &Arc<Engine>,
    public: TcpListener,
    admin: TcpListener,
    tokens: Tokens,
    (limits, configuration): (Limits, Vec<Configured>),
) -> watch::Sender<bool> {
    let stop = watch::Sender::new(false);
    let hooks = web::public(Arc::clone(engine), limits);
    let told = until_told(&stop);
    let task = async move { web::serve(public, hooks, limits, told).await };
    engine
        .ports
        .spawn
        .spawn("public listener".to_owned(), Box::pin(task));
    let api = web::admin(Arc::clone(engine), tokens, limits, configuration);
    let told = until_told(&stop);
    let task = async move { web::serve(admin, api, limits, told).await };
    engine
        .ports
        .spawn
        .spawn("admin listener".to_owned(), Box::pin(task));
    stop
}

fn until_told(stop: &watch::Sender<bool>) -> impl Future<Output = ()> + use<> {
    let mut stopped = stop.subscribe();
    async move {
        // A sender that is gone means the same as one that says so.
        drop(stopped.wait_for(|is_stopped| *is_stopped).await);
    }
}
