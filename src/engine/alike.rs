//! Looking for orders of shortly before that look like a new one, by the index of contacts.
//!
//! What was found goes into the signal, so that the decision about it can be made again where nothing of people
//! is kept. Whether two orders are alike is said by [`domain::verify`]. The rows are read without an
//! expectation: where several processes share a store, one that was placed elsewhere in the same moment may be
//! missed, and nothing but a warning depends on it.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    AccountId, ExternalId, Time,
    decide::Policy,
    ids::OrderId,
    order::Order,
    person::Person,
    signal::{Command, Signal},
    verify::{ALIKE_MAX, Bought, Gist, is_alike},
};
use store::{Range, Store, StoreError};

use crate::{
    persons,
    rows::{self, key},
    sealing::Sealer,
};

/// A contact with more orders than this since then is a counter where all buyers have one address, and what
/// they buy alike says nothing. It also bounds the orders that are read for one that is new.
const ORDERS_MAX: usize = 20;

/// What is asked of a new order.
struct New<'s> {
    account: &'s AccountId,
    external_id: Option<&'s ExternalId>,
    placed_at: Time,
    person: Person,
    bought: Bought,
    gist: Gist,
}

/// The signal with what looks like its order, if it is about a new one and something does.
pub(crate) async fn look(
    store: &dyn Store,
    sealer: &Sealer,
    policy: &Policy,
    signal: &Arc<Signal>,
    now: Time,
) -> Result<Arc<Signal>, StoreError> {
    let same = || Ok(Arc::clone(signal));
    let Some(new) = new_order(signal, now) else {
        return same();
    };
    let Some(within) = policy.verify.of(new.account).duplicates else {
        return same();
    };
    let contacts = new.person.contacts();
    if contacts.is_empty() || is_known(store, &new).await? {
        return same();
    }
    let since = new.placed_at.minus(within);
    let mut looked_at: BTreeSet<OrderId> = BTreeSet::new();
    let mut alike = Vec::new();
    for contact in &contacts {
        let below = persons::below_contact(sealer, contact);
        let start = rows::ids_since(since);
        let after = below.iter().copied().chain(start.bytes()).collect();
        let range = Range {
            prefix: below,
            after: Some(after),
        };
        let page = store
            .scan(rows::ORDERS_BY_CONTACT, range, ORDERS_MAX + 1)
            .await?;
        if page.len() > ORDERS_MAX {
            continue;
        }
        for (row, _) in page {
            let Ok(id) = rows::last_part(&row).parse::<OrderId>() else {
                continue;
            };
            if !looked_at.insert(id) {
                continue;
            }
            let Some(row) = store.get(rows::ORDERS, &key(&[&id.to_string()])).await? else {
                continue;
            };
            let order: Order = rows::decode(rows::ORDERS, &row.value)?;
            let is_near = order.placed_at >= since && order.placed_at <= new.placed_at.plus(within);
            if is_near && is_alike(&new.bought, &order) {
                alike.push(id);
            }
        }
    }
    if alike.is_empty() {
        return same();
    }
    alike.truncate(ALIKE_MAX);
    let gist = Gist { alike, ..new.gist };
    Ok(Arc::new(with(signal, gist)))
}

/// What is to be looked for; nothing where the signal is about no order, or somebody has looked.
fn new_order(signal: &Signal, now: Time) -> Option<New<'_>> {
    match signal {
        Signal::Order {
            account, snapshot, ..
        } if snapshot.gist.is_none() => Some(New {
            account,
            external_id: Some(&snapshot.external_id),
            placed_at: snapshot.placed_at,
            person: Person::of(snapshot)?,
            bought: Bought::of(snapshot),
            gist: snapshot.gist(),
        }),
        Signal::Command(Command::Place(asked)) if asked.gist.is_none() => Some(New {
            account: &asked.account,
            external_id: asked.reference.as_ref(),
            placed_at: asked.placed_at.unwrap_or(now),
            person: Person {
                buyer: asked.buyer.clone(),
                ship_to: asked.ship_to.clone(),
                bill_to: asked.bill_to.clone(),
                ..Person::default()
            },
            bought: Bought::of_placement(asked, asked.sum().ok()?),
            gist: asked.gist(),
        }),
        _ => None,
    }
}

async fn is_known(store: &dyn Store, new: &New<'_>) -> Result<bool, StoreError> {
    let Some(external_id) = new.external_id else {
        return Ok(false);
    };
    let key = key(&[new.account.as_str(), external_id.as_str()]);
    Ok(store.get(rows::ORDER_REFS, &key).await?.is_some())
}

fn with(signal: &Signal, gist: Gist) -> Signal {
    let mut signal = signal.clone();
    match &mut signal {
        Signal::Order { snapshot, .. } => snapshot.gist = Some(gist),
        Signal::Command(Command::Place(asked)) => asked.gist = Some(gist),
        _ => {}
    }
    signal
}
