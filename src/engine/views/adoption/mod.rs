//! Taking shops over, step by step: what is matched, where levels differ, where the first count comes
//! from, what would be written first, and what watching has shown.
//!
//! Everything is derived from what is stored, so that a person can stop at any step and go on another
//! day. Nothing here writes.

pub mod first;
pub mod matching;
pub mod opening;
pub mod report;

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, Sku, Time,
    item::{Item, ItemKind},
    offer::{Listing, Offer, Suppression},
    stock::Stock,
};
use serde::Serialize;

use super::{StoreError, Units, Walk, read, words};
use crate::{
    Engine,
    account::{Account, Mode},
    adoption::is_unread,
    rows::{self, prefix},
};

pub use matching::{Problem, Suggestion};

/// How many problems are told one by one.
const PROBLEMS_MAX: usize = 200;
/// How many items with different levels are listed.
const DIFFERENCES_MAX: usize = 200;
/// How many listings are looked at over all accounts.
const LISTINGS_MAX: usize = 100_000;

/// How far taking over has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdoptionView {
    /// When this was so.
    pub at: Time,
    /// The account that opening stock comes from, if one was named.
    pub source: Option<AccountId>,
    /// Whether the configuration names it; otherwise a person did.
    pub is_source_configured: bool,
    /// How many items have stock of their own.
    pub goods: usize,
    /// How many of them were counted.
    pub counted: usize,
    /// Each account.
    pub accounts: Vec<AccountStep>,
    /// Listings that match nothing, or not well, as far as they fit.
    pub problems: Vec<Problem>,
    /// How many items show different levels on different accounts.
    pub differing: usize,
    /// Those, the biggest difference first, as far as they fit.
    pub differences: Vec<Difference>,
    /// What to do next, as a sentence.
    pub next: String,
    /// The command for it, if there is one.
    pub next_command: Option<String>,
}

/// How far one account has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountStep {
    /// Which.
    pub account: AccountId,
    /// Its kind of channel.
    pub channel: &'static str,
    /// What it may do now.
    pub mode: &'static str,
    /// Whether its orders were read completely since the start.
    pub has_polled: bool,
    /// When all of its levels were last compared.
    pub compared_at: Option<Time>,
    /// How many listings it has.
    pub listings: usize,
    /// How many of them are items that other accounts may sell as well.
    pub matched: usize,
    /// How many have something to mend.
    pub problems: usize,
    /// How many levels of them were never read.
    pub unread: usize,
    /// How many wait for a first count of their item.
    pub uncounted: usize,
    /// How many levels would be written now.
    pub writes: usize,
    /// Since when it is watched.
    pub watched_since: Option<Time>,
    /// When somebody looked at its first writes.
    pub previewed_at: Option<Time>,
}

/// An item whose levels differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// From the least to the most.
    pub spread: Units,
    /// What each account shows; the most, where it has it listed twice.
    pub levels: BTreeMap<AccountId, Units>,
}

/// A listing with its offer.
pub(super) struct Listed {
    pub(super) listing: Listing,
    pub(super) offer: Option<Offer>,
}

/// Everything that is listed, by account.
async fn listed(engine: &Engine) -> Result<Vec<Listed>, StoreError> {
    let mut all = Vec::new();
    for account in engine.accounts.values() {
        let below = prefix(&[account.id.as_str()]);
        let mut walk = Walk::new(engine, rows::LISTINGS, below, None).unbounded();
        while let Some((at, row)) = walk.next().await? {
            if all.len() >= LISTINGS_MAX {
                return Ok(all);
            }
            let listing: Listing = rows::decode(rows::LISTINGS, &row.value)?;
            let offer = engine.store.get(rows::OFFERS, &at).await?;
            let offer = offer.map(|row| rows::decode(rows::OFFERS, &row.value));
            all.push(Listed {
                listing,
                offer: offer.transpose()?,
            });
        }
    }
    Ok(all)
}

/// How far taking over has come.
pub async fn overview(engine: &Engine) -> Result<AdoptionView, StoreError> {
    let listed = listed(engine).await?;
    let shelf = shelf(engine).await?;
    let mut problems = matching::problems(&listed, &shelf.services);
    matching::suggest(&listed, &mut problems);
    let mut accounts = Vec::new();
    let all = engine.accounts.values();
    // Where orders are entered by hand there is no shop to be taken over.
    for account in all.filter(|account| !account.descriptor().is_by_hand) {
        accounts.push(step(engine, account, &listed, &problems).await?);
    }
    let named = engine.opening_source().await?.map(|source| source.account);
    let source = engine.opening.clone().or(named);
    let mut differences = differences(&listed);
    let differing = differences.len();
    differences.truncate(DIFFERENCES_MAX);
    problems.truncate(PROBLEMS_MAX);
    let (next, next_command) = next(&accounts, source.as_ref(), shelf.counted);
    Ok(AdoptionView {
        at: engine.ports.clock.now(),
        is_source_configured: engine.opening.is_some(),
        source,
        goods: shelf.goods,
        counted: shelf.counted,
        accounts,
        problems,
        differing,
        differences,
        next,
        next_command,
    })
}

async fn step(
    engine: &Engine,
    account: &Account,
    listed: &[Listed],
    problems: &[Problem],
) -> Result<AccountStep, StoreError> {
    let own: Vec<&Listed> = listed
        .iter()
        .filter(|one| one.listing.account == account.id)
        .collect();
    let offers = || own.iter().filter_map(|one| one.offer.as_ref());
    let is_uncounted = |offer: &&Offer| offer.suppressed == Some(Suppression::Uncounted);
    let comparison = engine.comparison(account).await?;
    let spans = engine.watched_spans(&account.id).await?;
    let watched = spans.last().filter(|span| span.until.is_none());
    let shown = engine.last_shown(&account.id).await?;
    Ok(AccountStep {
        account: account.id.clone(),
        channel: account.descriptor().id,
        mode: words::mode(account.mode()),
        has_polled: account.has_polled(),
        compared_at: comparison.and_then(|run| run.finished_at),
        listings: own.len(),
        matched: own.iter().filter(|one| one.listing.sku.is_some()).count(),
        problems: problems
            .iter()
            .filter(|problem| problem.account == account.id)
            .count(),
        unread: offers().filter(|offer| is_unread(offer)).count(),
        uncounted: offers().filter(is_uncounted).count(),
        writes: offers().filter(|offer| offer.is_due()).count(),
        watched_since: watched.map(|span| span.from),
        previewed_at: shown.map(|shown| shown.at),
    })
}

/// What is known of all items.
#[derive(Default)]
struct Shelf {
    goods: usize,
    counted: usize,
    services: BTreeSet<Sku>,
}

async fn shelf(engine: &Engine) -> Result<Shelf, StoreError> {
    let mut shelf = Shelf::default();
    let mut walk = Walk::summing(engine, rows::ITEMS, Vec::new());
    while let Some((_, row)) = walk.next().await? {
        let item: Item = rows::decode(rows::ITEMS, &row.value)?;
        match item.kind {
            ItemKind::Kit(_) => {}
            ItemKind::Service => drop(shelf.services.insert(item.sku)),
            ItemKind::Good => {
                let parts = [item.sku.as_str()];
                let stock: Option<Stock> = read(engine, rows::STOCK, &parts).await?;
                shelf.goods += 1;
                shelf.counted += usize::from(stock.is_some_and(|stock| stock.is_counted));
            }
        }
    }
    Ok(shelf)
}

/// Items that accounts show different levels of, the biggest difference first.
fn differences(listed: &[Listed]) -> Vec<Difference> {
    let mut by_sku: BTreeMap<&Sku, (&str, u8, BTreeMap<AccountId, domain::Quantity>)> =
        BTreeMap::new();
    for Listed { listing, offer } in listed {
        let (Some(sku), Some(offer)) = (&listing.sku, offer) else {
            continue;
        };
        let Some(shown) = offer.shown().filter(|_| listing.tracked) else {
            continue;
        };
        let fresh = || (listing.title.as_str(), offer.scale, BTreeMap::new());
        let (_, _, levels) = by_sku.entry(sku).or_insert_with(fresh);
        let level = levels.entry(listing.account.clone()).or_insert(shown);
        *level = (*level).max(shown);
    }
    let mut found: Vec<(domain::Quantity, Difference)> = Vec::new();
    for (sku, (title, scale, levels)) in by_sku {
        let (Some(least), Some(most)) = (levels.values().min(), levels.values().max()) else {
            continue;
        };
        let spread = most.minus(*least);
        if spread.is_positive() {
            let units = |quantity| Units::new(quantity, scale);
            let shown = levels.into_iter();
            let difference = Difference {
                sku: sku.clone(),
                title: title.to_owned(),
                spread: units(spread),
                levels: shown
                    .map(|(account, level)| (account, units(level)))
                    .collect(),
            };
            found.push((spread, difference));
        }
    }
    found.sort_by(|(one, _), (other, _)| other.cmp(one));
    found
        .into_iter()
        .map(|(_, difference)| difference)
        .collect()
}

/// What to do next: a sentence, and the command for it.
fn next(
    accounts: &[AccountStep],
    source: Option<&AccountId>,
    counted: usize,
) -> (String, Option<String>) {
    let say = |text: String, command: Option<String>| (text, command);
    let is_on = |step: &&AccountStep| step.mode != words::mode(Mode::Off);
    if let Some(off) = accounts.iter().find(|step| !is_on(step))
        && !accounts.iter().any(|step| is_on(&step))
    {
        let command = format!("oneshelf adopt observe {} --yes", off.account);
        return say(
            "All accounts are off: watch one first.".to_owned(),
            Some(command),
        );
    }
    if let Some(step) = accounts.iter().filter(is_on).find(|step| !step.has_polled) {
        let text = format!(
            "The orders of {} are being read; look again soon.",
            step.account
        );
        return say(text, None);
    }
    if counted == 0 {
        let text = "Nothing was counted yet: say which account has the right levels.".to_owned();
        let named = source.map_or("ACCOUNT", AccountId::as_str);
        return say(text, Some(format!("oneshelf adopt opening {named}")));
    }
    let observed = |step: &&AccountStep| step.mode == words::mode(Mode::Observe);
    let Some(step) = accounts.iter().find(observed) else {
        return say(
            "Nothing is left to do: no account is only watched.".to_owned(),
            None,
        );
    };
    let account = &step.account;
    if step.unread > 0 {
        let text = format!("{} levels of {account} were never read.", step.unread);
        return say(text, Some(format!("oneshelf accounts reconcile {account}")));
    }
    match step.previewed_at {
        None => say(
            format!(
                "Watch as long as you like (`oneshelf adopt report`), then look at the first writes to {account}."
            ),
            Some(format!("oneshelf adopt preview {account}")),
        ),
        Some(_) => say(
            format!("You have looked at the first writes to {account}: arm it."),
            Some(format!("oneshelf adopt arm {account} --yes")),
        ),
    }
}
