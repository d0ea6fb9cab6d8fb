//! A supplier ships for us, and tells the number of the parcel.

use serde_json::json;

use super::{Story, line, parcels::task_at};
use crate::kit::world::SHOPS;

const SUPPLIER: &str = "
[[locations]]
id = \"berlin\"
country = \"DE\"
priority = 1

[[locations]]
id = \"kiln\"
name = \"The supplier's own shelf\"
country = \"DE\"
priority = 2
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supplier_ships_and_tells_the_tracking_number() {
    let story = Story::begins_with(SUPPLIER).await;
    // All vases lie at the supplier's.
    story.moves("VASE", 9, ("berlin", "kiln")).await;
    for (at, (account, _)) in SHOPS.into_iter().enumerate() {
        let sold = story.sold(account, &[("VASE", 1), ("SPOON", 1)]).await;
        let waiting = story
            .world
            .api
            .all("/api/v1/tasks/waiting?location=kiln")
            .await;
        let waiting = waiting.expect("a list");
        let it = waiting
            .iter()
            .find(|one| sold.path.ends_with(super::text(&one["id"])));
        let it = it.expect("it waits at the supplier's");
        assert_eq!(it["lines"][0]["sku"], "VASE", "{it}");
        story
            .does(&sold, "tasks", json!({ "location": "kiln" }))
            .await;
        let task = task_at(&story.shown(&sold).await, "kiln");
        let number = format!("1Z000{at}");
        let left = json!({ "carrier": "UPS", "tracking_number": number, "by": "kiln" });
        let told = story
            .does(&sold, &format!("tasks/{task}/hand-over"), left)
            .await;
        assert_eq!(told["phase"], "part_shipped", "{told}");
        let order = story.shown(&sold).await;
        let parcel = super::text(&order["shipments"][0]["id"]).to_owned();
        let step = format!("shipments/{parcel}/events");
        let seen = json!({ "state": "in_transit", "place": "Gent", "by": "kiln" });
        story.does(&sold, &step, seen).await;
        // What is ours leaves on its own.
        let spoon = json!({
            "lines": [{ "line": line(&order, "SPOON"), "units": 1 }],
            "carrier": "DHL", "tracking_number": format!("JD{at}"),
        });
        story.does(&sold, "shipments", spoon).await;
        story.comes_to(&sold, "in_delivery").await;
        story.arrives(&sold, &parcel).await;
    }
    let vases = story.stock("VASE").await;
    assert_eq!(vases["on_hand"], 9 - 4, "{vases}");
    story.ends().await;
}
