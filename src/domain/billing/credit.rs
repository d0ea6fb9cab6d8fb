//! Taking a bill back, in whole or in part.
//!
//! What is credited in parts adds up to the bill, at each rate of tax to the minor unit: each part takes its share
//! of what is left, and the last one takes the rest.

use super::{Bill, BillLine, Prices, TaxPart, Taxed, rates};
use crate::{Decimal, Money};

/// Why so much of a bill cannot be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// This is all that is left.
    Left(Money),
    /// The amount is nothing, or less.
    NotPositive,
    /// The amount is in another currency.
    OtherCurrency,
    /// The bill does not say which of its lines this one of the order is.
    NoLine(u32),
    /// So many units of a line are left.
    Units {
        /// Which line of the order.
        line: u32,
        /// How many.
        left: Decimal,
    },
}

impl Bill {
    /// What is left of it beside these credits.
    pub fn left(&self, credits: &[&Bill]) -> Money {
        let given: i64 = credits.iter().map(|credit| credit.total.minor()).sum();
        Money::from_minor(self.total.minor().saturating_sub(given), self.currency)
            .unwrap_or(Money::zero(self.currency))
    }

    /// What a credit of so much says; of all that is left where nothing is said. `refunded` is all that was
    /// given back to the buyer.
    pub fn credit(
        &self,
        credits: &[&Bill],
        amount: Option<Money>,
        title: &str,
        refunded: Money,
    ) -> Result<Bill, Beyond> {
        let amount = amount.unwrap_or(self.left(credits));
        let left = self.left_for(credits, amount)?;
        let paid = self.given_back(credits, amount, refunded);
        if credits.is_empty() && amount == self.total {
            return Ok(Bill {
                paid,
                ..self.clone()
            });
        }
        let taxes = self.shares(credits, amount, left);
        let tax = taxes.iter().map(|part| part.tax.minor()).sum();
        let tax = Money::from_minor(tax, self.currency).unwrap_or(Money::zero(self.currency));
        let rate = match taxes.as_slice() {
            [only] => only.rate,
            _ => None,
        };
        Ok(Bill {
            currency: self.currency,
            prices: Prices::WithTax,
            lines: vec![BillLine {
                rate,
                ..BillLine::one(1, title, amount)
            }],
            shipping: None,
            discount: None,
            taxes,
            tax,
            total: amount,
            paid,
        })
    }

    /// What is left of it, if so much can be taken back.
    pub(super) fn left_for(&self, credits: &[&Bill], amount: Money) -> Result<Money, Beyond> {
        let left = self.left(credits);
        match amount {
            amount if amount.currency() != self.currency => Err(Beyond::OtherCurrency),
            amount if !amount.is_positive() => Err(Beyond::NotPositive),
            amount if amount.minor() > left.minor() => Err(Beyond::Left(left)),
            _ => Ok(left),
        }
    }

    /// What the buyer got of a credit: all that was given back and that no other credit tells.
    pub(super) fn given_back(&self, credits: &[&Bill], amount: Money, refunded: Money) -> Money {
        let told: i64 = credits.iter().map(|credit| credit.paid.minor()).sum();
        let paid = refunded.minor().saturating_sub(told);
        self.money(i128::from(paid.clamp(0, amount.minor())))
    }

    /// The parts of an amount at each rate, in the measure of what is left at it.
    pub(super) fn shares(&self, credits: &[&Bill], amount: Money, left: Money) -> Vec<TaxPart> {
        let (amount, left) = (i128::from(amount.minor()), i128::from(left.minor()));
        let (mut so_far, mut given) = (0, 0);
        let mut parts = Vec::new();
        for (at, part) in self.taxes.iter().enumerate() {
            let Taxed { net, tax } = rest(part, at, credits);
            let gross = net + tax;
            so_far += gross;
            // Cut off the running sum, so that the shares make the amount.
            let until = match left {
                0 => 0,
                left => so_far * amount / left,
            };
            let share = until - given;
            given = until;
            let tax = if gross == 0 { 0 } else { tax * share / gross };
            let taxed = Taxed {
                net: share - tax,
                tax,
            };
            let money = |minor: i128| {
                let minor = i64::try_from(minor).unwrap_or_default();
                Money::from_minor(minor, self.currency).unwrap_or(Money::zero(self.currency))
            };
            // Roundings of many lines may have gathered at a rate, and a part of them is too much for one line.
            let rate = part.rate.filter(|rate| rates::makes(taxed, *rate, 1));
            parts.push(TaxPart {
                rate,
                net: money(taxed.net),
                tax: money(tax),
                gross: money(share),
            });
        }
        parts
    }
}

/// What is left at a rate. A credit has its parts in the order of the bill.
pub(super) fn rest(part: &TaxPart, at: usize, credits: &[&Bill]) -> Taxed {
    let given = credits.iter().filter_map(|credit| credit.taxes.get(at));
    let all = Taxed {
        net: part.net.minor().into(),
        tax: part.tax.minor().into(),
    };
    given.fold(all, |rest, given| Taxed {
        net: rest.net - i128::from(given.net.minor()),
        tax: rest.tax - i128::from(given.tax.minor()),
    })
}
