//! Loading the book that a decision needs; [`batch`] writes what the decision changed.
//!
//! Every row that is read is expected to be the same when the batch is committed, so two processes on
//! one store cannot decide past each other. A row that did not change is not written.

mod batch;
mod mapped;
mod memo;

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ExternalId, ListingId, Sku,
    book::{Book, ClaimKey, Drift, NUMBERS_BEGIN_AFTER},
    ids::{DriftId, IncidentId, IntentId, OrderId},
    incident::{Incident, Way},
    intent::Intent,
    issuing::NewDocument,
    item::Item,
    offer::Taken,
    order::Order,
    placement::Placement,
    returns::ReturnStep,
    signal::{Command, Reading, Receipt, Signal, Sorting, Transfer},
    snapshot::LevelSnapshot,
    stock::{Claim, Stock},
};
use store::{Range, Seq, Store, StoreError, Table};

pub(crate) use self::{batch::Writer, memo::Memo};
use self::{
    batch::{claim_key, incident_key},
    memo::Value,
};
use crate::rows::{self, key, prefix};

/// The most orders that one decision looks at because they share an item.
const RIVALS_MAX: usize = 1000;
/// The most orders that one decision looks at because they wait for an item or a listing to become known.
const WAITING_MAX: usize = 100;

/// A book with the versions of its rows.
pub struct Shelf<'a> {
    pub(crate) store: &'a dyn Store,
    memo: Option<&'a Memo>,
    /// The book as it was loaded.
    pub book: Book,
    read: BTreeMap<(Table, Vec<u8>), Option<Seq>>,
    loaded: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

impl<'a> Shelf<'a> {
    /// Nothing: what is written from here is everything that a book should have as rows.
    pub(crate) fn empty(store: &'a dyn Store) -> Shelf<'a> {
        Shelf {
            store,
            memo: None,
            book: Book::default(),
            read: BTreeMap::new(),
            loaded: BTreeMap::new(),
        }
    }

    /// Loads what a signal concerns. `complete` names items of which all open claims are needed.
    pub async fn load(
        store: &'a dyn Store,
        signal: &Signal,
        complete: &[Sku],
    ) -> Result<Shelf<'a>, StoreError> {
        Shelf::empty(store).loaded(signal, complete).await
    }

    /// The same, where somebody remembers the values of rows.
    pub(crate) async fn load_by(
        memo: &'a Memo,
        store: &'a dyn Store,
        signal: &Signal,
        complete: &[Sku],
    ) -> Result<Shelf<'a>, StoreError> {
        let shelf = Shelf {
            memo: Some(memo),
            ..Shelf::empty(store)
        };
        shelf.loaded(signal, complete).await
    }

    async fn loaded(self, signal: &Signal, complete: &[Sku]) -> Result<Shelf<'a>, StoreError> {
        let mut shelf = self;
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

    pub(crate) async fn row<T: Value>(
        &mut self,
        table: Table,
        key: Vec<u8>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.store.get(table, &key).await?;
        let version = row.as_ref().map(|row| row.version);
        self.read.insert((table, key.clone()), version);
        let Some(row) = row else { return Ok(None) };
        let value = match self.memo {
            Some(memo) => memo.decode(table, &key, &row.value)?,
            None => rows::decode(table, &row.value)?,
        };
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
    #[expect(
        clippy::too_many_lines,
        reason = "each signal says which items and orders it is about"
    )]
    async fn load_named(&mut self, signal: &Signal) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::new();
        match signal {
            Signal::Order {
                account, snapshot, ..
            } => {
                self.load_order_by_ref(account, &snapshot.external_id)
                    .await?;
                skus.extend(self.load_lines(account, &snapshot.lines).await?);
            }
            Signal::OrderGone {
                account,
                external_id,
            } => {
                self.load_order_by_ref(account, external_id).await?;
            }
            Signal::Listings { account, listings } => {
                for listing in listings {
                    skus.extend(self.load_seen(account, listing).await?);
                }
                self.load_unmapped().await?;
            }
            Signal::Opening { account, levels } => {
                for level in levels {
                    skus.extend(self.load_listing(account, &level.listing).await?);
                }
            }
            Signal::Levels {
                account,
                levels,
                reading,
                ..
            } => skus.extend(self.load_levels(account, levels, *reading).await?),
            Signal::Weigh { account, .. } => self.load_breaker(account).await?,
            Signal::Measured { account, demands } => {
                for (listing, _) in demands {
                    skus.extend(self.load_listing(account, listing).await?);
                }
            }
            Signal::StartPush {
                account, listings, ..
            } => {
                self.load_breaker(account).await?;
                for listing in listings {
                    self.load_offer(account, listing).await?;
                }
            }
            Signal::PushTried { account, results } => {
                for (listing, _) in results {
                    self.load_offer(account, listing).await?;
                }
            }
            Signal::IntentStarted { intent } | Signal::IntentTried { intent, .. } => {
                self.load_intent(*intent).await?;
            }
            Signal::FollowPolicy { incident, .. } => self.load_order_of(*incident).await?,
            Signal::Promises { sku, orders } => skus.extend(self.load_owed(sku, orders).await?),
            Signal::MapWaiting { order } => {
                self.load_order(*order).await?;
                skus.extend(self.load_waiting().await?);
            }
            Signal::Reclaim { order }
            | Signal::Expire { order }
            | Signal::Close { order }
            | Signal::Forget { order } => {
                self.load_order(*order).await?;
            }
            Signal::Command(command) => skus.extend(self.load_command(command).await?),
        }
        Ok(skus)
    }

    /// A difference that is confirmed may become a movement, so everything that shares its stock is
    /// loaded then.
    async fn load_levels(
        &mut self,
        account: &AccountId,
        levels: &[LevelSnapshot],
        reading: Reading,
    ) -> Result<BTreeSet<Sku>, StoreError> {
        let mut skus = BTreeSet::new();
        for level in levels {
            let sku = self.load_listing(account, &level.listing).await?;
            self.load_offer(account, &level.listing).await?;
            match reading {
                Reading::Confirm => skus.extend(sku),
                Reading::BeforePush | Reading::Compare => {}
            }
        }
        if reading == Reading::Confirm {
            self.load_breaker(account).await?;
        }
        Ok(skus)
    }

    async fn load_breaker(&mut self, account: &AccountId) -> Result<(), StoreError> {
        let row_key = key(&[account.as_str()]);
        if let Some(breaker) = self.row(rows::BREAKERS, row_key).await? {
            self.book.breakers.insert(account.clone(), breaker);
        }
        Ok(())
    }

    async fn load_drift(&mut self, id: DriftId) -> Result<Option<Sku>, StoreError> {
        let row: Option<Drift> = self.row(rows::DRIFTS, key(&[&id.to_string()])).await?;
        let Some(drift) = row else { return Ok(None) };
        let (account, listing) = (drift.account.clone(), drift.listing.clone());
        let sku = drift.sku.clone();
        self.book.drifts.insert(id, drift);
        self.load_listing(&account, &listing).await?;
        Ok(Some(sku))
    }

    #[expect(
        clippy::too_many_lines,
        reason = "each command says which items and orders it is about"
    )]
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
            Command::OpenCount { skus: named, .. } => {
                skus.extend(named.iter().cloned());
                self.load_stocktake(command).await?;
            }
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
            Command::Place(asked) => skus.extend(self.load_placement(asked).await?),
            Command::Issue { order, asked } => self.load_documents(*order, asked).await?,
            Command::MapLine { order, sku, .. } => {
                skus.insert(sku.clone());
                self.load_order(*order).await?;
            }
            Command::MapListing {
                account,
                named,
                sku,
                ..
            } => skus.extend(self.load_meant(account, named, sku.as_ref()).await?),
            Command::Return { order, step, .. } => {
                if let ReturnStep::Exchange { items, .. } = step {
                    skus.extend(items.iter().map(|one| one.sku.clone()));
                }
                self.load_order(*order).await?;
            }
            Command::Ship { order, .. }
            | Command::Allocate { order, .. }
            | Command::Unallocate { order, .. }
            | Command::Cancel { order, .. }
            | Command::Pay { order, .. }
            | Command::Deliver { order, .. }
            | Command::Fulfill { order, .. }
            | Command::Refund { order, .. }
            | Command::Hold { order, .. }
            | Command::Tell { order, .. }
            | Command::Note { order, .. }
            | Command::Evidence { order, .. }
            | Command::Release { order, .. }
            | Command::Erase { order, .. } => self.load_order(*order).await?,
            Command::ResolveIncident { incident, way, .. } => {
                self.load_order_of(*incident).await?;
                if let Way::TakeFrom { order } = way {
                    self.load_order(*order).await?;
                }
            }
            Command::RetryIntent { intent } | Command::DropIntent { intent, .. } => {
                self.load_intent(*intent).await?;
            }
            Command::Lift {
                account, listing, ..
            } => skus.extend(self.load_listing(account, listing).await?),
            Command::RetryPush { account, listing } => self.load_offer(account, listing).await?,
            Command::SettleDrift { drift, .. } => skus.extend(self.load_drift(*drift).await?),
            Command::LetGo {
                account, listings, ..
            } => {
                for listing in listings {
                    skus.extend(self.load_listing(account, listing).await?);
                }
            }
            Command::ConfirmZeroes { account, .. } | Command::LiftBreaker { account, .. } => {
                self.load_breaker(account).await?;
            }
        }
        Ok(skus)
    }

    /// What is known under its reference, and the last number of its account.
    async fn load_placement(&mut self, asked: &Placement) -> Result<BTreeSet<Sku>, StoreError> {
        match &asked.reference {
            Some(reference) => self.load_order_by_ref(&asked.account, reference).await?,
            None => self.load_number(&asked.account).await?,
        }
        let skus = asked.lines.iter().filter_map(|line| line.sku.as_deref());
        Ok(skus.filter_map(|sku| sku.parse().ok()).collect())
    }

    /// What was issued for an order, and how far the series has come from which a number is taken.
    async fn load_documents(
        &mut self,
        order: OrderId,
        asked: &NewDocument,
    ) -> Result<(), StoreError> {
        self.load_order(order).await?;
        let entries = self.book.orders.get(&order);
        let entries = entries.map(|order| order.documents.clone());
        for entry in entries.unwrap_or_default() {
            let row_key = key(&[&entry.id.to_string()]);
            if let Some(issued) = self.row(rows::DOCUMENTS, row_key).await? {
                self.book.documents.insert(entry.id, issued);
            }
        }
        let series = asked.series();
        let row_key = rows::series_key(&series);
        if let Some(row) = self.row(rows::SERIES, row_key).await? {
            self.book.series.insert(series, row);
        }
        Ok(())
    }

    /// The number after which the next one is free: somebody may have used one as a reference.
    async fn load_number(&mut self, account: &AccountId) -> Result<(), StoreError> {
        let row_key = key(&[account.as_str()]);
        let last: Option<u64> = self.row(rows::ORDER_NUMBERS, row_key).await?;
        let mut last = last.unwrap_or(NUMBERS_BEGIN_AFTER);
        loop {
            let next = last.saturating_add(1);
            let row_key = key(&[account.as_str(), &next.to_string()]);
            let taken: Option<OrderId> = self.row(rows::ORDER_REFS, row_key).await?;
            if taken.is_none() {
                break;
            }
            last = next;
        }
        self.book.numbers.insert(account.clone(), last);
        Ok(())
    }

    /// With the order come its open incidents; one that is closed is not among them.
    async fn load_order_of(&mut self, incident: IncidentId) -> Result<(), StoreError> {
        match self.incident(incident).await? {
            Some(incident) => self.load_order(incident.order).await,
            None => Ok(()),
        }
    }

    async fn load_owed(&mut self, sku: &Sku, orders: &[OrderId]) -> Result<[Sku; 1], StoreError> {
        for order in orders {
            self.load_order(*order).await?;
        }
        Ok([sku.clone()])
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

    /// The first orders that wait because of a line. The engine sees to the others one by one.
    async fn load_unmapped(&mut self) -> Result<(), StoreError> {
        let range = Range::default();
        let waiting = self.store.scan(rows::UNMAPPED_ORDERS, range, WAITING_MAX);
        for (row, _) in waiting.await? {
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
            self.book.offers.insert(at, offer);
        }
        if let Some(open) = self.row::<DriftId>(rows::OPEN_DRIFTS, key).await?
            && !self.book.drifts.contains_key(&open)
        {
            let row_key = rows::key(&[&open.to_string()]);
            if let Some(drift) = self.row(rows::DRIFTS, row_key).await? {
                self.book.drifts.insert(open, drift);
            }
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
                let open = incident_key(&name);
                if let Some(id) = self.row::<IncidentId>(rows::OPEN_INCIDENTS, open).await?
                    && let Some(incident) = self.incident(id).await?
                {
                    self.book.incidents.insert(name, incident);
                }
            }
        }
        Ok(())
    }

    async fn incident(&mut self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.row(rows::INCIDENTS, key(&[&id.to_string()])).await
    }

    async fn load_taken(&mut self, signal: &Signal) -> Result<(), StoreError> {
        // An order that is new is in no row yet, and its account may have no listing yet.
        let placed_on = match signal {
            Signal::Order { account, .. } => Some(account),
            Signal::Command(Command::Place(asked)) => Some(&asked.account),
            _ => None,
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
}
