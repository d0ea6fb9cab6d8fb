//! By when an order leaves and arrives, and until when it may come back.
//!
//! What is due follows from the order alone, so it can stand in a list that is written with the order; whether it is
//! late follows from that and the time of whoever asks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Quantity, Time,
    order::{Counters, Order, Shipment},
};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// What an account promises of time, where its channel does not say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// Within what an order leaves, from when it was placed and could be sent; nothing for no promise.
    #[serde(default)]
    pub ship_within: Option<Within>,
    /// Until when after it arrived, or left, buyers may send something back; nothing for ever.
    #[serde(default)]
    pub return_within: Option<Duration>,
    /// After how long a parcel of which nobody heard is looked for; nothing for never.
    #[serde(default)]
    pub silent_after: Option<Duration>,
}

/// A time within which something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// By the clock, at weekends too.
    Clock(Duration),
    /// So many working days: Monday to Friday, in UTC. What comes at a weekend counts as come when Monday begins.
    WorkingDays(u32),
}

impl Within {
    /// The most working days: a year's.
    pub const WORKING_DAYS_MAX: u32 = 260;

    /// When it is over, if it begins at this time.
    pub fn after(self, begin: Time) -> Time {
        let days = match self {
            Within::Clock(duration) => return begin.plus(duration),
            Within::WorkingDays(days) => days.min(Within::WORKING_DAYS_MAX),
        };
        let (mut day, mut of_day) = (
            begin.millis().div_euclid(DAY_MS),
            begin.millis().rem_euclid(DAY_MS),
        );
        if is_weekend(day) {
            of_day = 0;
        }
        while is_weekend(day) {
            day += 1;
        }
        for _ in 0..days {
            day += 1;
            while is_weekend(day) {
                day += 1;
            }
        }
        Time::from_millis(day.saturating_mul(DAY_MS).saturating_add(of_day))
    }
}

/// Whether a day since 1 January 1970, a Thursday, is a Saturday or a Sunday.
fn is_weekend(day: i64) -> bool {
    matches!((day + 3).rem_euclid(7), 5 | 6)
}

/// What of an order has a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Something is to leave by it.
    Ship,
    /// Something is to arrive by it.
    Deliver,
    /// A parcel was heard of last at it.
    Parcel,
}

impl Due {
    /// All of them.
    pub const ALL: [Due; 3] = [Due::Ship, Due::Deliver, Due::Parcel];

    /// The word for it, as in lists.
    pub fn word(self) -> &'static str {
        match self {
            Due::Ship => "ship",
            Due::Deliver => "deliver",
            Due::Parcel => "parcel",
        }
    }
}

impl Order {
    /// By when it is to leave: as its channel says, else as its account promises. What is owed is not late before
    /// the date of that.
    pub fn ships_by(&self) -> Option<Time> {
        let promised = || {
            let due = self.promised_by?;
            Some(self.owed_until().map_or(due, |owed| owed.max(due)))
        };
        self.ship_by.or_else(promised)
    }

    /// What of it has a time, each kind at most once.
    pub fn due(&self) -> Vec<(Due, Time)> {
        if self.is_withdrawn() || self.closed_at.is_some() {
            return Vec::new();
        }
        let any = |count: fn(&Counters) -> Quantity| {
            self.lines
                .iter()
                .any(|line| count(&line.counters).is_positive())
        };
        let ship = self
            .ships_by()
            .filter(|_| self.is_payable() && any(Counters::to_ship));
        let on_the_way = |counters: &Counters| counters.wanted().minus(counters.delivered_net());
        let deliver = self.deliver_by.filter(|_| any(on_the_way));
        let parcels = self.shipments.iter().filter(|parcel| parcel.is_awaited());
        let parcel = parcels.map(Shipment::heard_of_at).min();
        let all = [
            (Due::Ship, ship),
            (Due::Deliver, deliver),
            (Due::Parcel, parcel),
        ];
        all.into_iter()
            .filter_map(|(what, at)| Some((what, at?)))
            .collect()
    }

    /// When the last of it arrived, or left where nobody told that it arrived.
    pub fn with_buyer_since(&self) -> Option<Time> {
        let parcels = self.shipments.iter();
        parcels
            .map(|parcel| parcel.arrived_at().unwrap_or(parcel.shipped_at))
            .max()
    }
}

impl Shipment {
    /// Whether news of it are waited for: it has a number to be followed by, has not arrived, and nobody saw to it.
    pub fn is_awaited(&self) -> bool {
        let has_number = self.tracking_number.is_some();
        has_number && !self.has_arrived() && !self.is_given_up() && !self.is_astray()
    }

    /// When something was heard of it last.
    pub fn heard_of_at(&self) -> Time {
        let events = self.events.iter().map(|event| event.at);
        events.fold(self.shipped_at, Time::max)
    }

    /// When it arrived.
    pub fn arrived_at(&self) -> Option<Time> {
        let last = self.last_event().filter(|_| self.has_arrived());
        last.map(|event| event.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse_utc(text).expect("a time")
    }

    #[test]
    fn working_days_leave_weekends_out_and_hours_do_not() {
        let days = Within::WorkingDays;
        for (begin, within, end) in [
            // 27 November 2026 is a Friday.
            ("2026-11-26T15:00:00Z", days(1), "2026-11-27T15:00:00Z"),
            ("2026-11-27T15:00:00Z", days(1), "2026-11-30T15:00:00Z"),
            ("2026-11-27T15:00:00Z", days(0), "2026-11-27T15:00:00Z"),
            ("2026-11-28T09:30:00Z", days(1), "2026-12-01T00:00:00Z"),
            ("2026-11-29T23:59:59Z", days(2), "2026-12-02T00:00:00Z"),
            ("2026-11-30T00:00:00Z", days(5), "2026-12-07T00:00:00Z"),
            (
                "2026-11-27T15:00:00Z",
                Within::Clock(Duration::from_secs(24 * 3600)),
                "2026-11-28T15:00:00Z",
            ),
            ("1969-12-26T08:00:00Z", days(1), "1969-12-29T08:00:00Z"),
        ] {
            assert_eq!(within.after(time(begin)), time(end), "{begin} {within:?}");
        }
    }
}
