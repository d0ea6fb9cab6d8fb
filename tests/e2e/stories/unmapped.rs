//! A listing without a SKU: what is sold of it waits until somebody says what it is.

use sandbox::{Act, Odd, Refused};
use serde_json::json;

use super::{SOON, Sold, Story, text};
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
    let name = one_name_for_all(&story, &waiting).await;
    let said = story
        .tells(&["listings", "map", "web-shop", &name, "JUG"])
        .await;
    assert!(said.contains("is JUG from now on"), "{said}");
    for sold in &waiting {
        story.comes_to(sold, "ready").await;
    }
    // What is sold later is known when it comes.
    let third = story.bought("web-shop", &[("JUG", 1)]);
    let third = story.known("web-shop", third).await;
    story.comes_to(&third, "ready").await;
    waiting.push(third);
    // From now on the other shops show what is left.
    until(
        &story.world.ports,
        "the market shows four less",
        SOON,
        async || {
            let level = story.world.level("market", "JUG");
            (level == 36).then_some(()).ok_or(level.to_string())
        },
    )
    .await;
    for sold in &waiting {
        story.ships(sold, "JD1").await;
        story.comes_to(sold, "shipped").await;
    }
    story.ends().await;
}

/// What all of it is called, as it is told to whoever asks what waits, with what may be meant.
async fn one_name_for_all(story: &Story, waiting: &[Sold]) -> String {
    let path = "/api/v1/listings/unmapped?account=web-shop";
    let list = story.world.api.get(path).await;
    let items = super::list(&list["items"]).collect::<Vec<_>>();
    let [one] = items.as_slice() else {
        panic!("one listing waits: {list}");
    };
    assert_eq!(one["orders"], waiting.len(), "{one}");
    assert_eq!(one["units"], 3, "{one}");
    assert!(one["suggestions"].to_string().contains("JUG"), "{one}");
    for sold in waiting {
        let order = story.shown(sold).await;
        let next = order["next"].to_string();
        let command = format!("oneshelf listings map web-shop {} SKU", text(&one["name"]));
        assert!(next.contains(&command), "{next} says {command}");
    }
    text(&one["name"]).to_owned()
}
