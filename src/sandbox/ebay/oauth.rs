//! Tokens: an application with a secret, a seller with a refresh token, access tokens of two hours.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::Time;
use serde_json::json;
use url::form_urlencoded;

use crate::{
    Response,
    ebay::{
        api::{self, Asked},
        hex,
    },
};

const LIFE: Duration = Duration::from_secs(7_200);
const REFRESH_LIFE_S: u64 = 47_304_000;
const SCOPE: &str = "https://api.ebay.com/oauth/api_scope";
/// What the seller agreed to, by what follows [`SCOPE`].
const CONSENTED: [&str; 5] = [
    "",
    "/sell.fulfillment",
    "/sell.inventory",
    "/sell.finances",
    "/commerce.notification.subscription",
];

/// What a token is good for.
#[derive(Clone)]
pub(super) struct Grant {
    scopes: Vec<String>,
    until: Time,
    /// Whether a seller stands behind it, or only the application.
    pub(super) is_seller: bool,
}

impl Grant {
    /// Whether it holds a scope, by what follows the common beginning.
    pub(super) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| {
            held.strip_prefix(SCOPE)
                .is_some_and(|end| end.trim_start_matches('/') == scope)
        })
    }
}

/// The application, its seller, and the tokens handed out.
pub(super) struct Oauth {
    client_id: String,
    client_secret: String,
    first: String,
    rotates: bool,
    /// The refresh token in force.
    current: String,
    /// Handed out to replace it, none of them used yet.
    offered: Vec<String>,
    access: BTreeMap<String, Grant>,
    rng: fastrand::Rng,
}

impl Oauth {
    pub(super) fn new(shop: &str, rotates: bool, rng: &mut fastrand::Rng) -> Oauth {
        let first = format!("refresh-{shop}-{}", hex(rng, 24));
        Oauth {
            client_id: format!("{shop}-app"),
            client_secret: format!("secret-{}", hex(rng, 24)),
            current: first.clone(),
            first,
            rotates,
            offered: Vec::new(),
            access: BTreeMap::new(),
            rng: rng.fork(),
        }
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn client_secret(&self) -> &str {
        &self.client_secret
    }

    pub(super) fn first_refresh_token(&self) -> &str {
        &self.first
    }

    pub(super) fn expire_access_tokens(&mut self) {
        self.access.clear();
    }

    /// What a token is good for, if it is alive.
    pub(super) fn grant(&self, token: &str, now: Time) -> Option<Grant> {
        let grant = self.access.get(token)?;
        (now < grant.until).then(|| grant.clone())
    }

    /// The token endpoint.
    pub(super) fn token(&mut self, asked: &Asked<'_>, now: Time) -> Response {
        let client = format!("{}:{}", self.client_id, self.client_secret);
        let basic = format!("Basic {}", BASE64_STANDARD.encode(client));
        if asked.header("authorization") != Some(basic.as_str()) {
            return refuse(401, "invalid_client", "client authentication failed");
        }
        let is_form = asked.header("content-type") == Some("application/x-www-form-urlencoded");
        if *asked.method != http::Method::POST || !is_form {
            return refuse(
                400,
                "invalid_request",
                "request is missing a required parameter",
            );
        }
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(asked.body).into_owned().collect();
        let scopes = form.get("scope").map(|scopes| {
            scopes
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        self.access.retain(|_, grant| now < grant.until);
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {
                let scopes = scopes.unwrap_or_else(|| vec![SCOPE.to_owned()]);
                if scopes.iter().any(|scope| scope != SCOPE) {
                    return refuse(400, "invalid_scope", "the scope is not for applications");
                }
                let body = self.hand_out(scopes, false, now);
                api::answer(200, &body)
            }
            Some("refresh_token") => {
                let consented: Vec<String> = CONSENTED
                    .iter()
                    .map(|scope| format!("{SCOPE}{scope}"))
                    .collect();
                let scopes = scopes.unwrap_or_else(|| consented.clone());
                if scopes.iter().any(|scope| !consented.contains(scope)) {
                    return refuse(
                        400,
                        "invalid_scope",
                        "the seller did not agree to this scope",
                    );
                }
                let Some(token) = form
                    .get("refresh_token")
                    .filter(|token| self.is_live(token))
                else {
                    return refuse(
                        400,
                        "invalid_grant",
                        "the provided authorization refresh token is invalid or was issued to another client",
                    );
                };
                self.use_refresh_token(token.clone());
                let mut body = self.hand_out(scopes, true, now);
                if self.rotates {
                    let next = format!("refresh-next-{}", hex(&mut self.rng, 24));
                    body["refresh_token"] = json!(next);
                    body["refresh_token_expires_in"] = json!(REFRESH_LIFE_S);
                    self.offered.push(next);
                }
                api::answer(200, &body)
            }
            Some(_) | None => refuse(
                400,
                "unsupported_grant_type",
                "grant type in request is not supported by the authorization server",
            ),
        }
    }

    fn is_live(&self, token: &str) -> bool {
        token == self.current || self.offered.iter().any(|offered| offered == token)
    }

    /// The first use of a replacement kills what it replaces, and its unused siblings.
    fn use_refresh_token(&mut self, token: String) {
        if token != self.current {
            self.current = token;
            self.offered.clear();
        }
    }

    fn hand_out(&mut self, scopes: Vec<String>, is_seller: bool, now: Time) -> serde_json::Value {
        let token = format!("access-{}", hex(&mut self.rng, 32));
        let kind = if is_seller {
            "User Access Token"
        } else {
            "Application Access Token"
        };
        let grant = Grant {
            scopes,
            until: now.plus(LIFE),
            is_seller,
        };
        self.access.insert(token.clone(), grant);
        json!({
            "access_token": token,
            "expires_in": LIFE.as_secs(),
            "token_type": kind,
        })
    }
}

/// OAuth's own form of a refusal.
fn refuse(status: u16, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    api::answer(status, &body)
}
