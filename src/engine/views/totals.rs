//! Sums over everything that is kept, for the figures of the whole.
//!
//! They read every open claim and every offer, so asking for them often would cost more the more there
//! is. What was summed is used again for [`REST_FACTOR`] times as long as it took: a small store is always
//! exact, and a large one gives this a twentieth of one processor at most.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Quantity, Time,
    offer::{Offer, Suppression},
    order::Phase,
    stock::Claim,
};
use tokio::sync::Mutex;

use super::{StoreError, Walk, count};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// How many times as long as summing took its result is used.
const REST_FACTOR: u32 = 20;
/// What takes less is done each time.
const TRIFLE: Duration = Duration::from_millis(5);

/// What was summed.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    /// When.
    pub at: Time,
    /// How many orders are in which phase.
    pub orders_by_phase: BTreeMap<&'static str, usize>,
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
    /// Wishes that wait to be carried out.
    pub intents_waiting: usize,
    /// Levels that wait to be written.
    pub pushes_waiting: usize,
}

/// The last sums, with how long they took.
#[derive(Debug, Default)]
pub(crate) struct LastTotals(Mutex<Option<(Totals, Duration)>>);

impl LastTotals {
    /// The sums. Whoever asks while somebody sums waits for the same ones.
    pub(crate) async fn get(&self, engine: &Engine) -> Result<Totals, StoreError> {
        let mut last = self.0.lock().await;
        let began_at = engine.ports.clock.now();
        if let Some((totals, took)) = last.as_ref() {
            let is_fresh = began_at.since(totals.at) < *took * REST_FACTOR;
            if *took >= TRIFLE && began_at >= totals.at && is_fresh {
                return Ok(totals.clone());
            }
        }
        let totals = sum(engine).await?;
        let took = totals.at.since(began_at);
        *last = Some((totals.clone(), took));
        Ok(totals)
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
    let all = |table| count(engine, table, Vec::new());
    let mut totals = Totals {
        at: Time::default(),
        orders_by_phase,
        claims_open: 0,
        claims_open_units: Quantity::ZERO,
        coalesced: 0,
        formulas_failing: 0,
        drift_open: all(rows::OPEN_DRIFTS).await?,
        incidents_open: all(rows::OPEN_INCIDENTS).await?,
        parked: all(rows::PARKED_SIGNALS).await? + all(rows::PARKED).await?,
        intents_waiting: all(rows::OUTBOX).await? + all(rows::ERRANDS).await?,
        pushes_waiting: all(rows::DUE_OFFERS).await?,
    };
    let mut walk = Walk::counting(engine, rows::CLAIMS, Vec::new());
    while let Some((_, row)) = walk.next().await? {
        let claim: Claim = rows::decode(rows::CLAIMS, &row.value)?;
        totals.claims_open += 1;
        totals.claims_open_units = totals.claims_open_units.plus(claim.open());
    }
    let mut walk = Walk::counting(engine, rows::OFFERS, Vec::new());
    while let Some((_, row)) = walk.next().await? {
        let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
        totals.coalesced = totals.coalesced.saturating_add(offer.coalesced);
        let is_failing = offer.suppressed == Some(Suppression::Formula);
        totals.formulas_failing += usize::from(is_failing);
    }
    totals.at = engine.ports.clock.now();
    Ok(totals)
}
