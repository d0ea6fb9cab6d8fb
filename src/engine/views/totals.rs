//! Sums over everything that is kept, for the figures of the whole.
//!
//! They read every open claim and every offer, so asking for them often would cost more the more there
//! is. What was summed is used again for [`REST_FACTOR`] times as long as it took: a small store is always
//! exact, and a large one gives this a twentieth of one processor at most.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex as Lock},
    time::Duration,
};

use domain::{
    AccountId, Quantity, Time,
    offer::{Offer, Suppression},
    order::Phase,
    stock::Claim,
};
use store::Table;
use tokio::sync::Mutex;

use super::{StoreError, Units, Walk, count, due};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// How many times as long as summing took its result is used.
const REST_FACTOR: u32 = 20;
/// What takes less is done each time.
const TRIFLE: Duration = Duration::from_millis(5);
/// For what takes more, nobody who looks at a page waits.
const PATIENCE: Duration = Duration::from_millis(30);

/// What was summed.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    /// When.
    pub at: Time,
    /// How many orders are in which phase.
    pub orders_by_phase: BTreeMap<&'static str, usize>,
    /// What is known of each account that anything is known of.
    pub of_accounts: BTreeMap<AccountId, Known>,
    /// How many claims are open.
    pub claims_open: usize,
    /// Units that are promised and have not left.
    pub claims_open_units: Quantity,
    /// Wishes that were overwritten before they were sent.
    pub coalesced: u64,
    /// Listings whose formula gives no number.
    pub formulas_failing: usize,
    /// Cases of drift that are open.
    pub drift_open: usize,
    /// Incidents that are open.
    pub incidents_open: usize,
    /// What waits for a person: intents, pushes and signals.
    pub parked: usize,
    /// Of these, what is to be sent: intents and pushes.
    pub outbox_parked: usize,
    /// Wishes that wait to be carried out.
    pub intents_waiting: usize,
    /// Levels that wait to be written.
    pub pushes_waiting: usize,
    /// Units that listings show beyond what they should.
    pub at_risk: Units,
    /// How many orders are too late, by what is.
    pub late: BTreeMap<&'static str, usize>,
}

/// How much is known of an account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// All its orders.
    pub orders: usize,
    /// Those that may still change.
    pub orders_open: usize,
    /// Its listings.
    pub listings: usize,
}

/// One of its counts.
type Counter = fn(&mut Known) -> &mut usize;

/// The last sums, with how long they took.
#[derive(Debug, Default)]
pub(crate) struct LastTotals {
    last: Lock<Option<(Totals, Duration)>>,
    /// Held while somebody sums.
    summing: Mutex<()>,
}

impl LastTotals {
    fn last(&self) -> Option<(Totals, Duration)> {
        let last = self.last.lock();
        last.expect("no holder of this lock panics").clone()
    }

    /// The sums. Whoever asks while somebody sums waits for the same ones.
    pub(crate) async fn get(&self, engine: &Engine) -> Result<Totals, StoreError> {
        let _turn = self.summing.lock().await;
        let began_at = engine.ports.clock.now();
        if let Some((totals, took)) = self.last() {
            let is_fresh = began_at.since(totals.at) < took * REST_FACTOR;
            if took >= TRIFLE && began_at >= totals.at && is_fresh {
                return Ok(totals);
            }
        }
        let totals = sum(engine).await?;
        let took = totals.at.since(began_at);
        let mut last = self.last.lock().expect("no holder of this lock panics");
        *last = Some((totals.clone(), took));
        Ok(totals)
    }

    /// The sums for somebody who does not wait: those of before while new ones are made beside, when that
    /// takes long.
    pub(crate) async fn soon(&self, engine: &Arc<Engine>) -> Result<Totals, StoreError> {
        match self.last() {
            Some((totals, took)) if took >= PATIENCE => {
                if self.summing.try_lock().is_ok() {
                    let at = Arc::clone(engine);
                    let task = async move {
                        if let Err(error) = at.totals.get(&at).await {
                            tracing::warn!(%error, "The totals could not be summed.");
                        }
                    };
                    engine
                        .ports
                        .spawn
                        .spawn("totals".to_owned(), Box::pin(task));
                }
                Ok(totals)
            }
            _ => self.get(engine).await,
        }
    }
}

async fn sum(engine: &Engine) -> Result<Totals, StoreError> {
    let mut orders_by_phase = BTreeMap::new();
    for phase in Phase::ALL {
        let orders = count(engine, rows::ORDERS_BY_PHASE, prefix(&[phase.word()])).await?;
        if orders > 0 {
            orders_by_phase.insert(phase.word(), orders);
        }
    }
    let mut of_accounts: BTreeMap<AccountId, Known> = BTreeMap::new();
    let tables: [(Table, Counter); 3] = [
        (rows::ORDERS_BY_ACCOUNT, |known| &mut known.orders),
        (rows::OPEN_ORDERS, |known| &mut known.orders_open),
        (rows::LISTINGS, |known| &mut known.listings),
    ];
    for (table, counter) in tables {
        let mut walk = Walk::summing(engine, table, Vec::new());
        while let Some((key, _)) = walk.next().await? {
            let account = key.split(|byte| *byte == 0).next().unwrap_or_default();
            let account = AccountId::new(String::from_utf8_lossy(account));
            *counter(of_accounts.entry(account).or_default()) += 1;
        }
    }
    let all = |table| count(engine, table, Vec::new());
    let outbox_parked = all(rows::PARKED).await?;
    let mut late = BTreeMap::new();
    for ((_, what), orders) in due::late(engine).await? {
        *late.entry(what).or_default() += orders;
    }
    let mut totals = Totals {
        at: Time::default(),
        orders_by_phase,
        of_accounts,
        claims_open: 0,
        claims_open_units: Quantity::ZERO,
        coalesced: 0,
        formulas_failing: 0,
        drift_open: all(rows::OPEN_DRIFTS).await?,
        incidents_open: all(rows::OPEN_INCIDENTS).await?,
        parked: all(rows::PARKED_SIGNALS).await? + outbox_parked,
        outbox_parked,
        at_risk: Units::default(),
        late,
        intents_waiting: all(rows::OUTBOX).await? + all(rows::ERRANDS).await?,
        pushes_waiting: all(rows::DUE_OFFERS).await?,
    };
    let mut walk = Walk::summing(engine, rows::CLAIMS, Vec::new());
    while let Some((_, row)) = walk.next().await? {
        let claim: Claim = rows::decode(rows::CLAIMS, &row.value)?;
        totals.claims_open += 1;
        totals.claims_open_units = totals.claims_open_units.plus(claim.open());
    }
    let mut walk = Walk::summing(engine, rows::OFFERS, Vec::new());
    while let Some((_, row)) = walk.next().await? {
        let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
        totals.coalesced = totals.coalesced.saturating_add(offer.coalesced);
        let at_risk = Units::new(offer.exposure(), offer.scale);
        totals.at_risk = totals.at_risk.plus(at_risk);
        let is_failing = offer.suppressed == Some(Suppression::Formula);
        totals.formulas_failing += usize::from(is_failing);
    }
    totals.at = engine.ports.clock.now();
    Ok(totals)
}
