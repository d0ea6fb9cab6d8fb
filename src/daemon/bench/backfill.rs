//! `oneshelf bench backfill`: how long it takes until all orders of a shop are in the order book.
//!
//! The orders are in the shop before the daemon starts, which polls them page by page, as after a long night
//! or when a shop is taken over. In the same run the same pages are fetched by a plain client over the same
//! HTTP stack, read to JSON and thrown away.

use std::{io::Write, sync::Arc, time::Duration};

use anyhow::Context as _;
use engine::ports::{
    http::{Egress, Outbound},
    system,
};
use sandbox::Act;
use serde::Serialize;

use super::{
    common::{Common, ratio, shown},
    load::{now, pause, round, to_f64},
    plain::Client,
    rig::{ITEMS, Plan, Rig, skus},
};
use crate::{exit::Exit, table};

/// How often it is looked how many orders are known.
const LOOK: Duration = Duration::from_millis(100);
/// For so long nothing new may be known before the bench gives up.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// How long the daemon may take to open its store, which is nearly empty.
const OPEN_WITHIN: Duration = Duration::from_secs(60);
/// How many orders the shop's API gives at once.
const PAGE: u64 = 100;

/// Measures how fast the orders of a shop come into the order book by polling.
///
/// The channel's pace counts: a WooCommerce shop is asked ten times a second at most, for a hundred orders
/// each time. Exit code 1: an order of the shop is missing.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many orders.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    orders: u64,
}

/// The figure.
#[derive(Clone, Copy, Debug, Serialize)]
struct Backfill {
    figure: &'static str,
    orders: u64,
    /// From when the daemon was ready until the last order was in the order book.
    seconds: f64,
    orders_per_second: f64,
    /// Time of the daemon on the processors for each order, in ms.
    cpu_ms_per_order: f64,
    /// Bytes that it sent to the disk for each order.
    bytes_written_per_order: u64,
    peak_memory_mb: u64,
    /// Orders a second that the pace of the channel allows.
    allowed_per_second: u64,
    /// Orders a second that a plain client reads, one page after the other, without heeding that pace.
    plain_per_second: f64,
    /// The daemon's orders a second as a part of the plain client's.
    ratio: Option<f64>,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let plan = Plan {
        accounts: 1,
        backlog: 10_000,
        hung: None,
        calls_per_second: None,
    };
    let mut rig = Rig::start(plan, scratch.path(), &ports).await?;
    rig.process.kill()?;
    let orders = fill(&rig, args.orders)?;
    let plain_per_second = plainly(&rig, orders).await?;
    let ready = rig.resume(OPEN_WITHIN).await?;
    tracing::debug!(?ready, "The daemon reads the shop.");
    let before = rig.process.used()?;
    let (known, took) = follow(&rig, orders).await?;
    let after = rig.process.used()?;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1000.0;
    let orders_per_second = round(to_f64(known) / took.as_secs_f64());
    let quota = connectors::find("woocommerce").context("there is such a connector")?;
    let figure = Backfill {
        figure: "backfill",
        orders: known,
        seconds: round(took.as_secs_f64()),
        orders_per_second,
        cpu_ms_per_order: round(cpu / to_f64(known.max(1))),
        bytes_written_per_order: after.written.saturating_sub(before.written) / known.max(1),
        peak_memory_mb: after.peak_bytes / 1_000_000,
        allowed_per_second: u64::from(quota.descriptor().quota.per_second) * PAGE,
        plain_per_second,
        ratio: ratio(orders_per_second, plain_per_second),
    };
    args.common.emit(&figure, out)?;
    if !args.common.json {
        show(figure, out)?;
    }
    Ok(match known == orders {
        true => Exit::Good,
        false => Exit::Finding,
    })
}

/// Buys until there are so many orders in the shop that the daemon does not know, and says how many.
fn fill(rig: &Rig, orders: u64) -> anyhow::Result<u64> {
    let shop = rig.shops.first().context("there is a shop")?;
    // Those that hooks were learned from are among them.
    let skus = skus(ITEMS)?;
    for sku in skus
        .iter()
        .cycle()
        .take(usize::try_from(orders)?)
        .skip(skus.len())
    {
        let basket = vec![(sku.clone(), 1)];
        let bought = shop.act(&Act::Buy { basket, paid: true });
        bought.map_err(|refused| anyhow::anyhow!("{sku} cannot be bought: {refused:?}"))?;
        drop(shop.take_hooks());
    }
    Ok(shop.truth().orders.len() as u64)
}

/// How many orders a second a plain client reads.
async fn plainly(rig: &Rig, orders: u64) -> anyhow::Result<f64> {
    let shop = rig.shops.first().context("there is a shop")?;
    let http = Outbound::new(system::ports(), Egress::Anywhere).map_err(anyhow::Error::msg)?;
    let client = Client::new(shop, Arc::new(http))?;
    let (began, mut read, mut page) = (now(), 0, 1);
    while read < orders {
        let count = client.read_orders(page).await? as u64;
        anyhow::ensure!(count > 0, "the shop shows {read} of {orders} orders");
        (read, page) = (read + count, page + 1);
    }
    Ok(round(to_f64(read) / began.elapsed().as_secs_f64()))
}

/// Waits until so many orders are known, or no more come; says how many are, and how long it took.
async fn follow(rig: &Rig, orders: u64) -> anyhow::Result<(u64, Duration)> {
    let began = now();
    let (mut known, mut last) = (0, began);
    while known < orders && last.elapsed() < STUCK_AFTER {
        pause(LOOK).await;
        let summary = rig.ask("/api/v1/metrics/summary").await?;
        let count = summary["orders_in"].as_u64().unwrap_or(0);
        if count > known {
            (known, last) = (count, now());
        }
    }
    Ok((known, last.duration_since(began)))
}

fn show(figure: Backfill, out: &mut dyn Write) -> std::io::Result<()> {
    let head = [
        "ORDERS", "SECONDS", "ORDERS/S", "ALLOWED", "PLAIN", "RATIO", "CPU MS", "BYTES", "PEAK MB",
    ];
    let row = vec![
        figure.orders.to_string(),
        format!("{:.1}", figure.seconds),
        format!("{:.0}", figure.orders_per_second),
        figure.allowed_per_second.to_string(),
        format!("{:.0}", figure.plain_per_second),
        shown(figure.ratio, 2),
        format!("{:.3}", figure.cpu_ms_per_order),
        figure.bytes_written_per_order.to_string(),
        figure.peak_memory_mb.to_string(),
    ];
    table::print(out, &head, &[row])
}
