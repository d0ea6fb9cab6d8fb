//! Reading from a channel that asks us to wait: again and again, but never the same that failed.
//!
//! One reading may take several calls, and a channel may give just enough for the first of them. Tried
//! again as it was, it would be broken off at the same place for ever; so a batch is asked for in
//! smaller parts, and before what has no parts the wait grows until the channel gives enough.

use std::{future::Future, pin::Pin, time::Duration};

use channel::{ChannelError, ErrorKind};
use tokio::sync::Notify;

use crate::{Engine, account::Account};

/// Beyond this the channel does not mean to let us in.
const WAITS_MAX: u32 = 30;
/// How long we wait beyond what we were asked to, at most: twice as long each time.
const LONGER_MAX: Duration = Duration::from_secs(32);

/// An answer under way.
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChannelError>> + Send + 'a>>;

impl Engine {
    /// Makes a call that only reads, again and again while the channel asks us to wait.
    pub(crate) async fn patiently<'a, T>(
        &'a self,
        account: &'a Account,
        call: impl Fn() -> Answer<'a, T> + Send,
    ) -> Result<T, ChannelError> {
        let (mut waits, mut longer) = (0, Duration::ZERO);
        loop {
            let result = call().await;
            self.note_call(account, &result);
            let is_over = waits == WAITS_MAX || !is_throttled(&result);
            if is_over || !self.wait_for_throttle(account).await {
                return result;
            }
            let until = self.ports.clock.now().plus(longer);
            if !longer.is_zero() && !self.wait(until, &Notify::new()).await {
                return result;
            }
            waits += 1;
            longer = (longer * 2).clamp(Duration::from_secs(1), LONGER_MAX);
        }
    }

    /// Asks for the first `size` of many things; for half as many each time that the channel asks us
    /// to wait. Says how many were asked for in the end.
    pub(crate) async fn patiently_some<'a, K: Sync, T>(
        &'a self,
        account: &'a Account,
        many: &'a [K],
        size: &mut usize,
        call: impl Fn(&'a [K]) -> Answer<'a, T> + Send + Sync,
    ) -> Result<(usize, T), ChannelError> {
        while *size > 1 {
            let some = many.get(..*size).unwrap_or(many);
            let result = call(some).await;
            self.note_call(account, &result);
            if !is_throttled(&result) || !self.wait_for_throttle(account).await {
                return result.map(|answer| (some.len(), answer));
            }
            *size = some.len() / 2;
        }
        let one = many.get(..1).unwrap_or(many);
        let answer = self.patiently(account, || call(one)).await?;
        Ok((one.len(), answer))
    }
}

fn is_throttled<T>(result: &Result<T, ChannelError>) -> bool {
    result
        .as_ref()
        .is_err_and(|error| matches!(error.kind, ErrorKind::Throttled { .. }))
}
