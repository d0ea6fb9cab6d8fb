//! `oneshelf bench all`: every figure, each by the command that gives it alone.

use std::io::Write;

use clap::{Args as _, FromArgMatches as _};

use super::common::Common;
use crate::exit::Exit;

/// What is measured when nothing is said: some ten minutes in all.
const SMALL: [&str; 10] = [
    "buffers --hours 60",
    "intake --orders 3000 --connections 8,64",
    "propagation --rate 100,500 --seconds 5",
    "isolation --seconds 10",
    "dead --minutes 10",
    "backfill --orders 10000",
    "reconcile --listings 20000",
    "stored --orders 2000,10000",
    "pages",
    "board --open 2000 --seconds 5",
];
/// The sizes that the targets are about. It takes hours.
const FULL: [&str; 10] = [
    "buffers",
    "intake",
    "propagation",
    "isolation",
    "dead",
    "backfill",
    "reconcile",
    "stored --orders 10000,100000,1000000",
    "pages --orders 1000000",
    "board",
];

/// Measures everything, one after the other.
///
/// Without `--full` the sizes are small, so that it ends within some ten minutes. Exit code 1: one of them
/// ended so.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Measure the sizes that the targets are about. It takes hours.
    #[arg(long)]
    full: bool,
    /// A PostgreSQL database to compare intake with as well.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

/// Measures, and prints.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let lines = if args.full { FULL } else { SMALL };
    let mut exit = Exit::Good;
    for line in lines {
        let bench = parse(&words(line, args))?;
        if !args.common.json {
            writeln!(out, "\n$ oneshelf bench {line}")?;
            out.flush()?;
        }
        let ended = Box::pin(super::measure(&bench, out)).await?;
        if ended != Exit::Good {
            exit = ended;
        }
    }
    Ok(exit)
}

/// The words of a bench, with what was said for all of them.
fn words(line: &str, args: &Args) -> Vec<String> {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let is = |name: &str| line.starts_with(name);
    match is("buffers") {
        // It starts nothing and writes nothing.
        true if args.common.json => words.push("--json".to_owned()),
        true => {}
        false => words.extend(args.common.words()),
    }
    if let Some(url) = args.postgres.as_ref().filter(|_| is("intake")) {
        words.extend(["--postgres".to_owned(), url.clone()]);
    }
    words
}

fn parse(words: &[String]) -> anyhow::Result<super::Args> {
    let command = super::Args::augment_args(clap::Command::new("bench").no_binary_name(true));
    let matches = command.try_get_matches_from(words)?;
    Ok(super::Args::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_bench() {
        let common = parse(&["all".to_owned(), "--json".to_owned()]).expect("it is one itself");
        let super::super::What::All(mut args) = common.what else {
            panic!("`all` is all");
        };
        args.postgres = Some("postgres://nobody@localhost/nothing".to_owned());
        for line in SMALL.into_iter().chain(FULL) {
            let words = words(line, &args);
            let parsed = parse(&words);
            assert!(parsed.is_ok(), "{words:?}: {parsed:?}");
            assert_eq!(
                words.contains(&"--postgres".to_owned()),
                line.starts_with("intake")
            );
        }
        assert!(parse(&["intake".to_owned(), "--orders".to_owned(), "1".to_owned()]).is_err());
    }
}
