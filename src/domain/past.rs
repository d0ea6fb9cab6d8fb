//! An order as it was: folded from the facts of its timeline.
//!
//! What never changes (what was bought, when, where) is taken from the order as it is now; everything else from
//! what was recorded until then. Where earlier versions recorded no fact of a change, what was so at the time cannot
//! be known: that is said, and nothing is guessed. Claims are no part of an order, so whether it was short then is
//! known from their changes, not from here. Of people nothing is told: they are known only as they are now.

mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Currency, Money, Quantity, Time,
    delivery::Settled,
    fact::{Counter, Event},
    ids::{PaymentId, ReturnId, ShipmentId},
    order::{Counters, Line, Order, Shipment},
    payment::Pays,
    returns::{Return, ReturnedLine, Verdict},
    risk::Risk,
    snapshot::{PaymentState, Standing},
    stock::LocationId,
};

/// An order as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Then {
    /// So.
    pub order: Order,
    /// What cannot be known of then, each in a sentence.
    pub unknown: Vec<String>,
}

/// The order as it was at a time, from all facts of its timeline in order. Nothing before it was known.
pub fn order_at(now: &Order, facts: &[(Time, Event)], at: Time) -> Option<Then> {
    let count = facts.iter().take_while(|(when, _)| *when <= at).count();
    let (then, later) = facts.split_at_checked(count)?;
    if then.is_empty() || now.accepted_at > at {
        return None;
    }
    let mut fold = Fold {
        now,
        order: blank(now, at),
        mapped: BTreeSet::new(),
        events: BTreeMap::new(),
        unknown: Vec::new(),
    };
    for (when, event) in then {
        fold.take_in(*when, event);
    }
    fold.heads(then, later);
    let is_ruled = !now.tags.is_empty() || now.priority != 0 || now.route.is_some();
    if is_ruled {
        let said = "Tags, priority and route are known only as they are now.";
        fold.unknown.push(said.to_owned());
    }
    let told = u64::try_from(facts.len()).unwrap_or(u64::MAX);
    if told < now.timeline_length {
        let missing = now.timeline_length - told;
        fold.unknown.push(format!(
            "{missing} of its facts are missing, so what they told is not in here."
        ));
    }
    Some(Then {
        order: fold.order,
        unknown: fold.unknown,
    })
}

/// The order before anything was recorded of it but that it came.
fn blank(now: &Order, at: Time) -> Order {
    let mut order = now.clone();
    order.lines.clear();
    order.shipments.clear();
    order.returns.clear();
    order.payments.clear();
    order.tasks.clear();
    order.documents.clear();
    order.alike.clear();
    order.tags.clear();
    (order.priority, order.route, order.routed_by) = (0, None, None);
    order.runs.retain(|run| run.at <= at);
    order.erasure = None;
    order.notes = 0;
    order.expired_at = now.expired_at.filter(|expired| *expired <= at);
    order.holds.retain(|hold| hold.since <= at);
    for hold in &mut order.holds {
        hold.released_at = hold.released_at.filter(|released| *released <= at);
        if hold.released_at.is_none() {
            hold.released_by = None;
        }
    }
    order
}

struct Fold<'a> {
    now: &'a Order,
    order: Order,
    /// Lines whose item was known by then.
    mapped: BTreeSet<u32>,
    /// How many events of a parcel were told by then.
    events: BTreeMap<ShipmentId, usize>,
    unknown: Vec<String>,
}

impl Fold<'_> {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each event that is of an order"
    )]
    fn take_in(&mut self, when: Time, event: &Event) {
        match event {
            Event::LineAdded { line, .. } => self.add_line(*line),
            Event::LineMapped { line, .. } => self.map_line(*line),
            Event::Counted {
                line,
                counter,
                units,
            } => self.count(*line, *counter, *units),
            Event::OrderChanged { what, to, .. } => self.take_back(what, to),
            Event::PaymentRecorded { payment, .. } => self.pay(*payment),
            Event::ShipmentRecorded { shipment, .. } => self.ship(*shipment),
            Event::Tracked { shipment, .. } => {
                let told = self.events.entry(*shipment).or_default();
                *told = told.saturating_add(1);
                let count = *told;
                let known = self
                    .now
                    .shipment(*shipment)
                    .map(|known| known.events.clone());
                if let Some(parcel) = self.parcel(*shipment) {
                    parcel.events = known.unwrap_or_default();
                    parcel.events.truncate(count);
                }
            }
            Event::DeliverySettled { shipment, note, by } => {
                let events = self.events.get(shipment).copied().unwrap_or_default();
                let settled = Settled {
                    at: when,
                    note: note.clone(),
                    by: by.clone(),
                    events,
                };
                if let Some(parcel) = self.parcel(*shipment) {
                    parcel.settled = Some(settled);
                }
            }
            Event::ReturnAdvised {
                id, line, units, ..
            } => self.advise(*id, *line, *units),
            Event::ReturnReceived {
                id,
                line,
                units,
                location,
                ..
            } => self.receive((*id, *line), *units, location),
            Event::ReturnInspected {
                id,
                line,
                units,
                verdict,
                ..
            } => self.inspect((*id, *line), *units, *verdict),
            Event::Exchanged { id, line, .. } => self.exchange(*id, *line),
            Event::ReturnRefunded { id, .. } => self.give_back(*id),
            Event::ReturnClosed { id, .. } => self.close(*id, when),
            Event::NoteAdded { number, .. } => self.order.notes = *number,
            Event::Worked { task, work, .. } => {
                let said = tasks::take_in((self.now, &mut self.order), *task, work, when);
                self.unknown.extend(said);
            }
            Event::DocumentIssued { document, .. } => {
                let issued = self.now.documents.iter().find(|one| one.id == *document);
                self.order.documents.extend(issued.cloned());
            }
            Event::LooksAlike { other } => self.order.alike.push(*other),
            // These change nothing of the order itself, or what holds say with their times.
            Event::OrderAccepted { .. }
            | Event::OrderEntered { .. }
            | Event::OrderReplaced { .. }
            | Event::Claimed { .. }
            | Event::Released { .. }
            | Event::Allocated { .. }
            | Event::Unbound { .. }
            | Event::Short { .. }
            | Event::Covered { .. }
            | Event::Owed { .. }
            | Event::IncidentOpened { .. }
            | Event::WayChosen { .. }
            | Event::IncidentClosed { .. }
            | Event::Moved { .. }
            | Event::ArrivalExpected { .. }
            | Event::ArrivalClosed { .. }
            | Event::CountOpened { .. }
            | Event::CountEntered { .. }
            | Event::CountClosed { .. }
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::RuleMatched { .. }
            | Event::RuleFailed { .. }
            | Event::EvidenceMade { .. }
            | Event::ErasureAsked { .. }
            | Event::PersonErased { .. }
            | Event::SentAgain { .. }
            | Event::IntentMade { .. }
            | Event::IntentDone { .. }
            | Event::IntentDropped { .. }
            | Event::IntentParked { .. }
            | Event::OfferChanged { .. }
            | Event::BufferTuned { .. }
            | Event::ListingEnded { .. }
            | Event::ListingLifted { .. }
            | Event::PushStarted { .. }
            | Event::PushAcknowledged { .. }
            | Event::PushConflicted { .. }
            | Event::PushParked { .. }
            | Event::DriftOpened { .. }
            | Event::DriftClosed { .. }
            | Event::LevelEdited { .. }
            | Event::BreakerTripped { .. }
            | Event::BreakerLifted { .. }
            | Event::ListingMapped { .. }
            | Event::ItemSet { .. } => {}
        }
    }

    fn line(&mut self, number: u32) -> Option<&mut Line> {
        self.order
            .lines
            .iter_mut()
            .find(|line| line.number == number)
    }

    fn parcel(&mut self, id: ShipmentId) -> Option<&mut Shipment> {
        self.order.shipments.iter_mut().find(|one| one.id == id)
    }

    fn part(&mut self, (id, line): (ReturnId, u32)) -> Option<&mut ReturnedLine> {
        let found = self.order.returns.iter_mut().find(|one| one.id == id)?;
        found.lines.iter_mut().find(|part| part.line == line)
    }

    fn add_line(&mut self, number: u32) {
        if let Some(line) = self.now.line(number) {
            let mut line = line.clone();
            (line.counters, line.item, line.owed) = (Counters::default(), None, None);
            self.order.lines.push(line);
        }
    }

    fn map_line(&mut self, number: u32) {
        self.mapped.insert(number);
        let item = self.now.line(number).and_then(|line| line.item.clone());
        if let Some(line) = self.line(number) {
            line.item = item;
        }
    }

    /// A quantity in the unit that the line has by now: before its item was known it was counted in whole
    /// units.
    fn scaled(&self, line: u32, units: Quantity) -> Quantity {
        let scale = self.now.line(line).map_or(0, |line| line.scale);
        match self.mapped.contains(&line) {
            true => units,
            false => units.times(10_i64.saturating_pow(scale.into())),
        }
    }

    fn count(&mut self, number: u32, counter: Counter, units: Quantity) {
        let units = self.scaled(number, units);
        let Some(line) = self.line(number) else {
            return;
        };
        let counters = &mut line.counters;
        let slot = match counter {
            Counter::Ordered => &mut counters.ordered,
            Counter::Canceled => &mut counters.canceled,
            Counter::Reinstated => &mut counters.reinstated,
            Counter::Picked => &mut counters.picked,
            Counter::Unpicked => &mut counters.unpicked,
            Counter::Packed => &mut counters.packed,
            Counter::Unpacked => &mut counters.unpacked,
            Counter::Shipped => &mut counters.shipped,
            Counter::Delivered => &mut counters.delivered,
            Counter::Undelivered => &mut counters.undelivered,
            Counter::Resent => &mut counters.resent,
            Counter::ResendDropped => &mut counters.resend_dropped,
            Counter::Returned => &mut counters.returned,
        };
        *slot = slot.plus(units);
    }

    /// A channel took a shipment back: `line 1 shipped`, `2 taken back by the channel`.
    fn take_back(&mut self, what: &str, to: &str) {
        let line = what
            .strip_prefix("line ")
            .and_then(|rest| rest.strip_suffix(" shipped"));
        let units = to.strip_suffix(" taken back by the channel");
        let Some((Ok(number), Ok(units))) = line.zip(units).map(|(l, u)| (l.parse(), u.parse()))
        else {
            return;
        };
        let units = self.scaled(number, Quantity::new(units).unwrap_or_default());
        if let Some(line) = self.line(number) {
            line.counters.voided = line.counters.voided.plus(units);
        }
    }

    fn pay(&mut self, id: PaymentId) {
        let payment = self.now.payments.iter().find(|one| one.id == id);
        self.order.payments.extend(payment.cloned());
    }

    fn ship(&mut self, id: ShipmentId) {
        if let Some(parcel) = self.now.shipment(id) {
            let mut parcel = parcel.clone();
            (parcel.events, parcel.settled) = (Vec::new(), None);
            self.order.shipments.push(parcel);
        }
    }

    fn advise(&mut self, id: ReturnId, line: u32, units: Quantity) {
        let units = self.scaled(line, units);
        if !self.order.returns.iter().any(|one| one.id == id) {
            let Some(known) = self.now.returns.iter().find(|one| one.id == id) else {
                return;
            };
            self.order.returns.push(Return {
                lines: Vec::new(),
                closed_at: None,
                refunds: Vec::new(),
                replacements: Vec::new(),
                ..known.clone()
            });
        }
        let found = self.order.returns.iter_mut().find(|one| one.id == id);
        if let Some(found) = found {
            found.lines.push(ReturnedLine {
                line,
                advised: units,
                ..ReturnedLine::default()
            });
        }
    }

    fn receive(&mut self, part: (ReturnId, u32), units: Quantity, location: &LocationId) {
        let units = self.scaled(part.1, units);
        if let Some(part) = self.part(part) {
            part.received = part.received.plus(units);
            let lying = part.unchecked.entry(location.clone()).or_default();
            *lying = lying.plus(units);
        }
    }

    fn inspect(&mut self, part: (ReturnId, u32), units: Quantity, verdict: Verdict) {
        let units = self.scaled(part.1, units);
        let Some(part) = self.part(part) else { return };
        let count = match verdict {
            Verdict::Restock => &mut part.restocked,
            Verdict::Damaged => &mut part.damaged,
            Verdict::Scrap => &mut part.scrapped,
        };
        *count = count.plus(units);
        let mut left = units;
        for lying in part.unchecked.values_mut() {
            let taken = left.min(*lying);
            (*lying, left) = (lying.minus(taken), left.minus(taken));
        }
        part.unchecked.retain(|_, lying| lying.is_positive());
    }

    fn give_back(&mut self, id: ReturnId) {
        let known = self.now.returns.iter().find(|one| one.id == id);
        let mut returns = self.order.returns.iter_mut();
        if let (Some(known), Some(found)) = (known, returns.find(|one| one.id == id)) {
            found
                .refunds
                .extend(known.refunds.get(found.refunds.len()).cloned());
        }
    }

    fn exchange(&mut self, id: ReturnId, line: u32) {
        let known = self.now.replacement(line).cloned();
        let found = self.order.returns.iter_mut().find(|one| one.id == id);
        if let (Some(known), Some(found)) = (known, found) {
            found.replacements.push(known);
        }
    }

    fn close(&mut self, id: ReturnId, when: Time) {
        let found = self.order.returns.iter_mut().find(|one| one.id == id);
        let Some(found) = found else { return };
        found.closed_at = Some(when);
        for part in &mut found.lines {
            part.not_returned = part.not_returned.plus(part.outstanding());
        }
    }

    /// What is written over when it changes.
    fn heads(&mut self, then: &[(Time, Event)], later: &[(Time, Event)]) {
        let currency = self.now.currency;
        let chain = Chain { then, later };
        let money = |text: &str| read_money(text, currency);
        set(
            &mut self.order.standing,
            &chain,
            "standing",
            read_standing,
            &mut self.unknown,
        );
        set(
            &mut self.order.payment,
            &chain,
            "payment",
            read_payment,
            &mut self.unknown,
        );
        set(
            &mut self.order.total,
            &chain,
            "total",
            money,
            &mut self.unknown,
        );
        set(
            &mut self.order.refunded,
            &chain,
            "refunded",
            money,
            &mut self.unknown,
        );
        for (part, what) in [
            (&mut self.order.ship_by, "ship_by"),
            (&mut self.order.promised_by, "promised_by"),
            (&mut self.order.deliver_by, "deliver_by"),
            (&mut self.order.closed_at, "closed_at"),
        ] {
            set(part, &chain, what, read_time, &mut self.unknown);
        }
        set(
            &mut self.order.number,
            &chain,
            "number",
            read_text,
            &mut self.unknown,
        );
        set(
            &mut self.order.pays,
            &chain,
            "pays",
            read_pays,
            &mut self.unknown,
        );
        set(
            &mut self.order.risk,
            &chain,
            "risk",
            read_risk,
            &mut self.unknown,
        );
        for line in &mut self.order.lines {
            let what = format!("line {} price", line.number);
            set(&mut line.total, &chain, &what, money, &mut self.unknown);
        }
    }
}

/// The changes until then, and those that came later.
struct Chain<'a> {
    then: &'a [(Time, Event)],
    later: &'a [(Time, Event)],
}

impl Chain<'_> {
    /// What the last change until then wrote, and what the first one later found.
    fn around(&self, wanted: &str) -> (Option<&str>, Option<&str>) {
        let wrote = self.then.iter().rev().find_map(|(_, event)| match event {
            Event::OrderChanged { what, to, .. } if what == wanted => Some(to.as_str()),
            _ => None,
        });
        let found = self.later.iter().find_map(|(_, event)| match event {
            Event::OrderChanged { what, from, .. } if what == wanted => Some(from.as_str()),
            _ => None,
        });
        (wrote, found)
    }
}

/// Sets a part to what it was, if that is known; `part` is what it is now.
fn set<T: Clone + PartialEq + std::fmt::Debug>(
    part: &mut T,
    chain: &Chain<'_>,
    what: &str,
    read: impl Fn(&str) -> Option<T>,
    unknown: &mut Vec<String>,
) {
    let (wrote, found) = chain.around(what);
    // Between the two nothing was recorded, so they are the same, unless something was changed without a fact.
    let next = found.map_or_else(|| format!("{part:?}"), str::to_owned);
    let was = wrote.map_or_else(|| next.clone(), str::to_owned);
    if was != next {
        unknown.push(format!(
            "`{what}` was {was} or {next}: it changed in between, and when was not recorded."
        ));
    }
    match read(&next) {
        Some(value) => *part = value,
        None if found.is_some() => unknown.push(format!("`{what}` was {next}.")),
        None => {}
    }
}

fn inner<'t>(text: &'t str, of: &str) -> Option<&'t str> {
    text.strip_prefix(of)?.strip_prefix('(')?.strip_suffix(')')
}

fn read_text(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn read_time(text: &str) -> Option<Option<Time>> {
    match text {
        "None" => Some(None),
        text => inner(text, "Some")?.parse().ok().map(Some),
    }
}

fn read_money(text: &str, currency: Currency) -> Option<Money> {
    let (amount, code) = text.split_once(' ')?;
    (code == currency.code())
        .then(|| Money::parse(amount, currency).ok())
        .flatten()
}

fn read_pays(text: &str) -> Option<Pays> {
    let all = [Pays::Before, Pays::OnDelivery, Pays::OnInvoice];
    all.into_iter().find(|one| format!("{one:?}") == text)
}

fn read_risk(text: &str) -> Option<Option<Risk>> {
    if text == "None" {
        return Some(None);
    }
    let text = inner(text, "Some")?;
    let all = [Risk::Pending, Risk::Low, Risk::Medium, Risk::High];
    let known = all.into_iter().find(|one| format!("{one:?}") == text);
    let known = known.or_else(|| read_text(inner(text, "Unmapped")?).map(Risk::Unmapped));
    known.map(Some)
}

fn read_standing(text: &str) -> Option<Standing> {
    let all = [
        Standing::Draft,
        Standing::Placed,
        Standing::Canceled,
        Standing::Deleted,
    ];
    let known = all.into_iter().find(|one| format!("{one:?}") == text);
    known.or_else(|| read_text(inner(text, "Unmapped")?).map(Standing::Unmapped))
}

fn read_payment(text: &str) -> Option<PaymentState> {
    let all = [
        PaymentState::Pending,
        PaymentState::Authorized,
        PaymentState::PartPaid,
        PaymentState::Paid,
        PaymentState::PartRefunded,
        PaymentState::Refunded,
        PaymentState::Voided,
    ];
    let known = all.into_iter().find(|one| format!("{one:?}") == text);
    known.or_else(|| read_text(inner(text, "Unmapped")?).map(PaymentState::Unmapped))
}
