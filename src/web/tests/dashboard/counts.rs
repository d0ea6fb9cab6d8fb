//! A stocktake on a phone: opened, scanned, counted again where it is hard to believe, and closed.

use engine::users::Role;

use super::{Browser, rig};

#[tokio::test]
async fn many_items_are_counted_one_after_the_other() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 50).await;
    rig.stock("shop", "CUP", 3).await;
    let mut browser = Browser::of(&rig, Role::Packer).await;
    let opened = browser
        .submit("/counts", "/counts", &[("skus", "MUG CUP")])
        .await;
    assert_eq!(opened.status, 303, "{}", opened.text);
    let page = opened.header("location").expect("its page").to_owned();
    let shown = browser.get(&page).await;
    assert!(shown.text.contains("Not counted yet"), "{}", shown.text);
    let close = format!("{page}/close");
    for (sku, units, status) in [
        ("CUP", "3", 303),
        ("MUG", "2", 303),
        ("NO-SUCH", "1", 404),
        ("MUG", "many", 400),
    ] {
        let fields = [("sku", sku), ("units", units)];
        let answer = browser.submit(&page, &page, &fields).await;
        assert_eq!(answer.status, status, "{sku}: {}", answer.text);
    }
    let shown = browser.get(&page).await;
    for text in ["As expected", "Count again", "too large to be believed"] {
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
    }
    let refused = browser.submit(&page, &close, &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    let fields = [("sku", "MUG"), ("units", "2")];
    assert_eq!(browser.submit(&page, &page, &fields).await.status, 303);
    let stock = rig.get("/api/v1/stock/MUG").await.json();
    assert_eq!(stock["on_hand"], 2);
    let shown = browser.get(&page).await;
    assert!(shown.text.contains("Corrected") && !shown.text.contains("Count again"));
    let closed = browser.submit(&page, &close, &[]).await;
    assert_eq!(closed.header("location"), Some("/counts?done=done"));
    let list = browser.get("/counts").await;
    assert!(list.text.contains("Closed"), "{}", list.text);
    assert!(!browser.get(&page).await.text.contains("name=\"units\""));
}
