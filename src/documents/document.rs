//! What a document is made of: plain data, with the amounts as somebody else computed them.
//!
//! Nothing here is computed or looked up. Numbers come from the caller's series, days from its time zone, and
//! amounts from the order; [`check`](crate::check) only holds that they fit together. None of it can be
//! printed by `Debug` but its kind and number, since it is full of what orders say of people.

use std::fmt;

use domain::{Currency, Decimal, Money, snapshot::Address};
use jiff::civil::Date;

use crate::Language;

/// One document.
#[derive(Clone, PartialEq)]
pub struct Document {
    /// Its number, in the series of its kind.
    pub number: String,
    /// The day that stands on it: a calendar day where the seller is, hence no instant.
    pub date: Date,
    /// The language of all labels, amounts and days. Texts from outside stay as they are.
    pub language: Language,
    /// What it is printed on.
    pub paper: Paper,
    /// Who it is from.
    pub seller: Seller,
    /// What stands at the foot, as the law or the house wants it; empty for nothing.
    pub footer: String,
    /// Its kind, and what that kind says.
    pub body: Body,
}

/// The size of a sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paper {
    /// 210 by 297 millimeters.
    #[default]
    A4,
    /// 8.5 by 11 inches.
    Letter,
}

/// The kind of a document, with its content.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// Tells a buyer what was ordered and for how much.
    OrderConfirmation(Statement),
    /// Asks for money, or says that it came.
    Invoice(Statement),
    /// Takes an invoice back, in whole or in part. Amounts are what the buyer gets, as positive numbers.
    CreditNote(Correction, Statement),
    /// Lies in the parcel. It has no prices.
    PackingSlip(Packing),
    /// For whoever fetches the goods, for one order or many.
    PickList(Picking),
}

/// The invoice that a credit note corrects.
#[derive(Clone, PartialEq)]
pub struct Correction {
    /// Its number.
    pub invoice: String,
    /// Its day.
    pub date: Option<Date>,
    /// Why; empty where nothing is said.
    pub reason: String,
}

/// Who sells. Everything but the name may be empty.
#[derive(Clone, PartialEq, Default)]
pub struct Seller {
    /// The firm or person, as the register has it.
    pub name: String,
    /// Street and town, a line each.
    pub address: Vec<String>,
    /// ISO 3166 alpha-2. Addresses in this country are written without it.
    pub country: String,
    /// Numbers by which tax offices know the seller.
    pub tax_ids: Vec<TaxId>,
    /// The register and the number in it.
    pub register: String,
    /// Where money is to be sent.
    pub bank: Option<Bank>,
    /// An e-mail address.
    pub email: String,
    /// A telephone number.
    pub phone: String,
}

/// A number by which a tax office knows somebody.
#[derive(Clone, PartialEq)]
pub struct TaxId {
    /// What it is called there (`EIN`, `Steuernummer`); empty for the VAT ID, which has a label.
    pub name: String,
    /// The number.
    pub number: String,
}

/// An account at a bank. What is empty is not shown.
#[derive(Clone, PartialEq, Default)]
pub struct Bank {
    /// The bank.
    pub name: String,
    /// Whose account it is.
    pub holder: String,
    /// The IBAN.
    pub iban: String,
    /// The BIC.
    pub bic: String,
}

/// What a document refers to. What is empty is not shown.
#[derive(Clone, PartialEq, Default)]
pub struct References {
    /// The number of the order.
    pub order: String,
    /// Where it was placed, as the buyer knows it.
    pub channel: String,
    /// The day on which it was placed.
    pub ordered_on: Option<Date>,
    /// What the buyer calls it.
    pub buyer_reference: String,
    /// What the buyer said.
    pub note: String,
}

/// Whether prices of lines, shipping and discount have tax in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prices {
    /// They do: lines + shipping − discount = total.
    WithTax,
    /// They do not: lines + shipping − discount + tax = total.
    BeforeTax,
}

/// What was bought and what it costs.
#[derive(Clone, PartialEq)]
pub struct Statement {
    /// The currency of every amount in it.
    pub currency: Currency,
    /// Whether prices have tax in them.
    pub prices: Prices,
    /// Who ordered, where that is neither of the others.
    pub buyer: Option<Address>,
    /// Where the bill goes.
    pub bill_to: Option<Address>,
    /// Where the goods go.
    pub ship_to: Option<Address>,
    /// The number by which the buyer's tax office knows it; empty for none.
    pub buyer_tax_id: String,
    /// What it refers to.
    pub references: References,
    /// The day of supply, where the law wants it.
    pub supplied_on: Option<Date>,
    /// What was bought, in this order.
    pub lines: Vec<Line>,
    /// For sending it; nothing where that is not a matter.
    pub shipping: Option<Money>,
    /// Taken off the whole order beside the discounts of lines, as a positive amount.
    pub discount: Option<Money>,
    /// The tax at each rate; empty where none is charged.
    pub taxes: Vec<TaxLine>,
    /// All tax.
    pub tax: Money,
    /// What the buyer pays in all, tax within it.
    pub total: Money,
    /// What was paid of it, less what was given back. On a credit note: what was refunded of it. What is due
    /// follows from it.
    pub paid: Money,
    /// By when the rest is due.
    pub due_on: Option<Date>,
    /// The terms of payment; empty for none.
    pub terms: String,
    /// What the law wants to be said of tax (`Reverse charge`); empty for nothing.
    pub tax_note: String,
}

/// One line of it.
#[derive(Clone, PartialEq)]
pub struct Line {
    /// Its place, as it is printed.
    pub position: u32,
    /// The item; empty for what has none.
    pub sku: String,
    /// What the buyer calls it.
    pub title: String,
    /// How many, or how much.
    pub quantity: Decimal,
    /// Of what (`kg`, `m`); empty for pieces.
    pub unit: String,
    /// The price of one; nothing where only the line has a price.
    pub unit_price: Option<Money>,
    /// Taken off the line, as a positive amount.
    pub discount: Option<Money>,
    /// The price of the line: quantity × price − discount, rounded up or down to the minor unit.
    pub total: Money,
    /// The rate of tax in percent (`19`, `8.875`); it has a line among the taxes.
    pub tax_rate: Option<Decimal>,
}

/// The tax at one rate.
#[derive(Clone, PartialEq)]
pub struct TaxLine {
    /// What the tax is called (`IGIC`, `NY sales tax`); empty for the language's usual word.
    pub name: String,
    /// In percent; nothing where the amount follows from no rate.
    pub rate: Option<Decimal>,
    /// What is taxed.
    pub net: Money,
    /// The tax.
    pub tax: Money,
    /// Both.
    pub gross: Money,
}

/// What lies in the parcels of one shipment.
#[derive(Clone, PartialEq)]
pub struct Packing {
    /// Where the goods go.
    pub ship_to: Option<Address>,
    /// What it refers to.
    pub references: References,
    /// What lies in it, in this order.
    pub lines: Vec<PackedLine>,
    /// In which parcels; may be empty.
    pub parcels: Vec<Parcel>,
}

/// One line of a packing slip.
#[derive(Clone, PartialEq)]
pub struct PackedLine {
    /// Its place, as it is printed.
    pub position: u32,
    /// The item; empty for what has none.
    pub sku: String,
    /// What the buyer calls it.
    pub title: String,
    /// How many were ordered; shown where some line says it.
    pub ordered: Option<Decimal>,
    /// How many are in this shipment.
    pub quantity: Decimal,
    /// Of what (`kg`, `m`); empty for pieces.
    pub unit: String,
}

/// One parcel. What is empty is not shown.
#[derive(Clone, PartialEq, Default)]
pub struct Parcel {
    /// Who carries it.
    pub carrier: String,
    /// By which number it can be followed.
    pub tracking: String,
    /// Its mass with all in it, in grams.
    pub weight_g: Option<u32>,
}

/// What is to be fetched.
#[derive(Clone, PartialEq)]
pub struct Picking {
    /// In which order of lines.
    pub sequence: Sequence,
    /// For which orders.
    pub orders: Vec<PickOrder>,
}

/// The order of the lines of a pick list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// Order by order, each as it was given.
    ByOrder,
    /// Along the shelves: by location, then SKU, then as they were given; each line names its order.
    ByLocation,
}

/// What is to be fetched for one order.
#[derive(Clone, PartialEq)]
pub struct PickOrder {
    /// Its number.
    pub order: String,
    /// Where it was placed; empty for nothing.
    pub channel: String,
    /// By when it is to be shipped.
    pub ship_by: Option<Date>,
    /// What whoever packs must know; empty for nothing.
    pub note: String,
    /// What is to be fetched, in this order.
    pub picks: Vec<Pick>,
}

/// One thing to be fetched.
#[derive(Clone, PartialEq)]
pub struct Pick {
    /// The bin or shelf; empty where none is known.
    pub location: String,
    /// The item.
    pub sku: String,
    /// What it is called.
    pub title: String,
    /// How many, or how much.
    pub quantity: Decimal,
    /// Of what (`kg`, `m`); empty for pieces.
    pub unit: String,
}

impl Body {
    /// The statement, of a kind that has amounts.
    pub fn statement(&self) -> Option<&Statement> {
        match self {
            Body::OrderConfirmation(statement)
            | Body::Invoice(statement)
            | Body::CreditNote(_, statement) => Some(statement),
            Body::PackingSlip(_) | Body::PickList(_) => None,
        }
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.body {
            Body::OrderConfirmation(_) => "OrderConfirmation",
            Body::Invoice(_) => "Invoice",
            Body::CreditNote(..) => "CreditNote",
            Body::PackingSlip(_) => "PackingSlip",
            Body::PickList(_) => "PickList",
        };
        write!(f, "{kind}({}, …)", self.number)
    }
}
