//! Holding tasks to what their orders still need.
//!
//! At the end of each decision no more is to leave with tasks than the order needs and stock is promised for.
//! What nobody has fetched is cut first. What somebody holds in their hands beyond that stays there, shown
//! as to be put back; it never leaves.

use std::collections::BTreeMap;

use crate::{
    Quantity,
    book::ClaimKey,
    fact::{Counter, Event},
    fulfillment::{Task, TaskLine, Work},
    ids::{OrderId, ShipmentId, TaskId},
    order::Order,
};

use super::super::{Desk, Undecided, snapshot};

impl Desk<'_> {
    /// Cuts what must not leave any more, and closes what is over.
    pub(in crate::decide) fn settle_tasks(&mut self) {
        let orders = self.book.orders.values();
        let worked_on = orders.filter(|order| order.tasks.iter().any(Task::is_open));
        let worked_on: Vec<OrderId> = worked_on.map(|order| order.id).collect();
        for id in worked_on {
            self.cut_tasks(id);
            self.close_tasks(id);
        }
    }

    fn cut_tasks(&mut self, id: OrderId) {
        let Some(order) = self.book.orders.get(&id) else {
            return;
        };
        let over = order.lines.iter().filter_map(|line| {
            let most = self.book.claimed_units(order, line.number);
            let most = most.min(line.counters.to_ship());
            let over = order.in_tasks(line.number).minus(most);
            over.is_positive().then_some((line.number, over))
        });
        let over: Vec<(u32, Quantity)> = over.collect();
        if over.is_empty() {
            return;
        }
        let reason = why_cut(order);
        for (line, over) in over {
            let cut = self.cut_line(id, line, over);
            for (task, units) in cut {
                let reason = reason.to_owned();
                let work = Work::Cut {
                    line,
                    units,
                    reason,
                };
                self.record_work(id, task, work, snapshot::OURSELVES);
            }
        }
    }

    /// Cuts the newest tasks first, and of all of them first what nobody has fetched.
    fn cut_line(&mut self, id: OrderId, line: u32, over: Quantity) -> Vec<(TaskId, Quantity)> {
        let mut rest = over;
        let mut cut: BTreeMap<TaskId, Quantity> = BTreeMap::new();
        let Some(order) = self.book.orders.get_mut(&id) else {
            return Vec::new();
        };
        let which: [fn(&TaskLine) -> Quantity; 2] = [TaskLine::to_pick, TaskLine::to_leave];
        for most in which {
            let tasks = order.tasks.iter_mut().rev().filter(|task| task.is_open());
            for task in tasks {
                let id = task.id;
                for part in task.lines.iter_mut().filter(|part| part.line == line) {
                    let units = most(part).min(rest);
                    part.units = part.units.minus(units);
                    rest = rest.minus(units);
                    let slot = cut.entry(id).or_default();
                    *slot = slot.plus(units);
                }
            }
        }
        cut.retain(|_, units| units.is_positive());
        cut.into_iter().collect()
    }

    fn close_tasks(&mut self, id: OrderId) {
        let now = self.now();
        let Some(order) = self.book.orders.get_mut(&id) else {
            return;
        };
        let mut over = Vec::new();
        for task in &mut order.tasks {
            if task.is_open() && task.is_done() {
                task.closed_at = Some(now);
                let has_left = task.lines.iter().any(|part| part.left.is_positive());
                over.push((task.id, has_left));
            }
        }
        for (task, has_left) in over {
            let reason = match has_left {
                true => "all of it left",
                false => "nothing of it is to leave",
            };
            let work = Work::Closed {
                reason: reason.to_owned(),
            };
            self.record_work(id, task, work, snapshot::OURSELVES);
        }
    }

    pub(in crate::decide) fn record_work(
        &mut self,
        order: OrderId,
        task: TaskId,
        work: Work,
        by: &str,
    ) {
        let by = by.to_owned();
        self.record_for(order, Event::Worked { task, work, by });
    }

    /// Whether somebody holds units of a line in their hands.
    pub(in crate::decide) fn is_in_hand(&self, key: &ClaimKey) -> bool {
        let order = self.book.orders.get(&key.order);
        let mut tasks = order.into_iter().flat_map(|order| &order.tasks);
        tasks.any(|task| {
            let part = task.line(key.line).filter(|_| task.is_open());
            part.is_some_and(|part| part.in_hand().is_positive())
        })
    }

    /// Units left without their task being asked: a person or the channel says so. What is farthest in hand
    /// is what left.
    pub(in crate::decide) fn take_out_of_tasks(
        &mut self,
        id: OrderId,
        lines: &[(u32, Quantity)],
        shipment: ShipmentId,
    ) -> Result<(), Undecided> {
        let order = self.order_mut(id)?;
        let mut rest: Rest = BTreeMap::new();
        for (line, units) in lines {
            let slot = rest.entry(*line).or_default();
            *slot = slot.plus(*units);
        }
        let mut tasks: Vec<&mut Task> = order.tasks.iter_mut().filter(|t| t.is_open()).collect();
        let before: Vec<Vec<TaskLine>> = tasks.iter().map(|task| task.lines.clone()).collect();
        for task in &mut tasks {
            take_parcels(task, &mut rest, shipment);
        }
        for task in &mut tasks {
            take_units(task, &mut rest);
        }
        let mut changed = Vec::new();
        for (task, before) in tasks.iter().zip(before) {
            let parts = task.lines.iter().zip(before);
            let parts = parts.filter(|(part, before)| *part != before);
            changed.extend(parts.map(|(part, before)| (task.id, *part, before)));
        }
        for (task, part, before) in changed {
            let (line, unpicked) = (part.line, part.picked.minus(before.picked));
            snapshot::count(self, id, line, Counter::Picked, unpicked)?;
            let packed = part.packed.minus(before.packed);
            snapshot::count(self, id, line, Counter::Packed, packed)?;
            let work = Work::LeftWith {
                shipment,
                line,
                units: part.left.minus(before.left),
                unpicked,
            };
            self.record_work(id, task, work, snapshot::OURSELVES);
        }
        Ok(())
    }
}

/// Why units of an order do not leave as they were to.
fn why_cut(order: &Order) -> &'static str {
    if order.is_withdrawn() {
        "the order was canceled"
    } else if order.is_expired() {
        "the payment deadline passed"
    } else if order.hold_drops_claim() {
        "a hold gave its stock up"
    } else {
        "fewer are to leave"
    }
}

type Rest = BTreeMap<u32, Quantity>;

/// Whole parcels of which all is among what left.
fn take_parcels(task: &mut Task, rest: &mut Rest, shipment: ShipmentId) {
    let Task { lines, parcels, .. } = task;
    for parcel in parcels.iter_mut().filter(|parcel| parcel.is_here()) {
        let fits = parcel.lines.iter().all(|(line, units)| {
            let left = rest.get(line).copied().unwrap_or_default();
            let part = lines.iter().find(|part| part.line == *line);
            *units <= left && part.is_some_and(|part| *units <= part.to_leave())
        });
        if !fits {
            continue;
        }
        parcel.left_as = Some(shipment);
        for (line, units) in &parcel.lines {
            for part in lines.iter_mut().filter(|part| part.line == *line) {
                part.left = part.left.plus(*units);
            }
            if let Some(left) = rest.get_mut(line) {
                *left = left.minus(*units);
            }
        }
    }
}

/// Units that left of a task beside whole parcels: those that lie loose, then those that nobody had fetched,
/// then those of parcels, which hold fewer from then on.
fn take_units(task: &mut Task, rest: &mut Rest) {
    let Task { lines, parcels, .. } = task;
    for part in lines.iter_mut() {
        let left = rest.entry(part.line).or_default();
        let loose = part.loose().min(*left).min(part.to_leave());
        let fresh = left.minus(loose).min(part.to_pick());
        part.picked = part.picked.plus(fresh);
        part.packed = part.packed.plus(loose).plus(fresh);
        part.left = part.left.plus(loose).plus(fresh);
        *left = left.minus(loose).minus(fresh);
        let mut packed = part.to_leave().min(*left);
        for parcel in parcels.iter_mut().filter(|parcel| parcel.is_here()) {
            for (line, units) in &mut parcel.lines {
                if *line == part.line {
                    let taken = (*units).min(packed);
                    *units = units.minus(taken);
                    part.left = part.left.plus(taken);
                    *left = left.minus(taken);
                    packed = packed.minus(taken);
                }
            }
            parcel.lines.retain(|(_, units)| units.is_positive());
        }
    }
    parcels.retain(|parcel| !parcel.lines.is_empty());
}
