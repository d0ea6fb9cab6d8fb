//! Which location an order leaves from, and why.
//!
//! A plan gives pending units of an order a location each, and says of every location why it was chosen,
//! came after another, or is out. Units are only given a location where all that stays pending still
//! fits (see [`crate::locations`]). Nothing here changes anything; start reading at [`plan`].

mod choose;
mod trial;
mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Decimal, Quantity, Sku,
    book::Book,
    locations::{Kind, Location, Locations, Ships},
    order::Order,
    stock::{LocationId, Stock},
};

use choose::Candidate;
use trial::{Manner, Trial};

/// What makes one location come before another. Which of them count, and in which order, the admin says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// What ships last is chosen only when the others together cannot.
    StoresLast,
    /// The fewer parcels, the better.
    FewestSplits,
    /// It is in the country that the order goes to.
    SameCountry,
    /// It is near to where the order goes.
    Nearest,
    /// Its priority is a lower number.
    Priority,
}

impl Criterion {
    /// All of them, in the order in which most merchants want them.
    pub const ALL: [Criterion; 5] = [
        Criterion::StoresLast,
        Criterion::FewestSplits,
        Criterion::SameCountry,
        Criterion::Nearest,
        Criterion::Priority,
    ];

    /// The word for it, as in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Criterion::StoresLast => "stores_last",
            Criterion::FewestSplits => "fewest_splits",
            Criterion::SameCountry => "same_country",
            Criterion::Nearest => "nearest",
            Criterion::Priority => "priority",
        }
    }
}

/// When locations are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// As soon as an order can be shipped, where more than one location is declared.
    Ready,
    /// When a person says so.
    #[default]
    ByHand,
}

/// How locations are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// When.
    pub when: When,
    /// What counts, the most important first.
    pub prefer: Vec<Criterion>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            when: When::ByHand,
            prefer: Criterion::ALL.to_vec(),
        }
    }
}

/// What a plan is made by.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Where stock can lie.
    pub locations: &'a Locations,
    /// Where it lies when nobody says otherwise.
    pub home: &'a LocationId,
    /// What counts, the most important first.
    pub prefer: &'a [Criterion],
}

/// What is to be placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Only this line; all where nothing is said.
    pub line: Option<u32>,
    /// Only this location, and what is bound elsewhere comes there too.
    pub at: Option<&'a LocationId>,
}

/// Which units leave from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Units that are pending, and where each would leave from.
    pub parts: Vec<Part>,
    /// Units that are bound elsewhere, and would not be any more.
    pub freed: Vec<Part>,
    /// Units that no location can take.
    pub unplaced: Vec<Unplaced>,
    /// What was thought of every location, those that are chosen first; of the one that is named only.
    pub places: Vec<Judged>,
}

/// Units of a line at a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// Where.
    pub location: LocationId,
    /// How many.
    pub units: Quantity,
}

/// Promised units that stay without a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Of which line.
    pub line: u32,
    /// Of what.
    pub sku: Sku,
    /// How many.
    pub units: Quantity,
}

/// What was thought of a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Which.
    pub location: LocationId,
    /// What.
    pub standing: Standing,
}

/// Whether units leave from a location, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Chosen(Won),
    /// They do not: others come before it.
    Behind(Behind),
    /// They cannot.
    Out(Out),
}

/// Why a location was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Won {
    /// A person named it.
    Named,
    /// No other can send anything of it.
    Only,
    /// It comes before all others.
    Before {
        /// The next best.
        other: LocationId,
        /// By what.
        ground: Ground,
    },
    /// Those that would come before it have too few, even together.
    OthersLack,
    /// None has all of it.
    Together {
        /// How many locations send something.
        parcels: usize,
        /// Whether fewer would not have done.
        is_fewest: bool,
    },
}

/// Why a location was not chosen, although something could leave from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Another one comes before it.
    After {
        /// Which.
        other: LocationId,
        /// By what.
        ground: Ground,
    },
    /// It cannot send enough.
    TooFew {
        /// Of what.
        sku: Sku,
        /// How many could leave from it.
        can: Decimal,
        /// How many are to leave.
        needed: Decimal,
    },
    /// With it, there would be more parcels.
    MoreParcels,
}

/// Why nothing can leave from a location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// It is not for this account.
    NotServing(AccountId),
    /// Its channel ships from it.
    RunByChannel,
    /// Orders are not shipped from it.
    DoesNotShip,
    /// Something of the order was not found there.
    NotFound,
    /// Nothing that is needed lies there, or all of it leaves for other orders.
    NothingFree(BTreeSet<Sku>),
    /// What is free there is needed by orders that are served from nowhere else.
    NeededByOthers(BTreeSet<Sku>),
}

/// By what one location comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// Other units of the order leave from there.
    Joins,
    /// The account hands over there.
    Home,
    /// One of those that the admin says.
    By(Criterion),
    /// It stands before the other in the configuration.
    Declared,
}

/// Makes a plan for the units of an order that are promised and have no location.
pub fn plan(book: &Book, order: &Order, ask: Ask<'_>, terms: Terms<'_>) -> Plan {
    let mut trial = Trial::new(book, order, ask);
    let known = match ask.at {
        Some(named) => vec![named.clone()],
        None => known_locations(&trial, terms.locations),
    };
    let outs: Vec<Option<Out>> = known
        .iter()
        .map(|at| out(&trial, order, at, ask, terms))
        .collect();
    let mut candidates: Vec<Candidate> = known
        .iter()
        .zip(&outs)
        .filter(|(_, out)| out.is_none())
        .map(|(at, _)| choose::candidate(&trial, order, at, terms))
        .collect();
    candidates.sort_by(|one, other| (&one.marks, &one.id).cmp(&(&other.marks, &other.id)));
    let before = trial.clone();
    for manner in [Manner::Whole, Manner::Loose] {
        let chosen = choose::choose(&trial, &candidates, manner, terms);
        trial.fill(&chosen, manner, terms.locations);
    }
    let chosen: BTreeSet<&LocationId> = trial.parts.iter().map(|part| &part.location).collect();
    let mut places: Vec<Judged> = candidates
        .iter()
        .map(|one| Judged {
            location: one.id.clone(),
            standing: choose::judge(&before, one, &candidates, &chosen, ask, terms),
        })
        .collect();
    places.sort_by_key(|judged| !chosen.contains(&judged.location));
    let away = known.iter().zip(outs).filter_map(|(at, out)| {
        let standing = Standing::Out(out?);
        let location = at.clone();
        Some(Judged { location, standing })
    });
    places.extend(away);
    Plan {
        unplaced: trial.unplaced(),
        parts: trial.parts,
        freed: trial.freed,
        places,
    }
}

impl Plan {
    /// Why units leave from a location, in words that follow a colon.
    pub fn because(&self, at: &LocationId) -> String {
        let judged = self.places.iter().find(|judged| judged.location == *at);
        judged.map_or_else(String::new, |judged| judged.standing.to_string())
    }
}

/// The locations that are declared, in their order, and those at which something of it lies besides.
fn known_locations(trial: &Trial<'_>, locations: &Locations) -> Vec<LocationId> {
    let declared = locations.declared().iter().map(|one| one.id.clone());
    let mut known: Vec<LocationId> = declared.collect();
    let mut others: BTreeSet<LocationId> = BTreeSet::new();
    for stock in trial.stock.values() {
        let lying = stock.locations().into_iter();
        let lying = lying.filter(|at| locations.get(at).is_none());
        others.extend(lying.filter(|at| !stock.on_hand_at(at).is_zero()).cloned());
    }
    known.extend(others);
    known
}

/// Why nothing can leave from there.
fn out(
    trial: &Trial<'_>,
    order: &Order,
    at: &LocationId,
    ask: Ask<'_>,
    terms: Terms<'_>,
) -> Option<Out> {
    let declared = terms.locations.get(at);
    if !terms.locations.serves(at, &order.account) {
        return Some(Out::NotServing(order.account.clone()));
    }
    if declared.is_some_and(|one| one.kind == Kind::Channel) {
        return Some(Out::RunByChannel);
    }
    let is_home = |one: &Location| one.home_of.contains(&order.account);
    let stays = |one: &Location| one.ships == Ships::No && !is_home(one);
    if declared.is_some_and(stays) && ask.at.is_none() {
        return Some(Out::DoesNotShip);
    }
    if order.not_found_at.contains(at) && ask.at.is_none() {
        return Some(Out::NotFound);
    }
    let needed = trial.needed();
    let is_free = |stock: &Stock| stock.free_at(at).is_positive();
    let free: BTreeSet<Sku> = needed
        .iter()
        .filter(|(sku, _)| trial.stock.get(*sku).is_some_and(is_free))
        .map(|(sku, _)| sku.clone())
        .collect();
    if free.is_empty() {
        return Some(Out::NothingFree(needed.into_keys().collect()));
    }
    let can = |sku: &Sku| trial.can_send(sku, at, terms.locations).is_positive();
    if free.iter().any(can) {
        return None;
    }
    Some(Out::NeededByOthers(free))
}
