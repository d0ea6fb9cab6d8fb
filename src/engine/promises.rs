//! Looking after what is owed: the schedule finds what came due, and what rules do not owe any more.
//!
//! It decides nothing: [`domain::decide`] says what is broken. What is lost by a crash is found at the
//! next look, because each start looks at everything once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{Sku, Time, ids::OrderId, order::Order, signal::Signal};
use store::{Range, StoreError, Table};

use crate::{Engine, decider::Policy, rows};

/// How many rows are read at once, and how many orders one decision looks at.
const PAGE: usize = 200;

/// What the schedule remembers from look to look.
#[derive(Default)]
pub(crate) struct Promises {
    /// The rules by which everything was looked at.
    looked_by: Option<Arc<Policy>>,
    /// When the last look was.
    looked_at: Option<Time>,
}

impl Engine {
    pub(crate) async fn look_after_promises(
        &self,
        memory: &mut Promises,
    ) -> Result<(), StoreError> {
        let (now, policy) = (self.ports.clock.now(), self.decider.policy());
        let is_new = memory
            .looked_by
            .as_ref()
            .is_none_or(|looked_by| !Arc::ptr_eq(looked_by, &policy));
        if is_new {
            self.look_at_all_promises(&policy).await?;
        }
        let since = memory.looked_at.unwrap_or(now);
        let has_come = |day: &Time| *day > since && *day <= now;
        if policy.rules.preorder_days().any(|day| has_come(&day)) {
            let listed = self.skus_in(rows::OWED_OFFERS).await?;
            self.look_at(listed.into_iter().map(|sku| (sku, Vec::new())).collect())
                .await?;
        }
        self.look_at_what_is_due(now).await?;
        memory.looked_by = Some(policy);
        memory.looked_at = Some(now);
        Ok(())
    }

    /// The rules are new: what is short may be owed by them, and what was owed may not be any more.
    async fn look_at_all_promises(&self, policy: &Policy) -> Result<(), StoreError> {
        let page = self
            .store
            .scan(rows::OWED_ORDERS, Range::default(), 1)
            .await?;
        let listed = self.skus_in(rows::OWED_OFFERS).await?;
        if !policy.rules.owe() && page.is_empty() && listed.is_empty() {
            return Ok(());
        }
        let mut found: BTreeMap<Sku, Vec<OrderId>> = BTreeMap::new();
        found.extend(listed.into_iter().map(|sku| (sku, Vec::new())));
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::SHORT_ORDERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, _) in &page {
                if let (Some(sku), Ok(order)) = (sku_of(key), rows::last_part(key).parse()) {
                    found.entry(sku).or_default().push(order);
                }
            }
        }
        self.look_at(found).await
    }

    /// Has what is owed of items looked at, the youngest orders first: they give way.
    async fn look_at(&self, found: BTreeMap<Sku, Vec<OrderId>>) -> Result<(), StoreError> {
        for (sku, orders) in found {
            let mut pages: Vec<Vec<OrderId>> = orders.chunks(PAGE).map(<[_]>::to_vec).collect();
            if pages.is_empty() {
                pages.push(Vec::new());
            }
            for orders in pages.into_iter().rev() {
                let sku = sku.clone();
                self.settle(Signal::Promises { sku, orders }).await?;
            }
        }
        Ok(())
    }

    /// The first dates come first. What could not be settled is not looked at twice in one go.
    async fn look_at_what_is_due(&self, now: Time) -> Result<(), StoreError> {
        let until = rows::sortable_time(now);
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::OWED_ORDERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (key, _) in &page {
                let date = key.split(|byte| *byte == 0).next().unwrap_or_default();
                if date > until.as_bytes() {
                    return Ok(());
                }
                let id = rows::last_part(key);
                let Some(row) = self.store.get(rows::ORDERS, &rows::key(&[&id])).await? else {
                    continue;
                };
                let order: Order = rows::decode(rows::ORDERS, &row.value)?;
                let (orders, skus) = (vec![order.id], order.owes());
                let Some(sku) = skus.into_keys().next() else {
                    continue;
                };
                self.settle(Signal::Promises { sku, orders }).await?;
            }
        }
    }

    /// The items of an index by item.
    async fn skus_in(&self, table: Table) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::new();
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(table, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(skus);
            };
            after = Some(last.clone());
            skus.extend(page.iter().filter_map(|(key, _)| sku_of(key)));
        }
    }
}

/// The item that a key begins with.
fn sku_of(key: &[u8]) -> Option<Sku> {
    let sku = key.split(|byte| *byte == 0).next()?;
    String::from_utf8_lossy(sku).parse().ok()
}
