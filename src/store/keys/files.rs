//! Keys in files: each file is a head and a thousand keys, made at once and synced before the first of
//! them is handed out, so that taking a key costs no sync.
//!
//! Which keys were handed out is written nowhere: whoever opens the folder begins a new file, so no key
//! is handed out twice, whatever happened before. A key is destroyed by writing zeros over it where it
//! lies. No key is all zeros.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{KEY_LENGTH, Key, KeyId, Keys};
use crate::{
    StoreError,
    journal::disk::{Disk, DiskFile, Mode, is_full},
};

const MAGIC: [u8; 8] = *b"1SHKEYS1";
const HEAD_LENGTH: usize = 64;
/// How many keys a file has.
const KEYS_PER_FILE: u64 = 1024;
/// No key is handed out of a file that is older, so that keys of a time can be destroyed by file.
const FILE_LIFE_MS: u64 = 24 * 3600 * 1000;
const DESTROYED: Key = [0; KEY_LENGTH];

/// Fills bytes with randomness that nobody can guess.
pub type Fill = fn(&mut [u8]) -> io::Result<()>;

/// Keys in a folder.
pub struct KeyFiles {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    fill: Fill,
    open: Mutex<Open>,
}

/// The file that keys are handed out of.
struct Open {
    /// The number that the next file gets.
    next: u64,
    current: Option<Current>,
}

struct Current {
    number: u64,
    made_at_ms: u64,
    used: u64,
    keys: Vec<Key>,
}

impl KeyFiles {
    /// Opens a folder of keys; one that is not there is made.
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, fill: Fill) -> Result<KeyFiles, StoreError> {
        let told = |error: io::Error| failed(&format!("open {}", folder.display()), &error);
        disk.create_dir(folder).map_err(told)?;
        if let Some(above) = folder.parent() {
            disk.sync_dir(above).map_err(told)?;
        }
        let numbers = numbers(disk.as_ref(), folder).map_err(told)?;
        Ok(KeyFiles {
            folder: folder.to_owned(),
            fill,
            open: Mutex::new(Open {
                next: numbers.last().map_or(1, |last| last + 1),
                current: None,
            }),
            disk,
        })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(file_name(number))
    }

    fn make(&self, number: u64) -> io::Result<Current> {
        let made_at_ms = self.disk.unix_ms();
        let mut bytes = vec![0; HEAD_LENGTH + KEY_LENGTH * KEYS_PER_FILE as usize];
        let (head, keys) = bytes.split_at_mut(HEAD_LENGTH);
        let said = MAGIC.into_iter().chain(made_at_ms.to_le_bytes());
        for (to, byte) in head.iter_mut().zip(said) {
            *to = byte;
        }
        (self.fill)(keys)?;
        let keys = keys.chunks_exact(KEY_LENGTH).map(to_key).collect();
        let file = self.disk.open(&self.path(number), Mode::Create)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        self.disk.sync_dir(&self.folder)?;
        Ok(Current {
            number,
            made_at_ms,
            used: 0,
            keys,
        })
    }

    /// The file of a number; nothing if it is not there.
    fn file(&self, number: u64, mode: Mode) -> io::Result<Option<Box<dyn DiskFile>>> {
        match self.disk.open(&self.path(number), mode) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&self, id: KeyId) -> io::Result<Option<Key>> {
        let (number, at) = place(id);
        let Some(file) = self.file(number, Mode::Read)? else {
            return Ok(None);
        };
        let mut key = DESTROYED;
        let read = file.read_at(&mut key, at)?;
        Ok((read == KEY_LENGTH && key != DESTROYED).then_some(key))
    }

    fn wipe(&self, number: u64, at: &[u64]) -> io::Result<()> {
        let Some(file) = self.file(number, Mode::Write)? else {
            return Ok(());
        };
        let length = file.length()?;
        for at in at.iter().filter(|at| **at < length) {
            file.write_at(&DESTROYED, *at)?;
        }
        file.sync()
    }

    /// Destroys a whole file, also for whoever looks at the bare disk.
    fn remove(&self, number: u64) -> io::Result<()> {
        if let Some(file) = self.file(number, Mode::Write)? {
            let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
            file.write_at(&vec![0; length], 0)?;
            file.sync()?;
        }
        self.disk.remove(&self.path(number))?;
        self.disk.sync_dir(&self.folder)
    }

    fn made_at_ms(&self, number: u64) -> io::Result<Option<u64>> {
        let Some(file) = self.file(number, Mode::Read)? else {
            return Ok(None);
        };
        let mut head = [0; 16];
        let is_whole = file.read_at(&mut head, 0)? == head.len() && head.starts_with(&MAGIC);
        let (_, time) = head.split_at(MAGIC.len());
        let time = time.try_into().ok().map(u64::from_le_bytes);
        Ok(time.filter(|_| is_whole))
    }

    fn remove_before(&self, unix_ms: u64) -> io::Result<usize> {
        let mut removed = 0;
        let current = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.current.as_ref().map(|current| current.number)
        };
        let numbers = numbers(self.disk.as_ref(), &self.folder)?;
        let last = numbers.last().copied();
        for number in numbers {
            // The last one keeps its number from being given again.
            if Some(number) == current || Some(number) == last {
                continue;
            }
            let made_at = self.made_at_ms(number)?.unwrap_or(0);
            if made_at.saturating_add(FILE_LIFE_MS) < unix_ms {
                self.remove(number)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Keys for KeyFiles {
    fn take(&self) -> Result<(KeyId, Key), StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.disk.unix_ms();
        let is_good = |current: &Current| {
            let age = now.saturating_sub(current.made_at_ms);
            current.used < KEYS_PER_FILE && age < FILE_LIFE_MS
        };
        if !open.current.as_ref().is_some_and(is_good) {
            let number = open.next;
            let made = self.make(number);
            open.current = Some(made.map_err(|error| failed("make keys", &error))?);
            open.next += 1;
        }
        let current = open.current.as_mut();
        let taken = current.and_then(|current| {
            let at = current.used;
            current.used += 1;
            let key = current.keys.get(usize::try_from(at).ok()?)?;
            Some((KeyId(current.number * KEYS_PER_FILE + at), *key))
        });
        taken.ok_or_else(|| StoreError::Unavailable {
            reason: "a file of keys holds fewer than it was made with".to_owned(),
        })
    }

    fn find(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let current = open.current.as_ref();
            if let Some(current) = current.filter(|one| one.number == id.0 / KEYS_PER_FILE) {
                let at = usize::try_from(id.0 % KEYS_PER_FILE).unwrap_or(usize::MAX);
                let key = current.keys.get(at).copied();
                return Ok(key.filter(|key| *key != DESTROYED));
            }
        }
        self.read(id).map_err(|error| failed("read a key", &error))
    }

    fn destroy(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places: Vec<(u64, u64)> = ids.iter().map(|id| place(*id)).collect();
        places.sort_unstable();
        for of_file in places.chunk_by(|one, other| one.0 == other.0) {
            let Some((number, _)) = of_file.first() else {
                continue;
            };
            let at: Vec<u64> = of_file.iter().map(|(_, at)| *at).collect();
            let wiped = self.wipe(*number, &at);
            wiped.map_err(|error| failed("destroy a key", &error))?;
        }
        if let Some(current) = &mut open.current {
            for id in ids
                .iter()
                .filter(|id| id.0 / KEYS_PER_FILE == current.number)
            {
                let at = usize::try_from(id.0 % KEYS_PER_FILE).unwrap_or(usize::MAX);
                if let Some(key) = current.keys.get_mut(at) {
                    *key = DESTROYED;
                }
            }
        }
        Ok(())
    }

    fn destroy_before(&self, unix_ms: u64) -> Result<usize, StoreError> {
        let removed = self.remove_before(unix_ms);
        removed.map_err(|error| failed("destroy old keys", &error))
    }
}

/// In which file a key lies, and where in it.
fn place(id: KeyId) -> (u64, u64) {
    let at = HEAD_LENGTH as u64 + id.0 % KEYS_PER_FILE * KEY_LENGTH as u64;
    (id.0 / KEYS_PER_FILE, at)
}

fn to_key(bytes: &[u8]) -> Key {
    bytes.try_into().expect("chunks are exact")
}

fn file_name(number: u64) -> String {
    format!("{number:012}.keys")
}

/// The numbers of all files in a folder, the lowest first.
fn numbers(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<u64>> {
    let names = disk.list(folder)?;
    let number = |name: &String| name.strip_suffix(".keys")?.parse().ok();
    let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn failed(what: &str, error: &io::Error) -> StoreError {
    if is_full(error) {
        return StoreError::NoSpace { free_bytes: 0 };
    }
    StoreError::Unavailable {
        reason: format!("could not {what}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicU64, Ordering},
    };

    use super::*;
    use crate::journal::files::Files;

    fn fill(bytes: &mut [u8]) -> io::Result<()> {
        static LAST: AtomicU64 = AtomicU64::new(1);
        for half in bytes.chunks_exact_mut(16) {
            let number = LAST.fetch_add(1, Ordering::Relaxed);
            half.copy_from_slice(&u128::from(number).to_le_bytes());
        }
        Ok(())
    }

    fn open(folder: &Path) -> KeyFiles {
        KeyFiles::open(Arc::new(Files::default()), folder, fill).expect("opens")
    }

    #[test]
    fn a_key_is_found_again_and_never_handed_out_twice() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("keys");
        let keys = open(&folder);
        let taken: Vec<(KeyId, Key)> = (0..KEYS_PER_FILE + 10)
            .map(|_| keys.take().expect("a key"))
            .collect();
        drop(keys);
        let keys = open(&folder);
        let (later, _) = keys.take().expect("a key");
        for (id, key) in &taken {
            assert!(*id < later);
            assert!(keys.find(*id).expect("read") == Some(*key), "{id:?}");
        }
        let ids: std::collections::BTreeSet<KeyId> = taken.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), taken.len());
        assert!(keys.find(KeyId(u64::MAX)).expect("read").is_none());
    }

    #[test]
    fn a_destroyed_key_is_in_no_byte_of_the_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let keys = open(dir.path());
        let (first, _) = keys.take().expect("a key");
        let (id, secret) = keys.take().expect("a key");
        let (last, _) = keys.take().expect("a key");
        keys.destroy(&[id]).expect("destroyed");
        keys.destroy(&[id]).expect("once more");
        for keys in [&keys, &open(dir.path())] {
            assert!(keys.find(id).expect("read").is_none());
            assert!(keys.find(first).expect("read").is_some());
            assert!(keys.find(last).expect("read").is_some());
        }
        for entry in fs::read_dir(dir.path()).expect("a folder") {
            let bytes = fs::read(entry.expect("a file").path()).expect("read");
            let at = bytes.windows(KEY_LENGTH).position(|some| some == secret);
            assert_eq!(at, None);
        }
    }

    #[test]
    fn old_files_go_and_the_last_one_stays() {
        let dir = tempfile::tempdir().expect("a folder");
        let keys = open(dir.path());
        let (old, _) = keys.take().expect("a key");
        drop(keys);
        let keys = open(dir.path());
        let (newer, _) = keys.take().expect("a key");
        assert_eq!(keys.destroy_before(0).expect("none"), 0);
        let later = Files::default().unix_ms() + 2 * FILE_LIFE_MS;
        assert_eq!(keys.destroy_before(later).expect("one"), 1);
        assert!(keys.find(old).expect("read").is_none());
        assert!(keys.find(newer).expect("read").is_some());
        drop(keys);
        assert!(open(dir.path()).take().expect("a key").0 > newer);
    }
}
