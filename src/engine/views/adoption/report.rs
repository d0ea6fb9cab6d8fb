//! The shadow report: what watching an account has shown that writing to it would have prevented.
//!
//! It counts three things apart: sales beyond what was there, levels that fell too late after sales
//! elsewhere, and levels that no order explains. What is estimated, and how, is said in its notes.

use std::time::Duration;

use domain::{
    AccountId, ListingId, Quantity, Sku, Time,
    adoption::{self, Oversell},
    book::Drift,
    incident::Incident,
    item::Item,
    lateness::Late,
    offer::Offer,
    order::Order,
};
use serde::Serialize;
use store::Table;

use super::{StoreError, Units, Walk, read, words};
use crate::{
    Engine,
    account::{Account, Mode},
    adoption::is_unread,
    rows::{self, key, prefix, sortable_time},
    watching::Span,
};

/// How long a write is taken to need where nothing was measured.
const LAG_ASSUMED_MS: u64 = 60_000;
/// How many single cases of each kind are listed.
const CASES_MAX: usize = 50;
/// How many rows of one kind are looked at.
const ROWS_MAX: usize = 100_000;

/// What watching has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShadowReport {
    /// When this was so.
    pub at: Time,
    /// Since when it was looked at.
    pub since: Time,
    /// Every account that was watched in that time.
    pub accounts: Vec<AccountShadow>,
}

/// What watching one account has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountShadow {
    /// Which.
    pub account: AccountId,
    /// What it may do now.
    pub mode: &'static str,
    /// For how long it was watched.
    pub watched_ms: u64,
    /// How long a write to it is taken to need.
    pub lag_ms: u64,
    /// Where that comes from: `measured`, `same_channel` or `assumed`.
    pub lag_from: &'static str,
    /// Sales beyond what was there.
    pub oversells: Oversells,
    /// Levels that fell too late.
    pub late: LateChanges,
    /// Levels that no order explains.
    pub drift: Drifts,
    /// What these numbers rest on, and what they cannot say.
    pub notes: Vec<String>,
}

/// Sales beyond what was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Oversells {
    /// How many order lines.
    pub count: usize,
    /// How many units.
    pub units: Units,
    /// How many lines would not have been sold so.
    pub prevented: usize,
    /// How many units.
    pub prevented_units: Units,
    /// How many lines were sold before a write would have landed.
    pub too_soon: usize,
    /// How many were sold before the other sales were known here.
    pub unknown: usize,
    /// How many no level explains.
    pub other: usize,
    /// How many of those that count as prevented may be none: somebody had raised a level of the item.
    pub doubtful: usize,
    /// The last ones, as far as they fit.
    pub cases: Vec<OversellCase>,
}

/// One sale beyond what was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OversellCase {
    /// The incident.
    pub incident: domain::ids::IncidentId,
    /// The order.
    pub order: domain::ids::OrderId,
    /// Its number there.
    pub number: Option<String>,
    /// Of what.
    pub sku: Sku,
    /// How many units are missing.
    pub missing: Units,
    /// How many of them would not have been sold.
    pub prevented: Units,
    /// `prevented`, `too_soon`, `unknown` or `other`.
    pub verdict: &'static str,
    /// Whether somebody had raised a level of the item before.
    pub is_doubtful: bool,
    /// When it became known.
    pub at: Time,
    /// What explains it.
    pub text: String,
}

/// Levels that fell too late after sales elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LateChanges {
    /// How many times a listing was late.
    pub count: usize,
    /// After how many sales.
    pub sales: u64,
    /// How many units these were.
    pub units: Units,
    /// Units times the seconds for which they were shown too much.
    pub unit_seconds: Units,
    /// The same, if a write had lowered each.
    pub unit_seconds_with_writes: Units,
    /// How long the longest was.
    pub longest_ms: u64,
    /// How many are not over.
    pub open: usize,
    /// The worst ones, as far as they fit.
    pub cases: Vec<LateCase>,
}

/// One listing that was late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LateCase {
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// Where the sale was that began it.
    pub sold_on: Option<AccountId>,
    /// After how many sales.
    pub sales: u32,
    /// How many units these were.
    pub units: Units,
    /// Units times seconds.
    pub unit_seconds: Units,
    /// Since when.
    pub from: Time,
    /// Until when; nothing while it is.
    pub until: Option<Time>,
}

/// Levels that no order explains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Drifts {
    /// How many cases.
    pub count: usize,
    /// How many of them are open.
    pub open: usize,
    /// Units that were shown beyond what should have been.
    pub units_more: Units,
    /// Units that were shown less.
    pub units_less: Units,
    /// The last ones, as far as they fit.
    pub cases: Vec<DriftCase>,
}

/// One level that no order explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftCase {
    /// The case.
    pub drift: domain::ids::DriftId,
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// What it should have shown.
    pub expected: Units,
    /// What it showed.
    pub observed: Units,
    /// When that was seen.
    pub at: Time,
    /// Whether it still does.
    pub is_open: bool,
}

/// What watching has shown since a time, of one account or of all that were watched.
pub async fn report(
    engine: &Engine,
    account: Option<&Account>,
    since: Time,
) -> Result<ShadowReport, StoreError> {
    let now = engine.ports.clock.now();
    let mut report = ShadowReport {
        at: now,
        since,
        accounts: Vec::new(),
    };
    let drifts: Vec<Drift> = by_time(engine, rows::DRIFTS, "dft", None).await?;
    for known in engine.accounts.values() {
        if account.is_some_and(|wanted| wanted.id != known.id) {
            continue;
        }
        let spans = engine.watched_spans(&known.id).await?;
        let window = Window { spans, since, now };
        if window.watched_ms() > 0 || account.is_some() {
            let shadow = shadow(engine, known, &window, &drifts).await?;
            report.accounts.push(shadow);
        }
    }
    Ok(report)
}

/// The time that is looked at.
struct Window {
    spans: Vec<Span>,
    since: Time,
    now: Time,
}

impl Window {
    fn watched_ms(&self) -> u64 {
        let spans = self.spans.iter().map(|span| {
            let from = span.from.max(self.since);
            span.until.unwrap_or(self.now).since(from).as_millis()
        });
        u64::try_from(spans.sum::<u128>()).unwrap_or(u64::MAX)
    }

    /// Whether it was watched at a time in the window.
    fn has(&self, at: Time) -> bool {
        let is_in = |span: &Span| span.from <= at && span.until.is_none_or(|until| at <= until);
        at >= self.since && self.spans.iter().any(is_in)
    }
}

async fn shadow(
    engine: &Engine,
    account: &Account,
    window: &Window,
    drifts: &[Drift],
) -> Result<AccountShadow, StoreError> {
    let (lag_ms, lag_from) = lag(engine, account);
    let lag = Duration::from_millis(lag_ms);
    let oversells = oversells(engine, account, window, drifts, lag).await?;
    let late = late(engine, account, window, lag_ms).await?;
    let mut shadow = AccountShadow {
        account: account.id.clone(),
        mode: words::mode(account.mode()),
        watched_ms: window.watched_ms(),
        lag_ms,
        lag_from,
        oversells,
        late,
        drift: drift(account, window, drifts),
        notes: Vec::new(),
    };
    shadow.notes = notes(engine, account, &shadow).await?;
    Ok(shadow)
}

/// How long a write to an account is taken to need: as measured there, else as on the slowest live
/// account of its channel, else a minute.
fn lag(engine: &Engine, account: &Account) -> (u64, &'static str) {
    if let Some(measured) = engine.meters.lag_ms(&account.id) {
        return (measured, "measured");
    }
    let channel = account.descriptor().id;
    let others = engine.accounts.values();
    let others =
        others.filter(|other| other.descriptor().id == channel && other.mode() == Mode::Live);
    match others
        .filter_map(|other| engine.meters.lag_ms(&other.id))
        .max()
    {
        Some(measured) => (measured, "same_channel"),
        None => (LAG_ASSUMED_MS, "assumed"),
    }
}

/// Rows whose keys are our ids, which begin with their time, from a time on.
async fn by_time<T: serde::de::DeserializeOwned>(
    engine: &Engine,
    table: Table,
    kind: &str,
    since: Option<Time>,
) -> Result<Vec<T>, StoreError> {
    let after = since.map(|since| {
        let ms = u64::try_from(since.millis()).unwrap_or(0);
        key(&[&format!("{kind}_{ms:012x}")])
    });
    let mut walk = Walk::new(engine, table, Vec::new(), after).unbounded();
    let mut found = Vec::new();
    while let Some((_, row)) = walk.next().await? {
        if found.len() >= ROWS_MAX {
            break;
        }
        found.push(rows::decode(table, &row.value)?);
    }
    Ok(found)
}

async fn oversells(
    engine: &Engine,
    account: &Account,
    window: &Window,
    drifts: &[Drift],
    lag: Duration,
) -> Result<Oversells, StoreError> {
    let mut sum = Oversells::default();
    let incidents: Vec<Incident> =
        by_time(engine, rows::INCIDENTS, "inc", Some(window.since)).await?;
    let own = incidents
        .into_iter()
        .filter(|one| one.account == account.id);
    for incident in own.filter(|one| window.has(one.opened_at)) {
        let order: Option<Order> =
            read(engine, rows::ORDERS, &[&incident.order.to_string()]).await?;
        let item: Option<Item> = read(engine, rows::ITEMS, &[incident.sku.as_str()]).await?;
        let scale = item.map_or(0, |item| item.scale);
        let (bought, per_unit) = bought(order.as_ref(), &incident);
        let verdict = adoption::judge(&incident.why, incident.missing, bought, per_unit, lag);
        let raised = |drift: &Drift| {
            drift.sku == incident.sku
                && drift.observed > drift.expected
                && drift.opened_at <= incident.opened_at
                && drift.opened_at >= window.since
        };
        let is_doubtful = drifts.iter().any(raised);
        let case = OversellCase {
            number: order.map(|order| order.number),
            missing: Units::new(incident.missing, scale),
            prevented: Units::new(prevented(verdict), scale),
            verdict: verdict_word(verdict),
            is_doubtful,
            at: incident.opened_at,
            text: words::why(&incident.why),
            incident: incident.id,
            order: incident.order,
            sku: incident.sku,
        };
        add_oversell(&mut sum, verdict, case);
    }
    let too_many = sum.cases.len().saturating_sub(CASES_MAX);
    sum.cases.drain(..too_many);
    Ok(sum)
}

fn add_oversell(sum: &mut Oversells, verdict: Oversell, case: OversellCase) {
    sum.count += 1;
    sum.units = sum.units.plus(case.missing);
    sum.prevented_units = sum.prevented_units.plus(case.prevented);
    match verdict {
        Oversell::Prevented(_) => {
            sum.prevented += 1;
            sum.doubtful += usize::from(case.is_doubtful);
        }
        Oversell::TooSoon => sum.too_soon += 1,
        Oversell::Unknown => sum.unknown += 1,
        Oversell::Other => sum.other += 1,
    }
    sum.cases.push(case);
}

fn prevented(verdict: Oversell) -> Quantity {
    match verdict {
        Oversell::Prevented(units) => units,
        Oversell::TooSoon | Oversell::Unknown | Oversell::Other => Quantity::ZERO,
    }
}

fn verdict_word(verdict: Oversell) -> &'static str {
    match verdict {
        Oversell::Prevented(_) => "prevented",
        Oversell::TooSoon => "too_soon",
        Oversell::Unknown => "unknown",
        Oversell::Other => "other",
    }
}

/// How many were bought with a line, and how many of the item each takes.
fn bought(order: Option<&Order>, incident: &Incident) -> (Quantity, Quantity) {
    let line = order.and_then(|order| order.line(incident.line));
    let Some(line) = line else {
        return (incident.missing, Quantity::of(1));
    };
    let bill = line.item.as_ref().map(|item| &item.bill);
    let per_unit = bill.and_then(|bill| bill.get(&incident.sku)).copied();
    (line.counters.ordered, per_unit.unwrap_or(Quantity::of(1)))
}

async fn late(
    engine: &Engine,
    account: &Account,
    window: &Window,
    lag_ms: u64,
) -> Result<LateChanges, StoreError> {
    let after = key(&[account.id.as_str(), &sortable_time(window.since)]);
    let below = prefix(&[account.id.as_str()]);
    let mut walk = Walk::new(engine, rows::LATE, below, Some(after)).unbounded();
    let mut sum = LateChanges::default();
    let mut unit_ms: (u128, u128) = (0, 0);
    let mut worst: Vec<(u128, LateCase)> = Vec::new();
    while let Some((_, row)) = walk.next().await? {
        let late: Late = rows::decode(rows::LATE, &row.value)?;
        let late = late.counted(window.now);
        let lasted = late.until.since(late.began_at).as_millis();
        sum.count += 1;
        sum.sales += u64::from(late.sales);
        sum.units = sum.units.plus(Units::new(late.units_sold, late.scale));
        sum.longest_ms = sum
            .longest_ms
            .max(u64::try_from(lasted).unwrap_or(u64::MAX));
        sum.open += usize::from(late.ended_at.is_none());
        let millionths = millionths(late.unit_ms, late.scale);
        unit_ms.0 = unit_ms.0.saturating_add(millionths);
        let with = self::millionths(late.unit_ms_with(lag_ms), late.scale);
        unit_ms.1 = unit_ms.1.saturating_add(with);
        worst.push((millionths, case(late)));
        if worst.len() > 2 * CASES_MAX {
            keep_worst(&mut worst);
        }
    }
    keep_worst(&mut worst);
    sum.cases = worst.into_iter().map(|(_, case)| case).collect();
    sum.unit_seconds = Units::of_millionths(unit_ms.0 / 1000);
    sum.unit_seconds_with_writes = Units::of_millionths(unit_ms.1 / 1000);
    Ok(sum)
}

fn keep_worst(worst: &mut Vec<(u128, LateCase)>) {
    worst.sort_by(|(one, _), (other, _)| other.cmp(one));
    worst.truncate(CASES_MAX);
}

/// Smallest units of an item as millionths of a whole one.
fn millionths(units: u128, scale: u8) -> u128 {
    let decimals = domain::exposure::SCALE.saturating_sub(scale);
    units.saturating_mul(10_u128.saturating_pow(u32::from(decimals)))
}

fn case(late: Late) -> LateCase {
    LateCase {
        units: Units::new(late.units_sold, late.scale),
        unit_seconds: Units::of_millionths(millionths(late.unit_ms, late.scale) / 1000),
        listing: late.listing,
        sku: late.sku,
        sold_on: late.sold_on,
        sales: late.sales,
        from: late.began_at,
        until: late.ended_at,
    }
}

fn drift(account: &Account, window: &Window, drifts: &[Drift]) -> Drifts {
    let mut sum = Drifts::default();
    let own = drifts.iter().filter(|drift| drift.account == account.id);
    for drift in own.filter(|drift| window.has(drift.opened_at)) {
        let units = |quantity| Units::new(quantity, drift.scale);
        let more = drift.observed.minus(drift.expected);
        sum.count += 1;
        sum.open += usize::from(drift.closed_at.is_none());
        if more.is_positive() {
            sum.units_more = sum.units_more.plus(units(more));
        } else {
            sum.units_less = sum.units_less.plus(units(more.negated()));
        }
        sum.cases.push(DriftCase {
            drift: drift.id,
            listing: drift.listing.clone(),
            sku: drift.sku.clone(),
            expected: units(drift.expected),
            observed: units(drift.observed),
            at: drift.opened_at,
            is_open: drift.closed_at.is_none(),
        });
    }
    let too_many = sum.cases.len().saturating_sub(CASES_MAX);
    sum.cases.drain(..too_many);
    sum
}

/// What the numbers rest on, and what they cannot say.
async fn notes(
    engine: &Engine,
    account: &Account,
    shadow: &AccountShadow,
) -> Result<Vec<String>, StoreError> {
    let (mut uncounted, mut unread) = (0_usize, 0_usize);
    let below = prefix(&[account.id.as_str()]);
    let mut walk = Walk::new(engine, rows::OFFERS, below, None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
        uncounted += usize::from(offer.suppressed == Some(domain::offer::Suppression::Uncounted));
        unread += usize::from(is_unread(&offer));
    }
    let seconds = Units::of_millionths(u128::from(shadow.lag_ms).saturating_mul(1000));
    let from = match shadow.lag_from {
        "measured" => "as nearly all writes to this account needed",
        "same_channel" => "as nearly all writes needed on the slowest live account of this channel",
        _ => "assumed, because nothing was measured yet",
    };
    let mut notes = vec![format!(
        "A write is taken to land {seconds} s after a sale is known here: {from}."
    )];
    if shadow.watched_ms == 0 {
        notes.push("It was not watched in this time: `oneshelf adopt observe` begins.".to_owned());
    }
    if uncounted > 0 {
        notes.push(format!(
            "Of {uncounted} listings nothing can be said: their items were never counted."
        ));
    }
    if unread > 0 {
        notes.push(format!("{unread} levels were never read."));
    }
    if shadow.late.count > 0 {
        notes.push(
            "That a level fell is seen when it is read: by hooks, or at the next comparison. So what was late \
             may have been over a little earlier."
                .to_owned(),
        );
    }
    if shadow.oversells.doubtful > 0 {
        notes.push(
            "Where somebody raised a level of the same item, stock may have come in that was not told to \
             Oneshelf; then the sale was no oversell."
                .to_owned(),
        );
    }
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_was_watched_in_it_and_no_more() {
        let at = Time::from_seconds;
        let span = |from, until: Option<i64>| Span {
            from: at(from),
            until: until.map(at),
        };
        let window = Window {
            spans: vec![span(100, Some(200)), span(300, None)],
            since: at(150),
            now: at(400),
        };
        assert_eq!(window.watched_ms(), 150_000);
        for (second, is_in) in [(120, false), (160, true), (250, false), (350, true)] {
            assert_eq!(window.has(at(second)), is_in, "{second}");
        }
    }
}
