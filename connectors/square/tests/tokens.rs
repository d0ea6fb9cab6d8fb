//! Tokens that are renewed.

use std::sync::Arc;

use channel::ErrorKind;
use serde_json::{Value, json};

use super::{Script, block_on, oauth_settings};

fn tokens(access: &str, refresh: &str) -> Value {
    json!({
        "access_token": access,
        "refresh_token": refresh,
        "expires_at": "2026-12-01T10:00:00Z",
    })
}

fn location() -> Value {
    json!({ "location": { "name": "Till", "status": "ACTIVE" } })
}

#[test]
fn renewed_tokens_are_kept_before_they_are_used() {
    let script = Script::of(&[
        (200, tokens("access-1", "refresh-1")),
        (200, location()),
        (
            401,
            json!({ "errors": [{ "code": "ACCESS_TOKEN_EXPIRED" }] }),
        ),
        (200, tokens("access-2", "refresh-2")),
        (200, location()),
    ]);
    let channel = script.channel(oauth_settings());
    block_on(channel.probe()).expect("a probe");
    block_on(channel.probe()).expect("a probe");
    let asked = script.asked();
    assert_eq!(asked[0].2["refresh_token"], "refresh-0");
    assert_eq!(
        asked[3].2["refresh_token"], "refresh-1",
        "a refresh token works once"
    );
    assert_eq!(asked.len(), 5);
    // Another start takes up what was kept; another consent does not.
    script.then(&[(200, location())]);
    block_on(script.channel(oauth_settings()).probe()).expect("a probe");
    assert_eq!(script.asked().len(), 1);
    let mut again = oauth_settings();
    again["oauth"]["refresh_token"] = json!("refresh-again");
    script.then(&[(200, tokens("access-3", "refresh-3")), (200, location())]);
    block_on(script.channel(again).probe()).expect("a probe");
    assert_eq!(script.asked()[0].2["refresh_token"], "refresh-again");

    let broken = Arc::new(Script {
        is_vault_broken: true,
        ..Script::default()
    });
    broken.then(&[(200, tokens("access-1", "refresh-1")), (200, location())]);
    let error = block_on(broken.channel(oauth_settings()).probe()).expect_err("not kept");
    assert!(matches!(error.kind, ErrorKind::Retry { .. }), "{error}");
    assert_eq!(broken.asked().len(), 1, "the new token was not used");
}

#[test]
fn one_renewal_serves_all_who_wait_for_it() {
    let expired = || {
        (
            401,
            json!({ "errors": [{ "code": "ACCESS_TOKEN_EXPIRED" }] }),
        )
    };
    let script = Script::of(&[
        (200, tokens("access-1", "refresh-1")),
        (200, location()),
        expired(),
        expired(),
        (200, tokens("access-2", "refresh-2")),
        (200, location()),
        (200, location()),
    ]);
    let channel = script.channel(oauth_settings());
    block_on(channel.probe()).expect("a probe");
    script.asked();
    let (one, other) = block_on(async { tokio::join!(channel.probe(), channel.probe()) });
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    let asked = script.asked();
    let renewals = asked.iter().filter(|(_, path, _)| path == "/oauth2/token");
    assert_eq!(renewals.count(), 1, "{asked:?}");
}

#[test]
fn a_token_that_is_refused_for_good_needs_a_person() {
    let refused = json!({ "errors": [{ "code": "ACCESS_TOKEN_REVOKED" }] });
    let script = Script::of(&[(200, tokens("access-1", "refresh-1")), (401, refused)]);
    let channel = script.channel(oauth_settings());
    let error = block_on(channel.probe()).expect_err("revoked");
    assert!(
        matches!(error.kind, ErrorKind::Unauthorized { .. }),
        "{error}"
    );
    let script = Script::of(&[(401, json!({ "errors": [{ "code": "UNAUTHORIZED" }] }))]);
    let error = block_on(script.channel(oauth_settings()).probe()).expect_err("refused");
    assert!(
        matches!(error.kind, ErrorKind::Unauthorized { .. }),
        "{error}"
    );
    let script = Script::of(&[(400, json!({ "errors": [{ "code": "BAD_REQUEST" }] }))]);
    let error = block_on(script.channel(oauth_settings()).probe()).expect_err("refused");
    assert!(
        matches!(error.kind, ErrorKind::Unauthorized { .. }),
        "{error}"
    );
}
