//! Whether the amounts of a document fit together, to the minor unit.
//!
//! Nothing is corrected here: a document that is wrong is refused with the difference, and whoever made it
//! looks for the reason.

use domain::{Currency, Decimal, Money};

use crate::{Body, Document, Line, Prices, Statement, TaxLine};

/// The most lines of one document, over all of its tables: some 400 sheets.
pub const LINES_MAX: usize = 10_000;

/// Why there can be no such document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has not what gives it a meaning.
    #[error("{0} is missing: a document cannot be without it")]
    Missing(&'static str),
    /// There are too many lines.
    #[error("the document has {0} lines, and {LINES_MAX} are the most: make several of it")]
    TooManyLines(usize),
    /// An amount is in another currency than its document.
    #[error(
        "{part} is in {found}, and the document in {expected}: give all amounts in one currency"
    )]
    Currency {
        /// Which amount.
        part: Part,
        /// That of the document.
        expected: Currency,
        /// That of the amount.
        found: Currency,
    },
    /// An amount that is taken off or added is below nothing.
    #[error("{part} is {amount}, which is below nothing: give it as an amount of 0 or more")]
    Negative {
        /// Which amount.
        part: Part,
        /// How much it is.
        amount: Money,
    },
    /// A line is taxed at a rate that is not among the taxes.
    #[error(
        "line {position} has tax at {rate}%, and no tax line has that rate: add it, or correct the line"
    )]
    NoTaxLine {
        /// Which line.
        position: u32,
        /// Its rate.
        rate: Decimal,
    },
    /// What was said is not what the parts make.
    #[error("{0}")]
    Differs(Difference),
    /// The parts cannot be computed with.
    #[error("{0} is out of range: give smaller numbers")]
    Range(Part),
}

/// What was said, and what the parts make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part} is said to be {stated}, and its parts make {computed}, which differs by {by}: correct one of them"
)]
pub struct Difference {
    /// Which amount.
    pub part: Part,
    /// What the parts make.
    pub computed: Money,
    /// What the document says.
    pub stated: Money,
    /// How much more the document says than the parts make; negative where it is less.
    pub by: Money,
}

/// An amount of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Part {
    /// The price of one unit, in the line at this position.
    #[error("the unit price of line {0}")]
    UnitPrice(u32),
    /// The discount of the line at this position.
    #[error("the discount of line {0}")]
    LineDiscount(u32),
    /// The price of the line at this position: quantity × price − discount.
    #[error("the amount of line {0}")]
    Line(u32),
    /// What is paid for sending.
    #[error("shipping")]
    Shipping,
    /// What is taken off the order.
    #[error("the discount")]
    Discount,
    /// What is taxed at the rate of the tax line at this place, from 1.
    #[error("the net amount of tax line {0}")]
    TaxNet(usize),
    /// The tax of the tax line at this place: net × rate, and one minor unit for each rounding.
    #[error("the tax of tax line {0}")]
    TaxAtRate(usize),
    /// Net and tax of the tax line at this place.
    #[error("the gross amount of tax line {0}")]
    TaxGross(usize),
    /// All tax: the sum of the tax lines.
    #[error("the tax")]
    Tax,
    /// The total, as the lines, shipping, discount and tax make it.
    #[error("the total")]
    Total,
    /// The total, as the tax lines make it.
    #[error("the total that is taxed")]
    TaxedTotal,
    /// What was paid.
    #[error("what was paid")]
    Paid,
}

/// Refuses a document that is wrong.
pub(crate) fn check(document: &Document) -> Result<(), Error> {
    let blank = crate::text::is_blank;
    if blank(&document.number) {
        return Err(Error::Missing("the number"));
    }
    if blank(&document.seller.name) {
        return Err(Error::Missing("the name of the seller"));
    }
    let lines = match &document.body {
        Body::OrderConfirmation(statement) | Body::Invoice(statement) => statement.lines.len(),
        Body::CreditNote(correction, _) if blank(&correction.invoice) => {
            return Err(Error::Missing(
                "the number of the invoice that is corrected",
            ));
        }
        Body::CreditNote(_, statement) => statement.lines.len(),
        Body::PackingSlip(packing) => packing.lines.len().saturating_add(packing.parcels.len()),
        // Each order has a line of its own above its picks.
        Body::PickList(picking) => picking
            .orders
            .iter()
            .map(|order| order.picks.len().saturating_add(1))
            .sum(),
    };
    let taxes = document
        .body
        .statement()
        .map_or(0, |statement| statement.taxes.len());
    let lines = lines.saturating_add(taxes);
    if lines > LINES_MAX {
        return Err(Error::TooManyLines(lines));
    }
    document.body.statement().map_or(Ok(()), check_statement)
}

fn check_statement(statement: &Statement) -> Result<(), Error> {
    let sum = Sums {
        currency: statement.currency,
    };
    let mut items = 0;
    for line in &statement.lines {
        sum.check_line(line)?;
        items += i128::from(line.total.minor());
        let is_listed = |rate| statement.taxes.iter().any(|tax| is_same(tax.rate, rate));
        if let Some(rate) = line.tax_rate.filter(|rate| !is_listed(*rate)) {
            return Err(Error::NoTaxLine {
                position: line.position,
                rate,
            });
        }
    }
    let mut tax = 0;
    let mut taxed = 0;
    let leeway = roundings(statement);
    for (line, place) in statement.taxes.iter().zip(1..) {
        sum.check_tax_line(line, place, leeway)?;
        tax += i128::from(line.tax.minor());
        taxed += i128::from(line.gross.minor());
    }
    sum.compare(Part::Tax, tax, statement.tax)?;
    let shipping = sum.optional(Part::Shipping, statement.shipping)?;
    let discount = sum.optional(Part::Discount, statement.discount)?;
    let added = match statement.prices {
        Prices::WithTax => 0,
        Prices::BeforeTax => tax,
    };
    sum.compare(
        Part::Total,
        items + shipping - discount + added,
        statement.total,
    )?;
    if !statement.taxes.is_empty() {
        sum.compare(Part::TaxedTotal, taxed, statement.total)?;
    }
    let paid = sum.at_least_nothing(Part::Paid, statement.paid)?;
    let total = i128::from(statement.total.minor());
    // What is shown beside the total must be an amount too.
    for shown in [items, total - tax, total - paid] {
        sum.money(shown).ok_or(Error::Range(Part::Total))?;
    }
    Ok(())
}

/// How often a tax may have been rounded: some channels round that of each unit, others that of each line, of
/// shipping and of the discount. Each can move a sum by up to one minor unit.
fn roundings(statement: &Statement) -> i128 {
    let units = statement.lines.iter().map(|line| {
        let (digits, scale) = line.quantity.parts();
        let one = 10_u64.checked_pow(u32::from(scale)).unwrap_or(u64::MAX);
        i128::from(digits.unsigned_abs().div_ceil(one).max(1))
    });
    units.sum::<i128>() + 2
}

/// Whether two rates are one.
fn is_same(one: Option<Decimal>, other: Decimal) -> bool {
    one.and_then(|one| one.minus(other)) == Some(Decimal::ZERO)
}

/// Sums in one currency, in minor units. Each amount is at most 10^15 of them, and there are at most
/// [`LINES_MAX`], so a sum is far from the end of its type.
struct Sums {
    currency: Currency,
}

impl Sums {
    /// The price of a line is that of its units less the discount; a fraction of the minor unit may have
    /// been rounded either way.
    fn check_line(&self, line: &Line) -> Result<(), Error> {
        let position = line.position;
        let discount = self.optional(Part::LineDiscount(position), line.discount)?;
        let stated = self.minor(Part::Line(position), line.total)?;
        let Some(price) = line.unit_price else {
            return Ok(());
        };
        let price = self.minor(Part::UnitPrice(position), price)?;
        let (digits, scale) = line.quantity.parts();
        let one = 10_i128.checked_pow(u32::from(scale));
        let product = price.checked_mul(i128::from(digits));
        let (Some(one), Some(product)) = (one, product) else {
            return Err(Error::Range(Part::Line(position)));
        };
        let floor = product.div_euclid(one) - discount;
        let is_exact = product.rem_euclid(one) == 0;
        if stated == floor || (stated == floor + 1 && !is_exact) {
            return Ok(());
        }
        self.compare(Part::Line(position), floor, line.total)
    }

    /// Net and tax make the gross, and the tax is that of its rate but for roundings.
    fn check_tax_line(&self, line: &TaxLine, place: usize, leeway: i128) -> Result<(), Error> {
        let net = self.minor(Part::TaxNet(place), line.net)?;
        let tax = self.minor(Part::TaxAtRate(place), line.tax)?;
        self.compare(Part::TaxGross(place), net + tax, line.gross)?;
        let Some(rate) = line.rate else {
            return Ok(());
        };
        let out_of_range = || Error::Range(Part::TaxAtRate(place));
        let (digits, scale) = rate.parts();
        let one = 10_i128
            .checked_pow(u32::from(scale) + 2)
            .ok_or_else(out_of_range)?;
        let product = net
            .checked_mul(i128::from(digits))
            .ok_or_else(out_of_range)?;
        let computed = product.div_euclid(one);
        // The quotient is rounded down, so above it is one more.
        if tax < computed - leeway || tax > computed + 1 + leeway {
            self.compare(Part::TaxAtRate(place), computed, line.tax)?;
        }
        Ok(())
    }

    fn compare(&self, part: Part, computed: i128, stated: Money) -> Result<(), Error> {
        let by = self.minor(part.clone(), stated)? - computed;
        if by == 0 {
            return Ok(());
        }
        let (Some(computed), Some(by)) = (self.money(computed), self.money(by)) else {
            return Err(Error::Range(part));
        };
        Err(Error::Differs(Difference {
            part,
            computed,
            stated,
            by,
        }))
    }

    fn money(&self, minor: i128) -> Option<Money> {
        Money::from_minor(i64::try_from(minor).ok()?, self.currency).ok()
    }

    fn optional(&self, part: Part, amount: Option<Money>) -> Result<i128, Error> {
        amount.map_or(Ok(0), |amount| self.at_least_nothing(part, amount))
    }

    fn at_least_nothing(&self, part: Part, amount: Money) -> Result<i128, Error> {
        match self.minor(part.clone(), amount)? {
            minor if minor < 0 => Err(Error::Negative { part, amount }),
            minor => Ok(minor),
        }
    }

    fn minor(&self, part: Part, amount: Money) -> Result<i128, Error> {
        if amount.currency() != self.currency {
            return Err(Error::Currency {
                part,
                expected: self.currency,
                found: amount.currency(),
            });
        }
        Ok(i128::from(amount.minor()))
    }
}
