//! Loading what people said that listings and SKUs of channels are, where a decision may go by it.

use std::collections::BTreeSet;

use domain::{
    AccountId, Sku,
    mapping::{Clue, Mapping, Named},
    order::{Line, Order},
    snapshot::{LineSnapshot, ListingSnapshot},
};
use store::StoreError;

use super::Shelf;
use crate::rows;

impl Shelf<'_> {
    /// What was said of one, and the item that it is.
    async fn load_mapping(
        &mut self,
        account: &AccountId,
        named: Named,
    ) -> Result<Option<Sku>, StoreError> {
        let (table, row_key) = rows::mapping_row(account, &named);
        let row: Option<Mapping> = self.row(table, row_key).await?;
        Ok(row.map(|mapping| {
            let sku = mapping.sku.clone();
            let at = (account.clone(), named);
            self.book.mappings.insert(at, mapping);
            sku
        }))
    }

    /// What the lines of an order may be: each by the listing that was sold, else by the SKU as written.
    pub(super) async fn load_lines(
        &mut self,
        account: &AccountId,
        lines: &[LineSnapshot],
    ) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::new();
        for line in lines {
            skus.extend(line.sku.as_deref().and_then(|sku| sku.parse().ok()));
            skus.extend(self.load_clue(account, line.into()).await?);
        }
        Ok(skus)
    }

    /// The same of the lines of loaded orders that wait.
    pub(super) async fn load_waiting(&mut self) -> Result<BTreeSet<Sku>, StoreError> {
        let orders: Vec<Order> = self.book.orders.values().cloned().collect();
        let mut skus = BTreeSet::new();
        for order in &orders {
            let waits = |line: &&Line| line.item.is_none();
            for line in order.lines.iter().filter(waits) {
                skus.extend(self.load_clue(&order.account, line.into()).await?);
            }
        }
        Ok(skus)
    }

    async fn load_clue(
        &mut self,
        account: &AccountId,
        clue: Clue<'_>,
    ) -> Result<Option<Sku>, StoreError> {
        if let Some(listing) = clue.listing {
            if let Some(sku) = self.load_listing(account, listing).await? {
                return Ok(Some(sku));
            }
            let named = Named::Listing(listing.clone());
            if let Some(sku) = self.load_mapping(account, named).await? {
                return Ok(Some(sku));
            }
        }
        let Some(named) = Named::by_channel_sku(clue.channel_sku) else {
            return Ok(None);
        };
        let written = clue.channel_sku.and_then(|sku| sku.parse().ok());
        Ok(self.load_mapping(account, named).await?.or(written))
    }

    /// A listing that was read, as it is known, and what it may become.
    pub(super) async fn load_seen(
        &mut self,
        account: &AccountId,
        seen: &ListingSnapshot,
    ) -> Result<BTreeSet<Sku>, StoreError> {
        let known = self.load_listing(account, &seen.listing).await?;
        let mut skus = BTreeSet::from_iter(known);
        skus.extend(seen.sku.as_deref().and_then(|sku| sku.parse().ok()));
        let at = (account.clone(), seen.listing.clone());
        let (is_new, is_settled) = match self.book.listings.get(&at) {
            Some(known) => (false, known.is_settled(seen.sku.as_deref())),
            None => (true, false),
        };
        if is_new {
            let named = Named::Listing(seen.listing.clone());
            skus.extend(self.load_mapping(account, named).await?);
        }
        if !is_settled && let Some(named) = Named::by_channel_sku(seen.sku.as_deref()) {
            skus.extend(self.load_mapping(account, named).await?);
        }
        Ok(skus)
    }

    /// What is to be said of a listing or a SKU, with what was said before and what each is by itself.
    pub(super) async fn load_meant(
        &mut self,
        account: &AccountId,
        named: &Named,
        sku: Option<&Sku>,
    ) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::from_iter(sku.cloned());
        skus.extend(self.load_mapping(account, named.clone()).await?);
        match named {
            Named::Listing(listing) => {
                skus.extend(self.load_listing(account, listing).await?);
                let at = (account.clone(), listing.clone());
                let written = self.book.listings.get(&at);
                let written = written.and_then(|known| known.channel_sku.clone());
                if let Some(named) = Named::by_channel_sku(written.as_deref()) {
                    skus.extend(written.and_then(|sku| sku.parse().ok()));
                    skus.extend(self.load_mapping(account, named).await?);
                }
            }
            Named::ChannelSku(written) => {
                skus.insert(written.clone());
            }
        }
        self.load_unmapped().await?;
        Ok(skus)
    }
}
