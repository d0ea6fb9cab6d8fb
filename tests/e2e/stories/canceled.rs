//! Buyers who change their minds: after packing, and in part.

use sandbox::{Act, Done, Refused};
use serde_json::json;

use super::{Sold, Story, counter, line, text};
use crate::kit::{goods::sku, world::SHOPS};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_cancels_after_packing() {
    let story = Story::begins().await;
    for (account, _) in SHOPS {
        let sold = story.sold(account, &[("VASE", 2)]).await;
        let opened = story.does(&sold, "tasks", json!({ "by": "ann" })).await;
        let task = format!("tasks/{}", text(&opened["tasks"][0]));
        story.does(&sold, &format!("{task}/picks"), json!({})).await;
        story
            .does(&sold, &format!("{task}/parcels"), json!({}))
            .await;
        let label = format!("{task}/parcels/1/label");
        let of_carrier = json!({ "carrier": "DHL", "tracking_number": "JD1" });
        story.does(&sold, &label, of_carrier).await;
        // What has a label is not canceled by us; the channel's own word is never refused.
        let asked = json!({ "reason": "The buyer asked." });
        story
            .is_refused(&sold, "cancel", asked, "bad-fulfillment")
            .await;
        let canceled = story.happens(account, &Act::Cancel(sold.id.clone()));
        assert_eq!(canceled, Ok(Done::Order(sold.id.clone())), "{account}");
        let is_stopped = |order: &serde_json::Value| order["tasks"][0]["state"] == "stopped";
        story.shows(&sold, "is stopped", is_stopped).await;
        let hand_over = format!("{task}/hand-over");
        story
            .is_refused(&sold, &hand_over, json!({}), "wrong-phase")
            .await;

        // The label is given back, the parcel unpacked, and all of it lies where it lay.
        for step in [label, format!("{task}/parcels/1")] {
            delete(&story, &format!("{}/{step}", sold.path)).await;
        }
        story
            .does(&sold, &format!("{task}/put-backs"), json!({ "by": "ann" }))
            .await;
        let order = story.shown(&sold).await;
        assert_eq!(order["tasks"][0]["state"], "closed", "{order}");
        assert!(order["shipments"].as_array().is_some_and(Vec::is_empty));
        money_goes_back(&story, &sold).await;
        for (other, _) in SHOPS {
            story.world.expect_level(other, "VASE", 9).await;
        }
    }
    story.ends().await;
}

async fn delete(story: &Story, path: &str) {
    let reply = story.world.api.try_delete(path).await.expect("an answer");
    assert!((200..300).contains(&reply.status), "{reply:?}");
}

/// Shopify, Square and eBay give the money back with the cancellation. WooCommerce keeps it, and so the
/// order is not done.
async fn money_goes_back(story: &Story, sold: &Sold) {
    let is_settled =
        |order: &serde_json::Value| ["canceled", "after_sales"].contains(&text(&order["phase"]));
    let order = story.shows(sold, "is canceled", is_settled).await;
    if sold.account == "web-shop" {
        assert_eq!(order["phase"], "after_sales", "{order}");
        let all = json!({ "amount": order["total"], "reason": "Canceled." });
        story.does(sold, "refunds", all).await;
    }
    story.comes_to(sold, "canceled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_units_are_canceled_on_the_channel() {
    let story = Story::begins().await;
    for account in ["web-shop", "boutique"] {
        let sold = story.sold(account, &[("BOWL", 3), ("SPOON", 1)]).await;
        let act = Act::CancelUnits(sold.id.clone(), sku("BOWL"), 1);
        assert_eq!(
            story.happens(account, &act),
            Ok(Done::Order(sold.id.clone()))
        );
        let is_less = |order: &serde_json::Value| counter(order, "BOWL", "canceled") == 1;
        let order = story.shows(&sold, "has one bowl less", is_less).await;
        assert_eq!(order["refunded"]["amount"], "12.90", "{order}");
        assert_eq!(order["phase"], "ready", "{order}");
        story.ships(&sold, "JD1").await;
        let order = story.comes_to(&sold, "shipped").await;
        assert_eq!(counter(&order, "BOWL", "shipped"), 2, "{order}");
    }
    // eBay and Square cancel whole orders only, and so do we for them: the money goes back instead.
    for account in ["market", "till"] {
        let sold = story.sold(account, &[("BOWL", 3)]).await;
        let act = Act::CancelUnits(sold.id.clone(), sku("BOWL"), 1);
        let refused = story.happens(account, &act);
        assert!(
            matches!(refused, Err(Refused::Impossible(_))),
            "{refused:?}"
        );
        let bowl = line(&story.shown(&sold).await, "BOWL");
        let one = json!({ "lines": [{ "line": bowl, "units": 1 }], "reason": "One is enough." });
        let said = story
            .is_refused(&sold, "cancel", one, "cannot-cancel-units")
            .await;
        assert!(said.contains("refund them"), "{said}");
        story.ships(&sold, "JD1").await;
        let back = json!({
            "amount": { "amount": "12.90", "currency": "EUR" }, "reason": "One was too many.",
        });
        story.does(&sold, "refunds", back).await;
        let is_back = |order: &serde_json::Value| order["refunded"]["amount"] == "12.90";
        story.shows(&sold, "has money back", is_back).await;
    }
    story.ends().await;
}
