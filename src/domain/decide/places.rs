//! Giving promised units a location to leave from, and taking it back.
//!
//! At the end of each decision the orders in the book that can be shipped are given locations, where the
//! admin wants that. An order whose locations a person took back is left alone until a person chooses.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Quantity, Sku,
    allocation::{self, Ask, Plan, Terms, When},
    book::ClaimKey,
    fact::Event,
    fulfillment::{FulfillmentRefusal, Task, TaskLine},
    ids::OrderId,
    order::{Order, Phase},
    stock::{Claim, LocationId},
};

use super::{
    Desk, Refusal, Undecided, Verdict,
    command::{refuse, refuse_unless_ours},
};

impl Desk<'_> {
    /// Chooses locations for the orders in the book that can be shipped, the oldest first.
    pub(super) fn settle_places(&mut self) -> Result<(), Undecided> {
        let is_one_place = self.context.policy.locations.declared().len() < 2;
        if self.context.policy.allocation.when == When::ByHand || is_one_place {
            return Ok(());
        }
        let waiting = self.book.orders.values();
        let waiting = waiting.filter(|order| self.waits_for_places(order));
        let mut waiting: Vec<_> = waiting.map(|order| (order.placed_at, order.id)).collect();
        waiting.sort_unstable();
        for (_, id) in waiting {
            self.place_pending(id)?;
        }
        Ok(())
    }

    /// Chooses where what is pending leaves from; where something was not found comes last.
    fn place_pending(&mut self, id: OrderId) -> Result<(), Undecided> {
        self.route(id)?;
        let plan = self.plan(id, Ask::default())?;
        self.place(id, &plan, None)?;
        let is_left = !plan.unplaced.is_empty();
        if is_left && !std::mem::take(&mut self.order_mut(id)?.not_found_at).is_empty() {
            let plan = self.plan(id, Ask::default())?;
            self.place(id, &plan, None)?;
        }
        Ok(())
    }

    /// Has an order leave from where a rule says, where all of it can; else as usual.
    fn route(&mut self, id: OrderId) -> Result<(), Undecided> {
        let order = self.order(id)?;
        let (Some(to), Some(rule)) = (order.route.clone(), &order.routed_by) else {
            return Ok(());
        };
        if order.not_found_at.contains(&to) {
            return Ok(());
        }
        let by = format!("the rule \"{rule}\"");
        let ask = Ask {
            line: None,
            at: Some(&to),
        };
        let plan = self.plan(id, ask)?;
        let is_whole = plan.unplaced.is_empty() && plan.freed.is_empty();
        match is_whole {
            true => self.place(id, &plan, Some(&by)),
            false => Ok(()),
        }
    }

    fn waits_for_places(&self, order: &Order) -> bool {
        if order.unplaced_by.is_some() || !self.claims_of(order, None).any(|c| is_pending(&c)) {
            return false;
        }
        match order.phase(self.book.is_short(order)) {
            Phase::Ready | Phase::PartShipped | Phase::Fulfilling => true,
            Phase::Canceled
            | Phase::Closed
            | Phase::Exception
            | Phase::AfterSales
            | Phase::Delivered
            | Phase::InDelivery
            | Phase::Shipped
            | Phase::Held
            | Phase::Short
            | Phase::AwaitingPayment
            | Phase::NeedsMapping
            | Phase::Received => false,
        }
    }

    /// The claims of an order, or of one of its lines.
    fn claims_of(
        &self,
        order: &Order,
        line: Option<u32>,
    ) -> impl Iterator<Item = (ClaimKey, &Claim)> {
        let lines = order.lines.iter();
        let lines = lines.filter(move |one| line.is_none_or(|number| number == one.number));
        let keys = lines.flat_map(move |line| {
            let bill = line.item.iter().flat_map(|item| item.bill.keys());
            bill.map(move |sku| ClaimKey {
                sku: sku.clone(),
                order: order.id,
                line: line.number,
            })
        });
        keys.filter_map(|key| {
            let claim = self.book.claims.get(&key)?;
            Some((key, claim))
        })
    }

    fn plan(&self, id: OrderId, ask: Ask<'_>) -> Result<Plan, Undecided> {
        let terms = Terms {
            locations: &self.context.policy.locations,
            home: &self.context.policy.home,
            prefer: &self.context.policy.allocation.prefer,
        };
        Ok(allocation::plan(&self.book, self.order(id)?, ask, terms))
    }

    /// Does what a plan says.
    fn place(&mut self, id: OrderId, plan: &Plan, by: Option<&str>) -> Result<(), Undecided> {
        for part in &plan.freed {
            let key = ClaimKey {
                sku: part.sku.clone(),
                order: id,
                line: part.line,
            };
            let because = match by {
                Some(by) => format!("{by} chose another location"),
                None => "another location was chosen".to_owned(),
            };
            self.unbind(&key, part.units, &part.location, &because)?;
        }
        for part in &plan.parts {
            let (line, units, location) = (part.line, part.units, part.location.clone());
            self.change_claim(id, line, &part.sku, |claim| {
                claim.allocate(units, &location);
            })?;
            let because = match by {
                Some(by) => format!("{by} chose it"),
                None => plan.because(&location),
            };
            let sku = part.sku.clone();
            let allocated = Event::Allocated {
                line,
                sku,
                location,
                units,
                because,
            };
            self.record_for(id, allocated);
        }
        Ok(())
    }
}

fn is_pending((_, claim): &(ClaimKey, &Claim)) -> bool {
    claim.pending().is_positive()
}

/// A person has locations chosen, or names one.
pub(super) fn allocate(
    desk: &mut Desk<'_>,
    id: OrderId,
    line: Option<u32>,
    location: Option<&LocationId>,
    by: &str,
) -> Result<Verdict, Undecided> {
    refuse_unless_lined(desk, id, line)?;
    if let Some(location) = location {
        refuse_unless_ours(desk, id, location)?;
    }
    refuse_while_worked_on(desk, id, line)?;
    let order = desk.order(id)?;
    let is_promised = |(_, claim): (ClaimKey, &Claim)| claim.open().is_positive();
    if !desk.claims_of(order, line).any(is_promised) {
        return refuse(Refusal::NothingPromised(id));
    }
    let ask = Ask { line, at: location };
    let plan = desk.plan(id, ask)?;
    match (location, plan.unplaced.first()) {
        (Some(location), Some(lacking)) => {
            return refuse_not_free(desk, &plan, location, &lacking.sku);
        }
        (None, Some(_)) if plan.parts.is_empty() => return refuse(Refusal::NoPlace(id)),
        (_, _) => {}
    }
    let order = desk.order_mut(id)?;
    let was_unplaced = order.unplaced_by.take().is_some();
    // Whoever names a place has looked there.
    if let Some(location) = location {
        order.not_found_at.remove(location);
    }
    if plan.parts.is_empty() && !was_unplaced {
        return Ok(Verdict::Duplicate);
    }
    desk.place(id, &plan, location.map(|_| by))?;
    Ok(Verdict::New)
}

/// Units that are to leave from a named location, and not all can.
fn refuse_not_free(
    desk: &Desk<'_>,
    plan: &Plan,
    location: &LocationId,
    sku: &Sku,
) -> Result<Verdict, Undecided> {
    let parts = plan.parts.iter().filter(|part| part.sku == *sku);
    let free: Quantity = parts.map(|part| part.units).sum();
    let lacking = plan.unplaced.iter().filter(|part| part.sku == *sku);
    let lacking: Quantity = lacking.map(|part| part.units).sum();
    let scale = desk.book.items.get(sku).map_or(0, |item| item.scale);
    refuse(Refusal::NotFree {
        sku: sku.clone(),
        location: location.clone(),
        free: free.to_decimal(scale),
        asked: free.plus(lacking).to_decimal(scale),
    })
}

/// A person takes the locations of an order back, or those of one of its lines.
pub(super) fn unallocate(
    desk: &mut Desk<'_>,
    id: OrderId,
    line: Option<u32>,
    by: &str,
) -> Result<Verdict, Undecided> {
    refuse_unless_lined(desk, id, line)?;
    refuse_while_worked_on(desk, id, line)?;
    let order = desk.order(id)?;
    let mut bound: Vec<(ClaimKey, LocationId, Quantity)> = Vec::new();
    for (key, claim) in desk.claims_of(order, line) {
        let places = claim.places.iter();
        bound.extend(places.map(|(at, units)| (key.clone(), at.clone(), *units)));
    }
    if bound.is_empty() {
        return Ok(Verdict::Duplicate);
    }
    let because = format!("{by} took it back");
    for (key, at, units) in &bound {
        desk.unbind(key, *units, at, &because)?;
    }
    desk.order_mut(id)?.unplaced_by = Some(by.to_owned());
    for (key, _, _) in &bound {
        desk.give_way(&key.sku)?;
    }
    Ok(Verdict::New)
}

fn refuse_unless_lined(desk: &Desk<'_>, id: OrderId, line: Option<u32>) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    match line {
        Some(line) if order.line(line).is_none() => refuse(Refusal::NoLine { order: id, line }),
        Some(_) | None => Ok(()),
    }
}

/// Units in somebody's hands have a place.
fn refuse_while_worked_on(
    desk: &Desk<'_>,
    id: OrderId,
    line: Option<u32>,
) -> Result<(), Undecided> {
    let is_meant = |part: &TaskLine| line.is_none_or(|number| number == part.line);
    let is_under_work = |task: &&Task| {
        let mut parts = task.lines.iter().filter(|part| is_meant(part));
        task.is_open() && parts.any(|part| part.to_leave().is_positive())
    };
    match desk.order(id)?.tasks.iter().find(is_under_work) {
        Some(task) => refuse(FulfillmentRefusal::UnderWork(task.location.clone()).into()),
        None => Ok(()),
    }
}

/// Whole units of lines that are bound to leave from a location, where others of the order leave from
/// elsewhere: what a parcel from there holds when nobody says.
pub(super) fn bound_there(
    desk: &Desk<'_>,
    id: OrderId,
    at: &LocationId,
) -> Option<Vec<(u32, Quantity)>> {
    let order = desk.book.orders.get(&id)?;
    let is_elsewhere = |(_, claim): (ClaimKey, &Claim)| claim.places.keys().any(|one| one != at);
    if !desk.claims_of(order, None).any(is_elsewhere) {
        return None;
    }
    let parcel = whole_units_at(desk, order, at).into_iter();
    let parcel: Vec<(u32, Quantity)> = parcel.filter(|(_, units)| units.is_positive()).collect();
    (!parcel.is_empty()).then_some(parcel)
}

/// How many whole units of each line are bound to leave from a location.
pub(super) fn whole_units_at(
    desk: &Desk<'_>,
    order: &Order,
    at: &LocationId,
) -> BTreeMap<u32, Quantity> {
    let whole = order.lines.iter().map(|line| {
        let bill = line.item.iter().flat_map(|item| &item.bill);
        let units = bill.map(|(sku, per_unit)| {
            let key = ClaimKey {
                sku: sku.clone(),
                order: order.id,
                line: line.number,
            };
            let places = desk.book.claims.get(&key).map(|claim| &claim.places);
            let bound = places.and_then(|places| places.get(at)).copied();
            let units = bound.unwrap_or_default().units();
            units.checked_div(per_unit.units()).unwrap_or(0)
        });
        let units = Quantity::new(units.min().unwrap_or(0));
        (line.number, units.unwrap_or_default())
    });
    whole.collect()
}

/// The locations that units of an order are bound to.
pub(super) fn bound_places(desk: &Desk<'_>, order: &Order) -> BTreeSet<LocationId> {
    let claims = desk.claims_of(order, None);
    let places = claims.flat_map(|(_, claim)| claim.places.keys().cloned());
    places.collect()
}

/// Units of an order that are promised and bound to no location.
pub(super) fn has_pending(desk: &Desk<'_>, order: &Order) -> bool {
    desk.claims_of(order, None).any(|claim| is_pending(&claim))
}

/// Binds what is pending of an order to a location, or to those that are chosen for it.
pub(super) fn bind_pending(
    desk: &mut Desk<'_>,
    id: OrderId,
    at: Option<&LocationId>,
    by: &str,
) -> Result<(), Undecided> {
    let Some(location) = at else {
        return desk.place_pending(id);
    };
    let plan = desk.plan(id, Ask { line: None, at })?;
    match (plan.parts.is_empty(), plan.unplaced.first()) {
        (true, Some(lacking)) => refuse_not_free(desk, &plan, location, &lacking.sku).map(|_| ()),
        (_, _) => desk.place(id, &plan, Some(by)),
    }
}
