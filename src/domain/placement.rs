//! An order as a person enters it.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Currency, Decimal, ExternalId, Money, Time,
    money::NotMoney,
    payment::{Method, Pays, Step},
    snapshot::{Address, Buyer, print_of},
    verify::Gist,
};

/// An order that somebody enters. Prices are what the buyer pays: tax is within them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// On which account; its orders are entered by hand.
    pub account: AccountId,
    /// What makes it one order, and its number: that of a paper form, say. Without one a number is given,
    /// and the same order entered again is another one.
    pub reference: Option<ExternalId>,
    /// When it was placed; now where nothing is said.
    pub placed_at: Option<Time>,
    /// What was bought.
    pub lines: Vec<PlacedLine>,
    /// For sending it.
    pub shipping: Money,
    /// Taken off, as a positive amount.
    pub discount: Money,
    /// The tax within it.
    pub tax: Money,
    /// What the buyer pays, where somebody says so: what the lines and shipping are, less the discount.
    pub total: Option<Money>,
    /// Who bought.
    pub buyer: Buyer,
    /// Where it goes; nothing for what is taken along.
    pub ship_to: Option<Address>,
    /// Where the bill goes.
    pub bill_to: Option<Address>,
    /// What the buyer said.
    pub note: String,
    /// By when it is to be shipped.
    pub ship_by: Option<Time>,
    /// When it may leave.
    pub pays: Pays,
    /// What was paid already.
    pub payments: Vec<NewPayment>,
    /// Who enters it.
    pub by: String,
    /// Whether it takes the place of what is known under its reference.
    pub replaces: bool,
    /// A fingerprint of what it said of people, where that was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_print: Option<u64>,
    /// What decisions go by of them, where they were left out or somebody looked further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gist: Option<Gist>,
}

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedLine {
    /// The item; without one it is said later which it is.
    pub sku: Option<String>,
    /// What the buyer calls it.
    pub title: String,
    /// How many.
    pub units: Decimal,
    /// The price of one.
    pub price: Option<Money>,
    /// The price of the line; that of its units where nothing is said.
    pub total: Option<Money>,
    /// The tax within the price of the line.
    pub tax: Option<Money>,
    /// Whether it must be sent.
    pub requires_shipping: bool,
}

/// A payment as a person enters it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPayment {
    /// What happened.
    pub step: Step,
    /// By which means.
    pub method: Method,
    /// How much.
    pub amount: Money,
    /// What the bank, the terminal or the provider calls it.
    pub reference: String,
    /// When it happened; now where nothing is said.
    pub at: Option<Time>,
    /// Who enters it.
    pub by: String,
}

/// Why an order cannot be entered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementRefusal {
    /// It has no lines.
    #[error("an order has at least one line: add what was bought")]
    NoLines,
    /// A line is of nothing, or less.
    #[error("line {0}: units must be more than nothing")]
    NoUnits(u32),
    /// A line has neither an item nor a title.
    #[error("line {0}: it needs a SKU or a title")]
    Nameless(u32),
    /// A line has no price.
    #[error("line {0}: it needs the price of one unit, or of the line")]
    NoPrice(u32),
    /// The units of a line have no exact price.
    #[error("line {0}: {1} times {2} is no exact amount: give the price of the line")]
    Inexact(u32, Decimal, Money),
    /// The price of the line is not that of its units.
    #[error("line {line}: {units} times {price} is {sum}, not {said}: correct one of them")]
    LineDiffers {
        /// Which line.
        line: u32,
        /// How many.
        units: Decimal,
        /// The price of one.
        price: Money,
        /// What that makes.
        sum: Money,
        /// What was said.
        said: Money,
    },
    /// The parts are not the total.
    #[error("lines, shipping and discount make {sum}, not {said}: correct one of them")]
    TotalDiffers {
        /// What the parts make.
        sum: Money,
        /// What was said.
        said: Money,
    },
    /// An amount is below nothing.
    #[error("{0} must not be below nothing: give an amount of 0 or more")]
    Negative(&'static str),
    /// Amounts cannot be added.
    #[error(
        "the amounts cannot be added ({0}): give all of them in one currency, and smaller ones"
    )]
    Money(NotMoney),
    /// What replaces a line is another item.
    #[error(
        "line {0}: it was of another item; add a line for that, and leave this one at its units"
    )]
    OtherItem(u32),
}

impl PlacedLine {
    /// The price of the line.
    pub fn total(&self, number: u32) -> Result<Money, PlacementRefusal> {
        if self.sku.as_deref().is_none_or(str::is_empty) && self.title.is_empty() {
            return Err(PlacementRefusal::Nameless(number));
        }
        if self.units.parts().0 <= 0 {
            return Err(PlacementRefusal::NoUnits(number));
        }
        let of_units = self.price.map(|price| (price, self.of_units(price)));
        let total = match (of_units, self.total) {
            (None, None) => return Err(PlacementRefusal::NoPrice(number)),
            (Some((price, None)), None) => {
                return Err(PlacementRefusal::Inexact(number, self.units, price));
            }
            (Some((price, Some(sum))), Some(said)) if sum != said => {
                return Err(PlacementRefusal::LineDiffers {
                    line: number,
                    units: self.units,
                    price,
                    sum,
                    said,
                });
            }
            (Some((_, Some(sum))), _) => sum,
            (_, Some(said)) => said,
        };
        if total.minor() < 0 {
            return Err(PlacementRefusal::Negative("the price of a line"));
        }
        Ok(total)
    }

    /// The price of all units, where it is exact.
    fn of_units(&self, price: Money) -> Option<Money> {
        let (units, scale) = self.units.parts();
        let one = 10_i64.checked_pow(u32::from(scale))?;
        let product = price.minor().checked_mul(units)?;
        (product % one == 0)
            .then(|| Money::from_minor(product / one, price.currency()).ok())
            .flatten()
    }
}

impl Placement {
    /// The currency of all of its amounts.
    pub fn currency(&self) -> Currency {
        self.shipping.currency()
    }

    /// The same without what it says of people, but for a fingerprint of that and where it goes: enough to
    /// decide about it again.
    pub fn without_people(&self) -> Placement {
        let mut plain = self.clone();
        plain.gist = Some(plain.gist());
        let person = (
            std::mem::take(&mut plain.buyer),
            plain.ship_to.take(),
            plain.bill_to.take(),
            std::mem::take(&mut plain.note),
        );
        plain.ship_to = person.1.as_ref().map(Address::place);
        plain.person_print = Some(plain.person_print.unwrap_or_else(|| print_of(&person)));
        plain
    }

    /// What decisions go by of the people in it.
    pub fn gist(&self) -> Gist {
        let gist = self.gist.clone();
        gist.unwrap_or_else(|| Gist::of(self.ship_to.as_ref(), self.bill_to.as_ref()))
    }

    /// What the parts make, which is the total.
    pub fn sum(&self) -> Result<Money, PlacementRefusal> {
        if self.lines.is_empty() {
            return Err(PlacementRefusal::NoLines);
        }
        let parts = [
            ("shipping", self.shipping),
            ("the discount", self.discount),
            ("the tax", self.tax),
        ];
        let total = self.total.map(|total| ("the total", total));
        let mut parts = parts.into_iter().chain(total);
        if let Some((what, _)) = parts.find(|(_, amount)| amount.minor() < 0) {
            return Err(PlacementRefusal::Negative(what));
        }
        let mut sum = self.shipping;
        for (line, number) in self.lines.iter().zip(1_u32..) {
            sum = sum
                .plus(line.total(number)?)
                .map_err(PlacementRefusal::Money)?;
        }
        let sum = sum.minus(self.discount).map_err(PlacementRefusal::Money)?;
        if sum.minor() < 0 {
            return Err(PlacementRefusal::Negative(
                "what is left after the discount",
            ));
        }
        match self.total.filter(|said| *said != sum) {
            Some(said) => Err(PlacementRefusal::TotalDiffers { sum, said }),
            None => Ok(sum),
        }
    }
}
