//! Asking the policy about open incidents when the time of one of its rules has come.
//!
//! It decides nothing: which rule acts, and what it does, is said by [`domain::policy`] and decided with
//! the incident, so that each rule acts once, also when the process dies in between.

use domain::{
    Time,
    ids::IncidentId,
    incident::Incident,
    item::Item,
    order::Order,
    policy::{self, Next},
    signal::Signal,
};
use store::{Range, StoreError};

use crate::{Engine, decider::Policy, rows, views::read};

/// How many incidents are read at once.
const PAGE: usize = 200;

impl Engine {
    pub(crate) async fn follow_policy(&self) -> Result<(), StoreError> {
        let policy = self.decider.policy();
        if policy.incidents.is_empty() {
            return Ok(());
        }
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::OPEN_INCIDENTS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (_, row) in &page {
                let id: IncidentId = rows::decode(rows::OPEN_INCIDENTS, &row.value)?;
                self.follow_policy_of(&policy, id).await?;
            }
        }
    }

    async fn follow_policy_of(&self, policy: &Policy, id: IncidentId) -> Result<(), StoreError> {
        let incident: Option<Incident> = read(self, rows::INCIDENTS, &[&id.to_string()]).await?;
        let Some(incident) = incident else {
            return Ok(());
        };
        let now = self.ports.clock.now();
        let is_due = |at: Time| at <= now;
        let next = self.next_of(policy, &incident).await?;
        if !next.is_some_and(|next| is_due(next.at)) {
            return Ok(());
        }
        let account = self.accounts.get(&incident.account);
        let can_cancel = account.is_some_and(|a| a.channel.cancel_orders().is_some());
        self.settle(Signal::FollowPolicy {
            incident: id,
            can_cancel,
        })
        .await
    }

    /// What the policy does next about an incident.
    pub(crate) async fn next_of<'p>(
        &self,
        policy: &'p Policy,
        incident: &Incident,
    ) -> Result<Option<Next<'p>>, StoreError> {
        if policy.incidents.is_empty() {
            return Ok(None);
        }
        let id = incident.order.to_string();
        let order: Option<Order> = read(self, rows::ORDERS, &[&id]).await?;
        let item: Option<Item> = read(self, rows::ITEMS, &[incident.sku.as_str()]).await?;
        let next = |order: &Order| policy::next(&policy.incidents, incident, item.as_ref(), order);
        Ok(order.as_ref().and_then(next))
    }
}
