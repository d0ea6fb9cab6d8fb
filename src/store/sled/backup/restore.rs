//! Making a state folder of a backup.
//!
//! What is restored has forgotten what happened since. So its journal goes on in a new segment that
//! says so, far behind every position that the lost store can have given, and the store opens as it does
//! after a loss that a person has accepted: nothing is published before it was compared. Everything is
//! put together in a folder of its own, and the name of the store is given last.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, lchown},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{
        lock::Lock,
        open::{Parts, place},
        options::{OpenError, Options},
        row::Applied,
    },
    Backup, BackupError, STORE,
    check::verify_on,
    files::{copy, remove_dir, sync_dirs},
    manifest::Manifest,
};
use crate::{
    Seq,
    journal::{disk::Disk, files::Files},
};

/// The folder in which a state folder is put together.
const RESTORING: &str = "restore.unfinished";
/// So far behind the backup the journal goes on. A thousand positions a second are given for three
/// years before they reach this, and 2^53, which JSON still tells exactly, has space for 90,000 restores.
const GAP: u64 = 100_000_000_000;

/// A store that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where the state folder is.
    pub dir: PathBuf,
    /// From which backup.
    pub backup: Backup,
    /// The position that the next record gets.
    pub next: Seq,
}

/// Whether a restore into a state folder was begun and did not come to its end.
pub fn is_unfinished(dir: &Path) -> bool {
    dir.join(RESTORING).exists() && !dir.join(STORE).exists()
}

/// Makes a state folder of a backup: a new one, or an empty one.
pub fn restore(backup: &Path, to: &Path) -> Result<Restored, BackupError> {
    restore_on(&(Arc::new(Files::new()) as Arc<dyn Disk>), backup, to)
}

pub(in super::super) fn restore_on(
    disk: &Arc<dyn Disk>,
    backup: &Path,
    to: &Path,
) -> Result<Restored, BackupError> {
    // Before everything is read, and again when it is known what a restore may have left there.
    check_empty(to, None)?;
    let backup = verify_on(disk, backup)?;
    check_empty(to, Some(&backup.manifest))?;
    let made = disk.create_dir(to);
    made.map_err(|error| BackupError::io("make", to, error))?;
    for name in names(to)? {
        remove_dir(&to.join(name))?;
    }
    let restoring = to.join(RESTORING);
    copy_all(disk.as_ref(), &backup, &restoring)?;
    let next = begin_anew(disk, &backup, &restoring.join(STORE))?;
    hand_over(to, &restoring)?;
    take_place(disk.as_ref(), to, &restoring)?;
    Ok(Restored {
        dir: to.to_owned(),
        backup,
        next,
    })
}

fn names(dir: &Path) -> Result<Vec<String>, BackupError> {
    let failed = |error| BackupError::io("list", dir, error);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let name = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.map_err(failed)?;
        Ok(entry.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

/// An earlier restore that was cut off may lie there, with folders of the backup that were moved to
/// their names already; it never got as far as the name of the store.
fn check_empty(to: &Path, manifest: Option<&Manifest>) -> Result<(), BackupError> {
    let names = names(to)?;
    let is_ours = |name: &str| {
        let below = format!("{name}/");
        let is_part = |manifest: &Manifest| manifest.files.keys().any(|it| it.starts_with(&below));
        name == RESTORING || (name != STORE && manifest.is_none_or(is_part))
    };
    let is_cut_off = names.iter().any(|name| name == RESTORING);
    if names.is_empty() || (is_cut_off && names.iter().all(|name| is_ours(name))) {
        return Ok(());
    }
    Err(BackupError::NotEmpty { dir: to.to_owned() })
}

/// Copies every file. One that has changed since it was verified is not taken.
fn copy_all(disk: &dyn Disk, backup: &Backup, to: &Path) -> Result<(), BackupError> {
    let needed = backup.manifest.bytes();
    let made = disk.create_dir(to);
    made.map_err(|error| BackupError::io("make", to, error))?;
    let space = disk.space(to);
    let space = space.map_err(|error| BackupError::io("ask for the space of", to, error))?;
    if space.free < needed {
        return Err(BackupError::NoSpace {
            dir: to.to_owned(),
            needed,
            free: space.free,
        });
    }
    for (name, entry) in &backup.manifest.files {
        let target = to.join(name);
        if let Some(above) = target.parent() {
            let made = disk.create_dir(above);
            made.map_err(|error| BackupError::io("make", above, error))?;
        }
        let copied = copy(disk, &backup.path.join(name), &target, None)?;
        if copied != *entry {
            let what = format!("`{name}` changed while it was restored");
            return Err(BackupError::damaged(&backup.path, what));
        }
    }
    sync_dirs(disk, to, backup.manifest.files.keys())
}

/// Lets the journal go on behind the gap, and makes the rows anew: only what opens is restored.
fn begin_anew(disk: &Arc<dyn Disk>, backup: &Backup, dir: &Path) -> Result<Seq, BackupError> {
    let options = Options {
        disk: Arc::clone(disk),
        ..Options::new(dir)
    };
    let opening = |error: OpenError| BackupError::Unlike {
        reason: error.to_string(),
    };
    let lock = Lock::take(dir).map_err(opening)?;
    let aside = dir.join("aside");
    let behind = Seq(backup.manifest.position.0 + GAP);
    let begun = place(&options).accept_loss(behind, &aside.join("journal"));
    begun.map_err(|error| BackupError::journal(&backup.path, error))?;
    let parts = Parts::open(&options, None).map_err(opening)?;
    let Applied { count, sum, .. } = parts.state.applied();
    let weight = format!("{sum:016x}");
    let next = parts.journal.writer.next();
    if (count, &weight) != (backup.manifest.rows, &backup.manifest.weight) {
        return Err(BackupError::Unlike {
            reason: format!("it has {count} rows, the backup {}", backup.manifest.rows),
        });
    }
    if !parts.opened.is_after_loss {
        let reason = "it does not know that it was set back".to_owned();
        return Err(BackupError::Unlike { reason });
    }
    drop((parts, lock));
    remove_dir(&aside)?;
    Ok(next)
}

/// Whoever owns the state folder owns what is in it, also when somebody else restored.
fn hand_over(to: &Path, restoring: &Path) -> Result<(), BackupError> {
    let owner = fs::metadata(to).map_err(|error| BackupError::io("look at", to, error))?;
    let ours = fs::metadata(restoring);
    let ours = ours.map_err(|error| BackupError::io("look at", restoring, error))?;
    if (owner.uid(), owner.gid()) == (ours.uid(), ours.gid()) {
        return Ok(());
    }
    give(restoring, owner.uid(), owner.gid())
}

fn give(path: &Path, user: u32, group: u32) -> Result<(), BackupError> {
    let failed = |error| BackupError::io("hand over", path, error);
    lchown(path, Some(user), Some(group)).map_err(failed)?;
    if path.is_dir() {
        for name in names(path)? {
            give(&path.join(name), user, group)?;
        }
    }
    Ok(())
}

/// Moves everything to its name, the store last.
fn take_place(disk: &dyn Disk, to: &Path, restoring: &Path) -> Result<(), BackupError> {
    let mut names = names(restoring)?;
    names.sort_by_key(|name| name == STORE);
    for name in names {
        let (from, target) = (restoring.join(&name), to.join(&name));
        let synced = disk.sync_dir(to);
        synced.map_err(|error| BackupError::io("sync", to, error))?;
        let renamed = disk.rename(&from, &target);
        renamed.map_err(|error| BackupError::io("rename", &from, error))?;
    }
    let synced = disk.sync_dir(to);
    synced.map_err(|error| BackupError::io("sync", to, error))?;
    remove_dir(restoring)
}
