//! Asking a channel no faster than it allows.
//!
//! A token bucket for each account, on our own clock. When the channel itself asks us to wait, every
//! call of the account waits until then: none is made inside a `Retry-After`.

use std::{num::NonZeroU32, sync::Arc, sync::Mutex, time::Duration};

use async_trait::async_trait;
use channel::{
    HttpPort, Quota,
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

/// An HTTP port that waits its turn.
pub struct Paced {
    inner: Arc<dyn HttpPort>,
    clock: Arc<dyn Clock>,
    bucket: RateLimiter<NotKeyed, InMemoryState, BucketClock, NoOpMiddleware<Nanos>>,
    blocked_until: Mutex<Time>,
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
            blocked_until: Mutex::new(Time::EPOCH),
        }
    }

    async fn wait_for_turn(&self) {
        loop {
            let blocked = *self
                .blocked_until
                .lock()
                .expect("no holder of this lock panics");
            if blocked > self.clock.now() {
                self.clock.sleep_until(blocked).await;
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
}

#[async_trait]
impl HttpPort for Paced {
    async fn send(&self, request: Request) -> Result<Response, SendError> {
        self.wait_for_turn().await;
        let response = self.inner.send(request).await?;
        let now = self.clock.now();
        if let Some(channel::ErrorKind::Throttled { until: Some(until) }) =
            classify(&response, Effect::None, now)
        {
            let mut blocked = self
                .blocked_until
                .lock()
                .expect("no holder of this lock panics");
            *blocked = (*blocked).max(until);
        }
        Ok(response)
    }

    fn now(&self) -> Time {
        self.clock.now()
    }

    fn nonce(&self) -> String {
        self.inner.nonce()
    }
}
