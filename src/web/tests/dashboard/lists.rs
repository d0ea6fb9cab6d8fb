//! The list of orders: its order, saved views, and what is done to many at once.

use domain::{
    AccountId,
    signal::{Signal, Source},
};
use engine::users::Role;

use super::{
    super::rig::{now, snapshot},
    Browser, rig,
};

/// Where each text stands in a page, which has all of them.
fn places(page: &str, texts: &[&str]) -> Vec<usize> {
    let place = |text: &&str| page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
    texts.iter().map(place).collect()
}

#[tokio::test]
async fn the_newest_orders_come_first_and_old_ones_by_pages() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 500).await;
    for number in 100..153 {
        rig.order("shop", &number.to_string(), &[("MUG", 1)]).await;
    }
    let mut browser = Browser::of(&rig, Role::Viewer).await;
    for filter in ["", "account=shop&", "phase=ready&"] {
        let first = browser.get(&format!("/orders?{filter}")).await;
        let at = places(&first.text, &["#152", "#140", "#103"]);
        assert!(at.is_sorted(), "{filter}: {at:?}");
        assert!(!first.text.contains("#102"), "{filter}");
        let next = first.text.split("rel=\"next\" href=\"").nth(1);
        let next = next.and_then(|rest| rest.split('"').next());
        let next = next.expect("there is a second page").replace("&#38;", "&");
        let second = browser.get(&next).await;
        let at = places(&second.text, &["#102", "#101", "#100"]);
        assert!(at.is_sorted(), "{filter}: {at:?}");
        assert!(!second.text.contains("#103") && !second.text.contains("rel=\"next\""));
        let oldest = browser.get(&format!("/orders?{filter}sort=oldest")).await;
        let at = places(&oldest.text, &["#100", "#101", "#149"]);
        assert!(at.is_sorted(), "{filter}: {at:?}");
    }
    let list = rig
        .get("/api/v1/orders?newest_first=true&limit=2")
        .await
        .json();
    let numbers: Vec<_> = (0..2)
        .map(|at| list["items"][at]["number"].clone())
        .collect();
    assert_eq!(numbers, ["#152", "#151"]);
    // Those since a time end where older ones begin.
    let mut old = snapshot("90", &[("MUG", 1)]);
    old.placed_at = now().minus(std::time::Duration::from_secs(3600));
    rig.decide(Signal::Order {
        account: AccountId::new("shop"),
        snapshot: Box::new(old),
        source: Source::Read,
    })
    .await;
    let path = "/api/v1/orders?newest_first=true&account=shop&limit=100";
    let numbers = async |path: String| -> Vec<String> {
        let list = rig.get(&path).await.json();
        let items = list["items"].as_array().expect("items").clone();
        let number = |one: &serde_json::Value| one["number"].as_str().map(str::to_owned);
        items.iter().filter_map(number).collect()
    };
    let all = numbers(path.to_owned()).await;
    assert_eq!(all.last().map(String::as_str), Some("#90"));
    let since = numbers(format!("{path}&since={}", now())).await;
    assert_eq!(since, all[..53]);
}

#[tokio::test]
async fn what_is_done_to_many_has_a_result_for_each() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 50).await;
    let first = rig.order("shop", "1", &[("MUG", 1)]).await;
    let second = rig.order("shop", "2", &[("MUG", 1)]).await;
    let hold = serde_json::json!({ "reason": "ask", "by": "ann" });
    rig.post(&format!("/api/v1/orders/{first}/holds"), hold)
        .await;
    let mut browser = Browser::of(&rig, Role::Operator).await;
    let boxes = [&first, &second].map(|order| format!("order.{order}"));
    let mut fields: Vec<(&str, &str)> = boxes.iter().map(|name| (name.as_str(), "yes")).collect();
    fields.push(("query", "phase=held"));
    let mut with = async |deed: &str, more: &[(&str, &str)]| {
        let all = [&fields[..], &[("deed", deed)], more].concat();
        browser.submit("/orders", "/orders/bulk", &all).await
    };
    let answer = with("release", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for text in [
        "1 done, 1 not done",
        "The order is not on hold",
        "/errors/not-held",
        "/orders?phase=held",
    ] {
        assert!(answer.text.contains(text), "{text}: {}", answer.text);
    }
    let answer = with("hand-over", &[]).await;
    assert!(
        answer.text.contains("0 done, 2 not done")
            && answer.text.contains("Nothing of it is packed"),
        "{}",
        answer.text
    );
    let answer = with("hold", &[("reason", "flood"), ("keeps_claim", "yes")]).await;
    assert!(
        answer.text.contains("2 done, 0 not done"),
        "{}",
        answer.text
    );
    let answer = with("print", &[]).await;
    let list = answer.text.split("href=\"/api/v1/pick-list").nth(1);
    let list = list.and_then(|rest| rest.split('"').next());
    let list = list.expect("a pick list").replace("&#38;", "&");
    assert!(
        answer
            .text
            .contains(&format!("/api/v1/orders/{second}/packing-slip"))
    );
    let drawn = browser.get(&format!("/api/v1/pick-list{list}")).await;
    assert_eq!(drawn.status, 200, "{list}");
    let none = browser
        .submit("/orders", "/orders/bulk", &[("deed", "hold")])
        .await;
    assert!(none.text.contains("No order was chosen"), "{}", none.text);
    for order in [&first, &second] {
        let api = rig.get(&format!("/api/v1/orders/{order}")).await.json();
        let holds = api["holds"].as_array().expect("holds");
        let last = holds.last().expect("a hold");
        assert_eq!(
            (&last["reason"], &last["owner"]),
            (&"flood".into(), &"operator".into())
        );
    }
    // Who may pack may not release.
    let mut packer = Browser::of(&rig, Role::Packer).await;
    let fields = [fields[0], ("deed", "release")];
    let refused = packer.submit("/orders", "/orders/bulk", &fields).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn views_are_kept_for_whoever_saved_them() {
    let rig = rig().await;
    let mut ann = Browser::of(&rig, Role::Operator).await;
    let mut bob = Browser::of(&rig, Role::Viewer).await;
    let fields = [
        ("name", "Held <here>"),
        ("query", "phase=held&account=shop&done=x&evil=1"),
    ];
    let answer = ann.submit("/orders", "/orders/views", &fields).await;
    let to = "/orders?phase=held&account=shop&done=done";
    assert_eq!((answer.status, answer.header("location")), (303, Some(to)));
    let page = ann.get("/orders").await.text;
    let link = "href=\"/orders?phase=held&#38;account=shop\"";
    assert!(
        page.contains(link) && page.contains("Held &#60;here&#62;"),
        "{page}"
    );
    assert!(
        ann.get(to)
            .await
            .text
            .contains(&format!("{link} aria-current"))
    );
    assert!(!bob.get("/orders").await.text.contains("Held &#60;here"));
    let bad = ann
        .submit("/orders", "/orders/views", &[("name", " "), ("query", "")])
        .await;
    assert_eq!(bad.status, 400);
    let fields = [("name", "Held <here>"), ("query", "")];
    let answer = ann.submit("/orders", "/orders/views/drop", &fields).await;
    assert_eq!(answer.header("location"), Some("/orders?done=done"));
    assert!(!ann.get("/orders").await.text.contains("Held &#60;here"));
}

#[tokio::test]
async fn an_order_that_is_over_is_found_by_its_parcel() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let order = rig.order("shop", "5", &[("MUG", 1)]).await;
    let parcel = serde_json::json!({ "carrier": "DHL", "tracking_number": "JJD7" });
    rig.post(&format!("/api/v1/orders/{order}/shipments"), parcel)
        .await;
    let mut browser = Browser::of(&rig, Role::Packer).await;
    let page = format!("/orders/{order}");
    for q in ["JJD7", "%235", "5", "MUG"] {
        let found = browser.get(&format!("/orders?q={q}")).await;
        assert_eq!(found.header("location"), Some(page.as_str()), "{q}");
    }
    let none = browser.get("/orders?q=JJD8").await;
    assert!(none.text.contains("No such orders"), "{}", none.text);
}

#[tokio::test]
async fn what_was_done_last_stands_first() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    for (delta, reason) in [(-1, "a dropped mug"), (2, "two were found")] {
        let body = serde_json::json!({ "sku": "MUG", "delta": delta, "reason": reason });
        rig.post("/api/v1/stock/adjustments", body).await;
    }
    let mut browser = Browser::of(&rig, Role::Admin).await;
    let page = browser.get("/stock/MUG").await.text;
    let movements = page.split("id=\"movements\"").nth(1).expect("movements");
    let at = places(movements, &["two were found", "a dropped mug"]);
    assert!(at.is_sorted(), "{movements}");
    let path = "/api/v1/stock/MUG/movements?limit=1";
    let first = rig.get(path).await.json();
    let last = rig.get(&format!("{path}&newest_first=true")).await.json();
    assert_eq!(last["items"][0]["delta"], 2);
    assert_ne!(first["items"], last["items"]);
    let entries = async |query: &str| {
        let log = rig.get(&format!("/api/v1/audit{query}")).await.json();
        log["items"].as_array().expect("entries").clone()
    };
    let mut log = entries("").await;
    log.reverse();
    assert!(log.len() > 1 && log == entries("?newest_first=true").await);
}
