//! Where stock can lie: the locations as declared, and those that stock was put at before.

use std::collections::BTreeSet;

use domain::{
    AccountId,
    locations::{Kind, Location, Ships},
    stock::{LocationId, Stock},
};
use serde::Serialize;

use super::{Page, StoreError, Walk};
use crate::{Engine, rows};

/// A location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// The admin's word for it.
    pub id: LocationId,
    /// What people call it.
    pub name: String,
    /// `warehouse`, `store` or `channel`.
    pub kind: &'static str,
    /// Where it is.
    pub country: Option<String>,
    /// The same, closer.
    pub region: Option<String>,
    /// What it is near to.
    pub near: Vec<String>,
    /// The lower, the sooner it is chosen.
    pub priority: u32,
    /// The accounts that it serves.
    pub serves: Vec<AccountId>,
    /// `yes`, `no` or `last`.
    pub ships: &'static str,
    /// Whose sales leave from here at once.
    pub home_of: Vec<AccountId>,
    /// Whether it is in the configuration. What is not serves every account.
    pub is_declared: bool,
}

/// All locations: those that are declared, in their order, and then those at which something lies
/// nevertheless, as far as a page of items goes.
pub async fn list(engine: &Engine) -> Result<Page<PlaceView>, StoreError> {
    let policy = engine.decider.policy();
    let declared = policy.locations.declared();
    let accounts: Vec<AccountId> = engine.accounts.keys().cloned().collect();
    let mut items: Vec<PlaceView> = declared.iter().map(|one| view(one, &accounts)).collect();
    let mut others: BTreeSet<LocationId> = BTreeSet::new();
    if declared.is_empty() {
        others.insert(policy.home.clone());
    }
    let mut walk = Walk::new(engine, rows::STOCK, Vec::new(), None);
    while let Some((_, row)) = walk.next().await? {
        let stock: Stock = rows::decode(rows::STOCK, &row.value)?;
        let lying = stock.locations().into_iter();
        let lying = lying.filter(|at| policy.locations.get(at).is_none());
        let present = lying.filter(|at| {
            let position = stock.positions.get(*at).into_iter().flatten();
            position.into_iter().any(|(_, units)| !units.is_zero())
        });
        others.extend(present.cloned());
    }
    items.extend(others.into_iter().map(|id| PlaceView {
        name: id.to_string(),
        id,
        kind: "warehouse",
        country: None,
        region: None,
        near: Vec::new(),
        priority: 0,
        serves: accounts.clone(),
        ships: if declared.is_empty() { "yes" } else { "last" },
        home_of: Vec::new(),
        is_declared: false,
    }));
    Ok(Page { items, next: None })
}

fn view(location: &Location, accounts: &[AccountId]) -> PlaceView {
    let serves = accounts.iter().filter(|account| location.serves(account));
    PlaceView {
        id: location.id.clone(),
        name: location.name.clone(),
        kind: match location.kind {
            Kind::Warehouse => "warehouse",
            Kind::Store => "store",
            Kind::Channel => "channel",
        },
        country: location.country.clone(),
        region: location.region.clone(),
        near: location.near.clone(),
        priority: location.priority,
        serves: serves.cloned().collect(),
        ships: match location.ships {
            Ships::Yes => "yes",
            Ships::No => "no",
            Ships::Last => "last",
        },
        home_of: location.home_of.iter().cloned().collect(),
        is_declared: true,
    }
}
