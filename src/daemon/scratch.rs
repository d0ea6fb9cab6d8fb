//! A temporary folder that goes with the process, unless its user named one to keep.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use engine::ports::Ports;

/// A folder. One that nobody named is removed when this is dropped.
pub(crate) struct Scratch {
    path: PathBuf,
    is_ours: bool,
}

impl Scratch {
    /// The named folder, or a temporary one for this command.
    pub(crate) fn new(
        named: Option<&Path>,
        command: &str,
        ports: &Ports,
    ) -> anyhow::Result<Scratch> {
        let Some(named) = named else {
            return Scratch::below(None, command, ports);
        };
        Scratch::made(named.to_owned(), false)
    }

    /// A folder of its own below the named one, or below that for temporary files. It is removed either way.
    pub(crate) fn below(
        named: Option<&Path>,
        command: &str,
        ports: &Ports,
    ) -> anyhow::Result<Scratch> {
        let number = u128::from_be_bytes(ports.entropy.seed());
        let below = named.map_or_else(std::env::temp_dir, Path::to_owned);
        Scratch::made(
            below.join(format!("oneshelf-{command}-{number:032x}")),
            true,
        )
    }

    fn made(path: PathBuf, is_ours: bool) -> anyhow::Result<Scratch> {
        std::fs::create_dir_all(&path).with_context(|| format!("failed to make {path:?}"))?;
        Ok(Scratch { path, is_ours })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.is_ours {
            // A folder that stays behind in the temporary directory is a nuisance, not a failure.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}
