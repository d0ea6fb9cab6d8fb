//! Our order: what a channel sold, with counters that only grow.
//!
//! A status is never stored. [`Order::phase`] derives it from facts on separate axes (standing,
//! payment, holds, shipping) and from the counters of the lines. Every counter has an opposite, and
//! both only grow, so no history is lost; laws speak of their difference.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Currency, ExternalId, ListingId, Money, Quantity, Sku, Time,
    delivery::{Settled, Tracking, TrackingEvent},
    fulfillment::Task,
    ids::{IntentId, OrderId, ShipmentId, TaskId},
    issuing::Entry,
    order_rules::Run,
    owed::Promise,
    payment::{Payment, Pays},
    person::{Destination, Erasure},
    returns::Return,
    risk::Risk,
    snapshot::{PaymentState, Standing, Version},
    stock::LocationId,
};

/// How long after its last change an order that left is done, where nobody tells that it arrived.
pub const SHIPPED_RESTS: Duration = Duration::from_secs(30 * 24 * 3600);

/// One order in our book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Ours.
    pub id: OrderId,
    /// Where it was placed.
    pub account: AccountId,
    /// The channel's id of it; with the account, what makes it one order.
    pub external_id: ExternalId,
    /// The number that buyers and staff know.
    pub number: String,
    /// The newest of the channel's views that we have taken in.
    pub version: Version,
    /// A fingerprint of that view: the same version with another one means "read it again".
    pub fingerprint: u64,
    /// When the buyer placed it, by the channel's clock.
    pub placed_at: Time,
    /// When it became durable here.
    pub accepted_at: Time,
    /// Whether the channel counts it as a sale.
    pub standing: Standing,
    /// What the channel says of the money.
    pub payment: PaymentState,
    /// The channel's own words.
    pub words: BTreeMap<String, String>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// What the buyer owes or has paid.
    pub total: Money,
    /// What was given back.
    pub refunded: Money,
    /// What else is in its total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amounts: Option<Amounts>,
    /// Its payments, where its channel does not keep the money itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<Payment>,
    /// When it may leave.
    #[serde(default, skip_serializing_if = "Pays::is_usual")]
    pub pays: Pays,
    /// Where it goes, as far as choosing a location needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<Destination>,
    /// Whether what it said of people is to be erased, or is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<Erasure>,
    /// The country of the bill, in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bill_country: Option<String>,
    /// Orders of shortly before by the same buyer that look like it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<OrderId>,
    /// What rules called it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// How soon it is served: the higher, the sooner.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: i32,
    /// Where a rule has it leave from, if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<LocationId>,
    /// Which rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_by: Option<String>,
    /// Which rules were run for it, and what came of each, last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// By when the channel wants it shipped.
    pub ship_by: Option<Time>,
    /// By when it is to leave where its channel does not say it: as its account promised when it could be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised_by: Option<Time>,
    /// By when the channel wants it delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver_by: Option<Time>,
    /// How likely its channel takes it to be fraud, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What was bought.
    pub lines: Vec<Line>,
    /// Why it waits for a person, now or before.
    pub holds: Vec<Hold>,
    /// Where and how far it is worked on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// Where something of it was not found: nothing more of it is sent there by itself.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_found_at: BTreeSet<LocationId>,
    /// What has left.
    pub shipments: Vec<Shipment>,
    /// What comes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returns: Vec<Return>,
    /// What was issued for it under a number, in turn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Entry>,
    /// When its payment deadline passed without payment; it claims again when it is paid after all.
    pub expired_at: Option<Time>,
    /// When a schedule closed it.
    pub closed_at: Option<Time>,
    /// Who took its locations back: none is chosen by itself any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unplaced_by: Option<String>,
    /// How many notes staff wrote beside it.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub notes: u32,
    /// How many facts its timeline holds; the next one's place in it.
    pub timeline_length: u64,
}

/// What is in the total of an order besides its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// For sending it.
    pub shipping: Money,
    /// Taken off, as a positive amount.
    pub discount: Money,
    /// Tax within the total, or on top of the lines.
    pub tax: Money,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Ours: 1 for the first line that was ever seen, never reused.
    pub number: u32,
    /// The channel's id of it.
    pub external_id: ExternalId,
    /// The SKU as the channel wrote it.
    pub channel_sku: Option<String>,
    /// Which listing was sold.
    pub listing: Option<ListingId>,
    /// What the buyer saw.
    pub title: String,
    /// The item that it is; nothing until it is known, and then it never changes.
    pub item: Option<LineItem>,
    /// How many decimals its quantities have.
    pub scale: u8,
    /// What has happened to its units.
    pub counters: Counters,
    /// How many units the channel has itself taken off the level that it shows.
    pub subtracted: Quantity,
    /// How many units its price is for, where that is not how many were ever ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced: Option<Quantity>,
    /// The price of the line after discounts.
    pub total: Money,
    /// The tax on it.
    pub tax: Money,
    /// Whether it must be sent.
    pub requires_shipping: bool,
    /// Where its units left from, so that they can come back there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_from: BTreeMap<Sku, BTreeMap<LocationId, Quantity>>,
    /// What of it is owed: missing, and promised by a date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Promise>,
    /// How many of its units stock was promised for when the order last gave its stock up, unpaid or on hold.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub gave_up: Quantity,
}

/// What a line takes from stock, kept as it was when the line was accepted: editing a kit later must
/// not change what an open order claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineItem {
    /// The item.
    pub sku: Sku,
    /// What one unit takes.
    pub bill: BTreeMap<Sku, Quantity>,
}

/// What has happened to the units of a line. Every number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Bought.
    pub ordered: Quantity,
    /// Given up before they left.
    pub canceled: Quantity,
    /// Canceled, and then wanted again.
    pub reinstated: Quantity,
    /// Fetched for packing.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub picked: Quantity,
    /// Fetched, and put back.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub unpicked: Quantity,
    /// Put into a parcel.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub packed: Quantity,
    /// Put into a parcel, and taken out again.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub unpacked: Quantity,
    /// Left.
    pub shipped: Quantity,
    /// Recorded as left by mistake.
    pub voided: Quantity,
    /// Arrived.
    pub delivered: Quantity,
    /// Recorded as arrived by mistake.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub undelivered: Quantity,
    /// Came back.
    pub returned: Quantity,
    /// To be sent again, because those that left did not arrive or were not right.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub resent: Quantity,
    /// To be sent again, and then not.
    #[serde(default, skip_serializing_if = "Quantity::is_nothing")]
    pub resend_dropped: Quantity,
}

impl Counters {
    /// Units that the buyer still wants or has.
    pub fn wanted(&self) -> Quantity {
        self.ordered.minus(self.canceled).plus(self.reinstated)
    }

    /// Units that have left.
    pub fn shipped_net(&self) -> Quantity {
        self.shipped.minus(self.voided)
    }

    /// Units that are to be sent again or were.
    pub fn resent_net(&self) -> Quantity {
        self.resent.minus(self.resend_dropped)
    }

    /// Units that must still leave.
    pub fn to_ship(&self) -> Quantity {
        let leave = self.wanted().plus(self.resent_net());
        leave.minus(self.shipped_net()).or_zero()
    }

    /// Units that left for the first time: what is sent again leaves last.
    pub fn shipped_first(&self) -> Quantity {
        self.shipped_net().min(self.wanted())
    }

    /// Units that must still leave for the first time.
    pub fn to_ship_first(&self) -> Quantity {
        self.wanted().minus(self.shipped_first())
    }

    /// Units that arrived.
    pub fn delivered_net(&self) -> Quantity {
        self.delivered.minus(self.undelivered)
    }

    /// Units that were fetched and not put back.
    pub fn picked_net(&self) -> Quantity {
        self.picked.minus(self.unpicked)
    }

    /// Units that were packed and not taken out again.
    pub fn packed_net(&self) -> Quantity {
        self.packed.minus(self.unpacked)
    }

    /// Units that were given up.
    pub fn canceled_net(&self) -> Quantity {
        self.canceled.minus(self.reinstated)
    }

    /// The laws: nothing is below zero, nothing left that was not ordered, nothing came back that
    /// did not leave.
    pub fn are_lawful(&self) -> bool {
        let zero = Quantity::ZERO;
        self.canceled_net() >= zero
            && self.shipped_net() >= zero
            && self.resent_net() >= zero
            && self.canceled_net().plus(self.shipped_net()) <= self.ordered.plus(self.resent_net())
            && self.returned <= self.shipped_net()
            && self.packed_net() >= zero
            && self.packed_net() <= self.picked_net()
            && self.delivered_net() >= zero
            && self.delivered_net() <= self.shipped_net()
    }
}

/// Why an order waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// In a sentence.
    pub reason: String,
    /// Who put it there: a person, or `oneshelf`.
    pub owner: String,
    /// Since when.
    pub since: Time,
    /// Until when it is to be settled.
    pub until: Option<Time>,
    /// Whether the order keeps its stock meanwhile.
    pub keeps_claim: bool,
    /// When it was lifted.
    pub released_at: Option<Time>,
    /// Who lifted it, where that was kept: a person, or `oneshelf`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
    /// The message that asked for what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<IntentId>,
}

/// Something that has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Ours.
    pub id: ShipmentId,
    /// Who carries it.
    pub carrier: Option<String>,
    /// Its number there.
    pub tracking_number: Option<String>,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// When it left.
    pub shipped_at: Time,
    /// What is in it: line number and units.
    pub lines: Vec<(u32, Quantity)>,
    /// Whether we recorded it (and so tell the channel) or the channel told us.
    pub is_ours: bool,
    /// Whether it takes the place of what left before. The channel knows of that one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_again: bool,
    /// What happened to it, in the order in which it was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<TrackingEvent>,
    /// How its trouble was seen to, last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &i32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none_yet(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Where an order is in its life: the five stages of the customer order life cycle in fifteen
/// phases, by precedence (the first that applies).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Given up, nothing owed.
    Canceled,
    /// Done.
    Closed,
    /// Canceled, but a parcel has left.
    Exception,
    /// Delivered or canceled, and something remains: a return, a refund.
    AfterSales,
    /// Arrived.
    Delivered,
    /// On its way.
    InDelivery,
    /// All has left.
    Shipped,
    /// Waits for a person.
    Held,
    /// Some has left.
    PartShipped,
    /// Being picked and packed.
    Fulfilling,
    /// Sold, but not covered by stock.
    Short,
    /// Not paid yet.
    AwaitingPayment,
    /// A line is not known to be any of our items.
    NeedsMapping,
    /// Can be shipped.
    Ready,
    /// Known, nothing more.
    Received,
}

impl Phase {
    /// All phases, in order of precedence.
    pub const ALL: [Phase; 15] = [
        Phase::Canceled,
        Phase::Closed,
        Phase::Exception,
        Phase::AfterSales,
        Phase::Delivered,
        Phase::InDelivery,
        Phase::Shipped,
        Phase::Held,
        Phase::PartShipped,
        Phase::Fulfilling,
        Phase::Short,
        Phase::AwaitingPayment,
        Phase::NeedsMapping,
        Phase::Ready,
        Phase::Received,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Canceled => "canceled",
            Phase::Closed => "closed",
            Phase::Exception => "exception",
            Phase::AfterSales => "after_sales",
            Phase::Delivered => "delivered",
            Phase::InDelivery => "in_delivery",
            Phase::Shipped => "shipped",
            Phase::Held => "held",
            Phase::PartShipped => "part_shipped",
            Phase::Fulfilling => "fulfilling",
            Phase::Short => "short",
            Phase::AwaitingPayment => "awaiting_payment",
            Phase::NeedsMapping => "needs_mapping",
            Phase::Ready => "ready",
            Phase::Received => "received",
        }
    }

    /// The phase that a word names.
    pub fn from_word(word: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.word() == word)
    }

    /// Whether the channel may still change the order, so that it must be read again now and then.
    pub fn is_open(self) -> bool {
        match self {
            Phase::Canceled | Phase::Closed => false,
            Phase::Exception
            | Phase::AfterSales
            | Phase::Delivered
            | Phase::InDelivery
            | Phase::Shipped
            | Phase::Held
            | Phase::PartShipped
            | Phase::Fulfilling
            | Phase::Short
            | Phase::AwaitingPayment
            | Phase::NeedsMapping
            | Phase::Ready
            | Phase::Received => true,
        }
    }
}

impl Order {
    /// Whether the channel no longer counts it as a sale.
    pub fn is_withdrawn(&self) -> bool {
        match self.standing {
            Standing::Canceled | Standing::Deleted | Standing::Draft => true,
            Standing::Placed | Standing::Unmapped(_) => false,
        }
    }

    /// Whether something must still be sent, for which the address is needed.
    pub fn needs_person(&self) -> bool {
        let is_left = |line: &Line| line.counters.to_ship().is_positive();
        !self.is_withdrawn() && self.closed_at.is_none() && self.lines.iter().any(is_left)
    }

    /// Whether what it said of people is erased.
    pub fn is_erased(&self) -> bool {
        let erasure = self.erasure.as_ref();
        erasure.is_some_and(|erasure| erasure.done_at.is_some())
    }

    /// Whether the money allows it to be shipped.
    pub fn is_payable(&self) -> bool {
        match self.pays {
            Pays::Before => {}
            Pays::OnDelivery | Pays::OnInvoice => return true,
        }
        match self.payment {
            PaymentState::Authorized
            | PaymentState::Paid
            | PaymentState::PartRefunded
            | PaymentState::Refunded => true,
            PaymentState::Pending
            | PaymentState::PartPaid
            | PaymentState::Voided
            | PaymentState::Unmapped(_) => false,
        }
    }

    /// The hold that is in force, the oldest first.
    pub fn active_holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.iter().filter(|hold| hold.released_at.is_none())
    }

    /// Whether the payment deadline passed and nothing came since.
    pub fn is_expired(&self) -> bool {
        self.expired_at.is_some() && !self.is_payable()
    }

    /// Whether a hold gives up the order's stock.
    pub fn hold_drops_claim(&self) -> bool {
        self.active_holds().any(|hold| !hold.keeps_claim)
    }

    /// A line by our number.
    pub fn line(&self, number: u32) -> Option<&Line> {
        self.lines.iter().find(|line| line.number == number)
    }

    /// Money that the buyer has a right to: taken for what will never come.
    fn is_money_owed(&self) -> bool {
        let taken = matches!(
            self.payment,
            PaymentState::Paid | PaymentState::PartRefunded
        );
        taken && self.total.minor() > self.refunded.minor()
    }

    /// Where it is in its life. `short_lines` says whether claims leave something uncovered, which
    /// is known from the claims, not from the order.
    pub fn phase(&self, is_short: bool) -> Phase {
        let shipped = self.units(Counters::shipped_net);
        let has_left = shipped.is_positive();
        let wanted = self.units(Counters::wanted);
        let is_withdrawn = self.is_withdrawn() || (wanted.is_zero() && !self.lines.is_empty());

        if self.closed_at.is_some() {
            return if is_withdrawn && !has_left {
                Phase::Canceled
            } else {
                Phase::Closed
            };
        }
        if is_withdrawn && !has_left {
            return if self.is_money_owed() {
                Phase::AfterSales
            } else {
                Phase::Canceled
            };
        }
        if is_withdrawn || self.shipments.iter().any(Shipment::is_astray) {
            return Phase::Exception;
        }
        if self.is_coming_back() {
            return Phase::AfterSales;
        }
        if has_left && self.units(Counters::to_ship).is_zero() {
            return self.delivery_phase(shipped);
        }
        if self.active_holds().next().is_some() {
            return Phase::Held;
        }
        if has_left {
            return Phase::PartShipped;
        }
        if self.tasks.iter().any(Task::is_open) {
            return Phase::Fulfilling;
        }
        if is_short {
            return Phase::Short;
        }
        if !self.is_payable() {
            return Phase::AwaitingPayment;
        }
        if self.lines.iter().any(|line| line.item.is_none()) {
            return Phase::NeedsMapping;
        }
        if self.lines.is_empty() {
            Phase::Received
        } else {
            Phase::Ready
        }
    }

    /// Where it is once all of it has left.
    fn delivery_phase(&self, shipped: Quantity) -> Phase {
        let delivered = self.units(Counters::delivered_net);
        let given_up = self.shipments.iter().filter(|one| one.is_given_up());
        let given_up: Quantity = given_up.flat_map(|one| &one.lines).map(|part| part.1).sum();
        let awaited = self.shipments.iter().filter(|one| !one.is_given_up());
        let mut states = awaited.filter_map(Shipment::tracking);
        if delivered.plus(given_up) >= shipped {
            Phase::Delivered
        } else if states.any(|state| state != Tracking::PreTransit) {
            Phase::InDelivery
        } else {
            Phase::Shipped
        }
    }

    /// Whether a return is open, or units came back that no return tells of.
    pub fn is_coming_back(&self) -> bool {
        let received = self.returns.iter().flat_map(|one| &one.lines);
        let received: Quantity = received.map(|line| line.received).sum();
        self.returns.iter().any(Return::is_open)
            || self.units(|counters| counters.returned) > received
    }

    /// A sum over all lines.
    fn units(&self, count: fn(&Counters) -> Quantity) -> Quantity {
        self.lines.iter().map(|line| count(&line.counters)).sum()
    }

    /// Units of a line that are to leave with open tasks.
    pub fn in_tasks(&self, number: u32) -> Quantity {
        let parts = self.tasks.iter().filter(|task| task.is_open());
        let parts = parts.filter_map(|task| task.line(number));
        parts.map(|part| part.to_leave()).sum()
    }

    /// A task.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.iter().find(|one| one.id == id)
    }

    /// A parcel.
    pub fn shipment(&self, id: ShipmentId) -> Option<&Shipment> {
        self.shipments.iter().find(|one| one.id == id)
    }
}
