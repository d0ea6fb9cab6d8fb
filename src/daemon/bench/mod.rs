//! `oneshelf bench`: figures about this very binary, each by one command that gives them again.
//!
//! `buffers` computes, `reconcile` runs the engine in this process, and `dead` the simulator; the others start the real daemon on a
//! store of its own in a temporary folder, with sandbox shops. None touches a configuration, or a network but
//! loopback. With `--json` each figure is an object on a line of its own. Start reading at [`run`].

mod all;
mod arrivals;
mod backfill;
mod baseline;
mod buffers;
mod common;
mod dead;
mod hooks;
mod intake;
mod isolation;
mod load;
mod open;
mod plain;
mod postgres;
mod process;
mod propagation;
mod reconcile;
mod rig;
mod rounds;
mod still;
mod stored;

use std::io::Write;

use clap::Subcommand;

use self::stored::Figure;
use crate::exit::Exit;

/// Measures what this program does.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    All(all::Args),
    Buffers(buffers::Args),
    Intake(intake::Args),
    Propagation(propagation::Args),
    Isolation(isolation::Args),
    Dead(dead::Args),
    /// Measures all that a store costs when many orders are in it: restart, rebuild, memory, growth.
    Stored(stored::Args),
    /// Measures how long the daemon takes to become ready after `kill -9`, from cold files.
    Restart(stored::Args),
    /// Measures the same when the rows are gone and are made anew from the last export and the journal.
    Rebuild(stored::Args),
    /// Measures memory and disk with many orders stored.
    Memory(stored::Args),
    /// Measures how fast new orders are taken with many orders stored.
    Growth(stored::Args),
    /// Measures how long each page of the dashboard takes, and how much it sends, with many orders stored.
    Pages(stored::pages::Args),
    /// Measures whether the list of orders stays live with many open orders and many changes a second.
    Board(stored::board::Args),
    Backfill(backfill::Args),
    Reconcile(reconcile::Args),
    #[command(hide = true)]
    Baseline(baseline::Args),
}

/// Measures, and prints. Whoever closed the pipe has read enough.
pub async fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout();
    let told = measure(args, &mut out).await;
    let is_closed = |error: &anyhow::Error| {
        let error = error.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    match told {
        Err(error) if is_closed(&error) => Ok(Exit::Good),
        told => told,
    }
}

async fn measure(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.what {
        What::All(args) => all::run(args, out).await,
        What::Buffers(args) => Ok(buffers::run(args, out)?),
        What::Intake(args) => intake::run(args, out).await,
        What::Propagation(args) => propagation::run(args, out).await,
        What::Isolation(args) => isolation::run(args, out).await,
        What::Dead(args) => dead::run(args, out).await,
        What::Stored(args) => stored::run(args, &Figure::ALL, out).await,
        What::Restart(args) => stored::run(args, &[Figure::Restart], out).await,
        What::Rebuild(args) => stored::run(args, &[Figure::Rebuild], out).await,
        What::Memory(args) => stored::run(args, &[Figure::Memory], out).await,
        What::Growth(args) => stored::run(args, &[Figure::Growth], out).await,
        What::Pages(args) => stored::pages::run(args, out).await,
        What::Board(args) => stored::board::run(args, out).await,
        What::Backfill(args) => backfill::run(args, out).await,
        What::Reconcile(args) => reconcile::run(args, out).await,
        What::Baseline(args) => baseline::run(args, out).await,
    }
}
