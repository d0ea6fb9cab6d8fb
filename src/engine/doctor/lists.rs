//! The lists that others read by: the rows that the writer would make of orders, listings, offers,
//! intents, incidents and cases of drift if there were none yet, against those that there are.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Quantity, Sku,
    book::{Book, ClaimKey, Drift},
    ids::{OrderId, SeriesId},
    incident::Incident,
    intent::Intent,
    issuing::{Issued, Series},
    item::Item,
    offer::{Listing, Offer, Taken},
    order::Order,
    stock::Claim,
};
use store::{Row, Store, StoreError, Table};

use super::{Diagnosis, MEND, Scan, stock::Promised, words};
use crate::{
    rows::{self, key},
    shelf::Shelf,
};

/// The lists whose rows follow from others. Deadlines of payment are not among them: they follow from
/// the terms of the day on which an order last changed.
const LISTS: [Table; 25] = [
    rows::ORDER_REFS,
    rows::ORDERS_BY_PHASE,
    rows::ORDERS_BY_ACCOUNT,
    rows::ORDERS_BY_WORD,
    rows::OPEN_ORDERS,
    rows::SHORT_ORDERS,
    rows::OWED_ORDERS,
    rows::DUE_ORDERS,
    rows::OWED_OFFERS,
    rows::UNMAPPED_ORDERS,
    rows::TO_PICK,
    rows::OPEN_TASKS,
    rows::TO_ERASE,
    rows::DOCUMENT_NUMBERS,
    rows::KITS_BY_COMPONENT,
    rows::LISTINGS_BY_SKU,
    rows::DUE_OFFERS,
    rows::OUTBOX,
    rows::ERRANDS,
    rows::INTENTS_BY_ORDER,
    rows::PARKED,
    rows::OPEN_DRIFTS,
    rows::HELD_OFFERS,
    rows::OPEN_INCIDENTS,
    rows::TAKEN,
];
/// So many orders are looked at together.
const ORDERS_AT_ONCE: usize = 500;

/// What was read, and what follows from it.
#[derive(Default)]
pub(super) struct Known {
    pub(super) promised: BTreeMap<Sku, Promised>,
    pub(super) owed: BTreeMap<Sku, Quantity>,
    pub(super) missing: BTreeMap<Sku, Quantity>,
    scales: BTreeMap<Sku, u8>,
    lists: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    taken: BTreeMap<Vec<u8>, Taken>,
    /// Orders that wait for a payment.
    unpaid: BTreeSet<OrderId>,
}

impl Known {
    pub(super) fn scale(&self, sku: &Sku) -> u8 {
        self.scales.get(sku).copied().unwrap_or(0)
    }

    /// Notes the rows that the writer makes of a part of all state.
    fn note(&mut self, store: &dyn Store, book: &Book) {
        let batch = Shelf::empty(store).batch(book, |_| None);
        for (table, key, value) in batch.puts {
            if LISTS.contains(&table) {
                self.lists.insert((table, key), value);
            }
        }
    }
}

/// Reads everything that lists follow from.
pub(super) async fn read(store: &dyn Store, found: &mut Diagnosis) -> Result<Known, StoreError> {
    let mut known = Known::default();
    let mut book = Book::default();
    let mut scan = Scan::new(store, rows::ITEMS, Vec::new());
    while let Some((_, item, _)) = scan.read::<Item>(found).await? {
        known.scales.insert(item.sku.clone(), item.scale);
        book.items.insert(item.sku.clone(), item);
    }
    known.note(store, &book);
    let claims = claims(store, &mut known, found).await?;
    orders(store, claims, &mut known, found).await?;
    offers(store, &mut known, found).await?;
    let mut scan = Scan::new(store, rows::INTENTS, Vec::new());
    while let Some((_, intent, _)) = scan.read::<Intent>(found).await? {
        let mut book = Book::default();
        book.intents.insert(intent.id, intent);
        known.note(store, &book);
    }
    incidents(store, &mut known, found).await?;
    documents(store, &mut known, found).await?;
    let mut scan = Scan::new(store, rows::DRIFTS, Vec::new());
    while let Some((_, drift, _)) = scan.read::<Drift>(found).await? {
        let mut book = Book::default();
        book.drifts.insert(drift.id, drift);
        known.note(store, &book);
    }
    let taken = std::mem::take(&mut known.taken);
    for (key, taken) in &taken {
        known
            .lists
            .insert((rows::TAKEN, key.clone()), rows::encode(taken));
    }
    Ok(known)
}

type Claims = BTreeMap<OrderId, Vec<(ClaimKey, Claim)>>;

async fn claims(
    store: &dyn Store,
    known: &mut Known,
    found: &mut Diagnosis,
) -> Result<Claims, StoreError> {
    let mut claims = Claims::new();
    let mut scan = Scan::new(store, rows::CLAIMS, Vec::new());
    while let Some((_, claim, _)) = scan.read::<Claim>(found).await? {
        let sums = known.promised.entry(claim.sku.clone()).or_default();
        for (location, units) in &claim.places {
            let sum = sums.allocated.entry(location.clone()).or_default();
            *sum = sum.plus(*units);
        }
        sums.pending = sums.pending.plus(claim.pending());
        let sum = sums.pending_by.entry(claim.account.clone()).or_default();
        *sum = sum.plus(claim.pending());
        sums.pending_by.retain(|_, units| !units.is_zero());
        let name = ClaimKey {
            sku: claim.sku.clone(),
            order: claim.order,
            line: claim.line,
        };
        claims.entry(claim.order).or_default().push((name, claim));
    }
    Ok(claims)
}

async fn orders(
    store: &dyn Store,
    mut claims: Claims,
    known: &mut Known,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    let mut scan = Scan::new(store, rows::ORDERS, Vec::new());
    let mut book = Book::default();
    while let Some((_, order, _)) = scan.read::<Order>(found).await? {
        found.orders += 1;
        for (sku, units) in order.owes() {
            let sum = known.owed.entry(sku).or_default();
            *sum = sum.plus(units);
        }
        if !order.is_payable() && !order.is_withdrawn() && order.expired_at.is_none() {
            known.unpaid.insert(order.id);
        }
        book.claims
            .extend(claims.remove(&order.id).unwrap_or_default());
        take(&order, &book, &mut known.taken);
        book.orders.insert(order.id, order);
        if book.orders.len() >= ORDERS_AT_ONCE {
            known.note(store, &std::mem::take(&mut book));
        }
    }
    known.note(store, &book);
    for (order, claims) in claims {
        for (name, _) in claims {
            let sentence = format!(
                "Units of {} are promised to the order {order}, which is not there. Restore a backup, or \
                 report this: nothing can be computed again from it.",
                name.sku
            );
            found.tell("claims without an order", sentence);
        }
    }
    Ok(())
}

/// Adds what an order takes on its account.
fn take(order: &Order, book: &Book, sums: &mut BTreeMap<Vec<u8>, Taken>) {
    for line in &order.lines {
        let Some(item) = &line.item else { continue };
        let to_ship = order.claim_target(line.number);
        let to_ship = to_ship.min(line.counters.to_ship_first());
        let covered = book.claimed_units(order, line.number);
        let claimed = covered.plus(order.owed_units(line.number)).min(to_ship);
        let off = line.subtracted.minus(line.counters.shipped_net()).or_zero();
        let name = key(&[order.account.as_str(), item.sku.as_str()]);
        let sum = sums.entry(name).or_default();
        sum.open = sum.open.plus(claimed);
        sum.subtracted = sum.subtracted.plus(off);
        sum.unsubtracted = sum.unsubtracted.plus(claimed.minus(off).or_zero());
    }
}

async fn offers(
    store: &dyn Store,
    known: &mut Known,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    let mut scan = Scan::new(store, rows::LISTINGS, Vec::new());
    while let Some((_, listing, _)) = scan.read::<Listing>(found).await? {
        let mut book = Book::default();
        let at = (listing.account.clone(), listing.listing.clone());
        book.listings.insert(at, listing);
        known.note(store, &book);
    }
    let mut scan = Scan::new(store, rows::OFFERS, Vec::new());
    while let Some((_, offer, _)) = scan.read::<Offer>(found).await? {
        let mut book = Book::default();
        let at = (offer.account.clone(), offer.listing.clone());
        book.offers.insert(at, offer);
        known.note(store, &book);
    }
    Ok(())
}

async fn incidents(
    store: &dyn Store,
    known: &mut Known,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    let mut scan = Scan::new(store, rows::INCIDENTS, Vec::new());
    while let Some((_, incident, _)) = scan.read::<Incident>(found).await? {
        if incident.closed_at.is_some() {
            continue;
        }
        let sum = known.missing.entry(incident.sku.clone()).or_default();
        *sum = sum.plus(incident.missing);
        let name = ClaimKey {
            sku: incident.sku.clone(),
            order: incident.order,
            line: incident.line,
        };
        let mut book = Book::default();
        book.incidents.insert(name, incident);
        known.note(store, &book);
    }
    Ok(())
}

/// Numbers are taken in turn, so none that a document has is after the last one of its series.
async fn documents(
    store: &dyn Store,
    known: &mut Known,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    let mut lasts: BTreeMap<Vec<u8>, Series> = BTreeMap::new();
    let mut scan = Scan::new(store, rows::DOCUMENTS, Vec::new());
    while let Some((_, issued, _)) = scan.read::<Issued>(found).await? {
        let number = issued.number.as_str();
        let series = number.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = number.get(series.len()..).unwrap_or_default();
        let at = rows::series_key(&SeriesId::new(series));
        let of_seller = lasts.entry(at).or_insert_with(|| Series {
            seller: issued.seller.clone(),
            kind: issued.kind,
            last: 0,
        });
        of_seller.last = of_seller.last.max(digits.parse().unwrap_or_default());
        let mut book = Book::default();
        book.documents.insert(issued.id, issued);
        known.note(store, &book);
    }
    for (at, right) in lasts {
        let row = store.get(rows::SERIES, &at).await?;
        let is: Option<Series> = match &row {
            Some(row) => Some(rows::decode(rows::SERIES, &row.value)?),
            None => None,
        };
        let said = is.map_or(0, |series| series.last);
        if said >= right.last {
            continue;
        }
        let (name, last) = (words(&at), right.last);
        let sentence =
            format!("The series `{name}` stands at {said}, and {last} was given already; {MEND}.");
        found.tell("series that are behind their documents", sentence);
        found.mend(rows::SERIES, at, row.as_ref(), Some(rows::encode(&right)));
    }
    Ok(())
}

/// Compares every list with what it should be.
pub(super) async fn compare(
    store: &dyn Store,
    mut known: Known,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    for table in LISTS {
        let mut scan = Scan::new(store, table, Vec::new());
        while let Some((row_key, row)) = scan.next().await? {
            found.listed += 1;
            let right = known.lists.remove(&(table, row_key.clone()));
            compare_row(table, row_key, &row, right, found);
        }
    }
    for ((table, row_key), value) in known.lists {
        if table == rows::TAKEN && value == rows::encode(&Taken::default()) {
            continue;
        }
        let sentence = format!(
            "The list `{}` lacks `{}`, so what reads that list passes it over; {MEND}.",
            table.0,
            words(&row_key)
        );
        found.tell("rows that are missing in lists", sentence);
        found.mend(table, row_key, None, Some(value));
    }
    deadlines(store, &known.unpaid, found).await
}

fn compare_row(
    table: Table,
    row_key: Vec<u8>,
    row: &Row,
    right: Option<Vec<u8>>,
    found: &mut Diagnosis,
) {
    let right = match table {
        rows::TAKEN => {
            // What came and went is in no order any more, so it is believed, also where nothing else is left.
            let is: Taken = rows::decode(table, &row.value).unwrap_or_default();
            let right = right.and_then(|value| rows::decode::<Taken>(table, &value).ok());
            let mut right = right.unwrap_or_default();
            right.passed = is.passed;
            Some(rows::encode(&right))
        }
        _ => right,
    };
    if right.as_ref() == Some(&row.value) {
        return;
    }
    let (list, name) = (table.0, words(&row_key));
    let sentence = match &right {
        None => format!("The list `{list}` has `{name}`, which does not belong there; {MEND}."),
        Some(_) => format!(
            "In the list `{list}` the row `{name}` says something else than it should; {MEND}."
        ),
    };
    found.tell("rows of lists that are not what they should be", sentence);
    found.mend(table, row_key, Some(row), right);
}

/// An order that is paid, or gone, must not lose its stock for not being paid.
async fn deadlines(
    store: &dyn Store,
    unpaid: &BTreeSet<OrderId>,
    found: &mut Diagnosis,
) -> Result<(), StoreError> {
    let mut scan = Scan::new(store, rows::UNPAID_ORDERS, Vec::new());
    while let Some((row_key, row)) = scan.next().await? {
        found.listed += 1;
        let order = rows::last_part(&row_key).parse();
        if order.is_ok_and(|order| unpaid.contains(&order)) {
            continue;
        }
        let sentence = format!(
            "The list `{}` has `{}`, an order that waits for no payment; {MEND}.",
            rows::UNPAID_ORDERS.0,
            words(&row_key)
        );
        found.tell("rows of lists that are not what they should be", sentence);
        found.mend(rows::UNPAID_ORDERS, row_key, Some(&row), None);
    }
    Ok(())
}
