//! `[promised]` of an account: by when orders leave, until when they may come back, and after how long a parcel that
//! nobody hears of is looked for.

use std::time::Duration;

use domain::deadlines::{Promised, Within};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::values::{self, DurationText};

/// How working days are written, behind their number.
const WORKING_DAYS: [&str; 2] = ["working days", "working day"];

/// `[promised]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct PromisedText {
    /// Within what an order leaves, from when it was placed and could be sent: "36h" by the clock, or
    /// "2 working days". Unset: only what the channel says.
    #[serde(deserialize_with = "some_within")]
    #[schemars(with = "Option<String>")]
    ship_within: Option<Within>,
    /// Until when after it arrived, or left, something may be returned. Unset: for ever.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    return_within: Option<Duration>,
    /// After how long a parcel with a tracking number is looked for that nobody heard of. Unset: never.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    no_news_after: Option<Duration>,
}

impl PromisedText {
    /// What it means.
    pub(super) fn meaning(&self) -> Promised {
        Promised {
            ship_within: self.ship_within,
            return_within: self.return_within,
            silent_after: self.no_news_after,
        }
    }
}

fn some_within<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Within>, D::Error> {
    let text = String::deserialize(deserializer)?;
    within(&text).map(Some).map_err(D::Error::custom)
}

fn within(text: &str) -> Result<Within, String> {
    let text = text.trim();
    let days = WORKING_DAYS
        .iter()
        .find_map(|words| text.strip_suffix(words));
    let Some(days) = days else {
        let duration = values::parse_duration(text)
            .map_err(|error| format!("{error}, or \"2 working days\""))?;
        return Ok(Within::Clock(duration));
    };
    let most = Within::WORKING_DAYS_MAX;
    let days = days
        .trim()
        .parse()
        .ok()
        .filter(|days| (1..=most).contains(days));
    days.map(Within::WorkingDays).ok_or_else(|| {
        format!("\"{text}\" is no number of working days: write 1 to {most}, as \"2 working days\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_ship_is_by_the_clock_or_in_working_days() {
        let hours = |hours: u64| Within::Clock(Duration::from_secs(hours * 3600));
        for (text, read) in [
            ("36h", hours(36)),
            ("1d", hours(24)),
            ("1 working day", Within::WorkingDays(1)),
            (" 3 working days ", Within::WorkingDays(3)),
        ] {
            assert_eq!(within(text), Ok(read), "{text}");
        }
        for text in [
            "0 working days",
            "261 working days",
            "working days",
            "two working days",
            "soon",
            "0h",
        ] {
            let told = within(text).expect_err(text);
            assert!(told.contains("2 working days"), "{text}: {told}");
        }
    }
}
