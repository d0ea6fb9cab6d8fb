//! Times that an admin wrote as a cron expression.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::Time;

/// A schedule in UTC: `0 */15 * * * *` with seconds, `0 3 * * *` without.
#[derive(Clone, Debug)]
pub struct Schedule(cron::Schedule);

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a cron expression ([second] minute hour day month weekday): {reason}")]
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
        let refused = |reason: String| NotASchedule {
            text: text.to_owned(),
            reason,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        // As crontab(5) has it, without seconds. There Sunday is 0 and here it is 1, so a weekday in
        // digits would be another day than was meant.
        let is_short = fields.len() == 5;
        if is_short && fields[4].contains(|c: char| c.is_ascii_digit()) {
            let reason = "write weekdays as names: `mon`, `sat,sun`";
            return Err(refused(reason.to_owned()));
        }
        let whole = if is_short {
            format!("0 {text}")
        } else {
            text.to_owned()
        };
        cron::Schedule::from_str(&whole)
            .map(Schedule)
            .map_err(|error| refused(error.to_string()))
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
        let nightly: Schedule = "0 3 * * *".parse().expect("a schedule");
        let weekly: Schedule = "30 3 * * sun".parse().expect("a schedule");
        for (schedule, expected) in [
            (nightly, "2026-11-22T03:00:00Z"),
            (weekly, "2026-11-22T03:30:00Z"),
        ] {
            let next = schedule.next_after(at("2026-11-21T10:07:30Z"));
            assert_eq!(next, Some(at(expected)));
        }
        let error = "0 3 * * 1".parse::<Schedule>().expect_err("which day?");
        assert!(error.to_string().contains("as names"), "{error}");
        assert!("every now and then".parse::<Schedule>().is_err());
    }
}
