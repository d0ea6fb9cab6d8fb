//! What returns are worth.

use domain::{
    Money, Quantity,
    ids::{OrderId, ReturnId},
    order::Order,
};

use super::{StoreError, read};
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
