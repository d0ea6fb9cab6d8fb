//! The exposure ledger: what listings show beyond what they should, now and over time, and how much
//! more is shown in all than there is.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    AccountId, ListingId, Quantity, Sku, Time,
    exposure::{self, Tally},
    item::Item,
    offer::{Offer, Told},
};
use serde::Serialize;

use super::{StoreError, Units, Walk, read, sellable};
use crate::{
    Engine,
    exposure::{Grain, decode},
    rows::{self, prefix},
};

/// The most lines of the ledger that are shown, the largest first.
const LINES_MAX: usize = 200;
/// How many steps of time are shown at most.
pub const STEPS_MAX: u64 = 1000;
/// How many steps a span has when nobody says how long they are; at most so many.
const STEPS_USUAL: u64 = 60;
/// How old an overhang may be that a metric shows: it takes a look at all listings.
const OVERHANG_AGE: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Only of this item, and of it every listing.
    pub sku: Option<Sku>,
    /// How it developed.
    pub span: Option<Span>,
}

/// A span of time in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub since: Time,
    /// How long a step is: whole minutes.
    pub step: Duration,
}

/// Units at risk, and the overhang apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// When this was so.
    pub at: Time,
    /// Units that listings show beyond what they should, in all.
    pub units_at_risk: Units,
    /// How many listings do.
    pub listings_at_risk: usize,
    /// How much more all listings show together than can be sold: normal when one stock is shown on
    /// several accounts.
    pub overhang: Units,
    /// The same, account by account.
    pub accounts: Vec<AccountRisk>,
    /// The same, item by item: those at risk and those with overhang.
    pub items: Vec<ItemRisk>,
    /// The listings behind that, the largest risk first.
    pub listings: Vec<ListingRisk>,
    /// How the units at risk developed, if that was asked for.
    pub history: Option<History>,
}

/// Units at risk on one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountRisk {
    /// Which.
    pub account: AccountId,
    /// How many.
    pub units_at_risk: Units,
    /// On how many listings.
    pub listings_at_risk: usize,
    /// Since when the oldest of them should show less.
    pub since: Option<Time>,
}

/// Units at risk of one item, and how often it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ItemRisk {
    /// Which.
    pub sku: Sku,
    /// Shown beyond what should be.
    pub units_at_risk: Units,
    /// What buyers can buy on all its listings together.
    pub shown: Units,
    /// What can be sold; nothing while it is not known.
    pub sellable: Option<Units>,
    /// By how much the first is larger.
    pub overhang: Units,
    /// How many listings it has.
    pub listing_count: usize,
}

/// A level, when it was so, and how long ago that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Aged {
    /// How much.
    pub quantity: Units,
    /// When.
    pub at: Time,
    /// How long ago.
    pub age_ms: u64,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingRisk {
    /// Where.
    pub account: AccountId,
    /// Which.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// What buyers may see: the most of what it said last, and of a push that it has not answered.
    pub shown: Option<Units>,
    /// What it should show.
    pub wanted: Option<Aged>,
    /// What was last sent.
    pub sent: Option<Aged>,
    /// Whether the channel has not answered that.
    pub is_unanswered: bool,
    /// What it last said that it took.
    pub acknowledged: Option<Aged>,
    /// What it last said that it shows.
    pub read_back: Option<Aged>,
    /// Shown beyond what should be.
    pub units_at_risk: Units,
    /// Since when it should show less.
    pub since: Option<Time>,
}

/// How units at risk developed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// How long a step is, in seconds.
    pub step_s: u64,
    /// The steps, the oldest first; the last one is not over.
    pub steps: Vec<Step>,
}

/// What was at risk in one step of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When it begins.
    pub from: Time,
    /// When it ends.
    pub to: Time,
    /// Units times the seconds for which they were at risk.
    pub unit_seconds: Units,
    /// The most at one moment.
    pub max: Units,
    /// For how many seconds of it this is known.
    pub known_s: u64,
    /// The same, of accounts that had anything at risk.
    pub accounts: BTreeMap<AccountId, Risk>,
}

/// What was at risk on one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Risk {
    /// Units times seconds.
    pub unit_seconds: Units,
    /// The most at one moment.
    pub max: Units,
}

/// The ledger as it is now, and as it developed.
pub async fn exposure(engine: &Engine, asked: &Asked) -> Result<Exposure, StoreError> {
    let mut sums = Sums::new(engine.ports.clock.now());
    match &asked.sku {
        Some(sku) => {
            let below = prefix(&[sku.as_str()]);
            let mut walk = Walk::summing(engine, rows::LISTINGS_BY_SKU, below);
            while let Some((key, _)) = walk.next().await? {
                let parts = super::parts(&key);
                let [_, account, listing] = parts.as_slice() else {
                    continue;
                };
                if let Some(offer) = read(engine, rows::OFFERS, &[account, listing]).await? {
                    sums.take_in(offer, true);
                }
            }
        }
        None => {
            let mut walk = Walk::summing(engine, rows::OFFERS, Vec::new());
            while let Some((_, row)) = walk.next().await? {
                sums.take_in(rows::decode(rows::OFFERS, &row.value)?, false);
            }
        }
    }
    let (overhang, items) = of_items(engine, sums.items, asked.sku.is_some()).await?;
    if asked.sku.is_none() {
        engine.decider.exposures.keep_overhang(sums.at, overhang);
    }
    let mut listings = sums.listings;
    listings.sort_by_key(|line| std::cmp::Reverse(line.units_at_risk.quantity()));
    listings.truncate(LINES_MAX);
    let history = match asked.span {
        Some(span) => Some(history(engine, span, sums.at).await?),
        None => None,
    };
    Ok(Exposure {
        at: sums.at,
        units_at_risk: sums.units_at_risk,
        listings_at_risk: sums.listings_at_risk,
        overhang,
        accounts: sums.accounts.into_values().collect(),
        items,
        listings,
        history,
    })
}

/// What is added up while going through the listings.
struct Sums {
    at: Time,
    units_at_risk: Units,
    listings_at_risk: usize,
    accounts: BTreeMap<AccountId, AccountRisk>,
    items: BTreeMap<Sku, ItemSum>,
    listings: Vec<ListingRisk>,
}

#[derive(Default)]
struct ItemSum {
    at_risk: Quantity,
    shown: Quantity,
    listing_count: usize,
}

impl Sums {
    fn new(at: Time) -> Sums {
        Sums {
            at,
            units_at_risk: Units::default(),
            listings_at_risk: 0,
            accounts: BTreeMap::new(),
            items: BTreeMap::new(),
            listings: Vec::new(),
        }
    }

    fn take_in(&mut self, offer: Offer, is_asked_for: bool) {
        let at_risk = offer.exposure();
        let item = self.items.entry(offer.sku.clone()).or_default();
        item.at_risk = item.at_risk.plus(at_risk);
        item.shown = item.shown.plus(offer.buyable());
        item.listing_count += 1;
        let units = Units::new(at_risk, offer.scale);
        if at_risk.is_positive() {
            let since = offer.due_since.or(offer.wanted.map(|told| told.at));
            self.units_at_risk = self.units_at_risk.plus(units);
            self.listings_at_risk += 1;
            let fresh = || AccountRisk {
                account: offer.account.clone(),
                units_at_risk: Units::default(),
                listings_at_risk: 0,
                since,
            };
            let id = offer.account.clone();
            let account = self.accounts.entry(id).or_insert_with(fresh);
            account.units_at_risk = account.units_at_risk.plus(units);
            account.listings_at_risk += 1;
            account.since = account.since.min(since);
        }
        if at_risk.is_positive() || is_asked_for {
            self.listings.push(line(offer, units, self.at));
        }
    }
}

fn line(offer: Offer, units_at_risk: Units, now: Time) -> ListingRisk {
    let scale = offer.scale;
    let aged = |told: Option<Told>| {
        told.map(|told| Aged {
            quantity: Units::new(told.quantity, scale),
            at: told.at,
            age_ms: u64::try_from(now.since(told.at).as_millis()).unwrap_or(u64::MAX),
        })
    };
    let is_at_risk = units_at_risk.quantity().is_positive();
    let since = offer.due_since.or(offer.wanted.map(|told| told.at));
    ListingRisk {
        shown: offer.shown().map(|shown| Units::new(shown, scale)),
        wanted: aged(offer.wanted),
        sent: aged(offer.sent),
        is_unanswered: offer
            .attempt
            .as_ref()
            .is_some_and(|attempt| attempt.tries > 0),
        acknowledged: aged(offer.acknowledged),
        read_back: aged(offer.read_back),
        units_at_risk,
        since: since.filter(|_| is_at_risk),
        account: offer.account,
        listing: offer.listing,
        sku: offer.sku,
    }
}

/// Items at risk or with overhang, the largest first; with `all` every one.
async fn of_items(
    engine: &Engine,
    sums: BTreeMap<Sku, ItemSum>,
    all: bool,
) -> Result<(Units, Vec<ItemRisk>), StoreError> {
    let mut total = Units::default();
    let mut items = Vec::new();
    for (sku, sum) in sums {
        let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
        let Some(item) = item else { continue };
        let can_be_sold = sellable(engine, &item).await?.units;
        // Of what nobody has counted, nobody knows how much too often it is shown.
        let overhang = can_be_sold.map_or(Quantity::ZERO, |can_be_sold| {
            sum.shown.minus(can_be_sold.or_zero()).or_zero()
        });
        let units = |quantity| Units::new(quantity, item.scale);
        total = total.plus(units(overhang));
        if all || overhang.is_positive() || sum.at_risk.is_positive() {
            items.push(ItemRisk {
                sku,
                units_at_risk: units(sum.at_risk),
                shown: units(sum.shown),
                sellable: can_be_sold.map(units),
                overhang: units(overhang),
                listing_count: sum.listing_count,
            });
        }
    }
    let size = |line: &ItemRisk| (line.units_at_risk.quantity(), line.overhang.quantity());
    items.sort_by_key(|line| std::cmp::Reverse(size(line)));
    items.truncate(LINES_MAX);
    Ok((total, items))
}

/// The overhang, at most a minute old: what a metric may ask for often.
pub async fn overhang(engine: &Engine) -> Result<Units, StoreError> {
    let since = engine.ports.clock.now().minus(OVERHANG_AGE);
    match engine.decider.exposures.overhang_since(since) {
        Some(overhang) => Ok(overhang),
        None => Ok(exposure(engine, &Asked::default()).await?.overhang),
    }
}

/// How units at risk developed, without looking at any listing.
pub async fn over(engine: &Engine, span: Span) -> Result<History, StoreError> {
    history(engine, span, engine.ports.clock.now()).await
}

impl Span {
    /// A span from a time until now, in steps that are easy to read.
    pub fn since(since: Time, now: Time) -> Span {
        const STEPS_M: [u64; 7] = [1, 5, 15, 60, 6 * 60, 24 * 60, 7 * 24 * 60];
        let minutes = now.since(since).as_secs() / 60;
        let fits = |step: &&u64| minutes / **step < STEPS_USUAL;
        let step = STEPS_M.iter().find(fits).unwrap_or(&STEPS_M[6]);
        Span {
            since,
            step: Duration::from_secs(step * 60),
        }
    }

    /// How many steps it has until a time.
    pub fn steps(&self, now: Time) -> u64 {
        let step_s = self.step.as_secs().max(1);
        let from = exposure::start_of(self.since, self.step);
        now.since(from).as_secs() / step_s + 1
    }

    fn grain(&self) -> Grain {
        let is_whole = |grain: &Grain| {
            let span = grain.span().as_secs();
            self.step.as_secs().is_multiple_of(span)
        };
        let coarsest = Grain::ALL.into_iter().rev().find(is_whole);
        coarsest.unwrap_or(Grain::Minute)
    }
}

async fn history(engine: &Engine, span: Span, now: Time) -> Result<History, StoreError> {
    let grain = span.grain();
    let mut sums: BTreeMap<Time, BTreeMap<Option<AccountId>, Tally>> = BTreeMap::new();
    let mut from = exposure::start_of(span.since, span.step);
    let first = from;
    while from <= now {
        sums.insert(from, BTreeMap::new());
        from = from.plus(span.step);
    }
    let mut add = |start: Time, account: Option<AccountId>, tally: &Tally| {
        if let Some(step) = sums.get_mut(&exposure::start_of(start, span.step)) {
            step.entry(account).or_default().join(tally);
        }
    };
    // What is not in rows yet, and then the rows; keys sort by time.
    for slice in engine.decider.exposures.pending(now) {
        add(slice.minute, slice.account, &slice.tally);
    }
    let after = grain.key(first.minus(Duration::from_millis(1)), None);
    let mut walk = Walk::new(engine, rows::EXPOSURE, grain.prefix(), Some(after)).unbounded();
    while let Some((key, row)) = walk.next().await? {
        let parts = super::parts(&key);
        let [_, start, account] = parts.as_slice() else {
            continue;
        };
        let start = Time::from_millis(start.parse().unwrap_or_default());
        let account = (!account.is_empty()).then(|| AccountId::new(account));
        add(start, account, &decode(&row)?);
    }
    let steps = sums.into_iter().map(|(from, sums)| step(from, span, sums));
    Ok(History {
        step_s: span.step.as_secs(),
        steps: steps.collect(),
    })
}

fn step(from: Time, span: Span, mut sums: BTreeMap<Option<AccountId>, Tally>) -> Step {
    let all = sums.remove(&None).unwrap_or_default();
    let risk = |tally: &Tally| Risk {
        unit_seconds: Units::of_millionths(tally.unit_ms / 1000),
        max: Units::of_millionths(tally.max),
    };
    let whole = risk(&all);
    Step {
        from,
        to: from.plus(span.step),
        unit_seconds: whole.unit_seconds,
        max: whole.max,
        known_s: all.known_ms / 1000,
        accounts: sums
            .into_iter()
            .filter_map(|(account, tally)| Some((account?, risk(&tally))))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_easy_to_read_and_not_too_many() {
        let now = Time::from_seconds(1_800_000_000);
        for (ago_s, step_s, grain) in [
            (0, 60, Grain::Minute),
            (3599, 60, Grain::Minute),
            (3600, 300, Grain::Minute),
            (24 * 3600, 3600, Grain::Hour),
            (7 * 24 * 3600, 6 * 3600, Grain::Hour),
            (30 * 24 * 3600, 24 * 3600, Grain::Day),
            (365 * 24 * 3600, 7 * 24 * 3600, Grain::Day),
        ] {
            let span = Span::since(now.minus(Duration::from_secs(ago_s)), now);
            assert_eq!(
                (span.step.as_secs(), span.grain()),
                (step_s, grain),
                "{ago_s}"
            );
            assert!(span.steps(now) <= STEPS_USUAL + 1, "{ago_s}");
        }
    }
}
