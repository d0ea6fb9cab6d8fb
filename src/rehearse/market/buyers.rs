//! Who comes to the market, when, and with which wishes: the same for every policy.

use fastrand::Rng;

use super::{PLACES, Setup};

/// How busy each hour of a day is, in hundredths of the average.
const DAY: [u32; 24] = [
    30, 20, 10, 10, 10, 20, 40, 70, 100, 120, 130, 140, 150, 120, 110, 110, 120, 140, 180, 220,
    250, 180, 90, 30,
];
/// Of a hundred wishes, so many are for one unit, for two, and for three.
const UNITS: [(u32, i64); 3] = [(75, 1), (18, 2), (7, 3)];
/// The most lines in a basket.
const LINES_MAX: usize = 3;

/// A basket that somebody means to buy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Basket {
    /// When, in milliseconds since the beginning.
    pub(super) at_ms: u64,
    /// Where, as the place in [`PLACES`].
    pub(super) place: usize,
    /// Which items, and how many units of each.
    pub(super) wishes: Vec<(usize, i64)>,
}

/// Everybody who comes, hour by hour.
pub(super) struct Buyers {
    chance: Rng,
    baskets_per_hour: u32,
    /// The sums of how much items are liked.
    liked: Vec<u64>,
}

impl Buyers {
    pub(super) fn new(setup: &Setup) -> Buyers {
        let mut sum = 0;
        let weights = (1..=setup.items as u64).map(|rank| {
            sum += 1_000_000 / rank;
            sum
        });
        Buyers {
            chance: Rng::with_seed(setup.seed),
            baskets_per_hour: setup.baskets_per_hour,
            liked: weights.collect(),
        }
    }

    /// Those who come within an hour, in order. They come at any time, whoever came before: that many
    /// independent moments are as good as a Poisson process, and need no logarithm.
    pub(super) fn of_hour(&mut self, hour: u32) -> Vec<Basket> {
        let of_day = usize::try_from(hour % 24).unwrap_or_default();
        let busy = DAY.get(of_day).copied().unwrap_or(100);
        let count = self.baskets_per_hour.saturating_mul(busy) / 100;
        let begins = u64::from(hour) * 3_600_000;
        let mut baskets: Vec<Basket> = (0..count)
            .map(|_| Basket {
                at_ms: begins + self.chance.u64(0..3_600_000),
                place: self.place(),
                wishes: self.wishes(),
            })
            .collect();
        baskets.sort_by_key(|basket| basket.at_ms);
        baskets
    }

    fn place(&mut self) -> usize {
        let mut lot = self
            .chance
            .u32(0..PLACES.iter().map(|place| place.traffic).sum());
        for (index, place) in PLACES.iter().enumerate() {
            if lot < place.traffic {
                return index;
            }
            lot -= place.traffic;
        }
        0
    }

    fn wishes(&mut self) -> Vec<(usize, i64)> {
        let lines = self.chance.usize(1..=LINES_MAX);
        let mut wishes: Vec<(usize, i64)> = Vec::new();
        for _ in 0..lines {
            let lot = self.chance.u64(0..self.liked.last().copied().unwrap_or(1));
            let item = self.liked.partition_point(|sum| *sum <= lot);
            let units = self.units();
            if wishes.iter().all(|(known, _)| *known != item) {
                wishes.push((item, units));
            }
        }
        wishes
    }

    fn units(&mut self) -> i64 {
        let mut lot = self.chance.u32(0..100);
        for (share, units) in UNITS {
            if lot < share {
                return units;
            }
            lot -= share;
        }
        1
    }

    /// How many units of an item are sold in so many hours if nothing is ever missing.
    pub(super) fn units_sold(&self, item: usize, hours: u64) -> i64 {
        let before = item.checked_sub(1).and_then(|one| self.liked.get(one));
        let weight = self.liked.get(item).copied().unwrap_or(0) - before.copied().unwrap_or(0);
        let all = self.liked.last().copied().unwrap_or(1);
        // Two lines in a basket, and 1.32 units in a line, on average.
        let units = u64::from(self.baskets_per_hour) * hours * 264 / 100;
        i64::try_from(units * weight / all.max(1)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buyers_like_the_first_items_and_come_to_every_place_at_all_times() {
        let setup = Setup {
            seed: 5,
            items: 50,
            hours: 24,
            baskets_per_hour: 300,
        };
        let mut buyers = Buyers::new(&setup);
        let baskets: Vec<Basket> = (0..24).flat_map(|hour| buyers.of_hour(hour)).collect();
        assert!(baskets.is_sorted_by_key(|basket| basket.at_ms));
        assert!((6_000..8_500).contains(&baskets.len()), "{}", baskets.len());
        let mut sold = vec![0_i64; setup.items];
        for (item, units) in baskets.iter().flat_map(|basket| &basket.wishes) {
            sold[*item] += units;
        }
        assert!(
            sold[0] > sold[1] && sold[1] > sold[8] && sold[8] > sold[40],
            "{sold:?}"
        );
        assert!(sold.iter().all(|units| *units > 0), "{sold:?}");
        let expected = buyers.units_sold(10, 24);
        assert!(
            (expected * 3 / 4..expected * 5 / 4).contains(&sold[10]),
            "{expected} {sold:?}"
        );
        for (place, described) in PLACES.iter().enumerate() {
            let came = baskets
                .iter()
                .filter(|basket| basket.place == place)
                .count();
            let share = described.traffic as usize;
            assert!(came * 100 / baskets.len() + 3 > share, "{place}: {came}");
        }
    }
}
