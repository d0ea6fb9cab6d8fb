//! `oneshelf bench dead`: what memory it costs when a shop cannot be reached for an hour while the others sell.
//!
//! The hour is virtual: `oneshelf sim` plays the same evening twice in a process of its own, once with all shops well.

use std::{io::Write, time::Duration};

use anyhow::Context as _;
use engine::ports::system;
use serde::{Deserialize, Serialize};

use super::{
    common::{Common, ratio, shown},
    load::{pause, to_f64},
    process::{Process, Used},
};
use crate::{exit::Exit, table};

/// How often the memory of the process is looked at; the system remembers the most in between.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Measures memory while a shop cannot be reached for an hour of virtual time.
///
/// Five shops sell the same goods all the while. The same seed is played with the last of them away from its second
/// minute on, and with all of them well. In either case everything must be as promised when all is quiet: what the
/// shop missed is told to it then. Exit code 1: it was not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// The seed of the evening.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// For how long shops sell, and the last one is away.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    minutes: u32,
    /// The time between two baskets on average, in virtual milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    basket_every_ms: u32,
}

/// A case.
#[derive(Clone, Debug, Serialize)]
struct Case {
    figure: &'static str,
    /// How the last shop is: `well` or `dead`.
    last_shop: &'static str,
    /// Orders that were placed.
    orders: u64,
    /// The most memory that the process held at a time.
    peak_mb: f64,
    /// The same as a multiple of that with all shops well.
    ratio: Option<f64>,
    /// Virtual time until all was as it should be, from the last basket on; nothing when it never was.
    quiet_after_ms: Option<u64>,
    /// What was not as promised, in sentences.
    violations: Vec<String>,
}

/// What the simulator says of a seed.
#[derive(Debug, Deserialize)]
struct Played {
    orders: u64,
    quiet_after_ms: Option<u64>,
    violations: Vec<String>,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let scratch = args.common.scratch(&system::ports())?;
    let mut cases: Vec<Case> = Vec::new();
    for (last_shop, dead_ms) in [("well", 0), ("dead", args.minutes * 60_000)] {
        let (played, used) = play(args, dead_ms, &scratch.path().join(last_shop)).await?;
        let peak_mb = to_f64(used.peak_bytes) / 1_000_000.0;
        let case = Case {
            figure: "dead",
            last_shop,
            orders: played.orders,
            ratio: cases.first().and_then(|well| ratio(peak_mb, well.peak_mb)),
            peak_mb,
            quiet_after_ms: played.quiet_after_ms,
            violations: played.violations,
        };
        args.common.emit(&case, out)?;
        cases.push(case);
    }
    if !args.common.json {
        show(&cases, out)?;
    }
    let is_right = cases.iter().all(|case| case.violations.is_empty());
    Ok(if is_right { Exit::Good } else { Exit::Finding })
}

/// Plays the evening in a process of its own, and says what that has used.
async fn play(args: &Args, dead_ms: u32, log: &std::path::Path) -> anyhow::Result<(Played, Used)> {
    let busy_ms = u64::from(args.minutes) * 60_000;
    let line = format!(
        "sim --seeds 1 --from {} --json --no-shrink --scale small --weather calm --shops 5 --stock 100000 --busy-ms {busy_ms} \
         --basket-every-ms {} --dead-ms {dead_ms}",
        args.seed, args.basket_every_ms
    );
    let words: Vec<&str> = line.split(' ').collect();
    let mut process = Process::start(&words, log)?;
    let mut used = Used::default();
    while process.runs() {
        if let Ok(now) = process.used() {
            used = now;
        }
        pause(LOOK_EVERY).await;
    }
    let told = process.first_line();
    let told = told.with_context(|| format!("the simulator said: {}", said(log)))?;
    let played = serde_json::from_str(&told).context("the simulator speaks otherwise")?;
    Ok((played, used))
}

fn said(log: &std::path::Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

fn show(cases: &[Case], out: &mut dyn Write) -> anyhow::Result<()> {
    let head = ["LAST SHOP", "ORDERS", "PEAK MB", "RATIO", "QUIET AFTER S"];
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            let quiet = case.quiet_after_ms.map(|ms| to_f64(ms) / 1000.0);
            vec![
                case.last_shop.to_owned(),
                case.orders.to_string(),
                format!("{:.1}", case.peak_mb),
                shown(case.ratio, 2),
                shown(quiet, 0),
            ]
        })
        .collect();
    table::print(out, &head, &rows)?;
    for sentence in cases.iter().flat_map(|case| &case.violations) {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}
