//! Reading the file of one account, and having its connector check the settings.
//!
//! The connector opens the account on a port that leads nowhere: nothing is sent.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use channel::{
    Connector, HttpPort, Port, Secret, SettingsError, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::{AccountId, Time};
use serde_json::Value;

use super::{
    capture,
    document::{Document, Origin},
    files::File,
    idle,
    layers::Override,
    meaning::tell,
    mistakes::{self, At, Mistake, Severity},
    offers,
    places::{KeyPath, Part},
    read, schema,
    secrets::Need,
    shape::{Account, AccountText, Decides},
    verify,
};

/// The longest id of an account: it is part of addresses and file names.
const ID_LENGTH_MAX: usize = 40;

/// What came of a file.
pub(super) struct Reading {
    /// The account, when nothing is wrong with it.
    pub(super) account: Option<Account>,
    /// What is wrong, and what should be looked at.
    pub(super) mistakes: Vec<Mistake>,
    /// Where its values came from.
    pub(super) origins: BTreeMap<String, Origin>,
    /// How they read.
    pub(super) values: BTreeMap<String, Option<String>>,
}

/// Reads the file of an account.
pub(super) fn read_account(
    file: &File,
    text: &str,
    overrides: Vec<Override>,
    environment: &BTreeMap<String, String>,
    connectors: &[&dyn Connector],
    need: Need,
) -> Reading {
    let mut early = Vec::new();
    if !is_id(&file.stem) {
        early.push(bad_name(file));
    }
    let connector = peek_kind(text, &overrides).and_then(|kind| find(connectors, &kind));
    let mut schemas = vec![(Vec::new(), schemars::schema_for!(AccountText).to_value())];
    if let Some(connector) = connector {
        schemas.push((vec![SETTINGS.to_owned()], connector.schema().to_value()));
    }
    let mut document = match Document::open(&file.name, text, overrides, schemas) {
        Ok(document) => document,
        Err(mistake) => {
            early.push(*mistake);
            return Reading {
                account: None,
                mistakes: early,
                origins: BTreeMap::new(),
                values: BTreeMap::new(),
            };
        }
    };
    document.fetch_secrets(&[SETTINGS.to_owned()], environment, need);
    let read: AccountText = document.read();
    check_kind(&mut document, read.kind.as_deref(), connectors);
    if let Some(connector) = connector {
        check_settings(&mut document, connector);
    }
    let offer = offers::offer(&mut document, &["offer".to_owned()], read.offer, None);
    let verify = verify::read(&mut document, read.verify);
    if read.authority.stock == Decides::Channel {
        idle::warn_of_limits(
            &mut document,
            &["offer".to_owned()],
            &offer,
            &[file.stem.as_str()],
        );
    }
    let is_by_hand = connector.is_some_and(|connector| connector.descriptor().is_by_hand);
    if let Some(link) = &read.pay_link {
        check_pay_link(&mut document, link, is_by_hand);
    }
    capture::check(&mut document, read.capture, is_by_hand);
    let prefix = format!("accounts.{}.", file.stem);
    let (origins, values) = (document.origins(&prefix), document.readings(&prefix));
    let account = connector.map(|connector| Account {
        id: AccountId::new(file.stem.clone()),
        kind: connector.descriptor().id.to_owned(),
        mode: read.mode,
        settings: Value::Object(read.settings),
        poll: read.poll,
        calls_per_second: read.calls_per_second,
        unpaid_for: read.unpaid_for,
        pay_link: read.pay_link,
        capture: read.capture,
        cancel_penalty: read.cancel_penalty,
        verify,
        offer,
        promised: read.promised.meaning(),
        authority: read.authority,
    });
    early.extend(document.into_mistakes());
    let is_good = early
        .iter()
        .all(|mistake| mistake.severity == Severity::Warning);
    Reading {
        account: account.filter(|_| is_good),
        mistakes: early,
        origins,
        values,
    }
}

fn check_pay_link(document: &mut Document, link: &str, is_by_hand: bool) {
    let path = ["pay_link".to_owned()].to_vec();
    if !is_by_hand {
        let help = "leave it out: its buyers pay there";
        tell(
            document,
            &path,
            "the orders of this account are paid on its channel",
            Some(help),
        );
    } else if !link.starts_with("https://") {
        let help = "pay_link = \"https://pay.example.com/{number}?amount={amount}\"";
        tell(
            document,
            &path,
            "an order is paid at an address with https",
            Some(help),
        );
    } else if let Err(problem) = engine::paying::check(link) {
        tell(document, &path, &problem, None);
    }
}

const SETTINGS: &str = "settings";

fn is_id(text: &str) -> bool {
    (1..=ID_LENGTH_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn bad_name(file: &File) -> Mistake {
    Mistake {
        severity: Severity::Error,
        at: At::Whole {
            name: file.name.clone(),
        },
        key: String::new(),
        problem: format!("`{}` cannot be the id of an account", file.stem),
        help: Some(format!(
            "name the file with small letters, digits and `-`, at most {ID_LENGTH_MAX}: eu-shop.toml"
        )),
    }
}

/// The kind that a file names, before anything else in it is read.
fn peek_kind(text: &str, overrides: &[Override]) -> Option<String> {
    let said = overrides.iter().find(|entry| entry.path == ["kind"]);
    match said {
        Some(entry) => entry.value.as_str().map(str::to_owned),
        None => {
            let document = toml_edit::Document::parse(text).ok()?;
            document.get("kind")?.as_str().map(str::to_owned)
        }
    }
}

fn find<'a>(connectors: &[&'a dyn Connector], kind: &str) -> Option<&'a dyn Connector> {
    let mut all = connectors.iter().copied();
    all.find(|connector| connector.descriptor().id == kind)
}

fn check_kind(document: &mut Document, kind: Option<&str>, connectors: &[&dyn Connector]) {
    let path = ["kind".to_owned()];
    let kinds: Vec<&str> = connectors.iter().map(|c| c.descriptor().id).collect();
    match kind {
        _ if document.is_wrong(&path) => {}
        None => document.tell(
            Severity::Error,
            &path,
            Part::Key,
            "the key `kind` is missing: it says what kind of channel this is".to_owned(),
            Some(format!("there are: {}", kinds.join(", "))),
        ),
        Some(kind) if !kinds.contains(&kind) => document.tell(
            Severity::Error,
            &path,
            Part::Value,
            format!("there is no channel `{kind}`"),
            mistakes::suggestion_or_list(kind, &kinds, "there are"),
        ),
        Some(_) => {}
    }
}

/// So many mistakes are told in one account's settings.
const ROUNDS_MAX: usize = 50;

/// Has the connector check the settings, again without what was wrong, until it finds no more.
fn check_settings(document: &mut Document, connector: &dyn Connector) {
    tell_missing(document, connector);
    for _ in 0..ROUNDS_MAX {
        let settings = document.get(&[SETTINGS.to_owned()]).cloned();
        let settings = settings.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
        let Err(errors) = connector.open(settings, closed_port()) else {
            return;
        };
        let mut is_news = false;
        for error in errors {
            is_news |= tell_error(document, &error);
        }
        if !is_news {
            return;
        }
    }
}

/// Tells which keys the connector needs and the file has not.
fn tell_missing(document: &mut Document, connector: &dyn Connector) {
    let schema = connector.schema().to_value();
    for key in schema::required(&schema) {
        let path = vec![SETTINGS.to_owned(), key.to_owned()];
        if document.get(&path).is_some() || document.is_wrong(&path) {
            continue;
        }
        let purpose = schema::purpose(&schema, key);
        document.tell(
            Severity::Error,
            &path,
            Part::Key,
            format!("the key `{key}` is missing in `{SETTINGS}`"),
            purpose.map(|text| text.replace('\n', " ")),
        );
    }
}

/// Tells of what the connector refused; whether it is news, so that asking again makes sense.
fn tell_error(document: &mut Document, error: &SettingsError) -> bool {
    let mut path: KeyPath = vec![SETTINGS.to_owned()];
    path.extend(read::parse_path(&error.path));
    let missing = error
        .problem
        .strip_prefix("missing field `")
        .and_then(|rest| rest.split_once('`'));
    if let Some((field, _)) = missing {
        path.push(field.to_owned());
        // It was taken out because it was wrong, or was told to be missing. What it stands in is
        // taken out too, so that the rest can still be checked.
        if document.is_wrong(&path) {
            return path.len() > 2 && document.take_out(&path[..2]);
        }
    }
    if error.is_unknown_key {
        document.tell_unknown(&path);
    } else if !document.is_wrong_at(&path) {
        document.tell_value(&path, read::plain(&error.problem));
    }
    path.len() > 1 && document.take_out(&path)
}

/// A port that leads nowhere.
pub(crate) fn closed_port() -> Port {
    Port {
        http: Arc::new(Closed),
        vault: Arc::new(Closed),
    }
}

struct Closed;

#[async_trait]
impl HttpPort for Closed {
    async fn send(&self, _: Request) -> Result<Response, SendError> {
        Err(SendError::NotSent(
            "settings are only being read".to_owned(),
        ))
    }

    fn now(&self) -> Time {
        Time::EPOCH
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

#[async_trait]
impl Vault for Closed {
    async fn load(&self, _: &str) -> Result<Option<Secret>, VaultError> {
        Ok(None)
    }

    async fn store(&self, _: &str, _: Secret) -> Result<(), VaultError> {
        Err(VaultError {
            reason: "settings are only being read".to_owned(),
        })
    }
}
