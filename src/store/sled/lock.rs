//! One process at a time.
//!
//! The lock is the operating system's, so it is gone with the process however that ends; the number in
//! the file only tells the next one whom to look for.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};

use super::options::OpenError;

/// Held as long as the store is open.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a directory, or says who has it.
    pub(crate) fn take(dir: &Path) -> Result<Lock, OpenError> {
        let failed = |source| OpenError::Io {
            dir: dir.to_owned(),
            source,
        };
        let mut file = open(dir).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok();
                return Err(OpenError::Locked {
                    dir: dir.to_owned(),
                    pid: pid.and_then(|_| text.trim().parse().ok()),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        note(&mut file).map_err(failed)?;
        Ok(Lock { _file: file })
    }
}

fn open(dir: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join("lock"))
}

/// A disk without space is no reason not to open: the number is a courtesy.
fn note(file: &mut File) -> io::Result<()> {
    file.rewind()?;
    match file
        .set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
    {
        Err(error) if crate::journal::disk::is_full(&error) => Ok(()),
        other => other,
    }
}
