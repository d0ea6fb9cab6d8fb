//! Polling, which is the truth: new orders by a window that overlaps, open orders one by one.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use channel::{ChannelError, OrderReading, OrderWindow, PullOrders, ReadStock};
use domain::{
    AccountId, ExternalId, ListingId, Time,
    decide::Verdict,
    signal::{Signal, Source},
    snapshot::{LevelSnapshot, OrderSnapshot},
};
use serde::{Deserialize, Serialize};
use store::{Batch, StoreError};

use crate::{
    Engine,
    account::Account,
    decider::{Alongside, DecideError},
    meters::add,
    pausing::Flow,
    rows,
};

/// The most pages of one poll; beyond it the channel's paging is taken to be broken.
const PAGES_MAX: usize = 10_000;
/// How many orders are read by id in one call.
const READ_BATCH: usize = 50;
/// How many listings are decided about at once.
const LISTINGS_BATCH: usize = 50;
/// How far in the future a channel's time of change is believed to be honest.
const SKEW_MAX: Duration = Duration::from_secs(600);
/// How far every poll looks back at least.
const SHORT_OVERLAP: Duration = Duration::from_secs(20);
/// How far an account's orders were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// By the channel's clock.
    pub changed_since: Time,
}

/// Why a poll ended early.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The channel.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A person paused reading orders.
    #[error("the orders of {0} are paused: `oneshelf resume {0} orders` reads them again")]
    Paused(AccountId),
}

impl From<DecideError> for PollError {
    fn from(error: DecideError) -> PollError {
        match error {
            DecideError::Store(error) => PollError::Store(error),
            DecideError::Refused(refusal) => PollError::Channel(ChannelError::malformed(
                "take in what was read",
                refusal.to_string(),
            )),
        }
    }
}

/// Counts what was read back.
fn note_read(account: &Account, orders: &[OrderSnapshot]) {
    let changed = orders.iter().map(|order| order.version.changed_at);
    let up_to = changed.max();
    account.change_backfill(|backfill| {
        backfill.read += orders.len();
        backfill.up_to = backfill.up_to.max(up_to);
    });
}

impl Engine {
    /// Reads the orders that hooks pointed at, and listings when one was changed; nothing else.
    pub(crate) async fn read_hints(&self, account: &Account) -> Result<(), PollError> {
        self.pull_listings_if_due(account).await?;
        let _one_at_a_time = account.polling.lock().await;
        match account.channel.pull_orders() {
            Some(orders) if !account.is_paused(Flow::Orders) => {
                self.read_hinted_orders(account, orders).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Reads an account's new and changed orders completely. When this returns, everything that the
    /// channel showed when it was called is decided. Those who ask while a poll runs share the next.
    pub(crate) async fn poll_orders(&self, account: &Account) -> Result<(), PollError> {
        let asked_at = self.ports.clock.now();
        let mut last = account.polling.lock().await;
        if last.began_at.is_some_and(|began| began > asked_at) {
            return Ok(());
        }
        if account.is_paused(Flow::Orders) {
            return Err(PollError::Paused(account.id.clone()));
        }
        let began_at = self.ports.clock.now();
        let Some(orders) = account.channel.pull_orders() else {
            account.note_poll(began_at);
            return Ok(());
        };
        let overlap = Duration::from_secs(account.descriptor().poll_overlap_s.into());
        // Looking back far finds what the channel told late. Doing so now and then is enough, and
        // leaves its quota to what is new.
        let is_deep = last
            .deep_at
            .is_none_or(|deep| began_at.since(deep) >= overlap / 2);
        let overlap = if is_deep {
            overlap
        } else {
            overlap.min(SHORT_OVERLAP)
        };
        // Until this one is taken in completely.
        let is_last_kept = std::mem::take(&mut last.is_kept);
        self.pull_window(account, orders, overlap, is_last_kept)
            .await?;
        last.is_kept = true;
        last.began_at = Some(began_at);
        if is_deep {
            last.deep_at = Some(began_at);
        }
        account.note_poll(self.ports.clock.now());
        Ok(())
    }

    async fn pull_window(
        &self,
        account: &Account,
        orders: &dyn PullOrders,
        overlap: Duration,
        is_last_kept: bool,
    ) -> Result<(), PollError> {
        let key = rows::key(&[account.id.as_str(), "orders"]);
        let cursor = match self.store.get(rows::CURSORS, &key).await? {
            Some(row) => rows::decode::<Cursor>(rows::CURSORS, &row.value)?.changed_since,
            None => self.ports.clock.now().minus(account.pace.orders_since),
        };
        let asked = self.backfill_asked(account).await?;
        let from = asked.map_or(cursor, |since| since.min(cursor));
        let mut window = OrderWindow {
            changed_since: from.minus(overlap),
            page: None,
            is_last_kept: is_last_kept && asked.is_none(),
        };
        let latest = self.ports.clock.now().plus(SKEW_MAX);
        let mut newest = cursor;
        let mut pages = BTreeSet::new();
        for _ in 0..PAGES_MAX {
            let page = self.patiently(account, || orders.pull(&window)).await?;
            if asked.is_some() {
                note_read(account, &page.items);
                self.note_change();
            }
            for snapshot in page.items {
                newest = newest.max(snapshot.version.changed_at.min(latest));
                self.decide_order(account, snapshot, Source::List).await?;
            }
            for malformed in page.malformed {
                self.park_signal(&account.id, malformed, None, Alongside::default())
                    .await?;
            }
            match page.next {
                // A page that comes again would come for ever.
                Some(next) if pages.insert(next.clone()) => window.page = Some(next),
                Some(_) | None => break,
            }
        }
        self.read_hinted_orders(account, orders).await?;
        if newest > cursor {
            let value = rows::encode(&Cursor {
                changed_since: newest,
            });
            let puts = vec![(rows::CURSORS, key, value)];
            self.store
                .commit(Batch {
                    puts,
                    ..Batch::default()
                })
                .await?;
        }
        match asked {
            Some(since) => Ok(self.end_backfill(account, since).await?),
            None => Ok(()),
        }
    }

    async fn read_hinted_orders(
        &self,
        account: &Account,
        orders: &dyn PullOrders,
    ) -> Result<(), PollError> {
        loop {
            let hinted = account.take_orders_to_read(READ_BATCH);
            if hinted.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.read_orders(account, orders, &hinted).await {
                hinted
                    .into_iter()
                    .for_each(|order| account.look_at_order(order));
                return Err(error);
            }
        }
    }

    /// Reads orders by id, and takes in what the channel says of them, absence included.
    pub(crate) async fn read_orders(
        &self,
        account: &Account,
        orders: &dyn PullOrders,
        ids: &[ExternalId],
    ) -> Result<(), PollError> {
        let (mut waiting, mut size) = (ids.to_vec(), READ_BATCH);
        while !waiting.is_empty() {
            let some = self.patiently_some(account, &waiting, &mut size, |ids| orders.read(ids));
            let (_, readings) = some.await?;
            let before = waiting.len();
            waiting.retain(|id| readings.iter().all(|(read, _)| read != id));
            if waiting.len() == before {
                let reason = format!("{before} orders were asked for, and none was answered");
                return Err(ChannelError::malformed("read orders", reason).into());
            }
            for (external_id, reading) in readings {
                self.take_in(account, external_id, reading).await?;
            }
        }
        Ok(())
    }

    async fn take_in(
        &self,
        account: &Account,
        external_id: ExternalId,
        reading: OrderReading,
    ) -> Result<(), PollError> {
        match reading {
            OrderReading::Found(snapshot) => {
                self.decide_order(account, *snapshot, Source::Read).await
            }
            OrderReading::Gone => {
                account.forget_recent(&external_id);
                let account = account.id.clone();
                self.decide(Signal::OrderGone {
                    account,
                    external_id,
                })
                .await?;
                Ok(())
            }
            OrderReading::Malformed(malformed) => {
                self.park_signal(&account.id, malformed, None, Alongside::default())
                    .await?;
                Ok(())
            }
        }
    }

    async fn decide_order(
        &self,
        account: &Account,
        snapshot: OrderSnapshot,
        source: Source,
    ) -> Result<(), PollError> {
        let mut hasher = DefaultHasher::new();
        rows::encode(&snapshot).hash(&mut hasher);
        let external_id = snapshot.external_id.clone();
        if account.is_recent(&external_id, snapshot.version, hasher.finish()) {
            add(&self.meters.duplicates_dropped);
            return Ok(());
        }
        let signal = Signal::Order {
            account: account.id.clone(),
            snapshot: Box::new(snapshot),
            source,
        };
        let decided = self.decide(signal).await;
        // What was not taken in may be read again, and be the truth then.
        if !decided
            .as_ref()
            .is_ok_and(|done| done.verdict != Verdict::Stale)
        {
            account.forget_recent(&external_id);
        }
        decided?;
        Ok(())
    }

    pub(crate) async fn pull_listings_if_due(&self, account: &Account) -> Result<(), PollError> {
        if !account.take_listings_due() {
            return Ok(());
        }
        let pulled = self.pull_listings(account).await;
        if pulled.is_err() {
            account.look_at_listings();
        }
        pulled
    }

    async fn pull_listings(&self, account: &Account) -> Result<(), PollError> {
        let Some(listings) = account.channel.pull_listings() else {
            return Ok(());
        };
        let mut next: Option<String> = None;
        let mut pages = BTreeSet::new();
        for _ in 0..PAGES_MAX {
            let page = self
                .patiently(account, || listings.pull(next.as_deref()))
                .await?;
            for chunk in page.items.chunks(LISTINGS_BATCH) {
                let (account, listings) = (account.id.clone(), chunk.to_vec());
                self.decide(Signal::Listings { account, listings }).await?;
            }
            for malformed in page.malformed {
                self.park_signal(&account.id, malformed, None, Alongside::default())
                    .await?;
            }
            match page.next {
                Some(page) if pages.insert(page.clone()) => next = Some(page),
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    /// The levels of many listings, in calls of a size that channels take.
    pub(crate) async fn read_levels(
        &self,
        account: &Account,
        stock: &dyn ReadStock,
        listings: &[ListingId],
    ) -> Result<Vec<LevelSnapshot>, ChannelError> {
        let mut levels = Vec::new();
        let (mut left, mut size) = (listings, LISTINGS_BATCH);
        while !left.is_empty() {
            let some = self.patiently_some(account, left, &mut size, |some| stock.read(some));
            let (count, read) = some.await?;
            left = left.get(count..).unwrap_or_default();
            levels.extend(read);
        }
        Ok(levels)
    }
}
