//! Canceling whole orders through Post-Order, and giving money back through Fulfillment.
//!
//! eBay cancels orders only as a whole. When the buyer has asked already, the request is approved;
//! a second cancellation beside it is refused there.

use std::time::Duration;

use async_trait::async_trait;
use channel::{
    Ack, CancelOrders, CancelReason, Cancellation, ChannelError, ErrorKind, RefundOrders,
    RefundPush,
};
use domain::{ExternalId, Money, Time};
use serde_json::{Value, json};

use crate::ebay::{Ebay, api, map, wire};

const CANCEL: &str = "cancel an order";
const REFUND: &str = "refund an order";
/// The longest comment that eBay takes, in characters.
const COMMENT_MAX: usize = 100;
/// By how much eBay's clock may be behind ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(300);
/// eBay's errors that go away by themselves: an earlier refund is still on its way, the buyer's
/// payment has not been processed yet.
const NOT_YET: [&str; 2] = ["34922", "34929"];

#[async_trait]
impl CancelOrders for Ebay {
    async fn cancel(&self, cancellation: &Cancellation) -> Result<Ack, ChannelError> {
        let order = self.wire_order(CANCEL, &cancellation.order).await?;
        if order.cancel_status.cancel_state.as_deref() == Some(map::CANCELED) {
            return Ok(Ack::Applied { reference: None });
        }
        if map::is_cancellation_open(&order) {
            return self.join_cancellation(&order).await;
        }
        let legacy = order.legacy_order_id.as_ref().unwrap_or(&order.order_id);
        let reason = reason(cancellation.reason);
        let allowed = self.api.check_cancellation(&legacy.0).await?;
        if let Some(reason) = refusal(&allowed, reason) {
            return Ok(Ack::Rejected { reason });
        }
        let answer = self
            .api
            .create_cancellation(cancellation_body(&order, &legacy.0, reason))
            .await?;
        if !answer.status().is_success() {
            let reason = wire::refusal(answer.body());
            return Ok(Ack::Rejected { reason });
        }
        let made: wire::Cancellation = answer.json()?;
        match (made.cancel_id, made.order_eligibility_result) {
            (Some(id), _) => Ok(applied(Some(id))),
            (None, Some(result)) => Ok(match refusal(&result, "") {
                Some(reason) => Ack::Rejected { reason },
                None => Ack::Ambiguous,
            }),
            (None, None) => Ok(Ack::Ambiguous),
        }
    }
}

#[async_trait]
impl RefundOrders for Ebay {
    async fn find(&self, refund: &RefundPush) -> Result<Option<Ack>, ChannelError> {
        let order = self.wire_order(REFUND, &refund.order).await?;
        let of_order = order
            .payment_summary
            .refunds
            .iter()
            .find(|theirs| is_amount(theirs, refund.amount) && may_be(theirs, refund));
        if let Some(found) = of_order {
            return Ok(Some(applied(found.refund_id.clone())));
        }
        if !is_by_line(refund) {
            return Ok(None);
        }
        // eBay lists the parts of one refund with their lines; all of ours must be there.
        let mut first = None;
        for (line, _, amount) in &refund.lines {
            let found = order
                .line_items
                .iter()
                .filter(|theirs| theirs.line_item_id.0 == line.as_str())
                .flat_map(|theirs| &theirs.refunds)
                .find(|theirs| is_amount(theirs, *amount) && may_be(theirs, refund));
            match found {
                Some(found) => first = first.or(Some(found.refund_id.clone())),
                None => return Ok(None),
            }
        }
        Ok(first.map(applied))
    }

    async fn refund(&self, refund: &RefundPush) -> Result<Ack, ChannelError> {
        if !api::is_id(refund.order.as_str()) {
            return Err(ChannelError::new(REFUND, ErrorKind::Gone));
        }
        if !refund.amount.is_positive() {
            let reason = "eBay refunds only what is more than nothing".to_owned();
            return Ok(Ack::Rejected { reason });
        }
        let answer = self
            .api
            .issue_refund(refund.order.as_str(), refund_body(refund))
            .await?;
        if !answer.status().is_success() {
            let reason = wire::refusal(answer.body());
            let errors = wire::errors(answer.body());
            let comes_later = errors
                .iter()
                .any(|error| NOT_YET.iter().any(|id| error.is(id)));
            return if comes_later {
                Err(ChannelError::new(REFUND, ErrorKind::Retry { reason }))
            } else {
                Ok(Ack::Rejected { reason })
            };
        }
        let made: wire::RefundAnswer = answer.json()?;
        Ok(match made.refund_status.as_deref() {
            Some("FAILED") => Ack::Rejected {
                reason: "eBay says that the refund failed".to_owned(),
            },
            Some(_) | None => applied(made.refund_id),
        })
    }
}

impl Ebay {
    /// A cancellation is open already: approve the buyer's, leave our own to eBay.
    async fn join_cancellation(&self, order: &wire::Order) -> Result<Ack, ChannelError> {
        let open = order
            .cancel_status
            .cancel_requests
            .iter()
            .rev()
            .find(|request| request.cancel_completed_date.is_none());
        let id = open.and_then(|request| request.cancel_request_id.clone());
        let is_buyers = open
            .and_then(|request| request.cancel_initiator.as_deref())
            .is_some_and(|initiator| initiator.eq_ignore_ascii_case("buyer"));
        match (&id, is_buyers) {
            (Some(buyers), true) if api::is_id(&buyers.0) => {
                let answer = self.api.approve_cancellation(&buyers.0).await?;
                if answer.status().is_success() {
                    Ok(applied(id))
                } else {
                    let reason = wire::refusal(answer.body());
                    Ok(Ack::Rejected { reason })
                }
            }
            (_, true) => Ok(Ack::Rejected {
                reason: "the buyer's request to cancel has no id; approve it in Seller Hub"
                    .to_owned(),
            }),
            (_, false) => Ok(applied(id)),
        }
    }
}

fn applied(id: Option<wire::Text>) -> Ack {
    Ack::Applied {
        reference: id.map(|id| ExternalId::new(id.0)),
    }
}

/// eBay's word. It has none for fraud or anything else: the one that says we cannot fulfill claims
/// nothing about the buyer.
fn reason(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::BuyerRequest => "BUYER_ASKED_CANCEL",
        CancelReason::Address => "ADDRESS_ISSUES",
        CancelReason::OutOfStock | CancelReason::Fraud | CancelReason::Other => {
            "OUT_OF_STOCK_OR_CANNOT_FULFILL"
        }
    }
}

/// Why eBay would not cancel, if it would not.
fn refusal(allowed: &wire::Eligibility, reason: &str) -> Option<String> {
    if !allowed.eligible {
        return Some(format!(
            "eBay does not cancel this order: {}",
            allowed.failure_reason.join(", ")
        ));
    }
    let reasons = &allowed.eligible_cancel_reason;
    let is_refused =
        !reason.is_empty() && !reasons.is_empty() && !reasons.iter().any(|word| word == reason);
    is_refused.then(|| {
        format!(
            "eBay takes only these reasons for this order: {}",
            reasons.join(", ")
        )
    })
}

fn cancellation_body(order: &wire::Order, legacy: &str, reason: &str) -> Value {
    let is_paid = matches!(
        order.order_payment_status.as_deref(),
        Some("PAID" | "PARTIALLY_REFUNDED")
    );
    let mut body = json!({
        "legacyOrderId": legacy,
        "cancelReason": reason,
        "buyerPaid": is_paid,
    });
    let payments = &order.payment_summary.payments;
    let paid_at = payments
        .iter()
        .find_map(|payment| payment.payment_date.as_ref());
    if let (true, Some(paid_at)) = (is_paid, paid_at) {
        body["buyerPaidDate"] = json!({ "value": paid_at });
    }
    body
}

/// Whether the lines explain the whole amount; otherwise it is a refund of the order.
fn is_by_line(refund: &RefundPush) -> bool {
    let zero = Money::zero(refund.amount.currency());
    let sum = refund
        .lines
        .iter()
        .try_fold(zero, |sum, (_, _, amount)| sum.plus(*amount));
    let all_positive = refund
        .lines
        .iter()
        .all(|(_, _, amount)| amount.is_positive());
    all_positive && sum.is_ok_and(|sum| sum == refund.amount)
}

fn refund_body(refund: &RefundPush) -> Value {
    let comment: String = refund
        .reason
        .chars()
        .filter(|c| !c.is_control())
        .take(COMMENT_MAX)
        .collect();
    let mut body = json!({ "reasonForRefund": "OTHER_ADJUSTMENT" });
    if !comment.is_empty() {
        body["comment"] = json!(comment);
    }
    if is_by_line(refund) {
        body["refundItems"] = refund
            .lines
            .iter()
            .map(|(line, _, money)| json!({ "lineItemId": line.as_str(), "refundAmount": amount(*money) }))
            .collect();
    } else {
        body["orderLevelRefundAmount"] = amount(refund.amount);
    }
    body
}

fn amount(money: Money) -> Value {
    json!({ "value": money.amount(), "currency": money.currency().code() })
}

/// Whether a refund of the right amount can be ours. eBay keeps nothing that says so: it must be alive, none
/// that another wish of ours brought, and not older than ours.
fn may_be(theirs: &wire::Refund, refund: &RefundPush) -> bool {
    let is_other = |id: &wire::Text| refund.others.iter().any(|other| other.as_str() == id.0);
    let made_at = theirs.refund_date.as_deref().map(Time::parse_utc);
    let is_older = made_at.is_some_and(|made_at| {
        made_at.is_ok_and(|made_at| made_at.plus(CLOCKS_DIFFER) < refund.made_at)
    });
    is_alive(theirs) && !theirs.refund_id.as_ref().is_some_and(is_other) && !is_older
}

/// Whether a refund is done or on its way. Those of lines have no status.
fn is_alive(refund: &wire::Refund) -> bool {
    refund.refund_status.as_deref() != Some("FAILED")
}

fn is_amount(refund: &wire::Refund, wanted: Money) -> bool {
    refund
        .amount
        .as_ref()
        .is_some_and(|amount| map::money(amount, wanted.currency()) == Ok(wanted))
}
