//! How our staff choose where orders leave from, and take it back: of orders in every phase, from
//! everywhere, and now and then of what is not there.

use domain::{
    order::Phase,
    signal::Command,
    stock::{Condition, LocationId},
};
use fastrand::Rng;

use crate::{
    slips::{order_in, unknown_order_id},
    storeroom::Floor,
};

const BY: &str = "storeroom";
/// Orders that something is promised to, and some that nothing is.
const PHASES: [Phase; 6] = [
    Phase::Ready,
    Phase::Ready,
    Phase::Held,
    Phase::Short,
    Phase::AwaitingPayment,
    Phase::Shipped,
];

/// Chooses a location for an order or one of its lines, or takes it back.
pub(crate) fn errand(floor: &Floor<'_>, chance: &mut Rng) -> Option<Command> {
    let phase = PHASES[chance.usize(0..PHASES.len())];
    let order = match chance.u32(0..16) {
        0 => unknown_order_id(),
        _ => order_in(&floor.rows, chance, phase)?.id,
    };
    let line = match chance.u32(0..8) {
        0 => Some(99),
        1 | 2 => Some(1),
        _ => None,
    };
    let by = BY.to_owned();
    if chance.u32(0..3) == 0 {
        return Some(Command::Unallocate { order, line, by });
    }
    let location = match chance.u32(0..8) {
        0 => Some(LocationId::new("the attic")),
        1 => Some(LocationId::new("hub")),
        2..5 => Some(emptiest(floor, chance)),
        _ => None,
    };
    Some(Command::Allocate {
        order,
        line,
        location,
        by,
    })
}

/// Of two places the one where less lies of some item: it may not have what is asked of it.
fn emptiest(floor: &Floor<'_>, chance: &mut Rng) -> LocationId {
    let (one, other) = (floor.place(chance), floor.place(chance));
    let item = floor.item(chance);
    let stock = item.and_then(|item| floor.stock(&item.sku));
    let lies = |at: &LocationId| {
        let stock = stock.as_ref();
        stock.map(|stock| stock.lying(at, Condition::Sellable))
    };
    if lies(&one) <= lies(&other) {
        one
    } else {
        other
    }
}
