//! Mapping, hooks and calls against answers written by hand.

mod calls;
mod hooks;
mod mapping;
mod tokens;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use channel::{
    Channel, Connector, HttpPort, Port, Secret, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::Time;
use serde_json::{Value, json};

/// A shop that says what a test tells it to, one answer a call, and keeps what it was asked.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Value>>,
    asked: Mutex<Vec<Value>>,
}

#[async_trait]
impl HttpPort for Script {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        let asked = serde_json::from_slice(request.body()).expect("we send JSON");
        self.asked.lock().expect("no panics").push(asked);
        let answer = self.answers.lock().expect("no panics").pop_front();
        let answer = answer.ok_or_else(|| SendError::NotSent("the script is over".to_owned()))?;
        Ok(Response::new(answer.to_string().into_bytes()))
    }

    fn now(&self) -> Time {
        Time::parse_utc("2026-11-06T12:00:00Z").expect("a time")
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

/// A vault of which nothing is needed.
struct NoVault;

#[async_trait]
impl Vault for NoVault {
    async fn load(&self, _name: &str) -> Result<Option<Secret>, VaultError> {
        Ok(None)
    }

    async fn store(&self, _name: &str, _secret: Secret) -> Result<(), VaultError> {
        Ok(())
    }
}

/// An account at location 7 with a fixed token, and what it asks.
fn open(answers: Vec<Value>) -> (Box<dyn Channel>, Arc<Script>) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into()),
        asked: Mutex::default(),
    });
    let port = Port {
        http: script.clone(),
        vault: Arc::new(NoVault),
    };
    let settings = json!({
        "shop": "eu-shop",
        "location_id": 7,
        "client_secret": "hush",
        "access_token": "let me in",
    });
    let opened = super::CONNECTOR.open(settings, port);
    (opened.unwrap_or_else(|errors| panic!("{errors:?}")), script)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers")
        .block_on(future)
}

/// A file of the shared folder, or nothing with a line that says so.
fn shared(test: &str, file: &str) -> Option<Value> {
    let vars: BTreeMap<_, _> = std::env::vars_os().collect();
    let Some(folder) = vars.get(std::ffi::OsStr::new("ONESHELF_SHARED")) else {
        println!("skipped: {test}: ONESHELF_SHARED is not set");
        return None;
    };
    let path = std::path::Path::new(folder).join(file);
    let text = std::fs::read_to_string(path).expect("a file of the shared folder");
    Some(serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn the_example_opens_once_its_credentials_are_resolved() {
    let example = super::CONNECTOR.example();
    // Line by line, because nothing here reads TOML: keys and their values.
    let mut settings = serde_json::Map::new();
    for line in example.lines() {
        let (key, value) = line.split_once(" = ").expect("a key and a value");
        let value = match value {
            "true" | "false" => json!(value == "true"),
            value if value.starts_with('{') => json!("resolved"),
            value => json!(value.trim_matches('"')),
        };
        settings.insert(key.to_owned(), value);
    }
    let port = Port {
        http: Arc::new(Script::default()),
        vault: Arc::new(NoVault),
    };
    let opened = super::CONNECTOR.open(Value::Object(settings), port);
    assert!(opened.is_ok(), "{:?}", opened.err());
    let schema = super::CONNECTOR.schema();
    let properties = schema.get("properties").expect("properties");
    for key in [
        "location_id",
        "client_secret",
        "access_token",
        "client_credentials",
        "refresh",
    ] {
        assert!(
            properties[key]["description"].is_string(),
            "{key} is explained"
        );
    }
}
