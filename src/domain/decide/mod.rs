//! Every decision: `decide(book, signal, context, ids)` gives a changed book, or says what it needs.
//!
//! A decision is pure. It starts from the rows that the engine loaded, and ends with claims settled
//! and every offer of the items concerned computed again, so that one commit holds a sale, its claim
//! and what all channels may still show. One file for each kind of signal; [`claims`] and [`offers`]
//! are what they share.

pub mod arms;
mod claims;
mod command;
mod counts;
mod drift;
mod erase;
mod incidents;
mod level;
mod moves;
mod offers;
mod owed;
mod places;
mod policy;
mod push;
mod snapshot;
mod sold;

#[cfg(test)]
mod tests;

pub use self::snapshot::fingerprint;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Decimal, ExternalId, IdSource, ListingId, Quantity, Sku, Time, allocation,
    book::{Book, ClaimKey},
    breaker::BreakerRule,
    budget::WriteBudget,
    fact::{Event, Fact},
    ids::{ArrivalId, CountId, DriftId, IncidentId, OrderId},
    incident::{Way, Why},
    item::ItemRefusal,
    locations::Locations,
    offer::{OfferRules, QuantityMeaning, Taken},
    order::Order,
    policy::{Penalty, Rule},
    quantity::NotAQuantity,
    signal::{Command, Signal},
    stock::{Claim, Condition, LocationId, Stock},
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

/// Why something cannot be done: a value with what a person needs to know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such order.
    #[error("there is no order {0}: `oneshelf orders` lists them")]
    NoOrder(OrderId),
    /// The order has no such line.
    #[error("order {order} has no line {line}: `oneshelf orders show {order}` lists its lines")]
    NoLine {
        /// Which order.
        order: OrderId,
        /// Which line.
        line: u32,
    },
    /// There is no such item.
    #[error("there is no item {0}: `oneshelf stock list` lists them")]
    NoItem(Sku),
    /// The item has no stock of its own.
    #[error("{0} has no stock of its own: adjust its components, or nothing for a service")]
    NotStocked(Sku),
    /// The item cannot be as written.
    #[error(transparent)]
    Item(#[from] ItemRefusal),
    /// The item is in use with other decimals or another kind.
    #[error(
        "{0} is in use: its kind and decimals cannot change while it has stock or open orders; use another \
         SKU, or let its orders leave and its stock be counted to nothing first"
    )]
    ItemInUse(Sku),
    /// The quantity cannot be used.
    #[error("{}{source}", match line { 0 => String::new(), line => format!("line {line}: ") })]
    Quantity {
        /// Of which line; 0 where it is of none.
        line: u32,
        /// What is wrong.
        source: NotAQuantity,
    },
    /// More than is left to be shipped.
    #[error("line {line} has only {left} left to ship, not {asked}: ship that many or fewer")]
    TooMany {
        /// Which line.
        line: u32,
        /// How many are left.
        left: Quantity,
        /// How many were asked for.
        asked: Quantity,
    },
    /// There is nothing left to ship.
    #[error("nothing of this order is left to ship: `oneshelf orders show` tells what has left")]
    NothingToShip,
    /// Units that are not there cannot be shipped.
    #[error("line {line}: {missing} of {sku} are missing; receive or adjust stock first")]
    NotCovered {
        /// Which line.
        line: u32,
        /// Of what.
        sku: Sku,
        /// How many.
        missing: Quantity,
    },
    /// The order waits for something else first.
    #[error("the order is {phase}: {hint}")]
    Phase {
        /// The word of its phase.
        phase: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Something has left already.
    #[error("part of the order has left; stop the parcel or expect a return instead")]
    AlreadyShipped,
    /// More money than there is.
    #[error("at most {0} can be refunded: ask for that or less, in that currency")]
    RefundTooLarge(String),
    /// No hold is in force.
    #[error("the order is not on hold: there is nothing to lift")]
    NotHeld,
    /// There is no such location.
    #[error("there is no location {location}; there are {}", list(known))]
    NoLocation {
        /// As it was written.
        location: LocationId,
        /// Which there are.
        known: Vec<LocationId>,
    },
    /// Units at a location are not for an account.
    #[error(
        "{location} does not serve {account}: choose another location, or add {account} to its `serves`"
    )]
    NotServed {
        /// Where.
        location: LocationId,
        /// On which account.
        account: AccountId,
    },
    /// A channel ships from there itself.
    #[error("{0} is run by its channel, which ships from it itself: choose a location of your own")]
    ChannelOwned(LocationId),
    /// Fewer lie there.
    #[error(
        "only {there} of {sku} lie at {location} ({}), not {asked}: choose another location, or \
         correct what lies there", condition.words()
    )]
    NotThere {
        /// Of what.
        sku: Sku,
        /// Where.
        location: LocationId,
        /// In which condition.
        condition: Condition,
        /// How many.
        there: Quantity,
        /// How many were asked for.
        asked: Quantity,
    },
    /// Not so many may be bound to leave from there.
    #[error(
        "only {free} of {sku} at {location} can leave for this order, not {asked}, because the rest is not \
         there, leaves for other orders, or is needed by orders that can leave from nowhere else: choose \
         another location, or have it sent there"
    )]
    NotFree {
        /// Of what.
        sku: Sku,
        /// Where.
        location: LocationId,
        /// How many could.
        free: Decimal,
        /// How many should.
        asked: Decimal,
    },
    /// No location can take any of it.
    #[error(
        "no location can send any of order {0}: `oneshelf orders allocate` without --yes says why for each"
    )]
    NoPlace(OrderId),
    /// It has no units that a location could be chosen for.
    #[error(
        "nothing of order {0} that was asked for is promised, so it needs no location: see `oneshelf orders \
         show` for what it waits for"
    )]
    NothingPromised(OrderId),
    /// What is asked for would change nothing.
    #[error("{0}")]
    NothingMoves(&'static str),
    /// What lies there is promised.
    #[error(
        "only {free} of {sku} at {location} are not promised to orders, not {asked}: send fewer, or receive \
         more first"
    )]
    Promised {
        /// Of what.
        sku: Sku,
        /// Where.
        location: LocationId,
        /// How many may go.
        free: Decimal,
        /// How many were asked for.
        asked: Decimal,
    },
    /// Nothing like that is on its way.
    #[error(
        "no arrival {arrival} of {sku} is open: it came in, or was given up, or never was; `oneshelf stock \
         arrivals` lists those that are"
    )]
    NoArrival {
        /// Of what.
        sku: Sku,
        /// Which.
        arrival: ArrivalId,
    },
    /// There is no such stocktake.
    #[error("there is no count {0}: open one with `oneshelf stock count open`")]
    NoCount(CountId),
    /// The same is being counted there already.
    #[error(
        "count {count} of the same at {location} is open, by {by} since {opened_at}: enter what you count \
         there, or close it first"
    )]
    CountOpen {
        /// Which.
        count: CountId,
        /// Where.
        location: LocationId,
        /// Who opened it.
        by: String,
        /// When.
        opened_at: Time,
    },
    /// It was closed.
    #[error("count {0} was closed: open another one")]
    CountOver(CountId),
    /// It is not about that item.
    #[error("{0} is not in this count: open another one for it")]
    NotInCount(Sku),
    /// No count can be as of that time.
    #[error("it cannot be counted as of {as_of}: {reason}")]
    AsOf {
        /// As of when it should be.
        as_of: Time,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// What differs by much is counted twice.
    #[error("{} differ by much from what is recorded: count again first, or discard what was counted", skus(.0))]
    RecountFirst(Vec<Sku>),
    /// There is nothing to be tried again.
    #[error("nothing is parked there: `oneshelf outbox` lists what waits for a person")]
    NotParked,
    /// Nobody waits for a way out any more.
    #[error(
        "incident {incident} is over: nothing is missing any more, and nothing is to be chosen"
    )]
    IncidentOver {
        /// Which.
        incident: IncidentId,
    },
    /// Its units are not to be had.
    #[error(
        "nothing can be taken from order {order}: {reason}; `oneshelf incidents show` lists those that give way"
    )]
    NotGivingWay {
        /// From which order.
        order: OrderId,
        /// Why.
        reason: &'static str,
    },
    /// Nothing is there for a way out of an incident.
    #[error(
        "`{}` does not help here: {reason}; `oneshelf incidents show` lists the ways that do",
        .way.word()
    )]
    NoHelp {
        /// The way that was chosen.
        way: Way,
        /// Why not.
        reason: &'static str,
    },
    /// The missing units alone cannot be canceled.
    #[error("the missing units alone cannot be canceled: {reason}")]
    CannotCancelUnits {
        /// Why, and what to do.
        reason: &'static str,
    },
    /// There is no such case of drift.
    #[error("there is no case of drift {0}: `oneshelf drift list --all` lists them")]
    NoDrift(DriftId),
    /// A level of the channel does not say how many there are.
    #[error("the level of {listing} cannot be taken over: {reason}")]
    CannotTake {
        /// Which listing.
        listing: ListingId,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// The breaker of the account has not tripped.
    #[error(
        "the breaker of {0} has not tripped on that side: nothing is held, so nothing is to be lifted"
    )]
    NotTripped(AccountId),
    /// The listing has not ended.
    #[error(
        "the listing has not ended: it shows what its rules allow, so change those to show more"
    )]
    NotEnded,
    /// It would end again at once.
    #[error(
        "only {sellable} of {sku} can be sold, and its rule ends it at {end_when}: receive stock, or lower \
         end_when"
    )]
    WouldEnd {
        /// Of what.
        sku: Sku,
        /// How much is sellable, in whole units.
        sellable: Decimal,
        /// At how much it ends, in whole units.
        end_when: Decimal,
    },
    /// It is wished already.
    #[error(
        "this was asked for already and is under way: `oneshelf outbox` shows what becomes of it"
    )]
    UnderWay,
}

fn list(known: &[LocationId]) -> String {
    let known: Vec<&str> = known.iter().map(LocationId::as_str).collect();
    known.join(", ")
}

fn skus(skus: &[Sku]) -> String {
    let skus: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    skus.join(", ")
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
    let verdict = take_in(&mut desk, signal)?;
    let takes_over = matches!(signal, Signal::Promises { .. } | Signal::Reclaim { .. });
    desk.settle_promises(takes_over)?;
    desk.settle_incidents();
    desk.settle_places()?;
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
        Signal::StartPush { account, listings } => push::start(desk, account, listings),
        Signal::PushTried { account, results } => push::settle(desk, account, results),
        Signal::IntentTried { intent, outcome } => push::settle_intent(desk, *intent, outcome)?,
        Signal::Reclaim { order } => {
            desk.settle_claims(*order)?;
            Verdict::New
        }
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
        | Signal::IntentTried { .. }
        | Signal::Reclaim { .. }
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
            Command::MapLine { .. }
            | Command::Ship { .. }
            | Command::Allocate { .. }
            | Command::Unallocate { .. }
            | Command::Cancel { .. }
            | Command::Refund { .. }
            | Command::Hold { .. }
            | Command::Release { .. }
            | Command::Erase { .. }
            | Command::ResolveIncident { .. }
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
            let open = order.claim_target(line.number);
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
