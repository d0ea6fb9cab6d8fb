//! What must hold when the world is quiet: the promises P5 and P6, and the truth of the shops.
//!
//! Everything here compares our book with what the twins know. It is asked again and again while the
//! world settles, and what it still says at the end is a violation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    AccountId, ExternalId, Quantity, Sku, Time,
    book::{Book, Drift, Incident},
    fact::{Event, Fact},
    ids::OrderId,
    intent::{Intent, IntentState, Wish},
    locations::Locations,
    offer::{Listing, Offer},
    order::Order,
    stock::{Movement, Stock},
};
use engine::rows::{self, prefix};
use sandbox::{
    TrueOrder, Truth,
    judge::{self, Edit, Evidence, Judgment, Reason},
};
use store::{INBOX, Memory};

use crate::{
    checkers::take_claims,
    findings::{Checker, Findings},
    gateways::{self, Told},
    goods, paperwork,
    places::free_for,
    promises,
    pushes::check_replaced,
    rows::Rows,
};

/// What one unit of each kit and service takes.
pub type Bills = BTreeMap<Sku, BTreeMap<Sku, i64>>;

/// What is compared.
pub struct Scene<'a> {
    /// What is durable.
    pub memory: &'a Memory,
    /// All facts, in order.
    pub facts: &'a [Fact],
    /// The truth of each shop.
    pub truths: BTreeMap<AccountId, Truth>,
    /// The account of those that no shop knows, because our staff enter them.
    pub by_hand: Option<&'a AccountId>,
    /// What was really asked of those who are no channels.
    pub told: &'a Told,
    /// What kits and services take from stock.
    pub bills: Bills,
    /// How many of each good there were in all.
    pub stock: BTreeMap<Sku, i64>,
    /// Levels that staff edited.
    pub edits: Vec<Edit>,
    /// Where stock can lie.
    pub locations: &'a Locations,
    /// How many units of each good may be owed.
    pub may_owe: BTreeMap<Sku, i64>,
    /// What time it is.
    pub now: Time,
    /// The accounts on channels that replace a level only when it is the one we believe.
    pub compares: BTreeSet<AccountId>,
}

/// The judgment, and what is not as it should be, in sentences.
pub fn check(scene: Scene<'_>) -> (Judgment, Findings) {
    let rows = Rows(scene.memory);
    let mut found = Findings::default();
    check_nothing_waits(&rows, &mut found);
    let orders: Vec<Order> = values(rows.scan(rows::ORDERS, b""));
    let known = Known::of(&rows, &scene.truths);
    check_orders(&known, &orders, &mut found);
    check_shipments(&known, (&orders, scene.by_hand), &mut found);
    goods::check_counts(&rows, &mut found);
    let there = (&scene.stock, &scene.bills, scene.locations);
    check_stock(&rows, &orders, there, &mut found);
    check_wishes(&known, &orders, &mut found);
    paperwork::check(&rows, &orders, &mut found);
    gateways::check(&rows, &orders, scene.told, &mut found);
    promises::check(&rows, &scene.may_owe, scene.now, &mut found);
    check_echo(&rows, scene.facts, &mut found);
    let (facts, compares) = (scene.facts, &scene.compares);
    check_replaced(scene.memory, facts, &scene.truths, compares, &mut found);
    let evidence = evidence(&rows, &orders, scene);
    let judgment = judge::judge(&evidence);
    found.look(Checker::Known, evidence.known.len());
    found.look(Checker::Levels, evidence.wanted.len());
    found.look(Checker::Oversold, judgment.oversold.len());
    for (account, id) in &judgment.unknown {
        let sentence = format!("P6: order {id} of {account} is not known");
        found.add(Checker::Known, sentence);
    }
    for (account, id) in &judgment.invented {
        let sentence = format!("P2: order {id} of {account} was never placed");
        found.add(Checker::Known, sentence);
    }
    for level in &judgment.levels_wrong {
        let (account, shown, sku) = (&level.account, level.shown, &level.sku);
        let sentence = format!(
            "P6: {account} shows {shown:?} of {sku}, not {}",
            level.wanted
        );
        found.add(Checker::Levels, sentence);
    }
    let oversold = judgment.oversold.iter();
    for one in oversold.filter(|one| one.reason == Reason::Unexplained) {
        let sentence = format!("oversold without an excuse: {one:?}");
        found.add(Checker::Oversold, sentence);
    }
    (judgment, found)
}

/// Whether anything waits that could be done: then the world is not quiet, whatever else holds.
pub fn is_waiting(memory: &Memory) -> bool {
    let mut found = Findings::default();
    check_nothing_waits(&Rows(memory), &mut found);
    !found.are_none()
}

/// What is known of each order beyond its row: our wishes, and what its shop knows.
struct Known<'t> {
    intents: BTreeMap<OrderId, Vec<Arc<Intent>>>,
    truths: BTreeMap<(&'t AccountId, &'t ExternalId), &'t TrueOrder>,
}

impl<'t> Known<'t> {
    fn of(rows: &Rows<'_>, truths: &'t BTreeMap<AccountId, Truth>) -> Known<'t> {
        let mut intents: BTreeMap<OrderId, Vec<Arc<Intent>>> = BTreeMap::new();
        for intent in rows.all::<Intent>(rows::INTENTS, b"") {
            intents.entry(intent.order).or_default().push(intent);
        }
        let orders = truths.iter().flat_map(|(account, truth)| {
            let orders = truth.orders.iter();
            orders.map(move |order| ((account, &order.external_id), order))
        });
        // What stands first for an id is what counts.
        let truths = orders.rev().collect();
        Known { intents, truths }
    }

    fn intents(&self, order: &Order) -> &[Arc<Intent>] {
        self.intents.get(&order.id).map_or(&[], Vec::as_slice)
    }

    fn truth(&self, order: &Order) -> Option<&'t TrueOrder> {
        self.truths
            .get(&(&order.account, &order.external_id))
            .copied()
    }
}

fn values<T>(rows: Vec<(Vec<u8>, T)>) -> Vec<T> {
    rows.into_iter().map(|(_, value)| value).collect()
}

/// P6 and P5: nothing waits that could be done.
fn check_nothing_waits(rows: &Rows<'_>, found: &mut Findings) {
    // An intent may be parked: a person must look at what a channel refuses.
    for (table, below, what) in [
        (INBOX, Vec::new(), "signals wait to be decided"),
        (rows::DUE_OFFERS, Vec::new(), "levels wait to be pushed"),
        (rows::OUTBOX, Vec::new(), "intents wait to be carried out"),
        (rows::ERRANDS, Vec::new(), "errands wait to be run"),
        (rows::PARKED, prefix(&["push"]), "pushes are parked"),
        (
            rows::PARKED_SIGNALS,
            Vec::new(),
            "signals could not be read",
        ),
    ] {
        let keys = rows.keys(table, &below);
        found.look(Checker::Waiting, 1);
        if !keys.is_empty() {
            let first = String::from_utf8_lossy(&keys[0]).replace('\0', " / ");
            let row: Option<serde_json::Value> = rows.get(table, &keys[0]);
            let reason = row.and_then(|row| Some(row.get("reason")?.to_string()));
            let reason = reason.map_or(String::new(), |reason| format!(", because {reason}"));
            let sentence = format!("P6: {} {what}: {first}{reason}", keys.len());
            found.add(Checker::Waiting, sentence);
        }
    }
    for drift in values(rows.scan::<Drift>(rows::DRIFTS, b"")) {
        if drift.closed_at.is_none() {
            let sentence = format!("P6: drift is open: {drift:?}");
            found.add(Checker::Waiting, sentence);
        }
    }
}

/// Every order is with us as its shop has it.
fn check_orders(known: &Known<'_>, orders: &[Order], found: &mut Findings) {
    for order in orders {
        let Some(truth) = known.truth(order) else {
            continue;
        };
        found.look(Checker::Orders, 1);
        let name = format!("order {} of {}", order.external_id, order.account);
        let is_over = truth.is_canceled || truth.is_deleted;
        let units = |count: fn(&domain::order::Counters) -> Quantity| -> Quantity {
            order.lines.iter().map(|line| count(&line.counters)).sum()
        };
        let wanted = units(domain::order::Counters::wanted);
        let shipped = units(domain::order::Counters::shipped_net);
        if is_over && wanted > shipped {
            let sentence = format!("P6: {name} is over there, and {wanted} are wanted here");
            found.add(Checker::Orders, sentence);
        }
        let bought: i64 = truth.lines.iter().map(|(_, units)| i64::from(*units)).sum();
        // What we gave the money back for may be off it, if the shop takes it off.
        let given_up: i64 = known
            .intents(order)
            .iter()
            .filter_map(|intent| match &intent.wish {
                Wish::Refund { lines, .. } => Some(lines),
                Wish::PushShipment { .. }
                | Wish::CancelOrder { .. }
                | Wish::Capture { .. }
                | Wish::Message { .. }
                | Wish::BuyLabel { .. }
                | Wish::VoidLabel { .. } => None,
            })
            .flatten()
            .map(|(_, units)| units.units())
            .sum();
        if !is_over && !(bought - given_up..=bought).contains(&wanted.units()) {
            let sentence = format!("P6: {name} is of {bought} units, not of {wanted}");
            found.add(Checker::Orders, sentence);
        }
    }
}

/// P5: what we shipped is in the shop exactly once, or parked; where there is no shop nobody is told.
fn check_shipments(
    known: &Known<'_>,
    (orders, by_hand): (&[Order], Option<&AccountId>),
    found: &mut Findings,
) {
    for order in orders {
        if Some(&order.account) == by_hand {
            let intents = known.intents(order).iter();
            let intents = intents.filter(|intent| intent.wish.gateway().is_none());
            let (intents, number) = (intents.count(), &order.external_id);
            if intents > 0 {
                let sentence =
                    format!("P5: {number} was entered by hand, and has {intents} intents");
                found.add(Checker::Parcels, sentence);
            }
            continue;
        }
        // Of what is sent again the shop is not told: it knows of what was sent first.
        let told = order
            .shipments
            .iter()
            .filter(|one| one.is_ours && !one.is_again);
        for shipment in told {
            found.look(Checker::Parcels, 1);
            let tells = |intent: &&Arc<Intent>| match &intent.wish {
                Wish::PushShipment { shipment: of, .. } => *of == shipment.id,
                Wish::CancelOrder { .. }
                | Wish::Refund { .. }
                | Wish::Capture { .. }
                | Wish::Message { .. }
                | Wish::BuyLabel { .. }
                | Wish::VoidLabel { .. } => false,
            };
            let told: Vec<_> = known.intents(order).iter().filter(tells).collect();
            let number = shipment.tracking_number.as_deref().unwrap_or_default();
            let parcels = known.truth(order).map_or(0, |truth| {
                let parcels = truth.shipments.iter();
                parcels
                    .filter(|parcel| parcel.tracking_number == number)
                    .count()
            });
            let expected = match told.as_slice() {
                [intent] => match intent.state {
                    IntentState::Done(_) => 1..=1,
                    IntentState::Waiting | IntentState::Parked(_) | IntentState::Dropped(_) => {
                        0..=1
                    }
                },
                _ => {
                    let count = told.len();
                    let sentence = format!("P5: {} has {count} intents", shipment.id);
                    found.add(Checker::Parcels, sentence);
                    continue;
                }
            };
            if !expected.contains(&parcels) {
                let (order, account) = (&order.external_id, &order.account);
                let sentence =
                    format!("P5: parcel {number} of order {order} is {parcels} times on {account}");
                found.add(Checker::Parcels, sentence);
            }
        }
    }
}

/// P5: what we canceled is canceled there, and what we gave back or took was given back or taken once.
fn check_wishes(known: &Known<'_>, orders: &[Order], found: &mut Findings) {
    for order in orders {
        let Some(truth) = known.truth(order) else {
            continue;
        };
        let name = format!("order {} of {}", order.external_id, order.account);
        let is_over = truth.is_canceled || truth.is_deleted;
        let (mut given, mut perhaps) = (0, 0);
        let mut taken = 0;
        for intent in known.intents(order) {
            let is_done = matches!(intent.state, IntentState::Done(_));
            match &intent.wish {
                Wish::PushShipment { .. }
                | Wish::Message { .. }
                | Wish::BuyLabel { .. }
                | Wish::VoidLabel { .. } => continue,
                Wish::Capture { amount } if is_done => taken += amount.minor(),
                Wish::Capture { .. } => {}
                Wish::CancelOrder { .. } if is_done && !is_over => {
                    let sentence = format!("P5: {name} was canceled by us, and is not there");
                    found.add(Checker::Wishes, sentence);
                }
                Wish::CancelOrder { .. } => {}
                Wish::Refund { amount, .. } if is_done => given += amount.minor(),
                Wish::Refund { amount, .. } => perhaps += amount.minor(),
            }
            found.look(Checker::Wishes, 1);
        }
        // Nobody but us takes it: where it was taken we know so, however often the answer was lost.
        if truth.captured_minor != taken {
            let is = truth.captured_minor;
            let sentence = format!("P5: {is} of {name} were taken, and {taken} are noted");
            found.add(Checker::Wishes, sentence);
        }
        // A shop that cancels an order gives all of it back by itself.
        let is_right = (given..=given + perhaps).contains(&truth.refunded_minor);
        if !is_over && !is_right {
            let is = truth.refunded_minor;
            let sentence = format!("P5: {is} of {name} were given back, not {given}");
            found.add(Checker::Wishes, sentence);
        }
    }
}

/// P4: what is noted as acknowledged is what was acknowledged last, so that we know it when we see it.
fn check_echo(rows: &Rows<'_>, facts: &[Fact], found: &mut Findings) {
    let mut last = BTreeMap::new();
    for fact in facts {
        if let (
            Some(account),
            Event::PushAcknowledged {
                listing, quantity, ..
            },
        ) = (&fact.account, &fact.event)
        {
            last.insert((account, listing), *quantity);
        }
    }
    for offer in values(rows.scan::<Offer>(rows::OFFERS, b"")) {
        let Some(told) = last.get(&(&offer.account, &offer.listing)) else {
            continue;
        };
        found.look(Checker::Echo, 1);
        let noted = offer.acknowledged.map(|noted| noted.quantity);
        if noted != Some(*told) {
            let (account, sku) = (&offer.account, &offer.sku);
            let sentence =
                format!("P4: {account} acknowledged {told} of {sku}, and {noted:?} is noted");
            found.add(Checker::Echo, sentence);
        }
    }
}

/// The goods are all accounted for, and nobody goes short of what is there.
fn check_stock(
    rows: &Rows<'_>,
    orders: &[Order],
    (there, bills, locations): (&BTreeMap<Sku, i64>, &Bills, &Locations),
    found: &mut Findings,
) {
    let mut left: BTreeMap<Sku, i64> = there.clone();
    for line in orders.iter().flat_map(|order| &order.lines) {
        let shipped = line.counters.shipped_net().units();
        let Some(item) = &line.item else { continue };
        // What it takes is what the kit is, not what our book believes that it is.
        let itself = BTreeMap::from([(item.sku.clone(), 1)]);
        for (sku, per_unit) in bills.get(&item.sku).unwrap_or(&itself) {
            *left.entry(sku.clone()).or_default() -= shipped * per_unit;
        }
    }
    let mut on_hand: BTreeMap<Sku, i64> = BTreeMap::new();
    rows.each(rows::MOVEMENTS, b"", |_, movement: &Arc<Movement>| {
        let units = movement.delta.units();
        match on_hand.get_mut(&movement.sku) {
            Some(sum) => *sum += units,
            None => drop(on_hand.insert(movement.sku.clone(), units)),
        }
    });
    found.look(Checker::Goods, left.len());
    if on_hand != left {
        let sentence = format!("P6: {on_hand:?} lie here, and {left:?} are left");
        found.add(Checker::Goods, sentence);
    }
    let mut book = Book::default();
    take_claims(rows, &mut book);
    let stock: BTreeMap<Sku, Stock> = values(rows.scan::<Stock>(rows::STOCK, b""))
        .into_iter()
        .map(|stock| (stock.sku.clone(), stock))
        .collect();
    for order in orders {
        for line in &order.lines {
            let Some(item) = &line.item else { continue };
            let is_there = item.bill.iter().all(|(sku, per_unit)| {
                let free = stock.get(sku);
                let free = free.map(|stock| free_for(locations, stock, &order.account));
                free.unwrap_or_default() >= *per_unit
            });
            if is_there && book.missing_units(order, line.number).is_positive() {
                let (order, account, sku) = (&order.external_id, &order.account, &item.sku);
                let sentence =
                    format!("P6: order {order} of {account} is short of {sku}, which is there");
                found.add(Checker::Goods, sentence);
            }
        }
    }
}

fn evidence(rows: &Rows<'_>, orders: &[Order], scene: Scene<'_>) -> Evidence {
    let sku_of = values(rows.scan::<Listing>(rows::LISTINGS, b""))
        .into_iter()
        .filter_map(|listing| Some(((listing.account, listing.listing), listing.sku?)))
        .collect();
    let offers = values(rows.scan::<Offer>(rows::OFFERS, b""));
    let wanted = offers.into_iter().filter_map(|offer| {
        let quantity = offer.wanted?.quantity.units();
        Some(((offer.account, offer.sku), quantity))
    });
    let mut stock = scene.stock;
    for (sku, units) in goods::unsellable(rows) {
        *stock.entry(sku).or_default() -= units;
    }
    for (sku, units) in goods::sent_again(orders) {
        *stock.entry(sku).or_default() -= units;
    }
    let accounts: Vec<&AccountId> = scene.truths.keys().collect();
    let are_apart = |one: &AccountId, other: &AccountId| {
        let mut places = scene.locations.declared().iter();
        places.any(|place| place.serves(other) != place.serves(one))
    };
    let pairs = accounts
        .iter()
        .flat_map(|one| accounts.iter().map(move |other| (*one, *other)));
    let served_apart = pairs
        .filter(|(one, other)| are_apart(one, other))
        .map(|(one, other)| (one.clone(), other.clone()))
        .collect();
    let below_zero = accounts.iter().flat_map(|account| {
        let by_sku = goods::below_zero(scene.facts, scene.locations, account);
        let of_account = by_sku.into_iter();
        of_account.map(|(sku, times)| (((*account).clone(), sku), times))
    });
    let mut evidence = Evidence {
        below_zero: below_zero.collect(),
        served_apart,
        wanted: wanted.collect(),
        shops: scene.truths,
        bills: scene.bills,
        stock,
        may_owe: scene.may_owe,
        edits: scene.edits,
        taken_off: goods::taken_off(scene.facts, orders),
        ..Evidence::default()
    };
    evidence.take_in(judge::Book {
        facts: scene.facts,
        orders,
        incidents: &values(rows.scan::<Incident>(rows::INCIDENTS, b"")),
        sku_of: &sku_of,
    });
    evidence
}
