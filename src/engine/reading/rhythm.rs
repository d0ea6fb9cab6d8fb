//! What an account reads when: what hooks told of at once, orders and listings in turn, and what is
//! open again and again with what is left of the time.
//!
//! A channel has one quota for all of it. Reading what we know already must never keep waiting what
//! is new, so it goes on a few orders at a time, at leisure, and rests longer than it took.

use std::{sync::Arc, time::Duration};

use channel::ErrorKind;
use domain::{ExternalId, Time};
use store::Range;
use tokio::sync::Notify;

use crate::{
    Engine,
    account::{Account, Mode},
    pausing::Flow,
    ports::{quota::leisurely, retry::next_try},
    reading::poll::PollError,
    rows,
};

/// How long hints are gathered before they are followed.
const GATHER: Duration = Duration::from_millis(150);
/// How far polls are stretched while a channel asks for fewer calls.
const STRETCH_MAX: u32 = 8;
/// How long an account that is off sleeps at a time; switching it on rings.
const OFF_SLEEPS: Duration = Duration::from_secs(3600);
/// How often the subscriptions to hooks are looked after: channels switch them off without a word.
const HOOKS_EVERY: Duration = Duration::from_secs(3600);
/// How many open orders are read again before whatever else waits has its turn.
const REREAD_BATCH: usize = 20;
/// How long reading open orders rests, in times of what it took: its share of a quota is a third.
const REREAD_RESTS: u32 = 2;

/// When what is due in an account.
struct Rhythm {
    poll_at: Time,
    listings_at: Time,
    hooks_at: Time,
    reread: Reread,
    is_probed: bool,
    failures: u32,
    /// How many times the usual pause lies between two polls: more while the channel asks for fewer
    /// calls, so that what must be written still gets through.
    stretch: u32,
}

/// How far reading the open orders again has come.
struct Reread {
    /// When the next few are due.
    at: Time,
    /// When the round began that is under way.
    began_at: Option<Time>,
    /// The last one that was read in it.
    after: Option<Vec<u8>>,
}

/// What to do now.
#[derive(Clone, Copy)]
enum Due {
    Poll,
    Hints,
    Reread,
}

impl Rhythm {
    fn new(now: Time) -> Rhythm {
        Rhythm {
            poll_at: now,
            listings_at: now,
            hooks_at: now,
            reread: Reread {
                at: now,
                began_at: None,
                after: None,
            },
            is_probed: false,
            failures: 0,
            stretch: 1,
        }
    }

    /// What comes first. After a failure it is a poll, when its time has come: hints wait that long
    /// as well, or a channel that is down would be asked as often as it can refuse.
    fn due(&self, now: Time, has_hints: bool) -> Option<Due> {
        if now >= self.poll_at {
            return Some(Due::Poll);
        }
        if self.failures > 0 {
            return None;
        }
        if has_hints {
            return Some(Due::Hints);
        }
        (now >= self.reread.at).then_some(Due::Reread)
    }

    /// When something is due by the clock.
    fn next_at(&self) -> Time {
        match self.failures {
            0 => self.poll_at.min(self.reread.at),
            _ => self.poll_at,
        }
    }

    fn adapt(&mut self, was_throttled: bool) {
        self.stretch = if was_throttled {
            self.stretch.saturating_mul(2).min(STRETCH_MAX)
        } else {
            self.stretch.saturating_sub(1).max(1)
        };
    }
}

impl Engine {
    pub(crate) async fn run_poll(&self, account: Arc<Account>) {
        let mut rhythm = Rhythm::new(self.ports.clock.now());
        while self.wait_for_throttle(&account).await {
            let now = self.ports.clock.now();
            let ring = &account.wake_poll;
            if account.mode() == Mode::Off {
                if !self.wait(now.plus(OFF_SLEEPS), ring).await {
                    return;
                }
                continue;
            }
            if account.take_poll_due() {
                rhythm.poll_at = now;
            }
            if let Some(due) = rhythm.due(now, account.has_hints()) {
                // A sale is told by several hooks at once; one reading serves them all.
                if let Due::Hints = due
                    && !self.wait(now.plus(GATHER), &Notify::new()).await
                {
                    return;
                }
                let reading = async {
                    match due {
                        Due::Poll => self.poll_in_rhythm(&account, &mut rhythm, now).await,
                        Due::Hints => self.read_hints(&account).await,
                        Due::Reread => self.reread_some(&account, &mut rhythm.reread).await,
                    }
                };
                let Some(result) = self.unless_stopping(reading).await else {
                    return;
                };
                self.note_turn(&account, &mut rhythm, due, now, result);
            }
            if !self.wait(rhythm.next_at(), ring).await {
                return;
            }
        }
    }

    /// Sets what is next by how this went.
    fn note_turn(
        &self,
        account: &Account,
        rhythm: &mut Rhythm,
        due: Due,
        began_at: Time,
        result: Result<(), PollError>,
    ) {
        if matches!(due, Due::Poll) {
            rhythm.adapt(account.take_throttled());
        }
        let pause = account.pace.poll_every * rhythm.stretch;
        match result {
            Ok(()) => {
                rhythm.failures = 0;
                // Others are no polls, however often they come: what no hook told of is found by one.
                if matches!(due, Due::Poll) {
                    rhythm.poll_at = began_at.plus(pause);
                }
            }
            Err(error) => {
                rhythm.failures += 1;
                tracing::warn!(account = %account.id, %error, "A poll failed.");
                if let PollError::Store(error) = &error {
                    self.note_store_error(error);
                }
                let again = next_try(&self.ports, rhythm.failures);
                rhythm.poll_at = self.ports.clock.now().plus(pause).min(again);
            }
        }
    }

    /// Everything that is due in an account, orders first of all.
    async fn poll_in_rhythm(
        &self,
        account: &Arc<Account>,
        rhythm: &mut Rhythm,
        now: Time,
    ) -> Result<(), PollError> {
        let are_listings_due = now >= rhythm.listings_at;
        if are_listings_due {
            account.look_at_listings();
        }
        let result = self.poll_all(account, &mut rhythm.is_probed).await;
        if now >= rhythm.hooks_at && rhythm.is_probed {
            self.look_after_hooks(account).await;
            rhythm.hooks_at = now.plus(HOOKS_EVERY);
        }
        result?;
        if are_listings_due {
            rhythm.listings_at = now.plus(account.pace.listings_every);
        }
        Ok(())
    }

    async fn poll_all(
        &self,
        account: &Arc<Account>,
        is_probed: &mut bool,
    ) -> Result<(), PollError> {
        if !*is_probed {
            let probe = account.channel.probe().await;
            self.note_call(account, &probe);
            account.note_probe(&probe?);
            *is_probed = true;
        }
        self.pull_listings_if_due(account).await?;
        if account.is_paused(Flow::Orders) {
            return Ok(());
        }
        self.poll_orders(account).await?;
        self.take_configured_opening(account).await?;
        Ok(())
    }

    /// Makes sure that the channel sends us hooks. Subscribing changes something there, so it waits
    /// until the account is live; polling does without.
    async fn look_after_hooks(&self, account: &Account) {
        let (Some(url), Some(hooks)) = (&self.public_url, account.channel.register_hooks()) else {
            return;
        };
        if !account.may_write() {
            return;
        }
        let ensured = hooks.ensure(&format!("{url}/hooks/{}", account.id)).await;
        self.note_call(account, &ensured);
        for hook in ensured
            .iter()
            .flatten()
            .filter(|hook| hook.action != "kept")
        {
            let (topic, action) = (&hook.topic, &hook.action);
            tracing::info!(account = %account.id, topic, action, "A hook was looked after.");
        }
    }

    /// Reads the next few open orders again by their ids: that is how a silent deletion is seen.
    async fn reread_some(&self, account: &Account, reread: &mut Reread) -> Result<(), PollError> {
        let began_at = self.ports.clock.now();
        if account.is_paused(Flow::Orders) {
            reread.at = began_at.plus(account.pace.reread_every);
            return Ok(());
        }
        let round_began_at = *reread.began_at.get_or_insert(began_at);
        let range = Range {
            prefix: rows::prefix(&[account.id.as_str()]),
            after: reread.after.clone(),
        };
        let open = self
            .store
            .scan(rows::OPEN_ORDERS, range, REREAD_BATCH)
            .await?;
        let orders = account.channel.pull_orders();
        let (Some((last, _)), Some(orders)) = (open.last(), orders) else {
            let next = round_began_at.plus(account.pace.reread_every);
            *reread = Reread {
                at: next.max(began_at),
                began_at: None,
                after: None,
            };
            return Ok(());
        };
        let mut ids = Vec::new();
        for (_, row) in &open {
            ids.push(rows::decode::<ExternalId>(rows::OPEN_ORDERS, &row.value)?);
        }
        let read = leisurely(self.read_orders(account, orders, &ids)).await;
        if !read.as_ref().is_err_and(is_mended_by_waiting) {
            // What cannot be read at all must not keep the others from being read.
            reread.after = Some(last.clone());
        }
        let ended_at = self.ports.clock.now();
        reread.at = ended_at.plus(ended_at.since(began_at) * REREAD_RESTS);
        read
    }
}

/// Whether the same may work later.
fn is_mended_by_waiting(error: &PollError) -> bool {
    match error {
        PollError::Store(_) | PollError::Paused(_) => true,
        PollError::Channel(error) => matches!(
            error.kind,
            ErrorKind::Retry { .. }
                | ErrorKind::Throttled { .. }
                | ErrorKind::Unauthorized { .. }
                | ErrorKind::Ambiguous { .. }
        ),
    }
}
