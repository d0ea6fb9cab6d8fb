//! What a rehearsal of a merchant's own shops came to: orders, delays, units sold that were not there,
//! units at risk, and what the rules hid.
//!
//! What was sold and why is the judge's word, delays and risk are what the engine itself recorded, and
//! what was hidden is looked at every few seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use domain::{
    AccountId, Sku, Time,
    exposure::Tally,
    fact::{Event, Fact},
    item::Item,
    locations::Locations,
    offer::{self, Offer},
    stock::Stock,
};
use engine::rows;
use sandbox::{Truth, judge::Reason};
use serde::Serialize;

use crate::{
    Report,
    disk::lock,
    own::Own,
    rows::Rows,
    run::{self, play},
    trace::Trace,
    world::{Untouched, World},
};

/// How often it is looked at what is hidden.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What came of one seed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rehearsed {
    /// The seed.
    pub seed: u64,
    /// What held of buffers.
    pub buffers: &'static str,
    /// Two runs of one seed have the same.
    pub trace_hash: String,
    /// How long everything took to become quiet afterwards; nothing when it never did.
    pub quiet_after_ms: Option<u64>,
    /// Account by account.
    pub accounts: BTreeMap<AccountId, Figures>,
    /// Promises that were broken, in sentences.
    pub violations: Vec<String>,
}

/// What came of one account, in one seed or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Orders that were placed there.
    pub orders: u64,
    /// Units that were sold there.
    pub units: u64,
    /// Of these, units that were not there, by why that could happen.
    pub oversold: BTreeMap<Reason, u64>,
    /// Orders that have such units.
    pub oversold_orders: u64,
    /// How long levels took from when they were due until the channel took them.
    #[serde(skip)]
    pub delays_ms: Vec<u64>,
    /// Half of them took at most this.
    pub lag_p50_ms: Option<u64>,
    /// All but one in a hundred took at most this.
    pub lag_p99_ms: Option<u64>,
    /// Units that were shown beyond what was wanted, times seconds.
    pub risk_unit_seconds: u64,
    /// Units that the rules held back of what could be sold, times seconds.
    pub hidden_unit_seconds: u64,
    /// Listings that were told nothing in the end, by why.
    pub suppressed: BTreeMap<String, u64>,
    /// How often the breaker tripped.
    pub breaker_trips: u64,
}

impl Figures {
    /// Takes in what came of another seed.
    pub fn merge(&mut self, other: &Figures) {
        self.orders += other.orders;
        self.units += other.units;
        for (why, units) in &other.oversold {
            *self.oversold.entry(*why).or_default() += units;
        }
        self.oversold_orders += other.oversold_orders;
        self.delays_ms.extend(&other.delays_ms);
        self.risk_unit_seconds += other.risk_unit_seconds;
        self.hidden_unit_seconds += other.hidden_unit_seconds;
        for (why, listings) in &other.suppressed {
            *self.suppressed.entry(why.clone()).or_default() += listings;
        }
        self.breaker_trips += other.breaker_trips;
        self.rank();
    }

    /// Units that were sold and were not there.
    pub fn units_oversold(&self) -> u64 {
        self.oversold.values().sum()
    }

    fn rank(&mut self) {
        self.delays_ms.sort_unstable();
        let all = &self.delays_ms;
        let at = |percent: usize| {
            let last = all.len().checked_sub(1)?;
            all.get((all.len() * percent / 100).min(last)).copied()
        };
        (self.lag_p50_ms, self.lag_p99_ms) = (at(50), at(99));
    }
}

impl Rehearsed {
    /// All accounts together.
    pub fn total(&self) -> Figures {
        let mut total = Figures::default();
        for figures in self.accounts.values() {
            total.merge(figures);
        }
        total
    }
}

/// Rehearses one seed.
pub fn rehearse(seed: u64, own: &Own) -> Rehearsed {
    let (scale, plan) = (own.scale(), own.plan(seed));
    let mut world = World::of(plan, &scale, Trace::default(), Arc::new(Untouched));
    let mut hidden: BTreeMap<AccountId, u128> = BTreeMap::new();
    let report = play(seed, &mut world, &scale, |world| {
        let end = world.now().plus(scale.busy_for);
        while world.now() < end && !world.is_broken() {
            let before = world.now();
            world.run_until(before.plus(LOOK_EVERY).min(end));
            look_at_hidden(world, world.now().since(before), &mut hidden);
        }
    });
    let (mut accounts, truths) = (count(&world, &report), world.truths());
    for (account, figures) in &mut accounts {
        let unit_ms = hidden.get(account).copied().unwrap_or(0);
        figures.hidden_unit_seconds = narrow(unit_ms / 1000);
        if let Some(truth) = truths.get(account) {
            (figures.orders, figures.units) = sold(truth);
        }
        figures.rank();
    }
    Rehearsed {
        seed,
        buffers: own.buffers().word(),
        trace_hash: report.trace_hash,
        quiet_after_ms: report.quiet_after_ms,
        accounts,
        violations: report.violations,
    }
}

/// Rehearses many seeds on all processors, and hands on each in their order.
pub fn rehearse_each(
    seeds: std::ops::Range<u64>,
    own: &Own,
    take: &mut dyn FnMut(Rehearsed) -> ControlFlow<()>,
) {
    run::on_all_processors(seeds, &|seed| rehearse(seed, own), take);
}

fn sold(truth: &Truth) -> (u64, u64) {
    let lines = truth.orders.iter().flat_map(|order| &order.lines);
    let units = lines.map(|(_, units)| u64::from(*units)).sum();
    (truth.orders.len() as u64, units)
}

/// Adds what the rules hold back at this moment, for as long as it is taken to last.
fn look_at_hidden(world: &World, lasts: Duration, hidden: &mut BTreeMap<AccountId, u128>) {
    let rows = Rows(&world.memory);
    if rows.durable().is_none() {
        return;
    }
    let stock: BTreeMap<Sku, Stock> = rows
        .scan::<Stock>(rows::STOCK, b"")
        .into_iter()
        .map(|(_, stock)| (stock.sku.clone(), stock))
        .collect();
    let items: BTreeMap<Sku, Item> = rows
        .scan::<Item>(rows::ITEMS, b"")
        .into_iter()
        .map(|(_, item)| (item.sku.clone(), item))
        .collect();
    let locations = world.locations();
    for (_, offer) in rows.scan::<Offer>(rows::OFFERS, b"") {
        let units = held_back(&offer, &items, &stock, &locations);
        *hidden.entry(offer.account).or_default() += u128::from(units) * lasts.as_millis();
    }
}

fn held_back(
    offer: &Offer,
    items: &BTreeMap<Sku, Item>,
    stock: &BTreeMap<Sku, Stock>,
    locations: &Locations,
) -> u64 {
    let (Some(item), Some(shown)) = (items.get(&offer.sku), offer.offer) else {
        return 0;
    };
    let sellable = offer::sellable(item, stock, locations, &offer.account);
    let sellable = sellable.map(|units| units.or_zero()).unwrap_or_default();
    sellable
        .minus(shown.quantity)
        .or_zero()
        .units()
        .unsigned_abs()
}

/// What the judge, the journal and the rows say of each account.
fn count(world: &World, report: &Report) -> BTreeMap<AccountId, Figures> {
    let shops = world.plan.shops.iter();
    let mut accounts: BTreeMap<AccountId, Figures> = shops
        .map(|(_, shop)| (AccountId::new(&shop.name), Figures::default()))
        .collect();
    let mut orders = BTreeSet::new();
    for one in &report.judgment.oversold {
        let Some(figures) = accounts.get_mut(&one.account) else {
            continue;
        };
        let units = figures.oversold.entry(one.reason).or_default();
        *units += one.units.max(0).unsigned_abs();
        if orders.insert((&one.account, &one.external_id)) {
            figures.oversold_orders += 1;
        }
    }
    for fact in &lock(&world.watch).facts {
        take_fact(fact, &mut accounts);
    }
    let rows = Rows(&world.memory);
    let mut risk: BTreeMap<AccountId, u128> = BTreeMap::new();
    for (key, tally) in rows.scan::<Tally>(rows::EXPOSURE, &rows::prefix(&["minute"])) {
        *risk
            .entry(AccountId::new(rows::last_part(&key)))
            .or_default() += tally.unit_ms;
    }
    for (account, figures) in &mut accounts {
        // Millionths of a unit times milliseconds.
        let sum = risk.get(account).copied().unwrap_or(0);
        figures.risk_unit_seconds = narrow(sum / 1_000_000_000);
    }
    for (_, offer) in rows.scan::<Offer>(rows::OFFERS, b"") {
        if let (Some(why), Some(figures)) = (offer.suppressed, accounts.get_mut(&offer.account)) {
            let why = format!("{why:?}").to_lowercase();
            *figures.suppressed.entry(why).or_default() += 1;
        }
    }
    accounts
}

fn take_fact(fact: &Fact, accounts: &mut BTreeMap<AccountId, Figures>) {
    let Some(figures) = fact.account.as_ref().and_then(|id| accounts.get_mut(id)) else {
        return;
    };
    if let Event::PushAcknowledged {
        due_since: Some(since),
        ..
    } = &fact.event
    {
        figures.delays_ms.push(millis(*since, fact.at));
    } else if let Event::BreakerTripped { .. } = &fact.event {
        figures.breaker_trips += 1;
    }
}

fn millis(from: Time, to: Time) -> u64 {
    narrow(to.since(from).as_millis())
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
