//! What an order says of people can be erased, and does not come back.

use super::{
    reports::{line_snapshot, order_snapshot},
    world::World,
    *,
};
use crate::{
    decide::fingerprint,
    person::Person,
    signal::Source,
    snapshot::{Address, Buyer, OrderSnapshot, Version},
};

fn snapshot(revision: i64) -> OrderSnapshot {
    let mut snapshot = order_snapshot("#1");
    snapshot.version = Version {
        revision,
        changed_at: Time::from_seconds(revision),
    };
    snapshot.buyer = Buyer {
        name: "Ada Example".to_owned(),
        email: "ada@example.com".to_owned(),
        ..Buyer::default()
    };
    snapshot.ship_to = Some(Address {
        country: "de".to_owned(),
        city: "Town".to_owned(),
        ..Address::default()
    });
    snapshot.lines.push(line_snapshot("MUG:1", false));
    snapshot
}

fn placed(snapshot: OrderSnapshot) -> Signal {
    Signal::Order {
        account: AccountId::new("web"),
        snapshot: Box::new(snapshot),
        source: Source::Read,
    }
}

fn world_with_an_order() -> (World, OrderId) {
    let mut world = World::new();
    world.act("count MUG 10");
    world.decide(&placed(snapshot(1)));
    let order = *world.book.orders.keys().next().expect("the order");
    (world, order)
}

fn asked(order: OrderId) -> Signal {
    Signal::Command(Command::Erase {
        order,
        by: "ann".to_owned(),
    })
}

#[test]
fn what_must_still_be_sent_keeps_its_address_until_it_left() {
    let (mut world, order) = world_with_an_order();
    world.decide(&asked(order));
    assert!(world.book.persons.contains_key(&order), "it is not sent");
    world.decide(&Signal::Forget { order });
    assert!(world.book.persons.contains_key(&order));
    assert!(!world.book.orders[&order].is_erased());

    world.act("ship #1");
    world.decide(&Signal::Forget { order });
    assert!(world.book.persons.is_empty());
    let order = &world.book.orders[&order];
    assert_eq!(order.erasure.as_ref().map(|e| e.by.as_str()), Some("ann"));
    assert!(order.is_erased() && order.total.is_positive());
    let destination = order.destination.as_ref().map(|to| to.country.as_str());
    assert_eq!(destination, Some("DE"), "it names nobody");
}

#[test]
fn what_is_erased_does_not_come_back_with_the_next_view() {
    let (mut world, order) = world_with_an_order();
    world.act("ship #1");
    world.decide(&asked(order));
    assert!(world.book.orders[&order].is_erased(), "nothing is to send");
    let mut later = snapshot(2);
    later.words.insert("status".to_owned(), "done".to_owned());
    world.decide(&placed(later));
    assert_eq!(world.book.orders[&order].version.revision, 2);
    assert!(world.book.persons.is_empty());
}

#[test]
fn a_view_without_people_is_decided_about_as_the_whole_one() {
    let whole = snapshot(1);
    let plain = whole.without_people();
    assert_eq!(fingerprint(&whole), fingerprint(&plain));
    assert_eq!(plain.without_people(), plain);
    let text = serde_json::to_string(&plain).expect("text keys");
    for word in ["Ada", "ada@", "Town"] {
        assert!(!text.contains(word), "{text}");
    }
    let mut other = whole;
    other.buyer.name = "Eve".to_owned();
    assert_ne!(fingerprint(&other), fingerprint(&plain));
    assert!(Person::of(&other).is_some() && Person::of(&order_snapshot("#2")).is_none());
}
