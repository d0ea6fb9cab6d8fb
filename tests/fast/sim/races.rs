//! A shop sells a unit between our reading of its level and our writing of it: on each channel, at each
//! of the first writes.
//!
//! Where the channel compares, what was sold is never written over. Elsewhere it may be, once; the sale
//! is known before long, and the next write takes it off again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use channel::http::Request;
use domain::{AccountId, Sku, fact::Event};
use rehearse::{
    Scale, Weather, run_with,
    trace::Trace,
    world::{Tamper, World},
};
use sandbox::Act;

/// How often a buyer comes in between.
const SALES: u32 = 6;
/// A shop is asked what it shows, and told what it should, once in this time at the latest.
const READ_BACK: Duration = Duration::from_secs(120);

/// A channel, how a write of levels is known by its address and body, and whether it compares.
type Row = (&'static str, &'static str, &'static str, bool);

const CHANNELS: [Row; 4] = [
    ("ebay", "bulk_update_price_quantity", "", false),
    ("shopify", "graphql.json", "inventorySetQuantities", true),
    ("square", "/v2/inventory/changes/batch-create", "", false),
    ("woocommerce", "/wp-json/wc/v3/products/batch", "", false),
];

/// A buyer who comes just when a level is about to be written.
struct ComesBetween {
    address: &'static str,
    body: &'static str,
    sold: AtomicU32,
}

impl Tamper for ComesBetween {
    fn before_call(&self, _: &AccountId, request: &Request) -> Option<Act> {
        let body = String::from_utf8_lossy(request.body());
        let uri = request.uri().to_string();
        let is_write = uri.contains(self.address) && body.contains(self.body);
        if !is_write || self.sold.load(Ordering::Relaxed) >= SALES {
            return None;
        }
        self.sold.fetch_add(1, Ordering::Relaxed);
        let basket = vec![(good(), 1)];
        Some(Act::Buy { basket, paid: true })
    }
}

fn good() -> Sku {
    Sku::new("GOOD-01").expect("a SKU")
}

/// One good in two shops of a channel, with nothing wrong but buyers who come at the worst moment.
fn scale(channel: &'static str) -> Scale {
    Scale {
        shops: 2,
        goods: 1,
        stock: 40..41,
        basket_every: Duration::from_secs(4),
        channels: vec![channel],
        ..Scale::small(Weather::Calm)
    }
}

/// What came of the writes of one evening.
#[derive(Debug, Default)]
struct Tally {
    /// Buyers who came between.
    sold: u32,
    /// Writes that the channel refused, because it showed something else than we believed.
    refused: u64,
    /// Writes that put back a unit that was sold.
    resurrected: usize,
    /// How long the longest of those stood.
    longest: Duration,
}

fn play(row: &Row, seed: u64) -> Tally {
    let (channel, address, body, _) = *row;
    let scale = scale(channel);
    let between = Arc::new(ComesBetween {
        address,
        body,
        sold: AtomicU32::new(0),
    });
    let tamper: Arc<dyn Tamper> = Arc::<ComesBetween>::clone(&between);
    let mut world = World::new(seed, &scale, Trace::default(), tamper);
    world.run_until(world.now().plus(scale.busy_for));
    world.settle();
    world.run_until(world.now().plus(READ_BACK * 2));
    let watch = world.watch.lock().expect("nobody panics");
    assert_eq!(watch.found.sentences(), Vec::<String>::new(), "{channel}");
    let mut tally = Tally {
        sold: between.sold.load(Ordering::Relaxed),
        refused: watch.kinds.get("push_conflicted").copied().unwrap_or(0),
        ..Tally::default()
    };
    let meant: BTreeSet<(AccountId, i64, i64)> = watch
        .facts
        .iter()
        .filter_map(|fact| {
            let Event::PushStarted {
                quantity, expected, ..
            } = &fact.event
            else {
                return None;
            };
            let expected = (*expected)?.units();
            Some((fact.account.clone()?, expected, quantity.units()))
        })
        .collect();
    for (account, truth) in world.truths() {
        for (at, write) in truth.level_writes.iter().enumerate() {
            if write.sku != good() || meant.contains(&(account.clone(), write.from, write.to)) {
                continue;
            }
            // Where nothing was written after it, its rule wants the same of one unit less.
            let Some(next) = truth.level_writes.get(at + 1) else {
                continue;
            };
            tally.resurrected += 1;
            tally.longest = tally.longest.max(next.at.since(write.at));
        }
    }
    tally
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.sold += other.sold;
        self.refused += other.refused;
        self.resurrected += other.resurrected;
        self.longest = self.longest.max(other.longest);
    }
}

#[test]
fn a_unit_that_is_sold_between_reading_and_writing_is_not_offered_again() {
    for row in &CHANNELS {
        let (channel, address, body, compares) = *row;
        let mut all = Tally::default();
        for seed in 0..4 {
            all.add(&play(row, seed));
            // What the shops show in the end, and all that must hold besides.
            let sold = AtomicU32::new(0);
            let tamper = Arc::new(ComesBetween {
                address,
                body,
                sold,
            });
            let report = run_with(seed, &scale(channel), Trace::default(), tamper);
            assert_eq!(report.violations, Vec::<String>::new(), "{channel}");
        }
        println!("{channel}: {all:?}");
        assert!(all.sold >= SALES, "{channel}: {all:?}");
        if compares {
            assert_eq!(all.resurrected, 0, "{channel}: {all:?}");
            assert!(all.refused > 0, "{channel}: {all:?}");
        } else {
            assert!(all.resurrected > 0, "{channel}: {all:?}");
            assert!(all.longest <= READ_BACK, "{channel}: {all:?}");
        }
    }
}
