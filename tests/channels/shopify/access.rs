//! Who we are: tokens, scopes, the probe, the meter, and settings with mistakes.

use std::time::Duration;

use channel::{ErrorKind, OrderWindow, Probe};
use domain::Time;
use serde_json::{Value, json};

use super::{answer, fault, kind, poll, rig, status};
use crate::port::{Fault, Rig, block_on};

fn probe(rig: &Rig) -> Result<Probe, channel::ChannelError> {
    block_on(rig.channel.probe())
}

fn pull_error(rig: &Rig) -> channel::ChannelError {
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let orders = rig.channel.pull_orders().expect("orders");
    block_on(orders.pull(&window)).expect_err("an error")
}

fn token_calls(rig: &Rig) -> usize {
    let requests = rig.requests();
    requests
        .iter()
        .filter(|request| request.ends_with("/admin/oauth/access_token"))
        .count()
}

/// An account whose token is rotated. The twin gives such a token to whoever installs the app.
fn rotating() -> Rig {
    rig().with_settings(&json!({
        "client_credentials": null,
        "refresh": {
            "client_id": "app-of-eu-shop",
            "refresh_token": "refresh token 0 of eu-shop",
        },
    }))
}

#[test]
fn the_probe_names_the_shop_and_what_should_be_looked_at() {
    let rig = rig();
    let found = probe(&rig).expect("a probe");
    assert_eq!(
        (found.shop.as_str(), found.version.as_str()),
        ("eu-shop", "2026-10")
    );
    assert_eq!(found.warnings, Vec::<String>::new());
    let old = rig.with_settings(&json!({ "api_version": "2025-01" }));
    let warnings = probe(&old).expect("a probe").warnings;
    assert!(
        warnings[0].contains("2026-01 instead of 2025-01"),
        "{warnings:?}"
    );
    let body = json!({ "data": {
        "shop": { "name": "Shop", "myshopifyDomain": "other.myshopify.com" },
        "location": { "name": "Old store", "isActive": false },
        "currentAppInstallation": { "accessScopes": [{ "handle": "read_orders" }] },
    } });
    old.faults([Fault::Answer(answer(&body))]);
    let warnings = probe(&old).expect("a probe").warnings.join("\n");
    for expected in [
        "`Old store` is deactivated",
        "`write_orders`",
        "other.myshopify.com",
    ] {
        assert!(warnings.contains(expected), "{expected}: {warnings}");
    }
    assert!(!warnings.contains("`read_orders`"));
}

#[test]
fn a_wrong_place_is_said() {
    let nowhere = rig().with_settings(&json!({ "location_id": 17 }));
    assert_eq!(
        kind(&probe(&nowhere).expect_err("no such location")),
        "rejected"
    );
    let future = rig().with_settings(&json!({ "api_version": "2031-01" }));
    let error = probe(&future).expect_err("no such version");
    assert_eq!(kind(&error), "rejected", "the API is missing, not an order");
    let orders = future.channel.pull_orders().expect("orders");
    let error = block_on(orders.read(&["17".into()])).expect_err("no such version");
    assert_eq!(
        kind(&error),
        "rejected",
        "a missing API is no missing order"
    );
}

#[test]
fn a_token_is_bought_once_and_again_when_it_is_refused() {
    let rig = rig();
    poll(&rig, Time::EPOCH);
    poll(&rig, Time::EPOCH);
    assert_eq!(token_calls(&rig), 1);
    rig.twin(|twin, _| twin.expire_tokens());
    poll(&rig, Time::EPOCH);
    assert_eq!(
        token_calls(&rig),
        1,
        "one refusal, one new token, one more try"
    );
    // Near the end of its day it is replaced before it is refused.
    rig.advance(24 * 3_600_000 - 30_000);
    poll(&rig, Time::EPOCH);
    assert_eq!(rig.requests().len(), 2);
    // Opened again, as after a restart, it takes the kept one.
    let again = rig.opened_with(&json!({}));
    block_on(again.probe()).expect("a probe");
    assert_eq!(token_calls(&rig), 0);
    // Other credentials are not mixed up with the kept ones.
    let other = rig.opened_with(&json!({
        "client_credentials": { "client_id": "app-of-eu-shop", "client_secret": "wrong" },
    }));
    let error = block_on(other.probe()).expect_err("wrong credentials");
    assert_eq!(kind(&error), "unauthorized");
}

#[test]
fn a_fixed_token_is_not_renewed() {
    let rig = rig().with_settings(&json!({
        "client_credentials": null,
        "access_token": "from an old installation",
    }));
    assert_eq!(kind(&pull_error(&rig)), "unauthorized");
    assert_eq!(rig.requests().len(), 1);
    let hostile = rig.with_settings(&json!({
        "client_credentials": null,
        "access_token": "two\nlines",
    }));
    assert_eq!(kind(&pull_error(&hostile)), "unauthorized");
}

#[test]
fn a_rotated_pair_is_kept_before_it_is_used() {
    let rig = rotating();
    poll(&rig, Time::EPOCH);
    token_calls(&rig);
    // An hour later, again and again: each refresh token works once.
    for _ in 0..3 {
        rig.advance(3_600_000);
        poll(&rig, Time::EPOCH);
        assert_eq!(token_calls(&rig), 1);
    }
    // After a restart the kept pair goes on, not the one from the settings, which is spent.
    let again = rotating_again(&rig);
    block_on(again.probe()).expect("a probe");
    // A pair that was made and whose answer was lost: the old refresh token still works.
    rig.advance(3_600_000);
    rig.faults([Fault::LostAnswer]);
    let error = block_on(again.probe()).expect_err("no answer");
    assert_eq!(
        kind(&error),
        "retry",
        "asking for a token twice does no harm"
    );
    block_on(again.probe()).expect("a probe");
}

fn rotating_again(rig: &Rig) -> Box<dyn channel::Channel> {
    rig.opened_with(&json!({
        "client_credentials": null,
        "refresh": {
            "client_id": "app-of-eu-shop",
            "refresh_token": "refresh token 0 of eu-shop",
        },
    }))
}

#[test]
fn the_refresh_token_of_the_settings_is_spent_once_a_newer_pair_was_used() {
    let rig = rotating();
    poll(&rig, Time::EPOCH);
    rig.advance(3_600_000);
    poll(&rig, Time::EPOCH);
    // Without what was kept, the account is locked out: that is why it is kept.
    block_on(async {
        use channel::Vault;
        let nothing = channel::Secret::new("{}");
        rig.vault
            .store("shopify-tokens", nothing)
            .await
            .expect("stored");
    });
    let forgetful = rotating_again(&rig);
    let error = block_on(forgetful.probe()).expect_err("the token is spent");
    assert_eq!(kind(&error), "unauthorized");
}

#[test]
fn many_calls_at_once_refresh_once() {
    let rig = rotating();
    poll(&rig, Time::EPOCH);
    rig.twin(|twin, _| twin.expire_tokens());
    rig.requests();
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let orders = rig.channel.pull_orders().expect("orders");
    let (first, second, third) = block_on(async {
        tokio::join!(
            orders.pull(&window),
            orders.pull(&window),
            orders.pull(&window)
        )
    });
    for page in [first, second, third] {
        page.expect("a page");
    }
    assert_eq!(token_calls(&rig), 1);
}

#[test]
fn answers_are_named_by_what_to_do_next() {
    let rig = rig();
    poll(&rig, Time::EPOCH);
    for (fault, expected) in [
        (Fault::Answer(fault("THROTTLED")), "throttled"),
        (Fault::Answer(fault("ACCESS_DENIED")), "unauthorized"),
        (Fault::Answer(fault("SHOP_INACTIVE")), "unauthorized"),
        (Fault::Answer(fault("INTERNAL_SERVER_ERROR")), "retry"),
        (Fault::Answer(fault("undefinedField")), "rejected"),
        (
            Fault::Answer(answer(&json!({ "errors": "Not enough scopes" }))),
            "rejected",
        ),
        (
            Fault::Answer(answer(&json!({ "errors": [17, null, {}] }))),
            "rejected",
        ),
        (Fault::Answer(answer(&json!({ "data": null }))), "malformed"),
        (Fault::Answer(answer(&json!([]))), "malformed"),
        (Fault::Answer(status(200, "<html>")), "malformed"),
        (Fault::Answer(status(200, "\u{0}")), "malformed"),
        (
            Fault::Answer(status(200, &"[".repeat(100_000))),
            "malformed",
        ),
        (Fault::Answer(status(302, "")), "rejected"),
        (Fault::Answer(status(400, "no")), "rejected"),
        (Fault::Answer(status(402, "frozen")), "unauthorized"),
        (Fault::Answer(status(403, "no")), "unauthorized"),
        (Fault::Answer(status(404, "no")), "rejected"),
        (Fault::Answer(status(423, "locked")), "unauthorized"),
        (Fault::Answer(status(429, "")), "throttled"),
        (Fault::Answer(status(500, "")), "retry"),
        (Fault::Answer(status(503, "")), "retry"),
        (Fault::NotSent, "retry"),
        (Fault::LostRequest, "retry"),
        (Fault::LostAnswer, "retry"),
    ] {
        let name = match &fault {
            Fault::Answer(response) => String::from_utf8_lossy(response.body()).into_owned(),
            Fault::Pass | Fault::NotSent | Fault::LostRequest | Fault::LostAnswer => String::new(),
        };
        rig.faults([fault]);
        let error = pull_error(&rig);
        assert_eq!(
            kind(&error),
            expected,
            "{}: {error}",
            name.chars().take(60).collect::<String>()
        );
    }
}

#[test]
fn a_throttled_call_says_when_the_bucket_is_full_enough() {
    let rig = rig();
    poll(&rig, Time::EPOCH);
    let throttled = rig.twin(|twin, _| twin.throttled());
    rig.faults([Fault::Answer(throttled)]);
    let ErrorKind::Throttled { until: Some(until) } = pull_error(&rig).kind else {
        panic!("throttled, with a time");
    };
    assert_eq!(until.since(rig.now()), Duration::from_millis(1_250));
    // Numbers that make no sense do not stop the account.
    for (requested, available, rate) in [
        (json!(1e300), json!(0), json!(100)),
        (json!(100), json!(0), json!(0)),
        (json!(100), json!(-1e300), json!(1e-300)),
        (json!(100), json!(200), json!(100)),
        (json!(100), Value::Null, json!(100)),
    ] {
        let body = json!({
            "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }],
            "extensions": { "cost": {
                "requestedQueryCost": requested,
                "throttleStatus": { "currentlyAvailable": available, "restoreRate": rate },
            } },
        });
        rig.faults([Fault::Answer(answer(&body))]);
        match pull_error(&rig).kind {
            ErrorKind::Throttled { until } => {
                assert!(until.is_none_or(|until| until.since(rig.now()).as_secs() <= 60));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_bucket_runs_dry_and_fills_again() {
    let rig = rig();
    for _ in 0..20 {
        rig.buy(&[("MUG-1", 0), ("WRAP", 1)], true);
    }
    rig.advance(3_000);
    let window = OrderWindow {
        changed_since: Time::EPOCH,
        page: None,
        is_last_kept: false,
    };
    let orders = rig.channel.pull_orders().expect("orders");
    let until = (0..100)
        .find_map(|_| match block_on(orders.pull(&window)) {
            Ok(_) => None,
            Err(error) => Some(error.kind),
        })
        .expect("the bucket is empty at some time");
    let ErrorKind::Throttled { until: Some(until) } = until else {
        panic!("{until}");
    };
    rig.advance(u64::try_from(until.since(rig.now()).as_millis()).expect("a short wait"));
    block_on(orders.pull(&window)).expect("it is full enough again");
}

#[test]
fn mistakes_in_the_settings_are_all_said_at_once() {
    let rig = rig();
    for (changes, expected) in [
        (json!({ "location_id": "home" }), vec!["location_id"]),
        (json!({ "location_id": true }), vec!["location_id"]),
        (
            json!({ "api_version": "latest", "location_id": "" }),
            vec!["location_id", "api_version"],
        ),
        (json!({ "shop": "eu_shop" }), vec!["shop"]),
        (json!({ "shop": "eu-shop.myshopify.com" }), vec![]),
        (json!({ "api_url": "ftp://example.com" }), vec!["api_url"]),
        (json!({ "api_url": null, "shop": null }), vec!["shop"]),
        (json!({ "api_url": null }), vec![]),
        (json!({ "client_secret": "" }), vec!["client_secret"]),
        (
            json!({ "access_token": "one too many" }),
            vec!["access_token"],
        ),
        (json!({ "client_credentials": null }), vec!["access_token"]),
        (json!({ "locaton_id": 17 }), vec!["locaton_id"]),
        (
            json!({ "location_id": "gid://shopify/Location/17" }),
            vec![],
        ),
        (json!({ "location_id": 17 }), vec![]),
    ] {
        assert_eq!(rig.refused_with(&changes), expected, "{changes}");
    }
}
