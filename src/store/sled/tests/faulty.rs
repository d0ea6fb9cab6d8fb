//! A disk that does what a test says: it fails, it is full, or it waits.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::journal::{
    disk::{Disk, DiskFile, Mode, Space},
    files::Files,
};

/// What the disk is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Create,
    Write,
    Sync,
    Rename,
    Remove,
}

type Rule = Box<dyn FnMut(Doing, &Path) -> io::Result<()> + Send>;

/// The files of this machine, with a rule before each operation.
#[derive(Clone)]
pub(super) struct Faulty {
    files: Arc<Files>,
    rule: Arc<Mutex<Option<Rule>>>,
    free: Arc<Mutex<u64>>,
    clock: Arc<Mutex<Duration>>,
}

impl Faulty {
    pub(super) fn new() -> Faulty {
        Faulty {
            files: Arc::new(Files::new()),
            rule: Arc::default(),
            free: Arc::new(Mutex::new(1 << 40)),
            clock: Arc::default(),
        }
    }

    /// From now on, this is asked before each operation.
    pub(super) fn rule(&self, rule: impl FnMut(Doing, &Path) -> io::Result<()> + Send + 'static) {
        *self.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// From now on, all is well.
    pub(super) fn heal(&self) {
        *self.rule.lock().unwrap() = None;
    }

    /// Sets how much space there is, of 1 TiB, and lets time pass until that is noticed.
    pub(super) fn free(&self, bytes: u64) {
        *self.free.lock().unwrap() = bytes;
        *self.clock.lock().unwrap() += Duration::from_secs(2);
    }

    fn ask(&self, doing: Doing, path: &Path) -> io::Result<()> {
        match self.rule.lock().unwrap().as_mut() {
            Some(rule) => rule(doing, path),
            None => Ok(()),
        }
    }
}

/// An error of the operating system.
pub(super) fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

struct Open {
    disk: Faulty,
    path: std::path::PathBuf,
    file: Box<dyn DiskFile>,
}

impl Disk for Faulty {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        if mode == Mode::Create {
            self.ask(Doing::Create, path)?;
        }
        Ok(Box::new(Open {
            disk: self.clone(),
            path: path.to_owned(),
            file: self.files.open(path, mode)?,
        }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.files.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.files.create_dir(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Doing::Rename, from)?;
        self.files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Doing::Remove, path)?;
        self.files.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.ask(Doing::Sync, dir)?;
        self.files.sync_dir(dir)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space {
            free: *self.free.lock().unwrap(),
            total: 1 << 40,
        })
    }

    fn elapsed(&self) -> Duration {
        *self.clock.lock().unwrap()
    }

    fn unix_ms(&self) -> u64 {
        self.files.unix_ms()
    }
}

impl DiskFile for Open {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.ask(Doing::Write, &self.path)?;
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.ask(Doing::Sync, &self.path)?;
        self.file.sync()
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }
}
