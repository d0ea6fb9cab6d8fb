//! Owing what is missing: what a rule lets be owed is no incident before its date.
//!
//! At the end of each decision a promise shrinks to what is still missing, and what is newly missing is
//! owed as far as rules allow, the oldest order first. That a date has passed, or that rules owe less
//! than they did, is found by [`look_again`] only, which a schedule asks for: so a promise is kept, or
//! broken by a fact with a time, and never by who happened to look.

use crate::{
    AccountId, ListingId, Quantity, Sku, Time,
    fact::Event,
    ids::OrderId,
    incident::{Ending, Why},
    item::Item,
    order::{Line, LineItem, Order},
    owed::{Broken, Kind, Lookup, Promise},
};

use super::{Desk, FollowUp, Undecided, Verdict, snapshot};

impl Desk<'_> {
    /// Where the rules for owing are looked up.
    fn lookup(&self) -> Lookup<'_> {
        Lookup {
            rules: &self.context.policy.rules,
            items: &self.book.items,
            stock: &self.book.stock,
            locations: &self.context.policy.locations,
        }
    }

    /// How much may be sold on an account beyond what is sellable.
    pub(super) fn room(&self, item: &Item, account: &AccountId, listed_in: &[String]) -> Quantity {
        let listed_in = |sku: &Sku| match *sku == item.sku {
            true => listed_in.to_vec(),
            false => self.listed_in(sku, account, None),
        };
        self.lookup().room(item, account, listed_in, self.now())
    }

    /// The categories that an account has an item in: those of the listing that was sold, else of all
    /// that it has of the item.
    fn listed_in(&self, sku: &Sku, account: &AccountId, sold: Option<&ListingId>) -> Vec<String> {
        let of_item = self
            .book
            .listings
            .values()
            .filter(|listing| listing.account == *account && listing.sku.as_ref() == Some(sku));
        let sold = of_item
            .clone()
            .find(|listing| Some(&listing.listing) == sold);
        match sold {
            Some(listing) => listing.categories.clone(),
            None => of_item
                .flat_map(|listing| listing.categories.clone())
                .collect(),
        }
    }

    /// What may be owed of each component of a line, and by when all of it ships.
    fn terms(&self, order: &Order, line: &Line) -> Option<LineTerms> {
        let item = line.item.as_ref()?;
        let mut all: Option<LineTerms> = None;
        for sku in item.bill.keys() {
            let listed_in = self.listed_in(sku, &order.account, line.listing.as_ref());
            let lookup = self.lookup();
            let found = lookup.terms(sku, &order.account, &listed_in, order.placed_at)?;
            let so_far = all.get_or_insert(LineTerms {
                kind: found.kind,
                until: found.until,
                max: Vec::new(),
            });
            if found.until > so_far.until {
                (so_far.kind, so_far.until) = (found.kind, found.until);
            }
            so_far.max.push((sku.clone(), found.max));
        }
        all
    }

    /// Brings what is owed to what is missing. `takes_over`: also what is an incident by now may be owed.
    pub(super) fn settle_promises(&mut self, takes_over: bool) -> Result<(), Undecided> {
        for (_, order, line) in self.lines_by_age() {
            self.shrink_promise(order, line)?;
        }
        for (_, order, line) in self.lines_by_age() {
            self.owe_what_is_new(order, line, takes_over)?;
        }
        Ok(())
    }

    /// All lines of the orders in the book, the oldest first.
    fn lines_by_age(&self) -> Vec<(Time, OrderId, u32)> {
        let lines = self.book.orders.values().flat_map(|order| {
            let of_order = order.lines.iter();
            of_order.map(|line| (order.placed_at, order.id, line.number))
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    }

    /// No more is owed than is missing.
    fn shrink_promise(&mut self, id: OrderId, number: u32) -> Result<(), Undecided> {
        let order = self.order(id)?;
        let Some((line, promise)) = order.line(number).and_then(|line| Some((line, line.owed?)))
        else {
            return Ok(());
        };
        let missing = self.book.missing_units(order, number);
        if missing >= promise.units {
            return Ok(());
        }
        let is_incident = self.incident_units(id, number, line.item.as_ref());
        let is_covered = missing.is_zero()
            && is_incident.is_zero()
            && self.ending(order, line) == Ending::Covered;
        self.owe(
            id,
            number,
            Some(Promise {
                units: missing,
                ..promise
            }),
        )?;
        if is_covered {
            self.record_for(id, Event::Covered { line: number });
        }
        Ok(())
    }

    /// Owes what is missing of a line, neither owed nor an incident, as far as there is room.
    fn owe_what_is_new(
        &mut self,
        id: OrderId,
        number: u32,
        takes_over: bool,
    ) -> Result<(), Undecided> {
        let now = self.now();
        let order = self.order(id)?;
        let Some(line) = order.line(number) else {
            return Ok(());
        };
        let lacking = self.book.lacking_units(order, number);
        let known = self.incident_units(id, number, line.item.as_ref());
        let known = known.min(lacking);
        let fresh = lacking.minus(known);
        if !(fresh.is_positive() || takes_over && known.is_positive()) {
            return Ok(());
        }
        let Some(terms) = self.terms(order, line).filter(|terms| terms.until > now) else {
            return Ok(());
        };
        let Some(room) = self.room_for(line, &terms) else {
            return Ok(());
        };
        // An incident that is owed instead takes no room from others: it had it before them.
        let taken_over = match takes_over {
            true => known.min(room.with_incidents),
            false => Quantity::ZERO,
        };
        let units = taken_over.plus(fresh.min(room.beside_incidents));
        if !units.is_positive() {
            return Ok(());
        }
        let known = line.owed;
        let promise = Promise {
            units: known
                .map(|known| known.units)
                .unwrap_or_default()
                .plus(units),
            kind: terms.kind,
            until: terms.until,
            since: known.map_or(now, |known| known.since),
        };
        self.promise(id, number, promise)
    }

    /// Units of a line that are an open incident.
    fn incident_units(&self, id: OrderId, number: u32, item: Option<&LineItem>) -> Quantity {
        let units = item
            .iter()
            .flat_map(|item| &item.bill)
            .map(|(sku, per_unit)| {
                let key = crate::book::ClaimKey {
                    sku: sku.clone(),
                    order: id,
                    line: number,
                };
                let open = self.book.incidents.get(&key);
                let open = open.filter(|incident| incident.closed_at.is_none());
                let missing = open.map(|incident| incident.missing).unwrap_or_default();
                let units = missing.units().checked_div(per_unit.units());
                Quantity::new(units.unwrap_or(0)).unwrap_or_default()
            });
        units.max().unwrap_or_default()
    }

    /// How many more units of a line may be owed; nothing when a part of it was never counted.
    fn room_for(&self, line: &Line, terms: &LineTerms) -> Option<Room> {
        let bill = &line.item.as_ref()?.bill;
        let mut least: Option<Room> = None;
        for (sku, max) in &terms.max {
            let stock = self.book.stock.get(sku).filter(|stock| stock.is_counted)?;
            let per_unit = bill.get(sku)?.units();
            let whole =
                |left: Quantity| Quantity::new(left.or_zero().units().checked_div(per_unit)?).ok();
            let left = max.minus(stock.owed);
            let room = Room {
                with_incidents: whole(left)?,
                beside_incidents: whole(left.minus(stock.missing))?,
            };
            least = Some(least.map_or(room, |least| Room {
                with_incidents: least.with_incidents.min(room.with_incidents),
                beside_incidents: least.beside_incidents.min(room.beside_incidents),
            }));
        }
        least
    }

    /// Owes units of a line, and says so in its order's timeline.
    fn promise(&mut self, id: OrderId, number: u32, promise: Promise) -> Result<(), Undecided> {
        self.owe(id, number, Some(promise))?;
        let line = self.order(id)?.line(number);
        let Some(item) = line.and_then(|line| line.item.as_ref()) else {
            return Ok(());
        };
        let owed = Event::Owed {
            line: number,
            sku: item.sku.clone(),
            units: promise.units,
            kind: promise.kind,
            until: promise.until,
        };
        self.record_for(id, owed);
        Ok(())
    }

    /// The one place where what is owed changes, together with the sums of its items.
    fn owe(&mut self, id: OrderId, number: u32, promise: Option<Promise>) -> Result<(), Undecided> {
        let line = snapshot::line_mut(self, id, number)?;
        let units = |promise: Option<Promise>| -> Quantity {
            promise.map(|promise| promise.units).unwrap_or_default()
        };
        let before = units(line.owed);
        line.owed = promise.filter(|promise| promise.units.is_positive());
        let delta = units(line.owed).minus(before);
        let bill = line.item.as_ref().map(|item| item.bill.clone());
        for (sku, per_unit) in bill.into_iter().flatten() {
            let stock = self.stock_of(&sku);
            stock.owed = stock.owed.plus(per_unit.times(delta.units()));
            if delta < Quantity::ZERO {
                self.offer_room(&sku);
            }
        }
        Ok(())
    }

    /// More of an item may be owed now, and what is an incident goes first.
    pub(super) fn offer_room(&mut self, sku: &Sku) {
        if self.context.policy.rules.owe() {
            self.follow_ups.push(FollowUp::OfferToWaiting(sku.clone()));
        }
    }

    /// Ends what is owed of a line beyond so many units.
    fn break_promise(
        &mut self,
        id: OrderId,
        number: u32,
        promise: Promise,
        kept: Quantity,
        broken: Broken,
    ) -> Result<(), Undecided> {
        let rest = Promise {
            units: kept,
            ..promise
        };
        self.owe(id, number, Some(rest))?;
        let until = promise.until;
        let why = Why::Owed { until, broken };
        self.broken.insert((id, number), why);
        Ok(())
    }
}

/// How many more units of a line may be owed.
#[derive(Clone, Copy)]
struct Room {
    /// Of those that are an incident.
    with_incidents: Quantity,
    /// Of others, after all that are an incident.
    beside_incidents: Quantity,
}

/// What may be owed of a line.
struct LineTerms {
    kind: Kind,
    until: Time,
    /// How many units of each item, over all orders.
    max: Vec<(Sku, Quantity)>,
}

/// Looks again at what is owed of an item in the orders of the book: whose date has passed, what no rule
/// lets be owed any more, and what is beyond what may be. A date that a rule moved moves with it. The
/// offers of the item are computed again by every decision.
pub(super) fn look_again(desk: &mut Desk<'_>) -> Result<Verdict, Undecided> {
    let now = desk.now();
    // The youngest first: it gives way where fewer may be owed.
    for (_, id, number) in desk.lines_by_age().into_iter().rev() {
        let order = desk.order(id)?;
        let Some(line) = order.line(number) else {
            continue;
        };
        let Some(promise) = line.owed else { continue };
        let none = Quantity::ZERO;
        let Some(terms) = desk.terms(order, line) else {
            desk.break_promise(id, number, promise, none, Broken::Withdrawn)?;
            continue;
        };
        if terms.until <= now {
            desk.break_promise(id, number, promise, none, Broken::Late)?;
            continue;
        }
        let kept = promise.units.minus(desk.too_many(line, &terms)).or_zero();
        if kept < promise.units {
            desk.break_promise(id, number, promise, kept, Broken::BeyondMax)?;
        } else if terms.until != promise.until {
            let (kind, until) = (terms.kind, terms.until);
            let moved = Promise {
                kind,
                until,
                ..promise
            };
            desk.promise(id, number, moved)?;
        }
    }
    Ok(Verdict::New)
}

impl Desk<'_> {
    /// By how many units of a line more is owed of one of its items than may be.
    fn too_many(&self, line: &Line, terms: &LineTerms) -> Quantity {
        let Some(item) = &line.item else {
            return Quantity::ZERO;
        };
        let beyond = terms.max.iter().map(|(sku, max)| {
            let stock = self.book.stock.get(sku);
            let owed = stock.map(|stock| stock.owed).unwrap_or_default();
            let beyond = owed.minus(*max).or_zero().units();
            let per_unit = item.bill.get(sku).map_or(1, |per_unit| per_unit.units());
            let units = beyond.saturating_add(per_unit.saturating_sub(1));
            Quantity::new(units.checked_div(per_unit).unwrap_or(0)).unwrap_or_default()
        });
        beyond.max().unwrap_or_default()
    }
}
