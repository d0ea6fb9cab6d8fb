//! Asking a channel no faster than it allows.
//!
//! A token bucket for each account, on our own clock. When the channel itself asks us to wait, every
//! call of the account waits until then: none is made inside a `Retry-After`. Calls about levels are
//! [`urgent`]: what another channel sells meanwhile is sold twice, so they go before everything else,
//! and the rest that a channel recommends is not theirs.

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
    ErrorKind, HttpPort, Quota,
    http::{Effect, Request, Response, SendError, classify},
};
use domain::Time;
use governor::{
    RateLimiter,
    clock::{Clock as _, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use super::Clock;

/// How long others let urgent calls go first; after that they are as urgent.
const YIELD_MAX: Duration = Duration::from_secs(3);
/// How soon they look again.
const YIELD: Duration = Duration::from_millis(20);

tokio::task_local! {
    static IS_URGENT: ();
}

/// Does something whose calls go before those of others.
pub async fn urgent<T>(work: impl Future<Output = T>) -> T {
    IS_URGENT.scope((), work).await
}

/// An HTTP port that waits its turn.
pub struct Paced {
    inner: Arc<dyn HttpPort>,
    clock: Arc<dyn Clock>,
    bucket: RateLimiter<NotKeyed, InMemoryState, BucketClock, NoOpMiddleware<Nanos>>,
    rest: Option<fn(&Response) -> Option<Duration>>,
    waits: Mutex<Waits>,
    /// How many urgent calls wait for their turn.
    urgent: AtomicUsize,
}

/// What the channel asked for.
#[derive(Clone, Copy)]
struct Waits {
    /// Nothing is sent before.
    blocked_until: Time,
    /// Nothing is sent before that can wait.
    resting_until: Time,
}

/// Counts an urgent call for as long as it waits, also when it is given up.
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
    /// Paces a port by a quota.
    pub fn new(inner: Arc<dyn HttpPort>, clock: Arc<dyn Clock>, quota: Quota) -> Paced {
        let at_least_one = |number: u32| NonZeroU32::new(number.max(1)).unwrap_or(NonZeroU32::MIN);
        let rate = governor::Quota::per_second(at_least_one(quota.per_second))
            .allow_burst(at_least_one(quota.burst));
        let bucket = RateLimiter::direct_with_clock(rate, BucketClock(Arc::clone(&clock)));
        Paced {
            inner,
            clock,
            bucket,
            rest: quota.rest,
            waits: Mutex::new(Waits {
                blocked_until: Time::EPOCH,
                resting_until: Time::EPOCH,
            }),
            urgent: AtomicUsize::new(0),
        }
    }

    async fn wait_for_turn(&self) {
        let is_urgent = IS_URGENT.try_with(|()| ()).is_ok();
        let _waiting = is_urgent.then(|| Waiting::begin(&self.urgent));
        let yields_until = self.clock.now().plus(YIELD_MAX);
        loop {
            let now = self.clock.now();
            let waits = *self.waits.lock().expect(LOCK);
            let begins = if is_urgent {
                waits.blocked_until
            } else {
                waits.blocked_until.max(waits.resting_until)
            };
            if begins > now {
                self.clock.sleep_until(begins).await;
                continue;
            }
            if !is_urgent && now < yields_until && self.urgent.load(Ordering::Relaxed) > 0 {
                self.clock.sleep_until(now.plus(YIELD)).await;
                continue;
            }
            let Err(not_until) = self.bucket.check() else {
                return;
            };
            let earliest = not_until.earliest_possible();
            let wait = earliest.duration_since(BucketClock(Arc::clone(&self.clock)).now());
            let wait = Duration::from(wait).max(Duration::from_millis(1));
            self.clock.sleep_until(self.clock.now().plus(wait)).await;
        }
    }

    /// Heeds what an answer asks for.
    fn heed(&self, response: &Response) {
        let now = self.clock.now();
        let throttled = classify(response, Effect::None, now);
        let rest = self.rest.and_then(|rest| rest(response));
        let mut waits = self.waits.lock().expect(LOCK);
        if let Some(ErrorKind::Throttled { until: Some(until) }) = throttled {
            waits.blocked_until = waits.blocked_until.max(until);
        }
        if let Some(rest) = rest {
            waits.resting_until = waits.resting_until.max(now.plus(rest));
        }
    }
}

const LOCK: &str = "no holder of this lock panics";

#[async_trait]
impl HttpPort for Paced {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.wait_for_turn().await;
        let response = self.inner.send(request).await?;
        self.heed(&response);
        Ok(response)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn nonce(&self) -> String {
        self.inner.nonce()
    }
}
