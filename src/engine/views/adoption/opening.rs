//! What taking opening stock from an account would count, and what it would leave out.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ListingId, Quantity, Sku,
    item::Item,
    offer::{self, Taken},
    stock::Stock,
};
use serde::Serialize;

use super::{Listed, StoreError, Units, listed, read};
use crate::{Engine, account::Account, rows};

/// How many items are listed of each sort.
const LISTED_MAX: usize = 500;

/// What taking opening stock from an account would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpeningView {
    /// From which account.
    pub account: AccountId,
    /// The account that the configuration names instead, if it names another.
    pub configured: Option<AccountId>,
    /// Whether it is being taken at this moment.
    pub is_under_way: bool,
    /// How many items of this account were counted before, and stay as they are.
    pub already_counted: usize,
    /// How many items would be counted.
    pub to_count: usize,
    /// How many units of them would lie there.
    pub units: Units,
    /// How many items cannot be counted by it.
    pub left: usize,
    /// How many uncounted items it does not have.
    pub not_listed: usize,
    /// What would be counted, as far as it fits.
    pub items: Vec<FirstCount>,
    /// What cannot be, as far as it fits.
    pub left_items: Vec<LeftOut>,
    /// What it does not have, as far as it fits.
    pub not_listed_items: Vec<Elsewhere>,
}

/// An item that would be counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstCount {
    /// Which.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// What the account shows.
    pub shows: Units,
    /// What it sold of it that has not left: it still lies there.
    pub sold: Units,
    /// What would lie there.
    pub lies: Units,
    /// What other accounts show.
    pub elsewhere: BTreeMap<AccountId, Units>,
}

/// An item that cannot be counted by what the account shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Which.
    pub sku: Sku,
    /// Why not.
    pub reason: &'static str,
    /// What to do.
    pub mend: String,
}

/// An uncounted item that the account does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// Which.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// What those show that have it.
    pub elsewhere: BTreeMap<AccountId, Option<Units>>,
}

/// What taking opening stock from an account would do, by what is known of its levels.
pub async fn preview(
    engine: &Engine,
    account: &Account,
    is_under_way: bool,
) -> Result<OpeningView, StoreError> {
    let all = listed(engine).await?;
    let mut by_sku: BTreeMap<&Sku, Vec<&Listed>> = BTreeMap::new();
    for one in &all {
        if let Some(sku) = &one.listing.sku {
            by_sku.entry(sku).or_default().push(one);
        }
    }
    let configured = engine.opening.clone().filter(|named| *named != account.id);
    let mut view = OpeningView {
        account: account.id.clone(),
        configured,
        is_under_way,
        already_counted: 0,
        to_count: 0,
        units: Units::default(),
        left: 0,
        not_listed: 0,
        items: Vec::new(),
        left_items: Vec::new(),
        not_listed_items: Vec::new(),
    };
    for (sku, listed) in by_sku {
        add(engine, account, sku, &listed, &mut view).await?;
    }
    Ok(view)
}

async fn add(
    engine: &Engine,
    account: &Account,
    sku: &Sku,
    listed: &[&Listed],
    view: &mut OpeningView,
) -> Result<(), StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[sku.as_str()]).await?;
    let Some(item) = item.filter(Item::is_stocked) else {
        return Ok(());
    };
    let stock: Option<Stock> = read(engine, rows::STOCK, &[sku.as_str()]).await?;
    let (own, others): (Vec<&Listed>, Vec<&Listed>) = listed
        .iter()
        .partition(|one| one.listing.account == account.id);
    if stock.as_ref().is_some_and(|stock| stock.is_counted) {
        view.already_counted += usize::from(!own.is_empty());
        return Ok(());
    }
    let units = |quantity| Units::new(quantity, item.scale);
    let elsewhere = || {
        others
            .iter()
            .map(|one| (one.listing.account.clone(), shown(one)))
    };
    let title = || {
        listed
            .first()
            .map_or_else(String::new, |one| one.listing.title.clone())
    };
    if own.is_empty() {
        view.not_listed += 1;
        if view.not_listed_items.len() < LISTED_MAX {
            view.not_listed_items.push(Elsewhere {
                sku: sku.clone(),
                title: title(),
                elsewhere: elsewhere()
                    .map(|(at, level)| (at, level.map(units)))
                    .collect(),
            });
        }
        return Ok(());
    }
    let (level, why_not) = level_of(&own);
    let (Some(level), None) = (level, why_not) else {
        leave_out(view, sku, why_not.unwrap_or_default());
        return Ok(());
    };
    let parts = [account.id.as_str(), sku.as_str()];
    let taken: Option<Taken> = read(engine, rows::TAKEN, &parts).await?;
    let sold = offer::known_sales(taken.unwrap_or_default(), stock.as_ref());
    view.to_count += 1;
    view.units = view.units.plus(units(level.plus(sold)));
    if view.items.len() < LISTED_MAX {
        let elsewhere = elsewhere().filter_map(|(at, level)| Some((at, units(level?))));
        view.items.push(FirstCount {
            sku: sku.clone(),
            title: title(),
            shows: units(level),
            sold: units(sold),
            lies: units(level.plus(sold)),
            elsewhere: elsewhere.collect(),
        });
    }
    Ok(())
}

fn leave_out(view: &mut OpeningView, sku: &Sku, reason: &'static str) {
    view.left += 1;
    if view.left_items.len() < LISTED_MAX {
        view.left_items.push(LeftOut {
            sku: sku.clone(),
            reason,
            mend: format!("oneshelf stock adjust {sku} --to UNITS --reason counted"),
        });
    }
}

/// What an account shows of an item, or why that counts nothing.
fn level_of(own: &[&Listed]) -> (Option<Quantity>, Option<&'static str>) {
    let levels: BTreeSet<Option<Quantity>> = own.iter().map(|one| shown(one)).collect();
    let level = levels.first().copied().flatten();
    let why_not = if own.iter().all(|one| !one.listing.tracked) {
        Some("the account keeps no count for it")
    } else if levels.len() > 1 {
        Some("it is listed there more than once, with different levels")
    } else if level.is_none() {
        Some("its level there was never read")
    } else {
        None
    };
    (level, why_not)
}

fn shown(one: &Listed) -> Option<Quantity> {
    one.offer.as_ref().and_then(offer::Offer::shown)
}

/// Whether a listing of the account waits for a first count and its level was never read.
pub async fn unread(engine: &Engine, account: &Account) -> Result<Vec<ListingId>, StoreError> {
    let waiting = engine.uncounted_listings(account).await?;
    let mut unread = Vec::new();
    for listing in waiting.into_keys() {
        let parts = [account.id.as_str(), listing.as_str()];
        let offer: Option<offer::Offer> = read(engine, rows::OFFERS, &parts).await?;
        if offer.is_none_or(|offer| offer.shown().is_none()) {
            unread.push(listing);
        }
    }
    Ok(unread)
}
