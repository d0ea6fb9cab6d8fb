//! A buyer's bank reserves the money: it is taken when the first parcel leaves, and a person is told where it cannot be.

use std::fs;

use sandbox::{Act, Done};

use super::{Sold, Story};
use crate::kit::{
    goods::sku,
    world::{Plan, World},
};

async fn begins() -> Story {
    let world = World::open(Plan::default()).await;
    let file = world.config().join("accounts.d/boutique.toml");
    let text = fs::read_to_string(&file).expect("our own file");
    let set = text.replacen(
        "\n\n[settings]",
        "\ncapture = \"first_parcel\"\n\n[settings]",
        1,
    );
    assert_ne!(set, text);
    fs::write(&file, set).expect("our own file");
    Story::begins_in(world, "").await
}

/// Somebody orders two bowls, and the bank reserves the money.
async fn reserved(story: &Story) -> Sold {
    let basket = vec![(sku("BOWL"), 2)];
    let bought = story.happens(
        "boutique",
        &Act::Buy {
            basket,
            paid: false,
        },
    );
    let Ok(Done::Order(id)) = bought else {
        panic!("{bought:?}");
    };
    let done = story.happens("boutique", &Act::Authorize(id.clone()));
    assert!(done.is_ok(), "{done:?}");
    let sold = story.known("boutique", id).await;
    let order = story.comes_to(&sold, "ready").await;
    assert_eq!(order["payment"], "authorized", "{order}");
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserved_money_is_taken_when_the_first_parcel_leaves() {
    let story = begins().await;
    let sold = reserved(&story).await;
    let parcel = serde_json::json!({ "carrier": "DHL", "tracking_number": "C1", "lines": [{ "line": 1, "units": 1 }] });
    story.does(&sold, "shipments", parcel).await;
    let is_paid = |order: &serde_json::Value| order["payment"] == "paid";
    let order = story.shows(&sold, "is paid", is_paid).await;
    let intents = order["intents"].as_array().cloned().unwrap_or_default();
    let takes = |one: &&serde_json::Value| {
        let wish = one["text"].as_str().unwrap_or_default();
        wish.starts_with("take ")
    };
    let taken: Vec<_> = intents.iter().filter(takes).collect();
    assert_eq!(taken.len(), 1, "{order}");
    assert_eq!(taken[0]["state"], "done", "{order}");
    // Two bowls, and what it costs to send them.
    assert_eq!(story.truth(&sold).captured_minor, 2 * 1290 + 490);
    // The second parcel takes nothing more.
    story.ships(&sold, "C2").await;
    let order = story.comes_to(&sold, "shipped").await;
    let intents = order["intents"].as_array().cloned().unwrap_or_default();
    assert_eq!(intents.iter().filter(takes).count(), 1, "{order}");
    let id = order["id"].as_str().unwrap_or_default();
    let told = story.tells(&["orders", "show", id]).await;
    assert!(told.contains("which are reserved for it"), "{told}");
    story.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_that_cannot_be_taken_is_for_a_person_until_it_came() {
    let story = begins().await;
    let sold = reserved(&story).await;
    let lapsed = story.happens("boutique", &Act::Lapse(sold.id.clone()));
    assert!(lapsed.is_ok(), "{lapsed:?}");
    story.ships(&sold, "C3").await;
    let is_told = |order: &serde_json::Value| {
        let next = order["next"].to_string();
        next.contains("The authorization has expired") && next.contains("oneshelf outbox retry")
    };
    let order = story.shows(&sold, "needs a person", is_told).await;
    assert_eq!(order["payment"], "authorized", "{order}");
    assert_eq!(story.truth(&sold).captured_minor, 0);
    let id = order["id"].as_str().unwrap_or_default();
    let told = story.tells(&["orders", "show", id]).await;
    assert!(told.contains("The authorization has expired"), "{told}");
    // The buyer pays in another way: nobody has to look any more.
    let paid = story.happens("boutique", &Act::Pay(sold.id.clone()));
    assert!(paid.is_ok(), "{paid:?}");
    let is_over = |order: &serde_json::Value| {
        let next = order["next"].to_string();
        order["payment"] == "paid" && !next.contains("outbox retry")
    };
    story.shows(&sold, "is paid", is_over).await;
    story.ends().await;
}
