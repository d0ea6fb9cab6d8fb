//! The files of a store: how long they are, how long it takes to read them, and how they leave the cache.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use super::super::load::now;

/// How many bytes a block of `st_blocks` has, on every system (stat(2)).
const BLOCK_BYTES: u64 = 512;

/// All files below a folder.
fn below(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        let entries = match fs::read_dir(&dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => dirs.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    Ok(files)
}

/// How much of the disk everything below a folder takes.
pub(super) fn bytes(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for file in below(dir)? {
        bytes += fs::metadata(file)?.blocks() * BLOCK_BYTES;
    }
    Ok(bytes)
}

/// Brings everything below a folder to the disk, and asks the system to forget what it keeps of it in memory.
/// Nothing tells whether it did.
pub(super) fn forget(dir: &Path) -> io::Result<()> {
    for path in below(dir)? {
        let file = File::open(path)?;
        file.sync_all()?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

/// How long it takes to read everything below some folders, one file after the other.
pub(super) fn read(dirs: &[PathBuf]) -> io::Result<Duration> {
    let (began, mut buffer) = (now(), vec![0; 1024 * 1024]);
    for dir in dirs {
        for path in below(dir)? {
            let mut file = File::open(path)?;
            while file.read(&mut buffer)? > 0 {}
        }
    }
    Ok(began.elapsed())
}

/// Copies everything below a folder to another place, where nothing may be.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in below(from)? {
        let to = to.join(file.strip_prefix(from)?);
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::copy(&file, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_and_weighed_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("a"), vec![1; 10_000]).unwrap();
        fs::write(from.join("inner/b"), vec![2; 20_000]).unwrap();
        assert!(bytes(&from).unwrap() >= 30_000);
        forget(&from).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("inner/b")).unwrap(), vec![2; 20_000]);
        assert_eq!(below(&to).unwrap().len(), 2);
        assert_eq!(bytes(&dir.path().join("nowhere")).unwrap(), 0);
    }
}
