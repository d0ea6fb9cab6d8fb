//! What no twin shows: every word of Square, hostile bodies, and answers one by one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use channel::{
    Channel, Connector, HttpPort, Port, Secret, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::{Decimal, Time};
use serde_json::{Value, json};

use super::CONNECTOR;

mod calls;
mod hooks;
mod mapping;
mod settings;
mod tokens;

/// A server that answers what it is told to, in order, and keeps what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<Request>>,
    vault: Mutex<Vec<(String, String)>>,
    is_vault_broken: bool,
}

#[async_trait]
impl HttpPort for Script {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.asked.lock().expect("no panic").push(request);
        // As on a wire, somebody else may go first.
        tokio::task::yield_now().await;
        let answer = self.answers.lock().expect("no panic").pop_front();
        let (status, body) = answer.ok_or_else(|| SendError::NotSent("the end".to_owned()))?;
        let answer = http::Response::builder().status(status);
        Ok(answer.body(body.into_bytes()).expect("an answer"))
    }

    fn now(&self) -> Time {
        Time::parse_utc("2026-11-01T10:00:00Z").expect("a time")
    }

    fn nonce(&self) -> String {
        "0123456789abcdef0123456789abcdef".to_owned()
    }
}

#[async_trait]
impl Vault for Script {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        let vault = self.vault.lock().expect("no panic");
        let kept = vault.iter().rev().find(|(kept, _)| kept == name);
        Ok(kept.map(|(_, text)| Secret::new(text)))
    }

    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError> {
        if self.is_vault_broken {
            return Err(VaultError {
                reason: "no space".to_owned(),
            });
        }
        let mut vault = self.vault.lock().expect("no panic");
        vault.push((name.to_owned(), secret.expose().to_owned()));
        Ok(())
    }
}

impl Script {
    fn of(answers: &[(u16, Value)]) -> Arc<Script> {
        let script = Script::default();
        script.then(answers);
        Arc::new(script)
    }

    fn then(&self, answers: &[(u16, Value)]) {
        let answers = answers
            .iter()
            .map(|(status, body)| (*status, body.to_string()));
        self.answers.lock().expect("no panic").extend(answers);
    }

    fn channel(self: &Arc<Script>, settings: Value) -> Box<dyn Channel> {
        let port = Port {
            http: self.clone(),
            vault: self.clone(),
        };
        CONNECTOR
            .open(settings, port)
            .unwrap_or_else(|errors| panic!("settings: {errors:?}"))
    }

    /// What was asked: method, path and body.
    fn asked(&self) -> Vec<(String, String, Value)> {
        let asked = std::mem::take(&mut *self.asked.lock().expect("no panic"));
        let read = |request: &Request| {
            let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
            let path = request.uri().path_and_query().expect("a path").to_string();
            (request.method().to_string(), path, body)
        };
        asked.iter().map(read).collect()
    }
}

fn settings() -> Value {
    json!({
        "location_id": "L1",
        "access_token": "token",
        "notification_url": "https://shop.example.com/hooks/till",
        "webhook_signature_key": "new",
        "webhook_signature_key_previous": "old",
    })
}

fn oauth_settings() -> Value {
    json!({
        "location_id": "L1",
        "oauth": { "client_id": "id", "client_secret": "secret", "refresh_token": "refresh-0" },
        "application_token": "personal",
        "notification_url": "https://shop.example.com/hooks/till",
    })
}

fn fixture(name: &str) -> Value {
    let text = match name {
        "counter-sale" => include_str!("../fixtures/counter-sale.json"),
        "online-order" => include_str!("../fixtures/online-order.json"),
        "return" => include_str!("../fixtures/return.json"),
        "catalog-item" => include_str!("../fixtures/catalog-item.json"),
        other => panic!("no fixture {other}"),
    };
    serde_json::from_str(text).expect("a fixture is JSON")
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime without drivers").block_on(future)
}
