//! What the demo shows on a terminal.

use std::{
    io::{IsTerminal, Write},
    sync::atomic::Ordering,
    time::Duration,
};

use domain::Time;

use super::{
    Demo,
    summary::{self, Summary},
};

/// How often the numbers are shown again.
const EVERY: Duration = Duration::from_secs(1);

/// The first words: what runs, and where to look.
pub(super) fn greet(demo: &Demo) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "Oneshelf demo: one order book and one stock ledger for {} shops.",
        demo.shops.len()
    )?;
    writeln!(out)?;
    for shop in &demo.shops {
        writeln!(
            out,
            "  {:<10} {:<12} http://{}",
            shop.account, shop.channel, shop.address
        )?;
    }
    let (url, token) = (&demo.admin_url, &demo.token);
    writeln!(out)?;
    writeln!(out, "Dashboard   {}", demo.sign_in)?;
    writeln!(
        out,
        "            (good once: choose a password there; then sign in as demo)"
    )?;
    writeln!(
        out,
        "Admin API   {url}/api/v1/metrics/summary, described at {url}/api/v1/openapi.json"
    )?;
    writeln!(out, "Token       {token}")?;
    writeln!(
        out,
        "Try         curl -H 'Authorization: Bearer {token}' {url}/api/v1/orders"
    )?;
    writeln!(
        out,
        "            oneshelf stock explain TRAY-OAK --url {url} --token {token}"
    )?;
    writeln!(out, "Stop it with Ctrl-C.")?;
    writeln!(out)
}

/// The numbers while it runs: one line that is written over on a terminal, else one every ten seconds.
pub(super) struct Screen {
    is_silent: bool,
    is_terminal: bool,
    next_at: Time,
}

impl Screen {
    pub(super) fn new(is_silent: bool) -> Screen {
        Screen {
            is_silent,
            is_terminal: std::io::stdout().is_terminal(),
            next_at: Time::EPOCH,
        }
    }

    pub(super) async fn refresh(&mut self, demo: &Demo, now: Time) -> anyhow::Result<()> {
        if self.is_silent || now < self.next_at {
            return Ok(());
        }
        self.next_at = now.plus(if self.is_terminal { EVERY } else { EVERY * 10 });
        let phases = summary::by_phase(demo.engine.store.as_ref()).await?;
        let placed: usize = demo
            .shops
            .iter()
            .map(|shop| shop.truth().orders.len())
            .sum();
        let meters = &demo.engine.meters;
        let phases: Vec<String> = phases
            .iter()
            .map(|(phase, count)| format!("{phase} {count}"))
            .collect();
        let delays = meters.propagation_ms();
        let line = format!(
            "{:>4} s  orders {}/{placed} ({})  pushes {}  delay {} ms (p99 {} ms)",
            now.since(demo.started_at).as_secs(),
            meters.orders_accepted.load(Ordering::Relaxed),
            phases.join(", "),
            meters.pushes.load(Ordering::Relaxed),
            delays.p50,
            delays.p99,
        );
        let mut out = std::io::stdout().lock();
        if self.is_terminal {
            write!(out, "\r\u{1b}[2K{line}")?;
        } else {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        Ok(())
    }
}

/// The judgment, for a person.
pub(super) fn show_summary(out: &mut impl Write, summary: &Summary) -> std::io::Result<()> {
    writeln!(out, "\n")?;
    writeln!(
        out,
        "Orders placed in the shops   {:>6}",
        summary.orders_placed
    )?;
    writeln!(out, "Orders in the book           {:>6}", summary.orders_in)?;
    for (phase, count) in &summary.orders_by_phase {
        writeln!(out, "  {phase:<26} {count:>6}")?;
    }
    writeln!(out, "Levels pushed                {:>6}", summary.pushes)?;
    writeln!(out, "  overwritten before sending {:>6}", summary.coalesced)?;
    let delays = summary.propagation_ms;
    writeln!(
        out,
        "  delay p50, p99 in ms       {:>6} {:>6}",
        delays.p50, delays.p99
    )?;
    writeln!(
        out,
        "Repetitions dropped          {:>6}",
        summary.duplicates_dropped
    )?;
    writeln!(
        out,
        "Parcels told to channels     {:>6}",
        summary.shipments_told
    )?;
    writeln!(
        out,
        "Comparisons of all levels    {:>6}",
        summary.reconciles
    )?;
    writeln!(
        out,
        "  drift found, still open    {:>6} {:>6}",
        summary.drifts_found, summary.drift_open
    )?;
    writeln!(
        out,
        "  levels wrong at the end    {:>6}",
        summary.levels_wrong
    )?;
    writeln!(out, "Waiting for a person         {:>6}", summary.parked)?;
    writeln!(
        out,
        "Sold beyond stock            {:>6}",
        summary.oversold.len()
    )?;
    for sale in &summary.oversold {
        let lag = sale
            .lag_ms
            .map_or("never".to_owned(), |lag| format!("after {lag} ms"));
        writeln!(
            out,
            "  {} of {} on {}: {:?}, its channel was told {lag}",
            sale.units, sale.sku, sale.account, sale.reason
        )?;
    }
    let verdict = if summary.is_good() {
        "all is as promised"
    } else {
        "NOT as promised"
    };
    writeln!(out, "\n{}: {verdict}.", summary.exit_reason)
}
