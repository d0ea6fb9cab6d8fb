//! Who sold what was not there, and whether somebody could have known.

use std::collections::BTreeMap;

use domain::{AccountId, Sku, Time};

use super::{Competing, Evidence, OrderName, Oversold, Reason};
use crate::TrueOrder;

/// An order in time, with what it takes from stock.
struct Sale<'a> {
    account: &'a AccountId,
    order: &'a TrueOrder,
    takes: BTreeMap<&'a Sku, Take<'a>>,
}

/// What an order takes of one good.
struct Take<'a> {
    /// The SKUs that were bought for it, itself or kits, with the units of the good in each.
    bought: BTreeMap<&'a Sku, i64>,
    /// Units of the good, when all of the order can be had.
    wished: i64,
    /// How many of them kits do without, because something is missing.
    kits_missing: i64,
}

impl Sale<'_> {
    fn name(&self) -> OrderName {
        (self.account.clone(), self.order.external_id.clone())
    }
}

/// What exceeds the stock is oversold by the order that exceeds it. A kit that stays without one
/// component is oversold too.
pub(super) fn oversold(evidence: &Evidence) -> Vec<Oversold> {
    let standing = sales(evidence, true);
    let ever = sales(evidence, false);
    let mut found: Vec<Oversold> = evidence
        .stock
        .keys()
        .flat_map(|good| {
            let may_owe = evidence.may_owe.get(good).copied().unwrap_or(0);
            let there = there(evidence, good) + may_owe;
            excess(evidence, &standing, (good, there), |take| {
                take.wished - take.kits_missing
            })
        })
        .collect();
    for sale in &standing {
        found.extend(kits_without(evidence, &standing, &ever, sale));
    }
    found.sort_by(|one, other| {
        (one.placed_at, &one.external_id, &one.sku).cmp(&(
            other.placed_at,
            &other.external_id,
            &other.sku,
        ))
    });
    found
}

/// The goods that a sale's kits lack. Units that a kit gives back are sold to others in good faith, so
/// it is excused by a sale that it could not know of or that could not know of it, canceled since or
/// not, and else by whoever exceeded the stock.
fn kits_without(
    evidence: &Evidence,
    standing: &[Sale<'_>],
    ever: &[Sale<'_>],
    sale: &Sale<'_>,
) -> Vec<Oversold> {
    let lacking = sale.takes.iter().filter(|(_, take)| take.kits_missing > 0);
    let mut entries: Vec<Oversold> = lacking
        .map(|(good, take)| {
            let unexplained = unexplained(sale, good, take.kits_missing);
            if is_early(evidence, sale) {
                return Oversold {
                    reason: Reason::NotCounted,
                    ..unexplained
                };
            }
            if let Some(other) = overlapping(evidence, ever, sale, good, take) {
                return Oversold {
                    competing: Some(other),
                    reason: Reason::PushLag,
                    ..unexplained
                };
            }
            if was_taken_off(evidence, sale, (good, take), take.kits_missing) {
                return Oversold {
                    reason: Reason::TakenOff,
                    ..unexplained
                };
            }
            // What may be owed is no part of a kit.
            let there = there(evidence, good);
            let first = excess(evidence, standing, (good, there), |take| take.wished);
            first
                .into_iter()
                .next()
                .map_or(unexplained, |excuse| Oversold {
                    units: take.kits_missing,
                    ..excuse.of(sale)
                })
        })
        .collect();
    // The components that are not scarce are missing only because another one is.
    entries.sort_by_key(|entry| entry.reason == Reason::Unexplained);
    let has_excuse = entries
        .first()
        .is_some_and(|entry| entry.reason != Reason::Unexplained);
    entries.retain(|entry| !has_excuse || entry.reason != Reason::Unexplained);
    entries
}

/// A sale of the same good, of which this one's channel had not been told when it was placed, or the
/// other way around.
fn overlapping(
    evidence: &Evidence,
    ever: &[Sale<'_>],
    sale: &Sale<'_>,
    good: &Sku,
    take: &Take<'_>,
) -> Option<Competing> {
    let knew = |by: &Sale<'_>, take: &Take<'_>, of: &Sale<'_>| {
        let known = evidence.known.get(&of.name());
        let told = known.and_then(|known| told_by(evidence, by.account, take, known.at));
        told.is_some_and(|at| at <= by.order.placed_at)
    };
    let other = ever.iter().find(|other| {
        let Some(theirs) = other.takes.get(good) else {
            return false;
        };
        if other.name() == sale.name() {
            return false;
        }
        if other.order.placed_at <= sale.order.placed_at {
            !knew(sale, take, other)
        } else {
            !knew(other, theirs, sale)
        }
    })?;
    Some(Competing {
        account: other.account.clone(),
        external_id: other.order.external_id.clone(),
        placed_at: other.order.placed_at,
    })
}

/// How many of a good there were in all.
fn there(evidence: &Evidence, good: &Sku) -> i64 {
    evidence.stock.get(good).copied().unwrap_or(0)
}

/// Walks through all sales of a good in the order of placing: those that exceed the stock.
fn excess(
    evidence: &Evidence,
    sales: &[Sale<'_>],
    (good, stock): (&Sku, i64),
    units: impl Fn(&Take<'_>) -> i64,
) -> Vec<Oversold> {
    let (mut sold, mut found) = (0, Vec::new());
    for (at, sale) in sales.iter().enumerate() {
        let Some(take) = sale.takes.get(good) else {
            continue;
        };
        let units = units(take);
        sold += units;
        let excess = (sold - stock).min(units);
        if excess > 0 {
            let earlier = sales.get(..at).unwrap_or_default();
            let (left, beyond) = (units - excess, sold - stock);
            found.push(Oversold {
                units: excess,
                ..explain(evidence, earlier, sale, (good, take), (left, beyond))
            });
        }
    }
    found
}

/// All sales in the order of placing: as far as they still stand, or as they were made.
fn sales(evidence: &Evidence, only_standing: bool) -> Vec<Sale<'_>> {
    let mut sales = Vec::new();
    for (account, truth) in &evidence.shops {
        for order in &truth.orders {
            let name = (account.clone(), order.external_id.clone());
            let counts = evidence.known.get(&name).is_none_or(|known| known.counts);
            let stands = !order.is_canceled && !order.is_deleted && counts;
            let lines = if stands || !only_standing {
                order.lines.iter().collect()
            } else {
                left(order, evidence.left.get(&name))
            };
            let takes = takes(evidence, &name, &lines);
            sales.push(Sale {
                account,
                order,
                takes,
            });
        }
    }
    sales.sort_by_key(|sale| (sale.order.placed_at, sale.name()));
    sales
}

/// What has left of an order that does not stand any more: by our book, which knows what was packed though
/// the shop canceled it, else by the shop's; all of it where that cannot say.
fn left<'a>(order: &'a TrueOrder, by_us: Option<&'a Vec<(Sku, u32)>>) -> Vec<&'a (Sku, u32)> {
    if let Some(lines) = by_us {
        return lines.iter().collect();
    }
    match order.shipments.iter().any(|parcel| parcel.lines.is_empty()) {
        true => order.lines.iter().collect(),
        false => order
            .shipments
            .iter()
            .flat_map(|parcel| &parcel.lines)
            .collect(),
    }
}

fn takes<'a>(
    evidence: &'a Evidence,
    name: &OrderName,
    lines: &[&'a (Sku, u32)],
) -> BTreeMap<&'a Sku, Take<'a>> {
    let mut takes: BTreeMap<&Sku, Take<'_>> = BTreeMap::new();
    for (bought, units) in lines {
        let units = i64::from(*units);
        let bill: Vec<(&Sku, i64)> = match evidence.bills.get(bought) {
            None => vec![(bought, 1)],
            Some(bill) => bill
                .iter()
                .map(|(good, per_unit)| (good, *per_unit))
                .collect(),
        };
        for (good, per_unit) in bill {
            let take = takes.entry(good).or_insert(Take {
                bought: BTreeMap::new(),
                wished: 0,
                kits_missing: 0,
            });
            *take.bought.entry(bought).or_default() += per_unit * units;
            take.wished += per_unit * units;
            if good != bought {
                let missing = evidence.missing.get(&(name.clone(), good.clone()));
                take.kits_missing = missing.copied().unwrap_or(0).min(per_unit * units);
            }
        }
    }
    takes
}

fn unexplained(sale: &Sale<'_>, good: &Sku, units: i64) -> Oversold {
    Oversold {
        sku: good.clone(),
        units,
        account: sale.account.clone(),
        external_id: sale.order.external_id.clone(),
        placed_at: sale.order.placed_at,
        competing: None,
        told_at: None,
        lag_ms: None,
        reason: Reason::Unexplained,
    }
}

impl Oversold {
    /// The same story, with another order to suffer from it.
    fn of(self, sale: &Sale<'_>) -> Oversold {
        Oversold {
            account: sale.account.clone(),
            external_id: sale.order.external_id.clone(),
            placed_at: sale.order.placed_at,
            ..self
        }
    }
}

/// Why a sale could exceed the stock, of which so many units were left for it, and beyond which so many
/// are sold with it.
fn explain(
    evidence: &Evidence,
    earlier: &[Sale<'_>],
    sale: &Sale<'_>,
    (good, take): (&Sku, &Take<'_>),
    (left, beyond): (i64, i64),
) -> Oversold {
    let placed_at = sale.order.placed_at;
    let known = |sale: &Sale<'_>| evidence.known.get(&sale.name()).copied();
    let told = |other: &Sale<'_>| told_by(evidence, sale.account, take, known(other)?.at);
    let rivals = || {
        earlier
            .iter()
            .filter(|other| other.takes.contains_key(good))
    };
    let untold = rivals().find(|other| told(other).is_none_or(|at| at > placed_at));
    let is_late = |sale: &Sale<'_>| known(sale).is_some_and(|known| known.expired_at.is_some());
    let bought = || take.bought.keys();
    let reason = if untold.is_some() {
        Reason::PushLag
    } else if bought().any(|sku| was_edited(evidence, sale.account, sku, placed_at)) {
        Reason::EditedByStaff
    } else if bought().any(|sku| was_restocked(evidence, sale.account, sku, placed_at)) {
        Reason::Restocked
    } else if is_late(sale) || rivals().any(is_late) {
        Reason::PaidLate
    } else if is_early(evidence, sale) || rivals().any(|rival| is_early(evidence, rival)) {
        Reason::NotCounted
    } else if rivals().any(|rival| was_short(evidence, rival, sale, (good, take))) {
        Reason::ShortBefore
    } else if was_taken_off(evidence, sale, (good, take), beyond) {
        Reason::TakenOff
    } else if lay_elsewhere(evidence, sale, good, beyond) {
        Reason::Elsewhere
    } else if take.bought.len() > 1 && take.bought.values().all(|units| *units <= left) {
        Reason::OneBasket
    } else {
        Reason::Unexplained
    };
    let told_at = untold.and_then(told);
    let lag = untold
        .zip(told_at)
        .map(|(other, at)| at.since(other.order.placed_at));
    Oversold {
        competing: untold.map(|other| Competing {
            account: other.account.clone(),
            external_id: other.order.external_id.clone(),
            placed_at: other.order.placed_at,
        }),
        told_at,
        lag_ms: lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        reason,
        ..unexplained(sale, good, 0)
    }
}

/// Whether a sale before was without a good when this one was placed, or had just been, so that it was
/// offered nevertheless: a kit gives the rest of its goods back, and what an account is short of may be there
/// for one that is served by other locations.
fn was_short(
    evidence: &Evidence,
    rival: &Sale<'_>,
    sale: &Sale<'_>,
    (good, take): (&Sku, &Take<'_>),
) -> bool {
    let placed_at = sale.order.placed_at;
    let has_kits = |rival: &Take<'_>| rival.bought.keys().any(|bought| *bought != good);
    let times = evidence.without.get(&(rival.name(), good.clone()));
    let is_open = |until| {
        told_by(evidence, sale.account, take, until).is_none_or(|told_at| told_at > placed_at)
    };
    let accounts = (rival.account.clone(), sale.account.clone());
    let is_offered =
        rival.takes.get(good).is_some_and(has_kits) || evidence.served_apart.contains(&accounts);
    is_offered
        && times
            .into_iter()
            .flatten()
            .any(|short| short.since <= placed_at && short.until.is_none_or(is_open))
}

/// Whether so many units were taken off sale, afterwards or before its channel was told.
fn was_taken_off(
    evidence: &Evidence,
    sale: &Sale<'_>,
    (good, take): (&Sku, &Take<'_>),
    units: i64,
) -> bool {
    let untold = evidence.taken_off.iter().filter(|one| {
        one.sku == *good
            && told_by(evidence, sale.account, take, one.at)
                .is_none_or(|at| at > sale.order.placed_at)
    });
    untold.map(|one| one.units).sum::<i64>() >= units
}

/// Whether so many units were handed over where none lay, out of the reach of its account.
fn lay_elsewhere(evidence: &Evidence, sale: &Sale<'_>, good: &Sku, units: i64) -> bool {
    let times = evidence
        .below_zero
        .get(&(sale.account.clone(), good.clone()));
    let before = times.map_or(&[][..], |times| {
        let end = times.partition_point(|(at, _)| *at <= sale.order.placed_at);
        times.get(..end).unwrap_or_default()
    });
    before.last().is_some_and(|(_, below)| *below >= units)
}

/// Whether it was placed before all of its goods were counted, or before its channel had been told
/// anything since: until then it shows whatever it showed before us.
fn is_early(evidence: &Evidence, sale: &Sale<'_>) -> bool {
    sale.takes.iter().any(|(good, take)| {
        evidence.counted_at.get(*good).is_some_and(|counted_at| {
            told_by(evidence, sale.account, take, *counted_at)
                .is_none_or(|told_at| sale.order.placed_at < told_at)
        })
    })
}

/// When an account had acknowledged levels, fixed after a time, of everything that was bought for a good.
fn told_by(evidence: &Evidence, account: &AccountId, take: &Take<'_>, since: Time) -> Option<Time> {
    let told: Option<Vec<Time>> = take
        .bought
        .keys()
        .map(|sku| first_told(evidence, account, sku, since))
        .collect();
    told?.into_iter().max()
}

/// When an account first acknowledged a level of a SKU that was fixed after this time. What is known in
/// the very millisecond may have come too late for it.
fn first_told(evidence: &Evidence, account: &AccountId, sku: &Sku, since: Time) -> Option<Time> {
    let pushes = evidence.pushes.iter();
    pushes
        .filter(|push| push.account == *account && push.sku == *sku && push.started_at > since)
        .map(|push| push.acknowledged_at)
        .min()
}

/// Whether staff edited a level before a time, and no level was fixed by us between the two.
fn was_edited(evidence: &Evidence, account: &AccountId, sku: &Sku, before: Time) -> bool {
    let edits = evidence.edits.iter();
    edits
        .filter(|edit| edit.account == *account && edit.sku == *sku)
        .any(|edit| stands(evidence, account, sku, edit.at, before))
}

/// Whether the shop put units back before a time, and no level was fixed by us between the two.
fn was_restocked(evidence: &Evidence, account: &AccountId, sku: &Sku, before: Time) -> bool {
    let restocks = evidence.shops.get(account).map(|truth| &truth.restocks);
    restocks
        .into_iter()
        .flatten()
        .filter(|restock| restock.sku == *sku)
        .any(|restock| stands(evidence, account, sku, restock.at, before))
}

/// Whether what changed a level at one time still stood at another: no level was fixed by us between.
fn stands(
    evidence: &Evidence,
    account: &AccountId,
    sku: &Sku,
    changed_at: Time,
    before: Time,
) -> bool {
    changed_at <= before
        && first_told(evidence, account, sku, changed_at).is_none_or(|at| at > before)
}
