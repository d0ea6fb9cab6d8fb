//! Reading orders: by their time of change, and by their ids.
//!
//! A poll asks which orders changed, which is cheap, and then for those that it has not handed out
//! yet as they are now, because a whole order is dear and polls look far back. An order comes with
//! the first page of each of its lists; the rest is fetched before it is mapped, so that a snapshot
//! is always a whole one.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

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
/// Orders that are looked over in a call.
const HEADS: usize = 50;
/// Orders that are read in a call; it may cost 1000 points, and how much one costs is not published.
const PAGE: usize = 10;
/// `fulfillments` and `refunds` are lists without cursor; one of this length may have been cut. First
/// pages are small, because a call must be affordable at its largest, and most orders are smaller.
const CUT: usize = 5;
/// Changes carry whole seconds, so an order may change again within the second of its last change.
/// Once the shop's own clock is so far past it, it cannot.
const SETTLED: Duration = Duration::from_secs(5);
/// More orders than any overlap holds; beyond it everything is handed out again.
const MEMORY_MAX: usize = 50_000;

pub(super) const ORDERS: &str = include_str!("queries/orders.graphql");
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

/// What polls have handed out, so that what did not change since is not read again.
///
/// It rather forgets than passes over: an order is left out only when whoever polls says that it has
/// taken in what it was handed.
#[derive(Default)]
pub(super) struct Memory(Mutex<BTreeMap<String, HandedOut>>);

struct HandedOut {
    changed_at: Time,
    /// Whether it could not change any more within the second of `changed_at` when it was read.
    is_settled: bool,
    is_kept: bool,
}

impl Memory {
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<String, HandedOut>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new window begins: what the one before handed out was taken in, or was not.
    fn begin(&self, is_last_kept: bool) {
        self.with(|orders| {
            if is_last_kept && orders.len() < MEMORY_MAX {
                orders.values_mut().for_each(|known| known.is_kept = true);
            } else {
                orders.clear();
            }
        });
    }

    fn has(&self, head: &Head) -> bool {
        self.with(|orders| {
            orders.get(&head.id).is_some_and(|known| {
                known.is_kept && known.is_settled && known.changed_at == head.changed_at
            })
        })
    }

    fn keep(&self, order: &OrderSnapshot, shop_time: Time) {
        let changed_at = order.version.changed_at;
        let handed_out = HandedOut {
            changed_at,
            is_settled: shop_time >= changed_at.plus(SETTLED),
            is_kept: false,
        };
        let id = order.external_id.as_str().to_owned();
        self.with(|orders| orders.insert(id, handed_out));
    }

    /// Forgets what no later window reaches.
    fn prune(&self) {
        let reach = Duration::from_secs(super::DESCRIPTOR.poll_overlap_s.into()) * 2;
        self.with(|orders| {
            let newest = orders.values().map(|known| known.changed_at).max();
            let oldest = newest.unwrap_or(Time::EPOCH).minus(reach);
            orders.retain(|_, known| known.changed_at >= oldest);
        });
    }
}

fn is_throttled(error: &ChannelError) -> bool {
    matches!(error.kind, ErrorKind::Throttled { .. })
}

/// What a poll finds out about an order first.
struct Head {
    id: String,
    changed_at: Time,
}

/// A part of a page: what must be read, and where the next part begins.
struct Part {
    ids: Vec<ExternalId>,
    malformed: Vec<Malformed>,
    /// The shop's clock: what it said, or at least the newest change that it told.
    shop_time: Time,
    next: Option<String>,
}

#[async_trait]
impl PullOrders for Shopify {
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError> {
        if window.page.is_none() {
            self.memory.begin(window.is_last_kept);
        }
        let part = self.part(window).await?;
        let mut page = Page {
            items: Vec::with_capacity(part.ids.len()),
            malformed: part.malformed,
            next: part.next,
        };
        let (readings, stopped) = self.read_by_id(&part.ids).await;
        // A page is handed out whole, or the poll would pass over what it lacks.
        stopped?;
        for (_, reading) in readings {
            match reading {
                OrderReading::Found(order) => {
                    self.memory.keep(&order, part.shop_time);
                    page.items.push(*order);
                }
                OrderReading::Malformed(malformed) => page.malformed.push(malformed),
                // Deleted since it was found; whoever knew it reads it again by its id.
                OrderReading::Gone => {}
            }
        }
        if page.next.is_none() {
            self.memory.prune();
        }
        Ok(page)
    }

    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError> {
        let (readings, stopped) = self.read_by_id(ids).await;
        match stopped {
            // To begin anew would spend what the shop restores meanwhile, and never come to the end.
            Err(error) if readings.is_empty() || !is_throttled(&error) => Err(error),
            Ok(()) | Err(_) => Ok(readings),
        }
    }
}

impl Shopify {
    /// The next few orders of a window that must be read.
    async fn part(&self, window: &OrderWindow) -> Result<Part, ChannelError> {
        // Orders change at whole seconds there.
        let since = Time::from_seconds(window.changed_since.seconds());
        let found: Reply<wire::OrdersPage> = self
            .api
            .try_call(Call {
                operation: OPERATION,
                effect: Effect::None,
                document: ORDERS,
                variables: json!({
                    "first": HEADS,
                    "after": window.page,
                    "query": format!("updated_at:>='{since}'"),
                }),
            })
            .await?;
        let wire::Edges { page_info, edges } = found.data.orders;
        let mut part = Part {
            ids: Vec::new(),
            malformed: Vec::new(),
            shop_time: found.date.unwrap_or(Time::EPOCH),
            next: page_info.next(),
        };
        let heads: Vec<_> = edges
            .into_iter()
            .map(|edge| (edge.cursor, head(&edge.node)))
            .collect();
        for (_, head) in &heads {
            if let Ok(head) = head {
                part.shop_time = part.shop_time.max(head.changed_at);
            }
        }
        let mut end = None;
        for (cursor, head) in heads {
            let is_full = part.ids.len() + part.malformed.len() >= PAGE;
            match head {
                Ok(head) if self.memory.has(&head) => {}
                Ok(_) | Err(_) if is_full => {
                    part.next = end;
                    break;
                }
                Ok(head) => part.ids.push(ExternalId::new(head.id)),
                Err(malformed) => part.malformed.push(malformed),
            }
            end = Some(cursor);
        }
        // A page that ends where it began would be read for ever.
        part.next = part.next.filter(|next| Some(next) != window.page.as_ref());
        Ok(part)
    }

    /// What was read, and what stopped it before the end.
    async fn read_by_id(
        &self,
        ids: &[ExternalId],
    ) -> (Vec<(ExternalId, OrderReading)>, Result<(), ChannelError>) {
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
        let stopped = self.read_chunks(waiting, &mut readings).await;
        (readings, stopped)
    }

    async fn read_chunks(
        &self,
        mut waiting: Vec<&ExternalId>,
        readings: &mut Vec<(ExternalId, OrderReading)>,
    ) -> Result<(), ChannelError> {
        let mut size = self.page_size.get();
        while !waiting.is_empty() {
            let chunk = waiting[..size.min(waiting.len())].to_vec();
            match self.nodes(&chunk).await {
                Ok(reply) => {
                    waiting.drain(..chunk.len());
                    self.read_nodes(&chunk, reply, readings).await?;
                }
                Err(Failure::TooCostly(error)) => {
                    size = self.page_size.shrink(size).ok_or(error)?;
                }
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(())
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

fn head(node: &Value) -> Result<Head, Malformed> {
    let malformed = |reason: String| Malformed {
        external_id: node["legacyResourceId"].as_str().map(str::to_owned),
        reason,
        raw: node.to_string(),
    };
    let head = <wire::Head as serde::Deserialize>::deserialize(node)
        .map_err(|error| malformed(error.to_string()))?;
    let changed_at =
        Time::parse_utc(&head.updated_at).map_err(|error| malformed(error.to_string()))?;
    Ok(Head {
        id: head.legacy_resource_id,
        changed_at,
    })
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
