//! The rows on disk: those that changed since the last export, over exports.
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
    row::{Standing, is_gone},
    rows::{EachRow, Rows, RowsError, RowsIter, StoredRow},
    way::Way,
};
use crate::Seq;

/// All rows on disk, as layers: what is above hides what is below.
pub(crate) struct Stack {
    /// What changes, and beneath it what is on its way into an export.
    tops: Vec<Arc<Rows>>,
    /// Exports: what changed, and at last one with all rows.
    bases: Vec<Arc<Base>>,
}

/// Rows that do not change any more, until there is an export of them.
#[derive(Clone)]
pub(crate) struct Frozen {
    pub stack: Arc<Stack>,
    /// Of what is in sled there.
    pub standing: Standing,
}

impl Stack {
    /// Rows in sled over exports, of which each lies over the next.
    pub(crate) fn new(top: Rows, bases: Vec<Base>) -> Stack {
        Stack {
            tops: vec![Arc::new(top)],
            bases: bases.into_iter().map(Arc::new).collect(),
        }
    }

    /// No rows at all, and no place for any.
    pub(crate) fn nothing() -> Stack {
        let (tops, bases) = (Vec::new(), Vec::new());
        Stack { tops, bases }
    }

    /// The exports alone.
    pub(crate) fn without_tops(&self) -> Stack {
        let bases = self.bases.clone();
        Stack {
            tops: Vec::new(),
            bases,
        }
    }

    /// The same beneath a new top.
    pub(crate) fn beneath(&self, top: Rows) -> Stack {
        let mut tops = vec![Arc::new(top)];
        tops.extend(self.tops.iter().cloned());
        let bases = self.bases.clone();
        Stack { tops, bases }
    }

    /// The top alone, over an export that has all that was beneath it; and what is not needed then.
    pub(crate) fn over(&self, base: Arc<Base>) -> (Stack, Vec<Arc<Rows>>) {
        let mut tops = self.tops.clone();
        let retired = tops.split_off(1.min(tops.len()));
        let is_whole = base.standing().base == Seq(0);
        let mut bases = vec![base];
        if !is_whole {
            bases.extend(self.bases.iter().cloned());
        }
        (Stack { tops, bases }, retired)
    }

    /// Where changes are written.
    pub(crate) fn top(&self) -> Result<&Rows, RowsError> {
        let nowhere = || RowsError::Damaged("there is no place for rows".to_owned());
        self.tops.first().map(Arc::as_ref).ok_or_else(nowhere)
    }

    /// How long the exports beneath are.
    pub(crate) fn base_bytes(&self) -> u64 {
        self.bases.iter().map(|base| base.length()).sum()
    }

    /// Whether the export beneath is as of a position.
    pub(crate) fn base_is(&self, last: Seq) -> bool {
        let base = self.bases.first();
        self.tops.len() == 1 && base.is_some_and(|base| base.applied().last == last)
    }

    /// Whether it has all rows, too.
    pub(crate) fn is_whole_as_of(&self, last: Seq) -> bool {
        self.base_is(last) && self.bases.len() == 1
    }

    /// As of which position the export beneath is; 0 where there is none.
    pub(crate) fn base_last(&self) -> Seq {
        let base = self.bases.first();
        base.map_or(Seq(0), |base| base.applied().last)
    }

    /// How many rows the export has that has all, and how many each of those over it.
    pub(crate) fn base_rows(&self) -> (u64, Vec<u64>) {
        let counts = self.bases.iter().map(|base| base.standing().count);
        let mut counts: Vec<u64> = counts.collect();
        let whole = counts.pop().unwrap_or(0);
        (whole, counts)
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
        for base in &self.bases {
            if let Some(stored) = base.get(key)? {
                return shown(key, stored);
            }
        }
        Ok(None)
    }

    /// Shows rows in the order of their keys, from a bound on, until told to stop.
    pub(crate) fn walk(&self, from: Bound<&[u8]>, each: EachRow<'_>) -> Result<(), RowsError> {
        self.go(from, Way::Forth, each)
    }

    /// The same, in either order.
    pub(crate) fn go(
        &self,
        from: Bound<&[u8]>,
        way: Way,
        each: EachRow<'_>,
    ) -> Result<(), RowsError> {
        if let ([top], []) = (self.tops.as_slice(), self.bases.as_slice()) {
            // Over nothing there are no marks.
            return top.go(from, way, each);
        }
        self.merge(
            (from, way),
            &self.bases,
            &mut |key, stored| match is_gone(key, stored)? {
                true => Ok(true),
                false => each(key, stored),
            },
        )
    }

    /// Shows what is in sled alone, marks and all.
    pub(crate) fn walk_changes(
        &self,
        from: Bound<&[u8]>,
        each: EachRow<'_>,
    ) -> Result<(), RowsError> {
        self.merge((from, Way::Forth), &[], each)
    }

    fn merge(
        &self,
        (from, way): (Bound<&[u8]>, Way),
        bases: &[Arc<Base>],
        each: EachRow<'_>,
    ) -> Result<(), RowsError> {
        let mut layers = Vec::new();
        for rows in &self.tops {
            layers.push(Layer::begin(Source::Top(Box::new(rows.iter(from, way)?)))?);
        }
        for base in bases {
            layers.push(Layer::begin(Source::Base(base.iter(from, way)?))?);
        }
        while let Some(first) = first_of(&layers, way) {
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
            if !each(row.key(), row.stored())? {
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

/// The layer with the first key; of several the one above.
fn first_of(layers: &[Layer], way: Way) -> Option<usize> {
    let mut first: Option<(usize, &[u8])> = None;
    for (number, layer) in layers.iter().enumerate() {
        let Some(head) = &layer.head else { continue };
        if first.is_none_or(|(_, key)| way.order(head.key(), key).is_lt()) {
            first = Some((number, head.key()));
        }
    }
    first.map(|(number, _)| number)
}

/// The folder of the rows that changed since an export.
pub(crate) fn folder(rows_dir: &Path, base: Seq) -> PathBuf {
    rows_dir.join(format!("{:020}", base.0))
}
