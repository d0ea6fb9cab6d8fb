//! Locations: which there are, which accounts each serves, and whether what is promised fits what lies
//! where.
//!
//! Pending claims fit when each of their units can be given a unit that lies at a location that serves
//! its account. By the theorem of Hall that is so exactly when, for every union of the areas from which
//! the waiting accounts are served, no more is pending within it than is free in it. The areas are few,
//! so all unions are looked at, and the answer is exact. Nothing here changes anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Quantity,
    stock::{LocationId, Stock},
};

/// The most locations that may be declared: each is a bit of a mask, and one bit stands for all others.
pub const LOCATIONS_MAX: usize = 60;
/// The most different areas that accounts may be served from: all unions of them are looked at.
pub const AREAS_MAX: usize = 10;
/// The bit of all locations that are not declared.
const UNDECLARED: u32 = 63;

/// What a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A place that goods are shipped from.
    Warehouse,
    /// A place where goods are sold over the counter.
    Store,
    /// A place that a channel runs, and ships from itself. We never pick there.
    Channel,
}

/// Whether orders are shipped from a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ships {
    /// They are.
    Yes,
    /// They are not.
    No,
    /// Only when the other locations together cannot.
    Last,
}

/// A location that the admin declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The admin's word for it.
    pub id: LocationId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
    /// State, province or county, as buyers write it.
    pub region: Option<String>,
    /// Countries, or `COUNTRY-REGION`, that are near, the nearest first.
    pub near: Vec<String>,
    /// The lower, the sooner it is chosen.
    pub priority: u32,
    /// The accounts that it serves; all where nothing is said.
    pub serves: Option<BTreeSet<AccountId>>,
    /// Whether orders are shipped from it.
    pub ships: Ships,
    /// What these accounts say has left, left from here: a till in it, a channel that runs it.
    pub home_of: BTreeSet<AccountId>,
}

impl Location {
    /// Whether its units may be sold on an account.
    pub fn serves(&self, account: &AccountId) -> bool {
        self.serves
            .as_ref()
            .is_none_or(|only| only.contains(account))
    }

    /// Whether we ship orders from it.
    pub fn is_picked(&self) -> bool {
        self.kind != Kind::Channel && self.ships != Ships::No
    }
}

/// All locations that are declared, in the order in which they are. Where none is, any word names a
/// location, and each serves all accounts.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    declared: Arc<Vec<Location>>,
}

impl Locations {
    /// Takes them as declared: at most [`LOCATIONS_MAX`].
    pub fn new(declared: Vec<Location>) -> Locations {
        assert!(
            declared.len() <= LOCATIONS_MAX,
            "at most {LOCATIONS_MAX} locations"
        );
        Locations {
            declared: Arc::new(declared),
        }
    }

    /// Those that are declared.
    pub fn declared(&self) -> &[Location] {
        &self.declared
    }

    /// One that is declared.
    pub fn get(&self, id: &LocationId) -> Option<&Location> {
        self.declared.iter().find(|location| location.id == *id)
    }

    /// Whether stock may be put there: where nothing is declared, any word will do.
    pub fn knows(&self, id: &LocationId) -> bool {
        self.declared.is_empty() || self.get(id).is_some()
    }

    /// Whether units that lie there may be sold on an account. What lies at a location that is not
    /// declared any more is not forgotten: it serves all.
    pub fn serves(&self, id: &LocationId, account: &AccountId) -> bool {
        self.get(id).is_none_or(|location| location.serves(account))
    }

    /// Whether we ship orders from it.
    pub fn is_picked(&self, id: &LocationId) -> bool {
        self.get(id).is_none_or(Location::is_picked)
    }

    /// Where stock lies when nobody says otherwise: the first that is ours.
    pub fn home(&self) -> LocationId {
        let ours = self.declared.iter().find(|one| one.kind != Kind::Channel);
        ours.map(|location| location.id.clone()).unwrap_or_default()
    }

    /// The location that an account hands over from, if it is said.
    pub fn home_of(&self, account: &AccountId) -> Option<&LocationId> {
        let home = self
            .declared
            .iter()
            .find(|one| one.home_of.contains(account));
        home.map(|location| &location.id)
    }

    /// Which location is chosen before others when nothing else is known of an order: those that ship
    /// last come last, then by priority, then in the order of the declaration; what is not declared
    /// comes last of all, but for the usual place.
    pub fn rank(&self, id: &LocationId, home: &LocationId) -> (bool, u32, usize, bool) {
        match self.declared.iter().position(|one| one.id == *id) {
            Some(index) => {
                let location = self.declared.get(index);
                let is_last = location.is_some_and(|one| one.ships == Ships::Last);
                let priority = location.map_or(u32::MAX, |one| one.priority);
                (is_last, priority, index, false)
            }
            None => (true, u32::MAX, usize::MAX, id != home),
        }
    }

    /// What may still be promised on an account, so that all that is pending elsewhere still fits. Below
    /// zero when more left than was there.
    pub fn sellable(&self, stock: &Stock, account: &AccountId) -> Quantity {
        let room = self.room(stock);
        let own = self.area(account) & room.present;
        let least = room.unions(own).into_iter().map(|u| room.slack(u)).min();
        least.unwrap_or_default()
    }

    /// How much of an account's pending units may be bound to a location, so that all that stays pending
    /// still fits.
    pub fn allocatable(&self, stock: &Stock, account: &AccountId, at: &LocationId) -> Quantity {
        if !self.serves(at, account) {
            return Quantity::ZERO;
        }
        let room = self.room(stock);
        let (own, bit) = (self.area(account) & room.present, self.bit(at));
        let pending = stock.pending_by.get(account).copied().unwrap_or_default();
        let least = room
            .unions(0)
            .into_iter()
            .filter(|union| union & bit != 0 && union & own != own)
            .map(|union| room.slack(union))
            .min();
        let free = stock.free_at(at);
        let most = least.map_or(free, |least| least.min(free));
        most.min(pending).or_zero()
    }

    /// How many units may be taken from a location, perhaps to another, so that all that is pending still
    /// fits and what is bound to leave from there still can.
    pub fn movable(&self, stock: &Stock, from: &LocationId, to: Option<&LocationId>) -> Quantity {
        let room = self.room(stock);
        let (from_bit, to_bit) = (self.bit(from), to.map_or(0, |to| self.bit(to)));
        let unions = room.unions(0).into_iter();
        let least = unions
            .filter(|union| union & from_bit != 0 && union & to_bit == 0)
            .filter(|union| room.areas.keys().any(|area| area & !union == 0))
            .map(|union| room.slack(union))
            .min();
        let free = stock.free_at(from);
        least.map_or(free, |least| least.min(free)).or_zero()
    }

    /// Where too much is promised: the accounts that are served from nowhere else, those locations, and by
    /// how much. Nothing when all that is pending fits.
    pub fn excess(&self, stock: &Stock) -> Option<Excess> {
        let room = self.room(stock);
        let (slack, union) = room
            .unions(0)
            .into_iter()
            .filter(|union| room.areas.iter().any(|(area, _)| area & !union == 0))
            .map(|union| (room.slack(union), union))
            .min()?;
        let units = slack.negated();
        let excess = Excess {
            units,
            union,
            present: room.present,
        };
        units.is_positive().then_some(excess)
    }

    /// Whether an account is served from within an excess and from nowhere else.
    pub fn is_within(&self, excess: &Excess, account: &AccountId) -> bool {
        self.area(account) & excess.present & !excess.union == 0
    }

    /// Whether a location is in an excess.
    pub fn is_in(&self, excess: &Excess, at: &LocationId) -> bool {
        self.bit(at) & excess.union != 0
    }

    /// How many different areas these accounts are served from.
    pub fn count_areas<'a>(&self, accounts: impl Iterator<Item = &'a AccountId>) -> usize {
        let areas: BTreeSet<u64> = accounts.map(|account| self.area(account)).collect();
        areas.len()
    }

    fn bit(&self, id: &LocationId) -> u64 {
        let index = self
            .declared
            .iter()
            .position(|location| location.id == *id)
            .and_then(|index| u32::try_from(index).ok());
        1_u64
            .checked_shl(index.unwrap_or(UNDECLARED))
            .unwrap_or_default()
    }

    /// From where an account is served.
    fn area(&self, account: &AccountId) -> u64 {
        let serving = self.declared.iter().filter(|one| one.serves(account));
        let others = 1_u64.checked_shl(UNDECLARED).unwrap_or_default();
        serving.fold(others, |area, location| area | self.bit(&location.id))
    }

    fn room(&self, stock: &Stock) -> Room {
        let mut free: BTreeMap<u64, Quantity> = BTreeMap::new();
        for id in stock.locations() {
            let slot = free.entry(self.bit(id)).or_default();
            *slot = slot.plus(stock.free_at(id));
        }
        let present = free.keys().fold(0, |mask, bit| mask | bit);
        let mut areas: BTreeMap<u64, Quantity> = BTreeMap::new();
        let mut unattributed = stock.pending;
        for (account, pending) in &stock.pending_by {
            if pending.is_positive() {
                let slot = areas.entry(self.area(account) & present).or_default();
                *slot = slot.plus(*pending);
            }
            unattributed = unattributed.minus(*pending);
        }
        if unattributed.is_positive() {
            let slot = areas.entry(present).or_default();
            *slot = slot.plus(unattributed);
        }
        Room {
            free,
            areas,
            present,
        }
    }
}

/// Locations at which more is promised than is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// By how much.
    pub units: Quantity,
    union: u64,
    present: u64,
}

/// The free units of one item by location, and its pending ones by the area that they are served from.
struct Room {
    free: BTreeMap<u64, Quantity>,
    areas: BTreeMap<u64, Quantity>,
    present: u64,
}

impl Room {
    /// All unions of areas with this one.
    fn unions(&self, own: u64) -> BTreeSet<u64> {
        let mut unions = BTreeSet::from([own]);
        for area in self.areas.keys() {
            let more: Vec<u64> = unions.iter().map(|union| union | area).collect();
            unions.extend(more);
        }
        unions
    }

    /// What is free in a union beyond what is pending within it.
    fn slack(&self, union: u64) -> Quantity {
        let free = self.free.iter().filter(|(bit, _)| *bit & union != 0);
        let pending = self.areas.iter().filter(|(area, _)| *area & !union == 0);
        let free: Quantity = free.map(|(_, units)| *units).sum();
        free.minus(pending.map(|(_, units)| *units).sum())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Sku, Time,
        ids::{IdSource, OrderId},
        stock::{Claim, Condition},
    };

    const PLACES: [&str; 4] = ["berlin", "paris", "till", "fba"];
    const ACCOUNTS: [&str; 3] = ["web", "market", "amazon"];

    fn location(name: &str, serves: Option<&[&str]>) -> Location {
        Location {
            id: LocationId::new(name),
            name: name.to_owned(),
            kind: Kind::Warehouse,
            country: None,
            region: None,
            near: Vec::new(),
            priority: 0,
            serves: serves.map(|only| only.iter().map(|id| AccountId::new(*id)).collect()),
            ships: Ships::Yes,
            home_of: BTreeSet::new(),
        }
    }

    fn sku() -> Sku {
        "MUG".parse().expect("a SKU")
    }

    /// What is free at each place, and what waits on each account.
    fn stock(free: &[i32], pending: &[i32]) -> Stock {
        let mut stock = Stock::unknown(sku());
        stock.is_counted = true;
        for (place, units) in PLACES.iter().zip(free) {
            let lying = BTreeMap::from([(Condition::Sellable, Quantity::of(*units))]);
            stock.positions.insert(LocationId::new(*place), lying);
        }
        let mut ids = IdSource::new(Time::EPOCH, [1; 16]);
        for (account, units) in ACCOUNTS.iter().zip(pending) {
            let claim = Claim {
                order: OrderId::next(&mut ids),
                line: 1,
                sku: sku(),
                account: AccountId::new(*account),
                placed_at: Time::EPOCH,
                claimed: Quantity::of(*units),
                released: Quantity::ZERO,
                expired: Quantity::ZERO,
                consumed: Quantity::ZERO,
                places: BTreeMap::new(),
            };
            stock.reclaim(None, &claim);
        }
        stock
    }

    /// Gives one unit after the other a place, in every way.
    fn fits(locations: &Locations, free: &mut [i32], units: &[&str]) -> bool {
        let Some((account, rest)) = units.split_first() else {
            return true;
        };
        (0..free.len()).any(|at| {
            let place = LocationId::new(PLACES[at]);
            if free[at] <= 0 || !locations.serves(&place, &AccountId::new(*account)) {
                return false;
            }
            free[at] -= 1;
            let all = fits(locations, free, rest);
            free[at] += 1;
            all
        })
    }

    fn units_of(pending: &[i32]) -> Vec<&'static str> {
        let each = ACCOUNTS.iter().zip(pending);
        each.flat_map(|(account, units)| {
            std::iter::repeat_n(*account, usize::try_from(*units).expect("not negative"))
        })
        .collect()
    }

    fn areas() -> impl Strategy<Value = Vec<Option<Vec<&'static str>>>> {
        let area = proptest::option::of(proptest::sample::subsequence(ACCOUNTS.to_vec(), 1..=3));
        proptest::collection::vec(area, 3..=4)
    }

    proptest! {
        #[test]
        fn it_is_as_if_every_unit_had_been_given_a_place(
            areas in areas(),
            free in proptest::collection::vec(0..4_i32, 4),
            pending in proptest::collection::vec(0..3_i32, 3),
        ) {
            // The last place may be one that is not declared.
            let declared = PLACES.iter().zip(&areas);
            let declared = declared.map(|(name, area)| location(name, area.as_deref()));
            let locations = Locations::new(declared.collect());
            let stock = stock(&free, &pending);
            let units = units_of(&pending);
            let is_fitting = fits(&locations, &mut free.clone(), &units);
            prop_assert_eq!(locations.excess(&stock).is_none(), is_fitting);
            if !is_fitting {
                return Ok(());
            }
            for account in ACCOUNTS {
                let mut more = units.clone();
                let mut count = -1;
                while fits(&locations, &mut free.clone(), &more) {
                    more.push(account);
                    count += 1;
                }
                let sellable = locations.sellable(&stock, &AccountId::new(account));
                prop_assert_eq!(sellable, Quantity::of(count), "sellable on {}", account);
            }
            for (at, place) in PLACES.iter().enumerate() {
                for account in ACCOUNTS {
                    let id = AccountId::new(account);
                    let place = LocationId::new(*place);
                    let (mut rest, mut left) = (units.clone(), free.clone());
                    let mut count = 0;
                    while let Some(found) = rest.iter().position(|one| *one == account) {
                        rest.remove(found);
                        left[at] -= 1;
                        let is_allowed = left[at] >= 0 && locations.serves(&place, &id);
                        if !is_allowed || !fits(&locations, &mut left.clone(), &rest) {
                            break;
                        }
                        count += 1;
                    }
                    let most = locations.allocatable(&stock, &id, &place);
                    prop_assert_eq!(most, Quantity::of(count), "{} to {}", account, place);
                }
            }
        }
    }

    #[test]
    fn where_nothing_is_declared_all_places_serve_all() {
        let locations = Locations::default();
        let stock = stock(&[5, -2, 1, 0], &[1, 0, 0]);
        for account in ACCOUNTS {
            let account = AccountId::new(account);
            assert_eq!(locations.sellable(&stock, &account), stock.sellable());
        }
        assert_eq!(stock.sellable(), Quantity::of(3));
        assert_eq!(locations.home(), LocationId::default());
        assert!(locations.knows(&LocationId::new("attic")));
    }

    #[test]
    fn a_row_from_before_there_were_locations_is_read_and_counts_for_all() {
        let old = r#"{"sku":"MUG","is_counted":true,"positions":{"main":{"sellable":5}},
                      "allocated":{},"pending":2}"#;
        let mut stock: Stock = serde_json::from_str(old).expect("it can be read");
        assert!(!stock.is_attributed());
        let locations = Locations::new(vec![location("berlin", Some(&["web"]))]);
        let web = AccountId::new("web");
        assert_eq!(locations.sellable(&stock, &web), Quantity::of(3));
        let claim = r#"{"order":"ord_00000000000070008000000000000001","line":1,"sku":"MUG",
                        "account":"web","placed_at":"2026-11-21T12:00:00Z","claimed":2,"released":0,
                        "expired":0,"consumed":0,"location":null}"#;
        let claim: Claim = serde_json::from_str(claim).expect("it can be read");
        stock.attribute([claim].iter());
        assert!(stock.is_attributed());
        assert_eq!(stock.pending_by[&web], Quantity::of(2));
    }
}
