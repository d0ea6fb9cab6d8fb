//! What a backup says of itself.
//!
//! The manifest names every file with its length and checksum; the list of sums beside it covers the
//! manifest too, and has the form that `sha256sum --check` reads. The list follows from the manifest
//! alone, so no byte of either can change without being seen.

use std::{collections::BTreeMap, path::Path};

use domain::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    BackupError,
    files::{hex, read_small},
};
use crate::{Seq, journal::disk::Disk};

/// The name of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";
/// The name of the list of sums.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The form that this program writes.
const FORMAT: u32 = 1;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// Which program made it.
    pub program: String,
    /// Of which store, in hexadecimal digits.
    pub store: String,
    /// When it was made.
    pub made_at: Time,
    /// Everything up to this position is in it.
    pub position: Seq,
    /// The position of the export in it.
    pub exported: Seq,
    /// The first position of its journal.
    pub oldest: Seq,
    /// How many rows there are as of the position, facts and pieces of long values included.
    pub rows: u64,
    /// The sum of their weights, in hexadecimal digits.
    pub weight: String,
    /// How many rows each table has.
    pub tables: BTreeMap<String, u64>,
    /// Every file but this one and the list of sums, by path.
    pub files: BTreeMap<String, Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The form of today.
    pub(super) fn format() -> u32 {
        FORMAT
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.length).sum()
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> u64 {
        self.tables.get(table).copied().unwrap_or(0)
    }

    pub(super) fn store_id(&self) -> Option<u64> {
        u64::from_str_radix(&self.store, 16).ok()
    }

    /// As it is written.
    pub(super) fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("a manifest has only text keys");
        text + "\n"
    }

    /// The list of sums, with the manifest's own.
    pub(super) fn sums(&self) -> String {
        let line = |sum: &str, path: &str| format!("{sum}  {path}\n");
        let files = (self.files.iter()).map(|(path, file)| line(&file.sha256, path));
        let own = line(&hex(&Sha256::digest(self.text())), MANIFEST);
        files.chain([own]).collect()
    }

    /// Reads the manifest of a backup, if it is what was written.
    pub(super) fn read(disk: &dyn Disk, backup: &Path) -> Result<Manifest, BackupError> {
        let text = read_small(disk, &backup.join(MANIFEST));
        let text = text.map_err(|error| BackupError::NoBackup {
            path: backup.to_owned(),
            reason: format!("its {MANIFEST} cannot be read ({error})"),
        })?;
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        if let Ok(Form { format }) = serde_json::from_str(&text)
            && format > FORMAT
        {
            return Err(BackupError::Newer {
                path: backup.to_owned(),
            });
        }
        let damaged = |what: String| BackupError::damaged(backup, what);
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| damaged(format!("its {MANIFEST} makes no sense ({error})")))?;
        let sums = read_small(disk, &backup.join(SUMS));
        let sums = sums.map_err(|error| damaged(format!("{SUMS} cannot be read ({error})")))?;
        if manifest.text() != text || manifest.sums() != sums {
            let what = format!("its {MANIFEST} and {SUMS} do not belong together");
            return Err(damaged(what));
        }
        Ok(manifest)
    }
}
