//! A disk with a volatile cache, in memory, whose power can be cut.
//!
//! Every operation costs one unit of power. When none is left, operations fail. The next start finds
//! the same disk if only the process is gone; after a power cut it finds [`Cuttable::after`]: what was
//! synced, and of the rest any pieces of 4 KiB; names that were not synced may be there or not. A sync
//! that fails forgets what it should have synced, as Linux does: the next one would succeed.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crate::journal::disk::{Disk, DiskFile, Mode, Space};

const PIECE: usize = 4096;

type Shared = Arc<Mutex<Content>>;
type Names = BTreeMap<PathBuf, Shared>;

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Default)]
struct Power {
    names: Names,
    synced_names: Names,
    left: u64,
    syncs_left: u64,
}

/// The disk.
#[derive(Clone, Default)]
pub(super) struct Cuttable {
    state: Arc<Mutex<Power>>,
}

struct Open {
    content: Shared,
    state: Arc<Mutex<Power>>,
}

impl Cuttable {
    /// Sets how many operations there are until the cut; says how many there were.
    pub(super) fn swap_power(&self, operations: u64) -> u64 {
        std::mem::replace(&mut self.state.lock().unwrap().left, operations)
    }

    /// Sets how many syncs there are until one fails.
    pub(super) fn fail_sync(&self, after: u64) {
        self.state.lock().unwrap().syncs_left = after;
    }

    /// Whether the cut has come.
    pub(super) fn is_cut(&self) -> bool {
        self.state.lock().unwrap().left == 0
    }

    /// The disk as it is found after a cut. `keeps` decides about each thing that was not synced.
    pub(super) fn after(&self, mut keeps: impl FnMut() -> bool) -> Cuttable {
        let state = self.state.lock().unwrap();
        let mut names = Names::new();
        let all = state.names.keys().chain(state.synced_names.keys());
        for path in all.collect::<std::collections::BTreeSet<_>>() {
            let (now, synced) = (state.names.get(path), state.synced_names.get(path));
            let is_same = now.map(Arc::as_ptr) == synced.map(Arc::as_ptr);
            let kept = if is_same || keeps() { now } else { synced };
            if let Some(content) = kept {
                let bytes = content.lock().unwrap().after(&mut keeps);
                let content = Content {
                    now: bytes.clone(),
                    synced: bytes,
                    unsynced: Vec::new(),
                };
                names.insert(path.clone(), Arc::new(Mutex::new(content)));
            }
        }
        let power = Power {
            synced_names: names.clone(),
            names,
            left: u64::MAX,
            syncs_left: 0,
        };
        Cuttable {
            state: Arc::new(Mutex::new(power)),
        }
    }
}

impl Content {
    fn after(&self, keeps: &mut impl FnMut() -> bool) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (at, written) in &self.unsynced {
            let (mut from, end) = (*at, at + written.len());
            while from < end {
                let to = ((from / PIECE + 1) * PIECE).min(end);
                if keeps() {
                    overwrite(&mut bytes, from, &written[from - at..to - at]);
                }
                from = to;
            }
        }
        bytes
    }
}

fn overwrite(bytes: &mut Vec<u8>, at: usize, written: &[u8]) {
    let end = at + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(written);
}

fn spend(state: &Mutex<Power>) -> io::Result<MutexGuard<'_, Power>> {
    let mut state = state.lock().unwrap();
    state.left = state.left.saturating_sub(1);
    if state.left == 0 {
        return Err(io::Error::other("the power is cut"));
    }
    Ok(state)
}

impl Disk for Cuttable {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut state = spend(&self.state)?;
        if mode == Mode::Create {
            state.names.insert(path.to_owned(), Shared::default());
        }
        let content = state.names.get(path).cloned();
        Ok(Box::new(Open {
            content: content.ok_or(io::ErrorKind::NotFound)?,
            state: Arc::clone(&self.state),
        }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = spend(&self.state)?;
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let name = |path: &PathBuf| path.file_name()?.to_str().map(str::to_owned);
        Ok(inside.filter_map(name).collect())
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        spend(&self.state).map(|_| ())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = spend(&self.state)?;
        let content = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = spend(&self.state)?;
        let removed = state.names.remove(path);
        removed.map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = spend(&self.state)?;
        let inside = |path: &Path| path.parent() == Some(dir);
        let now: Vec<_> = (state.names.iter())
            .filter(|(path, _)| inside(path))
            .map(|(path, content)| (path.clone(), Arc::clone(content)))
            .collect();
        state.synced_names.retain(|path, _| !inside(path));
        state.synced_names.extend(now);
        Ok(())
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Ok(Space {
            free: u64::MAX,
            total: u64::MAX,
        })
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl DiskFile for Open {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        drop(spend(&self.state)?);
        let content = self.content.lock().unwrap();
        let rest = content.now.get(offset as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let spent = spend(&self.state);
        // A cut in the middle of a write may leave any part of it.
        let mut content = self.content.lock().unwrap();
        overwrite(&mut content.now, offset as usize, bytes);
        content.unsynced.push((offset as usize, bytes.to_vec()));
        spent.map(|_| ())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = spend(&self.state)?;
        let mut content = self.content.lock().unwrap();
        let written = std::mem::take(&mut content.unsynced);
        state.syncs_left = state.syncs_left.saturating_sub(1);
        if state.syncs_left == 1 {
            return Err(io::Error::other("the disk has lost it"));
        }
        for (at, bytes) in written {
            overwrite(&mut content.synced, at, &bytes);
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().now.len() as u64)
    }
}
