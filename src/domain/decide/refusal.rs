//! Why something cannot be done, in words that say what to do instead.

use crate::{
    AccountId, Decimal, ListingId, Quantity, Sku, Time,
    delivery::DeliveryRefusal,
    fulfillment::FulfillmentRefusal,
    ids::{ArrivalId, CountId, DriftId, IncidentId, OrderId, ReturnId, ShipmentId, TaskId},
    incident::Way,
    issuing::DocumentRefusal,
    item::ItemRefusal,
    message::MESSAGES_MAX,
    notes::NoteRefusal,
    payment::PaymentRefusal,
    placement::PlacementRefusal,
    quantity::NotAQuantity,
    returns::ReturnRefusal,
    stock::{Condition, LocationId},
};

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
    /// An order of an account whose orders come from its channel.
    #[error(
        "the orders of {0} come from its channel: enter orders on an account of the kind `manual`"
    )]
    NotByHand(AccountId),
    /// Another order has this reference.
    #[error(
        "order {order} has the reference {reference} already, and is another one: choose another reference, or replace it"
    )]
    ReferenceUsed {
        /// Which reference.
        reference: String,
        /// Whose it is.
        order: OrderId,
    },
    /// What was entered is no order.
    #[error("{0}")]
    Placement(PlacementRefusal),
    /// What was entered is no payment of the order.
    #[error("{0}")]
    Payment(PaymentRefusal),
    /// More is to be canceled than is open.
    #[error("line {line} has only {left} that have not left: cancel that many or fewer")]
    NotOpen {
        /// Which line.
        line: u32,
        /// How many have not left.
        left: Decimal,
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
    /// The order has no such parcel.
    #[error("order {order} has no parcel {shipment}: `oneshelf orders show {order}` lists them")]
    NoShipment {
        /// Which order.
        order: OrderId,
        /// Which parcel.
        shipment: ShipmentId,
    },
    /// The order has no such return.
    #[error("order {order} has no return {id}: `oneshelf orders show {order}` lists them")]
    NoReturn {
        /// Which order.
        order: OrderId,
        /// Which return.
        id: ReturnId,
    },
    /// What was said of a delivery cannot be.
    #[error("{0}")]
    Delivery(DeliveryRefusal),
    /// What was said of a return cannot be.
    #[error("{0}")]
    Return(ReturnRefusal),
    /// The order has no such task.
    #[error("order {order} has no task {task}: `oneshelf orders show {order}` lists them")]
    NoTask {
        /// Which order.
        order: OrderId,
        /// Which task.
        task: TaskId,
    },
    /// A step of fulfillment cannot be taken.
    #[error("{0}")]
    Fulfillment(FulfillmentRefusal),
    /// What was asked for cannot be issued.
    #[error("{0}")]
    Document(DocumentRefusal),
    /// A note is not taken.
    #[error("{0}")]
    Note(NoteRefusal),
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
    /// It is not for a person to give up.
    #[error("it cannot be dropped: {0}")]
    NotToBeDropped(&'static str),
    /// Enough was sent about it.
    #[error("{MESSAGES_MAX} messages were sent about order {0}: write to the buyer yourself")]
    TooManyMessages(OrderId),
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
