//! The lanes of an account: one for levels to be pushed, one for levels that are in doubt, and one for
//! intents to be carried out, each with one call at a time. A level that must fall waits neither behind
//! ten parcels nor behind the search for what an order explains.

mod captures;
mod doubts;
mod intents;
mod levels;

use std::{sync::Arc, time::Duration};

use domain::Time;
use serde::{Deserialize, Serialize};

use crate::{
    Engine,
    account::Account,
    pausing::Flow,
    ports::{Ports, quota::urgent, retry::next_try},
    reading::poll::PollError,
};

pub(crate) use doubts::Doubts;
pub use intents::TRIES_MAX;
pub(crate) use intents::{Fence, brought};
pub use levels::{REPEATS_WAIT, RISES_WAIT};

/// How long a lane sleeps when nothing rings.
const IDLE: Duration = Duration::from_secs(30);

/// What one try of a push or intent looked like, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptNote {
    /// When it was sent.
    pub at: Time,
    /// How long the channel took.
    pub latency_ms: u64,
    /// What was sent, without personal data.
    pub request: String,
    /// What came of it.
    pub result: String,
}

/// What a lane is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Levels.
    Levels,
    /// Levels that are not what we believe.
    Doubts,
    /// Shipments, cancellations, refunds.
    Intents,
}

/// What one round of a lane did.
pub(crate) enum Round {
    /// There may be more at once.
    More,
    /// Nothing before this time.
    Rest(Time),
}

impl Lane {
    /// All of them.
    pub(crate) const ALL: [Lane; 3] = [Lane::Levels, Lane::Doubts, Lane::Intents];

    /// Whether anything may be done in it now.
    fn may_work(self, account: &Account) -> bool {
        let are_orders_paused = account.is_paused(Flow::Orders);
        match self {
            Lane::Levels => account.may_write_levels() && account.has_polled(),
            // What a level differs by is looked for in orders.
            Lane::Doubts => {
                account.may_write_levels() && account.has_polled() && !are_orders_paused
            }
            // Each of them reads its own order first, so it needs no poll that will not come.
            Lane::Intents => account.may_write() && (account.has_polled() || are_orders_paused),
        }
    }
}

impl Engine {
    pub(crate) async fn run_lane(&self, account: Arc<Account>, lane: Lane) {
        let ring = match lane {
            Lane::Levels => &account.wake_levels,
            Lane::Doubts => &account.wake_doubts,
            Lane::Intents => &account.wake_intents,
        };
        let mut failures = 0;
        while self.may_go_on(&account, lane).await {
            let idle = after_idle(&self.ports);
            let rest = if lane.may_work(&account) {
                match self.dispatch(&account, lane).await {
                    Ok(Round::More) if !self.is_stopping() => {
                        failures = 0;
                        continue;
                    }
                    Ok(Round::More) => return,
                    Ok(Round::Rest(until)) => {
                        failures = 0;
                        until.min(idle)
                    }
                    Err(error) => {
                        failures += 1;
                        tracing::warn!(account = %account.id, %error, "Dispatching failed.");
                        if let PollError::Store(error) = &error {
                            self.note_store_error(error);
                        }
                        next_try(&self.ports, failures)
                    }
                }
            } else {
                idle
            };
            if !self.wait(rest, ring).await {
                return;
            }
        }
    }

    /// Waits while the channel asks this lane to wait. That a dear query was refused holds up no level.
    async fn may_go_on(&self, account: &Account, lane: Lane) -> bool {
        match lane {
            Lane::Levels => urgent(self.wait_for_throttle(account)).await,
            Lane::Doubts | Lane::Intents => self.wait_for_throttle(account).await,
        }
    }

    async fn dispatch(&self, account: &Account, lane: Lane) -> Result<Round, PollError> {
        match lane {
            Lane::Levels => urgent(self.push_levels(account)).await,
            Lane::Doubts => self.settle_doubts(account).await,
            Lane::Intents => self.carry_out_intents(account).await,
        }
    }
}

/// When a lane looks again though nothing rang.
fn after_idle(ports: &Ports) -> Time {
    ports.clock.now().plus(IDLE)
}
