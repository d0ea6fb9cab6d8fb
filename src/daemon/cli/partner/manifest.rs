//! What a partner's manifest says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Deserialize;

/// The longest name of a partner.
const NAME_LENGTH_MAX: usize = 40;

/// A partner that works by files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// A word of your own for it; timelines say that it did what it did.
    pub(super) name: String,
    /// The location whose tasks are its own.
    pub(super) location: String,
    /// Where tasks are written.
    pub(super) outgoing: PathBuf,
    /// Where it puts what it has done.
    pub(super) incoming: PathBuf,
    /// What tasks are written as. It may answer in either form.
    #[serde(default)]
    pub(super) format: Format,
    /// A count that is off by more units than this is put aside, so that somebody counts again; as many as are usual
    /// when nothing is said.
    pub(super) recount_above: Option<u32>,
}

/// A form of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// One object.
    #[default]
    Json,
    /// A row for each line.
    Csv,
}

impl Format {
    /// How names of its files end.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
        }
    }
}

impl Manifest {
    /// Reads one. Folders are meant from where it lies.
    pub(super) fn read(path: &Path) -> anyhow::Result<Manifest> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
        let read = toml_edit::de::from_str(&text);
        let mut manifest: Manifest = read.with_context(|| format!("{shown} is no manifest"))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_name = (1..=NAME_LENGTH_MAX).contains(&manifest.name.len());
        anyhow::ensure!(
            is_name && manifest.name.chars().all(is_word),
            "{shown}: `name` has 1 to {NAME_LENGTH_MAX} letters, digits, `-` and `_`"
        );
        let folder = path.parent().unwrap_or(Path::new("."));
        manifest.outgoing = folder.join(&manifest.outgoing);
        manifest.incoming = folder.join(&manifest.incoming);
        anyhow::ensure!(
            manifest.outgoing != manifest.incoming,
            "{shown}: `outgoing` and `incoming` are one folder: give each its own"
        );
        Ok(manifest)
    }
}
