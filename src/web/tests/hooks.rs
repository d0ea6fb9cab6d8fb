//! The public listener against hostile, clumsy and honest senders.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use domain::snapshot::Observation;
use serde_json::json;
use store::{Memory, memory::Fate};

use crate::Limits;

use super::rig::{rig, rig_on, sign, snapshot};

/// Lets the inbox run until a list of the API has items, or gives up.
async fn eventually_has_items(rig: &super::rig::Rig, path: &str) -> serde_json::Value {
    for _ in 0..10_000 {
        let items = rig.get(path).await.json()["items"].take();
        if items.as_array().is_some_and(|items| !items.is_empty()) {
            return items;
        }
        tokio::task::yield_now().await;
    }
    panic!("nothing came to {path}");
}

#[tokio::test]
async fn a_signed_hook_is_kept_and_becomes_an_order() {
    let rig = rig().await;
    let body = json!([Observation::Order(Box::new(snapshot("17", &[("MUG", 1)])))]).to_string();
    let answer = rig
        .hook("/hooks/shop/orders/create", body.as_bytes(), None)
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ""));
    let orders = eventually_has_items(&rig, "/api/v1/orders?external_id=17").await;
    assert_eq!(orders[0]["account"], "shop");
}

#[tokio::test]
async fn whoever_is_not_believed_is_told_nothing_and_changes_nothing() {
    let rig = rig().await;
    let body = b"[]";
    let right = sign(body);
    for (path, body, signature, status, text) in [
        ("/hooks/shop", &b"[]"[..], "AAAA", 401, "Unauthorized\n"),
        (
            "/hooks/shop",
            &b"[ ]"[..],
            right.as_str(),
            401,
            "Unauthorized\n",
        ),
        ("/hooks/shop", &b"[]"[..], "", 401, "Unauthorized\n"),
        (
            "/hooks/nobody",
            &b"[]"[..],
            right.as_str(),
            404,
            "Not Found\n",
        ),
        (
            "/hooks/closed",
            &b"[]"[..],
            right.as_str(),
            404,
            "Not Found\n",
        ),
        ("/hooks", &b"[]"[..], right.as_str(), 404, "Not Found\n"),
        ("/hooks/%ff", &b"[]"[..], right.as_str(), 404, "Not Found\n"),
        (
            "/api/v1/orders",
            &b"[]"[..],
            right.as_str(),
            404,
            "Not Found\n",
        ),
        ("/livez", &b"[]"[..], right.as_str(), 404, "Not Found\n"),
        ("/", &b"[]"[..], right.as_str(), 404, "Not Found\n"),
    ] {
        let answer = rig.hook(path, body, Some(signature)).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (status, text),
            "{path}"
        );
    }
    let kept = rig.get("/api/v1/inbox").await.json();
    assert_eq!(kept, json!({ "items": [], "next": null }));
}

#[tokio::test]
async fn challenges_are_answered_by_the_channel() {
    let rig = rig().await;
    let request = axum::http::Request::get("/hooks/shop/deletion?challenge=abc")
        .body(axum::body::Body::empty())
        .expect("a request");
    let response = tower::ServiceExt::oneshot(rig.public.clone(), request).await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain");
    let body = axum::body::to_bytes(response.into_body(), 100).await;
    assert_eq!(body.expect("a body"), "abc on deletion");
    let request = axum::http::Request::put("/hooks/shop")
        .body(axum::body::Body::empty())
        .expect("a request");
    let response = tower::ServiceExt::oneshot(rig.public.clone(), request).await;
    assert_eq!(response.expect("an answer").status(), 404);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whatever_it_says_of_itself() {
    let limits = Limits {
        body_bytes_max: 100,
        ..Limits::default()
    };
    let rig = rig_on(Memory::new(), limits).await;
    for (length, status) in [(100, 200), (101, 413)] {
        let body = " ".repeat(length - 2) + "[]";
        let answer = rig.hook("/hooks/shop", body.as_bytes(), None).await;
        assert_eq!(answer.status, status, "{length} bytes");
    }
    // One that hides its length, and one that is never sent.
    let chunks = Unsaid { left: 1000 };
    let request = axum::http::Request::post("/hooks/shop")
        .body(axum::body::Body::new(chunks))
        .expect("a request");
    let response = tower::ServiceExt::oneshot(rig.public.clone(), request).await;
    assert_eq!(response.expect("an answer").status(), 413);
    let request = axum::http::Request::post("/hooks/shop")
        .header("content-length", "101")
        .body(axum::body::Body::new(Unsaid { left: 0 }))
        .expect("a request");
    let response = tower::ServiceExt::oneshot(rig.public.clone(), request).await;
    assert_eq!(response.expect("an answer").status(), 413);
}

/// A body that does not say how long it is, or is never sent.
struct Unsaid {
    left: usize,
}

impl hyper::body::Body for Unsaid {
    type Data = hyper::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        use std::task::Poll;
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                let chunk = hyper::body::Bytes::from_static(b"[");
                Poll::Ready(Some(Ok(hyper::body::Frame::data(chunk))))
            }
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn a_verified_body_that_cannot_be_read_is_kept_as_a_parked_signal() {
    let rig = rig().await;
    let deep = "[".repeat(100_000);
    for body in [
        &b"not JSON"[..],
        b"\xff\x00\xfe",
        b"",
        deep.as_bytes(),
        b"[{\"order\": 1}]",
    ] {
        let answer = rig.hook("/hooks/shop", body, None).await;
        assert_eq!(answer.status, 200);
    }
    let mut count = 0;
    for _ in 0..10_000 {
        let items = rig.get("/api/v1/inbox?state=parked").await.json();
        count = items["items"].as_array().map_or(0, Vec::len);
        if count == 5 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(count, 5);
    let parked = rig.get("/api/v1/inbox?state=parked&limit=1").await.json();
    assert_eq!(parked["items"][0]["account"], "shop");
    let at = &parked["items"][0]["body_at"];
    let at = engine::rows::decode::<store::Seq>(store::INBOX, &engine::rows::encode(at));
    let body = rig.engine.store.body(at.expect("a place")).await;
    assert!(body.expect("read").is_some(), "the raw body is still there");
}

#[tokio::test]
async fn without_space_hooks_are_asked_to_come_again_and_reads_go_on() {
    let is_full = Arc::new(AtomicBool::new(false));
    let hook = {
        let is_full = Arc::clone(&is_full);
        Arc::new(move |_: store::Seq| match is_full.load(Ordering::Relaxed) {
            true => Fate::NoSpace,
            false => Fate::Go,
        })
    };
    let rig = rig_on(Memory::new().with_hook(hook), Limits::default()).await;
    rig.stock("shop", "MUG", 5).await;
    is_full.store(true, Ordering::Relaxed);
    let answer = rig.hook("/hooks/shop", b"[]", None).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 5);
    let write = json!({ "sku": "MUG", "delta": 1, "reason": "found" });
    let answer = rig.post("/api/v1/stock/adjustments", write.clone()).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (503, Some("no-space"))
    );
    is_full.store(false, Ordering::Relaxed);
    assert_eq!(rig.hook("/hooks/shop", b"[]", None).await.status, 200);
    assert_eq!(
        rig.post("/api/v1/stock/adjustments", write).await.status,
        201
    );
    assert_eq!(rig.get("/api/v1/stock/MUG").await.json()["on_hand"], 6);
}

#[tokio::test]
async fn headers_beyond_reason_and_crowds_are_turned_away() {
    let rig = rig().await;
    let long = "x".repeat(17 * 1024);
    let request = axum::http::Request::post("/hooks/shop")
        .header("x-long", &long)
        .body(axum::body::Body::empty())
        .expect("a request");
    let response = tower::ServiceExt::oneshot(rig.public.clone(), request).await;
    assert_eq!(response.expect("an answer").status(), 431);

    let limits = Limits {
        requests_max: 0,
        ..Limits::default()
    };
    let crowded = rig_on(Memory::new(), limits).await;
    let answer = crowded.hook("/hooks/shop", b"[]", None).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!(crowded.get("/api/v1/orders").await.json()["code"], "busy");
}
