//! Which locations together send an order, and what to say of each.
//!
//! Locations stand in line by their marks, ground by ground. From the front of that line as many tiers
//! are taken as are needed to send all that can be sent; a tier ends where a ground that is more important
//! than the number of parcels differs. Within them the smallest group is sought, and among groups of one
//! size the one whose locations stand farthest ahead.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Quantity, Sku,
    locations::{Location, Ships},
    order::Order,
    stock::LocationId,
};

use super::{
    Ask, Behind, Criterion, Ground, Standing, Terms, Won,
    trial::{Manner, Trial},
};

/// The largest group that is sought among all groups of its size; larger ones are put together one by one.
const GROUP_MAX: usize = 3;
/// Among how many locations groups of three are sought.
const GROUPED_MAX: usize = 20;
/// How many groups are tried out.
const TRIALS_MAX: usize = 64;

/// A location that something can leave from.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) id: LocationId,
    /// One for each ground, the lower the better.
    pub(super) marks: Vec<u64>,
    /// How much of each item that is needed could leave from there alone.
    can: BTreeMap<Sku, Quantity>,
    /// How many whole units of lines.
    whole: i64,
    /// How much of all items together.
    loose: i64,
}

impl Candidate {
    fn alone(&self, manner: Manner) -> i64 {
        match manner {
            Manner::Whole => self.whole,
            Manner::Loose => self.loose,
        }
    }
}

/// The grounds in the order in which they count.
fn grounds(terms: Terms<'_>) -> Vec<Ground> {
    let said = terms.prefer.iter().map(|criterion| Ground::By(*criterion));
    let first = [Ground::Joins, Ground::Home].into_iter();
    first.chain(said).chain([Ground::Declared]).collect()
}

pub(super) fn candidate(
    trial: &Trial<'_>,
    order: &Order,
    at: &LocationId,
    terms: Terms<'_>,
) -> Candidate {
    let can: BTreeMap<Sku, Quantity> = trial
        .needed()
        .into_keys()
        .map(|sku| {
            let units = trial.can_send(&sku, at, terms.locations);
            (sku, units)
        })
        .collect();
    let alone = |manner| {
        let mut alone = trial.clone();
        alone.fill(&[at], manner, terms.locations);
        trial.left(manner).saturating_sub(alone.left(manner))
    };
    let (whole, loose) = (alone(Manner::Whole), alone(Manner::Loose));
    let lacks = loose < trial.left(Manner::Loose);
    let declared = terms.locations.get(at);
    let marks = grounds(terms).into_iter().map(|ground| match ground {
        Ground::Joins => u64::from(!trial.bound.contains(at)),
        Ground::Home => {
            let is_home = declared.is_some_and(|one| one.home_of.contains(&order.account));
            u64::from(!is_home)
        }
        Ground::By(Criterion::StoresLast) => {
            let is_last = declared.is_none_or(|one| one.ships == Ships::Last);
            u64::from(is_last && !terms.locations.declared().is_empty())
        }
        Ground::By(Criterion::FewestSplits) => u64::from(lacks),
        Ground::By(Criterion::SameCountry) => match (&order.destination, declared) {
            (Some(to), Some(one)) => u64::from(one.country.as_deref() != Some(to.country.as_str())),
            (_, None) => 1,
            (None, Some(_)) => 0,
        },
        Ground::By(Criterion::Nearest) => distance(order, declared),
        Ground::By(Criterion::Priority) => {
            declared.map_or(u64::from(u32::MAX), |one| u64::from(one.priority))
        }
        Ground::Declared => {
            let rank = terms.locations.rank(at, terms.home);
            u64::try_from(rank.2).unwrap_or(u64::MAX)
        }
    });
    Candidate {
        id: at.clone(),
        marks: marks.collect(),
        can,
        whole,
        loose,
    }
}

/// How far it is, in steps: the same region, a region that is said to be near, the same country, a country
/// that is said to be near, and everything else. All are as far where nobody knows where the order goes.
fn distance(order: &Order, declared: Option<&Location>) -> u64 {
    const STEP: u64 = 1000;
    let Some(to) = &order.destination else {
        return 0;
    };
    let goes_to = to.region.to_lowercase();
    let Some(one) = declared else {
        return STEP.saturating_mul(4);
    };
    let is_in_country = one.country.as_deref() == Some(to.country.as_str());
    let region = one.region.as_deref().unwrap_or_default();
    let is_in_region = !goes_to.is_empty() && region.trim().to_lowercase() == goes_to;
    let named = |is_meant: &dyn Fn(&str, Option<&str>) -> bool| {
        let mut near = one.near.iter().map(|near| match near.split_once('-') {
            Some((country, region)) => (country, Some(region)),
            None => (near.as_str(), None),
        });
        let place = near.position(|(country, region)| {
            country.eq_ignore_ascii_case(&to.country) && is_meant(country, region)
        });
        place.and_then(|place| u64::try_from(place).ok())
    };
    let near_region = named(&|_, region| {
        let region = region.map(|region| region.trim().to_lowercase());
        !goes_to.is_empty() && region.as_deref() == Some(goes_to.as_str())
    });
    let near_country = named(&|_, region| region.is_none());
    match (is_in_country && is_in_region, near_region, is_in_country) {
        (true, _, _) => 0,
        (false, Some(place), _) => STEP.saturating_add(place),
        (false, None, true) => STEP.saturating_mul(2),
        (false, None, false) => match near_country {
            Some(place) => STEP.saturating_mul(3).saturating_add(place),
            None => STEP.saturating_mul(4),
        },
    }
}

/// The locations that send it, in the order in which they are filled.
pub(super) fn choose<'c>(
    trial: &Trial<'_>,
    candidates: &'c [Candidate],
    manner: Manner,
    terms: Terms<'_>,
) -> Vec<&'c LocationId> {
    let left_after = |ids: &[&LocationId]| {
        let mut tried = trial.clone();
        tried.fill(ids, manner, terms.locations);
        tried.left(manner)
    };
    let least = left_after(&ids(candidates));
    let sent = trial.left(manner).saturating_sub(least);
    if sent == 0 {
        return Vec::new();
    }
    let grounds = grounds(terms);
    let parcels = Ground::By(Criterion::FewestSplits);
    let counting = grounds.iter().position(|ground| *ground == parcels);
    let ends = tiers(candidates, counting.unwrap_or(grounds.len()));
    let front = |end: usize| candidates.get(..end).unwrap_or_default();
    let enough = ends.partition_point(|end| left_after(&ids(front(*end))) > least);
    let allowed = front(ends.get(enough).copied().unwrap_or(candidates.len()));
    if counting.is_none() {
        return ids(allowed);
    }
    let mut tries = 0_usize;
    for size in 1..=GROUP_MAX {
        let may_send = |group: &Vec<&Candidate>| {
            let alone = group.iter().map(|one| one.alone(manner));
            alone.fold(0, i64::saturating_add) >= sent
        };
        for group in groups(allowed, size).into_iter().filter(may_send) {
            let ids: Vec<&LocationId> = group.iter().map(|one| &one.id).collect();
            tries = tries.saturating_add(1);
            if tries > TRIALS_MAX {
                break;
            }
            if left_after(&ids) == least {
                return ids;
            }
        }
    }
    one_by_one(trial, &ids(allowed), manner, terms)
}

fn ids(candidates: &[Candidate]) -> Vec<&LocationId> {
    candidates.iter().map(|one| &one.id).collect()
}

/// Where each tier ends: candidates of one tier have the same marks on the first grounds.
fn tiers(candidates: &[Candidate], grounds: usize) -> Vec<usize> {
    let ends = (1..=candidates.len()).filter(|end| {
        let marks = |index: usize| candidates.get(index).map(|one| one.marks.get(..grounds));
        marks(end.saturating_sub(1)) != marks(*end)
    });
    ends.collect()
}

/// All groups of one size, those whose members stand farthest ahead first.
fn groups(of: &[Candidate], size: usize) -> Vec<Vec<&Candidate>> {
    let mut groups: Vec<(usize, Vec<&Candidate>)> = vec![(0, Vec::new())];
    let is_sought = size < GROUP_MAX || of.len() <= GROUPED_MAX;
    for _ in (0..size).filter(|_| is_sought) {
        let longer = groups.iter().flat_map(|(next, group)| {
            let rest = of.iter().enumerate().skip(*next);
            rest.map(|(index, one)| {
                let mut longer = group.clone();
                longer.push(one);
                (index.saturating_add(1), longer)
            })
        });
        groups = longer.collect();
    }
    groups
        .into_iter()
        .map(|(_, group)| group)
        .filter(|group| group.len() == size)
        .collect()
}

/// Takes again and again the location that sends most of what is left.
fn one_by_one<'c>(
    trial: &Trial<'_>,
    from: &[&'c LocationId],
    manner: Manner,
    terms: Terms<'_>,
) -> Vec<&'c LocationId> {
    let mut so_far = trial.clone();
    let mut taken: Vec<&LocationId> = Vec::new();
    for _ in 0..from.len() {
        let others = from.iter().filter(|at| !taken.contains(*at));
        let with = others.map(|at| {
            let mut with = so_far.clone();
            with.fill(&[*at], manner, terms.locations);
            (at, with)
        });
        let best = with.min_by_key(|(_, with)| with.left(manner));
        match best {
            Some((at, with)) if with.left(manner) < so_far.left(manner) => {
                taken.push(at);
                so_far = with;
            }
            Some(_) | None => break,
        }
    }
    taken
}

/// What is said of a location that something could leave from.
pub(super) fn judge(
    trial: &Trial<'_>,
    one: &Candidate,
    candidates: &[Candidate],
    chosen: &BTreeSet<&LocationId>,
    ask: Ask<'_>,
    terms: Terms<'_>,
) -> Standing {
    let is_chosen = |other: &&Candidate| chosen.contains(&other.id);
    if chosen.contains(&one.id) {
        let next = candidates.iter().find(|other| !is_chosen(other));
        return Standing::Chosen(match (ask.at, next) {
            (Some(_), _) => Won::Named,
            (None, _) if chosen.len() > 1 => Won::Together {
                parcels: chosen.len(),
                is_fewest: terms.prefer.contains(&Criterion::FewestSplits),
            },
            (None, None) => Won::Only,
            (None, Some(next)) => match first_difference(one, next, terms) {
                Some((ground, true)) => Won::Before {
                    other: next.id.clone(),
                    ground,
                },
                Some((_, false)) | None => Won::OthersLack,
            },
        });
    }
    let needed = trial.needed();
    let lacking = one.can.iter().find_map(|(sku, can)| {
        let (needed, scale) = needed.get(sku)?;
        (can < needed).then(|| Behind::TooFew {
            sku: sku.clone(),
            can: can.to_decimal(*scale),
            needed: needed.to_decimal(*scale),
        })
    });
    let first = candidates.iter().find(is_chosen);
    let difference = first.and_then(|first| {
        let (ground, is_behind) = first_difference(first, one, terms)?;
        Some((first.id.clone(), ground, is_behind))
    });
    let is_of_parcels = |ground: Ground| ground == Ground::By(Criterion::FewestSplits);
    Standing::Behind(match (difference, lacking) {
        (Some((other, ground, true)), lacking) => match lacking.filter(|_| is_of_parcels(ground)) {
            Some(lacking) => lacking,
            None => Behind::After { other, ground },
        },
        (Some((_, _, false)) | None, Some(lacking)) => lacking,
        (Some((_, _, false)) | None, None) => Behind::MoreParcels,
    })
}

/// The first ground on which they differ, and whether the first of them is better on it.
fn first_difference(
    one: &Candidate,
    other: &Candidate,
    terms: Terms<'_>,
) -> Option<(Ground, bool)> {
    let marks = one.marks.iter().zip(&other.marks);
    let mut differing = grounds(terms).into_iter().zip(marks);
    let (ground, (mine, theirs)) = differing.find(|(_, (mine, theirs))| mine != theirs)?;
    Some((ground, mine < theirs))
}
