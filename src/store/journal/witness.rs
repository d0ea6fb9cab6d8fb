//! The witness: how far the journal had come, told by another file.
//!
//! A journal that ends too early looks like a journal that is shorter. So after each group its last
//! position is written to the witness, and synced at checkpoints; opening compares the two. There are
//! two slots in two pieces of disk that are overwritten in turn, so one of them is always whole. The
//! witness never runs ahead of what is durable: it is written after the sync.
//!
//! A witness beside the journal does not notice when both are set back together, as a snapshot of a
//! whole machine does; one on another disk does.

use std::{io, path::Path};

use super::{
    disk::{Disk, DiskFile, Mode, read_all},
    record::array,
};
use crate::Seq;

const MAGIC: [u8; 8] = *b"WITNESS1";
const SLOT_LENGTH: usize = 44;
const SLOT_STRIDE: u64 = 4096;

/// What a witness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Testimony {
    /// Of which store.
    pub store_id: u64,
    /// The last position that was durable.
    pub last: Seq,
    /// The first position of the oldest segment that is kept.
    pub oldest: Seq,
}

/// The open witness of a store.
pub(crate) struct Witness {
    file: Box<dyn DiskFile>,
    generation: u64,
    said: Testimony,
    is_synced: bool,
}

impl Witness {
    /// Makes a new witness, durable with its name.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, first: Testimony) -> io::Result<Witness> {
        let file = disk.open(path, Mode::Create)?;
        file.write_at(&[0; 2 * SLOT_STRIDE as usize], 0)?;
        let mut witness = Witness {
            file,
            generation: 0,
            said: first,
            is_synced: false,
        };
        witness.write(first)?;
        witness.sync()?;
        if let Some(dir) = path.parent() {
            disk.sync_dir(dir)?;
        }
        Ok(witness)
    }

    /// Opens the witness. Nothing if neither slot can be read.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Option<Witness>> {
        let file = match disk.open(path, Mode::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = read_all(file.as_ref())?;
        let slots = [0, SLOT_STRIDE as usize].map(|at| bytes.get(at..).and_then(read_slot));
        let newest = slots.into_iter().flatten().max_by_key(|slot| slot.0);
        Ok(newest.map(|(generation, said)| Witness {
            file,
            generation,
            said,
            is_synced: false,
        }))
    }

    /// What it says.
    pub(crate) fn said(&self) -> Testimony {
        self.said
    }

    /// Overwrites the older slot.
    pub(crate) fn write(&mut self, testimony: Testimony) -> io::Result<()> {
        self.generation += 1;
        let mut slot = Vec::with_capacity(SLOT_LENGTH);
        slot.extend(MAGIC);
        slot.extend(self.generation.to_le_bytes());
        slot.extend(testimony.store_id.to_le_bytes());
        slot.extend(testimony.last.0.to_le_bytes());
        slot.extend(testimony.oldest.0.to_le_bytes());
        slot.extend(crc32c::crc32c(&slot).to_le_bytes());
        self.file
            .write_at(&slot, self.generation % 2 * SLOT_STRIDE)?;
        self.said = testimony;
        self.is_synced = false;
        Ok(())
    }

    /// Makes it durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if !self.is_synced {
            self.file.sync()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

fn read_slot(bytes: &[u8]) -> Option<(u64, Testimony)> {
    let slot: &[u8; SLOT_LENGTH] = bytes.get(..SLOT_LENGTH)?.try_into().ok()?;
    let u64_at = |at| u64::from_le_bytes(array(slot, at));
    let crc = u32::from_le_bytes(array(slot, SLOT_LENGTH - 4));
    if slot[..8] != MAGIC || crc != crc32c::crc32c(&slot[..SLOT_LENGTH - 4]) {
        return None;
    }
    let testimony = Testimony {
        store_id: u64_at(16),
        last: Seq(u64_at(24)),
        oldest: Seq(u64_at(32)),
    };
    Some((u64_at(8), testimony))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::files::Files;

    #[test]
    fn the_newest_whole_slot_speaks() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness");
        let disk = Files::new();
        assert!(Witness::open(&disk, &path).unwrap().is_none());
        let testimony = |last| Testimony {
            store_id: 1,
            last: Seq(last),
            oldest: Seq(1),
        };
        let mut witness = Witness::create(&disk, &path, testimony(0)).unwrap();
        for last in 1..=5 {
            witness.write(testimony(last)).unwrap();
        }
        let reopened = Witness::open(&disk, &path).unwrap().unwrap();
        assert_eq!(reopened.said(), testimony(5));
        // Generations 5 and 6 are in slots 1 and 0; the damaged one is passed over.
        for (damaged_at, expected) in [(4100, Some(5)), (4, Some(4)), (usize::MAX, None)] {
            let whole = std::fs::read(&path).unwrap();
            let mut bytes = whole.clone();
            match bytes.get_mut(damaged_at) {
                Some(byte) => *byte ^= 1,
                None => bytes.fill(0),
            }
            std::fs::write(&path, bytes).unwrap();
            let said = Witness::open(&disk, &path)
                .unwrap()
                .map(|w| w.said().last.0);
            assert_eq!(said, expected, "damaged at {damaged_at}");
            std::fs::write(&path, whole).unwrap();
        }
    }
}
