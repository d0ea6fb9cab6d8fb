//! What our staff get wrong: orders that do not exist, more than there is, the same again. Each must be
//! refused by its name and change nothing; that nothing changed is for the checkers to see.

use domain::{
    Decimal, ListingId, Money, Sku,
    ids::OrderId,
    intent::{Intent, Wish},
    item::Item,
    mapping::Named,
    offer::Offer,
    order::{Order, Phase},
    signal::{Change, Command, Whose},
    stock::{Condition, LocationId},
};
use engine::rows::{self, key, prefix};
use fastrand::Rng;
use serde_json::Value;

use crate::rows::Rows;

const BY: &str = "office";
/// No order has so many lines.
const NO_LINE: u32 = 99;
/// An order that nobody placed.
const NO_ORDER: &str = "ord_00000000000070008000000000000000";

/// A case that nobody opened.
const NO_DRIFT: &str = "dft_00000000000070008000000000000000";

/// A slip, if there is an occasion for what chance wants.
pub(crate) fn slip(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    match chance.u32(0..10) {
        0 => Some(unknown_order(chance)),
        1 => adjust_wrongly(rows, chance),
        2 => change_unit(rows, chance),
        3 => map_wrongly(rows, chance),
        4 | 5 => ship_wrongly(rows, chance),
        6 => ship_too_early(rows, chance),
        7 => cancel_wrongly(rows, chance),
        8 => refund_wrongly(rows, chance),
        _ => undo_nothing(rows, chance),
    }
}

/// One of many.
pub(crate) fn pick<T: Clone>(all: &[T], chance: &mut Rng) -> Option<T> {
    if all.is_empty() {
        return None;
    }
    all.get(chance.usize(0..all.len())).cloned()
}

/// Some order that is in a phase.
pub(crate) fn order_in(rows: &Rows<'_>, chance: &mut Rng, phase: Phase) -> Option<Order> {
    let keys = rows.keys(rows::ORDERS_BY_PHASE, &prefix(&[phase.word()]));
    read_order(rows, &pick(&keys, chance)?)
}

fn read_order(rows: &Rows<'_>, named_by: &[u8]) -> Option<Order> {
    let id: OrderId = rows::last_part(named_by).parse().ok()?;
    rows.get(rows::ORDERS, &key(&[&id.to_string()]))
}

fn some_item(rows: &Rows<'_>, chance: &mut Rng) -> Option<Item> {
    let items = rows.scan::<Item>(rows::ITEMS, b"");
    pick(&items, chance).map(|(_, item)| item)
}

pub(crate) fn half() -> Decimal {
    "0.5".parse().expect("a half is a decimal")
}

pub(crate) fn no_sku() -> Sku {
    Sku::new("NOBODY-SELLS-THIS").expect("letters are a SKU")
}

fn parcel(order: OrderId, lines: Vec<(u32, Decimal)>) -> Command {
    Command::Ship {
        order,
        lines,
        carrier: Some("DHL".to_owned()),
        tracking_number: Some("never sent".to_owned()),
        tracking_url: None,
        location: None,
    }
}

/// An order that nobody placed.
pub(crate) fn unknown_order_id() -> OrderId {
    NO_ORDER.parse().expect("it is written as an order's id")
}

fn unknown_order(chance: &mut Rng) -> Command {
    let order = unknown_order_id();
    let (reason, by) = ("a slip".to_owned(), BY.to_owned());
    let euro = domain::Currency::new("EUR").expect("EUR is a currency");
    match chance.u32(0..7) {
        0 => parcel(order, Vec::new()),
        1 => Command::SettleDrift {
            drift: NO_DRIFT.parse().expect("it is written as the id of a case"),
            right: Whose::Ours,
            by,
        },
        2 => Command::Cancel {
            order,
            lines: Vec::new(),
            reason,
        },
        3 => Command::Release { order, by },
        5 => Command::Erase { order, by },
        4 => Command::Refund {
            order,
            amount: Money::from_minor(1, euro).expect("a cent"),
            lines: Vec::new(),
            reason,
            of_return: None,
        },
        _ => Command::Hold {
            order,
            reason,
            by,
            until: None,
            keeps_claim: true,
            ask: None,
        },
    }
}

fn adjust_wrongly(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let items = rows.scan::<Item>(rows::ITEMS, b"");
    let mut location = LocationId::default();
    let (sku, change) = match chance.u32(0..4) {
        3 => {
            // Where nothing is declared, any word is a place.
            location = LocationId::new("the attic");
            (
                some_item(rows, chance).filter(Item::is_stocked)?.sku,
                half(),
            )
        }
        0 => (no_sku(), Decimal::whole(1)),
        1 => {
            let made_up = |item: &&(Vec<u8>, Item)| !item.1.is_stocked();
            let all: Vec<_> = items.iter().filter(made_up).cloned().collect();
            (pick(&all, chance)?.1.sku, Decimal::whole(1))
        }
        _ => {
            let goods: Vec<_> = items.iter().filter(|item| item.1.is_stocked()).collect();
            (pick(&goods, chance)?.1.sku.clone(), half())
        }
    };
    Some(Command::Adjust {
        sku,
        location,
        condition: Condition::Sellable,
        change: Change::By(change),
        reason: "a slip".to_owned(),
        by: BY.to_owned(),
    })
}

fn change_unit(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let mut item = some_item(rows, chance).filter(Item::is_stocked)?;
    item.scale += 1;
    Some(Command::SetItem(item))
}

fn map_wrongly(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let order = order_in(rows, chance, Phase::Ready)?;
    let line = order.lines.first()?;
    let (number, sku) = (line.number, line.item.as_ref()?.sku.clone());
    if chance.u32(0..4) == 0 {
        // Nobody knows the item, or nothing was said that could be taken back.
        return Some(Command::MapListing {
            named: Named::of_line(line.listing.as_ref(), line.channel_sku.as_deref())?,
            account: order.account.clone(),
            sku: chance.bool().then(no_sku),
            by: BY.to_owned(),
        });
    }
    let (order, line, sku) = match chance.u32(0..4) {
        0 => (order.id, number, sku),
        1 => (order.id, NO_LINE, sku),
        2 => (NO_ORDER.parse().ok()?, number, sku),
        _ => (order.id, number, no_sku()),
    };
    Some(Command::MapLine { order, line, sku })
}

fn ship_wrongly(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let order = order_in(rows, chance, Phase::Ready)?;
    let first = order.lines.first()?.number;
    let line = match chance.u32(0..3) {
        0 => (NO_LINE, Decimal::whole(1)),
        1 => (first, half()),
        _ => (first, Decimal::whole(1_000)),
    };
    Some(parcel(order.id, vec![line]))
}

/// What is held, short, or not paid; or has left already.
fn ship_too_early(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phases = [
        Phase::Held,
        Phase::Short,
        Phase::AwaitingPayment,
        Phase::Shipped,
    ];
    let phase = pick(&phases, chance)?;
    order_in(rows, chance, phase).map(|order| parcel(order.id, Vec::new()))
}

fn cancel_wrongly(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let waiting = rows.keys(rows::OUTBOX, b"");
    let under_way = waiting.iter().find_map(|waiting| {
        let id = rows::last_part(waiting);
        let intent: Intent = rows.get(rows::INTENTS, &key(&[&id]))?;
        matches!(intent.wish, Wish::CancelOrder { .. }).then_some(intent.order)
    });
    let order = match under_way {
        Some(order) => order,
        None => {
            let phase = pick(&[Phase::Canceled, Phase::Shipped], chance)?;
            order_in(rows, chance, phase)?.id
        }
    };
    Some(Command::Cancel {
        lines: Vec::new(),
        order,
        reason: "a slip".to_owned(),
    })
}

fn refund_wrongly(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let order = order_in(rows, chance, Phase::Ready)?;
    let is_too_much = chance.bool();
    let minor = if is_too_much { 9_999_999 } else { 1 };
    let lines = match is_too_much {
        true => Vec::new(),
        false => vec![(NO_LINE, domain::Quantity::of(1))],
    };
    Some(Command::Refund {
        order: order.id,
        amount: Money::from_minor(minor, order.currency).ok()?,
        lines,
        reason: "a slip".to_owned(),
        of_return: None,
    })
}

/// Lets go what is not held, lifts what has not ended, tries again what is not parked.
fn undo_nothing(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    if chance.bool() {
        let order = order_in(rows, chance, Phase::Ready)?;
        let by = BY.to_owned();
        return Some(Command::Release {
            order: order.id,
            by,
        });
    }
    let (_, offer) = pick(&rows.scan::<Offer>(rows::OFFERS, b""), chance)?;
    let (account, listing): (_, ListingId) = (offer.account, offer.listing);
    Some(match chance.bool() {
        true => Command::RetryPush { account, listing },
        false => Command::Lift {
            account,
            listing,
            by: BY.to_owned(),
        },
    })
}

/// Now and then one word of what is done to an order names something else: a page that was opened before
/// somebody else worked on it, a wrong key. Only what names or counts is changed.
pub(crate) fn spoil(command: Command, chance: &mut Rng) -> Command {
    if chance.u32(0..SPOILED_ONE_OF) > 0 {
        return command;
    }
    spoiled(&command, chance).unwrap_or(command)
}

/// One in so many commands is spoiled.
const SPOILED_ONE_OF: u32 = 16;

fn spoiled(command: &Command, chance: &mut Rng) -> Option<Command> {
    let mut said = serde_json::to_value(command).ok()?;
    let asked = said.as_object_mut()?.values_mut().next()?;
    // What is no order's matter changes stock, and is known by its words.
    asked.get("order")?.as_str()?;
    let mut spots = Vec::new();
    find_spots(asked, &mut String::new(), &mut spots);
    let spot = asked.pointer_mut(&pick(&spots, chance)?)?;
    *spot = match &*spot {
        Value::String(id) if is_id(id) => {
            let (kind, _) = id.split_once('_')?;
            let (_, nobody) = NO_ORDER.split_once('_')?;
            Value::String(format!("{kind}_{nobody}"))
        }
        Value::String(word) if word.parse::<Decimal>().is_ok() => {
            Value::String(pick(&["0", "0.5", "1000"], chance)?.to_owned())
        }
        Value::String(_) => Value::String("the attic".to_owned()),
        Value::Array(_) => {
            let units = pick(&["0", "0.5", "1", "1000"], chance)?;
            let line = pick(&[1, 2, NO_LINE], chance)?;
            // A unit of a line that there is is no slip.
            let line = if units == "1" { NO_LINE } else { line };
            serde_json::json!([[line, units]])
        }
        _ => NO_LINE.into(),
    };
    serde_json::from_value(said).ok()
}

/// The places in a command that name or count something.
fn find_spots(value: &Value, path: &mut String, spots: &mut Vec<String>) {
    let Value::Object(fields) = value else {
        return;
    };
    for (name, value) in fields {
        let length = path.len();
        path.push('/');
        path.push_str(name);
        let is_spot = match (name.as_str(), value) {
            ("line" | "parcel", Value::Number(_)) => true,
            ("lines", Value::Array(_)) | ("location", Value::String(_)) => true,
            ("units", Value::String(_)) => true,
            (_, Value::String(word)) => is_id(word),
            _ => false,
        };
        if is_spot {
            spots.push(path.clone());
        }
        find_spots(value, path, spots);
        path.truncate(length);
    }
}

/// Three letters and a number that is never given twice.
fn is_id(word: &str) -> bool {
    let id = word.split_once('_');
    id.is_some_and(|(kind, rest)| {
        kind.len() == 3 && rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spoiled_is_still_a_command_and_differs_in_one_word() {
        let mut chance = Rng::with_seed(1);
        let order = NO_ORDER.replace('0', "1");
        let order: OrderId = order.parse().expect("it is written as an order's id");
        let whole = parcel(order, vec![(1, Decimal::whole(2))]);
        for _ in 0..50 {
            let other = spoiled(&whole, &mut chance).expect("it names an order and lines");
            let Command::Ship {
                order: other_order,
                lines,
                carrier,
                ..
            } = other
            else {
                panic!("it is another command");
            };
            let differs = [other_order != order, lines != [(1, Decimal::whole(2))]];
            assert_eq!(differs.iter().filter(|differs| **differs).count(), 1);
            assert_eq!(carrier.as_deref(), Some("DHL"));
        }
    }

    #[test]
    fn what_is_no_orders_matter_is_left_alone() {
        let mut chance = Rng::with_seed(1);
        let adjusted = Command::Adjust {
            sku: no_sku(),
            location: LocationId::default(),
            condition: Condition::Sellable,
            change: Change::By(half()),
            reason: "a slip".to_owned(),
            by: BY.to_owned(),
        };
        assert_eq!(spoiled(&adjusted, &mut chance), None);
    }

    #[test]
    fn an_order_that_nobody_placed_has_an_id_all_the_same() {
        for seed in 0..20 {
            unknown_order(&mut Rng::with_seed(seed));
        }
    }
}
