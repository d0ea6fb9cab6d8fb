//! What returns are worth, and what leaves for them.

use domain::{
    Money, Quantity, Sku,
    ids::{OrderId, ReturnId},
    order::Order,
    returns::Return,
};
use serde::Serialize;

use super::{StoreError, Units, read};
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

/// What leaves for a return.
pub(super) fn replacements(order: &Order, back: &Return) -> Vec<ReplacementView> {
    let view = back.replacements.iter().map(|one| {
        let line = order.line(one.line);
        let units = |quantity| Units::new(quantity, line.map_or(0, |line| line.scale));
        let to_ship = line.map(|line| line.counters.to_ship());
        ReplacementView {
            line: one.line,
            sku: line.and_then(|line| Some(line.item.as_ref()?.sku.clone())),
            units: units(one.units),
            to_ship: units(to_ship.unwrap_or_default()),
            total: one.total,
        }
    });
    view.collect()
}

/// By how much that costs more than what comes back; nothing where it is no exchange.
pub(super) fn difference(order: &Order, back: &Return) -> Option<Money> {
    let minor = order.difference_of(back)?;
    Money::from_minor(minor, order.currency).ok()
}
