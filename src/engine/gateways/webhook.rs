//! Telling a program by HTTP, signed as Standard Webhooks has it.
//!
//! `webhook-id` is the same for each try, so whoever takes it knows it again. What is told says nothing of people
//! but what the admin wrote into the template of the text.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    HttpPort,
    http::{Request, SendError},
};
use ring::hmac;
use serde_json::json;

use super::{Answer, messages::Letter};

/// The longest part of an answer that is kept.
const WORDS_MAX: usize = 200;

/// Where a program listens.
pub struct Webhook {
    url: String,
    key: hmac::Key,
    http: Arc<dyn HttpPort>,
}

/// Why a program cannot be told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAWebhook {
    /// The secret cannot be used.
    #[error("the secret is `whsec_` and base64 of 24 to 64 bytes")]
    Secret,
}

/// Whether a text can be used as a secret.
pub fn is_webhook_secret(text: &str) -> bool {
    secret_bytes(text).is_some()
}

/// The bytes of a secret as Standard Webhooks writes it.
fn secret_bytes(secret: &str) -> Option<Vec<u8>> {
    let text = secret.trim().strip_prefix("whsec_")?;
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

impl Webhook {
    /// One that listens there.
    pub fn new(url: String, secret: &str, http: Arc<dyn HttpPort>) -> Result<Webhook, NotAWebhook> {
        let bytes = secret_bytes(secret).ok_or(NotAWebhook::Secret)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        Ok(Webhook { url, key, http })
    }

    pub(super) async fn send(&self, letter: &Letter) -> Answer {
        let body = json!({
            "type": "order.message",
            "timestamp": letter.made_at.to_string(),
            "data": {
                "message": letter.message,
                "subject": letter.subject,
                "text": letter.text,
                "order": letter.order,
            },
        });
        let body = body.to_string().into_bytes();
        let seconds = self.http.now().millis().div_euclid(1000);
        let request = match signed(&self.url, &self.key, (&letter.id, seconds), body) {
            Ok(request) => request,
            Err(error) => return Answer::Refused(error.to_string()),
        };
        match self.http.send(request).await {
            Err(SendError::NotSent(reason)) => Answer::Later(reason),
            Err(SendError::NoAnswer(reason)) => Answer::Unknown(reason),
            Ok(answer) => {
                let words: String = String::from_utf8_lossy(answer.body())
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(WORDS_MAX)
                    .collect();
                let said = format!("it answered {}: {words}", answer.status().as_u16());
                match answer.status().as_u16() {
                    200..=299 => Answer::Taken(()),
                    408 | 425 | 429 | 500..=599 => Answer::Unknown(said),
                    _ => Answer::Refused(said),
                }
            }
        }
    }
}

/// What is sent, signed.
fn signed(
    url: &str,
    key: &hmac::Key,
    (id, seconds): (&str, i64),
    body: Vec<u8>,
) -> Result<Request, http::Error> {
    http::Request::post(url)
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature(key, id, seconds, &body))
        .body(body)
}

fn signature(key: &hmac::Key, id: &str, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_reference_libraries() {
        let bytes = secret_bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        assert_eq!(
            signature(&key, id, 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_is_long_enough_and_says_what_it_is() {
        for secret in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert_eq!(secret_bytes(secret), None, "{secret}");
        }
    }
}
