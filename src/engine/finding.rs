//! What an order is found by besides its ids: the number that people know, the items in it, the parcels in which it
//! left, and its tags. Each is a row of an index, of open orders and of old ones alike.
//!
//! Nothing of people is among it: they are found by keyed hashes, which go with them. Start at [`keys`].

use std::collections::BTreeSet;

use domain::order::Order;
use store::{Batch, Range, StoreError};

use crate::{
    Engine,
    rows::{self, key},
    views::Walk,
};

/// The longest word of the index, in characters: of a longer one only so much is compared.
const WORD_LENGTH_MAX: usize = 100;
/// How many orders are listed in one commit.
const LISTED_AT_ONCE: usize = 500;
/// Among so many of the oldest orders is one that has words, in a store that was listed.
const LOOKED_AT: usize = 100;

/// What a word of an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The number that people know, where it is not the channel's id.
    Number,
    /// The number of a parcel.
    Parcel,
    /// An item, something that it takes, or a SKU as the channel wrote it.
    Sku,
    /// A tag.
    Tag,
}

impl Kind {
    /// The word for it, as in keys.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Number => "number",
            Kind::Parcel => "parcel",
            Kind::Sku => "sku",
            Kind::Tag => "tag",
        }
    }
}

/// A text as it is compared: nobody types a number as it was written.
pub fn fold(text: &str) -> String {
    let text = text.trim().trim_start_matches('#');
    let said = text.chars().filter(|c| !c.is_whitespace());
    said.flat_map(char::to_lowercase)
        .take(WORD_LENGTH_MAX)
        .collect()
}

/// What an order is found by.
fn words(order: &Order) -> BTreeSet<(Kind, String)> {
    let mut words = BTreeSet::new();
    let number = fold(&order.number);
    if number != order.external_id.as_str() {
        words.insert((Kind::Number, number));
    }
    for line in &order.lines {
        let items = line.item.iter();
        let skus = items.flat_map(|item| item.bill.keys().chain([&item.sku]));
        words.extend(skus.map(|sku| (Kind::Sku, fold(sku.as_str()))));
        words.extend(line.channel_sku.iter().map(|sku| (Kind::Sku, fold(sku))));
    }
    let parcels = order.shipments.iter();
    let numbers = parcels.filter_map(|parcel| parcel.tracking_number.as_deref());
    words.extend(numbers.map(|number| (Kind::Parcel, fold(number))));
    words.extend(order.tags.iter().map(|tag| (Kind::Tag, fold(tag))));
    words.retain(|(_, word)| !word.is_empty());
    words
}

/// The rows of [`rows::ORDERS_BY_WORD`] of an order.
pub fn keys(order: &Order) -> BTreeSet<Vec<u8>> {
    let id = order.id.to_string();
    let words = words(order).into_iter();
    words
        .map(|(kind, word)| key(&[kind.word(), &word, &id]))
        .collect()
}

impl Engine {
    /// Lists what orders are found by, in a store that was written before there was this list. The oldest order is
    /// listed last, so one that is listed says that all are.
    pub(crate) async fn list_words(&self) -> Result<(), StoreError> {
        if self.has_words().await? {
            return Ok(());
        }
        tracing::info!("What orders are found by is listed, once.");
        let mut walk = Walk::new(self, rows::ORDERS, Vec::new(), None)
            .back()
            .unbounded();
        let mut is_over = false;
        while !is_over {
            let mut batch = Batch::default();
            for _ in 0..LISTED_AT_ONCE {
                let Some((_, row)) = walk.next().await? else {
                    is_over = true;
                    break;
                };
                let order: Order = rows::decode(rows::ORDERS, &row.value)?;
                let row = |key| (rows::ORDERS_BY_WORD, key, rows::encode(&()));
                batch.puts.extend(keys(&order).into_iter().map(row));
            }
            if !batch.puts.is_empty() {
                self.store.commit(batch).await?;
            }
        }
        Ok(())
    }

    /// Whether the first order that has words is listed. Where there is none, there is nothing to list.
    async fn has_words(&self) -> Result<bool, StoreError> {
        let oldest = self.store.scan(rows::ORDERS, Range::default(), LOOKED_AT);
        for (_, row) in oldest.await? {
            let order: Order = rows::decode(rows::ORDERS, &row.value)?;
            if let Some(first) = keys(&order).into_iter().next() {
                let listed = self.store.get(rows::ORDERS_BY_WORD, &first).await?;
                return Ok(listed.is_some());
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_another_way_is_the_same() {
        for (typed, meant) in [
            (" #1001 ", "1001"),
            ("##EU-7", "eu-7"),
            ("1Z 999 AA1 01", "1z999aa101"),
            ("ÄPFEL", "äpfel"),
            ("#", ""),
        ] {
            assert_eq!(fold(typed), meant, "{typed}");
        }
        let long = "9".repeat(1000);
        assert_eq!(fold(&long).len(), WORD_LENGTH_MAX);
    }
}
