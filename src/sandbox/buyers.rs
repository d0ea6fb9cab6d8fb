//! People in front of and behind the counters: they buy, pay, change their minds, ship and meddle.
//!
//! [`Buyers`] decides who does what where and when; the shops decide what comes of it. It keeps no
//! record of sales: the twins keep the truth. It only remembers what it still means to do, such as to
//! pay for an order next minute. All chance comes from one seed.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use domain::{ExternalId, Sku, Time};
use fastrand::Rng;

use crate::{Act, Done, Refused};

/// How lively the shops are. Percentages are of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time between two baskets over all shops, on average.
    pub basket_every: Duration,
    /// How many are not paid at once.
    pub unpaid_percent: u32,
    /// How many of those are never paid.
    pub abandoned_percent: u32,
    /// How many are canceled later.
    pub canceled_percent: u32,
    /// How many are shipped by staff in the shop itself, past us.
    pub shipped_percent: u32,
    /// How many are deleted for good after they were canceled.
    pub deleted_percent: u32,
    /// The time between two edits of a level by staff, on average; nothing for never.
    pub edit_every: Option<Duration>,
}

impl Pace {
    /// A busy evening: about three baskets a second, and nobody meddles.
    pub fn busy() -> Pace {
        Pace {
            basket_every: Duration::from_millis(350),
            unpaid_percent: 20,
            abandoned_percent: 30,
            canceled_percent: 8,
            shipped_percent: 15,
            deleted_percent: 0,
            edit_every: None,
        }
    }

    /// The same, with staff who edit levels behind our back and delete orders.
    #[must_use]
    pub fn with_meddling(mut self) -> Pace {
        self.edit_every = Some(Duration::from_secs(8));
        self.deleted_percent = 20;
        self
    }
}

/// What buyers see of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopView {
    /// What it sells, services included.
    pub skus: Vec<Sku>,
    /// The level that it shows for each SKU that is counted.
    pub levels: BTreeMap<Sku, i64>,
}

/// Everybody who acts in the shops.
#[derive(Debug)]
pub struct Buyers {
    rng: Rng,
    pace: Pace,
    basket_at: Option<Time>,
    edit_at: Option<Time>,
    plans: BTreeMap<(Time, u64), (usize, Act)>,
    plan_count: u64,
    is_stopped: bool,
}

/// The most lines in a basket.
const LINES_MAX: usize = 3;
/// How long a buyer takes to pay.
const PAY_MS: Range<u64> = 500..12_000;
/// How long until somebody cancels.
const CANCEL_MS: Range<u64> = 300..15_000;
/// How long until staff ship.
const SHIP_MS: Range<u64> = 2_000..20_000;
/// How long until staff delete a canceled order.
const DELETE_MS: Range<u64> = 500..8_000;

impl Buyers {
    /// People who have done nothing yet.
    pub fn new(seed: u64, pace: Pace) -> Buyers {
        Buyers {
            rng: Rng::with_seed(seed),
            pace,
            basket_at: None,
            edit_at: None,
            plans: BTreeMap::new(),
            plan_count: 0,
            is_stopped: false,
        }
    }

    /// When the next of them does something; nothing when nobody will.
    pub fn next_at(&self) -> Option<Time> {
        let planned = self.plans.keys().next().map(|(at, _)| *at);
        let fresh = [self.basket_at, self.edit_at];
        planned.into_iter().chain(fresh.into_iter().flatten()).min()
    }

    /// Nobody does anything any more, whatever they meant to do.
    pub fn stop(&mut self) {
        self.is_stopped = true;
        self.basket_at = None;
        self.edit_at = None;
        self.plans.clear();
    }

    /// What is done now, as the number of the shop and the act. The first call begins the day.
    pub fn due(&mut self, now: Time, shops: &[ShopView]) -> Vec<(usize, Act)> {
        if self.is_stopped || shops.is_empty() {
            return Vec::new();
        }
        let mut acts = Vec::new();
        let later = self.plans.split_off(&(now, u64::MAX));
        acts.extend(std::mem::replace(&mut self.plans, later).into_values());
        let every = self.pace.basket_every;
        if is_due(self.basket_at, now) {
            acts.extend(self.basket(shops));
        }
        if self.basket_at.is_none_or(|at| at <= now) {
            self.basket_at = Some(self.after(now, every));
        }
        if is_due(self.edit_at, now) {
            acts.extend(self.edit(shops));
        }
        if let Some(every) = self.pace.edit_every
            && self.edit_at.is_none_or(|at| at <= now)
        {
            self.edit_at = Some(self.after(now, every));
        }
        acts
    }

    /// Tells what came of an act, so that people can go on from there.
    pub fn answered(&mut self, shop: usize, act: &Act, result: &Result<Done, Refused>, now: Time) {
        let Ok(Done::Order(order)) = result else {
            return;
        };
        if self.is_stopped {
            return;
        }
        match act {
            Act::Buy { paid, .. } => self.plan_after_buying(shop, order, *paid, now),
            Act::Cancel(_) => {
                if self.happens(self.pace.deleted_percent) {
                    self.plan(shop, Act::Delete(order.clone()), now, DELETE_MS);
                }
            }
            Act::Pay(_)
            | Act::Authorize(_)
            | Act::Lapse(_)
            | Act::Ship(_)
            | Act::Refund(_)
            | Act::SetLevel(..)
            | Act::CancelUnits(..)
            | Act::Readdress(..)
            | Act::Suspect(_)
            | Act::Delete(_)
            | Act::Make(..) => {}
        }
    }

    fn plan_after_buying(&mut self, shop: usize, order: &ExternalId, paid: bool, now: Time) {
        let is_canceled = self.happens(self.pace.canceled_percent);
        if is_canceled {
            self.plan(shop, Act::Cancel(order.clone()), now, CANCEL_MS);
        }
        if !paid && !self.happens(self.pace.abandoned_percent) {
            self.plan(shop, Act::Pay(order.clone()), now, PAY_MS);
        }
        if paid && !is_canceled && self.happens(self.pace.shipped_percent) {
            self.plan(shop, Act::Ship(order.clone()), now, SHIP_MS);
        }
    }

    fn plan(&mut self, shop: usize, act: Act, now: Time, millis: Range<u64>) {
        let at = now.plus(Duration::from_millis(self.rng.u64(millis)));
        self.plan_count += 1;
        self.plans.insert((at, self.plan_count), (shop, act));
    }

    /// A time after now, from nearly at once to twice the average.
    fn after(&mut self, now: Time, average: Duration) -> Time {
        let twice = u64::try_from(average.as_millis()).unwrap_or(u64::MAX / 4) * 2;
        now.plus(Duration::from_millis(self.rng.u64(1..=twice.max(1))))
    }

    fn happens(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    /// Somebody fills a basket in some shop. Everybody likes the same few things, so shops compete
    /// for them; what shows nothing is looked at and left.
    fn basket(&mut self, shops: &[ShopView]) -> Option<(usize, Act)> {
        let shop = self.rng.usize(0..shops.len());
        let view = shops.get(shop)?;
        let mut basket: BTreeMap<Sku, u32> = BTreeMap::new();
        for _ in 0..self.rng.usize(1..=LINES_MAX) {
            let Some(sku) = self.liked(&view.skus) else {
                continue;
            };
            let shown = view.levels.get(sku).copied();
            let wanted = if self.happens(80) { 1 } else { 2 };
            if shown.is_none_or(|shown| shown > 0) {
                basket.insert(sku.clone(), wanted);
            }
        }
        if basket.is_empty() {
            return None;
        }
        let paid = !self.happens(self.pace.unpaid_percent);
        let basket = basket.into_iter().collect();
        Some((shop, Act::Buy { basket, paid }))
    }

    /// Something to buy: the first in order of SKU are the hot ones, in every shop.
    fn liked<'s>(&mut self, skus: &'s [Sku]) -> Option<&'s Sku> {
        let mut sorted: Vec<&Sku> = skus.iter().collect();
        sorted.sort();
        if sorted.is_empty() {
            return None;
        }
        let one = self.rng.usize(0..sorted.len());
        let other = self.rng.usize(0..sorted.len());
        let third = self.rng.usize(0..sorted.len());
        sorted.get(one.min(other).min(third)).copied()
    }

    /// Staff count a shelf and write what they believe, a little beside what is shown.
    fn edit(&mut self, shops: &[ShopView]) -> Option<(usize, Act)> {
        let shop = self.rng.usize(0..shops.len());
        let levels = &shops.get(shop)?.levels;
        let nth = self.rng.usize(0..levels.len().max(1));
        let (sku, shown) = levels.iter().nth(nth)?;
        let believed = (shown + self.rng.i64(-3..=3)).max(0);
        Some((shop, Act::SetLevel(sku.clone(), believed)))
    }
}

fn is_due(at: Option<Time>, now: Time) -> bool {
    at.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views() -> Vec<ShopView> {
        let sku = |text: &str| Sku::new(text).expect("a SKU");
        let shop = |codes: &[&str]| ShopView {
            skus: codes.iter().map(|code| sku(code)).collect(),
            levels: codes.iter().map(|code| (sku(code), 50)).collect(),
        };
        vec![shop(&["A", "B", "C", "D", "E"]), shop(&["B", "A", "C"])]
    }

    /// Ten minutes in shops where everything succeeds.
    fn day(seed: u64, pace: Pace) -> Vec<(Time, usize, Act)> {
        let (mut buyers, views) = (Buyers::new(seed, pace), views());
        let mut now = Time::from_seconds(0);
        let mut story = Vec::new();
        let mut orders = 0;
        assert!(buyers.due(now, &views).is_empty(), "the day begins quietly");
        while let Some(at) = buyers.next_at().filter(|at| *at < Time::from_seconds(600)) {
            assert!(at >= now, "time does not run backwards");
            now = at;
            for (shop, act) in buyers.due(now, &views) {
                let result = match &act {
                    Act::Buy { .. } => {
                        orders += 1;
                        Done::Order(ExternalId::new(orders.to_string()))
                    }
                    Act::Pay(id)
                    | Act::Authorize(id)
                    | Act::Lapse(id)
                    | Act::Cancel(id)
                    | Act::Ship(id)
                    | Act::Refund(id)
                    | Act::CancelUnits(id, ..)
                    | Act::Readdress(id, _)
                    | Act::Suspect(id)
                    | Act::Delete(id) => Done::Order(id.clone()),
                    Act::SetLevel(..) | Act::Make(..) => Done::Level,
                };
                buyers.answered(shop, &act, &Ok(result), now);
                story.push((now, shop, act));
            }
        }
        buyers.stop();
        assert_eq!(buyers.next_at(), None);
        assert!(buyers.due(now, &views).is_empty());
        story
    }

    #[test]
    fn a_day_has_everything_and_is_skewed_to_the_hot_items() {
        let story = day(1, Pace::busy().with_meddling());
        let count = |f: &dyn Fn(&Act) -> bool| story.iter().filter(|(_, _, act)| f(act)).count();
        let buys = count(&|act| matches!(act, Act::Buy { .. }));
        assert!((1000..3000).contains(&buys), "{buys}");
        let unpaid = count(&|act| matches!(act, Act::Buy { paid: false, .. }));
        let pays = count(&|act| matches!(act, Act::Pay(_)));
        assert!(
            0 < pays && pays < unpaid && unpaid < buys / 2,
            "{pays} {unpaid}"
        );
        assert!(count(&|act| matches!(act, Act::Cancel(_))) > 0);
        assert!(count(&|act| matches!(act, Act::Ship(_))) > 0);
        assert!(count(&|act| matches!(act, Act::Delete(_))) > 0);
        assert!(count(&|act| matches!(act, Act::SetLevel(..))) > 0);
        let mut bought: BTreeMap<&Sku, u32> = BTreeMap::new();
        for (_, _, act) in &story {
            if let Act::Buy { basket, .. } = act {
                assert!((1..=LINES_MAX).contains(&basket.len()));
                for (sku, units) in basket {
                    *bought.entry(sku).or_default() += units;
                }
            }
        }
        let sold: Vec<u32> = bought.values().copied().collect();
        assert!(sold[0] > sold[2] * 2, "{bought:?}");
    }

    #[test]
    fn nobody_meddles_unless_asked_and_one_seed_is_one_story() {
        let story = day(7, Pace::busy());
        assert_eq!(story, day(7, Pace::busy()));
        assert_ne!(story, day(8, Pace::busy()));
        assert!(
            !story
                .iter()
                .any(|(_, _, act)| matches!(act, Act::SetLevel(..) | Act::Delete(_)))
        );
    }

    #[test]
    fn what_shows_nothing_is_not_bought() {
        let mut views = views();
        for view in &mut views {
            view.levels.values_mut().for_each(|level| *level = 0);
        }
        let mut buyers = Buyers::new(3, Pace::busy());
        let mut now = Time::EPOCH;
        for _ in 0..200 {
            assert!(buyers.due(now, &views).is_empty());
            now = buyers.next_at().expect("they keep looking");
        }
    }
}
