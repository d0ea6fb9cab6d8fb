//! `oneshelf partner`: a fulfillment partner that works by files.
//!
//! Its manifest says at which location it works, and in which folders files are exchanged. What it is to do is
//! written out, a file a task; what it has done is read in, and asked of the daemon as anybody else would ask. So
//! the daemon refuses what it always refuses, and every step has a key that is made of the file: read twice, it is
//! done once. Start reading at [`exchange`].

mod incoming;
mod manifest;
mod notice;
mod outgoing;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::{
    client::{Client, Connect},
    out::{Out, count},
};
use crate::exit::Exit;
use manifest::Manifest;

/// Exchanges files with a fulfillment partner
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub(super) connect: Connect,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Reads in what partners have done, and writes out what they are to do; best run by a timer.
    Exchange {
        /// The manifests of the partners.
        #[arg(required = true, value_name = "MANIFEST")]
        manifests: Vec<PathBuf>,
    },
}

/// What became of one exchange.
#[derive(Debug, Default)]
struct Exchanged {
    /// Files that were read in and taken.
    taken: usize,
    /// Files that were put aside, each with the reason.
    failed: Vec<String>,
    /// Tasks that were written out.
    written: usize,
    /// Tasks that were taken back.
    withdrawn: usize,
    /// Orders of which no task could be opened, each with the reason.
    refused: Vec<String>,
}

pub(super) async fn run(args: &Args, client: &Client, out: &mut Out<'_>) -> anyhow::Result<Exit> {
    let What::Exchange { manifests } = &args.what;
    let mut exit = Exit::Good;
    for path in manifests {
        let manifest = Manifest::read(path)?;
        let done = exchange(&manifest, client).await;
        let done =
            done.with_context(|| format!("the exchange with {} broke off", manifest.name))?;
        tell(&manifest, &done, out)?;
        if !done.failed.is_empty() || !done.refused.is_empty() {
            exit = Exit::Finding;
        }
    }
    Ok(exit)
}

/// What was done comes before what is to be done, so that a task that is over is not written out again.
async fn exchange(manifest: &Manifest, client: &Client) -> anyhow::Result<Exchanged> {
    let mut done = Exchanged::default();
    incoming::read_in(manifest, client, &mut done).await?;
    outgoing::write_out(manifest, client, &mut done).await?;
    Ok(done)
}

fn tell(manifest: &Manifest, done: &Exchanged, out: &mut Out<'_>) -> anyhow::Result<()> {
    if out.is_json() {
        return out.objects([&json!({
            "partner": manifest.name,
            "files_taken": done.taken,
            "files_failed": done.failed,
            "tasks_written": done.written,
            "tasks_withdrawn": done.withdrawn,
            "orders_refused": done.refused,
        })]);
    }
    let of = |number: usize, thing: &str| count(&number.to_string(), thing);
    out.line(&format!(
        "{}: {} read in, {} written out, {} taken back.",
        manifest.name,
        of(done.taken, "file"),
        of(done.written, "task"),
        of(done.withdrawn, "task"),
    ))?;
    for reason in done.failed.iter().chain(&done.refused) {
        out.line(&format!("- {reason}"))?;
    }
    Ok(())
}

/// Writes a file so that whoever reads along sees all of it or nothing.
fn set_down(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.join(format!(".{name}.part"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
pub(super) fn example(path: &Path) -> anyhow::Result<String> {
    Ok(format!("{:?}", Manifest::read(path)?))
}
