//! Units that are sold before they are there: on backorder, or before an item is to be had at all.
//!
//! A rule says how many of an item may be owed, over all accounts together, and by when they ship. What
//! is missing of an order within that is *owed*: it is no incident before its date. Nothing here is
//! claimed, so claims never exceed what is sellable, and nothing here reads a clock.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Quantity, Sku, Time,
    book::Book,
    item::{Item, ItemKind},
    locations::Locations,
    order::Order,
    rules::OfferRules,
    stock::Stock,
};

/// A preorder is to be there on a day, so its date has passed when the day is over (UTC).
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What rules say of owing an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Owing {
    /// What runs out and is ordered again.
    pub backorder: Option<Backorder>,
    /// What is not out yet. Until its day it goes before a backorder.
    pub preorder: Option<Preorder>,
}

/// An item may be sold when it has run out, because it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backorder {
    /// So many units of the item may be owed, over all accounts; none takes a wider rule back.
    pub max: Quantity,
    /// So long after an order was placed it ships.
    pub ships_within: Duration,
}

/// An item may be sold before it is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preorder {
    /// So many units of the item may be owed, over all accounts; none takes a wider rule back.
    pub max: Quantity,
    /// The beginning of the day on which it is there: from then on it is no preorder any more.
    pub available_on: Time,
}

/// How something is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It ran out and comes again.
    Backorder,
    /// It is not out yet.
    Preorder,
}

impl Kind {
    /// The word for it, as in the API.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Backorder => "backorder",
            Kind::Preorder => "preorder",
        }
    }
}

/// What is owed of an order line, and until when it waits without being an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// How many units of the line.
    pub units: Quantity,
    /// How.
    pub kind: Kind,
    /// By when they ship; not covered by then, it is an incident.
    pub until: Time,
    /// Since when it is owed.
    pub since: Time,
}

/// How a promise came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// Its date passed.
    Late,
    /// No rule lets it be owed any more.
    Withdrawn,
    /// Fewer may be owed now, and older orders go before it.
    BeyondMax,
}

/// What holds for an order that was placed at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How it is owed.
    pub kind: Kind,
    /// How many units of the item may be, over all accounts.
    pub max: Quantity,
    /// By when they ship.
    pub until: Time,
}

impl Owing {
    /// What holds for a buyer who orders at this time.
    pub fn terms(&self, placed_at: Time) -> Option<Terms> {
        let is_ahead = |one: &Preorder| one.max.is_positive() && placed_at < one.available_on;
        let preorder = self.preorder.filter(is_ahead).map(|one| Terms {
            kind: Kind::Preorder,
            max: one.max,
            until: one.available_on.plus(DAY),
        });
        let backorder = self.backorder.filter(|one| one.max.is_positive());
        let backorder = backorder.map(|one| Terms {
            kind: Kind::Backorder,
            max: one.max,
            until: placed_at.plus(one.ships_within),
        });
        preorder.or(backorder)
    }

    /// This, with what a narrower rule says instead; `units` widens its quantities.
    pub(crate) fn narrowed(&self, by: &Owing, units: impl Fn(Quantity) -> Quantity) -> Owing {
        let backorder = by.backorder.map(|one| Backorder {
            max: units(one.max),
            ..one
        });
        let preorder = by.preorder.map(|one| Preorder {
            max: units(one.max),
            ..one
        });
        Owing {
            backorder: backorder.or(self.backorder),
            preorder: preorder.or(self.preorder),
        }
    }
}

/// Where the rules for owing are looked up: they are about goods, also where a kit is sold.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// The rules.
    pub rules: &'a OfferRules,
    /// The items, components of kits among them.
    pub items: &'a BTreeMap<Sku, Item>,
    /// Their stock.
    pub stock: &'a BTreeMap<Sku, Stock>,
    /// Where it lies.
    pub locations: &'a Locations,
}

impl Lookup<'_> {
    /// What holds for an item on an account, for a buyer who orders at this time. `listed_in` are the
    /// categories that the channel has the item in.
    pub fn terms(
        &self,
        sku: &Sku,
        account: &AccountId,
        listed_in: &[String],
        placed_at: Time,
    ) -> Option<Terms> {
        let item = self.items.get(sku)?;
        let rule = self.rules.find(account, item, listed_in);
        rule.owing.terms(placed_at)
    }

    /// How many units of an item may be sold on an account beyond what is sellable: what may be owed
    /// less what is owed already, and less what was sold, is not there, and could not be owed or not in
    /// time: the supplier must bring that as well. A kit may as often as each of its components may.
    pub fn room(
        &self,
        item: &Item,
        account: &AccountId,
        listed_in: impl Fn(&Sku) -> Vec<String>,
        now: Time,
    ) -> Quantity {
        let of = |sku: &Sku| -> Quantity {
            let Some(terms) = self.terms(sku, account, &listed_in(sku), now) else {
                return Quantity::ZERO;
            };
            let Some(stock) = self.stock.get(sku).filter(|stock| stock.is_counted) else {
                return Quantity::ZERO;
            };
            // What left and was not there is brought back first.
            let lacking = self.locations.sellable(stock, account).min(Quantity::ZERO);
            let taken = stock.owed.plus(stock.missing);
            terms.max.minus(taken).plus(lacking).or_zero()
        };
        match &item.kind {
            ItemKind::Good => of(&item.sku),
            ItemKind::Service => Quantity::ZERO,
            ItemKind::Kit(components) => {
                let kits = components.iter().map(|(sku, per_kit)| {
                    let kits = of(sku).units().checked_div(per_kit.units());
                    Quantity::new(kits.unwrap_or(0)).unwrap_or_default()
                });
                kits.min().unwrap_or_default()
            }
        }
    }
}

impl Book {
    /// Units of a line that are missing and not owed: what incidents are about.
    pub fn lacking_units(&self, order: &Order, line: u32) -> Quantity {
        let missing = self.missing_units(order, line);
        missing.minus(order.owed_units(line)).or_zero()
    }
}

impl Order {
    /// Units of a line that are owed.
    pub fn owed_units(&self, line: u32) -> Quantity {
        let promise = self.line(line).and_then(|line| line.owed);
        promise.map(|promise| promise.units).unwrap_or_default()
    }

    /// The first date of what is owed of it.
    pub fn owed_until(&self) -> Option<Time> {
        let promises = self.lines.iter().filter_map(|line| line.owed);
        promises.map(|promise| promise.until).min()
    }

    /// What it adds to what is owed of each item.
    pub fn owes(&self) -> BTreeMap<Sku, Quantity> {
        let mut owed: BTreeMap<Sku, Quantity> = BTreeMap::new();
        for line in &self.lines {
            let (Some(promise), Some(item)) = (line.owed, &line.item) else {
                continue;
            };
            for (sku, per_unit) in &item.bill {
                let sum = owed.entry(sku.clone()).or_default();
                *sum = sum.plus(per_unit.times(promise.units.units()));
            }
        }
        owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Time {
        Time::from_seconds(day * 24 * 3600)
    }

    #[test]
    fn a_preorder_goes_before_a_backorder_until_its_day() {
        let owing = Owing {
            backorder: Some(Backorder {
                max: Quantity::of(2),
                ships_within: DAY * 14,
            }),
            preorder: Some(Preorder {
                max: Quantity::of(9),
                available_on: day(30),
            }),
        };
        let told = |placed: i64| {
            let terms = owing.terms(day(placed)).expect("something holds");
            (terms.kind, terms.max.units(), terms.until)
        };
        assert_eq!(told(29), (Kind::Preorder, 9, day(31)));
        assert_eq!(told(30), (Kind::Backorder, 2, day(44)));
    }

    #[test]
    fn a_narrower_rule_takes_back_what_a_wider_one_says() {
        let wide = Owing {
            backorder: Some(Backorder {
                max: Quantity::of(2),
                ships_within: DAY,
            }),
            preorder: None,
        };
        let narrow = |max: i32| Owing {
            backorder: Some(Backorder {
                max: Quantity::of(max),
                ships_within: DAY * 2,
            }),
            preorder: None,
        };
        let tenfold = |units: Quantity| units.times(10);
        let told = |by: &Owing| {
            let terms = wide.narrowed(by, tenfold).terms(day(1));
            terms.map(|terms| (terms.max.units(), terms.until))
        };
        assert_eq!(told(&Owing::default()), Some((2, day(2))));
        assert_eq!(told(&narrow(3)), Some((30, day(3))));
        assert_eq!(told(&narrow(0)), None);
    }
}
