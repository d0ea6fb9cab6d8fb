//! Goods that come back. What came in lies apart until somebody has looked at it, so none of it is sold
//! before.

use std::collections::BTreeMap;

use crate::{
    AccountId, Decimal, Quantity, Sku, Time,
    fact::{Counter, Event},
    ids::{OrderId, ReturnId},
    order::Order,
    returns::{self, RETURNS_MAX, Return, ReturnReason, ReturnRefusal, ReturnStep, ReturnedLine},
    stock::{Cause, Condition, LocationId},
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    claims::Move,
    command::{named_units, refuse, refuse_unless_ours},
    edits, exchange,
    moves::refuse_unless_there,
    snapshot::count,
};

pub(super) fn carry_out(
    desk: &mut Desk<'_>,
    order: OrderId,
    step: &ReturnStep,
    by: &str,
) -> Result<Verdict, Undecided> {
    match step {
        ReturnStep::Open {
            lines,
            reason,
            note,
            tracking_number,
            anyway,
        } => {
            let (units, goodwill) = may_come_back(desk, order, lines, *anyway)?;
            let said = Said {
                reason: *reason,
                note: note.clone(),
                tracking_number: tracking_number.clone(),
                goodwill,
            };
            open(desk, order, units, said, by)?;
            Ok(Verdict::New)
        }
        ReturnStep::Exchange {
            lines,
            items,
            reason,
            note,
            tracking_number,
            anyway,
        } => {
            let (units, goodwill) = may_come_back(desk, order, lines, *anyway)?;
            let leaves = exchange::read(desk, desk.order(order)?, &units, items)?;
            let said = Said {
                reason: *reason,
                note: note.clone(),
                tracking_number: tracking_number.clone(),
                goodwill,
            };
            let id = open(desk, order, units, said, by)?;
            exchange::send(desk, order, id, leaves, by)?;
            Ok(Verdict::New)
        }
        ReturnStep::Receive {
            id,
            lines,
            location,
        } => receive(desk, (order, *id), lines, location.as_ref(), by),
        ReturnStep::Inspect {
            id,
            lines,
            verdict,
            note,
        } => inspect(desk, (order, *id), lines, *verdict, (note, by)),
        ReturnStep::Close { id, reason } => close(desk, (order, *id), reason, by),
    }
}

/// What comes back, and whether only as goodwill.
fn may_come_back(
    desk: &Desk<'_>,
    order: OrderId,
    lines: &[(u32, Decimal)],
    anyway: bool,
) -> Result<(Vec<(u32, Quantity)>, bool), Undecided> {
    let found = desk.order(order)?;
    if found.returns.len() >= RETURNS_MAX {
        return refuse(ReturnRefusal::TooManyReturns.into());
    }
    let over = window_over(desk, found);
    if let Some(until) = over.filter(|_| !anyway) {
        return refuse(ReturnRefusal::WindowOver(until).into());
    }
    Ok((to_come_back(found, lines)?, over.is_some()))
}

/// Until when something of an order could be returned, if that is over.
fn window_over(desk: &Desk<'_>, order: &Order) -> Option<Time> {
    let terms = desk.context.policy.accounts.get(&order.account)?;
    let until = order
        .with_buyer_since()?
        .plus(terms.promised.return_within?);
    (until < desk.now()).then_some(until)
}

/// What is said of a return when it is opened.
struct Said {
    reason: ReturnReason,
    note: Option<String>,
    tracking_number: Option<String>,
    goodwill: bool,
}

/// Units of a line that are with the buyer and do not come back yet, as far as anybody said.
fn still_out(order: &Order, number: u32) -> Quantity {
    let Some(line) = order.line(number) else {
        return Quantity::ZERO;
    };
    let on_the_way = order.returns.iter().flat_map(|one| &one.lines);
    let on_the_way = on_the_way.filter(|part| part.line == number);
    let on_the_way: Quantity = on_the_way.map(ReturnedLine::outstanding).sum();
    // What a channel said to have come back may be what is still on its way to us.
    let gone = received(order, number).plus(on_the_way);
    line.counters
        .shipped_net()
        .minus(gone.max(line.counters.returned))
}

/// Units of a line that came in with returns.
fn received(order: &Order, number: u32) -> Quantity {
    let lines = order.returns.iter().flat_map(|one| &one.lines);
    lines
        .filter(|part| part.line == number)
        .map(|part| part.received)
        .sum()
}

fn to_come_back(
    order: &Order,
    asked: &[(u32, Decimal)],
) -> Result<Vec<(u32, Quantity)>, Undecided> {
    if asked.is_empty() {
        let lines = order.lines.iter();
        let lines = lines.map(|line| (line.number, still_out(order, line.number)));
        let lines: Vec<_> = lines.filter(|(_, units)| units.is_positive()).collect();
        return match lines.is_empty() {
            true => refuse(ReturnRefusal::NothingOut.into()),
            false => Ok(lines),
        };
    }
    let units = named_units(order, asked)?;
    for (line, units) in &units {
        let left = still_out(order, *line);
        refuse_beyond(
            order,
            *line,
            (*units, left),
            "with the buyer that do not come back yet",
        )?;
    }
    Ok(units)
}

fn refuse_beyond(
    order: &Order,
    line: u32,
    (units, left): (Quantity, Quantity),
    of: &'static str,
) -> Result<(), Undecided> {
    if units <= left {
        return Ok(());
    }
    let scale = order.line(line).map_or(0, |line| line.scale);
    let left = left.or_zero().to_decimal(scale);
    refuse(ReturnRefusal::TooMany { line, left, of }.into())
}

fn open(
    desk: &mut Desk<'_>,
    order: OrderId,
    units: Vec<(u32, Quantity)>,
    said: Said,
    by: &str,
) -> Result<ReturnId, Undecided> {
    let id = ReturnId::next(&mut desk.ids);
    let opened_at = desk.now();
    let lines = units.iter().map(|(line, advised)| ReturnedLine {
        line: *line,
        advised: *advised,
        ..ReturnedLine::default()
    });
    let (reason, by) = (said.reason, by.to_owned());
    let row = Return {
        id,
        opened_at,
        by: by.clone(),
        reason,
        note: said.note,
        tracking_number: said.tracking_number,
        lines: lines.collect(),
        closed_at: None,
        goodwill: said.goodwill,
        refunds: Vec::new(),
        replacements: Vec::new(),
    };
    let goodwill = said.goodwill;
    desk.order_mut(order)?.returns.push(row);
    edits::reopen(desk, order)?;
    for (line, units) in units {
        desk.record_for(
            order,
            Event::ReturnAdvised {
                id,
                line,
                units,
                reason,
                goodwill,
                by: by.clone(),
            },
        );
    }
    Ok(id)
}

/// A channel says that units came back, which is news to us: somebody has to say where they are.
pub(super) fn told_by_channel(
    desk: &mut Desk<'_>,
    id: OrderId,
    units: Vec<(u32, Quantity)>,
    account: &AccountId,
) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    // What is announced already is the same news.
    let news = units.into_iter().map(|(line, returned)| {
        let announced = order.returns.iter().flat_map(|one| &one.lines);
        let announced = announced.filter(|part| part.line == line);
        let announced: Quantity = announced
            .map(|part| part.advised.minus(part.not_returned))
            .sum();
        (line, returned.minus(announced))
    });
    let news: Vec<_> = news.filter(|(_, units)| units.is_positive()).collect();
    if news.is_empty() {
        return Ok(());
    }
    let said = Said {
        reason: ReturnReason::Other,
        note: None,
        tracking_number: None,
        goodwill: false,
    };
    open(desk, id, news, said, account.as_str()).map(|_| ())
}

type Named = (OrderId, ReturnId);

fn find<'d>(desk: &'d Desk<'_>, (order, id): Named) -> Result<&'d Return, Undecided> {
    let mut returns = desk.order(order)?.returns.iter();
    let found = returns.find(|one| one.id == id);
    found.ok_or(Undecided::Refused(Refusal::NoReturn { order, id }))
}

fn find_open<'d>(desk: &'d Desk<'_>, named: Named) -> Result<&'d Return, Undecided> {
    let found = find(desk, named)?;
    match found.is_open() {
        true => Ok(found),
        false => refuse(ReturnRefusal::Over.into()),
    }
}

fn part_mut<'d>(
    desk: &'d mut Desk<'_>,
    (order, id): Named,
    line: u32,
) -> Result<&'d mut ReturnedLine, Undecided> {
    let returns = desk.order_mut(order)?.returns.iter_mut();
    let mut parts = returns
        .filter(|one| one.id == id)
        .flat_map(|one| &mut one.lines);
    let part = parts.find(|part| part.line == line);
    part.ok_or(Undecided::Refused(Refusal::NoLine { order, line }))
}

/// The lines that are named, or all, with what each has of something.
fn named_or_all(
    desk: &Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    (count, of): (fn(&ReturnedLine) -> Quantity, &'static str),
) -> Result<Vec<(u32, Quantity)>, Undecided> {
    let found = find_open(desk, named)?;
    let order = desk.order(named.0)?;
    if asked.is_empty() {
        let all = found.lines.iter().map(|part| (part.line, count(part)));
        return Ok(all.filter(|(_, units)| units.is_positive()).collect());
    }
    let units = named_units(order, asked)?;
    for (line, units) in &units {
        let part = found.lines.iter().find(|part| part.line == *line);
        let left = part.map(count).unwrap_or_default();
        refuse_beyond(order, *line, (*units, left), of)?;
    }
    Ok(units)
}

fn receive(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    location: Option<&LocationId>,
    by: &str,
) -> Result<Verdict, Undecided> {
    let of = "of this return still to come";
    let units = named_or_all(desk, named, asked, (ReturnedLine::outstanding, of))?;
    if units.is_empty() {
        return refuse(ReturnRefusal::NothingToCome.into());
    }
    let order = named.0;
    let location = match location {
        Some(location) => {
            refuse_unless_ours(desk, order, location)?;
            location.clone()
        }
        None => usual_place(desk, desk.order(order)?),
    };
    for (line, units) in units {
        let part = part_mut(desk, named, line)?;
        part.received = part.received.plus(units);
        let lying = part.unchecked.entry(location.clone()).or_default();
        *lying = lying.plus(units);
        // The channel may have told of them before.
        let found = desk.order(order)?;
        let known = found.line(line).map(|line| line.counters.returned);
        let news = received(found, line).minus(known.unwrap_or_default());
        // Its channel may have said meanwhile that they never left.
        let counters = found.line(line).map(|line| line.counters);
        let out = counters.map(|all| all.shipped_net().minus(all.returned));
        let out = out.unwrap_or_default();
        refuse_beyond(found, line, (news, out), "that left and did not come back")?;
        count(desk, order, line, Counter::Returned, news)?;
        for (sku, units) in goods(desk.order(order)?, line, units) {
            let cause = Cause::Returned { order, line };
            let came = Move::new(&sku, &location, units, cause).of(order);
            desk.move_stock(came.in_condition(Condition::ReturnedUnchecked));
        }
        let (id, location, by) = (named.1, location.clone(), by.to_owned());
        desk.record_for(
            order,
            Event::ReturnReceived {
                id,
                line,
                units,
                location,
                by,
            },
        );
    }
    Ok(Verdict::New)
}

/// Where what comes back is taken in when nobody says where: at the place that hands over what the account
/// sells, unless its channel runs it, else at the usual one.
fn usual_place(desk: &Desk<'_>, order: &Order) -> LocationId {
    let locations = &desk.context.policy.locations;
    let home = locations.home_of(&order.account);
    let ours = home.filter(|home| refuse_unless_ours(desk, order.id, home).is_ok());
    ours.unwrap_or(&desk.context.policy.home).clone()
}

/// What units of a line are on the shelf.
fn goods(order: &Order, line: u32, units: Quantity) -> BTreeMap<Sku, Quantity> {
    let item = order.line(line).and_then(|line| line.item.as_ref());
    let bill = item.iter().flat_map(|item| &item.bill);
    bill.map(|(sku, per_unit)| (sku.clone(), per_unit.times(units.units())))
        .collect()
}

fn inspect(
    desk: &mut Desk<'_>,
    named: Named,
    asked: &[(u32, Decimal)],
    verdict: returns::Verdict,
    (note, by): (&str, &str),
) -> Result<Verdict, Undecided> {
    let of = "that came in and were not looked at";
    let units = named_or_all(desk, named, asked, (ReturnedLine::to_check, of))?;
    if units.is_empty() {
        return refuse(ReturnRefusal::NothingToCheck.into());
    }
    for (line, units) in units {
        let mut left = units;
        let places = part_mut(desk, named, line)?.unchecked.clone();
        for (location, lying) in places {
            let part = lying.min(left);
            left = left.minus(part);
            judge(
                desk,
                (named.0, line),
                (&location, part),
                verdict,
                (note, by),
            )?;
            let rest = lying.minus(part);
            let unchecked = &mut part_mut(desk, named, line)?.unchecked;
            match rest.is_positive() {
                true => drop(unchecked.insert(location, rest)),
                false => drop(unchecked.remove(&location)),
            }
        }
        let part = part_mut(desk, named, line)?;
        let count = match verdict {
            returns::Verdict::Restock => &mut part.restocked,
            returns::Verdict::Damaged => &mut part.damaged,
            returns::Verdict::Scrap => &mut part.scrapped,
        };
        *count = count.plus(units);
        let (id, note, by) = (named.1, note.to_owned(), by.to_owned());
        desk.record_for(
            named.0,
            Event::ReturnInspected {
                id,
                line,
                units,
                verdict,
                note,
                by,
            },
        );
    }
    close_if_done(desk, named, by)?;
    Ok(Verdict::New)
}

/// Puts units that came back where they belong.
fn judge(
    desk: &mut Desk<'_>,
    (order, line): (OrderId, u32),
    (location, units): (&LocationId, Quantity),
    verdict: returns::Verdict,
    (note, by): (&str, &str),
) -> Result<(), Undecided> {
    let from = Condition::ReturnedUnchecked;
    for (sku, units) in goods(desk.order(order)?, line, units) {
        refuse_unless_there(desk, &sku, location, from, units)?;
        let to = match verdict {
            returns::Verdict::Restock => Condition::Sellable,
            returns::Verdict::Damaged => Condition::Damaged,
            returns::Verdict::Scrap => {
                let cause = Cause::Scrapped {
                    order,
                    line,
                    reason: note.to_owned(),
                    by: by.to_owned(),
                };
                let gone = Move::new(&sku, location, units.negated(), cause).of(order);
                desk.move_stock(gone.in_condition(from));
                continue;
            }
        };
        let cause = Cause::Sorted {
            from,
            to,
            reason: note.to_owned(),
            by: by.to_owned(),
        };
        let leaves = Move::new(&sku, location, units.negated(), cause.clone()).of(order);
        desk.move_stock(leaves.in_condition(from));
        desk.move_stock(
            Move::new(&sku, location, units, cause)
                .of(order)
                .in_condition(to),
        );
    }
    Ok(())
}

fn close_if_done(desk: &mut Desk<'_>, named: Named, by: &str) -> Result<(), Undecided> {
    if find(desk, named)?.is_done() {
        shut(desk, named, "all of it was looked at", by)?;
    }
    Ok(())
}

/// What did not come will not come.
fn close(desk: &mut Desk<'_>, named: Named, reason: &str, by: &str) -> Result<Verdict, Undecided> {
    let found = find(desk, named)?;
    if !found.is_open() {
        return Ok(Verdict::Duplicate);
    }
    let lines: Vec<(u32, Quantity)> = found
        .lines
        .iter()
        .map(|part| (part.line, part.outstanding()))
        .collect();
    let unseen = found
        .lines
        .iter()
        .find(|part| part.to_check().is_positive());
    if let Some(part) = unseen {
        let line = part.line;
        let scale = desk.order(named.0)?.line(line).map_or(0, |line| line.scale);
        let left = part.to_check().to_decimal(scale);
        return refuse(ReturnRefusal::CheckFirst { line, left }.into());
    }
    for (line, outstanding) in lines {
        let part = part_mut(desk, named, line)?;
        part.not_returned = part.not_returned.plus(outstanding);
    }
    shut(desk, named, reason, by)?;
    Ok(Verdict::New)
}

fn shut(desk: &mut Desk<'_>, named: Named, reason: &str, by: &str) -> Result<(), Undecided> {
    let now = desk.now();
    let (order, id) = named;
    let mut returns = desk.order_mut(order)?.returns.iter_mut();
    if let Some(found) = returns.find(|one| one.id == id) {
        found.closed_at = Some(now);
    }
    let (reason, by) = (reason.to_owned(), by.to_owned());
    desk.record_for(order, Event::ReturnClosed { id, reason, by });
    Ok(())
}

impl From<ReturnRefusal> for Refusal {
    fn from(refusal: ReturnRefusal) -> Refusal {
        Refusal::Return(refusal)
    }
}
