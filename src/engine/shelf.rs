//! Loading the book that a decision needs, and writing what the decision changed.
//!
//! Every row that is read is expected to be the same when the batch is committed, so two processes on
//! one store cannot decide past each other. A row that did not change is not written.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ExternalId, ListingId, Sku, Time,
    book::{Book, ClaimKey},
    ids::{IntentId, OrderId},
    intent::{Intent, IntentState},
    item::{Item, ItemKind},
    offer::Taken,
    order::{Order, Phase},
    signal::{Command, Receipt, Signal, Sorting, Transfer},
    stock::{Claim, Stock},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{Batch, Expect, Range, Seq, Store, StoreError, Table};

use crate::rows::{self, key, prefix, sortable, sortable_time};

/// The most orders that one decision looks at because they share an item.
const RIVALS_MAX: usize = 1000;

/// A book with the versions of its rows.
pub struct Shelf<'a> {
    pub(crate) store: &'a dyn Store,
    /// The book as it was loaded.
    pub book: Book,
    read: BTreeMap<(Table, Vec<u8>), Option<Seq>>,
    loaded: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl<'a> Shelf<'a> {
    /// Loads what a signal concerns. `complete` names items of which all open claims are needed.
    pub async fn load(
        store: &'a dyn Store,
        signal: &Signal,
        complete: &[Sku],
    ) -> Result<Shelf<'a>, StoreError> {
        let mut shelf = Shelf {
            store,
            book: Book::default(),
            read: BTreeMap::new(),
            loaded: BTreeMap::new(),
        };
        let mut skus = shelf.load_named(signal).await?;
        for sku in complete {
            shelf.load_rivals(sku).await?;
            skus.insert(sku.clone());
        }
        let orders: Vec<Order> = shelf.book.orders.values().cloned().collect();
        for order in &orders {
            skus.extend(
                order
                    .lines
                    .iter()
                    .filter_map(|line| line.item.as_ref())
                    .flat_map(|item| {
                        item.bill
                            .keys()
                            .cloned()
                            .chain(std::iter::once(item.sku.clone()))
                    }),
            );
        }
        shelf.load_items(skus).await?;
        for order in &orders {
            shelf.load_claims(order).await?;
        }
        shelf.load_taken(signal).await?;
        Ok(shelf)
    }

    pub(crate) async fn row<T: DeserializeOwned>(
        &mut self,
        table: Table,
        key: Vec<u8>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.store.get(table, &key).await?;
        let version = row.as_ref().map(|row| row.version);
        self.read.insert((table, key.clone()), version);
        let Some(row) = row else { return Ok(None) };
        let value = rows::decode(table, &row.value)?;
        self.loaded.insert((table, key), row.value);
        Ok(Some(value))
    }

    async fn keys_below(&self, table: Table, below: Vec<u8>) -> Result<Vec<Vec<u8>>, StoreError> {
        let range = Range {
            prefix: below,
            after: None,
        };
        let rows = self.store.scan(table, range, RIVALS_MAX).await?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }

    /// What the signal itself names: orders, intents, listings; and the items to begin with.
    async fn load_named(&mut self, signal: &Signal) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::new();
        match signal {
            Signal::Order {
                account, snapshot, ..
            } => {
                self.load_order_by_ref(account, &snapshot.external_id)
                    .await?;
                for line in &snapshot.lines {
                    skus.extend(line.sku.as_deref().and_then(|sku| sku.parse().ok()));
                    if let Some(listing) = &line.listing {
                        skus.extend(self.load_listing(account, listing).await?);
                    }
                }
            }
            Signal::OrderGone {
                account,
                external_id,
            } => {
                self.load_order_by_ref(account, external_id).await?;
            }
            Signal::Listings { account, listings } => {
                for listing in listings {
                    skus.extend(self.load_listing(account, &listing.listing).await?);
                    skus.extend(listing.sku.as_deref().and_then(|sku| sku.parse().ok()));
                }
                self.load_unmapped().await?;
            }
            Signal::Opening { account, levels } => {
                for level in levels {
                    skus.extend(self.load_listing(account, &level.listing).await?);
                }
            }
            Signal::Levels {
                account, levels, ..
            } => {
                for level in levels {
                    self.load_listing(account, &level.listing).await?;
                    self.load_offer(account, &level.listing).await?;
                }
            }
            Signal::Measured { account, demands } => {
                for (listing, _) in demands {
                    skus.extend(self.load_listing(account, listing).await?);
                }
            }
            Signal::StartPush { account, listings } => {
                for listing in listings {
                    self.load_offer(account, listing).await?;
                }
            }
            Signal::PushTried { account, results } => {
                for (listing, _) in results {
                    self.load_offer(account, listing).await?;
                }
            }
            Signal::IntentTried { intent, .. } => {
                self.load_intent(*intent).await?;
            }
            Signal::Reclaim { order } | Signal::Expire { order } | Signal::Close { order } => {
                self.load_order(*order).await?;
            }
            Signal::Command(command) => skus.extend(self.load_command(command).await?),
        }
        Ok(skus)
    }

    async fn load_command(&mut self, command: &Command) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::new();
        match command {
            Command::Adjust { sku, .. } => {
                skus.insert(sku.clone());
            }
            Command::Transfer(Transfer { sku, .. })
            | Command::Receive(Receipt { sku, .. })
            | Command::Sort(Sorting { sku, .. })
            | Command::Expect { sku, .. }
            | Command::GiveUp { sku, .. } => {
                skus.insert(sku.clone());
            }
            Command::OpenCount { skus: named, .. } => skus.extend(named.iter().cloned()),
            Command::EnterCount { sku, .. } => {
                skus.insert(sku.clone());
                self.load_stocktake(command).await?;
            }
            Command::CloseCount { .. } => self.load_stocktake(command).await?,
            Command::SetItem(item) => {
                skus.insert(item.sku.clone());
                skus.extend(item.bill().into_keys());
                self.load_unmapped().await?;
            }
            Command::MapLine { order, sku, .. } => {
                skus.insert(sku.clone());
                self.load_order(*order).await?;
            }
            Command::Ship { order, .. }
            | Command::Cancel { order, .. }
            | Command::Refund { order, .. }
            | Command::Hold { order, .. }
            | Command::Release { order, .. } => self.load_order(*order).await?,
            Command::RetryIntent { intent } => {
                self.load_intent(*intent).await?;
            }
            Command::Lift {
                account, listing, ..
            } => skus.extend(self.load_listing(account, listing).await?),
            Command::RetryPush { account, listing } => self.load_offer(account, listing).await?,
        }
        Ok(skus)
    }

    async fn load_order_by_ref(
        &mut self,
        account: &AccountId,
        external_id: &ExternalId,
    ) -> Result<(), StoreError> {
        let key = key(&[account.as_str(), external_id.as_str()]);
        let id: Option<OrderId> = self.row(rows::ORDER_REFS, key).await?;
        match id {
            Some(id) => self.load_order(id).await,
            None => Ok(()),
        }
    }

    async fn load_order(&mut self, id: OrderId) -> Result<(), StoreError> {
        if self.book.orders.contains_key(&id) {
            return Ok(());
        }
        let Some(order) = self
            .row::<Order>(rows::ORDERS, key(&[&id.to_string()]))
            .await?
        else {
            return Ok(());
        };
        self.book.orders.insert(id, order);
        for row in self
            .keys_below(rows::INTENTS_BY_ORDER, prefix(&[&id.to_string()]))
            .await?
        {
            if let Ok(intent) = rows::last_part(&row).parse() {
                self.load_intent_row(intent).await?;
            }
        }
        Ok(())
    }

    async fn load_intent_row(&mut self, id: IntentId) -> Result<Option<OrderId>, StoreError> {
        let row: Option<Intent> = self.row(rows::INTENTS, key(&[&id.to_string()])).await?;
        Ok(row.map(|intent| {
            let order = intent.order;
            self.book.intents.insert(id, intent);
            order
        }))
    }

    async fn load_intent(&mut self, id: IntentId) -> Result<(), StoreError> {
        match self.load_intent_row(id).await? {
            Some(order) => self.load_order(order).await,
            None => Ok(()),
        }
    }

    async fn load_unmapped(&mut self) -> Result<(), StoreError> {
        for row in self.keys_below(rows::UNMAPPED_ORDERS, Vec::new()).await? {
            if let Ok(order) = rows::last_part(&row).parse() {
                self.load_order(order).await?;
            }
        }
        Ok(())
    }

    async fn load_listing(
        &mut self,
        account: &AccountId,
        listing: &ListingId,
    ) -> Result<Option<Sku>, StoreError> {
        let at = (account.clone(), listing.clone());
        if let Some(known) = self.book.listings.get(&at) {
            return Ok(known.sku.clone());
        }
        let key = key(&[account.as_str(), listing.as_str()]);
        let row: Option<domain::offer::Listing> = self.row(rows::LISTINGS, key).await?;
        let sku = row.as_ref().and_then(|listing| listing.sku.clone());
        if let Some(row) = row {
            self.book.listings.insert(at, row);
            self.load_offer(account, listing).await?;
        }
        Ok(sku)
    }

    async fn load_offer(
        &mut self,
        account: &AccountId,
        listing: &ListingId,
    ) -> Result<(), StoreError> {
        let at = (account.clone(), listing.clone());
        if self.book.offers.contains_key(&at) {
            return Ok(());
        }
        let key = key(&[account.as_str(), listing.as_str()]);
        if let Some(offer) = self.row(rows::OFFERS, key.clone()).await? {
            self.book.offers.insert(at.clone(), offer);
        }
        if let Some(drift) = self.row(rows::DRIFTS, key).await? {
            self.book.drifts.insert(at, drift);
        }
        Ok(())
    }

    /// Items with everything that shares stock with them: their components, the kits that contain
    /// those, and the components of these; then the stock of all, and every listing of all.
    async fn load_items(&mut self, named: BTreeSet<Sku>) -> Result<(), StoreError> {
        let mut goods = BTreeSet::new();
        for sku in &named {
            goods.extend(self.load_item(sku).await?);
        }
        let mut all_goods = goods.clone();
        for good in &goods {
            for row in self
                .keys_below(rows::KITS_BY_COMPONENT, prefix(&[good.as_str()]))
                .await?
            {
                if let Ok(kit) = rows::last_part(&row).parse() {
                    all_goods.extend(self.load_item(&kit).await?);
                }
            }
        }
        for good in &all_goods {
            self.load_item(good).await?;
            if let Some(stock) = self.row(rows::STOCK, key(&[good.as_str()])).await? {
                let stock = self.attributed(stock).await?;
                self.book.stock.insert(good.clone(), stock);
            }
        }
        let skus: Vec<Sku> = self.book.items.keys().cloned().chain(named).collect();
        for sku in skus.into_iter().collect::<BTreeSet<_>>() {
            self.load_listings_of(&sku).await?;
        }
        Ok(())
    }

    /// A stock row that was written before there were locations does not say on which accounts its
    /// pending units were sold; the open claims do. Each of them changes together with this row.
    async fn attributed(&self, mut stock: Stock) -> Result<Stock, StoreError> {
        if stock.is_attributed() {
            return Ok(stock);
        }
        let mut open: Vec<Claim> = Vec::new();
        let mut after = None;
        loop {
            let range = Range {
                prefix: prefix(&[stock.sku.as_str()]),
                after,
            };
            let rows = self.store.scan(rows::CLAIMS, range, RIVALS_MAX).await?;
            for (_, row) in &rows {
                open.push(rows::decode(rows::CLAIMS, &row.value)?);
            }
            after = rows.last().map(|(key, _)| key.clone());
            if rows.len() < RIVALS_MAX {
                break;
            }
        }
        stock.attribute(open.iter());
        Ok(stock)
    }

    async fn load_item(&mut self, sku: &Sku) -> Result<BTreeSet<Sku>, StoreError> {
        if !self.book.items.contains_key(sku) {
            if let Some(item) = self.row::<Item>(rows::ITEMS, key(&[sku.as_str()])).await? {
                self.book.items.insert(sku.clone(), item);
            } else {
                // It may be made by this decision, and then its stock is looked at.
                return Ok(BTreeSet::from([sku.clone()]));
            }
        }
        let item = self.book.items.get(sku);
        Ok(item
            .map(|item| item.bill().into_keys().collect())
            .unwrap_or_default())
    }

    async fn load_listings_of(&mut self, sku: &Sku) -> Result<(), StoreError> {
        for row in self
            .keys_below(rows::LISTINGS_BY_SKU, prefix(&[sku.as_str()]))
            .await?
        {
            let text = String::from_utf8_lossy(&row).into_owned();
            let mut parts = text.split('\0').skip(1);
            if let (Some(account), Some(listing)) = (parts.next(), parts.next()) {
                self.load_listing(&AccountId::new(account), &ListingId::new(listing))
                    .await?;
            }
        }
        Ok(())
    }

    /// All open claims of an item, with their orders.
    async fn load_rivals(&mut self, sku: &Sku) -> Result<(), StoreError> {
        for row in self
            .keys_below(rows::CLAIMS, prefix(&[sku.as_str()]))
            .await?
        {
            let text = String::from_utf8_lossy(&row).into_owned();
            if let Some(Ok(order)) = text.split('\0').nth(1).map(str::parse) {
                self.load_order(order).await?;
            }
        }
        self.book.all_claims_of.insert(sku.clone());
        Ok(())
    }

    async fn load_claims(&mut self, order: &Order) -> Result<(), StoreError> {
        for line in &order.lines {
            for sku in line.item.iter().flat_map(|item| item.bill.keys()) {
                let name = ClaimKey {
                    sku: sku.clone(),
                    order: order.id,
                    line: line.number,
                };
                if let Some(claim) = self.row(rows::CLAIMS, claim_key(&name)).await? {
                    self.book.claims.insert(name.clone(), claim);
                }
                if let Some(incident) = self.row(rows::INCIDENTS, incident_key(&name)).await? {
                    self.book.incidents.insert(name, incident);
                }
            }
        }
        Ok(())
    }

    async fn load_taken(&mut self, signal: &Signal) -> Result<(), StoreError> {
        // An order that is new is in no row yet, and its account may have no listing yet.
        let placed_on = if let Signal::Order { account, .. } = signal {
            Some(account)
        } else {
            None
        };
        let ordered = self.book.orders.values().map(|order| &order.account);
        let listed = self.book.listings.values().map(|listing| &listing.account);
        let accounts: BTreeSet<AccountId> =
            ordered.chain(listed).chain(placed_on).cloned().collect();
        let skus: Vec<Sku> = self.book.items.keys().cloned().collect();
        for account in &accounts {
            for sku in &skus {
                let row_key = key(&[account.as_str(), sku.as_str()]);
                if let Some(taken) = self.row::<Taken>(rows::TAKEN, row_key).await? {
                    self.book
                        .taken
                        .insert((account.clone(), sku.clone()), taken);
                }
            }
        }
        Ok(())
    }

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
        for (name, claim) in &book.claims {
            writer.keep(
                rows::CLAIMS,
                claim_key(name),
                Claim::open(claim).is_positive().then_some(claim),
            );
        }
        for (name, incident) in &book.incidents {
            writer.keep(rows::INCIDENTS, incident_key(name), Some(incident));
        }
        for ((account, sku), taken) in &book.taken {
            let kept = (*taken != Taken::default()).then_some(taken);
            writer.keep(rows::TAKEN, key(&[account.as_str(), sku.as_str()]), kept);
        }
        for ((account, listing), drift) in &book.drifts {
            writer.keep(
                rows::DRIFTS,
                key(&[account.as_str(), listing.as_str()]),
                Some(drift),
            );
        }
        for movement in &book.movements {
            let row_key = key(&[movement.sku.as_str(), &movement.id.to_string()]);
            writer.put(rows::MOVEMENTS, row_key, movement);
        }
        let mut batch = writer.batch;
        batch.facts = book.facts.iter().map(rows::encode).collect();
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

fn claim_key(name: &ClaimKey) -> Vec<u8> {
    key(&[
        name.sku.as_str(),
        &name.order.to_string(),
        &sortable(name.line.into()),
    ])
}

fn incident_key(name: &ClaimKey) -> Vec<u8> {
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
    pub(crate) fn keep<T: Serialize>(&mut self, table: Table, key: Vec<u8>, value: Option<&T>) {
        let was = self.shelf.loaded.get(&(table, key.clone()));
        match value.map(rows::encode) {
            Some(is) if was == Some(&is) => {}
            Some(is) => self.batch.puts.push((table, key, is)),
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
            for fact in book
                .facts
                .iter()
                .filter(|fact| fact.order == Some(order.id))
            {
                let row_key = key(&[&id, &sortable(order.timeline_length)]);
                self.put(rows::TIMELINE, row_key, fact);
                order.timeline_length = order.timeline_length.saturating_add(1);
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
        for (sku, item) in &book.items {
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
        for (sku, stock) in &book.stock {
            self.keep(rows::STOCK, key(&[sku.as_str()]), Some(stock));
        }
    }

    fn listings(&mut self, book: &Book) {
        for (at, listing) in &book.listings {
            let (account, id) = (listing.account.as_str(), listing.listing.as_str());
            self.keep(rows::LISTINGS, key(&[account, id]), Some(listing));
            let was = self
                .shelf
                .book
                .listings
                .get(at)
                .and_then(|before| before.sku.clone());
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
            let (account, id) = (offer.account.as_str(), offer.listing.as_str());
            let row_key = key(&[account, id]);
            self.keep(rows::OFFERS, row_key.clone(), Some(offer));
            let before = self.shelf.book.offers.get(at);
            let was_due = before.is_some_and(domain::offer::Offer::is_due);
            self.index(rows::DUE_OFFERS, row_key, was_due, offer.is_due());
            let was_parked = before.is_some_and(|before| before.parked.is_some());
            let parked = key(&["push", account, id]);
            self.index(rows::PARKED, parked, was_parked, offer.parked.is_some());
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
            let outbox = key(&[intent.account.as_str(), &text]);
            let was_waiting = before.is_some_and(is_waiting);
            self.index(rows::OUTBOX, outbox, was_waiting, is_waiting(&intent.state));
            let parked = key(&["intent", &text]);
            let was_parked = before.is_some_and(is_parked);
            self.index(rows::PARKED, parked, was_parked, is_parked(&intent.state));
        }
    }
}
