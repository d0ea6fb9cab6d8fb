//! `oneshelf bench buffers`: how much is really sold twice with which buffer, and what that costs.

use std::io::Write;

use rehearse::market::{Comparison, Figures, PLACES, Policy, Setup, compare, measure};
use serde::Serialize;

use crate::{exit::Exit, table};

/// The most that can be asked for, so that sums stay exact and somebody sees the end.
const ITEMS: std::ops::RangeInclusive<i64> = 1..=2_000;
const HOURS: std::ops::RangeInclusive<i64> = 1..=2_000;
const BASKETS: std::ops::RangeInclusive<i64> = 1..=20_000;

/// Measures true oversell and what it costs to prevent it, buffer by buffer.
///
/// Five shops sell the same items, a few of them hot and most of them slow; they hear of each other
/// after 0.2 to 30 seconds. A seed fixes the buyers, who are the same for every buffer, and the same
/// seed prints the same bytes. The shops and buyers are a model; what is offered, what is measured, and
/// how a buffer tunes itself is the code of the daemon. Exit code 1: the buffer that tunes itself hid
/// no less than a fixed one that oversells no more often.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Decides everything that is left to chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object for each buffer and one with the comparison.
    #[arg(long)]
    json: bool,
    /// How many items; the second is wanted half as often as the first, the third a third.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(ITEMS))]
    items: Option<u32>,
    /// How many hours.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(HOURS))]
    hours: Option<u32>,
    /// How many baskets in an hour, on average.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(BASKETS))]
    baskets_per_hour: Option<u32>,
}

impl Args {
    fn setup(&self) -> Setup {
        let mut setup = Setup::usual(self.seed);
        if let Some(items) = self.items {
            setup.items = usize::try_from(items).unwrap_or(setup.items);
        }
        setup.hours = self.hours.unwrap_or(setup.hours);
        setup.baskets_per_hour = self.baskets_per_hour.unwrap_or(setup.baskets_per_hour);
        setup
    }
}

/// The comparison, as JSON.
#[derive(Serialize)]
struct Compared<'a> {
    seed: u64,
    comparison: &'a Comparison,
}

pub(super) fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<Exit> {
    let setup = args.setup();
    let mut rows = Vec::new();
    for policy in Policy::ALL {
        let figures = measure(&setup, policy);
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&figures)?)?;
            out.flush()?;
        }
        rows.push(figures);
    }
    let comparison = compare(&rows);
    if args.json {
        if let Some(comparison) = &comparison {
            let compared = Compared {
                seed: setup.seed,
                comparison,
            };
            writeln!(out, "{}", serde_json::to_string(&compared)?)?;
        }
    } else {
        show(out, &setup, &rows)?;
        if let Some(comparison) = &comparison {
            writeln!(out, "\n{}", sentence(comparison))?;
        }
    }
    let is_worth_it = comparison.is_none_or(|comparison| comparison.is_worth_it);
    Ok(if is_worth_it {
        Exit::Good
    } else {
        Exit::Finding
    })
}

fn show(out: &mut dyn Write, setup: &Setup, rows: &[Figures]) -> std::io::Result<()> {
    let (items, hours, baskets) = (setup.items, setup.hours, setup.baskets_per_hour);
    writeln!(
        out,
        "{items} items on {} accounts, {hours} hours, {baskets} baskets an hour, seed {}.\n",
        PLACES.len(),
        setup.seed
    )?;
    let heads = [
        "BUFFER",
        "ORDERS",
        "UNITS SOLD",
        "OVERSOLD",
        "PER MILLION",
        "UNIT-HOURS HIDDEN",
        "SALES LOST",
        "MEAN BUFFER",
        "PUSHES",
    ];
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.policy.clone(),
                row.orders.to_string(),
                row.units_sold.to_string(),
                row.units_oversold.to_string(),
                row.oversold_ppm.to_string(),
                row.hidden_unit_hours.to_string(),
                row.lost_to_hiding.to_string(),
                table::milli(row.mean_buffer_milli),
                row.pushes.to_string(),
            ]
        })
        .collect();
    table::print(out, &heads, &rows)
}

fn sentence(compared: &Comparison) -> String {
    let Comparison {
        rival,
        oversells_more,
        auto_hides,
        rival_hides,
        is_worth_it,
    } = compared;
    let than = if *oversells_more {
        format!("a buffer of {rival}, which oversells more often still, hides {rival_hides}")
    } else {
        format!(
            "the smallest fixed buffer that oversells no more often, {rival}, hides {rival_hides}"
        )
    };
    let verdict = if *is_worth_it {
        ""
    } else {
        " That is not what it is for."
    };
    format!("The buffer that tunes itself hides {auto_hides} unit-hours; {than}.{verdict}")
}
