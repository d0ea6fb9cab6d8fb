//! What official client libraries ask for beyond what our connector does.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{Currency, Money, Sku, Time};
use serde_json::{Value, json};

use crate::{Act, Done, Odd, Product, ProductKind, Shop, Twin};

/// A seller, and a token that may do everything.
struct Counter {
    twin: Box<dyn Twin>,
    token: String,
}

impl Counter {
    fn open() -> Counter {
        let dollar = Currency::new("USD").expect("a currency");
        let twin = super::open(Shop {
            name: "market".to_owned(),
            api_url: "http://127.0.0.1:4711".to_owned(),
            hook_url: "http://127.0.0.1:8080/hooks/market".to_owned(),
            products: vec![Product {
                sku: Sku::new("MUG").expect("a SKU"),
                title: "Mug".to_owned(),
                price: Money::parse("10.00", dollar).expect("a price"),
                kind: ProductKind::Simple,
                level: 10,
            }],
            seed: 7,
        });
        let mut counter = Counter {
            twin,
            token: String::new(),
        };
        let settings = counter.twin.settings();
        let text = |key: &str| settings[key].as_str().expect("a text").to_owned();
        let client = format!("{}:{}", text("client_id"), text("client_secret"));
        let request = http::Request::post("http://127.0.0.1:4711/identity/v1/oauth2/token")
            .header(
                "authorization",
                format!("Basic {}", BASE64_STANDARD.encode(client)),
            )
            .header("content-type", "application/x-www-form-urlencoded")
            .body(
                format!(
                    "grant_type=refresh_token&refresh_token={}",
                    text("refresh_token")
                )
                .into_bytes(),
            )
            .expect("a request");
        let answer = counter.twin.handle(&request, now());
        let answer: Value = serde_json::from_slice(answer.body()).expect("JSON");
        counter.token = answer["access_token"].as_str().expect("a token").to_owned();
        counter
    }

    fn call(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.call_as("Bearer", method, path, body)
    }

    fn call_as(&mut self, scheme: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:4711{path}"))
            .header("authorization", format!("{scheme} {}", self.token))
            .header("content-type", "application/json")
            .header("content-language", "en-US")
            .body(body.to_string().into_bytes())
            .expect("a request");
        let answer = self.twin.handle(&request, now());
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status().as_u16(), body)
    }

    fn level(&self) -> i64 {
        self.twin.truth().levels[&Sku::new("MUG").expect("a SKU")]
    }
}

fn now() -> Time {
    Time::from_seconds(1_800_000_000)
}

#[test]
fn the_scheme_of_a_token_may_be_written_small() {
    let mut counter = Counter::open();
    let path = "/commerce/notification/v1/topic";
    for (scheme, status) in [("Bearer", 200), ("bearer", 200), ("Basic", 401)] {
        let (answered, _) = counter.call_as(scheme, "GET", path, &Value::Null);
        assert_eq!(answered, status, "{scheme}");
    }
}

#[test]
fn records_and_offers_are_replaced_whole() {
    let mut counter = Counter::open();
    let item = "/sell/inventory/v1/inventory_item/MUG";
    let wanted = json!({
        "product": { "title": "Big mug" },
        "availability": { "shipToLocationAvailability": { "quantity": 4 } },
    });
    assert_eq!(counter.call("PUT", item, &wanted).0, 204);
    assert_eq!(counter.level(), 4);
    let (_, read) = counter.call("GET", item, &Value::Null);
    assert_eq!(read["product"]["title"], "Big mug");
    let (_, offers) = counter.call("GET", "/sell/inventory/v1/offer?sku=MUG", &Value::Null);
    let id = offers["offers"][0]["offerId"].as_str().expect("an id");
    let offer = format!("/sell/inventory/v1/offer/{id}");
    let three = json!({ "availableQuantity": 3 });
    assert_eq!(counter.call("PUT", &offer, &three).0, 200);
    assert_eq!(counter.level(), 3);
    assert_eq!(counter.call("PUT", &offer, &json!({})).0, 400);
    // What is left out of a record is gone.
    assert_eq!(counter.call("PUT", item, &json!({})).0, 204);
    assert_eq!(counter.level(), 0);
    let nowhere = "/sell/inventory/v1/inventory_item/NEW";
    assert_eq!(counter.call("PUT", nowhere, &wanted).0, 501);
}

#[test]
fn one_parcel_is_read_by_its_number() {
    let mut counter = Counter::open();
    let basket = vec![(Sku::new("MUG").expect("a SKU"), 1)];
    let bought = counter.twin.act(&Act::Buy { basket, paid: true }, now());
    let Ok(Done::Order(id)) = bought else {
        panic!("{bought:?}");
    };
    let path = format!("/sell/fulfillment/v1/order/{id}/shipping_fulfillment");
    let parcel = json!({ "shippingCarrierCode": "USPS", "trackingNumber": "N1" });
    assert_eq!(counter.call("POST", &path, &parcel).0, 201);
    let (status, read) = counter.call("GET", &format!("{path}/N1"), &Value::Null);
    assert_eq!(
        (status, &read["shipmentTrackingNumber"]),
        (200, &json!("N1"))
    );
    let (status, _) = counter.call("GET", &format!("{path}/N2"), &Value::Null);
    assert_eq!(status, 404);
}

#[test]
fn a_subscription_is_changed_in_its_place() {
    let mut counter = Counter::open();
    let subscriptions = "/commerce/notification/v1/subscription";
    let (_, all) = counter.call("GET", subscriptions, &Value::Null);
    let one = all["subscriptions"][0].clone();
    let id = one["subscriptionId"].as_str().expect("an id");
    let path = format!("{subscriptions}/{id}");
    let mut wanted = json!({
        "status": "DISABLED",
        "destinationId": one["destinationId"],
        "payload": one["payload"],
    });
    assert_eq!(counter.call("PUT", &path, &wanted).0, 204);
    let (_, read) = counter.call("GET", &path, &Value::Null);
    assert_eq!(read["status"], "DISABLED");
    assert_eq!(read["topicId"], one["topicId"]);
    wanted["destinationId"] = json!("nowhere");
    assert_eq!(counter.call("PUT", &path, &wanted).0, 400);
    assert_eq!(counter.call("GET", &path, &Value::Null).1, read);
    let (status, _) = counter.call("POST", &format!("{path}/filter"), &json!({}));
    assert_eq!(status, 501);
}

#[test]
fn what_is_not_here_is_told_from_what_is_nowhere() {
    let mut counter = Counter::open();
    for (method, path, status) in [
        ("GET", "/sell/account/v1/fulfillment_policy", 501),
        ("GET", "/post-order/v2/return/search", 501),
        ("GET", "/sell/inventory/v1/inventory_item_group/G", 501),
        ("GET", "/sell/fulfillment/v1/payment_dispute_summary", 501),
        ("GET", "/sell/inventory/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/sell/inventory/v1/location/warehouse", 200),
        ("GET", "/sell/inventory/v1/location/other", 404),
        ("GET", "/developer/analytics/v1_beta/user_rate_limit/", 200),
    ] {
        let (answered, body) = counter.call(method, path, &Value::Null);
        assert_eq!(answered, status, "{path}");
        let refusal = body["errors"][0]["errorId"].is_u64();
        assert_eq!(refusal, status != 200, "{path}: {body}");
    }
}

#[test]
fn a_locked_listing_is_not_revised_until_it_is_unlocked() {
    let mut counter = Counter::open();
    let mug = Sku::new("MUG").expect("a SKU");
    let path = "/sell/inventory/v1/bulk_update_price_quantity";
    let four = json!({ "requests": [{
        "sku": "MUG", "shipToLocationAvailability": { "quantity": 4 },
    }] });
    for (odd, status, level) in [(Odd::Locked, 400, 10), (Odd::Unlocked, 200, 4)] {
        let made = counter.twin.act(&Act::Make(mug.clone(), odd), now());
        assert_eq!(made, Ok(Done::Level));
        let (_, answer) = counter.call("POST", path, &four);
        assert_eq!(answer["responses"][0]["statusCode"], status, "{answer}");
        assert_eq!(counter.level(), level, "{odd:?}");
    }
    assert!(
        counter
            .twin
            .act(&Act::Make(mug, Odd::Nameless), now())
            .is_err()
    );
}
