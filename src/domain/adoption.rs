//! Taking shops over: which listing may be meant by another, and what a watched shop would have been
//! spared.
//!
//! Suggestions are for people; nothing is matched by them. What would have been prevented is said of
//! what is known alone: the sale came later than our write would have landed, and the lower level
//! would not have sold so many.

use std::{collections::BTreeSet, time::Duration};

use crate::{Quantity, incident::Why};

/// How alike two texts must be to be suggested, in percent.
const ALIKE_MIN: u32 = 60;

/// What is known of a listing, ready to be compared with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traits {
    sku: String,
    pairs: BTreeSet<(char, char)>,
    words: BTreeSet<String>,
    barcode: Option<String>,
}

/// Why one thing may be meant by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Their titles are alike, by so many percent.
    Title(u32),
    /// Their SKUs are alike, by so many percent.
    Sku(u32),
    /// Their SKUs differ in nothing but signs and large letters.
    SameSku,
    /// They have the same barcode.
    Barcode,
}

impl Traits {
    /// What is known of a listing or item.
    pub fn new(sku: Option<&str>, title: &str, barcode: Option<&str>) -> Traits {
        let plain = |text: &str| -> String {
            let signs = text.chars().filter(|c| c.is_alphanumeric());
            signs.flat_map(char::to_lowercase).collect()
        };
        let sku = plain(sku.unwrap_or_default());
        let pairs = sku.chars().zip(sku.chars().skip(1)).collect();
        let words = title
            .split(|c: char| !c.is_alphanumeric())
            .map(plain)
            .filter(|word| !word.is_empty());
        let barcode = barcode.map(plain).filter(|code| !code.is_empty());
        Traits {
            words: words.collect(),
            sku,
            pairs,
            barcode,
        }
    }

    /// Whether, and why, one may be meant by the other; the best reason of all.
    pub fn likeness(&self, other: &Traits) -> Option<Likeness> {
        if self.barcode.is_some() && self.barcode == other.barcode {
            return Some(Likeness::Barcode);
        }
        if !self.sku.is_empty() && self.sku == other.sku {
            return Some(Likeness::SameSku);
        }
        let by_sku = shared(&self.pairs, &other.pairs);
        if by_sku >= ALIKE_MIN {
            return Some(Likeness::Sku(by_sku));
        }
        let by_title = shared(&self.words, &other.words);
        (by_title >= ALIKE_MIN).then_some(Likeness::Title(by_title))
    }
}

/// How much two sets share, in percent of both (Dice).
fn shared<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> u32 {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let both = count(one.len()).saturating_add(count(other.len()));
    let common = count(one.intersection(other).count());
    common.saturating_mul(200).checked_div(both).unwrap_or(0)
}

/// What writing the lower level would have changed of a sale beyond what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversell {
    /// So many units would not have been sold.
    Prevented(Quantity),
    /// It was sold before our write would have landed.
    TooSoon,
    /// It was sold before the other sales were known here.
    Unknown,
    /// No level explains it.
    Other,
}

/// Judges a sale beyond what was there: so many units of the item are missing of so many that were
/// bought with one line, `per_unit` of the item each. Our writes are taken to land after `lag`.
pub fn judge(
    why: &Why,
    missing: Quantity,
    bought: Quantity,
    per_unit: Quantity,
    lag: Duration,
) -> Oversell {
    match why {
        Why::LatePush {
            wanted,
            since,
            sold_at,
            ..
        } => {
            if *sold_at < since.plus(lag) {
                return Oversell::TooSoon;
            }
            // The shop would have sold what it showed, and no more.
            let beyond = bought.minus(wanted.or_zero()).or_zero();
            let beyond = beyond.times(per_unit.units()).min(missing);
            if beyond.is_positive() {
                Oversell::Prevented(beyond)
            } else {
                Oversell::Other
            }
        }
        Why::LateNews { .. } => Oversell::Unknown,
        Why::GaveWay
        | Why::CameBack
        | Why::BeyondShown { .. }
        | Why::Owed { .. }
        | Why::Unknown => Oversell::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;

    #[test]
    fn what_may_be_meant_is_suggested_with_the_best_reason() {
        let mug = Traits::new(
            Some("MUG-RED-01"),
            "Mug, red, 300 ml",
            Some("4006381333931"),
        );
        for (sku, title, barcode, expected) in [
            (
                None,
                "Something",
                Some("4006381333931"),
                Some(Likeness::Barcode),
            ),
            (Some("mug red 01"), "Becher", None, Some(Likeness::SameSku)),
            (Some("MUG-RED-1"), "Becher", None, Some(Likeness::Sku(76))),
            (
                Some("X7"),
                "Red mug 300 ml",
                None,
                Some(Likeness::Title(100)),
            ),
            (Some("X7"), "Red plate", None, None),
            (None, "", None, None),
            (Some("--"), "", Some(""), None),
        ] {
            let other = Traits::new(sku, title, barcode);
            assert_eq!(mug.likeness(&other), expected, "{sku:?} {title}");
        }
        let nothing = Traits::new(None, "", None);
        assert_eq!(nothing.likeness(&nothing), None);
    }

    #[test]
    fn only_what_a_lower_level_would_have_refused_in_time_counts_as_prevented() {
        let units = Quantity::of;
        let late = |wanted: i32, sold_s: i64| Why::LatePush {
            listing: "1".into(),
            wanted: units(wanted),
            shown: None,
            since: Time::from_seconds(100),
            until: None,
            sold_at: Time::from_seconds(sold_s),
        };
        let news = Why::LateNews {
            sold_at: Time::from_seconds(100),
            known_at: Time::from_seconds(500),
        };
        // why, missing, bought, of the item each => with a write that lands after a minute
        for (why, missing, bought, per_unit, expected) in [
            (late(0, 160), 3, 3, 1, Oversell::Prevented(units(3))),
            (late(0, 159), 3, 3, 1, Oversell::TooSoon),
            (late(2, 900), 1, 3, 1, Oversell::Prevented(units(1))),
            (late(2, 900), 3, 3, 1, Oversell::Prevented(units(1))),
            (late(5, 900), 3, 3, 1, Oversell::Other),
            (late(1, 900), 4, 3, 2, Oversell::Prevented(units(4))),
            (late(-2, 900), 2, 2, 1, Oversell::Prevented(units(2))),
            (news, 2, 2, 1, Oversell::Unknown),
            (Why::CameBack, 2, 2, 1, Oversell::Other),
        ] {
            let (missing, bought, per_unit) = (units(missing), units(bought), units(per_unit));
            let lag = Duration::from_secs(60);
            let judged = judge(&why, missing, bought, per_unit, lag);
            assert_eq!(judged, expected, "{why:?}");
        }
    }
}
