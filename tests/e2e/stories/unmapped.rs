//! A listing without a SKU: what is sold of it waits until somebody says what it is.

use sandbox::{Act, Odd, Refused};
use serde_json::{Value, json};

use super::{SOON, Story};
use crate::kit::{
    goods::sku,
    until,
    world::{Plan, SHOPS, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_without_a_sku_is_fixed_later() {
    let mut shops = SHOPS.to_vec();
    shops.reverse();
    let world = World::open(Plan {
        shops,
        ..Plan::default()
    })
    .await;
    // Staff of the web shop never typed it in. On the other three every listing has one.
    for (account, _) in SHOPS {
        let made = world
            .shop(account)
            .act(&Act::Make(sku("JUG"), Odd::Nameless));
        match account {
            "web-shop" => assert!(made.is_ok(), "{made:?}"),
            _ => assert!(matches!(made, Err(Refused::Impossible(_))), "{made:?}"),
        }
    }
    let story = Story::begins_in(world, "").await;
    let first = story.bought("web-shop", &[("JUG", 2), ("BOWL", 1)]);
    let second = story.bought("web-shop", &[("JUG", 1)]);
    let mut waiting = Vec::new();
    for id in [first, second] {
        let sold = story.known("web-shop", id).await;
        story.comes_to(&sold, "needs_mapping").await;
        story
            .is_refused(&sold, "shipments", json!({}), "wrong-phase")
            .await;
        waiting.push(sold);
    }
    let order = story.shown(&waiting[0]).await;
    let next = order["next"].to_string();
    assert!(next.contains("map"), "it says what to do: {next}");
    for sold in &waiting {
        let order = story.shown(sold).await;
        let unknown = |line: &&Value| line["sku"].is_null();
        let line = super::list(&order["lines"]).find(unknown);
        let line = &line.expect("a line that nobody knows")["number"];
        let suggested = super::list(&order["lines"])
            .find(unknown)
            .map(|line| line["suggestions"].to_string());
        assert!(suggested.is_some_and(|one| one.contains("JUG")), "{order}");
        let step = format!("lines/{line}/map");
        story.does(sold, &step, json!({ "sku": "JUG" })).await;
        story.comes_to(sold, "ready").await;
    }
    // From now on the other shops show what is left.
    until(
        &story.world.ports,
        "the market shows three less",
        SOON,
        async || {
            let level = story.world.level("market", "JUG");
            (level == 37).then_some(()).ok_or(level.to_string())
        },
    )
    .await;
    for sold in &waiting {
        story.ships(sold, "JD1").await;
        story.comes_to(sold, "shipped").await;
    }
    story.ends().await;
}
