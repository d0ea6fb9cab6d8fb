//! What the server refuses, what it does only once, and how it keeps time.

use std::time::Duration;

use domain::{Currency, ExternalId, Money, Sku, Time};
use serde_json::{Value, json};

mod clients;

use super::Square;
use crate::{Act, Done, Product, ProductKind, Refused, Request, Shop, Twin};

fn now() -> Time {
    Time::from_seconds(1_800_000_000)
}

fn later(seconds: u64) -> Time {
    now().plus(Duration::from_secs(seconds))
}

fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a SKU")
}

fn shop() -> Shop {
    let euro = Currency::new("EUR").expect("a currency");
    let product = |code: &str, kind| Product {
        sku: sku(code),
        title: code.to_owned(),
        price: Money::from_minor(1000, euro).expect("a price"),
        kind,
        level: 10,
    };
    Shop {
        name: "till".to_owned(),
        api_url: "http://127.0.0.1:4711".to_owned(),
        hook_url: "http://127.0.0.1:8080/hooks/till".to_owned(),
        products: vec![
            product("MUG", ProductKind::Simple),
            product("WRAP", ProductKind::Service),
        ],
        seed: 7,
    }
}

/// A server, and one who may do everything there.
struct Desk {
    twin: Square,
    token: String,
    location: String,
}

impl Desk {
    fn open() -> Desk {
        let twin = Square::new(shop());
        let settings = twin.settings();
        let text = |key: &str| settings[key].as_str().expect("a text").to_owned();
        Desk {
            token: text("application_token"),
            location: text("location_id"),
            twin,
        }
    }

    fn call(&mut self, method: &str, path: &str, body: &Value, at: Time) -> (u16, Value) {
        let token = self.token.clone();
        self.call_as(&token, method, path, body, at)
    }

    fn call_as(
        &mut self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
        at: Time,
    ) -> (u16, Value) {
        let request: Request = http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:4711{path}"))
            .header("authorization", format!("Bearer {token}"))
            .body(body.to_string().into_bytes())
            .expect("a request");
        let answer = self.twin.handle(&request, at);
        let body = serde_json::from_slice(answer.body()).expect("JSON");
        (answer.status().as_u16(), body)
    }

    /// The code with which something is refused.
    fn refused(&mut self, method: &str, path: &str, body: &Value) -> String {
        let (status, answer) = self.call(method, path, body, now());
        assert!(status >= 400, "{answer}");
        let code = answer["errors"][0]["code"].as_str();
        code.expect("a code").to_owned()
    }

    fn buy(&mut self, units: u32, paid: bool, at: Time) -> String {
        let basket = vec![(sku("MUG"), units)];
        match self.twin.act(&Act::Buy { basket, paid }, at) {
            Ok(Done::Order(id)) => id.as_str().to_owned(),
            other => panic!("nothing was sold: {other:?}"),
        }
    }

    fn variation(&self, code: &str) -> String {
        let variation = self.twin.catalog.by_sku(&sku(code));
        variation.expect("a variation").id.clone()
    }

    fn count(&self, quantity: &str, occurred_at: Time) -> Value {
        json!({
            "type": "PHYSICAL_COUNT",
            "physical_count": {
                "catalog_object_id": self.variation("MUG"),
                "location_id": self.location,
                "state": "IN_STOCK",
                "quantity": quantity,
                "occurred_at": occurred_at.to_string(),
            },
        })
    }

    fn level(&self) -> i64 {
        self.twin.truth().levels[&sku("MUG")]
    }
}

#[test]
fn tokens_speak_for_somebody_or_for_nobody() {
    let mut desk = Desk::open();
    let settings = desk.twin.settings();
    let grant = json!({
        "client_id": settings["oauth"]["client_id"],
        "client_secret": settings["oauth"]["client_secret"],
        "grant_type": "refresh_token",
        "refresh_token": settings["oauth"]["refresh_token"],
    });
    let (status, answer) = desk.call("POST", "/oauth2/token", &grant, now());
    assert_eq!(status, 200);
    let token = answer["access_token"].as_str().expect("a token").to_owned();
    let locations = "/v2/locations";
    let hooks = "/v2/webhooks/subscriptions";
    let mut status = |token: &str, path: &str, at| {
        let (status, answer) = desk.call_as(token, "GET", path, &Value::Null, at);
        (
            status,
            answer["errors"][0]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let fine = (200, String::new());
    assert_eq!(status(&token, locations, now()), fine);
    assert_eq!(
        status(&token, hooks, now()),
        (403, "INSUFFICIENT_SCOPES".to_owned())
    );
    assert_eq!(
        status("guess", locations, now()),
        (401, "UNAUTHORIZED".to_owned())
    );
    let expired = (401, "ACCESS_TOKEN_EXPIRED".to_owned());
    assert_eq!(status(&token, locations, later(31 * 24 * 3600)), expired);
    desk.twin.expire_tokens();
    let (status, answer) = desk.call_as(&token, "GET", locations, &Value::Null, now());
    assert_eq!(
        (status, &answer["errors"][0]["code"]),
        (401, &json!("ACCESS_TOKEN_EXPIRED"))
    );
    let mut wrong = grant.clone();
    wrong["refresh_token"] = json!("guess");
    assert_eq!(
        desk.refused("POST", "/oauth2/token", &wrong),
        "UNAUTHORIZED"
    );
}

#[test]
fn counts_must_be_of_the_last_day() {
    let mut desk = Desk::open();
    let day = Duration::from_secs(24 * 3600);
    let path = "/v2/inventory/changes/batch-create";
    for (occurred_at, is_taken) in [
        (now(), true),
        (now().plus(Duration::from_millis(1)), false),
        (now().minus(day), true),
        (now().minus(day).minus(Duration::from_millis(1)), false),
    ] {
        let body = json!({
            "idempotency_key": occurred_at.to_string(),
            "changes": [desk.count("5", occurred_at)],
        });
        let (status, answer) = desk.call("POST", path, &body, now());
        assert_eq!(status == 200, is_taken, "{occurred_at}: {answer}");
    }
}

#[test]
fn a_count_leaves_the_sales_after_it_and_tells_the_level() {
    let mut desk = Desk::open();
    desk.buy(3, true, later(10));
    let body = json!({ "idempotency_key": "k", "changes": [desk.count("8", later(5))] });
    let path = "/v2/inventory/changes/batch-create";
    let (_, answer) = desk.call("POST", path, &body, later(20));
    assert_eq!(answer["counts"][0]["quantity"], "5");
    assert_eq!(desk.level(), 5);
    let writes = desk.twin.truth().level_writes;
    let written = (writes[0].from, writes[0].to, writes.len());
    assert_eq!(written, (7, 8, 1), "it was written, and sold since");
}

#[test]
fn a_bad_change_refuses_all_of_them() {
    let mut desk = Desk::open();
    let path = "/v2/inventory/changes/batch-create";
    let good = desk.count("5", now());
    let with = |key: &str, value: Value| {
        let mut bad = good.clone();
        bad["physical_count"][key] = value;
        bad
    };
    let service = json!(desk.variation("WRAP"));
    for (bad, code) in [
        (with("catalog_object_id", json!("NOWHERE")), "NOT_FOUND"),
        (with("catalog_object_id", service), "BAD_REQUEST"),
        (with("location_id", json!("L")), "INVALID_VALUE"),
        (with("state", json!("SOLD")), "INVALID_VALUE"),
        (with("quantity", json!("-1")), "INVALID_VALUE"),
        (with("quantity", json!("1.5")), "INVALID_VALUE"),
        (with("quantity", json!(5)), "EXPECTED_STRING"),
        (with("occurred_at", json!("now")), "INVALID_TIME"),
        (
            with("occurred_at", Value::Null),
            "MISSING_REQUIRED_PARAMETER",
        ),
        (json!({ "type": "GUESS" }), "INVALID_ENUM_VALUE"),
    ] {
        let body = json!({ "idempotency_key": "k", "changes": [good, bad] });
        assert_eq!(desk.refused("POST", path, &body), code, "{body}");
    }
    let many = vec![good.clone(); 101];
    let body = json!({ "idempotency_key": "k", "changes": many });
    assert_eq!(desk.refused("POST", path, &body), "ARRAY_LENGTH_TOO_LONG");
    let body = json!({ "idempotency_key": "k".repeat(129), "changes": [good] });
    assert_eq!(desk.refused("POST", path, &body), "VALUE_TOO_LONG");
    assert_eq!((desk.level(), desk.twin.truth().writes), (10, 0));
}

#[test]
fn a_key_makes_a_call_happen_once() {
    let mut desk = Desk::open();
    let path = "/v2/inventory/changes/batch-create";
    let body = json!({ "idempotency_key": "k", "changes": [desk.count("5", now())] });
    let first = desk.call("POST", path, &body, now());
    desk.buy(1, true, now());
    assert_eq!(
        desk.call("POST", path, &body, now()),
        first,
        "the old answer, no effect"
    );
    assert_eq!(desk.level(), 4);
    let other = json!({ "idempotency_key": "k", "changes": [desk.count("6", now())] });
    assert_eq!(desk.refused("POST", path, &other), "IDEMPOTENCY_KEY_REUSED");
}

#[test]
fn an_update_states_the_version_that_it_was_made_for() {
    let mut desk = Desk::open();
    let id = desk.buy(2, false, now());
    let path = format!("/v2/orders/{id}");
    let (_, answer) = desk.call("GET", &path, &Value::Null, now());
    let uid = answer["order"]["fulfillments"][0]["uid"].clone();
    let update = |location: &str, version: Option<i64>, state: &str| {
        json!({ "order": {
            "location_id": location,
            "version": version,
            "fulfillments": [{ "uid": uid, "state": state }],
        } })
    };
    let here = desk.location.clone();
    let missing = update(&here, None, "PREPARED");
    assert_eq!(
        desk.refused("PUT", &path, &missing),
        "MISSING_REQUIRED_PARAMETER"
    );
    let elsewhere = update("L", Some(1), "PREPARED");
    assert_eq!(desk.refused("PUT", &path, &elsewhere), "INVALID_VALUE");
    let (status, answer) = desk.call("PUT", &path, &update(&here, Some(1), "PREPARED"), later(1));
    assert_eq!((status, &answer["order"]["version"]), (200, &json!(2)));
    let stale = update(&here, Some(1), "COMPLETED");
    assert_eq!(desk.refused("PUT", &path, &stale), "VERSION_MISMATCH");
    let back = update(&here, Some(2), "RESERVED");
    assert_eq!(desk.refused("PUT", &path, &back), "BAD_REQUEST");
    let unknown = update(&here, Some(2), "LOST");
    assert_eq!(desk.refused("PUT", &path, &unknown), "INVALID_ENUM_VALUE");
    let mut early = update(&here, Some(2), "PREPARED");
    early["order"]["state"] = json!("COMPLETED");
    assert_eq!(
        desk.refused("PUT", &path, &early),
        "BAD_REQUEST",
        "a fulfillment is open"
    );
    let mut unpaid = update(&here, Some(2), "COMPLETED");
    unpaid["order"]["state"] = json!("COMPLETED");
    assert_eq!(
        desk.refused("PUT", &path, &unpaid),
        "BAD_REQUEST",
        "it is not paid"
    );
    let mut lines = update(&here, Some(2), "PREPARED");
    lines["order"]["line_items"] = json!([]);
    assert_eq!(desk.refused("PUT", &path, &lines), "NOT_IMPLEMENTED");
    let mut shipped = update(&here, Some(2), "PREPARED");
    shipped["order"]["fulfillments"][0]["shipment_details"] = json!({ "shipped_at": "x" });
    assert_eq!(
        desk.refused("PUT", &path, &shipped),
        "BAD_REQUEST",
        "it is read-only"
    );
    let mut long = update(&here, Some(2), "PREPARED");
    let carrier = "x".repeat(51);
    long["order"]["fulfillments"][0]["shipment_details"] = json!({ "carrier": carrier });
    assert_eq!(desk.refused("PUT", &path, &long), "VALUE_TOO_LONG");
    assert_eq!(desk.twin.truth().writes, 1);
}

#[test]
fn orders_that_are_over_or_paid_are_not_canceled() {
    let mut desk = Desk::open();
    let here = desk.location.clone();
    let id = desk.buy(2, false, now());
    desk.twin
        .act(&Act::Pay(ExternalId::new(&id)), now())
        .expect("paid");
    let path = format!("/v2/orders/{id}");
    let (_, answer) = desk.call("GET", &path, &Value::Null, now());
    let uid = &answer["order"]["fulfillments"][0]["uid"];
    let cancel = json!({ "order": {
        "location_id": here,
        "version": answer["order"]["version"],
        "fulfillments": [{ "uid": uid, "state": "CANCELED" }],
        "state": "CANCELED",
    } });
    assert_eq!(desk.refused("PUT", &path, &cancel), "BAD_REQUEST");
    let sold = desk.buy(1, true, now());
    let path = format!("/v2/orders/{sold}");
    let body = json!({ "order": { "location_id": here, "version": 1, "state": "CANCELED" } });
    assert_eq!(desk.refused("PUT", &path, &body), "BAD_REQUEST");
    let gone = json!({ "order": { "location_id": here, "version": 1 } });
    assert_eq!(
        desk.refused("PUT", "/v2/orders/nothing", &gone),
        "NOT_FOUND"
    );
}

#[test]
fn a_cursor_fits_only_the_query_that_made_it() {
    let mut desk = Desk::open();
    for place in 0..3 {
        desk.buy(1, true, later(place));
    }
    let here = desk.location.clone();
    let search = |sort: &str, limit: u32, cursor: Option<&Value>| {
        let mut body = json!({
            "location_ids": [here],
            "limit": limit,
            "query": {
                "filter": { "date_time_filter": { "updated_at": {
                    "start_at": later(1).to_string(),
                } } },
                "sort": { "sort_field": sort, "sort_order": "ASC" },
            },
        });
        if let Some(cursor) = cursor {
            body["cursor"] = cursor.clone();
        }
        body
    };
    let path = "/v2/orders/search";
    let (_, first) = desk.call("POST", path, &search("UPDATED_AT", 1, None), later(9));
    assert_eq!(first["orders"].as_array().map(Vec::len), Some(1));
    let cursor = &first["cursor"];
    let (_, second) = desk.call(
        "POST",
        path,
        &search("UPDATED_AT", 1, Some(cursor)),
        later(9),
    );
    assert_ne!(first["orders"][0]["id"], second["orders"][0]["id"]);
    assert_eq!(second.get("cursor"), None);
    let wrong = search("CREATED_AT", 1, None);
    assert_eq!(desk.refused("POST", path, &wrong), "BAD_REQUEST");
    let mut other = search("UPDATED_AT", 1, Some(cursor));
    other["query"]["sort"]["sort_order"] = json!("DESC");
    assert_eq!(desk.refused("POST", path, &other), "INVALID_CURSOR");
    let guess = search("UPDATED_AT", 1, Some(&json!("guess")));
    assert_eq!(desk.refused("POST", path, &guess), "INVALID_CURSOR");
    let none = search("UPDATED_AT", 0, None);
    assert_eq!(desk.refused("POST", path, &none), "INVALID_VALUE");
}

#[test]
fn an_order_that_was_accepted_is_paid_even_below_nothing() {
    let mut desk = Desk::open();
    let id = ExternalId::new(desk.buy(8, false, now()));
    assert_eq!(desk.level(), 10);
    desk.buy(9, true, now());
    desk.twin.act(&Act::Pay(id.clone()), now()).expect("paid");
    assert_eq!(desk.level(), -7);
    let again = desk.twin.act(&Act::Pay(id), now());
    assert!(matches!(again, Err(Refused::Impossible(_))), "{again:?}");
}

#[test]
fn a_refund_settles_a_moment_later() {
    let mut desk = Desk::open();
    let id = ExternalId::new(desk.buy(1, true, now()));
    while desk.twin.next_delivery_at().is_some() {
        let at = desk.twin.next_delivery_at().expect("it is there");
        for delivery in desk.twin.take_deliveries(at) {
            desk.twin.delivered(delivery.id, Some(200), at);
        }
    }
    desk.twin
        .act(&Act::Refund(id.clone()), later(60))
        .expect("refunded");
    let path = format!("/v2/orders/{id}");
    let status = |desk: &mut Desk, at| {
        let (_, answer) = desk.call("GET", &path, &Value::Null, at);
        answer["order"]["refunds"][0]["status"].clone()
    };
    assert_eq!(status(&mut desk, later(60)), "PENDING");
    assert_eq!(status(&mut desk, later(63)), "APPROVED");
    assert_eq!(desk.twin.truth().orders[0].refunded_minor, 1000);
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = || {
        let mut desk = Desk::open();
        desk.buy(2, true, now());
        desk.buy(1, false, later(1));
        let deliveries = desk.twin.take_deliveries(later(2));
        let bodies = deliveries
            .into_iter()
            .map(|delivery| delivery.request.into_body());
        (
            desk.twin.settings(),
            desk.twin.truth(),
            bodies.collect::<Vec<_>>(),
        )
    };
    assert_eq!(story(), story());
}

#[test]
fn hostile_requests_are_refused_and_change_nothing() {
    let mut desk = Desk::open();
    let token = desk.token.clone();
    let deep = "[".repeat(100_000).into_bytes();
    for body in [b"".as_slice(), b"null", b"[]", b"\xff", deep.as_slice()] {
        for (method, path) in [
            ("POST", "/oauth2/token"),
            ("POST", "/v2/orders/search"),
            ("POST", "/v2/orders/batch-retrieve"),
            ("PUT", "/v2/orders/x"),
            ("POST", "/v2/inventory/changes/batch-create"),
            ("POST", "/v2/refunds"),
            ("POST", "/v2/webhooks/subscriptions"),
            ("POST", "/v2/catalog/batch-retrieve"),
            ("PATCH", "/v2/nothing"),
        ] {
            let request = http::Request::builder()
                .method(method)
                .uri(format!("http://127.0.0.1:4711{path}"))
                .header("authorization", format!("Bearer {token}"))
                .body(body.to_vec())
                .expect("a request");
            let status = desk.twin.handle(&request, now()).status().as_u16();
            assert!((400..500).contains(&status), "{method} {path}: {status}");
        }
    }
    assert_eq!(desk.twin.truth().writes, 0);
}
