//! What waits because nobody knows which item it is: lines of orders, and listings that nothing is offered of.
//! What may be meant is told; nobody but a person says it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ListingId, Quantity, Time,
    adoption::Traits,
    mapping::Named,
    offer::Listing,
    order::{Line, Order},
};
use serde::Serialize;

use super::{Page, StoreError, Units, Walk, adoption::Suggestion, read, suggestions};
use crate::{Engine, rows};

/// So many kinds of lines and listings are told of at most.
const TOLD_MAX: usize = 1000;
/// How many listings are looked at for some that are no item.
const LISTINGS_MAX: usize = 10_000;

/// One listing, or one SKU that a channel writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Where.
    pub account: AccountId,
    /// What `oneshelf listings map` takes for it; nothing where lines can only be mapped one by one.
    pub name: Option<String>,
    /// The channel's id of the listing, where it says so.
    pub listing: Option<ListingId>,
    /// The SKU as the channel wrote it.
    pub channel_sku: Option<String>,
    /// What buyers see.
    pub title: String,
    /// How many orders wait.
    pub orders: u64,
    /// How many units of it.
    pub units: Units,
    /// Since when the first of them does.
    pub since: Option<Time>,
    /// What may be meant, the likeliest first.
    pub suggestions: Vec<Suggestion>,
}

/// What lines have in common: how they are named, or but what buyers saw.
type Kind = (AccountId, Result<Named, String>);

/// Everything that waits, what most orders wait for first.
pub async fn list(
    engine: &Engine,
    account: Option<&AccountId>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Page<Waiting>, StoreError> {
    let is_asked = |of: &AccountId| account.is_none_or(|account| account == of);
    let mut found: BTreeMap<Kind, Waiting> = BTreeMap::new();
    let mut walk = Walk::new(engine, rows::UNMAPPED_ORDERS, Vec::new(), None).unbounded();
    while let Some((row, _)) = walk.next().await? {
        let order: Option<Order> = read(engine, rows::ORDERS, &[&rows::last_part(&row)]).await?;
        if let Some(order) = order.filter(|order| is_asked(&order.account)) {
            note(&mut found, &order);
        }
    }
    let mut walk = Walk::new(engine, rows::LISTINGS, Vec::new(), None).unbounded();
    let (mut looked_at, mut barcodes) = (0, BTreeMap::new());
    while let Some((_, row)) = walk.next().await? {
        let listing: Listing = rows::decode(rows::LISTINGS, &row.value)?;
        looked_at += 1;
        if listing.sku.is_none() && is_asked(&listing.account) {
            note_listing(&mut found, &mut barcodes, listing);
        }
        if looked_at >= LISTINGS_MAX {
            break;
        }
    }
    let mut waiting: Vec<(Kind, Waiting)> = found.into_iter().collect();
    waiting.sort_by(|one, other| {
        let by_orders = other.1.orders.cmp(&one.1.orders);
        by_orders.then_with(|| one.0.cmp(&other.0))
    });
    waiting.truncate(TOLD_MAX);
    // What waits is counted anew for each page, so a page begins behind so many.
    let begin = after.and_then(|place| std::str::from_utf8(place).ok()?.parse().ok());
    let begin: usize = begin.unwrap_or(0);
    let end = begin.saturating_add(limit);
    let next = (waiting.len() > end).then(|| end.to_string().into_bytes());
    let waiting: Vec<_> = waiting.into_iter().skip(begin).take(limit).collect();
    let known = match waiting.is_empty() {
        true => Vec::new(),
        false => suggestions::known(engine).await?,
    };
    let told = waiting.into_iter().map(|(kind, mut one)| {
        let barcode = barcodes.get(&kind).map(String::as_str);
        let traits = Traits::new(one.channel_sku.as_deref(), &one.title, barcode);
        one.suggestions = suggestions::suggest(&known, &traits);
        one
    });
    Ok(Page {
        items: told.collect(),
        next,
    })
}

fn note(found: &mut BTreeMap<Kind, Waiting>, order: &Order) {
    let waits = |line: &&Line| line.item.is_none();
    let mut kinds = BTreeSet::new();
    for line in order.lines.iter().filter(waits) {
        let named = Named::of_line(line.listing.as_ref(), line.channel_sku.as_deref());
        let kind = (
            order.account.clone(),
            named.ok_or_else(|| line.title.clone()),
        );
        let one = found.entry(kind.clone()).or_insert_with(|| Waiting {
            account: order.account.clone(),
            name: kind.1.as_ref().ok().map(|named| named.text().to_owned()),
            listing: line.listing.clone(),
            channel_sku: line.channel_sku.clone(),
            title: line.title.clone(),
            orders: 0,
            units: Units::default(),
            since: None,
            suggestions: Vec::new(),
        });
        one.units = one.units.plus(Units::new(line.counters.to_ship(), 0));
        let first = one
            .since
            .map_or(order.placed_at, |at| at.min(order.placed_at));
        one.since = Some(first);
        if kinds.insert(kind) {
            one.orders += 1;
        }
    }
}

fn note_listing(
    found: &mut BTreeMap<Kind, Waiting>,
    barcodes: &mut BTreeMap<Kind, String>,
    listing: Listing,
) {
    let named = Named::Listing(listing.listing.clone());
    let kind = (listing.account.clone(), Ok(named));
    if let Some(barcode) = listing.barcode {
        barcodes.insert(kind.clone(), barcode);
    }
    found.entry(kind).or_insert_with(|| Waiting {
        account: listing.account,
        name: Some(listing.listing.to_string()),
        listing: Some(listing.listing),
        channel_sku: listing.channel_sku,
        title: listing.title,
        orders: 0,
        units: Units::new(Quantity::ZERO, 0),
        since: None,
        suggestions: Vec::new(),
    });
}
