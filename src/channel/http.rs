//! The one way out: an HTTP port, a vault for rotating tokens, and the classification of answers.
//!
//! The engine implements [`HttpPort`] with quotas, timeouts, redaction and an address policy; the
//! simulator implements it with twins. A connector builds an [`http::Request`], sends it, and reads
//! the answer through [`Answer`], which has classified it once.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::Time;
use serde::de::DeserializeOwned;

use crate::error::{ChannelError, ErrorKind};

/// A request to a channel. The body is bytes, so that what is signed is what is sent.
pub type Request = http::Request<Vec<u8>>;
/// A channel's answer.
pub type Response = http::Response<Vec<u8>>;

/// What an account's connector is given.
#[derive(Clone)]
pub struct Port {
    /// The way out.
    pub http: Arc<dyn HttpPort>,
    /// Where tokens that the channel rotates are kept.
    pub vault: Arc<dyn Vault>,
}

/// The way out.
#[async_trait]
pub trait HttpPort: Send + Sync {
    /// Sends a request and waits for the whole answer. Any status is an answer.
    async fn send(&self, request: Request) -> Result<Response, SendError>;

    /// The time, for signatures and token life.
    fn now(&self) -> Time;

    /// A text that was never handed out before, for nonces: 32 hexadecimal digits.
    fn nonce(&self) -> String;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The request never left: no address, no connection, or not allowed.
    #[error("could not connect: {0}")]
    NotSent(String),
    /// It may have been carried out: time ran out, or the connection broke after sending.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// Durable memory for tokens that a channel rotates: a new pair is stored before it is first used.
#[async_trait]
pub trait Vault: Send + Sync {
    /// What was stored under this name.
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError>;

    /// Stores it; returns when it is durable.
    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError>;
}

/// The vault could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the vault failed: {reason}")]
pub struct VaultError {
    /// What went wrong, without the secret.
    pub reason: String,
}

/// A text that must not be printed. Its schema says so too, for whoever shows a file that holds one.
#[derive(Clone, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(extend("format" = "password"))]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for signing and sending.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An answer with the operation that it answers, so that errors say what was tried.
#[derive(Debug)]
pub struct Answer {
    operation: &'static str,
    response: Response,
}

/// Whether a call changes anything there: decides what a missing answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads; sending it again is harmless.
    None,
    /// It writes, but writing it twice is the same as once.
    Idempotent,
    /// It writes, and twice is not the same as once.
    Once,
}

impl Port {
    /// Sends a request and classifies everything that no connector needs to look at: missing
    /// answers, 401, 403, 404, 410, 408, 429 and 5xx. What remains is 2xx, 3xx and the other 4xx.
    pub async fn call(
        &self,
        operation: &'static str,
        effect: Effect,
        request: Request,
    ) -> Result<Answer, ChannelError> {
        let answer = self.call_unjudged(operation, effect, request).await?;
        answer.judged(effect, self.http.now())
    }

    /// Sends a request and classifies only a missing answer. For channels that hide a plain refusal
    /// in a 5xx, or use 404 for more than one thing: the connector looks at the body first, and
    /// hands every answer that it does not know to [`Answer::judged`].
    pub async fn call_unjudged(
        &self,
        operation: &'static str,
        effect: Effect,
        request: Request,
    ) -> Result<Answer, ChannelError> {
        let response = self.http.send(request).await.map_err(|error| {
            let kind = match (&error, effect) {
                (SendError::NotSent(_), _) | (SendError::NoAnswer(_), Effect::None) => {
                    ErrorKind::Retry {
                        reason: error.to_string(),
                    }
                }
                (SendError::NoAnswer(_), Effect::Idempotent | Effect::Once) => {
                    ErrorKind::Ambiguous {
                        reason: error.to_string(),
                    }
                }
            };
            ChannelError::new(operation, kind)
        })?;
        Ok(Answer {
            operation,
            response,
        })
    }
}

/// The kind of error that a status is, by RFC 9110; nothing when the connector should look at it.
pub fn classify(response: &Response, effect: Effect, now: Time) -> Option<ErrorKind> {
    let status = response.status();
    match status.as_u16() {
        401 | 403 => Some(ErrorKind::Unauthorized {
            reason: excerpt(response),
        }),
        404 | 410 => Some(ErrorKind::Gone),
        429 => Some(ErrorKind::Throttled {
            until: retry_after(response, now),
        }),
        408 | 425 => Some(ErrorKind::Retry {
            reason: format!("status {status}"),
        }),
        503 if effect != Effect::Once => match retry_after(response, now) {
            Some(until) => Some(ErrorKind::Throttled { until: Some(until) }),
            None => Some(ErrorKind::Retry {
                reason: format!("status {status}"),
            }),
        },
        500..=599 if effect == Effect::None => Some(ErrorKind::Retry {
            reason: format!("status {status}"),
        }),
        500..=599 => Some(ErrorKind::Ambiguous {
            reason: format!("status {status}"),
        }),
        _ => None,
    }
}

/// The time that `Retry-After` names, in seconds or as a date; at most an hour away, so that a
/// wrong header cannot stop an account for good.
fn retry_after(response: &Response, now: Time) -> Option<Time> {
    const WAIT_MAX: Duration = Duration::from_secs(3600);
    let text = response
        .headers()
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?;
    let wait = match text.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => parse_http_date(text)?.since(now),
    };
    Some(now.plus(wait.min(WAIT_MAX)))
}

/// An IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_http_date(text: &str) -> Option<Time> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    Time::parse_utc(&format!("{year}-{month:02}-{day}T{}Z", words.next()?)).ok()
}

/// The beginning of an answer's text, for error messages; control characters are dropped.
fn excerpt(response: &Response) -> String {
    const LENGTH_MAX: usize = 200;
    let text = String::from_utf8_lossy(response.body());
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(LENGTH_MAX)
        .collect();
    format!("status {}: {text}", response.status().as_u16())
}

impl Answer {
    /// This answer, unless its status alone says what to do next.
    pub fn judged(self, effect: Effect, now: Time) -> Result<Answer, ChannelError> {
        match classify(&self.response, effect, now) {
            Some(kind) => Err(ChannelError::new(self.operation, kind)),
            None => Ok(self),
        }
    }

    /// The status.
    pub fn status(&self) -> http::StatusCode {
        self.response.status()
    }

    /// The value of a header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// The channel's own clock when it answered, in whole seconds.
    pub fn date(&self) -> Option<Time> {
        parse_http_date(self.header("date")?)
    }

    /// The body, without the byte order mark that some PHP plugins put before it.
    pub fn body(&self) -> &[u8] {
        let body = self.response.body();
        body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
    }

    /// The body as JSON, whatever the status.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ChannelError> {
        serde_json::from_slice(self.body())
            .map_err(|error| ChannelError::malformed(self.operation, error.to_string()))
    }

    /// This answer if it is a 2xx; else the channel's refusal, in its words.
    pub fn success(self) -> Result<Answer, ChannelError> {
        if self.status().is_success() {
            return Ok(self);
        }
        Err(ChannelError::rejected(
            self.operation,
            excerpt(&self.response),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> Response {
        let mut builder = http::Response::builder().status(status);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Vec::new()).expect("a response")
    }

    #[test]
    fn statuses_are_named_by_what_to_do_next() {
        let now = Time::from_seconds(784_111_777); // 1994-11-06T08:49:37Z
        let at = |seconds| Some(now.plus(Duration::from_secs(seconds)));
        let kind =
            |status, headers: &[_], effect| classify(&response(status, headers), effect, now);
        assert_eq!(kind(200, &[], Effect::Once), None);
        assert_eq!(kind(400, &[], Effect::Once), None);
        assert_eq!(kind(404, &[], Effect::None), Some(ErrorKind::Gone));
        assert!(matches!(
            kind(401, &[], Effect::None),
            Some(ErrorKind::Unauthorized { .. })
        ));
        assert!(matches!(
            kind(502, &[], Effect::None),
            Some(ErrorKind::Retry { .. })
        ));
        assert!(matches!(
            kind(502, &[], Effect::Once),
            Some(ErrorKind::Ambiguous { .. })
        ));
        for (value, until) in [
            ("7", at(7)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", at(10)),
            ("99999999", at(3600)),
            ("soon", None),
        ] {
            assert_eq!(
                kind(429, &[("retry-after", value)], Effect::None),
                Some(ErrorKind::Throttled { until }),
                "{value}"
            );
        }
    }

    #[test]
    fn an_answer_tells_its_time() {
        let date = |headers: &[_]| {
            let response = response(200, headers);
            let operation = "read the clock";
            Answer {
                operation,
                response,
            }
            .date()
        };
        let expected = Time::from_seconds(784_111_777);
        assert_eq!(
            date(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT")]),
            Some(expected)
        );
        assert_eq!(date(&[("date", "yesterday")]), None);
        assert_eq!(date(&[]), None);
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("cs_123")), "Secret(…)");
        assert_eq!(
            schemars::schema_for!(Secret).get("format"),
            Some(&serde_json::json!("password"))
        );
    }
}
