//! Adoption day: shops that are watched, counted, previewed and armed, on the real daemon.

use domain::Time;
use serde_json::{Value, json};

use crate::kit::{
    SOON,
    goods::sku,
    until,
    world::{Plan, World},
};
use sandbox::Act;

const WATCHED: [&str; 2] = ["web-shop", "market"];

/// Opens two shops that are watched, with no source of opening stock configured.
async fn watched() -> World {
    let shops = vec![("web-shop", "woocommerce"), ("market", "ebay")];
    let world = World::open(Plan {
        shops,
        observed: WATCHED.to_vec(),
        ..Plan::default()
    })
    .await;
    let file = world.config().join("oneshelf.toml");
    let text = std::fs::read_to_string(&file).expect("our own file");
    let text = text.replace("opening = \"web-shop\"\n", "");
    std::fs::write(&file, text).expect("our own file");
    world
}

async fn step(world: &World, account: &str) -> Value {
    let adoption = world.api.get("/api/v1/adoption").await;
    let steps = adoption["accounts"].as_array().expect("accounts").clone();
    let mut steps = steps.into_iter().filter(|step| step["account"] == account);
    steps.next().expect("an account")
}

async fn report(world: &World, account: &str) -> Value {
    let path = format!("/api/v1/adoption/report?account={account}&since=1h");
    world.api.get(&path).await["accounts"][0].take()
}

/// Waits until all levels were read, and opening stock was taken from the web shop.
async fn count(world: &World) {
    for account in WATCHED {
        until(&world.ports, "levels are read", SOON, async || {
            let step = step(world, account).await;
            let is_read = step["compared_at"].is_string() && step["listings"] != 0;
            is_read.then_some(()).ok_or(step.to_string())
        })
        .await;
    }
    let path = "/api/v1/adoption/web-shop/opening";
    let shown = world.api.get(path).await;
    assert_ne!(shown["to_count"], 0, "{shown}");
    world.api.post(path, json!({})).await;
    until(&world.ports, "stock was taken", SOON, async || {
        let shown = world.api.get(path).await;
        let is_over = shown["is_under_way"] == false && shown["to_count"] == 0;
        is_over.then_some(()).ok_or(shown.to_string())
    })
    .await;
    let again = world
        .api
        .try_post(path, None, json!({}))
        .await
        .expect("an answer");
    assert_eq!(again.body["code"], "already-counted", "{:?}", again.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shops_are_watched_counted_previewed_and_armed() {
    let world = watched().await;
    let _daemon = world.start().await;
    count(&world).await;
    let before = world.level("market", "JUG");
    // All are sold in the web shop; the market does not know, and sells two once more.
    world.buy(
        "web-shop",
        &[("JUG", u32::try_from(before).expect("a level"))],
    );
    until(&world.ports, "the sale is known", SOON, async || {
        let late = report(&world, "market").await;
        (late["late"]["sales"] == 1)
            .then_some(())
            .ok_or(late.to_string())
    })
    .await;
    let short = world.buy("market", &[("JUG", 2)]);
    world
        .expect_order_where("market", &short, "is short", |order| {
            order["phase"] == "short"
        })
        .await;
    let seen = report(&world, "market").await;
    assert_eq!(seen["late"]["units"], before, "{seen}");
    assert_ne!(seen["late"]["unit_seconds"], 0, "{seen}");
    assert_eq!(seen["late"]["open"], 1, "{seen}");
    assert_eq!(seen["oversells"]["units"], 2, "{seen}");
    // Nothing was measured, a minute is assumed, and this sale came sooner.
    assert_eq!(seen["lag_from"], "assumed", "{seen}");
    let of = |key: &str| seen["oversells"][key].as_u64().expect("a number");
    assert_eq!(of("too_soon") + of("unknown"), 1, "{seen}");

    let arm = "/api/v1/adoption/market/arm";
    let refused = world
        .api
        .try_post(arm, None, json!({}))
        .await
        .expect("an answer");
    assert_eq!(refused.body["code"], "not-previewed");
    let preview = "/api/v1/adoption/market/preview";
    world.api.post(preview, json!({})).await;
    // Somebody counts after the preview: that was not shown.
    let count = json!({ "sku": sku("SPOON").as_str(), "to": 5, "reason": "counted" });
    world.api.post("/api/v1/stock/adjustments", count).await;
    let refused = world
        .api
        .try_post(arm, None, json!({}))
        .await
        .expect("an answer");
    assert_eq!(refused.body["code"], "preview-stale", "{:?}", refused.body);
    let shown = world.api.post(preview, json!({})).await;
    let writes = shown["writes"].as_array().expect("writes");
    let jug = writes
        .iter()
        .find(|write| write["sku"] == "JUG")
        .expect("a jug");
    assert_eq!(jug["to"], 0, "{jug}");
    assert_eq!(world.shop("market").truth().writes, 0);
    world.api.post(arm, json!({})).await;
    world.expect_level("market", "JUG", 0).await;
    world.expect_level("market", "SPOON", 5).await;
    world.settle().await;
    assert_eq!(step(&world, "market").await["mode"], "live");
    assert_eq!(world.shop("web-shop").truth().writes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_late_survives_a_restart_and_ends_when_somebody_lowers_the_level() {
    let world = watched().await;
    let daemon = world.start().await;
    count(&world).await;
    let began: Time = world.ports.clock.now();
    world.buy("web-shop", &[("JUG", 3)]);
    until(&world.ports, "the sale is known", SOON, async || {
        let late = report(&world, "market").await;
        (late["late"]["open"] == 1)
            .then_some(())
            .ok_or(late.to_string())
    })
    .await;
    daemon.kill();
    let _daemon = world.start().await;
    // The old tool of the merchant lowers it.
    let level = world.level("market", "JUG") - 3;
    let lower = Act::SetLevel(sku("JUG"), level);
    world
        .shop("market")
        .act(&lower)
        .expect("staff may edit levels");
    until(&world.ports, "it is over", SOON, async || {
        let late = report(&world, "market").await;
        (late["late"]["open"] == 0)
            .then_some(())
            .ok_or(late.to_string())
    })
    .await;
    let seen = report(&world, "market").await;
    assert_eq!(
        (&seen["late"]["count"], &seen["late"]["units"]),
        (&json!(1), &json!(3))
    );
    let until: Time = seen["late"]["cases"][0]["until"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    assert!(until > began, "{seen}");
    assert_eq!(seen["drift"]["count"], 0, "what agrees is no drift: {seen}");
}
