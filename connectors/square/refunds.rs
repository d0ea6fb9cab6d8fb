//! Giving money back, payment by payment.
//!
//! Square refunds payments, not orders. An order with one payment needs one refund; one with several
//! is refunded from the first payment that still has something left, then the next. Every part has a
//! key of its own that is the same on every try, and a mark in its reason by which it is found again.

use std::collections::BTreeMap;

use async_trait::async_trait;
use channel::{Ack, ChannelError, ErrorKind, RefundOrders, RefundPush};
use domain::{ExternalId, Money};
use serde_json::json;

use super::{
    Square,
    api::Reply,
    auth::digest,
    counters::{Amount, sum},
    map::{self, given},
    orders::next_page,
    parcels::shortened,
    wire,
};

const OPERATION: &str = "refund an order";
/// The longest reason. Source: RefundPayment.
const REASON_MAX: usize = 192;
/// How far back the refunds of a location are searched, a hundred to a page. One that is further
/// back is not found, which is safe: asking again under its key gives the same refund.
const PAGES_MAX: usize = 20;

/// A part of a refund: from which payment, and how much.
struct Part {
    payment: String,
    amount: Money,
}

#[async_trait]
impl RefundOrders for Square {
    async fn find(&self, refund: &RefundPush) -> Result<Option<Ack>, ChannelError> {
        let order = self.api.order(OPERATION, refund.order.as_str()).await?;
        let made = self.made(&order).await?;
        let amount = Amount(refund.amount.currency());
        let mut found = Money::zero(refund.amount.currency());
        let mut reference = None;
        for part in made.iter().filter(|part| is_ours(part, refund)) {
            found = add(found, read(amount, part)?)?;
            reference = reference.or_else(|| part.id.as_deref().map(ExternalId::new));
        }
        let is_whole = found.minor() >= refund.amount.minor() && reference.is_some();
        Ok(is_whole.then_some(Ack::Applied { reference }))
    }

    async fn refund(&self, refund: &RefundPush) -> Result<Ack, ChannelError> {
        if !refund.amount.is_positive() {
            return Ok(rejected("there is nothing to refund".to_owned()));
        }
        let order = self.api.order(OPERATION, refund.order.as_str()).await?;
        let parts = match self.parts(&order, refund).await? {
            Ok(parts) => parts,
            Err(reason) => return Ok(rejected(reason)),
        };
        let mut reference = None;
        for part in &parts {
            let body = json!({
                "idempotency_key": digest(&["refund", &refund.key, &part.payment]),
                "payment_id": part.payment,
                "amount_money": {
                    "amount": part.amount.minor(),
                    "currency": part.amount.currency().code(),
                },
                "reason": reason_with_mark(refund),
            });
            let ack = match self.api.refund(body).await {
                Ok(Reply::Yes(answer)) => ack_of(answer.refund.unwrap_or_default()),
                Ok(Reply::No(refusal)) if refusal.is_key_reused() => Ack::Ambiguous,
                Ok(Reply::No(refusal)) => rejected(refusal.reason()),
                // What is gone is the payment, not the order.
                Err(error) if error.kind == ErrorKind::Gone => {
                    rejected("Square knows the payment no more".to_owned())
                }
                Err(error) => return Err(error),
            };
            match ack {
                Ack::Applied { reference: id } => reference = reference.or(id),
                // Part of the money is back and part is not: a person reads what is there.
                Ack::Rejected { .. } if reference.is_some() => return Ok(Ack::Ambiguous),
                Ack::Conflict { .. } | Ack::Rejected { .. } | Ack::Ambiguous => return Ok(ack),
            }
        }
        Ok(Ack::Applied { reference })
    }
}

impl Square {
    /// The refunds of an order's payments, newest first.
    async fn made(&self, order: &wire::Order) -> Result<Vec<wire::PaymentRefund>, ChannelError> {
        let since = order.created_at.as_deref();
        let since = since.ok_or_else(|| malformed("created_at is missing".to_owned()))?;
        let payments: Vec<&str> = order.tenders.iter().filter_map(payment_of).collect();
        let location = order.location_id.as_deref().unwrap_or(&self.location);
        let mut made = Vec::new();
        let mut page: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let found = self.api.refunds(location, since, page.as_deref()).await?;
            made.extend(found.refunds.into_iter().filter(|refund| {
                let payment = refund.payment_id.as_deref();
                payment.is_some_and(|payment| payments.contains(&payment))
                    && map::refund_is_accepted(refund.status.as_deref()) != Some(false)
            }));
            page = next_page(found.cursor, page.as_deref());
            if page.is_none() {
                break;
            }
        }
        Ok(made)
    }

    /// From which payments the money comes, or why that is not possible. What an earlier try of the
    /// same refund gave back counts as not yet given, so that every try makes the same parts.
    async fn parts(
        &self,
        order: &wire::Order,
        refund: &RefundPush,
    ) -> Result<Result<Vec<Part>, String>, ChannelError> {
        let payments: Vec<(&str, &wire::Tender)> = order
            .tenders
            .iter()
            .filter_map(|tender| Some((payment_of(tender)?, tender)))
            .collect();
        if let [(payment, _)] = payments.as_slice() {
            return Ok(Ok(vec![Part {
                payment: (*payment).to_owned(),
                amount: refund.amount,
            }]));
        }
        let zero = Money::zero(refund.amount.currency());
        let amount = Amount(refund.amount.currency());
        let mut given_back: BTreeMap<String, Money> = BTreeMap::new();
        for part in self.made(order).await? {
            if !is_ours(&part, refund) {
                let payment = part.payment_id.clone().unwrap_or_default();
                let back = given_back.entry(payment).or_insert(zero);
                *back = add(*back, read(amount, &part)?)?;
            }
        }
        let mut parts = Vec::new();
        let mut missing = refund.amount;
        for (payment, tender) in payments {
            let paid = amount
                .read(tender.amount_money.as_ref())
                .map_err(malformed)?;
            let back = given_back.get(payment).copied().unwrap_or(zero);
            let left = minus(paid, back)?;
            let part = if left.minor() < missing.minor() {
                left
            } else {
                missing
            };
            if part.is_positive() {
                missing = minus(missing, part)?;
                parts.push(Part {
                    payment: payment.to_owned(),
                    amount: part,
                });
            }
        }
        if missing.is_positive() {
            let reason = format!("{missing} more than what was paid and not yet refunded");
            return Ok(Err(reason));
        }
        Ok(Ok(parts))
    }
}

/// The payment of a tender; the tender's own id is the payment's in newer versions.
fn payment_of(tender: &wire::Tender) -> Option<&str> {
    given(tender.payment_id.as_deref()).or_else(|| given(tender.id.as_deref()))
}

fn ack_of(refund: wire::PaymentRefund) -> Ack {
    match map::refund_is_accepted(refund.status.as_deref()) {
        Some(true) => Ack::Applied {
            reference: refund.id.map(ExternalId::new),
        },
        Some(false) => rejected("Square did not accept the refund".to_owned()),
        None => Ack::Ambiguous,
    }
}

fn rejected(reason: String) -> Ack {
    Ack::Rejected { reason }
}

fn mark_of(refund: &RefundPush) -> String {
    format!("(ref {})", &digest(&["refund", &refund.key])[..12])
}

fn reason_with_mark(refund: &RefundPush) -> String {
    let mark = mark_of(refund);
    let room = REASON_MAX.saturating_sub(mark.len() + 1);
    let reason = shortened(refund.reason.trim(), room);
    format!("{reason} {mark}").trim_start().to_owned()
}

fn is_ours(made: &wire::PaymentRefund, refund: &RefundPush) -> bool {
    let reason = made.reason.as_deref().unwrap_or_default();
    reason.ends_with(&mark_of(refund))
}

fn read(amount: Amount, refund: &wire::PaymentRefund) -> Result<Money, ChannelError> {
    amount.read(refund.amount_money.as_ref()).map_err(malformed)
}

fn add(one: Money, other: Money) -> Result<Money, ChannelError> {
    sum(one, other).map_err(malformed)
}

fn minus(one: Money, other: Money) -> Result<Money, ChannelError> {
    one.minus(other)
        .map_err(|error| malformed(error.to_string()))
}

fn malformed(reason: String) -> ChannelError {
    ChannelError::malformed(OPERATION, reason)
}
