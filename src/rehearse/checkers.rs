//! What must hold after every commit, whatever happened: the promises P2, P3 and P4, computed again
//! from rows that no decision sums up.
//!
//! A checker returns sentences; none means that all is well. It reads and never writes, and it shares
//! no arithmetic with the engine beyond what the domain calls an order, a claim and a movement.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    AccountId, ExternalId, ListingId, Quantity, Sku, Time,
    book::{Book, ClaimKey},
    fact::{Event, Fact},
    ids::{ArrivalId, IntentId, OrderId},
    incident::Incident,
    intent::{Intent, IntentState},
    locations::Locations,
    offer::{Listing, Offer, Taken},
    order::{Order, Phase},
    stock::{Cause, Claim, Condition, LocationId, Movement, Stock},
};
use engine::{
    finding::fold,
    rows::{self, key, prefix, sortable, sortable_time},
};
use store::{Memory, Table};

use crate::{
    findings::{Checker, Findings},
    places,
    rows::Rows,
};

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
        | Event::Owed { sku, .. }
        | Event::IncidentOpened { sku, .. }
        | Event::IncidentClosed { sku, .. }
        | Event::Moved { sku, .. }
        | Event::OfferChanged { sku, .. }
        | Event::BufferTuned { sku, .. }
        | Event::ListingEnded { sku, .. }
        | Event::ListingLifted { sku, .. }
        | Event::LineMapped { sku, .. }
        | Event::ItemSet { sku } => Some(sku),
        Event::ListingMapped { sku, .. } => sku.as_ref(),
        Event::OrderAccepted { .. }
        | Event::OrderEntered { .. }
        | Event::OrderReplaced { .. }
        | Event::LooksAlike { .. }
        | Event::RuleMatched { .. }
        | Event::RuleFailed { .. }
        | Event::PaymentRecorded { .. }
        | Event::OrderChanged { .. }
        | Event::LineAdded { .. }
        | Event::Counted { .. }
        | Event::CountOpened { .. }
        | Event::CountClosed { .. }
        | Event::Covered { .. }
        | Event::WayChosen { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::NoteAdded { .. }
        | Event::EvidenceMade { .. }
        | Event::ErasureAsked { .. }
        | Event::PersonErased { .. }
        | Event::Worked { .. }
        | Event::ShipmentRecorded { .. }
        | Event::Tracked { .. }
        | Event::DeliverySettled { .. }
        | Event::SentAgain { .. }
        | Event::ReturnAdvised { .. }
        | Event::Exchanged { .. }
        | Event::ReturnReceived { .. }
        | Event::ReturnInspected { .. }
        | Event::ReturnClosed { .. }
        | Event::DocumentIssued { .. }
        | Event::ReturnRefunded { .. }
        | Event::IntentMade { .. }
        | Event::IntentDone { .. }
        | Event::IntentDropped { .. }
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

/// Units by location and condition.
type Lying = BTreeMap<LocationId, BTreeMap<Condition, Quantity>>;

/// What lies where by the movements of an item, and whether it was ever counted.
fn what_moved(rows: &Rows<'_>, below: &[u8]) -> (Lying, bool) {
    let mut on_hand = Lying::new();
    let mut is_counted = false;
    rows.each(rows::MOVEMENTS, below, |_, movement: &Arc<Movement>| {
        if !on_hand.contains_key(&movement.location) {
            on_hand.insert(movement.location.clone(), BTreeMap::new());
        }
        if let Some(here) = on_hand.get_mut(&movement.location) {
            let sum = here.entry(movement.condition).or_default();
            *sum = sum.plus(movement.delta);
        }
        is_counted |= match movement.cause {
            Cause::Opening { .. }
            | Cause::Adjustment { .. }
            | Cause::Received { .. }
            | Cause::Counted { .. } => true,
            Cause::Shipped { .. }
            | Cause::Returned { .. }
            | Cause::Scrapped { .. }
            | Cause::Voided { .. }
            | Cause::Transferred { .. }
            | Cause::Sorted { .. }
            | Cause::LeftBeforeCount { .. } => false,
        };
    });
    (on_hand, is_counted)
}

/// The places where anything lies or is owed.
fn present(lying: &Lying) -> Vec<(&LocationId, Condition, Quantity)> {
    let each = lying.iter().flat_map(|(at, conditions)| {
        let units = conditions.iter();
        units.map(move |(condition, units)| (at, *condition, *units))
    });
    each.filter(|(_, _, units)| !units.is_zero()).collect()
}

/// The sums of an item's open claims.
#[derive(Default)]
struct Promises {
    allocated: BTreeMap<LocationId, Quantity>,
    pending: Quantity,
    pending_by: BTreeMap<AccountId, Quantity>,
}

fn promises(rows: &Rows<'_>, below: &[u8], found: &mut Findings) -> Promises {
    let mut sums = Promises::default();
    rows.each(rows::CLAIMS, below, |_, claim: &Arc<Claim>| {
        found.look(Checker::Claims, 1);
        let mut rest = claim.open();
        for (location, units) in &claim.places {
            let sum = sums.allocated.entry(location.clone()).or_default();
            *sum = sum.plus(*units);
            rest = rest.minus(*units);
        }
        sums.pending = sums.pending.plus(rest);
        let sum = sums.pending_by.entry(claim.account.clone()).or_default();
        *sum = sum.plus(rest);
    });
    sums
}

/// P3 and P4 for one item: what lies there is the sum of its movements, what is promised the sum of
/// its open claims, and no more is promised than lies there.
pub fn check_item(memory: &Memory, sku: &Sku, locations: &Locations) -> Findings {
    let rows = Rows(memory);
    let mut found = Findings::default();
    found.look(Checker::OnHand, 1);
    let below = prefix(&[sku.as_str()]);
    let (on_hand, is_counted) = what_moved(&rows, &below);
    let Promises {
        allocated,
        pending,
        mut pending_by,
    } = promises(&rows, &below, &mut found);
    let stock: Stock = rows
        .get(rows::STOCK, &key(&[sku.as_str()]))
        .unwrap_or_else(|| Stock::unknown(sku.clone()));
    if present(&stock.positions) != present(&on_hand) {
        let kept = &stock.positions;
        let sentence = format!("P4: {sku} lies as {kept:?}, its movements say {on_hand:?}");
        found.add(Checker::OnHand, sentence);
    }
    if stock.is_counted != is_counted {
        let is = stock.is_counted;
        let sentence = format!("P4: {sku} is counted: {is}, its movements say {is_counted}");
        found.add(Checker::OnHand, sentence);
    }
    pending_by.retain(|_, units| !units.is_zero());
    if stock.pending_by != pending_by {
        let is = &stock.pending_by;
        let sentence = format!("P4: {sku} is pending on {is:?}, its claims say {pending_by:?}");
        found.add(Checker::Claims, sentence);
    }
    if stock.pending != pending || stock.allocated != allocated {
        let sentence = format!(
            "P4: {sku} promises {} and {:?}, its claims say {pending} and {allocated:?}",
            stock.pending, stock.allocated
        );
        found.add(Checker::Claims, sentence);
    }
    let promised = pending.plus(allocated.values().copied().sum());
    found.look(Checker::Promised, usize::from(promised.is_positive()));
    let counted_again = Stock {
        positions: on_hand,
        allocated,
        pending,
        pending_by,
        ..Stock::unknown(sku.clone())
    };
    for (part, units) in places::too_much(locations, &counted_again) {
        let sentence = format!("P3: {units} of {sku} are promised at {part:?}, and not there");
        found.add(Checker::Promised, sentence);
    }
    check_arrivals(&rows, &stock, &mut found);
    found
}

/// P4: what has come of an arrival is what was moved in as it.
fn check_arrivals(rows: &Rows<'_>, stock: &Stock, found: &mut Findings) {
    if stock.incoming.is_empty() {
        return;
    }
    let mut came: BTreeMap<ArrivalId, Quantity> = BTreeMap::new();
    let below = prefix(&[stock.sku.as_str()]);
    rows.each(rows::MOVEMENTS, &below, |_, movement: &Arc<Movement>| {
        if let Cause::Received {
            arrival: Some(id), ..
        } = movement.cause
        {
            let sum = came.entry(id).or_default();
            *sum = sum.plus(movement.delta);
        }
    });
    for (id, arrival) in &stock.incoming {
        let came = came.get(id).copied().unwrap_or_default();
        if came != arrival.received {
            let (sku, says) = (&stock.sku, arrival.received);
            let sentence = format!("P4: of arrival {id} of {sku} {says} came, {came} were moved");
            found.add(Checker::OnHand, sentence);
        }
    }
}

/// Everything else that must hold between any two commits: one order for each channel order, lawful
/// counters, and every sum and index as it is when computed again.
pub fn check_all(
    memory: &Memory,
    deadline: &dyn Fn(&Order) -> Option<Time>,
    locations: &Locations,
) -> Findings {
    let rows = Rows(memory);
    let mut found = Findings::default();
    let mut book = Book::default();
    for (_, order) in rows.scan::<Order>(rows::ORDERS, b"") {
        book.orders.insert(order.id, order);
    }
    take_claims(&rows, &mut book);
    let skus: BTreeSet<Sku> = rows
        .all::<Stock>(rows::STOCK, b"")
        .iter()
        .map(|stock| stock.sku.clone())
        .chain(book.claims.keys().map(|name| name.sku.clone()))
        .collect();
    for sku in &skus {
        found.merge(check_item(memory, sku, locations));
    }
    check_refs(&rows, &book, &mut found);
    let sums = check_taken(&rows, &book, &mut found);
    check_order_indexes(&rows, &book, deadline, &mut found);
    check_offers(&rows, &mut found);
    check_wanted(&rows, &sums, locations, &mut found);
    check_intents(&rows, &mut found);
    check_incidents(&rows, &book, &mut found);
    check_owed(&rows, &book, &mut found);
    found
}

/// Takes all open claims into a book.
pub(crate) fn take_claims(rows: &Rows<'_>, book: &mut Book) {
    for (_, claim) in rows.scan::<Claim>(rows::CLAIMS, b"") {
        let name = ClaimKey {
            sku: claim.sku.clone(),
            order: claim.order,
            line: claim.line,
        };
        book.claims.insert(name, claim);
    }
}

/// P4: what is owed of an item is what is owed to its orders, and what is missing is in an incident.
fn check_owed(rows: &Rows<'_>, book: &Book, found: &mut Findings) {
    let mut sums: BTreeMap<Sku, Quantity> = BTreeMap::new();
    for (sku, units) in book.orders.values().flat_map(Order::owes) {
        let sum = sums.entry(sku).or_default();
        *sum = sum.plus(units);
    }
    let mut missing: BTreeMap<Sku, Quantity> = BTreeMap::new();
    for (_, incident) in rows.scan::<Incident>(rows::INCIDENTS, b"") {
        if incident.closed_at.is_none() {
            let sum = missing.entry(incident.sku.clone()).or_default();
            *sum = sum.plus(incident.missing);
        }
    }
    for (_, stock) in rows.scan::<Stock>(rows::STOCK, b"") {
        let (sku, is) = (&stock.sku, stock.missing);
        let should_be = missing.get(sku).copied().unwrap_or_default();
        if is != should_be {
            let sentence = format!("P4: {is} of {sku} are missing, the incidents say {should_be}");
            found.add(Checker::Taken, sentence);
        }
        let is = stock.owed;
        let should_be = sums.get(sku).copied().unwrap_or_default();
        if is != should_be {
            let sentence = format!("P4: {is} of {sku} are owed, the orders say {should_be}");
            found.add(Checker::Taken, sentence);
        }
    }
}

/// P2: one channel order is one order.
fn check_refs(rows: &Rows<'_>, book: &Book, found: &mut Findings) {
    found.look(Checker::References, book.orders.len());
    found.look(Checker::Counters, book.orders.len());
    let mut by_name: BTreeMap<(AccountId, ExternalId), Vec<OrderId>> = BTreeMap::new();
    for order in book.orders.values() {
        let name = (order.account.clone(), order.external_id.clone());
        by_name.entry(name).or_default().push(order.id);
        for line in order
            .lines
            .iter()
            .filter(|line| !line.counters.are_lawful())
        {
            let sentence = format!("P2: {} line {}: {:?}", order.id, line.number, line.counters);
            found.add(Checker::Counters, sentence);
        }
        let mut numbers: Vec<u32> = order.lines.iter().map(|line| line.number).collect();
        numbers.dedup();
        if numbers.len() != order.lines.len() {
            let sentence = format!("P2: {} has a line number twice", order.id);
            found.add(Checker::Counters, sentence);
        }
        let facts = rows.timeline_length(order.id);
        if facts as u64 != order.timeline_length {
            let (id, length) = (order.id, order.timeline_length);
            let sentence = format!("P4: the timeline of {id} has {facts} facts, not {length}");
            found.add(Checker::OrderLists, sentence);
        }
    }
    for ((account, external_id), ids) in &by_name {
        if ids.len() != 1 {
            let sentence = format!("P2: {account} {external_id} is {ids:?}");
            found.add(Checker::References, sentence);
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
        let sentence = "P2: the references of orders are not those of the orders".to_owned();
        found.add(Checker::References, sentence);
    }
}

/// P4: open units by account and item are those of the orders.
fn check_taken(rows: &Rows<'_>, book: &Book, found: &mut Findings) -> BTreeMap<Vec<u8>, Taken> {
    let mut sums: BTreeMap<Vec<u8>, Taken> = BTreeMap::new();
    for order in book.orders.values() {
        for line in &order.lines {
            let Some(item) = &line.item else { continue };
            let to_ship = order.claim_target(line.number);
            let to_ship = to_ship.min(line.counters.to_ship_first());
            let covered = book.claimed_units(order, line.number);
            let claimed = covered.plus(order.owed_units(line.number)).min(to_ship);
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
    found.look(Checker::Taken, sums.len());
    for row in sums.keys().chain(kept.keys()).collect::<BTreeSet<_>>() {
        let of = |map: &BTreeMap<Vec<u8>, Taken>| map.get(row).copied().unwrap_or_default();
        let mut should_be = of(&sums);
        let is = of(&kept);
        // What came and went is in no order any more.
        should_be.passed = is.passed;
        if is != should_be {
            let row = words(row);
            let sentence = format!("P4: taken of {row} is {is:?}, the orders say {should_be:?}");
            found.add(Checker::Taken, sentence);
        }
    }
    sums
}

/// P4: what is wanted is what may be shown, with what the channel itself does not have off yet; and no
/// more may be shown than is sellable.
fn check_wanted(
    rows: &Rows<'_>,
    sums: &BTreeMap<Vec<u8>, Taken>,
    locations: &Locations,
    found: &mut Findings,
) {
    let stock: BTreeMap<Sku, Arc<Stock>> = rows
        .all::<Stock>(rows::STOCK, b"")
        .into_iter()
        .map(|stock| (stock.sku.clone(), stock))
        .collect();
    for offer in rows.all::<Offer>(rows::OFFERS, b"") {
        let (Some(shown), Some(wanted)) = (offer.offer, offer.wanted) else {
            continue;
        };
        found.look(Checker::Wanted, 1);
        let (account, sku) = (&offer.account, &offer.sku);
        let taken = sums.get(&key(&[account.as_str(), sku.as_str()]));
        let taken = taken.copied().unwrap_or_default();
        let beyond = wanted.quantity.minus(shown.quantity);
        // What the number means differs from channel to channel: nothing is added back, what it has
        // not taken off yet, or everything that is open.
        if ![Quantity::ZERO, taken.unsubtracted, taken.open].contains(&beyond) {
            let (wanted, shown) = (wanted.quantity, shown.quantity);
            let sentence = format!(
                "P4: {account} is to show {wanted} of {sku}: {shown} may be sold there, and {taken:?}"
            );
            found.add(Checker::Wanted, sentence);
        }
        let sellable = stock.get(sku);
        let sellable = sellable.map(|stock| places::free_for(locations, stock, account).or_zero());
        let there = shown.quantity.minus(offer.owed);
        if sellable.is_some_and(|sellable| there > sellable) {
            let sentence = format!(
                "P4: {} of {sku} may be sold on {account}, and {:?} are sellable",
                shown.quantity, sellable
            );
            found.add(Checker::Wanted, sentence);
        }
    }
}

fn check_order_indexes(
    rows: &Rows<'_>,
    book: &Book,
    deadline: &dyn Fn(&Order) -> Option<Time>,
    found: &mut Findings,
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
        for (kind, word) in found_by(order) {
            expect(rows::ORDERS_BY_WORD, &[kind, &word, &id]);
        }
        if Phase::is_open(phase) {
            expect(rows::OPEN_ORDERS, &[account, &id]);
        }
        if order.lines.iter().any(|line| line.item.is_none()) {
            expect(rows::UNMAPPED_ORDERS, &[&id]);
        }
        let due = sortable_time(order.ship_by.unwrap_or(Time::END));
        for at in book.waits_to_be_picked(order) {
            let at = at.as_ref().map_or("", |at| at.as_str());
            expect(rows::TO_PICK, &[at, &due, &placed, &id]);
        }
        for task in order.tasks.iter().filter(|task| task.is_open()) {
            let (at, since) = (task.location.as_str(), sortable_time(task.opened_at));
            expect(rows::OPEN_TASKS, &[at, &since, &id, &task.id.to_string()]);
        }
        if let Some(until) = order.owed_until() {
            expect(rows::OWED_ORDERS, &[&sortable_time(until), &id]);
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
        rows::ORDERS_BY_WORD,
        rows::OPEN_ORDERS,
        rows::UNMAPPED_ORDERS,
        rows::TO_PICK,
        rows::OPEN_TASKS,
        rows::UNPAID_ORDERS,
        rows::OWED_ORDERS,
        rows::SHORT_ORDERS,
    ] {
        let should_be = expected.remove(&table).unwrap_or_default();
        let is = rows.keys(table, b"");
        compare(Checker::OrderLists, table, is, should_be, found);
    }
}

/// What people find an order by.
fn found_by(order: &Order) -> BTreeSet<(&'static str, String)> {
    let mut words = BTreeSet::new();
    if fold(&order.number) != order.external_id.as_str() {
        words.insert(("number", fold(&order.number)));
    }
    for line in &order.lines {
        words.extend(line.channel_sku.iter().map(|sku| ("sku", fold(sku))));
        let Some(item) = &line.item else { continue };
        words.insert(("sku", fold(item.sku.as_str())));
        words.extend(item.bill.keys().map(|sku| ("sku", fold(sku.as_str()))));
    }
    for parcel in &order.shipments {
        words.extend(
            parcel
                .tracking_number
                .iter()
                .map(|text| ("parcel", fold(text))),
        );
    }
    words.extend(order.tags.iter().map(|tag| ("tag", fold(tag))));
    words.retain(|(_, word)| !word.is_empty());
    words
}

fn check_offers(rows: &Rows<'_>, found: &mut Findings) {
    let mut by_sku = BTreeSet::new();
    let mut listings: BTreeSet<(AccountId, ListingId)> = BTreeSet::new();
    for listing in rows.all::<Listing>(rows::LISTINGS, b"") {
        let (account, id) = (listing.account.as_str(), listing.listing.as_str());
        if let Some(sku) = &listing.sku {
            by_sku.insert(key(&[sku.as_str(), account, id]));
        }
        listings.insert((listing.account.clone(), listing.listing.clone()));
    }
    let (mut due, mut parked) = (BTreeSet::new(), BTreeSet::new());
    rows.each(rows::OFFERS, b"", |row, offer: &Arc<Offer>| {
        let (account, id) = (offer.account.as_str(), offer.listing.as_str());
        if offer.is_due() {
            due.insert(row.to_vec());
        }
        if offer.parked.is_some() {
            parked.insert(key(&["push", account, id]));
        }
        if !listings.contains(&(offer.account.clone(), offer.listing.clone())) {
            let sentence = format!("P4: an offer without a listing: {account} {id}");
            found.add(Checker::OfferLists, sentence);
        }
    });
    let mut compare = |table, is, should_be| {
        compare(Checker::OfferLists, table, is, should_be, found);
    };
    let in_table = rows.keys(rows::LISTINGS_BY_SKU, b"");
    compare(rows::LISTINGS_BY_SKU, in_table, by_sku);
    compare(rows::DUE_OFFERS, rows.keys(rows::DUE_OFFERS, b""), due);
    let pushes = rows.keys(rows::PARKED, &prefix(&["push"]));
    compare(rows::PARKED, pushes, parked);
}

fn check_intents(rows: &Rows<'_>, found: &mut Findings) {
    let (mut outbox, mut errands) = (BTreeSet::new(), BTreeSet::new());
    let (mut parked, mut by_order) = (BTreeSet::new(), BTreeSet::new());
    for intent in rows.all::<Intent>(rows::INTENTS, b"") {
        let id: IntentId = intent.id;
        let id = id.to_string();
        by_order.insert(key(&[&intent.order.to_string(), &id]));
        match intent.state {
            IntentState::Waiting => match rows::waits_in(&intent) {
                (rows::ERRANDS, row) => drop(errands.insert(row)),
                (_, row) => drop(outbox.insert(row)),
            },
            IntentState::Parked(_) => drop(parked.insert(key(&["intent", &id]))),
            IntentState::Done(_) | IntentState::Dropped(_) => {}
        }
    }
    let mut compare = |table, is, should_be| {
        compare(Checker::IntentLists, table, is, should_be, found);
    };
    compare(rows::OUTBOX, rows.keys(rows::OUTBOX, b""), outbox);
    compare(rows::ERRANDS, rows.keys(rows::ERRANDS, b""), errands);
    let in_table = rows.keys(rows::INTENTS_BY_ORDER, b"");
    compare(rows::INTENTS_BY_ORDER, in_table, by_order);
    let intents = rows.keys(rows::PARKED, &prefix(&["intent"]));
    compare(rows::PARKED, intents, parked);
}

/// Open incidents are in their index, and say how many units are missing now. Those of a line that was
/// short before its item was counted may be still to come.
fn check_incidents(rows: &Rows<'_>, book: &Book, found: &mut Findings) {
    let mut open = BTreeSet::new();
    for incident in rows.all::<Incident>(rows::INCIDENTS, b"") {
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
        found.look(Checker::Incidents, 1);
        let missing = book.orders.get(&order).and_then(|order| {
            let item = order.line(line)?.item.as_ref()?;
            let per_unit = item.bill.get(&incident.sku)?;
            Some(per_unit.times(book.lacking_units(order, line).units()))
        });
        if missing != Some(incident.missing) {
            let (id, says) = (incident.id, incident.missing);
            let sentence = format!("P4: incident {id} says {says}, missing are {missing:?}");
            found.add(Checker::Incidents, sentence);
        }
    }
    let index = rows.keys(rows::OPEN_INCIDENTS, b"");
    compare(Checker::Incidents, rows::OPEN_INCIDENTS, index, open, found);
}

fn compare(
    checker: Checker,
    table: Table,
    is: Vec<Vec<u8>>,
    should_be: BTreeSet<Vec<u8>>,
    found: &mut Findings,
) {
    found.look(checker, should_be.len());
    let is: BTreeSet<Vec<u8>> = is.into_iter().collect();
    let extra: Vec<String> = is.difference(&should_be).map(|key| words(key)).collect();
    let missing: Vec<String> = should_be.difference(&is).map(|key| words(key)).collect();
    if !extra.is_empty() || !missing.is_empty() {
        let table = table.0;
        let sentence =
            format!("P4: the index {table} has {extra:?} too much and lacks {missing:?}");
        found.add(checker, sentence);
    }
}

/// A key as people read it.
fn words(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace('\0', " / ")
}
