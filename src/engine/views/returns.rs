//! Returns as people see them, and what they are worth.

use domain::{
    Currency, Money, Quantity, Sku, Time,
    exchange::Replacement,
    ids::{IntentId, OrderId, ReturnId},
    intent::Intent,
    order::Order,
    returns::{Return, ReturnReason, ReturnRefund, ReturnState, ReturnedLine},
};
use serde::Serialize;

use super::{
    StoreError, Units,
    orders::{Loaded, ShippedLine},
    read, words,
};
use crate::{Engine, rows};

/// What units of a return cost: those that are named, or all that came and no money was given for. Nothing where there
/// is no such return.
pub async fn worth_of_return(
    engine: &Engine,
    order: OrderId,
    id: ReturnId,
    lines: &[(u32, Quantity)],
) -> Result<Option<Money>, StoreError> {
    let order: Option<Order> = read(engine, rows::ORDERS, &[&order.to_string()]).await?;
    let Some(order) = order else { return Ok(None) };
    let Some(found) = order.returns.iter().find(|one| one.id == id) else {
        return Ok(None);
    };
    let units = match lines {
        [] => found.unpaid_units(),
        lines => lines.to_vec(),
    };
    // What was given for earlier units is rounded up, so the last ones cost what is left.
    let mut all = units.clone();
    all.extend(
        found
            .refunds
            .iter()
            .flat_map(|one| one.lines.iter().copied()),
    );
    let given = found.refunds.iter().map(|one| one.amount.minor());
    // What leaves instead is given for it already.
    let (worth, whole) = match order.difference_of(found) {
        Some(difference) => {
            let owed = difference.saturating_neg().max(0);
            (owed, owed)
        }
        None => (order.worth_of(&units), order.worth_of(&all)),
    };
    let left = whole.saturating_sub(given.fold(0, i64::saturating_add));
    let worth = worth.min(left).max(0);
    Ok(Some(
        Money::from_minor(worth, order.currency).unwrap_or(Money::zero(order.currency)),
    ))
}

/// Goods that come back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnView {
    /// Ours.
    pub id: ReturnId,
    /// Where it is.
    pub state: ReturnState,
    /// When it became known.
    pub opened_at: Time,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: ReturnReason,
    /// What else was said.
    pub note: Option<String>,
    /// The carrier's number of its parcel.
    pub tracking_number: Option<String>,
    /// What comes back.
    pub lines: Vec<ReturnedLineView>,
    /// When nothing more was expected of it.
    pub closed_at: Option<Time>,
    /// Whether it was opened though its time was over.
    pub goodwill: bool,
    /// What was given back for it, without what waits for a person.
    pub refunded: Money,
    /// Each time that money was given back for it.
    pub refunds: Vec<ReturnRefundView>,
    /// What leaves instead of it, where it is an exchange.
    pub replacements: Vec<ReplacementView>,
    /// By how much that costs more than what comes back: above zero the buyer owes it, below zero it is owed to
    /// the buyer. It is told, and nothing moves it.
    pub difference: Option<Money>,
}

/// Units that leave for what comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplacementView {
    /// The line that they leave as.
    pub line: u32,
    /// Of which item.
    pub sku: Option<Sku>,
    /// How many were agreed.
    pub units: Units,
    /// How many of these have not left.
    pub to_ship: Units,
    /// What they cost together.
    pub total: Money,
}

/// Money that was given back for units of a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnRefundView {
    /// When it was asked for.
    pub at: Time,
    /// How much.
    pub amount: Money,
    /// For which units.
    pub lines: Vec<ShippedLine>,
    /// `done`, `waiting` for its channel, or `parked`.
    pub state: &'static str,
    /// What was wished on the channel.
    pub intent: Option<IntentId>,
    /// Whether it may be more than came back.
    pub anyway: bool,
}

/// A part of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReturnedLineView {
    /// Of which line.
    pub line: u32,
    /// Announced.
    pub advised: Units,
    /// Came in.
    pub received: Units,
    /// Sold again.
    pub restocked: Units,
    /// Kept as damaged.
    pub damaged: Units,
    /// Thrown away.
    pub scrapped: Units,
    /// Never came.
    pub not_returned: Units,
    /// Still to come.
    pub outstanding: Units,
    /// Came in, and nobody has looked.
    pub to_check: Units,
}

impl Loaded {
    fn refund(&self, refund: &ReturnRefund, intents: &[Intent]) -> ReturnRefundView {
        let scale = |number| self.order.line(number).map_or(0, |line| line.scale);
        let lines = refund.lines.iter().map(|(line, units)| ShippedLine {
            line: *line,
            units: Units::new(*units, scale(*line)),
        });
        ReturnRefundView {
            at: refund.at,
            amount: refund.amount,
            lines: lines.collect(),
            state: state_of(refund, intents),
            intent: refund.intent,
            anyway: refund.anyway,
        }
    }

    pub(super) fn returns(&self, intents: &[Intent]) -> Vec<ReturnView> {
        let line = |part: &ReturnedLine| {
            let scale = self.order.line(part.line).map_or(0, |line| line.scale);
            let units = |quantity| Units::new(quantity, scale);
            ReturnedLineView {
                line: part.line,
                advised: units(part.advised),
                received: units(part.received),
                restocked: units(part.restocked),
                damaged: units(part.damaged),
                scrapped: units(part.scrapped),
                not_returned: units(part.not_returned),
                outstanding: units(part.outstanding()),
                to_check: units(part.to_check()),
            }
        };
        let replacement = |one: &Replacement| {
            let line = self.order.line(one.line);
            let units = |quantity| Units::new(quantity, line.map_or(0, |line| line.scale));
            let to_ship = line.map(|line| line.counters.to_ship());
            ReplacementView {
                line: one.line,
                sku: line.and_then(|line| Some(line.item.as_ref()?.sku.clone())),
                units: units(one.units),
                to_ship: units(to_ship.unwrap_or_default()),
                total: one.total,
            }
        };
        let difference = |one: &Return| {
            let minor = self.order.difference_of(one)?;
            Money::from_minor(minor, self.order.currency).ok()
        };
        let view = |one: &Return| ReturnView {
            id: one.id,
            state: one.state(),
            opened_at: one.opened_at,
            by: one.by.clone(),
            reason: one.reason,
            note: one.note.clone(),
            tracking_number: one.tracking_number.clone(),
            lines: one.lines.iter().map(line).collect(),
            closed_at: one.closed_at,
            goodwill: one.goodwill,
            refunded: given_back(one, intents, self.order.currency),
            refunds: one
                .refunds
                .iter()
                .map(|refund| self.refund(refund, intents))
                .collect(),
            replacements: one.replacements.iter().map(replacement).collect(),
            difference: difference(one),
        };
        self.order.returns.iter().map(view).collect()
    }
}

/// How far a refund is. Where no channel keeps the money, it is done at once; of an order as it was, what its channel
/// did since is not known.
fn state_of(refund: &ReturnRefund, intents: &[Intent]) -> &'static str {
    let Some(id) = refund.intent else {
        return "done";
    };
    let intent = intents.iter().find(|intent| intent.id == id);
    intent.map_or("waiting", |intent| words::intent_state(&intent.state))
}

fn given_back(one: &Return, intents: &[Intent], currency: Currency) -> Money {
    let refunds = one.refunds.iter();
    let good = refunds.filter(|refund| state_of(refund, intents) != "parked");
    let sum = good
        .map(|refund| refund.amount.minor())
        .fold(0, i64::saturating_add);
    Money::from_minor(sum, currency).unwrap_or(Money::zero(currency))
}
