//! Reading orders: by the time of their last change, and by id.
//!
//! Whole orders are asked for and not the short entries that Square offers instead: an entry costs a
//! second call per hundred orders, and a page of whole orders is one answer that is consistent in
//! itself. One order that cannot be read spoils no other.

use async_trait::async_trait;
use channel::{ChannelError, Malformed, OrderReading, OrderWindow, Page, PullOrders};
use domain::{ExternalId, snapshot::OrderSnapshot};
use serde_json::Value;

use super::{Square, api::ORDERS_PER_READ_MAX, map, wire};

#[async_trait]
impl PullOrders for Square {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let page = window.page.as_deref();
        let found = self
            .api
            .search_orders(&self.location, window.changed_since, page)
            .await?;
        let next = next_page(found.cursor, page);
        let mut items = Vec::new();
        let mut malformed = Vec::new();
        for read in self.snapshots(found.orders).await? {
            match read {
                Ok(order) => items.push(order),
                Err(bad) => malformed.push(bad),
            }
        }
        Ok(Page {
            items,
            malformed,
            next,
        })
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        let mut readings = Vec::new();
        for chunk in ids.chunks(ORDERS_PER_READ_MAX) {
            let asked: Vec<&str> = chunk.iter().map(ExternalId::as_str).collect();
            let found = self.api.orders(&asked).await?;
            let mut read = self.snapshots(found.orders).await?;
            for id in chunk {
                let place = read.iter().position(|reading| match reading {
                    Ok(order) => order.external_id == *id,
                    Err(bad) => bad.external_id.as_deref() == Some(id.as_str()),
                });
                let reading = match place.map(|place| read.swap_remove(place)) {
                    Some(Ok(order)) => OrderReading::Found(Box::new(order)),
                    Some(Err(bad)) => OrderReading::Malformed(bad),
                    None => OrderReading::Gone,
                };
                readings.push((id.clone(), reading));
            }
        }
        Ok(readings)
    }
}

impl Square {
    /// Every order of an answer, read or refused one by one.
    async fn snapshots(
        &self,
        orders: Vec<Value>,
    ) -> Result<Vec<Result<OrderSnapshot, Malformed>>, ChannelError> {
        let mut read = Vec::new();
        let mut refused = Vec::new();
        for order in orders {
            match wire_order(&order) {
                Ok(wire) => read.push((wire, order)),
                Err(reason) => refused.push(Err(malformed(&order, reason))),
            }
        }
        let (orders, raw): (Vec<wire::Order>, Vec<Value>) = read.into_iter().unzip();
        let skus = self.skus.of_orders(&self.api, &orders).await?;
        let snapshots = orders
            .iter()
            .zip(&raw)
            .map(|(order, raw)| map::order(order, &skus).map_err(|reason| malformed(raw, reason)));
        Ok(snapshots.chain(refused).collect())
    }
}

fn wire_order(order: &Value) -> Result<wire::Order, String> {
    serde::Deserialize::deserialize(order).map_err(|error: serde_json::Error| error.to_string())
}

/// The next page, unless Square sends us in a circle.
pub(super) fn next_page(cursor: Option<String>, page: Option<&str>) -> Option<String> {
    cursor.filter(|cursor| !cursor.is_empty() && Some(cursor.as_str()) != page)
}

/// Something that could not be read, with as much of its name as there is.
pub(super) fn malformed(raw: &Value, reason: String) -> Malformed {
    Malformed {
        external_id: raw.get("id").and_then(Value::as_str).map(str::to_owned),
        reason,
        raw: raw.to_string(),
    }
}
