//! Facts: events that we recorded, in order. The journal is the list of them.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, ExternalId, ListingId, Money, Quantity, Sku, Time,
    book::Settlement,
    breaker::Side,
    buffer::Tuned,
    delivery::Tracking,
    fulfillment::Work,
    ids::{
        ArrivalId, CountId, DocumentId, DocumentNumber, DriftId, IncidentId, IntentId, MovementId,
        OrderId, PaymentId, ReturnId, ShipmentId, TaskId,
    },
    incident::{Ending, Way, Why},
    issuing,
    mapping::Named,
    offer::{Edit, Suppression},
    order_rules::Moment,
    owed::Kind,
    payment::{Method, Step},
    returns::{ReturnReason, Verdict},
    stock::{Cause, Condition, LocationId},
};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// When it was recorded.
    pub at: Time,
    /// Whose timeline it belongs to.
    pub order: Option<OrderId>,
    /// On which account, where that matters.
    pub account: Option<AccountId>,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A channel's order became one of ours.
    OrderAccepted {
        /// Its id there.
        external_id: ExternalId,
        /// Its number there.
        number: String,
    },
    /// Somebody entered it.
    OrderEntered {
        /// Who.
        by: String,
    },
    /// Somebody entered it anew: it is as it was entered last.
    OrderReplaced {
        /// Who.
        by: String,
    },
    /// Something happened to its money.
    PaymentRecorded {
        /// Ours.
        payment: PaymentId,
        /// What.
        step: Step,
        /// By which means.
        method: Method,
        /// How much.
        amount: Money,
        /// When.
        at: Time,
        /// Who entered it.
        by: String,
    },
    /// The channel's view of an order changed: what, from, to.
    OrderChanged {
        /// Which part.
        what: String,
        /// What it was.
        from: String,
        /// What it is.
        to: String,
    },
    /// A line became known.
    LineAdded {
        /// Our number of it.
        line: u32,
        /// The SKU as the channel wrote it.
        channel_sku: Option<String>,
        /// How many units.
        units: Quantity,
    },
    /// A line was found to be an item.
    LineMapped {
        /// Our number of it.
        line: u32,
        /// The item.
        sku: Sku,
    },
    /// A counter of a line grew.
    Counted {
        /// Our number of it.
        line: u32,
        /// Which counter.
        counter: Counter,
        /// By how many units.
        units: Quantity,
    },
    /// Units were promised to a line.
    Claimed {
        /// Our number of it.
        line: u32,
        /// Of what.
        sku: Sku,
        /// How many.
        units: Quantity,
    },
    /// Promised units were given back.
    Released {
        /// Our number of it.
        line: u32,
        /// Of what.
        sku: Sku,
        /// How many.
        units: Quantity,
        /// Why.
        reason: String,
    },
    /// Promised units are bound to leave from a location.
    Allocated {
        /// Our number of the line.
        line: u32,
        /// Of what.
        sku: Sku,
        /// From where.
        location: LocationId,
        /// How many.
        units: Quantity,
        /// Why from there.
        because: String,
    },
    /// Promised units are not bound to a location any more; they stay promised.
    Unbound {
        /// Our number of the line.
        line: u32,
        /// Of what.
        sku: Sku,
        /// From where they were to leave.
        location: LocationId,
        /// How many.
        units: Quantity,
        /// Why, where it is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// A line is not covered by stock.
    Short {
        /// Our number of it.
        line: u32,
        /// Of what.
        sku: Sku,
        /// How many are missing.
        units: Quantity,
    },
    /// A line that was not covered is so now.
    Covered {
        /// Our number of it.
        line: u32,
    },
    /// Units that are missing are owed by a date.
    Owed {
        /// Our number of the line.
        line: u32,
        /// Of what.
        sku: Sku,
        /// How many units of the line, by now.
        units: Quantity,
        /// How.
        kind: Kind,
        /// By when they ship.
        until: Time,
    },
    /// Units were sold that are not there.
    IncidentOpened {
        /// Ours.
        incident: IncidentId,
        /// Our number of the line.
        line: u32,
        /// Of what.
        sku: Sku,
        /// How many are missing.
        units: Quantity,
        /// What explains it.
        why: Why,
    },
    /// A person chose a way out.
    WayChosen {
        /// Of which incident.
        incident: IncidentId,
        /// Which.
        way: Way,
        /// Who.
        by: String,
        /// In their words.
        note: Option<String>,
    },
    /// An incident came to its end.
    IncidentClosed {
        /// Which.
        incident: IncidentId,
        /// Of what.
        sku: Sku,
        /// How.
        ending: Ending,
    },
    /// Stock changed.
    Moved {
        /// Which movement.
        movement: MovementId,
        /// Of what.
        sku: Sku,
        /// Where.
        location: LocationId,
        /// In which condition.
        #[serde(default)]
        condition: Condition,
        /// By how much.
        delta: Quantity,
        /// Why.
        cause: Cause,
    },
    /// Units are on their way to us.
    ArrivalExpected {
        /// Ours.
        arrival: ArrivalId,
        /// Of what.
        sku: Sku,
        /// Where to.
        location: LocationId,
        /// How many.
        units: Quantity,
        /// When they should be there.
        due: Option<Time>,
    },
    /// Nothing more of an arrival will come.
    ArrivalClosed {
        /// Which.
        arrival: ArrivalId,
        /// Of what.
        sku: Sku,
        /// How many did not come.
        missing: Quantity,
        /// How many came beyond what was announced.
        #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
        surplus: Quantity,
        /// Why.
        reason: String,
    },
    /// A stocktake began.
    CountOpened {
        /// Ours.
        count: CountId,
        /// Where.
        location: LocationId,
        /// Who.
        by: String,
    },
    /// An item was counted.
    CountEntered {
        /// In which stocktake.
        count: CountId,
        /// Which.
        sku: Sku,
        /// How many lay there.
        counted: Quantity,
        /// How many should have.
        expected: Quantity,
        /// Whether that was believed; otherwise it is to be counted again.
        is_applied: bool,
    },
    /// A stocktake ended.
    CountClosed {
        /// Which.
        count: CountId,
        /// Who.
        by: String,
    },
    /// The order waits for a person.
    HoldPlaced {
        /// Why.
        reason: String,
        /// Who put it there.
        owner: String,
    },
    /// It waits no more.
    HoldReleased {
        /// What for it waited.
        reason: String,
        /// Who lifted it.
        by: String,
    },
    /// It looks like an order of shortly before, by the same buyer.
    LooksAlike {
        /// Which.
        other: OrderId,
    },
    /// A rule found it to be so, and did something.
    RuleMatched {
        /// Which.
        rule: String,
        /// At which moment.
        on: Moment,
        /// What it saw: names and values.
        saw: Vec<(String, String)>,
        /// What it did, in words.
        did: Vec<String>,
    },
    /// Nobody can say whether a rule is about it, so nothing was done.
    RuleFailed {
        /// Which.
        rule: String,
        /// At which moment.
        on: Moment,
        /// Why.
        error: String,
    },
    /// Staff wrote a note. What it says is not in the fact.
    NoteAdded {
        /// Its place among the notes of the order, from 1.
        number: u32,
        /// Who.
        by: String,
    },
    /// All that is known of it, people too, was written down for a dispute.
    EvidenceMade {
        /// Who asked for it.
        by: String,
    },
    /// What it says of people is to be erased.
    ErasureAsked {
        /// Who asked.
        by: String,
    },
    /// What it said of people is erased.
    PersonErased {
        /// Who asked, or `oneshelf` when their time was over.
        by: String,
    },
    /// Somebody worked on it.
    Worked {
        /// Within which task.
        task: TaskId,
        /// What.
        work: Work,
        /// Who, or `oneshelf`.
        by: String,
    },
    /// Something left.
    ShipmentRecorded {
        /// Ours.
        shipment: ShipmentId,
        /// Who carries it.
        carrier: Option<String>,
        /// Its number there.
        tracking_number: Option<String>,
        /// Whether we did it, or the channel told us.
        is_ours: bool,
    },
    /// Something happened to a parcel.
    Tracked {
        /// To which.
        shipment: ShipmentId,
        /// What.
        state: Tracking,
        /// When it happened.
        at: Time,
        /// Where, in the carrier's words.
        place: Option<String>,
        /// Who told.
        by: String,
    },
    /// The trouble of a parcel was seen to.
    DeliverySettled {
        /// Of which.
        shipment: ShipmentId,
        /// How.
        note: String,
        /// Who.
        by: String,
    },
    /// Units that left are sent again.
    SentAgain {
        /// Why.
        reason: String,
        /// Who said so.
        by: String,
    },
    /// Units of a line are to come back.
    ReturnAdvised {
        /// With which return.
        id: ReturnId,
        /// Our number of the line.
        line: u32,
        /// How many.
        units: Quantity,
        /// Why.
        reason: ReturnReason,
        /// Whether its time was over, and it is taken back nevertheless.
        #[serde(default, skip_serializing_if = "is_false")]
        goodwill: bool,
        /// Who said so.
        by: String,
    },
    /// Units leave for what comes back.
    Exchanged {
        /// With which return.
        id: ReturnId,
        /// Our number of the line that they leave as.
        line: u32,
        /// Which item.
        sku: Sku,
        /// How many.
        units: Quantity,
        /// What they cost together.
        total: Money,
        /// Who said so.
        by: String,
    },
    /// Money is given back for units of a return.
    ReturnRefunded {
        /// Of which.
        id: ReturnId,
        /// How much.
        amount: Money,
        /// For which units: line numbers and units.
        lines: Vec<(u32, Quantity)>,
        /// Whether it may be more than came back.
        #[serde(default, skip_serializing_if = "is_false")]
        anyway: bool,
    },
    /// Units of a line came back.
    ReturnReceived {
        /// With which return.
        id: ReturnId,
        /// Our number of the line.
        line: u32,
        /// How many.
        units: Quantity,
        /// Where they lie.
        location: LocationId,
        /// Who took them in.
        by: String,
    },
    /// Somebody looked at units that came back.
    ReturnInspected {
        /// With which return.
        id: ReturnId,
        /// Our number of the line.
        line: u32,
        /// How many.
        units: Quantity,
        /// What becomes of them.
        verdict: Verdict,
        /// What they saw.
        note: String,
        /// Who.
        by: String,
    },
    /// Nothing more is expected of a return.
    ReturnClosed {
        /// Of which.
        id: ReturnId,
        /// Why.
        reason: String,
        /// Who said so.
        by: String,
    },
    /// A document was issued under a number.
    DocumentIssued {
        /// Ours.
        document: DocumentId,
        /// What.
        kind: issuing::Kind,
        /// Under which number.
        number: DocumentNumber,
        /// The number of the invoice that it takes back, in whole or in part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrects: Option<DocumentNumber>,
        /// Of how much.
        total: Money,
        /// Who issued it.
        by: String,
    },
    /// A wish was made.
    IntentMade {
        /// Ours.
        intent: IntentId,
        /// In words.
        wish: String,
        /// Whether it is no matter of its channel.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_elsewhere: bool,
    },
    /// A wish came true.
    IntentDone {
        /// Ours.
        intent: IntentId,
        /// Whether it was no matter of its channel.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_elsewhere: bool,
    },
    /// A wish waits for a person.
    IntentParked {
        /// Ours.
        intent: IntentId,
        /// Why.
        reason: String,
    },
    /// A wish will not be carried out, and nobody need look.
    IntentDropped {
        /// Which.
        intent: IntentId,
        /// Why.
        reason: String,
    },
    /// A listing should show something else.
    OfferChanged {
        /// Which.
        listing: ListingId,
        /// Of what.
        sku: Sku,
        /// What it should show; nothing while suppressed.
        wanted: Option<Quantity>,
        /// Why nothing.
        suppressed: Option<Suppression>,
    },
    /// The buffer of a listing tuned itself.
    BufferTuned {
        /// Which.
        listing: ListingId,
        /// Of what.
        sku: Sku,
        /// What is held back, and the numbers that it comes from.
        tuned: Tuned,
    },
    /// A listing ended by its rule: it shows zero until it is lifted.
    ListingEnded {
        /// Which.
        listing: ListingId,
        /// Of what.
        sku: Sku,
        /// How much was sellable then.
        sellable: Quantity,
    },
    /// A listing that had ended is offered again.
    ListingLifted {
        /// Which.
        listing: ListingId,
        /// Of what.
        sku: Sku,
        /// Why, in words.
        reason: String,
    },
    /// A push was made durable, to be sent.
    PushStarted {
        /// Which listing.
        listing: ListingId,
        /// Its idempotency key.
        key: IntentId,
        /// What is written.
        quantity: Quantity,
        /// What it replaces, as we believe.
        expected: Option<Quantity>,
    },
    /// The channel took a push.
    PushAcknowledged {
        /// Which listing.
        listing: ListingId,
        /// What it shows now.
        quantity: Quantity,
        /// Since when the channel showed something else, or when the wish changed last if that was later.
        due_since: Option<Time>,
    },
    /// The channel shows something else than we believed; its orders are read first.
    PushConflicted {
        /// Which listing.
        listing: ListingId,
        /// What we believed.
        expected: Option<Quantity>,
        /// What it shows.
        observed: Option<Quantity>,
    },
    /// A push waits for a person.
    PushParked {
        /// Which listing.
        listing: ListingId,
        /// Why.
        reason: String,
    },
    /// A level disagrees, and no order explains it.
    DriftOpened {
        /// Which listing.
        listing: ListingId,
        /// The case.
        drift: DriftId,
        /// What it should show by all that we know.
        expected: Quantity,
        /// What it shows.
        observed: Quantity,
        /// Whether the breaker keeps it from being repaired.
        is_held: bool,
    },
    /// A case of drift was settled.
    DriftClosed {
        /// Which listing.
        listing: ListingId,
        /// The case.
        drift: DriftId,
        /// How.
        way: Settlement,
        /// Which person said so.
        by: Option<String>,
    },
    /// Somebody changed a level on the channel.
    LevelEdited {
        /// Which listing.
        listing: ListingId,
        /// Who and what.
        edit: Edit,
    },
    /// Too much happened at once to the listings of an account.
    BreakerTripped {
        /// On which side.
        side: Side,
        /// To how many listings.
        listings: usize,
        /// How many there are.
        of: usize,
    },
    /// A person lifted a breaker, or confirmed what is wished.
    BreakerLifted {
        /// On which side.
        side: Side,
        /// Who.
        by: String,
    },
    /// A person said which item a listing is, or a SKU of a channel, or took that back.
    ListingMapped {
        /// What was meant.
        named: Named,
        /// The item; nothing where it was taken back.
        sku: Option<Sku>,
        /// Who.
        by: String,
    },
    /// An item became known or was changed.
    ItemSet {
        /// Its key.
        sku: Sku,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The counters of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Bought.
    Ordered,
    /// Given up.
    Canceled,
    /// Wanted again.
    Reinstated,
    /// Fetched for packing.
    Picked,
    /// Put back.
    Unpicked,
    /// Put into a parcel.
    Packed,
    /// Taken out of it.
    Unpacked,
    /// Left.
    Shipped,
    /// Arrived.
    Delivered,
    /// Had not arrived after all.
    Undelivered,
    /// To be sent again.
    Resent,
    /// Not to be sent again after all.
    ResendDropped,
    /// Came back.
    Returned,
}
