//! `oneshelf bench isolation`: what all other accounts feel of one that hangs in every call.

use std::io::Write;

use engine::ports::system;
use serde::Serialize;

use super::{
    common::{Common, ratio},
    hooks::Baskets,
    rig::{HANGS, Plan},
    rounds::{BACKLOG, Course, Round, Wanted},
};
use crate::{exit::Exit, table};

/// Measures how long orders take to all other accounts while one hangs in every call.
///
/// The same orders as in `bench propagation` at one rate, first with all accounts well, then with the last
/// of them answering every call 30 seconds later than usual. Both times the same other accounts are looked
/// at. How much memory the daemon has before and after each says whether what waits for that account grows
/// with the orders; an hour of it is `--seconds 3600`. Exit code 1: a level of theirs was wrong when all was quiet.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Orders a second.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// For how many seconds orders come in each case.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=7200))]
    seconds: u32,
    /// How many accounts offer the same items.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(3..=20))]
    accounts: u8,
}

/// A case.
#[derive(Clone, Debug, Serialize)]
struct Case {
    figure: &'static str,
    /// How the last account is: `well` or `hung`.
    last_account: &'static str,
    /// How many requests arrived there.
    last_account_requests: u64,
    /// Memory of the daemon before the first of these orders.
    resident_before_mb: u64,
    /// The same when all was quiet after the last.
    resident_after_mb: u64,
    /// What the others felt.
    round: Round,
}

/// What the two cases say together.
#[derive(Clone, Copy, Debug, Serialize)]
struct Comparison {
    /// How much longer each call to the account took that hung.
    hung_ms: u128,
    /// How long half of the pairs of the others took while one hung, as a multiple of when all were well;
    /// nothing when a rate was not reached.
    p50_ratio: Option<f64>,
    /// The same of all but one in a hundred.
    p99_ratio: Option<f64>,
}

#[derive(Serialize)]
struct Compared {
    figure: &'static str,
    comparison: Comparison,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let accounts = usize::from(args.accounts);
    let plan = Plan {
        accounts,
        backlog: BACKLOG,
        hung: Some(accounts - 1),
        calls_per_second: None,
    };
    let mut course = Course::start(plan, scratch.path(), &ports).await?;
    let wanted = Wanted {
        baskets: Baskets::Spread,
        rate: args.rate,
        seconds: args.seconds,
        watched: accounts - 2,
    };
    let mut cases = Vec::new();
    for last_account in ["well", "hung"] {
        if last_account == "hung" {
            course.hang_last();
        }
        course.asked_of_last();
        let resident_before_mb = course.resident_mb()?;
        let round = course.run(wanted).await?;
        let case = Case {
            figure: "isolation",
            last_account,
            last_account_requests: course.asked_of_last(),
            resident_before_mb,
            resident_after_mb: course.resident_mb()?,
            round,
        };
        args.common.emit(&case, out)?;
        cases.push(case);
    }
    let comparison = compare(&cases);
    let figure = "isolation";
    args.common.emit(&Compared { figure, comparison }, out)?;
    if !args.common.json {
        show(&cases, comparison, out)?;
    }
    let is_right = cases.iter().all(|case| case.round.is_right());
    Ok(if is_right { Exit::Good } else { Exit::Finding })
}

fn compare(cases: &[Case]) -> Comparison {
    let hung_ms = HANGS.as_millis();
    let [well, hung] = cases else {
        return Comparison {
            hung_ms,
            p50_ratio: None,
            p99_ratio: None,
        };
    };
    let (well, hung) = (&well.round, &hung.round);
    let are_reached = well.is_reached && hung.is_reached;
    let of_reached = |of: f64, to: f64| ratio(of, to).filter(|_| are_reached);
    Comparison {
        hung_ms,
        p50_ratio: of_reached(hung.shown.p50_ms, well.shown.p50_ms),
        p99_ratio: of_reached(hung.shown.p99_ms, well.shown.p99_ms),
    }
}

fn show(cases: &[Case], comparison: Comparison, out: &mut dyn Write) -> anyhow::Result<()> {
    let own = [
        "LAST ACCOUNT",
        "ITS REQUESTS",
        "RSS MB",
        "AFTER",
        "ORDERS/S",
        "P50 MS",
        "P99",
    ];
    let head = [&own[..], &Round::HEADS].concat();
    let rows: Vec<Vec<String>> = cases
        .iter()
        .map(|case| {
            let round = &case.round;
            let mut row = vec![
                case.last_account.to_owned(),
                case.last_account_requests.to_string(),
                case.resident_before_mb.to_string(),
                case.resident_after_mb.to_string(),
                round.rate.to_string(),
                round.shown_ms(round.shown.p50_ms),
                round.shown_ms(round.shown.p99_ms),
            ];
            row.extend(round.cells());
            row
        })
        .collect();
    table::print(out, &head, &rows)?;
    for case in cases {
        case.round.tell(out)?;
    }
    if let (Some(p50), Some(p99)) = (comparison.p50_ratio, comparison.p99_ratio) {
        writeln!(
            out,
            "\nWhile one account hung, p50 of the others was {p50:.2} times and p99 {p99:.2} times what it was when \
             all were well."
        )?;
    }
    Ok(())
}
