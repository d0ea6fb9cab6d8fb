//! Copying, summing and listing the files of backups.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    BackupError, UNFINISHED,
    manifest::{Entry, Manifest},
};
use crate::journal::disk::{Disk, DiskFile, Mode, read_all};

/// What every backup's name begins with; everything else in the directory is left alone.
pub(super) const PREFIX: &str = "oneshelf-";
/// The lock of the directory with all backups.
const LOCK: &str = ".lock";
/// How much is read at once.
const CHUNK_BYTES: usize = 1024 * 1024;
/// The longest manifest or list of sums: a hundred thousand files.
const SMALL_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// How deep folders lie in each other.
const DEPTH_MAX: usize = 8;

/// What is there under the name of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself, or why it cannot be read.
    pub manifest: Result<Manifest, String>,
}

/// The backups of a directory, oldest first. Their files are not read; [`super::verify`] does that.
pub fn list(dir: &Path) -> Result<Vec<Listed>, BackupError> {
    let disk = crate::journal::files::Files::new();
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names.map_err(|error| BackupError::io("list", dir, error))?,
    };
    let ours = names.iter().filter(|name| is_backup(name));
    Ok(ours
        .map(|name| {
            let path = dir.join(name);
            let manifest = Manifest::read(&disk, &path).map_err(|error| error.to_string());
            Listed { path, manifest }
        })
        .collect())
}

pub(super) fn is_backup(name: &str) -> bool {
    name.starts_with(PREFIX) && !name.ends_with(UNFINISHED)
}

/// Held while a backup is made: whatever is unfinished then is nobody's any more.
pub(super) struct Turn {
    _file: File,
}

impl Turn {
    pub(super) fn take(dir: &Path) -> Result<Turn, BackupError> {
        let path = dir.join(LOCK);
        let failed = |error| BackupError::io("lock", &path, error);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Turn { _file: file }),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy {
                dir: dir.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

/// Copies the beginning of a file, makes it durable, and says what was copied.
pub(super) fn copy(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    length: Option<u64>,
) -> Result<Entry, BackupError> {
    let source = disk.open(from, Mode::Read);
    let source = source.map_err(|error| BackupError::io("read", from, error))?;
    let target = disk.open(to, Mode::Create);
    let target = target.map_err(|error| BackupError::io("write", to, error))?;
    let entry = each_chunk(source.as_ref(), from, length, &mut |at, bytes| {
        let written = target.write_at(bytes, at);
        written.map_err(|error| BackupError::io("write", to, error))
    })?;
    let synced = target.sync();
    synced.map_err(|error| BackupError::io("write", to, error))?;
    Ok(entry)
}

/// The length and checksum of a file.
pub(super) fn sum(disk: &dyn Disk, path: &Path) -> Result<Entry, BackupError> {
    let file = disk.open(path, Mode::Read);
    let file = file.map_err(|error| BackupError::io("read", path, error))?;
    each_chunk(file.as_ref(), path, None, &mut |_, _| Ok(()))
}

type EachChunk<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), BackupError>;

fn each_chunk(
    file: &dyn DiskFile,
    path: &Path,
    length: Option<u64>,
    each: EachChunk<'_>,
) -> Result<Entry, BackupError> {
    let failed = |error| BackupError::io("read", path, error);
    let mut sum = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while length.is_none_or(|length| at < length) {
        let wanted = length.map_or(CHUNK_BYTES as u64, |length| length - at);
        let wanted = usize::try_from(wanted)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let read = file.read_at(&mut chunk[..wanted], at).map_err(failed)?;
        let bytes = &chunk[..read];
        if read > 0 {
            sum.update(bytes);
            each(at, bytes)?;
        }
        at += read as u64;
        if read < wanted {
            break;
        }
    }
    if length.is_some_and(|length| at < length) {
        return Err(failed(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Entry {
        length: at,
        sha256: hex(&sum.finalize()),
    })
}

/// Writes a new file, durable with its bytes.
pub(super) fn write(disk: &dyn Disk, path: &Path, text: &str) -> Result<(), BackupError> {
    let write = || {
        let file = disk.open(path, Mode::Create)?;
        file.write_at(text.as_bytes(), 0)?;
        file.sync()
    };
    write().map_err(|error| BackupError::io("write", path, error))
}

/// The text of a file that is never long.
pub(super) fn read_small(disk: &dyn Disk, path: &Path) -> io::Result<String> {
    let file = disk.open(path, Mode::Read)?;
    if file.length()? > SMALL_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(read_all(file.as_ref())?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text"))
}

/// The paths of all files below a directory, with slashes, sorted; none where it is missing.
pub(super) fn below(dir: &Path) -> Result<Vec<String>, BackupError> {
    let mut found = Vec::new();
    walk(dir, "", DEPTH_MAX, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    dir: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), BackupError> {
    let failed = |error| BackupError::io("list", dir, error);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type().map_err(failed)?.is_dir() && depth > 0 {
            walk(&entry.path(), &format!("{path}/"), depth - 1, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Makes the names below a directory durable, and its own.
pub(super) fn sync_dirs<'a>(
    disk: &dyn Disk,
    dir: &Path,
    files: impl Iterator<Item = &'a String>,
) -> Result<(), BackupError> {
    let mut dirs: Vec<PathBuf> = vec![dir.to_owned()];
    for file in files {
        let mut above = Path::new(file).parent();
        while let Some(folder) = above {
            let folder_path = dir.join(folder);
            if !dirs.contains(&folder_path) {
                dirs.push(folder_path);
            }
            above = folder.parent();
        }
    }
    for dir in dirs.iter().rev() {
        let synced = disk.sync_dir(dir);
        synced.map_err(|error| BackupError::io("sync", dir, error))?;
    }
    Ok(())
}

/// Removes a directory with everything in it.
pub(super) fn remove_dir(dir: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done.map_err(|error| BackupError::io("remove", dir, error)),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
