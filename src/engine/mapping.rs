//! Orders that wait because nobody knows which item a line is: as soon as somebody does, each goes on.
//!
//! What a person said is durable before anything follows from it, so what a crash came between is found at the
//! next start. A command maps the first that wait by itself; the others are looked at here, an order with each
//! decision, and one that nothing is known of costs no decision.

use std::time::Duration;

use domain::{
    AccountId, ListingId, Sku,
    item::Item,
    mapping::{Clue, Mapping, Named},
    offer::Listing,
    order::Order,
    signal::Signal,
};
use store::{Range, StoreError};

use crate::{
    Engine,
    rows::{self, key, mapping_row, prefix},
    views::read,
};

/// How often it looks though nobody said that something became known.
const EVERY: Duration = Duration::from_secs(600);
/// How many orders are read at once.
const PAGE: usize = 200;

impl Engine {
    pub(crate) async fn run_mapping(&self) {
        loop {
            if let Err(error) = self.map_waiting().await {
                self.note_store_error(&error);
            }
            let next = self.ports.clock.now().plus(EVERY);
            if !self.wait(next, &self.wake_mapping).await {
                return;
            }
        }
    }

    /// Maps the lines of all waiting orders that can be by now.
    async fn map_waiting(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::UNMAPPED_ORDERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (row, _) in &page {
                if self.is_stopping() {
                    return Ok(());
                }
                let order: Option<Order> =
                    read(self, rows::ORDERS, &[&rows::last_part(row)]).await?;
                let Some(order) = order else { continue };
                if self.is_known_by_now(&order).await? {
                    self.settle(Signal::MapWaiting { order: order.id }).await?;
                }
            }
        }
    }

    /// Whether a line that waits is an item by what is known now, as [`domain::decide`] would find.
    async fn is_known_by_now(&self, order: &Order) -> Result<bool, StoreError> {
        for line in order.lines.iter().filter(|line| line.item.is_none()) {
            let sku = self.sku_of(&order.account, Clue::from(line)).await?;
            let Some(sku) = sku else { continue };
            let item: Option<Item> = read(self, rows::ITEMS, &[sku.as_str()]).await?;
            if item.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn sku_of(&self, account: &AccountId, clue: Clue<'_>) -> Result<Option<Sku>, StoreError> {
        if let Some(listing) = clue.listing {
            let parts = [account.as_str(), listing.as_str()];
            let known: Option<Listing> = read(self, rows::LISTINGS, &parts).await?;
            if let Some(sku) = known.and_then(|listing| listing.sku) {
                return Ok(Some(sku));
            }
            let named = Named::Listing(listing.clone());
            if let Some(mapping) = self.mapping(account, &named).await? {
                return Ok(Some(mapping.sku));
            }
        }
        let Some(named) = Named::by_channel_sku(clue.channel_sku) else {
            return Ok(None);
        };
        let mapping = self.mapping(account, &named).await?;
        let Named::ChannelSku(written) = named else {
            return Ok(None);
        };
        Ok(Some(mapping.map_or(written, |mapping| mapping.sku)))
    }

    /// What a person said of a listing or a SKU of a channel.
    async fn mapping(
        &self,
        account: &AccountId,
        named: &Named,
    ) -> Result<Option<Mapping>, StoreError> {
        let (table, row) = mapping_row(account, named);
        match self.store.get(table, &row).await? {
            Some(row) => rows::decode(table, &row.value).map(Some),
            None => Ok(None),
        }
    }

    /// What a person means by a text: a listing of the account, or a SKU that its channel writes, of a listing, of
    /// a line that waits, or of what was said before. Nothing where neither was ever seen.
    pub async fn meant_by(
        &self,
        account: &AccountId,
        text: &str,
    ) -> Result<Option<Named>, StoreError> {
        let by_listing = Named::Listing(ListingId::new(text));
        let known: Option<Listing> = read(self, rows::LISTINGS, &[account.as_str(), text]).await?;
        if known.is_some() || self.mapping(account, &by_listing).await?.is_some() {
            return Ok(Some(by_listing));
        }
        let by_sku = Named::by_channel_sku(Some(text));
        if let Some(named) = &by_sku
            && (self.mapping(account, named).await?.is_some()
                || self.is_carried(account, named).await?)
        {
            return Ok(by_sku);
        }
        self.waits_as(account, &by_listing, by_sku).await
    }

    /// Whether a listing carries a SKU on its channel that is none that a person gave it here.
    async fn is_carried(&self, account: &AccountId, named: &Named) -> Result<bool, StoreError> {
        let below = prefix(&[named.text(), account.as_str()]);
        let mut after = None;
        loop {
            let range = Range {
                prefix: below.clone(),
                after,
            };
            let page = self.store.scan(rows::LISTINGS_BY_SKU, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(false);
            };
            after = Some(last.clone());
            for (row, _) in &page {
                let parts = key(&[account.as_str(), &rows::last_part(row)]);
                let Some(row) = self.store.get(rows::LISTINGS, &parts).await? else {
                    continue;
                };
                let listing: Listing = rows::decode(rows::LISTINGS, &row.value)?;
                let own = Named::by_channel_sku(listing.channel_sku.as_deref());
                if own.as_ref() == Some(named) {
                    return Ok(true);
                }
            }
        }
    }

    /// How lines that wait name it: a listing before a SKU.
    async fn waits_as(
        &self,
        account: &AccountId,
        by_listing: &Named,
        by_sku: Option<Named>,
    ) -> Result<Option<Named>, StoreError> {
        let (mut after, mut is_written) = (None, false);
        loop {
            let range = Range {
                prefix: Vec::new(),
                after,
            };
            let page = self.store.scan(rows::UNMAPPED_ORDERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(by_sku.filter(|_| is_written));
            };
            after = Some(last.clone());
            for (row, _) in &page {
                let order: Option<Order> =
                    read(self, rows::ORDERS, &[&rows::last_part(row)]).await?;
                let order = order.filter(|order| order.account == *account);
                for line in order.iter().flat_map(|order| &order.lines) {
                    if line.item.is_some() {
                        continue;
                    }
                    let by_id = line.listing.clone().map(Named::Listing);
                    if by_id.as_ref() == Some(by_listing) {
                        return Ok(by_id);
                    }
                    let own = Named::by_channel_sku(line.channel_sku.as_deref());
                    is_written |= own.is_some() && own == by_sku;
                }
            }
        }
    }
}
