//! Tests of the connector alone: against answers that each test writes itself.

mod auth;
mod hooks;
mod map;
mod orders;
mod sales;
mod settings;
mod stock;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use channel::{
    Channel, Connector, HttpPort, Port, Secret, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::Time;
use serde_json::{Value, json};

use crate::ebay::CONNECTOR;

/// The order of the fixture.
fn order() -> Value {
    serde_json::from_str(include_str!("fixtures/order.json")).expect("a fixture")
}

/// An answer with a JSON body.
fn reply(status: u16, body: &Value) -> Response {
    http::Response::builder()
        .status(status)
        .body(body.to_string().into_bytes())
        .expect("an answer")
}

/// What a test answers to a request.
type Answerer = dyn FnMut(&Request) -> Response + Send;

/// The other side: answers by a function, and notes what happened in order, with the vault's part.
struct Stage {
    answer: Mutex<Box<Answerer>>,
    now: Mutex<Time>,
    events: Mutex<Vec<String>>,
    bodies: Mutex<Vec<(String, Value)>>,
    kept: Mutex<BTreeMap<String, Secret>>,
    is_vault_broken: Mutex<bool>,
}

impl Stage {
    fn new(answer: impl FnMut(&Request) -> Response + Send + 'static) -> Arc<Stage> {
        Arc::new(Stage {
            answer: Mutex::new(Box::new(answer)),
            now: Mutex::new(Time::parse_utc("2026-11-01T12:00:00Z").expect("a time")),
            events: Mutex::default(),
            bodies: Mutex::default(),
            kept: Mutex::default(),
            is_vault_broken: Mutex::default(),
        })
    }

    fn open(self: &Arc<Self>) -> Box<dyn Channel> {
        self.open_with(settings())
    }

    fn open_with(self: &Arc<Self>, settings: Value) -> Box<dyn Channel> {
        let port = Port {
            http: self.clone(),
            vault: self.clone(),
        };
        CONNECTOR
            .open(settings, port)
            .unwrap_or_else(|errors| panic!("settings: {errors:?}"))
    }

    fn advance(&self, seconds: u64) {
        let mut now = self.now.lock().expect("a lock");
        *now = now.plus(std::time::Duration::from_secs(seconds));
    }

    /// What happened since the last time.
    fn events(&self) -> Vec<String> {
        std::mem::take(&mut self.events.lock().expect("a lock"))
    }

    /// The JSON bodies that were sent, each with its path.
    fn bodies(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.bodies.lock().expect("a lock"))
    }
}

#[async_trait]
impl HttpPort for Stage {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        // Others get a turn between the question and the answer, as on a real line.
        tokio::task::yield_now().await;
        let path = request.uri().path().to_owned();
        let event = format!("{} {}", request.method(), request.uri());
        self.events.lock().expect("a lock").push(event);
        if let Ok(body) = serde_json::from_slice(request.body()) {
            self.bodies.lock().expect("a lock").push((path, body));
        }
        Ok((self.answer.lock().expect("a lock"))(&request))
    }

    fn now(&self) -> Time {
        *self.now.lock().expect("a lock")
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

#[async_trait]
impl Vault for Stage {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        Ok(self.kept.lock().expect("a lock").get(name).cloned())
    }

    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError> {
        if *self.is_vault_broken.lock().expect("a lock") {
            let reason = "the disk is full".to_owned();
            return Err(VaultError { reason });
        }
        self.events
            .lock()
            .expect("a lock")
            .push(format!("STORE {name}"));
        let mut kept = self.kept.lock().expect("a lock");
        kept.insert(name.to_owned(), secret);
        Ok(())
    }
}

/// Settings that are right.
fn settings() -> Value {
    json!({
        "api_url": "https://ebay.example.com/",
        "client_id": "app",
        "client_secret": "hush",
        "refresh_token": "first",
        "verification_token": "verification-token-abcdefghijklmnop-1234567890",
        "endpoint_url": "https://example.com/hooks/ebay",
    })
}

/// A token as eBay hands it out.
fn token(name: &str) -> Response {
    reply(
        200,
        &json!({ "access_token": name, "expires_in": 7200, "token_type": "User Access Token" }),
    )
}

/// Answers token calls with a token, and everything else by the function.
fn with_token(
    mut answer: impl FnMut(&Request) -> Response + Send + 'static,
) -> impl FnMut(&Request) -> Response + Send + 'static {
    move |request| {
        if request.uri().path().ends_with("/oauth2/token") {
            token("access")
        } else {
            answer(request)
        }
    }
}

/// Runs a future that waits for nothing outside.
fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers")
        .block_on(future)
}
