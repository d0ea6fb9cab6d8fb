//! Money for what came back. Goods and money are two matters: a return is closed without any, and money is given
//! back before goods come in only when somebody says so.

use crate::{
    Money, Quantity,
    fact::Event,
    ids::{OrderId, ReturnId},
    order::Order,
    returns::{OfReturn, RETURN_REFUNDS_MAX, Return, ReturnRefund, ReturnRefusal, ReturnedLine},
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    command::{self, refuse},
};

/// Gives money back for units of a return: those that are named, or all that came and no money was given for.
pub(super) fn refund(
    desk: &mut Desk<'_>,
    id: OrderId,
    (amount, asked): (Money, &[(u32, Quantity)]),
    of: OfReturn,
    reason: &str,
) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    let found = find(order, of.id)?;
    if found.refunds.len() >= RETURN_REFUNDS_MAX {
        return refuse(ReturnRefusal::TooManyRefunds.into());
    }
    let lines = match asked {
        [] => found.unpaid_units(),
        asked => asked.to_vec(),
    };
    if !of.anyway {
        refuse_beyond(order, found, &lines, amount)?;
    }
    let intent = command::refund(desk, id, amount, &lines, reason)?;
    let at = desk.now();
    let returns = desk.order_mut(id)?.returns.iter_mut();
    if let Some(found) = returns.into_iter().find(|one| one.id == of.id) {
        found.refunds.push(ReturnRefund {
            at,
            amount,
            lines: lines.clone(),
            intent,
            anyway: of.anyway,
        });
    }
    let (id_of_return, anyway) = (of.id, of.anyway);
    desk.record_for(
        id,
        Event::ReturnRefunded {
            id: id_of_return,
            amount,
            lines,
            anyway,
        },
    );
    Ok(Verdict::New)
}

fn find(order: &Order, id: ReturnId) -> Result<&Return, Undecided> {
    let found = order.returns.iter().find(|one| one.id == id);
    let order = order.id;
    found.ok_or(Undecided::Refused(Refusal::NoReturn { order, id }))
}

/// No more units than came, and no more money than they are worth.
fn refuse_beyond(
    order: &Order,
    found: &Return,
    lines: &[(u32, Quantity)],
    amount: Money,
) -> Result<(), Undecided> {
    if lines.is_empty() {
        return refuse(ReturnRefusal::NothingToRefund.into());
    }
    for (number, units) in lines {
        let no_line = Refusal::NoLine {
            order: order.id,
            line: *number,
        };
        let line = order.line(*number).ok_or(Undecided::Refused(no_line))?;
        let left = found.unpaid_of(*number);
        if *units > left {
            let of = "that came back and no money was given for";
            let left = left.to_decimal(line.scale);
            let line = *number;
            return refuse(ReturnRefusal::TooMany { line, left, of }.into());
        }
    }
    let given: i64 = found
        .refunds
        .iter()
        .map(|one| one.amount.minor())
        .fold(0, i64::saturating_add);
    let mut units = lines.to_vec();
    units.extend(
        found
            .refunds
            .iter()
            .flat_map(|one| one.lines.iter().copied()),
    );
    // What leaves instead is given for it already.
    let worth = match order.difference_of(found) {
        Some(difference) => difference.saturating_neg().max(0),
        None => order.worth_of(&units),
    };
    let left = worth.saturating_sub(given);
    let is_nothing = !found.replacements.is_empty() && worth == 0;
    if amount.currency() == order.currency && amount.minor() <= left && !is_nothing {
        return Ok(());
    }
    let left = Money::from_minor(left.max(0), order.currency);
    let left = left.map_or_else(|error| error.to_string(), |left| left.to_string());
    refuse(ReturnRefusal::BeyondWorth(left).into())
}

impl Return {
    /// Units of a line that came in and no money was given for.
    pub fn unpaid_of(&self, line: u32) -> Quantity {
        let came = self.lines.iter().filter(|part| part.line == line);
        let came: Quantity = came.map(|part| part.received).sum();
        let paid = self.refunds.iter().flat_map(|one| &one.lines);
        let paid: Quantity = paid
            .filter(|(of, _)| *of == line)
            .map(|(_, units)| *units)
            .sum();
        came.minus(paid).or_zero()
    }

    /// All of these.
    pub fn unpaid_units(&self) -> Vec<(u32, Quantity)> {
        let mut lines: Vec<u32> = self
            .lines
            .iter()
            .map(|part: &ReturnedLine| part.line)
            .collect();
        lines.dedup();
        let units = lines.into_iter().map(|line| (line, self.unpaid_of(line)));
        units.filter(|(_, units)| units.is_positive()).collect()
    }
}

impl Order {
    /// What units of its lines cost, in minor units, rounded up: the price of a line is for all that was ordered.
    pub fn worth_of(&self, units: &[(u32, Quantity)]) -> i64 {
        let mut worth: i128 = 0;
        for line in &self.lines {
            let named = units.iter().filter(|(number, _)| *number == line.number);
            let named: Quantity = named.map(|(_, units)| *units).sum();
            if let Some(instead) = self.replacement(line.number) {
                worth += i128::from(instead.worth_of(named));
                continue;
            }
            let ordered = i128::from(line.counters.ordered.units());
            if ordered <= 0 {
                continue;
            }
            let cost = i128::from(line.total.minor()) * i128::from(named.units());
            worth += cost.div_euclid(ordered) + i128::from(cost.rem_euclid(ordered) > 0);
        }
        i64::try_from(worth).unwrap_or(i64::MAX)
    }
}
