//! How an export looks on disk.
//!
//! Parts with checksums follow each other: first all rows in the order of their keys, then those that
//! changed while they were written, then an end that says as of where they are and what they weigh.
//! Without its end a file is no export.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    committer::Changes,
    export::ExportError,
    row::{Applied, decode},
    rows::RowsError,
};
use crate::{
    SCAN_LIMIT_MAX, Seq,
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

const MAGIC: [u8; 16] = *b"ONESHELF-EXPORT1";
const BLOCK_HEAD_LENGTH: usize = 8;
const BLOCK_LENGTH_MAX: usize = 64 * 1024 * 1024;
const ROWS: u8 = 1;
const CHANGES: u8 = 2;
const END: u8 = 3;

/// The exports of a directory, oldest first.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<(Seq, PathBuf)>> {
    let names = match disk.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    let seq = |name: &String| name.strip_suffix(".export")?.parse().ok().map(Seq);
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
    let mut reader = Reader::open(disk, path)?;
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
        decode(key, stored)?;
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

/// Writes an export, part by part.
pub(crate) struct Writer<'a> {
    file: &'a dyn DiskFile,
    at: u64,
    index: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile) -> io::Result<Writer<'a>> {
        file.write_at(&MAGIC, 0)?;
        let at = MAGIC.len() as u64;
        Ok(Writer { file, at, index: 0 })
    }

    pub(crate) fn rows(&mut self, rows: &[(RowKey, Vec<u8>)]) -> io::Result<()> {
        let mut block = vec![ROWS];
        for (key, stored) in rows {
            text(&mut block, key);
            text(&mut block, stored);
        }
        self.block(&block)
    }

    pub(crate) fn end(&mut self, changes: &Changes) -> io::Result<()> {
        for some in changes.rows.chunks(SCAN_LIMIT_MAX) {
            let mut block = vec![CHANGES];
            for (key, stored) in some {
                text(&mut block, key);
                text(&mut block, stored.as_deref().unwrap_or_default());
            }
            self.block(&block)?;
        }
        let mut block = vec![END];
        block.extend(changes.applied.encode());
        self.block(&block)
    }

    fn block(&mut self, block: &[u8]) -> io::Result<()> {
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(BLOCK_HEAD_LENGTH + block.len());
        bytes.extend(length.to_le_bytes());
        bytes.extend(checksum(self.index, block).to_le_bytes());
        bytes.extend(block);
        self.file.write_at(&bytes, self.at)?;
        self.at += bytes.len() as u64;
        self.index += 1;
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
        let magic = self.bytes(0, MAGIC.len())?;
        if magic != MAGIC {
            return Err(self.damaged("it is no export that this version reads"));
        }
        let mut at = MAGIC.len() as u64;
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

fn checksum(index: u64, block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&index.to_le_bytes()), block)
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("keys and values are short");
    out.extend(length.to_le_bytes());
    out.extend(bytes);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(array(length, 0)) as usize;
    let (bytes, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    Some(bytes)
}
