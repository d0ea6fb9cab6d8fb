//! Money for an order, payment by payment.
//!
//! A payment is a fact: it is added and never changed, and what is said of the money is the sum of them.
//! Channels that keep the money themselves say only how an order stands ([`PaymentState`]); payments are
//! kept for orders that people enter here.

use serde::{Deserialize, Serialize};

use crate::{Money, Time, ids::PaymentId, snapshot::PaymentState};

/// The most payments of one order.
pub const PAYMENTS_MAX: usize = 200;

/// Something that happened to the money of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Ours.
    pub id: PaymentId,
    /// What happened.
    pub step: Step,
    /// By which means.
    pub method: Method,
    /// How much, always more than nothing.
    pub amount: Money,
    /// What the bank, the terminal or the provider calls it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// When it happened.
    pub at: Time,
    /// Who entered it.
    pub by: String,
}

/// What happened to money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It was reserved, and not taken.
    Authorized,
    /// What was reserved was taken.
    Captured,
    /// What was reserved was given up.
    Voided,
    /// It came without being reserved before.
    Paid,
    /// It was given back.
    Refunded,
    /// What was given back came again: a bank returned it.
    RefundReversed,
}

/// By which means money comes and goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A card, over a terminal or a link.
    Card,
    /// PayPal.
    Paypal,
    /// A transfer to the seller's account.
    BankTransfer,
    /// Notes and coins.
    Cash,
    /// A gift card or voucher.
    GiftCard,
    /// To whoever delivers it.
    CashOnDelivery,
    /// Something else; the reference says what.
    Other,
}

/// When an order may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pays {
    /// When it is paid.
    #[default]
    Before,
    /// Before it is paid: the money is due when it arrives.
    OnDelivery,
    /// Before it is paid: the money is due by its invoice.
    OnInvoice,
}

impl Pays {
    /// Whether this is the usual.
    pub(crate) fn is_usual(&self) -> bool {
        *self == Pays::Before
    }
}

/// Why a payment cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRefusal {
    /// It is nothing, or less.
    #[error("a payment is of more than nothing: give the amount that came or went")]
    NotPositive,
    /// It is in another currency than its order.
    #[error("the order is in {order}, not in {payment}: give the amount in that currency")]
    Currency {
        /// That of the order.
        order: crate::Currency,
        /// That of the payment.
        payment: crate::Currency,
    },
    /// More is captured or voided than is reserved.
    #[error("only {0} is reserved: capture or void that much or less")]
    BeyondReserved(Money),
    /// More is given back than came.
    #[error("only {0} is there to be given back: give back that much or less")]
    BeyondTaken(Money),
    /// More comes again than was given back.
    #[error("only {0} was given back: no more than that can come again")]
    BeyondRefunded(Money),
    /// There are too many.
    #[error("an order has at most {PAYMENTS_MAX} payments: enter what remains on another one")]
    TooMany,
    /// The sum is too large to be written.
    #[error("{0}: enter smaller amounts")]
    Sum(String),
}

/// When money that a channel has only reserved is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureOn {
    /// Never by us: the channel, or somebody there, takes it.
    #[default]
    Never,
    /// All of it, when the first parcel leaves.
    FirstParcel,
    /// When nothing remains to leave.
    LastParcel,
}

/// The sums of the payments of an order, in the minor unit of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Reserved, and neither taken nor given up.
    pub reserved: i64,
    /// Taken in all.
    pub taken: i64,
    /// Given back, less what came again.
    pub given_back: i64,
    /// Whether anything was ever given up.
    pub was_voided: bool,
}

impl Sums {
    /// Adds them up.
    pub fn of(payments: &[Payment]) -> Sums {
        payments.iter().fold(Sums::default(), |mut sums, payment| {
            let amount = payment.amount.minor();
            match payment.step {
                Step::Authorized => sums.reserved = sums.reserved.saturating_add(amount),
                Step::Captured => {
                    sums.reserved = sums.reserved.saturating_sub(amount);
                    sums.taken = sums.taken.saturating_add(amount);
                }
                Step::Voided => {
                    sums.reserved = sums.reserved.saturating_sub(amount);
                    sums.was_voided = true;
                }
                Step::Paid => sums.taken = sums.taken.saturating_add(amount),
                Step::Refunded => sums.given_back = sums.given_back.saturating_add(amount),
                Step::RefundReversed => sums.given_back = sums.given_back.saturating_sub(amount),
            }
            sums
        })
    }

    /// What is there: taken and not given back.
    pub fn kept(&self) -> i64 {
        self.taken.saturating_sub(self.given_back)
    }

    /// How an order of this total stands by them.
    pub fn state(&self, total: i64) -> PaymentState {
        if self.taken >= total && (self.taken > 0 || total <= 0) {
            return match self.given_back {
                0 => PaymentState::Paid,
                given_back if given_back >= self.taken => PaymentState::Refunded,
                _ => PaymentState::PartRefunded,
            };
        }
        if self.taken > 0 {
            return PaymentState::PartPaid;
        }
        if self.reserved > 0 && self.reserved >= total {
            return PaymentState::Authorized;
        }
        if self.was_voided && self.reserved == 0 {
            return PaymentState::Voided;
        }
        PaymentState::Pending
    }
}

/// Whether a payment can follow these.
pub fn check(known: &[Payment], step: Step, amount: Money) -> Result<(), PaymentRefusal> {
    if known.len() >= PAYMENTS_MAX {
        return Err(PaymentRefusal::TooMany);
    }
    if amount.minor() <= 0 {
        return Err(PaymentRefusal::NotPositive);
    }
    let sums = Sums::of(known);
    let limit = match step {
        Step::Authorized | Step::Paid => return Ok(()),
        Step::Captured | Step::Voided => sums.reserved,
        Step::Refunded => sums.kept(),
        Step::RefundReversed => sums.given_back,
    };
    if amount.minor() <= limit {
        return Ok(());
    }
    let most = Money::from_minor(limit.max(0), amount.currency())
        .map_err(|error| PaymentRefusal::Sum(error.to_string()))?;
    Err(match step {
        Step::Captured | Step::Voided | Step::Authorized | Step::Paid => {
            PaymentRefusal::BeyondReserved(most)
        }
        Step::Refunded => PaymentRefusal::BeyondTaken(most),
        Step::RefundReversed => PaymentRefusal::BeyondRefunded(most),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Currency, IdSource};

    fn euros(minor: i64) -> Money {
        let euro = Currency::new("EUR").expect("a currency");
        Money::from_minor(minor, euro).expect("an amount")
    }

    fn paid(steps: &[(Step, i64)]) -> Vec<Payment> {
        let mut ids = IdSource::new(Time::from_seconds(9), [1; 16]);
        let mut payments = Vec::new();
        for (step, amount) in steps {
            assert_eq!(check(&payments, *step, euros(*amount)), Ok(()), "{steps:?}");
            payments.push(Payment {
                id: PaymentId::next(&mut ids),
                step: *step,
                method: Method::Card,
                amount: euros(*amount),
                reference: String::new(),
                at: Time::from_seconds(9),
                by: "ann".to_owned(),
            });
        }
        payments
    }

    #[test]
    fn how_an_order_stands_is_the_sum_of_its_payments() {
        use Step::{Authorized, Captured, Paid, RefundReversed, Refunded, Voided};
        for (steps, state) in [
            (vec![], PaymentState::Pending),
            (vec![(Paid, 400)], PaymentState::PartPaid),
            (vec![(Paid, 400), (Paid, 600)], PaymentState::Paid),
            (vec![(Paid, 1100)], PaymentState::Paid),
            (vec![(Authorized, 900)], PaymentState::Pending),
            (vec![(Authorized, 1000)], PaymentState::Authorized),
            (
                vec![(Authorized, 1000), (Captured, 300)],
                PaymentState::PartPaid,
            ),
            (
                vec![(Authorized, 1000), (Captured, 1000)],
                PaymentState::Paid,
            ),
            (
                vec![(Authorized, 1000), (Voided, 1000)],
                PaymentState::Voided,
            ),
            (
                vec![(Paid, 1000), (Refunded, 1)],
                PaymentState::PartRefunded,
            ),
            (vec![(Paid, 1000), (Refunded, 1000)], PaymentState::Refunded),
            (
                vec![(Paid, 1000), (Refunded, 1000), (RefundReversed, 1000)],
                PaymentState::Paid,
            ),
        ] {
            let sums = Sums::of(&paid(&steps));
            assert_eq!(sums.state(1000), state, "{steps:?}");
        }
        assert_eq!(Sums::default().state(0), PaymentState::Paid);
    }

    #[test]
    fn money_that_is_not_there_is_neither_taken_nor_given_back() {
        use PaymentRefusal::{BeyondRefunded, BeyondReserved, BeyondTaken, NotPositive};
        use Step::{Authorized, Captured, Paid, RefundReversed, Refunded, Voided};
        for (steps, step, amount, refusal) in [
            (vec![], Paid, 0, NotPositive),
            (vec![], Refunded, -5, NotPositive),
            (vec![], Captured, 1, BeyondReserved(euros(0))),
            (
                vec![(Authorized, 10)],
                Voided,
                11,
                BeyondReserved(euros(10)),
            ),
            (
                vec![(Authorized, 10), (Captured, 4)],
                Captured,
                7,
                BeyondReserved(euros(6)),
            ),
            (vec![(Authorized, 10)], Refunded, 1, BeyondTaken(euros(0))),
            (
                vec![(Paid, 10), (Refunded, 4)],
                Refunded,
                7,
                BeyondTaken(euros(6)),
            ),
            (
                vec![(Paid, 10), (Refunded, 4)],
                RefundReversed,
                5,
                BeyondRefunded(euros(4)),
            ),
        ] {
            let found = check(&paid(&steps), step, euros(amount));
            assert_eq!(found, Err(refusal), "{steps:?} {step:?} {amount}");
        }
    }
}
