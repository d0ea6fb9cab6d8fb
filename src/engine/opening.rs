//! Opening stock: the first count of items, taken over from what one account shows.
//!
//! It is taken from the account that the configuration names at every poll, or from one that a person
//! names, once. Only items that were never counted are touched, and only those whose level stays the
//! same while the account's orders are read.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Decimal, ListingId, Quantity, Sku, Time,
    offer::{Offer, Suppression, Taken},
    signal::{OpeningLevel, Signal},
    snapshot::LevelSnapshot,
    stock::Stock,
};
use serde::{Deserialize, Serialize};
use store::{Batch, Range, Seq, StoreError};
use tokio::sync::Notify;

use crate::{Engine, account::Account, reading::poll::PollError, rows};

/// How long a channel may take until a new order is in its lists.
const INDEX_LAG: Duration = Duration::from_secs(3);
/// How many levels are taken over in one decision.
const BATCH: usize = 50;
/// How often it is tried when a person asked: what is sold meanwhile does not stay the same.
const ROUNDS_MAX: u32 = 5;

/// From where opening stock was taken last because a person said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Which account.
    pub account: domain::AccountId,
    /// When.
    pub at: Time,
}

/// What is known to be sold of an item, and which rows say so: the same number may be another story.
#[derive(Clone, Copy, PartialEq, Eq)]
struct KnownSales {
    units: Quantity,
    versions: [Option<Seq>; 2],
}

impl Engine {
    /// Takes over opening stock if this is the account that the configuration names.
    pub(crate) async fn take_configured_opening(&self, account: &Account) -> Result<(), PollError> {
        if self.opening.as_ref() == Some(&account.id) {
            self.take_opening_stock(account).await?;
        }
        Ok(())
    }

    /// Takes over opening stock because a person said so, and notes from where.
    pub(crate) async fn take_named_opening(&self, account: &Account) -> Result<(), PollError> {
        let source = Source {
            account: account.id.clone(),
            at: self.ports.clock.now(),
        };
        let row = (rows::ADOPTION, rows::key(&[SOURCE]), rows::encode(&source));
        let batch = Batch {
            puts: vec![row],
            ..Batch::default()
        };
        self.store.commit(batch).await?;
        for _ in 0..ROUNDS_MAX {
            let is_left = self.take_opening_stock(account).await?;
            if !is_left || self.is_stopping() {
                break;
            }
        }
        Ok(())
    }

    /// From where a person took opening stock last.
    pub async fn opening_source(&self) -> Result<Option<Source>, StoreError> {
        let row = self
            .store
            .get(rows::ADOPTION, &rows::key(&[SOURCE]))
            .await?;
        row.map(|row| rows::decode(rows::ADOPTION, &row.value))
            .transpose()
    }

    /// Takes over items whose level stays the same while the account's orders are read and tell nothing
    /// new, so that no sale, and no sale with its cancellation, falls between the two. Says whether
    /// another try may bring more.
    async fn take_opening_stock(&self, account: &Account) -> Result<bool, PollError> {
        let waiting = self.uncounted_listings(account).await?;
        let uncounted: Vec<ListingId> = waiting.keys().cloned().collect();
        let Some(stock) = account.channel.read_stock() else {
            return Ok(false);
        };
        if uncounted.is_empty() {
            return Ok(false);
        }
        let known = self.known_sales(account, &waiting).await?;
        let before = self.read_levels(account, stock, &uncounted).await?;
        let later = self.ports.clock.now().plus(INDEX_LAG);
        if !self.wait(later, &Notify::new()).await {
            return Ok(false);
        }
        self.poll_orders(account).await?;
        // A sale that came to light may be canceled already, and the level be what it was before both.
        let mut sold = self.known_sales(account, &waiting).await?;
        sold.retain(|listing, sold| known.get(listing) == Some(sold));
        let after = self.read_levels(account, stock, &uncounted).await?;
        let is_stable = |level: &LevelSnapshot| {
            before
                .iter()
                .any(|b| b.listing == level.listing && b.level == level.level)
        };
        let all = after.len();
        let stable: Vec<_> = after
            .into_iter()
            .filter(is_stable)
            .filter_map(|level| {
                let sold = sold.get(&level.listing)?.units;
                level.level.map(|shown| OpeningLevel {
                    listing: level.listing,
                    shown,
                    sold,
                })
            })
            .collect();
        let is_left = stable.len() < all;
        for chunk in agreeing(stable, &waiting).chunks(BATCH) {
            let (account, levels) = (account.id.clone(), chunk.to_vec());
            self.decide(Signal::Opening { account, levels }).await?;
        }
        Ok(is_left)
    }

    /// What is known to be sold of each listing.
    async fn known_sales(
        &self,
        account: &Account,
        listings: &BTreeMap<ListingId, Sku>,
    ) -> Result<BTreeMap<ListingId, KnownSales>, StoreError> {
        let mut sales = BTreeMap::new();
        for (listing, sku) in listings {
            let taken_key = rows::key(&[account.id.as_str(), sku.as_str()]);
            let taken = self.store.get(rows::TAKEN, &taken_key).await?;
            let stock_key = rows::key(&[sku.as_str()]);
            let stock = self.store.get(rows::STOCK, &stock_key).await?;
            let versions = [&taken, &stock].map(|row| row.as_ref().map(|row| row.version));
            let taken = match taken {
                Some(row) => rows::decode(rows::TAKEN, &row.value)?,
                None => Taken::default(),
            };
            let stock = match stock {
                Some(row) => Some(rows::decode::<Stock>(rows::STOCK, &row.value)?),
                None => None,
            };
            let units = domain::offer::known_sales(taken, stock.as_ref());
            sales.insert(listing.clone(), KnownSales { units, versions });
        }
        Ok(sales)
    }

    pub(crate) async fn uncounted_listings(
        &self,
        account: &Account,
    ) -> Result<BTreeMap<ListingId, Sku>, StoreError> {
        let mut uncounted = BTreeMap::new();
        let mut after = None;
        loop {
            let range = Range {
                prefix: rows::prefix(&[account.id.as_str()]),
                after,
            };
            let page = self
                .store
                .scan(rows::OFFERS, range, store::SCAN_LIMIT_MAX)
                .await?;
            for (_, row) in &page {
                let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
                if offer.suppressed == Some(Suppression::Uncounted) {
                    uncounted.insert(offer.listing, offer.sku);
                }
            }
            match page.last() {
                Some((last, _)) if page.len() == store::SCAN_LIMIT_MAX => {
                    after = Some(last.clone())
                }
                Some(_) | None => return Ok(uncounted),
            }
        }
    }
}

/// Without the listings of an item that is listed twice with different levels: nobody can say which of
/// them counts.
fn agreeing(levels: Vec<OpeningLevel>, skus: &BTreeMap<ListingId, Sku>) -> Vec<OpeningLevel> {
    let mut shown: BTreeMap<&Sku, Vec<Decimal>> = BTreeMap::new();
    for level in &levels {
        if let Some(sku) = skus.get(&level.listing) {
            shown.entry(sku).or_default().push(level.shown);
        }
    }
    let agrees = |level: &OpeningLevel| {
        let all = skus.get(&level.listing).and_then(|sku| shown.get(sku));
        all.is_some_and(|all| all.iter().all(|one| *one == level.shown))
    };
    let agreeing = levels.iter().filter(|level| agrees(level));
    agreeing.cloned().collect()
}

/// The key of the row that says from where opening stock was taken.
const SOURCE: &str = "opening";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_is_listed_twice_with_different_levels_is_not_counted_by_either() {
        let level = |listing: &str, shown: i64| OpeningLevel {
            listing: listing.into(),
            shown: Decimal::whole(shown),
            sold: Quantity::ZERO,
        };
        let sku = |text: &str| Sku::new(text).expect("a SKU");
        let skus = [
            ("1", "MUG"),
            ("2", "MUG"),
            ("3", "CUP"),
            ("4", "CUP"),
            ("5", "POT"),
        ];
        let skus: BTreeMap<ListingId, Sku> = skus.map(|(id, of)| (id.into(), sku(of))).into();
        let levels = vec![
            level("1", 3),
            level("2", 4),
            level("3", 7),
            level("4", 7),
            level("5", 0),
        ];
        let kept: Vec<String> = agreeing(levels, &skus)
            .iter()
            .map(|level| level.listing.to_string())
            .collect();
        assert_eq!(kept, ["3", "4", "5"]);
    }
}
