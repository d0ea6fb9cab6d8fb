//! The merchant of the demo: what is sold, and where.

use std::collections::BTreeMap;

use domain::{
    Currency, Money, Quantity, Sku, Time,
    item::{Item, ItemKind},
};
use sandbox::{
    Act, Product, ProductKind,
    buyers::{Buyers, ShopView},
    judge::Edit,
};

use super::summary;
use crate::sandbox_host::HostedShop;

/// A shop of the demo.
pub(super) struct Place {
    /// The account's id.
    pub(super) account: &'static str,
    /// The channel that it is on.
    pub(super) channel: &'static str,
}

/// The shops, in the order in which they are shown. The first gives the opening stock.
pub(super) const PLACES: [Place; 4] = [
    Place {
        account: "web-shop",
        channel: "woocommerce",
    },
    Place {
        account: "till",
        channel: "square",
    },
    Place {
        account: "market",
        channel: "ebay",
    },
    Place {
        account: "boutique",
        channel: "shopify",
    },
];

/// The kit of the demo: two cups and a pot.
const KIT: (&str, &[(&str, i32)]) = ("TEA-SET", &[("CUP-WHITE", 2), ("POT-WHITE", 1)]);
/// The service of the demo.
const SERVICE: &str = "GIFT-WRAP";

/// The goods: SKU, title, price in cents, how many there are. A few are scarce, so that channels
/// compete for them.
const GOODS: [(&str, &str, i64, i64); 14] = [
    ("CUP-WHITE", "Cup, white", 890, 120),
    ("CUP-BLUE", "Cup, blue", 890, 90),
    ("POT-WHITE", "Tea pot, white", 3490, 60),
    ("POT-IRON", "Tea pot, cast iron", 5990, 12),
    ("TEA-GREEN-100", "Green tea, 100 g", 690, 300),
    ("TEA-BLACK-100", "Black tea, 100 g", 590, 300),
    ("TEA-MATCHA-30", "Matcha, 30 g", 2490, 25),
    ("WHISK", "Bamboo whisk", 1890, 40),
    ("TRAY-OAK", "Oak tray", 4290, 8),
    ("KETTLE", "Kettle, 1 l", 7990, 15),
    ("SIEVE", "Tea sieve", 790, 80),
    ("TIN-S", "Tea tin, small", 990, 70),
    ("TIN-L", "Tea tin, large", 1490, 5),
    ("SCALE", "Pocket scale", 2990, 20),
];

/// What lies on the shelf when the demo begins.
pub(super) fn opening_stock() -> BTreeMap<Sku, i64> {
    GOODS
        .iter()
        .map(|(sku, _, _, level)| (parse(sku), *level))
        .collect()
}

/// Items that the configuration must declare: everything that is not a good counted in pieces.
pub(super) fn items() -> Vec<Item> {
    let components = KIT
        .1
        .iter()
        .map(|(sku, units)| (parse(sku), Quantity::of(*units)));
    let kit = ItemKind::Kit(components.collect());
    vec![
        Item {
            sku: parse(KIT.0),
            kind: kit,
            scale: 0,
            title: "Tea set for two".to_owned(),
            category: None,
            barcode: None,
            prices: Vec::new(),
        },
        Item {
            sku: parse(SERVICE),
            kind: ItemKind::Service,
            scale: 0,
            title: "Gift wrapping".to_owned(),
            category: None,
            barcode: None,
            prices: Vec::new(),
        },
    ]
}

/// What every shop sells: the goods, the kit with as many as its components allow, and the service.
pub(super) fn products() -> Vec<Product> {
    let currency = Currency::new("EUR").expect("a currency");
    let price = |cents| Money::from_minor(cents, currency).expect("a small amount");
    let stock = opening_stock();
    let mut products: Vec<Product> = GOODS
        .iter()
        .map(|(sku, title, cents, level)| Product {
            sku: parse(sku),
            title: (*title).to_owned(),
            price: price(*cents),
            kind: kind_of(sku),
            level: *level,
        })
        .collect();
    let kits = KIT
        .1
        .iter()
        .map(|(sku, units)| stock.get(&parse(sku)).copied().unwrap_or(0) / i64::from(*units));
    products.push(Product {
        sku: parse(KIT.0),
        title: "Tea set for two".to_owned(),
        price: price(4990),
        kind: ProductKind::Simple,
        level: kits.min().unwrap_or(0),
    });
    products.push(Product {
        sku: parse(SERVICE),
        title: "Gift wrapping".to_owned(),
        price: price(350),
        kind: ProductKind::Service,
        level: 0,
    });
    products
}

/// Cups come in colors: they are variations of one product where the channel has such a thing.
fn kind_of(sku: &str) -> ProductKind {
    match sku.split_once('-') {
        Some(("CUP" | "TIN", _)) => {
            let parent = sku.split('-').next().unwrap_or_default().to_owned();
            ProductKind::Variation { parent }
        }
        Some(_) | None => ProductKind::Simple,
    }
}

/// Lets buyers and staff of the shops do what is due; tells which levels staff edited.
pub(super) fn let_people_act(buyers: &mut Buyers, shops: &[HostedShop], now: Time) -> Vec<Edit> {
    let mut edits = Vec::new();
    if buyers.next_at().is_some_and(|at| at > now) {
        return edits;
    }
    let skus: Vec<Sku> = products().into_iter().map(|product| product.sku).collect();
    let views: Vec<ShopView> = shops
        .iter()
        .map(|shop| ShopView {
            skus: skus.clone(),
            levels: shop.truth().levels,
        })
        .collect();
    for (index, act) in buyers.due(now, &views) {
        let Some(shop) = shops.get(index) else {
            continue;
        };
        let result = shop.act(&act);
        if let (Act::SetLevel(sku, _), Ok(_)) = (&act, &result) {
            edits.push(summary::edit(&shop.account, sku, now));
        }
        buyers.answered(index, &act, &result, now);
    }
    edits
}

fn parse(sku: &str) -> Sku {
    sku.parse().expect("a SKU of the demo")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kit_is_made_of_goods_that_are_there() {
        let goods = opening_stock();
        for (sku, _) in KIT.1 {
            assert!(goods.contains_key(&parse(sku)), "{sku}");
        }
        let kit = products()
            .into_iter()
            .find(|p| p.sku == parse(KIT.0))
            .expect("the kit is sold");
        assert_eq!(kit.level, 60);
    }
}
