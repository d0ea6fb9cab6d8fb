//! What goes wrong between us and any channel, the same for all twins.
//!
//! [`Faulty`] stands in front of a twin: it refuses, breaks, garbles and delays answers, and loses,
//! doubles, delays and overtakes hooks. All chance comes from one seed. It never touches the truth of
//! the twin: a request that it lets through is carried out exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{Sku, Time};
use fastrand::Rng;

use crate::{Act, Delivery, Done, Refused, Request, Response, Truth, Twin};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Refused: too many calls, in the channel's own words.
    Throttled,
    /// 503, and nothing happened.
    Unavailable,
    /// 500, and nothing happened.
    FailedBefore,
    /// 500, and it happened nevertheless.
    FailedAfter,
    /// The connection breaks before anything happened.
    LostBefore,
    /// It happened, and the connection breaks before the answer.
    LostAfter,
    /// It happened, and the answer is a page of HTML with the same status.
    Malformed,
    /// It happened, and the answer breaks off in the middle.
    Truncated,
    /// Every token handed out so far is invalid from here on.
    ExpiredTokens,
    /// The answer takes seconds.
    Slow,
    /// A hook never comes, and the channel believes that it did.
    HookLost,
    /// A hook does not come, and the channel knows.
    HookRefused,
    /// A hook comes twice.
    HookDoubled,
    /// A hook comes much later.
    HookLate,
    /// A hook is overtaken by those after it.
    HookReordered,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; 15] = [
        Fault::Throttled,
        Fault::Unavailable,
        Fault::FailedBefore,
        Fault::FailedAfter,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Malformed,
        Fault::Truncated,
        Fault::ExpiredTokens,
        Fault::Slow,
        Fault::HookLost,
        Fault::HookRefused,
        Fault::HookDoubled,
        Fault::HookLate,
        Fault::HookReordered,
    ];

    /// Whether it happens to hooks, not to calls.
    pub fn is_of_hooks(self) -> bool {
        match self {
            Fault::HookLost
            | Fault::HookRefused
            | Fault::HookDoubled
            | Fault::HookLate
            | Fault::HookReordered => true,
            Fault::Throttled
            | Fault::Unavailable
            | Fault::FailedBefore
            | Fault::FailedAfter
            | Fault::LostBefore
            | Fault::LostAfter
            | Fault::Malformed
            | Fault::Truncated
            | Fault::ExpiredTokens
            | Fault::Slow => false,
        }
    }

    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Fault::Throttled => "throttled",
            Fault::Unavailable => "unavailable",
            Fault::FailedBefore => "failed_before",
            Fault::FailedAfter => "failed_after",
            Fault::LostBefore => "lost_before",
            Fault::LostAfter => "lost_after",
            Fault::Malformed => "malformed",
            Fault::Truncated => "truncated",
            Fault::ExpiredTokens => "expired_tokens",
            Fault::Slow => "slow",
            Fault::HookLost => "hook_lost",
            Fault::HookRefused => "hook_refused",
            Fault::HookDoubled => "hook_doubled",
            Fault::HookLate => "hook_late",
            Fault::HookReordered => "hook_reordered",
        }
    }
}

/// How often each kind of fault happens, and the seed of its chance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// In how many of a thousand calls or hooks. The kinds of one side add up to at most a thousand.
    pub per_mille: BTreeMap<Fault, u32>,
    /// Decides all of it.
    pub seed: u64,
    /// How much longer than usual a slow answer takes, in milliseconds.
    pub slow_ms: std::ops::Range<u64>,
}

impl Faults {
    /// A perfect world.
    pub fn none() -> Faults {
        Faults::of(0, &[])
    }

    /// A bad day: each kind now and then, and one hook in four goes astray.
    pub fn lively(seed: u64) -> Faults {
        Faults::of(
            seed,
            &[
                (Fault::Throttled, 15),
                (Fault::Unavailable, 10),
                (Fault::FailedBefore, 8),
                (Fault::FailedAfter, 8),
                (Fault::LostBefore, 5),
                (Fault::LostAfter, 8),
                (Fault::Malformed, 5),
                (Fault::Truncated, 5),
                (Fault::ExpiredTokens, 3),
                (Fault::Slow, 20),
                (Fault::HookLost, 60),
                (Fault::HookRefused, 30),
                (Fault::HookDoubled, 60),
                (Fault::HookLate, 40),
                (Fault::HookReordered, 80),
            ],
        )
    }

    /// A day that no channel ever had: a quarter of all calls fail, and half of all hooks go astray.
    pub fn harsh(seed: u64) -> Faults {
        let mut faults = Faults::lively(seed);
        for (fault, rate) in &mut faults.per_mille {
            *rate *= if fault.is_of_hooks() { 2 } else { 4 };
        }
        faults
    }

    /// These kinds with these rates in a thousand.
    pub fn of(seed: u64, rates: &[(Fault, u32)]) -> Faults {
        Faults {
            per_mille: rates.iter().copied().collect(),
            seed,
            slow_ms: SLOW_MS,
        }
    }

    /// A shop that hangs: every call is carried out, and answered only so much later.
    pub fn hanging(by: Duration) -> Faults {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX - 1);
        Faults {
            slow_ms: by..by.saturating_add(1),
            ..Faults::of(0, &[(Fault::Slow, 1000)])
        }
    }
}

/// What became of a request.
#[derive(Debug)]
pub struct Handled {
    /// The answer; nothing when the connection breaks without one.
    pub answer: Option<Response>,
    /// How much longer than usual it takes until the answer, or the break.
    pub delay: Duration,
}

/// A twin behind a bad line.
pub struct Faulty {
    twin: Box<dyn Twin>,
    faults: Faults,
    is_quiet: bool,
    calls: Rng,
    hooks: Rng,
    held: BTreeMap<(Time, u64), Delivery>,
    held_count: u64,
    hits: BTreeMap<Fault, u64>,
}

/// Marks the id of a hook that comes a second time: its channel knows nothing of it.
const COPY: u64 = 1 << 63;
/// The longest that a slow answer takes beyond the usual.
const SLOW_MS: std::ops::Range<u64> = 1_000..6_000;
/// How long a connection may hang before it breaks; half of them break at once.
const HANG_MS: std::ops::Range<u64> = 500..4_000;
/// How much later a late hook comes.
const LATE_MS: std::ops::Range<u64> = 4_000..40_000;
/// How long a hook is held so that others overtake it.
const OVERTAKEN_MS: std::ops::Range<u64> = 200..3_000;
/// How much later the second copy of a hook comes.
const COPY_MS: std::ops::Range<u64> = 0..2_000;

impl Faulty {
    /// Puts a bad line in front of a twin.
    pub fn new(twin: Box<dyn Twin>, faults: Faults) -> Faulty {
        Faulty {
            twin,
            calls: Rng::with_seed(faults.seed),
            hooks: Rng::with_seed(faults.seed ^ 0x9e37_79b9_7f4a_7c15),
            faults,
            is_quiet: false,
            held: BTreeMap::new(),
            held_count: 0,
            hits: BTreeMap::new(),
        }
    }

    /// The channel of the twin.
    pub fn channel(&self) -> &'static str {
        self.twin.channel()
    }

    /// The settings with which its connector reaches it.
    pub fn settings(&self) -> serde_json::Value {
        self.twin.settings()
    }

    /// What is true in the shop.
    pub fn truth(&self) -> Truth {
        self.twin.truth()
    }

    /// The levels that it shows.
    pub fn levels(&self) -> BTreeMap<Sku, i64> {
        self.twin.levels()
    }

    /// Somebody does something in the shop; no fault comes in between.
    pub fn act(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        self.twin.act(act, now)
    }

    /// From here on nothing goes wrong any more. Hooks that are held back still come.
    pub fn quiet(&mut self) {
        self.is_quiet = true;
    }

    /// Faults happen again.
    pub fn resume(&mut self) {
        self.is_quiet = false;
    }

    /// How often each kind happened so far.
    pub fn hits(&self) -> &BTreeMap<Fault, u64> {
        &self.hits
    }

    /// Answers a request, or not.
    pub fn handle(&mut self, request: &Request, now: Time) -> Handled {
        let fault = self.roll(false);
        let mut delay = Duration::ZERO;
        let answer = match fault {
            None => Some(self.twin.handle(request, now)),
            Some(Fault::Throttled) => Some(self.twin.throttled()),
            Some(Fault::Unavailable) => Some(plain(503, "the shop is being updated")),
            Some(Fault::FailedBefore) => Some(plain(500, "something went wrong")),
            Some(Fault::FailedAfter) => {
                self.twin.handle(request, now);
                Some(plain(500, "something went wrong"))
            }
            Some(Fault::LostBefore) => {
                delay = self.hang();
                None
            }
            Some(Fault::LostAfter) => {
                self.twin.handle(request, now);
                delay = self.hang();
                None
            }
            Some(Fault::Malformed) => {
                let mut response = self.twin.handle(request, now);
                *response.body_mut() = b"<!doctype html><p>Briefly unavailable.".to_vec();
                Some(response)
            }
            Some(Fault::Truncated) => {
                let mut response = self.twin.handle(request, now);
                let length = response.body().len();
                response.body_mut().truncate(self.calls.usize(0..=length));
                Some(response)
            }
            Some(Fault::ExpiredTokens) => {
                self.twin.expire_tokens();
                Some(self.twin.handle(request, now))
            }
            Some(Fault::Slow) => {
                delay = Duration::from_millis(self.calls.u64(self.faults.slow_ms.clone()));
                Some(self.twin.handle(request, now))
            }
            // Only of hooks, and never rolled for a call.
            Some(
                Fault::HookLost
                | Fault::HookRefused
                | Fault::HookDoubled
                | Fault::HookLate
                | Fault::HookReordered,
            ) => None,
        };
        Handled { answer, delay }
    }

    fn hang(&mut self) -> Duration {
        match self.calls.bool() {
            true => Duration::ZERO,
            false => Duration::from_millis(self.calls.u64(HANG_MS)),
        }
    }

    /// The hooks that arrive now.
    pub fn take_deliveries(&mut self, now: Time) -> Vec<Delivery> {
        let mut arriving = Vec::new();
        for delivery in self.twin.take_deliveries(now) {
            match self.roll(true) {
                None => arriving.push(delivery),
                Some(Fault::HookLost) => self.twin.delivered(delivery.id, Some(200), now),
                Some(Fault::HookRefused) => self.twin.delivered(delivery.id, None, now),
                Some(Fault::HookDoubled) => {
                    let copy = Delivery {
                        id: delivery.id | COPY,
                        request: delivery.request.clone(),
                    };
                    arriving.push(delivery);
                    self.hold(copy, now, COPY_MS);
                }
                Some(Fault::HookLate) => self.hold(delivery, now, LATE_MS),
                Some(Fault::HookReordered) => self.hold(delivery, now, OVERTAKEN_MS),
                // Only of calls, and never rolled for a hook.
                Some(
                    Fault::Throttled
                    | Fault::Unavailable
                    | Fault::FailedBefore
                    | Fault::FailedAfter
                    | Fault::LostBefore
                    | Fault::LostAfter
                    | Fault::Malformed
                    | Fault::Truncated
                    | Fault::ExpiredTokens
                    | Fault::Slow,
                ) => arriving.push(delivery),
            }
        }
        let later = self.held.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.held, later);
        arriving.extend(due.into_values());
        arriving
    }

    fn hold(&mut self, delivery: Delivery, now: Time, millis: std::ops::Range<u64>) {
        let until = now.plus(Duration::from_millis(self.hooks.u64(millis)));
        self.held_count += 1;
        self.held.insert((until, self.held_count), delivery);
    }

    /// The receiver answered a hook that [`Faulty::take_deliveries`] handed out.
    pub fn delivered(&mut self, delivery: u64, status: Option<u16>, now: Time) {
        if delivery & COPY == 0 {
            self.twin.delivered(delivery, status, now);
        }
    }

    /// When the next hook arrives.
    pub fn next_delivery_at(&self) -> Option<Time> {
        let held = self.held.keys().next().map(|(at, _)| *at);
        let made = self.twin.next_delivery_at();
        held.into_iter().chain(made).min()
    }

    /// Whether a call or a hook meets a fault, and which.
    fn roll(&mut self, is_hook: bool) -> Option<Fault> {
        let rng = if is_hook {
            &mut self.hooks
        } else {
            &mut self.calls
        };
        // Also rolled while it is quiet, so that the same request meets the same chance.
        let mut rolled = rng.u32(0..1000);
        if self.is_quiet {
            return None;
        }
        for (fault, rate) in &self.faults.per_mille {
            if fault.is_of_hooks() != is_hook {
                continue;
            }
            if rolled < *rate {
                *self.hits.entry(*fault).or_default() += 1;
                return Some(*fault);
            }
            rolled -= rate;
        }
        None
    }
}

fn plain(status: u16, text: &str) -> Response {
    http::Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .body(text.as_bytes().to_vec())
        .expect("a status and one header make a response")
}

/// Kinds of which a report should show at least one hit; the others never happened.
pub fn missed(hits: &BTreeMap<Fault, u64>) -> BTreeSet<Fault> {
    Fault::ALL
        .into_iter()
        .filter(|fault| hits.get(fault).copied().unwrap_or(0) == 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each call with how many it had, and has one hook for each of the first ten seconds.
    #[derive(Default)]
    struct Counting {
        calls: u64,
        expiries: u64,
        hooks: u64,
        told: Vec<(u64, Option<u16>)>,
    }

    struct Shared(std::sync::Arc<std::sync::Mutex<Counting>>);

    impl Shared {
        fn with<T>(&self, f: impl FnOnce(&mut Counting) -> T) -> T {
            f(&mut self.0.lock().expect("no test panics while it holds it"))
        }
    }

    impl Twin for Shared {
        fn channel(&self) -> &'static str {
            "counting"
        }
        fn settings(&self) -> serde_json::Value {
            serde_json::Value::Null
        }
        fn handle(&mut self, _: &Request, _: Time) -> Response {
            self.with(|state| {
                state.calls += 1;
                plain(200, "counted by the twin")
            })
        }
        fn take_deliveries(&mut self, now: Time) -> Vec<Delivery> {
            self.with(|state| {
                let mut due = Vec::new();
                while state.hooks < 1000 && (state.hooks as i64) * 1000 <= now.millis() {
                    due.push(Delivery {
                        id: state.hooks,
                        request: http::Request::new(Vec::new()),
                    });
                    state.hooks += 1;
                }
                due
            })
        }
        fn delivered(&mut self, delivery: u64, status: Option<u16>, _: Time) {
            self.with(|state| state.told.push((delivery, status)));
        }
        fn next_delivery_at(&self) -> Option<Time> {
            self.with(|state| {
                (state.hooks < 1000).then(|| Time::from_millis(state.hooks as i64 * 1000))
            })
        }
        fn act(&mut self, _: &Act, _: Time) -> Result<Done, Refused> {
            Ok(Done::Level)
        }
        fn truth(&self) -> Truth {
            Truth::default()
        }
        fn levels(&self) -> BTreeMap<Sku, i64> {
            BTreeMap::new()
        }
        fn throttled(&self) -> Response {
            plain(429, "slow down")
        }
        fn expire_tokens(&mut self) {
            self.with(|state| state.expiries += 1);
        }
    }

    fn faulty(faults: Faults) -> (Faulty, Shared) {
        let state = std::sync::Arc::new(std::sync::Mutex::new(Counting::default()));
        let twin = Box::new(Shared(std::sync::Arc::clone(&state)));
        (Faulty::new(twin, faults), Shared(state))
    }

    #[test]
    fn each_fault_of_calls_does_what_it_says() {
        // The fault; the status, nothing for none; whether the twin carried it out.
        for (fault, status, is_done) in [
            (Fault::Throttled, Some(429), false),
            (Fault::Unavailable, Some(503), false),
            (Fault::FailedBefore, Some(500), false),
            (Fault::FailedAfter, Some(500), true),
            (Fault::LostBefore, None, false),
            (Fault::LostAfter, None, true),
            (Fault::Malformed, Some(200), true),
            (Fault::Truncated, Some(200), true),
            (Fault::ExpiredTokens, Some(200), true),
            (Fault::Slow, Some(200), true),
        ] {
            let (mut line, twin) = faulty(Faults::of(1, &[(fault, 1000)]));
            let handled = line.handle(&http::Request::new(Vec::new()), Time::EPOCH);
            let answered = handled.answer.map(|answer| answer.status().as_u16());
            assert_eq!(answered, status, "{fault:?}");
            assert_eq!(twin.with(|state| state.calls == 1), is_done, "{fault:?}");
            assert_eq!(line.hits().get(&fault), Some(&1), "{fault:?}");
            if fault == Fault::Slow {
                assert!(handled.delay >= Duration::from_secs(1));
            }
            line.quiet();
            let handled = line.handle(&http::Request::new(Vec::new()), Time::EPOCH);
            let answer = handled.answer.expect("nothing goes wrong any more");
            assert_eq!(answer.body(), b"counted by the twin", "{fault:?}");
        }
    }

    #[test]
    fn a_shop_that_hangs_answers_every_call_late_until_it_is_quiet() {
        let by = Duration::from_secs(30);
        let (mut line, twin) = faulty(Faults::hanging(by));
        let request = http::Request::new(Vec::new());
        for calls in 1..=20 {
            let handled = line.handle(&request, Time::EPOCH);
            assert!(handled.answer.is_some());
            assert_eq!((handled.delay, twin.with(|state| state.calls)), (by, calls));
        }
        line.quiet();
        assert_eq!(line.handle(&request, Time::EPOCH).delay, Duration::ZERO);
        line.resume();
        assert_eq!(line.handle(&request, Time::EPOCH).delay, by);
    }

    /// What the channel believes of each hook.
    type Told = Vec<(u64, Option<u16>)>;

    /// Lets all hooks arrive, each answered with 200: how often each came, and whether in order.
    fn arrivals(faults: Faults) -> (BTreeMap<u64, u32>, bool, Told) {
        let (mut line, twin) = faulty(faults);
        let (mut came, mut is_ordered, mut last) = (BTreeMap::new(), true, 0);
        let mut now = Time::EPOCH;
        while let Some(at) = line.next_delivery_at() {
            now = now.max(at);
            for delivery in line.take_deliveries(now) {
                let id = delivery.id & !COPY;
                *came.entry(id).or_insert(0) += 1;
                is_ordered &= id >= last;
                last = id;
                line.delivered(delivery.id, Some(200), now);
            }
        }
        let told = twin.with(|state| state.told.clone());
        (came, is_ordered, told)
    }

    #[test]
    fn each_fault_of_hooks_does_what_it_says() {
        // The fault; how often each hook comes; whether in order; what the channel believes.
        for (fault, times, is_in_order, belief) in [
            (Fault::HookLost, 0, true, Some(200)),
            (Fault::HookRefused, 0, true, None),
            (Fault::HookDoubled, 2, false, Some(200)),
            (Fault::HookLate, 1, false, Some(200)),
            (Fault::HookReordered, 1, false, Some(200)),
        ] {
            let (came, is_ordered, told) = arrivals(Faults::of(3, &[(fault, 1000)]));
            for hook in 0..1000 {
                assert_eq!(
                    came.get(&hook).copied().unwrap_or(0),
                    times,
                    "{fault:?} {hook}"
                );
            }
            assert_eq!(is_ordered, is_in_order, "{fault:?}");
            assert_eq!(told.len(), 1000, "{fault:?}: each is told exactly once");
            assert!(
                told.iter().all(|(_, status)| *status == belief),
                "{fault:?}"
            );
        }
        let (came, is_ordered, _) = arrivals(Faults::none());
        assert!(is_ordered && came.len() == 1000);
    }

    #[test]
    fn one_seed_is_one_story() {
        let story = |seed| {
            let (mut line, _) = faulty(Faults::harsh(seed));
            let request = http::Request::new(Vec::new());
            (0..500)
                .map(|_| {
                    let handled = line.handle(&request, Time::EPOCH);
                    let answer = handled
                        .answer
                        .map(|answer| (answer.status(), answer.into_body()));
                    (answer, handled.delay)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
    }

    #[test]
    fn a_harsh_day_has_every_fault_and_leaves_room_for_success() {
        for is_hook in [false, true] {
            let sum: u32 = Faults::harsh(1)
                .per_mille
                .iter()
                .filter(|(fault, _)| fault.is_of_hooks() == is_hook)
                .map(|(_, rate)| rate)
                .sum();
            assert!(sum < 700, "{sum}");
        }
        assert_eq!(Faults::harsh(1).per_mille.len(), Fault::ALL.len());
        let hits = Faults::lively(1)
            .per_mille
            .keys()
            .map(|fault| (*fault, 1))
            .collect();
        assert!(missed(&hits).is_empty());
    }
}
