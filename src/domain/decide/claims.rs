//! Settling claims: what an order may count on, and who gives way when there is too little.

use std::collections::BTreeMap;

use crate::{
    Quantity, Sku, Time,
    book::ClaimKey,
    fact::Event,
    ids::{ClaimChangeId, MovementId, OrderId},
    locations::{Excess, Kind},
    order::Order,
    stock::{Cause, Claim, ClaimChange, Condition, LocationId, Movement, Stock},
};

use super::{Desk, FollowUp, Undecided, snapshot};

/// A change of stock that is about to be recorded.
pub(super) struct Move<'m> {
    order: Option<OrderId>,
    sku: &'m Sku,
    location: &'m LocationId,
    condition: Condition,
    delta: Quantity,
    cause: Cause,
    happened_at: Option<Time>,
}

impl<'m> Move<'m> {
    /// Of sellable units, just now.
    pub(super) fn new(
        sku: &'m Sku,
        location: &'m LocationId,
        delta: Quantity,
        cause: Cause,
    ) -> Move<'m> {
        Move {
            order: None,
            sku,
            location,
            condition: Condition::Sellable,
            delta,
            cause,
            happened_at: None,
        }
    }

    /// For an order.
    pub(super) fn of(mut self, order: OrderId) -> Move<'m> {
        self.order = Some(order);
        self
    }

    /// Of units in this condition.
    pub(super) fn in_condition(mut self, condition: Condition) -> Move<'m> {
        self.condition = condition;
        self
    }

    /// At an earlier time.
    pub(super) fn happened(mut self, at: Option<Time>) -> Move<'m> {
        self.happened_at = at;
        self
    }
}

/// How units leave.
#[derive(Clone, Copy)]
pub(super) enum Leaving<'l> {
    /// From where a person says.
    From(&'l LocationId),
    /// From where they are bound to, or else from the best location.
    Usual,
    /// The channel says that they left, at this time or earlier.
    ByChannel(Time),
}

impl Leaving<'_> {
    fn at(self) -> Option<Time> {
        match self {
            Leaving::ByChannel(at) => Some(at),
            Leaving::From(_) | Leaving::Usual => None,
        }
    }
}

impl Desk<'_> {
    /// Brings the claims of an order to what its lines still need and stock allows: gives back what
    /// is too much, then takes what is free, all items of a line together or none.
    pub(super) fn settle_claims(&mut self, id: OrderId) -> Result<(), Undecided> {
        let lines: Vec<u32> = self
            .order(id)?
            .lines
            .iter()
            .map(|line| line.number)
            .collect();
        for line in lines {
            self.settle_line(id, line)?;
        }
        Ok(())
    }

    fn settle_line(&mut self, id: OrderId, line: u32) -> Result<(), Undecided> {
        let order = self.order(id)?;
        let Some(item) = order.line(line).and_then(|line| line.item.clone()) else {
            return Ok(());
        };
        let target = order.claim_target(line);
        let claimed = self.book.claimed_units(order, line);
        let gives_up = order.is_expired() || order.hold_drops_claim();
        let (locations, account) = (&self.context.policy.locations, &order.account);
        let units = if target <= claimed {
            target
        } else {
            let free = item.bill.iter().map(|(sku, per_unit)| {
                let stock = self.book.stock.get(sku);
                let free = stock.map(|stock| locations.sellable(stock, account));
                let free = free.unwrap_or_default().or_zero();
                let own = self.claim_open(id, line, sku);
                free.plus(own)
                    .units()
                    .checked_div(per_unit.units())
                    .unwrap_or(0)
            });
            let units = free.min().and_then(|units| Quantity::new(units).ok());
            units.unwrap_or(target).min(target).max(claimed)
        };
        if gives_up && claimed.is_positive() {
            snapshot::line_mut(self, id, line)?.gave_up = claimed;
        }
        for (sku, per_unit) in &item.bill {
            self.set_claim(
                id,
                line,
                sku,
                per_unit.times(units.units()),
                "no longer needed",
            )?;
        }
        Ok(())
    }

    fn claim_open(&self, order: OrderId, line: u32, sku: &Sku) -> Quantity {
        let key = ClaimKey {
            sku: sku.clone(),
            order,
            line,
        };
        self.book
            .claims
            .get(&key)
            .map(Claim::open)
            .unwrap_or_default()
    }

    /// Makes a claim hold exactly so many open units.
    fn set_claim(
        &mut self,
        id: OrderId,
        line: u32,
        sku: &Sku,
        target: Quantity,
        reason: &str,
    ) -> Result<(), Undecided> {
        let open = self.claim_open(id, line, sku);
        if open == target {
            return Ok(());
        }
        let is_expired = self.order(id)?.is_expired();
        self.change_claim(id, line, sku, |claim| {
            if target > open {
                claim.claimed = claim.claimed.plus(target.minus(open));
            } else if is_expired {
                claim.expired = claim.expired.plus(open.minus(target));
            } else {
                claim.released = claim.released.plus(open.minus(target));
            }
            claim.trim();
        })?;
        let sku = sku.clone();
        if target > open {
            self.record_for(
                id,
                Event::Claimed {
                    line,
                    sku,
                    units: target.minus(open),
                },
            );
        } else {
            let units = open.minus(target);
            let reason = if is_expired {
                "the payment deadline passed"
            } else {
                reason
            };
            let released = Event::Released {
                line,
                sku: sku.clone(),
                units,
                reason: reason.into(),
            };
            self.record_for(id, released);
            self.follow_ups.push(FollowUp::OfferToWaiting(sku));
        }
        Ok(())
    }

    /// The one place where a claim changes, together with the sums of its item.
    pub(super) fn change_claim(
        &mut self,
        id: OrderId,
        line: u32,
        sku: &Sku,
        change: impl FnOnce(&mut Claim),
    ) -> Result<(), Undecided> {
        let order = self.order(id)?;
        let fresh = Claim {
            order: id,
            line,
            sku: sku.clone(),
            account: order.account.clone(),
            placed_at: order.placed_at,
            claimed: Quantity::ZERO,
            released: Quantity::ZERO,
            expired: Quantity::ZERO,
            consumed: Quantity::ZERO,
            places: BTreeMap::new(),
        };
        let key = ClaimKey {
            sku: sku.clone(),
            order: id,
            line,
        };
        let claim = self.book.claims.entry(key).or_insert(fresh);
        let before = claim.clone();
        change(claim);
        let after = claim.clone();
        self.stock_of(sku).reclaim(Some(&before), &after);
        if after.pending() < before.pending() {
            self.offer_what_binding_frees(sku);
        }
        for (location, delta) in after.changes_since(&before) {
            let change = ClaimChange {
                id: ClaimChangeId::next(&mut self.ids),
                order: id,
                line,
                sku: sku.clone(),
                account: Some(after.account.clone()),
                location,
                delta,
                at: self.now(),
            };
            self.book.claim_changes.push(change);
        }
        Ok(())
    }

    /// What is pending may leave from any location of its account, so one of those that is below zero takes
    /// from all of them. Once it is bound, or has left, what lies at another may be free for those who
    /// wait, though no unit was given back.
    fn offer_what_binding_frees(&mut self, sku: &Sku) {
        let are_several = self.context.policy.locations.declared().len() > 1;
        let stock = self.stock_of(sku);
        if are_several && stock.missing.plus(stock.owed).is_positive() {
            self.follow_ups.push(FollowUp::OfferToWaiting(sku.clone()));
        }
    }

    pub(super) fn stock_of(&mut self, sku: &Sku) -> &mut Stock {
        let fresh = || Stock::unknown(sku.clone());
        self.book.stock.entry(sku.clone()).or_insert_with(fresh)
    }

    /// Records a movement and takes it into its item's stock.
    pub(super) fn move_stock(&mut self, step: Move<'_>) {
        let movement = Movement {
            id: MovementId::next(&mut self.ids),
            sku: step.sku.clone(),
            location: step.location.clone(),
            condition: step.condition,
            delta: step.delta,
            cause: step.cause,
            at: self.now(),
            happened_at: step.happened_at.filter(|at| *at < self.now()),
        };
        let stock = self.stock_of(step.sku);
        stock.apply(&movement);
        let counted_at = stock.counted_at.get(step.location).copied();
        let account = step
            .order
            .and_then(|id| self.book.orders.get(&id))
            .map(|o| o.account.clone());
        let event = Event::Moved {
            movement: movement.id,
            sku: movement.sku.clone(),
            location: movement.location.clone(),
            condition: movement.condition,
            delta: movement.delta,
            cause: movement.cause.clone(),
        };
        self.record(step.order, account.as_ref(), event);
        if step.delta.is_positive() && step.condition == Condition::Sellable {
            self.follow_ups
                .push(FollowUp::OfferToWaiting(step.sku.clone()));
        }
        let already_counted = counted_at.filter(|as_of| movement.happened() <= *as_of);
        let (order, delta) = (step.order, movement.delta);
        let is_left = matches!(movement.cause, Cause::Shipped { .. });
        let happened = movement.happened_at;
        self.book.movements.push(movement);
        if let (Some(as_of), Some(order), true) = (already_counted, order, is_left) {
            let cause = Cause::LeftBeforeCount { order, as_of };
            let back = Move::new(step.sku, step.location, delta.negated(), cause);
            self.move_stock(back.of(order).happened(happened));
        }
    }

    /// Units of a line have left: they use up the line's claims, or what lies there without one, and
    /// leave the shelf. Whoever was promised the same units later gives way.
    pub(super) fn consume(
        &mut self,
        id: OrderId,
        line: u32,
        units: Quantity,
        leaving: Leaving<'_>,
    ) -> Result<(), Undecided> {
        let Some(item) = self
            .order(id)?
            .line(line)
            .and_then(|line| line.item.clone())
        else {
            return Ok(());
        };
        for (sku, per_unit) in &item.bill {
            let left = per_unit.times(units.units());
            for (location, part) in self.sources(id, line, sku, left, leaving)? {
                let step = Move::new(
                    sku,
                    &location,
                    part.negated(),
                    Cause::Shipped { order: id, line },
                );
                self.move_stock(step.of(id).happened(leaving.at()));
                self.change_claim(id, line, sku, |claim| claim.leave(part, &location))?;
                let left_from = &mut super::snapshot::line_mut(self, id, line)?.left_from;
                let slot = left_from.entry(sku.clone()).or_default();
                let slot = slot.entry(location).or_default();
                *slot = slot.plus(part);
            }
            self.give_way(sku)?;
        }
        Ok(())
    }

    /// Units of a line had not left after all: they lie again where they lay.
    pub(super) fn bring_back(
        &mut self,
        id: OrderId,
        line: u32,
        units: Quantity,
    ) -> Result<(), Undecided> {
        let order = self.order(id)?;
        let home = self.context.policy.locations.home_of(&order.account);
        let home = home.unwrap_or(&self.context.policy.home).clone();
        let item = order.line(line).and_then(|line| line.item.clone());
        for (sku, per_unit) in item.iter().flat_map(|item| &item.bill) {
            let mut left = per_unit.times(units.units());
            let from = super::snapshot::line_mut(self, id, line)?
                .left_from
                .remove(sku)
                .unwrap_or_default();
            let mut rest = from.clone();
            let mut parts = Vec::new();
            for (location, lay) in from {
                let part = lay.min(left);
                left = left.minus(part);
                rest.insert(location.clone(), lay.minus(part));
                parts.push((location, part));
            }
            parts.push((home.clone(), left));
            rest.retain(|_, units| units.is_positive());
            if !rest.is_empty() {
                let left_from = &mut super::snapshot::line_mut(self, id, line)?.left_from;
                left_from.insert(sku.clone(), rest);
            }
            for (location, part) in parts.iter().filter(|(_, part)| part.is_positive()) {
                let cause = Cause::Voided { order: id, line };
                self.move_stock(Move::new(sku, location, *part, cause).of(id));
            }
        }
        Ok(())
    }

    /// Where units of a line leave from: where a person says, or the channel hands over; else where they
    /// are bound to, and the rest from where there is enough.
    fn sources(
        &self,
        id: OrderId,
        line: u32,
        sku: &Sku,
        left: Quantity,
        leaving: Leaving<'_>,
    ) -> Result<Vec<(LocationId, Quantity)>, Undecided> {
        let order = self.order(id)?;
        let locations = &self.context.policy.locations;
        match leaving {
            Leaving::From(location) => return Ok(vec![(location.clone(), left)]),
            Leaving::ByChannel(happened_at) => {
                if let Some(home) = locations.home_of(&order.account) {
                    return Ok(self.handed_over(order, sku, left, (home, happened_at)));
                }
            }
            Leaving::Usual => {}
        }
        let name = ClaimKey {
            sku: sku.clone(),
            order: id,
            line,
        };
        let bound = self.book.claims.get(&name);
        let mut sources: Vec<(LocationId, Quantity)> = Vec::new();
        let mut rest = left;
        for (location, units) in bound.iter().flat_map(|claim| &claim.places) {
            let part = rest.min(*units);
            rest = rest.minus(part);
            sources.push((location.clone(), part));
        }
        let free = |location: &LocationId| {
            let stock = self.book.stock.get(sku);
            stock.map(|stock| stock.free_at(location).or_zero())
        };
        let (order, may_all) = (self.order(id)?, matches!(leaving, Leaving::ByChannel(_)));
        let ranked = self.places_for(order, sku, may_all);
        let whole = ranked.iter().find(|at| free(at) >= Some(rest));
        let others = ranked.iter().filter(|at| Some(*at) != whole);
        for location in whole.into_iter().chain(others) {
            let part = rest.min(free(location).unwrap_or_default());
            rest = rest.minus(part);
            sources.push((location.clone(), part));
        }
        // More leaves than is known to lie anywhere.
        sources.push((self.context.policy.home.clone(), rest));
        sources.retain(|(_, part)| part.is_positive());
        Ok(sources)
    }

    /// Where units came from that were handed over somewhere: what was not known to lie there was brought
    /// from what else serves the account, though nobody said so; the rest came from nowhere that we know.
    /// What had left before the place was counted is not in the count, wherever it came from.
    fn handed_over(
        &self,
        order: &Order,
        sku: &Sku,
        left: Quantity,
        (home, happened_at): (&LocationId, Time),
    ) -> Vec<(LocationId, Quantity)> {
        let is_ours = |at: &LocationId| {
            let declared = self.context.policy.locations.get(at);
            declared.is_none_or(|one| one.kind != Kind::Channel)
        };
        let stock = self.book.stock.get(sku).filter(|_| is_ours(home));
        let stock = stock.filter(|stock| {
            let counted_at = stock.counted_at.get(home);
            counted_at.is_none_or(|as_of| *as_of < happened_at)
        });
        let Some(stock) = stock else {
            return vec![(home.clone(), left)];
        };
        let mut sources: Vec<(LocationId, Quantity)> = Vec::new();
        let mut rest = left;
        let mut take = |at: &LocationId, most: Quantity| {
            let part = rest.min(most.or_zero());
            rest = rest.minus(part);
            sources.push((at.clone(), part));
        };
        take(home, stock.on_hand_at(home));
        let others = self.places_for(order, sku, true);
        let others = || others.iter().filter(|at| *at != home && is_ours(at));
        others().for_each(|at| take(at, stock.free_at(at)));
        // It is gone all the same where it was bound to leave with another order.
        for at in others() {
            take(at, stock.on_hand_at(at).minus(stock.free_at(at).or_zero()));
        }
        sources.push((home.clone(), rest));
        sources.retain(|(_, part)| part.is_positive());
        sources
    }

    /// The locations from which units of an item may leave for an order, the best first.
    fn places_for(&self, order: &Order, sku: &Sku, may_all: bool) -> Vec<LocationId> {
        let locations = &self.context.policy.locations;
        let lying = self.book.stock.get(sku).map(Stock::locations);
        let mut ranked: Vec<LocationId> = lying
            .into_iter()
            .flatten()
            .filter(|at| locations.serves(at, &order.account))
            .filter(|at| may_all || locations.is_picked(at))
            .cloned()
            .collect();
        ranked.sort_by_key(|at| locations.rank(at, &self.context.policy.home));
        ranked
    }

    /// When more is promised than is there, the youngest claims are given back until it fits. Before that,
    /// units are set free that are bound to a location and could leave from elsewhere.
    pub(super) fn give_way(&mut self, sku: &Sku) -> Result<(), Undecided> {
        let fits = |desk: &Self| {
            let Some(stock) = desk.book.stock.get(sku) else {
                return true;
            };
            let is_enough = |at: &LocationId| stock.free_at(at) >= Quantity::ZERO;
            stock.allocated.keys().all(is_enough) && desk.excess(sku).is_none()
        };
        if fits(self) {
            return Ok(());
        }
        if !self.book.all_claims_of.contains(sku) {
            return Err(Undecided::NeedsClaims(vec![sku.clone()]));
        }
        let mut rivals: Vec<ClaimKey> = self
            .book
            .claims
            .iter()
            .filter(|(key, claim)| key.sku == *sku && claim.open().is_positive())
            .map(|(key, _)| key.clone())
            .collect();
        rivals.sort_by_key(|key| {
            let claim = self.book.claims.get(key);
            let age = (claim.map(|claim| claim.placed_at), key.order, key.line);
            // What somebody holds in their hands for an order is taken from it last.
            (self.is_in_hand(key), std::cmp::Reverse(age))
        });
        self.unbind_what_is_not_there(sku, &rivals)?;
        // Each round ends one excess or one claim of it, and none begins another.
        for _ in 0..rivals.len().saturating_mul(2).saturating_add(1) {
            let Some(excess) = self.excess(sku) else {
                return Ok(());
            };
            if !self.unbind_one(sku, &rivals, &excess)? && !self.take_back_one(&rivals, &excess)? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn excess(&self, sku: &Sku) -> Option<Excess> {
        let stock = self.book.stock.get(sku)?;
        self.context.policy.locations.excess(stock)
    }

    /// Units that are bound to a location where fewer lie are pending again, the youngest first.
    fn unbind_what_is_not_there(
        &mut self,
        sku: &Sku,
        rivals: &[ClaimKey],
    ) -> Result<(), Undecided> {
        let Some(stock) = self.book.stock.get(sku) else {
            return Ok(());
        };
        let bound: Vec<LocationId> = stock.allocated.keys().cloned().collect();
        for location in bound {
            for rival in rivals {
                let stock = self.book.stock.get(sku);
                let lacking = stock.map(|stock| stock.free_at(&location).negated());
                let lacking = lacking.unwrap_or_default().or_zero();
                if lacking.is_zero() {
                    break;
                }
                self.unbind(rival, lacking, &location, "fewer lie there now")?;
            }
        }
        Ok(())
    }

    /// Sets units free that are bound to a location within an excess, and could leave from without.
    fn unbind_one(
        &mut self,
        sku: &Sku,
        rivals: &[ClaimKey],
        excess: &Excess,
    ) -> Result<bool, Undecided> {
        let locations = &self.context.policy.locations;
        let found = rivals.iter().find_map(|rival| {
            let claim = self.book.claims.get(rival)?;
            let within = claim.places.keys().find(|at| locations.is_in(excess, at));
            let within = within.filter(|_| !locations.is_within(excess, &claim.account))?;
            Some((rival.clone(), within.clone()))
        });
        debug_assert!(found.iter().all(|(rival, _)| rival.sku == *sku));
        let Some((rival, location)) = found else {
            return Ok(false);
        };
        let because = "orders that can leave from nowhere else need what lies there";
        self.unbind(&rival, excess.units, &location, because)?;
        Ok(true)
    }

    /// Makes units pending again that are bound to a location.
    pub(super) fn unbind(
        &mut self,
        rival: &ClaimKey,
        units: Quantity,
        location: &LocationId,
        because: &str,
    ) -> Result<(), Undecided> {
        let bound = self.book.claims.get(rival).map(|claim| &claim.places);
        let bound = bound.and_then(|places| places.get(location)).copied();
        let units = bound.unwrap_or_default().min(units);
        if !units.is_positive() {
            return Ok(());
        }
        let (order, line, sku) = (rival.order, rival.line, rival.sku.clone());
        self.change_claim(order, line, &sku, |claim| {
            claim.unbind(units, location);
        })?;
        let location = location.clone();
        let unbound = Event::Unbound {
            line,
            sku,
            location,
            units,
            because: Some(because.to_owned()),
        };
        self.record_for(order, unbound);
        Ok(())
    }

    /// Has the youngest claim give way that can leave from nowhere but where too much is promised.
    fn take_back_one(&mut self, rivals: &[ClaimKey], excess: &Excess) -> Result<bool, Undecided> {
        let locations = &self.context.policy.locations;
        let found = rivals.iter().find(|rival| {
            let claim = self.book.claims.get(rival);
            claim.is_some_and(|claim| {
                claim.open().is_positive() && locations.is_within(excess, &claim.account)
            })
        });
        let Some(rival) = found else {
            return Ok(false);
        };
        let open = self.book.claims.get(rival).map(Claim::open);
        self.take_back(
            rival,
            excess.units,
            "fewer are there now than were promised",
        )?;
        Ok(self.book.claims.get(rival).map(Claim::open) != open)
    }

    /// Gives back as many whole units of a line as free at least `excess` of one of its items.
    pub(super) fn take_back(
        &mut self,
        rival: &ClaimKey,
        excess: Quantity,
        reason: &str,
    ) -> Result<(), Undecided> {
        let order = self.order(rival.order)?;
        let Some(item) = order.line(rival.line).and_then(|line| line.item.clone()) else {
            return Ok(());
        };
        let per_unit = item
            .bill
            .get(&rival.sku)
            .copied()
            .unwrap_or(Quantity::of(1));
        let claimed = self.book.claimed_units(order, rival.line);
        let rounded_up = excess.plus(per_unit).minus(Quantity::of(1)).units();
        let units = rounded_up
            .checked_div(per_unit.units())
            .unwrap_or(0)
            .min(claimed.units());
        let kept = claimed.units().saturating_sub(units);
        for (sku, per_unit) in &item.bill {
            self.set_claim(rival.order, rival.line, sku, per_unit.times(kept), reason)?;
        }
        Ok(())
    }
}
