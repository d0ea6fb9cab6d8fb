//! `oneshelf rehearse`: the merchant's own configuration on shops that are only played.
//!
//! It reads the settings as `oneshelf check` does, needs no secrets, and touches no store and no network:
//! the engine, the connectors and the twins of the channels run in this process, under virtual time. How
//! such a world is made is in the crate `rehearse`; this only runs and tells. Start reading at [`run`].

mod screen;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    ops::ControlFlow,
    path::Path,
    sync::Arc,
    time::Duration,
};

use domain::AccountId;
use rehearse::{
    figures::{Figures, Rehearsed, rehearse_each},
    own::{Buffers, Evening, MakeConfig, Own},
};
use serde::Serialize;

use crate::{
    exit::Exit,
    run,
    settings::{self, Environment, LoadError, Settings},
    sim::Sky,
};

/// Rehearses your own configuration on sandbox shops, under virtual time.
///
/// Accounts, items, rules and schedules are yours. Each account is reached at a stand-in of its channel,
/// with buyers, and with faults by the weather. No secrets are needed, nothing leaves this process, and
/// no store is opened. It tells what would have been sold twice and why, how long levels took to be
/// shown, and what your rules cost. Exit code 0: all promises were kept; 1: one was broken, and the
/// command that plays it again is printed; 78: the configuration cannot be used.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// How bad the lines are.
    #[arg(long, value_enum, default_value_t = Sky::Lively)]
    weather: Sky,
    /// How long buyers come, in virtual time: `30m`, `2h`.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = settings::parse_duration)]
    busy_for: Duration,
    /// How many orders there are in an hour, over all accounts.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    orders_per_hour: u32,
    /// Do not rehearse again without buffers and with buffers that tune themselves.
    #[arg(long)]
    no_compare: bool,
    /// Print one JSON object for each seed and one with the sums.
    #[arg(long)]
    json: bool,
}

/// What came of all seeds with one choice of buffers.
#[derive(Debug, Default, Serialize)]
struct Sums {
    /// What held of buffers.
    buffers: &'static str,
    /// How many seeds there were.
    seeds: u64,
    /// Account by account.
    accounts: BTreeMap<AccountId, Figures>,
    /// All of them.
    total: Figures,
    /// Units that were sold and were not there, in a thousand orders; in thousandths.
    oversold_per_1000_orders_milli: u64,
    /// The same of the seed with the fewest, and of that with the most.
    least_milli: u64,
    most_milli: u64,
}

impl Sums {
    fn add(&mut self, rehearsed: &Rehearsed) {
        let rate = rate_milli(&rehearsed.total());
        self.least_milli = match self.seeds {
            0 => rate,
            _ => self.least_milli.min(rate),
        };
        self.most_milli = self.most_milli.max(rate);
        self.buffers = rehearsed.buffers;
        self.seeds += 1;
        for (account, figures) in &rehearsed.accounts {
            let sum = self.accounts.entry(account.clone()).or_default();
            sum.merge(figures);
            self.total.merge(figures);
        }
        self.oversold_per_1000_orders_milli = rate_milli(&self.total);
    }
}

/// Units oversold in a thousand orders, in thousandths.
fn rate_milli(figures: &Figures) -> u64 {
    let units = figures.units_oversold().saturating_mul(1_000_000);
    units.checked_div(figures.orders).unwrap_or(0)
}

/// A promise that was broken.
#[derive(Debug, Serialize)]
struct Broken {
    seed: u64,
    buffers: &'static str,
    violations: Vec<String>,
    replay: String,
}

/// Everything, as JSON.
#[derive(Serialize)]
struct Summary<'a> {
    notes: &'a [String],
    sums: &'a [Sums],
    broken: &'a [Broken],
}

/// Runs it. Whoever closed the pipe has read enough.
pub fn run(args: &Args, at: &Path, environment: &Environment) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    match rehearse(args, at, environment, &mut out) {
        Ok(exit) => Ok(exit),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => Err(error.into()),
    }
}

fn rehearse(
    args: &Args,
    at: &Path,
    environment: &Environment,
    out: &mut dyn Write,
) -> std::io::Result<Exit> {
    let settings = match settings::load_without_secrets(at, environment, run::known()) {
        Ok(settings) => settings,
        Err(error) => return refuse(args, &error, out),
    };
    let own = own(args, settings);
    let notes = screen::notes(&own);
    if !own.accounts().iter().any(|account| account.takes_part()) {
        let none = "no account can be rehearsed: each needs a file in accounts.d that is not off, and a twin \
                    of its channel";
        for line in notes.iter().map(String::as_str).chain([none]) {
            writeln!(out, "{line}")?;
        }
        return Ok(Exit::Configuration);
    }
    if !args.json {
        screen::greet(out, args, &own, &notes)?;
    }
    let (mut sums, mut broken) = (Vec::new(), Vec::new());
    let compared: &[Buffers] = match args.no_compare {
        true => &[Buffers::Configured],
        false => &[Buffers::Configured, Buffers::None, Buffers::Auto],
    };
    for buffers in compared {
        sums.push(play(args, at, &own.with(*buffers), &mut broken, out)?);
    }
    if args.json {
        let summary = Summary {
            notes: &notes,
            sums: &sums,
            broken: &broken,
        };
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        screen::show(out, &own, &sums, &broken)?;
    }
    Ok(match broken.is_empty() {
        true => Exit::Good,
        false => Exit::Finding,
    })
}

fn refuse(args: &Args, error: &LoadError, out: &mut dyn Write) -> std::io::Result<Exit> {
    let text = match args.json {
        true => error.render_json(),
        false => error.render(),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Configuration)
}

/// What the settings say, ready to be rehearsed.
fn own(args: &Args, settings: Settings) -> Own {
    // Some channels send hooks only where their account says how.
    let is_deaf = |account: &&settings::Account| {
        let connector = connectors::find(&account.kind).expect("the settings were checked");
        let opened = connector.open(account.settings.clone(), settings::closed_port());
        opened.is_ok_and(|channel| channel.read_hooks().is_none())
    };
    let deaf: BTreeSet<AccountId> = settings
        .accounts
        .values()
        .filter(is_deaf)
        .map(|account| account.id.clone())
        .collect();
    let evening = Evening {
        weather: args.weather.weather(),
        busy_for: args.busy_for,
        orders_per_hour: args.orders_per_hour,
    };
    let make: MakeConfig = Arc::new(move || run::config(&settings));
    Own::new(make, &deaf, evening)
}

/// Rehearses all seeds with one choice of buffers.
fn play(
    args: &Args,
    at: &Path,
    own: &Own,
    broken: &mut Vec<Broken>,
    out: &mut dyn Write,
) -> std::io::Result<Sums> {
    let (mut sums, mut result) = (Sums::default(), Ok(()));
    let seeds = args.from..args.from.saturating_add(args.seeds);
    rehearse_each(seeds, own, &mut |rehearsed| {
        sums.add(&rehearsed);
        if args.json {
            result = serde_json::to_string(&rehearsed)
                .map_err(std::io::Error::from)
                .and_then(|text| writeln!(out, "{text}"))
                .and_then(|()| out.flush());
        }
        if !rehearsed.violations.is_empty() {
            broken.push(Broken {
                seed: rehearsed.seed,
                buffers: rehearsed.buffers,
                replay: replay(args, at, rehearsed.seed, own.buffers()),
                violations: rehearsed.violations,
            });
        }
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    result.map(|()| sums)
}

/// The command that plays a seed again.
fn replay(args: &Args, at: &Path, seed: u64, buffers: Buffers) -> String {
    let only = match buffers {
        Buffers::Configured => " --no-compare",
        Buffers::None | Buffers::Auto => "",
    };
    format!(
        "oneshelf rehearse --config {} --from {seed} --seeds 1 --weather {} --busy-for {}ms --orders-per-hour {}{only}",
        at.display(),
        args.weather.word(),
        args.busy_for.as_millis(),
        args.orders_per_hour,
    )
}
