//! The post between the shops and us: it remembers which hooks were acknowledged.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    HttpPort,
    http::{Request, Response, SendError},
};
use domain::Time;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::world::World;

/// A hook that we answered with 2xx.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    /// For which account.
    pub(crate) account: String,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// Its address and headers.
    head: (http::Uri, http::HeaderMap),
}

/// Sends hooks and remembers.
pub(crate) struct Post {
    client: Arc<dyn HttpPort>,
    acknowledged: Mutex<Vec<Acknowledged>>,
}

impl Post {
    pub(crate) fn new(client: Arc<dyn HttpPort>) -> Arc<Post> {
        Arc::new(Post {
            client,
            acknowledged: Mutex::default(),
        })
    }

    /// The last hook of an account that was answered with 2xx, to be sent again.
    pub(crate) fn genuine(&self, account: &str) -> Request {
        let all = self.acknowledged();
        let hook = all.into_iter().rfind(|hook| hook.account == account);
        let hook = hook.unwrap_or_else(|| panic!("no hook of {account} came"));
        let mut request = Request::new(hook.body);
        *request.method_mut() = http::Method::POST;
        (*request.uri_mut(), *request.headers_mut()) = hook.head;
        request
    }

    /// Every hook that was answered with 2xx so far.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().expect("no holder panics").clone()
    }
}

#[async_trait]
impl HttpPort for Post {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        let mut path = request.uri().path().split('/');
        let account = path.nth(2).unwrap_or_default().to_owned();
        let body = request.body().clone();
        let head = (request.uri().clone(), request.headers().clone());
        let is_post = request.method() == http::Method::POST;
        let answer = self.client.send(request).await?;
        if is_post && answer.status().is_success() {
            let hook = Acknowledged {
                account,
                body,
                head,
            };
            self.acknowledged
                .lock()
                .expect("no holder panics")
                .push(hook);
        }
        Ok(answer)
    }

    fn now(&self) -> Time {
        self.client.now()
    }

    fn nonce(&self) -> String {
        self.client.nonce()
    }
}

/// The webhook secret of the WooCommerce shop.
fn webhook_secret(world: &World) -> String {
    let settings = world.shop("web-shop").settings();
    settings["webhook_secret"]
        .as_str()
        .expect("a secret")
        .to_owned()
}

/// A hook as WooCommerce signs it.
pub(crate) fn signed(world: &World, body: &[u8]) -> Request {
    let mut mac = Hmac::<Sha256>::new_from_slice(webhook_secret(world).as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(body);
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    http::Request::post(format!("{}/hooks/web-shop", world.api.public_url))
        .header("content-type", "application/json")
        .header("x-wc-webhook-topic", "order.updated")
        .header("x-wc-webhook-signature", signature)
        .body(body.to_vec())
        .expect("a request")
}
