//! What must hold when the world is quiet: the promises P5 and P6, and the truth of the shops.
//!
//! Everything here compares our book with what the twins know. It is asked again and again while the
//! world settles, and what it still says at the end is a violation.

use std::collections::BTreeMap;

use domain::{
    AccountId, Quantity, Sku,
    book::{Book, ClaimKey, Drift, Incident},
    fact::Fact,
    intent::{Intent, IntentState, Wish},
    offer::{Listing, Offer},
    order::Order,
    stock::{Claim, Movement, Stock},
};
use engine::rows::{self, prefix};
use sandbox::{
    TrueOrder, Truth,
    judge::{self, Edit, Evidence, Judgment, Reason},
};
use store::{INBOX, Memory};

use crate::rows::Rows;

/// What is compared.
pub struct Scene<'a> {
    /// What is durable.
    pub memory: &'a Memory,
    /// All facts, in order.
    pub facts: &'a [Fact],
    /// The truth of each shop.
    pub truths: BTreeMap<AccountId, Truth>,
    /// What kits and services take from stock.
    pub bills: BTreeMap<Sku, BTreeMap<Sku, i64>>,
    /// How many of each good there were in all.
    pub stock: BTreeMap<Sku, i64>,
    /// Levels that staff edited.
    pub edits: Vec<Edit>,
}

/// The judgment, and what is not as it should be, in sentences.
pub fn check(scene: Scene<'_>) -> (Judgment, Vec<String>) {
    let rows = Rows(scene.memory);
    let mut wrong = Vec::new();
    check_nothing_waits(&rows, &mut wrong);
    let orders: Vec<Order> = values(rows.scan(rows::ORDERS, b""));
    check_orders(&orders, &scene.truths, &mut wrong);
    check_shipments(&rows, &orders, &scene.truths, &mut wrong);
    check_stock(&rows, &orders, &scene.stock, &mut wrong);
    let judgment = judge::judge(&evidence(&rows, &orders, scene));
    for (account, id) in &judgment.unknown {
        wrong.push(format!("P6: order {id} of {account} is not known"));
    }
    for (account, id) in &judgment.invented {
        wrong.push(format!("P2: order {id} of {account} was never placed"));
    }
    for level in &judgment.levels_wrong {
        wrong.push(format!(
            "P6: {} shows {:?} of {}, not {}",
            level.account, level.shown, level.sku, level.wanted
        ));
    }
    let oversold = judgment.oversold.iter();
    for one in oversold.filter(|one| one.reason == Reason::Unexplained) {
        wrong.push(format!("oversold without an excuse: {one:?}"));
    }
    (judgment, wrong)
}

fn values<T>(rows: Vec<(Vec<u8>, T)>) -> Vec<T> {
    rows.into_iter().map(|(_, value)| value).collect()
}

/// P6 and P5: nothing waits that could be done.
fn check_nothing_waits(rows: &Rows<'_>, wrong: &mut Vec<String>) {
    // An intent may be parked: a person must look at what a channel refuses.
    for (table, below, what) in [
        (INBOX, Vec::new(), "signals wait to be decided"),
        (rows::DUE_OFFERS, Vec::new(), "levels wait to be pushed"),
        (rows::OUTBOX, Vec::new(), "intents wait to be carried out"),
        (rows::PARKED, prefix(&["push"]), "pushes are parked"),
        (
            rows::PARKED_SIGNALS,
            Vec::new(),
            "signals could not be read",
        ),
    ] {
        let keys = rows.keys(table, &below);
        if !keys.is_empty() {
            let first = String::from_utf8_lossy(&keys[0]).replace('\0', " / ");
            wrong.push(format!("P6: {} {what}: {first}", keys.len()));
        }
    }
    for drift in values(rows.scan::<Drift>(rows::DRIFTS, b"")) {
        if drift.closed_at.is_none() {
            wrong.push(format!("P6: drift is open: {drift:?}"));
        }
    }
}

/// Every order is with us as its shop has it.
fn check_orders(orders: &[Order], truths: &BTreeMap<AccountId, Truth>, wrong: &mut Vec<String>) {
    for order in orders {
        let Some(truth) = find(truths, order) else {
            continue;
        };
        let name = format!("order {} of {}", order.external_id, order.account);
        let is_over = truth.is_canceled || truth.is_deleted;
        let units = |count: fn(&domain::order::Counters) -> Quantity| -> Quantity {
            order.lines.iter().map(|line| count(&line.counters)).sum()
        };
        let wanted = units(domain::order::Counters::wanted);
        let shipped = units(domain::order::Counters::shipped_net);
        if is_over && wanted > shipped {
            wrong.push(format!(
                "P6: {name} is over there, and {wanted} are wanted here"
            ));
        }
        let bought: i64 = truth.lines.iter().map(|(_, units)| i64::from(*units)).sum();
        if !is_over && wanted.units() != bought {
            wrong.push(format!("P6: {name} is of {bought} units, not of {wanted}"));
        }
    }
}

fn find<'t>(truths: &'t BTreeMap<AccountId, Truth>, order: &Order) -> Option<&'t TrueOrder> {
    let orders = &truths.get(&order.account)?.orders;
    orders
        .iter()
        .find(|truth| truth.external_id == order.external_id)
}

/// P5: what we shipped is in the shop exactly once, or parked.
fn check_shipments(
    rows: &Rows<'_>,
    orders: &[Order],
    truths: &BTreeMap<AccountId, Truth>,
    wrong: &mut Vec<String>,
) {
    let intents: Vec<Intent> = values(rows.scan(rows::INTENTS, b""));
    for order in orders {
        for shipment in order.shipments.iter().filter(|shipment| shipment.is_ours) {
            let tells = |intent: &&Intent| match &intent.wish {
                Wish::PushShipment { shipment: of, .. } => *of == shipment.id,
                Wish::CancelOrder { .. } | Wish::Refund { .. } => false,
            };
            let told: Vec<&Intent> = intents.iter().filter(tells).collect();
            let number = shipment.tracking_number.as_deref().unwrap_or_default();
            let parcels = find(truths, order).map_or(0, |truth| {
                let parcels = truth.shipments.iter();
                parcels
                    .filter(|parcel| parcel.tracking_number == number)
                    .count()
            });
            let expected = match told.as_slice() {
                [intent] => match intent.state {
                    IntentState::Done(_) => 1..=1,
                    IntentState::Waiting | IntentState::Parked(_) => 0..=1,
                },
                _ => {
                    let count = told.len();
                    wrong.push(format!("P5: {} has {count} intents", shipment.id));
                    continue;
                }
            };
            if !expected.contains(&parcels) {
                wrong.push(format!(
                    "P5: parcel {number} of order {} is {parcels} times on {}",
                    order.external_id, order.account
                ));
            }
        }
    }
}

/// The goods are all accounted for, and nobody goes short of what is there.
fn check_stock(
    rows: &Rows<'_>,
    orders: &[Order],
    there: &BTreeMap<Sku, i64>,
    wrong: &mut Vec<String>,
) {
    let mut left: BTreeMap<Sku, i64> = there.clone();
    for line in orders.iter().flat_map(|order| &order.lines) {
        let shipped = line.counters.shipped_net().units();
        for (sku, per_unit) in line.item.iter().flat_map(|item| &item.bill) {
            *left.entry(sku.clone()).or_default() -= shipped * per_unit.units();
        }
    }
    let mut on_hand: BTreeMap<Sku, i64> = BTreeMap::new();
    for movement in values(rows.scan::<Movement>(rows::MOVEMENTS, b"")) {
        *on_hand.entry(movement.sku).or_default() += movement.delta.units();
    }
    if on_hand != left {
        wrong.push(format!("P6: {on_hand:?} lie here, and {left:?} are left"));
    }
    let mut book = Book::default();
    for claim in values(rows.scan::<Claim>(rows::CLAIMS, b"")) {
        let name = ClaimKey {
            sku: claim.sku.clone(),
            order: claim.order,
            line: claim.line,
        };
        book.claims.insert(name, claim);
    }
    let stock: BTreeMap<Sku, Stock> = values(rows.scan::<Stock>(rows::STOCK, b""))
        .into_iter()
        .map(|stock| (stock.sku.clone(), stock))
        .collect();
    for order in orders {
        for line in &order.lines {
            let Some(item) = &line.item else { continue };
            let is_there = item.bill.iter().all(|(sku, per_unit)| {
                let sellable = stock.get(sku).map(Stock::sellable).unwrap_or_default();
                sellable >= *per_unit
            });
            if is_there && book.missing_units(order, line.number).is_positive() {
                wrong.push(format!(
                    "P6: order {} of {} is short of {}, which is there",
                    order.external_id, order.account, item.sku
                ));
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
    let mut evidence = Evidence {
        wanted: wanted.collect(),
        shops: scene.truths,
        bills: scene.bills,
        stock: scene.stock,
        edits: scene.edits,
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
