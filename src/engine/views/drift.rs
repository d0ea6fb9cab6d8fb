//! Cases of drift with their evidence, and what a breaker holds.

use domain::{
    AccountId, ExternalId, ListingId, Sku, Time,
    book::{Author, Drift, Settlement},
    breaker::{Breaker, Side, Trip},
    ids::DriftId,
    offer::Offer,
};
use serde::Serialize;

use super::{Level, Page, StoreError, Units, Walk, count, level, read};
use crate::{
    Engine,
    account::Account,
    rows::{self, prefix},
};

/// How many held listings are shown one by one.
const HELD_MAX: usize = 200;

/// A level that changed, and nothing that we know explains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DriftView {
    /// Ours.
    pub id: DriftId,
    /// Where.
    pub account: AccountId,
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// What it should have shown.
    pub expected: Units,
    /// What it showed.
    pub observed: Units,
    /// By how much our stock would change if the channel were right.
    pub difference: Option<Units>,
    /// What the case rests on.
    pub evidence: EvidenceView,
    /// Whether the breaker keeps it from being repaired.
    pub is_held: bool,
    /// Since when.
    pub opened_at: Time,
    /// When it was settled.
    pub closed_at: Option<Time>,
    /// How.
    pub way: Option<Settlement>,
    /// Which person said so.
    pub settled_by: Option<String>,
    /// The same in a sentence.
    pub text: String,
}

/// What a case rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// What we believed, and since when.
    pub believed: Level,
    /// What it showed, and when that was read.
    pub shown: Level,
    /// When its orders were read again before that.
    pub orders_read_at: Option<Time>,
    /// Those that were read one by one.
    pub orders: Vec<ExternalId>,
    /// What we wrote last.
    pub sent: Option<Level>,
    /// What the channel last took.
    pub acknowledged: Option<Level>,
    /// Who changed it, where the channel says so.
    pub author: Option<Author>,
}

/// The breaker of an account, with what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerView {
    /// Which account.
    pub account: AccountId,
    /// Since when what it shows is not taken.
    pub source: Option<Trip>,
    /// Since when our zeroes are not written.
    pub writes: Option<Trip>,
    /// How many listings are held.
    pub held_count: usize,
    /// Those, as far as they fit.
    pub held: Vec<HeldListing>,
}

/// A listing that a breaker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldListing {
    /// By which side.
    pub side: Side,
    /// Which listing.
    pub listing: ListingId,
    /// Of what.
    pub sku: Sku,
    /// What it shows, as we believe.
    pub shows: Option<Units>,
    /// What it should show.
    pub wanted: Option<Units>,
    /// Since when it is held.
    pub since: Option<Time>,
}

impl DriftView {
    fn of(drift: Drift) -> DriftView {
        let units = |quantity| Units::new(quantity, drift.scale);
        let told = |told| level(told, drift.scale);
        let exactly = |told: domain::offer::Told| Level {
            quantity: units(told.quantity),
            at: told.at,
        };
        let evidence = &drift.evidence;
        DriftView {
            expected: units(drift.expected),
            observed: units(drift.observed),
            difference: drift.difference.map(units),
            evidence: EvidenceView {
                believed: exactly(evidence.believed),
                shown: exactly(evidence.shown),
                orders_read_at: evidence.orders_read_at,
                orders: evidence.orders.clone(),
                sent: told(evidence.sent),
                acknowledged: told(evidence.acknowledged),
                author: evidence.author.clone(),
            },
            text: sentence(&drift),
            id: drift.id,
            account: drift.account,
            listing: drift.listing,
            sku: drift.sku,
            is_held: drift.is_held,
            opened_at: drift.opened_at,
            closed_at: drift.closed_at,
            way: drift.way,
            settled_by: drift.settled_by,
        }
    }
}

fn sentence(drift: &Drift) -> String {
    let (expected, observed) = (
        Units::new(drift.expected, drift.scale),
        Units::new(drift.observed, drift.scale),
    );
    let who = match &drift.evidence.author {
        Some(author) if author.is_person => format!("by {}", author.name),
        Some(author) => format!("by the program {}", author.name),
        None => "by whom the channel does not say".to_owned(),
    };
    let by = drift.settled_by.as_deref().unwrap_or("a person");
    let now = match (drift.closed_at, drift.way) {
        (None, Some(Settlement::Ours)) => {
            format!("{by} said that ours is right, and it is being written")
        }
        (None, _) if drift.is_held => {
            "nothing is written there before a person lifts the breaker".to_owned()
        }
        (None, _) => "ours is being written".to_owned(),
        (Some(at), Some(Settlement::Repaired)) => format!("ours was written on {at}"),
        (Some(at), Some(Settlement::Agreed) | None) => format!("it agreed again on {at}"),
        (Some(_), Some(Settlement::Theirs)) => format!("{by} took theirs into the stock"),
        (Some(_), Some(Settlement::Ours)) => format!("{by} said that ours is right"),
    };
    format!(
        "It should have shown {expected} and showed {observed}; no order explains it, and it was changed \
         {who}. Now: {now}."
    )
}

/// A page of cases: all by time, or the open ones by account and listing.
pub async fn list(
    engine: &Engine,
    is_open: Option<bool>,
    account: Option<&AccountId>,
    after: Option<Vec<u8>>,
    limit: usize,
) -> Result<Page<DriftView>, StoreError> {
    let only_open = is_open == Some(true);
    let mut walk = match (only_open, account) {
        (true, Some(account)) => {
            let below = prefix(&[account.as_str()]);
            Walk::new(engine, rows::OPEN_DRIFTS, below, after)
        }
        (true, None) => Walk::new(engine, rows::OPEN_DRIFTS, Vec::new(), after),
        (false, _) => Walk::new(engine, rows::DRIFTS, Vec::new(), after),
    };
    let mut items = Vec::new();
    while items.len() < limit {
        let Some((_, row)) = walk.next().await? else {
            break;
        };
        let drift: Option<Drift> = if only_open {
            let id: DriftId = rows::decode(rows::OPEN_DRIFTS, &row.value)?;
            read(engine, rows::DRIFTS, &[&id.to_string()]).await?
        } else {
            Some(rows::decode(rows::DRIFTS, &row.value)?)
        };
        let wanted = drift.filter(|drift| {
            let is_of = account.is_none_or(|account| *account == drift.account);
            is_of && is_open.is_none_or(|is_open| is_open == drift.closed_at.is_none())
        });
        items.extend(wanted.map(DriftView::of));
    }
    let next = walk.rest().await?;
    Ok(Page { items, next })
}

/// One case.
pub async fn one(engine: &Engine, id: DriftId) -> Result<Option<DriftView>, StoreError> {
    let drift: Option<Drift> = read(engine, rows::DRIFTS, &[&id.to_string()]).await?;
    Ok(drift.map(DriftView::of))
}

/// The breaker of an account, with what it holds.
pub async fn breaker(engine: &Engine, account: &Account) -> Result<BreakerView, StoreError> {
    let Breaker { source, writes, .. } = engine.breaker(account).await?;
    let mut view = BreakerView {
        account: account.id.clone(),
        source,
        writes,
        held_count: 0,
        held: Vec::new(),
    };
    for side in Side::ALL {
        let below = prefix(&[side.word(), account.id.as_str()]);
        view.held_count += count(engine, rows::HELD_OFFERS, below.clone()).await?;
        let mut walk = Walk::new(engine, rows::HELD_OFFERS, below, None);
        while view.held.len() < HELD_MAX {
            let Some((key, _)) = walk.next().await? else {
                break;
            };
            let listing = rows::last_part(&key);
            let parts = [account.id.as_str(), listing.as_str()];
            let offer: Option<Offer> = read(engine, rows::OFFERS, &parts).await?;
            view.held
                .extend(offer.map(|offer| held_listing(side, offer)));
        }
    }
    Ok(view)
}

fn held_listing(side: Side, offer: Offer) -> HeldListing {
    let units =
        |told: Option<domain::offer::Told>| told.map(|told| Units::new(told.quantity, offer.scale));
    HeldListing {
        side,
        shows: units(offer.believed),
        wanted: units(offer.wanted),
        since: offer.held.map(|held| held.at),
        listing: offer.listing,
        sku: offer.sku,
    }
}
