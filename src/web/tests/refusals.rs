//! What the API refuses, and how it says so.

use domain::ids::OrderId;
use serde_json::{Value, json};

use super::rig::{Rig, bearer, euros, rig};

/// A request, and the code with which it is refused; none when it is not.
type Row = (&'static str, String, Option<Value>, &'static str);

/// A shop with one mug, and an order of three.
async fn shop() -> (Rig, OrderId) {
    let rig = rig().await;
    rig.stock("shop", "MUG", 1).await;
    let id = rig.order("shop", "17", &[("MUG", 3)]).await;
    (rig, id)
}

async fn hold_against(rig: &Rig, rows: Vec<Row>) {
    for (method, path, body, code) in rows {
        let address = format!("/api/v1{path}");
        let answer = rig.ask(method, &address, body.clone(), &[bearer()]).await;
        let said = answer.json();
        let said = said["code"].as_str().unwrap_or_default();
        assert_eq!(said, code, "{method} {path} {body:?}: {}", answer.text);
        if !code.is_empty() {
            let kind = crate::problem::Kind::find(code).expect("a code");
            assert_eq!(answer.status, kind.status, "{code}");
            let problem = Some("application/problem+json");
            assert_eq!(answer.header("content-type"), problem);
        }
    }
}

fn at(path: &str) -> String {
    path.to_owned()
}

fn why() -> Value {
    json!({ "reason": "r" })
}

#[rustfmt::skip]
#[tokio::test]
async fn what_cannot_be_done_to_an_order_is_said_with_a_code() {
    let (rig, id) = shop().await;
    let of = |path: &str| format!("/orders/{id}{path}");
    let none = |path: &str| format!("/orders/ord_0000000000000000000000000000000a{path}");
    let eur = |amount: &str| json!({ "amount": euros(amount), "reason": "r" });
    let part = |line: u32, units: f64| json!({ "lines": [{ "line": line, "units": units }] });
    let empty = || json!({});
    hold_against(&rig, vec![
        ("GET", none(""), None, "no-order"),
        ("GET", none("/timeline"), None, "no-order"),
        ("GET", at("/orders/17"), None, "bad-parameter"),
        ("GET", none("/allocation"), None, "no-order"),
        ("GET", of("/allocation?line=9"), None, "no-line"),
        ("GET", of("/allocation?line=one"), None, "bad-parameter"),
        ("POST", none("/allocation"), Some(empty()), "no-order"),
        ("POST", of("/allocation"), Some(json!({ "line": 9 })), "no-line"),
        ("POST", of("/allocation"), Some(json!({ "location": "moon" })), "not-free"),
        ("POST", of("/allocation"), Some(json!({ "location": " " })), "bad-body"),
        ("POST", of("/allocation"), Some(json!({ "place": "main" })), "bad-body"),
        ("DELETE", of("/allocation?line=9"), None, "no-line"),
        ("DELETE", of("/allocation"), None, ""),
        ("GET", at("/orders/%ff"), None, "bad-parameter"),
        ("POST", none("/shipments"), Some(empty()), "no-order"),
        ("POST", none("/refunds"), Some(eur("1")), "no-order"),
        ("POST", of("/shipments"), Some(empty()), "not-covered"),
        ("POST", of("/shipments"), Some(part(1, 9.0)), "too-many"),
        ("POST", of("/shipments"), Some(part(9, 1.0)), "no-line"),
        ("POST", of("/shipments"), Some(part(1, 0.5)), "bad-quantity"),
        ("POST", of("/shipments"), Some(json!({ "tracking_url": "javascript:x" })), "bad-body"),
        ("POST", of("/refunds"), Some(eur("11.00")), "refund-too-large"),
        ("POST", of("/cancel"), Some(json!({ "reason": " " })), "bad-body"),
        ("POST", of("/cancel"), Some(why()), ""),
        ("POST", of("/cancel"), Some(why()), "under-way"),
        ("DELETE", of("/holds"), None, "not-held"),
        ("POST", of("/holds"), Some(why()), ""),
        ("POST", of("/shipments"), Some(empty()), "wrong-phase"),
        ("POST", of("/lines/x/map"), Some(json!({ "sku": "MUG" })), "bad-parameter"),
        ("POST", of("/lines/1/map"), Some(json!({ "sku": "NONE" })), "no-item"),
        ("GET", at("/orders?phase=done"), None, "bad-parameter"),
        ("GET", at("/orders?since=today"), None, "bad-parameter"),
        ("GET", at("/orders?limit=0"), None, "bad-parameter"),
        ("GET", at("/orders?limit=-1"), None, "bad-parameter"),
        ("GET", at("/orders?acount=shop"), None, "bad-parameter"),
        ("GET", at("/orders?account=shpo"), None, "no-account"),
        ("GET", at("/orders?account=quiet"), None, ""),
    ])
    .await;
}

#[rustfmt::skip]
#[tokio::test]
async fn what_cannot_be_done_to_stock_is_said_with_a_code() {
    let (rig, _) = shop().await;
    let kit = |sku: &str, units: u32| json!({ "kind": "kit", "components": { sku: units } });
    let count = |sku: &str, to: f64| json!({ "sku": sku, "to": to, "reason": "r" });
    hold_against(&rig, vec![
        ("GET", at("/stock/NONE"), None, "no-item"),
        ("GET", at("/stock/NONE/movements"), None, "no-item"),
        ("GET", at("/stock/NONE/explain"), None, "no-item"),
        ("GET", at("/stock/%20"), None, "bad-parameter"),
        ("GET", at("/items/NONE"), None, "no-item"),
        ("GET", at("/exposure?sku=NONE"), None, "no-item"),
        ("GET", at("/exposure?sku=MUG"), None, ""),
        ("PUT", at("/items/K"), Some(json!({ "kind": "kit" })), "empty-kit"),
        ("PUT", at("/items/K"), Some(kit("K", 1)), "nested-kit"),
        ("PUT", at("/items/K"), Some(kit("MUG", 0)), "kit-quantity"),
        ("PUT", at("/items/K"), Some(json!({ "kind": "good", "scale": 7 })), "item-scale"),
        ("PUT", at("/items/MUG"), Some(json!({ "kind": "service" })), "item-in-use"),
        ("PUT", at("/items/S"), Some(json!({ "kind": "service" })), ""),
        ("POST", at("/stock/adjustments"), Some(count("S", 1.0)), "not-stocked"),
        ("POST", at("/stock/adjustments"), Some(count("MUG", 0.5)), "bad-quantity"),
        ("POST", at("/stock/adjustments"), Some(json!({ "sku": "MUG", "reason": "r" })), "bad-body"),
    ])
    .await;
}

#[rustfmt::skip]
#[tokio::test]
async fn what_cannot_be_done_elsewhere_is_said_with_a_code() {
    let (rig, _) = shop().await;
    let empty = || json!({});
    hold_against(&rig, vec![
        ("GET", at("/outbox?state=x"), None, "bad-parameter"),
        ("GET", at("/accounts/nobody"), None, "no-account"),
        ("GET", at("/drift?account=nobody"), None, "no-account"),
        ("GET", at("/drift?account=quiet"), None, ""),
        ("GET", at("/listings?account=nobody"), None, "no-account"),
        ("GET", at("/listings?sku=NONE"), None, "no-item"),
        ("GET", at("/listings?account=quiet&sku=MUG"), None, ""),
        ("POST", at("/accounts/nobody/freeze"), None, "no-account"),
        ("POST", at("/accounts/shop/mode"), Some(empty()), "bad-body"),
        ("POST", at("/accounts/shop/mode"), Some(json!({ "mode": "on" })), "bad-body"),
        ("POST", at("/accounts/closed/poll"), None, "account-off"),
        ("POST", at("/accounts/closed/reconcile"), None, "account-off"),
        ("POST", at("/accounts/phone/pause"), Some(empty()), "no-channel"),
        ("POST", at("/accounts/phone/backfill"), Some(json!({ "since": "2026-01-01T00:00:00Z" })), "no-channel"),
        ("POST", at("/accounts/shop/backfill"), Some(json!({ "since": "2999-01-01T00:00:00Z" })), "time-ahead"),
        ("POST", at("/accounts/shop/pause"), Some(json!({ "what": ["money"] })), "bad-body"),
        ("POST", at("/accounts/shop/pause"), Some(json!({ "what": ["orders"] })), ""),
        ("POST", at("/accounts/shop/reconcile"), None, "orders-paused"),
        ("POST", at("/outbox/int_0000000000000000000000000000000a/retry"), None, "no-intent"),
        ("POST", at("/listings/shop/none/retry"), None, "no-listing"),
        ("POST", at("/listings/shop/l-MUG/retry"), None, "not-parked"),
    ])
    .await;
}

#[tokio::test]
async fn bodies_are_read_strictly_and_mistakes_are_named() {
    const JSON: &str = "application/json";
    let rig = rig().await;
    rig.stock("shop", "MUG", 1).await;
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let control = "{\"sku\":\"MUG\",\"to\":1,\"reason\":\"a\\u0000b\"}";
    let misspelled = r#"{"sku":"MUG","to":1,"reason":"r","delat":1}"#;
    let good = r#"{"sku":"MUG","to":1,"reason":"r"}"#;
    let wrong_text = r#"{"sku":"MUG","to":"x","reason":"r"}"#;
    let more = format!("{good} x");
    for (kind, body, status, part) in [
        (JSON, misspelled, 400, "delat: unknown field `delat`"),
        (
            JSON,
            wrong_text,
            400,
            "to: `x` is not a decimal number: write 2, or 2.5",
        ),
        (
            JSON,
            r#"{"sku":"MUG","to":1}"#,
            400,
            "missing field `reason`",
        ),
        (
            JSON,
            r#"{"sku":"MUG","sku":"MUG"}"#,
            400,
            "duplicate field `sku`",
        ),
        (
            JSON,
            r#"{"sku":"","to":1,"reason":"r"}"#,
            400,
            "sku: a SKU must not be empty",
        ),
        (JSON, control, 400, "reason: it must not hold control"),
        (JSON, &more, 400, "trailing characters at line 1"),
        (JSON, "\u{feff}{}", 400, "line 1 column 1"),
        (JSON, &deep, 400, "[0]: invalid type: sequence"),
        ("text/plain", good, 415, "Content-Type"),
        ("application/json; charset=utf-8", good, 201, ""),
    ] {
        let request = axum::http::Request::post("/api/v1/stock/adjustments")
            .header(bearer().0, bearer().1)
            .header("content-type", kind)
            .body(axum::body::Body::from(body.to_owned()))
            .expect("a request");
        let answer = super::rig::answer(&rig.admin, request).await;
        assert_eq!(answer.status, status, "{}", answer.text);
        assert!(
            answer.text.contains(part),
            "{part} is not in {}",
            answer.text
        );
        // Nobody counts columns in what a command made of their words.
        let is_syntax = answer.text.contains("the body is no JSON object");
        assert_eq!(answer.text.contains("column"), is_syntax, "{}", answer.text);
    }
}

#[tokio::test]
async fn metrics_have_our_prefix_and_no_label_without_bound() {
    let rig = rig().await;
    rig.stock("shop", "MUG", 1).await;
    rig.order("shop", "17", &[("MUG", 1)]).await;
    let text = rig.get("/metrics").await.text;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.starts_with("oneshelf_"), "{line}");
        for secret in ["MUG", "17", "ord_", "example.com"] {
            assert!(!line.contains(&format!("\"{secret}")), "{line}");
        }
    }
    for line in [
        "oneshelf_orders_ingested_total 1",
        "oneshelf_channel_up{account=\"shop\",channel=\"paper\"} 0",
        "oneshelf_account_live{account=\"quiet\",channel=\"paper\"} 0",
        "oneshelf_orders{phase=\"ready\"} 1",
        "oneshelf_outbox_depth 0",
        "# EOF",
    ] {
        assert!(
            text.lines().any(|is| is == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(text.contains("oneshelf_build_info{version="), "{text}");
}
