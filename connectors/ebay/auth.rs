//! Tokens: the seller's, from a refresh token, and the application's own.
//!
//! One call fetches a token while the others wait for it. Should eBay replace the refresh token, the
//! replacement is in the vault before the access token that came with it is used: the old one dies
//! with the first use of the new pair, and a crash in between must not lock us out.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{ChannelError, ErrorKind, Port, Secret, http::Effect};
use domain::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use url::form_urlencoded;

use crate::ebay::{api, wire};

/// What we call it in the vault.
const VAULT_NAME: &str = "refresh_token";
/// A token is replaced this long before it ends.
const EARLY: Duration = Duration::from_secs(60);
/// The longest life that we believe; eBay says two hours.
const LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// What the seller's token is asked for. The consent must have granted all of it.
const SELLER_SCOPES: &str = "https://api.ebay.com/oauth/api_scope \
    https://api.ebay.com/oauth/api_scope/sell.fulfillment \
    https://api.ebay.com/oauth/api_scope/sell.inventory \
    https://api.ebay.com/oauth/api_scope/sell.finances \
    https://api.ebay.com/oauth/api_scope/commerce.notification.subscription";
/// What the application's token is asked for.
const APPLICATION_SCOPES: &str = "https://api.ebay.com/oauth/api_scope";
const OPERATION: &str = "get an access token";

/// In whose name a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The seller: orders, stock, their subscriptions.
    Seller,
    /// The application: public keys, destinations, topics.
    Application,
}

/// The tokens of one account.
pub(super) struct Tokens {
    port: Port,
    url: String,
    client_id: String,
    client_secret: Secret,
    configured: Secret,
    seller: Mutex<Option<Held>>,
    application: Mutex<Option<Held>>,
}

/// An access token that is in use.
struct Held {
    token: Secret,
    fresh_until: Time,
}

/// What lies in the vault.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The fingerprint of the configured token that this one descends from.
    configured: String,
    refresh_token: String,
}

impl Tokens {
    pub(super) fn new(
        port: Port,
        base: &str,
        client_id: String,
        client_secret: Secret,
        configured: Secret,
    ) -> Tokens {
        Tokens {
            port,
            url: api::address(base, &["identity", "v1", "oauth2", "token"], &[]),
            client_id,
            client_secret,
            configured,
            seller: Mutex::new(None),
            application: Mutex::new(None),
        }
    }

    /// A token that is still good for a minute at least.
    pub(super) async fn get(&self, who: Who) -> Result<Secret, ChannelError> {
        let mut held = self.slot(who).lock().await;
        if let Some(held) = held.as_ref()
            && self.port.http.now() < held.fresh_until
        {
            return Ok(held.token.clone());
        }
        self.replace(who, &mut held).await
    }

    /// Another token than the one that eBay refused; whoever asks first fetches it for all.
    pub(super) async fn renew(&self, who: Who, refused: &Secret) -> Result<Secret, ChannelError> {
        let mut held = self.slot(who).lock().await;
        if let Some(held) = held.as_ref()
            && held.token != *refused
        {
            return Ok(held.token.clone());
        }
        self.replace(who, &mut held).await
    }

    fn slot(&self, who: Who) -> &Mutex<Option<Held>> {
        match who {
            Who::Seller => &self.seller,
            Who::Application => &self.application,
        }
    }

    async fn replace(&self, who: Who, held: &mut Option<Held>) -> Result<Secret, ChannelError> {
        *held = None;
        let answer = match who {
            Who::Seller => self.refresh().await?,
            Who::Application => {
                self.ask(&[
                    ("grant_type", "client_credentials"),
                    ("scope", APPLICATION_SCOPES),
                ])
                .await?
            }
        };
        let token = Secret::new(answer.access_token.0);
        let life = Duration::from_secs(answer.expires_in.unwrap_or(0)).min(LIFE_MAX);
        let fresh_until = self.port.http.now().plus(life.saturating_sub(EARLY));
        *held = Some(Held {
            token: token.clone(),
            fresh_until,
        });
        Ok(token)
    }

    async fn refresh(&self) -> Result<wire::Token, ChannelError> {
        let current = self.refresh_token().await?;
        let answer = self
            .ask(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", current.expose()),
                ("scope", SELLER_SCOPES),
            ])
            .await?;
        if let Some(next) = &answer.refresh_token
            && next.0 != current.expose()
        {
            self.keep(&next.0).await?;
        }
        Ok(answer)
    }

    /// The vault's refresh token, unless another one has been configured since.
    async fn refresh_token(&self) -> Result<Secret, ChannelError> {
        let stored = self
            .port
            .vault
            .load(VAULT_NAME)
            .await
            .map_err(|error| retry(error.to_string()))?;
        let stored: Option<Stored> =
            stored.and_then(|secret| serde_json::from_str(secret.expose()).ok());
        Ok(match stored {
            Some(stored) if stored.configured == fingerprint(&self.configured) => {
                Secret::new(stored.refresh_token)
            }
            Some(_) | None => self.configured.clone(),
        })
    }

    async fn keep(&self, refresh_token: &str) -> Result<(), ChannelError> {
        let stored = Stored {
            configured: fingerprint(&self.configured),
            refresh_token: refresh_token.to_owned(),
        };
        let text = serde_json::to_string(&stored).expect("two texts can be written as JSON");
        self.port
            .vault
            .store(VAULT_NAME, Secret::new(text))
            .await
            .map_err(|error| retry(error.to_string()))
    }

    /// One call of the token endpoint. A lost answer does no harm: an old refresh token lives until
    /// its successor is used.
    async fn ask(&self, form: &[(&str, &str)]) -> Result<wire::Token, ChannelError> {
        let client = format!("{}:{}", self.client_id, self.client_secret.expose());
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = http::Request::post(&self.url)
            .header(
                http::header::AUTHORIZATION,
                format!("Basic {}", BASE64_STANDARD.encode(client)),
            )
            .header(
                http::header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            )
            .body(body.into_bytes())
            .map_err(|error| ChannelError::rejected(OPERATION, error.to_string()))?;
        let answer = self.port.call(OPERATION, Effect::None, request).await?;
        if answer.status().is_success() {
            return answer.json();
        }
        let refusal: wire::OauthRefusal = answer.json()?;
        let reason = format!(
            "{} {}",
            refusal.error,
            refusal.error_description.unwrap_or_default()
        );
        Err(match refusal.error.as_str() {
            "invalid_grant" | "invalid_client" | "unauthorized_client" | "invalid_scope" => {
                ChannelError::unauthorized(OPERATION, reason)
            }
            _ => ChannelError::rejected(OPERATION, reason),
        })
    }
}

fn fingerprint(configured: &Secret) -> String {
    let hash = Sha256::digest(configured.expose().as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn retry(reason: String) -> ChannelError {
    ChannelError::new(OPERATION, ErrorKind::Retry { reason })
}
