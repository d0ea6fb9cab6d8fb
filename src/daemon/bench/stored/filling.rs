//! Fills a store with orders by the decisions that the daemon would have taken.
//!
//! An order is placed, shipped through a command, its shipment told to the channel and read back from
//! there: four decisions, each with the rows, facts and attempts that belong to it. Every fiftieth stays
//! open. The answers of the channel are what it would have said; nobody is called.

use anyhow::Context as _;
use channel::OrderReading;
use domain::{
    AccountId, Decimal, ExternalId, ListingId, Sku,
    ids::{IntentId, OrderId},
    intent::Outcome,
    order::Phase,
    signal::{Command, Signal, Source},
    snapshot::{ListingSnapshot, OrderSnapshot},
};
use engine::{
    decider::{Alongside, Done},
    lanes::AttemptNote,
    rows,
};
use sandbox::Act;

use super::super::{
    rig::{ITEMS, LEVEL, skus},
    still::Still,
};
use crate::sandbox_host::HostedShop;

/// One order in so many stays open.
pub(super) const OPEN_ONE_IN: u64 = 50;
/// There is an item for so many orders, and never fewer than the shop sells.
const ORDERS_PER_ITEM: u64 = 10;
/// How many orders go one step together.
const AT_ONCE: u64 = 256;
/// The number of the first order. The shop counts from one, and hooks from two thousand million.
pub(super) const FIRST: u64 = 1_000_000_000;
/// The id of the first listing that the shop does not have.
const FIRST_LISTING: usize = 900_000_000;

/// Something that is sold.
struct Good {
    sku: Sku,
    listing: ListingId,
}

/// Fills a store, little by little.
pub(super) struct Filler {
    account: AccountId,
    order: OrderSnapshot,
    listing: ListingSnapshot,
    goods: Vec<Good>,
    orders: u64,
    /// One in so many stays open.
    open_one_in: u64,
}

impl Filler {
    /// Learns from a shop what its orders and listings look like.
    pub(super) async fn learn(
        still: &Still,
        shop: &HostedShop,
        account: AccountId,
    ) -> anyhow::Result<Filler> {
        let basket = vec![(skus(ITEMS)?.remove(0), 1)];
        let bought = shop.act(&Act::Buy { basket, paid: true });
        drop(shop.take_hooks());
        let Ok(sandbox::Done::Order(id)) = bought else {
            anyhow::bail!("the shop sells nothing: {bought:?}");
        };
        let channel = &still.account(&account)?.channel;
        let orders = channel.pull_orders().context("orders can be read")?;
        let read = orders.read(&[id]).await?;
        let Some((_, OrderReading::Found(order))) = read.into_iter().next() else {
            anyhow::bail!("the shop does not know its own order");
        };
        let listings = channel.pull_listings().context("listings can be read")?;
        let listings = listings.pull(None).await?.items;
        let listing = listings.first().context("the shop has listings")?.clone();
        let mut filler = Filler {
            account,
            order: *order,
            listing,
            goods: Vec::new(),
            orders: 0,
            open_one_in: OPEN_ONE_IN,
        };
        filler.offer(still, listings).await?;
        Ok(filler)
    }

    /// How many orders there are.
    pub(super) fn orders(&self) -> u64 {
        self.orders
    }

    /// Ships none of those that are still to come.
    pub(super) fn keep_open(&mut self) {
        self.open_one_in = 1;
    }

    /// How many items there are.
    pub(super) fn items(&self) -> usize {
        self.goods.len()
    }

    async fn offer(&mut self, still: &Still, listings: Vec<ListingSnapshot>) -> anyhow::Result<()> {
        still.offer(&self.account, &listings).await?;
        for listing in listings {
            self.goods.push(Good {
                sku: Sku::new(listing.sku.as_deref().unwrap_or_default())?,
                listing: listing.listing,
            });
        }
        Ok(())
    }

    /// Makes as many items known as belong to so many orders.
    pub(super) async fn stock(&mut self, still: &Still, orders: u64) -> anyhow::Result<()> {
        let wanted = usize::try_from(orders / ORDERS_PER_ITEM)?.max(ITEMS);
        let listings = (self.goods.len()..wanted).map(|number| ListingSnapshot {
            listing: ListingId::new((FIRST_LISTING + number).to_string()),
            sku: Some(format!("ITEM-{number:07}")),
            title: format!("ITEM-{number:07}"),
            level: Some(Decimal::whole(LEVEL)),
            ..self.listing.clone()
        });
        let listings: Vec<ListingSnapshot> = listings.collect();
        self.offer(still, listings).await
    }

    /// Takes orders until there are so many.
    pub(super) async fn fill(&mut self, still: &Still, orders: u64) -> anyhow::Result<()> {
        while self.orders < orders {
            let numbers = self.orders..orders.min(self.orders + AT_ONCE);
            self.orders = numbers.end;
            let placed: Vec<(u64, OrderSnapshot)> = numbers
                .map(|number| Ok((number, self.snapshot(still, number)?)))
                .collect::<anyhow::Result<_>>()?;
            let news = placed.iter().map(|(_, snapshot)| self.news(snapshot));
            let done = still.decide_all(news).await?;
            let known: Vec<OrderId> = done.iter().map(only_order).collect::<Result<_, _>>()?;
            let is_shipped = |number: &u64| number % self.open_one_in != self.open_one_in - 1;
            let shipped: Vec<(OrderId, OrderSnapshot)> = known
                .into_iter()
                .zip(placed)
                .filter(|(_, (number, _))| is_shipped(number))
                .map(|(id, (_, snapshot))| (id, snapshot))
                .collect();
            self.ship(still, shipped).await?;
        }
        Ok(())
    }

    async fn ship(
        &self,
        still: &Still,
        orders: Vec<(OrderId, OrderSnapshot)>,
    ) -> anyhow::Result<()> {
        let left = orders.iter().map(|(id, _)| ship(*id));
        let done = still.decide_all(left).await?;
        let intents: Vec<IntentId> = done.iter().map(only_intent).collect::<Result<_, _>>()?;
        let told = intents.into_iter().map(|intent| self.told(still, intent));
        still.decide_all(told).await?;
        let seen = orders.iter().map(|(_, snapshot)| {
            let seen = completed(snapshot);
            self.news(&seen)
        });
        for done in still.decide_all(seen).await? {
            let order = done.book.orders.values().next().context("an order")?;
            let phase = order.phase(done.book.is_short(order));
            anyhow::ensure!(phase == Phase::Shipped, "an order is {}", phase.word());
        }
        Ok(())
    }

    /// Every other order is of what the shop sells most; the rest is spread over everything.
    fn good(&self, number: u64) -> anyhow::Result<&Good> {
        let all = match number % 2 {
            0 => ITEMS,
            _ => self.goods.len(),
        };
        let nth = usize::try_from(number / 2)? % all.max(1);
        self.goods.get(nth).context("there are goods")
    }

    fn snapshot(&self, still: &Still, number: u64) -> anyhow::Result<OrderSnapshot> {
        let (good, mut snapshot) = (self.good(number)?, self.order.clone());
        let id = FIRST + number;
        snapshot.external_id = ExternalId::new(id.to_string());
        snapshot.number = id.to_string();
        snapshot.version.changed_at = still.ports().clock.now();
        snapshot.placed_at = snapshot.version.changed_at;
        for line in &mut snapshot.lines {
            line.external_id = ExternalId::new((3 * FIRST + number).to_string());
            line.sku = Some(good.sku.to_string());
            line.listing = Some(good.listing.clone());
            line.title = good.sku.to_string();
        }
        Ok(snapshot)
    }

    fn news(&self, snapshot: &OrderSnapshot) -> (Signal, Alongside) {
        let signal = Signal::Order {
            account: self.account.clone(),
            snapshot: Box::new(snapshot.clone()),
            source: Source::List,
        };
        (signal, Alongside::default())
    }

    /// The channel has taken a shipment, with the note that the lane makes of that.
    fn told(&self, still: &Still, intent: IntentId) -> (Signal, Alongside) {
        let outcome = Outcome::Applied { reference: None };
        let at = still.ports().clock.now();
        let note = AttemptNote {
            at,
            latency_ms: 80,
            request: "tell of a shipment".to_owned(),
            result: format!("{outcome:?}"),
        };
        let (account, time) = (self.account.as_str(), rows::sortable_time(at));
        let key = rows::key(&[account, &intent.to_string(), &time]);
        let alongside = Alongside {
            puts: vec![(rows::ATTEMPTS, key, rows::encode(&note))],
            deletes: Vec::new(),
        };
        (Signal::IntentTried { intent, outcome }, alongside)
    }
}

fn ship(order: OrderId) -> (Signal, Alongside) {
    let command = Command::Ship {
        order,
        lines: Vec::new(),
        carrier: Some("Parcel Post".to_owned()),
        tracking_number: Some(order.to_string()),
        tracking_url: None,
        location: None,
    };
    (Signal::Command(command), Alongside::default())
}

/// The same order as the shop shows it when all of it has left.
fn completed(snapshot: &OrderSnapshot) -> OrderSnapshot {
    let mut snapshot = snapshot.clone();
    let later = std::time::Duration::from_secs(1);
    snapshot.version.changed_at = snapshot.version.changed_at.plus(later);
    snapshot
        .words
        .insert("status".to_owned(), "completed".to_owned());
    for line in &mut snapshot.lines {
        line.shipped = line.ordered;
    }
    snapshot
}

fn only_order(done: &Done) -> anyhow::Result<OrderId> {
    let mut orders = done.book.orders.keys();
    match (orders.next(), orders.next()) {
        (Some(order), None) => Ok(*order),
        _ => anyhow::bail!("a decision about one order knows of {:?}", done.verdict),
    }
}

fn only_intent(done: &Done) -> anyhow::Result<IntentId> {
    let mut intents = done.book.intents.keys();
    match (intents.next(), intents.next()) {
        (Some(intent), None) => Ok(*intent),
        _ => anyhow::bail!("a shipment is told to its channel by one intent"),
    }
}
