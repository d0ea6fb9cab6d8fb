//! Load, decide, commit: the one path by which state changes.
//!
//! Decisions are taken one after another in this process, each on top of those before it, which may not be
//! durable yet ([`crate::pending`]); nothing is told or done before it is ([`Decider::settle`]). The store's
//! expectations guard against other processes. A conflict means that another one was quicker: load and
//! decide again, bounded.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex as Lock, RwLock},
};

pub use domain::decide::Policy;
use domain::{
    AccountId, IdSource, Quantity, Sku, Time,
    book::Book,
    decide::{Context, Decision, FollowUp, Refusal, Terms, Undecided, Verdict, decide},
    ids::OrderId,
    lateness::Late,
    offer::Suppression,
    order::Order,
    order_rules::OrderRule,
    signal::Signal,
    stock::Stock,
};
use store::{Batch, Range, Store, StoreError, Table, limits};
use tokio::sync::{Mutex, MutexGuard, Notify, watch};

use crate::{
    alike,
    cases::{
        recorder::{Making, Noted, Recorder},
        watched::{Seen, Watched},
    },
    exposure::Exposures,
    pending::{Ahead, Outcome, Pending},
    persons,
    ports::{Ports, Work},
    recipients,
    rows::{self, key, prefix},
    shelf::{Memo, Shelf},
    watching::{self, Watch},
};

/// How often a decision is taken again because another process changed a row.
const CONFLICTS_MAX: u32 = 16;
const LOCK: &str = "no holder of this lock panics";
/// How many orders that wait for an item are looked at when some of it becomes free.
const WAITING_MAX: usize = 200;

/// Takes decisions.
pub struct Decider {
    ports: Ports,
    policy: RwLock<Arc<Policy>>,
    /// What is at risk by what was decided.
    pub exposures: Exposures,
    /// What watched accounts show too much by it.
    pub watch: Watch,
    /// What the rows of what sells say.
    pub(crate) memo: Memo,
    shared: Arc<Shared>,
    decided: Lock<Decided>,
}

/// What is shared with whoever brings decisions to the disk.
struct Shared {
    store: Arc<dyn Store>,
    /// Held from loading until what was decided is pending, so that decisions of this process follow
    /// each other and never conflict.
    turn: Mutex<Turn>,
    /// Told when a group has landed.
    landed: Notify,
}

/// What whoever decides holds.
#[derive(Default)]
struct Turn {
    /// Where incidents are to be kept so that they can be played again, who keeps them.
    recorder: Option<Recorder>,
    /// Whether that one knows of decisions that were never committed.
    is_recorder_ahead: bool,
    pending: Pending,
    /// Whether somebody brings what is pending to the disk.
    is_committing: bool,
}

/// A signal that was decided, durably or not.
pub struct Staged {
    parts: Vec<Part>,
    follow_ups: Vec<FollowUp>,
    outcome: watch::Receiver<Outcome>,
}

/// One decision of it.
struct Part {
    signal: Arc<Signal>,
    verdict: Verdict,
    book: Book,
}

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
#[derive(Clone, Debug, Default)]
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
            ports,
            policy: RwLock::new(Arc::new(policy)),
            exposures: Exposures::default(),
            watch: Watch::default(),
            memo: Memo::default(),
            shared: Arc::new(Shared {
                store,
                turn: Mutex::default(),
                landed: Notify::new(),
            }),
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
    /// else is decided, so that no channel is offered what somebody has bought already. Returns when all
    /// of it is durable.
    pub fn decide(&self, signal: Signal) -> Work<'_, Result<Done, DecideError>> {
        self.decide_alongside(signal, Alongside::default())
    }

    /// The same, with rows that belong to the same commit.
    pub fn decide_alongside(
        &self,
        signal: Signal,
        alongside: Alongside,
    ) -> Work<'_, Result<Done, DecideError>> {
        Box::pin(self.decide_and_wait(signal, alongside))
    }

    async fn decide_and_wait(
        &self,
        signal: Signal,
        alongside: Alongside,
    ) -> Result<Done, DecideError> {
        let signal = Arc::new(signal);
        let mut tries = 0;
        loop {
            let done = match self.stage(&signal, alongside.clone()).await {
                Ok(staged) => self.settle(staged).await.map_err(DecideError::from),
                Err(error) => {
                    self.land().await;
                    Err(error)
                }
            };
            match done {
                Err(DecideError::Store(StoreError::Conflict { .. })) if tries < CONFLICTS_MAX => {
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    /// Decides about a signal and does not wait for the disk. What is decided later is decided on top of
    /// it, and is durable no sooner. [`Decider::settle`] must be asked for the rest.
    pub fn stage<'a>(
        &'a self,
        signal: &'a Arc<Signal>,
        alongside: Alongside,
    ) -> Work<'a, Result<Staged, DecideError>> {
        Box::pin(async move {
            let mut turn = self.turn().await?;
            let staged = self.stage_all(&mut turn, signal, alongside).await;
            self.commit_soon(&mut turn);
            staged
        })
    }

    /// What would be decided about a signal; nothing is changed by it.
    pub fn preview<'a>(&'a self, signal: &'a Signal) -> Work<'a, Result<Done, DecideError>> {
        Box::pin(async move {
            let turn = self.turn().await?;
            let context = Context {
                now: self.ports.clock.now(),
                policy: self.policy(),
            };
            let ahead = Ahead {
                store: self.shared.store.as_ref(),
                pending: &turn.pending,
            };
            let draft = self.try_once(&ahead, false, signal, &context).await?;
            let Ok(Draft { decision, .. }) = draft else {
                return Err(StoreError::Conflict { table: rows::STOCK }.into());
            };
            Ok(Done {
                verdict: decision.verdict,
                follow_ups: Vec::new(),
                book: decision.book,
            })
        })
    }

    /// Rows that no decision makes, in their turn among decisions. Nothing follows from them.
    pub async fn stage_rows(&self, rows: Alongside) -> Result<Staged, StoreError> {
        let mut turn = self.turn().await?;
        let Alongside { puts, deletes } = rows;
        let batch = Batch {
            puts,
            deletes,
            ..Batch::default()
        };
        limits::check_batch(&batch)?;
        let outcome = turn.pending.take_in(batch);
        self.commit_soon(&mut turn);
        Ok(Staged {
            parts: Vec::new(),
            follow_ups: Vec::new(),
            outcome,
        })
    }

    /// Waits until what was staged is durable; then it counts.
    pub async fn settle(&self, staged: Staged) -> Result<Done, StoreError> {
        let Staged {
            parts,
            follow_ups,
            mut outcome,
        } = staged;
        let landed = outcome.wait_for(Option::is_some).await;
        let landed = landed.ok().and_then(|landed| landed.clone());
        match landed.unwrap_or_else(|| Err(gone())) {
            Ok(()) => {}
            Err(error) => {
                if let StoreError::Conflict { .. } = error {
                    for part in &parts {
                        self.count(&part.signal, "conflict");
                    }
                }
                return Err(error);
            }
        }
        let mut done = Done {
            verdict: Verdict::New,
            follow_ups,
            book: Book::default(),
        };
        for (at, part) in parts.into_iter().enumerate() {
            self.count(&part.signal, part.verdict.word());
            if at == 0 {
                (done.verdict, done.book) = (part.verdict, part.book);
            }
        }
        Ok(done)
    }

    /// Decides about a signal and about nothing that follows from it: for playing again what was decided.
    pub(crate) async fn decide_alone(&self, signal: &Arc<Signal>) -> Result<Done, DecideError> {
        let mut turn = self.turn().await?;
        let nothing = Alongside::default();
        let (part, follow_ups, outcome) = self.decide_once(&mut turn, signal, nothing).await?;
        while let Some(batch) = turn.pending.take_off() {
            let result = self.shared.store.commit(batch).await;
            turn.pending.land(result);
        }
        drop(turn);
        let staged = Staged {
            parts: vec![part],
            follow_ups,
            outcome,
        };
        Ok(self.settle(staged).await?)
    }

    /// Begins to keep what leads to incidents, or goes on with it.
    pub(crate) async fn keep_cases(&self) -> Result<(), StoreError> {
        let mut turn = self.shared.turn.lock().await;
        turn.recorder = Some(Recorder::load(self.shared.store.as_ref()).await?);
        Ok(())
    }

    /// Runs a change of what is kept of incidents, when all that was decided is durable.
    pub(crate) async fn between<T>(
        &self,
        change: impl AsyncFnOnce(&mut Option<Recorder>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut turn = self.turn_when(Pending::is_empty).await?;
        change(&mut turn.recorder).await
    }

    /// The turn to decide, when there is room for more that is not durable.
    async fn turn(&self) -> Result<MutexGuard<'_, Turn>, StoreError> {
        self.turn_when(|pending| !pending.is_full()).await
    }

    async fn turn_when(
        &self,
        is_so: impl Fn(&Pending) -> bool,
    ) -> Result<MutexGuard<'_, Turn>, StoreError> {
        loop {
            let mut landed = pin!(self.shared.landed.notified());
            // From here on nothing is missed, however soon it lands.
            landed.as_mut().enable();
            let mut turn = self.shared.turn.lock().await;
            if is_so(&turn.pending) {
                if turn.is_recorder_ahead && turn.pending.is_empty() {
                    turn.recorder = Some(Recorder::load(self.shared.store.as_ref()).await?);
                    turn.is_recorder_ahead = false;
                }
                return Ok(turn);
            }
            drop(turn);
            landed.await;
        }
    }

    /// Lets what is pending be brought to the disk, unless somebody is at it.
    fn commit_soon(&self, turn: &mut Turn) {
        if turn.is_committing || turn.pending.is_empty() {
            return;
        }
        turn.is_committing = true;
        let shared = Arc::clone(&self.shared);
        let task = Box::pin(async move { shared.commit_all().await });
        self.ports.spawn.spawn("commit".to_owned(), task);
    }

    async fn stage_all(
        &self,
        turn: &mut Turn,
        signal: &Arc<Signal>,
        alongside: Alongside,
    ) -> Result<Staged, DecideError> {
        let (part, follow_ups, outcome) = self.decide_once(turn, signal, alongside).await?;
        let mut staged = Staged {
            parts: vec![part],
            follow_ups,
            outcome,
        };
        let (mut freed, policy) = (take_freed(&mut staged.follow_ups), self.policy());
        while let Some(sku) = freed.pop() {
            for order in self.waiting_for(turn, &sku).await? {
                let reclaim = Arc::new(Signal::Reclaim { order });
                let nothing = Alongside::default();
                let (part, mut more, outcome) = self.decide_once(turn, &reclaim, nothing).await?;
                // A claim that grows frees nothing, so this ends.
                drop(take_freed(&mut more));
                staged.follow_ups.append(&mut more);
                // Groups land in order, so the last one tells of all.
                staged.outcome = outcome;
                let book = &part.book;
                let may_owe = || policy.rules.owe() && !lacks(book, order, &sku);
                let is_over = book.stock.get(&sku).is_none_or(has_nothing_left) && !may_owe();
                staged.parts.push(part);
                if is_over {
                    break;
                }
            }
        }
        Ok(staged)
    }

    async fn decide_once(
        &self,
        turn: &mut Turn,
        signal: &Arc<Signal>,
        alongside: Alongside,
    ) -> Result<(Part, Vec<FollowUp>, watch::Receiver<Outcome>), DecideError> {
        let context = Context {
            now: self.ports.clock.now(),
            policy: self.policy(),
        };
        let ahead = Ahead {
            store: self.shared.store.as_ref(),
            pending: &turn.pending,
        };
        let is_watched = turn.recorder.is_some();
        let (sealer, policy) = (&self.ports.sealer, &context.policy);
        let signal = &alike::look(&ahead, sealer, policy, signal, context.now).await?;
        let draft = self.try_once(&ahead, is_watched, signal, &context).await?;
        let mut draft = match draft {
            Ok(draft) => draft,
            Err(how) => return Err(give_up(turn, how).into()),
        };
        let recorder = turn.recorder.as_mut();
        let noted = note(
            (recorder.as_deref(), &self.memo),
            signal,
            &context,
            &mut draft,
        );
        let Draft {
            decision,
            mut batch,
            late,
            ..
        } = draft;
        batch.puts.extend(alongside.puts);
        batch.deletes.extend(alongside.deletes);
        // What the store would refuse must not take the others of its group with it.
        limits::check_batch(&batch)?;
        let outcome = turn.pending.take_in(batch);
        if let (Some(recorder), Some(noted)) = (recorder, noted) {
            recorder.settle(noted);
        }
        // In the order of decisions, which is not that in which their callers hear that they are durable. What
        // fails is decided again, and noted again.
        self.exposures
            .note(decision.book.offers.values(), context.now);
        self.watch.take(late);
        let Decision {
            book,
            verdict,
            follow_ups,
        } = decision;
        let part = Part {
            signal: Arc::clone(signal),
            verdict,
            book,
        };
        Ok((part, follow_ups, outcome))
    }

    /// Waits until what is on its way to the disk has landed.
    async fn land(&self) {
        let mut landed = pin!(self.shared.landed.notified());
        landed.as_mut().enable();
        let is_flying = !self.shared.turn.lock().await.pending.is_empty();
        if is_flying {
            landed.await;
        }
    }

    /// What a decision would change; or how the rows that it reads contradict each other.
    async fn try_once(
        &self,
        ahead: &Ahead<'_>,
        is_watched: bool,
        signal: &Signal,
        context: &Context,
    ) -> Result<Result<Draft, String>, DecideError> {
        let (mut complete, mut torn): (Vec<Sku>, u32) = (Vec::new(), 0);
        loop {
            let watched = Watched::new(ahead, &self.memo);
            let store: &dyn Store = if is_watched { &watched } else { ahead };
            let mut shelf = Shelf::load_by(&self.memo, store, signal, &complete).await?;
            let sealer = self.ports.sealer.as_ref();
            let sealed = persons::load(ahead, sealer, signal, &mut shelf.book).await?;
            let recipient = recipients::load(ahead, sealer, signal, &shelf.book).await?;
            let seed = self.ports.entropy.seed();
            let ids = IdSource::new(context.now, seed);
            match decide(shelf.book.clone(), signal, context, ids) {
                Ok(decision) => {
                    let accounts = &context.policy.accounts;
                    let mut batch = shelf.batch(&decision.book, |order| deadline(order, accounts));
                    let (before, after) = ((&shelf.book, &sealed), &decision.book);
                    persons::write(sealer, seed, before, after, &mut batch)?;
                    let books = (&shelf.book, after);
                    recipients::write(sealer, seed, recipient.as_ref(), books, &mut batch)?;
                    let late = self.watch.look(&shelf.book, &decision.book, context.now);
                    batch.puts.extend(late.iter().map(watching::row));
                    return Ok(Ok(Draft {
                        decision,
                        batch,
                        late,
                        before: shelf.book,
                        seen: watched.take(),
                        seed,
                    }));
                }
                Err(Undecided::Refused(refusal)) => {
                    self.count(signal, refusal.word());
                    return Err(refusal.into());
                }
                // Another process may have written between two reads.
                Err(Undecided::Torn(_)) if torn < CONFLICTS_MAX => torn += 1,
                Err(Undecided::Torn(how)) => return Ok(Err(how)),
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

    async fn waiting_for(&self, turn: &Turn, sku: &Sku) -> Result<Vec<OrderId>, StoreError> {
        let range = Range {
            prefix: prefix(&[sku.as_str()]),
            after: None,
        };
        let ahead = Ahead {
            store: self.shared.store.as_ref(),
            pending: &turn.pending,
        };
        let rows = ahead.scan(rows::SHORT_ORDERS, range, WAITING_MAX).await?;
        let ids = rows.iter();
        let mut waiting: Vec<OrderId> = ids
            .filter_map(|(key, _)| rows::last_part(key).parse().ok())
            .collect();
        let rank = |rule: &OrderRule| rule.then.priority.is_some();
        if self.policy().order_rules.iter().any(rank) {
            let mut priorities = BTreeMap::new();
            for id in &waiting {
                let row = ahead.get(rows::ORDERS, &key(&[&id.to_string()])).await?;
                let Some(row) = row else { continue };
                let order: Order = rows::decode(rows::ORDERS, &row.value)?;
                priorities.insert(*id, order.priority);
            }
            let priority = |id: &OrderId| priorities.get(id).copied().unwrap_or_default();
            // Among equals the one that was placed first stays first.
            waiting.sort_by_key(|id| std::cmp::Reverse(priority(id)));
        }
        Ok(waiting)
    }
}

impl Shared {
    /// Brings groups to the disk, one after the other, until none is pending.
    async fn commit_all(&self) {
        loop {
            let batch = {
                let mut turn = self.turn.lock().await;
                match turn.pending.take_off() {
                    Some(batch) => batch,
                    None => {
                        turn.is_committing = false;
                        return;
                    }
                }
            };
            let result = self.store.commit(batch).await;
            let mut turn = self.turn.lock().await;
            turn.is_recorder_ahead |= result.is_err();
            turn.pending.land(result);
            drop(turn);
            self.landed.notify_waiters();
        }
    }
}

/// What contradicts itself, however often it is read, was pending on top of rows that another process
/// has written since. It would not have been stored, and is decided again by whoever waits for it.
fn give_up(turn: &mut Turn, how: String) -> StoreError {
    if turn.pending.is_empty() {
        return StoreError::Corrupt {
            reason: format!("{how}; `oneshelf doctor` lists what contradicts itself"),
        };
    }
    tracing::debug!(how, "what is pending contradicts what is stored");
    let conflict = StoreError::Conflict { table: rows::STOCK };
    turn.pending.give_up(&conflict);
    turn.is_recorder_ahead = true;
    conflict
}

fn gone() -> StoreError {
    StoreError::Unavailable {
        reason: "nobody brings decisions to the disk any more".to_owned(),
    }
}

/// What is kept of a decision, written in its own commit.
fn note(
    (recorder, memo): (Option<&Recorder>, &Memo),
    signal: &Arc<Signal>,
    context: &Context,
    draft: &mut Draft,
) -> Option<Noted> {
    let mut noted = recorder?.note(Making {
        at: context.now,
        seed: draft.seed,
        policy: &context.policy,
        signal,
        verdict: draft.decision.verdict.word(),
        seen: std::mem::take(&mut draft.seen),
        before: &draft.before,
        after: &draft.decision.book,
        batch: &draft.batch,
        memo,
    });
    draft.batch.puts.append(&mut noted.puts);
    Some(noted)
}

/// Whether nobody who waits can be given anything. What one location owes hides what lies at another,
/// so the sum says it only where none owes.
pub(crate) fn has_nothing_left(stock: &Stock) -> bool {
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
pub(crate) fn deadline(order: &Order, accounts: &BTreeMap<AccountId, Terms>) -> Option<Time> {
    let terms = accounts.get(&order.account)?;
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
        FollowUp::ReadOrder { .. } | FollowUp::Compare { .. } | FollowUp::MapWaiting => true,
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
