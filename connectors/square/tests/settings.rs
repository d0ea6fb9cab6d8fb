//! Settings, and what they make possible.

use channel::{Connector, Port};
use serde_json::{Value, json};

use super::{super::CONNECTOR, Script, block_on, oauth_settings, settings};

#[test]
fn every_mistake_in_the_settings_is_named() {
    let port = || Port {
        http: Script::of(&[]),
        vault: Script::of(&[]),
    };
    let oauth = json!({ "client_id": "a", "client_secret": "b", "refresh_token": "c" });
    for (key, value, path) in [
        ("api_url", json!("ftp://example.com"), "api_url"),
        ("api_url", json!("example"), "api_url"),
        ("location_id", json!(""), "location_id"),
        ("access_token", json!("two words"), "access_token"),
        ("access_token", json!(null), "access_token"),
        ("oauth", oauth, "access_token"),
        ("oauth", json!({ "client_id": "a" }), "oauth"),
        ("application_token", json!(""), "application_token"),
        ("notification_url", json!("shop"), "notification_url"),
        ("notification_url", json!(null), "notification_url"),
        ("webhook_signature_key", json!(""), "webhook_signature_key"),
        ("square_version", json!("2025"), "square_version"),
        ("square_version", json!("2025-08-2x"), "square_version"),
        ("locatoin_id", json!("L1"), "locatoin_id"),
    ] {
        let mut settings = settings();
        settings[key] = value.clone();
        let Err(errors) = CONNECTOR.open(settings, port()) else {
            panic!("{key} = {value} is taken");
        };
        assert!(
            errors.iter().any(|error| error.path == path),
            "{key} = {value}: {errors:?}"
        );
    }
    let both = json!({ "location_id": "", "square_version": "" });
    let Err(errors) = CONNECTOR.open(both, port()) else {
        panic!("it is taken");
    };
    assert_eq!(errors.len(), 3, "all at once: {errors:?}");
}

#[test]
fn without_an_address_there_are_no_hooks() {
    let script = Script::of(&[(200, json!({ "location": { "status": "INACTIVE" } }))]);
    let channel = script.channel(json!({ "location_id": "L1", "access_token": "t" }));
    assert!(channel.read_hooks().is_none());
    assert!(channel.register_hooks().is_none());
    let probe = block_on(channel.probe()).expect("a probe");
    assert_eq!(probe.warnings.len(), 2);
    let mut seller = oauth_settings();
    seller["application_token"] = Value::Null;
    let channel = script.channel(seller);
    assert!(channel.read_hooks().is_some());
    assert!(
        channel.register_hooks().is_none(),
        "a seller's token may not subscribe"
    );
}

#[test]
fn the_schema_and_the_example_name_every_key() {
    let schema = CONNECTOR.schema().to_value().to_string();
    for key in [
        "location_id",
        "oauth",
        "notification_url",
        "webhook_signature_key_previous",
    ] {
        assert!(schema.contains(key), "{key}");
    }
    for key in [
        "location_id",
        "access_token",
        "notification_url",
        "webhook_signature_key",
    ] {
        assert!(CONNECTOR.example().contains(key), "{key}");
    }
}
