//! `oneshelf bench`: figures about this very binary, each by one command that gives them again.
//!
//! It touches no store, no configuration and no network. With `--json` each figure is an object on a
//! line of its own. Start reading at [`run`].

mod buffers;

use clap::Subcommand;

use crate::exit::Exit;

/// Measures what this program does.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Buffers(buffers::Args),
}

/// Measures, and prints. Whoever closed the pipe has read enough.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    let told = match &args.what {
        What::Buffers(args) => buffers::run(args, &mut out),
    };
    match told {
        Ok(exit) => Ok(exit),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => Err(error.into()),
    }
}
