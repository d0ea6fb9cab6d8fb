//! Keys in files: each file is a head and a thousand keys, made at once and synced before the first of
//! them is handed out, so that taking a key costs no sync.
//!
//! Which keys were handed out is written nowhere: whoever opens the folder begins a new file, so no key
//! is handed out twice, whatever happened before. A key is destroyed by writing a tombstone over it where it
//! lies. Keys and tombstones have a checksum each, so that a damaged file is never taken for people who were
//! forgotten.

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
/// What a file begins with of which all keys were destroyed at once.
const MAGIC_OF_NONE: [u8; 8] = *b"1SHNONE1";
const HEAD_LENGTH: usize = 64;
/// A key, whether it is one or a tombstone, and a checksum.
const SLOT_LENGTH: usize = KEY_LENGTH + 8;
const LIVE: [u8; 4] = *b"live";
const TOMB: [u8; 4] = *b"tomb";
/// How many keys a file has.
const KEYS_PER_FILE: u64 = 1024;
/// No key is handed out of a file that is older, so that keys of a time can be destroyed by file.
const FILE_LIFE_MS: u64 = 24 * 3600 * 1000;

/// What is found under the name of a key.
enum Slot {
    Live(Key),
    Destroyed,
    Damaged,
}

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
    /// Nothing where one was destroyed since.
    keys: Vec<Option<Key>>,
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
        let mut bytes = head(MAGIC, made_at_ms);
        let mut keys = Vec::new();
        for at in 0..KEYS_PER_FILE {
            let mut key = [0; KEY_LENGTH];
            (self.fill)(&mut key)?;
            bytes.extend(slot(KeyId(number * KEYS_PER_FILE + at), &key, LIVE));
            keys.push(Some(key));
        }
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

    fn read(&self, id: KeyId) -> io::Result<Slot> {
        let (number, at) = place(id);
        let Some(file) = self.file(number, Mode::Read)? else {
            return Ok(Slot::Damaged);
        };
        let mut magic = [0; MAGIC.len()];
        let read = file.read_at(&mut magic, 0)?;
        if read == magic.len() && magic == MAGIC_OF_NONE {
            return Ok(Slot::Destroyed);
        }
        let mut found = [0; SLOT_LENGTH];
        let read = file.read_at(&mut found, at)?;
        let key = found.first_chunk::<KEY_LENGTH>().copied();
        let key = key.filter(|_| read == SLOT_LENGTH);
        Ok(match key {
            Some(key) if slot(id, &key, LIVE) == found => Slot::Live(key),
            Some(key) if slot(id, &key, TOMB) == found => Slot::Destroyed,
            Some(_) | None => Slot::Damaged,
        })
    }

    fn wipe(&self, number: u64, ids: &[KeyId]) -> io::Result<()> {
        let Some(file) = self.file(number, Mode::Write)? else {
            return Ok(());
        };
        let length = file.length()?;
        for id in ids {
            let (_, at) = place(*id);
            if at < length {
                file.write_at(&slot(*id, &[0; KEY_LENGTH], TOMB), at)?;
            }
        }
        file.sync()
    }

    /// Destroys a whole file, also for whoever looks at the bare disk. Its name stays, so that it is not
    /// missed as a lost one.
    fn remove(&self, number: u64) -> io::Result<()> {
        let path = self.path(number);
        if let Some(file) = self.file(number, Mode::Write)? {
            let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
            file.write_at(&vec![0; length], 0)?;
            file.write_at(&head(MAGIC_OF_NONE, 0), 0)?;
            file.sync()?;
        }
        let aside = path.with_extension("new");
        let file = self.disk.open(&aside, Mode::Create)?;
        file.write_at(&head(MAGIC_OF_NONE, 0), 0)?;
        file.sync()?;
        self.disk.rename(&aside, &path)?;
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
            let made_at = self.made_at_ms(number)?;
            let is_old = |made_at: u64| made_at.saturating_add(FILE_LIFE_MS) < unix_ms;
            if made_at.is_some_and(is_old) {
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
            let key = (*current.keys.get(usize::try_from(at).ok()?)?)?;
            Some((KeyId(current.number * KEYS_PER_FILE + at), key))
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
                return Ok(current.keys.get(at).copied().flatten());
            }
        }
        let read = self.read(id);
        match read.map_err(|error| failed("read a key", &error))? {
            Slot::Live(key) => Ok(Some(key)),
            Slot::Destroyed => Ok(None),
            Slot::Damaged => Err(StoreError::Corrupt {
                reason: format!(
                    "the key {} in `{}` is damaged or gone: put this file back from a backup",
                    id.0,
                    self.path(id.0 / KEYS_PER_FILE).display()
                ),
            }),
        }
    }

    fn destroy(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        for of_file in sorted.chunk_by(|one, other| place(*one).0 == place(*other).0) {
            let Some(first) = of_file.first() else {
                continue;
            };
            let wiped = self.wipe(place(*first).0, of_file);
            wiped.map_err(|error| failed("destroy a key", &error))?;
        }
        if let Some(current) = &mut open.current {
            for id in ids
                .iter()
                .filter(|id| id.0 / KEYS_PER_FILE == current.number)
            {
                let at = usize::try_from(id.0 % KEYS_PER_FILE).unwrap_or(usize::MAX);
                if let Some(key) = current.keys.get_mut(at) {
                    *key = None;
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
    let at = HEAD_LENGTH as u64 + id.0 % KEYS_PER_FILE * SLOT_LENGTH as u64;
    (id.0 / KEYS_PER_FILE, at)
}

fn head(magic: [u8; 8], made_at_ms: u64) -> Vec<u8> {
    let mut head = magic.to_vec();
    head.extend(made_at_ms.to_le_bytes());
    head.resize(HEAD_LENGTH, 0);
    head
}

/// A key in its place. The checksum is over its name too, so that one of another place is none.
fn slot(id: KeyId, key: &Key, what: [u8; 4]) -> Vec<u8> {
    let mut slot = key.to_vec();
    slot.extend(what);
    let sum = crc32c::crc32c_append(crc32c::crc32c(&slot), &id.0.to_be_bytes());
    slot.extend(sum.to_le_bytes());
    slot
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
        assert!(keys.find(KeyId(u64::MAX)).is_err(), "it never was");
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
    fn a_damaged_key_is_an_error_and_nobody_who_was_forgotten() {
        let dir = tempfile::tempdir().expect("a folder");
        let keys = open(dir.path());
        let (id, _) = keys.take().expect("a key");
        let (gone, _) = keys.take().expect("a key");
        keys.destroy(&[gone]).expect("destroyed");
        drop(keys);
        let keys = open(dir.path());
        let path = keys.path(place(id).0);
        let whole = fs::read(&path).expect("our own file");
        let from = usize::try_from(place(id).1).expect("short");
        for at in from..from + 2 * SLOT_LENGTH {
            for change in [1, 0x80] {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                fs::write(&path, bytes).expect("our own file");
                let (one, other) = (keys.find(id), keys.find(gone));
                let is_well = [matches!(one, Ok(Some(_))), matches!(other, Ok(None))];
                let is_named = [one.is_err(), other.is_err()];
                let hit = usize::from(at >= from + SLOT_LENGTH);
                assert!(is_named[hit] && is_well[1 - hit], "byte {at}");
            }
        }
        fs::write(&path, vec![0; whole.len()]).expect("our own file");
        assert!(keys.find(id).is_err() && keys.find(gone).is_err());
        fs::write(&path, &whole[..from]).expect("our own file");
        assert!(keys.find(id).is_err());
        fs::remove_file(&path).expect("our own file");
        let error = keys.find(id).expect_err("it is gone");
        assert!(error.to_string().contains("from a backup"), "{error}");
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
