//! A round: orders at one account at a fixed rate, and when each of them was accounted for at every other.

use std::{
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use channel::HttpPort;
use domain::Sku;
use engine::ports::{
    Ports,
    http::{Egress, Outbound},
};
use serde::Serialize;

use super::{
    arrivals::{Ear, Heard, Order, shown_at, too_low},
    hooks::Baskets,
    load::{self, Times, now, pause, round, to_f64},
    open::{self, Outcome, Pace, Told},
    plain::{self, Client, Likeness},
    rig::{ITEMS, LEVEL, Plan, Rig, skus},
};
use crate::sandbox_host::HostedShop;

/// How many signals may wait to be decided before hooks are put off: what the daemon has without a setting.
pub(super) const BACKLOG: u32 = 10_000;
/// How long all of a round may take to be decided and told after its last hook.
const QUIET_WITHIN: Duration = Duration::from_secs(300);
/// A shop is quiet when nothing was written there for so long.
const STILL: Duration = Duration::from_millis(500);
/// For so long nothing is written before a wrong level is taken for the last word.
const HOPELESS: Duration = Duration::from_secs(15);
/// How often it is looked whether all is quiet.
const LOOK: Duration = Duration::from_millis(100);
/// How much later than its last hook a round may end whose rate was reached: a tenth of its time, and this.
const REACHED_WITHIN: Duration = Duration::from_secs(1);
/// A round before all others, which opens connections and fills caches.
const WARM_UP: Wanted = Wanted {
    baskets: Baskets::Spread,
    rate: 50,
    seconds: 1,
    watched: 0,
};

/// What a round is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) baskets: Baskets,
    /// Orders a second.
    pub(super) rate: u32,
    /// For how many seconds.
    pub(super) seconds: u32,
    /// How many of the other accounts are looked at, from the first.
    pub(super) watched: usize,
}

/// What a round was.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Round {
    /// `spread` over 50 items, or all on `one`.
    pub(super) items: &'static str,
    /// Orders a second that were asked for.
    pub(super) rate: u32,
    pub(super) seconds: u32,
    /// How many other accounts were looked at.
    pub(super) others: usize,
    /// Orders that were taken.
    pub(super) orders: u64,
    /// Hooks that were told to come again, as often as they were.
    pub(super) put_off: u64,
    /// Hooks that were never taken.
    pub(super) refused: u64,
    /// How much later than due a hook was sent.
    pub(super) sent_late: Times,
    /// From when a hook was due to its acknowledgement.
    pub(super) acknowledged: Times,
    /// Orders, times the accounts that had to be told of each.
    pub(super) pairs: u64,
    /// Pairs of which it was seen that the order was accounted for.
    pub(super) pairs_shown: u64,
    /// From when a hook was due until a level that accounts for its order arrived, over all pairs.
    pub(super) shown: Times,
    /// Orders a second, from when the first was due until the last was shown everywhere.
    pub(super) shown_per_second: f64,
    /// Whether that kept up with the rate.
    pub(super) is_reached: bool,
    /// Calls that wrote levels.
    pub(super) calls: u64,
    /// Levels that they wrote.
    pub(super) writes: u64,
    /// Levels that were written a second, for each listing of what was bought.
    pub(super) writes_per_listing_per_second: f64,
    /// Listings that showed something else than the opening less all that was sold, when all was quiet.
    pub(super) wrong_levels: u64,
    /// Levels that were lower than what had been sold by then.
    pub(super) too_low_levels: u64,
    /// Time of the daemon on the processors for each order, in ms.
    pub(super) cpu_ms_per_order: f64,
    /// What plain writes would have to be to be like these.
    #[serde(skip)]
    pub(super) likeness: Likeness,
}

impl Round {
    /// The heads of [`Round::cells`].
    pub(super) const HEADS: [&str; 5] =
        ["WRITES/LISTING/S", "WRONG", "PUT OFF", "REFUSED", "CPU MS"];

    /// What is said of any round beside its times.
    pub(super) fn cells(&self) -> [String; 5] {
        [
            format!("{:.2}", self.writes_per_listing_per_second),
            (self.wrong_levels + self.too_low_levels).to_string(),
            self.put_off.to_string(),
            self.refused.to_string(),
            format!("{:.3}", self.cpu_ms_per_order),
        ]
    }

    /// Whether all levels were right: in the end, and never lower than what had been sold.
    pub(super) fn is_right(&self) -> bool {
        self.wrong_levels == 0 && self.too_low_levels == 0 && self.pairs == self.pairs_shown
    }

    /// A time of the pairs for people; nothing of a rate that was not reached, where it grows for as long
    /// as orders come.
    pub(super) fn shown_ms(&self, ms: f64) -> String {
        match self.is_reached {
            true => format!("{ms:.1}"),
            false => "-".to_owned(),
        }
    }

    /// Says what a row of figures alone would hide.
    pub(super) fn tell(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let Round {
            rate,
            items,
            shown_per_second,
            sent_late,
            pairs,
            pairs_shown,
            ..
        } = self;
        if !self.is_reached {
            writeln!(
                out,
                "{rate}/s ({items}) was not reached: {shown_per_second:.0} orders a second were shown everywhere. Half \
                 of the hooks were sent {:.1} ms late or more.",
                sent_late.p50_ms
            )?;
        }
        if pairs != pairs_shown {
            writeln!(
                out,
                "At {rate}/s ({items}) {pairs_shown} of {pairs} pairs were seen."
            )?;
        }
        Ok(())
    }
}

/// Another account than the one that orders come to.
struct Other {
    shop: HostedShop,
    ear: Arc<Ear>,
    client: Client,
    products: Vec<u64>,
}

/// A rig with its ears at the shops, for rounds one after the other.
pub(super) struct Course {
    rig: Rig,
    others: Vec<Other>,
    skus: Vec<Sku>,
    http: Arc<dyn HttpPort>,
    /// The level of each item by all that was sold.
    levels: Vec<i64>,
    next: u64,
}

impl Course {
    /// Starts everything, and warms it up.
    pub(super) async fn start(plan: Plan, dir: &Path, ports: &Ports) -> anyhow::Result<Course> {
        let http = Outbound::new(ports.clone(), Egress::Anywhere).map_err(anyhow::Error::msg)?;
        let mut course = Course {
            rig: Rig::start(plan, dir, ports).await?,
            others: Vec::new(),
            skus: skus(ITEMS)?,
            http: Arc::new(http),
            levels: vec![LEVEL; ITEMS],
            next: 0,
        };
        for shop in course.rig.shops.iter().skip(1) {
            let client = Client::new(shop, Arc::clone(&course.http))?;
            let products = client.products(&course.skus).await?;
            let ear = Arc::new(Ear::new(&products));
            let hears = Arc::clone(&ear);
            let is_first = shop.listen(Box::new(move |request| hears.hear(request)));
            anyhow::ensure!(is_first, "somebody listens at {} already", shop.account);
            course.others.push(Other {
                shop: shop.clone(),
                ear,
                client,
                products,
            });
        }
        let watched = course.others.len();
        course.run(Wanted { watched, ..WARM_UP }).await?;
        Ok(course)
    }

    /// Lets the shop of the last account hang in every call from here on.
    pub(super) fn hang_last(&self) {
        if let Some(last) = self.others.last() {
            last.shop.resume();
        }
    }

    /// How much memory the daemon has.
    pub(super) fn resident_mb(&self) -> anyhow::Result<u64> {
        Ok(self.rig.process.used()?.resident_bytes / (1024 * 1024))
    }

    /// How many requests arrived at the last account since it was last asked.
    pub(super) fn asked_of_last(&self) -> u64 {
        self.others
            .last()
            .map_or(0, |last| last.ear.take().requests)
    }

    /// Lets orders come, and waits until all is quiet again.
    pub(super) async fn run(&mut self, wanted: Wanted) -> anyhow::Result<Round> {
        for other in self.watched(wanted) {
            other.ear.take();
        }
        let before = self.levels.clone();
        let cpu_before = self.rig.process.used()?.cpu;
        let begins = now();
        let sent = self.send(wanted, begins).await?;
        let wrong_levels = self.quiet(wanted).await?;
        let cpu = self.rig.process.used()?.cpu.saturating_sub(cpu_before);
        let heard = self.watched(wanted).iter().map(|other| other.ear.take());
        let heard: Vec<Heard> = heard.collect();
        let seen = Seen {
            begins,
            sent,
            heard,
            before,
            wrong_levels,
            cpu,
        };
        Ok(seen.sum_up(wanted))
    }

    fn watched(&self, wanted: Wanted) -> &[Other] {
        self.others.get(..wanted.watched).unwrap_or(&self.others)
    }

    async fn send(&mut self, wanted: Wanted, begins: Instant) -> anyhow::Result<Outcome> {
        let (rate, count) = (
            wanted.rate,
            u64::from(wanted.rate) * u64::from(wanted.seconds),
        );
        let pace = Pace {
            begins,
            rate,
            from: self.next,
            count,
        };
        self.next += count;
        let load = self.rig.hooks.load(wanted.baskets);
        let sent = open::send(self.rig.public, load, pace).await?;
        for told in sent.told.iter().filter(|told| told.acknowledged.is_some()) {
            if let Some(level) = self.levels.get_mut(wanted.baskets.item(told.number, ITEMS)) {
                *level -= 1;
            }
        }
        Ok(sent)
    }

    /// Waits until nothing is left to be decided and nothing is written any more, and says how many
    /// levels are wrong then.
    async fn quiet(&self, wanted: Wanted) -> anyhow::Result<u64> {
        let began = now();
        loop {
            let wrong = self.wrong_levels(wanted);
            let lasts = self
                .watched(wanted)
                .iter()
                .filter_map(|other| other.ear.last());
            let last = lasts.max().map_or(began, |last| last.max(began));
            let patience = if wrong == 0 { STILL } else { HOPELESS };
            // Asking costs the daemon time that would be taken for that of orders, so it is rarely done.
            if last.elapsed() >= patience && self.is_drained().await? {
                return Ok(wrong);
            }
            let is_late = began.elapsed() > QUIET_WITHIN;
            anyhow::ensure!(!is_late, "it is not quiet after {QUIET_WITHIN:?}");
            pause(LOOK).await;
        }
    }

    async fn is_drained(&self) -> anyhow::Result<bool> {
        let summary = self.rig.ask("/api/v1/metrics/summary").await?;
        Ok(summary["inbox_waiting"] == 0)
    }

    fn wrong_levels(&self, wanted: Wanted) -> u64 {
        let others = self.watched(wanted).iter();
        let wrong = others.map(|other| {
            let shown = other.shop.levels();
            let is_wrong = |(sku, level): &(&Sku, &i64)| shown.get(*sku) != Some(*level);
            self.skus.iter().zip(&self.levels).filter(is_wrong).count() as u64
        });
        wrong.sum()
    }

    /// As many writes of the same size by a plain client, over the same time and to the same shops: from
    /// when each was due until it arrived. They write what the shops show already.
    pub(super) async fn baseline(&self, like: Likeness) -> anyhow::Result<Times> {
        let mut requests = Vec::new();
        for number in 0..like.calls {
            let nth = usize::try_from(number)?;
            let other = self.others.get(nth % self.others.len().max(1));
            let other = other.ok_or_else(|| anyhow::anyhow!("there is another account"))?;
            let levels = (0..like.listings).map(|more| (nth + more) % ITEMS);
            let level = |item: usize| Some((*other.products.get(item)?, *self.levels.get(item)?));
            let levels: Vec<(u64, i64)> = levels.filter_map(level).collect();
            requests.push(other.client.write(number, &levels)?);
        }
        let dues = plain::send_all(&self.http, requests, like.lasts).await?;
        let mut times = Vec::new();
        for other in &self.others {
            for (number, at) in other.ear.take().plain {
                let due = dues.get(usize::try_from(number)?);
                times.extend(due.map(|due| at.saturating_duration_since(*due)));
            }
        }
        anyhow::ensure!(times.len() == dues.len(), "plain writes were lost");
        Ok(load::times(times))
    }
}

/// What was seen of a round.
struct Seen {
    begins: Instant,
    sent: Outcome,
    heard: Vec<Heard>,
    before: Vec<i64>,
    wrong_levels: u64,
    cpu: Duration,
}

impl Seen {
    fn sum_up(self, wanted: Wanted) -> Round {
        let told = &self.sent.told;
        let order = |told: &Told| Order {
            due: told.due,
            item: wanted.baskets.item(told.number, ITEMS),
        };
        let sent: Vec<Order> = told.iter().map(order).collect();
        let taken = told.iter().filter(|told| told.acknowledged.is_some());
        let orders: Vec<Order> = taken.map(order).collect();
        let (times, last) = self.shown(&orders);
        let too_low = |heard: &Heard| too_low(&sent, &heard.levels, &self.before);
        let took = last.saturating_duration_since(self.begins);
        let asked = Duration::from_secs(wanted.seconds.into());
        let count = orders.len() as u64;
        let (pairs, pairs_shown) = (count * self.heard.len() as u64, times.len() as u64);
        let is_all_shown = pairs == pairs_shown && orders.len() == told.len();
        let writes = self.sum(|heard| heard.levels.len() as u64);
        let listings = (wanted.baskets.bought(ITEMS) * self.heard.len()) as u64;
        let seconds = took.as_secs_f64().max(0.001);
        let per_order = |sum: f64| round(sum / to_f64(count.max(1)));
        let acknowledged = told.iter().filter_map(|told| told.acknowledged).collect();
        Round {
            items: wanted.baskets.word(),
            rate: wanted.rate,
            seconds: wanted.seconds,
            others: self.heard.len(),
            orders: count,
            put_off: self.sent.put_off,
            refused: told.len() as u64 - count,
            sent_late: load::times(told.iter().map(|told| told.late).collect()),
            acknowledged: load::times(acknowledged),
            pairs,
            pairs_shown,
            shown: load::times(times),
            shown_per_second: round(to_f64(count) / seconds),
            is_reached: is_all_shown && took <= asked + asked / 10 + REACHED_WITHIN,
            calls: self.sum(|heard| heard.calls.len() as u64),
            writes,
            writes_per_listing_per_second: round(
                to_f64(writes) / to_f64(listings.max(1)) / seconds,
            ),
            wrong_levels: self.wrong_levels,
            too_low_levels: self.sum(too_low),
            cpu_ms_per_order: per_order(self.cpu.as_secs_f64() * 1000.0),
            likeness: self.likeness(),
        }
    }

    /// Something of each shop that was looked at, of all of them together.
    fn sum(&self, of: impl Fn(&Heard) -> u64) -> u64 {
        self.heard.iter().map(of).sum()
    }

    /// How long each order took to each other account that it was seen at, and when the last was.
    fn shown(&self, orders: &[Order]) -> (Vec<Duration>, Instant) {
        let (mut times, mut last) = (Vec::new(), self.begins);
        for heard in &self.heard {
            let shown = shown_at(orders, &heard.levels, &self.before);
            for (order, at) in orders.iter().zip(shown) {
                if let Some(at) = at {
                    times.push(at.saturating_duration_since(order.due));
                    last = last.max(at);
                }
            }
        }
        (times, last)
    }

    fn likeness(&self) -> Likeness {
        let calls: Vec<Instant> = self
            .heard
            .iter()
            .flat_map(|heard| heard.calls.clone())
            .collect();
        let levels: usize = self.heard.iter().map(|heard| heard.levels.len()).sum();
        let (first, last) = (calls.iter().min(), calls.iter().max());
        let lasts = first
            .zip(last)
            .map(|(first, last)| last.duration_since(*first));
        let count = calls.len().max(1);
        Likeness {
            calls: calls.len() as u64,
            listings: ((levels + count / 2) / count).max(1),
            lasts: lasts.unwrap_or_default(),
        }
    }
}
