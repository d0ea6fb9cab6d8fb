//! `oneshelf check`: reads the configuration as `run` would, and says everything that is wrong in it.

use std::{io::Write, path::Path};

use crate::{exit::Exit, run, settings::Environment};

/// Checks the configuration without starting anything.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One JSON object for each mistake.
    #[arg(long)]
    pub json: bool,
    /// Count warnings as mistakes.
    #[arg(long)]
    pub strict: bool,
}

/// Checks the configuration.
pub fn run(args: &Args, at: &Path, environment: &Environment) -> anyhow::Result<Exit> {
    let mut out = std::io::stdout().lock();
    match run::load(at, environment) {
        Ok(settings) => {
            for warning in &settings.warnings {
                if args.json {
                    writeln!(out, "{}", warning.to_json())?;
                } else {
                    writeln!(out, "{warning}\n")?;
                }
            }
            if !args.json {
                let accounts = settings.accounts.len();
                writeln!(
                    out,
                    "The configuration at {} is good: {accounts} accounts.",
                    at.display()
                )?;
            }
            let is_finding = args.strict && !settings.warnings.is_empty();
            Ok(if is_finding {
                Exit::Finding
            } else {
                Exit::Good
            })
        }
        Err(error) => {
            let text = if args.json {
                error.render_json()
            } else {
                error.render()
            };
            out.write_all(text.as_bytes())?;
            Ok(Exit::Configuration)
        }
    }
}
