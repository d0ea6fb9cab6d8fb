//! Whether the list of orders stays live while much changes: many open orders, many changes a second, and somebody
//! who looks at it as a browser does.
//!
//! Orders are put on hold at a steady rate through the API. Whoever looks has the stream of events open, and reads
//! the page again when it says that something changed, as the script of the dashboard does. A change is behind from
//! its answer until the last byte of the first page that was asked for after it.

use std::{cell::RefCell, io::Write, time::Duration, time::Instant};

use anyhow::Context as _;
use engine::ports::system;
use serde::Serialize;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{
    super::{
        common::Common,
        load::{now, pause, round, times, to_f64},
    },
    Bench, OPEN_WITHIN,
    pages::Visitor,
};
use crate::{exit::Exit, table};

/// The list that somebody looks at.
const PAGE: &str = "/orders";
/// How long the script waits after an event before it reads the page.
const SOON: Duration = Duration::from_millis(150);
/// How often it is looked whether all is seen.
const LOOK_UP: Duration = Duration::from_millis(100);
/// On so many connections orders are changed: each waits for the disk.
const HANDS: u32 = 8;
/// How many orders a page of the API has.
const API_PAGE: usize = 200;

/// How many open orders, and how many changes.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many orders are open.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(500..=1_000_000))]
    open: u64,
    /// How many of them change in a second.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// For how long.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=3600))]
    seconds: u32,
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
struct Board {
    figure: &'static str,
    open: u64,
    asked_per_second: u32,
    changes: usize,
    changes_per_second: f64,
    events: usize,
    reads: usize,
    page_p50_ms: f64,
    page_p99_ms: f64,
    page_bytes: usize,
    behind_p50_ms: f64,
    behind_p99_ms: f64,
    change_p99_ms: f64,
    cpu_percent: f64,
}

/// Measures, and prints.
pub(in super::super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let stored = super::Args {
        common: args.common.clone(),
        orders: vec![args.open],
        hooks: 100,
    };
    let mut bench = Bench::start(&stored, scratch.path().to_owned(), &[], &ports).await?;
    bench.filler.keep_open();
    bench.fill(args.open).await?;
    bench.rig.resume(OPEN_WITHIN).await?;
    bench.settle().await?;
    let board = measure(args, &bench).await?;
    args.common.emit(&board, out)?;
    if !args.common.json {
        let head = [
            "OPEN",
            "CHANGES/S",
            "EVENTS",
            "READS",
            "PAGE P50 MS",
            "P99 MS",
            "BYTES",
            "BEHIND P50 MS",
            "P99 MS",
            "CPU %",
        ];
        let row = vec![
            board.open.to_string(),
            format!("{:.1}", board.changes_per_second),
            board.events.to_string(),
            board.reads.to_string(),
            format!("{:.1}", board.page_p50_ms),
            format!("{:.1}", board.page_p99_ms),
            board.page_bytes.to_string(),
            format!("{:.0}", board.behind_p50_ms),
            format!("{:.0}", board.behind_p99_ms),
            format!("{:.0}", board.cpu_percent),
        ];
        table::print(out, &head, &[row])?;
    }
    Ok(Exit::Good)
}

async fn measure(args: &Args, bench: &Bench<'_>) -> anyhow::Result<Board> {
    let visitor = Visitor::sign_in(bench).await?;
    let changes = args.rate * args.seconds;
    let orders = newest(bench, usize::try_from(changes)?).await?;
    visitor.get(PAGE).await?;
    let seen = Seen::default();
    let before = bench.rig.process.used()?;
    let began = now();
    let at = began..began + Duration::from_secs(1) / args.rate;
    let hand = |hand| hold(bench, (&orders, hand), &at, &seen);
    let work = async {
        tokio::try_join!(
            hand(0),
            hand(1),
            hand(2),
            hand(3),
            hand(4),
            hand(5),
            hand(6),
            hand(7)
        )?;
        seen.is_over.replace(true);
        Ok(began.elapsed())
    };
    let (took, ()) = tokio::try_join!(work, look(&visitor, &seen))?;
    let after = bench.rig.process.used()?;
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    let pages = seen.pages.take();
    let (reads, page) = (pages.len(), times(pages));
    let behind = times(seen.behind.take());
    Ok(Board {
        figure: "board",
        open: args.open,
        asked_per_second: args.rate,
        changes: orders.len(),
        changes_per_second: round(to_f64(u64::try_from(orders.len())?) / took.as_secs_f64()),
        events: seen.events.take(),
        reads,
        page_p50_ms: page.p50_ms,
        page_p99_ms: page.p99_ms,
        page_bytes: seen.bytes.take(),
        behind_p50_ms: behind.p50_ms,
        behind_p99_ms: behind.p99_ms,
        change_p99_ms: times(seen.changes.take()).p99_ms,
        cpu_percent: round(cpu * 100.0 / began.elapsed().as_secs_f64()),
    })
}

/// What was done, and what somebody saw of it.
#[derive(Default)]
struct Seen {
    /// When changes were answered that no page shows yet.
    waiting: RefCell<Vec<Instant>>,
    changes: RefCell<Vec<Duration>>,
    behind: RefCell<Vec<Duration>>,
    pages: RefCell<Vec<Duration>>,
    bytes: RefCell<usize>,
    events: RefCell<usize>,
    is_over: RefCell<bool>,
}

/// The newest orders that are ready, so many.
async fn newest(bench: &Bench<'_>, wanted: usize) -> anyhow::Result<Vec<String>> {
    let (mut orders, mut cursor) = (Vec::new(), String::new());
    while orders.len() < wanted {
        let limit = API_PAGE.min(wanted - orders.len());
        let path = format!("/api/v1/orders?phase=ready&newest_first=true&limit={limit}{cursor}");
        let page = bench.rig.ask(&path).await?;
        let items = page["items"].as_array().context("a list")?;
        let ids = items.iter().filter_map(|order| order["id"].as_str());
        orders.extend(ids.map(str::to_owned));
        let next = page["next"].as_str().context("there are so many orders")?;
        cursor = format!("&cursor={next}");
    }
    Ok(orders)
}

/// Puts every so many-th order on hold when it is its time.
async fn hold(
    bench: &Bench<'_>,
    (orders, hand): (&[String], u32),
    at: &std::ops::Range<Instant>,
    seen: &Seen,
) -> anyhow::Result<()> {
    let every = at.end - at.start;
    for (number, order) in (0_u32..)
        .zip(orders)
        .filter(|(number, _)| number % HANDS == hand)
    {
        pause((at.start + every * number).saturating_duration_since(now())).await;
        let began = now();
        let body = json!({ "reason": "a bench asks for it" });
        let path = format!("/api/v1/orders/{order}/holds");
        bench.rig.tell(&path, &body).await?;
        seen.changes.borrow_mut().push(began.elapsed());
        seen.waiting.borrow_mut().push(now());
    }
    Ok(())
}

/// Reads the page whenever an event says so, until it shows the last change.
async fn look(visitor: &Visitor, seen: &Seen) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(visitor.address).await?;
    let request = format!(
        "GET /events HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\naccept: text/event-stream\r\n\r\n",
        visitor.address, visitor.cookie
    );
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if *seen.is_over.borrow() && seen.waiting.borrow().is_empty() {
            return Ok(());
        }
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read?,
            () = pause(LOOK_UP) => continue,
        };
        anyhow::ensure!(read > 0, "the stream of events ended");
        let text = String::from_utf8_lossy(buffer.get(..read).unwrap_or_default());
        let events = text.matches("event: changed").count();
        if events == 0 {
            continue;
        }
        *seen.events.borrow_mut() += events;
        pause(SOON).await;
        let shown = seen.waiting.take();
        let began = now();
        seen.bytes.replace(visitor.get(PAGE).await?);
        seen.pages.borrow_mut().push(began.elapsed());
        let behind = shown.iter().map(Instant::elapsed);
        seen.behind.borrow_mut().extend(behind);
    }
}
