//! Every decision: `decide(book, signal, context, ids)` gives a changed book, or says what it needs.
//!
//! A decision is pure. It starts from the rows that the engine loaded, and ends with claims settled
//! and every offer of the items concerned computed again, so that one commit holds a sale, its claim
//! and what all channels may still show. One file for each kind of signal; [`claims`] and [`offers`]
//! are what they share.

pub mod arms;
pub mod capture;
mod claims;
mod command;
mod counts;
mod delivery;
mod drift;
mod edits;
mod erase;
mod exchange;
mod fulfill;
mod incidents;
mod issue;
mod level;
mod manual;
mod mapping;
mod moves;
mod notes;
mod offers;
mod order_rules;
mod owed;
mod places;
mod policy;
mod push;
mod refusal;
mod return_refunds;
mod returns;
mod ship;
mod snapshot;
mod sold;
mod tell;
mod unclear;
mod verify;

#[cfg(test)]
mod tests;

pub use self::{refusal::Refusal, snapshot::fingerprint};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ExternalId, IdSource, ListingId, Quantity, Sku, Time, allocation,
    book::{Book, ClaimKey},
    breaker::BreakerRule,
    budget::WriteBudget,
    deadlines::Promised,
    fact::{Event, Fact},
    ids::OrderId,
    incident::Why,
    locations::Locations,
    offer::{OfferRules, QuantityMeaning, Taken},
    order::Order,
    order_rules::OrderRule,
    payment::CaptureOn,
    policy::{Penalty, Rule},
    signal::{Command, Signal},
    stock::{Claim, LocationId, Stock},
    verify::Verification,
};

/// What a decision goes by besides the book and the signal.
#[derive(Clone, Debug)]
pub struct Context {
    /// The time of the decision.
    pub now: Time,
    /// What is the same for all decisions until an admin changes it.
    pub policy: Arc<Policy>,
}

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
    /// What is looked at in each order.
    pub verify: Verification,
    /// What is done with orders that are such and such.
    pub order_rules: Vec<OrderRule>,
}

/// What a decision must know of an account.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// What its stock number means.
    pub meaning: QuantityMeaning,
    /// How long an unpaid order keeps its stock; nothing for ever.
    pub unpaid_for: Option<Duration>,
    /// Who decides about its stock.
    pub authority: Authority,
    /// How often a listing may be written in a day, where the channel limits that.
    pub budget: Option<WriteBudget>,
    /// Whether its orders are entered here, and no channel knows of them.
    #[serde(default)]
    pub is_by_hand: bool,
    /// What it promises of time.
    #[serde(default)]
    pub promised: Promised,
    /// When money is taken that is reserved for its orders.
    #[serde(default)]
    pub capture_on: CaptureOn,
}

/// Who decides what there is, when a channel shows something that no order explains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Our ledger: the level is written again.
    #[default]
    Ledger,
    /// The channel: the difference becomes a movement.
    Channel,
}

/// A decision that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The book as it is now.
    pub book: Book,
    /// What the signal turned out to be.
    pub verdict: Verdict,
    /// What the engine should do next; losing it costs time, never truth.
    pub follow_ups: Vec<FollowUp>,
}

/// What a signal turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something new.
    New,
    /// Exactly what we knew.
    Duplicate,
    /// Older than what we knew.
    Stale,
    /// Of no concern to us: a draft, an unknown order that is gone.
    Nothing,
}

/// Something to look at soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowUp {
    /// Read this order on its channel.
    ReadOrder {
        /// Which account.
        account: AccountId,
        /// Which order.
        external_id: ExternalId,
    },
    /// Read the account's new orders, then these levels, and compare.
    Compare {
        /// Which account.
        account: AccountId,
        /// Which listings.
        listings: Vec<ListingId>,
    },
    /// Stock of this item became free, or more of it may be owed, and orders may be waiting for it.
    OfferToWaiting(Sku),
    /// An item or a listing became known, and orders may be waiting for that.
    MapWaiting,
}

/// Why there is no decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// It cannot be done; nothing changes.
    Refused(Refusal),
    /// The book lacks all open claims of these items, with their orders; load them and decide again.
    NeedsClaims(Vec<Sku>),
    /// The rows of the book contradict each other, because somebody else wrote some of them while they were
    /// read: read them again and decide again. Says how.
    Torn(String),
}

impl From<Refusal> for Undecided {
    fn from(refusal: Refusal) -> Undecided {
        Undecided::Refused(refusal)
    }
}

/// Decides about a signal.
pub fn decide(
    book: Book,
    signal: &Signal,
    context: &Context,
    ids: IdSource,
) -> Result<Decision, Undecided> {
    let before = taken_by_orders(&book);
    let mut desk = Desk {
        book,
        context,
        ids,
        follow_ups: Vec::new(),
        broken: BTreeMap::new(),
    };
    let standings = order_rules::standings(&desk);
    let verdict = take_in(&mut desk, signal)?;
    desk.run_rules(&standings)?;
    desk.drop_what_is_answered();
    let takes_over = matches!(signal, Signal::Promises { .. } | Signal::Reclaim { .. });
    desk.settle_promises(takes_over)?;
    desk.settle_incidents();
    desk.settle_places()?;
    desk.settle_tasks();
    desk.update_taken(&before);
    desk.refresh_offers(is_caused_by_an_order(signal));
    desk.note_what_is_due();
    let Desk {
        book, follow_ups, ..
    } = desk;
    if let Some(how) = contradiction(&book) {
        return Err(Undecided::Torn(how));
    }
    Ok(Decision {
        book,
        verdict,
        follow_ups,
    })
}

/// How a book contradicts itself, if it does.
fn contradiction(book: &Book) -> Option<String> {
    let unlawful = |order: &Order| {
        let mut lines = order.lines.iter();
        let line = lines.find(|line| !line.counters.are_lawful())?;
        let (id, number) = (order.id, line.number);
        Some(format!("counters of {id} line {number} are below zero"))
    };
    let over = |(key, claim): (&ClaimKey, &Claim)| {
        // So it is too when more is bound to locations than is open.
        let is_over = claim.open() < Quantity::ZERO || claim.pending() < Quantity::ZERO;
        is_over.then(|| {
            let ClaimKey { sku, order, line } = key;
            format!("the claim of {order} line {line} on {sku} is below zero")
        })
    };
    let short = |stock: &Stock| {
        let what = match stock {
            Stock { pending, .. } if *pending < Quantity::ZERO => "pending claims",
            Stock { owed, .. } if *owed < Quantity::ZERO => "owed units",
            _ => return None,
        };
        Some(format!("the {what} of {} are below zero", stock.sku))
    };
    let mut lines = book.orders.values().filter_map(unlawful);
    let mut claims = book.claims.iter().filter_map(over);
    let mut stock = book.stock.values().filter_map(short);
    lines
        .next()
        .or_else(|| claims.next())
        .or_else(|| stock.next())
}

fn take_in(desk: &mut Desk<'_>, signal: &Signal) -> Result<Verdict, Undecided> {
    Ok(match signal {
        Signal::Order {
            account,
            snapshot,
            source,
        } => snapshot::take_in(desk, account, snapshot, *source)?,
        Signal::OrderGone {
            account,
            external_id,
        } => snapshot::take_gone(desk, account, external_id)?,
        Signal::Listings { account, listings } => level::take_listings(desk, account, listings)?,
        Signal::Opening { account, levels } => level::open(desk, account, levels)?,
        Signal::Levels {
            account,
            levels,
            read_at,
            reading,
            checks,
        } => {
            let looked = level::Looked {
                read_at: *read_at,
                reading: *reading,
                checks,
            };
            level::take_levels(desk, account, levels, looked)?
        }
        Signal::Weigh {
            account,
            side,
            listings,
            of,
        } => drift::weigh(desk, account, *side, listings, *of),
        Signal::Measured { account, demands } => offers::tune(desk, account, demands),
        Signal::StartPush {
            account,
            listings,
            just_read,
        } => push::start(desk, account, listings, just_read.as_ref())?,
        Signal::PushTried { account, results } => push::settle(desk, account, results),
        Signal::IntentStarted { intent } => tell::start(desk, *intent),
        Signal::IntentTried { intent, outcome } => push::settle_intent(desk, *intent, outcome)?,
        Signal::Reclaim { order } => {
            desk.settle_claims(*order)?;
            Verdict::New
        }
        Signal::MapWaiting { order } => mapping::map_waiting(desk, *order)?,
        Signal::Promises { .. } => owed::look_again(desk)?,
        Signal::FollowPolicy {
            incident,
            can_cancel,
        } => policy::act(desk, *incident, *can_cancel)?,
        Signal::Expire { order } => command::expire(desk, *order)?,
        Signal::Close { order } => command::close(desk, *order)?,
        Signal::Forget { order } => erase::forget(desk, *order)?,
        Signal::Command(command) => command::carry_out(desk, command)?,
    })
}

/// Whether what changes by this signal was sold, canceled, paid or sent: a zero of these is single and
/// true, and never too much at once. So is what a buffer holds back because of sales and lag: to hold
/// that zero up would sell what the admin asked to keep. So is what is no preorder any more.
fn is_caused_by_an_order(signal: &Signal) -> bool {
    match signal {
        Signal::Order { .. }
        | Signal::OrderGone { .. }
        | Signal::Measured { .. }
        | Signal::StartPush { .. }
        | Signal::PushTried { .. }
        | Signal::IntentStarted { .. }
        | Signal::IntentTried { .. }
        | Signal::Reclaim { .. }
        | Signal::MapWaiting { .. }
        | Signal::Promises { .. }
        | Signal::FollowPolicy { .. }
        | Signal::Expire { .. }
        | Signal::Close { .. }
        | Signal::Forget { .. } => true,
        Signal::Listings { .. }
        | Signal::Opening { .. }
        | Signal::Levels { .. }
        | Signal::Weigh { .. } => false,
        Signal::Command(command) => match command {
            Command::Place(_)
            | Command::Pay { .. }
            | Command::Deliver { .. }
            | Command::Return { .. }
            | Command::Fulfill { .. }
            | Command::Issue { .. }
            | Command::MapLine { .. }
            | Command::Ship { .. }
            | Command::Allocate { .. }
            | Command::Unallocate { .. }
            | Command::Cancel { .. }
            | Command::Refund { .. }
            | Command::Hold { .. }
            | Command::Note { .. }
            | Command::Evidence { .. }
            | Command::Release { .. }
            | Command::Erase { .. }
            | Command::ResolveIncident { .. }
            | Command::Tell { .. }
            | Command::DropIntent { .. }
            | Command::RetryIntent { .. }
            | Command::RetryPush { .. } => true,
            Command::Adjust { .. }
            | Command::Transfer(_)
            | Command::Expect { .. }
            | Command::Receive(_)
            | Command::GiveUp { .. }
            | Command::Sort(_)
            | Command::OpenCount { .. }
            | Command::EnterCount { .. }
            | Command::CloseCount { .. }
            | Command::SetItem(_)
            | Command::MapListing { .. }
            | Command::Lift { .. }
            | Command::SettleDrift { .. }
            | Command::LetGo { .. }
            | Command::ConfirmZeroes { .. }
            | Command::LiftBreaker { .. } => false,
        },
    }
}

/// What a decision works on.
struct Desk<'a> {
    book: Book,
    context: &'a Context,
    ids: IdSource,
    follow_ups: Vec<FollowUp>,
    /// Promises to lines that this decision found broken.
    broken: BTreeMap<(OrderId, u32), Why>,
}

impl Desk<'_> {
    fn now(&self) -> Time {
        self.context.now
    }

    fn record(&mut self, order: Option<OrderId>, account: Option<&AccountId>, event: Event) {
        let at = self.now();
        self.book.facts.push(Fact {
            at,
            order,
            account: account.cloned(),
            event,
        });
    }

    fn record_for(&mut self, order: OrderId, event: Event) {
        let account = self
            .book
            .orders
            .get(&order)
            .map(|order| order.account.clone());
        self.record(Some(order), account.as_ref(), event);
    }

    fn order(&self, id: OrderId) -> Result<&Order, Undecided> {
        self.book
            .orders
            .get(&id)
            .ok_or(Undecided::Refused(Refusal::NoOrder(id)))
    }

    fn order_mut(&mut self, id: OrderId) -> Result<&mut Order, Undecided> {
        self.book
            .orders
            .get_mut(&id)
            .ok_or(Undecided::Refused(Refusal::NoOrder(id)))
    }

    /// Corrects the sums of open units by what this decision changed in the orders.
    fn update_taken(&mut self, before: &BTreeMap<(AccountId, Sku), Taken>) {
        let after = taken_by_orders(&self.book);
        let keys: Vec<_> = before.keys().chain(after.keys()).cloned().collect();
        for key in keys.into_iter().collect::<std::collections::BTreeSet<_>>() {
            let (was, is) = (
                before.get(&key).copied().unwrap_or_default(),
                after.get(&key).copied().unwrap_or_default(),
            );
            if was == is {
                continue;
            }
            let sum = self.book.taken.entry(key).or_default();
            sum.open = sum.open.plus(is.open).minus(was.open);
            sum.subtracted = sum.subtracted.plus(is.subtracted).minus(was.subtracted);
            sum.unsubtracted = sum
                .unsubtracted
                .plus(is.unsubtracted)
                .minus(was.unsubtracted);
        }
    }
}

/// What the orders in a book add to the open units of their accounts.
fn taken_by_orders(book: &Book) -> BTreeMap<(AccountId, Sku), Taken> {
    let mut sums: BTreeMap<(AccountId, Sku), Taken> = BTreeMap::new();
    for order in book.orders.values() {
        for line in &order.lines {
            let Some(item) = &line.item else { continue };
            // What is sent again was sold once.
            let open = order.claim_target(line.number);
            let open = open.min(line.counters.to_ship_first());
            // What is owed is sold as well, and the channel takes it off its level as anything else.
            let covered = book.claimed_units(order, line.number);
            let covered = covered.plus(order.owed_units(line.number));
            let claimed = covered.min(open);
            let still_subtracted = line.subtracted.minus(line.counters.shipped_net()).or_zero();
            let sum = sums
                .entry((order.account.clone(), item.sku.clone()))
                .or_default();
            sum.open = sum.open.plus(claimed);
            sum.subtracted = sum.subtracted.plus(still_subtracted);
            sum.unsubtracted = sum
                .unsubtracted
                .plus(claimed.minus(still_subtracted).or_zero());
        }
    }
    sums
}
