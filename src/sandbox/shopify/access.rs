//! Who may call, and how often: tokens that expire or rotate, and the bucket of points.

use std::{collections::BTreeMap, time::Duration};

use domain::Time;
use serde_json::{Value, json};

/// How long a token lives that was bought with an app's credentials.
const CREDENTIALS_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long a token lives that came with a refresh token.
const OFFLINE_LIFE: Duration = Duration::from_secs(3600);
const BUCKET_POINTS: i64 = 2000;
const RESTORED_PER_SECOND: i64 = 100;

pub(super) struct Access {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    tokens: BTreeMap<String, Token>,
    /// Refresh tokens that work; the older one only until the newer pair is used.
    refresh: Vec<String>,
    made: u64,
}

struct Token {
    expires_at: Time,
    /// The refresh token that this pair replaced.
    replaces: Option<String>,
}

impl Access {
    pub(super) fn new(shop: &str, client_secret: &str) -> Access {
        Access {
            client_id: format!("app-of-{shop}"),
            client_secret: client_secret.to_owned(),
            // What an admin got when the app was installed.
            refresh: vec![format!("refresh token 0 of {shop}")],
            tokens: BTreeMap::new(),
            made: 0,
        }
    }

    /// Whether a token opens the API now.
    pub(super) fn admits(&mut self, token: &str, now: Time) -> bool {
        let Some(found) = self.tokens.get_mut(token) else {
            return false;
        };
        if let Some(old) = found.replaces.take() {
            self.refresh.retain(|refresh| *refresh != old);
        }
        found.expires_at > now
    }

    pub(super) fn expire(&mut self) {
        self.tokens.clear();
    }

    /// The token endpoint: status and body.
    pub(super) fn grant(&mut self, form: &Value, now: Time) -> (u16, Value) {
        let is_app = form["client_id"] == json!(self.client_id)
            && form["client_secret"] == json!(self.client_secret);
        if !is_app {
            return (400, json!({ "error": "invalid_client" }));
        }
        self.made += 1;
        let access = format!("access-token-{}-of-{}", self.made, self.client_id);
        match form["grant_type"].as_str() {
            Some("client_credentials") => {
                self.admit(&access, CREDENTIALS_LIFE, None, now);
                let body = json!({
                    "access_token": access,
                    "scope": "write_orders,write_inventory",
                    "expires_in": CREDENTIALS_LIFE.as_secs(),
                });
                (200, body)
            }
            Some("refresh_token") => {
                let given = form["refresh_token"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                if !self.refresh.contains(&given) {
                    let why = "The refresh token is invalid or was replaced";
                    return (
                        400,
                        json!({ "error": "invalid_grant", "error_description": why }),
                    );
                }
                let refresh = format!("refresh token {} of {}", self.made, self.client_id);
                self.refresh = vec![given.clone(), refresh.clone()];
                self.admit(&access, OFFLINE_LIFE, Some(given), now);
                let body = json!({
                    "access_token": access,
                    "scope": "write_orders,write_inventory",
                    "expires_in": OFFLINE_LIFE.as_secs(),
                    "refresh_token": refresh,
                    "refresh_token_expires_in": 7_776_000,
                });
                (200, body)
            }
            _ => (400, json!({ "error": "unsupported_grant_type" })),
        }
    }

    fn admit(&mut self, token: &str, life: Duration, replaces: Option<String>, now: Time) {
        let expires_at = now.plus(life);
        self.tokens.insert(
            token.to_owned(),
            Token {
                expires_at,
                replaces,
            },
        );
    }
}

/// The bucket of one app in one shop, in thousandths of a point.
pub(super) struct Bucket {
    filled: i64,
    at: Time,
}

impl Bucket {
    pub(super) fn new() -> Bucket {
        Bucket {
            filled: BUCKET_POINTS * 1000,
            at: Time::EPOCH,
        }
    }

    /// The extension of a bucket that has just been emptied.
    pub(super) fn empty() -> Value {
        let bucket = Bucket {
            filled: 0,
            at: Time::EPOCH,
        };
        bucket.extension(RESTORED_PER_SECOND.unsigned_abs(), None)
    }

    fn refill(&mut self, now: Time) {
        let passed = i64::try_from(now.since(self.at).as_millis()).unwrap_or(i64::MAX);
        let restored = passed.saturating_mul(RESTORED_PER_SECOND);
        self.filled = self
            .filled
            .saturating_add(restored)
            .min(BUCKET_POINTS * 1000);
        self.at = self.at.max(now);
    }

    /// Whether a call that may cost so much can be carried out now.
    pub(super) fn admits(&mut self, requested: u64, now: Time) -> bool {
        self.refill(now);
        self.filled >= milli(requested)
    }

    /// Takes what a call cost.
    pub(super) fn charge(&mut self, actual: u64) {
        self.filled -= milli(actual);
    }

    /// The extension that every answer carries.
    pub(super) fn extension(&self, requested: u64, actual: Option<u64>) -> Value {
        json!({
            "cost": {
                "requestedQueryCost": requested,
                "actualQueryCost": actual,
                "throttleStatus": {
                    "maximumAvailable": BUCKET_POINTS,
                    "currentlyAvailable": self.filled.div_euclid(1000),
                    "restoreRate": RESTORED_PER_SECOND,
                },
            },
        })
    }
}

fn milli(points: u64) -> i64 {
    i64::try_from(points)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000)
}
