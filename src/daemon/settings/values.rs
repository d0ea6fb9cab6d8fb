//! How values are written: durations, sizes, shares and quantities.
//!
//! Each is read from a text that a person would write (`30s`, `1MiB`, `4/5`) and refused with a
//! sentence that shows how to write it. Nothing here knows which key it belongs to.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use domain::{Decimal, Quantity, Time};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A part of something, as a ratio of whole numbers from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Above the line; at most the denominator.
    pub numerator: u32,
    /// Below it; never 0.
    pub denominator: u32,
}

impl Share {
    /// All of it.
    pub const WHOLE: Share = Share {
        numerator: 1,
        denominator: 1,
    };
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let parts = text.split_once('/').and_then(|(above, below)| {
            Some((above.trim().parse().ok()?, below.trim().parse().ok()?))
        });
        match parts {
            Some((numerator, denominator)) if numerator <= denominator && denominator > 0 => {
                Ok(Share {
                    numerator,
                    denominator,
                })
            }
            Some(_) | None => Err(format!(
                "\"{text}\" is not a share; write a ratio from 0 to 1 such as \"4/5\""
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        from_text(deserializer, "a share such as \"4/5\"", |text| text.parse())
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\d+ */ *\\d+$" })
    }
}

/// A number of units that is not negative: `2`, or `"0.25"` where an item has decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Units(pub(super) Decimal);

impl Units {
    fn from_whole(number: i64) -> Result<Units, String> {
        if number < 0 {
            return Err("a number of units cannot be negative".to_owned());
        }
        if number > Quantity::MAX {
            return Err(format!("the most units are {}", Quantity::MAX));
        }
        Ok(Units(Decimal::whole(number)))
    }
}

impl FromStr for Units {
    type Err = String;

    fn from_str(text: &str) -> Result<Units, String> {
        let refuse =
            || format!("\"{text}\" is not a number of units; write 2, or \"0.25\" with the quotes");
        let units: Decimal = text.parse().map_err(|_| refuse())?;
        if units.parts().0 < 0 {
            return Err("a number of units cannot be negative".to_owned());
        }
        Ok(Units(units))
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Units, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Units;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of units such as 2 or \"0.25\"")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Units, E> {
                Units::from_whole(number).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Units, E> {
                self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Units, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Units {
    fn schema_name() -> Cow<'static, str> {
        "Units".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0 })
    }
}

/// When a listing ends: a number of units, or `never`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndWhen {
    /// It never ends, whatever a wider rule says.
    Never,
    /// When no more than so many can be sold.
    At(Units),
}

impl<'de> Deserialize<'de> for EndWhen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EndWhen, D::Error> {
        match units_or("never", "a number of units, or \"never\"", deserializer)? {
            Some(units) => Ok(EndWhen::At(units)),
            None => Ok(EndWhen::Never),
        }
    }
}

impl JsonSchema for EndWhen {
    fn schema_name() -> Cow<'static, str> {
        "EndWhen".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0 })
    }
}

/// A day, `2027-01-15`: its beginning in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day(pub(super) Time);

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Day, String> {
        let is_day = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let time = is_day.then(|| Time::parse_utc(&format!("{text}T00:00:00")));
        match time {
            Some(Ok(time)) => Ok(Day(time)),
            Some(Err(_)) | None => Err(format!(
                "\"{text}\" is not a day; write it like \"2027-01-15\""
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        from_text(deserializer, "a day such as \"2027-01-15\"", |text| {
            text.parse()
        })
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$" })
    }
}

/// What is held back: a number of units, or `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buffer {
    /// It tunes itself.
    Auto,
    /// So many.
    Units(Units),
}

impl<'de> Deserialize<'de> for Buffer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Buffer, D::Error> {
        match units_or("auto", "a number of units, or \"auto\"", deserializer)? {
            Some(units) => Ok(Buffer::Units(units)),
            None => Ok(Buffer::Auto),
        }
    }
}

impl JsonSchema for Buffer {
    fn schema_name() -> Cow<'static, str> {
        "Buffer".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0 })
    }
}

/// How often something may go wrong: `0.001`, or `"1/1000"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Risk {
    /// Above the line; more than 0.
    pub numerator: u32,
    /// Below it; at least twice and at most a million times as much.
    pub denominator: u32,
}

impl FromStr for Risk {
    type Err = String;

    fn from_str(text: &str) -> Result<Risk, String> {
        let refuse = || {
            format!(
                "\"{text}\" is not a risk; write 0.001 or \"1/1000\", from one in a million to one half"
            )
        };
        let parts = match text.split_once('/') {
            Some((above, below)) => {
                let read = |text: &str| -> Option<u32> { text.trim().parse().ok() };
                read(above).zip(read(below))
            }
            None => text.parse().ok().and_then(|number: Decimal| {
                let (digits, scale) = number.parts();
                let below = 10_u32.checked_pow(u32::from(scale))?;
                Some((u32::try_from(digits).ok()?, below))
            }),
        };
        let (numerator, denominator) = parts.ok_or_else(refuse)?;
        let (above, below) = (u64::from(numerator), u64::from(denominator));
        if above == 0 || above * 2 > below || above * 1_000_000 < below {
            return Err(refuse());
        }
        Ok(Risk {
            numerator,
            denominator,
        })
    }
}

impl<'de> Deserialize<'de> for Risk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Risk, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Risk;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a risk such as 0.001 or \"1/1000\"")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Risk, E> {
                // The shortest text that means this number is what was written.
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Risk, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Risk, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Risk, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Risk {
    fn schema_name() -> Cow<'static, str> {
        "Risk".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"] })
    }
}

/// Reads a number of units, or nothing for one word.
fn units_or<'de, D: Deserializer<'de>>(
    word: &'static str,
    expected: &'static str,
    deserializer: D,
) -> Result<Option<Units>, D::Error> {
    struct Visitor(&'static str, &'static str);
    impl de::Visitor<'_> for Visitor {
        type Value = Option<Units>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.1)
        }

        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Option<Units>, E> {
            Units::from_whole(number).map(Some).map_err(E::custom)
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Option<Units>, E> {
            self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<Units>, E> {
            if text == self.0 {
                return Ok(None);
            }
            let units: Result<Units, String> = text.parse();
            units.map(Some).map_err(|_| {
                E::custom(format!(
                    "\"{text}\" is neither \"{}\" nor a number of units",
                    self.0
                ))
            })
        }
    }
    deserializer.deserialize_any(Visitor(word, expected))
}

/// The longest duration that makes sense in a configuration: a year.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Reads a duration: `30s`, `10m`, `1h 30m`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    from_text(deserializer, "a duration such as \"30s\"", parse_duration)
}

/// Reads a duration where there may be none.
pub(super) fn some_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// The most calls a second that an account may be asked for.
const CALLS_PER_SECOND_MAX: u32 = 1000;

/// How many calls a second an account takes.
pub(super) fn calls_per_second<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    let wrong = || {
        let said = format!("expected a whole number from 1 to {CALLS_PER_SECOND_MAX}");
        serde::de::Error::custom(said)
    };
    let calls = u32::deserialize(deserializer).map_err(|_| wrong())?;
    let is_lawful = (1..=CALLS_PER_SECOND_MAX).contains(&calls);
    is_lawful.then_some(Some(calls)).ok_or_else(wrong)
}

/// A duration as people write it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::Span>().ok();
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let signed = span.and_then(|span| span.to_duration(days).ok());
    match signed.and_then(|duration| Duration::try_from(duration).ok()) {
        Some(duration) if !duration.is_zero() && duration <= DURATION_MAX => Ok(duration),
        Some(_) => Err(format!(
            "\"{text}\" is out of range: a duration is longer than nothing and at most a year"
        )),
        None => Err(format!(
            "\"{text}\" is not a duration; write it like \"30s\", \"10m\" or \"1h 30m\""
        )),
    }
}

/// Reads a size in bytes: `1MiB`, `512KiB`, `4096`.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Visitor;
    impl de::Visitor<'_> for Visitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as \"1MiB\"")
        }

        fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<u64, E> {
            Ok(bytes)
        }

        fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<u64, E> {
            u64::try_from(bytes).map_err(|_| E::custom("a size cannot be negative"))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            parse_size(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_any(Visitor)
}

pub(super) fn optional_size<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(Some)
}

fn parse_size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    let trimmed = text.trim();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((trimmed.strip_suffix(unit)?, *factor)))
        .unwrap_or((trimmed, 1));
    let number: Option<u64> = number.trim().parse().ok();
    number
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| {
            format!("\"{text}\" is not a size; write it like \"1MiB\", \"512KiB\" or \"64kB\"")
        })
}

/// What the schema says of a duration.
pub(super) struct DurationText;

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// What the schema says of a size.
pub(super) struct SizeText;

impl JsonSchema for SizeText {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0 })
    }
}

fn from_text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Visitor<T>(&'static str, fn(&str) -> Result<T, String>);
    impl<T> de::Visitor<'_> for Visitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Visitor(expected, parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, millis) in [
            ("30s", 30_000),
            ("10m", 600_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("2 minutes", 120_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "30",
            "soon",
            "-5s",
            "0s",
            "367d",
            "99999999999999999999s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in [
            ("4096", 4096),
            ("1MiB", 1 << 20),
            ("512 KiB", 512 << 10),
            ("64kB", 64_000),
            ("3B", 3),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "-1", "1 mb", "99999999999999TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn risks_are_small_and_exact() {
        for (text, parts) in [
            ("0.001", Some((1, 1000))),
            ("1/1000", Some((1, 1000))),
            ("0.0000010", Some((1, 1_000_000))),
            ("0.5", Some((5, 10))),
            ("0", None),
            ("0.6", None),
            ("1", None),
            ("0.0000001", None),
            ("-0.1", None),
            ("1/0", None),
            ("often", None),
        ] {
            let risk: Option<Risk> = text.parse().ok();
            let found = risk.map(|risk| (risk.numerator, risk.denominator));
            assert_eq!(found, parts, "{text}");
        }
    }

    #[test]
    fn shares_lie_between_nothing_and_all() {
        assert_eq!("1/1".parse(), Ok(Share::WHOLE));
        assert_eq!(
            "0/3".parse::<Share>().map(|s| s.to_string()),
            Ok("0/3".into())
        );
        for text in ["", "1", "2/1", "1/0", "-1/2", "1/2/3", "80%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
