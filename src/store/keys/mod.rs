//! Keys that are handed out once each and can be destroyed one by one.
//!
//! What must be forgotten some day is sealed under a key of its own. The journal keeps the sealed text for as
//! long as it likes: without the key, which lives here and nowhere else, nobody reads it again. A store of
//! keys knows nothing of what they seal. The one on disk is [`files::KeyFiles`].

pub mod files;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::StoreError;

/// Names a key for as long as the store of keys exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u64);

/// How long a key is.
pub const KEY_LENGTH: usize = 32;
/// A key. It has no `Debug`, and is never written anywhere else.
pub type Key = [u8; KEY_LENGTH];

/// Hands out keys, finds them again, and destroys them.
pub trait Keys: Send + Sync {
    /// A key that was never handed out before. It is durable.
    fn take(&self) -> Result<(KeyId, Key), StoreError>;

    /// The key of this name; nothing if it was destroyed or never was.
    fn find(&self, id: KeyId) -> Result<Option<Key>, StoreError>;

    /// Destroys keys, if they are not already; returns when that is durable.
    fn destroy(&self, ids: &[KeyId]) -> Result<(), StoreError>;

    /// Destroys all keys that were handed out before a time, in milliseconds since 1970; a day more or less.
    /// Says how many files of keys went.
    fn destroy_before(&self, unix_ms: u64) -> Result<usize, StoreError>;
}

/// Keys in memory, the same in each run: for tests and simulations, where nothing is secret.
#[derive(Default)]
pub struct MemoryKeys(Mutex<Held>);

#[derive(Default)]
struct Held {
    last: u64,
    keys: BTreeMap<KeyId, Key>,
}

impl Keys for MemoryKeys {
    fn take(&self) -> Result<(KeyId, Key), StoreError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.last += 1;
        let id = KeyId(held.last);
        let mut key = [0x4b; KEY_LENGTH];
        for (to, byte) in key.iter_mut().zip(id.0.to_be_bytes()) {
            *to = byte;
        }
        held.keys.insert(id, key);
        Ok((id, key))
    }

    fn find(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(held.keys.get(&id).copied())
    }

    fn destroy(&self, ids: &[KeyId]) -> Result<(), StoreError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.keys.retain(|id, _| !ids.contains(id));
        Ok(())
    }

    fn destroy_before(&self, _: u64) -> Result<usize, StoreError> {
        Ok(0)
    }
}
