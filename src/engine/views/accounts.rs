//! Accounts, what freezing or arming one would mean, and the figures of the whole.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use domain::{
    AccountId, ListingId, Quantity, Sku, Time,
    breaker::{Side, Trip},
    offer::Offer,
};
use serde::Serialize;

use super::{Stats, StoreError, Units, Walk, count, count_some, words};
use crate::{
    Engine,
    account::{Account, Health},
    backups::BackupsView,
    meters::Percentiles,
    pausing::PauseView,
    ports::allowance::Left,
    reading::{backfill::Backfill, evidence::is_news},
    rows::{self, prefix},
};

/// How many writes a preview lists one by one.
const PREVIEW_MAX: usize = 200;

/// One account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    /// The admin's word for it.
    pub id: AccountId,
    /// Its kind of channel.
    pub channel: &'static str,
    /// The name that people know that by.
    pub channel_title: &'static str,
    /// What it may do now.
    pub mode: &'static str,
    /// What the configuration says that it may do.
    pub configured_mode: &'static str,
    /// What a person set instead.
    pub set_mode: Option<&'static str>,
    /// Whether writing is stopped by a person.
    pub is_frozen: bool,
    /// Who stopped it.
    pub frozen_by: Option<String>,
    /// Since when it is.
    pub frozen_at: Option<Time>,
    /// What a person paused of it, and what piles up.
    pub paused: Vec<PauseView>,
    /// How far reading its orders back has come, or the last time.
    pub backfill: Option<Backfill>,
    /// Calls that its channel is asked for in a second, for long.
    pub calls_per_second: u32,
    /// What is left of its quota now.
    pub quota: Left,
    /// Whether anything is written outside now.
    pub may_write: bool,
    /// Whether its orders were read completely since the start.
    pub has_polled: bool,
    /// What its stock number means.
    pub quantity_means: &'static str,
    /// Who decides about its stock: `ledger` or `channel`.
    pub stock_authority: &'static str,
    /// Whether the breaker has tripped on the side of what it shows.
    pub source_tripped: Option<Trip>,
    /// Whether it has on the side of what we write.
    pub writes_tripped: Option<Trip>,
    /// How far the comparison of its levels has come, or the last one.
    pub comparison: Option<ComparisonView>,
    /// What is counted of it.
    pub counts: Counts,
    /// How it is doing.
    pub health: Health,
}

/// How far a comparison has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ComparisonView {
    /// When it began.
    pub began_at: Time,
    /// How many listings were compared.
    pub compared: usize,
    /// Of how many.
    pub all: usize,
    /// How many differ so far from what we know.
    pub differing: usize,
    /// When it ended.
    pub finished_at: Option<Time>,
}

/// What is counted of an account. What waits is counted up to [`super::COUNTED_MAX`]; how much is known of it is exact, and as
/// old as a count of a large store takes often enough not to be a burden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All its orders.
    pub orders: usize,
    /// Those that may still change.
    pub orders_open: usize,
    /// Its listings.
    pub listings: usize,
    /// Listings that something is to be sent to.
    pub pushes_waiting: usize,
    /// Listings that a breaker holds.
    pub held: usize,
    /// Wishes that wait.
    pub intents_waiting: usize,
    /// Signals that could not be read.
    pub signals_parked: usize,
}

/// What would be written to an account, or is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WritePreview {
    /// Which account.
    pub account: AccountId,
    /// What it may do now.
    pub mode: &'static str,
    /// Whether writing is stopped by a person.
    pub is_frozen: bool,
    /// How many levels wait to be written.
    pub pushes_waiting: usize,
    /// How many shipments, cancellations and refunds wait to be told.
    pub intents_waiting: usize,
    /// Units that its listings show beyond what they should: they stay at risk while it is frozen.
    pub units_at_risk: Units,
    /// How many levels the breaker holds already: they are not among those that wait.
    pub held: usize,
    /// How many of the levels that wait are zeroes that no order caused.
    pub sudden_zeroes: usize,
    /// Whether the breaker would hold these.
    pub breaker_would_hold: bool,
    /// The levels, as far as they fit.
    pub writes: Vec<PlannedWrite>,
}

/// One level that waits to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedWrite {
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// What is there, as we believe.
    pub from: Option<Units>,
    /// What is to be there.
    pub to: Units,
}

/// The figures of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// When they were taken.
    pub at: Time,
    /// How many orders are in which phase.
    pub orders_by_phase: BTreeMap<&'static str, usize>,
    /// Orders that became known since the start.
    pub orders_in: u64,
    /// Units that are promised and have not left.
    pub claims_open_units: Quantity,
    /// How many claims are open.
    pub claims_open: usize,
    /// Levels that channels took since the start.
    pub pushes: u64,
    /// Wishes that were overwritten before they were sent.
    pub coalesced: u64,
    /// How long it took from wish to acknowledgement.
    pub propagation_ms: Percentiles,
    /// Views of orders that told nothing new, since the start.
    pub duplicates_dropped: u64,
    /// Levels that channels held against us, since the start.
    pub conflicts: u64,
    /// Complete comparisons of an account's levels, since the start.
    pub reconciles: u64,
    /// Cases of drift that are open.
    pub drift_open: usize,
    /// Breakers that have tripped: sides of accounts.
    pub breakers_tripped: usize,
    /// Listings whose formula gives no number.
    pub formulas_failing: usize,
    /// Incidents that are open.
    pub incidents_open: usize,
    /// What waits for a person: intents, pushes and signals.
    pub parked: usize,
    /// Signals that wait to be decided.
    pub inbox_waiting: usize,
    /// How long hooks took from their arrival until they were decided.
    pub signal_ms: Percentiles,
    /// When the last of them was.
    pub signal_decided_at: Option<Time>,
    /// Wishes that wait to be carried out.
    pub intents_waiting: usize,
    /// Levels that wait to be written.
    pub pushes_waiting: usize,
    /// Hooks that were believed, since the start.
    pub hooks_accepted: u64,
    /// Hooks that were not, since the start.
    pub hooks_refused: u64,
    /// How the store is doing.
    pub store: StoreView,
    /// How backups are doing.
    pub backups: BackupsView,
}

/// How the store is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StoreView {
    /// The last position that is durable.
    pub durable: u64,
    /// How often the journal was synced since the start.
    pub syncs: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Of these the rows and their exports; the journal is kept by time.
    pub rows_bytes: u64,
    /// What the rows need.
    pub live_bytes: u64,
    /// Whether the rows take far more than they need.
    pub is_bloated: bool,
    /// Bytes that are left.
    pub free_bytes: Option<u64>,
    /// Whether writes are refused for want of space.
    pub is_read_only: bool,
    /// What opening had to repair.
    pub repairs: Vec<String>,
}

/// All accounts, by id.
pub async fn list(engine: &Arc<Engine>) -> Result<Vec<AccountView>, StoreError> {
    let mut views = Vec::new();
    for account in engine.accounts.values() {
        views.push(one(engine, account).await?);
    }
    Ok(views)
}

/// One account.
pub async fn one(engine: &Arc<Engine>, account: &Account) -> Result<AccountView, StoreError> {
    let mut view = brief(engine, account).await?;
    let totals = engine.totals.soon(engine).await?;
    let known = totals.of_accounts.get(&account.id);
    let known = known.copied().unwrap_or_default();
    view.counts.orders = known.orders;
    view.counts.orders_open = known.orders_open;
    view.counts.listings = known.listings;
    Ok(view)
}

/// The same without what takes the longer the more there is: its orders and listings are not counted.
pub async fn brief(engine: &Engine, account: &Account) -> Result<AccountView, StoreError> {
    let below = || prefix(&[account.id.as_str()]);
    let descriptor = account.descriptor();
    let counts = Counts {
        pushes_waiting: count_some(engine, rows::DUE_OFFERS, below()).await?,
        held: held(engine, account).await?,
        intents_waiting: count_some(engine, rows::OUTBOX, below()).await?,
        signals_parked: count_some(engine, rows::PARKED_SIGNALS, below()).await?,
        ..Counts::default()
    };
    let set = account.set();
    let breaker = engine.breaker(account).await?;
    let policy = engine.decider.policy();
    let authority = policy
        .accounts
        .get(&account.id)
        .map(|terms| terms.authority);
    let comparison = engine.comparison(account).await?;
    Ok(AccountView {
        stock_authority: words::authority(authority.unwrap_or_default()),
        source_tripped: breaker.source,
        writes_tripped: breaker.writes,
        comparison: comparison.map(|run| ComparisonView {
            began_at: run.began_at,
            compared: run.compared,
            all: run.all,
            differing: run.suspects.len(),
            finished_at: run.finished_at,
        }),
        id: account.id.clone(),
        channel: descriptor.id,
        channel_title: descriptor.title,
        mode: words::mode(account.mode()),
        configured_mode: words::mode(account.configured),
        set_mode: set.mode.map(words::mode),
        is_frozen: set.is_frozen,
        frozen_by: set.frozen_by,
        frozen_at: set.frozen_at,
        paused: engine.paused(account).await?,
        backfill: account.backfill(),
        calls_per_second: account
            .meter
            .per_second()
            .unwrap_or(descriptor.quota.per_second),
        quota: account.meter.left(engine.ports.clock.now()),
        may_write: account.may_write(),
        has_polled: account.has_polled(),
        quantity_means: words::meaning(descriptor.quantity),
        counts,
        health: account.health(),
    })
}

/// Whether orders or listings of an account are known: also of one that is not configured any more.
pub async fn has_left_something(engine: &Engine, account: &AccountId) -> Result<bool, StoreError> {
    for table in [rows::ORDER_REFS, rows::LISTINGS] {
        let mut walk = Walk::new(engine, table, prefix(&[account.as_str()]), None);
        if walk.next().await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn held(engine: &Engine, account: &Account) -> Result<usize, StoreError> {
    let mut held = 0;
    for side in Side::ALL {
        let below = prefix(&[side.word(), account.id.as_str()]);
        held += count_some(engine, rows::HELD_OFFERS, below).await?;
    }
    Ok(held)
}

/// What is to be written to an account at this moment, whether it may be or not.
pub async fn preview(engine: &Engine, account: &Account) -> Result<WritePreview, StoreError> {
    let below = prefix(&[account.id.as_str()]);
    let breaker = engine.breaker(account).await?;
    let (mut listings, mut unheard) = (0, Vec::new());
    let mut preview = WritePreview {
        account: account.id.clone(),
        mode: words::mode(account.mode()),
        is_frozen: account.is_frozen(),
        pushes_waiting: 0,
        intents_waiting: count(engine, rows::OUTBOX, below.clone()).await?,
        units_at_risk: Units::default(),
        held: 0,
        sudden_zeroes: 0,
        breaker_would_hold: false,
        writes: Vec::new(),
    };
    let mut walk = Walk::summing(engine, rows::OFFERS, below);
    while let Some((_, row)) = walk.next().await? {
        let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
        let at_risk = Units::new(offer.exposure(), offer.scale);
        preview.units_at_risk = preview.units_at_risk.plus(at_risk);
        preview.held += usize::from(offer.is_held_back());
        listings += 1;
        let Some(wanted) = offer.wanted.filter(|_| offer.is_due()) else {
            continue;
        };
        preview.pushes_waiting += 1;
        preview.sudden_zeroes += usize::from(breaker.minds(&offer));
        if is_news(&breaker, &offer) {
            unheard.push(offer.listing.clone());
        }
        if preview.writes.len() < PREVIEW_MAX {
            let from = offer.believed;
            preview.writes.push(PlannedWrite {
                from: from.map(|told| Units::new(told.quantity, offer.scale)),
                to: Units::new(wanted.quantity, offer.scale),
                listing: offer.listing,
                sku: offer.sku,
            });
        }
    }
    let rule = engine.decider.policy().breaker;
    let now = engine.ports.clock.now();
    let is_tripped = breaker.writes.is_some();
    let mut weighed = breaker;
    let would_trip =
        !unheard.is_empty() && weighed.weigh(Side::Writes, &unheard, listings, &rule, now);
    preview.breaker_would_hold = preview.sudden_zeroes > 0 && (is_tripped || would_trip);
    Ok(preview)
}

/// The figures of the whole.
pub async fn summary(engine: &Engine) -> Result<Summary, StoreError> {
    let meters = &engine.meters;
    let totals = engine.totals.get(engine).await?;
    let stats = engine.store.stats().await?;
    Ok(Summary {
        at: engine.ports.clock.now(),
        orders_by_phase: totals.orders_by_phase,
        orders_in: meters.orders_accepted.load(Ordering::Relaxed),
        claims_open_units: totals.claims_open_units,
        claims_open: totals.claims_open,
        pushes: meters.pushes.load(Ordering::Relaxed),
        coalesced: totals.coalesced,
        propagation_ms: meters.propagation_ms(),
        duplicates_dropped: meters.duplicates_dropped.load(Ordering::Relaxed),
        conflicts: meters.conflicts.load(Ordering::Relaxed),
        reconciles: meters.reconciles.load(Ordering::Relaxed),
        drift_open: totals.drift_open,
        breakers_tripped: breakers_tripped(engine).await?,
        formulas_failing: totals.formulas_failing,
        incidents_open: totals.incidents_open,
        parked: totals.parked,
        inbox_waiting: meters.backlog.load(Ordering::Relaxed),
        signal_ms: meters.signal_ms(),
        signal_decided_at: meters.signal_decided_at(),
        intents_waiting: totals.intents_waiting,
        pushes_waiting: totals.pushes_waiting,
        hooks_accepted: meters.hooks_accepted.load(Ordering::Relaxed),
        hooks_refused: meters.hooks_refused.load(Ordering::Relaxed),
        store: store_view(stats),
        backups: engine.backups(),
    })
}

fn store_view(stats: Stats) -> StoreView {
    StoreView {
        durable: stats.durable.0,
        syncs: stats.syncs,
        disk_bytes: stats.disk_bytes,
        rows_bytes: stats.rows_bytes,
        live_bytes: stats.live_bytes,
        is_bloated: stats.is_bloated,
        free_bytes: stats.free_bytes,
        is_read_only: stats.is_read_only,
        repairs: stats.repairs,
    }
}

async fn breakers_tripped(engine: &Engine) -> Result<usize, StoreError> {
    let mut tripped = 0;
    for account in engine.accounts.values() {
        let breaker = engine.breaker(account).await?;
        let sides = Side::ALL.into_iter();
        tripped += sides.filter(|side| breaker.trip(*side).is_some()).count();
    }
    Ok(tripped)
}
