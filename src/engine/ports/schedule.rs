//! Times that an admin wrote as a cron expression.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::Time;

/// A schedule in UTC, with seconds: `0 */15 * * * *`.
#[derive(Clone, Debug)]
pub struct Schedule(cron::Schedule);

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a cron expression (second minute hour day month weekday): {reason}")]
pub struct NotASchedule {
    text: String,
    reason: String,
}

impl Schedule {
    /// The next time after one; nothing when there is none any more.
    pub fn next_after(&self, time: Time) -> Option<Time> {
        let after = DateTime::<Utc>::from_timestamp_millis(time.millis())?;
        let next = self.0.after(&after).next()?;
        Some(Time::from_millis(next.timestamp_millis()))
    }
}

impl FromStr for Schedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Schedule, NotASchedule> {
        cron::Schedule::from_str(text)
            .map(Schedule)
            .map_err(|error| NotASchedule {
                text: text.to_owned(),
                reason: error.to_string(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_names_the_next_time() {
        let quarter: Schedule = "0 */15 * * * *".parse().expect("a schedule");
        let at = |text: &str| Time::parse_utc(text).expect("a time");
        assert_eq!(
            quarter.next_after(at("2026-11-21T10:07:30Z")),
            Some(at("2026-11-21T10:15:00Z"))
        );
        assert!("every now and then".parse::<Schedule>().is_err());
    }
}
