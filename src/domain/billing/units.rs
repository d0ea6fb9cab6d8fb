//! Taking units of a bill's lines back.
//!
//! What a line costs with its tax follows from the bill alone, and units take their share of it in turn; so units
//! that are taken back one after the other make what the bill says of the line, to the minor unit.

use super::{
    Bill, BillLine, Prices, TaxPart, Taxed,
    credit::{Beyond, rest},
    rates,
};
use crate::{Decimal, Money};

/// Units of a line to be taken back: the number of the line in its order, and how many.
pub type Asked = (u32, Decimal);

/// What a line of a bill costs in all, in minor units.
#[derive(Clone, Copy)]
struct Figure {
    gross: i128,
    tax: i128,
    /// The place of its rate among the taxes of the bill.
    part: Option<usize>,
}

/// What is taken back of a line.
struct Taken<'b> {
    line: &'b BillLine,
    units: Decimal,
    figure: Figure,
}

impl Bill {
    /// What a credit of these units says. An amount below what they cost is shared out over them; one above it has
    /// a line of its own, titled `title`.
    pub fn credit_units(
        &self,
        credits: &[&Bill],
        asked: &[Asked],
        (amount, title): (Option<Money>, &str),
        refunded: Money,
    ) -> Result<Bill, Beyond> {
        let mut taken = self.taken(credits, asked)?;
        let worth: i128 = taken.iter().map(|one| one.figure.gross).sum();
        let amount = match amount {
            Some(amount) => amount,
            None => self.money(worth),
        };
        let left = self.left_for(credits, amount)?;
        let all = i128::from(amount.minor());
        if all < worth {
            share_out(&mut taken, all, worth);
        }
        let of_lines = all.min(worth);
        let mut taxed = self.taxed_of(&taken);
        let more = self.money(all.saturating_sub(of_lines));
        if more.is_positive() {
            let lines = self.of_parts(&taxed, taken.len());
            let interim = self.credit_of(Vec::new(), lines, self.money(of_lines));
            let with: Vec<&Bill> = credits.iter().copied().chain([&interim]).collect();
            let beside = self.money(i128::from(left.minor()).saturating_sub(of_lines));
            for (sum, part) in taxed.iter_mut().zip(self.shares(&with, more, beside)) {
                sum.net += i128::from(part.net.minor());
                sum.tax += i128::from(part.tax.minor());
            }
        }
        self.fit(&mut taxed, credits, amount == left)?;
        let taxes = self.of_parts(&taxed, taken.len().saturating_add(1));
        let mut lines: Vec<BillLine> = taken
            .iter()
            .zip(1..)
            .map(|(one, position)| self.line_of(one, position, &taxes))
            .collect();
        if more.is_positive() {
            let position = u32::try_from(lines.len().saturating_add(1)).unwrap_or(u32::MAX);
            lines.push(BillLine::one(position, title, more));
        }
        let mut credit = self.credit_of(lines, taxes, amount);
        credit.paid = self.given_back(credits, amount, refunded);
        Ok(credit)
    }

    fn taken(&self, credits: &[&Bill], asked: &[Asked]) -> Result<Vec<Taken<'_>>, Beyond> {
        let figures = self.figures();
        let mut taken: Vec<Taken<'_>> = Vec::new();
        for (number, units) in asked {
            let place = self
                .lines
                .iter()
                .position(|line| line.line == Some(*number));
            let (line, figure) = place
                .and_then(|place| Some((self.lines.get(place)?, *figures.get(place)?)))
                .ok_or(Beyond::NoLine(*number))?;
            if scaled(*units) <= 0 {
                return Err(Beyond::NotPositive);
            }
            let given = credits.iter().flat_map(|credit| &credit.lines);
            let given = given.filter(|one| one.line == Some(*number));
            let given = given.map(|one| scaled(one.quantity));
            let named = taken.iter().filter(|one| one.line.line == Some(*number));
            let named = named.map(|one| scaled(one.units));
            let before: i128 = given.chain(named).sum();
            let (after, all) = (before + scaled(*units), scaled(line.quantity));
            if after > all {
                let left = from_scaled(all - before);
                return Err(Beyond::Units {
                    line: *number,
                    left,
                });
            }
            let share = |of: i128| cut(of, after, all) - cut(of, before, all);
            let figure = Figure {
                gross: share(figure.gross),
                tax: share(figure.tax),
                part: figure.part,
            };
            let units = *units;
            taken.push(Taken {
                line,
                units,
                figure,
            });
        }
        Ok(taken)
    }

    /// What each line costs in all. A discount beside the lines is taken off them in turn, and where only the sum
    /// of a tax is known each line has its share of it.
    fn figures(&self) -> Vec<Figure> {
        let minor = |money: Money| i128::from(money.minor());
        let all: i128 = self.lines.iter().map(|line| minor(line.total)).sum();
        let discount = self.discount.map_or(0, minor);
        let mut before = 0;
        let mut shared = vec![0_i128; self.taxes.len()];
        let figures = self.lines.iter().map(|line| {
            let after = before + minor(line.total);
            let off = cut(discount, after, all) - cut(discount, before, all);
            before = after;
            let amount = minor(line.total) - off;
            let part = self.part_of(line);
            let tax = match (line.tax, part) {
                (Some(tax), _) => minor(tax),
                (None, None) => 0,
                (None, Some(place)) => {
                    let (Some(part), Some(until)) = (self.taxes.get(place), shared.get_mut(place))
                    else {
                        return Figure {
                            gross: amount,
                            tax: 0,
                            part: None,
                        };
                    };
                    let base = match self.prices {
                        Prices::WithTax => minor(part.gross),
                        Prices::BeforeTax => minor(part.net),
                    };
                    let (from, to) = (*until, *until + amount);
                    *until = to;
                    cut(minor(part.tax), to, base) - cut(minor(part.tax), from, base)
                }
            };
            let gross = match self.prices {
                Prices::WithTax => amount,
                Prices::BeforeTax => amount + tax,
            };
            Figure { gross, tax, part }
        });
        figures.collect()
    }

    fn part_of(&self, line: &BillLine) -> Option<usize> {
        if self.taxes.len() == 1 {
            return Some(0);
        }
        self.taxes.iter().position(|part| part.rate == line.rate)
    }

    fn taxed_of(&self, taken: &[Taken<'_>]) -> Vec<Taxed> {
        let mut sums = vec![Taxed::default(); self.taxes.len()];
        for one in taken {
            let Figure { gross, tax, part } = one.figure;
            if let Some(sum) = part.and_then(|place| sums.get_mut(place)) {
                sum.net += gross - tax;
                sum.tax += tax;
            }
        }
        sums
    }

    /// No more at a rate than is left at it; and all of it, when nothing is left afterwards.
    fn fit(&self, taxed: &mut [Taxed], credits: &[&Bill], is_all: bool) -> Result<(), Beyond> {
        for (at, (part, sum)) in self.taxes.iter().zip(taxed).enumerate() {
            let left = rest(part, at, credits);
            let (gross, most) = (sum.net + sum.tax, left.net + left.tax);
            if is_all || gross == most {
                *sum = left;
                continue;
            }
            if gross > most {
                return Err(Beyond::Left(self.money(most)));
            }
            sum.tax = sum.tax.clamp(gross - left.net, left.tax);
            sum.net = gross - sum.tax;
        }
        Ok(())
    }

    fn of_parts(&self, taxed: &[Taxed], lines: usize) -> Vec<TaxPart> {
        let times = i128::try_from(lines).unwrap_or(i128::MAX);
        let parts = self.taxes.iter().zip(taxed);
        let parts = parts.map(|(part, taxed)| TaxPart {
            rate: part.rate.filter(|rate| rates::makes(*taxed, *rate, times)),
            net: self.money(taxed.net),
            tax: self.money(taxed.tax),
            gross: self.money(taxed.net + taxed.tax),
        });
        parts.collect()
    }

    fn line_of(&self, taken: &Taken<'_>, position: u32, taxes: &[TaxPart]) -> BillLine {
        let total = self.money(taken.figure.gross);
        let part = taken.figure.part.and_then(|place| taxes.get(place));
        BillLine {
            position,
            line: taken.line.line,
            sku: taken.line.sku.clone(),
            title: taken.line.title.clone(),
            quantity: taken.units,
            unit_price: super::unit_price(total, taken.units),
            total,
            tax: Some(self.money(taken.figure.tax)),
            rate: part.and_then(|part| part.rate),
        }
    }

    fn credit_of(&self, lines: Vec<BillLine>, taxes: Vec<TaxPart>, total: Money) -> Bill {
        let tax = taxes.iter().map(|part| i128::from(part.tax.minor())).sum();
        Bill {
            currency: self.currency,
            prices: Prices::WithTax,
            lines,
            shipping: None,
            discount: None,
            taxes,
            tax: self.money(tax),
            total,
            paid: Money::zero(self.currency),
        }
    }

    pub(super) fn money(&self, minor: i128) -> Money {
        let minor = i64::try_from(minor).unwrap_or_default();
        Money::from_minor(minor, self.currency).unwrap_or(Money::zero(self.currency))
    }
}

/// An amount below what units cost, in the measure of that.
fn share_out(taken: &mut [Taken<'_>], all: i128, worth: i128) {
    let mut before = 0;
    for one in taken {
        let Figure { gross, tax, .. } = one.figure;
        let share = cut(all, before + gross, worth) - cut(all, before, worth);
        before += gross;
        one.figure.gross = share;
        one.figure.tax = cut(tax, share, gross);
    }
}

/// So much of an amount as a part is of a whole, rounded down.
fn cut(of: i128, part: i128, whole: i128) -> i128 {
    of.saturating_mul(part)
        .checked_div(whole)
        .unwrap_or_default()
}

/// The most decimals that a quantity has.
const SCALE: u8 = 9;

/// In a unit that all quantities have in common.
fn scaled(quantity: Decimal) -> i128 {
    let (digits, scale) = quantity.parts();
    i128::from(digits) * 10_i128.pow(u32::from(SCALE.saturating_sub(scale)))
}

fn from_scaled(units: i128) -> Decimal {
    let one = 10_i128.pow(u32::from(SCALE));
    let whole = i64::try_from(units / one).unwrap_or(i64::MAX);
    let rest = i64::try_from(units % one).ok();
    let rest = rest.and_then(|rest| crate::Quantity::new(rest).ok());
    match rest.filter(|rest| rest.is_positive()) {
        None => Decimal::whole(whole),
        Some(rest) => {
            let fraction = rest.to_decimal(SCALE);
            let whole = Decimal::whole(whole.saturating_neg());
            fraction.minus(whole).unwrap_or(fraction)
        }
    }
}
