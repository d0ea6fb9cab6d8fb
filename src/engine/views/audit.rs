//! What each channel shows of the items, beside what the merchant says of them. It reads what the channels told
//! last, and writes nothing.

use std::collections::BTreeMap;

use domain::{
    AccountId, Currency, ListingId, Money, Sku,
    audit::{self, Audited, Findings, How, Shown, What},
    item::Item,
    offer::Listing,
};
use serde::Serialize;
use store::Range;

use super::{StoreError, Walk, read};
use crate::{
    Engine,
    account::Mode,
    rows::{self, prefix},
};

/// So many differences are told of at most.
const TOLD_MAX: usize = 5000;
/// How many listings of one item are compared.
const LISTINGS_MAX: usize = 1000;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many listings were compared with an item.
    pub listings: u64,
    /// What differs, by item.
    pub differences: Vec<DifferenceView>,
    /// How many differences are not among those, because there are too many.
    pub left_off: u64,
    /// The accounts, with what could not be compared on each.
    pub accounts: Vec<AuditedAccount>,
}

/// A listing that shows something else than its item says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferenceView {
    /// Where.
    pub account: AccountId,
    /// Which listing.
    pub listing: ListingId,
    /// Of which item.
    pub sku: Sku,
    /// `price`, `title` or `barcode`.
    pub what: What,
    /// How they differ.
    pub how: How,
    /// What the item says, as people write it.
    pub item: Option<String>,
    /// What the listing shows.
    pub shown: Option<String>,
    /// The price of the item.
    pub item_price: Option<Money>,
    /// The price that is shown.
    pub shown_price: Option<Money>,
    /// How much more is shown, where both are prices; less is negative.
    pub by: Option<Money>,
    /// The same in a sentence.
    pub text: String,
}

/// What was compared of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditedAccount {
    /// Which.
    pub id: AccountId,
    /// Its kind of channel.
    pub channel: &'static str,
    /// How many of its listings are an item, and were compared.
    pub listings: u64,
    /// How many differences it has.
    pub differences: u64,
    /// What could not be compared, and why, in sentences.
    pub not_compared: Vec<String>,
}

/// What is known of the listings of an account.
#[derive(Default)]
struct Tally {
    listings: u64,
    unmapped: u64,
    prices: u64,
    barcodes: u64,
    differences: u64,
    alone: BTreeMap<Currency, u64>,
}

/// Compares all items with all that is listed of them; of one account, or of one thing, where that is asked.
pub async fn audit(
    engine: &Engine,
    account: Option<&AccountId>,
    what: Option<What>,
) -> Result<Audit, StoreError> {
    let mut tallies = tally(engine).await?;
    let mut audit = Audit::default();
    let mut walk = Walk::new(engine, rows::ITEMS, Vec::new(), None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let item: Item = rows::decode(rows::ITEMS, &row.value)?;
        let listings = listings_of(engine, &item.sku).await?;
        let audited = listings.iter().map(|listing| {
            let tally = tallies.get(&listing.account);
            Audited {
                listing,
                shows_barcodes: tally.is_some_and(|tally| tally.barcodes > 0),
            }
        });
        let found = audit::compare(&item, &audited.collect::<Vec<_>>());
        let is_asked =
            |listing: &Listing| account.is_none_or(|account| listing.account == *account);
        let asked = listings.iter().filter(|listing| is_asked(listing)).count();
        audit.listings += u64::try_from(asked).unwrap_or(u64::MAX);
        take(&mut audit, &mut tallies, &listings, found, |listing, of| {
            is_asked(listing) && what.is_none_or(|what| what == of)
        });
    }
    let is_asked = |id: &&AccountId| account.is_none_or(|account| account == *id);
    let known = engine.accounts.keys().filter(is_asked);
    audit.accounts = known
        .map(|id| told(engine, id, tallies.get(id), what))
        .collect();
    Ok(audit)
}

fn take(
    audit: &mut Audit,
    tallies: &mut BTreeMap<AccountId, Tally>,
    listings: &[Listing],
    found: Findings,
    is_asked: impl Fn(&Listing, What) -> bool,
) {
    for (place, currency) in found.alone {
        let Some(listing) = listings.get(place) else {
            continue;
        };
        let tally = tallies.entry(listing.account.clone()).or_default();
        *tally.alone.entry(currency).or_default() += 1;
    }
    for difference in found.differences {
        let listing = listings.get(difference.listing);
        let Some(listing) = listing.filter(|listing| is_asked(listing, difference.what)) else {
            continue;
        };
        let tally = tallies.entry(listing.account.clone()).or_default();
        tally.differences += 1;
        match audit.differences.len() < TOLD_MAX {
            true => audit.differences.extend(view(listing, difference)),
            false => audit.left_off += 1,
        }
    }
}

fn view(listing: &Listing, found: audit::Difference) -> Option<DifferenceView> {
    let price = |shown: &Option<Shown>| match shown {
        Some(Shown::Price(money)) => Some(*money),
        Some(Shown::Text(_)) | None => None,
    };
    let text = |shown: &Option<Shown>| match shown {
        Some(Shown::Price(money)) => Some(money.to_string()),
        Some(Shown::Text(text)) => Some(text.clone()),
        None => None,
    };
    let (item_price, shown_price) = (price(&found.item), price(&found.shown));
    let by = item_price.zip(shown_price);
    Some(DifferenceView {
        account: listing.account.clone(),
        listing: listing.listing.clone(),
        sku: listing.sku.clone()?,
        what: found.what,
        how: found.how,
        text: sentence(&found, text(&found.item), text(&found.shown)),
        item: text(&found.item),
        shown: text(&found.shown),
        by: by.and_then(|(own, shown)| shown.minus(own).ok()),
        item_price,
        shown_price,
    })
}

fn sentence(found: &audit::Difference, item: Option<String>, shown: Option<String>) -> String {
    let what = match found.what {
        What::Price => "the price",
        What::Title => "the title",
        What::Barcode => "the barcode",
    };
    let (item, shown) = (item.unwrap_or_default(), shown.unwrap_or_default());
    match found.how {
        How::Differs => format!("It shows {what} {shown}, and the item has {item}."),
        How::Missing => format!(
            "It shows no {}, and the item has {item}.",
            found.what.word()
        ),
        How::ListingsDiffer => format!(
            "It shows {what} {shown}, other listings show another one, and the item says none."
        ),
    }
}

async fn listings_of(engine: &Engine, sku: &Sku) -> Result<Vec<Listing>, StoreError> {
    let range = Range {
        prefix: prefix(&[sku.as_str()]),
        after: None,
    };
    let page = engine
        .store
        .scan(rows::LISTINGS_BY_SKU, range, LISTINGS_MAX)
        .await?;
    let mut listings = Vec::new();
    for (row, _) in page {
        let text = String::from_utf8_lossy(&row).into_owned();
        let mut parts = text.split('\0').skip(1);
        let (Some(account), Some(listing)) = (parts.next(), parts.next()) else {
            continue;
        };
        listings.extend(read::<Listing>(engine, rows::LISTINGS, &[account, listing]).await?);
    }
    Ok(listings)
}

/// What the listings of each account show at all.
async fn tally(engine: &Engine) -> Result<BTreeMap<AccountId, Tally>, StoreError> {
    let mut tallies: BTreeMap<AccountId, Tally> = BTreeMap::new();
    let mut walk = Walk::new(engine, rows::LISTINGS, Vec::new(), None).unbounded();
    while let Some((_, row)) = walk.next().await? {
        let listing: Listing = rows::decode(rows::LISTINGS, &row.value)?;
        let tally = tallies.entry(listing.account).or_default();
        match listing.sku {
            Some(_) => tally.listings += 1,
            None => tally.unmapped += 1,
        }
        tally.prices += u64::from(listing.price.is_some());
        tally.barcodes += u64::from(listing.barcode.is_some_and(|code| !code.trim().is_empty()));
    }
    Ok(tallies)
}

fn told(
    engine: &Engine,
    id: &AccountId,
    tally: Option<&Tally>,
    what: Option<What>,
) -> AuditedAccount {
    let account = engine.accounts.get(id);
    let descriptor = account.map(|account| account.connector.descriptor());
    let empty = Tally::default();
    let tally = tally.unwrap_or(&empty);
    let is_asked = |of: What| what.is_none_or(|what| what == of);
    let mut reasons = Vec::new();
    let listed = tally.listings + tally.unmapped;
    if descriptor.is_some_and(|descriptor| descriptor.is_by_hand) {
        reasons.push("Its orders are entered here, and it lists nothing.".to_owned());
    } else if listed == 0 {
        let is_off = account.is_some_and(|account| account.mode() == Mode::Off);
        reasons.push(match is_off {
            true => "It is off, and nothing was read of it.".to_owned(),
            false => format!(
                "None of its listings were read yet: `oneshelf accounts poll {id}` reads them."
            ),
        });
    }
    if listed > 0 && tally.prices == 0 && is_asked(What::Price) {
        reasons.push("Prices: it tells none of any listing.".to_owned());
    }
    if listed > 0 && tally.barcodes == 0 && is_asked(What::Barcode) {
        reasons.push("Barcodes: it tells none of any listing.".to_owned());
    }
    if is_asked(What::Price) {
        reasons.extend(tally.alone.iter().map(|(currency, count)| {
            format!(
                "Prices in {}: {count} of its listings are the only ones of their item with one, and the item says \
                 none.",
                currency.code()
            )
        }));
    }
    if tally.unmapped > 0 {
        reasons.push(format!(
            "{} of its listings are no item: `oneshelf listings unmapped --account {id}` lists them.",
            tally.unmapped
        ));
    }
    AuditedAccount {
        id: id.clone(),
        channel: descriptor.map_or("", |descriptor| descriptor.id),
        listings: tally.listings,
        differences: tally.differences,
        not_compared: reasons,
    }
}
