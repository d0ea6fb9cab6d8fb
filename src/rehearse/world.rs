//! The world around our process: shops with buyers, hooks on their way, our own staff, and the hour at
//! which the process dies.
//!
//! [`World::run_until`] lets tasks run until something is due, then carries it out between two polls.
//! The process is the very engine of the daemon; when it dies, its tasks are dropped where they are, and
//! the next one finds what was durable. Nothing here judges.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::ControlFlow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use channel::{Connector, http::Request};
use domain::{
    AccountId, Sku, Time,
    breaker::Side,
    locations::Locations,
    signal::{Command, Signal},
    stock::Stock,
};
use engine::{
    Engine,
    decider::Decider,
    intake::Reply,
    ports::Ports,
    rows::{STOCK, key},
};
use fastrand::Rng;
use sandbox::{
    Act, Delivery, Done, Odd, Truth,
    buyers::Buyers,
    faults::{Fault, Faulty},
    judge::Edit,
};
use store::{
    Memory, Seq, Store,
    memory::{BeforeCommit, Fate},
};

use crate::{
    banks,
    clerk::{Clerk, Desk},
    coverage::Coverage,
    disk::{Disk, FAR_SYNC_MS, SYNC_MS, Watch, lock},
    executor::{Executor, Group, Stopped},
    findings::Checker,
    gateways::{Neighbors, Told},
    hooks::{Hooks, hook_request, status},
    mishaps::{self, Mishap},
    phone::Pad,
    places,
    plan::{Plan, Scale},
    port::{Life, MemoryVault, Stall, Street},
    rows::Rows,
    trace::{Trace, fingerprint},
};

/// The world lives on when processes die.
const WORLD: Group = Group(0);
/// How long a hook, or its answer, is under way.
const HOOK_TRAVEL_MS: std::ops::Range<u64> = 2..60;
/// How long the machine is down after a crash.
const DOWN_MS: std::ops::Range<u64> = 50..9_000;
/// How long a shop is away.
const OUTAGE_MS: std::ops::Range<u64> = 3_000..25_000;
/// The first process dies within so many writes, if it is to die; there are that many in any evening.
const FIRST_DEATH: std::ops::Range<u64> = 1..400;
/// The others do within so many: anywhere in the evening, or not at all.
const LATER_DEATH: std::ops::Range<u64> = 1..1_500;
/// A shop that is away for long is there at first, so that it was read and told once.
const ALIVE: Duration = Duration::from_secs(60);
/// How long everything has to wake up after a rest: what happens by the schedule happens in it.
const WAKING: Duration = Duration::from_secs(60);

/// Changes to the parts that a run is made of: how planted bugs get in. The usual one changes nothing.
pub trait Tamper: Send + Sync {
    /// The store that the engine gets.
    fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }

    /// The connector that it gets.
    fn connector(&self, connector: &'static dyn Connector) -> &'static dyn Connector {
        connector
    }

    /// What somebody does in a shop at the moment in which a call arrives there.
    fn before_call(&self, _account: &AccountId, _request: &Request) -> Option<Act> {
        None
    }

    /// Checkers that are not listened to.
    fn off(&self) -> BTreeSet<Checker> {
        BTreeSet::new()
    }
}

/// Leaves everything as it is.
pub struct Untouched;

impl Tamper for Untouched {}

/// Everything that runs.
pub struct World {
    /// What the seed made.
    pub plan: Plan,
    /// What happened.
    pub trace: Trace,
    /// What was seen of the store.
    pub watch: Arc<Mutex<Watch>>,
    /// What is durable.
    pub memory: Arc<Memory>,
    /// Levels that staff edited.
    pub edits: Vec<Edit>,
    /// How often the process died.
    pub crashes: u32,
    /// What became of hooks.
    pub hooks: Arc<Hooks>,
    executor: Executor,
    stalls: Vec<Arc<Stall>>,
    vaults: BTreeMap<AccountId, Arc<MemoryVault>>,
    settings: Vec<serde_json::Value>,
    buyers: Buyers,
    clerk: Clerk,
    fate: Rng,
    crashes_left: u32,
    outages: Vec<(Time, usize, bool)>,
    process: Option<Process>,
    starts_at: Option<Time>,
    process_count: u64,
    /// Hooks whose answer is not known yet, by shop and delivery.
    on_the_way: Arc<Mutex<BTreeSet<(usize, u64)>>>,
    stirred: Arc<AtomicBool>,
    tamper: Arc<dyn Tamper>,
    panicked: bool,
    has_office: bool,
    /// What goes wrong when.
    mishaps: VecDeque<(Time, Mishap)>,
    /// What was entered by hand.
    pad: Arc<Mutex<Pad>>,
    /// Those that are no channels.
    neighbors: Arc<Neighbors>,
    /// What programs decided that have died.
    decided: Coverage,
}

/// One run of our program.
struct Process {
    group: Group,
    life: Life,
    engine: Arc<Mutex<Option<Arc<Engine>>>>,
    /// Who decides at a second desk.
    second: Option<Arc<Decider>>,
}

impl World {
    /// A world in which nothing has happened, and our process is about to start.
    pub fn new(seed: u64, scale: &Scale, trace: Trace, tamper: Arc<dyn Tamper>) -> World {
        World::of(Plan::new(seed, scale), scale, trace, tamper)
    }

    /// The same, of a plan.
    pub(crate) fn of(
        mut plan: Plan,
        scale: &Scale,
        trace: Trace,
        tamper: Arc<dyn Tamper>,
    ) -> World {
        let stirred = Arc::new(AtomicBool::new(false));
        let executor = Executor::new(plan.seeds.executor, plan.begins_at);
        let mut fate = Rng::with_seed(plan.seeds.fate);
        let faults = std::mem::take(&mut plan.faults);
        let mut stalls = Vec::new();
        for ((channel, shop), faults) in plan.shops.iter().zip(faults) {
            let open = sandbox::TWINS.iter().find(|(id, _)| id == channel);
            let (_, open) = open.expect("the plan chooses among the twins");
            let line = Faulty::new(open(shop.clone()), faults);
            let account = AccountId::new(&shop.name);
            let (url, stirred) = (shop.hook_url.clone(), Arc::clone(&stirred));
            let mut stall = Stall::new(account, url, line, fate.u64(..), trace.clone(), stirred);
            stall.tamper = Arc::clone(&tamper);
            stalls.push(Arc::new(stall));
        }
        let vaults = stalls
            .iter()
            .map(|stall| (stall.account.clone(), Arc::default()));
        let locations = plan.locations.clone();
        let watch = Watch::new(trace.clone(), plan.unpaid_for(), locations, tamper.off());
        let mut luck = Rng::with_seed(plan.seeds.mishaps);
        let mishaps = mishaps::plan(&plan, scale, &mut luck).into();
        let pad = Arc::new(Mutex::new(Pad::default()));
        let mut world = World {
            watch: Arc::new(Mutex::new(watch)),
            memory: Arc::new(Memory::new()),
            edits: Vec::new(),
            crashes: 0,
            hooks: Arc::default(),
            settings: stalls
                .iter()
                .map(|stall| stall.line(|line| line.settings()))
                .collect(),
            vaults: vaults.collect(),
            buyers: Buyers::new(plan.seeds.buyers, plan.pace),
            clerk: Clerk::new(
                plan.seeds.clerk,
                scale.has_office,
                places::ours(&plan.locations),
                plan.by_hand.is_some().then(|| Arc::clone(&pad)),
            ),
            mishaps,
            pad,
            neighbors: Arc::new(Neighbors::new(
                plan.seeds.clerk,
                scale.weather,
                trace.clone(),
            )),
            outages: outages(&mut fate, scale, plan.begins_at),
            fate,
            crashes_left: scale.crashes,
            process: None,
            starts_at: Some(plan.begins_at),
            process_count: 0,
            on_the_way: Arc::default(),
            panicked: false,
            has_office: scale.has_office,
            decided: Coverage::default(),
            trace,
            stalls,
            stirred,
            tamper,
            executor,
            plan,
        };
        world.act();
        world
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.executor.now()
    }

    /// The truth of each shop.
    pub fn truths(&self) -> BTreeMap<AccountId, Truth> {
        let truth = |stall: &Arc<Stall>| (stall.account.clone(), stall.line(|line| line.truth()));
        self.stalls.iter().map(truth).collect()
    }

    /// What was really asked of those who are no channels.
    pub(crate) fn told(&self) -> Told {
        self.neighbors.told()
    }

    /// The truth of each shop, and of what our staff entered by hand as it is in a store.
    pub(crate) fn truths_with(&self, memory: &Memory) -> BTreeMap<AccountId, Truth> {
        let by_hand = self.plan.by_hand.iter();
        let by_hand = by_hand.map(|id| (id.clone(), lock(&self.pad).truth(&Rows(memory))));
        self.truths().into_iter().chain(by_hand).collect()
    }

    /// Where stock can lie, as the plan has it.
    pub(crate) fn locations(&self) -> Locations {
        let config = self.plan.config(&self.settings);
        config.policy.locations
    }

    /// How many orders were placed.
    pub fn orders(&self) -> u64 {
        let orders = |stall: &Arc<Stall>| stall.line(|line| line.truth().orders.len() as u64);
        self.stalls.iter().map(orders).sum()
    }

    /// The machine goes off, and comes back after so long.
    pub fn rest_for(&mut self, duration: Duration) {
        let now = self.now();
        self.bury(now);
        let back = now.plus(duration);
        self.starts_at = Some(back);
        self.run_until(back.plus(WAKING));
    }

    /// How often each fault happened.
    pub fn faults(&self) -> BTreeMap<Fault, u64> {
        let mut sums = BTreeMap::new();
        for stall in &self.stalls {
            for (fault, hits) in stall.line(|line| line.hits().clone()) {
                *sums.entry(fault).or_default() += hits;
            }
        }
        sums
    }

    /// Whether a task panicked; nothing runs any more then.
    pub fn is_broken(&self) -> bool {
        self.panicked
    }

    /// Whether the engine runs.
    pub fn is_running(&self) -> bool {
        self.engine().is_some()
    }

    /// From here on nobody buys, and nothing goes wrong.
    pub fn settle(&mut self) {
        self.buyers.stop();
        self.clerk.stop();
        self.crashes_left = 0;
        self.outages.clear();
        let now = self.now();
        for (_, mishap) in std::mem::take(&mut self.mishaps) {
            // What is locked does not stay so.
            if let Mishap::Odd(_, _, Odd::Unlocked) = mishap {
                self.suffer(&mishap, now);
            }
        }
        for stall in &self.stalls {
            stall.set_down(false);
            stall.line(Faulty::quiet);
        }
        self.neighbors.quiet();
    }

    /// Lets everything happen until a time.
    pub fn run_until(&mut self, end: Time) {
        while !self.panicked && self.now() < end {
            let next = self.next_at().map_or(end, |next| next.min(end));
            let life = self.process.as_ref().map(|process| process.life.clone());
            let stirred = Arc::clone(&self.stirred);
            let stopped = self.executor.run_until(next, &mut || {
                let is_over = life.as_ref().is_some_and(Life::is_over);
                match is_over || stirred.swap(false, Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
            let broken = match stopped {
                Stopped::Reached | Stopped::Interrupted => None,
                Stopped::Panicked(one) => {
                    Some(format!("task `{}` panicked: {}", one.task, one.message))
                }
                Stopped::Spinning(task) => Some(format!(
                    "time stands still, and `{task}` is woken without end"
                )),
            };
            if let Some(sentence) = broken {
                self.panicked = true;
                lock(&self.watch).complain(self.executor.now(), Checker::Alive, sentence);
                return;
            }
            self.act();
        }
    }

    /// When something is due that no task waits for.
    fn next_at(&self) -> Option<Time> {
        let hooks = self
            .stalls
            .iter()
            .filter_map(|stall| stall.line(|line| line.next_delivery_at()));
        let others = [
            self.buyers.next_at(),
            self.clerk.next_at(),
            self.starts_at,
            self.outages.first().map(|(at, _, _)| *at),
            self.mishaps.front().map(|(at, _)| *at),
        ];
        hooks.chain(others.into_iter().flatten()).min()
    }

    /// Carries out what is due.
    fn act(&mut self) {
        let now = self.now();
        let has_died = self
            .process
            .as_ref()
            .is_some_and(|process| process.life.is_over());
        if has_died {
            self.bury(now);
        }
        if self.starts_at.is_some_and(|at| at <= now) {
            self.starts_at = None;
            self.start();
        }
        while let Some((_, shop, is_down)) = self.outages.first().copied().filter(|o| o.0 <= now) {
            self.outages.remove(0);
            self.trace.note(now, &format!("outage {shop} {is_down}"));
            if let Some(stall) = self.stalls.get(shop) {
                stall.set_down(is_down);
            }
        }
        while self.mishaps.front().is_some_and(|(at, _)| *at <= now)
            && let Some((_, mishap)) = self.mishaps.pop_front()
        {
            self.suffer(&mishap, now);
        }
        if self.buyers.next_at().is_none_or(|at| at <= now) {
            self.let_people_act(now);
        }
        if self.clerk.next_at().is_none_or(|at| at <= now) {
            let desk = self.desk();
            let group = self.process.as_ref().map(|process| process.group);
            if let Some(task) = self.clerk.work(now, desk, &self.memory, &self.trace)
                && let Some(group) = group
            {
                self.executor.spawn("clerk", group, task);
            }
        }
        for shop in 0..self.stalls.len() {
            let stall = Arc::clone(&self.stalls[shop]);
            for delivery in stall.line(|line| line.take_deliveries(now)) {
                self.post(shop, &stall, delivery, now);
            }
        }
    }

    /// Something goes wrong, or is put right.
    fn suffer(&mut self, mishap: &Mishap, now: Time) {
        self.trace.note(now, &format!("mishap {mishap:?}"));
        let is_counted = self.is_counted();
        for (shop, act) in mishap.acts(&self.plan) {
            if !is_counted && self.would_confuse_the_count(shop, &act) {
                continue;
            }
            let stall = &self.stalls[shop];
            let result = stall.line(|line| line.act(&act, now));
            if let (Act::SetLevel(sku, _), Ok(Done::Level)) = (&act, &result) {
                self.edits.push(edit(stall, sku, now));
            }
        }
        match mishap {
            Mishap::BadFile(number) if is_counted => {
                self.order(mishaps::bad_file(&self.plan, *number), Vec::new());
            }
            Mishap::PutRight => self.put_right(),
            Mishap::BadFile(_) | Mishap::Blackout(_) | Mishap::Odd(..) => {}
        }
    }

    /// A person sees to what the program holds back or parked for one, if it runs.
    pub fn put_right(&mut self) {
        if !self.is_running() || !self.is_counted() {
            return;
        }
        let rows = Rows(&self.memory);
        let tripped = mishaps::tripped(&rows);
        let commands = mishaps::put_right(&rows, &lock(&self.watch).facts);
        if !tripped.is_empty() || !commands.is_empty() {
            self.order(commands, tripped);
        }
    }

    /// Has the program carry out commands, one after the other, and lift breakers.
    fn order(&self, commands: Vec<Command>, tripped: Vec<(AccountId, Side)>) {
        let (Some(engine), Some(process)) = (self.engine(), &self.process) else {
            return;
        };
        let (trace, clock) = (self.trace.clone(), Arc::clone(&engine.ports.clock));
        let task = async move {
            for command in commands {
                trace.note(clock.now(), &format!("the boss {command:?}"));
                let what = match engine.decide(Signal::Command(command)).await {
                    Ok(done) => format!("{:?}", done.verdict),
                    Err(error) => error.to_string(),
                };
                trace.note(clock.now(), &format!("the boss: {what}"));
            }
            for (account, side) in tripped {
                let what = mishaps::lift(&engine, &account, side).await;
                trace.note(
                    clock.now(),
                    &format!("the boss lifts {account} {side:?}: {what}"),
                );
            }
        };
        self.executor.spawn("boss", process.group, task);
    }

    fn let_people_act(&mut self, now: Time) {
        let views: Vec<_> = (0..self.stalls.len())
            .map(|shop| {
                let levels = self.stalls[shop].line(|line| line.levels());
                self.plan.view(shop, levels)
            })
            .collect();
        let is_counted = self.is_counted();
        for (shop, act) in self.buyers.due(now, &views) {
            if !is_counted && (self.would_confuse_the_count(shop, &act) || self.is_lull(&act)) {
                continue;
            }
            let act = self.paid_how(shop, act);
            let stall = &self.stalls[shop];
            let result = stall.line(|line| line.act(&act, now));
            self.trace
                .note(now, &format!("act {} {act:?} -> {result:?}", stall.account));
            if let (Act::SetLevel(sku, _), Ok(Done::Level)) = (&act, &result) {
                self.edits.push(edit(stall, sku, now));
            }
            self.buyers.answered(shop, &act, &result, now);
        }
    }

    fn paid_how(&mut self, shop: usize, act: Act) -> Act {
        let channel = self.plan.shops.get(shop).map_or("", |(channel, _)| channel);
        banks::paid_how(act, channel, self.plan.capture_on, &mut self.fate)
    }

    /// Whether the opening stock was taken over. Until then nothing leaves but what the shop that it is
    /// taken from counts itself: what a count means cannot be said while other goods leave.
    fn is_counted(&self) -> bool {
        let rows = Rows(&self.memory);
        rows.durable().is_some()
            && self.plan.stock.keys().all(|sku| {
                let stock: Option<Stock> = rows.get(STOCK, &key(&[sku.as_str()]));
                stock.is_some_and(|stock| stock.is_counted)
            })
    }

    /// Whether this buyer does not come: few do before everything is counted, or in a lively shop that
    /// takes all evening, and nothing that needs counted stock is rehearsed.
    fn is_lull(&mut self, act: &Act) -> bool {
        matches!(act, Act::Buy { .. }) && self.fate.u32(0..4) > 0
    }

    fn would_confuse_the_count(&self, shop: usize, act: &Act) -> bool {
        let is_till = self
            .plan
            .shops
            .get(shop)
            .is_some_and(|(channel, _)| *channel == "square");
        match act {
            Act::Ship(_) | Act::SetLevel(..) | Act::Delete(_) => true,
            Act::Buy { paid, basket } if is_till && *paid => {
                shop > 0
                    || basket
                        .iter()
                        .any(|(sku, _)| !self.plan.stock.contains_key(sku))
            }
            Act::Buy { .. } => false,
            Act::Pay(_)
            | Act::Authorize(_)
            | Act::Lapse(_)
            | Act::Cancel(_)
            | Act::CancelUnits(..)
            | Act::Readdress(..)
            | Act::Suspect(_)
            | Act::Refund(_)
            | Act::Make(..) => false,
        }
    }

    /// Where our staff work now. The office opens when the stock is counted.
    fn desk(&mut self) -> Option<Desk> {
        let engine = self.engine()?;
        if !self.has_office {
            return Some(Desk::Engine(engine));
        }
        if !self.is_counted() {
            return None;
        }
        let process = self.process.as_mut()?;
        let second = process.second.get_or_insert_with(|| {
            let (policy, ports) = (engine.decider.policy(), engine.ports.clone());
            let disk = Disk::new(
                Arc::clone(&self.memory),
                Arc::clone(&self.watch),
                Arc::clone(&ports.clock),
                FAR_SYNC_MS,
                self.plan.seeds.clerk,
            );
            let store = self.tamper.store(Arc::new(disk));
            Arc::new(Decider::new(store, ports, policy.as_ref().clone()))
        });
        Some(Desk::Second(Arc::clone(second), engine))
    }

    /// What was decided so far, by all programs.
    pub fn decided(&self) -> Coverage {
        let mut all = self.decided.clone();
        for decider in self.deciders() {
            all.take_decisions(decider);
        }
        all
    }

    fn deciders(&self) -> Vec<engine::decider::Decided> {
        let engine = self.engine().map(|engine| engine.decider.decided());
        let second = self
            .process
            .as_ref()
            .and_then(|process| process.second.as_ref());
        engine
            .into_iter()
            .chain(second.map(|second| second.decided()))
            .collect()
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        lock(&self.process.as_ref()?.engine).clone()
    }

    /// Brings a hook to our door.
    fn post(&mut self, shop: usize, stall: &Arc<Stall>, delivery: Delivery, now: Time) {
        let request = &delivery.request;
        let line = format!(
            "hook {} {} {}",
            stall.account,
            request.uri(),
            fingerprint(request.body())
        );
        self.trace.note(now, &line);
        let (Some(engine), Some(process)) = (self.engine(), &self.process) else {
            stall.line(|line| line.delivered(delivery.id, None, now));
            return;
        };
        self.hooks.posted.fetch_add(1, Ordering::Relaxed);
        let id = delivery.id;
        lock(&self.on_the_way).insert((shop, id));
        let hook = hook_request(&delivery.request, &stall.hook_url);
        let (there, back) = (self.fate.u64(HOOK_TRAVEL_MS), self.fate.u64(HOOK_TRAVEL_MS));
        let clock = self.executor.ports(process.group).clock;
        let (on_the_way, stirred) = (Arc::clone(&self.on_the_way), Arc::clone(&self.stirred));
        let (stall, hooks) = (Arc::clone(stall), Arc::clone(&self.hooks));
        let task = async move {
            clock
                .sleep_until(clock.now().plus(Duration::from_millis(there)))
                .await;
            let reply = engine.receive(stall.account.as_str(), hook).await;
            let status = status(&reply);
            match reply {
                Reply::Accepted => drop(hooks.accepted.fetch_add(1, Ordering::Relaxed)),
                Reply::Refused(_) => drop(hooks.refused.fetch_add(1, Ordering::Relaxed)),
                Reply::Answer(_) | Reply::Unknown | Reply::Busy => {}
            }
            clock
                .sleep_until(clock.now().plus(Duration::from_millis(back)))
                .await;
            lock(&on_the_way).remove(&(shop, id));
            stall.line(|line| line.delivered(id, Some(status), clock.now()));
            stirred.store(true, Ordering::Relaxed);
        };
        self.executor.spawn("hook", process.group, task);
    }

    /// Starts our program on what is durable.
    fn start(&mut self) {
        self.process_count += 1;
        let group = Group(self.process_count);
        let (life, ports) = (Life::default(), self.executor.ports(group));
        let death = (self.crashes_left > 0).then(|| {
            self.crashes_left -= 1;
            let fate = match self.fate.bool() {
                true => Fate::DieBefore,
                false => Fate::DieAfter,
            };
            let within = match self.crashes {
                0 => FIRST_DEATH,
                _ => LATER_DEATH,
            };
            (self.fate.u64(within), fate)
        });
        let hook = mortality(life.clone(), death);
        self.memory = Arc::new(self.memory.fork().with_hook(hook));
        let disk = Disk::new(
            Arc::clone(&self.memory),
            Arc::clone(&self.watch),
            Arc::clone(&ports.clock),
            SYNC_MS,
            self.fate.u64(..),
        );
        let store = self.tamper.store(Arc::new(disk));
        let mut config = self.plan.config(&self.settings);
        for account in &mut config.accounts {
            account.connector = self.tamper.connector(account.connector);
        }
        let street = self.street(&ports, &life);
        if self.has_office && self.plan.own.is_none() {
            config.gateways = self.neighbors.gateways(&street);
        }
        let engine = Arc::new(Mutex::new(None));
        let (slot, watch) = (Arc::clone(&engine), Arc::clone(&self.watch));
        let (begins, trace) = (Arc::clone(&ports.clock), self.trace.clone());
        trace.note(begins.now(), &format!("start {group:?} {death:?}"));
        let task = async move {
            match Engine::start(config, store, ports, &street).await {
                Ok(engine) => *lock(&slot) = Some(engine),
                // A death on the way is none of the engine's faults.
                Err(_) if street.life.is_over() => {}
                Err(error) => {
                    let sentence = format!("it did not start: {error}");
                    lock(&watch).complain(begins.now(), Checker::Alive, sentence);
                }
            }
        };
        self.executor.spawn("start", group, task);
        self.process = Some(Process {
            group,
            life,
            engine,
            second: None,
        });
    }

    fn street(&self, ports: &Ports, life: &Life) -> Street {
        let stalls = self
            .stalls
            .iter()
            .map(|stall| (stall.account.clone(), Arc::clone(stall)));
        Street {
            stalls: stalls.collect(),
            vaults: self.vaults.clone(),
            ports: ports.clone(),
            world: self.executor.ports(WORLD),
            life: life.clone(),
        }
    }

    /// The process has died: its tasks vanish, hooks on their way find nobody, and what is durable
    /// is looked at.
    fn bury(&mut self, now: Time) {
        self.decided = self.decided();
        let Some(process) = self.process.take() else {
            return;
        };
        self.executor.kill(process.group);
        self.crashes += 1;
        for (shop, id) in std::mem::take(&mut *lock(&self.on_the_way)) {
            if let Some(stall) = self.stalls.get(shop) {
                stall.line(|line| line.delivered(id, None, now));
            }
        }
        self.memory = Arc::new(self.memory.fork());
        let mut watch = lock(&self.watch);
        watch.look(&self.memory, now);
        watch.look_at_all(&self.memory, now);
        drop(watch);
        let down = Duration::from_millis(self.fate.u64(DOWN_MS));
        self.trace.note(now, &format!("crash {:?}", process.group));
        self.starts_at = Some(now.plus(down));
    }
}

fn edit(stall: &Stall, sku: &Sku, at: Time) -> Edit {
    Edit {
        account: stall.account.clone(),
        sku: sku.clone(),
        at,
    }
}

/// Ends a life at one of its writes.
fn mortality(life: Life, death: Option<(u64, Fate)>) -> Arc<dyn BeforeCommit> {
    let writes = AtomicU64::new(0);
    Arc::new(move |_: Seq| {
        let write = writes.fetch_add(1, Ordering::Relaxed);
        match death {
            Some((nth, fate)) if nth == write => {
                life.end();
                fate
            }
            Some(_) | None => Fate::Go,
        }
    })
}

fn outages(fate: &mut Rng, scale: &Scale, begins_at: Time) -> Vec<(Time, usize, bool)> {
    let mut outages = Vec::new();
    let span = u64::try_from(scale.busy_for.as_millis()).unwrap_or(u64::MAX);
    for _ in 0..scale.outages {
        let shop = fate.usize(0..scale.shops.max(1));
        let at = begins_at.plus(Duration::from_millis(fate.u64(0..span.max(1))));
        outages.push((at, shop, true));
        let back = at.plus(Duration::from_millis(fate.u64(OUTAGE_MS)));
        outages.push((back, shop, false));
    }
    if !scale.dead_for.is_zero() {
        let (last, dies_at) = (scale.shops.saturating_sub(1), begins_at.plus(ALIVE));
        outages.push((dies_at, last, true));
        outages.push((dies_at.plus(scale.dead_for), last, false));
    }
    outages.sort();
    outages
}
