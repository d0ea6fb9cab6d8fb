//! What happens to an order, whoever causes it: shipping, canceling, refunding, deleting.
//!
//! Everything here is allowed already; the rules are asked by whoever calls.

use domain::Time;

use super::{
    order::{Fulfillment, Order, Refund, RefundLine, Tracking, Transaction},
    world::{CancelJob, World},
};

/// Units by fulfillment order and line in it, as places.
pub(super) type Picked = Vec<(usize, usize, i64)>;

impl World {
    /// Makes a fulfillment; its id.
    pub(super) fn ship(&mut self, id: u64, picked: &Picked, tracking: Tracking, now: Time) -> u64 {
        let made = self.id();
        let mut lines: Vec<(u64, usize, i64)> = Vec::new();
        for (part, line, units) in picked {
            let entry = self.id();
            let Some(order) = self.orders.get_mut(&id) else {
                continue;
            };
            let part = &mut order.parts[*part];
            let picked = &mut part.lines[*line];
            picked.remaining -= units;
            lines.push((entry, picked.line, *units));
            let is_done = part.lines.iter().all(|line| line.remaining == 0);
            part.status = if is_done { "CLOSED" } else { "IN_PROGRESS" };
            let place = order.lines[lines[lines.len() - 1].1].variant;
            self.move_level(place, 0, -units, now);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.fulfillments.push(Fulfillment {
                id: made,
                created_at: now,
                updated_at: now,
                is_canceled: false,
                tracking,
                lines,
            });
        }
        self.touch(id, now);
        self.tell_fulfillment(id, made, "fulfillments/create", now);
        let topics: &[_] = match self.orders.get(&id).map(Order::fulfillment_status) {
            Some("FULFILLED") => &["orders/updated", "orders/fulfilled"],
            _ => &["orders/updated", "orders/partially_fulfilled"],
        };
        self.tell_order(id, topics, now);
        made
    }

    /// An order that is open is paid.
    pub(super) fn pay(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        let order = self.orders.get(&id).ok_or("the order is gone")?;
        if order.canceled.is_some() {
            return Err("the order is canceled");
        }
        if order.paid_minor() > 0 {
            return Err("the order is paid");
        }
        let order = self.orders.remove(&id).ok_or("the order is gone")?;
        let sale = self.sale(&order, now);
        let order = self.orders.entry(id).or_insert(order);
        order.transactions.push(sale);
        self.touch(id, now);
        self.tell_order(id, &["orders/updated", "orders/paid"], now);
        Ok(())
    }

    /// Tells another way in which a fulfillment travels.
    pub(super) fn track(&mut self, id: u64, made: u64, tracking: Tracking, now: Time) {
        if let Some(order) = self.orders.get_mut(&id)
            && let Some(found) = order.fulfillments.iter_mut().find(|one| one.id == made)
        {
            found.tracking = tracking;
            found.updated_at = now;
        }
        self.touch(id, now);
        self.tell_fulfillment(id, made, "fulfillments/update", now);
        self.tell_order(id, &["orders/updated"], now);
    }

    /// Takes a fulfillment back: its units are to be shipped again.
    pub(super) fn unship(&mut self, id: u64, made: u64, now: Time) {
        let mut back = Vec::new();
        if let Some(order) = self.orders.get_mut(&id)
            && let Some(found) = order.fulfillments.iter_mut().find(|one| one.id == made)
        {
            found.is_canceled = true;
            found.updated_at = now;
            for (_, line, units) in &found.lines {
                let mut left = *units;
                let parts = order.parts.iter_mut();
                let places = parts.flat_map(|part| {
                    let status = &mut part.status;
                    let mut open = part.lines.iter_mut();
                    let open = open.find(|open| open.line == *line);
                    open.map(|open| (status, open))
                });
                for (status, open) in places {
                    let room = (open.total - open.remaining).min(left);
                    if room > 0 {
                        open.remaining += room;
                        left -= room;
                        *status = "OPEN";
                    }
                }
                back.push((order.lines[*line].variant, *units));
            }
        }
        for (place, units) in back {
            self.move_level(place, 0, units, now);
        }
        self.touch(id, now);
        self.tell_fulfillment(id, made, "fulfillments/update", now);
        self.tell_order(id, &["orders/updated"], now);
    }

    /// Everything that is still open in an order.
    pub(super) fn open_units(&self, id: u64) -> Picked {
        let parts = self.orders.get(&id).map(|order| order.parts.as_slice());
        let parts = parts.unwrap_or_default().iter().enumerate();
        parts
            .filter(|(_, part)| matches!(part.status, "OPEN" | "IN_PROGRESS"))
            .flat_map(|(at, part)| {
                let lines = part.lines.iter().enumerate();
                lines.map(move |(line, open)| (at, line, open.remaining))
            })
            .filter(|(_, _, units)| *units > 0)
            .collect()
    }

    /// Refunds units and money; its id. Units that never left are taken out of what is to be shipped
    /// when they are canceled, and only then.
    pub(super) fn refund(
        &mut self,
        id: u64,
        lines: Vec<(usize, i64, String)>,
        payments: Vec<(u64, i64)>,
        note: Option<String>,
        now: Time,
    ) -> u64 {
        let made = self.id();
        let mut refund = Refund {
            id: made,
            created_at: now,
            note,
            lines: Vec::new(),
            minor: payments.iter().map(|(_, minor)| minor).sum(),
        };
        for (line, units, restock_type) in lines {
            refund.lines.push(RefundLine {
                id: self.id(),
                line,
                quantity: units,
                restock_type: restock_type.clone(),
            });
            let Some(order) = self.orders.get_mut(&id) else {
                continue;
            };
            let of = &mut order.lines[line];
            // What was refunded before and is canceled now is taken off once.
            of.removed = (of.removed + units).min(of.quantity);
            let place = order.lines[line].variant;
            match restock_type.as_str() {
                "CANCEL" => {
                    self.take_out(id, line, units);
                    self.put_back(place, units, units, now);
                }
                "RETURN" => self.put_back(place, units, 0, now),
                _ => {}
            }
        }
        for (parent, minor) in payments {
            let transaction = Transaction {
                id: self.id(),
                kind: "REFUND",
                minor,
                parent: Some(parent),
                created_at: now,
            };
            if let Some(order) = self.orders.get_mut(&id) {
                order.transactions.push(transaction);
            }
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.refunds.push(refund);
        }
        self.touch(id, now);
        self.tell_refund(id, now);
        self.tell_order(id, &["orders/updated"], now);
        made
    }

    /// Takes units of a line out of the fulfillment orders.
    fn take_out(&mut self, id: u64, line: usize, units: i64) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        order.lines[line].unshippable += units;
        let mut left = units;
        for part in &mut order.parts {
            for open in part.lines.iter_mut().filter(|open| open.line == line) {
                let taken = open.remaining.min(left);
                open.remaining -= taken;
                open.total -= taken;
                left -= taken;
            }
            let is_empty = part.lines.iter().all(|open| open.remaining == 0);
            if is_empty && matches!(part.status, "OPEN" | "IN_PROGRESS") {
                part.status = "CLOSED";
            }
        }
    }

    /// The payments of an order that can still be given back: transaction and minor units.
    pub(super) fn refundable(&self, id: u64) -> Vec<(u64, i64)> {
        let Some(order) = self.orders.get(&id) else {
            return Vec::new();
        };
        let sales = order.transactions.iter().filter(|made| made.is_taken());
        sales
            .map(|sale| {
                let given = order.transactions.iter();
                let given = given.filter(|made| made.parent == Some(sale.id));
                (
                    sale.id,
                    sale.minor - given.map(|made| made.minor).sum::<i64>(),
                )
            })
            .filter(|(_, left)| *left > 0)
            .collect()
    }

    /// Cancels an order: what never left is taken out, and money is given back if that is asked.
    pub(super) fn cancel(&mut self, job: &CancelJob, now: Time) {
        let Some(order) = self.orders.get_mut(&job.order) else {
            return;
        };
        if order.canceled.is_some() || order.is_deleted {
            return;
        }
        order.canceled = Some((now, job.reason.clone()));
        let open: Vec<(usize, i64)> = (0..order.lines.len())
            .map(|line| (line, order.unfulfilled(line)))
            .filter(|(_, units)| *units > 0)
            .collect();
        if !job.restock {
            // Committed units become neither available nor sold: they are gone.
            for (line, units) in &open {
                self.take_out(job.order, *line, *units);
                let place = self.orders[&job.order].lines[*line].variant;
                self.move_level(place, 0, -units, now);
            }
        }
        let restock_type = if job.restock { "CANCEL" } else { "NO_RESTOCK" };
        let payments = match job.refund {
            true => self.refundable(job.order),
            false => Vec::new(),
        };
        let lines = open
            .into_iter()
            .map(|(line, units)| (line, units, restock_type.to_owned()))
            .collect();
        self.refund(job.order, lines, payments, None, now);
        if let Some(order) = self.orders.get_mut(&job.order) {
            for part in &mut order.parts {
                if matches!(part.status, "OPEN" | "IN_PROGRESS") {
                    part.status = "CANCELLED";
                }
            }
        }
        self.tell_order(job.order, &["orders/cancelled"], now);
    }

    /// Does the jobs that are due.
    pub(super) fn tick(&mut self, now: Time) {
        while let Some(at) = self.jobs.iter().position(|job| job.due <= now) {
            let job = self.jobs.remove(at);
            self.cancel(&job, job.due);
        }
    }

    /// Deletes an order for good; its committed units are not put back.
    pub(super) fn delete(&mut self, id: u64, now: Time) {
        for (part, line, units) in self.open_units(id) {
            let order = &self.orders[&id];
            let place = order.lines[order.parts[part].lines[line].line].variant;
            self.move_level(place, 0, -units, now);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.is_deleted = true;
        }
        self.tell_deleted(id, now);
    }
}
