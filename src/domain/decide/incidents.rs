//! Opening, explaining and closing incidents, and the way out that a person chooses.
//!
//! At the end of each decision the lines of all orders in the book are looked at once: what is missing
//! and has no incident opens one, what is not missing any more closes it. What went back and forth
//! within a decision is nobody's concern.

use crate::{
    Money, Quantity, Sku, Time,
    book::ClaimKey,
    fact::{Counter, Event},
    ids::{IncidentId, OrderId},
    incident::{Choice, Ending, Incident, Rival, Way, Why, elsewhere, unsorted},
    offer::{Offer, Told},
    order::{Line, Order},
};

use super::{Desk, Refusal, Undecided, Verdict, command};

impl Desk<'_> {
    /// Opens, changes and closes the incidents of all orders in the book, by line and item, so that each
    /// missing unit is in exactly one.
    pub(super) fn settle_incidents(&mut self) {
        let lines: Vec<(OrderId, u32)> = self
            .book
            .orders
            .values()
            .flat_map(|order| order.lines.iter().map(|line| (order.id, line.number)))
            .collect();
        for (order, line) in lines {
            self.settle_line_incidents(order, line);
        }
    }

    fn settle_line_incidents(&mut self, id: OrderId, number: u32) {
        let Some(order) = self.book.orders.get(&id) else {
            return;
        };
        let Some(line) = order.line(number) else {
            return;
        };
        let Some(item) = line.item.clone() else {
            return;
        };
        let missing = self.book.lacking_units(order, number);
        let ending = self.ending(order, line);
        // What was never counted is unknown, and nobody can say that it is missing; nor what else a kit
        // lacks then.
        let is_counted = item.bill.keys().all(|sku| {
            let stock = self.book.stock.get(sku);
            stock.is_some_and(|stock| stock.is_counted)
        });
        let mut is_over = false;
        for (sku, per_unit) in &item.bill {
            let key = ClaimKey {
                sku: sku.clone(),
                order: id,
                line: number,
            };
            let is_open = self
                .book
                .incidents
                .get(&key)
                .is_some_and(|known| known.closed_at.is_none());
            let is = if is_counted {
                per_unit.times(missing.units())
            } else {
                Quantity::ZERO
            };
            if is.is_positive() && is_open {
                self.change_incident(&key, is);
            } else if is.is_positive() {
                self.open_incident(key, is);
            } else if is_open {
                self.close_incident(&key, ending);
                is_over = true;
            }
        }
        let is_whole = self
            .book
            .orders
            .get(&id)
            .is_some_and(|order| self.book.missing_units(order, number).is_zero());
        if is_over && is_whole && ending == Ending::Covered {
            self.record_for(id, Event::Covered { line: number });
        }
    }

    fn open_incident(&mut self, key: ClaimKey, missing: Quantity) {
        let Some(order) = self.book.orders.get(&key.order) else {
            return;
        };
        let (account, why) = (order.account.clone(), self.why(order, &key));
        let id = IncidentId::next(&mut self.ids);
        let (line, sku) = (key.line, key.sku.clone());
        let incident = Incident {
            id,
            order: key.order,
            line,
            sku: sku.clone(),
            account,
            missing,
            opened_at: self.now(),
            why: why.clone(),
            choice: None,
            closed_at: None,
            ending: None,
        };
        self.record_short(&key, missing);
        self.miss(&key.sku, missing);
        let opened = Event::IncidentOpened {
            incident: id,
            line,
            sku,
            units: missing,
            why,
        };
        self.record_for(key.order, opened);
        self.book.incidents.insert(key, incident);
    }

    fn change_incident(&mut self, key: &ClaimKey, missing: Quantity) {
        let Some(incident) = self.book.incidents.get_mut(key) else {
            return;
        };
        if incident.missing != missing {
            let delta = missing.minus(incident.missing);
            incident.missing = missing;
            self.record_short(key, missing);
            self.miss(&key.sku, delta);
        }
    }

    /// The one place where what is missing in all incidents of an item changes.
    fn miss(&mut self, sku: &Sku, delta: Quantity) {
        let stock = self.stock_of(sku);
        // A row from before there was such a sum may say less.
        stock.missing = stock.missing.plus(delta).or_zero();
        if delta < Quantity::ZERO {
            self.offer_room(sku);
        }
    }

    fn close_incident(&mut self, key: &ClaimKey, ending: Ending) {
        let now = self.now();
        let Some(incident) = self.book.incidents.get_mut(key) else {
            return;
        };
        incident.closed_at = Some(now);
        incident.ending = Some(ending);
        let was_missing = incident.missing;
        let closed = Event::IncidentClosed {
            incident: incident.id,
            sku: key.sku.clone(),
            ending,
        };
        self.record_for(key.order, closed);
        self.miss(&key.sku, was_missing.negated());
    }

    fn record_short(&mut self, key: &ClaimKey, units: Quantity) {
        let (line, sku) = (key.line, key.sku.clone());
        self.record_for(key.order, Event::Short { line, sku, units });
    }

    /// How it ends for a line, if it does: by what this decision did to it.
    pub(super) fn ending(&self, order: &Order, line: &Line) -> Ending {
        let has_counted = |which: Counter| {
            self.book.facts.iter().any(|fact| {
                let Event::Counted {
                    line: of, counter, ..
                } = &fact.event
                else {
                    return false;
                };
                fact.order == Some(order.id) && *of == line.number && *counter == which
            })
        };
        let is_owed_now = self.book.facts.iter().any(|fact| {
            let is_line = |number: &u32| *number == line.number;
            let owed = matches!(&fact.event, Event::Owed { line, .. } if is_line(line));
            owed && fact.order == Some(order.id)
        });
        if is_owed_now {
            Ending::Owed
        } else if order.is_withdrawn() {
            Ending::Canceled
        } else if order.is_expired() {
            Ending::Expired
        } else if order.hold_drops_claim() {
            Ending::Held
        } else if has_counted(Counter::Canceled) {
            Ending::Canceled
        } else if has_counted(Counter::Shipped) {
            Ending::Shipped
        } else {
            Ending::Covered
        }
    }

    /// What explains that units are missing. The offers in the book are those from before this decision.
    fn why(&self, order: &Order, key: &ClaimKey) -> Why {
        if let Some(broken) = self.broken.get(&(order.id, key.line)) {
            return broken.clone();
        }
        let is_ours = |fact: &&crate::fact::Fact| fact.order == Some(order.id);
        let has_lost = self.book.facts.iter().filter(is_ours).any(|fact| {
            let Event::Released { line, sku, .. } = &fact.event else {
                return false;
            };
            *line == key.line && *sku == key.sku
        });
        if has_lost {
            return Why::GaveWay;
        }
        let gave_up = order.expired_at.is_some() || order.holds.iter().any(|h| !h.keeps_claim);
        let had = order
            .line(key.line)
            .map_or(Quantity::ZERO, |line| line.gave_up);
        if gave_up && had > self.book.claimed_units(order, key.line) {
            return Why::CameBack;
        }
        let is_new = order.accepted_at == self.now();
        // What gave its stock up and is missing units that it never had misses them since it was placed.
        let (sold_at, known_at) = if is_new || gave_up {
            (order.placed_at, order.accepted_at)
        } else {
            (order.version.changed_at, self.now())
        };
        let offer = order.line(key.line).and_then(|line| self.sold(order, line));
        let Some((offer, wanted)) = offer.and_then(|offer| Some((offer, offer.wanted?))) else {
            return Why::Unknown;
        };
        if gave_up && wanted.at > order.accepted_at {
            // Its level was decided anew since, and what it was then is not known any more.
            return Why::Unknown;
        }
        // What it showed before it sold this: that sale is taken off what we believe already.
        let shown = offer.believed.filter(|_| is_new).map(|believed| {
            let is_off = order.version.changed_at >= believed.at;
            let own = order.line(key.line).filter(|_| is_off);
            let own = own.map(|line| line.subtracted).unwrap_or_default();
            believed.quantity.plus(own)
        });
        let news = News {
            sold_at,
            known_at,
            shown,
        };
        explain(offer, wanted, &news)
    }

    /// The offer of the listing that was sold: the one that is named, else the only one of the item.
    fn sold(&self, order: &Order, line: &Line) -> Option<&Offer> {
        let named = line
            .listing
            .clone()
            .and_then(|listing| self.book.offers.get(&(order.account.clone(), listing)));
        let sku: Option<&Sku> = line.item.as_ref().map(|item| &item.sku);
        named.or_else(|| {
            let mut of_item = self
                .book
                .offers
                .values()
                .filter(|offer| offer.account == order.account && Some(&offer.sku) == sku);
            of_item.next()
        })
    }
}

/// What is known of a sale that should not have been.
struct News {
    sold_at: Time,
    known_at: Time,
    shown: Option<Quantity>,
}

/// What the state of an offer, as it was before the sale was known, says about it.
fn explain(offer: &Offer, wanted: Told, news: &News) -> Why {
    let &News {
        sold_at,
        known_at,
        shown,
    } = news;
    if sold_at < wanted.at {
        return Why::LateNews { sold_at, known_at };
    }
    let listing = offer.listing.clone();
    // Whether it is due now may be because of this very sale.
    let was_due = offer.due_since.is_some() || offer.is_held_back();
    // The level was read after the sale and before the order was known: it agreed because of it.
    let was_due_then = offer
        .was_due
        .filter(|due| due.since <= sold_at && sold_at <= due.until && !was_due);
    if let Some(due) = was_due_then {
        return Why::LatePush {
            listing,
            wanted: wanted.quantity,
            shown: None,
            since: due.since,
            until: Some(due.until),
            sold_at,
        };
    }
    let taken = offer
        .acknowledged
        .filter(|told| told.quantity == wanted.quantity && told.at >= wanted.at && !was_due)
        .map(|told| told.at);
    if was_due || taken.is_some_and(|taken| taken > sold_at) {
        return Why::LatePush {
            listing,
            wanted: wanted.quantity,
            shown: shown.filter(|_| was_due),
            since: offer.due_since.unwrap_or(wanted.at).max(wanted.at),
            until: taken,
            sold_at,
        };
    }
    Why::BeyondShown {
        listing,
        shown,
        sold_at,
    }
}

/// Carries out the way that a person chose, as far as it is ours to do, and notes it.
pub(super) fn resolve(
    desk: &mut Desk<'_>,
    id: IncidentId,
    way: &Way,
    by: &str,
    note: Option<&str>,
) -> Result<Verdict, Undecided> {
    let open = desk
        .book
        .incidents
        .iter()
        .find(|(_, incident)| incident.id == id && incident.closed_at.is_none());
    let Some((key, incident)) = open.map(|(key, incident)| (key.clone(), incident.clone())) else {
        return command::refuse(Refusal::IncidentOver { incident: id });
    };
    let is_chosen = incident
        .choice
        .as_ref()
        .is_some_and(|choice| choice.way == *way);
    match way {
        Way::Wait | Way::Transfer | Way::Sort | Way::Split | Way::Substitute if is_chosen => {
            return Ok(Verdict::Duplicate);
        }
        Way::Wait | Way::Substitute => {}
        Way::Transfer | Way::Sort | Way::Split => can_help(desk, &incident, way)?,
        Way::TakeFrom { order } => take_from(desk, &incident, *order)?,
        Way::CancelUnits { amount } => cancel_units(desk, &incident, *amount)?,
        Way::CancelOrder => {
            let reason = "sold and not there";
            command::cancel(desk, incident.order, reason)?;
        }
    }
    let choice = Choice {
        way: way.clone(),
        by: by.to_owned(),
        note: note.map(str::to_owned),
        at: desk.now(),
        rule: None,
    };
    note_choice(desk, &key, id, choice);
    Ok(Verdict::New)
}

/// Refuses a way that nothing is there for: noted all the same, it would keep the policy from acting.
fn can_help(desk: &Desk<'_>, incident: &Incident, way: &Way) -> Result<(), Undecided> {
    let locations = &desk.context.policy.locations;
    let (stock, account) = (desk.book.stock.get(&incident.sku), &incident.account);
    let reason = match way {
        Way::Transfer => stock
            .and_then(|stock| elsewhere(stock, locations, account))
            .is_none()
            .then_some("no location that does not serve the account has free units"),
        Way::Sort => stock
            .and_then(|stock| unsorted(stock, locations, account))
            .is_none()
            .then_some("no units wait for a check where the account is served"),
        Way::Split => {
            let order = desk.order(incident.order)?;
            let has_left = |line: &Line| line.counters.shipped_net().is_positive();
            let is_there = |line: &Line| {
                let missing = desk.book.missing_units(order, line.number);
                line.counters.wanted().minus(missing).is_positive()
            };
            if order.lines.iter().any(has_left) {
                Some("a part of the order has been shipped already")
            } else if !order.lines.iter().any(is_there) {
                Some("all of the order is missing")
            } else {
                None
            }
        }
        Way::Wait
        | Way::Substitute
        | Way::TakeFrom { .. }
        | Way::CancelUnits { .. }
        | Way::CancelOrder => None,
    };
    match reason {
        Some(reason) => command::refuse(Refusal::NoHelp {
            way: way.clone(),
            reason,
        }),
        None => Ok(()),
    }
}

/// Notes what was chosen, in the incident and in the timeline of its order.
pub(super) fn note_choice(desk: &mut Desk<'_>, key: &ClaimKey, id: IncidentId, choice: Choice) {
    let chosen = Event::WayChosen {
        incident: id,
        way: choice.way.clone(),
        by: choice.by.clone(),
        note: choice.note.clone(),
    };
    if let Some(incident) = desk.book.incidents.get_mut(key) {
        incident.choice = Some(choice);
    }
    desk.record_for(key.order, chosen);
}

/// Gives units of a younger order that is not paid to the one that lacks them.
pub(super) fn take_from(
    desk: &mut Desk<'_>,
    incident: &Incident,
    from: OrderId,
) -> Result<(), Undecided> {
    let cannot = |reason| {
        command::refuse(Refusal::NotGivingWay {
            order: from,
            reason,
        })
    };
    let placed_at = desk.order(incident.order)?.placed_at;
    let other = desk.order(from)?;
    if from == incident.order {
        return cannot("it is the order that lacks them");
    }
    let (is_paid, other_placed_at) = (other.is_payable(), other.placed_at);
    let mut claims: Vec<(ClaimKey, Quantity)> = desk
        .book
        .claims
        .iter()
        .filter(|(key, _)| key.order == from && key.sku == incident.sku)
        .map(|(key, claim)| (key.clone(), claim.open()))
        .collect();
    let rival = Rival {
        order: from,
        units: claims.iter().map(|(_, open)| *open).sum(),
        placed_at: other_placed_at,
        is_paid,
    };
    if !rival.units.is_positive() {
        return cannot("it was promised none of the item");
    }
    if !rival.may_give_way_to(placed_at) {
        return cannot("only an order that is younger and not paid gives way");
    }
    // Its last line gives way first.
    claims.reverse();
    let mut wanted = incident.missing;
    for (key, open) in claims {
        let part = wanted.min(open);
        if part.is_positive() {
            desk.take_back(&key, part, "a person gave the units to an older order")?;
            wanted = wanted.minus(part);
        }
    }
    desk.settle_claims(incident.order)
}

/// Wishes the money for the missing units back on the channel, which takes them off the order there.
fn cancel_units(desk: &mut Desk<'_>, incident: &Incident, amount: Money) -> Result<(), Undecided> {
    let cannot = |reason| command::refuse(Refusal::CannotCancelUnits { reason });
    let order = desk.order(incident.order)?;
    let missing = desk.book.missing_units(order, incident.line);
    let line = order.line(incident.line);
    let ordered = line.map(|line| line.counters.to_ship_first());
    if missing > ordered.unwrap_or_default() {
        return cannot(
            "they leave in place of others, and the channel sold none of them; drop what is sent again, and give the \
             money back",
        );
    }
    let covered: Quantity = order
        .lines
        .iter()
        .map(|line| {
            let wanted = line.counters.wanted();
            wanted.minus(desk.book.missing_units(order, line.number))
        })
        .sum();
    if !order.is_payable() {
        return cannot("nothing was paid for them; wait, or cancel the order");
    }
    if !covered.is_positive() {
        return cannot("all of the order is missing; cancel the order");
    }
    let lines = [(incident.line, missing)];
    let reason = "sold and not there";
    command::refund(desk, incident.order, amount, &lines, reason)?;
    Ok(())
}
