//! Tokens: fetched once for all, early, again on a refusal, and stored before they are used.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use channel::{ErrorKind, OrderWindow, http::Request};
use domain::Time;
use serde_json::{Value, json};

use super::{Stage, block_on, reply, settings, token};

const TOKEN: &str = "POST https://ebay.example.com/identity/v1/oauth2/token";

fn window() -> OrderWindow {
    OrderWindow {
        changed_since: Time::parse_utc("2026-11-01T11:00:00Z").expect("a time"),
        page: None,
        is_last_kept: false,
    }
}

fn is_token_call(request: &Request) -> bool {
    request.uri().path() == "/identity/v1/oauth2/token"
}

fn form(request: &Request) -> Vec<(String, String)> {
    url::form_urlencoded::parse(request.body())
        .into_owned()
        .collect()
}

fn refresh_token(request: &Request) -> String {
    let form = form(request);
    let found = form.into_iter().find(|(name, _)| name == "refresh_token");
    found.expect("a refresh token").1
}

fn no_orders() -> Value {
    json!({ "total": 0, "orders": [] })
}

/// How many of these events ask for a token.
fn token_calls(events: &[String]) -> usize {
    events.iter().filter(|event| *event == TOKEN).count()
}

#[test]
fn many_calls_at_once_fetch_one_token() {
    let stage = Stage::new(|request| {
        if is_token_call(request) {
            token("one")
        } else {
            assert_eq!(request.headers()["authorization"], "Bearer one");
            reply(200, &no_orders())
        }
    });
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let window = window();
    block_on(async {
        let (a, b, c) = tokio::join!(
            orders.pull(&window),
            orders.pull(&window),
            orders.pull(&window)
        );
        a.and(b).and(c).expect("pages");
    });
    assert_eq!(token_calls(&stage.events()), 1);
    // Two hours less a minute later it is replaced before it ends.
    stage.advance(7200 - 61);
    block_on(orders.pull(&window)).expect("a page");
    assert_eq!(token_calls(&stage.events()), 0);
    stage.advance(1);
    block_on(orders.pull(&window)).expect("a page");
    assert_eq!(token_calls(&stage.events()), 1);
}

#[test]
fn the_token_call_is_what_ebay_documents() {
    let stage = Stage::new(|request| {
        if is_token_call(request) {
            let headers = request.headers();
            // app:hush
            assert_eq!(headers["authorization"], "Basic YXBwOmh1c2g=");
            assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
            let form = form(request);
            assert_eq!(form[0], ("grant_type".into(), "refresh_token".into()));
            assert_eq!(form[1], ("refresh_token".into(), "first".into()));
            assert!(
                form[2]
                    .1
                    .split(' ')
                    .any(|scope| scope.ends_with("/sell.finances"))
            );
            token("one")
        } else {
            reply(200, &no_orders())
        }
    });
    let channel = stage.open();
    block_on(channel.pull_orders().expect("orders").pull(&window())).expect("a page");
}

#[test]
fn a_refused_token_is_replaced_once_for_all_who_wait() {
    let made = Arc::new(AtomicUsize::new(0));
    let making = made.clone();
    let stage = Stage::new(move |request| {
        if is_token_call(request) {
            let number = making.fetch_add(1, Ordering::SeqCst) + 1;
            return token(&format!("t{number}"));
        }
        if request.headers()["authorization"] == "Bearer t1" {
            let error = json!({ "errorId": 1001, "message": "Invalid access token" });
            return reply(401, &json!({ "errors": [error] }));
        }
        reply(200, &no_orders())
    });
    let channel = stage.open();
    let orders = channel.pull_orders().expect("orders");
    let window = window();
    block_on(async {
        let (a, b) = tokio::join!(orders.pull(&window), orders.pull(&window));
        a.and(b).expect("pages");
    });
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[test]
fn a_token_that_is_refused_twice_is_a_person_s_task() {
    let stage = Stage::new(|request| {
        if is_token_call(request) {
            return token("one");
        }
        reply(401, &json!({ "errors": [{ "errorId": 1001 }] }))
    });
    let channel = stage.open();
    let error = block_on(channel.pull_orders().expect("orders").pull(&window()))
        .expect_err("no token works");
    assert!(matches!(error.kind, ErrorKind::Unauthorized { .. }));
    assert_eq!(stage.events().len(), 4, "two tokens, two tries");
}

#[test]
fn a_withdrawn_consent_is_a_person_s_task() {
    for (status, body, is_unauthorized) in [
        (
            400,
            json!({ "error": "invalid_grant", "error_description": "revoked" }),
            true,
        ),
        (400, json!({ "error": "invalid_scope" }), true),
        (401, json!({ "error": "invalid_client" }), true),
        (400, json!({ "error": "invalid_request" }), false),
        (503, json!({}), false),
        (200, json!({ "access": "?" }), false),
    ] {
        let answer = body.clone();
        let stage = Stage::new(move |_| reply(status, &answer));
        let channel = stage.open();
        let error =
            block_on(channel.pull_orders().expect("orders").pull(&window())).expect_err("no token");
        let found = matches!(error.kind, ErrorKind::Unauthorized { .. });
        assert_eq!(found, is_unauthorized, "{status} {body}: {error}");
    }
}

/// An eBay that hands out a new refresh token each time.
fn rotating() -> Arc<Stage> {
    let mut made = 0;
    Stage::new(move |request| {
        if is_token_call(request) {
            made += 1;
            let next = format!("{}+", refresh_token(request));
            let body = json!({
                "access_token": format!("t{made}"),
                "expires_in": 7200,
                "refresh_token": next,
            });
            return reply(200, &body);
        }
        reply(200, &no_orders())
    })
}

fn pull(stage: &Arc<Stage>, settings: Value) -> Result<(), ErrorKind> {
    let channel = stage.open_with(settings);
    block_on(channel.pull_orders().expect("orders").pull(&window()))
        .map(|_| ())
        .map_err(|error| error.kind)
}

fn kept(stage: &Stage) -> Value {
    let kept = stage.kept.lock().expect("a lock");
    serde_json::from_str(kept["refresh_token"].expose()).expect("JSON")
}

#[test]
fn a_new_refresh_token_is_stored_before_anything_is_done_with_it() {
    let stage = rotating();
    pull(&stage, settings()).expect("a page");
    let events = stage.events();
    let position = |start: &str| {
        let found = events.iter().position(|event| event.starts_with(start));
        found.unwrap_or_else(|| panic!("{start} in {events:?}"))
    };
    assert!(position("POST") < position("STORE refresh_token"));
    assert!(position("STORE refresh_token") < position("GET"));
    assert_eq!(kept(&stage)["refresh_token"], "first+");
    assert!(!kept(&stage)["configured"].to_string().contains("first"));
}

#[test]
fn the_vault_s_token_wins_until_another_one_is_configured() {
    let stage = rotating();
    pull(&stage, settings()).expect("a page");
    // A restart goes on from the vault.
    pull(&stage, settings()).expect("a page");
    assert_eq!(kept(&stage)["refresh_token"], "first++");
    // A person pasted a new one.
    let mut changed = settings();
    changed["refresh_token"] = json!("second");
    pull(&stage, changed.clone()).expect("a page");
    assert_eq!(kept(&stage)["refresh_token"], "second+");
    pull(&stage, changed).expect("a page");
    assert_eq!(kept(&stage)["refresh_token"], "second++");
}

#[test]
fn a_token_that_cannot_be_stored_is_not_used() {
    let stage = rotating();
    *stage.is_vault_broken.lock().expect("a lock") = true;
    let error = pull(&stage, settings()).expect_err("nowhere to keep it");
    assert!(matches!(error, ErrorKind::Retry { .. }), "{error:?}");
    assert_eq!(stage.events(), [TOKEN]);
    // The old one lives, so the next try succeeds.
    *stage.is_vault_broken.lock().expect("a lock") = false;
    pull(&stage, settings()).expect("a page");
    assert_eq!(kept(&stage)["refresh_token"], "first+");
}
