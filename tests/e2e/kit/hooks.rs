//! The post between the shops and us: it remembers which hooks were acknowledged.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use channel::{
    HttpPort,
    http::{Request, Response, SendError},
};
use domain::Time;

/// A hook that we answered with 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// For which account.
    pub(crate) account: String,
    /// Its body.
    pub(crate) body: Vec<u8>,
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
        let is_post = request.method() == http::Method::POST;
        let answer = self.client.send(request).await?;
        if is_post && answer.status().is_success() {
            let hook = Acknowledged { account, body };
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
