//! The way from an account to its twin: the twin itself behind a bad line, an HTTP port over it, and a
//! vault that outlives the process.
//!
//! A call takes time both ways, so that buyers buy between our reading and our writing. What was sent
//! arrives even if its sender dies meanwhile. Nothing here retries or judges.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Descriptor, HttpPort, Port, Secret, Vault, VaultError,
    http::{Request, Response, SendError},
};
use domain::{AccountId, Time};
use engine::{
    Outside,
    ports::{Clock, Ports, allowance::Meter, quota::Paced},
};
use fastrand::Rng;
use sandbox::faults::{Faulty, Handled};
use tokio::sync::oneshot;

use crate::{
    trace::{Trace, fingerprint},
    world::{Tamper, Untouched},
};

/// How long a request, or an answer, is under way.
pub(crate) const TRAVEL_MS: std::ops::Range<u64> = 5..90;

/// Somebody outside, who is reached over a line.
pub(crate) trait Far: Send + Sync {
    /// For whoever looks at what waits.
    fn name(&self) -> String;

    /// Whether nobody is there at all.
    fn is_down(&self) -> bool;

    /// How long the next message is under way.
    fn travel(&self) -> Duration;

    /// What a request does there.
    fn handle(&self, request: &Request, now: Time) -> Handled;
}

/// A shop of the world, with the line to it.
pub struct Stall {
    /// The account that it is to us.
    pub account: AccountId,
    /// Where its hooks go.
    pub hook_url: String,
    inner: Mutex<Inner>,
    trace: Trace,
    /// Who comes between our calls.
    pub(crate) tamper: Arc<dyn Tamper>,
    /// Set whenever a call may have changed when the next hook is due.
    stirred: Arc<AtomicBool>,
}

struct Inner {
    line: Faulty,
    travel: Rng,
    is_down: bool,
}

impl Stall {
    /// Sets up a shop.
    pub fn new(
        account: AccountId,
        hook_url: String,
        line: Faulty,
        seed: u64,
        trace: Trace,
        stirred: Arc<AtomicBool>,
    ) -> Stall {
        let travel = Rng::with_seed(seed);
        let inner = Inner {
            line,
            travel,
            is_down: false,
        };
        Stall {
            account,
            hook_url,
            inner: Mutex::new(inner),
            tamper: Arc::new(Untouched),
            trace,
            stirred,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line to the shop, and the shop behind it.
    pub fn line<T>(&self, f: impl FnOnce(&mut Faulty) -> T) -> T {
        f(&mut self.lock().line)
    }

    /// Takes the whole shop off the network, or brings it back.
    pub fn set_down(&self, is_down: bool) {
        self.lock().is_down = is_down;
    }
}

impl Far for Stall {
    fn name(&self) -> String {
        self.account.to_string()
    }

    fn is_down(&self) -> bool {
        self.lock().is_down
    }

    fn travel(&self) -> Duration {
        Duration::from_millis(self.lock().travel.u64(TRAVEL_MS))
    }

    fn handle(&self, request: &Request, now: Time) -> Handled {
        if let Some(act) = self.tamper.before_call(&self.account, request) {
            let done = self.lock().line.act(&act, now);
            let line = format!("act {} {act:?} -> {done:?}", self.account);
            self.trace.note(now, &line);
        }
        let handled = self.lock().line.handle(request, now);
        let answer = match &handled.answer {
            Some(answer) => format!(
                "{} {}",
                answer.status().as_u16(),
                fingerprint(answer.body())
            ),
            None => "no answer".to_owned(),
        };
        let call = format!(
            "call {} {} {} {} -> {answer}",
            self.account,
            request.method(),
            request.uri(),
            fingerprint(request.body())
        );
        self.trace.note(now, &call);
        self.stirred.store(true, Ordering::Relaxed);
        handled
    }
}

/// Whether a process still lives. What belongs to a dead one sends nothing any more.
#[derive(Clone, Default)]
pub struct Life(Arc<AtomicBool>);

impl Life {
    /// It ends.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The way out of one process to all shops.
pub struct Street {
    /// The shops.
    pub stalls: BTreeMap<AccountId, Arc<Stall>>,
    /// What connectors keep; it outlives the process.
    pub vaults: BTreeMap<AccountId, Arc<MemoryVault>>,
    /// The ports of the process.
    pub ports: Ports,
    /// The ports of the world, in which messages travel on when the process is dead.
    pub world: Ports,
    /// Whether the process lives.
    pub life: Life,
}

impl Street {
    /// The way to somebody.
    pub(crate) fn way(&self, far: Arc<dyn Far>) -> impl HttpPort + use<> {
        Way {
            far,
            ports: self.ports.clone(),
            world: self.world.clone(),
            life: self.life.clone(),
        }
    }
}

impl Outside for Street {
    fn port(
        &self,
        account: &AccountId,
        descriptor: &'static Descriptor,
        meter: &Arc<Meter>,
    ) -> Port {
        if descriptor.is_by_hand {
            return Port {
                http: Arc::new(Nowhere(Arc::clone(&self.ports.clock))),
                vault: Arc::new(MemoryVault::default()),
            };
        }
        let stall = self
            .stalls
            .get(account)
            .expect("every account has its shop");
        let vault = self
            .vaults
            .get(account)
            .expect("every account has its vault");
        let way = self.way(Arc::<Stall>::clone(stall));
        let clock = Arc::clone(&self.ports.clock);
        Port {
            http: Arc::new(Paced::new(
                Arc::new(way),
                clock,
                descriptor.quota,
                Arc::clone(meter),
            )),
            vault: Arc::<MemoryVault>::clone(vault),
        }
    }
}

/// An account that no shop stands behind.
struct Nowhere(Arc<dyn Clock>);

#[async_trait]
impl HttpPort for Nowhere {
    async fn send(&self, _: Request) -> Result<Response, SendError> {
        let nobody = "what is entered by hand is told to nobody".to_owned();
        Err(SendError::NotSent(nobody))
    }

    fn now(&self) -> Time {
        self.0.now()
    }

    fn nonce(&self) -> String {
        String::new()
    }
}

struct Way {
    far: Arc<dyn Far>,
    ports: Ports,
    world: Ports,
    life: Life,
}

#[async_trait]
impl HttpPort for Way {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        if self.life.is_over() {
            // The poll that killed the process may still run to its end; nobody hears of it.
            std::future::pending::<()>().await;
        }
        if self.far.is_down() {
            let refused = self.ports.clock.now().plus(self.far.travel());
            self.ports.clock.sleep_until(refused).await;
            return Err(SendError::NotSent("connection refused".to_owned()));
        }
        let (sender, receiver) = oneshot::channel();
        let (far, clock) = (Arc::clone(&self.far), Arc::clone(&self.world.clock));
        let message = async move {
            clock.sleep_until(clock.now().plus(far.travel())).await;
            let handled = far.handle(&request, clock.now());
            let back = far.travel() + handled.delay;
            clock.sleep_until(clock.now().plus(back)).await;
            // Nobody waits for it any more when the process has died.
            drop(sender.send(handled.answer));
        };
        let name = format!("call to {}", self.far.name());
        self.world.spawn.spawn(name, Box::pin(message));
        match receiver.await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) | Err(_) => Err(SendError::NoAnswer("the connection broke".to_owned())),
        }
    }

    fn now(&self) -> Time {
        self.ports.clock.now()
    }

    fn nonce(&self) -> String {
        let number = u128::from_be_bytes(self.ports.entropy.seed());
        format!("{number:032x}")
    }
}

/// Keeps what connectors keep.
#[derive(Default)]
pub struct MemoryVault(Mutex<BTreeMap<String, Secret>>);

impl MemoryVault {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Vault for MemoryVault {
    async fn load(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        Ok(self.lock().get(name).cloned())
    }

    async fn store(&self, name: &str, secret: Secret) -> Result<(), VaultError> {
        self.lock().insert(name.to_owned(), secret);
        Ok(())
    }
}
