//! Time, chance and tasks that one seed decides.
//!
//! One thread polls all tasks, in an order that is random and reproducible: of those that are ready,
//! the seed picks the next. Time stands still while any task is ready, and then jumps to the next
//! timer. Nothing here is a runtime: it works with everything that only needs a waker, such as
//! `tokio::sync` and `tokio::select!`. Start reading at [`Executor::run_until`].

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use async_trait::async_trait;
use domain::Time;
use engine::{
    ports::{Clock, Entropy, Ports, Spawn, Task},
    sealing::Sealer,
};
use fastrand::Rng;

/// Runs tasks under virtual time.
pub struct Executor {
    shared: Arc<Shared>,
    tasks: BTreeMap<u64, Slot>,
    order: Rng,
}

/// Tasks that live and die together: a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(pub u64);

/// A task that panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// Its name.
    pub task: String,
    /// What it said.
    pub message: String,
}

/// Why [`Executor::run_until`] came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is that late.
    Reached,
    /// The caller's look between two polls said so.
    Interrupted,
    /// A task panicked.
    Panicked(Panicked),
    /// Tasks wake each other without end, and time stands still: the name of one of them.
    Spinning(String),
}

/// How often tasks are polled at most before time goes on.
const POLLS_MAX: u64 = 1_000_000;

struct Slot {
    name: String,
    group: Group,
    task: Task,
}

/// What tasks and wakers reach.
struct Shared {
    state: Mutex<State>,
    /// Its keys are durable, so all processes have the same.
    sealer: Arc<Sealer>,
}

#[derive(Default)]
struct State {
    now: Time,
    timers: BTreeMap<(Time, u64), Waker>,
    timer_count: u64,
    ready: BTreeSet<u64>,
    spawned: Vec<(u64, Slot)>,
    task_count: u64,
    entropy: Rng,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every holder makes one small change, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, name: String, group: Group, task: Task) {
        let mut state = self.lock();
        let id = state.task_count;
        state.task_count += 1;
        state.ready.insert(id);
        state.spawned.push((id, Slot { name, group, task }));
    }
}

struct Ready {
    id: u64,
    shared: Arc<Shared>,
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.shared.lock().ready.insert(self.id);
    }
}

impl Executor {
    /// An executor without tasks, at a time.
    pub fn new(seed: u64, now: Time) -> Executor {
        let mut chance = Rng::with_seed(seed);
        let state = State {
            now,
            entropy: chance.fork(),
            ..State::default()
        };
        Executor {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                sealer: Arc::new(Sealer::in_memory()),
            }),
            tasks: BTreeMap::new(),
            order: chance,
        }
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.shared.lock().now
    }

    /// The ports of one process.
    pub fn ports(&self, group: Group) -> Ports {
        let shared = || Arc::clone(&self.shared);
        Ports {
            clock: Arc::new(VirtualClock(shared())),
            entropy: Arc::new(SeededEntropy(shared())),
            spawn: Arc::new(Spawner {
                shared: shared(),
                group,
            }),
            sealer: Arc::clone(&self.shared.sealer),
        }
    }

    /// Lets a task run.
    pub fn spawn(&self, name: &str, group: Group, task: impl Future<Output = ()> + Send + 'static) {
        self.shared.spawn(name.to_owned(), group, Box::pin(task));
    }

    /// Ends all tasks of a process at once, wherever they are.
    pub fn kill(&mut self, group: Group) {
        self.adopt();
        let (dead, alive): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|(_, slot)| slot.group == group);
        self.tasks = alive;
        // Dropped without the lock: what they hold takes it to be dropped.
        drop(dead);
        // What they spawned while they were dropped dies with them.
        self.adopt();
        self.tasks.retain(|_, slot| slot.group != group);
    }

    fn adopt(&mut self) {
        let spawned = std::mem::take(&mut self.shared.lock().spawned);
        self.tasks.extend(spawned);
    }

    /// Lets tasks run until a time. After every poll `look` may end it early.
    pub fn run_until(&mut self, end: Time, look: &mut dyn FnMut() -> ControlFlow<()>) -> Stopped {
        let mut polls = 0;
        loop {
            self.adopt();
            let Some(id) = self.pick() else {
                if self.jump(end) {
                    polls = 0;
                    continue;
                }
                return Stopped::Reached;
            };
            polls += 1;
            if polls > POLLS_MAX {
                let task = self.tasks.get(&id).map(|slot| slot.name.clone());
                return Stopped::Spinning(task.unwrap_or_default());
            }
            if let Some(panicked) = self.poll(id) {
                return Stopped::Panicked(panicked);
            }
            if look().is_break() {
                return Stopped::Interrupted;
            }
        }
    }

    /// One of the ready tasks. The set is ordered, so the order in which they were woken, which some
    /// primitives leave to a chance of their own, does not matter.
    fn pick(&mut self) -> Option<u64> {
        let mut state = self.shared.lock();
        let count = state.ready.len();
        if count == 0 {
            return None;
        }
        let id = *state.ready.iter().nth(self.order.usize(0..count))?;
        state.ready.remove(&id);
        Some(id)
    }

    fn poll(&mut self, id: u64) -> Option<Panicked> {
        // A task that ended may have been woken after its end.
        let slot = self.tasks.get_mut(&id)?;
        let shared = Arc::clone(&self.shared);
        let waker = Waker::from(Arc::new(Ready { id, shared }));
        let mut context = Context::from_waker(&waker);
        // A runtime around us would lend each poll a budget, and no task could go on when it is spent.
        let mut task = pin!(tokio::task::coop::unconstrained(slot.task.as_mut()));
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut context)));
        match polled {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(())) => {
                drop(self.tasks.remove(&id));
                None
            }
            Err(payload) => {
                let slot = self.tasks.remove(&id)?;
                Some(Panicked {
                    task: slot.name,
                    message: message(payload.as_ref()),
                })
            }
        }
    }

    /// Jumps to the next timer, but not beyond `end`; says whether there was one.
    fn jump(&mut self, end: Time) -> bool {
        let mut state = self.shared.lock();
        let next = state.timers.keys().next().map(|(at, _)| *at);
        let Some(at) = next.filter(|at| *at <= end) else {
            state.now = state.now.max(end);
            return false;
        };
        state.now = state.now.max(at);
        let later = state.timers.split_off(&(at, u64::MAX));
        let due = std::mem::replace(&mut state.timers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
        true
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it panicked without a text".to_owned())
}

struct VirtualClock(Arc<Shared>);

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Time {
        self.0.lock().now
    }

    async fn sleep_until(&self, at: Time) {
        let sleep = Sleep {
            shared: Arc::clone(&self.0),
            at,
            timer: None,
        };
        sleep.await;
    }
}

/// Waits for a time. It leaves no timer behind when it is dropped before.
struct Sleep {
    shared: Arc<Shared>,
    at: Time,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let number = *self.timer.get_or_insert_with(|| {
            state.timer_count += 1;
            state.timer_count
        });
        state
            .timers
            .insert((self.at, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.timer {
            let waker = self.shared.lock().timers.remove(&(self.at, number));
            drop(waker);
        }
    }
}

struct SeededEntropy(Arc<Shared>);

impl Entropy for SeededEntropy {
    fn seed(&self) -> [u8; 16] {
        let mut seed = [0; 16];
        self.0.lock().entropy.fill(&mut seed);
        seed
    }
}

struct Spawner {
    shared: Arc<Shared>,
    group: Group,
}

impl Spawn for Spawner {
    fn spawn(&self, name: String, task: Task) {
        self.shared.spawn(name, self.group, task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::{Notify, mpsc, watch};

    const US: Group = Group(1);

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn at(millis: i64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn time_jumps_from_timer_to_timer() {
        let mut executor = Executor::new(1, at(0));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for (name, millis) in [("late", 9_000), ("early", 10), ("beyond", 60_001)] {
            let (clock, sender) = (executor.ports(US).clock, sender.clone());
            executor.spawn(name, US, async move {
                clock.sleep_until(at(millis)).await;
                sender.send((name, clock.now())).expect("somebody listens");
            });
        }
        let stopped = executor.run_until(at(60_000), &mut go_on);
        assert_eq!(stopped, Stopped::Reached);
        assert_eq!(executor.now(), at(60_000));
        assert_eq!(receiver.try_recv().ok(), Some(("early", at(10))));
        assert_eq!(receiver.try_recv().ok(), Some(("late", at(9_000))));
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn a_sleep_that_is_given_up_leaves_no_timer() {
        let mut executor = Executor::new(1, at(0));
        let clock = executor.ports(US).clock;
        let ring = Arc::new(Notify::new());
        let bell = Arc::clone(&ring);
        executor.spawn("waits", US, async move {
            tokio::select! {
                biased;
                () = ring.notified() => {}
                () = clock.sleep_until(at(5_000)) => panic!("it was rung before"),
            }
        });
        executor.run_until(at(1), &mut go_on);
        assert_eq!(executor.shared.lock().timers.len(), 1);
        bell.notify_one();
        executor.run_until(at(2), &mut go_on);
        assert!(executor.shared.lock().timers.is_empty());
        assert!(executor.tasks.is_empty());
    }

    /// Twenty tasks that wait for one switch, and the order in which they saw it.
    fn order_of_waking(seed: u64) -> Vec<u32> {
        let mut executor = Executor::new(seed, at(0));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let switch = watch::Sender::new(false);
        for number in 0..20 {
            let (mut switch, sender) = (switch.subscribe(), sender.clone());
            executor.spawn("sees", US, async move {
                drop(switch.changed().await);
                sender.send(number).expect("somebody listens");
            });
        }
        executor.run_until(at(1), &mut go_on);
        switch.send_replace(true);
        executor.run_until(at(2), &mut go_on);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn the_seed_alone_decides_the_order() {
        let order = order_of_waking(1);
        for _ in 0..10 {
            assert_eq!(order_of_waking(1), order);
        }
        assert_ne!(order_of_waking(2), order);
        assert_eq!(order.iter().max(), Some(&19));
    }

    #[test]
    fn a_process_dies_as_a_whole_and_others_live_on() {
        let mut executor = Executor::new(1, at(0));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for (group, word) in [(Group(1), "dead"), (Group(2), "alive")] {
            let ports = executor.ports(group);
            let sender = sender.clone();
            executor.spawn(word, group, async move {
                let (clock, inner) = (Arc::clone(&ports.clock), sender.clone());
                let child = async move {
                    clock.sleep_until(at(100)).await;
                    inner.send(word).expect("somebody listens");
                };
                ports.spawn.spawn("child".to_owned(), Box::pin(child));
                ports.clock.sleep_until(at(200)).await;
                sender.send(word).expect("somebody listens");
            });
        }
        executor.run_until(at(50), &mut go_on);
        executor.kill(Group(1));
        executor.run_until(at(500), &mut go_on);
        let said: Vec<&str> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        assert_eq!(said, ["alive", "alive"]);
    }

    #[test]
    fn a_panic_names_its_task_and_a_look_ends_the_run() {
        let mut executor = Executor::new(1, at(0));
        executor.spawn("unlucky", US, async { panic!("seven") });
        let stopped = executor.run_until(at(1), &mut go_on);
        let panicked = Panicked {
            task: "unlucky".to_owned(),
            message: "seven".to_owned(),
        };
        assert_eq!(stopped, Stopped::Panicked(panicked));

        let clock = executor.ports(US).clock;
        executor.spawn("ticks", US, async move {
            loop {
                clock
                    .sleep_until(clock.now().plus(Duration::from_millis(1)))
                    .await;
            }
        });
        let mut looks = 0;
        let stopped = executor.run_until(at(1_000), &mut || {
            looks += 1;
            match looks {
                10 => ControlFlow::Break(()),
                _ => go_on(),
            }
        });
        assert_eq!((stopped, looks), (Stopped::Interrupted, 10));
    }

    #[test]
    fn tasks_that_stop_the_time_are_found_out() {
        let mut executor = Executor::new(1, at(0));
        executor.spawn("restless", US, async {
            std::future::poll_fn::<(), _>(|context| {
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        });
        let stopped = executor.run_until(at(1_000), &mut go_on);
        assert_eq!(stopped, Stopped::Spinning("restless".to_owned()));
    }

    #[tokio::test]
    async fn a_runtime_around_it_changes_nothing() {
        let mut executor = Executor::new(1, at(0));
        let (sender, mut receiver) = mpsc::unbounded_channel();
        executor.spawn("busy", US, async move {
            for number in 0..1_000 {
                let (done, is_done) = tokio::sync::oneshot::channel();
                done.send(number).expect("somebody listens");
                is_done.await.expect("it was sent");
            }
            sender.send("done").expect("somebody listens");
        });
        assert_eq!(executor.run_until(at(1), &mut go_on), Stopped::Reached);
        assert_eq!(receiver.try_recv().ok(), Some("done"));
    }

    #[test]
    fn entropy_is_never_the_same_twice_and_the_same_for_one_seed() {
        let draw = |seed| {
            let entropy = Executor::new(seed, at(0)).ports(US).entropy;
            (0..100).map(|_| entropy.seed()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        let distinct: BTreeSet<_> = draw(1).into_iter().chain(draw(2)).collect();
        assert_eq!(distinct.len(), 200);
    }
}
