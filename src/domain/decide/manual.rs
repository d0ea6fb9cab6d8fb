//! Orders that people enter here: by phone, over a counter without a till, from a file.
//!
//! No channel knows of them, so nobody else decides about them: what a person says is so at once, and nothing
//! is told to anybody. Apart from that they are orders like all others.

use crate::{
    AccountId, Decimal, ExternalId, Money,
    book::NUMBERS_BEGIN_AFTER,
    fact::Event,
    ids::{OrderId, PaymentId},
    order::{Amounts, Order},
    payment::{self, Method, Payment, Step, Sums},
    placement::{NewPayment, PlacedLine, Placement, PlacementRefusal},
    signal::Source,
    snapshot::{LineSnapshot, OrderSnapshot, PaymentState, Standing, Version},
};

use super::{Desk, Refusal, Undecided, Verdict, command::refuse, edits, snapshot, unclear};

/// Takes an order in. The same one again changes nothing; another one under its reference replaces it only
/// when that is said.
pub(super) fn place(desk: &mut Desk<'_>, asked: &Placement) -> Result<Verdict, Undecided> {
    refuse_unless_by_hand(desk, &asked.account)?;
    let known = asked.reference.as_ref().and_then(|reference| {
        let mut orders = desk.book.orders.values();
        orders
            .find(|order| order.account == asked.account && order.external_id == *reference)
            .cloned()
    });
    let view = view_of(desk, asked, known.as_ref())?;
    if let Some(known) = &known {
        let is_same = known.fingerprint == snapshot::fingerprint(&view) && known.pays == asked.pays;
        if is_same {
            return Ok(Verdict::Duplicate);
        }
        if !asked.replaces {
            return refuse(Refusal::ReferenceUsed {
                reference: known.external_id.to_string(),
                order: known.id,
            });
        }
    }
    for one in &asked.payments {
        refuse_other_currency(asked.currency(), one.amount)?;
    }
    let verdict = snapshot::take_in(desk, &asked.account, &view, Source::Read)?;
    let mut orders = desk.book.orders.values();
    let placed = orders
        .find(|order| order.account == asked.account && order.external_id == view.external_id);
    let Some(id) = placed.map(|order| order.id) else {
        return Ok(verdict);
    };
    match known {
        None => desk.order_mut(id)?.pays = asked.pays,
        Some(_) => edits::change(desk, id, "pays", |order| &mut order.pays, asked.pays)?,
    }
    let by = asked.by.clone();
    match known {
        None => desk.record_for(id, Event::OrderEntered { by }),
        Some(_) => desk.record_for(id, Event::OrderReplaced { by }),
    }
    if known.is_none() {
        for one in &asked.payments {
            add_payment(desk, id, one)?;
        }
    }
    settle_money(desk, id)?;
    Ok(Verdict::New)
}

/// What a channel would say of it.
fn view_of(
    desk: &mut Desk<'_>,
    asked: &Placement,
    known: Option<&Order>,
) -> Result<OrderSnapshot, Undecided> {
    let now = desk.now();
    let sum = asked.sum().map_err(Refusal::Placement)?;
    let currency = asked.currency();
    let zero = Money::zero(currency);
    let lines = asked.lines.iter().zip(1_u32..);
    let lines = lines.map(|(line, number)| line_of(line, number, known));
    let lines = lines.collect::<Result<Vec<LineSnapshot>, PlacementRefusal>>();
    let (external_id, number) = match (&asked.reference, known) {
        (Some(reference), Some(known)) => (reference.clone(), known.number.clone()),
        (Some(reference), None) => (reference.clone(), reference.to_string()),
        (None, _) => {
            let number = next_number(desk, &asked.account);
            (ExternalId::new(&*number), number)
        }
    };
    Ok(OrderSnapshot {
        external_id,
        number,
        version: Version {
            revision: known.map_or(1, |known| known.version.revision.saturating_add(1)),
            changed_at: now,
        },
        placed_at: asked
            .placed_at
            .or(known.map(|known| known.placed_at))
            .unwrap_or(now),
        standing: Standing::Placed,
        // Its payments say how it stands.
        payment: PaymentState::Pending,
        words: std::collections::BTreeMap::new(),
        currency,
        total: sum,
        tax: asked.tax,
        shipping: asked.shipping,
        discount: asked.discount,
        refunded: zero,
        buyer: asked.buyer.clone(),
        ship_to: asked.ship_to.clone(),
        bill_to: asked.bill_to.clone(),
        lines: lines.map_err(Refusal::Placement)?,
        note: asked.note.clone(),
        ship_by: asked.ship_by,
        deliver_by: None,
        risk: None,
        person_print: asked.person_print,
        // Its total is what its parts make.
        extra: None,
        gist: asked.gist.clone(),
    })
}

/// A line as a channel would show it; what has left of it stays as it is.
fn line_of(
    asked: &PlacedLine,
    number: u32,
    known: Option<&Order>,
) -> Result<LineSnapshot, PlacementRefusal> {
    let external_id = ExternalId::new(number.to_string());
    let known = known.and_then(|order| {
        let mut lines = order.lines.iter();
        lines.find(|line| line.external_id == external_id)
    });
    let sku_of_known = known.and_then(|line| line.channel_sku.as_deref());
    if known.is_some() && sku_of_known != asked.sku.as_deref() {
        return Err(PlacementRefusal::OtherItem(number));
    }
    let total = asked.total(number)?;
    let units = |pick: fn(&crate::order::Counters) -> crate::Quantity| {
        known.map_or(Decimal::ZERO, |line| {
            pick(&line.counters).to_decimal(line.scale)
        })
    };
    Ok(LineSnapshot {
        external_id,
        sku: asked.sku.clone(),
        listing: None,
        title: asked.title.clone(),
        ordered: asked.units,
        canceled: Decimal::ZERO,
        shipped: units(crate::order::Counters::shipped_net),
        returned: units(|counters| counters.returned),
        subtracted: Decimal::ZERO,
        unit_price: asked.price,
        total,
        tax: asked.tax.unwrap_or(Money::zero(total.currency())),
        requires_shipping: asked.requires_shipping,
    })
}

/// The book knows the last number after which the next one is free.
fn next_number(desk: &mut Desk<'_>, account: &AccountId) -> String {
    let last = desk.book.numbers.entry(account.clone());
    let last = last.or_insert(NUMBERS_BEGIN_AFTER);
    *last = last.saturating_add(1);
    last.to_string()
}

/// Adds a payment to an order.
pub(super) fn pay(
    desk: &mut Desk<'_>,
    id: OrderId,
    asked: &NewPayment,
) -> Result<Verdict, Undecided> {
    let order = desk.order(id)?;
    let (account, currency) = (order.account.clone(), order.currency);
    refuse_unless_by_hand(desk, &account)?;
    refuse_other_currency(currency, asked.amount)?;
    add_payment(desk, id, asked)?;
    settle_money(desk, id)?;
    Ok(Verdict::New)
}

fn add_payment(desk: &mut Desk<'_>, id: OrderId, asked: &NewPayment) -> Result<(), Undecided> {
    let (payment_id, now) = (PaymentId::next(&mut desk.ids), desk.now());
    let order = desk.order_mut(id)?;
    payment::check(&order.payments, asked.step, asked.amount).map_err(Refusal::Payment)?;
    let at = asked.at.unwrap_or(now);
    order.payments.push(Payment {
        id: payment_id,
        step: asked.step,
        method: asked.method,
        amount: asked.amount,
        reference: asked.reference.clone(),
        at,
        by: asked.by.clone(),
    });
    let event = Event::PaymentRecorded {
        payment: payment_id,
        step: asked.step,
        method: asked.method,
        amount: asked.amount,
        at,
        by: asked.by.clone(),
    };
    desk.record_for(id, event);
    Ok(())
}

/// Lets an order stand as its payments say.
fn settle_money(desk: &mut Desk<'_>, id: OrderId) -> Result<(), Undecided> {
    let order = desk.order(id)?;
    let could_leave = order.is_payable();
    let sums = Sums::of(&order.payments);
    let state = sums.state(order.total.minor());
    let refunded = Money::from_minor(sums.given_back, order.currency);
    let refunded = refunded
        .map_err(|error| Refusal::Payment(payment::PaymentRefusal::Sum(error.to_string())))?;
    edits::change(desk, id, "payment", |order| &mut order.payment, state)?;
    edits::change(desk, id, "refunded", |order| &mut order.refunded, refunded)?;
    // What is paid after all, or again to be shipped, is not done.
    edits::reopen(desk, id)?;
    edits::promise(desk, id, could_leave)?;
    unclear::hold(desk, id)?;
    desk.settle_claims(id)
}

/// Gives money back for an order that no channel knows: by the means by which the last of it came.
pub(super) fn refund(
    desk: &mut Desk<'_>,
    id: OrderId,
    amount: Money,
    reason: &str,
) -> Result<Verdict, Undecided> {
    let payments = desk.order(id)?.payments.iter().rev();
    let mut came = payments.filter(|one| matches!(one.step, Step::Paid | Step::Captured));
    let method = came.next().map_or(Method::Other, |one| one.method);
    let asked = NewPayment {
        step: Step::Refunded,
        method,
        amount,
        reference: reason.to_owned(),
        at: None,
        by: snapshot::OURSELVES.to_owned(),
    };
    pay(desk, id, &asked)
}

/// Cancels an order that no channel knows, or some units of it.
pub(super) fn cancel(
    desk: &mut Desk<'_>,
    id: OrderId,
    lines: &[(u32, Decimal)],
) -> Result<Verdict, Undecided> {
    if lines.is_empty() {
        snapshot::withdraw(desk, id, Standing::Canceled)?;
        return Ok(Verdict::New);
    }
    for (number, units) in lines {
        let order = desk.order(id)?;
        let line = order.line(*number).ok_or(Refusal::NoLine {
            order: id,
            line: *number,
        })?;
        let units = units.to_quantity(line.scale);
        let units = units.map_err(|source| Refusal::Quantity {
            line: *number,
            source,
        })?;
        // What is sent again was not ordered once more, so it is dropped, not canceled.
        let open = line.counters.to_ship_first();
        if !units.is_positive() || units > open {
            return refuse(Refusal::NotOpen {
                line: *number,
                left: open.to_decimal(line.scale),
            });
        }
        let wanted = line.counters.wanted().minus(units);
        snapshot::set_wanted(desk, id, *number, wanted)?;
    }
    desk.settle_claims(id)?;
    Ok(Verdict::New)
}

pub(super) fn is_by_hand(desk: &Desk<'_>, account: &AccountId) -> bool {
    let terms = desk.context.policy.accounts.get(account);
    terms.is_some_and(|terms| terms.is_by_hand)
}

fn refuse_unless_by_hand(desk: &Desk<'_>, account: &AccountId) -> Result<(), Undecided> {
    match is_by_hand(desk, account) {
        true => Ok(()),
        false => refuse(Refusal::NotByHand(account.clone())),
    }
}

fn refuse_other_currency(order: crate::Currency, amount: Money) -> Result<(), Undecided> {
    let payment = amount.currency();
    if order == payment {
        return Ok(());
    }
    let refusal = payment::PaymentRefusal::Currency { order, payment };
    refuse(Refusal::Payment(refusal))
}

/// The amounts of an order besides its total.
pub(super) fn amounts(view: &OrderSnapshot) -> Amounts {
    Amounts {
        shipping: view.shipping,
        discount: view.discount,
        tax: view.tax,
    }
}
