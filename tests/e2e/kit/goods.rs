//! What the merchant sells: a few goods, one of them scarce, a kit and a service.

use std::collections::BTreeMap;

use domain::{Currency, Money, Sku};
use sandbox::{Product, ProductKind};

/// The kit and what one of it takes.
pub(crate) const KIT: (&str, &[(&str, i64)]) = ("SET-BREAKFAST", &[("BOWL", 2), ("SPOON", 1)]);
/// What is sold and never counted.
pub(crate) const SERVICE: &str = "ENGRAVING";

/// SKU, title, price in cents, how many there are.
pub(crate) const GOODS: [(&str, &str, i64, i64); 6] = [
    ("BOWL", "Bowl", 1290, 80),
    ("JUG", "Jug", 2390, 40),
    ("MUG-L", "Mug, large", 1190, 60),
    ("MUG-S", "Mug, small", 990, 60),
    ("SPOON", "Spoon", 450, 90),
    ("VASE", "Vase", 5900, 9),
];

/// A SKU.
pub(crate) fn sku(text: &str) -> Sku {
    text.parse().expect("a SKU")
}

/// What lies on so many shelves in the beginning.
pub(crate) fn opening_stock(shelves: i64) -> BTreeMap<Sku, i64> {
    let goods = GOODS.iter();
    goods
        .map(|(code, _, _, level)| (sku(code), level * shelves))
        .collect()
}

/// What one unit takes from the shelf, for all that is not a good on its own.
pub(crate) fn bills() -> BTreeMap<Sku, BTreeMap<Sku, i64>> {
    let parts = KIT.1.iter().map(|(code, units)| (sku(code), *units));
    BTreeMap::from([
        (sku(KIT.0), parts.collect()),
        (sku(SERVICE), BTreeMap::new()),
    ])
}

/// How many kits the shelf allows.
pub(crate) fn kits(stock: &BTreeMap<Sku, i64>) -> i64 {
    let parts = KIT.1.iter();
    let counts = parts.map(|(code, units)| stock[&sku(code)].max(0) / units);
    counts.min().expect("a kit has parts")
}

/// What every shop sells. Mugs are variations of one product where the channel has such a thing.
pub(crate) fn products(shelves: i64) -> Vec<Product> {
    let euro = Currency::new("EUR").expect("a currency");
    let product = |code: &str, title: &str, cents: i64, kind, level| Product {
        sku: sku(code),
        title: title.to_owned(),
        price: Money::from_minor(cents, euro).expect("a small amount"),
        kind,
        level,
    };
    let mut products: Vec<Product> = GOODS
        .iter()
        .map(|(code, title, cents, level)| {
            let kind = match code.split_once('-') {
                Some((parent, _)) => ProductKind::Variation {
                    parent: parent.to_owned(),
                },
                None => ProductKind::Simple,
            };
            product(code, title, *cents, kind, level * shelves)
        })
        .collect();
    let level = kits(&opening_stock(shelves));
    products.push(product(
        KIT.0,
        "Breakfast set",
        2790,
        ProductKind::Simple,
        level,
    ));
    products.push(product(SERVICE, "Engraving", 800, ProductKind::Service, 0));
    products
}

/// The items that the configuration must declare.
pub(crate) fn items_toml() -> String {
    let parts = KIT.1.iter();
    let parts: Vec<String> = parts
        .map(|(code, units)| format!("{code:?} = {units}"))
        .collect();
    format!(
        "[[items]]\nsku = {:?}\nkind = \"kit\"\ncomponents = {{ {} }}\n\n\
         [[items]]\nsku = {SERVICE:?}\nkind = \"service\"\n",
        KIT.0,
        parts.join(", ")
    )
}
