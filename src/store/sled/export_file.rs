//! How an export looks on disk, and writing one.
//!
//! Parts with checksums follow each other: all rows in the order of their keys, compressed; a list of these
//! parts; an end that says as of where they are and what they weigh; and where list and end are. Without
//! that a file is no export. Reading it is [`Base`]'s. Earlier versions wrote rows as they came, and behind
//! them those that had changed meanwhile; such exports are still read.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    base::{self, BLOCK_BYTES, BLOCK_HEAD_LENGTH, Base, Check, Tail, checksum, separator, take},
    blocks::Blocks,
    compress::Compressor,
    export::ExportError,
    filter,
    options::Options,
    row::{Applied, Standing, inspect, is_gone, version_of},
    rows::RowsError,
};
use crate::{
    Seq,
    journal::{
        change::RowKey,
        disk::{Disk, DiskFile, Mode},
        record::array,
    },
};

/// Takes rows as they are stored.
pub(crate) type EachStored<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), RowsError>;
/// Takes rows with the kind of part they are in; nothing where a row is gone.
type EachPart<'a> = &'a mut dyn FnMut(u8, &[u8], Option<&[u8]>) -> Result<(), RowsError>;

const MAGIC_1: [u8; 16] = *b"ONESHELF-EXPORT1";
const BLOCK_LENGTH_MAX: usize = 64 * 1024 * 1024;
const ROWS: u8 = 1;
const CHANGES: u8 = 2;
const END: u8 = 3;
/// So much is written at once.
const WRITE_BYTES: usize = 256 * 1024;
/// So much is synced at once at most: who syncs the journal meanwhile, or wants to end, waits no longer than that.
const SYNC_BYTES: u64 = 16 * 1024 * 1024;

/// What an export has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All rows.
    Whole,
    /// What changed since another, which it lies over.
    Changes,
}

impl Extent {
    fn suffix(self) -> &'static str {
        match self {
            Extent::Whole => ".export",
            Extent::Changes => ".changes",
        }
    }

    /// Where an export is.
    pub(crate) fn path(self, options: &Options, last: Seq) -> PathBuf {
        let name = format!("{:020}{}", last.0, self.suffix());
        options.exports_dir().join(name)
    }
}

/// The exports of a directory with all rows, oldest first.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<(Seq, PathBuf)>> {
    list_of(Extent::Whole, disk, dir)
}

/// As of which positions there is an export of any kind, oldest first.
pub(crate) fn positions(options: &Options) -> io::Result<Vec<Seq>> {
    let (disk, dir) = (options.disk.as_ref(), options.exports_dir());
    let mut found = Vec::new();
    for extent in [Extent::Whole, Extent::Changes] {
        let exports = list_of(extent, disk, &dir)?;
        found.extend(exports.into_iter().map(|(last, _)| last));
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Those of one kind.
pub(crate) fn list_of(
    extent: Extent,
    disk: &dyn Disk,
    dir: &Path,
) -> io::Result<Vec<(Seq, PathBuf)>> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    let seq = |name: &String| name.strip_suffix(extent.suffix())?.parse().ok().map(Seq);
    let mut found: Vec<_> = (names.iter())
        .filter_map(|name| Some((seq(name)?, dir.join(name))))
        .collect();
    found.sort();
    Ok(found)
}

/// Shows every row of an export. Says as of where it is, when all of it is whole.
///
/// Rows are shown before the end is known to be there: whoever needs to be sure reads twice.
pub(crate) fn read(
    disk: &dyn Disk,
    path: &Path,
    each: EachStored<'_>,
) -> Result<Applied, ExportError> {
    let reader = Reader::open(disk, path)?;
    if reader.bytes(0, MAGIC_1.len())? == MAGIC_1 {
        return read_1(reader, each);
    }
    let base = Arc::new(Base::open(disk, path, Check::Index, &Blocks::within(0))?);
    base.weigh(each).map_err(|error| reader.rows(&error))
}

/// Whether an export is of an earlier version, so that rows cannot lie over it.
pub(crate) fn is_early(disk: &dyn Disk, path: &Path) -> Result<bool, ExportError> {
    let reader = Reader::open(disk, path)?;
    Ok(reader.bytes(0, MAGIC_1.len())? == MAGIC_1)
}

/// Whether an export with all rows is whole.
pub(crate) fn check(disk: &dyn Disk, path: &Path) -> Result<(), ExportError> {
    if is_early(disk, path)? {
        return read(disk, path, &mut |_, _| Ok(())).map(drop);
    }
    Base::open(disk, path, Check::Everything, &Blocks::within(0)).map(drop)
}

fn read_1(mut reader: Reader, each: EachStored<'_>) -> Result<Applied, ExportError> {
    // What changed during the export comes last and counts more, so it is needed first.
    let mut changes: BTreeMap<RowKey, Option<Vec<u8>>> = BTreeMap::new();
    let expected = reader.pass(&mut |kind, key, stored| {
        if kind == CHANGES {
            changes.insert(key.to_vec(), stored.map(<[u8]>::to_vec));
        }
        Ok(())
    })?;
    let mut found = Applied {
        last: expected.last,
        store_id: expected.store_id,
        ..Applied::default()
    };
    let mut show = |key: &[u8], stored: &[u8]| {
        inspect(key, stored)?;
        found.add(stored);
        each(key, stored)
    };
    reader.pass(&mut |kind, key, stored| match stored {
        Some(stored) if kind == ROWS && !changes.contains_key(key) => show(key, stored),
        Some(_) | None => Ok(()),
    })?;
    for (key, stored) in &changes {
        if let Some(stored) = stored {
            show(key, stored).map_err(|error| reader.rows(&error))?;
        }
    }
    if found != expected {
        return Err(reader.damaged("it weighs something else"));
    }
    Ok(found)
}

/// Writes an export, row by row in the order of their keys.
pub(crate) struct Writer<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    synced: u64,
    waiting: Vec<u8>,
    compressor: Compressor,
    block: Vec<u8>,
    block_first: RowKey,
    block_hashes: Vec<u64>,
    last: RowKey,
    index: Vec<u8>,
    blocks: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile) -> io::Result<Writer<'a>> {
        Ok(Writer {
            file,
            at: 0,
            synced: 0,
            waiting: base::MAGIC.to_vec(),
            compressor: Compressor::new()?,
            block: Vec::with_capacity(BLOCK_BYTES * 2),
            block_first: RowKey::new(),
            block_hashes: Vec::new(),
            last: RowKey::new(),
            index: Vec::new(),
            blocks: 0,
        })
    }

    /// The next row or mark. Its checksum is not kept: that of its block says as much, and what all rows
    /// weigh is compared when the file is read back.
    pub(crate) fn row(&mut self, key: &[u8], stored: &[u8]) -> Result<(), RowsError> {
        let (version, value) = match is_gone(key, stored)? {
            true => (version_of(stored).0 | base::GONE, &[][..]),
            false => {
                let (version, value) = inspect(key, stored)?;
                (version.0, value)
            }
        };
        if self.block.len() >= BLOCK_BYTES {
            self.end_block()?;
        }
        if self.block.is_empty() {
            self.block_first = separator(&self.last, key).to_vec();
        }
        self.block_hashes.push(filter::hash(key));
        text(&mut self.block, key);
        self.block.extend(version.to_be_bytes());
        text(&mut self.block, value);
        self.last.clear();
        self.last.extend(key);
        Ok(())
    }

    /// There is no further row.
    pub(crate) fn end(mut self, standing: Standing) -> io::Result<()> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let blocks = self.blocks;
        let index_at = self.place();
        let index = std::mem::take(&mut self.index);
        let index = self.compressor.compress(&index)?;
        self.write_block(&index)?;
        let end_at = self.place();
        self.write_block(&standing.encode())?;
        let tail = Tail {
            index_at,
            end_at,
            blocks,
        };
        self.waiting.extend(tail.encode());
        self.flush()
    }

    /// Where the next part begins.
    fn place(&self) -> u64 {
        self.at + self.waiting.len() as u64
    }

    fn end_block(&mut self) -> io::Result<()> {
        let packed = self.compressor.compress(&self.block)?;
        self.block.clear();
        text(&mut self.index, &self.block_first);
        let length = u32::try_from(BLOCK_HEAD_LENGTH + packed.len()).map_err(io::Error::other)?;
        self.index.extend(length.to_le_bytes());
        text(&mut self.index, &filter::make(&self.block_hashes));
        self.block_hashes.clear();
        self.write_block(&packed)
    }

    fn write_block(&mut self, block: &[u8]) -> io::Result<()> {
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        self.waiting.extend(length.to_le_bytes());
        self.waiting
            .extend(checksum(self.blocks, block).to_le_bytes());
        self.waiting.extend(block);
        self.blocks += 1;
        if self.waiting.len() >= WRITE_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_at(&self.waiting, self.at)?;
        self.at += self.waiting.len() as u64;
        self.waiting.clear();
        if self.at >= self.synced + SYNC_BYTES {
            self.file.sync()?;
            self.synced = self.at;
        }
        Ok(())
    }
}

struct Reader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
}

impl Reader {
    fn open(disk: &dyn Disk, path: &Path) -> Result<Reader, ExportError> {
        let file = disk
            .open(path, Mode::Read)
            .map_err(|source| ExportError::Io {
                path: path.to_owned(),
                source,
            })?;
        let path = path.to_owned();
        Ok(Reader { file, path })
    }

    /// Reads all blocks, up to the one that says it is the end.
    fn pass(&mut self, each: EachPart<'_>) -> Result<Applied, ExportError> {
        let magic = self.bytes(0, MAGIC_1.len())?;
        if magic != MAGIC_1 {
            return Err(self.damaged("it is no export that this version reads"));
        }
        let mut at = MAGIC_1.len() as u64;
        for index in 0.. {
            let block = self.block(at, index)?;
            at += (BLOCK_HEAD_LENGTH + block.len()) as u64;
            let Some((kind, mut rest)) = block.split_first() else {
                break;
            };
            match *kind {
                ROWS | CHANGES => {
                    while !rest.is_empty() {
                        let (Some(key), Some(stored)) = (take(&mut rest), take(&mut rest)) else {
                            return Err(self.damaged("a row is cut off"));
                        };
                        let stored = Some(stored).filter(|stored| !stored.is_empty());
                        each(*kind, key, stored).map_err(|error| self.rows(&error))?;
                    }
                }
                END => return Applied::decode(rest).map_err(|error| self.rows(&error)),
                _ => break,
            }
        }
        Err(self.damaged("it has an unknown part"))
    }

    fn block(&self, at: u64, index: u64) -> Result<Vec<u8>, ExportError> {
        let head = self.bytes(at, BLOCK_HEAD_LENGTH)?;
        let length = u32::from_le_bytes(array(&head, 0)) as usize;
        if length > BLOCK_LENGTH_MAX {
            return Err(self.damaged("a part has an impossible length"));
        }
        let block = self.bytes(at + BLOCK_HEAD_LENGTH as u64, length)?;
        if checksum(index, &block) != u32::from_le_bytes(array(&head, 4)) {
            return Err(self.damaged("a part has a wrong checksum"));
        }
        Ok(block)
    }

    fn bytes(&self, at: u64, length: usize) -> Result<Vec<u8>, ExportError> {
        let mut bytes = vec![0; length];
        let read = self
            .file
            .read_at(&mut bytes, at)
            .map_err(|source| ExportError::Io {
                path: self.path.clone(),
                source,
            })?;
        if read < length {
            return Err(self.damaged("it is cut off"));
        }
        Ok(bytes)
    }

    fn damaged(&self, what: &'static str) -> ExportError {
        let path = self.path.clone();
        ExportError::Damaged { path, what }
    }

    fn rows(&self, error: &RowsError) -> ExportError {
        match error {
            RowsError::Io(_) => self.damaged("its rows cannot be taken over"),
            RowsError::Damaged(_) => self.damaged("a row of it is damaged"),
        }
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("keys and values are short");
    out.extend(length.to_le_bytes());
    out.extend(bytes);
}
