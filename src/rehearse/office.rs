//! What else our own staff do, besides the packing that [`crate::clerk`] does: refund, receive goods,
//! rename, map lines, forget people and try again what a channel refused.

use std::collections::BTreeMap;

use domain::{
    Decimal, Money,
    book::{Drift, Settlement},
    breaker::Side,
    ids::IntentId,
    incident::{Incident, Way},
    item::{Item, ItemKind},
    mapping::Named,
    notes::NoteText,
    offer::Offer,
    order::{Order, Phase},
    signal::{Change, Command, Whose},
    stock::{Condition, LocationId},
};
use engine::rows::{self, key, prefix};
use fastrand::Rng;

use crate::{
    aftercare, gateways,
    mishaps::{map_lines, tripped},
    paperwork,
    rows::Rows,
    slips::{order_in, pick, slip},
};

/// How staff call goods that came in; each delivery has a number.
pub(crate) const RECEIVED: &str = "received";

/// Something for the office to do, if there is any of what chance wants.
pub(crate) fn errand(rows: &Rows<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    match chance.u32(0..25) {
        0 | 1 => refund(rows, chance),
        2 | 3 => receive(rows, chance, number),
        4 => rename(rows, chance, number),
        5 => map_line(rows, chance),
        6 => retry_intent(rows, chance),
        7 => retry_push(rows, chance),
        8 => lift(rows, chance),
        9..11 => resolve(rows, chance),
        11 => settle_drift(rows, chance),
        12 => reassure(rows, chance),
        14 => note(rows, chance),
        15 => paperwork::errand(rows, chance),
        13 => erase(rows, chance),
        23 | 24 => gateways::errand(rows, chance),
        19.. => aftercare::errand(rows, chance),
        _ => slip(rows, chance),
    }
}

fn refund(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phase = pick(&[Phase::Ready, Phase::Shipped, Phase::Canceled], chance)?;
    let order = order_in(rows, chance, phase)?;
    let minor = chance.i64(1..100);
    Some(Command::Refund {
        order: order.id,
        amount: Money::from_minor(minor, order.currency).ok()?,
        lines: Vec::new(),
        reason: "a scratch".to_owned(),
        of_return: None,
    })
}

/// Writes something beside an order, or everything down for a dispute.
fn note(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phase = pick(&[Phase::Ready, Phase::Shipped, Phase::Canceled], chance)?;
    let (order, by) = (order_in(rows, chance, phase)?.id, "office".to_owned());
    Some(match chance.u32(0..3) {
        0 => Command::Evidence { order, by },
        one => Command::Note {
            order,
            text: NoteText(["", "called back"][usize::from(one == 1)].to_owned()),
            by,
        },
    })
}

/// Forgets somebody: of an order that left, or that must still be sent.
fn erase(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let phase = pick(&[Phase::Ready, Phase::Shipped, Phase::Canceled], chance)?;
    Some(Command::Erase {
        order: order_in(rows, chance, phase)?.id,
        by: "office".to_owned(),
    })
}

/// Chooses a way out of an incident.
fn resolve(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let incidents = rows.scan::<Incident>(rows::INCIDENTS, b"");
    let open: Vec<_> = incidents
        .iter()
        .filter(|row| row.1.closed_at.is_none())
        .collect();
    let (_, incident) = pick(&open, chance)
        .cloned()
        .or_else(|| pick(&incidents, chance))?;
    let order: Order = rows.get(rows::ORDERS, &key(&[&incident.order.to_string()]))?;
    let way = match chance.u32(0..5) {
        0 => Way::Wait,
        1 => Way::Substitute,
        2 => Way::CancelOrder,
        3 => Way::CancelUnits {
            amount: Money::from_minor(chance.i64(1..100), order.currency).ok()?,
        },
        _ => Way::TakeFrom {
            order: order_in(rows, chance, Phase::AwaitingPayment)?.id,
        },
    };
    Some(Command::ResolveIncident {
        incident: incident.id,
        way,
        by: "office".to_owned(),
        note: None,
    })
}

/// Says that our number is right; of what cannot be taken over, now and then the other.
fn settle_drift(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let drifts = rows.scan::<Drift>(rows::DRIFTS, b"");
    let (_, drift) = pick(&drifts, chance)?;
    let cannot_be_taken = drift.difference.is_none() && drift.way != Some(Settlement::Theirs);
    let right = match cannot_be_taken && chance.bool() {
        true => Whose::Theirs,
        false => Whose::Ours,
    };
    Some(Command::SettleDrift {
        drift: drift.id,
        right,
        by: "office".to_owned(),
    })
}

/// Tells the breaker that all is well, whether it asked or not.
fn reassure(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let (_, offer) = pick(&rows.scan::<Offer>(rows::OFFERS, b""), chance)?;
    let (account, by) = (offer.account, "office".to_owned());
    let side = pick(&Side::ALL, chance)?;
    // One that tripped is lifted by who looks at what it holds.
    let has_tripped = tripped(rows).contains(&(account.clone(), side));
    Some(match chance.u32(0..3) {
        1 if has_tripped => return None,
        0 => Command::ConfirmZeroes {
            account,
            shown_at: None,
        },
        1 => Command::LiftBreaker { account, side, by },
        _ => Command::LetGo {
            account,
            side,
            listings: vec![offer.listing],
            right: Whose::Ours,
            by,
        },
    })
}

/// Offers again what ended by its rule.
fn lift(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let offers = rows.scan::<Offer>(rows::OFFERS, b"");
    let ended: Vec<_> = offers.iter().filter(|row| row.1.ended.is_some()).collect();
    let (_, offer) = pick(&ended, chance)?;
    Some(Command::Lift {
        account: offer.account.clone(),
        listing: offer.listing.clone(),
        by: "office".to_owned(),
    })
}

fn receive(rows: &Rows<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    let items = rows.scan::<Item>(rows::ITEMS, b"");
    let (_, item) = pick(&items, chance)?;
    let units = chance.i64(1..4);
    Some(Command::Adjust {
        sku: item.sku,
        location: LocationId::default(),
        condition: Condition::Sellable,
        change: Change::By(Decimal::whole(units)),
        reason: format!("{RECEIVED} {units} with delivery {number}"),
        by: "office".to_owned(),
    })
}

fn rename(rows: &Rows<'_>, chance: &mut Rng, number: u64) -> Option<Command> {
    let items = rows.scan::<Item>(rows::ITEMS, b"");
    let (_, mut item) = pick(&items, chance)?;
    match chance.bool() {
        true => item.title = format!("{} {number}", item.sku),
        // A slip: a kit of nothing, which is refused.
        false => item.kind = ItemKind::Kit(BTreeMap::new()),
    }
    Some(Command::SetItem(item))
}

fn map_line(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let keys = rows.keys(rows::UNMAPPED_ORDERS, b"");
    let chosen = pick(&keys, chance)?;
    let of_line = map_lines(rows, &chosen).into_iter().next()?;
    match chance.u32(0..3) {
        0 => Some(of_line),
        _ => map_listing(rows, of_line),
    }
}

/// Says the same of the listing of which a line was sold, as a person does who has seen the second order of it.
fn map_listing(rows: &Rows<'_>, of_line: Command) -> Option<Command> {
    let Command::MapLine { order, line, sku } = &of_line else {
        return Some(of_line);
    };
    let order: Order = rows.get(rows::ORDERS, &key(&[&order.to_string()]))?;
    let line = order.line(*line)?;
    let named = Named::of_line(line.listing.as_ref(), line.channel_sku.as_deref());
    let Some(named) = named else {
        return Some(of_line);
    };
    Some(Command::MapListing {
        account: order.account,
        named,
        sku: Some(sku.clone()),
        by: "office".to_owned(),
    })
}

fn retry_intent(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let parked = rows.keys(rows::PARKED, &prefix(&["intent"]));
    let all = rows.keys(rows::INTENTS, b"");
    let chosen = pick(&parked, chance).or_else(|| pick(&all, chance))?;
    let intent: IntentId = rows::last_part(&chosen).parse().ok()?;
    Some(Command::RetryIntent { intent })
}

fn retry_push(rows: &Rows<'_>, chance: &mut Rng) -> Option<Command> {
    let offers = rows.scan::<Offer>(rows::OFFERS, b"");
    let parked: Vec<_> = offers
        .iter()
        .filter(|(_, offer)| offer.parked.is_some())
        .cloned()
        .collect();
    let (_, offer) = pick(&parked, chance).or_else(|| pick(&offers, chance))?;
    Some(Command::RetryPush {
        account: offer.account,
        listing: offer.listing,
    })
}
