//! Reading orders: pages of those that changed, and single ones by id.
//!
//! Both ways end in the same view: what a list leaves out (the parcels of a line that has left in
//! part, the reason of an open cancellation) is fetched for either, so that two readings of one
//! version never differ.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use channel::{ChannelError, ErrorKind, Malformed, OrderReading, OrderWindow, Page, PullOrders};
use domain::{ExternalId, snapshot::OrderSnapshot};
use serde_json::Value;

use crate::ebay::{
    Ebay,
    api::{self, ORDERS_PER_PAGE, ORDERS_PER_READ},
    map, wire,
};

/// The next page begins so many orders before the end of this one: an order that changes while we
/// read moves to the end of the list and pulls the others back over the edge.
const PAGE_OVERLAP: u32 = 10;
/// No window is read further than this; a narrower one follows from the newest order read.
const OFFSET_MAX: u32 = 200_000;
/// eBay keeps orders for two years and refuses older dates; a day is left for clocks and leap years.
const HISTORY: Duration = Duration::from_secs(729 * 24 * 3600);

#[async_trait]
impl PullOrders for Ebay {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let offset = match &window.page {
            Some(page) => page
                .parse::<u32>()
                .map_err(|_| ChannelError::malformed("read orders", "the page is no number"))?,
            None => 0,
        };
        // A date in the future is refused as well.
        let now = self.api.now();
        let since = window.changed_since.min(now).max(now.minus(HISTORY));
        let answer = self.api.orders(since, offset).await?;
        let mut page = Page {
            items: Vec::new(),
            malformed: Vec::new(),
            next: next_page(offset, answer.next.as_deref()),
        };
        for value in answer.orders {
            match self.snapshot(value).await? {
                Ok(order) => page.items.push(order),
                Err(malformed) => page.malformed.push(malformed),
            }
        }
        Ok(page)
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        let mut readings = Vec::new();
        let (good, bad): (Vec<&ExternalId>, Vec<&ExternalId>) =
            ids.iter().partition(|id| api::is_id(id.as_str()));
        readings.extend(bad.into_iter().map(|id| (id.clone(), OrderReading::Gone)));
        for chunk in good.chunks(ORDERS_PER_READ) {
            let mut found = self.read_chunk(chunk).await?;
            for id in chunk {
                let reading = match found.remove(id.as_str()) {
                    Some(value) => self.reading(value).await?,
                    // A list that leaves an order out proves nothing.
                    None => match self.api.order(id.as_str()).await {
                        Ok(value) => self.reading(value).await?,
                        Err(error) if error.kind == ErrorKind::Gone => OrderReading::Gone,
                        Err(error) => return Err(error),
                    },
                };
                readings.push(((*id).clone(), reading));
            }
        }
        Ok(readings)
    }
}

/// Where the next page begins, as text; nothing when there is none or the link does not lead on.
fn next_page(offset: u32, link: Option<&str>) -> Option<String> {
    let linked = api::offset_of(link)?;
    // Near the beginning of a short page there is no room to step back.
    let back = if linked.saturating_sub(offset) >= ORDERS_PER_PAGE {
        PAGE_OVERLAP
    } else {
        0
    };
    let next = linked.saturating_sub(back);
    (next > offset && next <= OFFSET_MAX).then(|| next.to_string())
}

impl Ebay {
    /// Orders by id, as far as the list gives them. One bad id makes eBay refuse them all; then each
    /// is asked for alone.
    async fn read_chunk(
        &self,
        ids: &[&ExternalId],
    ) -> Result<BTreeMap<String, Value>, ChannelError> {
        let texts: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        let answer = match self.api.orders_by_id(&texts).await {
            Ok(answer) => answer,
            Err(error) => {
                return match &error.kind {
                    ErrorKind::Rejected { .. } | ErrorKind::Gone => Ok(BTreeMap::new()),
                    ErrorKind::Retry { .. }
                    | ErrorKind::Throttled { .. }
                    | ErrorKind::Unauthorized { .. }
                    | ErrorKind::Ambiguous { .. }
                    | ErrorKind::Malformed { .. } => Err(error),
                };
            }
        };
        Ok(answer
            .orders
            .into_iter()
            .filter_map(|order| Some((order_id(&order)?, order)))
            .collect())
    }

    async fn reading(&self, value: Value) -> Result<OrderReading, ChannelError> {
        Ok(match self.snapshot(value).await? {
            Ok(order) => OrderReading::Found(Box::new(order)),
            Err(malformed) => OrderReading::Malformed(malformed),
        })
    }

    /// Our view of an order, after fetching what a list leaves out.
    async fn snapshot(
        &self,
        value: Value,
    ) -> Result<Result<OrderSnapshot, Malformed>, ChannelError> {
        let mut order = match serde_json::from_value::<wire::Order>(value.clone()) {
            Ok(order) => order,
            Err(error) => return Ok(Err(malformed(&value, error.to_string()))),
        };
        let id = order.order_id.0.clone();
        if !api::is_id(&id) {
            return Ok(Err(malformed(
                &value,
                "the order has no usable id".to_owned(),
            )));
        }
        if map::is_cancellation_open(&order) && order.cancel_status.cancel_requests.is_empty() {
            match self.api.order(&id).await {
                Ok(single) => match serde_json::from_value::<wire::Order>(single) {
                    Ok(single) => order = single,
                    Err(error) => return Ok(Err(malformed(&value, error.to_string()))),
                },
                // It went away in this moment; the list's view is the last one.
                Err(error) if error.kind == ErrorKind::Gone => {}
                Err(error) => return Err(error),
            }
        }
        let parcels = if map::needs_parcels(&order) {
            match self.api.parcels(&id).await {
                Ok(parcels) => parcels,
                Err(error) if error.kind == ErrorKind::Gone => {
                    return Ok(Err(malformed(&value, "its parcels are gone".to_owned())));
                }
                Err(error) => return Err(error),
            }
        } else {
            Vec::new()
        };
        Ok(map::order(&order, &parcels).map_err(|reason| malformed(&value, reason)))
    }

    /// One order as eBay writes it, for what is done to it next.
    pub(super) async fn wire_order(
        &self,
        operation: &'static str,
        id: &ExternalId,
    ) -> Result<wire::Order, ChannelError> {
        if !api::is_id(id.as_str()) {
            return Err(ChannelError::new(operation, ErrorKind::Gone));
        }
        let value = self.api.order(id.as_str()).await?;
        serde_json::from_value(value)
            .map_err(|error| ChannelError::malformed(operation, error.to_string()))
    }
}

fn order_id(order: &Value) -> Option<String> {
    order.get("orderId")?.as_str().map(str::to_owned)
}

fn malformed(value: &Value, reason: String) -> Malformed {
    Malformed {
        external_id: order_id(value),
        reason,
        raw: value.to_string(),
    }
}
