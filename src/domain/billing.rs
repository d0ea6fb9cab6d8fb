//! What an order bills: lines, taxes and sums that fit together, or why they do not.
//!
//! Channels say prices with tax or before it, with the discount in the lines or beside them, and hardly one says
//! which. [`Bill::of`] takes the reading that makes the total, and refuses where none does. A rate of tax is
//! given where it follows from the amounts, and left out where it does not: it is never guessed.
//!
//! Start reading at [`Bill::of`]; [`credit`] takes a bill back.

pub mod credit;
mod rates;
#[cfg(test)]
mod tests;
pub mod units;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::rates::rate_of;
use crate::{
    Currency, Decimal, Money,
    money::NotMoney,
    order::{Line, Order},
    payment::Sums,
    snapshot::PaymentState,
};

/// The most lines of one bill: some 200 sheets.
pub const LINES_MAX: usize = 5_000;

/// What was bought and what it costs, as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// The currency of every amount in it.
    pub currency: Currency,
    /// Whether prices have tax in them.
    pub prices: Prices,
    /// What was bought.
    pub lines: Vec<BillLine>,
    /// For sending it; nothing where that costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Taken off beside the discounts of lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// The tax at each rate; empty where none is charged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<TaxPart>,
    /// All tax.
    pub tax: Money,
    /// What the buyer pays in all, tax within it; on a credit note, what the buyer gets.
    pub total: Money,
    /// What came of it; on a credit note, what was given back of it.
    pub paid: Money,
}

/// Whether prices of lines, shipping and discount have tax in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// They do.
    WithTax,
    /// It comes on top of them.
    BeforeTax,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillLine {
    /// Its place, from 1.
    pub position: u32,
    /// The number of the line in its order; nothing in what was issued before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The item; empty for what has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sku: String,
    /// What the buyer calls it.
    pub title: String,
    /// How many.
    pub quantity: Decimal,
    /// The price of one, where the line has one that is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// The price of the line, after discounts.
    pub total: Money,
    /// Its tax, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// The rate of its tax in percent, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
}

/// The tax at one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxPart {
    /// In percent; nothing where the amounts do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
    /// What is taxed.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// Both.
    pub gross: Money,
}

/// Why an order cannot be billed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillRefusal {
    /// It has no lines.
    #[error("the order has no lines: there is nothing to bill")]
    NoLines,
    /// It has too many.
    #[error("the order has {0} lines, and a bill has {LINES_MAX} at most: split the order")]
    TooManyLines(usize),
    /// Its parts do not make its total.
    #[error(
        "the lines and the shipping of the order make {sum}, with its tax {with_tax}, and its total is {total}, \
         which differs by {}: correct the order where it was placed",
        gap(.sum, .with_tax, .total)
    )]
    Differs {
        /// What lines and shipping make.
        sum: Money,
        /// With tax on top of them.
        with_tax: Money,
        /// What the order says.
        total: Money,
    },
    /// An amount is below nothing.
    #[error("{0} of the order is below nothing: correct the order where it was placed")]
    Negative(&'static str),
    /// Its channel does not say how much was paid.
    #[error(
        "the channel says that the order is not wholly paid, and not how much of it is: wait until it is paid"
    )]
    PaidUnknown,
    /// The sums are too large.
    #[error("{0}: the amounts of the order cannot be added, so look at them where it was placed")]
    Money(#[from] NotMoney),
}

/// By how much a total differs from the nearest of two sums.
fn gap(sum: &Money, with_tax: &Money, total: &Money) -> String {
    let gaps = [sum, with_tax].map(|sum| total.minor().saturating_sub(sum.minor()));
    let nearest = gaps.into_iter().min_by_key(|gap| gap.unsigned_abs());
    let gap = Money::from_minor(nearest.unwrap_or_default(), total.currency());
    gap.unwrap_or(Money::zero(total.currency())).to_string()
}

/// How the amounts of an order are read.
#[derive(Clone, Copy)]
struct Reading {
    /// Lines of which nothing is wanted any more cost nothing.
    skips_canceled: bool,
    /// The discount is taken off beside the lines, which are before it.
    takes_off: bool,
    prices: Prices,
}

/// The amounts of an order besides its lines, in minor units.
struct Sides {
    shipping: i128,
    discount: i128,
    tax: i128,
    total: i128,
}

impl Bill {
    /// What an order bills. What people entered here has its discount beside the lines and tax within them; of
    /// channels the reading that fits is taken. `rates` are those that the seller charges, in percent; where
    /// none are named, a rate is given only where the amounts make it exactly.
    pub fn of(order: &Order, is_by_hand: bool, rates: &[Decimal]) -> Result<Bill, BillRefusal> {
        if order.lines.is_empty() {
            return Err(BillRefusal::NoLines);
        }
        if order.lines.len() > LINES_MAX {
            return Err(BillRefusal::TooManyLines(order.lines.len()));
        }
        let sides = Sides::of(order)?;
        let reading = readings(is_by_hand)
            .find(|reading| sides.sum(order, *reading) == sides.total)
            .ok_or_else(|| sides.differ(order, is_by_hand))?;
        let money = |minor: i128| in_currency(minor, order.currency);
        let lines: Vec<&Line> = billed(order, reading).collect();
        let charged = Charged {
            prices: reading.prices,
            shipping: sides.shipping,
            discount: if reading.takes_off { sides.discount } else { 0 },
            tax: sides.tax,
            total: sides.total,
        };
        let (taxes, of_lines) = charged.taxes(&lines, rates, order.currency)?;
        let is_by_line = of_lines.is_some();
        let of_lines = of_lines.unwrap_or_else(|| vec![None; lines.len()]);
        let lines = lines.iter().zip(1..).zip(of_lines);
        Ok(Bill {
            currency: order.currency,
            prices: reading.prices,
            lines: lines
                .map(|((line, position), rate)| BillLine {
                    tax: is_by_line.then_some(line.tax),
                    ..BillLine::of(line, position, rate)
                })
                .collect(),
            shipping: positive(money(charged.shipping)?),
            discount: positive(money(charged.discount)?),
            taxes,
            tax: money(sides.tax)?,
            total: order.total,
            paid: paid(order)?,
        })
    }
}

fn in_currency(minor: i128, currency: Currency) -> Result<Money, BillRefusal> {
    let minor = i64::try_from(minor).map_err(|_| NotMoney::Range)?;
    Ok(Money::from_minor(minor, currency)?)
}

fn positive(amount: Money) -> Option<Money> {
    amount.is_positive().then_some(amount)
}

/// All readings, the likeliest first.
fn readings(is_by_hand: bool) -> impl Iterator<Item = Reading> {
    let reading = |takes_off, prices| Reading {
        skips_canceled: false,
        takes_off,
        prices,
    };
    let likely = match is_by_hand {
        true => vec![reading(true, Prices::WithTax)],
        false => vec![
            reading(false, Prices::WithTax),
            reading(false, Prices::BeforeTax),
            reading(true, Prices::WithTax),
            reading(true, Prices::BeforeTax),
        ],
    };
    let without = likely.clone().into_iter().map(|reading| Reading {
        skips_canceled: true,
        ..reading
    });
    likely.into_iter().chain(without)
}

fn billed(order: &Order, reading: Reading) -> impl Iterator<Item = &Line> {
    // What leaves in place of something else was never bought.
    let is_billed = move |line: &&Line| {
        order.replacement(line.number).is_none()
            && (!reading.skips_canceled || line.counters.wanted().is_positive())
    };
    order.lines.iter().filter(is_billed)
}

impl Sides {
    fn of(order: &Order) -> Result<Sides, BillRefusal> {
        let minor = |amount: Money| i128::from(amount.minor());
        let of_lines = || order.lines.iter().map(|line| minor(line.tax)).sum();
        let sides = match order.amounts {
            Some(amounts) => Sides {
                shipping: minor(amounts.shipping),
                discount: minor(amounts.discount),
                tax: minor(amounts.tax),
                total: minor(order.total),
            },
            // An order of before these were kept.
            None => Sides {
                shipping: 0,
                discount: 0,
                tax: of_lines(),
                total: minor(order.total),
            },
        };
        for (what, amount) in [
            ("the shipping", sides.shipping),
            ("the discount", sides.discount),
            ("the tax", sides.tax),
            ("the total", sides.total),
        ] {
            if amount < 0 {
                return Err(BillRefusal::Negative(what));
            }
        }
        Ok(sides)
    }

    fn sum(&self, order: &Order, reading: Reading) -> i128 {
        let lines: i128 = billed(order, reading)
            .map(|line| i128::from(line.total.minor()))
            .sum();
        let discount = if reading.takes_off { self.discount } else { 0 };
        let tax = match reading.prices {
            Prices::WithTax => 0,
            Prices::BeforeTax => self.tax,
        };
        lines + self.shipping - discount + tax
    }

    /// That no reading fits, with what the likeliest would make.
    fn differ(&self, order: &Order, is_by_hand: bool) -> BillRefusal {
        let Some(reading) = readings(is_by_hand).next() else {
            return BillRefusal::NoLines;
        };
        let sum = self.sum(order, reading);
        let money = |minor| in_currency(minor, order.currency);
        match (money(sum), money(sum + self.tax)) {
            (Ok(sum), Ok(with_tax)) => BillRefusal::Differs {
                sum,
                with_tax,
                total: order.total,
            },
            (Err(refusal), _) | (_, Err(refusal)) => refusal,
        }
    }
}

/// What came for an order. What was given back of it is told by credit notes.
fn paid(order: &Order) -> Result<Money, BillRefusal> {
    if !order.payments.is_empty() {
        let taken = Sums::of(&order.payments).taken;
        return Ok(Money::from_minor(taken.max(0), order.currency)?);
    }
    match &order.payment {
        PaymentState::Paid | PaymentState::PartRefunded | PaymentState::Refunded => Ok(order.total),
        PaymentState::Pending | PaymentState::Authorized | PaymentState::Voided => {
            Ok(Money::zero(order.currency))
        }
        PaymentState::PartPaid | PaymentState::Unmapped(_) => Err(BillRefusal::PaidUnknown),
    }
}

impl BillLine {
    fn of(line: &Line, position: u32, rate: Option<Decimal>) -> BillLine {
        let quantity = quantity_of(line);
        let sku = line.item.as_ref().map(|item| item.sku.to_string());
        BillLine {
            position,
            line: Some(line.number),
            sku: sku.or(line.channel_sku.clone()).unwrap_or_default(),
            title: line.title.clone(),
            quantity,
            unit_price: unit_price(line.total, quantity),
            total: line.total,
            tax: None,
            rate,
        }
    }

    /// A line that is one amount.
    fn one(position: u32, title: &str, amount: Money) -> BillLine {
        BillLine {
            position,
            line: None,
            sku: String::new(),
            title: title.to_owned(),
            quantity: Decimal::whole(1),
            unit_price: Some(amount),
            total: amount,
            tax: None,
            rate: None,
        }
    }
}

fn quantity_of(line: &Line) -> Decimal {
    let units = line.priced.unwrap_or(line.counters.ordered);
    units.to_decimal(line.scale)
}

/// The price of one, where so many of it are the total exactly.
fn unit_price(total: Money, quantity: Decimal) -> Option<Money> {
    let (digits, scale) = quantity.parts();
    let one = 10_i128.checked_pow(u32::from(scale))?;
    let of_all = i128::from(total.minor()).checked_mul(one)?;
    let digits = i128::from(digits);
    if digits <= 0 || of_all % digits != 0 {
        return None;
    }
    in_currency(of_all / digits, total.currency()).ok()
}

/// Whole units that a quantity begins, at least one: so often its tax may have been rounded.
fn roundings(quantity: Decimal) -> i128 {
    let (digits, scale) = quantity.parts();
    let one = 10_u64.checked_pow(u32::from(scale)).unwrap_or(u64::MAX);
    i128::from(digits.unsigned_abs().div_ceil(one).max(1))
}

/// What is charged in all, in minor units.
struct Charged {
    prices: Prices,
    shipping: i128,
    discount: i128,
    tax: i128,
    total: i128,
}

/// The rate of each line, where it is known.
type Rates = Vec<Option<Decimal>>;

/// What is taxed and the tax on it, in minor units.
#[derive(Clone, Copy, Default)]
struct Taxed {
    net: i128,
    tax: i128,
}

impl Charged {
    /// The tax at each rate; and the rate of each line, where each has a tax of its own.
    fn taxes(
        &self,
        lines: &[&Line],
        rates: &[Decimal],
        currency: Currency,
    ) -> Result<(Vec<TaxPart>, Option<Rates>), BillRefusal> {
        if self.tax == 0 {
            return Ok((Vec::new(), None));
        }
        let (parts, of_lines) = match self.by_line(lines, rates) {
            Some((parts, of_lines)) => (parts, Some(of_lines)),
            None => (self.as_one(lines, rates), None),
        };
        let money = |minor| in_currency(minor, currency);
        let parts = parts.into_iter().map(|(rate, taxed)| {
            Ok(TaxPart {
                rate,
                net: money(taxed.net)?,
                tax: money(taxed.tax)?,
                gross: money(taxed.net + taxed.tax)?,
            })
        });
        Ok((parts.collect::<Result<_, BillRefusal>>()?, of_lines))
    }

    /// By the tax of each line; what remains is that of the shipping. Nothing where that cannot be so, or a
    /// discount beside the lines leaves open what it was taken off.
    fn by_line(&self, lines: &[&Line], rates: &[Decimal]) -> Option<(Parts, Rates)> {
        let of_lines: i128 = lines.iter().map(|line| i128::from(line.tax.minor())).sum();
        let of_shipping = self.tax - of_lines;
        let fits = match self.shipping {
            0 => of_shipping == 0,
            shipping => of_shipping >= 0 && of_shipping * 2 <= shipping,
        };
        let is_told = lines.iter().any(|line| line.tax.minor() != 0);
        if self.discount != 0 || !fits || !is_told {
            return None;
        }
        let mut sums: BTreeMap<Option<Rate>, Taxed> = BTreeMap::new();
        let mut add = |amount: i128, tax: i128, times: i128| {
            let taxed = Taxed {
                net: match self.prices {
                    Prices::WithTax => amount - tax,
                    Prices::BeforeTax => amount,
                },
                tax,
            };
            let rate = rate_of(taxed, rates, times);
            let sum = sums.entry(rate.map(Rate)).or_default();
            sum.net += taxed.net;
            sum.tax += taxed.tax;
            rate
        };
        let of_lines = lines.iter().map(|line| {
            let (amount, tax) = (line.total.minor(), line.tax.minor());
            add(amount.into(), tax.into(), roundings(quantity_of(line)))
        });
        let of_lines: Vec<Option<Decimal>> = of_lines.collect();
        if self.shipping != 0 {
            add(self.shipping, of_shipping, 1);
        }
        let parts = sums.into_iter().rev();
        let parts = parts.map(|(rate, taxed)| (rate.map(|Rate(rate)| rate), taxed));
        // Where nothing is known of a rate it comes last.
        Some((parts.collect(), of_lines))
    }

    /// All of it together.
    fn as_one(&self, lines: &[&Line], rates: &[Decimal]) -> Parts {
        let taxed = Taxed {
            net: self.total - self.tax,
            tax: self.tax,
        };
        let times = i128::try_from(lines.len()).unwrap_or(i128::MAX);
        vec![(rate_of(taxed, rates, times), taxed)]
    }
}

type Parts = Vec<(Option<Decimal>, Taxed)>;

/// A rate that can be sorted.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Rate(Decimal);

impl Rate {
    /// In a unit that all of them have in common.
    fn parts(self) -> i128 {
        let (digits, scale) = self.0.parts();
        let factor = 10_i128.pow(9_u32.saturating_sub(u32::from(scale)));
        i128::from(digits) * factor
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Rate) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Rate) -> std::cmp::Ordering {
        self.parts().cmp(&other.parts())
    }
}
