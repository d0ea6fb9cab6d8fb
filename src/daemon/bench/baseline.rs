//! `oneshelf bench baseline`: what the intake of hooks is compared with.
//!
//! The HTTP stack of the daemon with a handler that appends each body to a file and answers when it is
//! durable, with the sync that it shares with all that came meanwhile. Nothing is verified, read or
//! decided: no intake that acknowledges only what is durable does less.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    routing::any,
};
use tokio::{net::TcpListener, sync::oneshot};

use super::load;
use crate::exit::Exit;

/// The file is made of zeros to begin with, so that a sync has no new blocks to record, and is written
/// again from its beginning when it is full.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The most bodies that share a sync.
const GROUP_MAX: usize = 256;
/// The longest body.
const BODY_LENGTH_MAX: usize = 1024 * 1024;

/// What a handler does with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Writes {
    /// Appends it and waits for the shared sync.
    Group,
    /// Forgets it.
    Nothing,
}

/// Serves the baseline until it is ended; its address is the first line that it prints.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where bodies go.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// What is done with them.
    #[arg(long, value_enum, default_value = "group")]
    writes: Writes,
}

type Job = (Bytes, oneshot::Sender<()>);

/// A file that bodies are appended to in groups.
#[derive(Clone)]
struct Log {
    jobs: mpsc::Sender<Job>,
}

impl Log {
    fn open(path: &Path) -> anyhow::Result<Log> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true);
        let mut file = options
            .open(path)
            .with_context(|| format!("failed to make {path:?}"))?;
        let zeros = vec![0; 1024 * 1024];
        for _ in 0..FILE_BYTES / zeros.len() as u64 {
            file.write_all(&zeros)?;
        }
        file.sync_all()?;
        let (jobs, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("baseline".to_owned())
            .spawn(move || write_all(&file, &waiting))?;
        Ok(Log { jobs })
    }

    /// Returns when the body is durable.
    async fn append(&self, body: Bytes) -> anyhow::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send((body, answer))?;
        Ok(answered.await?)
    }
}

/// Writes group after group. Whoever waits hears nothing when a write fails, and that is an error there.
fn write_all(file: &File, waiting: &mpsc::Receiver<Job>) {
    let (mut at, mut buffer, mut group) = (0, Vec::new(), Vec::new());
    while let Ok(first) = waiting.recv() {
        buffer.clear();
        group.push(first);
        group.extend(waiting.try_iter().take(GROUP_MAX - 1));
        for (body, _) in &group {
            buffer.extend_from_slice(body);
        }
        if at + buffer.len() as u64 > FILE_BYTES {
            at = 0;
        }
        let done = file
            .write_all_at(&buffer, at)
            .and_then(|()| file.sync_data());
        if let Err(error) = done {
            tracing::error!(%error, "The baseline cannot write.");
            return;
        }
        at += buffer.len() as u64;
        for (_, answer) in group.drain(..) {
            if answer.send(()).is_err() {
                tracing::debug!("Nobody waits for the answer of a write any more.");
            }
        }
    }
}

/// Serves it.
pub(super) async fn run(args: &Args, out: &mut dyn std::io::Write) -> anyhow::Result<Exit> {
    let log = match args.writes {
        Writes::Group => Some(Log::open(&args.file)?),
        Writes::Nothing => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    let router = Router::new().fallback(any(take)).with_state(log);
    let limits = web::Limits::default();
    web::serve(listener, router, limits, std::future::pending()).await;
    Ok(Exit::Good)
}

async fn take(State(log): State<Option<Log>>, body: Body) -> StatusCode {
    let Ok(body) = axum::body::to_bytes(body, BODY_LENGTH_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    match log {
        None => StatusCode::OK,
        Some(log) => match log.append(body).await {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        },
    }
}

/// How many bodies a second become durable without any HTTP, with so many who each wait for theirs.
pub(super) async fn raw_rate(
    file: &Path,
    body: Vec<u8>,
    callers: u32,
    lasts: Duration,
) -> anyhow::Result<f64> {
    let (log, body) = (Log::open(file)?, Bytes::from(body));
    let began = load::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let (log, body) = (log.clone(), body.clone());
        tasks.spawn(async move {
            let mut done = 0_u32;
            while began.elapsed() < lasts {
                log.append(body.clone()).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut all = 0;
    while let Some(done) = tasks.join_next().await {
        all += done??;
    }
    Ok(f64::from(all) / began.elapsed().as_secs_f64())
}
