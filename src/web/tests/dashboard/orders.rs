//! What is done to orders and stock from their pages.

use engine::users::Role;

use super::{Browser, rig};

#[tokio::test]
async fn an_order_is_held_and_released_and_a_refusal_says_why() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "7", &[("MUG", 2)]).await;
    let page = format!("/orders/{order}");
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let found = browser.get(&page).await;
    for text in ["#7", "The MUG", "Ready", "buyer@example.com", "€10.00"] {
        assert!(found.text.contains(text), "{text}: {}", found.text);
    }
    let release = format!("{page}/release");
    let refused = browser.submit(&page, &release, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text.contains("The order is not on hold"),
        "{}",
        refused.text
    );
    assert!(refused.text.contains("/errors/not-held"));
    let hold = format!("{page}/hold");
    let fields = [("reason", "call the <b>buyer</b>"), ("keeps_claim", "yes")];
    let done = browser.submit(&page, &hold, &fields).await;
    let to = format!("{page}?done=done");
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some(to.as_str()))
    );
    let held = browser.get(&to).await;
    assert!(held.text.contains("On hold"));
    assert!(
        held.text.contains("call the &#60;b&#62;buyer&#60;/b&#62;"),
        "{}",
        held.text
    );
    let api = rig.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(api["holds"][0]["owner"], "operator");
    assert_eq!(browser.submit(&page, &release, &[]).await.status, 303);
    let api = rig.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(api["holds"][0]["released_by"], "operator");
    let log = rig.get("/api/v1/audit").await;
    assert!(log.text.contains(&format!("hold {order}")), "{}", log.text);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_done_once() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let (token, once) = browser.sealed("/stock/MUG").await;
    let fields = [
        ("token", token.as_str()),
        ("once", once.as_str()),
        ("delta", "-2"),
        ("reason", "broken"),
    ];
    for _ in 0..2 {
        let answer = browser.post("/stock/MUG/adjust", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
    }
    let stock = rig.get("/api/v1/stock/MUG").await.json();
    assert_eq!(stock["on_hand"], 3);
    // Another form of the same page is another matter.
    let count = [fields[0], fields[1], ("to", "8")];
    assert_eq!(browser.post("/stock/MUG/count", &count).await.status, 303);
    let stock = rig.get("/api/v1/stock/MUG").await.json();
    assert_eq!(stock["on_hand"], 8);
    let bad = browser
        .submit("/stock/MUG", "/stock/MUG/count", &[("to", "many")])
        .await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn an_order_is_picked_packed_labeled_and_handed_over() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "8", &[("MUG", 2)]).await;
    let page = format!("/orders/{order}");
    let mut browser = Browser::of(&rig, Role::Packer).await;
    let step = format!("{page}/start");
    assert_eq!(browser.submit(&page, &step, &[]).await.status, 303);
    let packing = browser.get("/packing").await;
    assert!(packing.text.contains("#8"), "{}", packing.text);
    let found = browser.get(&page).await;
    let task = super::hidden(&found.text, "task");
    let label = [
        ("task", task.as_str()),
        ("parcel", "1"),
        ("carrier", "DHL"),
        ("tracking_number", "0034"),
    ];
    for (deed, fields) in [
        ("pick", &label[..1]),
        ("pack", &label[..1]),
        ("label", &label[..]),
        ("hand-over", &label[..1]),
    ] {
        let answer = browser
            .submit(&page, &format!("{page}/{deed}"), fields)
            .await;
        assert_eq!(answer.status, 303, "{deed}: {}", answer.text);
    }
    let api = rig.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(api["shipments"][0]["tracking_number"], "0034");
    assert_eq!(api["phase"], "shipped");
}

#[tokio::test]
async fn a_line_without_an_item_is_mapped_from_today() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "9", &[("NOBODY-KNOWS", 1)]).await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let today = browser.get("/").await;
    assert!(
        today.text.contains("/orders?phase=needs_mapping"),
        "{}",
        today.text
    );
    let list = browser.get("/orders?phase=needs_mapping").await;
    let page = format!("/orders/{order}");
    assert!(list.text.contains(&page), "{}", list.text);
    let fields = [("line", "1"), ("sku", "MUG")];
    let map = format!("{page}/map");
    assert_eq!(browser.submit(&page, &map, &fields).await.status, 303);
    let api = rig.get(&format!("/api/v1/orders/{order}")).await.json();
    assert_eq!(api["lines"][0]["sku"], "MUG");
    let found = browser.get("/orders?q=%239").await;
    assert_eq!(found.header("location"), Some(page.as_str()));
}

#[tokio::test]
async fn whoever_only_looks_sees_nothing_of_people() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "3", &[("MUG", 1)]).await;
    let note = serde_json::json!({ "text": "rings twice", "by": "ann" });
    rig.post(&format!("/api/v1/orders/{order}/notes"), note)
        .await;
    let page = format!("/orders/{order}");
    for (role, sees) in [(Role::Viewer, false), (Role::Packer, true)] {
        let mut browser = Browser::of(&rig, role).await;
        let found = browser.get(&page).await;
        for text in ["buyer@example.com", "rings twice"] {
            assert_eq!(found.text.contains(text), sees, "{} {text}", role.word());
        }
        let list = browser.get("/orders?q=buyer@example.com").await;
        assert_eq!(list.status == 303, sees, "{}", role.word());
    }
}
