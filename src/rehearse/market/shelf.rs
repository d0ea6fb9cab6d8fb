//! The shelf, the shops that sell from it, and what is on its way between them.
//!
//! A sale is taken off its shop's own level at once, and is known to us after the time that its news
//! takes. Then every other shop is told: a push fixes its level when it begins and is shown at its
//! end; the next one of a listing begins when that is settled. A shop takes units that it sold, and
//! that we had not heard of, off a level that we write: that is what comparing before writing gives.
//! Units that were sold and are not there are given up at once.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use domain::{
    AccountId, Quantity, Sku, Time,
    buffer::{self, Tuned},
    demand::{MEASURE_EVERY, Sales, Tuner},
    item::Item,
    rules::{self, Buffer, Case, OfferRule, OfferRules},
};
use engine::meters::Meters;
use fastrand::Rng;

use super::{
    PLACES, Setup,
    buyers::{Basket, Buyers},
};

/// A delivery is as much as is sold in so many hours.
const DELIVERY_HOURS: u64 = 2;
/// But at least this much.
const DELIVERY_MIN: i64 = 3;
/// How long a delivery takes.
const DELIVERY_MS: std::ops::Range<u64> = 900_000..9_000_000;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) orders: u64,
    pub(super) units_sold: u64,
    pub(super) units_oversold: u64,
    pub(super) lost_to_hiding: u64,
    pub(super) pushes: u64,
    pub(super) hidden_unit_ms: u128,
    pub(super) buffer_unit_ms: u128,
    pub(super) listing_ms: u128,
}

/// An item.
struct Good {
    item: Item,
    /// What lies there and is sold to nobody.
    left: i64,
    /// The same as far as we have heard.
    known: i64,
    delivery: i64,
    is_ordered: bool,
}

/// An item in a shop.
#[derive(Default)]
struct Listing {
    /// What the shop shows.
    level: i64,
    /// What it may show.
    offer: i64,
    /// What we believe that it shows.
    believed: i64,
    /// Units that it sold, and those of them that we have heard of.
    sold: i64,
    heard: i64,
    /// The level that is on its way, and what was heard of when it was fixed.
    under_way: Option<(i64, i64)>,
    due_since: Option<u64>,
    tuned: Option<Tuned>,
    /// Until when what is hidden was counted.
    counted_at: u64,
}

enum Event {
    /// We hear of a sale: where, of what, since when, how many units, and how many of them were there.
    Heard {
        place: usize,
        good: usize,
        sold_at: u64,
        units: i64,
        served: i64,
    },
    /// A level is shown.
    Shown {
        place: usize,
        good: usize,
    },
    Delivered(usize),
    Measure,
}

/// All of it.
pub(super) struct Shelf {
    now: u64,
    goods: Vec<Good>,
    /// Shop by shop, good by good.
    listings: Vec<Vec<Listing>>,
    accounts: Vec<AccountId>,
    rules: Vec<OfferRule>,
    events: BTreeMap<(u64, u64), Event>,
    event_count: u64,
    buyers: Buyers,
    waiting: VecDeque<Basket>,
    hour: u32,
    /// Of the ways, which a policy may change; the buyers have their own.
    jitter: Rng,
    sales: Sales,
    meters: Meters,
    counts: Counts,
}

impl Shelf {
    pub(super) fn new(setup: &Setup, rules: &OfferRules) -> Shelf {
        let buyers = Buyers::new(setup);
        let goods: Vec<Good> = (0..setup.items)
            .map(|number| good(number, &buyers))
            .collect();
        let accounts: Vec<AccountId> = PLACES.map(|place| place.account.into()).into();
        let first = goods.first().map(|good| &good.item);
        let rule = |account: &AccountId| {
            let item = first.expect("a market has an item");
            rules.find(account, item, &[])
        };
        let mut shelf = Shelf {
            now: 0,
            listings: accounts
                .iter()
                .map(|_| goods.iter().map(|_| Listing::default()).collect())
                .collect(),
            rules: accounts.iter().map(rule).collect(),
            accounts,
            events: BTreeMap::new(),
            event_count: 0,
            buyers,
            waiting: VecDeque::new(),
            hour: 0,
            jitter: Rng::with_seed(setup.seed ^ 0x5e1f),
            sales: Sales::default(),
            meters: Meters::default(),
            counts: Counts::default(),
            goods,
        };
        // The shops begin with what they may show.
        for good in 0..shelf.goods.len() {
            shelf.offer_again(good);
            for listing in shelf
                .listings
                .iter_mut()
                .filter_map(|all| all.get_mut(good))
            {
                (listing.level, listing.believed) = (listing.offer, listing.offer);
            }
        }
        shelf.events.clear();
        for listing in shelf.listings.iter_mut().flatten() {
            (listing.under_way, listing.due_since) = (None, None);
        }
        shelf.after(MEASURE_EVERY, Event::Measure);
        shelf
    }

    /// Lets everything happen until a time.
    pub(super) fn run_until(&mut self, end: Duration) {
        let end = millis(end);
        loop {
            if self.waiting.is_empty() {
                self.waiting = self.buyers.of_hour(self.hour).into();
                self.hour += 1;
            }
            let basket_at = self.waiting.front().map_or(u64::MAX, |basket| basket.at_ms);
            let event_at = self.events.keys().next().map_or(u64::MAX, |(at, _)| *at);
            self.now = basket_at.min(event_at).min(end);
            if self.now >= end {
                break;
            }
            if event_at <= basket_at {
                if let Some((_, event)) = self.events.pop_first() {
                    self.carry_out(event);
                }
            } else if let Some(basket) = self.waiting.pop_front() {
                self.buy(&basket);
            }
        }
        for good in 0..self.goods.len() {
            self.count_hidden(good);
        }
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Somebody takes of each wish what is shown.
    fn buy(&mut self, basket: &Basket) {
        let mut is_order = false;
        for (good, wanted) in &basket.wishes {
            let (place, good) = (basket.place, *good);
            let (left, now) = (self.goods[good].left, self.now);
            let listing = &mut self.listings[place][good];
            if listing.level <= 0 {
                self.counts.lost_to_hiding += u64::from(left > 0);
                continue;
            }
            let units = (*wanted).min(listing.level);
            listing.level -= units;
            listing.sold += units;
            let served = units.min(left);
            self.goods[good].left -= served;
            self.counts.units_sold += units.unsigned_abs();
            self.counts.units_oversold += (units - served).unsigned_abs();
            is_order = true;
            let heard_after = self.travel(PLACES[place].heard_ms);
            let heard = Event::Heard {
                place,
                good,
                sold_at: now,
                units,
                served,
            };
            self.after(heard_after, heard);
        }
        self.counts.orders += u64::from(is_order);
    }

    fn carry_out(&mut self, event: Event) {
        match event {
            Event::Heard {
                place,
                good,
                sold_at,
                units,
                served,
            } => {
                self.count_hidden(good);
                self.goods[good].known -= served;
                let listing = &mut self.listings[place][good];
                listing.heard += units;
                listing.believed -= units;
                let account = &self.accounts[place];
                self.sales
                    .note_order(account, time(sold_at), time(self.now));
                let sku = &self.goods[good].item.sku;
                let whole = u32::try_from(units).unwrap_or_default();
                self.sales.note_units(sku, account, whole);
                self.offer_again(good);
            }
            Event::Shown { place, good } => self.show(place, good),
            Event::Delivered(good) => {
                self.count_hidden(good);
                let delivered = &mut self.goods[good];
                delivered.left += delivered.delivery;
                delivered.known += delivered.delivery;
                delivered.is_ordered = false;
                self.offer_again(good);
            }
            Event::Measure => {
                self.tune();
                self.after(MEASURE_EVERY, Event::Measure);
            }
        }
    }

    /// Every other good is ordered when a quarter of a delivery is left, the others when no shop
    /// offers any.
    fn order_more(&mut self, good: usize) {
        let (delivery, known) = (self.goods[good].delivery, self.goods[good].known);
        let is_offered = self.listings.iter().any(|all| all[good].offer > 0);
        let is_low = good.is_multiple_of(2) && known <= delivery / 4;
        if self.goods[good].is_ordered || (is_offered && !is_low) {
            return;
        }
        self.goods[good].is_ordered = true;
        let takes = Duration::from_millis(self.jitter.u64(DELIVERY_MS));
        self.after(takes, Event::Delivered(good));
    }

    /// Computes what each shop may show, and tells those that should show something else.
    fn offer_again(&mut self, good: usize) {
        for place in 0..PLACES.len() {
            let sellable = quantity(self.goods[good].known);
            let listing = &mut self.listings[place][good];
            let case = Case {
                account: &self.accounts[place],
                tuned: listing.tuned.as_ref(),
                has_ended: false,
                room: Quantity::ZERO,
                scale: 0,
            };
            let shown = rules::show(sellable, &self.rules[place], case);
            listing.offer = shown.map_or(0, |shown| shown.quantity.units());
            self.push(place, good);
        }
        self.order_more(good);
    }

    fn push(&mut self, place: usize, good: usize) {
        let now = self.now;
        let listing = &mut self.listings[place][good];
        if listing.offer == listing.believed {
            listing.due_since = None;
            return;
        }
        listing.due_since = listing.due_since.or(Some(now));
        if listing.under_way.is_some() {
            return;
        }
        listing.under_way = Some((listing.offer, listing.heard));
        self.counts.pushes += 1;
        let takes = self.travel(PLACES[place].shown_ms);
        self.after(takes, Event::Shown { place, good });
    }

    /// A level is shown, less what the shop sold that we had not heard of when it was fixed.
    fn show(&mut self, place: usize, good: usize) {
        let now = self.now;
        let listing = &mut self.listings[place][good];
        let Some((level, heard)) = listing.under_way.take() else {
            return;
        };
        listing.level = (level - (listing.sold - heard)).max(0);
        listing.believed = level - (listing.heard - heard);
        if let Some(since) = listing.due_since.take() {
            let account = &self.accounts[place];
            self.meters.note_delay(account, u128::from(now - since));
        }
        self.push(place, good);
    }

    /// What the daemon does once a minute.
    fn tune(&mut self) {
        if self.rules.iter().any(|rule| rule.buffer != Buffer::Auto) {
            return;
        }
        let now = time(self.now);
        let lags: Vec<Option<u64>> = self
            .accounts
            .iter()
            .map(|account| self.meters.lag_ms(account))
            .collect();
        for good in 0..self.goods.len() {
            let bill = [(self.goods[good].item.sku.clone(), 1)];
            let tuners: BTreeMap<AccountId, Tuner> = (0..PLACES.len())
                .map(|place| {
                    let known = self.listings[place][good].tuned.as_ref();
                    let tuner = Tuner {
                        lag_ms: lags[place],
                        tuning: self.rules[place].tuning,
                        keeps_last: known.is_some_and(|tuned| tuned.demand.keeps_last),
                    };
                    (self.accounts[place].clone(), tuner)
                })
                .collect();
            let mut changed = Vec::new();
            for place in 0..PLACES.len() {
                let account = &self.accounts[place];
                let demand = self.sales.demand(&bill, account, &tuners, 0, now);
                let known = self.listings[place][good].tuned.as_ref();
                let tuned = buffer::retune(known, &demand, self.rules[place].tuning, 0, now);
                changed.extend(tuned.map(|tuned| (place, tuned)));
            }
            if changed.is_empty() {
                continue;
            }
            self.count_hidden(good);
            for (place, tuned) in changed {
                self.listings[place][good].tuned = Some(tuned);
            }
            self.offer_again(good);
        }
    }

    /// Counts what was hidden of a good since the last time: before anything of it changes.
    fn count_hidden(&mut self, good: usize) {
        let known = self.goods[good].known.max(0);
        for (place, rule) in self.rules.iter().enumerate() {
            let listing = &mut self.listings[place][good];
            let lasted = u128::from(self.now - listing.counted_at);
            listing.counted_at = self.now;
            let hidden = (known - listing.offer).max(0);
            let buffer = rule.buffer(listing.tuned.as_ref()).units();
            self.counts.hidden_unit_ms += lasted * u128::from(hidden.unsigned_abs());
            self.counts.buffer_unit_ms += lasted * u128::from(buffer.unsigned_abs());
            self.counts.listing_ms += lasted;
        }
    }

    /// A time around the average: from half of it to one and a half.
    fn travel(&mut self, average_ms: u64) -> Duration {
        let half = average_ms / 2;
        Duration::from_millis(half + self.jitter.u64(0..=average_ms))
    }

    fn after(&mut self, wait: Duration, event: Event) {
        self.event_count += 1;
        let at = self.now + millis(wait);
        self.events.insert((at, self.event_count), event);
    }
}

fn good(number: usize, buyers: &Buyers) -> Good {
    let sku = Sku::new(&format!("GOOD-{number:03}")).expect("letters and digits are a SKU");
    let delivery = buyers.units_sold(number, DELIVERY_HOURS).max(DELIVERY_MIN);
    Good {
        item: Item::good(sku, ""),
        left: delivery,
        known: delivery,
        delivery,
        is_ordered: false,
    }
}

fn quantity(units: i64) -> Quantity {
    Quantity::new(units).unwrap_or_default()
}

fn time(ms: u64) -> Time {
    Time::EPOCH.plus(Duration::from_millis(ms))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
