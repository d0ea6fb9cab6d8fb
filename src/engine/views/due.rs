//! What has a time: orders that must leave or arrive, and parcels of which nobody heard, the oldest first.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    AccountId, ExternalId, Time,
    deadlines::Due,
    ids::OrderId,
    order::{Order, Phase},
};
use serde::Serialize;
use store::{Batch, Range};

use super::{
    Page, StoreError, Walk,
    orders::{LOADED_MAX, Loaded, load},
    parts, read, words,
};
use crate::{
    Engine,
    rows::{self, prefix},
};

/// With less time than this left, it is at risk.
const AT_RISK: Duration = Duration::from_secs(4 * 3600);
/// How far ahead it is looked when nobody says how far.
pub const WITHIN_USUAL: Duration = Duration::from_secs(2 * 24 * 3600);
/// How many orders are listed in one commit.
const LISTED_AT_ONCE: usize = 500;
/// A day in milliseconds.
const DAY_MS: i64 = 24 * 3600 * 1000;

/// How it stands with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is over.
    Late,
    /// Little time is left, or something is in the way.
    AtRisk,
    /// It is over before midnight, UTC.
    Today,
    /// It is over some day.
    Later,
}

impl Standing {
    /// All of them.
    pub const ALL: [Standing; 4] = [
        Standing::Late,
        Standing::AtRisk,
        Standing::Today,
        Standing::Later,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Late => "late",
            Standing::AtRisk => "at_risk",
            Standing::Today => "today",
            Standing::Later => "later",
        }
    }
}

/// Which deadlines are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// That stand so.
    pub state: Option<Standing>,
    /// That are over within this time.
    pub within: Duration,
}

/// One deadline of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueView {
    /// Of what: `ship`, `deliver` or `parcel`.
    pub due: &'static str,
    /// How it stands.
    pub state: Standing,
    /// By when; of a parcel, since when it should have been looked for.
    pub by: Time,
    /// In a sentence.
    pub text: String,
    /// Which order.
    pub id: OrderId,
    /// On which account.
    pub account: AccountId,
    /// Its id there.
    pub external_id: ExternalId,
    /// The number that people know.
    pub number: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was placed.
    pub placed_at: Time,
}

/// After how long a parcel of an account is looked for.
pub(crate) fn silent_after(engine: &Engine, account: &AccountId) -> Option<Duration> {
    let policy = engine.decider.policy();
    policy.accounts.get(account)?.promised.silent_after
}

/// When a deadline of an order is over; nothing where nobody looks for its parcels.
fn over_at(engine: &Engine, account: &AccountId, what: Due, at: Time) -> Option<Time> {
    match what {
        Due::Ship | Due::Deliver => Some(at),
        Due::Parcel => Some(at.plus(silent_after(engine, account)?)),
    }
}

/// What of an order is too late at a time, in words.
pub(crate) fn flags(engine: &Engine, order: &Order, now: Time) -> Vec<&'static str> {
    let late = order.due().into_iter().filter(|(what, at)| {
        over_at(engine, &order.account, *what, *at).is_some_and(|by| by < now)
    });
    late.map(|(what, _)| match what {
        Due::Ship => "late_to_ship",
        Due::Deliver => "late_to_deliver",
        Due::Parcel => "no_news",
    })
    .collect()
}

/// A page of deadlines: what must leave, then what must arrive, then parcels; each the oldest first.
pub async fn list(
    engine: &Engine,
    filter: &Filter,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<DueView>, StoreError> {
    list_of(engine, &Due::ALL, filter, after, limit).await
}

/// The same of some kinds of deadlines alone, in this order.
pub async fn list_of(
    engine: &Engine,
    kinds: &[Due],
    filter: &Filter,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<DueView>, StoreError> {
    let now = engine.ports.clock.now();
    let (mut items, mut looked) = (Vec::new(), 0);
    let mut place = after;
    for what in kinds.iter().copied() {
        let below = prefix(&[what.word()]);
        let is_here = |key: &Vec<u8>| key.starts_with(&below);
        if place.as_ref().is_some_and(|key| !is_here(key)) {
            // The page before ended in a later part.
            if place
                .as_ref()
                .is_some_and(|key| order_of(key) > order_of(&below))
            {
                continue;
            }
            place = None;
        }
        let horizon = match (what, filter.state) {
            // One that nobody hears of is as old as it is late.
            (Due::Parcel, _) | (_, Some(Standing::Late)) => now,
            (Due::Ship | Due::Deliver, _) => now.plus(filter.within),
        };
        let mut walk = Walk::new(engine, rows::DUE_ORDERS, below.clone(), place.take());
        let mut is_over = false;
        while items.len() < limit && looked < LOADED_MAX {
            looked += 1;
            let Some((key, _)) = walk.next().await? else {
                break;
            };
            let Some(at) = time_of(&key).filter(|at| *at <= horizon) else {
                is_over = true;
                break;
            };
            items.extend(view(engine, filter, (what, at), &key, now).await?);
        }
        if !is_over && let Some(rest) = walk.rest().await? {
            return Ok(Page {
                items,
                next: Some(rest),
            });
        }
        let is_full = items.len() >= limit || looked >= LOADED_MAX;
        if is_full && kinds.last() != Some(&what) {
            // The end of a part: the next one begins behind all of its keys.
            let next = Some(end_of(&below));
            return Ok(Page { items, next });
        }
    }
    Ok(Page { items, next: None })
}

/// The part that a key is in, by its place.
fn order_of(key: &[u8]) -> usize {
    let parts = parts(key);
    let word = parts.first().map_or("", String::as_str);
    let at = Due::ALL.iter().position(|what| what.word() == word);
    at.unwrap_or(Due::ALL.len())
}

/// A key behind all that begin so.
fn end_of(below: &[u8]) -> Vec<u8> {
    let mut end = below.to_vec();
    end.push(0xff);
    end
}

fn time_of(key: &[u8]) -> Option<Time> {
    let parts = parts(key);
    let millis: i64 = parts.get(1)?.parse().ok()?;
    Some(Time::from_millis(millis))
}

async fn view(
    engine: &Engine,
    filter: &Filter,
    (what, at): (Due, Time),
    key: &[u8],
    now: Time,
) -> Result<Option<DueView>, StoreError> {
    let Ok(id) = rows::last_part(key).parse() else {
        return Ok(None);
    };
    let Some(loaded) = load(engine, id).await? else {
        return Ok(None);
    };
    let order = &loaded.order;
    let is_of = filter
        .account
        .as_ref()
        .is_none_or(|account| *account == order.account);
    let by = over_at(engine, &order.account, what, at).filter(|_| is_of);
    let Some(by) = by.filter(|by| what != Due::Parcel || *by <= now) else {
        return Ok(None);
    };
    let in_the_way = in_the_way(&loaded);
    let state = standing(by, now, what == Due::Ship && in_the_way.is_some());
    if filter.state.is_some_and(|asked| asked != state) {
        return Ok(None);
    }
    Ok(Some(DueView {
        due: what.word(),
        state,
        by,
        text: sentence((what, at, by), now, in_the_way),
        id,
        account: order.account.clone(),
        external_id: order.external_id.clone(),
        number: order.number.clone(),
        phase: loaded.phase(),
        placed_at: order.placed_at,
    }))
}

fn standing(by: Time, now: Time, is_blocked: bool) -> Standing {
    let midnight = now
        .millis()
        .div_euclid(DAY_MS)
        .saturating_add(1)
        .saturating_mul(DAY_MS);
    if by < now {
        Standing::Late
    } else if is_blocked || by < now.plus(AT_RISK) {
        Standing::AtRisk
    } else if by.millis() < midnight {
        Standing::Today
    } else {
        Standing::Later
    }
}

/// What keeps an order from leaving.
fn in_the_way(loaded: &Loaded) -> Option<&'static str> {
    let order = &loaded.order;
    if order.active_holds().next().is_some() {
        Some("it is held")
    } else if loaded.book.is_short(order) {
        Some("something of it is missing")
    } else if order.lines.iter().any(|line| line.item.is_none()) {
        Some("a line is not known to be any item")
    } else {
        None
    }
}

fn sentence((what, at, by): (Due, Time, Time), now: Time, in_the_way: Option<&str>) -> String {
    let away = match by < now {
        true => format!("{} late", words::span(now.since(by))),
        false => format!("{} left", words::span(by.since(now))),
    };
    match (what, in_the_way) {
        (Due::Ship, Some(reason)) => format!("To leave by {by}, {away}, and {reason}."),
        (Due::Ship, None) => format!("To leave by {by}, {away}."),
        (Due::Deliver, _) => format!("To arrive by {by}, {away}."),
        (Due::Parcel, _) => format!("Nobody heard of its parcel since {at}."),
    }
}

/// How many orders are too late, by account and what is late: for metrics.
pub async fn late(
    engine: &Engine,
) -> Result<BTreeMap<(AccountId, &'static str), usize>, StoreError> {
    let now = engine.ports.clock.now();
    let mut late: BTreeMap<(AccountId, &'static str), usize> = BTreeMap::new();
    for what in Due::ALL {
        for account in engine.accounts.keys() {
            late.insert((account.clone(), what.word()), 0);
        }
        let mut walk = Walk::summing(engine, rows::DUE_ORDERS, prefix(&[what.word()]));
        while let Some((key, _)) = walk.next().await? {
            let Some(at) = time_of(&key).filter(|at| *at < now) else {
                break;
            };
            let order: Option<Order> =
                read(engine, rows::ORDERS, &[&rows::last_part(&key)]).await?;
            let Some(order) = order else { continue };
            let by = over_at(engine, &order.account, what, at);
            if by.is_some_and(|by| by < now) {
                *late.entry((order.account, what.word())).or_default() += 1;
            }
        }
    }
    Ok(late)
}

impl Engine {
    /// Lists the deadlines of open orders, in a store that was written before there was this list.
    pub(crate) async fn list_deadlines(&self) -> Result<(), StoreError> {
        let any = self
            .store
            .scan(rows::DUE_ORDERS, Range::default(), 1)
            .await?;
        if !any.is_empty() {
            return Ok(());
        }
        let mut walk = Walk::new(self, rows::OPEN_ORDERS, Vec::new(), None).unbounded();
        let mut puts = Vec::new();
        while let Some((key, _)) = walk.next().await? {
            let order: Option<Order> = read(self, rows::ORDERS, &[&rows::last_part(&key)]).await?;
            let keys = order.as_ref().map(rows::due_keys).unwrap_or_default();
            let row = |key| (rows::DUE_ORDERS, key, rows::encode(&()));
            puts.extend(keys.into_iter().map(row));
        }
        for some in puts.chunks(LISTED_AT_ONCE) {
            let batch = Batch {
                puts: some.to_vec(),
                ..Batch::default()
            };
            self.store.commit(batch).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_late_and_what_is_blocked_is_at_risk() {
        let time = |text: &str| Time::parse_utc(text).expect("a time");
        let now = time("2026-11-30T12:00:00Z");
        for (by, is_blocked, state) in [
            ("2026-11-30T11:59:59Z", false, Standing::Late),
            ("2026-11-30T11:59:59Z", true, Standing::Late),
            ("2026-11-30T12:00:00Z", false, Standing::AtRisk),
            ("2026-11-30T15:59:59Z", false, Standing::AtRisk),
            ("2026-11-30T16:00:00Z", false, Standing::Today),
            ("2026-11-30T23:59:59Z", false, Standing::Today),
            ("2026-12-01T00:00:00Z", false, Standing::Later),
            ("2026-12-05T00:00:00Z", true, Standing::AtRisk),
        ] {
            assert_eq!(standing(time(by), now, is_blocked), state, "{by}");
        }
    }

    #[test]
    fn the_parts_of_the_list_follow_each_other() {
        let ends = Due::ALL.map(|what| end_of(&prefix(&[what.word()])));
        let places: Vec<usize> = ends.iter().map(|key| order_of(key)).collect();
        assert_eq!(places, [0, 1, 2]);
        let key = rows::key(&["ship", &rows::sortable(7), "ord_1"]);
        assert!(key < ends[0] && time_of(&key) == Some(Time::from_millis(7)));
    }
}
