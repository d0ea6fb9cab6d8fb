//! Decides again what was decided: in memory, at the times of then, through the decider that runs a shop.
//!
//! It touches no store of anybody and no network.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use domain::{
    Sku, Time,
    book::{Book, ListingKey},
    fact::Fact,
    order::Order,
    signal::Signal,
};
use store::{Batch, Memory, Store, StoreError};

use super::watched::Place;
use crate::{
    decider::{DecideError, Decider, Policy},
    ports::{Clock, Entropy, Ports, Spawn, Task},
    sealing::Sealer,
};

/// What is to be decided again.
pub(crate) struct Scene {
    pub(crate) policies: Vec<Arc<Policy>>,
    pub(crate) steps: Vec<SceneStep>,
}

/// One decision of it.
pub(crate) struct SceneStep {
    pub(crate) at: Time,
    pub(crate) seed: [u8; 16],
    pub(crate) policy: usize,
    pub(crate) given: Vec<(Place, Option<Vec<u8>>)>,
    pub(crate) signal: Arc<Signal>,
}

/// What was decided this time.
pub(crate) struct Played {
    /// What the signal turned out to be, or why it was refused.
    pub(crate) verdict: String,
    pub(crate) facts: Vec<Fact>,
    /// The orders that it was about, for sentences.
    pub(crate) orders: Vec<Order>,
    /// The decimals of the items that it read, and which of them the listings are; for sentences, too.
    pub(crate) scales: BTreeMap<Sku, u8>,
    pub(crate) listings: BTreeMap<ListingKey, Sku>,
}

impl Played {
    fn of(verdict: &str, book: Book) -> Played {
        let items = book.items.into_values();
        let listings = book.listings.into_iter();
        let mapped = listings.filter_map(|(key, listing)| Some((key, listing.sku?)));
        let offered = book.offers.into_iter().map(|(key, offer)| (key, offer.sku));
        Played {
            verdict: verdict.to_owned(),
            facts: book.facts,
            orders: book.orders.into_values().collect(),
            scales: items.map(|item| (item.sku, item.scale)).collect(),
            listings: mapped.chain(offered).collect(),
        }
    }
}

/// The time and the chance of the step that is played.
#[derive(Default)]
struct Stage {
    now: Mutex<(Option<Time>, [u8; 16])>,
}

impl Stage {
    fn set(&self, at: Time, seed: [u8; 16]) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = (Some(at), seed);
    }

    fn get(&self) -> (Option<Time>, [u8; 16]) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for Stage {
    fn now(&self) -> Time {
        self.get().0.unwrap_or(Time::EPOCH)
    }

    async fn sleep_until(&self, _: Time) {}
}

impl Entropy for Stage {
    fn seed(&self) -> [u8; 16] {
        self.get().1
    }
}

/// Nothing runs beside a replay.
impl Spawn for Stage {
    fn spawn(&self, _: String, task: Task) {
        drop(task);
    }
}

/// Decides all of it, in order.
pub(crate) async fn play(scene: &Scene) -> Result<Vec<Played>, StoreError> {
    let stage = Arc::new(Stage::default());
    let ports = Ports {
        clock: stage.clone(),
        entropy: stage.clone(),
        spawn: stage.clone(),
        sealer: Arc::new(Sealer::in_memory()),
    };
    let memory = Arc::new(Memory::new());
    let decider = Decider::new(memory.clone(), ports, Policy::default());
    let mut played = Vec::with_capacity(scene.steps.len());
    let mut policy = None;
    for step in &scene.steps {
        if policy != Some(step.policy) {
            policy = Some(step.policy);
            if let Some(rules) = scene.policies.get(step.policy) {
                decider.set_policy(rules.as_ref().clone());
            }
        }
        give(memory.as_ref(), step).await?;
        stage.set(step.at, step.seed);
        played.push(match decider.decide_alone(&step.signal).await {
            Ok(done) => Played::of(done.verdict.word(), done.book),
            Err(DecideError::Refused(refusal)) => {
                Played::of(&format!("refused: {refusal}"), Book::default())
            }
            Err(DecideError::Store(error)) => return Err(error),
        });
        // A long case must not keep all others of this process waiting.
        tokio::task::yield_now().await;
    }
    Ok(played)
}

async fn give(memory: &dyn Store, step: &SceneStep) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for ((table, key), value) in &step.given {
        match value {
            Some(value) => batch.puts.push((*table, key.clone(), value.clone())),
            None => batch.deletes.push((*table, key.clone())),
        }
    }
    if batch.puts.is_empty() && batch.deletes.is_empty() {
        return Ok(());
    }
    memory.commit(batch).await.map(|_| ())
}
