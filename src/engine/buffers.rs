//! Measuring what buffers that tune themselves need: what other accounts sell, and how long a level
//! takes to be shown.
//!
//! It runs on a schedule and hands what it found to a decision, only where a buffer changes; no
//! decision looks at a meter. What is sold is read from the order book, so a restart forgets none of
//! it; how long pushes took is forgotten, and the last known figure holds until there are new ones.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    AccountId, ListingId, Quantity, Sku, Time,
    buffer::{self, Demand},
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
/// How often it measures.
const EVERY: Duration = Duration::from_secs(60);
/// How far back sales count.
const WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);
/// The least time that sales are spread over: the first sale of a new shop is no flood.
const OVER_MIN: Duration = Duration::from_secs(3600);
/// How long a level is taken to need where too few pushes were measured.
const LAG_ASSUMED_MS: u64 = 60_000;
/// How many rows are read at once.
const PAGE: usize = 200;
/// How many orders of one account are looked at.
const ORDERS_MAX: usize = 50_000;
/// How many listings one decision is about.
const CHUNK: usize = 50;

/// What was sold at once and how often, by item and account.
#[derive(Default)]
struct Sales {
    lots: BTreeMap<(Sku, AccountId), BTreeMap<u32, u32>>,
    since: Option<Time>,
    items: BTreeMap<Sku, Option<Item>>,
}

impl Engine {
    pub(crate) async fn run_buffers(&self) {
        let nothing = Notify::new();
        let mut next = self.ports.clock.now().plus(FIRST);
        while self.wait(next, &nothing).await {
            next = self.ports.clock.now().plus(EVERY);
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
        for account in self.accounts.values() {
            let changed = self.changed_demands(account, &mut sales).await?;
            for demands in changed.chunks(CHUNK) {
                let signal = Signal::Measured {
                    account: account.id.clone(),
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

    /// The listings of an account whose buffer is another by now, with what was measured.
    async fn changed_demands(
        &self,
        account: &Account,
        sales: &mut Sales,
    ) -> Result<Vec<(ListingId, Demand)>, StoreError> {
        let policy = self.decider.policy();
        let (now, measured) = (self.ports.clock.now(), self.meters.lag_ms(&account.id));
        let over = sales.over(now);
        let mut changed = Vec::new();
        let mut after = None;
        loop {
            let prefix = rows::prefix(&[account.id.as_str()]);
            let range = Range { prefix, after };
            let page = self.store.scan(rows::OFFERS, range, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(changed);
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
                let lag_ms = measured.or(before.map(|tuned| tuned.demand.lag_ms));
                let demand = Demand {
                    lots: sales.elsewhere(self, &item, &account.id).await?,
                    over_ms: u64::try_from(over.as_millis()).unwrap_or(u64::MAX),
                    lag_ms: lag_ms.unwrap_or(LAG_ASSUMED_MS),
                    is_lag_assumed: lag_ms.is_none(),
                };
                if buffer::retune(known, &demand, rule.tuning, item.scale, now).is_some() {
                    changed.push((offer.listing, demand));
                }
            }
        }
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
        let placed_at = order.placed_at;
        self.since = Some(self.since.map_or(placed_at, |since| since.min(placed_at)));
        for line in &order.lines {
            let bill = line.item.iter().flat_map(|item| &item.bill);
            for (sku, per_unit) in bill {
                let units = line.counters.ordered.times(per_unit.units());
                let Some(item) = self.item(engine, sku).await? else {
                    continue;
                };
                let whole = whole_units(units, item.scale);
                if whole > 0 {
                    let lots = self.lots.entry((sku.clone(), order.account.clone()));
                    let times = lots.or_default().entry(whole).or_default();
                    *times = times.saturating_add(1);
                }
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

    /// For how long sales were watched: the window, or since the oldest order in it.
    fn over(&self, now: Time) -> Duration {
        let watched = self.since.map_or(Duration::ZERO, |since| now.since(since));
        watched.clamp(OVER_MIN, WINDOW)
    }

    /// What all other accounts sold of an item; of a kit, of the component that sells fastest.
    async fn elsewhere(
        &mut self,
        engine: &Engine,
        item: &Item,
        account: &AccountId,
    ) -> Result<BTreeMap<u32, u32>, StoreError> {
        let components = match &item.kind {
            ItemKind::Good => return Ok(self.of_good(&item.sku, account, 1)),
            ItemKind::Service => return Ok(BTreeMap::new()),
            ItemKind::Kit(components) => components.clone(),
        };
        let mut fastest = BTreeMap::new();
        for (sku, per_kit) in components {
            let component = self.item(engine, &sku).await?;
            let scale = component.map_or(0, |component| component.scale);
            let lots = self.of_good(&sku, account, whole_units(per_kit, scale).max(1));
            if sold(&lots) > sold(&fastest) {
                fastest = lots;
            }
        }
        Ok(fastest)
    }

    /// What other accounts sold of a good, counted in so many at once.
    fn of_good(&self, sku: &Sku, account: &AccountId, at_once: u32) -> BTreeMap<u32, u32> {
        let mut all = BTreeMap::new();
        let from = (sku.clone(), AccountId::new(""));
        let of_sku = self.lots.range(from..).take_while(|((of, _), _)| of == sku);
        for ((_, seller), lots) in of_sku {
            if seller == account {
                continue;
            }
            for (units, times) in lots {
                let slot: &mut u32 = all.entry(units.div_ceil(at_once)).or_default();
                *slot = slot.saturating_add(*times);
            }
        }
        all
    }
}

fn sold(lots: &BTreeMap<u32, u32>) -> u64 {
    lots.iter()
        .map(|(units, times)| u64::from(*units).saturating_mul((*times).into()))
        .sum()
}

/// Whole units, rounded up.
fn whole_units(quantity: Quantity, scale: u8) -> u32 {
    let unit = 10_i64.checked_pow(u32::from(scale)).unwrap_or(1);
    let units = quantity.or_zero().units();
    let whole = units / unit + i64::from(units % unit > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}
