//! What is told of people: sealed wherever it is kept, found by those who may, and forgotten for good.

use std::{collections::BTreeSet, path::Path};

use domain::ExternalId;
use serde_json::Value;

use crate::kit::{
    SOON,
    book::Book,
    bytes::everything_below,
    daemon::{Ended, run},
    until,
    world::{END_WITHIN, Plan, SHOPS, World},
};

/// The shop whose orders name somebody by e-mail.
const SHOP: &str = "web-shop";

fn online(world: &World, arguments: &[&str]) -> Ended {
    let api = ["--url", &world.api.admin_url, "--token", &world.api.token];
    run(&[arguments, &api].concat())
}

async fn order(world: &World, id: &ExternalId) -> Value {
    let listed = world.expect_order(SHOP, id).await;
    let id = listed["id"].as_str().expect("an id");
    world.api.get(&format!("/api/v1/orders/{id}")).await
}

/// All that orders say of people, but for words that many have in common.
async fn people(world: &World) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for listed in world.api.all("/api/v1/orders").await.expect("orders") {
        let id = listed["id"].as_str().expect("an id");
        let order = world.api.get(&format!("/api/v1/orders/{id}")).await;
        for key in ["name", "email", "phone"] {
            texts.extend(order["buyer"][key].as_str().map(str::to_owned));
        }
        let street = order["ship_to"]["street"].as_array().into_iter().flatten();
        texts.extend(street.filter_map(|line| line.as_str().map(str::to_owned)));
    }
    texts.retain(|text| text.len() > 5);
    texts
}

/// No byte below a folder says one of these, nor anything that is compressed there.
fn expect_nowhere(texts: &BTreeSet<String>, folder: &Path) {
    let all = everything_below(folder);
    let sizes = all.iter().map(|(_, content)| content.len());
    let holds = all.len() > 3 && sizes.sum::<usize>() > 10_000;
    assert!(holds, "{} holds something", folder.display());
    for (path, content) in all {
        let said = texts.iter().find(|text| content.contains(*text));
        assert_eq!(said, None, "{} says it", path.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_people_is_sealed_everywhere_and_forgotten_for_good() {
    let world = World::open(Plan::default()).await;
    let backups = world.keep_backups();
    let daemon = world.adopt().await;
    for (account, _) in SHOPS {
        world.buy(account, &[("BOWL", 1)]);
    }
    let (sent, waiting) = (
        world.buy(SHOP, &[("JUG", 1)]),
        world.buy(SHOP, &[("SPOON", 1)]),
    );
    world.settle().await;
    let known = people(&world).await;
    assert!(known.len() > 5, "there are people: {known:?}");
    let made = online(&world, &["backup", "create"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let secrets = world.secrets.iter().cloned();
    let private: BTreeSet<String> = known.into_iter().chain(secrets).collect();
    expect_nowhere(&private, &world.state());
    expect_nowhere(&private, &backups);

    let (sent, waiting) = (order(&world, &sent).await, order(&world, &waiting).await);
    forget(&world, &sent, &waiting).await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));

    // The channel tells of them again, and that is not kept.
    let daemon = world.start().await;
    world.settle().await;
    expect_forgotten(&world, &sent).await;
    assert_eq!(daemon.terminate(END_WITHIN).await, Some(0));
    expect_unreadable(&world, &[&sent, &waiting]).await;
}

/// Nothing is said of its people, and everything else is as it was.
async fn expect_forgotten(world: &World, before: &Value) {
    let id = before["id"].as_str().expect("an id");
    let now = world.api.get(&format!("/api/v1/orders/{id}")).await;
    assert_eq!(now["buyer"]["email"], "", "{now}");
    assert_eq!(now["buyer"]["name"], "", "{now}");
    assert!(now["ship_to"].is_null(), "{now}");
    assert_eq!(now["erasure"]["by"], "ann");
    assert_eq!(now["total"], before["total"]);
    assert_eq!(now["lines"][0]["sku"], before["lines"][0]["sku"]);
}

/// Finds and erases the buyers of an order that can go and of one that must be sent first.
async fn forget(world: &World, sent: &Value, waiting: &Value) {
    let found = online(world, &["people", "find", &email(sent).to_uppercase()]);
    assert!(found.stdout.contains(&id(sent)), "{found:?}");
    assert!(!found.stdout.contains(&id(waiting)), "{found:?}");
    let shipped = online(world, &["orders", "ship", &id(sent)]);
    assert_eq!(shipped.code, Some(0), "{shipped:?}");

    let asked = online(world, &["people", "erase", &email(sent)]);
    assert!(asked.stdout.contains("Say --yes"), "{asked:?}");
    let now = world.api.get(&format!("/api/v1/orders/{}", id(sent))).await;
    assert_eq!(now["buyer"], sent["buyer"], "a preview changes nothing");
    let yes = |order: &Value| {
        let who = email(order);
        online(world, &["people", "erase", &who, "--by", "ann", "--yes"])
    };
    let erased = yes(sent);
    assert!(erased.stdout.contains("Erased in 1 order."), "{erased:?}");
    let later = yes(waiting);
    assert!(later.stdout.contains("must still be sent"), "{later:?}");
    let again = yes(sent);
    assert_ne!(again.code, Some(0), "it is not found any more: {again:?}");
    expect_forgotten(world, sent).await;
    let kept = world
        .api
        .get(&format!("/api/v1/orders/{}", id(waiting)))
        .await;
    assert_eq!(kept["buyer"], waiting["buyer"], "its address is needed");

    let shipped = online(world, &["orders", "ship", &id(waiting)]);
    assert_eq!(shipped.code, Some(0), "{shipped:?}");
    until(&world.ports, "the second is erased", SOON, async || {
        let order = world
            .api
            .get(&format!("/api/v1/orders/{}", id(waiting)))
            .await;
        let is_done = order["erasure"]["done_at"].is_string();
        if is_done {
            Ok(())
        } else {
            Err(order.to_string())
        }
    })
    .await;
    world.settle().await;
    expect_forgotten(world, waiting).await;
}

/// Nothing that was kept of these orders can be read, by anybody.
async fn expect_unreadable(world: &World, orders: &[&Value]) {
    let book = Book::read(world).await;
    assert!(book.persons.len() >= 3, "the others are kept");
    for order in orders {
        let email = email(order);
        let keeps = |person: &&domain::person::Person| person.buyer.email == email;
        assert!(!book.persons.iter().any(|person| keeps(&person)), "{email}");
        for signal in &book.signals {
            let body = String::from_utf8_lossy(&signal.request.body);
            assert!(
                !body.contains(&email),
                "a hook that can be read says {email}"
            );
        }
    }
}

fn id(order: &Value) -> String {
    order["id"].as_str().expect("an id").to_owned()
}

fn email(order: &Value) -> String {
    order["buyer"]["email"].as_str().expect("one").to_owned()
}
