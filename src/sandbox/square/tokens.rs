//! Tokens: the application's own, which stays, and the seller's, which are renewed.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::Time;
use serde_json::{Value, json};

use super::{Ids, Square, api::Fail};

/// How long a seller's token lives. Source: ObtainToken.
const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a short-lived one does. Source: ObtainToken.
const SHORT_LIFE: Duration = Duration::from_secs(24 * 3600);
/// What a seller's token may do.
const SCOPES: [&str; 8] = [
    "MERCHANT_PROFILE_READ",
    "ITEMS_READ",
    "INVENTORY_READ",
    "INVENTORY_WRITE",
    "ORDERS_READ",
    "ORDERS_WRITE",
    "PAYMENTS_READ",
    "PAYMENTS_WRITE",
];

/// Who a token speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    Application,
    Seller,
}

/// All tokens.
pub(super) struct Tokens {
    pub(super) application: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) refresh: String,
    live: BTreeMap<String, Time>,
    expired: BTreeSet<String>,
    revoked: BTreeSet<String>,
    /// Whether the seller still lets the application in.
    is_granted: bool,
}

impl Tokens {
    pub(super) fn new(shop: &str, ids: &mut Ids) -> Tokens {
        Tokens {
            application: format!("personal-{shop}-{}", ids.opaque(24)),
            client_id: format!("application-{}", ids.opaque(16)),
            client_secret: format!("secret-{}", ids.opaque(32)),
            refresh: format!("refresh-{shop}-{}", ids.opaque(32)),
            live: BTreeMap::new(),
            expired: BTreeSet::new(),
            revoked: BTreeSet::new(),
            is_granted: true,
        }
    }

    /// Every seller's token handed out so far is too old from now on.
    pub(super) fn expire(&mut self) {
        self.expired
            .extend(std::mem::take(&mut self.live).into_keys());
    }

    /// Who speaks, by the header.
    pub(super) fn bearer(&self, header: Option<&str>, now: Time) -> Result<Bearer, Fail> {
        let fail = |code, detail| Fail::new(401, "AUTHENTICATION_ERROR", code, detail);
        let unauthorized = || fail("UNAUTHORIZED", "This request could not be authorized.");
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let token = token.ok_or_else(unauthorized)?.trim();
        if token == self.application {
            return Ok(Bearer::Application);
        }
        let is_old = self.live.get(token).is_some_and(|until| now >= *until);
        if is_old || self.expired.contains(token) {
            return Err(fail(
                "ACCESS_TOKEN_EXPIRED",
                "The access token of this request has expired.",
            ));
        }
        if self.revoked.contains(token) {
            return Err(fail(
                "ACCESS_TOKEN_REVOKED",
                "The access token of this request was revoked.",
            ));
        }
        if self.live.contains_key(token) {
            Ok(Bearer::Seller)
        } else {
            Err(unauthorized())
        }
    }

    /// The application itself, by its secret.
    pub(super) fn client(&self, header: Option<&str>) -> Result<Bearer, Fail> {
        let secret = header.and_then(|header| header.strip_prefix("Client "));
        if secret.is_some_and(|secret| secret.trim() == self.client_secret) {
            return Ok(Bearer::Application);
        }
        let detail = "The application could not be authorized.";
        Err(Fail::new(
            401,
            "AUTHENTICATION_ERROR",
            "UNAUTHORIZED",
            detail,
        ))
    }
}

impl Square {
    pub(super) fn obtain_token(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
        let unauthorized = |detail| Fail::new(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", detail);
        if text("client_id") != self.tokens.client_id
            || text("client_secret") != self.tokens.client_secret
        {
            return Err(unauthorized("The application could not be authorized."));
        }
        match text("grant_type") {
            "refresh_token" => {}
            // Codes come from a page that a person sees, which is not here.
            "authorization_code" => {
                return Err(unauthorized("The authorization code is not valid."));
            }
            _ => {
                let detail = "The grant type is not supported.";
                return Err(Fail::value("grant_type", detail));
            }
        }
        if text("refresh_token") != self.tokens.refresh || !self.tokens.is_granted {
            return Err(unauthorized("The refresh token is not valid."));
        }
        let is_short = body.get("short_lived") == Some(&json!(true));
        let token = format!("seller-{}", self.ids.opaque(40));
        let until = now.plus(if is_short { SHORT_LIFE } else { LIFE });
        self.tokens.live.insert(token.clone(), until);
        Ok(json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_at": until.to_string(),
            "merchant_id": self.merchant,
            "refresh_token": self.tokens.refresh,
            "short_lived": is_short,
        }))
    }

    /// Tells what a token may do, and until when.
    pub(super) fn token_status(&self, header: Option<&str>, bearer: Bearer) -> Value {
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let until = token.and_then(|token| self.tokens.live.get(token.trim()));
        let mut scopes = SCOPES.to_vec();
        if bearer == Bearer::Application {
            scopes.push("DEVELOPER_APPLICATION_WEBHOOKS_WRITE");
        }
        let mut card = json!({
            "scopes": scopes,
            "client_id": self.tokens.client_id,
            "merchant_id": self.merchant,
        });
        if let Some(until) = until {
            card["expires_at"] = json!(until.to_string());
        }
        card
    }

    /// Takes a token back, and with it the seller's permission, unless only the token is meant.
    pub(super) fn revoke_token(&mut self, body: &Value, now: Time) -> Result<Value, Fail> {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let unknown = || Fail::not_found("There is no such token.");
        if text("client_id") != Some(self.tokens.client_id.as_str()) {
            return Err(unknown());
        }
        let revoked: Vec<String> = match (text("access_token"), text("merchant_id")) {
            (Some(token), None) if self.tokens.live.contains_key(token) => vec![token.to_owned()],
            (None, Some(merchant)) if merchant == self.merchant => {
                self.tokens.live.keys().cloned().collect()
            }
            (Some(_), Some(_)) => {
                let detail = "Only one of access_token and merchant_id can be given.";
                return Err(Fail::request("CONFLICTING_PARAMETERS", detail));
            }
            (None, None) => return Err(Fail::missing("access_token")),
            (Some(_), None) | (None, Some(_)) => return Err(unknown()),
        };
        let is_only_token = body.get("revoke_only_access_token") == Some(&json!(true));
        let revoked = if is_only_token {
            revoked
        } else {
            self.tokens.is_granted = false;
            self.tokens.live.keys().cloned().collect()
        };
        for token in revoked {
            self.tokens.live.remove(&token);
            self.tokens.revoked.insert(token);
        }
        if !is_only_token {
            let data = json!({
                "type": "revocation",
                "id": self.ids.uuid(),
                "object": { "revocation": {
                    "revoked_at": now.to_string(),
                    "revoker_type": "APPLICATION",
                } },
            });
            self.emit("oauth.authorization.revoked", data, now);
        }
        Ok(json!({ "success": true }))
    }
}
