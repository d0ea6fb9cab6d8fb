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
        if self.live.contains_key(token) {
            Ok(Bearer::Seller)
        } else {
            Err(unauthorized())
        }
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
        if text("grant_type") != "refresh_token" {
            return Err(Fail::value(
                "grant_type",
                "The grant type is not supported.",
            ));
        }
        if text("refresh_token") != self.tokens.refresh {
            return Err(unauthorized("The refresh token is not valid."));
        }
        let token = format!("seller-{}", self.ids.opaque(40));
        let until = now.plus(LIFE);
        self.tokens.live.insert(token.clone(), until);
        Ok(json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_at": until.to_string(),
            "merchant_id": self.merchant,
            "refresh_token": self.tokens.refresh,
            "short_lived": false,
        }))
    }
}
