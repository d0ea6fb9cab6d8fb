//! Blocks of exports that were asked for lately, which stay in memory: those of all exports together, so that
//! many of them take no more than one.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::base::{BLOCK_BYTES, Block};

/// An export, among all that were ever opened: its path may be given to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Number(u64);

impl Number {
    pub(super) fn next() -> Number {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Number(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// The blocks.
#[derive(Clone)]
pub(crate) struct Blocks(Arc<Mutex<Kept>>);

/// When the younger half is full, the older one goes.
struct Kept {
    young: HashMap<(Number, usize), Arc<Block>>,
    old: HashMap<(Number, usize), Arc<Block>>,
    half_max: usize,
}

impl Blocks {
    /// As many as fit into so many bytes.
    pub(crate) fn within(bytes: u64) -> Blocks {
        let blocks = usize::try_from(bytes).unwrap_or(usize::MAX) / (BLOCK_BYTES * 2);
        Blocks(Arc::new(Mutex::new(Kept {
            young: HashMap::new(),
            old: HashMap::new(),
            half_max: (blocks / 2).max(1),
        })))
    }

    pub(super) fn get(&self, export: Number, number: usize) -> Option<Arc<Block>> {
        let (mut kept, key) = (self.kept(), (export, number));
        if let Some(block) = kept.young.get(&key) {
            return Some(Arc::clone(block));
        }
        let block = kept.old.remove(&key)?;
        kept.put(key, &block);
        Some(block)
    }

    pub(super) fn put(&self, export: Number, number: usize, block: &Arc<Block>) {
        self.kept().put((export, number), block);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn put(&mut self, key: (Number, usize), block: &Arc<Block>) {
        if self.young.len() >= self.half_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, Arc::clone(block));
    }
}
