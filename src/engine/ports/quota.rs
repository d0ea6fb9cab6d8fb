//! Asking a channel no faster than it allows.
//!
//! A token bucket for each account, on our own clock. When the channel itself asks us to wait, every
//! call of the account waits until then: none is made inside a `Retry-After`. Calls about levels are
//! [`urgent`]: what another channel sells meanwhile is sold twice, so they go before everything else,
//! and the rest that a channel recommends is not theirs. Calls that read again what we know already are
//! [`leisurely`]: they let all others go first, and leave them most of the quota.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use channel::{
    Allowance, ErrorKind, HttpPort, Quota, Rest,
    http::{Effect, Request, Response, SendError, classify},
};
use domain::Time;
use governor::{
    RateLimiter,
    clock::{Clock as _, Reference},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use super::{Clock, allowance::Meter};

/// How long others let urgent calls go first; after that they are as urgent.
const YIELD_MAX: Duration = Duration::from_secs(3);
/// How soon they look again.
const YIELD: Duration = Duration::from_millis(20);

/// How many calls a leisurely one leaves to others before the next.
const LEFT_TO_OTHERS: u32 = 2;

/// Who goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Leisurely,
    Usual,
    Urgent,
}

tokio::task_local! {
    static URGENCY: Urgency;
}

/// Does something whose calls go before those of others.
pub async fn urgent<T>(work: impl Future<Output = T>) -> T {
    URGENCY.scope(Urgency::Urgent, work).await
}

/// Does something whose calls are as usual, within something urgent or leisurely.
pub async fn usual<T>(work: impl Future<Output = T>) -> T {
    URGENCY.scope(Urgency::Usual, work).await
}

/// Whether this is part of something urgent.
pub(crate) fn is_urgent() -> bool {
    URGENCY.try_get() == Ok(Urgency::Urgent)
}

/// Does something whose calls let those of others go first.
pub async fn leisurely<T>(work: impl Future<Output = T>) -> T {
    URGENCY.scope(Urgency::Leisurely, work).await
}

/// An HTTP port that waits its turn.
pub struct Paced {
    inner: Arc<dyn HttpPort>,
    clock: Arc<dyn Clock>,
    bucket: RateLimiter<NotKeyed, InMemoryState, BucketClock, StateInformationMiddleware>,
    rest: Option<fn(&Response) -> Option<Rest>>,
    said: Option<fn(&Response) -> Option<Allowance>>,
    meter: Arc<Meter>,
    /// How long a leisurely call leaves the quota to others.
    leisure: Duration,
    waits: Mutex<Waits>,
    /// How many calls wait for their turn that are urgent, or as usual.
    urgent: AtomicUsize,
    usual: AtomicUsize,
}

/// What the channel asked for.
#[derive(Clone, Copy)]
struct Waits {
    /// Nothing is sent before.
    blocked_until: Time,
    /// Nothing is sent before that can wait.
    resting_until: Time,
    /// Nothing is sent before that can wait for long.
    leisure_until: Time,
}

impl Waits {
    fn begins(self, urgency: Urgency) -> Time {
        match urgency {
            Urgency::Urgent => self.blocked_until,
            Urgency::Usual => self.blocked_until.max(self.resting_until),
            Urgency::Leisurely => self
                .blocked_until
                .max(self.resting_until)
                .max(self.leisure_until),
        }
    }
}

/// Counts a call for as long as it waits, also when it is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Waiting<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct BucketClock(Arc<dyn Clock>);

impl governor::clock::Clock for BucketClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let millis = u64::try_from(self.0.now().millis()).unwrap_or(0);
        Nanos::from(Duration::from_millis(millis))
    }
}

impl Paced {
    /// Paces a port by a quota, and tells a meter what is left of it.
    pub fn new(
        inner: Arc<dyn HttpPort>,
        clock: Arc<dyn Clock>,
        quota: Quota,
        meter: Arc<Meter>,
    ) -> Paced {
        let at_least_one = |number: u32| NonZeroU32::new(number.max(1)).unwrap_or(NonZeroU32::MIN);
        let rate = governor::Quota::per_second(at_least_one(quota.per_second))
            .allow_burst(at_least_one(quota.burst));
        let bucket = RateLimiter::direct_with_clock(rate, BucketClock(Arc::clone(&clock)))
            .with_middleware::<StateInformationMiddleware>();
        meter.begin(quota, clock.now());
        Paced {
            inner,
            clock,
            bucket,
            rest: quota.rest,
            said: quota.said,
            meter,
            leisure: Duration::from_secs(1) * LEFT_TO_OTHERS / quota.per_second.max(1),
            waits: Mutex::new(Waits {
                blocked_until: Time::EPOCH,
                resting_until: Time::EPOCH,
                leisure_until: Time::EPOCH,
            }),
            urgent: AtomicUsize::new(0),
            usual: AtomicUsize::new(0),
        }
    }

    async fn wait_for_turn(&self, urgency: Urgency) {
        let _waiting = match urgency {
            Urgency::Urgent => Some(Waiting::begin(&self.urgent)),
            Urgency::Usual => Some(Waiting::begin(&self.usual)),
            Urgency::Leisurely => None,
        };
        let yields_until = self.clock.now().plus(YIELD_MAX);
        loop {
            let now = self.clock.now();
            let begins = self.waits.lock().expect(LOCK).begins(urgency);
            if begins > now {
                self.clock.sleep_until(begins).await;
                continue;
            }
            if now < yields_until && self.is_anybody_before(urgency) {
                self.clock.sleep_until(now.plus(YIELD)).await;
                continue;
            }
            let not_until = match self.bucket.check() {
                Ok(state) => return self.meter.count(state.remaining_burst_capacity(), now),
                Err(not_until) => not_until,
            };
            self.meter.count(0, now);
            let earliest = not_until.earliest_possible();
            let wait = earliest.duration_since(BucketClock(Arc::clone(&self.clock)).now());
            let wait = Duration::from(wait).max(Duration::from_millis(1));
            self.clock.sleep_until(self.clock.now().plus(wait)).await;
        }
    }

    fn is_anybody_before(&self, urgency: Urgency) -> bool {
        let is_waiting = |count: &AtomicUsize| count.load(Ordering::Relaxed) > 0;
        match urgency {
            Urgency::Urgent => false,
            Urgency::Usual => is_waiting(&self.urgent),
            Urgency::Leisurely => is_waiting(&self.urgent) || is_waiting(&self.usual),
        }
    }

    /// Heeds what an answer asks for.
    fn heed(&self, response: &Response, urgency: Urgency) {
        let now = self.clock.now();
        let throttled = classify(response, Effect::None, now);
        let rest = self.rest.and_then(|rest| rest(response));
        let mut waits = self.waits.lock().expect(LOCK);
        if let Some(ErrorKind::Throttled { until: Some(until) }) = throttled {
            waits.blocked_until = waits.blocked_until.max(until);
            self.meter.block(until);
        }
        if let Some(said) = self.said.and_then(|said| said(response)) {
            self.meter.hear(said, now);
        }
        if let Some(rest) = rest {
            waits.resting_until = waits.resting_until.max(now.plus(rest.usual));
            waits.leisure_until = waits.leisure_until.max(now.plus(rest.leisurely));
        }
        if urgency == Urgency::Leisurely {
            waits.leisure_until = waits.leisure_until.max(now.plus(self.leisure));
        }
    }
}

const LOCK: &str = "no holder of this lock panics";

#[async_trait]
impl HttpPort for Paced {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        let urgency = URGENCY.try_get().unwrap_or(Urgency::Usual);
        self.wait_for_turn(urgency).await;
        let response = self.inner.send(request).await?;
        self.heed(&response, urgency);
        Ok(response)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn nonce(&self) -> String {
        self.inner.nonce()
    }
}
