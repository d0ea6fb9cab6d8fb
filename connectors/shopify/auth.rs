//! The access token: fixed, bought with the app's own credentials for a day, or rotated hourly.
//!
//! One refresh runs at a time, and whoever waited for it uses its result. A new pair is in the vault
//! before it is used for the first time; the old refresh token works until then, so a crash between
//! the two loses nothing.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{ChannelError, ErrorKind, Port, Secret, http::Effect};
use domain::Time;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::wire;

const OPERATION: &str = "get an access token";
/// Where the live pair is kept.
const VAULT_NAME: &str = "shopify-tokens";
/// A token this close to its end is not used any more: a call and a slow clock fit into it.
const MARGIN: Duration = Duration::from_secs(60);

/// How an account proves itself.
pub(super) enum Mode {
    /// A token of a custom app, which does not expire.
    Fixed(Secret),
    /// An app of the shop's own organization: a token for 24 hours, as often as needed.
    ClientCredentials {
        client_id: String,
        client_secret: Secret,
    },
    /// An expiring offline token: each refresh token is good for one new pair.
    Refresh {
        client_id: String,
        client_secret: Secret,
        /// The one that the admin pasted; later ones are in the vault.
        first: Secret,
    },
}

pub(super) struct Auth {
    mode: Mode,
    token_url: String,
    live: Mutex<Option<Pair>>,
}

#[derive(Clone)]
struct Pair {
    access: Secret,
    refresh: Option<Secret>,
    expires_at: Option<Time>,
}

impl Auth {
    pub(super) fn new(mode: Mode, token_url: String) -> Auth {
        Auth {
            mode,
            token_url,
            live: Mutex::new(None),
        }
    }

    /// A token that should work now.
    pub(super) async fn token(&self, port: &Port) -> Result<Secret, ChannelError> {
        if let Mode::Fixed(token) = &self.mode {
            return Ok(token.clone());
        }
        let mut live = self.live.lock().await;
        if live.is_none() {
            *live = self.load(port).await?;
        }
        let fresh = live.as_ref().filter(|pair| {
            pair.expires_at
                .is_none_or(|end| end > port.http.now().plus(MARGIN))
        });
        match fresh {
            Some(pair) => Ok(pair.access.clone()),
            None => self.grant(port, &mut live).await,
        }
    }

    /// Another token than the one that was refused, or nothing when there is no way to get one.
    pub(super) async fn renew(
        &self,
        port: &Port,
        refused: &Secret,
    ) -> Result<Option<Secret>, ChannelError> {
        if matches!(self.mode, Mode::Fixed(_)) {
            return Ok(None);
        }
        let mut live = self.live.lock().await;
        match live.as_ref().filter(|pair| pair.access != *refused) {
            Some(pair) => Ok(Some(pair.access.clone())),
            None => self.grant(port, &mut live).await.map(Some),
        }
    }

    async fn grant(&self, port: &Port, live: &mut Option<Pair>) -> Result<Secret, ChannelError> {
        let form = match &self.mode {
            Mode::Fixed(token) => return Ok(token.clone()),
            Mode::ClientCredentials {
                client_id,
                client_secret,
            } => json!({
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret.expose(),
            }),
            Mode::Refresh {
                client_id,
                client_secret,
                first,
            } => {
                let refresh = live.as_ref().and_then(|pair| pair.refresh.as_ref());
                json!({
                    "grant_type": "refresh_token",
                    "client_id": client_id,
                    "client_secret": client_secret.expose(),
                    "refresh_token": refresh.unwrap_or(first).expose(),
                })
            }
        };
        let token = self.ask(port, &form).await?;
        let pair = Pair {
            access: Secret::new(token.access_token),
            refresh: token.refresh_token.map(Secret::new),
            expires_at: token
                .expires_in
                .map(|seconds| port.http.now().plus(Duration::from_secs(seconds.into()))),
        };
        self.store(port, &pair).await?;
        let access = pair.access.clone();
        *live = Some(pair);
        Ok(access)
    }

    /// Asking twice does no harm: the old refresh token works until the new pair is used.
    async fn ask(&self, port: &Port, form: &Value) -> Result<wire::Token, ChannelError> {
        let request = http::Request::builder()
            .method(http::Method::POST)
            .uri(&self.token_url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::ACCEPT, "application/json")
            .body(form.to_string().into_bytes())
            .map_err(|error| ChannelError::rejected(OPERATION, error.to_string()))?;
        let answer = port.call(OPERATION, Effect::None, request).await?;
        answer
            .success()
            .map_err(|error| match error.kind {
                ErrorKind::Rejected { reason } => ChannelError::unauthorized(OPERATION, reason),
                kind => ChannelError::new(OPERATION, kind),
            })?
            .json()
    }

    async fn load(&self, port: &Port) -> Result<Option<Pair>, ChannelError> {
        let stored = port.vault.load(VAULT_NAME).await.map_err(vault_failed)?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let Ok(stored) = serde_json::from_str::<Value>(stored.expose()) else {
            return Ok(None);
        };
        // Made from other credentials than those configured now: the admin pasted new ones.
        if stored["made_from"] != json!(self.fingerprint()) {
            return Ok(None);
        }
        let secret = |key: &str| stored[key].as_str().map(Secret::new);
        Ok(secret("access").map(|access| Pair {
            access,
            refresh: secret("refresh"),
            expires_at: stored["expires_at"].as_i64().map(Time::from_seconds),
        }))
    }

    async fn store(&self, port: &Port, pair: &Pair) -> Result<(), ChannelError> {
        let text = json!({
            "access": pair.access.expose(),
            "refresh": pair.refresh.as_ref().map(Secret::expose),
            "expires_at": pair.expires_at.map(Time::seconds),
            "made_from": self.fingerprint(),
        });
        port.vault
            .store(VAULT_NAME, Secret::new(text.to_string()))
            .await
            .map_err(vault_failed)
    }

    /// Tells configured credentials apart without keeping them.
    fn fingerprint(&self) -> String {
        let (id, secret) = match &self.mode {
            Mode::Fixed(token) => ("", token),
            Mode::ClientCredentials {
                client_id,
                client_secret,
            } => (client_id.as_str(), client_secret),
            Mode::Refresh {
                client_id, first, ..
            } => (client_id.as_str(), first),
        };
        BASE64_STANDARD.encode(Sha256::digest(format!("{id}\n{}", secret.expose())))
    }
}

fn vault_failed(error: channel::VaultError) -> ChannelError {
    ChannelError::new(
        OPERATION,
        ErrorKind::Retry {
            reason: error.reason,
        },
    )
}
