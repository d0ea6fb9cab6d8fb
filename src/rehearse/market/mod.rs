//! A market: several shops sell from one shelf, and hear of each other late. It measures what a
//! buffer policy costs and what it prevents, over days of buyers, in seconds.
//!
//! Buyers, shops and the ways between them are modeled here, so that hundreds of thousands of sales
//! can be counted. What a shop may show ([`domain::rules::show`]), what is measured
//! ([`domain::demand`], [`engine::meters`]) and how a buffer tunes itself ([`domain::buffer`]) are
//! the very code of the daemon. A seed fixes the buyers: they come, and want, the same under every
//! policy. Start reading at [`measure`].

mod buyers;
mod shelf;

use std::{fmt, time::Duration};

use domain::{
    Quantity,
    rules::{Buffer, OfferRules, ScopedRule},
};
use serde::Serialize;

use shelf::Shelf;

/// What is held back on every listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Nothing.
    None,
    /// So many units.
    Fixed(u16),
    /// What tunes itself, with nothing else said.
    Auto,
}

impl Policy {
    /// Those that are compared, in the order of the table.
    pub const ALL: [Policy; 7] = [
        Policy::None,
        Policy::Fixed(1),
        Policy::Fixed(2),
        Policy::Fixed(3),
        Policy::Fixed(4),
        Policy::Fixed(5),
        Policy::Auto,
    ];

    fn rules(self) -> OfferRules {
        let buffer = match self {
            Policy::None => Buffer::Units(Quantity::ZERO),
            Policy::Fixed(units) => Buffer::Units(Quantity::of(units.into())),
            Policy::Auto => Buffer::Auto,
        };
        let rule = ScopedRule {
            buffer: Some(buffer),
            ..ScopedRule::default()
        };
        OfferRules { rules: vec![rule] }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::None => f.write_str("none"),
            Policy::Fixed(units) => units.fmt(f),
            Policy::Auto => f.write_str("auto"),
        }
    }
}

/// A shop of the market.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its account.
    pub account: &'static str,
    /// How many of a hundred buyers come here.
    pub traffic: u32,
    /// How long it takes on average until we know of a sale here.
    pub heard_ms: u64,
    /// How long it takes on average until a level that we write is shown here.
    pub shown_ms: u64,
}

/// Five shops, from one next door to one that is told by a batch.
pub const PLACES: [Place; 5] = [
    place("till", 15, 200, 200),
    place("web", 35, 500, 1_000),
    place("boutique", 10, 1_500, 4_000),
    place("market", 25, 4_000, 12_000),
    place("bazaar", 15, 10_000, 30_000),
];

const fn place(account: &'static str, traffic: u32, heard_ms: u64, shown_ms: u64) -> Place {
    Place {
        account,
        traffic,
        heard_ms,
        shown_ms,
    }
}

/// How much there is to measure.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Decides the buyers, the jitter and the deliveries.
    pub seed: u64,
    /// How many items; the n-th is wanted a n-th as often as the first.
    pub items: usize,
    /// How many hours.
    pub hours: u32,
    /// How many baskets there are in an hour, on average over a day.
    pub baskets_per_hour: u32,
}

impl Setup {
    /// The one of the table in the documentation.
    pub fn usual(seed: u64) -> Setup {
        Setup {
            seed,
            items: 80,
            hours: 72,
            baskets_per_hour: 1500,
        }
    }
}

/// What a policy did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// The policy: `none`, a number of units, or `auto`.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// Orders that were placed.
    pub orders: u64,
    /// Units that were sold, those that were not there among them.
    pub units_sold: u64,
    /// Units that were sold and were not there.
    pub units_oversold: u64,
    /// How many that are of a million units sold.
    pub oversold_ppm: u64,
    /// What was offered less than could be sold, over all listings: units times hours.
    pub hidden_unit_hours: u64,
    /// Buyers who saw 0 although there were units.
    pub lost_to_hiding: u64,
    /// The buffer of a listing on average, in thousandths of a unit.
    pub mean_buffer_milli: u64,
    /// Levels that were written to shops.
    pub pushes: u64,
}

/// Measures a policy.
pub fn measure(setup: &Setup, policy: Policy) -> Figures {
    let mut shelf = Shelf::new(setup, &policy.rules());
    shelf.run_until(Duration::from_secs(3600) * setup.hours);
    let counts = shelf.counts();
    Figures {
        policy: policy.to_string(),
        seed: setup.seed,
        orders: counts.orders,
        units_sold: counts.units_sold,
        units_oversold: counts.units_oversold,
        oversold_ppm: per_million(counts.units_oversold, counts.units_sold),
        hidden_unit_hours: whole_hours(counts.hidden_unit_ms),
        lost_to_hiding: counts.lost_to_hiding,
        mean_buffer_milli: narrow(
            (counts.buffer_unit_ms * 1000)
                .checked_div(counts.listing_ms)
                .unwrap_or(0),
        ),
        pushes: counts.pushes,
    }
}

/// Whether a buffer that tunes itself is worth it: it hides less than the smallest fixed buffer that
/// oversells no more often, or than the largest that was measured where all of them oversell more.
pub fn compare(figures: &[Figures]) -> Option<Comparison> {
    let auto = figures.iter().find(|one| one.policy == "auto")?;
    let fixed = || figures.iter().filter(|one| one.policy != "auto");
    let rival = fixed()
        .find(|one| one.oversold_ppm <= auto.oversold_ppm)
        .or_else(|| fixed().next_back())?;
    Some(Comparison {
        rival: rival.policy.clone(),
        oversells_more: rival.oversold_ppm > auto.oversold_ppm,
        auto_hides: auto.hidden_unit_hours,
        rival_hides: rival.hidden_unit_hours,
        is_worth_it: auto.hidden_unit_hours < rival.hidden_unit_hours,
    })
}

/// A buffer that tunes itself beside a fixed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The smallest fixed buffer that oversells no more often.
    pub rival: String,
    /// Whether even this one, the largest that was measured, oversells more often.
    pub oversells_more: bool,
    /// Unit-hours that the one hides.
    pub auto_hides: u64,
    /// Unit-hours that the other hides.
    pub rival_hides: u64,
    /// Whether it hides less.
    pub is_worth_it: bool,
}

fn per_million(part: u64, whole: u64) -> u64 {
    let ppm = u128::from(part) * 1_000_000;
    narrow(ppm.checked_div(whole.into()).unwrap_or(0))
}

fn whole_hours(unit_ms: u128) -> u64 {
    narrow((unit_ms + 1_800_000) / 3_600_000)
}

fn narrow(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(seed: u64) -> Setup {
        Setup {
            seed,
            items: 30,
            hours: 30,
            baskets_per_hour: 900,
        }
    }

    #[test]
    fn one_seed_is_one_table_and_another_is_another() {
        let setup = Setup {
            hours: 5,
            ..small(3)
        };
        let auto = measure(&setup, Policy::Auto);
        assert_eq!(auto, measure(&setup, Policy::Auto));
        assert!(auto.orders > 500, "{auto:?}");
        assert_ne!(auto, measure(&Setup { seed: 4, ..setup }, Policy::Auto));
    }

    /// The table proves nothing where nothing goes wrong, and a larger buffer must do what it is for.
    #[test]
    fn a_larger_fixed_buffer_hides_more_and_oversells_less() {
        let rows: Vec<Figures> = [0, 1, 3, 5]
            .map(|units| measure(&small(11), Policy::Fixed(units)))
            .into();
        assert_eq!(rows[0].hidden_unit_hours, 0);
        assert_eq!(
            rows[0].lost_to_hiding,
            measure(&small(11), Policy::None).lost_to_hiding
        );
        assert!(rows[0].units_oversold > 30, "{:?}", rows[0]);
        for pair in rows.windows(2) {
            assert!(pair[1].units_oversold < pair[0].units_oversold, "{pair:?}");
            assert!(
                pair[1].hidden_unit_hours > pair[0].hidden_unit_hours,
                "{pair:?}"
            );
            assert!(pair[1].lost_to_hiding > pair[0].lost_to_hiding, "{pair:?}");
            assert!(
                pair[1].mean_buffer_milli > pair[0].mean_buffer_milli,
                "{pair:?}"
            );
        }
    }

    /// What the buffer that tunes itself is for; nothing was chosen by these seeds.
    #[test]
    fn the_buffer_that_tunes_itself_hides_less_than_a_fixed_one_that_oversells_no_more() {
        for seed in 101..106 {
            let rows: Vec<Figures> = Policy::ALL
                .map(|policy| measure(&small(seed), policy))
                .into();
            let compared = compare(&rows).expect("all were measured");
            assert!(compared.is_worth_it, "{compared:?} {rows:#?}");
            let (none, auto) = (&rows[0], &rows[6]);
            assert!(auto.units_oversold * 5 < none.units_oversold, "{rows:#?}");
        }
    }
}
