//! A parcel that is lost is sent again.

use serde_json::json;

use super::{Story, counter, list};
use crate::kit::world::SHOPS;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_parcel_is_sent_again() {
    let story = Story::begins().await;
    for (account, _) in SHOPS {
        let sold = story.sold(account, &[("BOWL", 2)]).await;
        let parcel = story.ships(&sold, "LOST1").await;
        let events = format!("shipments/{parcel}/events");
        let lost = json!({ "state": "lost", "place": "Hamburg", "by": "ann" });
        let told = story.does(&sold, &events, lost).await;
        assert_eq!(told["phase"], "exception", "{told}");
        let before = story.stock("BOWL").await["sellable"].clone();
        let again = json!({ "shipment": parcel, "reason": "lost by the carrier", "by": "ann" });
        let told = story.does(&sold, "resends", again).await;
        assert_eq!(told["phase"], "part_shipped", "{told}");
        let after = story.stock("BOWL").await;
        let sellable = |value: &serde_json::Value| value.as_i64().expect("a number");
        assert_eq!(
            sellable(&after["sellable"]),
            sellable(&before) - 2,
            "{after}"
        );
        let second = story.ships(&sold, "AGAIN1").await;
        story.arrives(&sold, &second).await;
        let order = story.comes_to(&sold, "delivered").await;
        assert_eq!(counter(&order, "BOWL", "shipped"), 4, "{order}");
        assert_eq!(counter(&order, "BOWL", "ordered"), 2, "{order}");
        // The channel sold these units once, and knows the first parcel alone.
        let told: Vec<bool> = list(&order["shipments"])
            .filter_map(|one| one["is_again"].as_bool())
            .collect();
        assert_eq!(told, [false, true], "{order}");
    }
    let bowls = story.stock("BOWL").await;
    assert_eq!(bowls["on_hand"], 80 - 4 * 4, "{bowls}");
    story.ends().await;
}
