//! `oneshelf bench stored`: what a store costs when many orders are in it.
//!
//! One store is filled to one size after the other ([`filling`]). At each size the daemon runs on a copy
//! of it, takes hooks, and is ended with `kill -9` while it still decides about some of them. Then it is
//! started again from cold files: first on what it left, and then without the rows, which it has to make
//! anew from the last export and the journal. `restart`, `rebuild`, `memory` and `growth` are this bench, each with
//! one of its figures.

pub(super) mod board;
mod figures;
mod files;
mod filling;
pub(super) mod pages;

use std::{fs, io::Write, path::PathBuf, time::Duration};

use domain::AccountId;
use engine::ports::{Ports, system};
use serde_json::Value;

use self::{
    figures::{Disk, Export, Growth, Memory, Opened, Sizes},
    filling::{Filler, OPEN_ONE_IN},
};
use super::{
    common::{Common, ratio},
    hooks::Baskets,
    load::{now, pause, round, to_f64},
    rig::{Plan, Rig},
    still::Still,
};
use crate::exit::Exit;

/// The account that the stored orders came from. It is switched off when the daemon runs: only what is
/// measured happens then.
const ARCHIVE: &str = "archive";
/// On how many connections hooks come.
const CONNECTIONS: u32 = 8;
/// How many hooks come before those that are measured.
const WARM_UP: u64 = 200;
/// How long opening a store may take.
const OPEN_WITHIN: Duration = Duration::from_secs(3600);
/// How long the daemon may take until it has read its shop and told it all levels.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
/// How much of the orders the export has from which rows are made anew: nine of ten.
const EXPORTED: (u64, u64) = (9, 10);

/// What a size takes: where the store is filled, and how many hooks come.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many orders are stored, of which two in a hundred are open; one case for each.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [10_000, 100_000], value_parser = clap::value_parser!(u64).range(500..=10_000_000))]
    orders: Vec<u64>,
    /// How many hooks of new orders come at each size.
    #[arg(long, value_name = "N", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    hooks: u64,
}

/// A figure of this bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    Restart,
    Rebuild,
    Memory,
    Growth,
}

impl Figure {
    pub(super) const ALL: [Figure; 4] = [
        Figure::Restart,
        Figure::Rebuild,
        Figure::Memory,
        Figure::Growth,
    ];
}

/// Measures, and prints.
pub(super) async fn run(
    args: &Args,
    wanted: &[Figure],
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let mut bench = Bench::start(args, scratch.path().to_owned(), wanted, &ports).await?;
    let mut sizes = args.orders.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let mut all = Sizes::default();
    let last = sizes.last().copied();
    for orders in sizes {
        bench.fill(orders).await?;
        if Some(orders) == last {
            // Nothing is filled further, so it need not be there twice.
            bench.measure(&mut all, out).await?;
            continue;
        }
        let (kept, var) = (scratch.path().join("kept"), scratch.path().join("var"));
        fs::rename(&var, &kept)?;
        files::copy(&kept, &var)?;
        bench.measure(&mut all, out).await?;
        fs::remove_dir_all(&var)?;
        fs::rename(&kept, &var)?;
    }
    if !args.common.json {
        all.show(out)?;
    }
    Ok(Exit::Good)
}

struct Bench<'a> {
    args: &'a Args,
    wanted: &'a [Figure],
    dir: PathBuf,
    rig: Rig,
    filler: Filler,
    /// What the last export has.
    export: Export,
    /// The rate at the smallest size.
    smallest: Option<f64>,
}

impl Bench<'_> {
    /// Lets a daemon take the shop over, and ends it: the store that it left is the one that is filled.
    async fn start<'a>(
        args: &'a Args,
        dir: PathBuf,
        wanted: &'a [Figure],
        ports: &Ports,
    ) -> anyhow::Result<Bench<'a>> {
        let plan = Plan {
            accounts: 1,
            backlog: 100_000,
            hung: None,
            calls_per_second: None,
        };
        let mut rig = Rig::start(plan, &dir, ports).await?;
        rig.process.kill()?;
        rig.add_account(ARCHIVE, "off")?;
        let still = Still::open(&rig.config()).await?;
        let shop = rig.shops.first().expect("the plan has an account");
        let filler = Filler::learn(&still, shop, AccountId::new(ARCHIVE)).await?;
        still.close().await?;
        Ok(Bench {
            args,
            wanted,
            dir,
            rig,
            filler,
            export: Export::default(),
            smallest: None,
        })
    }

    fn wants(&self, figure: Figure) -> bool {
        self.wanted.contains(&figure)
    }

    fn store(&self) -> PathBuf {
        self.dir.join("var/store")
    }

    async fn measure(&mut self, all: &mut Sizes, out: &mut dyn Write) -> anyhow::Result<()> {
        let common = &self.args.common;
        let disk = self.weigh()?;
        self.rig.resume(OPEN_WITHIN).await?;
        self.settle().await?;
        let (memory, growth) = self.take_hooks(disk).await?;
        if self.wants(Figure::Growth) {
            common.emit(&growth, out)?;
            all.growth.push(growth);
        }
        if self.wants(Figure::Memory) {
            common.emit(&memory, out)?;
            all.memory.push(memory);
        }
        let load = self.rig.hooks.load(Baskets::Spread);
        let more = self.args.hooks / 3;
        self.rig.send(load, more, CONNECTIONS).await?;
        self.rig.process.kill()?;
        if self.wants(Figure::Restart) {
            let opened = self.reopen("restart", &["rows"]).await?;
            common.emit(&opened, out)?;
            all.restart.push(opened);
        }
        if self.wants(Figure::Rebuild) {
            fs::remove_dir_all(self.store().join("rows"))?;
            let opened = self.reopen("rebuild", &["exports", "journal"]).await?;
            common.emit(&opened, out)?;
            all.rebuild.push(opened);
        }
        Ok(())
    }

    /// Fills the store, with an export before the last tenth.
    async fn fill(&mut self, orders: u64) -> anyhow::Result<()> {
        let still = Still::open(&self.rig.config()).await?;
        self.filler.stock(&still, orders).await?;
        let (of, all) = EXPORTED;
        let exported = (orders / all * of).max(self.filler.orders());
        self.filler.fill(&still, exported).await?;
        let export = still.store.export().await?;
        self.filler.fill(&still, orders).await?;
        still.close().await?;
        self.export = Export {
            rows_per_order: round(to_f64(export.rows) / to_f64(exported)),
            bytes_per_order: fs::metadata(export.path)?.len() / exported,
        };
        Ok(())
    }

    fn weigh(&self) -> anyhow::Result<Disk> {
        let store = self.store();
        let of = |what: &str| files::bytes(&store.join(what));
        Ok(Disk {
            all_bytes: files::bytes(&store)?,
            rows_bytes: of("rows")?,
            journal_bytes: of("journal")?,
            exports_bytes: of("exports")?,
            export: self.export,
        })
    }

    /// Waits until the shop was read and told all levels.
    async fn settle(&self) -> anyhow::Result<()> {
        let began = now();
        loop {
            let accounts = self.rig.ask("/api/v1/accounts").await?;
            let accounts = accounts["items"].as_array().cloned().unwrap_or_default();
            let works = |account: &&Value| account["mode"] == "live";
            let is_settled = |account: &Value| {
                account["has_polled"] == true && account["counts"]["pushes_waiting"] == 0
            };
            if accounts.iter().filter(works).all(is_settled) {
                return Ok(());
            }
            let is_late = began.elapsed() > SETTLED_WITHIN;
            anyhow::ensure!(!is_late, "the shop is not settled: {accounts:?}");
            pause(Duration::from_millis(250)).await;
        }
    }

    /// Lets hooks of new orders come, as `bench intake` does.
    async fn take_hooks(&mut self, disk: Disk) -> anyhow::Result<(Memory, Growth)> {
        let (orders, items) = (self.filler.orders(), self.filler.items());
        let before = self.rig.process.used()?;
        let load = self.rig.hooks.load(Baskets::Spread);
        self.rig.take(load, WARM_UP, CONNECTIONS).await?;
        let (hooks, warm) = (self.args.hooks, self.rig.process.used()?);
        let taken = self.rig.take(load, hooks, CONNECTIONS).await?;
        let after = self.rig.process.used()?;
        anyhow::ensure!(taken.sent.accepted == hooks, "hooks were lost");
        let cpu = after.cpu.saturating_sub(warm.cpu).as_secs_f64() * 1000.0;
        let growth = Growth {
            figure: "growth",
            orders,
            items,
            hooks,
            connections: CONNECTIONS,
            orders_per_second: taken.per_second,
            ratio: ratio(
                taken.per_second,
                *self.smallest.get_or_insert(taken.per_second),
            ),
            cpu_ms_per_order: round(cpu / to_f64(hooks)),
            bytes_written_per_order: after.written.saturating_sub(warm.written) / hooks,
        };
        let memory = Memory {
            figure: "memory",
            orders,
            open: orders / OPEN_ONE_IN,
            items,
            resident_mb: before.resident_bytes / 1_000_000,
            peak_mb: after.peak_bytes / 1_000_000,
            bytes_per_order: (disk.rows_bytes + disk.exports_bytes + disk.journal_bytes) / orders,
            disk,
            raw_signal_bytes: self.rig.hooks.raw_signal_bytes(),
        };
        Ok((memory, growth))
    }

    /// Starts the daemon again from cold files, and ends it. It must know every order.
    async fn reopen(&mut self, figure: &'static str, read: &[&str]) -> anyhow::Result<Opened> {
        let store = self.store();
        files::forget(&store)?;
        let read: Vec<PathBuf> = read.iter().map(|name| store.join(name)).collect();
        let reading = files::read(&read)?;
        files::forget(&store)?;
        let took = self.rig.resume(OPEN_WITHIN).await?;
        let resident = self.rig.process.used()?.resident_bytes;
        self.find_all().await?;
        self.rig.process.kill()?;
        let (seconds, reading) = (took.as_secs_f64(), reading.as_secs_f64());
        Ok(Opened {
            figure,
            orders: self.filler.orders(),
            items: self.filler.items(),
            seconds: round(seconds),
            resident_mb: resident / 1_000_000,
            reading_seconds: round(reading),
            ratio: ratio(seconds, reading),
        })
    }

    async fn find_all(&self) -> anyhow::Result<()> {
        self.rig.drained(OPEN_WITHIN).await?;
        let accounts = self.rig.ask("/api/v1/accounts").await?;
        let accounts = accounts["items"].as_array().cloned().unwrap_or_default();
        for account in &accounts {
            let known = account["counts"]["orders"].as_u64().unwrap_or(0);
            let is_whole = match account["id"] == ARCHIVE {
                true => known == self.filler.orders(),
                false => known >= self.args.hooks,
            };
            anyhow::ensure!(is_whole, "orders were lost: {account}");
        }
        Ok(())
    }
}
