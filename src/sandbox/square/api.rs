//! The API's front door: versions, tokens, keys that make a call happen once, and errors in Square's
//! own form. Where a call goes is told by [`super::routes`].

use domain::Time;
use serde_json::{Value, json};

use super::{Square, VERSION, tokens::Bearer};
use crate::{Request, Response};

/// Where the seller is, and since when.
const COUNTRY: &str = "DE";
const LANGUAGE: &str = "de-DE";
pub(super) const OPENED: &str = "2026-01-01T00:00:00Z";

/// A refusal, in Square's words.
#[derive(Debug)]
pub(super) struct Fail {
    status: u16,
    category: &'static str,
    code: &'static str,
    detail: String,
    field: Option<String>,
}

impl Fail {
    pub(super) fn new(
        status: u16,
        category: &'static str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Fail {
        Fail {
            status,
            category,
            code,
            detail: detail.into(),
            field: None,
        }
    }

    /// A request that cannot be carried out.
    pub(super) fn request(code: &'static str, detail: impl Into<String>) -> Fail {
        Fail::new(400, "INVALID_REQUEST_ERROR", code, detail)
    }

    /// A field with a wrong value.
    pub(super) fn value(field: &str, detail: impl Into<String>) -> Fail {
        Fail::request("INVALID_VALUE", detail).at(field)
    }

    /// A field that is not there.
    pub(super) fn missing(field: &str) -> Fail {
        Fail::request("MISSING_REQUIRED_PARAMETER", "Field must be set").at(field)
    }

    /// Something that does not exist.
    pub(super) fn not_found(detail: impl Into<String>) -> Fail {
        Fail::new(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", detail)
    }

    /// Something that Square has, and this sandbox does not.
    pub(super) fn not_here(what: impl Into<String>) -> Fail {
        Fail::new(501, "API_ERROR", "NOT_IMPLEMENTED", what)
    }

    /// A cursor that belongs to no query, or to another one.
    pub(super) fn cursor() -> Fail {
        Fail::request("INVALID_CURSOR", "The cursor does not fit the query.").at("cursor")
    }

    /// Names the field.
    pub(super) fn at(mut self, field: impl Into<String>) -> Fail {
        self.field = Some(field.into());
        self
    }

    pub(super) fn response(&self) -> Response {
        let mut error = json!({
            "category": self.category,
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(field) = &self.field {
            error["field"] = json!(field);
        }
        respond(self.status, &json!({ "errors": [error] }), VERSION)
    }
}

/// The query of a request.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(request: &Request) -> Query {
        let query = request.uri().query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Query(pairs.into_owned().collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// How many are wanted on a page: by default, and at most, so many.
    pub(super) fn limit(&self, limit_max: usize) -> Result<usize, Fail> {
        match self.get("limit") {
            None => Ok(limit_max),
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| *limit > 0)
                .map(|limit: usize| limit.min(limit_max))
                .ok_or_else(|| Fail::value("limit", "The limit must be a positive number.")),
        }
    }

    /// Where the page begins.
    pub(super) fn first(&self) -> Result<usize, Fail> {
        match self.get("cursor") {
            Some(cursor) => cursor.parse().map_err(|_| Fail::cursor()),
            None => Ok(0),
        }
    }

    /// A time, if it is given.
    pub(super) fn time(&self, key: &str) -> Result<Option<Time>, Fail> {
        match self.get(key) {
            Some(text) => instant(text, key).map(Some),
            None => Ok(None),
        }
    }
}

/// An RFC 3339 time.
pub(super) fn instant(text: &str, field: &str) -> Result<Time, Fail> {
    text.parse()
        .map_err(|_| Fail::request("INVALID_TIME", "The time is not in RFC 3339 form.").at(field))
}

/// A list that must be there.
pub(super) fn array<'a>(body: &'a Value, key: &str) -> Result<&'a [Value], Fail> {
    match body.get(key) {
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(Fail::request("EXPECTED_ARRAY", "Expected an array.").at(key)),
        None => Err(Fail::missing(key)),
    }
}

/// A text that may be there, of at most so many characters.
pub(super) fn text<'a>(
    body: &'a Value,
    key: &str,
    length_max: usize,
) -> Result<Option<&'a str>, Fail> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= length_max => Ok(Some(text)),
        Some(Value::String(_)) => {
            let detail = format!("Field must not be longer than {length_max} characters.");
            Err(Fail::request("VALUE_TOO_LONG", detail).at(key))
        }
        Some(_) => Err(Fail::request("EXPECTED_STRING", "Expected a string.").at(key)),
    }
}

fn respond(status: u16, body: &Value, version: &str) -> Response {
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("square-version", version)
        .body(body.to_string().into_bytes())
        .expect("the parts of the answer are valid")
}

impl Square {
    /// Answers one request.
    pub(super) fn answer(&mut self, request: &Request, now: Time) -> Response {
        let header = |name: &str| {
            let value = request.headers().get(name);
            value.and_then(|value| value.to_str().ok())
        };
        let version = header("square-version").unwrap_or(VERSION).to_owned();
        let is_date = version.len() == 10 && format!("{version}T00:00:00Z").parse::<Time>().is_ok();
        if !is_date {
            let detail = "The Square-Version header must be a date.";
            return Fail::request("INVALID_SQUARE_VERSION_FORMAT", detail).response();
        }
        let path = request.uri().path().trim_matches('/').to_owned();
        let authorization = header("authorization");
        let bearer = match path.as_str() {
            // The body says who asks.
            "oauth2/token" => Ok(Bearer::Seller),
            "oauth2/revoke" => self.tokens.client(authorization),
            _ => self.tokens.bearer(authorization, now),
        };
        let answer = bearer.and_then(|bearer| self.route(request, &path, bearer, now));
        match answer {
            Ok(body) => respond(200, &body, &version),
            Err(fail) => fail.response(),
        }
    }

    /// Carries out a call once for each key: the same call again has the same answer and no effect,
    /// another call under the same key is refused.
    pub(super) fn once(
        &mut self,
        endpoint: &str,
        key: &str,
        body: &Value,
        carry_out: impl FnOnce(&mut Square) -> Result<Value, Fail>,
    ) -> Result<Value, Fail> {
        let place = (endpoint.to_owned(), key.to_owned());
        if let Some((before, answer)) = self.answered.get(&place) {
            if before == body {
                return Ok(answer.clone());
            }
            let detail = "The idempotency key was used before with another request.";
            return Err(Fail::request("IDEMPOTENCY_KEY_REUSED", detail).at("idempotency_key"));
        }
        let answer = carry_out(self)?;
        self.answered.insert(place, (body.clone(), answer.clone()));
        Ok(answer)
    }

    pub(super) fn location_card(&self) -> Value {
        json!({
            "id": self.location,
            "country": COUNTRY,
            "language_code": LANGUAGE,
            "timezone": "Europe/Berlin",
            "capabilities": ["CREDIT_CARD_PROCESSING"],
            "created_at": OPENED,
            "name": self.shop.name,
            "business_name": "Sandbox",
            "merchant_id": self.merchant,
            "status": "ACTIVE",
            "type": "PHYSICAL",
            "currency": self.currency.code(),
        })
    }

    pub(super) fn read_location(&self, id: &str) -> Result<Value, Fail> {
        if id != self.location && id != "main" {
            return Err(Fail::not_found("Location not found."));
        }
        Ok(json!({ "location": self.location_card() }))
    }

    pub(super) fn read_merchant(&self, id: &str) -> Result<Value, Fail> {
        if id != self.merchant && id != "me" {
            return Err(Fail::not_found("Merchant not found."));
        }
        Ok(json!({ "merchant": self.merchant_card() }))
    }

    pub(super) fn merchant_card(&self) -> Value {
        json!({
            "id": self.merchant,
            "business_name": "Sandbox",
            "country": COUNTRY,
            "language_code": LANGUAGE,
            "currency": self.currency.code(),
            "status": "ACTIVE",
            "main_location_id": self.location,
            "created_at": OPENED,
        })
    }
}
