//! What a twin is opened with.

use domain::{Money, Sku};

/// A shop to be opened.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The account's id in our configuration; twins use it to make their ids and secrets differ.
    pub name: String,
    /// Where the API of the shop is reached, without a slash at the end: `http://127.0.0.1:4711`.
    pub api_url: String,
    /// Where hooks go: `http://127.0.0.1:8080/hooks/eu-shop`.
    pub hook_url: String,
    /// What it sells.
    pub products: Vec<Product>,
    /// Decides everything that is left to chance in the shop (ids, delays).
    pub seed: u64,
}

/// Something that a shop sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its SKU there.
    pub sku: Sku,
    /// Its name there.
    pub title: String,
    /// Its price there; also fixes the shop's currency.
    pub price: Money,
    /// What it is.
    pub kind: ProductKind,
    /// How many are shown at the beginning; without meaning for a service.
    pub level: i64,
}

/// What a product is on its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductKind {
    /// A good on its own.
    Simple,
    /// One of several forms of a product, with ids below their parent's.
    Variation {
        /// The SKU or name of the parent.
        parent: String,
    },
    /// Not counted.
    Service,
}
