//! The shop: how units move, who is refused, what the index knows, and that chance has a seed.

use domain::ExternalId;
use serde_json::json;

use super::{Counter, sku};
use crate::{Act, Refused};

#[test]
fn units_move_between_available_and_committed() {
    let mut counter = Counter::open(1);
    let id = counter.buy(&[("MUG", 3)], true);
    assert_eq!(counter.counts("MUG"), [7, 3, 10]);
    let order = ExternalId::new(id.to_string());
    counter
        .twin
        .act(&Act::Ship(order), counter.now)
        .expect("shipped");
    assert_eq!(counter.counts("MUG"), [7, 0, 7]);
    let id = counter.buy(&[("MUG", 2)], false);
    let order = ExternalId::new(id.to_string());
    counter
        .twin
        .act(&Act::Cancel(order), counter.now)
        .expect("canceled");
    assert_eq!(counter.counts("MUG"), [7, 0, 7]);
    let id = counter.buy(&[("MUG", 2)], false);
    let order = ExternalId::new(id.to_string());
    counter
        .twin
        .act(&Act::Delete(order), counter.now)
        .expect("deleted");
    assert_eq!(
        counter.counts("MUG"),
        [5, 0, 5],
        "what was committed is gone"
    );
    let item = counter.item("MUG");
    let location = counter.twin.settings()["location_id"]
        .as_str()
        .expect("a number")
        .to_owned();
    counter.buy(&[("MUG", 1)], true);
    let set = format!(
        "mutation {{ inventorySetQuantities(input: {{ name: \"on_hand\", reason: \"correction\",
            quantities: [{{ inventoryItemId: \"{item}\", quantity: 9, changeFromQuantity: 5,
                locationId: \"gid://shopify/Location/{location}\" }}] }})
            @idempotent(key: \"k\") {{ userErrors {{ code }} }} }}"
    );
    assert_eq!(
        counter.data(&set)["inventorySetQuantities"]["userErrors"],
        json!([])
    );
    assert_eq!(counter.counts("MUG"), [8, 1, 9]);
}

#[test]
fn buyers_and_staff_are_refused_by_the_rules_of_the_shop() {
    let mut counter = Counter::open(1);
    let id = counter.buy(&[("MUG", 3)], false);
    let order = ExternalId::new(id.to_string());
    let buy = |basket: &[(&str, u32)]| Act::Buy {
        basket: basket
            .iter()
            .map(|(code, units)| (sku(code), *units))
            .collect(),
        paid: true,
    };
    let impossible = |why| Refused::Impossible(why);
    for (act, refused) in [
        (buy(&[("MUG", 8)]), Refused::OutOfStock(sku("MUG"))),
        (
            buy(&[("MUG", 4), ("MUG", 4)]),
            Refused::OutOfStock(sku("MUG")),
        ),
        (
            buy(&[("WRAP", 1), ("PLATE", 5)]),
            Refused::OutOfStock(sku("PLATE")),
        ),
        (buy(&[("FORK", 1)]), Refused::Unknown("FORK".to_owned())),
        (buy(&[("MUG", 0)]), impossible("nothing is in the basket")),
        (buy(&[]), impossible("nothing is in the basket")),
        (
            Act::Refund(order.clone()),
            impossible("there is nothing to give back"),
        ),
        (
            Act::SetLevel(sku("WRAP"), 3),
            impossible("the product is not counted"),
        ),
        (
            Act::SetLevel(sku("FORK"), 3),
            Refused::Unknown("FORK".to_owned()),
        ),
        (Act::Pay("17".into()), Refused::Unknown("17".to_owned())),
        (Act::Ship("x".into()), Refused::Unknown("x".to_owned())),
    ] {
        assert_eq!(counter.twin.act(&act, counter.now), Err(refused), "{act:?}");
    }
    let levels = counter.twin.truth().levels;
    assert_eq!(levels[&sku("MUG")], 7, "a refused basket takes nothing");
    for (act, then) in [
        (Act::Pay(order.clone()), "the order is paid"),
        (Act::Ship(order.clone()), "nothing is left to ship"),
    ] {
        counter.twin.act(&act, counter.now).expect("done");
        assert_eq!(counter.twin.act(&act, counter.now), Err(impossible(then)));
    }
    for act in [Act::Cancel(order.clone()), Act::Delete(order)] {
        let why = "something of the order was shipped";
        assert_eq!(counter.twin.act(&act, counter.now), Err(impossible(why)));
    }
}

#[test]
fn the_search_is_behind_and_the_node_is_not() {
    let mut counter = Counter::open(1);
    let search = "{ orders(first: 9, query: \"updated_at:>='2026-11-01T10:00:00Z'\",
        sortKey: UPDATED_AT) { nodes { legacyResourceId updatedAt } } }";
    let found = |counter: &mut Counter| {
        let data = counter.data(search);
        data["orders"]["nodes"].as_array().expect("nodes").len()
    };
    let id = counter.buy(&[("MUG", 1)], false);
    counter.wait(1_999);
    assert_eq!(found(&mut counter), 0);
    let node = counter.data(&format!(
        "{{ order(id: \"gid://shopify/Order/{id}\") {{ id }} }}"
    ));
    assert!(node["order"]["id"].is_string());
    counter.wait(1);
    assert_eq!(found(&mut counter), 1);
    // A change moves it in the index only later, but what is answered is what it is now.
    counter.wait(60_000);
    let order = ExternalId::new(id.to_string());
    counter
        .twin
        .act(&Act::Pay(order), counter.now)
        .expect("paid");
    let late = search.replace("10:00:00Z", "10:01:00Z");
    assert_eq!(counter.data(&late)["orders"]["nodes"], json!([]));
    let node = &counter.data(search)["orders"]["nodes"][0];
    assert_eq!(node["updatedAt"], "2026-11-01T10:01:02Z");
    counter.wait(2_000);
    assert_eq!(
        counter.data(&late)["orders"]["nodes"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

/// Everything that happens in a shop of one seed, as text.
fn trace(seed: u64) -> String {
    let mut counter = Counter::open(seed);
    let mut trace = String::new();
    for step in 0..12 {
        let id = counter.buy(
            &[("WRAP", 1), ("MUG", u32::from(step % 3 == 0))],
            step % 2 == 0,
        );
        counter.wait(700);
        let order = ExternalId::new(id.to_string());
        let done = counter.twin.act(&Act::Ship(order), counter.now);
        trace.push_str(&format!("{done:?}\n"));
        for delivery in counter.twin.take_deliveries(counter.now) {
            let body = String::from_utf8_lossy(delivery.request.body()).into_owned();
            trace.push_str(&format!(
                "{} {:?} {body}\n",
                delivery.id,
                delivery.request.headers()
            ));
            let status = (step % 4 != 0).then_some(200);
            counter.twin.delivered(delivery.id, status, counter.now);
        }
    }
    trace
}

#[test]
fn one_seed_is_one_story() {
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}
