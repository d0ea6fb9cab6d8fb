//! Reading what is offered: every variation of every item that is present at our location.

use async_trait::async_trait;
use channel::{ChannelError, Malformed, Page, PullListings};
use domain::snapshot::ListingSnapshot;
use serde_json::Value;

use super::{
    Square, map,
    orders::{malformed, next_page},
    wire,
};

#[async_trait]
impl PullListings for Square {
    async fn pull(&self, page: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError> {
        let found = self.api.items(page).await?;
        let now = self.api.port().http.now();
        let mut items = Vec::new();
        let mut refused = Vec::new();
        for object in &found.objects {
            for read in self.listings(object) {
                match read {
                    Ok(listing) => {
                        self.skus
                            .keep(listing.listing.as_str(), listing.sku.clone(), now);
                        items.push(listing);
                    }
                    Err(bad) => refused.push(bad),
                }
            }
        }
        Ok(Page {
            items,
            malformed: refused,
            next: next_page(found.cursor, page),
        })
    }
}

impl Square {
    /// The variations of one item, each read or refused on its own.
    fn listings(&self, object: &Value) -> Vec<Result<ListingSnapshot, Malformed>> {
        let item: wire::Object = match serde::Deserialize::deserialize(object) {
            Ok(item) => item,
            Err(error) => {
                let error: serde_json::Error = error;
                return vec![Err(malformed(object, error.to_string()))];
            }
        };
        if item.is_deleted == Some(true) || !map::is_present(&item, &self.location) {
            return Vec::new();
        }
        let Some(data) = &item.item_data else {
            return Vec::new();
        };
        let variations = data.variations.iter().map(|raw| {
            serde::Deserialize::deserialize(raw)
                .map_err(|error: serde_json::Error| error.to_string())
                .and_then(|variation| map::listing(data, &variation, &self.location))
                .map_err(|reason| malformed(raw, reason))
        });
        variations.filter_map(Result::transpose).collect()
    }
}
