//! Picking: what was found, what was not, and what lies again where it lay.

use crate::{
    Decimal, Quantity, Sku,
    book::ClaimKey,
    fact::Counter,
    fulfillment::{FulfillmentRefusal, Missing, NOT_FOUND, TaskLine, Work},
    stock::{Cause, LocationId},
};

use super::{
    super::{
        Desk, Undecided, Verdict,
        claims::Move,
        command::{named_units, refuse},
        ship::refuse_unless_ready,
        snapshot::count,
    },
    Named, find, find_open, named_or_all, part_mut, refuse_beyond, refuse_nothing,
};

/// What was not found: of which line, how many units of it, and which item.
type NotFound = (u32, Quantity, Sku);

pub(super) fn pick(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    (missing, is_empty): (&[Missing], bool),
    by: &str,
) -> Result<Verdict, Undecided> {
    find_open(desk, named)?;
    refuse_unless_ready(desk, named.0)?;
    let missing = read_missing(desk, named, missing)?;
    let lacks = |line: u32| -> Quantity {
        let of_line = missing.iter().filter(|(number, _, _)| *number == line);
        of_line.map(|(_, units, _)| *units).sum()
    };
    let kind: (fn(&TaskLine) -> Quantity, _) = (TaskLine::to_pick, "to be picked");
    let mut found = named_or_all(desk, named, asked, kind)?;
    if asked.is_empty() {
        for (line, units) in &mut found {
            *units = units.minus(lacks(*line));
        }
        found.retain(|(_, units)| units.is_positive());
    }
    if missing.is_empty() {
        refuse_nothing(
            &found,
            "nothing of it is to be picked any more: pack what was picked",
        )?;
    }
    for (line, _, _) in &missing {
        let picked = found.iter().filter(|(number, _)| number == line);
        let picked: Quantity = picked.map(|(_, units)| *units).sum();
        let left = find(desk, named)?.line(*line).map(TaskLine::to_pick);
        let most = left.unwrap_or_default();
        let all = (picked.plus(lacks(*line)), most);
        refuse_beyond(desk.order(named.0)?, *line, all, "to be picked")?;
    }
    for (line, units) in found {
        let part = part_mut(desk, named, line)?;
        part.picked = part.picked.plus(units);
        count(desk, named.0, line, Counter::Picked, units)?;
        desk.record_work(named.0, named.1, Work::Picked { line, units }, by);
    }
    for lacking in missing {
        note_not_found(desk, named, lacking, is_empty, by)?;
    }
    Ok(Verdict::New)
}

fn read_missing(
    desk: &Desk<'_>,
    named: Named,
    missing: &[Missing],
) -> Result<Vec<NotFound>, Undecided> {
    let order = desk.order(named.0)?;
    let mut read = Vec::new();
    for one in missing {
        let units = named_units(order, &[(one.line, one.units)])?;
        let units = units.first().map(|(_, units)| *units).unwrap_or_default();
        let item = order.line(one.line).and_then(|line| line.item.as_ref());
        let bill = item.map(|item| &item.bill);
        let skus = bill.into_iter().flat_map(|bill| bill.keys());
        let sku = match (&one.sku, skus.clone().count()) {
            (Some(sku), _) if skus.clone().any(|known| known == sku) => sku.clone(),
            (Some(sku), _) => {
                return refuse(FulfillmentRefusal::NotOfLine(one.line, sku.clone()).into());
            }
            (None, 1) => skus.clone().next().cloned().ok_or_else(|| {
                Undecided::Refused(FulfillmentRefusal::NotInTask(one.line).into())
            })?,
            (None, 0) => return refuse(FulfillmentRefusal::NotInTask(one.line).into()),
            (None, _) => {
                let names: Vec<&str> = skus.map(Sku::as_str).collect();
                let names = names.join(", ");
                return refuse(FulfillmentRefusal::WhichItem(one.line, names).into());
            }
        };
        read.push((one.line, units, sku));
    }
    Ok(read)
}

/// Units do not lie where they should. They are written off there, and leave from elsewhere where they can.
fn note_not_found(
    desk: &mut Desk<'_>,
    named: Named,
    (line, units, sku): NotFound,
    is_empty: bool,
    by: &str,
) -> Result<(), Undecided> {
    let (id, task) = named;
    let location = find(desk, named)?.location.clone();
    let lost = written_off(desk, named, (line, units, &sku), is_empty)?;
    let part = part_mut(desk, named, line)?;
    part.units = part.units.minus(units);
    let work = Work::NotFound {
        location: location.clone(),
        line,
        units,
        sku: sku.clone(),
    };
    desk.record_work(id, task, work, by);
    desk.order_mut(id)?.not_found_at.insert(location.clone());
    let item = desk
        .order(id)?
        .line(line)
        .and_then(|line| line.item.clone());
    for (component, per_unit) in item.iter().flat_map(|item| &item.bill) {
        let key = ClaimKey {
            sku: component.clone(),
            order: id,
            line,
        };
        let bound = per_unit.times(units.units());
        desk.unbind(&key, bound, &location, "it was not found there")?;
    }
    if lost.is_positive() {
        let cause = Cause::Adjustment {
            reason: NOT_FOUND.to_owned(),
            by: by.to_owned(),
        };
        desk.move_stock(Move::new(&sku, &location, lost.negated(), cause).of(id));
    }
    desk.give_way(&sku)
}

/// How many units of an item are not where the ledger has them: those that were looked for, or all that
/// nobody holds in their hands.
fn written_off(
    desk: &Desk<'_>,
    named: Named,
    (line, units, sku): (u32, Quantity, &Sku),
    is_empty: bool,
) -> Result<Quantity, Undecided> {
    let location = &find(desk, named)?.location;
    let item = desk
        .order(named.0)?
        .line(line)
        .and_then(|line| line.item.as_ref());
    let per_unit = item.and_then(|item| item.bill.get(sku)).copied();
    let looked_for = per_unit.unwrap_or_default().times(units.units());
    let stock = desk.book.stock.get(sku);
    let there = stock.map(|stock| stock.on_hand_at(location));
    let there = there.unwrap_or_default().or_zero();
    if !is_empty {
        return Ok(looked_for.min(there));
    }
    if !desk.book.all_claims_of.contains(sku) {
        return Err(Undecided::NeedsClaims(vec![sku.clone()]));
    }
    Ok(there.minus(in_hand_at(desk, location, sku)).or_zero())
}

/// Units of an item that are in somebody's hands at a location, for any order.
fn in_hand_at(desk: &Desk<'_>, location: &LocationId, sku: &Sku) -> Quantity {
    let orders = desk.book.orders.values();
    let parts = orders.flat_map(|order| {
        let tasks = order.tasks.iter();
        let tasks = tasks.filter(|task| task.is_open() && task.location == *location);
        let parts = tasks.flat_map(|task| &task.lines);
        parts.map(move |part| {
            let item = order.line(part.line).and_then(|line| line.item.as_ref());
            let per_unit = item.and_then(|item| item.bill.get(sku)).copied();
            per_unit.unwrap_or_default().times(part.in_hand().units())
        })
    });
    parts.sum()
}

pub(super) fn put_back(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    by: &str,
) -> Result<Verdict, Undecided> {
    let loose: (fn(&TaskLine) -> Quantity, _) = (TaskLine::loose, "in hand and in no parcel");
    let parts = match asked.is_empty() {
        true => {
            let stopped = |part: &TaskLine| part.to_put_back().min(part.loose());
            let lines = find_open(desk, named)?.lines.iter();
            let lines = lines.map(|part| (part.line, stopped(part)));
            lines.filter(|(_, units)| units.is_positive()).collect()
        }
        false => named_or_all(desk, named, asked, loose)?,
    };
    refuse_nothing(
        &parts,
        "nothing that lies loose is to be put back: unpack parcels first, or name lines",
    )?;
    for (line, units) in parts {
        unpick(desk, named, line, units, by)?;
    }
    Ok(Verdict::New)
}

pub(super) fn unpick(
    desk: &mut Desk<'_>,
    named: Named,
    line: u32,
    units: Quantity,
    by: &str,
) -> Result<(), Undecided> {
    let part = part_mut(desk, named, line)?;
    part.picked = part.picked.minus(units);
    count(desk, named.0, line, Counter::Unpicked, units)?;
    desk.record_work(named.0, named.1, Work::PutBack { line, units }, by);
    Ok(())
}
