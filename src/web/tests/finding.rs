//! Orders are found by what somebody has at hand, those that are over too, and lists by two filters at once.

use std::sync::Arc;

use domain::{
    AccountId,
    signal::{Signal, Source},
};
use engine::{rows, users::Role};
use serde_json::{Value, json};
use store::{Batch, Memory, Range, Store as _};

use super::{
    dashboard::Browser,
    rig::{Rig, rig, rig_over, snapshot},
};
use crate::limits::Limits;

/// An order with a number that is not its id.
async fn order(rig: &Rig, id: &str, number: &str, sku: &str) {
    let mut order = snapshot(id, &[(sku, 1)]);
    number.clone_into(&mut order.number);
    order.buyer.email = format!("b{id}@example.com");
    rig.decide(Signal::Order {
        account: AccountId::new("shop"),
        snapshot: Box::new(order),
        source: Source::Read,
    })
    .await;
}

/// The channel's ids of what a list has, page by page.
async fn ids(rig: &Rig, path: &str) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = rig.get(&format!("/api/v1/orders?{path}{cursor}")).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let page = page.json();
        let items = page["items"].as_array().expect("items");
        let id = |one: &Value| one["external_id"].as_str().expect("an id").to_owned();
        ids.extend(items.iter().map(id));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
    panic!("{path}: it does not end: {ids:?}");
}

#[tokio::test]
async fn an_order_is_found_by_all_that_it_is_known_by() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 500).await;
    order(&rig, "7001", "#EU-1001", "MUG").await;
    order(&rig, "7002", "EU-1002", "Red Cup").await;
    order(&rig, "71", "71", "MUG").await;
    let found = rig.get("/api/v1/orders?external_id=7001").await.json();
    let id = found["items"][0]["id"].as_str().expect("an id").to_owned();
    let parcel = json!({ "carrier": "DHL", "tracking_number": "1Z 999 AA" });
    let path = format!("/api/v1/orders/{id}/shipments");
    rig.post(&path, parcel).await;
    for (q, expected) in [
        ("eu-1001", &["7001"][..]),
        ("%23EU-1001", &["7001"]),
        ("EU-10", &["7002", "7001"]),
        ("7001", &["7001"]),
        ("%2371", &["71"]),
        ("700", &["7002", "7001"]),
        ("7", &["71", "7002", "7001"]),
        ("1z999aa", &["7001"]),
        ("1Z9", &["7001"]),
        ("red%20cup", &["7002"]),
        ("REDC", &["7002"]),
        ("mug", &["71", "7001"]),
        ("mug&account=quiet", &[]),
        ("mug&phase=ready", &["71"]),
        ("b7001@example.com", &[]),
        ("nothing", &[]),
        ("%20%23", &[]),
    ] {
        for limit in [1, 2, 50] {
            let all = ids(&rig, &format!("q={q}&limit={limit}")).await;
            assert_eq!(all, expected, "{q}, {limit} to a page");
        }
    }
    assert_eq!(ids(&rig, &format!("q={id}")).await, ["7001"]);
    let long = "9".repeat(3000);
    assert!(ids(&rig, &format!("q={long}")).await.is_empty());
    assert!(ids(&rig, &format!("external_id={long}")).await.is_empty());
    // Whoever packs finds people too, and nobody else.
    let mut packer = Browser::of(&rig, Role::Packer).await;
    let found = packer.get("/orders?q=b7001@example.com").await;
    assert_eq!(found.header("location"), Some(&*format!("/orders/{id}")));
    let mut viewer = Browser::of(&rig, Role::Viewer).await;
    let found = viewer.get("/orders?q=b7001@example.com").await;
    assert!(found.text.contains("No such orders"), "{}", found.text);
}

#[tokio::test]
async fn a_phase_of_an_account_is_found_among_many() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 500).await;
    rig.stock("phone", "CUP", 500).await;
    for number in 100..130 {
        let account = if number % 3 == 0 { "phone" } else { "shop" };
        let sku = if number % 3 == 0 { "CUP" } else { "MUG" };
        rig.order(account, &number.to_string(), &[(sku, 1)]).await;
    }
    for id in [102, 103, 111, 112] {
        let found = rig.get(&format!("/api/v1/orders?external_id={id}")).await;
        let found = found.json();
        let id = found["items"][0]["id"].as_str().expect("an id").to_owned();
        let hold = json!({ "reason": "ask" });
        rig.post(&format!("/api/v1/orders/{id}/holds"), hold).await;
    }
    for limit in [1, 3, 50] {
        let held = |more: &str| format!("phase=held&limit={limit}{more}");
        assert_eq!(ids(&rig, &held("&account=phone")).await, ["102", "111"]);
        assert_eq!(
            ids(&rig, &held("&account=shop&newest_first=true")).await,
            ["112", "103"]
        );
        let ready = ids(&rig, &format!("phase=ready&account=phone&limit={limit}")).await;
        let expected = ["105", "108", "114", "117", "120", "123", "126", "129"];
        assert_eq!(ready, expected);
    }
    assert!(ids(&rig, "phase=held&account=quiet").await.is_empty());
}

#[tokio::test]
async fn what_was_stored_before_there_was_the_list_is_found() {
    let store = Arc::new(Memory::new());
    {
        let rig = rig_over(Arc::clone(&store) as _, Limits::default()).await;
        rig.stock("shop", "MUG", 5).await;
        order(&rig, "7001", "EU-1001", "MUG").await;
        order(&rig, "7002", "EU-1002", "MUG").await;
    }
    let rows = store.scan(rows::ORDERS_BY_WORD, Range::default(), 100);
    let rows = rows.await.expect("rows");
    assert_eq!(rows.len(), 4);
    let all = |key: Vec<u8>| (rows::ORDERS_BY_WORD, key);
    let batch = Batch {
        deletes: rows.into_iter().map(|(key, _)| all(key)).collect(),
        ..Batch::default()
    };
    store.commit(batch).await.expect("it is written");
    let rig = rig_over(store, Limits::default()).await;
    assert_eq!(ids(&rig, "q=mug").await, ["7002", "7001"]);
    assert_eq!(ids(&rig, "q=eu-1002").await, ["7002"]);
}
