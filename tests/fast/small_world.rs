//! One shop, one good, one order: the very engine on a store that survives it, with every message in
//! the hands of the test.
//!
//! The shop is a twin with nothing but a gate in front of it, so that the answer to a poll can be kept
//! back while other things happen. Hooks are those that the twin signed. Nothing here knows what is
//! right: it tells what the book says.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Descriptor, HookRequest, HttpPort, Port,
    http::{Request, Response, SendError},
};
use domain::{
    AccountId, Currency, ExternalId, Money, Quantity, Sku, Time,
    decide::Authority,
    fact::{Event as Told, Fact},
    ids::OrderId,
    offer::Offer,
    order::Order,
    stock::{Claim, Stock},
};
use engine::{
    AccountConfig, Config, Engine, Outside,
    account::{Mode, Pace},
    decider::Policy,
    erasing::Privacy,
    intake::Reply,
    ports::{Ports, allowance::Meter},
    rows,
};
use rehearse::{
    checkers,
    executor::{Executor, Group, Stopped},
    gateways,
    hooks::hook_request,
    port::MemoryVault,
    quiet::{self, Scene},
    rows::Rows,
};
use sandbox::{Act, Done, Product, ProductKind, Shop, Twin};
use store::{
    INBOX, Memory, Seq,
    memory::{BeforeCommit, Fate},
};
use tokio::sync::oneshot;

const ACCOUNT: &str = "shop";
const GOOD: &str = "MUG";
/// How many there are.
const LEVEL: i64 = 5;
/// How many the one order is of.
const UNITS: u32 = 2;
const HOOK_URL: &str = "http://127.0.0.1:8080/hooks/shop";
/// Long enough for everything that follows from one message, short enough that no poll is due.
const MOMENT: Duration = Duration::from_secs(2);
/// The time between two polls.
const POLL_EVERY: Duration = Duration::from_secs(60);

/// What becomes of the one order.
pub(crate) struct Story {
    /// In words.
    pub(crate) name: &'static str,
    /// Where it is sold.
    pub(crate) channel: &'static str,
    /// Whether it is paid when it is placed.
    pub(crate) is_paid: bool,
    /// What makes the second view of it of the first.
    pub(crate) then: fn(ExternalId) -> Act,
    /// Whether both views carry the same version, because the channel's clock is too coarse.
    pub(crate) is_same_version: bool,
    /// Whether the first view makes us write a level, and the change has moved that level meanwhile.
    pub(crate) is_seen_in_level: bool,
    /// Whether a hook carries the whole order; else it only says which one to look at.
    pub(crate) is_told_whole: bool,
    /// Whether a poll lists whole orders; else it only says which ones to look at.
    pub(crate) is_listed_whole: bool,
    /// What marks a call as the one that lists changed orders.
    pub(crate) lists_orders: &'static str,
    /// What marks a hook as one about orders, in its headers or its body.
    pub(crate) is_of_orders: &'static str,
    /// What the book says when it knows the first view, and the second.
    pub(crate) views: [View; 2],
}

/// What the book says, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// The phase of the order; nothing while there is none.
    pub(crate) phase: &'static str,
    /// Units that are promised to it, all from the one place where they lie.
    pub(crate) promised: i64,
    /// Units that lie there.
    pub(crate) on_hand: i64,
    /// What the listing should show.
    pub(crate) wanted: i64,
}

impl View {
    /// Before anything is known of the order.
    pub(crate) const NOTHING: View = View {
        phase: "",
        promised: 0,
        on_hand: LEVEL,
        wanted: LEVEL,
    };
}

/// Everything.
pub(crate) struct SmallWorld {
    story: &'static Story,
    executor: Executor,
    /// What is durable.
    memory: Arc<Memory>,
    counter: Arc<Counter>,
    vault: Arc<MemoryVault>,
    life: Arc<Life>,
    process: u64,
    is_ending: bool,
    engine: Arc<Mutex<Option<Arc<Engine>>>>,
    order: ExternalId,
    placed_at: Time,
    /// The hooks of each view, as the shop signed them.
    hooks: [Vec<HookRequest>; 2],
}

impl SmallWorld {
    /// A world in which the order was just placed, and nobody has told us.
    pub(crate) fn new(story: &'static Story, seed: u64) -> Result<SmallWorld, String> {
        let executor = Executor::new(seed, Time::from_seconds(1_798_000_000));
        let mut world = SmallWorld {
            story,
            placed_at: executor.now(),
            executor,
            memory: Arc::new(Memory::new()),
            counter: Arc::new(Counter::open(story)),
            vault: Arc::default(),
            life: Arc::default(),
            process: 0,
            is_ending: false,
            engine: Arc::default(),
            order: ExternalId::new(""),
            hooks: [Vec::new(), Vec::new()],
        };
        world.start();
        world.pass(Duration::from_secs(20))?;
        if world.look()? != View::NOTHING {
            return Err(format!("the shop is not adopted: {:?}", world.look()));
        }
        world.place()?;
        Ok(world)
    }

    fn place(&mut self) -> Result<(), String> {
        self.placed_at = self.executor.now();
        let basket = vec![(sku(), UNITS)];
        let paid = self.story.is_paid;
        let placed = self.act(&Act::Buy { basket, paid }, self.placed_at)?;
        self.order = placed;
        // The index of a channel may lag; what is tested here is us.
        self.pass(Duration::from_secs(8))?;
        self.hooks[0] = self.take_hooks();
        Ok(())
    }

    /// The order changes in the shop.
    pub(crate) fn change(&mut self) -> Result<(), String> {
        let at = match self.story.is_same_version {
            true => self.placed_at,
            false => self.executor.now(),
        };
        self.act(&(self.story.then)(self.order.clone()), at)?;
        self.pass(MOMENT)?;
        self.hooks[1] = self.take_hooks();
        Ok(())
    }

    fn act(&self, act: &Act, at: Time) -> Result<ExternalId, String> {
        match lock(&self.counter.twin).act(act, at) {
            Ok(Done::Order(id)) => Ok(id),
            other => Err(format!("{act:?}: {other:?}")),
        }
    }

    /// The hooks that are due, as if they were lost on the way: those about orders are ours to post.
    fn take_hooks(&self) -> Vec<HookRequest> {
        let now = self.executor.now();
        let mut twin = lock(&self.counter.twin);
        let mut hooks = Vec::new();
        for delivery in twin.take_deliveries(now) {
            twin.delivered(delivery.id, Some(200), now);
            let hook = hook_request(&delivery.request, HOOK_URL);
            let marks = |text: &str| text.contains(self.story.is_of_orders);
            let is_of_orders = hook.headers.iter().any(|(_, value)| marks(value))
                || marks(&String::from_utf8_lossy(&hook.body));
            if is_of_orders {
                hooks.push(hook);
            }
        }
        hooks
    }

    /// Posts a hook of a view, each in its turn, and stops the moment it is acknowledged: nothing is
    /// decided. Says whether it was.
    pub(crate) fn post(&mut self, view: usize) -> Result<bool, String> {
        let hooks = &mut self.hooks[view];
        let Some(hook) = hooks.first().cloned() else {
            return Err(format!("the shop sent no hook of view {}", view + 1));
        };
        hooks.rotate_left(1);
        let Some(engine) = lock(&self.engine).clone() else {
            return Err("nobody is there to take a hook".to_owned());
        };
        let answer = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&answer);
        let task = async move {
            let reply = engine.receive(ACCOUNT, hook).await;
            *lock(&slot) = Some(reply);
        };
        self.executor.spawn("hook", Group(self.process), task);
        let life = Arc::clone(&self.life);
        let mut look = || match lock(&answer).is_none() && !life.is_over() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        };
        let stopped = self.executor.run_until(self.executor.now(), &mut look);
        if matches!(stopped, Stopped::Panicked(_) | Stopped::Spinning(_)) {
            return Err(format!("{stopped:?}"));
        }
        let has_died = self.life.is_over();
        if has_died {
            self.rise()?;
        }
        match lock(&answer).take() {
            Some(Reply::Accepted) => Ok(true),
            None | Some(Reply::Busy) if has_died => Ok(false),
            other => Err(format!("a genuine hook was answered with {other:?}")),
        }
    }

    /// A poll asks, and is kept waiting for what the shop has answered. Nothing happens when one is
    /// under way.
    pub(crate) fn ask(&mut self) -> Result<(), String> {
        if self.counter.is_holding() {
            return Ok(());
        }
        self.counter.hold_next();
        self.pass(POLL_EVERY + MOMENT)
    }

    /// The poll gets what the shop has answered. Says whether there was one.
    pub(crate) fn answer(&mut self) -> bool {
        self.counter.let_go()
    }

    /// Lets everything follow from what happened.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        self.pass(MOMENT)
    }

    /// The process dies where it is, and another one begins on what is durable. Its first poll asks
    /// and is kept waiting.
    pub(crate) fn restart(&mut self) -> Result<(), String> {
        self.executor.kill(Group(self.process));
        self.start();
        self.counter.hold_next();
        self.settle()
    }

    /// The same after a death at a write. Once the world goes quiet, nothing is kept waiting.
    fn rise(&mut self) -> Result<(), String> {
        self.restart()?;
        if self.is_ending {
            self.counter.let_go();
        }
        Ok(())
    }

    /// Has the process die at one of its writes from here on.
    pub(crate) fn doom(&self, writes: u64, fate: Fate) {
        *lock(&self.life.doom) = Some((writes, fate));
    }

    /// Whether the death that was ordered has not come.
    pub(crate) fn is_doomed(&self) -> bool {
        lock(&self.life.doom).is_some()
    }

    fn start(&mut self) {
        self.process += 1;
        self.life = Arc::default();
        let life: Arc<dyn BeforeCommit> = Arc::<Life>::clone(&self.life);
        self.memory = Arc::new(self.memory.fork().with_hook(life));
        let ports = self.executor.ports(Group(self.process));
        let street = Street {
            ports: ports.clone(),
            counter: Arc::clone(&self.counter),
            vault: Arc::clone(&self.vault),
        };
        let (config, store) = (config(self.story, &self.counter), Arc::clone(&self.memory));
        self.engine = Arc::default();
        let slot = Arc::clone(&self.engine);
        self.executor
            .spawn("start", Group(self.process), async move {
                // A process that dies while it starts has no engine; whoever needs one says so.
                *lock(&slot) = Engine::start(config, store, ports, &street).await.ok();
            });
    }

    fn pass(&mut self, duration: Duration) -> Result<(), String> {
        let end = self.executor.now().plus(duration);
        loop {
            let life = Arc::clone(&self.life);
            let mut look = || match life.is_over() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            match self.executor.run_until(end, &mut look) {
                Stopped::Reached => return Ok(()),
                Stopped::Interrupted => self.rise()?,
                stopped @ (Stopped::Panicked(_) | Stopped::Spinning(_)) => {
                    return Err(format!("{stopped:?}"));
                }
            }
        }
    }

    /// Lets one interval of everything pass, and compares what the shop shows.
    pub(crate) fn go_quiet(&mut self) -> Result<(), String> {
        self.is_ending = true;
        self.counter.let_go();
        self.pass(POLL_EVERY + MOMENT)?;
        let Some(engine) = lock(&self.engine).clone() else {
            return Err("the engine did not start".to_owned());
        };
        let group = Group(self.process);
        self.executor.spawn("reconcile", group, async move {
            for account in engine.accounts.values() {
                // What fails shows in what is looked at afterwards.
                drop(engine.reconcile(account).await);
            }
        });
        self.pass(MOMENT)?;
        let rows = Rows(&self.memory);
        let facts: Vec<Fact> = rows
            .facts_after(Seq(0))
            .into_iter()
            .map(|r| r.fact)
            .collect();
        let truth = lock(&self.counter.twin).truth();
        let (_, wrong) = quiet::check(Scene {
            memory: &self.memory,
            facts: &facts,
            truths: BTreeMap::from([(AccountId::new(ACCOUNT), truth)]),
            by_hand: None,
            told: &gateways::Told::default(),
            bills: BTreeMap::new(),
            stock: BTreeMap::from([(sku(), LEVEL)]),
            edits: Vec::new(),
            locations: &domain::locations::Locations::default(),
            may_owe: BTreeMap::new(),
            now: self.executor.now(),
            compares: std::collections::BTreeSet::new(),
        });
        sentences(wrong.sentences())
    }

    /// What the book says, after it was added up again in every way.
    pub(crate) fn look(&self) -> Result<View, String> {
        let rows = Rows(&self.memory);
        let mut wrong = checkers::check_all(
            &self.memory,
            &|_| None,
            &domain::locations::Locations::default(),
        )
        .sentences();
        let orders: Vec<Order> = values(&rows, rows::ORDERS);
        let claims: Vec<Claim> = values(&rows, rows::CLAIMS);
        let facts = rows.facts_after(Seq(0)).into_iter().map(|r| r.fact);
        let accepted = facts.filter(|fact| matches!(fact.event, Told::OrderAccepted { .. }));
        let refs: Vec<OrderId> = values(&rows, rows::ORDER_REFS);
        if orders.len() > 1 || refs.len() != orders.len() || accepted.count() != orders.len() {
            wrong.push(format!("one order is {}: {refs:?}", orders.len()));
        }
        let promised: i64 = claims.iter().map(|claim| claim.open().units()).sum();
        if claims.len() > 1 {
            wrong.push(format!("one line has many claims: {claims:?}"));
        }
        for (table, what) in [
            (INBOX, "a signal waits"),
            (rows::PARKED_SIGNALS, "a signal is parked"),
            (rows::PARKED, "something is parked"),
        ] {
            let keys = rows.keys(table, b"");
            if !keys.is_empty() {
                wrong.push(format!("{what}: {} of them", keys.len()));
            }
        }
        sentences(wrong)?;
        let stocks: Vec<Stock> = values(&rows, rows::STOCK);
        let offers: Vec<Offer> = values(&rows, rows::OFFERS);
        let ([stock], [offer]) = (stocks.as_slice(), offers.as_slice()) else {
            return Err(format!("one good on one listing: {stocks:?} {offers:?}"));
        };
        let is_short = orders.iter().any(|order| self.is_short(order, promised));
        Ok(View {
            phase: orders
                .first()
                .map_or("", |order| order.phase(is_short).word()),
            promised,
            on_hand: stock.on_hand().units(),
            wanted: offer.wanted.map_or(-1, |told| told.quantity.units()),
        })
    }

    fn is_short(&self, order: &Order, promised: i64) -> bool {
        let lines = order.lines.iter();
        let to_ship: Quantity = lines.map(|line| line.counters.to_ship()).sum();
        promised < to_ship.units()
    }
}

fn sentences(wrong: Vec<String>) -> Result<(), String> {
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("; ")),
    }
}

fn values<T>(rows: &Rows<'_>, table: store::Table) -> Vec<T>
where
    T: serde::de::DeserializeOwned + Clone + Send + Sync + 'static,
{
    let found = rows.scan(table, b"").into_iter();
    found.map(|(_, value)| value).collect()
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sku() -> Sku {
    Sku::new(GOOD).expect("a SKU")
}

fn config(story: &Story, counter: &Counter) -> Config {
    let rarely = Duration::from_secs(7 * 24 * 3600);
    let account = AccountConfig {
        id: AccountId::new(ACCOUNT),
        connector: connectors::find(story.channel).expect("every twin has its connector"),
        settings: lock(&counter.twin).settings(),
        mode: Mode::Live,
        pace: Pace {
            poll_every: POLL_EVERY,
            reread_every: rarely,
            listings_every: rarely,
            reconcile: "0 0 0 1 7 *".parse().expect("a schedule"),
            orders_since: Duration::from_secs(3600),
        },
        unpaid_for: None,
        promised: domain::deadlines::Promised::default(),
        capture_on: domain::payment::CaptureOn::default(),
        authority: Authority::Ledger,
    };
    Config {
        accounts: vec![account],
        opening: Some(AccountId::new(ACCOUNT)),
        policy: Policy::default(),
        items: Vec::new(),
        backlog_max: 100,
        public_url: None,
        privacy: Privacy::default(),
        sellers: engine::issuing::Sellers::default(),
        gateways: engine::gateways::Gateways::default(),
        compare_first: false,
    }
}

/// The shop, and the gate before its list of orders.
struct Counter {
    twin: Mutex<Box<dyn Twin>>,
    lists_orders: &'static str,
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    holds_next: bool,
    held: Option<oneshot::Sender<()>>,
}

impl Counter {
    fn open(story: &Story) -> Counter {
        let open = sandbox::TWINS.iter().find(|(id, _)| *id == story.channel);
        let (_, open) = open.expect("a twin of the channel");
        let euro = Currency::new("EUR").expect("a currency");
        let product = Product {
            sku: sku(),
            title: "Mug".to_owned(),
            price: Money::from_minor(1250, euro).expect("a price"),
            kind: ProductKind::Simple,
            level: LEVEL,
        };
        let twin = open(Shop {
            name: ACCOUNT.to_owned(),
            api_url: "https://shop.example.com".to_owned(),
            hook_url: HOOK_URL.to_owned(),
            products: vec![product],
            seed: 3,
        });
        Counter {
            twin: Mutex::new(twin),
            lists_orders: story.lists_orders,
            gate: Mutex::default(),
        }
    }

    /// Keeps the next answer to a poll back, and forgets one whose asker is dead.
    fn hold_next(&self) {
        *lock(&self.gate) = Gate {
            holds_next: true,
            held: None,
        };
    }

    fn is_holding(&self) -> bool {
        lock(&self.gate).held.is_some()
    }

    fn let_go(&self) -> bool {
        let gate = std::mem::take(&mut *lock(&self.gate));
        // The asker may have died meanwhile.
        gate.held.is_some_and(|held| held.send(()).is_ok())
    }

    async fn handle(&self, request: Request, now: Time) -> Response {
        let answer = lock(&self.twin).handle(&request, now);
        let said = request.uri().to_string() + &String::from_utf8_lossy(request.body());
        let held = {
            let mut gate = lock(&self.gate);
            let is_held = gate.holds_next && said.contains(self.lists_orders);
            is_held.then(|| {
                let (sender, receiver) = oneshot::channel();
                gate.holds_next = false;
                gate.held = Some(sender);
                receiver
            })
        };
        if let Some(held) = held {
            // It is let go, or forgotten together with its asker.
            drop(held.await);
        }
        answer
    }
}

/// The way of one process to the shop.
struct Street {
    ports: Ports,
    counter: Arc<Counter>,
    vault: Arc<MemoryVault>,
}

impl Outside for Street {
    fn port(&self, _: &AccountId, _: &'static Descriptor, _: &Arc<Meter>) -> Port {
        let way = Way {
            ports: self.ports.clone(),
            counter: Arc::clone(&self.counter),
        };
        Port {
            http: Arc::new(way),
            vault: Arc::<MemoryVault>::clone(&self.vault),
        }
    }
}

struct Way {
    ports: Ports,
    counter: Arc<Counter>,
}

#[async_trait]
impl HttpPort for Way {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        Ok(self.counter.handle(request, self.now()).await)
    }

    fn now(&self) -> Time {
        self.ports.clock.now()
    }

    fn nonce(&self) -> String {
        let number = u128::from_be_bytes(self.ports.entropy.seed());
        format!("{number:032x}")
    }
}

/// How long a process lives.
#[derive(Default)]
struct Life {
    /// After how many more writes it dies, and whether with or without the last.
    doom: Mutex<Option<(u64, Fate)>>,
    is_over: AtomicBool,
}

impl Life {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

impl BeforeCommit for Life {
    fn fate(&self, _: Seq) -> Fate {
        let mut doom = lock(&self.doom);
        match doom.as_mut() {
            Some((0, fate)) => {
                self.is_over.store(true, Ordering::Relaxed);
                *fate
            }
            Some((left, _)) => {
                *left -= 1;
                Fate::Go
            }
            None => Fate::Go,
        }
    }
}
