//! Sums of each day, kept as rows: what orders are worth, how long they took, what sells and what does not.
//!
//! A day of an account is summed whole from the orders that were placed on it. A fold goes behind the log of
//! facts, from a place that it keeps: each order that a fact is about makes its day stale, and stale days are
//! summed again. So a day follows from orders alone, doing it twice is doing it once, and whoever asks reads a row
//! for each day. What sells best is ranked beside that, for a few spans. It rests the longer the more it read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    AccountId, Quantity, Sku, Time,
    insight::{DAY, Day, Sold, day_of},
    item::Item,
    order::Order,
    stock::Stock,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{Batch, Expect, Range, SCAN_LIMIT_MAX, Seq, Store, StoreError, Table};
use tokio::sync::Notify;

use crate::{
    Engine,
    rows::{self, key, last_part, prefix, sortable_time},
    views::Units,
};

/// Days, by account and the time when they begin.
pub(crate) const DAYS: Table = Table("insight_days");
/// What was sold of each item on a day, by account, day and item.
pub(crate) const SOLD: Table = Table("insight_sold");
/// How far the fold has come.
const PLACE: Table = Table("insight_place");
/// What sells best and worst, by span and account.
const RANKS: Table = Table("insight_ranks");

/// When it begins after the start.
const FIRST: Duration = Duration::from_secs(60);
/// How often it looks for news.
const EVERY: Duration = Duration::from_secs(300);
/// How soon it goes on with what is left of the past.
const SOON: Duration = Duration::from_secs(1);
/// So long it rests for each order that it read: hundreds of times as long as that takes.
const REST_FOR_AN_ORDER: Duration = Duration::from_millis(20);
/// The same while the past is summed, which happens once.
const REST_IN_THE_PAST: Duration = Duration::from_millis(1);
/// How many entries of the log are looked at in one go.
const ENTRIES: usize = 2000;
/// How many days of the past are summed in one go, when nothing was summed yet.
const PAST_DAYS: usize = 50;
/// How often items are ranked at most.
const RANK_EVERY: Duration = Duration::from_secs(15 * 60);
/// For how many days items are ranked.
pub const SPANS: [u16; 3] = [7, 30, 90];
/// How many items a ranking has at each end.
const RANKED: usize = 50;

/// How far the fold has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Up to where the log was looked at.
    pub(crate) seen: Seq,
    /// Behind which order, by account and time, the past is still to be summed.
    pub(crate) past: Option<Vec<u8>>,
    /// When items were ranked last.
    #[serde(default)]
    ranked_at: Option<Time>,
    /// Whether something was summed since then.
    #[serde(default)]
    is_unranked: bool,
}

/// What one go of the fold did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// Whether there is more to be summed now.
    pub has_more: bool,
    /// How many orders it read.
    pub orders: u32,
}

/// An item in a ranking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ranked {
    /// Which.
    pub(crate) sku: Sku,
    /// What it is called.
    pub(crate) title: String,
    /// What was sold of it.
    pub(crate) sold: Sold,
    /// What lies there of it, if it is a good; in the decimals of the item.
    pub(crate) on_hand: Option<Quantity>,
    /// How many decimals the item has.
    pub(crate) scale: u8,
}

/// What sells, over a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ranking {
    /// When it was made.
    pub(crate) at: Time,
    /// Those of which most was sold, most first.
    pub(crate) best: Vec<Ranked>,
    /// Those that lie there and of which least was sold, least first.
    pub(crate) slow: Vec<Ranked>,
    /// Those that sell and run out first.
    #[serde(default)]
    pub(crate) low: Vec<Ranked>,
}

/// A day of an account.
pub(crate) type Which = (AccountId, Time);

/// The day of an order.
pub(crate) fn day_of_order(order: &Order) -> Which {
    (order.account.clone(), day_of(order.placed_at))
}

fn day_key((account, day): &Which) -> Vec<u8> {
    key(&[account.as_str(), &sortable_time(*day)])
}

fn sold_prefix((account, day): &Which) -> Vec<u8> {
    prefix(&[account.as_str(), &sortable_time(*day)])
}

async fn read<T: DeserializeOwned>(
    store: &dyn Store,
    table: Table,
    row_key: &[u8],
) -> Result<Option<T>, StoreError> {
    let row = store.get(table, row_key).await?;
    row.map(|row| rows::decode(table, &row.value)).transpose()
}

/// All rows below a prefix.
async fn all_below<T: DeserializeOwned>(
    store: &dyn Store,
    table: Table,
    below: Vec<u8>,
) -> Result<BTreeMap<Vec<u8>, T>, StoreError> {
    let (mut found, mut after) = (BTreeMap::new(), None);
    loop {
        let range = Range {
            prefix: below.clone(),
            after: after.take(),
        };
        let page = store.scan(table, range, SCAN_LIMIT_MAX).await?;
        let is_last = page.len() < SCAN_LIMIT_MAX;
        after = page.last().map(|(row_key, _)| row_key.clone());
        for (row_key, row) in page {
            found.insert(row_key, rows::decode(table, &row.value)?);
        }
        if is_last {
            return Ok(found);
        }
    }
}

/// A day as its orders have it, and the rows that say so.
pub(crate) struct Summed {
    which: Which,
    pub(crate) day: Day,
    pub(crate) sold: BTreeMap<Sku, Sold>,
}

impl Summed {
    pub(crate) fn new(which: Which) -> Summed {
        let (day, sold) = (Day::default(), BTreeMap::new());
        Summed { which, day, sold }
    }

    pub(crate) fn add(&mut self, order: &Order) {
        self.day.add(order, &mut self.sold);
    }

    /// The rows that it should have.
    pub(crate) fn rows(&self) -> BTreeMap<(Table, Vec<u8>), Vec<u8>> {
        let mut found = BTreeMap::new();
        if !self.day.is_empty() {
            found.insert((DAYS, day_key(&self.which)), rows::encode(&self.day));
        }
        let below = sold_prefix(&self.which);
        for (sku, sold) in &self.sold {
            let row_key = [below.as_slice(), &key(&[sku.as_str()])].concat();
            found.insert((SOLD, row_key), rows::encode(sold));
        }
        found
    }
}

/// The orders of a day, one by one.
async fn sum(store: &dyn Store, which: &Which) -> Result<Summed, StoreError> {
    let (account, day) = which;
    let end = key(&[account.as_str(), &sortable_time(day.plus(DAY))]);
    let mut after = Some(key(&[account.as_str(), &sortable_time(*day)]));
    let mut summed = Summed::new(which.clone());
    loop {
        let range = Range {
            prefix: prefix(&[account.as_str()]),
            after: after.take(),
        };
        let page = store
            .scan(rows::ORDERS_BY_ACCOUNT, range, SCAN_LIMIT_MAX)
            .await?;
        let is_last = page.len() < SCAN_LIMIT_MAX;
        for (row_key, _) in &page {
            if *row_key >= end {
                return Ok(summed);
            }
            let order = key(&[&last_part(row_key)]);
            let order: Option<Order> = read(store, rows::ORDERS, &order).await?;
            order.iter().for_each(|order| summed.add(order));
        }
        if is_last {
            return Ok(summed);
        }
        after = page.into_iter().next_back().map(|(row_key, _)| row_key);
    }
}

/// Sums a day again, and writes what is new. Says whether anything was, and how many orders were read.
async fn sum_again(store: &dyn Store, which: &Which) -> Result<(bool, u32), StoreError> {
    let summed = sum(store, which).await?;
    let right = summed.rows();
    let mut batch = Batch::default();
    let row_key = day_key(which);
    let mut there = BTreeMap::new();
    if let Some(row) = store.get(DAYS, &row_key).await? {
        there.insert((DAYS, row_key), row.value);
    }
    let sold: BTreeMap<Vec<u8>, Sold> = all_below(store, SOLD, sold_prefix(which)).await?;
    there.extend(
        sold.into_iter()
            .map(|(row_key, sold)| ((SOLD, row_key), rows::encode(&sold))),
    );
    for (place, value) in &right {
        if there.get(place) != Some(value) {
            batch.puts.push((place.0, place.1.clone(), value.clone()));
        }
    }
    let gone = there.into_keys().filter(|place| !right.contains_key(place));
    batch.deletes.extend(gone);
    let is_new = !batch.puts.is_empty() || !batch.deletes.is_empty();
    if is_new {
        store.commit(batch).await?;
    }
    Ok((is_new, u32::try_from(summed.day.orders).unwrap_or(u32::MAX)))
}

/// Days whose orders the log tells something of behind a place, and up to where it was looked at.
pub(crate) async fn stale(
    store: &dyn Store,
    seen: Seq,
    limit: usize,
) -> Result<(BTreeSet<Which>, Seq, bool), StoreError> {
    let (mut orders, mut last, mut left) = (BTreeSet::new(), seen, limit);
    let mut is_over = false;
    while left > 0 && !is_over {
        let wanted = left.min(SCAN_LIMIT_MAX);
        let page = store.facts_after(last, wanted).await?;
        is_over = page.len() < wanted;
        left -= page.len();
        for (at, entry) in page {
            last = at;
            let facts = rows::decode_facts(&entry)?;
            orders.extend(facts.into_iter().filter_map(|fact| fact.order));
        }
    }
    let mut days = BTreeSet::new();
    for order in orders {
        let row_key = key(&[&order.to_string()]);
        let order: Option<Order> = read(store, rows::ORDERS, &row_key).await?;
        days.extend(order.as_ref().map(day_of_order));
    }
    Ok((days, last, is_over))
}

/// The next days of the past, behind a place; and the place behind them, if there is more.
async fn past(
    store: &dyn Store,
    mut after: Vec<u8>,
) -> Result<(BTreeSet<Which>, Option<Vec<u8>>), StoreError> {
    let mut days = BTreeSet::new();
    while days.len() < PAST_DAYS {
        let range = Range {
            prefix: Vec::new(),
            after: Some(after),
        };
        let next = store.scan(rows::ORDERS_BY_ACCOUNT, range, 1).await?;
        let Some((row_key, _)) = next.into_iter().next() else {
            return Ok((days, None));
        };
        let order = key(&[&last_part(&row_key)]);
        match read::<Order>(store, rows::ORDERS, &order).await? {
            Some(order) => {
                let (account, day) = day_of_order(&order);
                after = key(&[account.as_str(), &sortable_time(day.plus(DAY))]);
                days.insert((account, day));
            }
            None => after = row_key,
        }
    }
    Ok((days, Some(after)))
}

/// How far the fold of a store has come; nothing where it never began.
pub(crate) async fn place(store: &dyn Store) -> Result<Option<Place>, StoreError> {
    read(store, PLACE, &key(&[HERE])).await
}

/// The one row of the table of places.
const HERE: &str = "here";

impl Engine {
    pub(crate) async fn run_insight(&self) {
        let nothing = Notify::new();
        let mut next = self.ports.clock.now().plus(FIRST);
        while self.wait(next, &nothing).await {
            let folded = self.fold_insight().await;
            let rest = match folded {
                Ok(Folded { has_more, orders }) => match has_more {
                    true => SOON.max(REST_IN_THE_PAST * orders),
                    false => EVERY.max(REST_FOR_AN_ORDER * orders),
                },
                // Another process was quicker; there is a next time.
                Err(StoreError::Conflict { .. }) => EVERY,
                Err(error) => {
                    self.note_store_error(&error);
                    EVERY
                }
            };
            next = self.ports.clock.now().plus(rest);
        }
    }

    /// Sums again what is stale, as far as one go reaches.
    pub async fn fold_insight(&self) -> Result<Folded, StoreError> {
        let store = self.store.as_ref();
        let row = store.get(PLACE, &key(&[HERE])).await?;
        let version = row.as_ref().map(|row| row.version);
        let before: Option<Place> = row.map(|row| rows::decode(PLACE, &row.value)).transpose()?;
        let mut place = match before.clone() {
            Some(place) => place,
            None => Place {
                // What is told from now on is seen behind this; all before it is the past.
                seen: store.stats().await?.durable,
                past: Some(Vec::new()),
                ..Place::default()
            },
        };
        let (mut days, seen, is_over) = stale(store, place.seen, ENTRIES).await?;
        place.seen = seen;
        if let Some(after) = place.past.take() {
            let (more, rest) = past(store, after).await?;
            days.extend(more);
            place.past = rest;
        }
        let mut orders = 0;
        for day in &days {
            let (is_new, read) = sum_again(store, day).await?;
            place.is_unranked |= is_new;
            orders = u32::saturating_add(orders, read);
        }
        let now = self.ports.clock.now();
        let has_more = !is_over || place.past.is_some();
        let is_due = place.ranked_at.is_none_or(|at| {
            let is_news = place.is_unranked && now.since(at) >= RANK_EVERY;
            is_news || day_of(at) != day_of(now)
        });
        if is_due && !has_more {
            self.rank(now).await?;
            place.ranked_at = Some(now);
            place.is_unranked = false;
        }
        if before.as_ref() != Some(&place) {
            let row_key = key(&[HERE]);
            let expects = vec![Expect {
                table: PLACE,
                key: row_key.clone(),
                version,
            }];
            let batch = Batch {
                expects,
                puts: vec![(PLACE, row_key, rows::encode(&place))],
                ..Batch::default()
            };
            store.commit(batch).await?;
        }
        Ok(Folded { has_more, orders })
    }

    /// Ranks items by what was sold of them, for each span, on each account and on all together.
    async fn rank(&self, now: Time) -> Result<(), StoreError> {
        let today = day_of(now);
        let store = self.store.as_ref();
        let mut sums: BTreeMap<(u16, String), BTreeMap<Sku, Sold>> = BTreeMap::new();
        for account in self.accounts.keys() {
            for back in 0..u32::from(SPANS[SPANS.len() - 1]) {
                let which = (account.clone(), today.minus(DAY * back));
                let sold: BTreeMap<Vec<u8>, Sold> =
                    all_below(store, SOLD, sold_prefix(&which)).await?;
                for (row_key, sold) in sold {
                    let Ok(sku) = Sku::new(&last_part(&row_key)) else {
                        continue;
                    };
                    let spans = SPANS.into_iter().filter(|span| back < u32::from(*span));
                    for span in spans {
                        for of in [account.as_str(), ""] {
                            let sums = sums.entry((span, of.to_owned())).or_default();
                            sums.entry(sku.clone()).or_default().join(sold);
                        }
                    }
                }
            }
        }
        let stock: BTreeMap<Vec<u8>, Stock> = all_below(store, rows::STOCK, Vec::new()).await?;
        let mut batch = Batch::default();
        let accounts = self.accounts.keys().map(AccountId::as_str).chain([""]);
        for of in accounts {
            for span in SPANS {
                let sold = sums.remove(&(span, of.to_owned())).unwrap_or_default();
                let ranking = self.ranking(&sold, &stock, of.is_empty()).await?;
                let row_key = key(&[&format!("{span:05}"), of]);
                batch.puts.push((RANKS, row_key, rows::encode(&ranking)));
            }
        }
        store.commit(batch).await?;
        Ok(())
    }

    async fn ranking(
        &self,
        sold: &BTreeMap<Sku, Sold>,
        stock: &BTreeMap<Vec<u8>, Stock>,
        is_of_all: bool,
    ) -> Result<Ranking, StoreError> {
        let many = |sold: Sold| Units::new(sold.units, sold.scale).millionths();
        let mut best: Vec<(&Sku, Sold)> = sold.iter().map(|(sku, sold)| (sku, *sold)).collect();
        best.sort_by_key(|(_, sold)| std::cmp::Reverse(many(*sold)));
        best.truncate(RANKED);
        // What lies on no shelf of one account alone is slow on none.
        let lying = stock
            .values()
            .filter(|stock| is_of_all && stock.on_hand().is_positive());
        let mut slow: Vec<(&Sku, Sold)> = lying
            .map(|stock| {
                (
                    &stock.sku,
                    sold.get(&stock.sku).copied().unwrap_or_default(),
                )
            })
            .collect();
        let lies = |sku: &Sku| stock.get(sku.as_str().as_bytes()).map(Stock::on_hand);
        slow.sort_by_key(|(sku, sold)| (many(*sold), std::cmp::Reverse(lies(sku))));
        slow.truncate(RANKED);
        let low = running_out(sold, stock, is_of_all);
        let mut ranking = Ranking {
            at: self.ports.clock.now(),
            best: Vec::new(),
            slow: Vec::new(),
            low: Vec::new(),
        };
        let lists = [
            (&mut ranking.best, best),
            (&mut ranking.slow, slow),
            (&mut ranking.low, low),
        ];
        for (to, from) in lists {
            for (sku, sold) in from {
                let store = self.store.as_ref();
                let item: Option<Item> = read(store, rows::ITEMS, &key(&[sku.as_str()])).await?;
                let scale = item.as_ref().map_or(sold.scale, |item| item.scale);
                to.push(Ranked {
                    title: item.map(|item| item.title).unwrap_or_default(),
                    on_hand: lies(sku),
                    sku: sku.clone(),
                    sold,
                    scale,
                });
            }
        }
        Ok(ranking)
    }

    /// What sells over a span; nothing while it was not ranked, or for a span that is none of [`SPANS`].
    pub(crate) async fn ranked(
        &self,
        span: u16,
        account: Option<&AccountId>,
    ) -> Result<Option<Ranking>, StoreError> {
        let of = account.map_or("", AccountId::as_str);
        let row_key = key(&[&format!("{span:05}"), of]);
        read(self.store.as_ref(), RANKS, &row_key).await
    }

    /// Days of an account from one on, to the last.
    pub(crate) async fn days(
        &self,
        account: &AccountId,
        from: Time,
    ) -> Result<Vec<(Time, Day)>, StoreError> {
        let just_before = from.minus(Duration::from_millis(1));
        let range = Range {
            prefix: prefix(&[account.as_str()]),
            after: Some(day_key(&(account.clone(), just_before))),
        };
        let found = self.store.scan(DAYS, range, SCAN_LIMIT_MAX).await?;
        let read = |(row_key, row): (Vec<u8>, store::Row)| {
            let at = last_part(&row_key).parse().unwrap_or_default();
            Ok((Time::from_millis(at), rows::decode(DAYS, &row.value)?))
        };
        found.into_iter().map(read).collect()
    }
}

/// What sells and lies there, what runs out first before the others.
fn running_out<'a>(
    sold: &BTreeMap<Sku, Sold>,
    stock: &'a BTreeMap<Vec<u8>, Stock>,
    is_of_all: bool,
) -> Vec<(&'a Sku, Sold)> {
    let selling = stock.values().filter(|_| is_of_all).filter_map(|stock| {
        let sold = *sold.get(&stock.sku)?;
        let units = Units::new(sold.units, sold.scale).millionths();
        let lies = Units::new(stock.on_hand(), sold.scale).millionths().max(0);
        // How long it lasts, in millionths of the span.
        (units > 0).then(|| (lies.saturating_mul(1_000_000) / units, &stock.sku, sold))
    });
    let mut selling: Vec<(i128, &Sku, Sold)> = selling.collect();
    selling.sort_by_key(|(lasts, sku, _)| (*lasts, *sku));
    selling.truncate(RANKED);
    selling
        .into_iter()
        .map(|(_, sku, sold)| (sku, sold))
        .collect()
}
