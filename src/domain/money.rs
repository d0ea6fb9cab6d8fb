//! Amounts of money: integer minor units of an ISO 4217 currency.
//!
//! There is no float here. A channel that writes floats is read through their decimal text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency([u8; 3]);

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Currency", self.code())
    }
}

/// An amount in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why a text is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    /// The currency is not three letters.
    #[error("`{0}` is not an ISO 4217 currency code: write three capitals, as EUR")]
    Currency(String),
    /// The amount is no decimal number.
    #[error("`{0}` is not an amount: write 12.50")]
    Syntax(String),
    /// It has more decimals than the currency.
    #[error("`{text}` has more than the {exponent} decimals of {currency}")]
    TooFine {
        /// What was written.
        text: String,
        /// In which currency.
        currency: Currency,
        /// The decimals that this currency has.
        exponent: u8,
    },
    /// It is larger than any order.
    #[error("the amount is out of range")]
    Range,
    /// Two amounts of different currencies cannot be added.
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
}

/// The written form: `{ "amount": "12.50", "currency": "EUR" }`.
#[derive(Serialize, Deserialize)]
struct Written {
    amount: Amount,
    currency: Currency,
}

/// The number of an amount, as text.
#[derive(Serialize, Deserialize)]
struct Amount(String);

impl Currency {
    /// Reads a code, in either case.
    pub fn new(code: &str) -> Result<Currency, NotMoney> {
        let upper = code.trim().to_ascii_uppercase();
        let bytes = <[u8; 3]>::try_from(upper.as_bytes())
            .ok()
            .filter(|bytes| bytes.iter().all(u8::is_ascii_uppercase));
        bytes
            .map(Currency)
            .ok_or_else(|| NotMoney::Currency(code.chars().take(12).collect()))
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is three ASCII letters")
    }

    /// How many decimals the currency has. Source: ISO 4217 list one; all not named have two.
    pub fn exponent(self) -> u8 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl Money {
    /// Larger than any order, small enough that a thousand of them can be added.
    const MINOR_MAX: i64 = 1_000_000_000_000_000;

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Money {
        Money { minor: 0, currency }
    }

    /// So many minor units (cents, or whole yen).
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Money, NotMoney> {
        if minor.unsigned_abs() > Money::MINOR_MAX.unsigned_abs() {
            return Err(NotMoney::Range);
        }
        Ok(Money { minor, currency })
    }

    /// Reads a decimal such as `12.50` or `-3`. Zeros beyond the currency's decimals are allowed.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, NotMoney> {
        let short = || text.chars().take(40).collect::<String>();
        let trimmed = text.trim();
        let (sign, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, trimmed.strip_prefix('+').unwrap_or(trimmed)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let exponent = currency.exponent();
        let width = usize::from(exponent);
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(NotMoney::Syntax(short()));
        }
        let (kept, beyond) = fraction.split_at(fraction.len().min(width));
        if beyond.bytes().any(|byte| byte != b'0') {
            return Err(NotMoney::TooFine {
                text: short(),
                currency,
                exponent,
            });
        }
        let minor: i64 = format!("{whole}{kept:0<width$}")
            .parse()
            .map_err(|_| NotMoney::Range)?;
        Money::from_minor(minor.checked_mul(sign).ok_or(NotMoney::Range)?, currency)
    }

    /// The minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The decimal text, with all of the currency's decimals.
    pub fn amount(self) -> String {
        let exponent = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let digits = self.minor.unsigned_abs().to_string();
        if exponent == 0 {
            return format!("{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = exponent.saturating_add(1));
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(exponent));
        format!("{sign}{whole}.{fraction}")
    }

    /// The sum of two amounts in one currency.
    pub fn plus(self, other: Money) -> Result<Money, NotMoney> {
        if self.currency != other.currency {
            return Err(NotMoney::Mixed(self.currency, other.currency));
        }
        Money::from_minor(self.minor.saturating_add(other.minor), self.currency)
    }

    /// The difference of two amounts in one currency.
    pub fn minus(self, other: Money) -> Result<Money, NotMoney> {
        self.plus(Money {
            minor: other.minor.saturating_neg(),
            currency: other.currency,
        })
    }

    /// Whether this is more than nothing.
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = NotMoney;

    fn from_str(code: &str) -> Result<Currency, NotMoney> {
        Currency::new(code)
    }
}

impl TryFrom<String> for Currency {
    type Error = NotMoney;

    fn try_from(code: String) -> Result<Currency, NotMoney> {
        Currency::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl TryFrom<Written> for Money {
    type Error = NotMoney;

    fn try_from(written: Written) -> Result<Money, NotMoney> {
        Money::parse(&written.amount.0, written.currency)
    }
}

impl From<Money> for Written {
    fn from(money: Money) -> Written {
        Written {
            amount: Amount(money.amount()),
            currency: money.currency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_by_the_exponent_of_the_currency() {
        for (text, code, expected) in [
            ("12.50", "EUR", Ok(1250)),
            ("12.5", "EUR", Ok(1250)),
            ("-0.05", "usd", Ok(-5)),
            ("12.500", "EUR", Ok(1250)),
            ("1200", "JPY", Ok(1200)),
            ("1200.00", "JPY", Ok(1200)),
            ("1.234", "KWD", Ok(1234)),
            ("12.505", "EUR", Err(())),
            ("1200.5", "JPY", Err(())),
            ("NaN", "EUR", Err(())),
            (".5", "EUR", Err(())),
            ("1e3", "EUR", Err(())),
            ("99999999999999999999", "EUR", Err(())),
        ] {
            let currency = Currency::new(code).expect("a currency");
            let minor = Money::parse(text, currency)
                .map(Money::minor)
                .map_err(|_| ());
            assert_eq!(minor, expected, "{text} {code}");
        }
    }

    #[test]
    fn amounts_are_written_with_all_their_decimals() {
        let write = |minor, code| {
            let currency = Currency::new(code).expect("a currency");
            Money::from_minor(minor, currency)
                .expect("in range")
                .to_string()
        };
        assert_eq!(write(1250, "EUR"), "12.50 EUR");
        assert_eq!(write(-5, "USD"), "-0.05 USD");
        assert_eq!(write(1200, "JPY"), "1200 JPY");
        assert_eq!(write(7, "KWD"), "0.007 KWD");
    }

    #[test]
    fn two_currencies_are_never_added() {
        let eur = Money::zero(Currency::new("EUR").expect("a currency"));
        let usd = Money::zero(Currency::new("USD").expect("a currency"));
        assert!(matches!(eur.plus(usd), Err(NotMoney::Mixed(..))));
        assert!(Currency::new("EURO").is_err());
    }
}
