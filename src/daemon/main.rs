//! The oneshelf binary: reads the command line and hands over.

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};
use daemon::{
    bench, check, cli, configuration, demo, doctor,
    exit::{self, Exit},
    logging::{self, Format},
    manual, rehearsal, replay, restore, run,
    settings::Environment,
    sim,
};

/// Decisions are hundreds of small blocks each (docs/adr/0015).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One shelf, every shopfront: one order book and one stock ledger for all your channels.
#[derive(Debug, Parser)]
#[command(name = "oneshelf", version, propagate_version = true)]
struct Cli {
    /// The configuration: a folder with oneshelf.toml in it, or that file.
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t = Format::Auto)]
    log_format: Format,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Args),
    Demo(demo::Args),
    Sim(sim::Args),
    Rehearse(rehearsal::Args),
    Bench(bench::Args),
    Check(check::Args),
    Config(configuration::Args),
    Replay(replay::Args),
    Backup(cli::backup::Args),
    Restore(restore::Args),
    Doctor(doctor::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
    #[command(flatten)]
    Client(cli::Verb),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment: Environment = std::env::vars().collect();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            exit::tell(&format!("error: failed to start: {error}\n"));
            return Exit::Bug.into();
        }
    };
    match runtime.block_on(hand_over(cli, environment)) {
        Ok(code) => code,
        Err(error) => {
            exit::tell(&format!("error: {error:#}\n"));
            Exit::Finding.into()
        }
    }
}

async fn hand_over(cli: Cli, environment: Environment) -> anyhow::Result<ExitCode> {
    let at = cli.config.unwrap_or_else(run::default_path);
    match cli.verb.unwrap_or(Verb::Run(run::Args::default())) {
        Verb::Run(args) => run::run(&args, &at, &environment, cli.log_format).await,
        Verb::Demo(args) => {
            let level = environment
                .get("ONESHELF__LOG__LEVEL")
                .map_or("error", String::as_str);
            logging::start(cli.log_format, level).map_err(anyhow::Error::msg)?;
            demo::run(args).await
        }
        Verb::Sim(args) => sim::run(&args).map(ExitCode::from),
        Verb::Rehearse(args) => rehearsal::run(&args, &at, &environment).map(ExitCode::from),
        Verb::Bench(args) => bench::run(&args).await.map(ExitCode::from),
        Verb::Config(args) => configuration::run(&args, &at, &environment).map(ExitCode::from),
        Verb::Replay(args) => replay::run(&args).map(ExitCode::from),
        Verb::Check(args) => check::run(&args, &at, &environment).map(ExitCode::from),
        Verb::Backup(args) => cli::backup::run(&args, &at, &environment).await,
        Verb::Restore(args) => restore::run(&args).map(ExitCode::from),
        Verb::Doctor(args) => doctor::run(&args, &at, &environment).await,
        Verb::Completions(args) => manual::completions(&args, Cli::command()).map(ExitCode::from),
        Verb::Man(args) => manual::man(&args, Cli::command()).map(ExitCode::from),
        Verb::Client(verb) => verb.run(&environment).await,
    }
}
