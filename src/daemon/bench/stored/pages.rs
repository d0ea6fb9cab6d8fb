//! How long the daemon takes for each page of the dashboard from a store with many orders, and how much it sends.
//!
//! Somebody signs in and asks for one page after the other, each a few times; a time is from the request to the
//! last byte of the answer, on loopback. The first look at each page is not measured: it may read from the disk.

use std::{io::Write, net::SocketAddr};

use anyhow::Context as _;
use engine::ports::system;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{
    super::{
        common::Common,
        load::{now, read_status, times},
    },
    Bench, OPEN_WITHIN,
    filling::FIRST,
};
use crate::{exit::Exit, table};

/// The form that sets a password and signs in.
const FORM: &str = "password=a+bench+asks+for+pages&again=a+bench+asks+for+pages";

/// How many orders are stored, and how often each page is asked for.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    #[command(flatten)]
    common: Common,
    /// How many orders are stored, of which two in a hundred are open.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(500..=10_000_000))]
    orders: u64,
    /// How often each page is asked for.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(5..=10_000))]
    rounds: u32,
}

/// What a page takes.
#[derive(Clone, Debug, Serialize)]
struct Page {
    figure: &'static str,
    page: String,
    orders: u64,
    rounds: u32,
    p50_ms: f64,
    p99_ms: f64,
    /// Its answer, with its head.
    bytes: usize,
}

/// Measures, and prints.
pub(in super::super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let ports = system::ports();
    let scratch = args.common.scratch(&ports)?;
    let stored = super::Args {
        common: args.common.clone(),
        orders: vec![args.orders],
        hooks: 100,
    };
    let mut bench = Bench::start(&stored, scratch.path().to_owned(), &[], &ports).await?;
    bench.fill(args.orders).await?;
    bench.rig.resume(OPEN_WITHIN).await?;
    bench.settle().await?;
    let pages = measure(args, &bench).await?;
    if !args.common.json {
        let row = |page: &Page| {
            vec![
                page.page.clone(),
                format!("{:.1}", page.p50_ms),
                format!("{:.1}", page.p99_ms),
                page.bytes.to_string(),
            ]
        };
        let rows: Vec<Vec<String>> = pages.iter().map(row).collect();
        writeln!(
            out,
            "With {} orders stored, each page {} times:\n",
            args.orders, args.rounds
        )?;
        table::print(out, &["PAGE", "P50 MS", "P99 MS", "BYTES"], &rows)?;
    }
    for page in &pages {
        args.common.emit(page, out)?;
    }
    Ok(Exit::Good)
}

async fn measure(args: &Args, bench: &Bench<'_>) -> anyhow::Result<Vec<Page>> {
    let visitor = Visitor::sign_in(bench).await?;
    let order = bench
        .rig
        .ask("/api/v1/orders?limit=1&newest_first=true")
        .await?;
    let order = order["items"][0]["id"]
        .as_str()
        .context("there is an order")?;
    let mut pages = Vec::new();
    for path in [
        "/",
        "/orders",
        "/orders?phase=ready",
        "/orders?account=archive&sort=oldest",
        "/orders?q=nobody-has-this",
        &format!("/orders?q={}", FIRST + 1),
        &format!("/orders?q={}", FIRST / 1000),
        "/orders?q=ITEM-001",
        "/orders?q=ITEM-001&phase=canceled",
        "/orders?q=nobody@example.com",
        "/orders?account=archive&phase=ready",
        "/orders?account=shop-0&phase=closed",
        "/orders?phase=canceled&account=archive",
        "/orders?tag=nobody-has-this",
        "/orders?late=ship",
        &format!("/orders/{order}"),
        "/packing",
        "/stock",
        "/stock/ITEM-001",
        "/channels",
        "/channels/shop-0",
        "/incidents",
        "/stuck",
        "/insight?days=90",
        "/users",
    ] {
        let mut all = Vec::new();
        let mut bytes = 0;
        for round in 0..=args.rounds {
            let began = now();
            bytes = visitor.get(path).await?;
            if round > 0 {
                all.push(began.elapsed());
            }
        }
        let times = times(all);
        pages.push(Page {
            figure: "page",
            page: path.replace(order, "…"),
            orders: args.orders,
            rounds: args.rounds,
            p50_ms: times.p50_ms,
            p99_ms: times.p99_ms,
            bytes,
        });
    }
    Ok(pages)
}

/// Somebody who is signed in.
pub(super) struct Visitor {
    pub(super) address: SocketAddr,
    pub(super) cookie: String,
}

impl Visitor {
    pub(super) async fn sign_in(bench: &Bench<'_>) -> anyhow::Result<Visitor> {
        let rig = &bench.rig;
        let name = "bench";
        rig.tell("/api/v1/users", &json!({ "name": name, "role": "admin" }))
            .await?;
        let link: Value = rig
            .tell(&format!("/api/v1/users/{name}/link"), &json!({}))
            .await?;
        let link = link["path"].as_str().context("a link")?;
        let address = rig.admin();
        let request = format!(
            "POST {link} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{FORM}",
            FORM.len()
        );
        let (status, answer) = send(address, &request).await?;
        anyhow::ensure!(status == 303, "signing in was answered with {status}");
        let answer = String::from_utf8_lossy(&answer);
        let cookie = answer.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_cookie = name.eq_ignore_ascii_case("set-cookie");
            is_cookie.then(|| value.split(';').next())?
        });
        Ok(Visitor {
            address,
            cookie: cookie.context("a session")?.to_owned(),
        })
    }

    /// Asks for a page, and says how much came.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<usize> {
        let Visitor { address, cookie } = self;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\naccept: text/html\r\n\
             connection: close\r\n\r\n"
        );
        let (status, answer) = send(*address, &request).await?;
        anyhow::ensure!(
            matches!(status, 200 | 303),
            "{path} was answered with {status}"
        );
        Ok(answer.len())
    }
}

async fn send(address: SocketAddr, request: &str) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let status = read_status(&mut stream, &mut answer).await?;
    Ok((status, answer))
}
