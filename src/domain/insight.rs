//! What is summed of the orders of a day: how many, what they are worth, how long they took, what was sold.
//!
//! A day is the fold of the orders that were placed on it, so it can be summed again at any time. Amounts of two
//! currencies are never added.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Currency, Quantity, Sku, Time, delivery::Tracking, order::Order, snapshot::Standing};

/// How long a day is.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// When the day (UTC) of a time begins.
pub fn day_of(at: Time) -> Time {
    let day_s = 24 * 3600;
    Time::from_seconds(at.seconds().div_euclid(day_s) * day_s)
}

/// A stretch of an order's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stretch {
    /// From the checkout until we knew of it.
    Known,
    /// From then until somebody began to pick.
    Begun,
    /// From when we knew of it until the first parcel left.
    Left,
    /// From then until a parcel arrived.
    Arrived,
}

impl Stretch {
    /// All of them, in turn.
    pub const ALL: [Stretch; 4] = [
        Stretch::Known,
        Stretch::Begun,
        Stretch::Left,
        Stretch::Arrived,
    ];

    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Stretch::Known => "known",
            Stretch::Begun => "begun",
            Stretch::Left => "left",
            Stretch::Arrived => "arrived",
        }
    }

    /// How long it took for an order; nothing while it is not over.
    fn of(self, order: &Order) -> Option<Duration> {
        let left = order.shipments.iter().map(|one| one.shipped_at).min();
        let (from, to) = match self {
            Stretch::Known => (order.placed_at, Some(order.accepted_at)),
            Stretch::Begun => {
                let began = order.tasks.iter().map(|task| task.opened_at).min();
                (order.accepted_at, began)
            }
            Stretch::Left => (order.accepted_at, left),
            Stretch::Arrived => {
                let events = order.shipments.iter().flat_map(|one| &one.events);
                let arrived = events.filter(|event| event.state == Tracking::Delivered);
                (left?, arrived.map(|event| event.at).min())
            }
        };
        to.map(|to| to.since(from))
    }
}

/// Up to how many seconds each class of times goes; what takes longer is in the last.
const BOUNDS_S: [u64; 32] = {
    const M: u64 = 60;
    const H: u64 = 60 * M;
    const D: u64 = 24 * H;
    [
        M,
        2 * M,
        3 * M,
        5 * M,
        7 * M,
        10 * M,
        15 * M,
        20 * M,
        30 * M,
        45 * M,
        H,
        90 * M,
        2 * H,
        3 * H,
        4 * H,
        6 * H,
        8 * H,
        12 * H,
        18 * H,
        D,
        36 * H,
        2 * D,
        3 * D,
        4 * D,
        5 * D,
        7 * D,
        10 * D,
        14 * D,
        21 * D,
        30 * D,
        60 * D,
        90 * D,
    ]
};

/// How long something took, many times, in classes: they can be added, and percentiles read from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(BTreeMap<u8, u64>);

impl Times {
    /// It took so long once more.
    pub fn note(&mut self, took: Duration) {
        let class = BOUNDS_S.partition_point(|bound| *bound < took.as_secs());
        let class = class.min(BOUNDS_S.len() - 1);
        *self.0.entry(class as u8).or_default() += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// What so many of a hundred took at most, up to the width of a class; nothing when there are none.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        let all = self.count();
        let mut seen = 0;
        let class = self.0.iter().find_map(|(class, count)| {
            seen += count;
            (seen * 100 >= all * percent).then_some(*class)
        })?;
        let bound = BOUNDS_S.get(usize::from(class)).or(BOUNDS_S.last());
        bound.map(|bound| Duration::from_secs(*bound))
    }

    fn join(&mut self, other: &Times) {
        for (class, count) in &other.0 {
            *self.0.entry(*class).or_default() += count;
        }
    }
}

/// What orders in one currency are worth, in its minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Takings {
    /// How many orders, without those that were canceled whole.
    pub orders: u64,
    /// Their totals.
    pub total: i64,
    /// What was given back of them, and of those that were canceled.
    pub refunded: i64,
}

/// The orders of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// How many were placed.
    pub orders: u64,
    /// How many of them were canceled whole.
    pub canceled: u64,
    /// What the others are worth, by currency.
    pub takings: BTreeMap<Currency, Takings>,
    /// How long they took.
    pub times: BTreeMap<Stretch, Times>,
}

/// How much was sold of an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// In its smallest unit.
    pub units: Quantity,
    /// How many decimals these have.
    pub scale: u8,
    /// By how many orders.
    pub orders: u64,
}

impl Sold {
    /// Adds what was sold elsewhere, also if the item had other decimals then.
    pub fn join(&mut self, other: Sold) {
        let scale = self.scale.max(other.scale);
        let widen = |sold: Sold| {
            let by = u32::from(scale - sold.scale);
            sold.units.times(10_i64.saturating_pow(by))
        };
        self.units = widen(*self).plus(widen(other));
        self.scale = scale;
        self.orders += other.orders;
    }
}

/// Whether nothing of an order is to be sold any more.
fn is_canceled(order: &Order) -> bool {
    let wants_any = order
        .lines
        .iter()
        .any(|line| line.counters.wanted().is_positive());
    matches!(order.standing, Standing::Canceled | Standing::Deleted) || !wants_any
}

impl Day {
    /// Adds an order that was placed on it, and what it sold. What is no sale yet is not counted.
    pub fn add(&mut self, order: &Order, sold: &mut BTreeMap<Sku, Sold>) {
        if order.standing == Standing::Draft {
            return;
        }
        self.orders += 1;
        let takings = self.takings.entry(order.currency).or_default();
        takings.refunded = takings.refunded.saturating_add(order.refunded.minor());
        for stretch in Stretch::ALL {
            if let Some(took) = stretch.of(order) {
                self.times.entry(stretch).or_default().note(took);
            }
        }
        if is_canceled(order) {
            self.canceled += 1;
            return;
        }
        takings.orders += 1;
        takings.total = takings.total.saturating_add(order.total.minor());
        let mut of_order: BTreeMap<&Sku, Sold> = BTreeMap::new();
        for line in &order.lines {
            let Some(item) = &line.item else { continue };
            let units = line.counters.wanted();
            let more = Sold {
                units,
                scale: line.scale,
                orders: 0,
            };
            if units.is_positive() {
                of_order.entry(&item.sku).or_default().join(more);
            }
        }
        for (sku, mut more) in of_order {
            more.orders = 1;
            sold.entry(sku.clone()).or_default().join(more);
        }
    }

    /// Adds another day.
    pub fn join(&mut self, other: &Day) {
        self.orders += other.orders;
        self.canceled += other.canceled;
        for (currency, more) in &other.takings {
            let takings = self.takings.entry(*currency).or_default();
            takings.orders += more.orders;
            takings.total = takings.total.saturating_add(more.total);
            takings.refunded = takings.refunded.saturating_add(more.refunded);
        }
        for (stretch, times) in &other.times {
            self.times.entry(*stretch).or_default().join(times);
        }
    }

    /// Whether nothing happened on it.
    pub fn is_empty(&self) -> bool {
        self.orders == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn percentiles_are_the_ends_of_classes_and_add_up() {
        let mut times = Times::default();
        assert_eq!((times.count(), times.percentile(50)), (0, None));
        for took in [0, 60, 61, 3600, 3601] {
            times.note(seconds(took));
        }
        assert_eq!(times.percentile(40), Some(seconds(60)));
        assert_eq!(times.percentile(50), Some(seconds(120)));
        assert_eq!(times.percentile(80), Some(seconds(3600)));
        assert_eq!(times.percentile(95), Some(seconds(90 * 60)));
        let mut late = Times::default();
        late.note(seconds(u64::MAX));
        times.join(&late);
        assert_eq!(times.count(), 6);
        assert_eq!(times.percentile(100), Some(seconds(90 * 24 * 3600)));
        assert!(BOUNDS_S.is_sorted());
    }

    #[test]
    fn a_day_begins_at_midnight_also_before_1970() {
        for (at, day) in [
            ("2026-11-30T23:59:59.999Z", "2026-11-30T00:00:00Z"),
            ("2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z"),
        ] {
            let time = |text: &str| text.parse::<Time>().expect("a time");
            assert_eq!(day_of(time(at)), time(day));
        }
        assert_eq!(day_of(Time::from_seconds(-1)), Time::from_seconds(-86_400));
    }

    #[test]
    fn units_with_other_decimals_are_added_as_units() {
        let mut sold = Sold {
            units: Quantity::of(2),
            scale: 0,
            orders: 1,
        };
        sold.join(Sold {
            units: Quantity::of(1500),
            scale: 3,
            orders: 2,
        });
        assert_eq!(
            (sold.units, sold.scale, sold.orders),
            (Quantity::of(3500), 3, 3)
        );
    }
}
