//! A copy of the stock of an order's items, in which units are given locations to see how it goes.

use std::collections::BTreeMap;

use crate::{
    AccountId, Quantity, Sku,
    book::{Book, ClaimKey},
    locations::Locations,
    order::Order,
    stock::{LocationId, Stock},
};

use super::{Ask, Part, Unplaced};

/// How units are given locations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Units of a line as a whole: all that a kit holds leaves together.
    Whole,
    /// Each item on its own.
    Loose,
}

/// Units of a line that wait for a location.
#[derive(Clone, Debug)]
pub(super) struct Need {
    pub(super) line: u32,
    pub(super) takes: Vec<Take>,
}

/// How much of an item waits for a line.
#[derive(Clone, Debug)]
pub(super) struct Take {
    pub(super) sku: Sku,
    pub(super) per_unit: Quantity,
    pub(super) pending: Quantity,
    pub(super) scale: u8,
}

impl Need {
    /// Whole units of the line that wait.
    fn whole(&self) -> i64 {
        let units = self.takes.iter();
        let units = units.map(|take| units_of(take.pending, take.per_unit));
        units.min().unwrap_or(0)
    }
}

/// Whole units of a line for which so much of an item is enough.
fn units_of(quantity: Quantity, per_unit: Quantity) -> i64 {
    let units = quantity.or_zero().units().checked_div(per_unit.units());
    units.unwrap_or(0)
}

#[derive(Clone, Debug)]
pub(super) struct Trial<'a> {
    pub(super) account: &'a AccountId,
    pub(super) stock: BTreeMap<Sku, Stock>,
    pub(super) needs: Vec<Need>,
    pub(super) parts: Vec<Part>,
    pub(super) freed: Vec<Part>,
    /// Where units of the order leave from already.
    pub(super) bound: Vec<LocationId>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(book: &Book, order: &'a Order, ask: Ask<'_>) -> Trial<'a> {
        let mut trial = Trial {
            account: &order.account,
            stock: BTreeMap::new(),
            needs: Vec::new(),
            parts: Vec::new(),
            freed: Vec::new(),
            bound: Vec::new(),
        };
        for line in &order.lines {
            let mut takes = Vec::new();
            for (sku, per_unit) in line.item.iter().flat_map(|item| &item.bill) {
                let key = ClaimKey {
                    sku: sku.clone(),
                    order: order.id,
                    line: line.number,
                };
                let (Some(claim), Some(stock)) = (book.claims.get(&key), book.stock.get(sku))
                else {
                    continue;
                };
                trial.bound.extend(claim.places.keys().cloned());
                if ask.line.is_some_and(|only| only != line.number) {
                    continue;
                }
                let stock = trial
                    .stock
                    .entry(sku.clone())
                    .or_insert_with(|| stock.clone());
                let mut pending = claim.pending();
                let elsewhere = claim.places.iter();
                let elsewhere =
                    elsewhere.filter(|(from, _)| ask.at.is_some_and(|named| named != *from));
                for (from, units) in elsewhere {
                    stock.allocate(&order.account, units.negated(), from);
                    pending = pending.plus(*units);
                    trial.freed.push(Part {
                        line: line.number,
                        sku: sku.clone(),
                        location: from.clone(),
                        units: *units,
                    });
                }
                if pending.is_positive() {
                    takes.push(Take {
                        sku: sku.clone(),
                        per_unit: *per_unit,
                        pending,
                        scale: book.items.get(sku).map_or(0, |item| item.scale),
                    });
                }
            }
            if !takes.is_empty() {
                let line = line.number;
                trial.needs.push(Need { line, takes });
            }
        }
        trial
    }

    /// How much of each item waits for a location, with its decimals.
    pub(super) fn needed(&self) -> BTreeMap<Sku, (Quantity, u8)> {
        let mut needed: BTreeMap<Sku, (Quantity, u8)> = BTreeMap::new();
        for take in self.needs.iter().flat_map(|need| &need.takes) {
            let slot = needed.entry(take.sku.clone()).or_default();
            *slot = (slot.0.plus(take.pending), take.scale);
        }
        needed.retain(|_, (units, _)| units.is_positive());
        needed
    }

    /// How much of an item may leave from there for the account.
    pub(super) fn can_send(&self, sku: &Sku, at: &LocationId, locations: &Locations) -> Quantity {
        let stock = self.stock.get(sku);
        stock.map_or(Quantity::ZERO, |stock| {
            locations.allocatable(stock, self.account, at)
        })
    }

    /// What stays without a location: whole units of lines, or all items.
    pub(super) fn left(&self, manner: Manner) -> i64 {
        let each = self.needs.iter().map(|need| match manner {
            Manner::Whole => need.whole(),
            Manner::Loose => {
                let pending = need.takes.iter().map(|take| take.pending.units());
                pending.fold(0, i64::saturating_add)
            }
        });
        each.fold(0, i64::saturating_add)
    }

    /// Gives units the locations in this order: lines that one of them can take as a whole first.
    pub(super) fn fill(&mut self, at: &[&LocationId], manner: Manner, locations: &Locations) {
        match manner {
            Manner::Whole => {
                for index in 0..self.needs.len() {
                    let all = self.needs.get(index).map_or(0, Need::whole);
                    let takes_all = |at: &&&LocationId| self.whole_at(index, at, locations) >= all;
                    if let Some(at) = at.iter().find(takes_all).filter(|_| all > 0) {
                        self.take_whole(index, at, all);
                    }
                }
                for place in at {
                    for index in 0..self.needs.len() {
                        let units = self.whole_at(index, place, locations);
                        self.take_whole(index, place, units);
                    }
                }
            }
            Manner::Loose => {
                for place in at {
                    for index in 0..self.needs.len() {
                        self.take_loose(index, place, locations);
                    }
                }
            }
        }
    }

    /// Whole units of a line that may leave from there.
    fn whole_at(&self, index: usize, at: &LocationId, locations: &Locations) -> i64 {
        let Some(need) = self.needs.get(index) else {
            return 0;
        };
        let each = need.takes.iter().map(|take| {
            let can = self.can_send(&take.sku, at, locations).min(take.pending);
            units_of(can, take.per_unit)
        });
        each.min().unwrap_or(0)
    }

    fn take_whole(&mut self, index: usize, at: &LocationId, units: i64) {
        let count = self.needs.get(index).map_or(0, |need| need.takes.len());
        for which in 0..count {
            let take = self.needs.get(index).and_then(|need| need.takes.get(which));
            let units = take.map(|take| take.per_unit.times(units));
            self.take(index, which, at, units.unwrap_or_default());
        }
    }

    fn take_loose(&mut self, index: usize, at: &LocationId, locations: &Locations) {
        let count = self.needs.get(index).map_or(0, |need| need.takes.len());
        for which in 0..count {
            let take = self.needs.get(index).and_then(|need| need.takes.get(which));
            let units = take.map(|take| {
                let can = self.can_send(&take.sku, at, locations);
                can.min(take.pending)
            });
            self.take(index, which, at, units.unwrap_or_default());
        }
    }

    fn take(&mut self, index: usize, which: usize, at: &LocationId, units: Quantity) {
        let need = self.needs.get_mut(index);
        let Some(need) = need.filter(|_| units.is_positive()) else {
            return;
        };
        let line = need.line;
        let Some(take) = need.takes.get_mut(which) else {
            return;
        };
        take.pending = take.pending.minus(units);
        let sku = take.sku.clone();
        if let Some(stock) = self.stock.get_mut(&sku) {
            stock.allocate(self.account, units, at);
        }
        let same = |part: &&mut Part| part.line == line && part.sku == sku && part.location == *at;
        match self.parts.iter_mut().find(same) {
            Some(part) => part.units = part.units.plus(units),
            None => self.parts.push(Part {
                line,
                sku,
                location: at.clone(),
                units,
            }),
        }
    }

    /// What has found no location.
    pub(super) fn unplaced(&self) -> Vec<Unplaced> {
        let each = self.needs.iter().flat_map(|need| {
            let pending = need.takes.iter().filter(|take| take.pending.is_positive());
            pending.map(|take| Unplaced {
                line: need.line,
                sku: take.sku.clone(),
                units: take.pending,
            })
        });
        each.collect()
    }
}
