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
        let left = self.left(credits);
        match amount {
            Some(amount) if amount.currency() != self.currency => {
                return Err(Beyond::OtherCurrency);
            }
            Some(amount) if !amount.is_positive() => return Err(Beyond::NotPositive),
            Some(amount) if amount.minor() > left.minor() => return Err(Beyond::Left(left)),
            Some(_) | None => {}
        }
        let amount = amount.unwrap_or(left);
        let told: i64 = credits.iter().map(|credit| credit.paid.minor()).sum();
        let paid = refunded.minor().saturating_sub(told);
        let paid = Money::from_minor(paid.clamp(0, amount.minor()), self.currency);
        let paid = paid.unwrap_or(Money::zero(self.currency));
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
                position: 1,
                sku: String::new(),
                title: title.to_owned(),
                quantity: Decimal::whole(1),
                unit_price: Some(amount),
                total: amount,
                rate,
            }],
            shipping: None,
            discount: None,
            taxes,
            tax,
            total: amount,
            paid,
        })
    }

    /// The parts of an amount at each rate, in the measure of what is left at it.
    fn shares(&self, credits: &[&Bill], amount: Money, left: Money) -> Vec<TaxPart> {
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
fn rest(part: &TaxPart, at: usize, credits: &[&Bill]) -> Taxed {
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
