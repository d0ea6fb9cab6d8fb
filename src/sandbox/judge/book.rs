//! What our own book says of itself, as evidence: the same for everybody who asks the judge.

use std::collections::BTreeMap;

use domain::{
    AccountId, Sku, Time,
    book::{Incident, ListingKey},
    fact::{Event, Fact},
    ids::{IntentId, OrderId},
    order::Order,
    stock::Cause,
};

use super::{Evidence, Known, OrderName, Push, Without};

/// What is read of our book.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// All facts, in order.
    pub facts: &'a [Fact],
    /// All orders.
    pub orders: &'a [Order],
    /// All incidents, also those that are over.
    pub incidents: &'a [Incident],
    /// What each listing offers.
    pub sku_of: &'a BTreeMap<ListingKey, Sku>,
}

impl Evidence {
    /// Takes in what our book says of orders, counts, shortages and pushes.
    pub fn take_in(&mut self, book: Book<'_>) {
        let name = |order: &Order| (order.account.clone(), order.external_id.clone());
        let names: BTreeMap<OrderId, OrderName> = book
            .orders
            .iter()
            .map(|order| (order.id, name(order)))
            .collect();
        self.known = book
            .orders
            .iter()
            .map(|order| (name(order), known(order)))
            .collect();
        self.left = book
            .orders
            .iter()
            .map(|order| (name(order), left(order)))
            .filter(|(_, lines)| !lines.is_empty())
            .collect();
        let orders: BTreeMap<OrderId, &Order> =
            book.orders.iter().map(|order| (order.id, order)).collect();
        for incident in book.incidents.iter().filter(|one| one.closed_at.is_none()) {
            let Some(order) = orders.get(&incident.order) else {
                continue;
            };
            let mut lines = order.lines.iter();
            let item = lines
                .find(|line| line.number == incident.line)
                .and_then(|line| line.item.as_ref());
            // A good that was bought by itself gives nothing else back.
            if item.is_some_and(|item| item.sku != incident.sku) {
                let of = (name(order), incident.sku.clone());
                *self.missing.entry(of).or_default() += incident.missing.units();
            }
        }
        for fact in book.facts {
            // Nobody could tell what was sold before its lines had their items.
            if let Event::LineMapped { .. } = &fact.event
                && let Some(name) = fact.order.and_then(|order| names.get(&order))
                && let Some(known) = self.known.get_mut(name)
            {
                known.at = known.at.max(fact.at);
            }
        }
        let mut under_way = BTreeMap::new();
        for fact in book.facts {
            self.take_in_stock(fact, &names);
            if let Some(account) = &fact.account {
                self.take_in_push(fact, account, book.sku_of, &mut under_way);
            }
        }
    }

    fn take_in_stock(&mut self, fact: &Fact, names: &BTreeMap<OrderId, OrderName>) {
        if let Event::Moved { sku, cause, .. } = &fact.event
            && cause.says_how_many()
        {
            self.counted_at.entry(sku.clone()).or_insert(fact.at);
        }
        let Some(name) = fact.order.and_then(|order| names.get(&order)) else {
            return;
        };
        let (sku, line, is_short) = if let Event::Short { sku, line, .. } = &fact.event {
            (sku, *line, true)
        } else if let Some((sku, line)) = given(&fact.event) {
            (sku, line, false)
        } else {
            return;
        };
        let times = self.without.entry((name.clone(), sku.clone())).or_default();
        let open = times
            .iter_mut()
            .find(|time| time.line == line && time.until.is_none());
        match open {
            Some(time) if !is_short => time.until = Some(fact.at),
            None if is_short => times.push(Without {
                line,
                since: fact.at,
                until: None,
            }),
            Some(_) | None => {}
        }
    }

    /// A value is fixed at the first start of its attempt; what is tried again is the same value.
    fn take_in_push(
        &mut self,
        fact: &Fact,
        account: &AccountId,
        sku_of: &BTreeMap<ListingKey, Sku>,
        under_way: &mut BTreeMap<ListingKey, (IntentId, Time)>,
    ) {
        if let Event::PushStarted { listing, key, .. } = &fact.event {
            let at = (account.clone(), listing.clone());
            match under_way.get(&at) {
                Some((known, _)) if known == key => {}
                Some(_) | None => drop(under_way.insert(at, (*key, fact.at))),
            }
        } else if let Event::PushAcknowledged {
            listing, quantity, ..
        } = &fact.event
        {
            let at = (account.clone(), listing.clone());
            let (Some((_, started_at)), Some(sku)) = (under_way.get(&at), sku_of.get(&at)) else {
                return;
            };
            self.pushes.push(Push {
                account: account.clone(),
                sku: sku.clone(),
                quantity: quantity.units(),
                started_at: *started_at,
                acknowledged_at: fact.at,
            });
        }
    }
}

/// The item and the line that was given units, or for which they were taken.
fn given(event: &Event) -> Option<(&Sku, u32)> {
    if let Event::Claimed { sku, line, .. } = event {
        return Some((sku, *line));
    }
    let Event::Moved { sku, cause, .. } = event else {
        return None;
    };
    match cause {
        Cause::Shipped { line, .. } => Some((sku, *line)),
        Cause::Opening { .. }
        | Cause::Adjustment { .. }
        | Cause::Returned { .. }
        | Cause::Scrapped { .. }
        | Cause::Voided { .. }
        | Cause::Transferred { .. }
        | Cause::Received { .. }
        | Cause::Sorted { .. }
        | Cause::Counted { .. }
        | Cause::LeftBeforeCount { .. } => None,
    }
}

fn left(order: &Order) -> Vec<(Sku, u32)> {
    let lines = order.lines.iter().filter_map(|line| {
        // What was sent again was sold once, and is off the stock that there was to sell.
        let units = u32::try_from(line.counters.shipped_first().units()).ok()?;
        let item = line.item.as_ref()?;
        (units > 0).then(|| (item.sku.clone(), units))
    });
    lines.collect()
}

fn known(order: &Order) -> Known {
    let is_mapped = order.lines.iter().all(|line| line.item.is_some());
    let dropped = order.holds.iter().find(|hold| !hold.keeps_claim);
    Known {
        at: order.accepted_at,
        expired_at: order.expired_at.or(dropped.map(|hold| hold.since)),
        counts: is_mapped && !order.is_expired() && !order.hold_drops_claim(),
    }
}
