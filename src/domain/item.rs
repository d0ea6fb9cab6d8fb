//! What a SKU names: a good, a kit of components, or a service.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Currency, Money, Quantity, Sku};

/// The thing that a SKU names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its key.
    pub sku: Sku,
    /// What it is.
    pub kind: ItemKind,
    /// How many decimals its quantities have; 0 when it is counted in pieces.
    #[serde(default)]
    pub scale: u8,
    /// What staff call it.
    #[serde(default)]
    pub title: String,
    /// The merchant's word for what sort of thing it is; rules can be about it.
    #[serde(default)]
    pub category: Option<String>,
    /// EAN, UPC or ISBN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// What one is to cost: one price for each currency at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Money>,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// It lies on a shelf.
    Good,
    /// It is put together from others when it is sold: component and quantity for one kit.
    Kit(BTreeMap<Sku, Quantity>),
    /// It is done, not sent; it has no stock and claims nothing.
    Service,
}

/// Why an item cannot be as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ItemRefusal {
    /// A kit needs something in it.
    #[error("kit {0} has no components: name at least one")]
    EmptyKit(Sku),
    /// None or less of a component.
    #[error("kit {kit} needs a positive quantity of {component}: say how many, or leave it out")]
    NotPositive {
        /// The kit.
        kit: Sku,
        /// What is in it.
        component: Sku,
    },
    /// A kit within a kit: its stock could not be said in one sentence.
    #[error("kit {kit} contains the kit {component}: list the components of {component} instead")]
    Nested {
        /// The kit.
        kit: Sku,
        /// The kit in it.
        component: Sku,
    },
    /// A quantity of such a scale cannot be kept.
    #[error("item {0} has more than 6 decimals: give it at most 6")]
    Scale(Sku),
}

impl Item {
    /// A good that is counted in pieces, which is what a listing makes when nothing else is known.
    pub fn good(sku: Sku, title: &str) -> Item {
        Item {
            sku,
            kind: ItemKind::Good,
            scale: 0,
            title: title.to_owned(),
            category: None,
            barcode: None,
            prices: Vec::new(),
        }
    }

    /// What one is to cost in a currency.
    pub fn price_in(&self, currency: Currency) -> Option<Money> {
        let mut prices = self.prices.iter().copied();
        prices.find(|price| price.currency() == currency)
    }

    /// What one unit of it takes from stock.
    pub fn bill(&self) -> BTreeMap<Sku, Quantity> {
        match &self.kind {
            // One whole unit in the smallest unit of the item itself.
            ItemKind::Good => BTreeMap::from([(self.sku.clone(), Quantity::of(1))]),
            ItemKind::Kit(components) => components.clone(),
            ItemKind::Service => BTreeMap::new(),
        }
    }

    /// Whether it has stock of its own.
    pub fn is_stocked(&self) -> bool {
        matches!(self.kind, ItemKind::Good)
    }

    /// Checks it against the other items that are known.
    pub fn check(&self, others: &BTreeMap<Sku, Item>) -> Result<(), ItemRefusal> {
        if self.scale > 6 {
            return Err(ItemRefusal::Scale(self.sku.clone()));
        }
        let ItemKind::Kit(components) = &self.kind else {
            return Ok(());
        };
        if components.is_empty() {
            return Err(ItemRefusal::EmptyKit(self.sku.clone()));
        }
        let holds_it = |other: &&Item| match &other.kind {
            ItemKind::Kit(components) => components.contains_key(&self.sku),
            ItemKind::Good | ItemKind::Service => false,
        };
        // A good that a kit holds does not become a kit either.
        if let Some(other) = others.values().find(holds_it)
            && other.sku != self.sku
        {
            let (kit, component) = (other.sku.clone(), self.sku.clone());
            return Err(ItemRefusal::Nested { kit, component });
        }
        for (component, quantity) in components {
            let (kit, component) = (self.sku.clone(), component.clone());
            let known = others.get(&component).map(|item| &item.kind);
            if component == kit || matches!(known, Some(ItemKind::Kit(_))) {
                return Err(ItemRefusal::Nested { kit, component });
            }
            if !quantity.is_positive() {
                return Err(ItemRefusal::NotPositive { kit, component });
            }
        }
        Ok(())
    }
}
