//! Settling claims: what an order may count on, and who gives way when there is too little.

use crate::{
    Quantity, Sku,
    book::ClaimKey,
    fact::Event,
    ids::{ClaimChangeId, MovementId, OrderId},
    stock::{Cause, Claim, ClaimChange, Condition, LocationId, Movement, Stock},
};

use super::{Desk, FollowUp, Undecided};

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
        let units = if target <= claimed {
            target
        } else {
            let free = item.bill.iter().map(|(sku, per_unit)| {
                let stock = self.book.stock.get(sku);
                let free = stock.map(Stock::sellable).unwrap_or_default().or_zero();
                let own = self.claim_open(id, line, sku);
                free.plus(own)
                    .units()
                    .checked_div(per_unit.units())
                    .unwrap_or(0)
            });
            let units = free.min().and_then(|units| Quantity::new(units).ok());
            units.unwrap_or(target).min(target).max(claimed)
        };
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
    fn change_claim(
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
            location: None,
        };
        let key = ClaimKey {
            sku: sku.clone(),
            order: id,
            line,
        };
        let claim = self.book.claims.entry(key).or_insert(fresh);
        let before = claim.clone();
        change(claim);
        assert!(
            claim.open() >= Quantity::ZERO,
            "claim of {id} line {line} on {sku} below zero"
        );
        let after = claim.clone();
        self.stock_of(sku).reclaim(Some(&before), &after);
        for (location, delta) in after.changes_since(&before) {
            let change = ClaimChange {
                id: ClaimChangeId::next(&mut self.ids),
                order: id,
                line,
                sku: sku.clone(),
                location,
                delta,
                at: self.now(),
            };
            self.book.claim_changes.push(change);
        }
        Ok(())
    }

    fn stock_of(&mut self, sku: &Sku) -> &mut Stock {
        let fresh = || Stock::unknown(sku.clone());
        self.book.stock.entry(sku.clone()).or_insert_with(fresh)
    }

    /// Records a movement and takes it into its item's stock.
    pub(super) fn move_stock(
        &mut self,
        order: Option<OrderId>,
        sku: &Sku,
        location: &LocationId,
        delta: Quantity,
        cause: Cause,
    ) {
        let movement = Movement {
            id: MovementId::next(&mut self.ids),
            sku: sku.clone(),
            location: location.clone(),
            condition: Condition::Sellable,
            delta,
            cause,
            at: self.now(),
        };
        self.stock_of(sku).apply(&movement);
        let account = order
            .and_then(|id| self.book.orders.get(&id))
            .map(|o| o.account.clone());
        let event = Event::Moved {
            movement: movement.id,
            sku: sku.clone(),
            location: location.clone(),
            delta,
            cause: movement.cause.clone(),
        };
        self.record(order, account.as_ref(), event);
        self.book.movements.push(movement);
        if delta.is_positive() {
            self.follow_ups.push(FollowUp::OfferToWaiting(sku.clone()));
        }
    }

    /// Units of a line have left: they use up the line's claims, or what lies there without one, and
    /// leave the shelf. Whoever was promised the same units later gives way.
    pub(super) fn consume(
        &mut self,
        id: OrderId,
        line: u32,
        units: Quantity,
        location: &LocationId,
    ) -> Result<(), Undecided> {
        let Some(item) = self
            .order(id)?
            .line(line)
            .and_then(|line| line.item.clone())
        else {
            return Ok(());
        };
        for (sku, per_unit) in &item.bill {
            let leaving = per_unit.times(units.units());
            let cause = Cause::Shipped { order: id, line };
            self.move_stock(Some(id), sku, location, leaving.negated(), cause);
            self.change_claim(id, line, sku, |claim| {
                let unclaimed = leaving.minus(claim.open()).or_zero();
                claim.claimed = claim.claimed.plus(unclaimed);
                claim.consumed = claim.consumed.plus(leaving);
            })?;
            self.give_way(sku)?;
        }
        Ok(())
    }

    /// When more is promised than is there, the youngest claims are given back until it fits.
    pub(super) fn give_way(&mut self, sku: &Sku) -> Result<(), Undecided> {
        let over = |desk: &Self| {
            let stock = desk.book.stock.get(sku);
            stock.map_or(Quantity::ZERO, |stock| stock.sellable().negated().or_zero())
        };
        if over(self).is_zero() {
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
            std::cmp::Reverse((claim.map(|claim| claim.placed_at), key.order, key.line))
        });
        for rival in rivals {
            let excess = over(self);
            if excess.is_zero() {
                break;
            }
            self.take_back(&rival, excess, "the units left with another order")?;
        }
        Ok(())
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
