//! How three languages write amounts, numbers and dates.
//!
//! Tables of our own: what is needed of Unicode's is a dozen signs and twelve words, and documents of one
//! order must not change because a table elsewhere did.

use std::str::FromStr;

use domain::{Currency, Decimal, Money};
use jiff::civil::Date;

use crate::labels::Label;

/// Holds a number and its sign or unit together at the end of a line.
const NO_BREAK: char = '\u{A0}';

/// The language of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English: €1,234.56, 5 December 2026.
    #[default]
    En,
    /// German: 1.234,56 €, 05.12.2026.
    De,
    /// Spanish: 1.234,56 €, 05/12/2026.
    Es,
}

/// Why a text names no language of documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no language of documents: say en, de or es")]
pub struct NotALanguage(String);

/// The signs that stand for a currency in each of the languages. All others are written by their code, since
/// a sign that several currencies share says too little.
const SIGNS: &[(&str, &str)] = &[("EUR", "€"), ("GBP", "£"), ("JPY", "¥"), ("USD", "$")];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl FromStr for Language {
    type Err = NotALanguage;

    /// Reads `de`, and also `de-AT` or `de_AT`: the region changes nothing here.
    fn from_str(tag: &str) -> Result<Language, NotALanguage> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "en" => Ok(Language::En),
            "de" => Ok(Language::De),
            "es" => Ok(Language::Es),
            _ => Err(NotALanguage(tag.chars().take(12).collect())),
        }
    }
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 3] = [Language::En, Language::De, Language::Es];

    /// The code of ISO 639, as the `lang` attribute has it.
    pub fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Es => "es",
        }
    }

    /// An amount with all decimals of its currency and the currency's sign or code.
    pub(crate) fn money(self, money: Money) -> String {
        let amount = money.amount();
        let unsigned = amount.trim_start_matches('-');
        let minus = if amount.starts_with('-') { "-" } else { "" };
        let number = self.grouped(unsigned);
        let currency = money.currency();
        match (self, sign(currency)) {
            (Language::En, Some(sign)) => format!("{minus}{sign}{number}"),
            (Language::En, None) => format!("{minus}{currency}{NO_BREAK}{number}"),
            (Language::De | Language::Es, sign) => {
                let sign = sign.unwrap_or(currency.code());
                format!("{minus}{number}{NO_BREAK}{sign}")
            }
        }
    }

    /// A number with as many decimals as it has.
    pub(crate) fn decimal(self, number: Decimal) -> String {
        let (digits, scale) = number.parts();
        let scale = usize::from(scale);
        let minus = if digits < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!(
            "{minus}{}",
            self.grouped(&format!("{whole}{point}{fraction}"))
        )
    }

    /// A rate in percent.
    pub(crate) fn percent(self, rate: Decimal) -> String {
        match self {
            Language::En => format!("{}%", self.decimal(rate)),
            Language::De | Language::Es => format!("{}{NO_BREAK}%", self.decimal(rate)),
        }
    }

    /// A mass, given in grams, in kilograms.
    pub(crate) fn weight(self, grams: u32) -> String {
        let kilograms = format!("{}.{:03}", grams / 1000, grams % 1000);
        let kilograms = kilograms.trim_end_matches('0').trim_end_matches('.');
        format!("{}{NO_BREAK}kg", self.grouped(kilograms))
    }

    /// A day.
    pub(crate) fn date(self, date: Date) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self {
            Language::En => {
                let name = usize::try_from(month - 1)
                    .ok()
                    .and_then(|at| MONTHS.get(at));
                let name = name.expect("a date has a month from 1 to 12");
                format!("{day}{NO_BREAK}{name} {year}")
            }
            Language::De => format!("{day:02}.{month:02}.{year}"),
            Language::Es => format!("{day:02}/{month:02}/{year}"),
        }
    }

    /// A label of the catalog with its places filled, in order.
    pub(crate) fn fill(self, label: Label, parts: &[&str]) -> String {
        let mut pieces = label.text(self).split("{}");
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (piece, part) in pieces.zip(parts) {
            text.push_str(part);
            text.push_str(piece);
        }
        text
    }

    /// A plain decimal text with the separators of the language.
    fn grouped(self, number: &str) -> String {
        let (group, point) = match self {
            Language::En => (',', '.'),
            Language::De | Language::Es => ('.', ','),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let mut text = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                text.push(group);
            }
            text.push(digit);
        }
        if !fraction.is_empty() {
            text.push(point);
            text.push_str(fraction);
        }
        text
    }
}

fn sign(currency: Currency) -> Option<&'static str> {
    SIGNS
        .iter()
        .find(|(code, _)| *code == currency.code())
        .map(|(_, sign)| *sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With blanks where no line may break, so that a table can be read.
    fn plain(text: String) -> String {
        text.replace(NO_BREAK, " ")
    }

    #[test]
    fn amounts_are_written_as_the_language_does() {
        for (minor, code, en, de, es) in [
            (123_456, "EUR", "€1,234.56", "1.234,56 €", "1.234,56 €"),
            (5, "EUR", "€0.05", "0,05 €", "0,05 €"),
            (-500, "EUR", "-€5.00", "-5,00 €", "-5,00 €"),
            (0, "USD", "$0.00", "0,00 $", "0,00 $"),
            (
                100_000_000,
                "GBP",
                "£1,000,000.00",
                "1.000.000,00 £",
                "1.000.000,00 £",
            ),
            (99_999, "CHF", "CHF 999.99", "999,99 CHF", "999,99 CHF"),
            (1_234_567, "JPY", "¥1,234,567", "1.234.567 ¥", "1.234.567 ¥"),
            (
                1_234_567,
                "KWD",
                "KWD 1,234.567",
                "1.234,567 KWD",
                "1.234,567 KWD",
            ),
            (-7, "KWD", "-KWD 0.007", "-0,007 KWD", "-0,007 KWD"),
            (10_000, "CAD", "CAD 100.00", "100,00 CAD", "100,00 CAD"),
        ] {
            let currency = Currency::new(code).expect("a currency");
            let money = Money::from_minor(minor, currency).expect("in range");
            let written = Language::ALL.map(|language| plain(language.money(money)));
            assert_eq!(written, [en, de, es], "{money}");
        }
    }

    #[test]
    fn numbers_and_rates_are_written_as_the_language_does() {
        for (text, en, de, es) in [
            ("2", "2", "2", "2"),
            ("2.5", "2.5", "2,5", "2,5"),
            ("0.001", "0.001", "0,001", "0,001"),
            ("-1234.5", "-1,234.5", "-1.234,5", "-1.234,5"),
            ("1000000", "1,000,000", "1.000.000", "1.000.000"),
        ] {
            let number: Decimal = text.parse().expect("a number");
            let written = Language::ALL.map(|language| language.decimal(number));
            assert_eq!(written, [en, de, es], "{text}");
        }
        let rate: Decimal = "8.875".parse().expect("a number");
        let written = Language::ALL.map(|language| plain(language.percent(rate)));
        assert_eq!(written, ["8.875%", "8,875 %", "8,875 %"]);
        let coarse = domain::Quantity::of(1500).to_decimal(3);
        assert_eq!(Language::De.decimal(coarse), "1,5");
    }

    #[test]
    fn days_and_weights_are_written_as_the_language_does() {
        let day = jiff::civil::date(2026, 3, 5);
        let written = Language::ALL.map(|language| plain(language.date(day)));
        assert_eq!(written, ["5 March 2026", "05.03.2026", "05/03/2026"]);
        for (grams, en, de) in [
            (1250, "1.25 kg", "1,25 kg"),
            (2000, "2 kg", "2 kg"),
            (20_000, "20 kg", "20 kg"),
            (5, "0.005 kg", "0,005 kg"),
            (1_234_500, "1,234.5 kg", "1.234,5 kg"),
        ] {
            assert_eq!(plain(Language::En.weight(grams)), en);
            assert_eq!(plain(Language::De.weight(grams)), de);
        }
    }

    #[test]
    fn languages_are_read_with_and_without_a_region() {
        assert_eq!("de-AT".parse(), Ok(Language::De));
        assert_eq!(" ES ".parse(), Ok(Language::Es));
        assert_eq!("en_US".parse(), Ok(Language::En));
        assert!("fr".parse::<Language>().is_err());
        for language in Language::ALL {
            assert_eq!(language.code().parse(), Ok(language));
        }
    }
}
