//! What went wrong is mended in the browser: a line that nobody knows, and a push that its channel refused.

use sandbox::{Act, Odd};
use serde_json::json;

use super::judge;
use crate::{
    browser::driver::Window,
    kit::{SOON, goods::sku, until, world::World},
};

/// Staff of the web shop never typed the SKU in, so somebody says what was sold, and the order goes on.
pub(super) async fn fix_a_mapping(world: &World, window: &Window, axe: Option<&str>) {
    let id = world.buy("web-shop", &[("BOWL", 1)]);
    let waits = |order: &serde_json::Value| order["phase"] == "needs_mapping";
    let order = world.expect_order_where("web-shop", &id, "needs mapping", waits);
    let order = order.await;
    let order = order["id"].as_str().expect("an id");
    let url = &world.api.admin_url;
    judge(window, &format!("{url}/orders/{order}"), axe).await;
    window.go(&format!("{url}/orders/{order}")).await;
    window.expect("no item yet").await;
    let form = format!("form[action='/orders/{order}/map']");
    let field = format!("{form} input[name=sku]:not([type=hidden])");
    window.write(&field, "BOWL\u{e007}").await;
    window.expect("Done.").await;
    let is_ready = |order: &serde_json::Value| order["phase"] == "ready";
    world
        .expect_order_where("web-shop", &id, "is ready", is_ready)
        .await;
    // A search finds it by its item, as it would when it is over.
    window.go(&format!("{url}/orders?q=bowl")).await;
    assert!(window.url().await.ends_with(order), "it is the only one");
}

/// The market refuses a level, until staff there unlock the listing and somebody sends it again.
pub(super) async fn send_again(world: &World, window: &Window, axe: Option<&str>) {
    let market = world.shop("market");
    let spoon = sku("SPOON");
    market
        .act(&Act::Make(spoon.clone(), Odd::Locked))
        .expect("it can be locked");
    let before = world.level("market", "SPOON");
    let body = json!({ "sku": "SPOON", "delta": 7, "reason": "found some" });
    world.api.post("/api/v1/stock/adjustments", body).await;
    until(&world.ports, "a push is parked", SOON, async || {
        let parked = world.api.all("/api/v1/outbox?state=parked").await?;
        let is_there = parked.iter().any(|one| one["sku"] == "SPOON");
        is_there.then_some(()).ok_or_else(|| format!("{parked:?}"))
    })
    .await;
    let page = format!("{}/stuck", world.api.admin_url);
    judge(window, &page, axe).await;
    window.go(&page).await;
    window.expect("SPOON").await;
    market
        .act(&Act::Make(spoon, Odd::Unlocked))
        .expect("it can be unlocked");
    let button = "form[action='/stuck/send'] input[name=account][value=market] ~ button";
    window.click(button).await;
    window.expect("Done.").await;
    world.expect_level("market", "SPOON", before + 7).await;
}
