//! Raw signals that are durable are decided here, in the order in which they arrived.
//!
//! A signal leaves the inbox in the commit of its last decision, so a crash in between decides it
//! again, which changes nothing. What cannot be read is kept as a parked signal and never blocks.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use channel::{Malformed, Verified};
use domain::{
    ExternalId, Time,
    ids::OrderId,
    offer::Offer,
    order::Order,
    person::Contact,
    signal::{Command, Signal, Source},
    snapshot::{LevelSnapshot, Observation},
};
use serde::{Deserialize, Serialize};
use store::{INBOX, Range, Seq, StoreError, Table};

use crate::{
    Engine,
    account::Account,
    decider::{Alongside, DecideError, Staged},
    intake::RawSignal,
    pausing::Flow,
    rows, views,
};

/// How many inbox rows are looked at in one go.
const PAGE: usize = 256;
/// How many signals may be decided and not be durable.
const UNDER_WAY_MAX: usize = 512;
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

/// A raw signal that is decided and perhaps not durable.
struct UnderWay {
    received_at: Time,
    staged: Vec<Staged>,
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

    /// Decides what waits, each on top of the one before, and returns when all of it is durable.
    async fn drain_inbox(&self) -> Result<usize, StoreError> {
        let (mut under_way, mut settled) = (VecDeque::new(), 0);
        let mut result = self.stage_inbox(&mut under_way, &mut settled).await;
        // What was decided before something failed counts nevertheless.
        while let Some(first) = under_way.pop_front() {
            let done = self.settle_raw(first).await;
            settled += usize::from(done.is_ok());
            result = result.and(done);
        }
        match result {
            Ok(()) => Ok(settled),
            // Another process was quicker: what is left in the inbox is decided again.
            Err(StoreError::Conflict { .. }) => Ok(settled.max(1)),
            Err(error) => Err(error),
        }
    }

    async fn stage_inbox(
        &self,
        under_way: &mut VecDeque<UnderWay>,
        settled: &mut usize,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after: after.take(),
            };
            let rows = self.store.scan(INBOX, range, PAGE).await?;
            for (key, _) in &rows {
                if self.is_stopping() {
                    return Ok(());
                }
                under_way.push_back(self.stage_raw(key).await?);
                if under_way.len() > UNDER_WAY_MAX
                    && let Some(first) = under_way.pop_front()
                {
                    self.settle_raw(first).await?;
                    *settled += 1;
                }
            }
            match rows.last() {
                Some((last, _)) => after = Some(last.clone()),
                None => return Ok(()),
            }
        }
    }

    /// Waits until what was decided about a raw signal is durable, and sees to what follows from it.
    async fn settle_raw(&self, under_way: UnderWay) -> Result<(), StoreError> {
        let UnderWay {
            received_at,
            staged,
        } = under_way;
        for staged in staged {
            let done = self.decider.settle(staged).await?;
            self.follow_up(&done);
        }
        let now = self.ports.clock.now();
        self.meters.note_signal(received_at, now);
        self.meters.backlog.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    async fn stage_raw(&self, key: &[u8]) -> Result<UnderWay, StoreError> {
        let seq = seq_of(key)?;
        let done = Alongside {
            puts: Vec::new(),
            deletes: vec![(INBOX, key.to_vec())],
        };
        let Some(raw) = self.raw(seq).await? else {
            // It waited until its key went with its time, or an admin went on without the master key. What it told
            // of is found by polling; to stop here would stop everything behind it.
            tracing::warn!(
                position = seq.0,
                "A hook that was not decided cannot be read any more."
            );
            let staged = vec![self.decider.stage_rows(done).await?];
            let received_at = self.ports.clock.now();
            return Ok(UnderWay {
                received_at,
                staged,
            });
        };
        let RawSignal {
            account: id,
            received_at,
            request,
        } = raw;
        let unread = |reason: &str| Malformed {
            external_id: None,
            reason: reason.to_owned(),
            raw: String::new(),
        };
        let account = self.accounts.get(&id).cloned();
        let read = match &account {
            None => Err(unread("its account is not configured any more")),
            Some(account) => match account.channel.read_hooks() {
                Some(hooks) => hooks.read(&Verified::from_journal(request)),
                None => Err(unread("its channel reads no hooks")),
            },
        };
        let staged = match (account, read) {
            (Some(account), Ok(observations)) => {
                self.stage_all(&account, observations, seq, done).await?
            }
            (_, Err(malformed)) => vec![self.stage_parked(&id, malformed, Some(seq), done).await?],
            (None, Ok(_)) => unreachable!("nothing is read for an account that is not there"),
        };
        Ok(UnderWay {
            received_at,
            staged,
        })
    }

    async fn raw(&self, seq: Seq) -> Result<Option<RawSignal>, StoreError> {
        if let Some(raw) = self.recent.take(seq) {
            return Ok(Some(raw));
        }
        match self.store.body(seq).await? {
            Some(body) => RawSignal::open(&self.ports.sealer, &body),
            None => {
                let reason = format!("the journal has no body for signal {}", seq.0);
                Err(StoreError::Corrupt { reason })
            }
        }
    }

    /// Decides about all that a hook told; it leaves the inbox with the last of it.
    async fn stage_all(
        &self,
        account: &Account,
        observations: Vec<Observation>,
        seq: Seq,
        mut done: Alongside,
    ) -> Result<Vec<Staged>, StoreError> {
        let mut signals = Vec::new();
        for observation in observations {
            let to_forget = self.to_forget(account, &observation).await?;
            let told = orders_of(&observation);
            for order in told
                .iter()
                .chain(to_forget.iter().map(|order| &order.external_id))
            {
                let row = told_of(account.id.as_str(), order.as_str(), seq);
                if !done.puts.contains(&row) {
                    done.puts.push(row);
                }
            }
            if !to_forget.is_empty() {
                // Before anything is erased, so that this signal is among what is destroyed with it.
                let puts = std::mem::take(&mut done.puts);
                let deletes = Vec::new();
                let staged = self.decider.stage_rows(Alongside { puts, deletes }).await?;
                self.decider.settle(staged).await?;
            }
            signals.extend(
                to_forget
                    .iter()
                    .map(|order| Arc::new(erase(account, order))),
            );
            signals.extend(self.prepare(account, observation).await?.map(Arc::new));
        }
        let mut staged = Vec::new();
        let Some(last) = signals.pop() else {
            return Ok(vec![self.decider.stage_rows(done).await?]);
        };
        let nothing = Alongside::default;
        let each = signals.iter().map(|signal| (signal, nothing()));
        for (signal, alongside) in each.chain([(&last, done.clone())]) {
            match self.decider.stage(signal, alongside).await {
                Ok(one) => staged.push(one),
                Err(DecideError::Store(error)) => return Err(error),
                Err(DecideError::Refused(refusal)) => {
                    let malformed = Malformed {
                        external_id: None,
                        reason: refusal.to_string(),
                        raw: String::new(),
                    };
                    let parked = self
                        .stage_parked(&account.id, malformed, Some(seq), done)
                        .await?;
                    staged.push(parked);
                    break;
                }
            }
        }
        Ok(staged)
    }

    /// What is to be decided about an observation; hints only ring a bell.
    async fn prepare(
        &self,
        account: &Account,
        observation: Observation,
    ) -> Result<Option<Signal>, StoreError> {
        Ok(match observation {
            // It is read when orders are read again: by then this view may be an old one.
            Observation::Order(snapshot)
                if account.is_paused(Flow::Orders) && account.channel.pull_orders().is_some() =>
            {
                account.look_at_order(snapshot.external_id);
                None
            }
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
            // The orders concerned are known by now.
            Observation::Forget(_) | Observation::ForgetBuyer(_) => None,
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

    /// Our orders whose people are to be forgotten.
    async fn to_forget(
        &self,
        account: &Account,
        observation: &Observation,
    ) -> Result<Vec<Order>, StoreError> {
        let mut ids: Vec<OrderId> = Vec::new();
        match observation {
            Observation::Forget(orders) => {
                for order in orders {
                    let parts = [account.id.as_str(), order.as_str()];
                    ids.extend(views::read::<OrderId>(self, rows::ORDER_REFS, &parts).await?);
                }
            }
            Observation::ForgetBuyer(handle) => {
                ids = self.orders_of(&Contact::Handle(handle.clone())).await?;
            }
            _ => {}
        }
        let mut orders = Vec::new();
        for id in ids {
            let order: Option<Order> = views::read(self, rows::ORDERS, &[&id.to_string()]).await?;
            orders.extend(order.filter(|order| order.account == account.id));
        }
        Ok(orders)
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
        done: Alongside,
    ) -> Result<(), StoreError> {
        let staged = self.stage_parked(account, malformed, body_at, done).await?;
        self.decider.settle(staged).await.map(drop)
    }

    async fn stage_parked(
        &self,
        account: &domain::AccountId,
        malformed: Malformed,
        body_at: Option<Seq>,
        mut done: Alongside,
    ) -> Result<Staged, StoreError> {
        tracing::warn!(%account, reason = malformed.reason, "A signal could not be read.");
        if let (Some(seq), Some(order)) = (body_at, &malformed.external_id) {
            done.puts.push(told_of(account.as_str(), order, seq));
        }
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
        self.decider.stage_rows(done).await
    }
}

/// That an account wants an order's people forgotten.
fn erase(account: &Account, order: &Order) -> Signal {
    Signal::Command(Command::Erase {
        order: order.id,
        by: account.id.to_string(),
    })
}

/// The orders that an observation tells of: with them what it says of people is erased.
fn orders_of(observation: &Observation) -> Vec<ExternalId> {
    match observation {
        Observation::Order(snapshot) => vec![snapshot.external_id.clone()],
        Observation::LookAtOrder(order) => vec![order.clone()],
        Observation::Forget(_)
        | Observation::ForgetBuyer(_)
        | Observation::Level(_)
        | Observation::LookAtLevel(_)
        | Observation::Listing(_)
        | Observation::LookAtListings
        | Observation::Revoked
        | Observation::Nothing(_) => Vec::new(),
    }
}

/// The index row that says so.
fn told_of(account: &str, order: &str, seq: Seq) -> (Table, Vec<u8>, Vec<u8>) {
    let row_key = rows::key(&[account, order, &rows::sortable(seq.0)]);
    (rows::SIGNALS_BY_ORDER, row_key, rows::encode(&()))
}

fn seq_of(key: &[u8]) -> Result<Seq, StoreError> {
    let bytes: [u8; 8] = key.try_into().map_err(|_| StoreError::Corrupt {
        reason: "an inbox row has no position as its key".to_owned(),
    })?;
    Ok(Seq(u64::from_be_bytes(bytes)))
}
