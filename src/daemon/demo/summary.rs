//! What the demo tells in the end: our book against what the shops know to be true.

use std::collections::BTreeMap;

use domain::{AccountId, Time, fact::Fact, item::ItemKind, offer::Offer, stock::Claim};
use engine::{meters::Percentiles, rows};
use sandbox::judge::{Book, Edit, Evidence, Oversold, WrongLevel};
use serde::Serialize;
use store::{Range, SCAN_LIMIT_MAX, Seq, Store, Table};

use super::{Demo, shops};

/// One object, so that scripts can read it.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) orders_placed: u64,
    pub(super) orders_in: u64,
    pub(super) orders_by_phase: BTreeMap<&'static str, u64>,
    pub(super) claims: Claims,
    pub(super) pushes: u64,
    pub(super) coalesced: u64,
    pub(super) propagation_ms: Percentiles,
    pub(super) propagation_ms_by_account: BTreeMap<AccountId, Percentiles>,
    pub(super) oversold: Vec<Oversold>,
    pub(super) oversold_unexplained: u64,
    pub(super) levels_wrong: u64,
    pub(super) levels_wrong_list: Vec<WrongLevel>,
    pub(super) orders_missing: Vec<String>,
    pub(super) duplicates_dropped: u64,
    pub(super) conflicts: u64,
    pub(super) drifts_found: u64,
    pub(super) drift_open: u64,
    pub(super) reconciles: u64,
    pub(super) parked: u64,
    pub(super) shipments_told: u64,
    pub(super) exit_reason: String,
}

/// Claims in the book at the end.
#[derive(Debug, Default, Serialize)]
pub(super) struct Claims {
    /// How many order lines hold one.
    pub(super) open: u64,
    /// How many units they hold.
    pub(super) units: i64,
}

impl Summary {
    /// Whether everything is as it was promised.
    pub(super) fn is_good(&self) -> bool {
        self.orders_placed == self.orders_in
            && self.oversold_unexplained == 0
            && self.levels_wrong == 0
            && self.drift_open == 0
            && self.reconciles >= 2
            && self.exit_reason == "time is over"
    }
}

/// What still moves, since a time; nothing when the world is quiet.
pub(super) async fn unrest(demo: &Demo, since: Time) -> anyhow::Result<Option<String>> {
    if let Some(shop) = demo.shops.iter().find(|shop| shop.has_hooks_waiting()) {
        return Ok(Some(format!("{} has hooks to send", shop.account)));
    }
    let later = |at: Option<Time>| at.is_some_and(|at| at > since);
    for account in demo.engine.accounts.values() {
        let health = account.health();
        if !later(health.last_poll_at) || !later(health.last_reconcile_at) {
            let last = health.last_error.unwrap_or_default();
            return Ok(Some(format!(
                "{} was not compared; last error: {last}",
                account.id
            )));
        }
    }
    let backlog = demo
        .engine
        .meters
        .backlog
        .load(std::sync::atomic::Ordering::Relaxed);
    if backlog > 0 {
        return Ok(Some(format!("{backlog} hooks are not decided")));
    }
    let store = demo.engine.store.as_ref();
    for (table, what) in [(rows::DUE_OFFERS, "push"), (rows::OUTBOX, "intent")] {
        if let Some((key, _)) = store.scan(table, Range::default(), 1).await?.first() {
            let key = String::from_utf8_lossy(key).replace('\0', " ");
            return Ok(Some(format!("a {what} waits: {key}")));
        }
    }
    if let Some(drift) = demo.engine.open_drifts().await?.first() {
        return Ok(Some(format!(
            "drift of {} on {} is open",
            drift.sku, drift.account
        )));
    }
    let judgment = sandbox::judge::judge(&evidence(demo).await?);
    if let Some((account, order)) = judgment.unknown.first() {
        return Ok(Some(format!("order {order} of {account} is unknown")));
    }
    Ok(judgment
        .levels_wrong
        .first()
        .map(|wrong| format!("{wrong:?}")))
}

/// Whether every shop was read, and every good has been counted.
pub(super) async fn is_opened(engine: &engine::Engine) -> anyhow::Result<bool> {
    if !engine.accounts.values().all(|account| account.has_polled()) {
        return Ok(false);
    }
    let offers: Vec<Offer> = all(engine.store.as_ref(), rows::OFFERS).await?;
    let is_uncounted =
        |offer: &Offer| offer.suppressed == Some(domain::offer::Suppression::Uncounted);
    Ok(!offers.is_empty() && !offers.iter().any(is_uncounted))
}

/// Judges the demo.
pub(super) async fn judge(demo: &Demo, exit_reason: String) -> anyhow::Result<Summary> {
    let evidence = evidence(demo).await?;
    let judgment = sandbox::judge::judge(&evidence);
    let store = demo.engine.store.as_ref();
    let meters = &demo.engine.meters;
    let read =
        |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    let mut claims = Claims::default();
    for claim in all::<Claim>(store, rows::CLAIMS).await? {
        claims.open += 1;
        claims.units += claim.open().units();
    }
    let offers: Vec<Offer> = all(store, rows::OFFERS).await?;
    let missing = judgment
        .unknown
        .iter()
        .map(|(account, order)| format!("{account} {order}"));
    let shipments = evidence.shops.values().flat_map(|truth| &truth.orders);
    Ok(Summary {
        orders_placed: judgment.orders_placed,
        orders_in: evidence.known.len() as u64,
        orders_by_phase: by_phase(store).await?,
        claims,
        pushes: read(&meters.pushes),
        coalesced: offers.iter().map(|offer| offer.coalesced).sum(),
        propagation_ms: meters.propagation_ms(),
        propagation_ms_by_account: meters.propagation_ms_by_account(),
        oversold_unexplained: judgment.oversold_unexplained,
        oversold: judgment.oversold,
        levels_wrong: judgment.levels_wrong.len() as u64,
        levels_wrong_list: judgment.levels_wrong,
        orders_missing: missing.collect(),
        duplicates_dropped: read(&meters.duplicates_dropped),
        conflicts: read(&meters.conflicts),
        drifts_found: read(&meters.drifts),
        drift_open: demo.engine.open_drifts().await?.len() as u64,
        reconciles: read(&meters.reconciles),
        parked: all_keys(store, rows::PARKED).await?.len() as u64
            + all_keys(store, rows::PARKED_SIGNALS).await?.len() as u64,
        shipments_told: shipments.map(|order| order.shipments.len() as u64).sum(),
        exit_reason,
    })
}

/// How many orders are in which phase, by the index.
pub(super) async fn by_phase(store: &dyn Store) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut counts = BTreeMap::new();
    for key in all_keys(store, rows::ORDERS_BY_PHASE).await? {
        let word = key.split(|byte| *byte == 0).next().unwrap_or_default();
        let phase = domain::order::Phase::from_word(&String::from_utf8_lossy(word));
        if let Some(phase) = phase {
            *counts.entry(phase.word()).or_default() += 1;
        }
    }
    Ok(counts)
}

async fn evidence(demo: &Demo) -> anyhow::Result<Evidence> {
    let store = demo.engine.store.as_ref();
    let mut evidence = Evidence {
        stock: shops::opening_stock(),
        edits: demo
            .edits
            .lock()
            .expect("no holder of this lock panics")
            .clone(),
        ..Evidence::default()
    };
    for shop in &demo.shops {
        evidence
            .shops
            .insert(AccountId::new(shop.account.clone()), shop.truth());
    }
    for item in shops::items() {
        let bill = match &item.kind {
            ItemKind::Good => continue,
            ItemKind::Service => BTreeMap::new(),
            ItemKind::Kit(parts) => parts
                .iter()
                .map(|(sku, units)| (sku.clone(), units.units()))
                .collect(),
        };
        evidence.bills.insert(item.sku, bill);
    }
    let mut sku_of = BTreeMap::new();
    for offer in all::<Offer>(store, rows::OFFERS).await? {
        sku_of.insert(
            (offer.account.clone(), offer.listing.clone()),
            offer.sku.clone(),
        );
        if let Some(wanted) = offer.wanted {
            evidence
                .wanted
                .insert((offer.account, offer.sku), wanted.quantity.units());
        }
    }
    evidence.take_in(Book {
        facts: &facts(store).await?,
        orders: &all(store, rows::ORDERS).await?,
        incidents: &all(store, rows::INCIDENTS).await?,
        sku_of: &sku_of,
    });
    Ok(evidence)
}

async fn facts(store: &dyn Store) -> anyhow::Result<Vec<Fact>> {
    let mut facts = Vec::new();
    let mut after = Seq(0);
    loop {
        let page = store.facts_after(after, SCAN_LIMIT_MAX).await?;
        let Some((last, _)) = page.last() else {
            return Ok(facts);
        };
        after = *last;
        for (_, bytes) in &page {
            facts.extend(rows::decode_facts(bytes)?);
        }
    }
}

async fn all_keys(store: &dyn Store, table: Table) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    loop {
        let range = Range {
            prefix: Vec::new(),
            after: keys.last().cloned(),
        };
        let page = store.scan(table, range, SCAN_LIMIT_MAX).await?;
        let is_last = page.len() < SCAN_LIMIT_MAX;
        keys.extend(page.into_iter().map(|(key, _)| key));
        if is_last {
            return Ok(keys);
        }
    }
}

/// All values of a table; only the demo, whose store is small, may read so much at once.
async fn all<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    table: Table,
) -> anyhow::Result<Vec<T>> {
    let mut values = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store
            .scan(
                table,
                Range {
                    prefix: Vec::new(),
                    after,
                },
                SCAN_LIMIT_MAX,
            )
            .await?;
        for (_, row) in &page {
            values.push(rows::decode(table, &row.value)?);
        }
        match page.last() {
            Some((key, _)) if page.len() == SCAN_LIMIT_MAX => after = Some(key.clone()),
            Some(_) | None => return Ok(values),
        }
    }
}

/// An edit by staff, as the judge wants to know it.
pub(super) fn edit(account: &str, sku: &domain::Sku, at: Time) -> Edit {
    Edit {
        account: AccountId::new(account),
        sku: sku.clone(),
        at,
    }
}
