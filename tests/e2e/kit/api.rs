//! A small client of both listeners.

use std::sync::Arc;

use channel::HttpPort;
use http::{Method, Request};
use serde_json::Value;

/// Speaks to one daemon.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) client: Arc<dyn HttpPort>,
    pub(crate) admin_url: String,
    pub(crate) public_url: String,
    pub(crate) token: String,
}

/// What was answered; text that is no JSON is a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Api {
    /// Reads something that must be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.try_get(path).await.expect("the daemon answers");
        assert_eq!(reply.status, 200, "GET {path}: {}", reply.body);
        reply.body
    }

    /// Reads something, if there is an answer at all.
    pub(crate) async fn try_get(&self, path: &str) -> Result<Reply, String> {
        self.ask(Method::GET, path, None, None).await
    }

    /// Writes something, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let reply = self.try_post(path, None, body).await;
        let reply = reply.expect("the daemon answers");
        let is_good = (200..300).contains(&reply.status);
        assert!(is_good, "POST {path}: {} {}", reply.status, reply.body);
        reply.body
    }

    /// Writes something, perhaps under an idempotency key, if there is an answer at all.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        key: Option<&str>,
        body: Value,
    ) -> Result<Reply, String> {
        self.ask(Method::POST, path, key, Some(body)).await
    }

    /// Takes something back, if there is an answer at all.
    pub(crate) async fn try_delete(&self, path: &str) -> Result<Reply, String> {
        self.ask(Method::DELETE, path, None, None).await
    }

    /// All things of a list, page by page.
    pub(crate) async fn all(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let glue = if path.contains('?') { '&' } else { '?' };
            let page = self
                .try_get(&format!("{path}{glue}limit=200{cursor}"))
                .await?;
            if page.status != 200 {
                return Err(format!("GET {path}: {} {}", page.status, page.body));
            }
            all.extend(page.body["items"].as_array().into_iter().flatten().cloned());
            match page.body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// Sends a request as it is to the public listener.
    pub(crate) async fn hook(&self, request: Request<Vec<u8>>) -> Result<u16, String> {
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        Ok(answer.status().as_u16())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Reply, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.admin_url));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let bytes = match &body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                body.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        let request = request.body(bytes).expect("a request");
        let answer = self.client.send(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Reply { status, body })
    }
}
