//! `oneshelf restore`: makes a state folder of a backup, without a daemon and without a configuration.

use std::{io::Write, path::PathBuf};

use serde_json::json;
use store::sled::backup;

use crate::{backups::view, cli::backup::refuse, exit::Exit};

/// Makes a state folder of a backup, after reading all of it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of one backup.
    pub path: PathBuf,
    /// The state folder (`store.dir`): a new or an empty one.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Restores.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let restored = match backup::restore(&args.path, &args.to) {
        Ok(restored) => restored,
        Err(error) => return Ok(refuse(&error)),
    };
    let mut out = std::io::stdout().lock();
    let view = view(&restored.backup);
    if args.json {
        let dir = restored.dir.display().to_string();
        let told = json!({ "dir": dir, "next_position": restored.next.0, "backup": view });
        writeln!(out, "{told}")?;
        return Ok(Exit::Good);
    }
    let at = view.made_at.map(|at| at.to_string()).unwrap_or_default();
    writeln!(
        out,
        "Restored to {}: {} orders as of {at}.\n\
         Put `master.key` there from where you keep it, unless `privacy.key` is configured: no backup has it.\n\
         Then start it as usual. It knows that it was set back: orders since then are found by polling, and\n\
         nothing is written to an account before its levels were compared.",
        restored.dir.display(),
        view.orders
    )?;
    Ok(Exit::Good)
}
