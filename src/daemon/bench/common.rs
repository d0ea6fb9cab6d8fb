//! What all benches take and how they print.

use std::{io::Write, path::PathBuf};

use engine::ports::Ports;
use serde::Serialize;

use super::load::round;
use crate::scratch::Scratch;

/// What every bench takes that starts something.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Common {
    /// Print one JSON object for each figure.
    #[arg(long)]
    pub(super) json: bool,
    /// Where to put stores and other files: a folder on the disk that is meant. A temporary folder when not
    /// given.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Common {
    /// A folder for everything that the bench writes. No bench finds what another has left.
    pub(super) fn scratch(&self, ports: &Ports) -> anyhow::Result<Scratch> {
        Scratch::below(self.dir.as_deref(), "bench", ports)
    }

    /// The words that say the same to another bench.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.json {
            words.push("--json".to_owned());
        }
        if let Some(dir) = &self.dir {
            words.extend(["--dir".to_owned(), dir.display().to_string()]);
        }
        words
    }

    /// Prints a figure for programs as soon as it is known. People get a table at the end.
    pub(super) fn emit(&self, figure: &impl Serialize, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.json {
            writeln!(out, "{}", serde_json::to_string(figure)?)?;
            out.flush()?;
        }
        Ok(())
    }
}

/// One figure as a multiple of another; nothing where that is nothing.
pub(super) fn ratio(of: f64, to: f64) -> Option<f64> {
    (to > 0.0).then(|| round(of / to))
}

/// A figure that there may not be, for people.
pub(super) fn shown(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or("-".to_owned(), |figure| format!("{figure:.decimals$}"))
}
