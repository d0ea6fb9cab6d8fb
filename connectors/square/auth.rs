//! Tokens: a personal one that stays, or a pair that Square renews.
//!
//! One renewal at a time: whoever comes second waits and takes what the first one brought. New
//! tokens are in the vault before they are first used, because a refresh token may work only once.
//! When the admin connects the account anew, the refresh token in the settings differs from the one
//! that the kept tokens grew from, and they are forgotten.

use std::time::Duration;

use channel::{ChannelError, ErrorKind, Secret, VaultError};
use domain::Time;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{api::Api, wire};

/// Where the tokens are kept in the vault.
const VAULT_NAME: &str = "tokens";
/// Square advises to renew every seven days or sooner, though a token lives for thirty.
const RENEW_AFTER: Duration = Duration::from_secs(7 * 24 * 3600);
/// Renewed this long before it ends, if it ends sooner than that.
const RENEW_BEFORE: Duration = Duration::from_secs(3600);

/// How an account proves itself.
pub(super) enum Access {
    /// By a token that does not expire.
    Personal(Secret),
    /// By tokens that are renewed.
    Oauth(Oauth),
}

/// Tokens that are renewed.
pub(super) struct Oauth {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    held: Mutex<Option<Tokens>>,
}

/// A pair of tokens.
#[derive(Clone)]
pub(super) struct Tokens {
    access: Secret,
    refresh: Secret,
    renew_at: Time,
    expires_at: Time,
}

impl Tokens {
    /// The pair in an answer; the old refresh token stays if it brings no new one.
    pub(super) fn of(
        tokens: wire::Tokens,
        refresh: &Secret,
        now: Time,
    ) -> Result<Tokens, ChannelError> {
        let malformed =
            |reason: &str| ChannelError::malformed("renew the access token", reason.to_owned());
        let access = tokens.access_token.filter(|token| is_sendable(token));
        let access = access.ok_or_else(|| malformed("there is no usable access token in it"))?;
        let expires_at = match &tokens.expires_at {
            Some(text) => Time::parse_utc(text).map_err(|error| malformed(&error.to_string()))?,
            None => now.plus(RENEW_AFTER),
        };
        Ok(Tokens {
            access: Secret::new(access),
            refresh: tokens
                .refresh_token
                .map_or_else(|| refresh.clone(), Secret::new),
            renew_at: now.plus(RENEW_AFTER).min(expires_at.minus(RENEW_BEFORE)),
            expires_at,
        })
    }

    fn to_vault(&self, grown_from: &str) -> Secret {
        let kept = json!({
            "grown_from": grown_from,
            "access": self.access.expose(),
            "refresh": self.refresh.expose(),
            "renew_at": self.renew_at,
            "expires_at": self.expires_at,
        });
        Secret::new(kept.to_string())
    }

    fn from_vault(kept: &Secret, grown_from: &str) -> Option<Tokens> {
        let kept: Value = serde_json::from_str(kept.expose()).ok()?;
        let text = |key: &str| kept.get(key).and_then(Value::as_str);
        let time = |key: &str| text(key).and_then(|text| text.parse().ok());
        if text("grown_from")? != grown_from {
            return None;
        }
        Some(Tokens {
            access: Secret::new(text("access")?),
            refresh: Secret::new(text("refresh")?),
            renew_at: time("renew_at")?,
            expires_at: time("expires_at")?,
        })
    }
}

impl Oauth {
    pub(super) fn new(client_id: String, client_secret: Secret, refresh_token: Secret) -> Oauth {
        Oauth {
            client_id,
            client_secret,
            refresh_token,
            held: Mutex::new(None),
        }
    }

    /// A token that should work now.
    pub(super) async fn token(&self, api: &Api) -> Result<Secret, ChannelError> {
        let mut held = self.held.lock().await;
        if held.is_none() {
            let kept = api.port().vault.load(VAULT_NAME).await.map_err(of_vault)?;
            *held = kept.and_then(|kept| Tokens::from_vault(&kept, &self.origin()));
        }
        let now = api.port().http.now();
        let Some(tokens) = held.clone() else {
            return self.renew(api, &mut held, &self.refresh_token).await;
        };
        if now < tokens.renew_at {
            return Ok(tokens.access);
        }
        match self.renew(api, &mut held, &tokens.refresh).await {
            // It still works for a while, and the next call tries again.
            Err(error) if now < tokens.expires_at && is_passing(&error.kind) => Ok(tokens.access),
            renewed => renewed,
        }
    }

    /// Another token after this one was refused; the one that somebody else brought meanwhile, if so.
    pub(super) async fn renewed(
        &self,
        api: &Api,
        refused: &Secret,
    ) -> Result<Secret, ChannelError> {
        let mut held = self.held.lock().await;
        match held.clone() {
            Some(tokens) if tokens.access != *refused => Ok(tokens.access),
            Some(tokens) => self.renew(api, &mut held, &tokens.refresh).await,
            None => self.renew(api, &mut held, &self.refresh_token).await,
        }
    }

    async fn renew(
        &self,
        api: &Api,
        held: &mut Option<Tokens>,
        refresh: &Secret,
    ) -> Result<Secret, ChannelError> {
        let tokens = api
            .obtain_token(&self.client_id, &self.client_secret, refresh)
            .await?;
        let kept = tokens.to_vault(&self.origin());
        let stored = api.port().vault.store(VAULT_NAME, kept).await;
        stored.map_err(of_vault)?;
        let access = tokens.access.clone();
        *held = Some(tokens);
        Ok(access)
    }

    /// Names the refresh token of the settings without telling it.
    fn origin(&self) -> String {
        digest(&[self.refresh_token.expose()])
    }
}

/// Whether a text can go into a header.
pub(super) fn is_sendable(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// 40 hexadecimal digits that are the same for the same texts: fits every key that Square takes.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether an error passes by itself.
fn is_passing(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Retry { .. } | ErrorKind::Throttled { .. } | ErrorKind::Malformed { .. } => true,
        ErrorKind::Unauthorized { .. }
        | ErrorKind::Gone
        | ErrorKind::Rejected { .. }
        | ErrorKind::Ambiguous { .. } => false,
    }
}

/// A vault that fails is tried again later: nothing was sent with what it did not keep.
pub(super) fn of_vault(error: VaultError) -> ChannelError {
    let reason = error.to_string();
    ChannelError::new("keep the tokens", ErrorKind::Retry { reason })
}
