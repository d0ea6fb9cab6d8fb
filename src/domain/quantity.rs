//! Quantities: whole numbers of an item's smallest unit.
//!
//! Most items are counted in pieces (scale 0); cloth or cheese is sold in fractions, so an item
//! declares a scale, and a quantity is an integer of `10^-scale` units. Channels speak in decimals;
//! [`Decimal`] carries what they said until the item, and so the scale, is known.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, Serializer};

/// So many of an item's smallest unit. May be negative: a channel can show less than nothing.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Quantity(i64);

/// A decimal number as a channel wrote it: `digits × 10^-scale`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Decimal {
    digits: i64,
    scale: u8,
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Decimal", &self.to_string())
    }
}

/// Why a text or number is not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuantity {
    /// It is no decimal number.
    #[error("`{0}` is not a decimal number: write 2, or 2.5")]
    Syntax(String),
    /// It is larger than any stock, so adding it up could overflow.
    #[error("the quantity is beyond ±{}: use a smaller one", Quantity::MAX)]
    Range,
    /// No shelf holds as many, and no listing can say them.
    #[error("more than {most} would be there in all: say fewer, and look whether it is a barcode")]
    Implausible {
        /// The most, in whole units.
        most: i64,
    },
    /// Nowhere can less than nothing lie.
    #[error("less than nothing cannot lie there: say 0 or more")]
    BelowZero,
    /// Nothing cannot be sent, or come back.
    #[error("say how many: 1 or more")]
    NotPositive,
    /// The item is not sold in such small parts.
    #[error("the item has {item_scale} decimals, the quantity has more: round it")]
    TooFine {
        /// The decimals that the item declares.
        item_scale: u8,
    },
}

impl Quantity {
    /// None of it.
    pub const ZERO: Quantity = Quantity(0);
    /// The largest quantity taken from outside. A million of them can be added without overflow.
    pub const MAX: i64 = 1_000_000_000_000;

    /// The most whole units of an item that a person can say are there: more is a barcode in the wrong
    /// field. A number of 13 digits is beyond [`Quantity::MAX`] anyhow, and one of 12 is not.
    pub const PLAUSIBLE_MAX: i64 = 1_000_000_000;

    /// The most of an item with so many decimals that a person can say are there.
    pub fn plausible_max(scale: u8) -> Quantity {
        let unit = 10_i64.saturating_pow(u32::from(scale));
        let most = Quantity::PLAUSIBLE_MAX.saturating_mul(unit);
        Quantity(most.min(Quantity::MAX))
    }

    /// So many smallest units; refused beyond [`Quantity::MAX`].
    pub fn new(units: i64) -> Result<Quantity, NotAQuantity> {
        if units.unsigned_abs() > Quantity::MAX.unsigned_abs() {
            return Err(NotAQuantity::Range);
        }
        Ok(Quantity(units))
    }

    /// So many smallest units, from a number that is within bounds by its type.
    pub const fn of(units: i32) -> Quantity {
        Quantity(units as i64)
    }

    /// The number of smallest units.
    pub const fn units(self) -> i64 {
        self.0
    }

    /// Whether this is more than nothing.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The same as [`Quantity::is_zero`], for keys that are left out then.
    pub(crate) fn is_nothing(&self) -> bool {
        self.is_zero()
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub const fn minus(self, other: Quantity) -> Quantity {
        Quantity(self.0.saturating_sub(other.0))
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, factor: i64) -> Quantity {
        Quantity(self.0.saturating_mul(factor))
    }

    /// The opposite.
    #[must_use]
    pub const fn negated(self) -> Quantity {
        Quantity(self.0.saturating_neg())
    }

    /// This, or nothing when it is negative.
    #[must_use]
    pub fn or_zero(self) -> Quantity {
        self.max(Quantity::ZERO)
    }

    /// This as the decimal that a channel reads.
    pub fn to_decimal(self, scale: u8) -> Decimal {
        Decimal {
            digits: self.0,
            scale,
        }
        .reduced()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Quantity>>(iter: I) -> Quantity {
        iter.fold(Quantity::ZERO, Quantity::plus)
    }
}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal {
        digits: 0,
        scale: 0,
    };
    /// More decimals than any till keeps (Square keeps five).
    const SCALE_MAX: u8 = 9;

    /// A whole number.
    pub const fn whole(number: i64) -> Decimal {
        Decimal {
            digits: number,
            scale: 0,
        }
    }

    /// The digits without the point, and how many of them stand behind it.
    pub const fn parts(self) -> (i64, u8) {
        (self.digits, self.scale)
    }

    /// The same in an item's smallest unit, exactly or not at all.
    pub fn to_quantity(self, item_scale: u8) -> Result<Quantity, NotAQuantity> {
        let reduced = self.reduced();
        let Some(missing) = item_scale.checked_sub(reduced.scale) else {
            return Err(NotAQuantity::TooFine { item_scale });
        };
        let factor = 10_i64
            .checked_pow(u32::from(missing))
            .ok_or(NotAQuantity::Range)?;
        Quantity::new(
            reduced
                .digits
                .checked_mul(factor)
                .ok_or(NotAQuantity::Range)?,
        )
    }

    /// The whole number that this is, if it is one.
    pub fn to_whole(self) -> Option<i64> {
        let reduced = self.reduced();
        (reduced.scale == 0).then_some(reduced.digits)
    }

    /// The difference, exactly; nothing when it cannot be written.
    pub fn minus(self, other: Decimal) -> Option<Decimal> {
        let scale = self.scale.max(other.scale);
        let widen = |number: Decimal| {
            10_i64
                .checked_pow(u32::from(scale.saturating_sub(number.scale)))
                .and_then(|factor| number.digits.checked_mul(factor))
        };
        let digits = widen(self)?.checked_sub(widen(other)?)?;
        Some(Decimal { digits, scale }.reduced())
    }

    /// Without zeros at the end, so that `1.0` and `1` are equal.
    fn reduced(self) -> Decimal {
        let Decimal {
            mut digits,
            mut scale,
        } = self;
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale = scale.saturating_sub(1);
        }
        Decimal { digits, scale }
    }
}

impl FromStr for Decimal {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Decimal, NotAQuantity> {
        let syntax = || NotAQuantity::Syntax(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (sign, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, trimmed),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(syntax());
        }
        let scale = u8::try_from(fraction.len()).map_err(|_| syntax())?;
        if scale > Decimal::SCALE_MAX {
            return Err(syntax());
        }
        let digits: i64 = digits.parse().map_err(|_| NotAQuantity::Range)?;
        if digits > Quantity::MAX.saturating_mul(1_000_000) {
            return Err(NotAQuantity::Range);
        }
        Ok(Decimal {
            digits: digits.saturating_mul(sign),
            scale,
        }
        .reduced())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale.saturating_add(1));
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(scale));
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Decimal {
    type Error = NotAQuantity;

    fn try_from(text: String) -> Result<Decimal, NotAQuantity> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(number: Decimal) -> String {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_or_refused() {
        for (text, written) in [
            ("1", "1"),
            ("1.50", "1.5"),
            ("-0.125", "-0.125"),
            ("0007", "7"),
            ("2.000", "2"),
        ] {
            assert_eq!(
                text.parse::<Decimal>().map(|d| d.to_string()),
                Ok(written.to_owned())
            );
        }
        for text in [
            "",
            ".5",
            "1e3",
            "NaN",
            "1.2.3",
            "--1",
            "99999999999999999999",
            "0.1234567891",
        ] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_decimal_becomes_a_quantity_only_when_the_item_allows_it() {
        let half: Decimal = "2.5".parse().expect("a decimal");
        assert_eq!(half.to_quantity(3), Ok(Quantity::of(2500)));
        assert_eq!(
            half.to_quantity(0),
            Err(NotAQuantity::TooFine { item_scale: 0 })
        );
        assert_eq!(Quantity::of(2500).to_decimal(3), half);
        assert_eq!(Decimal::whole(2).to_whole(), Some(2));
        assert_eq!(half.minus(Decimal::whole(1)), "1.5".parse().ok());
    }
}
