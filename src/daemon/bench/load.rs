//! The load: connections that send hooks one after the other, each waiting for its answer.
//!
//! It speaks HTTP/1.1 by hand and makes every request from a template, because whoever makes the load
//! shares the processors with what is measured.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// How long a sender waits that was told to come again.
pub(super) const COME_AGAIN: Duration = Duration::from_millis(20);

/// Makes the requests of a load.
pub(super) trait Source: Send + Sync {
    /// Writes the request with a number, whole, into an empty buffer.
    fn write(&self, number: u64, buffer: &mut Vec<u8>);
}

/// How long requests took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Times {
    /// Half of them took at most so long.
    pub(super) p50_ms: f64,
    /// All but one in a hundred did.
    pub(super) p99_ms: f64,
}

/// What came of a load.
#[derive(Debug)]
pub(super) struct Sent {
    /// How many requests were answered with 200.
    pub(super) accepted: u64,
    /// How many were told to come again.
    pub(super) put_off: u64,
    /// From the first to the last answer.
    pub(super) took: Duration,
    /// How long those took that were accepted.
    pub(super) times: Times,
}

/// Sends the requests with the numbers `from..from + count` on so many connections.
pub(super) async fn send(
    address: SocketAddr,
    source: &'static dyn Source,
    (from, count): (u64, u64),
    connections: u32,
) -> anyhow::Result<Sent> {
    let next = Arc::new(AtomicU64::new(from));
    let began = now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let next = Arc::clone(&next);
        tasks.spawn(async move { one(address, source, &next, from + count).await });
    }
    let (mut all, mut put_off) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (times, more) = done.context("a sender failed")??;
        all.extend(times);
        put_off += more;
    }
    let accepted = all.len() as u64;
    Ok(Sent {
        accepted,
        put_off,
        took: began.elapsed(),
        times: times(all),
    })
}

async fn one(
    address: SocketAddr,
    source: &dyn Source,
    next: &AtomicU64,
    end: u64,
) -> anyhow::Result<(Vec<Duration>, u64)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    let (mut times, mut put_off) = (Vec::new(), 0);
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= end {
            return Ok((times, put_off));
        }
        request.clear();
        source.write(number, &mut request);
        loop {
            let began = now();
            stream.write_all(&request).await?;
            match read_status(&mut stream, &mut answer).await? {
                200 => {
                    times.push(began.elapsed());
                    break;
                }
                503 => {
                    put_off += 1;
                    pause(COME_AGAIN).await;
                }
                status => anyhow::bail!("a request was answered with {status}"),
            }
        }
    }
}

/// Asks for something with a token, and reads it as JSON.
pub(super) async fn get(address: SocketAddr, path: &str, token: &str) -> anyhow::Result<Value> {
    let (status, body) = ask(address, path, token).await?;
    anyhow::ensure!(status == 200, "{path} was answered with {status}");
    Ok(serde_json::from_slice(&body)?)
}

/// Sends JSON with a token, and reads the answer as JSON.
pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    token: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let mut stream = TcpStream::connect(address).await?;
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let status = read_status(&mut stream, &mut answer).await?;
    anyhow::ensure!(
        (200..300).contains(&status),
        "{path} was answered with {status}"
    );
    let body = head(&answer).and_then(|head| answer.get(head.body..));
    Ok(serde_json::from_slice(body.unwrap_or_default())?)
}

/// Asks for something with a token, and gives the status and the body of the answer.
pub(super) async fn ask(
    address: SocketAddr,
    path: &str,
    token: &str,
) -> anyhow::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let status = read_status(&mut stream, &mut answer).await?;
    let body = head(&answer).and_then(|head| answer.get(head.body..));
    Ok((status, body.unwrap_or_default().to_vec()))
}

/// Reads an answer to its end, and gives its status.
pub(super) async fn read_status(
    stream: &mut TcpStream,
    answer: &mut Vec<u8>,
) -> anyhow::Result<u16> {
    answer.clear();
    loop {
        if let Some(head) = head(answer)
            && answer.len() >= head.end
        {
            return Ok(head.status);
        }
        let read = stream.read_buf(answer).await?;
        anyhow::ensure!(read > 0, "the server closed the connection");
    }
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where its body begins.
    body: usize,
    /// Where it ends.
    end: usize,
}

/// The head of an answer, once all of it is there.
fn head(answer: &[u8]) -> Option<Head> {
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(answer.get(..body)?).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let end = body + length.unwrap_or(0);
    Some(Head { status, body, end })
}

/// The percentiles of some durations.
pub(super) fn times(mut all: Vec<Duration>) -> Times {
    all.sort_unstable();
    let at = |percent: usize| {
        let last = all.len().saturating_sub(1);
        let found = all.get((all.len() * percent / 100).min(last));
        found.map_or(0.0, |took| round(took.as_secs_f64() * 1000.0))
    };
    Times {
        p50_ms: at(50),
        p99_ms: at(99),
    }
}

/// A figure with as many decimals as anybody reads.
pub(super) fn round(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn to_f64(count: u64) -> f64 {
    count as f64
}

/// The moment.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench measures time that really passes"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Lets time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench measures time that really passes"
)]
pub(super) async fn pause(how_long: Duration) {
    tokio::time::sleep(how_long).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"), None);
        let whole = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno\n";
        let (status, body, end) = (503, whole.len() - 3, whole.len());
        assert_eq!(head(whole), Some(Head { status, body, end }));
        let empty = b"HTTP/1.1 200 OK\r\ndate: x\r\n\r\n";
        let (status, body, end) = (200, empty.len(), empty.len());
        assert_eq!(head(empty), Some(Head { status, body, end }));
    }

    #[test]
    fn percentiles_are_of_all_that_was_measured() {
        let all = (1..=200).map(Duration::from_millis).collect();
        let Times { p50_ms, p99_ms } = times(all);
        assert_eq!((p50_ms, p99_ms), (101.0, 199.0));
        assert_eq!(times(Vec::new()), Times::default());
    }
}
