//! What a person says that a listing is, or a SKU of a channel, holds whatever the channel says.

use super::{
    super::*,
    reports::{line_snapshot, listing, order_snapshot},
    world::{World, listing_key, sku},
};
use crate::{
    ListingId,
    mapping::{MappedBy, Named},
    offer::Suppression,
    order::Phase,
    signal::{Command, Source},
    snapshot::{ListingSnapshot, OrderSnapshot},
};

/// A listing of `web`, with what staff wrote there as its SKU.
fn shown(id: &str, channel_sku: Option<&str>) -> ListingSnapshot {
    ListingSnapshot {
        sku: channel_sku.map(str::to_owned),
        ..listing(id)
    }
}

fn list(world: &mut World, listings: Vec<ListingSnapshot>) {
    let account = AccountId::new("web");
    world.decide(&Signal::Listings { account, listings });
}

/// An order of one line of a listing, of a SKU as the channel writes it, or of both.
fn sold(name: &str, of: Option<&str>, channel_sku: Option<&str>, units: u32) -> Signal {
    let mut line = line_snapshot(&format!("X:{units}"), false);
    line.listing = of.map(ListingId::new);
    line.sku = channel_sku.map(str::to_owned);
    let snapshot = OrderSnapshot {
        lines: vec![line],
        ..order_snapshot(name)
    };
    Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    }
}

fn map(world: &mut World, named: Named, item: Option<&str>) -> Result<Verdict, Refusal> {
    world.ask(Command::MapListing {
        account: AccountId::new("web"),
        named,
        sku: item.map(sku),
        by: "ann".to_owned(),
    })
}

fn of_listing(id: &str) -> Named {
    Named::Listing(ListingId::new(id))
}

fn of_sku(written: &str) -> Named {
    Named::ChannelSku(sku(written))
}

fn item_of(world: &World, name: &str) -> Option<String> {
    let order = &world.book.orders[&world.id(name)];
    let item = order.lines[0].item.as_ref();
    item.map(|item| item.sku.to_string())
}

fn phase(world: &World, name: &str) -> Phase {
    let order = &world.book.orders[&world.id(name)];
    order.phase(world.book.is_short(order))
}

#[test]
fn one_word_maps_all_that_waits_for_a_listing_and_all_that_comes_later() {
    let mut world = World::new();
    world.act("count MUG 5");
    list(&mut world, vec![shown("L1", None)]);
    world.decide(&sold("#1", Some("L1"), None, 1));
    world.decide(&sold("#2", Some("L1"), Some("typed by hand"), 2));
    world.decide(&sold("#3", Some("L2"), None, 1));
    assert_eq!(phase(&world, "#1"), Phase::NeedsMapping);
    let said = map(&mut world, of_listing("L1"), Some("MUG"));
    assert_eq!(said, Ok(Verdict::New));
    for name in ["#1", "#2"] {
        assert_eq!(item_of(&world, name).as_deref(), Some("MUG"), "{name}");
        assert_eq!(phase(&world, name), Phase::Ready, "{name}");
    }
    assert_eq!(item_of(&world, "#3"), None, "it is another listing");
    world.expect("MUG 5-3");
    world.expect("web.MUG 2");
    world.expect("web.L1 2");
    world.decide(&sold("#4", Some("L1"), None, 1));
    world.expect("web.L1 1");
    assert_eq!(item_of(&world, "#4").as_deref(), Some("MUG"));
    let again = map(&mut world, of_listing("L1"), Some("MUG"));
    assert_eq!(again, Ok(Verdict::Duplicate));
    let unknown = map(&mut world, of_listing("L1"), Some("NOPE"));
    assert_eq!(unknown, Err(Refusal::NoItem(sku("NOPE"))));
}

#[test]
fn what_was_said_of_a_listing_outlives_what_its_channel_says() {
    let mut world = World::new();
    world.act("count MUG 5");
    world.act("count PLATE 9");
    list(&mut world, vec![shown("L1", Some("PLATE"))]);
    world.expect("web.L1 9");
    map(&mut world, of_listing("L1"), Some("MUG")).expect("it is mapped");
    world.expect("web.L1 5");
    for channel_sku in [Some("PLATE"), Some("OTHER"), None] {
        list(&mut world, vec![shown("L1", channel_sku)]);
        let known = &world.book.listings[&listing_key("web.L1")];
        assert_eq!(known.sku, Some(sku("MUG")), "{channel_sku:?}");
        assert_eq!(known.mapped, Some(MappedBy::Listing));
        assert_eq!(known.channel_sku.as_deref(), channel_sku);
        world.expect("web.L1 5");
    }
    assert!(!world.book.items.contains_key(&sku("OTHER")));
    world.decide(&sold("#1", Some("L1"), Some("PLATE"), 2));
    world.expect("MUG 5-2");
    world.expect("PLATE 9-0");
}

#[test]
fn taken_back_a_listing_is_what_its_channel_says_and_what_was_mapped_stays() {
    let mut world = World::new();
    world.act("count MUG 5");
    world.act("count PLATE 9");
    list(
        &mut world,
        vec![shown("L1", Some("PLATE")), shown("L2", None)],
    );
    for id in ["L1", "L2"] {
        map(&mut world, of_listing(id), Some("MUG")).expect("it is mapped");
    }
    world.decide(&sold("#1", Some("L2"), None, 1));
    for id in ["L1", "L2"] {
        let taken_back = map(&mut world, of_listing(id), None);
        assert_eq!(taken_back, Ok(Verdict::New));
    }
    let nothing = map(&mut world, of_listing("L1"), None);
    assert_eq!(nothing, Ok(Verdict::Duplicate));
    world.expect("web.L1 9");
    let offer = &world.book.offers[&listing_key("web.L2")];
    assert_eq!((offer.wanted, offer.offer), (None, None));
    assert_eq!(offer.suppressed, Some(Suppression::Unmapped));
    assert_eq!(item_of(&world, "#1").as_deref(), Some("MUG"));
    world.expect("MUG 5-1");
    world.decide(&sold("#2", Some("L2"), None, 1));
    assert_eq!(phase(&world, "#2"), Phase::NeedsMapping);
    map(&mut world, of_listing("L2"), Some("MUG")).expect("it is mapped again");
    world.expect("web.L2 3");
}

#[test]
fn a_listing_that_loses_its_sku_on_its_channel_is_told_nothing() {
    let mut world = World::new();
    world.act("count MUG 5");
    list(&mut world, vec![shown("L1", Some("MUG"))]);
    world.expect("web.L1 5");
    list(&mut world, vec![shown("L1", None)]);
    let offer = &world.book.offers[&listing_key("web.L1")];
    assert_eq!(offer.suppressed, Some(Suppression::Unmapped));
    world.act("count MUG 3");
    let offer = &world.book.offers[&listing_key("web.L1")];
    assert_eq!(offer.wanted, None);
    list(&mut world, vec![shown("L1", Some("MUG"))]);
    world.expect("web.L1 3");
}

#[test]
fn a_sku_that_no_listing_has_can_be_said_to_be_an_item() {
    let mut world = World::new();
    world.act("count MUG 5");
    world.decide(&sold("#1", None, Some("mug, big"), 1));
    world.decide(&sold("#2", None, Some(" mug, big "), 1));
    map(&mut world, of_sku("mug, big"), Some("MUG")).expect("it is mapped");
    world.decide(&sold("#3", None, Some("mug, big"), 1));
    for name in ["#1", "#2", "#3"] {
        assert_eq!(item_of(&world, name).as_deref(), Some("MUG"), "{name}");
    }
    world.expect("MUG 5-3");
}

#[test]
fn a_sku_maps_all_listings_that_carry_it_but_those_that_were_mapped_by_themselves() {
    let mut world = World::new();
    world.act("count MUG 5");
    world.act("count PLATE 9");
    let both = || vec![shown("L1", Some("BIG")), shown("L2", Some("BIG"))];
    list(&mut world, both());
    map(&mut world, of_listing("L2"), Some("PLATE")).expect("it is mapped");
    map(&mut world, of_sku("BIG"), Some("MUG")).expect("it is mapped");
    world.expect("web.L1 5");
    world.expect("web.L2 9");
    list(&mut world, both());
    world.expect("web.L1 5");
    // A listing that comes later carries it too, and one that is given another SKU does not any more.
    let later = vec![shown("L1", Some("PLATE")), shown("L3", Some("BIG"))];
    list(&mut world, later);
    world.expect("web.L1 9");
    world.expect("web.L3 5");
    map(&mut world, of_sku("BIG"), Some("PLATE")).expect("it is mapped to another");
    world.expect("web.L3 9");
    map(&mut world, of_listing("L2"), None).expect("it is taken back");
    let known = &world.book.listings[&listing_key("web.L2")];
    assert_eq!(known.mapped, Some(MappedBy::ChannelSku));
    map(&mut world, of_sku("BIG"), None).expect("it is taken back");
    for id in ["web.L2", "web.L3"] {
        let known = &world.book.listings[&listing_key(id)];
        assert_eq!(known.sku, Some(sku("BIG")), "{id}");
        assert_eq!(known.mapped, None, "{id}");
    }
}

#[test]
fn a_kit_takes_its_components_and_what_left_before_leaves_the_shelf() {
    let mut world = World::new();
    world.act("count MUG 9");
    world.act("count PLATE 9");
    let mut early = sold("#1", Some("L1"), None, 2);
    if let Signal::Order { snapshot, .. } = &mut early {
        snapshot.lines[0].shipped = crate::Decimal::whole(1);
    }
    world.decide(&early);
    map(&mut world, of_listing("L1"), Some("SET")).expect("a listing may be a kit");
    world.expect("MUG 7-2");
    world.expect("PLATE 8-1");
}

#[test]
fn what_waits_is_looked_at_again_order_by_order() {
    let mut world = World::new();
    world.decide(&sold("#1", Some("L1"), None, 1));
    let order = world.id("#1");
    world.decide(&Signal::MapWaiting { order });
    assert_eq!(item_of(&world, "#1"), None);
    // The engine loads a part of what waits with the command, and the rest comes by itself.
    let waits = world.book.orders.remove(&order).expect("it waits");
    map(&mut world, of_listing("L1"), Some("MUG")).expect("it is mapped");
    world.book.orders.insert(order, waits);
    world.decide(&Signal::MapWaiting { order });
    assert_eq!(item_of(&world, "#1").as_deref(), Some("MUG"));
}
