//! The places where stock lies in a rehearsed evening, and what may be promised of it on which account.
//!
//! The second half reckons again what the domain reckons with masks of bits, in the plainest way: by sets.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, Quantity,
    locations::{Kind, Location, Locations, Ships},
    stock::{LocationId, Stock},
};
use fastrand::Rng;
use sandbox::Shop;

/// The usual place, where most lies; a second one that serves only some accounts; a counter that hands
/// over what tills sell and ships last; and a place that a channel runs, from which nobody picks.
pub(crate) fn locations(shops: &[(&'static str, Shop)], chance: &mut Rng) -> Locations {
    let accounts: Vec<(bool, AccountId)> = shops
        .iter()
        .map(|(channel, shop)| (*channel == "square", AccountId::new(&shop.name)))
        .collect();
    let (mut tills, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (is_till, account) in &accounts {
        match *is_till {
            true => tills.insert(account.clone()),
            false => others.insert(account.clone()),
        };
    }
    let all: Vec<AccountId> = accounts.into_iter().map(|(_, account)| account).collect();
    let some = all.iter().filter(|_| chance.bool()).cloned();
    let some: BTreeSet<AccountId> = some.chain(all.last().cloned()).collect();
    let ships = [Ships::Yes, Ships::Last];
    let ships = ships[chance.usize(0..ships.len())];
    // What lies at the counter may be for tills only, if the opening stock does not lie there.
    let is_stocked_by_till = shops
        .first()
        .is_some_and(|(channel, _)| *channel == "square");
    let counter = chance.bool().then(|| tills.clone());
    let counter = counter.filter(|tills| !tills.is_empty() && !is_stocked_by_till);
    Locations::new(vec![
        place(
            LocationId::default(),
            Kind::Warehouse,
            None,
            Ships::Yes,
            others,
        ),
        place(
            LocationId::new("annex"),
            Kind::Warehouse,
            Some(some),
            ships,
            BTreeSet::new(),
        ),
        place(
            LocationId::new("counter"),
            Kind::Store,
            counter,
            Ships::Last,
            tills,
        ),
        place(
            LocationId::new("hub"),
            Kind::Channel,
            Some(all.into_iter().take(1).collect()),
            Ships::Yes,
            BTreeSet::new(),
        ),
    ])
}

fn place(
    id: LocationId,
    kind: Kind,
    serves: Option<BTreeSet<AccountId>>,
    ships: Ships,
    home_of: BTreeSet<AccountId>,
) -> Location {
    Location {
        name: id.to_string(),
        id,
        kind,
        country: None,
        region: None,
        near: Vec::new(),
        priority: 0,
        serves,
        ships,
        home_of,
    }
}

/// The places that are ours, the usual one first; nothing where none has a name.
pub(crate) fn ours(locations: &Locations) -> Vec<LocationId> {
    let ours = locations.declared().iter();
    ours.filter(|one| one.kind != Kind::Channel)
        .map(|one| one.id.clone())
        .collect()
}

/// Which of the places at which an item lies, or from which it is to leave, serve an account.
fn area(locations: &Locations, stock: &Stock, account: &AccountId) -> BTreeSet<LocationId> {
    let present = stock.positions.keys().chain(stock.allocated.keys());
    let serving = present.filter(|id| {
        let declared = locations.declared().iter().find(|one| one.id == **id);
        let serves = declared.and_then(|one| one.serves.as_ref());
        serves.is_none_or(|only| only.contains(account))
    });
    serving.cloned().collect()
}

/// Every union of areas from which somebody who waits is served.
fn unions(areas: &BTreeSet<BTreeSet<LocationId>>) -> BTreeSet<BTreeSet<LocationId>> {
    let mut unions = BTreeSet::from([BTreeSet::new()]);
    for area in areas {
        let wider: Vec<BTreeSet<LocationId>> = unions.iter().map(|union| union | area).collect();
        unions.extend(wider);
    }
    unions
}

/// What is free in a part of the world, when all who wait and are served from nowhere else were given
/// theirs.
fn left_in(
    stock: &Stock,
    part: &BTreeSet<LocationId>,
    waiting: &[(BTreeSet<LocationId>, Quantity)],
) -> Quantity {
    let free: Quantity = part.iter().map(|id| stock.free_at(id)).sum();
    let owed = waiting.iter().filter(|(area, _)| area.is_subset(part));
    free.minus(owed.map(|(_, units)| *units).sum())
}

fn waiting(locations: &Locations, stock: &Stock) -> Vec<(BTreeSet<LocationId>, Quantity)> {
    let waiting = stock.pending_by.iter();
    let waiting = waiting.filter(|(_, units)| units.is_positive());
    waiting
        .map(|(account, units)| (area(locations, stock, account), *units))
        .collect()
}

/// What may still be promised on an account.
pub(crate) fn free_for(locations: &Locations, stock: &Stock, account: &AccountId) -> Quantity {
    let own = area(locations, stock, account);
    let waiting = waiting(locations, stock);
    let areas = waiting.iter().map(|(area, _)| area.clone()).collect();
    let parts = unions(&areas).into_iter().map(|union| &union | &own);
    let least = parts.map(|part| left_in(stock, &part, &waiting)).min();
    least.unwrap_or_default()
}

/// Where more is promised than lies there, and by how much.
pub(crate) fn too_much(
    locations: &Locations,
    stock: &Stock,
) -> BTreeMap<BTreeSet<LocationId>, Quantity> {
    let mut found = BTreeMap::new();
    for id in stock.allocated.keys() {
        let free = stock.free_at(id);
        if free < Quantity::ZERO {
            found.insert(BTreeSet::from([id.clone()]), free.negated());
        }
    }
    let waiting = waiting(locations, stock);
    let areas = waiting.iter().map(|(area, _)| area.clone()).collect();
    for part in unions(&areas) {
        let left = left_in(stock, &part, &waiting);
        let is_waited_for = waiting.iter().any(|(area, _)| area.is_subset(&part));
        if is_waited_for && left < Quantity::ZERO {
            found.insert(part, left.negated());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use domain::{Sku, stock::Condition};

    use super::*;

    fn set(ids: &[&str]) -> BTreeSet<LocationId> {
        ids.iter().map(|id| LocationId::new(*id)).collect()
    }

    #[test]
    fn what_serves_only_some_is_promised_to_nobody_else() {
        let accounts = |ids: &[&str]| ids.iter().map(|id| AccountId::new(*id)).collect();
        let locations = Locations::new(vec![
            place(
                LocationId::default(),
                Kind::Warehouse,
                None,
                Ships::Yes,
                BTreeSet::new(),
            ),
            place(
                LocationId::new("annex"),
                Kind::Warehouse,
                Some(accounts(&["web"])),
                Ships::Yes,
                BTreeSet::new(),
            ),
        ]);
        let mut stock = Stock::unknown(Sku::new("MUG").expect("a SKU"));
        let units = |units| BTreeMap::from([(Condition::Sellable, Quantity::of(units))]);
        stock.positions.insert(LocationId::default(), units(3));
        stock.positions.insert(LocationId::new("annex"), units(5));
        let (web, till) = (AccountId::new("web"), AccountId::new("till"));
        let free = |stock: &Stock, account| free_for(&locations, stock, account);
        assert_eq!(free(&stock, &web), Quantity::of(8));
        assert_eq!(free(&stock, &till), Quantity::of(3));
        // What waits on the web can leave from the annex, and leaves the till what it had.
        stock.pending_by.insert(web.clone(), Quantity::of(4));
        assert_eq!(free(&stock, &web), Quantity::of(4));
        assert_eq!(free(&stock, &till), Quantity::of(3));
        stock.pending_by.insert(till.clone(), Quantity::of(3));
        assert_eq!(free(&stock, &web), Quantity::of(1));
        assert_eq!(too_much(&locations, &stock), BTreeMap::new());
        stock.pending_by.insert(till, Quantity::of(4));
        let excess = BTreeMap::from([(set(&["main"]), Quantity::of(1))]);
        assert_eq!(too_much(&locations, &stock), excess);
        // And what is bound to a place where it does not lie.
        stock
            .allocated
            .insert(LocationId::new("annex"), Quantity::of(6));
        let found = too_much(&locations, &stock);
        assert_eq!(found[&set(&["annex"])], Quantity::of(1));
    }
}
