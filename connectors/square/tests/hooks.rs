//! Hooks: subscribing, verifying and reading.

use channel::{ErrorKind, HookRefusal, HookRequest, Verdict, Verified};
use domain::{
    ListingId, Time,
    snapshot::{LevelSnapshot, Observation},
};
use serde_json::{Value, json};

use super::{super::DESCRIPTOR, Script, block_on, decimal, oauth_settings, settings};

#[test]
fn hooks_are_registered_with_the_application_token_and_the_key_is_learned() {
    let subscription = json!({
        "id": "S1",
        "enabled": true,
        "event_types": DESCRIPTOR.hook_topics,
        "notification_url": "https://shop.example.com/hooks/till",
        "signature_key": "learned",
    });
    let other = json!({ "id": "S0", "notification_url": "https://else.example.com/" });
    let script = Script::of(&[
        (200, json!({ "subscriptions": [other], "cursor": "c" })),
        (200, json!({ "subscriptions": null })),
        (200, json!({ "subscription": subscription })),
    ]);
    let channel = script.channel(oauth_settings());
    let reader = channel.read_hooks().expect("it reads hooks");
    let hook = signed("learned", r#"{"type":"catalog.version.updated"}"#);
    let verdict = reader.verify(&hook, Time::EPOCH);
    assert!(
        matches!(verdict, Verdict::KeyNeeded(_)),
        "no key is known yet"
    );
    let register = channel.register_hooks().expect("it registers");
    let states = block_on(register.ensure("https://proxy.example.com/")).expect("states");
    assert!(
        states
            .iter()
            .all(|state| state.active && state.action == "created")
    );
    let request = script.asked.lock().expect("no panic")[0].clone();
    assert_eq!(request.headers()["authorization"], "Bearer personal");
    let made = script.asked().remove(2).2;
    assert_eq!(
        made["subscription"]["notification_url"],
        "https://shop.example.com/hooks/till"
    );
    assert_eq!(made["subscription"]["api_version"], "2025-08-20");
    assert!(matches!(
        reader.verify(&hook, Time::EPOCH),
        Verdict::Verified(_)
    ));
    // After a restart the key comes from the vault.
    let again = script.channel(oauth_settings());
    let reader = again.read_hooks().expect("it reads hooks");
    assert!(matches!(
        reader.verify(&hook, Time::EPOCH),
        Verdict::KeyNeeded(_)
    ));
    block_on(reader.fetch_key("signature key")).expect("the key");
    assert!(matches!(
        reader.verify(&hook, Time::EPOCH),
        Verdict::Verified(_)
    ));
}

#[test]
fn a_subscription_that_was_switched_off_is_switched_on() {
    let off = json!({
        "id": "S1",
        "enabled": false,
        "event_types": ["order.created", "labor.shift.updated"],
        "notification_url": "https://shop.example.com/hooks/till",
        "signature_key": "new",
    });
    let mut on = off.clone();
    on["enabled"] = json!(true);
    on["event_types"] = json!(DESCRIPTOR.hook_topics);
    let script = Script::of(&[
        (200, json!({ "subscriptions": [off] })),
        (200, json!({ "subscription": on })),
    ]);
    let channel = script.channel(settings());
    let register = channel.register_hooks().expect("it registers");
    let states = block_on(register.ensure("https://shop.example.com/hooks/till")).expect("states");
    assert!(
        states
            .iter()
            .all(|state| state.active && state.action == "enabled")
    );
    let (method, path, body) = script.asked().remove(1);
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("PUT", "/v2/webhooks/subscriptions/S1")
    );
    let topics = body["subscription"]["event_types"]
        .as_array()
        .expect("topics")
        .len();
    assert_eq!(topics, DESCRIPTOR.hook_topics.len() + 1, "the others stay");
}

#[test]
fn a_key_that_is_nowhere_is_said_so_and_not_asked_for_again() {
    let script = Script::of(&[(200, json!({ "subscriptions": [] }))]);
    let channel = script.channel(oauth_settings());
    let reader = channel.read_hooks().expect("it reads hooks");
    let error = block_on(reader.fetch_key("signature key")).expect_err("no key");
    assert!(matches!(error.kind, ErrorKind::Rejected { .. }), "{error}");
    let verdict = reader.verify(&signed("guess", "{}"), Time::EPOCH);
    assert!(matches!(verdict, Verdict::Refused(HookRefusal::Wrong)));
}

/// A hook to the address in the settings, signed with a key.
fn signed(key: &str, body: &str) -> HookRequest {
    signed_at("https://shop.example.com/hooks/till", key, body)
}

fn signed_at(url: &str, key: &str, body: &str) -> HookRequest {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).expect("any length");
    mac.update(url.as_bytes());
    mac.update(body.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    HookRequest {
        method: "POST".to_owned(),
        topic: String::new(),
        query: String::new(),
        headers: vec![("x-square-hmacsha256-signature".to_owned(), signature)],
        body: body.as_bytes().to_vec(),
    }
}

#[test]
fn a_hook_is_signed_over_the_address_byte_for_byte() {
    let script = Script::of(&[]);
    let channel = script.channel(settings());
    let reader = channel.read_hooks().expect("it reads hooks");
    let url = "https://shop.example.com/hooks/till";
    for (url, key, is_verified) in [
        (url, "new", true),
        (url, "old", true),
        (url, "", false),
        (url, "other", false),
        ("https://shop.example.com/hooks/till/", "new", false),
        ("http://shop.example.com/hooks/till", "new", false),
    ] {
        let verdict = reader.verify(&signed_at(url, key, "{}"), Time::EPOCH);
        let verified = matches!(verdict, Verdict::Verified(_));
        assert_eq!(verified, is_verified, "{url} {key}");
    }
}

#[test]
fn the_vector_of_the_official_libraries_fits() {
    const NAME: &str = "the_vector_of_the_official_libraries_fits";
    let Some(shared) = std::env::var_os("ONESHELF_SHARED") else {
        println!("skipped: {NAME}: ONESHELF_SHARED is not set");
        return;
    };
    let path = std::path::Path::new(&shared).join("specs/webhook-signature-vectors.json");
    let vectors: Value =
        serde_json::from_slice(&std::fs::read(path).expect("the vectors")).expect("JSON");
    let vectors = vectors["vectors"].as_array().expect("a list").iter();
    let mut checked = 0;
    for vector in vectors.filter(|vector| vector["channel"] == "square") {
        let mut settings = settings();
        settings["notification_url"] = vector["notification_url"].clone();
        settings["webhook_signature_key"] = vector["secret"].clone();
        let script = Script::of(&[]);
        let channel = script.channel(settings);
        let reader = channel.read_hooks().expect("it reads hooks");
        let headers = vector["headers"].as_object().expect("headers").iter();
        let request = HookRequest {
            headers: headers
                .map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned()))
                .collect(),
            body: vector["body"].as_str().expect("a body").as_bytes().to_vec(),
            ..signed("", "")
        };
        let verdict = reader.verify(&request, Time::EPOCH);
        assert!(matches!(verdict, Verdict::Verified(_)), "{vector}");
        for bit in 0..request.body.len() * 8 {
            let mut flipped = request.clone();
            flipped.body[bit / 8] ^= 1 << (bit % 8);
            let verdict = reader.verify(&flipped, Time::EPOCH);
            assert!(matches!(verdict, Verdict::Refused(_)), "bit {bit}");
        }
        checked += 1;
    }
    assert!(checked > 0, "there is a vector");
}

/// What an event tells.
fn told(event: &Value) -> Result<Vec<Observation>, String> {
    read_body(event.to_string().as_bytes())
}

fn read_body(body: &[u8]) -> Result<Vec<Observation>, String> {
    let channel = Script::of(&[]).channel(settings());
    let reader = channel.read_hooks().expect("it reads hooks");
    let request = HookRequest {
        body: body.to_vec(),
        ..signed("new", "")
    };
    let read = reader.read(&Verified::from_journal(request));
    read.map_err(|malformed| malformed.reason)
}

#[test]
fn every_event_is_read() {
    let about = |kind: &str, key: &str, location: &str| {
        let thing = json!({ "order_id": "O1", "location_id": location, "version": 4 });
        let mut object = serde_json::Map::new();
        object.insert(key.to_owned(), thing);
        json!({ "type": kind, "data": { "type": key, "id": "O1", "object": object } })
    };
    let look = vec![Observation::LookAtOrder("O1".into())];
    for (kind, key) in [
        ("order.created", "order_created"),
        ("order.updated", "order_updated"),
        ("order.fulfillment.updated", "order_fulfillment_updated"),
        ("payment.created", "payment"),
        ("payment.updated", "payment"),
        ("refund.created", "refund"),
        ("refund.updated", "refund"),
    ] {
        assert_eq!(told(&about(kind, key, "L1")), Ok(look.clone()), "{kind}");
        let elsewhere = told(&about(kind, key, "L2")).expect("it is read");
        assert!(
            matches!(elsewhere.as_slice(), [Observation::Nothing(_)]),
            "{kind}"
        );
        assert!(told(&about(kind, "something", "L1")).is_err(), "{kind}");
    }
    assert_eq!(
        told(&json!({ "type": "catalog.version.updated" })),
        Ok(vec![Observation::LookAtListings])
    );
    assert_eq!(
        told(&json!({ "type": "oauth.authorization.revoked" })),
        Ok(vec![Observation::Revoked])
    );
    for nothing in [
        json!({ "type": "labor.shift.updated" }),
        json!({ "type": "payment.created", "data": { "object": { "payment": { "id": "P" } } } }),
    ] {
        let read = told(&nothing).expect("it is read");
        assert!(
            matches!(read.as_slice(), [Observation::Nothing(_)]),
            "{nothing}"
        );
    }
    let known = DESCRIPTOR.hook_topics.len();
    assert_eq!(
        known, 10,
        "seven about orders, two about the account, and counts"
    );
}

#[test]
fn counts_are_levels_only_of_what_can_be_sold_here() {
    let count = |location: &str, state: &str, quantity: Value| {
        json!({
            "catalog_object_id": "V1", "location_id": location, "state": state,
            "quantity": quantity, "calculated_at": "2026-11-01T10:00:00Z",
        })
    };
    let event = |counts: Value| {
        json!({
            "type": "inventory.count.updated",
            "data": { "object": { "inventory_counts": counts } },
        })
    };
    let level = |text: Option<&str>| {
        Observation::Level(LevelSnapshot {
            listing: ListingId::new("V1"),
            level: text.map(decimal),
            changed_at: Time::parse_utc("2026-11-01T10:00:00Z").ok(),
        })
    };
    let read = told(&event(json!([
        count("L1", "IN_STOCK", json!("7.5")),
        count("L1", "SOLD", json!("3")),
        count("L2", "IN_STOCK", json!("9")),
        count("L1", "IN_STOCK", json!("-2")),
        count("L1", "IN_STOCK", json!("many")),
    ])));
    assert_eq!(
        read,
        Ok(vec![level(Some("7.5")), level(Some("-2")), level(None)])
    );
    let read = told(&event(json!([count("L1", "WASTE", json!("1"))]))).expect("it is read");
    assert!(matches!(read.as_slice(), [Observation::Nothing(_)]));
    assert!(told(&event(json!({ "a": 1 }))).is_err());
}

#[test]
fn hostile_hooks_are_errors_and_never_panics() {
    let deep = "[".repeat(100_000);
    for body in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"{\"type\":7}",
        b"{\"type\":\"order.updated\"}",
        b"{\"type\":\"order.updated\",\"data\":{\"object\":{\"order_updated\":{\"order_id\":\"\"}}}}",
        b"{\"type\":\"order.updated\",\"data\":{\"object\":{\"order_updated\":[]}}}",
        b"{\"type\":\"\xff\xfe\"}",
        b"\x00",
        deep.as_bytes(),
    ] {
        assert!(read_body(body).is_err(), "{}", String::from_utf8_lossy(body));
    }
}
