//! `oneshelf sim`: many evenings of the simulator, or one of them again.
//!
//! It touches no store, no configuration and no network: everything happens in this process, under
//! virtual time. What a seed is and what is checked is in the crate `rehearse`; this only runs and
//! tells. Start reading at [`run`].

mod options;
mod screen;

use std::{collections::BTreeMap, io::Write, ops::ControlFlow, sync::Arc, time::Duration};

use domain::Time;
use engine::ports::{Clock, system};
use rehearse::{
    Coverage, Report, Scale, run_each, run_with,
    shrink::shrink,
    trace::Trace,
    world::{Tamper, Untouched},
};
use serde::Serialize;

pub use options::{Args, Size, Sky};

use crate::exit::Exit;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What came of all seeds.
#[derive(Debug, Default, Serialize)]
struct Sums {
    /// How many seeds there were.
    seeds: u64,
    /// Those of them in which something did not hold.
    failed: Vec<u64>,
    /// Those in which less happened than their scale promises, with what they lack.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    lacking: BTreeMap<u64, Vec<String>>,
    /// How long it took, in real time.
    took_ms: u64,
    /// How many that is a second.
    seeds_per_second: f64,
    /// Orders in all.
    orders: u64,
    /// Cases of drift that nobody's edit explains.
    false_alarms: u64,
    /// What every seed has at least.
    least: Least,
    /// What happened, and how often.
    coverage: Coverage,
    /// The line that plays the smallest failing case again.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<String>,
}

/// What every seed has at least.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Least {
    orders: u64,
    accounts: usize,
    channels: usize,
    fault_kinds: usize,
    crashes: u32,
}

impl Least {
    fn of(report: &Report) -> Least {
        Least {
            orders: report.orders,
            accounts: report.accounts,
            channels: report.channels,
            fault_kinds: report.coverage.faults.len(),
            crashes: report.crashes,
        }
    }

    fn min(self, other: Least) -> Least {
        Least {
            orders: self.orders.min(other.orders),
            accounts: self.accounts.min(other.accounts),
            channels: self.channels.min(other.channels),
            fault_kinds: self.fault_kinds.min(other.fault_kinds),
            crashes: self.crashes.min(other.crashes),
        }
    }
}

impl Sums {
    fn add(&mut self, report: &Report) {
        let least = Least::of(report);
        self.least = match self.seeds {
            0 => least,
            _ => self.least.min(least),
        };
        self.seeds += 1;
        self.orders += report.orders;
        self.false_alarms += report.false_alarms.len() as u64;
        self.coverage.merge(&report.coverage);
        if !report.violations.is_empty() {
            self.failed.push(report.seed);
        }
        if !report.lacks.is_empty() {
            self.lacking.insert(report.seed, report.lacks.clone());
        }
    }

    fn time(&mut self, took: Duration) {
        self.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let seconds = took.as_secs_f64().max(0.001);
        let seeds = u32::try_from(self.seeds).unwrap_or(u32::MAX);
        self.seeds_per_second = (f64::from(seeds) / seconds * 100.0).round() / 100.0;
    }
}

/// Runs it. Whoever closed the pipe has read enough.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    match rehearse(args, &mut out) {
        Ok(exit) => Ok(exit),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => Err(error.into()),
    }
}

fn rehearse(args: &Args, out: &mut dyn Write) -> std::io::Result<Exit> {
    let (scale, clock) = (args.scale(), system::ports().clock);
    let tamper: Arc<dyn Tamper> = Arc::new(Untouched);
    let began = clock.now();
    let mut sums = Sums::default();
    let first_failure = match args.seed {
        Some(seed) => {
            let report = run_with(seed, &scale, Trace::whole(), tamper.clone());
            sums.add(&report);
            if args.json {
                object(out, &report)?;
            } else {
                screen::tell_all(out, &report)?;
            }
            Some(report).filter(|report| !report.violations.is_empty())
        }
        None => run_all(
            args,
            &scale,
            &tamper,
            (clock.as_ref(), began),
            &mut sums,
            out,
        )?,
    };
    sums.time(clock.now().since(began));
    if let Some(report) = &first_failure {
        sums.replay = Some(args.replay(report.seed, &scale));
        // One that was asked for by its seed is as small as somebody wanted it.
        if args.seed.is_none() && !args.no_shrink {
            sums.replay = Some(make_small(args, &scale, &tamper, report, out)?);
        }
    }
    if args.json {
        object(out, &sums)?;
    } else {
        screen::show(out, &sums)?;
    }
    Ok(match sums.failed.is_empty() && sums.lacking.is_empty() {
        true => Exit::Good,
        false => Exit::Finding,
    })
}

/// Runs all seeds on all processors, and hands back the first that failed.
fn run_all(
    args: &Args,
    scale: &Scale,
    tamper: &Arc<dyn Tamper>,
    (clock, began): (&dyn Clock, Time),
    sums: &mut Sums,
    out: &mut dyn Write,
) -> std::io::Result<Option<Report>> {
    let seeds = args.from..args.from.saturating_add(args.seeds);
    if !args.json {
        screen::greet(out, args, scale)?;
    }
    let (mut first, mut told_at, mut result) = (None, began, Ok(()));
    run_each(seeds, scale, tamper, &mut |report| {
        sums.add(&report);
        result = if args.json {
            object(out, &report)
        } else if !report.violations.is_empty() {
            screen::tell_failure(out, &report, &args.replay(report.seed, scale))
        } else if clock.now().since(told_at) >= TELL_EVERY {
            told_at = clock.now();
            sums.time(told_at.since(began));
            screen::tell_progress(out, sums, args.seeds)
        } else {
            Ok(())
        };
        if first.is_none() && !report.violations.is_empty() {
            first = Some(report);
        }
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    result.map(|()| first)
}

/// Looks for a smaller case, tells it, and hands back the line that plays it again.
fn make_small(
    args: &Args,
    scale: &Scale,
    tamper: &Arc<dyn Tamper>,
    report: &Report,
    out: &mut dyn Write,
) -> std::io::Result<String> {
    let seed = report.seed;
    if !args.json {
        writeln!(out, "\nLooking for a smaller case of seed {seed}.")?;
    }
    let shrunk = shrink(seed, scale, &report.found_by, tamper);
    let replay = args.replay(seed, &shrunk.scale);
    if !args.json {
        screen::tell_smallest(out, &shrunk, &replay)?;
    }
    Ok(replay)
}

fn object(out: &mut dyn Write, value: &impl Serialize) -> std::io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(value)?)?;
    out.flush()
}
