//! Orders: lists by index, and one in full.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, ExternalId, ListingId, Money, Sku, Time,
    book::{Book, ClaimKey},
    delivery::{Tracking, TrackingEvent},
    ids::{IntentId, OrderId, ShipmentId},
    intent::Intent,
    issuing::Entry,
    item::Item,
    notes::Note,
    order::{Amounts, Hold, Line, Order, Phase},
    payment::{Payment, Pays},
    person::{Erasure, Person},
    risk::Risk,
    snapshot::{Address, Buyer},
    stock::{Claim, LocationId},
};
use serde::Serialize;

pub use super::order_lists::{Filter, LOADED_MAX, list};
use super::{
    StoreError, Units, Walk,
    adoption::Suggestion,
    allocation::PartView,
    due,
    next::{self, NextStep},
    owed::OwedView,
    queues::IntentView,
    read,
    returns::ReturnView,
    rules::RunView,
    suggestions,
    tasks::TaskView,
    words,
};
use crate::{
    Engine,
    decider::deadline,
    persons,
    rows::{self, prefix, sortable},
};

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderSummary {
    /// Ours.
    pub id: OrderId,
    /// Where it was placed.
    pub account: AccountId,
    /// Its id there.
    pub external_id: ExternalId,
    /// The number that people know.
    pub number: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was placed, by the channel's clock.
    pub placed_at: Time,
    /// When it became known here.
    pub accepted_at: Time,
    /// By when it is to leave: as its channel says, else as its account promises.
    pub ship_by: Option<Time>,
    /// By when it is to arrive, where its channel says that.
    pub deliver_by: Option<Time>,
    /// Until when it waits for what is owed to it, without being an incident.
    pub owed_until: Option<Time>,
    /// What the buyer owes or has paid.
    pub total: Money,
    /// What was given back.
    pub refunded: Money,
    /// How many lines it has.
    pub line_count: usize,
    /// What rules called it.
    pub tags: BTreeSet<String>,
    /// How soon it is served: the higher, the sooner.
    pub priority: i32,
    /// What of it is too late, in words.
    pub flags: Vec<&'static str>,
}

/// An order with everything about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderDetail {
    /// As in lists.
    #[serde(flatten)]
    pub summary: OrderSummary,
    /// Whether the channel counts it as a sale.
    pub standing: &'static str,
    /// What the channel says of the money, or the payments.
    pub payment: &'static str,
    /// How likely its channel takes it to be fraud; nothing where it says none.
    pub risk: Option<&'static str>,
    /// What is in the total besides the lines; nothing for orders of before that was kept.
    pub amounts: Option<Amounts>,
    /// When it may leave.
    pub pays: Pays,
    /// What happened to its money, where no channel keeps that.
    pub payments: Vec<Payment>,
    /// The channel's own words.
    pub words: BTreeMap<String, String>,
    /// When the channel last changed it; nothing where it is shown as it was.
    pub changed_at: Option<Time>,
    /// Who bought.
    pub buyer: Buyer,
    /// Where it goes.
    pub ship_to: Option<Address>,
    /// Where the bill goes.
    pub bill_to: Option<Address>,
    /// What the buyer wrote.
    pub note: String,
    /// What staff wrote beside it, the oldest first.
    pub notes: Vec<Note>,
    /// Whether what it says of people is to be erased, or is; then the five above are empty.
    pub erasure: Option<Erasure>,
    /// What was bought.
    pub lines: Vec<LineView>,
    /// Why it waits or waited for a person.
    pub holds: Vec<Hold>,
    /// Where and how far it is worked on.
    pub tasks: Vec<TaskView>,
    /// Where a rule has it leave from, if it can.
    pub route: Option<RouteView>,
    /// Orders of shortly before by the same buyer that look like it.
    pub duplicates: Vec<OrderId>,
    /// Which rules were run for it, and what came of each, last.
    pub rules: Vec<RunView>,
    /// What has left.
    pub shipments: Vec<ShipmentView>,
    /// What comes back.
    pub returns: Vec<ReturnView>,
    /// What is to be done, or was done, on its channel.
    pub intents: Vec<IntentView>,
    /// What was issued for it under a number, in turn.
    pub documents: Vec<Entry>,
    /// When it loses its stock, unless it is paid before.
    pub pay_by: Option<Time>,
    /// Where the rest of it is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_link: Option<String>,
    /// When its payment deadline passed.
    pub expired_at: Option<Time>,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// What is to be done next, what hurts most first.
    pub next: Vec<NextStep>,
    /// As it was at this time; nothing for as it is.
    pub as_of: Option<Time>,
    /// What cannot be known of that time, each in a sentence.
    pub unknown: Vec<String>,
}

/// Where a rule has an order leave from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteView {
    /// Where.
    pub location: LocationId,
    /// Which rule.
    pub rule: String,
}

impl RouteView {
    fn of(order: &Order) -> Option<RouteView> {
        Some(RouteView {
            location: order.route.clone()?,
            rule: order.routed_by.clone()?,
        })
    }
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineView {
    /// Ours.
    pub number: u32,
    /// The channel's id of it.
    pub external_id: ExternalId,
    /// The item; nothing while it is not known.
    pub sku: Option<Sku>,
    /// The SKU as the channel wrote it.
    pub channel_sku: Option<String>,
    /// Which listing was sold.
    pub listing: Option<ListingId>,
    /// What the buyer saw.
    pub title: String,
    /// What has happened to its units.
    pub counters: CountersView,
    /// Units that must still leave.
    pub to_ship: Units,
    /// Units that stock is promised for.
    pub claimed: Units,
    /// Units that should be and are not.
    pub missing: Units,
    /// Where promised units leave from, as far as it is chosen.
    pub leaves_from: Vec<PartView>,
    /// What of these is owed, and until when.
    pub owed: Option<OwedView>,
    /// The price after discounts.
    pub total: Money,
    /// The tax on it.
    pub tax: Money,
    /// Whether it must be sent.
    pub requires_shipping: bool,
    /// Which items it may be, while it is not known to be any; a person says which.
    pub suggestions: Vec<Suggestion>,
}

/// The counters of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CountersView {
    /// Bought.
    pub ordered: Units,
    /// Given up.
    pub canceled: Units,
    /// Wanted again.
    pub reinstated: Units,
    /// Fetched for packing.
    pub picked: Units,
    /// Fetched, and put back.
    pub unpicked: Units,
    /// Put into a parcel.
    pub packed: Units,
    /// Put into a parcel, and taken out again.
    pub unpacked: Units,
    /// Left.
    pub shipped: Units,
    /// Recorded as left by mistake.
    pub voided: Units,
    /// Arrived.
    pub delivered: Units,
    /// Recorded as arrived by mistake.
    pub undelivered: Units,
    /// Came back.
    pub returned: Units,
    /// To be sent again.
    pub resent: Units,
    /// To be sent again, and then not.
    pub resend_dropped: Units,
}

/// Something that has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShipmentView {
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
    /// What is in it.
    pub lines: Vec<ShippedLine>,
    /// Whether we recorded it or the channel told us.
    pub is_ours: bool,
    /// Whether it takes the place of what left before.
    pub is_again: bool,
    /// Where it is, as far as anybody told.
    pub tracking: Option<Tracking>,
    /// Whether it is trouble that nobody has seen to.
    pub is_astray: bool,
    /// What happened to it, in the order in which it was told.
    pub events: Vec<TrackingEvent>,
    /// How its trouble was seen to, last.
    pub settled: Option<SettledView>,
}

/// How trouble was seen to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettledView {
    /// When.
    pub at: Time,
    /// How.
    pub note: String,
    /// Who.
    pub by: String,
}

/// A part of a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShippedLine {
    /// Which line.
    pub line: u32,
    /// How many.
    pub units: Units,
}

/// An order with its claims, which decide its phase.
pub(crate) struct Loaded {
    pub(crate) order: Order,
    pub(crate) book: Book,
    /// What of it is too late.
    pub(crate) flags: Vec<&'static str>,
}

/// Reads an order and its claims.
pub(crate) async fn load(engine: &Engine, id: OrderId) -> Result<Option<Loaded>, StoreError> {
    let order: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
    match order {
        Some(order) => load_claims(engine, order).await.map(Some),
        None => Ok(None),
    }
}

/// Reads the claims of an order.
pub(super) async fn load_claims(engine: &Engine, order: Order) -> Result<Loaded, StoreError> {
    let (mut book, id) = (Book::default(), order.id);
    for line in &order.lines {
        for sku in line.item.iter().flat_map(|item| item.bill.keys()) {
            let parts = [sku.as_str(), &id.to_string(), &sortable(line.number.into())];
            let claim: Option<Claim> = read(engine, rows::CLAIMS, &parts).await?;
            let name = ClaimKey {
                sku: sku.clone(),
                order: id,
                line: line.number,
            };
            book.claims.extend(claim.map(|claim| (name, claim)));
        }
    }
    let flags = due::flags(engine, &order, engine.ports.clock.now());
    Ok(Loaded { order, book, flags })
}

impl Loaded {
    /// Where it is in its life.
    pub(crate) fn phase(&self) -> Phase {
        self.order.phase(self.book.is_short(&self.order))
    }

    pub(crate) fn summary(&self) -> OrderSummary {
        let order = &self.order;
        OrderSummary {
            id: order.id,
            account: order.account.clone(),
            external_id: order.external_id.clone(),
            number: order.number.clone(),
            phase: self.phase(),
            placed_at: order.placed_at,
            accepted_at: order.accepted_at,
            ship_by: order.ships_by(),
            deliver_by: order.deliver_by,
            owed_until: order.owed_until(),
            total: order.total,
            refunded: order.refunded,
            line_count: order.lines.len(),
            tags: order.tags.clone(),
            priority: order.priority,
            flags: self.flags.clone(),
        }
    }

    /// Units that are promised to a line. What takes nothing off the shelf is covered and claims nothing.
    fn claimed(&self, line: &Line) -> domain::Quantity {
        let takes_nothing = line.item.as_ref().is_none_or(|item| item.bill.is_empty());
        if takes_nothing {
            return domain::Quantity::ZERO;
        }
        self.book.claimed_units(&self.order, line.number)
    }

    fn line(&self, line: &Line) -> LineView {
        let units = |quantity| Units::new(quantity, line.scale);
        let counters = &line.counters;
        LineView {
            number: line.number,
            external_id: line.external_id.clone(),
            sku: line.item.as_ref().map(|item| item.sku.clone()),
            channel_sku: line.channel_sku.clone(),
            listing: line.listing.clone(),
            title: line.title.clone(),
            counters: CountersView {
                ordered: units(counters.ordered),
                canceled: units(counters.canceled),
                reinstated: units(counters.reinstated),
                picked: units(counters.picked),
                unpicked: units(counters.unpicked),
                packed: units(counters.packed),
                unpacked: units(counters.unpacked),
                shipped: units(counters.shipped),
                voided: units(counters.voided),
                delivered: units(counters.delivered),
                undelivered: units(counters.undelivered),
                returned: units(counters.returned),
                resent: units(counters.resent),
                resend_dropped: units(counters.resend_dropped),
            },
            to_ship: units(counters.to_ship()),
            claimed: units(self.claimed(line)),
            missing: units(self.book.missing_units(&self.order, line.number)),
            leaves_from: Vec::new(),
            owed: line.owed.map(|promise| OwedView::of(promise, line.scale)),
            total: line.total,
            tax: line.tax,
            requires_shipping: line.requires_shipping,
            suggestions: Vec::new(),
        }
    }

    pub(super) fn lines(&self) -> Vec<LineView> {
        let lines = self.order.lines.iter();
        lines.map(|line| self.line(line)).collect()
    }

    /// All that follows from the order and its claims, and what it says of people.
    pub(super) fn detail(
        &self,
        lines: Vec<LineView>,
        person: Person,
        intents: &[Intent],
    ) -> OrderDetail {
        let order = &self.order;
        OrderDetail {
            summary: self.summary(),
            standing: words::standing(&order.standing),
            payment: words::payment(&order.payment),
            risk: order.risk.as_ref().map(Risk::word),
            amounts: order.amounts,
            pays: order.pays,
            payments: order.payments.clone(),
            words: order.words.clone(),
            changed_at: Some(order.version.changed_at),
            buyer: person.buyer,
            ship_to: person.ship_to,
            bill_to: person.bill_to,
            note: person.note,
            notes: person.notes,
            erasure: order.erasure.clone(),
            lines,
            holds: order.holds.clone(),
            tasks: order
                .tasks
                .iter()
                .map(|task| TaskView::of(task, order))
                .collect(),
            route: RouteView::of(order),
            duplicates: order.alike.clone(),
            rules: order.runs.iter().map(RunView::of).collect(),
            shipments: self.shipments(),
            returns: self.returns(intents),
            intents: intents.iter().map(IntentView::of).collect(),
            documents: order.documents.clone(),
            pay_by: None,
            pay_link: None,
            expired_at: order.expired_at,
            closed_at: order.closed_at,
            next: Vec::new(),
            as_of: None,
            unknown: Vec::new(),
        }
    }

    fn shipments(&self) -> Vec<ShipmentView> {
        let scale = |number| self.order.line(number).map_or(0, |line| line.scale);
        let view = |shipment: &domain::order::Shipment| ShipmentView {
            id: shipment.id,
            carrier: shipment.carrier.clone(),
            tracking_number: shipment.tracking_number.clone(),
            tracking_url: shipment.tracking_url.clone(),
            shipped_at: shipment.shipped_at,
            lines: shipment
                .lines
                .iter()
                .map(|(line, units)| ShippedLine {
                    line: *line,
                    units: Units::new(*units, scale(*line)),
                })
                .collect(),
            is_ours: shipment.is_ours,
            is_again: shipment.is_again,
            tracking: shipment.tracking(),
            is_astray: shipment.is_astray(),
            events: shipment.events.clone(),
            settled: shipment.settled.as_ref().map(|settled| SettledView {
                at: settled.at,
                note: settled.note.clone(),
                by: settled.by.clone(),
            }),
        };
        self.order.shipments.iter().map(view).collect()
    }
}

/// One order.
pub async fn detail(engine: &Engine, id: OrderId) -> Result<Option<OrderDetail>, StoreError> {
    let Some(loaded) = load(engine, id).await? else {
        return Ok(None);
    };
    let intents = intents_of(engine, id).await?;
    let order = &loaded.order;
    let person = persons::read(engine.store.as_ref(), &engine.ports.sealer, id).await?;
    let person = person.unwrap_or_default();
    let mut lines = loaded.lines();
    let mut suggested = suggestions::of_lines(engine, order).await?;
    for line in &mut lines {
        line.suggestions = suggested.remove(&line.number).unwrap_or_default();
        line.leaves_from = leaves_from(engine, &loaded.book, line.number).await?;
    }
    let pay_by = deadline(order, &engine.decider.policy().accounts);
    let next = next::steps(engine, &loaded, &lines, (&intents, pay_by)).await?;
    let pay_link = engine.gateways.pay_link(order);
    let mut detail = loaded.detail(lines, person, &intents);
    detail.pay_by = pay_by;
    detail.pay_link = pay_link;
    detail.next = next;
    Ok(Some(detail))
}

/// What was wished of an order on its channel, the oldest first.
pub(crate) async fn intents_of(engine: &Engine, id: OrderId) -> Result<Vec<Intent>, StoreError> {
    let below = prefix(&[&id.to_string()]);
    let mut walk = Walk::new(engine, rows::INTENTS_BY_ORDER, below, None);
    let mut intents = Vec::new();
    while let Some((row, _)) = walk.next().await? {
        let text = rows::last_part(&row);
        intents.extend(read::<Intent>(engine, rows::INTENTS, &[&text]).await?);
    }
    Ok(intents)
}

/// An order as lists show it. Nothing when there is no such order.
pub async fn summary(engine: &Engine, id: OrderId) -> Result<Option<OrderSummary>, StoreError> {
    Ok(load(engine, id).await?.map(|loaded| loaded.summary()))
}

/// Where promised units of a line leave from.
pub(super) async fn leaves_from(
    engine: &Engine,
    book: &Book,
    line: u32,
) -> Result<Vec<PartView>, StoreError> {
    let mut parts = Vec::new();
    for (key, claim) in book.claims.iter().filter(|(key, _)| key.line == line) {
        let item: Option<Item> = read(engine, rows::ITEMS, &[key.sku.as_str()]).await?;
        let scale = item.map_or(0, |item| item.scale);
        parts.extend(PartView::of_claim(key, claim, scale));
    }
    Ok(parts)
}

/// The line scale that a quantity of a request is read with.
pub async fn line_scales(
    engine: &Engine,
    id: OrderId,
) -> Result<Option<BTreeMap<u32, u8>>, StoreError> {
    let order: Option<Order> = read(engine, rows::ORDERS, &[&id.to_string()]).await?;
    Ok(order.map(|order| {
        let lines = order.lines.iter();
        lines.map(|line| (line.number, line.scale)).collect()
    }))
}

/// Whether there is such an intent.
pub async fn has_intent(engine: &Engine, id: IntentId) -> Result<bool, StoreError> {
    let intent: Option<Intent> = read(engine, rows::INTENTS, &[&id.to_string()]).await?;
    Ok(intent.is_some())
}
