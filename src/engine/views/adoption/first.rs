//! The first writes to an account: each with what it shows now, what it would show, and why.

use domain::{
    AccountId, ListingId, Quantity, Sku, Time,
    breaker::Breaker,
    item::Item,
    offer::{Listing, Offer, Told},
    rules::{self, Case},
};
use serde::Serialize;

use super::{StoreError, Units, Walk, read, words};
use crate::{
    Engine,
    account::Account,
    adoption::{Shown, is_unread},
    reading::evidence::is_news,
    rows::{self, prefix},
    views::{count, sellable},
};

/// How many writes are listed one by one.
const WRITES_MAX: usize = 500;

/// What arming an account would write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstWrites {
    /// Which account.
    pub account: AccountId,
    /// When this was so: the preview that arming is about.
    pub at: Time,
    /// What it may do now.
    pub mode: &'static str,
    /// How many listings it has levels for.
    pub listings: usize,
    /// How many levels would be written.
    pub writes_count: usize,
    /// How many of them to more than it shows.
    pub rises: usize,
    /// How many to less, but not zero.
    pub falls: usize,
    /// How many to zero.
    pub zeroes: usize,
    /// How many units would be shown more.
    pub units_more: Units,
    /// How many units would be shown less.
    pub units_less: Units,
    /// How many levels show what they should.
    pub agreeing: usize,
    /// How many were never read.
    pub unread: usize,
    /// How many are told nothing: uncounted, untracked, or no item.
    pub suppressed: usize,
    /// How many shipments, cancellations and refunds wait to be told.
    pub intents_waiting: usize,
    /// How many of the zeroes no order caused.
    pub sudden_zeroes: usize,
    /// Whether the breaker would hold these if nobody had looked at them.
    pub breaker_would_hold: bool,
    /// How many it holds already, and will until it is lifted.
    pub held: usize,
    /// The writes: zeroes first, then the biggest change, as far as they fit.
    pub writes: Vec<FirstWrite>,
}

/// One first write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstWrite {
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// What buyers see.
    pub title: String,
    /// What it shows now, as far as is known.
    pub shows: Option<Units>,
    /// What would be written.
    pub to: Units,
    /// Why that.
    pub why: String,
    /// Whether the breaker holds it already.
    pub is_held: bool,
}

/// What arming an account would write at this moment.
pub async fn preview(engine: &Engine, account: &Account) -> Result<FirstWrites, StoreError> {
    let below = prefix(&[account.id.as_str()]);
    let breaker = engine.breaker(account).await?;
    let mut view = empty(engine, account);
    view.intents_waiting = count(engine, rows::OUTBOX, below.clone()).await?;
    let mut writes: Vec<Offer> = Vec::new();
    let mut walk = Walk::new(engine, rows::OFFERS, below, None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let offer: Offer = rows::decode(rows::OFFERS, &row.value)?;
        tally(&mut view, &offer, &breaker);
        if offer.wanted.is_some() && (offer.is_due() || offer.is_held_back()) {
            writes.push(offer);
        }
    }
    let rule = engine.decider.policy().breaker;
    view.breaker_would_hold = rule.is_too_many(view.sudden_zeroes, view.listings);
    writes.sort_by_key(|offer| {
        let (shows, to) = (quantity(offer.believed), quantity(offer.wanted));
        let change = to.minus(shows).units().unsigned_abs();
        (!to.is_zero(), std::cmp::Reverse(change))
    });
    for offer in writes.into_iter().take(WRITES_MAX) {
        view.writes.extend(write(engine, offer).await?);
    }
    Ok(view)
}

/// What is kept of a preview that somebody looked at.
pub fn shown(view: &FirstWrites) -> Shown {
    Shown {
        account: view.account.clone(),
        at: view.at,
        writes: view.writes_count,
        zeroes: view.zeroes,
    }
}

fn empty(engine: &Engine, account: &Account) -> FirstWrites {
    FirstWrites {
        account: account.id.clone(),
        at: engine.ports.clock.now(),
        mode: words::mode(account.mode()),
        listings: 0,
        writes_count: 0,
        rises: 0,
        falls: 0,
        zeroes: 0,
        units_more: Units::default(),
        units_less: Units::default(),
        agreeing: 0,
        unread: 0,
        suppressed: 0,
        intents_waiting: 0,
        sudden_zeroes: 0,
        breaker_would_hold: false,
        held: 0,
        writes: Vec::new(),
    }
}

fn quantity(told: Option<Told>) -> Quantity {
    told.map(|told| told.quantity).unwrap_or_default()
}

fn tally(view: &mut FirstWrites, offer: &Offer, breaker: &Breaker) {
    view.listings += 1;
    view.unread += usize::from(is_unread(offer));
    view.held += usize::from(offer.is_held_back());
    view.sudden_zeroes += usize::from(is_news(breaker, offer));
    let Some(wanted) = offer.wanted else {
        view.suppressed += 1;
        return;
    };
    if !offer.is_due() {
        view.agreeing += usize::from(!offer.is_held_back());
        return;
    }
    view.writes_count += 1;
    let change = wanted.quantity.minus(quantity(offer.believed));
    let units = |quantity| Units::new(quantity, offer.scale);
    if change.is_positive() {
        view.units_more = view.units_more.plus(units(change));
    } else {
        view.units_less = view.units_less.plus(units(change.negated()));
    }
    if wanted.quantity.is_zero() {
        view.zeroes += 1;
    } else if change.is_positive() {
        view.rises += 1;
    } else {
        view.falls += 1;
    }
}

async fn write(engine: &Engine, offer: Offer) -> Result<Option<FirstWrite>, StoreError> {
    let Some(wanted) = offer.wanted else {
        return Ok(None);
    };
    let parts = [offer.account.as_str(), offer.listing.as_str()];
    let listing: Option<Listing> = read(engine, rows::LISTINGS, &parts).await?;
    let Some(listing) = listing else {
        return Ok(None);
    };
    let why = why(engine, &listing, &offer).await?;
    let is_held = offer.is_held_back();
    Ok(Some(FirstWrite {
        shows: offer
            .believed
            .map(|told| Units::new(told.quantity, offer.scale)),
        to: Units::new(wanted.quantity, offer.scale),
        title: listing.title,
        listing: offer.listing,
        sku: offer.sku,
        why,
        is_held,
    }))
}

/// How the number comes to be, in a phrase.
async fn why(engine: &Engine, listing: &Listing, offer: &Offer) -> Result<String, StoreError> {
    let item: Option<Item> = read(engine, rows::ITEMS, &[offer.sku.as_str()]).await?;
    let Some(item) = item else {
        return Ok("its item is not known".to_owned());
    };
    let units = |quantity| Units::new(quantity, item.scale);
    let Some(can) = sellable(engine, &item).await?.units else {
        return Ok("it is not known how many can be sold".to_owned());
    };
    let mut why = format!("{} can be sold", units(can.or_zero()));
    let policy = engine.decider.policy();
    let rule = policy
        .rules
        .find(&listing.account, &item, &listing.categories);
    let case = Case {
        account: &listing.account,
        tuned: offer.tuned.as_ref(),
        has_ended: offer.ended.is_some(),
        // What it shows beyond what is there was said when it was computed.
        room: offer.owed,
        scale: item.scale,
    };
    let zeroed = rules::show(can, &rule, case)
        .ok()
        .and_then(|shown| shown.zeroed);
    let shown = quantity(offer.offer);
    if let Some(zeroed) = zeroed {
        why = format!("{why}; {}", words::why_zero(zeroed, &rule, item.scale));
    } else if offer.owed.is_positive() {
        why = format!("{why}, and {} more may be owed", units(offer.owed));
    } else if shown != can.or_zero() {
        why = format!("{why}, the rules show {}", units(shown));
    }
    let added = quantity(offer.wanted).minus(shown);
    if added.is_positive() {
        why = format!(
            "{why}, and {} of its own orders come off it there",
            units(added)
        );
    }
    Ok(why)
}
