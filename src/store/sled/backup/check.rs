//! Reading a backup: every checksum, and whether journal and export belong together.
//!
//! The fold is the same that makes rows anew, kept down to the rows that change behind the export, so it
//! takes little memory however many rows there are. Nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{
        effect::Effect,
        export_file,
        row::{Applied, weight},
    },
    Backup, BackupError, STORE,
    files::{below, sum},
    manifest::{MANIFEST, Manifest, SUMS},
};
use crate::{
    Seq,
    journal::{
        JournalError, change::RowKey, disk::Disk, files::Files, open::Place, reader::Segments,
        record::Head, segment::first_of, witness::Testimony,
    },
};

/// Reads all of a backup, and says what it has.
pub fn verify(path: &Path) -> Result<Backup, BackupError> {
    verify_on(&(Arc::new(Files::new()) as Arc<dyn Disk>), path)
}

pub(super) fn verify_on(disk: &Arc<dyn Disk>, path: &Path) -> Result<Backup, BackupError> {
    let manifest = Manifest::read(disk.as_ref(), path)?;
    check_files(disk.as_ref(), path, &manifest)?;
    let Some(store_id) = manifest.store_id() else {
        return Err(BackupError::damaged(path, "it does not say of which store"));
    };
    let said = Testimony {
        store_id,
        last: manifest.position,
        oldest: manifest.oldest,
    };
    let folded = fold(disk, path, said, manifest.exported)?;
    let weight = format!("{:016x}", folded.applied.sum);
    if (folded.applied.count, &weight, &folded.tables)
        != (manifest.rows, &manifest.weight, &manifest.tables)
    {
        let what = format!(
            "export and journal give {} rows, and it had {}, or they weigh something else",
            folded.applied.count, manifest.rows
        );
        return Err(BackupError::damaged(path, what));
    }
    let path = path.to_owned();
    Ok(Backup { path, manifest })
}

/// Compares every file with the manifest, and says all that is wrong.
pub(super) fn check_files(
    disk: &dyn Disk,
    path: &Path,
    manifest: &Manifest,
) -> Result<(), BackupError> {
    let there: BTreeSet<String> = below(path)?.into_iter().collect();
    let named = manifest.files.keys().map(String::as_str);
    let named: BTreeSet<&str> = named.chain([MANIFEST, SUMS]).collect();
    let mut problems = Vec::new();
    for extra in there.iter().filter(|name| !named.contains(name.as_str())) {
        problems.push(format!("`{extra}` does not belong to it"));
    }
    for (name, entry) in &manifest.files {
        if !there.contains(name) {
            problems.push(format!("`{name}` is missing"));
            continue;
        }
        match sum(disk, &path.join(name)) {
            Ok(found) if found == *entry => {}
            Ok(found) if found.length != entry.length => problems.push(format!(
                "`{name}` has {} bytes and had {}",
                found.length, entry.length
            )),
            Ok(_) => problems.push(format!("`{name}` has a wrong checksum")),
            Err(error) => problems.push(error.to_string()),
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(BackupError::Damaged {
        path: path.to_owned(),
        problems,
    })
}

/// What export and journal come to.
pub(super) struct Folded {
    pub applied: Applied,
    pub tables: BTreeMap<String, u64>,
}

impl Folded {
    fn add(&mut self, key: &[u8], weight: u64) {
        self.applied.count += 1;
        self.applied.sum = self.applied.sum.wrapping_add(weight);
        let table = key.split(|byte| *byte == 0).next().unwrap_or_default();
        // Facts and pieces of long values are no tables of the port.
        if !table.starts_with(b"#") {
            let name = String::from_utf8_lossy(table).into_owned();
            *self.tables.entry(name).or_default() += 1;
        }
    }
}

/// Folds the export and the journal of a backup, reading all of both.
pub(super) fn fold(
    disk: &Arc<dyn Disk>,
    backup: &Path,
    said: Testimony,
    exported: Seq,
) -> Result<Folded, BackupError> {
    let dir = backup.join(STORE).join("journal");
    has_segments(disk.as_ref(), &dir, backup)?;
    let place = Place {
        disk: Arc::clone(disk),
        witness: PathBuf::new(),
        dir,
        segment_bytes: 0,
    };
    let tail = place
        .look(said)
        .and_then(|segments| replay(&segments, exported))
        .map_err(|error| BackupError::journal(backup, error))?;
    let mut folded = Folded {
        applied: Applied {
            last: said.last,
            ..Applied::new(said.store_id)
        },
        tables: BTreeMap::new(),
    };
    let path = export_path(backup, exported);
    let base = export_file::read(disk.as_ref(), &path, &mut |key, stored| {
        if !tail.contains_key(key) {
            folded.add(key, weight(stored));
        }
        Ok(())
    });
    let base = base.map_err(|error| BackupError::export(backup, error))?;
    if base.store_id != said.store_id || base.last != exported {
        return Err(BackupError::damaged(backup, "its export is another's"));
    }
    for (key, weight) in &tail {
        if let Some(weight) = weight {
            folded.add(key, *weight);
        }
    }
    Ok(folded)
}

/// Where the export of a backup is.
pub(super) fn export_path(backup: &Path, exported: Seq) -> PathBuf {
    let name = format!("{:020}.export", exported.0);
    backup.join(STORE).join("exports").join(name)
}

/// Asked before the journal is looked at, because that makes a directory which is not there.
fn has_segments(disk: &dyn Disk, dir: &Path, backup: &Path) -> Result<(), BackupError> {
    let names = disk.list(dir).unwrap_or_default();
    let is_segment = |name: &String| first_of(name).is_some();
    if names.iter().any(is_segment) && names.iter().all(is_segment) {
        return Ok(());
    }
    Err(BackupError::damaged(backup, "it has no journal of its own"))
}

/// What the rows weigh that change behind the export; nothing where one is gone.
type Tail = BTreeMap<RowKey, Option<u64>>;

fn replay(segments: &Segments, exported: Seq) -> Result<Tail, JournalError> {
    let mut tail = Tail::new();
    let mut next = Seq(exported.0 + 1);
    segments.replay(Seq(0), &mut |head: &Head, payload| {
        let damaged = |what: &str| {
            let name = format!("the record at position {}", head.seq.0);
            Err(JournalError::damaged(Path::new(&name), what))
        };
        let Some(effect) = Effect::of(head, payload) else {
            return damaged("it makes no sense");
        };
        if head.seq <= exported {
            return Ok(());
        }
        if head.seq != next {
            return damaged("records before it are gone");
        }
        next = head.next();
        effect.each(|key, touch| {
            tail.insert(key, touch.stored().as_deref().map(weight));
            Ok(())
        })
    })?;
    Ok(tail)
}
