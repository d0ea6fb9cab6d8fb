//! Comparing every listing with what its channel shows, and finding out why it differs.
//!
//! A difference is most often a sale whose order we have not read yet. So orders are read before
//! levels, and what differs is looked at again after reading orders once more; only a difference that
//! stays the same is drift.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    Decimal, ListingId, Time,
    decide::{FollowUp, Verdict},
    offer::Offer,
    signal::Reading,
};
use store::{Range, StoreError};

use crate::{
    Engine,
    account::{Account, Mode},
    meters::add,
    poll::PollError,
    rows,
};

/// How often a difference is looked at before it is left for the next time.
const ROUNDS_MAX: u32 = 4;
/// How long hooks about levels are gathered before they are looked at: an order of ten lines sends ten.
const GATHER: Duration = Duration::from_millis(500);
/// How many listings are compared at once.
const CHUNK: usize = 200;

impl Engine {
    pub(crate) async fn run_reconcile(&self, account: Arc<Account>) {
        loop {
            let now = self.ports.clock.now();
            let far = now.plus(Duration::from_secs(3600));
            let scheduled = account.pace.reconcile.next_after(now).unwrap_or(far);
            if !self.wait(scheduled, &account.wake_compare).await {
                return;
            }
            if account.mode() == Mode::Off || !account.has_polled() {
                continue;
            }
            if !self.wait_for_throttle(&account).await {
                return;
            }
            let result = if self.ports.clock.now() >= scheduled {
                drop(account.take_listings_to_compare());
                self.reconcile(&account).await
            } else {
                let soon = self.ports.clock.now().plus(GATHER);
                let nothing = tokio::sync::Notify::new();
                if !self.wait(soon, &nothing).await {
                    return;
                }
                self.compare_hinted(&account).await
            };
            if let Err(error) = result {
                tracing::warn!(account = %account.id, %error, "Comparing levels failed.");
                if let PollError::Store(error) = &error {
                    self.note_store_error(error);
                }
            }
        }
    }

    /// Compares all listings of an account.
    pub async fn reconcile(&self, account: &Account) -> Result<(), PollError> {
        let mut after = None;
        loop {
            let range = Range {
                prefix: rows::prefix(&[account.id.as_str()]),
                after,
            };
            let page = self.store.scan(rows::OFFERS, range, CHUNK).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut listings = Vec::new();
            for (_, row) in &page {
                let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
                listings.push(offer.listing);
            }
            self.compare(account, listings).await?;
            if self.is_stopping() {
                return Ok(());
            }
        }
        account.note_reconcile(self.ports.clock.now());
        add(&self.meters.reconciles);
        Ok(())
    }

    /// Looks at the levels that hooks or pushes pointed at, unless they are what we know already.
    async fn compare_hinted(&self, account: &Account) -> Result<(), PollError> {
        let hinted = account.take_listings_to_compare();
        if hinted.is_empty() {
            return Ok(());
        }
        self.compare(account, hinted).await
    }

    async fn compare(&self, account: &Account, listings: Vec<ListingId>) -> Result<(), PollError> {
        let Some(stock) = account.channel.read_stock() else {
            return Ok(());
        };
        let mut suspects = listings;
        let mut seen: BTreeMap<ListingId, Option<Decimal>> = BTreeMap::new();
        for round in 0..ROUNDS_MAX {
            if round == 0 {
                // Most often a hook has told of the order as well, and reading that one is enough.
                self.read_hints(account).await?;
            } else {
                self.poll_orders(account).await?;
            }
            let read_at: Time = self.ports.clock.now();
            let levels = self.read_levels(account, stock, &suspects).await?;
            let is_same = |level: &domain::snapshot::LevelSnapshot| {
                round > 0 && seen.get(&level.listing) == Some(&level.level)
            };
            let (stable, moving): (Vec<_>, Vec<_>) = levels.into_iter().partition(is_same);
            if !stable.is_empty() {
                self.decide_levels(account, stable, read_at, Reading::Confirm)
                    .await?;
            }
            seen = moving
                .iter()
                .map(|level| (level.listing.clone(), level.level))
                .collect();
            if moving.is_empty() {
                return Ok(());
            }
            // Decided without the usual follow-up, which would bring us here again.
            let signal = domain::signal::Signal::Levels {
                account: account.id.clone(),
                levels: moving,
                read_at,
                reading: Reading::Compare,
            };
            let done = self.decider.decide(signal).await?;
            self.meters.count(&done, read_at);
            suspects = if done.verdict == Verdict::New {
                differing(&done.follow_ups)
            } else {
                Vec::new()
            };
            if suspects.is_empty() {
                return Ok(());
            }
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
                .scan(rows::DRIFTS, range, store::SCAN_LIMIT_MAX)
                .await?;
            for (_, row) in &page {
                let drift: domain::book::Drift = rows::decode(rows::DRIFTS, &row.value)?;
                if drift.closed_at.is_none() {
                    open.push(drift);
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

fn differing(follow_ups: &[FollowUp]) -> Vec<ListingId> {
    follow_ups
        .iter()
        .flat_map(|follow_up| match follow_up {
            FollowUp::Compare { listings, .. } => listings.clone(),
            FollowUp::ReadOrder { .. } | FollowUp::OfferToWaiting(_) => Vec::new(),
        })
        .collect()
}
