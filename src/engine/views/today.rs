//! What somebody wants to know who comes in the morning: what waits for a person, how far orders are, and how
//! each account is doing.
//!
//! It reads what was summed last and a row or two of each account, so it costs the same with a million orders.

use std::{collections::BTreeMap, sync::Arc};

use domain::{AccountId, Time};
use serde::Serialize;

use super::{StoreError, Units, words};
use crate::{
    Engine,
    account::{Account, Health, Mode},
    pausing::Flow,
};

/// The figures of today.
#[derive(Clone, Debug, Serialize)]
pub struct Today {
    /// When they were summed.
    pub at: Time,
    /// How many orders are in which phase.
    pub orders_by_phase: BTreeMap<&'static str, usize>,
    /// Orders that should have left.
    pub late_to_ship: usize,
    /// Orders that should have arrived.
    pub late_to_deliver: usize,
    /// Parcels of which nobody heard.
    pub no_news: usize,
    /// Units that were sold and are not there: open incidents.
    pub incidents_open: usize,
    /// Levels that changed and that no order explains.
    pub drift_open: usize,
    /// What could not be sent, and waits for a person.
    pub outbox_parked: usize,
    /// What could not be read, and waits for a person.
    pub inbox_parked: usize,
    /// Units that channels show and that are not there.
    pub at_risk: Units,
    /// Each account.
    pub accounts: Vec<AccountState>,
}

/// How an account is doing.
#[derive(Clone, Debug, Serialize)]
pub struct AccountState {
    /// The admin's word for it.
    pub id: AccountId,
    /// What its kind of channel is called.
    pub channel_title: &'static str,
    /// What it may do now.
    pub mode: &'static str,
    /// In one word.
    pub doing: Doing,
    /// Whether a person stopped writing to it.
    pub is_frozen: bool,
    /// What a person paused of it.
    pub paused: Vec<Flow>,
    /// How its last calls went.
    pub health: Health,
}

/// How an account is doing, in one word; what matters most, if several are so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It is off.
    Off,
    /// Its credentials are refused.
    Unauthorized,
    /// Its last call failed.
    Failing,
    /// Too much changed at once, and is held.
    Tripped,
    /// A person stopped writing to it.
    Frozen,
    /// A person paused a part of the work with it.
    Paused,
    /// Its channel asks us to wait.
    Throttled,
    /// Nothing was read since the start.
    Starting,
    /// It is only watched.
    Watched,
    /// All is well.
    Well,
}

impl Doing {
    /// Whether somebody should look.
    pub fn needs_a_person(self) -> bool {
        match self {
            Doing::Unauthorized | Doing::Failing | Doing::Tripped => true,
            Doing::Off
            | Doing::Frozen
            | Doing::Paused
            | Doing::Throttled
            | Doing::Starting
            | Doing::Watched
            | Doing::Well => false,
        }
    }
}

/// The figures of today.
pub async fn today(engine: &Arc<Engine>) -> Result<Today, StoreError> {
    let totals = engine.totals.soon(engine).await?;
    Ok(Today {
        at: totals.at,
        orders_by_phase: totals.orders_by_phase,
        late_to_ship: totals.late.get("ship").copied().unwrap_or_default(),
        late_to_deliver: totals.late.get("deliver").copied().unwrap_or_default(),
        no_news: totals.late.get("parcel").copied().unwrap_or_default(),
        incidents_open: totals.incidents_open,
        drift_open: totals.drift_open,
        outbox_parked: totals.outbox_parked,
        inbox_parked: totals.parked.saturating_sub(totals.outbox_parked),
        at_risk: totals.at_risk,
        accounts: accounts(engine).await?,
    })
}

/// How each account is doing, by id.
pub async fn accounts(engine: &Engine) -> Result<Vec<AccountState>, StoreError> {
    let mut states = Vec::new();
    for account in engine.accounts.values() {
        states.push(AccountState {
            id: account.id.clone(),
            channel_title: account.descriptor().title,
            mode: words::mode(account.mode()),
            doing: doing(engine, account).await?,
            is_frozen: account.is_frozen(),
            paused: account.set().paused.into_keys().collect(),
            health: account.health(),
        });
    }
    Ok(states)
}

async fn doing(engine: &Engine, account: &Account) -> Result<Doing, StoreError> {
    let health = account.health();
    let now = engine.ports.clock.now();
    let breaker = engine.breaker(account).await?;
    let is_by_hand = account.descriptor().is_by_hand;
    let has_failed = health
        .last_error_at
        .is_some_and(|at| health.last_success_at.is_none_or(|success| success < at));
    let doing = match account.mode() {
        Mode::Off => Doing::Off,
        _ if health.is_unauthorized => Doing::Unauthorized,
        _ if health.throttled_until.is_some_and(|until| until > now) => Doing::Throttled,
        _ if has_failed => Doing::Failing,
        _ if breaker.source.is_some() || breaker.writes.is_some() => Doing::Tripped,
        _ if account.is_frozen() => Doing::Frozen,
        _ if account.is_any_paused() => Doing::Paused,
        _ if !is_by_hand && !account.has_polled() => Doing::Starting,
        Mode::Observe => Doing::Watched,
        Mode::Live => Doing::Well,
    };
    Ok(doing)
}
