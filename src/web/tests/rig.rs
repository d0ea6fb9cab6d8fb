//! An engine with two accounts on a channel that exists for these tests, and both routers.
//!
//! The channel signs hooks with HMAC, and its hooks are observations as JSON. Nothing is polled and
//! nothing is pushed: of the engine's tasks only the inbox runs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Body};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, HookAnswer, HookRequest, Malformed,
    Port, Probe, PullListings, PullOrders, PushShipments, PushStock, QuantityMeaning, Quota,
    ReadHooks, ReadStock, RefundOrders, RegisterHooks, Secret, SettingsError, Verdict, Verified,
    hook::verify_hmac_sha256_base64,
};
use domain::{
    AccountId, Currency, Decimal, ExternalId, ListingId, Money, Time,
    decide::Authority,
    ids::OrderId,
    signal::{Checks, Reading, Signal, Source},
    snapshot::{
        Buyer, LevelSnapshot, LineSnapshot, ListingSnapshot, Observation, OrderSnapshot,
        PaymentState, Standing, Version,
    },
};
use engine::{
    AccountConfig, Config, Engine, Outside,
    account::{Mode, Pace},
    decider::Policy,
    erasing::Privacy,
    ports::{Clock, Entropy, Ports, Spawn, Task, allowance::Meter},
    sealing::Sealer,
};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use serde_json::Value;
use store::Memory;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::{Configured, Limits, Tokens};

/// Something of each kind.
fn configuration() -> Vec<Configured> {
    let one = |key: &str, value: Option<&str>, from, place: Option<&str>, line| Configured {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        is_secret: value.is_none(),
        from,
        place: place.map(str::to_owned),
        line,
    };
    let file = Some("oneshelf.toml");
    vec![
        one(
            "accounts.shop.kind",
            Some("\"paper\""),
            "file",
            file,
            Some(1),
        ),
        one("admin.token", None, "file", file, Some(7)),
        one(
            "log.level",
            Some("\"debug\""),
            "environment",
            Some("ONESHELF__LOG__LEVEL"),
            None,
        ),
        one("schedule.poll", Some("30s"), "default", None, None),
    ]
}

/// The token of these tests.
pub(super) const TOKEN: &str = "osh_0123456789abcdef0123456789abcdef";
const SECRET: &str = "hook secret";

/// The parts of a test.
pub(super) struct Rig {
    pub(super) engine: Arc<Engine>,
    pub(super) public: Router,
    pub(super) admin: Router,
    clock: Arc<Ticking>,
}

/// An answer, read completely.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Starts an engine with the accounts `shop` (live), `quiet` (observe), and `phone`, whose orders are entered.
pub(super) async fn rig() -> Rig {
    rig_on(Memory::new(), Limits::default()).await
}

/// The same over a store and with limits of the test's own.
pub(super) async fn rig_on(store: Memory, limits: Limits) -> Rig {
    rig_over(Arc::new(store), limits).await
}

/// The same over a store that another rig may have had.
pub(super) async fn rig_over(store: Arc<dyn store::Store>, limits: Limits) -> Rig {
    let account = |id: &str, mode| AccountConfig {
        id: AccountId::new(id),
        connector: &CONNECTOR,
        settings: Value::Null,
        mode,
        pace: Pace {
            poll_every: Duration::from_secs(60),
            reread_every: Duration::from_secs(600),
            listings_every: Duration::from_secs(3600),
            reconcile: "0 0 * * * *".parse().expect("a schedule"),
            orders_since: Duration::from_secs(3600),
        },
        unpaid_for: None,
        promised: domain::deadlines::Promised::default(),
        capture_on: domain::payment::CaptureOn::default(),
        authority: Authority::Ledger,
    };
    let config = Config {
        accounts: vec![
            account("shop", Mode::Live),
            account("quiet", Mode::Observe),
            account("closed", Mode::Off),
            AccountConfig {
                connector: connectors::find("manual").expect("a connector"),
                settings: serde_json::json!({}),
                ..account("phone", Mode::Live)
            },
        ],
        opening: None,
        policy: Policy::default(),
        items: Vec::new(),
        backlog_max: 100,
        public_url: None,
        privacy: Privacy::default(),
        sellers: super::documents::sellers(),
        gateways: super::messages::gateways(),
        compare_first: false,
    };
    let clock = Arc::new(Ticking(AtomicU64::new(0)));
    let ports = Ports {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        entropy: Arc::new(Counting(Mutex::new(0))),
        spawn: Arc::new(OnlyTheInbox(Mutex::new(JoinSet::new()))),
        sealer: Arc::new(Sealer::in_memory()),
    };
    let engine = Engine::start(config, store, ports, &Nowhere)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let mut tokens = Tokens::none();
    tokens.add(TOKEN).expect("a token");
    Rig {
        public: crate::public(Arc::clone(&engine), limits),
        admin: crate::admin(Arc::clone(&engine), tokens, limits, configuration()),
        engine,
        clock,
    }
}

impl Rig {
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        if method != "GET" {
            self.tick();
        }
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        answer(&self.admin, request.body(body).expect("a request")).await
    }

    /// Reads with the token.
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None, &[bearer()]).await
    }

    /// Posts with the token.
    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body), &[bearer()]).await
    }

    /// Sends a hook; `signature` instead of the right one.
    pub(super) async fn hook(&self, path: &str, body: &[u8], signature: Option<&str>) -> Answer {
        let right = sign(body);
        let request = axum::http::Request::post(path)
            .header("x-signature", signature.unwrap_or(&right))
            .body(Body::from(body.to_vec()))
            .expect("a request");
        answer(&self.public, request).await
    }

    /// Takes in a listing of a SKU on an account, of which this many lie at home.
    pub(super) async fn stock(&self, account: &str, sku: &str, units: i64) {
        let listing = ListingSnapshot {
            listing: ListingId::new(format!("l-{sku}")),
            sku: Some(sku.to_owned()),
            title: format!("The {sku}"),
            price: Some(euros("9.90")),
            barcode: None,
            tracked: true,
            level: None,
            categories: Vec::new(),
        };
        let account = AccountId::new(account);
        self.decide(Signal::Listings {
            account,
            listings: vec![listing],
        })
        .await;
        let body = serde_json::json!({ "sku": sku, "to": units, "reason": "counted", "by": "ann" });
        let answer = self.post("/api/v1/stock/adjustments", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    /// Takes in what a channel shows for a SKU.
    pub(super) async fn shows(&self, account: &str, sku: &str, units: i64) {
        self.looks(account, sku, units, Reading::Compare).await;
    }

    /// The same after its orders were read again.
    pub(super) async fn confirms(&self, account: &str, sku: &str, units: i64) {
        self.looks(account, sku, units, Reading::Confirm).await;
    }

    async fn looks(&self, account: &str, sku: &str, units: i64, reading: Reading) {
        let level = LevelSnapshot {
            listing: ListingId::new(format!("l-{sku}")),
            level: Some(Decimal::whole(units)),
            changed_at: None,
        };
        self.decide(Signal::Levels {
            account: AccountId::new(account),
            levels: vec![level],
            read_at: self.clock.now(),
            reading,
            checks: Checks::default(),
        })
        .await;
    }

    /// Takes in a paid order and gives our id of it.
    pub(super) async fn order(&self, account: &str, id: &str, lines: &[(&str, i64)]) -> OrderId {
        let signal = Signal::Order {
            account: AccountId::new(account),
            snapshot: Box::new(snapshot(id, lines)),
            source: Source::Read,
        };
        self.tick();
        let done = self.engine.decide(signal).await.expect("taken in");
        *done.book.orders.keys().next().expect("an order")
    }

    pub(super) async fn decide(&self, signal: Signal) {
        self.tick();
        self.engine.decide(signal).await.expect("decided");
    }

    fn tick(&self) {
        self.clock.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks a router.
pub(super) async fn answer(router: &Router, request: axum::http::Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// The header with the token.
pub(super) fn bearer() -> (&'static str, &'static str) {
    (
        "authorization",
        "Bearer osh_0123456789abcdef0123456789abcdef",
    )
}

/// The right signature of a body.
pub(super) fn sign(body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body);
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

pub(super) fn euros(amount: &str) -> Money {
    Money::parse(amount, Currency::new("EUR").expect("a currency")).expect("an amount")
}

/// A paid order of so many of each SKU at 10.00 a line.
pub(super) fn snapshot(id: &str, lines: &[(&str, i64)]) -> OrderSnapshot {
    let currency = Currency::new("EUR").expect("a currency");
    let zero = Money::zero(currency);
    let line = |(number, (sku, units)): (usize, &(&str, i64))| LineSnapshot {
        external_id: ExternalId::new(format!("{id}-{number}")),
        sku: Some((*sku).to_owned()),
        listing: Some(ListingId::new(format!("l-{sku}"))),
        title: format!("The {sku}"),
        ordered: Decimal::whole(*units),
        canceled: Decimal::ZERO,
        shipped: Decimal::ZERO,
        returned: Decimal::ZERO,
        subtracted: Decimal::whole(*units),
        unit_price: None,
        total: euros("10.00"),
        tax: zero,
        requires_shipping: true,
    };
    let total = Money::from_minor(1000 * i64::try_from(lines.len()).expect("few"), currency);
    OrderSnapshot {
        external_id: ExternalId::new(id),
        number: format!("#{id}"),
        version: Version {
            revision: 1,
            changed_at: now(),
        },
        placed_at: now(),
        standing: Standing::Placed,
        payment: PaymentState::Paid,
        words: [("status".to_owned(), "processing".to_owned())].into(),
        currency,
        total: total.expect("an amount"),
        tax: zero,
        shipping: zero,
        discount: zero,
        refunded: zero,
        buyer: Buyer {
            name: "Buyer".to_owned(),
            email: "buyer@example.com".to_owned(),
            phone: String::new(),
            handle: String::new(),
        },
        ship_to: None,
        bill_to: None,
        lines: lines.iter().enumerate().map(line).collect(),
        note: String::new(),
        ship_by: None,
        deliver_by: None,
        risk: None,
        person_print: None,
        extra: None,
        gist: None,
    }
}

/// The time at which these tests begin.
pub(super) fn now() -> Time {
    Time::parse_utc("2026-11-21T10:00:00Z").expect("a time")
}

/// A clock that goes on by a second with everything that a test wants done.
struct Ticking(AtomicU64);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Time {
        now().plus(Duration::from_secs(self.0.load(Ordering::Relaxed)))
    }

    async fn sleep_until(&self, _: Time) {
        std::future::pending::<()>().await;
    }
}

struct Counting(Mutex<u128>);

impl Entropy for Counting {
    fn seed(&self) -> [u8; 16] {
        let mut count = self.0.lock().expect("no holder panics");
        *count += 1;
        count.to_be_bytes()
    }
}

/// Runs the inbox, what maps waiting lines, what the web asks for, and what brings decisions to the store; nothing polls and nothing is pushed.
struct OnlyTheInbox(Mutex<JoinSet<()>>);

impl Spawn for OnlyTheInbox {
    fn spawn(&self, name: String, task: Task) {
        if ["inbox", "mapping", "web request", "commit"].contains(&name.as_str()) {
            self.0.lock().expect("no holder panics").spawn(task);
        }
    }
}

struct Nowhere;

impl Outside for Nowhere {
    fn port(&self, _: &AccountId, _: &'static Descriptor, _: &Arc<Meter>) -> Port {
        Port {
            http: Arc::new(NoHttp),
            vault: Arc::new(NoVault),
        }
    }
}

struct NoHttp;

#[async_trait]
impl channel::HttpPort for NoHttp {
    async fn send(
        &self,
        _: channel::http::Request,
    ) -> Result<channel::http::Response, channel::http::SendError> {
        Err(channel::http::SendError::NotSent(
            "there is no network".to_owned(),
        ))
    }

    fn now(&self) -> Time {
        now()
    }

    fn nonce(&self) -> String {
        String::new()
    }
}

struct NoVault;

#[async_trait]
impl channel::Vault for NoVault {
    async fn load(&self, _: &str) -> Result<Option<Secret>, channel::VaultError> {
        Ok(None)
    }

    async fn store(&self, _: &str, _: Secret) -> Result<(), channel::VaultError> {
        Ok(())
    }
}

struct TestConnector;

static CONNECTOR: TestConnector = TestConnector;

static DESCRIPTOR: Descriptor = Descriptor {
    id: "paper",
    title: "Paper",
    auth: "A secret.",
    quota: Quota {
        per_second: 10,
        burst: 10,
        rest: None,
        said: None,
    },
    hook_topics: &["orders"],
    quantity: QuantityMeaning::Available,
    is_by_hand: false,
    compares: false,
    push_batch_max: 10,
    writes_per_listing_per_day: None,
    poll_overlap_s: 0,
    orders_lag_s: 0,
    subtracts_when: "when an order is placed",
    quirks: &[],
};

impl Connector for TestConnector {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn schema(&self) -> schemars::Schema {
        schemars::Schema::default()
    }

    fn example(&self) -> &'static str {
        ""
    }

    fn open(&self, _: Value, _: Port) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        Ok(Box::new(TestChannel {
            secret: Secret::new(SECRET),
        }))
    }
}

struct TestChannel {
    secret: Secret,
}

#[async_trait]
impl Channel for TestChannel {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        Err(ChannelError::rejected("probe", "there is nothing there"))
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        None
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        Some(self)
    }

    fn pull_listings(&self) -> Option<&dyn PullListings> {
        None
    }

    fn read_stock(&self) -> Option<&dyn ReadStock> {
        None
    }

    fn push_stock(&self) -> Option<&dyn PushStock> {
        None
    }

    fn push_shipments(&self) -> Option<&dyn PushShipments> {
        None
    }

    fn cancel_orders(&self) -> Option<&dyn CancelOrders> {
        None
    }

    fn refund_orders(&self) -> Option<&dyn RefundOrders> {
        None
    }

    fn capture_payments(&self) -> Option<&dyn channel::CapturePayments> {
        None
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        None
    }
}

#[async_trait]
impl ReadHooks for TestChannel {
    fn verify(&self, request: &HookRequest, _: Time) -> Verdict {
        if request.method == "GET"
            && let Some(challenge) = request.query.strip_prefix("challenge=")
        {
            return Verdict::Answer(HookAnswer {
                status: 200,
                content_type: "text/plain",
                body: format!("{challenge} on {}", request.topic),
            });
        }
        let signature = request.header("x-signature");
        match verify_hmac_sha256_base64(request, signature, &[&self.secret], b"") {
            Ok(verified) => Verdict::Verified(verified),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, Malformed> {
        serde_json::from_slice(&hook.request().body).map_err(|error| Malformed {
            external_id: None,
            reason: error.to_string(),
            raw: String::new(),
        })
    }

    async fn fetch_key(&self, _: &str) -> Result<(), ChannelError> {
        Err(ChannelError::rejected("fetch a key", "there is none"))
    }
}
