//! The signals by which a process is asked to end or to read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to end: SIGTERM from systemd, SIGINT from a keyboard.
///
/// Until somebody listens, they end it at once, as a kill would. So whoever has begun what is to be settled at
/// the end, or can be heard by others, listens by then.
pub(crate) struct Ends {
    signals: Option<(Signal, Signal)>,
}

impl Ends {
    /// From now on they are heard.
    pub(crate) fn listen() -> Ends {
        let terminate = signal(SignalKind::terminate());
        let interrupt = signal(SignalKind::interrupt());
        Ends {
            signals: terminate.ok().zip(interrupt.ok()),
        }
    }

    /// Returns when one came, since [`Ends::listen`] or later.
    pub(crate) async fn came(&mut self) {
        let Some((terminate, interrupt)) = &mut self.signals else {
            // Without handlers the signals end the process at once, which the store survives.
            return std::future::pending().await;
        };
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
