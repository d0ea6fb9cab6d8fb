//! What a rehearsal prints for people.

use std::io::Write;

use engine::account::Mode;
use rehearse::{figures::Figures, own::Own};
use sandbox::judge::Reason;

use super::{Args, Broken, Sums};
use crate::table;

/// How many sentences of a broken seed are told.
const SENTENCES: usize = 5;

/// What is not quite as configured, in sentences.
pub(super) fn notes(own: &Own) -> Vec<String> {
    let mut notes = Vec::new();
    for account in own.accounts() {
        let (id, channel) = (&account.id, account.channel);
        if account.mode == Mode::Off {
            notes.push(format!("{id} is off, and is left out."));
        } else if !account.has_twin {
            notes.push(format!(
                "{id} is left out: there is no twin of {channel} to rehearse it with."
            ));
        } else if account.mode == Mode::Observe {
            notes.push(format!(
                "{id} is only observed; it is rehearsed as if it were armed."
            ));
        }
    }
    let assortment = own.assortment();
    let names = |skus: &[domain::Sku]| {
        let names: Vec<&str> = skus.iter().map(domain::Sku::as_str).collect();
        names.join(", ")
    };
    if !assortment.made_up.is_empty() {
        notes.push(format!(
            "Few goods are configured, so some are made up: {}.",
            names(&assortment.made_up)
        ));
    }
    if !assortment.left_out.is_empty() {
        notes.push(format!(
            "Not rehearsed, because the sandbox shops sell whole pieces: {}.",
            names(&assortment.left_out)
        ));
    }
    if let Some(opening) = own.opening() {
        notes.push(format!(
            "The opening stock is what {opening} shows; most goods run out while buyers come."
        ));
    }
    for id in own.unserved() {
        notes.push(format!(
            "{id} sells nothing from where the opening stock lies, so it shows 0 throughout."
        ));
    }
    notes
}

/// What is going to be done.
pub(super) fn greet(
    out: &mut dyn Write,
    args: &Args,
    own: &Own,
    notes: &[String],
) -> std::io::Result<()> {
    let all = own.accounts().iter();
    let accounts = all.filter(|account| account.takes_part()).count();
    writeln!(
        out,
        "Rehearsing {accounts} accounts: seeds {} to {}, {} weather, {} orders an hour for {} minutes.",
        args.from,
        args.from.saturating_add(args.seeds) - 1,
        args.weather.word(),
        args.orders_per_hour,
        args.busy_for.as_secs() / 60
    )?;
    for note in notes {
        writeln!(out, "{note}")?;
    }
    writeln!(out)?;
    out.flush()
}

/// What came of it.
pub(super) fn show(
    out: &mut dyn Write,
    own: &Own,
    sums: &[Sums],
    broken: &[Broken],
) -> std::io::Result<()> {
    let Some(configured) = sums.first() else {
        return Ok(());
    };
    show_accounts(out, own, configured)?;
    let total = &configured.total;
    writeln!(
        out,
        "\nExpected: {} units sold twice in 1000 orders ({} to {} from seed to seed; {} orders in all).",
        table::milli(configured.oversold_per_1000_orders_milli),
        table::milli(configured.least_milli),
        table::milli(configured.most_milli),
        total.orders
    )?;
    if sums.len() > 1 {
        writeln!(out)?;
        show_comparison(out, sums)?;
    }
    show_broken(out, configured, broken)
}

fn show_accounts(out: &mut dyn Write, own: &Own, sums: &Sums) -> std::io::Result<()> {
    let heads = [
        "ACCOUNT",
        "CHANNEL",
        "NEWS BY",
        "ORDERS",
        "LAG P50",
        "LAG P99",
        "SOLD TWICE",
        "AT RISK, UNIT-S",
        "HIDDEN, UNIT-H",
        "SUPPRESSED",
    ];
    let mut rows = Vec::new();
    for account in own.accounts() {
        let Some(figures) = sums.accounts.get(&account.id) else {
            continue;
        };
        let news = if account.has_hooks { "hooks" } else { "polls" };
        rows.push(vec![
            account.id.to_string(),
            account.channel.to_owned(),
            news.to_owned(),
            figures.orders.to_string(),
            seconds(figures.lag_p50_ms),
            seconds(figures.lag_p99_ms),
            figures.units_oversold().to_string(),
            figures.risk_unit_seconds.to_string(),
            table::milli(figures.hidden_unit_seconds.saturating_mul(1000) / 3600),
            figures.suppressed.values().sum::<u64>().to_string(),
        ]);
    }
    table::print(out, &heads, &rows)?;
    let mut lines = Vec::new();
    for (id, figures) in &sums.accounts {
        lines.extend(reasons(figures).map(|why| format!("{id}: {why}")));
    }
    if !lines.is_empty() {
        writeln!(out)?;
    }
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Why units were sold twice, why listings were told nothing, and what the breaker did.
fn reasons(figures: &Figures) -> impl Iterator<Item = String> {
    let units = figures.oversold.iter().map(|(why, units)| {
        let why = match why {
            Reason::PushLag => "before our news of another sale had arrived",
            Reason::EditedByStaff => "after somebody there had changed the level",
            Reason::PaidLate => "to somebody who paid after the deadline",
            Reason::NotCounted => "before the opening stock was counted",
            Reason::Restocked => "after the shop had put canceled units back itself",
            Reason::ShortBefore => "after a kit had been short of a part",
            Reason::TakenOff => {
                "after units had been found missing or broken, or had been sent away"
            }
            Reason::Elsewhere => "after units had been handed over at a place where none lay",
            Reason::OneBasket => "in one basket, by itself and within a kit",
            Reason::Unexplained => "although our level there accounted for every sale before",
        };
        format!("{units} units were sold twice {why}.")
    });
    let suppressed = figures.suppressed.iter();
    let suppressed =
        suppressed.map(|(why, count)| format!("{count} listings were told nothing: {why}."));
    let trips = figures.breaker_trips;
    let trips = (trips > 0).then(|| format!("the breaker tripped {trips} times."));
    units.chain(suppressed).chain(trips)
}

fn show_comparison(out: &mut dyn Write, sums: &[Sums]) -> std::io::Result<()> {
    let heads = [
        "BUFFERS",
        "SOLD TWICE IN 1000 ORDERS",
        "FEWEST",
        "MOST",
        "HIDDEN, UNIT-H",
        "ORDERS",
    ];
    let rows: Vec<Vec<String>> = sums
        .iter()
        .map(|sums| {
            vec![
                sums.buffers.to_owned(),
                table::milli(sums.oversold_per_1000_orders_milli),
                table::milli(sums.least_milli),
                table::milli(sums.most_milli),
                table::milli(sums.total.hidden_unit_seconds.saturating_mul(1000) / 3600),
                sums.total.orders.to_string(),
            ]
        })
        .collect();
    table::print(out, &heads, &rows)
}

fn show_broken(out: &mut dyn Write, sums: &Sums, broken: &[Broken]) -> std::io::Result<()> {
    if broken.is_empty() {
        return writeln!(out, "\nEvery promise was kept in all {} seeds.", sums.seeds);
    }
    for one in broken {
        writeln!(
            out,
            "\nSeed {} broke a promise (buffers: {}):",
            one.seed, one.buffers
        )?;
        for sentence in one.violations.iter().take(SENTENCES) {
            writeln!(out, "  {sentence}")?;
        }
        writeln!(out, "To play it again: {}", one.replay)?;
    }
    Ok(())
}

fn seconds(ms: Option<u64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{} s", table::milli(ms)))
}
