//! An order of a marketplace that leaves from two locations in three parcels.

use serde_json::{Value, json};

use super::{Sold, Story, TWO_LOCATIONS, counter, line, list, text};
use crate::kit::world::SHOPS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_split_over_two_locations_and_shipped_in_three_parcels() {
    let story = Story::begins_with(TWO_LOCATIONS).await;
    story.moves("JUG", 40, ("berlin", "leipzig")).await;
    for (account, _) in SHOPS {
        let sold = story.sold(account, &[("BOWL", 2), ("JUG", 1)]).await;
        leaves_in_three_parcels(&story, &sold).await;
    }
    let bowls = story.stock("BOWL").await;
    assert_eq!(bowls["on_hand"], 80 - 2 * 4, "{bowls}");
    assert_eq!(bowls["allocated"], 0, "{bowls}");
    story.ends().await;
}

async fn leaves_in_three_parcels(story: &Story, sold: &Sold) {
    let opened = story.does(sold, "tasks", json!({ "by": "ann" })).await;
    assert_eq!(list(&opened["tasks"]).count(), 2, "{opened}");
    let order = story.shown(sold).await;
    let bowl = line(&order, "BOWL");
    let (berlin, leipzig) = (task_at(&order, "berlin"), task_at(&order, "leipzig"));
    for task in [&berlin, &leipzig] {
        story
            .does(sold, &format!("tasks/{task}/picks"), json!({}))
            .await;
    }
    // One bowl in each of two parcels, because they break.
    let one = json!({ "lines": [{ "line": bowl, "units": 1 }], "weight_g": 600 });
    let parcels = format!("tasks/{berlin}/parcels");
    assert_eq!(story.does(sold, &parcels, one).await["parcel"], 1);
    assert_eq!(story.does(sold, &parcels, json!({})).await["parcel"], 2);
    story
        .does(sold, &format!("tasks/{leipzig}/parcels"), json!({}))
        .await;
    for (task, parcel, number) in [(&berlin, 1, "B1"), (&berlin, 2, "B2"), (&leipzig, 1, "L1")] {
        let label = json!({ "carrier": "DHL", "tracking_number": number });
        let path = format!("tasks/{task}/parcels/{parcel}/label");
        story.does(sold, &path, label).await;
    }
    let first = json!({ "parcels": [1] });
    let left = story
        .does(sold, &format!("tasks/{berlin}/hand-over"), first)
        .await;
    assert_eq!(left["phase"], "part_shipped", "{left}");
    for task in [&berlin, &leipzig] {
        story
            .does(sold, &format!("tasks/{task}/hand-over"), json!({}))
            .await;
    }
    let order = story.comes_to(sold, "shipped").await;
    let numbers: Vec<&str> = list(&order["shipments"])
        .filter_map(|one| one["tracking_number"].as_str())
        .collect();
    assert_eq!(numbers, ["B1", "B2", "L1"], "{order}");
    assert_eq!(counter(&order, "BOWL", "shipped"), 2, "{order}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parcels_that_left_while_tracking_was_paused_are_told_once_when_it_goes_on() {
    let story = Story::begins().await;
    let mut sold = Vec::new();
    for (number, (account, _)) in SHOPS.into_iter().enumerate() {
        let flows = json!({ "what": ["tracking"] });
        let path = format!("/api/v1/accounts/{account}/pause");
        story.world.api.post(&path, flows).await;
        let one = story.sold(account, &[("BOWL", 1)]).await;
        story.ships(&one, &format!("P{number}")).await;
        sold.push(one);
    }
    // Orders still come in and levels are still written: the lines to the shops are used meanwhile.
    for (account, _) in SHOPS {
        story.world.expect_level(account, "BOWL", 76).await;
    }
    let story = story.dies_and_starts_again().await;
    let later = story.sold("boutique", &[("MUG-S", 1)]).await;
    story.ships(&later, "P9").await;
    for one in &sold {
        assert_eq!(story.truth(one).shipments, [], "{}", one.account);
    }

    for (account, _) in SHOPS {
        let path = format!("/api/v1/accounts/{account}/resume");
        story.world.api.post(&path, json!({})).await;
    }
    sold.push(later);
    for one in &sold {
        let is_told = |order: &Value| {
            let mut intents = list(&order["intents"]);
            intents.all(|intent| intent["state"] == "done")
        };
        story.shows(one, "is told", is_told).await;
        assert_eq!(story.truth(one).shipments.len(), 1, "{}", one.account);
    }
    story.ends().await;
}

/// The task at a location.
pub(super) fn task_at(order: &Value, location: &str) -> String {
    let mut tasks = list(&order["tasks"]);
    let found = tasks.find(|task| task["location"] == location && task["closed_at"].is_null());
    text(&found.unwrap_or_else(|| panic!("a task at {location}: {order}"))["id"]).to_owned()
}
