//! What shells and `man` know of the commands. It is made from the command line itself, so it never says
//! anything else than `--help`.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

use crate::exit::Exit;

/// Prints what a shell completes commands with.
///
/// For bash: `oneshelf completions bash > /etc/bash_completion.d/oneshelf`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the page of a command for `man`, or writes those of all of them.
///
/// `oneshelf man orders ship | man -l -` shows one; `oneshelf man --dir /usr/local/share/man/man1` installs all.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The command, word by word; the page of `oneshelf` itself when nothing is said.
    #[arg(conflicts_with = "dir")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder, which is there.
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,
}

/// Prints completions for the whole command line.
pub fn completions(args: &CompletionsArgs, mut whole: Command) -> anyhow::Result<Exit> {
    // The generator panics where it cannot write, and whoever closes a pipe has read enough.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut whole, "oneshelf", &mut text);
    print(&text)
}

/// Prints or writes manual pages.
pub fn man(args: &ManArgs, mut whole: Command) -> anyhow::Result<Exit> {
    if let Some(dir) = &args.dir {
        let written = clap_mangen::generate_to(whole, dir);
        written.with_context(|| format!("failed to write to {}", dir.display()))?;
        return Ok(Exit::Good);
    }
    whole.build();
    let mut named = &whole;
    for word in &args.command {
        named = named.find_subcommand(word).with_context(|| {
            let words: Vec<&str> = named.get_subcommands().map(Command::get_name).collect();
            format!(
                "`{}` has no command `{word}`; it has: {}",
                named.get_bin_name().unwrap_or("oneshelf"),
                words.join(", ")
            )
        })?;
    }
    print(&page(named)?)
}

fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(text)
}

fn print(text: &[u8]) -> anyhow::Result<Exit> {
    match std::io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(Exit::Good),
    }
}
