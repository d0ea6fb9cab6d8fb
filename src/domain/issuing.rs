//! Documents that are issued under a number: invoices, and credit notes that take them back.
//!
//! Numbers come from series without gaps. The number is taken by the decision that issues the document, from a
//! row that says which was the last one, so no two decisions take one number and none is lost between them. What
//! was issued is kept as it was said, and never changes; a mistake is taken back by a credit note.
//!
//! Nothing here says anything of buyers: who a document is for is kept apart, sealed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    AccountId, Day, Decimal, Money, Time,
    billing::{Bill, BillRefusal},
    ids::{DocumentId, DocumentNumber, IntentId, OrderId, SellerId, SeriesId},
};

/// The most documents of one order: each stands in its row.
pub const DOCUMENTS_MAX: usize = 100;
/// The longest that the numbers of a series begin with.
const PREFIX_LENGTH_MAX: usize = 40;
/// The most digits that a number is filled up to.
const WIDTH_MAX: usize = 12;

/// What is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Asks for money, or says that it came.
    Invoice,
    /// Takes an invoice back, in whole or in part.
    CreditNote,
}

impl Kind {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Invoice => "invoice",
            Kind::CreditNote => "credit note",
        }
    }
}

/// How the numbers of a kind look: what they begin with, in which `{year}` may stand, and `{number}`, or
/// `{number:05}` where it is filled up to five digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberFormat {
    prefix: String,
    width: usize,
}

/// Why a text is no format of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFormat {
    /// The running number is missing.
    #[error("it must end with `{{number}}`, or `{{number:05}}` to fill it up to five digits")]
    NoNumber,
    /// The running number is filled up to nothing sensible.
    #[error("a number is filled up to 1 to {WIDTH_MAX} digits: write `{{number:05}}`")]
    Width,
    /// Two numbers could look the same.
    #[error(
        "a letter or a sign must stand before `{{number}}`, and no digit or `{{year}}`: two numbers could look the \
         same otherwise"
    )]
    Digit,
    /// It holds something that is no part of a number.
    #[error("only letters from A to Z, digits, `-`, `_`, `.`, `/` and `{{year}}` can stand in it")]
    Character,
    /// It is too long.
    #[error("what stands before `{{number}}` has at most {PREFIX_LENGTH_MAX} characters")]
    TooLong,
}

const YEAR: &str = "{year}";

impl FromStr for NumberFormat {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<NumberFormat, NotAFormat> {
        let rest = text.strip_suffix('}').ok_or(NotAFormat::NoNumber)?;
        let (prefix, width) = rest.rsplit_once("{number").ok_or(NotAFormat::NoNumber)?;
        let width = match width.strip_prefix(":0") {
            Some(digits) => digits.parse().map_err(|_| NotAFormat::Width)?,
            None if width.is_empty() => 1,
            None => return Err(NotAFormat::Width),
        };
        if !(1..=WIDTH_MAX).contains(&width) {
            return Err(NotAFormat::Width);
        }
        if prefix.chars().count() > PREFIX_LENGTH_MAX {
            return Err(NotAFormat::TooLong);
        }
        let plain = prefix.replacen(YEAR, "", 1);
        let is_good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if !plain.chars().all(is_good) {
            return Err(NotAFormat::Character);
        }
        if prefix.ends_with(|c: char| c.is_ascii_digit()) || prefix.ends_with(YEAR) {
            return Err(NotAFormat::Digit);
        }
        Ok(NumberFormat {
            prefix: prefix.to_owned(),
            width,
        })
    }
}

impl NumberFormat {
    /// The series that a document of a year is in. Where the year stands in its numbers, each year has one.
    pub fn series(&self, year: i16) -> SeriesId {
        SeriesId::new(self.prefix.replace(YEAR, &year.to_string()))
    }

    /// A number of a series.
    pub fn number(&self, series: &SeriesId, number: u64) -> DocumentNumber {
        let width = self.width;
        DocumentNumber::new(format!("{series}{number:0width$}"))
    }

    /// What tells its numbers from those of another format.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.width {
            1 => write!(f, "{}{{number}}", self.prefix),
            width => write!(f, "{}{{number:0{width}}}", self.prefix),
        }
    }
}

impl Serialize for NumberFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("NumberFormat", &self.to_string())
    }
}

impl<'de> Deserialize<'de> for NumberFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NumberFormat, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// How far a series has come. Its row is what two decisions that want a number meet at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// Whose it is.
    pub seller: SellerId,
    /// Of what.
    pub kind: Kind,
    /// The last number that was taken.
    pub last: u64,
}

/// What is to be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDocument {
    /// What.
    pub kind: Kind,
    /// The day on it, where the seller is.
    pub on: Day,
    /// Who issues it.
    pub seller: SellerId,
    /// How its number looks.
    pub format: NumberFormat,
    /// The least number that it gets.
    pub from: u64,
    /// What else stands on it.
    pub letterhead: Letterhead,
    /// The days that it names.
    pub days: Days,
    /// The rates of tax that the seller charges, in percent.
    pub rates: Vec<Decimal>,
    /// How much a credit note is of; of all that is left where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Of which lines of the order a credit note is: number and units; of none where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<(u32, Decimal)>,
    /// The refund that it tells of, which says lines and amount where nothing else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<IntentId>,
    /// Why, on a credit note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who asks for it.
    pub by: String,
}

impl NewDocument {
    /// The series that its number is taken from.
    pub fn series(&self) -> SeriesId {
        self.format.series(self.on.year())
    }
}

/// The days that a document names besides its own, where the seller is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// When the order was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<Day>,
    /// When the last of it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied: Option<Day>,
    /// By when what is not paid is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
}

/// What a seller says of itself on documents, and how they are drawn. What is empty is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Letterhead {
    /// The firm or person, as the register has it.
    pub name: String,
    /// Street and town, a line each.
    pub address: Vec<String>,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// Numbers by which tax offices know the seller: what each is called (empty for the VAT ID), and itself.
    pub tax_ids: Vec<(String, String)>,
    /// The register and the number in it.
    pub register: String,
    /// Where money is to be sent.
    pub bank: Bank,
    /// An e-mail address.
    pub email: String,
    /// A telephone number.
    pub phone: String,
    /// What stands at the foot.
    pub footer: String,
    /// The terms of payment.
    pub terms: String,
    /// What the law wants to be said of tax.
    pub tax_note: String,
    /// What it is printed on: `a4` or `letter`.
    pub paper: String,
    /// The language: `en`, `de` or `es`.
    pub language: String,
}

/// An account at a bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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

/// A document that was issued, as it was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Ours.
    pub id: DocumentId,
    /// What.
    pub kind: Kind,
    /// Under which number.
    pub number: DocumentNumber,
    /// Who issued it.
    pub seller: SellerId,
    /// The day on it.
    pub on: Day,
    /// When it was recorded.
    pub at: Time,
    /// Who asked for it.
    pub by: String,
    /// For which order.
    pub order: OrderId,
    /// Of which account.
    pub account: AccountId,
    /// The number of that order.
    pub order_number: String,
    /// The invoice that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Corrected>,
    /// Why, on a credit note.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The days that it names.
    pub days: Days,
    /// What else stands on it.
    pub letterhead: Letterhead,
    /// Its figures.
    pub bill: Bill,
}

/// An invoice that a credit note takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// Ours.
    pub id: DocumentId,
    /// Its number.
    pub number: DocumentNumber,
    /// Its day.
    pub on: Day,
}

/// What an order remembers of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Ours.
    pub id: DocumentId,
    /// What.
    pub kind: Kind,
    /// Under which number.
    pub number: DocumentNumber,
    /// The day on it.
    pub on: Day,
    /// Of how much.
    pub total: Money,
    /// The invoice that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<DocumentId>,
}

/// The invoice that stands: the last one, unless all of it was taken back.
pub fn standing_invoice(entries: &[Entry]) -> Option<&Entry> {
    let mut invoices = entries.iter().filter(|entry| entry.kind == Kind::Invoice);
    let last = invoices.next_back()?;
    let credits = entries
        .iter()
        .filter(|entry| entry.corrects == Some(last.id));
    let credits: Vec<i64> = credits.map(|entry| entry.total.minor()).collect();
    let is_over = !credits.is_empty() && credits.iter().sum::<i64>() >= last.total.minor();
    (!is_over).then_some(last)
}

/// Why something cannot be issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentRefusal {
    /// The order is no sale.
    #[error(
        "the order was canceled, or is no sale yet, and is not billed: take its invoice back, where it has one"
    )]
    NotASale,
    /// Nobody is declared who could issue it.
    #[error(
        "nobody issues documents for `{0}`: declare who sells in `[[sellers]]` of oneshelf.toml"
    )]
    NoSeller(AccountId),
    /// Its amounts do not fit together.
    #[error(transparent)]
    Bill(#[from] BillRefusal),
    /// There is nothing to take back.
    #[error("no invoice of the order stands, so none can be taken back: issue one first")]
    NoInvoice,
    /// More is to be taken back than was billed.
    #[error(
        "only {left} of invoice {number} are not taken back yet: say that much or less, or no amount for all of it"
    )]
    Beyond {
        /// Of which invoice.
        number: DocumentNumber,
        /// What is left of it.
        left: Money,
    },
    /// The invoice does not say which of its lines this is.
    #[error(
        "invoice {number} has no line that is known as line {line} of the order: name another one, or an amount"
    )]
    NotOnInvoice {
        /// Which invoice.
        number: DocumentNumber,
        /// Which line of the order.
        line: u32,
    },
    /// More units are to be taken back than were billed.
    #[error(
        "only {left} units of line {line} on invoice {number} are not taken back yet: name that many or fewer"
    )]
    BeyondUnits {
        /// Of which invoice.
        number: DocumentNumber,
        /// Of which line of the order.
        line: u32,
        /// So many are left.
        left: Decimal,
    },
    /// Nobody wished such a refund.
    #[error("the order has no refund `{0}`: `oneshelf orders show` lists them")]
    NoRefund(IntentId),
    /// Nothing is to be taken back.
    #[error("a credit note is of more than nothing: say an amount, or none for all of the invoice")]
    NotPositive,
    /// The amount is in another currency.
    #[error("invoice {number} is in {}, not in {}: say the amount in that currency", .invoice, .asked)]
    OtherCurrency {
        /// Of which invoice.
        number: DocumentNumber,
        /// Its currency.
        invoice: crate::Currency,
        /// That of the amount.
        asked: crate::Currency,
    },
    /// Somebody else numbers so.
    #[error(
        "numbers that begin with `{series}` are those of the {} of `{seller}`: choose another format for these", .kind.title()
    )]
    OthersSeries {
        /// Which series.
        series: SeriesId,
        /// Whose it is.
        seller: SellerId,
        /// Of what.
        kind: Kind,
    },
    /// There are too many.
    #[error("an order has at most {DOCUMENTS_MAX} documents: bill what remains on another one")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_makes_numbers_and_is_read_back() {
        for (text, year, number, made) in [
            ("RE-{year}-{number:05}", 2026, 42, "RE-2026-00042"),
            ("RE-{year}-{number:05}", 2027, 123_456, "RE-2027-123456"),
            ("{number}", 2026, 7, "7"),
            ("{year}/A.{number:02}", 2026, 7, "2026/A.07"),
        ] {
            let format: NumberFormat = text.parse().unwrap();
            assert_eq!(format.to_string(), text);
            let series = format.series(year);
            assert_eq!(format.number(&series, number).as_str(), made);
            let json = serde_json::to_string(&format).unwrap();
            assert_eq!(serde_json::from_str::<NumberFormat>(&json).unwrap(), format);
        }
    }

    #[test]
    fn a_format_that_could_make_one_number_twice_is_refused() {
        use NotAFormat::*;
        for (text, why) in [
            ("", NoNumber),
            ("RE-", NoNumber),
            ("RE-{number}-A", NoNumber),
            ("RE-{number:5}", Width),
            ("RE-{number:00}", Width),
            ("RE-{number:099}", Width),
            ("RE-{number:0x}", Width),
            ("RE{year}{number}", Digit),
            ("RE1{number}", Digit),
            ("RE {number}", Character),
            ("{year}-{year}-{number}", Character),
            ("{number}{number}", Character),
            ("Ré-{number}", Character),
            ("\r\n{number}", Character),
        ] {
            assert_eq!(text.parse::<NumberFormat>(), Err(why), "{text:?}");
        }
        let long = format!("{}{{number}}", "A".repeat(41));
        assert_eq!(long.parse::<NumberFormat>(), Err(TooLong));
    }
}
