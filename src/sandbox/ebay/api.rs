//! The front door: routes, tokens and scopes, and the form of eBay's refusals.

use domain::{Money, Time};
use http::{Method, header};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::{
    Request, Response,
    ebay::{Ebay, oauth::Grant},
};

/// An answer that says no.
pub(super) type No = Box<Response>;

/// A request, taken apart.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: &'a [u8],
    request: &'a Request,
}

/// A refusal on its way to becoming an answer.
pub(super) struct Refusal {
    error_id: u32,
    domain: &'static str,
    category: &'static str,
    message: String,
    parameters: Vec<Value>,
}

impl Refusal {
    pub(super) fn new(
        error_id: u32,
        domain: &'static str,
        category: &'static str,
        message: impl Into<String>,
    ) -> Refusal {
        Refusal {
            error_id,
            domain,
            category,
            message: message.into(),
            parameters: Vec::new(),
        }
    }

    /// A refusal of the Fulfillment API.
    pub(super) fn fulfillment(error_id: u32, message: impl Into<String>) -> Refusal {
        Refusal::new(error_id, "API_FULFILLMENT", "REQUEST", message)
    }

    /// A refusal of the Inventory API.
    pub(super) fn inventory(error_id: u32, message: impl Into<String>) -> Refusal {
        Refusal::new(error_id, "API_INVENTORY", "REQUEST", message)
    }

    /// A refusal of the Notification API.
    pub(super) fn notification(error_id: u32, message: impl Into<String>) -> Refusal {
        Refusal::new(error_id, "API_NOTIFICATION", "REQUEST", message)
    }

    /// Names what was wrong.
    pub(super) fn with(mut self, name: &str, value: &str) -> Refusal {
        self.parameters
            .push(json!({ "name": name, "value": value }));
        self
    }

    /// One element of an `errors` or `warnings` list.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "errorId": self.error_id,
            "domain": self.domain,
            "category": self.category,
            "message": self.message,
            "longMessage": self.message,
            "parameters": self.parameters,
        })
    }
}

/// An answer with a body.
pub(super) fn answer(status: u16, body: &Value) -> Response {
    http::Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .expect("the status and header are constants")
}

/// An answer without one.
pub(super) fn empty(status: u16) -> Response {
    http::Response::builder()
        .status(status)
        .body(Vec::new())
        .expect("the status is a constant")
}

/// Something was made, and this is where.
pub(super) fn created(location: &str) -> Response {
    http::Response::builder()
        .status(201)
        .header(header::LOCATION, location)
        .header(header::CONTENT_TYPE, "application/json")
        .body(b"{}".to_vec())
        .expect("our locations are plain text")
}

/// A refusal in the form of eBay's REST APIs.
pub(super) fn refuse(status: u16, refusal: Refusal) -> No {
    Box::new(answer(status, &json!({ "errors": [refusal.to_json()] })))
}

/// There is no such thing here.
pub(super) fn not_found() -> No {
    refuse(
        404,
        Refusal::new(2002, "ACCESS", "REQUEST", "Resource not found"),
    )
}

/// eBay has such a thing, and this sandbox does not.
pub(super) fn not_here(what: &str) -> No {
    let message = format!("This sandbox has no {what}.");
    refuse(501, Refusal::new(2002, "ACCESS", "APPLICATION", message))
}

/// An amount.
pub(super) fn amount(money: Money) -> Value {
    json!({ "value": money.amount(), "currency": money.currency().code() })
}

impl<'a> Asked<'a> {
    fn new(request: &'a Request) -> Asked<'a> {
        let uri = request.uri();
        let decode = |segment: &str| {
            // A plus sign is itself in a path.
            let escaped = format!("={}", segment.replace('+', "%2B"));
            form_urlencoded::parse(escaped.as_bytes())
                .map(|(_, value)| value.into_owned())
                .collect::<String>()
        };
        Asked {
            method: request.method(),
            path: uri
                .path()
                .split('/')
                .filter(|segment| !segment.is_empty())
                .map(decode)
                .collect(),
            query: form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
            body: request.body(),
            request,
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The body as JSON, which must be announced as such.
    pub(super) fn json(&self) -> Result<Value, No> {
        let is_json = self
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/json"));
        if !is_json {
            return Err(Box::new(empty(415)));
        }
        serde_json::from_slice(self.body).map_err(|_| {
            refuse(
                400,
                Refusal::new(2004, "ACCESS", "REQUEST", "Invalid request body"),
            )
        })
    }
}

impl Ebay {
    /// Finds who answers, after checking in whose name it is asked.
    pub(super) fn route(&mut self, request: &Request, now: Time) -> Response {
        let raw_query = request.uri().query().unwrap_or_default();
        if raw_query.contains(['[', ']', '{', '}', '|']) {
            return empty(400);
        }
        let asked = Asked::new(request);
        let path: Vec<&str> = asked.path.iter().map(String::as_str).collect();
        let done = match path.as_slice() {
            ["identity", "v1", "oauth2", "token"] => Ok(self.oauth.token(&asked, now)),
            ["sell", "fulfillment", "v1", rest @ ..] => self.fulfillment(&asked, rest, now),
            ["sell", "inventory", "v1", rest @ ..] => self.inventory(&asked, rest, now),
            ["commerce", "notification", "v1", rest @ ..] => self.notifications(&asked, rest, now),
            ["post-order", "v2", "cancellation", rest @ ..] => self.cancellation(&asked, rest, now),
            [
                "developer",
                "analytics",
                "v1_beta",
                "rate_limit" | "user_rate_limit",
            ] => self.rate_limit(&asked, now),
            ["sell" | "commerce" | "buy" | "developer" | "post-order", ..] => {
                Err(not_here(&format!("/{}", path.join("/"))))
            }
            _ => Err(not_found()),
        };
        done.unwrap_or_else(|no| *no)
    }

    /// Who asks, if the token is good and was granted one of these scopes.
    pub(super) fn granted(
        &self,
        asked: &Asked<'_>,
        scopes: &[&str],
        now: Time,
    ) -> Result<Grant, No> {
        let token = asked
            .header("authorization")
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let grant = token.and_then(|token| self.oauth.grant(token, now));
        let Some(grant) = grant else {
            return Err(refuse(
                401,
                Refusal::new(1001, "OAuth", "REQUEST", "Invalid access token"),
            ));
        };
        if scopes.iter().any(|scope| grant.has(scope)) {
            return Ok(grant);
        }
        Err(refuse(
            403,
            Refusal::new(
                1100,
                "ACCESS",
                "REQUEST",
                "Insufficient permissions to fulfill the request.",
            ),
        ))
    }

    /// How many calls are left today: more than anybody makes here.
    fn rate_limit(&self, asked: &Asked<'_>, now: Time) -> Result<Response, No> {
        self.granted(asked, &[""], now)?;
        let day = now.seconds().div_euclid(86_400);
        let rate = json!({
            "limit": 5000,
            "remaining": 5000_u64.saturating_sub(self.requests),
            "reset": super::stamp(Time::from_seconds((day + 1) * 86_400)),
            "timeWindow": 86_400,
        });
        let api = |context: &str, name: &str| {
            json!({
                "apiContext": "sell",
                "apiName": name,
                "apiVersion": "v1",
                "resources": [{ "name": context, "rates": [rate] }],
            })
        };
        let limits = [
            api("sell.fulfillment", "fulfillment"),
            api("sell.inventory", "inventory"),
        ];
        Ok(answer(200, &json!({ "rateLimits": limits })))
    }
}
