//! What is to be done next with an order: a sentence for each matter that is open, with the command that settles it.
//!
//! It only says what follows from the rest of the order, so that somebody who sees Oneshelf for the first time
//! knows how to go on. Start reading at [`steps`].

use std::{collections::BTreeSet, time::Duration};

use domain::{
    Money, Quantity, Time,
    deadlines::Due,
    fulfillment::TaskState,
    ids::IncidentId,
    incident::Incident,
    intent::{Intent, IntentState, Wish},
    mapping::Named,
    order::{Hold, Order, Phase, SHIPPED_RESTS, Shipment},
    payment::{Pays, Sums},
    returns::{Return, ReturnedLine},
    snapshot::PaymentState,
};
use serde::Serialize;

use super::{
    StoreError, Units, Walk, due,
    orders::{LineView, Loaded},
    read, words,
};
use crate::{
    Engine,
    pausing::{Flow, tells_of_a_parcel},
    rows::{self, prefix},
};

/// Something to do, or to wait for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// What it is about, in one word.
    pub matter: &'static str,
    /// Whether somebody has something to do; otherwise it goes on by itself.
    pub is_to_do: bool,
    /// By when, where there is such a time.
    pub until: Option<Time>,
    /// In a sentence or two.
    pub text: String,
}

/// What is to be done next, what hurts most first.
pub(crate) async fn steps(
    engine: &Engine,
    loaded: &Loaded,
    lines: &[LineView],
    (intents, pay_by): (&[Intent], Option<Time>),
) -> Result<Vec<NextStep>, StoreError> {
    let order = &loaded.order;
    let incidents = open_incidents(engine, order).await?;
    let account = engine.accounts.get(&order.account);
    let may_write = account.is_none_or(|account| account.may_write());
    let is_told = account.is_none_or(|account| !account.is_paused(Flow::Tracking));
    let mut sheet = Sheet {
        order,
        phase: loaded.phase(),
        steps: Vec::new(),
    };
    let (now, silent_after) = (
        engine.ports.clock.now(),
        due::silent_after(engine, &order.account),
    );
    sheet.late(now);
    sheet.parcels();
    sheet.silent(now, silent_after);
    sheet.holds();
    sheet.unmapped();
    sheet.short(lines, &incidents);
    sheet.payment(pay_by);
    sheet.tasks();
    sheet.packing(lines);
    sheet.intents(intents, (may_write, is_told));
    sheet.returns();
    sheet.money(intents);
    sheet.people();
    if sheet.steps.is_empty() {
        sheet.rest();
    }
    Ok(sheet.steps)
}

async fn open_incidents(engine: &Engine, order: &Order) -> Result<Vec<Incident>, StoreError> {
    let below = prefix(&[&order.id.to_string()]);
    let mut walk = Walk::new(engine, rows::OPEN_INCIDENTS, below, None);
    let mut incidents = Vec::new();
    while let Some((_, row)) = walk.next().await? {
        let id: IncidentId = rows::decode(rows::OPEN_INCIDENTS, &row.value)?;
        incidents.extend(read::<Incident>(engine, rows::INCIDENTS, &[&id.to_string()]).await?);
    }
    Ok(incidents)
}

struct Sheet<'a> {
    order: &'a Order,
    phase: Phase,
    steps: Vec<NextStep>,
}

impl Sheet<'_> {
    fn put(&mut self, matter: &'static str, is_to_do: bool, until: Option<Time>, text: String) {
        self.steps.push(NextStep {
            matter,
            is_to_do,
            until,
            text,
        });
    }

    fn ask_for(&mut self, matter: &'static str, text: String) {
        self.put(matter, true, None, text);
    }

    fn units(&self, line: u32, quantity: Quantity) -> Units {
        Units::new(quantity, self.order.line(line).map_or(0, |line| line.scale))
    }

    fn is_over(&self) -> bool {
        !self.phase.is_open()
    }

    /// Parcels that went astray, or that nobody wants any more.
    fn parcels(&mut self) {
        let id = self.order.id;
        let astray: Vec<&Shipment> = self
            .order
            .shipments
            .iter()
            .filter(|one| one.is_astray())
            .collect();
        for parcel in astray {
            let words = parcel
                .tracking()
                .map_or("is in trouble", |state| state.words());
            self.ask_for(
                "parcel",
                format!(
                    "Parcel {} {words}. Send it again with `oneshelf orders resend {id} --reason …`, or say how it \
                     was seen to: `oneshelf orders settle {id} --note …`.",
                    name_of(parcel)
                ),
            );
        }
        let has_left = self.order.lines.iter().any(|line| {
            let counters = &line.counters;
            counters
                .shipped_net()
                .minus(counters.returned)
                .is_positive()
        });
        if self.order.is_withdrawn() && has_left && !self.is_over() {
            self.ask_for(
                "canceled",
                format!(
                    "It was canceled, and some of it has left: stop the parcel at its carrier, or take it back with \
                     `oneshelf orders return open {id} --reason other`."
                ),
            );
        }
    }

    /// What should have left or arrived by now.
    fn late(&mut self, now: Time) {
        for (what, by) in self.order.due() {
            if by >= now {
                continue;
            }
            let late = words::span(now.since(by));
            match what {
                Due::Ship => self.put(
                    "late",
                    true,
                    Some(by),
                    format!("It is late: it was to leave by {by}, {late} ago. Tell the buyer when it comes."),
                ),
                Due::Deliver => self.put(
                    "late",
                    true,
                    Some(by),
                    format!("It was to arrive by {by}, {late} ago, and nobody told that it did. Ask its carrier."),
                ),
                Due::Parcel => {}
            }
        }
    }

    /// Parcels of which nobody heard for too long.
    fn silent(&mut self, now: Time, silent_after: Option<Duration>) {
        let Some(after) = silent_after.filter(|_| !self.is_over() && !self.order.is_withdrawn())
        else {
            return;
        };
        let (id, order) = (self.order.id, self.order);
        for parcel in order.shipments.iter().filter(|parcel| parcel.is_awaited()) {
            let heard = parcel.heard_of_at();
            if heard.plus(after) <= now {
                self.ask_for(
                    "no_news",
                    format!(
                        "Nobody heard of parcel {} since {heard}: ask its carrier, and note what it says with `oneshelf \
                         orders track {id} --state …`.",
                        name_of(parcel)
                    ),
                );
            }
        }
    }

    fn holds(&mut self) {
        if self.is_over() {
            return;
        }
        let id = self.order.id;
        let holds: Vec<&Hold> = self.order.active_holds().collect();
        for hold in holds {
            let until = hold.until.map_or_else(String::new, |until| {
                format!(" It is to be settled by {until}.")
            });
            let keeps = match hold.keeps_claim {
                true => "",
                false => " Meanwhile others get its stock.",
            };
            let (owner, since, reason) = (&hold.owner, hold.since, &hold.reason);
            self.put(
                "held",
                true,
                hold.until,
                format!(
                    "It is held by {owner} since {since}: {reason}.{until}{keeps} When that is settled, let it go on \
                     with `oneshelf orders release {id}`."
                ),
            );
        }
    }

    fn unmapped(&mut self) {
        if self.is_over() || self.order.is_withdrawn() {
            return;
        }
        let (id, account) = (self.order.id, &self.order.account);
        let lines = self.order.lines.iter().filter(|line| line.item.is_none());
        let asked: Vec<String> = lines
            .map(|line| {
                let number = line.number;
                let called = line.channel_sku.as_deref().map_or_else(
                    || "which has no SKU on its channel".to_owned(),
                    |sku| format!("which its channel calls {sku}"),
                );
                let alone = format!("`oneshelf orders map {id} {number} SKU`");
                let clue = (line.listing.as_ref(), line.channel_sku.as_deref());
                let how = match Named::of_line(clue.0, clue.1) {
                    Some(named) => format!(
                        "Say it of all orders of it with `oneshelf listings map {account} {} SKU`, or of this line \
                         alone with {alone}.",
                        words::quoted(named.text())
                    ),
                    None => format!("Say it with {alone}."),
                };
                format!("Nobody knows which item line {number} is, {called}. {how}")
            })
            .collect();
        for text in asked {
            self.ask_for("needs_mapping", text);
        }
    }

    fn short(&mut self, lines: &[LineView], incidents: &[Incident]) {
        let mut told = BTreeSet::new();
        for incident in incidents {
            let (inc, line, sku) = (incident.id, incident.line, &incident.sku);
            told.insert(line);
            let chosen = incident.choice.as_ref();
            let chosen = chosen.map(|choice| words::way(&choice.way));
            let text = match chosen {
                Some(way) => format!(
                    "Line {line} is short of {} of {sku}. It was chosen to {way}; `oneshelf incidents show {inc}` \
                     tells how far that is.",
                    incident.missing
                ),
                None => format!(
                    "Line {line} is short of {} of {sku}: they were sold and are not there. `oneshelf incidents show \
                     {inc}` lists the ways out.",
                    incident.missing
                ),
            };
            self.ask_for("short", text);
        }
        for line in lines {
            if let Some(owed) = &line.owed {
                let (number, units, until) = (line.number, owed.units, owed.until);
                let how = match owed.kind {
                    "preorder" => "as a preorder",
                    _ => "on backorder",
                };
                self.put(
                    "owed",
                    false,
                    Some(until),
                    format!(
                        "Line {number} waits for {units}, sold {how}: they are owed until {until}, and it goes on by \
                         itself when they come in."
                    ),
                );
            } else if line.missing.quantity().is_positive() && !told.contains(&line.number) {
                let (number, missing) = (line.number, line.missing);
                self.ask_for(
                    "short",
                    format!(
                        "Line {number} waits for {missing} that are not there; it goes on by itself when they come \
                         in. `oneshelf stock receive` takes goods in."
                    ),
                );
            }
        }
    }

    fn payment(&mut self, pay_by: Option<Time>) {
        if self.is_over() || self.order.is_withdrawn() || self.order.is_payable() {
            return;
        }
        let open = self.order.total.minor() - Sums::of(&self.order.payments).taken;
        let open = Money::from_minor(open, self.order.currency).ok();
        let open = open.filter(|open| open.is_positive() && !self.order.payments.is_empty());
        let open = open.map_or_else(String::new, |open| format!(" {open} are still to be paid."));
        let text = match (pay_by, self.order.expired_at) {
            (Some(by), _) => {
                format!(
                    "It waits for its payment until {by}; without it, it loses its stock then.{open}"
                )
            }
            (None, Some(at)) => format!(
                "It was not paid and lost its stock on {at}. When it is paid after all, it takes again what is there \
                 then."
            ),
            (None, None) => {
                format!("It waits for its payment, and keeps its stock meanwhile.{open}")
            }
        };
        self.put("awaiting_payment", false, pay_by, text);
    }

    /// What is being worked on, and what must not leave any more.
    fn tasks(&mut self) {
        let order = self.order;
        let id = order.id;
        let open = order.tasks.iter().filter(|task| task.is_open());
        for task in open {
            let (at, step) = (&task.location, next_of(task.state()));
            let text = match task.state() {
                TaskState::Stopped => format!(
                    "Something in hand at {at} must not leave any more: put it back, then say so with `oneshelf \
                     orders task {step} {id} --task {}`.",
                    task.id
                ),
                state => format!(
                    "The task at {at} is {}: go on with `oneshelf orders task {step} {id} --task {}`.",
                    state.word(),
                    task.id
                ),
            };
            self.ask_for("task", text);
        }
    }

    /// What can be packed now, and from where.
    fn packing(&mut self, lines: &[LineView]) {
        let blocked = self.order.active_holds().next().is_some() || !self.order.is_payable();
        if self.is_over() || self.order.is_withdrawn() || blocked {
            return;
        }
        let mut parts = Vec::new();
        for line in lines {
            let (to_ship, missing) = (line.to_ship.quantity(), line.missing.quantity());
            let ready = to_ship
                .minus(missing)
                .minus(self.order.in_tasks(line.number));
            if !ready.is_positive() || line.sku.is_none() {
                continue;
            }
            let at: Vec<String> = line
                .leaves_from
                .iter()
                .map(|part| format!("{} of {} from {}", part.units, part.sku, part.location))
                .collect();
            let name = line
                .sku
                .as_ref()
                .map_or_else(String::new, ToString::to_string);
            parts.push(match at.is_empty() {
                true => format!("{} of {name}", self.units(line.number, ready)),
                false => at.join(", "),
            });
        }
        if parts.is_empty() {
            return;
        }
        let id = self.order.id;
        let by = self.order.ships_by();
        let by_when = by.map_or_else(String::new, |by| format!(" It is to leave by {by}."));
        self.put(
            "to_ship",
            true,
            by,
            format!(
                "Pick and pack {}.{by_when} Say that it left with `oneshelf orders ship {id} --carrier … \
                 --tracking-number …`.",
                parts.join(", ")
            ),
        );
    }

    fn intents(&mut self, intents: &[Intent], (may_write, is_told): (bool, bool)) {
        for intent in intents {
            let (id, wish) = (intent.id, words::wish(&intent.wish));
            match &intent.state {
                IntentState::Done(_) | IntentState::Dropped(_) => {}
                IntentState::Parked(reason) if intent.wish.gateway().is_some() => self.ask_for(
                    "parked",
                    format!(
                        "It could not {wish}: {reason}. Try again with `oneshelf outbox retry {id}`, or give it up \
                         with `oneshelf outbox drop {id}`."
                    ),
                ),
                IntentState::Parked(reason) => self.ask_for(
                    "parked",
                    format!(
                        "The channel would not {wish}: {reason}. See to it there, then try again with `oneshelf \
                         outbox retry {id}`."
                    ),
                ),
                IntentState::Waiting if !may_write => self.put(
                    "outbox",
                    true,
                    None,
                    format!(
                        "It waits to {wish}: nothing is written to {} now; `oneshelf accounts show {}` says why.",
                        intent.account, intent.account
                    ),
                ),
                IntentState::Waiting if !is_told && tells_of_a_parcel(&intent.wish) => self.put(
                    "outbox",
                    true,
                    None,
                    format!(
                        "It waits to {wish}: telling {} of parcels is paused; `oneshelf resume {} tracking` lets \
                         it go on.",
                        intent.account, intent.account
                    ),
                ),
                IntentState::Waiting if intent.tries == 0 => {
                    self.put("outbox", false, None, format!("It is about to {wish}."));
                }
                IntentState::Waiting => self.put(
                    "outbox",
                    false,
                    Some(intent.next_at),
                    format!(
                        "It could not {wish} yet, tried {} times, and tries again at {}: {}.",
                        intent.tries, intent.next_at, intent.last
                    ),
                ),
            }
        }
    }

    fn returns(&mut self) {
        let id = self.order.id;
        let open: Vec<&Return> = self
            .order
            .returns
            .iter()
            .filter(|one| one.is_open())
            .collect();
        for back in open {
            let named = |count: fn(&ReturnedLine) -> Quantity| {
                let parts = back.lines.iter().filter(|part| count(part).is_positive());
                let parts: Vec<String> = parts
                    .map(|part| {
                        format!(
                            "{} of line {}",
                            self.units(part.line, count(part)),
                            part.line
                        )
                    })
                    .collect();
                parts.join(", ")
            };
            let (to_check, to_come) = (
                named(ReturnedLine::to_check),
                named(ReturnedLine::outstanding),
            );
            let ret = back.id;
            self.exchanged(back);
            if !to_check.is_empty() {
                self.ask_for(
                    "return",
                    format!(
                        "Look at what came back with {ret}, {to_check}: `oneshelf orders return inspect {id} --return \
                         {ret} --verdict restock|damaged|scrap --note …`."
                    ),
                );
            }
            if !to_come.is_empty() {
                self.put(
                    "return",
                    false,
                    None,
                    format!(
                        "It waits for {to_come} to come back with {ret}. Take it in with `oneshelf orders return \
                         receive {id} --return {ret}`, or give it up with `oneshelf orders return close {id} --return \
                         {ret} --reason …`."
                    ),
                );
            }
        }
    }

    /// What leaves for a return costs the buyer something. What it costs less is told once the goods are there.
    fn exchanged(&mut self, back: &Return) {
        let minor = self.order.difference_of(back).unwrap_or(0);
        let Ok(owed) = Money::from_minor(minor, self.order.currency) else {
            return;
        };
        if owed.is_positive() {
            let ret = back.id;
            self.put(
                "money",
                false,
                None,
                format!(
                    "What leaves for {ret} costs {owed} more than what comes back. The buyer owes that, if you ask for \
                     it: nothing does so by itself."
                ),
            );
        }
    }

    /// What came back for less: the rest is the buyer's.
    fn exchanged_for_less(&mut self) {
        let (id, order) = (self.order.id, self.order);
        for back in &order.returns {
            let owed = order.difference_of(back).unwrap_or(0).saturating_neg();
            let given = back.refunds.iter().map(|one| one.amount.minor());
            let left = owed.saturating_sub(given.fold(0, i64::saturating_add));
            let came = back.lines.iter().any(|part| part.received.is_positive());
            let Some(left) = Money::from_minor(left, order.currency).ok() else {
                continue;
            };
            if came && left.is_positive() {
                let ret = back.id;
                self.ask_for(
                    "refund",
                    format!(
                        "What left for {ret} costs {left} less than what came back. To give that to the buyer: \
                         `oneshelf orders refund {id} --return {ret} --reason …`."
                    ),
                );
            }
        }
    }

    /// What came back without money, where nothing was given back for the order at all: what was sent instead needs
    /// none.
    fn back_without_money(&mut self, intents: &[Intent]) {
        let (id, order) = (self.order.id, self.order);
        let is_refunded = order.refunded.is_positive()
            || intents
                .iter()
                .any(|intent| matches!(intent.wish, Wish::Refund { .. }));
        let has_paid = order.payment == PaymentState::Paid;
        let is_sent_again = order
            .lines
            .iter()
            .any(|line| line.counters.resent.is_positive());
        if is_refunded || !has_paid || is_sent_again || self.is_over() {
            return;
        }
        for back in order
            .returns
            .iter()
            .filter(|back| !back.unpaid_units().is_empty())
        {
            let ret = back.id;
            self.ask_for(
                "refund",
                format!(
                    "What came back with {ret} was paid, and no money was given for it. If the buyer gets it back: \
                     `oneshelf orders refund {id} --return {ret} --reason …`."
                ),
            );
        }
    }

    fn money(&mut self, intents: &[Intent]) {
        self.back_without_money(intents);
        self.exchanged_for_less();
        let (id, order) = (self.order.id, self.order);
        let wanted = order
            .lines
            .iter()
            .any(|line| line.counters.wanted().is_positive());
        let is_given_up = order.is_withdrawn() || (!wanted && !order.lines.is_empty());
        let has_paid = matches!(
            order.payment,
            PaymentState::Paid | PaymentState::PartRefunded
        );
        let under_way = intents
            .iter()
            .filter_map(|intent| match (&intent.state, &intent.wish) {
                (IntentState::Waiting | IntentState::Parked(_), Wish::Refund { amount, .. }) => {
                    Some(amount.minor())
                }
                _ => None,
            });
        let under_way = under_way.fold(0, i64::saturating_add);
        let left = order.total.minor() - order.refunded.minor() - under_way;
        if is_given_up && has_paid && left > 0 && order.closed_at.is_none() {
            let left = Money::from_minor(left, order.currency);
            let left = left.map_or_else(|error| error.to_string(), |left| left.to_string());
            self.ask_for(
                "refund",
                format!(
                    "It was paid and is given up: {left} are to be given back, with `oneshelf orders refund {id} \
                     --amount … --reason …`."
                ),
            );
        }
        let later = matches!(order.pays, Pays::OnDelivery | Pays::OnInvoice);
        if later && !order.is_withdrawn() && !is_given_up {
            let open = order.total.minor() - Sums::of(&order.payments).taken;
            if let Some(open) = Money::from_minor(open, order.currency)
                .ok()
                .filter(|open| open.is_positive())
            {
                self.put(
                    "payment",
                    false,
                    None,
                    format!(
                        "{open} are still to be paid. Note what comes with `oneshelf orders pay {id} --amount … \
                         --method …`."
                    ),
                );
            }
        }
    }

    fn people(&mut self) {
        let erasure = self.order.erasure.as_ref();
        if let Some(erasure) = erasure.filter(|erasure| erasure.done_at.is_none()) {
            let by = &erasure.by;
            let text = format!(
                "What it says of people is erased as soon as nothing must be sent any more, as {by} asked."
            );
            self.put("people", false, None, text);
        }
    }

    /// Nothing is open.
    fn rest(&mut self) {
        let days = SHIPPED_RESTS.as_secs() / (24 * 3600);
        let text = match self.phase {
            Phase::Canceled => "Nothing: it is canceled, and nothing is owed.".to_owned(),
            Phase::Closed => "Nothing: it is closed.".to_owned(),
            Phase::Delivered => {
                "Nothing: it arrived, and is closed by itself a day later.".to_owned()
            }
            Phase::Shipped | Phase::InDelivery => format!(
                "Nothing: all of it has left. It is closed by itself when it arrived, or when nobody heard of it for \
                 {days} days; note what you hear with `oneshelf orders track`."
            ),
            Phase::AfterSales => {
                "It waits for what comes back, or for money to be given back.".to_owned()
            }
            Phase::Exception
            | Phase::Held
            | Phase::PartShipped
            | Phase::Fulfilling
            | Phase::Short
            | Phase::AwaitingPayment
            | Phase::NeedsMapping
            | Phase::Ready
            | Phase::Received => "Nothing that is known.".to_owned(),
        };
        self.put("nothing", false, None, text);
    }
}

/// A parcel as people call it.
fn name_of(parcel: &Shipment) -> String {
    match &parcel.tracking_number {
        Some(number) => format!("{number} ({})", parcel.id),
        None => parcel.id.to_string(),
    }
}

/// The usual next step of a task.
fn next_of(state: TaskState) -> &'static str {
    match state {
        TaskState::Open | TaskState::Picking => "pick",
        TaskState::Picked => "pack",
        TaskState::Packed => "label",
        TaskState::Labeled | TaskState::Closed => "hand-over",
        TaskState::Stopped => "put-back",
    }
}
