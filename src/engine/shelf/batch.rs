//! Writing what a decision changed: the rows that differ from what was loaded, and their indexes.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Sku, Time,
    book::{Book, ClaimKey},
    breaker::Side,
    fact::Event,
    ids::DocumentId,
    intent::IntentState,
    item::{Item, ItemKind},
    mapping::Mapping,
    offer::{Offer, Taken},
    order::{Order, Phase},
    stock::{Claim, LocationId},
};
use serde::Serialize;
use store::{Batch, Expect, Table};

use super::{Shelf, memo::Value};
use crate::{
    finding,
    rows::{self, key, sortable, sortable_time},
};

impl Shelf<'_> {
    /// The batch that turns the loaded book into this one. Empty when nothing changed.
    pub fn batch(&self, book: &Book, deadline: impl Fn(&Order) -> Option<Time>) -> Batch {
        let mut writer = Writer {
            shelf: self,
            batch: Batch::default(),
        };
        writer.orders(book, &deadline);
        writer.items(book);
        writer.listings(book);
        writer.intents(book);
        writer.stocktakes(book);
        writer.mappings(book);
        for (name, claim) in &book.claims {
            writer.keep(
                rows::CLAIMS,
                claim_key(name),
                Claim::open(claim).is_positive().then_some(claim),
            );
        }
        for (name, incident) in &book.incidents {
            let (id, before) = (incident.id, self.book.incidents.get(name));
            writer.keep(rows::INCIDENTS, key(&[&id.to_string()]), Some(incident));
            let is_open = incident.closed_at.is_none();
            if before.is_none() && is_open {
                writer.put(rows::OPEN_INCIDENTS, incident_key(name), &id);
            } else if before.is_some() && !is_open {
                writer.delete(rows::OPEN_INCIDENTS, incident_key(name));
            }
        }
        for (at, taken) in &book.taken {
            let before = self.book.taken.get(at);
            if before == Some(taken) {
                continue;
            }
            let (account, sku) = at;
            // Where a row was there is one: by its version who takes opening stock knows that units came and
            // went between two looks.
            let kept = (before.is_some() || *taken != Taken::default()).then_some(taken);
            writer.keep(rows::TAKEN, key(&[account.as_str(), sku.as_str()]), kept);
        }
        writer.drifts(book);
        for (account, last) in &book.numbers {
            writer.keep(rows::ORDER_NUMBERS, key(&[account.as_str()]), Some(last));
        }
        writer.documents(book);
        for (account, breaker) in &book.breakers {
            writer.keep(rows::BREAKERS, key(&[account.as_str()]), Some(breaker));
        }
        for movement in &book.movements {
            let row_key = key(&[movement.sku.as_str(), &movement.id.to_string()]);
            writer.put(rows::MOVEMENTS, row_key, movement);
        }
        for change in &book.claim_changes {
            let row_key = key(&[change.sku.as_str(), &change.id.to_string()]);
            writer.put(rows::CLAIM_CHANGES, row_key, change);
        }
        let mut batch = writer.batch;
        batch.facts = rows::encode_facts(&book.facts);
        if batch.puts.is_empty() && batch.deletes.is_empty() {
            return Batch::default();
        }
        batch.expects = self
            .read
            .iter()
            .map(|((table, key), version)| Expect {
                table: *table,
                key: key.clone(),
                version: *version,
            })
            .collect();
        batch
    }
}

pub(super) fn claim_key(name: &ClaimKey) -> Vec<u8> {
    key(&[
        name.sku.as_str(),
        &name.order.to_string(),
        &sortable(name.line.into()),
    ])
}

pub(super) fn incident_key(name: &ClaimKey) -> Vec<u8> {
    key(&[
        &name.order.to_string(),
        &sortable(name.line.into()),
        name.sku.as_str(),
    ])
}

/// Collects the rows that differ from what was loaded.
pub(crate) struct Writer<'s, 'a> {
    shelf: &'s Shelf<'a>,
    batch: Batch,
}

impl Writer<'_, '_> {
    fn put<T: Serialize>(&mut self, table: Table, key: Vec<u8>, value: &T) {
        self.batch.puts.push((table, key, rows::encode(value)));
    }

    fn delete(&mut self, table: Table, key: Vec<u8>) {
        self.batch.deletes.push((table, key));
    }

    /// Writes a row if it differs from the loaded one, or deletes it.
    pub(crate) fn keep<T: Serialize + Value>(
        &mut self,
        table: Table,
        key: Vec<u8>,
        value: Option<&T>,
    ) {
        let was = self.shelf.loaded.get(&(table, key.clone()));
        match value.map(|value| (value, rows::encode(value))) {
            Some((_, is)) if was == Some(&is) => {}
            Some((value, is)) => {
                if let Some(memo) = self.shelf.memo {
                    memo.learn(table, &key, &is, value);
                }
                self.batch.puts.push((table, key, is));
            }
            None if was.is_some() => self.delete(table, key),
            None => {}
        }
    }

    /// An index row: there or not, by whether it should be.
    fn index(&mut self, table: Table, key: Vec<u8>, was: bool, is: bool) {
        if is && !was {
            self.put(table, key, &());
        } else if was && !is {
            self.delete(table, key);
        }
    }

    fn orders(&mut self, book: &Book, deadline: &impl Fn(&Order) -> Option<Time>) {
        for (id, order) in &book.orders {
            let id = id.to_string();
            let before = self.shelf.book.orders.get(&order.id);
            let mut order = order.clone();
            if let Some(logged) = rows::logged(&book.facts, order.id) {
                let row_key = key(&[&id, &sortable(order.timeline_length)]);
                let row = (rows::TIMELINE, row_key, logged.encode());
                self.batch.puts.push(row);
                let told = book
                    .facts
                    .iter()
                    .filter(|fact| fact.order == Some(order.id));
                let length = u64::try_from(told.count()).unwrap_or(u64::MAX);
                order.timeline_length = order.timeline_length.saturating_add(length);
            }
            self.keep(rows::ORDERS, key(&[&id]), Some(&order));
            let (account, external) = (order.account.as_str(), order.external_id.as_str());
            if before.is_none() {
                self.put(rows::ORDER_REFS, key(&[account, external]), &order.id);
                let placed = sortable_time(order.placed_at);
                self.put(rows::ORDERS_BY_ACCOUNT, key(&[account, &placed, &id]), &());
            }
            self.order_indexes(book, before, &order, deadline);
        }
    }

    fn order_indexes(
        &mut self,
        book: &Book,
        before: Option<&Order>,
        order: &Order,
        deadline: &impl Fn(&Order) -> Option<Time>,
    ) {
        let id = order.id.to_string();
        let was_short = before.is_some_and(|before| self.shelf.book.is_short(before));
        let phase_before = before.map(|before| before.phase(was_short));
        let is_short = book.is_short(order);
        let phase = order.phase(is_short);
        if phase_before != Some(phase) {
            if let Some(before) = phase_before {
                self.delete(rows::ORDERS_BY_PHASE, key(&[before.word(), &id]));
            }
            self.put(rows::ORDERS_BY_PHASE, key(&[phase.word(), &id]), &());
        }
        let open = key(&[order.account.as_str(), &id]);
        let (was_open, is_open) = (phase_before.is_some_and(Phase::is_open), phase.is_open());
        if is_open && !was_open {
            self.put(rows::OPEN_ORDERS, open, &order.external_id);
        } else if was_open && !is_open {
            self.delete(rows::OPEN_ORDERS, open);
        }
        let is_unmapped = |order: &Order| order.lines.iter().any(|line| line.item.is_none());
        let was_unmapped = before.is_some_and(is_unmapped);
        self.index(
            rows::UNMAPPED_ORDERS,
            key(&[&id]),
            was_unmapped,
            is_unmapped(order),
        );
        self.short_index(book, before, order);
        self.work_indexes(book, before, order);
        let (was_owed, is_owed) = (before.and_then(Order::owed_until), order.owed_until());
        if was_owed != is_owed {
            if let Some(until) = was_owed {
                self.delete(rows::OWED_ORDERS, key(&[&sortable_time(until), &id]));
            }
            if let Some(until) = is_owed {
                self.put(rows::OWED_ORDERS, key(&[&sortable_time(until), &id]), &());
            }
        }
        self.due_index(before, order);
        self.word_index(before, order);
        let waits_for_erasure = |order: &Order| order.erasure.is_some() && !order.is_erased();
        let (was, is) = (
            before.is_some_and(waits_for_erasure),
            waits_for_erasure(order),
        );
        self.index(rows::TO_ERASE, key(&[&id]), was, is);
        let (was_due, is_due) = (before.and_then(deadline), deadline(order));
        if was_due != is_due {
            if let Some(due) = was_due {
                self.delete(rows::UNPAID_ORDERS, key(&[&sortable_time(due), &id]));
            }
            if let Some(due) = is_due {
                self.put(rows::UNPAID_ORDERS, key(&[&sortable_time(due), &id]), &());
            }
        }
    }

    /// What waits to be picked, and what is being worked on.
    fn work_indexes(&mut self, book: &Book, before: Option<&Order>, order: &Order) {
        let was = before.map(|before| to_pick(&self.shelf.book, before));
        let was = was.unwrap_or_default();
        self.replace(rows::TO_PICK, &was, &to_pick(book, order));
        let was = before.map(open_tasks).unwrap_or_default();
        self.replace(rows::OPEN_TASKS, &was, &open_tasks(order));
    }

    fn due_index(&mut self, before: Option<&Order>, order: &Order) {
        let was = before.map(rows::due_keys).unwrap_or_default();
        let is = rows::due_keys(order);
        let [was, is] = [was, is].map(|keys| keys.into_iter().collect());
        self.replace(rows::DUE_ORDERS, &was, &is);
    }

    fn word_index(&mut self, before: Option<&Order>, order: &Order) {
        let was = before.map(finding::keys).unwrap_or_default();
        self.replace(rows::ORDERS_BY_WORD, &was, &finding::keys(order));
    }

    /// The rows of an index: those that were there, and those that should be.
    fn replace(&mut self, table: Table, was: &BTreeSet<Vec<u8>>, is: &BTreeSet<Vec<u8>>) {
        for gone in was.difference(is) {
            self.delete(table, gone.clone());
        }
        for new in is.difference(was) {
            self.put(table, new.clone(), &());
        }
    }

    fn short_index(&mut self, book: &Book, before: Option<&Order>, order: &Order) {
        let waiting = |book: &Book, order: &Order| -> BTreeSet<Sku> {
            let short = order
                .lines
                .iter()
                .filter(|line| book.missing_units(order, line.number).is_positive());
            short
                .filter_map(|line| line.item.as_ref())
                .flat_map(|i| i.bill.keys().cloned())
                .collect()
        };
        let was = before
            .map(|before| waiting(&self.shelf.book, before))
            .unwrap_or_default();
        let is = waiting(book, order);
        let (id, placed) = (order.id.to_string(), sortable_time(order.placed_at));
        for sku in was.union(&is) {
            let row_key = key(&[sku.as_str(), &placed, &id]);
            self.index(
                rows::SHORT_ORDERS,
                row_key,
                was.contains(sku),
                is.contains(sku),
            );
        }
    }

    fn items(&mut self, book: &Book) {
        let known = &self.shelf.book;
        for (sku, item) in &book.items {
            if known.items.get(sku) == Some(item) {
                continue;
            }
            self.keep(rows::ITEMS, key(&[sku.as_str()]), Some(item));
            let components = |item: Option<&Item>| match item.map(|item| &item.kind) {
                Some(ItemKind::Kit(components)) => components.keys().cloned().collect(),
                Some(ItemKind::Good | ItemKind::Service) | None => BTreeSet::new(),
            };
            let was: BTreeSet<Sku> = components(self.shelf.book.items.get(sku));
            let is = components(Some(item));
            for component in was.union(&is) {
                let row_key = key(&[component.as_str(), sku.as_str()]);
                let (was, is) = (was.contains(component), is.contains(component));
                self.index(rows::KITS_BY_COMPONENT, row_key, was, is);
            }
        }
        let versions: BTreeMap<Vec<u8>, &Item> = book
            .facts
            .iter()
            .filter_map(|fact| {
                let Event::ItemSet { sku } = &fact.event else {
                    return None;
                };
                let since = key(&[sku.as_str(), &sortable_time(fact.at)]);
                Some((since, book.items.get(sku)?))
            })
            .collect();
        for (since, item) in versions {
            self.put(rows::ITEM_VERSIONS, since, item);
        }
        for (sku, stock) in &book.stock {
            self.keep(rows::STOCK, key(&[sku.as_str()]), Some(stock));
        }
    }

    fn listings(&mut self, book: &Book) {
        let known = &self.shelf.book;
        for (at, listing) in &book.listings {
            let before = known.listings.get(at);
            if before == Some(listing) {
                continue;
            }
            let (account, id) = (listing.account.as_str(), listing.listing.as_str());
            self.keep(rows::LISTINGS, key(&[account, id]), Some(listing));
            let was = before.and_then(|before| before.sku.clone());
            if was != listing.sku {
                if let Some(sku) = was {
                    self.delete(rows::LISTINGS_BY_SKU, key(&[sku.as_str(), account, id]));
                }
                if let Some(sku) = &listing.sku {
                    self.put(
                        rows::LISTINGS_BY_SKU,
                        key(&[sku.as_str(), account, id]),
                        &(),
                    );
                }
            }
        }
        for (at, offer) in &book.offers {
            let before = known.offers.get(at);
            if before == Some(offer) {
                continue;
            }
            let (account, id) = (offer.account.as_str(), offer.listing.as_str());
            let row_key = key(&[account, id]);
            self.keep(rows::OFFERS, row_key.clone(), Some(offer));
            let was_due = before.is_some_and(Offer::is_due);
            self.index(rows::DUE_OFFERS, row_key, was_due, offer.is_due());
            let was_parked = before.is_some_and(|before| before.parked.is_some());
            let parked = key(&["push", account, id]);
            self.index(rows::PARKED, parked, was_parked, offer.parked.is_some());
            self.held(before, offer);
            self.owed(before, offer);
        }
    }

    /// What was taken back is in the loaded book alone.
    fn mappings(&mut self, book: &Book) {
        let loaded = &self.shelf.book.mappings;
        let taken_back = loaded.keys().filter(|at| !book.mappings.contains_key(at));
        for (account, named) in taken_back {
            let (table, row_key) = rows::mapping_row(account, named);
            self.keep::<Mapping>(table, row_key, None);
        }
        for ((account, named), mapping) in &book.mappings {
            let (table, row_key) = rows::mapping_row(account, named);
            self.keep(table, row_key, Some(mapping));
        }
    }

    fn drifts(&mut self, book: &Book) {
        for (id, drift) in &book.drifts {
            self.keep(rows::DRIFTS, key(&[&id.to_string()]), Some(drift));
            let at = key(&[drift.account.as_str(), drift.listing.as_str()]);
            let before = self.shelf.book.drifts.get(id);
            let was_open = before.is_some_and(|before| before.closed_at.is_none());
            match (was_open, drift.closed_at.is_none()) {
                (false, true) => self.put(rows::OPEN_DRIFTS, at, id),
                (true, false) => self.delete(rows::OPEN_DRIFTS, at),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// What was issued is written once, and never again.
    fn documents(&mut self, book: &Book) {
        let is_new = |id: &DocumentId| !self.shelf.book.documents.contains_key(id);
        let issued = book.documents.iter().filter(|(id, _)| is_new(id));
        for (id, issued) in issued.collect::<Vec<_>>() {
            self.put(rows::DOCUMENTS, key(&[&id.to_string()]), issued);
            let number = key(&[issued.number.as_str()]);
            self.put(rows::DOCUMENT_NUMBERS, number, id);
        }
        for (id, series) in &book.series {
            self.keep(rows::SERIES, rows::series_key(id), Some(series));
        }
    }

    /// Where a listing shows what is not there; its item may have changed meanwhile.
    fn owed(&mut self, before: Option<&Offer>, offer: &Offer) {
        let row = |offer: &Offer| {
            let parts = [
                offer.sku.as_str(),
                offer.account.as_str(),
                offer.listing.as_str(),
            ];
            offer.owed.is_positive().then(|| key(&parts))
        };
        let (was, is) = (before.and_then(row), row(offer));
        if was == is {
            return;
        }
        if let Some(was) = was {
            self.delete(rows::OWED_OFFERS, was);
        }
        if let Some(is) = is {
            self.put(rows::OWED_OFFERS, is, &());
        }
    }

    fn held(&mut self, before: Option<&Offer>, offer: &Offer) {
        for side in Side::ALL {
            let is_held = |offer: &Offer| offer.held.is_some_and(|held| held.side == side);
            let (account, id) = (offer.account.as_str(), offer.listing.as_str());
            let row_key = key(&[side.word(), account, id]);
            self.index(
                rows::HELD_OFFERS,
                row_key,
                before.is_some_and(is_held),
                is_held(offer),
            );
        }
    }

    fn intents(&mut self, book: &Book) {
        for (id, intent) in &book.intents {
            let text = id.to_string();
            self.keep(rows::INTENTS, key(&[&text]), Some(intent));
            let before = self.shelf.book.intents.get(id).map(|before| &before.state);
            if before.is_none() {
                let by_order = key(&[&intent.order.to_string(), &text]);
                self.put(rows::INTENTS_BY_ORDER, by_order, &());
            }
            let is_waiting = |state: &IntentState| matches!(state, IntentState::Waiting);
            let is_parked = |state: &IntentState| matches!(state, IntentState::Parked(_));
            let (table, waits) = rows::waits_in(intent);
            let was_waiting = before.is_some_and(is_waiting);
            self.index(table, waits, was_waiting, is_waiting(&intent.state));
            let parked = key(&["intent", &text]);
            let was_parked = before.is_some_and(is_parked);
            self.index(rows::PARKED, parked, was_parked, is_parked(&intent.state));
        }
    }
}

/// The keys by which what waits to be picked of an order is found.
fn to_pick(book: &Book, order: &Order) -> BTreeSet<Vec<u8>> {
    let due = sortable_time(order.ship_by.unwrap_or(Time::END));
    let (placed, id) = (sortable_time(order.placed_at), order.id.to_string());
    let places = book.waits_to_be_picked(order).into_iter();
    let rows = places.map(|at| {
        let at = at.as_ref().map_or("", LocationId::as_str);
        key(&[at, &due, &placed, &id])
    });
    rows.collect()
}

/// The keys by which the open tasks of an order are found.
fn open_tasks(order: &Order) -> BTreeSet<Vec<u8>> {
    let id = order.id.to_string();
    let tasks = order.tasks.iter().filter(|task| task.is_open());
    let rows = tasks.map(|task| {
        let since = sortable_time(task.opened_at);
        key(&[task.location.as_str(), &since, &id, &task.id.to_string()])
    });
    rows.collect()
}
