//! The signals by which a process is asked to end or to read its configuration again.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process is asked to end: SIGTERM from systemd, SIGINT from a keyboard.
pub(crate) async fn ended() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers the signals end the process at once, which the store survives.
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
