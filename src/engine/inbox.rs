//! Raw signals that are durable are decided here, in the order in which they arrived.
//!
//! A signal leaves the inbox in the commit of its last decision, so a crash in between decides it
//! again, which changes nothing. What cannot be read is kept as a parked signal and never blocks.

use std::{sync::atomic::Ordering, time::Duration};

use channel::{Malformed, Verified};
use domain::{
    Time,
    offer::Offer,
    signal::{Signal, Source},
    snapshot::{LevelSnapshot, Observation},
};
use serde::{Deserialize, Serialize};
use store::{INBOX, Range, Seq, StoreError};

use crate::{
    Engine,
    account::Account,
    decider::{Alongside, DecideError},
    intake::RawSignal,
    rows,
};

/// How many inbox rows are looked at in one go.
const PAGE: usize = 256;
/// How long to wait when the store has no room.
const PAUSE: Duration = Duration::from_secs(5);

/// A signal that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedSignal {
    /// For which account.
    pub account: domain::AccountId,
    /// When it was parked.
    pub parked_at: Time,
    /// What is wrong with it.
    pub reason: String,
    /// Which order or listing, where that much could be read.
    pub external_id: Option<String>,
    /// Where its raw body lies in the journal; a signal that was polled has none.
    pub body_at: Option<Seq>,
}

impl Engine {
    pub(crate) async fn run_inbox(&self) {
        while !self.is_stopping() {
            match self.drain_inbox().await {
                Ok(0) => {
                    let later = self.ports.clock.now().plus(Duration::from_secs(60));
                    if !self.wait(later, &self.wake_inbox).await {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.note_store_error(&error);
                    let later = self.ports.clock.now().plus(PAUSE);
                    if !self.wait(later, &self.wake_inbox).await {
                        return;
                    }
                }
            }
        }
    }

    pub(crate) async fn count_backlog(&self) -> Result<(), StoreError> {
        let mut after = None;
        let mut count = 0;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let rows = self.store.scan(INBOX, range, store::SCAN_LIMIT_MAX).await?;
            count += rows.len();
            after = rows.last().map(|(key, _)| key.clone());
            if rows.len() < store::SCAN_LIMIT_MAX {
                break;
            }
        }
        self.meters.backlog.store(count, Ordering::Relaxed);
        Ok(())
    }

    async fn drain_inbox(&self) -> Result<usize, StoreError> {
        let rows = self.store.scan(INBOX, Range::default(), PAGE).await?;
        for (key, _) in &rows {
            if self.is_stopping() {
                break;
            }
            self.decide_raw(key).await?;
            self.meters.backlog.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(rows.len())
    }

    async fn decide_raw(&self, key: &[u8]) -> Result<(), StoreError> {
        let seq = seq_of(key)?;
        let done = Alongside {
            puts: Vec::new(),
            deletes: vec![(INBOX, key.to_vec())],
        };
        let raw = match self.store.body(seq).await? {
            Some(body) => rows::decode::<RawSignal>(INBOX, &body)?,
            None => {
                let reason = format!("the journal has no body for signal {}", seq.0);
                return Err(StoreError::Corrupt { reason });
            }
        };
        let Some(account) = self.accounts.get(&raw.account).cloned() else {
            let reason = "its account is not configured any more".to_owned();
            let malformed = Malformed {
                external_id: None,
                reason,
                raw: String::new(),
            };
            return self
                .park_signal(&raw.account, malformed, Some(seq), done)
                .await;
        };
        let verified = Verified::from_journal(raw.request);
        let read = account
            .channel
            .read_hooks()
            .map(|hooks| hooks.read(&verified));
        match read {
            Some(Ok(observations)) => self.observe_all(&account, observations, seq, done).await,
            Some(Err(malformed)) => {
                self.park_signal(&raw.account, malformed, Some(seq), done)
                    .await
            }
            None => {
                let reason = "its channel reads no hooks".to_owned();
                let malformed = Malformed {
                    external_id: None,
                    reason,
                    raw: String::new(),
                };
                self.park_signal(&raw.account, malformed, Some(seq), done)
                    .await
            }
        }
    }

    async fn observe_all(
        &self,
        account: &Account,
        observations: Vec<Observation>,
        seq: Seq,
        mut done: Alongside,
    ) -> Result<(), StoreError> {
        for observation in observations {
            let Some(signal) = self.prepare(account, observation).await? else {
                continue;
            };
            match self.decide(signal).await {
                Ok(_) => {}
                Err(DecideError::Store(error)) => return Err(error),
                Err(DecideError::Refused(refusal)) => {
                    let reason = refusal.to_string();
                    let malformed = Malformed {
                        external_id: None,
                        reason,
                        raw: String::new(),
                    };
                    return self
                        .park_signal(&account.id, malformed, Some(seq), done)
                        .await;
                }
            }
        }
        let deletes = std::mem::take(&mut done.deletes);
        self.store
            .commit(store::Batch {
                deletes,
                ..store::Batch::default()
            })
            .await?;
        Ok(())
    }

    /// What is to be decided about an observation; hints only ring a bell.
    async fn prepare(
        &self,
        account: &Account,
        observation: Observation,
    ) -> Result<Option<Signal>, StoreError> {
        Ok(match observation {
            Observation::Order(snapshot) => Some(Signal::Order {
                account: account.id.clone(),
                snapshot,
                source: Source::Hook,
            }),
            Observation::LookAtOrder(order) => {
                account.look_at_order(order);
                None
            }
            Observation::Level(level) => {
                // A level that was sent is a hint at most: it may be late, or our own echo. It is
                // read when it is not what we know already.
                if !self.is_known_level(account, &level).await? {
                    account.look_at_levels([level.listing]);
                }
                None
            }
            Observation::LookAtLevel(listing) => {
                account.look_at_levels([listing]);
                None
            }
            Observation::Listing(listing) => Some(Signal::Listings {
                account: account.id.clone(),
                listings: vec![listing],
            }),
            Observation::LookAtListings => {
                account.look_at_listings();
                None
            }
            Observation::Revoked => {
                let error =
                    channel::ChannelError::unauthorized("stay connected", "access was revoked");
                account.note_error(self.ports.clock.now(), &error);
                tracing::error!(account = %account.id, "The channel withdrew our access.");
                None
            }
            Observation::Nothing(reason) => {
                tracing::debug!(account = %account.id, reason, "A hook told nothing that is used.");
                None
            }
        })
    }

    /// Whether a level is what we believe or are just writing: then a hook about it is an echo.
    async fn is_known_level(
        &self,
        account: &Account,
        level: &LevelSnapshot,
    ) -> Result<bool, StoreError> {
        let key = rows::key(&[account.id.as_str(), level.listing.as_str()]);
        let Some(row) = self.store.get(rows::OFFERS, &key).await? else {
            return Ok(true);
        };
        let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
        let shown = level
            .level
            .and_then(|level| level.to_quantity(offer.scale).ok());
        let now = self.ports.clock.now();
        Ok(shown.is_some_and(|shown| offer.knows(shown, now)))
    }

    /// Keeps a signal that cannot be read where a person sees it.
    pub(crate) async fn park_signal(
        &self,
        account: &domain::AccountId,
        malformed: Malformed,
        body_at: Option<Seq>,
        mut done: Alongside,
    ) -> Result<(), StoreError> {
        tracing::warn!(%account, reason = malformed.reason, "A signal could not be read.");
        let name = match (body_at, &malformed.external_id) {
            (Some(seq), _) => rows::sortable(seq.0),
            (None, Some(external_id)) => external_id.clone(),
            (None, None) => "unknown".to_owned(),
        };
        let parked = ParkedSignal {
            account: account.clone(),
            parked_at: self.ports.clock.now(),
            reason: malformed.reason,
            external_id: malformed.external_id,
            body_at,
        };
        let key = rows::key(&[account.as_str(), &name]);
        done.puts
            .push((rows::PARKED_SIGNALS, key, rows::encode(&parked)));
        let Alongside { puts, deletes } = done;
        self.store
            .commit(store::Batch {
                puts,
                deletes,
                ..store::Batch::default()
            })
            .await?;
        Ok(())
    }
}

fn seq_of(key: &[u8]) -> Result<Seq, StoreError> {
    let bytes: [u8; 8] = key.try_into().map_err(|_| StoreError::Corrupt {
        reason: "an inbox row has no position as its key".to_owned(),
    })?;
    Ok(Seq(u64::from_be_bytes(bytes)))
}
