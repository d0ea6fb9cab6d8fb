//! Taking the money that a buyer's bank reserved.
//!
//! Most authorizations can be taken once, and what is not taken then is let go; so all that the order costs is
//! taken at once. The shop has no key for it: what was taken is found by its transactions.

use async_trait::async_trait;
use channel::{Ack, CapturePayments, CapturePush, ChannelError, ErrorKind, http::Effect};
use domain::{Currency, ExternalId, Money};
use serde_json::json;

use super::{
    Shopify,
    api::{Call, gid, refusals},
    map, shipments, wire,
};

const FIND: &str = "look for a capture";
const CAPTURE: &str = "capture a payment";

pub(super) const BASIS_DOCUMENT: &str = include_str!("queries/capture_basis.graphql");
pub(super) const CAPTURE_DOCUMENT: &str = include_str!("queries/capture.graphql");

#[async_trait]
impl CapturePayments for Shopify {
    async fn find(&self, capture: &CapturePush) -> Result<Option<Ack>, ChannelError> {
        let order = self.payments(FIND, capture).await?;
        match Payments::of(&order, capture) {
            Err(reason) => Ok(Some(Ack::Rejected { reason })),
            Ok(payments) if payments.is_running => Err(ChannelError::new(
                FIND,
                ErrorKind::Ambiguous {
                    reason: "the shop is still taking the money".to_owned(),
                },
            )),
            Ok(payments) if payments.missing <= 0 => Ok(Some(Ack::Applied {
                reference: payments.taken_as,
            })),
            Ok(_) => Ok(None),
        }
    }

    async fn capture(&self, capture: &CapturePush) -> Result<Ack, ChannelError> {
        let order = self.payments(CAPTURE, capture).await?;
        let payments = match Payments::of(&order, capture) {
            Ok(payments) => payments,
            Err(reason) => return Ok(Ack::Rejected { reason }),
        };
        let reserved: i64 = payments.open.iter().map(|(_, minor)| *minor).sum();
        if reserved < payments.missing {
            let reserved = Money::from_minor(reserved.max(0), capture.amount.currency());
            let reserved = reserved.map_or_else(|error| error.to_string(), |all| all.to_string());
            let reason = format!("only {reserved} of it are reserved: take the money in the shop");
            return Ok(Ack::Rejected { reason });
        }
        let mut missing = payments.missing;
        let mut taken_as = payments.taken_as;
        for (authorization, left) in payments.open {
            let minor = left.min(missing);
            if minor <= 0 {
                break;
            }
            match self.take(capture, &authorization, minor).await? {
                Ok(made) => taken_as = made.or(taken_as),
                Err(refused) => return Ok(refused),
            }
            missing = missing.saturating_sub(minor);
        }
        Ok(Ack::Applied {
            reference: taken_as,
        })
    }
}

/// What an order has of money, in minor units of its currency.
struct Payments {
    /// What is still to be taken.
    missing: i64,
    /// The transaction that took some last.
    taken_as: Option<ExternalId>,
    /// Whether the shop is about to take some.
    is_running: bool,
    /// What can be taken, by the transaction that reserved it.
    open: Vec<(String, i64)>,
}

impl Payments {
    /// Reads it, or says why money cannot be taken from here.
    fn of(order: &wire::CaptureOrder, capture: &CapturePush) -> Result<Payments, String> {
        if order.presentment_currency_code != order.currency_code {
            return Err(format!(
                "the buyer pays in {}; take the money in the shop, where the rate is known",
                order.presentment_currency_code
            ));
        }
        let currency = Currency::new(&order.currency_code).map_err(|error| error.to_string())?;
        if capture.amount.currency() != currency {
            return Err(format!("the order is in {currency}"));
        }
        let minor = |bag: &wire::MoneyBag| {
            let money = Money::parse(&bag.shop_money.amount, currency);
            money.map(Money::minor).map_err(|error| error.to_string())
        };
        // What was taken off the order since is not taken from the buyer.
        let costs = capture
            .amount
            .minor()
            .min(minor(&order.current_total_price_set)?);
        let mut taken: i64 = 0;
        let mut payments = Payments {
            missing: 0,
            taken_as: None,
            is_running: false,
            open: Vec::new(),
        };
        for made in &order.transactions {
            match (made.kind.as_str(), made.status.as_str()) {
                ("SALE" | "CAPTURE", "SUCCESS") => {
                    taken = taken.saturating_add(minor(&made.amount_set)?);
                    payments.taken_as = map::number_of(&made.id).ok().map(ExternalId::new);
                }
                ("SALE" | "CAPTURE", "PENDING" | "AWAITING_RESPONSE" | "UNKNOWN") => {
                    payments.is_running = true;
                }
                ("AUTHORIZATION" | "EMV_AUTHORIZATION", "SUCCESS") => {
                    let left = minor(&made.amount_set)?;
                    let used = order.used_of(&made.id, minor)?;
                    payments
                        .open
                        .push((made.id.clone(), left.saturating_sub(used)));
                }
                _ => {}
            }
        }
        payments.open.retain(|(_, left)| *left > 0);
        payments.missing = costs.saturating_sub(taken);
        Ok(payments)
    }
}

impl wire::CaptureOrder {
    /// What was taken of an authorization, or let go of it.
    fn used_of(
        &self,
        authorization: &str,
        minor: impl Fn(&wire::MoneyBag) -> Result<i64, String>,
    ) -> Result<i64, String> {
        let mut used: i64 = 0;
        for made in &self.transactions {
            let parent = made.parent_transaction.as_ref();
            let is_of_it = parent.is_some_and(|parent| parent.id == authorization);
            let is_use = matches!(made.kind.as_str(), "CAPTURE" | "VOID");
            if is_of_it && is_use && made.status == "SUCCESS" {
                used = used.saturating_add(minor(&made.amount_set)?);
            }
        }
        Ok(used)
    }
}

impl Shopify {
    async fn payments(
        &self,
        operation: &'static str,
        capture: &CapturePush,
    ) -> Result<wire::CaptureOrder, ChannelError> {
        let answer: wire::CaptureBasis = self
            .api
            .call(Call {
                operation,
                effect: Effect::None,
                document: BASIS_DOCUMENT,
                variables: json!({ "id": gid("Order", capture.order.as_str()) }),
            })
            .await?;
        answer
            .order
            .ok_or_else(|| ChannelError::new(operation, ErrorKind::Gone))
    }

    /// Takes money of one authorization: the transaction that took it, or why it did not.
    async fn take(
        &self,
        capture: &CapturePush,
        authorization: &str,
        minor: i64,
    ) -> Result<Result<Option<ExternalId>, Ack>, ChannelError> {
        let amount = match Money::from_minor(minor, capture.amount.currency()) {
            Ok(amount) => amount,
            Err(error) => {
                let reason = error.to_string();
                return Ok(Err(Ack::Rejected { reason }));
            }
        };
        let answer: wire::CaptureMade = self
            .api
            .call(Call {
                operation: CAPTURE,
                effect: Effect::Once,
                document: CAPTURE_DOCUMENT,
                variables: json!({ "input": {
                    "id": gid("Order", capture.order.as_str()),
                    "parentTransactionId": authorization,
                    "amount": amount.amount(),
                    "currency": amount.currency().code(),
                } }),
            })
            .await?;
        let payload = answer
            .order_capture
            .ok_or_else(|| shipments::empty(CAPTURE))?;
        let Some(made) = payload.transaction else {
            if payload.user_errors.is_empty() {
                return Err(shipments::empty(CAPTURE));
            }
            let reason = refusals(&payload.user_errors);
            return Ok(Err(Ack::Rejected { reason }));
        };
        Ok(match made.status.as_str() {
            "SUCCESS" => Ok(map::number_of(&made.id).ok().map(ExternalId::new)),
            "FAILURE" | "ERROR" => Err(Ack::Rejected {
                reason: format!(
                    "the payment provider did not give it{}",
                    made.error_code
                        .map(|code| format!(": {code}"))
                        .unwrap_or_default()
                ),
            }),
            _ => Err(Ack::Ambiguous),
        })
    }
}
