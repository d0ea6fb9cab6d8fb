//! The few things that the journal asks of a disk.
//!
//! All file operations of the journal, the witness and the exports go through [`Disk`], so that a test
//! can refuse a write, fail a sync, or forget what was never synced. Nothing is buffered here, and
//! nothing is durable before [`DiskFile::sync`] has returned; a new name is durable when
//! [`Disk::sync_dir`] of its directory has. The real one is [`super::files::Files`].

use std::{io, path::Path, time::Duration};

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It exists and is only read.
    Read,
    /// It exists and is read and written.
    Write,
    /// It is made, empty; what had the name before is gone.
    Create,
}

/// What a file system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that we may still write.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Files by path.
pub trait Disk: Send + Sync {
    /// Opens or makes a file.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>>;
    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a directory and those above it; one that exists is fine.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Gives a file or directory another name; a file that has it already is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// What the file system of a directory has.
    fn space(&self, dir: &Path) -> io::Result<Space>;
    /// Time that passes, from an arbitrary beginning; never goes back.
    fn elapsed(&self) -> Duration;
    /// Milliseconds since 1970, for names and labels only.
    fn unix_ms(&self) -> u64;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Reads at an offset; less than asked only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of it at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes everything written so far durable, and the length.
    fn sync(&self) -> io::Result<()>;
    /// How long it is.
    fn length(&self) -> io::Result<u64>;
}

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Whether an error says that there is no space.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
