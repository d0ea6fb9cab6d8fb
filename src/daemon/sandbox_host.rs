//! Twins over loopback HTTP: each shop has a port of its own and is reached like the real one.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use channel::HttpPort;
use domain::{Sku, Time};
use engine::ports::Ports;
use sandbox::{Act, Delivery, Done, Refused, Truth, faults::Faulty};
use tokio::net::TcpListener;

/// The largest request that a twin reads.
const BODY_LENGTH_MAX: usize = 4 * 1024 * 1024;
/// How often waiting hooks are looked for.
const TICK: Duration = Duration::from_millis(20);
/// Later than this no shop sends a hook.
const HOOKS_WITHIN: Duration = Duration::from_secs(60);

/// Hears of each request when all of it has arrived, before it is carried out.
pub type Listen = Box<dyn Fn(&http::Request<Vec<u8>>) + Send + Sync>;

/// One shop and its faults, shared between its HTTP side, its buyers and the judge.
#[derive(Clone)]
pub struct HostedShop {
    /// The account that it stands for.
    pub account: String,
    /// The channel that it is on.
    pub channel: &'static str,
    /// Where it is reached.
    pub address: SocketAddr,
    twin: Arc<Mutex<Faulty>>,
    listens: Arc<OnceLock<Listen>>,
    ports: Ports,
}

impl HostedShop {
    /// Serves a shop on a listener that is bound already.
    pub fn serve(account: &str, twin: Faulty, listener: TcpListener, ports: Ports) -> HostedShop {
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let channel = twin.channel();
        let twin = Arc::new(Mutex::new(twin));
        let shop = HostedShop {
            account: account.to_owned(),
            channel,
            address,
            twin,
            listens: Arc::default(),
            ports,
        };
        let router = Router::new().fallback(answer).with_state(shop.clone());
        let serving = async move {
            // Ends with the process; a sandbox that cannot serve shows in every probe.
            drop(axum::serve(listener, router).await);
        };
        shop.ports
            .spawn
            .spawn(format!("shop {account}"), Box::pin(serving));
        shop
    }

    /// Lets somebody hear what arrives. Only the first who wants to is heard: false for all others.
    pub fn listen(&self, listen: Listen) -> bool {
        self.listens.set(listen).is_ok()
    }

    /// Lets the shop's hooks be sent for as long as the process lives.
    pub fn deliver_hooks(&self, client: Arc<dyn HttpPort>) {
        let shop = self.clone();
        let task = async move {
            loop {
                let now = shop.now();
                let due = shop.with(|twin| twin.take_deliveries(now));
                for delivery in due {
                    shop.send(Arc::clone(&client), delivery);
                }
                shop.ports.clock.sleep_until(now.plus(TICK)).await;
            }
        };
        self.ports
            .spawn
            .spawn(format!("hooks of {}", self.account), Box::pin(task));
    }

    /// The hooks that wait, for those who send them themselves: to the shop, they have arrived.
    pub fn take_hooks(&self) -> Vec<http::Request<Vec<u8>>> {
        let now = self.now();
        let due = self.with(|twin| {
            let due = twin.take_deliveries(now.plus(HOOKS_WITHIN));
            for delivery in &due {
                twin.delivered(delivery.id, Some(200), now);
            }
            due
        });
        due.into_iter().map(|delivery| delivery.request).collect()
    }

    fn send(&self, client: Arc<dyn HttpPort>, delivery: Delivery) {
        let shop = self.clone();
        let task = async move {
            let answer = client.send(delivery.request).await;
            let status = answer.ok().map(|answer| answer.status().as_u16());
            let now = shop.now();
            shop.with(|twin| twin.delivered(delivery.id, status, now));
        };
        self.ports
            .spawn
            .spawn(format!("hook of {}", self.account), Box::pin(task));
    }

    /// Somebody does something in the shop.
    pub fn act(&self, act: &Act) -> Result<Done, Refused> {
        let now = self.now();
        self.with(|twin| twin.act(act, now))
    }

    /// What is true there.
    pub fn truth(&self) -> Truth {
        self.with(|twin| twin.truth())
    }

    /// The levels that it shows.
    pub fn levels(&self) -> BTreeMap<Sku, i64> {
        self.with(|twin| twin.levels())
    }

    /// Whether a hook waits to be sent.
    pub fn has_hooks_waiting(&self) -> bool {
        self.with(|twin| twin.next_delivery_at().is_some())
    }

    /// Lets no more faults happen.
    pub fn quiet(&self) {
        self.with(Faulty::quiet);
    }

    /// Lets faults happen again.
    pub fn resume(&self) {
        self.with(Faulty::resume);
    }

    /// The settings with which the connector reaches it.
    pub fn settings(&self) -> serde_json::Value {
        self.with(|twin| twin.settings())
    }

    fn now(&self) -> Time {
        self.ports.clock.now()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Faulty) -> T) -> T {
        work(&mut self.twin.lock().expect("a twin does not panic"))
    }
}

async fn answer(State(shop): State<HostedShop>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LENGTH_MAX).await else {
        return broken();
    };
    let request = http::Request::from_parts(head, body.to_vec());
    if let Some(listen) = shop.listens.get() {
        listen(&request);
    }
    let now = shop.now();
    let handled = shop.with(|twin| twin.handle(&request, now));
    shop.ports.clock.sleep_until(now.plus(handled.delay)).await;
    handled
        .answer
        .map_or_else(broken, |answer| answer.map(Body::from))
}

/// An answer that breaks off, as when a connection is lost.
fn broken() -> Response {
    Response::new(Body::from_stream(BrokenOff))
}

struct BrokenOff;

impl futures_core::Stream for BrokenOff {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Err(std::io::Error::other("the connection is lost"))))
    }
}
