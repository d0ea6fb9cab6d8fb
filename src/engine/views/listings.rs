//! Listings: what each should show, was told and shows.

use domain::{
    AccountId, ListingId, Money, Sku, Time,
    buffer::Tuned,
    ids::DriftId,
    item::Item,
    mapping::MappedBy,
    offer::{Listing, Offer},
    rules::{self, Case},
};
use serde::Serialize;

use super::{Level, Page, StoreError, Units, Walk, level, owed, read, sellable, words};
use crate::{
    Engine,
    decider::explain_suppression,
    rows::{self, prefix},
};

/// Which listings are asked for. All that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this item.
    pub sku: Option<Sku>,
    /// Only those that wait for a person, or only those that do not.
    pub is_parked: Option<bool>,
    /// Only those that are told nothing, or only those that are.
    pub is_suppressed: Option<bool>,
}

/// One listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListingView {
    /// Where.
    pub account: AccountId,
    /// The channel's id of it.
    pub listing: ListingId,
    /// The item; nothing while it is not known to be one.
    pub sku: Option<Sku>,
    /// The SKU as the channel wrote it.
    pub channel_sku: Option<String>,
    /// By what a person said that it is the item.
    pub mapped: Option<MappedBy>,
    /// What buyers see.
    pub title: String,
    /// The price there.
    pub price: Option<Money>,
    /// Whether the channel counts stock for it.
    pub tracked: bool,
    /// What may be shown by the rules.
    pub offer: Option<Level>,
    /// How much of the offer is not there, and may be owed.
    pub owed: Units,
    /// What is to be written, so that the channel comes to show that.
    pub wanted: Option<Level>,
    /// What was last sent.
    pub sent: Option<Level>,
    /// What the channel last said that it took.
    pub acknowledged: Option<Level>,
    /// What the channel last said that it shows.
    pub read_back: Option<Level>,
    /// What we believe it shows.
    pub believed: Option<Level>,
    /// How long the wish has waited, or how long it took to come true; nothing when it needed no push.
    pub lag_ms: Option<u64>,
    /// The push that is under way.
    pub attempt: Option<AttemptView>,
    /// Why it is told nothing.
    pub suppressed: Option<SuppressionView>,
    /// Why it is not tried again before a person looks.
    pub parked: Option<String>,
    /// Why the breaker holds it.
    pub held: Option<&'static str>,
    /// The last change that somebody made on the channel.
    pub edit: Option<EditView>,
    /// What would be written if the account were live.
    pub would_write: Option<WouldWrite>,
    /// Whether it shows something that no order explains.
    pub is_drifting: bool,
    /// Units at risk now.
    pub exposure: Units,
    /// How many wishes were overwritten before they were sent.
    pub coalesced: u64,
    /// Not written before this time, because the channel takes only so many writes in a day.
    pub spared_until: Option<Time>,
    /// The categories that the channel has it in.
    pub categories: Vec<String>,
    /// Why it shows zero, where a rule made it so.
    pub zeroed: Option<ZeroedView>,
    /// When it ended by its rule, and what could be sold then.
    pub ended: Option<Level>,
    /// The buffer that tuned itself, and what it comes from.
    pub tuned: Option<TunedView>,
}

/// A buffer that tuned itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TunedView {
    /// What is held back.
    pub buffer: Units,
    /// While no more than this can be sold; nothing for at all times.
    pub within: Option<Units>,
    /// Since when.
    pub at: Time,
    /// Sales of the item on other accounts.
    pub sales: u64,
    /// How many units these were.
    pub units_sold: u64,
    /// Sales of the item on this account.
    pub sales_here: u64,
    /// In what time.
    pub over_ms: u64,
    /// How long a level takes to be shown on this account.
    pub lag_ms: u64,
    /// How long it takes before that until a sale elsewhere is known.
    pub heard_ms: u64,
    /// Whether the delay is a cautious guess.
    pub is_lag_assumed: bool,
    /// Whether the last units are kept for this account.
    pub keeps_last: bool,
}

/// Why a listing shows zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZeroedView {
    /// In a word.
    pub code: &'static str,
    /// In words that follow "because".
    pub reason: String,
}

/// A change of a level that somebody made on the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EditView {
    /// Who, where the channel says so.
    pub by: Option<String>,
    /// What it was.
    pub from: Units,
    /// What it was changed to.
    pub to: Units,
    /// When that was seen.
    pub at: Time,
    /// Whether it was taken into the stock.
    pub is_taken: bool,
}

/// A push that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// What is written.
    pub quantity: Units,
    /// What it replaces, as we believe.
    pub expected: Option<Units>,
    /// How often it was sent.
    pub tries: u32,
    /// Not sent again before.
    pub next_at: Time,
    /// Whether the last try may have worked.
    pub is_ambiguous: bool,
}

/// Why a listing is told nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuppressionView {
    /// In a word.
    pub code: domain::offer::Suppression,
    /// In a sentence.
    pub reason: &'static str,
}

/// A write that does not happen because the account may not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WouldWrite {
    /// What is there, as we believe.
    pub from: Option<Units>,
    /// What would be there.
    pub to: Units,
}

/// A page of listings, by account and the channel's id.
pub async fn list(
    engine: &Engine,
    filter: &Filter,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<ListingView>, StoreError> {
    let by_sku = filter.sku.as_ref();
    let (table, below) = match (by_sku, &filter.account) {
        (Some(sku), _) => (rows::LISTINGS_BY_SKU, prefix(&[sku.as_str()])),
        (None, Some(account)) => (rows::LISTINGS, prefix(&[account.as_str()])),
        (None, None) => (rows::LISTINGS, Vec::new()),
    };
    let mut walk = Walk::new(engine, table, below, after);
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((key, _)) = walk.next().await? else {
            break;
        };
        let at = super::parts(&key);
        let at = at.get(usize::from(by_sku.is_some())..).unwrap_or_default();
        let [account, listing] = at else { continue };
        if filter
            .account
            .as_ref()
            .is_some_and(|a| a.as_str() != account)
        {
            continue;
        }
        if let Some(view) = one(engine, account, listing).await? {
            let fits = filter
                .is_parked
                .is_none_or(|is| is == view.parked.is_some())
                && filter
                    .is_suppressed
                    .is_none_or(|is| is == view.suppressed.is_some());
            items.extend(fits.then_some(view));
        }
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// All listings of an item, as far as a page goes.
pub async fn of_item(engine: &Engine, sku: &Sku) -> Result<Vec<ListingView>, StoreError> {
    let filter = Filter {
        sku: Some(sku.clone()),
        ..Filter::default()
    };
    Ok(list(engine, &filter, None, super::LOOKED_MAX).await?.items)
}

/// One listing, if there is such a one.
pub async fn one(
    engine: &Engine,
    account: &str,
    listing: &str,
) -> Result<Option<ListingView>, StoreError> {
    let parts = [account, listing];
    let row: Option<Listing> = read(engine, rows::LISTINGS, &parts).await?;
    let Some(row) = row else { return Ok(None) };
    let offer: Option<Offer> = read(engine, rows::OFFERS, &parts).await?;
    let drift: Option<DriftId> = read(engine, rows::OPEN_DRIFTS, &parts).await?;
    let is_drifting = drift.is_some();
    let zeroed = match &offer {
        Some(offer) => zeroed(engine, &row, offer).await?,
        None => None,
    };
    let view = view(engine, row, offer.as_ref(), is_drifting);
    Ok(Some(ListingView { zeroed, ..view }))
}

/// Which rule made it zero, if one did.
async fn zeroed(
    engine: &Engine,
    listing: &Listing,
    offer: &Offer,
) -> Result<Option<ZeroedView>, StoreError> {
    if !offer.offer.is_some_and(|told| told.quantity.is_zero()) {
        return Ok(None);
    }
    let item: Option<Item> = read(engine, rows::ITEMS, &[offer.sku.as_str()]).await?;
    let Some(item) = item else { return Ok(None) };
    let policy = engine.decider.policy();
    let (account, categories) = (&listing.account, &listing.categories);
    let found = sellable(engine, &item).await?;
    let Some(units) = found.on(&item, &policy.locations, account) else {
        return Ok(None);
    };
    let rule = policy.rules.find(account, &item, categories);
    let case = Case {
        account,
        tuned: offer.tuned.as_ref(),
        has_ended: offer.ended.is_some(),
        room: owed::room(engine, &item, account, categories, &found).await?,
        scale: item.scale,
    };
    let zeroed = rules::show(units, &rule, case)
        .ok()
        .and_then(|shown| shown.zeroed);
    Ok(zeroed.map(|why| ZeroedView {
        code: words::zeroed(why),
        reason: words::why_zero(why, &rule, item.scale),
    }))
}

fn view(
    engine: &Engine,
    listing: Listing,
    offer: Option<&Offer>,
    is_drifting: bool,
) -> ListingView {
    let scale = offer.map_or(0, |offer| offer.scale);
    let told = |get: fn(&Offer) -> Option<domain::offer::Told>| level(offer.and_then(get), scale);
    let unmapped = domain::offer::Suppression::Unmapped;
    let suppressed = match offer {
        Some(offer) => offer.suppressed,
        None => Some(unmapped),
    };
    ListingView {
        offer: told(|offer| offer.offer),
        owed: Units::new(offer.map(|offer| offer.owed).unwrap_or_default(), scale),
        wanted: told(|offer| offer.wanted),
        sent: told(|offer| offer.sent),
        acknowledged: told(|offer| offer.acknowledged),
        read_back: told(|offer| offer.read_back),
        believed: told(|offer| offer.believed),
        lag_ms: offer.and_then(|offer| lag_ms(offer, engine.ports.clock.now())),
        attempt: offer.and_then(attempt),
        suppressed: suppressed.map(|code| SuppressionView {
            code,
            reason: explain_suppression(code),
        }),
        parked: offer.and_then(|offer| offer.parked.clone()),
        held: offer
            .filter(|offer| offer.is_held_back())
            .and_then(|offer| offer.held)
            .map(|held| words::held(held.side)),
        edit: offer.and_then(edit),
        would_write: offer.and_then(|offer| would_write(engine, offer)),
        is_drifting,
        exposure: Units::new(offer.map(Offer::exposure).unwrap_or_default(), scale),
        coalesced: offer.map_or(0, |offer| offer.coalesced),
        spared_until: offer.filter(|offer| offer.is_due()).and_then(|offer| {
            offer.spared_until(
                engine.write_budget(&offer.account),
                engine.ports.clock.now(),
            )
        }),
        zeroed: None,
        ended: told(|offer| offer.ended),
        tuned: offer.and_then(|offer| offer.tuned.as_ref().map(|tuned| tuned_view(tuned, scale))),
        categories: listing.categories,
        account: listing.account,
        listing: listing.listing,
        sku: listing.sku,
        channel_sku: listing.channel_sku,
        mapped: listing.mapped,
        title: listing.title,
        price: listing.price,
        tracked: listing.tracked,
    }
}

fn edit(offer: &Offer) -> Option<EditView> {
    let edit = offer.edit.as_ref()?;
    Some(EditView {
        by: edit.by.clone(),
        from: Units::new(edit.from, offer.scale),
        to: Units::new(edit.to, offer.scale),
        at: edit.at,
        is_taken: edit.is_taken,
    })
}

fn tuned_view(tuned: &Tuned, scale: u8) -> TunedView {
    let demand = &tuned.demand;
    let lots = demand.lots.iter();
    TunedView {
        buffer: Units::new(tuned.buffer, scale),
        within: tuned.within.map(|within| Units::new(within, scale)),
        at: tuned.at,
        sales: demand.lots.values().copied().map(u64::from).sum(),
        sales_here: demand.here.values().copied().map(u64::from).sum(),
        units_sold: lots
            .map(|(units, times)| u64::from(*units).saturating_mul((*times).into()))
            .sum(),
        over_ms: demand.over_ms,
        lag_ms: demand.lag_ms,
        heard_ms: demand.heard_ms,
        is_lag_assumed: demand.is_lag_assumed,
        keeps_last: demand.keeps_last,
    }
}

fn attempt(offer: &Offer) -> Option<AttemptView> {
    let attempt = offer.attempt.as_ref()?;
    Some(AttemptView {
        quantity: Units::new(attempt.quantity, offer.scale),
        expected: attempt.expected.map(|units| Units::new(units, offer.scale)),
        tries: attempt.tries,
        next_at: attempt.next_at,
        is_ambiguous: attempt.is_ambiguous,
    })
}

/// How long the wish has waited so far, or how long it took.
fn lag_ms(offer: &Offer, now: Time) -> Option<u64> {
    let wanted = offer.wanted?;
    let until = match offer.acknowledged {
        Some(told) if told.quantity == wanted.quantity && told.at >= wanted.at => told.at,
        Some(_) | None if offer.is_due() => now,
        Some(_) | None => return None,
    };
    u64::try_from(until.since(wanted.at).as_millis()).ok()
}

/// What the account would be told if it could be.
pub(crate) fn would_write(engine: &Engine, offer: &Offer) -> Option<WouldWrite> {
    let may_write = engine
        .accounts
        .get(&offer.account)
        .is_some_and(|account| account.may_write_levels());
    if may_write || !offer.is_due() {
        return None;
    }
    let wanted = offer.wanted?;
    Some(WouldWrite {
        from: offer
            .believed
            .map(|told| Units::new(told.quantity, offer.scale)),
        to: Units::new(wanted.quantity, offer.scale),
    })
}
