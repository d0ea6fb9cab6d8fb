//! Joins a connector and a twin in one process: no socket, no sleep, and time that the test sets.
//!
//! It never repairs: requests, answers and hooks go across byte for byte, and both are held against
//! the channel's official description where there is one ([`official`]). A test may put an answer of
//! its own, or a lost one, in the way of the next requests.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Channel, HookRequest, HttpPort, Port, Secret, SettingsError, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::{
    Currency, ExternalId, Money, Sku, Time,
    snapshot::OrderSnapshot,
    verify::{Sum, add_up},
};
use sandbox::{Act, Done, Product, ProductKind, Refused, Shop, Truth, Twin};
use serde_json::Value;

use crate::official;

/// A view of an order in which nothing is wrong: whoever would hold it for its address or its sums would hold
/// ordinary orders.
pub(crate) fn ordinary(order: OrderSnapshot) -> OrderSnapshot {
    let number = &order.number;
    assert_eq!(order.gist().flaws, [], "the address of {number}");
    let sum = add_up(&order);
    assert!(
        !matches!(sum, Sum::Differs(_)),
        "the sums of {number}: {sum:?}"
    );
    order
}

/// A twin, the connector opened on it, and the time of both.
pub(crate) struct Rig {
    /// The account on the twin.
    pub(crate) channel: Box<dyn Channel>,
    /// The way to the twin.
    pub(crate) port: Arc<TwinPort>,
    /// What the connector keeps for itself.
    pub(crate) vault: Arc<MemoryVault>,
    hook_url: String,
}

/// An `HttpPort` over a twin.
pub(crate) struct TwinPort {
    state: Mutex<State>,
}

struct State {
    twin: Box<dyn Twin>,
    now: Time,
    nonces: u64,
    faults: VecDeque<Fault>,
    log: Vec<Request>,
}

/// What happens to one request. Faults are used up one by one, in order.
pub(crate) enum Fault {
    /// Nothing: it goes through.
    Pass,
    /// It is answered with this, and the twin never sees it.
    Answer(Response),
    /// It never leaves.
    NotSent,
    /// The twin never sees it, and nobody knows.
    LostRequest,
    /// The twin carries it out, and its answer is lost.
    LostAnswer,
}

/// A vault that forgets at the end of the test.
#[derive(Default)]
pub(crate) struct MemoryVault {
    kept: Mutex<BTreeMap<String, Secret>>,
}

/// Runs a future that waits for nothing but the twin.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers")
        .block_on(future)
}

/// A SKU.
pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).expect("a SKU")
}

/// A shop with two goods, two variations of a shirt, and a service, in euros.
pub(crate) fn shop(name: &str) -> Shop {
    let euro = Currency::new("EUR").expect("a currency");
    let product = |code: &str, title: &str, price: &str, kind, level| Product {
        sku: sku(code),
        title: title.to_owned(),
        price: Money::parse(price, euro).expect("a price"),
        kind,
        level,
    };
    let shirt = || ProductKind::Variation {
        parent: "SHIRT".to_owned(),
    };
    Shop {
        name: name.to_owned(),
        api_url: "http://127.0.0.1:4711".to_owned(),
        hook_url: format!("http://127.0.0.1:8080/hooks/{name}"),
        products: vec![
            product("MUG-1", "Mug", "11.90", ProductKind::Simple, 10),
            product("MUG-2", "Big mug", "14.90", ProductKind::Simple, 5),
            product("SHIRT-S", "Shirt, small", "25.00", shirt(), 3),
            product("SHIRT-M", "Shirt, medium", "25.00", shirt(), 7),
            product("WRAP", "Gift wrapping", "2.50", ProductKind::Service, 0),
        ],
        seed: 7,
    }
}

impl Rig {
    /// Opens a shop on a channel and its account. The clock stands at a round time in 2026.
    pub(crate) fn open(channel: &str, shop: Shop) -> Rig {
        let hook_url = shop.hook_url.clone();
        let (_, open) = sandbox::TWINS
            .iter()
            .find(|(id, _)| *id == channel)
            .expect("a twin");
        Rig::over(open(shop), hook_url)
    }

    /// Opens an account on a twin that the test made itself.
    pub(crate) fn over(twin: Box<dyn Twin>, hook_url: String) -> Rig {
        let connector = connectors::find(twin.channel()).expect("a connector");
        let settings = twin.settings();
        let port = Arc::new(TwinPort {
            state: Mutex::new(State {
                twin,
                now: Time::parse_utc("2026-11-01T10:00:00Z").expect("a time"),
                nonces: 0,
                faults: VecDeque::new(),
                log: Vec::new(),
            }),
        });
        let vault = Arc::new(MemoryVault::default());
        let opened = connector.open(
            settings,
            Port {
                http: port.clone(),
                vault: vault.clone(),
            },
        );
        let channel = opened.unwrap_or_else(|errors| panic!("settings: {errors:?}"));
        Rig {
            channel,
            port,
            vault,
            hook_url,
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Time {
        self.port.with(|state| state.now)
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, millis: u64) {
        self.port
            .with(|state| state.now = state.now.plus(Duration::from_millis(millis)));
    }

    /// Somebody does something in the shop.
    pub(crate) fn act(&self, act: &Act) -> Result<Done, Refused> {
        self.port.with(|state| state.twin.act(act, state.now))
    }

    /// Somebody buys, and the shop accepts it.
    pub(crate) fn buy(&self, basket: &[(&str, u32)], paid: bool) -> ExternalId {
        let basket = basket
            .iter()
            .map(|(code, units)| (sku(code), *units))
            .collect();
        match self.act(&Act::Buy { basket, paid }) {
            Ok(Done::Order(id)) => id,
            other => panic!("the shop sold nothing: {other:?}"),
        }
    }

    /// What is true in the shop.
    pub(crate) fn truth(&self) -> Truth {
        self.port.with(|state| state.twin.truth())
    }

    /// The level that the shop shows.
    pub(crate) fn level(&self, code: &str) -> i64 {
        self.truth().levels[&sku(code)]
    }

    /// The twin itself, and the time.
    pub(crate) fn twin<T>(&self, f: impl FnOnce(&mut dyn Twin, Time) -> T) -> T {
        self.port.with(|state| f(state.twin.as_mut(), state.now))
    }

    /// Puts faults in the way of the next requests.
    pub(crate) fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.port.with(|state| state.faults.extend(faults));
    }

    /// The requests since the last time.
    pub(crate) fn sent(&self) -> Vec<Request> {
        self.port.with(|state| std::mem::take(&mut state.log))
    }

    /// The requests since the last time, as method and URI.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = self.sent();
        sent.iter()
            .map(|request| format!("{} {}", request.method(), request.uri()))
            .collect()
    }

    /// Opens the same account again, with other values for some settings.
    pub(crate) fn opened_with(&self, changes: &Value) -> Box<dyn Channel> {
        self.try_open(changes)
            .unwrap_or_else(|errors| panic!("settings: {errors:?}"))
    }

    /// This shop, with other values for some settings.
    pub(crate) fn with_settings(mut self, changes: &Value) -> Rig {
        self.channel = self.opened_with(changes);
        self
    }

    /// The paths of the settings that are refused when some of them have other values.
    pub(crate) fn refused_with(&self, changes: &Value) -> Vec<String> {
        match self.try_open(changes) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.path).collect(),
        }
    }

    fn try_open(&self, changes: &Value) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let (id, mut settings) = self.twin(|twin, _| (twin.channel(), twin.settings()));
        for (key, value) in changes.as_object().into_iter().flatten() {
            settings[key] = value.clone();
        }
        let connector = connectors::find(id).expect("a connector");
        connector.open(
            settings,
            Port {
                http: self.port.clone(),
                vault: self.vault.clone(),
            },
        )
    }

    /// Every hook that is due now or later; time jumps from one to the next, and each is answered
    /// with `status`.
    pub(crate) fn hooks_answered(&self, status: Option<u16>) -> Vec<HookRequest> {
        let mut hooks = Vec::new();
        while let Some(at) = self.twin(|twin, _| twin.next_delivery_at()) {
            self.port.with(|state| state.now = state.now.max(at));
            for delivery in self.twin(|twin, now| twin.take_deliveries(now)) {
                hooks.push(self.hook(&delivery.request));
                self.twin(|twin, now| twin.delivered(delivery.id, status, now));
            }
        }
        hooks
    }

    /// Every hook that is due now or later, each answered with 200.
    pub(crate) fn hooks(&self) -> Vec<HookRequest> {
        self.hooks_answered(Some(200))
    }

    /// A delivery as the receiver hands it to the connector.
    fn hook(&self, request: &http::Request<Vec<u8>>) -> HookRequest {
        let uri = request.uri().to_string();
        let rest = uri
            .strip_prefix(&self.hook_url)
            .unwrap_or_else(|| panic!("{uri} is not below {}", self.hook_url));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let text = |value: &http::HeaderValue| value.to_str().expect("a text header").to_owned();
        HookRequest {
            method: request.method().to_string(),
            topic: path.trim_matches('/').to_owned(),
            query: query.to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: request.body().clone(),
        }
    }
}

impl TwinPort {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().expect("no test panics while it holds it"))
    }
}

#[async_trait]
impl HttpPort for TwinPort {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.with(|state| {
            state.log.push(request.clone());
            let fault = state.faults.pop_front().unwrap_or(Fault::Pass);
            match fault {
                Fault::Pass => {
                    let answer = state.twin.handle(&request, state.now);
                    official::check(state.twin.channel(), &request, &answer);
                    Ok(answer)
                }
                Fault::Answer(response) => Ok(response),
                Fault::NotSent => Err(SendError::NotSent("refused".to_owned())),
                Fault::LostRequest => Err(SendError::NoAnswer("timed out".to_owned())),
                Fault::LostAnswer => {
                    state.twin.handle(&request, state.now);
                    Err(SendError::NoAnswer("timed out".to_owned()))
                }
            }
        })
    }

    fn now(&self) -> Time {
        self.with(|state| state.now)
    }

    fn nonce(&self) -> String {
        self.with(|state| {
            state.nonces += 1;
            format!("{:032x}", state.nonces)
        })
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        Ok(self.kept.lock().expect("no panics").get(name).cloned())
    }

    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError> {
        let mut kept = self.kept.lock().expect("no panics");
        kept.insert(name.to_owned(), secret);
        Ok(())
    }
}
