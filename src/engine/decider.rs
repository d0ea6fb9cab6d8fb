//! Load, decide, commit: the one path by which state changes.
//!
//! Decisions are taken one after another in this process; the store's expectations guard against
//! other processes. A conflict means that another one was quicker: load and decide again, bounded.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex as Lock, RwLock},
};

use domain::{
    AccountId, IdSource, Quantity, Sku, Time, allocation,
    book::Book,
    breaker::BreakerRule,
    decide::{Context, Decision, FollowUp, Refusal, Terms, Undecided, Verdict, decide},
    ids::OrderId,
    lateness::Late,
    locations::Locations,
    offer::{OfferRules, Suppression},
    order::Order,
    policy::{Penalty, Rule},
    signal::Signal,
    stock::{LocationId, Stock},
};
use store::{Batch, Range, Seq, Store, StoreError, Table};
use tokio::sync::Mutex;

use crate::{
    cases::{
        recorder::{Making, Noted, Recorder},
        watched::{Seen, Watched},
    },
    exposure::Exposures,
    ports::Ports,
    rows::{self, prefix},
    shelf::Shelf,
    watching::{self, Watch},
};

/// How often a decision is taken again because another process changed a row.
const CONFLICTS_MAX: u32 = 16;
const LOCK: &str = "no holder of this lock panics";
/// How many orders that wait for an item are looked at when some of it becomes free.
const WAITING_MAX: usize = 200;

/// What every decision takes into account, as configured.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What is known of each account.
    pub accounts: BTreeMap<AccountId, Terms>,
    /// What may be offered.
    pub rules: OfferRules,
    /// Where stock lies when nobody says otherwise.
    pub home: LocationId,
    /// Where stock can lie, and which accounts each location serves.
    pub locations: Locations,
    /// How locations are chosen for orders.
    pub allocation: allocation::Rules,
    /// When too much happens at once.
    pub breaker: BreakerRule,
    /// What is done about incidents while no person has chosen.
    pub incidents: Vec<Rule>,
    /// What canceling costs on accounts where that is said.
    pub penalties: BTreeMap<AccountId, Penalty>,
}

/// Takes decisions.
pub struct Decider {
    store: Arc<dyn Store>,
    ports: Ports,
    policy: RwLock<Arc<Policy>>,
    /// What is at risk by what was decided.
    pub exposures: Exposures,
    /// What watched accounts show too much by it.
    pub watch: Watch,
    /// Held from loading to commit, so that decisions of this process never conflict. In it, where
    /// incidents are to be kept so that they can be played again, who keeps them.
    turn: Mutex<Turn>,
    decided: Lock<Decided>,
}

/// What whoever decides holds.
type Turn = Option<Recorder>;

/// A decision that is not committed yet.
struct Draft {
    decision: Decision,
    batch: Batch,
    late: Vec<Late>,
    before: Book,
    seen: Seen,
    seed: [u8; 16],
}

/// How often each kind of signal turned out to be what, since the start: by the words of both
/// ([`domain::decide::arms`]), with `conflict` for what was decided again.
pub type Decided = BTreeMap<(&'static str, &'static str), u64>;

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// It cannot be done; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a decision did.
#[derive(Debug)]
pub struct Done {
    /// What the signal turned out to be.
    pub verdict: Verdict,
    /// What is to be done next by the engine.
    pub follow_ups: Vec<FollowUp>,
    /// The book after it.
    pub book: Book,
}

/// Rows that go into the same commit as a decision.
#[derive(Debug, Default)]
pub struct Alongside {
    /// Rows to write.
    pub puts: Vec<(Table, Vec<u8>, Vec<u8>)>,
    /// Rows to delete.
    pub deletes: Vec<(Table, Vec<u8>)>,
}

impl Decider {
    /// A decider over a store.
    pub fn new(store: Arc<dyn Store>, ports: Ports, policy: Policy) -> Decider {
        Decider {
            store,
            ports,
            policy: RwLock::new(Arc::new(policy)),
            exposures: Exposures::default(),
            watch: Watch::default(),
            turn: Mutex::new(None),
            decided: Lock::default(),
        }
    }

    /// What was decided since the start, for reports. Nothing decides by it.
    pub fn decided(&self) -> Decided {
        self.decided.lock().expect(LOCK).clone()
    }

    fn count(&self, signal: &Signal, what: &'static str) {
        let mut decided = self.decided.lock().expect(LOCK);
        for word in signal.words() {
            *decided.entry((word, what)).or_default() += 1;
        }
    }

    /// The policy that is in force.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().expect(LOCK))
    }

    /// Puts another policy in force for the decisions to come.
    pub fn set_policy(&self, policy: Policy) {
        *self.policy.write().expect(LOCK) = Arc::new(policy);
    }

    /// Decides about a signal, and gives freed stock to the orders that wait for it before anything
    /// else is decided, so that no channel is offered what somebody has bought already.
    pub async fn decide(&self, signal: Signal) -> Result<Done, DecideError> {
        self.decide_alongside(signal, Alongside::default()).await
    }

    /// The same, with rows that belong to the same commit.
    pub async fn decide_alongside(
        &self,
        signal: Signal,
        alongside: Alongside,
    ) -> Result<Done, DecideError> {
        let mut turn = self.turn.lock().await;
        let signal = Arc::new(signal);
        let mut done = self.decide_once(&mut turn, &signal, alongside).await?;
        let (mut freed, policy) = (take_freed(&mut done.follow_ups), self.policy());
        while let Some(sku) = freed.pop() {
            for order in self.waiting_for(&sku).await? {
                let reclaim = Arc::new(Signal::Reclaim { order });
                let nothing = Alongside::default();
                let mut more = self.decide_once(&mut turn, &reclaim, nothing).await?;
                // A claim that grows frees nothing, so this ends.
                drop(take_freed(&mut more.follow_ups));
                done.follow_ups.append(&mut more.follow_ups);
                let may_owe = || policy.rules.owe() && !lacks(&more.book, order, &sku);
                if more.book.stock.get(&sku).is_none_or(has_nothing_left) && !may_owe() {
                    break;
                }
            }
        }
        Ok(done)
    }

    /// Decides about a signal and about nothing that follows from it: for playing again what was decided.
    pub(crate) async fn decide_alone(&self, signal: &Arc<Signal>) -> Result<Done, DecideError> {
        let mut turn = self.turn.lock().await;
        self.decide_once(&mut turn, signal, Alongside::default())
            .await
    }

    /// Begins to keep what leads to incidents, or goes on with it.
    pub(crate) async fn keep_cases(&self) -> Result<(), StoreError> {
        let mut turn = self.turn.lock().await;
        *turn = Some(Recorder::load(self.store.as_ref()).await?);
        Ok(())
    }

    /// Runs a change of what is kept of incidents, between two decisions.
    pub(crate) async fn between<T>(
        &self,
        change: impl AsyncFnOnce(&mut Option<Recorder>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut turn = self.turn.lock().await;
        change(&mut turn).await
    }

    async fn decide_once(
        &self,
        turn: &mut Turn,
        signal: &Arc<Signal>,
        alongside: Alongside,
    ) -> Result<Done, DecideError> {
        let policy = self.policy();
        let mut last = StoreError::Unavailable {
            reason: "nothing was tried".to_owned(),
        };
        for _ in 0..CONFLICTS_MAX {
            let context = Context {
                now: self.ports.clock.now(),
                accounts: policy.accounts.clone(),
                rules: policy.rules.clone(),
                home: policy.home.clone(),
                locations: policy.locations.clone(),
                allocation: policy.allocation.clone(),
                breaker: policy.breaker,
                incidents: policy.incidents.clone(),
            };
            let mut draft = self.try_once(turn.is_some(), signal, &context).await?;
            let noted = note(turn.as_ref(), signal, &policy, &mut draft, context.now);
            let Draft {
                decision,
                mut batch,
                late,
                ..
            } = draft;
            batch.puts.extend(alongside.puts.iter().cloned());
            batch.deletes.extend(alongside.deletes.iter().cloned());
            match self.commit(batch).await {
                Ok(_) => {
                    if let (Some(recorder), Some(noted)) = (turn.as_mut(), noted) {
                        recorder.settle(noted);
                    }
                    let Decision {
                        book,
                        verdict,
                        follow_ups,
                    } = decision;
                    self.count(signal, verdict.word());
                    self.exposures.note(book.offers.values(), context.now);
                    self.watch.take(late);
                    return Ok(Done {
                        verdict,
                        follow_ups,
                        book,
                    });
                }
                Err(conflict @ StoreError::Conflict { .. }) => {
                    self.count(signal, "conflict");
                    last = conflict;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    async fn commit(&self, batch: Batch) -> Result<Option<Seq>, StoreError> {
        if batch.puts.is_empty() && batch.deletes.is_empty() {
            return Ok(None);
        }
        self.store.commit(batch).await.map(Some)
    }

    async fn try_once(
        &self,
        is_watched: bool,
        signal: &Signal,
        context: &Context,
    ) -> Result<Draft, DecideError> {
        let mut complete: Vec<Sku> = Vec::new();
        loop {
            let watched = Watched::new(self.store.as_ref());
            let store: &dyn Store = if is_watched {
                &watched
            } else {
                self.store.as_ref()
            };
            let shelf = Shelf::load(store, signal, &complete).await?;
            let seed = self.ports.entropy.seed();
            let ids = IdSource::new(context.now, seed);
            match decide(shelf.book.clone(), signal, context, ids) {
                Ok(decision) => {
                    let mut batch = shelf.batch(&decision.book, |order| deadline(order, context));
                    let late = self.watch.look(&shelf.book, &decision.book, context.now);
                    batch.puts.extend(late.iter().map(watching::row));
                    return Ok(Draft {
                        decision,
                        batch,
                        late,
                        before: shelf.book,
                        seen: watched.take(),
                        seed,
                    });
                }
                Err(Undecided::Refused(refusal)) => {
                    self.count(signal, refusal.word());
                    return Err(refusal.into());
                }
                Err(Undecided::NeedsClaims(skus)) => {
                    let known = complete.len();
                    complete.extend(skus);
                    complete.sort();
                    complete.dedup();
                    assert!(
                        complete.len() > known,
                        "a decision asks for other claims each time"
                    );
                }
            }
        }
    }

    async fn waiting_for(&self, sku: &Sku) -> Result<Vec<OrderId>, StoreError> {
        let range = Range {
            prefix: prefix(&[sku.as_str()]),
            after: None,
        };
        let rows = self
            .store
            .scan(rows::SHORT_ORDERS, range, WAITING_MAX)
            .await?;
        Ok(rows
            .iter()
            .filter_map(|(key, _)| rows::last_part(key).parse().ok())
            .collect())
    }
}

/// What is kept of a decision, written in its own commit.
fn note(
    recorder: Option<&Recorder>,
    signal: &Arc<Signal>,
    policy: &Arc<Policy>,
    draft: &mut Draft,
    at: Time,
) -> Option<Noted> {
    let mut noted = recorder?.note(Making {
        at,
        seed: draft.seed,
        policy,
        signal,
        verdict: draft.decision.verdict.word(),
        seen: std::mem::take(&mut draft.seen),
        before: &draft.before,
        after: &draft.decision.book,
        batch: &draft.batch,
    });
    draft.batch.puts.append(&mut noted.puts);
    Some(noted)
}

/// Whether nobody who waits can be given anything. What one location owes hides what lies at another,
/// so the sum says it only where none owes.
fn has_nothing_left(stock: &Stock) -> bool {
    let owes = |at| stock.free_at(at) < Quantity::ZERO;
    !stock.sellable().is_positive() && !stock.locations().into_iter().any(owes)
}

/// Whether units of an item are missing of an order, and not even owed.
fn lacks(book: &Book, order: OrderId, sku: &Sku) -> bool {
    let incidents = book.incidents.iter();
    let mut of_order = incidents.filter(|(key, _)| key.order == order && key.sku == *sku);
    of_order.any(|(_, incident)| incident.closed_at.is_none())
}

/// When an unpaid order loses its stock.
fn deadline(order: &Order, context: &Context) -> Option<Time> {
    let terms = context.accounts.get(&order.account)?;
    let waits = !order.is_payable() && !order.is_withdrawn() && order.expired_at.is_none();
    terms
        .unpaid_for
        .filter(|_| waits)
        .map(|duration| order.placed_at.plus(duration))
}

fn take_freed(follow_ups: &mut Vec<FollowUp>) -> Vec<Sku> {
    let mut freed = Vec::new();
    follow_ups.retain(|follow_up| match follow_up {
        FollowUp::OfferToWaiting(sku) => {
            freed.push(sku.clone());
            false
        }
        FollowUp::ReadOrder { .. } | FollowUp::Compare { .. } => true,
    });
    freed.sort();
    freed.dedup();
    freed
}

/// What a suppressed listing waits for, in a sentence.
pub fn explain_suppression(suppression: Suppression) -> &'static str {
    match suppression {
        Suppression::Unmapped => "it is not known which item it is",
        Suppression::Untracked => {
            "the channel keeps no count for it; switch stock tracking on there"
        }
        Suppression::Service => "it is a service and has no stock",
        Suppression::Uncounted => {
            "its stock was never counted; adjust it or name an opening account"
        }
        Suppression::Formula => {
            "its formula gives no number; `oneshelf stock explain` says why, and the rule must be corrected"
        }
    }
}
