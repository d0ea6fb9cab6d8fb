//! What arrives at a shop: which level of which item, and when; and what that says of orders.
//!
//! Units have no names, so a level accounts for an order when it is as low as all units of the item that
//! were due up to that order require. One write that includes ten orders accounts for all ten.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use serde::Deserialize;

use super::load::now;

/// The header by which a write of the baseline says which it is.
pub(super) const NUMBER: &str = "x-bench-number";
/// How the path of a call ends that writes levels.
const WRITES: &str = "/wc/v3/products/batch";

/// A level that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) at: Instant,
    /// Which item.
    pub(super) item: usize,
    pub(super) level: i64,
}

/// Everything that arrived at a shop since somebody last asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// All requests.
    pub(super) requests: u64,
    /// When each call came that wrote levels.
    pub(super) calls: Vec<Instant>,
    /// The levels that they wrote.
    pub(super) levels: Vec<Level>,
    /// Writes of the baseline, by their numbers.
    pub(super) plain: Vec<(u64, Instant)>,
}

/// Hears what arrives at a shop.
pub(super) struct Ear {
    /// The item of each product there.
    items: BTreeMap<u64, usize>,
    heard: Mutex<Heard>,
}

/// A call that writes levels, as the shop's API has it.
#[derive(Deserialize)]
struct Batch {
    update: Vec<Update>,
}

#[derive(Deserialize)]
struct Update {
    id: u64,
    stock_quantity: i64,
}

impl Ear {
    /// At a shop whose products these are, item by item.
    pub(super) fn new(products: &[u64]) -> Ear {
        let items = products.iter().enumerate();
        Ear {
            items: items.map(|(item, id)| (*id, item)).collect(),
            heard: Mutex::default(),
        }
    }

    /// A request arrived.
    pub(super) fn hear(&self, request: &http::Request<Vec<u8>>) {
        let at = now();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.requests += 1;
        if !request.uri().path().ends_with(WRITES) {
            return;
        }
        let number = request.headers().get(NUMBER);
        let number = number.and_then(|number| number.to_str().ok()?.parse().ok());
        if let Some(number) = number {
            heard.plain.push((number, at));
            return;
        }
        heard.calls.push(at);
        // What is no batch writes no level.
        let batch = serde_json::from_slice::<Batch>(request.body());
        for update in batch.into_iter().flat_map(|batch| batch.update) {
            if let Some(item) = self.items.get(&update.id) {
                let (item, level) = (*item, update.stock_quantity);
                heard.levels.push(Level { at, item, level });
            }
        }
    }

    /// What arrived since it was last taken.
    pub(super) fn take(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When levels were last written.
    pub(super) fn last(&self) -> Option<Instant> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.calls.last().copied()
    }
}

/// An order of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// When its hook was due.
    pub(super) due: Instant,
    /// What was bought.
    pub(super) item: usize,
}

/// When each order was accounted for at a shop; nothing for one that never was. The orders are in the
/// order in which they were due; before them each item had this level.
pub(super) fn shown_at(orders: &[Order], levels: &[Level], before: &[i64]) -> Vec<Option<Instant>> {
    // Only a level that is lower than all before it can be the first that is low enough.
    let mut lows: Vec<Vec<Level>> = vec![Vec::new(); before.len()];
    for level in levels {
        let Some(lows) = lows.get_mut(level.item) else {
            continue;
        };
        if lows.last().is_none_or(|last| level.level < last.level) {
            lows.push(*level);
        }
    }
    let mut wanted = before.to_vec();
    let mut next = vec![0; before.len()];
    let shown = |order: &Order| {
        let (lows, wanted) = (lows.get(order.item)?, wanted.get_mut(order.item)?);
        let next = next.get_mut(order.item)?;
        *wanted -= 1;
        while lows.get(*next).is_some_and(|low| low.level > *wanted) {
            *next += 1;
        }
        lows.get(*next).map(|low| low.at)
    };
    orders.iter().map(shown).collect()
}

/// How many levels were lower than all orders that were due by then account for. There is none when all
/// is well: such a level would pass for a fast one.
pub(super) fn too_low(orders: &[Order], levels: &[Level], before: &[i64]) -> u64 {
    let mut dues: Vec<Vec<Instant>> = vec![Vec::new(); before.len()];
    for order in orders {
        if let Some(dues) = dues.get_mut(order.item) {
            dues.push(order.due);
        }
    }
    let is_too_low = |level: &&Level| {
        let (Some(dues), Some(before)) = (dues.get(level.item), before.get(level.item)) else {
            return false;
        };
        let sold = dues.partition_point(|due| *due <= level.at);
        level.level < before.saturating_sub(i64::try_from(sold).unwrap_or(i64::MAX))
    };
    levels.iter().filter(is_too_low).count() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ms(begins: Instant, millis: u64) -> Instant {
        begins + Duration::from_millis(millis)
    }

    #[test]
    fn a_level_accounts_for_all_orders_that_it_includes() {
        let begins = now();
        let order = |due, item| Order {
            due: ms(begins, due),
            item,
        };
        let level = |at, item, level| Level {
            at: ms(begins, at),
            item,
            level,
        };
        let orders = [order(0, 0), order(10, 1), order(20, 0), order(30, 0)];
        // The second level of item 0 includes two orders, and one that comes late tells nothing new.
        let levels = [
            level(5, 0, 99),
            level(40, 0, 97),
            level(50, 0, 98),
            level(60, 1, 50),
            level(70, 7, 0),
        ];
        let shown = shown_at(&orders, &levels, &[100, 50]);
        let expected = [Some(5), None, Some(40), Some(40)];
        assert_eq!(shown, expected.map(|at| at.map(|at| ms(begins, at))));
        assert_eq!(too_low(&orders, &levels, &[100, 50]), 0);
    }

    #[test]
    fn a_level_that_knows_of_orders_before_they_are_due_is_found() {
        let begins = now();
        let due = ms(begins, 10);
        let orders = [Order { due, item: 0 }];
        let level = |at| Level {
            at: ms(begins, at),
            item: 0,
            level: 99,
        };
        assert_eq!(too_low(&orders, &[level(9), level(11)], &[100]), 1);
    }

    #[test]
    fn an_ear_hears_levels_and_keeps_the_baseline_apart() {
        let ear = Ear::new(&[12, 15]);
        let hear = |path: &str, number: Option<&str>, body: &str| {
            let mut request = http::Request::builder().uri(path);
            if let Some(number) = number {
                request = request.header(NUMBER, number);
            }
            let request = request.body(body.as_bytes().to_vec());
            ear.hear(&request.expect("it is lawful"));
        };
        let writes = "http://127.0.0.1/wp-json/wc/v3/products/batch?a=b";
        let body = r#"{"update":[{"id":15,"manage_stock":true,"stock_quantity":7},
                       {"id":99,"stock_quantity":1}]}"#;
        hear("/wp-json/wc/v3/products", None, "");
        hear(writes, Some("41"), body);
        assert_eq!(ear.last(), None);
        hear(writes, None, body);
        hear(writes, None, "no batch");
        let heard = ear.take();
        assert_eq!((heard.requests, heard.calls.len()), (4, 2));
        let levels: Vec<_> = heard.levels.iter().map(|l| (l.item, l.level)).collect();
        assert_eq!(levels, [(1, 7)]);
        assert_eq!(heard.plain.first().map(|(number, _)| *number), Some(41));
        assert_eq!(ear.take().requests, 0);
    }
}
