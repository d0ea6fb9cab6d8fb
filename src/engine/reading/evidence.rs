//! What is looked up before a level counts as explained by nothing, and before too much happens at once.
//!
//! Only gathers: which orders to read again, which listings jumped, which are to be set to zero. What
//! follows from it is decided in the domain.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ExternalId, ListingId, Sku,
    breaker::{Breaker, Side, is_jump},
    decide::Authority,
    item::Item,
    offer::Offer,
    order::Order,
    signal::Signal,
    snapshot::LevelSnapshot,
};
use store::{Range, StoreError};

use crate::{
    Engine,
    account::Account,
    reading::poll::PollError,
    rows::{self, key, prefix},
    views,
};

/// How many orders are read again one by one to explain levels.
const ORDERS_MAX: usize = 100;
/// How many claims of an item are looked at for them.
const CLAIMS_MAX: usize = 200;
/// How many rows are read at once.
const CHUNK: usize = 500;

impl Engine {
    /// Reads the open orders of these listings again by their ids: one that was canceled or deleted
    /// without a word gave its units back. Says which were read.
    pub(crate) async fn reread_orders_of(
        &self,
        account: &Account,
        listings: &[ListingId],
    ) -> Result<BTreeMap<ListingId, Vec<ExternalId>>, PollError> {
        let mut found: BTreeMap<ListingId, Vec<ExternalId>> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for listing in listings {
            let Some(offer) = self.offer(account, listing).await? else {
                continue;
            };
            for order in self.open_orders_of(account, &offer.sku).await? {
                if ids.len() < ORDERS_MAX || ids.contains(&order) {
                    ids.insert(order.clone());
                    found.entry(listing.clone()).or_default().push(order);
                }
            }
        }
        let ids: Vec<ExternalId> = ids.into_iter().collect();
        if let Some(orders) = account.channel.pull_orders().filter(|_| !ids.is_empty()) {
            self.read_orders(account, orders, &ids).await?;
        }
        Ok(found)
    }

    async fn offer(
        &self,
        account: &Account,
        listing: &ListingId,
    ) -> Result<Option<Offer>, StoreError> {
        views::read(self, rows::OFFERS, &[account.id.as_str(), listing.as_str()]).await
    }

    /// The channel's ids of the account's orders that were promised an item, or what it is made of.
    async fn open_orders_of(
        &self,
        account: &Account,
        sku: &Sku,
    ) -> Result<BTreeSet<ExternalId>, StoreError> {
        let item: Option<Item> = views::read(self, rows::ITEMS, &[sku.as_str()]).await?;
        let mut orders = BTreeSet::new();
        for good in item.iter().flat_map(|item| item.bill().into_keys()) {
            let range = Range {
                prefix: prefix(&[good.as_str()]),
                after: None,
            };
            for (row_key, _) in self.store.scan(rows::CLAIMS, range, CLAIMS_MAX).await? {
                let Some(id) = views::parts(&row_key).get(1).cloned() else {
                    continue;
                };
                let order: Option<Order> = views::read(self, rows::ORDERS, &[&id]).await?;
                orders.extend(
                    order
                        .filter(|order| order.account == account.id)
                        .map(|order| order.external_id),
                );
            }
        }
        Ok(orders)
    }

    /// Tells the breaker which of these levels jumped, where that would have us write or count.
    pub(crate) async fn weigh_jumps(
        &self,
        account: &Account,
        levels: &[LevelSnapshot],
    ) -> Result<(), PollError> {
        let policy = self.decider.policy();
        let authority = policy
            .accounts
            .get(&account.id)
            .map(|terms| terms.authority);
        if authority != Some(Authority::Channel) && !account.may_write_levels() {
            // A shop that is only looked at may differ as it likes: arming it shows what would be written.
            return Ok(());
        }
        let mut jumped = Vec::new();
        for level in levels {
            let Some(offer) = self.offer(account, &level.listing).await? else {
                continue;
            };
            let shown = level
                .level
                .and_then(|level| level.to_quantity(offer.scale).ok());
            let (Some(shown), Some(believed), Some(wanted), None) =
                (shown, offer.believed, offer.wanted, &offer.attempt)
            else {
                continue;
            };
            let is_ours = offer.knows(shown, self.ports.clock.now());
            if is_jump(believed.quantity, shown) && wanted.quantity != shown && !is_ours {
                jumped.push(level.listing.clone());
            }
        }
        self.weigh(account, Side::Source, jumped).await
    }

    /// Tells the breaker which zeroes wait to be written that no order caused, before any is. Says
    /// whether it was told of any.
    pub(crate) async fn weigh_zeroes(&self, account: &Account) -> Result<(), PollError> {
        let breaker = self.breaker(account).await?;
        let mut zeroes = Vec::new();
        let mut after = None;
        loop {
            let range = Range {
                prefix: prefix(&[account.id.as_str()]),
                after,
            };
            let due = self.store.scan(rows::DUE_OFFERS, range, CHUNK).await?;
            for (row_key, _) in &due {
                let Some(row) = self.store.get(rows::OFFERS, row_key).await? else {
                    continue;
                };
                let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
                if is_news(&breaker, &offer) {
                    zeroes.push(offer.listing);
                }
            }
            match due.last() {
                Some((last, _)) if due.len() == CHUNK => after = Some(last.clone()),
                Some(_) | None => break,
            }
        }
        self.weigh(account, Side::Writes, zeroes).await
    }

    async fn weigh(
        &self,
        account: &Account,
        side: Side,
        listings: Vec<ListingId>,
    ) -> Result<(), PollError> {
        if listings.is_empty() {
            return Ok(());
        }
        let signal = Signal::Weigh {
            account: account.id.clone(),
            side,
            listings,
            of: self.count_offers(account).await?,
        };
        self.decide(signal).await?;
        let breaker = self.breaker(account).await?;
        if let Some(trip) = breaker.trip(side) {
            tracing::error!(
                account = %account.id,
                side = side.word(),
                listings = trip.listings,
                of = trip.of,
                "The breaker has tripped: look at `oneshelf accounts breaker ACCOUNT`."
            );
        }
        Ok(())
    }

    /// The breaker of an account.
    pub async fn breaker(&self, account: &Account) -> Result<Breaker, StoreError> {
        let row = self
            .store
            .get(rows::BREAKERS, &key(&[account.id.as_str()]))
            .await?;
        match row {
            Some(row) => rows::decode(rows::BREAKERS, &row.value),
            None => Ok(Breaker::new(account.id.clone())),
        }
    }
}

/// Whether a zero waits that the breaker was not told of.
pub(crate) fn is_news(breaker: &Breaker, offer: &Offer) -> bool {
    breaker.writes.is_none() && breaker.minds(offer) && !breaker.zeroes.contains_key(&offer.listing)
}
