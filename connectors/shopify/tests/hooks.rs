//! Hooks: bodies of every topic, tampered topics, hostile bodies, and signatures of others.

use channel::{HookRequest, Verdict, Verified};
use domain::{
    Decimal, ExternalId, ListingId, Time,
    snapshot::{LevelSnapshot, Observation},
};

use super::{open, shared};
use crate::shopify::webhook::TOPICS;

fn hook(topic: &str, body: &[u8]) -> HookRequest {
    HookRequest {
        method: "POST".to_owned(),
        topic: String::new(),
        query: String::new(),
        headers: vec![
            ("x-shopify-topic".to_owned(), topic.to_owned()),
            (
                "x-shopify-shop-domain".to_owned(),
                "eu-shop.myshopify.com".to_owned(),
            ),
        ],
        body: body.to_vec(),
    }
}

fn read(topic: &str, body: &str) -> Result<Vec<Observation>, String> {
    let (channel, _) = open(Vec::new());
    let hooks = channel.read_hooks().expect("hooks");
    let verified = Verified::from_journal(hook(topic, body.as_bytes()));
    hooks.read(&verified).map_err(|malformed| malformed.reason)
}

#[test]
fn every_topic_is_read_from_a_body_of_its_shape() {
    let order = || Observation::LookAtOrder(ExternalId::from("6010000000017"));
    let level = Observation::Level(LevelSnapshot {
        listing: ListingId::from("901"),
        level: Some(Decimal::whole(4)),
        changed_at: Time::parse_utc("2026-11-05T16:40:12Z").ok(),
    });
    let updated = include_str!("../fixtures/orders_updated.json");
    let inventory = include_str!("../fixtures/inventory_levels_update.json");
    for (topic, body, expected) in [
        ("orders/create", updated, order()),
        ("orders/updated", updated, order()),
        ("orders/paid", updated, order()),
        ("orders/cancelled", updated, order()),
        ("orders/delete", r#"{"id":6010000000017}"#, order()),
        (
            "orders/edited",
            include_str!("../fixtures/orders_edited.json"),
            order(),
        ),
        (
            "refunds/create",
            include_str!("../fixtures/refunds_create.json"),
            order(),
        ),
        (
            "fulfillments/create",
            include_str!("../fixtures/fulfillments_update.json"),
            order(),
        ),
        (
            "fulfillments/update",
            include_str!("../fixtures/fulfillments_update.json"),
            order(),
        ),
        (
            "returns/approve",
            include_str!("../fixtures/returns_approve.json"),
            order(),
        ),
        ("inventory_levels/update", inventory, level),
        (
            "inventory_levels/connect",
            inventory,
            Observation::LookAtLevel(ListingId::from("901")),
        ),
        (
            "products/update",
            include_str!("../fixtures/products_update.json"),
            Observation::LookAtListings,
        ),
        (
            "products/delete",
            r#"{"id":701}"#,
            Observation::LookAtListings,
        ),
        (
            "app/uninstalled",
            include_str!("../fixtures/app_uninstalled.json"),
            Observation::Revoked,
        ),
    ] {
        assert_eq!(read(topic, body), Ok(vec![expected]), "{topic}");
    }
}

#[test]
fn a_level_that_is_not_counted_is_unknown_and_not_zero() {
    let body = r#"{"inventory_item_id":901,"location_id":7,"available":null}"#;
    let unknown = LevelSnapshot {
        listing: ListingId::from("901"),
        level: None,
        changed_at: None,
    };
    assert_eq!(
        read("inventory_levels/update", body),
        Ok(vec![Observation::Level(unknown)])
    );
}

#[test]
fn a_customer_is_forgotten_order_by_order() {
    let body = include_str!("../fixtures/customers_redact.json");
    assert_eq!(
        read("customers/redact", body),
        Ok(vec![Observation::Forget(vec![ExternalId::from(
            "6010000000017"
        )])])
    );
    assert!(read("customers/redact", r#"{"orders_to_redact":[-1]}"#).is_err());
}

#[test]
fn what_we_do_not_use_is_kept_with_the_reason() {
    for (topic, body) in [
        ("customers/data_request", "{}"),
        ("shop/redact", r#"{"shop_id":901001}"#),
        (
            "returns/update",
            r#"{"admin_graphql_api_id":"gid://shopify/Return/61"}"#,
        ),
        (
            "inventory_levels/update",
            r#"{"inventory_item_id":901,"location_id":8,"available":1}"#,
        ),
        ("themes/publish", "{}"),
        ("app/scopes_update", "{}"),
        ("", "{}"),
        (
            "app/uninstalled",
            r#"{"id":2,"myshopify_domain":"us-shop.myshopify.com"}"#,
        ),
    ] {
        let read = read(topic, body).expect(topic);
        assert!(
            matches!(read.as_slice(), [Observation::Nothing(reason)] if !reason.is_empty()),
            "{topic}: {read:?}"
        );
    }
}

#[test]
fn a_recorded_body_under_another_topic_does_no_harm() {
    // Only the body is signed; somebody may send it again under a topic of his own.
    let order = include_str!("../fixtures/orders_updated.json");
    let shop = include_str!("../fixtures/app_uninstalled.json");
    let product = include_str!("../fixtures/products_update.json");
    for (topic, body) in [
        ("app/uninstalled", order),
        ("app/uninstalled", product),
        ("inventory_levels/update", order),
        ("refunds/create", product),
        ("orders/updated", product),
        ("orders/edited", order),
    ] {
        assert!(read(topic, body).is_err(), "{topic}");
    }
    let hint = read("orders/delete", shop);
    assert!(
        matches!(hint.as_deref(), Ok([Observation::LookAtOrder(_)])),
        "a hint at most"
    );
}

#[test]
fn a_hostile_body_is_malformed_and_nothing_worse() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for topic in TOPICS {
        for body in [
            b"".as_slice(),
            b"null",
            b"17",
            b"[]",
            b"{\"id\":",
            b"\xff\xfe",
            b"{\"id\":\"\x00\"}",
            deep.as_bytes(),
            br#"{"id":[],"order_id":{},"inventory_item_id":"x"}"#,
        ] {
            let (channel, _) = open(Vec::new());
            let hooks = channel.read_hooks().expect("hooks");
            let read = hooks.read(&Verified::from_journal(hook(topic, body)));
            assert!(
                read.is_err(),
                "{topic}: {:?}",
                String::from_utf8_lossy(body)
            );
        }
    }
    for body in [
        r#"{"id":-17}"#,
        r#"{"id":1.5}"#,
        r#"{"id":1e400}"#,
        r#"{"id":99999999999999999999999999}"#,
        r#"{"id":null}"#,
        r#"{}"#,
    ] {
        assert!(read("orders/updated", body).is_err(), "{body}");
    }
    let huge = r#"{"inventory_item_id":901,"location_id":7,"available":99999999999999999999}"#;
    assert!(read("inventory_levels/update", huge).is_err());
    let when = r#"{"inventory_item_id":901,"location_id":7,"available":1,"updated_at":"soon"}"#;
    assert!(read("inventory_levels/update", when).is_err());
}

#[test]
fn the_documented_bodies_have_the_ids_that_we_look_for() {
    let file = "specs/shopify/webhook-payload-schemas-2026-07.json";
    let Some(schemas) = shared("the_documented_bodies_have_the_ids_that_we_look_for", file) else {
        return;
    };
    for topic in TOPICS {
        let key = match *topic {
            "orders/updated" | "orders/paid" | "orders/cancelled" => "orders/create",
            "products/create" => "products/update",
            topic => topic,
        };
        let pointer = match key {
            "orders/edited" => "/properties/order_edit/properties/order_id",
            "orders/create" | "orders/delete" | "products/update" | "products/delete" => {
                "/properties/id"
            }
            "refunds/create" | "fulfillments/create" | "fulfillments/update" => {
                "/properties/order_id"
            }
            "inventory_levels/update" => "/properties/inventory_item_id",
            "app/uninstalled" => "/properties/myshopify_domain",
            other => panic!("{other} is not looked at"),
        };
        assert!(
            schemas[key].pointer(pointer).is_some(),
            "{topic}: {pointer}"
        );
    }
}

#[test]
fn signatures_made_by_others_are_checked_right() {
    let test = "signatures_made_by_others_are_checked_right";
    let Some(file) = shared(test, "specs/webhook-signature-vectors.json") else {
        return;
    };
    let vectors = file["vectors"].as_array().expect("vectors");
    let mut checked = 0;
    for vector in vectors
        .iter()
        .filter(|vector| vector["channel"] == "shopify")
    {
        let text = |key: &str| vector[key].as_str().expect("a text").to_owned();
        let settings = serde_json::json!({
            "shop": "eu-shop",
            "location_id": 7,
            "client_secret": text("secret"),
            "access_token": "let me in",
        });
        let port = channel::Port {
            http: std::sync::Arc::new(super::Script::default()),
            vault: std::sync::Arc::new(super::NoVault),
        };
        let opened = channel::Connector::open(&crate::shopify::CONNECTOR, settings, port);
        let channel = opened.unwrap_or_else(|errors| panic!("{errors:?}"));
        let hooks = channel.read_hooks().expect("hooks");
        let mut request = hook("orders/updated", text("body").as_bytes());
        for (name, value) in vector["headers"].as_object().expect("headers") {
            let value = value.as_str().expect("a text").to_owned();
            request.headers.push((name.to_ascii_lowercase(), value));
        }
        assert!(matches!(
            hooks.verify(&request, Time::EPOCH),
            Verdict::Verified(_)
        ));
        for bit in 0..request.body.len() * 8 {
            let mut flipped = request.clone();
            flipped.body[bit / 8] ^= 1 << (bit % 8);
            let verdict = hooks.verify(&flipped, Time::EPOCH);
            assert!(matches!(verdict, Verdict::Refused(_)), "bit {bit}");
        }
        request.body.push(b' ');
        assert!(matches!(
            hooks.verify(&request, Time::EPOCH),
            Verdict::Refused(_)
        ));
        checked += 1;
    }
    assert!(checked > 0, "no vector of this channel");
}
