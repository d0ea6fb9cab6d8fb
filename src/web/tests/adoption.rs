//! The routes that take shops over: overview, opening stock, preview, arming, report.

use domain::{AccountId, ListingId, signal::Signal, snapshot::ListingSnapshot};
use serde_json::json;

use super::api::Reader;

/// Takes over the account that is only observed. It shows 1 of A/B, and 3 lie there.
pub(super) async fn adopted(reader: &mut Reader) {
    opened(reader).await;
    reader.rig.shows("quiet", "FAST", 9).await;
    let adoption = reader.get("/api/v1/adoption").await;
    assert_eq!(adoption["accounts"][1]["account"], "quiet");
    assert_eq!(adoption["differing"], 0);
    let report = reader.get("/api/v1/adoption/report?account=quiet").await;
    assert_eq!(report["accounts"][0]["lag_from"], "assumed");
    let all = reader.get("/api/v1/adoption/report?since=1h").await;
    assert_eq!(all["accounts"].as_array().map(Vec::len), Some(1));
    let bad = reader.get("/api/v1/adoption/report?since=ever").await;
    assert_eq!(bad["code"], "bad-time");

    let (preview, arm) = (
        "/api/v1/adoption/quiet/preview",
        "/api/v1/adoption/quiet/arm",
    );
    let answer = reader.post(arm, json!({})).await;
    assert_eq!(answer["code"], "not-previewed");
    let shown = reader.post(preview, json!({})).await;
    let writes = shown["writes"].as_array().expect("writes").iter();
    let mut writes = writes.filter(|write| write["sku"] == "A/B");
    let why = writes.next().and_then(|write| write["why"].as_str());
    assert_eq!(why, Some("3 can be sold"));
    let other = json!({ "previewed_at": "2001-01-01T00:00:00Z" });
    assert_eq!(reader.post(arm, other).await["code"], "preview-stale");
    let count = json!({ "sku": "A/B", "to": 5, "reason": "counted" });
    reader.post("/api/v1/stock/adjustments", count).await;
    let stale = reader.post(arm, json!({})).await;
    assert_eq!(
        (&stale["code"], &stale["skus"]),
        (&json!("preview-stale"), &json!(["A/B"]))
    );
    let shown = reader.post(preview, json!({})).await;
    let armed = reader
        .post(arm, json!({ "previewed_at": shown["at"] }))
        .await;
    assert_eq!(armed["mode"], "live");
    let answer = reader.post("/api/v1/adoption/closed/arm", json!({})).await;
    assert_eq!(answer["code"], "account-off");
}

/// Opening stock is taken of what was never counted, and of nothing else.
async fn opened(reader: &mut Reader) {
    let path = "/api/v1/adoption/quiet/opening";
    let answer = reader
        .post("/api/v1/adoption/shop/opening", json!({}))
        .await;
    assert_eq!(answer["code"], "already-counted");
    let listing = ListingSnapshot {
        listing: ListingId::new("l-NEW"),
        sku: Some("NEW".to_owned()),
        title: "New".to_owned(),
        price: None,
        barcode: None,
        tracked: true,
        level: None,
        categories: Vec::new(),
    };
    let listings = Signal::Listings {
        account: AccountId::new("quiet"),
        listings: vec![listing],
    };
    reader.rig.decide(listings).await;
    let unread = reader.post(path, json!({})).await;
    assert_eq!(
        (&unread["code"], &unread["unread"]),
        (&json!("not-read"), &json!(1))
    );
    reader.rig.shows("quiet", "NEW", 4).await;
    let shown = reader.get(path).await;
    assert_eq!(
        (&shown["to_count"], &shown["items"][0]["lies"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(reader.post(path, json!({})).await["status"], "begins");
    let elsewhere = reader.get("/api/v1/adoption/shop/opening").await;
    assert_eq!(elsewhere["not_listed_items"][0]["sku"], "NEW");
}
