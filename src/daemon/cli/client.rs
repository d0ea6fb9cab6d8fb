//! Calls to the admin API of a running daemon.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use channel::{HttpPort, http::SendError};
use engine::ports::{
    http::{Egress, Outbound},
    system,
};
use serde_json::Value;

use crate::{exit::Exit, settings::Environment};

/// Where a daemon listens when nobody says otherwise.
const URL: &str = "http://127.0.0.1:8081";
/// The variable with the address.
const URL_VARIABLE: &str = "ONESHELF_URL";
/// The variable with the token.
const TOKEN_VARIABLE: &str = "ONESHELF_TOKEN";
/// The variable with the path of the token.
const TOKEN_FILE_VARIABLE: &str = "ONESHELF_TOKEN_FILE";
/// How many items are asked for at once.
const PAGE: usize = 200;

/// Which daemon, and how to print.
#[derive(Debug, clap::Args)]
pub(super) struct Connect {
    /// The admin address of the daemon [env: ONESHELF_URL] [default: http://127.0.0.1:8081].
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// A file with the bearer token in it [env: ONESHELF_TOKEN_FILE].
    #[arg(long, global = true, value_name = "PATH")]
    token_file: Option<PathBuf>,
    /// The bearer token itself; other users of the machine can see it [env: ONESHELF_TOKEN].
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        conflicts_with = "token_file"
    )]
    token: Option<String>,
    /// Print JSON, one object a line.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Connect {
    /// A client for that daemon.
    pub(super) fn client(&self, environment: &Environment) -> anyhow::Result<Client> {
        let http = Outbound::new(system::ports(), Egress::Anywhere).map_err(anyhow::Error::msg)?;
        let of = |name: &str| environment.get(name).cloned();
        let url = self.url.clone().or_else(|| of(URL_VARIABLE));
        Ok(Client::new(
            Arc::new(http),
            &url.unwrap_or_else(|| URL.to_owned()),
            self.find_token(environment)?,
        ))
    }

    fn find_token(&self, environment: &Environment) -> anyhow::Result<Option<String>> {
        let of = |name: &str| environment.get(name).cloned();
        if let Some(token) = &self.token {
            return Ok(Some(token.clone()));
        }
        let file = match &self.token_file {
            Some(file) => Some(file.clone()),
            None => match of(TOKEN_VARIABLE) {
                Some(token) => return Ok(Some(token)),
                None => of(TOKEN_FILE_VARIABLE).map(PathBuf::from),
            },
        };
        let Some(file) = file else { return Ok(None) };
        let token = std::fs::read_to_string(&file)
            .with_context(|| format!("failed to read the token from {}", file.display()))?;
        Ok(Some(token.trim().to_owned()))
    }
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody answers there.
    #[error(
        "no daemon answers at {url}: {reason}\nstart one with `oneshelf run`, or name another with --url"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// What was seen.
        reason: String,
    },
    /// It answers that it did not do it.
    #[error("{detail} ({code})\nwhat to do: {url}/errors/{code}")]
    Refused {
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// The stable code.
        code: String,
        /// In a sentence.
        detail: String,
    },
    /// Something answers there, and it is no Oneshelf.
    #[error("what answers at {url} is no Oneshelf: {reason}")]
    Garbled {
        /// Where.
        url: String,
        /// What was seen.
        reason: String,
    },
}

impl Failure {
    /// Whether it is what was handed over that is refused, so that something else might be taken.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Failure::Refused { status, .. } => matches!(status, 400 | 409 | 422),
            Failure::Unreachable { .. } | Failure::Garbled { .. } => false,
        }
    }

    /// The exit code for it.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Failure::Unreachable { .. } | Failure::Garbled { .. } => Exit::Unreachable,
            Failure::Refused { status: 401, .. } => Exit::Permission,
            Failure::Refused { .. } => Exit::Finding,
        }
    }
}

/// How something is asked.
struct How<'h> {
    /// The form of the answer.
    accept: &'h str,
    /// By what a write is known again; by chance where nothing is said.
    key: Option<&'h str>,
}

impl How<'_> {
    fn accepting(accept: &str) -> How<'_> {
        How { accept, key: None }
    }
}

/// Asks a daemon.
pub(super) struct Client {
    http: Arc<dyn HttpPort>,
    url: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(http: Arc<dyn HttpPort>, url: &str, token: Option<String>) -> Client {
        Client {
            http,
            url: url.trim_end_matches('/').to_owned(),
            token,
        }
    }

    /// The whole address of something on its admin listener.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Reads one thing.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, None).await
    }

    /// Reads a file: its name, and what is in it.
    pub(super) async fn fetch(&self, path: &str) -> anyhow::Result<(String, Vec<u8>)> {
        let response = self.send("GET", path, None, How::accepting("*/*")).await?;
        if !response.status().is_success() {
            self.read(&response)?;
        }
        let disposition = response.headers().get("content-disposition");
        let said = disposition.and_then(|value| value.to_str().ok());
        let name = said
            .and_then(|said| said.split('"').nth(1))
            .unwrap_or_default();
        // What answers may be something else than it says, and must not choose another folder.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name: String = name.chars().filter(|c| is_plain(*c)).collect();
        let name = match name.trim_start_matches('.') {
            "" => "document".to_owned(),
            name => name.to_owned(),
        };
        Ok((name, response.into_body()))
    }

    /// Has something done, once even if it is sent twice.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call("POST", path, Some(body)).await
    }

    /// Has something done under a key of the caller's own: once, also by another process.
    pub(super) async fn post_once(
        &self,
        path: &str,
        body: &Value,
        key: &str,
    ) -> anyhow::Result<Value> {
        let how = How {
            accept: "application/json",
            key: Some(key),
        };
        let response = self.send("POST", path, Some(body), how).await?;
        self.read(&response).map_err(anyhow::Error::from)
    }

    /// Takes something away.
    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call("DELETE", path, None).await
    }

    /// Reads a list page by page, at most so many items.
    pub(super) async fn list(&self, path: &str, limit: usize) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        while items.len() < limit {
            let page = (limit - items.len()).min(PAGE);
            let joint = if path.contains('?') { '&' } else { '?' };
            let mut address = format!("{path}{joint}limit={page}");
            if let Some(cursor) = &cursor {
                address = format!("{address}&cursor={}", encode(cursor));
            }
            let mut answer = self.get(&address).await?;
            if let Value::Array(more) = answer["items"].take() {
                items.extend(more);
            }
            match answer["next"].as_str() {
                Some(next) if cursor.as_deref() != Some(next) => cursor = Some(next.to_owned()),
                Some(_) | None => break,
            }
        }
        Ok(items)
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let how = How::accepting("application/json");
        let response = self.send(method, path, body, how).await?;
        self.read(&response).map_err(anyhow::Error::from)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        how: How<'_>,
    ) -> anyhow::Result<http::Response<Vec<u8>>> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url))
            .header("accept", how.accept);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if method != "GET" {
            let key = how.key.map_or_else(|| self.http.nonce(), str::to_owned);
            request = request.header("idempotency-key", key);
        }
        let bytes = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                json.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        let request = request.body(bytes).context("the address cannot be used")?;
        let response = self.http.send(request).await;
        let response = response.map_err(|error| Failure::Unreachable {
            url: self.url.clone(),
            reason: match error {
                SendError::NotSent(reason) | SendError::NoAnswer(reason) => reason,
            },
        })?;
        Ok(response)
    }

    fn read(&self, response: &http::Response<Vec<u8>>) -> Result<Value, Failure> {
        let status = response.status();
        let garbled = |reason: String| Failure::Garbled {
            url: self.url.clone(),
            reason,
        };
        let json: Value = serde_json::from_slice(response.body())
            .map_err(|_| garbled(format!("status {status} without JSON")))?;
        if status.is_success() {
            return Ok(json);
        }
        match (json["code"].as_str(), json["detail"].as_str()) {
            (Some(code), Some(detail)) => Err(Failure::Refused {
                url: self.url.clone(),
                status: status.as_u16(),
                code: code.to_owned(),
                detail: detail.to_owned(),
            }),
            (_, _) => Err(garbled(format!("status {status} without a problem"))),
        }
    }
}

/// A text as a part of an address (RFC 3986: all but unreserved characters).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A query of the values that are said.
pub(super) fn query(values: &[(&str, Option<String>)]) -> String {
    let said: Vec<String> = values
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_ref()?))))
        .collect();
    if said.is_empty() {
        String::new()
    } else {
        format!("?{}", said.join("&"))
    }
}
