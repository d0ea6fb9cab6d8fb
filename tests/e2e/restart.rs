//! An orderly end, and going on where it stopped.

use std::collections::BTreeMap;

use sandbox::Truth;

use crate::kit::{
    SOON,
    book::Book,
    world::{END_WITHIN, Plan, SHOPS, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_sigterm_it_goes_on_where_it_stopped_and_writes_nothing_anew() {
    let world = World::open(Plan::default()).await;
    let daemon = world.adopt().await;
    for (account, _) in SHOPS {
        world.buy(account, &[("BOWL", 1), ("JUG", 2)]);
        world.buy(account, &[("SPOON", 3)]);
    }
    world.settle().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    let before = Book::read(&world).await;
    assert_eq!(before.orders.len(), 8);
    let told = truths(&world);

    let daemon = world.start().await;
    world.settle().await;
    for (account, truth) in truths(&world) {
        assert_eq!(
            truth.writes, told[&account].writes,
            "{account} was written to"
        );
        assert_eq!(truth.level_writes, told[&account].level_writes);
    }
    // It does go on: the next order is taken in, and every shop is told.
    let id = world.buy("market", &[("VASE", 1)]);
    world.expect_order("market", &id).await;
    for (account, _) in SHOPS {
        world.expect_level(account, "VASE", 8).await;
    }
    world.settle().await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));

    let after = Book::read(&world).await;
    for order in &before.orders {
        let now = after.orders.iter().find(|other| other.id == order.id);
        let now = now.unwrap_or_else(|| panic!("{} is gone", order.id));
        assert_eq!(now.lines, order.lines, "{}", order.id);
    }
    assert_eq!(after.orders.len(), 9);
    for claim in &before.claims {
        assert!(after.claims.contains(claim), "{claim:?} is gone");
    }
    for offer in before
        .offers
        .iter()
        .filter(|offer| offer.sku.as_str() != "VASE")
    {
        let mut others = after.offers.iter();
        let same = others.find(|o| o.account == offer.account && o.listing == offer.listing);
        assert_eq!(same.expect("an offer").wanted, offer.wanted, "{offer:?}");
    }
    for (key, cursor) in &before.cursors {
        assert!(after.cursors[key].changed_since >= cursor.changed_since);
    }
    assert_eq!(
        after.facts[..before.facts.len()],
        before.facts,
        "history stays"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reaches_it_can_also_end_it_in_order() {
    let world = World::open(Plan::default()).await;
    world.adopt().await.kill();
    let mut daemon = world.spawn();
    let admin = world.api.admin_url.trim_start_matches("http://");
    let end = world.ports.clock.now().plus(SOON);
    // As often as can be: what is looked for is over soon.
    let hears = loop {
        assert!(world.ports.clock.now() < end, "nobody reaches it");
        assert_eq!(daemon.ended(), None, "{}", daemon.stderr());
        let (is_reached, hears) = daemon.is_reached_and_hears(admin);
        if is_reached {
            break hears;
        }
    };
    assert!(hears, "SIGTERM would end it in the middle of its work");
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
}

fn truths(world: &World) -> BTreeMap<String, Truth> {
    let shops = world.shops.iter();
    shops
        .map(|shop| (shop.account.clone(), shop.truth()))
        .collect()
}
