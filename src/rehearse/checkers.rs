//! What must hold after every commit, whatever happened: the promises P2, P3 and P4, computed again
//! from rows that no decision sums up.
//!
//! A checker returns sentences; none means that all is well. It reads and never writes, and it shares
//! no arithmetic with the engine beyond what the domain calls an order, a claim and a movement.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ExternalId, ListingId, Quantity, Sku, Time,
    book::{Book, ClaimKey},
    fact::{Event, Fact},
    ids::{IntentId, OrderId},
    incident::Incident,
    intent::{Intent, IntentState},
    offer::{Listing, Offer, Taken},
    order::{Order, Phase},
    stock::{Cause, Claim, Condition, Movement, Stock},
};
use engine::rows::{self, key, prefix, sortable, sortable_time};
use store::{Memory, Table};

use crate::rows::Rows;

/// The items that a fact is about.
pub fn skus_of(fact: &Fact) -> Option<&Sku> {
    match &fact.event {
        Event::Claimed { sku, .. }
        | Event::Released { sku, .. }
        | Event::Allocated { sku, .. }
        | Event::Unbound { sku, .. }
        | Event::ArrivalExpected { sku, .. }
        | Event::ArrivalClosed { sku, .. }
        | Event::CountEntered { sku, .. }
        | Event::Short { sku, .. }
        | Event::IncidentOpened { sku, .. }
        | Event::IncidentClosed { sku, .. }
        | Event::Moved { sku, .. }
        | Event::OfferChanged { sku, .. }
        | Event::BufferTuned { sku, .. }
        | Event::ListingEnded { sku, .. }
        | Event::ListingLifted { sku, .. }
        | Event::LineMapped { sku, .. }
        | Event::ItemSet { sku } => Some(sku),
        Event::OrderAccepted { .. }
        | Event::OrderChanged { .. }
        | Event::LineAdded { .. }
        | Event::Counted { .. }
        | Event::CountOpened { .. }
        | Event::CountClosed { .. }
        | Event::Covered { .. }
        | Event::WayChosen { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::ShipmentRecorded { .. }
        | Event::IntentMade { .. }
        | Event::IntentDone { .. }
        | Event::IntentParked { .. }
        | Event::PushStarted { .. }
        | Event::PushAcknowledged { .. }
        | Event::PushConflicted { .. }
        | Event::PushParked { .. }
        | Event::DriftOpened { .. }
        | Event::LevelEdited { .. }
        | Event::BreakerTripped { .. }
        | Event::BreakerLifted { .. }
        | Event::DriftClosed { .. } => None,
    }
}

/// P3 and P4 for one item: what lies there is the sum of its movements, what is promised the sum of
/// its open claims, and no more is promised than lies there.
pub fn check_item(memory: &Memory, sku: &Sku) -> Vec<String> {
    let rows = Rows(memory);
    let below = prefix(&[sku.as_str()]);
    let mut on_hand: BTreeMap<(String, Condition), Quantity> = BTreeMap::new();
    let mut is_counted = false;
    for (_, movement) in rows.scan::<Movement>(rows::MOVEMENTS, &below) {
        let place = (movement.location.to_string(), movement.condition);
        let sum = on_hand.entry(place).or_default();
        *sum = sum.plus(movement.delta);
        is_counted |= match movement.cause {
            Cause::Opening { .. }
            | Cause::Adjustment { .. }
            | Cause::Received { .. }
            | Cause::Counted { .. } => true,
            Cause::Shipped { .. }
            | Cause::Voided { .. }
            | Cause::Transferred { .. }
            | Cause::Sorted { .. }
            | Cause::LeftBeforeCount { .. } => false,
        };
    }
    let mut allocated: BTreeMap<String, Quantity> = BTreeMap::new();
    let mut pending = Quantity::ZERO;
    let mut pending_by: BTreeMap<AccountId, Quantity> = BTreeMap::new();
    for (_, claim) in rows.scan::<Claim>(rows::CLAIMS, &below) {
        let mut rest = claim.open();
        for (location, units) in &claim.places {
            let sum = allocated.entry(location.to_string()).or_default();
            *sum = sum.plus(*units);
            rest = rest.minus(*units);
        }
        pending = pending.plus(rest);
        let sum = pending_by.entry(claim.account.clone()).or_default();
        *sum = sum.plus(rest);
    }
    let stock: Stock = rows
        .get(rows::STOCK, &key(&[sku.as_str()]))
        .unwrap_or_else(|| Stock::unknown(sku.clone()));
    let mut wrong = Vec::new();
    let kept: BTreeMap<(String, Condition), Quantity> = stock
        .positions
        .iter()
        .flat_map(|(at, conditions)| conditions.iter().map(move |(c, units)| (at, *c, *units)))
        .map(|(at, condition, units)| ((at.to_string(), condition), units))
        .collect();
    let present = |map: &BTreeMap<(String, Condition), Quantity>| -> Vec<_> {
        let lying = map.iter().filter(|(_, units)| !units.is_zero());
        lying.map(|(at, units)| (at.clone(), *units)).collect()
    };
    if present(&kept) != present(&on_hand) {
        wrong.push(format!(
            "P4: {sku} lies as {kept:?}, its movements say {on_hand:?}"
        ));
    }
    if stock.is_counted != is_counted {
        wrong.push(format!(
            "P4: {sku} is counted: {}, its movements say {is_counted}",
            stock.is_counted
        ));
    }
    pending_by.retain(|_, units| !units.is_zero());
    if stock.pending_by != pending_by {
        wrong.push(format!(
            "P4: {sku} is pending on {:?}, its claims say {pending_by:?}",
            stock.pending_by
        ));
    }
    let kept_allocated = stock.allocated.iter();
    let kept_allocated: BTreeMap<String, Quantity> = kept_allocated
        .map(|(at, units)| (at.to_string(), *units))
        .collect();
    if stock.pending != pending || kept_allocated != allocated {
        wrong.push(format!(
            "P4: {sku} promises {} and {:?}, its claims say {pending} and {allocated:?}",
            stock.pending, stock.allocated
        ));
    }
    let promised = pending.plus(allocated.values().copied().sum());
    let sellable: Quantity = on_hand
        .iter()
        .filter(|((_, condition), _)| *condition == Condition::Sellable)
        .map(|(_, units)| *units)
        .sum();
    if promised > sellable.or_zero() {
        wrong.push(format!(
            "P3: {promised} of {sku} are promised, and {sellable} lie there"
        ));
    }
    wrong
}

/// Everything else that must hold between any two commits: one order for each channel order, lawful
/// counters, and every sum and index as it is when computed again.
pub fn check_all(memory: &Memory, deadline: &dyn Fn(&Order) -> Option<Time>) -> Vec<String> {
    let rows = Rows(memory);
    let mut wrong = Vec::new();
    let mut book = Book::default();
    for (_, order) in rows.scan::<Order>(rows::ORDERS, b"") {
        book.orders.insert(order.id, order);
    }
    for (_, claim) in rows.scan::<Claim>(rows::CLAIMS, b"") {
        let name = ClaimKey {
            sku: claim.sku.clone(),
            order: claim.order,
            line: claim.line,
        };
        book.claims.insert(name, claim);
    }
    let skus: BTreeSet<Sku> = rows
        .scan::<Stock>(rows::STOCK, b"")
        .into_iter()
        .map(|(_, stock)| stock.sku)
        .chain(book.claims.keys().map(|name| name.sku.clone()))
        .collect();
    wrong.extend(skus.iter().flat_map(|sku| check_item(memory, sku)));
    check_refs(&rows, &book, &mut wrong);
    check_taken(&rows, &book, &mut wrong);
    check_order_indexes(&rows, &book, deadline, &mut wrong);
    check_offers(&rows, &mut wrong);
    check_intents(&rows, &mut wrong);
    check_incidents(&rows, &book, &mut wrong);
    wrong
}

/// P2: one channel order is one order.
fn check_refs(rows: &Rows<'_>, book: &Book, wrong: &mut Vec<String>) {
    let mut by_name: BTreeMap<(AccountId, ExternalId), Vec<OrderId>> = BTreeMap::new();
    for order in book.orders.values() {
        let name = (order.account.clone(), order.external_id.clone());
        by_name.entry(name).or_default().push(order.id);
        for line in order
            .lines
            .iter()
            .filter(|line| !line.counters.are_lawful())
        {
            wrong.push(format!(
                "P2: {} line {}: {:?}",
                order.id, line.number, line.counters
            ));
        }
        let mut numbers: Vec<u32> = order.lines.iter().map(|line| line.number).collect();
        numbers.dedup();
        if numbers.len() != order.lines.len() {
            wrong.push(format!("P2: {} has a line number twice", order.id));
        }
        let facts = rows
            .keys(rows::TIMELINE, &prefix(&[&order.id.to_string()]))
            .len();
        if facts as u64 != order.timeline_length {
            wrong.push(format!(
                "P4: the timeline of {} has {facts} facts, not {}",
                order.id, order.timeline_length
            ));
        }
    }
    for ((account, external_id), ids) in &by_name {
        if ids.len() != 1 {
            wrong.push(format!("P2: {account} {external_id} is {ids:?}"));
        }
    }
    let refs = rows.scan::<OrderId>(rows::ORDER_REFS, b"");
    let expected: BTreeMap<Vec<u8>, OrderId> = book
        .orders
        .values()
        .map(|order| {
            let parts = [order.account.as_str(), order.external_id.as_str()];
            (key(&parts), order.id)
        })
        .collect();
    if refs.into_iter().collect::<BTreeMap<_, _>>() != expected {
        wrong.push("P2: the references of orders are not those of the orders".to_owned());
    }
}

/// P4: open units by account and item are those of the orders.
fn check_taken(rows: &Rows<'_>, book: &Book, wrong: &mut Vec<String>) {
    let mut sums: BTreeMap<Vec<u8>, Taken> = BTreeMap::new();
    for order in book.orders.values() {
        for line in &order.lines {
            let Some(item) = &line.item else { continue };
            let to_ship = order.claim_target(line.number);
            let claimed = book.claimed_units(order, line.number).min(to_ship);
            let off = line.subtracted.minus(line.counters.shipped_net()).or_zero();
            let sum = sums
                .entry(key(&[order.account.as_str(), item.sku.as_str()]))
                .or_default();
            sum.open = sum.open.plus(claimed);
            sum.subtracted = sum.subtracted.plus(off);
            sum.unsubtracted = sum.unsubtracted.plus(claimed.minus(off).or_zero());
        }
    }
    let kept: BTreeMap<Vec<u8>, Taken> = rows.scan::<Taken>(rows::TAKEN, b"").into_iter().collect();
    for row in sums.keys().chain(kept.keys()).collect::<BTreeSet<_>>() {
        let of = |map: &BTreeMap<Vec<u8>, Taken>| map.get(row).copied().unwrap_or_default();
        let (is, should_be) = (of(&kept), of(&sums));
        if is != should_be {
            let row = words(row);
            wrong.push(format!(
                "P4: taken of {row} is {is:?}, the orders say {should_be:?}"
            ));
        }
    }
}

fn check_order_indexes(
    rows: &Rows<'_>,
    book: &Book,
    deadline: &dyn Fn(&Order) -> Option<Time>,
    wrong: &mut Vec<String>,
) {
    let mut expected: BTreeMap<Table, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let mut expect = |table, parts: &[&str]| {
        expected.entry(table).or_default().insert(key(parts));
    };
    for order in book.orders.values() {
        let id = order.id.to_string();
        let (account, placed) = (order.account.as_str(), sortable_time(order.placed_at));
        let phase = order.phase(book.is_short(order));
        expect(rows::ORDERS_BY_PHASE, &[phase.word(), &id]);
        expect(rows::ORDERS_BY_ACCOUNT, &[account, &placed, &id]);
        if Phase::is_open(phase) {
            expect(rows::OPEN_ORDERS, &[account, &id]);
        }
        if order.lines.iter().any(|line| line.item.is_none()) {
            expect(rows::UNMAPPED_ORDERS, &[&id]);
        }
        if let Some(due) = deadline(order) {
            expect(rows::UNPAID_ORDERS, &[&sortable_time(due), &id]);
        }
        for line in &order.lines {
            if !book.missing_units(order, line.number).is_positive() {
                continue;
            }
            for sku in line.item.iter().flat_map(|item| item.bill.keys()) {
                expect(rows::SHORT_ORDERS, &[sku.as_str(), &placed, &id]);
            }
        }
    }
    for table in [
        rows::ORDERS_BY_PHASE,
        rows::ORDERS_BY_ACCOUNT,
        rows::OPEN_ORDERS,
        rows::UNMAPPED_ORDERS,
        rows::UNPAID_ORDERS,
        rows::SHORT_ORDERS,
    ] {
        compare(
            table,
            rows.keys(table, b""),
            expected.remove(&table).unwrap_or_default(),
            wrong,
        );
    }
}

fn check_offers(rows: &Rows<'_>, wrong: &mut Vec<String>) {
    let mut by_sku = BTreeSet::new();
    let mut listings: BTreeSet<(AccountId, ListingId)> = BTreeSet::new();
    for (_, listing) in rows.scan::<Listing>(rows::LISTINGS, b"") {
        let (account, id) = (listing.account.as_str(), listing.listing.as_str());
        if let Some(sku) = &listing.sku {
            by_sku.insert(key(&[sku.as_str(), account, id]));
        }
        listings.insert((listing.account.clone(), listing.listing.clone()));
    }
    let (mut due, mut parked) = (BTreeSet::new(), BTreeSet::new());
    for (row, offer) in rows.scan::<Offer>(rows::OFFERS, b"") {
        let (account, id) = (offer.account.as_str(), offer.listing.as_str());
        if offer.is_due() {
            due.insert(row);
        }
        if offer.parked.is_some() {
            parked.insert(key(&["push", account, id]));
        }
        if !listings.contains(&(offer.account.clone(), offer.listing.clone())) {
            wrong.push(format!("P4: an offer without a listing: {account} {id}"));
        }
    }
    let in_table = rows.keys(rows::LISTINGS_BY_SKU, b"");
    compare(rows::LISTINGS_BY_SKU, in_table, by_sku, wrong);
    compare(
        rows::DUE_OFFERS,
        rows.keys(rows::DUE_OFFERS, b""),
        due,
        wrong,
    );
    let pushes = rows.keys(rows::PARKED, &prefix(&["push"]));
    compare(rows::PARKED, pushes, parked, wrong);
}

fn check_intents(rows: &Rows<'_>, wrong: &mut Vec<String>) {
    let (mut outbox, mut parked, mut by_order) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (_, intent) in rows.scan::<Intent>(rows::INTENTS, b"") {
        let id: IntentId = intent.id;
        let id = id.to_string();
        by_order.insert(key(&[&intent.order.to_string(), &id]));
        match intent.state {
            IntentState::Waiting => drop(outbox.insert(key(&[intent.account.as_str(), &id]))),
            IntentState::Parked(_) => drop(parked.insert(key(&["intent", &id]))),
            IntentState::Done(_) => {}
        }
    }
    compare(rows::OUTBOX, rows.keys(rows::OUTBOX, b""), outbox, wrong);
    let in_table = rows.keys(rows::INTENTS_BY_ORDER, b"");
    compare(rows::INTENTS_BY_ORDER, in_table, by_order, wrong);
    let intents = rows.keys(rows::PARKED, &prefix(&["intent"]));
    compare(rows::PARKED, intents, parked, wrong);
}

/// Open incidents are in their index, and say how many units are missing now. Those of a line that was
/// short before its item was counted may be still to come.
fn check_incidents(rows: &Rows<'_>, book: &Book, wrong: &mut Vec<String>) {
    let mut open = BTreeSet::new();
    for (_, incident) in rows.scan::<Incident>(rows::INCIDENTS, b"") {
        if incident.closed_at.is_some() {
            continue;
        }
        let (order, line) = (incident.order, incident.line);
        let parts = [
            &order.to_string(),
            &sortable(line.into()),
            incident.sku.as_str(),
        ];
        open.insert(key(&parts));
        let missing = book.orders.get(&order).and_then(|order| {
            let item = order.line(line)?.item.as_ref()?;
            let per_unit = item.bill.get(&incident.sku)?;
            Some(per_unit.times(book.missing_units(order, line).units()))
        });
        if missing != Some(incident.missing) {
            let (id, says) = (incident.id, incident.missing);
            wrong.push(format!(
                "P4: incident {id} says {says}, missing are {missing:?}"
            ));
        }
    }
    let index = rows.keys(rows::OPEN_INCIDENTS, b"");
    compare(rows::OPEN_INCIDENTS, index, open, wrong);
}

fn compare(table: Table, is: Vec<Vec<u8>>, should_be: BTreeSet<Vec<u8>>, wrong: &mut Vec<String>) {
    let is: BTreeSet<Vec<u8>> = is.into_iter().collect();
    let extra: Vec<String> = is.difference(&should_be).map(|key| words(key)).collect();
    let missing: Vec<String> = should_be.difference(&is).map(|key| words(key)).collect();
    if !extra.is_empty() || !missing.is_empty() {
        wrong.push(format!(
            "P4: the index {} has {extra:?} too much and lacks {missing:?}",
            table.0
        ));
    }
}

/// A key as people read it.
fn words(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace('\0', " / ")
}
