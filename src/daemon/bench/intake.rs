//! `oneshelf bench intake`: how many signed hooks a second become durable claims.
//!
//! The real daemon on a real store takes hooks of new orders over loopback, each of one unit of one
//! item. In the same run, on the same disk, the same hooks go to a baseline ([`super::baseline`]) that only
//! makes them durable.

use std::{io::Write, net::SocketAddr, path::PathBuf, time::Duration};

use engine::ports::{Ports, system};
use serde::Serialize;

use super::{
    baseline,
    common::{Common, ratio, shown},
    hooks::Baskets,
    load::{self, Sent, Times, round, to_f64},
    postgres::{self, Postgres},
    process::{Process, Used},
    rig::{Plan, Rig, Taken},
};
use crate::{
    exit::{self, Exit},
    table,
};

/// How many requests of a case are not measured: they fill caches and pools.
const WARM_UP: u64 = 200;
/// How long the sync rate without any HTTP is measured.
const RAW_FOR: Duration = Duration::from_secs(2);
/// The part of what the machine allows that a baseline must reach to be one.
const SOUND: f64 = 0.9;

/// Measures how many signed hooks a second become durable claims, and how long that takes.
///
/// The daemon runs as a process of its own; its time on the processors, its writes and its memory are its
/// own. Each case is compared with the same HTTP stack whose handler only appends the body to a file and
/// waits for a sync that it shares with the others, in the same run and on the same disk.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many orders in each case.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    orders: u64,
    /// On how many connections at a time; one case for each.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 8, 64], value_parser = clap::value_parser!(u32).range(1..=512))]
    connections: Vec<u32>,
    /// How many accounts offer the same items.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    accounts: u8,
    /// A PostgreSQL database to compare with as well, as pgbench takes it. Tables that begin with
    /// oneshelf_bench_ are made there and removed.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// A case.
#[derive(Clone, Debug, Serialize)]
struct Case {
    figure: &'static str,
    connections: u32,
    /// `spread` over 50 items, or all on `one`.
    items: &'static str,
    accounts: u8,
    orders: u64,
    /// Orders a second, from the first hook to the last durable claim.
    orders_per_second: f64,
    /// Hooks a second that were acknowledged.
    acknowledged_per_second: f64,
    /// Hooks that were told to come again.
    put_off: u64,
    /// From sending a hook to its acknowledgement.
    acknowledged: Times,
    /// From taking a hook to its durable decision, of the last ones.
    decided_ms: serde_json::Value,
    /// Time of the daemon on the processors for each order, in ms.
    cpu_ms_per_order: f64,
    /// Bytes that the daemon sent to the disk for each order.
    bytes_written_per_order: u64,
    syncs_per_second: f64,
    peak_memory_mb: u64,
    baseline: Baseline,
    /// Orders a second as a part of the baseline's requests a second.
    ratio: f64,
    /// Half of the acknowledgements, as a multiple of the baseline's.
    acknowledged_ratio: f64,
    /// What a database does at the same concurrency, where one was named.
    postgres: Option<postgres::Figure>,
    /// Orders a second as a part of its transactions a second.
    postgres_ratio: Option<f64>,
}

/// The baseline of a case.
#[derive(Clone, Copy, Debug, Serialize)]
struct Baseline {
    per_second: f64,
    times: Times,
    /// The same handler without a write.
    without_writes_per_second: f64,
    /// The same writes without HTTP.
    without_http_per_second: f64,
    /// Whether it reaches nine tenths of the smaller of these two.
    is_sound: bool,
}

/// What all cases share.
struct Bench<'a> {
    args: &'a Args,
    rig: Rig,
    dir: PathBuf,
    postgres: Option<Postgres>,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let cases = measure(args, scratch.path(), &ports, out).await?;
    if !args.common.json {
        show(&cases, out)?;
    }
    Ok(Exit::Good)
}

async fn measure(
    args: &Args,
    dir: &std::path::Path,
    ports: &Ports,
    out: &mut dyn Write,
) -> anyhow::Result<Vec<Case>> {
    let plan = Plan {
        accounts: usize::from(args.accounts),
        backlog: 100_000,
        hung: None,
        calls_per_second: None,
    };
    let postgres = args.postgres.as_ref().and_then(|url| {
        let found = Postgres::find(url, dir);
        found.map_err(|why| exit::tell(&format!("{why}\n"))).ok()
    });
    let mut bench = Bench {
        args,
        rig: Rig::start(plan, dir, ports).await?,
        dir: dir.to_owned(),
        postgres,
    };
    let mut cases = Vec::new();
    for baskets in [Baskets::Spread, Baskets::One] {
        for connections in &args.connections {
            let case = bench.case(baskets, *connections).await?;
            args.common.emit(&case, out)?;
            cases.push(case);
        }
    }
    Ok(cases)
}

impl Bench<'_> {
    async fn case(&mut self, baskets: Baskets, connections: u32) -> anyhow::Result<Case> {
        let load = self.rig.hooks.load(baskets);
        let baseline = self.baseline(load, connections).await?;
        let body = self.rig.hooks.body();
        let orders = self.args.orders;
        let postgres = self.postgres.as_ref();
        let postgres = postgres.map(|it| it.measure(baskets, &body, orders, connections));
        let postgres = postgres.transpose()?;
        self.rig.take(load, WARM_UP, connections).await?;
        let before = self.look().await?;
        let Taken {
            sent,
            summary,
            took,
            per_second: orders_per_second,
        } = self.rig.take(load, orders, connections).await?;
        let after = self.look().await?;
        let known = after.orders - before.orders;
        anyhow::ensure!(
            known == orders && sent.accepted == orders,
            "of {orders} orders {} were acknowledged and {known} are known",
            sent.accepted
        );
        let per_order = |sum: f64| round(sum / to_f64(orders));
        let cpu = after.used.cpu.saturating_sub(before.used.cpu);
        let written = after.used.written.saturating_sub(before.used.written);
        Ok(Case {
            figure: "intake",
            connections,
            items: baskets.word(),
            accounts: self.args.accounts,
            orders,
            orders_per_second,
            acknowledged_per_second: round(to_f64(orders) / sent.took.as_secs_f64()),
            put_off: sent.put_off,
            acknowledged: sent.times,
            decided_ms: summary["signal_ms"].clone(),
            cpu_ms_per_order: per_order(cpu.as_secs_f64() * 1000.0),
            bytes_written_per_order: written / orders.max(1),
            syncs_per_second: round(to_f64(after.syncs - before.syncs) / took.as_secs_f64()),
            peak_memory_mb: after.used.peak_bytes / 1_000_000,
            ratio: round(orders_per_second / baseline.per_second),
            acknowledged_ratio: round(sent.times.p50_ms / baseline.times.p50_ms),
            baseline,
            postgres,
            postgres_ratio: postgres.and_then(|it| ratio(orders_per_second, it.per_second)),
        })
    }

    async fn look(&self) -> anyhow::Result<Look> {
        let summary = self.rig.ask("/api/v1/metrics/summary").await?;
        let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0);
        Ok(Look {
            used: self.rig.process.used()?,
            orders: number(&summary["orders_in"]),
            syncs: number(&summary["store"]["syncs"]),
        })
    }

    async fn baseline(
        &self,
        load: &'static dyn load::Source,
        connections: u32,
    ) -> anyhow::Result<Baseline> {
        let orders = self.args.orders;
        let grouped = self.serve("group", load, orders, connections).await?;
        let without_writes = self.serve("nothing", load, orders, connections).await?;
        let (file, body) = (self.dir.join("raw"), self.rig.hooks.body());
        let without_http = baseline::raw_rate(&file, body, connections, RAW_FOR).await?;
        let rate = |sent: &Sent| round(to_f64(sent.accepted) / sent.took.as_secs_f64());
        let without_writes = rate(&without_writes);
        Ok(Baseline {
            per_second: rate(&grouped),
            times: grouped.times,
            without_writes_per_second: without_writes,
            without_http_per_second: round(without_http),
            is_sound: rate(&grouped) >= SOUND * without_writes.min(without_http),
        })
    }

    /// What a baseline server does with the load.
    async fn serve(
        &self,
        writes: &str,
        load: &'static dyn load::Source,
        orders: u64,
        connections: u32,
    ) -> anyhow::Result<Sent> {
        let (file, log) = (self.dir.join(writes), self.dir.join("baseline.log"));
        let file = file.to_string_lossy();
        let words = ["bench", "baseline", "--writes", writes, "--file", &file];
        let mut server = Process::start(&words, &log)?;
        let address: SocketAddr = server.first_line()?.parse()?;
        load::send(address, load, (0, WARM_UP), connections).await?;
        load::send(address, load, (0, orders), connections).await
    }
}

/// What is read before and after a case.
struct Look {
    used: Used,
    orders: u64,
    syncs: u64,
}

fn show(cases: &[Case], out: &mut dyn Write) -> anyhow::Result<()> {
    let head = [
        "CONNECTIONS",
        "ITEMS",
        "ORDERS/S",
        "RATIO",
        "ACK P50 MS",
        "P99",
        "RATIO",
        "DECIDED P50",
        "P99",
        "CPU MS",
        "BYTES",
        "SYNCS/S",
        "PG/S",
        "RATIO",
    ];
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            vec![
                case.connections.to_string(),
                case.items.to_owned(),
                format!("{:.0}", case.orders_per_second),
                format!("{:.2}", case.ratio),
                format!("{:.1}", case.acknowledged.p50_ms),
                format!("{:.1}", case.acknowledged.p99_ms),
                format!("{:.2}", case.acknowledged_ratio),
                case.decided_ms["p50"].to_string(),
                case.decided_ms["p99"].to_string(),
                format!("{:.3}", case.cpu_ms_per_order),
                case.bytes_written_per_order.to_string(),
                format!("{:.0}", case.syncs_per_second),
                shown(case.postgres.map(|it| it.per_second), 0),
                shown(case.postgres_ratio, 2),
            ]
        })
        .collect();
    table::print(out, &head, &rows)?;
    for case in cases.iter().filter(|case| !case.baseline.is_sound) {
        let Baseline {
            per_second,
            without_writes_per_second,
            without_http_per_second,
            ..
        } = case.baseline;
        writeln!(
            out,
            "At {} connections the baseline is none: {per_second:.0}/s, of {without_writes_per_second:.0}/s without \
             writes and {without_http_per_second:.0}/s without HTTP.",
            case.connections
        )?;
    }
    Ok(())
}
