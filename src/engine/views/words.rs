//! Words and sentences for what the domain says in values.
//!
//! Every match is total, so a new event or state does not compile before it can be said.

mod aftersales;
mod fulfillment;
mod mapping;
mod rules;
mod telling;

pub use self::{
    mapping::{mapped, quoted},
    telling::{attempt, event_kind, note, person_edit},
};

use std::collections::BTreeMap;

use domain::{
    Quantity, Time,
    breaker::Side,
    buffer::Tuned,
    decide::Authority,
    fact::{Counter, Event},
    ids::IntentId,
    incident::{Way, Why},
    intent::{IntentState, Wish},
    item::ItemKind,
    offer::QuantityMeaning,
    order::Order,
    owed::{Broken, Kind},
    payment::{Method, Step},
    rules::{Buffer, LastUnits, OfferRule, Zeroed},
    snapshot::{PaymentState, Standing},
    stock::{Cause, Condition},
};

use super::Units;
use crate::account::Mode;

/// Whether the channel counts an order as a sale.
pub fn standing(standing: &Standing) -> &'static str {
    match standing {
        Standing::Draft => "draft",
        Standing::Placed => "placed",
        Standing::Canceled => "canceled",
        Standing::Deleted => "deleted",
        Standing::Unmapped(_) => "unmapped",
    }
}

/// What the channel says of the money.
pub fn payment(payment: &PaymentState) -> &'static str {
    match payment {
        PaymentState::Pending => "pending",
        PaymentState::Authorized => "authorized",
        PaymentState::PartPaid => "part_paid",
        PaymentState::Paid => "paid",
        PaymentState::PartRefunded => "part_refunded",
        PaymentState::Refunded => "refunded",
        PaymentState::Voided => "voided",
        PaymentState::Unmapped(_) => "unmapped",
    }
}

/// What an item is.
pub fn kind(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Good => "good",
        ItemKind::Kit(_) => "kit",
        ItemKind::Service => "service",
    }
}

/// What an account may do.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "off",
        Mode::Observe => "observe",
        Mode::Live => "live",
    }
}

/// Who decides about stock.
pub fn authority(authority: Authority) -> &'static str {
    match authority {
        Authority::Ledger => "ledger",
        Authority::Channel => "channel",
    }
}

/// What a breaker holds a listing for, as a sentence without its end.
pub fn held(side: Side) -> &'static str {
    match side {
        Side::Source => {
            "too many listings of the account jumped at once; see `oneshelf accounts breaker`"
        }
        Side::Writes => {
            "too many listings were to be set to zero at once; see `oneshelf accounts breaker`"
        }
    }
}

/// The mode that a word names.
pub fn mode_named(word: &str) -> Option<Mode> {
    [Mode::Off, Mode::Observe, Mode::Live]
        .into_iter()
        .find(|known| mode(*known) == word)
}

/// What a channel's stock number means.
pub fn meaning(meaning: QuantityMeaning) -> &'static str {
    match meaning {
        QuantityMeaning::Available => "available",
        QuantityMeaning::Unreserved => "unreserved",
        QuantityMeaning::OnHand => "on_hand",
    }
}

/// In which state units are.
pub fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Sellable => "sellable",
        Condition::Damaged => "damaged",
        Condition::Quality => "quality",
        Condition::ReturnedUnchecked => "returned_unchecked",
    }
}

/// What became of a wish.
pub fn intent_state(state: &IntentState) -> &'static str {
    match state {
        IntentState::Waiting => "waiting",
        IntentState::Done(_) => "done",
        IntentState::Parked(_) => "parked",
        IntentState::Dropped(_) => "dropped",
    }
}

/// What is wished, as a verb phrase.
pub fn wish(wish: &Wish) -> String {
    match wish {
        Wish::PushShipment { shipment, .. } => format!("tell the channel of shipment {shipment}"),
        Wish::CancelOrder { reason } => format!("cancel the order on its channel: {reason}"),
        Wish::Refund { amount, reason, .. } => format!("refund {amount}: {reason}"),
        Wish::Capture { amount } => format!("take {amount}, which are reserved for it"),
        Wish::Message { message, way } => match way {
            domain::message::Way::Mail => format!("send the message `{message}`"),
            domain::message::Way::Webhook => format!("tell the webhook `{message}`"),
        },
        Wish::BuyLabel {
            provider, parcel, ..
        } => format!("buy a label of {provider} for parcel {parcel}"),
        Wish::VoidLabel {
            provider,
            reference,
            ..
        } => format!("give label {reference} back to {provider}"),
    }
}

/// Why stock changed, as it follows "because".
pub fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Opening { account } => format!("it was the opening stock, taken from {account}"),
        Cause::Adjustment { reason, by } => format!("{by} said: {reason}"),
        Cause::Shipped { order, line } => format!("line {line} of order {order} left"),
        Cause::Returned { order, line } => {
            format!("line {line} of order {order} came back")
        }
        Cause::Scrapped {
            order, reason, by, ..
        } => format!("{by} threw away what had come back of order {order}: {reason}"),
        Cause::Voided { order, line } => {
            format!("line {line} of order {order} had not left after all")
        }
        Cause::Transferred {
            from,
            to,
            arrival: Some(arrival),
            by,
        } => format!("{by} sent it from {from} to {to}, as arrival {arrival}"),
        Cause::Transferred { from, to, by, .. } => format!("{by} took it from {from} to {to}"),
        Cause::Received {
            arrival,
            reference,
            by,
        } => {
            let of = arrival.map_or_else(String::new, |id| format!(", of arrival {id}"));
            match reference.as_str() {
                "" => format!("{by} took it in{of}"),
                reference => format!("{by} took it in{of}: {reference}"),
            }
        }
        Cause::Sorted {
            from,
            to,
            reason,
            by,
        } => {
            let (from, to) = (from.words(), to.words());
            format!("{by} found what was {from} to be {to}: {reason}")
        }
        Cause::Counted { as_of, by, .. } => format!("{by} counted it as of {as_of}"),
        Cause::LeftBeforeCount { order, as_of } => {
            format!("order {order} had left before it was counted as of {as_of}")
        }
    }
}

/// An offer rule, as it follows "may show" at a time.
pub fn rule(rule: &OfferRule, tuned: Option<&Tuned>, scale: u8, now: Time) -> String {
    if rule.exclude {
        return "nothing, because a rule excludes it".to_owned();
    }
    let units = |quantity| Units::new(quantity, scale);
    let buffer = rule.buffer(tuned);
    let mut text = if let Some(formula) = &rule.formula {
        format!(
            "what the formula `{}` gives (share {}/{}, buffer {})",
            formula.0.text(),
            rule.share.numerator,
            rule.share.denominator,
            units(buffer)
        )
    } else if rule.share.numerator == rule.share.denominator {
        "all that can be sold".to_owned()
    } else {
        let (above, below) = (rule.share.numerator, rule.share.denominator);
        format!("{above}/{below} of what can be sold")
    };
    let is_said = !buffer.is_zero() || rule.buffer == Buffer::Auto;
    if is_said && rule.formula.is_none() {
        text = format!("{text}, less a buffer of {}", units(buffer));
        if let Some(within) = within(rule, tuned) {
            text = format!("{text} while no more than {} can be sold", units(within));
        }
    }
    if let Some(max) = rule.max {
        text = format!("{text}, but at most {}", units(max));
    }
    text.push_str(&owing(rule, scale, now));
    if rule.zero_below.is_positive() {
        text = format!(
            "{text}, and 0 instead of less than {}",
            units(rule.zero_below)
        );
    }
    if let Some(last) = rule.last_units.as_ref().filter(|l| l.below.is_positive()) {
        let (below, only) = (units(last.below), accounts(last));
        text = format!("{text}; when less than {below} can be sold, only {only} may show it");
    }
    if let Some(end_when) = rule.end_when {
        text = format!(
            "{text}; it ends when {} or less can be sold",
            units(end_when)
        );
    }
    text
}

/// While how much can be sold a buffer that tunes itself is held; nothing for at all times.
fn within(rule: &OfferRule, tuned: Option<&Tuned>) -> Option<Quantity> {
    match rule.buffer {
        Buffer::Units(_) => None,
        Buffer::Auto => tuned?.within,
    }
}

/// What may be owed by a rule, as it goes on in a sentence: before the day of a preorder only that.
fn owing(rule: &OfferRule, scale: u8, now: Time) -> String {
    let units = |quantity| Units::new(quantity, scale);
    let preorder = rule
        .owing
        .preorder
        .filter(|one| one.max.is_positive() && now < one.available_on);
    let before = preorder.map(|preorder| {
        let (most, day) = (units(preorder.max), day(preorder.available_on));
        format!("before {day} up to {most} more that are there on that day")
    });
    let backorder = rule.owing.backorder.filter(|one| one.max.is_positive());
    let after = backorder.map(|backorder| {
        let (most, within) = (units(backorder.max), span(backorder.ships_within));
        format!("up to {most} more that ship within {within} of the order")
    });
    match (before, after) {
        (Some(before), Some(after)) => format!(", and {before}, from then on {after}"),
        (Some(one), None) | (None, Some(one)) => format!(", and {one}"),
        (None, None) => String::new(),
    }
}

/// The day of a time, in UTC.
fn day(time: Time) -> String {
    let text = time.to_naive_utc();
    text.split('T').next().unwrap_or_default().to_owned()
}

/// A span in days where it is whole ones, else in hours or minutes.
pub(crate) fn span(span: std::time::Duration) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        _ if seconds >= DAY && seconds.is_multiple_of(DAY) => (seconds / DAY, "day"),
        _ if seconds >= 3600 && seconds.is_multiple_of(3600) => (seconds / 3600, "hour"),
        _ if seconds >= 60 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{ending}")
}

/// How something is owed, as it follows a comma.
pub fn owed(kind: Kind) -> &'static str {
    match kind {
        Kind::Backorder => "on backorder",
        Kind::Preorder => "as a preorder",
    }
}

/// Why a buffer that tunes itself is as large as it is; nothing for any other.
pub fn buffer(rule: &OfferRule, tuned: Option<&Tuned>, scale: u8) -> Option<String> {
    match rule.buffer {
        Buffer::Units(_) => return None,
        Buffer::Auto => {}
    }
    let units = |quantity| Units::new(quantity, scale);
    let (min, max) = (units(rule.tuning.min), units(rule.tuning.max));
    let Some(tuned) = tuned else {
        return Some(format!(
            "Its buffer tunes itself between {min} and {max}; nothing was measured yet, so it is the least."
        ));
    };
    let demand = &tuned.demand;
    let buffer = units(rule.buffer(Some(tuned)));
    let lag = milliseconds(demand.lag_ms);
    let assumed = if demand.is_lag_assumed {
        " (assumed, because too few pushes were measured yet)"
    } else {
        ""
    };
    let risk = rule.tuning.risk;
    let (one, so_many) = (risk.numerator, risk.denominator);
    let heard = match demand.heard_ms {
        0 => String::new(),
        heard_ms => format!(" and {} until it is known here", milliseconds(heard_ms)),
    };
    let (sales, at) = (sales_rate(&demand.lots, demand.over_ms), tuned.at);
    let mut text = format!(
        "Its buffer is {buffer} since {at}: {sales} elsewhere × {lag} lag{assumed}{heard}, risk {one} in {so_many}, \
         between {min} and {max}."
    );
    if demand.keeps_last {
        text.push_str(
            " It sells this item most, so the last units are kept for it: of the others only those that hold none \
             back count.",
        );
    }
    if let Some(within) = within(rule, Some(tuned)) {
        let here = sales_rate(&demand.here, demand.over_ms);
        text = format!(
            "{text} It is held while no more than {} can be sold: with {here} here, all accounts together rarely \
             sell more meanwhile.",
            units(within)
        );
    }
    Some(text)
}

/// How often something is sold, and how many units at once where that is not one.
fn sales_rate(lots: &BTreeMap<u32, u32>, over_ms: u64) -> String {
    const HOUR_MS: u64 = 3_600_000;
    let times: u64 = lots.values().copied().map(u64::from).sum();
    let of_lot = |(units, times): (&u32, &u32)| u64::from(*units).saturating_mul((*times).into());
    let sold: u64 = lots.iter().map(of_lot).sum();
    let tenths = |number: u64, over: u64| {
        let tenths = u128::from(number) * 10;
        let rounded = (tenths + u128::from(over / 2)) / u128::from(over.max(1));
        format!("{}.{}", rounded / 10, rounded % 10)
    };
    if times == 0 {
        return "no sales".to_owned();
    }
    let per = |span_ms: u64| tenths(times.saturating_mul(span_ms), over_ms);
    let rate = if times.saturating_mul(HOUR_MS) >= over_ms {
        format!("{} sales an hour", per(HOUR_MS))
    } else {
        format!("{} sales a day", per(24 * HOUR_MS))
    };
    if sold == times {
        rate
    } else {
        format!("{rate} of {} units each", tenths(sold, times))
    }
}

fn milliseconds(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} s", ms / 1000),
    }
}

fn accounts(last: &LastUnits) -> String {
    let names: Vec<&str> = last.only.iter().map(domain::AccountId::as_str).collect();
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

/// The word for why a rule shows zero.
pub fn zeroed(zeroed: Zeroed) -> &'static str {
    match zeroed {
        Zeroed::Excluded => "excluded",
        Zeroed::Ended => "ended",
        Zeroed::LastUnits => "last_units",
        Zeroed::BelowLeast(_) => "below_least",
    }
}

/// Why a rule shows zero, as it follows "it shows 0 because".
pub fn why_zero(zeroed: Zeroed, rule: &OfferRule, scale: u8) -> String {
    let units = |quantity| Units::new(quantity, scale);
    match zeroed {
        Zeroed::Excluded => "a rule excludes it".to_owned(),
        Zeroed::Ended => "it has ended, until stock comes in or a person lifts it".to_owned(),
        Zeroed::LastUnits => {
            let last = rule.last_units.as_ref();
            let below = last.map(|last| last.below).unwrap_or_default();
            let only = last.map_or_else(String::new, accounts);
            format!(
                "less than {} can be sold, and only {only} may show these last units",
                units(below)
            )
        }
        Zeroed::BelowLeast(offer) => format!(
            "it would show {}, which is less than {}",
            units(offer),
            units(rule.zero_below)
        ),
    }
}

fn counter(counter: Counter) -> &'static str {
    match counter {
        Counter::Ordered => "ordered",
        Counter::Canceled => "canceled",
        Counter::Reinstated => "reinstated",
        Counter::Picked => "picked",
        Counter::Unpicked => "put back",
        Counter::Packed => "packed",
        Counter::Unpacked => "unpacked",
        Counter::Shipped => "shipped",
        Counter::Delivered => "delivered",
        Counter::Undelivered => "not delivered after all",
        Counter::Resent => "to be sent again",
        Counter::ResendDropped => "not to be sent again after all",
        Counter::Returned => "returned",
    }
}

/// What happened to money, after an amount.
pub(crate) fn payment_step(step: Step) -> &'static str {
    match step {
        Step::Authorized => "were reserved",
        Step::Captured => "of what was reserved were taken",
        Step::Voided => "of what was reserved were given up",
        Step::Paid => "were paid",
        Step::Refunded => "were given back",
        Step::RefundReversed => "that were given back came again",
    }
}

/// By which means.
pub(crate) fn payment_method(method: Method) -> &'static str {
    match method {
        Method::Card => "by card",
        Method::Paypal => "by PayPal",
        Method::BankTransfer => "by bank transfer",
        Method::Cash => "in cash",
        Method::GiftCard => "by gift card",
        Method::CashOnDelivery => "on delivery",
        Method::Other => "by other means",
    }
}

/// What happened to an order, in a sentence.
#[expect(clippy::too_many_lines, reason = "one sentence for each event")]
pub fn event(event: &Event, order: &Order) -> String {
    let units = |line: u32, quantity: Quantity| {
        Units::new(quantity, order.line(line).map_or(0, |line| line.scale))
    };
    match event {
        Event::OrderAccepted { number, .. } => format!("Order {number} was accepted."),
        Event::OrderEntered { by } => format!("{by} entered it."),
        Event::OrderReplaced { by } => format!("{by} entered it anew."),
        Event::PaymentRecorded {
            step,
            method,
            amount,
            at,
            by,
            ..
        } => {
            let (what, how) = (payment_step(*step), payment_method(*method));
            format!("{amount} {what} {how} on {at}, entered by {by}.")
        }
        Event::OrderChanged { what, from, to } => telling::changed(what, from, to),
        Event::LineAdded {
            line,
            channel_sku,
            units: count,
        } => added(*line, channel_sku.as_deref(), &units(*line, *count)),
        Event::LineMapped { line, sku } => format!("Line {line} was found to be {sku}."),
        Event::Counted {
            line,
            counter: which,
            units: count,
        } => format!("Line {line}: {} {}.", units(*line, *count), counter(*which)),
        Event::Claimed {
            line,
            sku,
            units: count,
        } => format!("{count} of {sku} were promised to line {line}."),
        Event::Released {
            line,
            sku,
            units: count,
            reason,
        } => format!("{count} of {sku} were given back from line {line}: {reason}."),
        Event::Allocated {
            line,
            sku,
            location,
            units: count,
            because,
        } => format!("{count} of {sku} of line {line} leave from {location}: {because}."),
        Event::Unbound {
            line,
            sku,
            location,
            units: count,
            because,
        } => {
            let because = because.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!(
                "{count} of {sku} of line {line} do not leave from {location} any more{because}; they stay \
                 promised."
            )
        }
        Event::Short {
            line,
            sku,
            units: count,
        } => format!("Line {line} is short of {count} of {sku}."),
        Event::Owed {
            line,
            sku,
            units: count,
            kind,
            until,
        } => format!(
            "{} of {sku} for line {line} are owed until {until}, {}.",
            units(*line, *count),
            owed(*kind)
        ),
        Event::Covered { line } => format!("Line {line} is covered by stock now."),
        Event::IncidentOpened {
            incident,
            line,
            sku,
            units: count,
            why: because,
        } => format!(
            "Incident {incident}: {count} of {sku} for line {line} were sold and are not there. {}",
            why(because)
        ),
        Event::WayChosen {
            incident,
            way: chosen,
            by,
            note,
        } => {
            let note = note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
            format!("{by} chose for incident {incident} to {}{note}.", way(chosen))
        }
        Event::IncidentClosed {
            incident, ending, ..
        } => format!("Incident {incident} is over: {}.", ending.phrase()),
        Event::Moved {
            sku,
            location,
            condition,
            delta,
            ..
        } => match condition {
            Condition::Sellable => format!("Stock of {sku} at {location} changed by {delta}."),
            Condition::Damaged | Condition::Quality | Condition::ReturnedUnchecked => {
                let words = condition.words();
                format!("Stock of {sku} at {location} ({words}) changed by {delta}.")
            }
        },
        Event::LooksAlike { .. } | Event::RuleMatched { .. } | Event::RuleFailed { .. } => {
            rules::event(event).unwrap_or_default()
        }
        Event::HoldPlaced { reason, owner } => format!("{owner} put it on hold: {reason}."),
        Event::HoldReleased { reason, by } => format!("{by} lifted the hold: {reason}."),
        Event::EvidenceMade { by } => {
            format!("Evidence was made by {by}: all that is known of it, people too, was handed out.")
        }
        Event::NoteAdded { by, .. } => format!("{by} wrote a note."),
        Event::ErasureAsked { by } => {
            format!("{by} asked to erase what it says of people, as soon as nothing must be sent.")
        }
        Event::PersonErased { by } => {
            format!("What it says of people was erased, as {by} asked.")
        }
        Event::ShipmentRecorded {
            carrier,
            tracking_number,
            is_ours,
            ..
        } => {
            let (carrier, number) = (carrier.as_deref(), tracking_number.as_deref());
            shipment(carrier, number, *is_ours)
        }
        Event::Worked { task, work, by } => fulfillment::work(*task, work, by, &units),
        Event::Tracked { .. }
        | Event::DeliverySettled { .. }
        | Event::SentAgain { .. }
        | Event::ReturnAdvised { .. }
        | Event::Exchanged { .. }
        | Event::ReturnReceived { .. }
        | Event::ReturnInspected { .. }
        | Event::ReturnRefunded { .. }
        | Event::ReturnClosed { .. } => aftersales::event(event, &units).unwrap_or_default(),
        Event::DocumentIssued {
            kind,
            number,
            corrects,
            total,
            by,
            ..
        } => {
            let of = corrects.as_ref().map(|invoice| format!(" of invoice {invoice}"));
            let (kind, of) = (kind.title(), of.unwrap_or_default());
            format!("{by} issued {kind} {number}{of} over {total}.")
        }
        Event::IntentMade {
            wish, is_elsewhere, ..
        } => match is_elsewhere {
            true => format!("To do: {wish}."),
            false => format!("To do on the channel: {wish}."),
        },
        Event::IntentDone {
            intent,
            is_elsewhere,
        } => match is_elsewhere {
            true => format!("Done: {intent}."),
            false => format!("Done on the channel: {intent}."),
        },
        Event::IntentDropped { intent, reason } => {
            format!("Not to be done any more, {intent}: {reason}.")
        }
        Event::IntentParked { intent, reason } => parked(intent, reason),
        Event::OfferChanged { .. }
        | Event::ArrivalExpected { .. }
        | Event::ArrivalClosed { .. }
        | Event::CountOpened { .. }
        | Event::CountEntered { .. }
        | Event::CountClosed { .. }
        | Event::BufferTuned { .. }
        | Event::ListingEnded { .. }
        | Event::ListingLifted { .. }
        | Event::PushStarted { .. }
        | Event::PushAcknowledged { .. }
        | Event::PushConflicted { .. }
        | Event::PushParked { .. }
        | Event::DriftOpened { .. }
        | Event::LevelEdited { .. }
        | Event::BreakerTripped { .. }
        | Event::BreakerLifted { .. }
        // These belong to no order, and so to no timeline.
        | Event::DriftClosed { .. } => "A listing changed.".to_owned(),
        Event::ListingMapped { named, sku, by } => {
            format!("{}.", mapped(named, sku.as_ref(), by))
        }
        Event::ItemSet { sku } => format!("Item {sku} was set."),
    }
}

/// What explains an incident, in a sentence.
pub fn why(why: &Why) -> String {
    match why {
        Why::LatePush {
            listing,
            since,
            until,
            sold_at,
            ..
        } => {
            let lag = seconds(sold_at.since(*since));
            let until = match until {
                Some(until) => format!("the channel took the lower level only at {until}"),
                None => "the channel has not taken the lower level yet".to_owned(),
            };
            format!(
                "Listing {listing} should have shown less since {since}; it was sold {lag} later, at \
                 {sold_at}, and {until}."
            )
        }
        Why::LateNews { sold_at, known_at } => {
            let lag = seconds(known_at.since(*sold_at));
            format!(
                "It was sold at {sold_at}, before the sales that took the last units were known; it \
                 became known {lag} later."
            )
        }
        Why::GaveWay => {
            "It had the units and lost them: fewer lie there than were counted, or they \
                         went to another order."
                .to_owned()
        }
        Why::CameBack => {
            "It had given up its stock, unpaid or on hold, and wanted it back when it was \
                          gone."
                .to_owned()
        }
        Why::BeyondShown {
            listing,
            shown: None,
            ..
        } => format!("Listing {listing} sold more than it should have shown."),
        Why::BeyondShown {
            listing,
            shown: Some(shown),
            ..
        } => {
            format!("Listing {listing} sold more than the {shown} that it showed by what is known.")
        }
        Why::Owed { until, broken } => {
            let how = match broken {
                Broken::Late => "that date has passed, and the units have not come",
                Broken::Withdrawn => "no rule lets them be owed any more",
                Broken::BeyondMax => "the rule lets fewer be owed now, and older orders go first",
            };
            format!("It was owed until {until}: {how}.")
        }
        Why::Unknown => "Nothing that is known explains it.".to_owned(),
    }
}

/// What a way out does, as a verb phrase.
pub fn way(way: &Way) -> String {
    match way {
        Way::Wait => "wait until the units come in".to_owned(),
        Way::TakeFrom { order } => format!("take the units from order {order}"),
        Way::Transfer => "bring units from another location".to_owned(),
        Way::Sort => "look at units that wait for a check".to_owned(),
        Way::Split => "ship what is there now, and the rest later".to_owned(),
        Way::Substitute => "agree on something else with the buyer".to_owned(),
        Way::CancelUnits { amount } => {
            format!("cancel the missing units on the channel and give {amount} back")
        }
        Way::CancelOrder => "cancel the order on its channel".to_owned(),
    }
}

/// Seconds with a tenth, for people.
fn seconds(span: std::time::Duration) -> String {
    format!("{}.{} s", span.as_secs(), span.subsec_millis() / 100)
}

fn added(line: u32, sku: Option<&str>, count: &Units) -> String {
    let sku = sku.unwrap_or("something without a SKU");
    format!("Line {line} was added: {count} of {sku}.")
}

fn parked(intent: &IntentId, reason: &str) -> String {
    format!("A person must look at {intent}: {reason}.")
}

fn shipment(carrier: Option<&str>, number: Option<&str>, is_ours: bool) -> String {
    let by = if is_ours { "here" } else { "on the channel" };
    let carrier = carrier.map_or_else(String::new, |carrier| format!(", carrier {carrier}"));
    let number = number.map_or_else(String::new, |number| format!(", tracking number {number}"));
    format!("A shipment was recorded {by}{carrier}{number}.")
}
