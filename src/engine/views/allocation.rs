//! Where an order would leave from, and why: a plan that changes nothing.

use domain::{
    AccountId, Quantity, Sku,
    allocation::{self, Ask, Part, Standing, Terms, When},
    book::{Book, ClaimKey},
    decide::Refusal,
    ids::OrderId,
    order::Phase,
    signal::{Command, Signal},
    stock::{Claim, LocationId},
};
use serde::Serialize;

use super::Units;
use crate::{Engine, decider::DecideError, shelf::Shelf};

/// What choosing locations for an order would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AllocationView {
    /// Of which order.
    pub order: OrderId,
    /// The number that people know.
    pub number: String,
    /// Where it was placed.
    pub account: AccountId,
    /// Where it is in its life.
    pub phase: Phase,
    /// `ready` when locations are chosen by themselves, else `by_hand`.
    pub when: &'static str,
    /// What counts, the most important first.
    pub prefer: Vec<&'static str>,
    /// Who took its locations back, so that none is chosen by itself.
    pub unplaced_by: Option<String>,
    /// What leaves from where by now.
    pub bound: Vec<PartView>,
    /// What would leave from where besides.
    pub parts: Vec<PartView>,
    /// What would not leave from there any more.
    pub freed: Vec<PartView>,
    /// What would stay without a location.
    pub unplaced: Vec<UnplacedView>,
    /// What is to be said of each location.
    pub places: Vec<JudgedView>,
}

/// Units of a line that leave from a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartView {
    /// Of which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// From where.
    pub location: LocationId,
    /// How many.
    pub units: Units,
}

/// Units of a line without a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnplacedView {
    /// Of which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// How many.
    pub units: Units,
}

/// What is to be said of a location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgedView {
    /// Which.
    pub location: LocationId,
    /// What people call it.
    pub name: String,
    /// `chosen`, `behind` or `out`.
    pub standing: &'static str,
    /// Why.
    pub reason: String,
}

impl PartView {
    /// Where the units of a claim leave from.
    pub(crate) fn of_claim(key: &ClaimKey, claim: &Claim, scale: u8) -> Vec<PartView> {
        let places = claim.places.iter();
        let view = |(at, units): (&LocationId, &Quantity)| PartView {
            line: key.line,
            sku: key.sku.clone(),
            location: at.clone(),
            units: Units::new(*units, scale),
        };
        places.map(view).collect()
    }
}

/// Says what choosing locations would do, and why, and changes nothing.
pub async fn plan(
    engine: &Engine,
    order: OrderId,
    line: Option<u32>,
    location: Option<LocationId>,
) -> Result<AllocationView, DecideError> {
    let policy = engine.decider.policy();
    let asked = Signal::Command(Command::Allocate {
        order,
        line,
        location: location.clone(),
        by: String::new(),
    });
    let shelf = Shelf::load(engine.store.as_ref(), &asked, &[]).await?;
    let book = &shelf.book;
    let found = book.orders.get(&order).ok_or(Refusal::NoOrder(order))?;
    if let Some(line) = line.filter(|line| found.line(*line).is_none()) {
        return Err(Refusal::NoLine { order, line }.into());
    }
    if let Some(location) = location.as_ref().filter(|at| !policy.locations.knows(at)) {
        let known = policy.locations.declared().iter();
        let (location, known) = (location.clone(), known.map(|one| one.id.clone()).collect());
        return Err(Refusal::NoLocation { location, known }.into());
    }
    let terms = Terms {
        locations: &policy.locations,
        home: &policy.home,
        prefer: &policy.allocation.prefer,
    };
    let at = location.as_ref();
    let plan = allocation::plan(book, found, Ask { line, at }, terms);
    let scale = |sku: &Sku| book.items.get(sku).map_or(0, |item| item.scale);
    let part = |part: &Part| PartView {
        line: part.line,
        sku: part.sku.clone(),
        location: part.location.clone(),
        units: Units::new(part.units, scale(&part.sku)),
    };
    let unplaced = plan.unplaced.iter().map(|part| UnplacedView {
        line: part.line,
        sku: part.sku.clone(),
        units: Units::new(part.units, scale(&part.sku)),
    });
    let judged = plan.places.iter().map(|one| JudgedView {
        location: one.location.clone(),
        name: match policy.locations.get(&one.location) {
            Some(declared) => declared.name.clone(),
            None => one.location.to_string(),
        },
        standing: match one.standing {
            Standing::Chosen(_) => "chosen",
            Standing::Behind(_) => "behind",
            Standing::Out(_) => "out",
        },
        reason: one.standing.to_string(),
    });
    let prefer = policy.allocation.prefer.iter();
    Ok(AllocationView {
        order,
        number: found.number.clone(),
        account: found.account.clone(),
        phase: found.phase(book.is_short(found)),
        when: match policy.allocation.when {
            When::Ready if policy.locations.declared().len() > 1 => "ready",
            When::Ready | When::ByHand => "by_hand",
        },
        prefer: prefer.map(|criterion| criterion.word()).collect(),
        unplaced_by: found.unplaced_by.clone(),
        bound: bound(book, order, &scale),
        parts: plan.parts.iter().map(part).collect(),
        freed: plan.freed.iter().map(part).collect(),
        unplaced: unplaced.collect(),
        places: judged.collect(),
    })
}

fn bound(book: &Book, order: OrderId, scale: &dyn Fn(&Sku) -> u8) -> Vec<PartView> {
    let claims = book.claims.iter().filter(|(key, _)| key.order == order);
    let mut bound: Vec<PartView> = claims
        .flat_map(|(key, claim)| PartView::of_claim(key, claim, scale(&key.sku)))
        .collect();
    bound.sort_by(|one, other| (one.line, &one.sku).cmp(&(other.line, &other.sku)));
    bound
}
