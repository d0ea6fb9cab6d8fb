//! Numbers, amounts and moments as people of a language write them.

use domain::{Money, Time};
use engine::views::Units;

use super::words::Language;

/// A moment: as machines read it, and as people do while no script has put it into their time zone.
pub(super) struct Moment {
    pub(super) machine: String,
    pub(super) text: String,
}

impl Language {
    /// The mark before decimals, and the one between thousands.
    fn marks(self) -> (char, char) {
        match self {
            Language::English => ('.', ','),
            Language::German | Language::Spanish => (',', '.'),
        }
    }

    /// A decimal as the API writes it, in this language.
    fn decimal(self, plain: &str) -> String {
        let (point, group) = self.marks();
        let (sign, plain) = match plain.strip_prefix('-') {
            Some(rest) => ("\u{2212}", rest),
            None => ("", plain),
        };
        let (whole, rest) = plain.split_once('.').unwrap_or((plain, ""));
        // In Spanish, numbers of four digits are not divided.
        let length_min = match self {
            Language::English | Language::German => 4,
            Language::Spanish => 5,
        };
        let mut text = sign.to_owned();
        for (at, digit) in whole.chars().enumerate() {
            let left = whole.len() - at;
            if at > 0 && left.is_multiple_of(3) && whole.len() >= length_min {
                text.push(group);
            }
            text.push(digit);
        }
        if !rest.is_empty() {
            text.push(point);
            text.push_str(rest);
        }
        text
    }

    /// In quotes, as the language has them.
    pub(super) fn quoted(self, text: &str) -> String {
        match self {
            Language::English => format!("“{text}”"),
            Language::German => format!("„{text}“"),
            Language::Spanish => format!("«{text}»"),
        }
    }

    pub(super) fn count(self, number: usize) -> String {
        self.decimal(&number.to_string())
    }

    pub(super) fn units(self, units: Units) -> String {
        self.decimal(&units.to_string())
    }

    pub(super) fn money(self, money: Money) -> String {
        let currency = money.currency();
        let symbol = match currency.code() {
            "EUR" => "€",
            "USD" => "$",
            "GBP" => "£",
            "JPY" => "¥",
            code => code,
        };
        let amount = self.decimal(&money.amount());
        match self {
            Language::English if symbol.len() < 3 || symbol == "€" => {
                match amount.strip_prefix('\u{2212}') {
                    Some(amount) => format!("\u{2212}{symbol}{amount}"),
                    None => format!("{symbol}{amount}"),
                }
            }
            Language::English | Language::German | Language::Spanish => {
                format!("{amount}\u{a0}{symbol}")
            }
        }
    }

    /// The day of a moment (UTC).
    pub(super) fn day(self, at: Time) -> String {
        let text = self.moment(at).text;
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    pub(super) fn moment(self, at: Time) -> Moment {
        let machine = at.to_string();
        // `2026-11-30T13:35:00Z`, always: years have four digits.
        let part = |from: usize, to: usize| machine.get(from..to).unwrap_or_default();
        let (year, month, day, clock) = (part(0, 4), part(5, 7), part(8, 10), part(11, 16));
        let text = match self {
            Language::English => format!("{year}-{month}-{day} {clock} UTC"),
            Language::German => format!("{day}.{month}.{year} {clock} UTC"),
            Language::Spanish => format!("{day}/{month}/{year} {clock} UTC"),
        };
        Moment { machine, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_of_the_language_write_them() {
        let money = |text: &str, code: &str| {
            let currency = domain::Currency::new(code).expect("a currency");
            Money::parse(text, currency).expect("an amount")
        };
        for (amount, code, english, german, spanish) in [
            ("12.50", "EUR", "€12.50", "12,50\u{a0}€", "12,50\u{a0}€"),
            (
                "1234.5",
                "EUR",
                "€1,234.50",
                "1.234,50\u{a0}€",
                "1234,50\u{a0}€",
            ),
            (
                "-12345.00",
                "USD",
                "\u{2212}$12,345.00",
                "\u{2212}12.345,00\u{a0}$",
                "\u{2212}12.345,00\u{a0}$",
            ),
            ("1500", "JPY", "¥1,500", "1.500\u{a0}¥", "1500\u{a0}¥"),
            (
                "0.10",
                "CHF",
                "0.10\u{a0}CHF",
                "0,10\u{a0}CHF",
                "0,10\u{a0}CHF",
            ),
        ] {
            let money = money(amount, code);
            let said = Language::ALL.map(|language| language.money(money));
            assert_eq!(said, [english, german, spanish].map(str::to_owned));
        }
        assert_eq!(Language::German.count(1_234_567), "1.234.567");
        let at: Time = "2026-11-30T13:35:09.123Z".parse().expect("a time");
        let said = Language::ALL.map(|language| language.moment(at).text);
        let wanted = [
            "2026-11-30 13:35 UTC",
            "30.11.2026 13:35 UTC",
            "30/11/2026 13:35 UTC",
        ];
        assert_eq!(said, wanted.map(str::to_owned));
    }
}
