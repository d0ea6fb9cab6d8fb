//! An order as it was at a time: folded from its facts, with what was promised to it then.
//!
//! Facts are never pruned with the journal, so this reaches back to when the order became known. Claims are
//! the sum of their changes until then. What is written over without a fact is not in it, and said so.

use std::collections::BTreeMap;

use domain::{
    Quantity, Sku, Time,
    book::{Book, ClaimKey},
    fact::Event,
    ids::OrderId,
    intent::{Intent, IntentState},
    order::Order,
    past::{Then, order_at},
    person::Person,
    stock::{Claim, ClaimChange, LocationId},
};

use super::{
    StoreError, Walk, due,
    orders::{LineView, Loaded, OrderDetail, intents_of, leaves_from},
    read,
};
use crate::{
    Engine,
    rows::{self, key, prefix},
};

/// How an order was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastOrder {
    /// So.
    Known(Box<OrderDetail>),
    /// There is no such order.
    NoOrder,
    /// It was not known then.
    Before {
        /// Since when it is.
        first_at: Time,
    },
}

/// What no fact tells.
const NOT_KEPT: &str = "Buyer, addresses, the channel's own words, what was owed, and what was to be done on the channel \
                        are known only as they are now, and are not in here.";

/// One order at a time that is not in the future.
pub async fn detail(engine: &Engine, id: OrderId, at: Time) -> Result<PastOrder, StoreError> {
    let now: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
    let Some(now) = now else {
        return Ok(PastOrder::NoOrder);
    };
    let facts = facts_of(engine, id).await?;
    let Some(Then { order, mut unknown }) = order_at(&now, &facts, at) else {
        let first_at = now.accepted_at;
        return Ok(PastOrder::Before { first_at });
    };
    unknown.push(NOT_KEPT.to_owned());
    let mut book = Book::default();
    for line in &order.lines {
        for sku in line.item.iter().flat_map(|item| item.bill.keys()) {
            let claim = claim_at(engine, &order, (line.number, sku), at).await?;
            let name = ClaimKey {
                sku: sku.clone(),
                order: id,
                line: line.number,
            };
            book.claims.insert(name, claim);
        }
    }
    let flags = due::flags(engine, &order, at);
    let loaded = Loaded { order, book, flags };
    let mut lines: Vec<LineView> = loaded.lines();
    for line in &mut lines {
        line.leaves_from = leaves_from(engine, &loaded.book, line.number).await?;
    }
    let intents = intents_then(engine, id, &facts, at).await?;
    let mut detail = loaded.detail(lines, Person::default(), &intents);
    detail.intents.clear();
    detail.as_of = Some(at);
    detail.unknown = unknown;
    detail.amounts = None;
    detail.words.clear();
    detail.changed_at = None;
    Ok(PastOrder::Known(Box::new(detail)))
}

/// What was wished on its channel, each as far as it was: for money that was given back.
async fn intents_then(
    engine: &Engine,
    id: OrderId,
    facts: &[(Time, Event)],
    at: Time,
) -> Result<Vec<Intent>, StoreError> {
    let mut intents = intents_of(engine, id).await?;
    for intent in &mut intents {
        intent.state = IntentState::Waiting;
        for (_, event) in facts.iter().take_while(|(when, _)| *when <= at) {
            match event {
                Event::IntentDone { intent: of, .. } if *of == intent.id => {
                    intent.state = IntentState::Done(None);
                }
                Event::IntentParked { intent: of, reason } if *of == intent.id => {
                    intent.state = IntentState::Parked(reason.clone());
                }
                Event::IntentDropped { intent: of, reason } if *of == intent.id => {
                    intent.state = IntentState::Dropped(reason.clone());
                }
                _ => {}
            }
        }
    }
    Ok(intents)
}

/// All facts of the timeline of an order.
pub(super) async fn facts_of(
    engine: &Engine,
    id: OrderId,
) -> Result<Vec<(Time, Event)>, StoreError> {
    let below = prefix(&[&id.to_string()]);
    let mut walk = Walk::new(engine, rows::TIMELINE, below, None).unbounded();
    let mut facts = Vec::new();
    while let Some((_, row)) = walk.next().await? {
        facts.extend(rows::events_of(engine.store.as_ref(), id, &row).await?);
    }
    Ok(facts)
}

/// What was promised to a line of an item: the sum of all changes from when the order became known until then.
async fn claim_at(
    engine: &Engine,
    order: &Order,
    (line, sku): (u32, &Sku),
    at: Time,
) -> Result<Claim, StoreError> {
    // Our ids begin with their time in milliseconds, in 12 hexadecimal digits.
    let first_ms = u64::try_from(order.accepted_at.millis()).unwrap_or(0);
    let after = key(&[sku.as_str(), &format!("clm_{first_ms:012x}")]);
    let below = prefix(&[sku.as_str()]);
    let mut walk = Walk::new(engine, rows::CLAIM_CHANGES, below, Some(after)).unbounded();
    let mut claimed = Quantity::ZERO;
    let mut places: BTreeMap<LocationId, Quantity> = BTreeMap::new();
    while let Some((_, row)) = walk.next().await? {
        let change: ClaimChange = rows::decode(rows::CLAIM_CHANGES, &row.value)?;
        if change.at > at {
            break;
        }
        if change.order != order.id || change.line != line {
            continue;
        }
        claimed = claimed.plus(change.delta);
        if let Some(location) = change.location {
            let bound = places.entry(location).or_default();
            *bound = bound.plus(change.delta);
        }
    }
    places.retain(|_, units| units.is_positive());
    Ok(Claim {
        order: order.id,
        line,
        sku: sku.clone(),
        account: order.account.clone(),
        placed_at: order.placed_at,
        claimed,
        released: Quantity::ZERO,
        expired: Quantity::ZERO,
        consumed: Quantity::ZERO,
        places,
    })
}
