//! The rows on disk: those that changed since the last export, over that export.
//!
//! What changed is in sled, in a folder that is named by the position of the export beneath. A row that is
//! gone from there but not from the export is kept as a mark that says so. While the next export is made,
//! what changes goes to a new folder, and the rows beneath are only read; when the export is there, it
//! takes their place. So sled never holds more than what changed since, and what it takes of the disk ends
//! with each export.

use std::{
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    base::{Base, BaseIter, BaseRow},
    options::Options,
    row::{Applied, is_gone},
    rows::{EachRow, Rows, RowsError, RowsIter, StoredRow},
};
use crate::Seq;

/// All rows on disk, as layers: what is above hides what is below.
pub(crate) struct Stack {
    /// What changes, and beneath it what is on its way into an export.
    tops: Vec<Arc<Rows>>,
    base: Option<Arc<Base>>,
}

/// Rows that do not change any more, until there is an export of them.
#[derive(Clone)]
pub(crate) struct Frozen {
    pub stack: Arc<Stack>,
    pub applied: Applied,
}

impl Stack {
    /// Rows in sled over an export.
    pub(crate) fn new(top: Rows, base: Option<Base>) -> Stack {
        Stack {
            tops: vec![Arc::new(top)],
            base: base.map(Arc::new),
        }
    }

    /// No rows at all, and no place for any.
    pub(crate) fn nothing() -> Stack {
        let (tops, base) = (Vec::new(), None);
        Stack { tops, base }
    }

    /// The same beneath a new top.
    pub(crate) fn beneath(&self, top: Rows) -> Stack {
        let mut tops = vec![Arc::new(top)];
        tops.extend(self.tops.iter().cloned());
        let base = self.base.clone();
        Stack { tops, base }
    }

    /// The top alone, over an export that has all that was beneath it; and what is not needed then.
    pub(crate) fn over(&self, base: Arc<Base>) -> (Stack, Vec<Arc<Rows>>) {
        let mut tops = self.tops.clone();
        let retired = tops.split_off(1.min(tops.len()));
        let base = Some(base);
        (Stack { tops, base }, retired)
    }

    /// Where changes are written.
    pub(crate) fn top(&self) -> Result<&Rows, RowsError> {
        let nowhere = || RowsError::Damaged("there is no place for rows".to_owned());
        self.tops.first().map(Arc::as_ref).ok_or_else(nowhere)
    }

    /// How long the export beneath is.
    pub(crate) fn base_bytes(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.length())
    }

    /// Whether the export beneath is as of a position.
    pub(crate) fn base_is(&self, last: Seq) -> bool {
        let base = self.base.as_ref();
        self.tops.len() == 1 && base.is_some_and(|base| base.applied().last == last)
    }

    /// As of which position the export beneath is; 0 where there is none.
    pub(crate) fn base_last(&self) -> Seq {
        self.base
            .as_ref()
            .map_or(Seq(0), |base| base.applied().last)
    }

    /// How many rows the export beneath has.
    pub(crate) fn base_rows(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.applied().count)
    }

    /// Bytes on disk that the rows take, without the export beneath.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.tops.iter().map(|top| top.disk_bytes()).sum()
    }

    /// The value of a row.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        let Some((top, beneath)) = self.tops.split_first() else {
            return self.get_base(key);
        };
        match top.get(key)? {
            Some(stored) => shown(key, stored),
            None => self.get_in(beneath, key),
        }
    }

    /// What is beneath the top under a key.
    pub(crate) fn get_beneath(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        self.get_in(self.tops.get(1..).unwrap_or_default(), key)
    }

    fn get_in(&self, tops: &[Arc<Rows>], key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        for rows in tops {
            if let Some(stored) = rows.get(key)? {
                return shown(key, stored);
            }
        }
        self.get_base(key)
    }

    fn get_base(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        match &self.base {
            Some(base) => base.get(key),
            None => Ok(None),
        }
    }

    /// Shows rows in the order of their keys, from a bound on, until told to stop.
    pub(crate) fn walk(&self, from: Bound<&[u8]>, each: EachRow<'_>) -> Result<(), RowsError> {
        if let ([top], None) = (self.tops.as_slice(), &self.base) {
            // Over nothing there are no marks.
            return top.walk(from, each);
        }
        let mut layers = Vec::new();
        for rows in &self.tops {
            layers.push(Layer::begin(Source::Top(Box::new(rows.iter(from)?)))?);
        }
        if let Some(base) = &self.base {
            layers.push(Layer::begin(Source::Base(base.iter(from)?))?);
        }
        while let Some(first) = first_of(&layers) {
            let Some(row) = layers[first].step()? else {
                continue;
            };
            for layer in &mut layers[first + 1..] {
                if layer
                    .head
                    .as_ref()
                    .is_some_and(|head| head.key() == row.key())
                {
                    layer.step()?;
                }
            }
            if !is_gone(row.key(), row.stored())? && !each(row.key(), row.stored())? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Makes everything written so far durable.
    pub(crate) fn sync(&self) -> Result<(), RowsError> {
        self.top()?.sync()
    }

    /// Whether any value is in a file of its own, which is never synced.
    pub(crate) fn has_blobs(&self) -> bool {
        self.tops.iter().any(|top| top.has_blobs())
    }
}

/// The row that something stored is; nothing where it is a mark that there is none.
fn shown(key: &[u8], stored: Vec<u8>) -> Result<Option<Vec<u8>>, RowsError> {
    Ok((!is_gone(key, &stored)?).then_some(stored))
}

enum Source {
    Top(Box<RowsIter>),
    Base(BaseIter),
}

enum Head {
    Top(StoredRow),
    Base(BaseRow),
}

impl Head {
    fn key(&self) -> &[u8] {
        match self {
            Head::Top(row) => row.key(),
            Head::Base(row) => row.key(),
        }
    }

    fn stored(&self) -> &[u8] {
        match self {
            Head::Top(row) => row.stored(),
            Head::Base(row) => row.stored(),
        }
    }
}

/// Rows of one layer, and the next of them.
struct Layer {
    source: Source,
    head: Option<Head>,
}

impl Layer {
    fn begin(source: Source) -> Result<Layer, RowsError> {
        let mut layer = Layer { source, head: None };
        layer.step()?;
        Ok(layer)
    }

    /// Gives the next row away, and looks for the one behind it.
    fn step(&mut self) -> Result<Option<Head>, RowsError> {
        let next = match &mut self.source {
            Source::Top(rows) => rows.next()?.map(Head::Top),
            Source::Base(rows) => rows.next()?.map(Head::Base),
        };
        Ok(std::mem::replace(&mut self.head, next))
    }
}

/// The layer with the least key; of several the one above.
fn first_of(layers: &[Layer]) -> Option<usize> {
    let mut first: Option<(usize, &[u8])> = None;
    for (number, layer) in layers.iter().enumerate() {
        let Some(head) = &layer.head else { continue };
        if first.is_none_or(|(_, key)| head.key() < key) {
            first = Some((number, head.key()));
        }
    }
    first.map(|(number, _)| number)
}

/// The folder of the rows that changed since an export.
pub(crate) fn folder(rows_dir: &Path, base: Seq) -> PathBuf {
    rows_dir.join(format!("{:020}", base.0))
}

/// The export that rows lie over.
pub(crate) fn base_path(options: &Options, base: Seq) -> PathBuf {
    let name = format!("{:020}.export", base.0);
    options.exports_dir().join(name)
}
