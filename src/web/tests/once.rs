//! Idempotency keys: the same request is done once, another one is refused.

use serde_json::json;

use super::rig::{bearer, rig};

const PATH: &str = "/api/v1/stock/adjustments";

#[tokio::test]
async fn the_same_request_with_a_key_is_done_once_and_answered_the_same() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let body = json!({ "sku": "MUG", "delta": -2, "reason": "broken" });
    let headers = [bearer(), ("idempotency-key", "k-1")];
    let first = rig.ask("POST", PATH, Some(body.clone()), &headers).await;
    assert_eq!(
        (first.status, first.header("idempotency-replayed")),
        (201, None)
    );
    for _ in 0..3 {
        let again = rig.ask("POST", PATH, Some(body.clone()), &headers).await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 3);
    let other_key = [bearer(), ("idempotency-key", "k-2")];
    rig.ask("POST", PATH, Some(body), &other_key).await;
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let headers = [bearer(), ("idempotency-key", "k-1")];
    let body = json!({ "sku": "MUG", "delta": 1, "reason": "found" });
    rig.ask("POST", PATH, Some(body), &headers).await;
    let other = json!({ "sku": "MUG", "delta": 2, "reason": "found" });
    for (path, body) in [(PATH, other), ("/api/v1/accounts/shop/freeze", json!({}))] {
        let answer = rig.ask("POST", path, Some(body), &headers).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.json()["code"], "idempotency-key-reused");
    }
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 6);
    assert_eq!(
        rig.get("/api/v1/accounts/shop").await.json()["is_frozen"],
        false
    );
}

#[tokio::test]
async fn what_was_refused_did_not_use_its_key() {
    let rig = rig().await;
    let headers = [bearer(), ("idempotency-key", "k-1")];
    let body = json!({ "sku": "MUG", "delta": 1, "reason": "found" });
    let answer = rig.ask("POST", PATH, Some(body.clone()), &headers).await;
    assert_eq!(answer.json()["code"], "no-item");
    rig.stock("shop", "MUG", 5).await;
    let answer = rig.ask("POST", PATH, Some(body), &headers).await;
    assert_eq!(answer.status, 201);
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 6);
}

#[tokio::test]
async fn a_mode_is_set_once_for_each_key_too() {
    let rig = rig().await;
    let headers = [bearer(), ("idempotency-key", "k-1")];
    let path = "/api/v1/accounts/shop/freeze";
    rig.ask("POST", path, None, &headers).await;
    rig.post("/api/v1/accounts/shop/unfreeze", json!({})).await;
    let again = rig.ask("POST", path, None, &headers).await;
    assert_eq!(again.json()["is_frozen"], true, "as it was answered then");
    assert_eq!(
        rig.get("/api/v1/accounts/shop").await.json()["is_frozen"],
        false
    );
}

#[tokio::test]
async fn keys_that_cannot_be_kept_are_refused() {
    let rig = rig().await;
    let long = "k".repeat(201);
    for key in ["", " ", &long, "k\u{e9}y"] {
        let headers = [bearer(), ("idempotency-key", key)];
        let answer = rig
            .ask("POST", "/api/v1/accounts/shop/freeze", None, &headers)
            .await;
        assert_eq!(answer.json()["code"], "bad-idempotency-key", "{key:?}");
    }
}

#[tokio::test]
async fn two_requests_with_one_key_at_the_same_time_are_done_once() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 5).await;
    let body = json!({ "sku": "MUG", "delta": 1, "reason": "found" });
    let headers = [bearer(), ("idempotency-key", "k-1")];
    let (one, two) = tokio::join!(
        rig.ask("POST", PATH, Some(body.clone()), &headers),
        rig.ask("POST", PATH, Some(body.clone()), &headers),
    );
    assert_eq!((one.status, two.status), (201, 201));
    assert_eq!(one.text, two.text);
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 6);
}
