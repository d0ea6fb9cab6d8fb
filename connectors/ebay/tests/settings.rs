//! What the settings accept, and what they say of mistakes.

use channel::{Connector, Port};
use serde_json::{Value, json};

use super::{CONNECTOR, Stage, reply, settings};

fn problems(settings: Value) -> Vec<String> {
    let stage = Stage::new(|_| reply(500, &json!({})));
    let port = Port {
        http: stage.clone(),
        vault: stage,
    };
    match CONNECTOR.open(settings, port) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.path).collect(),
    }
}

#[test]
fn every_mistake_is_named_by_its_key() {
    assert_eq!(problems(settings()), Vec::<String>::new());
    let token_of = |length: usize| "t".repeat(length);
    for (key, value, is_right) in [
        ("api_url", json!("ftp://ebay.example.com"), false),
        (
            "api_url",
            json!("https://user:pass@ebay.example.com"),
            false,
        ),
        ("api_url", json!("https://ebay.example.com/?x=1"), false),
        ("api_url", json!("not a url"), false),
        ("api_url", json!("http://127.0.0.1:4711"), true),
        ("client_id", json!(" "), false),
        ("client_secret", json!(""), false),
        ("refresh_token", json!(""), false),
        ("refresh_token", json!(7), false),
        ("marketplace_id", json!("ebay-us"), false),
        ("marketplace_id", json!("EBAY_MOTORS_US"), true),
        ("verification_token", json!(token_of(31)), false),
        ("verification_token", json!(token_of(32)), true),
        ("verification_token", json!(token_of(80)), true),
        ("verification_token", json!(token_of(81)), false),
        (
            "verification_token",
            json!(format!("{}!", token_of(40))),
            false,
        ),
        (
            "verification_token",
            json!(format!("{}ü", token_of(40))),
            false,
        ),
        ("endpoint_url", json!("hooks/ebay"), false),
        ("merchant_location_key", json!(""), false),
        ("merchant_location_key", json!("main"), true),
        ("merchant_key", json!("main"), false),
    ] {
        let mut changed = settings();
        changed[key] = value.clone();
        let expected: Vec<String> = if is_right {
            vec![]
        } else {
            vec![key.to_owned()]
        };
        assert_eq!(problems(changed), expected, "{key} = {value}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let mut wrong = settings();
    wrong["api_url"] = json!("nowhere");
    wrong["client_id"] = json!("");
    wrong["verification_token"] = json!("short");
    assert_eq!(
        problems(wrong),
        ["api_url", "client_id", "verification_token"]
    );
}

#[test]
fn hooks_need_both_their_keys_and_can_be_left_out() {
    for (left_out, expected) in [
        (vec!["endpoint_url"], vec!["endpoint_url"]),
        (vec!["verification_token"], vec!["verification_token"]),
        (vec!["verification_token", "endpoint_url"], vec![]),
    ] {
        let mut changed = settings();
        for key in &left_out {
            changed.as_object_mut().expect("a table").remove(*key);
        }
        assert_eq!(problems(changed), expected, "without {left_out:?}");
    }
    let stage = Stage::new(|_| reply(500, &json!({})));
    assert!(stage.open().read_hooks().is_some());
    assert!(stage.open().register_hooks().is_some());
    let mut bare = settings();
    let table = bare.as_object_mut().expect("a table");
    table.remove("endpoint_url");
    table.remove("verification_token");
    let channel = stage.open_with(bare);
    assert!(channel.read_hooks().is_none());
    assert!(channel.register_hooks().is_none());
}

#[test]
fn the_schema_knows_every_key_of_the_example() {
    let schema = serde_json::to_value(CONNECTOR.schema()).expect("a schema");
    let properties = schema["properties"].as_object().expect("properties");
    let keys: Vec<&str> = CONNECTOR
        .example()
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .collect();
    assert!(keys.len() >= 7, "{keys:?}");
    for key in keys {
        assert!(properties.contains_key(key), "{key}");
    }
    for (key, property) in properties {
        assert!(property["description"].is_string(), "{key} is explained");
    }
}
