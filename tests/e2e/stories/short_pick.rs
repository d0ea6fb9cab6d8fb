//! Something is not where it should be: it leaves from elsewhere.

use serde_json::json;

use super::{Story, TWO_LOCATIONS, line, parcels::task_at};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_picker_does_not_find_leaves_from_elsewhere() {
    let story = Story::begins_with(TWO_LOCATIONS).await;
    let goods = [
        ("market", "JUG", 40),
        ("boutique", "MUG-L", 60),
        ("till", "SPOON", 90),
    ];
    for (account, code, there) in goods {
        story.moves(code, 10, ("berlin", "leipzig")).await;
        let sold = story.sold(account, &[(code, 2)]).await;
        story.does(&sold, "tasks", json!({})).await;
        let order = story.shown(&sold).await;
        let task = task_at(&order, "berlin");
        let missing = [json!({ "line": line(&order, code), "units": 1 })];
        let found = json!({ "lines": missing, "missing": missing, "by": "ann" });
        story
            .does(&sold, &format!("tasks/{task}/picks"), found)
            .await;
        let stock = story.stock(code).await;
        assert_eq!(stock["on_hand"], there - 1, "it is written off: {stock}");
        // The rest waits at the other location, and nobody has to say so.
        let order = story.shown(&sold).await;
        let parts = order["lines"][0]["leaves_from"].to_string();
        assert!(parts.contains("leipzig"), "{order}");
        let label = json!({ "carrier": "DHL", "tracking_number": "BERLIN1" });
        story
            .does(&sold, &format!("tasks/{task}/hand-over"), label)
            .await;
        story.does(&sold, "tasks", json!({})).await;
        let order = story.shown(&sold).await;
        let task = task_at(&order, "leipzig");
        let label = json!({ "carrier": "DHL", "tracking_number": "LEIPZIG1" });
        story
            .does(&sold, &format!("tasks/{task}/hand-over"), label)
            .await;
        story.comes_to(&sold, "shipped").await;
        for account in ["web-shop", "till", "market", "boutique"] {
            story.world.expect_level(account, code, there - 3).await;
        }
    }
    story.ends().await;
}
