//! SKUs of variations, read from the catalog and kept for a while.
//!
//! A line of an order names a variation and no SKU. What was read is kept for ten minutes, so that a
//! poll does not ask for the same SKUs again and a renamed one is seen soon; a pull of all listings
//! refreshes it on the way. The memory is bounded: when it is full it is emptied, and what is still
//! needed is simply asked for again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use channel::ChannelError;
use domain::Time;

use super::{
    api::{Api, OBJECTS_PER_READ_MAX},
    map::{SkuOf, given},
    wire,
};

/// How long a SKU is believed.
const FRESH: Duration = Duration::from_secs(600);
/// How many are kept; some hundred bytes each.
const KEPT_MAX: usize = 20_000;

/// What is known.
#[derive(Default)]
pub(super) struct Skus {
    kept: Mutex<BTreeMap<String, Kept>>,
}

struct Kept {
    sku: Option<String>,
    at: Time,
}

impl Skus {
    /// The SKU of every variation that these orders name; those that the catalog does not know have
    /// none.
    pub(super) async fn of_orders(
        &self,
        api: &Api,
        orders: &[wire::Order],
    ) -> Result<SkuOf, ChannelError> {
        let wanted: BTreeSet<&str> = orders
            .iter()
            .flat_map(|order| &order.line_items)
            .filter_map(|line| given(line.catalog_object_id.as_deref()))
            .collect();
        let now = api.port().http.now();
        let mut known = SkuOf::new();
        let mut unknown = Vec::new();
        for id in wanted {
            match self.recall(id, now) {
                Some(sku) => {
                    known.insert(id.to_owned(), sku);
                }
                None => unknown.push(id),
            }
        }
        for ids in unknown.chunks(OBJECTS_PER_READ_MAX) {
            for object in api.objects(ids).await?.objects {
                let Ok(object) = serde_json::from_value::<wire::Object>(object) else {
                    continue;
                };
                let form = object.item_variation_data.unwrap_or_default();
                let sku = given(form.sku.as_deref()).map(str::to_owned);
                self.keep(&object.id, sku.clone(), now);
                known.insert(object.id, sku);
            }
            for id in ids {
                if !known.contains_key(*id) {
                    self.keep(id, None, now);
                }
            }
        }
        Ok(known)
    }

    fn recall(&self, id: &str, now: Time) -> Option<Option<String>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(id).filter(|kept| now.since(kept.at) < FRESH)?;
        Some(kept.sku.clone())
    }

    /// Keeps what was just read.
    pub(super) fn keep(&self, id: &str, sku: Option<String>, at: Time) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(id) {
            kept.clear();
        }
        kept.insert(id.to_owned(), Kept { sku, at });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_grows_stale() {
        let skus = Skus::default();
        let at = Time::from_seconds(1_800_000_000);
        for number in 0..KEPT_MAX + 5 {
            skus.keep(&format!("V{number}"), Some("A".to_owned()), at);
        }
        assert_eq!(skus.kept.lock().expect("no panic").len(), 5);
        let last = format!("V{}", KEPT_MAX + 4);
        assert_eq!(skus.recall(&last, at), Some(Some("A".to_owned())));
        assert_eq!(skus.recall(&last, at.plus(FRESH)), None);
        assert_eq!(skus.recall("V0", at), None);
    }
}
