//! `oneshelf bench propagation`: how long it takes until an order at one account is accounted for at all
//! others.
//!
//! In the same run, a small client ([`super::plain`]) sends as many writes of the same size to the same
//! shops over the same HTTP stack, without anything of what the daemon does before a write.

use std::io::Write;

use engine::ports::system;
use serde::Serialize;

use super::{
    common::{Common, ratio, shown},
    hooks::Baskets,
    load::Times,
    rig::Plan,
    rounds::{BACKLOG, Course, Round, Wanted},
};
use crate::{exit::Exit, table};

/// Measures how long it takes until an order at one account is accounted for at every other.
///
/// Signed hooks of orders come to one account at a fixed rate, whatever became of those before them. All
/// times count from when a hook was due until the write of a level that accounts for its order arrives at
/// another shop. The daemon runs as a process of its own. Exit code 1: a level was wrong when all was quiet.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Orders a second: two cases for each that is given.
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [100, 500, 1000], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Vec<u32>,
    /// For how many seconds orders come in each case.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// How many accounts offer the same items.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(2..=20))]
    accounts: u8,
    /// How many calls a second each account takes, 10 being what a WooCommerce shop is asked for as a rule.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1000))]
    calls_per_second: u32,
}

/// A case.
#[derive(Clone, Debug, Serialize)]
struct Case {
    figure: &'static str,
    round: Round,
    /// From when a plain write was due until it arrived.
    plain: Times,
    /// How long half of the pairs took, as a multiple of half of the plain writes; nothing when the rate
    /// was not reached.
    p50_ratio: Option<f64>,
    /// The same of all but one in a hundred.
    p99_ratio: Option<f64>,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let plan = Plan {
        accounts: usize::from(args.accounts),
        backlog: BACKLOG,
        hung: None,
        calls_per_second: Some(args.calls_per_second),
    };
    let mut course = Course::start(plan, scratch.path(), &ports).await?;
    let mut cases = Vec::new();
    for baskets in [Baskets::Spread, Baskets::One] {
        for rate in &args.rate {
            let wanted = Wanted {
                baskets,
                rate: *rate,
                seconds: args.seconds,
                watched: plan.accounts - 1,
            };
            let case = case(&mut course, wanted).await?;
            args.common.emit(&case, out)?;
            cases.push(case);
        }
    }
    if !args.common.json {
        show(&cases, out)?;
    }
    let is_right = cases.iter().all(|case| case.round.is_right());
    Ok(if is_right { Exit::Good } else { Exit::Finding })
}

async fn case(course: &mut Course, wanted: Wanted) -> anyhow::Result<Case> {
    let round = course.run(wanted).await?;
    let plain = course.baseline(round.likeness).await?;
    let of_reached = |of: f64, to: f64| ratio(of, to).filter(|_| round.is_reached);
    Ok(Case {
        figure: "propagation",
        p50_ratio: of_reached(round.shown.p50_ms, plain.p50_ms),
        p99_ratio: of_reached(round.shown.p99_ms, plain.p99_ms),
        round,
        plain,
    })
}

fn show(cases: &[Case], out: &mut dyn Write) -> anyhow::Result<()> {
    let own = [
        "ITEMS",
        "ORDERS/S",
        "P50 MS",
        "P99",
        "PLAIN P50",
        "P99",
        "RATIO",
    ];
    let head = [&own[..], &Round::HEADS].concat();
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            let Case { round, plain, .. } = case;
            let mut row = vec![
                round.items.to_owned(),
                round.rate.to_string(),
                round.shown_ms(round.shown.p50_ms),
                round.shown_ms(round.shown.p99_ms),
                format!("{:.1}", plain.p50_ms),
                format!("{:.1}", plain.p99_ms),
                shown(case.p99_ratio, 1),
            ];
            row.extend(round.cells());
            row
        })
        .collect();
    table::print(out, &head, &rows)?;
    for case in cases {
        case.round.tell(out)?;
    }
    Ok(())
}
