//! Canceling orders and giving money back.
//!
//! Neither puts units back on a level: we write levels ourselves, and a unit that was canceled
//! because it is not there must not be offered again for a moment.

use async_trait::async_trait;
use channel::{
    Ack, CancelOrders, CancelReason, Cancellation, ChannelError, ErrorKind, RefundOrders,
    RefundPush, http::Effect,
};
use domain::{Currency, ExternalId, Money};
use serde_json::{Value, json};

use super::{
    Shopify,
    api::{Call, gid, refusals},
    map, shipments, stock, wire,
};

const CANCEL: &str = "cancel an order";
const FIND: &str = "look for a refund";
const REFUND: &str = "refund an order";
/// The longest note that staff can read there.
const NOTE_LENGTH_MAX: usize = 255;

pub(super) const CANCEL_DOCUMENT: &str = include_str!("queries/cancel.graphql");
pub(super) const BASIS_DOCUMENT: &str = include_str!("queries/refund_basis.graphql");
pub(super) const REFUND_DOCUMENT: &str = include_str!("queries/refund.graphql");

#[async_trait]
impl CancelOrders for Shopify {
    /// Accepted is not done: the shop cancels in a job of its own, and the next reading of the order
    /// shows what came of it.
    async fn cancel(&self, cancellation: &Cancellation) -> Result<Ack, ChannelError> {
        let reason = match cancellation.reason {
            CancelReason::BuyerRequest => "CUSTOMER",
            CancelReason::OutOfStock => "INVENTORY",
            CancelReason::Fraud => "FRAUD",
            CancelReason::Address | CancelReason::Other => "OTHER",
        };
        let answer: wire::Cancel = self
            .api
            .call(Call {
                operation: CANCEL,
                effect: Effect::Once,
                document: CANCEL_DOCUMENT,
                variables: json!({
                    "id": gid("Order", cancellation.order.as_str()),
                    "reason": reason,
                    "refundMethod": { "originalPaymentMethodsRefund": self.refund_on_cancel },
                    "notify": self.notify_buyer,
                    "note": note("", &cancellation.key),
                }),
            })
            .await?;
        let payload = answer
            .order_cancel
            .ok_or_else(|| shipments::empty(CANCEL))?;
        let errors = payload.order_cancel_user_errors;
        if errors.is_empty() {
            let job = payload.job.map(|job| ExternalId::new(job.id));
            return Ok(Ack::Applied { reference: job });
        }
        if errors.iter().any(|error| error.code == "NOT_FOUND") {
            return Err(ChannelError::new(CANCEL, ErrorKind::Gone));
        }
        if errors.iter().any(|error| error.code == "INTERNAL_ERROR") {
            return Ok(Ack::Ambiguous);
        }
        Ok(Ack::Rejected {
            reason: refusals(&errors),
        })
    }
}

#[async_trait]
impl RefundOrders for Shopify {
    /// A refund of ours has our key in its note.
    async fn find(&self, refund: &RefundPush) -> Result<Option<Ack>, ChannelError> {
        let order = self.basis(FIND, refund).await?;
        let mark = mark(&refund.key);
        let found = order.refunds.into_iter().find(|made| {
            let note = made.note.as_deref().unwrap_or_default();
            note.ends_with(&mark)
        });
        Ok(found.map(|made| Ack::Applied {
            reference: Some(ExternalId::new(made.legacy_resource_id)),
        }))
    }

    async fn refund(&self, refund: &RefundPush) -> Result<Ack, ChannelError> {
        let order = self.basis(REFUND, refund).await?;
        let input = match self.input(&order, refund) {
            Ok(input) => input,
            Err(reason) => return Ok(Ack::Rejected { reason }),
        };
        // A key whose first use failed is spent; nothing was given back under it.
        for round in 0..2 {
            let answer: wire::RefundMade = self
                .api
                .call(Call {
                    operation: REFUND,
                    effect: Effect::Idempotent,
                    document: REFUND_DOCUMENT,
                    variables: json!({
                        "input": input,
                        "key": stock::idempotency_key(&refund.key, &Value::Null, round),
                    }),
                })
                .await?;
            let payload = answer
                .refund_create
                .ok_or_else(|| shipments::empty(REFUND))?;
            match payload.refund {
                Some(made) => {
                    return Ok(Ack::Applied {
                        reference: Some(ExternalId::new(made.legacy_resource_id)),
                    });
                }
                None if payload.user_errors.is_empty() => return Err(shipments::empty(REFUND)),
                None => match idempotency(&payload.user_errors) {
                    Some(Spent::Failed) if round == 0 => {}
                    Some(Spent::Running) => {
                        return Err(ChannelError::new(
                            REFUND,
                            ErrorKind::Ambiguous {
                                reason: refusals(&payload.user_errors),
                            },
                        ));
                    }
                    Some(Spent::Failed) | None => {
                        return Ok(Ack::Rejected {
                            reason: refusals(&payload.user_errors),
                        });
                    }
                },
            }
        }
        Ok(Ack::Ambiguous)
    }
}

/// What became of the first use of a key.
enum Spent {
    Failed,
    Running,
}

/// Refund errors carry no codes, only the texts that the schema documents for them.
fn idempotency(errors: &[wire::UserError]) -> Option<Spent> {
    errors.iter().find_map(|error| {
        if error.message.contains("idempotency key failed") {
            Some(Spent::Failed)
        } else if error.message.contains("currently in progress") {
            Some(Spent::Running)
        } else {
            None
        }
    })
}

/// What marks a refund as ours.
fn mark(key: &str) -> String {
    format!("[{key}]")
}

/// A note for staff that ends in our mark, whatever has to be cut for it.
fn note(text: &str, key: &str) -> String {
    let mark = mark(key);
    let room = NOTE_LENGTH_MAX.saturating_sub(mark.chars().count() + 1);
    let text: String = text.chars().take(room).collect();
    format!("{text} {mark}").trim_start().to_owned()
}

impl Shopify {
    async fn basis(
        &self,
        operation: &'static str,
        refund: &RefundPush,
    ) -> Result<wire::RefundOrder, ChannelError> {
        let answer: wire::RefundBasis = self
            .api
            .call(Call {
                operation,
                effect: Effect::None,
                document: BASIS_DOCUMENT,
                variables: json!({ "id": gid("Order", refund.order.as_str()) }),
            })
            .await?;
        answer
            .order
            .ok_or_else(|| ChannelError::new(operation, ErrorKind::Gone))
    }

    /// The whole input of the mutation, or why there can be none.
    fn input(&self, order: &wire::RefundOrder, refund: &RefundPush) -> Result<Value, String> {
        if order.presentment_currency_code != order.currency_code {
            return Err(format!(
                "the buyer paid in {}; refund the order in the shop, where the rate is known",
                order.presentment_currency_code
            ));
        }
        let currency = Currency::new(&order.currency_code).map_err(|error| error.to_string())?;
        if refund.amount.currency() != currency {
            return Err(format!("the order is in {currency}"));
        }
        let mut lines = Vec::new();
        for (line, quantity, _) in &refund.lines {
            let units = quantity.to_whole().filter(|units| *units >= 0);
            let units = units.ok_or_else(|| format!("{quantity} is not a number of units"))?;
            lines.extend(self.refunded_line(order, line.as_str(), units, refund.restock));
        }
        Ok(json!({
            "orderId": gid("Order", refund.order.as_str()),
            "note": note(&refund.reason, &refund.key),
            "notify": self.notify_buyer,
            "refundLineItems": lines,
            "transactions": transactions(order, refund, currency)?,
        }))
    }

    /// What never left is canceled back onto the shelf, what comes back is returned to it.
    fn refunded_line(
        &self,
        order: &wire::RefundOrder,
        line: &str,
        units: i64,
        restock: bool,
    ) -> Vec<Value> {
        let gid = gid("LineItem", line);
        let entry = |units: i64, restock_type: &str| {
            let mut entry = json!({
                "lineItemId": gid,
                "quantity": units,
                "restockType": restock_type,
            });
            if restock_type != "NO_RESTOCK" {
                entry["locationId"] = json!(self.location);
            }
            (units > 0).then_some(entry)
        };
        if !restock {
            return entry(units, "NO_RESTOCK").into_iter().collect();
        }
        let mut open = order.line_items.nodes.iter();
        let open = open.find(|open| map::number_of(&open.id).is_ok_and(|number| number == line));
        let unsent = open.map_or(0, |open| open.unfulfilled_quantity.clamp(0, units));
        [entry(unsent, "CANCEL"), entry(units - unsent, "RETURN")]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// The payments to give back from, in the order in which they were made.
fn transactions(
    order: &wire::RefundOrder,
    refund: &RefundPush,
    currency: Currency,
) -> Result<Vec<Value>, String> {
    let parse = |bag: &wire::MoneyBag| {
        Money::parse(&bag.shop_money.amount, currency)
            .map(Money::minor)
            .map_err(|error| error.to_string())
    };
    let mut open = refund.amount.minor();
    let mut transactions = Vec::new();
    for payment in &order.transactions {
        let is_payment = matches!(payment.kind.as_str(), "SALE" | "CAPTURE");
        if !is_payment || payment.status != "SUCCESS" || open <= 0 {
            continue;
        }
        let mut left = parse(&payment.amount_set)?;
        for given in order.transactions.iter().filter(|other| {
            let parent = other.parent_transaction.as_ref();
            other.kind == "REFUND"
                && matches!(other.status.as_str(), "SUCCESS" | "PENDING")
                && parent.is_some_and(|parent| parent.id == payment.id)
        }) {
            left = left.saturating_sub(parse(&given.amount_set)?);
        }
        let taken = left.min(open);
        if taken > 0 {
            open -= taken;
            let amount = Money::from_minor(taken, currency).map_err(|error| error.to_string())?;
            transactions.push(json!({
                "orderId": gid("Order", refund.order.as_str()),
                "gateway": payment.gateway.as_deref().unwrap_or_default(),
                "kind": "REFUND",
                "amount": amount.amount(),
                "parentId": payment.id,
            }));
        }
    }
    if open > 0 {
        return Err("the payments that the shop knows are smaller than the refund".to_owned());
    }
    Ok(transactions)
}
