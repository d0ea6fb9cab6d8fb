//! What happens because time passes: unpaid orders lose their stock, finished ones are closed, people are
//! forgotten, what is owed comes due, and orders that wait for stock are looked at once more.

use std::time::Duration;

use domain::{
    Time,
    ids::OrderId,
    order::{Phase, SHIPPED_RESTS},
    signal::Signal,
    stock::Stock,
};
use store::{Range, StoreError};
use tokio::sync::Notify;

use crate::{
    Engine,
    decider::{DecideError, has_nothing_left},
    promises::Promises,
    rows,
};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(30);
/// How often it looks for orders that are done.
const CLOSE_EVERY: Duration = Duration::from_secs(600);
/// How many orders it looks at in one go.
const PAGE: usize = 200;

impl Engine {
    pub(crate) async fn run_janitor(&self) {
        let nothing = Notify::new();
        let mut promises = Promises::default();
        let mut next_erasure = Time::EPOCH;
        let mut next_closing = Time::EPOCH;
        loop {
            let next = self.ports.clock.now().plus(EVERY);
            if !self.wait(next, &nothing).await {
                return;
            }
            if let Err(error) = self.expire_unpaid().await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.serve_waiting().await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.look_after_promises(&mut promises).await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.follow_policy().await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.sweep_late().await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.sweep_recordings().await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.erase_what_was_asked().await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.erase_what_is_old(&mut next_erasure).await {
                self.note_store_error(&error);
            }
            if let Err(error) = self.close_what_is_done(&mut next_closing).await {
                self.note_store_error(&error);
            }
        }
    }

    async fn expire_unpaid(&self) -> Result<(), StoreError> {
        let now = rows::sortable_time(self.ports.clock.now());
        let due = self
            .store
            .scan(rows::UNPAID_ORDERS, Range::default(), PAGE)
            .await?;
        for (key, _) in due {
            if key.as_slice() > now.as_bytes() {
                break;
            }
            let Ok(order) = rows::last_part(&key).parse() else {
                continue;
            };
            self.settle(Signal::Expire { order }).await?;
        }
        Ok(())
    }

    /// Gives free stock to the orders that wait for it. Freed stock is given on in the turn that frees
    /// it; what is left for here is what a crash, or a disk without space, came between,
    /// and what binding units to a location freed at another one in that very turn.
    pub(crate) async fn serve_waiting(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::SHORT_ORDERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (key, _) in &page {
                let sku = key.split(|byte| *byte == 0).next().unwrap_or_default();
                let Some(row) = self.store.get(rows::STOCK, sku).await? else {
                    continue;
                };
                let stock: Stock = rows::decode(rows::STOCK, &row.value)?;
                let Ok(order) = rows::last_part(key).parse::<OrderId>() else {
                    continue;
                };
                if !has_nothing_left(&stock) && self.is_served(order, &stock).await? {
                    self.settle(Signal::Reclaim { order }).await?;
                }
            }
        }
    }

    /// Whether the account of an order could be promised more of an item.
    async fn is_served(&self, order: OrderId, stock: &Stock) -> Result<bool, StoreError> {
        let key = rows::key(&[&order.to_string()]);
        let Some(row) = self.store.get(rows::ORDERS, &key).await? else {
            return Ok(false);
        };
        let order: domain::order::Order = rows::decode(rows::ORDERS, &row.value)?;
        let locations = &self.decider.policy().locations;
        let free = locations.sellable(stock, &order.account);
        Ok(free.is_positive())
    }

    /// Closes orders that have been done for a while, so that late news still finds them open. It looks at
    /// many, so not as often as at the rest; `next` is when.
    async fn close_what_is_done(&self, next: &mut Time) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        if now < *next {
            return Ok(());
        }
        *next = now.plus(CLOSE_EVERY);
        let a_day_ago = now.minus(Duration::from_secs(24 * 3600));
        for (phase, before) in [
            (Phase::Canceled, a_day_ago),
            (Phase::Delivered, a_day_ago),
            (Phase::Shipped, now.minus(SHIPPED_RESTS)),
            (Phase::InDelivery, now.minus(SHIPPED_RESTS)),
        ] {
            self.close_finished(phase, before).await?;
        }
        Ok(())
    }

    async fn close_finished(&self, phase: Phase, before: Time) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let range = Range {
                prefix: rows::prefix(&[phase.word()]),
                after,
            };
            let page = self.store.scan(rows::ORDERS_BY_PHASE, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (key, _) in &page {
                let id = rows::last_part(key);
                let Some(row) = self.store.get(rows::ORDERS, &rows::key(&[&id])).await? else {
                    continue;
                };
                let order: domain::order::Order = rows::decode(rows::ORDERS, &row.value)?;
                // By the time at which they became known, as their ids are: no later one is that old.
                if order.accepted_at >= before {
                    return Ok(());
                }
                if order.closed_at.is_none() && order.version.changed_at < before {
                    self.settle(Signal::Close { order: order.id }).await?;
                }
            }
        }
    }

    pub(crate) async fn settle(&self, signal: Signal) -> Result<(), StoreError> {
        match self.decide(signal).await {
            Ok(_) => Ok(()),
            Err(DecideError::Store(error)) => Err(error),
            Err(DecideError::Refused(refusal)) => {
                tracing::debug!(%refusal, "Nothing was to be settled.");
                Ok(())
            }
        }
    }
}
