//! What channels show, beside what the merchant says of the item: price, title, barcode. Nothing is written.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Currency, Money, item::Item, offer::Listing};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// What one costs.
    Price,
    /// What buyers read.
    Title,
    /// EAN, UPC or ISBN.
    Barcode,
}

/// How a listing and its item differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It shows something else.
    Differs,
    /// It shows nothing, where other listings of the account show something.
    Missing,
    /// The item says nothing, and its listings show different things.
    ListingsDiffer,
}

/// One thing that a listing shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An amount.
    Price(Money),
    /// Some text.
    Text(String),
}

/// A listing that shows something else than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which of the listings, by its place among them.
    pub listing: usize,
    /// What differs.
    pub what: What,
    /// How.
    pub how: How,
    /// What the item says.
    pub item: Option<Shown>,
    /// What the listing shows.
    pub shown: Option<Shown>,
}

/// What was found out about the listings of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What differs, by listing.
    pub differences: Vec<Difference>,
    /// Listings whose price nothing can be said about: neither the item nor another listing has one in its
    /// currency.
    pub alone: Vec<(usize, Currency)>,
}

impl What {
    /// All of them.
    pub const ALL: [What; 3] = [What::Price, What::Title, What::Barcode];

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            What::Price => "price",
            What::Title => "title",
            What::Barcode => "barcode",
        }
    }
}

/// A listing, and whether its account shows barcodes at all.
#[derive(Clone, Copy, Debug)]
pub struct Audited<'a> {
    /// The listing.
    pub listing: &'a Listing,
    /// Whether a listing of its account shows one; otherwise none is missing.
    pub shows_barcodes: bool,
}

/// Compares an item with everything that is listed of it.
pub fn compare(item: &Item, listings: &[Audited<'_>]) -> Findings {
    let mut found = Findings::default();
    compare_prices(item, listings, &mut found);
    let titles = listings.iter().map(|one| Some(one.listing.title.as_str()));
    let own = Some(item.title.as_str()).filter(|title| *title != item.sku.as_str());
    compare_texts(What::Title, own, titles.collect(), plain_title, &mut found);
    let barcodes = listings.iter().map(|one| one.listing.barcode.as_deref());
    let own = item.barcode.as_deref();
    let barcodes: Vec<_> = barcodes.collect();
    compare_texts(What::Barcode, own, barcodes.clone(), plain_code, &mut found);
    if let Some(own) = own.filter(|own| !plain_code(own).is_empty()) {
        let is_shown = |code: Option<&str>| code.is_some_and(|code| !plain_code(code).is_empty());
        for (listing, one) in listings.iter().enumerate() {
            if one.shows_barcodes && !is_shown(one.listing.barcode.as_deref()) {
                found.differences.push(Difference {
                    listing,
                    what: What::Barcode,
                    how: How::Missing,
                    item: Some(Shown::Text(own.to_owned())),
                    shown: None,
                });
            }
        }
    }
    found
}

fn compare_prices(item: &Item, listings: &[Audited<'_>], found: &mut Findings) {
    let priced = |one: &Audited<'_>| one.listing.price;
    for (listing, one) in listings.iter().enumerate() {
        let Some(price) = priced(one) else { continue };
        let currency = price.currency();
        let differs = |how, own: Option<Money>| Difference {
            listing,
            what: What::Price,
            how,
            item: own.map(Shown::Price),
            shown: Some(Shown::Price(price)),
        };
        if let Some(own) = item.price_in(currency) {
            if own != price {
                found.differences.push(differs(How::Differs, Some(own)));
            }
            continue;
        }
        let others = listings.iter().filter_map(priced);
        let others = others.filter(|other| other.currency() == currency);
        let others: Vec<Money> = others.collect();
        if others.iter().any(|other| *other != price) {
            found.differences.push(differs(How::ListingsDiffer, None));
        } else if others.len() == 1 {
            found.alone.push((listing, currency));
        }
    }
}

/// Compares what is shown with what the item says, or else with what the others show. What is empty says
/// nothing.
fn compare_texts(
    what: What,
    own: Option<&str>,
    shown: Vec<Option<&str>>,
    plain: fn(&str) -> String,
    found: &mut Findings,
) {
    let own = own.filter(|own| !plain(own).is_empty());
    let shown: Vec<(usize, &str)> = shown
        .into_iter()
        .enumerate()
        .filter_map(|(listing, text)| Some((listing, text.filter(|text| !plain(text).is_empty())?)))
        .collect();
    let all: BTreeSet<String> = shown.iter().map(|(_, text)| plain(text)).collect();
    for (listing, text) in &shown {
        let how = match own {
            Some(own) if plain(own) == plain(text) => continue,
            Some(_) => How::Differs,
            None if all.len() < 2 => continue,
            None => How::ListingsDiffer,
        };
        found.differences.push(Difference {
            listing: *listing,
            what,
            how,
            item: own.map(|own| Shown::Text(own.to_owned())),
            shown: Some(Shown::Text((*text).to_owned())),
        });
    }
}

/// Blanks and large letters make no other title.
fn plain_title(title: &str) -> String {
    let words: Vec<String> = title.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// Signs between digits make no other code, nor do zeros before it: a UPC is an EAN that begins with one.
fn plain_code(code: &str) -> String {
    let signs = code.chars().filter(|c| c.is_alphanumeric());
    let plain: String = signs.flat_map(char::to_uppercase).collect();
    plain.trim_start_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, ListingId, Sku};

    fn money(text: &str) -> Money {
        let (amount, currency) = text.split_once(' ').expect("an amount and a currency");
        Money::parse(amount, Currency::new(currency).expect("a currency")).expect("an amount")
    }

    fn item(title: &str, barcode: Option<&str>, prices: &[&str]) -> Item {
        Item {
            barcode: barcode.map(str::to_owned),
            prices: prices.iter().map(|price| money(price)).collect(),
            ..Item::good(Sku::new("MUG").expect("a SKU"), title)
        }
    }

    fn listing(title: &str, barcode: Option<&str>, price: Option<&str>) -> Listing {
        Listing {
            account: AccountId::new("web"),
            listing: ListingId::new("1"),
            sku: Sku::new("MUG").ok(),
            channel_sku: None,
            title: title.to_owned(),
            price: price.map(money),
            barcode: barcode.map(str::to_owned),
            tracked: true,
            categories: Vec::new(),
            mapped: None,
        }
    }

    /// Each difference as `place what how`.
    fn told(item: &Item, listings: &[Listing]) -> Vec<String> {
        let audited = listings.iter().map(|listing| Audited {
            listing,
            shows_barcodes: true,
        });
        let found = compare(item, &audited.collect::<Vec<_>>());
        let told = found.differences.iter().map(|one| {
            let Difference {
                listing, what, how, ..
            } = one;
            format!("{listing} {} {how:?}", what.word())
        });
        told.collect()
    }

    #[test]
    fn prices_are_compared_to_the_minor_unit_and_only_within_a_currency() {
        let nothing: [&str; 0] = [];
        for (own, shown, expected) in [
            (&["12.50 EUR"][..], &["12.50 EUR"][..], &nothing[..]),
            (
                &["12.50 EUR"],
                &["12.5 EUR", "12.51 EUR"],
                &["1 price Differs"],
            ),
            (&["12.50 EUR"], &["12.50 USD"], &nothing),
            (
                &["12.50 EUR", "13 USD"],
                &["13.01 USD"],
                &["0 price Differs"],
            ),
            (
                &["1250 JPY"],
                &["1250 JPY", "1251 JPY"],
                &["1 price Differs"],
            ),
            (
                &[],
                &["9.99 EUR", "9.98 EUR", "9.99 USD"],
                &["0 price ListingsDiffer", "1 price ListingsDiffer"],
            ),
            (&[], &["9.99 EUR", "9.99 EUR"], &nothing),
        ] {
            let item = item("Mug", None, own);
            let listings: Vec<Listing> = shown
                .iter()
                .map(|price| listing("Mug", None, Some(price)))
                .collect();
            assert_eq!(told(&item, &listings), expected, "{own:?} {shown:?}");
        }
    }

    #[test]
    fn a_price_that_nothing_can_be_compared_with_is_told_apart() {
        let listings = [
            listing("Mug", None, Some("9.99 EUR")),
            listing("Mug", None, Some("9.99 USD")),
            listing("Mug", None, None),
        ];
        let audited: Vec<_> = listings
            .iter()
            .map(|listing| Audited {
                listing,
                shows_barcodes: false,
            })
            .collect();
        let found = compare(&item("Mug", None, &["9.99 EUR"]), &audited);
        assert_eq!(found.differences, []);
        let usd = Currency::new("USD").expect("a currency");
        assert_eq!(found.alone, [(1, usd)]);
    }

    #[test]
    fn titles_differ_by_more_than_blanks_and_large_letters() {
        for (own, shown, expected) in [
            (
                "Mug, red",
                vec!["mug,  RED ", "Mug, blue", ""],
                vec!["1 title Differs"],
            ),
            // What the item is called by itself says nothing.
            ("MUG", vec!["Mug, red", "Mug, red"], vec![]),
            (
                "",
                vec!["Mug, red", "Becher, rot"],
                vec!["0 title ListingsDiffer", "1 title ListingsDiffer"],
            ),
        ] {
            let item = item(own, None, &[]);
            let listings: Vec<Listing> = shown
                .iter()
                .map(|title| listing(title, None, None))
                .collect();
            assert_eq!(told(&item, &listings), expected, "{own} {shown:?}");
        }
    }

    #[test]
    fn a_code_is_the_same_with_signs_and_leading_zeros() {
        for (own, shown, expected) in [
            (Some("0036000291452"), vec![Some("036000291452")], vec![]),
            (
                Some("978-3-16-148410-0"),
                vec![Some("9783161484100")],
                vec![],
            ),
            (
                Some("4006381333931"),
                vec![Some("4006381333932"), None, Some("")],
                vec![
                    "0 barcode Differs",
                    "1 barcode Missing",
                    "2 barcode Missing",
                ],
            ),
            (
                None,
                vec![Some("1234"), Some("1235"), None],
                vec!["0 barcode ListingsDiffer", "1 barcode ListingsDiffer"],
            ),
            (None, vec![Some("1234"), None], vec![]),
        ] {
            let item = item("Mug", own, &[]);
            let listings: Vec<Listing> = shown
                .iter()
                .map(|code| listing("Mug", *code, None))
                .collect();
            assert_eq!(told(&item, &listings), expected, "{own:?} {shown:?}");
        }
    }
}
