//! What the engine needs of the machine: time, chance, tasks.
//!
//! Everything that decides or waits goes through these, so that a run under virtual time is the same
//! program. The real ones are in [`system`], the way out to channels in [`http`], the one for e-mail in [`mail`].

pub mod allowance;
pub mod condition;
pub mod formula;
pub mod http;
pub mod mail;
pub mod quota;
pub mod retry;
pub mod schedule;
pub mod system;

use std::{future::Future, pin::Pin, sync::Arc};

use async_trait::async_trait;
use domain::Time;

use crate::sealing::Sealer;

/// Time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Time;

    /// Returns when it is that late.
    async fn sleep_until(&self, at: Time);
}

/// Chance.
pub trait Entropy: Send + Sync {
    /// Sixteen bytes that were never handed out before.
    fn seed(&self) -> [u8; 16];
}

/// A task.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work that is waited for in many places, and compiled in one: what waits for an `async fn` has all of its code compiled
/// anew, and that of all that it waits for.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tasks.
pub trait Spawn: Send + Sync {
    /// Lets a task run beside this one. The name is for people.
    fn spawn(&self, name: String, task: Task);
}

/// All of them.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Tasks.
    pub spawn: Arc<dyn Spawn>,
    /// What keeps personal data from being read without its keys.
    pub sealer: Arc<Sealer>,
}
