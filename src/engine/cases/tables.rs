//! The rows that decisions read: what is in their keys and values, so that names can be taken out.
//!
//! A table that is not here is not part of a case.

use domain::{
    book::Drift,
    breaker::Breaker,
    count::{Count, Entry},
    ids::{DriftId, IncidentId, OrderId},
    incident::Incident,
    intent::Intent,
    issuing::{Issued, Series},
    item::Item,
    mapping::Mapping,
    offer::{Listing, Offer, Taken},
    order::Order,
    stock::{Claim, Movement, Stock},
};
use serde::{Serialize, de::DeserializeOwned};
use store::{StoreError, Table};

use super::node::{Kind, Node};
use crate::rows;

/// One table.
pub(crate) struct Form {
    /// Which.
    pub(crate) table: Table,
    /// What the parts of its keys are.
    pub(crate) key: &'static [Kind],
    /// Reads a value.
    pub(crate) read: fn(Table, &[u8]) -> Result<Node, StoreError>,
}

const fn form(
    table: Table,
    key: &'static [Kind],
    read: fn(Table, &[u8]) -> Result<Node, StoreError>,
) -> Form {
    Form { table, key, read }
}

use Kind::{Account, External, Listing as Offered, Plain, Sku as Stocked};

/// All that [`crate::shelf`] loads.
pub(crate) const FORMS: &[Form] = &[
    form(rows::ORDERS, &[Plain], tree::<Order>),
    form(rows::ORDER_REFS, &[Account, External], tree::<OrderId>),
    form(rows::ORDER_NUMBERS, &[Account], tree::<u64>),
    form(rows::DOCUMENTS, &[Plain], tree::<Issued>),
    form(rows::SERIES, &[Plain, Plain], tree::<Series>),
    form(rows::UNMAPPED_ORDERS, &[Plain], tree::<()>),
    form(rows::ITEMS, &[Stocked], tree::<Item>),
    form(rows::KITS_BY_COMPONENT, &[Stocked, Stocked], tree::<()>),
    form(rows::STOCK, &[Stocked], tree::<Stock>),
    form(rows::MOVEMENTS, &[Stocked, Plain], tree::<Movement>),
    form(rows::COUNTS, &[Plain], tree::<Count>),
    form(rows::COUNT_ENTRIES, &[Plain, Stocked], tree::<Entry>),
    form(rows::CLAIMS, &[Stocked, Plain, Plain], tree::<Claim>),
    form(rows::LISTINGS, &[Account, Offered], tree::<Listing>),
    form(
        rows::LISTINGS_BY_SKU,
        &[Stocked, Account, Offered],
        tree::<()>,
    ),
    form(rows::MAPPED_LISTINGS, &[Account, Offered], tree::<Mapping>),
    form(rows::MAPPED_SKUS, &[Account, Stocked], tree::<Mapping>),
    form(rows::OFFERS, &[Account, Offered], tree::<Offer>),
    form(rows::TAKEN, &[Account, Stocked], tree::<Taken>),
    form(rows::INTENTS, &[Plain], tree::<Intent>),
    form(rows::INTENTS_BY_ORDER, &[Plain, Plain], tree::<()>),
    form(rows::DRIFTS, &[Plain], tree::<Drift>),
    form(rows::OPEN_DRIFTS, &[Account, Offered], tree::<DriftId>),
    form(rows::BREAKERS, &[Account], tree::<Breaker>),
    form(rows::INCIDENTS, &[Plain], tree::<Incident>),
    form(
        rows::OPEN_INCIDENTS,
        &[Plain, Plain, Stocked],
        tree::<IncidentId>,
    ),
];

/// The form of a table, by its name.
pub(crate) fn form_of(name: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.table.0 == name)
}

fn tree<T: DeserializeOwned + Serialize>(table: Table, value: &[u8]) -> Result<Node, StoreError> {
    let value: T = rows::decode(table, value)?;
    Node::of(&value).map_err(|error| StoreError::Corrupt {
        reason: format!("a row of `{}` cannot be written down: {error}", table.0),
    })
}
