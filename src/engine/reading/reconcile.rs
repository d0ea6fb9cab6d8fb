//! Comparing every listing with what its channel shows, and finding out why it differs.
//!
//! A difference is most often a sale whose order we have not read yet. So orders are read before
//! levels, and what differs is looked at again after reading orders once more; only a difference that
//! stays the same is drift.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    Decimal, ListingId, Time,
    decide::FollowUp,
    ids::DriftId,
    offer::Offer,
    signal::{Checks, Reading, Signal},
    snapshot::LevelSnapshot,
};
use serde::{Deserialize, Serialize};
use store::{Batch, Range, StoreError};

use crate::{
    Engine,
    account::{Account, Mode},
    meters::add,
    pausing::Flow,
    ports::{Work, quota::leisurely},
    reading::poll::PollError,
    rows, views,
};

/// How often a difference is looked at before it is left for the next time.
const ROUNDS_MAX: u32 = 4;
/// How long hooks about levels are gathered before they are looked at: an order of ten lines sends ten.
const GATHER: Duration = Duration::from_millis(500);
/// How many listings are compared at once.
const CHUNK: usize = 200;
/// How many differences are taken in one decision: each brings everything that shares its stock.
const CONFIRMED_AT_ONCE: usize = 50;
/// How many differences are kept over a restart; the others are found again by the next comparison.
const SUSPECTS_KEPT: usize = 2000;
/// How soon a comparison that was cut off is looked at again.
const RESUME: Duration = Duration::from_secs(2);

/// Listings that show something else than we know, with what they showed.
pub type Suspects = BTreeMap<ListingId, Option<Decimal>>;

/// A level that is neither what we believe nor what we may have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// What it showed.
    pub(crate) shown: Option<Decimal>,
    /// Since when it is known to show that.
    pub(crate) since: Time,
}

/// Levels in doubt.
pub(crate) type Doubted = BTreeMap<ListingId, Doubt>;

/// What came of explaining levels, but for those that an order explains, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Unexplained {
    /// Those that would not stay the same.
    pub(crate) moving: Suspects,
    /// Those that stay the same, by an order perhaps that is not listed yet.
    pub(crate) early: Doubted,
}

/// Suspects that were just seen.
pub(crate) fn doubted(suspects: Suspects, now: Time) -> Doubted {
    let doubt = |(listing, shown)| (listing, Doubt { shown, since: now });
    suspects.into_iter().map(doubt).collect()
}

/// How far a comparison of all levels of an account has come. It is a row, so that a restart goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// When it began.
    pub began_at: Time,
    /// How many listings were looked at.
    pub compared: usize,
    /// How many there were when it began.
    pub all: usize,
    /// The last listing that was looked at.
    pub after: Option<ListingId>,
    /// Those that differ so far.
    pub suspects: Suspects,
    /// When it ended.
    pub finished_at: Option<Time>,
}

impl Engine {
    pub(crate) async fn run_reconcile(&self, account: Arc<Account>) {
        let mut is_cut_off = self.was_cut_off(&account).await;
        loop {
            let now = self.ports.clock.now();
            let far = now.plus(Duration::from_secs(3600));
            let scheduled = if is_cut_off {
                now.plus(RESUME)
            } else {
                account.pace.reconcile.next_after(now).unwrap_or(far)
            };
            if !self.wait(scheduled, &account.wake_compare).await {
                return;
            }
            // A level that differs is explained by orders, or by nothing.
            let is_blind = !account.has_polled() || account.is_paused(Flow::Orders);
            if account.mode() == Mode::Off || is_blind {
                continue;
            }
            if !self.wait_for_throttle(&account).await {
                return;
            }
            let result = if self.ports.clock.now() >= scheduled {
                is_cut_off = false;
                drop(account.take_listings_to_compare());
                self.unless_stopping(self.reconcile(&account)).await
            } else {
                let soon = self.ports.clock.now().plus(GATHER);
                let nothing = tokio::sync::Notify::new();
                if !self.wait(soon, &nothing).await {
                    return;
                }
                self.unless_stopping(self.compare_hinted(&account)).await
            };
            let Some(result) = result else { return };
            if let Err(error) = result {
                tracing::warn!(account = %account.id, %error, "Comparing levels failed.");
                if let PollError::Store(error) = &error {
                    self.note_store_error(error);
                }
            }
        }
    }

    async fn was_cut_off(&self, account: &Account) -> bool {
        match self.comparison(account).await {
            Ok(run) => run.is_some_and(|run| run.finished_at.is_none()),
            Err(error) => {
                self.note_store_error(&error);
                false
            }
        }
    }

    /// Compares all listings of an account, from where a comparison that was cut off had come to. All
    /// differences are gathered before any is taken, so that the breaker sees them as one.
    pub fn reconcile<'a>(&'a self, account: &'a Account) -> Work<'a, Result<(), PollError>> {
        Box::pin(self.compare_all(account))
    }

    async fn compare_all(&self, account: &Account) -> Result<(), PollError> {
        let _turn = account.comparing.lock().await;
        let mut run = self.begin_comparison(account).await?;
        loop {
            let after = run.after.as_ref();
            let after = after.map(|last| rows::key(&[account.id.as_str(), last.as_str()]));
            let range = Range {
                prefix: rows::prefix(&[account.id.as_str()]),
                after,
            };
            let page = self.store.scan(rows::OFFERS, range, CHUNK).await?;
            let mut listings = Vec::new();
            for (_, row) in &page {
                let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
                listings.push(offer.listing);
            }
            let Some(last) = listings.last().cloned() else {
                break;
            };
            run.compared += listings.len();
            run.after = Some(last);
            self.read_hints(account).await?;
            let look = self.look(account, &listings);
            let levels = if account.compares_first() {
                look.await?
            } else {
                // Nobody waits for it, other than for what is sold meanwhile.
                leisurely(look).await?
            };
            run.suspects.extend(levels);
            self.keep_comparison(account, &run).await?;
            if !self.wait_for_throttle(account).await {
                return Ok(());
            }
        }
        let suspects = std::mem::take(&mut run.suspects);
        self.explain_fully(account, suspects).await?;
        if self.is_stopping() {
            return Ok(());
        }
        let now = self.ports.clock.now();
        run.finished_at = Some(now);
        self.keep_comparison(account, &run).await?;
        account.note_reconcile(now);
        add(&self.meters.reconciles);
        Ok(())
    }

    /// Where a comparison was cut off, or the beginning of one.
    async fn begin_comparison(&self, account: &Account) -> Result<Comparison, StoreError> {
        // After a loss of history, what was compared before it says nothing.
        if !account.compares_first()
            && let Some(run) = self.comparison(account).await?
            && run.finished_at.is_none()
        {
            return Ok(run);
        }
        Ok(Comparison {
            began_at: self.ports.clock.now(),
            compared: 0,
            all: self.count_offers(account).await?,
            after: None,
            suspects: BTreeMap::new(),
            finished_at: None,
        })
    }

    /// How far the comparison of an account has come, or the last one.
    pub async fn comparison(&self, account: &Account) -> Result<Option<Comparison>, StoreError> {
        let key = rows::key(&[account.id.as_str()]);
        let row = self.store.get(rows::COMPARISONS, &key).await?;
        row.map(|row| rows::decode(rows::COMPARISONS, &row.value))
            .transpose()
    }

    async fn keep_comparison(&self, account: &Account, run: &Comparison) -> Result<(), StoreError> {
        let key = rows::key(&[account.id.as_str()]);
        let kept = run.suspects.iter().take(SUSPECTS_KEPT);
        let kept = Comparison {
            suspects: kept
                .map(|(listing, level)| (listing.clone(), *level))
                .collect(),
            ..run.clone()
        };
        let mut deletes = Vec::new();
        if kept.finished_at.is_some() && account.compares_first() {
            deletes.push((rows::TO_COMPARE, key.clone()));
        }
        let batch = Batch {
            puts: vec![(rows::COMPARISONS, key, rows::encode(&kept))],
            deletes,
            ..Batch::default()
        };
        self.store.commit(batch).await.map(drop)
    }

    pub(crate) async fn count_offers(&self, account: &Account) -> Result<usize, StoreError> {
        views::count(self, rows::OFFERS, rows::prefix(&[account.id.as_str()])).await
    }

    /// Looks at the levels that hooks or pushes pointed at, unless they are what we know already.
    async fn compare_hinted(&self, account: &Account) -> Result<(), PollError> {
        let hinted = account.take_listings_to_compare();
        if hinted.is_empty() {
            return Ok(());
        }
        // Most often a hook has told of the order as well, and reading that one is enough.
        self.read_hints(account).await?;
        let suspects = self.look(account, &hinted).await?;
        self.explain_fully(account, suspects).await
    }

    /// Reads levels, and says which of them are not what we know.
    pub(crate) async fn look(
        &self,
        account: &Account,
        listings: &[ListingId],
    ) -> Result<Suspects, PollError> {
        let Some(stock) = account.channel.read_stock() else {
            return Ok(Suspects::new());
        };
        let read_at = self.ports.clock.now();
        let levels = self.read_levels(account, stock, listings).await?;
        self.suspects(account, levels, read_at).await
    }

    /// Takes levels in as what is compared, and says which of them are not what we know.
    pub(crate) async fn suspects(
        &self,
        account: &Account,
        levels: Vec<LevelSnapshot>,
        read_at: Time,
    ) -> Result<Suspects, PollError> {
        let shown: Suspects = levels
            .iter()
            .map(|level| (level.listing.clone(), level.level))
            .collect();
        let signal = Signal::Levels {
            account: account.id.clone(),
            levels,
            read_at,
            reading: Reading::Compare,
            checks: Checks::default(),
        };
        // Decided without the usual follow-up, which would bring us here again.
        let done = self.decider.decide(signal).await?;
        self.meters.count(&done, read_at);
        self.wake_who_is_due(&done);
        let differ = differing(&done.follow_ups);
        let as_known = shown.keys().filter(|listing| !differ.contains(*listing));
        account.doubts.dismiss(as_known);
        let mut suspects = shown;
        suspects.retain(|listing, _| differ.contains(listing));
        Ok(suspects)
    }

    /// Finds out why levels are not what we know, however long it takes until all orders are listed. What
    /// would not stay the same is left for the next time.
    async fn explain_fully(&self, account: &Account, suspects: Suspects) -> Result<(), PollError> {
        let mut doubts = doubted(suspects, self.ports.clock.now());
        loop {
            doubts = self.explain_levels(account, doubts, &|_| ()).await?.early;
            let Some(since) = doubts.values().map(|doubt| doubt.since).max() else {
                return Ok(());
            };
            let until = since.plus(account.orders_lag());
            if !self.wait(until, &tokio::sync::Notify::new()).await {
                return Ok(());
            }
        }
    }

    /// Finds out why levels are not what we know: reads the account's orders again, and then the levels.
    /// What an order explains is known by then; what stays the same is classified, once everything that
    /// was placed before it was seen must be listed. Who waits is told at once what is explained, or
    /// classified.
    pub(crate) async fn explain_levels(
        &self,
        account: &Account,
        doubts: Doubted,
        tell: &(dyn Fn(&[ListingId]) + Sync),
    ) -> Result<Unexplained, PollError> {
        let mut doubts = doubts;
        let mut early = Doubted::new();
        for _ in 0..ROUNDS_MAX {
            if doubts.is_empty() {
                break;
            }
            let orders_read_at = self.ports.clock.now();
            self.poll_orders(account).await?;
            let listings: Vec<ListingId> = doubts.keys().cloned().collect();
            let differing = self.look(account, &listings).await?;
            tell(&without(&listings, |id| differing.contains_key(id)));
            let (mut moving, mut settled) = (Suspects::new(), Suspects::new());
            for (listing, shown) in differing {
                match doubts.get(&listing).filter(|doubt| doubt.shown == shown) {
                    Some(doubt) if doubt.since.plus(account.orders_lag()) > orders_read_at => {
                        early.insert(listing, *doubt);
                    }
                    Some(_) => drop(settled.insert(listing, shown)),
                    None => drop(moving.insert(listing, shown)),
                }
            }
            let classified: Vec<ListingId> = settled.keys().cloned().collect();
            let moved = self.classify(account, settled, orders_read_at).await?;
            tell(&without(&classified, |id| moved.contains_key(id)));
            moving.extend(moved);
            doubts = doubted(moving, self.ports.clock.now());
        }
        let moving = doubts.into_iter();
        let moving = moving.map(|(listing, doubt)| (listing, doubt.shown));
        Ok(Unexplained {
            moving: moving.collect(),
            early,
        })
    }

    /// Has levels classified that no order explains which could be polled. Their open orders are read
    /// one by one before, which is dear: one that was canceled without a word explains them as well.
    /// Gives back what changed meanwhile.
    async fn classify(
        &self,
        account: &Account,
        suspects: Suspects,
        orders_read_at: Time,
    ) -> Result<Suspects, PollError> {
        let Some(stock) = account
            .channel
            .read_stock()
            .filter(|_| !suspects.is_empty())
        else {
            return Ok(Suspects::new());
        };
        let listings: Vec<ListingId> = suspects.keys().cloned().collect();
        let checks = Checks {
            orders_read_at: Some(orders_read_at),
            orders: self.reread_orders_of(account, &listings).await?,
            ..Checks::default()
        };
        let read_at = self.ports.clock.now();
        let levels = self.read_levels(account, stock, &listings).await?;
        let is_same = |level: &LevelSnapshot| suspects.get(&level.listing) == Some(&level.level);
        let (same, moving): (Vec<_>, Vec<_>) = levels.into_iter().partition(is_same);
        self.confirm(account, same, read_at, checks).await?;
        if moving.is_empty() {
            return Ok(Suspects::new());
        }
        self.suspects(account, moving, read_at).await
    }

    /// Has levels classified that no order explains, after the breaker has seen how many there are.
    async fn confirm(
        &self,
        account: &Account,
        levels: Vec<LevelSnapshot>,
        read_at: Time,
        checks: Checks,
    ) -> Result<(), PollError> {
        self.weigh_jumps(account, &levels).await?;
        for chunk in levels.chunks(CONFIRMED_AT_ONCE) {
            let signal = Signal::Levels {
                account: account.id.clone(),
                levels: chunk.to_vec(),
                read_at,
                reading: Reading::Confirm,
                checks: checks.clone(),
            };
            self.decide(signal).await?;
        }
        Ok(())
    }

    /// The open cases of drift.
    pub async fn open_drifts(&self) -> Result<Vec<domain::book::Drift>, StoreError> {
        let mut open = Vec::new();
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self
                .store
                .scan(rows::OPEN_DRIFTS, range, store::SCAN_LIMIT_MAX)
                .await?;
            for (_, row) in &page {
                let id: DriftId = rows::decode(rows::OPEN_DRIFTS, &row.value)?;
                let key = rows::key(&[&id.to_string()]);
                if let Some(row) = self.store.get(rows::DRIFTS, &key).await? {
                    open.push(rows::decode(rows::DRIFTS, &row.value)?);
                }
            }
            match page.last() {
                Some((last, _)) if page.len() == store::SCAN_LIMIT_MAX => {
                    after = Some(last.clone())
                }
                Some(_) | None => return Ok(open),
            }
        }
    }
}

fn without(listings: &[ListingId], is_left_out: impl Fn(&ListingId) -> bool) -> Vec<ListingId> {
    let rest = listings.iter().filter(|listing| !is_left_out(listing));
    rest.cloned().collect()
}

fn differing(follow_ups: &[FollowUp]) -> BTreeSet<ListingId> {
    follow_ups
        .iter()
        .flat_map(|follow_up| match follow_up {
            FollowUp::Compare { listings, .. } => listings.clone(),
            FollowUp::ReadOrder { .. } | FollowUp::OfferToWaiting(_) | FollowUp::MapWaiting => {
                Vec::new()
            }
        })
        .collect()
}
