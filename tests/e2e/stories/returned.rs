//! Money without goods, goods without money, and other goods for them.

use serde_json::{Value, json};

use super::{Sold, Story, counter, line, text};
use crate::kit::world::SHOPS;

/// An order that has arrived.
async fn delivered(story: &Story, account: &'static str, code: &str) -> Sold {
    let sold = story.sold(account, &[(code, 1)]).await;
    let parcel = story.ships(&sold, "JD1").await;
    story.arrives(&sold, &parcel).await;
    story.comes_to(&sold, "delivered").await;
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_is_given_back_without_a_return() {
    let story = Story::begins().await;
    for (account, _) in SHOPS {
        let sold = delivered(&story, account, "VASE").await;
        let amount = |text: &str| json!({ "amount": text, "currency": "EUR" });
        let back = json!({ "amount": amount("7.50"), "reason": "A scratch." });
        story.does(&sold, "refunds", back).await;
        let is_back = |order: &Value| order["refunded"]["amount"] == "7.50";
        let order = story.shows(&sold, "has money back", is_back).await;
        assert_eq!(
            order["phase"], "delivered",
            "money alone changes no custody: {order}"
        );
        assert_eq!(counter(&order, "VASE", "returned"), 0, "{order}");
        let too_much = json!({ "amount": amount("9000.00"), "reason": "All of it." });
        story
            .is_refused(&sold, "refunds", too_much, "refund-too-large")
            .await;
    }
    let vases = story.stock("VASE").await;
    assert_eq!(vases["on_hand"], 9 - 4, "nothing came back: {vases}");
    story.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_size_is_exchanged_for_another() {
    let story = Story::begins().await;
    for (account, _) in SHOPS {
        let sold = delivered(&story, account, "MUG-S").await;
        let order = text(&story.shown(&sold).await["id"]).to_owned();
        let mut asked = vec!["orders", "exchange", &order, "--reason", "does_not_fit"];
        asked.extend(["--line", "1=1", "--send", "MUG-L=1@11.90", "--by", "ann"]);
        let told = story.tells(&asked).await;
        assert!(told.contains("the buyer owes 2.00 EUR"), "{told}");
        assert!(told.contains("after_sales"), "{told}");
        // The larger one is promised at once, and leaves before the smaller one is back.
        let parcel = story.ships(&sold, "LARGE1").await;
        let shown = story.shown(&sold).await;
        let instead = line(&shown, "MUG-L");
        let left = &shown["shipments"][1];
        assert_eq!(left["is_again"], true, "the channel is not told: {shown}");
        assert_eq!(
            left["lines"],
            json!([{ "line": instead, "units": 1 }]),
            "{shown}"
        );
        story.arrives(&sold, &parcel).await;
        for step in [
            &["receive", &order][..],
            &[
                "inspect",
                &order,
                "--verdict",
                "restock",
                "--note",
                "as new",
            ],
        ] {
            story
                .tells(&[&["orders", "return"][..], step].concat())
                .await;
        }
        let shown = story.comes_to(&sold, "delivered").await;
        assert_eq!(
            shown["returns"][0]["difference"]["amount"], "2.00",
            "{shown}"
        );
        assert_eq!(counter(&shown, "MUG-S", "returned"), 1, "{shown}");
        assert_eq!(counter(&shown, "MUG-L", "ordered"), 0, "{shown}");
        assert_eq!(counter(&shown, "MUG-L", "delivered"), 1, "{shown}");
        // Goods were given for goods: there is no money to give back for them.
        let money = json!({ "return": shown["returns"][0]["id"], "reason": "Exchanged." });
        story
            .is_refused(&sold, "refunds", money, "bad-return")
            .await;
    }
    for account in ["web-shop", "till", "market", "boutique"] {
        story.world.expect_level(account, "MUG-L", 60 - 4).await;
        story.world.expect_level(account, "MUG-S", 60).await;
    }
    story.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_return_comes_in_damaged_and_is_thrown_away() {
    let story = Story::begins().await;
    for (account, _) in SHOPS {
        let sold = delivered(&story, account, "JUG").await;
        let said = json!({ "reason": "damaged", "note": "the handle is off", "by": "ann" });
        let opened = story.does(&sold, "returns", said).await;
        assert_eq!(opened["phase"], "after_sales", "{opened}");
        let back = format!("returns/{}", text(&opened["return"]));
        story
            .does(&sold, &format!("{back}/receipts"), json!({}))
            .await;
        let verdict = json!({ "verdict": "scrap", "note": "in pieces", "by": "ann" });
        story
            .does(&sold, &format!("{back}/inspections"), verdict)
            .await;
        let money = json!({ "return": text(&opened["return"]), "reason": "It came back damaged." });
        story.does(&sold, "refunds", money).await;
        let is_over =
            |order: &Value| order["phase"] == "delivered" && order["refunded"]["amount"] == "23.90";
        let order = story.shows(&sold, "is over", is_over).await;
        assert_eq!(order["returns"][0]["state"], "closed", "{order}");
        assert_eq!(order["returns"][0]["lines"][0]["scrapped"], 1, "{order}");
        assert_eq!(counter(&order, "JUG", "returned"), 1, "{order}");
    }
    let jugs = story.stock("JUG").await;
    assert_eq!(jugs["on_hand"], 40 - 4, "none is sold again: {jugs}");
    story.ends().await;
}
