//! Reading orders: by their time of change, and by their ids.
//!
//! An order comes with the first page of each of its lists; the rest is fetched before it is mapped,
//! so that a snapshot is always a whole one.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use channel::{
    ChannelError, ErrorKind, Malformed, OrderReading, OrderWindow, Page, PullOrders, http::Effect,
};
use domain::{ExternalId, Time, snapshot::OrderSnapshot};
use serde_json::{Value, json};

use super::{
    Shopify,
    api::{self, Call, Failure, Reply, gid, is_number, read_as},
    map, wire,
};

const OPERATION: &str = "read orders";
/// Orders in a call; a call may cost 1000 points, and how much a page costs is not published.
const PAGE: usize = 10;
/// `fulfillments` and `refunds` are lists without cursor; one of this length may have been cut.
const CUT: usize = 10;

pub(super) const ORDERS: &str = concat!(
    include_str!("queries/orders.graphql"),
    include_str!("queries/fields_of_order.graphql"),
    include_str!("queries/fields_of_line.graphql"),
    include_str!("queries/fields_of_fulfillment.graphql"),
    include_str!("queries/fields_of_refund.graphql"),
);
pub(super) const ORDERS_BY_ID: &str = concat!(
    include_str!("queries/orders_by_id.graphql"),
    include_str!("queries/fields_of_order.graphql"),
    include_str!("queries/fields_of_line.graphql"),
    include_str!("queries/fields_of_fulfillment.graphql"),
    include_str!("queries/fields_of_refund.graphql"),
);

/// How many orders this shop gives in a call: halved whenever it finds that too costly.
pub(super) struct PageSize(AtomicUsize);

impl PageSize {
    pub(super) fn new() -> PageSize {
        PageSize(AtomicUsize::new(PAGE))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A smaller size than the one that was too costly; nothing when one order is.
    fn shrink(&self, from: usize) -> Option<usize> {
        let smaller = from / 2;
        self.0.fetch_min(smaller.max(1), Ordering::Relaxed);
        (smaller > 0).then_some(smaller)
    }
}

#[async_trait]
impl PullOrders for Shopify {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        let reply = self.page_of_orders(window).await?;
        let wire::Connection { page_info, nodes } = reply.data.orders;
        let mut page = Page {
            items: Vec::with_capacity(nodes.len()),
            malformed: Vec::new(),
            // A page that ends where it began would be read for ever.
            next: page_info
                .next()
                .filter(|next| Some(next) != window.page.as_ref()),
        };
        for (index, node) in nodes.into_iter().enumerate() {
            match self.order(node, reply.broken.get(&index)).await? {
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
        let mut readings = Vec::with_capacity(ids.len());
        let mut waiting: Vec<&ExternalId> = Vec::with_capacity(ids.len());
        for id in ids {
            if is_number(id.as_str()) {
                waiting.push(id);
            } else {
                // No order of this channel ever had such an id.
                readings.push((id.clone(), OrderReading::Gone));
            }
        }
        let mut size = self.page_size.get();
        while !waiting.is_empty() {
            let chunk = waiting[..size.min(waiting.len())].to_vec();
            match self.nodes(&chunk).await {
                Ok(reply) => {
                    waiting.drain(..chunk.len());
                    self.read_nodes(&chunk, reply, &mut readings).await?;
                }
                Err(Failure::TooCostly(error)) => {
                    size = self.page_size.shrink(size).ok_or(error)?;
                }
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(readings)
    }
}

impl Shopify {
    async fn page_of_orders(
        &self,
        window: &OrderWindow,
    ) -> Result<Reply<wire::OrdersPage>, ChannelError> {
        let mut size = self.page_size.get();
        // Orders change at whole seconds there.
        let since = Time::from_seconds(window.changed_since.seconds());
        loop {
            let call = Call {
                operation: OPERATION,
                effect: Effect::None,
                document: ORDERS,
                variables: json!({
                    "first": size,
                    "after": window.page,
                    "query": format!("updated_at:>='{since}'"),
                }),
            };
            match self.api.try_call(call).await {
                Err(Failure::TooCostly(error)) => {
                    size = self.page_size.shrink(size).ok_or(error)?;
                }
                other => return Ok(other?),
            }
        }
    }

    async fn nodes(&self, ids: &[&ExternalId]) -> Result<Reply<wire::Nodes>, Failure> {
        let ids: Vec<String> = ids.iter().map(|id| gid("Order", id.as_str())).collect();
        self.api
            .try_call(Call {
                operation: OPERATION,
                effect: Effect::None,
                document: ORDERS_BY_ID,
                variables: json!({ "ids": ids }),
            })
            .await
    }

    /// The answer has one element for each id, in their order.
    async fn read_nodes(
        &self,
        ids: &[&ExternalId],
        reply: Reply<wire::Nodes>,
        readings: &mut Vec<(ExternalId, OrderReading)>,
    ) -> Result<(), ChannelError> {
        if reply.data.nodes.len() != ids.len() {
            return Err(ChannelError::malformed(
                OPERATION,
                format!(
                    "{} ids were asked for and {} answered",
                    ids.len(),
                    reply.data.nodes.len()
                ),
            ));
        }
        for (index, (id, node)) in ids.iter().zip(reply.data.nodes).enumerate() {
            let broken = reply.broken.get(&index);
            let reading = if node.is_null() && broken.is_none() {
                OrderReading::Gone
            } else {
                match self.order(node, broken).await? {
                    Ok(order) => OrderReading::Found(Box::new(order)),
                    Err(malformed) => OrderReading::Malformed(malformed),
                }
            };
            readings.push(((*id).clone(), reading));
        }
        Ok(())
    }

    /// One order with all of its lists. What is wrong with the order itself is the inner error; the
    /// outer one is a call that failed, which says nothing about the order.
    async fn order(
        &self,
        node: Value,
        broken: Option<&String>,
    ) -> Result<Result<OrderSnapshot, Malformed>, ChannelError> {
        let malformed = |reason: String| Malformed {
            external_id: node["legacyResourceId"].as_str().map(str::to_owned),
            reason,
            raw: node.to_string(),
        };
        if let Some(reason) = broken {
            return Ok(Err(malformed(reason.clone())));
        }
        let mut order = match serde_json::from_value::<wire::Order>(node.clone()) {
            Ok(order) => order,
            Err(error) => return Ok(Err(malformed(error.to_string()))),
        };
        if let Err(error) = self.complete(&mut order).await {
            return match error.kind {
                ErrorKind::Malformed { reason } => Ok(Err(malformed(reason))),
                ErrorKind::Gone => Ok(Err(malformed("it vanished while it was read".to_owned()))),
                kind => Err(ChannelError::new(OPERATION, kind)),
            };
        }
        Ok(map::order(&order, &self.location).map_err(|error| malformed(error.to_string())))
    }

    async fn complete(&self, order: &mut wire::Order) -> Result<(), ChannelError> {
        let id = order.id.clone();
        self.api
            .rest(OPERATION, &id, "orderLines", &mut order.line_items)
            .await?;
        self.api
            .rest(
                OPERATION,
                &id,
                "fulfillmentOrders",
                &mut order.fulfillment_orders,
            )
            .await?;
        if order.fulfillments.len() >= CUT {
            let whole = self
                .api
                .rest_of(OPERATION, &id, "fulfillments", None)
                .await?;
            order.fulfillments = read_as(OPERATION, whole)?;
        }
        if order.refunds.len() >= CUT {
            let whole = self.api.rest_of(OPERATION, &id, "refunds", None).await?;
            order.refunds = read_as(OPERATION, whole)?;
        }
        complete_fulfillments(
            &self.api,
            OPERATION,
            &mut order.fulfillment_orders.nodes,
            &mut order.fulfillments,
        )
        .await?;
        for refund in &mut order.refunds {
            let lines = &mut refund.refund_line_items;
            self.api
                .rest(OPERATION, &refund.id, "refundLines", lines)
                .await?;
        }
        Ok(())
    }
}

/// Fetches the lines that did not fit into the first pages.
pub(super) async fn complete_fulfillments(
    api: &api::Api,
    operation: &'static str,
    open: &mut [wire::FulfillmentOrder],
    made: &mut [wire::Fulfillment],
) -> Result<(), ChannelError> {
    for part in open {
        let lines = &mut part.line_items;
        api.rest(operation, &part.id, "fulfillmentOrderLines", lines)
            .await?;
    }
    for fulfillment in made {
        let lines = &mut fulfillment.fulfillment_line_items;
        api.rest(operation, &fulfillment.id, "fulfillmentLines", lines)
            .await?;
    }
    Ok(())
}
