//! Which item a listing or a line is: as a person said it, else by the SKU that the channel writes.

use crate::{
    AccountId, ListingId, Sku,
    book::ListingKey,
    fact::Event,
    ids::OrderId,
    item::Item,
    mapping::{Clue, MappedBy, Mapping, Named},
    offer::Listing,
    snapshot::ListingSnapshot,
};

use super::{Desk, FollowUp, Undecided, Verdict, command::known_item, snapshot};

/// A person says which item a listing is, or a SKU of a channel, or takes that back. Lines that were mapped
/// stay what they are.
pub(super) fn map_listing(
    desk: &mut Desk<'_>,
    account: &AccountId,
    named: &Named,
    sku: Option<&Sku>,
    by: &str,
) -> Result<Verdict, Undecided> {
    if let Some(sku) = sku {
        known_item(desk, sku)?;
    }
    let key = (account.clone(), named.clone());
    let known = desk.book.mappings.get(&key);
    if known.map(|mapping| &mapping.sku) == sku {
        return Ok(Verdict::Duplicate);
    }
    match sku {
        Some(sku) => {
            let mapping = Mapping {
                account: account.clone(),
                named: named.clone(),
                sku: sku.clone(),
                by: by.to_owned(),
                at: desk.now(),
            };
            desk.book.mappings.insert(key, mapping);
        }
        None => {
            desk.book.mappings.remove(&key);
        }
    }
    let event = Event::ListingMapped {
        named: named.clone(),
        sku: sku.cloned(),
        by: by.to_owned(),
    };
    desk.record(None, Some(account), event);
    remap_listings(desk, account, named);
    map_waiting_lines(desk)?;
    desk.follow_ups.push(FollowUp::MapWaiting);
    Ok(Verdict::New)
}

/// Lines of an order may be known by now.
pub(super) fn map_waiting(desk: &mut Desk<'_>, order: OrderId) -> Result<Verdict, Undecided> {
    desk.order(order)?;
    map_waiting_lines(desk)?;
    Ok(Verdict::New)
}

/// The listings that are meant become what was said, or what they are by themselves.
fn remap_listings(desk: &mut Desk<'_>, account: &AccountId, named: &Named) {
    let is_meant = |listing: &&Listing| {
        listing.account == *account
            && match named {
                Named::Listing(id) => listing.listing == *id,
                Named::ChannelSku(_) => {
                    let own = Named::by_channel_sku(listing.channel_sku.as_deref());
                    listing.mapped != Some(MappedBy::Listing) && own.as_ref() == Some(named)
                }
            }
    };
    let meant = desk.book.listings.values().filter(is_meant);
    for listing in meant.cloned().collect::<Vec<_>>() {
        let channel_sku = listing.channel_sku.as_deref();
        let (sku, mapped) = by_what_is_said(desk, account, &listing.listing, channel_sku);
        make_known(desk, account, sku.as_ref(), &listing.title);
        let key: ListingKey = (account.clone(), listing.listing.clone());
        desk.book.listings.insert(
            key,
            Listing {
                sku,
                mapped,
                ..listing
            },
        );
    }
}

/// Which item a listing is that was read, and by what. While its SKU on the channel is the same, it stays what
/// it was; so does what a person said that it is by itself.
pub(super) fn of_listing(
    desk: &Desk<'_>,
    account: &AccountId,
    seen: &ListingSnapshot,
) -> (Option<Sku>, Option<MappedBy>) {
    let key = (account.clone(), seen.listing.clone());
    match desk.book.listings.get(&key) {
        Some(known) if known.is_settled(seen.sku.as_deref()) => (known.sku.clone(), known.mapped),
        Some(_) | None => by_what_is_said(desk, account, &seen.listing, seen.sku.as_deref()),
    }
}

fn by_what_is_said(
    desk: &Desk<'_>,
    account: &AccountId,
    listing: &ListingId,
    channel_sku: Option<&str>,
) -> (Option<Sku>, Option<MappedBy>) {
    let names = [
        Some(Named::Listing(listing.clone())),
        Named::by_channel_sku(channel_sku),
    ];
    for named in names.into_iter().flatten() {
        if let Some(sku) = said(desk, account, &named) {
            return (Some(sku), Some(MappedBy::from(&named)));
        }
    }
    (channel_sku.and_then(|sku| sku.parse().ok()), None)
}

fn said(desk: &Desk<'_>, account: &AccountId, named: &Named) -> Option<Sku> {
    let mapping = desk.book.mappings.get(&(account.clone(), named.clone()))?;
    Some(mapping.sku.clone())
}

/// A SKU that is seen for the first time becomes a good, counted in pieces, of unknown stock.
pub(super) fn make_known(desk: &mut Desk<'_>, account: &AccountId, sku: Option<&Sku>, title: &str) {
    if let Some(sku) = sku
        && !desk.book.items.contains_key(sku)
    {
        let item = Item::good(sku.clone(), title);
        desk.book.items.insert(sku.clone(), item);
        desk.record(None, Some(account), Event::ItemSet { sku: sku.clone() });
    }
}

/// Finds out which item a line is: by the listing that was sold, else by the SKU as written.
pub(super) fn of_line(desk: &Desk<'_>, account: &AccountId, clue: Clue<'_>) -> Option<Item> {
    let by_listing = clue.listing.and_then(|listing| {
        let known = desk.book.listings.get(&(account.clone(), listing.clone()));
        let own = known.and_then(|listing| listing.sku.clone());
        own.or_else(|| said(desk, account, &Named::Listing(listing.clone())))
    });
    let by_sku = || {
        let written: Sku = clue.channel_sku?.parse().ok()?;
        said(desk, account, &Named::ChannelSku(written.clone())).or(Some(written))
    };
    let sku = by_listing.or_else(by_sku)?;
    desk.book.items.get(&sku).cloned()
}

/// Lines that waited for an item or listing to become known are mapped now.
pub(super) fn map_waiting_lines(desk: &mut Desk<'_>) -> Result<(), Undecided> {
    let waiting: Vec<_> = desk
        .book
        .orders
        .values()
        .flat_map(|order| order.lines.iter().map(move |line| (order, line)))
        .filter(|(_, line)| line.item.is_none())
        .filter_map(|(order, line)| {
            let item = of_line(desk, &order.account, Clue::from(line))?;
            Some((order.id, line.number, item))
        })
        .collect();
    for (order, line, item) in waiting {
        snapshot::set_line_item(desk, order, line, &item)?;
        desk.settle_claims(order)?;
    }
    Ok(())
}
