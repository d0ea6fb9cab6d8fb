//! Everything that [`crate::decide`] decides about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Decimal, ExternalId, ListingId, Money, Quantity, Sku, Time,
    book::Author,
    breaker::Side,
    buffer::Demand,
    delivery::DeliveryStep,
    fulfillment::FulfillmentStep,
    ids::{ArrivalId, CountId, DriftId, IncidentId, IntentId, OrderId},
    incident::Way,
    intent::Outcome,
    issuing::NewDocument,
    item::Item,
    mapping::Named,
    message::Notice,
    notes::NoteText,
    placement::{NewPayment, Placement},
    returns::{OfReturn, ReturnStep},
    snapshot::{LevelSnapshot, ListingSnapshot, OrderSnapshot},
    stock::{Condition, LocationId},
};

/// Something to decide about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// A channel's whole view of an order.
    Order {
        /// Of which account.
        account: AccountId,
        /// The view.
        snapshot: Box<OrderSnapshot>,
        /// How it came.
        source: Source,
    },
    /// A channel does not know an order any more.
    OrderGone {
        /// Which account.
        account: AccountId,
        /// Which order.
        external_id: ExternalId,
    },
    /// A channel offers these.
    Listings {
        /// Which account.
        account: AccountId,
        /// What.
        listings: Vec<ListingSnapshot>,
    },
    /// The opening stock of items that were never counted, from the account that the admin named.
    Opening {
        /// Which account.
        account: AccountId,
        /// The levels that it shows.
        levels: Vec<OpeningLevel>,
    },
    /// Levels that a channel shows.
    Levels {
        /// Which account.
        account: AccountId,
        /// The levels.
        levels: Vec<LevelSnapshot>,
        /// When we asked.
        read_at: Time,
        /// Why we look.
        reading: Reading,
        /// What was done to explain differences before these were read.
        checks: Checks,
    },
    /// What is about to happen to many listings of an account, so that its breaker can trip before it
    /// does.
    Weigh {
        /// Which account.
        account: AccountId,
        /// On which side.
        side: Side,
        /// Listings whose level jumped, or that are to be set to zero by no order.
        listings: Vec<ListingId>,
        /// How many the account has.
        of: usize,
    },
    /// The lane of an account is free: make these pushes durable.
    StartPush {
        /// Which account.
        account: AccountId,
        /// Which listings.
        listings: Vec<ListingId>,
        /// What they showed just before, where they were read. One that does not show what we believe by
        /// now is not pushed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        just_read: Option<JustRead>,
    },
    /// What came of a push.
    PushTried {
        /// Which account.
        account: AccountId,
        /// Per listing.
        results: Vec<(ListingId, PushResult)>,
    },
    /// An intent that goes through a gateway is about to be tried.
    IntentStarted {
        /// Which.
        intent: IntentId,
    },
    /// What came of trying an intent.
    IntentTried {
        /// Which.
        intent: IntentId,
        /// What.
        outcome: Outcome,
    },
    /// Sales elsewhere and the delay of an account were measured, for buffers that tune themselves.
    Measured {
        /// Which account.
        account: AccountId,
        /// Per listing.
        demands: Vec<(ListingId, Demand)>,
    },
    /// Stock may have become free for an order that is short, or its claims are to be looked at again.
    Reclaim {
        /// Which order.
        order: OrderId,
    },
    /// Which items the lines of an order are may be known by now.
    MapWaiting {
        /// Which order.
        order: OrderId,
    },
    /// What is owed of an item is to be looked at again: a date has come, or the rules have changed.
    Promises {
        /// Of which item.
        sku: Sku,
        /// Orders that lack units of it.
        orders: Vec<OrderId>,
    },
    /// The time of a rule of the policy may have come for an incident.
    FollowPolicy {
        /// Which.
        incident: IncidentId,
        /// Whether its account lets orders be canceled.
        can_cancel: bool,
    },
    /// The payment deadline of an order has passed.
    Expire {
        /// Which order.
        order: OrderId,
    },
    /// An order is done, and nothing is expected of it any more.
    Close {
        /// Which order.
        order: OrderId,
    },
    /// What an order says of people is to be erased: it was asked for, or its time is over.
    Forget {
        /// Which order.
        order: OrderId,
    },
    /// A person wants something.
    Command(Command),
}

/// A level that opening stock is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningLevel {
    /// Of which listing.
    pub listing: ListingId,
    /// What it shows.
    pub shown: Decimal,
    /// What we knew to be sold when we asked ([`crate::offer::known_sales`]). When more is known by
    /// now, nobody can say whether the level has it off already, and it is asked again.
    pub sold: Quantity,
}

/// How a view of an order came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It was sent to us, perhaps late or twice.
    Hook,
    /// It stood in a list that we asked for, perhaps before other news came.
    List,
    /// We asked for this one, just now.
    Read,
}

/// Levels that were read just before they are to be overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JustRead {
    /// The levels.
    pub levels: Vec<LevelSnapshot>,
    /// When we asked.
    pub read_at: Time,
}

/// Why levels were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Just before writing them, when they would not stay the same long enough to be confirmed.
    BeforePush,
    /// To compare; the account's orders were read just before.
    Compare,
    /// To compare once more, after its orders were read again: what differs now is drift.
    Confirm,
}

/// What was done to explain differences before levels were read to confirm them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// When reading the account's orders again began.
    pub orders_read_at: Option<Time>,
    /// The orders that were read again one by one, for each listing.
    pub orders: BTreeMap<ListingId, Vec<ExternalId>>,
    /// Who changed a level last, where the channel says so.
    pub authors: BTreeMap<ListingId, Author>,
}

/// What came of pushing one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushResult {
    /// It shows it now.
    Applied,
    /// It was read back, and the try had worked: it shows this now.
    Found {
        /// How much: what was written, less what the channel sold since.
        shown: Quantity,
    },
    /// It shows something else than we believed; nothing was written.
    Conflict {
        /// What, where it says so.
        observed: Option<Decimal>,
        /// Whether the channel itself compared: then this try wrote nothing.
        #[serde(default)]
        is_certain: bool,
    },
    /// It will not.
    Rejected {
        /// In its words.
        reason: String,
    },
    /// It was read back, and shows something else: the try did nothing.
    NotDone,
    /// It may show it now; read back, not before this time.
    Ambiguous {
        /// When.
        at: Time,
    },
    /// Nothing happened; again, not before this time.
    Retry {
        /// When.
        at: Time,
    },
}

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Change what lies somewhere.
    Adjust {
        /// Of what.
        sku: Sku,
        /// Where.
        location: LocationId,
        /// In which condition.
        #[serde(default)]
        condition: Condition,
        /// By or to how much.
        change: Change,
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// Send units from one location to another.
    Transfer(Transfer),
    /// Note units that are to come in.
    Expect {
        /// Of what.
        sku: Sku,
        /// How many, in whole units.
        units: Decimal,
        /// Where.
        location: LocationId,
        /// When.
        due: Option<Time>,
        /// In people's words: the number of an order, a supplier's name.
        reference: String,
        /// Who says so.
        by: String,
    },
    /// Take units in.
    Receive(Receipt),
    /// Nothing more of an arrival will come.
    GiveUp {
        /// Of what.
        sku: Sku,
        /// Which arrival.
        arrival: ArrivalId,
        /// Why.
        reason: String,
    },
    /// Find units to be in another condition.
    Sort(Sorting),
    /// Begin a stocktake.
    OpenCount {
        /// Where.
        location: LocationId,
        /// Of what; everything where nothing is named.
        skus: Vec<Sku>,
        /// A difference above this is counted again before it is believed.
        recount_above: Decimal,
        /// Who.
        by: String,
    },
    /// Say how many were counted.
    EnterCount {
        /// In which stocktake.
        count: CountId,
        /// Of what.
        sku: Sku,
        /// How many, in whole units.
        units: Decimal,
        /// When it was counted; just now where nothing is said.
        as_of: Option<Time>,
        /// Who counted.
        by: String,
    },
    /// End a stocktake.
    CloseCount {
        /// Which.
        count: CountId,
        /// Whether what is to be counted again is given up.
        discards: bool,
        /// Who.
        by: String,
    },
    /// Make an item known, or change it.
    SetItem(Item),
    /// Enter an order of an account whose orders no channel tells.
    Place(Box<Placement>),
    /// Add a payment to such an order.
    Pay {
        /// Which.
        order: OrderId,
        /// What happened to its money.
        payment: NewPayment,
    },
    /// Say what became of its parcels, or send something again.
    Deliver {
        /// Which.
        order: OrderId,
        /// What.
        step: DeliveryStep,
        /// Who.
        by: String,
    },
    /// Say what comes back of it, and what becomes of that.
    Return {
        /// Which.
        order: OrderId,
        /// What.
        step: ReturnStep,
        /// Who.
        by: String,
    },
    /// Say how far work on it is.
    Fulfill {
        /// Which.
        order: OrderId,
        /// What.
        step: FulfillmentStep,
        /// Who.
        by: String,
    },
    /// Issue an invoice, or a credit note, under the next number of its series.
    Issue {
        /// For which order.
        order: OrderId,
        /// What.
        asked: Box<NewDocument>,
    },
    /// Say which item a line is.
    MapLine {
        /// Of which order.
        order: OrderId,
        /// Which line.
        line: u32,
        /// The item.
        sku: Sku,
    },
    /// Say which item a listing is, or a SKU that its channel writes, or take that back.
    MapListing {
        /// On which account.
        account: AccountId,
        /// What is meant.
        named: Named,
        /// The item; nothing to take back what was said.
        sku: Option<Sku>,
        /// Who says so.
        by: String,
    },
    /// Record that something left.
    Ship {
        /// Of which order.
        order: OrderId,
        /// Line numbers and units; empty for all that remains.
        lines: Vec<(u32, Decimal)>,
        /// Who carries it.
        carrier: Option<String>,
        /// Its number there.
        tracking_number: Option<String>,
        /// Where to follow it.
        tracking_url: Option<String>,
        /// Where it leaves from; nothing for the only or usual location.
        location: Option<LocationId>,
    },
    /// Choose where promised units leave from.
    Allocate {
        /// Of which order.
        order: OrderId,
        /// Only of this line; of all where nothing is said.
        line: Option<u32>,
        /// From there; from the best where nothing is said.
        location: Option<LocationId>,
        /// Who.
        by: String,
    },
    /// Take back where promised units leave from.
    Unallocate {
        /// Of which order.
        order: OrderId,
        /// Only of this line; of all where nothing is said.
        line: Option<u32>,
        /// Who.
        by: String,
    },
    /// Cancel an order on its channel, or some units of one that no channel knows.
    Cancel {
        /// Which.
        order: OrderId,
        /// Line numbers and units; empty for all of it.
        #[serde(default)]
        lines: Vec<(u32, Decimal)>,
        /// Why.
        reason: String,
    },
    /// Give money back on its channel.
    Refund {
        /// Of which order.
        order: OrderId,
        /// How much.
        amount: Money,
        /// For which lines.
        lines: Vec<(u32, Quantity)>,
        /// Why.
        reason: String,
        /// For which return, where it is for one.
        #[serde(default)]
        of_return: Option<OfReturn>,
    },
    /// Stop an order.
    Hold {
        /// Which.
        order: OrderId,
        /// Why.
        reason: String,
        /// Who.
        by: String,
        /// Until when.
        until: Option<Time>,
        /// Whether it keeps its stock.
        keeps_claim: bool,
        /// The message that asks for what is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ask: Option<Notice>,
    },
    /// Write something beside it, for staff.
    Note {
        /// Which.
        order: OrderId,
        /// What. Perhaps personal data.
        text: NoteText,
        /// Who.
        by: String,
    },
    /// Note that all that is known of it was written down for a dispute.
    Evidence {
        /// Of which order.
        order: OrderId,
        /// For whom.
        by: String,
    },
    /// Let it go on.
    Release {
        /// Which.
        order: OrderId,
        /// Who.
        by: String,
    },
    /// Erase what an order says of people, as soon as nothing must be sent any more.
    Erase {
        /// Of which order.
        order: OrderId,
        /// Who asks.
        by: String,
    },
    /// Choose a way out of an incident.
    ResolveIncident {
        /// Which.
        incident: IncidentId,
        /// Which way.
        way: Way,
        /// Who.
        by: String,
        /// In their words.
        note: Option<String>,
    },
    /// Send a message about an order.
    Tell {
        /// Which order.
        order: OrderId,
        /// What, and which way.
        notice: Notice,
    },
    /// Give up a wish that is no channel's matter.
    DropIntent {
        /// Which.
        intent: IntentId,
        /// Who.
        by: String,
    },
    /// Try a parked intent again.
    RetryIntent {
        /// Which.
        intent: IntentId,
    },
    /// Say whose number of a case of drift is right.
    SettleDrift {
        /// Which case.
        drift: DriftId,
        /// Whose.
        right: Whose,
        /// Who says so.
        by: String,
    },
    /// Let these listings go that the breaker holds: what is wanted of them may be written.
    LetGo {
        /// On which account.
        account: AccountId,
        /// By which side they are held.
        side: Side,
        /// Which.
        listings: Vec<ListingId>,
        /// Whose numbers are right, where the channel's differ.
        right: Whose,
        /// Who says so.
        by: String,
    },
    /// What is wished on an account by now was shown to a person who armed it: its zeroes are no news
    /// to the breaker.
    ConfirmZeroes {
        /// Which account.
        account: AccountId,
        /// When it was shown; now, when nothing is said.
        #[serde(default)]
        shown_at: Option<Time>,
    },
    /// Lift the breaker of an account.
    LiftBreaker {
        /// Of which account.
        account: AccountId,
        /// Which side.
        side: Side,
        /// Who says so.
        by: String,
    },
    /// Offer a listing again that ended by its rule.
    Lift {
        /// On which account.
        account: AccountId,
        /// Which listing.
        listing: ListingId,
        /// Who.
        by: String,
    },
    /// Try a parked push again.
    RetryPush {
        /// On which account.
        account: AccountId,
        /// Which listing.
        listing: ListingId,
    },
}

/// Units that go from one location to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Of what.
    pub sku: Sku,
    /// How many, in whole units.
    pub units: Decimal,
    /// From where.
    pub from: LocationId,
    /// To where.
    pub to: LocationId,
    /// When they should be there.
    pub due: Option<Time>,
    /// Whether they are there already; otherwise they are received there later.
    pub is_at_once: bool,
    /// In people's words.
    pub reference: String,
    /// Who.
    pub by: String,
}

/// Units that came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Of what.
    pub sku: Sku,
    /// How many, in whole units; all that has not come yet where nothing is said.
    pub units: Option<Decimal>,
    /// Where; where they were expected, or at the usual location.
    pub location: Option<LocationId>,
    /// In which condition.
    pub condition: Condition,
    /// Which arrival it was, if it was announced.
    pub arrival: Option<ArrivalId>,
    /// In people's words.
    pub reference: String,
    /// Who.
    pub by: String,
}

/// Units that are in another condition than was thought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sorting {
    /// Of what.
    pub sku: Sku,
    /// Where.
    pub location: LocationId,
    /// How many, in whole units.
    pub units: Decimal,
    /// In which condition they were.
    pub from: Condition,
    /// In which they are.
    pub to: Condition,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// Whose number is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The channel's: it becomes a movement of our stock.
    Theirs,
    /// Ours: it is written to the channel.
    Ours,
}

/// A change of stock as a person says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// By so much.
    By(Decimal),
    /// To so much.
    To(Decimal),
}
