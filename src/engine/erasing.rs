//! Forgetting people: what was asked for, and what is old enough; and destroying the keys of both.
//!
//! Erasing an order is a decision like any other: it deletes the row and writes down which keys are
//! doomed. Destroying them comes after it is durable, and again after a crash, until it is done.

use std::time::Duration;

use domain::{
    Time,
    ids::{DocumentId, OrderId},
    order::Order,
    person::Contact,
    signal::Signal,
};
use store::{Seq, StoreError, Table, keys::KeyId};

use crate::{
    Engine,
    decider::Alongside,
    persons::{self, Doomed},
    rows,
    sealing::{Pool, key_of},
    views::{Walk, read},
};

/// How often it is looked for what became old.
const EVERY: Duration = Duration::from_secs(3600);

/// So many documents are forgotten at once; what remains waits for the next time.
const RECIPIENTS_AT_ONCE: usize = 1000;

/// How long what tells of people is kept.
#[derive(Clone, Copy, Debug)]
pub struct Privacy {
    /// How long after an order became known its people are forgotten by themselves; nothing for never. What must
    /// still be sent waits.
    pub forget_after: Option<Duration>,
    /// How long what channels sent can be read.
    pub keep_signals: Duration,
    /// How long it is kept who an issued document is for; nothing for ever.
    pub keep_documents: Option<Duration>,
}

impl Default for Privacy {
    fn default() -> Privacy {
        Privacy {
            forget_after: None,
            keep_signals: Duration::from_secs(30 * 24 * 3600),
            keep_documents: None,
        }
    }
}

impl Engine {
    /// Erases what was asked for, and destroys what is doomed.
    pub async fn erase_what_was_asked(&self) -> Result<(), StoreError> {
        for order in self.keys_of(rows::TO_ERASE).await? {
            self.settle(Signal::Forget { order }).await?;
        }
        for order in self.keys_of(rows::DOOMED_KEYS).await? {
            self.destroy_keys_of(order).await?;
        }
        Ok(())
    }

    /// Erases what is old, now and then; `next` is when.
    pub(crate) async fn erase_what_is_old(&self, next: &mut Time) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        if now < *next {
            return Ok(());
        }
        *next = now.plus(EVERY);
        if let Some(after) = self.privacy.forget_after {
            self.forget_before(now.minus(after)).await?;
        }
        if let Some(keep) = self.privacy.keep_documents {
            self.forget_recipients_before(now.minus(keep)).await?;
        }
        let oldest = now.minus(self.privacy.keep_signals).millis();
        let oldest = u64::try_from(oldest).unwrap_or(0);
        let files = self
            .ports
            .sealer
            .keys(Pool::Signals)
            .destroy_before(oldest)?;
        if files > 0 {
            tracing::info!(files, "Keys of old raw signals were destroyed.");
        }
        Ok(())
    }

    /// The orders that a person has or had, by an e-mail address or a phone number.
    pub async fn orders_of(&self, contact: &Contact) -> Result<Vec<OrderId>, StoreError> {
        let below = persons::below_contact(&self.ports.sealer, contact);
        let mut walk = Walk::new(self, rows::ORDERS_BY_CONTACT, below, None).unbounded();
        let mut orders = Vec::new();
        while let Some((key, _)) = walk.next().await? {
            orders.extend(rows::last_part(&key).parse::<OrderId>());
        }
        Ok(orders)
    }

    /// All orders of an index whose keys are their ids: those that must wait keep no other waiting.
    async fn keys_of(&self, table: Table) -> Result<Vec<OrderId>, StoreError> {
        let mut walk = Walk::new(self, table, Vec::new(), None).unbounded();
        let mut ids = Vec::new();
        while let Some((key, _)) = walk.next().await? {
            ids.extend(rows::last_part(&key).parse::<OrderId>());
        }
        Ok(ids)
    }

    async fn forget_before(&self, before: Time) -> Result<(), StoreError> {
        // Ids begin with the time at which they were made.
        let mut walk = Walk::new(self, rows::PERSONS, Vec::new(), None).unbounded();
        while let Some((key, _)) = walk.next().await? {
            let id = rows::last_part(&key);
            let order: Option<Order> = read(self, rows::ORDERS, &[&id]).await?;
            let Some(order) = order else { continue };
            if order.accepted_at >= before {
                return Ok(());
            }
            if !order.needs_person() {
                self.settle(Signal::Forget { order: order.id }).await?;
            }
        }
        Ok(())
    }

    /// Forgets who documents are for that were issued before a time. The key goes first: where the row is still
    /// there after a crash, it is unreadable, and goes the next time.
    pub async fn forget_recipients_before(&self, before: Time) -> Result<(), StoreError> {
        // Ids begin with the time at which they were made.
        let mut walk = Walk::new(self, rows::RECIPIENTS, Vec::new(), None).unbounded();
        let (mut keys, mut over) = (Vec::new(), Alongside::default());
        while let Some((key, row)) = walk.next().await? {
            let id = rows::last_part(&key).parse::<DocumentId>();
            if id.is_ok_and(|id| id.made_at() >= before) {
                break;
            }
            keys.extend(key_of(&row.value));
            over.deletes.push((rows::RECIPIENTS, key));
            if over.deletes.len() >= RECIPIENTS_AT_ONCE {
                break;
            }
        }
        if over.deletes.is_empty() {
            return Ok(());
        }
        let documents = over.deletes.len();
        self.ports.sealer.keys(Pool::Orders).destroy(&keys)?;
        let staged = self.decider.stage_rows(over).await?;
        self.decider.settle(staged).await?;
        tracing::info!(documents, "Who old documents are for was forgotten.");
        Ok(())
    }

    async fn destroy_keys_of(&self, order: OrderId) -> Result<(), StoreError> {
        let id = order.to_string();
        let doomed: Option<Doomed> = read(self, rows::DOOMED_KEYS, &[&id]).await?;
        let Some(doomed) = doomed else { return Ok(()) };
        let sealer = &self.ports.sealer;
        if let Some(key) = doomed.key {
            sealer.keys(Pool::Orders).destroy(&[KeyId(key)])?;
        }
        let parts = [doomed.account.as_str(), doomed.external_id.as_str()];
        let below = rows::prefix(&parts);
        let mut walk = Walk::new(self, rows::SIGNALS_BY_ORDER, below, None).unbounded();
        let (mut keys, mut over) = (Vec::new(), Alongside::default());
        while let Some((key, _)) = walk.next().await? {
            if let Ok(at) = rows::last_part(&key).parse() {
                let body = self.store.body(Seq(at)).await?;
                keys.extend(body.and_then(|body| key_of(&body)));
            }
            over.deletes.push((rows::SIGNALS_BY_ORDER, key));
        }
        sealer.keys(Pool::Signals).destroy(&keys)?;
        over.deletes.push((rows::DOOMED_KEYS, rows::key(&[&id])));
        let staged = self.decider.stage_rows(over).await?;
        self.decider.settle(staged).await?;
        tracing::info!(order = id, "What an order said of people was erased.");
        Ok(())
    }
}
