//! Rows in one file that never changes, sorted and compressed: an export, as it is read.
//!
//! The newest export is also what lies beneath the rows that changed since, so what an old order costs is
//! its part of a compressed block. Where blocks begin is in memory; a block is read when a row of it is
//! asked for, and some stay. Every block has a checksum, and opening reads all of them, so damage is seen
//! then as it is in rows that change.

use std::{
    io,
    ops::{Bound, Range},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    blocks::{Blocks, Number},
    compress::decompress,
    export::ExportError,
    filter,
    row::{Applied, Standing, encode, encode_gone, weight},
    rows::RowsError,
    way::Way,
};
use crate::{
    Seq,
    journal::{
        disk::{Disk, DiskFile, Mode},
        record::array,
    },
};

/// How such a file begins.
pub(super) const MAGIC: [u8; 16] = *b"ONESHELF-EXPORT2";
/// So many bytes of rows are compressed together. More would be smaller, and slower to read one row of.
pub(super) const BLOCK_BYTES: usize = 16 * 1024;
/// The length of a block and its checksum stand before it.
pub(super) const BLOCK_HEAD_LENGTH: usize = 8;
/// Where the list of blocks and the end are, how many blocks there are, and a checksum.
pub(super) const TAIL_LENGTH: usize = 32;
/// What a block may be announced to have; more is damage.
const BLOCK_LENGTH_MAX: usize = 256 * 1024 * 1024;
/// What a version has that belongs to no row but to a mark that there is none.
pub(super) const GONE: u64 = 1 << 63;
/// So much is read at once where everything is read.
const READ_BYTES: usize = 1024 * 1024;

/// Which checksums opening compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Those of every block.
    Everything,
    /// Only what is needed to find rows: somebody reads all of them next.
    Index,
}

/// Such a file.
pub(crate) struct Base {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    index: Index,
    standing: Standing,
    number: Number,
    blocks: Blocks,
}

impl Base {
    /// Opens an export, of which some blocks stay in memory beside those of others.
    pub(crate) fn open(
        disk: &dyn Disk,
        path: &Path,
        check: Check,
        blocks: &Blocks,
    ) -> Result<Base, ExportError> {
        let failed = |source| ExportError::Io {
            path: path.to_owned(),
            source,
        };
        let damaged = |what| ExportError::Damaged {
            path: path.to_owned(),
            what,
        };
        let file = disk.open(path, Mode::Read).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        if bytes(file.as_ref(), 0, MAGIC.len()).map_err(failed)? != Some(MAGIC.to_vec()) {
            return Err(damaged("it is no export that this version reads"));
        }
        let tail_at = length.checked_sub(TAIL_LENGTH as u64);
        let tail_at = tail_at.ok_or_else(|| damaged("it is cut off"))?;
        let tail = bytes(file.as_ref(), tail_at, TAIL_LENGTH).map_err(failed)?;
        let tail = tail.as_deref().and_then(Tail::decode);
        let tail = tail.ok_or_else(|| damaged("it is cut off"))?;
        let block = |at, number| -> Result<Vec<u8>, ExportError> {
            let block = block_at(file.as_ref(), at, number).map_err(failed)?;
            block.ok_or_else(|| damaged("a part has a wrong checksum"))
        };
        let listed = block(tail.index_at, tail.blocks)?;
        let end = block(tail.end_at, tail.blocks + 1)?;
        // Nothing may stand where no checksum covers it.
        let behind = |at: u64, block: &[u8]| at + (BLOCK_HEAD_LENGTH + block.len()) as u64;
        if behind(tail.index_at, &listed) != tail.end_at || behind(tail.end_at, &end) != tail_at {
            return Err(damaged("its parts are not where they should be"));
        }
        let listed = decompress(&listed, BLOCK_LENGTH_MAX).ok();
        let index = listed.as_deref().and_then(Index::read);
        let index =
            index.filter(|index| index.len() as u64 == tail.blocks && index.end() == tail.index_at);
        let index = index.ok_or_else(|| damaged("its list of parts makes no sense"))?;
        let standing = Standing::decode(&end);
        let standing = standing.map_err(|_| damaged("its end makes no sense"))?;
        let base = Base {
            file,
            path: path.to_owned(),
            index,
            standing,
            number: Number::next(),
            blocks: blocks.clone(),
        };
        if check == Check::Everything && !base.is_whole().map_err(failed)? {
            return Err(damaged("a part has a wrong checksum"));
        }
        Ok(base)
    }

    /// As of where it is, and what all rows weigh, with those that it lies over.
    pub(crate) fn applied(&self) -> Applied {
        self.standing.applied
    }

    /// How many rows and marks it has itself, and what it lies over; nothing where it has all rows.
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// How long the file is.
    pub(crate) fn length(&self) -> u64 {
        self.file.length().unwrap_or(0)
    }

    /// The value of a row.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        let number = self.index.before(key);
        let Some(number) = number.filter(|number| self.index.may_have(*number, key)) else {
            return Ok(None);
        };
        let block = self.block(number, true)?;
        let at = block.rows.partition_point(|row| block.key(row) < key);
        let row = block.rows.get(at).filter(|row| block.key(row) == key);
        Ok(row.map(|row| block.stored(row).to_vec()))
    }

    /// Rows in either order of their keys, from a bound on.
    pub(crate) fn iter(
        self: &Arc<Self>,
        from: Bound<&[u8]>,
        way: Way,
    ) -> Result<BaseIter, RowsError> {
        let mut iter = BaseIter {
            base: Arc::clone(self),
            way,
            ahead: 0..self.index.len(),
            block: None,
            rows: 0..0,
            blocks: 0,
        };
        let (Bound::Included(key) | Bound::Excluded(key)) = from else {
            return Ok(iter);
        };
        let Some(number) = self.index.before(key) else {
            if way == Way::Back {
                iter.ahead = 0..0;
            }
            return Ok(iter);
        };
        let block = self.block(number, true)?;
        let is_in = matches!(from, Bound::Included(_));
        let has_below = (way == Way::Back) == is_in;
        let is_below = |row: &RowAt| match has_below {
            true => block.key(row) <= key,
            false => block.key(row) < key,
        };
        let split = block.rows.partition_point(is_below);
        (iter.rows, iter.ahead) = match way {
            Way::Forth => (split..block.rows.len(), number + 1..self.index.len()),
            Way::Back => (0..split, 0..number),
        };
        (iter.block, iter.blocks) = (Some(block), 1);
        Ok(iter)
    }

    /// Adds up all rows and marks. They must be what the end says; whoever needs to be sure that a file
    /// can be read asks this.
    pub(crate) fn weigh(self: &Arc<Self>, each: EachWhole<'_>) -> Result<Applied, RowsError> {
        let (mut count, mut sum) = (0, 0_u64);
        let mut iter = self.iter(Bound::Unbounded, Way::Forth)?;
        while let Some(row) = iter.next()? {
            count += 1;
            sum = sum.wrapping_add(weight(row.stored()));
            each(row.key(), row.stored())?;
        }
        if (count, sum) != (self.standing.count, self.standing.sum) {
            return Err(self.damaged("weighs something else"));
        }
        Ok(self.standing.applied)
    }

    fn damaged(&self, what: &str) -> RowsError {
        RowsError::Damaged(format!("the export `{}` {what}", self.path.display()))
    }

    /// A block, with its rows as they are stored elsewhere.
    fn block(&self, number: usize, is_kept: bool) -> Result<Arc<Block>, RowsError> {
        if let Some(block) = self.blocks.get(self.number, number) {
            return Ok(block);
        }
        let (at, number_64) = (self.index.at(number), number as u64);
        let packed = block_at(self.file.as_ref(), at, number_64)?;
        let packed = packed.ok_or_else(|| self.damaged("has a part with a wrong checksum"))?;
        let rows = decompress(&packed, BLOCK_LENGTH_MAX).ok();
        let block = rows.as_deref().and_then(Block::read);
        let block = Arc::new(block.ok_or_else(|| self.damaged("has a part that makes no sense"))?);
        if is_kept {
            self.blocks.put(self.number, number, &block);
        }
        Ok(block)
    }

    /// Whether all blocks have the right checksums.
    fn is_whole(&self) -> io::Result<bool> {
        let mut number = 0;
        while number < self.index.len() {
            let first = number;
            let at = self.index.at(first);
            while number < self.index.len()
                && (number == first || self.index.at(number + 1) - at <= READ_BYTES as u64)
            {
                number += 1;
            }
            let length = usize::try_from(self.index.at(number) - at).map_err(io::Error::other)?;
            let Some(read) = bytes(self.file.as_ref(), at, length)? else {
                return Ok(false);
            };
            for one in first..number {
                let offset = |at_one: u64| usize::try_from(at_one - at).unwrap_or(usize::MAX);
                let range = offset(self.index.at(one))..offset(self.index.at(one + 1));
                if checked(&read[range], one as u64).is_none() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Takes rows as they are stored.
type EachWhole<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), RowsError>;

/// Bytes of a file; nothing where it ends before.
fn bytes(file: &dyn DiskFile, at: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, at)?;
    Ok((read == length).then_some(bytes))
}

/// What a block holds; nothing where it is damaged.
fn block_at(file: &dyn DiskFile, at: u64, number: u64) -> io::Result<Option<Vec<u8>>> {
    let Some(head) = bytes(file, at, BLOCK_HEAD_LENGTH)? else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(array(&head, 0)) as usize;
    if length > BLOCK_LENGTH_MAX {
        return Ok(None);
    }
    let whole = bytes(file, at, BLOCK_HEAD_LENGTH + length)?;
    Ok(whole.and_then(|whole| checked(&whole, number).map(<[u8]>::to_vec)))
}

/// The content of a block with its head, if it is whole and in its place.
fn checked(whole: &[u8], number: u64) -> Option<&[u8]> {
    let (head, block) = whole.split_at_checked(BLOCK_HEAD_LENGTH)?;
    let is_right = u32::from_le_bytes(array(head, 0)) as usize == block.len()
        && u32::from_le_bytes(array(head, 4)) == checksum(number, block);
    is_right.then_some(block)
}

/// The checksum of a block in its place.
pub(super) fn checksum(number: u64, block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), block)
}

/// The last bytes of the file.
pub(super) struct Tail {
    pub index_at: u64,
    pub end_at: u64,
    pub blocks: u64,
}

impl Tail {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut tail = Vec::with_capacity(TAIL_LENGTH);
        for number in [self.index_at, self.end_at, self.blocks] {
            tail.extend(number.to_le_bytes());
        }
        tail.extend(crc32c::crc32c(&tail).to_le_bytes());
        tail.extend(*b"END\n");
        tail
    }

    fn decode(tail: &[u8]) -> Option<Tail> {
        let number = |at| u64::from_le_bytes(array(tail, at));
        let found = Tail {
            index_at: number(0),
            end_at: number(8),
            blocks: number(16),
        };
        (found.encode() == tail).then_some(found)
    }
}

/// Where blocks begin, a key that comes behind all before it and not behind its first, and a filter that says of
/// most keys that are not in it that they are not.
#[derive(Default)]
struct Index {
    keys: Vec<u8>,
    filters: Vec<u8>,
    entries: Vec<Entry>,
    end: u64,
}

struct Entry {
    key_end: usize,
    filter_end: usize,
    at: u64,
}

impl Index {
    fn read(mut rest: &[u8]) -> Option<Index> {
        let mut index = Index {
            end: MAGIC.len() as u64,
            ..Index::default()
        };
        while !rest.is_empty() {
            index.keys.extend(take(&mut rest)?);
            let (length, tail) = rest.split_first_chunk::<4>()?;
            rest = tail;
            index.filters.extend(take(&mut rest)?);
            index.entries.push(Entry {
                key_end: index.keys.len(),
                filter_end: index.filters.len(),
                at: index.end,
            });
            index.end += u64::from(u32::from_le_bytes(*length));
        }
        index.keys.shrink_to_fit();
        index.filters.shrink_to_fit();
        index.entries.shrink_to_fit();
        Some(index)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn end(&self) -> u64 {
        self.end
    }

    /// Where a block begins; for the number behind the last, where that ends.
    fn at(&self, number: usize) -> u64 {
        self.entries.get(number).map_or(self.end, |entry| entry.at)
    }

    fn key(&self, number: usize) -> &[u8] {
        let start = number
            .checked_sub(1)
            .map_or(0, |before| self.entries[before].key_end);
        &self.keys[start..self.entries[number].key_end]
    }

    /// Whether a block may have a row of a key.
    fn may_have(&self, number: usize, key: &[u8]) -> bool {
        let start = number
            .checked_sub(1)
            .map_or(0, |before| self.entries[before].filter_end);
        filter::may_have(&self.filters[start..self.entries[number].filter_end], key)
    }

    /// The block in which a key must be, if it is anywhere.
    fn before(&self, key: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.key(middle) <= key {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }
}

/// The shortest beginning of a key that still comes behind the key before it.
pub(super) fn separator<'a>(before: &[u8], key: &'a [u8]) -> &'a [u8] {
    let same = before.iter().zip(key).take_while(|(a, b)| a == b).count();
    &key[..key.len().min(same + 1)]
}

/// A part of the rows, as they are stored in the rows that change.
pub(super) struct Block {
    bytes: Vec<u8>,
    rows: Vec<RowAt>,
}

struct RowAt {
    key: Range<usize>,
    stored: Range<usize>,
}

impl Block {
    /// In the file a row has no checksum of its own; here it gets it.
    fn read(mut rest: &[u8]) -> Option<Block> {
        let mut block = Block {
            bytes: Vec::with_capacity(rest.len() + rest.len() / 4),
            rows: Vec::new(),
        };
        while !rest.is_empty() {
            let key = take(&mut rest)?;
            let (version, tail) = rest.split_first_chunk::<8>()?;
            rest = tail;
            let value = take(&mut rest)?;
            let start = block.bytes.len();
            block.bytes.extend(key);
            let middle = block.bytes.len();
            let version = u64::from_be_bytes(*version);
            block.bytes.extend(match version & GONE {
                0 => encode(key, Seq(version), value),
                _ => encode_gone(key, Seq(version & !GONE)),
            });
            block.rows.push(RowAt {
                key: start..middle,
                stored: middle..block.bytes.len(),
            });
        }
        Some(block)
    }

    fn key(&self, row: &RowAt) -> &[u8] {
        &self.bytes[row.key.clone()]
    }

    fn stored(&self, row: &RowAt) -> &[u8] {
        &self.bytes[row.stored.clone()]
    }
}

/// A text with its length before it.
pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(array(length, 0)) as usize;
    let (bytes, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(bytes)
}

/// Rows of a file, one after the other.
pub(crate) struct BaseIter {
    base: Arc<Base>,
    way: Way,
    /// Blocks that were not begun.
    ahead: Range<usize>,
    block: Option<Arc<Block>>,
    /// Rows of the block that were not given yet.
    rows: Range<usize>,
    blocks: usize,
}

/// One of them.
pub(crate) struct BaseRow {
    block: Arc<Block>,
    at: usize,
}

impl BaseRow {
    pub(crate) fn key(&self) -> &[u8] {
        self.block.key(&self.block.rows[self.at])
    }

    pub(crate) fn stored(&self) -> &[u8] {
        self.block.stored(&self.block.rows[self.at])
    }
}

/// Whoever reads on through so many blocks reads everything, and would only drive others out of memory.
const KEPT_IN_A_ROW: usize = 2;

impl BaseIter {
    pub(crate) fn next(&mut self) -> Result<Option<BaseRow>, RowsError> {
        loop {
            if let Some(block) = &self.block {
                if let Some(at) = self.way.next(&mut self.rows) {
                    let block = Arc::clone(block);
                    return Ok(Some(BaseRow { block, at }));
                }
                self.block = None;
            }
            let Some(number) = self.way.next(&mut self.ahead) else {
                return Ok(None);
            };
            let is_kept = self.blocks < KEPT_IN_A_ROW;
            let block = self.base.block(number, is_kept)?;
            self.rows = 0..block.rows.len();
            self.block = Some(block);
            self.blocks += 1;
        }
    }
}
