//! Tokens that rotate: one refresh at a time, and kept before they are used.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use channel::{
    Channel, Connector, ErrorKind, HttpPort, Port, Secret, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::Time;
use serde_json::{Value, json};

use super::block_on;

/// A shop that knows one token at a time, and a vault; both write down what happens, in order.
/// Whoever calls has to wait, so that others can come in between.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The number of the pair that works.
    pair: u32,
    kept: Option<String>,
    is_vault_broken: bool,
    log: Vec<String>,
}

impl Gate {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().expect("no panics"))
    }

    fn log(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.log))
    }

    fn answer(&self, request: &Request) -> Response {
        let body: Value = serde_json::from_slice(request.body()).expect("we send JSON");
        self.with(|state| {
            if request.uri().path().ends_with("/access_token") {
                let given = body["refresh_token"].as_str().expect("a refresh token");
                state.log.push(format!("refresh with {given}"));
                state.pair += 1;
                let pair = json!({
                    "access_token": format!("access {}", state.pair),
                    "refresh_token": format!("refresh {}", state.pair),
                    "expires_in": 3600,
                });
                return Response::new(pair.to_string().into_bytes());
            }
            let token = request.headers()["x-shopify-access-token"].to_str();
            let token = token.expect("a text").to_owned();
            state.log.push(format!("call with {token}"));
            let mut response = Response::new(json!({ "data": { "nodes": [] } }).to_string().into());
            if token != format!("access {}", state.pair) {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
            }
            response
        })
    }
}

#[async_trait]
impl HttpPort for Gate {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        tokio::task::yield_now().await;
        let response = self.answer(&request);
        tokio::task::yield_now().await;
        Ok(response)
    }

    fn now(&self) -> Time {
        Time::parse_utc("2026-11-06T12:00:00Z").expect("a time")
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

#[async_trait]
impl Vault for Gate {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        assert_eq!(name, "shopify-tokens");
        Ok(self.with(|state| state.kept.clone().map(Secret::new)))
    }

    async fn store(&self, _name: &str, secret: Secret) -> Result<(), VaultError> {
        tokio::task::yield_now().await;
        self.with(|state| {
            if state.is_vault_broken {
                return Err(VaultError {
                    reason: "the disk is full".to_owned(),
                });
            }
            state.log.push(format!("keep pair {}", state.pair));
            state.kept = Some(secret.expose().to_owned());
            Ok(())
        })
    }
}

fn open(gate: &Arc<Gate>, first: &str) -> Box<dyn Channel> {
    let settings = json!({
        "shop": "eu-shop",
        "location_id": 7,
        "client_secret": "hush",
        "refresh": { "client_id": "app", "refresh_token": first },
    });
    let port = Port {
        http: gate.clone(),
        vault: gate.clone(),
    };
    let opened = crate::shopify::CONNECTOR.open(settings, port);
    opened.unwrap_or_else(|errors| panic!("{errors:?}"))
}

async fn call(channel: &dyn Channel) -> Result<(), ErrorKind> {
    let levels = channel.read_stock().expect("levels");
    let read = levels.read(&["901".into()]).await;
    read.map(|_| ()).map_err(|error| error.kind)
}

#[test]
fn a_pair_is_kept_before_it_is_used() {
    let gate = Arc::new(Gate::default());
    let channel = open(&gate, "refresh 0");
    block_on(call(channel.as_ref())).expect("an answer");
    assert_eq!(
        gate.log(),
        [
            "refresh with refresh 0",
            "keep pair 1",
            "call with access 1"
        ]
    );
    // Withdrawn there: refused once, replaced once, tried once more.
    gate.with(|state| state.pair = 7);
    block_on(call(channel.as_ref())).expect("an answer");
    assert_eq!(
        gate.log(),
        [
            "call with access 1",
            "refresh with refresh 1",
            "keep pair 8",
            "call with access 8"
        ]
    );
    // A restart goes on from what was kept, and newly pasted credentials begin anew.
    block_on(call(open(&gate, "refresh 0").as_ref())).expect("an answer");
    assert_eq!(gate.log(), ["call with access 8"]);
    block_on(call(open(&gate, "pasted").as_ref())).expect("an answer");
    assert_eq!(gate.log()[0], "refresh with pasted");
}

#[test]
fn calls_that_are_refused_together_refresh_once() {
    let gate = Arc::new(Gate::default());
    let channel = open(&gate, "refresh 0");
    let channel = channel.as_ref();
    block_on(async {
        let (a, b, c) = tokio::join!(call(channel), call(channel), call(channel));
        assert_eq!([a, b, c], [Ok(()), Ok(()), Ok(())]);
    });
    let refreshed = |log: &[String]| {
        log.iter()
            .filter(|line| line.starts_with("refresh"))
            .count()
    };
    assert_eq!(refreshed(&gate.log()), 1, "three came, one asked");
    gate.with(|state| state.pair = 7);
    block_on(async {
        let (a, b, c) = tokio::join!(call(channel), call(channel), call(channel));
        assert_eq!([a, b, c], [Ok(()), Ok(()), Ok(())]);
    });
    let log = gate.log();
    assert_eq!(
        log[..3],
        ["call with access 1"; 3],
        "all three were refused"
    );
    assert_eq!(refreshed(&log), 1, "{log:?}");
}

#[test]
fn a_pair_that_cannot_be_kept_is_not_used() {
    let gate = Arc::new(Gate::default());
    gate.with(|state| state.is_vault_broken = true);
    let channel = open(&gate, "refresh 0");
    let refused = block_on(call(channel.as_ref())).expect_err("nothing was kept");
    assert!(matches!(refused, ErrorKind::Retry { .. }), "{refused}");
    assert_eq!(
        gate.log(),
        ["refresh with refresh 0"],
        "the new token opened nothing"
    );
    gate.with(|state| state.is_vault_broken = false);
    block_on(call(channel.as_ref())).expect("an answer");
    assert_eq!(
        gate.log()[0],
        "refresh with refresh 0",
        "the old one works until then"
    );
}

#[test]
fn what_the_vault_holds_may_be_anything() {
    for kept in [
        "",
        "{",
        "null",
        "17",
        "[]",
        "{\"access\":17}",
        "{\"made_from\":null}",
    ] {
        let gate = Arc::new(Gate::default());
        gate.with(|state| state.kept = Some(kept.to_owned()));
        let channel = open(&gate, "refresh 0");
        block_on(call(channel.as_ref())).expect("an answer");
        assert_eq!(gate.log()[0], "refresh with refresh 0", "{kept}");
    }
}
