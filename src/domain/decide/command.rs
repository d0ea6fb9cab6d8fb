//! What people want: adjust, map, ship, cancel, refund, hold, release, and try again.

use crate::{
    Decimal, Money, Quantity, Sku,
    fact::Event,
    ids::{IntentId, OrderId, RefundId},
    intent::{Intent, IntentState, Wish},
    item::Item,
    locations::Kind,
    order::{Hold, Order, Phase, SHIPPED_RESTS},
    payment,
    quantity::NotAQuantity,
    signal::{Change, Command},
    snapshot::PaymentState,
    stock::{Cause, Condition, LocationId, Stock},
};

use super::{
    Desk, Refusal, Undecided, Verdict, claims::Move, counts, delivery, drift, edits, erase,
    fulfill, incidents, issue, manual, mapping, moves, notes, offers, places, push, return_refunds,
    returns, ship, snapshot, tell,
};

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each command, and most of them are a call"
)]
pub(super) fn carry_out(desk: &mut Desk<'_>, command: &Command) -> Result<Verdict, Undecided> {
    match command {
        Command::Adjust {
            sku,
            location,
            condition,
            change,
            reason,
            by,
        } => adjust(desk, sku, (location, *condition), *change, reason, by),
        Command::Transfer(asked) => moves::transfer(desk, asked),
        Command::Expect {
            sku,
            units,
            location,
            due,
            reference,
            by,
        } => moves::expect(desk, (sku, *units), location, *due, (reference, by)),
        Command::Receive(asked) => moves::receive(desk, asked),
        Command::GiveUp {
            sku,
            arrival,
            reason,
        } => moves::give_up(desk, sku, *arrival, reason),
        Command::Sort(asked) => moves::sort(desk, asked),
        Command::OpenCount { .. } | Command::EnterCount { .. } | Command::CloseCount { .. } => {
            counts::carry_out(desk, command)
        }
        Command::SetItem(item) => set_item(desk, item),
        Command::Place(asked) => manual::place(desk, asked),
        Command::Pay { order, payment } => manual::pay(desk, *order, payment),
        Command::Deliver { order, step, by } => delivery::carry_out(desk, *order, step, by),
        Command::Return { order, step, by } => returns::carry_out(desk, *order, step, by),
        Command::Fulfill { order, step, by } => fulfill::carry_out(desk, *order, step, by),
        Command::Issue { order, asked } => issue::issue(desk, *order, asked),
        Command::MapLine { order, line, sku } => map_line(desk, *order, *line, sku),
        Command::MapListing {
            account,
            named,
            sku,
            by,
        } => mapping::map_listing(desk, account, named, sku.as_ref(), by),
        Command::Ship { .. } => ship::ship(desk, command),
        Command::Allocate {
            order,
            line,
            location,
            by,
        } => places::allocate(desk, *order, *line, location.as_ref(), by),
        Command::Unallocate { order, line, by } => places::unallocate(desk, *order, *line, by),
        Command::Cancel {
            order,
            lines,
            reason,
        } => cancel_some(desk, *order, lines, reason),
        Command::Refund {
            order,
            amount,
            lines,
            reason,
            of_return,
        } => match of_return {
            Some(of) => return_refunds::refund(desk, *order, (*amount, lines), *of, reason),
            None => refund(desk, *order, *amount, lines, reason).map(|_| Verdict::New),
        },
        Command::Hold {
            order,
            reason,
            by,
            until,
            keeps_claim,
            ask,
        } => {
            let since = desk.now();
            desk.order_mut(*order)?.holds.push(Hold {
                reason: reason.clone(),
                owner: by.clone(),
                since,
                until: *until,
                keeps_claim: *keeps_claim,
                released_at: None,
                released_by: None,
                asked: None,
            });
            let placed = Event::HoldPlaced {
                reason: reason.clone(),
                owner: by.clone(),
            };
            desk.record_for(*order, placed);
            if let Some(notice) = ask {
                desk.ask(*order, reason, notice)?;
            }
            desk.settle_claims(*order)?;
            Ok(Verdict::New)
        }
        Command::Note { order, text, by } => notes::add(desk, *order, text, by),
        Command::Evidence { order, by } => notes::witness(desk, *order, by),
        Command::Release { order, by } => release(desk, *order, by),
        Command::Erase { order, by } => erase::ask(desk, *order, by),
        Command::ResolveIncident {
            incident,
            way,
            by,
            note,
        } => incidents::resolve(desk, *incident, way, by, note.as_deref()),
        Command::Lift {
            account,
            listing,
            by,
        } => offers::lift(desk, &(account.clone(), listing.clone()), by),
        Command::Tell { order, notice } => tell::send(desk, *order, notice),
        Command::DropIntent { intent, by } => tell::drop_intent(desk, *intent, by),
        Command::RetryIntent { intent } => push::retry_intent(desk, *intent),
        Command::SettleDrift {
            drift: id,
            right,
            by,
        } => drift::settle(desk, *id, *right, by),
        Command::LetGo {
            account,
            side,
            listings,
            right,
            by,
        } => drift::let_go(desk, account, *side, listings, (*right, by)),
        Command::ConfirmZeroes { account, shown_at } => {
            Ok(drift::confirm_zeroes(desk, account, *shown_at))
        }
        Command::LiftBreaker { account, side, by } => drift::lift(desk, account, *side, by),
        Command::RetryPush { account, listing } => {
            push::retry_push(desk, &(account.clone(), listing.clone()))
        }
    }
}

/// The payment deadline has passed: the order keeps its place but not its stock.
pub(super) fn expire(desk: &mut Desk<'_>, id: OrderId) -> Result<Verdict, Undecided> {
    let now = desk.now();
    let order = desk.order_mut(id)?;
    if order.is_payable() || order.expired_at.is_some() || order.is_withdrawn() {
        return Ok(Verdict::Nothing);
    }
    order.expired_at = Some(now);
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

/// Nothing is expected of it any more: it was delivered, or canceled with nothing owed.
pub(super) fn close(desk: &mut Desk<'_>, id: OrderId) -> Result<Verdict, Undecided> {
    let now = desk.now();
    let is_waited_for = desk
        .book
        .intents
        .values()
        .any(|intent| intent.order == id && intent.is_open());
    let order = desk.order(id)?;
    let phase = order.phase(desk.book.is_short(order));
    let is_done = match phase {
        Phase::Canceled | Phase::Delivered => true,
        // Hardly a channel tells that something arrived, so what left is done some day. When it comes back
        // after all, the channel's next view opens it again.
        Phase::Shipped | Phase::InDelivery => delivery::last_news(order).plus(SHIPPED_RESTS) <= now,
        _ => false,
    };
    if is_waited_for || !is_done {
        return Ok(Verdict::Nothing);
    }
    edits::change(
        desk,
        id,
        "closed_at",
        |order| &mut order.closed_at,
        Some(now),
    )?;
    Ok(Verdict::New)
}

fn adjust(
    desk: &mut Desk<'_>,
    sku: &Sku,
    (location, condition): (&LocationId, Condition),
    change: Change,
    reason: &str,
    by: &str,
) -> Result<Verdict, Undecided> {
    let item = known_item(desk, sku)?;
    if !item.is_stocked() {
        return refuse(Refusal::NotStocked(sku.clone()));
    }
    refuse_unless_known(desk, location)?;
    let read = |decimal: Decimal| {
        let quantity = decimal.to_quantity(item.scale);
        quantity.map_err(|source| Undecided::Refused(Refusal::Quantity { line: 0, source }))
    };
    let here = desk
        .book
        .stock
        .get(sku)
        .map(|stock| stock.lying(location, condition))
        .unwrap_or_default();
    let delta = match change {
        Change::By(delta) => read(delta)?,
        Change::To(target) => match read(target)? {
            target if target < Quantity::ZERO => {
                let source = NotAQuantity::BelowZero;
                return refuse(Refusal::Quantity { line: 0, source });
            }
            target => target.minus(here),
        },
    };
    refuse_beyond(desk, &item, delta)?;
    let cause = Cause::Adjustment {
        reason: reason.to_owned(),
        by: by.to_owned(),
    };
    desk.move_stock(Move::new(sku, location, delta, cause).in_condition(condition));
    desk.follow_ups
        .push(super::FollowUp::OfferToWaiting(sku.clone()));
    desk.give_way(sku)?;
    Ok(Verdict::New)
}

/// Refuses what no shelf holds: added up, it would be beyond what listings can say, and they would show
/// nothing.
pub(super) fn refuse_beyond(
    desk: &Desk<'_>,
    item: &Item,
    gained: Quantity,
) -> Result<(), Undecided> {
    let most = Quantity::plausible_max(item.scale);
    let stock = desk.book.stock.get(&item.sku);
    let there = stock.map(Stock::everything).unwrap_or_default();
    if gained <= most && gained >= most.negated() && there.plus(gained.or_zero()) <= most {
        return Ok(());
    }
    let unit = 10_i64.saturating_pow(u32::from(item.scale));
    refuse(Refusal::Quantity {
        line: 0,
        source: NotAQuantity::Implausible {
            most: most.units() / unit,
        },
    })
}

fn set_item(desk: &mut Desk<'_>, item: &Item) -> Result<Verdict, Undecided> {
    if let Err(refusal) = item.check(&desk.book.items) {
        return refuse(refusal.into());
    }
    let known = desk.book.items.get(&item.sku);
    if known == Some(item) {
        return Ok(Verdict::Duplicate);
    }
    if let Some(known) = known {
        let changes_unit = known.scale != item.scale || known.is_stocked() != item.is_stocked();
        let is_counted = desk
            .book
            .stock
            .get(&item.sku)
            .is_some_and(|stock| stock.is_counted);
        let is_sold = desk
            .book
            .taken
            .iter()
            .any(|((_, sku), taken)| *sku == item.sku && taken.open.is_positive());
        if changes_unit && (is_counted || is_sold) {
            return refuse(Refusal::ItemInUse(item.sku.clone()));
        }
    }
    desk.book.items.insert(item.sku.clone(), item.clone());
    desk.record(
        None,
        None,
        Event::ItemSet {
            sku: item.sku.clone(),
        },
    );
    mapping::map_waiting_lines(desk)?;
    desk.follow_ups.push(super::FollowUp::MapWaiting);
    Ok(Verdict::New)
}

fn map_line(
    desk: &mut Desk<'_>,
    order: OrderId,
    line: u32,
    sku: &Sku,
) -> Result<Verdict, Undecided> {
    let item = known_item(desk, sku)?;
    if snapshot::line_mut(desk, order, line)?.item.is_some() {
        return Ok(Verdict::Duplicate);
    }
    snapshot::set_line_item(desk, order, line, &item)?;
    desk.settle_claims(order)?;
    Ok(Verdict::New)
}

/// Units that a person named by line, added up, in the items' own unit.
pub(super) fn named_units(
    order: &Order,
    asked: &[(u32, Decimal)],
) -> Result<Vec<(u32, Quantity)>, Undecided> {
    let mut named: Vec<(u32, Quantity)> = Vec::new();
    for (number, units) in asked {
        let no_line = Refusal::NoLine {
            order: order.id,
            line: *number,
        };
        let line = order.line(*number).ok_or(Undecided::Refused(no_line))?;
        let units = units.to_quantity(line.scale);
        let units = units.and_then(|units| match units.is_positive() {
            true => Ok(units),
            false => Err(NotAQuantity::NotPositive),
        });
        let units = units.map_err(|source| Refusal::Quantity {
            line: *number,
            source,
        })?;
        match named.iter_mut().find(|(line, _)| line == number) {
            Some((_, sum)) => *sum = sum.plus(units),
            None => named.push((*number, units)),
        }
    }
    Ok(named)
}

/// A location that is ours and serves the order's account.
pub(super) fn refuse_unless_ours(
    desk: &Desk<'_>,
    id: OrderId,
    location: &LocationId,
) -> Result<(), Undecided> {
    refuse_unless_known(desk, location)?;
    let order = desk.order(id)?;
    let locations = &desk.context.policy.locations;
    if !locations.serves(location, &order.account) {
        return refuse(Refusal::NotServed {
            location: location.clone(),
            account: order.account.clone(),
        });
    }
    if locations
        .get(location)
        .is_some_and(|at| at.kind == Kind::Channel)
    {
        return refuse(Refusal::ChannelOwned(location.clone()));
    }
    Ok(())
}

/// Where locations are declared, stock lies at one of them.
pub(super) fn refuse_unless_known(desk: &Desk<'_>, location: &LocationId) -> Result<(), Undecided> {
    let locations = &desk.context.policy.locations;
    if locations.knows(location) {
        return Ok(());
    }
    let known = locations.declared().iter().map(|one| one.id.clone());
    refuse(Refusal::NoLocation {
        location: location.clone(),
        known: known.collect(),
    })
}

fn cancel_some(
    desk: &mut Desk<'_>,
    id: OrderId,
    lines: &[(u32, Decimal)],
    reason: &str,
) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    let is_by_hand = manual::is_by_hand(desk, &order.account);
    if lines.is_empty() {
        return cancel(desk, id, reason);
    }
    if order.is_withdrawn() {
        return Ok(Verdict::Duplicate);
    }
    if !is_by_hand {
        return refuse(Refusal::CannotCancelUnits {
            reason: "a channel cancels whole orders; cancel the units there, or refund them",
        });
    }
    manual::cancel(desk, id, lines)
}

pub(super) fn cancel(desk: &mut Desk<'_>, id: OrderId, reason: &str) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    if order.is_withdrawn() {
        return Ok(Verdict::Duplicate);
    }
    if order
        .lines
        .iter()
        .any(|line| line.counters.shipped_net().is_positive())
    {
        return refuse(Refusal::AlreadyShipped);
    }
    fulfill::refuse_when_labeled(order)?;
    fulfill::refuse_when_any_is_asked(desk, id)?;
    if manual::is_by_hand(desk, &order.account) {
        return manual::cancel(desk, id, &[]);
    }
    let is_under_way = desk.book.intents.values().any(|intent| {
        intent.order == id
            && matches!(intent.wish, Wish::CancelOrder { .. })
            && matches!(intent.state, IntentState::Waiting)
    });
    if is_under_way {
        return refuse(Refusal::UnderWay);
    }
    wish(
        desk,
        id,
        Wish::CancelOrder {
            reason: reason.to_owned(),
        },
    )?;
    Ok(Verdict::New)
}

pub(super) fn refund(
    desk: &mut Desk<'_>,
    id: OrderId,
    amount: Money,
    lines: &[(u32, Quantity)],
    reason: &str,
) -> Result<Option<IntentId>, Undecided> {
    let order = desk.order(id)?;
    let asked: i64 = desk
        .book
        .intents
        .values()
        .filter(|intent| intent.order == id && intent.is_open())
        .filter_map(|intent| match &intent.wish {
            Wish::Refund { amount, .. } => Some(amount.minor()),
            Wish::PushShipment { .. }
            | Wish::CancelOrder { .. }
            | Wish::Capture { .. }
            | Wish::Message { .. }
            | Wish::BuyLabel { .. }
            | Wish::VoidLabel { .. } => None,
        })
        .fold(0, i64::saturating_add);
    let left = most_paid(order)
        .saturating_sub(order.refunded.minor())
        .saturating_sub(asked);
    if amount.currency() != order.currency || amount.minor() <= 0 || amount.minor() > left {
        let most = Money::from_minor(left.max(0), order.currency);
        let most = most.map_or_else(|error| error.to_string(), |most| most.to_string());
        return refuse(Refusal::RefundTooLarge(most));
    }
    if let Some((line, _)) = lines.iter().find(|(line, _)| order.line(*line).is_none()) {
        return refuse(Refusal::NoLine {
            order: id,
            line: *line,
        });
    }
    if manual::is_by_hand(desk, &order.account) {
        manual::refund(desk, id, amount, reason)?;
        return Ok(None);
    }
    let refund = RefundId::next(&mut desk.ids);
    let (lines, reason) = (lines.to_vec(), reason.to_owned());
    let intent = wish(
        desk,
        id,
        Wish::Refund {
            refund,
            amount,
            lines,
            reason,
        },
    )?;
    Ok(Some(intent))
}

/// What was paid at most, in minor units: what never came cannot be given back.
fn most_paid(order: &Order) -> i64 {
    if !order.payments.is_empty() {
        return payment::Sums::of(&order.payments).taken;
    }
    match order.payment {
        PaymentState::Pending | PaymentState::Voided => 0,
        PaymentState::Authorized
        | PaymentState::PartPaid
        | PaymentState::Paid
        | PaymentState::PartRefunded
        | PaymentState::Refunded
        | PaymentState::Unmapped(_) => order.total.minor(),
    }
}

fn release(desk: &mut Desk<'_>, id: OrderId, by: &str) -> Result<Verdict, Undecided> {
    let now = desk.now();
    let mut reasons = Vec::new();
    for hold in &mut desk.order_mut(id)?.holds {
        if hold.released_at.is_none() {
            hold.released_at = Some(now);
            hold.released_by = Some(by.to_owned());
            reasons.push(hold.reason.clone());
        }
    }
    if reasons.is_empty() {
        return refuse(Refusal::NotHeld);
    }
    for reason in reasons {
        desk.record_for(
            id,
            Event::HoldReleased {
                reason,
                by: by.to_owned(),
            },
        );
    }
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

/// Makes a wish durable, in the same commit as what it follows from.
pub(super) fn wish(desk: &mut Desk<'_>, id: OrderId, wish: Wish) -> Result<IntentId, Undecided> {
    let order = desk.order(id)?;
    let (account, external_id) = (order.account.clone(), order.external_id.clone());
    let intent = IntentId::next(&mut desk.ids);
    let made_at = desk.now();
    let event = Event::IntentMade {
        intent,
        wish: push::describe(&wish),
        is_elsewhere: wish.gateway().is_some(),
    };
    desk.record_for(id, event);
    let row = Intent {
        id: intent,
        account,
        order: id,
        external_id,
        wish,
        made_at,
        tries: 0,
        next_at: made_at,
        is_ambiguous: false,
        sent_at: None,
        last: String::new(),
        state: IntentState::Waiting,
    };
    desk.book.intents.insert(intent, row);
    Ok(intent)
}

pub(super) fn known_item(desk: &Desk<'_>, sku: &Sku) -> Result<Item, Undecided> {
    let item = desk.book.items.get(sku).cloned();
    item.ok_or_else(|| Undecided::Refused(Refusal::NoItem(sku.clone())))
}

pub(super) fn refuse<T>(refusal: Refusal) -> Result<T, Undecided> {
    Err(Undecided::Refused(refusal))
}
