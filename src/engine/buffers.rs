//! Measuring what buffers that tune themselves need: what other accounts sell, and how long a level
//! takes to be shown.
//!
//! It runs on a schedule and hands what it found to a decision, only where a buffer changes; no
//! decision looks at a meter. What is sold is read from the order book, so a restart forgets none of
//! it; how long pushes took is forgotten, and the last known figure holds until there are new ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    AccountId, ListingId, Sku,
    buffer::{self, Demand, Tuned},
    demand::{self, MEASURE_EVERY, Tuner, WINDOW, whole_units},
    item::{Item, ItemKind},
    offer::{Listing, Offer},
    order::Order,
    rules::Buffer,
    signal::Signal,
    snapshot::Standing,
};
use store::{Range, StoreError};
use tokio::sync::Notify;

use crate::{Engine, account::Account, decider::DecideError, rows, views};

/// How long after the start it measures first.
const FIRST: Duration = Duration::from_secs(10);
/// How many rows are read at once.
const PAGE: usize = 200;
/// How many orders of one account are looked at.
const ORDERS_MAX: usize = 50_000;
/// How many listings one decision is about.
const CHUNK: usize = 50;

/// What was sold, and the items that it was asked about.
#[derive(Default)]
struct Sales {
    sold: demand::Sales,
    items: BTreeMap<Sku, Option<Item>>,
}

/// A listing whose buffer tunes itself.
struct Found {
    account: AccountId,
    listing: ListingId,
    item: Item,
    bill: Vec<(Sku, u32)>,
    tuner: Tuner,
    known: Option<Tuned>,
    is_written: bool,
}

impl Engine {
    pub(crate) async fn run_buffers(&self) {
        let nothing = Notify::new();
        let mut next = self.ports.clock.now().plus(FIRST);
        while self.wait(next, &nothing).await {
            next = self.ports.clock.now().plus(MEASURE_EVERY);
            if let Err(error) = self.tune_buffers().await {
                self.note_store_error(&error);
            }
        }
    }

    /// Measures, and has every buffer tuned that is to be.
    pub async fn tune_buffers(&self) -> Result<(), StoreError> {
        if !self.decider.policy().rules.are_tuned() {
            return Ok(());
        }
        let mut sales = self.read_sales().await?;
        let mut found = Vec::new();
        for account in self.accounts.values() {
            self.find_tuned(account, &mut sales, &mut found).await?;
        }
        let changed = self.changed_demands(&sales, &found);
        for (account, demands) in changed {
            for demands in demands.chunks(CHUNK) {
                let signal = Signal::Measured {
                    account: account.clone(),
                    demands: demands.to_vec(),
                };
                match self.decide(signal).await {
                    Ok(_) => {}
                    Err(DecideError::Store(error)) => return Err(error),
                    Err(DecideError::Refused(refusal)) => {
                        tracing::debug!(%refusal, "No buffer was tuned.");
                    }
                }
            }
        }
        Ok(())
    }

    /// The listings of an account whose buffer tunes itself.
    async fn find_tuned(
        &self,
        account: &Account,
        sales: &mut Sales,
        found: &mut Vec<Found>,
    ) -> Result<(), StoreError> {
        let policy = self.decider.policy();
        let measured = self.meters.lag_ms(&account.id);
        let mut after = None;
        loop {
            let prefix = rows::prefix(&[account.id.as_str()]);
            let range = Range { prefix, after };
            let page = self.store.scan(rows::OFFERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some(last.clone());
            for (key, row) in &page {
                let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
                let Some(item) = sales.item(self, &offer.sku).await? else {
                    continue;
                };
                let Some(row) = self.store.get(rows::LISTINGS, key).await? else {
                    continue;
                };
                let listing: Listing = rows::decode(rows::LISTINGS, &row.value)?;
                let rule = policy.rules.find(&account.id, &item, &listing.categories);
                if rule.buffer != Buffer::Auto {
                    continue;
                }
                let known = offer.tuned.as_ref();
                let before = known.filter(|tuned| !tuned.demand.is_lag_assumed);
                let tuner = Tuner {
                    lag_ms: measured.or(before.map(|tuned| tuned.demand.lag_ms)),
                    tuning: rule.tuning,
                    keeps_last: known.is_some_and(|tuned| tuned.demand.keeps_last),
                };
                found.push(Found {
                    account: account.id.clone(),
                    // What is not written, or is computed, may hold nothing back, whatever is wanted.
                    is_written: account.may_write_levels()
                        && offer.suppressed.is_none()
                        && rule.formula.is_none(),
                    listing: offer.listing,
                    bill: sales.bill(self, &item).await?,
                    item,
                    tuner,
                    known: offer.tuned,
                });
            }
        }
    }

    /// The listings whose buffer is another by now, by account, with what was measured.
    fn changed_demands(
        &self,
        sales: &Sales,
        found: &[Found],
    ) -> BTreeMap<AccountId, Vec<(ListingId, Demand)>> {
        let now = self.ports.clock.now();
        let tuners = self.tuners(sales, found);
        let mut changed: BTreeMap<AccountId, Vec<(ListingId, Demand)>> = BTreeMap::new();
        for one in found {
            let (item, tuner) = (&one.item, one.tuner);
            let own = BTreeMap::from([(one.account.clone(), tuner)]);
            let others = tuners.get(&item.sku).filter(|_| one.is_written);
            let of_item = others.unwrap_or(&own);
            let sold = &sales.sold;
            let mut demand = sold.demand(&one.bill, &one.account, of_item, item.scale, now);
            // Who is alone keeps nothing for anybody.
            demand.keeps_last &= of_item.len() > 1;
            let known = one.known.as_ref();
            if buffer::retune(known, &demand, tuner.tuning, item.scale, now).is_some() {
                let of_account = changed.entry(one.account.clone()).or_default();
                of_account.push((one.listing.clone(), demand));
            }
        }
        changed
    }

    /// The accounts that can settle among themselves who keeps the last units of an item. Where the
    /// same units are sold by two listings of an account, or by a kit, or where not all accounts sell
    /// from the same places, showing none of a listing does not keep its account from selling them.
    fn tuners<'f>(
        &self,
        sales: &Sales,
        found: &'f [Found],
    ) -> BTreeMap<&'f Sku, BTreeMap<AccountId, Tuner>> {
        let mut tuners: BTreeMap<&Sku, BTreeMap<AccountId, Tuner>> = BTreeMap::new();
        let policy = self.decider.policy();
        if policy.locations.count_areas(self.accounts.keys()) > 1 {
            return tuners;
        }
        let mut shared = sales.in_kits();
        for one in found.iter().filter(|one| one.is_written) {
            let of_item = tuners.entry(&one.item.sku).or_default();
            if of_item.insert(one.account.clone(), one.tuner).is_some() {
                shared.insert(one.item.sku.clone());
            }
        }
        tuners.retain(|sku, _| !shared.contains(*sku));
        tuners
    }

    /// What all accounts sold within the window.
    async fn read_sales(&self) -> Result<Sales, StoreError> {
        let begin = self.ports.clock.now().minus(WINDOW);
        let mut sales = Sales::default();
        for account in self.accounts.values() {
            let id = account.id.as_str();
            let mut after = Some(rows::key(&[id, &rows::sortable_time(begin)]));
            let mut looked = 0;
            while looked < ORDERS_MAX {
                let prefix = rows::prefix(&[id]);
                let range = Range { prefix, after };
                let page = self
                    .store
                    .scan(rows::ORDERS_BY_ACCOUNT, range, PAGE)
                    .await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                looked += page.len();
                for (key, _) in &page {
                    let order = rows::last_part(key);
                    let order: Option<Order> = views::read(self, rows::ORDERS, &[&order]).await?;
                    if let Some(order) = order {
                        sales.add(self, &order).await?;
                    }
                }
            }
        }
        Ok(sales)
    }
}

impl Sales {
    /// Counts an order. What was canceled later was taken off the shelf all the same.
    async fn add(&mut self, engine: &Engine, order: &Order) -> Result<(), StoreError> {
        if order.standing == Standing::Draft {
            return Ok(());
        }
        let (placed_at, known_at) = (order.placed_at, order.accepted_at);
        self.sold.note_order(&order.account, placed_at, known_at);
        for line in &order.lines {
            let bill = line.item.iter().flat_map(|item| &item.bill);
            for (sku, per_unit) in bill {
                let units = line.counters.ordered.times(per_unit.units());
                let Some(item) = self.item(engine, sku).await? else {
                    continue;
                };
                let whole = whole_units(units, item.scale);
                self.sold.note_units(sku, &order.account, whole);
            }
        }
        Ok(())
    }

    async fn item(&mut self, engine: &Engine, sku: &Sku) -> Result<Option<Item>, StoreError> {
        if let Some(known) = self.items.get(sku) {
            return Ok(known.clone());
        }
        let item: Option<Item> = views::read(engine, rows::ITEMS, &[sku.as_str()]).await?;
        self.items.insert(sku.clone(), item.clone());
        Ok(item)
    }

    /// Kits, and what is in them.
    fn in_kits(&self) -> BTreeSet<Sku> {
        let mut shared = BTreeSet::new();
        for item in self.items.values().flatten() {
            if let ItemKind::Kit(components) = &item.kind {
                shared.insert(item.sku.clone());
                shared.extend(components.keys().cloned());
            }
        }
        shared
    }

    /// The goods that a unit of an item takes, and how many whole units of each.
    async fn bill(&mut self, engine: &Engine, item: &Item) -> Result<Vec<(Sku, u32)>, StoreError> {
        let components = match &item.kind {
            ItemKind::Good => return Ok(vec![(item.sku.clone(), 1)]),
            ItemKind::Service => return Ok(Vec::new()),
            ItemKind::Kit(components) => components.clone(),
        };
        let mut bill = Vec::new();
        for (sku, per_kit) in components {
            let component = self.item(engine, &sku).await?;
            let scale = component.map_or(0, |component| component.scale);
            bill.push((sku, whole_units(per_kit, scale).max(1)));
        }
        Ok(bill)
    }
}
