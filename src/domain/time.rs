//! Instants in UTC with millisecond precision.
//!
//! Channels speak in seconds or milliseconds, and nothing here needs finer. The textual form is
//! RFC 3339 with a `Z`, everywhere.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// A calendar day, where somebody is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(jiff::civil::Date);

/// Why a text is not a day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a day: write 2026-12-05")]
pub struct NotADay {
    text: String,
}

impl Day {
    /// That day.
    pub const fn new(date: jiff::civil::Date) -> Day {
        Day(date)
    }

    /// As the calendar of others has it.
    pub const fn date(self) -> jiff::civil::Date {
        self.0
    }

    /// Its year.
    pub fn year(self) -> i16 {
        self.0.year()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Day, NotADay> {
        text.trim().parse().map(Day).map_err(|_| NotADay {
            text: text.chars().take(40).collect(),
        })
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Day", &self.to_string())
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Why a text is not an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an RFC 3339 time: write 2026-12-05T08:00:00Z, or 2026-12-05T09:00:00+01:00"
)]
pub struct NotATime {
    text: String,
}

/// Why a text is neither an instant nor says how long ago one was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither an RFC 3339 time nor how long ago, as `2h ago`, `90m` or `3d`")]
pub struct NotAMoment {
    text: String,
}

/// How long a text says: a whole number and `s`, `m`, `h` or `d`, at most a hundred years.
pub fn parse_span(text: &str) -> Option<Duration> {
    const LONGEST_S: u64 = 100 * 366 * 24 * 3600;
    let text = text.trim();
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_s: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| is_plain)?;
    let seconds = number.checked_mul(unit_s)?;
    (seconds <= LONGEST_S).then_some(Duration::from_secs(seconds))
}

impl Time {
    /// Reads a moment as a person says it: RFC 3339, or how long before `now` (`2h ago`, `90m`).
    pub fn parse_moment(text: &str, now: Time) -> Result<Time, NotAMoment> {
        let text = text.trim();
        let span = text.strip_suffix("ago").unwrap_or(text);
        if let Some(span) = parse_span(span) {
            return Ok(now.minus(span));
        }
        text.parse().map_err(|_: NotATime| NotAMoment {
            text: text.chars().take(40).collect(),
        })
    }

    /// The beginning of 1970, which serves as "never" in cursors.
    pub const EPOCH: Time = Time(0);
    /// The last second that can be written, which serves as "after everything".
    pub const END: Time = Time(253_402_207_200_000); // 9999-12-30, by the limit of jiff

    /// Milliseconds since the epoch, kept within the years that can be written.
    pub fn from_millis(millis: i64) -> Time {
        const FIRST: i64 = -62_135_596_800_000; // 0001-01-01
        Time(millis.clamp(FIRST, Time::END.0))
    }

    /// Seconds since the epoch.
    pub fn from_seconds(seconds: i64) -> Time {
        Time::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant and so much later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Time {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Time::from_millis(self.0.saturating_add(millis))
    }

    /// This instant and so much earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Time {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Time::from_millis(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Time) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// Reads RFC 3339, and also the form without an offset that some channels write for UTC.
    pub fn parse_utc(text: &str) -> Result<Time, NotATime> {
        let text = text.trim();
        text.parse()
            .or_else(|_| format!("{text}Z").parse())
            .map_err(|_: NotATime| NotATime {
                text: text.chars().take(40).collect(),
            })
    }

    /// The form that channels without offsets expect: UTC, whole seconds, no `Z`.
    pub fn to_naive_utc(self) -> String {
        let text = Time::from_seconds(self.seconds()).to_string();
        text.trim_end_matches('Z').to_owned()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0)
            .expect("a Time is clamped to the years that can be written");
        write!(f, "{instant}")
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Time, NotATime> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Time::from_millis(instant.as_millisecond()))
            .map_err(|_| NotATime {
                text: text.chars().take(40).collect(),
            })
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Time", &self.to_string())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_form_that_channels_write() {
        for (text, millis) in [
            ("1970-01-01T00:00:01Z", 1_000),
            ("1970-01-01T00:00:01", 1_000),
            ("1970-01-01T01:00:01+01:00", 1_000),
            ("1970-01-01T00:00:01.250Z", 1_250),
        ] {
            assert_eq!(
                Time::parse_utc(text).map(Time::millis),
                Ok(millis),
                "{text}"
            );
        }
        for text in ["", "yesterday", "1970-13-01T00:00:00Z"] {
            assert!(Time::parse_utc(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        assert_eq!(
            Time::from_millis(1_250).to_string(),
            "1970-01-01T00:00:01.25Z"
        );
        assert_eq!(
            Time::from_millis(1_250).to_naive_utc(),
            "1970-01-01T00:00:01"
        );
        assert!(
            Time::from_millis(i64::MAX)
                .to_string()
                .starts_with("9999-12-30T")
        );
    }

    #[test]
    fn moments_are_read_as_people_say_them() {
        let now = Time::from_seconds(1_000_000);
        for (text, seconds) in [
            ("2h ago", Some(992_800)),
            ("90m", Some(994_600)),
            (" 3d  ago ", Some(740_800)),
            ("0s", Some(1_000_000)),
            ("1970-01-01T00:00:07Z", Some(7)),
            ("", None),
            ("ago", None),
            ("h", None),
            ("2", None),
            ("2 weeks ago", None),
            ("-2h", None),
            ("+2h", None),
            ("2\u{e9}", None),
            ("99999999999999999999d", None),
            ("9999999999d", None),
        ] {
            let read = Time::parse_moment(text, now).ok().map(Time::seconds);
            assert_eq!(read, seconds, "{text}");
        }
    }
}
