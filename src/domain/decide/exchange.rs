//! Other goods leave for what comes back: a return is opened, and each item that leaves instead gets a line of
//! its own, with its own claim on stock.

use std::collections::BTreeMap;

use crate::{
    ExternalId, Money, Quantity, Sku,
    exchange::{Instead, REPLACEMENTS_MAX, Replacement},
    fact::{Counter, Event},
    ids::{OrderId, ReturnId},
    item::Item,
    order::{Counters, Line, Order},
    quantity::NotAQuantity,
    returns::ReturnRefusal,
};

use super::{
    Desk, Undecided,
    command::{known_item, refuse},
    snapshot,
};

/// An item that leaves, in its own unit, and what all of it costs.
pub(super) struct Leaves {
    item: Item,
    units: Quantity,
    total: Money,
}

/// Reads what is to leave for units that come back; nothing is changed.
pub(super) fn read(
    desk: &Desk<'_>,
    order: &Order,
    comes: &[(u32, Quantity)],
    items: &[Instead],
) -> Result<Vec<Leaves>, Undecided> {
    if order.is_withdrawn() {
        return refuse(ReturnRefusal::Withdrawn.into());
    }
    match items {
        [] => return refuse(ReturnRefusal::NothingInstead.into()),
        [_] => {}
        _ if items.len() > REPLACEMENTS_MAX => {
            return refuse(ReturnRefusal::TooManyItems.into());
        }
        _ if items.iter().any(|one| one.price.is_none()) => {
            return refuse(ReturnRefusal::NoPrice.into());
        }
        _ => {}
    }
    let read = |one: &Instead| {
        let item = known_item(desk, &one.sku)?;
        let units = one.units.to_quantity(item.scale);
        let units = units.and_then(|units| match units.is_positive() {
            true => Ok(units),
            false => Err(NotAQuantity::NotPositive),
        });
        let bad = |reason: String| ReturnRefusal::BadItem {
            sku: one.sku.clone(),
            reason,
        };
        let units = match units {
            Ok(units) => units,
            Err(source) => return refuse(bad(source.to_string()).into()),
        };
        let total = match one.price {
            Some(price) => priced(order, price, one.units).map_err(bad),
            None => worth(order, comes).map_err(bad),
        };
        match total {
            Ok(total) => Ok(Leaves { item, units, total }),
            Err(refusal) => refuse(refusal.into()),
        }
    };
    items.iter().map(read).collect()
}

/// So many units at this price, where that is an exact amount.
fn priced(order: &Order, price: crate::Decimal, units: crate::Decimal) -> Result<Money, String> {
    let price = Money::parse(&price.to_string(), order.currency).map_err(|why| why.to_string())?;
    if price.minor() < 0 {
        return Err("its price is below zero".to_owned());
    }
    let (digits, scale) = units.parts();
    let one = 10_i64.checked_pow(u32::from(scale)).unwrap_or(i64::MAX);
    let product = price.minor().checked_mul(digits);
    let total = product.filter(|product| product.checked_rem(one) == Some(0));
    let total = total.and_then(|product| product.checked_div(one));
    let inexact = || format!("{units} times {price} is no exact amount");
    let total = total.ok_or_else(inexact)?;
    Money::from_minor(total, order.currency).map_err(|why| why.to_string())
}

fn worth(order: &Order, comes: &[(u32, Quantity)]) -> Result<Money, String> {
    Money::from_minor(order.worth_of(comes), order.currency).map_err(|why| why.to_string())
}

/// Lets what was read leave with a return that is open.
pub(super) fn send(
    desk: &mut Desk<'_>,
    order: OrderId,
    id: ReturnId,
    leaves: Vec<Leaves>,
    by: &str,
) -> Result<(), Undecided> {
    for Leaves { item, units, total } in leaves {
        let sku = item.sku.clone();
        let line = add_line(desk, order, &item)?;
        snapshot::set_line_item(desk, order, line, &item)?;
        let mut returns = desk.order_mut(order)?.returns.iter_mut();
        if let Some(found) = returns.find(|one| one.id == id) {
            found.replacements.push(Replacement { line, units, total });
        }
        snapshot::count(desk, order, line, Counter::Resent, units)?;
        let by = by.to_owned();
        let exchanged = Event::Exchanged {
            id,
            line,
            sku,
            units,
            total,
            by,
        };
        desk.record_for(order, exchanged);
    }
    desk.settle_claims(order)
}

/// A line that nobody ordered and no channel knows: all of it is sent in place of something.
fn add_line(desk: &mut Desk<'_>, order: OrderId, item: &Item) -> Result<u32, Undecided> {
    let row = desk.order_mut(order)?;
    let numbers = row.lines.iter().map(|line| line.number);
    let number = numbers.max().unwrap_or(0).saturating_add(1);
    let sku: &Sku = &item.sku;
    let nothing = Money::zero(row.currency);
    row.lines.push(Line {
        number,
        external_id: ExternalId::new(format!("oneshelf:{number}")),
        channel_sku: Some(sku.to_string()),
        listing: None,
        title: item.title.clone(),
        item: None,
        scale: 0,
        counters: Counters::default(),
        subtracted: Quantity::ZERO,
        priced: None,
        total: nothing,
        tax: nothing,
        requires_shipping: !item.bill().is_empty(),
        left_from: BTreeMap::new(),
        owed: None,
        gave_up: Quantity::ZERO,
    });
    desk.record_for(
        order,
        Event::LineAdded {
            line: number,
            channel_sku: Some(sku.to_string()),
            units: Quantity::ZERO,
        },
    );
    Ok(number)
}
