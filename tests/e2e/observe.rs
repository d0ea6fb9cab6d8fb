//! Accounts that are only observed, armed, frozen and let go again.

use std::collections::BTreeMap;

use sandbox::Act;
use serde_json::{Value, json};

use crate::kit::{
    SOON,
    goods::sku,
    until,
    world::{Plan, World},
};

/// What the preview says that would be written: SKU and level.
async fn previewed(world: &World, account: &str) -> BTreeMap<String, i64> {
    let path = format!("/api/v1/accounts/{account}/freeze-preview");
    let preview = world.api.get(&path).await;
    let writes = preview["writes"].as_array().expect("writes").iter();
    let entry = |write: &Value| {
        let code = write["sku"].as_str().expect("a SKU").to_owned();
        (code, write["to"].as_i64().expect("a level"))
    };
    writes.map(entry).collect()
}

/// What was written since so many writes: SKU and level, each once.
fn written(world: &World, account: &str, after: usize) -> BTreeMap<String, i64> {
    let writes = world.shop(account).truth().level_writes;
    let since = &writes[after..];
    let map: BTreeMap<String, i64> = since
        .iter()
        .map(|write| (write.sku.to_string(), write.to))
        .collect();
    assert_eq!(
        map.len(),
        since.len(),
        "each level was written once: {since:?}"
    );
    map
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observed_account_is_not_written_to_and_armed_is_told_what_was_shown() {
    let observed = vec!["till", "market", "boutique"];
    let world = World::open(Plan {
        observed: observed.clone(),
        ..Plan::default()
    })
    .await;
    let _daemon = world.adopt().await;
    // Sold on the live account, sold on each observed one, and edited by staff there.
    world.buy("web-shop", &[("JUG", 3)]);
    for account in &observed {
        let id = world.buy(account, &[("MUG-S", 1)]);
        world.expect_order(account, &id).await;
        let edit = Act::SetLevel(sku("SPOON"), 85);
        world
            .shop(account)
            .act(&edit)
            .expect("staff may edit levels");
    }
    world.expect_level("web-shop", "MUG-S", 57).await;
    world.settle().await;
    let expected = BTreeMap::from([
        ("JUG".to_owned(), 37),
        ("MUG-S".to_owned(), 57),
        ("SPOON".to_owned(), 90),
    ]);
    for account in &observed {
        let truth = world.shop(account).truth();
        assert_eq!(truth.writes, 0, "{account} was written to");
        assert_eq!(previewed(&world, account).await, expected, "{account}");
        let path = format!("/api/v1/listings?account={account}&sku=JUG");
        let listings = world.api.all(&path).await.expect("listings");
        let would = &listings[0]["would_write"];
        assert_eq!(
            *would,
            json!({ "from": 40, "to": 37 }),
            "{account}: {listings:?}"
        );
    }
    for account in &observed {
        let path = format!("/api/v1/accounts/{account}/mode");
        world.api.post(&path, json!({ "mode": "live" })).await;
        world.expect_level(account, "JUG", 37).await;
    }
    world.settle().await;
    for account in &observed {
        assert_eq!(written(&world, account, 0), expected, "{account}");
        assert_eq!(
            previewed(&world, account).await,
            BTreeMap::new(),
            "{account}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_account_is_not_written_to_until_it_is_let_go() {
    let world = World::open(Plan::default()).await;
    let daemon = world.adopt().await;
    world.settle().await;
    let before = world.shop("market").truth();
    let frozen = world
        .api
        .post("/api/v1/accounts/market/freeze", json!({}))
        .await;
    assert_eq!(frozen["may_write"], false, "{frozen}");
    let id = world.buy("web-shop", &[("JUG", 3)]);
    world.expect_order("web-shop", &id).await;
    world.expect_level("till", "JUG", 37).await;
    world.settle().await;
    let still = world.shop("market").truth();
    assert_eq!(still.writes, before.writes);
    // The red button outlives the process.
    daemon.kill();
    let _daemon = world.start().await;
    world.settle().await;
    assert_eq!(world.shop("market").truth().writes, before.writes);
    let waiting = previewed(&world, "market").await;
    assert_eq!(waiting, BTreeMap::from([("JUG".to_owned(), 37)]));
    world
        .api
        .post("/api/v1/accounts/market/unfreeze", json!({}))
        .await;
    until(&world.ports, "the level is told", SOON, async || {
        let told = written(&world, "market", before.level_writes.len());
        if told == waiting {
            Ok(())
        } else {
            Err(format!("{told:?}"))
        }
    })
    .await;
}
